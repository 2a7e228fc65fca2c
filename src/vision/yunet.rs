//! Reads the output of YuNet.
//!
//! One row a cell of three strides: box `dx dy dw dh`, five landmarks `x y`, the logit of the class and that of there
//! being an object at all. Everything is relative to the cell's upper left corner, in strides.

use super::detect::Decode;
use super::geometry::{Face, Point, Rect};

const COLUMNS: usize = 16;
const CLASS: usize = 14;
const OBJECT: usize = 15;
/// Pixels of the input.
const STRIDES: [usize; 3] = [8, 16, 32];
/// Both sides of the input are multiples of it.
pub(super) const STRIDE: usize = 32;

/// The cells of one input size.
pub(super) struct YuNet {
    cells: Vec<Cell>,
}

/// A cell's upper left corner and its side, pixels of the input.
#[derive(Clone, Copy)]
struct Cell {
    x: f32,
    y: f32,
    stride: f32,
}

impl YuNet {
    /// For an input of `width` by `height` pixels.
    pub(super) fn new(width: usize, height: usize) -> Self {
        let mut cells = Vec::new();
        for stride in STRIDES {
            for row in 0..height / stride {
                let at = |n: usize| (n * stride) as f32;
                cells.extend((0..width / stride).map(|column| Cell {
                    x: at(column),
                    y: at(row),
                    stride: stride as f32,
                }));
            }
        }
        Self { cells }
    }
}

impl Decode for YuNet {
    fn shape(&self) -> [usize; 2] {
        [self.cells.len(), COLUMNS]
    }

    fn decode(&self, raw: &[f32], score: f32, found: &mut Vec<Face>) {
        // The score is a product of two parts, each of which must then reach it alone: few rows pay for exponentials.
        let least = (score / (1.0 - score)).ln();
        for (row, cell) in raw.chunks_exact(COLUMNS).zip(&self.cells) {
            if row[CLASS] >= least && row[OBJECT] >= least {
                let face = cell.face(row);
                if face.score >= score {
                    found.push(face);
                }
            }
        }
    }
}

impl Cell {
    fn face(&self, row: &[f32]) -> Face {
        let at = |i: usize| Point { x: self.x + row[i] * self.stride, y: self.y + row[i + 1] * self.stride };
        let (centre, width, height) = (at(0), self.stride * row[2].exp(), self.stride * row[3].exp());
        let sigmoid = |logit: f32| 1.0 / (1.0 + (-logit).exp());
        Face {
            bbox: Rect::sized(centre.x - width / 2.0, centre.y - height / 2.0, width, height),
            landmarks: std::array::from_fn(|k| at(4 + 2 * k)),
            score: sigmoid(row[CLASS]) * sigmoid(row[OBJECT]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_as_many_as_the_network_has_rows() {
        for (width, height, rows) in [(192, 256, 1008), (288, 384, 2268)] {
            assert_eq!(YuNet::new(width, height).shape(), [rows, COLUMNS], "{width}x{height}");
        }
    }

    #[test]
    fn a_row_is_read_relative_to_its_cell() {
        let decoder = YuNet::new(192, 256);
        let mut raw = vec![-9.0; 1008 * COLUMNS];
        // The first row of the second level, next to the corner: cell (16, 0), stride 16.
        let row = &mut raw[(24 * 32 + 1) * COLUMNS..][..COLUMNS];
        row[..6].copy_from_slice(&[1.0, 2.0, 3.0_f32.ln(), 0.0, -0.5, 0.25]);
        (row[CLASS], row[OBJECT]) = (0.0, 9.0_f32.ln());
        for (score, faces) in [(0.5, 0), (0.44, 1)] {
            let mut found = Vec::new();
            decoder.decode(&raw, score, &mut found);
            assert_eq!(found.len(), faces, "0.5 of 0.9 against {score}");
            for face in found {
                assert!((face.score - 0.45).abs() < 1e-6);
                assert_eq!(face.bbox.centre(), Point { x: 32.0, y: 32.0 });
                assert!((face.bbox.width() - 48.0).abs() < 1e-4 && (face.bbox.height() - 16.0).abs() < 1e-4);
                assert_eq!(face.landmarks[0], Point { x: 8.0, y: 4.0 });
            }
        }
    }

    #[test]
    fn what_is_no_number_is_no_face() {
        let mut found = Vec::new();
        YuNet::new(192, 256).decode(&vec![f32::NAN; 1008 * COLUMNS], 0.6, &mut found);
        assert!(found.is_empty());
    }
}
