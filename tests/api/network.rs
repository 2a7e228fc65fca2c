//! Network operators, and the server on another port.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use facegate::api::server::{Listening, ServerLimits, serve};
use facegate::clock::{Clock, ManualClock};
use facegate::control::decisions::Decisions;
use facegate::hal::Connection;
use facegate::network::{Guard, Keeper, Message, TRIAL};
use facegate::settings::{Network, Wifi};
use serde_json::{Value, json};

use crate::rig::*;

fn example(name: &str) -> Value {
    let text = std::fs::read_to_string(format!("tests/data/examples/{name}.txt")).unwrap();
    serde_json::from_str::<Value>(&text).unwrap()["info"].clone()
}

fn stored(rig: &Rig) -> Network {
    rig.cx.settings.now().network.clone()
}

fn on_trial(rig: &Rig) -> bool {
    rig.cx.settings.now().network_undo.before.is_some()
}

#[test]
fn an_unset_network_shows_where_the_machine_is() {
    let rig = Rig::new();
    let shown = json!({
        "IPAddr": "10.0.3.4", "Submask": "255.255.0.0", "Gateway": "10.0.0.1", "ListenPort": 5000, "WebPort": 8080,
        "DHCP": 0, "DefRoute": 0,
    });
    assert_eq!(rig.send("GetNetParam", "")["info"], shown);
    *rig.host.connection.lock().unwrap() = Connection::NONE;
    let nowhere = rig.ok("GetNetParam", json!({}));
    assert_eq!((&nowhere["IPAddr"], &nowhere["Gateway"]), (&"0.0.0.0".into(), &"0.0.0.0".into()));
    for name in example("GetNetParam.response.1").as_object().unwrap().keys() {
        assert!(nowhere.get(name).is_some(), "{name}");
    }
}

#[test]
fn what_is_given_back_as_it_was_shown_changes_nothing() {
    let rig = Rig::new();
    for operators in
        [["GetNetParam", "SetNetParam"], ["GetNetWiFi", "SetNetWiFi"], ["GetGeneralParam", "SetGeneralParam"]]
    {
        let before = rig.state();
        let shown = rig.ok(operators[0], json!({}));
        rig.ok(operators[1], shown.clone());
        assert_eq!(rig.state(), before, "{}", operators[1]);
        assert_eq!(rig.ok(operators[0], json!({})), shown);
    }
    assert!(rig.messages.as_ref().unwrap().drain().is_empty());
}

#[test]
fn the_documents_example_is_set_whole() {
    let rig = Rig::new();
    assert_eq!(rig.ok("SetNetParam", example("SetNetParam.request.1")), json!({ "Result": "Ok" }));
    let after = rig.ok("GetNetParam", json!({}));
    for (name, value) in example("GetNetParam.response.1").as_object().unwrap() {
        assert_eq!(&after[name], value, "{name}");
    }
    assert!(on_trial(&rig));
    assert_eq!(rig.messages.as_ref().unwrap().drain(), [Message::Changed]);
    // Nothing is in force before the answer is out.
    assert!(rig.host.networks.lock().unwrap().is_empty());
}

#[test]
fn parts_go_with_what_is_there() {
    let rig = Rig::new();
    // The rest of the place is the machine's own.
    rig.ok("SetNetParam", json!({ "IPAddr": "10.0.9.9" }));
    let set = stored(&rig);
    assert_eq!([set.address, set.gateway, set.dns].map(|a| a.to_string()), ["10.0.9.9", "10.0.0.1", "9.9.9.9"]);
    assert_eq!((set.mask.prefix(), set.web_port.get()), (16, 0));

    rig.ok("SetNetParam", json!({ "DHCP": 1 }));
    assert_eq!(rig.ok("GetNetParam", json!({}))["IPAddr"], "10.0.3.4", "the lease");
    assert!(rig.fails("SetNetParam", json!({ "IPAddr": "10.0.9.10" }), 462).contains("IPAddr: DHCP is 1"));
    rig.ok("SetNetParam", json!({ "DHCP": 0 }));
    assert_eq!(stored(&rig).address.to_string(), "10.0.3.4", "the lease is kept");
}

#[test]
fn wrong_networks_are_refused_by_name() {
    let rig = Rig::new();
    let before = rig.state();
    for (operator, info, named) in [
        ("SetNetParam", json!({ "IPAddr": "192.168.2.256" }), "IPAddr: "),
        ("SetNetParam", json!({ "IPAddr": "127.0.0.1" }), "IPAddr: "),
        ("SetNetParam", json!({ "Submask": "255.0.255.0" }), "Submask: "),
        ("SetNetParam", json!({ "IPAddr": "192.168.2.255", "Submask": "255.255.255.0", "Gateway": "" }), "Submask: "),
        ("SetNetParam", json!({ "IPAddr": "192.168.2.10", "Gateway": "10.0.0.1" }), "Gateway: "),
        ("SetNetParam", json!({ "IPAddr": "10.0.9.9", "WebPort": 70_000 }), "WebPort: "),
        ("SetNetParam", json!({ "IPAddr": "10.0.9.9", "WebPort": 0 }), "WebPort: "),
        ("SetNetParam", json!({ "IPAddr": "10.0.9.9", "WebPort": 81 }), "WebPort: "),
        ("SetNetParam", json!({ "IPAddr": "10.0.9.9", "WebPort": 5000 }), "WebPort: "),
        ("SetNetParam", json!({ "DHCP": 3 }), "DHCP: "),
        ("SetNetParam", json!({ "DefRoute": 2 }), "DefRoute: "),
        ("SetNetWiFi", json!({ "Enable": 1 }), "SSID: "),
        ("SetNetWiFi", json!({ "Enable": 1, "SSID": "net", "PassWord": "short" }), "PassWord: "),
        ("SetNetWiFi", json!({ "Enable": 1, "SSID": "net", "PassWord": "12345678\n" }), "PassWord: "),
        ("SetNetWiFi", json!({ "Enable": 1, "SSID": "n".repeat(33), "PassWord": "12345678" }), "SSID: "),
        ("SetNetWiFi", json!({ "Enable": 1, "SSID": "net", "SecurityMode": 0, "DHCP": 0 }), "IPAddr: "),
        ("SetNetWiFi", json!({ "WorkMode": 1 }), "WorkMode: "),
    ] {
        let detail = rig.fails(operator, info.clone(), 462);
        assert!(detail.contains(named), "{info}: {detail}");
        assert_eq!(rig.state(), before, "{info}");
    }
    assert!(rig.messages.as_ref().unwrap().drain().is_empty());
}

#[test]
fn wifi_is_set_as_in_the_document() {
    let rig = Rig::new();
    rig.ok("SetNetWiFi", example("SetNetWiFi.request.1"));
    let shown = rig.ok("GetNetWiFi", json!({}));
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<std::collections::BTreeSet<_>>();
    assert_eq!(names(&shown), names(&example("GetNetWiFi.response.1")));
    assert_eq!((&shown["SSID"], &shown["IPAddr"]), (&"TP-LINK_4755".into(), &"10.0.3.4".into()), "the lease");
    assert!(on_trial(&rig));
}

/// The server with the keeper of its network, whose clock stands still.
struct Served {
    rig: Rig,
    listening: Arc<Listening>,
    clock: Arc<ManualClock>,
    decisions: Arc<Decisions>,
}

impl Served {
    fn start() -> Self {
        let mut rig = Rig::new();
        let inbox = rig.messages.take().unwrap();
        let listening = Listening::open(([127, 0, 0, 1], 0).into(), rig.runtime.handle().clone()).unwrap();
        let listening = Arc::new(listening);
        let home = listening.address().unwrap().port();
        let guard = Arc::new(Guard::new(rig.cx.settings.clone(), listening.clone(), home, inbox.sender()));
        let cx = Arc::get_mut(&mut rig.cx).unwrap();
        cx.network = guard.clone();
        let clock = Arc::new(ManualClock::at("2026-03-01T04:00:00Z".parse().unwrap()));
        let decisions = Arc::new(Decisions::default());
        let (host, its_clock) = (rig.host.clone(), clock.clone());
        let keeper = Keeper { guard, inbox, host, clock: its_clock, decisions: decisions.clone() };
        std::thread::spawn(move || keeper.run());
        let (cx, serving) = (rig.cx.clone(), listening.clone());
        rig.runtime.spawn(async move {
            serve(&serving, cx, ServerLimits::default(), None, None, std::future::pending()).await.unwrap();
        });
        Self { rig, listening, clock, decisions }
    }

    fn port(&self) -> u16 {
        self.listening.address().unwrap().port()
    }

    /// Lets time pass until something has been told.
    fn until(&self, event: &str, step: Duration) {
        for _ in 0..10_000 {
            let lines = self.decisions.lines(0);
            if lines.last().is_some_and(|line| line["event"] == event) {
                return;
            }
            self.clock.advance(step);
            let pause = facegate::clock::SystemClock::default();
            pause.wait(&Default::default(), Some(pause.mono().after(Duration::from_millis(2))));
        }
        panic!("{event} does not happen: {:?}", self.decisions.lines(0));
    }
}

fn ask(stream: &mut TcpStream, operator: &str, body: &str) -> String {
    let length = body.len();
    let request = format!(
        "POST /action/{operator} HTTP/1.1\r\nHost: t\r\nAuthorization: Basic YWRtaW46YWRtaW4=\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    while !answer.ends_with(b"}}") {
        let length = stream.read(&mut buffer).unwrap();
        assert!(length > 0, "the connection is cut");
        answer.extend_from_slice(&buffer[..length]);
    }
    String::from_utf8(answer).unwrap()
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn the_api_moves_to_another_port_and_back_unless_somebody_follows() {
    let served = Served::start();
    let (home, away) = (served.port(), free_port());
    let connect = |port| TcpStream::connect(("127.0.0.1", port));
    let change = json!({ "operator": "SetNetParam", "info": { "WebPort": away } }).to_string();

    let mut stream = connect(home).unwrap();
    assert!(ask(&mut stream, "SetNetParam", &change).contains("\"Ok\""), "answered before it moves");
    served.until("network_changed", Duration::from_millis(100));
    assert_eq!(served.port(), away);
    // Asking on over the old connection works and confirms nothing.
    assert!(ask(&mut stream, "GetNetParam", "").contains(&format!("\"WebPort\":{away}")));
    served.until("network_undone", TRIAL / 10);
    assert_eq!(served.port(), home);
    assert!(ask(&mut connect(home).unwrap(), "GetNetParam", "").contains(&format!("\"WebPort\":{home}")));
    assert_eq!(*served.rig.host.networks.lock().unwrap().last().unwrap(), (Network::default(), Wifi::default()));

    assert!(ask(&mut connect(home).unwrap(), "SetNetParam", &change).contains("\"Ok\""));
    served.until("network_changed", Duration::from_millis(100));
    ask(&mut connect(away).unwrap(), "GetSysParam", "");
    served.until("network_confirmed", Duration::ZERO);
    served.clock.advance(TRIAL * 2);
    assert_eq!((served.port(), on_trial(&served.rig)), (away, false));
    let gone = (0..10_000).any(|_| {
        std::thread::yield_now();
        connect(home).is_err()
    });
    assert!(gone, "the old port is let go");
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = json!({ "info": { "WebPort": other.local_addr().unwrap().port() } }).to_string();
    let refused = ask(&mut connect(away).unwrap(), "SetNetParam", &taken);
    assert!(refused.contains("\"code\":462") && refused.contains("WebPort: "), "{refused}");
}
