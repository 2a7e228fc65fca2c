//! Model packs: which file serves which stage, how it is fed, and what its numbers mean.
//!
//! A description is a TOML file; those of this program are compiled in, more may lie beside the weights.
//! Reading one reports all its problems at once. Weights are read whole and compared with their sha256
//! before an engine sees them: engines trust their input.

mod read;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::detect::{DecoderKind, Grouping};
use super::geometry::Point;
use super::liveness::Combination;
use super::mesh::MeshKind;
use super::similarity::Comparison;
use crate::bail;
use crate::error::{Error, Fault, Result};

/// The descriptions that are part of this program, the preferred one first.
const BUILT_IN: [(&str, &str); 2] = [
    ("models/retinaface-mobilefacenet.toml", include_str!("../../models/retinaface-mobilefacenet.toml")),
    ("models/blazeface-dlib.toml", include_str!("../../models/blazeface-dlib.toml")),
];

/// A set of networks that belong together; embeddings of different packs cannot be compared.
#[derive(Clone, PartialEq, Debug)]
pub struct Pack {
    /// What it is called; see [`Pack::mark`] for what is kept with every embedding.
    pub id: String,
    /// For people.
    pub about: String,
    /// Finds faces in camera frames.
    pub detector: DetectorSpec,
    /// Finds faces in registered photos.
    pub enrol_detector: DetectorSpec,
    /// Confirms a found face and finds its landmarks; `None`: those of the detector are used.
    pub landmarks: Option<MeshSpec>,
    /// Tells faces apart.
    pub embedding: EmbeddingSpec,
    /// Tells faces from pictures of faces; `None`: nothing in this pack can.
    pub liveness: Option<LivenessSpec>,
    /// How two embeddings are compared, and what that means on the protocol's 0 to 100.
    pub comparison: Comparison,
    /// The description itself, to be kept beside a copy of the files.
    pub description: String,
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
    /// Boxes with a larger overlap (IoU) are one face.
    pub nms: f32,
    /// What becomes of such boxes.
    pub grouping: Grouping,
}

/// A network that lays a mesh over a found face.
#[derive(Clone, PartialEq, Debug)]
pub struct MeshSpec {
    /// Its file and input.
    pub model: ModelSpec,
    /// How its output is read.
    pub kind: MeshKind,
    /// Side of the crop over the longer side of the face box.
    pub crop: f32,
    /// What it is less sure of is no face, 0 to 1.
    pub flag: f32,
}

/// A network that turns an aligned crop into numbers that are much the same for the same person.
#[derive(Clone, PartialEq, Debug)]
pub struct EmbeddingSpec {
    /// Its file and input; the crop has the same size.
    pub model: ModelSpec,
    /// How many numbers it puts out.
    pub length: usize,
    /// Where the landmarks lie in the crop, pixels: all five, or four with the middle of the mouth in place of its corners.
    pub template: Vec<Point>,
    /// A shorter raw output means that the crop shows no face; 0: its length says nothing about that.
    pub min_norm: f32,
    /// Whether the mirror image of a registered photo counts as well.
    pub mirror: bool,
}

/// The liveness networks and the rule for their answers.
#[derive(Clone, PartialEq, Debug)]
pub struct LivenessSpec {
    /// At least one.
    pub models: Vec<LivenessModelSpec>,
    /// How their answers become one.
    pub combine: Combination,
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
        read::pack(origin, text)
    }

    /// The pack called `name`, or without a name the first one whose files all lie in `weights`.
    ///
    /// # Errors
    /// When there is none, saying which files are missing where; or when a description in `weights` is wrong.
    pub fn locate(weights: &Path, name: Option<&str>) -> Result<Self> {
        let packs = Self::all(weights)?;
        let missing = |pack: &Self| -> Vec<String> {
            let files: BTreeSet<_> = pack.files().into_iter().map(|(_, model)| model.file.clone()).collect();
            files.into_iter().filter(|file| !weights.join(file).is_file()).collect()
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
                bail!(Unavailable, "no complete pack of face models in {}\n{}", weights.display(), lines.join("\n"))
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

    /// What is kept with every embedding: the id, and a digest of all that decides the numbers. Another pack of the same id,
    /// with other weights or another alignment, measures otherwise.
    #[must_use]
    pub fn mark(&self) -> String {
        let network = |model: &ModelSpec| format!("{} {:?}", model.sha256, model.mean);
        let EmbeddingSpec { model, length, template, mirror, .. } = &self.embedding;
        let template: Vec<_> = template.iter().map(|point| (point.x, point.y)).collect();
        let landmarks = self.landmarks.as_ref().map(|mesh| (network(&mesh.model), mesh.crop));
        let parts = (
            (network(model), length, template, mirror, self.comparison.metric),
            (network(&self.enrol_detector.model), landmarks),
        );
        format!("{}:{}", self.id, &sha256(format!("{parts:?}").as_bytes())[..16])
    }

    /// Every file of the pack with the stage it serves.
    #[must_use]
    pub fn files(&self) -> Vec<(&'static str, &ModelSpec)> {
        let fixed = [
            ("camera detector", &self.detector.model),
            ("enrolment detector", &self.enrol_detector.model),
            ("embedding", &self.embedding.model),
        ];
        let landmarks = self.landmarks.iter().map(|mesh| ("landmarks", &mesh.model));
        let liveness = self.liveness.iter().flat_map(|l| &l.models).map(|m| ("liveness", &m.model));
        fixed.into_iter().chain(landmarks).chain(liveness).collect()
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
            .replace("min_norm = 11.0", "min_norm = -11.0")
            .replace("length = 128", "length = \"128\"")
            .replace("e2f5c8", "E2F5C8");
        let error = Pack::parse("models/x.toml", &broken).unwrap_err().detail;
        for part in [
            "models/x.toml: detector.score: 6 is not possible, wanted is 0 to 1",
            "models/x.toml: enrol_detector.score: 6",
            "models/x.toml: detector.decoder: \"retina\" is not possible, wanted is retinaface, blazeface or yunet",
            "models/x.toml: liveness.models[1].scal: unknown key (4.0)",
            "models/x.toml: liveness.models[1].scale: missing",
            "models/x.toml: embedding.min_norm: -11.0 is not possible, wanted is 0 or more",
            "models/x.toml: embedding.length: \"128\"",
            "models/x.toml: liveness.models[0].sha256: \"E2F5",
        ] {
            assert!(error.contains(part), "{part}\n---\n{error}");
        }
        assert_eq!(error.lines().count(), 9, "{error}");
    }

    #[test]
    fn a_pack_that_cannot_be_is_refused_with_what_is_missing() {
        let blazeface = BUILT_IN[1].1;
        let mesh = &blazeface[blazeface.find("[landmarks]").unwrap()..blazeface.find("[embedding]").unwrap()];
        for (what, with, why) in [
            ("liveness = \"none\"\n", "", "x: liveness: missing, wanted is a section"),
            ("liveness = \"none\"", "liveness = \"some\"", "x: liveness: \"some\" is not possible"),
            (mesh, "", "x: landmarks: missing: this detector does not mark the corners of the mouth"),
            ("width = 192\nheight = 256", "width = 200\nheight = 256", "x: detector.width: 200 is not possible"),
            ("height = 150", "height = 151", "x: embedding.height: aligned crops are square"),
            ("template = ", "template2 = ", "x: embedding.template: missing"),
            ("[100.48, 46.60]", "[150.0, 46.60]", "x: embedding.template: has points outside the crop"),
            ("[74.01, 76.56], [50.41, 103.02], ", "", "wanted is four or five points"),
            ("metric = \"euclidean\"", "metric = \"euclidean\"\nmirror = true", "x: embedding.mirror: true is not"),
            ("centre = 0.663", "centre = -0.663", "x: similarity.centre: -0.663 is not possible, wanted is a distance"),
            (
                "kind = \"facemesh\"",
                "kind = \"mesh\"",
                "x: landmarks.kind: \"mesh\" is not possible, wanted is facemesh",
            ),
        ] {
            let text = blazeface.replace(what, with);
            assert_ne!(text, blazeface, "{what}");
            let error = Pack::parse("x", &text).unwrap_err().detail;
            assert!(error.contains(why), "{why}\n---\n{error}");
        }
        // Four points are enough without a mesh.
        let four = blazeface.replace(mesh, "").replace(", [50.41, 103.02], [97.61, 103.02]]", ", [74.01, 103.02]]");
        assert_eq!(Pack::parse("x", &four).unwrap().embedding.template.len(), 4);
    }

    #[test]
    fn a_pack_that_measures_otherwise_has_another_mark() {
        let mark = |text: &str| Pack::parse("x", text).unwrap().mark();
        for (_, text) in BUILT_IN {
            let first = mark(text);
            assert!(first.starts_with(&format!("{}:", Pack::parse("x", text).unwrap().id)), "{first}");
            for (what, with, same) in [
                ("about = \"", "about = \"Still ", true),
                ("centre = 0.", "centre = 0.1", true),
                ("id = \"", "id = \"x", false),
                ("]]\n", "1]]\n", false),
                ("length = 128", "length = 64", false),
            ] {
                let changed = text.replacen(what, with, 1);
                assert_ne!(changed, text, "{what}");
                assert_eq!(mark(&changed) == first, same, "{with}");
            }
            // The weights of every network that photos pass through; others may change.
            let pack = Pack::parse("x", text).unwrap();
            for (stage, model) in pack.files() {
                let other = text.replace(&model.sha256, &"0".repeat(64));
                let enrols = model.sha256 == pack.enrol_detector.model.sha256;
                let measures = enrols || matches!(stage, "embedding" | "landmarks");
                assert_eq!(mark(&other) != first, measures, "{stage}");
            }
        }
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
        assert!(error.contains("model pack retinaface-mobilefacenet: put minifasnet_v1se_4.0_80.tflite, "), "{error}");
        assert!(error.starts_with("no complete pack of face models in "), "{error}");
        assert!(error.contains("model pack blazeface-dlib: put blazeface_short_192x256.tflite, "), "{error}");
        assert!(error.contains(&folder.path().display().to_string()), "{error}");
        let error = Pack::locate(folder.path(), Some("other")).unwrap_err().detail;
        assert!(error.contains("known are retinaface-mobilefacenet, blazeface-dlib"), "{error}");
    }

    #[test]
    fn a_description_beside_the_weights_adds_a_pack_and_must_be_right() {
        let folder = tempfile::tempdir().unwrap();
        let own = text().replace("id = \"retinaface-mobilefacenet\"", "id = \"own\"");
        std::fs::write(folder.path().join("own.toml"), own).unwrap();
        let ids: Vec<_> = Pack::all(folder.path()).unwrap().into_iter().map(|p| p.id).collect();
        assert_eq!(ids, ["own", "retinaface-mobilefacenet", "blazeface-dlib"]);
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
