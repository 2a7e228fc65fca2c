//! What sees: cameras, models, and the people they know.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use serde_json::json;
use tracing::warn;

use super::threads::Threads;
use super::{Failure, enrol};
use crate::api;
use crate::board::Board;
use crate::camera::{self, Newest};
use crate::clock::{Clock, Inbox, Outbound};
use crate::condition::Conditions;
use crate::control::Event;
use crate::hal::Camera;
use crate::roster::{Models, Recomputed, Roster};
use crate::settings::{Keeper, Live};
use crate::store::Store;
use crate::vision::{Comparison, Gallery, Metric, Vision};

/// Say in the data folder which cameras they were.
pub(super) const CAMERA_FILE: &str = "camera";
pub(super) const INFRARED_FILE: &str = "infrared-camera";

/// What they work with.
pub(super) struct Tools {
    pub(super) camera: Box<dyn Camera>,
    pub(super) infrared: Option<Box<dyn Camera>>,
    /// Files that say which cameras they were; none where that does not matter.
    pub(super) known: [Option<PathBuf>; 2],
    pub(super) vision: Option<Vision>,
    pub(super) comparison: Arc<OnceLock<Comparison>>,
    /// Photos enrolled at start.
    pub(super) people: Option<PathBuf>,
    pub(super) newest: Arc<Newest>,
    pub(super) events: Outbound<Event>,
    pub(super) store: Arc<Store>,
    pub(super) settings: Arc<Live>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) conditions: Arc<Conditions>,
    /// Whether what the models before left behind may be replaced: not by a release that may have to go back to them.
    pub(super) recompute: Inbox<Recompute>,
}

/// Said once.
#[derive(Debug)]
pub(super) enum Recompute {
    /// This release stays.
    Go,
    /// The terminal stops.
    Never,
}

/// What sees, and whom it knows.
pub(super) struct Eyes {
    pub(super) roster: Arc<Roster>,
    pub(super) liveness: Option<api::Liveness>,
    /// Why nobody is known by face.
    pub(super) unknown: Option<String>,
    newest: Arc<Newest>,
    infrared: Option<Arc<Newest>>,
    recompute: Outbound<Recompute>,
}

impl Eyes {
    /// Starts their threads. Without models people are kept all the same, and pass by card.
    pub(super) fn start(tools: Tools, threads: &mut Threads) -> Result<Self, Failure> {
        let Tools { vision, store, settings, clock, conditions, newest, .. } = tools;
        let recompute = tools.recompute.sender();
        let gallery = Arc::new(vision.as_ref().map_or_else(|| Gallery::new(1, Metric::Cosine), Vision::gallery));
        // Without any models nobody passes by face, whatever the settings say.
        let mut liveness = Some(api::Liveness::UNAVAILABLE);
        let (mut pipeline, mut models) = (None, None);
        if let Some(vision) = vision {
            let spec = vision.pack.liveness.as_ref();
            liveness = spec.map(|spec| api::Liveness { threshold: spec.threshold, frames: spec.frames });
            if liveness.is_none() {
                warn!(
                    pack = vision.pack.id,
                    "liveness is not available: these models cannot tell a face from a picture"
                );
            }
            let _ = tools.comparison.set(vision.pack.comparison);
            models = Some(Models {
                eyes: Box::new(vision.portraitist),
                pack: vision.pack.id.clone(),
                mark: vision.pack.mark(),
                comparison: vision.pack.comparison,
            });
            pipeline = Some(vision.pipeline);
        }
        let roster = Arc::new(Roster::new(store.clone(), gallery.clone(), models));
        // Cards and the exit button work without faces.
        let mut unknown = None;
        if let Err(error) = roster.load() {
            Keeper::tell(&*store, &format!("no face is known until the next start: {error}"));
            unknown = Some(error.to_string());
        }
        if let Some(folder) = &tools.people {
            enrol::folder(&roster, &store, &settings, &*clock, folder)?;
        }

        let [known, known_infrared] = tools.known;
        let read = |camera, name, known: Option<PathBuf>, newest: Arc<Newest>| {
            let (clock, condition) = (clock.clone(), conditions.of(name));
            move || camera::read(camera, condition, known.as_deref(), &newest, &*clock)
        };
        threads.start("camera", read(tools.camera, "camera", known, newest.clone()))?;
        let infrared = tools.infrared.is_some().then(Arc::<Newest>::default);
        if let Some((camera, newest)) = tools.infrared.zip(infrared.clone()) {
            threads.start("infrared", read(camera, "infrared camera", known_infrared, newest))?;
        }
        if let Some(pipeline) = pipeline {
            let (newest, infrared, clock) = (newest.clone(), infrared.clone(), clock.clone());
            let (liveness, models) = (conditions.of("liveness"), conditions.of("face models"));
            threads.start("vision", move || {
                let ears = camera::Ears { settings: &settings, control: &tools.events, liveness, models };
                camera::look(pipeline, &newest, infrared.as_deref(), &gallery, ears, &*clock);
            })?;
        }
        threads.start("roster", {
            let (roster, newest, may) = (roster.clone(), newest.clone(), tools.recompute);
            move || {
                let Some(Recompute::Go) = may.next(&*clock, None) else { return };
                let Recomputed { people, done, failed, postponed } = roster.recompute(|| newest.is_closed());
                if people > 0 {
                    let about = json!({ "people": people, "done": done, "failed": failed, "postponed": postponed });
                    conditions.tell("embeddings", about);
                }
            }
        })?;
        Ok(Self { roster, liveness, unknown, newest, infrared, recompute })
    }

    /// No more pictures are taken or looked at.
    pub(super) fn close(&self) {
        self.newest.close();
        self.recompute.send(Recompute::Never);
        if let Some(infrared) = &self.infrared {
            infrared.close();
        }
    }
}

/// The models of the profile, or those that are there.
pub(super) fn open_vision(board: &Board, clock: &Arc<dyn Clock>) -> crate::error::Result<Vision> {
    let pack = (board.vision.pack != "auto").then_some(board.vision.pack.as_str());
    Vision::open(&board.vision.models, pack, &board.vision.engine, clock.clone())
}
