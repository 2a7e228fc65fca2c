//! Releases of the software in two slots: whichever is started, one that works is always there to go back to.
//!
//! The factory release is what was installed with the machine's package manager; its binary is the launcher. Below
//! `<data>/releases` lie the slots `a` and `b`, each a whole release and, last of all, its `manifest.json`: a slot without
//! it is none. `state.json` says which is started ([`state`]). [`launch`] checks what it starts, [`install`] fills the slot
//! that does not run, [`trial`] is the time in which a new release has to prove itself, [`ended`] counts how often it did
//! not and goes back, [`system`] is what needs root. `docs/upgrade.md` tells the whole way.
//!
//! What a package is and whether it is genuine is [`crate::package`]'s matter; how it is fetched [`crate::upgrade`]'s.

pub mod contents;
pub mod ended;
pub mod install;
pub mod launch;
pub mod state;
pub mod system;
pub mod trial;

use std::fmt;
use std::path::{Path, PathBuf};

use semver::Version;
use serde::{Deserialize, Serialize};

pub use contents::Contents;
pub use state::{News, Releases, State};

/// Names the folder of the release that runs, for the daemon: set by the launcher.
pub const VARIABLE: &str = "FACEGATE_RELEASE";
/// Exit code of a release on trial that found itself unfit.
pub const UNFIT: u8 = 75;

/// Where a release lies.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Slot {
    /// What the machine came with.
    #[default]
    Factory,
    /// The one slot.
    A,
    /// The other.
    B,
}

impl Slot {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Factory, Self::A, Self::B];

    /// The slot an upgrade goes to while this one is to be kept.
    #[must_use]
    pub const fn beside(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::Factory | Self::B => Self::A,
        }
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Factory => "factory",
            Self::A => "a",
            Self::B => "b",
        })
    }
}

/// What goes wrong with releases.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// A file or folder cannot be used.
    #[error("{}: {doing}: {source}", path.display())]
    Disk {
        /// Which.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// What the system says.
        source: std::io::Error,
    },
    /// An upgrade is being installed already.
    #[error("another package is being installed; wait until it is")]
    Busy,
    /// A release has not proved itself yet.
    #[error(
        "version {0} is installed and has not proved itself yet; wait until it has, or give it up with `facegate release rollback`"
    )]
    OnTrial(Version),
    /// The disk is too full.
    #[error("{}: {needed} bytes are needed and {free} may be used; make room", path.display())]
    NoRoom {
        /// Where.
        path: PathBuf,
        /// Bytes needed.
        needed: u64,
        /// Bytes free, less what is kept free for everything else.
        free: u64,
    },
    /// Root writes no such thing.
    #[error("{}: {why}", path.display())]
    NotForRoot {
        /// What.
        path: PathBuf,
        /// Why.
        why: &'static str,
    },
    /// There is nothing to go back to.
    #[error("there is no other whole release to go back to")]
    NoOther,
    /// The package is refused.
    #[error(transparent)]
    Refused(#[from] crate::package::Refusal),
}

impl Problem {
    /// Something about a path that the system refused.
    fn disk(path: &Path, doing: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Disk { path, doing, source }
    }

    /// Whether the same may go well another time: nothing is wrong with the package.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        matches!(self, Self::Disk { .. } | Self::Busy | Self::Refused(crate::package::Refusal::Io { .. }))
    }
}

/// The release this process is of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Running {
    /// Its version.
    pub version: Version,
    /// Its folder, where a launcher started it: then there is somebody who starts the next one.
    pub folder: Option<PathBuf>,
}

impl Default for Running {
    /// One that nobody launched.
    fn default() -> Self {
        Self { version: own_version(), folder: None }
    }
}

impl Running {
    /// As the launcher says in the environment.
    #[must_use]
    pub fn from_environment() -> Self {
        let folder = std::env::var_os(VARIABLE).filter(|folder| !folder.is_empty()).map(PathBuf::from);
        let contents = folder.as_deref().and_then(|folder| Contents::read(folder).ok());
        Self { version: contents.map_or_else(own_version, |contents| contents.version), folder }
    }

    /// The slot it lies in; the factory release lies in none.
    #[must_use]
    pub fn slot(&self, releases: &Releases) -> Option<Slot> {
        // Paths may be written in several ways.
        let folder = self.folder.as_deref()?.canonicalize().ok()?;
        let is_it = |slot: &Slot| releases.slot(*slot).is_some_and(|of| of.canonicalize().is_ok_and(|of| of == folder));
        Slot::ALL.into_iter().find(is_it)
    }

    /// Whether it is the release that is chosen, and has proved itself. One that nobody launched is.
    #[must_use]
    pub fn stays(&self, releases: &Releases) -> bool {
        let slot = self.slot(releases).unwrap_or_default();
        let is_it = |state: State| state.trial.is_none() && state.chosen == slot;
        self.folder.is_none() || releases.load().is_ok_and(is_it)
    }
}

/// The version this binary was built as.
///
/// # Panics
/// Never: Cargo itself builds no package whose version is none.
#[must_use]
pub fn own_version() -> Version {
    let part = |text: &str| text.parse().unwrap_or(0);
    let (major, minor, patch) =
        (env!("CARGO_PKG_VERSION_MAJOR"), env!("CARGO_PKG_VERSION_MINOR"), env!("CARGO_PKG_VERSION_PATCH"));
    let mut version = Version::new(part(major), part(minor), part(patch));
    version.pre = env!("CARGO_PKG_VERSION_PRE").parse().unwrap_or_default();
    version
}
