//! What becomes of a package that has come whole: it is verified, put into the free slot, and chosen for the next start.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, Fault, Result, reason};
use crate::hal::linux::files;
use crate::package::{self, Expect, Keys, Refusal};
use crate::release::install::{self, Order};
use crate::release::trial::Health;
use crate::release::{Problem, Releases, Running};
use crate::store;

/// Puts packages into place.
pub trait Install: Send + Sync {
    /// Whether a package could be installed now; asked before one is fetched.
    ///
    /// # Errors
    /// [`Fault::UpgradeFailed`] with what to do, [`Fault::Busy`].
    fn ready(&self) -> Result<()>;

    /// Whether a package is the one that was installed last: the power went before it could be removed.
    fn is_done(&self, package: &Path) -> bool;

    /// Installs a package; `progress` is told how many bytes of how many are written.
    ///
    /// # Errors
    /// [`Fault::UpgradeFailed`] with why it is refused; what runs stays as it is then. [`Fault::Busy`] while somebody else
    /// installs one: it may be done later.
    fn install(&self, package: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<Installed>;
}

/// A release that is there for the next start.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Installed {
    /// Its version.
    pub version: String,
    /// Whether somebody starts it once this process ends.
    pub supervised: bool,
}

/// Into the slots of this terminal.
pub struct Installer {
    /// The slots.
    pub releases: Releases,
    /// What this process is of.
    pub running: Running,
    /// The board's name.
    pub board: String,
    /// Folder of the trusted keys.
    pub keys: PathBuf,
    /// What works now.
    pub health: Arc<dyn Fn() -> Health + Send + Sync>,
}

impl fmt::Debug for Installer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Installer").field("releases", &self.releases).finish_non_exhaustive()
    }
}

impl Install for Installer {
    fn ready(&self) -> Result<()> {
        Keys::load(&self.keys).map_err(refused)?;
        match self.releases.load() {
            Ok(state) if state.trial.is_some() => {
                let version = state.trial.map(|trial| trial.version.to_string()).unwrap_or_default();
                crate::bail!(Busy, "version {version} is installed and has not proved itself yet")
            }
            _ => Ok(()),
        }
    }

    fn is_done(&self, package: &Path) -> bool {
        let installed = self.releases.load().ok().and_then(|state| state.installed);
        installed.is_some_and(|version| package::inspect(package).is_ok_and(|seen| seen.manifest.version == version))
    }

    fn install(&self, package: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<Installed> {
        let keys = Keys::load(&self.keys).map_err(refused)?;
        let expect = expect(&self.board, &self.running, &self.releases);
        let verified = package::verify(package, &keys, &expect).map_err(refused)?;
        let healthy = (self.health)().working();
        let order = Order { package: &verified, file: package, running: &self.running, healthy: &healthy };
        install::install(&order, &self.releases, progress).map_err(failed)?;
        Ok(Installed { version: verified.manifest().version.to_string(), supervised: self.running.folder.is_some() })
    }
}

/// What a package has to be to be installed here.
#[must_use]
pub fn expect(board: &str, running: &Running, releases: &Releases) -> Expect {
    Expect::release(board, running.version.clone(), store::format_of(releases.data()).unwrap_or(0))
}

fn refused(refusal: Refusal) -> Error {
    Error::new(Fault::UpgradeFailed, reason(&refusal)).because(refusal)
}

fn failed(problem: Problem) -> Error {
    let fault = match problem {
        Problem::Busy | Problem::OnTrial(_) => Fault::Busy,
        _ => Fault::UpgradeFailed,
    };
    Error::new(fault, reason(&problem)).because(problem)
}

/// Hands what of the release that runs needs root to whoever has it, in `folder`; once it has proved itself, and once only.
///
/// # Errors
/// What the disk says.
pub fn hand_over(running: &Running, releases: &Releases, folder: &Path) -> std::io::Result<bool> {
    let Some(slot) = running.slot(releases).and_then(|slot| releases.slot(slot)) else { return Ok(false) };
    match std::fs::rename(slot.join(install::PACKAGE), folder.join(FOR_ROOT)) {
        Ok(()) => {
            files::sync(folder)?;
            files::sync(&slot)?;
            Ok(true)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// The package whose units and keys are to be applied by root.
const FOR_ROOT: &str = "for-root.swx";
