//! The subscriber over HTTP (3.12): who wants what, and whether an answer acknowledges it.

use std::sync::Mutex;

use super::http::{Answer, Post, Server, Verdict};
use super::message::{self, Author};
use super::outbox::{self, Sent, Sink, Terms};
use crate::access::record::Event;
use crate::bail;
use crate::clock::{Outbound, lock};
use crate::control;
use crate::error::Result;
use crate::field::LocalTime;
use crate::settings::{Live, Settings, Subscription};
use crate::store::{Logged, Store};

/// The subscriber as a sink of events.
#[derive(Debug)]
pub struct Subscriber {
    /// Writes the bodies.
    pub author: Author,
    /// The way out.
    pub post: Post,
    /// The way to the door, for verdicts in acknowledgements (3.2.3).
    pub control: Outbound<control::Event>,
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
        outbox::begin(store, &place(&new), begin)?;
        tell_left_behind(store, &old, &new)?;
    }
    settings.change::<Subscription>(|current| {
        *current = new;
        Ok(())
    })
}

/// Says how much waited for the subscriber before, which the new one does not get without a `BeginTime`.
fn tell_left_behind(store: &Store, old: &Subscription, new: &Subscription) -> Result<()> {
    if !old.resume || old.topics.is_empty() {
        return Ok(());
    }
    let reached = store.position(&place(old))?.unwrap_or_default();
    let begins = store.position(&place(new))?.unwrap_or_default();
    let events = store.backlog(reached).events.saturating_sub(store.backlog(begins).events);
    if events > 0 {
        tracing::warn!(
            events,
            before = old.address,
            now = new.address,
            "waited for the subscriber before, and are not sent"
        );
    }
    Ok(())
}

/// Under which name the place of a subscription is kept. Two names take turns: the place of a new subscription
/// is laid down before it replaces the old one.
fn place(subscription: &Subscription) -> String {
    format!("http-{}", subscription.generation % 2)
}

/// The server of a subscription.
pub(super) fn server(subscription: &Subscription) -> Server<'_> {
    Server { address: &subscription.address, login: subscription.login.as_ref().map(|(user, pwd)| (&**user, &**pwd)) }
}

impl Sink for Subscriber {
    type Route = Subscription;

    const NAME: &'static str = "subscriber";

    fn route(&self, settings: &Settings) -> Option<Subscription> {
        let subscription = &settings.subscription;
        (!subscription.topics.is_empty()).then(|| subscription.clone())
    }

    fn terms(&self, route: &Subscription) -> Terms {
        Terms { place: place(route), resume: route.resume, interval_s: route.push_interval_s, begin: None }
    }

    fn send(&self, route: &Subscription, logged: &Logged, again: bool) -> Result<Sent> {
        let Some(topic) = message::topic_of(&logged.event, &route.topics) else { return Ok(Sent::Unwanted) };
        let Some(path) = message::path_of(topic, route) else {
            tracing::warn!(topic, "no SubscribeUrl for a subscribed topic; its events are passed over");
            return Ok(Sent::Unwanted);
        };
        let body = self.author.write(&logged.event, topic);
        let answer = self.post.post(server(route), &path, &body)?;
        if !again {
            self.pass_on(&logged.event, &answer);
        }
        match (route.resume, answer) {
            (true, Answer { acknowledged: true, .. }) | (false, Answer { success: true, .. }) => Ok(Sent::Delivered),
            (true, _) => bail!(Unavailable, "the answer has no \"code\" of 200 at its top"),
            (false, _) => bail!(Unavailable, "the answer is an error"),
        }
    }

    fn cancel(&self) {
        self.post.cancel();
    }
}

impl Subscriber {
    /// Passes the verdict in an acknowledgement on to the door. That of a record sent again opens nothing: who was
    /// to be admitted has gone.
    fn pass_on(&self, event: &Event, answer: &Answer) {
        if let (Event::Control(record), Some(verdict)) = (event, &answer.verdict)
            && record.question != 0
        {
            let Verdict { open, text } = verdict.clone();
            let verdict = control::Command::Verdict { question: record.question, open, text };
            self.control.send(control::Event::Command(verdict));
        }
    }
}
