//! The processes of the sweep: a terminal that is upgraded and cut off, and the one that comes up after it. Store, download,
//! verification, installation, launcher's choice and trial are the product's own; eyes, door and API are left out, so that
//! hundreds of cuts take minutes.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use facegate::access::{LibId, Person};
use facegate::clock::{Clock, Inbox, ManualClock, SystemClock};
use facegate::control::decisions::Decisions;
use facegate::error::Result;
use facegate::fetch::Fetch;
use facegate::field::LocalTime;
use facegate::release::ended::{Ending, Outcome, ended};
use facegate::release::launch::{Choice, Launcher};
use facegate::release::trial::{Health, Trial, Verdict};
use facegate::release::{Releases, Running, VARIABLE};
use facegate::settings::Live;
use facegate::store::{Limits, Registered, Store};
use facegate::ui::Screen;
use facegate::upgrade::installer::{Install, Installed, Installer, hand_over};
use facegate::upgrade::{self, State, Upgrade};

const LIMITS: Limits = Limits { people: 100, control_records: 100, captures: 100, notices: 100 };
/// People of the terminal.
pub const PEOPLE: u32 = 12;
/// How long a new release has.
const CONFIRM: Duration = Duration::from_secs(60);

/// Opens the store, as the terminal does.
fn open(data: &Path) -> Arc<Store> {
    Arc::new(Store::open(data, LIMITS, Arc::new(SystemClock::default())).unwrap())
}

/// Fills a terminal with people.
pub fn settle(data: &Path) {
    let store = open(data);
    for number in 1..=PEOPLE {
        let person = Person {
            custom_id: Some(number),
            name: format!("person {number}"),
            ..Person::new(LocalTime::parse("2026-01-05T12:00:00").unwrap())
        };
        let photo = crate::vendor::noise(number.into(), 3000);
        let registered = Registered { jpeg: photo, embedding: vec![0.5, 0.5, 0.5, 0.5], pack: "none".into() };
        store.add(person, Some(registered)).unwrap();
    }
}

/// How many people are there with all that belongs to them.
fn whole_people(store: &Store) -> u32 {
    let is_whole = |number: &u32| {
        let photo = store.photo(LibId(*number)).unwrap();
        let person = store.person(LibId(*number));
        let named = person.is_some_and(|person| person.name == format!("person {number}"));
        named && photo.is_some_and(|photo| photo == crate::vendor::noise((*number).into(), 3000))
    };
    (1..=PEOPLE).filter(is_whole).count().try_into().unwrap()
}

/// Says how far it is, for whoever counts where it was cut off.
fn phase(name: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "phase {name}").and_then(|()| out.flush()).unwrap();
}

/// The product's installer, which says when it begins and when it has written everything.
struct Watched(Installer);

impl Install for Watched {
    fn ready(&self) -> Result<()> {
        self.0.ready()
    }

    fn is_done(&self, package: &Path) -> bool {
        self.0.is_done(package)
    }

    fn install(&self, package: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<Installed> {
        phase("verify");
        let mut begun = false;
        self.0.install(package, &mut |done, total| {
            if !std::mem::replace(&mut begun, true) {
                phase("unpack");
            }
            if done == total {
                phase("switch");
            }
            progress(done, total);
        })
    }
}

/// The place of a run: its data, keys, and the factory release's daemon.
fn launcher(place: &Path) -> Launcher {
    let releases = Releases::of(&place.join("data"));
    let mut launcher = Launcher::new(releases, 3).unwrap();
    launcher.factory = place.join("factory/facegate");
    launcher.version = "0.1.0".parse().unwrap();
    launcher
}

fn running(choice: &Choice) -> Running {
    let contents = facegate::release::Contents::read(&choice.folder);
    let version = contents.map_or_else(|_| "0.1.0".parse().unwrap(), |contents| contents.version);
    Running { version, folder: Some(choice.folder.clone()) }
}

/// Does what a run of the sweep is about.
pub fn act(place: &Path, verb: &str, address: &str) {
    match verb {
        "upgrade" => upgrade(place, address),
        "install" => install(place, address),
        "fail" => fail(place),
        other => panic!("no such verb: {other}"),
    }
}

/// Upgrades the terminal in `place` with what is at `address`, until the new release has proved itself.
fn upgrade(place: &Path, address: &str) {
    install(place, address);
    phase("start new");
    let choice = launcher(place).choose();
    prove(place, &choice);
}

/// The same up to the end of the old release.
fn install(place: &Path, address: &str) {
    phase("start");
    let launcher = launcher(place);
    let data = place.join("data");
    let running_now = running(&launcher.choose());
    let store = open(&data);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let installer = Installer {
        releases: launcher.releases.clone(),
        running: running_now,
        board: "sim".into(),
        keys: place.join("keys"),
        health: Arc::new(Health::default),
    };
    let left = Arc::new(AtomicBool::new(false));
    phase("fetch");
    let upgrade = Upgrade::open(upgrade::Tools {
        folder: data.join("upgrade"),
        fetch: Arc::new(Fetch::new(runtime.handle().clone(), Duration::from_secs(10))),
        install: Box::new(Watched(installer)),
        leave: Box::new({
            let left = left.clone();
            move || left.store(true, Ordering::SeqCst)
        }),
        runtime: runtime.handle().clone(),
        clock: Arc::new(SystemClock::default()),
        settings: Arc::new(Live::load(store.clone()).unwrap()),
        decisions: Arc::new(Decisions::default()),
        screen: Arc::new(Screen::default()),
        limits: upgrade::Limits { sync_bytes: 48 << 10, ..upgrade::Limits::default() },
    })
    .unwrap();
    // What was cut short goes on by itself; else it is asked for.
    upgrade.resume();
    if upgrade.state() == State::Idle {
        phase("ask");
        upgrade.start("new", address).unwrap();
    }
    let pause = facegate::clock::Bell::default();
    let clock = SystemClock::default();
    while !left.load(Ordering::SeqCst) {
        if let State::Failed { why } = upgrade.state() {
            eprintln!("the upgrade failed: {why}");
            std::process::exit(3);
        }
        clock.wait(&pause, Some(clock.mono().after(Duration::from_millis(1))));
    }
    upgrade.stop();
    drop((upgrade, runtime));
    // Its thread lets go of the store a moment after it is done.
    while Arc::strong_count(&store) > 1 {
        clock.wait(&pause, Some(clock.mono().after(Duration::from_millis(1))));
    }
    drop(store);
}

/// The new release in `place` is started and ends, until it is given up.
fn fail(place: &Path) {
    let launcher = launcher(place);
    phase("fail");
    loop {
        let _ = launcher.choose();
        let ending = Ending { result: "exit-code".into(), code: "exited".into(), status: "3".into() };
        if let Outcome::RolledBack { .. } = ended(&launcher.releases, launcher.attempts, &ending).unwrap() {
            break;
        }
    }
    phase("start old");
    prove(place, &launcher.choose());
}

/// What the daemon of the chosen release does: opens the data, proves itself, hands on what needs root.
fn prove(place: &Path, choice: &Choice) -> u32 {
    let data = place.join("data");
    let releases = Releases::of(&data);
    let store = open(&data);
    let people = whole_people(&store);
    let clock = ManualClock::at(SystemClock::default().wall());
    if let Some(trial) = Trial::of(&running(choice), &releases, CONFIRM) {
        phase("prove");
        let verdict = trial.watch(&clock, &Inbox::default(), || {
            clock.advance(Duration::from_secs(1));
            Health::default()
        });
        assert_eq!(verdict, Verdict::Proved);
        assert!(trial.confirm().unwrap());
    }
    phase("hand over");
    store.settle_format().unwrap();
    std::fs::create_dir_all(data.join("upgrade")).unwrap();
    hand_over(&running(choice), &releases, &data.join("upgrade")).unwrap();
    phase("done");
    people
}

/// Starts what the launcher chooses, as the launcher does.
pub fn look(place: &Path) {
    let choice = launcher(place).choose();
    let error = Command::new(&choice.daemon)
        .arg("run")
        .env(VARIABLE, &choice.folder)
        .env("UPGRADE_TEST", std::env::current_exe().unwrap())
        .env("UPGRADE_PLACE", place)
        .exec();
    panic!("{}: {error}", choice.daemon.display());
}

/// The script of a release ends up here.
pub fn daemon(place: &Path) {
    let folder = PathBuf::from(std::env::var_os(VARIABLE).unwrap());
    let slot = facegate::release::Slot::Factory;
    let choice = Choice { slot, daemon: folder.join("facegate"), folder };
    let people = prove(place, &choice);
    println!("version {} of {} people {people}", running(&choice).version, choice.folder.display());
}
