//! Pins, and that no two devices have the same one.

use std::path::PathBuf;

use serde::Deserialize;

use crate::strict::Section;

/// Who drives the pins.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PinDriver {
    /// Raspberry Pi registers.
    Rppal,
    /// GPIO character device.
    Cdev,
    /// Memory.
    Sim,
}

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

pub(super) fn one(s: &mut Section<'_>) -> Option<Pin> {
    let (chip, line, active) = (s.may("chip"), s.need("line"), s.or("active", Active::High));
    Some(Pin { chip, line: line?, active: active?, pull: None })
}

/// Two data lines that idle high.
pub(super) fn pair(s: &mut Section<'_>) -> Option<(Pin, Pin)> {
    let chip: Option<PathBuf> = s.may("chip");
    let (data0, data1) = (s.need("data0"), s.need("data1"));
    let active = s.or("active", Active::Low)?;
    let pin = |line| Pin { chip: chip.clone(), line, active, pull: None };
    Some((pin(data0?), pin(data1?)))
}

/// That every pin of `used`, named by its key, is one for this driver, and of one use.
pub(super) fn check(root: &mut Section<'_>, gpio: Option<PinDriver>, used: &[(&str, &Pin)]) {
    for (role, pin) in used {
        let chip = format!("{}.chip", role.rsplit_once('.').map_or(*role, |(section, _)| section));
        match (gpio, &pin.chip) {
            (Some(PinDriver::Cdev), None) => root.wrong(&chip, "is needed with driver = \"cdev\""),
            (Some(PinDriver::Cdev), Some(node)) if node.is_relative() => {
                root.wrong(&chip, "should be a device node, as \"/dev/gpiochip0\"");
            }
            (Some(PinDriver::Rppal | PinDriver::Sim), Some(_)) => {
                root.wrong(&chip, "is for driver = \"cdev\" alone");
            }
            _ => {}
        }
    }
    for (number, (role, pin)) in used.iter().enumerate() {
        let same = |other: &&(&str, &Pin)| (&other.1.chip, &other.1.line) == (&pin.chip, &pin.line);
        if let Some((other, _)) = used[..number].iter().find(same) {
            root.wrong(role, &format!("is the same line as {other}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::board::{Board, SIM};

    #[test]
    fn a_line_has_one_use() {
        for (line, other) in [("relay", "wiegand-d1"), ("wiegand-d0", "wiegand-d1"), ("wiegand-d0", "relay")] {
            let text = SIM.replace(&format!("\"{line}\""), &format!("\"{other}\""));
            let problems = Board::parse("bad.toml", &text).unwrap_err().to_string();
            assert!(problems.contains("is the same line as"), "{line} {other}: {problems}");
        }
    }
}
