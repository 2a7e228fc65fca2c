//! How an upright picture lies in the memory of a panel that hangs turned: where its pixels and parts come to be.

use image::RgbImage;

use super::canvas::{Colour, Ground};
use super::layout::Area;
use crate::hal::Rotation;

/// From upright to lying, for pictures of one size.
#[derive(Clone, Copy, Debug)]
pub struct Turn {
    rotation: Rotation,
    /// Upright.
    size: (u32, u32),
}

impl Turn {
    /// Clockwise by `rotation`, of upright pictures of `size` pixels.
    #[must_use]
    pub const fn new(rotation: Rotation, size: (u32, u32)) -> Self {
        Self { rotation, size }
    }

    /// Whether rows lie as columns.
    #[must_use]
    pub const fn is_sideways(&self) -> bool {
        self.rotation.is_sideways()
    }

    /// Whether columns lie in the other order, from the right one to the left one; and rows, from the lowest up.
    #[must_use]
    pub const fn reverses(&self) -> (bool, bool) {
        let degrees = self.rotation.degrees();
        (degrees == 180 || degrees == 270, degrees == 90 || degrees == 180)
    }

    /// Size of the lying picture.
    #[must_use]
    pub const fn lying(&self) -> (u32, u32) {
        let (width, height) = self.size;
        if self.is_sideways() { (height, width) } else { (width, height) }
    }

    /// Where a pixel of the upright picture lies.
    #[must_use]
    pub const fn pixel(&self, x: u32, y: u32) -> (u32, u32) {
        let (right, bottom) = (self.size.0.saturating_sub(1), self.size.1.saturating_sub(1));
        match self.rotation.degrees() {
            90 => (bottom.saturating_sub(y), x),
            180 => (right.saturating_sub(x), bottom.saturating_sub(y)),
            270 => (y, right.saturating_sub(x)),
            _ => (x, y),
        }
    }

    /// Where a part of it lies.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "panel sizes")]
    pub fn area(&self, area: Area) -> Area {
        let (left, top) = (self.size.0 as f32 - area.right(), self.size.1 as f32 - area.bottom());
        match self.rotation.degrees() {
            90 => Area::new(top, area.x, area.h, area.w),
            180 => Area::new(left, top, area.w, area.h),
            270 => Area::new(area.y, left, area.h, area.w),
            _ => area,
        }
    }
}

/// A lying picture that is drawn on as if it were upright.
#[derive(Debug)]
pub struct Lying<'p> {
    /// The picture as it lies.
    pub picture: &'p mut RgbImage,
    /// How it lies.
    pub turn: Turn,
}

impl Ground for Lying<'_> {
    fn size(&self) -> (u32, u32) {
        self.turn.size
    }

    fn mix(&mut self, x: u32, y: u32, colour: Colour, alpha: u8) {
        let (x, y) = self.turn.pixel(x, y);
        self.picture.mix(x, y, colour, alpha);
    }
}

#[cfg(test)]
mod tests {
    use image::imageops::{rotate90, rotate180, rotate270};
    use image::{Rgb, RgbImage};

    use super::*;

    #[test]
    fn pixels_and_parts_lie_where_turning_puts_them() {
        let upright = RgbImage::from_fn(5, 3, |x, y| Rgb([x as u8, y as u8, 0]));
        for (degrees, lying) in
            [(0, upright.clone()), (90, rotate90(&upright)), (180, rotate180(&upright)), (270, rotate270(&upright))]
        {
            let turn = Turn::new(Rotation::try_from(degrees).unwrap(), (5, 3));
            assert_eq!(turn.lying(), lying.dimensions());
            let mut drawn = RgbImage::new(lying.width(), lying.height());
            for (x, y, pixel) in upright.enumerate_pixels() {
                Lying { picture: &mut drawn, turn }.mix(x, y, pixel.0, 255);
                let (lx, ly) = turn.pixel(x, y);
                let area = turn.area(Area::new(x as f32, y as f32, 1.0, 1.0));
                assert_eq!((area.x, area.y, area.w, area.h), (lx as f32, ly as f32, 1.0, 1.0), "{degrees}: {x}, {y}");
            }
            assert_eq!(drawn, lying, "{degrees}");
            let wide = turn.area(Area::new(0.0, 1.0, 4.0, 2.0));
            assert_eq!((wide.w, wide.h), if turn.is_sideways() { (2.0, 4.0) } else { (4.0, 2.0) });
        }
    }
}
