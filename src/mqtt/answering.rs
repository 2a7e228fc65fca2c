//! The thread that answers commands, in the order they come; what takes long has a thread of its own, so that queries
//! and the door do not wait for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tracing::{info, warn};

use super::commands::{self, Desk};
use super::connection::Link;
use crate::api::Context;
use crate::clock::{Inbox, Mono};

/// What has come in.
#[derive(Debug)]
pub enum Incoming {
    /// A command as it came, and when.
    Packet(Vec<u8>, Mono),
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

/// Who was to be let in is not waited for longer than this.
const STALE: Duration = Duration::from_secs(10);

impl Answering {
    /// Answers until told to stop; a batch under way is finished by its own thread.
    pub fn run(&self, inbox: &Inbox<Incoming>) {
        while let Some(incoming) = inbox.next(&*self.cx.clock, None) {
            let Incoming::Packet(packet, came) = incoming else { return };
            if self.desk.is_closed() {
                return;
            }
            if commands::opens(&packet) && self.cx.clock.mono().since(came) > STALE {
                warn!("a command to open the door is passed over: it has waited too long");
                self.waiting.fetch_sub(1, Ordering::Relaxed);
                continue;
            }
            if !commands::is_long(&packet) {
                self.answer(&packet);
                continue;
            }
            let answering = self.clone();
            let work = move || answering.answer(&packet);
            if let Err(error) = std::thread::Builder::new().name("mqtt-batch".into()).spawn(work) {
                self.waiting.fetch_sub(1, Ordering::Relaxed);
                warn!(%error, "no thread for a batch over MQTT, it is not answered");
            }
        }
    }

    fn answer(&self, packet: &[u8]) {
        // Where the command came, whatever it changes.
        let topic = format!("{}/Ack", self.cx.settings.now().mqtt.topic(self.cx.device_id));
        if let Some(answer) = commands::answer(&self.cx, &self.desk, packet)
            && let Err(error) = self.link.publish(&topic, &answer)
        {
            info!(%error, "an answer does not leave");
        }
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
