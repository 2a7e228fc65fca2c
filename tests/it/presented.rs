//! What people present beside their face, and what the platform says of it, through the running terminal.

use serde_json::{Value, json};

use crate::rig::{Rig, picture};
use crate::subscriber::{OK, Subscriber, subscribe};

const CARD: u32 = 1_046_239;

/// Li Wei, who has a Wiegand card.
fn enrol(rig: &Rig) {
    let fields = json!({ "CustomizeID": 1, "MjCardFrom": 2, "WiegandType": 1, "MjCardNo": CARD });
    rig.enrol("Li Wei", "p01_1.jpg", fields);
}

fn outcome(decision: &Value) -> (&str, u64) {
    (decision["verdict"].as_str().unwrap(), decision["verify_type"].as_u64().unwrap())
}

#[test]
fn cards_open_where_the_mode_takes_them() {
    let Some(rig) = Rig::start() else { return };
    enrol(&rig);
    rig.set_door(json!({ "VerifyMode": 24, "VerifyResetTime": 1 }));
    assert_eq!(outcome(&rig.decided("card", &json!({ "wiegand": CARD }))), ("admit", 24));
    assert!(rig.opened());
    let frame = rig.wait(|| rig.door()["wiegand"].get(0).cloned());
    assert_eq!((&frame["card"], &frame["parity_ok"]), (&json!(CARD), &json!(true)), "the controller is told the card");
    assert_eq!(outcome(&rig.decided("card", &json!({ "wiegand": 77 }))), ("refuse", 24));
    // A misread frame is told, and decides nothing.
    let since = rig.sim("card", &json!({ "bits": "01010101010101010101010100" }));
    rig.wait(|| rig.happened(since).into_iter().find(|line| line["event"] == "misread"));
    assert_eq!(rig.events(since).len(), 0);

    rig.set_door(json!({ "VerifyMode": 21 }));
    // The other reader is not looked at now, which is told too.
    let since = rig.sim("card", &json!({ "wiegand": CARD }));
    rig.wait(|| rig.happened(since).into_iter().find(|line| line["event"] == "card_unused"));
    rig.enrol("Wang", "p02_1.jpg", json!({ "CustomizeID": 2, "RFIDCard": "519F7D29" }));
    assert_eq!(outcome(&rig.decided("card", &json!({ "rf": "0x519f7d29" }))), ("admit", 21));
    let all = json!({ "BeginTime": "2000-01-01T00:00:00", "EndTime": "2099-01-01T00:00:00" });
    // Records reach the disk a moment after the door.
    let records = rig.wait(|| {
        let answer = rig.ok("SearchControl", &json!({ "info": all }));
        answer["info"]["SearchInfo"].as_array().filter(|records| records.len() == 3).cloned()
    });
    let kinds: Vec<_> = records.iter().map(|r| (&r["VerfyType"], &r["VerifyStatus"])).collect();
    assert_eq!(kinds, [(&json!(24), &json!(1)), (&json!(24), &json!(3)), (&json!(21), &json!(1))]);
}

#[test]
fn a_face_that_leaves_undecided_is_told_with_the_reason() {
    let Some(rig) = Rig::start() else { return };
    rig.ok("SetFaceParam", &json!({ "info": { "faceMinPixel": 900 } }));
    let told = rig.leave_undecided("p01_1.jpg");
    assert_eq!(told["why"], "narrower than faceMinPixel, or than liveness needs", "{told}");
    assert!(told["width_px"].as_f64().is_some_and(|width| (100.0..900.0).contains(&width)), "{told}");
    assert_eq!(told["good"], 0, "{told}");
}

#[test]
fn a_card_and_the_face_of_its_bearer_open_in_either_order() {
    let Some(rig) = Rig::start() else { return };
    enrol(&rig);
    rig.set_door(json!({ "VerifyMode": 25, "VerifyResetTime": 10 }));
    // The face stays before the camera while the card is shown.
    rig.show("p01_2.jpg", 3000);
    rig.wait(|| rig.get("/sim/stats")["frames_looked_at"].as_u64().filter(|n| *n > 20));
    assert_eq!(outcome(&rig.decided("card", &json!({ "wiegand": CARD }))), ("admit", 25));
    rig.show_nothing();
}

#[test]
fn masks_and_temperature_are_asked_for() {
    let Some(rig) = Rig::start() else { return };
    enrol(&rig);
    rig.set_door(json!({ "VerifyMode": 0x301, "VerifyResetTime": 5 }));
    rig.sim("mask", &json!({ "worn": true }));
    rig.sim("temperature", &json!({ "celsius": 38.2 }));
    let decision = rig.pass("p01_2.jpg").unwrap();
    assert_eq!(outcome(&decision), ("refuse", 0x301));
    assert!(decision["reason"].as_str().unwrap().contains("temperature"), "{decision}");
    let info = json!({ "BeginTime": "2000-01-01T00:00:00", "EndTime": "2099-01-01T00:00:00" });
    let record = rig.wait(|| {
        let answer = rig.ok("SearchControl", &json!({ "info": info }));
        answer["info"]["SearchInfo"].get(0).cloned()
    });
    assert_eq!((&record["Temperature"], &record["TemperatureAlarm"]), (&json!(38.2), &json!(1)));
}

#[test]
fn notices_are_pushed_with_the_documents_keys() {
    let Some(rig) = Rig::start() else { return };
    enrol(&rig);
    let subscriber = Subscriber::start("127.0.0.1:0", OK);
    subscribe(&rig, subscriber.address, &["QRCode", "Card", "PassWord", "IDCard"], 1, json!({}));
    rig.set_door(json!({ "VerifyMode": 26 }));
    rig.decided("card", &json!({ "wiegand": CARD }));
    rig.ok("AddAccessPwd", &json!({ "info": { "AccessPwd": ["123465"] } }));
    assert_eq!(rig.decided("pin", &json!({ "pin": "123465" }))["verdict"], "admit");
    assert_eq!(rig.decided("pin", &json!({ "pin": "999999" }))["verdict"], "refuse");
    let text = "https://platform.example/visit?id=请";
    rig.sim("qr?ms=2000", &json!({ "text": text }));
    rig.wait(|| (subscriber.events().len() == 3).then_some(()));
    rig.sim("idcard", &json!({ "number": "430923199011044411", "name": "张三", "birthday": "1990-11-04", "photo": picture("p02_1.jpg") }));
    rig.wait(|| (subscriber.events().len() == 4).then_some(()));

    let events = subscriber.events();
    let told: Vec<_> = events.iter().map(|e| (e.path.as_str(), e.body["operator"].as_str().unwrap())).collect();
    assert_eq!(
        told,
        [
            ("/Subscribe/Card", "CardVerify"),
            ("/Subscribe/PassWord", "PwdVerify"),
            ("/Subscribe/QRCode", "QRCodePush"),
            ("/Subscribe/IDCard", "IDCardInfoPush")
        ]
    );
    assert_eq!(events[0].body["info"]["CardNo"], CARD.to_string());
    assert_eq!(events[2].body["info"]["QRcodeInfo"], text);
    assert_eq!(events[3].body["info"]["IDCard_Idno"], "430923199011044411");
    assert!(events[3].body["IDCard_photo"].as_str().unwrap().starts_with("data:image/jpeg;base64,/9j/"));
}

#[test]
fn an_identity_card_opens_to_the_face_on_it() {
    let Some(rig) = Rig::start() else { return };
    rig.set_door(json!({ "VerifyMode": 2, "VerifyResetTime": 10 }));
    rig.sim("idcard", &json!({ "number": "1", "name": "Wang", "photo": picture("p02_1.jpg") }));
    let decision = rig.pass("p02_2.jpg").unwrap();
    assert_eq!((outcome(&decision), &decision["who"]["Name"]), (("admit", 2), &json!("Wang")));
    rig.sim("idcard", &json!({ "number": "1", "name": "Wang", "photo": picture("p02_1.jpg") }));
    assert_eq!(outcome(&rig.pass("p01_2.jpg").unwrap()), ("refuse", 2));
}

#[test]
fn the_platform_decides_over_a_passage_in_its_acknowledgement() {
    let Some(mut rig) = Rig::start() else { return };
    enrol(&rig);
    rig.set_door(json!({ "OpendoorWay": 3, "VerifyResetTime": 1 }));
    for (reply, expect, opens) in [
        (r#"{"code":200,"desc":"OK","openDoor":1,"showInfo":"XX 请通行"}"#, "admit", true),
        (r#"{"code":200,"desc":"OK","openDoor":0,"showInfo":"XX 无权限通行"}"#, "refuse", false),
    ] {
        let subscriber = Subscriber::start("127.0.0.1:0", reply);
        subscribe(&rig, subscriber.address, &["Verify"], 1, json!({}));
        rig.forget_door();
        let asked = rig.pass("p01_2.jpg").unwrap();
        assert_eq!(asked["verdict"], "ask");
        let since = asked["seq"].as_u64().unwrap();
        let verdict = rig.wait(|| rig.events(since).into_iter().next());
        assert_eq!((&verdict["verdict"], rig.opened()), (&json!(expect), opens));
        assert_eq!(subscriber.events()[0].body["info"]["VerifyStatus"], 22);
    }
    // Nobody answers; after a restart the record is sent again, and the yes to it comes too late.
    let subscriber = Subscriber::start("127.0.0.1:0", "{}");
    let address = subscriber.address;
    subscribe(&rig, address, &["Verify"], 1, json!({}));
    assert_eq!(rig.pass("p01_2.jpg").unwrap()["verdict"], "ask");
    rig.wait(|| (!subscriber.events().is_empty()).then_some(()));
    drop(subscriber);
    rig.restart();
    rig.forget_door();
    let back = Subscriber::start(&address.to_string(), r#"{"code":200,"openDoor":1}"#);
    // Subscribing anew wakes the pusher; it goes on where it was.
    subscribe(&rig, address, &["Verify"], 1, json!({}));
    rig.wait(|| (!back.events().is_empty()).then_some(()));
    rig.wait(|| (rig.ok("GetSubscribe", &json!({}))["info"]["BeginTime"] != "1970-01-01T08:00:00").then_some(()));
    assert!(!rig.opened());
}

#[test]
fn the_inputs_of_the_door_act() {
    let Some(rig) = Rig::start() else { return };
    assert_eq!(rig.decided("input", &json!({ "exit": true }))["verdict"], "exit");
    assert!(rig.opened());
    let closed = |rig: &Rig| rig.door()["relay"].as_array().unwrap().last().unwrap()["closed"].as_bool().unwrap();
    rig.wait(|| (!closed(&rig)).then_some(()));
    let since = rig.sim("input", &json!({ "fire": true, "tamper": true }));
    rig.wait(|| closed(&rig).then_some(()));
    let alarms = || {
        rig.happened(since)
            .into_iter()
            .filter(|line| line["event"] == "alarm")
            .map(|line| line["alarm"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(alarms(), ["tamper", "fire"]);
    rig.sim("input", &json!({ "fire": false }));
    rig.wait(|| (!closed(&rig)).then_some(()));
}
