//! The number of a card, digit by digit, as readers write it. Whatever is in doubt makes it none: a number guessed would
//! be another card's.

use serde::Deserialize;
use tracing::warn;

/// How a card reader writes numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Digits {
    /// Decimal.
    #[default]
    Decimal,
    /// Hexadecimal.
    Hex,
}

impl Digits {
    const fn radix(self) -> u32 {
        match self {
            Self::Decimal => 10,
            Self::Hex => 16,
        }
    }
}

/// What a reader has written so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Number {
    /// Nothing.
    #[default]
    Empty,
    /// Digits that make this number.
    Begun(u64),
    /// Something that is no digit, or more than 64 bits.
    Spoilt,
}

impl Number {
    /// Takes the next digit, 0 to 15.
    pub fn push(&mut self, digit: u8, digits: Digits) {
        let so_far = match *self {
            Self::Empty => 0,
            Self::Begun(so_far) => so_far,
            Self::Spoilt => return,
        };
        let radix = digits.radix();
        let longer = so_far.checked_mul(radix.into()).and_then(|n| n.checked_add(digit.into()));
        *self = longer.filter(|_| u32::from(digit) < radix).map_or(Self::Spoilt, Self::Begun);
    }

    /// The number, which is complete; the next begins anew.
    pub fn end(&mut self) -> Option<u64> {
        match std::mem::take(self) {
            Self::Begun(number) => Some(number),
            Self::Empty => None,
            Self::Spoilt => {
                warn!("a card number that is none is passed over; see whether card_format fits the reader");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_make_a_number_or_none() {
        for (digits, written, number) in [
            (Digits::Decimal, &[0, 0, 1, 2][..], Some(12)),
            (Digits::Decimal, &[0], Some(0)),
            (Digits::Decimal, &[], None),
            (Digits::Decimal, &[1, 10, 2], None),
            (Digits::Hex, &[1, 10, 2], Some(0x1A2)),
            (Digits::Hex, &[16], None),
            (Digits::Hex, &[15; 16], Some(u64::MAX)),
            (Digits::Hex, &[15; 17], None),
            (Digits::Decimal, &[9; 19], Some(9_999_999_999_999_999_999)),
            (Digits::Decimal, &[9; 20], None),
        ] {
            let mut so_far = Number::default();
            written.iter().for_each(|digit| so_far.push(*digit, digits));
            assert_eq!(so_far.end(), number, "{digits:?} {written:?}");
            assert_eq!(so_far, Number::Empty);
        }
    }
}
