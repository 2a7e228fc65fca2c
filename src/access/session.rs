//! When a presentation is ripe: what has been seen of each face so far, and who was verified just now.
//!
//! A person admitted or refused is not verified again within `VerifyResetTime`; after an admission nobody
//! is within `SnapResetTime` (3.2). A face becomes a stranger only after several good frames, once as long
//! as it stays. A passage is one uninterrupted presence: somebody of a temporary list 3 is admitted and spends
//! a use once in it, however long they stay.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::decide::{Decision, Presented, Verdict, decide};
use super::person::{LibId, Person, Validity};
use crate::clock::Mono;
use crate::field::LocalTime;
use crate::settings::Door;

/// Good frames without a match before a face counts as a stranger: one bad frame must not alarm anybody.
const STRANGER_FRAMES: u32 = 5;
/// Who is not seen for longer has gone: a presence outlasts a few frames in which the face was lost.
const PRESENCE_GAP: Duration = Duration::from_millis(500);

/// One good look at a face: large enough, sharp enough, turned to the camera.
#[derive(Clone, Debug)]
pub struct Look {
    /// Which face, as long as it stays in the picture.
    pub track: u64,
    /// The most similar person of the gallery.
    pub person: Option<Arc<Person>>,
    /// Their similarity, 0 to 100.
    pub similarity: f32,
    /// What liveness says.
    pub liveness: Liveness,
}

/// What is known about the liveness of a face.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Liveness {
    /// Not checked now.
    Off,
    /// Checked, more frames are needed.
    Undecided,
    /// Checked.
    Alive(bool),
}

/// The time of a look in both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// For spans.
    pub mono: Mono,
    /// For validity.
    pub local: LocalTime,
}

/// A decision, and whether it spends one use of a temporary list 3.
#[derive(Clone, Debug)]
pub struct Ripe {
    /// The decision.
    pub decision: Decision,
    /// Whose use is spent.
    pub spends: Option<LibId>,
}

/// What has been seen so far.
#[derive(Debug, Default)]
pub struct Session {
    tracks: HashMap<u64, Seen>,
    /// Until when a person is not verified again.
    resting: HashMap<LibId, Mono>,
    /// When people of a temporary list 3 who were admitted were seen last.
    passing: HashMap<LibId, Mono>,
    /// Until when nobody is verified.
    quiet_until: Mono,
}

#[derive(Debug, Default)]
struct Seen {
    /// Good frames in a row that matched nobody.
    unmatched: u32,
    /// Somebody was recognised, or a stranger was reported.
    identified: bool,
    /// Until when this face is not called a spoof again.
    spoof_rest: Mono,
}

impl Session {
    /// Looks once; returns a decision when one is due.
    pub fn look(&mut self, look: &Look, rules: &Door, now: Now) -> Option<Ripe> {
        if now.mono < self.quiet_until {
            return None;
        }
        let reset = Duration::from_secs(u64::from(rules.verify_reset_s.u32()));
        let seen = self.tracks.entry(look.track).or_default();
        let alive = match look.liveness {
            Liveness::Off => None,
            Liveness::Undecided => return None,
            Liveness::Alive(alive) => Some(alive),
        };
        let presented = Presented { person: look.person.clone(), similarity: look.similarity, alive };
        let decision = decide(&presented, rules, now.local);
        match decision.verdict {
            Verdict::NotAlive => {
                if now.mono < seen.spoof_rest {
                    return None;
                }
                seen.spoof_rest = now.mono.after(reset);
                seen.identified = true;
                Some(Ripe { decision, spends: None })
            }
            Verdict::Stranger => {
                seen.unmatched += 1;
                if seen.identified || seen.unmatched < STRANGER_FRAMES {
                    return None;
                }
                seen.identified = true;
                Some(Ripe { decision, spends: None })
            }
            Verdict::Admit | Verdict::Refuse(_) => {
                let person = decision.person.clone()?;
                seen.identified = true;
                seen.unmatched = 0;
                self.passing.retain(|_, last| now.mono.since(*last) <= PRESENCE_GAP);
                if let Some(last) = self.passing.get_mut(&person.id) {
                    *last = now.mono;
                    return None;
                }
                if self.resting.get(&person.id).is_some_and(|until| now.mono < *until) {
                    return None;
                }
                self.resting.retain(|_, until| now.mono < *until);
                self.resting.insert(person.id, now.mono.after(reset));
                if decision.verdict != Verdict::Admit {
                    return Some(Ripe { decision, spends: None });
                }
                self.quiet_until = now.mono.after(Duration::from_secs(u64::from(rules.snap_reset_s.u32())));
                let limited = matches!(person.validity, Validity::Uses { .. });
                if limited {
                    self.passing.insert(person.id, now.mono);
                }
                Some(Ripe { decision, spends: limited.then_some(person.id) })
            }
        }
    }

    /// The face has left the picture.
    pub fn gone(&mut self, track: u64) {
        self.tracks.remove(&track);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::person::List;
    use crate::field::Int;

    const TRACK: u64 = 1;

    fn now(ms: u64) -> Now {
        Now { mono: Mono(ms * 1000), local: LocalTime::parse("2026-01-01T12:00:00").unwrap() }
    }

    fn person(id: u32, validity: Validity) -> Arc<Person> {
        Arc::new(Person { id: LibId(id), validity, list: List::Allow, ..Person::new(LocalTime::UNSET) })
    }

    fn matched(track: u64, person: &Arc<Person>) -> Look {
        Look { track, person: Some(person.clone()), similarity: 90.0, liveness: Liveness::Off }
    }

    fn unmatched(track: u64) -> Look {
        Look { track, person: None, similarity: 0.0, liveness: Liveness::Off }
    }

    fn verdict(ripe: Option<Ripe>) -> Option<Verdict> {
        ripe.map(|r| r.decision.verdict)
    }

    #[test]
    fn the_same_person_rests_for_the_reset_time() {
        let rules = Door { verify_reset_s: Int::of(2), ..Door::default() };
        let (mut session, li) = (Session::default(), person(1, Validity::Permanent));
        for (ms, expect) in
            [(0, true), (40, false), (1999, false), (2000, true), (2040, false), (3999, false), (4000, true)]
        {
            assert_eq!(session.look(&matched(TRACK, &li), &rules, now(ms)).is_some(), expect, "at {ms} ms");
        }
    }

    #[test]
    fn another_person_waits_only_for_the_snap_reset_time() {
        let (li, wang) = (person(1, Validity::Permanent), person(2, Validity::Permanent));
        for (snap_reset, at, expect) in [(0, 1, true), (3, 1, false), (3, 2999, false), (3, 3000, true)] {
            let rules = Door { snap_reset_s: Int::of(snap_reset), ..Door::default() };
            let mut session = Session::default();
            assert!(session.look(&matched(1, &li), &rules, now(0)).is_some());
            assert_eq!(session.look(&matched(2, &wang), &rules, now(at)).is_some(), expect, "{snap_reset} s, {at} ms");
        }
    }

    #[test]
    fn a_stranger_is_reported_once_after_several_frames() {
        let mut session = Session::default();
        let reports: Vec<_> =
            (0..20).filter(|n| session.look(&unmatched(TRACK), &Door::default(), now(n * 40)).is_some()).collect();
        assert_eq!(reports, [u64::from(STRANGER_FRAMES) - 1]);
        session.gone(TRACK);
        assert_eq!(verdict(session.look(&unmatched(TRACK), &Door::default(), now(1000))), None);
    }

    #[test]
    fn a_recognised_face_never_becomes_a_stranger() {
        let (mut session, li) = (Session::default(), person(1, Validity::Permanent));
        assert!(session.look(&matched(TRACK, &li), &Door::default(), now(0)).is_some());
        for n in 1..20 {
            assert_eq!(verdict(session.look(&unmatched(TRACK), &Door::default(), now(n * 40))), None);
        }
    }

    #[test]
    fn liveness_holds_back_and_vetoes() {
        let (mut session, li) = (Session::default(), person(1, Validity::Permanent));
        let rules = Door::default();
        let with = |liveness| Look { liveness, ..matched(TRACK, &li) };
        assert!(session.look(&with(Liveness::Undecided), &rules, now(0)).is_none());
        assert_eq!(verdict(session.look(&with(Liveness::Alive(false)), &rules, now(40))), Some(Verdict::NotAlive));
        assert!(session.look(&with(Liveness::Alive(false)), &rules, now(80)).is_none());
        assert_eq!(verdict(session.look(&with(Liveness::Alive(true)), &rules, now(120))), Some(Verdict::Admit));
    }

    #[test]
    fn a_use_is_spent_once_a_passage() {
        let rules = Door { verify_reset_s: Int::of(1), ..Door::default() };
        let mut session = Session::default();
        let first = session.look(&matched(1, &person(1, Validity::Uses { left: 1 })), &rules, now(0)).unwrap();
        assert_eq!((first.decision.verdict, first.spends), (Verdict::Admit, Some(LibId(1))));
        // Staying, even where the face was lost for a moment and found as another, opens and spends nothing.
        for (at, limit) in [(400, 0), (800, 0), (1200, 5), (1600, 5), (2100, 5)] {
            let stays = person(1, Validity::Uses { left: limit });
            if at == 1200 {
                session.gone(1);
            }
            assert!(session.look(&matched(1 + at / 1200, &stays), &rules, now(at)).is_none(), "at {at} ms");
        }
        session.gone(2);
        let spent = person(1, Validity::Uses { left: 0 });
        let later = session.look(&matched(3, &spent), &rules, now(2601)).unwrap();
        assert_eq!(later.decision.verdict, Verdict::Refuse(crate::access::Refusal::UsesSpent));
    }
}
