//! The tip: a coloured card with a picture or a sign, and what is said.

use image::RgbImage;

use super::super::Mood;
use super::super::canvas::{Canvas, Colour, Fitted, Ground, WHITE, fit, span};
use super::super::layout::{Area, Layout};
use super::super::view::Tip;
use super::words::LINE;

/// A temperature that is too high.
const HOT: Colour = [0xC6, 0x1A, 0x1A];
/// One that is not.
const WELL: Colour = [0x15, 0x6B, 0x2D];

fn colour(mood: Mood) -> Colour {
    match mood {
        Mood::Good => [0x1B, 0x8A, 0x3A],
        Mood::Bad => [0xB7, 0x1C, 0x1C],
        Mood::Unsure => [0xA8, 0x5F, 0x00],
        Mood::Prompt => [0x15, 0x5F, 0xB0],
    }
}

/// A row of a tip.
struct Row {
    fitted: Fitted,
    /// On a white ground.
    badge: Option<Colour>,
    /// Above it.
    gap: f32,
}

impl Row {
    fn height(&self) -> f32 {
        #[expect(clippy::cast_precision_loss, reason = "a few lines")]
        let lines = self.fitted.lines.len() as f32;
        let around = if self.badge.is_some() { self.fitted.size * 0.4 } else { 0.0 };
        self.gap + lines * self.fitted.size * LINE + around
    }
}

/// The rows of a tip in a column of `room` pixels, in sizes of `unit`.
fn rows(tip: &Tip, room: f32, unit: f32) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut add = |text: &str, size: f32, most: usize, badge: Option<Colour>| {
        let gap = if rows.is_empty() { 0.0 } else { 0.5 * unit };
        let room = if badge.is_some() { room - size * unit } else { room };
        rows.push(Row { fitted: fit(text, room, size * unit, most), badge, gap });
    };
    if !tip.words.is_empty() {
        add(&tip.words, 2.7, 3, None);
    }
    if let Some(name) = &tip.name {
        add(name, 2.3, 2, None);
    }
    if let Some((text, high)) = &tip.temperature {
        add(text, 1.9, 1, Some(if *high { HOT } else { WELL }));
    }
    for card in &tip.cards {
        add(card, 1.5, 2, None);
    }
    rows
}

/// A coloured card: the person's picture or a sign at the left, words at the right.
pub fn card(canvas: &mut Canvas<impl Ground>, tip: &Tip, portrait: Option<&RgbImage>, layout: &Layout) {
    let (unit, most) = (layout.unit, layout.tip);
    let colour = colour(tip.mood);
    let padding = 1.3 * unit;
    let picture = portrait_sides(unit);
    let (left, tallest) = if portrait.is_some() { picture } else { (5.4 * unit, 5.4 * unit) };
    // The sign on a picture stands out to the right.
    let gap = if portrait.is_some() { padding + 1.2 * unit } else { padding };
    let room = most.w - 2.0 * padding - left - gap;
    let height_of = |rows: &[Row]| rows.iter().map(Row::height).sum::<f32>();
    // Many long texts at once are made smaller together; then the last of them are left out.
    let mut factor = 1.0;
    let mut lines = rows(tip, room, unit);
    while height_of(&lines) > most.h - 2.0 * padding && factor > 0.5 {
        factor -= 0.05;
        lines = rows(tip, room, unit * factor);
    }
    while height_of(&lines) > most.h - 2.0 * padding && lines.pop().is_some() {}
    let height = height_of(&lines).max(tallest) + 2.0 * padding;
    let y = if layout.over { most.bottom() - height } else { most.mid_y() - height / 2.0 };
    let area = Area::new(most.x, y, most.w, height);
    canvas.fill(area, 1.2 * unit, colour, 1.0);

    let inner = Area::new(area.x + padding, area.y + padding, left, area.h - 2.0 * padding);
    if let Some(portrait) = portrait {
        let frame = Area::new(inner.x, inner.mid_y() - picture.1 / 2.0, picture.0, picture.1);
        let edge = 0.25 * unit;
        canvas.fill(frame.inset(-edge), edge, WHITE, 1.0);
        canvas.picture(frame.x, frame.y, portrait);
        let at = (frame.right() - 0.4 * unit, frame.bottom() - 0.4 * unit);
        canvas.disc(at, 2.0 * unit, colour);
        sign(canvas, tip.mood, at, 1.6 * unit, colour);
    } else {
        sign(canvas, tip.mood, (inner.mid_x(), inner.mid_y()), left / 2.0, colour);
    }

    let x = inner.right() + gap;
    let mut y = area.mid_y() - height_of(&lines) / 2.0;
    for row in &lines {
        y += row.gap;
        let size = row.fitted.size;
        if let Some(ink) = row.badge {
            let around = size * 0.4;
            let widest = row.fitted.lines.iter().map(|line| span(line, size)).fold(0.0, f32::max);
            let badge = Area::new(x, y, widest + size, row.height() - row.gap);
            canvas.fill(badge, badge.h / 2.0, WHITE, 1.0);
            y += around / 2.0;
            for line in &row.fitted.lines {
                canvas.text(line, (x + size / 2.0, y + size * LINE / 2.0), size, ink);
                y += size * LINE;
            }
            y += around / 2.0;
        } else {
            for line in &row.fitted.lines {
                canvas.text(line, (x, y + size * LINE / 2.0), size, WHITE);
                y += size * LINE;
            }
        }
    }
}

/// Width and height of the picture beside the words.
pub fn portrait_sides(unit: f32) -> (f32, f32) {
    ((unit * 9.0).round(), (unit * 12.0).round())
}

/// A white disc with the sign of a mood: tick, cross, question mark, or an exclamation mark for prompts.
fn sign(canvas: &mut Canvas<impl Ground>, mood: Mood, (x, y): (f32, f32), radius: f32, colour: Colour) {
    canvas.disc((x, y), radius, WHITE);
    let at = |dx: f32, dy: f32| (x + dx * radius, y + dy * radius);
    let thickness = radius * 0.22;
    match mood {
        Mood::Good => canvas.strokes(&[at(-0.46, 0.04), at(-0.12, 0.38), at(0.5, -0.34)], thickness, colour),
        Mood::Bad => {
            canvas.strokes(&[at(-0.36, -0.36), at(0.36, 0.36)], thickness, colour);
            canvas.strokes(&[at(-0.36, 0.36), at(0.36, -0.36)], thickness, colour);
        }
        Mood::Unsure => {
            // An arc from the left over the top to the middle, then down.
            let mut points: Vec<_> = (0_u8..=12)
                .map(|step| {
                    let angle = std::f32::consts::PI * (1.05 + f32::from(step) / 12.0 * 1.25);
                    at(0.32 * angle.cos(), -0.24 + 0.32 * angle.sin())
                })
                .collect();
            points.extend([at(0.0, 0.12), at(0.0, 0.24)]);
            canvas.strokes(&points, thickness * 0.9, colour);
            canvas.disc(at(0.0, 0.56), thickness * 0.62, colour);
        }
        Mood::Prompt => {
            canvas.strokes(&[at(0.0, -0.5), at(0.0, 0.14)], thickness, colour);
            canvas.disc(at(0.0, 0.5), thickness * 0.65, colour);
        }
    }
}
