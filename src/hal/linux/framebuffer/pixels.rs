//! Pictures as a device's bytes: where its channels lie, and which of its rows holds what. Pure; who writes the bytes and
//! when is `framebuffer`'s matter.

use std::ops::Range;

use image::RgbImage;

use crate::board::Rotation;

/// Device rows that are compared, converted and written together: so many pixels of a column lie beside each other
/// in a picture that is turned, which is what makes turning cheap.
pub const BAND: u32 = 16;

/// Where a colour lies in a pixel.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Channel {
    /// Lowest bit.
    pub offset: u32,
    /// Bits; 0 where there is no such channel.
    pub length: u32,
}

impl Channel {
    /// From its lowest bit and number of bits.
    #[must_use]
    pub const fn new(offset: u32, length: u32) -> Self {
        Self { offset, length }
    }

    const fn place(self, value: u8) -> u32 {
        (value as u32 >> (8 - self.length)) << self.offset
    }

    const fn bits(self) -> u32 {
        ((1 << self.length) - 1) << self.offset
    }
}

/// How a pixel is stored: little-endian, as on every machine this runs on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Format {
    bytes: usize,
    red: Channel,
    green: Channel,
    blue: Channel,
    /// All ones in every pixel: nothing shines through.
    alpha: Channel,
}

impl Format {
    /// Eight bits a channel, blue first, the fourth byte unused.
    pub const XRGB8888: Self = Self {
        bytes: 4,
        red: Channel::new(16, 8),
        green: Channel::new(8, 8),
        blue: Channel::new(0, 8),
        alpha: Channel::new(0, 0),
    };

    /// A format of `bits` a pixel with these channels, red, green, blue and alpha; `None` where pixels cannot be stored so.
    #[must_use]
    pub fn new(bits: u32, channels: [Channel; 4]) -> Option<Self> {
        let bytes = match bits {
            16 => 2,
            24 => 3,
            32 => 4,
            _ => return None,
        };
        let [red, green, blue, alpha] = channels;
        let fits = |c: Channel| c.length <= 8 && c.offset.saturating_add(c.length) <= bits;
        let coloured = [red, green, blue].iter().all(|c| c.length > 0);
        (coloured && channels.into_iter().all(fits)).then_some(Self { bytes, red, green, blue, alpha })
    }

    /// Bytes a pixel.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Converts pixels; both slices hold the same number of them.
    pub fn convert(&self, rgb: &[u8], out: &mut [u8]) {
        // The common order by itself: moving bytes takes half the time of shifting them.
        if *self == Self::XRGB8888 {
            for (pixel, &[r, g, b]) in out.as_chunks_mut::<4>().0.iter_mut().zip(rgb.as_chunks::<3>().0) {
                *pixel = [b, g, r, 0];
            }
            return;
        }
        let Self { red, green, blue, .. } = *self;
        let opaque = self.alpha.bits();
        let pack = |&[r, g, b]: &[u8; 3]| red.place(r) | green.place(g) | blue.place(b) | opaque;
        let pixels = rgb.as_chunks::<3>().0.iter().map(pack);
        match self.bytes {
            2 => {
                for (out, pixel) in out.as_chunks_mut::<2>().0.iter_mut().zip(pixels) {
                    let [low, high, ..] = pixel.to_le_bytes();
                    *out = [low, high];
                }
            }
            3 => {
                for (out, pixel) in out.as_chunks_mut::<3>().0.iter_mut().zip(pixels) {
                    let [low, middle, high, _] = pixel.to_le_bytes();
                    *out = [low, middle, high];
                }
            }
            _ => {
                for (out, pixel) in out.as_chunks_mut::<4>().0.iter_mut().zip(pixels) {
                    *out = pixel.to_le_bytes();
                }
            }
        }
    }
}

/// Rows of a device as a picture that is turned clockwise lies on them.
#[derive(Clone, Copy, Debug)]
pub struct Turned<'p> {
    picture: &'p RgbImage,
    rotation: Rotation,
}

impl<'p> Turned<'p> {
    /// A picture, turned by `rotation`.
    #[must_use]
    pub const fn new(picture: &'p RgbImage, rotation: Rotation) -> Self {
        Self { picture, rotation }
    }

    /// Whether some of the device rows differ from those of `other`, which has the same size.
    #[must_use]
    pub fn differs(&self, other: &RgbImage, rows: Range<u32>) -> bool {
        let mut others =
            parts(other.width(), self.rotation, other.height(), rows.clone()).map(|part| &other.as_raw()[part]);
        self.parts(rows).any(|part| others.next() != Some(&self.picture.as_raw()[part]))
    }

    /// Makes these device rows of `other` the same.
    pub fn copy_to(&self, other: &mut RgbImage, rows: Range<u32>) {
        let other: &mut [u8] = other;
        for part in self.parts(rows) {
            other[part.clone()].copy_from_slice(&self.picture.as_raw()[part]);
        }
    }

    /// The pixels of device rows, one row after the other; `room` is used where they do not lie so already.
    #[must_use]
    pub fn rows<'r>(&self, rows: Range<u32>, room: &'r mut Vec<u8>) -> &'r [u8]
    where
        'p: 'r,
    {
        let (count, degrees) = (rows.len(), self.rotation.degrees());
        if degrees == 0 {
            let mut parts = self.parts(rows);
            return parts.next().map_or(&[], |part| &self.picture.as_raw()[part]);
        }
        let upright = degrees == 180;
        let width = if upright { self.picture.width() } else { self.picture.height() } as usize;
        room.resize(count * width * 3, 0);
        let (out, _) = room.as_chunks_mut::<3>();
        if upright {
            for part in self.parts(rows) {
                let backwards = self.picture.as_raw()[part].as_chunks::<3>().0.iter().rev();
                out.iter_mut().zip(backwards).for_each(|(out, pixel)| *out = *pixel);
            }
            return room;
        }
        // Each part holds one pixel of every device row.
        for (y, part) in self.parts(rows).enumerate() {
            let (pixels, _) = self.picture.as_raw()[part].as_chunks::<3>();
            for (number, pixel) in pixels.iter().enumerate() {
                let at = if degrees == 90 { number * width + width - 1 - y } else { (count - 1 - number) * width + y };
                out[at] = *pixel;
            }
        }
        room
    }

    fn parts(&self, rows: Range<u32>) -> impl Iterator<Item = Range<usize>> + use<> {
        parts(self.picture.width(), self.rotation, self.picture.height(), rows)
    }
}

/// Where the pixels of some device rows lie in a picture: one piece where they are rows of it, a piece of every row
/// where they are columns.
fn parts(width: u32, rotation: Rotation, height: u32, rows: Range<u32>) -> impl Iterator<Item = Range<usize>> + use<> {
    let (columns, lines) = match rotation.degrees() {
        90 => (rows, None),
        180 => (0..width, Some(height - rows.end..height - rows.start)),
        270 => (width - rows.end..width - rows.start, None),
        _ => (0..width, Some(rows)),
    };
    // Rows of the picture are one piece: they lie one behind the other.
    let (steps, length) = match lines {
        Some(lines) => (lines.start..lines.start + u32::from(!lines.is_empty()), lines.len() * width as usize),
        None => (0..height, columns.len()),
    };
    let left = columns.start as usize;
    steps.map(move |y| {
        let start = (y as usize * width as usize + left) * 3;
        start..start + length * 3
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pixels numbered by row and column: red is the row, green the column.
    fn numbered(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| image::Rgb([y as u8, x as u8, 7]))
    }

    fn turned(degrees: u32) -> Rotation {
        Rotation::try_from(degrees).unwrap()
    }

    #[test]
    fn channels_lie_where_the_device_has_them() {
        let c = Channel::new;
        for (bits, channels, rgb, expect) in [
            (16, [c(11, 5), c(5, 6), c(0, 5), c(0, 0)], [0xFF, 0, 0], Some(&[0x00, 0xF8][..])),
            (16, [c(11, 5), c(5, 6), c(0, 5), c(0, 0)], [0x12, 0x34, 0x56], Some(&[0xAA, 0x11])),
            (16, [c(10, 5), c(5, 5), c(0, 5), c(15, 1)], [0, 0, 0xFF], Some(&[0x1F, 0x80])),
            (24, [c(16, 8), c(8, 8), c(0, 8), c(0, 0)], [1, 2, 3], Some(&[3, 2, 1])),
            (24, [c(0, 8), c(8, 8), c(16, 8), c(0, 0)], [1, 2, 3], Some(&[1, 2, 3])),
            (32, [c(16, 8), c(8, 8), c(0, 8), c(0, 0)], [1, 2, 3], Some(&[3, 2, 1, 0])),
            (32, [c(16, 8), c(8, 8), c(0, 8), c(24, 8)], [1, 2, 3], Some(&[3, 2, 1, 255])),
            (32, [c(0, 8), c(8, 8), c(16, 8), c(24, 8)], [1, 2, 3], Some(&[1, 2, 3, 255])),
            (32, [c(8, 8), c(16, 8), c(24, 8), c(0, 0)], [1, 2, 3], Some(&[0, 1, 2, 3])),
            (32, [c(12, 6), c(6, 6), c(0, 6), c(0, 0)], [0xFF, 0, 4], Some(&[1, 0xF0, 3, 0])),
            (8, [c(5, 3), c(2, 3), c(0, 2), c(0, 0)], [0; 3], None),
            (32, [c(20, 10), c(10, 10), c(0, 10), c(30, 2)], [0; 3], None),
            (32, [c(25, 8), c(8, 8), c(0, 8), c(0, 0)], [0; 3], None),
            (32, [c(u32::MAX, 8), c(8, 8), c(0, 8), c(0, 0)], [0; 3], None),
            (32, [c(0, 8), c(0, 0), c(0, 8), c(0, 0)], [0; 3], None),
        ] {
            let format = Format::new(bits, channels);
            let converted = format.map(|format| {
                let mut out = vec![0x55; format.bytes() * 2];
                format.convert(&[rgb, rgb].concat(), &mut out);
                let (first, second) = out.split_at(format.bytes());
                assert_eq!(first, second);
                first.to_vec()
            });
            assert_eq!(converted.as_deref(), expect, "{bits} {channels:?}");
        }
    }

    #[test]
    fn rows_of_the_device_are_rows_or_columns_of_the_picture() {
        // 3 wide, 2 high, as (row, column).
        let picture = numbered(3, 2);
        for (degrees, expect) in [
            (0, &[[(0, 0), (0, 1), (0, 2)], [(1, 0), (1, 1), (1, 2)]].concat()[..]),
            (180, &[[(1, 2), (1, 1), (1, 0)], [(0, 2), (0, 1), (0, 0)]].concat()),
            (90, &[[(1, 0), (0, 0)], [(1, 1), (0, 1)], [(1, 2), (0, 2)]].concat()),
            (270, &[[(0, 2), (1, 2)], [(0, 1), (1, 1)], [(0, 0), (1, 0)]].concat()),
        ] {
            let lying = degrees % 180 == 90;
            let (width, height) = if lying { (2, 3) } else { (3, 2) };
            let turned = Turned::new(&picture, turned(degrees));
            // Whatever the rows are taken in, they are the same.
            for step in [1, 2, height] {
                let (mut room, mut found) = (Vec::new(), Vec::new());
                for first in (0..height).step_by(step as usize) {
                    let rows = first..(first + step).min(height);
                    let bytes = turned.rows(rows.clone(), &mut room);
                    assert_eq!(bytes.len(), rows.len() * width * 3);
                    found.extend(bytes.as_chunks::<3>().0.iter().map(|pixel| (pixel[0], pixel[1])));
                }
                assert_eq!(found, expect, "{degrees} by {step}");
            }
        }
    }

    #[test]
    fn a_pixel_that_changes_is_found_in_its_device_row_alone() {
        let (width, height) = (5, 4);
        let before = numbered(width, height);
        for degrees in [0, 90, 180, 270] {
            let rows = if degrees % 180 == 90 { width } else { height };
            for (x, y) in (0..width).flat_map(|x| (0..height).map(move |y| (x, y))) {
                let mut after = before.clone();
                after.put_pixel(x, y, image::Rgb([200, 200, 200]));
                let turned = Turned::new(&after, turned(degrees));
                let differing: Vec<_> = (0..rows).filter(|row| turned.differs(&before, *row..row + 1)).collect();
                let expect = match degrees {
                    90 => x,
                    180 => height - 1 - y,
                    270 => width - 1 - x,
                    _ => y,
                };
                assert_eq!(differing, [expect], "{degrees}: {x}, {y}");
                let mut copied = before.clone();
                turned.copy_to(&mut copied, expect..expect + 1);
                assert_eq!(copied, after);
            }
        }
    }
}
