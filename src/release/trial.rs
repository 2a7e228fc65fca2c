//! The time in which a new release has to prove itself: what worked before the switch has to work now, and to go on
//! working for a moment.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use semver::Version;
use serde::{Deserialize, Serialize};

use super::state::Releases;
use super::{Problem, Running, UNFIT};
use crate::clock::{Clock, Inbox, Mono, Outbound};

/// How often it is looked.
const LOOK: Duration = Duration::from_millis(500);
/// What works has to go on working for this part of the time allowed.
const SETTLING: u32 = 6;

/// How long after its time an unfit release has to end by itself.
const GRACE: Duration = Duration::from_secs(20);

/// What a release has to have working.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
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

impl Part {
    /// All that this software looks at.
    pub const ALL: [Self; 6] = [Self::Camera, Self::Models, Self::People, Self::Api, Self::Inputs, Self::Lock];
}

impl fmt::Display for Part {
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

/// Which parts do not work, and why.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Health(pub Vec<(Part, String)>);

impl Health {
    /// What works.
    #[must_use]
    pub fn working(&self) -> Vec<Part> {
        Part::ALL.into_iter().filter(|part| !self.0.iter().any(|(failing, _)| failing == part)).collect()
    }

    /// What of `needed` does not work, in words; `None`: all of it does.
    fn lacks(&self, needed: &BTreeSet<Part>) -> Option<String> {
        let lacking = self.0.iter().filter(|(part, _)| needed.contains(part));
        let lacking: Vec<_> = lacking.map(|(part, why)| format!("{part}: {why}")).collect();
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
    /// Its version.
    pub version: Version,
    needed: BTreeSet<Part>,
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
        // Paths may be written in several ways.
        let running = running.folder.as_deref()?.canonicalize().ok()?;
        if running != releases.slot(state.chosen)?.canonicalize().ok()? {
            return None;
        }
        let settling = longest / SETTLING;
        let needed = trial.healthy.into_iter().collect();
        let until = Mono::default().after(longest);
        Some(Self { releases: releases.clone(), version: trial.version, needed, until, settling })
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

    /// Keeps that the release has proved itself.
    ///
    /// # Errors
    /// When that cannot be written: it stays on trial.
    pub fn confirm(&self) -> Result<(), Problem> {
        self.releases.change(|state| {
            if state.trial.as_ref().is_some_and(|trial| trial.version == self.version) {
                state.trial = None;
            }
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
    /// Ends the process some time after the trial is over, unless it has proved itself or ends by itself by then.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn deadline(&self, clock: Arc<dyn Clock>) -> std::io::Result<Deadline> {
        let (trial, inbox) = (self.clone(), Inbox::default());
        let deadline = Deadline(inbox.sender());
        std::thread::Builder::new().name("deadline".into()).spawn(move || {
            let until = trial.until.after(GRACE);
            if inbox.next(&*clock, Some(until)).is_some() || !trial.is_on() {
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

    fn is_on(&self) -> bool {
        self.releases.load().is_ok_and(|state| state.trial.is_some_and(|trial| trial.version == self.version))
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

    fn trial(needed: &[Part]) -> Trial {
        Trial {
            releases: Releases::of(std::path::Path::new("nowhere")),
            version: Version::new(2, 0, 0),
            needed: needed.iter().copied().collect(),
            until: Mono::default().after(Duration::from_secs(60)),
            settling: Duration::from_secs(10),
        }
    }

    /// How it ends when at each look that second's parts fail; time passes with each look.
    fn watched(needed: &[Part], failing: impl Fn(u64) -> Vec<Part>) -> (Verdict, u64) {
        let clock = ManualClock::at(Timestamp::UNIX_EPOCH);
        let (inbox, second) = (Inbox::default(), Cell::new(0));
        let verdict = trial(needed).watch(&clock, &inbox, || {
            second.set(clock.mono().since(Mono::default()).as_secs());
            let health = Health(failing(second.get()).into_iter().map(|part| (part, "broken".into())).collect());
            // The wait for the next look is over before it begins.
            clock.advance(LOOK);
            health
        });
        (verdict, second.get())
    }

    #[test]
    fn what_worked_before_has_to_work_for_a_moment() {
        assert_eq!(watched(&Part::ALL, |_| vec![]).0, Verdict::Proved);
        let (verdict, second) = watched(&Part::ALL, |second| if second < 20 { vec![Part::Camera] } else { vec![] });
        assert!(verdict == Verdict::Proved && second >= 29, "{second}");
        // A part that comes and goes is none that works.
        let flapping = |second: u64| if second.is_multiple_of(5) { vec![Part::Api] } else { vec![] };
        let (verdict, second) = watched(&Part::ALL, flapping);
        assert_eq!((verdict, second), (Verdict::Unfit("API: broken".into()), 60));
    }

    #[test]
    fn what_did_not_work_before_need_not_work_now() {
        assert_eq!(watched(&[Part::Api, Part::Unknown], |_| vec![Part::Camera, Part::Lock]).0, Verdict::Proved);
        let (verdict, _) = watched(&[Part::Api, Part::Lock], |_| vec![Part::Camera, Part::Lock]);
        assert_eq!(verdict, Verdict::Unfit("lock: broken".into()));
    }

    #[test]
    fn a_terminal_that_stops_is_not_unfit() {
        let clock = ManualClock::at(Timestamp::UNIX_EPOCH);
        let inbox = Inbox::default();
        inbox.sender().send(Stop);
        let broken = || Health(vec![(Part::Api, "broken".into())]);
        assert_eq!(trial(&Part::ALL).watch(&clock, &inbox, broken), Verdict::Stopped);
    }
}
