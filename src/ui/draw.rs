//! Words and pictures as pixels: camera picture, face box, head, foot and tip, as `layout` places them.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::RgbImage;
use image::imageops::flip_horizontal_in_place;

use super::Mood;
use super::canvas::{BLACK, Canvas, Colour, Fitted, WHITE, fit, span};
use super::layout::{Area, Layout};
use super::view::{Tip, View};
use crate::vision::{Frame, Rect};

/// Behind everything.
const GROUND: Colour = [0x10, 0x18, 0x20];
/// Around a face.
const FACE: Colour = [0x4C, 0xC9, 0xF0];
/// What is less important.
const QUIET: Colour = [0xC8, 0xD2, 0xDC];
/// A temperature that is too high.
const HOT: Colour = [0xC6, 0x1A, 0x1A];
/// One that is not.
const WELL: Colour = [0x15, 0x6B, 0x2D];
/// How dark head and foot make the picture under them.
const SHADE: f32 = 0.55;
/// From one line of text to the next, relative to the height of its letters.
const LINE: f32 = 1.22;

fn colour(mood: Mood) -> Colour {
    match mood {
        Mood::Good => [0x1B, 0x8A, 0x3A],
        Mood::Bad => [0xB7, 0x1C, 0x1C],
        Mood::Unsure => [0xA8, 0x5F, 0x00],
        Mood::Prompt => [0x15, 0x5F, 0xB0],
    }
}

/// Pictures that go with a view.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pictures<'p> {
    /// What the camera sees.
    pub camera: Option<&'p Frame>,
    /// Whether it is shown as a mirror would show it.
    pub mirror: bool,
    /// The person beside the tip, of [`portrait_size`].
    pub portrait: Option<&'p RgbImage>,
}

/// Draws again and again for the same panel.
#[derive(Debug)]
pub struct Painter {
    size: (u32, u32),
    picture: RgbImage,
}

impl Painter {
    /// For a panel of `width` x `height` pixels.
    #[must_use]
    pub fn new(size: (u32, u32)) -> Self {
        Self { size, picture: RgbImage::default() }
    }

    /// Draws `view`; the picture is good until the next one is painted.
    pub fn paint(&mut self, view: &View, pictures: Pictures<'_>) -> &RgbImage {
        self.picture = draw(view, pictures, self.size);
        &self.picture
    }
}

/// Draws `view` on a panel of `width` x `height` pixels.
#[must_use]
pub fn draw(view: &View, pictures: Pictures<'_>, (width, height): (u32, u32)) -> RgbImage {
    if view.dark {
        return RgbImage::new(width, height);
    }
    let layout = Layout::of(width, height);
    let mut canvas = Canvas(RgbImage::from_pixel(width, height, image::Rgb(GROUND)));
    if let Some(frame) = pictures.camera {
        camera(&mut canvas, frame, pictures.mirror, view.face, &layout);
    }
    head(&mut canvas, view, &layout);
    foot(&mut canvas, &view.foot, &layout);
    if let Some(tip) = &view.tip {
        card(&mut canvas, tip, pictures.portrait.filter(|_| tip.pictured), &layout);
    }
    canvas.0
}

/// Size of the picture beside a tip, pixels.
#[must_use]
pub fn portrait_size((width, height): (u32, u32)) -> (u32, u32) {
    let (width, height) = portrait_sides(Layout::of(width, height).unit);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "part of a panel")]
    let pixels = |side: f32| side.max(1.0) as u32;
    (pixels(width), pixels(height))
}

/// The middle of `crop` (x, y, width, height inside the picture) that has the shape of `size`, scaled to it; `None`
/// when there is nothing to scale.
#[must_use]
pub fn cover(picture: &RgbImage, crop: Area, (width, height): (u32, u32)) -> Option<RgbImage> {
    if crop.w < 1.0 || crop.h < 1.0 || width == 0 || height == 0 {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "panel sizes")]
    let shape = width as f32 / height as f32;
    let (w, h) = if crop.w / crop.h > shape { (crop.h * shape, crop.h) } else { (crop.w, crop.w / shape) };
    let (x, y) = (crop.x + (crop.w - w) / 2.0, crop.y + (crop.h - h) / 2.0);
    let source = ImageRef::new(picture.width(), picture.height(), picture.as_raw(), PixelType::U8x3).ok()?;
    let mut scaled = Image::new(width, height, PixelType::U8x3);
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(FilterType::Bilinear))
        .crop(x.into(), y.into(), w.into(), h.into())
        .use_alpha(false);
    Resizer::new().resize(&source, &mut scaled, &options).ok()?;
    RgbImage::from_raw(width, height, scaled.into_vec())
}

/// The camera's picture fills its place, what stands over is cut off; the face is framed.
#[expect(clippy::cast_precision_loss, reason = "panel and sensor sizes")]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "panel sizes")]
fn camera(canvas: &mut Canvas, frame: &Frame, mirror: bool, face: Option<Rect>, layout: &Layout) {
    let place = layout.camera;
    let (w, h) = (frame.pixels.width() as f32, frame.pixels.height() as f32);
    let whole = Area::new(0.0, 0.0, w, h);
    let Some(mut shown) = cover(&frame.pixels, whole, (place.w as u32, place.h as u32)) else { return };
    if mirror {
        flip_horizontal_in_place(&mut shown);
    }
    canvas.picture(place.x, place.y, &shown);
    if let Some(face) = face {
        let scale = (place.w / w).max(place.h / h);
        let left = if mirror { w - face.x2 } else { face.x1 };
        let on_panel = |at: f32, middle: f32, of: f32| middle + (at - of / 2.0) * scale;
        let (x, y) = (on_panel(left, place.mid_x(), w), on_panel(face.y1, place.mid_y(), h));
        let (x1, x2) = (x.max(place.x), (x + face.width() * scale).min(place.right()));
        let (y1, y2) = (y.max(place.y), (y + face.height() * scale).min(place.bottom()));
        if x1 < x2 && y1 < y2 {
            let thickness = (layout.unit * 0.2).max(3.0);
            canvas.outline(Area::new(x1, y1, x2 - x1, y2 - y1), layout.unit * 0.6, thickness, FACE);
        }
    }
}

fn head(canvas: &mut Canvas, view: &View, layout: &Layout) {
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

fn one_line(canvas: &mut Canvas, text: &str, at: (f32, f32), room: f32, size: f32, colour: Colour) {
    let fitted = fit(text, room, size, 1);
    for line in &fitted.lines {
        canvas.text(line, at, fitted.size, colour);
    }
}

/// The items stand with even gaps from edge to edge; a single one stands in the middle.
fn foot(canvas: &mut Canvas, items: &[String], layout: &Layout) {
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
fn card(canvas: &mut Canvas, tip: &Tip, portrait: Option<&RgbImage>, layout: &Layout) {
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

/// The same from the layout's unit.
fn portrait_sides(unit: f32) -> (f32, f32) {
    ((unit * 9.0).round(), (unit * 12.0).round())
}

/// A white disc with the sign of a mood: tick, cross, question mark, or an exclamation mark for prompts.
fn sign(canvas: &mut Canvas, mood: Mood, (x, y): (f32, f32), radius: f32, colour: Colour) {
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::Mono;

    fn frame() -> Frame {
        // The left half is red, the right one blue.
        let half = |x, _| if x < 480 { image::Rgb([200, 20, 30]) } else { image::Rgb([10, 20, 200]) };
        Frame { pixels: Arc::new(RgbImage::from_fn(960, 1280, half)), at: Mono(0), number: 1 }
    }

    fn drawn(view: &View, mirror: bool, size: (u32, u32)) -> RgbImage {
        let frame = frame();
        draw(view, Pictures { camera: Some(&frame), mirror, portrait: None }, size)
    }

    #[test]
    fn the_face_box_lies_over_the_face() {
        let view = View { face: Some(Rect::sized(300.0, 400.0, 300.0, 400.0)), ..View::default() };
        // 960x1280 covers 720x1280 with scale 1 and 120 pixels cut on each side; 600 high it is 450 wide, whole.
        for (size, mirror, edge) in
            [((720, 1280), false, (180, 600)), ((720, 1280), true, (240, 600)), ((1024, 600), false, (141, 281))]
        {
            let picture = drawn(&view, mirror, size);
            assert_eq!(picture.get_pixel(edge.0, edge.1).0, FACE, "{size:?} {mirror}");
            let inside = picture.get_pixel(edge.0 + 20, edge.1).0;
            assert!(inside[0].max(inside[2]) == 200, "{inside:?}");
        }
    }

    #[test]
    fn a_mirror_swaps_left_and_right() {
        for (mirror, left) in [(false, [200, 20, 30]), (true, [10, 20, 200])] {
            assert_eq!(drawn(&View::default(), mirror, (720, 1280)).get_pixel(50, 700).0, left);
        }
    }

    #[test]
    fn a_dark_panel_is_black() {
        let view = View { dark: true, ..View::default() };
        assert!(drawn(&view, false, (720, 1280)).pixels().all(|pixel| pixel.0 == [0, 0, 0]));
    }

    #[test]
    fn the_worst_tip_stays_in_its_place() {
        let long = "Wilhelmina-Magdalena von und zu Hohenlohe-Schillingsfürst";
        let tip = Tip {
            mood: Mood::Bad,
            words: long.repeat(2),
            name: Some(long.into()),
            temperature: Some((long.into(), true)),
            cards: vec![long.into(), long.into()],
            pictured: true,
        };
        for size in [(720, 1280), (800, 1280), (1024, 600)] {
            let (w, h) = portrait_size(size);
            let portrait = RgbImage::from_pixel(w, h, image::Rgb([1, 2, 3]));
            for pictured in [false, true] {
                let view = View { tip: Some(Tip { pictured, ..tip.clone() }), ..View::default() };
                let pictures = Pictures { portrait: Some(&portrait), ..Pictures::default() };
                let (with, without) = (draw(&view, pictures, size), draw(&View::default(), pictures, size));
                let place = Layout::of(size.0, size.1).tip;
                for (x, y, pixel) in with.enumerate_pixels() {
                    let (px, py) = (x as f32 + 0.5, y as f32 + 0.5);
                    let inside = px > place.x && px < place.right() && py > place.y && py < place.bottom();
                    assert!(inside || pixel == without.get_pixel(x, y), "{size:?}: {x}, {y} is drawn on");
                }
                let portrayed = with.pixels().any(|pixel| pixel.0 == [1, 2, 3]);
                assert_eq!(portrayed, pictured);
            }
        }
    }

    #[test]
    fn pictures_are_cut_to_the_shape_they_are_shown_in() {
        let frame = frame();
        let whole = Area::new(0.0, 0.0, 960.0, 1280.0);
        let wide = cover(&frame.pixels, whole, (90, 30)).unwrap();
        assert_eq!((wide.get_pixel(5, 15).0, wide.get_pixel(85, 15).0), ([200, 20, 30], [10, 20, 200]));
        let right = cover(&frame.pixels, Area::new(600.0, 0.0, 300.0, 400.0), (30, 40)).unwrap();
        assert!(right.pixels().all(|pixel| pixel.0 == [10, 20, 200]));
        assert!(cover(&frame.pixels, Area::new(900.0, 1200.0, 200.0, 200.0), (30, 40)).is_none());
        assert!(cover(&frame.pixels, Area::default(), (30, 40)).is_none());
    }
}
