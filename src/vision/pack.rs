//! Model packs: which file serves which stage, how it is fed, and what its numbers mean.
//!
//! A description is a TOML file; those of this program are compiled in, more may lie beside the weights.
//! Reading one reports all its problems at once. Weights are read whole and compared with their sha256
//! before an engine sees them: engines trust their input.

use std::cell::RefCell;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use toml::{Table, Value};

use super::detect::DecoderKind;
use super::similarity::SimilarityMap;
use crate::bail;
use crate::error::{Error, Fault, Result};

/// The descriptions that are part of this program, the preferred one first.
const BUILT_IN: [(&str, &str); 1] =
    [("models/retinaface-mobilefacenet.toml", include_str!("../../models/retinaface-mobilefacenet.toml"))];

/// A set of networks that belong together; embeddings of different packs cannot be compared.
#[derive(Clone, PartialEq, Debug)]
pub struct Pack {
    /// Kept with every embedding.
    pub id: String,
    /// For people.
    pub about: String,
    /// Finds faces in camera frames.
    pub detector: DetectorSpec,
    /// Finds faces in registered photos.
    pub enrol_detector: DetectorSpec,
    /// Tells faces apart.
    pub embedding: EmbeddingSpec,
    /// Tells faces from pictures of faces.
    pub liveness: LivenessSpec,
    /// From cosine to the protocol's 0 to 100.
    pub similarity: SimilarityMap,
}

/// One file of weights and how its input is made: RGB, 0 to 255, minus `mean`, shape `[1, height, width, 3]`.
#[derive(Clone, PartialEq, Debug)]
pub struct ModelSpec {
    /// Name in the folder of weights.
    pub file: String,
    /// Lower-case hexadecimal.
    pub sha256: String,
    /// Input width, pixels.
    pub width: usize,
    /// Input height, pixels.
    pub height: usize,
    /// Subtracted from red, green, blue.
    pub mean: [f32; 3],
}

/// A face detector.
#[derive(Clone, PartialEq, Debug)]
pub struct DetectorSpec {
    /// Its file and input.
    pub model: ModelSpec,
    /// How its output is read.
    pub decoder: DecoderKind,
    /// Faces below this score are none, 0 to 1.
    pub score: f32,
    /// Of two boxes with a larger overlap (IoU) only the better one stays.
    pub nms: f32,
}

/// A network whose output, normalised, points to the same direction for the same person.
#[derive(Clone, PartialEq, Debug)]
pub struct EmbeddingSpec {
    /// Its file and input.
    pub model: ModelSpec,
    /// How many numbers it puts out.
    pub length: usize,
    /// How two embeddings are compared.
    pub metric: Metric,
    /// A shorter raw output means that the crop shows no face.
    pub min_norm: f32,
}

/// How two embeddings are compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Metric {
    /// Dot product of the normalised embeddings.
    Cosine,
}

/// The liveness networks, whose answers are averaged, and the rule for the average.
#[derive(Clone, PartialEq, Debug)]
pub struct LivenessSpec {
    /// At least one.
    pub models: Vec<LivenessModelSpec>,
    /// Alive from this score on, 0 to 1.
    pub threshold: f32,
    /// Over how many frames of a track the score is averaged.
    pub frames: usize,
    /// Narrower faces are not judged, pixels of the frame.
    pub min_width: f32,
}

/// One liveness network.
#[derive(Clone, PartialEq, Debug)]
pub struct LivenessModelSpec {
    /// Its file and input.
    pub model: ModelSpec,
    /// Side of the crop over side of the face box.
    pub scale: f32,
    /// How many classes it puts out.
    pub classes: usize,
    /// The class that means a real face.
    pub real: usize,
}

impl Pack {
    /// Reads a description; `origin` names it in errors.
    ///
    /// # Errors
    /// All problems, one a line, each with file, key and value.
    pub fn parse(origin: &str, text: &str) -> Result<Self> {
        let problems = RefCell::new(Vec::new());
        let pack = match text.parse::<Table>() {
            Ok(table) => read_pack(Section { at: String::new(), table, origin, problems: &problems }),
            Err(error) => bail!(Unavailable, "{origin}: {}", error.to_string().trim_end()),
        };
        let problems = problems.into_inner();
        match pack {
            Some(pack) if problems.is_empty() => Ok(pack),
            _ => bail!(Unavailable, "{}", problems.join("\n")),
        }
    }

    /// The pack called `name`, or without a name the first one whose files all lie in `weights`.
    ///
    /// # Errors
    /// When there is none, saying which files are missing where; or when a description in `weights` is wrong.
    pub fn locate(weights: &Path, name: Option<&str>) -> Result<Self> {
        let packs = Self::all(weights)?;
        let missing = |pack: &Self| -> Vec<String> {
            pack.files().into_iter().map(|(_, m)| m.file.clone()).filter(|f| !weights.join(f).is_file()).collect()
        };
        if let Some(name) = name {
            let Some(pack) = packs.iter().find(|p| p.id == name) else {
                let known: Vec<_> = packs.iter().map(|p| p.id.as_str()).collect();
                bail!(Unavailable, "no model pack is called {name:?}; known are {}", known.join(", "));
            };
            return match missing(pack)[..] {
                [] => Ok(pack.clone()),
                ref files => bail!(Unavailable, "{}", absent(weights, pack, files)),
            };
        }
        match packs.iter().find(|p| missing(p).is_empty()) {
            Some(pack) => Ok(pack.clone()),
            None => {
                let lines: Vec<_> = packs.iter().map(|p| absent(weights, p, &missing(p))).collect();
                bail!(Unavailable, "{}", lines.join("\n"))
            }
        }
    }

    /// Every known description: those in `weights` first (one of the same id replaces the built-in one).
    ///
    /// # Errors
    /// The problems of all wrong descriptions.
    pub fn all(weights: &Path) -> Result<Vec<Self>> {
        let mut packs: Vec<Self> = Vec::new();
        let mut problems = Vec::new();
        let own = descriptions(weights).into_iter().map(|path| {
            let origin = path.display().to_string();
            let text =
                std::fs::read_to_string(&path).map_err(|e| Error::new(Fault::Unavailable, format!("{origin}: {e}")))?;
            Self::parse(&origin, &text)
        });
        for pack in own.chain(BUILT_IN.iter().map(|(origin, text)| Self::parse(origin, text))) {
            match pack {
                Ok(pack) if packs.iter().any(|p| p.id == pack.id) => {}
                Ok(pack) => packs.push(pack),
                Err(error) => problems.push(error.detail),
            }
        }
        if problems.is_empty() { Ok(packs) } else { bail!(Unavailable, "{}", problems.join("\n")) }
    }

    /// Every file of the pack with the stage it serves.
    #[must_use]
    pub fn files(&self) -> Vec<(&'static str, &ModelSpec)> {
        let fixed = [
            ("camera detector", &self.detector.model),
            ("enrolment detector", &self.enrol_detector.model),
            ("embedding", &self.embedding.model),
        ];
        fixed.into_iter().chain(self.liveness.models.iter().map(|m| ("liveness", &m.model))).collect()
    }
}

impl ModelSpec {
    /// The weights from the folder `weights`, compared with their sha256.
    ///
    /// # Errors
    /// When the file cannot be read or is another one than described.
    pub fn read(&self, weights: &Path) -> Result<Vec<u8>> {
        let path = weights.join(&self.file);
        let bytes = std::fs::read(&path)
            .map_err(|e| Error::new(Fault::Unavailable, format!("{}: {e}; put the weights there", path.display())))?;
        let found = sha256(&bytes);
        if found != self.sha256 {
            bail!(
                Unavailable,
                "{}: the file is damaged or another version: sha256 is {found}, the pack describes {}; copy it again",
                path.display(),
                self.sha256
            );
        }
        Ok(bytes)
    }

    /// The shape of its input, `[1, height, width, 3]`.
    #[must_use]
    pub fn shape(&self) -> [usize; 4] {
        [1, self.height, self.width, 3]
    }
}

/// Lower-case hexadecimal sha256.
pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// The `*.toml` files in `weights`, sorted; none when the folder cannot be read.
fn descriptions(weights: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(weights).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == "toml")).collect();
    paths.sort();
    paths
}

fn absent(weights: &Path, pack: &Pack, files: &[String]) -> String {
    format!("model pack {}: put {} into {}", pack.id, files.join(", "), weights.display())
}

fn read_pack(mut top: Section<'_>) -> Option<Pack> {
    let id = top.take("id", "a name of letters, digits, - and _", |id: &String| {
        !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
    });
    let about = top.take("about", "a text", |_: &String| true);
    let detector = top.section("detector").and_then(read_detector);
    let enrol_detector = top.section("enrol_detector").and_then(read_detector);
    let embedding = top.section("embedding").and_then(|mut s| {
        let length = s.take("length", "1 to 4096", |n| (1..=4096).contains(n));
        let metric = s.take("metric", "cosine", |_| true);
        let min_norm = s.take("min_norm", "0 or more", |n: &f32| *n >= 0.0);
        let model = s.model();
        Some(EmbeddingSpec { model: model?, length: length?, metric: metric?, min_norm: min_norm? })
    });
    let liveness = top.section("liveness").and_then(|mut s| {
        let threshold = s.take("threshold", "0 to 1", between_0_and_1);
        let frames = s.take("frames", "1 to 100", |n| (1..=100).contains(n));
        let min_width = s.take("min_width", "0 or more pixels", |n: &f32| *n >= 0.0);
        let models: Vec<_> = s.sections("models").into_iter().map(read_liveness_model).collect();
        let models = models.into_iter().collect::<Option<Vec<_>>>();
        s.end();
        Some(LivenessSpec { models: models?, threshold: threshold?, frames: frames?, min_width: min_width? })
    });
    let similarity = top.section("similarity").and_then(|mut s| {
        let slope = s.take("slope", "above 0", |n: &f32| *n > 0.0);
        let centre = s.take("centre", "-1 to 1", |n: &f32| (-1.0..=1.0).contains(n));
        s.end();
        Some(SimilarityMap { slope: slope?, centre: centre? })
    });
    top.end();
    Some(Pack {
        id: id?,
        about: about?,
        detector: detector?,
        enrol_detector: enrol_detector?,
        embedding: embedding?,
        liveness: liveness?,
        similarity: similarity?,
    })
}

fn read_detector(mut s: Section<'_>) -> Option<DetectorSpec> {
    let decoder = s.take("decoder", DecoderKind::NAMES, |_| true);
    let score = s.take("score", "0 to 1", between_0_and_1);
    let nms = s.take("nms", "0 to 1", between_0_and_1);
    let model = s.model();
    Some(DetectorSpec { model: model?, decoder: decoder?, score: score?, nms: nms? })
}

fn read_liveness_model(mut s: Section<'_>) -> Option<LivenessModelSpec> {
    let scale = s.take("scale", "1 to 10", |n: &f32| (1.0..=10.0).contains(n));
    let classes = s.take("classes", "2 to 100", |n| (2..=100).contains(n));
    let real = s.take("real", "a class", |n: &usize| classes.is_none_or(|c| *n < c));
    let model = s.model();
    Some(LivenessModelSpec { model: model?, scale: scale?, classes: classes?, real: real? })
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

    /// The keys every file of weights has; ends the section.
    fn model(mut self) -> Option<ModelSpec> {
        let file = self.take("file", "the name of a file, without a folder", |f: &String| {
            !f.is_empty() && !f.contains(['/', '\\']) && f != ".."
        });
        let sha256 = self.take("sha256", "64 lower-case hexadecimal digits", |s: &String| {
            s.len() == 64 && s.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        });
        let side = |n: &usize| (16..=4096).contains(n);
        let width = self.take("width", "16 to 4096 pixels", side);
        let height = self.take("height", "16 to 4096 pixels", side);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn text() -> String {
        BUILT_IN[0].1.to_owned()
    }

    #[test]
    fn the_built_in_descriptions_are_right() {
        for (origin, text) in BUILT_IN {
            let pack = Pack::parse(origin, text).unwrap();
            assert_eq!(origin, format!("models/{}.toml", pack.id));
        }
    }

    #[test]
    fn every_problem_is_reported_with_file_key_and_value() {
        let broken = text()
            .replace("score = 0.6", "score = 6")
            .replace("decoder = \"retinaface\"", "decoder = \"retina\"")
            .replace("scale = 4.0", "scal = 4.0")
            .replace("min_norm = 11.0", "")
            .replace("length = 128", "length = \"128\"")
            .replace("e2f5c8", "E2F5C8");
        let error = Pack::parse("models/x.toml", &broken).unwrap_err().detail;
        for part in [
            "models/x.toml: detector.score: 6 is not possible, wanted is 0 to 1",
            "models/x.toml: enrol_detector.score: 6",
            "models/x.toml: detector.decoder: \"retina\" is not possible, wanted is retinaface",
            "models/x.toml: liveness.models[1].scal: unknown key (4.0)",
            "models/x.toml: liveness.models[1].scale: missing",
            "models/x.toml: embedding.min_norm: missing, wanted is 0 or more",
            "models/x.toml: embedding.length: \"128\"",
            "models/x.toml: liveness.models[0].sha256: \"E2F5",
        ] {
            assert!(error.contains(part), "{part}\n---\n{error}");
        }
        assert_eq!(error.lines().count(), 9, "{error}");
    }

    #[test]
    fn what_is_no_toml_is_refused_with_its_place() {
        let error = Pack::parse("x.toml", "id = ").unwrap_err().detail;
        assert!(error.starts_with("x.toml: ") && error.contains('1'), "{error}");
    }

    #[test]
    fn an_empty_folder_says_what_to_put_there() {
        let folder = tempfile::tempdir().unwrap();
        let error = Pack::locate(folder.path(), None).unwrap_err().detail;
        assert!(error.contains("put retinaface_mnet025_240x320.tflite, "), "{error}");
        assert!(error.contains(&folder.path().display().to_string()), "{error}");
        let error = Pack::locate(folder.path(), Some("other")).unwrap_err().detail;
        assert!(error.contains("known are retinaface-mobilefacenet"), "{error}");
    }

    #[test]
    fn a_description_beside_the_weights_adds_a_pack_and_must_be_right() {
        let folder = tempfile::tempdir().unwrap();
        let own = text().replace("id = \"retinaface-mobilefacenet\"", "id = \"own\"");
        std::fs::write(folder.path().join("own.toml"), own).unwrap();
        let ids: Vec<_> = Pack::all(folder.path()).unwrap().into_iter().map(|p| p.id).collect();
        assert_eq!(ids, ["own", "retinaface-mobilefacenet"]);
        std::fs::write(folder.path().join("wrong.toml"), "id = \"wrong\"").unwrap();
        assert!(Pack::all(folder.path()).unwrap_err().detail.contains("wrong.toml: detector: missing"));
    }

    #[test]
    fn damaged_weights_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let pack = Pack::parse("x", &text()).unwrap();
        for (_, model) in pack.files() {
            std::fs::write(folder.path().join(&model.file), b"cut short").unwrap();
        }
        let pack = Pack::locate(folder.path(), None).unwrap();
        let error = pack.detector.model.read(folder.path()).unwrap_err().detail;
        assert!(error.contains("the file is damaged or another version"), "{error}");
    }
}
