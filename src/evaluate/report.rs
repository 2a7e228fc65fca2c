//! The figures of an evaluation, for people and for programs.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Value, json};

use super::compare::{Comparisons, Glimpse, Seen};
use super::look::{Attacked, LISTED, Verdict};
use super::rates::{Rate, Scores, mean_and_deviation};
use crate::bench::Spread;
use crate::vision::{Comparison, Pack, Similarity};

/// Thresholds that errors are shown at.
const THRESHOLDS: [f32; 6] = [70.0, 75.0, 80.0, 85.0, 90.0, 95.0];

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
    /// Of the found ones, those that are compared.
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
        let nothing = |glimpse: &Glimpse| matches!(glimpse, Glimpse::Nothing);
        let measured = |glimpse: &Glimpse| matches!(glimpse, Glimpse::Measured(_));
        let mut people: Vec<_> = seen.iter().map(|one| &one.identity).collect();
        people.sort();
        people.dedup();
        let mut troubles = Vec::new();
        for one in seen {
            let mut trouble = |what: String| troubles.push((one.file.clone(), what));
            if let Err(why) = &one.enrolled {
                trouble(format!("cannot be registered: {why}"));
            }
            for (where_, glimpse) in [("at its own size", &one.still), ("before the camera", &one.frame)] {
                match glimpse {
                    Glimpse::Nothing => trouble(format!("{where_}: no face is found")),
                    Glimpse::TurnedAway(why) => trouble(format!("{where_}: turned away, {why}")),
                    Glimpse::Measured(_) => {}
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
            acquired: Rate::among(seen.iter().filter(|one| !nothing(&one.frame)), |one| measured(&one.frame)),
            troubles,
            comparisons: Comparisons::of(seen, pack.comparison.metric),
            liveness: pack.liveness.as_ref().map(|_| attacked.iter().map(Kind::of).collect()),
            stages,
        }
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
                                "thresholds": searches },
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
            "Engine: {}. Intervals are Wilson's, 95 %, and take every case as independent: pairs that share a",
            self.engine
        )?;
        writeln!(
            out,
            "person are not, so the truth may lie somewhat farther off. What never happened says no more than its interval.\n"
        )?;

        writeln!(out, "## Finding faces\n\n| | of | rate | interval |\n|---|---|---|---|")?;
        for (name, rate) in [
            ("can be registered", self.enrolled),
            ("found at the picture's own size", self.found[0]),
            ("found before the camera (960x1280)", self.found[1]),
            ("of the latter compared, not turned away", self.acquired),
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
        writeln!(out, "\nFPIR is that of a gallery of this size; in one of N people it is about N times the FMR.\n")?;
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
        writeln!(out, "| kind | what went wrong | of those judged | interval | no verdict |\n|---|---|---|---|---|")?;
        for kind in kinds {
            let error = if kind.bona_fide { "taken for an attack (BPCER)" } else { "taken for a person (APCER)" };
            let (Rate { count, of }, none) = (kind.errors, kind.no_response);
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
    if percent > 0.0 && percent < 1.0 { format!("{percent:.2}") } else { format!("{percent:.1}") }
}
