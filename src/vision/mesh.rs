//! Lays a mesh over a found face: whether it is a face at all, and exactly where its landmarks are.
//!
//! For packs whose detector is quick and rough. Its boxes are tried from the largest down, and the first one that is a
//! face to the mesh is taken: a low threshold of the detector then costs no wrong faces.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use image::RgbImage;
use serde::Deserialize;

use super::align::{Aligner, Alignment, feed};
use super::geometry::{Face, Point};
use super::model::{Model, Runtime};
use super::pack::{MeshSpec, ModelSpec};
use crate::bail;
use crate::clock::Clock;
use crate::error::Result;

/// How a mesh's output is read: the name in a pack, and what is behind it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MeshKind {
    /// 468 points `x y z` in pixels of the crop, and the logit of there being a face.
    Facemesh,
}

impl MeshKind {
    /// What may be written in a pack.
    pub const NAMES: &str = "facemesh";

    /// How many numbers the network puts out.
    const fn length(self) -> usize {
        match self {
            Self::Facemesh => facemesh::LENGTH,
        }
    }

    /// The five landmarks in pixels of the crop, and how sure the network is of a face, 0 to 1.
    fn read(self, raw: &[f32]) -> ([Point; 5], f32) {
        match self {
            Self::Facemesh => facemesh::read(raw),
        }
    }
}

mod facemesh {
    use super::Point;

    const POINTS: usize = 468;
    pub(super) const LENGTH: usize = POINTS * 3 + 1;
    /// The points around each eye, whose mean is its middle.
    const EYES: [[usize; 6]; 2] = [[33, 160, 158, 133, 153, 144], [362, 385, 387, 263, 373, 380]];
    const NOSE: usize = 4;
    const MOUTH: [usize; 2] = [61, 291];

    pub(super) fn read(raw: &[f32]) -> ([Point; 5], f32) {
        let at = |i: usize| Point { x: raw[3 * i], y: raw[3 * i + 1] };
        let [left, right] = EYES.map(|eye| {
            let sum = eye.iter().map(|i| at(*i)).fold(Point::default(), |a, b| Point { x: a.x + b.x, y: a.y + b.y });
            Point { x: sum.x / eye.len() as f32, y: sum.y / eye.len() as f32 }
        });
        let flag = 1.0 / (1.0 + (-raw[LENGTH - 1]).exp());
        ([left, right, at(NOSE), at(MOUTH[0]), at(MOUTH[1])], flag)
    }
}

/// Boxes tried before a picture counts as one without a face: a pattern full of false boxes must not hold up the door.
const MOST_TRIES: usize = 32;

/// The mesh network.
#[derive(Debug)]
pub struct Mesh {
    model: Model,
    spec: MeshSpec,
    aligner: Aligner,
    engine_time: Duration,
}

impl Mesh {
    /// Loads the network from the folder `weights`.
    ///
    /// # Errors
    /// When the file is missing, another one, or not of the described shape.
    pub fn open(spec: &MeshSpec, weights: &Path, runtime: &Runtime, clock: Arc<dyn Clock>) -> Result<Self> {
        let ModelSpec { file, width, height, .. } = &spec.model;
        if width != height {
            bail!(Unavailable, "{file}: the crop of a face is square, the pack describes {width}x{height}");
        }
        let shapes: [&[usize]; 2] = [&spec.model.shape(), &[1, spec.kind.length()]];
        let model = Model::load(runtime, file, spec.model.read(weights)?, shapes, clock)?;
        Ok(Self { model, spec: spec.clone(), aligner: Aligner::new(*width), engine_time: Duration::ZERO })
    }

    /// Goes through `faces`, the largest first, until `wanted` of them are confirmed: those get their landmarks, false
    /// ones before them are taken out, and those behind stay as the detector found them.
    ///
    /// # Errors
    /// When the engine fails.
    pub fn confirm(&mut self, picture: &RgbImage, faces: &mut Vec<Face>, wanted: usize) -> Result<()> {
        self.engine_time = Duration::ZERO;
        let (mut confirmed, mut tries) = (0, 0);
        while confirmed < faces.len().min(wanted) {
            if tries == MOST_TRIES {
                faces.truncate(confirmed);
                break;
            }
            tries += 1;
            match self.fit(picture, &faces[confirmed])? {
                Some(face) => {
                    faces[confirmed] = face;
                    confirmed += 1;
                }
                None => {
                    faces.remove(confirmed);
                }
            }
        }
        Ok(())
    }

    /// The face with the mesh's landmarks; `None` when it is none.
    fn fit(&mut self, picture: &RgbImage, face: &Face) -> Result<Option<Face>> {
        let side = self.spec.model.width;
        let [left, right, ..] = face.landmarks;
        let length = self.spec.crop * face.bbox.width().max(face.bbox.height());
        let angle = (right.y - left.y).atan2(right.x - left.x);
        let Some(shown) = Alignment::around(face.bbox.centre(), length, angle, side) else { return Ok(None) };
        let crop = self.aligner.warp(picture, &shown);
        feed(crop, side, self.spec.model.mean, false, self.model.input()?);
        let (landmarks, flag) = self.spec.kind.read(self.model.run()?);
        self.engine_time += self.model.last_run();
        let found = Face { landmarks: landmarks.map(|p| shown.source(p.x, p.y)), ..*face };
        Ok((flag >= self.spec.flag && found.is_sound()).then_some(found))
    }

    /// How long the engine took for the last picture.
    #[must_use]
    pub fn engine_time(&self) -> Duration {
        self.engine_time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn landmarks_are_read_out_of_the_mesh() {
        // Point i lies at (i, 2i).
        let mut raw: Vec<f32> = (0..468).flat_map(|i| [i as f32, 2.0 * i as f32, -1.0]).collect();
        raw.push(0.0);
        let (landmarks, flag) = MeshKind::Facemesh.read(&raw);
        assert_eq!((raw.len(), MeshKind::Facemesh.length()), (1405, 1405));
        assert!((flag - 0.5).abs() < 1e-6);
        let x: Vec<_> = landmarks.iter().map(|p| p.x).collect();
        assert_eq!(x, [781.0 / 6.0, 2150.0 / 6.0, 4.0, 61.0, 291.0]);
        assert!(landmarks.iter().all(|p| (p.y - 2.0 * p.x).abs() < 1e-3));
    }
}
