//! Passwords at the keypad (3.21): those that were added, kept as keyed digests, and the temporary one of the
//! hour. Pure: the key and the time are given; storing digests is left to `settings`.
//!
//! Four to eight digits are quickly tried through, so a plain hash would hide nothing from whoever reads the
//! disk of settings alone: digests are keyed with a secret of the terminal's own.

use std::collections::BTreeSet;
use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

use crate::field::LocalTime;

/// How many passwords are kept.
pub const MOST_PASSWORDS: usize = 100;
/// How many digits a password has (the document's example mixes 5 and 6).
pub const DIGITS: std::ops::RangeInclusive<usize> = 4..=8;
/// How many digits the temporary password has.
const TEMPORARY_DIGITS: u32 = 6;
/// How long a temporary password is valid, from the full hour on, seconds.
const HOUR: i64 = 3600;

/// Which password it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// One that was added.
    Kept,
    /// The temporary one of this hour.
    Temporary,
}

/// The terminal's secret that digests and temporary passwords are made with.
#[derive(Clone)]
pub struct Key([u8; 32]);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

/// Whether these are the digits of a password.
#[must_use]
pub fn is_password(text: &str) -> bool {
    DIGITS.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

impl Key {
    /// A key of 32 random bytes.
    #[must_use]
    pub const fn new(secret: [u8; 32]) -> Self {
        Self(secret)
    }

    /// What is kept of a password: its keyed digest, hexadecimal.
    #[must_use]
    pub fn digest(&self, password: &str) -> String {
        use fmt::Write;
        self.mac("kept", password.as_bytes()).iter().fold(String::with_capacity(64), |mut hex, byte| {
            // Writing to a String cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }

    /// The temporary password of the hour that `now` lies in.
    #[must_use]
    pub fn temporary(&self, now: LocalTime) -> String {
        let mac = self.mac("temporary", &now.seconds().div_euclid(HOUR).to_be_bytes());
        // The truncation of RFC 4226: the last four bits say where the number is taken from.
        let at = usize::from(mac[31] & 0x0F);
        let number = mac[at..at + 4].iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte)) & 0x7FFF_FFFF;
        format!("{:0width$}", number % 10_u32.pow(TEMPORARY_DIGITS), width = TEMPORARY_DIGITS as usize)
    }

    /// First and last second of the hour that `now` lies in.
    #[must_use]
    pub fn valid(now: LocalTime) -> (LocalTime, LocalTime) {
        let at = |minute, second| LocalTime(now.0.with().minute(minute).second(second).build().unwrap_or(now.0));
        (at(0, 0), at(59, 59))
    }

    /// Whether the digits `entered` open the door at `now`, and as which password. `kept` holds the digests of
    /// the passwords that were added. How long it takes tells nothing about any of them.
    #[must_use]
    pub fn admits(&self, kept: &BTreeSet<String>, entered: &str, now: LocalTime) -> Option<Kind> {
        if !is_password(entered) {
            return None;
        }
        let digest = self.digest(entered);
        let known = kept.iter().fold(Choice::from(0), |known, one| known | one.as_bytes().ct_eq(digest.as_bytes()));
        let temporary = self.temporary(now).as_bytes().ct_eq(entered.as_bytes());
        match (bool::from(known), bool::from(temporary)) {
            (true, _) => Some(Kind::Kept),
            (false, true) => Some(Kind::Temporary),
            (false, false) => None,
        }
    }

    fn mac(&self, purpose: &str, message: &[u8]) -> [u8; 32] {
        let mut mac = <Hmac<Sha256> as KeyInit>::new(&self.padded().into());
        mac.update(purpose.as_bytes());
        // Purposes hold no zero byte, so no two purposes and messages run into one text.
        mac.update(&[0]);
        mac.update(message);
        mac.finalize().into_bytes().into()
    }

    /// The key as long as a block of SHA-256, as HMAC itself would pad it.
    fn padded(&self) -> [u8; 64] {
        let mut block = [0; 64];
        block[..32].copy_from_slice(&self.0);
        block
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time: &str) -> LocalTime {
        LocalTime::parse(time).unwrap()
    }

    #[test]
    fn passwords_are_four_to_eight_digits() {
        for (text, expect) in [
            ("1234", true),
            ("95468", true),
            ("12345678", true),
            ("0000", true),
            ("123", false),
            ("123456789", false),
            ("", false),
            ("12a4", false),
            ("１２３４", false),
            (" 1234", false),
            ("-1234", false),
        ] {
            assert_eq!(is_password(text), expect, "{text:?}");
        }
    }

    #[test]
    fn a_kept_password_opens_at_any_time_and_no_other_does() {
        let (key, other) = (Key::new([7; 32]), Key::new([8; 32]));
        let kept: BTreeSet<_> = ["1234", "95468"].map(|password| key.digest(password)).into();
        for time in ["2018-11-16T17:00:00", "2030-01-01T00:00:00"] {
            for (entered, expect) in
                [("1234", Some(Kind::Kept)), ("95468", Some(Kind::Kept)), ("12345", None), ("", None), ("12a4", None)]
            {
                assert_eq!(key.admits(&kept, entered, at(time)), expect, "{entered} at {time}");
                assert_eq!(other.admits(&kept, entered, at(time)), None, "{entered} on another terminal");
            }
        }
        assert!(kept.iter().all(|digest| digest.len() == 64 && !digest.contains("1234")));
    }

    /// Against an implementation of its own: `hmac.new(bytes([7]) * 32, b"kept\0" + b"1234", "sha256")`.
    #[test]
    fn digests_are_hmac_sha256() {
        assert_eq!(Key::new([7; 32]).digest("1234"), DIGEST);
        assert_eq!(Key::new([7; 32]).temporary(at("2018-11-16T17:23:45")), TEMPORARY);
    }
    const DIGEST: &str = "f5da659bcc9d5f06cfc9c0041f283f123369cc3daee5e33440feafe978a76189";
    const TEMPORARY: &str = "374614";

    #[test]
    fn a_temporary_password_opens_in_its_hour_only() {
        let key = Key::new([7; 32]);
        let none = BTreeSet::new();
        let password = key.temporary(at("2018-11-16T17:23:45"));
        assert_eq!(password.len(), 6);
        for (time, expect) in [
            ("2018-11-16T16:59:59", None),
            ("2018-11-16T17:00:00", Some(Kind::Temporary)),
            ("2018-11-16T17:59:59", Some(Kind::Temporary)),
            ("2018-11-16T18:00:00", None),
            ("2018-11-17T17:30:00", None),
        ] {
            assert_eq!(key.admits(&none, &password, at(time)), expect, "{time}");
        }
        assert_ne!(Key::new([8; 32]).temporary(at("2018-11-16T17:23:45")), password);
        let (begin, end) = Key::valid(at("2018-11-16T17:23:45"));
        assert_eq!((begin, end), (at("2018-11-16T17:00:00"), at("2018-11-16T17:59:59")));
    }
}
