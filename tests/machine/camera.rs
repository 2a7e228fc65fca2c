//! Photos as the sensor of the machine's camera would deliver them.

use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};

/// What the sensor delivers (`boards/qemu-virt.toml`).
pub const SENSOR: (u32, u32) = (960, 1280);

/// A photo, as large as fits before a grey wall, in YUYV (BT.601, limited range).
pub fn frame(photo: &RgbImage) -> Vec<u8> {
    let (width, height) = SENSOR;
    let scale = (f64::from(width) / f64::from(photo.width())).min(f64::from(height) / f64::from(photo.height()));
    let side = |length: u32, most: u32| ((f64::from(length) * scale).round() as u32).clamp(1, most);
    let (w, h) = (side(photo.width(), width), side(photo.height(), height));
    let mut seen = RgbImage::from_pixel(width, height, Rgb([128; 3]));
    let scaled = imageops::resize(photo, w, h, FilterType::Triangle);
    imageops::replace(&mut seen, &scaled, i64::from((width - w) / 2), i64::from((height - h) / 2));
    yuyv(&seen)
}

/// A room without anybody.
pub fn nobody() -> Vec<u8> {
    yuyv(&RgbImage::from_pixel(SENSOR.0, SENSOR.1, Rgb([128; 3])))
}

/// Two pixels in four bytes: each its own brightness, the colour of both in common.
fn yuyv(picture: &RgbImage) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(picture.as_raw().len() / 3 * 2);
    for pair in picture.as_raw().chunks_exact(6) {
        let [r0, g0, b0, r1, g1, b1] = std::array::from_fn(|at| i32::from(pair[at]));
        let (r, g, b) = ((r0 + r1) / 2, (g0 + g1) / 2, (b0 + b1) / 2);
        let y = |r: i32, g: i32, b: i32| ((66 * r + 129 * g + 25 * b + 128) >> 8) + 16;
        let u = ((-38 * r - 74 * g + 112 * b + 128) >> 8) + 128;
        let v = ((112 * r - 94 * g - 18 * b + 128) >> 8) + 128;
        bytes.extend([y(r0, g0, b0), u, y(r1, g1, b1), v].map(|value| value as u8));
    }
    bytes
}

/// Known colours, after the standard's own table.
pub fn check() {
    for (colour, expected) in [
        ([0, 0, 0], [16, 128, 16, 128]),
        ([255, 255, 255], [235, 128, 235, 128]),
        ([255, 0, 0], [82, 90, 82, 240]),
        ([0, 0, 255], [41, 240, 41, 110]),
    ] {
        assert_eq!(yuyv(&RgbImage::from_pixel(2, 1, Rgb(colour))), expected, "{colour:?}");
    }
    // A wide photo has wall above and below it, and is itself in the middle.
    let seen = frame(&RgbImage::from_pixel(200, 100, Rgb([255, 0, 0])));
    let at = |x: u32, y: u32| seen[2 * (y * SENSOR.0 + x) as usize];
    assert_eq!([at(0, 0), at(0, 399), at(0, 401), at(958, 640), at(0, 881)], [126, 126, 82, 82, 126]);
}
