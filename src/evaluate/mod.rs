//! `facegate evaluate`: how well a model pack does on pictures of people, in the terms of ISO/IEC 19795-1 (recognition)
//! and 30107-3 (attacks with pictures).
//!
//! ```text
//! list of pictures ─ set ─► look: as a registered photo, as it is, and before the camera ─► Seen
//! Seen ─ compare ─► rates: scores, error rates and their intervals ─► report (Markdown, JSON), plot (SVG)
//!                                                                  └► derive: the pack's [similarity] section,
//!                                                                     threshold: that of its [liveness]
//! ```
//!
//! It runs the very stages of the terminal, its gate for bad views included, and nothing else: no door, no store.

// Counts and pixels are small numbers.
#![allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]

mod compare;
mod derive;
mod look;
mod plot;
mod rates;
mod report;
mod set;
mod threshold;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use compare::{Comparisons, Identification};
pub use derive::{Derived, Targets, derive};
pub use rates::{Rate, Scores};
pub use report::Report;
pub use threshold::{Presented, Threshold, threshold};

use crate::clock::Clock;
use crate::vision::{EngineChoice, Vision};

/// The similarities that get a meaning: thresholds of the document's examples.
const SIMILARITIES: [f32; 3] = [80.0, 85.0, 90.0];

/// Why an evaluation cannot be made.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What is evaluated.
#[derive(Clone, Debug)]
pub struct Options {
    /// List of pictures: columns `file` (beside the list) and `identity`; further ones are not looked at.
    pub faces: PathBuf,
    /// Pictures of attacks: a folder a kind, or a list with columns `file` and `label`.
    pub attacks: Option<PathBuf>,
    /// Folder of the model files.
    pub models: PathBuf,
    /// Which pack of that folder; `None`: the first complete one.
    pub pack: Option<String>,
    /// Which engine.
    pub engine: EngineChoice,
}

/// Evaluates; `say` hears how far it is.
///
/// # Errors
/// When the list, the pictures or the models cannot be used, saying which.
pub fn run(options: &Options, clock: &Arc<dyn Clock>, say: &mut dyn FnMut(&str)) -> Result<Report, Failure> {
    let pictures = set::pictures(&options.faces)?;
    let attacks = options.attacks.as_deref().map(set::attacks).transpose()?.unwrap_or_default();
    let mut vision = Vision::open(&options.models, options.pack.as_deref(), &options.engine, clock.clone())?;
    let started = clock.mono();
    let seen = look::people(&mut vision, &pictures, say)?;
    let mut attacked = look::attacks(&mut vision, &attacks, say)?;
    let (stages, people) = look::stages(&mut vision, &pictures, say)?;
    attacked.push(people);
    say("comparing …");
    let report = Report::new(report::Found {
        pack: &vision.pack,
        engine: vision.runtime.name(),
        seen: &seen,
        attacked: &attacked,
        stages,
    });
    let took = clock.mono().since(started).as_secs();
    say(&format!("done in {took} s"));
    Ok(report)
}

/// Writes the report with its pictures into the folder `out`: `report.md`, `report.json`, `roc.svg`, `histogram.svg`.
///
/// # Errors
/// When the folder cannot be written.
pub fn write(report: &Report, out: &Path) -> Result<(), Failure> {
    let failed = |e: std::io::Error| format!("{}: {e}; give another folder with --out", out.display());
    std::fs::create_dir_all(out).map_err(failed)?;
    for (name, content) in [
        ("report.md", report.to_markdown()),
        ("report.json", serde_json::to_string_pretty(&report.to_json())?),
        ("roc.svg", plot::roc(&report.comparisons)?),
        ("histogram.svg", plot::histogram(&report.comparisons, report.comparison)?),
    ] {
        std::fs::write(out.join(name), content).map_err(failed)?;
    }
    Ok(())
}
