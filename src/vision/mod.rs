//! Faces: where they are, whether they are alive, whose they are.
//!
//! ```text
//! camera ─ Frame ─► Detector ─► Mesh ─► Tracker ─► quality ─► Aligner ─► liveness ─► Embedder ─► Gallery ─► Outcome
//!                   (network)  (network)                      (crop)     (networks)  (network)   (1:N)
//! photo ── bytes ─► decode_picture ─► Portraitist (Detector, Mesh, Aligner, Embedder) ─► Portrait ─► Gallery
//! ```
//!
//! [`Vision::open`] makes both ends of it: a [`Pipeline`] for the thread of the camera and a [`Portraitist`]
//! shared by the threads that enrol. Which networks they run, and how their outputs are read and compared, is written in a
//! [`Pack`]; mesh and liveness are in some packs only. What runs them is a [`Runtime`]. This module knows nothing of people, doors, settings or the protocol, reads no file but
//! those of the pack, and asks an injected clock for the time only to measure itself.

// Places in pictures are small numbers: pixels, floats and indices convert into each other without loss that matters.
#![allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]

pub mod align;
mod blazeface;
pub mod check;
pub mod detect;
pub mod embed;
mod engine_builtin;
#[cfg(target_pointer_width = "64")]
mod engine_litert;
#[cfg(target_pointer_width = "64")]
mod engine_runtime;
pub mod frame;
pub mod gallery;
pub mod geometry;
mod infrared;
pub mod liveness;
pub mod mesh;
pub mod model;
pub mod pack;
pub mod pipeline;
pub mod portrait;
pub mod qr;
pub mod quality;
mod retinaface;
pub mod similarity;
pub mod track;
mod yunet;

use std::path::Path;
use std::sync::Arc;

pub use check::{FileReport, FileState, FolderReport, check};
pub use embed::Embedding;
pub use frame::{Frame, fit};
pub use gallery::{Candidate, Gallery};
pub use geometry::{Face, Point, Rect};
pub use liveness::Liveness;
pub use model::{EngineChoice, Runtime};
pub use pack::Pack;
pub use pipeline::{Match, Outcome, Pipeline, Sighting, Timings, View};
pub use portrait::{PictureLimits, Portrait, Portraitist, decode_picture};
pub use quality::Reason;
pub use similarity::{Comparison, Metric, Similarity, SimilarityMap};
pub use track::TrackId;

use crate::clock::Clock;
use crate::error::{Error, Result};

/// What helps where a pack is missing.
const HOW_TO_GET: &str = "`make models` builds a pack; --models or FACEGATE_MODELS names a folder with one, and \
                          `facegate models install` puts one into a terminal's data";

/// Everything of one pack in one engine.
#[derive(Debug)]
pub struct Vision {
    /// For the camera's thread.
    pub pipeline: Pipeline,
    /// For the threads that enrol.
    pub portraitist: Portraitist,
    /// What was loaded; its id belongs to every embedding.
    pub pack: Pack,
    /// What runs it.
    pub runtime: Runtime,
}

impl Vision {
    /// Loads the pack called `pack` from the folder `weights`, or without a name the first complete one.
    ///
    /// # Errors
    /// [`crate::error::Fault::Unavailable`], saying which file or library is missing or wrong, and what to do.
    pub fn open(weights: &Path, pack: Option<&str>, engine: &EngineChoice, clock: Arc<dyn Clock>) -> Result<Self> {
        let hint = |error: Error| Error::new(error.fault, format!("{}\n{HOW_TO_GET}", error.detail));
        let pack = Pack::locate(weights, pack).map_err(hint)?;
        let runtime = Runtime::open(engine, weights)?;
        let library = (*engine == EngineChoice::Auto && !runtime.is_built_in()).then(|| runtime.name());
        match (Self::with(pack.clone(), weights, runtime, clock.clone()), library) {
            // Found, not chosen: it must not keep people out.
            (Err(error), Some(library)) => {
                tracing::warn!(library, %error, "the engine that was found cannot run these models");
                Self::with(pack, weights, Runtime::BuiltIn, clock)
            }
            (opened, _) => opened,
        }
    }

    fn with(pack: Pack, weights: &Path, runtime: Runtime, clock: Arc<dyn Clock>) -> Result<Self> {
        let pipeline = Pipeline::open(&pack, weights, &runtime, clock.clone())?;
        let portraitist = Portraitist::open(&pack, weights, &runtime, clock)?;
        tracing::info!(pack = pack.id, engine = runtime.name(), "face models loaded");
        Ok(Self { pipeline, portraitist, pack, runtime })
    }

    /// An empty gallery for embeddings of this pack.
    #[must_use]
    pub fn gallery(&self) -> Gallery {
        Gallery::new(self.pack.embedding.length, self.pack.comparison.metric)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The camera's thread is given a pipeline; the others share the rest.
    #[test]
    fn parts_go_to_their_threads() {
        fn sent<T: Send>() {}
        fn shared<T: Send + Sync>() {}
        sent::<Pipeline>();
        shared::<Portraitist>();
        shared::<Gallery>();
        shared::<Frame>();
    }
}
