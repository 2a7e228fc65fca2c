//! The camera's picture in its place, for every frame anew: cut to the shape of the place, scaled, mirrored and turned in
//! one pass, in whole numbers.

use std::ops::Range;

use image::RgbImage;

use super::layout::Area;
use super::turn::Turn;

/// How frames of one size come into one place of a picture, which may lie turned.
#[derive(Debug)]
pub struct Viewfinder {
    frame: (u32, u32),
    mirror: bool,
    /// Pixels of the picture as it lies.
    across: Range<usize>,
    down: Range<usize>,
    /// Whether a row of the frame becomes a column.
    sideways: bool,
    columns: Columns,
    /// In the order in which they lie.
    rows: Vec<Tap>,
    /// Of a row of the frame: the mean of two, and behind it the means of each pixel and the next.
    row: Vec<u8>,
    /// Rows that are turned together.
    band: Vec<u8>,
}

/// A part of a picture that is covered later: what lies there need not be painted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Covered {
    /// Pixels of the picture as it lies.
    pub across: Range<usize>,
    /// Its rows.
    pub down: Range<usize>,
}

impl Covered {
    /// The pieces of `range` in a row that are seen: in front of what is covered, and behind it.
    fn seen(&self, row: usize, range: &Range<usize>) -> [Range<usize>; 2] {
        if !self.down.contains(&row) {
            return [range.clone(), range.end..range.end];
        }
        let inside = |at: usize| at.clamp(range.start, range.end);
        [range.start..inside(self.across.start), inside(self.across.end)..range.end]
    }
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
    /// For frames of a size, in a place of the upright picture whose edges lie between pixels; `None` where there is
    /// nothing to see.
    #[must_use]
    pub fn new(frame: (u32, u32), place: Area, mirror: bool, turn: Turn) -> Option<Self> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "panel sizes")]
        let pixels = |from: f32, to: f32| from.max(0.0).round() as usize..to.max(0.0).round() as usize;
        let [width, height] = [frame.0, frame.1].map(i64::from);
        let length = |from, to| i64::try_from(pixels(from, to).len()).ok();
        let (wide, high) = (length(place.x, place.right())?, length(place.y, place.bottom())?);
        if width == 0 || height == 0 || wide <= 0 || high <= 0 {
            return None;
        }
        // The place is filled: what is longer by comparison is cut off on both sides.
        let step = if wide * height >= high * width { (width, wide) } else { (height, high) };
        let (mut columns, mut rows) = (taps(width, wide, step), taps(height, high, step));
        let (reverse_columns, reverse_rows) = turn.reverses();
        let mirrored = mirror != reverse_columns;
        if reverse_rows {
            rows.reverse();
        }
        let plain = step.0 == step.1 && columns.iter().all(|tap| tap.first == tap.second);
        let columns = if plain {
            let range = columns[0].first..columns[0].first + columns.len();
            if mirrored { Columns::Mirrored(range) } else { Columns::Plain(range) }
        } else {
            if mirrored {
                columns.reverse();
            }
            let behind = usize::try_from(width).ok()?;
            let at = |tap: &Tap| if tap.first == tap.second { tap.first } else { behind + tap.first };
            Columns::Scaled(columns.iter().map(at).collect())
        };
        let lying = turn.area(place);
        let (across, down) = (pixels(lying.x, lying.right()), pixels(lying.y, lying.bottom()));
        let (sideways, row, band) = (turn.is_sideways(), Vec::new(), Vec::new());
        Some(Self { frame, mirror, across, down, sideways, columns, rows, row, band })
    }

    /// Whether it is for these frames.
    #[must_use]
    pub fn suits(&self, frame: (u32, u32), mirror: bool) -> bool {
        self.frame == frame && self.mirror == mirror
    }

    /// Paints a frame into its place of a picture, except perhaps where that is covered; one of another size it leaves
    /// out.
    pub fn paint(&mut self, frame: &RgbImage, picture: &mut RgbImage, covered: &Covered) {
        let (width, height) = picture.dimensions();
        if frame.dimensions() != self.frame || self.across.end > width as usize || self.down.end > height as usize {
            return;
        }
        if self.sideways {
            self.paint_sideways(frame, picture, covered);
        } else {
            self.paint_rows(frame, picture, covered);
        }
    }

    fn paint_rows(&mut self, frame: &RgbImage, picture: &mut RgbImage, covered: &Covered) {
        let stride = width_of(picture);
        let rows = picture.chunks_exact_mut(stride).enumerate().skip(self.down.start);
        for (tap, (number, out)) in self.rows.iter().zip(rows) {
            let out = out.as_chunks_mut::<3>().0;
            let first = line(frame, tap.first).as_chunks::<3>().0;
            if let Columns::Scaled(_) = self.columns {
                means(frame, *tap, &mut self.row);
            }
            for piece in covered.seen(number, &self.across) {
                let (from, to) = (piece.start - self.across.start, piece.end - self.across.start);
                let out = &mut out[piece];
                match &self.columns {
                    Columns::Plain(range) => out.copy_from_slice(&first[range.clone()][from..to]),
                    Columns::Mirrored(range) => mirrored(&first[range.end - to..range.end - from], out),
                    Columns::Scaled(taps) => pick(&self.row, &taps[from..to], out),
                }
            }
        }
    }

    fn paint_sideways(&mut self, frame: &RgbImage, picture: &mut RgbImage, covered: &Covered) {
        let (wide, stride) = (self.down.len(), width_of(picture));
        let Some(rows) = picture.get_mut(self.down.start * stride..self.down.end * stride) else { return };
        let backwards = matches!(self.columns, Columns::Mirrored(_));
        for (number, taps) in self.rows.chunks(BAND).enumerate() {
            let left = self.across.start + number * BAND;
            let whole = covered.across.start <= left && left + taps.len() <= covered.across.end;
            let hidden = if whole { covered.down.clone() } else { 0..0 };
            // Rows of the place.
            let hidden = hidden.start.saturating_sub(self.down.start)..hidden.end.saturating_sub(self.down.start);
            let mut lines: [&[u8]; BAND] = [&[]; BAND];
            match &self.columns {
                Columns::Plain(range) | Columns::Mirrored(range) => {
                    for (to, tap) in lines.iter_mut().zip(taps) {
                        *to = &line(frame, tap.first)[range.start * 3..range.end * 3];
                    }
                }
                Columns::Scaled(columns) => {
                    self.band.resize(BAND * wide * 3, 0);
                    for (out, tap) in self.band.chunks_exact_mut(wide * 3).zip(taps) {
                        means(frame, *tap, &mut self.row);
                        pick(&self.row, columns, out.as_chunks_mut::<3>().0);
                    }
                    lines.iter_mut().zip(self.band.chunks_exact(wide * 3)).for_each(|(to, from)| *to = from);
                }
            }
            stand_up(&lines[..taps.len()], rows, stride, left * 3, &hidden, backwards);
        }
    }
}

/// Bytes of a row; one of a picture without pixels, so that it can be cut into rows.
fn width_of(picture: &RgbImage) -> usize {
    (picture.width() as usize * 3).max(1)
}

/// A row of a frame.
fn line(frame: &RgbImage, number: usize) -> &[u8] {
    let width = frame.width() as usize * 3;
    frame.get(number * width..(number + 1) * width).unwrap_or_default()
}

/// The mean of two rows of a frame, and behind it the means of each of its pixels and the next.
fn means(frame: &RgbImage, tap: Tap, row: &mut Vec<u8>) {
    row.clear();
    row.extend(line(frame, tap.first).iter().zip(line(frame, tap.second)).map(|(a, b)| mean(*a, *b)));
    let width = row.len();
    row.resize(2 * width, 0);
    let (row, halves) = row.split_at_mut(width);
    halves.iter_mut().zip(row.iter().zip(&row[3..])).for_each(|(half, (a, b))| *half = mean(*a, *b));
}

/// Pixels of a row, by their numbers.
fn pick(row: &[u8], taps: &[usize], out: &mut [[u8; 3]]) {
    let pixels = row.as_chunks::<3>().0;
    // Four at a time: one need not wait for the memory of the other.
    let ((fours, few), (taps, rest)) = (out.as_chunks_mut::<4>(), taps.as_chunks::<4>());
    fours.iter_mut().zip(taps).for_each(|(out, taps)| *out = taps.map(|tap| pixels[tap]));
    few.iter_mut().zip(rest).for_each(|(out, tap)| *out = pixels[*tap]);
}

/// So many rows become columns together: what they bring to a row of the picture is written in one piece.
const BAND: usize = 16;

/// So many blocks of four columns together: what is read and written for them fits the fastest memory.
const TILE: usize = 16;

/// Four pixels, as bytes.
type Four = [u8; 12];

/// Makes lines of pixels columns of rows of `stride` bytes, beside each other from the byte `left` of each row on, but
/// for the rows that are `hidden`. Each line begins in the first row, or `backwards` in the last one.
fn stand_up(lines: &[&[u8]], rows: &mut [u8], stride: usize, left: usize, hidden: &Range<usize>, backwards: bool) {
    let length = rows.len() / stride;
    let blocks = length / 4;
    // By the columns of the lines.
    let hidden = if backwards { length - hidden.end..length - hidden.start } else { hidden.clone() };
    let (before, behind) = (hidden.start.div_ceil(4).min(blocks), (hidden.end / 4).min(blocks));
    let pieces = if before < behind { [0..before, behind..blocks] } else { [0..blocks, 0..0] };
    let (fours, rest) = lines.as_chunks::<4>();
    for piece in pieces {
        for from in piece.clone().step_by(TILE) {
            let tile = from..(from + TILE).min(piece.end);
            let first = if backwards { length - 4 * tile.end } else { 4 * tile.start };
            let rows = &mut rows[first * stride..(first + 4 * tile.len()) * stride];
            for (number, four) in fours.iter().enumerate() {
                let four = four.map(|line| &line.as_chunks::<12>().0[tile.clone()]);
                let (rows, at) = (rows.chunks_exact_mut(4 * stride), left + 12 * number);
                if backwards {
                    lay::<true>(four, rows.rev(), stride, at);
                } else {
                    lay::<false>(four, rows, stride, at);
                }
            }
        }
    }
    // What is left over: the last columns of each line, and the last lines.
    let mut single = |number: usize, column: usize| {
        let row = if backwards { length - 1 - column } else { column };
        let at = row * stride + left + number * 3;
        rows[at..at + 3].copy_from_slice(&lines[number][column * 3..column * 3 + 3]);
    };
    for number in 0..lines.len() {
        let from = if number < lines.len() - rest.len() { blocks * 4 } else { 0 };
        (from..length).for_each(|column| single(number, column));
    }
}

/// Lays blocks of four lines as columns at byte `at` of rows, four of which are one of `rows`.
#[inline(always)]
fn lay<'r, const BACKWARDS: bool>(
    [a, b, c, d]: [&[Four]; 4],
    rows: impl Iterator<Item = &'r mut [u8]>,
    stride: usize,
    at: usize,
) {
    // Sums are checked, so each is done once.
    let [first, second, third, fourth] = [0, 1, 2, 3].map(|number| at + stride * number);
    for ((((rows, a), b), c), d) in rows.zip(a).zip(b).zip(c).zip(d) {
        let mut pixels = turned([a, b, c, d]);
        if BACKWARDS {
            pixels.reverse();
        }
        for (at, pixels) in [first, second, third, fourth].into_iter().zip(pixels) {
            if let Some(to) = rows.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
                *to = pixels;
            }
        }
    }
}

/// Four pixels of four lines, by columns: as the words they fill, since byte by byte it takes three times as long.
fn turned(lines: [&Four; 4]) -> [Four; 4] {
    let words = lines
        .map(|line| line.as_chunks::<4>().0)
        .map(|words| std::array::from_fn(|number| words.get(number).map_or(0, |word| u32::from_le_bytes(*word))));
    // In the lower three bytes; what is above them belongs to the next one.
    let pixel = |[a, b, c]: [u32; 3], number: usize| match number {
        0 => a,
        1 => a >> 24 | b << 8,
        2 => b >> 16 | c << 16,
        _ => c >> 8,
    };
    std::array::from_fn(|number| {
        let [a, b, c, d] = words.map(|line| pixel(line, number));
        let words = [a & 0x00FF_FFFF | b << 24, (b >> 8) & 0xFFFF | c << 16, (c >> 16) & 0xFF | d << 8];
        let mut four = [0; 12];
        four.as_chunks_mut::<4>().0.iter_mut().zip(words).for_each(|(to, word)| *to = word.to_le_bytes());
        four
    })
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
    use image::imageops::{rotate90, rotate180, rotate270};

    use super::*;
    use crate::hal::Rotation;

    fn turn(degrees: u32, size: (u32, u32)) -> Turn {
        Turn::new(Rotation::try_from(degrees).unwrap(), size)
    }

    /// Red runs from left to right, green from top to bottom.
    fn ramp(width: u32, height: u32) -> RgbImage {
        let part = |at: u32, of: u32| ((2 * at + 1) * 128 / of) as u8;
        RgbImage::from_fn(width, height, |x, y| image::Rgb([part(x, width), part(y, height), 9]))
    }

    fn painted(frame: &RgbImage, place: Area, mirror: bool, size: (u32, u32)) -> RgbImage {
        let mut picture = RgbImage::from_pixel(size.0, size.1, image::Rgb([1, 2, 3]));
        let turn = turn(0, size);
        Viewfinder::new(frame.dimensions(), place, mirror, turn).unwrap().paint(
            frame,
            &mut picture,
            &Covered::default(),
        );
        picture
    }

    #[test]
    fn a_turned_picture_is_the_upright_one_turned() {
        for (frame, (wide, high)) in [
            ((96, 128), (72, 128)),
            ((96, 128), (80, 128)),
            ((96, 128), (45, 61)),
            ((48, 64), (73, 130)),
            ((7, 5), (100, 3)),
            ((1, 1), (4, 4)),
        ] {
            let ((left, top), frame) = ((5, 2), ramp(frame.0, frame.1));
            let size = (left + wide + 3, top + high + 4);
            let place = Area::new(left as f32, top as f32, wide as f32, high as f32);
            for mirror in [false, true] {
                let upright = painted(&frame, place, mirror, size);
                for (degrees, expect) in
                    [(90, rotate90(&upright)), (180, rotate180(&upright)), (270, rotate270(&upright))]
                {
                    let mut viewfinder =
                        Viewfinder::new(frame.dimensions(), place, mirror, turn(degrees, size)).unwrap();
                    let blank = RgbImage::from_pixel(expect.width(), expect.height(), image::Rgb([1, 2, 3]));
                    let mut picture = blank.clone();
                    viewfinder.paint(&frame, &mut picture, &Covered::default());
                    assert!(picture == expect, "{:?} in {wide}x{high}, {degrees}, mirror {mirror}", frame.dimensions());
                    // Round a part that is covered the same is painted.
                    let part = |length: u32| length as usize / 3..length as usize * 3 / 4;
                    let covered = Covered { across: part(expect.width()), down: part(expect.height()) };
                    let mut picture = blank.clone();
                    viewfinder.paint(&frame, &mut picture, &covered);
                    for (x, y, pixel) in picture.enumerate_pixels() {
                        let hidden = covered.across.contains(&(x as usize)) && covered.down.contains(&(y as usize));
                        let is_left = pixel == blank.get_pixel(x, y);
                        assert!(pixel == expect.get_pixel(x, y) || hidden && is_left, "{degrees}: {x}, {y}");
                    }
                }
            }
        }
    }

    #[test]
    fn under_what_is_covered_nothing_is_painted() {
        let (frame, size) = (ramp(96, 128), (72, 128));
        let place = Area::new(0.0, 0.0, 72.0, 128.0);
        for (degrees, across, down) in [(0, 8..60, 32..96), (90, 32..96, 8..60)] {
            for mirror in [false, true] {
                let turn = turn(degrees, size);
                let mut picture = RgbImage::new(turn.lying().0, turn.lying().1);
                let covered = Covered { across: across.clone(), down: down.clone() };
                Viewfinder::new((96, 128), place, mirror, turn).unwrap().paint(&frame, &mut picture, &covered);
                for (x, y, pixel) in picture.enumerate_pixels() {
                    let hidden = across.contains(&(x as usize)) && down.contains(&(y as usize));
                    assert_eq!(pixel.0 == [0; 3], hidden, "{degrees}: {x}, {y}");
                }
            }
        }
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
            assert_eq!(Viewfinder::new((960, 1280), place, mirror, turn(0, (720, 1280))).unwrap().columns, expect);
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
        assert!(Viewfinder::new((0, 10), place, false, turn(0, (10, 10))).is_none());
        assert!(Viewfinder::new((10, 0), place, false, turn(0, (10, 10))).is_none());
        assert!(Viewfinder::new((10, 10), Area::default(), false, turn(0, (10, 10))).is_none());
        // A frame of another size and a picture without the place are left alone.
        for (size, frame) in [((5, 5), (10, 10)), ((20, 20), (9, 10))] {
            let mut picture = RgbImage::new(size.0, size.1);
            let mut viewfinder = Viewfinder::new((10, 10), place, false, turn(0, size)).unwrap();
            viewfinder.paint(&ramp(frame.0, frame.1), &mut picture, &Covered::default());
            assert!(picture.pixels().all(|pixel| pixel.0 == [0, 0, 0]));
        }
    }
}
