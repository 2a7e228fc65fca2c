//! Pushed bodies: SnapPush (3.12.3), VerifyPush (3.12.4), QRCodePush, IDCardInfoPush, CardVerify and PwdVerify
//! (3.12.5 to 3.12.8), HeartBeat (3.14).

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::access::record::{CaptureRecord, ControlRecord, Event, REMOTE_NAME, VERIFY_REMOTE};
use crate::access::{LibId, Notice, Person, Reading, What};
use crate::clock::Clock;
use crate::error::Result;
use crate::field::{Address, LocalTime};
use crate::settings::{Direction, Live, Settings, Subscription};
use crate::shown::{measured, person_fields, picture, rounded};
use crate::store::Store;

/// Writes bodies: knows all that goes into one besides the event.
#[derive(Clone, Debug)]
pub struct Author {
    /// Where the pictures are.
    pub store: Arc<Store>,
    /// The settings in force.
    pub settings: Arc<Live>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The terminal's number.
    pub device_id: u32,
}

impl Author {
    /// The body of an event; of a control record with the pictures `topic` asks for.
    #[must_use]
    pub fn write(&self, event: &Event, topic: &str) -> Value {
        let settings = self.settings.now();
        let in_time = self.is_in_time(event.time());
        match event {
            Event::Control(record) => verify(record, topic, self.device_id, in_time, &settings, &self.store),
            Event::Capture(record) => snap(record, self.device_id, in_time, settings.general.direction, &self.store),
            Event::Notice(told) => notice(told, self.device_id, &self.store),
        }
    }

    /// The local time.
    #[must_use]
    pub fn now(&self) -> LocalTime {
        self.settings.now().ntp.local(self.clock.wall())
    }

    /// Whether something of `time`, told now, is told in time (`Sendintime`).
    #[must_use]
    pub fn is_in_time(&self, time: LocalTime) -> bool {
        super::is_in_time(time, self.now())
    }
}

/// The subscribed topic an event belongs to.
#[must_use]
pub fn topic_of<'t>(event: &Event, topics: &'t [String]) -> Option<&'t str> {
    topics.iter().map(String::as_str).find(|topic| match event {
        Event::Control(_) => topic.starts_with("Verify"),
        Event::Capture(_) => *topic == "Snap",
        Event::Notice(notice) => *topic == topic_of_notice(&notice.what),
    })
}

const fn topic_of_notice(what: &What) -> &'static str {
    match what {
        What::QrCode(_) => "QRCode",
        What::IdCard(_) => "IDCard",
        What::Card(_) => "Card",
        What::Pin => "PassWord",
    }
}

/// The path of a topic: its own, or for every kind of verification that of `Verify`.
#[must_use]
pub fn path_of(topic: &str, subscription: &Subscription) -> Option<String> {
    let find = |name: &str| subscription.paths.iter().find(|(key, _)| key.trim() == name);
    find(topic)
        .or_else(|| topic.starts_with("Verify").then(|| find("Verify")).flatten())
        .map(|(_, path)| path.trim().to_owned())
}

/// HeartBeat; `address` is where the terminal is, which some platforms insist on beside what the document has.
#[must_use]
pub fn heartbeat(device_id: u32, now: LocalTime, address: Option<Address>) -> Value {
    let mut info = Map::new();
    info.insert("DeviceID".into(), device_id.into());
    info.insert("Time".into(), json!(now));
    if let Some(address) = address {
        info.insert("Ip".into(), json!(address));
    }
    json!({ "operator": "HeartBeat", "info": info })
}

/// SnapPush.
#[must_use]
pub fn snap(record: &CaptureRecord, device_id: u32, in_time: bool, direction: Direction, store: &Store) -> Value {
    let mut body = json!({
        "operator": "SnapPush",
        "info": {
            "DeviceID": device_id,
            "CreateTime": record.time,
            "PictureType": record.picture_type.number(),
            "Sendintime": u8::from(in_time),
        },
    });
    if let Some(info) = body["info"].as_object_mut() {
        add_measured(info, record.temperature, direction);
    }
    add_picture(&mut body, "SanpPic", readable_snap(record.snap.as_deref(), store));
    body
}

/// VerifyPush, with the pictures `topic` asks for.
#[must_use]
pub fn verify(
    record: &ControlRecord,
    topic: &str,
    device_id: u32,
    in_time: bool,
    settings: &Settings,
    store: &Store,
) -> Value {
    let name = if record.verify_type == VERIFY_REMOTE { REMOTE_NAME } else { "" };
    let nobody = Person { name: name.to_owned(), ..Person::new(record.time) };
    let person = record.person.as_deref().unwrap_or(&nobody);
    let mut fields = person_fields(person, &settings.door);
    let mut info = Map::new();
    info.insert("DeviceID".into(), device_id.into());
    info.insert("PersonID".into(), person.id.0.into());
    info.insert("CreateTime".into(), json!(record.time));
    info.insert("Similarity1".into(), json!(rounded(record.similarity)));
    info.insert("Similarity2".into(), json!(rounded(record.id_similarity)));
    info.insert("VerifyStatus".into(), record.status.number().into());
    info.insert("VerfyType".into(), record.verify_type.into());
    info.append(&mut fields);
    info.insert("Sendintime".into(), u8::from(in_time).into());
    info.insert("OpendoorWay".into(), settings.door.open_way.number().into());
    add_measured(&mut info, record.temperature, settings.general.direction);
    if let Some(masked) = record.masked {
        info.insert("isNoMask".into(), u8::from(!masked).into());
    }
    let mut body = json!({ "operator": "VerifyPush", "info": info });
    if matches!(topic, "Verify" | "VerifyWithSnap") {
        add_picture(&mut body, "SanpPic", readable_snap(record.snap.as_deref(), store));
    }
    if matches!(topic, "Verify" | "VerifyWithReg") {
        let registered = if person.id == LibId(0) { None } else { readable(store.photo(person.id)) };
        add_picture(&mut body, "RegisteredPic", registered);
    }
    body
}

/// QRCodePush, IDCardInfoPush, CardVerify or PwdVerify.
#[must_use]
pub fn notice(notice: &Notice, device_id: u32, store: &Store) -> Value {
    let snap = || readable_snap(notice.snap.as_deref(), store);
    let passed = |operator: &str, card: Option<&str>| {
        let picture = snap();
        let mut info = Map::new();
        info.insert("DeviceID".into(), device_id.into());
        info.insert("CreateTime".into(), json!(notice.time));
        if let Some(card) = card {
            info.insert("CardNo".into(), card.into());
        }
        info.insert("HasPic".into(), u8::from(picture.is_some()).into());
        let mut info = Value::Object(info);
        add_picture(&mut info, "SanpPic", picture);
        json!({ "operator": operator, "info": info })
    };
    match &notice.what {
        What::QrCode(text) => {
            json!({ "operator": "QRCodePush", "info": { "DeviceID": device_id, "QRcodeInfo": text } })
        }
        What::Card(number) => passed("CardVerify", Some(number)),
        What::Pin => passed("PwdVerify", None),
        What::IdCard(card) => {
            let mut body = json!({
                "operator": "IDCardInfoPush",
                "info": {
                    "DeviceID": device_id,
                    "IDCard_Idno": card.number,
                    "IDCard_Name": card.name,
                    "IDCard_Gender": card.gender,
                    "IDCard_Nation": card.nation,
                    "IDCard_Birthday": card.birthday.map_or_else(String::new, |day| day.to_string()),
                    "IDCard_Address": card.address,
                    "IDCard_Idissue": card.issuer,
                    "IDCard_Idperiod": card.period,
                },
            });
            add_picture(&mut body, "IDCard_photo", snap());
            body
        }
    }
}

/// Temperature where it was measured, and the direction where the terminal has one.
fn add_measured(info: &mut Map<String, Value>, temperature: Option<Reading>, direction: Direction) {
    info.extend(measured(temperature));
    if direction != Direction::Either {
        info.insert("Direction".into(), direction.number().into());
    }
}

/// The picture of an event as it is kept, JPEG; an event is worth more than a picture that cannot be read.
#[must_use]
pub fn readable_snap(name: Option<&str>, store: &Store) -> Option<Vec<u8>> {
    name.and_then(|name| readable(store.snap(name)))
}

/// An event is worth more than its picture: one that cannot be read must not hold up all that follow.
fn readable(picture: Result<Option<Vec<u8>>>) -> Option<Vec<u8>> {
    picture.unwrap_or_else(|error| {
        tracing::error!(%error, "a picture cannot be read, the event goes without it");
        None
    })
}

/// The key is always there; without a picture its text is empty.
fn add_picture(body: &mut Value, key: &str, jpeg: Option<Vec<u8>>) {
    let text = jpeg.map_or_else(String::new, |jpeg| picture(&jpeg));
    if let Some(body) = body.as_object_mut() {
        body.insert(key.to_owned(), text.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_has_its_own_path_or_that_of_verify() {
        let paths = [("Verify", "/v"), ("VerifyWithSnap ", "/vs"), ("Snap", " /s")];
        let paths = paths.map(|(topic, path)| (topic.to_owned(), path.to_owned())).into();
        let subscription = Subscription { paths, ..Subscription::default() };
        for (topic, path) in [
            ("VerifyWithSnap", Some("/vs")),
            ("VerifyWithReg", Some("/v")),
            ("Verify", Some("/v")),
            ("Snap", Some("/s")),
            ("HeartBeat", None),
        ] {
            assert_eq!(path_of(topic, &subscription).as_deref(), path, "{topic}");
        }
    }
}
