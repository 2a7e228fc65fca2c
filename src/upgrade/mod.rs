//! New software for the terminal (3.29): a package is fetched in the background into a folder of its own, written whole,
//! one at a time (`download`), then installed (`installer`), and the terminal ends to be started anew with it.
//!
//! A connection that breaks off is taken up where it was (`partial`): by itself a few times, after a restart of the terminal,
//! and when the same address is asked for again. What is inside a package and whether it is genuine is
//! [`crate::package`]'s matter, what becomes of a release [`crate::release`]'s.

mod download;
pub mod installer;
mod partial;

use std::fmt;
use std::fs;
use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;
use tracing::{info, warn};

use crate::bail;
use crate::clock::{Clock, lock};
use crate::control::decisions::Decisions;
use crate::error::{Error, Fault, Result};
use crate::fetch::{self, Fetch, Link};
use crate::hal::linux::{files, process};
use crate::settings::Live;
use crate::ui::{Screen, Work};
use download::Loss;
use installer::{Install, Installed};
use partial::Partial;

/// Names of a package that has come whole: the first, and one for each time the terminal ended while it was installed. There is
/// no further one for a package that ends the terminal each time.
const WAITING: [&str; 3] = ["package.swx", "package.again.swx", "package.last.swx"];
/// Before each further try.
const AGAIN: [Duration; 5] = [
    Duration::from_secs(2),
    Duration::from_secs(10),
    Duration::from_secs(30),
    Duration::from_secs(60),
    Duration::from_secs(120),
];

/// How large and how slow a package may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most bytes.
    pub bytes: u64,
    /// How long whoever asks for a download waits for its server's first word: an address that leads nowhere is
    /// then answered as such, and a slow server holds nobody up.
    pub first_word: Duration,
    /// Longest silence of the server.
    pub silence: Duration,
    /// Longest time for all of it.
    pub whole: Duration,
    /// How long to wait before each further try after the connection broke off.
    pub again: &'static [Duration],
    /// What has come is made to last each time so many bytes have.
    pub sync_bytes: u64,
    /// How many bytes may be written to the disk of a folder.
    pub spare: fn(&Path) -> io::Result<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 256 << 20,
            first_word: Duration::from_millis(1500),
            silence: Duration::from_secs(60),
            whole: Duration::from_secs(3600),
            again: &AGAIN,
            sync_bytes: 4 << 20,
            spare: files::spare,
        }
    }
}

/// How far an upgrade is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum State {
    /// None was asked for.
    Idle,
    /// A package is being fetched.
    Downloading {
        /// Bytes that have come.
        done: u64,
        /// Bytes there will be, if the server says so.
        total: Option<u64>,
    },
    /// A package has come whole and is being installed.
    Installing,
    /// A release is there for the next start.
    Installed {
        /// Its version.
        version: String,
    },
    /// It came to nothing.
    Failed {
        /// Why.
        why: String,
    },
}

/// What an upgrade works with.
pub struct Tools {
    /// Folder of the packages.
    pub folder: PathBuf,
    /// The way to the package.
    pub fetch: Arc<Fetch>,
    /// Puts it into place.
    pub install: Box<dyn Install>,
    /// Ends the terminal, so that what was installed is started.
    pub leave: Box<dyn Fn() + Send + Sync>,
    /// Where downloads run.
    pub runtime: Handle,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// For the time zone.
    pub settings: Arc<Live>,
    /// Told how it goes.
    pub decisions: Arc<Decisions>,
    /// Shows how far it is.
    pub screen: Arc<Screen>,
    /// How large and how slow a package may be.
    pub limits: Limits,
}

/// The upgrade of this terminal.
#[derive(Clone)]
pub struct Upgrade(Arc<Inner>);

struct Inner {
    tools: Tools,
    state: Mutex<State>,
    stopped: watch::Sender<bool>,
}

impl fmt::Debug for Upgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgrade").field("state", &self.state()).finish_non_exhaustive()
    }
}

impl Upgrade {
    /// Makes the folder where it is missing.
    ///
    /// # Errors
    /// [`Fault::StoreFailed`] when the folder cannot be used.
    pub fn open(tools: Tools) -> Result<Self> {
        fs::create_dir_all(&tools.folder).map_err(|e| {
            Error::new(Fault::StoreFailed, format!("{}: the folder cannot be used", tools.folder.display())).because(e)
        })?;
        Ok(Self(Arc::new(Inner { tools, state: Mutex::new(State::Idle), stopped: watch::Sender::new(false) })))
    }

    /// How far it is.
    #[must_use]
    pub fn state(&self) -> State {
        lock(&self.0.state).clone()
    }

    /// Begins to fetch the package `name` from `address`, which must be http or https and end in `.swx`, and to install it.
    /// Blocks until its server has said its first word, a moment at the most; the caller must not be a thread of the
    /// async runtime.
    ///
    /// # Errors
    /// [`Fault::BadPath`]; [`Fault::Busy`] while another one is fetched or has to prove itself; [`Fault::UpgradeFailed`]
    /// where none could be verified; what the server's first word says: [`Fault::NoPackage`],
    /// [`Fault::PackageTooLarge`], [`Fault::DownloadFailed`].
    pub fn start(&self, name: &str, address: &str) -> Result<()> {
        let link = package_link(address)?;
        self.0.tools.install.ready()?;
        let (first_word, heard) = oneshot::channel();
        self.0.begin(name, address, link, Some(first_word))?;
        match self.0.tools.runtime.block_on(async { timeout(self.0.tools.limits.first_word, heard).await }) {
            Ok(Ok(Err(error))) => Err(error),
            Ok(Ok(Ok(())) | Err(_)) | Err(_) => Ok(()),
        }
    }

    /// Goes on with what the last stop of the terminal cut short: a download, or a package that waits to be installed.
    pub fn resume(&self) {
        let folder = &self.0.tools.folder;
        if self.0.tools.install.ready().is_err() {
            return;
        }
        let went_on = if let Some(tries) = WAITING.iter().position(|name| folder.join(name).exists()) {
            self.0.go_on_with(tries)
        } else if let Some(note) = partial::note(folder).filter(|note| note.wanted) {
            package_link(&note.address).and_then(|link| self.0.begin(&note.name, &note.address, link, None))
        } else {
            Ok(())
        };
        if let Err(error) = went_on {
            warn!(%error, "the upgrade that was cut short does not go on");
        }
    }

    /// Ends a download under way; it goes on after the next start.
    pub fn stop(&self) {
        self.0.stopped.send_replace(true);
    }
}

type FirstWord = oneshot::Sender<Result<()>>;

impl Inner {
    fn begin(self: &Arc<Self>, name: &str, address: &str, link: Link, first_word: Option<FirstWord>) -> Result<()> {
        let (name, address) = (name.to_owned(), address.to_owned());
        let host = link.host().to_owned();
        let told = name.clone();
        self.spawn(State::Downloading { done: 0, total: None }, move |inner| {
            inner.tell("downloading", &name, json!({}));
            inner.run(&name, &address, &link, first_word);
        })?;
        info!(name = told, host, "fetching new software");
        Ok(())
    }

    /// Does `work` on a thread of its own, that lets everything else go first, unless one is under way.
    fn spawn(self: &Arc<Self>, state: State, work: impl FnOnce(&Self) + Send + 'static) -> Result<()> {
        let mut now = lock(&self.state);
        if matches!(*now, State::Downloading { .. } | State::Installing) {
            bail!(Busy, "Path: another package is being fetched");
        }
        let inner = self.clone();
        let thread = std::thread::Builder::new().name("upgrade".into()).spawn(move || {
            if let Err(error) = process::step_back() {
                warn!(%error, "the upgrade takes its turn like everything else");
            }
            // The door goes on without it.
            if catch_unwind(AssertUnwindSafe(|| work(&inner))).is_err() {
                inner.fail("the package", Error::new(Fault::UpgradeFailed, "the terminal itself failed at it"), None);
            }
        });
        thread.map_err(|e| Error::new(Fault::UpgradeFailed, "no thread for it").because(e))?;
        *now = state;
        Ok(())
    }

    /// Goes on with a package that waits, and whose installation the end of the terminal has cut short so often.
    fn go_on_with(self: &Arc<Self>, tries: usize) -> Result<()> {
        let (folder, name) = (&self.tools.folder, "the package that waited");
        let package = folder.join(WAITING[tries]);
        let Some(next) =
            WAITING.get(tries + 1).map(|name| folder.join(name)).filter(|_| !self.tools.install.is_done(&package))
        else {
            remove(&package).map_err(disk)?;
            if tries + 1 == WAITING.len() {
                let why = "the terminal ended each time it was installed";
                self.fail(name, Error::new(Fault::UpgradeFailed, why), None);
            }
            return Ok(());
        };
        fs::rename(&package, &next).map_err(disk)?;
        self.spawn(State::Installing, move |inner| inner.put_in_place(name, &next))
    }

    /// Fetches a package to its end, good or bad, and installs it.
    fn run(&self, name: &str, address: &str, link: &Link, mut first_word: Option<FirstWord>) {
        let mut part = match Partial::open(&self.tools.folder, name, address) {
            Ok(part) => part,
            Err(error) => return self.fail(name, disk(error), first_word),
        };
        let mut stopped = self.stopped.subscribe();
        let fetched = self.tools.runtime.block_on(async {
            tokio::select! {
                fetched = timeout(self.tools.limits.whole, self.fetch(link, &mut part, &mut first_word)) => {
                    fetched.unwrap_or_else(|_| {
                        let whole = self.tools.limits.whole.as_secs();
                        let why = format!("Path: it takes longer than {whole} s");
                        Err(Loss::Broken(Error::new(Fault::DownloadFailed, why)))
                    })
                }
                _ = stopped.wait_for(|stopped| *stopped) => Err(Loss::Stopped),
            }
        });
        self.tools.screen.progress(None);
        match fetched {
            Ok(()) => {
                let bytes = part.length();
                let package = self.tools.folder.join(WAITING[0]);
                if let Err(error) = part.finish(&package) {
                    return self.fail(name, disk(error), first_word);
                }
                info!(name, bytes, "new software has come whole");
                self.put_in_place(name, &package);
            }
            Err(Loss::Stopped) => {
                // Goes on where it was.
                if let Err(error) = part.sync() {
                    warn!(%error, "what has come of the new software is lost");
                }
                *lock(&self.state) = State::Idle;
            }
            Err(Loss::Broken(error)) if part.length() > 0 => {
                if let Err(error) = part.leave() {
                    warn!(%error, "what has come of the new software is lost");
                }
                self.fail(name, error, first_word);
            }
            Err(Loss::Broken(error) | Loss::Final(error)) => {
                drop(part);
                if let Err(error) = partial::remove(&self.tools.folder) {
                    warn!(%error, "a part of it stays until the next upgrade");
                }
                self.fail(name, error, first_word);
            }
        }
    }

    fn fail(&self, name: &str, error: Error, first_word: Option<FirstWord>) {
        warn!(name, %error, cause = ?error.source, "the upgrade came to nothing");
        // Told first: who sees the state finds it in the list.
        self.tell("failed", name, json!({ "why": error.to_string() }));
        *lock(&self.state) = State::Failed { why: error.to_string() };
        if let Some(first_word) = first_word {
            // Whoever asked may have stopped waiting.
            let _ = first_word.send(Err(error));
        }
    }

    /// Installs the package that has come whole; whatever comes of it, the package is gone then, unless somebody else
    /// installs another one just now.
    fn put_in_place(&self, name: &str, package: &Path) {
        *lock(&self.state) = State::Installing;
        self.tell("installing", name, json!({}));
        let installed =
            self.tools.install.install(package, &mut |done, total| self.show(Work::Installing, done, total));
        self.tools.screen.progress(None);
        if !installed.as_ref().is_err_and(|error| error.fault == Fault::Busy)
            && let Err(error) = remove(package)
        {
            warn!(%error, "the package stays until the next upgrade");
        }
        let Installed { version, supervised } = match installed {
            Ok(installed) => installed,
            Err(error) => return self.fail(name, error, None),
        };
        info!(name, version, "new software is installed");
        let note = if supervised { Value::Null } else { UNSUPERVISED.into() };
        self.tell("installed", name, json!({ "version": version, "restarts": supervised, "note": note }));
        *lock(&self.state) = State::Installed { version };
        if supervised {
            self.tools.screen.progress(Some((Work::Restarting, 100)));
            (self.tools.leave)();
        } else {
            warn!(UNSUPERVISED);
        }
    }

    fn show(&self, work: Work, done: u64, total: u64) {
        if let Some(percent) = done.saturating_mul(100).checked_div(total) {
            self.tools.screen.progress(Some((work, u8::try_from(percent.min(100)).unwrap_or(100))));
        }
    }

    fn tell(&self, state: &'static str, name: &str, more: Value) {
        let now = self.tools.settings.now().ntp.local(self.tools.clock.wall());
        let mut line = Map::new();
        line.insert("state".into(), state.into());
        line.insert("name".into(), name.into());
        if let Value::Object(more) = more {
            line.extend(more.into_iter().filter(|(_, value)| !value.is_null()));
        }
        self.tools.decisions.tell(now, "upgrade", line);
    }
}

/// What whoever started this terminal by hand has to do.
const UNSUPERVISED: &str =
    "stop the terminal and start it with `facegate release start --board FILE` to use what was installed";

/// Reads the address of a package.
fn package_link(address: &str) -> Result<Link> {
    let address = address.trim();
    if !fetch::has_scheme(address) {
        bail!(BadPath, "Path: an address like http://host/name.swx is needed");
    }
    let link = Link::parse(address, "Path").map_err(|e| Error { fault: Fault::BadPath, ..e })?;
    if !link.path().to_ascii_lowercase().ends_with(".swx") {
        bail!(BadPath, "Path: a package's name ends in .swx");
    }
    Ok(link)
}

fn disk(error: io::Error) -> Error {
    Error::new(Fault::StoreFailed, "the package cannot be written").because(error)
}

/// Removes a file, if it is there.
fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_have_addresses_of_a_kind() {
        for (address, expect) in [
            ("https://hq.oss-cn-shenzhen.aliyuncs.com/face/xxx.swx", true),
            (" http://10.0.0.1:8080/a b.SWX ", true),
            ("http://host/x.swx?token=1", true),
            ("http://host/x.udx", false),
            ("http://host/?f=x.swx", false),
            ("host/x.swx", false),
            ("ftp://host/x.swx", false),
            ("file:///x.swx", false),
            ("http://user:secret@host/x.swx", false),
            ("", false),
        ] {
            let read = package_link(address).map(drop).map_err(|e| e.fault);
            assert_eq!(read, if expect { Ok(()) } else { Err(Fault::BadPath) }, "{address}");
        }
    }
}
