//! The screen as pictures: what is drawn for the main scenes, on every size of panel, some in each language.
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
use facegate::ui::{Message, Said, Scene};
use facegate::vision::{Frame, Rect};
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{Rgb, RgbImage};

const SIZES: [(u32, u32); 3] = [(720, 1280), (800, 1280), (1024, 600)];
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
}

const fn shot(name: &'static str, language: i64, said: Said, person: &'static str) -> Shot {
    Shot { name, language, said: Some(said), person, temperature: None, full: false }
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
    let scene = Scene { face: message.is_some().then_some(face), message: message.map(Arc::new), dark: false };
    let view = View::new(&scene, &settings, &facts);
    let shown = Area::new(240.0, 260.0, 480.0, 640.0);
    let portrait = facegate::ui::draw::cover(&camera.pixels, shown, portrait_size(size)).map(Arc::new);
    draw(&view, Pictures { camera: Some(&camera), mirror: false, portrait: portrait.as_ref() }, size)
}

#[test]
fn screens_look_as_they_did() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/screens");
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut wrong = Vec::new();
    for shot in shots() {
        // The two upright sizes differ little: what fills the screen is looked at on both.
        for size in SIZES.into_iter().filter(|size| size.0 != 800 || shot.full) {
            let drawn = picture(&shot, size);
            let file = folder.join(format!("{}-{}-{}x{}.png", shot.name, shot.language, size.0, size.1));
            if update {
                std::fs::create_dir_all(&folder).unwrap();
                let out = std::fs::File::create(&file).unwrap();
                let encoder = PngEncoder::new_with_quality(out, CompressionType::Best, FilterType::NoFilter);
                drawn.write_with_encoder(encoder).unwrap();
                continue;
            }
            let golden = image::open(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display())).into_rgb8();
            assert_eq!(golden.dimensions(), drawn.dimensions(), "{}", file.display());
            let far = |(a, b): (&u8, &u8)| a.abs_diff(*b) > TOLERANCE;
            let off = golden.pixels().zip(drawn.pixels()).filter(|(a, b)| a.0.iter().zip(&b.0).any(far)).count();
            if off > 0 {
                wrong.push(format!("{}: {off} pixels differ", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
