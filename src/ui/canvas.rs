//! Shapes and text with soft edges: each shape says how much of a pixel it covers, and is mixed in.

use image::RgbImage;

use super::glyphs::{EM, HEIGHT, Line, width};
use super::layout::Area;

/// Red, green, blue.
pub type Colour = [u8; 3];

/// White.
pub const WHITE: Colour = [255, 255, 255];
/// Black.
pub const BLACK: Colour = [0, 0, 0];

/// How much ink counts as a letter: a little less than half makes the thin strokes of the fonts stronger.
const INK: f32 = 0.42;
/// The smallest text relative to the size asked for.
const SMALLEST: f32 = 0.5;

/// What is drawn on.
pub trait Ground {
    /// Width and height, pixels.
    fn size(&self) -> (u32, u32);
    /// Mixes a colour into a pixel: `alpha` 0 leaves it as it is, 255 makes it the colour.
    fn mix(&mut self, x: u32, y: u32, colour: Colour, alpha: u8);
}

impl Ground for RgbImage {
    fn size(&self) -> (u32, u32) {
        self.dimensions()
    }

    fn mix(&mut self, x: u32, y: u32, colour: Colour, alpha: u8) {
        let pixel = &mut self.get_pixel_mut(x, y).0;
        for (under, over) in pixel.iter_mut().zip(colour) {
            *under = mixed(*under, over, alpha);
        }
    }
}

impl<G: Ground> Ground for &mut G {
    fn size(&self) -> (u32, u32) {
        (**self).size()
    }

    fn mix(&mut self, x: u32, y: u32, colour: Colour, alpha: u8) {
        (**self).mix(x, y, colour, alpha);
    }
}

/// `over` where `alpha` is 255, `under` where it is 0, rounded between.
#[must_use]
pub fn mixed(under: u8, over: u8, alpha: u8) -> u8 {
    part(u16::from(under) * u16::from(255 - alpha) + u16::from(over) * u16::from(alpha))
}

/// A product of two bytes as a part of 255, rounded: exact, without a division.
#[must_use]
pub const fn part(product: u16) -> u8 {
    // At most 255 * 255, so that neither sum overflows.
    let rounded = product + 128;
    ((rounded + (rounded >> 8)) >> 8) as u8
}

/// Shapes and text on a ground.
#[derive(Debug)]
pub struct Canvas<G>(pub G);

impl<G: Ground> Canvas<G> {
    /// Mixes a colour in where `cover`, asked for the middle of each pixel of `area`, says so (0 to 1).
    #[expect(clippy::cast_precision_loss, reason = "panel sizes")]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the panel, and to a byte")]
    fn shade(&mut self, area: Area, colour: Colour, cover: impl Fn(f32, f32) -> f32) {
        let (width, height) = self.0.size();
        let clamp = |value: f32, most: u32| value.clamp(0.0, most as f32) as u32;
        let (x1, y1) = (clamp(area.x.floor(), width), clamp(area.y.floor(), height));
        let (x2, y2) = (clamp(area.right().ceil(), width), clamp(area.bottom().ceil(), height));
        for y in y1..y2 {
            for x in x1..x2 {
                let alpha = cover(x as f32 + 0.5, y as f32 + 0.5).clamp(0.0, 1.0);
                if alpha > 0.0 {
                    self.0.mix(x, y, colour, (alpha * 255.0).round() as u8);
                }
            }
        }
    }

    /// A rectangle with round corners, more or less transparent.
    pub fn fill(&mut self, area: Area, radius: f32, colour: Colour, alpha: f32) {
        let cover = |x, y| (0.5 - outside(area, radius, x, y)).clamp(0.0, 1.0) * alpha;
        let (rim, inside) = hollow(area, 1.0, radius + 1.0);
        for edge in rim {
            self.shade(edge, colour, cover);
        }
        self.shade(inside, colour, |_, _| alpha);
    }

    /// The outline of such a rectangle, drawn to both sides of its edge.
    pub fn outline(&mut self, area: Area, radius: f32, thickness: f32, colour: Colour) {
        let half = thickness / 2.0;
        let (rim, _) = hollow(area.inset(-half - 1.0), thickness + 2.0, radius.max(half) + half + 2.0);
        for edge in rim {
            self.shade(edge, colour, |x, y| half + 0.5 - outside(area, radius, x, y).abs());
        }
    }

    /// A disc.
    pub fn disc(&mut self, (x, y): (f32, f32), radius: f32, colour: Colour) {
        self.fill(Area::new(x - radius, y - radius, 2.0 * radius, 2.0 * radius), radius, colour, 1.0);
    }

    /// Strokes with round ends through the points.
    pub fn strokes(&mut self, points: &[(f32, f32)], thickness: f32, colour: Colour) {
        let half = thickness / 2.0;
        let edge =
            |pick: fn(&(f32, f32)) -> f32, of: fn(f32, f32) -> f32, start| points.iter().map(pick).fold(start, of);
        let (x1, x2) = (edge(|p| p.0, f32::min, f32::MAX), edge(|p| p.0, f32::max, f32::MIN));
        let (y1, y2) = (edge(|p| p.1, f32::min, f32::MAX), edge(|p| p.1, f32::max, f32::MIN));
        let area = Area::new(x1, y1, x2 - x1, y2 - y1);
        let around =
            Area::new(area.x - half - 1.0, area.y - half - 1.0, area.w + thickness + 2.0, area.h + thickness + 2.0);
        self.shade(around, colour, |x, y| {
            let distances = points.windows(2).map(|ends| from_line(ends[0], ends[1], (x, y)));
            half + 0.5 - distances.fold(f32::MAX, f32::min)
        });
    }

    /// A picture that has the size of its place already.
    pub fn picture(&mut self, x: f32, y: f32, picture: &RgbImage) {
        let (width, height) = self.0.size();
        for (px, py, pixel) in picture.enumerate_pixels() {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the panel")]
            let (x, y) = (x.round().max(0.0) as u32 + px, y.round().max(0.0) as u32 + py);
            if x < width && y < height {
                self.0.mix(x, y, pixel.0, 255);
            }
        }
    }

    /// A line of text whose letters are `size` pixels high, from `x`, its middle at `y`.
    pub fn text(&mut self, text: &str, (x, y): (f32, f32), size: f32, colour: Colour) {
        let line = Line::new(text);
        let scale = size / EM;
        #[expect(clippy::cast_precision_loss, reason = "a screen's text")]
        let (width, height) = (line.width() as f32 * scale, HEIGHT as f32 * scale);
        let area = Area::new(x, y - height / 2.0, width, height);
        // The edge of a letter is as soft as one pixel of the panel is wide.
        let soft = 0.5 / scale.max(0.5);
        self.shade(area, colour, |px, py| {
            let ink = between(&line, (px - area.x) / scale - 0.5, (py - area.y) / scale - 0.5);
            (ink - INK + soft) / (2.0 * soft)
        });
    }

    /// The same with its middle at `x`.
    pub fn centred(&mut self, text: &str, (x, y): (f32, f32), size: f32, colour: Colour) {
        self.text(text, (x - span(text, size) / 2.0, y), size, colour);
    }
}

/// A rectangle as its rim and what is inside it: `across` wide at the sides and `down` high above and below. Between
/// them lie the edges of whole pixels, so that each belongs to one part.
fn hollow(area: Area, across: f32, down: f32) -> ([Area; 4], Area) {
    let (left, right) = ((area.x + across).ceil(), (area.right() - across).floor());
    let (top, bottom) = ((area.y + down).ceil(), (area.bottom() - down).floor());
    if left >= right || top >= bottom {
        return ([area, Area::default(), Area::default(), Area::default()], Area::default());
    }
    let part = |x1: f32, y1: f32, x2: f32, y2: f32| Area::new(x1, y1, x2 - x1, y2 - y1);
    let rim = [
        part(area.x, area.y, area.right(), top),
        part(area.x, top, left, bottom),
        part(right, top, area.right(), bottom),
        part(area.x, bottom, area.right(), area.bottom()),
    ];
    (rim, part(left, top, right, bottom))
}

/// Width of a text with letters of `size`, pixels.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a screen's text")]
pub fn span(text: &str, size: f32) -> f32 {
    width(text) as f32 * size / EM
}

/// Distance from the edge of a rectangle with round corners; negative inside.
fn outside(area: Area, radius: f32, x: f32, y: f32) -> f32 {
    let radius = radius.min(area.w / 2.0).min(area.h / 2.0);
    let dx = (x - area.mid_x()).abs() - area.w / 2.0 + radius;
    let dy = (y - area.mid_y()).abs() - area.h / 2.0 + radius;
    dx.max(0.0).hypot(dy.max(0.0)) + dx.max(dy).min(0.0) - radius
}

/// Distance of a point from the line between two others.
fn from_line((ax, ay): (f32, f32), (bx, by): (f32, f32), (x, y): (f32, f32)) -> f32 {
    let (dx, dy) = (bx - ax, by - ay);
    let along = (((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy).max(f32::EPSILON)).clamp(0.0, 1.0);
    (x - ax - along * dx).hypot(y - ay - along * dy)
}

/// Ink between the pixels of the font.
#[expect(clippy::cast_possible_truncation, reason = "inside a line of text")]
fn between(line: &Line, x: f32, y: f32) -> f32 {
    let (left, top) = (x.floor(), y.floor());
    let (fx, fy) = (x - left, y - top);
    let (left, top) = (left as i32, top as i32);
    let upper = line.ink(left, top) * (1.0 - fx) + line.ink(left + 1, top) * fx;
    let lower = line.ink(left, top + 1) * (1.0 - fx) + line.ink(left + 1, top + 1) * fx;
    upper * (1.0 - fy) + lower * fy
}

/// A text broken into lines, and the size its letters then have.
#[derive(Clone, PartialEq, Debug)]
pub struct Fitted {
    /// The lines.
    pub lines: Vec<String>,
    /// Height of the letters, pixels.
    pub size: f32,
}

/// Breaks a text into at most `most` lines of `room` pixels; where words would be torn or lines be too many, the letters shrink
/// to half of `size`, and what then still does not fit is cut off, visibly.
#[must_use]
pub fn fit(text: &str, room: f32, size: f32, most: usize) -> Fitted {
    let mut factor = 1.0;
    while factor > SMALLEST {
        let (lines, torn) = wrap(text, room, size * factor);
        if lines.len() <= most && !torn {
            return Fitted { lines: even(text, room, size * factor, lines), size: size * factor };
        }
        factor -= 0.05;
    }
    let size = size * SMALLEST;
    let (mut lines, _) = wrap(text, room, size);
    if lines.len() > most {
        lines.truncate(most);
        if let Some(last) = lines.last_mut() {
            while !last.is_empty() && span(last, size) + span("...", size) > room {
                last.pop();
            }
            last.push_str("...");
        }
    }
    Fitted { lines, size }
}

/// The same number of lines, as even as they come: no single word or sign is left behind.
fn even(text: &str, room: f32, size: f32, mut lines: Vec<String>) -> Vec<String> {
    let (mut narrower, count) = (room - size / 2.0, lines.len());
    if count == 1 {
        return lines;
    }
    while narrower > size {
        let (tried, torn) = wrap(text, narrower, size);
        if torn || tried.len() > count {
            break;
        }
        lines = tried;
        narrower -= size / 2.0;
    }
    lines
}

/// Breaks at blanks, between signs of Chinese and Japanese, and inside a word only where it is too long for a line:
/// whether that was so is said too.
fn wrap(text: &str, room: f32, size: f32) -> (Vec<String>, bool) {
    let mut lines = vec![String::new()];
    let mut push = |piece: &str, spaced: bool| {
        let Some(last) = lines.last_mut() else { return };
        let gap = if spaced && !last.is_empty() { " " } else { "" };
        if last.is_empty() || span(last, size) + span(gap, size) + span(piece, size) <= room {
            last.push_str(gap);
            last.push_str(piece);
        } else {
            lines.push(piece.to_owned());
        }
    };
    let mut torn = false;
    for word in text.split_whitespace() {
        let (fits, breakable) = (span(word, size) <= room, word.chars().any(breaks));
        torn |= !fits && !breakable;
        if fits && !breakable {
            push(word, true);
            continue;
        }
        for (number, character) in word.chars().enumerate() {
            push(character.encode_utf8(&mut [0; 4]), number == 0);
        }
    }
    (lines, torn)
}

/// Whether a line may be broken before and behind the sign: kana and Chinese, not Hangul, which has blanks.
fn breaks(character: char) -> bool {
    matches!(character, '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{9FFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_wrap_then_shrink_then_end() {
        // Letters are half as wide as high, signs as wide as high.
        for (text, room, most, lines, size) in [
            ("Please pass", 176.0, 1, &["Please pass"][..], 32.0),
            ("Please pass", 175.0, 2, &["Please", "pass"], 32.0),
            ("Please pass", 120.0, 1, &["Please pass"], 20.8),
            ("Please pass", 40.0, 1, &["Pl..."], 16.0),
            ("请正对摄像头", 100.0, 2, &["请正对", "摄像头"], 32.0),
            ("请正对摄", 100.0, 2, &["请正", "对摄"], 32.0),
            ("Donaudampfschiff", 136.0, 2, &["Donaudampfschiff"], 16.0),
            ("Donaudampfschiff", 64.0, 2, &["Donaudam", "pfschiff"], 16.0),
            ("", 100.0, 1, &[""], 32.0),
        ] {
            let fitted = fit(text, room, 32.0, most);
            assert_eq!(fitted.lines, lines, "{text} in {room}");
            assert!((fitted.size - size).abs() < 0.01, "{text} in {room}: {}", fitted.size);
            for line in &fitted.lines {
                assert!(span(line, fitted.size) <= room, "{line}");
            }
        }
    }

    #[test]
    fn mixing_is_exact() {
        for (under, over) in [(0, 255), (255, 0), (10, 200), (77, 78), (0, 0), (255, 255)] {
            for alpha in 0..=255 {
                let exact = f64::from(under) + (f64::from(over) - f64::from(under)) * f64::from(alpha) / 255.0;
                assert_eq!(f64::from(mixed(under, over, alpha)), exact.round(), "{under} {over} {alpha}");
            }
        }
    }

    #[test]
    fn large_shapes_are_those_of_their_formula() {
        // Whatever the shape, it looks as if every pixel had been asked.
        for (area, radius) in [
            (Area::new(3.3, 4.6, 40.2, 30.1), 7.5),
            (Area::new(-10.0, 5.0, 90.0, 20.0), 4.0),
            (Area::new(20.0, 20.0, 5.0, 5.0), 9.0),
            (Area::new(0.0, 0.0, 60.0, 50.0), 0.0),
        ] {
            let (mut filled, mut framed) = (Canvas(RgbImage::new(60, 50)), Canvas(RgbImage::new(60, 50)));
            filled.fill(area, radius, WHITE, 0.55);
            framed.outline(area, radius, 3.0, WHITE);
            for (x, y, pixel) in filled.0.enumerate_pixels() {
                let off = outside(area, radius, x as f32 + 0.5, y as f32 + 0.5);
                let expect = |cover: f32| f64::from((cover.clamp(0.0, 1.0) * 255.0).round());
                assert_eq!(f64::from(pixel.0[0]), expect((0.5 - off).clamp(0.0, 1.0) * 0.55), "{area:?} {x}, {y}");
                let frame = framed.0.get_pixel(x, y).0[0];
                assert_eq!(f64::from(frame), expect(2.0 - off.abs()), "{area:?} {x}, {y}");
            }
        }
    }

    #[test]
    fn shapes_cover_what_they_should() {
        let mut canvas = Canvas(RgbImage::new(20, 20));
        canvas.fill(Area::new(2.0, 2.0, 16.0, 16.0), 6.0, WHITE, 1.0);
        let at = |canvas: &Canvas<RgbImage>, x, y| canvas.0.get_pixel(x, y).0[0];
        assert_eq!((at(&canvas, 10, 10), at(&canvas, 2, 10), at(&canvas, 1, 10)), (255, 255, 0));
        assert_eq!(at(&canvas, 2, 2), 0, "the corner is round");
        canvas.strokes(&[(5.0, 10.0), (15.0, 10.0)], 2.0, BLACK);
        assert_eq!((at(&canvas, 10, 9), at(&canvas, 10, 10), at(&canvas, 10, 12)), (0, 0, 255));
        // Nothing outside is touched, and nothing panics.
        canvas.text("outside", (-30.0, 18.0), 64.0, BLACK);
        canvas.disc((40.0, -3.0), 30.0, WHITE);
    }
}
