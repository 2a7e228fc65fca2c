//! What is known of the releases, in one small file that is replaced as a whole.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use semver::Version;
use serde::{Deserialize, Serialize};

use super::contents::Contents;
use super::trial::Function;
use super::{Problem, Slot, own_version};
use crate::hal::linux::files;

/// The file, in the folder of releases.
const STATE: &str = "state.json";
/// One that could not be read is kept under this name.
const DAMAGED: &str = "state.damaged";
/// Held for moments, while the state is changed.
const LOCK: &str = "lock";
/// Held while a package is installed.
const INSTALLING: &str = "installing";

/// Which release is started, and what is known of it. Members that newer software has added are passed over.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct State {
    /// The release that is started.
    pub chosen: Slot,
    /// The one before it, to go back to.
    #[serde(default)]
    pub previous: Slot,
    /// Version of the factory release when this was written: a newer one was installed since by the machine's own means.
    pub factory: Version,
    /// The chosen release has not proved itself yet.
    #[serde(default)]
    pub trial: Option<Trial>,
    /// Slots whose release has not proved itself, or is being written: it is started on trial alone.
    #[serde(default)]
    pub unproved: BTreeSet<Slot>,
    /// What was installed last: its package is done with, should it still be there.
    #[serde(default)]
    pub installed: Option<Version>,
    /// Why another release runs than was chosen; told at each start until new software is installed.
    #[serde(default)]
    pub news: Option<News>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            chosen: Slot::Factory,
            previous: Slot::Factory,
            factory: own_version(),
            trial: None,
            unproved: BTreeSet::new(),
            installed: None,
            news: None,
        }
    }
}

/// A release that has to prove itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Trial {
    /// Its version.
    pub version: Version,
    /// How many of its starts ended by themselves.
    #[serde(default)]
    pub ended: u32,
    /// Why the last one did.
    #[serde(default)]
    pub why: Option<String>,
    /// A start of it has not been reported as ended: it runs, or the power went.
    #[serde(default)]
    pub running: bool,
    /// The start of the machine it was last started in.
    #[serde(default)]
    pub boot: Option<String>,
    /// What worked before the switch, and has to work now.
    #[serde(default)]
    pub healthy: Vec<Function>,
}

/// What happened to a release while the terminal was not there to tell it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct News {
    /// `rolled_back`, `fell_back` or `state_lost`.
    pub what: String,
    /// The release it is about.
    #[serde(default)]
    pub version: Option<Version>,
    /// Why.
    pub why: String,
}

impl State {
    /// The release that has proved itself.
    #[must_use]
    pub const fn proved(&self) -> Slot {
        if self.trial.is_some() { self.previous } else { self.chosen }
    }

    /// Gives the release on trial up for the one before.
    pub fn roll_back(&mut self, why: &str) {
        let Some(trial) = self.trial.take() else { return };
        self.news = Some(News { what: "rolled_back".into(), version: Some(trial.version), why: why.to_owned() });
        (self.chosen, self.previous) = (self.previous, Slot::Factory);
    }
}

/// The folder of releases.
#[derive(Clone, Debug)]
pub struct Releases {
    folder: PathBuf,
}

impl Releases {
    /// Those of a terminal whose data lie in `data`.
    #[must_use]
    pub fn of(data: &Path) -> Self {
        Self { folder: data.join("releases") }
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder of the terminal's data.
    #[must_use]
    pub fn data(&self) -> &Path {
        self.folder.parent().unwrap_or(&self.folder)
    }

    /// The folder of a slot; the factory release has none here.
    #[must_use]
    pub fn slot(&self, slot: Slot) -> Option<PathBuf> {
        (slot != Slot::Factory).then(|| self.folder.join(slot.to_string()))
    }

    /// The state as it stands, that of a terminal as it came from the factory where there is none.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn load(&self) -> Result<State, Problem> {
        let path = self.folder.join(STATE);
        let unreadable = Problem::disk(&path, "cannot be read");
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| unreadable(error.into())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(State::default()),
            Err(error) => Err(unreadable(error)),
        }
    }

    /// The state; one that cannot be read is kept aside, and the factory release is chosen.
    pub(super) fn load_or_lost(&self) -> State {
        self.load().unwrap_or_else(|problem| {
            tracing::error!(%problem, "what is known of the releases is lost; the factory release is chosen");
            if let Err(error) = fs::rename(self.folder.join(STATE), self.folder.join(DAMAGED)) {
                tracing::error!(%error, "it cannot even be kept aside");
            }
            let news = News { what: "state_lost".into(), version: None, why: problem.to_string() };
            State { news: Some(news), ..State::default() }
        })
    }

    /// Changes the state, on the disk when it returns; what `change` leaves as it was is not written.
    ///
    /// # Errors
    /// When it cannot be written: it then is as before.
    pub fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> Result<T, Problem> {
        let _turn = self.lock(LOCK, File::lock)?;
        let before = self.load_or_lost();
        let mut state = before.clone();
        let outcome = change(&mut state);
        if state != before || state.news.as_ref().is_some_and(|news| news.what == "state_lost") {
            let path = self.folder.join(STATE);
            let failed = Problem::disk(&path, "cannot be written");
            let text = serde_json::to_string_pretty(&state)
                .map_err(|e| Problem::disk(&path, "cannot be written")(e.into()))?;
            files::keep(&path, Some(&text), 0o644).map_err(failed)?;
        }
        Ok(outcome)
    }

    /// Chooses the release before the one that is chosen, the factory release where that is gone; returns which it is.
    ///
    /// # Errors
    /// [`Problem::NoOther`] when there is none, or the state cannot be written.
    pub fn go_back(&self) -> Result<Slot, Problem> {
        self.change(|state| {
            let is_gone = |slot| self.slot(slot).is_some_and(|folder| Contents::read(&folder).is_err());
            let to = if is_gone(state.previous) { Slot::Factory } else { state.previous };
            if to == state.chosen {
                return Err(Problem::NoOther);
            }
            // What has not proved itself is nothing to go back to.
            let was_on_trial = state.trial.take().is_some();
            (state.chosen, state.previous) = (to, if was_on_trial { Slot::Factory } else { state.chosen });
            Ok(to)
        })?
    }

    /// The turn to install a package.
    ///
    /// # Errors
    /// [`Problem::Busy`] while another process has it.
    pub(super) fn turn_to_install(&self) -> Result<File, Problem> {
        let try_lock = |file: &File| match file.try_lock() {
            Ok(()) => Ok(()),
            Err(fs::TryLockError::WouldBlock) => Err(ErrorKind::WouldBlock.into()),
            Err(fs::TryLockError::Error(error)) => Err(error),
        };
        self.lock(INSTALLING, try_lock).map_err(|problem| match problem {
            Problem::Disk { source, .. } if source.kind() == ErrorKind::WouldBlock => Problem::Busy,
            other => other,
        })
    }

    fn lock(&self, name: &str, lock: impl FnOnce(&File) -> io::Result<()>) -> Result<File, Problem> {
        let path = self.folder.join(name);
        let opened = fs::create_dir_all(&self.folder)
            .and_then(|()| OpenOptions::new().write(true).create(true).truncate(false).open(&path));
        let file = opened.map_err(Problem::disk(&path, "cannot be opened"))?;
        lock(&file).map_err(Problem::disk(&path, "cannot be locked"))?;
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial() -> Trial {
        let version = Version::new(2, 0, 0);
        Trial { version, ended: 1, why: None, running: true, boot: None, healthy: vec![Function::Api] }
    }

    #[test]
    fn a_state_is_kept_and_read_again_also_with_what_newer_software_has_added() {
        let folder = tempfile::tempdir().unwrap();
        let releases = Releases::of(folder.path());
        assert_eq!(releases.load().unwrap(), State::default());
        let changed = |state: &mut State| {
            (state.chosen, state.previous, state.trial) = (Slot::B, Slot::A, Some(trial()));
            state.clone()
        };
        let state = releases.change(changed).unwrap();
        assert_eq!(releases.load().unwrap(), state);
        let file = folder.path().join("releases/state.json");
        let mut value: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        value["canary"] = true.into();
        value["trial"]["colour"] = "red".into();
        value["trial"]["healthy"] = serde_json::json!(["api", "gate"]);
        fs::write(&file, value.to_string()).unwrap();
        let read = releases.load().unwrap();
        assert_eq!((read.chosen, read.trial.unwrap().healthy), (Slot::B, vec![Function::Api, Function::Unknown]));
    }

    #[test]
    fn a_state_that_cannot_be_read_means_the_factory_release_and_is_kept_aside() {
        let folder = tempfile::tempdir().unwrap();
        let releases = Releases::of(folder.path());
        fs::create_dir_all(releases.folder()).unwrap();
        for damage in [&b""[..], b"{\"chosen\":\"a\"", b"{\"chosen\":\"c\",\"factory\":\"1.0.0\"}", &[0; 300]] {
            fs::write(releases.folder().join(STATE), damage).unwrap();
            let chosen = releases.change(|state| state.chosen).unwrap();
            assert_eq!((chosen, releases.load().unwrap().news.unwrap().what.as_str()), (Slot::Factory, "state_lost"));
            assert_eq!(fs::read(releases.folder().join(DAMAGED)).unwrap(), damage);
        }
    }

    #[test]
    fn a_trial_given_up_goes_back_and_says_why() {
        let mut state = State { chosen: Slot::B, previous: Slot::A, trial: Some(trial()), ..State::default() };
        assert_eq!(state.proved(), Slot::A);
        state.roll_back("it crashed");
        let news = News { what: "rolled_back".into(), version: Some(Version::new(2, 0, 0)), why: "it crashed".into() };
        assert_eq!((state.chosen, state.proved()), (Slot::A, Slot::A));
        assert_eq!((state.previous, state.news, state.trial), (Slot::Factory, Some(news), None));
    }

    #[test]
    fn one_goes_back_to_what_is_there_and_has_proved_itself() {
        let folder = tempfile::tempdir().unwrap();
        let releases = Releases::of(folder.path());
        let contents = Contents { version: Version::new(1, 0, 0), data_format: 1, files: vec![] };
        contents.write(&releases.slot(Slot::A).unwrap()).unwrap();
        for (chosen, previous, on_trial, back) in [
            (Slot::B, Slot::A, false, Some((Slot::A, Slot::B))),
            (Slot::B, Slot::A, true, Some((Slot::A, Slot::Factory))),
            (Slot::B, Slot::Factory, false, Some((Slot::Factory, Slot::B))),
            // That is no release any more.
            (Slot::A, Slot::B, false, Some((Slot::Factory, Slot::A))),
            (Slot::Factory, Slot::B, false, None),
            (Slot::Factory, Slot::Factory, false, None),
        ] {
            let trial = on_trial.then(trial);
            releases.change(|state| *state = State { chosen, previous, trial, ..State::default() }).unwrap();
            let went = releases.go_back().ok();
            let state = releases.load().unwrap();
            assert_eq!(went, back.map(|(chosen, _)| chosen), "{chosen} {previous}");
            assert_eq!((state.chosen, state.previous), back.unwrap_or((chosen, previous)), "{chosen} {previous}");
        }
    }

    #[test]
    fn one_package_is_installed_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let releases = Releases::of(folder.path());
        let turn = releases.turn_to_install().unwrap();
        assert!(matches!(releases.turn_to_install(), Err(Problem::Busy)));
        drop(turn);
        releases.turn_to_install().unwrap();
    }
}
