//! From sensors to the control loop: one thread a sensor, which asks it again and again, and reports.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::clock::{Bell, Clock, Outbound};
use crate::condition::Condition;
use crate::control::{Credential, Event};
use crate::hal::linux::realtime::{Urgency, hurry};
use crate::hal::{Sensed, Sensor};

/// How long a sensor may wait before its thread looks whether the terminal stops.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long to wait before asking a failed sensor again.
const RETRY: Duration = Duration::from_secs(1);

/// Reports what `sensor` senses until it is `over`.
pub fn run(
    mut sensor: Box<dyn Sensor>,
    mut condition: Condition,
    events: &Outbound<Event>,
    over: &AtomicBool,
    clock: &dyn Clock,
) {
    if sensor.is_urgent() {
        hurry(Urgency::Input);
    }
    let pause = Bell::default();
    while !over.load(Ordering::Relaxed) {
        let sensed = sensor.next(PATIENCE);
        condition.note(&sensed);
        match sensed {
            Ok(Some(sensed)) => events.send(event(sensed)),
            Ok(None) => {}
            Err(_) => clock.wait(&pause, Some(clock.mono().after(RETRY))),
        }
    }
}

fn event(sensed: Sensed) -> Event {
    match sensed {
        Sensed::Input(input) => Event::Input(input),
        Sensed::Wiegand(frame) => Event::Presented(Credential::Wiegand(frame)),
        Sensed::RfCard(number) => Event::Presented(Credential::RfCard(number)),
        Sensed::Key(key) => Event::Key(key),
        Sensed::Touch { x, y } => Event::Touch { x, y },
        Sensed::Temperature(celsius) => Event::Temperature(celsius),
    }
}
