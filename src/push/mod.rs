//! Events to platforms: to the subscriber over HTTP (3.12), to the centre (3.7), to the MQTT server (3.31).
//!
//! `outbox` is what all of them share: one ordered log, a place in it for each, deliver, acknowledge, move on. A way out
//! (`subscriber`, `centre`, and `mqtt` in a module of its own) says who wants events and sends one; `message` makes the
//! bodies, `http` posts them. `heartbeat` tells the subscriber that the terminal lives, `manual` sends records once more.

pub mod centre;
pub mod heartbeat;
pub mod http;
pub mod manual;
pub mod message;
pub mod outbox;
pub mod subscriber;

use std::time::Duration;

use crate::field::LocalTime;

/// From one attempt at an unacknowledged event to the next (3.12).
pub const RETRY: Duration = Duration::from_secs(10);
/// From this age on an event counts as late (`Sendintime` 0).
const LATE: Duration = Duration::from_secs(10);

/// Whether something of `time` is told early enough at `now` to count as such (`Sendintime`).
#[must_use]
pub fn is_in_time(time: LocalTime, now: LocalTime) -> bool {
    u64::try_from(now.seconds() - time.seconds()).is_ok_and(|age| age <= LATE.as_secs())
}
