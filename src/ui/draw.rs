//! Words and pictures as pixels, as `layout` places them: the camera's picture and the frame around a face for every
//! picture anew, and over them what `words` and `card` draw once.

mod card;
mod keys;
mod pages;
mod words;

use std::sync::Arc;

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::RgbImage;

use super::canvas::{Canvas, Colour};
use super::layout::{Area, Layout};
use super::lettering::Fonts;
use super::overlay::{Overlay, Sheet};
use super::turn::{Lying, Turn};
use super::view::View;
use super::viewfinder::{Covered, Viewfinder};
use crate::hal::Rotation;
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
///
/// The picture is drawn as it lies on the panel: turning a finished one would take as long as all the rest.
#[derive(Debug)]
pub struct Painter {
    size: (u32, u32),
    layout: Layout,
    fonts: Arc<Fonts>,
    turn: Turn,
    /// As it lies.
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
    /// For a panel of `size` pixels (upright), on which pictures lie turned clockwise by `rotation`.
    #[must_use]
    pub fn new(size: (u32, u32), rotation: Rotation, fonts: Arc<Fonts>) -> Self {
        let (layout, turn) = (Layout::of(size.0, size.1), Turn::new(rotation, size));
        let (width, height) = turn.lying();
        let picture = RgbImage::new(width, height);
        Self { size, layout, fonts, turn, picture, viewfinder: None, overlay: None }
    }

    /// Draws `view`, as it lies on the panel; the picture is good until the next one is painted.
    pub fn paint(&mut self, view: &View, pictures: Pictures<'_>) -> &RgbImage {
        if view.dark {
            return self.blank();
        }
        let words = View { face: None, ..view.clone() };
        let portrait = pictures.portrait.filter(|_| words.tip.as_ref().is_some_and(|tip| tip.pictured)).cloned();
        let drawn_of = |portrait: &Option<Arc<RgbImage>>| portrait.as_ref().map(Arc::as_ptr);
        let same = |kept: &Kept| kept.words == words && drawn_of(&kept.portrait) == drawn_of(&portrait);
        let (kept, fresh) = match self.overlay.take().filter(same) {
            Some(kept) => (kept, false),
            None => {
                let overlay = self.overlay(&words, portrait.as_deref());
                (Kept { words, portrait, overlay }, true)
            }
        };
        if view.shows_camera() {
            self.frame(pictures.camera, pictures.mirror, kept.overlay.covered());
        }
        if let (Some(face), Some(frame)) = (view.face, pictures.camera) {
            self.face(face, frame.pixels.dimensions(), pictures.mirror);
        }
        if fresh {
            kept.overlay.lay_still(&mut self.picture);
        }
        kept.overlay.lay_moving(&mut self.picture);
        self.overlay = Some(kept);
        &self.picture
    }

    /// Draws nothing: a black picture.
    pub fn blank(&mut self) -> &RgbImage {
        self.overlay = None;
        self.picture.fill(0);
        &self.picture
    }

    /// The picture as if it stood upright, to be drawn on.
    const fn upright(&mut self) -> Canvas<Lying<'_>> {
        Canvas(Lying { picture: &mut self.picture, turn: self.turn })
    }

    /// The camera's picture in its place.
    fn frame(&mut self, frame: Option<&Frame>, mirror: bool, covered: &Covered) {
        let place = self.layout.camera;
        let size = frame.map_or((0, 0), |frame| frame.pixels.dimensions());
        if !self.viewfinder.as_ref().is_some_and(|viewfinder| viewfinder.suits(size, mirror)) {
            self.viewfinder = Viewfinder::new(size, place, mirror, self.turn);
        }
        match (&mut self.viewfinder, frame) {
            (Some(viewfinder), Some(frame)) => viewfinder.paint(&frame.pixels, &mut self.picture, covered),
            _ => self.upright().fill(place, 0.0, GROUND, 1.0),
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
            self.upright().outline(Area::new(x1, y1, x2 - x1, y2 - y1), unit * 0.6, thickness, FACE);
        }
    }

    /// All that lies over the camera's picture, and the ground beside it.
    fn overlay(&self, view: &View, portrait: Option<&RgbImage>) -> Overlay {
        let layout = &self.layout;
        let mut canvas = Canvas(Sheet::clear(self.size));
        let edge = if view.shows_camera() { layout.camera.right() } else { 0.0 };
        canvas.fill(Area::new(edge, 0.0, layout.width - edge, layout.height), 0.0, GROUND, 1.0);
        if let Some(progress) = &view.progress {
            pages::progress(&mut canvas, &self.fonts, progress, layout);
        } else if let Some(start) = &view.start {
            pages::start(&mut canvas, &self.fonts, start, layout);
        }
        words::head(&mut canvas, &self.fonts, view, layout);
        words::foot(&mut canvas, &self.fonts, &view.foot, layout);
        if let Some(tip) = &view.tip {
            card::card(&mut canvas, &self.fonts, tip, portrait, layout);
        }
        if let Some(pad) = &view.keypad {
            keys::keypad(&mut canvas, &self.fonts, pad, layout);
        }
        Overlay::new(&canvas.0, layout.camera, self.turn)
    }
}

/// Draws `view` once, upright, on a panel of a size, in pixels, with built-in letters.
#[must_use]
pub fn draw(view: &View, pictures: Pictures<'_>, size: (u32, u32)) -> RgbImage {
    Painter::new(size, Rotation::NONE, Arc::default()).paint(view, pictures).clone()
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
    use image::imageops::{rotate90, rotate180, rotate270};

    use super::*;
    use crate::clock::Mono;
    use crate::ui::Mood;
    use crate::ui::view::{Keypad, Progress, Tip};

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
    fn what_was_painted_before_leaves_nothing_behind() {
        let tip = Tip {
            mood: Mood::Good,
            words: "Please pass".into(),
            name: None,
            temperature: None,
            cards: Vec::new(),
            pictured: true,
        };
        let head = View { time: Some("08:05".into()), foot: vec!["v1".into()], ..View::default() };
        let told = View { tip: Some(tip), face: Some(Rect::sized(300.0, 400.0, 300.0, 400.0)), ..head.clone() };
        let pad = |digits| View { keypad: Some(Keypad { words: "Enter".into(), digits }), ..head.clone() };
        let bar = Progress { words: "Installing".into(), percent: 30, note: String::new() };
        let views = [
            head.clone(),
            told.clone(),
            pad(3),
            pad(2),
            View { progress: Some(bar), ..View::default() },
            told,
            View { dark: true, ..View::default() },
            View::default(),
            head.clone(),
        ];
        let (frame, small) = (frame(), Frame { pixels: Arc::new(RgbImage::new(48, 64)), ..frame() });
        for size in [(180, 320), (256, 150)] {
            let (w, h) = portrait_size(size);
            let portraits = [[1, 2, 3], [200, 0, 0]].map(|c| Arc::new(RgbImage::from_pixel(w, h, image::Rgb(c))));
            type Turning = fn(&RgbImage) -> RgbImage;
            for (degrees, turning) in
                [(0, RgbImage::clone as Turning), (90, rotate90), (180, rotate180), (270, rotate270)]
            {
                let mut painter = Painter::new(size, Rotation::try_from(degrees).unwrap(), Arc::default());
                for view in &views {
                    for (number, camera) in [Some(&frame), Some(&small), None, Some(&frame)].into_iter().enumerate() {
                        let (mirror, portrait) = (number == 3, Some(&portraits[number % 2]));
                        let pictures = Pictures { camera, mirror, portrait };
                        let same = *painter.paint(view, pictures) == turning(&draw(view, pictures, size));
                        assert!(same, "{size:?} turned by {degrees}, frame {number} of {view:?}");
                    }
                }
            }
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
