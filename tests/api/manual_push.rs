//! Control records pushed once more, to a real server.

use std::sync::mpsc::{Receiver, channel};

use facegate::access::VerifyStatus;
use serde_json::{Value, json};

use crate::rig::*;

/// A subscriber that answers each push once it is allowed to.
struct Subscriber {
    address: String,
    pushed: Receiver<(String, Value)>,
    go_on: std::sync::mpsc::Sender<u16>,
}

impl Subscriber {
    fn start() -> Self {
        let server = tiny_http::Server::http("127.0.0.1:0").unwrap();
        let address = format!("http://{}", server.server_addr().to_ip().unwrap());
        let (push, pushed) = channel();
        let (go_on, answers) = channel::<u16>();
        std::thread::spawn(move || {
            for mut request in server.incoming_requests() {
                let mut text = String::new();
                request.as_reader().read_to_string(&mut text).unwrap();
                if push.send((request.url().to_owned(), serde_json::from_str(&text).unwrap())).is_err() {
                    return;
                }
                let Ok(status) = answers.recv() else { return };
                let _ = request.respond(tiny_http::Response::empty(status));
            }
        });
        Self { address, pushed, go_on }
    }

    /// The next push, answered with `status`.
    fn next(&self, status: u16) -> (String, Value) {
        let push = self.pushed.recv().unwrap();
        self.go_on.send(status).unwrap();
        push
    }
}

fn subscribe(rig: &Rig, address: &str, topics: &[&str]) {
    rig.ok(
        "Subscribe",
        json!({ "DeviceID": DEVICE, "Num": topics.len(), "Topics": topics, "SubscribeAddr": address,
            "SubscribeUrl": { "Verify": "/v", "Snap": "/s", "HeartBeat": "/h" } }),
    );
}

fn day() -> Value {
    json!({ "DeviceID": DEVICE, "TimeS": "2026-03-01T00:00:00", "TimeE": "2026-03-01T23:59:59" })
}

fn fill(rig: &Rig, minutes: std::ops::Range<u32>) {
    let who = rig.cx.store.people().first().map(|person| person.id);
    for minute in minutes {
        rig.record(&format!("2026-03-01T08:{minute:02}:00"), who, VerifyStatus::Allowed);
    }
    rig.cx.store.flush().unwrap();
}

#[test]
fn the_records_of_a_time_come_once_and_in_order() {
    let rig = Rig::new();
    rig.add(RED, json!({ "CustomizeID": 7, "Name": "Li" }));
    // More than are read at a time, several of one second, and some before and after.
    fill(&rig, 0..40);
    fill(&rig, 20..23);
    let subscriber = Subscriber::start();
    subscribe(&rig, &subscriber.address, &["Snap", "VerifyWithSnap"]);
    // Written as in the document: one-digit hours and a full-width comma.
    let body = r#"{"operator":"ManualPushRecords","info":{"DeviceID":1300001,
        "TimeS":"2026-03-01T8:02:00"，"TimeE":"2026-03-01T8:37:00"}}"#;
    let reply = rig.send("ManualPushRecords", body);
    let detail = "Confirm connection to HTTP server is Ok ? Find 39 records, try to push now";
    assert_eq!(
        reply,
        json!({ "operator": "ManualPushRecords", "code": 200,
            "info": { "Result": "Ok", "RecordNum": "39", "Detail": detail } })
    );
    // A second one while the first is under way: the subscriber has not answered yet.
    assert!(rig.fails("ManualPushRecords", day(), 468).contains("under way"));
    let mut times = Vec::new();
    for n in 0..39 {
        // An answer that says no is no reason to stop, nor to send it again.
        let (path, body) = subscriber.next(if n == 5 { 500 } else { 200 });
        assert_eq!((path.as_str(), &body["operator"]), ("/v", &json!("VerifyPush")));
        let info = &body["info"];
        assert_eq!((&info["PushType"], &info["Name"], &info["Sendintime"]), (&json!(2), &json!("Li"), &json!(0)));
        assert!(body["SanpPic"].as_str().unwrap().starts_with("data:image/jpeg;base64,"));
        times.push(info["CreateTime"].as_str().unwrap().to_owned());
    }
    let mut expect: Vec<_> = (2..38).chain(20..23).map(|minute| format!("2026-03-01T08:{minute:02}:00")).collect();
    expect.sort();
    assert_eq!(times, expect);
    rig.cx.manual.join();
    assert!(subscriber.pushed.try_recv().is_err(), "nothing comes twice");

    // Done, so the next one is taken.
    let one = json!({ "TimeS": "2026-03-01T08:05:00", "TimeE": "2026-03-01T08:05:00" });
    assert_eq!(rig.ok("ManualPushRecords", one)["RecordNum"], "1");
    assert_eq!(subscriber.next(200).1["info"]["CreateTime"], "2026-03-01T08:05:00");
}

#[test]
fn it_ends_with_the_subscription() {
    let rig = Rig::new();
    fill(&rig, 0..30);
    let subscriber = Subscriber::start();
    subscribe(&rig, &subscriber.address, &["VerifyNoPic"]);
    rig.ok("ManualPushRecords", day());
    let (_, body) = subscriber.pushed.recv().map(|push| (push.0, push.1)).unwrap();
    assert!(body.get("SanpPic").is_none(), "the topic asks for no picture");
    rig.ok("Unsubscribe", json!({ "Num": 1, "Topics": ["VerifyNoPic"] }));
    subscriber.go_on.send(200).unwrap();
    rig.cx.manual.join();
    assert!(subscriber.pushed.try_recv().is_err());
}

#[test]
fn a_subscriber_that_is_not_there_is_given_up() {
    let rig = Rig::new();
    fill(&rig, 0..30);
    // Nobody listens on the port of a server that has gone.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    subscribe(&rig, &format!("http://{gone}"), &["Verify"]);
    assert_eq!(rig.ok("ManualPushRecords", day())["RecordNum"], "30");
    rig.cx.manual.join();
    assert_eq!(rig.ok("ManualPushRecords", day())["RecordNum"], "30", "and can be asked for again");
    rig.cx.manual.join();
}

#[test]
fn what_is_missing_has_its_number() {
    let rig = Rig::new();
    fill(&rig, 0..1);
    let of = |begin: &str, end: &str| json!({ "TimeS": begin, "TimeE": end });
    let (begin, end) = ("2026-03-01T00:00:00", "2026-03-02T00:00:00");
    assert!(rig.fails("ManualPushRecords", of(begin, end), 466).starts_with("No subscription"));
    subscribe(&rig, "http://127.0.0.1:1", &["Snap"]);
    rig.fails("ManualPushRecords", of(begin, end), 466);
    subscribe(&rig, "http://127.0.0.1:1", &["Snap", "Verify"]);
    for (info, code, detail) in [
        (json!({ "TimeE": end }), 464, "Unknow TimeS"),
        (of("", end), 464, "Unknow TimeS"),
        (of("yesterday", end), 464, "Unknow TimeS"),
        (of("2026-02-30T00:00:00", end), 464, "Unknow TimeS"),
        (json!({ "TimeS": begin }), 465, "Unknow TimeE"),
        (json!({ "TimeS": begin, "TimeE": {} }), 465, "Unknow TimeE"),
        (of(end, begin), 465, "Unknow TimeE"),
        (of("2025-01-01T00:00:00", "2025-01-02T00:00:00"), 467, "No record"),
        (json!({ "DeviceID": 7, "TimeS": begin, "TimeE": end }), 463, "Unkonw DeviceID"),
    ] {
        let said = rig.fails("ManualPushRecords", info.clone(), code);
        assert!(said.starts_with(detail), "{info}: {said}");
    }
}
