//! Everything that survives a restart, and the only module that names sled.
//!
//! People, settings, control and capture records, and the positions sinks have reached. Pictures are files,
//! written whole (temporary name, fsync, rename). What a call acknowledges is on the disk; records of the
//! door are the exception: they are queued, and the queue is flushed within half a second, because a door
//! never waits for the disk.

use std::path::Path;
use std::sync::Arc;

use crate::access::record::Event;
use crate::access::{CaptureRecord, ControlRecord, LibId, Person};
use crate::clock::Clock;
use crate::error::Result;
use crate::field::LocalTime;

/// How much the terminal keeps (board profile).
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// People.
    pub people: usize,
    /// Control records; the oldest goes first.
    pub control_records: usize,
    /// Capture records; the oldest goes first.
    pub captures: usize,
}

/// A registered photo and what was computed from it.
#[derive(Clone, Debug)]
pub struct Registered {
    /// JPEG file, as it is kept and given out.
    pub jpeg: Vec<u8>,
    /// L2-normalised embedding.
    pub embedding: Vec<f32>,
    /// Id of the model pack the embedding belongs to.
    pub pack: String,
}

/// A stretch of records by time and place (3.22, 3.26).
#[derive(Clone, Copy, Debug)]
pub struct Range {
    /// First moment, included.
    pub begin: LocalTime,
    /// Last moment, included.
    pub end: LocalTime,
    /// Newest first.
    pub descending: bool,
    /// Matches to pass over.
    pub skip: usize,
    /// Matches to return at the most.
    pub limit: usize,
}

/// An event of the ordered log with its place in it.
#[derive(Clone, Debug)]
pub struct Logged {
    /// Place in the log, from 1, without gaps at the time of writing.
    pub seq: u64,
    /// What happened.
    pub event: Event,
}

/// The store. Cheap to share; all methods block for at most a disk flush.
#[derive(Debug)]
pub struct Store {}

#[expect(unused_variables, clippy::todo, reason = "signatures first")]
impl Store {
    /// Opens or makes the store in `dir` and starts its writer.
    pub fn open(dir: &Path, limits: Limits, clock: Arc<dyn Clock>) -> Result<Self> {
        todo!()
    }

    // People: all kept in memory too, so reading never touches the disk.

    /// Adds a person under the next free [`LibId`]; ids, Wiegand card and RF card must be free.
    /// Faults: `IdExists`, `CardExists`, `RfCardExists`, `Full`, `StoreFailed`.
    pub fn add(&self, person: Person, photo: Option<Registered>) -> Result<LibId> {
        todo!()
    }
    /// Replaces a person (by `person.id`), and the photo where one is given. Faults as `add`, and `NoPerson`.
    pub fn update(&self, person: Person, photo: Option<Registered>) -> Result<()> {
        todo!()
    }
    /// Removes people with their photos and control records; returns those that were there.
    pub fn remove(&self, ids: &[LibId]) -> Result<Vec<LibId>> {
        todo!()
    }
    /// Removes everybody and all control records.
    pub fn remove_all(&self) -> Result<()> {
        todo!()
    }
    /// How many people there are.
    pub fn count(&self) -> usize {
        todo!()
    }
    /// The person of that number.
    pub fn person(&self, id: LibId) -> Option<Arc<Person>> {
        todo!()
    }
    /// The bearer of a `CustomizeID`.
    pub fn by_custom_id(&self, id: u32) -> Option<Arc<Person>> {
        todo!()
    }
    /// The bearer of a `PersonUUID`.
    pub fn by_uuid(&self, uuid: &str) -> Option<Arc<Person>> {
        todo!()
    }
    /// The bearer of a Wiegand card, by all its bits ([`crate::access::Card::whole`]).
    pub fn by_card(&self, whole: u32) -> Option<Arc<Person>> {
        todo!()
    }
    /// The bearer of an RF card.
    pub fn by_rf_card(&self, card: &str) -> Option<Arc<Person>> {
        todo!()
    }
    /// Everybody in the order of their numbers; a snapshot, cheap to take.
    pub fn people(&self) -> Vec<Arc<Person>> {
        todo!()
    }
    /// Takes the lowest number of `first..=last` no card bears; `None` when all are taken.
    pub fn free_card(&self, first: u32, last: u32) -> Option<u32> {
        todo!()
    }
    /// A person's registered photo, JPEG.
    pub fn photo(&self, id: LibId) -> Result<Option<Vec<u8>>> {
        todo!()
    }
    /// All embeddings of `pack`, for filling the gallery at start.
    pub fn embeddings(&self, pack: &str, each: &mut dyn FnMut(LibId, &[f32])) -> Result<()> {
        todo!()
    }
    /// Spends one use of a temporary list 3: at once in memory, with the next flush on the disk.
    pub fn spend_use(&self, id: LibId) {
        todo!()
    }

    // Records.

    /// Queues a control record with the picture taken (JPEG); written within 500 ms together with its entry
    /// in the event log. `push` says whether sinks are to see it.
    pub fn append_control(&self, record: ControlRecord, snap: Option<Picture>, push: bool) {
        todo!()
    }
    /// The same for a capture.
    pub fn append_capture(&self, record: CaptureRecord, snap: Option<Picture>, push: bool) {
        todo!()
    }
    /// Waits until everything queued so far is on the disk.
    pub fn flush(&self) -> Result<()> {
        todo!()
    }
    /// Control records in a range that `filter` lets pass; `who` narrows to one person without reading others.
    pub fn control_records(
        &self,
        range: Range,
        who: Option<LibId>,
        filter: &dyn Fn(&ControlRecord) -> bool,
    ) -> Result<Vec<ControlRecord>> {
        todo!()
    }
    /// How many control records lie between two times (without reading them).
    pub fn count_control(&self, begin: LocalTime, end: LocalTime) -> usize {
        todo!()
    }
    /// Capture records in a range.
    pub fn captures(&self, range: Range) -> Result<Vec<CaptureRecord>> {
        todo!()
    }
    /// How many captures lie between two times.
    pub fn count_captures(&self, begin: LocalTime, end: LocalTime) -> usize {
        todo!()
    }
    /// The file of a picture taken, JPEG.
    pub fn snap(&self, name: &str) -> Result<Option<Vec<u8>>> {
        todo!()
    }

    // The event log: one order, one position for each sink.

    /// The first event with a place above `after` whose time is not before `since`.
    pub fn next_event(&self, after: u64, since: Option<LocalTime>) -> Result<Option<Logged>> {
        todo!()
    }
    /// The place of the newest event on the disk.
    pub fn last_seq(&self) -> u64 {
        todo!()
    }
    /// The place up to which `sink` is done.
    pub fn position(&self, sink: &str) -> Result<Option<u64>> {
        todo!()
    }
    /// Moves a sink on; on the disk when it returns.
    pub fn set_position(&self, sink: &str, seq: u64) -> Result<()> {
        todo!()
    }
    /// Calls `watcher` after new events came to the disk.
    pub fn watch(&self, watcher: Box<dyn Fn() + Send>) {
        todo!()
    }
}

/// A picture to be kept with a record: pixels are encoded by the writer, off the door's path.
#[derive(Clone, Debug)]
pub struct Picture {
    /// The camera frame.
    pub frame: Arc<image::RgbImage>,
    /// Part of it that is kept: x, y, width, height, inside the frame.
    pub crop: (u32, u32, u32, u32),
}
