//! `facegate docs --postman`: a Postman collection (v2.1) with a request an operator, in an order that runs green
//! from start to end against a fresh terminal.
//!
//! Bodies are the document's own where it shows one that needs nothing prepared; the others are below. Without
//! a photo as variable, requests that need one are expected to fail with the number the document gives for that.

use serde_json::{Value, json};

use super::document::{DOCUMENT, Described, described};
use super::published;
use crate::api::table::{self, Operator};

/// One request of the collection.
struct Step {
    operator: &'static Operator,
    described: &'static Described,
    body: Value,
    /// Codes that are right instead of 200 while no photo is given; beside 200 for operators [`AROUND`].
    without_photo: &'static [i64],
    /// Statements of its test that keep something of the answer for later requests.
    keep: &'static str,
}

/// Operators whose codes depend on what is around the terminal: a subscriber, a server with a package.
const AROUND: [&str; 2] = ["ManualPushRecords", "Upgrade"];

/// A request that is not the document's: its body beside `operator`, codes without a photo, what it keeps.
type Own = (&'static str, Value, &'static [i64], &'static str);

/// Who is enrolled, searched and removed again; then what needs a photo.
fn people() -> Vec<Own> {
    let person = |id: u32, name: &str| json!({ "CustomizeID": id, "PersonType": 0, "Name": name, "Tempvalid": 0 });
    let with_photo = |mut person: Value| {
        person["picinfo"] = "{{photo}}".into();
        person
    };
    let mut added = person(9001, "Postman");
    added["DeviceID"] = "{{device}}".into();
    vec![
        ("AddPerson", json!({ "info": added, "picinfo": "{{photo}}" }), &[464], ""),
        (
            "AddPersons",
            json!({ "DeviceID": "{{device}}", "Total": 1, "Personinfo_0": with_photo(person(9002, "Second")) }),
            &[464],
            "",
        ),
        ("EditPerson", json!({ "info": { "IdType": 0, "CustomizeID": 9001, "Name": "Postman again" } }), &[464], ""),
        (
            "EditPersonsNew",
            json!({ "DeviceID": "{{device}}", "IdType": 0, "Total": 1, "info": [with_photo(person(9003, "Third"))] }),
            &[],
            "",
        ),
        ("SearchPerson", json!({ "info": { "SearchType": 0, "SearchID": "9001", "Picture": 1 } }), &[467], ""),
        (
            "SearchPersonList",
            json!({ "info": { "PersonType": 2, "BeginNO": 0, "RequestCount": 10, "Picture": 1 } }),
            &[467],
            "",
        ),
        ("DetectFaceFromPic", json!({ "info": {}, "picinfo": "{{photo}}" }), &[464], ""),
        ("GetPictureSimilarity", json!({ "picinfo1": "{{photo}}", "picinfo2": "{{photo}}" }), &[464], ""),
        (
            "GetPictureSearch",
            json!({ "info": { "MaxSimilarity": 50, "MaxNum": 5 }, "picinfo": "{{photo}}" }),
            &[465],
            "if (answer.info.SearchInfo) {\n    const found = answer.info.SearchInfo[0];\n    \
             pm.collectionVariables.set(\"filetype\", found.Filetype);\n    \
             pm.collectionVariables.set(\"fileindex\", found.Fileindex);\n    \
             pm.collectionVariables.set(\"filepos\", found.Filepos);\n}",
        ),
        (
            "GetImage",
            json!({ "info": { "Filetype": "{{filetype}}", "Fileindex": "{{fileindex}}", "Filepos": "{{filepos}}" } }),
            &[467],
            "",
        ),
        (
            "GetFaceSignature",
            json!({ "picinfo": "{{photo}}" }),
            &[464],
            "pm.collectionVariables.set(\"signature\", answer.info.FeatureData || \"\");",
        ),
        ("GetSignatureSimilarity", json!({ "Signature1": "{{signature}}", "Signature2": "{{signature}}" }), &[462], ""),
        (
            "DeletePerson",
            json!({ "info": { "IdType": 0, "TotalNum": 3, "CustomizeID": [9001, 9002, 9003] } }),
            &[464],
            "",
        ),
    ]
}

/// Settings the document shows only with something left out, and remote opening with what it needs.
fn settings() -> Vec<Own> {
    let camera = |channel: u32| {
        json!({
            "IPC_Channel": channel, "IPC_Enable": 1, "IPC_URL": "192.168.1.1", "IPC_Port": 5000,
            "IPC_Username": "admin", "IPC_Password": "admin", "IPC_Name": format!("ipc{channel}"),
        })
    };
    let kind =
        |index: u32, name: &str| json!({ "WorkTypeIndex": index, "WorktypeEnable": 1, "Worktype": name, "Num": 0 });
    vec![
        ("SetEnterIPC", json!({ "info": { "TotalNum": 2, "IPC_Info": [camera(0), camera(1)] } }), &[], ""),
        (
            "SetWorktype",
            json!({ "info": { "TotalNum": 2, "WorkTypeInfo": [kind(0, "经理"), kind(1, "员工")] } }),
            &[],
            "",
        ),
        ("SetDoorCondition", json!({ "info": { "OpendoorWay": 2, "ControlType": 1, "IOStayTime": 200 } }), &[], ""),
        ("OpenDoor", json!({ "info": { "DeviceID": "{{device}}", "Chn": 0, "status": 1, "msg": "请通行" } }), &[], ""),
        (
            "ManualPushRecords",
            // Nobody is subscribed any more, or nobody has passed yet: both are said by a number.
            json!({ "info": { "TimeS": "2020-07-28T09:00:00", "TimeE": "2036-08-07T09:00:00" } }),
            &[466, 467],
            "",
        ),
    ]
}

/// What changes the machine or removes everything, in this order, at the end.
fn last() -> Vec<Own> {
    let own: Vec<Own> = vec![
        ("SetUserPwd", json!({ "info": { "User": "{{user}}", "Pwd": "{{password}}" } }), &[], ""),
        (
            "SetSysTime",
            json!({ "info": { "Year": 2026, "Month": 3, "Day": 25, "Hour": 20, "Minute": 30, "Second": 50 } }),
            &[],
            "",
        ),
        // Without WebPort, which would move the API away from the requests that follow.
        (
            "SetNetParam",
            json!({ "info": { "IPAddr": "192.168.2.10", "Submask": "255.255.255.0", "Gateway": "192.168.2.1" } }),
            &[],
            "",
        ),
    ];
    let shown: [(&str, &[i64]); 7] = [
        ("SetNetWiFi", &[]),
        ("SetGeneralParam", &[]),
        ("SetRTSPCfg", &[]),
        // Nothing lies at the document's address, and a terminal that trusts no key fetches nothing.
        ("Upgrade", &[483, 486]),
        ("RebootDevice", &[]),
        ("DeleteAllPerson", &[]),
        ("SetFactoryDefault", &[]),
    ];
    own.into_iter().chain(shown.map(|(name, codes)| (name, shown_body(name), codes, ""))).collect()
}

/// The body the document shows, without `operator` and of this terminal; else one that asks for everything.
fn shown_body(name: &str) -> Value {
    let example = described(name).and_then(|described| serde_json::from_str::<Value>(described.example?).ok());
    let mut body = example.unwrap_or_else(|| json!({ "info": {} }));
    let members = body.as_object_mut().into_iter();
    for (name, value) in members.flatten() {
        if name == "DeviceID" {
            *value = "{{device}}".into();
        } else if let Some(id) = value.get_mut("DeviceID") {
            *id = "{{device}}".into();
        }
    }
    body
}

fn steps() -> Vec<Step> {
    let first: [Own; 1] =
        [("GetSysParam", json!({ "info": {} }), &[], "pm.collectionVariables.set(\"device\", answer.info.DeviceID);")];
    let (people, settings, last) = (people(), settings(), last());
    let own = [&first[..], &people, &settings, &last].concat();
    let others = DOCUMENT.iter().map(|described| described.name);
    let others = others.filter(|name| !own.iter().any(|(listed, ..)| listed == name));
    let others: Vec<Own> = others.map(|name| (name, shown_body(name), &[][..], "")).collect();
    [&first[..], &others, &people, &settings, &last]
        .concat()
        .into_iter()
        .filter_map(|(name, body, without_photo, keep)| {
            Some(Step { operator: table::find(name)?, described: described(name)?, body, without_photo, keep })
        })
        .collect()
}

/// The bodies the collection sends, with their operators, its variables in double braces.
#[must_use]
pub fn bodies() -> Vec<(&'static str, String)> {
    steps().iter().map(|step| (step.operator.name, body(step))).collect()
}

fn body(step: &Step) -> String {
    let mut members = serde_json::Map::new();
    members.insert("operator".into(), step.operator.name.into());
    members.extend(step.body.as_object().cloned().unwrap_or_default());
    let mut text = format!("{:#}", Value::Object(members));
    for number in ["device", "filetype", "fileindex", "filepos"] {
        text = text.replace(&format!("\"{{{{{number}}}}}\""), &format!("{{{{{number}}}}}"));
    }
    text
}

fn item(step: &Step) -> Value {
    let name = step.operator.name;
    let accepted = if step.without_photo.is_empty() {
        "const accepted = [200];".to_owned()
    } else if AROUND.contains(&name) {
        format!("const accepted = {};", json!([&[200], step.without_photo].concat()))
    } else {
        format!("const accepted = pm.variables.get(\"photo\") ? [200] : {};", json!(step.without_photo))
    };
    let script = format!(
        "pm.test(\"the status is 200\", () => pm.response.to.have.status(200));\n\
         const answer = pm.response.json();\n\
         {accepted}\n\
         pm.test(\"the code is one of \" + accepted, () => pm.expect(accepted).to.include(answer.code === undefined ? 200 : answer.code));\n\
         pm.test(\"the operator is told\", () => pm.expect(answer.operator).to.equal({}));\n\
         {}",
        json!(step.operator.answers_as),
        step.keep
    );
    json!({
        "name": name,
        "event": [{ "listen": "test", "script": { "type": "text/javascript", "exec": script.trim_end().split('\n').collect::<Vec<_>>() } }],
        "request": {
            "method": "POST",
            "description": format!("{} Chapter {}.", step.operator.about, step.described.chapter),
            "header": [{ "key": "Content-Type", "value": "application/json" }],
            "url": { "raw": format!("{{{{base_url}}}}/action/{name}"), "host": ["{{base_url}}"], "path": ["action", name] },
            "body": { "mode": "raw", "raw": body(step), "options": { "raw": { "language": "json" } } },
        },
    })
}

/// The collection.
#[must_use]
pub fn collection() -> Value {
    let variable = |key: &str, value: &str, about: &str| json!({ "key": key, "value": value, "description": about });
    let login =
        |key: &str, variable: &str| json!({ "key": key, "value": format!("{{{{{variable}}}}}"), "type": "string" });
    json!({
        "info": {
            "name": "facegate",
            "description": format!(
                "{} operators of the terminal, to be run from start to end against one that is fresh (`make demo`). Set \
                 `photo` to a picture of one face, as `data:image/jpeg;base64,…`, to enrol somebody on the way; without it the \
                 requests that need one are expected to be refused. The last requests change network and clock, restart \
                 the terminal and remove everybody; the simulated one only notes what touches the machine.",
                published().count(),
            ),
            "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json",
        },
        "auth": { "type": "basic", "basic": [login("username", "user"), login("password", "password")] },
        "variable": [
            variable("base_url", "http://127.0.0.1:8080", "The terminal."),
            variable("user", "admin", "User name of the API."),
            variable("password", "admin", "Password of the API."),
            variable("photo", "", "A picture of one face: data:image/jpeg;base64,…"),
            variable("device", "1300001", "The terminal's number; the first request asks for it."),
            variable("filetype", "0", "Where a picture lies; GetPictureSearch tells it."),
            variable("fileindex", "0", "Where a picture lies; GetPictureSearch tells it."),
            variable("filepos", "0", "Where a picture lies; GetPictureSearch tells it."),
            variable("signature", "", "GetFaceSignature tells it."),
        ],
        "item": steps().iter().map(item).collect::<Vec<_>>(),
    })
}

/// The collection as it is checked in.
#[must_use]
pub fn text() -> String {
    format!("{:#}\n", collection())
}
