//! The thread that answers commands, in the order they come; batches have one of their own each, so that queries and
//! the door do not wait for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tracing::{info, warn};

use super::commands::{self, Desk};
use super::connection::Link;
use crate::api::Context;
use crate::clock::Inbox;

/// What has come in.
#[derive(Debug)]
pub enum Incoming {
    /// A command as it came.
    Packet(Vec<u8>),
    /// Nothing more comes.
    Stop,
}

/// Answers commands.
#[derive(Clone, Debug)]
pub struct Answering {
    /// What operators work with.
    pub cx: Arc<Context>,
    /// The way out for answers.
    pub link: Arc<Link>,
    /// How many commands wait.
    pub waiting: Arc<AtomicUsize>,
    /// What is worked on.
    pub desk: Arc<Desk>,
}

impl Answering {
    /// Answers until told to stop; a batch under way is finished by its own thread.
    pub fn run(&self, inbox: &Inbox<Incoming>) {
        while let Some(incoming) = inbox.next(&*self.cx.clock, None) {
            let Incoming::Packet(packet) = incoming else { return };
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            if !commands::is_long(&packet) {
                self.answer(&packet);
                continue;
            }
            let answering = self.clone();
            let work = move || answering.answer(&packet);
            if let Err(error) = std::thread::Builder::new().name("mqtt-batch".into()).spawn(work) {
                warn!(%error, "no thread for a batch over MQTT, it is not answered");
            }
        }
    }

    fn answer(&self, packet: &[u8]) {
        let Some(answer) = commands::answer(&self.cx, &self.desk, packet) else { return };
        let topic = format!("{}/Ack", self.cx.settings.now().mqtt.topic(self.cx.device_id));
        if let Err(error) = self.link.publish(&topic, &answer) {
            info!(%error, "an answer does not leave");
        }
    }
}
