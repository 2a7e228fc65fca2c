//! Pins, and that no two devices have the same one.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

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

/// Every pin a profile names, by its key: also those of devices about which something else is wrong.
#[derive(Default)]
pub(super) struct Pins(RefCell<Vec<(String, Pin)>>);

impl Pins {
    /// The pin of a section.
    pub(super) fn one(&self, s: &mut Section<'_>) -> Option<Pin> {
        let (chip, line, active) = (s.may("chip"), s.need("line"), s.or("active", Active::High));
        self.take(s, "line", chip, line, active)
    }

    /// Two data lines that idle high.
    pub(super) fn pair(&self, s: &mut Section<'_>) -> Option<(Pin, Pin)> {
        let chip: Option<PathBuf> = s.may("chip");
        let (data0, data1) = (s.need("data0"), s.need("data1"));
        let active = s.or("active", Active::Low);
        let data0 = self.take(s, "data0", chip.clone(), data0, active);
        let data1 = self.take(s, "data1", chip, data1, active);
        Some((data0?, data1?))
    }

    fn take(
        &self,
        s: &Section<'_>,
        key: &str,
        chip: Option<PathBuf>,
        line: Option<Line>,
        active: Option<Active>,
    ) -> Option<Pin> {
        let line = line?;
        if line == Line::Name(String::new()) {
            s.wrong(key, "should be the number of a line, or its name");
        }
        let pin = Pin { chip, line, active: active.unwrap_or(Active::High), pull: None };
        self.0.borrow_mut().push((s.name(key), pin.clone()));
        active.map(|_| pin)
    }

    /// That every pin is one for this driver, and of one use.
    pub(super) fn check(&self, root: &mut Section<'_>, gpio: Option<PinDriver>) {
        let used = &*self.0.borrow();
        let mut chips: Vec<(String, Option<&Path>)> = Vec::new();
        for (key, pin) in used {
            let chip = format!("{}.chip", key.rsplit_once('.').map_or(key.as_str(), |(section, _)| section));
            // Two data lines are of one chip.
            if !chips.iter().any(|(name, _)| *name == chip) {
                chips.push((chip, pin.chip.as_deref()));
            }
        }
        for (chip, node) in chips {
            match (gpio, node) {
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
        for (number, (key, pin)) in used.iter().enumerate() {
            let same = |other: &&(String, Pin)| (&other.1.chip, &other.1.line) == (&pin.chip, &pin.line);
            if let Some((other, _)) = used[..number].iter().find(same) {
                root.wrong(key, &format!("is the same line as {other}"));
            }
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

    #[test]
    fn a_device_that_is_wrong_hides_nothing_about_its_line() {
        for (right, wrong, parts) in [
            ("fail = \"secure\"", "fail = \"open\"", ["relay.fail = \"open\": ", "is the same line as relay.line"]),
            ("line = \"relay\"", "line = \"\"", ["relay.line: should be the number of a line, or its name", "1 is"]),
        ] {
            let text = SIM.replace(right, wrong).replace("\"wiegand-d0\"", "\"relay\"");
            assert_ne!(text, SIM);
            let text = text.replace("pulse_us = 100", "pulse_us = 1");
            let problems = Board::parse("bad.toml", &text).unwrap_err().to_string();
            assert!(parts.iter().all(|part| problems.contains(part)), "{problems}");
        }
    }

    #[test]
    fn what_a_chip_lacks_is_said_once() {
        let text = SIM.replace("[gpio]\ndriver = \"sim\"", "[gpio]\ndriver = \"cdev\"");
        let problems = Board::parse("bad.toml", &text).unwrap_err();
        let chips: Vec<_> = problems.list.iter().filter(|line| line.starts_with("wiegand_out.chip: ")).collect();
        assert_eq!(chips.len(), 1, "{problems}");
    }
}
