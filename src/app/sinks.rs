//! The ways out for events: an outbox and a thread for each, the heartbeat, and records on request.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};

use tokio::runtime::Handle;

use super::Failure;
use super::threads::Threads;
use crate::api::Context;
use crate::clock::{Bell, Inbox, Outbound};
use crate::control;
use crate::control::decisions::Decisions;
use crate::hal::Host;
use crate::mqtt::answering::{Answering, Incoming};
use crate::mqtt::commands::Desk;
use crate::mqtt::connection::{Connection, Link, Wake};
use crate::mqtt::sink::{MqttSink, Receipts};
use crate::push::centre::Centre;
use crate::push::heartbeat::Heart;
use crate::push::http::Post;
use crate::push::manual::{self, Manual};
use crate::push::message::Author;
use crate::push::outbox::{Outbox, Sink, Status};
use crate::push::subscriber::Subscriber;

/// What sinks need.
pub(super) struct Tools {
    /// Writes the bodies.
    pub(super) author: Author,
    /// The way out over HTTP.
    pub(super) post: Post,
    /// The way to the door.
    pub(super) control: Outbound<control::Event>,
    /// The machine, for its address.
    pub(super) host: Arc<dyn Host>,
    /// Where it is said that much waits.
    pub(super) decisions: Arc<Decisions>,
    /// Runs the MQTT connection.
    pub(super) runtime: Handle,
    /// The certificates the MQTT server is held to.
    pub(super) ca_file: PathBuf,
}

/// All sinks, running.
pub(super) struct Sinks {
    /// Ends each of them.
    stops: Vec<Box<dyn Fn() + Send + Sync>>,
    /// Rung on news.
    pub(super) bells: Bells,
    /// How far the subscriber's outbox is.
    pub(super) subscriber: Arc<Status>,
    /// How far the outbox to the MQTT server is.
    pub(super) mqtt: Arc<Status>,
    /// Pushes records on request.
    pub(super) manual: Arc<Manual>,
    /// The connection to the MQTT server.
    link: Arc<Link>,
    /// Commands that came over it.
    commands: Arc<Inbox<Incoming>>,
    waiting: Arc<AtomicUsize>,
    desk: Arc<Desk>,
}

/// The bells of all sinks.
#[derive(Clone, Default)]
pub(super) struct Bells {
    outboxes: Vec<Bell>,
    heart: Bell,
    mqtt: Option<Wake>,
}

impl Bells {
    /// There are new events.
    pub(super) fn ring_outboxes(&self) {
        self.outboxes.iter().for_each(Bell::ring);
    }

    /// Settings have changed.
    pub(super) fn ring_all(&self) {
        self.ring_outboxes();
        self.heart.ring();
        self.mqtt.iter().for_each(Wake::ring);
    }
}

impl Sinks {
    /// Starts them all.
    pub(super) fn start(tools: Tools, threads: &mut Threads) -> Result<Self, Failure> {
        let Tools { author, post, control, host, decisions, runtime, ca_file } = tools;
        let subscriber: Arc<Status> = Arc::default();
        let manual = Arc::new(Manual::new(manual::Tools {
            author: author.clone(),
            post: post.clone(),
            status: subscriber.clone(),
        }));
        let (mqtt, link) = (Arc::<Status>::default(), Arc::<Link>::default());
        let mut sinks = Self {
            stops: Vec::new(),
            bells: Bells::default(),
            subscriber: subscriber.clone(),
            mqtt: mqtt.clone(),
            manual,
            link: link.clone(),
            commands: Arc::default(),
            waiting: Arc::default(),
            desk: Arc::default(),
        };

        let http = Subscriber { author: author.clone(), post: post.clone(), control };
        sinks.add("push", http, subscriber.clone(), &author, &decisions, threads)?;
        let centre = Centre { author: author.clone(), post: post.clone() };
        sinks.add("centre", centre, Arc::default(), &author, &decisions, threads)?;

        let receipts = Arc::<Receipts>::default();
        let sink = MqttSink { author: author.clone(), link: link.clone(), receipts: receipts.clone() };
        sinks.add("mqtt-push", sink, mqtt, &author, &decisions, threads)?;
        let connection = Arc::new(Connection {
            author: author.clone(),
            host: host.clone(),
            runtime,
            ca_file,
            link: link.clone(),
            receipts,
            decisions: decisions.clone(),
            wake: Wake::default(),
            commands: sinks.commands.sender(),
            waiting: sinks.waiting.clone(),
            stopped: AtomicBool::new(false),
        });
        sinks.bells.mqtt = Some(connection.wake.clone());
        threads.start("mqtt", {
            let connection = connection.clone();
            move || connection.run()
        })?;
        threads.start("mqtt-beat", {
            let connection = connection.clone();
            move || connection.beat()
        })?;
        sinks.stops.push(Box::new(move || connection.stop()));

        let heart = Heart { author, post, host, bell: Bell::default(), status: subscriber };
        let bell = heart.bell.clone();
        sinks.bells.heart = bell.clone();
        sinks.stops.push(Box::new(move || bell.ring()));
        threads.start("heartbeat", move || heart.run())?;
        Ok(sinks)
    }

    /// Starts the outbox of one.
    fn add<S: Sink + 'static>(
        &mut self,
        thread: &'static str,
        sink: S,
        status: Arc<Status>,
        author: &Author,
        decisions: &Arc<Decisions>,
        threads: &mut Threads,
    ) -> Result<(), Failure> {
        let outbox = Arc::new(Outbox {
            store: author.store.clone(),
            settings: author.settings.clone(),
            clock: author.clock.clone(),
            sink,
            bell: Bell::default(),
            decisions: decisions.clone(),
            status,
        });
        self.bells.outboxes.push(outbox.bell.clone());
        let running = outbox.clone();
        self.stops.push(Box::new(move || outbox.stop()));
        threads.start(thread, move || running.run())
    }

    /// Answers what comes over MQTT from now on.
    pub(super) fn answer(&self, cx: Arc<Context>, threads: &mut Threads) -> Result<(), Failure> {
        let (link, waiting) = (self.link.clone(), self.waiting.clone());
        let answering = Answering { cx, link, waiting, desk: self.desk.clone() };
        let inbox = self.commands.clone();
        threads.start("mqtt-answer", move || answering.run(&inbox))
    }

    /// Ends them; their threads end soon.
    pub(super) fn stop(&self) {
        self.desk.close();
        self.commands.sender().send(Incoming::Stop);
        self.stops.iter().for_each(|stop| stop());
    }

    /// Waits for a push on request that is under way; cut short by [`Sinks::stop`].
    pub(super) fn join(&self) {
        self.manual.join();
    }
}
