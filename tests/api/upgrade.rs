//! New software fetched from a real server.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};

use facegate::upgrade::State;
use serde_json::{Value, json};

use crate::rig::*;

/// A server that sends what it is told and when; ends a connection when it is told `None`.
struct Server {
    port: u16,
    say: Sender<Option<Vec<u8>>>,
    asked: Receiver<String>,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (say, said) = channel::<Option<Vec<u8>>>();
        let (ask, asked) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream: TcpStream = stream.unwrap();
                let mut request = [0; 4096];
                let length = stream.read(&mut request).unwrap();
                if ask.send(String::from_utf8_lossy(&request[..length]).into_owned()).is_err() {
                    return;
                }
                while let Ok(Some(bytes)) = said.recv() {
                    let _ = stream.write_all(&bytes);
                }
            }
        });
        Self { port, say, asked }
    }

    fn address(&self) -> String {
        format!("http://127.0.0.1:{}/face/new.swx", self.port)
    }

    fn answer(&self, head: &str, body: &[u8]) {
        let mut bytes = format!("HTTP/1.1 {head}\r\n\r\n").into_bytes();
        bytes.extend_from_slice(body);
        self.say.send(Some(bytes)).unwrap();
        self.say.send(None).unwrap();
    }
}

fn upgrade(address: &str) -> Value {
    json!({ "DeviceID": DEVICE, "Name": "最新版本", "Path": address })
}

/// How the download under way ends.
fn ended(rig: &Rig) -> State {
    loop {
        match rig.cx.upgrade.state() {
            State::Downloading { .. } => std::thread::yield_now(),
            state => return state,
        }
    }
}

fn told(rig: &Rig) -> Vec<String> {
    rig.cx.decisions.lines(0).iter().map(|line| format!("{} {}", line["event"], line["state"])).collect()
}

fn files(rig: &Rig) -> Vec<String> {
    let folder = rig.folder.path().join("upgrade");
    let mut names: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_package_comes_whole_and_one_at_a_time() {
    let rig = Rig::new();
    assert_eq!(rig.cx.upgrade.state(), State::Idle);
    let server = Server::start();
    let body: Vec<u8> = (0..90_000_u32).map(|n| n as u8).collect();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    server.say.send(Some([head.as_bytes(), &body[..40_000]].concat())).unwrap();
    assert_eq!(rig.ok("Upgrade", upgrade(&server.address())), json!({ "Result": "Ok" }));
    assert!(server.asked.recv().unwrap().starts_with("GET /face/new.swx HTTP/1.1\r\n"));
    // Half of it has come, so it is under way and no other one can be.
    assert!(matches!(rig.cx.upgrade.state(), State::Downloading { total: None | Some(90_000), .. }));
    assert!(rig.fails("Upgrade", upgrade(&server.address()), 465).contains("Path"));
    assert!(!files(&rig).contains(&"package.swx".to_owned()), "half a package is none");
    server.say.send(Some(body[40_000..].to_vec())).unwrap();
    server.say.send(None).unwrap();
    let State::Ready { file, bytes } = ended(&rig) else { panic!("{:?}", rig.cx.upgrade.state()) };
    assert_eq!((bytes, std::fs::read(&file).unwrap() == body), (90_000, true));
    assert_eq!(files(&rig), ["package.swx"]);
    assert_eq!(told(&rig), ["\"upgrade\" \"downloading\"", "\"upgrade\" \"ready\""]);

    // The next one takes its place, also when its server does not say how long it is; a redirect is followed.
    server.answer("302 Found\r\nLocation: /other\r\nContent-Length: 0\r\nConnection: close", b"");
    server.answer("200 OK\r\nConnection: close", b"new software");
    rig.ok("Upgrade", upgrade(&server.address()));
    assert!(matches!(ended(&rig), State::Ready { bytes: 12, .. }));
    assert_eq!(std::fs::read(&file).unwrap(), b"new software");

    // One that cannot be fetched leaves the one that is there; so does a restart.
    server.answer("404 Not Found\r\nContent-Length: 0", b"");
    rig.fails("Upgrade", upgrade(&server.address()), 466);
    assert!(matches!(ended(&rig), State::Ready { bytes: 12, .. }));
    std::fs::write(file.with_extension("part"), "cut short").unwrap();
    assert!(matches!(rig.upgrade_anew().state(), State::Ready { bytes: 12, .. }));
    assert_eq!(files(&rig), ["package.swx"]);
}

#[test]
fn what_goes_wrong_is_answered_where_it_shows_at_once() {
    let rig = Rig::new();
    let server = Server::start();
    for (head, body, code, why) in [
        ("404 Not Found\r\nContent-Length: 0", &b""[..], 466, "Can't find upgrade file"),
        ("500 Oops\r\nContent-Length: 0", b"", 483, "Download failed"),
        ("200 OK\r\nContent-Length: 100001", b"x", 484, "Upgrade file too big"),
        ("302 Found\r\nContent-Length: 0", b"", 483, "Download failed"),
    ] {
        server.answer(head, body);
        let detail = rig.fails("Upgrade", upgrade(&server.address()), code);
        assert!(detail.starts_with(why) && detail.contains("Path"), "{head}: {detail}");
        assert_eq!(ended(&rig), State::Failed { why: detail });
    }
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    rig.fails("Upgrade", upgrade(&format!("http://{gone}/x.swx")), 483);
    assert!(files(&rig).is_empty(), "{:?}", files(&rig));
}

#[test]
fn what_goes_wrong_later_is_told() {
    let rig = Rig::new();
    let server = Server::start();
    for (head, body, why) in [
        ("200 OK\r\nContent-Length: 5000", vec![7; 300], "Upgrade file length error"),
        ("200 OK\r\nConnection: close", vec![7; 100_001], "Upgrade file too big"),
        ("200 OK\r\nContent-Length: 0", Vec::new(), "Upgrade file length error"),
    ] {
        server.answer(head, &body);
        rig.ok("Upgrade", upgrade(&server.address()));
        let State::Failed { why: said } = ended(&rig) else { panic!("{head}: {:?}", rig.cx.upgrade.state()) };
        assert!(said.starts_with(why), "{head}: {said}");
        assert_eq!(rig.cx.decisions.lines(0).last().unwrap()["why"], said.as_str());
        assert!(files(&rig).is_empty(), "{:?}", files(&rig));
    }
}

#[test]
fn the_fields_have_numbers_of_their_own() {
    let rig = Rig::new();
    for (info, code, why) in [
        (json!({ "Name": "n" }), 464, "Unkonw Path"),
        (json!({ "Name": "n", "Path": "" }), 464, "Unkonw Path"),
        (json!({ "Name": "n", "Path": ["http://host/x.swx"] }), 464, "Unkonw Path"),
        (upgrade("http://host/x.udx"), 464, "Unkonw Path"),
        (upgrade("host/x.swx"), 464, "Unkonw Path"),
        (upgrade("ftp://host/x.swx"), 464, "Unkonw Path"),
        (upgrade(&format!("http://host/{}.swx", "x".repeat(1024))), 464, "Unkonw Path"),
        (json!({ "Path": "http://127.0.0.1:1/x.swx" }), 468, "Unkonw Name"),
        (json!({ "Path": "http://127.0.0.1:1/x.swx", "Name": "x".repeat(64) }), 468, "Unkonw Name"),
        (json!({ "Path": "http://127.0.0.1:1/x.swx", "Name": "x", "DeviceID": 7 }), 463, "Unkonw DeviceID"),
    ] {
        let detail = rig.fails("Upgrade", info.clone(), code);
        assert!(detail.starts_with(why), "{info}: {detail}");
    }
    assert_eq!(rig.cx.upgrade.state(), State::Idle);
}
