//! Where things stand on a panel: everything follows from its size.

/// A part of the screen, pixels.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Area {
    /// Left edge.
    pub x: f32,
    /// Upper edge.
    pub y: f32,
    /// Width.
    pub w: f32,
    /// Height.
    pub h: f32,
}

impl Area {
    /// From its left upper corner and size.
    #[must_use]
    pub const fn new(x: f32, y: f32, w: f32, h: f32) -> Self {
        Self { x, y, w, h }
    }

    /// With its edges between pixels, not inside them.
    fn whole(self) -> Self {
        let (x, y) = (self.x.round(), self.y.round());
        Self::new(x, y, self.right().round() - x, self.bottom().round() - y)
    }

    /// Smaller by `by` on each side.
    #[must_use]
    pub fn inset(self, by: f32) -> Self {
        Self::new(self.x + by, self.y + by, (self.w - 2.0 * by).max(0.0), (self.h - 2.0 * by).max(0.0))
    }

    /// Right edge.
    #[must_use]
    pub fn right(self) -> f32 {
        self.x + self.w
    }

    /// Lower edge.
    #[must_use]
    pub fn bottom(self) -> f32 {
        self.y + self.h
    }

    /// Middle from left to right.
    #[must_use]
    pub fn mid_x(self) -> f32 {
        self.x + self.w / 2.0
    }

    /// Middle from top to bottom.
    #[must_use]
    pub fn mid_y(self) -> f32 {
        self.y + self.h / 2.0
    }
}

/// The parts of a panel. An upright one shows the camera everywhere and the rest over it; a lying one has the
/// camera at the left and the rest beside it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Layout {
    /// What all other sizes are multiples of, pixels.
    pub unit: f32,
    /// Whether head and foot lie over the camera's picture.
    pub over: bool,
    /// The camera's picture.
    pub camera: Area,
    /// Title, date and time.
    pub head: Area,
    /// As much as a tip may take.
    pub tip: Area,
    /// Address, number, version.
    pub foot: Area,
    /// Keys, and the digits that were entered: in place of a tip.
    pub keypad: Area,
    /// Width of the panel, pixels.
    pub width: f32,
    /// Height of the panel, pixels.
    pub height: f32,
}

impl Layout {
    /// For a panel of `width` x `height` pixels.
    #[must_use]
    pub fn of(width: u32, height: u32) -> Self {
        let layout = Self::exact(width, height);
        let (camera, head) = (layout.camera.whole(), layout.head.whole());
        let (tip, foot, keypad) = (layout.tip.whole(), layout.foot.whole(), layout.keypad.whole());
        Self { camera, head, tip, foot, keypad, ..layout }
    }

    #[expect(clippy::cast_precision_loss, reason = "panel sizes")]
    fn exact(width: u32, height: u32) -> Self {
        let (w, h) = (width as f32, height as f32);
        let unit = w.min(h) / 36.0;
        if width <= height {
            let (head, foot, most) = (5.2 * unit, 2.6 * unit, 18.0 * unit);
            let keypad = (30.0 * unit).min(h - head - foot - 2.0 * unit);
            return Self {
                unit,
                over: true,
                camera: Area::new(0.0, 0.0, w, h),
                head: Area::new(0.0, 0.0, w, head),
                tip: Area::new(unit, h - foot - unit - most, w - 2.0 * unit, most),
                foot: Area::new(0.0, h - foot, w, foot),
                keypad: Area::new(unit, h - foot - unit - keypad, w - 2.0 * unit, keypad),
                width: w,
                height: h,
            };
        }
        // The sensor's own 3:4, so that nothing is cut off.
        let camera = (h * 0.75).min(w / 2.0).round();
        let (left, beside) = (camera, w - camera);
        let (head, foot) = (12.0 * unit, 3.0 * unit);
        Self {
            unit,
            over: false,
            camera: Area::new(0.0, 0.0, camera, h),
            head: Area::new(left, 0.0, beside, head),
            tip: Area::new(left + unit, head + unit, beside - 2.0 * unit, h - head - foot - 2.0 * unit),
            foot: Area::new(left, h - foot, beside, foot),
            keypad: Area::new(left + unit, head, beside - 2.0 * unit, h - head - foot),
            width: w,
            height: h,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_lie_on_the_panel_and_not_on_each_other() {
        for (width, height) in [(720, 1280), (800, 1280), (1024, 600), (480, 800), (1280, 800)] {
            let layout = Layout::of(width, height);
            let (w, h) = (width as f32, height as f32);
            for area in [layout.camera, layout.head, layout.tip, layout.foot, layout.keypad] {
                assert!(area.x >= 0.0 && area.y >= 0.0 && area.w > 0.0 && area.h > 0.0, "{width}x{height} {area:?}");
                assert!(area.right() <= w + 0.01 && area.bottom() <= h + 0.01, "{width}x{height} {area:?}");
            }
            assert!(layout.head.bottom() <= layout.tip.y && layout.tip.bottom() <= layout.foot.y);
            assert!(layout.head.bottom() <= layout.keypad.y && layout.keypad.bottom() <= layout.foot.y);
            assert!(layout.over || layout.camera.right() <= layout.head.x);
        }
    }
}
