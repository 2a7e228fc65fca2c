//! Room on the disk: how much is left, and what goes when it ends.
//!
//! Below a reserve the oldest captures go first, then the oldest records that every sink has been given. What waits for
//! a sink stays. The reserve is what the journal, the rows and settings need to go on when nobody looks: a snapshot
//! beside its logs on a terminal of usual size.

use std::path::PathBuf;

use super::index::{Kind, Mark};
use super::{Core, read};
use crate::clock::lock;

/// What is kept free on large disks.
const RESERVE: u64 = 64 << 20;
/// And on small ones, of all there is: one part of so many.
const PART: u64 = 50;
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
        let stat = rustix::fs::statvfs(&self.0).ok()?;
        let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
        Some((bytes(stat.f_bavail), bytes(stat.f_blocks)))
    }
}

impl Core {
    /// How many bytes are left, when they are fewer than the reserve.
    pub(super) fn shortage(&self) -> Option<u64> {
        let (free, all) = self.probe.room()?;
        (free < RESERVE.min(all / PART)).then_some(free)
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
