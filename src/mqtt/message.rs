//! Bodies of pushes and signs of life over MQTT: numbers as texts, pictures inside `info`, times with a blank.

use serde_json::{Map, Value, json};

use crate::access::record::{CaptureRecord, ControlRecord, Event, REMOTE_NAME, VERIFY_REMOTE};
use crate::access::{LibId, Notice, Person, What};
use crate::field::{Address, LocalTime};
use crate::push::message::{Author, readable_snap};
use crate::settings::{Mqtt, MqttDirection, RecordUpload, Settings};
use crate::shown::picture;

/// A text that is not set; real readers expect a blank.
const UNSET: &str = " ";

/// The topic below the terminal's own and the body of an event; `None`: MQTT has none for its kind, or the settings
/// keep it back.
#[must_use]
pub fn of_event(event: &Event, mqtt: &Mqtt, author: &Author) -> Option<(&'static str, Value)> {
    match event {
        Event::Control(record) => {
            (mqtt.records != RecordUpload::Never).then(|| ("Rec", record_push(record, mqtt, author)))
        }
        Event::Capture(record) => (!mqtt.keeps_strangers.on()).then(|| ("Snap", snap_push(record, mqtt, author))),
        Event::Notice(notice) => of_notice(notice, mqtt, author),
    }
}

/// Online; the platform confirms it with `Online-Ack`.
#[must_use]
pub fn online(id: &str, settings: &Settings, now: LocalTime, address: Option<Address>) -> Value {
    json!({
        "operator": "Online",
        "info": {
            "facesluiceId": id,
            "username": settings.account.user_name(),
            "time": blank(now),
            "ip": address.map_or_else(String::new, |address| address.to_string()),
            "facesname": settings.device.name.as_str(),
        },
    })
}

/// Offline; without a time it is the will, which is made long before.
#[must_use]
pub fn offline(id: &str, now: Option<LocalTime>) -> Value {
    let mut info = Map::new();
    info.insert("facesluiceId".into(), id.into());
    if let Some(now) = now {
        info.insert("time".into(), blank(now).into());
    }
    json!({ "operator": "Offline", "info": info })
}

/// HeartBeat.
#[must_use]
pub fn heartbeat(id: &str, now: LocalTime) -> Value {
    json!({ "operator": "HeartBeat", "info": { "facesluiceId": id, "time": blank(now) } })
}

/// The answer to a confirmation, repeated ones too.
#[must_use]
pub fn confirmed(id: &str, message_id: &Value, kind: Option<&Value>, number: &Value) -> Value {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut info = Map::new();
    info.insert("facesluiceId".into(), id.into());
    info.insert("result".into(), "ok".into());
    if let Some(kind) = kind {
        info.insert("PushAckType".into(), text(kind).into());
    }
    info.insert("SnapOrRecordID".into(), text(number).into());
    json!({ "messageId": message_id, "operator": "PushAck-Ack", "info": info })
}

/// RecPush. The name goes under both spellings: readers know the one or the other.
fn record_push(record: &ControlRecord, mqtt: &Mqtt, author: &Author) -> Value {
    let settings = author.settings.now();
    let name = if record.verify_type == VERIFY_REMOTE { REMOTE_NAME } else { "" };
    let nobody = Person { name: name.to_owned(), ..Person::new(record.time) };
    let person = record.person.as_deref().unwrap_or(&nobody);
    let card = person.card.card().map_or_else(String::new, |card| card.whole().to_string());
    let mut info = common(mqtt, author, record.time);
    let mut put = |name: &str, value: Value| {
        info.insert(name.into(), value);
    };
    put("customId", person.uuid.as_deref().unwrap_or_default().into());
    put("personId", if person.id == LibId(0) { String::new() } else { person.id.to_string() }.into());
    put("RecordID", record.id.to_string().into());
    put("VerifyStatus", record.status.number().to_string().into());
    put("PersonType", person.list.number().to_string().into());
    put("similarity1", format!("{:.6}", record.similarity).into());
    put("similarity2", format!("{:.6}", record.id_similarity).into());
    put("Sendintime", u8::from(author.is_in_time(record.time)).into());
    put("otype", record.verify_type.to_string().into());
    put("personName", person.name.as_str().into());
    put("persionName", person.name.as_str().into());
    put("idCard", set(&person.document_number).into());
    put("telnum", set(&person.phone).into());
    put("OpendoorWay", settings.door.open_way.number().to_string().into());
    put("cardNum2", card.into());
    put("RFIDCard", person.rf_card.as_deref().unwrap_or_default().into());
    put("PushType", "0".into());
    if let Some(masked) = record.masked {
        put("isNoMask", u8::from(!masked).to_string().into());
    }
    if let Some(reading) = record.temperature {
        put("temperature", format!("{:.1}", reading.celsius).into());
        put("temperatureAlarm", u8::from(reading.high).to_string().into());
    }
    if mqtt.records == RecordUpload::WithSnap {
        put("pic", pic(record.snap.as_deref(), author));
    }
    json!({ "operator": "RecPush", "info": info })
}

/// StrSnapPush.
fn snap_push(record: &CaptureRecord, mqtt: &Mqtt, author: &Author) -> Value {
    let mut info = common(mqtt, author, record.time);
    info.insert("SnapID".into(), record.id.to_string().into());
    info.insert("Sendintime".into(), u8::from(author.is_in_time(record.time)).into());
    info.insert("PushType".into(), "0".into());
    if let Some(reading) = record.temperature {
        info.insert("temperature".into(), format!("{:.1}", reading.celsius).into());
        info.insert("temperatureAlarm".into(), u8::from(reading.high).to_string().into());
    }
    info.insert("pic".into(), pic(record.snap.as_deref(), author));
    json!({ "operator": "StrSnapPush", "info": info })
}

/// What has no public sample takes the members of the HTTP push (3.12.5 to 3.12.7), the terminal's id aside. Passwords
/// have no topic.
fn of_notice(notice: &Notice, mqtt: &Mqtt, author: &Author) -> Option<(&'static str, Value)> {
    let topic = match &notice.what {
        What::QrCode(_) if mqtt.sends_codes.on() => "QRCode",
        What::Card(_) => "Card",
        What::IdCard(_) => "IDCard",
        What::QrCode(_) | What::Pin => return None,
    };
    let mut info = common(mqtt, author, notice.time);
    if let What::QrCode(text) = &notice.what {
        // Both spellings: the one of MQTT and the one of the HTTP push.
        info.insert("QRCodeInfo".into(), text.as_str().into());
        info.insert("QRcodeInfo".into(), text.as_str().into());
        return Some((topic, json!({ "operator": "QRCodePush", "info": info })));
    }
    let mut body = author.write(&Event::Notice(notice.clone()), topic);
    let beside = body.as_object_mut()?;
    let operator = beside.remove("operator")?;
    if let Some(Value::Object(told)) = beside.remove("info") {
        info.extend(told.into_iter().filter(|(name, _)| name != "DeviceID" && name != "CreateTime"));
    }
    info.append(beside);
    Some((topic, json!({ "operator": operator, "info": info })))
}

/// Who tells it, and when it was.
fn common(mqtt: &Mqtt, author: &Author, time: LocalTime) -> Map<String, Value> {
    let mut info = Map::new();
    info.insert("facesluiceId".into(), mqtt.id(author.device_id).into());
    info.insert("facesluiceName".into(), author.settings.now().device.name.as_str().into());
    info.insert("time".into(), blank(time).into());
    let direction = match mqtt.direction {
        MqttDirection::In => "enter",
        MqttDirection::Out => "exit",
        MqttDirection::Either => "unknown",
    };
    info.insert("direction".into(), direction.into());
    info
}

fn pic(snap: Option<&str>, author: &Author) -> Value {
    readable_snap(snap, &author.store).map_or_else(String::new, |jpeg| picture(&jpeg)).into()
}

fn set(text: &str) -> &str {
    if text.is_empty() { UNSET } else { text }
}

/// `YYYY-MM-DD HH:MM:SS`.
fn blank(time: LocalTime) -> String {
    time.to_string().replacen('T', " ", 1)
}
