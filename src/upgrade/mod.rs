//! New software for the terminal (3.29): a package is fetched in the background into a folder of its own,
//! written whole (temporary name, fsync, rename), one at a time.
//!
//! What is inside a package, whether it is genuine, and installing it are left to others: a package that has
//! come whole stays [`State::Ready`] until somebody takes it.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
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
use crate::fetch::{self, Broken, Fetch, Link};
use crate::settings::Live;
use crate::ui::{Screen, Work};

/// Name of a package that has come whole.
const PACKAGE: &str = "package.swx";
/// Name of a package under way.
const PART: &str = "package.part";
/// The log tells how far a download is each time so many bytes have come.
const TOLD_BYTES: u64 = 16 << 20;

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
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 256 << 20,
            first_word: Duration::from_millis(1500),
            silence: Duration::from_secs(60),
            whole: Duration::from_secs(3600),
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
    /// A package has come whole and waits to be installed.
    Ready {
        /// Where it is.
        file: PathBuf,
        /// Its length.
        bytes: u64,
    },
    /// The last download failed, and no package is there from before.
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
    /// Makes the folder where it is missing, finds a package that came before the last start, and removes what is
    /// left of a download that was cut short.
    ///
    /// # Errors
    /// [`Fault::StoreFailed`] when the folder cannot be used.
    pub fn open(tools: Tools) -> Result<Self> {
        let unusable = |e: io::Error| {
            Error::new(Fault::StoreFailed, format!("{}: the folder cannot be used", tools.folder.display())).because(e)
        };
        fs::create_dir_all(&tools.folder).map_err(unusable)?;
        remove(&tools.folder.join(PART)).map_err(unusable)?;
        let state = ready(&tools.folder).unwrap_or(State::Idle);
        Ok(Self(Arc::new(Inner { tools, state: Mutex::new(state), stopped: watch::Sender::new(false) })))
    }

    /// How far it is.
    #[must_use]
    pub fn state(&self) -> State {
        lock(&self.0.state).clone()
    }

    /// Begins to fetch the package `name` from `address`, which must be http or https and end in `.swx`. Blocks
    /// until its server has said its first word, a moment at the most; the caller must not be a thread of the
    /// async runtime.
    ///
    /// # Errors
    /// [`Fault::BadPath`]; [`Fault::Busy`] while another one is fetched; what the server's first word says:
    /// [`Fault::NoPackage`], [`Fault::PackageTooLarge`], [`Fault::DownloadFailed`].
    pub fn start(&self, name: &str, address: &str) -> Result<()> {
        let link = package_link(address)?;
        {
            let mut state = lock(&self.0.state);
            if matches!(*state, State::Downloading { .. }) {
                bail!(Busy, "Path: another package is being fetched");
            }
            *state = State::Downloading { done: 0, total: None };
        }
        info!(name, host = link.host(), "fetching new software");
        self.0.tell("downloading", name, json!({}));
        let (first_word, heard) = oneshot::channel();
        let (inner, name) = (self.0.clone(), name.to_owned());
        self.0.tools.runtime.spawn_blocking(move || inner.run(&name, &link, first_word));
        match self.0.tools.runtime.block_on(async { timeout(self.0.tools.limits.first_word, heard).await }) {
            Ok(Ok(Err(error))) => Err(error),
            Ok(Ok(Ok(())) | Err(_)) | Err(_) => Ok(()),
        }
    }

    /// Ends a download under way.
    pub fn stop(&self) {
        self.0.stopped.send_replace(true);
    }
}

type FirstWord = oneshot::Sender<Result<()>>;

impl Inner {
    /// Fetches a package to its end, good or bad. Runs on a thread that may block.
    fn run(&self, name: &str, link: &Link, first_word: FirstWord) {
        let mut first_word = Some(first_word);
        let mut stopped = self.stopped.subscribe();
        let fetched = self.tools.runtime.block_on(async {
            tokio::select! {
                fetched = timeout(self.tools.limits.whole, self.fetch(link, &mut first_word)) => {
                    fetched.unwrap_or_else(|_| {
                        let whole = self.tools.limits.whole.as_secs();
                        Err(Error::new(Fault::DownloadFailed, format!("Path: it takes longer than {whole} s")))
                    })
                }
                _ = stopped.wait_for(|stopped| *stopped) => {
                    Err(Error::new(Fault::DownloadFailed, "the terminal stops"))
                }
            }
        });
        self.tools.screen.progress(None);
        match fetched.and_then(|bytes| self.keep().map(|file| (file, bytes))) {
            Ok((file, bytes)) => {
                info!(name, bytes, file = %file.display(), "new software has come whole and waits to be installed");
                self.tell("ready", name, json!({ "bytes": bytes }));
                *lock(&self.state) = State::Ready { file, bytes };
            }
            Err(error) => {
                warn!(name, %error, cause = ?error.source, "new software cannot be fetched");
                if let Err(error) = remove(&self.tools.folder.join(PART)) {
                    warn!(%error, "a part of it stays until the next start");
                }
                // A package that came before is still there.
                let state = ready(&self.tools.folder).unwrap_or_else(|| State::Failed { why: error.to_string() });
                // Told first: who sees the state finds it in the list.
                self.tell("failed", name, json!({ "why": error.to_string() }));
                *lock(&self.state) = state;
                if let Some(first_word) = first_word {
                    // Whoever asked may have stopped waiting.
                    let _ = first_word.send(Err(error));
                }
            }
        }
    }

    /// Fetches into the temporary file, all of it on the disk when it returns; returns the length.
    async fn fetch(&self, link: &Link, first_word: &mut Option<FirstWord>) -> Result<u64> {
        let limits = self.tools.limits;
        let silent = |_| Error::new(Fault::DownloadFailed, format!("Path: silent for {} s", limits.silence.as_secs()));
        let download = timeout(limits.silence, self.tools.fetch.open(link, "Path")).await.map_err(silent)?;
        let mut download = download.map_err(|e| Error { fault: Fault::DownloadFailed, ..e })?;
        match download.status() {
            200 => {}
            status @ (404 | 410) => bail!(NoPackage, "Path: the server answers {status}"),
            status => bail!(DownloadFailed, "Path: the server answers {status}"),
        }
        let total = download.total();
        let too_large = || Error::new(Fault::PackageTooLarge, format!("Path: more than {} bytes", limits.bytes));
        if total.is_some_and(|total| total > limits.bytes) {
            return Err(too_large());
        }
        if let Some(first_word) = first_word.take() {
            // Whoever asked may have stopped waiting.
            let _ = first_word.send(Ok(()));
        }
        let mut file = File::create(self.tools.folder.join(PART)).map_err(disk)?;
        let (mut done, mut told) = (0_u64, 0_u64);
        while let Some(data) =
            timeout(limits.silence, download.next()).await.map_err(silent)?.map_err(|e| broken_off(e, done, total))?
        {
            done += data.len() as u64;
            if done > limits.bytes {
                return Err(too_large());
            }
            file.write_all(&data).map_err(disk)?;
            *lock(&self.state) = State::Downloading { done, total };
            if let Some(percent) = total.and_then(|total| done.saturating_mul(100).checked_div(total)) {
                let percent = u8::try_from(percent.min(100)).unwrap_or(100);
                self.tools.screen.progress(Some((Work::Fetching, percent)));
            }
            if done - told >= TOLD_BYTES {
                told = done;
                info!(done, total, "new software is coming");
            }
        }
        if done == 0 || total.is_some_and(|total| total != done) {
            bail!(PackageLength, "Path: {done} bytes came");
        }
        file.sync_all().map_err(disk)?;
        Ok(done)
    }

    /// Gives a whole package its name, which takes the place of an earlier one.
    fn keep(&self) -> Result<PathBuf> {
        let file = self.tools.folder.join(PACKAGE);
        fs::rename(self.tools.folder.join(PART), &file)
            .and_then(|()| File::open(&self.tools.folder)?.sync_all())
            .map_err(disk)?;
        Ok(file)
    }

    fn tell(&self, state: &'static str, name: &str, more: Value) {
        let now = self.tools.settings.now().ntp.local(self.tools.clock.wall());
        let mut line = Map::new();
        line.insert("state".into(), state.into());
        line.insert("name".into(), name.into());
        if let Value::Object(more) = more {
            line.extend(more);
        }
        self.tools.decisions.tell(now, "upgrade", line);
    }
}

/// The package that has come whole, if one is there.
fn ready(folder: &Path) -> Option<State> {
    let file = folder.join(PACKAGE);
    let bytes = fs::metadata(&file).ok()?.len();
    Some(State::Ready { file, bytes })
}

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

/// What it means that a package ended before its time.
fn broken_off(broken: Broken, done: u64, total: Option<u64>) -> Error {
    let fault = if broken.is_early_end() { Fault::PackageLength } else { Fault::DownloadFailed };
    let detail = match total {
        Some(total) => format!("Path: the connection broke off at {done} of {total} bytes"),
        None => format!("Path: the connection broke off at {done} bytes"),
    };
    Error::new(fault, detail).because(broken)
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
