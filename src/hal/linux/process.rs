//! What becomes of this process and its threads.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// Becomes another program, with the same number, and with `variable` in its environment. Returns only what went wrong.
#[must_use]
pub fn become_program(program: &Path, arguments: &[OsString], variable: (&str, &Path)) -> io::Error {
    Command::new(program).args(arguments).env(variable.0, variable.1).exec()
}

/// Whether this process may do everything.
#[must_use]
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Lets everything else go before the calling thread, for good; at the disk too where its scheduler minds that (BFQ).
///
/// # Errors
/// What the system says.
pub fn step_back() -> io::Result<()> {
    rustix::process::nice(19)?;
    Ok(())
}
