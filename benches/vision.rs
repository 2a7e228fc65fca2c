//! Frame → who is there, and gallery search by size: milliseconds a stage, for every engine there is here.
//!
//! `FACEGATE_MODELS` names the weights, `FACEGATE_FACES` a folder of pictures, `FACEGATE_TFLITE_LIB` a library.
#![allow(missing_docs, clippy::unwrap_used)]
#![allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use facegate::clock::{Clock, Mono, SystemClock};
use facegate::vision::{
    Embedding, EngineChoice, Frame, Gallery, Metric, PictureLimits, Rect, Timings, View, Vision, decode_picture,
};
use image::RgbImage;

const FRAMES: usize = 60;

fn main() {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    search(&*clock);
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let (Some(models), Some(faces)) = (variable("FACEGATE_MODELS"), variable("FACEGATE_FACES")) else {
        println!("skipped: FACEGATE_MODELS and FACEGATE_FACES are not both set");
        return;
    };
    let library = variable("FACEGATE_TFLITE_LIB").map(EngineChoice::Library);
    for engine in [EngineChoice::BuiltIn].into_iter().chain(library) {
        for (name, photo) in [("face 410 px", "p01_1.jpg"), ("face 200 px", "p02_1.jpg"), ("face 140 px", "p10_1.jpg")]
        {
            for liveness in [false, true] {
                let mut vision = Vision::open(&models, None, &engine, clock.clone()).unwrap();
                let timings = run(&mut vision, &faces.join(photo), liveness);
                println!("{} {name} liveness {liveness}", vision.runtime.name());
                print(&timings);
            }
        }
    }
}

/// Times of many looks at one picture, written anew each time as the camera does it.
fn run(vision: &mut Vision, photo: &Path, liveness: bool) -> Vec<Timings> {
    let photo = decode_picture(&std::fs::read(photo).unwrap(), PictureLimits::default()).unwrap();
    let gallery = vision.gallery();
    for (id, embedding) in (0..).zip(embeddings(1000, vision.pack.embedding.length, gallery.metric())) {
        gallery.insert(id, &embedding);
    }
    let pixels = sensor_frame(&photo);
    let view = View { min_width: 50.0, area: Rect::sized(0.0, 0.0, 960.0, 1280.0), liveness };
    let mut timings = Vec::new();
    for number in 0..FRAMES as u64 {
        let frame = Frame { pixels: Arc::new(pixels.clone()), at: Mono(number), number };
        let outcome = vision.pipeline.process(&frame, &view, &gallery).unwrap();
        let sighting = outcome.sighting.expect("the picture shows a face");
        assert_eq!(sighting.quality, Ok(()));
        timings.push(outcome.timings);
    }
    timings.split_off(5) // Warmed up.
}

fn print(timings: &[Timings]) {
    let median = |pick: &dyn Fn(&Timings) -> f64| {
        let mut all: Vec<_> = timings.iter().map(pick).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    let ms = |d: Duration| d.as_secs_f64() * 1e3;
    type Stage = (&'static str, fn(&Timings) -> Duration);
    let stages: [Stage; 11] = [
        ("scale", |t| t.scale),
        ("detect", |t| t.detect),
        ("landmarks", |t| t.landmarks),
        ("track", |t| t.track),
        ("align", |t| t.align),
        ("liveness", |t| t.liveness),
        ("embed", |t| t.embed),
        ("search", |t| t.search),
        ("total", |t| t.total),
        ("engine", |t| t.engine),
        ("own", Timings::own),
    ];
    let line: Vec<_> = stages.iter().map(|(name, pick)| format!("{name} {:.3}", median(&|t| ms(pick(t))))).collect();
    let ratio = median(&|t| t.total.as_secs_f64() / t.engine.as_secs_f64());
    println!("  {}; total/engine {ratio:.3}", line.join("  "));
}

fn sensor_frame(photo: &RgbImage) -> RgbImage {
    let s = (960.0 / photo.width() as f32).min(1280.0 / photo.height() as f32);
    let (w, h) = ((photo.width() as f32 * s) as u32, (photo.height() as f32 * s) as u32);
    let scaled = image::imageops::resize(photo, w, h, image::imageops::FilterType::Triangle);
    let mut pixels = RgbImage::new(960, 1280);
    image::imageops::overlay(&mut pixels, &scaled, i64::from(960 - w) / 2, i64::from(1280 - h) / 2);
    pixels
}

fn search(clock: &dyn Clock) {
    for metric in [Metric::Cosine, Metric::Euclidean] {
        let probe = embeddings(1, 128, metric).remove(0);
        for size in [1_000, 24_576, 100_000] {
            let gallery = Gallery::new(128, metric);
            for (id, embedding) in (0..).zip(embeddings(size, 128, metric)) {
                gallery.insert(id, &embedding);
            }
            let mut times: Vec<_> = (0..30)
                .map(|_| {
                    let start = clock.mono();
                    std::hint::black_box(gallery.search(&probe));
                    clock.mono().since(start)
                })
                .collect();
            times.sort();
            println!("search among {size}, {metric:?}: {:.3} ms", times[15].as_secs_f64() * 1e3);
        }
    }
}

/// Embeddings that look random and are the same every time.
fn embeddings(count: usize, length: usize, metric: Metric) -> Vec<Embedding> {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f32 / (1_u64 << 30) as f32 - 1.0
    };
    (0..count).map(|_| Embedding::new(&(0..length).map(|_| next()).collect::<Vec<_>>(), metric).unwrap()).collect()
}
