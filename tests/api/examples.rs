//! The document's own bodies: its requests are posted byte for byte, its answers and pushes are compared with ours.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use facegate::access::{CaptureRecord, ControlRecord, IdCard, LibId, Notice, Person, PictureType, VerifyStatus, What};
use facegate::api::wire::Envelope;
use facegate::api::{table, wire};
use facegate::field::LocalTime;
use facegate::push::message;
use serde_json::{Value, json};

use crate::published::check_answer;
use crate::rig::*;
use crate::server::{LOGIN, Served, start_rig};

/// The example files of a kind: name, operator, body.
fn examples(kind: &str) -> Vec<(String, String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/examples");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut examples = Vec::new();
    for file in files {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        let operator = name.split('.').next().unwrap().to_owned();
        if name.split('.').nth(1) == Some(kind) {
            examples.push((name, operator, std::fs::read_to_string(&file).unwrap()));
        }
    }
    examples
}

/// Nothing can be done with an example the document cut short: members are left out, or the picture ends in dots.
fn is_cut_short(body: &str) -> bool {
    body.contains("......") || body.contains("……\"")
}

/// The terminal an example speaks to.
fn device_of(body: &str) -> u32 {
    let after = body.split_once("\"DeviceID\"").map_or("", |(_, after)| after);
    let digits: String = after.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(DEVICE)
}

/// Gives everybody who asks, for whatever, the same photo.
fn photo_server() -> SocketAddr {
    let server = tiny_http::Server::http("127.0.0.1:0").unwrap();
    let at = server.server_addr().to_ip().unwrap();
    std::thread::spawn(move || {
        let photo = jpeg(GREEN);
        for request in server.incoming_requests() {
            let _ = request.respond(tiny_http::Response::from_data(photo.clone()));
        }
    });
    at
}

/// What must be there for an example of `operator` to go well.
fn prepare(rig: &Rig, operator: &str) {
    let person = |fields: Value| {
        rig.add(RED, fields);
    };
    match operator {
        "OpenDoor" => {
            rig.ok("SetDoorCondition", json!({ "OpendoorWay": 2 }));
        }
        "EditPerson" => {
            // LibID 123 is the second example's: numbers are given out one by one and never twice.
            for _ in 1..123 {
                let id = rig.cx.store.add(Person::new(LocalTime::UNSET), None).unwrap();
                rig.cx.store.remove(&[id]).unwrap();
            }
            person(json!({ "Name": "one", "CustomizeID": 123 }));
        }
        "DeletePerson" | "SearchPerson" | "SearchPersonList" | "SearchPersonNum" => {
            rig.cx.clock.set_wall("2018-06-10T04:00:00Z".parse().unwrap());
            person(
                json!({ "Name": "test", "CustomizeID": 1234, "PersonUUID": "5763a498-2fce-4d25-aa00-45b8278d9788" }),
            );
            person(json!({ "Name": "test", "CustomizeID": 1, "PersonUUID": "4476c20c-23ce-4178-8672-b292d33a3cd8" }));
        }
        "DelAccessPwd" => {
            rig.ok("AddAccessPwd", json!({ "AccessPwd": ["123465", "521423"] }));
        }
        "ManualPushRecords" => {
            let paths = json!({ "Verify": "/v" });
            rig.ok(
                "Subscribe",
                json!({ "Topics": ["Verify"], "SubscribeAddr": "http://127.0.0.1:1", "SubscribeUrl": paths }),
            );
            rig.record("2020-08-01T10:00:00", None, VerifyStatus::Allowed);
            rig.cx.store.flush().unwrap();
        }
        "FrontalFaceSnap" => rig.show(RED),
        _ => {}
    }
}

/// Posts the bytes as they stand; the answer's body.
fn post(served: &Served, operator: &str, body: &str) -> Value {
    let answer = served.ask(&format!(
        "POST /action/{operator} HTTP/1.1\r\nHost: t\r\n{LOGIN}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{operator}: {answer}"));
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{operator}: {head}");
    serde_json::from_str(body).unwrap()
}

#[test]
fn every_request_goes_well_byte_for_byte() {
    let pictures = photo_server();
    let (mut well, mut cut_short, mut failed) = (0, 0, Vec::new());
    for (name, operator, body) in examples("request") {
        if is_cut_short(&body) {
            cut_short += 1;
            continue;
        }
        if table::find(&operator).is_none() {
            failed.push(format!("{name}: there is no such operator"));
            continue;
        }
        let rig = Rig::of_the_document(device_of(&body), pictures);
        prepare(&rig, &operator);
        let served = start_rig(rig, Default::default(), None);
        let answer = post(&served, &operator, &body);
        match answer.get("code") {
            None if answer["info"].is_object() && answer["info"].get("Result").is_none() => well += 1,
            Some(code) if code == 200 => well += 1,
            _ => failed.push(format!("{name}: {answer}")),
        }
        if let Err(wrong) = check_answer(&operator, &answer) {
            failed.push(format!("{name}: not as published: {wrong}"));
        }
        // A batch says 200 whatever became of its members.
        if answer["info"].get("AddErrNum").is_some_and(|number| number != "0") {
            failed.push(format!("{name}: {answer}"));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert_eq!((well, cut_short), (76, 11), "examples came or went");
}

#[test]
fn every_request_is_read_though_it_is_cut_short() {
    for (name, operator, body) in examples("request") {
        // Members of an object left out: dots that stand for no value.
        if body.lines().any(|line| line.trim() == "......") {
            continue;
        }
        let envelope = Envelope::read(body.as_bytes()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(envelope.operator.as_deref(), Some(&*operator), "{name}");
    }
}

/// Answers the document prints so that they cannot be read: what stands there, what must be meant.
const MISPRINTS: &[(&str, &str, &str)] = &[
    // A picture as a member without a key, and no `info`; the table beside it names `FeatureData1`.
    ("GetImage.response.1", "{\n\"4AAQ", "{\"operator\":\"GetImage\",\"info\":{\"FeatureData1\":\"4AAQ"),
    ("GetImage.response.1", "......\"\n}", "\"}}"),
    // A comma behind the whole body.
    ("SearchPerson.response.1", "}\n},", "}\n}"),
    // "And so on" as an object of dots.
    ("SearchControl.response.1", "{\n......\n},\n......\n", ""),
    // The word PersonInfo for the members listed elsewhere.
    ("SearchPersonList.response.1", "{\nPersonInfo\n},\n{\nPersonInfo\n},\n…\n", ""),
    ("SearchPersonList.response.2", "{\nPersonInfo...\n},\n…\n", ""),
    // No comma between two members.
    ("SearchPersonList.response.2", "T08:00:00\"\n\"Picinfo", "T08:00:00\",\n\"Picinfo"),
    // A text without a key where failures have their Detail.
    ("ManualPushRecords.response.1", "\"Confirm", "\"Detail\":\"Confirm"),
    // Pictures that swallow the quote behind them, and with it the members that follow.
    ("SearchCapture.response.1", "......},......{", "\"},{"),
    ("SearchCapture.response.1", "......},{", "\"},{"),
    ("SearchCapture.response.1", "......\n", "\"\n"),
    ("SearchCapture.response.2", "......},......{", "\"},{"),
    ("SearchCapture.response.2", "......},{", "\"},{"),
    ("SearchCapture.response.2", "......\n", "\"\n"),
    ("SearchCapture.response.3", "......},......{", "\"},{"),
    ("SearchCapture.response.3", "......},{", "\"},{"),
    ("SearchCapture.response.3", "......\n", "\"\n"),
];

/// Keys of printed answers that no terminal sends: the number of a list's element slipped into them.
const SLIPS: &[(&str, &str)] = &[
    ("GetEnterIPC", "IPC_Enable1"),
    ("GetEnterIPC", "IPC_URL1"),
    ("GetEnterIPC", "IPC_Port1"),
    ("GetEnterIPC", "IPC_Username1"),
    ("GetEnterIPC", "IPC_Password1"),
    ("GetEnterIPC", "IPC_Name1"),
];

/// A printed body as it must be meant.
fn printed(name: &str, body: &str) -> Value {
    let mut body = body.to_owned();
    for (_, wrong, right) in MISPRINTS.iter().filter(|(file, ..)| name.starts_with(&format!("{file}."))) {
        assert!(body.contains(wrong), "{name}: {wrong:?} is not there any more");
        body = body.replace(wrong, right);
    }
    let read = Envelope::read(format!("{{\"info\":[{body}]}}").as_bytes());
    read.unwrap_or_else(|error| panic!("{name}: {error}")).fields["info"][0].clone()
}

/// Every key the document prints is in our body, with a value of the same kind.
fn compare(operator: &str, path: &str, printed: &Value, ours: &Value, wrong: &mut Vec<String>) {
    let kind = |value: &Value| match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    if kind(printed) != kind(ours) {
        wrong.push(format!("{operator}{path}: printed is {}, ours is {}", kind(printed), kind(ours)));
        return;
    }
    match (printed, ours) {
        (Value::Object(printed), Value::Object(ours)) => {
            for (key, value) in printed.iter().filter(|(key, _)| !SLIPS.contains(&(operator, key.as_str()))) {
                let ours = ours.get(key.trim()).unwrap_or(&Value::Null);
                compare(operator, &format!("{path}/{key}"), value, ours, wrong);
            }
        }
        (Value::Array(printed), Value::Array(ours)) => {
            for value in printed {
                match ours.first() {
                    Some(ours) => compare(operator, &format!("{path}[]"), value, ours, wrong),
                    None => wrong.push(format!("{operator}{path}: ours is empty")),
                }
            }
        }
        _ => {}
    }
}

/// Somebody with a card who passed, a stranger who did not: what the printed answers show.
fn terminal_with_everything() -> Rig {
    let rig = Rig::new();
    // Printed cards are hexadecimal texts.
    rig.ok("SetDoorCondition", json!({ "CardMode": 1 }));
    let id = rig.add(
        RED,
        json!({
            "Name": "test", "CustomizeID": 1234, "MjCardNo": "01923B", "WGFacilityCode": "9A", "WiegandType": 7,
            "MjCardFrom": 2, "CardMode": 1, "Birthday": "2000-01-01",
        }),
    );
    rig.record("2018-11-13T16:13:06", Some(id), VerifyStatus::Allowed);
    let time = LocalTime::parse("2020-01-13T20:02:43").unwrap();
    rig.cx.store.append_capture(CaptureRecord::new(time, PictureType::Unmatched), Some(snap()), false);
    rig.cx.store.flush().unwrap();
    rig.show(RED);
    rig
}

/// The body, beside `operator`, that makes our terminal answer as the document's did.
fn question(rig: &Rig, operator: &str, printed: &Value) -> Value {
    let day = |begin: &str, end: &str| json!({ "BeginTime": begin, "EndTime": end, "Picture": 3 });
    let picture = || photo(RED);
    match operator {
        "SearchPerson" => json!({ "info": { "SearchType": 0, "SearchID": "1234", "Picture": 1 } }),
        "SearchPersonList" => json!({ "info": { "Picture": 1 } }),
        "SearchControlNum" => json!({ "info": day("2018-01-01T00:00:00", "2019-01-01T00:00:00") }),
        "SearchControl" => {
            let mut info = day("2018-01-01T00:00:00", "2019-01-01T00:00:00");
            if printed["info"].get("LibID").is_some() {
                info["SearchType"] = 1.into();
                info["IdType"] = 0.into();
                info["CustomizeID"] = 1234.into();
            }
            json!({ "info": info })
        }
        "SearchCapture" | "SearchCaptureNum" => json!({ "info": day("2020-01-01T00:00:00", "2021-01-01T00:00:00") }),
        "SearchPersonNum" => json!({ "info": {} }),
        "FrontalFaceSnap" => json!({ "info": { "Overall": 1 } }),
        "DetectFaceFromPic" | "GetFaceSignature" => json!({ "info": {}, "picinfo": picture() }),
        "GetPictureSearch" => {
            // Printed in decimal, unlike the others.
            rig.ok("SetDoorCondition", json!({ "CardMode": 0 }));
            json!({ "info": { "MaxSimilarity": 50 }, "picinfo": picture() })
        }
        "GetPictureSimilarity" => json!({ "picinfo1": picture(), "picinfo2": picture() }),
        "GetSignatureSimilarity" => {
            let answer = rig.send("GetFaceSignature", &json!({ "picinfo": picture() }).to_string());
            let signature = answer["info"]["FeatureData"].clone();
            json!({ "Signature1": signature, "Signature2": signature })
        }
        "GetImage" => {
            let question = json!({ "info": { "MaxSimilarity": 50 }, "picinfo": picture() }).to_string();
            let found = rig.send("GetPictureSearch", &question)["info"]["SearchInfo"][0].clone();
            let place = ["Filetype", "Fileindex", "Filepos"].map(|name| (name.to_owned(), found[name].clone()));
            json!({ "info": BTreeMap::from(place) })
        }
        "GetEnterIPC" | "GetWorktype" => {
            // What is shown was set before; the numbered slips are unknown keys and pass.
            let set = operator.replacen("Get", "Set", 1);
            let answer = rig.send(&set, &json!({ "info": printed["info"] }).to_string());
            assert_eq!(answer["code"], 200, "{set}: {answer}");
            json!({})
        }
        "GetSubscribe" => {
            // The printed answer, posted as a request, must be shown again.
            if printed["info"]["Num"] != 0 {
                let answer = rig.send("Subscribe", &json!({ "info": printed["info"] }).to_string());
                assert_eq!(answer["code"], 200, "Subscribe: {answer}");
            }
            json!({})
        }
        "ManualPushRecords" => {
            prepare(rig, operator);
            json!({ "info": { "TimeS": "2020-07-28T9:00:00", "TimeE": "2020-08-07T9:00:00" } })
        }
        _ => json!({}),
    }
}

#[test]
fn every_answer_has_the_keys_the_document_prints() {
    let (mut compared, mut wrong) = (0, Vec::new());
    for (name, operator, body) in examples("response") {
        compared += 1;
        let shape_of_many = ["authentication", "set-ok", "set-fail"].contains(&&*operator);
        if !shape_of_many && table::find(&operator).is_none() {
            wrong.push(format!("{name}: there is no such operator"));
            continue;
        }
        let printed = printed(&name, &body);
        let ours = match operator.as_str() {
            "authentication" => wire::unauthenticated("Unknown user or password"),
            // The shapes of every Set: here those of one.
            "set-ok" => Rig::new().call("SetSysParam", json!({ "Name": "n" })),
            "set-fail" => Rig::new().call("SetSysParam", json!({ "Name": [] })),
            _ => {
                let rig = terminal_with_everything();
                let question = question(&rig, &operator, &printed);
                rig.send(&operator, &question.to_string())
            }
        };
        compare(&operator, "", &printed, &ours, &mut wrong);
        // The picture of one person stands beside `info`, where the document says so and does not show it.
        if operator == "SearchPerson" && !ours["picinfo"].is_string() {
            wrong.push(format!("{name}: no picinfo"));
        }
        if printed["operator"] != "<Operator>" && printed["operator"] != ours["operator"] {
            wrong.push(format!("{name}: operator {} and {}", printed["operator"], ours["operator"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(compared, 51, "examples came or went");
}

#[test]
fn every_push_has_the_keys_the_document_prints() {
    let rig = terminal_with_everything();
    let (store, settings) = (&rig.cx.store, rig.cx.settings.now());
    let time = LocalTime::parse("2018-03-12T09:09:20").unwrap();
    let notice = |what| {
        let notice = Notice { id: 0, time, what, snap: None };
        message::notice(&notice, DEVICE, store)
    };
    let (mut compared, mut wrong) = (0, Vec::new());
    for (name, operator, body) in examples("push") {
        // The second example of VerifyPush has no picture taken: it is that of `VerifyWithReg`.
        let topic = if name.starts_with("VerifyPush.push.2") { "VerifyWithReg" } else { "Verify" };
        let person = store.person(LibId(1));
        let record = ControlRecord {
            person: person.map(|person| Arc::new(Person::clone(&person))),
            similarity: 90.0,
            ..ControlRecord::new(time, VerifyStatus::Allowed, 1)
        };
        let ours = match operator.as_str() {
            "HeartBeat" => message::heartbeat(DEVICE, time, None),
            "SnapPush" => message::snap(
                &CaptureRecord::new(time, PictureType::Unmatched),
                DEVICE,
                true,
                settings.general.direction,
                store,
            ),
            "VerifyPush" => message::verify(&record, topic, DEVICE, true, &settings, store),
            "QRCodePush" => notice(What::QrCode("text".into())),
            "IDCardInfoPush" => notice(What::IdCard(IdCard::default())),
            "CardVerify" => notice(What::Card("0192B3".into())),
            "PwdVerify" => notice(What::Pin),
            other => panic!("{other} is not pushed"),
        };
        let printed = printed(&name, &body);
        compare(&operator, "", &printed, &ours, &mut wrong);
        if printed["operator"].as_str().map(str::trim) != ours["operator"].as_str() {
            wrong.push(format!("{name}: operator {} and {}", printed["operator"], ours["operator"]));
        }
        compared += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(compared, 8, "examples came or went");
}
