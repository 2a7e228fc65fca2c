//! From the store's event log to one sink: in order, from the place it has reached.
//!
//! An outbox moves on when an event is acknowledged, or, where nobody acknowledges, once it was sent. The place is on
//! the disk, so a restart repeats at most the event under way and loses none. Each sink has an outbox and a thread of
//! its own: one that is slow or away holds up nobody else.

use std::sync::{Arc, Mutex};

use serde_json::Map;
use tracing::warn;

use super::RETRY;
use crate::clock::{Bell, Clock, Mono, lock};
use crate::control::decisions::Decisions;
use crate::error::Result;
use crate::field::LocalTime;
use crate::settings::{Live, Settings};
use crate::store::{Backlog, Logged, Store};

/// Share of a ring of records from which on it is said that its events wait.
const NEARLY_FULL: f32 = 0.9;

/// A way out of the terminal.
pub trait Sink: Send + Sync {
    /// The settings an event leaves by; an outbox notices that they have changed.
    type Route: Clone + PartialEq + Send;

    /// What the log calls it.
    const NAME: &'static str;

    /// The way now; `None`: nobody wants events.
    fn route(&self, settings: &Settings) -> Option<Self::Route>;

    /// How events go that way.
    fn terms(&self, route: &Self::Route) -> Terms;

    /// Sends an event and, where the terms say so, waits for its acknowledgement: at most about ten seconds. `again`
    /// says that it was tried before.
    ///
    /// # Errors
    /// Why it did not arrive, or was not acknowledged.
    fn send(&self, route: &Self::Route, logged: &Logged, again: bool) -> Result<Sent>;

    /// Ends what is under way, and any later attempt.
    fn cancel(&self);
}

/// How events go a way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Terms {
    /// Name the place reached is kept under.
    pub place: String,
    /// Whether an event waits until it is acknowledged (`ResumefromBreakpoint`).
    pub resume: bool,
    /// Seconds between timed pushes; `None`: at once.
    pub interval_s: Option<u32>,
    /// Where a sink begins that has no place yet; `None`: with what comes from now on.
    pub begin: Option<LocalTime>,
}

/// What became of an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sent {
    /// It arrived.
    Delivered,
    /// Nobody there wants events of its kind.
    Unwanted,
}

/// Delivers the log to a sink.
#[derive(Debug)]
pub struct Outbox<S> {
    /// Records and positions.
    pub store: Arc<Store>,
    /// Who wants events.
    pub settings: Arc<Live>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The way out.
    pub sink: S,
    /// Rung on new events, changed settings, and at the end.
    pub bell: Bell,
    /// Where it is said that much waits.
    pub decisions: Arc<Decisions>,
    /// What others may know about it.
    pub status: Arc<Status>,
}

/// Name of the place in the log that the MQTT server has reached, which setting its parameters may move (3.31).
pub const MQTT: &str = "mqtt";

/// How far an outbox is.
#[derive(Debug, Default)]
pub struct Status(Mutex<Progress>);

#[derive(Debug, Default)]
struct Progress {
    caught_up: Option<LocalTime>,
    /// Said that the ring of records is nearly full of what waits.
    warned: bool,
    stopped: bool,
    timed: Timed,
    /// Place of the event tried last.
    tried: u64,
}

/// What timed pushing lets out: at the start of each interval everything that waits then.
#[derive(Clone, Debug, Default)]
struct Timed {
    place: String,
    /// Number of the interval since the start of the clock.
    slot: u64,
    /// Place in the log up to which events go out.
    until: u64,
}

impl Status {
    /// When everything waiting had last been delivered; what `BeginTime` then shows (3.12, 3.31).
    #[must_use]
    pub fn caught_up(&self) -> Option<LocalTime> {
        lock(&self.0).caught_up
    }

    /// Whether the outbox ends.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        lock(&self.0).stopped
    }

    /// Forgets when everything had been delivered: a new beginning was set.
    pub fn begin_anew(&self) {
        lock(&self.0).caught_up = None;
    }
}

/// Lays down that `place` begins with the first event not before `begin`, or with what comes from now on.
///
/// # Errors
/// [`StoreFailed`](crate::error::Fault::StoreFailed).
pub fn begin(store: &Store, place: &str, begin: Option<LocalTime>) -> Result<()> {
    let start = match begin {
        Some(begin) => store.next_event(0, Some(begin))?.map_or_else(|| store.last_seq(), |event| event.seq - 1),
        None => store.last_seq(),
    };
    store.set_position(place, start)
}

impl<S: Sink> Outbox<S> {
    /// Delivers events until [`Outbox::stop`].
    pub fn run(&self) {
        while !self.status.is_stopped() {
            let route = self.sink.route(&self.settings.now());
            let terms = route.as_ref().map(|route| self.sink.terms(route));
            self.store.follow(S::NAME, terms.as_ref().map(|terms| terms.place.as_str()));
            let step = route.as_ref().zip(terms).map_or(Ok(Step::Idle), |(route, terms)| self.step(route, &terms));
            let wait = match step {
                Ok(Step::Delivered) => continue,
                Ok(Step::Idle) => None,
                Ok(Step::Until(moment)) => Some(moment),
                Err(error) => {
                    warn!(sink = S::NAME, %error, "the event log cannot be read or moved on, trying again");
                    Some(self.clock.mono().after(RETRY))
                }
            };
            self.wait_for(wait, route.as_ref());
        }
    }

    /// Ends the loop.
    pub fn stop(&self) {
        lock(&self.status.0).stopped = true;
        self.sink.cancel();
        self.bell.ring();
    }

    /// Waits for new events, or for a moment if one is given; a changed route ends the wait.
    fn wait_for(&self, moment: Option<Mono>, route: Option<&S::Route>) {
        loop {
            self.clock.wait(&self.bell, moment);
            let changed = self.sink.route(&self.settings.now()).as_ref() != route;
            let due = moment.is_none_or(|m| self.clock.mono() >= m);
            if due || changed || self.status.is_stopped() {
                return;
            }
        }
    }

    fn step(&self, route: &S::Route, terms: &Terms) -> Result<Step> {
        let after = match self.store.position(&terms.place)? {
            Some(position) => position,
            None => {
                begin(&self.store, &terms.place, terms.begin)?;
                return Ok(Step::Delivered);
            }
        };
        let Some(logged) = self.store.next_event(after, None)? else {
            let progress = &mut lock(&self.status.0);
            progress.caught_up = terms.resume.then(|| self.local());
            progress.warned = false;
            return Ok(Step::Idle);
        };
        let seq = logged.seq;
        if let Some(due) = self.held_back(terms, seq) {
            return Ok(Step::Until(due));
        }
        let started = self.clock.mono();
        let again = std::mem::replace(&mut lock(&self.status.0).tried, seq) == seq;
        match self.sink.send(route, &logged, again) {
            Ok(_) => {}
            Err(error) if terms.resume => {
                warn!(sink = S::NAME, seq, %error, "event not delivered, sending again in 10 s; what follows waits");
                self.warn_of_backlog(after);
                return Ok(Step::Until(started.after(RETRY)));
            }
            Err(error) => {
                warn!(sink = S::NAME, seq, %error, "event not delivered; without resume it is not sent again");
            }
        }
        // Another beginning may have been set meanwhile: then that counts.
        self.store.advance(&terms.place, after, seq)?;
        Ok(Step::Delivered)
    }

    /// Says once that what waits will soon be dropped.
    fn warn_of_backlog(&self, after: u64) {
        let backlog = self.store.backlog(after);
        if backlog.share < NEARLY_FULL || std::mem::replace(&mut lock(&self.status.0).warned, true) {
            return;
        }
        let Backlog { events, share } = backlog;
        warn!(
            sink = S::NAME,
            events, "90 % of the records that are kept wait to be delivered; the oldest are dropped soon"
        );
        let mut more = Map::new();
        more.insert("sink".into(), S::NAME.into());
        more.insert("events".into(), events.into());
        more.insert("share".into(), f64::from(share).into());
        self.decisions.tell(self.local(), "backlog", more);
    }

    /// Until when timed pushing holds the event at `seq` back; `None`: it goes out now.
    fn held_back(&self, terms: &Terms, seq: u64) -> Option<Mono> {
        let every = u64::from(terms.interval_s?.max(1)) * 1_000_000;
        let slot = self.clock.mono().0 / every;
        let timed = &mut lock(&self.status.0).timed;
        if timed.place != terms.place {
            *timed = Timed { place: terms.place.clone(), slot, until: 0 };
        } else if timed.slot != slot {
            (timed.slot, timed.until) = (slot, self.store.last_seq());
        }
        (seq > timed.until).then(|| Mono((slot + 1).saturating_mul(every)))
    }

    fn local(&self) -> LocalTime {
        self.settings.now().ntp.local(self.clock.wall())
    }
}

/// How a look at the log ended.
enum Step {
    /// An event is done; look again at once.
    Delivered,
    /// Nothing to do until something happens.
    Idle,
    /// Nothing to do before a moment.
    Until(Mono),
}
