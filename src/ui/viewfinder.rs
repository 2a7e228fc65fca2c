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
    /// A row of the frame, mixed of two.
    mixed: Vec<u8>,
}

/// Two neighbours in a row or column of the frame, and how much the second one counts, of 256.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Tap {
    first: usize,
    second: usize,
    weight: u16,
}

/// How a row of the place is made of one of the frame.
#[derive(PartialEq, Eq, Debug)]
enum Columns {
    /// As they are.
    Plain(Range<usize>),
    /// As they are, the last one first.
    Mirrored(Range<usize>),
    /// Each between two.
    Scaled(Vec<Tap>),
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
        let plain = columns.iter().enumerate().all(|(n, tap)| tap.weight == 0 && tap.first == columns[0].first + n);
        let columns = if plain {
            let range = columns[0].first..columns[0].first + columns.len();
            if mirror { Columns::Mirrored(range) } else { Columns::Plain(range) }
        } else {
            if mirror {
                columns.reverse();
            }
            Columns::Scaled(columns)
        };
        Some(Self { frame, mirror, across, down, columns, rows: taps(height, high, step), mixed: Vec::new() })
    }

    /// Whether it is for these frames.
    #[must_use]
    pub fn suits(&self, frame: (u32, u32), mirror: bool) -> bool {
        self.frame == frame && self.mirror == mirror
    }

    /// Paints a frame of its size into its place of a picture.
    pub fn paint(&mut self, frame: &RgbImage, picture: &mut RgbImage) {
        let (from, to) = (frame.width() as usize * 3, picture.width() as usize * 3);
        let rows = picture.chunks_exact_mut(to.max(3)).skip(self.down.start);
        for (tap, out) in self.rows.iter().zip(rows) {
            let line = |number: usize| frame.get(number * from..(number + 1) * from).unwrap_or_default();
            let row = if tap.weight == 0 {
                line(tap.first)
            } else {
                self.mixed.clear();
                let pairs = line(tap.first).iter().zip(line(tap.second));
                self.mixed.extend(pairs.map(|(a, b)| between(*a, *b, tap.weight)));
                &self.mixed
            };
            let (row, out) = (row.as_chunks::<3>().0, out.as_chunks_mut::<3>().0);
            let Some(out) = out.get_mut(self.across.clone()) else { return };
            match &self.columns {
                Columns::Plain(range) => out.copy_from_slice(&row[range.clone()]),
                Columns::Mirrored(range) => {
                    out.iter_mut().zip(row[range.clone()].iter().rev()).for_each(|(out, pixel)| *out = *pixel);
                }
                Columns::Scaled(taps) => {
                    for (out, tap) in out.iter_mut().zip(taps) {
                        let ([a, b, c], [d, e, f]) = (row[tap.first], row[tap.second]);
                        let w = tap.weight;
                        *out = [between(a, d, w), between(b, e, w), between(c, f, w)];
                    }
                }
            }
        }
    }
}

const fn between(first: u8, second: u8, weight: u16) -> u8 {
    ((first as u16 * (256 - weight) + second as u16 * weight) >> 8) as u8
}

/// Which two of `from` pixels each of `to` lies between, one every `step` (a fraction), the middle over the middle. Where the
/// picture becomes much smaller it is the mean of two, so that thin lines do not flicker.
fn taps(from: i64, to: i64, (num, den): (i64, i64)) -> Vec<Tap> {
    let unit = 2 * den;
    let smaller = 2 * num >= 3 * den;
    (0..to)
        .map(|n| {
            // The middle of the pixel, from the edge of the first one of the frame, in parts of `unit`.
            let middle = (2 * n + 1 - to) * num + from * den;
            let (first, weight) = if smaller {
                ((middle + den).div_euclid(unit) - 1, 128)
            } else {
                let at = middle - den;
                (at.div_euclid(unit), at.rem_euclid(unit) * 256 / unit)
            };
            let inside = |at: i64| usize::try_from(at.clamp(0, from - 1)).unwrap_or(0);
            Tap { first: inside(first), second: inside(first + 1), weight: u16::try_from(weight).unwrap_or(0) }
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
            ((960, 1280), 720, 1280),
            ((960, 1280), 800, 1280),
            ((960, 1280), 450, 600),
            ((960, 1280), 480, 800),
            ((480, 640), 720, 1280),
            ((640, 480), 300, 900),
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
        // A picture that is smaller than the place is left alone where it ends.
        let mut small = RgbImage::new(5, 5);
        Viewfinder::new((10, 10), place, false).unwrap().paint(&ramp(10, 10), &mut small);
        assert!(small.pixels().all(|pixel| pixel.0 == [0, 0, 0]));
    }
}
