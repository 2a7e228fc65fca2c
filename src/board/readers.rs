//! Card readers and keypads.

use std::path::PathBuf;

use serde::Deserialize;

use crate::field::Int;
use crate::hal::linux::input::InputNode;
use crate::hal::linux::number::Digits;
use crate::hal::linux::serial::Framing;
use crate::strict::Section;

/// What people present things at.
#[derive(Clone, Debug, Default)]
pub struct Readers {
    /// RF card reader.
    pub card: Option<CardReader>,
    /// Keypad.
    pub keypad: Option<InputNode>,
    /// Touch panel before the display.
    pub touch: Option<InputNode>,
}

/// An RF card reader.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CardReader {
    /// One that types its numbers like a keyboard.
    Input {
        /// The device.
        node: InputNode,
        /// How numbers are written.
        digits: Digits,
    },
    /// One on a serial line.
    Serial {
        /// Device node of the line.
        node: PathBuf,
        /// Bits a second.
        baud: u32,
        /// How numbers are sent.
        framing: Framing,
    },
}

/// How a card reader sends numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum CardText {
    Decimal,
    Hex,
    Rdm6300,
}

pub(super) fn read(s: &mut Section<'_>, has_display: bool) -> Option<Readers> {
    let (card, keypad, touch) = (card_reader(s), s.may("keypad"), s.may("touch"));
    if touch.is_some() && !has_display {
        s.wrong("touch", "there is no [display] to touch");
    }
    Some(Readers { card, keypad, touch })
}

/// The reader that the keys beginning with `card`, and `baud`, describe.
fn card_reader(s: &mut Section<'_>) -> Option<CardReader> {
    let (node, format) = (s.may::<String>("card"), s.may("card_format"));
    let baud = s.may::<Int<300, 921_600>>("baud");
    let Some(node) = node else {
        let alone = [("card_format", format.is_some()), ("baud", baud.is_some())];
        alone
            .into_iter()
            .filter(|(_, given)| *given)
            .for_each(|(key, _)| s.wrong(key, "is about a card that is missing"));
        return None;
    };
    let digits = if format == Some(CardText::Hex) { Digits::Hex } else { Digits::Decimal };
    if let Ok(node) = InputNode::try_from(node.clone()) {
        if baud.is_some() {
            s.wrong("baud", "is for a reader on a serial line");
        }
        if format == Some(CardText::Rdm6300) {
            s.wrong("card_format", "is for a reader on a serial line");
        }
        return Some(CardReader::Input { node, digits });
    }
    let node = PathBuf::from(node);
    if node.is_relative() {
        s.wrong("card", "should be a device node, or name: and the name of an input device");
    }
    let framing = if format == Some(CardText::Rdm6300) { Framing::Rdm6300 } else { Framing::Line(digits) };
    Some(CardReader::Serial { node, baud: baud.map_or(9600, Int::u32), framing })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::{Board, SIM};

    #[test]
    fn readers_are_told_apart_by_their_nodes() {
        let typing = |node: &str, digits| CardReader::Input { node: node.to_owned().try_into().unwrap(), digits };
        let serial = |baud, framing| CardReader::Serial { node: "/dev/ttyAMA2".into(), baud, framing };
        for (keys, card) in [
            ("", None),
            ("card = \"/dev/ttyAMA2\"", Some(serial(9600, Framing::Line(Digits::Decimal)))),
            (
                "card = \"/dev/ttyAMA2\"\ncard_format = \"hex\"\nbaud = 19200",
                Some(serial(19200, Framing::Line(Digits::Hex))),
            ),
            ("card = \"/dev/ttyAMA2\"\ncard_format = \"rdm6300\"", Some(serial(9600, Framing::Rdm6300))),
            ("card = \"/dev/input/event4\"", Some(typing("/dev/input/event4", Digits::Decimal))),
            ("card = \"name:A Reader\"\ncard_format = \"hex\"", Some(typing("name:A Reader", Digits::Hex))),
        ] {
            let board = Board::parse("a.toml", &format!("{SIM}\n[readers]\n{keys}\n")).unwrap();
            assert_eq!(board.readers.card, card, "{keys}");
        }
    }

    #[test]
    fn readers_that_cannot_be_are_refused() {
        for (keys, part) in [
            ("card_format = \"hex\"", "readers.card_format: is about a card that is missing"),
            ("baud = 9600", "readers.baud: is about a card that is missing"),
            ("card = \"ttyAMA2\"", "readers.card: should be a device node, or name: and"),
            ("card = \"name:\"", "readers.card: should be a device node, or name: and"),
            ("card = \"name:R\"\nbaud = 9600", "readers.baud: is for a reader on a serial line"),
            ("card = \"name:R\"\ncard_format = \"rdm6300\"", "readers.card_format: is for a reader on a serial"),
            ("card = \"/dev/ttyS0\"\ncard_format = \"octal\"", "readers.card_format = \"octal\": unknown variant"),
            ("card = \"/dev/ttyS0\"\nbaud = 7", "readers.baud = 7: 7 is outside 300..921600"),
            ("keypad = \"/dev/ttyS0\"", "readers.keypad = \"/dev/ttyS0\": should be a node below /dev/input"),
            ("touch = \"panel\"", "readers.touch = \"panel\": should be a node below /dev/input"),
            ("[thermal]\nbus = \"/dev/i2c-1\"\nrefresh_hz = 3", "thermal.refresh_hz = 3: should be 1, 2, 4, 8, 16"),
        ] {
            let problems = Board::parse("a.toml", &format!("{SIM}\n[readers]\n{keys}\n")).unwrap_err().to_string();
            assert!(problems.contains(part), "{part} not in\n{problems}");
        }
        let blind = SIM.replace("[display]\ndriver = \"sim\"\nwidth = 720\nheight = 1280\nrotation = 0\n", "");
        let blind = format!("{blind}\n[readers]\ntouch = \"name:Panel\"\n");
        let problems = Board::parse("a.toml", &blind).unwrap_err().to_string();
        assert!(problems.contains("readers.touch: there is no [display] to touch"), "{problems}");
    }
}
