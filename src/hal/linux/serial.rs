//! Card readers on a serial line: 8 data bits, no parity, 1 stop bit. What a number means is left to others.

use std::io::{self, Read};
use std::path::PathBuf;
use std::time::Duration;

use linux_embedded_hal::Serial;
use linux_embedded_hal::serialport::{self, SerialPort};
use tracing::{info, warn};

use super::number::{Digits, Number};
use crate::error::{Error, Fault, Result};
use crate::hal::{Sensed, Sensor};

/// Signs of one number follow each other within milliseconds: what was begun before such a silence is noise.
const SILENCE: Duration = Duration::from_millis(300);
/// Some readers send the number again and again as long as the card lies there: only after such a silence it has been
/// presented anew.
const AWAY: Duration = Duration::from_secs(1);

const STX: u8 = 2;
const ETX: u8 = 3;

/// How a reader sends numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Framing {
    /// Digits in ASCII, ended by CR, LF or ETX; an STX may stand in front.
    Line(Digits),
    /// As the RDM6300 does, a reader of 125 kHz cards: STX, ten hexadecimal digits, two of their XOR, ETX. The
    /// number is the last eight digits, as it is printed on cards; the first two are a maker's mark.
    Rdm6300,
}

/// The bytes of a reader on their way to numbers.
#[derive(Debug)]
pub struct Frames {
    framing: Framing,
    line: Number,
    /// Whether what comes may be the end of a line whose beginning nobody heard.
    torn: bool,
    /// Digits behind an STX; `None` outside a frame.
    frame: Option<Vec<u8>>,
}

impl Frames {
    /// A reader that has not sent anything.
    #[must_use]
    pub const fn new(framing: Framing) -> Self {
        Self { framing, line: Number::Empty, torn: false, frame: None }
    }

    /// Takes a byte; the number of a card, when it ends one.
    pub fn push(&mut self, byte: u8) -> Option<u64> {
        match self.framing {
            Framing::Line(digits) => self.line(byte, digits),
            Framing::Rdm6300 => self.frame(byte),
        }
    }

    /// Forgets what is not complete: what comes now is a beginning.
    pub fn forget(&mut self) {
        (self.line, self.torn, self.frame) = (Number::Empty, false, None);
    }

    /// Begins in the middle of what a reader sends: a line counts when its beginning was heard. Frames say themselves
    /// where they begin.
    pub fn tune_in(&mut self) {
        self.forget();
        self.torn = true;
    }

    fn line(&mut self, byte: u8, digits: Digits) -> Option<u64> {
        match (hex(byte), byte) {
            (Some(digit), _) => self.line.push(digit, digits),
            (None, b'\r' | b'\n' | ETX) => {
                let number = self.line.end();
                return if std::mem::take(&mut self.torn) { None } else { number };
            }
            (None, STX) => (self.line, self.torn) = (Number::Empty, false),
            (None, _) => self.line = Number::Spoilt,
        }
        None
    }

    fn frame(&mut self, byte: u8) -> Option<u64> {
        match (hex(byte), byte, &mut self.frame) {
            (_, STX, _) => self.frame = Some(Vec::with_capacity(12)),
            (Some(digit), _, Some(digits)) if digits.len() < 12 => digits.push(digit),
            (None, ETX, Some(_)) => return rdm6300(&self.frame.take()?),
            _ => self.frame = None,
        }
        None
    }
}

/// The number in the twelve digits of a frame whose checksum holds.
fn rdm6300(digits: &[u8]) -> Option<u64> {
    let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
    let [_mark, number @ .., checksum] = bytes.as_slice() else { return None };
    let number = <[u8; 4]>::try_from(number).ok()?;
    if digits.len() != 12 || bytes.iter().fold(0, |xor, byte| xor ^ byte) != 0 {
        warn!(checksum, "a card that was read wrongly is passed over");
        return None;
    }
    Some(u32::from_be_bytes(number).into())
}

fn hex(sign: u8) -> Option<u8> {
    char::from(sign).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// A reader on a serial line, opened when it is first asked and again after it failed.
pub struct SerialReader {
    node: PathBuf,
    baud: u32,
    frames: Frames,
    line: Option<Serial>,
    /// Bytes not yet looked at.
    rest: Vec<u8>,
    /// How long the line has been silent, at least.
    quiet: Duration,
    /// The card that lies there.
    present: Option<u64>,
}

impl SerialReader {
    /// The reader at `node`, which sends `baud` bits a second.
    #[must_use]
    pub fn new(node: PathBuf, baud: u32, framing: Framing) -> Self {
        Self {
            node,
            baud,
            frames: Frames::new(framing),
            line: None,
            rest: Vec::new(),
            quiet: Duration::ZERO,
            present: None,
        }
    }

    fn open(&mut self) -> Result<Serial> {
        let line = Serial::open(self.node.to_string_lossy().into_owned(), self.baud).map_err(|error| {
            let what = match error.kind() {
                serialport::ErrorKind::Io(io::ErrorKind::PermissionDenied) => {
                    "may not be opened; let the daemon's user into the group dialout"
                }
                serialport::ErrorKind::Io(io::ErrorKind::NotFound) => "is not there",
                serialport::ErrorKind::NoDevice => "is held by another program, a console perhaps",
                _ => "cannot be set up as a serial line",
            };
            self.fails(what, error.into())
        })?;
        self.frames.tune_in();
        self.rest.clear();
        (self.quiet, self.present) = (Duration::ZERO, None);
        info!(node = %self.node.display(), baud = self.baud, "opened");
        Ok(line)
    }

    fn fails(&self, what: &str, error: io::Error) -> Error {
        Error::new(Fault::Unavailable, format!("{}: {what} ({error})", self.node.display())).because(error)
    }

    /// Waits once, and takes what has come.
    fn wait(&mut self, line: &mut Serial, patience: Duration) -> io::Result<()> {
        let mut bytes = [0; 64];
        line.0.set_timeout(patience)?;
        match line.0.read(&mut bytes) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                self.quiet = Duration::ZERO;
                self.rest.extend_from_slice(&bytes[..count]);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                self.silence(patience);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The line was silent for `span` more.
    fn silence(&mut self, span: Duration) {
        self.quiet += span;
        if self.quiet >= SILENCE {
            self.frames.forget();
        }
        if self.quiet >= AWAY {
            self.present = None;
        }
    }

    /// The next card among the bytes that have come.
    fn card(&mut self) -> Option<u64> {
        while !self.rest.is_empty() {
            let number = self.frames.push(self.rest.remove(0));
            if number.is_some() && number != self.present {
                self.present = number;
                return number;
            }
        }
        None
    }
}

/// `None` comes early after bytes that are no card yet, so that a line full of noise does not outlast any patience.
impl Sensor for SerialReader {
    fn next(&mut self, patience: Duration) -> Result<Option<Sensed>> {
        let mut line = match self.line.take() {
            Some(line) => line,
            None => self.open()?,
        };
        if self.rest.is_empty() {
            // The line is put back only when it works: the next call opens it anew.
            self.wait(&mut line, patience).map_err(|error| self.fails("does not answer any more", error))?;
        }
        self.line = Some(line);
        Ok(self.card().map(Sensed::RfCard))
    }
}

impl std::fmt::Debug for SerialReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SerialReader").field("node", &self.node).field("baud", &self.baud).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use serialport::TTYPort;

    use super::*;

    const DECIMAL: Framing = Framing::Line(Digits::Decimal);
    const HEX: Framing = Framing::Line(Digits::Hex);

    #[test]
    fn bytes_become_numbers() {
        for (framing, bytes, numbers) in [
            (DECIMAL, &b"0012345678\r\n"[..], &[12_345_678][..]),
            (DECIMAL, b"1\r2\n3\r\n", &[1, 2, 3]),
            (DECIMAL, b"\r\n\r\n", &[]),
            (DECIMAL, b"12", &[]),
            (DECIMAL, b"\x0212\r\n\x03\x0234\x03", &[12, 34]),
            (DECIMAL, b"\xFF\x0012\r\n34\r\n", &[34]),
            (DECIMAL, b"12 34\r\n56\r\n", &[56]),
            (DECIMAL, b"12AB\r\n56\r\n", &[56]),
            (DECIMAL, b"99999999999999999999\r\n56\r\n", &[56]),
            (HEX, b"0aFF\r\n00E1\r\n", &[0xAFF, 0xE1]),
            // 0x62 ^ 0xE3 ^ 0x08 ^ 0x6C ^ 0xED = 0x08, the example of the reader's data sheet.
            (Framing::Rdm6300, b"\x0262E3086CED08\x03", &[0xE308_6CED]),
            (Framing::Rdm6300, b"\x0262e3086ced08\x03\x0262E3086CED08\x03", &[0xE308_6CED, 0xE308_6CED]),
            // A wrong checksum, a wrong digit, one too few, one too many, noise inside, between and in front.
            (Framing::Rdm6300, b"\x0262E3086CED09\x03", &[]),
            (Framing::Rdm6300, b"\x0262E3086CEC08\x03", &[]),
            (Framing::Rdm6300, b"\x0262E3086CED0\x03", &[]),
            (Framing::Rdm6300, b"\x0262E3086CED080\x03", &[]),
            (Framing::Rdm6300, b"\x0262E3 086CED08\x03", &[]),
            (Framing::Rdm6300, b"\x02\x03\x0262E3086CED08\x03", &[0xE308_6CED]),
            (Framing::Rdm6300, b"\xFF08\x03\x0262E3\x0262E3086CED08\x03\x00", &[0xE308_6CED]),
            (Framing::Rdm6300, b"62E3086CED08\x03", &[]),
        ] {
            let mut frames = Frames::new(framing);
            let read: Vec<_> = bytes.iter().filter_map(|byte| frames.push(*byte)).collect();
            assert_eq!(read, numbers, "{framing:?} {}", bytes.escape_ascii());
        }
    }

    #[test]
    fn the_end_of_a_number_that_began_before_is_none() {
        for (framing, bytes, numbers) in [
            (DECIMAL, &b"5678\r\n77\r\n"[..], &[77][..]),
            (DECIMAL, b"\n77\r\n", &[77]),
            (DECIMAL, b"56\x0277\r\n", &[77]),
            (DECIMAL, b"\x0277\x03", &[77]),
            (Framing::Rdm6300, b"\x0262E3086CED08\x03", &[0xE308_6CED]),
        ] {
            let mut frames = Frames::new(framing);
            frames.tune_in();
            let read: Vec<_> = bytes.iter().filter_map(|byte| frames.push(*byte)).collect();
            assert_eq!(read, numbers, "{framing:?} {}", bytes.escape_ascii());
        }
        let mut frames = Frames::new(DECIMAL);
        frames.tune_in();
        // After a silence a number begins.
        frames.forget();
        assert_eq!(b"5678\r".iter().find_map(|byte| frames.push(*byte)), Some(5678));
    }

    /// What the reader reports until its line is silent.
    fn all(reader: &mut SerialReader) -> Vec<Sensed> {
        let mut found = Vec::new();
        loop {
            let quiet = reader.quiet;
            match reader.next(Duration::from_millis(50)).unwrap() {
                None if reader.quiet > quiet => return found,
                sensed => found.extend(sensed),
            }
        }
    }

    #[test]
    fn cards_come_over_a_line_once_as_long_as_they_lie_there() {
        let (mut master, slave) = TTYPort::pair().unwrap();
        let node = PathBuf::from(slave.name().unwrap());
        drop(slave);
        let mut reader = SerialReader::new(node, 9600, DECIMAL);
        assert_eq!(all(&mut reader), []);
        master.write_all(b"0012345678\r\n0012345678\r\n77\r\n12").unwrap();
        assert_eq!(all(&mut reader), [Sensed::RfCard(12_345_678), Sensed::RfCard(77)]);
        master.write_all(b"34\r\n").unwrap();
        assert_eq!(all(&mut reader), [Sensed::RfCard(1234)], "a number in two pieces");
        master.write_all(b"1234\r\n").unwrap();
        assert_eq!(all(&mut reader), [], "still there");
        reader.silence(AWAY);
        master.write_all(b"1234\r\n55").unwrap();
        assert_eq!(all(&mut reader), [Sensed::RfCard(1234)], "presented anew");
        reader.silence(SILENCE);
        master.write_all(b"66\r\n").unwrap();
        assert_eq!(all(&mut reader), [Sensed::RfCard(66)], "what was begun before a silence is noise");
    }

    #[test]
    fn a_line_that_went_away_is_opened_anew() {
        let folder = tempfile::tempdir().unwrap();
        let node = folder.path().join("reader");
        let mut reader = SerialReader::new(node.clone(), 9600, Framing::Rdm6300);
        let error = reader.next(Duration::ZERO).unwrap_err();
        assert!(error.detail.starts_with(&format!("{}: is not there", node.display())), "{error}");
        for _ in 0..2 {
            let (mut master, slave) = TTYPort::pair().unwrap();
            std::os::unix::fs::symlink(slave.name().unwrap(), &node).unwrap();
            drop(slave);
            assert_eq!(all(&mut reader), []);
            master.write_all(b"\x0262E3086CED08\x03").unwrap();
            assert_eq!(all(&mut reader), [Sensed::RfCard(0xE308_6CED)]);
            drop(master);
            let error = reader.next(Duration::from_millis(1)).unwrap_err();
            assert!(error.detail.contains("does not answer any more"), "{error}");
            std::fs::remove_file(&node).unwrap();
        }
        std::fs::write(&node, "").unwrap();
        let error = reader.next(Duration::ZERO).unwrap_err();
        assert!(error.detail.contains("cannot be set up as a serial line"), "{error}");
    }
}
