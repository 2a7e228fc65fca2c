//! Which devices work: told once when that changes, and kept for whoever asks what does not.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use serde_json::{Map, Value, json};
use tracing::{info, warn};

use crate::clock::{Clock, lock};
use crate::control::decisions::Decisions;
use crate::error::reason;
use crate::settings::Live;

/// All devices.
pub struct Conditions {
    decisions: Arc<Decisions>,
    settings: Arc<Live>,
    clock: Arc<dyn Clock>,
    failing: Mutex<BTreeMap<String, String>>,
    /// Whether anything was heard of a device.
    heard: Mutex<BTreeMap<String, bool>>,
}

impl fmt::Debug for Conditions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conditions").field("failing", &self.failing()).finish_non_exhaustive()
    }
}

impl Conditions {
    /// Of a terminal whose events are kept in `decisions`.
    #[must_use]
    pub fn new(decisions: Arc<Decisions>, settings: Arc<Live>, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { decisions, settings, clock, failing: Mutex::default(), heard: Mutex::default() })
    }

    /// Of one device, for the thread that drives it.
    #[must_use]
    pub fn of(self: &Arc<Self>, device: impl Into<String>) -> Condition {
        let device = device.into();
        lock(&self.heard).entry(device.clone()).or_default();
        Condition { device, works: None, heard: false, all: self.clone() }
    }

    /// Of which nothing was heard yet: whoever drives them may hang.
    #[must_use]
    pub fn silent(&self) -> Vec<String> {
        lock(&self.heard).iter().filter(|(_, heard)| !**heard).map(|(device, _)| device.clone()).collect()
    }

    /// What does not work now, and why.
    #[must_use]
    pub fn failing(&self) -> Vec<(String, String)> {
        lock(&self.failing).iter().map(|(device, why)| (device.clone(), why.clone())).collect()
    }

    /// Tells whoever watches of something about a device.
    pub fn tell(&self, event: &'static str, about: Value) {
        let about = match about {
            Value::Object(about) => about,
            _ => Map::new(),
        };
        self.decisions.tell(self.settings.now().ntp.local(self.clock.wall()), event, about);
    }
}

/// One device, as the thread that drives it finds it.
#[derive(Debug)]
pub struct Condition {
    device: String,
    works: Option<bool>,
    heard: bool,
    all: Arc<Conditions>,
}

impl Condition {
    /// The device did what was asked of it, or failed.
    pub fn note<T, E: std::error::Error>(&mut self, outcome: &Result<T, E>) {
        match outcome {
            Ok(_) => self.works(),
            Err(error) => self.fails(error),
        }
    }

    /// It works.
    pub fn works(&mut self) {
        match self.works.replace(true) {
            Some(true) => {}
            None => {
                self.is_heard();
                info!(device = self.device, "works");
            }
            Some(false) => {
                info!(device = self.device, "works again");
                lock(&self.all.failing).remove(&self.device);
                self.all.tell("device", json!({ "device": self.device, "works": true }));
            }
        }
    }

    /// Nothing is asked of it, whether or not it would work.
    pub fn rests(&mut self) {
        self.is_heard();
        if self.works.take() == Some(false) {
            info!(device = self.device, "is not asked for any more");
            lock(&self.all.failing).remove(&self.device);
            self.all.tell("device", json!({ "device": self.device, "asked": false }));
        }
    }

    /// It does not.
    pub fn fails(&mut self, why: &dyn std::error::Error) {
        if self.works.replace(false) != Some(false) {
            self.is_heard();
            let why = reason(why);
            warn!(device = self.device, why, "does not work");
            self.all.tell("device", json!({ "device": self.device, "works": false, "why": why }));
            lock(&self.all.failing).insert(self.device.clone(), why);
        }
    }

    fn is_heard(&mut self) {
        if !std::mem::replace(&mut self.heard, true) {
            lock(&self.all.heard).insert(self.device.clone(), true);
        }
    }

    /// Tells whoever watches of something else about it.
    pub fn tell(&self, event: &'static str, about: Value) {
        self.all.tell(event, about);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    use crate::clock::ManualClock;
    use crate::error::{Error, Fault};

    #[test]
    fn what_nothing_is_asked_of_neither_fails_nor_works() {
        let clock = Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH));
        let settings = Live::unkept();
        let decisions = Arc::new(Decisions::default());
        let all = Conditions::new(decisions.clone(), settings, clock);
        let mut liveness = all.of("liveness");
        assert_eq!(all.silent(), ["liveness"]);
        liveness.rests();
        assert!(all.silent().is_empty() && decisions.lines(0).is_empty());
        for _ in 0..2 {
            liveness.fails(&Error::new(Fault::Unavailable, "cannot judge it"));
            assert_eq!(all.failing(), [("liveness".to_owned(), "cannot judge it".to_owned())]);
            liveness.rests();
            liveness.rests();
            assert!(all.failing().is_empty());
        }
        let told: Vec<_> =
            decisions.lines(0).iter().map(|line| (line["works"].clone(), line["asked"].clone())).collect();
        let [fails, rests] = [(json!(false), Value::Null), (Value::Null, json!(false))];
        assert_eq!(told, [fails.clone(), rests.clone(), fails, rests]);
    }
}
