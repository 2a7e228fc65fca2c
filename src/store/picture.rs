//! Pictures taken at the door, as they are kept: cropped, not larger than needed, JPEG.

use std::sync::Arc;

use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;
use image::imageops;

/// The longer side of a kept picture, pixels.
const LONGEST: u32 = 480;
/// JPEG quality, 1 to 100.
const QUALITY: u8 = 85;

/// A picture to be kept with a record: pixels are encoded by the writer, off the door's path.
#[derive(Clone, Debug)]
pub struct Picture {
    /// The camera frame.
    pub frame: Arc<RgbImage>,
    /// Part of it that is kept: x, y, width, height, inside the frame.
    pub crop: (u32, u32, u32, u32),
}

impl Picture {
    /// The file that is kept; `None` when no pixel lies inside the crop.
    pub(super) fn encode(&self) -> Option<Vec<u8>> {
        let (x, y, width, height) = self.crop;
        let (x, y) = (x.min(self.frame.width()), y.min(self.frame.height()));
        let (width, height) = (width.min(self.frame.width() - x), height.min(self.frame.height() - y));
        if width == 0 || height == 0 {
            return None;
        }
        let crop = imageops::crop_imm(&*self.frame, x, y, width, height);
        let longer = width.max(height);
        let kept = if longer > LONGEST {
            let scaled = |side: u32| {
                u32::try_from(u64::from(side) * u64::from(LONGEST) / u64::from(longer)).map_or(1, |s| s.max(1))
            };
            imageops::thumbnail(&*crop, scaled(width), scaled(height))
        } else {
            crop.to_image()
        };
        let mut file = Vec::new();
        JpegEncoder::new_with_quality(&mut file, QUALITY)
            .encode_image(&kept)
            .inspect_err(|error| tracing::error!(%error, "picture cannot be encoded"))
            .ok()?;
        Some(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_cropped_and_never_larger_than_needed() {
        let frame = Arc::new(RgbImage::new(1280, 720));
        for (crop, expect) in [
            ((0, 0, 1280, 720), Some((480, 270))),
            ((100, 100, 300, 400), Some((300, 400))),
            ((1000, 0, 600, 720), Some((186, 480))),
            ((0, 0, 1280, 1), Some((480, 1))),
            ((1280, 0, 10, 10), None),
            ((0, 0, 0, 0), None),
        ] {
            let file = Picture { frame: frame.clone(), crop }.encode();
            let size = file.map(|file| image::load_from_memory(&file).unwrap()).map(|i| (i.width(), i.height()));
            assert_eq!(size, expect, "{crop:?}");
        }
    }
}
