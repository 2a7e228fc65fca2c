//! What the terminal's stages make of each picture.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use image::RgbImage;

use super::set::{self, Picture, Species};
use super::{Failure, compare::Acquisition, compare::Seen};
use crate::bench::Spread;
use crate::clock::Mono;
use crate::vision::{Frame, Outcome, Rect, Timings, View, Vision, fit};

/// How long each stage took.
type Times = Vec<(&'static str, Spread)>;

/// The sensor's picture.
const SENSOR: (u32, u32) = (960, 1280);
/// How often each picture is looked at to measure time; the first look warms up.
const ROUNDS: usize = 3;
/// What the pictures of the list are called among those for liveness.
pub(super) const LISTED: &str = "people of the list";
/// A frame without anybody, smaller than the sensor's because nobody looks at it.
const NOBODY: (u32, u32) = (96, 128);
/// Frames without anybody after which nobody is followed any more, and some to spare.
const EMPTY_FRAMES: usize = 10;

/// What became of one picture that shows an attack or a living person.
#[derive(Clone, Debug)]
pub(super) enum Verdict {
    /// It came to no verdict: why.
    NoResponse(String),
    /// Score, 0 to 1, and whether that is alive.
    Judged(f32, bool),
}

/// One kind of attack, or of living people, and what became of its pictures.
#[derive(Clone, Debug)]
pub(super) struct Attacked {
    pub(super) species: String,
    pub(super) bona_fide: bool,
    /// File and verdict.
    pub(super) pictures: Vec<(String, Verdict)>,
}

/// Shows pictures to the camera's end of the terminal, one after the other.
struct CameraEnd<'v> {
    vision: &'v mut Vision,
    number: u64,
}

impl CameraEnd<'_> {
    fn show(&mut self, picture: &Arc<RgbImage>, liveness: bool) -> Result<Outcome, Failure> {
        self.number += 1;
        let (width, height) = picture.dimensions();
        let view = View { min_width: 0.0, area: Rect::sized(0.0, 0.0, width as f32, height as f32), liveness };
        let frame = Frame { pixels: picture.clone(), at: Mono(self.number * 40_000), number: self.number };
        // Nobody is enrolled: who it is is told from the embeddings.
        Ok(self.vision.pipeline.process(&frame, &view, &self.vision.gallery())?)
    }

    fn acquire(&mut self, picture: &Arc<RgbImage>) -> Result<Acquisition, Failure> {
        let Some(sighting) = self.show(picture, false)?.sighting else { return Ok(Acquisition::NoFace) };
        Ok(match (sighting.quality, sighting.embedding) {
            (Ok(()), Some(embedding)) => Acquisition::Acquired(embedding),
            (quality, _) => Acquisition::Rejected(quality.err().map_or("no embedding".into(), |r| format!("{r:?}"))),
        })
    }

    /// The verdict of so many frames, whose times `timed` is told; and then nobody, so that nothing is remembered.
    fn verdict(
        &mut self,
        picture: &Arc<RgbImage>,
        frames: usize,
        mut timed: impl FnMut(Timings),
    ) -> Result<Verdict, Failure> {
        let liveness = self.vision.pipeline.judges_liveness();
        let mut verdict = Verdict::NoResponse("no face found".into());
        for _ in 0..frames {
            let outcome = self.show(picture, liveness)?;
            let Some(sighting) = outcome.sighting else { break };
            verdict = match (sighting.quality, sighting.liveness) {
                (Err(reason), _) => Verdict::NoResponse(format!("turned away: {reason:?}")),
                (Ok(()), Some(liveness)) => Verdict::Judged(liveness.score, liveness.alive == Some(true)),
                (Ok(()), None) => Verdict::NoResponse("not judged".into()),
            };
            // A face that is turned away costs less, and is not what is measured.
            if sighting.quality.is_ok() {
                timed(outcome.timings);
            }
        }
        let nobody = Arc::new(RgbImage::new(NOBODY.0, NOBODY.1));
        for _ in 0..EMPTY_FRAMES {
            if !self.show(&nobody, false)?.lost.is_empty() {
                break;
            }
        }
        Ok(verdict)
    }
}

/// Each picture as a registered photo, as it is, and before the camera.
pub(super) fn people(
    vision: &mut Vision,
    pictures: &[Picture],
    say: &mut dyn FnMut(&str),
) -> Result<Vec<Seen>, Failure> {
    let mut seen = Vec::new();
    let mut camera = CameraEnd { vision, number: 0 };
    for (number, Picture { file, identity, path }) in (1..).zip(pictures) {
        let (enrolled, frame, still) = match set::read(path) {
            Ok(photo) => {
                let sensor = Arc::new(fit(&photo, SENSOR));
                let enrolled = camera.vision.portraitist.enrol(&photo).map(|p| p.embedding).map_err(|e| e.to_string());
                (enrolled, camera.acquire(&sensor)?, camera.acquire(&Arc::new(photo))?)
            }
            // Counted as what it would be at the door: nobody.
            Err(error) => (Err(error.to_string()), Acquisition::NoFace, Acquisition::NoFace),
        };
        seen.push(Seen { file: file.clone(), identity: identity.clone(), enrolled, still, frame });
        progress(say, "pictures of people", number, pictures.len());
    }
    Ok(seen)
}

/// Every attack; nothing where the pack judges no liveness.
pub(super) fn attacks(
    vision: &mut Vision,
    attacks: &[Species],
    say: &mut dyn FnMut(&str),
) -> Result<Vec<Attacked>, Failure> {
    let Some(frames) = vision.pack.liveness.as_ref().map(|spec| spec.frames) else { return Ok(Vec::new()) };
    let all: usize = attacks.iter().map(|species| species.pictures.len()).sum();
    let mut camera = CameraEnd { vision, number: 0 };
    let (mut number, mut attacked) = (0, Vec::new());
    for Species { name, bona_fide, pictures: shown } in attacks {
        let mut pictures = Vec::new();
        for (file, path) in shown {
            let verdict = match set::read(path) {
                Ok(picture) => camera.verdict(&Arc::new(picture), frames, |_| ())?,
                Err(error) => Verdict::NoResponse(error.to_string()),
            };
            pictures.push((file.clone(), verdict));
            number += 1;
            progress(say, "pictures for liveness", number, all);
        }
        attacked.push(Attacked { species: name.clone(), bona_fide: *bona_fide, pictures });
    }
    Ok(attacked)
}

/// The people of the list before the camera: milliseconds by stage, with liveness where the pack has it, and what
/// liveness makes of them.
pub(super) fn stages(
    vision: &mut Vision,
    pictures: &[Picture],
    say: &mut dyn FnMut(&str),
) -> Result<(Times, Attacked), Failure> {
    let frames = vision.pack.liveness.as_ref().map(|spec| spec.frames);
    let mut camera = CameraEnd { vision, number: 0 };
    let mut series = BTreeMap::<usize, (&'static str, Vec<Duration>)>::new();
    let mut verdicts = Vec::new();
    for (number, picture) in (1..).zip(pictures) {
        // Told among the pictures of people already.
        let Ok(photo) = set::read(&picture.path) else { continue };
        let sensor = Arc::new(fit(&photo, SENSOR));
        let mut rounds = 0;
        camera.verdict(&sensor, ROUNDS, |timings| {
            rounds += 1;
            // The first one warms up.
            for (place, (stage, span)) in timings.stages().into_iter().enumerate().filter(|_| rounds > 1) {
                series.entry(place).or_insert((stage, Vec::new())).1.push(span);
            }
        })?;
        // As it is: the sensor's frame has black borders around it, which liveness takes for those of a screen.
        if let Some(frames) = frames {
            verdicts.push((picture.file.clone(), camera.verdict(&Arc::new(photo), frames, |_| ())?));
        }
        progress(say, "pictures before the camera", number, pictures.len());
    }
    let spreads = series.into_values().filter_map(|(stage, spans)| Some((stage, Spread::of(spans)?))).collect();
    Ok((spreads, Attacked { species: LISTED.to_owned(), bona_fide: true, pictures: verdicts }))
}

fn progress(say: &mut dyn FnMut(&str), what: &str, number: usize, of: usize) {
    if number.is_multiple_of(10) || number == of {
        say(&format!("{what}: {number} of {of}"));
    }
}
