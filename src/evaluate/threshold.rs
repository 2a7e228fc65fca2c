//! The threshold of a pack's liveness, derived from measured scores: in the middle between the best attack that has to be
//! refused and the next living person above it.

use std::fmt;

use serde_json::{Value, json};

use super::rates::Rate;

/// What liveness made of one kind of attack, or of living people.
#[derive(Clone, PartialEq, Debug)]
pub struct Presented {
    /// What was shown.
    pub name: String,
    /// Living people.
    pub bona_fide: bool,
    /// The networks' scores of those judged, 0 to 1, more is more alive.
    pub scores: Vec<f32>,
    /// How many came to no verdict, of all that were shown.
    pub no_response: Rate,
}

impl Presented {
    /// How many are taken for what they are not with a threshold.
    fn errors(&self, threshold: f32) -> Rate {
        Rate::among(&self.scores, |score| (*score >= threshold) != self.bona_fide)
    }
}

/// A derived threshold, and what it does to what it was derived from.
#[derive(Clone, PartialEq, Debug)]
pub struct Threshold {
    /// Alive from this score on.
    pub threshold: f32,
    /// The most attacks of a kind that should be taken for living people, 0 to 1.
    pub target_apcer: f64,
    /// What was shown, APCER or BPCER of those judged, and how many were not.
    kinds: Vec<(Presented, Rate)>,
}

/// Derives the threshold at which no kind of attack is taken for alive more often than `apcer`.
///
/// # Errors
/// When there were no attacks or no living people to judge, or none of them scores above such attacks.
pub fn threshold(presented: Vec<Presented>, apcer: f64) -> Result<Threshold, String> {
    let scores = |bona_fide| presented.iter().filter(move |kind| kind.bona_fide == bona_fide);
    // Of each kind, the best score that has to be refused.
    let held = scores(false).filter_map(|kind| {
        let mut falling = kind.scores.clone();
        falling.sort_by(|a, b| b.total_cmp(a));
        falling.get((falling.len() as f64 * apcer) as usize).map(|score| (*score, &kind.name))
    });
    let Some((held, name)) = held.max_by(|a, b| a.0.total_cmp(&b.0)) else {
        return Err(match scores(false).map(|kind| kind.no_response.of).sum() {
            0 => "no pictures of attacks were given (--attacks)".to_owned(),
            n => format!("none of the {n} pictures of attacks was judged; report.md says why of each"),
        });
    };
    let mut living = scores(true).flat_map(|kind| &kind.scores).copied().peekable();
    if living.peek().is_none() {
        return Err("nobody living was judged; report.md says why of each picture".to_owned());
    }
    let Some(next) = living.filter(|score| *score > held).min_by(f32::total_cmp) else {
        return Err(format!(
            "nobody living scores above {held}, which has to be refused of {name:?}: these networks cannot tell them \
             apart at an APCER of {apcer}; allow more with --apcer, or take another pack"
        ));
    };
    // Three digits, where they are between the two as well.
    let middle = f32::midpoint(held, next);
    let short = (middle * 1000.0).round() / 1000.0;
    let threshold = [short, middle].into_iter().find(|middle| held < *middle && *middle <= next).unwrap_or(next);
    let kinds = presented.into_iter().map(|kind| {
        let errors = kind.errors(threshold);
        (kind, errors)
    });
    Ok(Threshold { threshold, target_apcer: apcer, kinds: kinds.collect() })
}

impl Threshold {
    /// For programs.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let kinds: Vec<_> = self
            .kinds
            .iter()
            .map(|(kind, errors)| {
                let rate = if kind.bona_fide { "bpcer" } else { "apcer" };
                json!({ "kind": kind.name, rate: errors.to_json(), "no_response": kind.no_response.to_json() })
            })
            .collect();
        json!({ "threshold": self.threshold, "target_apcer": self.target_apcer, "kinds": kinds })
    }
}

/// Comments alone, so that it can stand in a pack beside any section: the line of `[liveness]`, and what was counted.
impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { threshold, target_apcer, kinds } = self;
        writeln!(f, "# [liveness] threshold = {threshold}, for an APCER of at most {target_apcer}:")?;
        for (kind, errors) in kinds {
            let [rate, none] = if kind.bona_fide { ["BPCER", "BPNRR"] } else { ["APCER", "APNRR"] };
            let (low, high) = errors.interval();
            write!(f, "# {}: {rate} {} of {} ({low:.3} to {high:.3})", kind.name, errors.count, errors.of)?;
            writeln!(f, ", no verdict ({none}) {} of {}", kind.no_response.count, kind.no_response.of)?;
        }
        let few = |kind: &Presented| !kind.bona_fide && (kind.scores.len() as f64) * target_apcer < 1.0;
        if kinds.iter().any(|(kind, _)| few(kind)) {
            writeln!(f, "# From so few attacks of a kind this is a guess.")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(name: &str, bona_fide: bool, scores: &[f32]) -> Presented {
        let no_response = Rate::among(scores.iter().map(Some).chain([None]), |score| score.is_none());
        Presented { name: name.into(), bona_fide, scores: scores.to_vec(), no_response }
    }

    /// The number that is printed.
    fn printed(derived: &Threshold) -> f32 {
        let text = derived.to_string();
        text.split(['=', ',']).nth(1).unwrap().trim().parse().unwrap()
    }

    #[test]
    fn the_worst_kind_of_attack_decides() {
        let prints = [0.1, 0.2, 0.3, 0.9];
        let living = kind("people", true, &[0.2, 0.65, 0.8, 0.95]);
        for (screens, apcer, wanted, errors) in [
            // Nobody gets past: above the best print.
            (&[0.5, 0.4][..], 0.0, 0.925, [0, 0, 3]),
            // One print in four may: the screens decide, though one of two would be too many of them.
            (&[0.5, 0.4], 0.25, 0.575, [1, 0, 1]),
            (&[0.0, 0.0], 0.25, 0.475, [1, 0, 1]),
            // Kinds that were not judged decide nothing, and are told.
            (&[], 0.25, 0.475, [1, 0, 1]),
        ] {
            let presented = vec![kind("print", false, &prints), kind("screen", false, screens), living.clone()];
            let derived = threshold(presented, apcer).unwrap();
            assert!((derived.threshold - wanted).abs() < 1e-6 && printed(&derived) == derived.threshold, "{derived}");
            let found: Vec<_> = derived.kinds.iter().map(|(_, errors)| errors.count).collect();
            assert_eq!(found, errors, "{derived}");
            let none = format!("no verdict (APNRR) 1 of {}", screens.len() + 1);
            assert!(
                derived.to_string().lines().any(|l| l.starts_with("# screen: ") && l.ends_with(&none)),
                "{derived}"
            );
        }
    }

    #[test]
    fn what_is_printed_holds_what_was_counted() {
        for (attack, person) in
            [(0.9501, 0.9504), (0.9996, 0.9999), (0.0001, 0.0002), (0.999_999_9, 1.0), (0.5, 0.500_000_06), (0.0, 1.0)]
        {
            let presented = vec![kind("print", false, &[attack]), kind("people", true, &[person])];
            let derived = threshold(presented, 0.05).unwrap();
            let number = printed(&derived);
            assert!(attack < number && number <= person, "{attack} {person}: {derived}");
            assert!(derived.kinds.iter().all(|(_, errors)| errors.count == 0), "{derived}");
            assert!(derived.to_string().ends_with("this is a guess.\n"), "{derived}");
        }
    }

    #[test]
    fn nothing_is_derived_from_nothing() {
        let people = || kind("people", true, &[0.9]);
        for (presented, why) in [
            (vec![people()], "no pictures of attacks were given"),
            (vec![people(), kind("print", false, &[])], "none of the 1 pictures of attacks was judged"),
            (vec![kind("print", false, &[0.2]), kind("people", true, &[])], "nobody living was judged"),
            (
                vec![kind("print", false, &[0.95]), people()],
                "nobody living scores above 0.95, which has to be refused of \"print\"",
            ),
        ] {
            let error = threshold(presented, 0.05).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }
}
