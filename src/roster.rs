//! Who is known, by record and by face: keeps the store's people and the gallery's embeddings in step.
//!
//! Whatever changes a person goes through here, so that nobody is found by face who is on no list. A photo
//! is decoded, measured and checked before anything is written; one photo is worked on at a time, because
//! an unfolded picture is the largest thing the terminal ever holds in memory.

// Places in pictures are small numbers.
#![allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]

use std::collections::HashSet;
use std::fmt;
use std::io::Cursor;
use std::sync::{Arc, Mutex};

use image::codecs::jpeg::JpegEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, RgbImage};

use crate::access::{LibId, Person};
use crate::bail;
use crate::clock::lock;
use crate::error::{Error, Fault, Result};
use crate::store::{Registered, Store};
use crate::vision::{
    Comparison, Embedding, Face, Gallery, Metric, PictureLimits, Portrait, Portraitist, Rect, Similarity,
    decode_picture,
};

/// A photo is kept at most this wide and high.
const PHOTO_SIZE: (u32, u32) = (480, 640);
/// A photo is made smaller as a whole if its face is then at least this wide; otherwise the part around the
/// face is cut out first, so that another model pack can be computed from what is kept.
const KEPT_FACE: f32 = 120.0;
/// JPEG quality of photos that had to be made smaller.
const PHOTO_QUALITY: u8 = 90;
/// How far a photo may unfold: 48 MB of pixels, which a board of 256 MB can spare once.
const PHOTO_LIMITS: PictureLimits = PictureLimits { pixels: 16_000_000, side: 8192 };

/// What finds and measures the faces of photos.
pub trait Eyes: Send + Sync {
    /// The faces of a picture, the largest first.
    ///
    /// # Errors
    /// As [`Portraitist::faces`].
    fn faces(&self, photo: &RgbImage) -> Result<Vec<Face>>;

    /// The largest face, measured for the gallery.
    ///
    /// # Errors
    /// As [`Portraitist::enrol`].
    fn portrait(&self, photo: &RgbImage) -> Result<Portrait>;
}

impl Eyes for Portraitist {
    fn faces(&self, photo: &RgbImage) -> Result<Vec<Face>> {
        Self::faces(self, photo)
    }
    fn portrait(&self, photo: &RgbImage) -> Result<Portrait> {
        self.enrol(photo)
    }
}

/// The model pack a roster works with.
pub struct Models {
    /// What measures photos.
    pub eyes: Box<dyn Eyes>,
    /// The pack's id, for people.
    pub pack: String,
    /// Kept with every embedding: what is measured with another mark cannot be compared.
    pub mark: String,
    /// How the pack compares, and what it means.
    pub comparison: Comparison,
}

/// People and their faces.
pub struct Roster {
    store: Arc<Store>,
    gallery: Arc<Gallery>,
    models: Option<Models>,
    /// Held by whoever changes people: check, store and gallery are one step for others.
    turn: Mutex<()>,
    /// Held while a photo is unfolded.
    decoding: Mutex<()>,
    recomputed: Mutex<Recomputed>,
}

impl fmt::Debug for Roster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Roster").field("people", &self.store.count()).field("faces", &self.gallery.len()).finish()
    }
}

/// What filling the gallery found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Loaded {
    /// People on the lists.
    pub people: usize,
    /// Of them with an embedding of the current pack.
    pub faces: usize,
}

/// How far the embeddings of another pack are replaced, since the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Recomputed {
    /// People who had none of the current pack.
    pub people: usize,
    /// Of them with one now.
    pub done: usize,
    /// Of them whose photo gives none: they need a new one.
    pub failed: usize,
    /// Of them whose photo could not be read or measured, through no fault of its own: the next start tries again.
    pub postponed: usize,
}

impl Recomputed {
    /// How many are still to be measured now.
    #[must_use]
    pub const fn left(&self) -> usize {
        self.people - self.done - self.failed - self.postponed
    }
}

impl Roster {
    /// A roster over `store` and `gallery`; without `models` people can be changed but no photo taken in.
    #[must_use]
    pub fn new(store: Arc<Store>, gallery: Arc<Gallery>, models: Option<Models>) -> Self {
        Self {
            store,
            gallery,
            models,
            turn: Mutex::default(),
            decoding: Mutex::default(),
            recomputed: Mutex::default(),
        }
    }

    /// Fills the gallery from the store, with what the current pack has computed.
    ///
    /// # Errors
    /// [`Fault::StoreFailed`] when the embeddings cannot be read at all.
    pub fn load(&self) -> Result<Loaded> {
        let _turn = lock(&self.turn);
        let known: HashSet<LibId> = self.store.people().iter().map(|p| p.id).collect();
        if let Some(models) = &self.models {
            self.store.embeddings(&models.mark, &mut |id, raw| {
                if known.contains(&id)
                    && let Some(embedding) = Embedding::new(raw, models.comparison.metric)
                {
                    self.gallery.insert(id.0, &embedding);
                }
            })?;
        }
        let loaded = Loaded { people: known.len(), faces: self.gallery.len() };
        tracing::info!(people = loaded.people, faces = loaded.faces, "lists loaded");
        Ok(loaded)
    }

    /// The id of the pack that faces are measured with; `None` without models.
    #[must_use]
    pub fn pack(&self) -> Option<&str> {
        self.models.as_ref().map(|models| models.pack.as_str())
    }

    /// Computes the embeddings another model pack left behind anew from the registered photos; until it is a
    /// person's turn, that person is not recognised by face. Ends early when `stop` says so, and goes on where it was
    /// when it is called again, after a restart too: what is computed is kept at once.
    pub fn recompute(&self, stop: impl Fn() -> bool) -> Recomputed {
        let waiting: Vec<_> =
            self.store.people().into_iter().filter(|person| !self.gallery.contains(person.id.0)).collect();
        let mut so_far = Recomputed { people: waiting.len(), ..Recomputed::default() };
        *lock(&self.recomputed) = so_far;
        if waiting.is_empty() || self.models.is_none() {
            return so_far;
        }
        tracing::info!(people = waiting.len(), "computing embeddings anew from the registered photos");
        for (turn, person) in (1..).zip(&waiting) {
            if stop() {
                break;
            }
            match self.recompute_one(person) {
                Ok(()) => so_far.done += 1,
                Err(error) if matches!(error.fault, Fault::StoreFailed | Fault::Unavailable) => {
                    so_far.postponed += 1;
                    tracing::error!(id = %person.id, %error, "is not recognised by face until the next start tries again");
                }
                Err(error) => {
                    so_far.failed += 1;
                    tracing::warn!(id = %person.id, %error, "cannot be recognised by face: enrol a new photo");
                }
            }
            *lock(&self.recomputed) = so_far;
            if turn % 100 == 0 || turn == waiting.len() {
                let failed = so_far.failed + so_far.postponed;
                tracing::info!("{turn} of {} embeddings computed anew, {failed} failed", waiting.len());
            }
        }
        so_far
    }

    /// How far that is.
    #[must_use]
    pub fn recomputed(&self) -> Recomputed {
        *lock(&self.recomputed)
    }

    fn recompute_one(&self, person: &Person) -> Result<()> {
        let photo = self.store.photo(person.id)?.ok_or(Fault::NoPicture)?;
        let Portrait { embedding, .. } = self.portrait(&photo)?;
        let _turn = lock(&self.turn);
        // Somebody may have changed or removed the person meanwhile.
        if self.store.person(person.id).is_none() || self.gallery.contains(person.id.0) {
            return Ok(());
        }
        // A disk that keeps nothing does not stop the door.
        self.gallery.insert(person.id.0, &embedding);
        if let Err(error) = self.store.measured(person.id, &embedding, &self.models()?.mark) {
            tracing::error!(id = %person.id, %error, "is recognised, and measured again after the next start");
        }
        Ok(())
    }

    /// Adds a person with a photo. With `alike`, nobody may be known whose face is that similar.
    ///
    /// # Errors
    /// The photo's faults, [`Fault::PersonExists`], and those of [`Store::add`]; nothing is changed then.
    pub fn enrol(&self, person: Person, picture: &[u8], alike: Option<Similarity>) -> Result<LibId> {
        let (registered, embedding) = self.measure(picture)?;
        let _turn = lock(&self.turn);
        self.check_new_face(&embedding, alike, None)?;
        let id = self.store.add(person, Some(registered))?;
        self.gallery.insert(id.0, &embedding);
        Ok(id)
    }

    /// Changes a person as they are when it is their turn, and the photo where one is given.
    ///
    /// # Errors
    /// As [`Self::enrol`], [`Fault::NoPerson`], and what `change` refuses; nothing is changed then.
    pub fn edit(
        &self,
        id: LibId,
        picture: Option<&[u8]>,
        alike: Option<Similarity>,
        change: impl FnOnce(&Person) -> Result<Person>,
    ) -> Result<()> {
        let measured = picture.map(|bytes| self.measure(bytes)).transpose()?;
        let _turn = lock(&self.turn);
        let now = self.store.person(id).ok_or(Fault::NoPerson)?;
        let person = change(&now)?;
        let Some((registered, embedding)) = measured else { return self.store.update(person, None) };
        self.check_new_face(&embedding, alike, Some(id))?;
        self.store.update(person, Some(registered))?;
        self.gallery.insert(id.0, &embedding);
        Ok(())
    }

    /// Removes people with their photos and records; returns those that were there.
    ///
    /// # Errors
    /// [`Fault::StoreFailed`]; nobody is removed then.
    pub fn remove(&self, ids: &[LibId]) -> Result<Vec<LibId>> {
        let _turn = lock(&self.turn);
        let removed = self.store.remove(ids)?;
        for id in &removed {
            self.gallery.remove(id.0);
        }
        Ok(removed)
    }

    /// Removes everybody and all control records.
    ///
    /// # Errors
    /// [`Fault::StoreFailed`]; nobody is removed then.
    pub fn remove_all(&self) -> Result<()> {
        let _turn = lock(&self.turn);
        self.store.remove_all()?;
        self.gallery.clear();
        Ok(())
    }

    /// The largest face of a picture and its embedding.
    ///
    /// # Errors
    /// The picture's faults: [`Fault::BadPicture`], [`Fault::NoFace`] and the like.
    pub fn portrait(&self, picture: &[u8]) -> Result<Portrait> {
        let models = self.models()?;
        let _decoding = lock(&self.decoding);
        models.eyes.portrait(&decode_picture(picture, PHOTO_LIMITS)?)
    }

    /// How alike the largest faces of two pictures are.
    ///
    /// # Errors
    /// The pictures' faults, with `names` in the detail.
    pub fn compare(&self, pictures: [&[u8]; 2], names: [&str; 2]) -> Result<Similarity> {
        let models = self.models()?;
        let embed = |at: usize| self.portrait(pictures[at]).map_err(|e| e.about(names[at]));
        let (first, second) = (embed(0)?, embed(1)?);
        Ok(models.comparison.similarity(&first.embedding, &second.embedding))
    }

    /// The embedding of the largest face of a picture.
    ///
    /// # Errors
    /// The picture's faults.
    pub fn signature(&self, picture: &[u8]) -> Result<Embedding> {
        self.portrait(picture).map(|portrait| portrait.embedding)
    }

    /// How many numbers an embedding of the installed pack has, and how it is compared.
    #[must_use]
    pub fn signature_kind(&self) -> (usize, Metric) {
        (self.gallery.length(), self.gallery.metric())
    }

    /// How alike two embeddings of the installed pack are.
    ///
    /// # Errors
    /// [`Fault::Unavailable`] without a pack.
    pub fn compare_signatures(&self, first: &Embedding, second: &Embedding) -> Result<Similarity> {
        Ok(self.models()?.comparison.similarity(first, second))
    }

    /// The people most similar to the largest face of a picture, from `least` on, the best first.
    ///
    /// # Errors
    /// The picture's faults.
    pub fn search(&self, picture: &[u8], least: Similarity, most: usize) -> Result<Vec<(LibId, Similarity)>> {
        let models = self.models()?;
        let portrait = self.portrait(picture)?;
        let found = self.gallery.top(&portrait.embedding, most);
        let found = found.into_iter().map(|c| (LibId(c.id), models.comparison.map.similarity(c.score)));
        Ok(found.take_while(|(_, similarity)| *similarity >= least).collect())
    }

    /// How many faces a picture shows.
    ///
    /// # Errors
    /// [`Fault::BadPicture`] when it is none.
    pub fn count_faces(&self, picture: &[u8]) -> Result<usize> {
        let models = self.models()?;
        let _decoding = lock(&self.decoding);
        models.eyes.faces(&decode_picture(picture, PHOTO_LIMITS)?).map(|faces| faces.len())
    }

    /// The faces of a camera frame, the largest first.
    ///
    /// # Errors
    /// When an engine fails or is not there.
    pub fn faces(&self, frame: &RgbImage) -> Result<Vec<Face>> {
        self.models()?.eyes.faces(frame)
    }

    fn models(&self) -> Result<&Models> {
        self.models.as_ref().ok_or_else(|| Error::new(Fault::Unavailable, "no face models are installed"))
    }

    /// What is kept of a photo: the file and the embedding.
    fn measure(&self, picture: &[u8]) -> Result<(Registered, Embedding)> {
        let models = self.models()?;
        let _decoding = lock(&self.decoding);
        let photo = decode_picture(picture, PHOTO_LIMITS)?;
        let Portrait { embedding, face, .. } = models.eyes.portrait(&photo)?;
        let jpeg = keepsake(picture, photo, &face.bbox)?;
        Ok((Registered { jpeg, embedding: embedding.to_vec(), pack: models.mark.clone() }, embedding))
    }

    fn check_new_face(&self, face: &Embedding, alike: Option<Similarity>, own: Option<LibId>) -> Result<()> {
        let (Some(threshold), Some(models)) = (alike, &self.models) else { return Ok(()) };
        // The person's own old photo may be the best match; the next best one counts then.
        let other = self.gallery.top(face, 2).into_iter().find(|c| Some(LibId(c.id)) != own);
        let Some(other) = other else { return Ok(()) };
        let similarity = models.comparison.map.similarity(other.score);
        if similarity >= threshold {
            bail!(PersonExists, "picinfo: similarity {:.1} with LibID {}", similarity.get(), other.id);
        }
        Ok(())
    }
}

/// The file that is kept of a photo: as sent where it is an upright JPEG of a fitting size, else the whole
/// photo, or the part around a face that would become small, made to fit.
fn keepsake(bytes: &[u8], photo: RgbImage, face: &Rect) -> Result<Vec<u8>> {
    let (width, height) = photo.dimensions();
    let fits = width <= PHOTO_SIZE.0 && height <= PHOTO_SIZE.1;
    let shrinks = (PHOTO_SIZE.0 as f32 / width as f32).min(PHOTO_SIZE.1 as f32 / height as f32).min(1.0);
    let loses_face = !fits && face.width() * shrinks < KEPT_FACE;
    if fits && is_upright_jpeg(bytes) {
        return Ok(bytes.to_vec());
    }
    let mut photo = DynamicImage::from(photo);
    if loses_face {
        let (x, y, w, h) = around(face, width, height);
        photo = photo.crop_imm(x, y, w, h);
    }
    if photo.width() > PHOTO_SIZE.0 || photo.height() > PHOTO_SIZE.1 {
        photo = photo.resize(PHOTO_SIZE.0, PHOTO_SIZE.1, image::imageops::FilterType::Triangle);
    }
    encode_jpeg(&photo.into_rgb8(), PHOTO_QUALITY)
}

/// A portrait around a face, as far as the photo reaches: x, y, width, height.
fn around(face: &Rect, width: u32, height: u32) -> (u32, u32, u32, u32) {
    let centre = face.centre();
    let half = face.width().max(face.height()) * 1.2;
    let edge = |at: f32, most: u32| at.clamp(0.0, most as f32) as u32;
    let (x, y) = (edge(centre.x - half, width), edge(centre.y - half * 4.0 / 3.0, height));
    let (right, bottom) = (edge(centre.x + half, width), edge(centre.y + half * 4.0 / 3.0, height));
    (x, y, right.saturating_sub(x).max(1), bottom.saturating_sub(y).max(1))
}

fn is_upright_jpeg(bytes: &[u8]) -> bool {
    let Ok(reader) = ImageReader::new(Cursor::new(bytes)).with_guessed_format() else { return false };
    reader.format() == Some(ImageFormat::Jpeg)
        && reader.into_decoder().and_then(|mut d| d.orientation()).is_ok_and(|o| o == Orientation::NoTransforms)
}

/// A picture as JPEG file of a quality of 1 to 100.
///
/// # Errors
/// [`Fault::BadPicture`] when it has no pixels.
pub fn encode_jpeg(picture: &RgbImage, quality: u8) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality)
        .encode_image(picture)
        .map_err(|e| Error::new(Fault::BadPicture, "").because(e))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use crate::field::LocalTime;
    use crate::store::Limits;
    use crate::vision::{Point, SimilarityMap};

    /// See a face in a picture that is not black, and fail on one that is white.
    struct Grey;

    impl Eyes for Grey {
        fn faces(&self, _: &RgbImage) -> Result<Vec<Face>> {
            bail!(Unavailable, "not asked for here")
        }

        fn portrait(&self, photo: &RgbImage) -> Result<Portrait> {
            let embedding = match photo.get_pixel(0, 0).0[0] {
                0..20 => bail!(NoFace),
                236.. => bail!(Unavailable, "the engine fails"),
                shade => Embedding::new(&[f32::from(shade), 100.0], Metric::Cosine).unwrap(),
            };
            let bbox = Rect::sized(0.0, 0.0, 1.0, 1.0);
            Ok(Portrait { embedding, face: Face { bbox, landmarks: [Point::default(); 5], score: 1.0 } })
        }
    }

    fn roster(store: &Arc<Store>, mark: &str) -> Roster {
        let comparison = Comparison { metric: Metric::Cosine, map: SimilarityMap { slope: 8.0, centre: 0.2 } };
        let models = Models { eyes: Box::new(Grey), pack: "grey".into(), mark: mark.into(), comparison };
        Roster::new(store.clone(), Arc::new(Gallery::new(2, Metric::Cosine)), Some(models))
    }

    #[test]
    fn whom_a_photo_cannot_show_again_is_told_from_whom_the_terminal_cannot_measure() {
        let dir = tempfile::tempdir().unwrap();
        let limits = Limits { people: 10, control_records: 10, captures: 10, notices: 10 };
        let store = Arc::new(Store::open(dir.path(), limits, Arc::new(SystemClock::default())).unwrap());
        for shade in [100, 150, 0, 255] {
            let jpeg = encode_jpeg(&RgbImage::from_pixel(8, 8, image::Rgb([shade; 3])), 90).unwrap();
            let photo = Registered { jpeg, embedding: vec![1.0, 0.0], pack: "grey".into() };
            store.add(Person::new(LocalTime::UNSET), Some(photo)).unwrap();
        }
        let first = roster(&store, "grey:1");
        assert_eq!(first.load().unwrap(), Loaded { people: 4, faces: 0 }, "of a pack that only has the same id");
        let found = Recomputed { people: 4, done: 2, failed: 1, postponed: 1 };
        assert_eq!((first.recompute(|| false), found.left()), (found, 0));
        // What is done is kept, whoever is left is tried again.
        let next = roster(&store, "grey:1");
        assert_eq!(next.load().unwrap(), Loaded { people: 4, faces: 2 });
        assert_eq!(next.recompute(|| false), Recomputed { people: 2, done: 0, failed: 1, postponed: 1 });
        assert_eq!(next.recompute(|| true).left(), 2);
    }

    #[test]
    fn photos_are_kept_as_sent_or_made_to_fit() {
        let picture = |w, h| RgbImage::from_fn(w, h, |x, y| image::Rgb([x as u8, y as u8, 90]));
        for (w, h, expect) in
            [(480, 640, (480, 640)), (960, 1280, (480, 640)), (640, 480, (480, 360)), (100, 900, (71, 640))]
        {
            let sent = encode_jpeg(&picture(w, h), 95).unwrap();
            let large = Rect::sized(0.0, 0.0, w as f32, h as f32);
            let kept = keepsake(&sent, picture(w, h), &large).unwrap();
            assert_eq!(kept == sent, (w, h) == expect, "{w}x{h}");
            assert_eq!(image::load_from_memory(&kept).unwrap().into_rgb8().dimensions(), expect);
        }
        let mut png = Cursor::new(Vec::new());
        picture(48, 64).write_to(&mut png, ImageFormat::Png).unwrap();
        let kept = keepsake(&png.into_inner(), picture(48, 64), &Rect::sized(0.0, 0.0, 40.0, 40.0)).unwrap();
        assert_eq!(&kept[..2], b"\xff\xd8");
    }

    #[test]
    fn a_small_face_is_cut_out_before_the_photo_shrinks() {
        let photo = RgbImage::new(3000, 2000);
        let face = Rect::sized(1400.0, 900.0, 200.0, 240.0);
        let sent = encode_jpeg(&photo, 95).unwrap();
        let kept = image::load_from_memory(&keepsake(&sent, photo, &face).unwrap()).unwrap();
        // 2.4 face heights wide, so 200 of 576 pixels are the face; made to fit 480.
        assert_eq!((kept.width(), kept.height()), (480, 640));
    }
}
