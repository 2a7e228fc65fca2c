//! Words and pictures as pixels, as `layout` places them: the camera's picture and the frame around a face for every
//! picture anew, and over them what `words` and `card` draw once.

mod card;
mod words;

use std::sync::Arc;

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::RgbImage;

use super::canvas::{Canvas, Colour};
use super::layout::{Area, Layout};
use super::overlay::{Overlay, Sheet};
use super::view::View;
use super::viewfinder::Viewfinder;
use crate::vision::{Frame, Rect};

/// Behind everything.
const GROUND: Colour = [0x10, 0x18, 0x20];
/// Around a face.
const FACE: Colour = [0x4C, 0xC9, 0xF0];
/// Pictures that go with a view.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pictures<'p> {
    /// What the camera sees.
    pub camera: Option<&'p Frame>,
    /// Whether it is shown as a mirror would show it.
    pub mirror: bool,
    /// The person beside the tip, of [`portrait_size`].
    pub portrait: Option<&'p Arc<RgbImage>>,
}

/// Draws again and again for the same panel. What stays from picture to picture is drawn once.
#[derive(Debug)]
pub struct Painter {
    layout: Layout,
    picture: RgbImage,
    viewfinder: Option<Viewfinder>,
    overlay: Option<Kept>,
}

/// What lies over the camera's picture, and what it was drawn of.
#[derive(Debug)]
struct Kept {
    words: View,
    portrait: Option<Arc<RgbImage>>,
    overlay: Overlay,
}

impl Painter {
    /// For a panel of `width` x `height` pixels.
    #[must_use]
    pub fn new((width, height): (u32, u32)) -> Self {
        let layout = Layout::of(width, height);
        Self { layout, picture: RgbImage::new(width, height), viewfinder: None, overlay: None }
    }

    /// Draws `view`; the picture is good until the next one is painted.
    pub fn paint(&mut self, view: &View, pictures: Pictures<'_>) -> &RgbImage {
        if view.dark {
            self.overlay = None;
            self.picture.fill(0);
            return &self.picture;
        }
        self.frame(pictures.camera, pictures.mirror);
        if let (Some(face), Some(frame)) = (view.face, pictures.camera) {
            self.face(face, frame.pixels.dimensions(), pictures.mirror);
        }
        let words = View { face: None, ..view.clone() };
        let portrait = pictures.portrait.filter(|_| words.tip.as_ref().is_some_and(|tip| tip.pictured)).cloned();
        let drawn_of = |portrait: &Option<Arc<RgbImage>>| portrait.as_ref().map(Arc::as_ptr);
        let same = |kept: &Kept| kept.words == words && drawn_of(&kept.portrait) == drawn_of(&portrait);
        let kept = match self.overlay.take().filter(same) {
            Some(kept) => kept,
            None => {
                let overlay = self.overlay(&words, portrait.as_deref());
                overlay.lay_still(&mut self.picture);
                Kept { words, portrait, overlay }
            }
        };
        kept.overlay.lay_moving(&mut self.picture);
        self.overlay = Some(kept);
        &self.picture
    }

    /// The camera's picture in its place.
    fn frame(&mut self, frame: Option<&Frame>, mirror: bool) {
        let place = self.layout.camera;
        let size = frame.map_or((0, 0), |frame| frame.pixels.dimensions());
        if !self.viewfinder.as_ref().is_some_and(|viewfinder| viewfinder.suits(size, mirror)) {
            self.viewfinder = Viewfinder::new(size, place, mirror);
        }
        match (&mut self.viewfinder, frame) {
            (Some(viewfinder), Some(frame)) => viewfinder.paint(&frame.pixels, &mut self.picture),
            _ => Canvas(&mut self.picture).fill(place, 0.0, GROUND, 1.0),
        }
    }

    /// A frame around a face, as far as the camera's place reaches.
    #[expect(clippy::cast_precision_loss, reason = "sensor sizes")]
    fn face(&mut self, face: Rect, (width, height): (u32, u32), mirror: bool) {
        let (place, unit) = (self.layout.camera, self.layout.unit);
        let (w, h) = (width as f32, height as f32);
        let scale = (place.w / w).max(place.h / h);
        let left = if mirror { w - face.x2 } else { face.x1 };
        let on_panel = |at: f32, middle: f32, of: f32| middle + (at - of / 2.0) * scale;
        let (x, y) = (on_panel(left, place.mid_x(), w), on_panel(face.y1, place.mid_y(), h));
        let (x1, x2) = (x.max(place.x), (x + face.width() * scale).min(place.right()));
        let (y1, y2) = (y.max(place.y), (y + face.height() * scale).min(place.bottom()));
        if x1 < x2 && y1 < y2 {
            let thickness = (unit * 0.2).max(3.0);
            Canvas(&mut self.picture).outline(Area::new(x1, y1, x2 - x1, y2 - y1), unit * 0.6, thickness, FACE);
        }
    }

    /// All that lies over the camera's picture, and the ground beside it.
    #[expect(clippy::cast_precision_loss, reason = "panel sizes")]
    fn overlay(&self, view: &View, portrait: Option<&RgbImage>) -> Overlay {
        let (layout, size) = (&self.layout, self.picture.dimensions());
        let mut canvas = Canvas(Sheet::clear(size));
        let (edge, height) = (layout.camera.right(), size.1 as f32);
        canvas.fill(Area::new(edge, 0.0, size.0 as f32 - edge, height), 0.0, GROUND, 1.0);
        words::head(&mut canvas, view, layout);
        words::foot(&mut canvas, &view.foot, layout);
        if let Some(tip) = &view.tip {
            card::card(&mut canvas, tip, portrait, layout);
        }
        Overlay::new(&canvas.0, layout.camera)
    }
}

/// Draws `view` on a panel of `width` x `height` pixels.
#[must_use]
pub fn draw(view: &View, pictures: Pictures<'_>, size: (u32, u32)) -> RgbImage {
    Painter::new(size).paint(view, pictures).clone()
}

/// Size of the picture beside a tip, pixels.
#[must_use]
pub fn portrait_size((width, height): (u32, u32)) -> (u32, u32) {
    let (width, height) = card::portrait_sides(Layout::of(width, height).unit);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "part of a panel")]
    let pixels = |side: f32| side.max(1.0) as u32;
    (pixels(width), pixels(height))
}

/// The middle of `crop` (x, y, width, height inside the picture) that has the shape of `size`, scaled to it; `None`
/// when there is nothing to scale.
#[must_use]
pub fn cover(picture: &RgbImage, crop: Area, (width, height): (u32, u32)) -> Option<RgbImage> {
    if crop.w < 1.0 || crop.h < 1.0 || width == 0 || height == 0 {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "panel sizes")]
    let shape = width as f32 / height as f32;
    let (w, h) = if crop.w / crop.h > shape { (crop.h * shape, crop.h) } else { (crop.w, crop.w / shape) };
    let (x, y) = (crop.x + (crop.w - w) / 2.0, crop.y + (crop.h - h) / 2.0);
    let source = ImageRef::new(picture.width(), picture.height(), picture.as_raw(), PixelType::U8x3).ok()?;
    let mut scaled = Image::new(width, height, PixelType::U8x3);
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(FilterType::Bilinear))
        .crop(x.into(), y.into(), w.into(), h.into())
        .use_alpha(false);
    Resizer::new().resize(&source, &mut scaled, &options).ok()?;
    RgbImage::from_raw(width, height, scaled.into_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Mono;
    use crate::ui::Mood;
    use crate::ui::view::Tip;

    fn frame() -> Frame {
        // The left half is red, the right one blue.
        let half = |x, _| if x < 480 { image::Rgb([200, 20, 30]) } else { image::Rgb([10, 20, 200]) };
        Frame { pixels: Arc::new(RgbImage::from_fn(960, 1280, half)), at: Mono(0), number: 1 }
    }

    fn drawn(view: &View, mirror: bool, size: (u32, u32)) -> RgbImage {
        let frame = frame();
        draw(view, Pictures { camera: Some(&frame), mirror, portrait: None }, size)
    }

    #[test]
    fn the_face_box_lies_over_the_face() {
        let view = View { face: Some(Rect::sized(300.0, 400.0, 300.0, 400.0)), ..View::default() };
        // 960x1280 covers 720x1280 with scale 1 and 120 pixels cut on each side; 600 high it is 450 wide, whole.
        for (size, mirror, edge) in
            [((720, 1280), false, (180, 600)), ((720, 1280), true, (240, 600)), ((1024, 600), false, (141, 281))]
        {
            let picture = drawn(&view, mirror, size);
            assert_eq!(picture.get_pixel(edge.0, edge.1).0, FACE, "{size:?} {mirror}");
            let inside = picture.get_pixel(edge.0 + 20, edge.1).0;
            assert!(inside[0].max(inside[2]) == 200, "{inside:?}");
        }
    }

    #[test]
    fn a_mirror_swaps_left_and_right() {
        for (mirror, left) in [(false, [200, 20, 30]), (true, [10, 20, 200])] {
            assert_eq!(drawn(&View::default(), mirror, (720, 1280)).get_pixel(50, 700).0, left);
        }
    }

    #[test]
    fn a_dark_panel_is_black() {
        let view = View { dark: true, ..View::default() };
        assert!(drawn(&view, false, (720, 1280)).pixels().all(|pixel| pixel.0 == [0, 0, 0]));
    }

    #[test]
    fn the_worst_tip_stays_in_its_place() {
        let long = "Wilhelmina-Magdalena von und zu Hohenlohe-Schillingsfürst";
        let tip = Tip {
            mood: Mood::Bad,
            words: long.repeat(2),
            name: Some(long.into()),
            temperature: Some((long.into(), true)),
            cards: vec![long.into(), long.into()],
            pictured: true,
        };
        for size in [(720, 1280), (800, 1280), (1024, 600)] {
            let (w, h) = portrait_size(size);
            let portrait = Arc::new(RgbImage::from_pixel(w, h, image::Rgb([1, 2, 3])));
            for pictured in [false, true] {
                let view = View { tip: Some(Tip { pictured, ..tip.clone() }), ..View::default() };
                let pictures = Pictures { portrait: Some(&portrait), ..Pictures::default() };
                let (with, without) = (draw(&view, pictures, size), draw(&View::default(), pictures, size));
                let place = Layout::of(size.0, size.1).tip;
                for (x, y, pixel) in with.enumerate_pixels() {
                    let (px, py) = (x as f32 + 0.5, y as f32 + 0.5);
                    let inside = px > place.x && px < place.right() && py > place.y && py < place.bottom();
                    assert!(inside || pixel == without.get_pixel(x, y), "{size:?}: {x}, {y} is drawn on");
                }
                let portrayed = with.pixels().any(|pixel| pixel.0 == [1, 2, 3]);
                assert_eq!(portrayed, pictured);
            }
        }
    }

    #[test]
    fn pictures_are_cut_to_the_shape_they_are_shown_in() {
        let frame = frame();
        let whole = Area::new(0.0, 0.0, 960.0, 1280.0);
        let wide = cover(&frame.pixels, whole, (90, 30)).unwrap();
        assert_eq!((wide.get_pixel(5, 15).0, wide.get_pixel(85, 15).0), ([200, 20, 30], [10, 20, 200]));
        let right = cover(&frame.pixels, Area::new(600.0, 0.0, 300.0, 400.0), (30, 40)).unwrap();
        assert!(right.pixels().all(|pixel| pixel.0 == [10, 20, 200]));
        assert!(cover(&frame.pixels, Area::new(900.0, 1200.0, 200.0, 200.0), (30, 40)).is_none());
        assert!(cover(&frame.pixels, Area::default(), (30, 40)).is_none());
    }
}
