//! What systemd is told of the daemon it started (`sd_notify(3)`): that it is ready, alive, and on its way out. Where
//! nobody listens, nothing is said.

use std::time::Duration;

use sd_notify::NotifyState;

use crate::error::{Error, Fault, Result};
use crate::hal::Watchdog;

/// The daemon does what it is there for.
pub fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// What it is at, in words for people.
pub fn status(status: &str) {
    tell(&[NotifyState::Status(status)]);
}

/// It takes so long from now until it is ready or ends, whatever the supervisor allows otherwise.
pub fn more_time(needed: Duration) {
    tell(&[NotifyState::ExtendTimeoutUsec(u32::try_from(needed.as_micros()).unwrap_or(u32::MAX))]);
}

/// It is about to end.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

fn tell(what: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(what) {
        tracing::warn!(%error, "whoever supervises the terminal cannot be told of it");
    }
}

/// The supervisor's own watchdog, where it set one (`WatchdogSec=`).
#[must_use]
pub fn watchdog() -> Option<Box<dyn Watchdog>> {
    let patience = sd_notify::watchdog_enabled()?;
    Some(Box::new(Supervisor { patience }))
}

struct Supervisor {
    patience: Duration,
}

impl Watchdog for Supervisor {
    fn patience(&self) -> Duration {
        self.patience
    }

    fn feed(&mut self) -> Result<()> {
        sd_notify::notify(&[NotifyState::Watchdog])
            .map_err(|e| Error::new(Fault::Unavailable, "the supervisor cannot be told").because(e))
    }

    fn disarm(&mut self) -> Result<()> {
        // It ends with the service.
        Ok(())
    }
}
