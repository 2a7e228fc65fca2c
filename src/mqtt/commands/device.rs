//! Commands about the terminal itself: another name for an operator of the HTTP table, with its members.

use serde_json::Value;

use super::{Answer, Command, Fields, as_texts};
use crate::api::wire::{self, fields, is_blank};
use crate::api::{self, Context};
use crate::bail;
use crate::error::{Error, Fault, Result};
use crate::settings::{Mqtt, MqttMore, Rules, merged};

/// What a command is called here and over HTTP.
const NAMES: &[(&str, &str)] = &[
    ("Unlock", "OpenDoor"),
    ("OpenDoor", "OpenDoor"),
    ("RebootDevice", "RebootDevice"),
    ("SetFactoryDefault", "SetFactoryDefault"),
    ("GetSysTime", "GetSysTime"),
    ("SetSysTime", "SetSysTime"),
    ("GetDoorconfig", "GetDoorCondition"),
    ("UpDoorconfig", "SetDoorCondition"),
    ("GetSoundconfig", "GetSound"),
    ("UpSoundconfig", "SetSound"),
    ("GetTPTconfig", "GetTemperature"),
    ("UpTPTconfig", "SetTemperature"),
    ("GetMQTTconfig", "GetMQTTParam"),
    ("UpMQTTconfig", "SetMQTTParam"),
    ("GetDeviceInformation", "GetSysParam"),
    ("Versions", "GetSysParam"),
    ("GetSysParam", "GetSysParam"),
    ("UpSysParam", "SetSysParam"),
    ("GetHandSharkData", "GetHandSharkData"),
    ("SetHandSharkData", "SetHandSharkData"),
    ("GetRTSPCfg", "GetRTSPCfg"),
    ("SetRTSPCfg", "SetRTSPCfg"),
    ("GetSceneSnap", "FrontalFaceSnap"),
    ("DetectFaceFromPic", "DetectFaceFromPic"),
    ("Upgrade", "Upgrade"),
];

/// Runs a command.
pub(super) fn run(cx: &Context, command: &Command) -> Result<Answer> {
    let operator = command.operator.as_str();
    let Some((_, over_http)) = NAMES.iter().find(|(name, _)| *name == operator) else {
        bail!(UnknownOperator, "{}", operator.chars().take(64).collect::<String>());
    };
    let mut given = match &command.info {
        None => Fields::new(),
        Some(_) => command.fields()?,
    };
    // Some put a picture beside, some inside.
    for (name, value) in &command.beside {
        if !given.contains_key(name) {
            given.insert(name.clone(), value.clone());
        }
    }
    match operator {
        // Who asks for it means it.
        "RebootDevice" => drop(given.entry("IsRebootDevice").or_insert_with(|| 1.into())),
        "GetSceneSnap" => drop(given.insert("Overall".into(), 1.into())),
        "SetSysTime" => set_time(&mut given)?,
        "UpMQTTconfig" => return set_mqtt(cx, given),
        _ => {}
    }
    let answer = api::call(cx, over_http, given)?;
    let mut told = match answer {
        wire::Answer::Done => Fields::new(),
        wire::Answer::DoneWith(told) | wire::Answer::Data(told) => told,
        wire::Answer::DataBeside(told, beside) => told.into_iter().chain(beside).collect(),
        wire::Answer::Partly { fault, detail, .. } => return Err(Error::new(fault, detail)),
    };
    match operator {
        "GetSysTime" => drop(told.insert("sysTime".into(), cx.now().to_string().into())),
        "GetSceneSnap" => drop(told.shift_remove("FacePic").map(|picture| told.insert("ImgData".into(), picture))),
        "GetMQTTconfig" => {
            // Whoever listens at the server hears the answer.
            told.retain(|name, _| !matches!(name.as_str(), "MQUser" | "MQPwd"));
            told.extend(fields(&cx.settings.now().mqtt_more)?);
        }
        _ => {}
    }
    Ok(as_texts(told).into())
}

/// The time under either of its names, with a `T` or a blank.
fn set_time(given: &mut Fields) -> Result<()> {
    let named = ["sysTime", "time", "Time"].into_iter().find_map(|name| given.shift_remove(name));
    if let Some(time) = named.filter(|time| !is_blank(time)) {
        given.insert("Time".into(), time);
    } else if !given.contains_key("Year") {
        bail!(BadParameter, "sysTime: is missing");
    }
    Ok(())
}

/// Both groups as one: what HTTP sets too, and what is MQTT's own.
fn set_mqtt(cx: &Context, mut given: Fields) -> Result<Answer> {
    // BasicTopic is its older name.
    if let Some(topic) = given.shift_remove("BasicTopic") {
        given.entry("OnlineTopic").or_insert(topic);
    }
    // Checked before either is changed.
    let now = cx.settings.now();
    merged(&now.mqtt, &given)?.check()?;
    merged(&now.mqtt_more, &given)?.check()?;
    cx.settings.patch::<MqttMore>(&given)?;
    let own = fields(Mqtt::default())?;
    given.retain(|name, _| own.contains_key(name));
    if !given.is_empty() {
        api::call(cx, "SetMQTTParam", given)?;
    }
    Ok(Answer::default())
}

/// A member that has to be there.
pub(super) fn needed<'a>(info: &'a Fields, name: &str, fault: Fault) -> Result<&'a Value> {
    info.get(name).filter(|value| !is_blank(value)).ok_or_else(|| Error::new(fault, format!("{name}: is missing")))
}
