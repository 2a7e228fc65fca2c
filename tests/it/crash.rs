//! Killed without warning while people are enrolled: what was acknowledged is there afterwards, whole.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use facegate::clock::{Bell, Clock, SystemClock};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::material::{faces, models};
use crate::rig::{call, get_text, people, picture};

/// A terminal in a process of its own.
pub struct Terminal {
    process: Child,
    pub base: String,
}

impl Terminal {
    pub fn start(data: &Path) -> Self {
        let mut command = Self::command(data);
        command.arg("--models").arg(models().unwrap());
        Self::spawn(command)
    }

    /// The same with the pack that is installed in the data folder.
    pub fn start_installed(data: &Path) -> Self {
        let mut command = Self::command(data);
        command.env_remove("FACEGATE_MODELS");
        Self::spawn(command)
    }

    fn command(data: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_facegate"));
        command.args(["sim", "--listen", "127.0.0.1:0", "--engine", "auto", "--data"]).arg(data);
        command
    }

    fn spawn(mut command: Command) -> Self {
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let base = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.split_whitespace().find(|word| word.starts_with("http://")).map(str::to_owned))
            .expect("the terminal says where it listens");
        // Keep reading, so that the terminal never blocks on a full pipe.
        std::thread::spawn(move || lines.count());
        Self { process, base }
    }

    pub fn get(&self, path: &str) -> Value {
        serde_json::from_str(&get_text(&format!("{}{path}", self.base))).unwrap()
    }

    /// Asks again until there is an answer.
    pub fn wait<T>(&self, mut ask: impl FnMut() -> Option<T>) -> T {
        let (clock, bell) = (SystemClock::default(), Bell::default());
        let deadline = clock.mono().after(Duration::from_secs(900));
        loop {
            if let Some(answer) = ask() {
                return answer;
            }
            assert!(clock.mono() < deadline, "nothing came in time");
            clock.wait(&bell, Some(clock.mono().after(Duration::from_millis(100))));
        }
    }

    pub fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    if models().is_none() || faces().is_none() {
        return;
    }
    let data = TempDir::new().unwrap();
    let photos = people();
    let mut acknowledged: Vec<(usize, String)> = Vec::new();
    let mut number = 0;
    for round in 0..4 {
        let terminal = Terminal::start(data.path());
        let base = terminal.base.clone();
        let wanted = 8 + round * 5;
        let (sender, answers) = std::sync::mpsc::channel();
        let first = number;
        let list = photos.clone();
        let enroller = std::thread::spawn(move || {
            for n in first.. {
                let photo = &list[n % list.len()].0;
                let body = json!({
                    "info": { "DeviceID": 1_300_001, "CustomizeID": n + 1, "Name": format!("person {n}"), "Notes": photo },
                    "picinfo": picture(photo),
                });
                // The process is killed in the middle of this: no answer is no acknowledgement.
                let answer = std::panic::catch_unwind(|| call(&base, "AddPerson", &body));
                let Ok(answer) = answer else { return };
                if answer["code"] == 200 && sender.send((n, photo.clone())).is_err() {
                    return;
                }
            }
        });
        for _ in 0..wanted {
            acknowledged.push(answers.recv().unwrap());
        }
        terminal.kill();
        enroller.join().unwrap();
        acknowledged.extend(answers.try_iter());
        number = acknowledged.last().unwrap().0 + 2;
    }

    let terminal = Terminal::start(data.path());
    for (n, photo) in &acknowledged {
        let found = call(
            &terminal.base,
            "SearchPerson",
            &json!({ "info": { "SearchType": 0, "SearchID": (n + 1).to_string(), "Picture": 1 } }),
        );
        assert_eq!(found["info"]["Name"], format!("person {n}"), "{found}");
        assert_eq!(found["info"]["Notes"], photo.as_str());
        let registered = &found["picinfo"];
        assert!(registered.as_str().unwrap().starts_with("data:image/jpeg;base64,"));
        let same = call(
            &terminal.base,
            "GetPictureSearch",
            &json!({ "info": { "MaxSimilarity": 80, "MaxNum": 100 }, "picinfo": registered }),
        );
        let matches = same["info"]["SearchInfo"].as_array().unwrap_or_else(|| panic!("{same}"));
        assert!(matches.iter().any(|m| m["CustomizeID"] == n + 1), "person {n} is not matched: {same}");
    }
    let total: Value = call(&terminal.base, "SearchPersonNum", &json!({ "info": { "DeviceID": 1_300_001 } }));
    println!("{} acknowledged, {} there", acknowledged.len(), total["info"]["PersonNum"]);
    assert!(total["info"]["PersonNum"].as_u64().unwrap() >= acknowledged.len() as u64);
    terminal.kill();
}
