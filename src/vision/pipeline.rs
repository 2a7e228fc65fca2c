//! From a camera frame to who is there: detect, track, judge the view, align, liveness, embed, search.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::align::{Aligner, Alignment};
use super::detect::Detector;
use super::embed::{Embedder, Embedding};
use super::frame::Frame;
use super::gallery::{Candidate, Gallery};
use super::geometry::{Face, Point, Rect};
use super::infrared;
use super::liveness::{Liveness, LivenessJudge, Window};
use super::mesh::Mesh;
use super::model::Runtime;
use super::pack::{LivenessSpec, Pack};
use super::quality::{self, Light, Reason};
use super::similarity::{Comparison, Similarity};
use super::track::{TrackId, Tracker};
use crate::clock::{Clock, Mono};
use crate::error::{Error, Result};

/// Two frames of one track that are less alike than this, 0 to 100, may show two people: what two pictures have to reach to be
/// of one person for certain, and what frames a moment apart exceed by far.
const SAME_FACE: f32 = 80.0;

/// What is asked of a face, in pixels of the frame.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct View {
    /// Narrower faces are too far away.
    pub min_width: f32,
    /// The middle of a face must lie in it.
    pub area: Rect,
    /// Whether liveness is demanded; with a pack that cannot judge it, no face is then alive.
    pub liveness: bool,
}

/// What one frame showed.
#[derive(Debug)]
pub struct Outcome {
    /// The largest face, if there is one.
    pub sighting: Option<Sighting>,
    /// Tracks that will not be seen again.
    pub lost: Vec<TrackId>,
    /// Where the time went.
    pub timings: Timings,
    /// Why a face that was found could not be measured; nothing is said about it then.
    pub failed: Option<Error>,
}

/// The largest face of a frame and what is known about it.
#[derive(Clone, Debug)]
pub struct Sighting {
    /// The same from frame to frame for the same face.
    pub track: TrackId,
    /// Where it was seen.
    pub frame: Frame,
    /// In pixels of the frame.
    pub face: Face,
    /// Whether the view was good enough; if not, nothing below is known.
    pub quality: Result<(), Reason>,
    /// `None` when not checked.
    pub liveness: Option<Liveness>,
    /// The most alike enrolled face, however little alike; `None` when nobody is enrolled.
    pub best: Option<Match>,
    /// Of this view; for one-to-one comparisons with [`Gallery::compare`].
    pub embedding: Option<Embedding>,
    /// Time the networks took on this frame.
    pub engine_time: Duration,
}

/// An enrolled face that a seen face looks like.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Match {
    /// As enrolled in the gallery.
    pub id: u32,
    /// As the pack's metric has it; larger is more alike.
    pub score: f32,
    /// 0 to 100.
    pub similarity: Similarity,
}

/// Where the time for one frame went; stages that were not reached are zero.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Timings {
    /// Scaling the frame into the detector's input.
    pub scale: Duration,
    /// Running the detector and reading its output.
    pub detect: Duration,
    /// Laying the mesh over found faces, where the pack has one.
    pub landmarks: Duration,
    /// Tracking and judging the view.
    pub track: Duration,
    /// Cutting the aligned crop and measuring its light.
    pub align: Duration,
    /// Cutting crops for the liveness networks and running them.
    pub liveness: Duration,
    /// Running the embedding network.
    pub embed: Duration,
    /// Searching the gallery.
    pub search: Duration,
    /// From frame to outcome.
    pub total: Duration,
    /// The part of `total` inside the engine.
    pub engine: Duration,
}

/// Looks at the frames of one camera, in their order.
#[derive(Debug)]
pub struct Pipeline {
    detector: Detector,
    mesh: Option<Mesh>,
    tracker: Tracker<Memory>,
    aligner: Aligner,
    template: Vec<Point>,
    /// For the crop that light is measured on, where the pack's own is another.
    light: Option<Aligner>,
    /// `None`: nothing in the pack can tell a face from a picture of one.
    liveness: Option<LivenessJudge>,
    embedder: Embedder,
    comparison: Comparison,
    clock: Arc<dyn Clock>,
}

/// What is remembered about a track.
#[derive(Debug, Default)]
struct Memory {
    liveness: Window,
    last: Option<Embedding>,
}

impl Memory {
    /// Takes in one more frame: its `score`, `None` where nothing judged it, and whether something spoke against it.
    fn liveness(
        &mut self,
        embedding: &Embedding,
        score: Option<f32>,
        denied: bool,
        comparison: &Comparison,
        spec: Option<&LivenessSpec>,
    ) -> Option<Liveness> {
        // Somebody else may stand here now, or a picture of somebody: earlier liveness says nothing about it.
        let same = |last: &Embedding| comparison.similarity(last, embedding) >= Similarity::new(SAME_FACE);
        let changed = !self.last.as_ref().is_none_or(same);
        if changed || denied || score.is_none() {
            self.liveness.clear();
        }
        self.last = Some(embedding.clone());
        if denied {
            return Some(Liveness::DENIED);
        }
        score.zip(spec).map(|(score, spec)| self.liveness.push(score, spec))
    }
}

impl Pipeline {
    /// Loads the networks of `pack` from the folder `weights`.
    ///
    /// # Errors
    /// When a file is missing, another one, or not of the described shape.
    pub fn open(pack: &Pack, weights: &Path, runtime: &Runtime, clock: Arc<dyn Clock>) -> Result<Self> {
        let template = pack.embedding.template.clone();
        let mesh = |spec| Mesh::open(spec, weights, runtime, clock.clone());
        let judge = |spec| LivenessJudge::open(spec, weights, runtime, &clock);
        let metric = pack.comparison.metric;
        Ok(Self {
            detector: Detector::open(&pack.detector, weights, runtime, clock.clone())?,
            mesh: pack.landmarks.as_ref().map(mesh).transpose()?,
            tracker: Tracker::default(),
            aligner: Aligner::new(pack.embedding.model.width),
            light: (template != quality::TEMPLATE).then(|| Aligner::new(quality::SIDE)),
            template,
            liveness: pack.liveness.as_ref().map(judge).transpose()?,
            embedder: Embedder::open(&pack.embedding, metric, weights, runtime, clock.clone())?,
            comparison: pack.comparison,
            clock,
        })
    }

    /// Whether the pack can tell a living face from a picture of one; where not, and [`View::liveness`] demands it, no face
    /// passes.
    #[must_use]
    pub fn judges_liveness(&self) -> bool {
        self.liveness.is_some()
    }

    /// Looks at one frame.
    ///
    /// # Errors
    /// When an engine fails or the frame is empty; the next frame may be tried.
    pub fn process(&mut self, frame: &Frame, view: &View, gallery: &Gallery) -> Result<Outcome> {
        self.process_both(frame, None, view, gallery)
    }

    /// The same with what an infrared camera shows at the same time: a face it does not see is not alive.
    ///
    /// # Errors
    /// As [`Pipeline::process`].
    pub fn process_both(
        &mut self,
        frame: &Frame,
        infrared: Option<&Frame>,
        view: &View,
        gallery: &Gallery,
    ) -> Result<Outcome> {
        let mut watch = Watch::start(self.clock.clone());
        let mut timings = Timings::default();

        let placement = self.detector.load(&frame.pixels)?;
        timings.scale = watch.lap();
        let mut faces = self.detector.find(placement)?.to_vec();
        timings.engine = self.detector.model().last_run();
        timings.detect = watch.lap();
        if let Some(mesh) = &mut self.mesh {
            // With an infrared camera it matters whose face is beside the largest one.
            let wanted = if infrared.is_some() { usize::MAX } else { 1 };
            mesh.confirm(&frame.pixels, &mut faces, wanted)?;
            timings.engine += mesh.engine_time();
        }
        timings.landmarks = watch.lap();
        let largest = faces.first().copied();
        let (tracks, lost) = self.tracker.follow(&faces);

        let mut sighting = None;
        if let (Some(face), Some(track)) = (largest, tracks.first().copied()) {
            let mut seen = Sighting {
                track,
                frame: frame.clone(),
                face,
                quality: Ok(()),
                liveness: None,
                best: None,
                embedding: None,
                engine_time: Duration::ZERO,
            };
            timings.track = watch.lap();
            let infrared = infrared.map(|frame| (frame, &*faces));
            seen.quality = match self.judge(&mut seen, infrared, view, gallery, &mut watch, &mut timings) {
                Ok(()) => Ok(()),
                Err(Obstacle::View(reason)) => Err(reason),
                // Lost tracks are still told: whoever waits for them would wait for ever.
                Err(Obstacle::Engine(error)) => {
                    return Ok(Outcome { sighting: None, lost, timings, failed: Some(error) });
                }
            };
            seen.engine_time = timings.engine;
            sighting = Some(seen);
        }
        timings.total = watch.total();
        Ok(Outcome { sighting, lost, timings, failed: None })
    }

    /// The stages that need a face: fills in what is known about `seen`. With an infrared frame come all faces of the colour
    /// one.
    fn judge(
        &mut self,
        seen: &mut Sighting,
        infrared: Option<(&Frame, &[Face])>,
        view: &View,
        gallery: &Gallery,
        watch: &mut Watch,
        timings: &mut Timings,
    ) -> Result<(), Obstacle> {
        let picture = &*seen.frame.pixels;
        let judge = self.liveness.as_mut().filter(|_| view.liveness);
        let least = judge.as_ref().map_or(0.0, |judge| judge.spec().min_width);
        quality::check_view(&seen.face, picture.dimensions(), view.min_width.max(least), &view.area)?;
        let landmarks = &seen.face.landmarks;
        let alignment = Alignment::from_landmarks(landmarks, &self.template).ok_or(Reason::NotAFace)?;
        timings.track += watch.lap();

        let crop = self.aligner.warp(picture, &alignment);
        quality::check_light(&match &mut self.light {
            None => Light::of(crop),
            Some(aligner) => {
                let alignment = Alignment::from_landmarks(landmarks, &quality::TEMPLATE).ok_or(Reason::NotAFace)?;
                Light::of(aligner.warp(picture, &alignment))
            }
        })?;
        timings.align = watch.lap();

        // Where liveness is demanded and nothing can judge it, nobody is alive: it is a veto, and silence no pass.
        let (mut score, mut denied) = (None, view.liveness && judge.is_none());
        if let Some(judge) = judge {
            score = Some(judge.score(picture, &seen.face.bbox)?);
            timings.engine += judge.engine_time();
            if let Some((infrared, colour)) = infrared {
                let size = picture.dimensions();
                denied = !is_seen(&mut self.detector, &mut self.mesh, infrared, (colour, size), timings)?;
            }
        }
        timings.liveness = watch.lap();

        let embedding = self.embedder.embed(crop)?;
        timings.engine += self.embedder.model().last_run();
        timings.embed = watch.lap();
        let embedding = embedding.ok_or(Reason::NotAFace)?;

        if let Some(memory) = self.tracker.memory(seen.track) {
            let spec = self.liveness.as_ref().map(LivenessJudge::spec);
            seen.liveness = memory.liveness(&embedding, score, denied, &self.comparison, spec);
        }
        seen.best = gallery.search(&embedding).map(|Candidate { id, score }| Match {
            id,
            score,
            similarity: self.comparison.map.similarity(score),
        });
        seen.embedding = Some(embedding);
        timings.search = watch.lap();
        Ok(())
    }
}

/// Whether an infrared picture shows the first face of the colour picture too; adds the engine's running time.
fn is_seen(
    detector: &mut Detector,
    mesh: &mut Option<Mesh>,
    infrared: &Frame,
    (colour, size): (&[Face], (u32, u32)),
    timings: &mut Timings,
) -> Result<bool> {
    let placement = detector.load(&infrared.pixels)?;
    let mut faces = detector.find(placement)?.to_vec();
    timings.engine += detector.model().last_run();
    if let Some(mesh) = mesh {
        mesh.confirm(&infrared.pixels, &mut faces, usize::MAX)?;
        timings.engine += mesh.engine_time();
    }
    Ok(infrared::confirms(colour, size, &faces, infrared.pixels.dimensions()))
}

/// What keeps a face from being compared.
enum Obstacle {
    View(Reason),
    Engine(Error),
}

impl From<Reason> for Obstacle {
    fn from(reason: Reason) -> Self {
        Self::View(reason)
    }
}

impl From<Error> for Obstacle {
    fn from(error: Error) -> Self {
        Self::Engine(error)
    }
}

impl Timings {
    /// Every stage by name, in their order, then the whole and the engine's part of it.
    #[must_use]
    pub fn stages(&self) -> [(&'static str, Duration); 10] {
        [
            ("scale", self.scale),
            ("detect", self.detect),
            ("landmarks", self.landmarks),
            ("track", self.track),
            ("align", self.align),
            ("liveness", self.liveness),
            ("embed", self.embed),
            ("search", self.search),
            ("total", self.total),
            ("engine", self.engine),
        ]
    }

    /// The pipeline's own work: everything outside the engine.
    #[must_use]
    pub fn own(&self) -> Duration {
        self.total.saturating_sub(self.engine)
    }
}

/// Takes the time between stages.
struct Watch {
    clock: Arc<dyn Clock>,
    start: Mono,
    last: Mono,
}

impl Watch {
    fn start(clock: Arc<dyn Clock>) -> Self {
        let now = clock.mono();
        Self { clock, start: now, last: now }
    }

    fn lap(&mut self) -> Duration {
        let last = std::mem::replace(&mut self.last, self.clock.mono());
        self.last.since(last)
    }

    fn total(&self) -> Duration {
        self.clock.mono().since(self.start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vision::liveness::Combination;
    use crate::vision::similarity::{Metric, SimilarityMap};

    /// Its cosine with the first of these people.
    fn person(cosine: f32) -> Embedding {
        Embedding::new(&[cosine, (1.0 - cosine * cosine).sqrt(), 0.0], Metric::Cosine).unwrap()
    }

    #[test]
    fn liveness_is_that_of_one_person() {
        let map = SimilarityMap { slope: 9.0, centre: 0.23 };
        let comparison = Comparison { metric: Metric::Cosine, map };
        let spec =
            LivenessSpec { models: Vec::new(), combine: Combination::Mean, threshold: 0.5, frames: 3, min_width: 0.0 };
        for (what, cosine, score, denied, alive) in [
            ("the next frame of the same person", 0.9, Some(1.0), false, Some(true)),
            ("a photo of somebody who looks somewhat like it", 0.3, Some(0.0), false, None),
            ("a photo of somebody else", -0.1, Some(0.0), false, None),
            ("the infrared camera sees nobody", 0.9, Some(1.0), true, Some(false)),
        ] {
            let mut memory = Memory::default();
            let mut see = |cosine, score, denied| {
                memory.liveness(&person(cosine), score, denied, &comparison, Some(&spec)).and_then(|l| l.alive)
            };
            assert_eq!([1.0, 1.0, 1.0].map(|_| see(1.0, Some(1.0), false)), [None, None, Some(true)], "{what}");
            assert_eq!(see(cosine, score, denied), alive, "{what}");
        }
        let mut memory = Memory::default();
        assert_eq!(memory.liveness(&person(1.0), None, false, &comparison, Some(&spec)), None, "not judged");
    }
}
