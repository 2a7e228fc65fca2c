//! The keypad: keys, and a dot for each digit that was entered.

use super::super::canvas::{BLACK, Canvas, Colour, Ground, WHITE};
use super::super::keypad;
use super::super::layout::{Area, Layout};
use super::super::lettering::Fonts;
use super::super::view::Keypad;
use super::words::QUIET;
use crate::hal::Key;

/// A key.
const KEY: Colour = [0x2A, 0x36, 0x44];
/// The key that says the digits are complete.
const ENTER: Colour = [0x1B, 0x8A, 0x3A];
/// How dark the keypad makes the picture under it.
const SHADE: f32 = 0.8;

/// Draws it in its place.
pub fn keypad(canvas: &mut Canvas<impl Ground>, fonts: &Fonts, pad: &Keypad, layout: &Layout) {
    let (unit, head) = (layout.unit, keypad::head(layout));
    canvas.fill(layout.keypad, unit, BLACK, SHADE);
    let fitted = fonts.fit(&pad.words, head.w - 2.0 * unit, 1.9 * unit, 1);
    for line in &fitted.lines {
        canvas.centred(fonts, line, (head.mid_x(), head.y + head.h * 0.32), fitted.size, WHITE);
    }
    dots(canvas, pad.digits, head.mid_x(), head.y + head.h * 0.74, head.w - 2.0 * unit, unit);
    for (key, place) in keypad::keys(layout) {
        let cap = place.inset(0.3 * unit);
        let size = (cap.h * 0.5).min(2.6 * unit);
        canvas.fill(cap, 0.7 * unit, if key == Key::Enter { ENTER } else { KEY }, 1.0);
        match key {
            Key::Digit(digit) => {
                canvas.centred(fonts, &digit.to_string(), (cap.mid_x(), cap.mid_y()), size, WHITE);
            }
            Key::Enter => tick(canvas, cap, size),
            Key::Back | Key::Clear => arrow(canvas, cap, size),
        }
    }
}

/// A dot for each digit; nearer together where they are many. Without digits a line says where they will stand.
fn dots(canvas: &mut Canvas<impl Ground>, count: usize, x: f32, y: f32, room: f32, unit: f32) {
    if count == 0 {
        let half = room.min(14.0 * unit) / 2.0;
        canvas.strokes(&[(x - half, y + 0.6 * unit), (x + half, y + 0.6 * unit)], 0.15 * unit, QUIET);
        return;
    }
    #[expect(clippy::cast_precision_loss, reason = "a few digits")]
    let count = count.min(32) as f32;
    let step = (1.8 * unit).min(room / count);
    let mut at = x - step * (count - 1.0) / 2.0;
    while at <= x + step * (count - 0.5) / 2.0 {
        canvas.disc((at, y), step / 3.0, WHITE);
        at += step;
    }
}

fn tick(canvas: &mut Canvas<impl Ground>, cap: Area, size: f32) {
    let at = |dx: f32, dy: f32| (cap.mid_x() + dx * size, cap.mid_y() + dy * size);
    canvas.strokes(&[at(-0.46, 0.04), at(-0.12, 0.36), at(0.5, -0.34)], size * 0.16, WHITE);
}

fn arrow(canvas: &mut Canvas<impl Ground>, cap: Area, size: f32) {
    let at = |dx: f32, dy: f32| (cap.mid_x() + dx * size, cap.mid_y() + dy * size);
    canvas.strokes(&[at(0.55, 0.0), at(-0.5, 0.0)], size * 0.13, WHITE);
    canvas.strokes(&[at(-0.15, -0.36), at(-0.52, 0.0), at(-0.15, 0.36)], size * 0.13, WHITE);
}
