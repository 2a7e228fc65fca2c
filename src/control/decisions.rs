//! What happened lately, for whoever wants to watch: decisions, and what was played, shown by light or asked of
//! the machine. Bounded lists in memory, numbered from 1 as one.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::access::Person;
use crate::clock::lock;
use crate::field::LocalTime;

/// How many decisions are kept, and how much else: what happens often must not push them out.
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

/// The lists.
#[derive(Debug, Default)]
pub struct Decisions(Mutex<Lists>);

#[derive(Debug, Default)]
struct Lists {
    /// The number of the newest.
    last: u64,
    decided: VecDeque<Note>,
    /// What else happened, by its number.
    happened: VecDeque<(u64, Value)>,
}

impl Lists {
    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }
}

fn keep<T>(list: &mut VecDeque<T>, entry: T) {
    if list.len() == KEPT {
        list.pop_front();
    }
    list.push_back(entry);
}

impl Decisions {
    /// Numbers a decision and keeps it.
    pub fn note(&self, mut note: Note) {
        let mut lists = lock(&self.0);
        note.seq = lists.next();
        keep(&mut lists.decided, note);
    }

    /// Numbers something else that happened and keeps it: `event` says what, `more` how.
    pub fn tell(&self, time: LocalTime, event: &'static str, more: Map<String, Value>) {
        let mut lists = lock(&self.0);
        let seq = lists.next();
        let mut line = json!({ "seq": seq, "time": time, "event": event });
        if let Some(line) = line.as_object_mut() {
            line.extend(more);
        }
        keep(&mut lists.happened, (seq, line));
    }

    /// Forgets everything; numbers go on.
    pub fn clear(&self) {
        let mut lists = lock(&self.0);
        lists.decided.clear();
        lists.happened.clear();
    }

    /// The number of the newest.
    #[must_use]
    pub fn last(&self) -> u64 {
        lock(&self.0).last
    }

    /// The decisions with a number above `seq`, oldest first.
    #[must_use]
    pub fn since(&self, seq: u64) -> Vec<Note> {
        lock(&self.0).decided.iter().filter(|note| note.seq > seq).cloned().collect()
    }

    /// The newest decisions, at most `most` of them, newest first.
    #[must_use]
    pub fn latest(&self, most: usize) -> Vec<Note> {
        lock(&self.0).decided.iter().rev().take(most).cloned().collect()
    }

    /// Everything with a number above `seq` as lines of the simulator's event list, oldest first.
    #[must_use]
    pub fn lines(&self, seq: u64) -> Vec<Value> {
        let lists = lock(&self.0);
        let decided = lists.decided.iter().filter(|note| note.seq > seq).map(|note| (note.seq, note.to_json()));
        let happened = lists.happened.iter().filter(|(number, _)| *number > seq).cloned();
        let mut lines: Vec<_> = decided.chain(happened).collect();
        lines.sort_by_key(|(number, _)| *number);
        lines.into_iter().map(|(_, line)| line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn much_that_happens_pushes_no_decision_out() {
        let (list, at) = (Decisions::default(), LocalTime::UNSET);
        list.note(Note::new(at, "admit", "first"));
        for _ in 0..=KEPT {
            list.tell(at, "light", Map::new());
        }
        list.note(Note::new(at, "admit", "last"));
        let lines = list.lines(0);
        let numbers: Vec<_> = lines.iter().map(|line| line["seq"].as_u64().unwrap()).collect();
        assert!(numbers.is_sorted() && lines.len() == KEPT + 2);
        assert_eq!((numbers[0], numbers[1]), (1, 3), "what happened first is gone, what was decided first is not");
        let reasons: Vec<_> = list.latest(9).iter().map(|note| note.reason).collect();
        assert_eq!(reasons, ["last", "first"]);
        assert_eq!(list.lines(list.last() - 1).len(), 1);
    }
}
