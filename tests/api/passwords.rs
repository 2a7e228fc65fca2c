//! Passwords of the keypad: kept as digests only, and the temporary one.

use facegate::access::pin::Kind;
use facegate::field::LocalTime;
use serde_json::json;

use crate::rig::*;

fn admits(rig: &Rig, password: &str, time: &str) -> Option<Kind> {
    let time = LocalTime::parse(time).unwrap();
    rig.cx.pins.admits(&rig.cx.settings.now().passwords.digests, password, time)
}

#[test]
fn passwords_are_added_and_removed() {
    let rig = Rig::new();
    let now = "2026-03-01T12:00:00";
    rig.ok("AddAccessPwd", json!({ "AccessPwd": ["123465", "521423", "565424", "456826", "95468"] }));
    rig.ok("AddAccessPwd", json!({ "AccessPwd": "0000" }));
    for password in ["123465", "521423", "95468", "0000"] {
        assert_eq!(admits(&rig, password, now), Some(Kind::Kept), "{password}");
    }
    assert!(!rig.state().contains("95468"), "no password is kept as it is");
    rig.ok("DelAccessPwd", json!({ "AccessPwd": ["123465", 521_423] }));
    assert_eq!((admits(&rig, "123465", now), admits(&rig, "521423", now)), (None, None));
    assert_eq!(admits(&rig, "565424", now), Some(Kind::Kept));
    rig.fails("ClearAccessPwd", json!({ "DeviceID": 7 }), 463);
    rig.ok("ClearAccessPwd", json!({ "DeviceID": DEVICE }));
    assert_eq!(admits(&rig, "565424", now), None);
}

#[test]
fn a_request_with_a_bad_password_changes_nothing() {
    let rig = Rig::new();
    let many: Vec<_> = (1000..1099).map(|password| password.to_string()).collect();
    rig.ok("AddAccessPwd", json!({ "AccessPwd": many }));
    let before = rig.state();
    for (operator, passwords, code, named) in [
        ("AddAccessPwd", json!(null), 462, "AccessPwd"),
        ("AddAccessPwd", json!([]), 462, "AccessPwd"),
        ("AddAccessPwd", json!(["2222", "123"]), 462, "AccessPwd[1]"),
        ("AddAccessPwd", json!(["123456789"]), 462, "AccessPwd[0]"),
        ("AddAccessPwd", json!(["12a4"]), 462, "AccessPwd[0]"),
        ("AddAccessPwd", json!([-1234]), 462, "AccessPwd[0]"),
        ("AddAccessPwd", json!([{}]), 462, "AccessPwd[0]"),
        ("AddAccessPwd", json!(["2222", "1000"]), 462, "AccessPwd[1]: is there already"),
        ("AddAccessPwd", json!(["2222", "2222"]), 462, "AccessPwd[1]: is there already"),
        ("AddAccessPwd", json!(["2222", "3333"]), 462, "AccessPwd[1]: is one too many"),
        ("DelAccessPwd", json!([]), 462, "AccessPwd"),
        ("DelAccessPwd", json!(["1000", "2222"]), 465, "AccessPwd[1]: is not there"),
        ("DelAccessPwd", json!(["1000", "1000"]), 465, "AccessPwd[1]: is not there"),
    ] {
        let detail = rig.fails(operator, json!({ "AccessPwd": passwords }), code);
        assert!(detail.contains(named) && !detail.contains("2222"), "{operator} {passwords}: {detail}");
    }
    assert_eq!(rig.state(), before);
    rig.ok("AddAccessPwd", json!({ "AccessPwd": ["2222"] }));
}

#[test]
fn the_temporary_password_is_that_of_the_hour() {
    let rig = Rig::new();
    rig.ok("SetSysTime", json!({ "Time": "2018-11-16T17:20:30" }));
    let reply = rig.call("GetAccessTempPwd", json!({}));
    assert_eq!(reply["operator"], "GetTempPwd", "as in the document's answer");
    let info = &reply["info"];
    assert_eq!(info["ValidPeriod"], "2018-11-16 17:00:00 ~ 2018-11-16 17:59:59");
    let password = info["TempPwd"].as_str().unwrap();
    assert_eq!(password.len(), 6);
    assert_eq!(admits(&rig, password, "2018-11-16T17:59:59"), Some(Kind::Temporary));
    assert_eq!(admits(&rig, password, "2018-11-16T18:00:00"), None);
    assert_eq!(rig.call("GetAccessTempPwd", json!({}))["info"]["TempPwd"], password, "the same all hour");
}
