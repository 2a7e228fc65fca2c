//! Where records are: by local time, by person, and in the order of the event log. All in memory, made
//! from the keys of the records' trees alone, so opening never parses a record.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use crate::access::LibId;

/// The kinds of records.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Kind {
    Control,
    Capture,
    Notice,
}

impl Kind {
    pub(super) const ALL: [Self; 3] = [Self::Control, Self::Capture, Self::Notice];

    /// Folder of its pictures, and the beginning of their names.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::Capture => "capture",
            Self::Notice => "notice",
        }
    }

    /// The kind of that name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// One of something for every kind.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PerKind<T>(pub(super) [T; 3]);

impl<T> PerKind<T> {
    pub(super) fn new(make: impl FnMut(Kind) -> T) -> Self {
        Self(Kind::ALL.map(make))
    }

    pub(super) const fn of(&self, kind: Kind) -> &T {
        &self.0[kind as usize]
    }

    pub(super) const fn of_mut(&mut self, kind: Kind) -> &mut T {
        &mut self.0[kind as usize]
    }
}

/// No number comes near this; a larger one on the disk is damage, and counting on from it would wrap.
pub(super) const HIGHEST: u64 = 1 << 62;

/// A record's key: its number and all that is needed to find it without reading it. A record and its
/// entry in the event log are one row, so neither can be there without the other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Mark {
    /// Local time. Wall clocks are set back: neither numbers nor places follow it.
    pub(super) seconds: i64,
    /// Number of the record.
    pub(super) id: u64,
    /// The person's number; 0 without a person.
    pub(super) who: LibId,
    /// Place in the event log; 0 for records kept from sinks.
    pub(super) seq: u64,
}

impl Mark {
    /// The key: number first, so that the tree's first row is the oldest.
    pub(super) fn key(self) -> [u8; 28] {
        let mut key = [0; 28];
        key[..8].copy_from_slice(&self.id.to_be_bytes());
        key[8..16].copy_from_slice(&self.seconds.to_be_bytes());
        key[16..20].copy_from_slice(&self.who.0.to_be_bytes());
        key[20..].copy_from_slice(&self.seq.to_be_bytes());
        key
    }

    pub(super) fn from_key(key: &[u8]) -> Option<Self> {
        let key: &[u8; 28] = key.try_into().ok()?;
        let mark = Self {
            id: u64::from_be_bytes(key[..8].try_into().ok()?),
            seconds: i64::from_be_bytes(key[8..16].try_into().ok()?),
            who: LibId(u32::from_be_bytes(key[16..20].try_into().ok()?)),
            seq: u64::from_be_bytes(key[20..].try_into().ok()?),
        };
        (mark.id < HIGHEST && mark.seq < HIGHEST).then_some(mark)
    }
}

/// Marks in order. Newcomers go to the end and the oldest leave at the front, where that is cheap.
type Marks = VecDeque<Mark>;

/// A stretch of time and the order to go through it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    /// First second, included.
    pub(super) begin: i64,
    /// Last second, included.
    pub(super) end: i64,
    /// Newest first.
    pub(super) descending: bool,
}

/// The records of one kind by time.
#[derive(Debug, Default)]
pub(super) struct Index {
    marks: Marks,
    by_number: BTreeMap<u64, Mark>,
    by_person: HashMap<LibId, Marks>,
}

impl Index {
    /// From marks in any order.
    pub(super) fn new(mut marks: Vec<Mark>) -> Self {
        marks.sort_unstable();
        let mut by_person = HashMap::<LibId, Marks>::new();
        for mark in marks.iter().filter(|mark| mark.who.0 != 0) {
            by_person.entry(mark.who).or_default().push_back(*mark);
        }
        let by_number = marks.iter().map(|mark| (mark.id, *mark)).collect();
        Self { marks: marks.into(), by_number, by_person }
    }

    pub(super) fn len(&self) -> usize {
        self.marks.len()
    }

    /// The first that came.
    pub(super) fn oldest(&self, count: usize) -> Vec<Mark> {
        self.by_number.values().take(count).copied().collect()
    }

    /// The first that came of those `may` lets go.
    pub(super) fn oldest_of(&self, count: usize, may: impl Fn(&Mark) -> bool) -> Vec<Mark> {
        self.by_number.values().filter(|mark| may(mark)).take(count).copied().collect()
    }

    /// At the most how many came since number `id`, it included; numbers are given one after the other.
    pub(super) fn at_most_since(&self, id: u64) -> usize {
        let newest = self.by_number.last_key_value().map_or(0, |(newest, _)| *newest);
        usize::try_from((newest + 1).saturating_sub(id)).unwrap_or(usize::MAX).min(self.len())
    }

    /// The records of a person.
    pub(super) fn of(&self, who: LibId) -> impl Iterator<Item = Mark> {
        self.by_person.get(&who).into_iter().flatten().copied()
    }

    pub(super) fn add(&mut self, mark: Mark) {
        insert(&mut self.marks, mark);
        self.by_number.insert(mark.id, mark);
        if mark.who.0 != 0 {
            insert(self.by_person.entry(mark.who).or_default(), mark);
        }
    }

    pub(super) fn remove(&mut self, gone: &[Mark]) {
        remove(&mut self.marks, gone);
        for mark in gone {
            self.by_number.remove(&mark.id);
        }
        let mut people = HashMap::<LibId, Vec<Mark>>::new();
        for mark in gone.iter().filter(|mark| mark.who.0 != 0) {
            people.entry(mark.who).or_default().push(*mark);
        }
        for (who, gone) in people {
            if let Some(marks) = self.by_person.get_mut(&who) {
                remove(marks, &gone);
                if marks.is_empty() {
                    self.by_person.remove(&who);
                }
            }
        }
    }

    /// The numbers of all.
    pub(super) fn ids(&self) -> impl Iterator<Item = u64> {
        self.marks.iter().map(|mark| mark.id)
    }

    /// How many lie between two seconds, both included.
    pub(super) fn count(&self, begin: i64, end: i64) -> usize {
        let (from, to) = bounds(&self.marks, begin, end);
        to - from
    }

    /// Marks of a span, passing over `skip`, at most `limit`.
    pub(super) fn page(&self, span: Span, who: Option<LibId>, skip: usize, limit: usize) -> Vec<Mark> {
        let none = Marks::new();
        let marks = self.marks(who, &none);
        let (from, to) = bounds(marks, span.begin, span.end);
        let skip = skip.min(to - from);
        let take = limit.min(to - from - skip);
        if span.descending {
            marks.range(to - skip - take..to - skip).rev().copied().collect()
        } else {
            marks.range(from + skip..from + skip + take).copied().collect()
        }
    }

    /// Marks of a span behind `cursor`, at most `limit`: goes on where a search was, whatever came or
    /// went meanwhile.
    pub(super) fn after(&self, span: Span, who: Option<LibId>, cursor: Option<Mark>, limit: usize) -> Vec<Mark> {
        let none = Marks::new();
        let marks = self.marks(who, &none);
        let (mut from, mut to) = bounds(marks, span.begin, span.end);
        if span.descending {
            if let Some(cursor) = cursor {
                to = to.min(marks.partition_point(|mark| *mark < cursor));
            }
            marks.range(from..to.max(from)).rev().take(limit).copied().collect()
        } else {
            if let Some(cursor) = cursor {
                from = from.max(marks.partition_point(|mark| *mark <= cursor));
            }
            marks.range(from..to.max(from)).take(limit).copied().collect()
        }
    }

    fn marks<'a>(&'a self, who: Option<LibId>, none: &'a Marks) -> &'a Marks {
        who.map_or(&self.marks, |who| self.by_person.get(&who).unwrap_or(none))
    }
}

fn bounds(marks: &Marks, begin: i64, end: i64) -> (usize, usize) {
    let from = marks.partition_point(|mark| mark.seconds < begin);
    let to = marks.partition_point(|mark| mark.seconds <= end);
    (from, to.max(from))
}

fn insert(marks: &mut Marks, mark: Mark) {
    match marks.back() {
        Some(last) if *last > mark => {
            let at = marks.partition_point(|other| *other < mark);
            marks.insert(at, mark);
        }
        _ => marks.push_back(mark),
    }
}

/// Few are cut out where they stand; many are left behind in one pass.
fn remove(marks: &mut Marks, gone: &[Mark]) {
    if gone.len() <= 16 {
        for mark in gone {
            if let Ok(at) = marks.binary_search(mark) {
                marks.remove(at);
            }
        }
    } else {
        let gone: HashSet<&Mark> = gone.iter().collect();
        marks.retain(|mark| !gone.contains(mark));
    }
}

/// The event log: which record took which place. An entry goes with its record.
#[derive(Debug, Default)]
pub(super) struct Log {
    entries: VecDeque<(Kind, Mark)>,
}

impl Log {
    /// From the marks of all records, in any order.
    pub(super) fn new(marks: impl Iterator<Item = (Kind, Mark)>) -> Self {
        let mut entries: Vec<_> = marks.filter(|(_, mark)| mark.seq != 0).collect();
        entries.sort_unstable_by_key(|(_, mark)| mark.seq);
        Self { entries: entries.into() }
    }

    /// The highest place taken by a record that is still there.
    pub(super) fn last(&self) -> u64 {
        self.entries.back().map_or(0, |(_, mark)| mark.seq)
    }

    /// Adds the newest entry; records kept from sinks have none.
    pub(super) fn add(&mut self, kind: Kind, mark: Mark) {
        if mark.seq != 0 {
            self.entries.push_back((kind, mark));
        }
    }

    pub(super) fn remove(&mut self, gone: &[Mark]) {
        if gone.len() <= 16 {
            for mark in gone.iter().filter(|mark| mark.seq != 0) {
                if let Ok(at) = self.entries.binary_search_by_key(&mark.seq, |(_, mark)| mark.seq) {
                    self.entries.remove(at);
                }
            }
        } else {
            let gone: HashSet<u64> = gone.iter().map(|mark| mark.seq).collect();
            self.entries.retain(|(_, mark)| !gone.contains(&mark.seq));
        }
    }

    /// Removes all entries of a kind.
    pub(super) fn forget(&mut self, kind: Kind) {
        self.entries.retain(|(of, _)| *of != kind);
    }

    /// How many entries are above `after`, and for each kind the record of the first of them.
    pub(super) fn waiting(&self, after: u64) -> (usize, PerKind<Option<Mark>>) {
        let from = self.entries.partition_point(|(_, mark)| mark.seq <= after);
        let mut first = PerKind::<Option<Mark>>::default();
        for (kind, mark) in self.entries.range(from..) {
            first.of_mut(*kind).get_or_insert(*mark);
        }
        (self.entries.len() - from, first)
    }

    /// The first entry above `after` that is not older than `since`.
    pub(super) fn next(&self, after: u64, since: Option<i64>) -> Option<(Kind, Mark)> {
        let from = self.entries.partition_point(|(_, mark)| mark.seq <= after);
        self.entries.range(from..).find(|(_, mark)| since.is_none_or(|since| mark.seconds >= since)).copied()
    }
}
