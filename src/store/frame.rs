//! How the journal is written: frames of changes, each whole or not there.
//!
//! A frame is `FGJ1`, the length of its payload and the CRC-32 of all that follows (little-endian `u32`s), the number of
//! the change (`u64`), and the payload: changes one after the other, each its kind and tree (a byte each), the length of
//! its key (`u16`) and the key, and for rows that are put the length of the value (`u32`) and the value. A reader finds
//! the next whole frame behind a damaged one by `FGJ1` and CRC.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// How a frame begins.
const MAGIC: [u8; 4] = *b"FGJ1";
/// Length of what stands before the payload.
pub(super) const HEAD: usize = 20;
/// Longest payload; a longer length is damage.
pub(super) const LONGEST: usize = 256 << 20;
/// Passed over where the disk reads nothing.
const SECTOR: usize = 4096;
/// Read at a time.
const WINDOW: usize = 256 << 10;

/// The lists rows are in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Tree {
    /// `LibID` → row of a person.
    People = 0,
    /// `LibID` → embedding, little-endian `f32`s.
    Embeddings = 1,
    /// [`super::index::Mark`] → control record.
    Controls = 2,
    /// [`super::index::Mark`] → capture record.
    Captures = 3,
    /// [`super::index::Mark`] → notice.
    Notices = 4,
    /// Name of a group → its settings.
    Settings = 5,
    /// Name of a sink → the place it has reached in the event log.
    Sinks = 6,
    /// Name → bytes drawn once.
    Secrets = 7,
    /// Name → counter.
    Counters = 8,
}

impl Tree {
    pub(super) const ALL: [Self; 9] = [
        Self::People,
        Self::Embeddings,
        Self::Controls,
        Self::Captures,
        Self::Notices,
        Self::Settings,
        Self::Sinks,
        Self::Secrets,
        Self::Counters,
    ];

    fn numbered(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

/// A change of one row, or of all of a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Op<'a> {
    Put(Tree, &'a [u8], &'a [u8]),
    Remove(Tree, &'a [u8]),
    Clear(Tree),
    /// Nothing more comes: the last of a snapshot, with the number of rows in it.
    End(u64),
}

const PUT: u8 = 1;
const REMOVE: u8 = 2;
const CLEAR: u8 = 3;
const END: u8 = 4;

/// Appends a change to a payload.
pub(super) fn push(payload: &mut Vec<u8>, op: Op<'_>) {
    let mut head = |kind: u8, tree: u8, key: &[u8]| {
        // Keys are names and numbers of our own: a few bytes.
        let length = u16::try_from(key.len()).unwrap_or(u16::MAX);
        payload.extend([kind, tree]);
        payload.extend(length.to_le_bytes());
        payload.extend(&key[..usize::from(length)]);
    };
    match op {
        Op::Put(tree, key, value) => {
            head(PUT, tree as u8, key);
            payload.extend(u32::try_from(value.len()).unwrap_or(u32::MAX).to_le_bytes());
            payload.extend(value);
        }
        Op::Remove(tree, key) => head(REMOVE, tree as u8, key),
        Op::Clear(tree) => head(CLEAR, tree as u8, &[]),
        Op::End(rows) => head(END, 0, &rows.to_le_bytes()),
    }
}

/// A frame around a payload.
pub(super) fn encode(number: u64, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(HEAD + payload.len());
    frame.extend(MAGIC);
    frame.extend(u32::try_from(payload.len()).unwrap_or(u32::MAX).to_le_bytes());
    frame.extend([0; 4]);
    frame.extend(number.to_le_bytes());
    frame.extend(payload);
    let crc = crc(&frame[4..8], &frame[12..]);
    frame[8..12].copy_from_slice(&crc.to_le_bytes());
    frame
}

fn crc(length: &[u8], rest: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(length);
    crc.update(rest);
    crc.finalize()
}

/// The changes of a payload, each with the place of its value in it; `None` in the place of what cannot be read, which
/// is the last.
pub(super) fn ops(payload: &[u8]) -> impl Iterator<Item = Option<(Op<'_>, usize)>> {
    let mut rest = Some(payload);
    std::iter::from_fn(move || {
        let bytes = rest.filter(|bytes| !bytes.is_empty())?;
        rest = None;
        let at = payload.len() - bytes.len();
        let read = take(bytes).map(|(op, value, length)| {
            rest = Some(&bytes[length..]);
            (op, at + value)
        });
        Some(read)
    })
}

/// The first change of a payload, where its value begins, and its length.
fn take(bytes: &[u8]) -> Option<(Op<'_>, usize, usize)> {
    let (head, rest) = bytes.split_at_checked(4)?;
    let length = usize::from(u16::from_le_bytes([head[2], head[3]]));
    let (key, rest) = rest.split_at_checked(length)?;
    let tree = || Tree::numbered(head[1]);
    let end = 4 + length;
    match head[0] {
        PUT => {
            let (length, rest) = rest.split_at_checked(4)?;
            let length = usize::try_from(u32::from_le_bytes(length.try_into().ok()?)).ok()?;
            let value = rest.get(..length)?;
            Some((Op::Put(tree()?, key, value), end + 4, end + 4 + length))
        }
        REMOVE => Some((Op::Remove(tree()?, key), end, end)),
        CLEAR => Some((Op::Clear(tree()?), end, end)),
        END => Some((Op::End(u64::from_le_bytes(key.try_into().ok()?)), end, end)),
        _ => None,
    }
}

/// A frame as it was found.
#[derive(Debug)]
pub(super) struct Frame {
    /// Number of the change.
    pub(super) number: u64,
    /// Where its payload stands in the file.
    pub(super) at: u64,
    /// The payload.
    pub(super) payload: Vec<u8>,
}

/// Reads the frames of a file, past whatever is damaged.
pub(super) struct Frames {
    file: File,
    length: u64,
    /// Where the next frame is looked for.
    at: u64,
    window: Vec<u8>,
    window_at: u64,
    /// Bytes that belong to no whole frame, other than at the end.
    pub(super) damaged: u64,
    /// Where the last whole frame ends; behind it is what a crash cut short.
    pub(super) end: u64,
}

impl Frames {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        Ok(Self { file, length, at: 0, window: Vec::new(), window_at: 0, damaged: 0, end: 0 })
    }

    /// The next whole frame.
    pub(super) fn next(&mut self) -> io::Result<Option<Frame>> {
        let expected = self.at;
        while self.at + HEAD as u64 <= self.length {
            if let Some(frame) = self.frame()? {
                self.damaged += frame.at - HEAD as u64 - expected;
                self.at = frame.at + frame.payload.len() as u64;
                self.end = self.at;
                return Ok(Some(frame));
            }
            self.at = self.candidate(self.at + 1)?;
        }
        Ok(None)
    }

    /// The frame where we are, if a whole one is there.
    fn frame(&mut self) -> io::Result<Option<Frame>> {
        let at = self.at;
        let head: [u8; HEAD] = match self.bytes(at, HEAD)?.try_into() {
            Ok(head) => head,
            Err(_) => return Ok(None),
        };
        let word = |from: usize| u32::from_le_bytes([head[from], head[from + 1], head[from + 2], head[from + 3]]);
        let length = word(4) as usize;
        if head[..4] != MAGIC || length > LONGEST || at + (HEAD + length) as u64 > self.length {
            return Ok(None);
        }
        let whole = self.bytes(at, HEAD + length)?;
        if whole.len() != HEAD + length || crc(&whole[4..8], &whole[12..]) != word(8) {
            return Ok(None);
        }
        let number = u64::from(word(12)) | u64::from(word(16)) << 32;
        let payload = whole[HEAD..].to_vec();
        Ok(Some(Frame { number, at: at + HEAD as u64, payload }))
    }

    /// The next place from `at` on where a frame may begin.
    fn candidate(&mut self, mut at: u64) -> io::Result<u64> {
        while at + HEAD as u64 <= self.length {
            let left = usize::try_from(self.length - at).unwrap_or(WINDOW).min(WINDOW);
            let bytes = self.bytes(at, left)?;
            if let Some(found) = bytes.windows(MAGIC.len()).position(|four| four == MAGIC) {
                return Ok(at + found as u64);
            }
            at += bytes.len().saturating_sub(MAGIC.len() - 1).max(1) as u64;
        }
        Ok(self.length)
    }

    /// Bytes of the file; fewer at its end.
    fn bytes(&mut self, at: u64, count: usize) -> io::Result<&[u8]> {
        let inside = at >= self.window_at && at + count as u64 <= self.window_at + self.window.len() as u64;
        if !inside {
            self.window.resize(count.max(WINDOW), 0);
            let mut filled = 0;
            while filled < self.window.len() {
                match self.file.read_at(&mut self.window[filled..], at + filled as u64) {
                    Ok(0) => break,
                    Ok(read) => filled += read,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    // A place that cannot be read is damage like any other, and what lies behind it may be whole.
                    Err(error) if at + (filled as u64) < self.length => {
                        tracing::error!(at = at + filled as u64, %error, "a part of the journal cannot be read");
                        let lost = SECTOR.min(self.window.len() - filled);
                        self.window[filled..filled + lost].fill(0);
                        filled += lost;
                        self.damaged += lost as u64;
                    }
                    Err(error) => return Err(error),
                }
            }
            self.window.truncate(filled);
            self.window_at = at;
        }
        let from = usize::try_from(at - self.window_at).unwrap_or(usize::MAX).min(self.window.len());
        Ok(&self.window[from..(from + count).min(self.window.len())])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(ops: &[Op<'_>]) -> Vec<u8> {
        let mut payload = Vec::new();
        ops.iter().for_each(|op| push(&mut payload, *op));
        payload
    }

    const OPS: [Op<'_>; 5] = [
        Op::Put(Tree::People, &[0, 0, 0, 1], b"{}"),
        Op::Remove(Tree::Controls, &[1; 28]),
        Op::Clear(Tree::Captures),
        Op::Put(Tree::Settings, b"door", b""),
        Op::End(7),
    ];

    #[test]
    fn what_is_written_is_read() {
        let payload = payload(&OPS);
        let read: Vec<_> = ops(&payload).map(Option::unwrap).collect();
        assert_eq!(read.iter().map(|(op, _)| *op).collect::<Vec<_>>(), OPS);
        let (Op::Put(_, _, value), at) = read[0] else { panic!() };
        assert_eq!(&payload[at..at + value.len()], value);
    }

    #[test]
    fn no_payload_that_is_cut_short_is_read_past_its_end() {
        let payload = payload(&OPS);
        for length in 0..payload.len() {
            let read: Vec<_> = ops(&payload[..length]).collect();
            let whole = read.iter().filter(|op| op.is_some()).count();
            assert!(whole < OPS.len() && read.len() - whole <= 1, "{length}");
        }
    }

    #[test]
    fn damage_costs_the_frame_it_is_in() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let frames: Vec<_> = (1..=4_u8).map(|n| encode(n.into(), &vec![n; 40 + usize::from(n)])).collect();
        let whole = frames.concat();
        let read = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            let mut frames = Frames::open(&path).unwrap();
            let mut numbers = Vec::new();
            while let Some(frame) = frames.next().unwrap() {
                assert_eq!(frame.payload, vec![u8::try_from(frame.number).unwrap(); 40 + frame.number as usize]);
                numbers.push(frame.number);
            }
            (numbers, frames.damaged, frames.end)
        };
        assert_eq!(read(&whole), (vec![1, 2, 3, 4], 0, whole.len() as u64));
        for length in 0..whole.len() {
            let (numbers, damaged, end) = read(&whole[..length]);
            let expect = (1..=4).filter(|n| frames[..*n].concat().len() <= length).count();
            assert_eq!((numbers.len(), damaged), (expect, 0), "{length}");
            assert_eq!(end, frames[..expect].concat().len() as u64, "{length}");
        }
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x40;
            let hit = (1..=4).find(|n| at < frames[..*n].concat().len()).unwrap() as u64;
            let (numbers, damaged, _) = read(&bytes);
            assert_eq!(numbers, (1..=4).filter(|n| *n != hit).collect::<Vec<_>>(), "{at}");
            assert_eq!(damaged > 0, hit != 4, "{at}");
        }
    }
}
