//! The machine under the simulated terminal: what it is asked, and that a network change is confirmed.

use std::net::UdpSocket;

use serde_json::{Value, json};

use crate::rig::Rig;

#[test]
fn the_simulated_machine_notes_what_is_asked_of_it() {
    let Some(mut rig) = Rig::start() else { return };
    let machine = |rig: &Rig| rig.get("/sim/host");
    assert_eq!(machine(&rig), json!({ "reboots": 0, "times_set": 0, "networks": [] }));
    rig.ok("RebootDevice", &json!({ "info": { "DeviceID": 1_300_001, "IsRebootDevice": 1 } }));
    assert_eq!(machine(&rig)["reboots"], 1);

    let info = json!({ "IPAddr": "192.168.2.10", "Submask": "255.255.255.0", "Gateway": "192.168.2.1" });
    rig.ok("SetNetParam", &json!({ "info": info }));
    // Asking for the events is a login over a new connection.
    let events = rig.wait(|| {
        let events = rig.happened(0);
        events.iter().any(|event| event["event"] == "network_confirmed").then_some(events)
    });
    let told = events.iter().map(|event| &event["event"]);
    let told: Vec<&Value> = told.filter(|event| event.as_str().unwrap().starts_with("network_")).collect();
    assert_eq!(told, ["network_changed", "network_confirmed"]);
    assert_eq!(machine(&rig)["networks"][0]["network"]["IPAddr"], "192.168.2.10");
    rig.restart();
    assert_eq!(rig.ok("GetNetParam", &json!({}))["info"]["IPAddr"], "192.168.2.10");
}

/// A real exchange over the loopback sets the simulated clock.
#[test]
fn the_simulated_clock_follows_a_time_server() {
    let Some(rig) = Rig::start() else { return };
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let mut question = [0; 48];
        let (_, from) = socket.recv_from(&mut question).unwrap();
        let mut answer = [0; 48];
        (answer[0], answer[1]) = (4 << 3 | 4, 1);
        answer[24..32].copy_from_slice(&question[40..48]);
        // 2031-05-06T07:08:09Z.
        let seconds = 1_935_817_689_u32.wrapping_add(2_208_988_800).to_be_bytes();
        answer[32..36].copy_from_slice(&seconds);
        answer[40..44].copy_from_slice(&seconds);
        socket.send_to(&answer, from).unwrap();
    });
    rig.ok("SetSysNTP", &json!({ "info": { "NtpEnable": 1, "NtpUrl": "127.0.0.1", "NtpPort": port } }));
    let event = rig.wait(|| rig.happened(0).into_iter().find(|event| event["event"] == "time_compared"));
    assert_eq!((&event["set"], &event["server"]), (&true.into(), &"127.0.0.1".into()));
    let time = rig.ok("GetSysTime", &json!({}))["info"].clone();
    assert_eq!(["Year", "Month", "Day", "Hour"].map(|part| time[part].as_i64().unwrap()), [2031, 5, 6, 15]);
}
