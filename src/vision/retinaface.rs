//! Reads the output of RetinaFace with the MobileNet-0.25 backbone.
//!
//! One row an anchor: box `dx dy dw dh`, five landmarks `x y`, and the logit of being a face. Boxes are
//! relative to the anchor with the variances 0.1 and 0.2 of the original training.

use super::detect::Decode;
use super::geometry::{Face, Point, Rect};

const COLUMNS: usize = 15;
const LOGIT: usize = 14;
/// Stride of a level and the sides of its two anchors, pixels of the input.
const LEVELS: [(usize, [f32; 2]); 3] = [(8, [16.0, 32.0]), (16, [64.0, 128.0]), (32, [256.0, 512.0])];
const CENTRE_VARIANCE: f32 = 0.1;
const SIZE_VARIANCE: f32 = 0.2;

/// The anchors of one input size.
pub(super) struct RetinaFace {
    anchors: Vec<Anchor>,
}

/// A square the network's answer is relative to, pixels of the input.
#[derive(Clone, Copy)]
struct Anchor {
    x: f32,
    y: f32,
    side: f32,
}

impl RetinaFace {
    /// For an input of `width` by `height` pixels.
    pub(super) fn new(width: usize, height: usize) -> Self {
        let mut anchors = Vec::new();
        for (step, sides) in LEVELS {
            for row in 0..height.div_ceil(step) {
                for column in 0..width.div_ceil(step) {
                    let at = |n: usize| (n as f32 + 0.5) * step as f32;
                    anchors.extend(sides.map(|side| Anchor { x: at(column), y: at(row), side }));
                }
            }
        }
        Self { anchors }
    }
}

impl Decode for RetinaFace {
    fn shape(&self) -> [usize; 2] {
        [self.anchors.len(), COLUMNS]
    }

    fn decode(&self, raw: &[f32], score: f32, found: &mut Vec<Face>) {
        // Compared as logits, so that the few rows that pass pay for the exponentials.
        let least = (score / (1.0 - score)).ln();
        for (row, anchor) in raw.chunks_exact(COLUMNS).zip(&self.anchors) {
            if row[LOGIT] > least {
                found.push(anchor.face(row));
            }
        }
    }
}

impl Anchor {
    fn face(&self, row: &[f32]) -> Face {
        let at = |dx: f32, dy: f32| Point {
            x: self.x + dx * CENTRE_VARIANCE * self.side,
            y: self.y + dy * CENTRE_VARIANCE * self.side,
        };
        let centre = at(row[0], row[1]);
        let width = self.side * (row[2] * SIZE_VARIANCE).exp();
        let height = self.side * (row[3] * SIZE_VARIANCE).exp();
        Face {
            bbox: Rect::sized(centre.x - width / 2.0, centre.y - height / 2.0, width, height),
            landmarks: std::array::from_fn(|k| at(row[4 + 2 * k], row[5 + 2 * k])),
            score: 1.0 / (1.0 + (-row[LOGIT]).exp()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_are_as_many_as_the_network_has_rows() {
        for (width, height, rows) in [(240, 320, 3160), (192, 256, 2016), (480, 640, 12600)] {
            assert_eq!(RetinaFace::new(width, height).shape(), [rows, COLUMNS], "{width}x{height}");
        }
    }

    #[test]
    fn a_row_is_read_relative_to_its_anchor() {
        let decoder = RetinaFace::new(240, 320);
        let mut raw = vec![0.0; 3160 * COLUMNS];
        raw.chunks_exact_mut(COLUMNS).for_each(|row| row[LOGIT] = -5.0);
        // Row 0, column 1 of the first level, larger anchor: centre (12, 4), side 32.
        let row = &mut raw[3 * COLUMNS..4 * COLUMNS];
        row[..4].copy_from_slice(&[1.0, -1.0, 5.0 * 2.0_f32.ln(), 0.0]);
        row[4..6].copy_from_slice(&[-1.0, 2.0]);
        row[LOGIT] = 0.0;
        let mut found = Vec::new();
        decoder.decode(&raw, 0.6, &mut found);
        assert!(found.is_empty(), "0.5 is below the threshold");
        decoder.decode(&raw, 0.4, &mut found);
        let [face] = found[..] else { panic!("{found:?}") };
        let near = |a: f32, b: f32| (a - b).abs() < 1e-3;
        assert!(near(face.score, 0.5));
        let centre = face.bbox.centre();
        assert!(near(centre.x, 15.2) && near(centre.y, 0.8), "{centre:?}");
        assert!(near(face.bbox.width(), 64.0) && near(face.bbox.height(), 32.0), "{:?}", face.bbox);
        assert!(near(face.landmarks[0].x, 8.8) && near(face.landmarks[0].y, 10.4), "{:?}", face.landmarks[0]);
    }

    #[test]
    fn what_is_no_number_is_no_face() {
        let mut found = Vec::new();
        RetinaFace::new(240, 320).decode(&vec![f32::NAN; 3160 * COLUMNS], 0.6, &mut found);
        assert!(found.is_empty());
    }
}
