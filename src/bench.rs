//! `facegate bench`: what the pack and engine in use cost, stage by stage, and how fast the door answers.

pub mod wiegand;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use image::RgbImage;
use serde_json::{Map, Value, json};

use crate::access::Person;
use crate::app::{App, Failure};
use crate::board::Board;
use crate::clock::{Bell, Clock, SystemClock};
use crate::field::{Int, LocalTime};
use crate::settings;
use crate::vision::{
    Embedding, EngineChoice, Frame, Gallery, Metric, PictureLimits, Rect, View, Vision, decode_picture, fit,
};

/// Sizes of galleries that are searched.
const GALLERIES: [usize; 3] = [1_000, 24_576, 100_000];
/// How often each photo is looked at.
const ROUNDS: u64 = 10;
/// How many decisions are measured.
const DECISIONS: usize = 60;
/// How long one decision may take before it counts as missed.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is measured.
#[derive(Clone, Debug)]
pub struct Options {
    /// Folder of the model files.
    pub models: PathBuf,
    /// Which engine.
    pub engine: EngineChoice,
    /// Folder of photos of one face each.
    pub faces: Option<PathBuf>,
    /// Whether liveness is checked too.
    pub liveness: bool,
}

/// Middle and 95th percentile of a series.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    /// Half of the values are at most this, milliseconds.
    pub p50: f64,
    /// 95 in 100 of the values are at most this, milliseconds.
    pub p95: f64,
}

impl Spread {
    /// Of `values`; `None` of nothing.
    pub(crate) fn of(mut values: Vec<Duration>) -> Option<Self> {
        values.sort();
        let at = |part: usize| values.get((values.len() * part / 100).min(values.len().saturating_sub(1)));
        Some(Self { p50: ms(*at(50)?), p95: ms(*at(95)?) })
    }
}

/// Milliseconds by stage.
type Stages = Vec<(&'static str, Spread)>;

fn ms(span: Duration) -> f64 {
    span.as_secs_f64() * 1000.0
}

/// The figures.
#[derive(Clone, Debug)]
pub struct Report {
    pack: String,
    engine: String,
    liveness: bool,
    photos: usize,
    stages: Stages,
    /// Whole pipeline time over the engine's, same frames.
    pipeline_over_engine: Option<f64>,
    to_decision: Option<Spread>,
    to_relay: Option<Spread>,
    /// Frame to decision over the engine's time on that frame, middle.
    decision_over_engine: Option<f64>,
    missed: usize,
    searches: Vec<(usize, Spread)>,
}

/// Measures.
///
/// # Errors
/// When models or photos cannot be used.
pub fn run(options: &Options) -> Result<Report, Failure> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let mut vision = Vision::open(&options.models, None, &options.engine, clock.clone())?;
    let photos = options.faces.as_deref().map_or(Ok(Vec::new()), load_photos)?;
    if photos.is_empty() {
        eprintln!("No photos: only the detector and the search are measured. Give a folder of faces with --faces.");
    }
    eprintln!("Measuring the stages …");
    let frames = if photos.is_empty() {
        vec![RgbImage::new(960, 1280)]
    } else {
        photos.iter().map(|p| p.frame.clone()).collect()
    };
    let gallery = vision.gallery();
    let (stages, pipeline_over_engine) = measure_stages(&mut vision, &frames, &gallery, options.liveness, &*clock)?;
    let (pack, engine) = (vision.pack.id.clone(), vision.runtime.name());
    let (length, metric) = (vision.pack.embedding.length, vision.pack.comparison.metric);
    drop(vision);
    eprintln!("Measuring the search …");
    let searches = GALLERIES.into_iter().map(|size| (size, measure_search(size, length, metric, &*clock))).collect();
    let mut report = Report {
        pack,
        engine,
        liveness: options.liveness,
        photos: photos.len(),
        stages,
        pipeline_over_engine,
        to_decision: None,
        to_relay: None,
        decision_over_engine: None,
        missed: 0,
        searches,
    };
    if !photos.is_empty() {
        eprintln!("Measuring from frame to door …");
        measure_door(options, &photos, &mut report)?;
    }
    Ok(report)
}

struct Photo {
    name: String,
    bytes: Vec<u8>,
    frame: RgbImage,
}

fn load_photos(folder: &Path) -> Result<Vec<Photo>, Failure> {
    let entries = std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut paths: Vec<_> = entries.filter_map(|e| e.ok().map(|e| e.path())).collect();
    paths.sort();
    let mut photos = Vec::new();
    for path in paths.iter().filter(|p| p.extension().is_some_and(|e| e == "jpg" || e == "png")) {
        let bytes = std::fs::read(path)?;
        let picture = decode_picture(&bytes, PictureLimits::default())?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        photos.push(Photo { name, bytes, frame: fit(&picture, (960, 1280)) });
    }
    Ok(photos)
}

fn measure_stages(
    vision: &mut Vision,
    frames: &[RgbImage],
    gallery: &Gallery,
    liveness: bool,
    clock: &dyn Clock,
) -> Result<(Stages, Option<f64>), Failure> {
    let view = View { min_width: 0.0, area: Rect::sized(0.0, 0.0, 960.0, 1280.0), liveness };
    let mut series: BTreeMap<usize, (&'static str, Vec<Duration>)> = BTreeMap::new();
    let mut ratios = Vec::new();
    let mut number = 0;
    for pixels in frames {
        let pixels = Arc::new(pixels.clone());
        for round in 0..=ROUNDS {
            number += 1;
            let frame = Frame { pixels: pixels.clone(), at: clock.mono(), number };
            let t = vision.pipeline.process(&frame, &view, gallery)?.timings;
            if round == 0 {
                continue;
            }
            if !t.engine.is_zero() {
                ratios.push(t.total.as_secs_f64() / t.engine.as_secs_f64());
            }
            for (place, (stage, span)) in t.stages().into_iter().enumerate() {
                series.entry(place).or_insert((stage, Vec::new())).1.push(span);
            }
        }
    }
    ratios.sort_by(f64::total_cmp);
    let stages = series.into_values().filter_map(|(stage, spans)| Some((stage, Spread::of(spans)?))).collect();
    Ok((stages, ratios.get(ratios.len() / 2).copied()))
}

fn measure_search(size: usize, length: usize, metric: Metric, clock: &dyn Clock) -> Spread {
    let gallery = Gallery::new(length, metric);
    // A small linear congruential generator: the values do not matter, only that they differ.
    let mut state = 1_u32;
    let mut random = || {
        let raw: Vec<f32> = (0..length)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                f32::from(u16::try_from(state >> 16).unwrap_or(0)) - 32_768.0
            })
            .collect();
        Embedding::new(&raw, metric)
    };
    for id in (1_u32..).take(size) {
        if let Some(embedding) = random() {
            gallery.insert(id, &embedding);
        }
    }
    let spans = (0..20)
        .filter_map(|_| {
            let probe = random()?;
            let start = clock.mono();
            let found = gallery.search(&probe);
            std::hint::black_box(found);
            Some(clock.mono().since(start))
        })
        .collect();
    Spread::of(spans).unwrap_or(Spread { p50: 0.0, p95: 0.0 })
}

/// Shows photos to a whole simulated terminal and reads how long it took to decide and to open.
fn measure_door(options: &Options, photos: &[Photo], report: &mut Report) -> Result<(), Failure> {
    let clock = Arc::new(SystemClock::default());
    let data = std::env::temp_dir().join(format!("facegate-bench-{}", std::process::id()));
    let mut board = Board::sim()?;
    board.data.clone_from(&data);
    board.vision.models.clone_from(&options.models);
    board.vision.engine = options.engine.clone();
    board.listen = ([127, 0, 0, 1], 0).into();
    let devices = board.open(clock.clone())?;
    let app = App::start(board, devices, clock.clone(), crate::app::Options::default())?;
    let measured = show_all(&app, photos, options.liveness, &*clock, report);
    app.stop();
    let _ = std::fs::remove_dir_all(&data);
    measured
}

fn show_all(
    app: &App,
    photos: &[Photo],
    liveness: bool,
    clock: &dyn Clock,
    report: &mut Report,
) -> Result<(), Failure> {
    app.settings().change::<settings::Door>(|door| {
        door.verify_reset_s = Int::of(1);
        door.io_stay_ms = Int::of(20);
        Ok(())
    })?;
    app.settings().change::<settings::Face>(|face| {
        face.min_width_px.0 = Int::of(0);
        Ok(())
    })?;
    app.settings().change::<settings::System>(|system| {
        system.live_detect = if liveness { settings::LiveDetect::Always } else { settings::LiveDetect::Off };
        Ok(())
    })?;
    for photo in photos {
        let person = Person { name: photo.name.clone(), ..Person::new(LocalTime::UNSET) };
        app.roster().enrol(person, &photo.bytes, None)?;
    }
    let world = app.world().ok_or("the simulated board has no world")?;
    let (mut to_decision, mut to_relay, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let pause = Bell::default();
    for photo in photos.iter().cycle().take(DECISIONS.max(photos.len())) {
        let before = app.decisions().last();
        let deadline = clock.mono().after(PATIENCE);
        world.show(photo.frame.clone(), PATIENCE);
        let decision = loop {
            if let Some(note) = app.decisions().since(before).into_iter().next() {
                break Some(note);
            }
            if clock.mono() >= deadline {
                break None;
            }
            clock.wait(&pause, Some(clock.mono().after(Duration::from_millis(2))));
        };
        let Some(note) = decision.filter(|note| note.verdict == "admit") else {
            report.missed += 1;
            continue;
        };
        to_decision.push(note.frame_to_decision);
        to_relay.extend(note.frame_to_relay);
        if !note.engine.is_zero() {
            ratios.push(note.frame_to_decision.as_secs_f64() / note.engine.as_secs_f64());
        }
    }
    ratios.sort_by(f64::total_cmp);
    report.decision_over_engine = ratios.get(ratios.len() / 2).copied();
    report.to_decision = Spread::of(to_decision);
    report.to_relay = Spread::of(to_relay);
    Ok(())
}

impl Report {
    /// The same figures for programs.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let spread = |s: &Spread| json!({ "p50": round(s.p50), "p95": round(s.p95) });
        let stages: Map<String, Value> = self.stages.iter().map(|(n, s)| ((*n).to_owned(), spread(s))).collect();
        let searches: Map<String, Value> = self.searches.iter().map(|(n, s)| (n.to_string(), spread(s))).collect();
        json!({
            "pack": self.pack, "engine": self.engine, "liveness": self.liveness, "photos": self.photos,
            "stage_ms": stages, "pipeline_over_engine": self.pipeline_over_engine.map(round),
            "frame_to_decision_ms": self.to_decision.as_ref().map(spread),
            "frame_to_relay_ms": self.to_relay.as_ref().map(spread),
            "decision_over_engine": self.decision_over_engine.map(round), "missed": self.missed,
            "search_ms": searches,
        })
    }
}

fn round(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let live = if self.liveness { "liveness on" } else { "liveness off" };
        writeln!(f, "\npack    {}\nengine  {}\nphotos  {}, {live}\n", self.pack, self.engine, self.photos)?;
        writeln!(f, "{:<28}{:>10}{:>10}", "milliseconds", "p50", "p95")?;
        let mut row = |name: &str, s: &Spread| writeln!(f, "{name:<28}{:>10.2}{:>10.2}", s.p50, s.p95);
        for (stage, spread) in &self.stages {
            row(stage, spread)?;
        }
        if let Some(spread) = &self.to_decision {
            row("frame → decision", spread)?;
        }
        if let Some(spread) = &self.to_relay {
            row("frame → relay", spread)?;
        }
        for (size, spread) in &self.searches {
            row(&format!("search among {size}"), spread)?;
        }
        if let Some(ratio) = self.pipeline_over_engine {
            writeln!(f, "\npipeline / engine           {ratio:>10.3}")?;
        }
        if let Some(ratio) = self.decision_over_engine {
            writeln!(f, "frame → decision / engine   {ratio:>10.3}   ({} not recognised)", self.missed)?;
        }
        Ok(())
    }
}
