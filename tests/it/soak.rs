//! Hours of events through both ways out at once, HTTP with resume and a real broker with confirmations, while both are
//! cut at random: in the end each platform has every record, in order, and what it has twice was sent again.
//!
//! Time leaps, so that nobody waits for it. The short form plays a minute; `make soak` two hours.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use facegate::access::record::VerifyStatus;
use facegate::access::{CaptureRecord, ControlRecord, Person, PictureType};
use facegate::clock::{Clock, Inbox};
use facegate::control::decisions::Decisions;
use facegate::field::{Flag, HostName, Int, LocalTime};
use facegate::hal::sim::{SimHost, World};
use facegate::mqtt::connection::{Connection, Link, Wake};
use facegate::mqtt::sink::{MqttSink, Receipts};
use facegate::push::http::Post;
use facegate::push::message::Author;
use facegate::push::outbox::{self, Outbox, Sink, Status};
use facegate::push::subscriber::{self, Subscriber as ToSubscriber};
use facegate::settings::{Live, Mqtt, Subscription};
use facegate::store::{Limits, Store};
use serde_json::Value;
use tempfile::TempDir;

use crate::broker::{Broker, Platform, confirm_all, free_port};
use crate::leap::LeapClock;
use crate::subscriber::OK;

const TOPIC: &str = "mqtt/face/1300001";
const EVENTS_PER_SECOND: u64 = 10;

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// Everything between the store and the two platforms, as the terminal has it.
struct Terminal {
    store: Arc<Store>,
    settings: Arc<Live>,
    clock: Arc<LeapClock>,
    stops: Vec<Box<dyn Fn()>>,
    threads: Vec<JoinHandle<()>>,
    bells: Vec<facegate::clock::Bell>,
    runtime: tokio::runtime::Runtime,
    _folder: TempDir,
}

impl Terminal {
    fn start(records: usize, http: &str, mqtt_port: u16) -> Self {
        let folder = TempDir::new().unwrap();
        let clock = Arc::new(LeapClock::default());
        let limits = Limits { people: 10, control_records: records, captures: records, notices: 10 };
        let store = Arc::new(Store::open(folder.path(), limits, clock.clone()).unwrap());
        let settings = Arc::new(Live::load(store.clone()).unwrap());
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let author =
            Author { store: store.clone(), settings: settings.clone(), clock: clock.clone(), device_id: 1_300_001 };
        let paths = [("Verify", "/v"), ("Snap", "/s")].map(|(topic, path)| (topic.to_owned(), path.to_owned()));
        let subscription = Subscription {
            topics: vec!["VerifyNoPic".into(), "Snap".into()],
            address: http.to_owned(),
            paths: paths.into(),
            beat_s: 30,
            resume: true,
            ..Subscription::default()
        };
        // As SetMQTTParam does it: from here on everything counts.
        outbox::begin(&store, outbox::MQTT, None).unwrap();
        subscriber::subscribe(&store, &settings, subscription, None, LocalTime::UNSET).unwrap();
        settings
            .change::<Mqtt>(|mqtt| {
                mqtt.enabled = Flag::of(1);
                mqtt.resume = Flag::of(1);
                mqtt.server = HostName::new("127.0.0.1").unwrap();
                mqtt.port = Int::new(i64::from(mqtt_port)).unwrap();
                Ok(())
            })
            .unwrap();
        let mut terminal = Self {
            store,
            settings,
            clock: clock.clone(),
            stops: Vec::new(),
            threads: Vec::new(),
            bells: Vec::new(),
            runtime,
            _folder: folder,
        };
        let post = Post::new(terminal.runtime.handle().clone());
        terminal.add(ToSubscriber { author: author.clone(), post, control: Inbox::default().sender() });
        let (link, receipts) = (Arc::<Link>::default(), Arc::<Receipts>::default());
        terminal.add(MqttSink { author: author.clone(), link: link.clone(), receipts: receipts.clone() });
        let connection = Arc::new(Connection {
            author,
            host: Arc::new(SimHost(World::new(clock, 96, 128))),
            runtime: terminal.runtime.handle().clone(),
            ca_file: "no such file".into(),
            link,
            receipts,
            commands: Inbox::default().sender(),
            waiting: Arc::default(),
            decisions: Arc::default(),
            wake: Wake::default(),
            stopped: AtomicBool::new(false),
        });
        let (runs, beats) = (connection.clone(), connection.clone());
        terminal.threads.push(std::thread::spawn(move || runs.run()));
        terminal.threads.push(std::thread::spawn(move || beats.beat()));
        terminal.stops.push(Box::new(move || connection.stop()));
        terminal.store.watch(Box::new({
            let bells = terminal.bells.clone();
            move || bells.iter().for_each(facegate::clock::Bell::ring)
        }));
        terminal
    }

    fn add<S: Sink + 'static>(&mut self, sink: S) {
        let outbox = Arc::new(Outbox {
            store: self.store.clone(),
            settings: self.settings.clone(),
            clock: self.clock.clone(),
            sink,
            bell: Default::default(),
            decisions: Arc::<Decisions>::default(),
            status: Arc::<Status>::default(),
        });
        self.bells.push(outbox.bell.clone());
        let runs = outbox.clone();
        self.threads.push(std::thread::spawn(move || runs.run()));
        self.stops.push(Box::new(move || outbox.stop()));
    }

    /// One event; every fourth is a stranger's.
    fn happen(&self, number: u64) {
        let time = LocalTime::UNSET;
        if number % 4 == 3 {
            self.store.append_capture(CaptureRecord::new(time, PictureType::Unmatched), None, true);
        } else {
            let person = Person { name: number.to_string(), ..Person::new(time) };
            let record = ControlRecord {
                person: Some(Arc::new(person)),
                similarity: 90.0,
                ..ControlRecord::new(time, VerifyStatus::Allowed, 1)
            };
            self.store.append_control(record, None, true);
        }
    }

    fn stop(self) {
        self.stops.iter().for_each(|stop| stop());
        self.threads.into_iter().for_each(|thread| thread.join().unwrap());
    }
}

/// A subscriber that answers without delay, and can be cut.
struct Quick {
    stopped: Arc<AtomicBool>,
    address: String,
    received: Arc<Mutex<Vec<(String, Value)>>>,
    thread: Option<JoinHandle<()>>,
}

impl Quick {
    fn start(address: &str) -> Self {
        let listener = (0..).find_map(|attempt| match TcpListener::bind(address) {
            Ok(listener) => Some(listener),
            Err(error) if attempt > 200_000 => panic!("{address}: {error}"),
            Err(_) => {
                std::thread::yield_now();
                None
            }
        });
        let listener = listener.unwrap();
        let (stopped, received) = (Arc::new(AtomicBool::new(false)), Arc::<Mutex<Vec<_>>>::default());
        let thread = std::thread::spawn({
            let (stopped, received) = (stopped.clone(), received.clone());
            move || {
                // One client, one connection at a time; a stop connects once more.
                for stream in listener.incoming() {
                    if stopped.load(Ordering::SeqCst) {
                        return;
                    }
                    let _ = Self::serve(&stream.unwrap(), &stopped, &received);
                }
            }
        });
        Self { stopped, address: address.to_owned(), received, thread: Some(thread) }
    }

    fn serve(stream: &TcpStream, stopped: &AtomicBool, received: &Mutex<Vec<(String, Value)>>) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_millis(20)))?;
        let mut reader = BufReader::new(stream);
        loop {
            let (mut path, mut length, mut line) = (String::new(), 0, String::new());
            loop {
                match reader.read_line(&mut line) {
                    Ok(0) => return Ok(()),
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::WouldBlock && !stopped.load(Ordering::SeqCst) => continue,
                    Err(error) => return Err(error),
                }
                let head = line.trim_end().to_owned();
                line.clear();
                if let Some(rest) = head.strip_prefix("POST ") {
                    path = rest.split(' ').next().unwrap_or_default().to_owned();
                } else if let Some(number) = head.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = number.trim().parse().unwrap();
                } else if head.is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            let mut filled = 0;
            while filled < length {
                match reader.read(&mut body[filled..]) {
                    Ok(0) => return Ok(()),
                    Ok(read) => filled += read,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error),
                }
            }
            received.lock().unwrap().push((path, serde_json::from_slice(&body).unwrap()));
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{OK}", OK.len());
            (&mut &*stream).write_all(answer.as_bytes())?;
        }
    }

    /// Cuts it; what it got up to then.
    fn end(mut self) -> Vec<(String, Value)> {
        self.stopped.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(&self.address);
        self.thread.take().unwrap().join().unwrap();
        std::mem::take(&mut self.received.lock().unwrap())
    }
}

/// What of `all` was not there before, in the order it came.
fn first_times(all: impl Iterator<Item = String>) -> (Vec<u64>, usize) {
    let (mut seen, mut first, mut again) = (std::collections::HashSet::new(), Vec::new(), 0);
    for number in all {
        if seen.insert(number.clone()) {
            first.push(number.parse().unwrap());
        } else {
            again += 1;
        }
    }
    (first, again)
}

fn play(seconds: u64, seed: u64) {
    println!("seed {seed:#x}");
    let mut random = Random(seed);
    let mqtt_port = free_port();
    let Some(broker) = Broker::at(mqtt_port, "") else { return };
    let mut broker = Some(broker);
    let mut folder = None;
    let http_address = format!("127.0.0.1:{}", free_port());
    let total = seconds * EVENTS_PER_SECOND;
    let terminal = Terminal::start(usize::try_from(total).unwrap(), &format!("http://{http_address}"), mqtt_port);
    let place = |name: &str| terminal.store.position(name).unwrap().unwrap_or(0);
    let begun = terminal.clock.machine().mono();
    let mut http = Some(Quick::start(&http_address));
    let mut platform = Some(Platform::start(mqtt_port, TOPIC, confirm_all()));
    let (mut over_http, mut over_mqtt) = (Vec::<String>::new(), Vec::<String>::new());
    let records = |platform: &Platform| {
        platform.on(&format!("{TOPIC}/Rec")).iter().map(|r| text(&r["info"]["personName"])).collect::<Vec<_>>()
    };
    let (mut cuts, mut snaps) = ((0, 0), (0, 0));
    let mut take_http = |http: Quick, snaps: &mut usize| {
        for (path, body) in http.end() {
            match path.as_str() {
                "/v" => over_http.push(text(&body["info"]["Name"])),
                _ => *snaps += 1,
            }
        }
    };
    let mut take_mqtt = |platform: Platform, snaps: &mut usize| {
        *snaps += platform.on(&format!("{TOPIC}/Snap")).len();
        over_mqtt.extend(records(&platform));
    };
    for second in 0..seconds {
        for event in 0..EVENTS_PER_SECOND {
            terminal.happen(second * EVENTS_PER_SECOND + event);
        }
        terminal.store.flush().unwrap();
        terminal.clock.leap(Duration::from_secs(1));
        // Cuts are to strike while events are on their way: what stands open keeps up, more or less.
        let behind = terminal.store.last_seq().saturating_sub(random.below(3 * EVENTS_PER_SECOND));
        let patience = terminal.clock.machine().mono().after(Duration::from_millis(100));
        while terminal.clock.machine().mono() < patience
            && (http.is_some() && place("http-1") < behind || broker.is_some() && place("mqtt") < behind)
        {
            std::thread::yield_now();
        }
        match (random.below(12), http.is_some()) {
            (0, true) => {
                cuts.0 += 1;
                take_http(http.take().unwrap(), &mut snaps.0);
            }
            (1..=8, false) => http = Some(Quick::start(&http_address)),
            _ => {}
        }
        match (random.below(12), broker.is_some()) {
            (0, true) => {
                cuts.1 += 1;
                folder = Some(broker.take().unwrap().stop());
                take_mqtt(platform.take().unwrap(), &mut snaps.1);
            }
            (1..=8, false) => {
                broker = Broker::in_folder(folder.take().unwrap(), mqtt_port, "");
                platform = Some(Platform::start(mqtt_port, TOPIC, confirm_all()));
            }
            _ => {}
        }
    }
    let http = http.unwrap_or_else(|| Quick::start(&http_address));
    let broker = broker.unwrap_or_else(|| Broker::in_folder(folder.take().unwrap(), mqtt_port, "").unwrap());
    let platform = platform.unwrap_or_else(|| Platform::start(mqtt_port, TOPIC, confirm_all()));
    // Until both have reached the newest; what is due after ten seconds is due at once.
    let newest = terminal.store.last_seq();
    let machine = terminal.clock.machine();
    println!(
        "{:?}: all has happened; subscriber at {:?}, MQTT at {:?} of {newest}",
        machine.mono().since(begun),
        terminal.store.position("http-1"),
        terminal.store.position("mqtt")
    );
    let patience = machine.mono().after(Duration::from_secs(600));
    let mut reached = (0, 0);
    while place("http-1").min(place("mqtt")) < newest {
        let now = (place("http-1"), place("mqtt"));
        assert!(machine.mono() < patience, "seed {seed:#x}: reached {now:?} of {newest}");
        // Only what stands still waits for time to pass.
        if now == reached {
            terminal.clock.leap(Duration::from_secs(10));
        }
        reached = now;
        machine.wait(&facegate::clock::Bell::default(), Some(machine.mono().after(Duration::from_millis(100))));
    }
    take_http(http, &mut snaps.0);
    take_mqtt(platform, &mut snaps.1);
    println!("{:?} of real time", machine.mono().since(begun));
    terminal.stop();
    drop(broker);

    let expect: Vec<u64> = (0..total).filter(|number| number % 4 != 3).collect();
    let strangers = usize::try_from(total).unwrap() - expect.len();
    for (way, came, cuts, snaps) in [("http", over_http, cuts.0, snaps.0), ("mqtt", over_mqtt, cuts.1, snaps.1)] {
        let (first, again) = first_times(came.into_iter());
        println!(
            "{way}: {} records of {}, {again} sent again, {snaps} captures, {cuts} cuts",
            first.len(),
            expect.len()
        );
        let wrong = expect.iter().zip(&first).position(|(expect, came)| expect != came);
        let around = wrong.map(|at| first[at.saturating_sub(2)..first.len().min(at + 2)].to_vec());
        assert!(first == expect, "seed {seed:#x}, {way}: what came is not what happened, in its order: {around:?}");
        assert!(snaps >= strangers, "seed {seed:#x}, {way}: {snaps} of {strangers} captures");
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[test]
fn a_minute_of_events_arrives_however_often_the_ways_are_cut() {
    play(60, 0x50AC | u64::from(std::process::id()) << 16);
}

#[test]
#[ignore = "two hours of events: make soak"]
fn two_hours_of_events_arrive_however_often_the_ways_are_cut() {
    play(7200, 0x2_50AC);
}
