//! A package under way: what has come of it, and what is needed to fetch the rest.
//!
//! Only what was synced counts after a restart: behind it may stand anything after a power cut.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::hal::linux::files;

/// The bytes that have come.
const BYTES: &str = "package.part";
/// What they are of.
const NOTE: &str = "package.part.json";

/// What a package under way is of.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Note {
    /// The version's name, as whoever asked for it says.
    pub(super) name: String,
    /// Where it comes from.
    pub(super) address: String,
    /// Tells this file from another one at the same address.
    pub(super) mark: Option<String>,
    /// How long it will be, if the server says so.
    pub(super) total: Option<u64>,
    /// Bytes that are on the disk for sure.
    pub(super) synced: u64,
    /// It is to be fetched to its end, also after a restart.
    pub(super) wanted: bool,
}

/// A package under way.
pub(super) struct Partial {
    folder: PathBuf,
    pub(super) note: Note,
    file: File,
    /// Bytes in the file.
    length: u64,
}

impl Partial {
    /// Goes on with what there is from `address`, or begins.
    pub(super) fn open(folder: &Path, name: &str, address: &str) -> io::Result<Self> {
        let before = note(folder).filter(|note| note.address == address && note.mark.is_some());
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(folder.join(BYTES))?;
        let length = file.metadata()?.len();
        let mut note = before.filter(|note| note.synced <= length).unwrap_or_default();
        (note.name, note.address, note.wanted) = (name.to_owned(), address.to_owned(), true);
        let mut part = Self { folder: folder.to_owned(), file, length, note };
        part.cut(part.note.synced)?;
        part.keep()?;
        Ok(part)
    }

    /// How many bytes have come.
    pub(super) const fn length(&self) -> u64 {
        self.length
    }

    /// Bytes that are not on the disk for sure.
    pub(super) const fn unsynced(&self) -> u64 {
        self.length.saturating_sub(self.note.synced)
    }

    /// The whole of it has come.
    pub(super) fn is_whole(&self) -> bool {
        self.length > 0 && self.note.total == Some(self.length)
    }

    /// Begins anew with another file.
    pub(super) fn begin(&mut self, mark: Option<&str>, total: Option<u64>) -> io::Result<()> {
        self.cut(0)?;
        (self.note.mark, self.note.total, self.note.synced) = (mark.map(str::to_owned), total, 0);
        self.keep()
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// What has come outlasts a power cut from now on.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.file.sync_all()?;
        self.note.synced = self.length;
        self.keep()
    }

    /// It is given up for now: the next one who asks for it goes on.
    pub(super) fn leave(&mut self) -> io::Result<()> {
        self.note.wanted = false;
        self.sync()
    }

    /// Gives it the name of a whole package.
    pub(super) fn finish(mut self, name: &Path) -> io::Result<()> {
        self.sync()?;
        fs::rename(self.folder.join(BYTES), name)?;
        files::sync(&self.folder)?;
        files::keep(&self.folder.join(NOTE), None, 0o644).map(drop)
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        if length < self.length {
            self.file.set_len(length)?;
            self.length = length;
        }
        self.file.seek(SeekFrom::Start(self.length))?;
        Ok(())
    }

    fn keep(&self) -> io::Result<()> {
        let text = serde_json::to_string(&self.note)?;
        files::keep(&self.folder.join(NOTE), Some(&text), 0o644).map(drop)
    }
}

/// What a package under way in `folder` is of.
pub(super) fn note(folder: &Path) -> Option<Note> {
    serde_json::from_slice(&fs::read(folder.join(NOTE)).ok()?).ok()
}

/// Removes what has come.
pub(super) fn remove(folder: &Path) -> io::Result<()> {
    // The note last: without bytes it says nothing wrong.
    match fs::remove_file(folder.join(BYTES)) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    files::keep(&folder.join(NOTE), None, 0o644).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: &str = "http://host/new.swx";

    #[test]
    fn what_was_synced_of_the_same_file_counts_after_a_restart() {
        for (mark, address, length) in
            [(Some("\"1\""), ADDRESS, 4), (None, ADDRESS, 0), (Some("\"1\""), "http://host/other.swx", 0)]
        {
            let folder = tempfile::tempdir().unwrap();
            let mut part = Partial::open(folder.path(), "n", ADDRESS).unwrap();
            part.begin(mark, Some(9)).unwrap();
            part.write(b"1234").unwrap();
            part.sync().unwrap();
            part.write(b"567").unwrap();
            drop(part);
            let part = Partial::open(folder.path(), "n", address).unwrap();
            assert_eq!((part.length(), part.is_whole()), (length, false), "{mark:?} {address}");
            assert_eq!(fs::metadata(folder.path().join(BYTES)).unwrap().len(), length);
        }
    }

    #[test]
    fn a_file_shorter_than_its_note_counts_for_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut part = Partial::open(folder.path(), "n", ADDRESS).unwrap();
        part.begin(Some("m"), None).unwrap();
        part.write(b"1234").unwrap();
        part.leave().unwrap();
        assert!(!note(folder.path()).unwrap().wanted);
        fs::write(folder.path().join(BYTES), "12").unwrap();
        assert_eq!(Partial::open(folder.path(), "n", ADDRESS).unwrap().length(), 0);
    }
}
