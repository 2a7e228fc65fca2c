//! The way of a registered photo: bytes → picture → faces → embedding.
//!
//! The photo comes from a platform, so its bytes are a stranger's: size is checked before memory is taken,
//! and a picture that is cut short is refused, not filled up with grey.

use std::io::Cursor;
use std::path::Path;
use std::sync::{Arc, Mutex};

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, RgbImage};

use super::align::{Aligner, Alignment};
use super::detect::Detector;
use super::embed::{Embedder, Embedding};
use super::geometry::{Face, Point};
use super::mesh::Mesh;
use super::model::Runtime;
use super::pack::Pack;
use crate::bail;
use crate::clock::{Clock, lock};
use crate::error::{Error, Fault, Result};

/// How large a picture may unfold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PictureLimits {
    /// Width times height.
    pub pixels: u64,
    /// Longer side, pixels.
    pub side: u32,
}

impl Default for PictureLimits {
    fn default() -> Self {
        Self { pixels: 40_000_000, side: 16_384 }
    }
}

/// Whether a file is a picture by its name.
#[must_use]
pub fn is_picture(path: &Path) -> bool {
    let suffix = path.extension().map(|suffix| suffix.to_string_lossy().to_lowercase());
    suffix.is_some_and(|suffix| ["jpg", "jpeg", "png", "bmp"].contains(&suffix.as_str()))
}

/// Reads a JPEG, PNG or BMP picture, upright as its EXIF orientation says.
///
/// # Errors
/// [`Fault::BadPicture`] when the bytes are none of these, cut short, damaged, or unfold to more than `limits`.
pub fn decode_picture(bytes: &[u8], limits: PictureLimits) -> Result<RgbImage> {
    let bad = |e: image::ImageError| Error::new(Fault::BadPicture, e.to_string());
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    let mut reader = reader.map_err(|e| Error::new(Fault::BadPicture, e.to_string()))?;
    match reader.format() {
        Some(ImageFormat::Jpeg) if !jpeg_is_whole(bytes) => bail!(BadPicture, "the JPEG file is cut short"),
        Some(ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::Bmp) => {}
        _ => bail!(BadPicture, "it is no JPEG, PNG or BMP file"),
    }
    let mut bounds = Limits::default();
    bounds.max_image_width = Some(limits.side);
    bounds.max_image_height = Some(limits.side);
    // Sixteen bits for each of four channels, and as much again for the decoder itself.
    bounds.max_alloc = Some(limits.pixels.saturating_mul(16));
    reader.limits(bounds);
    let mut decoder = reader.into_decoder().map_err(bad)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > limits.pixels || width.max(height) > limits.side {
        bail!(BadPicture, "{width}x{height} pixels are too many");
    }
    let orientation = decoder.orientation().map_err(bad)?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(bad)?;
    picture.apply_orientation(orientation);
    Ok(picture.into_rgb8())
}

/// Whether the data of a JPEG file goes on to its end marker. The decoder is content with less.
fn jpeg_is_whole(bytes: &[u8]) -> bool {
    let mut at = 2;
    while let Some(found) = bytes.get(at..).and_then(|rest| rest.windows(2).position(is_marker)) {
        at += found + 2;
        match bytes[at - 1] {
            0xD9 => return true,
            // Restart markers and the like stand alone; the others tell their length. A header may hold a
            // preview with an end marker of its own, so it is stepped over whole.
            0x01 | 0xD0..=0xD8 => {}
            _ => match bytes.get(at..at + 2) {
                Some(length) => at += usize::from(u16::from_be_bytes([length[0], length[1]])).max(2),
                None => return false,
            },
        }
    }
    false
}

fn is_marker(pair: &[u8]) -> bool {
    pair[0] == 0xFF && !matches!(pair[1], 0x00 | 0xFF)
}

/// A photo that can be enrolled.
#[derive(Clone, Debug)]
pub struct Portrait {
    /// Of the largest face.
    pub embedding: Embedding,
    /// The largest face, in pixels of the photo.
    pub face: Face,
}

/// Finds and measures faces in photos; shared between the threads that enrol.
#[derive(Debug)]
pub struct Portraitist {
    networks: Mutex<Networks>,
}

#[derive(Debug)]
struct Networks {
    detector: Detector,
    mesh: Option<Mesh>,
    template: Vec<Point>,
    aligner: Aligner,
    embedder: Embedder,
}

/// Narrower faces cannot be enrolled, pixels of the photo.
pub const MIN_PORTRAIT_WIDTH: f32 = 50.0;

impl Portraitist {
    /// Loads the networks of `pack` from the folder `weights`.
    ///
    /// # Errors
    /// When a file is missing, another one, or not of the described shape.
    pub fn open(pack: &Pack, weights: &Path, runtime: &Runtime, clock: Arc<dyn Clock>) -> Result<Self> {
        let mesh = |spec| Mesh::open(spec, weights, runtime, clock.clone());
        let networks = Networks {
            detector: Detector::open(&pack.enrol_detector, weights, runtime, clock.clone())?,
            mesh: pack.landmarks.as_ref().map(mesh).transpose()?,
            template: pack.embedding.template.clone(),
            aligner: Aligner::new(pack.embedding.model.width),
            embedder: Embedder::open(&pack.embedding, pack.comparison.metric, weights, runtime, clock.clone())?,
        };
        Ok(Self { networks: Mutex::new(networks) })
    }

    /// The faces in a photo, the largest first.
    ///
    /// # Errors
    /// [`Fault::BadPicture`] when the photo is empty, [`Fault::Unavailable`] when an engine fails.
    pub fn faces(&self, photo: &RgbImage) -> Result<Vec<Face>> {
        lock(&self.networks).faces(photo, usize::MAX)
    }

    /// The largest face of a photo, measured for the gallery.
    ///
    /// # Errors
    /// [`Fault::NoFace`] when the photo shows none or only too small ones, else as [`Self::faces`].
    pub fn enrol(&self, photo: &RgbImage) -> Result<Portrait> {
        let networks = &mut *lock(&self.networks);
        let faces = networks.faces(photo, 1)?;
        let Some(&face) = faces.first() else { bail!(NoFace) };
        if face.bbox.width() < MIN_PORTRAIT_WIDTH {
            let width = face.bbox.width();
            bail!(NoFace, "the face is {width:.0} pixels wide, at least {MIN_PORTRAIT_WIDTH} are needed");
        }
        let Some(alignment) = Alignment::from_landmarks(&face.landmarks, &networks.template) else { bail!(NoFace) };
        let crop = networks.aligner.warp(photo, &alignment);
        match networks.embedder.embed_photo(crop)? {
            Some(embedding) => Ok(Portrait { embedding, face }),
            None => bail!(NoFace, "what looked like a face is none"),
        }
    }
}

impl Networks {
    /// Where the pack has a mesh, it confirms `wanted` of them.
    fn faces(&mut self, photo: &RgbImage, wanted: usize) -> Result<Vec<Face>> {
        let mut faces = self.detector.detect(photo)?.to_vec();
        if let Some(mesh) = &mut self.mesh {
            mesh.confirm(photo, &mut faces, wanted)?;
        }
        Ok(faces)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(picture: &RgbImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    fn sample() -> RgbImage {
        RgbImage::from_fn(160, 120, |x, y| image::Rgb([(x * y) as u8, (x * 7) as u8, (y * 5) as u8]))
    }

    fn fault(bytes: &[u8]) -> Option<Fault> {
        decode_picture(bytes, PictureLimits::default()).err().map(|e| e.fault)
    }

    #[test]
    fn three_formats_are_read() {
        for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Bmp] {
            let picture = decode_picture(&encode(&sample(), format), PictureLimits::default()).unwrap();
            assert_eq!(picture.dimensions(), (160, 120), "{format:?}");
        }
    }

    #[test]
    fn pictures_cut_short_anywhere_are_refused() {
        for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Bmp] {
            let whole = encode(&sample(), format);
            for length in (0..whole.len() - 16).step_by(41).chain([whole.len() - 16]) {
                assert_eq!(fault(&whole[..length]), Some(Fault::BadPicture), "{format:?} cut to {length}");
            }
        }
        let jpeg = encode(&sample(), ImageFormat::Jpeg);
        assert_eq!(fault(&jpeg[..jpeg.len() - 1]), Some(Fault::BadPicture));
        let padded: Vec<u8> = jpeg.iter().copied().chain([0; 20]).collect();
        assert_eq!(fault(&padded), None, "some cameras pad their files");
    }

    #[test]
    fn a_preview_does_not_make_a_jpeg_whole() {
        let jpeg = encode(&sample(), ImageFormat::Jpeg);
        let header = [0xFF, 0xE1, 0x00, 0x08, 0xFF, 0xD8, 0xFF, 0xD9, 0x00, 0x00];
        let with_preview: Vec<u8> = jpeg[..2].iter().chain(&header).chain(&jpeg[2..]).copied().collect();
        assert_eq!(fault(&with_preview), None);
        assert_eq!(fault(&with_preview[..with_preview.len() - 200]), Some(Fault::BadPicture));
    }

    #[test]
    fn other_bytes_are_refused_without_a_panic() {
        for bytes in
            [&b""[..], b"hello", b"\xff\xd8", b"\xff\xd8\xff\xd9", b"GIF89a\x01\x00", b"BM", b"\x89PNG\r\n\x1a\n"]
        {
            assert_eq!(fault(bytes), Some(Fault::BadPicture), "{bytes:?}");
        }
        // Damage anywhere: any answer, but no panic.
        for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Bmp] {
            let whole = encode(&sample(), format);
            for place in (0..whole.len()).step_by(13) {
                for value in [0x00, 0x7F, 0xFF] {
                    let mut damaged = whole.clone();
                    damaged[place] = value;
                    let _ = decode_picture(&damaged, PictureLimits::default());
                }
            }
        }
    }

    #[test]
    fn pictures_that_unfold_too_far_are_refused_before_they_do() {
        let limits = PictureLimits { pixels: 10_000, side: 150 };
        for (width, height, fits) in [(100, 100, true), (101, 100, false), (151, 10, false), (10, 151, false)] {
            for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Bmp] {
                let bytes = encode(&RgbImage::new(width, height), format);
                assert_eq!(decode_picture(&bytes, limits).is_ok(), fits, "{width}x{height} {format:?}");
            }
        }
        // A header that promises 60000x60000 pixels, of which nothing follows.
        let mut bomb = encode(&RgbImage::new(8, 8), ImageFormat::Bmp);
        bomb[18..22].copy_from_slice(&60_000_u32.to_le_bytes());
        bomb[22..26].copy_from_slice(&60_000_u32.to_le_bytes());
        assert_eq!(fault(&bomb), Some(Fault::BadPicture));
    }

    #[test]
    fn the_orientation_of_the_camera_is_honoured() {
        let jpeg = encode(&sample(), ImageFormat::Jpeg);
        // EXIF with one entry: orientation 6, to be turned clockwise.
        let exif = b"\xff\xe1\x00\x22Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
        let turned: Vec<u8> = jpeg[..2].iter().chain(exif).chain(&jpeg[2..]).copied().collect();
        assert_eq!(decode_picture(&turned, PictureLimits::default()).unwrap().dimensions(), (120, 160));
    }
}
