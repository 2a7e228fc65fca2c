//! What `VerifyMode` asks for, held against what has been presented of it (3.2).
//!
//! Pure: [`judge`] knows the mode and the evidence that still counts. How long evidence counts, and what has been
//! reported already, is the matter of `session`.

use std::sync::Arc;

use super::card::Card;
use super::decide::{Decision, Refusal, Verdict, standing};
use super::person::{CardSource, List, Person};
use super::record::{
    IdCard, Reading, VERIFY_FACE, VERIFY_FACE_AND_ID_CARD, VERIFY_ID_CARD, VERIFY_RF_CARD, VERIFY_RF_CARD_AND_FACE,
    VERIFY_WIEGAND, VERIFY_WIEGAND_AND_FACE,
};
use crate::field::LocalTime;
use crate::settings::{Basis, Door, VerifyMode};

/// Looks at a living face that is not the ID card's before that is said: one bad frame must not refuse anybody.
const ID_CARD_MISSES: u32 = 5;

/// A reader of cards.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CardReader {
    /// Built in; cards are told by their RF number.
    Rf,
    /// At the Wiegand lines; cards are told by their Wiegand number.
    Wiegand,
}

/// A number read off a card (3.10.5).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CardNumber {
    /// As RF cards are kept.
    Rf(String),
    /// All data bits, and how many there are.
    Wiegand(Card),
}

impl CardNumber {
    /// Where it was read.
    #[must_use]
    pub const fn reader(&self) -> CardReader {
        match self {
            Self::Rf(_) => CardReader::Rf,
            Self::Wiegand(_) => CardReader::Wiegand,
        }
    }

    /// Somebody of whom nothing but this card is known.
    fn stranger(&self, now: LocalTime) -> Person {
        match self {
            Self::Rf(number) => Person { rf_card: Some(number.clone()), ..Person::new(now) },
            Self::Wiegand(card) => Person { card: CardSource::Manual(*card), ..Person::new(now) },
        }
    }
}

/// A face before the camera.
#[derive(Clone, Debug)]
pub(super) struct FaceSeen {
    /// What the lists and liveness say of it.
    pub(super) decision: Decision,
    /// Whether it counts already: a face that matches nobody does after several frames.
    pub(super) settled: bool,
    /// Similarity to the photo of the identity card presented, 0 to 100; `None` without card or photo.
    pub(super) to_id_card: Option<f32>,
}

/// A card that was read, and what the lists say of its bearer.
#[derive(Clone, Debug)]
pub(super) struct CardSeen {
    pub(super) number: CardNumber,
    pub(super) decision: Decision,
}

impl CardSeen {
    pub(super) fn new(number: CardNumber, bearer: Option<Arc<Person>>, now: LocalTime) -> Self {
        let (verdict, person) = match bearer {
            Some(person) => (standing(&person, now), person),
            None => (Verdict::Refuse(Refusal::UnknownCard), Arc::new(number.stranger(now))),
        };
        Self { number, decision: Decision { verdict, person: Some(person), similarity: 0.0 } }
    }
}

/// An identity card that was read.
#[derive(Clone, Debug)]
pub(super) struct IdCardSeen {
    pub(super) card: Arc<IdCard>,
    /// Looks at faces that are not the one on it.
    pub(super) misses: u32,
}

/// What was presented and still counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Evidence {
    pub(super) face: Option<FaceSeen>,
    pub(super) card: Option<CardSeen>,
    pub(super) id_card: Option<IdCardSeen>,
    pub(super) masked: Option<bool>,
    pub(super) temperature: Option<Reading>,
}

/// What is missing before somebody can be admitted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// The face.
    Face,
    /// A card.
    Card,
    /// An identity card.
    IdCard,
    /// A look at whether a mask is worn.
    Mask,
    /// A measured temperature.
    Temperature,
}

/// A decision with what it rests on.
#[derive(Clone, Debug)]
pub struct Verified {
    /// The decision.
    pub decision: Decision,
    /// `VerfyType` (3.12.4).
    pub verify_type: u16,
    /// Similarity of the face to the identity card's photo, 0 to 100; 0 without one.
    pub id_similarity: f32,
    /// The identity card it rests on.
    pub id_card: Option<Arc<IdCard>>,
    /// The card it rests on.
    pub card: Option<CardNumber>,
    /// Whether a mask is worn, where the mode asks for it.
    pub masked: Option<bool>,
    /// The temperature, where the mode asks for it.
    pub temperature: Option<Reading>,
}

impl Verified {
    pub(super) const fn new(decision: Decision, verify_type: u16) -> Self {
        Self { decision, verify_type, id_similarity: 0.0, id_card: None, card: None, masked: None, temperature: None }
    }
}

/// What the evidence amounts to.
#[derive(Clone, Debug)]
pub(super) enum Judgement {
    /// Nothing that counts in this mode.
    Nothing,
    /// Something is still missing.
    Wants(Wanted),
    /// It suffices, for whatever verdict.
    Settled(Verified),
}

use Judgement::{Nothing, Settled, Wants};

/// Whether a face on its own says something in this mode, be it only that a stranger is there.
pub(super) const fn watches_faces(mode: VerifyMode) -> bool {
    !matches!(mode.basis, Basis::RfCard | Basis::Wiegand)
}

/// Whether cards of that reader count in this mode.
#[must_use]
pub const fn takes_cards(mode: VerifyMode, reader: CardReader) -> bool {
    match reader {
        CardReader::Rf => matches!(mode.basis, Basis::RfCard | Basis::RfCardAndFace | Basis::RfCardOrFace),
        CardReader::Wiegand => matches!(mode.basis, Basis::Wiegand | Basis::WiegandAndFace | Basis::WiegandOrFace),
    }
}

/// Whether a face counts though it is nobody's of the lists, so that no frame of it is to be passed over.
pub(super) const fn takes_any_face(mode: VerifyMode, with_id_card: bool) -> bool {
    match mode.basis {
        Basis::IdCard | Basis::Anybody => true,
        Basis::FaceAndIdCard | Basis::FaceOrIdCard => with_id_card,
        _ => false,
    }
}

/// Holds the evidence against the mode.
pub(super) fn judge(mode: VerifyMode, evidence: &Evidence, rules: &Door, now: LocalTime) -> Judgement {
    let basis = match mode.basis {
        Basis::Face => by_face(evidence),
        Basis::IdCard => by_id_card(evidence, rules, now),
        Basis::FaceAndIdCard => by_face_and_id_card(evidence, rules),
        Basis::FaceOrIdCard => by_face_or_id_card(evidence, rules, now),
        Basis::Anybody => by_anybody(evidence),
        Basis::RfCard => by_card(evidence, CardReader::Rf),
        Basis::Wiegand => by_card(evidence, CardReader::Wiegand),
        Basis::RfCardAndFace => by_card_and_face(evidence, CardReader::Rf),
        Basis::WiegandAndFace => by_card_and_face(evidence, CardReader::Wiegand),
        Basis::RfCardOrFace => by_card_or_face(evidence, CardReader::Rf),
        Basis::WiegandOrFace => by_card_or_face(evidence, CardReader::Wiegand),
    };
    match basis {
        Settled(verified) => with_checks(verified, mode, evidence),
        Nothing | Wants(_) => basis,
    }
}

/// Adds mask and temperature: who would be admitted still needs both, who is refused anyway does not wait for them.
fn with_checks(mut verified: Verified, mode: VerifyMode, evidence: &Evidence) -> Judgement {
    verified.verify_type |= u16::try_from(mode.checks()).unwrap_or(0);
    verified.masked = evidence.masked.filter(|_| mode.mask);
    verified.temperature = evidence.temperature.filter(|_| mode.temperature);
    if verified.decision.verdict == Verdict::Admit {
        match (verified.temperature, verified.masked) {
            (Some(reading), _) if reading.high => verified.decision.verdict = Verdict::Refuse(Refusal::Fever),
            (_, Some(false)) => verified.decision.verdict = Verdict::Refuse(Refusal::NoMask),
            (None, _) if mode.temperature => return Wants(Wanted::Temperature),
            (_, None) if mode.mask => return Wants(Wanted::Mask),
            _ => {}
        }
    }
    Settled(verified)
}

fn settled_face(evidence: &Evidence) -> Option<&FaceSeen> {
    evidence.face.as_ref().filter(|face| face.settled)
}

fn by_face(evidence: &Evidence) -> Judgement {
    settled_face(evidence).map_or(Nothing, |face| Settled(Verified::new(face.decision.clone(), VERIFY_FACE)))
}

fn card_at(evidence: &Evidence, reader: CardReader) -> Option<&CardSeen> {
    evidence.card.as_ref().filter(|card| card.number.reader() == reader)
}

fn by_card(evidence: &Evidence, reader: CardReader) -> Judgement {
    card_at(evidence, reader).map_or(Nothing, |card| {
        let verify_type = match reader {
            CardReader::Rf => VERIFY_RF_CARD,
            CardReader::Wiegand => VERIFY_WIEGAND,
        };
        Settled(Verified { card: Some(card.number.clone()), ..Verified::new(card.decision.clone(), verify_type) })
    })
}

fn by_card_or_face(evidence: &Evidence, reader: CardReader) -> Judgement {
    match by_card(evidence, reader) {
        Nothing => by_face(evidence),
        judgement => judgement,
    }
}

fn by_card_and_face(evidence: &Evidence, reader: CardReader) -> Judgement {
    let (card, face) = match (card_at(evidence, reader), settled_face(evidence)) {
        (Some(card), _) if card.decision.verdict != Verdict::Admit => return by_card(evidence, reader),
        (Some(card), Some(face)) => (card, face),
        (Some(_), None) => return Wants(Wanted::Face),
        (None, Some(face)) if face.decision.verdict == Verdict::Admit => return Wants(Wanted::Card),
        (None, _) => return by_face(evidence),
    };
    let same = card.decision.person.as_ref().map(|p| p.id) == face.decision.person.as_ref().map(|p| p.id);
    let verdict = match face.decision.verdict {
        Verdict::Admit if same => Verdict::Admit,
        Verdict::Admit | Verdict::Stranger => Verdict::Refuse(Refusal::NotBearer),
        Verdict::Refuse(_) | Verdict::NotAlive => return by_face(evidence),
    };
    let verify_type = match reader {
        CardReader::Rf => VERIFY_RF_CARD_AND_FACE,
        CardReader::Wiegand => VERIFY_WIEGAND_AND_FACE,
    };
    let decision = Decision { verdict, similarity: face.decision.similarity, ..card.decision.clone() };
    Settled(Verified { card: Some(card.number.clone()), ..Verified::new(decision, verify_type) })
}

/// The living face before the camera is the one on the identity card, whether or not the lists know it.
fn by_id_card(evidence: &Evidence, rules: &Door, now: LocalTime) -> Judgement {
    let (card, face) = match (&evidence.id_card, &evidence.face) {
        (None, None) => return Nothing,
        (_, Some(face)) if is_barred(&face.decision) => return by_face(evidence),
        (None, Some(_)) => return Wants(Wanted::IdCard),
        (Some(_), None) => return Wants(Wanted::Face),
        (Some(card), Some(face)) => (card, face),
    };
    let Some(verdict) = matches_id_card(card, face, rules) else { return Nothing };
    let person = Some(Arc::new(Person::of_id_card(&card.card, now)));
    let decision = Decision { verdict, person, similarity: 0.0 };
    Settled(on_id_card(Verified::new(decision, VERIFY_ID_CARD), card, face))
}

/// Another's identity card keeps nobody out whose face is on the lists.
fn by_face_or_id_card(evidence: &Evidence, rules: &Door, now: LocalTime) -> Judgement {
    let admits = |judgement: &Judgement| matches!(judgement, Settled(v) if v.decision.verdict == Verdict::Admit);
    let face = by_face(evidence);
    if evidence.id_card.is_none() {
        return face;
    }
    let id_card = by_id_card(evidence, rules, now);
    if admits(&face) && !admits(&id_card) { face } else { id_card }
}

fn by_face_and_id_card(evidence: &Evidence, rules: &Door) -> Judgement {
    let (card, face) = match (&evidence.id_card, settled_face(evidence)) {
        (None, Some(face)) if face.decision.verdict == Verdict::Admit => return Wants(Wanted::IdCard),
        (Some(_), None) => return Wants(Wanted::Face),
        (Some(card), Some(face)) if face.decision.verdict == Verdict::Admit => (card, face),
        (None, _) => return by_face(evidence),
        (Some(card), Some(face)) => {
            let verified = Verified::new(face.decision.clone(), VERIFY_FACE_AND_ID_CARD);
            return Settled(on_id_card(verified, card, face));
        }
    };
    let Some(mut verdict) = matches_id_card(card, face, rules) else { return Nothing };
    // One face may lie near to two people: where the lists know the number of the card, it has to be the same.
    let known = face.decision.person.as_ref().map_or("", |person| person.document_number.trim());
    if verdict == Verdict::Admit && !known.is_empty() && !known.eq_ignore_ascii_case(card.card.number.trim()) {
        verdict = Verdict::Refuse(Refusal::NotBearer);
    }
    let decision = Decision { verdict, ..face.decision.clone() };
    Settled(on_id_card(Verified::new(decision, VERIFY_FACE_AND_ID_CARD), card, face))
}

/// Whether the face is the card's; `None` while that is not certain yet.
fn matches_id_card(card: &IdCardSeen, face: &FaceSeen, rules: &Door) -> Option<Verdict> {
    if is_on_id_card(face, rules) {
        Some(Verdict::Admit)
    } else {
        (card.misses >= ID_CARD_MISSES).then_some(Verdict::Refuse(Refusal::NotBearer))
    }
}

/// Whether the face reaches `IDCardThreshold` against the card's photo.
pub(super) fn is_on_id_card(face: &FaceSeen, rules: &Door) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "50 to 100")]
    let threshold = rules.id_card_threshold.get() as f32;
    face.to_id_card.is_some_and(|similarity| similarity >= threshold)
}

fn on_id_card(verified: Verified, card: &IdCardSeen, face: &FaceSeen) -> Verified {
    let id_similarity = face.to_id_card.unwrap_or(0.0);
    Verified { id_similarity, id_card: Some(card.card.clone()), ..verified }
}

/// Mask and temperature are all that counts, but who is on the block list stays out.
fn by_anybody(evidence: &Evidence) -> Judgement {
    match &evidence.face {
        None => Nothing,
        Some(face) if is_barred(&face.decision) => by_face(evidence),
        Some(_) => Settled(Verified::new(Decision { verdict: Verdict::Admit, person: None, similarity: 0.0 }, 0)),
    }
}

/// Whether a face is kept out in every mode that looks at it.
fn is_barred(decision: &Decision) -> bool {
    decision.verdict == Verdict::NotAlive || decision.person.as_ref().is_some_and(|person| person.list == List::Block)
}

#[cfg(test)]
mod tests;
