//! The server on a real socket, spoken to byte by byte.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use facegate::api::server::{Extra, Listening, ServerLimits, serve};
use http_body_util::Full;
use hyper::Response;

use crate::rig::Rig;

/// A terminal's API on a port of its own.
pub struct Served {
    pub rig: Rig,
    at: SocketAddr,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    served: Option<tokio::task::JoinHandle<()>>,
}

fn start(limits: ServerLimits, extra: Option<Extra>) -> Served {
    start_rig(Rig::new(), limits, extra)
}

pub fn start_rig(rig: Rig, limits: ServerLimits, extra: Option<Extra>) -> Served {
    let listening = Listening::open(([127, 0, 0, 1], 0).into(), rig.runtime.handle().clone()).unwrap();
    let at = listening.address().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let cx = rig.cx.clone();
    let served = rig.runtime.spawn(async move {
        serve(&listening, cx, limits, extra, None, async { drop(stopped.await) }).await.unwrap();
    });
    Served { rig, at, stop: Some(stop), served: Some(served) }
}

pub const LOGIN: &str = "Authorization: Basic YWRtaW46YWRtaW4=\r\n";

impl Served {
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.at).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        stream
    }

    pub fn ask(&self, request: &str) -> String {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        answer(&mut stream)
    }

    pub fn post(&self, operator: &str, headers: &str, body: &str) -> String {
        let length = body.len();
        self.ask(&format!(
            "POST /action/{operator} HTTP/1.1\r\nHost: t\r\n{LOGIN}{headers}Content-Length: {length}\r\n\r\n{body}"
        ))
    }
}

/// One answer, head and body.
pub fn answer(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => bytes.push(byte[0]),
            _ => return String::from_utf8(bytes).unwrap(),
        }
    }
    let head = String::from_utf8(bytes).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).map_or(0, |n| n.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    head + &String::from_utf8(body).unwrap()
}

const IDENTITY: &str = r#"{"operator":"GetSysParam","info":{"Name":"facegate","DeviceID":1300001,"Version":"v1.2.3"}}"#;

#[test]
fn what_platforms_send_gets_the_answer_they_expect() {
    let served = start(ServerLimits::default(), None);
    let accept_charset = format!("Accept-Charset: {}\r\n", "big5, utf-8, iso-8859-1, ".repeat(400));
    for (request, what) in [
        (format!("POST /action/GetSysParam HTTP/1.1\r\nHost: t\r\n{LOGIN}\r\n"), "no body"),
        (format!("POST /action/GetSysParam HTTP/1.1\r\nHost: t\r\n{LOGIN}Content-Length: \r\n\r\n"), "an empty length"),
        (
            format!("POST /action/GetSysParam HTTP/1.1\r\nHost: t\r\n{LOGIN}Content-Length:\r\nAccept: */*\r\n\r\n"),
            "an empty length",
        ),
        (
            format!(
                "POST /action/GetSysParam HTTP/1.1\r\nHost: t\r\n{LOGIN}Content-Length: 39\r\n\r\n{{\"operator\":\"GetSysParam\",\"info\":[]   }}"
            ),
            "PHP",
        ),
        (
            format!(
                "POST /action/GetSysParam HTTP/1.1\r\nHost: t\r\n{LOGIN}Content-Encoding: UTF-8\r\nContent-Type: text/plain;charset=ISO-8859-1\r\nContent-Length: 2\r\n\r\n{{}}"
            ),
            "odd headers",
        ),
        (
            format!("POST /action/GetSysParam HTTP/1.1\r\nHost: t\r\n{LOGIN}{accept_charset}Content-Length: 0\r\n\r\n"),
            "10 KB of headers",
        ),
        (
            format!(
                "POST /action/GetSysParam HTTP/1.1\r\nHost: t\r\n{LOGIN}Transfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n"
            ),
            "chunked",
        ),
        (
            "POST /action/GetSysParam?x=1 HTTP/1.1\r\nHost: t\r\nauthorization: basic YWRtaW46YWRtaW4=\r\nContent-Length: 2\r\n\r\n{}".to_owned(),
            "lower case",
        ),
        (format!("POST /action/GetSysParam HTTP/1.0\r\n{LOGIN}\r\n"), "HTTP/1.0"),
    ] {
        let answer = served.ask(&request);
        assert!(answer.contains(" 200 OK\r\n"), "{what}: {answer}");
        assert!(
            answer.contains("\r\nContent-Length: ")
                && answer.contains("\r\nContent-Type: application/json; charset=UTF-8\r\n"),
            "{what}: {answer}"
        );
        assert!(answer.ends_with(IDENTITY), "{what}: {answer}");
    }
}

#[test]
fn connections_are_kept_or_closed_as_asked() {
    let served = start(ServerLimits::default(), None);
    let mut stream = served.connect();
    for _ in 0..3 {
        let request = format!("POST /action/GetSysParam HTTP/1.1\r\nHost: t\r\n{LOGIN}Content-Length: \r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        assert!(answer(&mut stream).ends_with(IDENTITY));
    }
    let request = format!(
        "POST /action/GetSysParam HTTP/1.1\r\nHost: t\r\n{LOGIN}Connection: close\r\nContent-Length: 0\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    assert!(answer(&mut stream).ends_with(IDENTITY));
    assert_eq!(stream.read(&mut [0]).unwrap(), 0, "closed");
    // Expect: 100-continue, as .NET and curl send it before a larger body.
    let mut stream = served.connect();
    let request = format!(
        "POST /action/GetSysParam HTTP/1.1\r\nHost: t\r\n{LOGIN}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    assert_eq!(answer(&mut stream), "HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"{}").unwrap();
    assert!(answer(&mut stream).ends_with(IDENTITY));
}

#[test]
fn who_may_not_call_is_told_so_in_the_documents_words() {
    let served = start(ServerLimits::default(), None);
    for (login, detail) in [
        ("", "Unknown user or password"),
        ("Authorization: Basic YWRtaW46bm8=\r\n", "Unknown user or password"),
        ("Authorization: Digest username=\"admin\"\r\n", "Unsupport authentication protocol type"),
    ] {
        let answer = served
            .ask(&format!("POST /action/GetSysParam HTTP/1.1\r\nHost: t\r\n{login}Content-Length: 2\r\n\r\n{{}}"));
        assert!(answer.starts_with("HTTP/1.1 401 Unauthorized\r\n"), "{answer}");
        assert!(answer.contains("\r\nWww-Authenticate: Basic realm=\"facegate\"\r\n"), "{answer}");
        let body = format!(r#"{{"operator":"authentication","info":{{"Result":"Fail","Detail":"{detail}"}}}}"#);
        assert!(answer.ends_with(&body), "{answer}");
    }
    served.rig.ok("SetUserPwd", serde_json::json!({ "User": "root", "Pwd": "密:码" }));
    assert!(served.post("GetSysParam", "", "{}").starts_with("HTTP/1.1 401"));
    use base64::Engine;
    let login = base64::engine::general_purpose::STANDARD.encode("root:密:码");
    for _ in 0..2 {
        let answer = served.ask(&format!("POST /action/GetSysParam HTTP/1.1\r\nHost: t\r\nAuthorization: Basic {login}\r\nContent-Length: 2\r\n\r\n{{}}"));
        assert!(answer.ends_with(IDENTITY), "{answer}");
    }
}

#[test]
fn what_is_no_request_gets_a_status_of_its_own() {
    let limits = ServerLimits { body: 200_000, bodies: 200_000, ..ServerLimits::default() };
    let served = start(limits, None);
    let big = "x".repeat(200_000);
    for (request, status) in [
        ("hello\r\n\r\n".to_owned(), "400"),
        (format!("POST /action/GetSysParam HTTP/1.1\r\nHost: t\r\n{LOGIN}Content-Length: many\r\n\r\n"), "400"),
        (format!("GET /action/GetSysParam HTTP/1.1\r\nHost: t\r\n{LOGIN}\r\n"), "405"),
        (format!("GET / HTTP/1.1\r\nHost: t\r\n{LOGIN}\r\n"), "404"),
        (format!("POST /action HTTP/1.1\r\nHost: t\r\n{LOGIN}Content-Length: 0\r\n\r\n"), "404"),
        (format!("POST /action/AddPerson HTTP/1.1\r\nHost: t\r\n{LOGIN}\r\n"), "411"),
        (format!("POST /action/GetSysParam HTTP/1.1\r\nHost: t\r\n{LOGIN}Content-Length: 200001\r\n\r\n"), "413"),
        (format!("POST /action/GetSysParam HTTP/1.1\r\nHost: t\r\n{LOGIN}X: {big}\r\n\r\n"), "431"),
    ] {
        let answer = served.ask(&request);
        assert_eq!(answer.split(' ').nth(1), Some(status), "{answer}");
    }
    // Chunks that never end.
    let mut stream = served.connect();
    let head = format!("POST /action/GetSysParam HTTP/1.1\r\nHost: t\r\n{LOGIN}Transfer-Encoding: chunked\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let chunk = format!("1000\r\n{}\r\n", " ".repeat(0x1000));
    for _ in 0..60 {
        if stream.write_all(chunk.as_bytes()).is_err() {
            break;
        }
    }
    let mut start = [0; 12];
    stream.read_exact(&mut start).unwrap();
    assert_eq!(&start, b"HTTP/1.1 413");
    let unknown = served.post("Nonsense", "", "{}");
    assert!(unknown.starts_with("HTTP/1.1 200 OK") && unknown.contains("\"code\":461"), "{unknown}");
}

#[test]
fn slow_clients_and_crowds_do_not_hold_up_others() {
    let limits = ServerLimits {
        head: Duration::from_millis(300),
        pause: Duration::from_millis(300),
        connections: 5,
        connections_per_client: 4,
        ..ServerLimits::default()
    };
    let served = start(limits, None);
    let mut half_a_head = served.connect();
    half_a_head.write_all(b"POST /action/GetSys").unwrap();
    let mut half_a_body = served.connect();
    half_a_body
        .write_all(
            format!("POST /action/GetSysParam HTTP/1.1\r\nHost: t\r\n{LOGIN}Content-Length: 9\r\n\r\n{{").as_bytes(),
        )
        .unwrap();
    let (idle, other) = (served.connect(), served.connect());
    let mut crowd = served.connect();
    assert!(answer(&mut crowd).starts_with("HTTP/1.1 503"), "one more than allowed");
    assert!(answer(&mut half_a_body).starts_with("HTTP/1.1 408"));
    let mut rest = Vec::new();
    half_a_head.read_to_end(&mut rest).unwrap();
    for mut stream in [idle, other] {
        stream.read_to_end(&mut rest).unwrap();
    }
    drop(half_a_body);
    assert!(served.post("GetSysParam", "", "{}").ends_with(IDENTITY), "room again");
}

#[test]
fn other_paths_are_offered_under_the_same_login() {
    let extra: Extra = Arc::new(|parts, body| {
        let text = format!("{} {} {}", parts.method, parts.uri, body.len());
        (parts.uri.path() == "/sim/x").then(|| Response::new(Full::new(Bytes::from(text))))
    });
    let served = start(ServerLimits::default(), Some(extra));
    assert!(served.ask("GET /sim/x HTTP/1.1\r\nHost: t\r\n\r\n").starts_with("HTTP/1.1 401"));
    assert!(served.ask(&format!("GET /sim/x?a=1 HTTP/1.1\r\nHost: t\r\n{LOGIN}\r\n")).ends_with("GET /sim/x?a=1 0"));
    assert!(served.ask(&format!("GET /sim/y HTTP/1.1\r\nHost: t\r\n{LOGIN}\r\n")).starts_with("HTTP/1.1 404"));
}

#[test]
fn stopping_answers_what_is_under_way() {
    let mut served = start(ServerLimits::default(), None);
    let mut idle = served.connect();
    let mut busy = served.connect();
    let request = format!(
        "POST /action/FrontalFaceSnap HTTP/1.1\r\nHost: t\r\n{LOGIN}Content-Length: 22\r\n\r\n{{\"info\":{{\"Overall\":0}}}}"
    );
    busy.write_all(request.as_bytes()).unwrap();
    std::thread::park_timeout(Duration::from_millis(300));
    served.stop.take().unwrap().send(()).unwrap();
    assert!(answer(&mut busy).contains("\"code\":465"));
    assert_eq!(idle.read(&mut [0]).unwrap(), 0);
    let ended = served.served.take().unwrap();
    served.rig.runtime.block_on(ended).unwrap();
    assert!(TcpStream::connect(served.at).is_err());
}
