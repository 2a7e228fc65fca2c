//! What an infrared camera adds to liveness: a lit screen shows no face in the infrared, and a print is flat there.
//!
//! The pack's networks know colour only, so what is asked of the infrared picture is simple and hard to satisfy with a
//! screen: that a face is there too, where the colour camera sees one.

use super::geometry::{Face, Rect};

/// How far the two cameras may see the face apart, in widths of the face: they sit side by side.
const APART: f32 = 1.0;
/// How much larger one may see it than the other.
const LARGER: f32 = 2.0;

/// Whether one of the infrared picture's `faces` is `face` of the colour picture; sizes are width and height of each
/// picture.
#[must_use]
pub fn confirms(face: &Rect, size: (u32, u32), faces: &[Face], infrared: (u32, u32)) -> bool {
    let (x, y, width) = within(face, size);
    faces.iter().any(|other| {
        let (other_x, other_y, other_width) = within(&other.bbox, infrared);
        let ratio = width / other_width.max(f32::EPSILON);
        (x - other_x).abs() <= APART * width
            && (y - other_y).abs() <= APART * width
            && (1.0 / LARGER..=LARGER).contains(&ratio)
    })
}

/// Middle and width of a face, in widths of its picture.
#[expect(clippy::cast_precision_loss, reason = "sides of a picture")]
fn within(face: &Rect, (width, height): (u32, u32)) -> (f32, f32, f32) {
    let (w, h) = (width.max(1) as f32, height.max(1) as f32);
    // Both cameras have the same view, whatever their pixels: heights are told in widths of an upright 3:4 picture.
    ((face.x1 + face.x2) / 2.0 / w, (face.y1 + face.y2) / 2.0 / h * 4.0 / 3.0, face.width() / w)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vision::geometry::Point;

    fn face(x: f32, y: f32, width: f32) -> Face {
        Face { bbox: Rect::sized(x, y, width, width), landmarks: [Point { x, y }; 5], score: 1.0 }
    }

    #[test]
    fn the_same_face_is_seen_by_both_cameras() {
        let colour = Rect::sized(400.0, 500.0, 200.0, 200.0);
        for (what, faces, expect) in [
            ("the same place", vec![face(400.0, 500.0, 200.0)], true),
            ("a little beside", vec![face(480.0, 520.0, 190.0)], true),
            ("somebody else far away", vec![face(50.0, 900.0, 200.0)], false),
            ("somebody small behind", vec![face(480.0, 580.0, 60.0)], false),
            ("one of two", vec![face(50.0, 900.0, 200.0), face(410.0, 490.0, 180.0)], true),
            ("nobody: a screen", vec![], false),
        ] {
            assert_eq!(confirms(&colour, (960, 1280), &faces, (960, 1280)), expect, "{what}");
        }
        assert!(confirms(&colour, (960, 1280), &[face(200.0, 250.0, 100.0)], (480, 640)), "another resolution");
    }
}
