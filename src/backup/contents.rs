//! What is in a backup: items of a kind, a length and bytes, deflated. Whether they make sense together is `mod`'s
//! matter; sealing them is `container`'s.

use std::io::{self, BufReader, Read, Write};

use flate2::Compression;
use flate2::bufread::DeflateDecoder;
use flate2::write::DeflateEncoder;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Problem;
use super::container::{Opener, Sealer};
use crate::access::Person;
use crate::store::{Counters, Registered};

/// Bytes a photo may have; those the terminal makes are at most 480 × 640.
const MOST_PHOTO: usize = 8 << 20;
/// Bytes an embedding may have: 4096 values.
const MOST_EMBEDDING: usize = 16 << 10;
/// Bytes a sound file may have.
const MOST_SOUND: usize = 16 << 20;
/// Bytes of everything that is JSON.
const MOST_JSON: usize = 1 << 20;

/// What the file says of itself, first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the software that wrote it, `major.minor.patch`.
    pub version: String,
    /// Number of the terminal it was taken from; `None` if it never made one.
    pub device: Option<u32>,
    /// When it was taken, seconds since 1970.
    pub taken: i64,
    /// People in it.
    pub people: usize,
    /// Numbers that follow those given out.
    pub counters: Counters,
}

/// A group of settings in its stored form.
#[derive(Debug, Serialize, Deserialize)]
struct Group {
    name: String,
    value: Value,
}

#[derive(Debug, Serialize, Deserialize)]
struct Secret {
    name: String,
    bytes: Vec<u8>,
}

/// A person, and what the two pieces that follow are.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    person: Person,
    photo: Option<PhotoEntry>,
}

#[derive(Debug, Serialize, Deserialize)]
struct PhotoEntry {
    pack: String,
    /// Of the JPEG file.
    sha256: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct SoundEntry {
    name: String,
    sha256: String,
}

/// How many items of each sort came before, last.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Totals {
    /// People.
    pub people: usize,
    /// People with photos.
    pub photos: usize,
    /// Groups of settings.
    pub groups: usize,
    /// Sound files.
    pub sounds: usize,
}

/// One thing out of a backup.
#[derive(Debug)]
pub(super) enum Item {
    Group(String, Vec<u8>),
    Secret(String, Vec<u8>),
    Person(Box<Person>, Option<Registered>),
    Sound(String, Vec<u8>),
}

mod kind {
    pub(super) const MANIFEST: u8 = 1;
    pub(super) const GROUP: u8 = 2;
    pub(super) const SECRET: u8 = 3;
    pub(super) const PERSON: u8 = 4;
    pub(super) const SOUND: u8 = 5;
    pub(super) const BYTES: u8 = 6;
    pub(super) const END: u8 = 7;
}

/// Writes items.
pub(super) struct Writer<W: Write> {
    out: DeflateEncoder<Sealer<W>>,
    totals: Totals,
}

impl<W: Write> Writer<W> {
    pub(super) fn new(out: Sealer<W>, manifest: &Manifest) -> Result<Self, Problem> {
        // Most of it are JPEG files: looking harder would find nothing.
        let mut writer = Self { out: DeflateEncoder::new(out, Compression::fast()), totals: Totals::default() };
        writer.json(kind::MANIFEST, manifest)?;
        Ok(writer)
    }

    fn bytes(&mut self, kind: u8, bytes: &[u8], most: usize) -> Result<(), Problem> {
        let length = u32::try_from(bytes.len()).ok().filter(|_| bytes.len() <= most).ok_or_else(|| {
            Problem::Unfit(format!("something has {} bytes, a backup takes at most {most} in one piece", bytes.len()))
        })?;
        let mut write = || {
            self.out.write_all(&[kind])?;
            self.out.write_all(&length.to_be_bytes())?;
            self.out.write_all(bytes)
        };
        write().map_err(|e| Problem::Io("write".to_owned(), e))
    }

    fn json(&mut self, kind: u8, value: &impl Serialize) -> Result<(), Problem> {
        let bytes = serde_json::to_vec(value).map_err(|e| Problem::Io("write".to_owned(), io::Error::other(e)))?;
        self.bytes(kind, &bytes, MOST_JSON)
    }

    pub(super) fn group(&mut self, name: String, stored: &[u8]) -> Result<(), Problem> {
        let value = serde_json::from_slice(stored).map_err(|e| Problem::Unfit(format!("settings {name}: {e}")))?;
        self.totals.groups += 1;
        self.json(kind::GROUP, &Group { name, value })
    }

    pub(super) fn secret(&mut self, name: String, bytes: Vec<u8>) -> Result<(), Problem> {
        self.json(kind::SECRET, &Secret { name, bytes })
    }

    pub(super) fn person(&mut self, person: &Person, photo: Option<&Registered>) -> Result<(), Problem> {
        let entry = Entry {
            person: person.clone(),
            photo: photo.map(|photo| PhotoEntry { pack: photo.pack.clone(), sha256: sha256(&photo.jpeg) }),
        };
        self.json(kind::PERSON, &entry)?;
        self.totals.people += 1;
        if let Some(photo) = photo {
            self.bytes(kind::BYTES, &photo.jpeg, MOST_PHOTO)?;
            let embedding: Vec<u8> = photo.embedding.iter().flat_map(|value| value.to_le_bytes()).collect();
            self.bytes(kind::BYTES, &embedding, MOST_EMBEDDING)?;
            self.totals.photos += 1;
        }
        Ok(())
    }

    pub(super) fn sound(&mut self, name: String, bytes: &[u8]) -> Result<(), Problem> {
        self.json(kind::SOUND, &SoundEntry { name, sha256: sha256(bytes) })?;
        self.totals.sounds += 1;
        self.bytes(kind::BYTES, bytes, MOST_SOUND)
    }

    /// Writes the end; without it the file is no backup.
    pub(super) fn finish(mut self) -> Result<(W, Totals), Problem> {
        let totals = self.totals;
        self.json(kind::END, &totals)?;
        let out = self.out.finish().and_then(Sealer::finish).map_err(|e| Problem::Io("write".to_owned(), e))?;
        Ok((out, totals))
    }
}

/// Reads items, each of them bounded and whole.
pub(super) struct Reader<R> {
    from: DeflateDecoder<BufReader<Opener<R>>>,
    totals: Totals,
}

impl<R: Read> Reader<R> {
    pub(super) fn new(from: Opener<R>) -> Result<(Manifest, Self), Problem> {
        let mut reader = Self { from: DeflateDecoder::new(BufReader::new(from)), totals: Totals::default() };
        let (kind, bytes) = reader.item()?;
        if kind != kind::MANIFEST {
            return Err(Problem::Damaged("it does not say what it is".to_owned()));
        }
        // The version is looked at before the rest, which a newer one may have changed.
        Ok((json("manifest", &bytes)?, reader))
    }

    fn item(&mut self) -> Result<(u8, Vec<u8>), Problem> {
        let mut head = [0; 5];
        self.from.read_exact(&mut head).map_err(unreadable)?;
        let [kind, length @ ..] = head;
        let most = if kind == kind::BYTES { MOST_SOUND } else { MOST_JSON };
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if length > most {
            return Err(Problem::Damaged(format!("a piece says it has {length} bytes, at most {most} are allowed")));
        }
        let mut bytes = vec![0; length];
        self.from.read_exact(&mut bytes).map_err(unreadable)?;
        Ok((kind, bytes))
    }

    fn piece(&mut self, of: &str, most: usize) -> Result<Vec<u8>, Problem> {
        let (kind, bytes) = self.item()?;
        if kind != kind::BYTES || bytes.len() > most {
            return Err(Problem::Damaged(format!("the bytes of {of} are missing or too many")));
        }
        Ok(bytes)
    }

    /// The next item; `None` behind the last, once the file has proved to be whole.
    pub(super) fn next(&mut self) -> Result<Option<Item>, Problem> {
        loop {
            let (kind, bytes) = self.item()?;
            return match kind {
                kind::GROUP => {
                    let group: Group = json("settings", &bytes)?;
                    self.totals.groups += 1;
                    Ok(Some(Item::Group(group.name, group.value.to_string().into_bytes())))
                }
                kind::SECRET => {
                    let secret: Secret = json("secret", &bytes)?;
                    Ok(Some(Item::Secret(secret.name, secret.bytes)))
                }
                kind::PERSON => self.person(&bytes).map(Some),
                kind::SOUND => {
                    let entry: SoundEntry = json("sound", &bytes)?;
                    let bytes = self.piece(&entry.name, MOST_SOUND)?;
                    hashed(&entry.name, &entry.sha256, &bytes)?;
                    self.totals.sounds += 1;
                    Ok(Some(Item::Sound(entry.name, bytes)))
                }
                kind::END => {
                    self.end(&bytes)?;
                    Ok(None)
                }
                kind::MANIFEST | kind::BYTES => Err(Problem::Damaged("its pieces are out of order".to_owned())),
                // Only older software can have written one: it was dropped since.
                _ => continue,
            };
        }
    }

    fn person(&mut self, bytes: &[u8]) -> Result<Item, Problem> {
        let entry: Entry = json("person", bytes)?;
        let who = format!("LibID {}", entry.person.id);
        self.totals.people += 1;
        let Some(photo) = entry.photo else { return Ok(Item::Person(Box::new(entry.person), None)) };
        let jpeg = self.piece(&who, MOST_PHOTO)?;
        hashed(&format!("the photo of {who}"), &photo.sha256, &jpeg)?;
        let embedding = self.piece(&who, MOST_EMBEDDING)?;
        let (values, rest) = embedding.as_chunks::<4>();
        let embedding: Vec<f32> = values.iter().map(|value| f32::from_le_bytes(*value)).collect();
        if embedding.is_empty() || !rest.is_empty() || !embedding.iter().all(|value| value.is_finite()) {
            return Err(Problem::Damaged(format!("the embedding of {who} is none")));
        }
        self.totals.photos += 1;
        Ok(Item::Person(Box::new(entry.person), Some(Registered { jpeg, embedding, pack: photo.pack })))
    }

    fn end(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        let totals: Totals = json("end", bytes)?;
        if totals != self.totals {
            return Err(Problem::Damaged(format!("it should hold {totals:?} and holds {:?}", self.totals)));
        }
        // The last chunk is proved by reading up to it, first through the deflated bytes, then behind them.
        let mut one = [0];
        let more =
            self.from.read(&mut one).map_err(unreadable)? + self.from.get_mut().read(&mut one).map_err(unreadable)?;
        if more > 0 {
            return Err(Problem::Damaged("something follows its end".to_owned()));
        }
        Ok(())
    }

    /// What was read so far.
    pub(super) const fn totals(&self) -> Totals {
        self.totals
    }
}

fn json<T: DeserializeOwned>(what: &str, bytes: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes).map_err(|e| Problem::Damaged(format!("{what}: {e}")))
}

fn hashed(what: &str, expected: &str, bytes: &[u8]) -> Result<(), Problem> {
    if sha256(bytes) == expected {
        Ok(())
    } else {
        Err(Problem::Damaged(format!("{what} is not the file that was saved")))
    }
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A file cut short or changed is damaged; everything else is the disk's trouble.
fn unreadable(error: io::Error) -> Problem {
    match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof => {
            Problem::Damaged(error.to_string())
        }
        _ => Problem::Io("read".to_owned(), error),
    }
}
