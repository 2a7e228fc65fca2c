//! What the victim says to the judge, and what both can work out for themselves from a tag.
//!
//! A tag is a number used once: all fields of a person, the bytes of a photo and what marks a record follow from it,
//! so that the judge knows every byte that has to be there.

use std::hash::{DefaultHasher, Hash, Hasher};

use facegate::access::{Card, CardFormat, CardSource, LibId, List, Person, Validity};
use facegate::error::Result;
use facegate::field::LocalTime;
use facegate::roster::{Eyes, Models, encode_jpeg};
use facegate::vision::{Comparison, Embedding, Face, Metric, Point, Portrait, Rect, SimilarityMap};
use image::RgbImage;
use serde::{Deserialize, Serialize};

/// The sink whose place the victim moves on.
pub const SINK: &str = "http";
/// Id of the pack of [`StubEyes`].
pub const PACK: &str = "stub";
/// How many numbers an embedding has.
pub const LENGTH: usize = 8;

/// A line of the victim.
#[derive(Debug, Serialize, Deserialize)]
pub enum Word {
    /// About to do this.
    Try(Act),
    /// That was acknowledged.
    Done(Outcome),
    /// That was refused with an error.
    Failed(String),
    /// Something is wrong that only the victim can see.
    Bug(String),
    /// Everything was done.
    End,
}

/// A change.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Act {
    /// Adds the person of a tag with the photo of the tag.
    Enrol { tag: u32 },
    /// Makes a person that of another tag, with the photo of that tag or the old one.
    Edit { id: LibId, tag: u32, photo: bool },
    /// Removes people, with their control records.
    Remove { ids: Vec<LibId> },
    /// Removes everybody and all control records.
    RemoveAll,
    /// Sets two groups of settings as one.
    Settings { tag: u32 },
    /// Records, uses spent, and a flush.
    Pass { passages: Vec<Passage>, spent: Vec<LibId> },
    /// An event was delivered; the sink's place moves to it.
    Deliver { seq: u64, tag: u32 },
    /// Draws a secret, or reads it.
    Secret,
}

/// A record about to be kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Passage {
    /// What marks the record.
    pub tag: u32,
    /// Whose passage; nobody's is a capture.
    pub who: Option<LibId>,
    /// Whether it has a picture.
    pub picture: bool,
    /// Whether sinks see it.
    pub push: bool,
}

/// What an acknowledgement says.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// The number of who was added.
    pub id: Option<LibId>,
    /// The secret.
    pub secret: Option<String>,
}

/// All that is there after a restart.
#[derive(Debug, Serialize, Deserialize)]
pub struct Sight {
    pub people: Vec<SeenPerson>,
    pub records: Vec<SeenRecord>,
    /// Places and marks of the event log, in its order.
    pub log: Vec<(u64, u32)>,
    pub faces: usize,
    pub position: Option<u64>,
    pub volume: u32,
    pub digests: Vec<String>,
    pub secret: String,
}

/// A person after a restart.
#[derive(Debug, Serialize, Deserialize)]
pub struct SeenPerson {
    pub person: Person,
    /// Of the photo's bytes.
    pub photo: Option<u64>,
    /// What the store has.
    pub embedding: Option<Vec<f32>>,
    /// How near the gallery's embedding is to the store's.
    pub gallery: Option<f32>,
}

/// A record after a restart.
#[derive(Debug, Serialize, Deserialize)]
pub struct SeenRecord {
    pub id: u64,
    pub tag: u32,
    pub who: Option<LibId>,
    /// Whether the record names a picture, and whether that is there as a whole.
    pub picture: Option<bool>,
}

/// Chance that can be repeated.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        // Neighbouring seeds must not begin alike.
        Self(digest(&seed) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// 0 up to, not including, `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        (self.next() >> 11) % bound.max(1)
    }

    pub fn one_in(&mut self, bound: u64) -> bool {
        self.below(bound) == 0
    }
}

/// The same in every process.
pub fn digest(value: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// The time of everything.
pub fn noon() -> LocalTime {
    LocalTime::parse("2026-01-05T12:00:00").unwrap()
}

/// The person of a tag; no two of different tags share an id or a card.
pub fn person(tag: u32) -> Person {
    let mut random = Random::new(u64::from(tag));
    let mut text = |most: u64| format!("{tag} {}", "门".repeat(usize::try_from(random.below(most)).unwrap()));
    Person {
        custom_id: Some(tag),
        uuid: Some(format!("uuid-{tag}")),
        list: if tag.is_multiple_of(5) { List::Block } else { List::Allow },
        name: text(8),
        phone: text(4),
        address: text(40),
        notes: text(60),
        card: CardSource::Manual(Card::new(CardFormat::W26, None, tag % (1 << 24)).unwrap()),
        rf_card: Some(format!("{tag:08X}")),
        validity: if tag.is_multiple_of(3) { Validity::Uses { left: 100 } } else { Validity::Permanent },
        extra: [("RoomNum".to_owned(), tag.to_string())].into(),
        ..Person::new(noon())
    }
}

/// The photo of a tag, from half a kilobyte to twelve.
pub fn photo(tag: u32) -> Vec<u8> {
    let mut random = Random::new(u64::from(tag) << 8 | 1);
    let side = 16 * (1 + u32::try_from(random.below(7)).unwrap());
    let picture =
        RgbImage::from_fn(side, side, |_, _| image::Rgb(random.next().to_le_bytes()[..3].try_into().unwrap()));
    encode_jpeg(&picture, 80).unwrap()
}

/// The embedding of a photo.
pub fn embedding(photo: &RgbImage) -> Embedding {
    let mut random = Random::new(digest(photo.as_raw().as_slice()));
    let raw: [f32; LENGTH] = std::array::from_fn(|_| f32::from(u16::try_from(random.below(2000)).unwrap()) - 999.5);
    Embedding::new(&raw, Metric::Cosine).unwrap()
}

/// See in every picture one face, that no other picture has.
pub struct StubEyes;

impl Eyes for StubEyes {
    fn faces(&self, photo: &RgbImage) -> Result<Vec<Face>> {
        let bbox = Rect::sized(0.0, 0.0, photo.width() as f32, photo.height() as f32);
        Ok(vec![Face { bbox, landmarks: [Point::default(); 5], score: 1.0 }])
    }

    fn portrait(&self, photo: &RgbImage) -> Result<Portrait> {
        Ok(Portrait { embedding: embedding(photo), face: self.faces(photo)?[0] })
    }
}

/// The pack of [`StubEyes`].
pub fn models() -> Models {
    let comparison = Comparison { metric: Metric::Cosine, map: SimilarityMap { slope: 8.11, centre: 0.229 } };
    Models { eyes: Box::new(StubEyes), pack: PACK.into(), mark: PACK.into(), comparison }
}

/// The volume and the digest a tag sets.
pub fn settings(tag: u32) -> (u32, String) {
    (5 * (1 + tag % 20), format!("{:064x}", u128::from(digest(&tag))))
}
