//! When a presentation is ripe: what has been seen of each face so far, what else was presented, and who was verified
//! just now.
//!
//! Where a mode asks for several things (3.2), each counts for `VerifyResetTime`, in whatever order they come; a verdict
//! uses all of them up.
//!
//! A person admitted or refused is not verified again within `VerifyResetTime`; after an admission nobody
//! is within `SnapResetTime` (3.2). A face becomes a stranger only after several good frames, once as long
//! as it stays. A passage is one uninterrupted presence: somebody of a temporary list 3 is admitted and spends
//! a use once in it, however long they stay.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::decide::{Presented, Verdict, decide, reaches};
use super::mode::{
    CardNumber, CardSeen, Evidence, FaceSeen, IdCardSeen, Judgement, Verified, Wanted, is_on_id_card, judge,
    takes_any_face, watches_faces,
};
use super::person::{LibId, Person, Validity};
use super::record::{IdCard, Reading};
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
    /// Similarity to the photo of the identity card presented last, 0 to 100; `None` without card or photo.
    pub to_id_card: Option<f32>,
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

/// What a presentation leads to.
#[derive(Clone, Debug)]
pub enum Heard {
    /// Something is missing; said once, not with every frame.
    Wants(Wanted),
    /// A decision.
    Ripe(Ripe),
}

/// A decision, and whether it spends one use of a temporary list 3.
#[derive(Clone, Debug)]
pub struct Ripe {
    /// The decision and what it rests on.
    pub verified: Verified,
    /// Whose use is spent.
    pub spends: Option<LibId>,
}

/// What was missing for a decision about a face.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Awaits {
    /// Liveness wants more frames.
    Liveness,
    /// It was like nobody, in too few frames for a stranger.
    Recognition {
        /// Good frames so far.
        frames: u32,
        /// A stranger after so many.
        of: u32,
    },
    /// The mode asks for something beside the face.
    More(Wanted),
}

/// What has been seen so far.
#[derive(Debug, Default)]
pub struct Session {
    tracks: HashMap<u64, Seen>,
    /// The face looked at last.
    track: u64,
    evidence: Evidence,
    /// Until when each part of the evidence counts.
    until: Until,
    /// What was said to be missing last, and until when it is not said again.
    wanted: Option<(Wanted, Mono)>,
    /// Until when a person is not verified again.
    resting: HashMap<LibId, Mono>,
    /// When people of a temporary list 3 who were admitted were seen last.
    passing: HashMap<LibId, Mono>,
    /// Until when no face is verified.
    quiet_until: Mono,
}

#[derive(Debug, Default)]
struct Seen {
    /// Good frames in a row that matched nobody.
    unmatched: u32,
    /// Somebody was recognised, or a picture of somebody.
    recognised: bool,
    /// Liveness was not decided when it was looked at last.
    undecided: bool,
    /// What was said about it last.
    said: Option<Saying>,
    /// The stranger was reported.
    reported: bool,
    /// Until when the face is not called a spoof again.
    spoof_rests_until: Mono,
    /// Until when nothing is said again of a face that was decided about without knowing whose it is.
    rests_until: Mono,
}

#[derive(Clone, Copy, Debug)]
enum Saying {
    Wants(Wanted),
    Decided,
}

#[derive(Debug, Default)]
struct Until {
    face: Mono,
    card: Mono,
    id_card: Mono,
    masked: Mono,
    temperature: Mono,
}

impl Session {
    /// Whether faces are verified now: the mode asks for one, and nobody was admitted just now.
    #[must_use]
    pub fn watches(&self, rules: &Door, now: Mono) -> bool {
        now >= self.quiet_until && watches_faces(rules.verify_mode)
    }

    /// Looks at a face once.
    pub fn look(&mut self, look: &Look, rules: &Door, now: Now) -> Option<Heard> {
        // Who stays is still passing, also while nobody is verified.
        if let Some(person) = &look.person
            && reaches(look.similarity, rules)
        {
            self.is_passing(person.id, now.mono);
        }
        if !self.watches(rules, now.mono) {
            return None;
        }
        self.expire(now.mono);
        let any_face = takes_any_face(rules.verify_mode, self.evidence.id_card.is_some());
        let seen = self.tracks.entry(look.track).or_default();
        let alive = match look.liveness {
            Liveness::Off => None,
            Liveness::Undecided => {
                seen.undecided = true;
                return None;
            }
            Liveness::Alive(alive) => Some(alive),
        };
        seen.undecided = false;
        if now.mono < seen.rests_until {
            return None;
        }
        let presented = Presented { person: look.person.clone(), similarity: look.similarity, alive };
        let decision = decide(&presented, rules, now.local);
        let mut settled = true;
        match (&decision.verdict, &decision.person) {
            (Verdict::NotAlive, _) if now.mono < seen.spoof_rests_until => return None,
            (Verdict::NotAlive, _) => seen.recognised = true,
            (_, Some(person)) => {
                let id = person.id;
                (seen.recognised, seen.unmatched) = (true, 0);
                if self.is_passing(id, now.mono) || self.is_resting(id, now.mono) {
                    return None;
                }
            }
            (_, None) => {
                seen.unmatched += 1;
                settled = seen.unmatched >= STRANGER_FRAMES && !seen.recognised;
                // A bad frame, or one of somebody recognised before, says nothing.
                if !settled && !any_face {
                    return None;
                }
            }
        }
        self.track = look.track;
        let face = FaceSeen { decision, settled, to_id_card: look.to_id_card };
        if let Some(card) = &mut self.evidence.id_card
            && !is_on_id_card(&face, rules)
        {
            card.misses += 1;
        }
        (self.evidence.face, self.until.face) = (Some(face), now.mono.after(reset(rules)));
        self.judge(rules, now)
    }

    /// A card was read; `bearer` is whose it is.
    pub fn card(&mut self, number: CardNumber, bearer: Option<Arc<Person>>, rules: &Door, now: Now) -> Option<Heard> {
        if bearer.as_ref().is_some_and(|person| self.is_resting(person.id, now.mono)) {
            return None;
        }
        let card = CardSeen::new(number, bearer, now.local);
        (self.evidence.card, self.until.card) = (Some(card), now.mono.after(reset(rules)));
        self.judge(rules, now)
    }

    /// An identity card was read. Whoever calls [`Self::look`] compares the face with the photo on it from now on.
    pub fn id_card(&mut self, card: Arc<IdCard>, rules: &Door, now: Now) -> Option<Heard> {
        let card = IdCardSeen { card, misses: 0 };
        (self.evidence.id_card, self.until.id_card) = (Some(card), now.mono.after(reset(rules)));
        // The face that is there already has not been compared with it yet.
        if let Some(face) = &mut self.evidence.face {
            face.to_id_card = None;
        }
        self.judge(rules, now)
    }

    /// Whether the face before the camera wears a mask.
    pub fn mask(&mut self, worn: bool, rules: &Door, now: Now) -> Option<Heard> {
        (self.evidence.masked, self.until.masked) = (Some(worn), now.mono.after(reset(rules)));
        self.judge(rules, now)
    }

    /// Whoever stands before the terminal was measured.
    pub fn temperature(&mut self, reading: Reading, rules: &Door, now: Now) -> Option<Heard> {
        (self.evidence.temperature, self.until.temperature) = (Some(reading), now.mono.after(reset(rules)));
        self.judge(rules, now)
    }

    /// The face has left the picture; says what was missing if nothing was decided about it.
    pub fn gone(&mut self, track: u64) -> Option<Awaits> {
        let seen = self.tracks.remove(&track);
        // A stranger who has left must not count against the next one's card; who was recognised may go to the reader.
        let left = self.track == track;
        self.evidence.face.take_if(|face| left && face.decision.verdict != Verdict::Admit);
        match seen? {
            Seen { said: Some(Saying::Decided), .. } => None,
            Seen { said: Some(Saying::Wants(wanted)), .. } => Some(Awaits::More(wanted)),
            // Recognised, and decided about a moment before it appeared.
            Seen { recognised: true, .. } => None,
            Seen { undecided: true, .. } => Some(Awaits::Liveness),
            Seen { unmatched: frames @ 1..STRANGER_FRAMES, .. } => {
                Some(Awaits::Recognition { frames, of: STRANGER_FRAMES })
            }
            Seen { .. } => None,
        }
    }

    fn judge(&mut self, rules: &Door, now: Now) -> Option<Heard> {
        self.expire(now.mono);
        let has_face = self.evidence.face.is_some();
        let heard = self.weigh(rules, now);
        // The face may have left the picture while it still counts.
        if let Some(seen) = self.tracks.get_mut(&self.track).filter(|_| has_face) {
            seen.said = match &heard {
                None => seen.said,
                Some(Heard::Wants(wanted)) => Some(Saying::Wants(*wanted)),
                Some(Heard::Ripe(_)) => Some(Saying::Decided),
            };
        }
        heard
    }

    fn weigh(&mut self, rules: &Door, now: Now) -> Option<Heard> {
        match judge(rules.verify_mode, &self.evidence, rules, now.local) {
            Judgement::Nothing => None,
            Judgement::Wants(wanted) => {
                if self.wanted.is_some_and(|(last, until)| last == wanted && now.mono < until) {
                    return None;
                }
                self.wanted = Some((wanted, now.mono.after(reset(rules))));
                Some(Heard::Wants(wanted))
            }
            Judgement::Settled(verified) => self.conclude(verified, rules, now).map(Heard::Ripe),
        }
    }

    /// Reports a decision unless it was reported just now.
    fn conclude(&mut self, verified: Verified, rules: &Door, now: Now) -> Option<Ripe> {
        let reset = reset(rules);
        let decision = &verified.decision;
        // The face may have left the picture while it still counts.
        let seen = self.tracks.get_mut(&self.track);
        match decision.verdict {
            // What else was presented may still belong to somebody the next frames recognise.
            Verdict::Stranger => {
                let first = seen.is_some_and(|seen| !std::mem::replace(&mut seen.reported, true));
                return first.then_some(Ripe { verified, spends: None });
            }
            Verdict::NotAlive => {
                if let Some(seen) = seen {
                    seen.spoof_rests_until = now.mono.after(reset);
                }
                self.evidence = Evidence::default();
                return Some(Ripe { verified, spends: None });
            }
            Verdict::Admit | Verdict::Refuse(_) => {}
        }
        let looked = self.evidence.face.is_some();
        self.evidence = Evidence::default();
        self.wanted = None;
        let known = decision.person.as_ref().filter(|person| person.id != LibId(0));
        if let Some(person) = known {
            self.resting.retain(|_, until| now.mono < *until);
            self.resting.insert(person.id, now.mono.after(reset));
        } else if let Some(seen) = seen.filter(|_| looked) {
            seen.rests_until = now.mono.after(reset);
        }
        if decision.verdict != Verdict::Admit {
            return Some(Ripe { verified, spends: None });
        }
        self.quiet_until = now.mono.after(Duration::from_secs(u64::from(rules.snap_reset_s.u32())));
        let spends = known.filter(|person| matches!(person.validity, Validity::Uses { .. })).map(|person| person.id);
        if let Some(id) = spends.filter(|_| looked) {
            self.passing.insert(id, now.mono);
        }
        Some(Ripe { verified, spends })
    }

    /// Whether somebody of a temporary list 3 is still in the passage that was admitted.
    fn is_passing(&mut self, id: LibId, now: Mono) -> bool {
        self.passing.retain(|_, last| now.since(*last) <= PRESENCE_GAP);
        self.passing.get_mut(&id).map(|last| *last = now).is_some()
    }

    fn is_resting(&self, id: LibId, now: Mono) -> bool {
        self.resting.get(&id).is_some_and(|until| now < *until)
    }

    /// Forgets what was presented too long ago.
    fn expire(&mut self, now: Mono) {
        fn keep<T>(part: &mut Option<T>, until: Mono, now: Mono) {
            if now >= until {
                *part = None;
            }
        }
        keep(&mut self.evidence.face, self.until.face, now);
        keep(&mut self.evidence.card, self.until.card, now);
        keep(&mut self.evidence.id_card, self.until.id_card, now);
        keep(&mut self.evidence.masked, self.until.masked, now);
        keep(&mut self.evidence.temperature, self.until.temperature, now);
    }
}

/// How long anything presented counts, and how long nobody is verified again.
fn reset(rules: &Door) -> Duration {
    Duration::from_secs(u64::from(rules.verify_reset_s.u32()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::person::List;
    use crate::access::{Card, CardFormat};
    use crate::field::Int;
    use crate::settings::VerifyMode;

    const TRACK: u64 = 1;

    fn now(ms: u64) -> Now {
        Now { mono: Mono(ms * 1000), local: LocalTime::parse("2026-01-01T12:00:00").unwrap() }
    }

    fn person(id: u32, validity: Validity) -> Arc<Person> {
        Arc::new(Person { id: LibId(id), validity, list: List::Allow, ..Person::new(LocalTime::UNSET) })
    }

    fn matched(track: u64, person: &Arc<Person>) -> Look {
        Look { track, person: Some(person.clone()), similarity: 90.0, liveness: Liveness::Off, to_id_card: None }
    }

    fn unmatched(track: u64) -> Look {
        Look { track, person: None, similarity: 0.0, liveness: Liveness::Off, to_id_card: None }
    }

    fn ripe(heard: Option<Heard>) -> Option<Ripe> {
        match heard {
            Some(Heard::Ripe(ripe)) => Some(ripe),
            Some(Heard::Wants(_)) | None => None,
        }
    }

    fn verdict(heard: Option<Heard>) -> Option<Verdict> {
        ripe(heard).map(|r| r.verified.decision.verdict)
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
    fn what_was_missing_is_told_when_a_face_leaves_undecided() {
        let li = person(1, Validity::Permanent);
        let undecided = Look { liveness: Liveness::Undecided, ..matched(TRACK, &li) };
        let spoof = Look { liveness: Liveness::Alive(false), ..unmatched(TRACK) };
        let nobody = unmatched(TRACK);
        let awaits = |frames| Some(Awaits::Recognition { frames, of: STRANGER_FRAMES });
        let cases: [(&[&Look], Option<Awaits>); 8] = [
            (&[], None),
            (&[&undecided], Some(Awaits::Liveness)),
            (&[&nobody, &undecided], Some(Awaits::Liveness)),
            (&[&undecided, &nobody], awaits(1)),
            (&[&nobody; 4], awaits(4)),
            (&[&nobody; 5], None),
            (&[&matched(TRACK, &li)], None),
            (&[&spoof], None),
        ];
        for (looks, expect) in cases {
            let mut session = Session::default();
            for (look, ms) in looks.iter().zip(0..) {
                session.look(look, &Door::default(), now(ms * 40));
            }
            assert_eq!(session.gone(TRACK), expect, "{looks:?}");
        }
        // With a card as well, in both orders, and with somebody else's.
        let rules = Door { verify_mode: VerifyMode::from_number(25).unwrap(), ..Door::default() };
        let wang = person(2, Validity::Permanent);
        let number = || CardNumber::Wiegand(Card::new(CardFormat::W34, None, 1).unwrap());
        let mut session = Session::default();
        session.look(&matched(TRACK, &li), &rules, now(0));
        assert_eq!(session.gone(TRACK), Some(Awaits::More(Wanted::Card)));
        for bearer in [&li, &wang] {
            let mut session = Session::default();
            session.look(&matched(TRACK, &li), &rules, now(0));
            assert!(ripe(session.card(number(), Some(bearer.clone()), &rules, now(40))).is_some());
            assert_eq!(session.gone(TRACK), None);
        }
        // Nobody is verified now.
        let quiet = Door { snap_reset_s: Int::of(3), ..Door::default() };
        let mut session = Session::default();
        session.look(&matched(2, &li), &quiet, now(0));
        session.look(&nobody, &quiet, now(40));
        assert_eq!(session.gone(TRACK), None);
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
        a_use_is_spent_once(0);
        a_use_is_spent_once(3);
    }

    fn a_use_is_spent_once(snap_reset: i64) {
        let rules = Door { verify_reset_s: Int::of(1), snap_reset_s: Int::of(snap_reset), ..Door::default() };
        let mut session = Session::default();
        let first = ripe(session.look(&matched(1, &person(1, Validity::Uses { left: 1 })), &rules, now(0))).unwrap();
        assert_eq!((first.verified.decision.verdict, first.spends), (Verdict::Admit, Some(LibId(1))));
        // Staying, even where the face was lost for a moment and found as another, opens and spends nothing.
        for (at, limit) in [(400, 0), (800, 0), (1200, 5), (1600, 5), (2100, 5), (2600, 5), (3000, 5), (3400, 5)] {
            let stays = person(1, Validity::Uses { left: limit });
            if at == 1200 {
                session.gone(1);
            }
            assert!(
                session.look(&matched(if at < 1200 { 1 } else { 2 }, &stays), &rules, now(at)).is_none(),
                "at {at} ms"
            );
        }
        session.gone(2);
        let spent = person(1, Validity::Uses { left: 0 });
        let later = ripe(session.look(&matched(3, &spent), &rules, now(6000))).unwrap();
        assert_eq!(later.verified.decision.verdict, Verdict::Refuse(crate::access::Refusal::UsesSpent));
    }
}
