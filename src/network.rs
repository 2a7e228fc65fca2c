//! Network settings on trial: what cuts the terminal off is undone by itself.
//!
//! A change is kept together with the values before it, comes into force once its answer is out, and is undone
//! two minutes later unless somebody has logged in meanwhile over a connection made after the change: that is
//! what shows that the terminal can still be reached. A restart in between begins the two minutes anew. How a
//! network is brought in force is the host's matter, how the API moves to another port the [`Port`]'s.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Map, Value};

use crate::clock::{Clock, Inbox, Mono, Outbound, lock};
use crate::control::decisions::Decisions;
use crate::error::Result;
use crate::hal::Host;
use crate::settings::{Draft, Live, Network, NetworkBefore, NetworkUndo, Settings};

/// How long a change waits for somebody to log in.
pub const TRIAL: Duration = Duration::from_secs(120);
/// From the change to its coming into force: time for its answer to get out.
pub const ANSWER: Duration = Duration::from_secs(1);
/// Until the undoing is tried again when the old values could not be kept.
const AGAIN: Duration = Duration::from_secs(10);
/// Nothing is on trial: no connection has this number.
const NO_TRIAL: u64 = u64::MAX;

/// Where the API listens.
pub trait Port: Send + Sync + fmt::Debug {
    /// The port now.
    fn current(&self) -> u16;

    /// Whether it could listen on `port`.
    ///
    /// # Errors
    /// [`crate::error::Fault::BadParameter`] saying why not.
    fn check(&self, port: u16) -> Result<()>;

    /// Listens on `port` instead. Connections that exist go on.
    ///
    /// # Errors
    /// [`crate::error::Fault::Unavailable`] when it cannot; it then still listens where it did.
    fn move_to(&self, port: u16) -> Result<()>;
}

/// A connection's number among all that were ever made, from 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Arrival(u64);

/// What wakes the [`Keeper`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Message {
    /// The network settings are others.
    Changed,
    /// Somebody was let in over a connection made after the change came into force.
    Reached,
    /// The terminal stops.
    Stop,
}

/// The one way to change the network, and the ear for who gets in afterwards.
pub struct Guard {
    settings: Arc<Live>,
    port: Arc<dyn Port>,
    /// The board's port, which counts until another is set.
    home_port: u16,
    /// Connections so far.
    arrivals: AtomicU64,
    /// Connections after this one confirm the change on trial.
    trial_after: AtomicU64,
    /// What was brought in force last.
    applied: Mutex<Option<NetworkBefore>>,
    keeper: Outbound<Message>,
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("port", &self.port).finish_non_exhaustive()
    }
}

impl Guard {
    /// Watches over `settings`; `keeper` is the way to the thread of the [`Keeper`].
    #[must_use]
    pub fn new(settings: Arc<Live>, port: Arc<dyn Port>, home_port: u16, keeper: Outbound<Message>) -> Self {
        let (arrivals, trial_after) = (AtomicU64::new(0), AtomicU64::new(NO_TRIAL));
        Self { settings, port, home_port, arrivals, trial_after, applied: Mutex::default(), keeper }
    }

    /// The port the API listens on now.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.current()
    }

    /// Numbers a connection that was just made.
    pub fn arrived(&self) -> Arrival {
        Arrival(self.arrivals.fetch_add(1, Ordering::SeqCst) + 1)
    }

    /// Somebody has logged in over this connection.
    pub fn let_in(&self, by: Arrival) {
        if by.0 > self.trial_after.load(Ordering::SeqCst) {
            self.keeper.send(Message::Reached);
        }
    }

    /// Changes settings, the network's among them: all or none. What then has to be confirmed is on trial.
    ///
    /// # Errors
    /// Whatever `edit` refuses, a port that cannot be listened on, or [`crate::error::Fault::StoreFailed`];
    /// nothing is changed then.
    pub fn change(&self, edit: impl FnOnce(&mut Draft) -> Result<()>) -> Result<()> {
        let moved = self.settings.edit(|draft| {
            let before = NetworkBefore::of(draft.now());
            edit(draft)?;
            let after = NetworkBefore::of(draft.now());
            if !differs(&before, &after) {
                return Ok(false);
            }
            let port = self.port_of(&after.network);
            if port != self.port_of(&before.network) && port != self.port.current() {
                self.port.check(port)?;
            }
            draft.change::<NetworkUndo>(|undo| {
                // Of several changes in a row, the values before the first are those known to work.
                let known = undo.before.take().unwrap_or(before);
                undo.before = differs(&known, &after).then_some(known);
                Ok(())
            })?;
            Ok(true)
        })?;
        if moved {
            self.keeper.send(Message::Changed);
        }
        Ok(())
    }

    fn port_of(&self, network: &Network) -> u16 {
        u16::try_from(network.web_port.get()).ok().filter(|port| *port != 0).unwrap_or(self.home_port)
    }
}

impl NetworkBefore {
    fn of(all: &Settings) -> Self {
        Self { network: all.network.clone(), wifi: all.wifi.clone() }
    }
}

/// Whether going from one to the other could cut the terminal off.
fn differs(a: &NetworkBefore, b: &NetworkBefore) -> bool {
    // Nothing listens there.
    let data_port = a.network.data_port;
    a.wifi != b.wifi || a.network != Network { data_port, ..b.network.clone() }
}

/// What is to be done next, and when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// Nothing.
    Quiet,
    /// The settings are brought in force.
    Due(Mono),
    /// The settings before are put back.
    Trial(Mono),
}

/// The thread that brings network settings in force and undoes what nobody confirms.
#[derive(Debug)]
pub struct Keeper {
    /// What it shares with the API.
    pub guard: Arc<Guard>,
    /// The other end of the guard's messages.
    pub inbox: Inbox<Message>,
    /// The machine.
    pub host: Arc<dyn Host>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Told what is done.
    pub decisions: Arc<Decisions>,
}

impl Keeper {
    /// Brings the settings in force, then keeps watch until [`Message::Stop`].
    pub fn run(&self) {
        // What was changed just before the terminal stopped never came into force.
        let mut phase = Phase::Due(self.clock.mono());
        loop {
            let deadline = match phase {
                Phase::Quiet => None,
                Phase::Due(at) | Phase::Trial(at) => Some(at),
            };
            match self.step(phase, self.inbox.next(&*self.clock, deadline)) {
                Some(next) => phase = next,
                None => return,
            }
        }
    }

    /// What comes after `phase` when a message comes, or its moment; `None`: nothing more.
    fn step(&self, phase: Phase, message: Option<Message>) -> Option<Phase> {
        Some(match (message, phase) {
            (Some(Message::Stop), _) => return None,
            (Some(Message::Changed), _) => {
                self.guard.trial_after.store(NO_TRIAL, Ordering::SeqCst);
                Phase::Due(self.clock.mono().after(ANSWER))
            }
            (Some(Message::Reached), Phase::Trial(until)) => self.confirm(until),
            // Of a trial that is over.
            (Some(Message::Reached), phase) => phase,
            (None, Phase::Due(_)) => self.bring_in_force(),
            (None, Phase::Trial(_)) => self.undo("nobody logged in after the change"),
            (None, Phase::Quiet) => Phase::Quiet,
        })
    }

    fn bring_in_force(&self) -> Phase {
        let on_trial = self.guard.settings.now().network_undo.before.is_some();
        match self.apply() {
            Ok(()) if on_trial => {
                self.guard.trial_after.store(self.guard.arrivals.load(Ordering::SeqCst), Ordering::SeqCst);
                tracing::warn!(seconds = TRIAL.as_secs(), "the network is another; undone unless somebody logs in");
                self.tell("network_changed", None);
                Phase::Trial(self.clock.mono().after(TRIAL))
            }
            Ok(()) => Phase::Quiet,
            Err(error) if on_trial => {
                tracing::error!(%error, cause = ?error.source, "the network settings do not come into force");
                self.undo("it could not be brought in force")
            }
            Err(error) => {
                tracing::error!(%error, cause = ?error.source, "the network settings do not come into force");
                Phase::Quiet
            }
        }
    }

    fn confirm(&self, until: Mono) -> Phase {
        let applied = lock(&self.guard.applied).clone();
        let kept = self.guard.settings.edit(|draft| {
            // A change that was made meanwhile is not on trial yet: what works now is what it goes back to.
            let now = NetworkBefore::of(draft.now());
            draft.change::<NetworkUndo>(|undo| {
                undo.before = applied.filter(|applied| differs(applied, &now));
                Ok(())
            })
        });
        if let Err(error) = kept {
            tracing::error!(%error, "that the network works cannot be kept");
            return Phase::Trial(until);
        }
        self.guard.trial_after.store(NO_TRIAL, Ordering::SeqCst);
        tracing::info!("somebody logged in: the network settings stay");
        self.tell("network_confirmed", None);
        Phase::Quiet
    }

    fn undo(&self, why: &'static str) -> Phase {
        self.guard.trial_after.store(NO_TRIAL, Ordering::SeqCst);
        let applied = lock(&self.guard.applied).clone();
        let put_back = self.guard.settings.edit(|draft| {
            // A change that was made meanwhile has still to be tried; its message comes.
            if applied.is_some_and(|applied| differs(&applied, &NetworkBefore::of(draft.now()))) {
                return Ok(false);
            }
            let Some(before) = draft.now().network_undo.before.clone() else { return Ok(true) };
            draft.change::<Network>(|network| {
                *network = before.network;
                Ok(())
            })?;
            draft.change(|wifi| {
                *wifi = before.wifi;
                Ok(())
            })?;
            draft.change::<NetworkUndo>(|undo| {
                undo.before = None;
                Ok(())
            })?;
            Ok(true)
        });
        match put_back {
            Ok(true) => {}
            Ok(false) => return Phase::Quiet,
            Err(error) => {
                tracing::error!(%error, "the network settings cannot be put back, trying again");
                return Phase::Trial(self.clock.mono().after(AGAIN));
            }
        }
        tracing::warn!(why, "the network settings are put back");
        if let Err(error) = self.apply() {
            tracing::error!(%error, cause = ?error.source, "the network settings put back do not come into force");
        }
        self.tell("network_undone", Some(why));
        Phase::Quiet
    }

    /// The port last: what fails before it leaves the API where it was.
    fn apply(&self) -> Result<()> {
        let all = self.guard.settings.now();
        *lock(&self.guard.applied) = Some(NetworkBefore::of(&all));
        self.host.set_network(&all.network, &all.wifi)?;
        let port = self.guard.port_of(&all.network);
        if port == self.guard.port.current() { Ok(()) } else { self.guard.port.move_to(port) }
    }

    fn tell(&self, event: &'static str, why: Option<&str>) {
        let all = self.guard.settings.now();
        let mut more = Map::new();
        more.insert("address".into(), all.network.address.to_string().into());
        more.insert("port".into(), self.guard.port.current().into());
        more.insert("reason".into(), why.map_or(Value::Null, Value::from));
        self.decisions.tell(all.ntp.local(self.clock.wall()), event, more);
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::clock::ManualClock;
    use crate::error::{Error, Fault};
    use crate::field::{Address, Int};
    use crate::hal::sim::{SimHost, World};
    use crate::store::{Limits, Store};

    /// 81 is taken, and 82 as soon as it was found free.
    #[derive(Debug)]
    struct Ports(Mutex<u16>);

    impl Port for Ports {
        fn current(&self) -> u16 {
            *lock(&self.0)
        }
        fn check(&self, port: u16) -> Result<()> {
            if port == 81 { Err(Error::new(Fault::BadParameter, "WebPort: 81 is taken")) } else { Ok(()) }
        }
        fn move_to(&self, port: u16) -> Result<()> {
            if port == 82 {
                return Err(Error::new(Fault::Unavailable, "82 is taken"));
            }
            *lock(&self.0) = port;
            Ok(())
        }
    }

    struct Rig {
        clock: Arc<ManualClock>,
        world: Arc<World>,
        keeper: Keeper,
        phase: Phase,
    }

    impl Rig {
        fn start(folder: &std::path::Path) -> Self {
            let clock = Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH));
            let world = World::new(clock.clone(), 8, 8);
            let limits = Limits { people: 1, control_records: 1, captures: 1, notices: 1 };
            let settings = Arc::new(Live::load(Arc::new(Store::open(folder, limits, clock.clone()).unwrap())).unwrap());
            let inbox = Inbox::default();
            let guard = Arc::new(Guard::new(settings, Arc::new(Ports(Mutex::new(80))), 80, inbox.sender()));
            let (host, decisions) = (Arc::new(SimHost(world.clone())), Arc::default());
            let keeper = Keeper { guard, inbox, host, clock: clock.clone(), decisions };
            let mut rig = Self { phase: Phase::Due(clock.mono()), clock, world, keeper };
            rig.pass(Duration::ZERO);
            rig
        }

        /// Lets time pass, doing what the thread does meanwhile.
        fn pass(&mut self, span: Duration) {
            self.messages();
            self.clock.advance(span);
            if let Phase::Due(at) | Phase::Trial(at) = self.phase
                && at <= self.clock.mono()
            {
                self.phase = self.keeper.step(self.phase, None).unwrap();
            }
        }

        fn messages(&mut self) {
            for message in self.keeper.inbox.drain() {
                self.phase = self.keeper.step(self.phase, Some(message)).unwrap();
            }
        }

        fn set(&self, address: &str, port: i64) -> Result<()> {
            self.keeper.guard.change(|draft| {
                draft.change::<Network>(|network| {
                    network.address = Address(address.parse().unwrap());
                    network.web_port = Int::new(port).unwrap();
                    Ok(())
                })
            })
        }

        /// Somebody logs in over a connection.
        fn log_in(&mut self, by: Arrival) {
            self.keeper.guard.let_in(by);
            self.messages();
        }

        /// Address in force, that of the settings, the API's port, and whether a change is on trial.
        fn state(&self) -> (String, String, u16, bool) {
            let all = self.keeper.guard.settings.now();
            let in_force = self.world.machine().networks.back().map_or(Address::NONE, |(network, _)| network.address);
            let on_trial = all.network_undo.before.is_some();
            (in_force.to_string(), all.network.address.to_string(), self.keeper.guard.port(), on_trial)
        }

        fn expect(&self, in_force: &str, set: &str, port: u16, on_trial: bool) {
            assert_eq!(self.state(), (in_force.into(), set.into(), port, on_trial));
        }

        fn events(&self) -> Vec<String> {
            let lines = self.keeper.decisions.lines(0);
            lines.iter().map(|line| line["event"].as_str().unwrap().trim_start_matches("network_").to_owned()).collect()
        }
    }

    const A: &str = "10.0.0.1";
    const B: &str = "10.0.0.2";
    const NONE: &str = "0.0.0.0";

    #[test]
    fn a_change_stays_once_somebody_logs_in_over_a_new_connection() {
        let folder = tempfile::tempdir().unwrap();
        let mut rig = Rig::start(folder.path());
        let before = rig.keeper.guard.arrived();
        rig.set(A, 8080).unwrap();
        rig.expect(NONE, A, 80, true);
        rig.log_in(before);
        rig.pass(ANSWER);
        rig.expect(A, A, 8080, true);
        // The connection that made the change proves nothing.
        rig.log_in(before);
        rig.pass(TRIAL - Duration::from_secs(1));
        rig.expect(A, A, 8080, true);
        let after = rig.keeper.guard.arrived();
        rig.log_in(after);
        rig.pass(TRIAL * 10);
        rig.expect(A, A, 8080, false);
        assert_eq!(rig.events(), ["changed", "confirmed"]);
    }

    /// A login that was counted for one change says nothing of the next, even if that is stored before it is heard of.
    #[test]
    fn a_change_made_while_another_is_confirmed_is_on_trial_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let mut rig = Rig::start(folder.path());
        rig.set(A, 80).unwrap();
        rig.pass(ANSWER);
        let guard = rig.keeper.guard.clone();
        guard.let_in(guard.arrived());
        rig.set(B, 80).unwrap();
        rig.messages();
        rig.pass(ANSWER);
        rig.expect(B, B, 80, true);
        rig.pass(TRIAL);
        rig.expect(A, A, 80, false);
    }

    /// Nor does the end of one change take the next one with it.
    #[test]
    fn a_change_made_at_the_end_of_a_trial_is_tried() {
        let folder = tempfile::tempdir().unwrap();
        let mut rig = Rig::start(folder.path());
        rig.set(A, 80).unwrap();
        rig.pass(ANSWER);
        rig.set(B, 80).unwrap();
        // The moment comes before the message is looked at.
        rig.phase = rig.keeper.undo("late");
        rig.expect(A, B, 80, true);
        rig.pass(ANSWER);
        rig.expect(B, B, 80, true);
        rig.pass(TRIAL);
        rig.expect(NONE, NONE, 80, false);
    }

    #[test]
    fn a_change_nobody_confirms_is_undone() {
        let folder = tempfile::tempdir().unwrap();
        let mut rig = Rig::start(folder.path());
        rig.set(A, 8080).unwrap();
        rig.pass(ANSWER);
        let seen = rig.keeper.guard.arrived();
        rig.log_in(seen);
        rig.expect(A, A, 8080, false);
        // Two changes in a row go back to what was confirmed.
        rig.set(B, 8080).unwrap();
        rig.pass(ANSWER);
        rig.set(B, 8081).unwrap();
        rig.pass(ANSWER);
        rig.expect(B, B, 8081, true);
        rig.log_in(seen);
        rig.pass(TRIAL - Duration::from_micros(1));
        rig.expect(B, B, 8081, true);
        rig.pass(Duration::from_micros(1));
        rig.expect(A, A, 8080, false);
        assert_eq!(rig.events(), ["changed", "confirmed", "changed", "changed", "undone"]);
        // A login that comes too late changes nothing any more.
        let late = rig.keeper.guard.arrived();
        rig.log_in(late);
        rig.pass(TRIAL);
        rig.expect(A, A, 8080, false);
    }

    #[test]
    fn the_trial_survives_a_restart_and_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let mut rig = Rig::start(folder.path());
        rig.set(A, 8080).unwrap();
        rig.pass(ANSWER);
        rig.pass(TRIAL / 2);
        drop(rig);
        let mut rig = Rig::start(folder.path());
        rig.expect(A, A, 8080, true);
        rig.pass(TRIAL - Duration::from_micros(1));
        rig.expect(A, A, 8080, true);
        rig.pass(Duration::from_micros(1));
        rig.expect(NONE, NONE, 80, false);
        drop(rig);
        let rig = Rig::start(folder.path());
        rig.expect(NONE, NONE, 80, false);
    }

    #[test]
    fn a_port_that_is_taken_is_refused_or_undone_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut rig = Rig::start(folder.path());
        assert!(rig.set(A, 81).is_err());
        rig.pass(ANSWER);
        rig.expect(NONE, NONE, 80, false);
        rig.set(A, 82).unwrap();
        rig.pass(ANSWER);
        rig.expect(NONE, NONE, 80, false);
        assert_eq!(rig.events(), ["undone"]);
    }

    #[test]
    fn what_cuts_nobody_off_is_not_on_trial() {
        let folder = tempfile::tempdir().unwrap();
        let mut rig = Rig::start(folder.path());
        let set_data_port = |draft: &mut Draft| {
            draft.change::<Network>(|network| {
                network.data_port = Int::of(6000);
                Ok(())
            })
        };
        rig.keeper.guard.change(set_data_port).unwrap();
        rig.set(A, 80).unwrap();
        // Taken back before anybody confirmed it.
        rig.set(NONE, 0).unwrap();
        rig.pass(ANSWER);
        rig.expect(NONE, NONE, 80, false);
        assert_eq!((rig.events().len(), rig.keeper.guard.settings.now().network.data_port.get()), (0, 6000));
    }
}
