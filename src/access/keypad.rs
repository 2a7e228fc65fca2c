//! Keys become digits, and digits a password, until Enter. Where keys come from and what the digits open is left to
//! others.

use std::time::Duration;

use super::card::WiegandFrame;
use crate::clock::Mono;

/// Digits that nobody went on with are forgotten after this long, so that the next person begins anew.
pub const FORGOTTEN_AFTER: Duration = Duration::from_secs(10);
/// More digits than this are not taken.
const LONGEST: usize = 16;

/// Keys of a keypad.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Key {
    /// 0 to 9.
    Digit(u8),
    /// Takes the last digit back.
    Back,
    /// Takes all digits back.
    Clear,
    /// The digits are complete.
    Enter,
}

impl Key {
    /// The key behind a frame of a keypad on Wiegand lines: 4 bits of code, or 8 with the code's complement in front
    /// of it. Code 10 is `*`, 11 is `#`. `None` for a frame that is no key, a card's among them.
    #[must_use]
    pub fn of_frame(frame: WiegandFrame) -> Option<Self> {
        let code = frame.value & 0xF;
        let whole = match frame.bits {
            4 => code,
            8 => (!code & 0xF) << 4 | code,
            _ => return None,
        };
        match u8::try_from(code).ok()? {
            _ if frame.value != whole => None,
            digit @ 0..=9 => Some(Self::Digit(digit)),
            10 => Some(Self::Clear),
            11 => Some(Self::Enter),
            _ => None,
        }
    }
}

/// What was typed so far.
#[derive(Default)]
pub struct Keypad {
    digits: String,
    last_key: Mono,
}

impl Keypad {
    /// Takes a key pressed at `now`. The digits typed, when it was Enter and there are some.
    pub fn press(&mut self, key: Key, now: Mono) -> Option<String> {
        if self.typed(now) == 0 {
            self.digits.clear();
        }
        self.last_key = now;
        match key {
            Key::Digit(digit) if self.digits.len() < LONGEST => {
                self.digits.extend(char::from_digit(digit.into(), 10));
            }
            Key::Digit(_) => {}
            Key::Back => drop(self.digits.pop()),
            Key::Clear => self.digits.clear(),
            Key::Enter => return Some(std::mem::take(&mut self.digits)).filter(|digits| !digits.is_empty()),
        }
        None
    }

    /// How many digits stand there at `now`.
    #[must_use]
    pub fn typed(&self, now: Mono) -> usize {
        if now >= self.last_key.after(FORGOTTEN_AFTER) { 0 } else { self.digits.len() }
    }

    /// When the digits typed will be forgotten; `None` without any.
    #[must_use]
    pub fn forgets_at(&self) -> Option<Mono> {
        (!self.digits.is_empty()).then(|| self.last_key.after(FORGOTTEN_AFTER))
    }
}

/// Tells how many digits there are, not which: they are a password.
impl std::fmt::Debug for Keypad {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keypad").field("digits", &self.digits.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `1` a digit, `<` back, `*` clear, `#` enter, `.` nine and `:` ten seconds without a key; one key a millisecond.
    fn typed(keys: &str) -> Vec<String> {
        let (mut keypad, mut now) = (Keypad::default(), Mono(0));
        let mut entered = Vec::new();
        for sign in keys.chars() {
            now = now.after(Duration::from_millis(1));
            let key = match sign {
                '<' => Key::Back,
                '*' => Key::Clear,
                '#' => Key::Enter,
                '.' => {
                    now = now.after(Duration::from_secs(9));
                    continue;
                }
                ':' => {
                    now = now.after(Duration::from_secs(10));
                    continue;
                }
                digit => Key::Digit(u8::try_from(digit.to_digit(10).unwrap()).unwrap()),
            };
            entered.extend(keypad.press(key, now));
        }
        entered
    }

    #[test]
    fn digits_are_entered() {
        for (keys, entered) in [
            ("123456#", &["123456"][..]),
            ("12#34#", &["12", "34"]),
            ("#", &[]),
            ("12", &[]),
            ("129<3#", &["123"]),
            ("<1#", &["1"]),
            ("12<<<3#", &["3"]),
            ("99*12#", &["12"]),
            ("99*#", &[]),
            ("12.34#", &["1234"]),
            ("1.2.3.4#", &["1234"]),
            ("12:34#", &["34"]),
            ("12:#", &[]),
            ("12:<3#", &["3"]),
            ("1234567890123456#", &["1234567890123456"]),
            ("12345678901234567890#", &["1234567890123456"]),
            ("12345678901234567<#", &["123456789012345"]),
        ] {
            assert_eq!(typed(keys), entered, "{keys}");
        }
    }

    #[test]
    fn what_is_typed_is_counted_until_it_is_forgotten() {
        let mut keypad = Keypad::default();
        assert_eq!((keypad.typed(Mono(0)), keypad.forgets_at()), (0, None));
        keypad.press(Key::Digit(4), Mono(0));
        keypad.press(Key::Digit(2), Mono(5));
        let end = keypad.forgets_at().unwrap();
        assert_eq!(end, Mono(10_000_005));
        assert_eq!((keypad.typed(Mono(10_000_004)), keypad.typed(end)), (2, 0));
        assert_eq!(keypad.press(Key::Enter, end), None);
        assert_eq!(keypad.forgets_at(), None);
    }

    #[test]
    fn digits_stay_out_of_logs() {
        let mut keypad = Keypad::default();
        keypad.press(Key::Digit(7), Mono(0));
        assert_eq!(format!("{keypad:?}"), "Keypad { digits: 1, .. }");
    }

    #[test]
    fn short_wiegand_frames_are_keys() {
        for (bits, value, key) in [
            (4, 0, Some(Key::Digit(0))),
            (4, 9, Some(Key::Digit(9))),
            (4, 10, Some(Key::Clear)),
            (4, 11, Some(Key::Enter)),
            (4, 12, None),
            (4, 15, None),
            (8, 0xF0, Some(Key::Digit(0))),
            (8, 0xE1, Some(Key::Digit(1))),
            (8, 0x69, Some(Key::Digit(9))),
            (8, 0x5A, Some(Key::Clear)),
            (8, 0x4B, Some(Key::Enter)),
            // The complement of another code, none at all, and a code without a key.
            (8, 0xE2, None),
            (8, 0x01, None),
            (8, 0x3C, None),
            // Cards, and lengths nobody sends.
            (26, 0xF0, None),
            (34, 5, None),
            (5, 5, None),
        ] {
            assert_eq!(Key::of_frame(WiegandFrame { bits, value }), key, "{bits} bits {value:#x}");
        }
    }
}
