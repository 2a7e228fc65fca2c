//! A picture of the screen, from what is to be seen to the panel's memory: microseconds, and how much of a core that is at
//! 25 pictures a second.
//!
//! The frame is another one each time, as with a camera. `FACEGATE_PANEL` names a framebuffer or a file to write to; otherwise
//! a file in the folder for temporary ones serves, where writing costs what it costs to copy.
#![allow(missing_docs, clippy::unwrap_used)]
#![allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]

use std::path::PathBuf;
use std::sync::Arc;

use facegate::clock::{Clock, Mono, SystemClock};
use facegate::field::LocalTime;
use facegate::hal::Panel;
use facegate::hal::Rotation;
use facegate::hal::linux::framebuffer::Framebuffer;
use facegate::settings::Settings;
use facegate::ui::draw::{Painter, Pictures, portrait_size};
use facegate::ui::view::{Facts, View};
use facegate::ui::{Message, Said, Scene};
use facegate::vision::{Frame, Rect};
use image::RgbImage;

const PICTURES: usize = 200;

fn main() {
    let clock = SystemClock::default();
    let folder = tempfile::tempdir().unwrap();
    let node = std::env::var_os("FACEGATE_PANEL").map_or_else(|| folder.path().join("panel"), PathBuf::from);
    if !node.exists() {
        std::fs::File::create(&node).unwrap();
    }
    let pictures = std::env::args().filter_map(|word| word.parse().ok()).next().unwrap_or(PICTURES);
    let frames: Vec<_> = (0..4).map(frame).collect();
    println!("size and rotation   scene          painted   shown   of a core at 25 a second");
    for (size, rotation) in [((720, 1280), 0), ((720, 1280), 90), ((800, 1280), 0), ((800, 1280), 90), ((1024, 600), 0)]
    {
        let rotation = Rotation::try_from(rotation).unwrap();
        for (name, mirror, told) in [("camera", false, false), ("mirror", true, false), ("mirror, tip", true, true)] {
            let view = view(told);
            let portrait = portrait_size(size);
            let portrait = Arc::new(RgbImage::new(portrait.0, portrait.1));
            let mut painter = Painter::new(size, rotation, Arc::default());
            let mut panel = Framebuffer::new(node.clone(), size, rotation);
            let (mut painted, mut shown) = (0, 0);
            for number in 0..pictures + 2 {
                let camera = Some(&frames[number % frames.len()]);
                let start = clock.mono();
                let picture = painter.paint(&view, Pictures { camera, mirror, portrait: Some(&portrait) });
                let middle = clock.mono();
                panel.show(picture).unwrap();
                // The first pictures draw what is kept, and open the panel.
                if number >= 2 {
                    painted += middle.0 - start.0;
                    shown += clock.mono().0 - middle.0;
                }
            }
            let [painted, shown] = [painted, shown].map(|all| all as f64 / pictures as f64);
            let part = (painted + shown) * 25.0 / 1e6 * 100.0;
            let size = format!("{}x{} {}", size.0, size.1, rotation.degrees());
            println!("{size:<19} {name:<12} {painted:>6.0} µs {shown:>5.0} µs {part:>6.1} %");
        }
    }
}

/// A picture with something everywhere.
fn frame(number: u64) -> Frame {
    let salt = number as u32 * 71;
    let pixels = RgbImage::from_fn(960, 1280, |x, y| {
        let noise = x.wrapping_mul(2_654_435_761).wrapping_add(y.wrapping_mul(40_503)).wrapping_add(salt);
        image::Rgb([(x / 4) as u8, (y / 5) as u8, (noise >> 7) as u8])
    });
    Frame { pixels: Arc::new(pixels), at: Mono(number), number }
}

fn view(told: bool) -> View {
    let facts = Facts {
        now: LocalTime::parse("2026-03-01T08:05:09").unwrap(),
        address: Some(([192, 168, 2, 10].into(), 80)),
        device_id: 1_300_001,
        people: 2048,
        version: "v0.1.0".into(),
    };
    let face = Rect::sized(330.0, 360.0, 300.0, 400.0);
    let message = Message { taken: Some((frame(0), face)), ..Message::new(Said::Pass, Mono(1)) };
    let scene = Scene { face: Some(face), message: told.then(|| Arc::new(message)), ..Scene::default() };
    View::new(&scene, &Settings::default(), &facts)
}
