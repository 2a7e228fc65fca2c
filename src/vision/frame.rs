//! Camera frames, and their way into a detector's input: scaled and converted to floats in one pass.

use std::sync::Arc;

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::RgbImage;

use super::pack::ModelSpec;
use crate::clock::Mono;
use crate::error::{Error, Fault, Result};

/// A picture from the camera, upright, portrait; a copy shares the pixels.
#[derive(Clone, Debug)]
pub struct Frame {
    /// RGB, 8 bits each.
    pub pixels: Arc<RgbImage>,
    /// When it was taken.
    pub at: Mono,
    /// Counts up by one a frame of the camera; gaps are dropped frames.
    pub number: u64,
}

/// Scales a picture to fit the sensor, centred on black.
#[must_use]
pub fn fit(picture: &RgbImage, (width, height): (u32, u32)) -> RgbImage {
    let scaled = if picture.dimensions() == (width, height) {
        picture.clone()
    } else {
        let fits =
            image::DynamicImage::from(picture.clone()).resize(width, height, image::imageops::FilterType::Triangle);
        fits.into_rgb8()
    };
    let mut sensor = RgbImage::new(width, height);
    let offset = |room: u32, size: u32| i64::from((room - size.min(room)) / 2);
    let (x, y) = (offset(width, scaled.width()), offset(height, scaled.height()));
    image::imageops::replace(&mut sensor, &scaled, x, y);
    sensor
}

/// How many picture pixels one input pixel stands for; both start at the same upper left corner.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Placement {
    /// To the right.
    pub sx: f32,
    /// Downwards.
    pub sy: f32,
}

/// Scales pictures into one network's input; keeps its buffers from frame to frame.
#[derive(Debug)]
pub struct Letterbox {
    width: usize,
    height: usize,
    mean: [f32; 3],
    sums: Vec<u16>,
    scaled: Vec<u8>,
    resizer: Resizer,
}

impl Letterbox {
    /// For the input that `spec` describes.
    #[must_use]
    pub fn new(spec: &ModelSpec) -> Self {
        Self {
            width: spec.width,
            height: spec.height,
            mean: spec.mean,
            sums: Vec::new(),
            scaled: Vec::new(),
            resizer: Resizer::new(),
        }
    }

    /// Scales `picture` to fit, puts it at the upper left, subtracts the mean, fills the rest with 0.
    ///
    /// `input` is `[height, width, 3]`. Shrinking averages; a whole ratio, as from the sensor, takes a faster way.
    ///
    /// # Errors
    /// When the picture is empty or too flat to scale.
    pub fn fill(&mut self, picture: &RgbImage, input: &mut [f32]) -> Result<Placement> {
        let (w, h) = (picture.width() as usize, picture.height() as usize);
        let (new_w, new_h) = self.fit(w, h);
        if new_w == 0 || new_h == 0 {
            return Err(Error::new(Fault::BadPicture, format!("{w}x{h} pixels are no picture")));
        }
        let (size, stride) = ((new_w, new_h), self.width * 3);
        // 0: not whole.
        let ratio = if w % new_w == 0 && h == w / new_w * new_h { w / new_w } else { 0 };
        match ratio {
            2 => average::<2>(picture, size, self.mean, &mut self.sums, stride, input),
            4 => average::<4>(picture, size, self.mean, &mut self.sums, stride, input),
            5 => average::<5>(picture, size, self.mean, &mut self.sums, stride, input),
            _ => self.resize(picture, new_w, new_h, input)?,
        }
        for row in input.chunks_exact_mut(stride).take(new_h) {
            row[new_w * 3..].fill(0.0);
        }
        input[new_h * stride..].fill(0.0);
        Ok(Placement { sx: w as f32 / new_w as f32, sy: h as f32 / new_h as f32 })
    }

    /// Size of a `w` by `h` picture scaled into the input.
    fn fit(&self, w: usize, h: usize) -> (usize, usize) {
        if w == 0 || h == 0 {
            return (0, 0);
        }
        let s = (self.width as f64 / w as f64).min(self.height as f64 / h as f64);
        let scale = |n: usize, most: usize| ((n as f64 * s).round() as usize).min(most);
        (scale(w, self.width), scale(h, self.height))
    }

    /// Any ratio: a triangle filter that widens as it shrinks.
    fn resize(&mut self, picture: &RgbImage, new_w: usize, new_h: usize, input: &mut [f32]) -> Result<()> {
        let failed = |e: String| Error::new(Fault::BadPicture, e);
        self.scaled.resize(new_w * new_h * 3, 0);
        let source = ImageRef::new(picture.width(), picture.height(), picture.as_raw(), PixelType::U8x3)
            .map_err(|e| failed(e.to_string()))?;
        let mut target = Image::from_slice_u8(new_w as u32, new_h as u32, &mut self.scaled, PixelType::U8x3)
            .map_err(|e| failed(e.to_string()))?;
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
        self.resizer.resize(&source, &mut target, &options).map_err(|e| failed(e.to_string()))?;
        for (row, pixels) in input.chunks_exact_mut(self.width * 3).zip(self.scaled.chunks_exact(new_w * 3)) {
            for (out, pixel) in row.chunks_exact_mut(3).zip(pixels.chunks_exact(3)) {
                for c in 0..3 {
                    out[c] = f32::from(pixel[c]) - self.mean[c];
                }
            }
        }
        Ok(())
    }
}

/// Writes the mean of every `K` by `K` block of `picture`, minus `mean`, into rows of `stride` numbers.
fn average<const K: usize>(
    picture: &RgbImage,
    size: (usize, usize),
    mean: [f32; 3],
    sums: &mut Vec<u16>,
    stride: usize,
    input: &mut [f32],
) {
    sums.resize(size.0 * K * 3 + 1, 0);
    let rows = input.chunks_exact_mut(stride).map(|row| &mut row[..size.0 * 3]).take(size.1);
    let share = 1.0 / (K * K) as f32;
    let width = sums.len() - 1;
    for (block, row) in picture.as_raw().chunks_exact(width * K).zip(rows) {
        sum_rows(block, width, &mut sums[..width]);
        for (column, pixel) in row.chunks_exact_mut(3).enumerate() {
            let total = sum_columns(sums, column * K * 3, K);
            for c in 0..3 {
                pixel[c] = total[c] * share - mean[c];
            }
        }
    }
}

/// Blocks of up to this many by this many bytes fit into a 16-bit sum.
pub(super) const MAX_RATIO: usize = 16;

/// Adds up rows column by column into `sums`: the rows begin at every `stride`th byte of `pixels`, at most
/// [`MAX_RATIO`] of them, and of each as many bytes count as `sums` is long.
pub(super) fn sum_rows(pixels: &[u8], stride: usize, sums: &mut [u16]) {
    let length = sums.len();
    let mut rows = pixels.chunks(stride).map(|row| &row[..length]);
    sums.fill(0);
    // Four at a time: the sums are read and written less often. Nothing wraps;
    // the wrapping operations spare the check that would keep the loops from being vectorised.
    while rows.len() >= 4 {
        if let (Some(a), Some(b), Some(c), Some(d)) = (rows.next(), rows.next(), rows.next(), rows.next()) {
            for ((((sum, a), b), c), d) in sums.iter_mut().zip(a).zip(b).zip(c).zip(d) {
                let four = u16::from(*a).wrapping_add(u16::from(*b)).wrapping_add(u16::from(*c));
                *sum = sum.wrapping_add(four.wrapping_add(u16::from(*d)));
            }
        }
    }
    for row in rows {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum = sum.wrapping_add(u16::from(*value));
        }
    }
}

/// Adds up `k` pixels of summed rows, beginning at `from`; `sums` has at least one number behind the last of them.
#[inline]
pub(super) fn sum_columns(sums: &[u16], from: usize, k: usize) -> [f32; 3] {
    // Red, green and blue are added at once, side by side in one word; the number behind them comes along and
    // is not used. Nothing runs over into a neighbour, MAX_RATIO * MAX_RATIO * 255 fits 16 bits.
    let mut total = 0_u64;
    for i in 0..k {
        let pixel = sums.get(from + 3 * i..).and_then(<[u16]>::first_chunk::<4>);
        let [r, g, b, next] = pixel.copied().unwrap_or_default().map(u64::from);
        total = total.wrapping_add(r | g << 16 | b << 32 | next << 48);
    }
    [total as u16, (total >> 16) as u16, (total >> 32) as u16].map(f32::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(width: usize, height: usize) -> ModelSpec {
        ModelSpec { file: String::new(), sha256: String::new(), width, height, mean: [10.0, 20.0, 30.0] }
    }

    fn picture(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| image::Rgb([(x * 3) as u8, (y * 5) as u8, (x * y) as u8]))
    }

    #[test]
    fn a_whole_ratio_is_the_mean_of_blocks() {
        for (k, w, h) in [(2, 24, 32), (4, 24, 32), (5, 24, 32), (4, 24, 20), (4, 16, 32)] {
            let picture = picture(w * k, h * k);
            let mut input = vec![f32::NAN; 24 * 32 * 3];
            let placement = Letterbox::new(&spec(24, 32)).fill(&picture, &mut input).unwrap();
            assert_eq!(placement, Placement { sx: k as f32, sy: k as f32 });
            for (y, x, c) in [(0, 0, 0), (3, 5, 1), (h - 1, w - 1, 2)] {
                let block = (0..k * k).map(|i| f32::from(picture.get_pixel(x * k + i % k, y * k + i / k)[c]));
                let mean = block.sum::<f32>() / (k * k) as f32 - [10.0, 20.0, 30.0][c];
                assert!((input[((y * 24 + x) * 3) as usize + c] - mean).abs() < 1e-3, "{k} {x} {y} {c}");
            }
            let outside = (0..32).flat_map(|y| (0..24).map(move |x| (x, y))).filter(|(x, y)| *x >= w || *y >= h);
            for (x, y) in outside {
                assert_eq!(input[((y * 24 + x) * 3) as usize..][..3], [0.0; 3]);
            }
        }
    }

    #[test]
    fn any_ratio_keeps_an_even_colour_and_fills_the_rest() {
        for (w, h, new_w, new_h) in [(100, 100, 24, 24), (7, 9, 24, 31), (1000, 40, 24, 1), (24, 32, 24, 32)] {
            let even = RgbImage::from_pixel(w, h, image::Rgb([110, 120, 130]));
            let mut input = vec![f32::NAN; 24 * 32 * 3];
            let placement = Letterbox::new(&spec(24, 32)).fill(&even, &mut input).unwrap();
            assert_eq!(placement, Placement { sx: w as f32 / new_w as f32, sy: h as f32 / new_h as f32 });
            assert!(input.iter().all(|v| *v == 0.0 || (*v - 100.0).abs() < 1.01));
            assert_eq!(input.iter().filter(|v| **v != 0.0).count(), new_w * new_h * 3);
        }
    }

    #[test]
    fn what_cannot_be_scaled_is_an_error() {
        let mut input = vec![0.0; 24 * 32 * 3];
        for (w, h) in [(0, 0), (10, 0), (5000, 1)] {
            assert!(Letterbox::new(&spec(24, 32)).fill(&RgbImage::new(w, h), &mut input).is_err());
        }
    }

    #[test]
    fn pictures_are_centred_on_black() {
        let sensor = fit(&RgbImage::from_pixel(100, 100, image::Rgb([9, 9, 9])), (960, 1280));
        assert_eq!(sensor.dimensions(), (960, 1280));
        assert_eq!((sensor.get_pixel(480, 100)[0], sensor.get_pixel(480, 640)[0]), (0, 9));
    }
}
