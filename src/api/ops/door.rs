//! Door conditions and opening from afar (3.2, 3.20).

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Changes, Nothing};
use crate::api::Context;
use crate::api::wire::{Answer, fields};
use crate::bail;
use crate::control::{Command, Event};
use crate::error::Result;
use crate::field::{Int, Text};
use crate::settings::{Door, OpenWay};

pub fn get(cx: &Context, _: Nothing) -> Result<Answer> {
    fields(&cx.settings.now().door).map(Answer::Data)
}

pub fn set(cx: &Context, changes: Changes<Door>) -> Result<Answer> {
    cx.settings.patch::<Door>(&changes.fields)?;
    Ok(Answer::Done)
}

/// Opens the door once.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct OpenDoor {
    /// Which door; a terminal has one, so it has no effect.
    #[serde(rename = "Chn", default, deserialize_with = "super::blank")]
    #[expect(dead_code, reason = "only checked")]
    pub door: Option<Int<0, 9>>,
    /// Above 0 opens. Platforms in the field send 0 and count on the door opening too, so any value opens.
    #[serde(rename = "status", default, deserialize_with = "super::blank")]
    #[expect(dead_code, reason = "only checked")]
    pub status: Option<Int<0, { i32::MAX as i64 }>>,
    /// Shown on the screen.
    #[serde(rename = "msg", default)]
    pub text: Option<Text<127>>,
}

pub fn open(cx: &Context, request: OpenDoor) -> Result<Answer> {
    if cx.settings.now().door.open_way == OpenWay::Face {
        bail!(NotAllowed, "OpendoorWay: is 0, only faces open; set it to 1 or 2 to open from afar");
    }
    let text = request.text.map(Text::into_string).filter(|text| !text.trim().is_empty());
    cx.control.send(Event::Command(Command::Open { text }));
    Ok(Answer::Done)
}
