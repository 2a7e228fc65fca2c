//! The hardware as small traits, and `Devices`, what a board profile opened.
//!
//! Pins are `embedded-hal` traits; ours are only what Linux has no standard for. What a board lacks is
//! `None`, never an error "not supported".

use std::fmt;

use jiff::Timestamp;

use crate::error::Result;

/// The machine the daemon runs on.
pub trait Host: Send + Sync + fmt::Debug {
    /// Sets the wall clock.
    ///
    /// # Errors
    /// When the system refuses.
    fn set_time(&self, to: Timestamp) -> Result<()>;

    /// Restarts the terminal soon; an answer under way still gets out.
    ///
    /// # Errors
    /// When the system refuses.
    fn reboot(&self) -> Result<()>;
}
