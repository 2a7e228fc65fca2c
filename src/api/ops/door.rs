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
use crate::hal::Abilities;
use crate::settings::{Basis, Door, OpenWay, VerifyMode};

pub fn get(cx: &Context, _: Nothing) -> Result<Answer> {
    fields(&cx.settings.now().door).map(Answer::Data)
}

pub fn set(cx: &Context, changes: Changes<Door>) -> Result<Answer> {
    if let Some(number) = changes.fields.get("VerifyMode").filter(|value| !value.is_null()) {
        // What cannot be read is refused below, with its reason.
        if let Ok(mode) = serde_json::from_value::<VerifyMode>(number.clone()) {
            check_abilities(mode, cx.abilities)?;
        }
    }
    cx.settings.patch::<Door>(&changes.fields)?;
    Ok(Answer::Done)
}

/// A door that waits for what the terminal cannot sense would never open again.
fn check_abilities(mode: VerifyMode, has: Abilities) -> Result<()> {
    let basis = match mode.basis {
        Basis::Face | Basis::Anybody => None,
        Basis::IdCard | Basis::FaceAndIdCard | Basis::FaceOrIdCard => Some((has.id_card, "a reader of identity cards")),
        Basis::RfCard | Basis::RfCardAndFace | Basis::RfCardOrFace => Some((has.rf_card, "a reader of RF cards")),
        Basis::Wiegand | Basis::WiegandAndFace | Basis::WiegandOrFace => Some((has.wiegand_in, "a Wiegand reader")),
    };
    let mask = mode.mask.then_some((has.mask, "a detector of masks"));
    let temperature = mode.temperature.then_some((has.temperature, "a thermal sensor"));
    match [basis, mask, temperature].into_iter().flatten().find(|(there, _)| !there) {
        Some((_, missing)) => {
            bail!(NotAllowed, "VerifyMode: {} needs {missing}; this terminal has none", mode.number())
        }
        None => Ok(()),
    }
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
        bail!(NotAllowed, "OpendoorWay: is 0, the platform opens nothing; set it to 1, 2 or 3 to open from afar");
    }
    let text = request.text.map(Text::into_string).filter(|text| !text.trim().is_empty());
    cx.control.send(Event::Command(Command::Open { text }));
    Ok(Answer::Done)
}
