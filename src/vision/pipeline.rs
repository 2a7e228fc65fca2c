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
use super::pack::Pack;
use super::quality::{self, Light, Reason};
use super::similarity::{Comparison, Similarity};
use super::track::{TrackId, Tracker};
use crate::clock::{Clock, Mono};
use crate::error::Result;

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
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The largest face, if there is one.
    pub sighting: Option<Sighting>,
    /// Tracks that will not be seen again.
    pub lost: Vec<TrackId>,
    /// Where the time went.
    pub timings: Timings,
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
    /// How many faces the frame shows.
    pub faces: usize,
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
            mesh.confirm(&frame.pixels, &mut faces, 1)?;
            timings.engine += mesh.engine_time();
        }
        timings.landmarks = watch.lap();
        let (largest, count) = (faces.first().copied(), faces.len());
        let (tracks, lost) = self.tracker.follow(&faces);

        let mut sighting = None;
        if let (Some(face), Some(track)) = (largest, tracks.first().copied()) {
            let mut seen = Sighting {
                track,
                frame: frame.clone(),
                face,
                faces: count,
                quality: Ok(()),
                liveness: None,
                best: None,
                embedding: None,
                engine_time: Duration::ZERO,
            };
            timings.track = watch.lap();
            seen.quality = match self.judge(&mut seen, infrared, view, gallery, &mut watch, &mut timings) {
                Ok(()) => Ok(()),
                Err(Obstacle::View(reason)) => Err(reason),
                Err(Obstacle::Engine(error)) => {
                    // Lost tracks are still told: whoever waits for them would wait for ever.
                    tracing::error!(%error, "a face could not be measured");
                    return Ok(Outcome { sighting: None, lost, timings });
                }
            };
            seen.engine_time = timings.engine;
            sighting = Some(seen);
        }
        timings.total = watch.total();
        Ok(Outcome { sighting, lost, timings })
    }

    /// The stages that need a face: fills in what is known about `seen`.
    fn judge(
        &mut self,
        seen: &mut Sighting,
        infrared: Option<&Frame>,
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
            denied = is_denied(&mut self.detector, infrared, seen, timings)?;
        }
        timings.liveness = watch.lap();

        let embedding = self.embedder.embed(crop)?;
        timings.engine += self.embedder.model().last_run();
        timings.embed = watch.lap();
        let embedding = embedding.ok_or(Reason::NotAFace)?;

        if let Some(memory) = self.tracker.memory(seen.track) {
            // Half-way similarity is what two pictures of one person reach even in bad light: below it somebody
            // else stands here, or a picture of somebody else, and earlier liveness says nothing about it.
            let Comparison { metric, map } = self.comparison;
            let changed = memory.last.as_ref().is_some_and(|last| metric.compare(last, &embedding) < map.centre);
            if changed || denied || score.is_none() {
                memory.liveness.clear();
            }
            seen.liveness = match (&self.liveness, score) {
                _ if denied => Some(Liveness::DENIED),
                (Some(judge), Some(score)) => Some(memory.liveness.push(score, judge.spec())),
                _ => None,
            };
            memory.last = Some(embedding.clone());
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

/// Whether an infrared picture shows no face where the colour picture shows one; adds the detector's running time.
fn is_denied(
    detector: &mut Detector,
    infrared: Option<&Frame>,
    seen: &Sighting,
    timings: &mut Timings,
) -> Result<bool> {
    let Some(infrared) = infrared else { return Ok(false) };
    let placement = detector.load(&infrared.pixels)?;
    let faces = detector.find(placement)?;
    let sizes = (seen.frame.pixels.dimensions(), infrared.pixels.dimensions());
    let confirmed = infrared::confirms(&seen.face.bbox, sizes.0, faces, sizes.1);
    timings.engine += detector.model().last_run();
    Ok(!confirmed)
}

/// What keeps a face from being compared.
enum Obstacle {
    View(Reason),
    Engine(crate::error::Error),
}

impl From<Reason> for Obstacle {
    fn from(reason: Reason) -> Self {
        Self::View(reason)
    }
}

impl From<crate::error::Error> for Obstacle {
    fn from(error: crate::error::Error) -> Self {
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
