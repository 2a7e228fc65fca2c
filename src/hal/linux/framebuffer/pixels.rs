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

    /// Five bits of red, six of green, five of blue.
    pub const RGB565: Self = Self {
        bytes: 2,
        red: Channel::new(11, 5),
        green: Channel::new(5, 6),
        blue: Channel::new(0, 5),
        alpha: Channel::new(0, 0),
    };

    /// Eight bits a channel, blue first, without an unused byte.
    pub const RGB888: Self = Self { bytes: 3, ..Self::XRGB8888 };

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
    pub fn convert(self, rgb: &[u8], out: &mut [u8]) {
        match self {
            // The common ones by themselves: for a format the compiler knows it makes a loop that takes half the time.
            Self::XRGB8888 => {
                for (pixel, &[r, g, b]) in out.as_chunks_mut::<4>().0.iter_mut().zip(rgb.as_chunks::<3>().0) {
                    *pixel = [b, g, r, 0];
                }
            }
            Self::RGB565 => Self::RGB565.pack(rgb, out),
            other => other.pack(rgb, out),
        }
    }

    #[inline(always)]
    fn pack(self, rgb: &[u8], out: &mut [u8]) {
        // Shifts are known to fit; checked ones would be done pixel by pixel.
        let place = |channel: Channel| {
            let (down, up) = (8 - channel.length, channel.offset);
            move |value: u8| u32::from(value).wrapping_shr(down).wrapping_shl(up)
        };
        let (red, green, blue) = (place(self.red), place(self.green), place(self.blue));
        let opaque = self.alpha.bits();
        let pixels = rgb.as_chunks::<3>().0.iter().map(|&[r, g, b]| red(r) | green(g) | blue(b) | opaque);
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

    /// Puts the pixels of device rows, of [`BAND`] at the most, into `out`, one row after the other.
    pub fn convert(&self, rows: Range<u32>, format: Format, out: &mut Vec<u8>) {
        let width = if self.rotation.degrees() % 180 == 90 { self.picture.height() } else { self.picture.width() };
        out.resize(rows.len() * width as usize * format.bytes, 0);
        match format.bytes {
            2 => self.fill::<2>(rows, format, out),
            3 => self.fill::<3>(rows, format, out),
            _ => self.fill::<4>(rows, format, out),
        }
    }

    /// The same for pixels of `N` bytes.
    fn fill<const N: usize>(&self, rows: Range<u32>, format: Format, out: &mut [u8]) {
        let degrees = self.rotation.degrees();
        let picture = self.picture.as_raw();
        if degrees.is_multiple_of(180) {
            for part in self.parts(rows) {
                format.convert(&picture[part], out);
            }
            if degrees == 180 {
                out.as_chunks_mut::<N>().0.reverse();
            }
            return;
        }
        // Each part holds one pixel of every row. Some parts are converted side by side, so that what they bring to a
        // row can be written in one piece.
        let (count, width) = (rows.len(), self.picture.height() as usize);
        let (out, _) = out.as_chunks_mut::<N>();
        let mut tile = [[[0; N]; BAND as usize]; BAND as usize];
        let mut parts = self.parts(rows);
        for top in (0..width).step_by(tile.len()) {
            let tall = tile.len().min(width - top);
            for (line, part) in tile[..tall].iter_mut().zip(&mut parts) {
                format.convert(&picture[part], line[..count].as_flattened_mut());
            }
            for (number, row) in out.chunks_exact_mut(width).enumerate() {
                if degrees == 90 {
                    let to = row[width - top - tall..width - top].iter_mut();
                    to.zip(tile[..tall].iter().rev()).for_each(|(to, line)| *to = line[number]);
                } else {
                    let to = row[top..top + tall].iter_mut();
                    to.zip(&tile).for_each(|(to, line)| *to = line[count - 1 - number]);
                }
            }
        }
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
            // Whatever the rows are taken in, they are the same, in pixels of any length.
            for (step, format) in [(1, Format::XRGB8888), (2, Format::RGB888), (height, Format::XRGB8888)] {
                let (mut bytes, mut found) = (Vec::new(), Vec::new());
                for first in (0..height).step_by(step as usize) {
                    let rows = first..(first + step).min(height);
                    turned.convert(rows.clone(), format, &mut bytes);
                    assert_eq!(bytes.len(), rows.len() * width * format.bytes());
                    found.extend(bytes.chunks(format.bytes()).map(|pixel| (pixel[2], pixel[1])));
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
