//! What tests need and the repository cannot hold: models, photos of people, the second engine's library.
//!
//! Each is named by a variable of the environment; where that is not set it is what `make models` left in `models/build`,
//! and where it is set to nothing there is none. A test that misses something skips, saying so.
#![allow(dead_code, unused_macros, unused_imports, reason = "each test binary takes its part")]

use std::path::{Path, PathBuf};

/// Says past the test harness, which keeps the output of passing tests to itself, that a test does nothing here.
macro_rules! skipped {
    ($($why:tt)+) => {{
        use std::io::Write;
        let _ = writeln!(std::io::stderr(), "skipped: {}", format_args!($($why)+));
    }};
}
pub(crate) use skipped;

/// The folder of the weights: any pack.
pub fn models() -> Option<PathBuf> {
    find("FACEGATE_MODELS", "models/build")
}

/// A folder with `faces.csv` and the photos it lists: `p01_1.jpg` to `p01_3.jpg` and `p02_1.jpg`, `p02_2.jpg` show one person
/// each, and the first ones of `p03`, `p04`, `p05`, `p09` and `p10` others.
pub fn faces() -> Option<PathBuf> {
    find("FACEGATE_FACES", "models/build/faces")
}

/// What `make models` left, whatever models the other tests have.
pub fn built() -> Option<PathBuf> {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/build");
    if !built.is_dir() {
        skipped!("models/build is not there; `make models` makes it");
        return None;
    }
    Some(built)
}

/// A TensorFlow Lite or LiteRT library, the second engine.
pub fn library() -> Option<PathBuf> {
    find("FACEGATE_TFLITE_LIB", &format!("models/build/{}/libLiteRt.so", std::env::consts::ARCH))
}

/// Models and photos, where they are those that the figures of a test belong to: the pack retinaface-mobilefacenet, and
/// photos with `reference.json` and camera pictures of spoofs beside them.
pub fn reference() -> Option<(PathBuf, PathBuf)> {
    let (models, faces) = (models()?, faces()?);
    let there = models.join("retinaface_mnet025_240x320.tflite").is_file() && faces.join("reference.json").is_file();
    if !there {
        skipped!("its figures belong to the pack retinaface-mobilefacenet and its photos");
    }
    there.then_some((models, faces))
}

fn find(variable: &str, built: &str) -> Option<PathBuf> {
    let found = match std::env::var_os(variable) {
        Some(named) => Some(PathBuf::from(named)).filter(|named| !named.as_os_str().is_empty()),
        None => Some(Path::new(env!("CARGO_MANIFEST_DIR")).join(built)).filter(|path| path.exists()),
    };
    if found.is_none() {
        skipped!("{variable} names nothing and {built} is not there; `make models` makes it");
    }
    found
}
