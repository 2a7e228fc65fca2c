//! Which release is started: the chosen one, if it is whole and can read the data; else the one before, the other slot, and
//! in the end what the machine came with.
//!
//! The launcher is the factory release's own binary, which no package changes. It has to go on working with profiles, states
//! and slots that much newer software wrote, so it reads of each only what it needs.

use std::fs;
use std::path::{Path, PathBuf};

use semver::Version;

use super::contents::Contents;
use super::ended::count;
use super::state::{News, Releases, State};
use super::{Slot, own_version};
use crate::package::DAEMON;
use crate::store;

/// `WDIOF_CARDRESET` of the kernel's watchdog interface: the watchdog made the last reset.
const CARD_RESET: u32 = 0x20;

/// What the kernel says of the machine's start.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Folder of the watchdogs.
    pub watchdogs: PathBuf,
    /// File with the number of this start.
    pub boot: PathBuf,
}

impl Default for Machine {
    fn default() -> Self {
        Self { watchdogs: "/sys/class/watchdog".into(), boot: "/proc/sys/kernel/random/boot_id".into() }
    }
}

impl Machine {
    /// The number of this start of the machine.
    fn boot(&self) -> Option<String> {
        Some(fs::read_to_string(&self.boot).ok()?.trim().to_owned())
    }

    /// Whether a watchdog, and not a power cut, ended what ran before this start.
    fn was_reset(&self) -> bool {
        let status = |folder: PathBuf| {
            let text = fs::read_to_string(folder.join("bootstatus")).ok()?;
            let text = text.trim();
            text.strip_prefix("0x").map_or_else(|| text.parse().ok(), |hex| u32::from_str_radix(hex, 16).ok())
        };
        let watchdogs = fs::read_dir(&self.watchdogs).into_iter().flatten().flatten();
        watchdogs.filter_map(|entry| status(entry.path())).any(|status| status & CARD_RESET != 0)
    }
}

/// What is to be started.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Choice {
    /// Which slot.
    pub slot: Slot,
    /// Its folder.
    pub folder: PathBuf,
    /// Its daemon.
    pub daemon: PathBuf,
}

/// Chooses and notes what is started.
#[derive(Clone, Debug)]
pub struct Launcher {
    /// The slots.
    pub releases: Releases,
    /// How many starts of a release on trial may end by themselves.
    pub attempts: u32,
    /// The daemon of the factory release.
    pub factory: PathBuf,
    /// Its version.
    pub version: Version,
    /// The machine.
    pub machine: Machine,
}

impl Launcher {
    /// With this process as the factory release.
    ///
    /// # Errors
    /// When the system does not say where its binary is.
    pub fn new(releases: Releases, attempts: u32) -> std::io::Result<Self> {
        let factory = std::env::current_exe()?;
        Ok(Self { releases, attempts, factory, version: own_version(), machine: Machine::default() })
    }

    /// What is to be started now. There always is something.
    #[must_use]
    pub fn choose(&self) -> Choice {
        let slot = self.releases.change(|state| self.decide(state)).unwrap_or_else(|problem| {
            tracing::error!(%problem, "what is known of the releases cannot be kept");
            let mut state = self.releases.load_or_lost();
            // A trial that cannot be counted would never end.
            state.roll_back("its starts cannot be counted");
            self.decide(&mut state)
        });
        self.at(slot)
    }

    /// Notes that the system refuses to start what was chosen: the next choice is another one.
    pub fn cannot_start(&self, slot: Slot, why: &str) {
        tracing::error!(%slot, why, "the release cannot be started");
        let noted = self.releases.change(|state| {
            if state.trial.is_some() {
                return state.roll_back(&format!("it cannot be started: {why}"));
            }
            self.tell_of_fall(state, why);
            let next = if slot == state.previous { Slot::Factory } else { state.previous };
            (state.chosen, state.previous) = (next, Slot::Factory);
        });
        if let Err(problem) = noted {
            tracing::error!(%problem, "that cannot be kept");
        }
    }

    fn at(&self, slot: Slot) -> Choice {
        let Some(folder) = self.releases.slot(slot) else {
            let folder = self.factory.parent().unwrap_or(Path::new("/")).to_owned();
            return Choice { slot, folder, daemon: self.factory.clone() };
        };
        Choice { slot, daemon: folder.join(DAEMON), folder }
    }

    fn decide(&self, state: &mut State) -> Slot {
        self.notice_newer_factory(state);
        let was_on_trial = state.trial.is_some();
        self.notice_reset(state);
        if let Some(trial) = &state.trial
            && trial.ended >= self.attempts
        {
            let why = trial.why.clone().unwrap_or_default();
            state.roll_back(&why);
        }
        if let Err(why) = self.is_good(state.chosen) {
            tracing::error!(slot = %state.chosen, why, "the release is not whole");
            if state.trial.is_some() {
                state.roll_back(&why);
            }
            let order = [state.chosen, state.previous, Slot::A, Slot::B];
            let mut order = order.into_iter().filter(|slot| !state.unproved.contains(slot));
            let good = order.find(|slot| self.is_good(*slot).is_ok()).unwrap_or(Slot::Factory);
            if good != state.chosen {
                // What a trial came to is told rather.
                if !was_on_trial {
                    self.tell_of_fall(state, &why);
                }
                (state.chosen, state.previous) = (good, Slot::Factory);
            }
        }
        if let Some(trial) = &mut state.trial {
            (trial.running, trial.boot, trial.why) = (true, self.machine.boot(), None);
            if trial.boot.is_none() {
                tracing::warn!(file = %self.machine.boot.display(), "resets by the watchdog are not noticed: no such file");
            }
        }
        state.chosen
    }

    /// A newer release that came by the machine's own means is started, whatever ran before.
    fn notice_newer_factory(&self, state: &mut State) {
        if self.version > state.factory {
            let chosen = self.releases.slot(state.chosen).and_then(|folder| Contents::read(&folder).ok());
            if chosen.is_none_or(|contents| self.version > contents.version) {
                (state.chosen, state.previous, state.trial) = (Slot::Factory, Slot::Factory, None);
            }
        }
        state.factory = self.version.clone();
    }

    /// A reset by the watchdog looks like a power cut, and is the end of a start all the same: once for each start of the
    /// machine.
    fn notice_reset(&self, state: &mut State) {
        let Some(trial) = &mut state.trial else { return };
        let boot = self.machine.boot();
        if trial.running && trial.boot.is_some() && trial.boot != boot && self.machine.was_reset() {
            count(trial, "the watchdog had to reset the machine");
        }
    }

    fn tell_of_fall(&self, state: &mut State, why: &str) {
        let version = self.releases.slot(state.chosen).and_then(|folder| Some(Contents::read(&folder).ok()?.version));
        state.news = Some(News { what: "fell_back".into(), version, why: why.to_owned() });
    }

    /// Whether a release is whole and can read the data that are there.
    fn is_good(&self, slot: Slot) -> Result<(), String> {
        let present = store::format_of(self.releases.data()).unwrap_or(0);
        let fits = |format: u32| {
            if format >= present {
                Ok(())
            } else {
                Err(format!("it reads data of layout {format}, and they have {present}"))
            }
        };
        let Some(folder) = self.releases.slot(slot) else { return fits(store::FORMAT) };
        let contents = Contents::read(&folder).map_err(|problem| problem.to_string())?;
        fits(contents.data_format)?;
        contents.check(&folder).map_err(|problem| problem.to_string())
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};
    use tempfile::TempDir;

    use super::*;
    use crate::package::Digest;
    use crate::release::contents::Piece;
    use crate::release::state::Trial;

    /// A terminal with releases 2.0.0 in slot a, 3.0.0 in slot b and 1.0.0 from the factory.
    struct Rig {
        folder: TempDir,
        launcher: Launcher,
    }

    impl Rig {
        fn new(state: &State) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let releases = Releases::of(&folder.path().join("data"));
            let machine = Machine { watchdogs: folder.path().join("watchdogs"), boot: folder.path().join("boot") };
            fs::create_dir_all(machine.watchdogs.join("watchdog0")).unwrap();
            let version = Version::new(1, 0, 0);
            let launcher =
                Launcher { releases, attempts: 3, factory: folder.path().join("factory/facegate"), version, machine };
            let rig = Self { folder, launcher };
            rig.boots("first", "0");
            rig.fill(Slot::A, Version::new(2, 0, 0), store::FORMAT);
            rig.fill(Slot::B, Version::new(3, 0, 0), store::FORMAT);
            rig.launcher.releases.change(|now| *now = state.clone()).unwrap();
            rig
        }

        fn fill(&self, slot: Slot, version: Version, data_format: u32) {
            let folder = self.launcher.releases.slot(slot).unwrap();
            fs::create_dir_all(folder.join("models")).unwrap();
            let piece = |path: &str| {
                let bytes = format!("{path} of {version}").into_bytes();
                fs::write(folder.join(path), &bytes).unwrap();
                Piece { path: path.into(), size: bytes.len() as u64, sha256: Digest(Sha256::digest(&bytes).into()) }
            };
            let files = vec![piece("facegate"), piece("models/a")];
            Contents { version, data_format, files }.write(&folder).unwrap();
        }

        /// The machine starts.
        fn boots(&self, number: &str, status: &str) {
            fs::write(&self.launcher.machine.boot, number).unwrap();
            fs::write(self.launcher.machine.watchdogs.join("watchdog0/bootstatus"), format!("{status}\n")).unwrap();
        }

        fn slot(&self, slot: Slot) -> PathBuf {
            self.launcher.releases.slot(slot).unwrap()
        }

        fn choose(&self) -> Slot {
            self.launcher.choose().slot
        }

        fn state(&self) -> State {
            self.launcher.releases.load().unwrap()
        }
    }

    fn state(chosen: Slot, previous: Slot) -> State {
        State { chosen, previous, factory: Version::new(1, 0, 0), ..State::default() }
    }

    fn on_trial(chosen: Slot, previous: Slot) -> State {
        let version = Version::new(3, 0, 0);
        let trial = Trial { version, ended: 0, why: None, running: false, boot: None, healthy: vec![] };
        State { trial: Some(trial), unproved: [chosen].into(), ..state(chosen, previous) }
    }

    #[test]
    fn a_release_that_is_not_whole_is_not_started() {
        type Damage = fn(&Path);
        let damages: [Damage; 5] = [
            |slot| fs::write(slot.join("models/a"), "models/a of 3.0.1").unwrap(),
            |slot| fs::write(slot.join("facegate"), "").unwrap(),
            |slot| fs::remove_file(slot.join("models/a")).unwrap(),
            |slot| fs::remove_file(slot.join("manifest.json")).unwrap(),
            |slot| fs::write(slot.join("manifest.json"), "{").unwrap(),
        ];
        for damage in damages {
            for (before, trial, next) in [
                (state(Slot::B, Slot::A), false, Slot::A),
                (state(Slot::B, Slot::Factory), false, Slot::Factory),
                (on_trial(Slot::B, Slot::A), true, Slot::A),
                (on_trial(Slot::B, Slot::Factory), true, Slot::Factory),
            ] {
                let rig = Rig::new(&before);
                assert_eq!(rig.choose(), Slot::B);
                damage(&rig.slot(Slot::B));
                assert_eq!(rig.choose(), next, "{before:?}");
                let news = rig.state().news.unwrap();
                assert_eq!(news.what, if trial { "rolled_back" } else { "fell_back" });
                assert!(news.why.contains("/b/"), "{}", news.why);
                assert_eq!(rig.choose(), next, "and so it stays");
            }
        }
        // What did not prove itself is no way out.
        let rig = Rig::new(&on_trial(Slot::B, Slot::A));
        rig.launcher.releases.change(|state| state.roll_back("it crashed")).unwrap();
        fs::remove_file(rig.slot(Slot::A).join("facegate")).unwrap();
        assert_eq!(rig.choose(), Slot::Factory);
        let rig = Rig::new(&state(Slot::B, Slot::A));
        [Slot::A, Slot::B].into_iter().for_each(|slot| fs::remove_dir_all(rig.slot(slot)).unwrap());
        assert_eq!(rig.launcher.choose().daemon, rig.folder.path().join("factory/facegate"));
    }

    #[test]
    fn a_release_that_cannot_read_the_data_is_passed_over() {
        // Not even for what has not proved itself, or is just being installed.
        for (unproved, next) in [(None, Slot::A), (Some(Slot::A), Slot::Factory)] {
            let unproved = unproved.into_iter().collect();
            let rig = Rig::new(&State { unproved, ..state(Slot::B, Slot::Factory) });
            rig.fill(Slot::A, Version::new(2, 0, 0), store::FORMAT + 1);
            fs::write(rig.launcher.releases.data().join("format"), (store::FORMAT + 1).to_string()).unwrap();
            assert_eq!(rig.choose(), next);
            assert!(rig.state().news.unwrap().why.contains("layout"));
        }
    }

    #[test]
    fn a_reset_by_the_watchdog_counts_once_for_each_start_of_the_machine() {
        let rig = Rig::new(&on_trial(Slot::B, Slot::A));
        let ended = || rig.state().trial.map(|trial| trial.ended);
        // The machine may have been reset before the trial began.
        rig.boots("first", "32");
        assert_eq!((rig.choose(), ended()), (Slot::B, Some(0)));
        assert_eq!((rig.choose(), ended()), (Slot::B, Some(0)), "the daemon was killed");
        for (number, status, count) in
            [("second", "0", 0), ("third", "0x20", 1), ("third", "0x20", 1), ("fourth", "33", 2)]
        {
            rig.boots(number, status);
            assert_eq!((rig.choose(), ended()), (Slot::B, Some(count)), "{number}");
        }
        // One that was stopped before the reset is not to blame.
        rig.launcher.releases.change(|state| state.trial.as_mut().unwrap().running = false).unwrap();
        rig.boots("fifth", "32");
        assert_eq!((rig.choose(), ended()), (Slot::B, Some(2)));
        rig.boots("sixth", "32");
        assert_eq!((rig.choose(), ended()), (Slot::A, None));
        assert!(rig.state().news.unwrap().why.contains("watchdog"));
    }

    #[test]
    fn power_cuts_give_nothing_up() {
        let rig = Rig::new(&on_trial(Slot::B, Slot::A));
        for cut in 0..100 {
            rig.boots(&cut.to_string(), "0");
            assert_eq!(rig.choose(), Slot::B);
        }
        assert_eq!(rig.state().trial.unwrap().ended, 0);
    }

    #[test]
    fn a_release_the_system_refuses_to_start_goes_back_at_once() {
        for (before, next) in [
            (on_trial(Slot::B, Slot::A), Slot::A),
            (state(Slot::B, Slot::A), Slot::A),
            (state(Slot::B, Slot::Factory), Slot::Factory),
        ] {
            let rig = Rig::new(&before);
            assert_eq!(rig.choose(), Slot::B);
            rig.launcher.cannot_start(Slot::B, "exec format error");
            assert_eq!(rig.choose(), next);
            assert!(rig.state().news.unwrap().why.contains("exec format error"));
        }
    }

    #[test]
    fn a_newer_factory_release_is_used() {
        for (factory, chosen) in [((1, 0, 0), Slot::B), ((2, 9, 0), Slot::B), ((3, 0, 1), Slot::Factory)] {
            for before in [state(Slot::B, Slot::A), on_trial(Slot::B, Slot::A)] {
                let mut rig = Rig::new(&before);
                rig.launcher.version = Version::new(factory.0, factory.1, factory.2);
                assert_eq!(rig.choose(), chosen, "{factory:?}");
                assert_eq!(rig.choose(), chosen, "{factory:?}");
                assert_eq!(rig.state().factory, rig.launcher.version);
            }
        }
        // A signed downgrade goes below the factory release, which is no newer than it was.
        let mut rig = Rig::new(&State { factory: Version::new(4, 0, 0), ..state(Slot::B, Slot::A) });
        rig.launcher.version = Version::new(4, 0, 0);
        assert_eq!(rig.choose(), Slot::B);
    }

    #[test]
    fn a_trial_that_cannot_be_counted_is_not_started() {
        let rig = Rig::new(&on_trial(Slot::B, Slot::A));
        // In the way of the temporary name: nothing can be kept.
        let block = rig.launcher.releases.folder().join("state.json.new");
        fs::create_dir_all(block.join("full")).unwrap();
        assert_eq!(rig.choose(), Slot::A);
        fs::remove_dir_all(block).unwrap();
        assert_eq!(rig.choose(), Slot::B, "once the disk takes something again");
    }
}
