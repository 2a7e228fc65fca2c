//! Time zone and time server.

use serde_json::{Value, json};

use crate::rig::*;

#[test]
fn the_time_server_is_as_in_the_document() {
    let rig = Rig::new();
    let example: Value = serde_json::from_str(include_str!("../data/examples/GetSysNTP.response.1.txt")).unwrap();
    assert_eq!(rig.send("GetSysNTP", "")["info"], example["info"]);
    let hour = || rig.ok("GetSysTime", json!({}))["Hour"].as_i64().unwrap();
    assert_eq!(hour(), 12, "GMT+8");
    // Its zone is 14, GMT.
    assert_eq!(rig.send("SetSysNTP", include_str!("../data/examples/SetSysNTP.request.1.txt"))["code"], 200);
    assert_eq!(hour(), 4);
    rig.ok("SetSysNTP", json!({ "NtpEnable": "1", "NtpUrl": "10.0.0.7", "NtpInterval": 24 }));
    let info = rig.ok("GetSysNTP", json!({}));
    assert_eq!(
        info,
        json!({ "NtpEnable": 1, "NtpUrl": "10.0.0.7", "NtpPort": 123, "NtpTimeZone": 14, "NtpInterval": 24 })
    );
}

#[test]
fn wrong_time_servers_are_refused_by_name() {
    let rig = Rig::new();
    let before = rig.state();
    for (name, value) in [
        ("NtpEnable", json!(2)),
        ("NtpUrl", json!("a b")),
        ("NtpUrl", json!("a".repeat(65))),
        ("NtpPort", json!(0)),
        ("NtpPort", json!(65_536)),
        ("NtpTimeZone", json!(0)),
        ("NtpTimeZone", json!(31)),
        ("NtpInterval", json!(0)),
    ] {
        let detail = rig.fails("SetSysNTP", json!({ name: value }), 462);
        assert!(detail.contains(&format!("{name}: ")), "{name}: {detail}");
    }
    assert!(rig.fails("SetSysNTP", json!({ "NtpEnable": 1, "NtpUrl": "" }), 462).contains("NtpUrl: "));
    assert_eq!(rig.state(), before);
}
