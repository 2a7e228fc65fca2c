//! What the journal says: for each row where its value stands, and which change put it there.
//!
//! Values are not kept: they are read again from their place when they are needed. Damage costs the frames it is in;
//! that there was some is said, because the rows of the database may then know more.

use std::collections::HashMap;
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::frame::{self, Frames, Op, Tree};
use super::journal::{self, Journal, base_path, log_path};

/// Where a row is, or that it is none any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place {
    /// Change that put or removed it; for rows of a snapshot the last it holds.
    pub(super) change: u64,
    /// The value; `None`: the row was removed.
    pub(super) value: Option<Value>,
}

/// A value in a file of the journal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Value {
    file: u32,
    at: u64,
    length: u32,
    /// To compare it by without reading it again.
    pub(super) hash: u64,
}

/// A row: its list, its key, its place.
pub(super) type Live<'a> = (Tree, &'a [u8], Place);

/// All the journal says.
#[derive(Debug, Default)]
pub(super) struct Replay {
    files: Vec<PathBuf>,
    rows: HashMap<(Tree, Box<[u8]>), Place>,
    /// For each tree the change that last emptied it.
    cleared: [u64; Tree::ALL.len()],
    /// The last change the snapshot holds.
    pub(super) base: u64,
    /// The last change.
    pub(super) last: u64,
    /// Whether the snapshot is there, and whole: then what it does not hold was removed before it.
    pub(super) is_based: bool,
    /// What is wrong with it, if anything.
    pub(super) damage: Option<String>,
    /// Whether something was wrong before it was made anew: rows may be missing.
    pub(super) was_damaged: bool,
    /// The log to go on with: its number, the length of its whole frames.
    tail: Option<(u64, u64)>,
    /// Bytes in logs behind the snapshot.
    logged: u64,
    /// Bytes of the snapshot.
    pub(super) base_length: u64,
}

/// The hash values are compared by.
pub(super) fn hash(value: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

impl Replay {
    /// Reads the journal of a folder, without its logs from `before` on if that is given.
    ///
    /// # Errors
    /// When the folder cannot be listed or a file cannot be read at all; what is damaged is no error.
    pub(super) fn read(folder: &Path, before: Option<u64>) -> io::Result<Self> {
        let listing = journal::list(folder)?;
        let mut replay = Self::default();
        let mut from = 0;
        // A snapshot that was not ended does not count; a damaged one counts only if there is none before it.
        let mut whole = false;
        for base in listing.bases.iter().rev().filter(|base| before.is_none_or(|before| **base <= before)) {
            let mut tried = Self::default();
            whole = tried.base(&base_path(folder, *base))?;
            if whole || replay.rows.is_empty() {
                (replay, from) = (tried, *base);
            }
            if whole {
                break;
            }
        }
        if !listing.bases.is_empty() && !whole {
            replay.damaged("no snapshot is whole");
        }
        let logs: Vec<u64> =
            listing.logs.into_iter().filter(|log| *log >= from && before.is_none_or(|before| *log < before)).collect();
        replay.is_based = whole;
        for (at, log) in logs.iter().enumerate() {
            // What a log could not take back, the first change of a later one voids.
            let mut void_from = None;
            for later in &logs[at + 1..] {
                void_from = Frames::open(&log_path(folder, *later))?.next()?.map(|frame| frame.number);
                if void_from.is_some() {
                    break;
                }
            }
            replay.log(&log_path(folder, *log), *log, void_from, at + 1 == logs.len())?;
        }
        Ok(replay)
    }

    /// Reads a snapshot; whether it is whole.
    fn base(&mut self, path: &Path) -> io::Result<bool> {
        let mut frames = Frames::open(path)?;
        let file = self.file(path);
        let (mut rows, mut end) = (0_u64, None);
        while let Some(frame) = frames.next()? {
            (self.base, self.last) = (frame.number, frame.number);
            for op in frame::ops(&frame.payload) {
                match op {
                    Some((Op::End(rows), _)) => end = Some(rows),
                    Some((op, at)) => {
                        rows += 1;
                        self.apply(op, frame.number, file, frame.at + at as u64);
                    }
                    None => self.damaged("a frame cannot be read"),
                }
            }
        }
        self.base_length = frames.end;
        Ok(frames.damaged == 0 && end == Some(rows))
    }

    /// Reads a log.
    fn log(&mut self, path: &Path, number: u64, void_from: Option<u64>, is_last: bool) -> io::Result<()> {
        let mut frames = Frames::open(path)?;
        let file = self.file(path);
        while let Some(frame) = frames.next()? {
            if void_from.is_some_and(|void| frame.number >= void) || frame.number <= self.base {
                continue;
            }
            if frame.number != self.last + 1 {
                self.damaged("a change is missing");
            }
            self.last = frame.number.max(self.last);
            for op in frame::ops(&frame.payload) {
                match op {
                    Some((op, at)) => self.apply(op, frame.number, file, frame.at + at as u64),
                    None => self.damaged("a frame cannot be read"),
                }
            }
        }
        let length = std::fs::metadata(path)?.len();
        if frames.damaged > 0 {
            self.damaged("frames of a log cannot be read");
        }
        if !is_last && length > frames.end && void_from.is_none_or(|void| void > self.last + 1) {
            self.damaged("the end of a log is missing");
        }
        self.logged += frames.end;
        self.tail = Some((number, frames.end));
        Ok(())
    }

    fn damaged(&mut self, why: &str) {
        self.damage.get_or_insert_with(|| why.to_owned());
    }

    fn file(&mut self, path: &Path) -> u32 {
        self.files.push(path.to_owned());
        u32::try_from(self.files.len() - 1).unwrap_or(u32::MAX)
    }

    fn apply(&mut self, op: Op<'_>, change: u64, file: u32, at: u64) {
        match op {
            Op::Put(tree, key, value) => {
                let length = u32::try_from(value.len()).unwrap_or(u32::MAX);
                let value = Some(Value { file, at, length, hash: hash(value) });
                self.rows.insert((tree, key.into()), Place { change, value });
            }
            Op::Remove(tree, key) => drop(self.rows.insert((tree, key.into()), Place { change, value: None })),
            Op::Clear(tree) => {
                self.cleared[tree as usize] = change;
                self.rows.retain(|(of, _), _| *of != tree);
            }
            Op::End(_) => {}
        }
    }

    /// What a journal says that cannot be read at all.
    pub(super) fn unreadable() -> Self {
        Self { damage: Some("it cannot be read".to_owned()), ..Self::default() }
    }

    /// Whether there is nothing at all.
    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// What it says of a row.
    pub(super) fn row(&self, tree: Tree, key: &[u8]) -> Option<Place> {
        // The map owns its keys; a lookup costs one of a few bytes.
        self.rows.get(&(tree, key.into())).copied()
    }

    /// The change a tree was last emptied with; 0: never since the snapshot.
    pub(super) const fn cleared(&self, tree: Tree) -> u64 {
        self.cleared[tree as usize]
    }

    /// The rows there are, in the order they stand in the files.
    pub(super) fn live(&self) -> Vec<Live<'_>> {
        let mut live: Vec<_> = self
            .rows
            .iter()
            .filter(|(_, place)| place.value.is_some())
            .map(|((tree, key), place)| (*tree, &**key, *place))
            .collect();
        live.sort_unstable_by_key(|(_, _, place)| place.value.map(|value| (value.file, value.at)));
        live
    }

    /// Opens the files for reading values.
    pub(super) fn values(&self) -> Values<'_> {
        Values { files: &self.files, open: None }
    }

    /// The journal, to go on with.
    pub(super) fn resume(&self, folder: &Path) -> Journal {
        Journal::resume(folder, self.tail, self.last, self.logged)
    }

    /// Bytes in logs behind the snapshot.
    pub(super) const fn logged(&self) -> u64 {
        self.logged
    }
}

/// Reads values from the files of the journal, one file open at a time.
pub(super) struct Values<'a> {
    files: &'a [PathBuf],
    open: Option<(u32, File)>,
}

impl Values<'_> {
    /// The bytes of a value.
    ///
    /// # Errors
    /// When the file cannot be read, or has changed.
    pub(super) fn get(&mut self, value: Value) -> io::Result<Vec<u8>> {
        if self.open.as_ref().is_none_or(|(number, _)| *number != value.file) {
            let path = self.files.get(value.file as usize).ok_or(io::ErrorKind::NotFound)?;
            self.open = Some((value.file, File::open(path)?));
        }
        let (_, file) = self.open.as_ref().ok_or(io::ErrorKind::NotFound)?;
        let mut bytes = vec![0; value.length as usize];
        file.read_exact_at(&mut bytes, value.at)?;
        if hash(&bytes) != value.hash {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the journal changes while it is read"));
        }
        Ok(bytes)
    }
}
