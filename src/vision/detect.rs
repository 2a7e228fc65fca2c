//! Finds faces: picture → detector input → raw rows → decoded faces → the best of each heap of boxes.
//!
//! What the raw rows mean is a decoder's business, one file each; see [`DecoderKind`].

use std::path::Path;
use std::sync::Arc;

use image::RgbImage;
use serde::Deserialize;

use super::frame::{Letterbox, Placement};
use super::geometry::Face;
use super::model::{Model, Runtime};
use super::pack::DetectorSpec;
use super::retinaface::RetinaFace;
use crate::clock::Clock;
use crate::error::Result;

/// How a detector's output is read: the name in a pack, and the decoder behind it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DecoderKind {
    /// Anchors of three strides with two sizes each; see `retinaface`.
    Retinaface,
}

impl DecoderKind {
    /// What may be written in a pack.
    pub const NAMES: &str = "retinaface";

    fn decoder(self, width: usize, height: usize) -> Box<dyn Decode> {
        match self {
            Self::Retinaface => Box::new(RetinaFace::new(width, height)),
        }
    }
}

/// Reads a detector's output.
pub(super) trait Decode: Send {
    /// Rows and columns of the output, which has the shape `[1, rows, columns]`.
    fn shape(&self) -> [usize; 2];
    /// Appends the faces of at least `score`, in pixels of the network's input, to `found`.
    fn decode(&self, raw: &[f32], score: f32, found: &mut Vec<Face>);
}

/// A detector with its network; finds any number of faces in pictures of any size.
pub struct Detector {
    model: Model,
    letterbox: Letterbox,
    decoder: Box<dyn Decode>,
    score: f32,
    nms: f32,
    found: Vec<Face>,
}

impl std::fmt::Debug for Detector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Detector").field("model", &self.model).finish_non_exhaustive()
    }
}

impl Detector {
    /// Loads the network from the folder `weights`.
    ///
    /// # Errors
    /// When the file is missing, another one, or not of the described shape.
    pub fn open(spec: &DetectorSpec, weights: &Path, runtime: &Runtime, clock: Arc<dyn Clock>) -> Result<Self> {
        let decoder = spec.decoder.decoder(spec.model.width, spec.model.height);
        let [rows, columns] = decoder.shape();
        let shapes: [&[usize]; 2] = [&spec.model.shape(), &[1, rows, columns]];
        let model = Model::load(runtime, &spec.model.file, spec.model.read(weights)?, shapes, clock)?;
        let letterbox = Letterbox::new(&spec.model);
        Ok(Self { model, letterbox, decoder, score: spec.score, nms: spec.nms, found: Vec::new() })
    }

    /// The faces in `picture`, in its pixels, the largest first.
    ///
    /// # Errors
    /// When the picture is empty or the engine fails.
    pub fn detect(&mut self, picture: &RgbImage) -> Result<&[Face]> {
        let placement = self.load(picture)?;
        self.find(placement)
    }

    /// First half of [`Self::detect`]: scales the picture into the network's input.
    pub(super) fn load(&mut self, picture: &RgbImage) -> Result<Placement> {
        self.letterbox.fill(picture, self.model.input()?)
    }

    /// Second half of [`Self::detect`]: runs the network and reads its output.
    pub(super) fn find(&mut self, placement: Placement) -> Result<&[Face]> {
        self.found.clear();
        self.decoder.decode(self.model.run()?, self.score, &mut self.found);
        self.found.retain(Face::is_sound);
        suppress(&mut self.found, self.nms);
        for face in &mut self.found {
            *face = face.scaled(placement.sx, placement.sy);
        }
        self.found.sort_by(|a, b| b.bbox.area().total_cmp(&a.bbox.area()));
        Ok(&self.found)
    }

    /// The network, for its running time.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.model
    }
}

/// Keeps of all boxes that overlap by more than `most` (IoU) only the one with the best score; best first.
pub(super) fn suppress(faces: &mut Vec<Face>, most: f32) {
    faces.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept = 0;
    for i in 0..faces.len() {
        let face = faces[i];
        if faces[..kept].iter().all(|k| k.bbox.iou(&face.bbox) <= most) {
            faces[kept] = face;
            kept += 1;
        }
    }
    faces.truncate(kept);
}

#[cfg(test)]
mod tests {
    use super::super::geometry::{Point, Rect};
    use super::*;

    fn face(x: f32, width: f32, score: f32) -> Face {
        Face { bbox: Rect::sized(x, 0.0, width, 10.0), landmarks: [Point::default(); 5], score }
    }

    #[test]
    fn of_overlapping_boxes_the_best_stays() {
        // (boxes as left edge and score, width 10) → left edges kept, best first
        type Case = (&'static [(f32, f32)], &'static [f32]);
        let cases: [Case; 5] = [
            (&[], &[]),
            (&[(0.0, 0.7), (1.0, 0.9), (2.0, 0.8)], &[1.0]),
            (&[(0.0, 0.7), (20.0, 0.9)], &[20.0, 0.0]),
            // IoU 5/15 stays, 6/14 goes.
            (&[(0.0, 0.9), (5.0, 0.8)], &[0.0, 5.0]),
            (&[(0.0, 0.9), (4.0, 0.8)], &[0.0]),
        ];
        for (boxes, kept) in cases {
            let mut faces: Vec<_> = boxes.iter().map(|(x, score)| face(*x, 10.0, *score)).collect();
            suppress(&mut faces, 0.4);
            assert_eq!(faces.iter().map(|f| f.bbox.x1).collect::<Vec<_>>(), kept, "{boxes:?}");
        }
    }
}
