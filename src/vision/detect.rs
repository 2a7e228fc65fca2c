//! Finds faces: picture → detector input → raw rows → decoded faces → one of each heap of boxes.
//!
//! What the raw rows mean is a decoder's business, one file each; see [`DecoderKind`].

use std::path::Path;
use std::sync::Arc;

use image::RgbImage;
use serde::Deserialize;

use super::blazeface::{self, BlazeFace};
use super::frame::{Letterbox, Placement};
use super::geometry::{Face, Point, Rect};
use super::model::{Model, Runtime};
use super::pack::DetectorSpec;
use super::retinaface::RetinaFace;
use super::yunet::{self, YuNet};
use crate::clock::Clock;
use crate::error::Result;

/// How a detector's output is read: the name in a pack, and the decoder behind it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DecoderKind {
    /// Anchors of three strides with two sizes each; see `retinaface`.
    Retinaface,
    /// Anchors of two strides; marks the middle of the mouth alone; see `blazeface`.
    Blazeface,
    /// Cells of three strides; see `yunet`.
    Yunet,
}

impl DecoderKind {
    /// What may be written in a pack.
    pub const NAMES: &str = "retinaface, blazeface or yunet";

    fn decoder(self, width: usize, height: usize) -> Box<dyn Decode> {
        match self {
            Self::Retinaface => Box::new(RetinaFace::new(width, height)),
            Self::Blazeface => Box::new(BlazeFace::new(width, height)),
            Self::Yunet => Box::new(YuNet::new(width, height)),
        }
    }

    /// What both sides of the input must be multiples of.
    #[must_use]
    pub const fn stride(self) -> usize {
        match self {
            Self::Retinaface => 1,
            Self::Blazeface => blazeface::STRIDE,
            Self::Yunet => yunet::STRIDE,
        }
    }

    /// Whether its landmarks have both corners of the mouth, and not its middle twice.
    #[must_use]
    pub const fn marks_mouth_corners(self) -> bool {
        match self {
            Self::Retinaface | Self::Yunet => true,
            Self::Blazeface => false,
        }
    }
}

/// What becomes of boxes that overlap: they are one face.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Grouping {
    /// The one with the best score stays.
    Best,
    /// They are averaged, boxes and landmarks, weighted by their scores.
    Average,
}

impl Grouping {
    /// What may be written in a pack.
    pub const NAMES: &str = "best or average";

    /// Leaves one of each heap of boxes that overlap by more than `most` (IoU); best first.
    fn apply(self, faces: &mut Vec<Face>, most: f32) {
        match self {
            Self::Best => suppress(faces, most),
            Self::Average => average(faces, most),
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
    grouping: Grouping,
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
        let DetectorSpec { score, nms, grouping, .. } = *spec;
        Ok(Self { model, letterbox, decoder, score, nms, grouping, found: Vec::new() })
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
        self.grouping.apply(&mut self.found, self.nms);
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
fn suppress(faces: &mut Vec<Face>, most: f32) {
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

/// Makes of the best box and all that overlap it by more than `most` (IoU) their mean, and so on with the rest; best first.
fn average(faces: &mut Vec<Face>, most: f32) {
    faces.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept = Vec::new();
    while let Some(best) = faces.first().copied() {
        let (heap, rest): (Vec<_>, Vec<_>) = faces.drain(..).partition(|face| best.bbox.iou(&face.bbox) > most);
        *faces = rest;
        kept.push(mean(&heap, best.score));
    }
    *faces = kept;
}

/// The mean of a heap, weighted by score; it has the score of its best.
fn mean(heap: &[Face], score: f32) -> Face {
    let weight: f32 = heap.iter().map(|face| face.score).sum();
    let of = |value: &dyn Fn(&Face) -> f32| heap.iter().map(|face| value(face) * face.score).sum::<f32>() / weight;
    Face {
        bbox: Rect { x1: of(&|f| f.bbox.x1), y1: of(&|f| f.bbox.y1), x2: of(&|f| f.bbox.x2), y2: of(&|f| f.bbox.y2) },
        landmarks: std::array::from_fn(|k| Point { x: of(&|f| f.landmarks[k].x), y: of(&|f| f.landmarks[k].y) }),
        score,
    }
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn overlapping_boxes_are_averaged_by_score() {
        // (boxes as left edge and score, width 10) → left edges and scores kept, best first
        type Case = (&'static [(f32, f32)], &'static [(f32, f32)]);
        let cases: [Case; 4] = [
            (&[], &[]),
            (&[(0.0, 0.6), (2.0, 0.9)], &[(1.2, 0.9)]),
            (&[(0.0, 0.6), (2.0, 0.9), (40.0, 0.7)], &[(1.2, 0.9), (40.0, 0.7)]),
            // The third overlaps the second, not the best: it stays by itself.
            (&[(0.0, 0.9), (4.0, 0.9), (8.0, 0.8)], &[(2.0, 0.9), (8.0, 0.8)]),
        ];
        for (boxes, kept) in cases {
            let mut faces: Vec<_> = boxes.iter().map(|(x, score)| face(*x, 10.0, *score)).collect();
            Grouping::Average.apply(&mut faces, 0.3);
            let found: Vec<_> = faces.iter().map(|f| ((f.bbox.x1 * 10.0).round() / 10.0, f.score)).collect();
            assert_eq!(found, kept, "{boxes:?}");
            assert!(faces.iter().all(|f| (f.bbox.width() - 10.0).abs() < 1e-4));
        }
    }
}
