//! Faces that left before anything was decided about them, and why: otherwise nobody could tell a terminal that sees a
//! face and waits for a better look from one that sees nothing.

use std::collections::{BTreeMap, HashMap};

use serde_json::json;
use tracing::debug;

use super::Running;
use crate::access::Wanted;
use crate::access::session::Awaits;
use crate::settings::Settings;
use crate::vision::{Reason, Sighting, TrackId};

/// Fewer frames are a glimpse, not somebody who wanted to come in.
const LEAST_FRAMES: u32 = 3;

/// What the looks at the faces now before the camera were like.
#[derive(Default)]
pub(super) struct Looks(HashMap<TrackId, Look>);

#[derive(Debug, Default)]
struct Look {
    frames: u32,
    /// How often each thing was against the view.
    against: BTreeMap<Reason, u32>,
    /// The widest it has been, pixels of the frame.
    width: f32,
}

impl Looks {
    pub(super) fn count(&mut self, sighting: &Sighting) {
        let look = self.0.entry(sighting.track).or_default();
        look.frames += 1;
        look.width = look.width.max(sighting.face.bbox.width());
        if let Err(reason) = sighting.quality {
            *look.against.entry(reason).or_default() += 1;
        }
    }
}

impl Look {
    /// The frames it was seen well enough in to be compared.
    fn good(&self) -> u32 {
        self.frames - self.against.values().sum::<u32>()
    }

    /// Why nothing was decided; `None`: something was, or nobody is verified now.
    fn why(&self, awaited: Option<Awaits>) -> Option<String> {
        let commonest = self.against.iter().max_by_key(|(_, count)| **count);
        let missing = match awaited {
            Some(Awaits::Liveness) => "liveness needs more frames".to_owned(),
            Some(Awaits::Recognition { frames, of }) => {
                format!("like nobody in {frames} of {of} frames for a stranger")
            }
            Some(Awaits::More(wanted)) => format!("VerifyMode asks for {} as well", named(wanted)),
            None => return commonest.filter(|_| self.good() == 0).map(|(reason, _)| words(*reason).to_owned()),
        };
        Some(match commonest {
            None => missing,
            Some((reason, count)) => format!("{missing}; {count} other frames: {}", words(*reason)),
        })
    }
}

impl Running {
    /// A face has left; tells of it where nothing was decided about it.
    pub(super) fn left(&mut self, track: TrackId, settings: &Settings) {
        let awaited = self.session.gone(track.0);
        let Some(look) = self.looks.0.remove(&track).filter(|look| look.frames >= LEAST_FRAMES) else { return };
        let Some(why) = look.why(awaited) else { return };
        let (frames, good, width) = (look.frames, look.good(), look.width.round());
        debug!(why, frames, good, width, "a face left undecided");
        let least = settings.face.min_width_px.0.get();
        let told = json!({ "why": why, "frames": frames, "good": good, "width_px": width, "face_min_pixel": least });
        self.tell("undecided", told, settings);
    }
}

const fn named(wanted: Wanted) -> &'static str {
    match wanted {
        Wanted::Face => "a face",
        Wanted::Card => "a card",
        Wanted::IdCard => "an identity card",
        Wanted::Mask => "a mask",
        Wanted::Temperature => "the temperature",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_what_was_missing_else_what_was_most_against_it() {
        use Reason::{Cut, TooSmall};
        let recognition = Some(Awaits::Recognition { frames: 2, of: 5 });
        for (good, against, awaited, expect) in [
            (0, vec![(TooSmall, 8), (Cut, 1)], None, Some("narrower than faceMinPixel, or than liveness needs")),
            (1, vec![(TooSmall, 8)], None, None),
            (4, vec![], None, None),
            (4, vec![], Some(Awaits::More(Wanted::Card)), Some("VerifyMode asks for a card as well")),
            (1, vec![], Some(Awaits::Liveness), Some("liveness needs more frames")),
            (
                2,
                vec![(Cut, 7), (TooSmall, 2)],
                recognition,
                Some("like nobody in 2 of 5 frames for a stranger; 7 other frames: partly outside the picture"),
            ),
        ] {
            let against: BTreeMap<_, _> = against.into_iter().collect();
            let look = Look { frames: good + against.values().sum::<u32>(), against, width: 0.0 };
            assert_eq!((look.good(), look.why(awaited).as_deref()), (good, expect), "{look:?}");
        }
    }
}
