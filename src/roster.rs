//! People, kept in step between the store and the gallery: stored first, searchable then.

// Places in pictures are small numbers.
#![allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]

use std::sync::{Arc, Mutex};

use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use image::{DynamicImage, ImageFormat, RgbImage};
use tracing::{info, warn};

use crate::access::{LibId, Person};
use crate::clock::lock;
use crate::error::{Error, Fault, Result};
use crate::settings::Live;
use crate::store::{Registered, Store};
use crate::vision::{Embedding, Face, Gallery, Pack, PictureLimits, Portrait, Portraitist, decode_picture};

/// A registered photo is kept at most this large: the input of the enrolment detector.
const KEPT: (u32, u32) = (480, 640);
/// A photo is kept as it was sent if its face is at least this wide; otherwise the part around the face is
/// cut out first, so that another model pack can be computed from what is kept.
const KEPT_FACE: f32 = 120.0;
/// Quality of photos that had to be encoded anew.
const JPEG_QUALITY: u8 = 90;

/// People: rows, photos and embeddings.
pub struct Roster {
    store: Arc<Store>,
    settings: Arc<Live>,
    gallery: Arc<Gallery>,
    portraitist: Portraitist,
    pack: Pack,
    /// One change at a time, so that store and gallery change in the same order.
    turn: Mutex<()>,
}

impl std::fmt::Debug for Roster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Roster").field("pack", &self.pack.id).finish_non_exhaustive()
    }
}

impl Roster {
    /// A roster whose gallery is still empty: see [`Roster::load`].
    #[must_use]
    pub fn new(
        store: Arc<Store>,
        settings: Arc<Live>,
        gallery: Arc<Gallery>,
        portraitist: Portraitist,
        pack: Pack,
    ) -> Self {
        Self { store, settings, gallery, portraitist, pack, turn: Mutex::default() }
    }

    /// Fills the gallery with what the pack in use computed earlier; embeddings of another pack are computed
    /// anew from the registered photos.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn load(&self) -> Result<()> {
        self.store.embeddings(&self.pack.id, &mut |id, values| match Embedding::from_raw(values) {
            Some(embedding) => drop(self.gallery.insert(id.0, &embedding)),
            None => warn!(%id, "a stored embedding is unusable"),
        })?;
        let missing: Vec<_> =
            self.store.people().into_iter().filter(|person| !self.gallery.contains(person.id.0)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        info!(people = missing.len(), pack = self.pack.id, "computing embeddings anew from the registered photos");
        for (number, person) in missing.iter().enumerate() {
            let photo = self.store.photo(person.id)?.unwrap_or_default();
            match self.edit(Person::clone(person), Some(&photo), false) {
                Ok(()) if (number + 1) % 100 == 0 => info!("{} of {}", number + 1, missing.len()),
                Ok(()) => {}
                Err(error) => warn!(id = %person.id, %error, "cannot be recognised: enrol a new photo"),
            }
        }
        Ok(())
    }

    /// Whether ids and cards of `person` are free or their own; before any picture is looked at.
    ///
    /// # Errors
    /// [`Fault::IdExists`], [`Fault::CardExists`] or [`Fault::RfCardExists`] naming the field.
    pub fn check_free(&self, person: &Person) -> Result<()> {
        let taken = |by: Option<Arc<Person>>, fault, field: &str| match by.filter(|other| other.id != person.id) {
            Some(other) => Err(Error::new(fault, format!("{field}: LibID {} has it", other.id))),
            None => Ok(()),
        };
        let store = &self.store;
        taken(person.custom_id.and_then(|id| store.by_custom_id(id)), Fault::IdExists, "CustomizeID")?;
        taken(person.uuid.as_deref().and_then(|id| store.by_uuid(id)), Fault::IdExists, "PersonUUID")?;
        taken(person.card.card().and_then(|c| store.by_card(c.whole())), Fault::CardExists, "MjCardNo")?;
        taken(person.rf_card.as_deref().and_then(|c| store.by_rf_card(c)), Fault::RfCardExists, "RFIDCard")
    }

    /// Adds a person with a photo; on the disk and searchable when it returns.
    ///
    /// # Errors
    /// Whatever is wrong with the picture, [`Fault::PersonExists`] when `unique` is asked for and the face is
    /// enrolled, and the store's faults.
    pub fn enrol(&self, person: Person, photo: &[u8], unique: bool) -> Result<LibId> {
        let (embedding, registered) = self.register(photo)?;
        let _turn = lock(&self.turn);
        if unique {
            self.check_unique(&embedding, None)?;
        }
        let id = self.store.add(person, Some(registered))?;
        self.gallery.insert(id.0, &embedding);
        Ok(id)
    }

    /// Replaces a person, and the photo where one is given.
    ///
    /// # Errors
    /// As [`Roster::enrol`].
    pub fn edit(&self, person: Person, photo: Option<&[u8]>, unique: bool) -> Result<()> {
        let new = photo.map(|photo| self.register(photo)).transpose()?;
        let _turn = lock(&self.turn);
        let id = person.id;
        let (embedding, registered) = new.unzip();
        if let Some(embedding) = embedding.as_ref().filter(|_| unique) {
            self.check_unique(embedding, Some(id))?;
        }
        self.store.update(person, registered)?;
        if let Some(embedding) = embedding {
            self.gallery.insert(id.0, &embedding);
        }
        Ok(())
    }

    /// Removes people with their photos and control records.
    ///
    /// # Errors
    /// When the store cannot; nobody is removed then.
    pub fn remove(&self, ids: &[LibId]) -> Result<()> {
        let _turn = lock(&self.turn);
        for id in self.store.remove(ids)? {
            self.gallery.remove(id.0);
        }
        Ok(())
    }

    /// Removes everybody.
    ///
    /// # Errors
    /// When the store cannot; nobody is removed then.
    pub fn remove_all(&self) -> Result<()> {
        let _turn = lock(&self.turn);
        self.store.remove_all()?;
        self.gallery.clear();
        Ok(())
    }

    /// Faces of a picture, largest first.
    ///
    /// # Errors
    /// When the engine fails.
    pub fn faces(&self, picture: &RgbImage) -> Result<Vec<Face>> {
        self.portraitist.faces(picture)
    }

    /// The largest face of a picture and its embedding.
    ///
    /// # Errors
    /// [`Fault::NoFace`], or when the engine fails.
    pub fn portrait(&self, picture: &RgbImage) -> Result<Portrait> {
        self.portraitist.enrol(picture)
    }

    /// The document's similarity, 0 to 100, of two embeddings' cosine.
    #[must_use]
    pub fn similarity(&self, cosine: f32) -> f32 {
        self.pack.similarity.from_cosine(cosine).get()
    }

    /// The most similar people with their similarity, most similar first.
    #[must_use]
    pub fn most_similar(&self, embedding: &Embedding, most: usize) -> Vec<(u32, f32)> {
        self.gallery.top(embedding, most).into_iter().map(|c| (c.id, self.similarity(c.cosine))).collect()
    }

    /// Liveness threshold, 0 to 1, and frames of the pack.
    #[must_use]
    pub fn liveness_figures(&self) -> (f32, u32) {
        let spec = &self.pack.liveness;
        (spec.threshold, u32::try_from(spec.frames).unwrap_or(u32::MAX))
    }

    fn check_unique(&self, embedding: &Embedding, own: Option<LibId>) -> Result<()> {
        let threshold = self.settings.now().door.face_threshold.get() as f32;
        let similar = self.most_similar(embedding, 2).into_iter().find(|(id, _)| own != Some(LibId(*id)));
        match similar.filter(|(_, similarity)| *similarity >= threshold) {
            Some((id, similarity)) => {
                crate::bail!(PersonExists, "isCheckSimilarity: LibID {id} is {similarity:.1} similar")
            }
            None => Ok(()),
        }
    }

    /// What is kept of a photo, and the embedding of its largest face.
    fn register(&self, photo: &[u8]) -> Result<(Embedding, Registered)> {
        let field =
            |e: Error| Error { detail: format!("picinfo: {}", e.detail).trim_end_matches([':', ' ']).into(), ..e };
        let picture = decode_picture(photo, PictureLimits::default()).map_err(field)?;
        let Portrait { embedding, face, .. } = self.portraitist.enrol(&picture).map_err(field)?;
        let jpeg = kept(photo, picture, &face)?;
        let registered = Registered { jpeg, embedding: embedding.to_vec(), pack: self.pack.id.clone() };
        Ok((embedding, registered))
    }
}

/// The photo as it is kept: as sent where it is a small JPEG of a large face, else the face with its
/// surroundings, scaled and encoded.
fn kept(photo: &[u8], picture: RgbImage, face: &Face) -> Result<Vec<u8>> {
    let small = picture.width() <= KEPT.0 && picture.height() <= KEPT.1;
    let jpeg = image::guess_format(photo).is_ok_and(|format| format == ImageFormat::Jpeg);
    let shrinks = (KEPT.0 as f32 / picture.width() as f32).min(KEPT.1 as f32 / picture.height() as f32).min(1.0);
    let large_face = face.bbox.width() * shrinks >= KEPT_FACE;
    if small && jpeg && large_face {
        return Ok(photo.to_vec());
    }
    let mut picture = DynamicImage::from(picture);
    if !large_face {
        let (x, y, width, height) = around(face, &picture);
        picture = picture.crop_imm(x, y, width, height);
    }
    if picture.width() > KEPT.0 || picture.height() > KEPT.1 {
        picture = picture.resize(KEPT.0, KEPT.1, FilterType::Triangle);
    }
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, JPEG_QUALITY)
        .encode_image(&picture.into_rgb8())
        .map_err(|e| Error::new(Fault::BadPicture, "picinfo: cannot be encoded").because(e))?;
    Ok(jpeg)
}

/// A 3:4 portrait around the face, as far as the picture reaches: x, y, width, height.
fn around(face: &Face, picture: &DynamicImage) -> (u32, u32, u32, u32) {
    let (centre, width) = (face.bbox.centre(), face.bbox.width().max(face.bbox.height()) * 2.4);
    let height = width * 4.0 / 3.0;
    let edge = |at: f32, most: u32| at.clamp(0.0, most as f32) as u32;
    let (x1, x2) = (centre.x - width / 2.0, centre.x + width / 2.0);
    let (y1, y2) = (centre.y - height / 2.0, centre.y + height / 2.0);
    let (x, y) = (edge(x1, picture.width()), edge(y1, picture.height()));
    let (right, bottom) = (edge(x2, picture.width()), edge(y2, picture.height()));
    (x, y, right.saturating_sub(x).max(1), bottom.saturating_sub(y).max(1))
}
