//! What follows from a decision: outputs first, then record, tip and note. And what the platform wants: openings from
//! afar (3.20) and its verdicts over passages (3.2.3).

use std::sync::Arc;
use std::time::Duration;

use tracing::info;

use super::decisions::Note;
use super::{Running, reset};
use crate::access::decide::{Verdict, opening, stranger_frame};
use crate::access::record::{CaptureRecord, ControlRecord, PictureType, VERIFY_REMOTE, VerifyStatus};
use crate::access::session::{Heard, Now, Ripe};
use crate::access::{CardNumber, LibId, Notice, Person, Refusal, Verified, Wanted, What};
use crate::clock::Mono;
use crate::door;
use crate::settings::{CardMode, OpenWay, Settings};
use crate::store::Picture;
use crate::ui::{Message, Said};
use crate::vision::{Frame, Rect, Sighting};

/// A shorter `IOStayTime`, 0 among them, would move no lock.
const SHORTEST_HOLD: Duration = Duration::from_millis(5);
/// How long the platform has for its verdict: a record sent again comes later than this (3.12).
const VERDICT_TIME: Duration = Duration::from_secs(10);

/// What a decision was made on, for its note.
pub(super) struct Cause {
    at: Mono,
    liveness: Option<f32>,
    engine: Duration,
}

impl Cause {
    pub(super) fn look(sighting: &Sighting) -> Self {
        let liveness = sighting.liveness.map(|l| l.score);
        Self { at: sighting.frame.at, liveness, engine: sighting.engine_time }
    }

    /// Something else than a frame, at that moment.
    pub(super) const fn reader(at: Mono) -> Self {
        Self { at, liveness: None, engine: Duration::ZERO }
    }
}

/// The passage the platform is asked about: the newest alone.
#[derive(Default)]
pub(super) struct Asked {
    last: u64,
    open: Option<Question>,
}

struct Question {
    number: u64,
    person: Option<Arc<Person>>,
    card: Option<CardNumber>,
    spends: Option<LibId>,
    until: Mono,
}

impl Asked {
    /// A number for the next passage that no earlier one had, not even before a restart.
    fn next(&mut self) -> u64 {
        if self.last == 0 {
            self.last = getrandom::u64().unwrap_or_default() >> 1;
        }
        self.last += 1;
        self.last
    }
}

impl Running {
    pub(super) fn hear(&mut self, heard: Option<Heard>, cause: Cause, settings: &Settings, now: Now) {
        match heard {
            None => {}
            Some(Heard::Wants(wanted)) => {
                let said = match wanted {
                    Wanted::Face => Said::ShowFace,
                    Wanted::Card => Said::ShowCard,
                    Wanted::IdCard => Said::ShowIdCard,
                    Wanted::Mask => Said::WearMask,
                    Wanted::Temperature => Said::Measuring,
                };
                self.parts.presenter.say(Message::new(said, now.mono.after(reset(settings))));
            }
            Some(Heard::Ripe(ripe)) => self.conclude(&ripe, &cause, settings, now),
        }
    }

    fn conclude(&mut self, Ripe { verified, spends }: &Ripe, cause: &Cause, settings: &Settings, now: Now) {
        let decision = &verified.decision;
        let decided = self.parts.clock.mono();
        let asks = decision.verdict == Verdict::Admit && settings.door.open_way == OpenWay::FaceThenRemote;
        let relay = match decision.verdict {
            Verdict::Admit if !asks => self.open(decision.person.as_deref(), settings),
            Verdict::Stranger => {
                if let Some(frame) = stranger_frame(&settings.door) {
                    self.perform(door::Action::Wiegand(frame));
                }
                None
            }
            Verdict::Admit | Verdict::Refuse(_) | Verdict::NotAlive => None,
        };
        let mut question = 0;
        if asks {
            question = self.asked.next();
            let (person, card) = (decision.person.clone(), verified.card.clone());
            let until = now.mono.after(VERDICT_TIME);
            self.asked.open = Some(Question { number: question, person, card, spends: *spends, until });
        } else if let Some(id) = spends {
            self.parts.store.spend_use(*id);
        }
        self.keep(verified, question, settings, now);
        if !asks {
            self.tell_person(verified, settings, now.mono);
        }
        let person = decision.person.as_deref();
        let (verdict, reason) = match asks {
            true => ("ask", "the platform is asked"),
            false => (decision.verdict.word(), decision.verdict.reason()),
        };
        info!(person = person.map(|p| p.id.0), similarity = decision.similarity, verdict, "decided");
        self.parts.decisions.note(Note {
            who: person.map(Into::into),
            similarity: decision.similarity,
            verify_type: verified.verify_type,
            liveness: cause.liveness,
            frame_to_decision: decided.since(cause.at),
            frame_to_relay: relay.map(|at| at.since(cause.at)),
            engine: cause.engine,
            ..Note::new(now.local, verdict, reason)
        });
    }

    /// Opens the door for an admitted person, or for nobody in particular; says when the relay was driven.
    pub(super) fn open(&mut self, person: Option<&Person>, settings: &Settings) -> Option<Mono> {
        let rules = &settings.door;
        let opening = opening(person, rules);
        let hold = Duration::from_millis(u64::from(rules.io_stay_ms.u32())).max(SHORTEST_HOLD);
        self.step_door(door::Event::Open { opening, io_type: rules.io_type, hold })
    }

    /// Leaves the record behind: people in the control records, strangers among the captures.
    fn keep(&self, verified: &Verified, question: u64, settings: &Settings, now: Now) {
        let (decision, way) = (&verified.decision, settings.door.open_way);
        let picture = || self.picture(settings, now.mono);
        match decision.verdict {
            Verdict::Stranger | Verdict::NotAlive => {
                let kind =
                    if verified.id_card.is_some() { PictureType::IdCardUnmatched } else { PictureType::Unmatched };
                let record = CaptureRecord { temperature: verified.temperature, ..CaptureRecord::new(now.local, kind) };
                self.parts.store.append_capture(record, picture(), true);
            }
            Verdict::Admit | Verdict::Refuse(_) if decision.is_recorded(way) => {
                let record = ControlRecord {
                    person: decision.person.clone(),
                    similarity: decision.similarity,
                    id_similarity: verified.id_similarity,
                    temperature: verified.temperature,
                    masked: verified.masked,
                    question,
                    ..ControlRecord::new(now.local, decision.status(way), verified.verify_type)
                };
                self.parts.store.append_control(record, picture(), true);
                if let (Verdict::Admit, 0, Some(card)) = (decision.verdict, question, &verified.card) {
                    self.keep_card(card, settings, now);
                }
            }
            Verdict::Admit | Verdict::Refuse(_) => {}
        }
    }

    /// Leaves behind that a card was admitted (3.12.7).
    fn keep_card(&self, card: &CardNumber, settings: &Settings, now: Now) {
        let notice = Notice::new(now.local, What::Card(card_text(card, settings)));
        self.parts.store.append_notice(notice, self.picture(settings, now.mono));
    }

    /// The face that is before the camera, where pictures are kept.
    pub(super) fn picture(&self, settings: &Settings, now: Mono) -> Option<Picture> {
        let sighting = self.presented.face(now, settings).filter(|_| settings.system.keep_pictures.on())?;
        let crop = surroundings(&sighting.frame, sighting.face.bbox);
        Some(Picture { frame: sighting.frame.pixels.clone(), crop })
    }

    fn tell_person(&self, verified: &Verified, settings: &Settings, now: Mono) {
        let said = match verified.decision.verdict {
            Verdict::Admit => Said::Pass,
            Verdict::Stranger => Said::Stranger,
            Verdict::NotAlive => Said::NotAlive,
            Verdict::Refuse(Refusal::NoMask) => Said::NoMask,
            Verdict::Refuse(Refusal::Fever) => Said::Fever,
            Verdict::Refuse(Refusal::UnknownCard) => Said::UnknownCard,
            Verdict::Refuse(Refusal::NotBearer) => Said::NotBearer,
            Verdict::Refuse(
                Refusal::Blocked | Refusal::NotYetValid | Refusal::Expired | Refusal::OutsideHours | Refusal::UsesSpent,
            ) => Said::Refused,
        };
        let taken = self.presented.face(now, settings).map(|s| (s.frame.clone(), s.face.bbox));
        self.parts.presenter.say(Message {
            person: verified.decision.person.clone(),
            taken,
            card: verified.card.as_ref().map(|card| card_text(card, settings)),
            id_card: verified.id_card.as_ref().map(|card| card.number.clone()),
            temperature: verified.temperature,
            ..Message::new(said, now.after(reset(settings)))
        });
    }

    pub(super) fn open_remotely(&mut self, text: Option<String>, settings: &Settings) {
        if settings.door.open_way == OpenWay::Face {
            return info!("not opened remotely: faces alone open now");
        }
        let relay = self.open(None, settings);
        let now = self.now(settings);
        let record = ControlRecord::new(now.local, VerifyStatus::Allowed, VERIFY_REMOTE);
        self.parts.store.append_control(record, None, settings.door.open_way != OpenWay::Remote);
        if let Some(text) = text {
            let said = Said::Platform { text, good: true };
            self.parts.presenter.say(Message::new(said, now.mono.after(reset(settings))));
        }
        info!("opened remotely");
        self.parts.decisions.note(Note {
            frame_to_relay: relay.map(|_| Duration::ZERO),
            ..Note::new(now.local, "remote", "opened by the platform")
        });
    }

    /// The platform's verdict over the passage it was asked about. One that comes late, twice, or about an earlier
    /// passage opens nothing.
    pub(super) fn remote_verdict(&mut self, number: u64, open: bool, text: Option<String>, settings: &Settings) {
        let now = self.now(settings);
        let current = settings.door.open_way == OpenWay::FaceThenRemote;
        let asked = self.asked.open.take_if(|asked| asked.number == number);
        let Some(asked) = asked.filter(|asked| current && now.mono < asked.until) else {
            return info!("the platform's verdict comes too late, or about another passage");
        };
        let relay = if open { self.open(asked.person.as_deref(), settings) } else { None };
        if open {
            asked.spends.into_iter().for_each(|id| self.parts.store.spend_use(id));
            asked.card.iter().for_each(|card| self.keep_card(card, settings, now));
        }
        let said = match text {
            Some(text) => Said::Platform { text, good: open },
            None if open => Said::Pass,
            None => Said::Refused,
        };
        let message = Message::new(said, now.mono.after(reset(settings)));
        self.parts.presenter.say(Message { person: asked.person.clone(), ..message });
        let (verdict, reason) = match open {
            true => ("admit", "the platform admits"),
            false => ("refuse", "the platform refuses"),
        };
        info!(person = asked.person.as_ref().map(|p| p.id.0), verdict, "the platform has decided");
        self.parts.decisions.note(Note {
            who: asked.person.as_deref().map(Into::into),
            frame_to_relay: relay.map(|_| Duration::ZERO),
            ..Note::new(now.local, verdict, reason)
        });
    }
}

/// A card's number as platforms are told (3.12.7): that of a Wiegand card as `CardMode` has it.
fn card_text(card: &CardNumber, settings: &Settings) -> String {
    match (card, settings.door.card_mode) {
        (CardNumber::Rf(number), _) => number.clone(),
        (CardNumber::Wiegand(card), CardMode::Decimal) => card.whole().to_string(),
        (CardNumber::Wiegand(card), CardMode::Hex) => format!("{:X}", card.whole()),
    }
}

/// The part of a frame that shows a face with its surroundings: x, y, width, height.
#[must_use]
pub fn surroundings(frame: &Frame, face: Rect) -> (u32, u32, u32, u32) {
    let (width, height) = frame.pixels.dimensions();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the frame")]
    let clamp = |value: f32, most: u32| value.clamp(0.0, f32::from(u16::try_from(most).unwrap_or(u16::MAX))) as u32;
    let (dx, dy) = (face.width() * 0.5, face.height() * 0.4);
    let (x1, y1) = (clamp(face.x1 - dx, width), clamp(face.y1 - dy, height));
    let (x2, y2) = (clamp(face.x2 + dx, width), clamp(face.y2 + dy, height));
    (x1, y1, x2.saturating_sub(x1).max(1), y2.saturating_sub(y1).max(1))
}
