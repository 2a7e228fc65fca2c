//! The thread behind the queue: encodes pictures, commits records in batches, tells watchers.
//!
//! Idle, it writes a record the moment it comes; while the disk is busy records gather, and the next
//! batch takes them together.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::db::{Change, to_json};
use super::frame::Tree;
use super::index::{HIGHEST, Kind, Mark, PerKind};
use super::records::snap_name;
use super::{Core, Picture, read, write};
use crate::access::LibId;
use crate::access::record::Event;
use crate::clock::{Inbox, Mono, lock};
use crate::error::{Error, Fault, Result};

/// Pictures encoded before the records gathered so far are committed.
const BATCH_PICTURES: usize = 4;
/// Records committed together at the most.
const BATCH_RECORDS: usize = 1024;
/// Pause after a commit that failed.
const RETRY: Duration = Duration::from_secs(1);
/// After how long what is broken is tried again first, and at last.
const HEAL: Duration = Duration::from_secs(10);
const LONGEST_HEAL: Duration = Duration::from_secs(600);

/// What the writer is asked for.
pub(super) enum Job {
    Record(Box<Draft>),
    /// A person's row has changed in memory.
    Spent(LibId),
    /// Let go of something: the disk is full.
    Room,
    /// Something is broken that may be mended.
    Heal,
    /// Answer when everything before is on the disk.
    Flush(SyncSender<Result<()>>),
    Stop,
}

/// A record as it was queued.
pub(super) struct Draft {
    pub(super) event: Event,
    pub(super) snap: Option<Picture>,
    pub(super) push: bool,
}

/// The next numbers of records.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Next {
    control: u64,
    capture: u64,
    /// Younger than the others.
    #[serde(default = "first")]
    notice: u64,
    pub(super) seq: u64,
}

const fn first() -> u64 {
    1
}

impl Next {
    pub(super) fn is_sane(&self) -> bool {
        [self.control, self.capture, self.notice, self.seq].iter().all(|next| (1..HIGHEST).contains(next))
    }
}

impl Next {
    /// The next number of a kind of records.
    pub(super) const fn record(&mut self, kind: Kind) -> &mut u64 {
        match kind {
            Kind::Control => &mut self.control,
            Kind::Capture => &mut self.capture,
            Kind::Notice => &mut self.notice,
        }
    }
}

impl Default for Next {
    fn default() -> Self {
        Self { control: 1, capture: 1, notice: 1, seq: 1 }
    }
}

/// A numbered record whose picture is on the disk.
struct Prepared {
    event: Event,
    push: bool,
}

impl Prepared {
    fn kind(&self) -> Kind {
        kind_of(&self.event)
    }

    fn id(&self) -> u64 {
        match &self.event {
            Event::Control(record) => record.id,
            Event::Capture(record) => record.id,
            Event::Notice(notice) => notice.id,
        }
    }

    fn who(&self) -> LibId {
        match &self.event {
            Event::Control(record) => record.person.as_ref().map_or(LibId(0), |person| person.id),
            Event::Capture(_) | Event::Notice(_) => LibId(0),
        }
    }
}

const fn kind_of(event: &Event) -> Kind {
    match event {
        Event::Control(_) => Kind::Control,
        Event::Capture(_) => Kind::Capture,
        Event::Notice(_) => Kind::Notice,
    }
}

pub(super) struct Writer {
    core: Arc<Core>,
    inbox: Inbox<Job>,
    next: Next,
    waiting: VecDeque<Job>,
    prepared: Vec<Prepared>,
    spent: BTreeSet<LibId>,
    flushes: Vec<SyncSender<Result<()>>>,
    stop: bool,
    /// Room was asked for.
    room: bool,
    /// When what is broken is tried again.
    heal_at: Option<Mono>,
    heal_pause: Duration,
}

impl Writer {
    pub(super) fn new(core: Arc<Core>, inbox: Inbox<Job>, next: Next) -> Self {
        Self {
            core,
            inbox,
            next,
            waiting: VecDeque::new(),
            prepared: Vec::new(),
            spent: BTreeSet::new(),
            flushes: Vec::new(),
            stop: false,
            room: false,
            heal_at: None,
            heal_pause: HEAL,
        }
    }

    /// Writes until told to stop and nothing is left.
    pub(super) fn run(&mut self) {
        loop {
            if self.waiting.is_empty() {
                if self.stop {
                    return;
                }
                let again = self.heal();
                let next = self.inbox.next(&*self.core.clock, again);
                self.waiting.extend(next);
            }
            self.waiting.extend(self.inbox.drain());
            self.prepare();
            self.heal();
            let mut outcome = self.commit();
            while let Err(error) = outcome {
                tracing::error!(%error, cause = ?error.source, records = self.prepared.len(), "records not written yet");
                for done in self.flushes.drain(..) {
                    drop(done.send(Err(Error::new(Fault::StoreFailed, error.detail.clone()))));
                }
                if self.core.shortage().is_some() {
                    // Not even the journal finds room: pictures make some before their rows are gone.
                    for (kind, mark) in self.core.expendable() {
                        self.core.snaps.of(kind).remove_now([mark.id]);
                    }
                }
                if self.stop {
                    tracing::error!(records = self.core.queued.load(Ordering::Relaxed), "records lost at the end");
                    return;
                }
                outcome = self.retry();
            }
            for done in self.flushes.drain(..) {
                drop(done.send(Ok(())));
            }
        }
    }

    /// Tries to mend what is broken, if it is time to; returns when to try again.
    fn heal(&mut self) -> Option<Mono> {
        if self.core.db.is_well() {
            (self.heal_at, self.heal_pause) = (None, HEAL);
            return None;
        }
        let now = self.core.clock.mono();
        if self.heal_at.is_none_or(|at| at <= now) {
            // At once the first time: a passing fault is over by then.
            self.core.db.heal();
            self.heal_at = Some(self.core.clock.mono().after(self.heal_pause));
            // Each try may write all of the database.
            self.heal_pause = (self.heal_pause * 2).min(LONGEST_HEAL);
        }
        self.heal_at.filter(|_| !self.core.db.is_well())
    }

    /// Waits a little, still hearing who wants to flush or to stop, and commits again.
    fn retry(&mut self) -> Result<()> {
        let deadline = self.core.clock.mono().after(RETRY);
        while let Some(job) = self.inbox.next(&*self.core.clock, Some(deadline)) {
            match job {
                Job::Stop => {
                    self.stop = true;
                    break;
                }
                Job::Flush(done) => {
                    self.flushes.push(done);
                    break;
                }
                job => self.waiting.push_back(job),
            }
        }
        self.heal();
        self.commit()
    }

    /// Takes a batch off the queue: numbers records and writes their pictures.
    fn prepare(&mut self) {
        let (mut pictures, mut written) = (0, PerKind::<Vec<u64>>::default());
        while self.prepared.len() < BATCH_RECORDS && pictures < BATCH_PICTURES {
            match self.waiting.pop_front() {
                Some(Job::Record(draft)) => {
                    let Draft { mut event, snap, push } = *draft;
                    let kind = kind_of(&event);
                    let next = self.next.record(kind);
                    let id = *next;
                    *next += 1;
                    let name = snap.and_then(|snap| self.core.keep(kind, id, snap));
                    if name.is_some() {
                        pictures += 1;
                        written.of_mut(kind).push(id);
                    }
                    match &mut event {
                        Event::Control(record) => (record.id, record.snap) = (id, name),
                        Event::Capture(record) => (record.id, record.snap) = (id, name),
                        Event::Notice(notice) => (notice.id, notice.snap) = (id, name),
                    }
                    self.prepared.push(Prepared { event, push });
                }
                Some(Job::Spent(id)) => {
                    self.spent.insert(id);
                }
                Some(Job::Flush(done)) => self.flushes.push(done),
                Some(Job::Heal) => {}
                Some(Job::Room) => self.room = true,
                Some(Job::Stop) => self.stop = true,
                None => break,
            }
        }
        for kind in Kind::ALL {
            let written = std::mem::take(written.of_mut(kind));
            if let Err(error) = self.core.snaps.of(kind).sync(written) {
                tracing::error!(%error, "pictures may not outlast a power cut");
            }
        }
    }

    /// Commits what is prepared, then shows it to searches and watchers.
    fn commit(&mut self) -> Result<()> {
        if self.prepared.is_empty() && self.spent.is_empty() && !std::mem::take(&mut self.room) {
            return Ok(());
        }
        let core = self.core.clone();
        let turn = lock(&core.turn);
        let mut orphans = self.drop_records_of_deleted(*turn);
        let mut change = Change::default();
        let mut next = self.next;
        let mut old = Vec::new();
        let mut new = Vec::with_capacity(self.prepared.len());
        let spare = self.make_space();
        for mark in &spare {
            change.remove(mark.0.into(), &mark.1.key());
        }
        for kind in Kind::ALL {
            let (kept, leaving) = self.make_room(kind, &spare);
            for mark in &kept {
                change.remove(kind.into(), &mark.key());
            }
            old.extend(kept.into_iter().map(|mark| (kind, mark)));
            orphans.extend(self.prepared.iter().filter(|p| p.kind() == kind).take(leaving).map(|p| (kind, p.id())));
        }
        for prepared in &self.prepared {
            if orphans.contains(&(prepared.kind(), prepared.id())) {
                continue;
            }
            let row = match &prepared.event {
                Event::Control(record) => to_json(record),
                Event::Capture(record) => to_json(record),
                Event::Notice(notice) => to_json(notice),
            };
            // Tried again it would fail again, and hold up all others.
            let row = match row {
                Ok(row) => row,
                Err(error) => {
                    tracing::error!(id = prepared.id(), %error, "record lost: it cannot be written as a row");
                    continue;
                }
            };
            let mark = Mark {
                seconds: prepared.event.time().seconds(),
                id: prepared.id(),
                who: prepared.who(),
                seq: if prepared.push { next.seq } else { 0 },
            };
            next.seq += u64::from(prepared.push);
            change.put(prepared.kind().into(), &mark.key(), &row);
            new.push((prepared.kind(), mark));
        }
        {
            let book = read(&core.book);
            for row in self.spent.iter().filter_map(|id| book.row(*id)) {
                change.put(Tree::People, &row.person.id.0.to_be_bytes(), &to_json(row)?);
            }
        }
        change.count("next_record", &next)?;
        core.db.commit(&change)?;

        self.next = next;
        core.say_lost(&old, "left to make room for newer ones");
        old.extend(spare);
        core.publish(&old, &new, next.seq - 1);
        drop(turn);
        core.queued.fetch_sub(self.prepared.len(), Ordering::Relaxed);
        self.prepared.clear();
        self.spent.clear();
        for (kind, id) in old.iter().map(|(kind, mark)| (*kind, mark.id)).chain(orphans) {
            core.snaps.of(kind).remove([id]);
        }
        if new.iter().any(|(_, mark)| mark.seq != 0) {
            for watcher in lock(&core.watchers).iter() {
                watcher();
            }
        }
        Ok(())
    }

    /// Lets go of records whose person was deleted while they waited; returns whose pictures are left.
    /// A number given out and borne by nobody is a deleted person's.
    fn drop_records_of_deleted(&mut self, next_person: u32) -> BTreeSet<(Kind, u64)> {
        let book = read(&self.core.book);
        let mut orphans = BTreeSet::new();
        let before = self.prepared.len();
        self.prepared.retain(|prepared| {
            let who = prepared.who();
            let deleted = who.0 != 0 && who.0 < next_person && book.row(who).is_none();
            if deleted {
                orphans.insert((prepared.kind(), prepared.id()));
            }
            !deleted
        });
        self.core.queued.fetch_sub(before - self.prepared.len(), Ordering::Relaxed);
        orphans
    }

    /// Old records that go because the disk is full.
    fn make_space(&self) -> Vec<(Kind, Mark)> {
        let core = &self.core;
        let Some(free) = core.shortage() else {
            if core.short.swap(false, Ordering::Relaxed) {
                core.db.tell("the disk has room again");
            }
            return Vec::new();
        };
        let gone = core.expendable();
        if !core.short.swap(true, Ordering::Relaxed) {
            let then =
                if gone.is_empty() { "new records go without pictures" } else { "old captures and records leave" };
            core.db.tell(&format!("the disk is full, {} MB are left: {then}", free >> 20));
        }
        gone
    }

    /// What has to leave so that the new records fit: old ones, and how many of the new ones themselves.
    fn make_room(&self, kind: Kind, spare: &[(Kind, Mark)]) -> (Vec<Mark>, usize) {
        let core = &self.core;
        let limit = match kind {
            Kind::Control => core.limits.control_records,
            Kind::Capture => core.limits.captures,
            Kind::Notice => core.limits.notices,
        };
        let ledger = read(&core.ledger);
        let there = ledger.records.of(kind);
        let coming = self.prepared.iter().filter(|prepared| prepared.kind() == kind).count();
        let spared = spare.iter().filter(|(of, _)| *of == kind).count();
        let left = there.len() - spared.min(there.len());
        let excess = (left + coming).saturating_sub(limit);
        // What goes for want of room is among the oldest, if not the first of them.
        let mut old = there.oldest(excess.min(left) + spared);
        old.retain(|mark| !spare.contains(&(kind, *mark)));
        old.truncate(excess.min(left));
        let leaving = excess - old.len();
        (old, leaving)
    }
}

impl Core {
    /// Encodes and writes a picture; its name, or `None` when the record has to do without.
    fn keep(&self, kind: Kind, id: u64, snap: Picture) -> Option<String> {
        let file = if self.shortage().is_some() && self.expendable().is_empty() { None } else { snap.encode() };
        drop(snap);
        self.pictures.fetch_sub(1, Ordering::Relaxed);
        self.snaps
            .of(kind)
            .write(id, &file?)
            .inspect_err(|error| tracing::error!(%error, id, "record goes without its picture"))
            .ok()?;
        Some(snap_name(kind, id))
    }

    fn publish(&self, old: &[(Kind, Mark)], new: &[(Kind, Mark)], last_seq: u64) {
        let mut ledger = write(&self.ledger);
        for kind in Kind::ALL {
            let gone: Vec<Mark> = old.iter().filter(|(k, _)| *k == kind).map(|(_, mark)| *mark).collect();
            ledger.records.of_mut(kind).remove(&gone);
            ledger.log.remove(&gone);
        }
        for (kind, mark) in new {
            ledger.records.of_mut(*kind).add(*mark);
            ledger.log.add(*kind, *mark);
        }
        ledger.last_seq = last_seq;
    }
}
