//! Turns a found face upright and to one size: the crop that a network was trained on.
//!
//! The similarity transform is the least-squares one in closed form. A large face is first averaged down by a
//! whole factor and then sampled bilinearly: nearly what averaging inside every output pixel gives, at a
//! fraction of its cost.

use image::RgbImage;

use super::frame::{MAX_RATIO, sum_columns, sum_rows};
use super::geometry::Point;

/// Rotation, uniform scale and shift from the picture to the crop: `[a -b tx; b a ty]`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Alignment {
    /// Scale times cosine of the rotation.
    pub a: f32,
    /// Scale times sine of the rotation.
    pub b: f32,
    /// Shift to the right, crop pixels.
    pub tx: f32,
    /// Shift downwards, crop pixels.
    pub ty: f32,
}

impl Alignment {
    /// The transform that brings `landmarks` closest to where `template` wants them: all five, or with a template of
    /// four the eyes, the nose and the middle of the mouth. `None` when they all lie on one spot.
    #[must_use]
    pub fn from_landmarks(landmarks: &[Point; 5], template: &[Point]) -> Option<Self> {
        let [left, right, nose, mouth_left, mouth_right] = *landmarks;
        let four = [left, right, nose, mouth_left.middle(mouth_right)];
        let landmarks = if template.len() == four.len() { &four[..] } else { &landmarks[..] };
        let (p0, q0) = (mean(landmarks), mean(template));
        let (mut n, mut a, mut b) = (0.0, 0.0, 0.0);
        for (p, q) in landmarks.iter().zip(template) {
            let (px, py, qx, qy) = (p.x - p0.x, p.y - p0.y, q.x - q0.x, q.y - q0.y);
            n += px * px + py * py;
            a += px * qx + py * qy;
            b += px * qy - py * qx;
        }
        let (a, b) = (a / n, b / n);
        Self { a, b, tx: q0.x - (a * p0.x - b * p0.y), ty: q0.y - (b * p0.x + a * p0.y) }.sound()
    }

    /// The transform that shows a square of `length` picture pixels around `centre`, turned so that what runs along
    /// `angle` (radians, clockwise) lies level, on a crop of `side` pixels.
    #[must_use]
    pub fn around(centre: Point, length: f32, angle: f32, side: usize) -> Option<Self> {
        let scale = side as f32 / length;
        let (a, b) = (scale * angle.cos(), -scale * angle.sin());
        let middle = side as f32 / 2.0;
        let (tx, ty) = (middle - (a * centre.x - b * centre.y), middle - (b * centre.x + a * centre.y));
        Self { a, b, tx, ty }.sound()
    }

    fn sound(self) -> Option<Self> {
        (self.scale().is_normal() && self.tx.is_finite() && self.ty.is_finite()).then_some(self)
    }

    /// Crop pixels a picture pixel.
    #[must_use]
    pub fn scale(&self) -> f32 {
        self.a.hypot(self.b)
    }

    /// The place in the picture that crop pixel (`u`, `v`) shows.
    #[must_use]
    pub fn source(&self, u: f32, v: f32) -> Point {
        let square = self.a * self.a + self.b * self.b;
        let (u, v) = (u - self.tx, v - self.ty);
        Point { x: (self.a * u + self.b * v) / square, y: (self.a * v - self.b * u) / square }
    }
}

fn mean(points: &[Point]) -> Point {
    let share = 1.0 / points.len() as f32;
    Point { x: points.iter().map(|p| p.x).sum::<f32>() * share, y: points.iter().map(|p| p.y).sum::<f32>() * share }
}

/// Puts a square crop into a network's input: `mean` subtracted, and its columns from right to left when `mirrored`.
pub(super) fn feed(crop: &[f32], side: usize, mean: [f32; 3], mirrored: bool, input: &mut [f32]) {
    let rows = crop.chunks_exact(side * 3).zip(input.chunks_exact_mut(side * 3));
    for (from, to) in rows {
        let put = |(to, from): (&mut [f32], &[f32])| {
            for c in 0..3 {
                to[c] = from[c] - mean[c];
            }
        };
        let (from, to) = (from.chunks_exact(3), to.chunks_exact_mut(3));
        if mirrored { to.zip(from.rev()).for_each(put) } else { to.zip(from).for_each(put) }
    }
}

/// Cuts aligned crops of one size; keeps its buffers from face to face.
#[derive(Debug)]
pub struct Aligner {
    side: usize,
    /// The averaged surroundings of the face with one black pixel all round; the fourth number is unused
    /// and makes a pixel one vector.
    patch: Vec<[f32; 4]>,
    sums: Vec<u16>,
    crop: Vec<f32>,
}

impl Aligner {
    /// For crops of `side` by `side` pixels.
    #[must_use]
    pub fn new(side: usize) -> Self {
        Self { side, patch: Vec::new(), sums: Vec::new(), crop: Vec::new() }
    }

    /// The crop of `picture` that `alignment` describes, `[side, side, 3]`, RGB, 0 to 255, black outside the picture.
    pub fn warp(&mut self, picture: &RgbImage, alignment: &Alignment) -> &[f32] {
        self.crop.clear();
        self.crop.resize(self.side * self.side * 3, 0.0);
        let factor = ((1.0 / alignment.scale()).round() as usize).clamp(1, MAX_RATIO);
        if let Some(region) = Region::around(picture, alignment, self.side, factor) {
            self.average(picture, &region);
            self.sample(alignment, &region);
        }
        &self.crop
    }

    /// Averages blocks of the region into the patch; what a block lacks at the picture's edge counts as black.
    fn average(&mut self, picture: &RgbImage, region: &Region) {
        let &Region { x, y, width, height, factor } = region;
        let (columns, rows) = (width.div_ceil(factor), height.div_ceil(factor));
        self.patch.clear();
        self.patch.resize((columns + 2) * (rows + 2), [0.0; 4]);
        // Room for the columns that the last block lacks, and for one number more; both stay black.
        self.sums.clear();
        self.sums.resize(columns * factor * 3 + 1, 0);
        let share = 1.0 / (factor * factor) as f32;
        let stride = picture.width() as usize * 3;
        let pixels = &picture.as_raw()[y * stride..(y + height) * stride];
        for (block, line) in pixels.chunks(stride * factor).zip(self.patch[columns + 2..].chunks_exact_mut(columns + 2))
        {
            if factor == 1 {
                for (out, pixel) in line[1..].iter_mut().zip(block[x * 3..(x + width) * 3].chunks_exact(3)) {
                    *out = [f32::from(pixel[0]), f32::from(pixel[1]), f32::from(pixel[2]), 0.0];
                }
                continue;
            }
            let inner = &block[x * 3..block.len() - (stride - (x + width) * 3)];
            sum_rows(inner, stride, &mut self.sums[..width * 3]);
            for (column, out) in line[1..=columns].iter_mut().enumerate() {
                let [r, g, b] = sum_columns(&self.sums, column * factor * 3, factor);
                *out = [r * share, g * share, b * share, 0.0];
            }
        }
    }

    /// Samples the patch bilinearly at the place of every crop pixel.
    fn sample(&mut self, alignment: &Alignment, region: &Region) {
        let (columns, rows) = (region.width.div_ceil(region.factor), region.height.div_ceil(region.factor));
        let stride = columns + 2;
        let (most_x, most_y) = (columns as f32 + 0.999, rows as f32 + 0.999);
        let origin = region.patch(alignment.source(0.0, 0.0));
        let right = region.patch(alignment.source(1.0, 0.0));
        let down = region.patch(alignment.source(0.0, 1.0));
        let (dux, duy) = (right.x - origin.x, right.y - origin.y);
        let (dvx, dvy) = (down.x - origin.x, down.y - origin.y);
        for (v, line) in self.crop.chunks_exact_mut(self.side * 3).enumerate() {
            let (row_x, row_y) = (origin.x + v as f32 * dvx, origin.y + v as f32 * dvy);
            for (u, out) in line.chunks_exact_mut(3).enumerate() {
                // The clamp leads everything outside onto the black border.
                let x = (row_x + u as f32 * dux).clamp(0.0, most_x);
                let y = (row_y + u as f32 * duy).clamp(0.0, most_y);
                // Over a signed number: the processors have an instruction for that conversion.
                let (left, top) = (x as i32, y as i32);
                let (fx, fy) = (x - left as f32, y - top as f32);
                let at = top as usize * stride + left as usize;
                let (Some(upper), Some(lower)) =
                    (self.patch.get(at..at + 2), self.patch.get(at + stride..at + stride + 2))
                else {
                    continue;
                };
                let mix = |a: [f32; 4], b: [f32; 4], f: f32| -> [f32; 4] {
                    std::array::from_fn(|c| a[c] + (b[c] - a[c]) * f)
                };
                let value = mix(mix(upper[0], upper[1], fx), mix(lower[0], lower[1], fx), fy);
                out.copy_from_slice(&value[..3]);
            }
        }
    }
}

/// The part of the picture a crop needs, pixels, and by which factor it is averaged.
#[derive(Debug)]
struct Region {
    x: usize,
    y: usize,
    width: usize,
    height: usize,
    factor: usize,
}

impl Region {
    /// `None` when the crop shows nothing of the picture.
    fn around(picture: &RgbImage, alignment: &Alignment, side: usize, factor: usize) -> Option<Self> {
        let last = (side - 1) as f32;
        let corners = [(0.0, 0.0), (last, 0.0), (0.0, last), (last, last)].map(|(u, v)| alignment.source(u, v));
        let margin = 2.0 * factor as f32;
        let span = |coordinate: fn(&Point) -> f32, most: u32| {
            let least = corners.iter().map(coordinate).fold(f32::INFINITY, f32::min) - margin;
            let greatest = corners.iter().map(coordinate).fold(f32::NEG_INFINITY, f32::max) + margin;
            let (from, to) = (least.clamp(0.0, most as f32) as usize, greatest.clamp(0.0, most as f32) as usize);
            (to > from).then_some((from, to - from))
        };
        let (x, width) = span(|p| p.x, picture.width())?;
        let (y, height) = span(|p| p.y, picture.height())?;
        Some(Self { x, y, width, height, factor })
    }

    /// The place in the patch, border included, of a place in the picture.
    fn patch(&self, at: Point) -> Point {
        let middle = (self.factor - 1) as f32 / 2.0;
        let place = |n: f32, start: usize| (n - start as f32 - middle) / self.factor as f32 + 1.0;
        Point { x: place(at.x, self.x), y: place(at.y, self.y) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::quality::{SIDE, TEMPLATE};
    use super::*;

    /// Landmarks that are the template, seen through the inverse of (`scale`, `angle`, shift).
    fn landmarks(scale: f32, angle: f32, tx: f32, ty: f32) -> [Point; 5] {
        let alignment = Alignment { a: scale * angle.cos(), b: scale * angle.sin(), tx, ty };
        TEMPLATE.map(|q| alignment.source(q.x, q.y))
    }

    #[test]
    fn the_transform_is_found_again() {
        for (scale, angle, tx, ty) in [(1.0, 0.0, 0.0, 0.0), (0.25, 0.3, -40.0, 12.0), (2.0, -1.2, 5.0, 300.0)] {
            let found = Alignment::from_landmarks(&landmarks(scale, angle, tx, ty), &TEMPLATE).unwrap();
            assert!((found.scale() - scale).abs() < 1e-4 * scale, "{found:?}");
            assert!((found.b.atan2(found.a) - angle).abs() < 1e-4, "{found:?}");
            assert!((found.tx - tx).abs() < 1e-2 && (found.ty - ty).abs() < 1e-2, "{found:?}");
        }
    }

    #[test]
    fn landmarks_on_one_spot_have_no_transform() {
        assert_eq!(Alignment::from_landmarks(&[Point { x: 5.0, y: 5.0 }; 5], &TEMPLATE), None);
        assert_eq!(Alignment::from_landmarks(&[Point { x: f32::NAN, y: 5.0 }; 5], &TEMPLATE), None);
    }

    /// Averages every output pixel over the picture directly: slow and plain.
    fn reference(picture: &RgbImage, alignment: &Alignment) -> Vec<f32> {
        let k = (1.0 / alignment.scale()).ceil().clamp(1.0, 8.0) as usize;
        let at = |x: i64, y: i64, c: usize| {
            let inside = x >= 0 && y >= 0 && x < i64::from(picture.width()) && y < i64::from(picture.height());
            if inside { f32::from(picture.get_pixel(x as u32, y as u32)[c]) } else { 0.0 }
        };
        let mut crop = Vec::new();
        for (v, u, c) in (0..SIDE).flat_map(|v| (0..SIDE).flat_map(move |u| (0..3).map(move |c| (v, u, c)))) {
            let mut sum = 0.0;
            for i in 0..k * k {
                let offset = |n: usize| (n as f32 + 0.5) / k as f32 - 0.5;
                let p = alignment.source(u as f32 + offset(i % k), v as f32 + offset(i / k));
                let (x, y) = (p.x.floor(), p.y.floor());
                let (fx, fy, x, y) = (p.x - x, p.y - y, x as i64, y as i64);
                sum += (at(x, y, c) * (1.0 - fx) + at(x + 1, y, c) * fx) * (1.0 - fy)
                    + (at(x, y + 1, c) * (1.0 - fx) + at(x + 1, y + 1, c) * fx) * fy;
            }
            crop.push(sum / (k * k) as f32);
        }
        crop
    }

    #[test]
    fn crops_are_close_to_averaging_every_pixel() {
        let picture = RgbImage::from_fn(500, 400, |x, y| {
            let wave = |n: f32| (128.0 + 100.0 * n.sin()) as u8;
            image::Rgb([wave(x as f32 / 21.0), wave(y as f32 / 17.0), wave((x + y) as f32 / 25.0)])
        });
        let mut aligner = Aligner::new(SIDE);
        for (scale, angle, tx, ty) in [
            (1.7, 0.2, -200.0, -100.0),
            (1.0, 0.0, -100.0, -100.0),
            (0.4, 0.0, -20.0, -20.0),
            (0.4, 0.6, 0.0, 20.0),
            (0.25, -0.3, 0.0, 0.0),
            (0.1, 0.0, 20.0, 20.0),
        ] {
            let alignment = Alignment::from_landmarks(&landmarks(scale, angle, tx, ty), &TEMPLATE).unwrap();
            let (crop, wanted) = (aligner.warp(&picture, &alignment), reference(&picture, &alignment));
            let off = crop.iter().zip(&wanted).map(|(a, b)| (a - b).abs()).sum::<f32>() / wanted.len() as f32;
            assert!(off < 3.0, "scale {scale}: mean difference {off}");
        }
    }

    #[test]
    fn far_outside_is_black() {
        let picture = RgbImage::from_pixel(60, 60, image::Rgb([255; 3]));
        for shift in [1e4, -1e4, 1e9] {
            let alignment = Alignment { a: 1.0, b: 0.0, tx: shift, ty: 0.0 };
            assert!(Aligner::new(SIDE).warp(&picture, &alignment).iter().all(|v| *v == 0.0));
        }
    }

    #[test]
    fn a_template_of_four_points_takes_the_middle_of_the_mouth() {
        let [left, right, nose, mouth_left, mouth_right] = TEMPLATE;
        let four = [left, right, nose, mouth_left.middle(mouth_right)];
        // Corners drawn together on their middle, as a detector gives them that marks no corners.
        let mut marked = landmarks(0.5, 0.4, 10.0, 20.0);
        let middle = marked[3].middle(marked[4]);
        (marked[3], marked[4]) = (middle, middle);
        let found = Alignment::from_landmarks(&marked, &four).unwrap();
        assert!((found.scale() - 0.5).abs() < 1e-4 && (found.tx - 10.0).abs() < 1e-2, "{found:?}");
    }

    #[test]
    fn a_square_is_shown_level() {
        let (centre, turned) = (Point { x: 300.0, y: 200.0 }, 0.5_f32);
        let shown = Alignment::around(centre, 100.0, turned, 192).unwrap();
        let near = |a: Point, b: Point| (a.x - b.x).hypot(a.y - b.y) < 1e-2;
        assert!(near(shown.source(96.0, 96.0), centre));
        // What lies to the right along the angle comes to lie to the right in the crop.
        let right = Point { x: centre.x + 50.0 * turned.cos(), y: centre.y + 50.0 * turned.sin() };
        assert!(near(shown.source(192.0, 96.0), right), "{:?}", shown.source(192.0, 96.0));
        assert_eq!(Alignment::around(centre, 0.0, 0.0, 192), None);
    }
}
