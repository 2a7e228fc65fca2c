//! From the camera to the control loop: one thread keeps the newest frame, another looks at it.
//!
//! A frame that comes while the last one is still looked at replaces the one waiting: old frames are
//! dropped, never queued, so a slow model delays nothing but itself.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::json;
use tracing::warn;

use crate::clock::{Bell, Clock, Mono, Outbound, lock};
use crate::condition::Condition;
use crate::control::{Credential, Event};
use crate::error::{Error, Fault};
use crate::hal::Camera;
use crate::hal::linux::files;
use crate::settings::{Face, Live};
use crate::vision::{Frame, Gallery, Outcome, Pipeline, Rect, View, qr};

/// How long to wait before asking a failed camera again.
const RETRY: Duration = Duration::from_secs(1);

/// Pictures of two cameras belong together when the infrared one is no older than this.
const TOGETHER: Duration = Duration::from_millis(500);

/// Every so many frames without a face are searched for a QR code: people hold codes still for seconds, and looking
/// costs about as much as looking for a face.
const CODE_EVERY: u32 = 5;

/// The newest frame, and how many there have been.
#[derive(Debug, Default)]
pub struct Newest {
    slot: Mutex<Slot>,
    arrived: Bell,
    taken: AtomicU64,
    looked_at: AtomicU64,
}

#[derive(Debug, Default)]
struct Slot {
    newest: Option<Frame>,
    /// The camera fails: there is none.
    lost: bool,
    /// Number of the frame last looked at.
    seen: u64,
    closed: bool,
}

/// What a second camera shows at the time of a frame.
#[derive(Debug)]
enum Beside {
    /// The same.
    Frame(Frame),
    /// Nothing yet, and it may be about to: no verdict without it.
    Late,
    /// Nothing, and it was told that it fails.
    Failed,
}

impl Newest {
    /// The newest frame, whether or not it was looked at.
    #[must_use]
    pub fn get(&self) -> Option<Frame> {
        lock(&self.slot).newest.clone()
    }

    /// Frames taken by the camera and frames looked at so far.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        (self.taken.load(Ordering::Relaxed), self.looked_at.load(Ordering::Relaxed))
    }

    /// What this camera shows beside another one's frame of `at`.
    fn beside(&self, at: Mono) -> Beside {
        let slot = lock(&self.slot);
        match &slot.newest {
            Some(frame) if at.since(frame.at) < TOGETHER => Beside::Frame(frame.clone()),
            None if slot.lost => Beside::Failed,
            _ => Beside::Late,
        }
    }

    fn put(&self, frame: Frame) {
        let mut slot = lock(&self.slot);
        (slot.newest, slot.lost) = (Some(frame), false);
        drop(slot);
        self.taken.fetch_add(1, Ordering::Relaxed);
        self.arrived.ring();
    }

    /// There is none any more: a face that stays on the panel while the camera is gone would look as if it were there.
    fn lose(&self) {
        let mut slot = lock(&self.slot);
        (slot.newest, slot.lost) = (None, true);
    }

    /// No more frames: both threads end.
    pub fn close(&self) {
        lock(&self.slot).closed = true;
        self.arrived.ring();
    }

    /// Whether there will be no more frames: the terminal stops.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        lock(&self.slot).closed
    }

    /// Waits for a frame not looked at yet; `None` when there will be no more.
    fn take(&self, clock: &dyn Clock) -> Option<Frame> {
        loop {
            {
                let mut slot = lock(&self.slot);
                if slot.closed {
                    return None;
                }
                if let Some(frame) = slot.newest.clone().filter(|f| f.number > slot.seen) {
                    slot.seen = frame.number;
                    return Some(frame);
                }
            }
            clock.wait(&self.arrived, None);
        }
    }
}

/// Keeps `newest` up to date until the camera closes; `known` remembers which device it was.
pub fn read(
    mut camera: Box<dyn Camera>,
    mut condition: Condition,
    known: Option<&Path>,
    newest: &Newest,
    clock: &dyn Clock,
) {
    let (pause, mut last) = (Bell::default(), None);
    while !newest.is_closed() {
        let frame = camera.next();
        condition.note(&frame);
        match frame {
            Ok(Some(frame)) => {
                newest.put(frame);
                if camera.identity() != last.as_deref() {
                    last = camera.identity().map(ToOwned::to_owned);
                    recognise(&condition, known, last.as_deref());
                }
            }
            Ok(None) => newest.close(),
            Err(_) => {
                newest.lose();
                clock.wait(&pause, Some(clock.mono().after(RETRY)));
            }
        }
    }
}

/// Tells when the camera is another device than it was: somebody may have put one in its place that shows what they like.
fn recognise(condition: &Condition, known: Option<&Path>, now: Option<&str>) {
    let (Some(file), Some(now)) = (known, now) else { return };
    match std::fs::read_to_string(file) {
        Ok(before) if before == now => return,
        Ok(before) => {
            warn!(before, now, "another camera is in the place of the one before");
            condition.tell("camera_changed", json!({ "before": before, "now": now }));
        }
        // The first one, or a data folder that cannot be read.
        Err(_) => {}
    }
    if let Err(error) = files::keep(file, Some(now), 0o600) {
        warn!(%error, file = %file.display(), "which camera it is cannot be kept");
    }
}

/// What [`look`] is told by and tells.
#[derive(Debug)]
pub struct Ears<'a> {
    /// What is asked of a face.
    pub settings: &'a Live,
    /// Who hears of faces.
    pub control: &'a Outbound<Event>,
    /// Whether what is asked of liveness can be answered.
    pub liveness: Condition,
    /// Whether the networks run.
    pub models: Condition,
}

/// Looks at the newest frame again and again and reports what it sees.
pub fn look(
    mut pipeline: Pipeline,
    newest: &Newest,
    infrared: Option<&Newest>,
    gallery: &Gallery,
    ears: Ears<'_>,
    clock: &dyn Clock,
) {
    let Ears { settings, control, mut liveness, mut models } = ears;
    // They were opened; whether they run is seen with each face.
    models.works();
    let mut without_face = 0_u32;
    while let Some(frame) = newest.take(clock) {
        let now = settings.now();
        let view = View {
            min_width: min_width(&now.face),
            area: area(&now.face),
            liveness: now.system.liveness_at(now.ntp.local(clock.wall())),
        };
        match (pipeline.judges_liveness(), view.liveness) {
            (true, _) => liveness.works(),
            (false, false) => liveness.rests(),
            (false, true) => liveness.fails(&Error::new(
                Fault::Unavailable,
                "LiveDetectType demands it and these face models cannot judge it: nobody passes by face; \
                 install a pack that can, or set LiveDetectType to 1",
            )),
        }
        let infrared = match infrared.map_or(Beside::Failed, |other| other.beside(frame.at)) {
            Beside::Frame(infrared) => Some(infrared),
            Beside::Late if view.liveness => continue,
            // A camera that fails is told about; the colour one's networks then judge alone.
            Beside::Late | Beside::Failed => None,
        };
        match pipeline.process_both(&frame, infrared.as_ref(), &view, gallery) {
            Ok(outcome) => {
                match &outcome {
                    Outcome { failed: Some(error), .. } => models.fails(error),
                    // Only a face that was measured has gone through all of them.
                    Outcome { sighting: Some(seen), .. } if seen.embedding.is_some() => models.works(),
                    Outcome { .. } => {}
                }
                for track in outcome.lost {
                    control.send(Event::Gone(track));
                }
                if let Some(sighting) = outcome.sighting {
                    without_face = 0;
                    control.send(Event::Sighting(sighting));
                } else {
                    without_face = without_face.wrapping_add(1);
                    if without_face.is_multiple_of(CODE_EVERY)
                        && let Some(text) = qr::read(&frame)
                    {
                        control.send(Event::Presented(Credential::QrCode(text)));
                    }
                }
            }
            Err(error) => models.fails(&error),
        }
        newest.looked_at.fetch_add(1, Ordering::Relaxed);
    }
}

/// The smallest face verified. Distance and width say the same thing, and setting the distance sets the width,
/// so the width alone counts.
#[expect(clippy::cast_precision_loss, reason = "at most 960")]
fn min_width(face: &Face) -> f32 {
    face.min_width_px.0.get() as f32
}

#[expect(clippy::cast_precision_loss, reason = "at most 1280")]
fn area(face: &Face) -> Rect {
    let edges = [face.area_x.get(), face.area_y.get(), face.area_w.get(), face.area_h.0.get()];
    let [x, y, w, h] = edges.map(|edge| edge as f32);
    Rect::sized(x, y, w, h)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use image::RgbImage;

    use super::*;

    #[test]
    fn a_second_camera_that_is_late_is_not_one_that_fails() {
        let second = Newest::default();
        let frame = |ms: u64| Frame { number: 1, at: Mono(ms * 1000), pixels: Arc::new(RgbImage::new(1, 1)) };
        let shown = |ms: u64| match second.beside(Mono(ms * 1000)) {
            Beside::Frame(_) => "frame",
            Beside::Late => "late",
            Beside::Failed => "failed",
        };
        assert_eq!(shown(0), "late", "none has come yet");
        second.put(frame(1000));
        assert_eq!([900, 1000, 1499, 1500, 9000].map(shown), ["frame", "frame", "frame", "late", "late"]);
        second.lose();
        assert_eq!(shown(9000), "failed");
        second.put(frame(9000));
        assert_eq!(shown(9000), "frame");
    }
}
