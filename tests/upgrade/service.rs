//! A supervisor that does what systemd does with the terminal's unit: starts the launcher, waits for READY, kills what hangs,
//! reports how each start ended to `facegate release ended`, and starts it again.

use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The daemon, and the launcher.
pub const FACEGATE: &str = env!("CARGO_BIN_EXE_facegate");
/// Left by a release that is meant to hang: it need not be waited for.
const HANGS: &str = "hangs";
/// How often it is looked what became of a start.
const LOOK: Duration = Duration::from_millis(50);

/// What is kept of a service.
#[derive(Default)]
struct Seen {
    /// Where its API listens now.
    base: Option<String>,
    pid: Option<u32>,
    /// `ready`, and how starts ended, in order.
    happened: Vec<String>,
    /// The times that were asked for, microseconds.
    asked: Vec<u64>,
    log: String,
}

/// The service of a terminal.
pub struct Service {
    place: PathBuf,
    seen: Arc<Mutex<Seen>>,
    /// A kill is not reported: the power went.
    silent: Arc<AtomicBool>,
    over: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Service {
    /// Starts the terminal of `place/board.toml`.
    pub fn start(place: &Path) -> Self {
        let (seen, silent, over) = (Arc::<Mutex<Seen>>::default(), Arc::default(), Arc::default());
        let thread = std::thread::spawn({
            let (place, seen) = (place.to_owned(), seen.clone());
            let (silent, over): (Arc<AtomicBool>, Arc<AtomicBool>) = (Arc::clone(&silent), Arc::clone(&over));
            move || {
                while !over.load(Ordering::SeqCst) {
                    run(&place, &seen, &silent);
                }
            }
        });
        Self { place: place.to_owned(), seen, silent, over, thread: Some(thread) }
    }

    /// Asks again until there is an answer.
    pub fn wait<T>(&self, what: &str, mut ask: impl FnMut(&Self) -> Option<T>) -> T {
        // As long as models take to be loaded several times on a busy machine.
        for _ in 0..6000 {
            if let Some(answer) = ask(self) {
                return answer;
            }
            pause();
        }
        panic!("{what}: {:?}\n{}", self.happened(), self.log());
    }

    /// Where its API listens, once it does.
    pub fn base(&self) -> String {
        self.wait("the API", |service| service.seen.lock().unwrap().base.clone())
    }

    /// `ready`, and how starts ended, in order.
    pub fn happened(&self) -> Vec<String> {
        self.seen.lock().unwrap().happened.clone()
    }

    /// The times that were asked for to get ready in, microseconds.
    pub fn asked(&self) -> Vec<u64> {
        self.seen.lock().unwrap().asked.clone()
    }

    /// What its processes have said.
    pub fn log(&self) -> String {
        self.seen.lock().unwrap().log.clone()
    }

    /// Waits for READY once more than `before` times.
    pub fn ready_after(&self, before: usize) -> usize {
        self.wait("ready", |service| {
            let ready = service.happened().iter().filter(|what| *what == "ready").count();
            (ready > before).then_some(ready)
        })
    }

    /// The power goes, whatever runs now, and comes back.
    pub fn cut_power(&self) {
        let pid = self.wait("a process", |service| service.seen.lock().unwrap().pid);
        self.silent.store(true, Ordering::SeqCst);
        signal(pid, "KILL");
        self.wait("another process", |service| service.seen.lock().unwrap().pid.filter(|now| *now != pid));
    }

    /// `facegate release VERB` on it.
    pub fn release(&self, verb: &str) -> String {
        let output =
            Command::new(FACEGATE).args(["release", verb, "--board"]).arg(self.place.join("board.toml")).output();
        let output = output.unwrap();
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        if let Some(pid) = self.seen.lock().unwrap().pid {
            signal(pid, "TERM");
        }
        drop(self.thread.take().unwrap().join());
    }
}

fn signal(pid: u32, name: &str) {
    drop(Command::new("kill").args([format!("-{name}"), pid.to_string()]).status());
}

fn pause() {
    use facegate::clock::{Bell, Clock, SystemClock};
    let clock = SystemClock::default();
    clock.wait(&Bell::default(), Some(clock.mono().after(LOOK)));
}

/// One start, to its end and what follows it.
fn run(place: &Path, seen: &Arc<Mutex<Seen>>, silent: &AtomicBool) {
    let socket_path = place.join("notify");
    drop(std::fs::remove_file(&socket_path));
    let socket = UnixDatagram::bind(&socket_path).unwrap();
    socket.set_read_timeout(Some(LOOK)).unwrap();
    let board = place.join("board.toml");
    let mut child = Command::new(FACEGATE)
        .args(["release", "start", "--board"])
        .arg(&board)
        .env("NOTIFY_SOCKET", &socket_path)
        .env("FACEGATE_TEST", FACEGATE)
        .env("FACEGATE_TEST_PLACE", place)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    {
        let mut seen = seen.lock().unwrap();
        (seen.base, seen.pid) = (None, Some(child.id()));
    }
    let readers = [read(child.stdout.take().unwrap(), seen), read(child.stderr.take().unwrap(), seen)];
    let (status, timed_out) = wait(&mut child, &socket, seen, &place.join(HANGS));
    for reader in readers {
        drop(reader.join());
    }
    seen.lock().unwrap().pid = None;
    if silent.swap(false, Ordering::SeqCst) {
        seen.lock().unwrap().happened.push("power cut".into());
        return;
    }
    let (code, text) = match status.signal() {
        Some(signal) => ("killed", if signal == 9 { "KILL".into() } else { signal.to_string() }),
        None => ("exited", status.code().unwrap().to_string()),
    };
    let result = match (timed_out, status.success(), status.signal()) {
        (true, ..) => "timeout",
        (false, true, _) => "success",
        (false, false, Some(_)) => "signal",
        (false, false, None) => "exit-code",
    };
    let ended = Command::new(FACEGATE)
        .args(["release", "ended", "--board"])
        .arg(&board)
        .envs([("SERVICE_RESULT", result), ("EXIT_CODE", code), ("EXIT_STATUS", &text)])
        .output()
        .unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    let said = String::from_utf8_lossy(&ended.stdout).trim().to_owned();
    seen.lock().unwrap().happened.push(format!("{result} {text}: {said}"));
}

/// Waits for the end of a start; what leaves word that it hangs is killed, as after `TimeoutStartSec=`.
fn wait(child: &mut Child, socket: &UnixDatagram, seen: &Mutex<Seen>, hangs: &Path) -> (ExitStatus, bool) {
    let mut timed_out = false;
    loop {
        let mut message = [0; 4096];
        let length = socket.recv(&mut message).unwrap_or(0);
        for line in String::from_utf8_lossy(&message[..length]).lines() {
            if line == "READY=1" {
                seen.lock().unwrap().happened.push("ready".into());
            } else if let Some(time) = line.strip_prefix("EXTEND_TIMEOUT_USEC=") {
                seen.lock().unwrap().asked.push(time.parse().unwrap());
            }
        }
        if std::fs::remove_file(hangs).is_ok() {
            timed_out = true;
            child.kill().unwrap();
        }
        if let Some(status) = child.try_wait().unwrap() {
            return (status, timed_out);
        }
    }
}

/// Keeps what a process says, and where its API listens.
fn read(from: impl std::io::Read + Send + 'static, seen: &Arc<Mutex<Seen>>) -> std::thread::JoinHandle<()> {
    let seen = seen.clone();
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            let mut seen = seen.lock().unwrap();
            let at = line.split_once("the terminal runs address=").and_then(|(_, at)| at.split_whitespace().next());
            seen.base = at.map(|at| format!("http://{at}")).or_else(|| seen.base.take());
            seen.log.push_str(&line);
            seen.log.push('\n');
        }
    })
}
