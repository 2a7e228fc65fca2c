//! The threads of the door itself: what decides, what drives its outputs, what sees its inputs.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use tracing::{error, warn};

use super::Failure;
use super::threads::{self, Threads};
use crate::access::pin;
use crate::board::Fail;
use crate::clock::{Clock, Inbox, Outbound};
use crate::condition::Conditions;
use crate::control::decisions::Decisions;
use crate::control::{self, Control, Event};
use crate::hal::linux::files;
use crate::hal::linux::realtime::{Urgency, hurry};
use crate::hal::{Output, Sensor, Watchdog, WiegandOut};
use crate::sense;
use crate::settings::Live;
use crate::store::Store;
use crate::ui::Presenter;
use crate::vision::Comparison;
use crate::watchdog;

/// What they work with.
pub(super) struct Tools {
    pub(super) relay: Option<Output>,
    pub(super) fail: Fail,
    pub(super) rest: PathBuf,
    pub(super) wiegand: Option<Box<dyn WiegandOut>>,
    pub(super) sensors: Vec<(String, Box<dyn Sensor>)>,
    pub(super) watchdogs: Vec<(&'static str, Box<dyn Watchdog>)>,
    pub(super) inbox: Inbox<Event>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) store: Arc<Store>,
    pub(super) settings: Arc<Live>,
    pub(super) presenter: Presenter,
    pub(super) decisions: Arc<Decisions>,
    pub(super) pins: pin::Key,
    pub(super) comparison: Arc<OnceLock<Comparison>>,
    pub(super) conditions: Arc<Conditions>,
    pub(super) simulated: bool,
}

/// The door while it works. Dropped, it comes to rest: also of a terminal that could not start as a whole.
pub(super) struct Door {
    events: Outbound<Event>,
    watchdogs: Vec<Outbound<watchdog::Message>>,
    over: Arc<AtomicBool>,
    control: Option<JoinHandle<()>>,
}

impl Door {
    /// Starts its threads.
    pub(super) fn start(tools: Tools, threads: &mut Threads) -> Result<Self, Failure> {
        let Tools { conditions, clock, simulated, .. } = tools;
        let (events, over) = (tools.inbox.sender(), Arc::<AtomicBool>::default());
        let mut wiegand = None;
        if let Some(lines) = tools.wiegand {
            let frames = Inbox::default();
            wiegand = Some(frames.sender());
            let (clock, condition) = (clock.clone(), conditions.of("wiegand lines"));
            threads.start("wiegand", move || {
                if !simulated {
                    hurry(Urgency::Pulses);
                }
                control::drive_wiegand(lines, condition, &frames, &*clock);
            })?;
        }
        let control = Control {
            inbox: tools.inbox,
            clock: clock.clone(),
            store: tools.store,
            settings: tools.settings.clone(),
            relay: tools.relay.map(|relay| (relay, conditions.of("relay"))),
            fail: tools.fail,
            wiegand,
            pins: tools.pins,
            comparison: tools.comparison,
            presenter: tools.presenter,
            decisions: tools.decisions,
        };
        let control = threads::guarded("control", move || {
            if !simulated {
                hurry(Urgency::Door);
            }
            control.run();
        })?;
        let mut door =
            Self { events: events.clone(), watchdogs: Vec::new(), over: over.clone(), control: Some(control) };
        for (name, sensor) in tools.sensors {
            let condition = conditions.of(&*name);
            let (events, over, clock) = (events.clone(), over.clone(), clock.clone());
            threads.start("sensor", move || sense::run(sensor, condition, &events, &over, &*clock))?;
        }
        if !simulated {
            remember_rest(&tools.settings, tools.rest);
        }
        for (name, watchdog) in tools.watchdogs {
            let inbox = Inbox::default();
            door.watchdogs.push(inbox.sender());
            let (condition, events, clock) = (conditions.of(name), events.clone(), clock.clone());
            threads.start("watchdog", move || watchdog::run(watchdog, condition, &inbox, &events, &*clock))?;
        }
        Ok(door)
    }

    /// Leaves the door as it should be without a terminal; waits until it is.
    pub(super) fn stop(&mut self) {
        let Some(control) = self.control.take() else { return };
        for watchdog in &self.watchdogs {
            watchdog.send(watchdog::Message::Stop);
        }
        // What it senses in its last moments still counts.
        self.events.send(Event::Stop);
        if control.join().is_err() {
            error!("the door's loop had panicked");
        }
        self.over.store(true, Ordering::Relaxed);
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Keeps in a file how the relay rests, for whoever has to lock the door without the terminal.
fn remember_rest(settings: &Arc<Live>, file: PathBuf) {
    let now = Arc::downgrade(settings);
    let keep = move || {
        let Some(settings) = now.upgrade() else { return };
        let closed = control::relay_at_rest(settings.now().door.io_type);
        let word = if closed { "closed" } else { "open" };
        if let Err(error) = files::keep(&file, Some(word), 0o644) {
            warn!(%error, file = %file.display(), "how the relay rests cannot be kept");
        }
    };
    keep();
    settings.watch(keep);
}
