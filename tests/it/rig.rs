//! A simulated terminal and what a platform needs to speak to it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use facegate::app::{App, Options};
use facegate::board::Board;
use facegate::clock::{Bell, Clock};
use facegate::vision::EngineChoice;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::leap::LeapClock;
use crate::material::{faces, models};

/// How long something may take before the test gives up on it.
const PATIENCE: Duration = Duration::from_secs(90);

pub struct Rig {
    app: Option<App>,
    folder: TempDir,
    engine: EngineChoice,
    models: PathBuf,
    clock: Arc<LeapClock>,
}

impl Rig {
    /// A terminal with the test's models; `None`, plainly said, where there are none.
    pub fn start() -> Option<Self> {
        Self::with_engine(EngineChoice::Auto)
    }

    pub fn with_engine(engine: EngineChoice) -> Option<Self> {
        Self::with(engine, models()?)
    }

    /// The same with the pack in a folder of its own.
    pub fn with_models(models: &Path) -> Option<Self> {
        Self::with(EngineChoice::Auto, models.to_owned())
    }

    fn with(engine: EngineChoice, models: PathBuf) -> Option<Self> {
        faces()?;
        let folder = TempDir::new().unwrap();
        let mut rig = Self { app: None, folder, engine, models, clock: Arc::new(LeapClock::default()) };
        rig.boot();
        Some(rig)
    }

    fn boot(&mut self) {
        self.boot_as(Options::default());
    }

    fn boot_as(&mut self, options: Options) {
        let mut board = Board::sim().unwrap();
        board.data = self.data();
        board.vision.models = self.models.clone();
        board.vision.engine = self.engine.clone();
        board.listen = ([127, 0, 0, 1], 0).into();
        let devices = board.open(self.clock.clone()).unwrap();
        self.app = Some(App::start(board, devices, self.clock.clone(), options).unwrap());
        // Short enough to be over before the next person comes.
        self.set_door(json!({ "IOStayTime": 20 }));
    }

    /// Stops the terminal and starts it again on the same data.
    pub fn restart(&mut self) {
        self.app.take().unwrap().stop();
        self.boot();
    }

    /// The same as another release, whose models are in a folder of its own.
    pub fn restart_as(&mut self, models: &Path, options: Options) {
        self.models = models.to_owned();
        self.app.take().unwrap().stop();
        self.boot_as(options);
    }

    /// The same with the models of another folder.
    pub fn restart_with(&mut self, models: &Path) {
        self.models = models.to_owned();
        self.restart();
    }

    pub fn app(&self) -> &App {
        self.app.as_ref().unwrap()
    }

    /// The terminal's data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.app().address())
    }

    /// Calls an operator with `info` and what stands beside it; returns the whole answer.
    pub fn call(&self, operator: &str, body: &Value) -> Value {
        call(&self.url(""), operator, body)
    }

    /// The same, which must go well.
    pub fn ok(&self, operator: &str, body: &Value) -> Value {
        let answer = self.call(operator, body);
        assert!(answer["code"].is_null() || answer["code"] == 200, "{operator}: {answer}");
        answer
    }

    pub fn set_door(&self, info: Value) {
        self.ok("SetDoorCondition", &json!({ "info": info }));
    }

    /// Enrols a photo of the test folder with further fields.
    pub fn enrol(&self, name: &str, photo: &str, mut fields: Value) -> Value {
        fields["Name"] = name.into();
        fields["DeviceID"] = 1_300_001.into();
        self.ok("AddPerson", &json!({ "info": fields, "picinfo": picture(photo) }))
    }

    /// Lets a photo step before the camera until there is a decision about it; `None` when there is none
    /// while it is shown, which is long enough for an unoptimised build on a busy machine.
    pub fn pass(&self, photo: &str) -> Option<Value> {
        const SHOWN_MS: u64 = 30_000;
        let shown = self.show(photo, SHOWN_MS);
        let since = shown["events_since"].as_u64().unwrap();
        let decision = self.until(Duration::from_millis(SHOWN_MS), || self.events(since).into_iter().next());
        self.show_nothing();
        decision
    }

    /// Lets a photo stand before the camera for many frames and says what is told of it when it leaves undecided.
    pub fn leave_undecided(&self, photo: &str) -> Value {
        let looked_at = || self.get("/sim/stats")["frames_looked_at"].as_u64().unwrap();
        let (shown, before) = (self.show(photo, 60_000), looked_at());
        let since = shown["events_since"].as_u64().unwrap();
        self.wait(|| (looked_at() > before + 10).then_some(()));
        self.show_nothing();
        assert_eq!(self.events(since), Vec::<Value>::new());
        self.wait(|| self.happened(since).into_iter().find(|line| line["event"] == "undecided"))
    }

    pub fn show(&self, photo: &str, ms: u64) -> Value {
        let bytes = std::fs::read(faces().unwrap().join(photo)).unwrap();
        post(&self.url(&format!("/sim/frame?ms={ms}")), &bytes)
    }

    /// Posts to a route of the simulator; returns the number after which what follows from it is listed.
    pub fn sim(&self, route: &str, body: &Value) -> u64 {
        post(&self.url(&format!("/sim/{route}")), body.to_string().as_bytes())["events_since"].as_u64().unwrap()
    }

    /// Lets time pass at once for whatever waits; the wall clock stays.
    pub fn leap(&self, span: Duration) {
        self.clock.leap(span);
    }

    /// Sets the terminal's clock, in its own zone.
    pub fn set_clock(&self, local: &str) {
        post(&self.url("/sim/clock"), json!({ "now": local }).to_string().as_bytes());
    }

    /// The same, and the decision it leads to.
    pub fn decided(&self, route: &str, body: &Value) -> Value {
        let since = self.sim(route, body);
        self.wait(|| self.events(since).into_iter().next())
    }

    /// Empties the room long enough for the face to be forgotten.
    pub fn show_nothing(&self) {
        let mut black = Vec::new();
        let picture = image::RgbImage::new(96, 128);
        picture.write_to(&mut std::io::Cursor::new(&mut black), image::ImageFormat::Png).unwrap();
        post(&self.url("/sim/frame?ms=100"), &black);
        let before = self.get("/sim/stats")["frames_looked_at"].as_u64().unwrap();
        self.wait(|| (self.get("/sim/stats")["frames_looked_at"].as_u64().unwrap() > before + 15).then_some(()));
    }

    /// Decisions with a number above `since`.
    pub fn events(&self, since: u64) -> Vec<Value> {
        let all = self.happened(since).into_iter();
        all.filter(|line| line["event"] == "decided").collect()
    }

    /// Everything with a number above `since`: decisions, what was played, what shone.
    pub fn happened(&self, since: u64) -> Vec<Value> {
        let text = get_text(&self.url(&format!("/sim/events?since={since}")));
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Whether the relay has opened the door since it was last forgotten.
    pub fn opened(&self) -> bool {
        self.door()["relay"].as_array().unwrap().iter().any(|change| change["closed"] == true)
    }

    pub fn door(&self) -> Value {
        self.get("/sim/door")
    }

    pub fn forget_door(&self) {
        let answer = agent().delete(self.url("/sim/door")).header("Authorization", &login()).call().unwrap();
        assert_eq!(answer.status(), 200);
    }

    pub fn get(&self, path: &str) -> Value {
        serde_json::from_str(&get_text(&self.url(path))).unwrap()
    }

    /// What lies at a path, as it is.
    pub fn bytes(&self, path: &str) -> Vec<u8> {
        let mut answer = agent().get(self.url(path)).header("Authorization", &login()).call().unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.body_mut().read_to_vec().unwrap()
    }

    /// Asks again until there is an answer.
    pub fn wait<T>(&self, ask: impl FnMut() -> Option<T>) -> T {
        self.until(PATIENCE, ask).expect("nothing came in time")
    }

    fn until<T>(&self, span: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
        // A test's patience does not leap.
        let clock = self.clock.machine();
        let (bell, deadline) = (Bell::default(), clock.mono().after(span));
        loop {
            if let Some(answer) = ask() {
                return Some(answer);
            }
            if clock.mono() >= deadline {
                return None;
            }
            clock.wait(&bell, Some(clock.mono().after(Duration::from_millis(10))));
        }
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        if let Some(app) = self.app.take() {
            app.stop();
        }
    }
}

/// The second engine's library, where there is one.
pub fn library() -> Option<EngineChoice> {
    crate::material::library().map(EngineChoice::Library)
}

/// Photos of the test folder as (file, identity), in order.
pub fn people() -> Vec<(String, String)> {
    let list = std::fs::read_to_string(faces().unwrap().join("faces.csv")).unwrap();
    list.lines()
        .skip(1)
        .filter_map(|line| {
            let mut fields = line.split(',');
            Some((fields.next()?.to_owned(), fields.next()?.to_owned()))
        })
        .collect()
}

/// A photo as the protocol carries it.
pub fn picture(photo: &str) -> String {
    let bytes = std::fs::read(faces().unwrap().join(photo)).unwrap();
    format!("data:image/jpeg;base64,{}", STANDARD.encode(bytes))
}

pub fn call(base: &str, operator: &str, body: &Value) -> Value {
    let text = body.to_string();
    let mut answer = agent()
        .post(format!("{base}/action/{operator}"))
        .header("Authorization", &login())
        .content_type("application/json")
        .send(&text)
        .unwrap_or_else(|e| panic!("{operator}: {e}"));
    let text = answer.body_mut().read_to_string().unwrap();
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{operator}: {e}: {text}"))
}

fn post(url: &str, body: &[u8]) -> Value {
    let mut answer = agent().post(url).header("Authorization", &login()).send(body).unwrap();
    assert_eq!(answer.status(), 200, "{url}");
    serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap()
}

pub fn get_text(url: &str) -> String {
    let mut answer = agent().get(url).header("Authorization", &login()).call().unwrap();
    assert_eq!(answer.status(), 200, "{url}");
    answer.body_mut().read_to_string().unwrap()
}

fn login() -> String {
    format!("Basic {}", STANDARD.encode("admin:admin"))
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).build().into()
}
