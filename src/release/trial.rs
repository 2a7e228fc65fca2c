//! The time in which a new release has to prove itself: what worked before the switch has to work now, and to go on
//! working for a moment.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use semver::Version;
use serde::{Deserialize, Serialize};

use super::state::{Releases, State};
use super::{Problem, Running, Slot, UNFIT};
use crate::clock::{Clock, Inbox, Mono, Outbound};
use crate::hal::linux::supervisor;

/// How often it is looked.
const LOOK: Duration = Duration::from_millis(500);
/// What works has to go on working for this part of the time allowed.
const SETTLING: u32 = 6;

/// How long after its time an unfit release has to end by itself.
const GRACE: Duration = Duration::from_secs(20);

/// What a release has to have working.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Function {
    /// The camera delivers pictures.
    Camera,
    /// Models and engine are loaded.
    Models,
    /// People are loaded into the gallery.
    People,
    /// The API answers a request on its own port.
    Api,
    /// The door's inputs can be read.
    Inputs,
    /// The relay can be driven.
    Lock,
    /// One that other software looks at.
    #[serde(other)]
    Unknown,
}

impl Function {
    /// All that this software looks at.
    pub const ALL: [Self; 6] = [Self::Camera, Self::Models, Self::People, Self::Api, Self::Inputs, Self::Lock];
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Camera => "camera",
            Self::Models => "face models",
            Self::People => "people",
            Self::Api => "API",
            Self::Inputs => "inputs",
            Self::Lock => "lock",
            Self::Unknown => "unknown",
        })
    }
}

/// Which functions do not work, and why.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Health(pub Vec<(Function, String)>);

impl Health {
    /// What works.
    #[must_use]
    pub fn working(&self) -> Vec<Function> {
        Function::ALL.into_iter().filter(|function| !self.0.iter().any(|(failing, _)| failing == function)).collect()
    }

    /// What of `needed` does not work, in words; `None`: all of it does.
    fn lacks(&self, needed: &BTreeSet<Function>) -> Option<String> {
        let lacking = self.0.iter().filter(|(function, _)| needed.contains(function));
        let lacking: Vec<_> = lacking.map(|(function, why)| format!("{function}: {why}")).collect();
        (!lacking.is_empty()).then(|| lacking.join("; "))
    }
}

/// Ends the wait.
#[derive(Clone, Copy, Debug)]
pub struct Stop;

/// What came of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// The release stays.
    Proved,
    /// It has to end: something does not work as before.
    Unfit(String),
    /// The terminal stops before it is known.
    Stopped,
}

/// A release on trial, in its own daemon.
#[derive(Clone, Debug)]
pub struct Trial {
    releases: Releases,
    slot: Slot,
    /// Its version.
    pub version: Version,
    needed: BTreeSet<Function>,
    /// Until when it has to have proved itself.
    pub until: Mono,
    settling: Duration,
}

impl Trial {
    /// Of the release that runs, if that is on trial; it has `longest` from the start of the process on.
    #[must_use]
    pub fn of(running: &Running, releases: &Releases, longest: Duration) -> Option<Self> {
        let state = releases.load().ok()?;
        let trial = state.trial?;
        let slot = running.slot(releases).filter(|slot| *slot == state.chosen)?;
        let settling = longest / SETTLING;
        let needed = trial.healthy.into_iter().collect();
        let until = Mono::default().after(longest);
        Some(Self { releases: releases.clone(), slot, version: trial.version, needed, until, settling })
    }

    /// Looks with `look` until the release has proved itself, or its time is over.
    pub fn watch(&self, clock: &dyn Clock, inbox: &Inbox<Stop>, look: impl Fn() -> Health) -> Verdict {
        let mut well_since = None;
        loop {
            let now = clock.mono();
            match look().lacks(&self.needed) {
                None => {
                    if now.since(*well_since.get_or_insert(now)) >= self.settling {
                        return Verdict::Proved;
                    }
                }
                Some(why) if now >= self.until => return Verdict::Unfit(why),
                Some(_) => well_since = None,
            }
            if inbox.next(clock, Some(now.after(LOOK))).is_some() {
                return Verdict::Stopped;
            }
        }
    }

    /// Keeps that the release has proved itself. Whether it was on trial still: it may have been given up by hand.
    ///
    /// # Errors
    /// When that cannot be written: it stays on trial.
    pub fn confirm(&self) -> Result<bool, Problem> {
        self.releases.change(|state| {
            let is_on = self.is_on(state);
            if is_on {
                state.trial = None;
                state.unproved.remove(&self.slot);
            }
            is_on
        })
    }

    /// Notes why it has not, for whoever counts its ends.
    ///
    /// # Errors
    /// When that cannot be written.
    pub fn note(&self, why: &str) -> Result<(), Problem> {
        self.releases.change(|state| {
            if let Some(trial) = &mut state.trial {
                trial.why = Some(why.to_owned());
            }
        })
    }
}

/// Ends the process of a release on trial that does not even end by itself.
#[derive(Debug)]
pub struct Deadline(Outbound<Stop>);

impl Trial {
    /// Ends the process some time after the trial is over, unless it has proved itself or ends by itself by then. So much time
    /// is asked of the supervisor, which may allow less.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn deadline(&self, clock: Arc<dyn Clock>) -> std::io::Result<Deadline> {
        let (trial, inbox) = (self.clone(), Inbox::default());
        let deadline = Deadline(inbox.sender());
        supervisor::more_time(self.longest());
        std::thread::Builder::new().name("deadline".into()).spawn(move || {
            let is_on = || trial.releases.load().is_ok_and(|state| trial.is_on(&state));
            if inbox.next(&*clock, Some(trial.last())).is_some() || !is_on() {
                return;
            }
            tracing::error!(version = %trial.version, "the new release hangs; its process ends");
            if let Err(problem) = trial.note("it hung at its start or its end") {
                tracing::error!(%problem, "why cannot be kept");
            }
            std::process::exit(UNFIT.into());
        })?;
        Ok(deadline)
    }

    fn is_on(&self, state: &State) -> bool {
        state.chosen == self.slot && state.trial.as_ref().is_some_and(|trial| trial.version == self.version)
    }

    /// How long it may take from the start of the process to its verdict, or its end without one.
    #[must_use]
    pub fn longest(&self) -> Duration {
        self.last().since(Mono::default())
    }

    /// What gets well at the last moment may settle still.
    fn last(&self) -> Mono {
        self.until.after(self.settling).after(GRACE)
    }
}

impl Deadline {
    /// The process ends by itself.
    pub fn lift(&self) {
        self.0.send(Stop);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use jiff::Timestamp;

    use super::*;
    use crate::clock::ManualClock;

    fn trial(needed: &[Function]) -> Trial {
        Trial {
            releases: Releases::of(std::path::Path::new("nowhere")),
            slot: Slot::A,
            version: Version::new(2, 0, 0),
            needed: needed.iter().copied().collect(),
            until: Mono::default().after(Duration::from_secs(60)),
            settling: Duration::from_secs(10),
        }
    }

    /// How it ends when at each look that second's functions fail; time passes with each look.
    fn watched(needed: &[Function], failing: impl Fn(u64) -> Vec<Function>) -> (Verdict, u64) {
        let clock = ManualClock::at(Timestamp::UNIX_EPOCH);
        let (inbox, second) = (Inbox::default(), Cell::new(0));
        let verdict = trial(needed).watch(&clock, &inbox, || {
            second.set(clock.mono().since(Mono::default()).as_secs());
            let health =
                Health(failing(second.get()).into_iter().map(|function| (function, "broken".into())).collect());
            // The wait for the next look is over before it begins.
            clock.advance(LOOK);
            health
        });
        (verdict, second.get())
    }

    #[test]
    fn what_worked_before_has_to_work_for_a_moment() {
        assert_eq!(watched(&Function::ALL, |_| vec![]).0, Verdict::Proved);
        let (verdict, second) =
            watched(&Function::ALL, |second| if second < 20 { vec![Function::Camera] } else { vec![] });
        assert!(verdict == Verdict::Proved && second >= 29, "{second}");
        // A function that comes and goes is none that works.
        let flapping = |second: u64| if second.is_multiple_of(5) { vec![Function::Api] } else { vec![] };
        let (verdict, second) = watched(&Function::ALL, flapping);
        assert_eq!((verdict, second), (Verdict::Unfit("API: broken".into()), 60));
    }

    #[test]
    fn what_did_not_work_before_need_not_work_now() {
        assert_eq!(
            watched(&[Function::Api, Function::Unknown], |_| vec![Function::Camera, Function::Lock]).0,
            Verdict::Proved
        );
        let (verdict, _) = watched(&[Function::Api, Function::Lock], |_| vec![Function::Camera, Function::Lock]);
        assert_eq!(verdict, Verdict::Unfit("lock: broken".into()));
    }

    #[test]
    fn what_gets_well_at_the_last_moment_is_not_ended_as_hung() {
        let failing = |second| if second < 59 { vec![Function::Camera] } else { vec![] };
        let (verdict, second) = watched(&Function::ALL, failing);
        let longest = trial(&Function::ALL).longest();
        assert!(
            verdict == Verdict::Proved && Duration::from_secs(second) < longest,
            "{verdict:?} {second} {longest:?}"
        );
    }

    #[test]
    fn a_release_that_was_given_up_by_hand_is_not_confirmed() {
        let folder = tempfile::tempdir().unwrap();
        let releases = Releases::of(folder.path());
        let running = Running { version: Version::new(2, 0, 0), folder: releases.slot(Slot::A) };
        std::fs::create_dir_all(releases.slot(Slot::A).unwrap()).unwrap();
        let on = super::super::state::Trial {
            version: Version::new(2, 0, 0),
            ended: 0,
            why: None,
            running: true,
            boot: None,
            healthy: vec![],
        };
        for given_up in [false, true] {
            let unproved = [Slot::A].into();
            let state = State { chosen: Slot::A, trial: Some(on.clone()), unproved, ..State::default() };
            releases.change(|now| *now = state).unwrap();
            let trial = Trial::of(&running, &releases, Duration::from_secs(60)).unwrap();
            assert!(!running.stays(&releases), "on trial");
            if given_up {
                assert_eq!(releases.go_back().unwrap(), Slot::Factory);
            }
            assert_eq!((trial.confirm().unwrap(), running.stays(&releases)), (!given_up, !given_up));
            assert_eq!(releases.load().unwrap().unproved.contains(&Slot::A), given_up);
        }
    }

    #[test]
    fn a_terminal_that_stops_is_not_unfit() {
        let clock = ManualClock::at(Timestamp::UNIX_EPOCH);
        let inbox = Inbox::default();
        inbox.sender().send(Stop);
        let broken = || Health(vec![(Function::Api, "broken".into())]);
        assert_eq!(trial(&Function::ALL).watch(&clock, &inbox, broken), Verdict::Stopped);
    }
}
