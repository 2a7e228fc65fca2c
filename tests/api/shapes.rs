//! Requests in the shapes real platforms send them, over a real socket, a row each; and what those platforms rely
//! on in the answers.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::rig::*;
use crate::server::{LOGIN, Served, answer, start_rig};

/// A terminal with two people, a record and a capture, whose door opens from afar.
fn served() -> Served {
    let rig = Rig::new();
    rig.ok("SetDoorCondition", json!({ "OpendoorWay": 2 }));
    let id = rig.add(RED, json!({ "Name": "one", "CustomizeID": 1, "PersonUUID": "u1" }));
    rig.add(BLUE, json!({ "Name": "two", "CustomizeID": 2 }));
    rig.record("2026-02-01T10:00:00", Some(id), facegate::access::VerifyStatus::Allowed);
    let time = facegate::field::LocalTime::parse("2026-02-01T10:00:00").unwrap();
    let capture = facegate::access::CaptureRecord::new(time, facegate::access::PictureType::Unmatched);
    rig.cx.store.append_capture(capture, Some(snap()), false);
    rig.cx.store.flush().unwrap();
    start_rig(rig, Default::default(), None)
}

/// Head and body of an answer, which must be framed as every client can read it.
fn taken_apart(answer: &str) -> (String, Value) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer}"));
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.contains(&format!("\r\nContent-Length: {}", body.len())), "{head}");
    assert!(!head.contains("Transfer-Encoding"), "{head}");
    for name in head.lines().skip(1).map(|line| line.split(':').next().unwrap()) {
        let title = name.split('-').all(|part| part.starts_with(|c: char| c.is_ascii_uppercase()));
        assert!(title, "{name}: some clients look for names as the document writes them");
    }
    (head.to_owned(), serde_json::from_str(body).unwrap())
}

/// A body with other headers than usual.
fn post(served: &Served, operator: &str, headers: &str, body: &str) -> Value {
    let (_, body) = taken_apart(&served.post(operator, headers, body));
    assert_eq!(body["operator"], operator, "the operator is told again");
    body
}

fn is_done(body: &Value) -> bool {
    *body == json!({ "operator": body["operator"], "code": 200, "info": { "Result": "Ok" } })
}

#[test]
fn bodies_of_every_shape_are_taken() {
    let served = served();
    let uuid = |n: u32| format!("shape-{n}");
    let bare = STANDARD.encode(jpeg(GREEN));
    let port = picture_server(vec![jpeg(GREEN); 2]);
    let rows: Vec<(&str, &str, String)> = vec![
        // Nothing at all, as most clients ask.
        ("no body", "GetDoorCondition", String::new()),
        ("an empty object", "GetSysParam", "{}".into()),
        ("a list for info, from PHP", "GetSysParam", r#"{"operator":"GetSysParam","info":[]}"#.into()),
        ("cmd for operator", "GetSysParam", r#"{"cmd":"GetSysParam","info":{}}"#.into()),
        ("_operator for operator", "GetSysTime", r#"{"_operator":"GetSysTime"}"#.into()),
        ("a line break at each end", "GetSysTime", "\r\n{\r\n\"info\":{}\r\n}\r\n".into()),
        ("a byte order mark", "GetSysTime", "\u{feff}{}".into()),
        // Fields.
        (
            "numbers as texts",
            "OpenDoor",
            r#"{"operator":"OpenDoor","info":{"DeviceID":"1300001","Chn":"1","status":"9","msg":"hi"}}"#.into(),
        ),
        ("status 0", "OpenDoor", r#"{"info":{"DeviceID":1300001,"Chn":0,"status":0}}"#.into()),
        ("null for what is unset", "OpenDoor", r#"{"info":{"DeviceID":null,"Chn":null,"msg":null}}"#.into()),
        ("a comma too many", "OpenDoor", r#"{"info":{"Chn":0,},}"#.into()),
        ("full-width punctuation", "OpenDoor", r#"{"info"：{"Chn":0，"status":1}}"#.into()),
        ("zeros for card numbers", "SetDoorCondition", r#"{"info":{"PublicMjCardNo":0,"AutoMjCardBgnNo":0}}"#.into()),
        ("unknown fields", "SetSysParam", r#"{"info":{"Name":"n","Color":"red"}}"#.into()),
        ("one text for the time", "SetSysTime", r#"{"info":{"Time":"2026-03-01 9:05:00","DeviceID":1300001}}"#.into()),
        // Times.
        (
            "hours of one digit",
            "SearchControlNum",
            r#"{"info":{"BeginTime":"2026-02-01T9:00:00","EndTime":"2026-2-1T11:0:0"}}"#.into(),
        ),
        (
            "a blank for the T",
            "SearchControlNum",
            r#"{"info":{"BeginTime":"2026-02-01 09:00:00","EndTime":"2026-02-01 11:00:00"}}"#.into(),
        ),
        (
            "a blank behind the T",
            "SearchControlNum",
            r#"{"info":{"BeginTime":"2026-02-01T 09:00:00","EndTime":"2026-02-01T 11:00:00"}}"#.into(),
        ),
        ("empty times", "SearchPersonNum", r#"{"info":{"BeginTime":"","EndTime":"","Name":"","MjCardNo":0}}"#.into()),
        // People.
        (
            "texts for all ids, both alike",
            "AddPerson",
            format!(
                r#"{{"operator":"AddPerson","info":{{"DeviceID":"1300001","IdType":0,"CustomizeID":"77","PersonUUID":"77","Name":"a","Gender":"0"}},"picinfo":"data:image/jpeg;base64,{bare}"}}"#
            ),
        ),
        (
            "the typing error in the data URI",
            "AddPerson",
            format!(
                r#"{{"info":{{"PersonUUID":"{}","Name":"b"}},"picinfo":"data:image/jpeg:base64,{bare}"}}"#,
                uuid(1)
            ),
        ),
        (
            "image/jpg",
            "AddPerson",
            format!(r#"{{"info":{{"PersonUUID":"{}","Name":"c"}},"picinfo":"data:image/jpg;base64,{bare}"}}"#, uuid(2)),
        ),
        (
            "bare base64, with escaped slashes",
            "AddPerson",
            format!(r#"{{"info":{{"PersonUUID":"{}","Name":"d"}},"picinfo":"{}"}}"#, uuid(3), bare.replace('/', "\\/")),
        ),
        (
            "base64 in lines",
            "AddPerson",
            format!(
                r#"{{"info":{{"PersonUUID":"{}","Name":"e"}},"picinfo":"{}"}}"#,
                uuid(4),
                bare.as_bytes().chunks(76).map(String::from_utf8_lossy).collect::<Vec<_>>().join("\\r\\n")
            ),
        ),
        (
            "picURI inside info",
            "AddPerson",
            format!(
                r#"{{"info":{{"DeviceID":1300001,"IdType":2,"PersonUUID":"{}","Name":"f","picURI":"http://127.0.0.1:{port}/a.jpg"}}}}"#,
                uuid(5)
            ),
        ),
        (
            "picURI beside info, picinfo empty",
            "AddPerson",
            format!(
                r#"{{"info":{{"PersonUUID":"{}","Name":"g"}},"picinfo":"","picURI":"http://127.0.0.1:{port}/a.jpg"}}"#,
                uuid(6)
            ),
        ),
        (
            "blanks in keys, nothing valid for ever",
            "AddPerson",
            format!(
                r#"{{"info":{{" PersonUUID ":"{}","Name":"h"," ChannelAuthority0":"1","ValidBegin":"","ValidEnd":null,"Tempvalid":0}},"picinfo":"{bare}"}}"#,
                uuid(7)
            ),
        ),
        (
            "unquoted card numbers",
            "AddPerson",
            format!(
                r#"{{"info":{{"PersonUUID":"{}","Name":"i","MjCardFrom":2,"WiegandType":7,"CardMode":1,"WGFacilityCode":9A,"MjCardNo":018B2D,}},"picinfo":"{bare}"}}"#,
                uuid(8)
            ),
        ),
        (
            "card numbers as texts",
            "EditPerson",
            format!(
                r#"{{"info":{{"IdType":2,"PersonUUID":"{}","CardMode":1,"WiegandType":7,"WGFacilityCode":"9A","MjCardNo":"018B2E"}}}}"#,
                uuid(8)
            ),
        ),
        (
            "DeviceID as a text, a number for a text",
            "AddPersons",
            format!(
                r#"{{"operator":"AddPersons","DeviceID":"1300001","Total":"1","Personinfo_0":{{"Name":12,"CustomizeID":78,"PersonUUID":78,"picinfo":"{bare}"}}}}"#
            ),
        ),
        ("one id, not a list", "DeletePerson", r#"{"info":{"IdType":0,"CustomizeID":78}}"#.into()),
        ("ids as texts", "DeletePerson", r#"{"info":{"IdType":"0","TotalNum":"1","CustomizeID":["77"]}}"#.into()),
    ];
    for (what, operator, body) in rows {
        let answer = post(&served, operator, "", &body);
        if operator.starts_with("Get") || operator.starts_with("Search") {
            assert!(answer.get("code").is_none() && answer["info"].get("Result").is_none(), "{what}: {answer}");
        } else {
            assert!(is_done(&answer), "{what}: {answer}");
        }
        if operator == "SearchControlNum" {
            assert_eq!(answer["info"]["ControlNum"], 1, "{what}");
        }
    }
    assert_eq!(served.rig.cx.store.count(), 10);
}

#[test]
fn headers_of_every_kind_are_taken() {
    let served = served();
    let charsets = "big5, big5-hkscs, cesu-8, euc-jp, euc-kr, gb18030, iso-8859-1, ".repeat(130);
    assert!(charsets.len() > 8000);
    for headers in [
        "Content-Type: application/json\r\n",
        "Content-Type: application/json;charset=UTF-8\r\n",
        "Content-Type: text/plain;charset=ISO-8859-1\r\n",
        "Content-Type: application/x-www-form-urlencoded\r\n",
        "content-type: nonsense\r\n",
        "Content-Encoding: UTF-8\r\n",
        "Connection: close\r\n",
        "Connection: Keep-Alive\r\n",
        "Accept-Encoding: gzip, deflate\r\n",
        "Accept: text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2\r\n",
        &format!("Accept-Charset: {charsets}\r\n"),
    ] {
        let answer = post(&served, "OpenDoor", headers, r#"{"info":{"Chn":0}}"#);
        assert!(is_done(&answer), "{headers}: {answer}");
    }
    // A length without a number, and a body that is announced first.
    let request = format!("POST /action/GetSysParam HTTP/1.1\r\nHost: t\r\n{LOGIN}Content-Length: \r\n\r\n");
    assert!(taken_apart(&served.ask(&request)).1["info"]["DeviceID"].is_u64());
    let mut stream = served.connect();
    let body = r#"{"info":{"Chn":0}}"#;
    let head = format!(
        "POST /action/OpenDoor HTTP/1.1\r\nHost: t\r\n{LOGIN}Expect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    assert!(answer(&mut stream).starts_with("HTTP/1.1 100 Continue"));
    stream.write_all(body.as_bytes()).unwrap();
    assert!(is_done(&taken_apart(&answer(&mut stream)).1));
    // Names of operators are as the document writes them: anything else is another one.
    let (_, lower) = taken_apart(&served.post("opendoor", "", body));
    assert_eq!((&lower["operator"], &lower["code"]), (&"opendoor".into(), &461.into()));
}

#[test]
fn answers_keep_what_platforms_rely_on() {
    let served = served();
    let ask = |operator: &str, info: Value| post(&served, operator, "", &json!({ "info": info }).to_string());
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let set = ask("SetSysParam", json!({ "Name": "n" }));
    assert_eq!(keys(&set), ["operator", "code", "info"]);
    let failure = ask("SetSysTime", json!({ "Month": 13 }));
    assert_eq!(keys(&failure), ["operator", "code", "info"]);
    assert_eq!((failure["code"].is_i64(), &failure["info"]["Result"]), (true, &"Fail".into()));
    let identity = ask("GetSysParam", json!({}));
    assert_eq!(
        (keys(&identity), identity["info"]["DeviceID"].is_u64()),
        (vec!["operator".into(), "info".into()], true)
    );
    // Whether somebody is there is told by the absence of code.
    let found = ask("SearchPerson", json!({ "SearchType": 0, "SearchID": "1", "Picture": 1 }));
    assert_eq!(keys(&found), ["operator", "info", "picinfo"]);
    assert!(ask("SearchPerson", json!({ "SearchID": "999" }))["code"].is_i64());
    let list = ask("SearchPersonList", json!({ "Picture": 1 }));
    assert_eq!((&list["info"]["Totalnum"], &list["info"]["Listnum"]), (&2.into(), &2.into()));
    let span = json!({ "BeginTime": "2026-01-01T00:00:00", "EndTime": "2026-12-31T00:00:00", "Picture": 3 });
    let records = ask("SearchControl", span.clone());
    let captures = ask("SearchCapture", span);
    let shot = &records["info"]["SearchInfo"][0];
    for (what, picture) in [
        ("picinfo", &found["picinfo"]),
        ("Picinfo", &list["info"]["List"][1]["Picinfo"]),
        ("RegPicinfo", &shot["RegPicinfo"]),
        ("SnapPicinfo", &shot["SnapPicinfo"]),
        ("SnapPicinfo of a capture", &captures["info"]["List"][0]["SnapPicinfo"]),
    ] {
        let text = picture.as_str().unwrap_or_else(|| panic!("{what} is missing"));
        let bytes = STANDARD.decode(text.strip_prefix("data:image/jpeg;base64,").unwrap()).unwrap();
        let decoded = image::load_from_memory_with_format(&bytes, image::ImageFormat::Jpeg).unwrap();
        assert!(decoded.width() > 50, "{what}");
    }
}
