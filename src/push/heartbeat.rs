//! Heartbeats to the subscriber (3.14), on a thread of their own, so that a slow answer to an event does not silence
//! the terminal.

use std::sync::Arc;
use std::time::Duration;

use tracing::info;

use super::http::{Answer, Post};
use super::message::{self, Author};
use super::outbox::Status;
use super::subscriber::server;
use crate::clock::Bell;
use crate::field::Address;
use crate::hal::{Host, Link};
use crate::settings::{Route, Settings};

/// Sends heartbeats as often as the subscription says.
#[derive(Debug)]
pub struct Heart {
    /// Settings and time.
    pub author: Author,
    /// The way out.
    pub post: Post,
    /// The machine, for its address.
    pub host: Arc<dyn Host>,
    /// Rung on changed settings and at the end.
    pub bell: Bell,
    /// Of the subscriber's outbox, which says when the terminal stops.
    pub status: Arc<Status>,
}

impl Heart {
    /// Beats until the outbox is stopped and the bell rung.
    pub fn run(&self) {
        let Author { settings, clock, device_id, .. } = &self.author;
        while !self.status.is_stopped() {
            let subscription = settings.now().subscription.clone();
            if subscription.topics.is_empty() {
                clock.wait(&self.bell, None);
                continue;
            }
            let started = clock.mono();
            if let Some(path) = message::path_of("HeartBeat", &subscription) {
                let address = address(&*self.host, &settings.now());
                let body = message::heartbeat(*device_id, self.author.now(), address);
                match self.post.post(server(&subscription), &path, &body) {
                    Ok(Answer { success: true, .. }) => {}
                    Ok(_) => info!("the subscriber answers the heartbeat with an error"),
                    Err(error) => info!(%error, "the heartbeat does not reach the subscriber"),
                }
            }
            let next = started.after(Duration::from_secs(subscription.beat_s.max(1).into()));
            while clock.mono() < next && !self.status.is_stopped() && settings.now().subscription == subscription {
                clock.wait(&self.bell, Some(next));
            }
        }
    }
}

/// Where the terminal is in the network its packets leave by.
#[must_use]
pub fn address(host: &dyn Host, settings: &Settings) -> Option<Address> {
    let link = match settings.network.route {
        Route::Wired | Route::Mobile => Link::Wired,
        Route::Wifi => Link::Wifi,
    };
    host.connection(link).ok().map(|at| at.address).filter(|address| address.is_some())
}
