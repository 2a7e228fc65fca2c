//! New software fetched from a real server.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender, channel};

use facegate::upgrade::{State, Upgrade};
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

/// How the upgrade under way ends.
fn ended(upgrade: &Upgrade) -> State {
    loop {
        match upgrade.state() {
            State::Downloading { .. } | State::Installing => std::thread::yield_now(),
            state => return state,
        }
    }
}

/// What is told of upgrades from an event on.
fn told(rig: &Rig, since: usize) -> Vec<String> {
    let lines = rig.cx.decisions.lines(since as u64);
    lines.iter().filter(|line| line["event"] == "upgrade").map(|line| line["state"].as_str().unwrap().into()).collect()
}

fn files(rig: &Rig) -> Vec<String> {
    let folder = rig.folder.path().join("upgrade");
    let mut names: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn installed(version: &str) -> State {
    State::Installed { version: version.into() }
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
    assert_eq!(ended(&rig.cx.upgrade), installed("9.9.9"));
    assert!(*rig.install.packages.lock().unwrap() == [body]);
    assert!(files(&rig).is_empty(), "{:?}", files(&rig));
    assert_eq!(told(&rig, 0), ["downloading", "installing", "installed"]);
    while rig.install.left.load(Ordering::Relaxed) == 0 {
        std::thread::yield_now();
    }

    // The next one, also when its server does not say how long it is; a redirect is followed.
    server.answer("302 Found\r\nLocation: /other\r\nContent-Length: 0\r\nConnection: close", b"");
    server.answer("200 OK\r\nConnection: close", b"new software");
    rig.ok("Upgrade", upgrade(&server.address()));
    assert_eq!(ended(&rig.cx.upgrade), installed("9.9.9"));
    assert_eq!(rig.install.packages.lock().unwrap()[1], b"new software");
}

#[test]
fn a_package_that_is_refused_is_told_and_gone() {
    let rig = Rig::new();
    let server = Server::start();
    *rig.install.refusal.lock().unwrap() = Some("the package is not signed".into());
    server.answer("200 OK\r\nContent-Length: 12", b"new software");
    rig.ok("Upgrade", upgrade(&server.address()));
    let why = "Upgrade failed: the package is not signed";
    assert_eq!(ended(&rig.cx.upgrade), State::Failed { why: why.into() });
    assert_eq!(rig.cx.decisions.lines(0).last().unwrap()["why"], why);
    assert!(files(&rig).is_empty(), "{:?}", files(&rig));
    assert_eq!(rig.install.left.load(Ordering::Relaxed), 0);

    // Where none could be verified, none is fetched.
    let nothing_asked = server.asked.try_iter().count();
    *rig.install.unready.lock().unwrap() = Some("there is no trusted key".into());
    let detail = rig.fails("Upgrade", upgrade(&server.address()), 486);
    assert!(detail.contains("there is no trusted key"), "{detail}");
    assert_eq!((nothing_asked, server.asked.try_iter().count()), (1, 0));
}

#[test]
fn a_broken_connection_is_taken_up_where_it_was() {
    let rig = Rig::new();
    let server = Server::start();
    let body: Vec<u8> = (0..30_000_u32).map(|n| (n / 7) as u8).collect();
    let tag = "\r\nETag: \"a\"";
    server.answer(&format!("200 OK\r\nContent-Length: 30000{tag}"), &body[..10_000]);
    let rest = "206 Partial Content\r\nContent-Range: bytes 10000-29999/30000\r\nContent-Length: 20000";
    server.answer(&format!("{rest}{tag}"), &body[10_000..]);
    rig.ok("Upgrade", upgrade(&server.address()));
    assert_eq!(ended(&rig.cx.upgrade), installed("9.9.9"));
    assert!(rig.install.packages.lock().unwrap()[0] == body);
    let asked: Vec<String> = server.asked.try_iter().collect();
    assert!(!asked[0].contains("range: ") && asked[1].contains("range: bytes=10000-"), "{asked:?}");
    assert!(asked[1].contains("if-range: \"a\""), "{asked:?}");

    // Another file by now: it is fetched from its beginning. So it is where the server does not tell files apart.
    for tag in ["\r\nETag: \"b\"", "", "\r\nETag: W/\"b\""] {
        server.answer(&format!("200 OK\r\nContent-Length: 30000{tag}"), &body[..10_000]);
        server.answer("200 OK\r\nContent-Length: 3\r\nETag: \"c\"", b"new");
        rig.ok("Upgrade", upgrade(&server.address()));
        assert_eq!(ended(&rig.cx.upgrade), installed("9.9.9"));
        assert_eq!(rig.install.packages.lock().unwrap().last().unwrap(), b"new");
    }
}

#[test]
fn what_has_come_counts_for_whoever_asks_again_and_after_a_restart() {
    let rig = Rig::new();
    let server = Server::start();
    let body: Vec<u8> = (0..30_000_u32).map(|n| (n / 7) as u8).collect();
    let part = |range: std::ops::Range<usize>| {
        let head = format!(
            "206 Partial Content\r\nContent-Range: bytes {}-29999/30000\r\nContent-Length: {}\r\nETag: \"a\"",
            range.start,
            30_000 - range.start
        );
        server.answer(&head, &body[range]);
    };
    server.answer("200 OK\r\nContent-Length: 30000\r\nETag: \"a\"", &body[..10_000]);
    // Two further tries that bring nothing.
    part(10_000..10_000);
    part(10_000..10_000);
    rig.ok("Upgrade", upgrade(&server.address()));
    let State::Failed { why } = ended(&rig.cx.upgrade) else { panic!("{:?}", rig.cx.upgrade.state()) };
    assert!(why.contains("broke off at 10000 of 30000 bytes"), "{why}");
    // Nobody wants it at the moment.
    let anew = rig.upgrade_anew();
    anew.resume();
    assert_eq!(anew.state(), State::Idle);

    // Asked for again, it goes on, and the terminal stops in the middle of it.
    let head = "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 10000-29999/30000\r\nContent-Length: 20000\r\nETag: \"a\"\r\n\r\n";
    server.say.send(Some([head.as_bytes(), &body[10_000..20_000]].concat())).unwrap();
    anew.start("new", &server.address()).unwrap();
    while !matches!(anew.state(), State::Downloading { done: 20_000, .. }) {
        std::thread::yield_now();
    }
    anew.stop();
    server.say.send(None).unwrap();
    assert_eq!(ended(&anew), State::Idle);

    // After the restart it goes on by itself.
    part(20_000..30_000);
    let anew = rig.upgrade_anew();
    anew.resume();
    assert_eq!(ended(&anew), installed("9.9.9"));
    assert!(rig.install.packages.lock().unwrap()[0] == body);
    assert!(server.asked.try_iter().last().unwrap().contains("range: bytes=20000-"));

    // So does a package that has come whole and was not installed.
    std::fs::write(rig.folder.path().join("upgrade/package.swx"), "whole").unwrap();
    let anew = rig.upgrade_anew();
    anew.resume();
    assert_eq!(ended(&anew), installed("9.9.9"));
    assert_eq!(rig.install.packages.lock().unwrap()[1], b"whole");
    assert!(files(&rig).is_empty(), "{:?}", files(&rig));
}

#[test]
fn a_package_that_waits_is_installed_unless_it_was_and_not_for_ever() {
    let rig = Rig::new();
    let put = |name: &str| std::fs::write(rig.folder.path().join("upgrade").join(name), "whole").unwrap();
    // The power went between the switch and its removal.
    *rig.install.done.lock().unwrap() = Some(b"whole".to_vec());
    put("package.swx");
    let anew = rig.upgrade_anew();
    anew.resume();
    assert_eq!((anew.state(), files(&rig)), (State::Idle, vec![]));
    *rig.install.done.lock().unwrap() = None;
    assert!(rig.install.packages.lock().unwrap().is_empty());

    // It is tried again twice; what ends the terminal each time is given up.
    for (name, tried) in [("package.swx", true), ("package.again.swx", true), ("package.last.swx", false)] {
        put(name);
        let anew = rig.upgrade_anew();
        anew.resume();
        let state = ended(&anew);
        assert_eq!(state == installed("9.9.9"), tried, "{name}: {state:?}");
        assert!(files(&rig).is_empty(), "{name}: {:?}", files(&rig));
    }
    assert_eq!(told(&rig, 0).last().unwrap(), "failed");

    // Whoever waits for somebody else loses nothing.
    rig.install.is_busy.store(true, Ordering::Relaxed);
    put("package.swx");
    let anew = rig.upgrade_anew();
    anew.resume();
    assert!(matches!(ended(&anew), State::Failed { .. }));
    assert_eq!(files(&rig), ["package.again.swx"]);
}

#[test]
fn a_download_leaves_the_store_its_reserve() {
    let rig = Rig::new();
    let server = Server::start();
    let room = |bytes: u64| std::fs::write(rig.folder.path().join("room"), bytes.to_string()).unwrap();
    room(50_000);
    server.answer("200 OK\r\nContent-Length: 60000", &[7; 60_000]);
    let detail = rig.fails("Upgrade", upgrade(&server.address()), 465);
    assert!(detail.contains("no room for the package: 60000 more bytes"), "{detail}");
    assert!(files(&rig).is_empty(), "{:?}", files(&rig));
    // The server does not say how long it is.
    server.answer("200 OK\r\nConnection: close", &[7; 60_000]);
    rig.ok("Upgrade", upgrade(&server.address()));
    let State::Failed { why } = ended(&rig.cx.upgrade) else { panic!("{:?}", rig.cx.upgrade.state()) };
    assert!(why.contains("no room for the package"), "{why}");
    assert!(files(&rig).is_empty(), "{:?}", files(&rig));
    room(70_000);
    server.answer("200 OK\r\nContent-Length: 60000", &[7; 60_000]);
    rig.ok("Upgrade", upgrade(&server.address()));
    assert_eq!(ended(&rig.cx.upgrade), installed("9.9.9"));
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
        assert_eq!(ended(&rig.cx.upgrade), State::Failed { why: detail });
    }
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    rig.fails("Upgrade", upgrade(&format!("http://{gone}/x.swx")), 483);
    assert!(files(&rig).is_empty(), "{:?}", files(&rig));
}

#[test]
fn what_goes_wrong_later_is_told() {
    let rig = Rig::new();
    let server = Server::start();
    for (head, body, tries, why) in [
        ("200 OK\r\nContent-Length: 5000", vec![7; 300], 3, "Upgrade file length error"),
        ("200 OK\r\nConnection: close", vec![7; 100_001], 1, "Upgrade file too big"),
        ("200 OK\r\nContent-Length: 0", Vec::new(), 1, "Upgrade file length error"),
    ] {
        (0..tries).for_each(|_| server.answer(head, &body));
        rig.ok("Upgrade", upgrade(&server.address()));
        let State::Failed { why: said } = ended(&rig.cx.upgrade) else {
            panic!("{head}: {:?}", rig.cx.upgrade.state())
        };
        assert!(said.starts_with(why), "{head}: {said}");
        assert_eq!(rig.cx.decisions.lines(0).last().unwrap()["why"], said.as_str());
        assert_eq!(server.asked.try_iter().count(), tries, "{head}");
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
