//! The release that runs: what is to be told of it, and its trial if it is on one.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use tracing::{error, info, warn};

use super::Failure;
use super::ending::{Ending, Leave};
use super::eyes::Recompute;
use super::health::Sight;
use super::threads::Threads;
use crate::clock::{Clock, Inbox, Outbound};
use crate::control::decisions::Decisions;
use crate::hal::linux::supervisor;
use crate::release::trial::{Stop, Trial, Verdict};
use crate::release::{Releases, Running};
use crate::settings::Live;
use crate::store::Store;
use crate::upgrade::installer::hand_over;

/// What it takes.
pub(super) struct Tools {
    pub(super) running: Running,
    pub(super) releases: Releases,
    pub(super) trial: Option<Trial>,
    /// Folder of packages.
    pub(super) packages: PathBuf,
    pub(super) sight: Arc<Sight>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) settings: Arc<Live>,
    pub(super) store: Arc<Store>,
    pub(super) decisions: Arc<Decisions>,
    /// Who replaces what the release before can still read.
    pub(super) recompute: Outbound<Recompute>,
    /// Ends the terminal.
    pub(super) leave: Leave,
}

/// The way to the thread that waits for the verdict.
pub(super) struct Proving(Option<Outbound<Stop>>);

impl Proving {
    /// Tells what there is to be told, and that the terminal is ready: of a release on trial once it has proved itself.
    pub(super) fn start(tools: Tools, threads: &mut Threads) -> Result<Self, Failure> {
        tools.tell_news();
        let Some(trial) = tools.trial.clone() else {
            tools.ready();
            return Ok(Self(None));
        };
        info!(version = %trial.version, "a new release has to prove itself");
        supervisor::status("a new release has to prove itself");
        let inbox = Inbox::default();
        let stop = inbox.sender();
        threads.start("trial", move || tools.prove(&trial, &inbox))?;
        Ok(Self(Some(stop)))
    }

    pub(super) fn stop(&self) {
        self.0.iter().for_each(|inbox| inbox.send(Stop));
    }
}

impl Tools {
    fn prove(&self, trial: &Trial, inbox: &Inbox<Stop>) {
        let verdict = trial.watch(&*self.clock, inbox, || self.sight.look());
        let why = match verdict {
            Verdict::Stopped => return,
            Verdict::Unfit(why) => why,
            Verdict::Proved => match trial.confirm() {
                Ok(true) => {
                    info!(version = %trial.version, "the new release has proved itself");
                    self.tell("confirmed", json!({ "version": trial.version.to_string() }));
                    return self.ready();
                }
                Ok(false) => {
                    info!(version = %trial.version, "the new release was given up by hand; another is started next");
                    return self.ready();
                }
                Err(problem) => format!("that it works cannot be kept: {problem}"),
            },
        };
        error!(version = %trial.version, why, "the new release does not work as the one before did");
        self.tell("unfit", json!({ "version": trial.version.to_string(), "why": why }));
        if let Err(problem) = trial.note(&why) {
            warn!(%problem, "why cannot be kept");
        }
        (self.leave)(Ending::Unfit);
    }

    /// Does what a release that stays does, and says that the terminal works.
    fn ready(&self) {
        if self.running.stays(&self.releases) {
            if let Err(error) = self.store.settle_format() {
                error!(%error, "older software would not notice that it does not know these data");
            }
            match hand_over(&self.running, &self.releases, &self.packages) {
                Ok(true) => info!("what of the new software needs root waits for it"),
                Ok(false) => {}
                Err(error) => error!(%error, "what of the new software needs root cannot be handed over"),
            }
            self.recompute.send(Recompute::Go);
        }
        supervisor::ready(&format!("version {}", self.running.version));
    }

    /// Tells what happened while nobody could; at each start, as the list it stands in is lost with the process.
    fn tell_news(&self) {
        let news = match self.releases.load() {
            Ok(state) => state.news,
            Err(problem) => return error!(%problem, "what is known of the releases cannot be read"),
        };
        let Some(news) = news else { return };
        let version = news.version.as_ref().map(ToString::to_string);
        warn!(what = news.what, version, why = news.why, "the software was changed back");
        let what: &'static str = match news.what.as_str() {
            "rolled_back" => "rolled_back",
            "fell_back" => "fell_back",
            _ => "state_lost",
        };
        self.tell(what, json!({ "version": version, "why": news.why }));
    }

    fn tell(&self, state: &'static str, more: Value) {
        let now = self.settings.now().ntp.local(self.clock.wall());
        let mut line = Map::new();
        line.insert("state".into(), state.into());
        if let Value::Object(more) = more {
            line.extend(more);
        }
        self.decisions.tell(now, "upgrade", line);
    }
}
