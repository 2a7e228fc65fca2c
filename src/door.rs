//! The door as a state machine: what to switch now and when to look again. Does nothing itself.

use std::time::Duration;

use crate::access::WiegandFrame;
use crate::access::decide::Opening;
use crate::clock::Mono;
use crate::settings::IoType;

/// Something to do at the door's outputs, in order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Drive the relay: `true` closes its contact.
    Relay {
        /// Whether the contact is closed.
        closed: bool,
    },
    /// Send a frame over the Wiegand lines.
    Wiegand(WiegandFrame),
    /// Something is wrong with the door.
    Alarm(Alarm),
}

/// What can be wrong with a door that has a contact.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Alarm {
    /// It was opened though nobody had been admitted.
    Forced,
    /// It was not closed again.
    HeldOpen,
}

impl Alarm {
    /// One word for logs and the simulator's event list.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Forced => "forced",
            Self::HeldOpen => "held_open",
        }
    }
}

/// A change of an input of the door, or how it stands when its driver starts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Input {
    /// Which.
    pub role: InputRole,
    /// Whether it is on: the button pressed, the door open, the case open, the alarm given.
    pub on: bool,
    /// Whether it was only looked at for the first time: nobody has seen it change.
    pub first: bool,
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

impl InputRole {
    /// One word for logs and the list of what happened.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Exit => "exit",
            Self::Contact => "contact",
            Self::Tamper => "tamper",
            Self::Fire => "fire",
        }
    }
}

/// How long after the lock has fallen back a door may still be opened: a person takes the handle late.
const PASSAGE: Duration = Duration::from_secs(5);
/// How long a door may stand open.
const AJAR: Duration = Duration::from_secs(30);

/// What the door is told.
#[derive(Clone, Copy, Debug)]
pub enum Event {
    /// Somebody may pass.
    Open {
        /// Which outputs.
        opening: Opening,
        /// What the relay does to open.
        io_type: IoType,
        /// How long.
        hold: Duration,
    },
    /// Everybody may pass from now on, or no longer: a fire alarm.
    Release {
        /// Whether the door is released.
        on: bool,
        /// What the relay does to open.
        io_type: IoType,
    },
    /// The door was found open or closed, without anybody having seen it move.
    Found {
        /// Whether it stands open.
        open: bool,
    },
    /// The door's contact tells whether it stands open.
    Contact {
        /// Whether it does.
        open: bool,
    },
    /// Time has passed.
    Tick,
}

/// The door's state.
#[derive(Clone, Copy, Debug, Default)]
pub struct Door {
    /// The relay contact while nobody passes.
    rest_closed: bool,
    /// Until when the relay holds.
    held_until: Option<Mono>,
    /// Whether everybody may pass.
    released: bool,
    /// Until when opening it is nobody's crime.
    passage_until: Mono,
    /// Whether it stands open.
    is_open: bool,
    /// When a door that stands open has stood so for too long.
    ajar_from: Option<Mono>,
}

impl Door {
    /// The actions an event causes. Opening again while held prolongs the hold without a second click.
    pub fn step(&mut self, event: Event, now: Mono) -> Vec<Action> {
        let mut actions = Vec::new();
        match event {
            Event::Open { opening, io_type, hold } => {
                let closed = io_type == IoType::Close;
                self.passage_until = self.passage_until.max(now.after(hold + PASSAGE));
                if opening.relay && !hold.is_zero() && !self.released {
                    if self.held_until.is_none() || self.rest_closed == closed {
                        actions.push(Action::Relay { closed });
                    }
                    self.rest_closed = !closed;
                    self.held_until = Some(now.after(hold).max(self.held_until.unwrap_or_default()));
                }
                actions.extend(opening.frame.map(Action::Wiegand));
            }
            Event::Release { on: true, io_type } if !self.released => {
                let closed = io_type == IoType::Close;
                if self.held_until.is_none() || self.rest_closed == closed {
                    actions.push(Action::Relay { closed });
                }
                (self.released, self.rest_closed, self.held_until) = (true, !closed, None);
            }
            Event::Release { on: false, .. } if self.released => {
                self.released = false;
                self.passage_until = self.passage_until.max(now.after(PASSAGE));
                self.ajar_from = self.is_open.then(|| now.after(AJAR));
                actions.push(Action::Relay { closed: self.rest_closed });
            }
            Event::Release { .. } => {}
            Event::Found { open } => {
                (self.is_open, self.ajar_from) = (open, open.then(|| now.after(AJAR)));
            }
            Event::Contact { open: true } if self.is_open => {}
            Event::Contact { open: true } => {
                if now > self.passage_until && !self.released {
                    actions.push(Action::Alarm(Alarm::Forced));
                }
                (self.is_open, self.ajar_from) = (true, Some(now.after(AJAR)));
            }
            Event::Contact { open: false } => (self.is_open, self.ajar_from) = (false, None),
            Event::Tick => {
                if self.held_until.is_some_and(|until| now >= until) {
                    self.held_until = None;
                    actions.push(Action::Relay { closed: self.rest_closed });
                }
                if self.ajar_from.is_some_and(|from| now >= from) {
                    self.ajar_from = None;
                    if !self.released {
                        actions.push(Action::Alarm(Alarm::HeldOpen));
                    }
                }
            }
        }
        actions
    }

    /// When the door wants a [`Event::Tick`].
    #[must_use]
    pub fn deadline(&self) -> Option<Mono> {
        self.held_until.into_iter().chain(self.ajar_from).min()
    }

    /// Whether everybody may pass.
    #[must_use]
    pub const fn is_released(&self) -> bool {
        self.released
    }

    /// Puts the relay to rest for `io_type`, as at start and when the setting changes; released, it stays so in the
    /// way of the new setting.
    pub fn rest(&mut self, io_type: IoType) -> Option<Action> {
        let closed = io_type == IoType::Open;
        if self.held_until.is_some() || self.rest_closed == closed {
            return None;
        }
        self.rest_closed = closed;
        Some(Action::Relay { closed: if self.released { !closed } else { closed } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RELAY: Opening = Opening { relay: true, frame: None };

    fn open(opening: Opening, io_type: IoType, ms: u64) -> Event {
        Event::Open { opening, io_type, hold: Duration::from_millis(ms) }
    }

    fn at(ms: u64) -> Mono {
        Mono(ms * 1000)
    }

    #[test]
    fn the_relay_holds_for_its_time() {
        for (io_type, opened) in [(IoType::Close, true), (IoType::Open, false)] {
            let mut door = Door::default();
            door.rest(io_type);
            assert_eq!(door.step(open(RELAY, io_type, 200), at(10)), [Action::Relay { closed: opened }]);
            assert_eq!(door.deadline(), Some(at(210)));
            assert_eq!(door.step(Event::Tick, at(209)), []);
            assert_eq!(door.step(Event::Tick, at(210)), [Action::Relay { closed: !opened }]);
            assert_eq!(door.deadline(), None);
        }
    }

    #[test]
    fn opening_again_prolongs_and_never_shortens() {
        let mut door = Door::default();
        assert_eq!(door.step(open(RELAY, IoType::Close, 1000), at(0)).len(), 1);
        assert_eq!(door.step(open(RELAY, IoType::Close, 200), at(100)), []);
        assert_eq!(door.deadline(), Some(at(1000)));
        assert_eq!(door.step(open(RELAY, IoType::Close, 1000), at(500)), []);
        assert_eq!(door.deadline(), Some(at(1500)));
    }

    #[test]
    fn frames_go_out_each_time_and_need_no_relay() {
        let frame = WiegandFrame { bits: 26, value: 1 };
        let mut door = Door::default();
        for now in [0, 10] {
            let opening = Opening { relay: false, frame: Some(frame) };
            assert_eq!(door.step(open(opening, IoType::Close, 1000), at(now)), [Action::Wiegand(frame)]);
        }
        assert_eq!(door.deadline(), None);
    }

    #[test]
    fn a_kind_changed_while_held_counts_after_the_hold() {
        let mut door = Door::default();
        door.step(open(RELAY, IoType::Close, 1000), at(0));
        assert_eq!(door.rest(IoType::Open), None, "the hold goes on");
        assert_eq!(door.step(Event::Tick, at(1000)), [Action::Relay { closed: false }]);
        assert_eq!(door.rest(IoType::Open), Some(Action::Relay { closed: true }));
    }

    #[test]
    fn resting_follows_the_setting() {
        let mut door = Door::default();
        assert_eq!(door.rest(IoType::Close), None);
        assert_eq!(door.rest(IoType::Open), Some(Action::Relay { closed: true }));
        assert_eq!(door.rest(IoType::Open), None);
        assert_eq!(door.rest(IoType::Close), Some(Action::Relay { closed: false }));
    }

    #[test]
    fn a_fire_alarm_holds_the_door_open_for_as_long_as_it_lasts() {
        let mut door = Door::default();
        let release = |on| Event::Release { on, io_type: IoType::Close };
        door.step(open(RELAY, IoType::Close, 1000), at(0));
        assert_eq!(door.step(release(true), at(500)), [], "it is open already");
        assert_eq!(door.step(Event::Tick, at(5000)), []);
        assert_eq!(door.step(open(RELAY, IoType::Close, 1000), at(6000)), [], "nor does a passage close it");
        assert_eq!(door.rest(IoType::Close), None);
        assert_eq!(door.deadline(), None);
        // The kind of the relay is changed meanwhile, and back.
        assert_eq!(door.rest(IoType::Open), Some(Action::Relay { closed: false }));
        assert_eq!(door.rest(IoType::Close), Some(Action::Relay { closed: true }));
        // Left open, the door is reported once the alarm is over.
        door.step(Event::Contact { open: true }, at(7000));
        assert_eq!(door.step(Event::Tick, at(40_000)), []);
        assert_eq!(door.step(release(false), at(50_000)), [Action::Relay { closed: false }]);
        assert_eq!(door.step(release(false), at(50_001)), []);
        assert_eq!(door.step(Event::Tick, at(80_000)), [Action::Alarm(Alarm::HeldOpen)]);
        assert_eq!(door.step(release(true), at(90_000)), [Action::Relay { closed: true }]);
    }

    #[test]
    fn a_door_opened_by_nobody_is_forced_and_one_left_open_is_reported() {
        let contact = |open| Event::Contact { open };
        for (opened_at, expect) in [(1, false), (1000, false), (5999, false), (6001, true)] {
            let mut door = Door::default();
            door.step(open(RELAY, IoType::Close, 1000), at(0));
            door.step(Event::Tick, at(1000));
            let alarm = !door.step(contact(true), at(opened_at)).is_empty();
            assert_eq!(alarm, expect, "opened at {opened_at} ms");
        }
        let mut door = Door::default();
        assert_eq!(door.step(contact(true), at(10_000)), [Action::Alarm(Alarm::Forced)]);
        assert_eq!(door.step(Event::Tick, at(39_999)), []);
        assert_eq!(door.step(Event::Tick, at(40_000)), [Action::Alarm(Alarm::HeldOpen)]);
        assert_eq!(door.step(Event::Tick, at(80_000)), [], "said once");
        door.step(contact(false), at(81_000));
        assert_eq!(door.deadline(), None);
    }
}
