//! The way of a package over the network: what comes is kept, and what the server says decides what that is worth.

use std::io;

use tokio::time::timeout;
use tracing::info;

use super::partial::Partial;
use super::{FirstWord, Inner, State, disk};
use crate::clock::lock;
use crate::error::{Error, Fault};
use crate::fetch::{Broken, Download, Link, Rest};
use crate::ui::Work;

/// The log tells how far a download is each time so many bytes have come.
const TOLD_BYTES: u64 = 16 << 20;

/// Why a package did not come.
pub(super) enum Loss {
    /// It may come yet: the connection broke off.
    Broken(Error),
    /// Trying again changes nothing.
    Final(Error),
    /// The terminal stops.
    Stopped,
}

impl Inner {
    /// Fetches all of it; after the server's first word, a connection that breaks off is taken up again.
    pub(super) async fn fetch(
        &self,
        link: &Link,
        part: &mut Partial,
        first_word: &mut Option<FirstWord>,
    ) -> Result<(), Loss> {
        let mut again = self.tools.limits.again.iter();
        loop {
            let before = part.length();
            let loss = match self.try_once(link, part, first_word).await {
                Err(Loss::Broken(error)) if first_word.is_none() => error,
                done => return done,
            };
            if part.length() > before {
                again = self.tools.limits.again.iter();
            }
            let Some(wait) = again.next() else { return Err(Loss::Broken(loss)) };
            info!(error = %loss, wait_s = wait.as_secs(), done = part.length(), "the download is taken up again");
            let _ = timeout(*wait, std::future::pending::<()>()).await;
        }
    }

    /// Fetches over one connection.
    async fn try_once(&self, link: &Link, part: &mut Partial, first_word: &mut Option<FirstWord>) -> Result<(), Loss> {
        let limits = self.tools.limits;
        if part.is_whole() {
            return Ok(());
        }
        let mark = part.note.mark.clone();
        let rest = mark.as_deref().filter(|_| part.length() > 0).map(|of| Rest { from: part.length(), of });
        let silent = |_| Error::new(Fault::DownloadFailed, format!("Path: silent for {} s", limits.silence.as_secs()));
        let opened = timeout(limits.silence, self.tools.fetch.open_from(link, "Path", rest)).await;
        let opened = opened.map_err(silent).and_then(|opened| opened);
        let mut download = opened.map_err(|e| Loss::Broken(Error { fault: Fault::DownloadFailed, ..e }))?;
        self.arrange(&download, part, rest.is_some())?;
        let total = part.note.total;
        let too_large =
            || Loss::Final(Error::new(Fault::PackageTooLarge, format!("Path: more than {} bytes", limits.bytes)));
        if total.is_some_and(|total| total > limits.bytes) {
            return Err(too_large());
        }
        self.check_room(part)?;
        if let Some(first_word) = first_word.take() {
            // Whoever asked may have stopped waiting.
            let _ = first_word.send(Ok(()));
        }
        let mut told = part.length();
        loop {
            let next = timeout(limits.silence, download.next()).await.map_err(|e| Loss::Broken(silent(e)))?;
            let Some(data) = next.map_err(|e| Loss::Broken(broken_off(e, part.length(), total)))? else { break };
            if part.length() + data.len() as u64 > limits.bytes {
                return Err(too_large());
            }
            part.write(&data).map_err(lost)?;
            let done = part.length();
            *lock(&self.state) = State::Downloading { done, total };
            self.show(Work::Fetching, done, total.unwrap_or(0));
            if part.unsynced() >= limits.sync_bytes {
                part.sync().map_err(lost)?;
                self.check_room(part)?;
            }
            if done - told >= TOLD_BYTES {
                told = done;
                info!(done, total, "new software is coming");
            }
        }
        let done = part.length();
        if done == 0 || total.is_some_and(|total| total != done) {
            return Err(Loss::Final(Error::new(Fault::PackageLength, format!("Path: {done} bytes came"))));
        }
        Ok(())
    }

    /// What is to come must leave the store its reserve: nobody has verified yet that it is worth anything.
    fn check_room(&self, part: &Partial) -> Result<(), Loss> {
        let limits = &self.tools.limits;
        let needed = part.note.total.map_or(limits.sync_bytes, |total| total.saturating_sub(part.length()));
        let spare = (limits.spare)(&self.tools.folder).map_err(lost)?;
        if needed <= spare {
            return Ok(());
        }
        let why = format!("there is no room for the package: {needed} more bytes are needed and {spare} may be used");
        Err(Loss::Final(Error::new(Fault::StoreFailed, why)))
    }

    /// Brings what has come in line with what the server sends.
    fn arrange(&self, download: &Download, part: &mut Partial, asked_for_rest: bool) -> Result<(), Loss> {
        match download.status() {
            206 if asked_for_rest && download.from() == part.length() => Ok(()),
            200 => part.begin(download.mark(), download.total()).map_err(lost),
            // Not the rest that was asked for: all of it is, the next time.
            206 | 416 if asked_for_rest => {
                part.begin(None, None).map_err(lost)?;
                Err(Loss::Broken(Error::new(Fault::DownloadFailed, "Path: the server has another file by now")))
            }
            status @ (404 | 410) => {
                Err(Loss::Final(Error::new(Fault::NoPackage, format!("Path: the server answers {status}"))))
            }
            status @ 500..=599 => {
                Err(Loss::Broken(Error::new(Fault::DownloadFailed, format!("Path: the server answers {status}"))))
            }
            status => Err(Loss::Final(Error::new(Fault::DownloadFailed, format!("Path: the server answers {status}")))),
        }
    }
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

fn lost(error: io::Error) -> Loss {
    Loss::Final(disk(error))
}
