//! Events to the MQTT server: each published, and under `ResumefromBreakpoint` waited for until the platform confirms it.

use std::sync::Arc;

use super::connection::Link;
use super::message;
use crate::access::record::Event;
use crate::bail;
use crate::clock::{Bell, lock};
use crate::error::Result;
use crate::field::LocalTime;
use crate::push::RETRY;
use crate::push::message::Author;
use crate::push::outbox::{self, Sent, Sink, Terms};
use crate::settings::{Mqtt, Settings};
use crate::store::Logged;

/// The MQTT server as a sink of events.
#[derive(Debug)]
pub struct MqttSink {
    /// Writes the bodies.
    pub author: Author,
    /// The connection.
    pub link: Arc<Link>,
    /// Confirmations.
    pub receipts: Arc<Receipts>,
}

/// What is waited for, and what has been confirmed of it.
#[derive(Debug, Default)]
pub struct Receipts {
    state: std::sync::Mutex<Waiting>,
    /// Rung by confirmations, lost connections, and at the end.
    pub bell: Bell,
}

#[derive(Debug, Default)]
struct Waiting {
    /// What is waited for: the kind and number of the record.
    wanted: Option<(Queue, u64)>,
    confirmed: bool,
    cancelled: bool,
}

/// The two kinds of records that are confirmed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Queue {
    /// `PushAckType` 1: a capture.
    Snap,
    /// `PushAckType` 2: a control record.
    Record,
}

impl Receipts {
    /// A confirmation has come; without a kind it is of whatever record bears the number. One that is not waited for
    /// is of an earlier sending.
    pub fn confirm(&self, queue: Option<Queue>, number: u64) {
        let state = &mut lock(&self.state);
        let fits = |(wanted, id): (Queue, u64)| id == number && queue.is_none_or(|queue| queue == wanted);
        if state.wanted.is_some_and(fits) {
            state.confirmed = true;
            self.bell.ring();
        }
    }

    fn want(&self, what: (Queue, u64)) {
        let state = &mut lock(&self.state);
        (state.wanted, state.confirmed) = (Some(what), false);
    }

    fn is_confirmed(&self) -> bool {
        lock(&self.state).confirmed
    }
}

impl Sink for MqttSink {
    type Route = Mqtt;

    const NAME: &'static str = "mqtt";

    fn route(&self, settings: &Settings) -> Option<Mqtt> {
        Some(settings.mqtt.clone()).filter(Mqtt::is_on)
    }

    fn terms(&self, route: &Mqtt) -> Terms {
        let begin = Some(route.begin).filter(|begin| *begin != LocalTime::UNSET);
        Terms { place: outbox::MQTT.to_owned(), resume: route.resume.on(), interval_s: None, begin }
    }

    fn send(&self, route: &Mqtt, logged: &Logged, _: bool) -> Result<Sent> {
        let Some((topic, body)) = message::of_event(&logged.event, route, &self.author) else {
            return Ok(Sent::Unwanted);
        };
        let awaited = match &logged.event {
            Event::Control(record) => Some((Queue::Record, record.id)),
            Event::Capture(record) => Some((Queue::Snap, record.id)),
            Event::Notice(_) => None,
        };
        let topic = format!("{}/{topic}", route.topic(self.author.device_id));
        let Some(awaited) = awaited.filter(|_| route.resume.on()) else {
            self.link.publish(&topic, &body)?;
            return Ok(Sent::Delivered);
        };
        self.receipts.want(awaited);
        let session = self.link.publish(&topic, &body)?;
        self.wait(session)
    }

    fn cancel(&self) {
        lock(&self.receipts.state).cancelled = true;
        self.receipts.bell.ring();
    }
}

impl MqttSink {
    /// Waits for the confirmation as long as the connection of that number lasts, at most until the event is due again.
    fn wait(&self, session: u64) -> Result<Sent> {
        let clock = &self.author.clock;
        let deadline = clock.mono().after(RETRY);
        loop {
            if self.receipts.is_confirmed() {
                return Ok(Sent::Delivered);
            }
            if lock(&self.receipts.state).cancelled {
                bail!(Unavailable, "the terminal stops");
            }
            if !self.link.is_up(session) {
                bail!(Unavailable, "the connection was lost before the confirmation");
            }
            if clock.mono() >= deadline {
                bail!(Unavailable, "no PushAck within 10 s");
            }
            clock.wait(&self.receipts.bell, Some(deadline));
        }
    }
}
