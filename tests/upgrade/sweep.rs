//! The power is cut at every call of an upgrade that changes a file, and a terminal has to come up after it: with the whole
//! old or the whole new release, with everybody, and able to upgrade.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use facegate::release::Releases;

use crate::server::Server;
use crate::vendor::{Vendor, files, noise};
use crate::victim::{PEOPLE, settle};

/// What strikes: the process is killed before a call, a write is torn, or what was not synced is undone.
const KINDS: [&str; 3] = ["power-cut", "kill-before", "torn"];
/// The short form strikes at every so many calls, from one drawn by chance.
const STRIDE: u64 = 13;
/// Releases: two that run in turn, and those that come after them.
const VERSIONS: [&str; 4] = ["0.1.0", "1.0.0", "2.0.0", "3.0.0"];
/// A release's daemon is this test binary.
const SCRIPT: &str = r#"exec "$UPGRADE_TEST" daemon "$UPGRADE_PLACE""#;

struct Sweep {
    room: PathBuf,
    shim: PathBuf,
    vendor: Vendor,
    server: Server,
    /// What came of each phase and fault.
    table: Mutex<BTreeMap<(String, &'static str), Row>>,
}

/// What came of cuts.
#[derive(Clone, Copy, Default)]
struct Row {
    cuts: u64,
    old: u64,
    new: u64,
    upgraded: u64,
}

/// One cut.
#[derive(Clone, Copy, Debug)]
struct Cut {
    kind: &'static str,
    at: u64,
    seed: u64,
    /// Where it starts from: the factory release, one in a slot, or that with a new one on trial, which fails.
    from: usize,
}

/// The old and the new version of a terminal that starts from there.
const fn versions(from: usize) -> [&'static str; 3] {
    let old = if from == 0 { 0 } else { 1 };
    [VERSIONS[old], VERSIONS[old + 1], VERSIONS[old + 2]]
}

/// Sweeps; whether all went well.
pub fn run(long: bool) -> bool {
    let memory = Path::new("/dev/shm");
    let room = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
    let number = |name: &str| std::env::var(name).ok().filter(|n| !n.is_empty()).map(|n| n.parse::<u64>().unwrap());
    let seed = number("UPGRADE_SEED").unwrap_or_else(|| u64::from(std::process::id()) * 0x9E37_79B9);
    let stride = number("UPGRADE_STRIDE").unwrap_or(if long { 1 } else { STRIDE });
    let sweep = Sweep::new(room.path());
    let mut cuts = Vec::new();
    for from in [0, 1, 2] {
        let (calls, [old, new, _]) = (sweep.calls(from, seed), versions(from));
        let what = if from == 2 { format!("the way back from {new}") } else { format!("an upgrade of {old}") };
        println!("seed {seed}: {what} makes {calls} calls that change files");
        for kind in KINDS {
            let at = |at| Cut { kind, at, seed: seed.wrapping_add(at) >> 1, from };
            cuts.extend((1 + seed % stride..=calls).step_by(usize::try_from(stride).unwrap()).map(at));
        }
    }
    if let Some(only) = number("UPGRADE_N") {
        cuts.retain(|cut| cut.at == only);
    }
    let (next, failures) = (AtomicU64::new(0), Mutex::new(Vec::new()));
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(cut) = cuts.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
                    if let Err(why) = sweep.cut(*cut) {
                        failures.lock().unwrap().push(format!("{cut:?}: {why}"));
                    }
                }
            });
        }
    });
    print!("{}", sweep.report());
    let failures = failures.into_inner().unwrap();
    for failure in &failures {
        println!("FAILED: {failure}\n  repeat with: make upgrade-torture SEED={seed} N=<at>");
    }
    failures.is_empty()
}

impl Cut {
    const fn verb(&self) -> &'static str {
        if self.from == 2 { "fail" } else { "upgrade" }
    }
}

impl Sweep {
    fn new(room: &Path) -> Self {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/torture/shim.c");
        let shim = room.join("shim.so");
        let mut compiler = Command::new("cc");
        compiler.args(["-O1", "-shared", "-fPIC", "-o"]).arg(&shim).args([source, "-ldl", "-pthread"]);
        assert!(compiler.status().is_ok_and(|status| status.success()), "cc cannot build {source}");
        let place = room.join("vendor");
        let vendor = Vendor::new(&place);
        for (number, version) in (0..).zip(VERSIONS) {
            let more = [
                ("models/a.tflite", noise(number, 90_000)),
                ("models/b.tflite", noise(100 + number, 20_000)),
                ("models/c/d.tflite", noise(200 + number, 9_000)),
                ("units/facegate-note.service", format!("[Service]\n# {version}\n").into_bytes()),
            ];
            vendor.release(version, SCRIPT, &more);
        }
        let sweep =
            Self { room: room.to_owned(), shim, server: Server::start(&place), vendor, table: Mutex::default() };
        // The terminals that upgrades start from.
        settle(&sweep.fresh(0).join("data"));
        let upgraded = sweep.fresh(1);
        copy(&sweep.room.join("from-0/data"), &upgraded.join("data"));
        let output = sweep.run("upgrade", &upgraded, None, VERSIONS[1]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let on_trial = sweep.fresh(2);
        copy(&upgraded.join("data"), &on_trial.join("data"));
        let output = sweep.run("install", &on_trial, None, VERSIONS[2]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        sweep
    }

    /// A terminal without data, with factory release and keys.
    fn fresh(&self, from: usize) -> PathBuf {
        let place = self.room.join(format!("from-{from}"));
        for part in ["data", "hold", "factory"] {
            fs::create_dir_all(place.join(part)).unwrap();
        }
        copy(&self.vendor.tree(VERSIONS[0]), &place.join("factory"));
        copy(&self.vendor.keys(), &place.join("keys"));
        place
    }

    /// Calls of an upgrade that is not cut.
    fn calls(&self, from: usize, seed: u64) -> u64 {
        let place = self.place(&format!("calls-{from}"), from);
        let cut = Cut { kind: "", at: 0, seed, from };
        let output = self.run(cut.verb(), &place, Some(cut), versions(from)[1]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        counts(&place).0
    }

    fn place(&self, name: &str, from: usize) -> PathBuf {
        let place = self.room.join(name);
        copy(&self.room.join(format!("from-{from}")), &place);
        fs::write(place.join("count"), [0; 32]).unwrap();
        place
    }

    /// Lets the terminal in `place` do something with a version.
    fn run(&self, verb: &str, place: &Path, cut: Option<Cut>, version: &str) -> Output {
        let mut victim = Command::new(std::env::current_exe().unwrap());
        victim.arg("victim").arg(place).arg(verb).arg(self.server.address(&format!("{version}.swx")));
        victim.env("RUST_BACKTRACE", "0").stdin(Stdio::null());
        if let Some(cut) = cut {
            victim
                .env("LD_PRELOAD", &self.shim)
                .env("TORTURE_DIR", place.join("data"))
                .env("TORTURE_HOLD", place.join("hold"))
                .env("TORTURE_COUNT", place.join("count"))
                .env("TORTURE_KIND", cut.kind)
                .env("TORTURE_AT", cut.at.to_string())
                .env("TORTURE_SEED", cut.seed.to_string());
        }
        victim.output().unwrap()
    }

    /// Cuts an upgrade off and looks what comes up.
    fn cut(&self, cut: Cut) -> Result<(), String> {
        let [old, new, newer] = versions(cut.from);
        let place = self.place(&format!("{}-{}-{}", cut.kind, cut.from, cut.at), cut.from);
        let said = self.run(cut.verb(), &place, Some(cut), new);
        let text = String::from_utf8_lossy(&said.stdout).into_owned();
        let phase = text.lines().rev().find_map(|line| line.strip_prefix("phase ")).unwrap_or("none").to_owned();
        let complaints = || tail(&String::from_utf8_lossy(&said.stderr));
        if counts(&place).1 == 0 {
            // Torn are writes alone; and the last calls of one run may not come in another.
            let fine = said.status.success();
            drop(fs::remove_dir_all(&place));
            return if fine { Ok(()) } else { Err(format!("no fault, and yet {}: {}", said.status, complaints())) };
        }
        if ["unpack", "switch"].contains(&phase.as_str()) {
            self.go_back(&place, old).map_err(|why| format!("in {phase}: {why}"))?;
        }
        let came_up = self.look(&place)?;
        if ![old, new].contains(&came_up.as_str()) {
            return Err(format!("in {phase}: {came_up:?} comes up"));
        }
        // What was cut short goes on, or is asked for again; what was done is followed by the next.
        let next = if came_up == old { new } else { newer };
        let again = self.run("upgrade", &place, None, next);
        if !again.status.success() {
            let why = tail(&String::from_utf8_lossy(&again.stderr));
            return Err(format!("in {phase}: {came_up} comes up, and cannot be upgraded: {why}"));
        }
        let asked = String::from_utf8_lossy(&again.stdout).contains("phase ask");
        if came_up == old && asked && ["verify", "unpack", "switch"].contains(&phase.as_str()) {
            return Err(format!("in {phase}: a package that had come whole is forgotten"));
        }
        let upgraded = self.look(&place)?;
        if upgraded != next {
            return Err(format!("in {phase}: {came_up} comes up, and {upgraded} after it instead of {next}"));
        }
        drop(fs::remove_dir_all(&place));
        let mut table = self.table.lock().unwrap();
        let row = table.entry((phase, cut.kind)).or_default();
        row.cuts += 1;
        row.upgraded += 1;
        *(if came_up == old { &mut row.old } else { &mut row.new }) += 1;
        Ok(())
    }

    /// Goes back by hand on a copy of the terminal: never to what was just being installed.
    fn go_back(&self, place: &Path, old: &str) -> Result<(), String> {
        let aside = place.with_extension("back");
        copy(place, &aside);
        // There may be nothing to go back to.
        drop(Releases::of(&aside.join("data")).go_back());
        let came_up = self.look(&aside)?;
        drop(fs::remove_dir_all(&aside));
        if [VERSIONS[0], old].contains(&came_up.as_str()) {
            Ok(())
        } else {
            Err(format!("{came_up} comes up after a rollback by hand"))
        }
    }

    /// Starts what is there without a fault; returns the version that came up, which has to be there whole.
    fn look(&self, place: &Path) -> Result<String, String> {
        let seen = Command::new(std::env::current_exe().unwrap()).arg("look").arg(place).output().unwrap();
        let text = String::from_utf8_lossy(&seen.stdout);
        let complaints = || tail(&String::from_utf8_lossy(&seen.stderr));
        let line = text.lines().find_map(|line| line.strip_prefix("version "));
        let words: Vec<&str> = line.unwrap_or_default().split(' ').collect();
        let [version, "of", folder, "people", people] = words[..] else {
            return Err(format!("nothing comes up: {} {}", seen.status, complaints()));
        };
        if people != PEOPLE.to_string() {
            return Err(format!("{people} of {PEOPLE} people are there whole"));
        }
        let mut there = files(Path::new(folder));
        // What the slot has beside the release.
        there.retain(|path, _| path != "manifest.json" && path != "package.swx");
        let expected = files(&self.vendor.tree(version));
        if there != expected {
            let names = (there.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
            return Err(format!("version {version} comes up and is not whole: {names:?}"));
        }
        if place.join("data/releases/state.damaged").exists() {
            return Err("the state was damaged".to_owned());
        }
        // It has proved itself: what of it needs root has been handed over, and not been lost on the way.
        let package = |path: PathBuf| fs::read(path).unwrap_or_default();
        let handed = package(place.join("data/upgrade/for-root.swx"));
        let in_slot = Path::new(folder).starts_with(place.join("data"));
        if in_slot && handed != package(self.room.join(format!("vendor/{version}.swx"))) {
            return Err(format!("version {version} comes up, and its package was not handed over"));
        }
        Ok(version.to_owned())
    }

    fn report(&self) -> String {
        let mut text = format!(
            "{:10} {:12} {:>6} {:>8} {:>8} {:>18}\n",
            "phase", "fault", "cuts", "old up", "new up", "upgraded after it"
        );
        let mut all = Row::default();
        for ((phase, kind), row) in &*self.table.lock().unwrap() {
            let Row { cuts, old, new, upgraded } = row;
            let _ = writeln!(text, "{phase:10} {kind:12} {cuts:>6} {old:>8} {new:>8} {upgraded:>18}");
            all = Row {
                cuts: all.cuts + cuts,
                old: all.old + old,
                new: all.new + new,
                upgraded: all.upgraded + upgraded,
            };
        }
        let _ =
            writeln!(text, "{:10} {:12} {:>6} {:>8} {:>8} {:>18}", "all", "", all.cuts, all.old, all.new, all.upgraded);
        text
    }
}

/// Calls, and the call at which the fault struck (0: it did not).
fn counts(place: &Path) -> (u64, u64) {
    let bytes = fs::read(place.join("count")).unwrap();
    let number = |at: usize| u64::from_ne_bytes(bytes[at * 8..][..8].try_into().unwrap());
    (number(0), number(1))
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().rev().take(8).collect();
    lines.into_iter().rev().fold(String::new(), |all, line| all + "\n    " + line)
}

/// Copies a folder with all that is below it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        let name = entry.file_name();
        if path.is_dir() {
            copy(&path, &target);
        } else if path.components().any(|part| ["releases", "factory"].iter().any(|name| part.as_os_str() == *name)) {
            // What is replaced and never written to; a script that another thread just copies could not be started.
            if name != "lock" && name != "installing" {
                fs::hard_link(&path, &target).unwrap();
            }
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}
