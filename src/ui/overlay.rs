//! What lies over the camera's picture: drawn once, then laid over frame after frame until it changes.
//!
//! Most of a panel is either not covered or covered wholly, so it is kept in runs of pixels of a row: those that replace what
//! is under them are copied, and only those that let it shine through are mixed.

use std::borrow::Cow;
use std::ops::Range;

use image::{RgbImage, RgbaImage};

use super::canvas::{Colour, Ground, mixed, part};
use super::layout::Area;
use super::turn::Turn;
use super::viewfinder::Covered;

/// A shorter run that could be copied is mixed with its neighbours: two more runs would cost more.
const SHORT: usize = 12;

/// A sheet to draw on that lets through what is not drawn on: its colours are multiplied with their alpha.
#[derive(Debug)]
pub struct Sheet(RgbaImage);

impl Sheet {
    /// A clear one of `width` x `height` pixels.
    #[must_use]
    pub fn clear((width, height): (u32, u32)) -> Self {
        Self(RgbaImage::new(width, height))
    }
}

impl Ground for Sheet {
    fn size(&self) -> (u32, u32) {
        self.0.dimensions()
    }

    fn mix(&mut self, x: u32, y: u32, [r, g, b]: Colour, alpha: u8) {
        let pixel = &mut self.0.get_pixel_mut(x, y).0;
        for (under, over) in pixel.iter_mut().zip([r, g, b, 255]) {
            *under = mixed(*under, over, alpha);
        }
    }
}

/// A finished sheet, as it lies.
#[derive(Debug)]
pub struct Overlay {
    /// Outside the part that moves: laid once.
    still: Vec<Run>,
    /// Inside it: laid over every frame.
    moving: Vec<Run>,
    /// What of the part that moves is hidden.
    covered: Covered,
}

/// Some pixels of a row.
#[derive(Debug)]
struct Run {
    /// Where they lie among the bytes of a picture.
    at: Range<usize>,
    ink: Ink,
}

#[derive(Debug)]
enum Ink {
    /// Replaces what is there.
    Solid(Vec<u8>),
    /// Lets something through: colours multiplied with alpha, and 255 less alpha.
    Clear(Vec<[u8; 4]>),
}

impl Overlay {
    /// Of a sheet that is laid, turned, over a picture which moves in `moving` alone; both are upright.
    #[must_use]
    pub fn new(sheet: &Sheet, moving: Area, turn: Turn) -> Self {
        let (mut still, mut inside, mut widest) = (Vec::new(), Vec::new(), Vec::new());
        let lying = lie(&sheet.0, turn);
        let (width, moving) = (lying.width() as usize, turn.area(moving));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "panel sizes")]
        let edge = |at: f32, most: usize| (at.max(0.0).round() as usize).min(most);
        let (left, right) = (edge(moving.x, width), edge(moving.right(), width));
        let (top, bottom) = (edge(moving.y, usize::MAX), edge(moving.bottom(), usize::MAX));
        for (y, row) in lying.chunks_exact(width.max(1) * 4).enumerate() {
            let (row, start) = (row.as_chunks::<4>().0, y * width);
            let before = inside.len();
            if (top..bottom).contains(&y) {
                runs(&row[..left], start, &mut still);
                runs(&row[left..right], start + left, &mut inside);
                runs(&row[right..], start + right, &mut still);
            } else {
                runs(row, start, &mut still);
            }
            widest.push(longest(&inside[before..], start));
        }
        Self { still, moving: inside, covered: covered(&widest) }
    }

    /// The largest part of what moves that nobody sees, in one piece.
    #[must_use]
    pub const fn covered(&self) -> &Covered {
        &self.covered
    }

    /// Lays the parts outside what moves over a picture of the sheet's size.
    pub fn lay_still(&self, picture: &mut RgbImage) {
        lay(&self.still, picture);
    }

    /// Lays the parts inside what moves over it.
    pub fn lay_moving(&self, picture: &mut RgbImage) {
        lay(&self.moving, picture);
    }
}

fn lay(runs: &[Run], picture: &mut RgbImage) {
    for run in runs {
        let Some(under) = picture.get_mut(run.at.clone()) else { continue };
        match &run.ink {
            Ink::Solid(bytes) => under.copy_from_slice(bytes),
            Ink::Clear(pixels) => {
                for (under, &[r, g, b, through]) in under.as_chunks_mut::<3>().0.iter_mut().zip(pixels) {
                    let mix = |under: u8, over: u8| part(u16::from(under) * u16::from(through)).saturating_add(over);
                    *under = [mix(under[0], r), mix(under[1], g), mix(under[2], b)];
                }
            }
        }
    }
}

/// A sheet as it lies.
fn lie(sheet: &RgbaImage, turn: Turn) -> Cow<'_, RgbaImage> {
    if turn.lying() == sheet.dimensions() && turn.reverses() == (false, false) {
        return Cow::Borrowed(sheet);
    }
    let (width, height) = turn.lying();
    let mut lying = RgbaImage::new(width, height);
    for (x, y, pixel) in sheet.enumerate_pixels() {
        let (x, y) = turn.pixel(x, y);
        lying.put_pixel(x, y, *pixel);
    }
    Cow::Owned(lying)
}

/// The longest of the runs of a row that nothing shines through, as columns.
fn longest(runs: &[Run], start: usize) -> Range<usize> {
    let solid = runs.iter().filter(|run| matches!(run.ink, Ink::Solid(_)));
    let columns = solid.map(|run| run.at.start / 3 - start..run.at.end / 3 - start);
    columns.max_by_key(ExactSizeIterator::len).unwrap_or_default()
}

/// From the row with the longest run up and down, as long as no more than an eighth of its length is lost.
fn covered(rows: &[Range<usize>]) -> Covered {
    let Some((middle, row)) = rows.iter().enumerate().max_by_key(|(_, row)| row.len()) else {
        return Covered::default();
    };
    let (enough, mut across) = (row.len() - row.len() / 8, row.clone());
    let mut take = |row: &Range<usize>| {
        let both = across.start.max(row.start)..across.end.min(row.end);
        let takes = !both.is_empty() && both.len() >= enough;
        if takes {
            across = both;
        }
        takes
    };
    let above = rows[..middle].iter().rev().take_while(|row| take(row)).count();
    let below = rows[middle..].iter().take_while(|row| take(row)).count();
    Covered { across, down: middle - above..middle + below }
}

/// The runs of a piece of a row whose first pixel has the number `start` in the picture.
fn runs(row: &[[u8; 4]], start: usize, found: &mut Vec<Run>) {
    let alpha = |number: usize| row.get(number).map(|pixel| pixel[3]);
    let same = |from: usize, wanted: u8| (from..row.len()).take_while(|n| alpha(*n) == Some(wanted)).count();
    let mut from = 0;
    while from < row.len() {
        from += same(from, 0);
        let solid = same(from, 255);
        let mut length = solid;
        if solid < SHORT {
            // On, over short solid and clear pieces, to a long one or the end.
            while from + length < row.len() {
                let (clear, solid) = (same(from + length, 0), same(from + length, 255));
                if clear >= SHORT || solid >= SHORT || from + length + clear == row.len() {
                    break;
                }
                length += (clear + solid).max(1);
            }
        }
        let pixels = &row[from..from + length];
        let ink = if solid >= SHORT || length == solid {
            Ink::Solid(pixels.iter().flat_map(|[r, g, b, _]| [*r, *g, *b]).collect())
        } else {
            Ink::Clear(pixels.iter().map(|&[r, g, b, alpha]| [r, g, b, 255 - alpha]).collect())
        };
        if length > 0 {
            found.push(Run { at: (start + from) * 3..(start + from + length) * 3, ink });
        }
        from += length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hal::Rotation;

    /// A sheet whose only row has these alphas, all white.
    fn sheet(alphas: &[u8]) -> Sheet {
        let mut sheet = Sheet::clear((alphas.len() as u32, 1));
        for (x, alpha) in (0..).zip(alphas) {
            sheet.mix(x, 0, [255, 100, 0], *alpha);
        }
        sheet
    }

    /// Of a sheet that lies as it stands.
    fn upright(width: u32) -> Turn {
        Turn::new(Rotation::try_from(0).unwrap(), (width, 1))
    }

    #[test]
    fn what_is_laid_over_looks_as_if_it_were_drawn_there() {
        let mut rows = vec![vec![0; 40], vec![255; 40], vec![140; 40]];
        // Pieces of every kind beside each other, long and short.
        for lengths in [[1, 1, 1], [3, 13, 2], [13, 3, 13], [11, 12, 13], [20, 1, 1], [12, 12, 12]] {
            for kinds in [[0, 255, 77], [255, 0, 255], [77, 0, 77], [77, 255, 0], [0, 77, 0], [254, 255, 1]] {
                let pieces = lengths.iter().zip(kinds);
                rows.push(pieces.flat_map(|(length, alpha)| std::iter::repeat_n(alpha, *length)).collect());
            }
        }
        for alphas in rows {
            let width = alphas.len() as u32;
            for moving in [Area::new(0.0, 0.0, width as f32, 1.0), Area::new(2.0, 0.0, 5.0, 1.0), Area::default()] {
                let overlay = Overlay::new(&sheet(&alphas), moving, upright(width));
                let mut picture = RgbImage::from_fn(width, 1, |x, _| image::Rgb([x as u8, 200, 50]));
                let mut drawn = picture.clone();
                for (x, alpha) in (0..).zip(&alphas) {
                    drawn.mix(x, 0, [255, 100, 0], *alpha);
                }
                overlay.lay_still(&mut picture);
                overlay.lay_moving(&mut picture);
                for (laid, drawn) in picture.iter().zip(drawn.iter()) {
                    assert!(laid.abs_diff(*drawn) <= 1, "{alphas:?}: {laid} is not {drawn}");
                }
            }
        }
    }

    #[test]
    fn each_part_is_laid_at_its_time() {
        let overlay = Overlay::new(&sheet(&[255; 30]), Area::new(10.0, 0.0, 5.0, 1.0), upright(30));
        let white = |picture: &RgbImage| (0..30).filter(|x| picture.get_pixel(*x, 0).0[0] == 255).collect::<Vec<_>>();
        let (mut still, mut moving) = (RgbImage::new(30, 1), RgbImage::new(30, 1));
        overlay.lay_still(&mut still);
        overlay.lay_moving(&mut moving);
        assert_eq!(white(&moving), (10..15).collect::<Vec<_>>());
        assert_eq!(white(&still), (0..10).chain(15..30).collect::<Vec<_>>());
    }

    #[test]
    fn what_nobody_sees_is_one_piece_under_a_card_with_round_corners() {
        let row = |from: usize, to: usize| from..to;
        // Letters elsewhere, a corner, the card, a corner.
        let rows =
            [row(0, 0), row(70, 75), row(30, 70), row(12, 88), row(10, 90), row(10, 90), row(11, 89), row(40, 60)];
        assert_eq!(covered(&rows), Covered { across: 12..88, down: 3..7 });
        assert_eq!(covered(&[]), Covered::default());
        assert!(covered(&[row(0, 0)]).across.is_empty());
    }

    #[test]
    fn what_is_wholly_covered_or_not_at_all_is_not_mixed() {
        for (alphas, expect) in [
            ([[0; 20], [255; 20]].concat(), "solid 20"),
            ([[255; 20], [0; 20]].concat(), "solid 20"),
            ([vec![9; 3], vec![255; 20], vec![9; 3]].concat(), "clear 3, solid 20, clear 3"),
            ([vec![9; 3], vec![255; 5], vec![9; 3]].concat(), "clear 11"),
            ([vec![9; 3], vec![0; 20], vec![255; 4]].concat(), "clear 3, solid 4"),
            (vec![0; 40], ""),
        ] {
            let mut found = Vec::new();
            runs(sheet(&alphas).0.as_chunks::<4>().0, 0, &mut found);
            let told: Vec<_> = found
                .iter()
                .map(|run| match &run.ink {
                    Ink::Solid(bytes) => format!("solid {}", bytes.len() / 3),
                    Ink::Clear(pixels) => format!("clear {}", pixels.len()),
                })
                .collect();
            assert_eq!(told.join(", "), expect);
        }
    }
}
