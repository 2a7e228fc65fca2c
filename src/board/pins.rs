//! Pins, and that no two devices have the same one.

use std::cell::RefCell;
use std::path::PathBuf;

use serde::Deserialize;

use crate::hal::{Active, Line, Pin};
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

/// The last line on the header of a Raspberry Pi.
const HIGHEST_BCM: u32 = 27;

/// What a profile says of pins, by its keys: also of devices about which something else is wrong.
#[derive(Default)]
pub(super) struct Pins(RefCell<Said>);

#[derive(Default)]
struct Said {
    /// The chip of each section.
    chips: Vec<(String, Chip)>,
    /// Each line, with its chip.
    lines: Vec<(String, Chip, Line)>,
}

#[derive(Clone, PartialEq)]
enum Chip {
    None,
    Node(PathBuf),
    /// Told already.
    Unreadable,
}

impl Pins {
    /// The pin of a section.
    pub(super) fn one(&self, s: &mut Section<'_>) -> Option<Pin> {
        let chip = self.chip(s);
        let (line, active) = (self.line(s, "line", &chip), s.or("active", Active::High));
        Some(Pin { chip: chip.node(), line: line?, active: active?, pull: None })
    }

    /// Two data lines that idle high.
    pub(super) fn pair(&self, s: &mut Section<'_>) -> Option<(Pin, Pin)> {
        let chip = self.chip(s);
        let (data0, data1) = (self.line(s, "data0", &chip), self.line(s, "data1", &chip));
        let active = s.or("active", Active::Low)?;
        let pin = |line| Pin { chip: chip.clone().node(), line, active, pull: None };
        Some((pin(data0?), pin(data1?)))
    }

    fn chip(&self, s: &mut Section<'_>) -> Chip {
        let given = s.has("chip");
        let chip = match s.may("chip") {
            Some(node) => Chip::Node(node),
            None if given => Chip::Unreadable,
            None => Chip::None,
        };
        self.0.borrow_mut().chips.push((s.name("chip"), chip.clone()));
        chip
    }

    fn line(&self, s: &mut Section<'_>, key: &str, chip: &Chip) -> Option<Line> {
        let line = s.need::<Line>(key)?;
        if line == Line::Name(String::new()) {
            s.wrong(key, "should be the number of a line, or its name");
            return None;
        }
        self.0.borrow_mut().lines.push((s.name(key), chip.clone(), line.clone()));
        Some(line)
    }

    /// That every pin is one for this driver, and of one use.
    pub(super) fn check(&self, root: &mut Section<'_>, gpio: Option<PinDriver>) {
        let Said { chips, lines } = &*self.0.borrow();
        for (key, chip) in chips {
            match (gpio, chip) {
                (Some(PinDriver::Cdev), Chip::None) => root.wrong(key, "is needed with driver = \"cdev\""),
                (Some(PinDriver::Cdev), Chip::Node(node)) if node.is_relative() => {
                    root.wrong(key, "should be a device node, as \"/dev/gpiochip0\"");
                }
                (Some(PinDriver::Rppal | PinDriver::Sim), Chip::Node(_) | Chip::Unreadable) => {
                    root.wrong(key, "is for driver = \"cdev\" alone");
                }
                _ => {}
            }
        }
        for (key, _, line) in lines {
            let is_bcm = matches!(line, Line::Number(0..=HIGHEST_BCM));
            match gpio {
                Some(PinDriver::Rppal) if !is_bcm => root.wrong(key, "should be a BCM number, 0 to 27"),
                Some(PinDriver::Sim) if matches!(line, Line::Number(_)) => root.wrong(key, "should be a name"),
                _ => {}
            }
        }
        for (number, (key, chip, line)) in lines.iter().enumerate() {
            let same = |other: &&(String, Chip, Line)| (&other.1, &other.2) == (chip, line);
            let known = *chip != Chip::Unreadable && !(gpio == Some(PinDriver::Cdev) && *chip == Chip::None);
            if let Some((other, ..)) = lines[..number].iter().find(same).filter(|_| known) {
                root.wrong(key, &format!("is the same line as {other}"));
            }
        }
    }
}

impl Chip {
    fn node(self) -> Option<PathBuf> {
        match self {
            Self::Node(node) => Some(node),
            Self::None | Self::Unreadable => None,
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
    fn a_device_that_is_wrong_hides_nothing_about_its_pins() {
        let cdev = |text: &str| text.replace("[gpio]\ndriver = \"sim\"", "[gpio]\ndriver = \"cdev\"");
        let relay = |line: &str| SIM.replace("line = \"relay\"", line);
        for (text, expect) in [
            (
                SIM.replace("fail = \"secure\"", "fail = \"open\"").replace("\"wiegand-d0\"", "\"relay\""),
                vec!["relay.fail = \"open\": ", "wiegand_out.data0: is the same line as relay.line"],
            ),
            (relay("line = \"\""), vec!["relay.line: should be the number of a line"]),
            (relay("chip = 3\nline = \"relay\""), vec!["relay.chip = 3: ", "relay.chip: is for driver = \"cdev\""]),
            (cdev(&relay("chip = 3\nline = \"wiegand-d0\"")), vec!["relay.chip = 3: "]),
            (relay("line = 7"), vec!["relay.line: should be a name"]),
            (
                relay("line = 28").replace("[gpio]\ndriver = \"sim\"", "[gpio]\ndriver = \"rppal\""),
                vec!["relay.line: should be a BCM number", "wiegand_out.data0: should be a BCM number"],
            ),
            (cdev(&relay("line = 1.5")), vec!["relay.line = 1.5: ", "relay.chip: is needed"]),
        ] {
            let problems = Board::parse("bad.toml", &text).unwrap_err();
            let found = |part: &&str| problems.list.iter().filter(|line| line.starts_with(*part)).count();
            let counts: Vec<_> = expect.iter().map(found).collect();
            assert_eq!(counts, vec![1; expect.len()], "{expect:?} in {problems}");
            let of_relay = problems.list.iter().filter(|line| line.starts_with("relay.")).count();
            assert_eq!(of_relay, expect.iter().filter(|part| part.starts_with("relay.")).count(), "{problems}");
            assert!(!problems.list.iter().any(|line| line.starts_with("relay") && line.contains("same line")));
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
