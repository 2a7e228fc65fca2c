//! Reads the description of a model pack, all its problems at once.

use std::cell::RefCell;
use std::fmt;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::{DetectorSpec, EmbeddingSpec, LivenessModelSpec, LivenessSpec, MeshSpec, ModelSpec, Pack};
use crate::bail;
use crate::error::Result;
use crate::vision::detect::{DecoderKind, Grouping};
use crate::vision::geometry::Point;
use crate::vision::liveness::Combination;
use crate::vision::mesh::MeshKind;
use crate::vision::quality::{SIDE, TEMPLATE};
use crate::vision::similarity::{Comparison, Metric, SimilarityMap};

/// How the protocol's scale is computed.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Formula {
    /// The logistic curve of [`SimilarityMap`].
    Logistic,
}

/// Reads `text`; `origin` names it in errors.
pub(super) fn pack(origin: &str, text: &str) -> Result<Pack> {
    let problems = RefCell::new(Vec::new());
    let pack = match text.parse::<Table>() {
        Ok(table) => read(Section { at: String::new(), table, origin, problems: &problems }),
        Err(error) => bail!(Unavailable, "{origin}: {}", error.to_string().trim_end()),
    };
    let problems = problems.into_inner();
    match pack {
        Some(pack) if problems.is_empty() => Ok(Pack { description: text.to_owned(), ..pack }),
        _ => bail!(Unavailable, "{}", problems.join("\n")),
    }
}

fn read(mut top: Section<'_>) -> Option<Pack> {
    let id = top.take("id", "a name of letters, digits, - and _", |id: &String| {
        !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
    });
    let about = top.take("about", "a text", |_: &String| true);
    let found = top.section("detector").and_then(detector);
    let enrolled = top.section("enrol_detector").and_then(detector);
    let landmarks = if top.has("landmarks") { top.section("landmarks").map(mesh) } else { None };
    let embedding = top.section("embedding").and_then(embedding);
    // Said in so many words: a terminal must not lose its liveness because somebody forgot a section.
    let liveness =
        if top.says("liveness", "none") { Some(None) } else { top.section("liveness").and_then(liveness).map(Some) };
    let metric = embedding.as_ref().map(|(_, metric)| *metric);
    let map = top.section("similarity").and_then(|s| similarity(s, metric));
    let has_mouth = |d: &Option<DetectorSpec>| d.as_ref().is_none_or(|d| d.decoder.marks_mouth_corners());
    if let Some((spec, _)) = &embedding
        && spec.template.len() == 5
        && landmarks.is_none()
        && !(has_mouth(&found) && has_mouth(&enrolled))
    {
        top.problem(
            "landmarks",
            "missing: this detector does not mark the corners of the mouth; add the section, \
             or give embedding.template four points",
        );
    }
    top.end();
    let (embedding, metric) = embedding?;
    Some(Pack {
        id: id?,
        about: about?,
        detector: found?,
        enrol_detector: enrolled?,
        landmarks: match landmarks {
            Some(mesh) => Some(mesh?),
            None => None,
        },
        embedding,
        liveness: liveness?,
        comparison: Comparison { metric, map: map? },
        description: String::new(),
    })
}

fn detector(mut s: Section<'_>) -> Option<DetectorSpec> {
    let decoder: Option<DecoderKind> = s.take("decoder", DecoderKind::NAMES, |_| true);
    let score = s.take("score", "0 to 1", between_0_and_1);
    let nms = s.take("nms", "0 to 1", between_0_and_1);
    let grouping = s.or("grouping", Grouping::Best, Grouping::NAMES, |_| true);
    let stride = decoder.map_or(1, DecoderKind::stride);
    let model = s.model(stride);
    Some(DetectorSpec { model: model?, decoder: decoder?, score: score?, nms: nms?, grouping: grouping? })
}

fn mesh(mut s: Section<'_>) -> Option<MeshSpec> {
    let kind = s.take("kind", MeshKind::NAMES, |_| true);
    let crop = s.take("crop", "1 to 4", |n: &f32| (1.0..=4.0).contains(n));
    let flag = s.take("flag", "0 to 1", between_0_and_1);
    let model = s.model(1);
    Some(MeshSpec { model: model?, kind: kind?, crop: crop?, flag: flag? })
}

fn embedding(mut s: Section<'_>) -> Option<(EmbeddingSpec, Metric)> {
    let length = s.take("length", "1 to 4096", |n| (1..=4096).contains(n));
    let metric = s.take("metric", Metric::NAMES, |_| true);
    let min_norm = s.or("min_norm", 0.0, "0 or more", |n: &f32| *n >= 0.0);
    let mirror = s.or("mirror", false, "true, or false (always with the euclidean metric)", |m: &bool| {
        !(*m && metric == Some(Metric::Euclidean))
    });
    let own_template = s.has("template");
    let template = s.or(
        "template",
        TEMPLATE.map(|p| [p.x, p.y]).to_vec(),
        "four or five points [x, y] inside the crop",
        |points: &Vec<[f32; 2]>| matches!(points.len(), 4 | 5) && points.iter().flatten().all(|n| *n >= 0.0),
    );
    let (at, origin, problems) = (s.at.clone(), s.origin, s.problems);
    let model = s.model(1)?;
    let template: Vec<_> = template?.iter().map(|[x, y]| Point { x: *x, y: *y }).collect();
    let wrong = if model.width != model.height {
        Some("height: aligned crops are square, it has to be the width")
    } else if !own_template && model.width != SIDE {
        Some("template: missing: where the landmarks lie in a crop of another size than 112x112")
    } else if template.iter().any(|p| p.x.max(p.y) >= model.width as f32) {
        Some("template: has points outside the crop")
    } else {
        None
    };
    if let Some(wrong) = wrong {
        problems.borrow_mut().push(format!("{origin}: {at}{wrong}"));
    }
    let spec = EmbeddingSpec { model, length: length?, template, min_norm: min_norm?, mirror: mirror? };
    Some((spec, metric?))
}

fn liveness(mut s: Section<'_>) -> Option<LivenessSpec> {
    let threshold = s.take("threshold", "0 to 1", between_0_and_1);
    let frames = s.take("frames", "1 to 100", |n| (1..=100).contains(n));
    let min_width = s.take("min_width", "0 or more pixels", |n: &f32| *n >= 0.0);
    let combine = s.or("combine", Combination::Mean, Combination::NAMES, |_| true);
    let models: Vec<_> = s.sections("models").into_iter().map(liveness_model).collect();
    let models = models.into_iter().collect::<Option<Vec<_>>>();
    s.end();
    Some(LivenessSpec {
        models: models?,
        combine: combine?,
        threshold: threshold?,
        frames: frames?,
        min_width: min_width?,
    })
}

fn liveness_model(mut s: Section<'_>) -> Option<LivenessModelSpec> {
    let scale = s.take("scale", "1 to 10", |n: &f32| (1.0..=10.0).contains(n));
    let classes = s.take("classes", "1 to 100", |n| (1..=100).contains(n));
    let real = s.take("real", "a class", |n: &usize| classes.is_none_or(|c| *n < c));
    let model = s.model(1);
    Some(LivenessModelSpec { model: model?, scale: scale?, classes: classes?, real: real? })
}

fn similarity(mut s: Section<'_>, metric: Option<Metric>) -> Option<SimilarityMap> {
    let formula = s.or("formula", Formula::Logistic, "logistic", |_| true);
    let slope = s.take("slope", "above 0", |n: &f32| *n > 0.0 && n.is_finite());
    let wanted = match metric {
        Some(Metric::Euclidean) => "a distance, above 0",
        _ => "a cosine, -1 to 1",
    };
    let centre = s.take("centre", wanted, |n: &f32| match metric {
        Some(Metric::Euclidean) => *n > 0.0 && n.is_finite(),
        _ => (-1.0..=1.0).contains(n),
    });
    s.end();
    let Formula::Logistic = formula?;
    Some(SimilarityMap { slope: slope?, centre: metric?.score(centre?) })
}

fn between_0_and_1(value: &f32) -> bool {
    *value > 0.0 && *value < 1.0
}

/// A table of a description, read key by key so that every problem is found, not only the first.
struct Section<'p> {
    /// Key of the section with a dot behind it; empty for the whole file.
    at: String,
    table: Table,
    origin: &'p str,
    problems: &'p RefCell<Vec<String>>,
}

impl<'p> Section<'p> {
    fn problem(&self, key: &str, what: impl fmt::Display) {
        self.problems.borrow_mut().push(format!("{}: {}{key}: {what}", self.origin, self.at));
    }

    fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Takes a key away that says exactly `word`.
    fn says(&mut self, key: &str, word: &str) -> bool {
        let says = self.table.get(key).and_then(Value::as_str) == Some(word);
        if says {
            self.table.remove(key);
        }
        says
    }

    /// Takes a value that must be there, have the type and pass `good`; `wanted` says so to people.
    fn take<T: DeserializeOwned>(&mut self, key: &str, wanted: &str, good: impl Fn(&T) -> bool) -> Option<T> {
        let Some(value) = self.table.remove(key) else {
            self.problem(key, format_args!("missing, wanted is {wanted}"));
            return None;
        };
        let read = value.clone().try_into::<T>().ok().filter(|v| good(v));
        if read.is_none() {
            self.problem(key, format_args!("{value} is not possible, wanted is {wanted}"));
        }
        read
    }

    /// Takes a value that may be left out.
    fn or<T: DeserializeOwned>(&mut self, key: &str, default: T, wanted: &str, good: impl Fn(&T) -> bool) -> Option<T> {
        if self.has(key) { self.take(key, wanted, good) } else { Some(default) }
    }

    fn section(&mut self, key: &str) -> Option<Self> {
        let table = self.take(key, "a section", |_: &Table| true)?;
        Some(Self { at: format!("{}{key}.", self.at), table, origin: self.origin, problems: self.problems })
    }

    fn sections(&mut self, key: &str) -> Vec<Self> {
        let tables = self.take(key, "at least one section", |t: &Vec<Table>| !t.is_empty()).unwrap_or_default();
        let at = |i| format!("{}{key}[{i}].", self.at);
        let section = |(i, table)| Self { at: at(i), table, origin: self.origin, problems: self.problems };
        tables.into_iter().enumerate().map(section).collect()
    }

    /// The keys every file of weights has; both sides of its input are multiples of `stride`. Ends the section.
    fn model(mut self, stride: usize) -> Option<ModelSpec> {
        let file = self.take("file", "the name of a file, without a folder", |f: &String| {
            !f.is_empty() && !f.contains(['/', '\\']) && f != ".."
        });
        let sha256 = self.take("sha256", "64 lower-case hexadecimal digits", |s: &String| {
            s.len() == 64 && s.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        });
        let side = |n: &usize| (16..=4096).contains(n) && n.is_multiple_of(stride);
        let wanted = match stride {
            1 => "16 to 4096 pixels".to_owned(),
            _ => format!("16 to 4096 pixels, a multiple of {stride}"),
        };
        let width = self.take("width", &wanted, side);
        let height = self.take("height", &wanted, side);
        let mean = self
            .take("mean", "three numbers from 0 to 255", |m: &[f32; 3]| m.iter().all(|m| (0.0..=255.0).contains(m)));
        self.end();
        Some(ModelSpec { file: file?, sha256: sha256?, width: width?, height: height?, mean: mean? })
    }

    /// Reports what is left over.
    fn end(self) {
        for (key, value) in &self.table {
            let value = match value {
                Value::Table(_) => "a section".into(),
                other => other.to_string(),
            };
            self.problem(key, format_args!("unknown key ({value})"));
        }
    }
}
