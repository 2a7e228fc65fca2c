//! The screen as pictures: what is drawn for every scene on every size of panel, one by one in one language, and in each
//! language small on one sheet.
//!
//! `UPDATE_GOLDEN=1 cargo test --test it screens` draws `tests/golden/screens` anew; look at what has changed.

use std::path::Path;
use std::sync::Arc;

use facegate::access::{Person, Reading};
use facegate::clock::Mono;
use facegate::field::{Flag, Int, LocalTime, Text};
use facegate::settings::Settings;
use facegate::ui::draw::{Pictures, draw, portrait_size};
use facegate::ui::layout::Area;
use facegate::ui::view::{Facts, View};
use facegate::ui::{Message, Part, Said, Scene, Work};
use facegate::vision::{Frame, Rect};
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::imageops;
use image::{Rgb, RgbImage};

const SIZES: [(u32, u32); 3] = [(720, 1280), (800, 1280), (1024, 600)];
/// As many as `Language` has values (3.30).
const LANGUAGES: i64 = 10;
/// How far a colour may be off: soft edges are rounded differently from machine to machine.
const TOLERANCE: u8 = 4;

/// Somebody before a wall, in three flat colours.
fn frame() -> Frame {
    let inside = |x: u32, y: u32, (cx, cy): (f32, f32), (rx, ry): (f32, f32)| {
        ((x as f32 - cx) / rx).powi(2) + ((y as f32 - cy) / ry).powi(2) < 1.0
    };
    let pixels = RgbImage::from_fn(960, 1280, |x, y| {
        if inside(x, y, (480.0, 560.0), (150.0, 200.0)) {
            Rgb([214, 168, 140])
        } else if inside(x, y, (480.0, 1300.0), (360.0, 520.0)) {
            Rgb([62, 78, 110])
        } else {
            Rgb([176, 186, 192])
        }
    });
    Frame { pixels: Arc::new(pixels), at: Mono(0), number: 1 }
}

struct Shot {
    name: &'static str,
    language: i64,
    said: Option<Said>,
    person: &'static str,
    temperature: Option<Reading>,
    /// Everything that can be shown is.
    full: bool,
    /// In place of the tip, or of everything.
    more: More,
}

#[derive(Clone, Copy, PartialEq)]
enum More {
    No,
    Keypad(usize),
    Start(&'static [Part]),
    Progress(Work, u8),
}

const fn shot(name: &'static str, language: i64, said: Said, person: &'static str) -> Shot {
    Shot { name, language, said: Some(said), person, temperature: None, full: false, more: More::No }
}

fn page(name: &'static str, language: i64, more: More) -> Shot {
    Shot { said: None, more, ..shot(name, language, Said::Pass, "") }
}

fn shots() -> Vec<Shot> {
    let reading = |celsius, high| Some(Reading { celsius, high });
    vec![
        Shot { said: None, ..shot("idle", 1, Said::Pass, "") },
        shot("pass", 1, Said::Pass, "张三"),
        shot("refused", 0, Said::Refused, "John Smith"),
        shot("stranger", 5, Said::Stranger, ""),
        Shot { temperature: reading(38.2, true), ..shot("fever", 7, Said::Fever, "Amélie Lefèvre") },
        shot("prompt", 9, Said::ShowIdCard, ""),
        Shot { temperature: reading(36.5, false), full: true, ..shot("full", 4, Said::Pass, "김민준") },
        shot("not-alive", 3, Said::NotAlive, ""),
        Shot { temperature: reading(36.4, false), ..shot("traditional", 2, Said::NotBearer, "黃體仁") },
        Shot { full: true, said: None, ..shot("idle-full", 6, Said::Pass, "") },
        page("keypad", 8, More::Keypad(4)),
        page("keypad-empty", 9, More::Keypad(0)),
        page("start", 2, More::Start(&[])),
        page("start-faults", 5, More::Start(&[Part::Camera, Part::Recognition, Part::CardReader, Part::Network])),
        page("fetching", 7, More::Progress(Work::Fetching, 0)),
        page("installing", 0, More::Progress(Work::Installing, 62)),
        page("restarting", 4, More::Progress(Work::Restarting, 100)),
    ]
}

fn picture(shot: &Shot, size: (u32, u32)) -> RgbImage {
    let mut settings = Settings::default();
    settings.system.language = Int::of(shot.language);
    if shot.full {
        settings.device.name = Text::new("Main entrance, building 7").unwrap();
        let panel = &mut settings.panel;
        (panel.show_title, panel.show_version) = (Flag::of(1), Flag::of(1));
        (panel.show_device_id, panel.show_person_count) = (Flag::of(1), Flag::of(1));
    }
    settings.temperature.show_abnormal = Flag::of(1);
    let facts = Facts {
        now: LocalTime::parse("2026-03-01T08:05:09").unwrap(),
        address: Some(([192, 168, 2, 10].into(), 80)),
        device_id: 1_300_001,
        people: 2048,
        version: "v0.1.0".into(),
    };
    let person = Person { name: shot.person.into(), ..Person::new(LocalTime::UNSET) };
    let face = Rect::sized(330.0, 360.0, 300.0, 400.0);
    let camera = frame();
    let message = shot.said.clone().map(|said| Message {
        person: (!shot.person.is_empty()).then(|| Arc::new(person)),
        taken: Some((camera.clone(), face)),
        card: shot.full.then(|| "0010123456".into()),
        temperature: shot.temperature,
        ..Message::new(said, Mono(1))
    });
    let mut scene =
        Scene { face: message.is_some().then_some(face), message: message.map(Arc::new), ..Scene::default() };
    match shot.more {
        More::No => {}
        More::Keypad(digits) => scene.keypad = Some(digits),
        More::Start(faults) => scene.start = Some(faults.into()),
        More::Progress(work, percent) => scene.progress = Some((work, percent)),
    }
    let view = View::new(&scene, &settings, &facts);
    let shown = Area::new(240.0, 260.0, 480.0, 640.0);
    let portrait = facegate::ui::draw::cover(&camera.pixels, shown, portrait_size(size)).map(Arc::new);
    draw(&view, Pictures { camera: Some(&camera), mirror: false, portrait: portrait.as_ref() }, size)
}

/// How much smaller a screen is on its language's sheet: its words can still be read.
const SMALLER: u32 = 4;
/// Screens beside each other on a sheet.
const ACROSS: u32 = 6;

/// All screens of one language and size beside each other.
fn sheet(language: i64, size: (u32, u32)) -> RgbImage {
    let shots = shots();
    let (w, h) = (size.0 / SMALLER, size.1 / SMALLER);
    let rows = u32::try_from(shots.len()).unwrap().div_ceil(ACROSS);
    let mut sheet = RgbImage::from_pixel(ACROSS * (w + 4), rows * (h + 4), Rgb([255; 3]));
    for (number, shot) in (0..).zip(shots) {
        let small = imageops::thumbnail(&picture(&Shot { language, ..shot }, size), w, h);
        let (x, y) = (number % ACROSS * (w + 4) + 2, number / ACROSS * (h + 4) + 2);
        imageops::replace(&mut sheet, &small, x.into(), y.into());
    }
    sheet
}

/// What is wrong with a picture, compared with the one kept; or keeps it, when it is to be drawn anew.
fn compared(drawn: &RgbImage, file: &Path) -> Option<String> {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        let out = std::fs::File::create(file).unwrap();
        let encoder = PngEncoder::new_with_quality(out, CompressionType::Best, FilterType::NoFilter);
        drawn.write_with_encoder(encoder).unwrap();
        return None;
    }
    let golden = image::open(file).unwrap_or_else(|e| panic!("{}: {e}", file.display())).into_rgb8();
    assert_eq!(golden.dimensions(), drawn.dimensions(), "{}", file.display());
    let far = |(a, b): (&u8, &u8)| a.abs_diff(*b) > TOLERANCE;
    let off = golden.pixels().zip(drawn.pixels()).filter(|(a, b)| a.0.iter().zip(&b.0).any(far)).count();
    (off > 0).then(|| format!("{}: {off} pixels differ", file.display()))
}

#[test]
fn screens_look_as_they_did() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/screens");
    let mut wrong = Vec::new();
    for size in SIZES {
        let size_name = format!("{}x{}", size.0, size.1);
        for shot in shots() {
            let file = folder.join(format!("{}-{}-{size_name}.png", shot.name, shot.language));
            wrong.extend(compared(&picture(&shot, size), &file));
        }
        for language in 0..LANGUAGES {
            let file = folder.join("languages").join(format!("{language}-{size_name}.png"));
            wrong.extend(compared(&sheet(language, size), &file));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
