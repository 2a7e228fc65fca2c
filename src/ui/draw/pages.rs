//! What fills the whole panel in place of the camera's picture: the start, and the progress of an upgrade.

use super::super::canvas::{Canvas, Colour, Ground, WHITE};
use super::super::layout::{Area, Layout};
use super::super::lettering::Fonts;
use super::super::view::{Progress, Start};
use super::words::{LINE, QUIET};

/// What does not work.
const FAULT: Colour = [0xFF, 0xB0, 0x3A];
/// The part of a bar that is done, and the rest.
const DONE: Colour = [0x4C, 0xC9, 0xF0];
const TO_DO: Colour = [0x2A, 0x36, 0x44];

/// Lines of text, one below the other.
struct Rows<'t> {
    fonts: &'t Fonts,
    room: f32,
    x: f32,
    y: f32,
    /// No line is drawn below it.
    end: f32,
}

impl Rows<'_> {
    /// A text of at most `most` lines with its middle at `x`.
    fn add(&mut self, canvas: &mut Canvas<impl Ground>, text: &str, size: f32, most: usize, colour: Colour) {
        let fitted = self.fonts.fit(text, self.room, size, most);
        for line in fitted.lines {
            let height = fitted.size * LINE;
            if self.y + height > self.end {
                return;
            }
            canvas.centred(self.fonts, &line, (self.x, self.y + height / 2.0), fitted.size, colour);
            self.y += height;
        }
    }
}

fn rows<'t>(fonts: &'t Fonts, layout: &Layout, from: f32) -> Rows<'t> {
    let (unit, w, h) = (layout.unit, layout.width, layout.height);
    Rows { fonts, room: w - 4.0 * unit, x: w / 2.0, y: from * h, end: h - unit }
}

/// Name and version, and below them what does not work.
pub fn start(canvas: &mut Canvas<impl Ground>, fonts: &Fonts, page: &Start, layout: &Layout) {
    let unit = layout.unit;
    let mut rows = rows(fonts, layout, if layout.over { 0.28 } else { 0.14 });
    rows.add(canvas, &page.name, 4.4 * unit, 2, WHITE);
    rows.add(canvas, &page.version, 1.8 * unit, 1, QUIET);
    rows.y += 2.5 * unit;
    rows.add(canvas, &page.words, 2.2 * unit, 1, WHITE);
    if page.faults.is_empty() {
        return;
    }
    rows.y += unit;
    rows.add(canvas, &page.out_of_order, 1.9 * unit, 1, FAULT);
    // Beside each other as far as there is room: a lying panel has little height.
    rows.add(canvas, &page.faults.join(", "), 1.7 * unit, 6, WHITE);
}

/// What is being done, a bar that grows, and a number.
pub fn progress(canvas: &mut Canvas<impl Ground>, fonts: &Fonts, page: &Progress, layout: &Layout) {
    let (unit, w) = (layout.unit, layout.width);
    let mut rows = rows(fonts, layout, if layout.over { 0.34 } else { 0.24 });
    rows.add(canvas, &page.words, 2.4 * unit, 2, WHITE);
    rows.y += 2.0 * unit;
    let part = f32::from(page.percent.min(100)) / 100.0;
    let bar = Area::new(w / 2.0 - 14.0 * unit, rows.y, 28.0 * unit, 1.4 * unit);
    canvas.fill(bar, 0.7 * unit, TO_DO, 1.0);
    if part > 0.0 {
        // Never shorter than its round ends.
        let done = Area { w: (bar.w * part).max(bar.h), ..bar };
        canvas.fill(done, 0.7 * unit, DONE, 1.0);
    }
    rows.y = bar.bottom() + unit;
    rows.add(canvas, &format!("{} %", page.percent.min(100)), 2.0 * unit, 1, WHITE);
    rows.y += 2.0 * unit;
    rows.add(canvas, &page.note, 1.7 * unit, 2, QUIET);
}
