//! Control records pushed once more because a platform asks for it (3.32): in order, on a thread of their own,
//! beside the pusher and without moving the place it has reached. No acknowledgement is waited for.

use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use serde_json::Value;
use tracing::{error, info, warn};

use super::http::Post;
use super::message::{self, Author};
use super::outbox::Status;
use super::subscriber::server;
use crate::access::ControlRecord;
use crate::access::record::Event;
use crate::bail;
use crate::clock::lock;
use crate::error::{Error, Fault, Result};
use crate::field::LocalTime;
use crate::settings::Subscription;
use crate::store::Range;

/// Records read at a time.
const PAGE: usize = 16;
/// A subscriber that is not reached this often in a row is given up.
const GIVE_UP: usize = 3;
/// How newer firmware marks what was pushed on request (`PushType`).
const ON_REQUEST: u8 = 2;

/// Pushes records on request, one request after the other.
#[derive(Debug)]
pub struct Manual {
    tools: Tools,
    worker: Mutex<Option<JoinHandle<()>>>,
}

/// What pushing takes.
#[derive(Clone, Debug)]
pub struct Tools {
    /// Writes the bodies; knows the records and the subscription in force.
    pub author: Author,
    /// The way out.
    pub post: Post,
    /// Of the subscriber's outbox, which says when the terminal stops.
    pub status: Arc<Status>,
}

/// One request: the records from `begin` to `end`, `left` of them.
struct Job {
    tools: Tools,
    begin: LocalTime,
    end: LocalTime,
    left: usize,
    /// The record reached: its time and its number.
    reached: Option<(LocalTime, u64)>,
}

impl Manual {
    /// Ready for requests.
    #[must_use]
    pub fn new(tools: Tools) -> Self {
        Self { tools, worker: Mutex::default() }
    }

    /// Begins to push the control records between two times, both included; returns how many there are.
    ///
    /// # Errors
    /// [`Fault::NoSubscription`], [`Fault::NothingFound`], [`Fault::Busy`] while an earlier request is under way.
    pub fn start(&self, begin: LocalTime, end: LocalTime) -> Result<usize> {
        let subscription = &self.tools.author.settings.now().subscription;
        if route(subscription).is_none() {
            bail!(NoSubscription, "Subscribe to Verify, VerifyWithSnap, VerifyWithReg or VerifyNoPic first");
        }
        let found = self.tools.author.store.count_control(begin, end);
        if found == 0 {
            bail!(NothingFound, "TimeS: there is no control record from {begin} to {end}");
        }
        let mut worker = lock(&self.worker);
        if worker.as_ref().is_some_and(|worker| !worker.is_finished()) {
            bail!(Busy, "the last manual push is still under way");
        }
        let job = Job { tools: self.tools.clone(), begin, end, left: found, reached: None };
        let thread = std::thread::Builder::new().name("manual-push".into()).spawn(move || job.run());
        *worker = Some(thread.map_err(|e| Error::new(Fault::Unavailable, "no thread to push on").because(e))?);
        Ok(found)
    }

    /// Waits for the request under way; the pusher must have been stopped before, which cuts it short.
    pub fn join(&self) {
        if let Some(worker) = lock(&self.worker).take()
            && worker.join().is_err()
        {
            error!("the manual push has panicked");
        }
    }
}

/// Topic and path of control records; `None` when nobody has subscribed to them.
fn route(subscription: &Subscription) -> Option<(&str, String)> {
    let topic = subscription.topics.iter().find(|topic| topic.starts_with("Verify"))?;
    Some((topic, message::path_of(topic, subscription)?))
}

impl Job {
    fn run(mut self) {
        let (mut sent, mut missed) = (0_usize, 0_usize);
        while self.left > 0 {
            let page = match self.page() {
                Ok(page) if page.is_empty() => break,
                Ok(page) => page,
                Err(error) => {
                    error!(%error, sent, "the control records cannot be read, the manual push ends");
                    return;
                }
            };
            for record in page {
                self.left -= 1;
                self.reached = Some((record.time, record.id));
                if self.tools.status.is_stopped() {
                    return;
                }
                let Some(result) = self.push(&record) else {
                    info!(sent, "nobody subscribes to control records any more, the manual push ends");
                    return;
                };
                match result {
                    Ok(()) => (sent, missed) = (sent + 1, 0),
                    Err(error) => {
                        missed += 1;
                        warn!(record = record.id, %error, "a record did not reach the subscriber by manual push");
                        if missed == GIVE_UP {
                            warn!(sent, left = self.left, "the subscriber is not reached, the manual push ends");
                            return;
                        }
                    }
                }
            }
        }
        info!(sent, "the manual push is done");
    }

    /// The next records. They are found by where the last one was, not by counting: the oldest may leave meanwhile.
    fn page(&self) -> Result<Vec<ControlRecord>> {
        let place = |time: LocalTime, number: u64| (time.seconds(), number);
        let behind = |record: &ControlRecord| {
            self.reached.is_none_or(|(time, number)| place(record.time, record.id) > place(time, number))
        };
        let begin = self.reached.map_or(self.begin, |(time, _)| time);
        let range = Range { begin, end: self.end, descending: false, skip: 0, limit: PAGE.min(self.left) };
        self.tools.author.store.control_records(range, None, Some(&behind))
    }

    /// Pushes one record through the subscription that is in force now; `None`: there is none.
    fn push(&self, record: &ControlRecord) -> Option<Result<()>> {
        let Tools { author, post, .. } = &self.tools;
        let settings = author.settings.now();
        let (topic, path) = route(&settings.subscription)?;
        let mut body = author.write(&Event::Control(record.clone()), topic);
        if let Some(info) = body.get_mut("info").and_then(Value::as_object_mut) {
            info.insert("PushType".into(), ON_REQUEST.into());
        }
        Some(match post.post(server(&settings.subscription), &path, &body) {
            Ok(answer) if answer.success => Ok(()),
            Ok(_) => Err(Error::new(Fault::Unavailable, "the subscriber answers an error")),
            Err(error) => Err(error),
        })
    }
}
