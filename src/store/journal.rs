//! The journal: every change that was acknowledged, in files that are only ever appended to.
//!
//! `N.base` holds all rows there were when log N was begun, `N.log` the changes since, one frame each, synced before it
//! is acknowledged. What counts is the highest whole base and the logs from its number on. Base and logs are read in
//! `replay`, and merged to the next base in `compact`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::frame;

/// The files of the folder, by number.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Listing {
    /// Snapshots, whole or not.
    pub(super) bases: Vec<u64>,
    /// Logs.
    pub(super) logs: Vec<u64>,
}

impl Listing {
    /// The highest number there is.
    pub(super) fn highest(&self) -> Option<u64> {
        self.bases.iter().chain(&self.logs).copied().max()
    }
}

/// The journal, open for appending.
#[derive(Debug)]
pub(super) struct Journal {
    folder: PathBuf,
    /// The log in use; `None`: the next change begins a new one.
    log: Option<File>,
    /// Number of the log in use.
    number: u64,
    /// Length of its whole frames.
    length: u64,
    /// Number of the last change.
    last: u64,
    /// Bytes in logs since the base.
    logged: u64,
}

impl Journal {
    /// Goes on behind change `last`: in the log of `tail`, whose whole frames end at that length, or in a new one above
    /// every file there is.
    pub(super) fn resume(folder: &Path, tail: Option<(u64, u64)>, last: u64, logged: u64) -> Self {
        let highest = list(folder).ok().and_then(|listing| listing.highest()).unwrap_or(0);
        let Some((number, length)) = tail else {
            return Self { folder: folder.to_owned(), log: None, number: highest, length: 0, last, logged };
        };
        let log = || -> io::Result<File> {
            let file = OpenOptions::new().append(true).mode(0o600).open(log_path(folder, number))?;
            // What a crash cut short would otherwise stand between this change and the next.
            if file.metadata()?.len() != length {
                file.set_len(length)?;
                file.sync_all()?;
            }
            Ok(file)
        };
        let log = log().inspect_err(|error| tracing::warn!(%error, number, "the log cannot be gone on with")).ok();
        let number = if log.is_some() { number } else { highest.max(number) };
        Self { folder: folder.to_owned(), log, number, length, last, logged }
    }

    /// Number of the log in use.
    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    /// Bytes in logs since the base.
    pub(super) const fn logged(&self) -> u64 {
        self.logged
    }

    /// Appends a change; on the disk when it returns.
    ///
    /// # Errors
    /// What the disk says; the change is not there then, nor is half of it.
    pub(super) fn append(&mut self, payload: &[u8]) -> io::Result<u64> {
        if payload.len() > frame::LONGEST {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the change is too large for the journal"));
        }
        let log = match &mut self.log {
            Some(log) => log,
            None => {
                self.begin_log()?;
                self.log.as_mut().ok_or(io::ErrorKind::NotFound)?
            }
        };
        let frame = frame::encode(self.last + 1, payload);
        if let Err(error) = log.write_all(&frame).and_then(|()| log.sync_data()) {
            // It may stand there whole: taken back, or no longer gone on with.
            if log.set_len(self.length).and_then(|()| log.sync_all()).is_err() {
                tracing::error!(number = self.number, "the log cannot be cut back; going on in another");
                // Its first change bears the number of the refused one, and so voids it: this empty one.
                self.log = None;
                let empty = frame::encode(self.last + 1, &[]);
                let begun = self.begin_log().and_then(|()| {
                    let log = self.log.as_mut().ok_or(io::ErrorKind::NotFound)?;
                    log.write_all(&empty).and_then(|()| log.sync_data())
                });
                match begun {
                    Ok(()) => (self.length, self.last) = (empty.len() as u64, self.last + 1),
                    Err(_) => self.log = None,
                }
            }
            return Err(error);
        }
        self.length += frame.len() as u64;
        self.logged += frame.len() as u64;
        self.last += 1;
        Ok(self.last)
    }

    /// Goes on in a new log.
    pub(super) fn begin_log(&mut self) -> io::Result<()> {
        let number = self.number + 1;
        let path = log_path(&self.folder, number);
        let log = OpenOptions::new().append(true).create(true).truncate(false).mode(0o600).open(&path)?;
        log.set_len(0)?;
        sync(&self.folder)?;
        (self.log, self.number, self.length) = (Some(log), number, 0);
        Ok(())
    }

    /// A snapshot has taken the place of all logs below `number`, which were `bytes` long.
    pub(super) fn compacted(&mut self, bytes: u64) {
        self.logged = self.logged.saturating_sub(bytes);
    }
}

/// Writes a snapshot: rows that `fill` gives, whole and synced, or not there.
pub(super) struct BaseWriter {
    folder: PathBuf,
    path: PathBuf,
    file: io::BufWriter<File>,
    last: u64,
    payload: Vec<u8>,
    rows: u64,
    finished: bool,
}

impl Drop for BaseWriter {
    /// What was not ended must not take room.
    fn drop(&mut self) {
        if !self.finished {
            drop(fs::remove_file(temporary(&self.path)));
        }
    }
}

/// Rows are gathered to frames of about this size.
const BASE_FRAME: usize = 64 << 10;

impl BaseWriter {
    /// Begins snapshot `number`, which holds all changes up to `last`.
    pub(super) fn begin(folder: &Path, number: u64, last: u64) -> io::Result<Self> {
        let path = base_path(folder, number);
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(temporary(&path))?;
        let file = io::BufWriter::with_capacity(BASE_FRAME * 2, file);
        Ok(Self { folder: folder.to_owned(), path, file, last, payload: Vec::new(), rows: 0, finished: false })
    }

    /// Adds a row.
    pub(super) fn put(&mut self, tree: frame::Tree, key: &[u8], value: &[u8]) -> io::Result<()> {
        frame::push(&mut self.payload, frame::Op::Put(tree, key, value));
        self.rows += 1;
        if self.payload.len() >= BASE_FRAME { self.frame() } else { Ok(()) }
    }

    fn frame(&mut self) -> io::Result<()> {
        let frame = frame::encode(self.last, &self.payload);
        self.payload.clear();
        self.file.write_all(&frame)
    }

    /// Ends it: from now on it counts.
    pub(super) fn finish(mut self) -> io::Result<u64> {
        if !self.payload.is_empty() {
            self.frame()?;
        }
        frame::push(&mut self.payload, frame::Op::End(self.rows));
        self.frame()?;
        self.file.flush()?;
        let file = self.file.get_ref();
        file.sync_all()?;
        let length = file.metadata()?.len();
        fs::rename(temporary(&self.path), &self.path)?;
        self.finished = true;
        sync(&self.folder)?;
        Ok(length)
    }
}

/// Removes what snapshot `number` has taken the place of, and what was begun and not ended.
pub(super) fn tidy(folder: &Path, number: u64) {
    let listing = list(folder).unwrap_or_default();
    let bases = listing.bases.iter().filter(|base| **base < number).map(|base| base_path(folder, *base));
    let logs = listing.logs.iter().filter(|log| **log < number).map(|log| log_path(folder, *log));
    for path in bases.chain(logs) {
        if let Err(error) = fs::remove_file(&path) {
            tracing::warn!(path = %path.display(), %error, "an outdated file of the journal stays");
        }
    }
    clean(folder, "tmp");
}

/// Removes files with an extension: what was begun and not ended, or set aside before.
pub(super) fn clean(folder: &Path, extension: &str) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().extension().is_some_and(|of| of == extension) {
            drop(fs::remove_file(entry.path()));
        }
    }
}

/// Moves what snapshot `number` replaces aside, for whoever wants to know what happened; what was there before goes.
pub(super) fn set_aside(folder: &Path, number: u64) {
    clean(folder, "damaged");
    let listing = list(folder).unwrap_or_default();
    let bases = listing.bases.iter().filter(|base| **base < number).map(|base| base_path(folder, *base));
    let logs = listing.logs.iter().filter(|log| **log < number).map(|log| log_path(folder, *log));
    for path in bases.chain(logs) {
        let mut aside = path.clone().into_os_string();
        aside.push(".damaged");
        if let Err(error) = fs::rename(&path, aside) {
            tracing::warn!(path = %path.display(), %error, "a damaged file of the journal stays where it is");
        }
    }
}

/// The files of the journal, in order.
pub(super) fn list(folder: &Path) -> io::Result<Listing> {
    let mut listing = Listing::default();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let number = || path.file_stem()?.to_str()?.parse::<u64>().ok();
        match (number(), path.extension().and_then(|extension| extension.to_str())) {
            (Some(number), Some("base")) => listing.bases.push(number),
            (Some(number), Some("log")) => listing.logs.push(number),
            _ => {}
        }
    }
    listing.bases.sort_unstable();
    listing.logs.sort_unstable();
    Ok(listing)
}

pub(super) fn base_path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:06}.base"))
}

pub(super) fn log_path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:06}.log"))
}

fn temporary(path: &Path) -> PathBuf {
    path.with_extension("tmp")
}

/// Makes the names in a folder last.
pub(super) fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
