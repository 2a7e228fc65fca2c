//! The layout of the data folder as a number, so that software which does not know it keeps its hands off: an upgrade, and
//! going back from one, rest on it.

use std::fs;
use std::path::Path;

use crate::bail;
use crate::error::{Error, Fault, Result};
use crate::hal::linux::files;

/// What this software writes. 1 had no journal. Members that are added to rows and settings are no new layout: what does
/// not know them passes them over. A new list of rows is one, and so is a value that an old member could not have.
pub const FORMAT: u32 = 2;
/// Holds the number.
const FILE: &str = "format";

/// The layout of the data in `dir`; `None` where nothing says it.
#[must_use]
pub fn format_of(dir: &Path) -> Option<u32> {
    fs::read_to_string(dir.join(FILE)).ok()?.trim().parse().ok()
}

/// Refuses data of a layout this software does not know.
pub(super) fn check(dir: &Path) -> Result<()> {
    match format_of(dir) {
        Some(format) if format > FORMAT => bail!(
            StoreFailed,
            "{}: the data have layout {format}, and this software knows {FORMAT}; install the software that wrote them, or \
             move the folder away to start with an empty one",
            dir.display()
        ),
        _ => Ok(()),
    }
}

/// Says in the folder what this software writes.
pub(super) fn write(dir: &Path) -> Result<()> {
    let failed = |e| Error::new(Fault::StoreFailed, "the layout of the data cannot be noted").because(e);
    files::keep(&dir.join(FILE), Some(&format!("{FORMAT}\n")), 0o644).map(drop).map_err(failed)
}
