//! Commands as they come over MQTT: their answers' shapes and numbers, without a broker.

use std::sync::atomic::Ordering;

use facegate::control::Command;
use facegate::mqtt::commands::{Desk, answer};
use serde_json::{Value, json};

use crate::rig::{Rig, jpeg, photo, picture_server};

const RED: [u8; 3] = [200, 20, 20];
const GREEN: [u8; 3] = [20, 200, 20];
const BLUE: [u8; 3] = [20, 20, 200];

/// A terminal spoken to over MQTT.
struct Spoken {
    rig: Rig,
    desk: Desk,
}

impl Spoken {
    fn new() -> Self {
        Self { rig: Rig::new(), desk: Desk::default() }
    }

    fn raw(&self, packet: &str) -> Option<Value> {
        answer(&self.rig.cx, &self.desk, packet.as_bytes())
    }

    /// Sends a command; its answer has the shape all have.
    fn send(&self, operator: &str, more: Value) -> Value {
        let mut packet = json!({ "operator": operator, "messageId": "ID:7" });
        packet.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let answer = self.raw(&packet.to_string()).unwrap();
        assert_eq!((&answer["messageId"], &answer["operator"]), (&json!("ID:7"), &json!(format!("{operator}-Ack"))));
        assert_eq!(answer["info"]["facesluiceId"], "1300001");
        answer
    }

    fn ok(&self, operator: &str, info: Value) -> Value {
        let answer = self.send(operator, json!({ "info": info }));
        assert_eq!((&answer["code"], &answer["info"]["result"]), (&json!("200"), &json!("ok")), "{answer}");
        answer["info"].clone()
    }

    fn fails(&self, operator: &str, more: Value, code: &str) -> String {
        let answer = self.send(operator, more);
        assert_eq!(
            (&answer["code"], &answer["info"]["result"]),
            (&json!(code), &json!("fail")),
            "{operator}: {answer}"
        );
        answer["info"]["detail"].as_str().unwrap().to_owned()
    }
}

fn batch(info: Value, number: Value) -> Value {
    json!({ "DataBegin": "BeginFlag", "PersonNum": number, "info": info, "DataEnd": "EndFlag" })
}

#[test]
fn people_are_added_changed_found_and_removed() {
    let spoken = Spoken::new();
    let done = spoken.ok(
        "EditPerson",
        json!({ "facesluiceId": "1300001", "DeviceID": 1300001, "personId": "", "dwidentity": 1, "customId": "c-1", "name": "One",
                "personType": "0", "gender": "1", "telnum1": "123", "cardType2": "2", "cardNum2": "77", "WiegandType": "0",
                "tempCardType": "1", "cardValidBegin": "2026-01-01 00:00:00", "cardValidEnd": "2030-01-01T00:00:00",
                "pic": photo(RED) }),
    );
    assert_eq!((&done["customId"], &done["personId"]), (&json!("c-1"), &json!("1")));
    spoken.ok("EditPerson", json!({ "customId": "c-1", "name": "Other", "cardNum2": "" }));

    let answer = spoken.send("SearchPerson", json!({ "info": { "customId": "c-1", "Picture": "1" } }));
    let info = &answer["info"];
    for (member, value) in [
        ("customId", "c-1"),
        ("name", "Other"),
        ("personType", "0"),
        ("gender", "1"),
        ("telnum1", "123"),
        ("cardNum2", "77"),
        ("tempCardType", "1"),
        ("cardValidBegin", "2026-01-01T00:00:00"),
        ("personId", "1"),
        ("result", "ok"),
    ] {
        assert_eq!(info[member], value, "{member}: {info}");
    }
    assert_eq!(info["creatTime"].as_str().unwrap().as_bytes()[10], b' ');
    assert_eq!(answer["pic"], photo(RED), "the picture stands beside info");

    let all = spoken.ok("QueryPerson", json!({}));
    assert_eq!(
        (&all["TotalPersonNum"], &all["QueryPersonNum"], &all["customId"]),
        (&json!("1"), &json!("1"), &json!("c-1"))
    );
    let list =
        spoken.ok("SearchPersonList", json!({ "personType": 2, "name": "Oth", "BeginNO": "0", "RequestCount": 5000 }));
    assert_eq!((&list["TotalPersonNum"], &list["PersonNum"]), (&json!(1), &json!(1)));
    assert_eq!((&list["List"][0]["customId"], &list["List"][0]["gender"]), (&json!("c-1"), &json!(1)), "numbers stay");

    assert_eq!(spoken.ok("DelPerson", json!({ "customId": "c-1" }))["personId"], "1");
    spoken.fails("SearchPersonList", json!({ "info": { "personType": 2 } }), "466");
    spoken.ok("EditPerson", json!({ "customId": 12, "name": "Two", "pic": photo(GREEN) }));
    spoken.ok("DeleteAllPerson", json!({ "deleteall": "1" }));
    assert_eq!((spoken.rig.cx.store.count(), spoken.rig.host.reboots.load(Ordering::SeqCst)), (0, 1));
}

#[test]
fn new_software_is_fetched_and_installed() {
    let spoken = Spoken::new();
    spoken.fails("Upgrade", json!({ "info": { "Name": "new", "Path": "http://127.0.0.1:1/new.udx" } }), "465");
    let port = picture_server(vec![b"new software".to_vec()]);
    let path = format!("http://127.0.0.1:{port}/new.swx");
    spoken.ok("Upgrade", json!({ "facesluiceId": "1300001", "DeviceID": 1300001, "Name": "new", "Path": path }));
    while spoken.rig.install.left.load(Ordering::SeqCst) == 0 {
        std::thread::yield_now();
    }
    assert_eq!(*spoken.rig.install.packages.lock().unwrap(), [b"new software"]);
    assert_eq!(spoken.rig.cx.upgrade.state(), facegate::upgrade::State::Installed { version: "9.9.9".into() });
}

#[test]
fn batches_name_every_member() {
    let spoken = Spoken::new();
    spoken.ok("EditPerson", json!({ "customId": "old", "name": "Old", "pic": photo(RED) }));
    let port = picture_server(vec![jpeg(GREEN), jpeg(BLUE), b"short".to_vec()]);
    let uri = format!("http://127.0.0.1:{port}/p.jpg");
    let people = json!([
        { "customId": "new", "name": "New", "picURI": uri },
        { "customId": "old", "name": "Older", "picURI": uri },
        { "customId": "third", "picURI": uri },
        { "customId": "none", "name": "no picture" },
        { "name": "no id", "picURI": uri },
    ]);
    let answer = spoken.send("EditPersonsNew", batch(people, json!("5")));
    assert_eq!(answer.get("code"), None, "as the protocol's examples have it");
    let info = &answer["info"];
    assert_eq!((&info["result"], &info["AddErrNum"], &info["AddSucNum"]), (&json!("ok"), &json!("3"), &json!("2")));
    assert_eq!(info["AddSucInfo"], json!([{ "customId": "new" }, { "customId": "old" }]));
    let codes: Vec<_> =
        info["AddErrInfo"].as_array().unwrap().iter().map(|e| (e["customId"].clone(), e["errcode"].clone())).collect();
    assert_eq!(codes, [(json!("third"), json!("466")), (json!("none"), json!("481")), (json!(""), json!("461"))]);

    let port = picture_server(vec![]);
    let again = json!([{ "customId": "new", "picURI": format!("http://127.0.0.1:{port}/") }]);
    let answer = spoken.send("AddPersons", batch(again, json!(1)));
    assert_eq!(answer["info"]["AddErrInfo"][0]["errcode"], "461", "it is there already");

    let gone = spoken.send("DeletePersons", batch(json!({ "customId": ["new", "nobody", "new"] }), json!(3)));
    let info = &gone["info"];
    assert_eq!((&info["DelSucNum"], &info["DelErrNum"]), (&json!("1"), &json!("2")));
    assert_eq!(info["DelErrInfo"], json!([{ "customId": "nobody" }, { "customId": "new" }]));
    assert_eq!(spoken.rig.cx.store.count(), 1);
}

#[test]
fn what_is_wrong_has_its_number() {
    let spoken = Spoken::new();
    spoken.ok(
        "EditPerson",
        json!({ "customId": "c", "pic": photo(RED), "cardType2": 2, "cardNum2": 5, "RFIDCard": "AB" }),
    );
    let one = json!([{ "customId": "x" }]);
    for (operator, more, code) in [
        ("Nonsense", json!({ "info": {} }), "461"),
        ("ShowQRCode", json!({ "info": {} }), "461"),
        ("EditPerson", json!({}), "462"),
        ("Unlock", json!({ "info": { "facesluiceId": "1300002", "status": 1 } }), "465"),
        ("DeleteAllPerson", json!({ "info": { "DeviceID": 5, "deleteall": 1 } }), "465"),
        ("UpMQTTconfig", json!({ "info": { "OnlineTopic": "" } }), "462"),
        ("UpMQTTconfig", json!({ "info": { "MQTopic": "a/#" } }), "462"),
        ("EditPerson", json!({ "info": { "name": "n" } }), "461"),
        ("EditPerson", json!({ "info": { "customId": "n" } }), "472"),
        ("EditPerson", json!({ "info": { "customId": "n", "pic": "*" } }), "463"),
        ("EditPerson", json!({ "info": { "customId": "n", "picURI": "http://127.0.0.1:1/" } }), "471"),
        ("EditPerson", json!({ "info": { "customId": "n", "picURI": "ftp://x/" } }), "470"),
        ("EditPerson", json!({ "info": { "customId": "n", "gender": 7, "pic": photo(BLUE) } }), "462"),
        ("EditPerson", json!({ "info": { "customId": "n", "tempCardType": 4, "pic": photo(BLUE) } }), "462"),
        (
            "EditPerson",
            json!({ "info": { "customId": "n", "cardType2": 2, "cardNum2": 5, "pic": photo(BLUE) } }),
            "476",
        ),
        ("EditPerson", json!({ "info": { "customId": "n", "cardType2": 2, "pic": photo(BLUE) } }), "475"),
        ("EditPerson", json!({ "info": { "customId": "n", "RFIDCard": "AB", "pic": photo(BLUE) } }), "473"),
        ("DelPerson", json!({}), "462"),
        ("DelPerson", json!({ "info": {} }), "461"),
        ("DelPerson", json!({ "info": { "customId": "n" } }), "464"),
        ("DeleteAllPerson", json!({ "info": {} }), "463"),
        ("DeleteAllPerson", json!({ "info": { "deleteall": 0 } }), "463"),
        ("SearchPerson", json!({}), "462"),
        ("SearchPerson", json!({ "info": {} }), "463"),
        ("SearchPerson", json!({ "info": { "customId": "n" } }), "464"),
        ("UpDoorconfig", json!({ "info": { "FaceThreshold": 1000 } }), "462"),
        ("SetSysTime", json!({ "info": {} }), "462"),
        ("EditPersonsNew", json!({ "PersonNum": 1, "info": one, "DataEnd": "EndFlag" }), "412"),
        ("EditPersonsNew", json!({ "DataBegin": "BeginFlag", "PersonNum": 1, "info": one }), "413"),
        ("EditPersonsNew", json!({ "DataBegin": "BeginFlag", "PersonNum": 1, "DataEnd": "EndFlag" }), "414"),
        ("EditPersonsNew", json!({ "DataBegin": "BeginFlag", "info": one, "DataEnd": "EndFlag" }), "415"),
        ("EditPersonsNew", batch(one.clone(), json!(1001)), "416"),
        ("DeletePersons", batch(json!({ "customId": ["x"] }), json!(201)), "416"),
        ("EditPersonsNew", batch(one.clone(), json!(2)), "417"),
        ("DeletePersons", batch(json!({}), json!(1)), "418"),
    ] {
        let before = spoken.rig.state();
        let detail = spoken.fails(operator, more.clone(), code);
        assert!(!detail.is_empty(), "{operator} {more}");
        assert_eq!(spoken.rig.state(), before, "{operator} {more}");
    }
    let large = json!({ "customId": "n", "notes": "x".repeat(1 << 20) });
    spoken.fails("EditPerson", json!({ "info": large }), "460");
}

#[test]
fn what_is_sloppy_is_read_and_what_is_no_command_is_not_answered() {
    let spoken = Spoken::new();
    let answer = spoken.raw(r#"{"Operator":"UpDoorconfig","messageId":17,"info":{"FaceThreshold":"85",},}"#).unwrap();
    assert_eq!((&answer["messageId"], &answer["code"]), (&json!(17), &json!("200")));
    assert_eq!(spoken.rig.cx.settings.now().door.face_threshold.get(), 85);
    let answer = spoken.raw(r#"{"operator":"QueryPerson","info":[]}"#).unwrap();
    assert_eq!((&answer["messageId"], &answer["code"]), (&json!(""), &json!("200")));
    for packet in ["", "no json", "[1]", "{}", r#"{"operator":5}"#] {
        assert_eq!(spoken.raw(packet), None, "{packet}");
    }
}

#[test]
fn the_terminal_answers_by_other_names() {
    let spoken = Spoken::new();
    for operator in ["Unlock", "OpenDoor"] {
        spoken.rig.commands();
        spoken.rig.ok("SetDoorCondition", json!({ "OpendoorWay": 2 }));
        spoken.ok(operator, json!({ "facesluiceId": "1300001", "status": 1, "msg": "come in" }));
        assert!(matches!(&spoken.rig.commands()[..], [Command::Open { .. }]), "{operator}");
        spoken.rig.ok("SetDoorCondition", json!({ "OpendoorWay": 0 }));
        spoken.fails(operator, json!({ "info": { "status": 1 } }), "465");
    }
    assert_eq!(spoken.ok("GetDoorconfig", json!({}))["OpendoorWay"], "0", "numbers are texts");
    spoken.ok("UpSoundconfig", json!({ "IsShowDeviceID": "1" }));
    assert!(spoken.ok("GetSoundconfig", json!({}))["IsShowDeviceID"] == "1");
    spoken.ok("UpMQTTconfig", json!({ "StrangerUploadType": "1", "KeepAliveInterval": "45", "BasicTopic": "a/basic" }));
    let mqtt = spoken.ok("GetMQTTconfig", json!({}));
    assert_eq!(
        (&mqtt["StrangerUploadType"], &mqtt["KeepAliveInterval"], &mqtt["OnlineTopic"]),
        (&json!("1"), &json!("45"), &json!("a/basic"))
    );
    assert_eq!((mqtt.get("MQPwd"), mqtt.get("MQUser")), (None, None), "the server's other clients hear it");
    assert_eq!(
        spoken.rig.ok("GetMQTTParam", json!({})).get("KeepAliveInterval"),
        None,
        "that answer is the document's"
    );
    for time in [json!({ "sysTime": "2026-02-03T04:05:06" }), json!({ "time": "2026-02-03 04:05:06" })] {
        spoken.ok("SetSysTime", time);
        assert!(spoken.rig.host.time.lock().unwrap().take().is_some());
    }
    assert!(spoken.ok("GetSysTime", json!({}))["sysTime"].as_str().unwrap().contains('T'));
    for operator in ["GetSysParam", "GetDeviceInformation", "Versions"] {
        assert_eq!(spoken.ok(operator, json!({}))["Version"], "v1.2.3", "{operator}");
    }
    spoken.ok("SetHandSharkData", json!({ "HandSharkInfo": "mine" }));
    assert_eq!(spoken.ok("GetHandSharkData", json!({}))["HandSharkInfo"], "mine");
    spoken.ok("GetTPTconfig", json!({}));
    spoken.rig.show(RED);
    let scene = spoken.ok("GetSceneSnap", json!({ "ImgType": 2, "ImgQuality": 80 }));
    assert!(scene["ImgData"].as_str().unwrap().starts_with("data:image/jpeg;base64,"));
    spoken.ok("DetectFaceFromPic", json!({ "picinfo": photo(GREEN) }));
    spoken.ok("RebootDevice", json!({}));
    assert_eq!(spoken.rig.host.reboots.load(Ordering::SeqCst), 1);
}

#[test]
fn a_batch_keeps_other_changes_out_and_queries_in() {
    let spoken = Spoken::new();
    // A picture's server that answers when the test says so.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("http://{}/p.jpg", listener.local_addr().unwrap());
    let people = json!([{ "customId": "a", "picURI": uri }]);
    std::thread::scope(|scope| {
        let running = scope.spawn(|| spoken.send("EditPersonsNew", batch(people, json!(1))));
        let (stream, _) = listener.accept().unwrap();
        assert_eq!(spoken.ok("QueryProgress", json!({}))["Status"], "3");
        spoken.fails("AddPersons", batch(json!([{ "customId": "b" }]), json!(1)), "410");
        spoken.fails("DelPerson", json!({ "info": { "customId": "a" } }), "410");
        spoken.fails("EditPerson", json!({ "info": { "customId": "b", "pic": photo(RED) } }), "410");
        spoken.ok("QueryPerson", json!({}));
        drop(stream);
        drop(listener);
        assert_eq!(running.join().unwrap()["info"]["AddErrInfo"][0]["errcode"], "465");
    });
    assert_eq!(spoken.ok("QueryProgress", json!({}))["Status"], "0");
}
