//! The threads that look after the machine: its network, its clock, its restart.

use std::sync::Arc;

use tokio::runtime::Handle;

use super::Failure;
use super::threads::Threads;
use crate::clock::{Clock, Inbox, Outbound};
use crate::control::decisions::Decisions;
use crate::hal::Host;
use crate::network::{self, Guard};
use crate::ntp;
use crate::restart::{self, Restarter};
use crate::settings::Live;

/// The ways to the threads that look after the machine.
pub(super) struct Housekeepers {
    network: Outbound<network::Message>,
    time: Outbound<ntp::Message>,
    restarter: Outbound<restart::Stop>,
}

/// What they work with.
pub(super) struct Tools {
    pub(super) network: Arc<Guard>,
    pub(super) inbox: Inbox<network::Message>,
    pub(super) settings: Arc<Live>,
    pub(super) host: Arc<dyn Host>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) decisions: Arc<Decisions>,
    pub(super) runtime: Handle,
}

impl Housekeepers {
    pub(super) fn start(tools: Tools, threads: &mut Threads) -> Result<Self, Failure> {
        let Tools { network: guard, inbox, settings, host, clock, decisions, runtime } = tools;
        let network = inbox.sender();
        let keeper =
            network::Keeper { guard, inbox, host: host.clone(), clock: clock.clone(), decisions: decisions.clone() };
        threads.start("network", move || keeper.run())?;

        let inbox = Inbox::default();
        let time = inbox.sender();
        settings.watch({
            let time = time.clone();
            move || time.send(ntp::Message::Settings)
        });
        let keeper = ntp::Keeper {
            settings: settings.clone(),
            host: host.clone(),
            clock: clock.clone(),
            decisions: decisions.clone(),
            runtime,
            patience: ntp::PATIENCE,
            inbox,
        };
        threads.start("time", move || keeper.run())?;

        let inbox = Inbox::default();
        let restarter = inbox.sender();
        let keeper = Restarter { settings, host, clock, decisions, inbox };
        threads.start("restarter", move || keeper.run())?;
        Ok(Self { network, time, restarter })
    }

    pub(super) fn stop(&self) {
        self.network.send(network::Message::Stop);
        self.time.send(ntp::Message::Stop);
        self.restarter.send(restart::Stop);
    }
}
