//! Parameters of the MQTT connection (3.31).

use super::{Changes, Nothing};
use crate::api::Context;
use crate::api::wire::{Answer, fields, is_blank};
use crate::error::Result;
use crate::push::outbox;
use crate::settings::Mqtt;

/// Setting one of these lays down where pushing begins, unless `BeginTime` itself is given.
const BEGINS_ANEW: [&str; 3] = ["StrangerUploadType", "RecordUploadType", "ResumefromBreakpoint"];

pub fn get(cx: &Context, _: Nothing) -> Result<Answer> {
    let mut info = fields(&cx.settings.now().mqtt)?;
    if let Some(reached) = cx.mqtt.caught_up() {
        info.insert("BeginTime".into(), reached.to_string().into());
    }
    // What the document recommends, as long as nothing else is set.
    for (name, usual) in [("MQCloudID", cx.device_id.to_string()), ("MQTopic", format!("mqtt/face/{}", cx.device_id))] {
        if info.get(name).is_none_or(is_blank) {
            info.insert(name.into(), usual.into());
        }
    }
    Ok(Answer::Data(info))
}

pub fn set(cx: &Context, changes: Changes<Mqtt>) -> Result<Answer> {
    let mut changes = changes.fields;
    let is_given = |name: &str| changes.get(name).is_some_and(|value| !is_blank(value));
    if !is_given("BeginTime") {
        let begins_anew = BEGINS_ANEW.into_iter().any(is_given);
        changes.remove("BeginTime");
        if begins_anew {
            changes.insert("BeginTime".into(), cx.now().to_string().into());
        }
    }
    let was_on = cx.settings.now().mqtt.is_on();
    cx.settings.edit(|draft| {
        draft.patch::<Mqtt>(&changes)?;
        let mqtt = &draft.now().mqtt;
        if changes.contains_key("BeginTime") {
            outbox::begin(&cx.store, outbox::MQTT, Some(mqtt.begin))?;
        } else if mqtt.is_on() && !was_on && !mqtt.resume.on() {
            // What happened while MQTT was off is sent afterwards only where nothing is to be lost.
            outbox::begin(&cx.store, outbox::MQTT, None)?;
        }
        Ok(())
    })?;
    if changes.contains_key("BeginTime") {
        cx.mqtt.begin_anew();
    }
    Ok(Answer::Done)
}
