//! Door conditions (3.2) and remote opening (3.20).

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Nothing;
use crate::api::Context;
use crate::api::wire::Answer;
use crate::control::{Command, Event};
use crate::error::Result;
use crate::field::{Int, Text, blank};
use crate::settings::{Door, OpenWay};

/// What opens the door and how.
///
/// # Errors
/// None.
pub fn get_condition(cx: &Context, _: Nothing) -> Result<Answer> {
    Answer::data(&cx.settings.now().door)
}

/// Changes the fields given.
///
/// # Errors
/// A field out of range, or the store.
pub fn set_condition(cx: &Context, fields: Map<String, Value>) -> Result<Answer> {
    cx.settings.patch::<Door>(&fields)?;
    Ok(Answer::Done)
}

/// Opens the door once, as if somebody had been admitted.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct OpenDoor {
    /// Which door of a server with many; a terminal has one.
    #[serde(rename = "Chn", default, deserialize_with = "blank")]
    pub door: Option<Int<0, 9>>,
    /// Above 0 the text is shown; platforms that send 0 count on the door opening all the same.
    #[serde(rename = "status", default, deserialize_with = "blank")]
    pub status: Option<Int<0, 255>>,
    /// Text to show.
    #[serde(rename = "msg", default, deserialize_with = "blank")]
    pub text: Option<Text<64>>,
}

/// Opens the door.
///
/// # Errors
/// When `OpendoorWay` leaves opening to faces alone.
pub fn open(cx: &Context, request: OpenDoor) -> Result<Answer> {
    if cx.settings.now().door.open_way == OpenWay::Face {
        crate::bail!(NotAllowed, "OpendoorWay: 0 opens by face only; set 1 or 2 to open remotely");
    }
    cx.control.send(Event::Command(Command::Open { text: request.text.map(Text::into_string) }));
    Ok(Answer::Done)
}
