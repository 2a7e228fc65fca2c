//! The camera's picture in its place, for every frame anew: cut to the shape of the place, scaled and mirrored in one
//! pass, in whole numbers.

use std::ops::Range;

use image::RgbImage;

use super::layout::Area;

/// How frames of one size come into one place of a picture.
#[derive(Debug)]
pub struct Viewfinder {
    frame: (u32, u32),
    mirror: bool,
    /// Pixels of the picture.
    across: Range<usize>,
    down: Range<usize>,
    columns: Columns,
    rows: Vec<Tap>,
    /// A row of the frame, the mean of two, and behind it the means of each pixel and the next.
    row: Vec<u8>,
}

/// A pixel is the mean of two of a row or column of the frame: of one twice, or of two neighbours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Tap {
    first: usize,
    second: usize,
}

/// How a row of the place is made of one of the frame.
#[derive(PartialEq, Eq, Debug)]
enum Columns {
    /// As they are.
    Plain(Range<usize>),
    /// As they are, the last one first.
    Mirrored(Range<usize>),
    /// Each one of a row, or behind the row one of the means of two neighbours.
    Scaled(Vec<usize>),
}

impl Viewfinder {
    /// For frames of a size, in a place whose edges lie between pixels; `None` where there is nothing to see.
    #[must_use]
    pub fn new(frame: (u32, u32), place: Area, mirror: bool) -> Option<Self> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "panel sizes")]
        let pixels = |from: f32, to: f32| from.max(0.0).round() as usize..to.max(0.0).round() as usize;
        let (across, down) = (pixels(place.x, place.right()), pixels(place.y, place.bottom()));
        let [width, height] = [frame.0, frame.1].map(i64::from);
        let (wide, high) = (i64::try_from(across.len()).ok()?, i64::try_from(down.len()).ok()?);
        if width == 0 || height == 0 || wide <= 0 || high <= 0 {
            return None;
        }
        // The place is filled: what is longer by comparison is cut off on both sides.
        let step = if wide * height >= high * width { (width, wide) } else { (height, high) };
        let mut columns = taps(width, wide, step);
        let plain = step.0 == step.1 && columns.iter().all(|tap| tap.first == tap.second);
        let columns = if plain {
            let range = columns[0].first..columns[0].first + columns.len();
            if mirror { Columns::Mirrored(range) } else { Columns::Plain(range) }
        } else {
            if mirror {
                columns.reverse();
            }
            let behind = usize::try_from(width).ok()?;
            let at = |tap: &Tap| if tap.first == tap.second { tap.first } else { behind + tap.first };
            Columns::Scaled(columns.iter().map(at).collect())
        };
        Some(Self { frame, mirror, across, down, columns, rows: taps(height, high, step), row: Vec::new() })
    }

    /// Whether it is for these frames.
    #[must_use]
    pub fn suits(&self, frame: (u32, u32), mirror: bool) -> bool {
        self.frame == frame && self.mirror == mirror
    }

    /// Paints a frame into its place of a picture; one of another size it leaves out.
    pub fn paint(&mut self, frame: &RgbImage, picture: &mut RgbImage) {
        if frame.dimensions() != self.frame {
            return;
        }
        let (from, to) = (frame.width() as usize * 3, picture.width() as usize * 3);
        let rows = picture.chunks_exact_mut(to.max(3)).skip(self.down.start);
        for (tap, out) in self.rows.iter().zip(rows) {
            let line = |number: usize| frame.get(number * from..(number + 1) * from).unwrap_or_default();
            let first = line(tap.first).as_chunks::<3>().0;
            let Some(out) = out.as_chunks_mut::<3>().0.get_mut(self.across.clone()) else { return };
            match &self.columns {
                Columns::Plain(range) => out.copy_from_slice(&first[range.clone()]),
                Columns::Mirrored(range) => mirrored(&first[range.clone()], out),
                Columns::Scaled(taps) => {
                    self.row.clear();
                    self.row.extend(line(tap.first).iter().zip(line(tap.second)).map(|(a, b)| mean(*a, *b)));
                    self.row.resize(2 * from, 0);
                    let (row, halves) = self.row.split_at_mut(from);
                    halves.iter_mut().zip(row.iter().zip(&row[3..])).for_each(|(half, (a, b))| *half = mean(*a, *b));
                    let pixels = self.row.as_chunks::<3>().0;
                    // Four at a time: one need not wait for the memory of the other.
                    let ((fours, few), (taps, rest)) = (out.as_chunks_mut::<4>(), taps.as_chunks::<4>());
                    fours.iter_mut().zip(taps).for_each(|(out, taps)| *out = taps.map(|tap| pixels[tap]));
                    few.iter_mut().zip(rest).for_each(|(out, tap)| *out = pixels[*tap]);
                }
            }
        }
    }
}

const fn mean(first: u8, second: u8) -> u8 {
    ((first as u16 + second as u16 + 1) >> 1) as u8
}

/// Pixels, the last one first.
fn mirrored(from: &[[u8; 3]], to: &mut [[u8; 3]]) {
    let (rest, fours) = from.as_rchunks::<4>();
    let (to_fours, to_rest) = to.as_chunks_mut::<4>();
    for (to, from) in to_fours.iter_mut().zip(fours.iter().rev()) {
        turn_round(from, to);
    }
    to_rest.iter_mut().zip(rest.iter().rev()).for_each(|(to, from)| *to = *from);
}

/// Four pixels, the last one first, as the three words they fill: byte by byte it takes three times as long.
fn turn_round(from: &[[u8; 3]; 4], to: &mut [[u8; 3]; 4]) {
    let word = |number: usize| from.as_flattened().as_chunks::<4>().0.get(number).map_or(0, |w| u32::from_le_bytes(*w));
    let (a, b, c) = (word(0), word(1), word(2));
    let turned = [
        c >> 8 | (b << 8) & 0xFF00_0000,
        b >> 24 | (c & 0xFF) << 8 | (a >> 24) << 16 | b << 24,
        (b >> 8) & 0xFF | a << 8,
    ];
    for (to, word) in to.as_flattened_mut().as_chunks_mut::<4>().0.iter_mut().zip(turned) {
        *to = word.to_le_bytes();
    }
}

/// Which two of `from` pixels make each of `to`, one every `step` (a fraction), the middle over the middle. Nearest halves are
/// enough for a picture that moves; where it becomes much smaller it is always two, so that thin lines do not flicker.
fn taps(from: i64, to: i64, (num, den): (i64, i64)) -> Vec<Tap> {
    let much_smaller = 2 * num >= 3 * den;
    (0..to)
        .map(|n| {
            // The middle of the pixel, from the edge of the first one of the frame, in parts of `2 * den`.
            let middle = (2 * n + 1 - to) * num + from * den;
            let (first, second) = if much_smaller {
                let edge = (middle + den).div_euclid(2 * den);
                (edge - 1, edge)
            } else {
                // In halves of a pixel from the middle of the first one, the nearest.
                let halves = (2 * middle - den).div_euclid(2 * den);
                (halves.div_euclid(2), (halves + 1).div_euclid(2))
            };
            let inside = |at: i64| usize::try_from(at.clamp(0, from - 1)).unwrap_or(0);
            Tap { first: inside(first), second: inside(second) }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Red runs from left to right, green from top to bottom.
    fn ramp(width: u32, height: u32) -> RgbImage {
        let part = |at: u32, of: u32| ((2 * at + 1) * 128 / of) as u8;
        RgbImage::from_fn(width, height, |x, y| image::Rgb([part(x, width), part(y, height), 9]))
    }

    fn painted(frame: &RgbImage, place: Area, mirror: bool, size: (u32, u32)) -> RgbImage {
        let mut picture = RgbImage::from_pixel(size.0, size.1, image::Rgb([1, 2, 3]));
        Viewfinder::new(frame.dimensions(), place, mirror).unwrap().paint(frame, &mut picture);
        picture
    }

    #[test]
    fn each_pixel_shows_what_lies_there_in_the_frame() {
        for (frame, wide, high) in [
            ((96, 128), 72, 128),
            ((96, 128), 80, 128),
            ((96, 128), 45, 60),
            ((96, 128), 48, 80),
            ((96, 128), 60, 100),
            ((48, 64), 72, 128),
            ((64, 48), 30, 90),
            ((7, 5), 100, 3),
            ((1, 1), 4, 4),
        ] {
            for mirror in [false, true] {
                let (left, top) = (5, 2);
                let size = (left + wide + 3, top + high + 4);
                let place = Area::new(left as f32, top as f32, wide as f32, high as f32);
                let picture = painted(&ramp(frame.0, frame.1), place, mirror, size);
                let (w, h) = (f64::from(frame.0), f64::from(frame.1));
                let scale = (f64::from(wide) / w).max(f64::from(high) / h);
                // A colour a pixel of the frame off at the most, and a rounding.
                let (dx, dy) = (256.0 / w / scale.min(1.0) + 2.0, 256.0 / h / scale.min(1.0) + 2.0);
                for (x, y, pixel) in picture.enumerate_pixels() {
                    if !(left..left + wide).contains(&x) || !(top..top + high).contains(&y) {
                        assert_eq!(pixel.0, [1, 2, 3], "outside the place: {x}, {y}");
                        continue;
                    }
                    let (px, py) = (f64::from(x - left) + 0.5, f64::from(y - top) + 0.5);
                    let px = if mirror { f64::from(wide) - px } else { px };
                    let red = ((px - f64::from(wide) / 2.0) / scale / w + 0.5) * 256.0;
                    let green = ((py - f64::from(high) / 2.0) / scale / h + 0.5) * 256.0;
                    let [r, g, b] = pixel.0.map(f64::from);
                    let near = (r - red).abs() <= dx && (g - green).abs() <= dy && b >= 8.0;
                    assert!(
                        near,
                        "{frame:?} in {wide}x{high}, mirror {mirror}: {x}, {y} is {pixel:?}, not {red} {green}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_frame_of_the_places_scale_keeps_its_pixels() {
        let frame = ramp(960, 1280);
        let place = Area::new(0.0, 0.0, 720.0, 1280.0);
        for (mirror, expect) in [(false, Columns::Plain(120..840)), (true, Columns::Mirrored(120..840))] {
            assert_eq!(Viewfinder::new((960, 1280), place, mirror).unwrap().columns, expect);
            let picture = painted(&frame, place, mirror, (720, 1280));
            for (x, y, pixel) in picture.enumerate_pixels() {
                let from = if mirror { 839 - x } else { 120 + x };
                assert_eq!(pixel, frame.get_pixel(from, y));
            }
        }
    }

    #[test]
    fn there_is_nothing_to_see_without_frame_or_place() {
        let place = Area::new(0.0, 0.0, 10.0, 10.0);
        assert!(Viewfinder::new((0, 10), place, false).is_none());
        assert!(Viewfinder::new((10, 0), place, false).is_none());
        assert!(Viewfinder::new((10, 10), Area::default(), false).is_none());
        // A frame of another size and a picture without the place are left alone.
        for (size, frame) in [((5, 5), (10, 10)), ((20, 20), (9, 10))] {
            let mut picture = RgbImage::new(size.0, size.1);
            Viewfinder::new((10, 10), place, false).unwrap().paint(&ramp(frame.0, frame.1), &mut picture);
            assert!(picture.pixels().all(|pixel| pixel.0 == [0, 0, 0]));
        }
    }
}
