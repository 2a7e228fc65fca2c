//! The rows in sled: an index over the journal, which can be made anew from it at any time.
//!
//! A change is applied with its number in one transaction, and not synced: what sled forgets in a crash is applied
//! again from the journal. An error of sled is for good until it is opened anew.

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sled::transaction::{ConflictableTransactionError, TransactionError, Transactional};
use sled::{Batch, IVec};

use super::FORMAT;
use super::db::{from_json, to_json};
use super::frame::{self, Op, Tree};
use super::replay::{Replay, Value, Values, hash};
use crate::error::{Error, Fault, Result};

/// The format that had no journal.
pub(super) const WITHOUT_JOURNAL: u32 = 1;

/// Memory sled may keep pages in: the store answers most questions from memory of its own.
const CACHE_BYTES: u64 = 32 << 20;

/// How often, and after how long, a database that somebody has open is tried again: sled's own threads
/// let go of it a moment after the store that was closed. No clock of ours plays a part in that.
const LOCK_TRIES: u32 = 100;
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// Rows put or removed in one go while the rows are brought in line.
const STEP: usize = 256;

/// What the index keeps about itself, in the tree of the counters.
const FORMAT_KEY: &str = "format";
const GENERATION_KEY: &str = "generation";
const APPLIED_KEY: &str = "applied";

/// The trees in sled.
#[derive(Debug)]
pub(super) struct Rows {
    sled: sled::Db,
    /// Those that are emptied as a whole go on with new ones.
    trees: RwLock<Arc<Trees>>,
    counters: sled::Tree,
}

/// The trees as they are at a moment; whoever reads them may hold on to them while they are emptied.
#[derive(Debug)]
pub(super) struct Trees {
    generations: Generations,
    /// In the order of [`Tree::ALL`].
    trees: [sled::Tree; 9],
}

/// How often each list was emptied: the numbers in the names of the trees in use. All is removed by going on with new
/// trees: removing a hundred thousand rows one by one takes minutes on a small board.
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
    /// The name of a tree.
    fn name(self, tree: Tree) -> String {
        // The first captures and notices have no number in their names.
        let numbered_from_1 = |name: &str, generation: u32| match generation {
            0 => name.to_owned(),
            generation => format!("{name}-{generation}"),
        };
        match tree {
            Tree::People => format!("people-{}", self.people),
            Tree::Embeddings => format!("embeddings-{}", self.people),
            Tree::Controls => format!("controls-{}", self.controls),
            Tree::Captures => numbered_from_1("captures", self.captures),
            Tree::Notices => numbered_from_1("notices", self.notices),
            Tree::Settings => "settings".to_owned(),
            Tree::Sinks => "sinks".to_owned(),
            Tree::Secrets => "secrets".to_owned(),
            Tree::Counters => "meta".to_owned(),
        }
    }

    /// The same after `tree` was emptied.
    fn without(mut self, tree: Tree) -> Self {
        let generation = match tree {
            Tree::People | Tree::Embeddings => &mut self.people,
            Tree::Controls => &mut self.controls,
            Tree::Captures => &mut self.captures,
            Tree::Notices => &mut self.notices,
            Tree::Settings | Tree::Sinks | Tree::Secrets | Tree::Counters => return self,
        };
        *generation = generation.wrapping_add(1);
        self
    }

    /// Whether `name` is a tree of one of these lists, of whatever generation.
    fn are_of(name: &str) -> bool {
        let list = name.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('-');
        ["people", "embeddings", "controls", "captures", "notices"].contains(&list)
    }
}

impl Trees {
    /// A tree.
    pub(super) const fn of(&self, tree: Tree) -> &sled::Tree {
        &self.trees[tree as usize]
    }

    fn open(sled: &sled::Db, generations: Generations) -> Result<Self> {
        let open = |tree: Tree| sled.open_tree(generations.name(tree)).map_err(failed("open a tree"));
        let [a, b, c, d, e, f, g, h, i] = Tree::ALL.map(open);
        Ok(Self { generations, trees: [a?, b?, c?, d?, e?, f?, g?, h?, i?] })
    }
}

/// Why a database cannot be used.
#[derive(Debug)]
pub(super) enum Unusable {
    /// Somebody else has it.
    Locked,
    /// Newer software wrote it.
    Format(u32),
    /// It is damaged, or the disk fails.
    Broken(String),
}

impl Rows {
    /// Opens or makes the database in `dir`.
    pub(super) fn open(dir: &Path) -> std::result::Result<Self, Unusable> {
        // sled asserts some of what it reads, in threads of its own too; damage must end in a message.
        let opened = std::panic::catch_unwind(AssertUnwindSafe(|| Self::try_open(dir)));
        opened.unwrap_or_else(|_| Err(Unusable::Broken("the database is damaged".to_owned())))
    }

    fn try_open(dir: &Path) -> std::result::Result<Self, Unusable> {
        let config = sled::Config::new().path(dir).cache_capacity(CACHE_BYTES).flush_every_ms(None);
        let mut tries = 0;
        let sled = loop {
            match config.open() {
                Ok(sled) => break sled,
                Err(error) if is_locked(&error) && tries < LOCK_TRIES => {
                    tries += 1;
                    std::thread::park_timeout(LOCK_PAUSE);
                }
                Err(error) if is_locked(&error) => return Err(Unusable::Locked),
                Err(error) => return Err(Unusable::Broken(error.to_string())),
            }
        };
        let broken = |error: Error| Unusable::Broken(error.to_string());
        let counters = sled.open_tree("meta").map_err(|error| Unusable::Broken(error.to_string()))?;
        let stored = counters.get(FORMAT_KEY).map_err(|error| Unusable::Broken(error.to_string()))?;
        if let Some(format) = stored.and_then(|bytes| serde_json::from_slice::<u32>(&bytes).ok())
            && format > FORMAT
        {
            return Err(Unusable::Format(format));
        }
        let generations = generations(&counters).map_err(broken)?;
        let trees = RwLock::new(Arc::new(Trees::open(&sled, generations).map_err(broken)?));
        let rows = Self { sled, trees, counters };
        rows.drop_outdated(generations);
        Ok(rows)
    }

    /// The trees as they are now.
    pub(super) fn trees(&self) -> Arc<Trees> {
        self.trees.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The number of the last change that was applied; 0 for a new database.
    pub(super) fn applied(&self) -> Result<u64> {
        Ok(self.own::<u64>(APPLIED_KEY)?.unwrap_or(0))
    }

    /// The format it is written in; `None` for a new one.
    pub(super) fn format(&self) -> Result<Option<u32>> {
        self.own(FORMAT_KEY)
    }

    fn own<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        let bytes = self.counters.get(key).map_err(failed("read a counter"))?;
        Ok(bytes.and_then(|bytes| from_json("meta", &key, &bytes)))
    }

    /// Applies a change.
    ///
    /// # Errors
    /// [`Fault::StoreFailed`]; the database has to be opened anew.
    pub(super) fn apply(&self, number: u64, payload: &[u8]) -> Result<()> {
        let applied = std::panic::catch_unwind(AssertUnwindSafe(|| self.try_apply(number, payload)));
        applied.unwrap_or_else(|_| Err(Error::new(Fault::StoreFailed, "the database failed while it was written")))
    }

    fn try_apply(&self, number: u64, payload: &[u8]) -> Result<()> {
        let mut trees = self.trees();
        let (mut batches, mut generations) = (Batches::default(), trees.generations);
        let mut emptied = false;
        for (op, _) in frame::ops(payload).flatten() {
            match op {
                Op::Put(tree, key, value) => batches.of(tree).insert(key, value),
                Op::Remove(tree, key) => batches.of(tree).remove(key),
                Op::Clear(tree) => {
                    // People and embeddings share a number, and go together.
                    if tree != Tree::Embeddings {
                        generations = generations.without(tree);
                    }
                    emptied = true;
                }
                Op::End(_) => {}
            }
        }
        if emptied {
            trees = Arc::new(Trees::open(&self.sled, generations)?);
            batches.of(Tree::Counters).insert(GENERATION_KEY, to_json(&generations)?);
        }
        self.commit(&trees, batches, number)?;
        if emptied {
            let old = std::mem::replace(&mut *self.trees.write().unwrap_or_else(PoisonError::into_inner), trees);
            // A search may still be reading; then the next open drops them.
            if Arc::into_inner(old).is_some() {
                self.drop_outdated(generations);
            }
        }
        Ok(())
    }

    /// Writes what is gathered, and that everything up to change `number` is there.
    fn commit(&self, trees: &Trees, mut batches: Batches, number: u64) -> Result<()> {
        batches.of(Tree::Counters).insert(APPLIED_KEY, to_json(&number)?);
        let committed = trees.trees[..].transaction(|views| {
            for (view, batch) in views.iter().zip(&batches.0) {
                view.apply_batch(batch)?;
            }
            Ok::<(), ConflictableTransactionError<()>>(())
        });
        committed.map_err(|error| match error {
            TransactionError::Storage(error) => failed("commit")(error),
            TransactionError::Abort(()) => Error::new(Fault::StoreFailed, "commit: aborted"),
        })
    }

    /// Brings the rows in line with the journal.
    ///
    /// # Errors
    /// [`Discord`] when they do not say what they were told, unless the journal is damaged: then they are believed up to
    /// the last change they know of.
    pub(super) fn settle(&self, replay: &Replay) -> std::result::Result<(), Discord> {
        let settled = std::panic::catch_unwind(AssertUnwindSafe(|| self.try_settle(replay)));
        settled.unwrap_or_else(|_| Err(Discord("it fails while it is read".to_owned())))
    }

    fn try_settle(&self, replay: &Replay) -> std::result::Result<(), Discord> {
        let failed = |error: Error| Discord(error.to_string());
        let applied = self.applied().map_err(failed)?;
        if applied > replay.last {
            return Err(Discord("it knows of later changes than the journal".to_owned()));
        }
        let trees = self.trees();
        let mut seen = HashSet::new();
        let mut gone: Vec<(Tree, IVec)> = Vec::new();
        let mut wanted: Vec<(Tree, Vec<u8>, Value)> = Vec::new();
        for tree in Tree::ALL {
            for row in trees.of(tree) {
                let (key, value) = row.map_err(|error| Discord(error.to_string()))?;
                if tree == Tree::Counters && is_own(&key) {
                    continue;
                }
                match replay.row(tree, &key) {
                    Some(place) => match place.value {
                        Some(known) if known.hash == hash(&value) => drop(seen.insert((tree, key))),
                        // It is put below.
                        Some(_) if place.change > applied => {}
                        None if place.change > applied => gone.push((tree, key)),
                        Some(_) => return Err(Discord(format!("a row of {tree:?} is another"))),
                        None => return Err(Discord(format!("a row of {tree:?} was removed and is there"))),
                    },
                    // Removed before the snapshot was made, or with its tree.
                    None if replay.base > applied || replay.cleared(tree) > applied => gone.push((tree, key)),
                    None => return Err(Discord(format!("a row of {tree:?} is unknown"))),
                }
            }
        }
        for (tree, key, place) in replay.live() {
            let Some(value) = place.value else { continue };
            if seen.contains(&(tree, IVec::from(key))) {
                continue;
            }
            if place.change <= applied {
                return Err(Discord(format!("a row of {tree:?} is missing")));
            }
            wanted.push((tree, key.to_vec(), value));
        }
        let (removed, put) = (gone.len(), wanted.len());
        self.bring_in_line(replay, gone, &wanted).map_err(failed)?;
        if put + removed > 0 {
            tracing::info!(put, removed, "the database was brought up to date from the journal");
        }
        Ok(())
    }

    fn bring_in_line(&self, replay: &Replay, gone: Vec<(Tree, IVec)>, wanted: &[(Tree, Vec<u8>, Value)]) -> Result<()> {
        let trees = self.trees();
        let unreadable = |e: std::io::Error| Error::new(Fault::StoreFailed, "read the journal").because(e);
        // Until all is done the number of the last change stays: cut short, it is done again.
        let applied = self.applied()?;
        for gone in gone.chunks(STEP) {
            let mut batches = Batches::default();
            gone.iter().for_each(|(tree, key)| batches.of(*tree).remove(key.clone()));
            self.commit(&trees, batches, applied)?;
        }
        let mut values = replay.values();
        for wanted in wanted.chunks(STEP) {
            let mut batches = Batches::default();
            for (tree, key, value) in wanted {
                batches.of(*tree).insert(key.as_slice(), values.get(*value).map_err(unreadable)?);
            }
            self.commit(&trees, batches, applied)?;
        }
        self.agree(replay.last)
    }

    /// Notes that the rows are what the journal says up to change `number`.
    ///
    /// # Errors
    /// [`Fault::StoreFailed`].
    pub(super) fn agree(&self, number: u64) -> Result<()> {
        let mut batches = Batches::default();
        let trees = self.trees();
        batches.of(Tree::Counters).insert(FORMAT_KEY, to_json(&FORMAT)?);
        batches.of(Tree::Counters).insert(GENERATION_KEY, to_json(&trees.generations)?);
        self.commit(&trees, batches, number)
    }

    /// All rows, for a journal that has to be made from them.
    ///
    /// # Errors
    /// [`Fault::StoreFailed`] when they cannot be read.
    pub(super) fn each(&self, mut take: impl FnMut(Tree, &[u8], &[u8]) -> std::io::Result<()>) -> Result<()> {
        let trees = self.trees();
        for tree in Tree::ALL {
            for row in trees.of(tree) {
                let (key, value) = row.map_err(failed("read the rows"))?;
                if tree != Tree::Counters || !is_own(&key) {
                    take(tree, &key, &value)
                        .map_err(|e| Error::new(Fault::StoreFailed, "write the journal").because(e))?;
                }
            }
        }
        Ok(())
    }

    /// Applies what the journal still says of changes behind those the rows know, and which it can still read.
    ///
    /// # Errors
    /// [`Fault::StoreFailed`].
    pub(super) fn catch_up(&self, replay: &Replay, values: &mut Values<'_>) -> Result<()> {
        let applied = self.applied()?;
        let trees = self.trees();
        for tree in Tree::ALL {
            let mut batches = Batches::default();
            // Unknown to a whole snapshot that is newer than the rows: removed before it.
            let cleared = replay.cleared(tree) > applied || replay.is_based && replay.base > applied;
            for row in trees.of(tree) {
                let (key, _) = row.map_err(failed("read the rows"))?;
                let own = tree == Tree::Counters && is_own(&key);
                let place = replay.row(tree, &key);
                let is_gone = place.map_or(cleared, |place| place.change > applied && place.value.is_none());
                if is_gone && !own {
                    batches.of(tree).remove(key);
                }
            }
            self.commit(&trees, batches, applied)?;
        }
        for wanted in replay.live().chunks(STEP) {
            let mut batches = Batches::default();
            for (tree, key, place) in wanted.iter().filter(|(_, _, place)| place.change > applied) {
                let Some(value) = place.value else { continue };
                let bytes =
                    values.get(value).map_err(|e| Error::new(Fault::StoreFailed, "read the journal").because(e))?;
                batches.of(*tree).insert(*key, bytes);
            }
            self.commit(&trees, batches, applied)?;
        }
        self.agree(applied.max(replay.last))
    }

    /// Writes what is still in memory; only to have less to catch up with.
    pub(super) fn flush(&self) {
        if let Ok(Err(error)) = std::panic::catch_unwind(AssertUnwindSafe(|| self.sled.flush())) {
            tracing::warn!(%error, "the database cannot be flushed; it catches up from the journal");
        }
    }

    /// Gives back the space of lists that were emptied. Whoever still reads one keeps it until the next start.
    fn drop_outdated(&self, generations: Generations) {
        let in_use = Tree::ALL.map(|tree| generations.name(tree));
        for name in self.sled.tree_names() {
            if std::str::from_utf8(&name)
                .is_ok_and(|name| Generations::are_of(name) && !in_use.iter().any(|u| u == name))
                && let Err(error) = self.sled.drop_tree(&name)
            {
                tracing::warn!(?name, %error, "outdated rows stay until the next start");
            }
        }
    }
}

/// The rows are not what they were told to be; what is wrong.
#[derive(Debug)]
pub(super) struct Discord(pub(super) String);

/// A batch for each tree.
#[derive(Default)]
struct Batches([Batch; 9]);

impl Batches {
    const fn of(&mut self, tree: Tree) -> &mut Batch {
        &mut self.0[tree as usize]
    }
}

fn is_own(key: &[u8]) -> bool {
    [FORMAT_KEY, GENERATION_KEY, APPLIED_KEY].iter().any(|own| own.as_bytes() == key)
}

/// The numbers of the trees in use. Unlike a counter they cannot be done without, as they say which rows are
/// there.
fn generations(counters: &sled::Tree) -> Result<Generations> {
    let Some(bytes) = counters.get(GENERATION_KEY).map_err(failed("read the generation"))? else {
        return Ok(Generations::default());
    };
    match serde_json::from_slice(&bytes) {
        Ok(StoredGenerations::Each(generations)) => Ok(generations),
        Ok(StoredGenerations::Shared(both)) => {
            Ok(Generations { people: both, controls: both, ..Generations::default() })
        }
        Err(error) => {
            Err(Error::new(Fault::StoreFailed, "the database does not say which rows are in use").because(error))
        }
    }
}

fn is_locked(error: &sled::Error) -> bool {
    error.to_string().contains("could not acquire lock")
}

/// Turns sled's error into the store's; `doing` says at what.
pub(super) fn failed(doing: &'static str) -> impl Fn(sled::Error) -> Error {
    move |error| Error::new(Fault::StoreFailed, doing).because(error)
}
