//! Reads the output of BlazeFace short range.
//!
//! One row an anchor: box `dx dy w h`, six points `x y`, and the logit of being a face; all in pixels of the input and
//! relative to the anchor, which is a point. The points are both eyes, the nose tip, the middle of the mouth and the
//! ears; the ears are often hidden and are not used.

use super::detect::Decode;
use super::geometry::{Face, Point, Rect};

const COLUMNS: usize = 17;
const LOGIT: usize = 16;
/// Beyond it a logit says nothing more, and its exponential may not be a number.
const MOST_LOGIT: f32 = 100.0;
/// Strides of the levels and how many anchors a cell has, pixels of the input.
const LEVELS: [(usize, usize); 2] = [(8, 2), (16, 6)];
/// Both sides of the input are multiples of it.
pub(super) const STRIDE: usize = 16;

/// The anchors of one input size.
pub(super) struct BlazeFace {
    anchors: Vec<Point>,
}

impl BlazeFace {
    /// For an input of `width` by `height` pixels.
    pub(super) fn new(width: usize, height: usize) -> Self {
        let mut anchors = Vec::new();
        for (step, count) in LEVELS {
            for row in 0..height / step {
                for column in 0..width / step {
                    let at = |n: usize| (n as f32 + 0.5) * step as f32;
                    anchors.extend(std::iter::repeat_n(Point { x: at(column), y: at(row) }, count));
                }
            }
        }
        Self { anchors }
    }
}

impl Decode for BlazeFace {
    fn shape(&self) -> [usize; 2] {
        [self.anchors.len(), COLUMNS]
    }

    fn decode(&self, raw: &[f32], score: f32, found: &mut Vec<Face>) {
        let least = (score / (1.0 - score)).ln();
        for (row, anchor) in raw.chunks_exact(COLUMNS).zip(&self.anchors) {
            if row[LOGIT] >= least {
                found.push(face(row, *anchor));
            }
        }
    }
}

fn face(row: &[f32], anchor: Point) -> Face {
    let at = |i: usize| Point { x: anchor.x + row[i], y: anchor.y + row[i + 1] };
    let (centre, [width, height]) = (at(0), [row[2], row[3]]);
    // The middle of the mouth stands for both of its corners.
    let [left, right, nose, mouth] = [at(4), at(6), at(8), at(10)];
    Face {
        bbox: Rect::sized(centre.x - width / 2.0, centre.y - height / 2.0, width, height),
        landmarks: [left, right, nose, mouth, mouth],
        score: 1.0 / (1.0 + (-row[LOGIT].clamp(-MOST_LOGIT, MOST_LOGIT)).exp()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_are_as_many_as_the_network_has_rows() {
        for (width, height, rows) in [(192, 256, 2688), (128, 128, 896), (240, 320, 4200)] {
            assert_eq!(BlazeFace::new(width, height).shape(), [rows, COLUMNS], "{width}x{height}");
        }
    }

    #[test]
    fn a_row_is_read_relative_to_its_anchor() {
        let decoder = BlazeFace::new(192, 256);
        let mut raw = vec![0.0; 2688 * COLUMNS];
        raw.chunks_exact_mut(COLUMNS).for_each(|row| row[LOGIT] = -5.0);
        // The last row: the last cell of the second level, anchor (184, 248).
        let row = &mut raw[2687 * COLUMNS..];
        row[..12].copy_from_slice(&[-4.0, 2.0, 40.0, 60.0, -10.0, -5.0, 10.0, -5.0, 0.0, 3.0, 1.0, 12.0]);
        row[LOGIT] = 200.0;
        let mut found = Vec::new();
        decoder.decode(&raw, 0.5, &mut found);
        let [face] = found[..] else { panic!("{found:?}") };
        assert_eq!(face.bbox, Rect { x1: 160.0, y1: 220.0, x2: 200.0, y2: 280.0 });
        assert!((face.score - 1.0).abs() < 1e-6);
        let mouth = Point { x: 185.0, y: 260.0 };
        assert_eq!(face.landmarks[0], Point { x: 174.0, y: 243.0 });
        assert_eq!(face.landmarks[3..], [mouth, mouth]);
    }

    #[test]
    fn what_is_no_number_is_no_face() {
        let mut found = Vec::new();
        BlazeFace::new(192, 256).decode(&vec![f32::NAN; 2688 * COLUMNS], 0.5, &mut found);
        assert!(found.is_empty());
    }
}
