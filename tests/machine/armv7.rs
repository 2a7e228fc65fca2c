//! The 32-bit build, in the emulator of programs alone: the simulated terminal enrols somebody and lets them in, and
//! nobody else.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use facegate::clock::{Bell, Clock, SystemClock};
use serde_json::{Value, json};

use crate::Setup;
use crate::platform::{enrol, ok};
use crate::vm::PATIENCE;

/// A running daemon, which ends with it.
struct Daemon {
    process: Child,
    port: u16,
}

impl Daemon {
    fn start(program: &Path, setup: &Setup) -> Self {
        let mut process = Command::new("qemu-arm-static")
            .args(["-L", "/usr/arm-linux-gnueabihf"])
            .arg(program)
            .args(["sim", "--listen", "127.0.0.1:0", "--engine", "builtin", "--models"])
            .arg(&setup.models)
            .arg("--data")
            .arg(setup.share.path().join("data"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("qemu-arm-static: {error}; `scripts/packages cross` installs it"));
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
        let port = lines.find_map(|line| line.split_once("http://127.0.0.1:")?.1.split(' ').next()?.parse().ok());
        let port = port.unwrap_or_else(|| panic!("{} does not say where it listens", program.display()));
        // It must not stop because nobody reads on.
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, port }
    }

    /// Asks a route of the simulator; its lines.
    fn sim(&self, route: &str, body: Option<Vec<u8>>) -> Vec<Value> {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let (url, login) = (
            format!("http://127.0.0.1:{}/sim/{route}", self.port),
            format!("Basic {}", STANDARD.encode("admin:admin")),
        );
        let answer = match body {
            Some(body) => agent.post(url).header("Authorization", login).send(body),
            None => agent.get(url).header("Authorization", login).call(),
        };
        let text = answer.unwrap_or_else(|error| panic!("{route}: {error}")).body_mut().read_to_string().unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{route}: {e}: {text}"))).collect()
    }

    /// Shows a photo until something is decided about it.
    fn decided(&self, setup: &Setup, photo: &str) -> Value {
        let photo = std::fs::read(setup.faces.join(photo)).unwrap();
        let shown = self.sim("frame?ms=60000", Some(photo));
        let since = format!("events?since={}", shown[0]["events_since"]);
        let (clock, bell) = (SystemClock::default(), Bell::default());
        let end = clock.mono().after(PATIENCE);
        loop {
            let decided = self.sim(&since, None).into_iter().find(|event| event["event"] == "decided");
            if let Some(decided) = decided {
                return decided;
            }
            assert!(clock.mono() < end, "nothing is decided");
            clock.wait(&bell, Some(clock.mono().after(Duration::from_millis(500))));
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub fn scenario(setup: &Setup) {
    let program = setup.built.join("../../armv7-unknown-linux-gnueabihf/release/facegate");
    let daemon = Daemon::start(&program, setup);
    println!("  the 32-bit daemon runs");
    ok(daemon.port, "SetDoorCondition", json!({ "VerifyResetTime": 1 }));
    enrol(daemon.port, &setup.faces.join("p01_1.jpg"), json!({ "Name": "Ada", "CustomizeID": 1, "MjCardFrom": 0 }));
    println!("  somebody is enrolled");
    let stranger = daemon.decided(setup, "p09_1.jpg");
    assert_eq!(stranger["verdict"], "stranger", "{stranger}");
    let closed = |daemon: &Daemon| daemon.sim("door", None)[0]["relay"].to_string().matches("true").count();
    assert_eq!(closed(&daemon), 0);
    println!("  a stranger stays out");
    let admitted = daemon.decided(setup, "p01_2.jpg");
    assert_eq!((&admitted["verdict"], &admitted["who"]["Name"]), (&json!("admit"), &json!("Ada")), "{admitted}");
    let similarity = admitted["similarity"].as_f64().unwrap();
    assert_eq!(closed(&daemon), 1);
    println!("  another photo of the same face is let in at {similarity}");
}
