//! Shapes and text with soft edges: each shape says how much of a pixel it covers, and is mixed in.

use ab_glyph::OutlinedGlyph;
use image::RgbImage;

use super::glyphs::{EM, Line};
use super::layout::Area;
use super::lettering::{Fonts, Piece};

/// Red, green, blue.
pub type Colour = [u8; 3];

/// White.
pub const WHITE: Colour = [255, 255, 255];
/// Black.
pub const BLACK: Colour = [0, 0, 0];

/// How much ink counts as a letter: a little less than half makes the thin strokes of the fonts stronger.
const INK: f32 = 0.42;

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
    pub fn text(&mut self, fonts: &Fonts, text: &str, at: (f32, f32), size: f32, colour: Colour) {
        for piece in fonts.pieces(text, at, size) {
            match piece {
                Piece::Bits(line, area) => self.bits(&line, area, size, colour),
                Piece::Outline(outline) => self.letter(&outline, colour),
            }
        }
    }

    /// The same with its middle at `x`.
    pub fn centred(&mut self, fonts: &Fonts, text: &str, (x, y): (f32, f32), size: f32, colour: Colour) {
        self.text(fonts, text, (x - fonts.span(text, size) / 2.0, y), size, colour);
    }

    fn bits(&mut self, line: &Line, area: Area, size: f32, colour: Colour) {
        let scale = size / EM;
        // The edge of a letter is as soft as one pixel of the panel is wide.
        let soft = 0.5 / scale.max(0.5);
        self.shade(area, colour, |px, py| {
            let ink = between(line, (px - area.x) / scale - 0.5, (py - area.y) / scale - 0.5);
            (ink - INK + soft) / (2.0 * soft)
        });
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to a byte; panel sizes")]
    fn letter(&mut self, outline: &OutlinedGlyph, colour: Colour) {
        let ((width, height), corner) = (self.0.size(), outline.px_bounds().min);
        let (left, top) = (corner.x as i64, corner.y as i64);
        outline.draw(|x, y, cover| {
            let at = (u32::try_from(left + i64::from(x)), u32::try_from(top + i64::from(y)));
            if let (Ok(x), Ok(y)) = at
                && x < width
                && y < height
            {
                self.0.mix(x, y, colour, (cover.clamp(0.0, 1.0) * 255.0).round() as u8);
            }
        });
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

/// Distance from the edge of a rectangle with round corners; negative inside.
fn outside(area: Area, radius: f32, x: f32, y: f32) -> f32 {
    let radius = radius.min(area.w / 2.0).min(area.h / 2.0);
    let dx = (x - area.mid_x()).abs() - area.w / 2.0 + radius;
    let dy = (y - area.mid_y()).abs() - area.h / 2.0 + radius;
    let (beyond_x, beyond_y) = (dx.max(0.0), dy.max(0.0));
    (beyond_x * beyond_x + beyond_y * beyond_y).sqrt() + dx.max(dy).min(0.0) - radius
}

/// Distance of a point from the line between two others.
fn from_line((ax, ay): (f32, f32), (bx, by): (f32, f32), (x, y): (f32, f32)) -> f32 {
    let (dx, dy) = (bx - ax, by - ay);
    let along = (((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy).max(f32::EPSILON)).clamp(0.0, 1.0);
    let (off_x, off_y) = (x - ax - along * dx, y - ay - along * dy);
    (off_x * off_x + off_y * off_y).sqrt()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_a_font_file_leave_their_ink() {
        let fonts = Fonts::load(std::path::Path::new("tests/data/squares.ttf")).unwrap();
        let mut canvas = Canvas(RgbImage::new(40, 60));
        // Half of the first one is outside.
        canvas.text(&fonts, "AB", (-8.0, 30.0), 32.0, WHITE);
        for (x, y, ink) in [(4, 30, 255), (20, 20, 255), (38, 40, 255), (4, 16, 0), (20, 44, 0)] {
            assert_eq!(canvas.0.get_pixel(x, y).0, [ink; 3], "{x}, {y}");
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
        canvas.text(&Fonts::default(), "outside", (-30.0, 18.0), 64.0, BLACK);
        canvas.disc((40.0, -3.0), 30.0, WHITE);
    }
}
