//! The figures of an evaluation, for people and for programs.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Value, json};

use super::compare::{Acquisition, Comparisons, Seen};
use super::look::{Attacked, LISTED, Verdict};
use super::rates::{Rate, Scores, mean_and_deviation};
use super::threshold::Presented;
use crate::bench::Spread;
use crate::vision::{Comparison, Pack, Similarity};

/// Thresholds that errors are shown at.
const THRESHOLDS: [f32; 6] = [70.0, 75.0, 80.0, 85.0, 90.0, 95.0];

/// The rate of wrong finds at which NIST's evaluations compare searches.
const FPIR: f64 = 0.003;

/// What was found, to be told.
pub(super) struct Found<'a> {
    pub(super) pack: &'a Pack,
    pub(super) engine: String,
    pub(super) seen: &'a [Seen],
    pub(super) attacked: &'a [Attacked],
    pub(super) stages: Vec<(&'static str, Spread)>,
}

/// The figures.
#[derive(Clone, Debug)]
pub struct Report {
    pack: String,
    engine: String,
    /// How the pack compares.
    pub comparison: Comparison,
    pictures: usize,
    people: usize,
    /// Pictures that could be registered, and in which the camera's detector found a face, at their own size and in the
    /// sensor's frame.
    enrolled: Rate,
    found: [Rate; 2],
    /// Those that are found before the camera, not turned away, and compared.
    acquired: Rate,
    /// What went wrong with which picture.
    troubles: Vec<(String, String)>,
    /// All scores.
    pub comparisons: Comparisons,
    /// `None`: the pack judges no liveness.
    liveness: Option<Vec<Kind>>,
    stages: Vec<(&'static str, Spread)>,
}

/// What became of one kind of attack, or of living people.
#[derive(Clone, Debug)]
struct Kind {
    name: String,
    bona_fide: bool,
    /// Attacks taken for living people (APCER), or living people taken for attacks (BPCER); of those judged.
    errors: Rate,
    /// Pictures that came to no verdict.
    no_response: Rate,
    /// File and score, or why there is none.
    pictures: Vec<(String, Result<f32, String>)>,
}

impl Report {
    pub(super) fn new(found: Found<'_>) -> Self {
        let Found { pack, engine, seen, attacked, stages } = found;
        let nothing = |look: &Acquisition| matches!(look, Acquisition::NoFace);
        let measured = |look: &Acquisition| matches!(look, Acquisition::Acquired(_));
        let mut people: Vec<_> = seen.iter().map(|one| &one.identity).collect();
        people.sort();
        people.dedup();
        let mut troubles = Vec::new();
        for one in seen {
            let mut trouble = |what: String| troubles.push((one.file.clone(), what));
            if let Err(why) = &one.enrolled {
                trouble(format!("cannot be registered: {why}"));
            }
            for (where_, acquired) in [("at its own size", &one.still), ("before the camera", &one.frame)] {
                match acquired {
                    Acquisition::NoFace => trouble(format!("{where_}: no face is found")),
                    Acquisition::Rejected(why) => trouble(format!("{where_}: turned away, {why}")),
                    Acquisition::Acquired(_) => {}
                }
            }
        }
        Self {
            pack: pack.id.clone(),
            engine,
            comparison: pack.comparison,
            pictures: seen.len(),
            people: people.len(),
            enrolled: Rate::among(seen, |one| one.enrolled.is_ok()),
            found: [Rate::among(seen, |one| !nothing(&one.still)), Rate::among(seen, |one| !nothing(&one.frame))],
            acquired: Rate::among(seen, |one| measured(&one.frame)),
            troubles,
            comparisons: Comparisons::of(seen, pack.comparison.metric),
            liveness: pack.liveness.as_ref().map(|_| attacked.iter().map(Kind::of).collect()),
            stages,
        }
    }

    /// What liveness made of attacks and of people, for a threshold to be derived from; `None`: the pack judges none.
    #[must_use]
    pub fn presented(&self) -> Option<Vec<Presented>> {
        let presented = |kind: &Kind| Presented {
            name: kind.name.clone(),
            bona_fide: kind.bona_fide,
            scores: kind.pictures.iter().filter_map(|(_, score)| score.as_ref().ok().copied()).collect(),
            no_response: kind.no_response,
        };
        self.liveness.as_ref().map(|kinds| kinds.iter().map(presented).collect())
    }

    /// For programs.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let metric = self.comparison.metric;
        let one_to_one = |scores: &Scores| {
            let spread = |values: &[f32]| {
                let (mean, deviation) = mean_and_deviation(values)?;
                let edges = (values.first()?, values.last()?);
                let measures = [metric.score(*edges.0), metric.score(*edges.1)];
                Some(
                    json!({ "pairs": values.len(), "mean": f64::from(metric.score(1.0)) * mean, "deviation": deviation,
                             "least": measures[0].min(measures[1]), "most": measures[0].max(measures[1]) }),
                )
            };
            let rates: Vec<_> = THRESHOLDS
                .iter()
                .map(|similarity| {
                    let score = self.comparison.map.score(Similarity::new(*similarity));
                    json!({ "similarity": similarity, "measure": metric.score(score),
                            "fmr": scores.fmr(score).to_json(), "fnmr": scores.fnmr(score).to_json() })
                })
                .collect();
            let eer = scores.eer().map(|(rate, score)| json!({ "rate": rate, "measure": metric.score(score) }));
            json!({ "same": spread(scores.same()), "different": spread(scores.different()), "eer": eer,
                    "thresholds": rates })
        };
        let one_to_many = &self.comparisons.identification;
        let searches: Vec<_> = THRESHOLDS
            .iter()
            .map(|similarity| {
                let score = self.comparison.map.score(Similarity::new(*similarity));
                json!({ "similarity": similarity, "fpir": one_to_many.fpir(score).to_json(),
                        "fnir": one_to_many.fnir(score).to_json() })
            })
            .collect();
        let at_fpir = one_to_many.threshold(FPIR).map(|score| {
            json!({ "wished": FPIR, "measure": metric.score(score), "fpir": one_to_many.fpir(score).to_json(),
                    "fnir": one_to_many.fnir(score).to_json() })
        });
        let stages: serde_json::Map<_, _> = self
            .stages
            .iter()
            .map(|(stage, spread)| ((*stage).to_owned(), json!({ "p50": spread.p50, "p95": spread.p95 })))
            .collect();
        json!({
            "pack": self.pack, "engine": self.engine, "metric": format!("{metric:?}").to_lowercase(),
            "pictures": self.pictures, "people": self.people,
            "enrolled": self.enrolled.to_json(), "found_at_own_size": self.found[0].to_json(),
            "found_before_camera": self.found[1].to_json(), "acquired": self.acquired.to_json(),
            "troubles": self.troubles.iter().map(|(file, what)| json!({ "file": file, "what": what })).collect::<Vec<_>>(),
            "photo_to_camera": one_to_one(&self.comparisons.photo_to_camera),
            "picture_to_picture": one_to_one(&self.comparisons.picture_to_picture),
            "identification": { "enrolled": one_to_many.enrolled, "rank_1": one_to_many.rank_1().to_json(),
                                "thresholds": searches, "at_fpir": at_fpir },
            "liveness": self.liveness.as_ref().map(|kinds| kinds.iter().map(Kind::to_json).collect::<Vec<_>>()),
            "stage_ms": stages,
        })
    }

    /// For people, with the pictures `roc.svg` and `histogram.svg` beside it.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "# {} on {} pictures of {} people\n", self.pack, self.pictures, self.people)?;
        writeln!(
            out,
            "Engine: {}. Intervals are Wilson's, 95 %. Pictures of one person are much alike, so that pairs and searches count\n\
             once a person, or once a pair of people, however many pictures there are of them; they hold for people such as\n\
             these, and for others they are wider by nobody knows how much.\n",
            self.engine
        )?;

        writeln!(out, "## Finding faces\n\n| | of | rate | interval |\n|---|---|---|---|")?;
        for (name, rate) in [
            ("can be registered (1 - FTE)", self.enrolled),
            ("found at the picture's own size", self.found[0]),
            ("found before the camera (960x1280)", self.found[1]),
            ("found there and not turned away (1 - FTA)", self.acquired),
        ] {
            writeln!(out, "| {name} | {} of {} | {} |", rate.count, rate.of, columns(rate))?;
        }
        for (file, what) in &self.troubles {
            writeln!(out, "\n* `{file}` {what}")?;
        }

        writeln!(out, "\n## One against one\n")?;
        writeln!(out, "![How often each score occurs](histogram.svg)\n\n![ROC](roc.svg)\n")?;
        self.one_to_one(out, "Registered photo against camera, each way", &self.comparisons.photo_to_camera)?;
        self.one_to_one(out, "Picture against picture at their own sizes", &self.comparisons.picture_to_picture)?;

        let search = &self.comparisons.identification;
        let rank_1 = search.rank_1();
        writeln!(out, "## One against all\n\n{} enrolled with their first picture.", search.enrolled)?;
        writeln!(
            out,
            "The right person is the most alike in {} of {}: {}.\n",
            rank_1.count,
            rank_1.of,
            percent_with(rank_1)
        )?;
        writeln!(out, "| similarity | somebody else found (FPIR) | interval | not found (FNIR) | interval |")?;
        writeln!(out, "|---|---|---|---|---|")?;
        for similarity in THRESHOLDS {
            let score = self.comparison.map.score(Similarity::new(similarity));
            let (fpir, fnir) = (search.fpir(score), search.fnir(score));
            writeln!(out, "| {similarity} | {} | {} |", counted(fpir), counted(fnir))?;
        }
        if let Some(threshold) = search.threshold(FPIR) {
            let (fpir, fnir) = (search.fpir(threshold), search.fnir(threshold));
            writeln!(
                out,
                "\nWith no more than {} % of the searches finding somebody else ({} of {}), {} of {} are not found: {}.",
                percent(FPIR),
                fpir.count,
                fpir.of,
                fnir.count,
                fnir.of,
                percent_with(fnir)
            )?;
        }
        writeln!(
            out,
            "\nWho is not acquired is not found. FPIR is that of a gallery of this size; in one of N people it is about N times\n\
             the FMR.\n"
        )?;
        self.liveness(out)?;

        writeln!(out, "## Time\n\n| milliseconds a frame | p50 | p95 |\n|---|---|---|")?;
        for (stage, Spread { p50, p95 }) in &self.stages {
            writeln!(out, "| {stage} | {p50:.2} | {p95:.2} |")?;
        }
        Ok(())
    }

    fn one_to_one(&self, out: &mut String, title: &str, scores: &Scores) -> std::fmt::Result {
        let metric = self.comparison.metric;
        let name = match metric {
            crate::vision::Metric::Cosine => "cosine",
            crate::vision::Metric::Euclidean => "distance",
        };
        writeln!(out, "### {title}\n")?;
        for (who, values) in [("the same person", scores.same()), ("different people", scores.different())] {
            if let (Some((mean, deviation)), Some(first), Some(last)) =
                (mean_and_deviation(values), values.first(), values.last())
            {
                let (mean, first, last) =
                    (f64::from(metric.score(1.0)) * mean, metric.score(*first), metric.score(*last));
                let (least, most) = (first.min(last), first.max(last));
                let n = values.len();
                writeln!(out, "* {who}: {n} pairs, {name} {mean:.3} ± {deviation:.3}, {least:.3} to {most:.3}")?;
            }
        }
        if let Some((eer, score)) = scores.eer() {
            writeln!(out, "* equal error rate {:.2} % at {name} {:.3}", eer * 100.0, metric.score(score))?;
        }
        writeln!(
            out,
            "\n| similarity | {name} | false matches (FMR) | interval | false non-matches (FNMR) | interval |"
        )?;
        writeln!(out, "|---|---|---|---|---|---|")?;
        for similarity in THRESHOLDS {
            let score = self.comparison.map.score(Similarity::new(similarity));
            let (fmr, fnmr) = (scores.fmr(score), scores.fnmr(score));
            writeln!(out, "| {similarity} | {:.3} | {} | {} |", metric.score(score), counted(fmr), counted(fnmr))?;
        }
        writeln!(out)
    }

    fn liveness(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "## Liveness (ISO/IEC 30107-3)\n")?;
        let Some(kinds) = &self.liveness else {
            return writeln!(
                out,
                "Not available: nothing in this pack tells a face from a picture of one. A terminal that demands it lets\nnobody in by face.\n"
            );
        };
        if kinds.iter().all(|kind| kind.bona_fide) {
            writeln!(out, "No pictures of attacks were given (`--attacks`).\n")?;
        }
        writeln!(
            out,
            "| kind (PAI species) | what went wrong | of those judged | interval | no verdict (APNRR, BPNRR) |\n|---|---|---|---|---|"
        )?;
        for kind in kinds {
            let error = if kind.bona_fide { "taken for an attack (BPCER)" } else { "taken for a person (APCER)" };
            let (Rate { count, of, .. }, none) = (kind.errors, kind.no_response);
            writeln!(
                out,
                "| {} | {error} | {count} of {of}, {} | {} of {} |",
                kind.name,
                columns(kind.errors),
                none.count,
                none.of
            )?;
        }
        writeln!(out)?;
        // Of a long list only the figures.
        for (file, score) in kinds.iter().filter(|kind| kind.name != LISTED).flat_map(|kind| &kind.pictures) {
            match score {
                Ok(score) => writeln!(out, "* `{file}` {score:.2}")?,
                Err(why) => writeln!(out, "* `{file}` {why}")?,
            }
        }
        writeln!(out)
    }
}

impl Kind {
    fn of(attacked: &Attacked) -> Self {
        let judged = attacked.pictures.iter().filter_map(|(_, verdict)| match verdict {
            Verdict::Judged(_, alive) => Some(*alive),
            Verdict::NoResponse(_) => None,
        });
        let pictures = attacked.pictures.iter().map(|(file, verdict)| match verdict {
            Verdict::Judged(score, _) => (file.clone(), Ok(*score)),
            Verdict::NoResponse(why) => (file.clone(), Err(why.clone())),
        });
        Self {
            name: attacked.species.clone(),
            bona_fide: attacked.bona_fide,
            errors: Rate::among(judged, |alive| alive != attacked.bona_fide),
            no_response: Rate::among(&attacked.pictures, |(_, v)| matches!(v, Verdict::NoResponse(_))),
            pictures: pictures.collect(),
        }
    }

    fn to_json(&self) -> Value {
        let scores: BTreeMap<_, _> = self
            .pictures
            .iter()
            .map(|(file, score)| (file.clone(), score.as_ref().map_or_else(|why| json!(why), |score| json!(score))))
            .collect();
        let error = if self.bona_fide { "bpcer" } else { "apcer" };
        json!({ "kind": self.name, error: self.errors.to_json(), "no_response": self.no_response.to_json(), "scores": scores })
    }
}

/// `2 of 49, 4.1 % | 1.1 to 13.7 %`.
fn counted(rate: Rate) -> String {
    format!("{} of {}, {}", rate.count, rate.of, columns(rate))
}

/// `4.1 % | 1.1 to 13.7 %`.
fn columns(rate: Rate) -> String {
    let (low, high) = rate.interval();
    let value = rate.value().map_or_else(|| "-".to_owned(), |value| format!("{} %", percent(value)));
    format!("{value} | {} to {} %", percent(low), percent(high))
}

fn percent_with(rate: Rate) -> String {
    let (low, high) = rate.interval();
    let value = rate.value().map_or_else(|| "-".to_owned(), percent);
    format!("{value} % ({} to {} %)", percent(low), percent(high))
}

fn percent(value: f64) -> String {
    let percent = value * 100.0;
    // Two digits that say something: a rate of 4e-5 is what thresholds are for.
    match percent {
        p if p <= 0.0 || p >= 1.0 => format!("{p:.1}"),
        p if p >= 0.01 => format!("{p:.2}"),
        p => format!("{p:.1e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vision::{Embedding, Metric};

    #[test]
    fn small_rates_are_not_rounded_away() {
        for (rate, shown) in [
            (0.0, "0.0"),
            (4e-5, "4.0e-3"),
            (3e-7, "3.0e-5"),
            (0.000_15, "0.01"),
            (0.0025, "0.25"),
            (0.041, "4.1"),
            (1.0, "100.0"),
        ] {
            assert_eq!(percent(rate), shown, "{rate}");
        }
    }

    #[test]
    fn each_kind_is_wrong_in_its_own_direction() {
        let pictures = [
            ("a/1.jpg", Verdict::Judged(0.9, true)),
            ("b/1.jpg", Verdict::Judged(0.2, false)),
            ("2.jpg", Verdict::Judged(0.1, false)),
            ("3.jpg", Verdict::NoResponse("no face found".into())),
        ];
        let pictures: Vec<_> = pictures.map(|(file, verdict)| (file.to_owned(), verdict)).into();
        for (bona_fide, count, error) in [(false, 1, "apcer"), (true, 2, "bpcer")] {
            let kind = Kind::of(&Attacked { species: "print".into(), bona_fide, pictures: pictures.clone() });
            let told = kind.to_json();
            assert_eq!((&told[error]["count"], &told[error]["of"]), (&count.into(), &3.into()), "{told}");
            assert_eq!((&told["no_response"]["count"], &told["no_response"]["of"]), (&1.into(), &4.into()), "{told}");
            assert_eq!(told["scores"].as_object().unwrap().len(), 4, "none hides another of the same name: {told}");
        }
    }

    #[test]
    fn the_report_counts_what_was_seen() {
        let embedding = |x: f32| Embedding::new(&[x, 1.0], Metric::Cosine).unwrap();
        let one = |identity: &str, x| {
            let (file, measured) = (format!("{identity}.jpg"), Acquisition::Acquired(embedding(x)));
            Seen {
                file,
                identity: identity.into(),
                enrolled: Ok(embedding(x)),
                still: measured.clone(),
                frame: measured,
            }
        };
        let mut seen = vec![one("a", 9.0), one("a", 8.0), one("a", 7.0), one("b", -9.0), one("b", -8.0)];
        seen[2].frame = Acquisition::Rejected("Blurred".into());
        seen[4].frame = Acquisition::NoFace;
        seen[4].enrolled = Err("cut short".into());
        let text = include_str!("../../models/blazeface-dlib.toml").replace("euclidean", "cosine");
        let pack = Pack::parse("x", &text).unwrap();
        let report =
            Report::new(Found { pack: &pack, engine: "none".into(), seen: &seen, attacked: &[], stages: vec![] });
        let told = report.to_json();
        let counted = |rate: &Value| [&rate["count"], &rate["of"]].map(|n| n.as_u64().unwrap());
        assert_eq!(counted(&told["found_before_camera"]), [4, 5], "{told:#}");
        assert_eq!(counted(&told["acquired"]), [3, 5]);
        assert_eq!(counted(&told["enrolled"]), [4, 5]);
        assert_eq!(counted(&told["identification"]["rank_1"]), [1, 3], "who is not acquired is not found");
        let at_fpir = &told["identification"]["at_fpir"];
        assert_eq!((counted(&at_fpir["fpir"]), counted(&at_fpir["fnir"])), ([0, 3], [2, 3]), "{at_fpir}");
        let at_80 = &told["photo_to_camera"]["thresholds"][2];
        assert_eq!((counted(&at_80["fmr"]), counted(&at_80["fnmr"])), ([0, 5], [0, 4]), "{at_80}");
        let text = report.to_markdown();
        for line in ["* `a.jpg` before the camera: turned away, Blurred", "* `b.jpg` cannot be registered: cut short"] {
            assert!(text.contains(line), "{line} not in\n{text}");
        }
        assert!(text.contains("Not available: nothing in this pack"), "{text}");
    }
}
