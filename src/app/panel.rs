//! The panel: the thread that draws on it, and what it shows while the terminal starts.

use std::sync::Arc;
use std::time::Duration;

use super::Failure;
use super::threads::Threads;
use crate::clock::{Clock, Inbox, Outbound};
use crate::condition::Conditions;
use crate::hal;
use crate::ui::showing::{self, Showing};
use crate::ui::{Display, Part, Screen};

/// How often it is looked at what works, at the start.
const LOOK: Duration = Duration::from_millis(500);
/// How long it stays to be read once the terminal has started.
const READ: Duration = Duration::from_secs(5);

/// What the start's thread is told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    Done,
    Stop,
}

/// The threads' ends.
pub(super) struct Panel {
    showing: Outbound<showing::Event>,
    start: Outbound<Start>,
}

impl Panel {
    /// Starts drawing, and shows that the terminal starts until [`Panel::started`].
    pub(super) fn start(
        panel: Box<dyn hal::Panel>,
        display: Arc<Display>,
        conditions: &Arc<Conditions>,
        threads: &mut Threads,
    ) -> Result<Self, Failure> {
        let (screen, clock, conditions) = (display.screen.clone(), display.clock.clone(), conditions.clone());
        let inbox = Inbox::default();
        let start = inbox.sender();
        let condition = conditions.of("panel");
        threads.start("start", move || tell_start(&screen, &conditions, &inbox, &*clock))?;
        let inbox = Inbox::default();
        let showing = inbox.sender();
        let thread = Showing { inbox, display, panel, condition };
        threads.start("panel", move || thread.run())?;
        Ok(Self { showing, start })
    }

    /// The terminal has started.
    pub(super) fn started(&self) {
        self.start.send(Start::Done);
    }

    pub(super) fn stop(&self) {
        self.start.send(Start::Stop);
        self.showing.send(showing::Event::Stop);
    }
}

/// Shows that the terminal starts, and which parts do not work, until it has started and that could be read.
fn tell_start(screen: &Screen, conditions: &Conditions, inbox: &Inbox<Start>, clock: &dyn Clock) {
    let mut until = None;
    while until.is_none_or(|until| clock.mono() < until) {
        screen.start(Some(parts(&conditions.failing())));
        match inbox.next(clock, Some(clock.mono().after(LOOK))) {
            Some(Start::Done) => until = Some(clock.mono().after(READ)),
            Some(Start::Stop) => return,
            None => {}
        }
    }
    screen.start(None);
}

/// The parts of the terminal that devices belong to, each once.
fn parts(failing: &[(String, String)]) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for (device, _) in failing {
        let part = match &**device {
            "camera" | "infrared camera" => Part::Camera,
            "face models" => Part::Recognition,
            "relay" | "wiegand lines" => Part::Lock,
            "exit button" | "door contact" | "tamper contact" | "fire alarm" => Part::Inputs,
            "card reader" | "wiegand reader" => Part::CardReader,
            "keypad" | "touch panel" => Part::Keypad,
            "thermal sensor" => Part::Thermometer,
            "lamp" | "backlight" => Part::Light,
            // The panel itself, on which nobody would read it, and what nobody before the terminal can do about.
            _ => continue,
        };
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_named_once() {
        let failing = |devices: &[&str]| devices.iter().map(|d| ((*d).to_owned(), String::new())).collect::<Vec<_>>();
        assert_eq!(parts(&failing(&["camera", "infrared camera", "panel", "relay"])), [Part::Camera, Part::Lock]);
        assert!(parts(&failing(&["watchdog"])).is_empty());
    }

    /// A board's devices are known to the start's page, but for those that say nothing there.
    #[test]
    fn every_device_of_a_board_belongs_to_a_part() {
        let clock: Arc<dyn Clock> = Arc::new(crate::clock::SystemClock::default());
        let board = crate::board::Board::load(std::path::Path::new("boards/hi3516dv300.toml")).unwrap();
        for (name, _) in board.open(clock).unwrap().sensors {
            assert_eq!(parts(&[(name.clone(), String::new())]).len(), 1, "{name}");
        }
    }
}
