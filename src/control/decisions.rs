//! What happened lately, for whoever wants to watch: decisions, and what was played, shown by light or asked of
//! the machine. A bounded list in memory, numbered from 1.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::access::Person;
use crate::clock::lock;
use crate::field::LocalTime;

/// How many are kept.
const KEPT: usize = 10_000;

/// Whom a decision was about.
#[derive(Clone, PartialEq, Debug)]
pub struct Who {
    /// The terminal's number.
    pub lib_id: u32,
    /// The platform's number.
    pub custom_id: Option<u32>,
    /// The platform's text id.
    pub uuid: Option<String>,
    /// Name.
    pub name: String,
}

impl From<&Person> for Who {
    fn from(person: &Person) -> Self {
        Self { lib_id: person.id.0, custom_id: person.custom_id, uuid: person.uuid.clone(), name: person.name.clone() }
    }
}

/// One decision.
#[derive(Clone, PartialEq, Debug)]
pub struct Note {
    /// Number, given when it is noted.
    pub seq: u64,
    /// When, in the terminal's zone.
    pub time: LocalTime,
    /// The recognised person.
    pub who: Option<Who>,
    /// 0 to 100.
    pub similarity: f32,
    /// Mean liveness score of the face so far, 0 to 1.
    pub liveness: Option<f32>,
    /// `VerfyType` of what it rests on, 0 where there is none.
    pub verify_type: u16,
    /// `admit`, `refuse`, `ask`, `stranger`, `not_alive`, `remote` or `exit`.
    pub verdict: &'static str,
    /// Why.
    pub reason: &'static str,
    /// From the frame being taken to the decision.
    pub frame_to_decision: Duration,
    /// From the frame being taken to the relay being driven; `None`: it was not.
    pub frame_to_relay: Option<Duration>,
    /// What the networks alone took on that frame.
    pub engine: Duration,
}

impl Note {
    /// A note of nobody, to be filled in.
    #[must_use]
    pub const fn new(time: LocalTime, verdict: &'static str, reason: &'static str) -> Self {
        Self {
            seq: 0,
            time,
            who: None,
            similarity: 0.0,
            liveness: None,
            verify_type: 0,
            verdict,
            reason,
            frame_to_decision: Duration::ZERO,
            frame_to_relay: None,
            engine: Duration::ZERO,
        }
    }

    /// One line of the simulator's event list.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let micros = |span: Duration| u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
        json!({
            "seq": self.seq,
            "time": self.time,
            "event": "decided",
            "who": self.who.as_ref().map(|w| json!({
                "LibID": w.lib_id, "CustomizeID": w.custom_id, "PersonUUID": w.uuid, "Name": w.name,
            })),
            "similarity": rounded(self.similarity, 10.0),
            "liveness": self.liveness.map(|score| rounded(score, 1000.0)),
            "verify_type": self.verify_type,
            "verdict": self.verdict,
            "reason": self.reason,
            "frame_to_decision_us": micros(self.frame_to_decision),
            "frame_to_relay_us": self.frame_to_relay.map(micros),
            "engine_us": micros(self.engine),
        })
    }
}

fn rounded(value: f32, parts: f64) -> f64 {
    (f64::from(value) * parts).round() / parts
}

/// The list.
#[derive(Debug, Default)]
pub struct Decisions(Mutex<(u64, VecDeque<Entry>)>);

#[derive(Debug)]
enum Entry {
    Decided(Note),
    Happened { seq: u64, line: Value },
}

impl Entry {
    const fn seq(&self) -> u64 {
        match self {
            Self::Decided(note) => note.seq,
            Self::Happened { seq, .. } => *seq,
        }
    }
}

impl Decisions {
    /// Numbers a decision and keeps it.
    pub fn note(&self, mut note: Note) {
        self.keep(|seq| {
            note.seq = seq;
            Entry::Decided(note)
        });
    }

    /// Numbers something else that happened and keeps it: `event` says what, `more` how.
    pub fn tell(&self, time: LocalTime, event: &'static str, more: Map<String, Value>) {
        self.keep(|seq| {
            let mut line = json!({ "seq": seq, "time": time, "event": event });
            if let Some(line) = line.as_object_mut() {
                line.extend(more);
            }
            Entry::Happened { seq, line }
        });
    }

    fn keep(&self, entry: impl FnOnce(u64) -> Entry) {
        let (last, entries) = &mut *lock(&self.0);
        *last += 1;
        if entries.len() == KEPT {
            entries.pop_front();
        }
        entries.push_back(entry(*last));
    }

    /// Forgets everything; numbers go on.
    pub fn clear(&self) {
        lock(&self.0).1.clear();
    }

    /// The number of the newest.
    #[must_use]
    pub fn last(&self) -> u64 {
        lock(&self.0).0
    }

    /// The decisions with a number above `seq`, oldest first.
    #[must_use]
    pub fn since(&self, seq: u64) -> Vec<Note> {
        let entries = &lock(&self.0).1;
        let decided = |entry: &Entry| match entry {
            Entry::Decided(note) if note.seq > seq => Some(note.clone()),
            Entry::Decided(_) | Entry::Happened { .. } => None,
        };
        entries.iter().filter_map(decided).collect()
    }

    /// The newest decisions, at most `most` of them, newest first.
    #[must_use]
    pub fn latest(&self, most: usize) -> Vec<Note> {
        let entries = &lock(&self.0).1;
        let decided = entries.iter().rev().filter_map(|entry| match entry {
            Entry::Decided(note) => Some(note.clone()),
            Entry::Happened { .. } => None,
        });
        decided.take(most).collect()
    }

    /// Everything with a number above `seq` as lines of the simulator's event list, oldest first.
    #[must_use]
    pub fn lines(&self, seq: u64) -> Vec<Value> {
        let entries = &lock(&self.0).1;
        let lines = entries.iter().filter(|entry| entry.seq() > seq).map(|entry| match entry {
            Entry::Decided(note) => note.to_json(),
            Entry::Happened { line, .. } => line.clone(),
        });
        lines.collect()
    }
}
