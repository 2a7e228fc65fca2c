//! The HTTP action API: `POST /action/<Operator>`, as the protocol document and the platforms written
//! against it expect.
//!
//! `server` takes requests off the wire and `auth` says whose they are; `wire` reads bodies patiently and
//! makes the few shapes of answers; `table` is the whole API on one screen; `ops` holds the operators by
//! subject; `codes` turns a [`crate::error::Fault`] into the number of the page it is answered on. Nothing
//! below `dispatch` knows that it is HTTP: any other carrier calls it too.

pub mod auth;
pub mod codes;
pub mod ops;
pub mod person_view;
pub mod server;
pub mod table;
pub mod wire;

use std::sync::Arc;

use crate::camera::Newest;
use crate::clock::{Clock, Outbound};
use crate::control::Event;
use crate::fetch::Fetch;
use crate::hal::Host;
use crate::push;
use crate::roster::Roster;
use crate::settings::Live;
use crate::store::Store;

/// What operators work with.
#[derive(Debug)]
pub struct Context {
    /// Everything that survives a restart.
    pub store: Arc<Store>,
    /// People: store and gallery in step.
    pub roster: Arc<Roster>,
    /// The settings in force.
    pub settings: Arc<Live>,
    /// The control loop.
    pub control: Outbound<Event>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The machine.
    pub host: Arc<dyn Host>,
    /// Pictures by address.
    pub fetch: Arc<Fetch>,
    /// What the camera sees.
    pub newest: Arc<Newest>,
    /// How far the pusher is.
    pub push: Arc<push::Status>,
    /// The terminal's number.
    pub device_id: u32,
    /// The version it reports.
    pub version: String,
    /// How many people it holds.
    pub max_people: usize,
}

impl Context {
    /// The time on the wall, in the terminal's zone.
    #[must_use]
    pub fn local(&self) -> crate::field::LocalTime {
        self.settings.now().ntp.local(self.clock.wall())
    }
}
