//! The terminal at a real MQTT broker: signs of life, pushes, confirmations, TLS.

use serde_json::{Value, json};

use crate::broker::{Broker, Platform, certificates, confirm_all, connect, free_port};
use crate::rig::{Rig, picture};

const TOPIC: &str = "mqtt/face/1300001";

#[test]
fn it_says_that_it_is_there_and_what_happens() {
    let Some(broker) = Broker::start() else { return };
    let Some(rig) = Rig::start() else { return };
    rig.enrol("p01", "p01_1.jpg", json!({ "CustomizeID": 7, "PersonUUID": "uuid-7" }));
    let platform = Platform::start(broker.port, TOPIC, confirm_all());
    connect(&rig, broker.port, json!({ "QRCode": 1 }));
    let online = rig.wait(|| platform.on("mqtt/face/basic").into_iter().next());
    assert_eq!((&online["operator"], &online["info"]["facesluiceId"]), (&json!("Online"), &json!("1300001")));
    for member in ["username", "time", "ip", "facesname"] {
        assert!(online["info"][member].is_string(), "{member}: {online}");
    }

    assert_eq!(rig.pass("p01_2.jpg").unwrap()["verdict"], "admit");
    assert_eq!(rig.pass("p02_1.jpg").unwrap()["verdict"], "stranger");
    let record = rig.wait(|| platform.on(&format!("{TOPIC}/Rec")).into_iter().next());
    let info = &record["info"];
    assert_eq!(record["operator"], "RecPush");
    for (member, value) in [
        ("customId", json!("uuid-7")),
        ("personName", json!("p01")),
        ("persionName", json!("p01")),
        ("VerifyStatus", json!("1")),
        ("PersonType", json!("0")),
        ("Sendintime", json!(1)),
        ("otype", json!("1")),
        ("facesluiceId", json!("1300001")),
        ("RecordID", json!("1")),
        ("PushType", json!("0")),
    ] {
        assert_eq!(info[member], value, "{member}");
    }
    let similarity = info["similarity1"].as_str().unwrap();
    assert_eq!(similarity.split_once('.').unwrap().1.len(), 6, "{similarity}");
    assert!(info["pic"].as_str().unwrap().starts_with("data:image/jpeg;base64,"));
    assert_eq!(info["time"].as_str().unwrap().as_bytes()[10], b' ');
    let snap = rig.wait(|| platform.on(&format!("{TOPIC}/Snap")).into_iter().next());
    assert_eq!((&snap["operator"], &snap["info"]["SnapID"]), (&json!("StrSnapPush"), &json!("1")));
    assert!(snap["info"]["pic"].as_str().unwrap().starts_with("data:image/jpeg;base64,"));

    // Without pictures, then without records at all.
    rig.ok("SetMQTTParam", &json!({ "info": { "RecordUploadType": 2, "StrangerUploadType": 1 } }));
    assert_eq!(rig.pass("p02_1.jpg").unwrap()["verdict"], "stranger");
    assert_eq!(rig.pass("p01_2.jpg").unwrap()["verdict"], "admit");
    rig.wait(|| (platform.on(&format!("{TOPIC}/Rec")).len() == 2).then_some(()));
    assert_eq!(platform.on(&format!("{TOPIC}/Rec"))[1]["info"].get("pic"), None);
    assert_eq!(platform.on(&format!("{TOPIC}/Snap")).len(), 1, "strangers are kept back");

    rig.ok("SetMQTTParam", &json!({ "info": { "MQEnable": 0 } }));
    let offline = rig.wait(|| platform.on("mqtt/face/basic").into_iter().find(|body| body["operator"] == "Offline"));
    assert_eq!(offline["info"]["facesluiceId"], "1300001");
}

#[test]
fn with_resume_every_record_waits_for_its_confirmation() {
    let Some(broker) = Broker::start() else { return };
    let Some(mut rig) = Rig::start() else { return };
    rig.set_door(json!({ "VerifyResetTime": 1 }));
    for (number, photo) in ["p01_1.jpg", "p02_1.jpg", "p09_1.jpg", "p10_1.jpg"].iter().enumerate() {
        rig.enrol(photo, photo, json!({ "CustomizeID": number + 1 }));
    }
    let port = broker.port;
    let platform = Platform::start(port, TOPIC, confirm_all());
    connect(&rig, port, json!({ "ResumefromBreakpoint": 1 }));
    rig.wait(|| platform.on("mqtt/face/basic").into_iter().next());
    assert_eq!(rig.pass("p01_1.jpg").unwrap()["verdict"], "admit");
    let confirmed = rig.wait(|| platform.on(&format!("{TOPIC}/Ack")).into_iter().next());
    assert_eq!(confirmed["operator"], "PushAck-Ack");
    assert_eq!(confirmed["info"]["SnapOrRecordID"], "1");
    assert_eq!(confirmed["info"]["result"], "ok");

    // The broker goes; so does the terminal, for a while.
    drop(platform);
    let folder = broker.stop();
    assert_eq!(rig.pass("p02_1.jpg").unwrap()["verdict"], "admit");
    rig.restart();
    assert_eq!(rig.pass("p09_1.jpg").unwrap()["verdict"], "admit");
    let broker = Broker::in_folder(folder, port, "").unwrap();
    let platform = Platform::start(port, TOPIC, confirm_all());
    let records = || platform.on(&format!("{TOPIC}/Rec"));
    rig.wait(|| (records().len() >= 2).then_some(()));
    let names: Vec<Value> = records().iter().map(|record| record["info"]["personName"].clone()).collect();
    assert_eq!(names, ["p02_1.jpg", "p09_1.jpg"], "in order, and nothing twice");

    // A platform that confirms something else gets the same again.
    drop(platform);
    let wrong = Platform::start(
        port,
        TOPIC,
        Box::new(|_, body| {
            let id = body["info"]["RecordID"].as_str()?.parse::<u64>().ok()?;
            Some(json!({ "operator": "PushAck", "info": { "PushAckType": "2", "SnapOrRecordID": id - 1 } }))
        }),
    );
    assert_eq!(rig.pass("p10_1.jpg").unwrap()["verdict"], "admit");
    rig.wait(|| (wrong.on(&format!("{TOPIC}/Rec")).len() >= 2).then_some(()));
    let again = wrong.on(&format!("{TOPIC}/Rec"));
    assert_eq!(again[0]["info"]["RecordID"], again[1]["info"]["RecordID"]);
    drop(broker);
}

#[test]
fn the_servers_certificate_is_held_to_the_file_in_the_settings_folder() {
    let Some(rig) = Rig::start() else { return };
    let folder = tempfile::TempDir::new().unwrap();
    if !certificates(folder.path()) {
        crate::material::skipped!("openssl is not installed");
        return;
    }
    let ca = std::fs::read(folder.path().join("ca.pem")).unwrap();
    let plain = free_port();
    let tls = free_port();
    let more = format!("listener {tls} 127.0.0.1\ncafile @/ca.pem\ncertfile @/server.pem\nkeyfile @/server.key");
    let Some(broker) = Broker::in_folder(folder, plain, &more) else { return };
    let platform = Platform::start(broker.port, TOPIC, confirm_all());

    // Another authority's certificate: no connection is made.
    let other = tempfile::TempDir::new().unwrap();
    assert!(certificates(other.path()));
    let file = rig.data().join("mqtt/ca.pem");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::copy(other.path().join("ca.pem"), &file).unwrap();
    connect(&rig, tls, json!({}));
    let lost = |line: &Value| line["event"] == "mqtt" && line["state"] == "lost";
    rig.wait(|| rig.happened(0).into_iter().find(lost));
    assert_eq!(platform.on("mqtt/face/basic"), Vec::<Value>::new());

    std::fs::write(&file, ca).unwrap();
    rig.ok("SetMQTTParam", &json!({ "info": { "MQUser": "somebody" } }));
    let online = rig.wait(|| platform.on("mqtt/face/basic").into_iter().next());
    assert_eq!(online["operator"], "Online");
}

#[test]
fn commands_are_answered() {
    let Some(broker) = Broker::start() else { return };
    let Some(rig) = Rig::start() else { return };
    let platform = Platform::start(broker.port, TOPIC, confirm_all());
    rig.set_door(json!({ "OpendoorWay": 2 }));
    rig.forget_door();
    let kept = json!({ "operator": "Unlock", "messageId": "kept", "info": { "status": 1 } });
    platform.leave(TOPIC, &kept);
    rig.wait(|| platform.on(TOPIC).into_iter().next());
    connect(&rig, broker.port, json!({}));
    rig.wait(|| platform.on("mqtt/face/basic").into_iter().next());
    let ask = |operator: &str, info: Value| {
        platform.publish(TOPIC, &json!({ "operator": operator, "messageId": operator, "info": info }));
        // Confirmations are answered on the same topic.
        rig.wait(|| platform.on(&format!("{TOPIC}/Ack")).into_iter().find(|answer| answer["messageId"] == operator))
    };
    let added = ask("EditPerson", json!({ "customId": "emp-1", "name": "One", "pic": picture("p01_1.jpg") }));
    assert_eq!((&added["operator"], &added["code"]), (&json!("EditPerson-Ack"), &json!("200")), "{added}");
    assert_eq!(rig.pass("p01_2.jpg").unwrap()["verdict"], "admit");
    let record = rig.wait(|| platform.on(&format!("{TOPIC}/Rec")).into_iter().next());
    assert_eq!(record["info"]["customId"], "emp-1");
    assert_eq!(ask("QueryPerson", json!({}))["info"]["customId"], "emp-1");
    let answers = platform.on(&format!("{TOPIC}/Ack"));
    assert!(answers.iter().all(|answer| answer["messageId"] != "kept"), "what the broker kept opens nothing");
    rig.forget_door();
    assert_eq!(ask("OpenDoor", json!({ "status": 1 }))["code"], "200");
    rig.wait(|| rig.opened().then_some(()));
    assert_eq!(ask("DelPerson", json!({ "customId": "emp-1" }))["code"], "200");
    assert_eq!(ask("Fly", json!({}))["code"], "461");
    assert_eq!(rig.pass("p01_2.jpg").unwrap()["verdict"], "stranger");
}
