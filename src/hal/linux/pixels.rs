//! Raw pictures of a camera → upright RGB of the size asked for, in one pass over the rows.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::{ImageFormat, RgbImage};

use crate::error::{Error, Fault, Result};
use crate::hal::{PixelFormat, Rotation};

/// How a camera's pictures lie in memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Layout {
    /// Kind of pixels.
    pub format: PixelFormat,
    /// Pixels of a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Bytes from one row to the next; of the luma rows where chroma has a plane of its own.
    pub stride: u32,
    /// What luma and chroma mean.
    pub colours: Colours,
}

/// What luma and chroma mean: 256 times the factors of ITU-R BT.601 or BT.709.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Colours {
    black: i32,
    y: i32,
    r_v: i32,
    g_u: i32,
    g_v: i32,
    b_u: i32,
}

impl Colours {
    /// Of standard definition (`hd` not) or high definition, with luma from 16 to 235 or over the `full` range.
    #[must_use]
    pub const fn new(hd: bool, full: bool) -> Self {
        let (black, y, [r_v, g_u, g_v, b_u]) = match (hd, full) {
            (false, false) => (16, 298, [409, 100, 208, 516]),
            (false, true) => (0, 256, [359, 88, 183, 454]),
            (true, false) => (16, 298, [459, 55, 136, 541]),
            (true, true) => (0, 256, [403, 48, 120, 475]),
        };
        Self { black, y, r_v, g_u, g_v, b_u }
    }

    #[inline]
    fn rgb(self, y: u8, u: u8, v: u8) -> [u8; 3] {
        let (c, d, e) = ((i32::from(y) - self.black) * self.y + 128, i32::from(u) - 128, i32::from(v) - 128);
        let byte = |value: i32| (value >> 8).clamp(0, 255) as u8;
        [byte(c + self.r_v * e), byte(c - self.g_u * d - self.g_v * e), byte(c + self.b_u * d)]
    }
}

/// Rows turned at once: few enough that what they are scattered over stays in the cache.
const STRIP: usize = 16;

/// Converts pictures of one layout; keeps its buffers from picture to picture.
#[derive(Debug)]
pub struct Converter {
    layout: Layout,
    rotation: Rotation,
    size: (u32, u32),
    strip: Vec<u8>,
    resizer: Resizer,
}

impl Converter {
    /// From `layout`, turned clockwise by `rotation`, to `size` (width, height of the upright picture).
    #[must_use]
    pub fn new(layout: Layout, rotation: Rotation, size: (u32, u32)) -> Self {
        Self { layout, rotation, size, strip: Vec::new(), resizer: Resizer::new() }
    }

    /// The layout it converts from.
    #[must_use]
    pub const fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The upright picture; where its shape is another than the one asked for, the middle of it.
    ///
    /// # Errors
    /// When `raw` is shorter than a picture, or no JPEG.
    pub fn convert(&mut self, raw: &[u8]) -> Result<RgbImage> {
        let upright = if self.layout.format == PixelFormat::Mjpeg {
            let picture = image::load_from_memory_with_format(raw, ImageFormat::Jpeg)
                .map_err(|e| Error::new(Fault::BadPicture, "the camera's JPEG cannot be read").because(e))?
                .into_rgb8();
            let (width, height) = picture.dimensions();
            let rows = picture.as_raw().chunks_exact(width as usize * 3);
            match self.rotation.degrees() {
                0 => picture,
                _ => self.turn((width as usize, height as usize), |strip, first| {
                    rows.clone().skip(first).zip(strip.chunks_exact_mut(width as usize * 3)).for_each(|(row, out)| {
                        out.copy_from_slice(row);
                    });
                })?,
            }
        } else {
            let layout = self.layout;
            let (width, height) = (layout.width as usize, layout.height as usize);
            if raw.len() < layout.length() {
                let why = format!("the camera's picture has {} bytes instead of {}", raw.len(), layout.length());
                return Err(Error::new(Fault::BadPicture, why));
            }
            self.turn((width, height), |strip, first| {
                for (row, out) in strip.chunks_exact_mut(width * 3).enumerate() {
                    layout.row(raw, first + row, out);
                }
            })?
        };
        self.fit(upright)
    }

    /// Turns a picture of `width` x `height`, of which `fill(strip, first)` gives the rows from `first` on.
    fn turn(&mut self, (width, height): (usize, usize), fill: impl Fn(&mut [u8], usize)) -> Result<RgbImage> {
        let (w, h) = if self.rotation.is_sideways() { (height, width) } else { (width, height) };
        let mut out = vec![0; w * h * 3];
        if self.rotation.degrees() == 0 {
            fill(&mut out, 0);
        } else {
            self.strip.resize(STRIP * width * 3, 0);
            for first in (0..height).step_by(STRIP) {
                let rows = STRIP.min(height - first);
                let strip = &mut self.strip[..rows * width * 3];
                fill(strip, first);
                for x in 0..width {
                    for row in 0..rows {
                        let y = first + row;
                        let (to_x, to_y) = match self.rotation.degrees() {
                            90 => (height - 1 - y, x),
                            180 => (width - 1 - x, height - 1 - y),
                            _ => (y, width - 1 - x),
                        };
                        let (from, to) = ((row * width + x) * 3, (to_y * w + to_x) * 3);
                        out[to..to + 3].copy_from_slice(&strip[from..from + 3]);
                    }
                }
            }
        }
        #[expect(clippy::cast_possible_truncation, reason = "sides of a camera's picture")]
        RgbImage::from_raw(w as u32, h as u32, out)
            .ok_or_else(|| Error::new(Fault::BadPicture, "the camera's picture has no size"))
    }

    /// The middle of a picture in the shape asked for, scaled to its size.
    fn fit(&mut self, picture: RgbImage) -> Result<RgbImage> {
        let (width, height) = self.size;
        if picture.dimensions() == self.size {
            return Ok(picture);
        }
        let failed = |e: String| Error::new(Fault::BadPicture, "the camera's picture cannot be scaled").because(e);
        let (w, h) = (f64::from(picture.width()), f64::from(picture.height()));
        let shape = f64::from(width) / f64::from(height);
        let (cut_w, cut_h) = if w / h > shape { (h * shape, h) } else { (w, w / shape) };
        let source = ImageRef::new(picture.width(), picture.height(), picture.as_raw(), PixelType::U8x3)
            .map_err(|e| failed(e.to_string()))?;
        let mut scaled = Image::new(width, height, PixelType::U8x3);
        let options = ResizeOptions::new()
            .resize_alg(ResizeAlg::Convolution(FilterType::Bilinear))
            .crop((w - cut_w) / 2.0, (h - cut_h) / 2.0, cut_w, cut_h)
            .use_alpha(false);
        self.resizer.resize(&source, &mut scaled, &options).map_err(|e| failed(e.to_string()))?;
        RgbImage::from_raw(width, height, scaled.into_vec()).ok_or_else(|| failed("its size is wrong".into()))
    }
}

impl Layout {
    /// Bytes of a whole picture.
    fn length(&self) -> usize {
        let (stride, height) = (self.stride as usize, self.height as usize);
        match self.format {
            PixelFormat::Mjpeg => 0,
            PixelFormat::Nv12 | PixelFormat::Nv21 => stride * height + stride * height.div_ceil(2),
            PixelFormat::Yuyv | PixelFormat::Grey | PixelFormat::Rgb => stride * height,
        }
    }

    /// Row `y` of a whole picture as RGB.
    fn row(&self, raw: &[u8], y: usize, out: &mut [u8]) {
        let (width, stride) = (self.width as usize, self.stride as usize);
        let row = &raw[y * stride..(y + 1) * stride];
        let chroma = |first: usize| {
            let from = stride * self.height as usize + y / 2 * stride;
            (&raw[from..from + stride], first, 1 - first)
        };
        match self.format {
            // Has no rows.
            PixelFormat::Mjpeg => {}
            PixelFormat::Rgb => out.copy_from_slice(&row[..width * 3]),
            PixelFormat::Grey => out.chunks_exact_mut(3).zip(row).for_each(|(pixel, luma)| pixel.fill(*luma)),
            PixelFormat::Yuyv => {
                for (pair, yuyv) in out.chunks_mut(6).zip(row.chunks_exact(4)) {
                    for (pixel, luma) in pair.chunks_exact_mut(3).zip([yuyv[0], yuyv[2]]) {
                        pixel.copy_from_slice(&self.colours.rgb(luma, yuyv[1], yuyv[3]));
                    }
                }
            }
            PixelFormat::Nv12 | PixelFormat::Nv21 => {
                let (chroma, u, v) = chroma(usize::from(self.format == PixelFormat::Nv21));
                for ((pair, luma), uv) in out.chunks_mut(6).zip(row.chunks(2)).zip(chroma.chunks_exact(2)) {
                    for (pixel, luma) in pair.chunks_exact_mut(3).zip(luma) {
                        pixel.copy_from_slice(&self.colours.rgb(*luma, uv[u], uv[v]));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SD: Colours = Colours::new(false, false);

    fn layout(format: PixelFormat, width: u32, height: u32, stride: u32) -> Layout {
        Layout { format, width, height, stride, colours: SD }
    }

    fn rotation(degrees: u32) -> Rotation {
        Rotation::try_from(degrees).unwrap()
    }

    fn converted(layout: Layout, degrees: u32, size: (u32, u32), raw: &[u8]) -> RgbImage {
        Converter::new(layout, rotation(degrees), size).convert(raw).unwrap()
    }

    #[test]
    fn colours_are_those_of_the_standard() {
        // Bars of 75 per cent: white, yellow, cyan, green, magenta, red, blue, and black.
        let bars = [
            ([180, 128, 128], [191, 191, 191]),
            ([162, 44, 142], [191, 191, 0]),
            ([131, 156, 44], [0, 191, 191]),
            ([112, 72, 58], [0, 191, 0]),
            ([84, 184, 198], [191, 0, 191]),
            ([65, 100, 212], [191, 0, 0]),
            ([35, 212, 114], [0, 0, 191]),
            ([16, 128, 128], [0, 0, 0]),
        ];
        for ([y, u, v], rgb) in bars {
            for (got, expect) in SD.rgb(y, u, v).into_iter().zip(rgb) {
                assert!(got.abs_diff(expect) <= 2, "{y} {u} {v}: {:?}, not {rgb:?}", SD.rgb(y, u, v));
            }
        }
        assert_eq!(Colours::new(false, true).rgb(255, 128, 128), [255; 3]);
        assert_eq!(Colours::new(true, false).rgb(63, 102, 240), [255, 1, 0], "red of BT.709");
    }

    #[test]
    fn every_format_gives_the_same_picture() {
        // Two dark columns, two bright ones, the rows padded; grey, so that all formats can tell it.
        let (dark, bright) = ([16, 128, 128], [235, 128, 128]);
        let expect = [0, 0, 255, 255, 0, 0, 255, 255];
        let luma = [16, 16, 235, 235, 7, 7];
        let yuyv = [dark[0], 128, dark[0], 128, bright[0], 128, bright[0], 128, 9, 9];
        let planes: Vec<u8> = [&luma[..], &luma, &[128, 128, 128, 128, 7, 7]].concat();
        let rgb = [[0; 3], [0; 3], [255; 3], [255; 3]].concat();
        let mut jpeg = Vec::new();
        let picture = RgbImage::from_raw(4, 2, [&rgb[..], &rgb].concat()).unwrap();
        picture.write_to(&mut std::io::Cursor::new(&mut jpeg), ImageFormat::Jpeg).unwrap();
        for (format, stride, raw) in [
            (PixelFormat::Nv12, 6, planes.clone()),
            (PixelFormat::Nv21, 6, planes),
            (PixelFormat::Yuyv, 10, [yuyv, yuyv].concat()),
            (PixelFormat::Rgb, 12, [&rgb[..], &rgb].concat()),
            (PixelFormat::Grey, 5, vec![0, 0, 255, 255, 1, 0, 0, 255, 255, 1]),
            (PixelFormat::Mjpeg, 0, jpeg),
        ] {
            let picture = converted(layout(format, 4, 2, stride), 0, (4, 2), &raw);
            for (pixel, expect) in picture.pixels().zip(expect) {
                assert!(pixel.0.iter().all(|c| c.abs_diff(expect) < 12), "{format:?}: {:?}", picture.as_raw());
            }
        }
    }

    #[test]
    fn chroma_comes_in_the_order_of_its_format() {
        let raw = [112, 112, 112, 112, 72, 58];
        let [nv12, nv21] = [PixelFormat::Nv12, PixelFormat::Nv21]
            .map(|format| converted(layout(format, 2, 2, 2), 0, (2, 2), &raw).get_pixel(1, 1).0);
        assert!(nv12[1] > 180 && nv12[0] < 10 && nv12[2] < 10, "{nv12:?}");
        assert_ne!(nv12, nv21);
    }

    #[test]
    fn pictures_stand_upright() {
        // 1 2 3 / 4 5 6
        let raw = [10, 20, 30, 40, 50, 60];
        for (degrees, size, expect) in [
            (0, (3, 2), [10, 20, 30, 40, 50, 60]),
            (90, (2, 3), [40, 10, 50, 20, 60, 30]),
            (180, (3, 2), [60, 50, 40, 30, 20, 10]),
            (270, (2, 3), [30, 60, 20, 50, 10, 40]),
        ] {
            let picture = converted(layout(PixelFormat::Grey, 3, 2, 3), degrees, size, &raw);
            let got: Vec<u8> = picture.pixels().map(|pixel| pixel.0[0]).collect();
            assert_eq!(got, expect, "turned by {degrees}");
        }
        // More rows than are turned at once.
        let tall: Vec<u8> = (0..40).flat_map(|row| [row, row + 100]).collect();
        let picture = converted(layout(PixelFormat::Grey, 2, 40, 2), 90, (40, 2), &tall);
        assert_eq!((picture.get_pixel(0, 0).0[0], picture.get_pixel(39, 1).0[0]), (39, 100));
    }

    #[test]
    fn another_shape_loses_its_edges() {
        let mut raw = vec![0; 16 * 8];
        raw.chunks_exact_mut(16).for_each(|row| row[5..11].fill(200));
        let picture = converted(layout(PixelFormat::Grey, 16, 8, 16), 0, (6, 8), &raw);
        assert!(picture.pixels().all(|pixel| pixel.0 == [200; 3]));
        let half = converted(layout(PixelFormat::Grey, 16, 8, 16), 0, (3, 4), &raw);
        assert_eq!((half.dimensions(), half.get_pixel(1, 2).0), ((3, 4), [200; 3]));
    }

    #[test]
    fn a_cut_picture_is_refused() {
        for (format, length) in [(PixelFormat::Nv12, 23), (PixelFormat::Yuyv, 31), (PixelFormat::Mjpeg, 12)] {
            let stride = if format == PixelFormat::Nv12 { 4 } else { 8 };
            let mut converter = Converter::new(layout(format, 4, 4, stride), rotation(0), (4, 4));
            assert_eq!(converter.convert(&vec![0; length]).unwrap_err().fault, Fault::BadPicture, "{format:?}");
        }
    }
}
