//! The weekly or daily restart (3.23): once, when its full hour comes.
//!
//! Whether it is due is worked out from two readings of the local time: a clock that is set back, or over the hour by
//! more than a few minutes, restarts nothing. How a machine restarts is the host's matter.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, json};

use crate::clock::{Clock, Inbox};
use crate::control::decisions::Decisions;
use crate::error::Result;
use crate::field::LocalTime;
use crate::hal::Host;
use crate::settings::{General, Live, Restarted};

/// How often the clock is looked at.
pub const LOOK: Duration = Duration::from_secs(20);
/// A full hour that lies further back was missed, as when the clock was wrong or the terminal off.
const MISSED: Duration = Duration::from_secs(300);

/// Ends the thread.
#[derive(Clone, Copy, Debug)]
pub struct Stop;

/// The thread that restarts the terminal.
#[derive(Debug)]
pub struct Restarter {
    /// When to restart, and when it last did.
    pub settings: Arc<Live>,
    /// The machine.
    pub host: Arc<dyn Host>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Told of a restart.
    pub decisions: Arc<Decisions>,
    /// Told to stop.
    pub inbox: Inbox<Stop>,
}

impl Restarter {
    /// Looks at the clock until [`Stop`].
    pub fn run(&self) {
        let mut last = self.now();
        loop {
            let next = self.clock.mono().after(LOOK);
            if self.inbox.next(&*self.clock, Some(next)).is_some() {
                return;
            }
            last = self.look(last);
        }
    }

    /// Restarts if that is due since the time was `last`; returns the time now.
    fn look(&self, last: LocalTime) -> LocalTime {
        let now = self.now();
        let all = self.settings.now();
        if let Some(hour) = due(&all.general, last, now, all.restarted.hour)
            && let Err(error) = self.restart(hour)
        {
            tracing::error!(%error, cause = ?error.source, "the terminal cannot restart as it is set to");
        }
        now
    }

    fn now(&self) -> LocalTime {
        self.settings.now().ntp.local(self.clock.wall())
    }

    /// Kept before it is done: a terminal that cannot remember must not restart over and over.
    fn restart(&self, hour: LocalTime) -> Result<()> {
        self.settings.change::<Restarted>(|restarted| {
            restarted.hour = Some(hour);
            Ok(())
        })?;
        tracing::info!(%hour, "restarting as set");
        let mut more = Map::new();
        more.insert("hour".into(), json!(hour));
        self.decisions.tell(self.now(), "restart", more);
        self.host.reboot()
    }
}

/// The full hour a restart is due at, if it has come between `last` and `now` and nothing was done at it.
fn due(general: &General, last: LocalTime, now: LocalTime, done: Option<LocalTime>) -> Option<LocalTime> {
    let hour = LocalTime(now.0.with().minute(0).second(0).subsec_nanosecond(0).build().ok()?);
    let passed = u64::try_from(now.seconds() - hour.seconds()).ok()?;
    let comes = last < hour && passed < MISSED.as_secs();
    (comes && done != Some(hour) && general.reboots_in_hour(hour)).then_some(hour)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::field::Int;
    use crate::hal::sim::{SimHost, World};
    use crate::store::{Limits, Store};

    #[test]
    fn a_daily_restart_comes_once_a_day_even_over_the_restart_itself() {
        let folder = tempfile::tempdir().unwrap();
        // 10:50 in Beijing.
        let clock = Arc::new(ManualClock::at("2026-03-01T02:50:00Z".parse().unwrap()));
        let world = World::new(clock.clone(), 8, 8);
        let limits = Limits { people: 1, control_records: 1, captures: 1, notices: 1 };
        let start = || {
            let store = Arc::new(Store::open(folder.path(), limits, clock.clone()).unwrap());
            let settings = Arc::new(Live::load(store).unwrap());
            let host = Arc::new(SimHost(world.clone()));
            let (decisions, inbox) = (Arc::default(), Inbox::default());
            Restarter { settings, host, clock: clock.clone(), decisions, inbox }
        };
        let pass = |restarter: &Restarter, minutes: u64| {
            let mut last = restarter.now();
            for _ in 0..minutes * 3 {
                clock.advance(LOOK);
                last = restarter.look(last);
            }
        };
        let restarter = start();
        let daily = General { reboot_day: Int::of(1), reboot_hour: Int::of(11), ..General::default() };
        restarter
            .settings
            .change::<General>(|general| {
                *general = daily;
                Ok(())
            })
            .unwrap();
        pass(&restarter, 9);
        assert_eq!(world.reboots(), 0);
        pass(&restarter, 90);
        assert_eq!(world.reboots(), 1);
        assert_eq!(restarter.decisions.lines(0)[0]["hour"], "2026-03-01T11:00:00");
        // The machine has restarted and its clock was set back: the same hour comes again.
        drop(restarter);
        clock.set_wall("2026-03-01T02:59:00Z".parse().unwrap());
        let restarter = start();
        pass(&restarter, 90);
        assert_eq!(world.reboots(), 1);
        pass(&restarter, 24 * 60);
        assert_eq!(world.reboots(), 2);
    }

    #[test]
    fn a_restart_is_due_once_when_its_hour_comes() {
        let time = |text: &str| LocalTime::parse(text).unwrap();
        // 2026-03-01 is a Sunday: 8 in the document.
        for (day, hour, last, now, done, expect) in [
            (0, 3, "2026-03-01T02:59:50", "2026-03-01T03:00:10", None, false),
            (1, 3, "2026-03-01T02:59:50", "2026-03-01T03:00:10", None, true),
            (1, 3, "2026-03-01T02:59:50", "2026-03-01T03:00:00", None, true),
            (1, 3, "2026-03-01T03:00:00", "2026-03-01T03:00:20", None, false),
            (1, 3, "2026-03-01T02:59:40", "2026-03-01T02:59:59", None, false),
            (1, 4, "2026-03-01T02:59:50", "2026-03-01T03:00:10", None, false),
            (8, 3, "2026-03-01T02:59:50", "2026-03-01T03:00:10", None, true),
            (2, 3, "2026-03-01T02:59:50", "2026-03-01T03:00:10", None, false),
            (2, 0, "2026-03-01T23:59:50", "2026-03-02T00:00:10", None, true),
            // After the restart itself, or with the clock set back meanwhile.
            (1, 3, "2026-03-01T02:59:50", "2026-03-01T03:00:10", Some("2026-03-01T03:00:00"), false),
            (1, 3, "2026-03-02T02:59:50", "2026-03-02T03:00:10", Some("2026-03-01T03:00:00"), true),
            // The clock was set forward over the hour: just now, or long missed.
            (1, 3, "2026-03-01T01:30:00", "2026-03-01T03:04:59", None, true),
            (1, 3, "1970-01-01T08:00:20", "2026-03-01T03:05:00", None, false),
            (1, 3, "2026-03-01T03:30:00", "2026-03-01T02:10:00", None, false),
        ] {
            let general = General {
                reboot_day: Int::new(day).unwrap(),
                reboot_hour: Int::new(hour).unwrap(),
                ..General::default()
            };
            let found = due(&general, time(last), time(now), done.map(time));
            assert_eq!(found.is_some(), expect, "day {day} hour {hour}: {last} to {now}, done {done:?}");
        }
    }
}
