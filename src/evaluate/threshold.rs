//! The threshold of a pack's liveness, derived from measured scores: as low as the attacks allow, because what is higher
//! turns away more living people.

use std::fmt;

use serde_json::{Value, json};

use super::rates::Rate;

/// The scores of one kind of attack, or of living people.
#[derive(Clone, PartialEq, Debug)]
pub struct Presented {
    /// What was shown.
    pub name: String,
    /// Living people.
    pub bona_fide: bool,
    /// The networks' scores of those judged, 0 to 1, more is more alive.
    pub scores: Vec<f32>,
}

impl Presented {
    /// How many are taken for alive from a threshold on.
    fn alive(&self, threshold: f32) -> Rate {
        Rate::among(&self.scores, |score| *score >= threshold)
    }
}

/// A derived threshold, and what it does to what it was derived from.
#[derive(Clone, PartialEq, Debug)]
pub struct Threshold {
    /// Alive from this score on.
    pub threshold: f32,
    /// The most attacks of a kind that may be taken for living people, 0 to 1.
    pub apcer: f64,
    /// APCER of each kind.
    attacks: Vec<(String, Rate)>,
    /// BPCER.
    bona_fide: Rate,
}

/// Derives the least threshold at which no kind of attack is taken for alive more often than `apcer`.
///
/// # Errors
/// When there were no attacks or no living people to judge, or no threshold holds such attacks.
pub fn threshold(presented: &[Presented], apcer: f64) -> Result<Threshold, String> {
    let (living, attacks): (Vec<_>, Vec<_>) =
        presented.iter().filter(|kind| !kind.scores.is_empty()).partition(|kind| kind.bona_fide);
    // Of each kind, the best score that has to be refused.
    let held = attacks.iter().filter_map(|kind| {
        let mut falling = kind.scores.clone();
        falling.sort_by(|a, b| b.total_cmp(a));
        falling.get((falling.len() as f64 * apcer) as usize).copied()
    });
    let Some(held) = held.max_by(f32::total_cmp) else {
        return Err("no attack was judged: give pictures of attacks with --attacks".into());
    };
    if living.is_empty() {
        return Err("no living person was judged".into());
    }
    // Between that attack and the living, as far from both as can be.
    let above = living.iter().flat_map(|kind| &kind.scores).copied().filter(|score| *score > held);
    let threshold = f32::midpoint(held, above.min_by(f32::total_cmp).unwrap_or(1.0));
    if threshold <= held {
        return Err(format!("attacks reach the score {held}, and no threshold is above it"));
    }
    let turned_away = living.iter().flat_map(|kind| &kind.scores);
    Ok(Threshold {
        threshold,
        apcer,
        attacks: attacks.iter().map(|kind| (kind.name.clone(), kind.alive(threshold))).collect(),
        bona_fide: Rate::among(turned_away, |score| *score < threshold),
    })
}

impl Threshold {
    /// For programs.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let attacks: Vec<_> =
            self.attacks.iter().map(|(name, rate)| json!({ "kind": name, "apcer": rate.to_json() })).collect();
        json!({ "threshold": self.threshold, "wished_apcer": self.apcer, "attacks": attacks,
                "bpcer": self.bona_fide.to_json() })
    }
}

/// The line of the pack's `[liveness]` section, and what was counted.
impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { threshold, apcer, attacks, bona_fide } = self;
        writeln!(f, "# Of [liveness], for an APCER of at most {apcer}: BPCER {} of {}", bona_fide.count, bona_fide.of)?;
        for (name, rate) in attacks {
            writeln!(f, "# {name}: APCER {} of {}", rate.count, rate.of)?;
        }
        writeln!(f, "threshold = {threshold:.3}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(name: &str, bona_fide: bool, scores: &[f32]) -> Presented {
        Presented { name: name.into(), bona_fide, scores: scores.to_vec() }
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
            // Kinds that were not judged decide nothing.
            (&[], 0.25, 0.475, [1, 0, 1]),
        ] {
            let presented = [kind("print", false, &prints), kind("screen", false, screens), living.clone()];
            let derived = threshold(&presented, apcer).unwrap();
            assert!((derived.threshold - wanted).abs() < 1e-6, "{derived:?}");
            let found: Vec<_> = derived.attacks.iter().map(|(_, rate)| rate.count).collect();
            assert_eq!(found[0], errors[0], "{derived:?}");
            assert_eq!(found.get(1).copied().unwrap_or_default(), errors[1], "{derived:?}");
            assert_eq!(derived.bona_fide.count, errors[2], "{derived:?}");
            assert!(derived.to_string().ends_with(&format!("threshold = {wanted:.3}\n")), "{derived}");
        }
    }

    #[test]
    fn nothing_is_derived_from_nothing() {
        for (presented, why) in [
            (vec![], "no attack"),
            (vec![kind("people", true, &[0.9]), kind("print", false, &[])], "no attack"),
            (vec![kind("print", false, &[0.2])], "no living"),
            (vec![kind("print", false, &[1.0]), kind("people", true, &[0.9])], "no threshold"),
        ] {
            let error = threshold(&presented, 0.05).unwrap_err();
            assert!(error.contains(why), "{presented:?}: {error}");
        }
    }
}
