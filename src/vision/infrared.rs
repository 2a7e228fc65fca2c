//! What an infrared camera adds to liveness: a lit screen shows no face in the infrared, and a print is flat there.
//!
//! The pack's networks know colour only, so what is asked of the infrared picture is simple and hard to satisfy with a
//! screen: that a face is there too, where the colour camera sees one. The face of whoever holds the screen is there as well,
//! so a face beside another counts for the one it is nearest to.

use super::geometry::{Face, Rect};

/// How far the two cameras may see the face apart, in widths of the face: they sit side by side.
const APART: f32 = 1.0;
/// How much larger one may see it than the other.
const LARGER: f32 = 2.0;

/// Whether one of the infrared picture's `faces` is the first of the `colour` picture's; sizes are width and height of each
/// picture.
#[must_use]
pub fn confirms(colour: &[Face], size: (u32, u32), faces: &[Face], infrared: (u32, u32)) -> bool {
    let colour: Vec<_> = colour.iter().map(|face| within(&face.bbox, size)).collect();
    let Some(&(x, y, width)) = colour.first() else { return false };
    faces.iter().any(|other| {
        let (other_x, other_y, other_width) = within(&other.bbox, infrared);
        let apart = |(x, y, _): &(f32, f32, f32)| (x - other_x).hypot(y - other_y);
        let nearest = colour.iter().map(apart).fold(f32::INFINITY, f32::min);
        let ratio = width / other_width.max(f32::EPSILON);
        apart(&colour[0]) <= nearest
            && (x - other_x).abs() <= APART * width
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
        let (first, beside) = (face(400.0, 500.0, 200.0), face(600.0, 540.0, 120.0));
        for (what, colour, faces, expect) in [
            ("the same place", vec![first], vec![face(400.0, 500.0, 200.0)], true),
            ("a little beside", vec![first], vec![face(480.0, 520.0, 190.0)], true),
            ("somebody else far away", vec![first], vec![face(50.0, 900.0, 200.0)], false),
            ("somebody small behind", vec![first], vec![face(480.0, 580.0, 60.0)], false),
            ("one of two", vec![first], vec![face(50.0, 900.0, 200.0), face(410.0, 490.0, 180.0)], true),
            ("nobody: a screen", vec![first], vec![], false),
            ("who holds the screen", vec![first, beside], vec![face(590.0, 545.0, 115.0)], false),
            ("two people", vec![first, beside], vec![face(590.0, 545.0, 115.0), face(390.0, 505.0, 195.0)], true),
            ("no face", vec![], vec![first], false),
        ] {
            assert_eq!(confirms(&colour, (960, 1280), &faces, (960, 1280)), expect, "{what}");
        }
        assert!(confirms(&[first], (960, 1280), &[face(200.0, 250.0, 100.0)], (480, 640)), "another resolution");
    }
}
