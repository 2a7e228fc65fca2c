//! Back to how the terminal was when it was new, part by part (3.8).
//!
//! Login, subscription, MQTT parameters, data of the handshake and the terminal's name are in none of the
//! document's parts: whoever set them can go on talking to the terminal.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::api::Context;
use crate::api::wire::Answer;
use crate::error::Result;
use crate::field::Flag;
use crate::settings::{
    Center, Door, EnterIpc, Face, General, Network, Panel, Passwords, Rtsp, ServerBasics, System, Temperature, Wifi,
    Worktypes,
};

/// Puts parts of the terminal back to how they were when it was new.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SetFactoryDefault {
    /// Door conditions, and the passwords of the keypad.
    #[serde(rename = "DefaltDoorSet", deserialize_with = "super::blank")]
    pub door: Option<Flag>,
    /// Sounds, tips and the screen's contents.
    #[serde(rename = "DefaltSoundSet", deserialize_with = "super::blank")]
    pub sound: Option<Flag>,
    /// Network and WiFi.
    #[serde(rename = "DefaltNetPar", deserialize_with = "super::blank")]
    pub network: Option<Flag>,
    /// Connection to a centre.
    #[serde(rename = "DefaltCenterPar", deserialize_with = "super::blank")]
    pub center: Option<Flag>,
    /// Captures, control records and notices, with their pictures.
    #[serde(rename = "DefaltCapture", deserialize_with = "super::blank")]
    pub captures: Option<Flag>,
    /// The list of what happened lately.
    #[serde(rename = "DefaltLog", deserialize_with = "super::blank")]
    pub log: Option<Flag>,
    /// Everybody, and the control records.
    #[serde(rename = "DefaltPerson", deserialize_with = "super::blank")]
    pub people: Option<Flag>,
    /// Control records, with their pictures.
    #[serde(rename = "DefaltRecord", deserialize_with = "super::blank")]
    pub records: Option<Flag>,
    /// Day and hour of the restart.
    #[serde(rename = "DefaltMaintainTime", deserialize_with = "super::blank")]
    pub maintenance: Option<Flag>,
    /// System, recognition, temperature and RTSP parameters.
    #[serde(rename = "DefaltSystemSettings", deserialize_with = "super::blank")]
    pub system: Option<Flag>,
    /// Cameras of the multi-channel server.
    #[serde(rename = "DefaltEnterIPC", deserialize_with = "super::blank")]
    pub cameras: Option<Flag>,
    /// Basic parameters of the multi-channel server.
    #[serde(rename = "DefaltServerBasicPara", deserialize_with = "super::blank")]
    pub server: Option<Flag>,
    /// Kinds of people of the multi-channel server.
    #[serde(rename = "DefaltWorktype", deserialize_with = "super::blank")]
    pub worktypes: Option<Flag>,
}

/// What takes the longest and fails the likeliest goes first, the network last: its new address may end the
/// connection the answer goes out on. Each part is whole on the disk before the next one begins, so after a
/// crash the request can be repeated.
pub fn reset(cx: &Context, request: SetFactoryDefault) -> Result<Answer> {
    let wanted = |part: Option<Flag>| part.is_some_and(Flag::on);
    let settings = &cx.settings;
    if wanted(request.people) {
        cx.roster.remove_all()?;
    }
    if wanted(request.captures) {
        cx.store.remove_records()?;
    } else if wanted(request.records) {
        cx.store.remove_control_records()?;
    }
    if wanted(request.door) {
        settings.edit(|draft| {
            draft.reset::<Door>()?;
            draft.reset::<Passwords>()
        })?;
    }
    if wanted(request.sound) {
        settings.reset::<Panel>()?;
    }
    if wanted(request.center) {
        settings.reset::<Center>()?;
    }
    if wanted(request.maintenance) {
        settings.change::<General>(|general| {
            let new = General::default();
            *general = General { reboot_day: new.reboot_day, reboot_hour: new.reboot_hour, ..general.clone() };
            Ok(())
        })?;
    }
    if wanted(request.system) {
        settings.edit(|draft| {
            draft.reset::<System>()?;
            draft.reset::<Face>()?;
            draft.reset::<Temperature>()?;
            draft.reset::<Rtsp>()
        })?;
    }
    if wanted(request.cameras) {
        settings.reset::<EnterIpc>()?;
    }
    if wanted(request.server) {
        settings.reset::<ServerBasics>()?;
    }
    if wanted(request.worktypes) {
        settings.reset::<Worktypes>()?;
    }
    if wanted(request.log) {
        cx.decisions.clear();
    }
    if wanted(request.network) {
        cx.network.change(|draft| {
            draft.reset::<Network>()?;
            draft.reset::<Wifi>()
        })?;
    }
    Ok(Answer::Done)
}
