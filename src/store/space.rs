//! Room on the disk: how much is left, and what goes when it ends.
//!
//! Below a reserve the oldest captures go first, then the oldest records that every sink has been given. What waits for
//! a sink stays. The reserve is what the journal, the rows and settings need to go on when nobody looks: a snapshot
//! beside its logs on a terminal of usual size.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::index::{Kind, Mark};
use super::{Core, read};
use crate::bail;
use crate::clock::lock;
use crate::error::{Error, Fault, Result};
use crate::hal::linux::files::{self, reserve};

/// Records let go of at a time.
const STEP: usize = 256;

/// Says how much room there is.
pub(super) trait Probe: Send + Sync {
    /// Free bytes and all bytes; `None` where the system does not say.
    fn room(&self) -> Option<(u64, u64)>;
}

/// The disk a folder is on.
pub(super) struct Disk(pub(super) PathBuf);

impl Probe for Disk {
    fn room(&self) -> Option<(u64, u64)> {
        files::room(&self.0).ok()
    }
}

/// Says where data is kept and how much room there is. A folder that is missing is tried where it would be made, and not
/// made: whoever asks may be another user than the daemon's.
///
/// # Errors
/// When nothing can be kept there, or there is not enough room, and what to do about it.
pub fn probe(folder: &Path) -> Result<String> {
    let place = folder.display();
    let there = folder.ancestors().find(|part| part.exists()).unwrap_or(folder);
    let write = |file: &Path| {
        File::create(file)?.sync_all()?;
        fs::remove_file(file)
    };
    write(&there.join("check")).map_err(|error| {
        let advice = "let the daemon's user write there, or name another folder as data in the section [storage]";
        Error::new(Fault::Unavailable, format!("{place} cannot be written: {advice}")).because(error)
    })?;
    let Some((free, all)) = Disk(there.to_owned()).room() else { return Ok(place.to_string()) };
    let [megabytes, needed] = [free, reserve(all)].map(|bytes| bytes >> 20);
    if free < reserve(all) {
        bail!(
            Unavailable,
            "{place} has {megabytes} MB free, and the terminal needs {needed}: remove what is not its own"
        );
    }
    Ok(format!("{place}, {megabytes} MB free"))
}

impl Core {
    /// How many bytes are left, when they are fewer than the reserve.
    pub(super) fn shortage(&self) -> Option<u64> {
        let (free, all) = self.probe.room()?;
        (free < reserve(all)).then_some(free)
    }

    /// What goes next to make room: the oldest captures, then the oldest records that were delivered.
    pub(super) fn expendable(&self) -> Vec<(Kind, Mark)> {
        let delivered = self.delivered();
        let ledger = read(&self.ledger);
        for kind in [Kind::Capture, Kind::Notice, Kind::Control] {
            let oldest = ledger.records.of(kind).oldest(STEP).into_iter();
            // Captures are worth the least; the other kinds wait until they have been seen.
            let gone = oldest.filter(|mark| kind == Kind::Capture || mark.seq <= delivered);
            let gone: Vec<_> = gone.map(|mark| (kind, mark)).collect();
            if !gone.is_empty() {
                return gone;
            }
        }
        Vec::new()
    }

    /// The place in the log up to which every sink in force has been given everything.
    fn delivered(&self) -> u64 {
        let followers = lock(&self.followers);
        let places = followers.values().map(|place| self.place(place));
        places.min().unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_for_data_is_tried_and_left_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("a/data");
        let said = probe(&data).unwrap();
        assert!(said.starts_with(data.to_str().unwrap()) && said.ends_with(" MB free"), "{said}");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let error = probe(&file).unwrap_err().to_string();
        assert!(error.contains(file.to_str().unwrap()) && error.contains("[storage]"), "{error}");
    }
}
