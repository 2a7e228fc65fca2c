//! Faces that left before anything was decided about them, and why: otherwise nobody could tell a terminal that sees a
//! face and waits for a better look from one that sees nothing.

use std::collections::HashMap;

use serde_json::json;
use tracing::debug;

use super::Running;
use crate::access::session::Awaits;
use crate::settings::Settings;
use crate::vision::{Reason, Sighting, TrackId};

/// What the looks at the faces now before the camera were like.
#[derive(Default)]
pub(super) struct Looks(HashMap<TrackId, Look>);

#[derive(Default)]
struct Look {
    frames: u32,
    good: u32,
    /// What was against the last view that was not good enough.
    against: Option<Reason>,
    /// The widest it has been, pixels of the frame.
    width: f32,
}

impl Looks {
    pub(super) fn count(&mut self, sighting: &Sighting) {
        let look = self.0.entry(sighting.track).or_default();
        look.frames += 1;
        look.width = look.width.max(sighting.face.bbox.width());
        match sighting.quality {
            Ok(()) => look.good += 1,
            Err(reason) => look.against = Some(reason),
        }
    }
}

impl Running {
    /// A face has left; tells of it where nothing was ever said about it.
    pub(super) fn left(&mut self, track: TrackId, settings: &Settings) {
        let awaited = self.session.gone(track.0);
        let Some(look) = self.looks.0.remove(&track) else { return };
        let why = match (awaited, look.against) {
            (Some(Awaits::Liveness), _) => "liveness needs more frames".to_owned(),
            (Some(Awaits::Recognition { frames, of }), _) => {
                format!("like nobody in {frames} good frames, a stranger after {of}")
            }
            (None, Some(reason)) if look.good == 0 => words(reason).to_owned(),
            // Decided about, or nobody was to be verified.
            (None, _) => return,
        };
        let (frames, good, width) = (look.frames, look.good, look.width.round());
        debug!(why, frames, good, width, "a face left undecided");
        self.tell("undecided", json!({ "why": why, "frames": frames, "good": good, "width_px": width }), settings);
    }
}

/// In words, with the setting that decides it.
const fn words(reason: Reason) -> &'static str {
    match reason {
        Reason::TooSmall => "narrower than faceMinPixel, or than liveness needs",
        Reason::OutsideArea => "outside the area of detectArea_x, _y, _w and _h",
        Reason::Cut => "partly outside the picture",
        Reason::Turned => "turned away from the camera",
        Reason::TooDark => "too dark",
        Reason::TooBright => "too bright",
        Reason::Blurred => "blurred",
        Reason::NotAFace => "no face to the network that measures it",
    }
}
