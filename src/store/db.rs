//! The one way to change what is kept: first the journal, then the rows that are made from it, then memory.
//!
//! A change is acknowledged once the journal has it. Rows that fail do not fail the change: they are opened anew and
//! brought up to date ([`Db::heal`]). What is small and always needed (settings, places of sinks, secrets, counters) is
//! kept in memory, so that only records and embeddings ever need the rows.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, RwLock};
use std::thread::JoinHandle;

use rustix::fs::{FlockOperation, flock};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::compact::compact;
use super::frame::{self, Op, Tree};
use super::index::Kind;
use super::journal::{self, Journal};
use super::replay::Replay;
use super::rows::{Rows, Trees, Unusable};
use super::settle::{rebuilt, settle};
use super::{read, write};
use crate::clock::lock;
use crate::error::{Error, Fault, Result};
use crate::settings::{Account, Group};

/// Logs are taken into a new snapshot once they are longer than it, and than this.
const SMALL_LOGS: u64 = 8 << 20;
/// How the report begins of what is small and cannot be read.
const UNREADABLE: &str = "unreadable:";
/// In place of a login that was lost: no group can be read from it.
const LOST: &[u8] = b"lost";

/// A report of something wrong with what is kept, and of what was done about it.
pub(super) type Tell = dyn Fn(&str) + Send + Sync;

/// What is small and always needed: list and key → value.
type Small = HashMap<(Tree, Box<[u8]>), Vec<u8>>;

/// The journal and the rows.
pub(super) struct Db {
    folder: PathBuf,
    journal: Mutex<Writing>,
    rows: RwLock<Option<Arc<Rows>>>,
    /// Settings, sinks, secrets and counters.
    small: RwLock<Small>,
    troubles: Mutex<Troubles>,
    /// Told when something is broken that may be mended.
    mender: OnceLock<Box<dyn Fn() + Send + Sync>>,
    stop: Arc<AtomicBool>,
    /// The journal could not be read: memory does not know what is in it.
    unread: bool,
    /// Where the rows are when the data folder cannot be written.
    temporary: Option<PathBuf>,
    /// Held as long as the store is open.
    _lock: Option<File>,
}

/// What appending needs.
struct Writing {
    /// `Err`: why nothing can be appended.
    journal: std::result::Result<Journal, String>,
    /// Length of logs from which on a snapshot is made.
    compact_from: u64,
    compacting: Option<JoinHandle<Option<Compacted>>>,
}

/// What making a snapshot came to.
struct Compacted {
    base: u64,
    logs: u64,
}

#[derive(Default)]
struct Troubles {
    said: Vec<String>,
    watcher: Option<Box<Tell>>,
}

/// Changes that happen all or not at all.
#[derive(Debug, Default)]
pub(super) struct Change {
    payload: Vec<u8>,
}

impl Change {
    pub(super) fn put(&mut self, tree: Tree, key: &[u8], value: &[u8]) {
        frame::push(&mut self.payload, Op::Put(tree, key, value));
    }

    pub(super) fn remove(&mut self, tree: Tree, key: &[u8]) {
        frame::push(&mut self.payload, Op::Remove(tree, key));
    }

    /// Removes all rows of a tree.
    pub(super) fn clear(&mut self, tree: Tree) {
        frame::push(&mut self.payload, Op::Clear(tree));
    }

    /// Sets a counter along with the rest.
    pub(super) fn count<T: Serialize>(&mut self, key: &str, value: &T) -> Result<()> {
        self.put(Tree::Counters, key.as_bytes(), &to_json(value)?);
        Ok(())
    }
}

impl From<Kind> for Tree {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Control => Self::Controls,
            Kind::Capture => Self::Captures,
            Kind::Notice => Self::Notices,
        }
    }
}

impl Db {
    /// Opens or makes what is kept in `dir`; also says what the journal says, to be loaded from.
    ///
    /// # Errors
    /// [`Fault::StoreFailed`] when another process has it open, or newer software wrote it. Anything else is made the
    /// best of, and said.
    pub(super) fn open(dir: &Path) -> Result<(Self, Replay)> {
        let mut said = Vec::new();
        let lock = lock_folder(dir, &mut said)?;
        let folder = dir.join("journal");
        if let Err(error) = fs::create_dir_all(&folder).and_then(|()| journal::list(&folder).map(drop)) {
            said.push(format!("{}: the journal's folder cannot be used: {error}", folder.display()));
            let aside = folder.with_extension("damaged");
            drop(fs::rename(&folder, aside).and_then(|()| fs::create_dir_all(&folder)));
        }
        let mut unread = false;
        let mut replay = Replay::read(&folder, None).unwrap_or_else(|error| {
            unread = true;
            said.push(format!("{}: the journal cannot be read: {error}", folder.display()));
            Replay::unreadable()
        });
        let (rows, temporary) = settle(dir, &folder, &mut replay, &mut said)?;
        if let Some(damage) = &replay.damage {
            said.push(format!("the journal is damaged ({damage}): what can be read of it counts"));
        }
        let mut small = small(&replay, &mut said);
        let account = (Tree::Settings, Box::from(Account::NAME.as_bytes()));
        // A lost login must not become the default one: what cannot be read locks the API.
        let has_lost_login = (replay.damage.is_some() || said.iter().any(|what| what.starts_with(UNREADABLE)))
            && !small.contains_key(&account);
        if has_lost_login {
            small.insert(account, LOST.to_vec());
        }
        journal::clean(&folder, "tmp");
        let journal = if unread && replay.damage.is_some() {
            // What would be appended now might hide what can be read another time.
            Err("the journal cannot be read".to_owned())
        } else {
            writable(&folder).map(|()| replay.resume(&folder))
        };
        if let Err(why) = &journal {
            said.push(format!("the data folder cannot be written: {why}; people pass, nothing can be changed"));
        }
        for what in &said {
            tracing::error!(what, "the store");
        }
        let db = Self {
            folder,
            journal: Mutex::new(Writing { journal, compact_from: threshold(replay.base_length), compacting: None }),
            rows: RwLock::new(rows.map(Arc::new)),
            small: RwLock::new(small),
            troubles: Mutex::new(Troubles { said, watcher: None }),
            mender: OnceLock::new(),
            stop: Arc::default(),
            unread,
            temporary,
            _lock: lock,
        };
        if has_lost_login && let Err(error) = db.set(Tree::Settings, Account::NAME, LOST) {
            tracing::error!(%error, "that the login is lost is not kept");
        }
        Ok((db, replay))
    }

    /// The trees of the rows, as they are now.
    ///
    /// # Errors
    /// [`Fault::StoreFailed`] while the rows are made anew.
    pub(super) fn trees(&self) -> Result<Arc<Trees>> {
        match &*read(&self.rows) {
            Some(rows) => Ok(rows.trees()),
            None => {
                crate::bail!(StoreFailed, "the records are not to be read now; they are made anew from the journal")
            }
        }
    }

    /// Makes a change as a whole; on the disk when it returns.
    ///
    /// # Errors
    /// [`Fault::StoreFailed`]; nothing is changed then.
    pub(super) fn commit(&self, change: &Change) -> Result<()> {
        let mut writing = lock(&self.journal);
        let journal = match &mut writing.journal {
            Ok(journal) => journal,
            Err(why) => crate::bail!(StoreFailed, "the data folder cannot be written: {why}"),
        };
        let number = journal.append(&change.payload).map_err(|error| {
            let why = match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    "the disk is full; remove records or people"
                }
                _ => "the journal cannot be written; look at the disk",
            };
            Error::new(Fault::StoreFailed, why).because(error)
        })?;
        self.note(&change.payload);
        let rows = read(&self.rows).clone();
        if let Some(rows) = rows
            && let Err(error) = rows.apply(number, &change.payload)
        {
            drop(rows);
            discard(write(&self.rows).take());
            self.tell(&format!("the database fails and is made anew from the journal: {error}"));
            if let Some(mender) = self.mender.get() {
                mender();
            }
        }
        self.compact(&mut writing);
        Ok(())
    }

    /// Keeps in memory what is small.
    fn note(&self, payload: &[u8]) {
        for (op, _) in frame::ops(payload).flatten() {
            match op {
                Op::Put(tree, key, value) if is_small(tree) => {
                    write(&self.small).insert((tree, key.into()), value.to_vec());
                }
                Op::Remove(tree, key) if is_small(tree) => drop(write(&self.small).remove(&(tree, key.into()))),
                _ => {}
            }
        }
    }

    /// Sets one small thing; on the disk when it returns.
    ///
    /// # Errors
    /// As [`Db::commit`].
    pub(super) fn set(&self, tree: Tree, key: &str, value: &[u8]) -> Result<()> {
        let mut change = Change::default();
        change.put(tree, key.as_bytes(), value);
        self.commit(&change)
    }

    /// Keeps one small thing until the store is closed.
    pub(super) fn remember(&self, tree: Tree, key: &str, value: &[u8]) {
        write(&self.small).insert((tree, key.as_bytes().into()), value.to_vec());
    }

    /// A small thing.
    pub(super) fn get(&self, tree: Tree, key: &str) -> Option<Vec<u8>> {
        read(&self.small).get(&(tree, key.as_bytes().into())).cloned()
    }

    /// All small things of a list, in the order of their names.
    pub(super) fn all(&self, tree: Tree) -> Vec<(String, Vec<u8>)> {
        let small = read(&self.small);
        let of_tree = small.iter().filter(|((of, _), _)| *of == tree);
        let mut all: Vec<_> =
            of_tree.map(|((_, key), value)| (String::from_utf8_lossy(key).into_owned(), value.clone())).collect();
        all.sort();
        all
    }

    /// A counter; an unreadable one is as good as none.
    pub(super) fn counter<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        from_json("counters", &key, &self.get(Tree::Counters, key)?)
    }

    /// Whether the rows are there and changes can be written.
    pub(super) fn is_well(&self) -> bool {
        read(&self.rows).is_some() && lock(&self.journal).journal.is_ok()
    }

    /// Has `mender` told when there is something to heal.
    pub(super) fn mend_by(&self, mender: Box<dyn Fn() + Send + Sync>) {
        drop(self.mender.set(mender));
        if let Some(mender) = self.mender.get().filter(|_| !self.is_well()) {
            mender();
        }
    }

    /// Makes the rows anew from the journal, or goes on with a journal that could not be written, if that works now.
    pub(super) fn heal(&self) {
        let mut writing = lock(&self.journal);
        if writing.journal.is_err() && !self.unread && writable(&self.folder).is_ok() {
            match Replay::read(&self.folder, None) {
                Ok(replay) => {
                    writing.journal = Ok(replay.resume(&self.folder));
                    self.tell("the data folder can be written again");
                }
                Err(error) => tracing::warn!(%error, "the journal cannot be read yet"),
            }
        }
        if read(&self.rows).is_some() {
            return;
        }
        let Some(dir) = self.folder.parent() else { return };
        let mut said = Vec::new();
        let healed = Replay::read(&self.folder, None).map_err(|e| e.to_string()).and_then(|replay| {
            let at = self.temporary.clone().unwrap_or_else(|| dir.join("db"));
            let rows = match Rows::open(&at) {
                // Somebody still reads the old ones.
                Err(Unusable::Locked) => return Err("it is still read".to_owned()),
                Err(why) => Err(format!("{why:?}")),
                Ok(rows) => rows.settle(&replay).map(|()| rows).map_err(|discord| discord.0),
            };
            rows.or_else(|why| rebuilt(&at, &replay, &why, &mut said))
        });
        match healed {
            Ok(rows) => {
                *write(&self.rows) = Some(Arc::new(rows));
                said.push("the database is up to date again".to_owned());
            }
            Err(why) => tracing::warn!(why, "the database cannot be made anew yet"),
        }
        said.iter().for_each(|what| self.tell(what));
    }

    /// Makes a snapshot on a thread of its own when the logs have become long.
    fn compact(&self, writing: &mut Writing) {
        if let Some(done) = writing.compacting.take_if(|thread| thread.is_finished()) {
            let compacted = done.join().ok().flatten();
            if let Ok(journal) = &mut writing.journal {
                match compacted {
                    Some(Compacted { base, logs }) => {
                        journal.compacted(logs);
                        writing.compact_from = threshold(base);
                    }
                    // Not at every change from now on.
                    None => writing.compact_from = journal.logged() + SMALL_LOGS,
                }
            }
        }
        let Ok(journal) = &mut writing.journal else { return };
        if writing.compacting.is_some() || journal.logged() < writing.compact_from {
            return;
        }
        if let Err(error) = journal.begin_log() {
            tracing::warn!(%error, "no snapshot is made: a new log cannot be begun");
            writing.compact_from = journal.logged() + SMALL_LOGS;
            return;
        }
        let (folder, number, stop) = (self.folder.clone(), journal.number(), self.stop.clone());
        let work = move || match compact(&folder, number, &stop) {
            Ok(done) => done.map(|(base, logs)| Compacted { base, logs }),
            Err(error) => {
                tracing::error!(%error, "no snapshot of the journal; the logs stay");
                None
            }
        };
        writing.compacting = std::thread::Builder::new().name("store-compact".into()).spawn(work).ok();
        if writing.compacting.is_none() {
            writing.compact_from += SMALL_LOGS;
        }
    }

    /// Waits for a snapshot that is being made.
    #[cfg(test)]
    pub(super) fn settle(&self) {
        while lock(&self.journal).compacting.as_ref().is_some_and(|thread| !thread.is_finished()) {
            std::thread::yield_now();
        }
    }

    /// Says what is wrong, or right again.
    pub(super) fn tell(&self, what: &str) {
        tracing::error!(what, "the store");
        let troubles = &mut *lock(&self.troubles);
        match &troubles.watcher {
            Some(watcher) => watcher(what),
            None => troubles.said.push(what.to_owned()),
        }
    }

    /// Has `watcher` told what is wrong, what was said before it came included. It must be quick.
    pub(super) fn watch(&self, watcher: Box<Tell>) {
        let troubles = &mut *lock(&self.troubles);
        troubles.said.drain(..).for_each(|what| watcher(&what));
        troubles.watcher = Some(watcher);
    }
}

impl Drop for Db {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = lock(&self.journal).compacting.take() {
            drop(thread.join());
        }
        let rows = write(&self.rows).take();
        if let Some(rows) = &rows {
            rows.flush();
        }
        discard(rows);
        if let Some(folder) = &self.temporary {
            drop(fs::remove_dir_all(folder));
        }
    }
}

/// Lets go of rows; sled may panic then, when its disk failed before.
fn discard(rows: Option<Arc<Rows>>) {
    if std::panic::catch_unwind(AssertUnwindSafe(|| drop(rows))).is_err() {
        tracing::error!("the database failed while it was closed; it catches up from the journal");
    }
}

const fn is_small(tree: Tree) -> bool {
    matches!(tree, Tree::Settings | Tree::Sinks | Tree::Secrets | Tree::Counters)
}

fn threshold(base: u64) -> u64 {
    base.max(SMALL_LOGS)
}

/// Keeps others out.
fn lock_folder(dir: &Path, said: &mut Vec<String>) -> Result<Option<File>> {
    let path = dir.join("lock");
    let made = fs::create_dir_all(dir)
        .and_then(|()| OpenOptions::new().write(true).create(true).truncate(false).open(&path))
        .or_else(|_| File::open(&path));
    let file = match made {
        Ok(file) => file,
        Err(error) => {
            said.push(format!("{}: the folder cannot be locked: {error}", dir.display()));
            return Ok(None);
        }
    };
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file)),
        Err(rustix::io::Errno::WOULDBLOCK) => {
            crate::bail!(StoreFailed, "{}: another process has the database open; stop it first", dir.display())
        }
        Err(error) => {
            said.push(format!("{}: the folder cannot be locked: {error}", dir.display()));
            Ok(Some(file))
        }
    }
}

/// Whether files can be made in a folder.
fn writable(folder: &Path) -> std::result::Result<(), String> {
    let probe = folder.join("probe.tmp");
    let made = OpenOptions::new().write(true).create(true).truncate(true).open(&probe);
    made.map(|_| drop(fs::remove_file(&probe))).map_err(|error| error.to_string())
}

/// What is small, as the journal says.
fn small(replay: &Replay, said: &mut Vec<String>) -> Small {
    let mut values = replay.values();
    let mut small = HashMap::new();
    for (tree, key, place) in replay.live().into_iter().filter(|(tree, ..)| is_small(*tree)) {
        let Some(value) = place.value else { continue };
        match values.get(value) {
            Ok(bytes) => drop(small.insert((tree, Box::from(key)), bytes)),
            Err(error) => said.push(format!("{UNREADABLE} {tree:?} {}: {error}", String::from_utf8_lossy(key))),
        }
    }
    small
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
