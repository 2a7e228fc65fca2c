//! The database under the store: its trees, the format it is written in, and the one way to change it.

use std::fs::File;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sled::transaction::{ConflictableTransactionError, TransactionError, Transactional};
use sled::{Batch, Tree};

use super::index::Kind;
use super::{read, write};
use crate::error::{Error, Fault, Result};

/// What this software writes. A later format is refused, an earlier one is brought up to date at open.
pub(super) const FORMAT: u32 = 1;

/// Memory sled may keep pages in: the store answers most questions from memory of its own.
const CACHE_BYTES: u64 = 32 << 20;

/// How often, and after how long, a database that somebody has open is tried again: sled's own threads
/// let go of it a moment after the store that was closed. No clock of ours plays a part in that.
const LOCK_TRIES: u32 = 100;
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// The trees. Keys of numbers are big-endian, so that trees are in their order.
#[derive(Debug)]
pub(super) struct Db {
    sled: sled::Db,
    /// sled's file, to be synced: on Linux sled asks only for the write-out of pages
    /// (`sync_file_range`), which leaves the drive's cache and a grown file's size behind.
    file: File,
    lists: RwLock<Arc<Lists>>,
    /// Name of a group → its settings.
    pub(super) settings: Tree,
    /// Name of a sink → the place it has reached in the event log.
    pub(super) sinks: Tree,
    /// Name → bytes drawn once.
    pub(super) secrets: Tree,
    /// Format and counters.
    meta: Tree,
}

/// The trees that are emptied as a whole. All is removed by going on with new ones: removing a hundred
/// thousand rows one by one takes minutes on a small board.
#[derive(Debug)]
pub(super) struct Lists {
    /// `LibID` → row of a person.
    pub(super) people: Tree,
    /// `LibID` → embedding, little-endian `f32`s.
    pub(super) embeddings: Tree,
    /// [`super::index::Mark`] → control record.
    pub(super) controls: Tree,
    /// [`super::index::Mark`] → capture record.
    pub(super) captures: Tree,
    /// [`super::index::Mark`] → notice.
    pub(super) notices: Tree,
}

/// How often the trees of [`Lists`] were emptied: the numbers in the names of those in use. Kept as one value, so
/// that several are emptied in one step.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
struct Generations {
    /// Of people and embeddings.
    people: u32,
    controls: u32,
    captures: u32,
    notices: u32,
}

/// The stored form of [`Generations`]. A bare number is what people and control records shared when captures and
/// notices could not be emptied yet.
#[derive(Deserialize)]
#[serde(untagged)]
enum StoredGenerations {
    Shared(u32),
    Each(Generations),
}

impl Generations {
    /// The names of the trees, in the order of the fields of [`Lists`].
    fn names(self) -> [String; 5] {
        // The first captures and notices have no number in their names.
        let numbered_from_1 = |name: &str, generation: u32| match generation {
            0 => name.to_owned(),
            generation => format!("{name}-{generation}"),
        };
        [
            format!("people-{}", self.people),
            format!("embeddings-{}", self.people),
            format!("controls-{}", self.controls),
            numbered_from_1("captures", self.captures),
            numbered_from_1("notices", self.notices),
        ]
    }

    /// Whether `name` is a tree of [`Lists`], of whatever generation.
    fn are_of(name: &str) -> bool {
        let list = name.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('-');
        ["people", "embeddings", "controls", "captures", "notices"].contains(&list)
    }
}

impl Lists {
    fn open(sled: &sled::Db, generations: Generations) -> Result<Self> {
        let [people, embeddings, controls, captures, notices] =
            generations.names().map(|name| sled.open_tree(name).map_err(failed("open a tree")));
        Ok(Self {
            people: people?,
            embeddings: embeddings?,
            controls: controls?,
            captures: captures?,
            notices: notices?,
        })
    }
}

/// Changes that happen all or not at all.
#[derive(Debug, Default)]
pub(super) struct Change {
    pub(super) people: Batch,
    pub(super) embeddings: Batch,
    pub(super) controls: Batch,
    pub(super) captures: Batch,
    pub(super) notices: Batch,
    meta: Batch,
}

impl Change {
    /// The records of a kind.
    pub(super) fn records(&mut self, kind: Kind) -> &mut Batch {
        match kind {
            Kind::Control => &mut self.controls,
            Kind::Capture => &mut self.captures,
            Kind::Notice => &mut self.notices,
        }
    }

    /// Sets a counter along with the rest.
    pub(super) fn meta<T: Serialize>(&mut self, key: &str, value: &T) -> Result<()> {
        self.meta.insert(key.as_bytes(), to_json(value)?);
        Ok(())
    }
}

impl Db {
    pub(super) fn open(dir: &Path) -> Result<Self> {
        let unusable = |why: &str| Error::new(Fault::StoreFailed, format!("{}: {why}", dir.display()));
        let config = sled::Config::new().path(dir).cache_capacity(CACHE_BYTES).flush_every_ms(None);
        let mut tries = 0;
        let sled = loop {
            // sled asserts some of what it reads; a damaged file must end in a message, not in a crash.
            match std::panic::catch_unwind(AssertUnwindSafe(|| config.open())) {
                Ok(Ok(sled)) => break sled,
                Ok(Err(error)) if is_locked(&error) && tries < LOCK_TRIES => {
                    tries += 1;
                    std::thread::park_timeout(LOCK_PAUSE);
                }
                Ok(Err(error)) => {
                    let advice = if is_locked(&error) {
                        "another process has the database open; stop it first"
                    } else {
                        "the database cannot be opened; see that the folder is writable and the disk not full, \
                         or move the folder away to start with an empty one"
                    };
                    return Err(unusable(advice).because(error));
                }
                Err(_) => {
                    return Err(unusable(
                        "the database is damaged; restore a copy, or move this folder away to start anew",
                    ));
                }
            }
        };
        let tree = |name: &str| sled.open_tree(name).map_err(failed("open a tree"));
        let meta = tree("meta")?;
        let generations = generations(&meta)?;
        let db = Self {
            file: File::open(dir.join("db")).map_err(|e| unusable("the database's file is missing").because(e))?,
            lists: RwLock::new(Arc::new(Lists::open(&sled, generations)?)),
            settings: tree("settings")?,
            sinks: tree("sinks")?,
            secrets: tree("secrets")?,
            meta,
            sled,
        };
        match db.meta::<u32>("format")? {
            Some(FORMAT) => {}
            Some(other) => {
                return Err(unusable(&format!(
                    "the database has format {other}, this software knows {FORMAT}; install the software that \
                     wrote it, or move the folder away to start with an empty one"
                )));
            }
            None => {
                db.meta.insert("format", to_json(&FORMAT)?).map_err(failed("write the format"))?;
                db.flush()?;
            }
        }
        let in_use = generations.names();
        db.drop_lists(|name| Generations::are_of(name) && !in_use.iter().any(|used| used == name));
        Ok(db)
    }

    /// People and records as they are now.
    pub(super) fn lists(&self) -> Arc<Lists> {
        read(&self.lists).clone()
    }

    /// Goes on without the records of `kinds`, and with `everybody` without people; all of it in one step, on the
    /// disk when it returns.
    pub(super) fn empty(&self, everybody: bool, kinds: &[Kind]) -> Result<()> {
        let old = generations(&self.meta)?;
        let next = |is_emptied: bool, generation: u32| match generation.checked_add(u32::from(is_emptied)) {
            Some(next) => Ok(next),
            None => Err(Error::new(Fault::StoreFailed, "emptied too often")),
        };
        let new = Generations {
            people: next(everybody, old.people)?,
            controls: next(kinds.contains(&Kind::Control), old.controls)?,
            captures: next(kinds.contains(&Kind::Capture), old.captures)?,
            notices: next(kinds.contains(&Kind::Notice), old.notices)?,
        };
        let lists = Lists::open(&self.sled, new)?;
        if let Err(error) = self.put(&self.meta, "generation", &to_json(&new)?) {
            // What is written from now on goes into the old trees: they must be the ones that count after a restart.
            if let Err(error) = self.meta.insert("generation", to_json(&old)?) {
                tracing::error!(%error, "the lists in use cannot be noted; a restart may find them empty");
            }
            return Err(error);
        }
        let lists = std::mem::replace(&mut *write(&self.lists), Arc::new(lists));
        // A search may still be reading; then the next open drops them.
        if Arc::into_inner(lists).is_some() {
            let (outdated, in_use) = (old.names(), new.names());
            self.drop_lists(|name| outdated.iter().any(|o| o == name) && !in_use.iter().any(|used| used == name));
        }
        Ok(())
    }

    /// Gives back the space of outdated lists. Nobody may hold them.
    fn drop_lists(&self, outdated: impl Fn(&str) -> bool) {
        for name in self.sled.tree_names() {
            if std::str::from_utf8(&name).is_ok_and(&outdated)
                && let Err(error) = self.sled.drop_tree(&name)
            {
                tracing::warn!(?name, %error, "outdated rows stay until the next start");
            }
        }
    }

    /// A counter; an unreadable one is as good as none.
    pub(super) fn meta<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        counter(&self.meta, key)
    }

    /// The rows of a kind of records, as they are now.
    pub(super) fn records(&self, kind: Kind) -> Tree {
        match kind {
            Kind::Control => self.lists().controls.clone(),
            Kind::Capture => self.lists().captures.clone(),
            Kind::Notice => self.lists().notices.clone(),
        }
    }

    /// Makes a change as a whole; on the disk when it returns.
    pub(super) fn commit(&self, change: &Change) -> Result<()> {
        let lists = self.lists();
        (&lists.people, &lists.embeddings, &lists.controls, &lists.captures, &lists.notices, &self.meta)
            .transaction(|(people, embeddings, controls, captures, notices, meta)| {
                people.apply_batch(&change.people)?;
                embeddings.apply_batch(&change.embeddings)?;
                controls.apply_batch(&change.controls)?;
                captures.apply_batch(&change.captures)?;
                notices.apply_batch(&change.notices)?;
                meta.apply_batch(&change.meta)?;
                Ok::<(), ConflictableTransactionError<()>>(())
            })
            .map_err(|error| match error {
                TransactionError::Storage(error) => failed("commit")(error),
                TransactionError::Abort(()) => Error::new(Fault::StoreFailed, "commit: aborted"),
            })?;
        self.flush()
    }

    /// Waits until everything written so far is on the disk.
    pub(super) fn flush(&self) -> Result<()> {
        self.sled.flush().map_err(failed("flush"))?;
        self.file.sync_data().map_err(|e| Error::new(Fault::StoreFailed, "flush").because(e))
    }

    /// Sets one key of one tree; on the disk when it returns.
    pub(super) fn put(&self, tree: &Tree, key: &str, value: &[u8]) -> Result<()> {
        tree.insert(key, value).map_err(failed("write"))?;
        self.flush()
    }

    /// Writes several rows of one tree, all or none; on the disk when it returns.
    pub(super) fn put_all(&self, tree: &Tree, rows: &[(&str, Vec<u8>)]) -> Result<()> {
        let mut batch = Batch::default();
        for (key, value) in rows {
            batch.insert(*key, value.as_slice());
        }
        tree.apply_batch(batch).map_err(failed("write"))?;
        self.flush()
    }
}

fn counter<T: DeserializeOwned>(meta: &Tree, key: &str) -> Result<Option<T>> {
    let bytes = meta.get(key).map_err(failed("read a counter"))?;
    Ok(bytes.and_then(|bytes| from_json("meta", &key, &bytes)))
}

/// The numbers of the trees in use. Unlike a counter they cannot be done without, as they say which rows are
/// there.
fn generations(meta: &Tree) -> Result<Generations> {
    let Some(bytes) = meta.get("generation").map_err(failed("read the generation"))? else {
        return Ok(Generations::default());
    };
    match serde_json::from_slice(&bytes) {
        Ok(StoredGenerations::Each(generations)) => Ok(generations),
        Ok(StoredGenerations::Shared(both)) => {
            Ok(Generations { people: both, controls: both, ..Generations::default() })
        }
        Err(error) => {
            Err(Error::new(Fault::StoreFailed, "the database does not say which rows are in use; restore a copy")
                .because(error))
        }
    }
}

fn is_locked(error: &sled::Error) -> bool {
    error.to_string().contains("could not acquire lock")
}

/// Turns sled's error into the store's; `doing` says at what.
pub(super) fn failed(doing: &'static str) -> impl Fn(sled::Error) -> Error {
    move |error| {
        let detail = match error {
            sled::Error::Corruption { .. } => {
                format!("{doing}: the database is damaged; restore a copy, or move its folder away to start anew")
            }
            _ => doing.to_owned(),
        };
        Error::new(Fault::StoreFailed, detail).because(error)
    }
}

pub(super) fn to_json<T: Serialize>(value: &T) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|e| Error::new(Fault::StoreFailed, "write a row").because(e))
}

/// Reads a row; an unreadable one is said in the log with its key and passed over.
pub(super) fn from_json<T: DeserializeOwned>(tree: &str, key: &dyn std::fmt::Debug, bytes: &[u8]) -> Option<T> {
    serde_json::from_slice(bytes)
        .inspect_err(|error| tracing::error!(tree, ?key, %error, "unreadable row passed over"))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trees_of_any_generation_are_known_by_name() {
        let generations = Generations { people: 12, controls: 0, captures: 0, notices: 3 };
        assert_eq!(generations.names(), ["people-12", "embeddings-12", "controls-0", "captures", "notices-3"]);
        for name in generations.names() {
            assert!(Generations::are_of(&name), "{name}");
        }
        for name in ["settings", "sinks", "secrets", "meta", "peoples-1", "__sled__default", ""] {
            assert!(!Generations::are_of(name), "{name}");
        }
    }

    #[test]
    fn what_earlier_software_counted_is_understood() {
        let sled = sled::Config::new().temporary(true).open().unwrap();
        let meta = sled.open_tree("meta").unwrap();
        for (stored, expect) in [
            (None, Some(Generations::default())),
            (Some("7"), Some(Generations { people: 7, controls: 7, captures: 0, notices: 0 })),
            (
                Some(r#"{"people":1,"controls":2,"captures":3,"notices":4}"#),
                Some(Generations { people: 1, controls: 2, captures: 3, notices: 4 }),
            ),
            (Some("?"), None),
        ] {
            if let Some(stored) = stored {
                meta.insert("generation", stored).unwrap();
            }
            assert_eq!(generations(&meta).ok(), expect, "{stored:?}");
        }
    }
}
