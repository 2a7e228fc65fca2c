//! The hardware watchdog (Documentation/watchdog/watchdog-api.rst).

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use rustix::ioctl::{Getter, Updater, ioctl, opcode};

use crate::error::{Error, Fault, Result};
use crate::hal::Watchdog;

/// `WDIOC_SETTIMEOUT`: the driver writes back what it could do.
const SET_TIMEOUT: rustix::ioctl::Opcode = opcode::read_write::<i32>(b'W', 6);

/// `WDIOC_GETTIMEOUT`.
const GET_TIMEOUT: rustix::ioctl::Opcode = opcode::read::<i32>(b'W', 7);

/// A device node of the kernel's.
#[derive(Debug)]
pub struct WatchdogNode {
    node: PathBuf,
    patience: Duration,
    open: Option<File>,
}

impl WatchdogNode {
    /// The watchdog at `node`, which restarts the machine after `patience`.
    #[must_use]
    pub const fn new(node: PathBuf, patience: Duration) -> Self {
        Self { node, patience, open: None }
    }

    /// Whether it is there. It is not opened: that would start it.
    ///
    /// # Errors
    /// When it is not.
    pub fn probe(&self) -> Result<String> {
        std::fs::metadata(&self.node).map_err(|e| self.failed(e))?;
        Ok(format!("{}, to restart the machine after {} s", self.node.display(), self.patience.as_secs()))
    }

    fn failed(&self, error: std::io::Error) -> Error {
        Error::new(Fault::Unavailable, format!("{} does not work", self.node.display())).because(error)
    }

    fn start(&mut self) -> Result<File> {
        let file = OpenOptions::new().write(true).open(&self.node).map_err(|e| self.failed(e))?;
        let mut seconds = i32::try_from(self.patience.as_secs()).unwrap_or(i32::MAX);
        let asked = seconds;
        // SAFETY: the driver reads and writes one int there, which is what the kernel's documentation says.
        let set = unsafe { ioctl(&file, Updater::<SET_TIMEOUT, i32>::new(&mut seconds)) };
        if let Err(error) = set {
            tracing::warn!(%error, "the watchdog keeps its own time");
            // SAFETY: the driver writes one int there.
            seconds = unsafe { ioctl(&file, Getter::<GET_TIMEOUT, i32>::new()) }.unwrap_or(asked);
        }
        if seconds != asked {
            tracing::warn!(asked, got = seconds, "the watchdog has another time than asked for");
            self.patience = Duration::from_secs(u64::try_from(seconds).unwrap_or(1).max(1));
        }
        Ok(file)
    }
}

impl Watchdog for WatchdogNode {
    fn patience(&self) -> Duration {
        self.patience
    }

    fn feed(&mut self) -> Result<()> {
        let mut file = match self.open.take() {
            Some(file) => file,
            None => self.start()?,
        };
        file.write_all(b"\0").map_err(|e| self.failed(e))?;
        self.open = Some(file);
        Ok(())
    }

    fn disarm(&mut self) -> Result<()> {
        let Some(mut file) = self.open.take() else { return Ok(()) };
        // The letter without which closing does not stop it.
        file.write_all(b"V").map_err(|e| self.failed(e))
    }
}
