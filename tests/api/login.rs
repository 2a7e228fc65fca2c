//! The login of the document, where the board's profile wants it changed first.

use facegate::api::table::OPERATORS;
use facegate::mqtt::commands::{Desk, answer};
use serde_json::json;

use crate::rig::Rig;

#[test]
fn nothing_else_works_before_the_default_password_is_changed() {
    let rig = Rig::with_password_due();
    for operator in OPERATORS.iter().filter(|o| !matches!(o.name, "GetSysParam" | "SetUserPwd")) {
        let reply = rig.send(operator.name, r#"{"info":{}}"#);
        let why = reply["info"]["Detail"].as_str().unwrap_or_default();
        assert!(reply["code"] == 465 && why.contains("SetUserPwd"), "{reply}");
    }
    assert_eq!(rig.ok("GetSysParam", json!({}))["Version"], "v1.2.3");
    let same = rig.fails("SetUserPwd", json!({ "User": "root", "Pwd": "admin" }), 462);
    assert!(same.contains("Pwd"), "{same}");
    rig.ok("SetUserPwd", json!({ "User": "root", "Pwd": "another" }));
    rig.ok("GetSysCfg", json!({}));
}

#[test]
fn nor_over_mqtt() {
    let rig = Rig::with_password_due();
    let say = |operator: &str| {
        let packet = json!({ "operator": operator, "messageId": "1", "info": {} }).to_string();
        answer(&rig.cx, &Desk::default(), packet.as_bytes()).unwrap()
    };
    for operator in ["GetRTSPCfg", "Unlock", "SearchPerson", "DeleteAllPerson", "Upgrade"] {
        let reply = say(operator);
        assert!(reply["info"]["detail"].as_str().unwrap().contains("SetUserPwd"), "{reply}");
    }
    rig.ok("SetUserPwd", json!({ "User": "root", "Pwd": "another" }));
    assert_eq!(say("GetRTSPCfg")["code"], "200");
}

#[test]
fn where_the_profile_does_not_ask_the_document_holds() {
    let rig = Rig::new();
    rig.ok("GetSysCfg", json!({}));
    rig.ok("SetUserPwd", json!({ "User": "admin", "Pwd": "admin" }));
}
