//! The HTTP action API: `POST /action/<Operator>` with a JSON body, one table row an operator.
//!
//! ```text
//! socket ─ server ─ auth ─► dispatch(name, body) ─ wire::Envelope ─► table row ─► ops::<subject> ─► wire::reply
//! ```
//!
//! `server` knows HTTP and nothing of the protocol; `auth` who may call; `lenient` and `wire` how bodies
//! look; `codes` the protocol's numbers; `table` every operator on one screen; `ops` what they do;
//! `publish` the same table as OpenAPI, page and collection; `web` is the page for a person with a browser;
//! [`dispatch`] knows no carrier, so that any other one calls the same operators.

pub mod auth;
pub mod codes;
pub mod lenient;
pub(crate) mod ops;
pub mod picture;
pub mod publish;
pub mod server;
pub mod table;
pub mod web;
pub mod wire;

use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::access::pin;
use crate::bail;
use crate::camera::Newest;
use crate::clock::{Clock, Outbound};
use crate::control;
use crate::control::decisions::Decisions;
use crate::error::{Error, Fault, Result};
use crate::fetch::Fetch;
use crate::field::{Int, LocalTime};
use crate::hal::{Abilities, Host};
use crate::network::Guard;
use crate::push::manual::Manual;
use crate::push::outbox;
use crate::roster::Roster;
use crate::settings::Live;
use crate::sound::Sounds;
use crate::store::Store;
use crate::upgrade::Upgrade;
pub use ops::subscribe::TOPICS;
use wire::{Envelope, Fields, Reply};

/// What operators work with.
#[derive(Debug)]
pub struct Context {
    /// Records, and people for looking up.
    pub store: Arc<Store>,
    /// People, for changing.
    pub roster: Arc<Roster>,
    /// What operators set.
    pub settings: Arc<Live>,
    /// The way to the door: commands.
    pub control: Outbound<control::Event>,
    /// Wall clock and waiting.
    pub clock: Arc<dyn Clock>,
    /// The machine: restart, time, where it is in the network.
    pub host: Arc<dyn Host>,
    /// The way to change the network.
    pub network: Arc<Guard>,
    /// For `picURI`.
    pub fetch: Arc<Fetch>,
    /// What the camera sees.
    pub newest: Arc<Newest>,
    /// The sounds there are, and the loudspeaker.
    pub sounds: Arc<Sounds>,
    /// How far the subscriber's outbox is.
    pub push: Arc<outbox::Status>,
    /// How far the outbox to the MQTT server is.
    pub mqtt: Arc<outbox::Status>,
    /// Pushes records on request.
    pub manual: Arc<Manual>,
    /// New software.
    pub upgrade: Upgrade,
    /// What happened lately.
    pub decisions: Arc<Decisions>,
    /// What passwords of the keypad are kept by.
    pub pins: pin::Key,
    /// The terminal's number.
    pub device_id: u32,
    /// Version shown to platforms.
    pub version: String,
    /// How many people fit (board profile).
    pub people_limit: usize,
    /// What the model pack says of liveness; `None`: it cannot judge it.
    pub liveness: Option<Liveness>,
    /// What the terminal can sense.
    pub abilities: Abilities,
    /// Whether the login of the document has to be changed before anything else works (board profile).
    pub require_password_change: bool,
    /// Held from choosing a card number until its bearer is stored.
    pub card_turn: Mutex<()>,
}

/// Liveness as the model pack defines it: shown by `GetSysCfg` and `GetGeneralParam`, not to be set.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Liveness {
    /// Score from which a face is alive, 0 to 1.
    pub threshold: f32,
    /// Frames it is averaged over.
    pub frames: usize,
}

impl Liveness {
    /// What is shown where no face can be found alive: a score that none exceeds.
    pub const UNAVAILABLE: Self = Self { threshold: 1.0, frames: 0 };
}

impl Context {
    /// What the clock on the wall shows.
    #[must_use]
    pub fn now(&self) -> LocalTime {
        self.settings.now().ntp.local(self.clock.wall())
    }
}

/// Runs the operator `name` on `body` and makes the reply, whatever carries them. Blocks.
#[must_use]
pub fn dispatch(cx: &Context, name: &str, body: &[u8]) -> Reply {
    let start = cx.clock.mono();
    let Some(operator) = table::find(name) else {
        tracing::warn!(operator = ?short(name), "unknown operator");
        let why = format!("operator: there is none called {:?}; docs/api.md has them all", short(name));
        return wire::reply(short(name), codes::GENERIC, Err(Error::new(Fault::UnknownOperator, why)));
    };
    let result = run(cx, operator, body);
    let failed = result.as_ref().err().map(|error| (wire::said(error), chain(error)));
    let name = if result.is_ok() { operator.answers_as } else { operator.name };
    let reply = wire::reply(name, operator.page, result);
    let ms = u64::try_from(cx.clock.mono().since(start).as_millis()).unwrap_or(u64::MAX);
    match failed {
        None => tracing::debug!(operator = operator.name, code = reply.code, ms, "answered"),
        Some((said, cause)) => tracing::info!(operator = operator.name, code = reply.code, ms, said, cause, "refused"),
    }
    reply
}

/// Runs the operator `name` on members that were read already, for another carrier than HTTP.
///
/// # Errors
/// The operator's, or [`Fault::UnknownOperator`].
pub fn call(cx: &Context, name: &str, fields: Fields) -> Result<wire::Answer> {
    let operator = table::find(name).ok_or(Fault::UnknownOperator)?;
    check_login(cx, operator.name)?;
    operator.run(cx, fields)
}

fn run(cx: &Context, operator: &table::Operator, body: &[u8]) -> Result<wire::Answer> {
    let envelope = Envelope::read(body)?;
    if let Some(named) = envelope.operator.filter(|named| named != operator.name) {
        return Err(Error::new(Fault::UnknownOperator, format!("operator: {named:?} is not {}", operator.name)));
    }
    check_login(cx, operator.name)?;
    if operator.needs_info && !envelope.has_info {
        return Err(Error::new(Fault::BadParameter, "info: is missing"));
    }
    if operator.checks_device {
        check_device(cx, &envelope.fields)?;
    }
    operator.run(cx, envelope.fields)
}

/// Where the board's profile asks for it, the login that everybody knows from the document is good for changing it and for
/// asking who is there, and for nothing else, whatever carries the operator.
///
/// # Errors
/// [`Fault::NotAllowed`], until a login was set.
pub fn check_login(cx: &Context, operator: &str) -> Result<()> {
    let due = cx.require_password_change && cx.settings.now().account.is_default();
    if due && !matches!(operator, "GetSysParam" | "SetUserPwd") {
        bail!(NotAllowed, "{operator}: change the default password first, with SetUserPwd");
    }
    Ok(())
}

/// A `DeviceID` that is given must be this terminal's; platforms that know only one leave it out.
fn check_device(cx: &Context, fields: &Fields) -> Result<()> {
    let Some(given) = fields.get("DeviceID").filter(|value| !wire::is_blank(value)) else { return Ok(()) };
    let number = serde_json::from_value::<Int<0, { i64::MAX }>>(given.clone()).ok().map(Int::get);
    if number == Some(i64::from(cx.device_id)) {
        return Ok(());
    }
    let given = match given {
        Value::Number(_) | Value::String(_) => given.to_string(),
        _ => "this".to_owned(),
    };
    Err(Error::new(Fault::WrongDevice, format!("DeviceID: {given} is not {}", cx.device_id)))
}

/// Names come from strangers and go into answers and logs.
fn short(name: &str) -> &str {
    name.char_indices().nth(64).map_or(name, |(end, _)| &name[..end])
}

/// The causes of an error, for the log.
fn chain(error: &Error) -> String {
    let mut text = String::new();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        text.push_str(&format!("{}{cause}", if text.is_empty() { "" } else { ": " }));
        next = cause.source();
    }
    text
}
