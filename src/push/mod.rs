//! Events to the subscriber: each once and in order, from the store's event log (3.12, 3.14).
//!
//! A pusher reads the log from the place it has reached and moves on when an event is acknowledged — or,
//! without `ResumefromBreakpoint`, once it was sent. The place is on the disk, so a restart repeats at most
//! the event under way and loses none. Heartbeats go out on a thread of their own, so that a slow answer
//! does not silence the terminal.

pub mod http;
pub mod manual;
pub mod message;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tracing::{info, warn};

use crate::access::record::Event;
use crate::clock::{Bell, Clock, Mono, Outbound, lock};
use crate::control;
use crate::error::Result;
use crate::field::{Address, LocalTime};
use crate::hal::{Host, Link};
use crate::settings::{Live, Route, Subscription};
use crate::store::{Logged, Store};
use http::{Answer, HttpSink, Verdict};

/// From one attempt at an unacknowledged event to the next (3.12).
const RETRY: Duration = Duration::from_secs(10);
/// From this age on an event counts as late (`Sendintime` 0).
const LATE: Duration = Duration::from_secs(10);

/// What a pusher works with.
#[derive(Debug)]
pub struct Pusher {
    /// Records and positions.
    pub store: Arc<Store>,
    /// The subscription in force.
    pub settings: Arc<Live>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The way out.
    pub sink: HttpSink,
    /// The way to the door, for verdicts in acknowledgements (3.2.3).
    pub control: Outbound<control::Event>,
    /// The machine, for its address.
    pub host: Arc<dyn Host>,
    /// The terminal's number.
    pub device_id: u32,
    /// Rung on new events, changed settings, and at the end.
    pub bell: Bell,
    /// Rung for heartbeats on changed settings and at the end.
    pub beat_bell: Bell,
    /// What others may know about it.
    pub status: Arc<Status>,
}

/// How far the pusher is.
#[derive(Debug, Default)]
pub struct Status(Mutex<Progress>);

#[derive(Debug, Default)]
struct Progress {
    caught_up: Option<LocalTime>,
    stopped: bool,
    timed: Timed,
    /// Place of the event tried last.
    tried: u64,
}

/// What timed pushing lets out: at the start of each interval everything that waits then.
#[derive(Clone, Copy, Debug, Default)]
struct Timed {
    generation: u64,
    /// Number of the interval since the start of the clock.
    slot: u64,
    /// Place in the log up to which events go out.
    until: u64,
}

impl Status {
    /// When everything waiting had last been delivered; what `BeginTime` then shows (3.12).
    #[must_use]
    pub fn caught_up(&self) -> Option<LocalTime> {
        lock(&self.0).caught_up
    }

    /// Whether the pusher ends.
    fn is_stopped(&self) -> bool {
        lock(&self.0).stopped
    }
}

/// Puts a subscription in force and lays down where in the log it starts.
///
/// With a `BeginTime` that is the first event not before it. Without one it is now — unless the same
/// subscriber, resuming before and after, only repeats itself: it goes on where it was, because platforms
/// subscribe anew at every start and must not lose what happened meanwhile.
///
/// # Errors
/// When the store cannot keep it; the old subscription then stands.
pub fn subscribe(
    store: &Store,
    settings: &Live,
    mut new: Subscription,
    begin: Option<LocalTime>,
    now: LocalTime,
) -> Result<()> {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = lock(&TURN);
    let old = settings.now().subscription.clone();
    let goes_on = begin.is_none() && old.resume && new.resume && !old.topics.is_empty() && old.address == new.address;
    if goes_on {
        new.generation = old.generation;
        new.begin = old.begin;
    } else {
        new.generation = old.generation + 1;
        new.begin = Some(begin.unwrap_or(now));
        let start = match begin {
            Some(begin) => store.next_event(0, Some(begin))?.map_or_else(|| store.last_seq(), |e| e.seq - 1),
            None => store.last_seq(),
        };
        store.set_position(&sink_name(&new), start)?;
    }
    settings.change::<Subscription>(|current| {
        *current = new;
        Ok(())
    })
}

/// Under which name the place of a subscription is kept. Two names take turns: the place of a new subscription
/// is laid down before it replaces the old one.
fn sink_name(subscription: &Subscription) -> String {
    format!("http-{}", subscription.generation % 2)
}

impl Pusher {
    /// Delivers events until [`Pusher::stop`].
    pub fn run(&self) {
        while !self.status.is_stopped() {
            let subscription = self.settings.now().subscription.clone();
            let wait = match self.step(&subscription) {
                Ok(Step::Delivered) => continue,
                Ok(Step::Idle) => None,
                Ok(Step::Until(moment)) => Some(moment),
                Err(error) => {
                    warn!(%error, "the event log cannot be read or moved on, trying again");
                    Some(self.clock.mono().after(RETRY))
                }
            };
            self.wait_for(wait, &subscription);
        }
    }

    /// Waits for new events, or for a moment if one is given; a changed subscription ends the wait.
    fn wait_for(&self, moment: Option<Mono>, subscription: &Subscription) {
        loop {
            self.clock.wait(&self.bell, moment);
            let changed = self.settings.now().subscription != *subscription;
            let due = moment.is_none_or(|m| self.clock.mono() >= m);
            if due || changed || self.status.is_stopped() {
                return;
            }
        }
    }

    fn step(&self, subscription: &Subscription) -> Result<Step> {
        if subscription.topics.is_empty() {
            return Ok(Step::Idle);
        }
        let sink = sink_name(subscription);
        let after = match self.store.position(&sink)? {
            Some(position) => position,
            None => {
                let newest = self.store.last_seq();
                self.store.set_position(&sink, newest)?;
                newest
            }
        };
        let Some(Logged { seq, event }) = self.store.next_event(after, None)? else {
            let progress = &mut lock(&self.status.0);
            progress.caught_up = subscription.resume.then(|| self.local());
            return Ok(Step::Idle);
        };
        if let Some(interval) = subscription.push_interval_s
            && let Some(due) = self.held_back(subscription, interval, seq)
        {
            return Ok(Step::Until(due));
        }
        let Some((path, body)) = self.compose(subscription, &event) else {
            self.store.set_position(&sink, seq)?;
            return Ok(Step::Delivered);
        };
        let started = self.clock.mono();
        let again = std::mem::replace(&mut lock(&self.status.0).tried, seq) == seq;
        let answer = self.sink.post(subscription, &path, &body);
        if !again {
            self.pass_on(&event, &answer);
        }
        let done = match (&answer, subscription.resume) {
            (Ok(Answer { acknowledged, .. }), true) => {
                if !acknowledged {
                    warn!(
                        seq,
                        "the subscriber answers without a \"code\" of 200 beside the others, sending again in 10 s; what follows waits"
                    );
                }
                *acknowledged
            }
            (Ok(Answer { success, .. }), false) => {
                if !success {
                    warn!(seq, "the subscriber answered an error; without resume the event is not sent again");
                }
                true
            }
            (Err(error), false) => {
                warn!(seq, %error, "the subscriber cannot be reached; without resume the event is not sent again");
                true
            }
            (Err(error), true) => {
                warn!(seq, %error, "the subscriber cannot be reached, sending again in 10 s");
                false
            }
        };
        if !done {
            return Ok(Step::Until(started.after(RETRY)));
        }
        self.store.set_position(&sink, seq)?;
        Ok(Step::Delivered)
    }

    /// Passes the verdict in an acknowledgement on to the door. That of a record sent again opens nothing: who was
    /// to be admitted has gone.
    fn pass_on(&self, event: &Event, answer: &Result<Answer>) {
        if let (Event::Control(record), Ok(Answer { verdict: Some(verdict), .. })) = (event, answer)
            && record.question != 0
        {
            let Verdict { open, text } = verdict.clone();
            let verdict = control::Command::Verdict { question: record.question, open, text };
            self.control.send(control::Event::Command(verdict));
        }
    }

    /// Until when timed pushing holds the event at `seq` back; `None`: it goes out now.
    fn held_back(&self, subscription: &Subscription, interval_s: u32, seq: u64) -> Option<Mono> {
        let every = u64::from(interval_s.max(1)) * 1_000_000;
        let slot = self.clock.mono().0 / every;
        let timed = &mut lock(&self.status.0).timed;
        if timed.generation != subscription.generation {
            *timed = Timed { generation: subscription.generation, slot, until: 0 };
        } else if timed.slot != slot {
            *timed = Timed { slot, until: self.store.last_seq(), ..*timed };
        }
        (seq > timed.until).then(|| Mono((slot + 1).saturating_mul(every)))
    }

    /// Path and body of an event; `None` when nobody subscribed to its kind.
    fn compose(&self, subscription: &Subscription, event: &Event) -> Option<(String, Value)> {
        let topic = message::topic_of(event, &subscription.topics)?;
        let Some(path) = message::path_of(topic, subscription) else {
            warn!(topic, "no SubscribeUrl for a subscribed topic; its events are passed over");
            return None;
        };
        let age = self.local().seconds() - event.time().seconds();
        let in_time = u64::try_from(age).is_ok_and(|age| age <= LATE.as_secs());
        let settings = self.settings.now();
        let body = match event {
            Event::Control(record) => message::verify(record, topic, self.device_id, in_time, &settings, &self.store),
            Event::Capture(record) => {
                message::snap(record, self.device_id, in_time, settings.general.direction, &self.store)
            }
            Event::Notice(notice) => message::notice(notice, self.device_id, &self.store),
        };
        Some((path, body))
    }

    /// Sends heartbeats until [`Pusher::stop`].
    pub fn beat(&self) {
        while !self.status.is_stopped() {
            let subscription = self.settings.now().subscription.clone();
            if subscription.topics.is_empty() {
                self.clock.wait(&self.beat_bell, None);
                continue;
            }
            let started = self.clock.mono();
            if let Some(path) = message::path_of("HeartBeat", &subscription) {
                let body = message::heartbeat(self.device_id, self.local(), self.address());
                match self.sink.post(&subscription, &path, &body) {
                    Ok(Answer { success: true, .. }) => {}
                    Ok(_) => info!("the subscriber answers the heartbeat with an error"),
                    Err(error) => info!(%error, "the heartbeat does not reach the subscriber"),
                }
            }
            let next = started.after(Duration::from_secs(subscription.beat_s.max(1).into()));
            while self.clock.mono() < next
                && !self.status.is_stopped()
                && self.settings.now().subscription == subscription
            {
                self.clock.wait(&self.beat_bell, Some(next));
            }
        }
    }

    /// Ends both loops.
    pub fn stop(&self) {
        lock(&self.status.0).stopped = true;
        self.sink.cancel();
        self.bell.ring();
        self.beat_bell.ring();
    }

    /// Where the terminal is in the network its packets leave by.
    fn address(&self) -> Option<Address> {
        let link = match self.settings.now().network.route {
            Route::Wired | Route::Mobile => Link::Wired,
            Route::Wifi => Link::Wifi,
        };
        self.host.connection(link).ok().map(|at| at.address).filter(|address| address.is_some())
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
