//! Everything that survives a restart, and the only module that names sled.
//!
//! People, settings, control and capture records, and the positions sinks have reached. Pictures are files,
//! written whole (temporary name, fsync, rename). What a call acknowledges is on the disk; records of the
//! door are the exception: they are queued, and the queue is flushed within half a second, because a door
//! never waits for the disk.
//!
//! A change goes to the `journal` first (`frame` is its form, `replay` reads it, `compact` keeps it short), then to the
//! `rows` in sled, which are made from it; `db` is the one way to change both. `files` are the folders of pictures and
//! `remover` the thread that empties them; `book` and `index` are what is kept in memory of people and records, so that
//! looking up never waits for the disk. `people`, `records` and `settings` are the store's methods by subject, `writer`
//! the thread behind the queue. The whole is described in `docs/design/store.md`.
//!
//! A change is made in this order: files, rows (one transaction, synced), memory, then files that no row
//! speaks of any more. Whoever changes rows holds `turn`; readers only ever wait for memory.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread::JoinHandle;

use crate::access::record::Event;
use crate::clock::{Clock, Inbox, Outbound};
use crate::error::{Error, Fault, Result};
use crate::field::LocalTime;

mod book;
mod compact;
mod db;
mod files;
mod format;
mod frame;
mod index;
mod journal;
mod people;
mod picture;
mod records;
mod remover;
mod replay;
mod rows;
mod settings;
mod settle;
mod space;
#[cfg(test)]
mod tests;
mod transfer;
mod writer;

use book::{Book, Row};
use db::{Db, from_json};
use files::Files;
pub use format::{FORMAT, format_of};
use frame::Tree;
use index::{Index, Kind, Log, Mark, PerKind};
pub use picture::Picture;
use remover::{Remover, RemoverThread};
use replay::{Live, Replay};
pub use space::probe;
use space::{Disk, Probe};
pub use transfer::Counters;
use writer::{Job, Next, Writer};

/// Photos without rows that a crash explains; more of them mean that rows were lost.
const STRAY_PHOTOS: u64 = 32;

/// How much the terminal keeps (board profile).
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// People.
    pub people: usize,
    /// Control records; the oldest goes first.
    pub control_records: usize,
    /// Capture records; the oldest goes first.
    pub captures: usize,
    /// Notices; the oldest goes first.
    pub notices: usize,
}

/// A registered photo and what was computed from it.
#[derive(Clone, Debug)]
pub struct Registered {
    /// JPEG file, as it is kept and given out.
    pub jpeg: Vec<u8>,
    /// Embedding, a direction or a plain vector as its pack has it.
    pub embedding: Vec<f32>,
    /// Id of the model pack the embedding belongs to.
    pub pack: String,
}

/// A stretch of records by time and place (3.22, 3.26). Times count in whole seconds.
#[derive(Clone, Copy, Debug)]
pub struct Range {
    /// First moment, included.
    pub begin: LocalTime,
    /// Last moment, included.
    pub end: LocalTime,
    /// Newest first.
    pub descending: bool,
    /// Matches to pass over.
    pub skip: usize,
    /// Matches to return at the most.
    pub limit: usize,
}

/// An event of the ordered log with its place in it.
#[derive(Clone, Debug)]
pub struct Logged {
    /// Place in the log, from 1, without gaps at the time of writing.
    pub seq: u64,
    /// What happened.
    pub event: Event,
}

/// What waits for a sink.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Backlog {
    /// Events.
    pub events: usize,
    /// How much of the fullest ring of records they take: from 1 on the oldest are dropped.
    pub share: f32,
}

/// The store. Cheap to share; all methods block for at most a disk flush. Dropping it writes what is
/// queued and lets go of the folder.
pub struct Store {
    dir: PathBuf,
    core: Arc<Core>,
    queue: Outbound<Job>,
    writer: Option<JoinHandle<()>>,
    _removing: RemoverThread,
}

/// What callers and the writer share.
struct Core {
    db: Db,
    limits: Limits,
    clock: Arc<dyn Clock>,
    photos: Files,
    /// Pictures taken, by the number of their record.
    snaps: PerKind<Files>,
    book: RwLock<Book>,
    ledger: RwLock<Ledger>,
    /// Held while rows are changed; holds the next number of a person.
    turn: Mutex<u32>,
    /// The next number of a photo's file.
    next_photo: AtomicU64,
    /// Records queued and not yet on the disk.
    queued: AtomicUsize,
    /// Pictures queued and not yet encoded.
    pictures: AtomicUsize,
    watchers: Mutex<Vec<Box<dyn Fn() + Send>>>,
    /// The sinks in force, each with the name its place is kept under.
    followers: Mutex<BTreeMap<&'static str, String>>,
    /// Held while the place of a sink is changed.
    places: Mutex<()>,
    probe: Box<dyn Probe>,
    /// Whether it was said that the disk is full.
    short: AtomicBool,
}

/// What memory knows of the records on the disk.
struct Ledger {
    records: PerKind<Index>,
    log: Log,
    /// The highest place ever given out.
    last_seq: u64,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("people", &self.count()).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens or makes the store in `dir` and starts its writer.
    ///
    /// # Errors
    /// [`Fault::StoreFailed`], saying what to do: the folder cannot be used, another process has it open,
    /// or newer software wrote it.
    pub fn open(dir: &Path, limits: Limits, clock: Arc<dyn Clock>) -> Result<Self> {
        Self::open_on(dir, limits, clock, Box::new(Disk(dir.to_owned())))
    }

    /// From now on the data have the layout this software writes, and older software is refused: once this release has
    /// proved itself.
    ///
    /// # Errors
    /// [`Fault::StoreFailed`]: the layout is what it was.
    pub fn settle_format(&self) -> Result<()> {
        format::write(&self.dir)
    }

    fn open_on(dir: &Path, limits: Limits, clock: Arc<dyn Clock>, probe: Box<dyn Probe>) -> Result<Self> {
        format::check(dir)?;
        let (db, replay) = Db::open(dir)?;
        // Where there is an older layout, the release before this one may be needed again.
        if format_of(dir).is_none()
            && let Err(error) = format::write(dir)
        {
            tracing::warn!(%error, cause = ?error.source, "software that does not know these data will not notice");
        }
        let live = replay.live();
        let (remover, removing) = Remover::start(clock.clone())?;
        let files = |name: &str| Files::open(dir.join(name), remover.clone());
        let photos = files("photos");
        let snaps = PerKind([files("snaps/control"), files("snaps/capture"), files("snaps/notice")]);

        let (book, last_person, whole) = load_people(&replay, &live);
        let known: HashSet<u64> = book.rows().filter_map(|(_, row)| Some(row.photo.as_ref()?.file)).collect();
        // A row that cannot be read may be mended one day: its photo, whichever it is, stays.
        let next_photo = photos
            .sweep(|file| !whole || known.contains(&file))
            .max(known.iter().max().map_or(0, |file| file.saturating_add(1)));
        // Adds that a crash cut short leave a photo or two without a row.
        let noted = db.counter("next_photo").unwrap_or(0_u64);
        if next_photo > noted.saturating_add(STRAY_PHOTOS) {
            tracing::error!(
                photos = next_photo - noted,
                "the database is older than its photos: it was damaged or replaced; restore a copy of the whole \
                 folder, or send the people again"
            );
        }
        let next_person = db.counter("next_person").unwrap_or(1_u32).max(last_person.saturating_add(1));

        let marks = PerKind::new(|kind| load_marks(&live, kind.into()));
        let mut next = db.counter::<Next>("next_record").filter(Next::is_sane).unwrap_or_default();
        for kind in Kind::ALL {
            let record = next.record(kind);
            *record = (*record).max(next_of(marks.of(kind), snaps.of(kind)));
        }
        let log = Log::new(Kind::ALL.into_iter().flat_map(|kind| marks.of(kind).iter().map(move |mark| (kind, *mark))));
        next.seq = next.seq.max(log.last() + 1);
        let records = PerKind::new(|kind| Index::new(marks.of(kind).clone()));
        let ledger = Ledger { records, log, last_seq: next.seq - 1 };

        let core = Arc::new(Core {
            db,
            limits,
            clock,
            photos,
            snaps,
            book: RwLock::new(book),
            ledger: RwLock::new(ledger),
            turn: Mutex::new(next_person),
            next_photo: AtomicU64::new(next_photo),
            queued: AtomicUsize::new(0),
            pictures: AtomicUsize::new(0),
            watchers: Mutex::default(),
            followers: Mutex::default(),
            places: Mutex::default(),
            probe,
            short: AtomicBool::new(false),
        });
        let inbox = Inbox::default();
        let queue = inbox.sender();
        core.db.mend_by(Box::new({
            let queue = queue.clone();
            move || queue.send(Job::Heal)
        }));
        let mut writer = Writer::new(core.clone(), inbox, next);
        let thread = std::thread::Builder::new()
            .name("store".into())
            .spawn(move || writer.run())
            .map_err(|e| Error::new(Fault::StoreFailed, "no thread for the store's writer").because(e))?;
        Ok(Self { dir: dir.to_owned(), core, queue, writer: Some(thread), _removing: removing })
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.queue.send(Job::Stop);
        // A watcher may be the last to hold the store: the writer cannot wait for itself.
        if let Some(writer) = self.writer.take().filter(|writer| writer.thread().id() != std::thread::current().id())
            && writer.join().is_err()
        {
            tracing::error!("the store's writer has panicked");
        }
    }
}

/// Everybody the journal knows, the highest number among them, and whether every row could be read.
fn load_people(replay: &Replay, live: &[Live<'_>]) -> (Book, u32, bool) {
    let (mut book, mut last, mut whole) = (Book::default(), 0, replay.damage.is_none() && !replay.was_damaged);
    let mut values = replay.values();
    for (_, key, place) in live.iter().filter(|(tree, ..)| *tree == Tree::People) {
        let id = (*key).try_into().map(u32::from_be_bytes).ok();
        let value = place.value.and_then(|value| {
            values.get(value).inspect_err(|error| tracing::error!(?key, %error, "a person cannot be read")).ok()
        });
        let row = value.and_then(|value| from_json::<Row>("people", &key, &value));
        let Some(row) = row.filter(|row| Some(row.person.id.0) == id) else {
            tracing::error!(?key, "person passed over: the row cannot be read, or is another's");
            whole = false;
            continue;
        };
        last = last.max(row.person.id.0);
        if let Err(error) = book.check(&row.person) {
            tracing::error!(id, %error, "two people bear one number; the later one counts");
        }
        book.put(row);
    }
    (book, last, whole)
}

/// Sweeps the pictures of a kind of records; returns a number neither a record nor a picture has.
fn next_of(marks: &[Mark], files: &Files) -> u64 {
    let known: HashSet<u64> = marks.iter().map(|mark| mark.id).collect();
    files.sweep(|id| known.contains(&id)).max(marks.last().map_or(0, |mark| mark.id + 1))
}

/// The marks of a list of records, in the order of their numbers.
fn load_marks(live: &[Live<'_>], tree: Tree) -> Vec<Mark> {
    let mut marks = Vec::new();
    for (_, key, _) in live.iter().filter(|(of, ..)| *of == tree) {
        match Mark::from_key(key) {
            Some(mark) => marks.push(mark),
            None => tracing::error!(?key, "record with an unreadable key passed over"),
        }
    }
    marks.sort_unstable_by_key(|mark| mark.id);
    marks
}

fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
