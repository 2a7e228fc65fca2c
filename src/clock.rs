//! Time as a value: what the wall shows, what has passed, and waiting for either a moment or a message.
//!
//! Nothing else in the program asks the system for the time (`clippy.toml` bans it). Wall time serves
//! records and schedules and may be set back by an operator; monotonic time serves holds, retries and
//! timeouts. `ManualClock` moves only when a test says so and then wakes whoever waits.
#![expect(clippy::disallowed_methods, reason = "the one place that asks the system")]

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use embedded_hal::delay::DelayNs;
use jiff::Timestamp;

/// A moment of the monotonic clock: microseconds since the terminal started.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Mono(pub u64);

impl Mono {
    /// This moment and `span` later.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(span.as_micros()).unwrap_or(u64::MAX)))
    }

    /// The time from `earlier` to this moment; zero when it lies later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

/// The terminal's sense of time.
pub trait Clock: Send + Sync + fmt::Debug + 'static {
    /// The moment now, never going back.
    fn mono(&self) -> Mono;
    /// The wall clock now.
    fn wall(&self) -> Timestamp;
    /// Sets the wall clock as seen by the terminal.
    fn set_wall(&self, to: Timestamp);
    /// Blocks until `bell` rings or `deadline` has come (`None`: until it rings).
    fn wait(&self, bell: &Bell, deadline: Option<Mono>);
}

/// What a waiting thread is woken by: rung by whoever leaves something for it.
#[derive(Clone, Default, Debug)]
pub struct Bell(Arc<(Mutex<bool>, Condvar)>);

impl Bell {
    /// Wakes the waiter, or lets its next wait return at once.
    pub fn ring(&self) {
        *lock(&self.0.0) = true;
        self.0.1.notify_all();
    }

    fn wait_for(&self, longest: Option<Duration>) {
        let (rung, condition) = &*self.0;
        let mut rung = lock(rung);
        match longest {
            None => {
                while !*rung {
                    rung = condition.wait(rung).unwrap_or_else(PoisonError::into_inner);
                }
            }
            Some(longest) => {
                let until = Instant::now() + longest;
                while !*rung {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        break;
                    }
                    rung = condition.wait_timeout(rung, left).unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        }
        *rung = false;
    }
}

/// A queue into one thread that also keeps appointments: `next` returns a message or the deadline.
#[derive(Debug)]
pub struct Inbox<T> {
    queue: Arc<Mutex<VecDeque<T>>>,
    bell: Bell,
}

impl<T> Default for Inbox<T> {
    fn default() -> Self {
        Self { queue: Arc::default(), bell: Bell::default() }
    }
}

impl<T> Inbox<T> {
    /// A handle that leaves messages here.
    #[must_use]
    pub fn sender(&self) -> Outbound<T> {
        Outbound { queue: self.queue.clone(), bell: self.bell.clone() }
    }

    /// The next message, or `None` when `deadline` came first.
    pub fn next(&self, clock: &dyn Clock, deadline: Option<Mono>) -> Option<T> {
        loop {
            if let Some(message) = lock(&self.queue).pop_front() {
                return Some(message);
            }
            if deadline.is_some_and(|d| clock.mono() >= d) {
                return None;
            }
            clock.wait(&self.bell, deadline);
        }
    }

    /// All messages waiting now, without blocking.
    pub fn drain(&self) -> Vec<T> {
        lock(&self.queue).drain(..).collect()
    }
}

/// The sending end of an [`Inbox`].
#[derive(Debug)]
pub struct Outbound<T> {
    queue: Arc<Mutex<VecDeque<T>>>,
    bell: Bell,
}

impl<T> Clone for Outbound<T> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone(), bell: self.bell.clone() }
    }
}

impl<T> Outbound<T> {
    /// Leaves `message` and wakes the receiver.
    pub fn send(&self, message: T) {
        lock(&self.queue).push_back(message);
        self.bell.ring();
    }

    /// How many messages wait.
    #[must_use]
    pub fn len(&self) -> usize {
        lock(&self.queue).len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The machine's clocks; the wall can be shifted without touching the system's.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
    /// Added to the system's wall clock, nanoseconds.
    shift: Mutex<i128>,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self { start: Instant::now(), shift: Mutex::new(0) }
    }
}

impl Clock for SystemClock {
    fn mono(&self) -> Mono {
        Mono(u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    fn wall(&self) -> Timestamp {
        let now = Timestamp::now();
        Timestamp::from_nanosecond(now.as_nanosecond() + *lock(&self.shift)).unwrap_or(now)
    }

    fn set_wall(&self, to: Timestamp) {
        *lock(&self.shift) = to.as_nanosecond() - Timestamp::now().as_nanosecond();
    }

    fn wait(&self, bell: &Bell, deadline: Option<Mono>) {
        bell.wait_for(deadline.map(|d| d.since(self.mono())));
    }
}

/// Waits to the microsecond, never too short: the last part is waited for awake, since a sleeping thread wakes too late
/// for a pulse.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace;

/// How long before its moment a [`Pace`] is awake: twice what a real-time thread needs to be woken.
const AWAKE: Duration = Duration::from_micros(300);

impl DelayNs for Pace {
    fn delay_ns(&mut self, ns: u32) {
        let until = Instant::now() + Duration::from_nanos(ns.into());
        let left = until.saturating_duration_since(Instant::now());
        if left > AWAKE {
            std::thread::sleep(left - AWAKE);
        }
        while Instant::now() < until {
            std::hint::spin_loop();
        }
    }
}

/// Moments at which something was done, for measuring.
#[derive(Clone, Debug, Default)]
pub struct Stamps(Arc<Mutex<Vec<Instant>>>);

impl Stamps {
    /// Notes this moment.
    pub fn note(&self) {
        lock(&self.0).push(Instant::now());
    }

    /// The spans between the moments noted, which are forgotten.
    #[must_use]
    pub fn spans(&self) -> Vec<Duration> {
        let moments = std::mem::take(&mut *lock(&self.0));
        moments.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }
}

/// A clock that stands still until a test advances it.
#[derive(Debug)]
pub struct ManualClock(Mutex<Manual>);

#[derive(Debug)]
struct Manual {
    mono: Mono,
    wall: Timestamp,
    waiting: Vec<Weak<(Mutex<bool>, Condvar)>>,
}

impl ManualClock {
    /// A clock showing `wall`, at monotonic zero.
    #[must_use]
    pub fn at(wall: Timestamp) -> Self {
        Self(Mutex::new(Manual { mono: Mono::default(), wall, waiting: Vec::new() }))
    }

    /// Lets `span` pass and wakes every waiter to look at the time again.
    pub fn advance(&self, span: Duration) {
        let waiting = {
            let mut manual = lock(&self.0);
            manual.mono = manual.mono.after(span);
            manual.wall += span;
            std::mem::take(&mut manual.waiting)
        };
        for bell in waiting.iter().filter_map(Weak::upgrade) {
            Bell(bell).ring();
        }
    }
}

impl Clock for ManualClock {
    fn mono(&self) -> Mono {
        lock(&self.0).mono
    }

    fn wall(&self) -> Timestamp {
        lock(&self.0).wall
    }

    fn set_wall(&self, to: Timestamp) {
        lock(&self.0).wall = to;
    }

    fn wait(&self, bell: &Bell, deadline: Option<Mono>) {
        {
            let mut manual = lock(&self.0);
            if deadline.is_some_and(|d| manual.mono >= d) {
                return;
            }
            manual.waiting.push(Arc::downgrade(&bell.0));
        }
        bell.wait_for(None);
    }
}

/// Locks, taking over what a panicked thread left: every guarded value here is whole at each step.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inbox_keeps_appointments_on_a_manual_clock() {
        let clock = Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH));
        let inbox = Inbox::<u8>::default();
        let sender = inbox.sender();
        let deadline = clock.mono().after(Duration::from_secs(3600));
        let waiter = std::thread::spawn({
            let clock = clock.clone();
            move || (inbox.next(&*clock, Some(deadline)), inbox.next(&*clock, Some(deadline)))
        });
        sender.send(7);
        clock.advance(Duration::from_secs(1800));
        clock.advance(Duration::from_secs(1800));
        assert_eq!(waiter.join().ok(), Some((Some(7), None)));
    }

    #[test]
    fn the_wall_can_be_set_without_moving_monotonic_time() {
        let clock = SystemClock::default();
        let before = clock.mono();
        clock.set_wall(Timestamp::UNIX_EPOCH);
        assert!(clock.wall().as_second() < 5);
        assert!(clock.mono() >= before);
    }
}
