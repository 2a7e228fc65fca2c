//! The one loop in which everything that happens meets: a closed set of events in, actions out.
//!
//! It asks `access` who may pass and `door` what to switch, drives the outputs first, and only then leaves
//! the record, the tip on the screen and the note of the decision behind. It never waits for a disk.

pub mod decisions;

use std::sync::Arc;
use std::time::Duration;

use tracing::{error, info};

use crate::access::decide::{Decision, Verdict, opening, stranger_frame};
use crate::access::record::{CaptureRecord, ControlRecord, PictureType, VERIFY_FACE, VERIFY_REMOTE, VerifyStatus};
use crate::access::session::{Liveness, Look, Now, Session};
use crate::access::{IdCard, LibId, WiegandFrame};
use crate::clock::{Clock, Inbox, Mono, Outbound};
use crate::door::{self, Door};
use crate::hal::{Output, WiegandOut};
use crate::settings::{OpenWay, Settings};
use crate::store::{Picture, Store};
use crate::ui::{Message, Presenter, Said};
use crate::vision::{Embedding, Frame, Rect, Sighting, TrackId};
use decisions::{Decisions, Note};

/// A shorter `IOStayTime`, 0 among them, would move no lock.
const SHORTEST_HOLD: Duration = Duration::from_millis(5);

/// All that can wake the loop.
#[derive(Debug)]
pub enum Event {
    /// A face was looked at.
    Sighting(Sighting),
    /// A face has left the picture.
    Gone(TrackId),
    /// Somebody presented something else than a face.
    Presented(Credential),
    /// An input of the door has changed.
    Input(Input),
    /// The mask detector has looked at the face before the camera.
    Mask(bool),
    /// The thermal sensor has measured whoever stands before it, degrees Celsius as the sensor says.
    Temperature(f64),
    /// Somebody wants something done.
    Command(Command),
    /// The terminal stops.
    Stop,
}

/// What people present beside their face.
#[derive(Clone, Debug)]
pub enum Credential {
    /// A card at the Wiegand reader.
    Wiegand(WiegandFrame),
    /// A card at the RF reader: its number in the hexadecimal digits of a RF card (3.10.5).
    RfCard(String),
    /// An identity card.
    IdCard(Box<ReadIdCard>),
    /// Digits at the keypad, the enter key pressed.
    Pin(String),
    /// A QR code before the camera.
    QrCode(String),
}

/// An identity card as its reader tells it (3.12.6).
#[derive(Clone, Debug)]
pub struct ReadIdCard {
    /// What it says.
    pub card: IdCard,
    /// The photo on it.
    pub photo: Option<Arc<image::RgbImage>>,
    /// Of that photo; `None` when it shows no face.
    pub embedding: Option<Embedding>,
}

/// A change of an input of the door.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Input {
    /// Which.
    pub role: InputRole,
    /// Whether it is on: the button pressed, the door open, the case open, the alarm given.
    pub on: bool,
}

/// What an input of the door tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InputRole {
    /// Request to exit.
    Exit,
    /// Door contact.
    Contact,
    /// Case contact.
    Tamper,
    /// Fire alarm.
    Fire,
}

/// What the platform, or an operator, wants done.
#[derive(Clone, Debug)]
pub enum Command {
    /// Open the door as if somebody had been admitted (3.20); `text` is shown on the screen.
    Open {
        /// Shown on the screen; `None`: nothing is shown.
        text: Option<String>,
    },
    /// Settings have changed: look at them again.
    Settings,
}

/// What the loop works with.
pub struct Control {
    /// Where events arrive.
    pub inbox: Inbox<Event>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// People and records.
    pub store: Arc<Store>,
    /// The settings in force.
    pub settings: Arc<crate::settings::Live>,
    /// The relay, where the board has one.
    pub relay: Option<Output>,
    /// Lines to a door controller, where the board has them.
    pub wiegand: Option<Outbound<Option<WiegandFrame>>>,
    /// Who tells people.
    pub presenter: Presenter,
    /// What was decided.
    pub decisions: Arc<Decisions>,
}

impl std::fmt::Debug for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Control").finish_non_exhaustive()
    }
}

impl Control {
    /// Runs until [`Event::Stop`]; leaves the relay at rest.
    pub fn run(mut self) {
        let mut door = Door::default();
        let mut session = Session::default();
        // The relay's state is asserted at start, whatever it was before.
        let io_type = self.settings.now().door.io_type;
        let at_rest = door.rest(io_type).unwrap_or(door::Action::Relay { closed: false });
        self.perform(at_rest);
        loop {
            let event = self.inbox.next(&*self.clock, door.deadline());
            let now = self.clock.mono();
            let mut due = door.step(door::Event::Tick, now);
            // The kind of the relay may have been changed while it was held.
            due.extend(door.rest(self.settings.now().door.io_type));
            due.into_iter().for_each(|action| self.perform(action));
            match event {
                None => {}
                Some(Event::Sighting(sighting)) => self.look(&sighting, &mut session, &mut door),
                Some(Event::Gone(track)) => {
                    session.gone(track.0);
                    self.presenter.face_gone();
                }
                Some(Event::Command(Command::Open { text })) => self.open_remotely(text, &mut door),
                // Waking up is all it takes: settings are read for every event.
                Some(Event::Command(Command::Settings)) => {}
                Some(Event::Presented(_) | Event::Input(_) | Event::Mask(_) | Event::Temperature(_)) => {}
                Some(Event::Stop) => break,
            }
        }
        let io_type = self.settings.now().door.io_type;
        self.perform(door::Action::Relay { closed: io_type == crate::settings::IoType::Open });
        if let Some(wiegand) = &self.wiegand {
            wiegand.send(None);
        }
    }

    fn look(&mut self, sighting: &Sighting, session: &mut Session, door: &mut Door) {
        let settings = self.settings.now();
        self.presenter.face(sighting.face.bbox);
        if sighting.quality.is_err() {
            return;
        }
        let wall = self.clock.wall();
        let now = Now { mono: self.clock.mono(), local: settings.ntp.local(wall) };
        let best = sighting.best.as_ref();
        let look = Look {
            track: sighting.track.0,
            person: best.and_then(|m| self.store.person(LibId(m.id))),
            similarity: best.map_or(0.0, |m| m.similarity.get()),
            liveness: match sighting.liveness.map(|l| l.alive) {
                None => Liveness::Off,
                Some(None) => Liveness::Undecided,
                Some(Some(alive)) => Liveness::Alive(alive),
            },
        };
        let Some(ripe) = session.look(&look, &settings.door, now) else { return };
        let decided = self.clock.mono();
        let relay = self.act(&ripe.decision, &settings, door);
        if let Some(id) = ripe.spends {
            self.store.spend_use(id);
        }
        self.keep(&ripe.decision, sighting, &settings, now);
        self.tell(&ripe.decision, sighting, &settings, now.mono);
        let person = ripe.decision.person.as_deref();
        info!(
            person = person.map(|p| p.id.0),
            similarity = ripe.decision.similarity,
            verdict = ripe.decision.verdict.word(),
            "decided"
        );
        self.decisions.note(Note {
            seq: 0,
            time: now.local,
            who: person.map(Into::into),
            similarity: ripe.decision.similarity,
            liveness: sighting.liveness.map(|l| l.score),
            verdict: ripe.decision.verdict.word(),
            reason: ripe.decision.verdict.reason(),
            frame_to_decision: decided.since(sighting.frame.at),
            frame_to_relay: relay.map(|at| at.since(sighting.frame.at)),
            engine: sighting.engine_time,
        });
    }

    /// Drives the outputs; says when the relay was driven.
    fn act(&mut self, decision: &Decision, settings: &Settings, door: &mut Door) -> Option<Mono> {
        match decision.verdict {
            Verdict::Admit if settings.door.open_way != OpenWay::FaceThenRemote => {
                self.open(decision.person.as_deref(), settings, door)
            }
            Verdict::Stranger => {
                if let Some(frame) = stranger_frame(&settings.door) {
                    self.perform(door::Action::Wiegand(frame));
                }
                None
            }
            Verdict::Admit | Verdict::Refuse(_) | Verdict::NotAlive => None,
        }
    }

    fn open(&mut self, person: Option<&crate::access::Person>, settings: &Settings, door: &mut Door) -> Option<Mono> {
        let rules = &settings.door;
        let opening = opening(person, rules);
        let hold = Duration::from_millis(u64::from(rules.io_stay_ms.u32())).max(SHORTEST_HOLD);
        let mut relay = None;
        for action in door.step(door::Event::Open { opening, io_type: rules.io_type, hold }, self.clock.mono()) {
            self.perform(action);
            if matches!(action, door::Action::Relay { .. }) {
                relay = Some(self.clock.mono());
            }
        }
        relay
    }

    fn perform(&mut self, action: door::Action) {
        match action {
            door::Action::Relay { closed } => {
                let Some(relay) = &mut self.relay else { return };
                let driven = if closed { relay.set_high() } else { relay.set_low() };
                if let Err(error) = driven {
                    error!(%error, closed, "the relay cannot be driven");
                }
            }
            door::Action::Wiegand(frame) => {
                if let Some(wiegand) = &self.wiegand {
                    wiegand.send(Some(frame));
                }
            }
        }
    }

    /// Leaves the record behind: people in the control records, strangers among the captures.
    fn keep(&self, decision: &Decision, sighting: &Sighting, settings: &Settings, now: Now) {
        let way = settings.door.open_way;
        let picture = settings.system.keep_pictures.on().then(|| picture_of(&sighting.frame, sighting.face.bbox));
        if decision.person.is_none() {
            let record = CaptureRecord::new(now.local, PictureType::Unmatched);
            self.store.append_capture(record, picture, true);
        } else if decision.is_recorded(way) {
            let record = ControlRecord {
                person: decision.person.clone(),
                similarity: decision.similarity,
                ..ControlRecord::new(now.local, decision.status(way), VERIFY_FACE)
            };
            self.store.append_control(record, picture, true);
        }
    }

    fn tell(&self, decision: &Decision, sighting: &Sighting, settings: &Settings, now: Mono) {
        let said = match decision.verdict {
            Verdict::Admit => Said::Pass,
            Verdict::Refuse(_) => Said::Refused,
            Verdict::Stranger => Said::Stranger,
            Verdict::NotAlive => Said::NotAlive,
        };
        let taken = Some((sighting.frame.clone(), sighting.face.bbox));
        let message = Message::new(said, until(now, settings));
        self.presenter.say(Message { person: decision.person.clone(), taken, ..message });
    }

    fn open_remotely(&mut self, text: Option<String>, door: &mut Door) {
        let settings = self.settings.now();
        if settings.door.open_way == OpenWay::Face {
            return info!("not opened remotely: faces alone open now");
        }
        let relay = self.open(None, &settings, door);
        let now = self.clock.mono();
        let local = settings.ntp.local(self.clock.wall());
        let record = ControlRecord::new(local, VerifyStatus::Allowed, VERIFY_REMOTE);
        self.store.append_control(record, None, settings.door.open_way != OpenWay::Remote);
        if let Some(text) = text {
            self.presenter.say(Message::new(Said::Platform { text, good: true }, until(now, &settings)));
        }
        info!("opened remotely");
        self.decisions.note(Note {
            seq: 0,
            time: local,
            who: None,
            similarity: 0.0,
            liveness: None,
            verdict: "remote",
            reason: "opened by the platform",
            frame_to_decision: Duration::ZERO,
            frame_to_relay: relay.map(|_| Duration::ZERO),
            engine: Duration::ZERO,
        });
    }
}

fn until(now: Mono, settings: &Settings) -> Mono {
    now.after(Duration::from_secs(u64::from(settings.door.verify_reset_s.u32())))
}

fn picture_of(frame: &Frame, face: Rect) -> Picture {
    Picture { frame: frame.pixels.clone(), crop: surroundings(frame, face) }
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

/// Sends queued frames one after the other, on a thread of its own: a frame takes tens of milliseconds.
pub fn drive_wiegand(mut lines: Box<dyn WiegandOut>, inbox: &Inbox<Option<WiegandFrame>>, clock: &dyn Clock) {
    while let Some(Some(frame)) = inbox.next(clock, None) {
        lines.send(frame);
    }
}
