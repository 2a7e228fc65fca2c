//! Sounds and what goes with them (3.1).

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::{Changes, Nothing};
use crate::api::Context;
use crate::api::wire::{Answer, fields};
use crate::bail;
use crate::error::Result;
use crate::field::Int;
use crate::settings::Panel;
use crate::sound::{Tone, Whose};

pub fn get(cx: &Context, _: Nothing) -> Result<Answer> {
    fields(&cx.settings.now().panel).map(Answer::Data)
}

pub fn set(cx: &Context, changes: Changes<Panel>) -> Result<Answer> {
    cx.settings.patch::<Panel>(&changes.fields)?;
    Ok(Answer::Done)
}

pub fn list(cx: &Context, _: Nothing) -> Result<Answer> {
    let names = cx.sounds.names();
    fields(json!({ "AudioNum": names.len(), "AudioName": names })).map(Answer::Data)
}

/// Plays a sound.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct SetAudio {
    /// Whose file: 0 the terminal's own, 1 a custom one.
    #[serde(rename = "AudioType")]
    pub whose: Int<0, 1>,
    /// Its name, at most 64 bytes: WAV, 16000 Hz, 16 bits, mono. Of the terminal's own, left out is `welcome.wav`.
    #[serde(rename = "AudioName", default, deserialize_with = "super::blank")]
    pub name: Option<String>,
}

pub fn play(cx: &Context, request: SetAudio) -> Result<Answer> {
    let whose = if request.whose.get() == 0 { Whose::Own } else { Whose::Custom };
    let name = match (&request.name, whose) {
        (Some(name), _) => name,
        (None, Whose::Own) => Tone::Welcome.file(),
        (None, Whose::Custom) => bail!(BadParameter, "AudioName: is missing, AudioType is 1"),
    };
    cx.sounds.play(cx.sounds.find(whose, name)?)?;
    Ok(Answer::Done)
}
