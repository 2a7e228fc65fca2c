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
}

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
}

impl Door {
    /// The actions an event causes. Opening again while held prolongs the hold without a second click.
    pub fn step(&mut self, event: Event, now: Mono) -> Vec<Action> {
        let mut actions = Vec::new();
        match event {
            Event::Open { opening, io_type, hold } => {
                let closed = io_type == IoType::Close;
                if opening.relay && !hold.is_zero() {
                    if self.held_until.is_none() || self.rest_closed == closed {
                        actions.push(Action::Relay { closed });
                    }
                    self.rest_closed = !closed;
                    self.held_until = Some(now.after(hold).max(self.held_until.unwrap_or_default()));
                }
                actions.extend(opening.frame.map(Action::Wiegand));
            }
            Event::Tick => {
                if self.held_until.is_some_and(|until| now >= until) {
                    self.held_until = None;
                    actions.push(Action::Relay { closed: self.rest_closed });
                }
            }
        }
        actions
    }

    /// When the door wants a [`Event::Tick`].
    #[must_use]
    pub const fn deadline(&self) -> Option<Mono> {
        self.held_until
    }

    /// Puts the relay to rest for `io_type`, as at start and when the setting changes.
    pub fn rest(&mut self, io_type: IoType) -> Option<Action> {
        let closed = io_type == IoType::Open;
        let changes = self.held_until.is_none() && self.rest_closed != closed;
        if self.held_until.is_none() {
            self.rest_closed = closed;
        }
        changes.then_some(Action::Relay { closed })
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
}
