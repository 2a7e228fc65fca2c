//! How much room the disk has, and when that is too little. What is then removed is the writer's matter.

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::Result;

/// Room kept free: enough for the next snapshot of the journal and for the database to write what it was told, so that
/// settings and removals go on on a full disk.
const RESERVE: u64 = 64 << 20;
/// On small flash the reserve is this part of the disk instead.
const RESERVE_PART: u64 = 50;

/// Room on a disk, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Space {
    /// Still free for the terminal.
    pub free: u64,
    /// In all.
    pub total: u64,
}

impl Space {
    fn reserve(self) -> u64 {
        RESERVE.min(self.total / RESERVE_PART)
    }
}

/// Says how much room there is; `None` when that cannot be known.
pub trait Probe: Send + Sync {
    /// The room there is now.
    fn space(&self) -> Option<Space>;
}

/// The disk a folder is on.
pub(super) struct Disk(pub(super) PathBuf);

impl Probe for Disk {
    fn space(&self) -> Option<Space> {
        let said = rustix::fs::statvfs(&self.0).ok()?;
        let bytes = |blocks: u64| blocks.saturating_mul(said.f_frsize);
        Some(Space { free: bytes(said.f_bavail), total: bytes(said.f_blocks) })
    }
}

/// Watches the room.
pub(super) struct Room {
    probe: Box<dyn Probe>,
    is_low: AtomicBool,
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Room").field("is_low", &self.is_low).finish_non_exhaustive()
    }
}

impl Room {
    pub(super) fn new(probe: Box<dyn Probe>) -> Self {
        Self { probe, is_low: AtomicBool::new(false) }
    }

    /// Whether the reserve is touched.
    pub(super) fn is_short(&self) -> bool {
        self.probe.space().is_some_and(|space| space.free < space.reserve())
    }

    /// Whether more should go: a quarter above the reserve, so that not every record has to remove another.
    pub(super) fn is_tight(&self) -> bool {
        self.probe.space().is_some_and(|space| space.free < space.reserve() + space.reserve() / 4)
    }

    /// For what adds data by request.
    ///
    /// # Errors
    /// [`Fault::StoreFailed`](crate::error::Fault::StoreFailed) when the reserve is touched.
    pub(super) fn check(&self) -> Result<()> {
        match self.probe.space().filter(|space| space.free < space.reserve()) {
            Some(space) => {
                crate::bail!(StoreFailed, "the disk is full: {} MB free; remove records or people", space.free >> 20)
            }
            None => Ok(()),
        }
    }

    /// What there is to say since the last call: once when room runs out, once when there is twice the reserve again.
    pub(super) fn news(&self) -> Option<String> {
        let space = self.probe.space()?;
        if space.free < space.reserve() && !self.is_low.swap(true, Ordering::Relaxed) {
            return Some(format!(
                "the disk is full: {} MB free; the oldest captures and delivered records make room",
                space.free >> 20
            ));
        }
        let is_over = space.free >= space.reserve() * 2 && self.is_low.swap(false, Ordering::Relaxed);
        is_over.then(|| format!("the disk has room again: {} MB free", space.free >> 20))
    }
}
