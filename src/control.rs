//! The one loop in which everything that happens meets: a closed set of events in, actions out.
//!
//! It asks `access` who may pass and `door` what to switch, drives the outputs first, and only then leaves
//! the record, the tip on the screen and the note of the decision behind. It never waits for a disk.
//!
//! `event` is what can happen, `present` takes what people show to `access::session`, `outcome` does what follows from
//! a decision, `decisions` remembers it for whoever watches, `undecided` tells of faces that came to none.

pub mod decisions;
mod event;
mod outcome;
mod present;
mod undecided;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use embedded_hal::digital::OutputPin;
use serde_json::{Map, Value, json};
use tracing::{info, warn};

use crate::access::session::{Now, Session};
use crate::access::{WiegandFrame, pin};
use crate::board::Fail;
use crate::clock::{Clock, Inbox, Mono, Outbound};
use crate::condition::Condition;
use crate::door::{self, Door, Input, InputRole};
use crate::hal::{Output, WiegandOut};
use crate::settings::{IoType, Live, Settings};
use crate::store::Store;
use crate::ui::Presenter;
use crate::vision::Comparison;
use crate::watchdog;
use decisions::Decisions;
pub use event::{Command, Credential, Event, ReadIdCard};
pub use outcome::surroundings;

/// What the loop works with.
pub struct Control {
    /// Where events arrive.
    pub inbox: Inbox<Event>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// People and records.
    pub store: Arc<Store>,
    /// The settings in force.
    pub settings: Arc<Live>,
    /// The relay, where the board has one.
    pub relay: Option<(Output, Condition)>,
    /// What the door does when the terminal ends.
    pub fail: Fail,
    /// Lines to a door controller, where the board has them.
    pub wiegand: Option<Outbound<Option<WiegandFrame>>>,
    /// Who tells people.
    pub presenter: Presenter,
    /// What was decided.
    pub decisions: Arc<Decisions>,
    /// What passwords of the keypad are known by.
    pub pins: pin::Key,
    /// The model pack's, for faces on identity cards; set once the pack is loaded.
    pub comparison: Arc<OnceLock<Comparison>>,
}

impl std::fmt::Debug for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Control").finish_non_exhaustive()
    }
}

/// How long an output that could not be driven is left alone.
const RETRY: Duration = Duration::from_secs(1);

impl Control {
    /// Runs until [`Event::Stop`]; leaves the relay at rest.
    pub fn run(self) {
        Running::new(self).run();
    }
}

/// The loop with what it remembers.
struct Running {
    parts: Control,
    door: Door,
    session: Session,
    presented: present::Presented,
    asked: outcome::Asked,
    looks: undecided::Looks,
    /// How the relay should be and is not, because it could not be driven, and when that is tried again.
    overdue: Option<(bool, Mono)>,
}

impl Running {
    fn new(parts: Control) -> Self {
        Self {
            parts,
            door: Door::default(),
            session: Session::default(),
            presented: present::Presented::default(),
            asked: outcome::Asked::default(),
            looks: undecided::Looks::default(),
            overdue: None,
        }
    }

    fn run(mut self) {
        // The relay's state is asserted at start, whatever it was before.
        let io_type = self.settings().door.io_type;
        let at_rest = self.door.rest(io_type).unwrap_or(door::Action::Relay { closed: false });
        self.perform(at_rest);
        loop {
            let others = [self.overdue.map(|(_, at)| at), self.presented.keypad_until()];
            let deadline = self.door.deadline().into_iter().chain(others.into_iter().flatten()).min();
            match self.parts.inbox.next(&*self.parts.clock, deadline) {
                Some(Event::Stop) => break,
                Some(event) => self.handle(event),
                None => self.keep_time(),
            }
        }
        // A restart during a fire alarm must not lock the door.
        if !self.door.is_released() {
            let rest = relay_at_rest(self.settings().door.io_type);
            self.perform(door::Action::Relay { closed: left_closed(self.parts.fail, rest) });
        }
        if let Some(wiegand) = &self.parts.wiegand {
            wiegand.send(None);
        }
    }

    /// Does what is due by now, then what the event asks for.
    fn handle(&mut self, event: Event) {
        self.keep_time();
        let settings = self.settings();
        match event {
            Event::Sighting(sighting) => self.look(sighting, &settings),
            Event::Gone(track) => {
                self.left(track, &settings);
                self.parts.presenter.face_gone();
            }
            Event::Presented(credential) => self.present(credential, &settings),
            Event::Mask(worn) => self.mask(worn, &settings),
            Event::Temperature(celsius) => self.temperature(celsius, &settings),
            Event::Input(input) => self.input(input, &settings),
            Event::Command(Command::Open { text }) => self.open_remotely(text, &settings),
            Event::Command(Command::Verdict { question, open, text }) => {
                self.remote_verdict(question, open, text, &settings);
            }
            // Waking up is all it takes: settings are read for every event.
            Event::Command(Command::Settings) | Event::Stop => {}
            Event::Key(key) => self.key(key, &settings),
            Event::Touch { x, y } => self.touch(x, y, &settings),
            Event::Roll(keeper) => keeper.send(watchdog::Message::Here),
        }
        self.keep_time();
    }

    fn keep_time(&mut self) {
        if let Some((closed, _)) = self.overdue.filter(|(_, at)| self.parts.clock.mono() >= *at) {
            self.perform(door::Action::Relay { closed });
        }
        self.step_door(door::Event::Tick);
        self.put_keypad_away();
        // The kind of the relay may have been changed while it was held.
        let rests = self.door.rest(self.settings().door.io_type);
        rests.into_iter().for_each(|action| self.perform(action));
    }

    fn settings(&self) -> Arc<Settings> {
        self.parts.settings.now()
    }

    fn now(&self, settings: &Settings) -> Now {
        Now { mono: self.parts.clock.mono(), local: settings.ntp.local(self.parts.clock.wall()) }
    }

    /// Lets the door take an event; says when the relay was driven, if it was.
    fn step_door(&mut self, event: door::Event) -> Option<Mono> {
        let mut relay = None;
        for action in self.door.step(event, self.parts.clock.mono()) {
            self.perform(action);
            if matches!(action, door::Action::Relay { .. }) {
                relay = Some(self.parts.clock.mono());
            }
        }
        relay
    }

    fn perform(&mut self, action: door::Action) {
        match action {
            door::Action::Relay { closed } => {
                let Some((relay, condition)) = &mut self.parts.relay else { return };
                let driven = if closed { relay.set_high() } else { relay.set_low() };
                condition.note(&driven);
                self.overdue = driven.err().map(|_| (closed, self.parts.clock.mono().after(RETRY)));
            }
            door::Action::Wiegand(frame) => {
                if let Some(wiegand) = &self.parts.wiegand {
                    wiegand.send(Some(frame));
                }
            }
            door::Action::Alarm(alarm) => self.alarm(alarm.word()),
        }
    }

    /// An input of the door has changed. What follows from it is done before it is told.
    fn input(&mut self, Input { role, on, first }: Input, settings: &Settings) {
        let told = json!({ "input": role.word(), "on": on });
        match role {
            InputRole::Exit if on => {
                let now = self.now(settings);
                let relay = self.open(None, settings);
                self.tell("input", told, settings);
                info!("opened by the exit button");
                self.parts.decisions.note(decisions::Note {
                    frame_to_relay: relay.map(|at| at.since(now.mono)),
                    ..decisions::Note::new(now.local, "exit", "the exit button was pressed")
                });
            }
            InputRole::Exit => self.tell("input", told, settings),
            InputRole::Contact => {
                self.tell("input", told, settings);
                let event = if first { door::Event::Found { open: on } } else { door::Event::Contact { open: on } };
                self.step_door(event);
            }
            InputRole::Tamper => {
                self.tell("input", told, settings);
                if on {
                    self.alarm("tamper");
                }
            }
            InputRole::Fire => {
                self.step_door(door::Event::Release { on, io_type: settings.door.io_type });
                self.tell("input", told, settings);
                if on {
                    self.alarm("fire");
                }
            }
        }
    }

    fn alarm(&self, what: &'static str) {
        warn!(what, "alarm");
        self.tell("alarm", json!({ "alarm": what }), &self.settings());
    }

    /// Tells whoever watches of something that is no decision.
    fn tell(&self, event: &'static str, more: Value, settings: &Settings) {
        let more = match more {
            Value::Object(more) => more,
            _ => Map::new(),
        };
        self.parts.decisions.tell(self.now(settings).local, event, more);
    }
}

/// How long a message is shown, and how long somebody is not verified again.
fn reset(settings: &Settings) -> Duration {
    Duration::from_secs(u64::from(settings.door.verify_reset_s.u32()))
}

/// Whether the relay's contact is closed while the door is locked.
#[must_use]
pub fn relay_at_rest(io_type: IoType) -> bool {
    io_type == IoType::Open
}

/// Whether the contact is left closed by a terminal that ends: at rest, or as for somebody who may pass.
#[must_use]
pub const fn left_closed(fail: Fail, rest: bool) -> bool {
    match fail {
        Fail::Secure => rest,
        Fail::Safe => !rest,
    }
}

/// Sends queued frames one after the other, on a thread of its own: a frame takes tens of milliseconds.
pub fn drive_wiegand(
    mut lines: Box<dyn WiegandOut>,
    mut condition: Condition,
    inbox: &Inbox<Option<WiegandFrame>>,
    clock: &dyn Clock,
) {
    let mut idles = false;
    loop {
        if !idles {
            let idled = lines.idle();
            condition.note(&idled);
            idles = idled.is_ok();
        }
        let deadline = (!idles).then(|| clock.mono().after(RETRY));
        match inbox.next(clock, deadline) {
            Some(Some(frame)) => {
                let sent = lines.send(frame);
                condition.note(&sent);
                idles = sent.is_ok();
            }
            Some(None) => return,
            None => {}
        }
    }
}

#[cfg(test)]
mod tests;
