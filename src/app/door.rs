//! The threads of the door itself: what decides, what drives its outputs, what sees its inputs.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use tracing::warn;

use super::Failure;
use super::threads::Threads;
use crate::access::pin;
use crate::board::Fail;
use crate::camera::Newest;
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
use crate::vision::SimilarityMap;
use crate::watchdog;

/// What they work with.
pub(super) struct Tools {
    pub(super) relay: Option<Output>,
    pub(super) fail: Fail,
    pub(super) rest: PathBuf,
    pub(super) wiegand: Option<Box<dyn WiegandOut>>,
    pub(super) sensors: Vec<(String, Box<dyn Sensor>)>,
    pub(super) watchdog: Option<Box<dyn Watchdog>>,
    pub(super) inbox: Inbox<Event>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) store: Arc<Store>,
    pub(super) settings: Arc<Live>,
    pub(super) presenter: Presenter,
    pub(super) decisions: Arc<Decisions>,
    pub(super) pins: pin::Key,
    pub(super) similarity: Arc<OnceLock<SimilarityMap>>,
    pub(super) conditions: Arc<Conditions>,
    pub(super) newest: Arc<Newest>,
    pub(super) simulated: bool,
}

/// Starts them; the way to the watchdog's keeper, where there is one.
pub(super) fn start(tools: Tools, threads: &mut Threads) -> Result<Option<Outbound<watchdog::Message>>, Failure> {
    let Tools { conditions, clock, newest, simulated, .. } = tools;
    let events = tools.inbox.sender();
    let mut wiegand = None;
    if let Some(lines) = tools.wiegand {
        let frames = Inbox::default();
        wiegand = Some(frames.sender());
        let (clock, condition) = (clock.clone(), conditions.of("wiegand lines"));
        threads.start("wiegand", move || control::drive_wiegand(lines, condition, &frames, &*clock))?;
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
        similarity: tools.similarity,
        presenter: tools.presenter,
        decisions: tools.decisions,
    };
    threads.start("control", move || {
        if !simulated {
            hurry(Urgency::Door);
        }
        control.run();
    })?;
    for (name, sensor) in tools.sensors {
        let condition = conditions.of(&*name);
        let (events, newest, clock) = (events.clone(), newest.clone(), clock.clone());
        threads.start("sensor", move || sense::run(sensor, condition, &events, &newest, &*clock))?;
    }
    if !simulated {
        let rest = tools.rest;
        let settings = Arc::downgrade(&tools.settings);
        let keep = move || {
            let Some(settings) = settings.upgrade() else { return };
            let closed = control::relay_at_rest(settings.now().door.io_type);
            let word = if closed { "closed" } else { "open" };
            if let Err(error) = files::keep(&rest, Some(word), 0o644) {
                warn!(%error, file = %rest.display(), "how the relay rests cannot be kept");
            }
        };
        keep();
        tools.settings.watch(keep);
    }
    let Some(watchdog) = tools.watchdog else { return Ok(None) };
    let inbox = Inbox::default();
    let keeper = inbox.sender();
    let condition = conditions.of("watchdog");
    threads.start("watchdog", move || watchdog::run(watchdog, condition, &inbox, &events, &*clock))?;
    Ok(Some(keeper))
}
