//! Subscribers that do not do what they should, through the running terminal: each of them gets every event in order
//! once it behaves again, and none holds more of the terminal than a connection or two.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};

use crate::rig::Rig;
use crate::subscriber::{OK, subscribe};

/// What a subscriber does with a push.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Manner {
    /// Acknowledges.
    Well,
    /// Acknowledges, a few bytes at a time.
    Slow,
    /// Is not there.
    Down,
    /// Acknowledges with status 500, which is none.
    Error,
    /// Answers what is no HTTP.
    Garbage,
    /// Answers HTTP that is no acknowledgement.
    NoJson,
    /// Ends in the middle of its answer.
    CutShort,
    /// Takes the push and goes away without an answer.
    LosesAnswer,
    /// Resets the connection before the push is read.
    Resets,
    /// Never answers.
    Silent,
    /// Never ends its answer.
    Drips,
}

/// A subscriber at one address, whatever its manners.
struct Rough {
    address: SocketAddr,
    shared: Arc<Shared>,
    listening: Option<JoinHandle<()>>,
}

struct Shared {
    manner: Mutex<Manner>,
    /// Numbers of the identity cards told, in the order they came, again and again.
    told: Mutex<Vec<usize>>,
    /// How many of the connections are open, and were at the most.
    open: AtomicUsize,
    most_open: AtomicUsize,
    /// Connections that came.
    came: AtomicUsize,
    stop: AtomicBool,
}

impl Rough {
    fn start() -> Self {
        let shared = Arc::new(Shared {
            manner: Mutex::new(Manner::Well),
            told: Mutex::default(),
            open: AtomicUsize::new(0),
            most_open: AtomicUsize::new(0),
            came: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
        });
        let mut rough = Self { address: ([127, 0, 0, 1], 0).into(), shared, listening: None };
        rough.listen();
        rough
    }

    fn listen(&mut self) {
        let listener = TcpListener::bind(self.address).unwrap();
        self.address = listener.local_addr().unwrap();
        let shared = self.shared.clone();
        self.listening = Some(std::thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.stop.load(Ordering::SeqCst) {
                    return;
                }
                let shared = shared.clone();
                std::thread::spawn(move || shared.attend(stream.unwrap()));
            }
        }));
    }

    fn deafen(&mut self) {
        let Some(listening) = self.listening.take() else { return };
        self.shared.stop.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
        listening.join().unwrap();
        self.shared.stop.store(false, Ordering::SeqCst);
    }

    fn behave(&mut self, manner: Manner) {
        *self.shared.manner.lock().unwrap() = manner;
        match manner {
            Manner::Down => self.deafen(),
            _ if self.listening.is_none() => self.listen(),
            _ => {}
        }
    }

    fn told(&self) -> Vec<usize> {
        self.shared.told.lock().unwrap().clone()
    }
}

impl Drop for Rough {
    fn drop(&mut self) {
        self.deafen();
    }
}

impl Shared {
    fn attend(&self, stream: TcpStream) {
        self.came.fetch_add(1, Ordering::SeqCst);
        let open = self.open.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_open.fetch_max(open, Ordering::SeqCst);
        // Who resets or goes away leaves the conversation with an error; the next one is another connection.
        drop(self.converse(stream));
        self.open.fetch_sub(1, Ordering::SeqCst);
    }

    fn converse(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut answer = stream.try_clone()?;
        let mut pushes = BufReader::new(stream);
        loop {
            // Bytes that were never read make the kernel reset the connection.
            let mut first = [0];
            pushes.get_ref().peek(&mut first)?;
            let manner = || *self.manner.lock().unwrap();
            if manner() == Manner::Resets {
                return Ok(());
            }
            let Some(push) = read_push(&mut pushes)? else { return Ok(()) };
            let manner = manner();
            let number = push["info"]["IDCard_Idno"].as_str().and_then(|number| number.parse::<usize>().ok());
            self.told.lock().unwrap().extend(number.filter(|_| manner != Manner::Down));
            let whole = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{OK}", OK.len());
            match manner {
                Manner::Well => answer.write_all(whole.as_bytes())?,
                Manner::Slow => {
                    for bytes in whole.as_bytes().chunks(3) {
                        answer.write_all(bytes)?;
                        linger(&answer)?;
                    }
                    answer.set_read_timeout(None)?;
                }
                Manner::Error => {
                    write!(answer, "HTTP/1.1 500 Oh\r\nContent-Length: {}\r\n\r\n{OK}", OK.len())?;
                }
                Manner::Garbage => return answer.write_all(b"\x16\x03\x01 hello\r\n\r\n\0\0"),
                Manner::NoJson => write!(answer, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n<ok/>")?,
                Manner::CutShort => return write!(answer, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{OK}"),
                Manner::Down | Manner::LosesAnswer | Manner::Resets => return Ok(()),
                // Until the terminal gives up.
                Manner::Silent => return pushes.read_to_end(&mut Vec::new()).map(drop),
                Manner::Drips => {
                    write!(answer, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")?;
                    loop {
                        answer.write_all(b" ")?;
                        linger(&answer)?;
                    }
                }
            }
        }
    }
}

/// Lets a moment pass unless the other side goes away.
fn linger(stream: &TcpStream) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_millis(5)))?;
    match stream.peek(&mut [0]) {
        Ok(0) => Err(std::io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

/// The body of the next push; `None` when there is none.
fn read_push(stream: &mut impl BufRead) -> std::io::Result<Option<Value>> {
    let (mut line, mut length) = (String::new(), 0);
    loop {
        line.clear();
        if stream.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let (name, value) = line.trim().split_once(':').unwrap_or_default();
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            let mut body = vec![0; length];
            stream.read_exact(&mut body)?;
            return Ok(Some(serde_json::from_slice(&body).unwrap()));
        }
    }
}

#[test]
fn every_event_comes_in_order_once_a_subscriber_behaves_again() {
    let Some(rig) = Rig::start() else { return };
    rig.set_door(json!({ "VerifyMode": 26 }));
    let mut rough = Rough::start();
    subscribe(&rig, rough.address, &["IDCard"], 1, json!({}));
    let mut presented = Vec::new();
    for (manner, events) in [
        (Manner::Well, 3),
        (Manner::Slow, 3),
        (Manner::Down, 3),
        (Manner::Error, 3),
        (Manner::Garbage, 3),
        (Manner::NoJson, 3),
        (Manner::CutShort, 3),
        (Manner::LosesAnswer, 3),
        (Manner::Resets, 3),
        (Manner::Silent, 200),
        (Manner::Drips, 3),
    ] {
        rough.behave(manner);
        let (before, came) = (rough.told().len(), rough.shared.came.load(Ordering::SeqCst));
        rough.shared.most_open.store(0, Ordering::SeqCst);
        for _ in 0..events {
            let number = presented.len();
            rig.sim("idcard", &json!({ "number": number.to_string(), "name": "Li" }));
            presented.push(number);
        }
        // It is told of the first, or at least asked to listen.
        match manner {
            Manner::Down => {}
            Manner::Resets => {
                rig.wait(|| (rough.shared.came.load(Ordering::SeqCst) > came).then_some(()));
            }
            _ => rig.wait(|| (rough.told().len() > before).then_some(())),
        }
        if !matches!(manner, Manner::Well | Manner::Slow) {
            let told = rough.told();
            let begun = told[before..].iter().all(|number| *number == presented[presented.len() - events]);
            assert!(begun, "{manner:?}: what follows waits, {:?}", &told[before..]);
        }
        rough.behave(Manner::Well);
        let mut looks = 0;
        rig.wait(|| {
            // The pause between attempts; no more often than that, because the whole terminal leaps along.
            if looks % 20 == 0 {
                rig.leap(Duration::from_secs(10));
            }
            looks += 1;
            (rough.told().last() == presented.last()).then_some(())
        });
        let mut told = rough.told();
        let again = told.len() - before - events;
        assert!(again == 0 || !matches!(manner, Manner::Well | Manner::Slow), "{manner:?}: {again} came twice");
        told.dedup();
        assert_eq!(told, presented, "{manner:?}: each in order, again only before it is acknowledged");
        let most = rough.shared.most_open.load(Ordering::SeqCst);
        assert!(most <= 4, "{manner:?}: {most} connections at once, for events and heartbeats");
    }
}
