//! A platform's commands: the same operators as over HTTP, spoken as MQTT speaks them.
//!
//! A command is a packet, an answer another; nothing here knows the connection. `people` are the commands about people,
//! which have their own names for everything, `device` all others, a table of names. `codes` holds the numbers.

pub mod codes;
mod device;
mod people;

use std::sync::Mutex;

use serde_json::{Map, Value};

use crate::api::{self, Context, lenient, wire};
use crate::clock::lock;
use crate::error::{Error, Fault, Result};
use codes::{Page, code};

/// Longest packet that is answered with more than its refusal.
const LONGEST: usize = 1 << 20;

/// Members of a command or an answer.
type Fields = Map<String, Value>;

/// What is worked on, so that batches and single changes keep out of each other's way.
#[derive(Debug, Default)]
pub struct Desk(Mutex<Work>);

#[derive(Debug, Default)]
struct Work {
    batch: Option<Batch>,
    /// Single changes under way.
    single: u32,
    /// Nothing more is begun.
    closed: bool,
}

/// The batches there are; the numbers are those of QueryProgress.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Batch {
    AddPersons = 1,
    DeletePersons = 2,
    EditPersonsNew = 3,
}

/// Held while a change is made.
struct Turn<'a> {
    desk: &'a Desk,
    batch: bool,
}

impl Desk {
    /// Begins a batch.
    fn batch(&self, batch: Batch) -> Result<Turn<'_>> {
        let work = &mut *lock(&self.0);
        if work.batch.is_some() || work.single > 0 {
            crate::bail!(Busy, "another change of people is under way");
        }
        work.batch = Some(batch);
        Ok(Turn { desk: self, batch: true })
    }

    /// Begins a single change.
    fn single(&self) -> Result<Turn<'_>> {
        let work = &mut *lock(&self.0);
        if work.batch.is_some() {
            crate::bail!(Busy, "a batch is under way");
        }
        work.single += 1;
        Ok(Turn { desk: self, batch: false })
    }

    /// Lets nothing more begin: the terminal stops.
    pub fn close(&self) {
        lock(&self.0).closed = true;
    }

    /// Whether nothing more is to be begun.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        lock(&self.0).closed
    }

    fn under_way(&self) -> Option<Batch> {
        lock(&self.0).batch
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let work = &mut *lock(&self.desk.0);
        if self.batch {
            work.batch = None;
        } else {
            work.single -= 1;
        }
    }
}

/// A command, taken apart.
struct Command {
    operator: String,
    message_id: Value,
    /// `info`, or what stands in its place.
    info: Option<Value>,
    /// What stands beside it.
    beside: Fields,
}

impl Command {
    fn read(packet: &[u8]) -> Result<Self> {
        let Value::Object(mut beside) = lenient::read(packet)? else {
            crate::bail!(NotJson, "a command is an object");
        };
        let operator = beside.shift_remove("operator").or_else(|| beside.shift_remove("Operator"));
        let operator = operator.as_ref().and_then(Value::as_str).unwrap_or_default().trim().to_owned();
        let message_id = beside.shift_remove("messageId").unwrap_or_else(|| "".into());
        Ok(Self { operator, message_id, info: beside.shift_remove("info"), beside })
    }

    /// The members of `info`, without the terminal's id, which platforms put there too.
    fn fields(&self) -> Result<Fields> {
        match &self.info {
            Some(Value::Object(info)) => Ok(info
                .iter()
                .filter(|(name, _)| !is_id(name))
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect()),
            // PHP writes an empty object as a list.
            Some(Value::Array(list)) if list.is_empty() => Ok(Fields::new()),
            Some(_) => crate::bail!(BadParameter, "info: an object is needed"),
            None => crate::bail!(NoInfo, "info: is missing"),
        }
    }
}

/// What there is to answer.
#[derive(Debug, Default)]
struct Answer {
    /// Members of `info`.
    info: Fields,
    /// Members beside it.
    beside: Fields,
    /// Parts of it failed; `info` says which.
    fails: bool,
    /// As the protocol's examples of batches have it: without `code`.
    without_code: bool,
}

impl From<Fields> for Answer {
    fn from(info: Fields) -> Self {
        Self { info, ..Self::default() }
    }
}

/// Whether the command takes so long that others must not wait for it.
#[must_use]
pub fn is_long(packet: &[u8]) -> bool {
    // Only packets of some length hold a batch; a wrong guess costs a thread.
    Command::read(packet).is_ok_and(|command| match command.operator.as_str() {
        "AddPersons" | "EditPersonsNew" | "DeletePersons" => true,
        // A picture that has to be fetched first.
        _ => [command.info.as_ref().and_then(|info| info.get("picURI")), command.beside.get("picURI")]
            .iter()
            .any(Option::is_some),
    })
}

/// Whether the command opens the door.
#[must_use]
pub fn opens(packet: &[u8]) -> bool {
    Command::read(packet).is_ok_and(|command| matches!(command.operator.as_str(), "Unlock" | "OpenDoor"))
}

/// Does what a packet says; returns the answer, or nothing where there is nothing to answer to. Blocks, batches for
/// minutes.
#[must_use]
pub fn answer(cx: &Context, desk: &Desk, packet: &[u8]) -> Option<Value> {
    let command = match Command::read(packet) {
        Ok(command) => command,
        Err(error) => {
            tracing::warn!(%error, bytes = packet.len(), "what comes over MQTT is no command");
            return None;
        }
    };
    let operator = command.operator.as_str();
    if operator.is_empty() {
        tracing::warn!("a command over MQTT names no operator");
        return None;
    }
    let (page, result) = if packet.len() > LONGEST {
        (codes::GENERAL, Err(Error::new(Fault::TooLarge, format!("{} bytes, at most {LONGEST}", packet.len()))))
    } else if let Err(error) = is_for_us(cx, &command).and_then(|()| api::check_login(cx, operator)) {
        (codes::GENERAL, Err(error))
    } else if let Some((page, run)) = people::find(operator) {
        (page, run(cx, desk, &command))
    } else {
        (codes::GENERAL, device::run(cx, &command))
    };
    if let Err(error) = &result {
        tracing::info!(operator, %error, "refused over MQTT");
    }
    Some(reply(cx, &command, page, result))
}

/// A terminal's id that is given must be ours: several terminals may share a topic.
fn is_for_us(cx: &Context, command: &Command) -> Result<()> {
    let ours = [cx.settings.now().mqtt.id(cx.device_id), cx.device_id.to_string()];
    let inside = command.info.as_ref().and_then(Value::as_object);
    for (name, value) in inside.into_iter().flatten().chain(&command.beside).filter(|(name, _)| is_id(name)) {
        let given = match value {
            Value::String(text) => text.trim().to_owned(),
            other => other.to_string(),
        };
        if !given.is_empty() && !ours.contains(&given) {
            crate::bail!(WrongDevice, "{name}: {} is not {}", given.chars().take(64).collect::<String>(), ours[0]);
        }
    }
    Ok(())
}

fn is_id(name: &str) -> bool {
    matches!(name, "facesluiceId" | "DeviceID" | "deviceID")
}

/// The one place where the shape of an answer is made.
fn reply(cx: &Context, command: &Command, page: Page, result: Result<Answer>) -> Value {
    let mut body = Fields::new();
    body.insert("messageId".into(), command.message_id.clone());
    let operator: String = command.operator.chars().take(64).collect();
    body.insert("operator".into(), format!("{operator}-Ack").into());
    let mut info = Fields::new();
    info.insert("facesluiceId".into(), cx.settings.now().mqtt.id(cx.device_id).into());
    match result {
        Ok(answer) => {
            if !answer.without_code {
                body.insert("code".into(), "200".into());
            }
            info.extend(answer.info);
            info.insert("result".into(), if answer.fails { "fail" } else { "ok" }.into());
            body.insert("info".into(), Value::Object(info));
            body.extend(answer.beside);
        }
        Err(error) => {
            body.insert("code".into(), code(page, error.fault).to_string().into());
            info.insert("result".into(), "fail".into());
            info.insert("detail".into(), wire::said(&error).into());
            body.insert("info".into(), Value::Object(info));
        }
    }
    Value::Object(body)
}

/// Numbers as texts, as MQTT writes them; what is inside lists stays.
fn as_texts(fields: Fields) -> Fields {
    let text = |value: Value| match value {
        Value::Number(number) => number.to_string().into(),
        other => other,
    };
    fields.into_iter().map(|(name, value)| (name, text(value))).collect()
}
