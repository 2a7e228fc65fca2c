//! The verdict over one presentation: person, similarity, liveness, settings and the time give a decision.

use std::sync::Arc;

use super::card::WiegandFrame;
use super::person::{CardSource, List, Person};
use super::record::VerifyStatus;
use crate::field::LocalTime;
use crate::settings::{ControlType, Door, OpenWay};

/// Why somebody known may not pass.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// On the block list.
    Blocked,
    /// The validity begins later.
    NotYetValid,
    /// The validity has ended.
    Expired,
    /// Valid, but not at this time of day.
    OutsideHours,
    /// The number of passages is used up.
    UsesSpent,
    /// Nobody bears the card.
    UnknownCard,
    /// The face is not that of the card's bearer.
    NotBearer,
    /// A mask has to be worn and is not.
    NoMask,
    /// The temperature is too high.
    Fever,
}

/// How a presentation ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// May pass.
    Admit,
    /// Known, may not pass.
    Refuse(Refusal),
    /// Not on the lists.
    Stranger,
    /// Not a living face: a veto that no similarity outvotes.
    NotAlive,
}

impl Verdict {
    /// One word for logs and the simulator's event list.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Admit => "admit",
            Self::Refuse(_) => "refuse",
            Self::Stranger => "stranger",
            Self::NotAlive => "not_alive",
        }
    }

    /// Why, in a few words.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Admit => "on the allow list and valid now",
            Self::Refuse(Refusal::Blocked) => "on the block list",
            Self::Refuse(Refusal::NotYetValid) => "validity has not begun",
            Self::Refuse(Refusal::Expired) => "validity has ended",
            Self::Refuse(Refusal::OutsideHours) => "outside the daily hours",
            Self::Refuse(Refusal::UsesSpent) => "no passages left",
            Self::Refuse(Refusal::UnknownCard) => "nobody bears this card",
            Self::Refuse(Refusal::NotBearer) => "the face is not that of the card's bearer",
            Self::Refuse(Refusal::NoMask) => "no mask is worn",
            Self::Refuse(Refusal::Fever) => "the temperature is too high",
            Self::Stranger => "nobody on the lists is similar enough",
            Self::NotAlive => "not a living face",
        }
    }
}

/// What was presented, already measured.
#[derive(Clone, Debug)]
pub struct Presented {
    /// The most similar person of the gallery.
    pub person: Option<Arc<Person>>,
    /// Their similarity, 0 to 100.
    pub similarity: f32,
    /// The liveness verdict; `None` where liveness is not checked.
    pub alive: Option<bool>,
}

/// A verdict and whom it is about.
#[derive(Clone, Debug)]
pub struct Decision {
    /// How it ends.
    pub verdict: Verdict,
    /// The person it is about; `None` for strangers, for faces that are not alive, and where anybody may pass.
    /// Known by a card alone, the person has no number (`LibId(0)`).
    pub person: Option<Arc<Person>>,
    /// 0 to 100.
    pub similarity: f32,
}

impl Decision {
    /// The wire's status of it under `way`.
    #[must_use]
    pub const fn status(&self, way: OpenWay) -> VerifyStatus {
        match (self.verdict, way) {
            (Verdict::Admit, OpenWay::FaceThenRemote) => VerifyStatus::Pending,
            (Verdict::Admit, _) => VerifyStatus::Allowed,
            (Verdict::Refuse(Refusal::UnknownCard), _) => VerifyStatus::NotRegistered,
            (Verdict::Refuse(_), _) => VerifyStatus::Refused,
            (Verdict::Stranger | Verdict::NotAlive, _) => VerifyStatus::NotRegistered,
        }
    }

    /// Whether a control record is kept and pushed: way 1 leaves that to the platform (3.2.3).
    #[must_use]
    pub fn is_recorded(&self, way: OpenWay) -> bool {
        matches!(self.verdict, Verdict::Admit | Verdict::Refuse(_)) && way != OpenWay::Remote
    }
}

/// Decides over one presentation. Liveness comes first, so that nothing outvotes it.
#[must_use]
pub fn decide(presented: &Presented, rules: &Door, now: LocalTime) -> Decision {
    let similarity = presented.similarity;
    let nobody = |verdict| Decision { verdict, person: None, similarity };
    if presented.alive == Some(false) {
        return nobody(Verdict::NotAlive);
    }
    let Some(person) = presented.person.as_ref().filter(|_| reaches(similarity, rules)) else {
        return nobody(Verdict::Stranger);
    };
    Decision { verdict: standing(person, now), person: Some(person.clone()), similarity }
}

/// Whether a face this similar is somebody on the lists.
#[must_use]
pub fn reaches(similarity: f32, rules: &Door) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "50 to 100")]
    let threshold = rules.face_threshold.get() as f32;
    similarity >= threshold
}

/// What the lists say of somebody known for certain.
#[must_use]
pub fn standing(person: &Person, now: LocalTime) -> Verdict {
    match (person.list, person.validity.refuses(now)) {
        (List::Block, _) => Verdict::Refuse(Refusal::Blocked),
        (List::Allow, Some(refusal)) => Verdict::Refuse(refusal),
        (List::Allow, None) => Verdict::Admit,
    }
}

/// What the door does on a decision; `None`: it stays as it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Opening {
    /// Whether the relay is driven.
    pub relay: bool,
    /// The frame sent to a door controller.
    pub frame: Option<WiegandFrame>,
}

/// The opening an admitted `person` gets; `None` is a remote opening, which uses the public card (3.20).
#[must_use]
pub fn opening(person: Option<&Person>, rules: &Door) -> Opening {
    let source = person.map_or(CardSource::Public, |p| p.card);
    let frame = match source {
        CardSource::Public => Some(WiegandFrame::of_number(rules.public_card.u32(), rules.wiegand)),
        CardSource::Automatic(card) | CardSource::Manual(card) => Some(WiegandFrame::of_card(card, rules.wiegand)),
        CardSource::None => None,
    };
    Opening {
        relay: rules.control != ControlType::Wiegand,
        frame: frame.filter(|_| rules.control != ControlType::Relay),
    }
}

/// The frame a stranger causes (`IsOutFF`): never a relay.
#[must_use]
pub fn stranger_frame(rules: &Door) -> Option<WiegandFrame> {
    (rules.stranger_sends_ones.on() && rules.control != ControlType::Relay)
        .then(|| WiegandFrame::all_ones(rules.wiegand))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::card::{Card, CardFormat};
    use crate::access::person::Validity;
    use crate::field::{Flag, Int};
    use crate::settings::WiegandProtocol;

    fn noon() -> LocalTime {
        LocalTime::parse("2026-01-01T12:00:00").unwrap()
    }

    fn person(list: List, validity: Validity) -> Arc<Person> {
        Arc::new(Person { list, validity, ..Person::new(noon()) })
    }

    #[test]
    fn verdicts_are_a_table() {
        let past = Validity::Window { begin: LocalTime::UNSET, end: LocalTime::UNSET };
        let (allow, block) = (person(List::Allow, Validity::Permanent), person(List::Block, Validity::Permanent));
        let expired = person(List::Allow, past);
        for (who, similarity, alive, verdict) in [
            (Some(&allow), 80.0, None, Verdict::Admit),
            (Some(&allow), 80.0, Some(true), Verdict::Admit),
            (Some(&allow), 79.9, None, Verdict::Stranger),
            (Some(&allow), 100.0, Some(false), Verdict::NotAlive),
            (Some(&block), 100.0, None, Verdict::Refuse(Refusal::Blocked)),
            (Some(&block), 100.0, Some(false), Verdict::NotAlive),
            (Some(&block), 50.0, None, Verdict::Stranger),
            (Some(&expired), 90.0, None, Verdict::Refuse(Refusal::Expired)),
            (None, 0.0, None, Verdict::Stranger),
        ] {
            let presented = Presented { person: who.cloned(), similarity, alive };
            let decision = decide(&presented, &Door::default(), noon());
            assert_eq!(decision.verdict, verdict, "{presented:?}");
            assert_eq!(decision.person.is_some(), matches!(verdict, Verdict::Admit | Verdict::Refuse(_)));
        }
    }

    #[test]
    fn open_ways_keep_records_as_documented() {
        let admitted = Decision {
            verdict: Verdict::Admit,
            person: Some(person(List::Allow, Validity::Permanent)),
            similarity: 90.0,
        };
        for (way, recorded, status) in [
            (OpenWay::Face, true, VerifyStatus::Allowed),
            (OpenWay::Remote, false, VerifyStatus::Allowed),
            (OpenWay::FaceOrRemote, true, VerifyStatus::Allowed),
            (OpenWay::FaceThenRemote, true, VerifyStatus::Pending),
        ] {
            assert_eq!((admitted.is_recorded(way), admitted.status(way)), (recorded, status), "{way:?}");
        }
    }

    #[test]
    fn outputs_follow_control_type_and_card_source() {
        let card = Card::new(CardFormat::W34, None, 1_046_239).unwrap();
        for (control, source, relay, data) in [
            (ControlType::Wiegand, CardSource::Manual(card), false, Some(1_046_239)),
            (ControlType::Wiegand, CardSource::Automatic(card), false, Some(1_046_239)),
            (ControlType::Wiegand, CardSource::Public, false, Some(7)),
            (ControlType::Wiegand, CardSource::None, false, None),
            (ControlType::Relay, CardSource::Manual(card), true, None),
            (ControlType::Both, CardSource::Manual(card), true, Some(1_046_239)),
            (ControlType::Both, CardSource::None, true, None),
        ] {
            let rules = Door { control, wiegand: WiegandProtocol::W34, public_card: Int::of(7), ..Door::default() };
            let who = Person { card: source, ..Person::new(noon()) };
            let opening = opening(Some(&who), &rules);
            assert_eq!(opening.relay, relay, "{control:?} {source:?}");
            assert_eq!(opening.frame.and_then(WiegandFrame::data), data, "{control:?} {source:?}");
        }
    }

    #[test]
    fn a_remote_opening_sends_the_public_card() {
        let rules = Door { public_card: Int::of(42), ..Door::default() };
        assert_eq!(opening(None, &rules).frame.and_then(WiegandFrame::data), Some(42));
    }

    #[test]
    fn strangers_send_ones_only_when_asked_to() {
        for (switch, control, sends) in [
            (Flag::of(0), ControlType::Both, false),
            (Flag::of(1), ControlType::Both, true),
            (Flag::of(1), ControlType::Wiegand, true),
            (Flag::of(1), ControlType::Relay, false),
        ] {
            let rules = Door { stranger_sends_ones: switch, control, ..Door::default() };
            assert_eq!(stranger_frame(&rules).is_some(), sends, "{switch:?} {control:?}");
        }
    }
}
