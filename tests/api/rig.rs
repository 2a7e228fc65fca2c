//! A terminal's API without camera and door, and what is needed to call it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use facegate::access::{ControlRecord, LibId, VerifyStatus, pin};
use facegate::api::{self, Context, Liveness};
use facegate::camera::{self, Newest};
use facegate::clock::{Clock, Inbox, Mono, SystemClock};
use facegate::condition::Conditions;
use facegate::control::decisions::Decisions;
use facegate::control::{Command, Event};
use facegate::error::{Error, Fault, Result};
use facegate::fetch::Fetch;
use facegate::field::{Address, LocalTime, Netmask};
use facegate::hal::{Abilities, Camera, Connection, Host, Link};
use facegate::network::{Guard, Message, Port};
use facegate::push::http::Post;
use facegate::push::manual::{self, Manual};
use facegate::push::message::Author;
use facegate::roster::{Eyes, Models, Roster, encode_jpeg};
use facegate::settings::{Live, Network, Wifi};
use facegate::sound::Sounds;
use facegate::store::{Limits, Picture, Store};
use facegate::upgrade::installer::{Install, Installed};
use facegate::upgrade::{self, Upgrade};
use facegate::vision::{Comparison, Embedding, Face, Frame, Gallery, Metric, Point, Portrait, Rect, SimilarityMap};
use image::RgbImage;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::published::{check_answer, check_request, request};

pub const DEVICE: u32 = 1_300_001;
pub const RED: [u8; 3] = [200, 40, 40];
pub const BLUE: [u8; 3] = [40, 40, 200];
pub const GREEN: [u8; 3] = [40, 200, 40];
/// Most bytes of a package of new software, so small that a test sends more.
pub const LARGEST_PACKAGE: u64 = 100_000;
/// Hosts of the addresses in the document's examples.
const HOSTS: [&str; 3] =
    ["btngps.oss-cn-beijing.aliyuncs.com", "lebopark.oss-cn-shenzhen.aliyuncs.com", "hq.oss-cn-shenzhen.aliyuncs.com"];
/// Shows nobody.
pub const WHITE: [u8; 3] = [255, 255, 255];

pub struct Rig {
    pub cx: Arc<Context>,
    pub events: Inbox<Event>,
    pub host: Arc<TestHost>,
    /// What the network's keeper is sent.
    pub messages: Option<Inbox<Message>>,
    pub runtime: tokio::runtime::Runtime,
    frames: Sender<Frame>,
    /// What was installed.
    pub install: Arc<TestInstall>,
    /// The terminal's data.
    pub folder: tempfile::TempDir,
}

#[derive(Debug)]
pub struct TestHost {
    pub reboots: AtomicUsize,
    pub time: Mutex<Option<Timestamp>>,
    /// What was brought in force.
    pub networks: Mutex<Vec<(Network, Wifi)>>,
    /// Where the machine says it is.
    pub connection: Mutex<Connection>,
    clock: Arc<dyn Clock>,
}

impl Host for TestHost {
    fn set_time(&self, to: Timestamp) -> Result<()> {
        *self.time.lock().unwrap() = Some(to);
        self.clock.set_wall(to);
        Ok(())
    }
    fn reboot(&self) -> Result<()> {
        self.reboots.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
    fn set_network(&self, network: &Network, wifi: &Wifi) -> Result<()> {
        self.networks.lock().unwrap().push((network.clone(), wifi.clone()));
        Ok(())
    }
    fn connection(&self, _: Link) -> Result<Connection> {
        Ok(*self.connection.lock().unwrap())
    }
    fn has_wifi(&self) -> bool {
        true
    }
}

/// A port that only remembers; 81 is taken.
#[derive(Debug)]
pub struct TestPort(pub Mutex<u16>);

impl Port for TestPort {
    fn current(&self) -> u16 {
        *self.0.lock().unwrap()
    }
    fn check(&self, port: u16) -> Result<()> {
        if port == 81 { Err(Error::new(Fault::BadParameter, "WebPort: 81 is taken")) } else { Ok(()) }
    }
    fn move_to(&self, port: u16) -> Result<()> {
        *self.0.lock().unwrap() = port;
        Ok(())
    }
}

/// Shows what it is given.
struct TestCamera(Receiver<Frame>);

impl Camera for TestCamera {
    fn next(&mut self) -> Result<Option<Frame>> {
        Ok(self.0.recv().ok())
    }
}

/// Know a person by the colour of the photo; white is nobody.
pub struct PlainEyes;

impl Eyes for PlainEyes {
    fn faces(&self, photo: &RgbImage) -> Result<Vec<Face>> {
        let [r, g, b] = photo.get_pixel(photo.width() / 2, photo.height() / 2).0;
        if r > 240 && g > 240 && b > 240 {
            return Ok(Vec::new());
        }
        let (w, h) = (photo.width() as f32, photo.height() as f32);
        let bbox = Rect::sized(w / 4.0, h / 4.0, w / 2.0, h / 2.0);
        Ok(vec![Face { bbox, landmarks: [Point::default(); 5], score: 1.0 }])
    }

    fn portrait(&self, photo: &RgbImage) -> Result<Portrait> {
        let faces = self.faces(photo)?;
        let Some(face) = faces.first().copied() else { return Err(Error::from(Fault::NoFace)) };
        let colour = photo.get_pixel(photo.width() / 2, photo.height() / 2).0;
        let raw = colour.map(|c| f32::from(c) - 90.0);
        Ok(Portrait { embedding: Embedding::new(&raw, Metric::Cosine).unwrap(), face })
    }
}

/// What a terminal of most tests keeps.
const ROOM: Limits = Limits { people: 50, control_records: 100, captures: 100, notices: 100 };

/// The real clocks, the wall set to a day of the tests.
fn system_clock() -> Arc<dyn Clock> {
    let clock = SystemClock::default();
    clock.set_wall("2026-03-01T04:00:00Z".parse().unwrap());
    Arc::new(clock)
}

/// The pack whose eyes are [`PlainEyes`].
pub fn plain_models() -> Models {
    Models { eyes: Box::new(PlainEyes), pack: "plain".into(), mark: "plain".into(), comparison: comparison() }
}

/// How that pack compares.
pub fn comparison() -> Comparison {
    Comparison { metric: Metric::Cosine, map: SimilarityMap { slope: 8.11, centre: 0.229 } }
}

impl Rig {
    pub fn new() -> Self {
        Self::with_models(plain_models(), Gallery::new(3, Metric::Cosine))
    }

    /// A terminal of that number, which finds what lies at the document's addresses at `pictures`.
    pub fn of_the_document(device: u32, pictures: std::net::SocketAddr) -> Self {
        let mut rig = Self::new();
        let fetch = Fetch::new(rig.runtime.handle().clone(), Duration::from_secs(5));
        let fetch = Arc::new(HOSTS.iter().fold(fetch, |fetch, host| fetch.instead_of(host, pictures)));
        let cx = Arc::get_mut(&mut rig.cx).unwrap();
        cx.device_id = device;
        cx.upgrade =
            open_upgrade(&rig.install, &rig.folder, &fetch, &rig.runtime, &cx.clock, &cx.settings, &cx.decisions);
        cx.fetch = fetch;
        rig
    }

    /// A terminal whose board's profile wants the password changed before anything else.
    pub fn with_password_due() -> Self {
        let mut rig = Self::new();
        Arc::get_mut(&mut rig.cx).unwrap().require_password_change = true;
        rig
    }

    pub fn with_models(models: Models, gallery: Gallery) -> Self {
        Self::with_room(models, gallery, ROOM)
    }

    /// A terminal that keeps as much as `limits` say.
    pub fn with_room(models: Models, gallery: Gallery, limits: Limits) -> Self {
        Self::build(models, gallery, limits, system_clock())
    }

    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self::build(plain_models(), Gallery::new(3, Metric::Cosine), ROOM, clock)
    }

    fn build(models: Models, gallery: Gallery, limits: Limits, clock: Arc<dyn Clock>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(folder.path(), limits, clock.clone()).unwrap());
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let address = |text: &str| Address(text.parse().unwrap());
        let host = Arc::new(TestHost {
            reboots: AtomicUsize::new(0),
            time: Mutex::default(),
            networks: Mutex::default(),
            connection: Mutex::new(Connection {
                address: address("10.0.3.4"),
                mask: Netmask::new(16).unwrap(),
                gateway: address("10.0.0.1"),
                dns: [address("9.9.9.9"), Address::NONE],
            }),
            clock: clock.clone(),
        });
        let settings = Arc::new(Live::load(store.clone()).unwrap());
        let messages = Inbox::default();
        let network =
            Arc::new(Guard::new(settings.clone(), Arc::new(TestPort(Mutex::new(8080))), 8080, messages.sender()));
        let events = Inbox::default();
        let newest = Arc::new(Newest::default());
        let (frames, taken) = channel();
        let decisions = Arc::<Decisions>::default();
        let camera = Conditions::new(decisions.clone(), settings.clone(), clock.clone()).of("camera");
        std::thread::spawn({
            let (newest, clock) = (newest.clone(), clock.clone());
            move || camera::read(Box::new(TestCamera(taken)), camera, None, &newest, &*clock)
        });
        let fetch = Arc::new(Fetch::new(runtime.handle().clone(), Duration::from_millis(800)));
        let manual = manual::Tools {
            author: Author {
                store: store.clone(),
                settings: settings.clone(),
                clock: clock.clone(),
                device_id: DEVICE,
            },
            post: Post::new(runtime.handle().clone()),
            status: Arc::default(),
        };
        let install = Arc::default();
        let upgrade = open_upgrade(&install, &folder, &fetch, &runtime, &clock, &settings, &decisions);
        let cx = Arc::new(Context {
            roster: Arc::new(Roster::new(store.clone(), Arc::new(gallery), Some(models))),
            settings,
            store,
            control: events.sender(),
            clock,
            host: host.clone(),
            fetch,
            network,
            newest,
            sounds: Arc::new(Sounds::new(folder.path(), None, true)),
            push: Arc::default(),
            mqtt: Arc::default(),
            manual: Arc::new(Manual::new(manual)),
            upgrade,
            decisions,
            pins: pin::Key::new([7; 32]),
            device_id: DEVICE,
            version: "v1.2.3".into(),
            people_limit: limits.people,
            liveness: Some(Liveness { threshold: 0.5, frames: 3 }),
            abilities: Abilities {
                id_card: true,
                rf_card: true,
                wiegand_in: true,
                keypad: true,
                mask: true,
                temperature: true,
            },
            require_password_change: false,
            card_turn: Mutex::default(),
        });
        Self { cx, events, host, messages: Some(messages), runtime, frames, install, folder }
    }

    /// The upgrade as a restart finds it.
    pub fn upgrade_anew(&self) -> Upgrade {
        let cx = &self.cx;
        open_upgrade(&self.install, &self.folder, &cx.fetch, &self.runtime, &cx.clock, &cx.settings, &cx.decisions)
    }

    /// Calls an operator with a body as it stands.
    pub fn send(&self, operator: &str, body: &str) -> Value {
        api::dispatch(&self.cx, operator, body.as_bytes()).body
    }

    /// Calls an operator with `info`; the answer must be one of those that are published.
    pub fn call(&self, operator: &str, info: Value) -> Value {
        let reply = self.send(operator, &json!({ "operator": operator, "info": info }).to_string());
        check_answer(operator, &reply).unwrap_or_else(|wrong| panic!("{operator}{wrong}: {reply}"));
        reply
    }

    /// The same, which must go well; returns `info`.
    pub fn ok(&self, operator: &str, info: Value) -> Value {
        fits_what_is_published(operator, info.clone());
        let reply = self.call(operator, info);
        assert!(reply["code"].is_null() || reply["code"] == 200, "{operator}: {reply}");
        assert_eq!(reply["operator"], operator);
        reply["info"].clone()
    }

    /// Calls an operator that must fail with `code`; returns the `Detail`.
    pub fn fails(&self, operator: &str, info: Value, code: i64) -> String {
        let reply = self.call(operator, info.clone());
        assert_eq!(reply["code"], code, "{operator} {info}: {reply}");
        assert_eq!(reply["info"]["Result"], "Fail");
        reply["info"]["Detail"].as_str().unwrap().to_owned()
    }

    /// Adds a person whose face is a colour; returns `LibID`.
    pub fn add(&self, colour: [u8; 3], mut fields: Value) -> LibId {
        fields["picinfo"] = photo(colour).into();
        let before: Vec<_> = self.cx.store.people().iter().map(|p| p.id).collect();
        self.ok("AddPerson", fields);
        let added = self.cx.store.people().into_iter().find(|p| !before.contains(&p.id));
        added.unwrap().id
    }

    /// What `SearchPerson` shows of a person.
    pub fn shown(&self, id: LibId) -> Value {
        self.ok("SearchPerson", json!({ "SearchType": 2, "SearchID": id.0.to_string() }))
    }

    pub fn record(&self, time: &str, who: Option<LibId>, status: VerifyStatus) {
        let person = who.map(|id| self.cx.store.person(id).unwrap());
        let verify_type = if person.is_some() { 1 } else { 27 };
        let time = LocalTime::parse(time).unwrap();
        let record = ControlRecord { person, similarity: 96.62, ..ControlRecord::new(time, status, verify_type) };
        self.cx.store.append_control(record, Some(snap()), false);
    }

    pub fn commands(&self) -> Vec<Command> {
        let commands = self.events.drain().into_iter();
        commands.filter_map(|event| if let Event::Command(command) = event { Some(command) } else { None }).collect()
    }

    /// Puts a colour before the camera.
    pub fn show(&self, colour: [u8; 3]) {
        let number = self.cx.newest.counts().0 + 1;
        let pixels = Arc::new(RgbImage::from_pixel(96, 128, image::Rgb(colour)));
        self.frames.send(Frame { pixels, at: Mono(0), number }).unwrap();
        while self.cx.newest.counts().0 < number {
            std::thread::yield_now();
        }
    }

    /// Everything a refused request must leave as it was.
    pub fn state(&self) -> String {
        format!("{:?} {:?}", self.cx.store.people(), self.cx.settings.now())
    }
}
/// What goes well is published, apart from the patience all operators share: numbers may be texts, texts numbers,
/// and what is not given may be empty.
fn fits_what_is_published(operator: &str, mut info: Value) {
    let mut mended = std::collections::HashSet::new();
    // PHP writes an empty `info` as a list.
    while let Err(wrong) = check_request(operator, &request(operator, &info))
        && info.is_object()
    {
        let name = wrong
            .strip_prefix("/info/")
            .or(wrong.strip_prefix('/'))
            .and_then(|path| path.split(['/', ':']).next())
            .unwrap_or_default();
        assert!(mended.insert(name.to_owned()), "{operator}{wrong}");
        let documented = match info.as_object_mut().and_then(|info| info.shift_remove(name)) {
            Some(Value::Null) => continue,
            Some(Value::String(text)) if text.trim().is_empty() => continue,
            Some(Value::String(text)) => serde_json::from_str(text.trim()).ok().filter(Value::is_number),
            Some(Value::Number(number)) => Some(number.to_string().into()),
            _ => None,
        };
        info[name] = documented.unwrap_or_else(|| panic!("{operator}{wrong}"));
    }
}

/// Keeps what packages hold instead of installing them.
#[derive(Debug, Default)]
pub struct TestInstall {
    pub packages: Mutex<Vec<Vec<u8>>>,
    /// Why nothing can be installed.
    pub unready: Mutex<Option<String>>,
    /// Why the next package is refused.
    pub refusal: Mutex<Option<String>>,
    /// The package that was installed before the power went.
    pub done: Mutex<Option<Vec<u8>>>,
    /// Somebody else installs another package.
    pub is_busy: AtomicBool,
    /// How often the terminal was to end.
    pub left: AtomicUsize,
}

struct Shared(Arc<TestInstall>);

impl Install for Shared {
    fn ready(&self) -> Result<()> {
        self.0.unready.lock().unwrap().clone().map_or(Ok(()), |why| Err(Error::new(Fault::UpgradeFailed, why)))
    }
    fn is_done(&self, package: &std::path::Path) -> bool {
        *self.0.done.lock().unwrap() == std::fs::read(package).ok()
    }
    fn install(&self, package: &std::path::Path, progress: &mut dyn FnMut(u64, u64)) -> Result<Installed> {
        if self.0.is_busy.load(Ordering::Relaxed) {
            return Err(Error::new(Fault::Busy, "another package is being installed"));
        }
        if let Some(why) = self.0.refusal.lock().unwrap().take() {
            return Err(Error::new(Fault::UpgradeFailed, why));
        }
        let bytes = std::fs::read(package).unwrap();
        progress(1, 1);
        self.0.packages.lock().unwrap().push(bytes);
        Ok(Installed { version: "9.9.9".into(), supervised: true })
    }
}

fn open_upgrade(
    install: &Arc<TestInstall>,
    folder: &tempfile::TempDir,
    fetch: &Arc<Fetch>,
    runtime: &tokio::runtime::Runtime,
    clock: &Arc<dyn Clock>,
    settings: &Arc<Live>,
    decisions: &Arc<Decisions>,
) -> Upgrade {
    let limits = upgrade::Limits {
        bytes: LARGEST_PACKAGE,
        // A busy machine must not turn an answer that comes into one that does not.
        first_word: Duration::from_secs(60),
        again: &[Duration::ZERO, Duration::ZERO],
        sync_bytes: 1000,
        // As much as a file of a test says, less what is there already.
        spare: |folder| {
            let room = std::fs::read_to_string(folder.with_file_name("room")).ok().and_then(|text| text.parse().ok());
            Ok(room.unwrap_or(u64::MAX).saturating_sub(facegate::hal::linux::files::length(folder)))
        },
        ..upgrade::Limits::default()
    };
    let left = install.clone();
    Upgrade::open(upgrade::Tools {
        folder: folder.path().join("upgrade"),
        install: Box::new(Shared(install.clone())),
        leave: Box::new(move || {
            left.left.fetch_add(1, Ordering::Relaxed);
        }),
        fetch: fetch.clone(),
        runtime: runtime.handle().clone(),
        clock: clock.clone(),
        settings: settings.clone(),
        decisions: decisions.clone(),
        screen: Arc::default(),
        limits,
    })
    .unwrap()
}

pub fn snap() -> Picture {
    let frame = Arc::new(RgbImage::from_pixel(120, 160, image::Rgb([90, 90, 90])));
    Picture { frame, crop: (0, 0, 120, 160) }
}

/// A JPEG of one colour, with a frame of many that makes it large enough for a download.
pub fn jpeg(colour: [u8; 3]) -> Vec<u8> {
    let picture = RgbImage::from_fn(120, 160, |x, y| {
        let inside = (8..112).contains(&x) && (8..152).contains(&y);
        image::Rgb(if inside { colour } else { [(x * 37) as u8, (y * 91) as u8, (x * y) as u8] })
    });
    encode_jpeg(&picture, 90).unwrap()
}

pub fn photo(colour: [u8; 3]) -> String {
    text_of(&jpeg(colour))
}

pub fn text_of(bytes: &[u8]) -> String {
    use base64::Engine;
    format!("data:image/jpeg;base64,{}", base64::engine::general_purpose::STANDARD.encode(bytes))
}

/// Serves one answer after another; returns the port.
pub fn picture_server(answers: Vec<Vec<u8>>) -> u16 {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for body in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(head.as_bytes());
            let _ = stream.write_all(&body);
        }
    });
    port
}
