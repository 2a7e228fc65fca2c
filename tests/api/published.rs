//! The published API: what is checked in is what the table says, and everything sent fits it.

use std::path::Path;
use std::sync::LazyLock;

use facegate::api::publish::document::{DOCUMENT, Described};
use facegate::api::publish::{markdown, openapi, postman};
use facegate::api::table::OPERATORS;
use serde_json::{Value, json};

use crate::schema;

static OPENAPI: LazyLock<Value> = LazyLock::new(openapi::document);

/// The published operation of an operator.
fn operation(name: &str) -> &'static Value {
    &OPENAPI["paths"][format!("/action/{name}")]["post"]
}

/// A request of these fields, each where it is published: in `info`, or beside it.
pub fn request(name: &str, fields: &Value) -> Value {
    let schema = &operation(name)["requestBody"]["content"]["application/json"]["schema"]["properties"];
    let Some(fields) = fields.as_object() else { return json!({ "operator": name, "info": fields }) };
    let beside = |field: &&String| schema.get(field.as_str()).is_some();
    let mut body: serde_json::Map<_, _> =
        fields.iter().filter(|(field, _)| beside(field)).map(|(field, value)| (field.clone(), value.clone())).collect();
    let inside = fields.iter().filter(|(field, _)| !beside(field)).map(|(field, value)| (field.clone(), value.clone()));
    body.insert("operator".into(), name.into());
    body.entry("info").or_insert_with(|| Value::Object(inside.collect()));
    Value::Object(body)
}

/// What is wrong with a request's body by the published schema.
pub fn check_request(name: &str, body: &Value) -> Result<(), String> {
    schema::check(body, &operation(name)["requestBody"]["content"]["application/json"]["schema"], &OPENAPI)
}

/// What is wrong with an answer by the published schema; nothing may be in it that is not published.
pub fn check_answer(name: &str, body: &Value) -> Result<(), String> {
    schema::check_all(body, &operation(name)["responses"]["200"]["content"]["application/json"]["schema"], &OPENAPI)
}

#[test]
fn what_is_checked_in_is_what_the_table_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let mut stale = Vec::new();
    for (name, text) in [
        ("openapi.json", openapi::text()),
        ("api.md", markdown::page()),
        ("facegate.postman_collection.json", postman::text()),
    ] {
        let file = folder.join(name);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&file, &text).unwrap();
        }
        if std::fs::read_to_string(&file).ok().as_ref() != Some(&text) {
            stale.push(name);
        }
    }
    assert!(stale.is_empty(), "stale in docs/: {stale:?}; UPDATE_GOLDEN=1 cargo test writes them anew");
}

#[test]
fn every_operator_is_published_everywhere() {
    let paths = OPENAPI["paths"].as_object().unwrap();
    let (page, collection) = (markdown::page(), postman::collection());
    let sent: Vec<&str> = collection["item"].as_array().unwrap().iter().map(|i| i["name"].as_str().unwrap()).collect();
    for operator in OPERATORS.iter() {
        let name = operator.name;
        assert!(paths.contains_key(&format!("/action/{name}")), "{name}");
        assert!(page.contains(&format!("\n### {name}\n\n{}", operator.about)), "{name}");
        assert!(sent.contains(&name), "{name}");
    }
    assert_eq!(paths.len(), OPERATORS.len());
}

#[test]
fn every_answer_has_its_members_published() {
    for operator in OPERATORS.iter() {
        let answer = &operation(operator.name)["responses"]["200"]["content"]["application/json"]["schema"]["oneOf"][0];
        let info = &answer["properties"]["info"];
        let said = answer.get("$ref").is_some() || info.get("$ref").is_some() || info.get("properties").is_some();
        assert!(said, "{}: what its answer holds goes into publish/answers.rs", operator.name);
    }
}

#[test]
fn published_examples_fit_their_schemas() {
    let mut shown = 0;
    for described in DOCUMENT {
        let example = &operation(described.name)["requestBody"]["content"]["application/json"]["example"];
        if !example.is_null() {
            check_request(described.name, example).unwrap_or_else(|wrong| panic!("{}{wrong}", described.name));
            shown += 1;
        }
        let own = described.example.map(|body| serde_json::from_str::<Value>(body).unwrap()["operator"].clone());
        assert!(own.is_none_or(|own| own == described.name), "{}: the example is another's", described.name);
    }
    let is_read = |described: &&Described| described.shown_answer().is_some();
    let unread = DOCUMENT.iter().filter(|described| described.answer.is_some() && !is_read(described));
    let unread: Vec<_> = unread.map(|described| described.name).collect();
    assert_eq!(unread, ["SearchPerson", "SearchPersonList", "SearchCapture", "ManualPushRecords"]);
    for described in DOCUMENT.iter().filter(is_read) {
        let shown = described.shown_answer().unwrap_or_default();
        let operator = OPERATORS.iter().find(|operator| operator.name == described.name).unwrap();
        assert_eq!(shown["operator"], operator.answers_as, "{}: the answer is another's", described.name);
    }
    let expected = DOCUMENT.iter().filter(|d| d.example.is_some() && !operation(d.name).is_null()).count();
    assert_eq!(shown, expected);
}

#[test]
fn the_collection_sends_what_the_schemas_allow() {
    for (name, body) in postman::bodies() {
        let mut filled = body;
        for (variable, value) in [
            ("device", "1300001"),
            ("filetype", "0"),
            ("fileindex", "0"),
            ("filepos", "0"),
            ("user", "admin"),
            ("password", "admin"),
            ("photo", "data:image/jpeg;base64,AAAA"),
            ("signature", "AAAA"),
        ] {
            filled = filled.replace(&format!("{{{{{variable}}}}}"), value);
        }
        assert!(!filled.contains("{{"), "{name}: {filled}");
        let body: Value = serde_json::from_str(&filled).unwrap();
        check_request(name, &body).unwrap_or_else(|wrong| panic!("{name}{wrong}"));
    }
}

#[test]
fn the_schemas_refuse_what_the_terminal_refuses() {
    for (name, info) in [
        ("SetDoorCondition", json!({ "FaceThreshold": 49 })),
        ("SetDoorCondition", json!({ "Wiegand": 2 })),
        ("SetSysTime", json!({ "Month": 13 })),
        ("SetUserPwd", json!({ "User": "u" })),
        ("SetFaceParam", json!({ "detectArea_x": "x" })),
        ("OpenDoor", json!({ "Chn": 10 })),
        ("SearchPersonList", json!({ "Age": "old" })),
        ("SearchControl", json!({ "BeginTime": "2026-01-01T00:00:00" })),
    ] {
        assert!(check_request(name, &json!({ "operator": name, "info": info })).is_err(), "{name} {info}");
    }
    assert!(check_request("OpenDoor", &json!({ "operator": "OpenDoor" })).is_err(), "info is needed");
    for (name, answer) in [
        ("SetSound", json!({ "operator": "SetSound", "info": {} })),
        ("GetSysTime", json!({ "operator": "GetSysTime", "code": 200, "info": { "Year": 2026 } })),
        ("AddPerson", json!({ "operator": "AddPerson", "code": 999, "info": { "Result": "Fail", "Detail": "" } })),
        ("AddPerson", json!({ "operator": "AddPerson", "code": 473, "info": { "Result": "Fail" } })),
    ] {
        assert!(operation(name).is_null() || check_answer(name, &answer).is_err(), "{answer}");
    }
}
