//! The general parameters and the restart.

use std::sync::atomic::Ordering;

use facegate::settings::{ControlType, WiegandProtocol};
use serde_json::{Value, json};

use crate::rig::*;

#[test]
fn general_parameters_are_a_view() {
    let rig = Rig::new();
    let reply = rig.send("GetGeneralParam", "");
    assert_eq!(reply["DeviceID"], DEVICE);
    assert_eq!(
        reply["info"],
        json!({
            "FaceThreshold": 80, "IDCardThreshold": 50, "ControlType": 0, "LiveThreshold": 0.5, "LiveFrameNum": 3,
            "AutoRebootDay": 0, "AutoRebootHour": 0, "Direction": 0, "IPAddr": "10.0.3.4",
            "Submask": "255.255.0.0", "Gateway": "10.0.0.1", "DNS": "9.9.9.9", "DHCP": 0,
        })
    );
    let example = include_str!("../data/examples/SetGeneralParam.request.1.txt").replace("1305269", "1300001");
    assert_eq!(rig.send("SetGeneralParam", &example)["info"]["Result"], "Ok");
    let info = rig.ok("GetGeneralParam", json!({}));
    for (name, value) in serde_json::from_str::<Value>(&example).unwrap()["info"].as_object().unwrap() {
        assert_eq!(&info[name], value, "{name}");
    }
    let all = rig.cx.settings.now();
    assert_eq!((all.door.face_threshold.get(), all.network.address.to_string()), (75, "172.168.2.130".into()));
    assert_eq!(rig.ok("GetNetParam", json!({}))["Gateway"], "172.168.2.1");
}

#[test]
fn liveness_is_shown_and_not_set() {
    let rig = Rig::new();
    rig.ok("SetGeneralParam", json!({ "LiveThreshold": 0.9, "LiveFrameNum": 9, "Direction": 2 }));
    let info = rig.ok("GetGeneralParam", json!({}));
    assert_eq!(
        (&info["LiveThreshold"], &info["LiveFrameNum"], &info["Direction"]),
        (&0.5.into(), &3.into(), &2.into())
    );
}

#[test]
fn the_opener_is_the_door_s_in_other_numbers() {
    use ControlType::{Both, Relay, Wiegand};
    use WiegandProtocol::{W26, W26Facility, W34, W34FacilitySplit};
    for (before, shown, set, after) in [
        ((Both, W34), 0, 0, (Both, W34)),
        ((Both, W34), 0, 1, (Wiegand, W26)),
        ((Both, W34FacilitySplit), 0, 2, (Wiegand, W34FacilitySplit)),
        ((Relay, W26Facility), 0, 1, (Wiegand, W26Facility)),
        ((Relay, W26Facility), 0, 2, (Wiegand, W34)),
        ((Wiegand, W26Facility), 1, 1, (Wiegand, W26Facility)),
        ((Wiegand, W26Facility), 1, 0, (Relay, W26Facility)),
        ((Wiegand, W34), 2, 1, (Wiegand, W26)),
    ] {
        let rig = Rig::new();
        rig.ok("SetDoorCondition", json!({ "ControlType": before.0.number(), "Wiegand": before.1.number() }));
        assert_eq!(rig.ok("GetGeneralParam", json!({}))["ControlType"], shown, "{before:?}");
        rig.ok("SetGeneralParam", json!({ "ControlType": set }));
        let door = &rig.cx.settings.now().door;
        assert_eq!((door.control, door.wiegand), after, "{before:?} set {set}");
    }
}

#[test]
fn one_wrong_field_leaves_all_as_it_was() {
    let rig = Rig::new();
    let before = rig.state();
    let good = json!({
        "FaceThreshold": 90, "ControlType": 1, "AutoRebootDay": 3, "IPAddr": "10.0.9.9", "DNS": "1.1.1.1",
    });
    for (name, value) in [
        ("FaceThreshold", json!(49)),
        ("IDCardThreshold", json!("x")),
        ("ControlType", json!(3)),
        ("AutoRebootDay", json!(9)),
        ("AutoRebootHour", json!(24)),
        ("Direction", json!(3)),
        ("IPAddr", json!("10.0.9")),
        ("Submask", json!("255.0.255.0")),
        ("Gateway", json!("11.0.0.1")),
        ("DNS", json!("dns")),
        ("DHCP", json!(3)),
    ] {
        let mut info = good.clone();
        info[name] = value;
        let detail = rig.fails("SetGeneralParam", info, 462);
        assert!(detail.contains(&format!("{name}: ")), "{name}: {detail}");
        assert_eq!(rig.state(), before, "{name}");
    }
    let other = json!({ "operator": "SetGeneralParam", "DeviceID": 5, "info": good }).to_string();
    assert_eq!(rig.send("SetGeneralParam", &other)["code"], 463);
    assert_eq!(rig.state(), before);
    rig.ok("SetGeneralParam", good);
    assert_ne!(rig.state(), before);
}

#[test]
fn the_terminal_restarts_when_asked_to() {
    let rig = Rig::new();
    let reboots = || rig.host.reboots.load(Ordering::Relaxed);
    rig.ok("RebootDevice", json!({ "DeviceID": DEVICE, "IsRebootDevice": 0 }));
    assert!(rig.fails("RebootDevice", json!({ "DeviceID": DEVICE }), 462).contains("IsRebootDevice"));
    rig.fails("RebootDevice", json!({ "IsRebootDevice": 2 }), 462);
    rig.fails("RebootDevice", json!({ "DeviceID": 5, "IsRebootDevice": 1 }), 463);
    assert_eq!(reboots(), 0);
    rig.ok("RebootDevice", json!({ "DeviceID": DEVICE.to_string(), "IsRebootDevice": "1" }));
    assert_eq!(reboots(), 1);
}
