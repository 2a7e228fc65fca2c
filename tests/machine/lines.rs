//! What the terminal's lines did, read from the emulator's notes: `PID@SECONDS:pl061_set_output DEVICE setting output LINE
//! to LEVEL`, a note for every change.

use facegate::access::WiegandFrame;

/// A line that was set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Change {
    /// When, microseconds of the host's clock.
    pub at: u64,
    /// Which.
    pub line: u8,
    /// To what.
    pub high: bool,
}

/// All changes of all lines, in order.
pub fn changes(notes: &str) -> Vec<Change> {
    notes.lines().filter_map(change).collect()
}

fn change(note: &str) -> Option<Change> {
    let (stamp, rest) = note.split_once('@')?.1.split_once(":pl061_set_output ")?;
    let (seconds, micros) = stamp.split_once('.')?;
    let at = seconds.parse::<u64>().ok()? * 1_000_000 + micros.parse::<u64>().ok()?;
    let (line, level) = rest.split_once(" setting output ")?.1.split_once(" to ")?;
    Some(Change { at, line: line.parse().ok()?, high: level.trim() == "1" })
}

/// The levels a line had, one after the other.
pub fn levels(changes: &[Change], line: u8) -> Vec<bool> {
    let mut levels: Vec<bool> = changes.iter().filter(|c| c.line == line).map(|c| c.high).collect();
    levels.dedup();
    levels
}

/// The frames of `bits` pulses on two lines that idle high: a pulse to low on the first is a zero, on the second a one. They
/// are told apart by counting: the machine may stand still for more than half a second in the middle of one. What is
/// not complete yet comes last, with fewer bits.
pub fn frames(changes: &[Change], data0: u8, data1: u8, bits: usize) -> Vec<WiegandFrame> {
    let mut high = [false; 2];
    let mut pulses = Vec::new();
    for change in changes.iter().filter(|c| c.line == data0 || c.line == data1) {
        let one = change.line == data1;
        if std::mem::replace(&mut high[usize::from(one)], change.high) && !change.high {
            pulses.push(one);
        }
    }
    let frame = |pulses: &[bool]| WiegandFrame {
        bits: pulses.len() as u32,
        value: pulses.iter().fold(0, |value, one| value << 1 | u64::from(*one)),
    };
    pulses.chunks(bits).map(frame).collect()
}

/// The reading itself, on notes as the emulator writes them.
pub fn check() {
    let note = |at: u64, line: u8, level: u8| {
        format!(
            "7@1795596911.{at:06}:pl061_set_output /machine/unattached/device[7] setting output {line} to {level}\n"
        )
    };
    let mut notes = String::from("7@1795596911.000001:something_else 1 to 0\n");
    // At rest first; then the bits 1 0 1 with a change of another line among them; a second frame's first bit, a 0.
    let steps =
        [(10, 1, 0), (20, 1, 1), (20, 2, 1), (1000, 2, 0), (1100, 2, 1), (1500, 0, 1), (2000, 1, 0), (2100, 1, 1)];
    let more = [(3000, 2, 0), (3100, 2, 1), (3100, 0, 0), (900_000, 1, 0), (900_100, 1, 1)];
    for (at, line, level) in steps.into_iter().chain(more) {
        notes += &note(at, line, level);
    }
    let read = changes(&notes);
    assert_eq!(read.len(), steps.len() + more.len());
    assert_eq!(read[0], Change { at: 1_795_596_911_000_010, line: 1, high: false });
    assert_eq!(levels(&read, 0), [true, false]);
    let frame = |bits, value| WiegandFrame { bits, value };
    assert_eq!(frames(&read, 1, 2, 3), [frame(3, 0b101), frame(1, 0)]);
}
