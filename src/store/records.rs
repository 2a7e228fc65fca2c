//! Records and the event log: queued by the door, searched by platforms, followed by sinks.

use std::sync::atomic::Ordering;
use std::sync::mpsc;

use super::db::{Change, from_json};
use super::frame::Tree;
use super::index::{Kind, Mark, Span};
use super::rows::failed;
use super::writer::{Draft, Job};
use super::{Backlog, Logged, Picture, Range, Store, read, write};
use crate::access::record::Event;
use crate::access::{CaptureRecord, ControlRecord, LibId, Notice};
use crate::clock::lock;
use crate::error::{Error, Fault, Result};
use crate::field::LocalTime;
use serde::de::DeserializeOwned;
use sled::Tree as SledTree;

/// Records waiting for a disk that does not take them; beyond that they are lost, and the log says so.
const MOST_QUEUED: usize = 20_000;
/// Pictures waiting to be encoded: a frame is megabytes, so beyond that the record goes without.
const MOST_PICTURES: usize = 64;
/// Marks looked at in one go while a filter searches.
const STRIDE: usize = 256;

impl Range {
    fn span(&self) -> Span {
        Span { begin: self.begin.seconds(), end: self.end.seconds(), descending: self.descending }
    }
}

impl Store {
    /// Queues a control record with the picture taken (JPEG); written within 500 ms together with its entry
    /// in the event log. `push` says whether sinks are to see it. The record's number and the name of the
    /// picture are given by the store. A record of a person deleted meanwhile is not kept.
    pub fn append_control(&self, record: ControlRecord, snap: Option<Picture>, push: bool) {
        self.append(Event::Control(record), snap, push);
    }

    /// The same for a capture.
    pub fn append_capture(&self, record: CaptureRecord, snap: Option<Picture>, push: bool) {
        self.append(Event::Capture(record), snap, push);
    }

    /// The same for a notice, which sinks always see.
    pub fn append_notice(&self, notice: Notice, snap: Option<Picture>) {
        self.append(Event::Notice(notice), snap, true);
    }

    fn append(&self, event: Event, mut snap: Option<Picture>, push: bool) {
        if self.core.queued.fetch_add(1, Ordering::Relaxed) >= MOST_QUEUED {
            self.core.queued.fetch_sub(1, Ordering::Relaxed);
            tracing::error!(time = %event.time(), "record lost: the disk takes none and the queue is full");
            return;
        }
        if snap.is_some() && self.core.pictures.fetch_add(1, Ordering::Relaxed) >= MOST_PICTURES {
            self.core.pictures.fetch_sub(1, Ordering::Relaxed);
            tracing::warn!(time = %event.time(), "record goes without its picture: too many wait to be encoded");
            snap = None;
        }
        self.queue.send(Job::Record(Box::new(Draft { event, snap, push })));
    }

    /// Waits until everything queued so far is on the disk.
    ///
    /// # Errors
    /// [`Fault::StoreFailed`]; the records stay queued and are tried again.
    pub fn flush(&self) -> Result<()> {
        let (done, wait) = mpsc::sync_channel(1);
        self.queue.send(Job::Flush(done));
        wait.recv().unwrap_or_else(|_| Err(Error::new(Fault::StoreFailed, "the writer has stopped")))
    }

    /// Control records in a range that `filter` lets pass; `who` narrows to one person without reading
    /// others. Without a filter only the rows of the answer are read.
    ///
    /// # Errors
    /// [`Fault::StoreFailed`].
    pub fn control_records(
        &self,
        range: Range,
        who: Option<LibId>,
        filter: Option<&dyn Fn(&ControlRecord) -> bool>,
    ) -> Result<Vec<ControlRecord>> {
        let trees = self.core.db.trees()?;
        let tree = trees.of(Tree::Controls);
        let Some(filter) = filter else {
            let marks =
                read(&self.core.ledger).records.of(Kind::Control).page(range.span(), who, range.skip, range.limit);
            return rows(tree, &marks);
        };
        let (mut found, mut skip, mut cursor) = (Vec::new(), range.skip, None);
        while found.len() < range.limit {
            let marks = read(&self.core.ledger).records.of(Kind::Control).after(range.span(), who, cursor, STRIDE);
            let Some(last) = marks.last() else { break };
            cursor = Some(*last);
            for mark in marks {
                let Some(record) = row::<ControlRecord>(tree, mark)?.filter(|record| filter(record)) else { continue };
                if skip > 0 {
                    skip -= 1;
                } else {
                    found.push(record);
                    if found.len() == range.limit {
                        break;
                    }
                }
            }
        }
        Ok(found)
    }

    /// How many control records lie between two times (without reading them).
    #[must_use]
    pub fn count_control(&self, begin: LocalTime, end: LocalTime) -> usize {
        read(&self.core.ledger).records.of(Kind::Control).count(begin.seconds(), end.seconds())
    }

    /// The control record of a number, as a push names it.
    ///
    /// # Errors
    /// [`Fault::StoreFailed`].
    pub fn control_record(&self, id: u64) -> Result<Option<ControlRecord>> {
        let trees = self.core.db.trees()?;
        match trees.of(Tree::Controls).scan_prefix(id.to_be_bytes()).next() {
            Some(row) => {
                let (key, value) = row.map_err(failed("read a record"))?;
                Ok(from_json("controls", &key, &value))
            }
            None => Ok(None),
        }
    }

    /// Capture records in a range.
    ///
    /// # Errors
    /// [`Fault::StoreFailed`].
    pub fn captures(&self, range: Range) -> Result<Vec<CaptureRecord>> {
        let marks = read(&self.core.ledger).records.of(Kind::Capture).page(range.span(), None, range.skip, range.limit);
        rows(self.core.db.trees()?.of(Tree::Captures), &marks)
    }

    /// How many captures lie between two times.
    #[must_use]
    pub fn count_captures(&self, begin: LocalTime, end: LocalTime) -> usize {
        read(&self.core.ledger).records.of(Kind::Capture).count(begin.seconds(), end.seconds())
    }

    /// The file of a picture taken, JPEG.
    ///
    /// # Errors
    /// [`Fault::StoreFailed`] when it is there and cannot be read.
    pub fn snap(&self, name: &str) -> Result<Option<Vec<u8>>> {
        match snap_of(name) {
            Some((kind, number)) => self.core.snaps.of(kind).read(number),
            None => Ok(None),
        }
    }

    /// Removes all control records with their pictures; sinks do not see those they have not reached yet.
    ///
    /// # Errors
    /// [`Fault::StoreFailed`]; nothing is removed then.
    pub fn remove_control_records(&self) -> Result<()> {
        self.empty(false, &[Kind::Control])
    }

    /// The same for all records there are: control records, captures and notices.
    ///
    /// # Errors
    /// [`Fault::StoreFailed`]; nothing is removed then.
    pub fn remove_records(&self) -> Result<()> {
        self.empty(false, &Kind::ALL)
    }

    /// Removes the records of `kinds`, and with `everybody` all people too.
    pub(super) fn empty(&self, everybody: bool, kinds: &[Kind]) -> Result<()> {
        // Records still in the queue go too.
        self.flush()?;
        let turn = lock(&self.core.turn);
        let mut change = Change::default();
        if everybody {
            change.clear(Tree::People);
            change.clear(Tree::Embeddings);
        }
        kinds.iter().for_each(|kind| change.clear((*kind).into()));
        self.core.db.commit(&change)?;
        let book = everybody.then(|| std::mem::take(&mut *write(&self.core.book)));
        let mut gone = Vec::new();
        {
            let mut ledger = write(&self.core.ledger);
            for kind in kinds {
                ledger.log.forget(*kind);
                gone.push((*kind, std::mem::take(ledger.records.of_mut(*kind))));
            }
        }
        drop(turn);
        if let Some(book) = book {
            self.core.photos.remove(book.rows().filter_map(|(_, row)| Some(row.photo.as_ref()?.file)));
        }
        for (kind, records) in gone {
            self.core.snaps.of(kind).remove(records.ids());
        }
        Ok(())
    }

    /// The first event with a place above `after` whose time is not before `since`.
    ///
    /// # Errors
    /// [`Fault::StoreFailed`].
    pub fn next_event(&self, mut after: u64, since: Option<LocalTime>) -> Result<Option<Logged>> {
        let since = since.map(LocalTime::seconds);
        loop {
            let Some((kind, mark)) = read(&self.core.ledger).log.next(after, since) else { return Ok(None) };
            let trees = self.core.db.trees()?;
            let event = match kind {
                Kind::Control => row(trees.of(Tree::Controls), mark)?.map(Event::Control),
                Kind::Capture => row(trees.of(Tree::Captures), mark)?.map(Event::Capture),
                Kind::Notice => row(trees.of(Tree::Notices), mark)?.map(Event::Notice),
            };
            if let Some(event) = event {
                return Ok(Some(Logged { seq: mark.seq, event }));
            }
            // Gone since the index was asked, or unreadable: on to the next.
            after = mark.seq;
        }
    }

    /// The place of the newest event on the disk.
    #[must_use]
    pub fn last_seq(&self) -> u64 {
        read(&self.core.ledger).last_seq
    }

    /// Names the sinks that are to get every event: what one of them has not reached is not removed for want of room,
    /// and it is said when a record has to go before it was delivered.
    pub fn set_followers(&self, sinks: Vec<String>) {
        *lock(&self.core.followers) = Some(sinks);
    }

    /// What waits for a sink that has reached `after`.
    #[must_use]
    pub fn backlog(&self, after: u64) -> Backlog {
        let ledger = read(&self.core.ledger);
        let (events, first) = ledger.log.waiting(after);
        let share = |kind| {
            let waiting = first.of(kind).map_or(0, |mark: Mark| ledger.records.of(kind).at_most_since(mark.id));
            waiting as f64 / self.core.limits.of(kind).max(1) as f64
        };
        Backlog { events, fullest: Kind::ALL.into_iter().map(share).fold(0.0, f64::max).min(1.0) }
    }

    /// Has `watcher` told what is wrong with what is kept and what was done about it, from the opening on. It must be
    /// quick.
    pub fn watch_troubles(&self, watcher: Box<dyn Fn(&str) + Send + Sync>) {
        self.core.db.watch(watcher);
    }

    /// Calls `watcher` after new events came to the disk, on the writer's thread: it must be quick.
    pub fn watch(&self, watcher: Box<dyn Fn() + Send>) {
        lock(&self.core.watchers).push(watcher);
    }
}

/// The name a picture is kept under in its record.
pub(super) fn snap_name(kind: Kind, number: u64) -> String {
    format!("{}-{number}.jpg", kind.name())
}

fn snap_of(name: &str) -> Option<(Kind, u64)> {
    let (kind, number) = name.strip_suffix(".jpg")?.split_once('-')?;
    Some((Kind::named(kind)?, number.parse().ok()?))
}

/// The record of a mark; `None` when it has gone or cannot be read.
fn row<T: DeserializeOwned>(tree: &SledTree, mark: Mark) -> Result<Option<T>> {
    let value = tree.get(mark.key()).map_err(failed("read a record"))?;
    Ok(value.and_then(|value| from_json("records", &mark, &value)))
}

fn rows<T: DeserializeOwned>(tree: &SledTree, marks: &[Mark]) -> Result<Vec<T>> {
    let mut found = Vec::with_capacity(marks.len());
    for mark in marks {
        found.extend(row(tree, *mark)?);
    }
    Ok(found)
}
