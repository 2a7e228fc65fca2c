//! Wiegand frames of other lengths than the document's: a door controller's own layout, one sign a bit.

use serde::Deserialize;

use super::card::WiegandFrame;

/// What a bit of a frame is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Bit {
    Facility,
    Number,
    Fixed(bool),
    Even,
    Odd,
}

/// The bits of a frame, first one first: `f` a bit of the facility code and `n` one of the number, each from its highest
/// bit, `0` and `1` as they are, `e` even and `o` odd parity. Parity in front of the data is over its first half, behind
/// it over its second; where the halves are not whole, both take the middle bit. Blanks count for nothing.
///
/// So 26 bits are `e ffffffff nnnnnnnnnnnnnnnn o`.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct FrameLayout(Vec<Bit>);

impl TryFrom<String> for FrameLayout {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let bits = text.chars().filter(|sign| !sign.is_whitespace()).map(|sign| match sign {
            'f' => Ok(Bit::Facility),
            'n' => Ok(Bit::Number),
            '0' => Ok(Bit::Fixed(false)),
            '1' => Ok(Bit::Fixed(true)),
            'e' => Ok(Bit::Even),
            'o' => Ok(Bit::Odd),
            other => Err(format!("{other:?} is no bit; there are f, n, 0, 1, e and o")),
        });
        let bits = bits.collect::<Result<Vec<_>, _>>()?;
        let count = |kind| bits.iter().filter(|bit| **bit == kind).count();
        if !(4..=64).contains(&bits.len()) {
            return Err(format!("has {} bits; 4 to 64 are possible", bits.len()));
        }
        if count(Bit::Number) == 0 || count(Bit::Number) + count(Bit::Facility) > 32 {
            return Err("should have 1 to 32 bits of number and facility code".into());
        }
        Ok(Self(bits))
    }
}

impl FrameLayout {
    /// A frame of 26 or 34 bits in this layout; its highest bits are lost where there is no room for them. Another frame
    /// stays as it is.
    #[must_use]
    pub fn of(&self, frame: WiegandFrame) -> WiegandFrame {
        let Some(data) = frame.data() else { return frame };
        let count = |kind| self.0.iter().filter(|bit| **bit == kind).count();
        let (mut number, mut facility) = (count(Bit::Number), count(Bit::Number) + count(Bit::Facility));
        let is_data = |bit: &Bit| !matches!(bit, Bit::Even | Bit::Odd);
        let bits: Vec<(Bit, bool)> = self
            .0
            .iter()
            .map(|bit| {
                let left = match bit {
                    Bit::Number => &mut number,
                    Bit::Facility => &mut facility,
                    Bit::Fixed(value) => return (*bit, *value),
                    Bit::Even | Bit::Odd => return (*bit, false),
                };
                *left -= 1;
                (*bit, u64::from(data) >> *left & 1 == 1)
            })
            .collect();
        let values: Vec<bool> = bits.iter().filter(|(bit, _)| is_data(bit)).map(|(_, value)| *value).collect();
        let half = values.len().div_ceil(2);
        let ones = |part: &[bool]| part.iter().filter(|one| **one).count();
        let (first, second) = (ones(&values[..half]), ones(&values[values.len() - half..]));
        let first_data = self.0.iter().position(is_data).unwrap_or(0);
        let value = bits.iter().enumerate().fold(0, |frame, (place, (bit, value))| {
            let covered = if place < first_data { first } else { second };
            let one = match bit {
                Bit::Even => covered % 2 == 1,
                Bit::Odd => covered % 2 == 0,
                Bit::Facility | Bit::Number | Bit::Fixed(_) => *value,
            };
            frame << 1 | u64::from(one)
        });
        WiegandFrame { bits: u32::try_from(bits.len()).unwrap_or(u32::MAX), value }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::WiegandProtocol::{W26, W34};

    fn layout(text: &str) -> FrameLayout {
        FrameLayout::try_from(text.to_owned()).unwrap()
    }

    #[test]
    fn the_documents_own_frames_are_layouts_too() {
        for number in [0, 1, 0x00A5_5A81, 0x00FF_FFFF] {
            let frame = WiegandFrame::of_number(number, W26);
            assert_eq!(layout("e ffffffff nnnnnnnnnnnnnnnn o").of(frame), frame);
            let frame = WiegandFrame::of_number(number * 171, W34);
            assert_eq!(layout(&format!("e{}o", "n".repeat(32))).of(frame), frame);
        }
    }

    #[test]
    fn other_lengths() {
        let frame = WiegandFrame::of_number(0x0012_3456, W26);
        for (text, bits, value) in [
            // Facility code 0x12, number 0x3456.
            ("ffffffffnnnnnnnnnnnnnnnn", 24, 0x12_3456),
            ("nnnn", 4, 0x6),
            ("10nnnnnnnn01", 12, 0b1001_0101_1001),
            // Of 37 bits, H10304: 35 bits of data, parity over 18 and 18 of them.
            (&format!("e{}{}o", "f".repeat(13), "n".repeat(19)).replace('e', "e000"), 37, 0x12_3456 << 1 | 1),
        ] {
            let got = layout(text).of(frame);
            assert_eq!((got.bits, got.value), (bits, value), "{text}: {:#b} not {value:#b}", got.value);
        }
        assert_eq!(layout(&"n".repeat(32)).of(frame).value, 0x12_3456);
        let key = WiegandFrame { bits: 4, value: 5 };
        assert_eq!(layout("nnnnnnnn").of(key), key, "what is no card is left alone");
    }

    #[test]
    fn layouts_that_cannot_be() {
        for (text, why) in [
            ("nnn", "3 bits"),
            (&"n".repeat(65), "65 bits"),
            ("eeee0000", "1 to 32 bits"),
            (&format!("ff{}", "n".repeat(31)), "1 to 32 bits"),
            ("nnnnx", "'x' is no bit"),
        ] {
            let error = FrameLayout::try_from(text.to_owned()).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
