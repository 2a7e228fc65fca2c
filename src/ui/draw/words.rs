//! Head and foot: title, date, time, and what the terminal says of itself.

use super::super::canvas::{BLACK, Canvas, Colour, Ground, WHITE, fit, span};
use super::super::layout::Layout;
use super::super::view::View;

/// What is less important.
const QUIET: Colour = [0xC8, 0xD2, 0xDC];
/// How dark head and foot make the picture under them.
const SHADE: f32 = 0.55;
/// From one line of text to the next, relative to the height of its letters.
pub const LINE: f32 = 1.22;

/// Title and date at the left, the time at the right; on a lying panel one below the other.
pub fn head(canvas: &mut Canvas<impl Ground>, view: &View, layout: &Layout) {
    let (unit, area) = (layout.unit, layout.head);
    let rows: Vec<_> = present([(&view.title, 2.0, WHITE), (&view.date, 1.6, QUIET)]).collect();
    if rows.is_empty() && view.time.is_none() {
        return;
    }
    let room = area.w - 2.4 * unit;
    if layout.over {
        canvas.fill(area, 0.0, BLACK, SHADE);
        let mut taken = 0.0;
        if let Some(time) = &view.time {
            let size = 3.2 * unit;
            taken = span(time, size) + unit;
            canvas.text(time, (area.right() - 1.2 * unit - span(time, size), area.mid_y()), size, WHITE);
        }
        let height: f32 = rows.iter().map(|(_, size, _)| size * LINE * unit).sum();
        let mut y = area.mid_y() - height / 2.0;
        for (text, size, colour) in rows {
            let size = size * unit;
            y += size * LINE / 2.0;
            one_line(canvas, text, (area.x + 1.2 * unit, y), room - taken, size, colour);
            y += size * LINE / 2.0;
        }
    } else {
        let all = [(&view.title, 2.0, WHITE), (&view.time, 5.0, WHITE), (&view.date, 1.6, QUIET)];
        let all: Vec<_> = present(all).collect();
        let height: f32 = all.iter().map(|(_, size, _)| size * LINE * unit).sum();
        let mut y = area.mid_y() - height / 2.0;
        for (text, size, colour) in all {
            let fitted = fit(text, room, size * unit, 1);
            y += size * LINE * unit / 2.0;
            for line in &fitted.lines {
                canvas.centred(line, (area.mid_x(), y), fitted.size, colour);
            }
            y += size * LINE * unit / 2.0;
        }
    }
}

/// The rows that are there.
fn present<const N: usize>(rows: [(&Option<String>, f32, Colour); N]) -> impl Iterator<Item = (&str, f32, Colour)> {
    rows.into_iter().filter_map(|(text, size, colour)| Some((text.as_deref()?, size, colour)))
}

fn one_line(canvas: &mut Canvas<impl Ground>, text: &str, at: (f32, f32), room: f32, size: f32, colour: Colour) {
    let fitted = fit(text, room, size, 1);
    for line in &fitted.lines {
        canvas.text(line, at, fitted.size, colour);
    }
}

/// The items stand with even gaps from edge to edge; a single one stands in the middle.
pub fn foot(canvas: &mut Canvas<impl Ground>, items: &[String], layout: &Layout) {
    let (unit, area) = (layout.unit, layout.foot);
    let Some(gaps) = items.len().checked_sub(1) else { return };
    if layout.over {
        canvas.fill(area, 0.0, BLACK, SHADE);
    }
    #[expect(clippy::cast_precision_loss, reason = "a handful")]
    let gaps = gaps as f32;
    let room = area.w - 2.4 * unit;
    let taken = |size: f32| items.iter().map(|item| span(item, size)).sum::<f32>();
    let mut size = 1.3 * unit;
    // A gap is two letters wide at least.
    while taken(size) + gaps * size > room && size > 0.7 * unit {
        size *= 0.95;
    }
    let gap = if gaps > 0.0 { (room - taken(size)) / gaps } else { 0.0 };
    let mut x = area.x + 1.2 * unit + if gaps > 0.0 { 0.0 } else { (room - taken(size)) / 2.0 };
    for item in items {
        canvas.text(item, (x, area.mid_y()), size, QUIET);
        x += span(item, size) + gap;
    }
}
