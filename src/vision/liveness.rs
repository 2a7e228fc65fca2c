//! Is it a face, or a picture of one? Networks that look at the face with its surroundings.
//!
//! The answer is a veto, never a reason to open. It is one over all networks of the pack and averaged over several frames
//! of a track; the average starts anew when the face turns into somebody else's (see `pipeline`), so that
//! a live face does not vouch for a photo held up after it.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use image::RgbImage;
use serde::Deserialize;

use super::geometry::Rect;
use super::model::{Model, Runtime};
use super::pack::{LivenessModelSpec, LivenessSpec};
use crate::clock::Clock;
use crate::error::Result;

/// How the scores of several networks become one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Combination {
    /// Their mean.
    Mean,
    /// The least: every network has to be convinced.
    Least,
}

impl Combination {
    /// What may be written in a pack.
    pub const NAMES: &str = "mean or least";

    /// One score of those of all networks, at least one.
    #[must_use]
    pub fn of(self, scores: &[f32]) -> f32 {
        // A network that gives no number has seen nothing alive.
        let each = scores.iter().map(|score| if score.is_nan() { 0.0 } else { *score });
        match self {
            Self::Mean => each.sum::<f32>() / scores.len() as f32,
            Self::Least => each.fold(1.0, f32::min),
        }
    }
}

/// What is known about the liveness of a track.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Liveness {
    /// Mean over the last frames, 0 (a picture) to 1 (alive).
    pub score: f32,
    /// How many frames the mean is over.
    pub frames: u32,
    /// The verdict; `None` until there are frames enough.
    pub alive: Option<bool>,
}

impl Liveness {
    /// A face that something has spoken against, or that nothing here can speak for.
    pub const DENIED: Self = Self { score: 0.0, frames: 1, alive: Some(false) };
}

/// The scores of a track's last frames.
#[derive(Clone, Debug, Default)]
pub struct Window(VecDeque<f32>);

impl Window {
    /// Takes in the score of one more frame and judges by `spec`.
    pub fn push(&mut self, score: f32, spec: &LivenessSpec) -> Liveness {
        self.0.push_back(score);
        while self.0.len() > spec.frames {
            self.0.pop_front();
        }
        let mean = self.0.iter().sum::<f32>() / self.0.len() as f32;
        let enough = self.0.len() >= spec.frames;
        Liveness { score: mean, frames: self.0.len() as u32, alive: enough.then_some(mean >= spec.threshold) }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

/// The liveness networks of a pack and the rule for their answers.
#[derive(Debug)]
pub struct LivenessJudge {
    models: Vec<LivenessModel>,
    spec: LivenessSpec,
    scores: Vec<f32>,
}

impl LivenessJudge {
    /// Loads the networks from the folder `weights`.
    ///
    /// # Errors
    /// When a file is missing, another one, or not of the described shape.
    pub fn open(spec: &LivenessSpec, weights: &Path, runtime: &Runtime, clock: &Arc<dyn Clock>) -> Result<Self> {
        let open = |model| LivenessModel::open(model, weights, runtime, clock.clone());
        let models = spec.models.iter().map(open).collect::<Result<_>>()?;
        Ok(Self { models, spec: spec.clone(), scores: Vec::new() })
    }

    /// How much the face in `bbox` looks alive to all networks together, 0 to 1.
    ///
    /// # Errors
    /// When the engine fails.
    pub fn score(&mut self, picture: &RgbImage, bbox: &Rect) -> Result<f32> {
        self.scores.clear();
        for model in &mut self.models {
            self.scores.push(model.score(picture, bbox)?);
        }
        Ok(self.spec.combine.of(&self.scores))
    }

    /// The rule for the answers.
    #[must_use]
    pub fn spec(&self) -> &LivenessSpec {
        &self.spec
    }

    /// How long the engine took for the last face.
    #[must_use]
    pub fn engine_time(&self) -> Duration {
        self.models.iter().map(|model| model.model().last_run()).sum()
    }
}

/// One liveness network and the crop it wants.
#[derive(Debug)]
pub struct LivenessModel {
    model: Model,
    spec: LivenessModelSpec,
    columns: Vec<Tap>,
}

/// Two neighbours along one axis, and how much the second counts.
#[derive(Clone, Copy, Debug)]
struct Tap {
    first: usize,
    second: usize,
    share: f32,
}

impl LivenessModel {
    /// Loads the network from the folder `weights`.
    ///
    /// # Errors
    /// When the file is missing, another one, or not of the described shape.
    pub fn open(spec: &LivenessModelSpec, weights: &Path, runtime: &Runtime, clock: Arc<dyn Clock>) -> Result<Self> {
        let shapes: [&[usize]; 2] = [&spec.model.shape(), &[1, spec.classes]];
        let model = Model::load(runtime, &spec.model.file, spec.model.read(weights)?, shapes, clock)?;
        Ok(Self { model, spec: spec.clone(), columns: Vec::new() })
    }

    /// How much the face in `bbox` (the detector's box, not clamped) looks alive, 0 to 1.
    ///
    /// # Errors
    /// When the engine fails.
    pub fn score(&mut self, picture: &RgbImage, bbox: &Rect) -> Result<f32> {
        let spec = &self.spec.model;
        let crop = Crop::around(bbox, self.spec.scale, picture.width(), picture.height());
        self.columns.clear();
        self.columns.extend((0..spec.width).map(|u| tap(u, crop.width, spec.width, crop.x)));
        let stride = picture.width() as usize * 3;
        let [r, g, b] = spec.mean;
        let rows = self.model.input()?.chunks_exact_mut(spec.width * 3).enumerate();
        for (v, row) in rows {
            let Tap { first, second, share } = tap(v, crop.height, spec.height, crop.y);
            let upper = &picture.as_raw()[first * stride..(first + 1) * stride];
            let lower = &picture.as_raw()[second * stride..(second + 1) * stride];
            for (out, tap) in row.chunks_exact_mut(3).zip(&self.columns) {
                let (i, j) = (tap.first * 3, tap.second * 3);
                let value: [f32; 3] = std::array::from_fn(|c| {
                    let mix = |row: &[u8]| {
                        let (a, b) = (f32::from(row[i + c]), f32::from(row[j + c]));
                        a + (b - a) * tap.share
                    };
                    let (above, below) = (mix(upper), mix(lower));
                    above + (below - above) * share
                });
                out.copy_from_slice(&[value[0] - r, value[1] - g, value[2] - b]);
            }
        }
        Ok(self.model.run()?[self.spec.real].clamp(0.0, 1.0))
    }

    /// The network, for its running time.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.model
    }
}

/// Plain two-tap bilinear sampling as the networks were trained with: averaging would lower the real score.
fn tap(out: usize, length: usize, outputs: usize, start: usize) -> Tap {
    let last = length - 1;
    let at = ((out as f32 + 0.5) * length as f32 / outputs as f32 - 0.5).clamp(0.0, last as f32);
    let first = (at as usize).min(last);
    Tap { first: start + first, second: start + (first + 1).min(last), share: at - first as f32 }
}

/// The part of the picture a network looks at, pixels; at least one by one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Crop {
    x: usize,
    y: usize,
    width: usize,
    height: usize,
}

impl Crop {
    /// `scale` times the box around its middle, less when the picture is too small, moved inside the picture.
    fn around(bbox: &Rect, scale: f32, width: u32, height: u32) -> Self {
        let (right, bottom) = (width.max(1) as f32 - 1.0, height.max(1) as f32 - 1.0);
        let scale = scale.min(bottom / bbox.height()).min(right / bbox.width());
        let centre = bbox.centre();
        let (x, width) = span(centre.x, bbox.width() * scale, right);
        let (y, height) = span(centre.y, bbox.height() * scale, bottom);
        Self { x, y, width, height }
    }
}

/// Start and length of the pixels `length` around `centre`, moved between 0 and `last`, both included.
fn span(centre: f32, length: f32, last: f32) -> (usize, usize) {
    let (mut from, mut to) = (centre - length / 2.0, centre + length / 2.0);
    if from < 0.0 {
        (from, to) = (0.0, to - from);
    }
    if to > last {
        (from, to) = (from - (to - last), last);
    }
    let (from, to) = (from.clamp(0.0, last) as usize, to.clamp(0.0, last) as usize);
    (from, to.saturating_sub(from) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crops_stay_in_the_picture() {
        for (bbox, scale, x, y, width, height) in [
            (Rect::sized(400.0, 500.0, 100.0, 100.0), 2.0, 350, 450, 201, 201),
            // Moved away from the upper left, then from the lower right corner.
            (Rect::sized(0.0, 10.0, 100.0, 100.0), 2.0, 0, 0, 201, 201),
            (Rect::sized(850.0, 1170.0, 100.0, 100.0), 2.0, 759, 1079, 201, 201),
            // Too large for the scale: shrunk to what fits.
            (Rect::sized(300.0, 300.0, 600.0, 600.0), 2.7, 0, 120, 960, 960),
            // Partly outside.
            (Rect::sized(-50.0, -50.0, 100.0, 100.0), 1.0, 0, 0, 101, 101),
        ] {
            assert_eq!(Crop::around(&bbox, scale, 960, 1280), Crop { x, y, width, height }, "{bbox:?}");
        }
    }

    #[test]
    fn sampling_is_bilinear_with_two_taps() {
        for (out, length, outputs, first, second, share) in [
            (0, 80, 80, 0, 1, 0.0),
            (0, 160, 80, 0, 1, 0.5),
            (79, 160, 80, 158, 159, 0.5),
            (0, 40, 80, 0, 1, 0.0),
            (79, 40, 80, 39, 39, 0.0),
            (5, 1, 80, 0, 0, 0.0),
        ] {
            let tap = tap(out, length, outputs, 100);
            assert_eq!((tap.first, tap.second), (100 + first, 100 + second), "{out} of {outputs} from {length}");
            assert!((tap.share - share).abs() < 1e-5, "{out} of {outputs} from {length}");
        }
    }

    #[test]
    fn the_verdict_waits_for_frames_and_forgets_old_ones() {
        let spec =
            LivenessSpec { models: Vec::new(), combine: Combination::Mean, threshold: 0.5, frames: 3, min_width: 0.0 };
        let mut window = Window::default();
        for (score, mean, frames, alive) in [
            (0.9, 0.9, 1, None),
            (0.3, 0.6, 2, None),
            (0.9, 0.7, 3, Some(true)),
            (0.0, 0.4, 3, Some(false)),
            (0.0, 0.3, 3, Some(false)),
        ] {
            let liveness = window.push(score, &spec);
            assert!((liveness.score - mean).abs() < 1e-6);
            assert_eq!((liveness.frames, liveness.alive), (frames, alive));
        }
    }

    #[test]
    fn networks_are_averaged_or_all_have_to_be_convinced() {
        for (combine, expect) in [(Combination::Mean, 0.6), (Combination::Least, 0.3)] {
            assert!((combine.of(&[0.9, 0.3]) - expect).abs() < 1e-6, "{combine:?}");
            assert!(combine.of(&[0.9, f32::NAN]) <= 0.45 && combine.of(&[f32::NAN]) == 0.0, "{combine:?}: no number");
        }
    }
}
