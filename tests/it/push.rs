//! What a subscriber gets: each event once, in order, with the document's keys; after an absence what it
//! missed. The subscriber is a real HTTP server.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::rig::Rig;
use crate::subscriber::{OK, Subscriber, subscribe};

fn keys(value: &Value) -> BTreeSet<String> {
    value.as_object().unwrap().keys().cloned().collect()
}

fn key_set(list: &[&str]) -> BTreeSet<String> {
    list.iter().map(|k| (*k).to_owned()).collect()
}

/// The keys of the document's VerifyPush example (3.12.4), and `OpendoorWay`, which terminals in the field send too.
const VERIFY_KEYS: [&str; 29] = [
    "OpendoorWay",
    "DeviceID",
    "PersonID",
    "CreateTime",
    "Similarity1",
    "Similarity2",
    "VerifyStatus",
    "VerfyType",
    "PersonType",
    "Name",
    "Gender",
    "Nation",
    "CardType",
    "IdCard",
    "Birthday",
    "Telnum",
    "Native",
    "Address",
    "Notes",
    "MjCardFrom",
    "WGFacilityCode",
    "MjCardNo",
    "RFIDCard",
    "Tempvalid",
    "CustomizeID",
    "PersonUUID",
    "ValidBegin",
    "ValidEnd",
    "Sendintime",
];

#[test]
fn each_event_comes_once_with_the_documents_keys() {
    let Some(rig) = Rig::start() else { return };
    rig.enrol(
        "p01",
        "p01_1.jpg",
        json!({ "CustomizeID": 123_456, "PersonUUID": "4476c20c-23ce-4178-8672-b292d33a3cd8" }),
    );
    for (topic, pictures) in [
        ("Verify", &["SanpPic", "RegisteredPic"][..]),
        ("VerifyWithSnap", &["SanpPic"]),
        ("VerifyWithReg", &["RegisteredPic"]),
        ("VerifyNoPic", &[]),
    ] {
        let subscriber = Subscriber::start("127.0.0.1:0", "");
        subscribe(&rig, subscriber.address, &["Snap", topic], 0, json!({}));
        rig.wait(|| (!subscriber.heartbeats().is_empty()).then_some(()));
        assert_eq!(rig.pass("p01_2.jpg").unwrap()["verdict"], "admit");
        assert_eq!(rig.pass("p02_1.jpg").unwrap()["verdict"], "stranger");
        rig.wait(|| (subscriber.events().len() >= 2).then_some(()));
        let events = subscriber.events();
        assert_eq!(events.len(), 2, "{topic}: once each");
        let (verify, snap) = (&events[0], &events[1]);

        assert_eq!((verify.path.as_str(), verify.body["operator"].as_str()), ("/Subscribe/Verify", Some("VerifyPush")));
        assert_eq!(keys(&verify.body["info"]), key_set(&VERIFY_KEYS), "{topic}");
        let mut outer = key_set(pictures);
        outer.extend(key_set(&["operator", "info"]));
        assert_eq!(keys(&verify.body), outer, "{topic}");
        for picture in pictures {
            check_jpeg(&verify.body[picture]);
        }
        let info = &verify.body["info"];
        assert_eq!((&info["VerifyStatus"], &info["VerfyType"], &info["Sendintime"]), (&json!(1), &json!(1), &json!(1)));
        assert_eq!((&info["CustomizeID"], &info["Name"]), (&json!(123_456), &json!("p01")));
        assert!(info["Similarity1"].as_f64().unwrap() >= 80.0);

        assert_eq!((snap.path.as_str(), snap.body["operator"].as_str()), ("/Subscribe/Snap", Some("SnapPush")));
        assert_eq!(keys(&snap.body), key_set(&["operator", "info", "SanpPic"]));
        assert_eq!(keys(&snap.body["info"]), key_set(&["DeviceID", "CreateTime", "PictureType", "Sendintime"]));
        assert_eq!(snap.body["info"]["PictureType"], 0);
        check_jpeg(&snap.body["SanpPic"]);
    }
}

fn check_jpeg(picture: &Value) {
    use base64::Engine;
    let text = picture.as_str().unwrap().strip_prefix("data:image/jpeg;base64,").unwrap();
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).unwrap();
    assert_eq!(image::guess_format(&bytes).unwrap(), image::ImageFormat::Jpeg);
    image::load_from_memory(&bytes).unwrap();
}

#[test]
fn headers_are_the_documents_and_basic_login_is_sent() {
    let Some(rig) = Rig::start() else { return };
    let subscriber = Subscriber::start("127.0.0.1:0", OK);
    subscribe(&rig, subscriber.address, &["Snap"], 1, json!({ "Auth": "Basic", "User": "admin", "Pwd": "amdin" }));
    let beat = rig.wait(|| subscriber.heartbeats().into_iter().next());
    assert_eq!(beat.path, "/Subscribe/heartbeat");
    let mut told = keys(&beat.body["info"]);
    // On a machine that is in no network there is none.
    told.remove("Ip");
    assert_eq!(told, key_set(&["DeviceID", "Time"]));
    for (name, value) in [
        ("Accept", "application/json"),
        ("Content-Type", "application/json; charset=UTF-8"),
        ("User-Agent", "FaceGate-HttpClient/0.0.1"),
        ("Connection", "Keep-Alive"),
        ("Authorization", "Basic YWRtaW46YW1kaW4="),
    ] {
        assert!(beat.headers.iter().any(|(n, v)| n == name && v == value), "{name}: {value} not in {:?}", beat.headers);
    }
    assert!(beat.headers.iter().any(|(name, _)| name == "Content-Length"), "{:?}", beat.headers);
}

#[test]
fn a_subscriber_that_was_away_gets_what_it_missed_in_order() {
    let Some(mut rig) = Rig::start() else { return };
    rig.set_door(json!({ "VerifyResetTime": 1 }));
    for (number, photo) in ["p01_1.jpg", "p02_1.jpg", "p09_1.jpg", "p10_1.jpg"].iter().enumerate() {
        rig.enrol(photo, photo, json!({ "CustomizeID": number + 1 }));
    }
    let subscriber = Subscriber::start("127.0.0.1:0", OK);
    let address = subscriber.address;
    subscribe(&rig, address, &["Snap", "VerifyNoPic"], 1, json!({}));
    assert_eq!(rig.pass("p01_1.jpg").unwrap()["verdict"], "admit");
    rig.wait(|| (subscriber.events().len() == 1).then_some(()));
    assert_eq!(subscriber.events()[0].body["info"]["Sendintime"], 1);
    drop(subscriber);

    for photo in ["p02_1.jpg", "p09_1.jpg"] {
        assert_eq!(rig.pass(photo).unwrap()["verdict"], "admit");
    }
    rig.restart();
    assert_eq!(rig.pass("p10_1.jpg").unwrap()["verdict"], "admit");
    // The terminal's wall clock moves on by an hour: what waits is late now.
    let now = rig.ok("GetSysTime", &json!({}))["info"].clone();
    let mut later = now.clone();
    later["Year"] = (now["Year"].as_i64().unwrap() + 1).into();
    rig.ok("SetSysTime", &json!({ "info": later }));

    let back = Subscriber::start(&address.to_string(), OK);
    let mut names: Vec<Value> = Vec::new();
    rig.wait(|| {
        names = back.events().iter().map(|e| e.body["info"]["Name"].clone()).collect();
        (names.len() >= 3).then_some(())
    });
    assert_eq!(names, ["p02_1.jpg", "p09_1.jpg", "p10_1.jpg"], "in order, and nothing twice");
    assert!(back.events().iter().all(|e| e.body["info"]["Sendintime"] == 0));
}

#[test]
fn without_an_acknowledgement_the_event_comes_again() {
    let Some(rig) = Rig::start() else { return };
    let subscriber = Subscriber::start("127.0.0.1:0", r#"{"code":404}"#);
    let address = subscriber.address;
    subscribe(&rig, address, &["Snap"], 1, json!({}));
    assert_eq!(rig.pass("p01_1.jpg").unwrap()["verdict"], "stranger");
    rig.wait(|| (subscriber.events().len() == 1).then_some(()));
    let first = subscriber.events()[0].body.clone();
    drop(subscriber);
    let back = Subscriber::start(&address.to_string(), r#"{"code":"200"}"#);
    rig.wait(|| (!back.events().is_empty()).then_some(()));
    let second = back.events()[0].body.clone();
    assert_eq!(first["info"]["CreateTime"], second["info"]["CreateTime"]);
    assert_eq!(first["SanpPic"], second["SanpPic"]);
}

#[test]
fn nothing_comes_after_unsubscribing() {
    let Some(rig) = Rig::start() else { return };
    let subscriber = Subscriber::start("127.0.0.1:0", OK);
    subscribe(&rig, subscriber.address, &["Snap", "Verify"], 0, json!({}));
    let info = json!({ "DeviceID": rig.app().device_id(), "Num": 1, "Topics": ["Snap"] });
    rig.ok("Unsubscribe", &json!({ "info": info }));
    rig.enrol("p01", "p01_1.jpg", json!({ "CustomizeID": 1 }));
    assert_eq!(rig.pass("p02_1.jpg").unwrap()["verdict"], "stranger");
    assert_eq!(rig.pass("p01_1.jpg").unwrap()["verdict"], "admit");
    rig.wait(|| (!subscriber.events().is_empty()).then_some(()));
    let operators: Vec<_> = subscriber.events().iter().map(|e| e.body["operator"].clone()).collect();
    assert_eq!(operators, ["VerifyPush"], "the stranger before it was not sent");
}
