//! Whatever is wrong with a request: the document's number, a `Detail` that names the field, no change.

use facegate::api::table::OPERATORS;
use image::RgbImage;
use serde_json::{Value, json};

use crate::rig::*;

#[test]
fn wrong_fields_are_named_and_change_nothing() {
    let rig = Rig::new();
    rig.add(RED, json!({ "CustomizeID": 1, "PersonUUID": "u" }));
    let before = rig.state();
    let long = "x".repeat(3000);
    let rows: &[(&str, Value, i64, &str)] = &[
        ("SetDoorCondition", json!({ "FaceThreshold": 49 }), 462, "FaceThreshold"),
        ("SetDoorCondition", json!({ "FaceThreshold": 90, "CardMode": 2 }), 462, "CardMode"),
        ("SetDoorCondition", json!({ "Wiegand": 2 }), 462, "Wiegand"),
        ("SetDoorCondition", json!({ "IOStayTime": "soon" }), 462, "IOStayTime"),
        ("SetDoorCondition", json!({ "AutoMjCardBgnNo": 70000 }), 462, "AutoMjCardBgnNo"),
        ("SetDoorCondition", json!({ "VerifyMode": 6 }), 462, "VerifyMode"),
        ("OpenDoor", json!({ "Chn": 10 }), 462, "Chn"),
        ("OpenDoor", json!({ "status": "open" }), 462, "status"),
        ("OpenDoor", json!({ "msg": long }), 462, "msg"),
        ("OpenDoor", json!({ "msg": {} }), 462, "msg"),
        ("SetSound", json!({ "Volume": 4 }), 462, "Volume"),
        ("SetSound", json!({ "Volume": 52 }), 462, "Volume"),
        ("SetSound", json!({ "IsShowName": 3 }), 462, "IsShowName"),
        ("SetSound", json!({ "VerifyTipContent": "通".repeat(11) }), 462, "VerifyTipContent"),
        ("SetAudio", json!({ "AudioName": "welcome.wav" }), 462, "AudioType"),
        ("SetAudio", json!({ "AudioType": 2, "AudioName": "welcome.wav" }), 462, "AudioType"),
        ("SetAudio", json!({ "AudioType": 0, "AudioName": "none.wav" }), 462, "AudioName"),
        ("SetAudio", json!({ "AudioType": 0, "AudioName": "../tones/welcome.wav" }), 462, "AudioName"),
        ("SetAudio", json!({ "AudioType": 0, "AudioName": {} }), 462, "AudioName"),
        ("SetAudio", json!({ "AudioType": 1 }), 462, "AudioName"),
        ("SetAudio", json!({ "AudioType": 1, "AudioName": "welcome.wav" }), 462, "AudioName"),
        ("SetUserPwd", json!({ "User": "u" }), 462, "Pwd"),
        ("SetUserPwd", json!({ "Pwd": "p" }), 462, "User"),
        ("SetUserPwd", json!({ "User": "a:b", "Pwd": "p" }), 462, "User"),
        ("SetUserPwd", json!({ "User": "", "Pwd": "p" }), 462, "User"),
        ("SetUserPwd", json!({ "User": "u", "Pwd": "" }), 462, "Pwd"),
        ("SetUserPwd", json!({ "User": "u", "Pwd": long }), 462, "Pwd"),
        ("SetSysTime", json!({ "Month": 13 }), 462, "Month"),
        ("SetSysTime", json!({ "Year": 2027, "Month": 2, "Day": 30 }), 462, "Day"),
        ("SetSysTime", json!({ "Hour": -1 }), 462, "Hour"),
        ("SetSysTime", json!({ "Time": "now" }), 462, "Time"),
        ("SetSysParam", json!({ "Name": long }), 462, "Name"),
        ("SetSysParam", json!({ "Name": ["a"] }), 462, "Name"),
        ("SetSysCfg", json!({ "LiveDetectTimeBeg": "25:00:00" }), 462, "LiveDetectTimeBeg"),
        ("SetSysCfg", json!({ "WebTimeOut": 11 }), 462, "WebTimeOut"),
        ("SetFaceParam", json!({ "recDistance": "29" }), 462, "recDistance"),
        ("SetFaceParam", json!({ "detectArea_x": 3 }), 462, "detectArea_x"),
        ("SetFaceParam", json!({ "detectArea_x": 2 }), 462, "detectArea_w"),
        ("AddPerson", json!({ "Name": "n" }), 464, "picinfo"),
        ("AddPerson", json!({ "picinfo": "" }), 464, "picinfo"),
        ("AddPerson", json!({ "Name": "12345678901234567890123456789012" }), 462, "Name"),
        ("AddPerson", json!({ "Name": "a\u{1}b" }), 462, "Name"),
        ("AddPerson", json!({ "PersonType": 2 }), 462, "PersonType"),
        ("AddPerson", json!({ "Gender": 2 }), 462, "Gender"),
        ("AddPerson", json!({ "Nation": 0 }), 462, "Nation"),
        ("AddPerson", json!({ "Nation": 58 }), 462, "Nation"),
        ("AddPerson", json!({ "Birthday": "1990-02-30" }), 462, "Birthday"),
        ("AddPerson", json!({ "IdCard": long }), 462, "IdCard"),
        ("AddPerson", json!({ "Address": "x".repeat(72) }), 462, "Address"),
        ("AddPerson", json!({ "Notes": "x".repeat(64) }), 462, "Notes"),
        ("AddPerson", json!({ "PersonUUID": "x".repeat(49) }), 462, "PersonUUID"),
        ("AddPerson", json!({ "PersonUUID": "张".repeat(17) }), 462, "PersonUUID"),
        ("AddPerson", json!({ "CustomizeID": "abc" }), 462, "CustomizeID"),
        ("AddPerson", json!({ "CustomizeID": 4_294_967_296_u64 }), 462, "CustomizeID"),
        ("AddPerson", json!({ "IdType": 0 }), 462, "CustomizeID"),
        ("AddPerson", json!({ "IdType": 2, "PersonUUID": "" }), 462, "PersonUUID"),
        ("AddPerson", json!({ "IdType": 3 }), 462, "IdType"),
        ("AddPerson", json!({ "MjCardFrom": 2 }), 479, "MjCardNo"),
        ("AddPerson", json!({ "MjCardNo": "9A" }), 479, "MjCardNo"),
        ("AddPerson", json!({ "MjCardNo": 9e5, "CardMode": 1 }), 479, "MjCardNo"),
        ("AddPerson", json!({ "MjCardNo": -1 }), 479, "MjCardNo"),
        ("AddPerson", json!({ "MjCardNo": {} }), 479, "MjCardNo"),
        ("AddPerson", json!({ "MjCardNo": 16_777_216, "WiegandType": 0 }), 479, "MjCardNo"),
        ("AddPerson", json!({ "MjCardNo": 1, "WiegandType": 7 }), 478, "WGFacilityCode"),
        ("AddPerson", json!({ "MjCardNo": 1, "WiegandType": 7, "WGFacilityCode": 256 }), 478, "WGFacilityCode"),
        ("AddPerson", json!({ "MjCardNo": 1, "WiegandType": 7, "WGFacilityCode": "9A" }), 478, "WGFacilityCode"),
        ("AddPerson", json!({ "MjCardNo": 1, "WiegandType": 2 }), 462, "WiegandType"),
        ("AddPerson", json!({ "RFIDCard": "xyz" }), 462, "RFIDCard"),
        ("AddPerson", json!({ "RFIDCard": "AB", "RFCardMode": 0 }), 462, "RFIDCard"),
        ("AddPerson", json!({ "RFIDCard": "123456789012345678" }), 462, "RFIDCard"),
        ("AddPerson", json!({ "ChannelAuthority1": 2, "picinfo": "x" }), 462, "ChannelAuthority1"),
        ("AddPerson", json!({ "isCheckSimilarity": 2 }), 462, "isCheckSimilarity"),
        ("AddPerson", json!({ "picURI": "ftp://x/y.jpg" }), 475, "picURI"),
        ("AddPerson", json!({ "picURI": "http://127.0.0.1:1/y.jpg" }), 476, "picURI"),
        ("AddPerson", json!({ "picURI": "http://127.0.0.1:1/y.jpg", "picinfo": "*" }), 474, "picinfo"),
        ("EditPerson", json!({ "Name": "n" }), 462, "IdType"),
        ("EditPerson", json!({ "IdType": 1, "Name": "n" }), 462, "LibID"),
        ("EditPerson", json!({ "IdType": 0, "CustomizeID": 1, "Name": "n", "Gender": 5 }), 462, "Gender"),
        ("EditPerson", json!({ "IdType": 0, "CustomizeID": 1, "Name": "n", "picinfo": "*" }), 468, "picinfo"),
        (
            "EditPerson",
            json!({ "IdType": 0, "CustomizeID": 1, "Name": "n", "picURI": "http://127.0.0.1:1/" }),
            479,
            "picURI",
        ),
        ("SearchPersonNum", json!({ "Age": "old" }), 462, "Age"),
        ("SearchPersonNum", json!({ "PersonType": 3 }), 462, "PersonType"),
        ("SearchPersonNum", json!({ "MjCardNo": "x" }), 462, "MjCardNo"),
        ("SearchPersonNum", json!({ "BeginTime": "now" }), 462, "BeginTime"),
        ("SearchPersonList", json!({ "BeginNO": -1 }), 462, "BeginNO"),
        ("SearchPersonList", json!({ "Picture": 2 }), 462, "Picture"),
        ("SearchControlNum", json!({ "BeginTime": "2026-01-01T00:00:00" }), 462, "EndTime"),
        ("SearchControl", json!({ "BeginTime": "x", "EndTime": "y" }), 462, "BeginTime"),
        (
            "SearchControl",
            json!({ "BeginTime": "2026-01-01T00:00:00", "EndTime": "2026-01-01T00:00:00", "Picture": 4 }),
            462,
            "Picture",
        ),
        ("SearchCaptureNum", json!({}), 462, "BeginTime"),
        (
            "SearchCapture",
            json!({ "BeginTime": "2026-01-01T00:00:00", "EndTime": "2026-01-01T00:00:00", "Ascending": 2 }),
            462,
            "Ascending",
        ),
        ("FrontalFaceSnap", json!({}), 462, "Overall"),
        ("FrontalFaceSnap", json!({ "Overall": 2 }), 462, "Overall"),
        ("DeletePerson", json!({ "IdType": 0, "CustomizeID": {} }), 462, "CustomizeID"),
    ];
    for (operator, info, code, field) in rows {
        let detail = rig.fails(operator, info.clone(), *code);
        assert!(detail.contains(field), "{operator} {info}: {detail}");
        assert!(detail.chars().count() <= 241, "{detail}");
    }
    assert_eq!(rig.state(), before);
}

#[test]
fn what_is_wrong_with_the_envelope_is_the_same_for_all() {
    let rig = Rig::new();
    for operator in OPERATORS.iter() {
        let name = operator.name;
        let batch = name == "EditPersonsNew";
        let code = |body: &str| rig.send(name, body)["code"].as_i64();
        for body in ["{", "hello", "[1,2]", "\u{0}", "{\"info\":{\"a\":}}"] {
            let reply = rig.send(name, body);
            assert_eq!((&reply["code"], &reply["operator"]), (&201.into(), &name.into()), "{name} {body}");
            assert!(reply["info"]["Detail"].as_str().unwrap().starts_with("is not json!"), "{reply}");
        }
        assert_eq!(code(r#"{"operator":"Other","info":{}}"#), Some(if batch { 411 } else { 461 }), "{name}");
        if operator.needs_info {
            for body in ["", "{}", r#"{"info":null}"#] {
                let reply = rig.send(name, body);
                assert_eq!(reply["code"], if batch { 412 } else { 462 }, "{name}");
                assert!(reply["info"]["Detail"].as_str().unwrap().contains("info"), "{reply}");
            }
        }
        if operator.checks_device {
            for device in ["7", "\"7\"", "\"x\"", "{}", "1.5"] {
                let body = format!(r#"{{"DeviceID":{device},"info":{{"DeviceID":{device}}}}}"#);
                assert_eq!(code(&body), Some(if batch { 413 } else { 463 }), "{name} {device}");
            }
        }
    }
    let reply = rig.send("Nonsense", "{");
    assert_eq!(
        reply,
        json!({ "operator": "Nonsense", "code": 461, "info": { "Result": "Fail", "Detail": "Unknow operator: operator: there is none called \"Nonsense\"; docs/api.md has them all" } })
    );
    let reply = rig.send(&"N".repeat(5000), "");
    assert_eq!(reply["operator"].as_str().unwrap().len(), 64);
}

#[test]
fn bytes_that_are_no_photo_are_refused() {
    let rig = Rig::new();
    let good = jpeg(RED);
    let mut bomb = Vec::new();
    RgbImage::new(4200, 4200).write_to(&mut std::io::Cursor::new(&mut bomb), image::ImageFormat::Png).unwrap();
    assert!(bomb.len() < 1_000_000, "{}", bomb.len());
    for (bytes, code, why) in [
        (b"hello world".to_vec(), 474, "picture decode error"),
        (good[..good.len() / 2].to_vec(), 474, "picture decode error"),
        (good[..20].to_vec(), 474, "picture decode error"),
        (bomb, 474, "picture decode error"),
        (vec![7; 1024 * 1024 + 1], 464, "picinfo"),
        (jpeg(WHITE), 473, "picinfo"),
    ] {
        let reply = rig.call("AddPerson", json!({ "Name": "n", "picinfo": text_of(&bytes) }));
        assert_eq!(reply["code"], code, "{reply}");
        let detail = reply["info"]["Detail"].as_str().unwrap();
        assert!(detail.contains(why) && detail.contains("picinfo"), "{detail}");
    }
    assert_eq!(rig.cx.store.count(), 0);
}

/// Any field of any operator may hold anything: an answer, never a panic, and no change but the asked one.
#[test]
fn anything_in_any_field_gets_an_answer() {
    let rig = Rig::new();
    let odd = [
        json!(-1),
        json!(1e300),
        json!("\u{0}"),
        json!([]),
        json!([[]]),
        json!({}),
        json!(true),
        json!("9".repeat(400)),
        json!(u64::MAX),
    ];
    for operator in OPERATORS.iter().filter(|o| !["DeleteAllPerson", "FrontalFaceSnap"].contains(&o.name)) {
        let mut generator = schemars::SchemaGenerator::default();
        let schema = (operator.schema)(&mut generator);
        let schema = match schema.get("$ref").and_then(|r| r.as_str()?.rsplit('/').next()) {
            Some(name) => generator.definitions()[name].clone(),
            None => serde_json::to_value(&schema).unwrap(),
        };
        let fields = schema["properties"].as_object().cloned().unwrap_or_default();
        for field in fields.keys() {
            for value in &odd {
                let reply = rig.call(operator.name, json!({ field.as_str(): value }));
                assert_eq!(reply["operator"], operator.name);
                assert!(reply["info"].is_object());
            }
        }
    }
    assert_eq!(rig.cx.store.count(), 0);
}
