//! Pushed bodies: SnapPush (3.12.3), VerifyPush (3.12.4), HeartBeat (3.14).

use serde_json::{Map, Value, json};

use crate::access::record::{CaptureRecord, ControlRecord, Event, REMOTE_NAME};
use crate::access::{LibId, Person};
use crate::api::person_view::person_fields;
use crate::api::{picture, rounded};
use crate::error::Result;
use crate::field::LocalTime;
use crate::settings::{Door, Subscription};
use crate::store::Store;

/// The subscribed topic an event belongs to.
#[must_use]
pub fn topic_of<'t>(event: &Event, topics: &'t [String]) -> Option<&'t str> {
    topics.iter().map(String::as_str).find(|topic| match event {
        Event::Control(_) => topic.starts_with("Verify"),
        Event::Capture(_) => *topic == "Snap",
    })
}

/// The path of a topic: its own, or for every kind of verification that of `Verify`.
#[must_use]
pub fn path_of(topic: &str, subscription: &Subscription) -> Option<String> {
    let find = |name: &str| subscription.paths.iter().find(|(key, _)| key.trim() == name);
    find(topic)
        .or_else(|| topic.starts_with("Verify").then(|| find("Verify")).flatten())
        .map(|(_, path)| path.trim().to_owned())
}

/// HeartBeat.
#[must_use]
pub fn heartbeat(device_id: u32, now: LocalTime) -> Value {
    json!({ "operator": "HeartBeat", "info": { "DeviceID": device_id, "Time": now } })
}

/// SnapPush.
#[must_use]
pub fn snap(record: &CaptureRecord, device_id: u32, in_time: bool, store: &Store) -> Value {
    let mut body = json!({
        "operator": "SnapPush",
        "info": {
            "DeviceID": device_id,
            "CreateTime": record.time,
            "PictureType": record.picture_type.number(),
            "Sendintime": u8::from(in_time),
        },
    });
    add_picture(&mut body, "SanpPic", snap_of(record.snap.as_deref(), store));
    body
}

/// VerifyPush, with the pictures `topic` asks for.
#[must_use]
pub fn verify(
    record: &ControlRecord,
    topic: &str,
    device_id: u32,
    in_time: bool,
    rules: &Door,
    store: &Store,
) -> Value {
    let nobody = Person { name: REMOTE_NAME.to_owned(), ..Person::new(record.time) };
    let person = record.person.as_deref().unwrap_or(&nobody);
    let mut fields = person_fields(person, rules);
    let mut info = Map::new();
    info.insert("DeviceID".into(), device_id.into());
    info.insert("PersonID".into(), person.id.0.into());
    info.insert("CreateTime".into(), json!(record.time));
    info.insert("Similarity1".into(), json!(rounded(record.similarity)));
    info.insert("Similarity2".into(), json!(0.0));
    info.insert("VerifyStatus".into(), record.status.number().into());
    info.insert("VerfyType".into(), record.verify_type.into());
    info.append(&mut fields);
    info.insert("Sendintime".into(), u8::from(in_time).into());
    let mut body = json!({ "operator": "VerifyPush", "info": info });
    if matches!(topic, "Verify" | "VerifyWithSnap") {
        add_picture(&mut body, "SanpPic", snap_of(record.snap.as_deref(), store));
    }
    if matches!(topic, "Verify" | "VerifyWithReg") {
        let registered = if person.id == LibId(0) { None } else { readable(store.photo(person.id)) };
        add_picture(&mut body, "RegisteredPic", registered);
    }
    body
}

fn snap_of(name: Option<&str>, store: &Store) -> Option<Vec<u8>> {
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
    let text = jpeg.map_or_else(String::new, |jpeg| picture::encode(&jpeg));
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
