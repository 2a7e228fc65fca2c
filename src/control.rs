//! The one loop in which everything that happens meets: a closed set of events in, actions out.

/// All that can wake the loop.
#[derive(Clone, Debug)]
pub enum Event {
    /// Somebody wants something done.
    Command(Command),
}

/// What the platform, or an operator, wants done.
#[derive(Clone, Debug)]
pub enum Command {
    /// Open the door as if somebody had been admitted (3.20); `text` is shown on the screen.
    Open {
        /// Shown instead of the usual tip; `None`: nothing is shown.
        text: Option<String>,
    },
    /// Show a text without opening (`OpenDoor` with `status` 0 on terminals that ask for it).
    Show {
        /// What is shown.
        text: String,
    },
    /// Settings have changed: look at them again.
    Settings,
}
