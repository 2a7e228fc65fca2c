//! From a snapshot and the logs behind it to the next snapshot: file to file, so that damage of the database never gets
//! into the journal.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::journal::{self, BaseWriter};
use super::replay::Replay;

/// Writes snapshot `number` of everything before log `number`, and removes what it replaces. Returns its length and that
/// of the logs it has taken in; `None` when it was told to stop.
///
/// # Errors
/// When something cannot be read or written, or what is there is damaged: the old files then stay.
pub(super) fn compact(folder: &Path, number: u64, stop: &AtomicBool) -> io::Result<Option<(u64, u64)>> {
    let replay = Replay::read(folder, Some(number))?;
    if let Some(damage) = &replay.damage {
        return Err(io::Error::new(io::ErrorKind::InvalidData, damage.clone()));
    }
    let mut values = replay.values();
    let mut base = BaseWriter::begin(folder, number, replay.last)?;
    for (tree, key, place) in replay.live() {
        if stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        if let Some(value) = place.value {
            base.put(tree, key, &values.get(value)?)?;
        }
    }
    let length = base.finish()?;
    journal::tidy(folder, number);
    Ok(Some((length, replay.logged())))
}
