//! Groups of settings with a pair of operators each, and the lists of the multi-channel server.

use std::sync::atomic::Ordering;

use facegate::settings::Live;
use serde_json::{Value, json};

use crate::rig::*;

/// Get operator, what a Set changes, and the fields it must show then beside the unchanged ones.
fn pairs() -> Vec<(&'static str, Value, Value)> {
    vec![
        (
            "Center",
            json!({ "ConnectCenter": "1", "CenterUrl": "192.168.2.10", "CenterPwd": "a".repeat(29), "Other": 1 }),
            json!({ "ConnectCenter": 1, "CenterUrl": "192.168.2.10", "CenterPwd": "a".repeat(29), "CenterPort": 6666 }),
        ),
        (
            "ServerBasicPara",
            json!({ "InformationRelease": "信".repeat(128), "Channelselection": 9 }),
            json!({ "InformationRelease": "信".repeat(128), "Channelselection": 9, "DisplaySnapVerify": 0 }),
        ),
        (
            "Temperature",
            // As a platform in the field sends it: another terminal's number, a field that was withdrawn.
            json!({ "DeviceID": 111_111, "FaceMaskTPTMode": 1, "TemperatureHigh": "38.00", "TemperatureCheck": -0.25 }),
            json!({ "TemperatureHigh": 38.0, "TemperatureCheck": -0.25, "TemperatureLow": 28.0, "TempFaceMinW": 350 }),
        ),
        (
            "MQTTParam",
            json!({ "MQEnable": 1, "MQAddr": "172.168.2.89", "MQPort": 61613, "BeginTime": "2020-5-20T16:34:28" }),
            json!({
                "MQEnable": 1, "MQAddr": "172.168.2.89", "MQPort": 61613, "BeginTime": "2020-05-20T16:34:28",
                "MQCloudID": "1300001", "MQTopic": "mqtt/face/1300001", "RecordUploadType": 1, "Direction": 2,
            }),
        ),
        (
            "RTSPCfg",
            json!({ "OpenVerify": 1, "PackSize": 1400 }),
            json!({ "OpenVerify": 1, "PackSize": 1400, "RTSPPort": 554 }),
        ),
        (
            "HandSharkData",
            json!({ "HandSharkInfo": "a\u{0}\n\u{1b}密" }),
            json!({ "HandSharkInfo": "a\u{0}\n\u{1b}密" }),
        ),
    ]
}

#[test]
fn each_pair_keeps_what_it_is_given_and_leaves_the_rest() {
    let rig = Rig::new();
    for (name, change, expect) in pairs() {
        assert_eq!(rig.ok(&format!("Set{name}"), change), json!({ "Result": "Ok" }));
        let shown = rig.ok(&format!("Get{name}"), json!([]));
        for (field, value) in expect.as_object().unwrap() {
            assert_eq!(&shown[field], value, "{name}.{field}");
        }
    }
    assert_eq!(rig.host.reboots.load(Ordering::Relaxed), 1, "the RTSP parameters alone restart the terminal");
    // What was kept is what a restart finds.
    let again = Live::load(rig.cx.store.clone()).unwrap();
    assert_eq!(format!("{:?}", again.now()), format!("{:?}", rig.cx.settings.now()));
    assert_eq!(again.now().handshake.data, "a\u{0}\n\u{1b}密");
}

#[test]
fn every_answer_has_the_fields_of_the_documents_example() {
    let rig = Rig::new();
    for operator in
        ["GetCenter", "GetServerBasicPara", "GetTemperature", "GetMQTTParam", "GetRTSPCfg", "GetHandSharkData"]
    {
        let file = format!("{}/tests/data/examples/{operator}.response.1.txt", env!("CARGO_MANIFEST_DIR"));
        let example: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        let shown = rig.ok(operator, json!({}));
        for (field, value) in example["info"].as_object().unwrap() {
            let same_kind = std::mem::discriminant(value) == std::mem::discriminant(&shown[field]);
            assert!(same_kind, "{operator}.{field}: {} instead of {value}", shown[field]);
        }
    }
}

#[test]
fn what_is_wrong_is_named_and_nothing_is_changed() {
    let rig = Rig::new();
    rig.ok("SetEnterIPC", json!({ "IPC_Info": [{ "IPC_Channel": 0 }] }));
    let before = rig.state();
    let long = |length: usize| "x".repeat(length);
    for (operator, info, field) in [
        ("SetCenter", json!({ "CenterUser": long(30) }), "CenterUser"),
        ("SetCenter", json!({ "CenterPort": 1, "CenterPwd": long(30) }), "CenterPwd"),
        ("SetCenter", json!({ "CenterUrl": "http://x" }), "CenterUrl"),
        ("SetCenter", json!({ "CenterUrl": long(65) }), "CenterUrl"),
        ("SetCenter", json!({ "CenterPort": 0 }), "CenterPort"),
        ("SetCenter", json!({ "ConnectCenter": 1 }), "CenterUrl"),
        ("SetServerBasicPara", json!({ "Channelselection": 3 }), "Channelselection"),
        ("SetServerBasicPara", json!({ "InformationRelease": long(129) }), "InformationRelease"),
        ("SetServerBasicPara", json!({ "DisplaySnapVerify": 2 }), "DisplaySnapVerify"),
        ("SetTemperature", json!({ "TempFaceMinW": 99 }), "TempFaceMinW"),
        ("SetTemperature", json!({ "TemperatureLow": 37.3 }), "TemperatureLow"),
        ("SetTemperature", json!({ "TemperatureHigh": "hot" }), "TemperatureHigh"),
        ("SetHandSharkData", json!({}), "HandSharkInfo"),
        ("SetHandSharkData", json!({ "HandSharkInfo": "密".repeat(1366) }), "HandSharkInfo"),
        ("SetHandSharkData", json!({ "HandSharkInfo": { "a": 1 } }), "HandSharkInfo"),
        ("SetMQTTParam", json!({ "MQEnable": 1 }), "MQAddr"),
        ("SetMQTTParam", json!({ "RecordUploadType": 3 }), "RecordUploadType"),
        ("SetMQTTParam", json!({ "Direction": 3 }), "Direction"),
        ("SetMQTTParam", json!({ "MQPort": 65_536 }), "MQPort"),
        ("SetMQTTParam", json!({ "BeginTime": "soon" }), "BeginTime"),
        ("SetRTSPCfg", json!({ "PackSize": 1501 }), "PackSize"),
        ("SetRTSPCfg", json!({ "PackSize": 0 }), "PackSize"),
        ("SetRTSPCfg", json!({ "RTSPPort": 0 }), "RTSPPort"),
        ("SetEnterIPC", json!({}), "IPC_Info"),
        ("SetEnterIPC", json!({ "IPC_Info": 1 }), "IPC_Info"),
        ("SetEnterIPC", json!({ "IPC_Info": [{ "IPC_Enable": 1 }] }), "IPC_Info[0]: IPC_Channel"),
        ("SetEnterIPC", json!({ "IPC_Info": [{ "IPC_Channel": 16 }] }), "IPC_Info[0]"),
        ("SetEnterIPC", json!({ "IPC_Info": [{ "IPC_Channel": 1 }, { "IPC_Channel": 1 }] }), "IPC_Info[1]"),
        (
            "SetEnterIPC",
            json!({ "IPC_Info": [{ "IPC_Channel": 1 }, { "IPC_Channel": 0, "IPC_Name": long(33) }] }),
            "IPC_Info[1]: IPC_Name",
        ),
        ("SetEnterIPC", json!({ "IPC_Info": [{ "IPC_Channel": 0, "IPC_URL": long(65) }] }), "IPC_Info[0]: IPC_URL"),
        ("SetEnterIPC", json!({ "IPC_Info": [{ "IPC_Channel": 0, "IPC_Port": 0 }] }), "IPC_Info[0]: IPC_Port"),
        ("SetWorktype", json!({ "WorkTypeInfo": [] }), "WorkTypeInfo"),
        ("SetWorktype", json!({ "WorkTypeInfo": [{ "WorkTypeIndex": 10 }] }), "WorkTypeIndex"),
        ("SetWorktype", json!({ "WorkTypeInfo": [{ "Worktype": long(33) }] }), "WorkTypeInfo[0]: Worktype"),
        ("SetWorktype", json!({ "WorkTypeInfo": vec![json!({}); 11] }), "WorkTypeIndex"),
    ] {
        let detail = rig.fails(operator, info.clone(), 462);
        assert!(detail.contains(field), "{operator} {info}: {detail}");
    }
    assert_eq!(rig.state(), before);
    assert_eq!(rig.host.reboots.load(Ordering::Relaxed), 0);
}

#[test]
fn cameras_are_changed_or_added_by_channel() {
    let rig = Rig::new();
    assert_eq!(rig.ok("GetEnterIPC", json!({})), json!({ "TotalNum": 0, "IPC_Info": [] }));
    let first = json!({ "IPC_Channel": 3, "IPC_Enable": 1, "IPC_URL": "192.168.1.1", "IPC_Port": 5000,
        "IPC_Username": "admin", "IPC_Password": "admin", "IPC_Name": "ipc1" });
    rig.ok("SetEnterIPC", json!({ "TotalNum": 1, "IPC_Info": [first] }));
    // The odd keys of the document's example are unknown ones, and pass.
    let second = json!({ "IPC_Channel": "1", "IPC_Enable1": 1, "IPC_URL1": "192.168.1.2" });
    let third = json!({ "IPC_Channel": 3, "IPC_Name": "door" });
    rig.ok("SetEnterIPC", json!({ "TotalNum": 4, "IPC_Info": [second, third] }));
    let mut changed = first;
    changed["IPC_Name"] = "door".into();
    let fresh = json!({ "IPC_Channel": 1, "IPC_Enable": 0, "IPC_URL": "", "IPC_Port": 5000,
        "IPC_Username": "", "IPC_Password": "", "IPC_Name": "" });
    assert_eq!(rig.ok("GetEnterIPC", json!({})), json!({ "TotalNum": 2, "IPC_Info": [fresh, changed] }));
}

#[test]
fn kinds_of_people_are_changed_or_added_by_index() {
    let rig = Rig::new();
    let list = json!([
        { "WorkTypeIndex": 0, "WorktypeEnable": 1, "Worktype": "经理", "Num": 0 },
        { "WorktypeEnable": 1, "Worktype": "员工", "Num": 1 },
    ]);
    rig.ok("SetWorktype", json!({ "TotalNum": 10, "WorkTypeInfo": list }));
    rig.ok(
        "SetWorktype",
        json!({ "WorkTypeInfo": [{ "WorkTypeIndex": 9 }, { "WorkTypeIndex": 0, "Worktype": "访客" }] }),
    );
    let shown = json!([
        { "WorkTypeIndex": 0, "WorktypeEnable": 1, "Worktype": "访客", "Num": 0 },
        { "WorkTypeIndex": 1, "WorktypeEnable": 1, "Worktype": "员工", "Num": 1 },
        { "WorkTypeIndex": 9, "WorktypeEnable": 0, "Worktype": "", "Num": 9 },
    ]);
    assert_eq!(rig.ok("GetWorktype", json!({})), json!({ "TotalNum": 3, "WorkTypeInfo": shown }));
    let all: Vec<_> = (0..10).map(|index| json!({ "WorkTypeIndex": index })).collect();
    rig.ok("SetWorktype", json!({ "WorkTypeInfo": all }));
    assert_eq!(rig.ok("GetWorktype", json!({}))["TotalNum"], 10);
}

#[test]
fn mqtt_begins_where_it_is_switched_on() {
    let rig = Rig::new();
    assert_eq!(rig.ok("GetMQTTParam", json!({}))["BeginTime"], "1970-01-01T08:00:00");
    rig.ok("SetMQTTParam", json!({ "MQPort": 1884, "BeginTime": "" }));
    assert_eq!(rig.ok("GetMQTTParam", json!({}))["BeginTime"], "1970-01-01T08:00:00");
    rig.ok("SetMQTTParam", json!({ "ResumefromBreakpoint": 1 }));
    let begin = rig.ok("GetMQTTParam", json!({}))["BeginTime"].as_str().unwrap().to_owned();
    assert!(begin.starts_with("2026-03-01T12:0"), "{begin}");
}

#[test]
fn data_of_the_handshake_have_a_limit_and_can_be_removed() {
    let rig = Rig::new();
    let most = "x".repeat(4096);
    rig.ok("SetHandSharkData", json!({ "DeviceID": "1300001", "HandSharkInfo": most }));
    assert_eq!(rig.ok("GetHandSharkData", json!({ "DeviceID": DEVICE }))["HandSharkInfo"], most.as_str());
    rig.fails("SetHandSharkData", json!({ "DeviceID": 1, "HandSharkInfo": "y" }), 463);
    rig.ok("SetHandSharkData", json!({ "HandSharkInfo": "" }));
    assert_eq!(rig.ok("GetHandSharkData", json!({}))["HandSharkInfo"], "");
}
