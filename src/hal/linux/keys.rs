//! What the keys of the input layer mean: keys of a keypad, or the number of a card that a USB reader types like a
//! keyboard. Knows no device.

use std::time::Duration;

use evdev::KeyCode;

use super::number::{Digits, Number};
use crate::access::Key;

/// A reader that sends no Enter has ended its number when it is silent for this long; it types a key every few
/// milliseconds.
pub const SILENCE: Duration = Duration::from_millis(300);

/// The key of a keypad that `code` is, on the keypad, the keyboard or a telephone's field.
#[must_use]
pub fn key(code: KeyCode) -> Option<Key> {
    Some(match code {
        KeyCode::KEY_BACKSPACE | KeyCode::KEY_DELETE => Key::Back,
        KeyCode::KEY_ESC | KeyCode::KEY_CLEAR | KeyCode::KEY_NUMERIC_STAR | KeyCode::KEY_KPASTERISK => Key::Clear,
        KeyCode::KEY_ENTER | KeyCode::KEY_KPENTER | KeyCode::KEY_NUMERIC_POUND | KeyCode::KEY_OK => Key::Enter,
        _ => Key::Digit(decimal(code)?),
    })
}

fn decimal(code: KeyCode) -> Option<u8> {
    Some(match code {
        KeyCode::KEY_0 | KeyCode::KEY_KP0 | KeyCode::KEY_NUMERIC_0 => 0,
        KeyCode::KEY_1 | KeyCode::KEY_KP1 | KeyCode::KEY_NUMERIC_1 => 1,
        KeyCode::KEY_2 | KeyCode::KEY_KP2 | KeyCode::KEY_NUMERIC_2 => 2,
        KeyCode::KEY_3 | KeyCode::KEY_KP3 | KeyCode::KEY_NUMERIC_3 => 3,
        KeyCode::KEY_4 | KeyCode::KEY_KP4 | KeyCode::KEY_NUMERIC_4 => 4,
        KeyCode::KEY_5 | KeyCode::KEY_KP5 | KeyCode::KEY_NUMERIC_5 => 5,
        KeyCode::KEY_6 | KeyCode::KEY_KP6 | KeyCode::KEY_NUMERIC_6 => 6,
        KeyCode::KEY_7 | KeyCode::KEY_KP7 | KeyCode::KEY_NUMERIC_7 => 7,
        KeyCode::KEY_8 | KeyCode::KEY_KP8 | KeyCode::KEY_NUMERIC_8 => 8,
        KeyCode::KEY_9 | KeyCode::KEY_KP9 | KeyCode::KEY_NUMERIC_9 => 9,
        _ => return None,
    })
}

/// What a key of a reader is within a number.
enum Typed {
    Digit(u8),
    End,
    /// Belongs to the next key.
    Shift,
    Other,
}

fn typed(code: KeyCode) -> Typed {
    match code {
        KeyCode::KEY_A => Typed::Digit(10),
        KeyCode::KEY_B => Typed::Digit(11),
        KeyCode::KEY_C => Typed::Digit(12),
        KeyCode::KEY_D => Typed::Digit(13),
        KeyCode::KEY_E => Typed::Digit(14),
        KeyCode::KEY_F => Typed::Digit(15),
        KeyCode::KEY_ENTER | KeyCode::KEY_KPENTER | KeyCode::KEY_TAB => Typed::End,
        KeyCode::KEY_LEFTSHIFT | KeyCode::KEY_RIGHTSHIFT | KeyCode::KEY_CAPSLOCK => Typed::Shift,
        _ => decimal(code).map_or(Typed::Other, Typed::Digit),
    }
}

/// The number a reader is typing.
#[derive(Debug)]
pub struct Wedge {
    digits: Digits,
    /// Of what was typed so far.
    number: Number,
    last_key: Duration,
}

impl Wedge {
    /// A reader that writes numbers with `digits`.
    #[must_use]
    pub const fn new(digits: Digits) -> Self {
        Self { digits, number: Number::Empty, last_key: Duration::ZERO }
    }

    /// How the reader writes numbers.
    #[must_use]
    pub const fn digits(&self) -> Digits {
        self.digits
    }

    /// Takes a key pressed at `at` by the kernel's stamp. The number of a card that is complete now: the one before,
    /// where this key comes after a silence, or the one it ends.
    pub fn press(&mut self, code: KeyCode, at: Duration) -> Option<u64> {
        let late = at.saturating_sub(self.last_key) >= SILENCE;
        let before = if late { self.end() } else { None };
        self.last_key = at;
        match typed(code) {
            Typed::Digit(digit) => self.number.push(digit, self.digits),
            Typed::End => return before.or_else(|| self.end()),
            Typed::Shift => {}
            Typed::Other => self.number = Number::Spoilt,
        }
        before
    }

    /// Whether a number has been begun, so that a silence would end it.
    #[must_use]
    pub const fn is_typing(&self) -> bool {
        !matches!(self.number, Number::Empty)
    }

    /// Ends the number: its reader has been silent for [`SILENCE`].
    pub fn end(&mut self) -> Option<u64> {
        self.number.end()
    }

    /// Keys were lost at `at`, perhaps the first ones of a number: what is typed until its end is none.
    pub fn spoil(&mut self, at: Duration) {
        (self.number, self.last_key) = (Number::Spoilt, at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_digit_key_and_its_neighbours() {
        let rows: [(&[KeyCode], Option<Key>); 9] = [
            (&[KeyCode::KEY_0, KeyCode::KEY_KP0, KeyCode::KEY_NUMERIC_0], Some(Key::Digit(0))),
            (&[KeyCode::KEY_1, KeyCode::KEY_KP1, KeyCode::KEY_NUMERIC_1], Some(Key::Digit(1))),
            (&[KeyCode::KEY_5, KeyCode::KEY_KP5, KeyCode::KEY_NUMERIC_5], Some(Key::Digit(5))),
            (&[KeyCode::KEY_9, KeyCode::KEY_KP9, KeyCode::KEY_NUMERIC_9], Some(Key::Digit(9))),
            (&[KeyCode::KEY_BACKSPACE, KeyCode::KEY_DELETE], Some(Key::Back)),
            (&[KeyCode::KEY_ESC, KeyCode::KEY_NUMERIC_STAR, KeyCode::KEY_KPASTERISK], Some(Key::Clear)),
            (&[KeyCode::KEY_ENTER, KeyCode::KEY_KPENTER, KeyCode::KEY_NUMERIC_POUND], Some(Key::Enter)),
            (&[KeyCode::KEY_A, KeyCode::KEY_LEFTSHIFT, KeyCode::KEY_POWER, KeyCode::BTN_TOUCH], None),
            (&[KeyCode::KEY_MINUS, KeyCode::KEY_KPDOT, KeyCode::KEY_SPACE], None),
        ];
        for (codes, expected) in rows {
            for code in codes {
                assert_eq!(key(*code), expected, "{code:?}");
            }
        }
    }

    /// The keys of a text: `\n` Enter, `\t` Tab, `^` shift, `;` a key no number has.
    pub fn codes(text: &str) -> Vec<KeyCode> {
        let code = |sign| match sign {
            '0' => KeyCode::KEY_0,
            '1' => KeyCode::KEY_1,
            '2' => KeyCode::KEY_2,
            '3' => KeyCode::KEY_3,
            '4' => KeyCode::KEY_4,
            '5' => KeyCode::KEY_5,
            '6' => KeyCode::KEY_6,
            '7' => KeyCode::KEY_7,
            '8' => KeyCode::KEY_8,
            '9' => KeyCode::KEY_9,
            'A' => KeyCode::KEY_A,
            'B' => KeyCode::KEY_B,
            'C' => KeyCode::KEY_C,
            'D' => KeyCode::KEY_D,
            'E' => KeyCode::KEY_E,
            'F' => KeyCode::KEY_F,
            '\n' => KeyCode::KEY_ENTER,
            '\t' => KeyCode::KEY_TAB,
            '^' => KeyCode::KEY_LEFTSHIFT,
            ';' => KeyCode::KEY_SEMICOLON,
            other => panic!("no key for {other:?}"),
        };
        text.chars().map(code).collect()
    }

    #[test]
    fn numbers_end_with_enter_or_a_silence() {
        // `_` stands for a silence before the next key, `~` for lost keys; else a key every 8 ms.
        for (digits, text, numbers) in [
            (Digits::Decimal, "0012345678\n", &[12_345_678][..]),
            (Digits::Decimal, "1\n2\t", &[1, 2]),
            (Digits::Decimal, "\n\n", &[]),
            (Digits::Decimal, "12_34_", &[12, 34]),
            (Digits::Decimal, "12_\n", &[12]),
            (Digits::Decimal, "12\n_34\n", &[12, 34]),
            (Digits::Decimal, "18446744073709551615\n", &[u64::MAX]),
            (Digits::Decimal, "18446744073709551616\n7\n", &[7]),
            (Digits::Decimal, "12A4\n56\n", &[56]),
            (Digits::Decimal, "1;2\n3\n", &[3]),
            (Digits::Decimal, "1;2_3\n", &[3]),
            (Digits::Decimal, "12~34\n56\n", &[56]),
            (Digits::Decimal, "12~34_56\n", &[56]),
            (Digits::Decimal, "12\n_~34\n56\n", &[12, 56]),
            (Digits::Hex, "0^AFF00\n", &[0xAFF00]),
            (Digits::Hex, "FFFFFFFFFFFFFFFF\n", &[u64::MAX]),
            (Digits::Hex, "10000000000000000\nE\n", &[0xE]),
        ] {
            let (mut wedge, mut at) = (Wedge::new(digits), Duration::from_secs(3600));
            let mut read = Vec::new();
            for piece in text.split_inclusive(['_', '~']) {
                for code in codes(piece.trim_end_matches(['_', '~'])) {
                    at += Duration::from_millis(8);
                    read.extend(wedge.press(code, at));
                }
                match piece.chars().last() {
                    Some('_') => at += SILENCE,
                    Some('~') => wedge.spoil(at),
                    _ => {}
                }
            }
            assert_eq!(wedge.is_typing(), !text.ends_with(['\n', '\t']), "{text:?}");
            read.extend(wedge.end());
            assert_eq!(read, numbers, "{digits:?} {text:?}");
        }
    }

    #[test]
    fn a_clock_set_back_ends_no_number() {
        let mut wedge = Wedge::new(Digits::Decimal);
        assert_eq!(wedge.press(KeyCode::KEY_1, Duration::from_secs(50)), None);
        assert_eq!(wedge.press(KeyCode::KEY_2, Duration::from_secs(20)), None);
        assert_eq!(wedge.press(KeyCode::KEY_ENTER, Duration::from_secs(20)), Some(12));
    }
}
