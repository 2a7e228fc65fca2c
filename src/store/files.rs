//! Folders of numbered JPEG files, written whole: temporary name, fsync, rename, fsync of the folder.
//!
//! A file's name is its number, a thousand to a subfolder. What no row of the database speaks of is swept
//! away when the store opens, so a crash between a file and its row leaves nothing behind.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::index::HIGHEST;
use super::remover::Remover;
use crate::error::{Error, Fault, Result};

/// Files to a subfolder: directories stay small, and a year of pictures makes few of them.
const SHARD: u64 = 1000;

/// A folder of numbered files.
pub(super) struct Files {
    root: PathBuf,
    remover: Remover,
}

impl Files {
    /// A folder that cannot be made holds nothing, and what is written to it fails.
    pub(super) fn open(root: PathBuf, remover: Remover) -> Self {
        if let Err(error) = fs::create_dir_all(&root) {
            tracing::error!(path = %root.display(), %error, "the folder of pictures cannot be made");
        }
        Self { root, remover }
    }

    fn path(&self, number: u64) -> PathBuf {
        self.root.join((number / SHARD).to_string()).join(format!("{number}.jpg"))
    }

    /// Writes file `number`; it lasts once its folder is synced too ([`Files::sync`]).
    pub(super) fn write(&self, number: u64, bytes: &[u8]) -> Result<()> {
        let path = self.path(number);
        let error = failed("write", &path);
        let temporary = path.with_extension("tmp");
        let written = || -> io::Result<()> {
            let mut file = match File::create(&temporary) {
                Err(e) if e.kind() == ErrorKind::NotFound => {
                    fs::create_dir_all(path.parent().unwrap_or(&self.root))?;
                    File::open(&self.root)?.sync_all()?;
                    File::create(&temporary)?
                }
                other => other?,
            };
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&temporary, &path)
        };
        written().inspect_err(|_| drop(fs::remove_file(&temporary))).map_err(error)
    }

    /// Makes the names of newly written files last.
    pub(super) fn sync(&self, numbers: impl IntoIterator<Item = u64>) -> Result<()> {
        let shards: BTreeSet<u64> = numbers.into_iter().map(|number| number / SHARD).collect();
        for shard in shards {
            let dir = self.root.join(shard.to_string());
            File::open(&dir).and_then(|dir| dir.sync_all()).map_err(failed("sync", &dir))?;
        }
        Ok(())
    }

    /// File `number`, if it is there.
    pub(super) fn read(&self, number: u64) -> Result<Option<Vec<u8>>> {
        let path = self.path(number);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(failed("read", &path)(e)),
        }
    }

    /// Removes files that no row speaks of any more.
    pub(super) fn remove(&self, numbers: impl IntoIterator<Item = u64>) {
        self.remover.remove(numbers.into_iter().map(|number| self.path(number)).collect());
    }

    /// The same at once, for whoever needs the room.
    pub(super) fn remove_now(&self, numbers: impl IntoIterator<Item = u64>) {
        for path in numbers.into_iter().map(|number| self.path(number)) {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    tracing::error!(path = %path.display(), %error, "the picture stays until the next start");
                }
                _ => {}
            }
        }
    }

    /// Waits until what is to be removed is.
    #[cfg(test)]
    pub(super) fn settle(&self) {
        self.remover.settle();
    }

    /// Removes temporaries, files of which `keep` does not know, and empty subfolders. Returns the lowest
    /// number above all files, removed or not: smaller ones may still be about to go.
    pub(super) fn sweep(&self, keep: impl Fn(u64) -> bool) -> u64 {
        let (mut free, mut unknown) = (0, Vec::new());
        for dir in entries(&self.root) {
            let files = entries(&dir);
            if files.is_empty() {
                drop(fs::remove_dir(&dir));
            }
            for file in files {
                let number = number_of(&file);
                free = free.max(number.map_or(0, |number| number + 1));
                let whole = file.extension().is_some_and(|extension| extension == "jpg");
                if !number.is_some_and(|number| whole && keep(number)) {
                    unknown.push(file);
                }
            }
        }
        if !unknown.is_empty() {
            tracing::info!(path = %self.root.display(), files = unknown.len(), "removing left-over files");
        }
        self.remover.remove(unknown);
        free
    }
}

fn number_of(file: &Path) -> Option<u64> {
    file.file_stem()?.to_str()?.parse().ok().filter(|number| *number < HIGHEST)
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    match fs::read_dir(dir) {
        Ok(entries) => entries.filter_map(|entry| Some(entry.ok()?.path())).collect(),
        Err(error) => {
            tracing::warn!(path = %dir.display(), %error, "folder cannot be listed");
            Vec::new()
        }
    }
}

fn failed(doing: &'static str, path: &Path) -> impl Fn(io::Error) -> Error {
    let path = path.to_owned();
    // The path is for the log, not for the platform.
    move |error| {
        tracing::error!(path = %path.display(), %error, "cannot {doing}");
        Error::new(Fault::StoreFailed, format!("{doing} a picture")).because(error)
    }
}
