//! Letters as bits: which font has a character, and a line of text as it lies in those fonts.
//!
//! All fonts are 16 pixels high; how large and how smooth a line appears is `canvas`'s matter.

use std::convert::Infallible;

use embedded_graphics::draw_target::DrawTarget;
use embedded_graphics::geometry::{OriginDimensions, Point, Size};
use embedded_graphics::pixelcolor::BinaryColor;
use embedded_graphics::prelude::Pixel;
use u8g2_fonts::FontRenderer;
use u8g2_fonts::fonts;
use u8g2_fonts::types::{FontColor, VerticalPosition};

/// Height of a line, pixels of the font: the tallest capital with its accent down to the lowest tail.
pub const HEIGHT: u32 = 18;
/// Height of the letters, by which sizes are given.
pub const EM: f32 = 16.0;
/// Where letters stand, from the top of a line.
const BASELINE: i32 = 15;
/// What is drawn for a character that no font has.
const MISSING: u32 = 8;

/// A character is drawn with the first font that has it.
static FONTS: [FontRenderer; 4] = [
    FontRenderer::new::<fonts::u8g2_font_unifont_te>(),
    FontRenderer::new::<fonts::u8g2_font_unifont_t_cyrillic>(),
    FontRenderer::new::<fonts::u8g2_font_wqy16_t_gb2312>(),
    FontRenderer::new::<fonts::u8g2_font_unifont_t_korean2>(),
];

/// The font that has a character, and how far it moves the next one.
fn font(character: char) -> Option<(&'static FontRenderer, u32)> {
    FONTS.iter().find_map(|font| {
        let room = font.get_rendered_dimensions(character, Point::zero(), VerticalPosition::Baseline).ok()?;
        Some((font, u32::try_from(room.advance.x).unwrap_or(0)))
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
        let width = width(text);
        let mut line = Self { width, ink: vec![false; (width * HEIGHT) as usize] };
        let mut x = 0;
        for character in text.chars() {
            let Some((font, advance)) = font(character) else {
                line.frame(x);
                x += MISSING;
                continue;
            };
            let at = Point::new(i32::try_from(x).unwrap_or(i32::MAX), BASELINE);
            // It can only fail for want of the glyph, which was just found.
            let _ = font.render(
                character,
                at,
                VerticalPosition::Baseline,
                FontColor::Transparent(BinaryColor::On),
                &mut line,
            );
            x += advance;
        }
        line
    }

    /// Width, pixels of the font.
    #[must_use]
    pub const fn width(&self) -> u32 {
        self.width
    }

    /// How much ink lies at a pixel of the font: 0 or 1, nothing outside.
    #[must_use]
    pub fn ink(&self, x: i32, y: i32) -> f32 {
        let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else { return 0.0 };
        let inside = x < self.width && y < HEIGHT;
        if inside && self.ink[(y * self.width + x) as usize] { 1.0 } else { 0.0 }
    }

    /// An empty frame: there is a character here that cannot be drawn.
    fn frame(&mut self, x: u32) {
        let (left, right, top, bottom) = (x + 1, x + MISSING - 2, 3, 14);
        for y in top..=bottom {
            for x in left..=right {
                if x == left || x == right || y == top || y == bottom {
                    self.ink[(y * self.width + x) as usize] = true;
                }
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
        for Pixel(at, colour) in pixels {
            let (Ok(x), Ok(y)) = (u32::try_from(at.x), u32::try_from(at.y)) else { continue };
            if x < self.width && y < HEIGHT {
                self.ink[(y * self.width + x) as usize] = colour.is_on();
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
        for text in ["ÉÇgjÂ", "Ёщ", "體國", "힣뷁"] {
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
