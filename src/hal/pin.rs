//! A pin, and how it is wired.

use std::path::PathBuf;

use serde::Deserialize;

/// Which level means "on".
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Active {
    /// On is high.
    High,
    /// On is low.
    Low,
}

impl Active {
    /// The other level.
    #[must_use]
    pub const fn inverted(self) -> Self {
        match self {
            Self::High => Self::Low,
            Self::Low => Self::High,
        }
    }
}

/// A line of a GPIO chip: a BCM number for `rppal`, an offset for `cdev`, a name in memory.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(untagged)]
pub enum Line {
    /// Number of the line.
    Number(u32),
    /// Name of the line.
    Name(String),
}

/// A pin.
#[derive(Clone, PartialEq, Debug)]
pub struct Pin {
    /// Device node of the chip, for `cdev`.
    pub chip: Option<PathBuf>,
    /// The line.
    pub line: Line,
    /// Which level means "on".
    pub active: Active,
    /// What an input is drawn to while nothing drives it; `None`: what the board does.
    pub pull: Option<Pull>,
}

/// A resistor inside the chip.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pull {
    /// To high.
    Up,
    /// To low.
    Down,
    /// None.
    Off,
}
