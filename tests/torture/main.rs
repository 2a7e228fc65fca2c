//! Breaks the disk under the store, again and again, and looks whether what was promised is there.
//!
//! One process works ([`victim`]) under a library that makes the disk fail at one of its calls (`shim.c`), another
//! looks what is there after it; [`model`] holds both against each other. Several faults strike the same folder before
//! a fresh one is taken. `cargo test` injects a few dozen, `make torture` a thousand; a failure says how it is
//! repeated. `docs/design/torture.md` tells more.

#![allow(clippy::unwrap_used, clippy::cast_precision_loss, reason = "a test may panic; pictures are small")]
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "tags are small whole numbers")]

#[path = "../it/leap.rs"]
mod leap;
mod model;
mod victim;
mod words;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use model::{Checked, Model};
use words::{Random, Sight, Word};

/// Every kind of fault the library knows.
const KINDS: [&str; 10] = [
    "kill-before",
    "kill-after",
    "torn",
    "eio",
    "enospc",
    "enospc-long",
    "short",
    "fsync-eio",
    "fsync-lost",
    "power-cut",
];
/// Those of them that let calls fail: a record may then have to do without its picture.
const FAILING: [&str; 5] = ["eio", "enospc", "enospc-long", "fsync-eio", "fsync-lost"];
/// Changes of a run, more or less: many of them are several calls, some none.
const ACTS: u32 = 40;
/// Tags a run may use.
const TAGS: u32 = 1000;
/// Faults of the short form.
const FEW: u64 = 60;
/// Faults of `make torture`.
const MANY: u64 = 1000;
// Signals: of who was killed, and of who took too long.
const KILLED: i32 = 9;
const TOO_LONG: i32 = 14;

struct Options {
    seed: u64,
    faults: u64,
    /// At which calls the faults of one chain strike, to repeat a failure.
    calls: Vec<u64>,
    /// Which faults.
    kinds: Vec<&'static str>,
}

/// What came of the faults of a kind.
#[derive(Clone, Copy, Default)]
struct Row {
    injected: u64,
    restarts: u64,
    recovered: u64,
    checked: Checked,
}

struct Judge {
    shim: PathBuf,
    kinds: Vec<&'static str>,
    /// Where the folders of data lie.
    room: PathBuf,
    /// Calls of a run without a fault.
    usual: u64,
    table: Mutex<BTreeMap<&'static str, Row>>,
    done: AtomicU64,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| arguments[at].parse().unwrap();
    let first = arguments.first().map(String::as_str);
    if matches!(first, Some("victim" | "look")) {
        // Into the file a failure quotes.
        let complaints = tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_writer(std::io::stderr);
        complaints.with_ansi(false).without_time().init();
    }
    match first {
        Some("victim") => victim::work(Path::new(&arguments[1]), number(2), number(3) as u32, ACTS),
        Some("look") => victim::look(Path::new(&arguments[1])),
        // `cargo test FILTER` runs every test binary with the filter.
        first => {
            let wanted = |filter: &String| filter.starts_with('-') || "torture".contains(filter.as_str());
            let long = first == Some("long");
            if long || arguments.iter().all(wanted) {
                return judge(&options(long));
            }
        }
    }
    ExitCode::SUCCESS
}

fn options(long: bool) -> Options {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let number = |name: &str| set(name).map(|value| value.parse().unwrap_or_else(|_| panic!("{name}: {value}")));
    let calls = set("TORTURE_N").map(|list| list.split(',').map(|n| n.trim().parse().unwrap()).collect());
    Options {
        // Always another one, so that every run of the tests looks at something new.
        seed: number("TORTURE_SEED").unwrap_or_else(|| u64::from(std::process::id()) * 0x9E37_79B9),
        faults: number("TORTURE_FAULTS").unwrap_or(if long { MANY } else { FEW }),
        calls: calls.unwrap_or_default(),
        kinds: set("TORTURE_KINDS").map_or(KINDS.to_vec(), |wanted| {
            let kinds: Vec<_> = KINDS.into_iter().filter(|kind| wanted.split(',').any(|one| one == *kind)).collect();
            assert!(!kinds.is_empty(), "TORTURE_KINDS: {wanted}; there are {KINDS:?}");
            kinds
        }),
    }
}

fn judge(options: &Options) -> ExitCode {
    // Power cuts are made by the library: the disk itself need not be one, and memory is quicker.
    let memory = Path::new("/dev/shm");
    let room = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
    let mut judge = Judge {
        shim: build(room.path()),
        kinds: options.kinds.clone(),
        room: room.path().into(),
        usual: 0,
        table: Mutex::default(),
        done: AtomicU64::new(0),
    };
    judge.usual = judge.calibrate(options.seed);
    println!("seed {}: a run makes {} calls that change files", options.seed, judge.usual);

    let failures = Mutex::new(Vec::new());
    if options.calls.is_empty() {
        let chains = AtomicU64::new(0);
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(|| {
                    while judge.done.load(Ordering::Relaxed) < options.faults {
                        let chain = chains.fetch_add(1, Ordering::Relaxed);
                        let seed = words::digest(&(options.seed, chain)) >> 16;
                        failures.lock().unwrap().extend(judge.chain(seed, &[], options.faults).err());
                    }
                });
            }
        });
    } else {
        failures.lock().unwrap().extend(judge.chain(options.seed, &options.calls, u64::MAX).err());
    }

    print!("{}", judge.report());
    let failures = failures.into_inner().unwrap();
    for failure in &failures {
        println!("\n{failure}");
    }
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Compiles the library that makes the disk fail.
fn build(room: &Path) -> PathBuf {
    let (source, shim) = (concat!(env!("CARGO_MANIFEST_DIR"), "/tests/torture/shim.c"), room.join("shim.so"));
    let mut compiler = Command::new("cc");
    compiler.args(["-O1", "-shared", "-fPIC", "-o"]).arg(&shim).args([source, "-ldl", "-pthread"]);
    assert!(compiler.status().is_ok_and(|status| status.success()), "cc cannot build {source}");
    shim
}

/// A fault to be injected.
struct Fault {
    kind: &'static str,
    /// The call it strikes at.
    at: u64,
    seed: u64,
    first_tag: u32,
}

/// How a run of the victim ended.
struct Ending {
    status: ExitStatus,
    ended: bool,
    calls: u64,
    /// The call the fault struck at; 0: it did not.
    struck: u64,
}

impl Judge {
    /// Calls of a run on a fresh folder without a fault, which has to go well.
    fn calibrate(&self, seed: u64) -> u64 {
        let place = self.folder("calibration");
        let fault = Fault { kind: "", at: 0, seed, first_tag: 1 };
        let mut model = Model::default();
        let (ending, wrong) = self.run(&place, &fault, &mut model);
        wrong.and_then(|()| self.look(&place).and_then(|sight| model.check(&sight))).unwrap();
        assert!(ending.ended && ending.calls > 0, "no fault, and yet: {}", ending.status);
        ending.calls
    }

    /// Some faults on one folder of data; what went wrong, and how it is repeated.
    fn chain(&self, seed: u64, calls: &[u64], most: u64) -> Result<(), String> {
        let mut random = Random::new(seed);
        let place = self.folder(&format!("chain-{seed}"));
        let mut model = Model::default();
        let length = 3 + random.below(6);
        let (mut struck, mut told) = (Vec::new(), String::new());
        for link in 0..length {
            let kind = self.kinds[random.below(self.kinds.len() as u64) as usize];
            // A little beyond the usual end too: some runs are longer.
            let drawn = 1 + random.below(self.usual * 11 / 10);
            let at = calls.get(link as usize).copied().unwrap_or(drawn);
            struck.push(at.to_string());
            let first_tag = 1 + u32::try_from(link).unwrap() * TAGS;
            let fault = Fault { kind, at, seed: words::digest(&(seed, link)) >> 1, first_tag };
            let outcome = self.link(&place, &fault, &mut model, &mut told);
            if let Err(why) = outcome {
                let errors = fs::read_to_string(place.join("errors")).unwrap_or_default();
                let tail: Vec<&str> = errors.lines().rev().take(12).collect();
                let tail: String = tail.into_iter().rev().fold(String::new(), |all, line| all + "\n    " + line);
                let only = if self.kinds == KINDS { String::new() } else { format!(" KINDS={}", self.kinds.join(",")) };
                return Err(format!(
                    "FAILED: {why}\n  fault {kind} at call {at}, link {link} of the chain:{told}\n  repeat with: make \
                     torture SEED={seed} N={}{only}\n  the last lines of the processes:{tail}",
                    struck.join(",")
                ));
            }
            if calls.is_empty() && self.done.load(Ordering::Relaxed) >= most {
                break;
            }
        }
        drop(fs::remove_dir_all(&place));
        Ok(())
    }

    fn link(&self, place: &Path, fault: &Fault, model: &mut Model, told: &mut String) -> Result<(), String> {
        let (ending, wrong) = self.run(place, fault, model);
        let _ = write!(told, "\n    {} at {} of {} calls", fault.kind, ending.struck, ending.calls);
        let injected = u64::from(ending.struck != 0);
        self.note(fault.kind, Row { injected, ..Row::default() });
        wrong?;
        let deadly = ["kill-before", "kill-after", "torn", "power-cut"].contains(&fault.kind);
        match ending.status.signal() {
            Some(KILLED) if deadly && ending.struck != 0 => {}
            Some(TOO_LONG) => return Err("the process hung".into()),
            None if ending.status.success() => {}
            _ => return Err(format!("the process ended with {}", ending.status)),
        }
        let checked = self.look(place).and_then(|sight| model.check(&sight))?;
        self.note(fault.kind, Row { restarts: 1, recovered: 1, checked, ..Row::default() });
        let done = self.done.fetch_add(injected, Ordering::Relaxed) + injected;
        if injected == 1 && done.is_multiple_of(100) {
            println!("{done} faults");
        }
        Ok(())
    }

    fn note(&self, kind: &'static str, more: Row) {
        let mut table = self.table.lock().unwrap();
        let row = table.entry(kind).or_default();
        row.injected += more.injected;
        row.restarts += more.restarts;
        row.recovered += more.recovered;
        row.checked.people += more.checked.people;
        row.checked.records += more.checked.records;
    }

    fn report(&self) -> String {
        let mut text = format!(
            "{:12} {:>9} {:>9} {:>10} {:>15} {:>16}\n",
            "fault", "injected", "restarts", "recovered", "people checked", "records checked"
        );
        for (kind, row) in &*self.table.lock().unwrap() {
            let Row { injected, restarts, recovered, checked } = row;
            let _ = writeln!(
                text,
                "{kind:12} {injected:>9} {restarts:>9} {recovered:>10} {:>15} {:>16}",
                checked.people, checked.records
            );
        }
        text
    }

    /// A fresh folder: `data` of the victim, `hold` of the library, and what both leave behind.
    fn folder(&self, name: &str) -> PathBuf {
        let place = self.room.join(name);
        for part in ["data", "hold"] {
            fs::create_dir_all(place.join(part)).unwrap();
        }
        place
    }

    /// Lets the victim work until it ends, is killed or is done; the model hears all it says.
    fn run(&self, place: &Path, fault: &Fault, model: &mut Model) -> (Ending, Result<(), String>) {
        let count = place.join("count");
        fs::write(&count, [0; 32]).unwrap();
        drop(fs::remove_dir_all(place.join("hold")));
        fs::create_dir_all(place.join("hold")).unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg("victim")
            .arg(place.join("data"))
            .args([fault.seed.to_string(), fault.first_tag.to_string()])
            .env("LD_PRELOAD", &self.shim)
            .env("TORTURE_DIR", place.join("data"))
            .env("TORTURE_HOLD", place.join("hold"))
            .env("TORTURE_COUNT", &count)
            .env("RUST_BACKTRACE", "0")
            .env("TORTURE_KIND", fault.kind)
            .env("TORTURE_AT", fault.at.to_string())
            .env("TORTURE_MANY", (2 + fault.seed % 40).to_string())
            .env("TORTURE_SEED", fault.seed.to_string())
            .stdout(Stdio::piped())
            .stderr(errors(place))
            .spawn()
            .unwrap();
        model.start(FAILING.contains(&fault.kind));
        let (mut ended, mut wrong) = (false, Ok(()));
        for line in BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok) {
            let Ok(word) = serde_json::from_str::<Word>(&line) else { continue };
            ended |= matches!(word, Word::End);
            wrong = wrong.and_then(|()| model.hear(word));
        }
        let status = child.wait().unwrap();
        let counts = fs::read(&count).unwrap();
        let number = |at: usize| u64::from_ne_bytes(counts[at * 8..][..8].try_into().unwrap());
        (Ending { status, ended, calls: number(0), struck: number(1) }, wrong)
    }

    /// What is there, seen by a process of its own: it has to start.
    fn look(&self, place: &Path) -> Result<Sight, String> {
        let seen = Command::new(std::env::current_exe().unwrap())
            .arg("look")
            .arg(place.join("data"))
            .env("LD_PRELOAD", &self.shim)
            .env("TORTURE_DIR", place.join("data"))
            .env("TORTURE_COUNT", place.join("count"))
            .env("RUST_BACKTRACE", "0")
            .stderr(errors(place))
            .output()
            .unwrap();
        if !seen.status.success() {
            return Err(format!("after the fault the process does not start: {}", seen.status));
        }
        serde_json::from_slice(&seen.stdout).map_err(|e| e.to_string())
    }
}

/// Where processes write what they have to complain about.
fn errors(place: &Path) -> File {
    File::options().create(true).append(true).open(place.join("errors")).unwrap()
}
