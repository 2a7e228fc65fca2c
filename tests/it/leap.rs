//! Real time that a test can let pass at once.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use facegate::clock::{Bell, Clock, Mono, SystemClock};
use jiff::Timestamp;

/// The machine's clocks, with a monotonic one that leaps ahead when told to; the wall stays.
#[derive(Debug, Default)]
pub struct LeapClock {
    machine: SystemClock,
    /// How far it has leapt, microseconds.
    ahead: AtomicU64,
    /// Who waits for a moment, by a number of the wait.
    waiting: Mutex<BTreeMap<u64, Bell>>,
    waits: AtomicU64,
}

impl LeapClock {
    /// The clocks that do not leap.
    pub fn machine(&self) -> &SystemClock {
        &self.machine
    }

    /// Lets `span` pass; who waits looks at the time again.
    pub fn leap(&self, span: Duration) {
        self.ahead.fetch_add(u64::try_from(span.as_micros()).unwrap(), Ordering::SeqCst);
        for bell in self.waiting.lock().unwrap().values() {
            bell.ring();
        }
    }
}

impl Clock for LeapClock {
    fn mono(&self) -> Mono {
        Mono(self.machine.mono().0 + self.ahead.load(Ordering::SeqCst))
    }

    fn wall(&self) -> Timestamp {
        self.machine.wall()
    }

    fn set_wall(&self, to: Timestamp) {
        self.machine.set_wall(to);
    }

    fn wait(&self, bell: &Bell, deadline: Option<Mono>) {
        let wait = self.waits.fetch_add(1, Ordering::SeqCst);
        if deadline.is_some() {
            self.waiting.lock().unwrap().insert(wait, bell.clone());
        }
        // A leap from here on rings the bell.
        let ahead = self.ahead.load(Ordering::SeqCst);
        self.machine.wait(bell, deadline.map(|deadline| Mono(deadline.0.saturating_sub(ahead))));
        self.waiting.lock().unwrap().remove(&wait);
    }
}
