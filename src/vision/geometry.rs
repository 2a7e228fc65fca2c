//! Points, boxes and faces, in pixels of the full picture.

/// A place in a picture; x to the right, y down.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Point {
    /// From the left edge, pixels.
    pub x: f32,
    /// From the upper edge, pixels.
    pub y: f32,
}

impl Point {
    /// Half way to `other`.
    #[must_use]
    pub fn middle(self, other: Self) -> Self {
        Self { x: (self.x + other.x) / 2.0, y: (self.y + other.y) / 2.0 }
    }
}

/// A box with `x1 <= x2` and `y1 <= y2`; it may leave the picture.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Rect {
    /// Left edge, pixels.
    pub x1: f32,
    /// Upper edge, pixels.
    pub y1: f32,
    /// Right edge, pixels.
    pub x2: f32,
    /// Lower edge, pixels.
    pub y2: f32,
}

impl Rect {
    /// A box from its upper left corner and size.
    #[must_use]
    pub fn sized(x: f32, y: f32, width: f32, height: f32) -> Self {
        Self { x1: x, y1: y, x2: x + width, y2: y + height }
    }

    /// Width, pixels.
    #[must_use]
    pub fn width(&self) -> f32 {
        self.x2 - self.x1
    }

    /// Height, pixels.
    #[must_use]
    pub fn height(&self) -> f32 {
        self.y2 - self.y1
    }

    /// Area, square pixels; never negative.
    #[must_use]
    pub fn area(&self) -> f32 {
        self.width().max(0.0) * self.height().max(0.0)
    }

    /// The middle.
    #[must_use]
    pub fn centre(&self) -> Point {
        Point { x: (self.x1 + self.x2) / 2.0, y: (self.y1 + self.y2) / 2.0 }
    }

    /// Whether `point` lies inside or on the edge.
    #[must_use]
    pub fn contains(&self, point: Point) -> bool {
        (self.x1..=self.x2).contains(&point.x) && (self.y1..=self.y2).contains(&point.y)
    }

    /// The part both boxes share; its area is zero when they share none.
    #[must_use]
    pub fn overlap(&self, other: &Self) -> Self {
        Self {
            x1: self.x1.max(other.x1),
            y1: self.y1.max(other.y1),
            x2: self.x2.min(other.x2),
            y2: self.y2.min(other.y2),
        }
    }

    /// Shared area over joint area, 0 to 1.
    #[must_use]
    pub fn iou(&self, other: &Self) -> f32 {
        let shared = self.overlap(other).area();
        let joint = self.area() + other.area() - shared;
        if joint > 0.0 { shared / joint } else { 0.0 }
    }
}

/// A face a detector found.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Face {
    /// The box around it.
    pub bbox: Rect,
    /// Eye on the image's left, eye on its right, nose tip, mouth corner on the left, mouth corner on the right.
    pub landmarks: [Point; 5],
    /// How sure the detector is, 0 to 1.
    pub score: f32,
}

impl Face {
    /// The same face in a picture whose pixels are `sx` by `sy` times as many.
    #[must_use]
    pub fn scaled(mut self, sx: f32, sy: f32) -> Self {
        let Rect { x1, y1, x2, y2 } = self.bbox;
        self.bbox = Rect { x1: x1 * sx, y1: y1 * sy, x2: x2 * sx, y2: y2 * sy };
        self.landmarks = self.landmarks.map(|p| Point { x: p.x * sx, y: p.y * sy });
        self
    }

    /// Whether every number in it is one, and the box has an area.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let Rect { x1, y1, x2, y2 } = self.bbox;
        let numbers = [x1, y1, x2, y2, self.score].into_iter().chain(self.landmarks.iter().flat_map(|p| [p.x, p.y]));
        numbers.into_iter().all(f32::is_finite) && self.bbox.area() > 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_overlap_as_drawn() {
        let unit = Rect::sized(0.0, 0.0, 10.0, 10.0);
        for (other, iou) in [
            (unit, 1.0),
            (Rect::sized(5.0, 0.0, 10.0, 10.0), 50.0 / 150.0),
            (Rect::sized(10.0, 0.0, 10.0, 10.0), 0.0),
            (Rect::sized(20.0, 20.0, 5.0, 5.0), 0.0),
            (Rect::sized(0.0, 0.0, 0.0, 0.0), 0.0),
        ] {
            assert!((unit.iou(&other) - iou).abs() < 1e-6, "{other:?}");
        }
    }
}
