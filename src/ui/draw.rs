//! The screen as pixels, through `embedded-graphics`: camera picture, face box, tip.

use std::convert::Infallible;
use std::io::Cursor;

use embedded_graphics::Drawable;
use embedded_graphics::draw_target::DrawTarget;
use embedded_graphics::geometry::{OriginDimensions, Point, Size};
use embedded_graphics::pixelcolor::{Rgb888, RgbColor};
use embedded_graphics::prelude::{Pixel, Primitive};
use embedded_graphics::primitives::{PrimitiveStyle, Rectangle};
use embedded_graphics::text::{Alignment, Baseline, Text, TextStyleBuilder};
use image::imageops::{FilterType, resize};
use image::{ImageFormat, RgbImage};
use u8g2_fonts::{U8g2TextStyle, fonts};

use super::{Mood, Scene};
use crate::error::{Error, Fault, Result};
use crate::vision::{Frame, Rect};

/// Glyphs are 16 pixels high; they are drawn this many times larger.
const TEXT_SCALE: u32 = 4;

/// Draws `scene` over the camera's picture on a panel of `width` x `height` pixels.
#[must_use]
pub fn draw(scene: &Scene, frame: Option<&Frame>, (width, height): (u32, u32)) -> RgbImage {
    let mut canvas = Canvas(RgbImage::new(width, height));
    if let Some(frame) = frame {
        let placed = cover(frame, &mut canvas.0);
        if let Some(face) = scene.face {
            canvas.face(face, placed);
        }
    }
    if let Some(tip) = &scene.tip {
        let lines: Vec<&str> = [tip.text.as_str(), tip.name.as_str()].into_iter().filter(|l| !l.is_empty()).collect();
        canvas.banner(&lines, colour(tip.mood));
    }
    canvas.0
}

/// The same as a PNG file.
///
/// # Errors
/// [`Fault::Unavailable`] when it cannot be encoded.
pub fn png(scene: &Scene, frame: Option<&Frame>, size: (u32, u32)) -> Result<Vec<u8>> {
    let mut png = Vec::new();
    draw(scene, frame, size)
        .write_to(&mut Cursor::new(&mut png), ImageFormat::Png)
        .map_err(|e| Error::new(Fault::Unavailable, "the screen cannot be encoded").because(e))?;
    Ok(png)
}

fn colour(mood: Mood) -> Rgb888 {
    match mood {
        Mood::Good => Rgb888::new(0x1B, 0x8A, 0x3A),
        Mood::Bad => Rgb888::new(0xB7, 0x1C, 0x1C),
        Mood::Unsure => Rgb888::new(0xB2, 0x6A, 0x00),
    }
}

/// Fills the panel with the picture, cutting what stands over; returns scale and offset.
fn cover(frame: &Frame, panel: &mut RgbImage) -> (f32, i64, i64) {
    #[expect(clippy::cast_precision_loss, reason = "panel and sensor sizes")]
    let float = |n: u32| n as f32;
    let ((w, h), (pw, ph)) = (frame.pixels.dimensions(), panel.dimensions());
    let scale = (float(pw) / float(w)).max(float(ph) / float(h));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "about the panel's size")]
    let size = |n: u32| ((float(n) * scale).round() as u32).max(1);
    let scaled = resize(&*frame.pixels, size(w), size(h), FilterType::Triangle);
    let offset = |panel: u32, picture: u32| (i64::from(panel) - i64::from(picture)) / 2;
    let (x, y) = (offset(pw, scaled.width()), offset(ph, scaled.height()));
    image::imageops::replace(panel, &scaled, x, y);
    (scale, x, y)
}

struct Canvas(RgbImage);

impl Canvas {
    fn face(&mut self, face: Rect, (scale, x, y): (f32, i64, i64)) {
        #[expect(clippy::cast_possible_truncation, reason = "about the panel's size")]
        let place = |value: f32, offset: i64| (value * scale) as i32 + offset as i32;
        let corners =
            (Point::new(place(face.x1, x), place(face.y1, y)), Point::new(place(face.x2, x), place(face.y2, y)));
        let style = PrimitiveStyle::with_stroke(Rgb888::new(0x4C, 0xC9, 0xF0), 4);
        let Ok(()) = Rectangle::with_corners(corners.0, corners.1).into_styled(style).draw(self);
    }

    fn banner(&mut self, lines: &[&str], colour: Rgb888) {
        let (width, height) = self.0.dimensions();
        let line = 24 * TEXT_SCALE;
        let band = line * u32::try_from(lines.len()).unwrap_or(1) + line / 2;
        #[expect(clippy::cast_possible_wrap, reason = "panel sizes")]
        let top = height.saturating_sub(band + height / 8) as i32;
        let Ok(()) = Rectangle::new(Point::new(0, top), Size::new(width, band))
            .into_styled(PrimitiveStyle::with_fill(colour))
            .draw(self);
        let mut large = Enlarged { canvas: self, scale: TEXT_SCALE };
        for (number, text) in (0_i32..).zip(lines) {
            #[expect(clippy::cast_possible_wrap, reason = "panel sizes")]
            let (scale, line) = (TEXT_SCALE as i32, line as i32);
            #[expect(clippy::cast_possible_wrap, reason = "panel sizes")]
            let at = Point::new(width as i32 / 2 / scale, (top + line / 4 + line / 2 + number * line) / scale);
            let layout = TextStyleBuilder::new().alignment(Alignment::Center).baseline(Baseline::Middle).build();
            let drawn = if text
                .chars()
                .any(|c| ('\u{1100}'..='\u{11FF}').contains(&c) || ('\u{AC00}'..='\u{D7AF}').contains(&c))
            {
                let style = U8g2TextStyle::new(fonts::u8g2_font_unifont_t_korean2, Rgb888::WHITE);
                Text::with_text_style(text, at, style, layout).draw(&mut large).map(|_| ())
            } else if text.chars().all(|c| c < '\u{0250}') {
                let style = U8g2TextStyle::new(fonts::u8g2_font_unifont_te, Rgb888::WHITE);
                Text::with_text_style(text, at, style, layout).draw(&mut large).map(|_| ())
            } else {
                let style = U8g2TextStyle::new(fonts::u8g2_font_wqy16_t_gb2312, Rgb888::WHITE);
                Text::with_text_style(text, at, style, layout).draw(&mut large).map(|_| ())
            };
            let Ok(()) = drawn;
        }
    }
}

impl OriginDimensions for Canvas {
    fn size(&self) -> Size {
        Size::new(self.0.width(), self.0.height())
    }
}

impl DrawTarget for Canvas {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<Rgb888>>>(&mut self, pixels: I) -> Result<(), Infallible> {
        for Pixel(at, colour) in pixels {
            let (Ok(x), Ok(y)) = (u32::try_from(at.x), u32::try_from(at.y)) else { continue };
            if let Some(pixel) = self.0.get_pixel_mut_checked(x, y) {
                *pixel = image::Rgb([colour.r(), colour.g(), colour.b()]);
            }
        }
        Ok(())
    }
}

/// Draws every pixel as a square: bitmap glyphs in a readable size.
struct Enlarged<'c> {
    canvas: &'c mut Canvas,
    scale: u32,
}

impl OriginDimensions for Enlarged<'_> {
    fn size(&self) -> Size {
        self.canvas.size() / self.scale
    }
}

impl DrawTarget for Enlarged<'_> {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<Rgb888>>>(&mut self, pixels: I) -> Result<(), Infallible> {
        #[expect(clippy::cast_possible_wrap, reason = "a small constant")]
        let factor = self.scale as i32;
        for Pixel(at, colour) in pixels {
            self.canvas.fill_solid(&Rectangle::new(at * factor, Size::new_equal(self.scale)), colour)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::Mono;
    use crate::ui::{Tip, texts};

    fn frame() -> Frame {
        Frame { pixels: Arc::new(RgbImage::from_pixel(960, 1280, image::Rgb([10, 20, 30]))), at: Mono(0), number: 1 }
    }

    #[test]
    fn every_language_draws_its_tips() {
        for language in 0..10 {
            let tips = texts::tips(language);
            for text in [tips.pass, tips.refused, tips.stranger, tips.not_alive] {
                let tip = Tip { text: text.into(), name: String::new(), mood: Mood::Good, until: Mono(1) };
                let picture = draw(&Scene { face: None, tip: Some(tip) }, None, (720, 1280));
                let lit = picture.pixels().filter(|p| p.0 == [255, 255, 255]).count();
                let glyphs = text.chars().filter(|c| !c.is_whitespace()).count();
                assert!(lit > glyphs * 100, "language {language}: {text} lit {lit} pixels");
            }
        }
    }

    #[test]
    fn the_face_box_lies_over_the_face() {
        let scene = Scene { face: Some(Rect::sized(300.0, 400.0, 300.0, 400.0)), tip: None };
        let picture = draw(&scene, Some(&frame()), (720, 1280));
        // 960x1280 covers 720x1280 with scale 1 and 120 pixels cut on each side.
        assert_eq!(picture.get_pixel(180, 600).0, [0x4C, 0xC9, 0xF0]);
        assert_eq!(picture.get_pixel(250, 600).0, [10, 20, 30]);
    }
}
