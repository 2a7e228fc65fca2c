//! Is this view of a face good enough to judge by? Bad views are not compared: they are waited out.
//!
//! Limits are lenient, a terminal sees many frames of everybody; they turn away what would only cost false
//! rejects and worthless liveness scores. The registered photo passes a laxer gate, see `portrait`.

use super::geometry::{Face, Point, Rect};

/// Why a face is not compared.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Reason {
    /// Too far away: narrower than wished.
    TooSmall,
    /// Its middle lies outside the wished area.
    OutsideArea,
    /// Partly outside the picture.
    Cut,
    /// Looks aside, up or down, or lies on its side.
    Turned,
    /// The face is in the dark.
    TooDark,
    /// The face is burnt out.
    TooBright,
    /// Out of focus or moved.
    Blurred,
    /// Found by the detector, but no face to the embedding network.
    NotAFace,
}

/// Which share of its width or height a box may leave the picture by.
const MOST_OUTSIDE: f32 = 0.10;
/// Degrees either way.
const MOST_YAW: f32 = 35.0;
const MOST_PITCH: f32 = 35.0;
const MOST_ROLL: f32 = 35.0;
/// Mean brightness of the face, 0 to 255.
const LEAST_MEAN: f32 = 35.0;
const MOST_MEAN: f32 = 225.0;
/// Share of the face's pixels that may be burnt out.
const MOST_BURNT: f32 = 0.35;
const BURNT: f32 = 250.0;
/// Variance of the Laplacian over variance of the brightness, which makes it independent of contrast.
const LEAST_SHARPNESS: f32 = 0.008;

/// Judges by place, size and pose, which need no pixels.
///
/// # Errors
/// The first reason against it.
pub fn check_view(face: &Face, picture: (u32, u32), min_width: f32, area: &Rect) -> Result<(), Reason> {
    let bbox = &face.bbox;
    if bbox.width() < min_width {
        return Err(Reason::TooSmall);
    }
    if !area.contains(bbox.centre()) {
        return Err(Reason::OutsideArea);
    }
    let frame = Rect::sized(0.0, 0.0, picture.0 as f32, picture.1 as f32);
    let (mx, my) = (bbox.width() * MOST_OUTSIDE, bbox.height() * MOST_OUTSIDE);
    let roomy = Rect { x1: -mx, y1: -my, x2: frame.x2 + mx, y2: frame.y2 + my };
    let corners = [Point { x: bbox.x1, y: bbox.y1 }, Point { x: bbox.x2, y: bbox.y2 }];
    if !corners.iter().all(|c| roomy.contains(*c)) || !face.landmarks.iter().all(|p| frame.contains(*p)) {
        return Err(Reason::Cut);
    }
    let pose = Pose::of(face);
    if pose.yaw.abs() > MOST_YAW || pose.pitch.abs() > MOST_PITCH || pose.roll.abs() > MOST_ROLL {
        return Err(Reason::Turned);
    }
    Ok(())
}

/// Judges by the aligned crop.
///
/// # Errors
/// The first reason against it.
pub fn check_light(light: &Light) -> Result<(), Reason> {
    if light.mean < LEAST_MEAN {
        return Err(Reason::TooDark);
    }
    if light.mean > MOST_MEAN || light.burnt > MOST_BURNT {
        return Err(Reason::TooBright);
    }
    if light.sharpness < LEAST_SHARPNESS {
        return Err(Reason::Blurred);
    }
    Ok(())
}

/// Where a face looks, degrees, estimated from the five landmarks: good to some ten degrees.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Pose {
    /// Positive: the nose points to the image's right.
    pub yaw: f32,
    /// Positive: the nose points down.
    pub pitch: f32,
    /// Positive: turned clockwise in the image.
    pub roll: f32,
}

/// How far the nose tip stands out from the plane of eyes and mouth, in distances of the eyes.
const NOSE: f32 = 0.6;
/// How far down from eyes to mouth the nose tip lies when the face looks straight ahead.
const NOSE_DOWN: f32 = 0.57;

impl Pose {
    /// The pose of `face`.
    #[must_use]
    pub fn of(face: &Face) -> Self {
        let [left, right, nose, mouth_left, mouth_right] = face.landmarks;
        let (eyes, mouth) = (left.middle(right), mouth_left.middle(mouth_right));
        let down = (mouth.x - eyes.x).hypot(mouth.y - eyes.y).max(f32::EPSILON);
        // A turned face keeps the height from eyes to mouth, so that is the measure, not the eyes' distance.
        let unit = down / 1.15;
        let (dx, dy) = ((mouth.x - eyes.x) / down, (mouth.y - eyes.y) / down);
        let (nx, ny) = (nose.x - eyes.x, nose.y - eyes.y);
        let aside = nx * dy - ny * dx;
        let along = nx * dx + ny * dy;
        let degrees = |offset: f32| (offset / (NOSE * unit)).atan().to_degrees();
        Self {
            yaw: degrees(aside),
            pitch: degrees(along - NOSE_DOWN * down),
            roll: (right.y - left.y).atan2(right.x - left.x).to_degrees(),
        }
    }
}

/// Brightness and sharpness of a face.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Light {
    /// Mean brightness, 0 to 255.
    pub mean: f32,
    /// Share of burnt-out pixels, 0 to 1.
    pub burnt: f32,
    /// Variance of the Laplacian over variance of the brightness.
    pub sharpness: f32,
}

/// Side of the crop that light is measured on, whatever the pack: sharpness depends on the size of a face.
pub const SIDE: usize = 112;

/// Where the landmarks lie in that crop (ArcFace): the one most embedding networks look at too.
pub const TEMPLATE: [Point; 5] = [
    Point { x: 38.2946, y: 51.6963 },
    Point { x: 73.5318, y: 51.5014 },
    Point { x: 56.0252, y: 71.7366 },
    Point { x: 41.5493, y: 92.3655 },
    Point { x: 70.7299, y: 92.2041 },
];

/// The part of the crop that is face whatever the haircut, crop pixels.
const INNER: std::ops::Range<usize> = 24..SIDE - 24;
const INNER_SIDE: usize = INNER.end - INNER.start;

impl Light {
    /// Measures a crop aligned by [`TEMPLATE`], `[112, 112, 3]`, RGB, 0 to 255.
    #[must_use]
    pub fn of(crop: &[f32]) -> Self {
        let mut luma = [[0.0_f32; INNER_SIDE]; INNER_SIDE];
        for (row, line) in luma.iter_mut().zip(crop.chunks_exact(SIDE * 3).skip(INNER.start)) {
            for (out, p) in row.iter_mut().zip(line[INNER.start * 3..].chunks_exact(3)) {
                *out = 0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2];
            }
        }
        let count = (INNER_SIDE * INNER_SIDE) as f32;
        let all = || luma.iter().flatten();
        let mean = all().sum::<f32>() / count;
        let variance = all().map(|v| (v - mean) * (v - mean)).sum::<f32>() / count;
        let burnt = all().filter(|v| **v > BURNT).count() as f32 / count;
        let (mut sum, mut squares) = (0.0, 0.0);
        for rows in luma.windows(3) {
            let [above, row, below] = rows else { continue };
            for x in 1..INNER_SIDE - 1 {
                let bend = above[x] + below[x] + row[x - 1] + row[x + 1] - 4.0 * row[x];
                sum += bend;
                squares += bend * bend;
            }
        }
        let bends = ((INNER_SIDE - 2) * (INNER_SIDE - 2)) as f32;
        let laplacian = squares / bends - (sum / bends) * (sum / bends);
        Self { mean, burnt, sharpness: laplacian / variance.max(1.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: (u32, u32) = (960, 1280);

    /// A face of `width` with its box's upper left corner at `x`, `y`, looking straight ahead.
    fn face(x: f32, y: f32, width: f32) -> Face {
        let at = |u: f32, v: f32| Point { x: x + u * width, y: y + v * width };
        let landmarks = [at(0.3, 0.5), at(0.7, 0.5), at(0.5, 0.74), at(0.33, 0.96), at(0.67, 0.96)];
        Face { bbox: Rect::sized(x, y, width, width * 1.3), landmarks, score: 0.9 }
    }

    fn turned(move_nose_x: f32, move_nose_y: f32) -> Face {
        let mut face = face(300.0, 400.0, 200.0);
        face.landmarks[2].x += move_nose_x * 200.0;
        face.landmarks[2].y += move_nose_y * 200.0;
        face
    }

    #[test]
    fn views_are_judged_by_place_size_and_pose() {
        let whole = Rect::sized(0.0, 0.0, 960.0, 1280.0);
        let left = Rect::sized(0.0, 0.0, 300.0, 1280.0);
        let mut lying = face(300.0, 400.0, 200.0);
        lying.landmarks[1].y += 70.0;
        for (face, area, verdict) in [
            (face(300.0, 400.0, 200.0), whole, Ok(())),
            (face(300.0, 400.0, 121.0), whole, Err(Reason::TooSmall)),
            (face(300.0, 400.0, 200.0), left, Err(Reason::OutsideArea)),
            (face(150.0, 400.0, 200.0), left, Ok(())),
            (face(-15.0, 400.0, 200.0), whole, Ok(())),
            (face(-25.0, 400.0, 200.0), whole, Err(Reason::Cut)),
            (face(300.0, 1100.0, 200.0), whole, Err(Reason::Cut)),
            (turned(0.1, 0.0), whole, Ok(())),
            (turned(0.25, 0.0), whole, Err(Reason::Turned)),
            (turned(-0.25, 0.0), whole, Err(Reason::Turned)),
            (turned(0.0, -0.2), whole, Err(Reason::Turned)),
            (turned(0.0, 0.2), whole, Err(Reason::Turned)),
            (lying, whole, Err(Reason::Turned)),
        ] {
            assert_eq!(check_view(&face, FRAME, 122.0, &area), verdict, "{face:?}");
        }
    }

    #[test]
    fn poses_have_signs() {
        let pose = Pose::of(&turned(0.1, 0.1));
        assert!(pose.yaw > 5.0 && pose.pitch > 5.0 && pose.roll.abs() < 0.1, "{pose:?}");
        let pose = Pose::of(&turned(-0.1, -0.1));
        assert!(pose.yaw < -5.0 && pose.pitch < -5.0, "{pose:?}");
    }

    /// A crop with a pattern of fine and coarse waves around `base`.
    fn crop(base: f32, coarse: f32, fine: f32) -> Vec<f32> {
        let value = |i: usize| {
            let (x, y) = ((i % SIDE) as f32, (i / SIDE) as f32);
            base + coarse * (x / 12.0).sin() * (y / 12.0).cos() + fine * (x * 1.5).sin()
        };
        (0..SIDE * SIDE).flat_map(|i| [value(i).clamp(0.0, 255.0); 3]).collect()
    }

    #[test]
    fn light_and_sharpness_are_measured_on_the_crop() {
        for (crop, verdict) in [
            (crop(120.0, 60.0, 15.0), Ok(())),
            (crop(15.0, 10.0, 5.0), Err(Reason::TooDark)),
            (crop(250.0, 60.0, 5.0), Err(Reason::TooBright)),
            (crop(240.0, 10.0, 1.0), Err(Reason::TooBright)),
            (crop(120.0, 60.0, 0.0), Err(Reason::Blurred)),
            (crop(120.0, 0.0, 0.0), Err(Reason::Blurred)),
        ] {
            let light = Light::of(&crop);
            assert_eq!(check_light(&light), verdict, "{light:?}");
        }
    }
}
