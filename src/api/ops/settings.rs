//! Settings that are read and changed as they are, a group each; and those of a group that need one step more.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::{Changes, Nothing};
use crate::api::Context;
use crate::api::wire::{Answer, fields};
use crate::error::Result;
use crate::field::TextVisitor;
use crate::settings::{Group, Handshake, Rtsp};

/// Shows a group.
pub fn show<G: Group>(cx: &Context, _: Nothing) -> Result<Answer> {
    fields(G::of(&cx.settings.now())).map(Answer::Data)
}

/// Changes the given fields of a group. What is no field of it passes, as everywhere.
pub fn patch<G: Group>(cx: &Context, changes: Changes<G>) -> Result<Answer> {
    cx.settings.patch::<G>(&changes.fields)?;
    Ok(Answer::Done)
}

/// The document has the terminal restart after this (3.35).
pub fn set_rtsp(cx: &Context, changes: Changes<Rtsp>) -> Result<Answer> {
    cx.settings.patch::<Rtsp>(&changes.fields)?;
    // Kept is kept: the stream's parameters count from the next start, whenever that is.
    if let Err(error) = cx.host.reboot() {
        tracing::error!(%error, "cannot restart after the RTSP parameters were changed");
    }
    Ok(Answer::Done)
}

/// Leaves data of the platform's own on the terminal.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct SetHandSharkData {
    /// Any text of at most 4096 bytes, control characters included; an empty one removes what was there.
    #[serde(rename = "HandSharkInfo", deserialize_with = "any_text")]
    pub data: String,
}

fn any_text<'de, D: serde::Deserializer<'de>>(d: D) -> std::result::Result<String, D::Error> {
    d.deserialize_any(TextVisitor)
}

pub fn set_handshake(cx: &Context, request: SetHandSharkData) -> Result<Answer> {
    cx.settings.change::<Handshake>(|handshake| {
        handshake.data = request.data;
        Ok(())
    })?;
    Ok(Answer::Done)
}

pub fn handshake(cx: &Context, _: Nothing) -> Result<Answer> {
    fields(json!({ "HandSharkInfo": cx.settings.now().handshake.data })).map(Answer::Data)
}
