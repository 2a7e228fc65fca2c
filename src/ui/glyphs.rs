//! Letters as bits: which font has a character, and a line of text as it lies in those fonts.
//!
//! A line is made for letters of 16 pixels; how large and how smooth a line appears is `canvas`'s matter.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{LazyLock, Mutex};

use embedded_graphics::draw_target::DrawTarget;
use embedded_graphics::geometry::{OriginDimensions, Point, Size};
use embedded_graphics::pixelcolor::BinaryColor;
use embedded_graphics::prelude::Pixel;
use u8g2_fonts::FontRenderer;
use u8g2_fonts::fonts;
use u8g2_fonts::types::{FontColor, VerticalPosition};

use crate::clock::lock;

/// Height of a line, pixels of the font: the tallest capital with its accent down to the lowest tail.
pub const HEIGHT: u32 = 18;
/// Height of the letters, by which sizes are given.
pub const EM: f32 = 16.0;
/// Where letters stand, from the top of a line.
pub const BASELINE: i32 = 15;
/// Width of what is drawn for a character that no font has.
const MISSING: u32 = 8;

/// A font, and how many pixels of a line each of its own takes.
struct Font {
    letters: FontRenderer,
    times: u32,
}

impl Font {
    const fn new<F: u8g2_fonts::Font>(times: u32) -> Self {
        Self { letters: FontRenderer::new::<F>(), times }
    }
}

/// A character is drawn with the first font that has it. The last one, of 9 pixels, knows the traditional Chinese
/// signs that none of the others has.
static FONTS: [Font; 6] = [
    Font::new::<fonts::u8g2_font_unifont_te>(1),
    Font::new::<fonts::u8g2_font_unifont_t_cyrillic>(1),
    Font::new::<fonts::u8g2_font_wqy16_t_gb2312>(1),
    Font::new::<fonts::u8g2_font_unifont_t_japanese3>(1),
    Font::new::<fonts::u8g2_font_unifont_t_korean2>(1),
    Font::new::<fonts::u8g2_font_boutique_bitmap_9x9_t_all>(2),
];

/// What was found out about characters: fonts are searched from glyph to glyph, and texts are measured often.
static KNOWN: LazyLock<Mutex<HashMap<char, Known>>> = LazyLock::new(Mutex::default);

/// A font, and how far a character moves the next one.
type Known = Option<(&'static Font, u32)>;

/// The font that has a character, if any has.
fn font(character: char) -> Known {
    *lock(&KNOWN).entry(character).or_insert_with(|| {
        FONTS.iter().find_map(|font| {
            let measured = font.letters.get_rendered_dimensions(character, Point::zero(), VerticalPosition::Baseline);
            Some((font, u32::try_from(measured.ok()?.advance.x).unwrap_or(0) * font.times))
        })
    })
}

/// Whether a character can be drawn.
#[must_use]
pub fn has(character: char) -> bool {
    font(character).is_some()
}

/// Width of a text, pixels of the font.
#[must_use]
pub fn width(text: &str) -> u32 {
    text.chars().map(|c| font(c).map_or(MISSING, |(_, advance)| advance)).sum()
}

/// A line of text in pixels of the font.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    width: u32,
    ink: Vec<bool>,
}

impl Line {
    /// Sets a text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut line = Self::blank(width(text));
        let mut x = 0;
        for character in text.chars() {
            let Some((font, advance)) = font(character) else {
                line.frame(x);
                x += MISSING;
                continue;
            };
            let mut glyph = Self::blank(advance);
            let at = Point::new(0, BASELINE / i32::try_from(font.times).unwrap_or(1));
            let colour = FontColor::Transparent(BinaryColor::On);
            // It can only fail for want of the glyph, which was just found.
            let _ = font.letters.render(character, at, VerticalPosition::Baseline, colour, &mut glyph);
            if font.times == 1 {
                line.copy(&glyph, x)
            } else {
                line.trace(&glyph, x)
            }
            x += advance;
        }
        line
    }

    fn blank(width: u32) -> Self {
        Self { width, ink: vec![false; (width * HEIGHT) as usize] }
    }

    /// Width, pixels of the font.
    #[must_use]
    pub const fn width(&self) -> u32 {
        self.width
    }

    /// How much ink lies at a pixel of the font: 0 or 1, nothing outside.
    #[must_use]
    pub fn ink(&self, x: i32, y: i32) -> f32 {
        let inside = u32::try_from(x).ok().zip(u32::try_from(y).ok());
        if inside.is_some_and(|(x, y)| self.at(x, y)) { 1.0 } else { 0.0 }
    }

    fn at(&self, x: u32, y: u32) -> bool {
        x < self.width && y < HEIGHT && self.ink[(y * self.width + x) as usize]
    }

    fn put(&mut self, x: u32, y: u32) {
        if x < self.width && y < HEIGHT {
            self.ink[(y * self.width + x) as usize] = true;
        }
    }

    fn copy(&mut self, glyph: &Self, left: u32) {
        for (x, y) in (0..HEIGHT).flat_map(|y| (0..glyph.width).map(move |x| (x, y))) {
            if glyph.at(x, y) {
                self.put(left + x, y);
            }
        }
    }

    /// Draws a glyph twice as large with strokes as thin as they were: its pixels become points, joined where they
    /// touched.
    fn trace(&mut self, glyph: &Self, left: u32) {
        for (x, y) in (0..HEIGHT / 2).flat_map(|y| (0..glyph.width).map(move |x| (x, y))) {
            let (here, right) = (glyph.at(x, y), glyph.at(x + 1, y));
            let (below, across) = (glyph.at(x, y + 1), glyph.at(x + 1, y + 1));
            let (at, top) = (left + 2 * x, 2 * y);
            for (joined, dx, dy) in [
                (here, 0, 0),
                (here && right, 1, 0),
                (here && below, 0, 1),
                (here && across && !right && !below, 1, 1),
                (right && below && !here && !across, 1, 1),
            ] {
                if joined {
                    self.put(at + dx, top + dy);
                }
            }
        }
    }

    /// An empty frame: there is a character here that cannot be drawn.
    fn frame(&mut self, x: u32) {
        let (left, right, top, bottom) = (x + 1, x + MISSING - 2, 3, 14);
        for (x, y) in (top..=bottom).flat_map(|y| (left..=right).map(move |x| (x, y))) {
            if x == left || x == right || y == top || y == bottom {
                self.put(x, y);
            }
        }
    }
}

impl OriginDimensions for Line {
    fn size(&self) -> Size {
        Size::new(self.width, HEIGHT)
    }
}

impl DrawTarget for Line {
    type Color = BinaryColor;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<BinaryColor>>>(&mut self, pixels: I) -> Result<(), Infallible> {
        for Pixel(at, _) in pixels {
            if let (Ok(x), Ok(y)) = (u32::try_from(at.x), u32::try_from(at.y)) {
                self.put(x, y);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::texts::LANGUAGES;

    #[test]
    fn every_text_of_every_language_has_its_glyphs() {
        let mut missing = Vec::new();
        for (number, texts) in LANGUAGES.iter().enumerate() {
            for text in texts.all() {
                assert!(!text.is_empty(), "language {number}");
                missing.extend(text.chars().filter(|c| !has(*c)).map(|c| (number, text, c)));
            }
        }
        assert!(missing.is_empty(), "no glyph for {missing:?}");
        for other in "0123456789:./-*°CF IPv".chars() {
            assert!(has(other), "{other}");
        }
    }

    #[test]
    fn glyphs_lie_inside_the_line() {
        // Accents above capitals, tails below letters, full-width characters.
        for text in ["ÉÇgjÂ", "Ёщ", "體國黃", "힣뷁"] {
            let line = Line::new(text);
            let row = |y| (0..100).any(|x| line.ink(x, y) > 0.0);
            assert!((0..18).any(row), "{text} leaves ink");
            assert!(!row(-1) && !row(18));
        }
        assert_eq!(width("aé"), 16);
        assert_eq!(width("請"), 16);
    }

    #[test]
    fn a_character_without_glyph_is_an_empty_frame() {
        let line = Line::new("\u{1F600}");
        assert_eq!(line.width(), MISSING);
        assert_eq!((line.ink(1, 3), line.ink(3, 8)), (1.0, 0.0));
    }
}
