//! QR codes in the camera's picture.

use image::RgbImage;

use super::frame::Frame;

/// Every so many pixels are looked at in each direction: a code that can be held before a terminal is large.
const STEP: usize = 2;

/// The text of a QR code the frame shows; `None` where there is none, or none that can be read.
#[must_use]
pub fn read(frame: &Frame) -> Option<String> {
    let pixels: &RgbImage = &frame.pixels;
    let (width, height) = (pixels.width() as usize / STEP, pixels.height() as usize / STEP);
    let raw = pixels.as_raw();
    let line = pixels.width() as usize * 3;
    let mut picture = rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| {
        let at = y * STEP * line + x * STEP * 3;
        // The green channel stands for the brightness: codes are black on white.
        raw.get(at + 1).copied().unwrap_or(0)
    });
    picture.detect_grids().into_iter().find_map(|grid| match grid.decode() {
        Ok((_, text)) if !text.is_empty() => Some(text),
        Ok(_) => None,
        Err(error) => {
            tracing::trace!(%error, "a QR code cannot be read");
            None
        }
    })
}
