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
mod tests {
    use super::super::session::{Heard, Liveness, Look, Now, Session};
    use super::*;
    use crate::access::card::CardFormat;
    use crate::access::person::{LibId, Validity};
    use crate::clock::Mono;
    use crate::field::Int;

    const RESET_MS: u64 = 2000;

    /// Plays a presentation and writes down what is heard. A letter is a thing presented:
    ///
    /// - faces: `L` Li's, `W` Wang's, `B` blocked Bao's, `E` expired Er's, `X` a photo of Li, `S` a stranger's, long enough
    ///   to be one
    /// - cards: `l`, `w`, `b`, `e` theirs at the Wiegand reader, `u` one nobody bears; with `#` before it at the RF reader
    /// - `I` Li's identity card, `J` Wang's; whoever is before the camera keeps standing there
    /// - `M` a mask is worn, `m` it is not; `T` a normal temperature, `t` fever
    /// - `-` the face goes; `.` half the reset time passes, `_` the reset time passes
    fn play(mode: i64, presented: &str) -> String {
        let mode = VerifyMode::from_number(mode).unwrap();
        let rules = Door { verify_mode: mode, verify_reset_s: Int::of(2), ..Door::default() };
        let (mut session, mut ms, mut heard) = (Session::default(), 0, Vec::new());
        let (mut on_id_card, mut face, mut rf) = (None, None::<(u64, Option<char>, bool)>, false);
        let mut say = |what: Option<Heard>| {
            heard.extend(what.map(|heard| match heard {
                Heard::Wants(wanted) => format!("{wanted:?}?"),
                Heard::Ripe(ripe) => {
                    let Verified { decision, verify_type, .. } = ripe.verified;
                    let why = match decision.verdict {
                        Verdict::Refuse(refusal) => format!("{refusal:?}"),
                        verdict => format!("{verdict:?}"),
                    };
                    let who = decision.person.map_or_else(String::new, |person| person.name.clone());
                    format!("{why} {who} {verify_type:#x}").replace("  ", " ")
                }
            }));
        };
        for letter in presented.chars() {
            let now = Now { mono: Mono(ms * 1000), local: LocalTime::parse("2026-01-01T12:00:00").unwrap() };
            let look = |track: u64, name: Option<char>, alive, on_id_card: Option<char>| Look {
                track,
                person: name.and_then(person),
                similarity: if name.is_some() { 90.0 } else { 10.0 },
                liveness: Liveness::Alive(alive),
                to_id_card: on_id_card.map(|on| if Some(on) == name { 90.0 } else { 10.0 }),
            };
            match letter {
                '.' => ms += RESET_MS / 2,
                '_' => ms += RESET_MS,
                '-' => {
                    if let Some((track, ..)) = face.take() {
                        session.gone(track);
                    }
                }
                '#' => rf = true,
                'L' | 'W' | 'B' | 'E' => {
                    face = Some((letter as u64, Some(letter), true));
                    say(session.look(&look(letter as u64, Some(letter), true, on_id_card), &rules, now));
                }
                'X' => say(session.look(&look(99, Some('L'), false, on_id_card), &rules, now)),
                'S' => {
                    face = Some((98, None, true));
                    for _ in 0..5 {
                        say(session.look(&look(98, None, true, on_id_card), &rules, now));
                    }
                }
                'l' | 'w' | 'b' | 'e' | 'u' => {
                    let number = match std::mem::take(&mut rf) {
                        true => CardNumber::Rf(letter.to_string()),
                        false => CardNumber::Wiegand(Card::new(CardFormat::W34, None, letter as u32).unwrap()),
                    };
                    say(session.card(number, person(letter.to_ascii_uppercase()), &rules, now));
                }
                'I' | 'J' => {
                    let on = if letter == 'I' { 'L' } else { 'W' };
                    on_id_card = Some(on);
                    let card = IdCard { number: on.to_string(), name: on.to_string(), ..IdCard::default() };
                    say(session.id_card(Arc::new(card), &rules, now));
                    // Enough frames of whoever is there for a face that is not the card's.
                    for _ in 0..6 {
                        if let Some((track, name, alive)) = face {
                            say(session.look(&look(track, name, alive, on_id_card), &rules, now));
                        }
                    }
                }
                'M' | 'm' => say(session.mask(letter == 'M', &rules, now)),
                'T' => say(session.temperature(Reading { celsius: 36.5, high: false }, &rules, now)),
                't' => say(session.temperature(Reading { celsius: 38.5, high: true }, &rules, now)),
                _ => panic!("{letter} means nothing"),
            }
        }
        heard.join(", ")
    }

    /// Li, Wang, Bao and Er: on the allow list, but for blocked Bao; Er's time is over.
    fn person(name: char) -> Option<Arc<Person>> {
        let over = Validity::Window { begin: LocalTime::UNSET, end: LocalTime::UNSET };
        let (id, list, validity) = match name {
            'L' => (1, List::Allow, Validity::Permanent),
            'W' => (2, List::Allow, Validity::Permanent),
            'B' => (3, List::Block, Validity::Permanent),
            'E' => (4, List::Allow, over),
            _ => return None,
        };
        let document_number = if name == 'L' { "L".to_owned() } else { String::new() };
        let known = Person {
            id: LibId(id),
            name: name.to_string(),
            list,
            validity,
            document_number,
            ..Person::new(LocalTime::UNSET)
        };
        Some(Arc::new(known))
    }

    fn check(rows: &[(i64, &str, &str)]) {
        let wrong: Vec<String> = rows
            .iter()
            .map(|(mode, presented, expect)| (mode, presented, expect, play(*mode, presented)))
            .filter(|(_, _, expect, heard)| *expect != heard)
            .map(|(mode, presented, expect, heard)| format!("{mode} {presented}: {heard}; expected {expect}"))
            .collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn faces_alone() {
        check(&[
            (1, "L", "Admit L 0x1"),
            (1, "L.L", "Admit L 0x1"),
            (1, "L_L", "Admit L 0x1, Admit L 0x1"),
            (1, "LW", "Admit L 0x1, Admit W 0x1"),
            (1, "S", "Stranger 0x1"),
            (1, "S_S", "Stranger 0x1"),
            (1, "B", "Blocked B 0x1"),
            (1, "E", "Expired E 0x1"),
            (1, "X", "NotAlive 0x1"),
            (1, "XL", "NotAlive 0x1, Admit L 0x1"),
            (1, "l", ""),
            (1, "#l", ""),
            (1, "I", ""),
            (1, "TM", ""),
        ]);
    }

    #[test]
    fn identity_cards() {
        check(&[
            (2, "L", "IdCard?"),
            (2, "L.L", "IdCard?"),
            (2, "L_L", "IdCard?, IdCard?"),
            (2, "I", "Face?"),
            (2, "IL", "Face?, Admit L 0x2"),
            (2, "I.L", "Face?, Admit L 0x2"),
            (2, "I_L", "Face?, IdCard?"),
            (2, "LI", "IdCard?, Admit L 0x2"),
            (2, "L.I", "IdCard?, Admit L 0x2"),
            (2, "L_I", "IdCard?, Face?, Admit L 0x2"),
            (2, "L-_I", "IdCard?, Face?"),
            (2, "WJ", "IdCard?, Admit W 0x2"),
            (2, "IW", "Face?"),
            (2, "IWWWWW", "Face?, NotBearer L 0x2"),
            (2, "WI", "IdCard?, NotBearer L 0x2"),
            (2, "SI", "IdCard?, NotBearer L 0x2"),
            (2, "IB", "Face?, Blocked B 0x1"),
            (2, "IX", "Face?, NotAlive 0x1"),
            (2, "l", ""),
            (3, "L", "IdCard?"),
            (3, "I", "Face?"),
            (3, "IL", "Face?, Admit L 0x3"),
            (3, "I.L", "Face?, Admit L 0x3"),
            (3, "I_L", "Face?, IdCard?"),
            (3, "LI", "IdCard?, Admit L 0x3"),
            (3, "L.I", "IdCard?, Admit L 0x3"),
            (3, "L-.I", "IdCard?"),
            (3, "L-_I", "IdCard?, Face?"),
            (3, "WJ", "IdCard?, Admit W 0x3"),
            (3, "WI", "IdCard?, NotBearer W 0x3"),
            (3, "LJ", "IdCard?, NotBearer L 0x3"),
            (3, "S", "Stranger 0x1"),
            (3, "SI", "Stranger 0x1"),
            (3, "IS", "Face?, Stranger 0x3"),
            (3, "B", "Blocked B 0x1"),
            (3, "IE", "Face?, Expired E 0x3"),
            (3, "IX", "Face?, NotAlive 0x3"),
            (4, "L", "Admit L 0x1"),
            (4, "S", "Stranger 0x1"),
            (4, "I", "Face?"),
            (4, "IL", "Face?, Admit L 0x2"),
            (4, "I_L", "Face?, Admit L 0x1"),
            (4, "IW", "Face?, Admit W 0x1"),
            (4, "IS", "Face?, NotBearer L 0x2"),
            (4, "LI", "Admit L 0x1, Face?"),
            (4, "IB", "Face?, Blocked B 0x1"),
            (4, "IX", "Face?, NotAlive 0x1"),
        ]);
    }

    /// Both kinds of readers follow the same rules, each in its three modes.
    #[test]
    fn cards() {
        let rows = [
            // A card alone: 21 and 24.
            (0, "l", "Admit L CARD"),
            (0, "l.l", "Admit L CARD"),
            (0, "l_l", "Admit L CARD, Admit L CARD"),
            (0, "lw", "Admit L CARD, Admit W CARD"),
            (0, "u", "UnknownCard CARD"),
            (0, "b", "Blocked B CARD"),
            (0, "e", "Expired E CARD"),
            (0, "L", ""),
            (0, "S", ""),
            (0, "X", ""),
            (0, "Il", "Admit L CARD"),
            // A card and the face of its bearer: 22 and 25.
            (1, "L", "Card?"),
            (1, "L.L", "Card?"),
            (1, "L_L", "Card?, Card?"),
            (1, "l", "Face?"),
            (1, "Ll", "Card?, Admit L BOTH"),
            (1, "lL", "Face?, Admit L BOTH"),
            (1, "L-.l", "Card?, Admit L BOTH"),
            (1, "l.L", "Face?, Admit L BOTH"),
            (1, "L-_l", "Card?, Face?"),
            (1, "l_L", "Face?, Card?"),
            (1, "LlLl", "Card?, Admit L BOTH"),
            (1, "Wl", "Card?, NotBearer L BOTH"),
            (1, "lW", "Face?, NotBearer L BOTH"),
            (1, "S", "Stranger 0x1"),
            (1, "Sl", "Stranger 0x1, NotBearer L BOTH"),
            (1, "S-l", "Stranger 0x1, Face?"),
            (1, "lS", "Face?, NotBearer L BOTH"),
            (1, "u", "UnknownCard CARD"),
            (1, "uL", "UnknownCard CARD, Card?"),
            (1, "B", "Blocked B 0x1"),
            (1, "Bb", "Blocked B 0x1"),
            (1, "b", "Blocked B CARD"),
            (1, "lB", "Face?, Blocked B 0x1"),
            (1, "eE", "Expired E CARD"),
            (1, "lX", "Face?, NotAlive 0x1"),
            (1, "lXL", "Face?, NotAlive 0x1, Card?"),
            (1, "I", ""),
            // Either: 23 and 26.
            (2, "L", "Admit L 0x1"),
            (2, "l", "Admit L CARD"),
            (2, "Ll", "Admit L 0x1"),
            (2, "lL", "Admit L CARD"),
            (2, "L_l", "Admit L 0x1, Admit L CARD"),
            (2, "l_L", "Admit L CARD, Admit L 0x1"),
            (2, "lW", "Admit L CARD, Admit W 0x1"),
            (2, "S", "Stranger 0x1"),
            (2, "Sw", "Stranger 0x1, Admit W CARD"),
            (2, "u", "UnknownCard CARD"),
            (2, "B", "Blocked B 0x1"),
            (2, "b", "Blocked B CARD"),
            (2, "Xl", "NotAlive 0x1, Admit L CARD"),
        ];
        for (first, reader, card, both) in [(21, "#", "0x15", "0x16"), (24, "", "0x18", "0x19")] {
            for (mode, presented, expect) in rows {
                let at = |reader: &str| {
                    let letters = presented.chars();
                    letters
                        .map(|c| if c.is_ascii_lowercase() { format!("{reader}{c}") } else { c.to_string() })
                        .collect::<String>()
                };
                let expect = expect.replace("CARD", card).replace("BOTH", both);
                check(&[(first + mode, &at(reader), &expect)]);
                // A card at the other reader counts for nothing.
                let other = if reader.is_empty() { "#" } else { "" };
                let faces: String = presented.chars().filter(|c| !c.is_ascii_lowercase()).collect();
                assert_eq!(play(first + mode, &at(other)), play(first + mode, &faces), "{} {presented}", first + mode);
            }
        }
    }

    #[test]
    fn masks_and_temperature() {
        check(&[
            // Any face at all.
            (0x105, "L", "Mask?"),
            (0x105, "LM", "Mask?, Admit 0x100"),
            (0x105, "ML", "Admit 0x100"),
            (0x105, "M.L", "Admit 0x100"),
            (0x105, "M_L", "Mask?"),
            (0x105, "L-_M", "Mask?"),
            (0x105, "Lm", "Mask?, NoMask 0x100"),
            (0x105, "SM", "Mask?, Admit 0x100"),
            (0x105, "BM", "Blocked B 0x101"),
            (0x105, "MX", "NotAlive 0x101"),
            (0x105, "M", ""),
            (0x105, "LMLM", "Mask?, Admit 0x100"),
            (0x205, "LT", "Temperature?, Admit 0x200"),
            (0x205, "TL", "Admit 0x200"),
            (0x205, "T_L", "Temperature?"),
            (0x205, "Lt", "Temperature?, Fever 0x200"),
            (0x305, "LTM", "Temperature?, Mask?, Admit 0x300"),
            (0x305, "LMT", "Temperature?, Admit 0x300"),
            (0x305, "TML", "Admit 0x300"),
            (0x305, "T_ML", "Temperature?"),
            (0x305, "LtM", "Temperature?, Fever 0x300"),
            (0x305, "Lm", "Temperature?, NoMask 0x300"),
            // With a face of the lists.
            (0x101, "L", "Mask?"),
            (0x101, "LM", "Mask?, Admit L 0x101"),
            (0x101, "ML", "Admit L 0x101"),
            (0x101, "M.L", "Admit L 0x101"),
            (0x101, "M_L", "Mask?"),
            (0x101, "Lm", "Mask?, NoMask L 0x101"),
            (0x101, "S", "Stranger 0x101"),
            (0x101, "B", "Blocked B 0x101"),
            (0x201, "LT", "Temperature?, Admit L 0x201"),
            (0x201, "TL", "Admit L 0x201"),
            (0x201, "L-.T", "Temperature?, Admit L 0x201"),
            (0x201, "L-_T", "Temperature?"),
            (0x201, "tL", "Fever L 0x201"),
            (0x201, "TLW", "Admit L 0x201, Temperature?"),
            (0x301, "MTL", "Admit L 0x301"),
            (0x301, "MLT", "Temperature?, Admit L 0x301"),
            (0x301, "mTL", "NoMask L 0x301"),
            (0x301, "mtL", "Fever L 0x301"),
            // With cards.
            (0x118, "l", "Mask?"),
            (0x118, "lM", "Mask?, Admit L 0x118"),
            (0x218, "Tl", "Admit L 0x218"),
            (0x218, "l_T", "Temperature?"),
            (0x319, "lLTM", "Face?, Temperature?, Mask?, Admit L 0x319"),
            (0x319, "TMLl", "Card?, Admit L 0x319"),
            (0x319, "lLtM", "Face?, Temperature?, Fever L 0x319"),
            (0x319, "TMWl", "Card?, NotBearer L 0x319"),
            (0x31A, "TMl", "Admit L 0x318"),
            (0x31A, "TML", "Admit L 0x301"),
            (0x115, "#lM", "Mask?, Admit L 0x115"),
            (0x216, "#lLT", "Face?, Temperature?, Admit L 0x216"),
            (0x117, "M#l", "Admit L 0x115"),
            // With identity cards.
            (0x102, "MIL", "Face?, Admit L 0x102"),
            (0x202, "ILT", "Face?, Temperature?, Admit L 0x202"),
            (0x103, "ILm", "Face?, Mask?, NoMask L 0x103"),
            (0x204, "TI-L", "Face?, Admit L 0x202"),
        ]);
    }
}
