//! How a start of the daemon ended, as whoever supervises it says: a release on trial that ends by itself too often is
//! given up for the one before.
//!
//! A power cut reports nothing, and a stop or a restart of the machine reports success, so neither counts: a terminal that
//! is switched on and off quickly keeps its new release.

use std::fmt;

use super::state::{Releases, Trial};
use super::{Problem, UNFIT};

/// What systemd says of a service that ended (`systemd.exec(5)`).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ending {
    /// `SERVICE_RESULT`: `success`, `exit-code`, `signal`, `timeout`, `watchdog` and others.
    pub result: String,
    /// `EXIT_CODE`: `exited`, `killed` or `dumped`.
    pub code: String,
    /// `EXIT_STATUS`: the exit code, or the signal's name.
    pub status: String,
}

/// What followed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// No release is on trial.
    NoTrial,
    /// It was stopped, or was never started.
    NotCounted,
    /// It counts.
    Counted {
        /// How many have.
        ended: u32,
        /// How many are too many.
        attempts: u32,
        /// Why it ended.
        why: String,
    },
    /// The release before is started again.
    RolledBack {
        /// Why.
        why: String,
    },
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTrial => f.write_str("no release is on trial"),
            Self::NotCounted => f.write_str("the release on trial was stopped; that does not count"),
            Self::Counted { ended, attempts, why } => {
                write!(f, "the release on trial has ended {ended} of {attempts} times: {why}")
            }
            Self::RolledBack { why } => write!(f, "the release on trial is given up for the one before: {why}"),
        }
    }
}

impl Ending {
    /// As systemd sets the environment of `ExecStopPost=`.
    #[must_use]
    pub fn from_environment() -> Self {
        let value = |name| std::env::var(name).unwrap_or_default();
        Self { result: value("SERVICE_RESULT"), code: value("EXIT_CODE"), status: value("EXIT_STATUS") }
    }

    /// Whether the daemon found itself unfit.
    fn is_unfit(&self) -> bool {
        self.code != "killed" && self.code != "dumped" && self.status == UNFIT.to_string()
    }

    /// In words; `None`: it was stopped, or never started.
    fn failure(&self) -> Option<String> {
        let Self { result, code, status } = self;
        if self.is_unfit() {
            return Some("it found itself unfit".into());
        }
        Some(match result.as_str() {
            // The last three are about the machine, not about what was started.
            "" | "success" | "start-limit-hit" | "exec-condition" | "resources" => return None,
            "timeout" => "it hung at its start or its end".into(),
            "watchdog" => "its door's loop stopped answering".into(),
            "exit-code" => format!("it ended with exit code {status}"),
            "signal" | "core-dump" => format!("it was ended by signal {status}"),
            "oom-kill" => "it took more memory than there is".into(),
            other => format!("it ended by itself ({other} {code} {status})"),
        })
    }
}

/// Counts a start against the release on trial; the last of `attempts` goes back.
///
/// # Errors
/// When the state cannot be written: then nothing is counted, and the launcher does not start the release again either.
pub fn ended(releases: &Releases, attempts: u32, ending: &Ending) -> Result<Outcome, Problem> {
    releases.change(|state| {
        let Some(trial) = &mut state.trial else { return Outcome::NoTrial };
        // What ended may have been the old release, on its way to the new one.
        if !std::mem::take(&mut trial.running) {
            return Outcome::NotCounted;
        }
        let Some(failure) = ending.failure() else { return Outcome::NotCounted };
        // What the daemon itself has noted says more.
        let why = trial.why.take().filter(|_| ending.is_unfit()).unwrap_or(failure);
        count(trial, &why);
        let ended = trial.ended;
        if ended < attempts {
            return Outcome::Counted { ended, attempts, why };
        }
        state.roll_back(&why);
        Outcome::RolledBack { why }
    })
}

/// One more start has ended by itself.
pub(super) fn count(trial: &mut Trial, why: &str) {
    trial.ended = trial.ended.saturating_add(1);
    trial.why = Some(why.to_owned());
}

#[cfg(test)]
mod tests {
    use semver::Version;

    use super::*;
    use crate::release::{Slot, State};

    fn on_trial() -> (tempfile::TempDir, Releases) {
        let folder = tempfile::tempdir().unwrap();
        let releases = Releases::of(folder.path());
        let version = Version::new(2, 0, 0);
        let trial = Trial { version, ended: 0, why: None, running: true, boot: None, healthy: vec![] };
        releases.change(|state| *state = State { chosen: Slot::A, trial: Some(trial), ..State::default() }).unwrap();
        (folder, releases)
    }

    fn ending(result: &str, code: &str, status: &str) -> Ending {
        Ending { result: result.into(), code: code.into(), status: status.into() }
    }

    #[test]
    fn what_ends_by_itself_counts_and_what_is_stopped_does_not() {
        for (result, code, status, why) in [
            ("success", "exited", "0", None),
            ("success", "killed", "TERM", None),
            ("start-limit-hit", "", "", None),
            ("resources", "", "", None),
            ("", "", "", None),
            ("exit-code", "exited", "1", Some("it ended with exit code 1")),
            ("exit-code", "exited", "75", Some("it found itself unfit")),
            // Whoever counts 75 among the successes of a service hides nothing from here.
            ("success", "exited", "75", Some("it found itself unfit")),
            ("signal", "killed", "75", Some("it was ended by signal 75")),
            ("signal", "killed", "SEGV", Some("it was ended by signal SEGV")),
            ("core-dump", "dumped", "ABRT", Some("it was ended by signal ABRT")),
            ("timeout", "killed", "TERM", Some("it hung at its start or its end")),
            ("watchdog", "dumped", "ABRT", Some("its door's loop stopped answering")),
            ("oom-kill", "killed", "KILL", Some("it took more memory than there is")),
            ("protocol", "exited", "0", Some("it ended by itself (protocol exited 0)")),
        ] {
            let (_folder, releases) = on_trial();
            let outcome = ended(&releases, 3, &ending(result, code, status)).unwrap();
            let expect =
                why.map_or(Outcome::NotCounted, |why| Outcome::Counted { ended: 1, attempts: 3, why: why.to_owned() });
            assert_eq!(outcome, expect, "{result} {code} {status}");
        }
    }

    #[test]
    fn the_last_attempt_goes_back_with_what_the_daemon_has_noted() {
        let (_folder, releases) = on_trial();
        let again = || releases.change(|state| state.trial.as_mut().unwrap().running = true).unwrap();
        ended(&releases, 3, &ending("timeout", "killed", "KILL")).unwrap();
        // The end of a start is told once.
        assert_eq!(ended(&releases, 3, &ending("signal", "killed", "SEGV")).unwrap(), Outcome::NotCounted);
        again();
        ended(&releases, 3, &ending("exit-code", "exited", "1")).unwrap();
        again();
        releases.change(|state| state.trial.as_mut().unwrap().why = Some("camera: no pictures".into())).unwrap();
        let outcome = ended(&releases, 3, &ending("exit-code", "exited", "75")).unwrap();
        assert_eq!(outcome, Outcome::RolledBack { why: "camera: no pictures".into() });
        let state = releases.load().unwrap();
        assert_eq!(
            (state.chosen, state.trial, state.news.unwrap().why.as_str()),
            (Slot::Factory, None, "camera: no pictures")
        );
        assert_eq!(ended(&releases, 3, &ending("signal", "killed", "SEGV")).unwrap(), Outcome::NoTrial);
    }
}
