//! Threads the terminal cannot do without.

use std::thread::{Builder, JoinHandle};

use tracing::error;

use super::Failure;

/// Exit code after a panic in a part the terminal cannot do without.
const PANICKED: i32 = 70;

/// Those that run.
#[derive(Default)]
pub(super) struct Threads(pub(super) Vec<JoinHandle<()>>);

impl Threads {
    /// Starts a thread the terminal cannot do without.
    pub(super) fn start(&mut self, name: &'static str, work: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
        self.0.push(guarded(name, work)?);
        Ok(())
    }
}

/// Starts a thread the terminal cannot do without. Should it panic, the process ends, so that whoever supervises it starts
/// it anew: a door whose loop is gone must not look alive.
pub(super) fn guarded(name: &'static str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Failure> {
    let guarded = move || {
        if std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).is_err() {
            error!(thread = name, "a part of the terminal failed, ending the process");
            std::process::exit(PANICKED);
        }
    };
    let thread = Builder::new().name(name.to_owned()).spawn(guarded);
    thread.map_err(|e| format!("the thread {name:?} cannot be started: {e}").into())
}
