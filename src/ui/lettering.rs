//! Texts in letters of any size: how wide they are, how they are broken into lines, and where each letter lies.
//!
//! Letters are outlines of the board's own font file where there is one that has them, and built-in `glyphs` otherwise. Both
//! stand on the same line; what ink they leave is `canvas`'s matter.

use std::path::Path;

use ab_glyph::{Font, FontVec, OutlinedGlyph, PxScale, ScaleFont, point};

use super::glyphs::{self, BASELINE, EM, HEIGHT, Line};
use super::layout::Area;
use crate::error::{Error, Fault, Result};

/// The smallest text relative to the size asked for.
const SMALLEST: f32 = 0.5;

/// The letters a panel has; by default the built-in ones.
#[derive(Debug, Default)]
pub struct Fonts {
    outlines: Option<FontVec>,
}

/// A part of a line of text in its place.
#[derive(Debug)]
pub enum Piece {
    /// Built-in letters, and where they go.
    Bits(Line, Area),
    /// A letter of the font file.
    Outline(OutlinedGlyph),
}

impl Fonts {
    /// The letters of a TrueType or OpenType file before the built-in ones.
    ///
    /// # Errors
    /// [`Fault::Unavailable`] when the file cannot be read or is no font.
    pub fn load(file: &Path) -> Result<Self> {
        let fails = |why: &dyn std::fmt::Display| {
            Error::new(Fault::Unavailable, format!("the font {} cannot be used: {why}", file.display()))
        };
        let bytes = std::fs::read(file).map_err(|error| fails(&error).because(error))?;
        let font = FontVec::try_from_vec(bytes).map_err(|error| fails(&error).because(error))?;
        Ok(Self { outlines: Some(font) })
    }

    /// The letters of a file if one is named and can be used; `say` is told why it cannot.
    #[must_use]
    pub fn or_built_in(file: Option<&Path>, say: impl FnOnce(&Error)) -> Self {
        match file.map(Self::load).transpose() {
            Ok(fonts) => fonts.unwrap_or_default(),
            Err(error) => {
                say(&error);
                Self::default()
            }
        }
    }

    /// Whether a letter of the file stands for a character.
    fn outlined(&self, character: char) -> Option<&FontVec> {
        // Glyph 0 is drawn for what a font lacks.
        self.outlines.as_ref().filter(|font| font.glyph_id(character).0 != 0)
    }

    /// Width of a text with letters of `size`, pixels.
    #[must_use]
    pub fn span(&self, text: &str, size: f32) -> f32 {
        let Some(font) = &self.outlines else { return span(text, size) };
        let scaled = font.as_scaled(scale(font, size));
        let width = |character: char| match self.outlined(character) {
            Some(_) => scaled.h_advance(font.glyph_id(character)),
            None => span(character.encode_utf8(&mut [0; 4]), size),
        };
        text.chars().map(width).sum()
    }

    /// The letters of a line of text `size` pixels high, from `x`, its middle at `y`.
    #[must_use]
    pub fn pieces(&self, text: &str, (mut x, y): (f32, f32), size: f32) -> Vec<Piece> {
        let unit = size / EM;
        #[expect(clippy::cast_precision_loss, reason = "lines of a font")]
        let (height, baseline) = (HEIGHT as f32 * unit, BASELINE as f32 * unit);
        let top = y - height / 2.0;
        let mut pieces = Vec::new();
        let mut built_in = String::new();
        let bits = |x: &mut f32, text: &mut String, pieces: &mut Vec<Piece>| {
            if !text.is_empty() {
                let width = span(text, size);
                pieces.push(Piece::Bits(Line::new(text), Area::new(*x, top, width, height)));
                *x += width;
                text.clear();
            }
        };
        for character in text.chars() {
            let Some(font) = self.outlined(character) else {
                built_in.push(character);
                continue;
            };
            bits(&mut x, &mut built_in, &mut pieces);
            let (id, scale) = (font.glyph_id(character), scale(font, size));
            let glyph = id.with_scale_and_position(scale, point(x, top + baseline));
            // A blank has no outline.
            pieces.extend(font.outline_glyph(glyph).map(Piece::Outline));
            x += font.as_scaled(scale).h_advance(id);
        }
        bits(&mut x, &mut built_in, &mut pieces);
        pieces
    }
}

/// Letters of the font file are as large as the built-in ones: their em is `size`.
fn scale(font: &FontVec, size: f32) -> PxScale {
    let em = font.units_per_em().filter(|em| *em > 0.0).unwrap_or_else(|| font.height_unscaled());
    PxScale::from(size * font.height_unscaled() / em)
}

/// Width of a text in built-in letters.
#[expect(clippy::cast_precision_loss, reason = "a screen's text")]
fn span(text: &str, size: f32) -> f32 {
    glyphs::width(text) as f32 * size / EM
}

/// A text broken into lines, and the size its letters then have.
#[derive(Clone, PartialEq, Debug)]
pub struct Fitted {
    /// The lines.
    pub lines: Vec<String>,
    /// Height of the letters, pixels.
    pub size: f32,
}

impl Fonts {
    /// Breaks a text into at most `most` lines of `room` pixels; where words would be torn or lines be too many, the letters shrink
    /// to half of `size`, and what then still does not fit is cut off, visibly.
    #[must_use]
    pub fn fit(&self, text: &str, room: f32, size: f32, most: usize) -> Fitted {
        let mut factor = 1.0;
        while factor > SMALLEST {
            let (lines, torn) = self.wrap(text, room, size * factor);
            if lines.len() <= most && !torn {
                return Fitted { lines: self.even(text, room, size * factor, lines), size: size * factor };
            }
            factor -= 0.05;
        }
        let size = size * SMALLEST;
        let (mut lines, _) = self.wrap(text, room, size);
        if lines.len() > most {
            lines.truncate(most);
            if let Some(last) = lines.last_mut() {
                while !last.is_empty() && self.span(last, size) + self.span("...", size) > room {
                    last.pop();
                }
                last.push_str("...");
            }
        }
        Fitted { lines, size }
    }

    /// The same number of lines, as even as they come: no single word or sign is left behind.
    fn even(&self, text: &str, room: f32, size: f32, mut lines: Vec<String>) -> Vec<String> {
        let (mut narrower, count) = (room - size / 2.0, lines.len());
        if count == 1 {
            return lines;
        }
        while narrower > size {
            let (tried, torn) = self.wrap(text, narrower, size);
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
    fn wrap(&self, text: &str, room: f32, size: f32) -> (Vec<String>, bool) {
        let mut lines = vec![String::new()];
        let mut push = |piece: &str, spaced: bool| {
            let Some(last) = lines.last_mut() else { return };
            let gap = if spaced && !last.is_empty() { " " } else { "" };
            if last.is_empty() || self.span(last, size) + self.span(gap, size) + self.span(piece, size) <= room {
                last.push_str(gap);
                last.push_str(piece);
            } else {
                lines.push(piece.to_owned());
            }
        };
        let mut torn = false;
        for word in text.split_whitespace() {
            let (fits, breakable) = (self.span(word, size) <= room, word.chars().any(breaks));
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
}

/// Whether a line may be broken before and behind the sign: kana and Chinese, not Hangul, which has blanks.
fn breaks(character: char) -> bool {
    matches!(character, '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{9FFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A font of squares: `A` half an em wide, `B` a whole one, a blank, and nothing else.
    fn squares() -> Fonts {
        Fonts::load(Path::new("tests/data/squares.ttf")).unwrap()
    }

    #[test]
    fn long_texts_wrap_then_shrink_then_end() {
        let fonts = Fonts::default();
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
            let fitted = fonts.fit(text, room, 32.0, most);
            assert_eq!(fitted.lines, lines, "{text} in {room}");
            assert!((fitted.size - size).abs() < 0.01, "{text} in {room}: {}", fitted.size);
            for line in &fitted.lines {
                assert!(fonts.span(line, fitted.size) <= room, "{line}");
            }
        }
    }

    #[test]
    fn letters_come_from_the_file_if_it_has_them() {
        let (squares, built_in) = (squares(), Fonts::default());
        for (text, kinds, span) in [
            ("AB", "oo", 48.0),
            ("A请B", "obo", 80.0),
            ("请求A", "bo", 80.0),
            ("A B", "oo", 64.0),
            ("请", "b", 32.0),
            ("", "", 0.0),
        ] {
            let pieces = squares.pieces(text, (10.0, 100.0), 32.0);
            let kind = |piece: &Piece| if matches!(piece, Piece::Outline(_)) { 'o' } else { 'b' };
            assert_eq!(pieces.iter().map(kind).collect::<String>(), kinds, "{text}");
            assert_eq!(squares.span(text, 32.0), span, "{text}");
            assert!(built_in.pieces(text, (10.0, 100.0), 32.0).iter().all(|piece| kind(piece) == 'b'));
        }
    }

    #[test]
    fn letters_of_both_kinds_stand_on_one_line_one_behind_the_other() {
        let pieces = squares().pieces("A请B", (10.0, 100.0), 32.0);
        let [Piece::Outline(a), Piece::Bits(_, sign), Piece::Outline(b)] = &pieces[..] else { panic!("{pieces:?}") };
        let (a, b) = (a.px_bounds(), b.px_bounds());
        // Squares reach from the baseline, 12 pixels below the middle, to three quarters of an em above it; pixels they
        // only just touch are counted too.
        for (found, expect) in [
            ([a.min.x, a.max.x, a.min.y, a.max.y], [10.0, 26.0, 88.0, 112.0]),
            ([sign.x, sign.right(), sign.y, sign.bottom()], [26.0, 58.0, 82.0, 118.0]),
            ([b.min.x, b.max.x, b.min.y, b.max.y], [58.0, 90.0, 88.0, 112.0]),
        ] {
            assert!(found.iter().zip(expect).all(|(a, b)| (a - b).abs() <= 1.0), "{found:?} is not {expect:?}");
        }
    }

    #[test]
    fn a_file_that_is_no_font_is_said_and_done_without() {
        let folder = tempfile::tempdir().unwrap();
        let (missing, text) = (folder.path().join("none.ttf"), folder.path().join("text.ttf"));
        std::fs::write(&text, "no font").unwrap();
        for file in [missing, text] {
            let mut said = Vec::new();
            let fonts = Fonts::or_built_in(Some(&file), |error| said.push(error.to_string()));
            assert!(fonts.outlines.is_none());
            assert!(said.len() == 1 && said[0].contains(file.to_str().unwrap()), "{said:?}");
        }
        let fonts = Fonts::or_built_in(Some(Path::new("tests/data/squares.ttf")), |error| panic!("{error}"));
        assert!(fonts.outlines.is_some());
        assert!(Fonts::or_built_in(None, |error| panic!("{error}")).outlines.is_none());
    }
}
