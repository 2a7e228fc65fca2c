//! The centre (3.7): verdicts and pictures of strangers, posted as a subscriber would get them.
//!
//! The document says who and what, not in which form. Taken is that of the pushes (3.12.3, 3.12.4), with both pictures,
//! at the paths its subscription examples show; an event counts as delivered with any answer of success, and waits
//! until then.

use super::http::{Post, Server};
use super::message::Author;
use super::outbox::{Sent, Sink, Terms};
use crate::access::record::Event;
use crate::bail;
use crate::error::Result;
use crate::settings::{Center, Settings};
use crate::store::Logged;

/// Path of verdicts.
pub const VERIFY_PATH: &str = "/Subscribe/Verify";
/// Path of pictures of strangers.
pub const SNAP_PATH: &str = "/Subscribe/Snap";
/// Where its place in the log is kept.
pub const PLACE: &str = "centre";

/// The centre as a sink of events.
#[derive(Debug)]
pub struct Centre {
    /// Writes the bodies.
    pub author: Author,
    /// The way out.
    pub post: Post,
}

impl Sink for Centre {
    type Route = Center;

    const NAME: &'static str = "centre";

    fn route(&self, settings: &Settings) -> Option<Center> {
        let centre = &settings.center;
        let sends = centre.sends_snaps.on() || centre.sends_verdicts.on();
        (centre.enabled.on() && sends && !centre.server.as_str().is_empty()).then(|| centre.clone())
    }

    fn terms(&self, _: &Center) -> Terms {
        Terms { place: PLACE.to_owned(), resume: true, interval_s: None, begin: None }
    }

    fn send(&self, route: &Center, logged: &Logged, _: bool) -> Result<Sent> {
        let path = match &logged.event {
            Event::Control(_) if route.sends_verdicts.on() => VERIFY_PATH,
            Event::Capture(_) if route.sends_snaps.on() => SNAP_PATH,
            Event::Control(_) | Event::Capture(_) | Event::Notice(_) => return Ok(Sent::Unwanted),
        };
        let body = self.author.write(&logged.event, "Verify");
        let address = address(route);
        let (user, password) = (route.user.as_str(), route.password.as_str());
        let server = Server { address: &address, login: (!user.is_empty()).then_some((user, password)) };
        if !self.post.post(server, path, &body)?.success {
            bail!(Unavailable, "the answer is an error");
        }
        Ok(Sent::Delivered)
    }

    fn cancel(&self) {
        self.post.cancel();
    }
}

/// `http://host:port`; an IPv6 address gets its brackets.
fn address(centre: &Center) -> String {
    let (host, port) = (centre.server.as_str(), centre.port.get());
    if host.contains(':') && !host.starts_with('[') {
        format!("http://[{host}]:{port}")
    } else {
        format!("http://{host}:{port}")
    }
}
