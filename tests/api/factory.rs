//! Every part of the factory reset does its own and leaves the others.

use std::sync::atomic::Ordering;

use facegate::access::{CaptureRecord, Notice, PictureType, VerifyStatus, What};
use facegate::field::LocalTime;
use facegate::store::Store;
use serde_json::{Map, Value, json};

use crate::rig::*;

const WHEN: &str = "2026-03-01T11:00:00";

/// A terminal in which nothing is as it was when it was new.
fn used() -> Rig {
    let rig = Rig::new();
    let who = rig.add(RED, json!({ "CustomizeID": 1 }));
    rig.ok("SetDoorCondition", json!({ "FaceThreshold": 90 }));
    rig.ok("AddAccessPwd", json!({ "AccessPwd": ["1234"] }));
    rig.ok("SetCenter", json!({ "CenterPort": 1 }));
    rig.ok("SetSysCfg", json!({ "Language": 0 }));
    rig.ok("SetFaceParam", json!({ "recDistance": 100 }));
    rig.ok("SetTemperature", json!({ "TemperatureHigh": 38 }));
    rig.ok("SetEnterIPC", json!({ "IPC_Info": [{ "IPC_Channel": 1 }] }));
    rig.ok("SetServerBasicPara", json!({ "Channelselection": 4 }));
    rig.ok("SetWorktype", json!({ "WorkTypeInfo": [{ "WorkTypeIndex": 1 }] }));
    let change = |fields: Value| fields.as_object().unwrap().clone();
    let settings = &rig.cx.settings;
    settings.patch::<facegate::settings::Panel>(&change(json!({ "Volume": 20 }))).unwrap();
    settings.patch::<facegate::settings::Network>(&change(json!({ "IPAddr": "10.0.0.9" }))).unwrap();
    settings.patch::<facegate::settings::Wifi>(&change(json!({ "SSID": "guests" }))).unwrap();
    let general = change(json!({ "AutoRebootDay": 1, "AutoRebootHour": 3, "Direction": 1 }));
    settings.patch::<facegate::settings::General>(&general).unwrap();
    let time = LocalTime::parse(WHEN).unwrap();
    rig.record(WHEN, Some(who), VerifyStatus::Allowed);
    rig.cx.store.append_capture(CaptureRecord::new(time, PictureType::Unmatched), Some(snap()), true);
    rig.cx.store.append_notice(Notice { id: 0, time, what: What::Pin, snap: None }, Some(snap()));
    rig.cx.store.flush().unwrap();
    rig.cx.decisions.tell(time, "test", Map::new());
    rig
}

/// What can be reset, each as a text that tells it from how it was new.
fn parts(rig: &Rig) -> Vec<(&'static str, String)> {
    let all = rig.cx.settings.now();
    let general = &all.general;
    let time = LocalTime::parse(WHEN).unwrap();
    let store = &rig.cx.store;
    vec![
        ("door", format!("{:?}", all.door)),
        ("passwords", format!("{:?}", all.passwords)),
        ("panel", format!("{:?}", all.panel)),
        ("network", format!("{:?}", all.network)),
        ("wifi", format!("{:?}", all.wifi)),
        ("center", format!("{:?}", all.center)),
        ("restart", format!("{:?}", (general.reboot_day, general.reboot_hour))),
        ("direction", format!("{:?}", general.direction)),
        ("system", format!("{:?}", all.system)),
        ("face", format!("{:?}", all.face)),
        ("temperature", format!("{:?}", all.temperature)),
        ("cameras", format!("{:?}", all.enter_ipc)),
        ("server", format!("{:?}", all.server)),
        ("worktypes", format!("{:?}", all.worktypes)),
        ("people", store.count().to_string()),
        ("faces", rig.call("GetPictureSearch", json!({ "picinfo": photo(RED) }))["info"]["TotalNum"].to_string()),
        ("records", store.count_control(time, time).to_string()),
        ("captures", store.count_captures(time, time).to_string()),
        ("events", events(store).to_string()),
        ("log", rig.cx.decisions.lines(0).len().to_string()),
    ]
}

fn events(store: &Store) -> usize {
    let (mut seq, mut count) = (0, 0);
    while let Some(next) = store.next_event(seq, None).unwrap() {
        (seq, count) = (next.seq, count + 1);
    }
    count
}

#[test]
fn each_part_is_reset_alone() {
    for (flag, expect) in [
        ("DefaltDoorSet", &["door", "passwords"][..]),
        ("DefaltSoundSet", &["panel"]),
        ("DefaltNetPar", &["network", "wifi"]),
        ("DefaltCenterPar", &["center"]),
        ("DefaltCapture", &["records", "captures", "events"]),
        ("DefaltLog", &["log"]),
        ("DefaltPerson", &["people", "faces", "records"]),
        ("DefaltRecord", &["records"]),
        ("DefaltMaintainTime", &["restart"]),
        ("DefaltSystemSettings", &["system", "face", "temperature"]),
        ("DefaltEnterIPC", &["cameras"]),
        ("DefaltServerBasicPara", &["server"]),
        ("DefaltWorktype", &["worktypes"]),
    ] {
        let rig = used();
        let before = parts(&rig);
        assert_eq!(rig.ok("SetFactoryDefault", json!({ flag: 1, "DefaltOther": 1 })), json!({ "Result": "Ok" }));
        let fresh = parts(&Rig::new());
        for ((part, before), (after, fresh)) in before.iter().zip(parts(&rig).iter().map(|p| &p.1).zip(&fresh)) {
            if expect.contains(part) {
                assert_eq!(after, &fresh.1, "{flag} resets {part}");
                assert_ne!(after, before, "{flag} resets {part}");
            } else {
                assert_eq!(after, before, "{flag} leaves {part}");
            }
        }
        assert_eq!(rig.host.reboots.load(Ordering::Relaxed), 0, "{flag}: nobody expects a restart");
    }
}

#[test]
fn all_parts_at_once_leave_a_new_terminal_that_can_still_be_talked_to() {
    let rig = used();
    rig.ok("SetUserPwd", json!({ "User": "platform", "Pwd": "secret" }));
    rig.ok("SetHandSharkData", json!({ "HandSharkInfo": "kept" }));
    let flags = [
        "DefaltDoorSet",
        "DefaltSoundSet",
        "DefaltNetPar",
        "DefaltCenterPar",
        "DefaltCapture",
        "DefaltLog",
        "DefaltPerson",
        "DefaltRecord",
        "DefaltMaintainTime",
        "DefaltSystemSettings",
        "DefaltEnterIPC",
        "DefaltServerBasicPara",
        "DefaltWorktype",
    ];
    let all: Map<String, Value> = flags.iter().map(|flag| ((*flag).to_owned(), json!(1))).collect();
    rig.ok("SetFactoryDefault", all.into());
    let direction = |parts: Vec<(&'static str, String)>| {
        parts.into_iter().filter(|(part, _)| *part != "direction").collect::<Vec<_>>()
    };
    assert_eq!(direction(parts(&rig)), direction(parts(&Rig::new())));
    assert_eq!(rig.cx.settings.now().account.user, "platform");
    assert_eq!(rig.ok("GetHandSharkData", json!({}))["HandSharkInfo"], "kept");
    // The pictures go in the background; what is kept afterwards is written as ever.
    let who = rig.add(RED, json!({ "CustomizeID": 1 }));
    rig.record(WHEN, Some(who), VerifyStatus::Allowed);
    rig.cx.store.flush().unwrap();
    let time = LocalTime::parse(WHEN).unwrap();
    assert_eq!(rig.cx.store.count_control(time, time), 1);
}

#[test]
fn a_wrong_flag_or_none_resets_nothing() {
    let rig = used();
    let before = parts(&rig);
    for (info, code, field) in [
        (json!({ "DefaltPerson": 1, "DefaltWorktype": 2 }), 462, "DefaltWorktype"),
        (json!({ "DefaltPerson": "yes" }), 462, "DefaltPerson"),
        (json!({ "DefaltPerson": 1, "DeviceID": 7 }), 463, "DeviceID"),
    ] {
        let detail = rig.fails("SetFactoryDefault", info.clone(), code);
        assert!(detail.contains(field), "{info}: {detail}");
    }
    rig.ok("SetFactoryDefault", json!({ "DefaltPerson": 0, "DefaltRecord": null, "DefaltLog": "" }));
    assert_eq!(parts(&rig), before);
}
