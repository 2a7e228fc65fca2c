//! Who hears of what changes in store and settings.

use std::sync::Arc;

use super::sinks::Bells;
use crate::clock::{Clock, Outbound};
use crate::control::decisions::Decisions;
use crate::control::{Command, Event};
use crate::light;
use crate::settings::Live;
use crate::store::Store;

/// The list of events hears what troubles the store.
pub(super) fn troubles(store: &Store, decisions: &Arc<Decisions>, settings: &Arc<Live>, clock: &Arc<dyn Clock>) {
    store.watch_troubles(Box::new({
        // The settings hold the store: held by it, neither would ever be dropped.
        let (decisions, settings, clock) = (decisions.clone(), Arc::downgrade(settings), clock.clone());
        move |what| {
            let Some(settings) = settings.upgrade() else { return };
            let mut more = serde_json::Map::new();
            more.insert("what".into(), what.into());
            decisions.tell(settings.now().ntp.local(clock.wall()), "store", more);
        }
    }));
}

/// Outboxes hear of new events; light, sinks and the door of new settings.
pub(super) fn news(
    store: &Store,
    settings: &Live,
    bells: &Bells,
    events: &Outbound<Event>,
    light: &Outbound<light::Event>,
) {
    // Watchers hold bells alone: holding an outbox would tie it, store and settings into a ring that
    // nothing could ever drop.
    store.watch(Box::new({
        let bells = bells.clone();
        move || bells.ring_outboxes()
    }));
    settings.watch({
        let (bells, events, light) = (bells.clone(), events.clone(), light.clone());
        move || {
            light.send(light::Event::Settings);
            bells.ring_all();
            events.send(Event::Command(Command::Settings));
        }
    });
}
