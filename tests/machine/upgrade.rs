//! The terminal as its Debian package installs it, under systemd and as a user of its own: the door works; an upgrade that
//! the platform asks for comes into force with its unit files; one whose daemon does not start goes back by itself, the relay
//! at rest meanwhile; and in between the exit button opens.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread::JoinHandle;

use facegate::package::{self, Recipe, SigningKey};
use serde_json::json;
use tiny_http::{Response, Server};

use crate::lines::{changes, levels};
use crate::platform::{call, ok};
use crate::vm::Machine;
use crate::{Setup, line, material};

/// Its name on the command line.
pub const NAME: &str = "machine::upgrade";
const TARGET: &str = "aarch64-unknown-linux-gnu";
/// Beside the models.
const ENGINE: &str = "aarch64/libLiteRt.so";
/// What a daemon that cannot work says.
const COMPLAINT: &str = "this release does not work";
/// How often it is started.
const ATTEMPTS: usize = 3;
/// A unit file that comes with a release; nothing starts it.
const UNIT: &str = "[Unit]\nDescription=Came with a release\n";

pub fn scenario(setup: &Setup) {
    setup.keep_log(|| play(setup));
}

fn play(setup: &Setup) {
    let share = setup.share.path();
    // The terminal's user reads the models there.
    fs::set_permissions(share, fs::Permissions::from_mode(0o755)).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let made = Command::new(root.join("scripts/deb")).arg(TARGET).arg(share.join("deb")).status();
    assert!(made.is_ok_and(|status| status.success()), "the Debian package cannot be made");
    // A release has longer to prove itself where everything is 70 times slower.
    setup.bring_terminal(|board| {
        board.replace("engine = \"builtin\"", "engine = \"auto\"") + "\n[upgrade]\nconfirm_s = 600\n"
    });
    let engine = bring_engine(share);
    for name in ["facegate", "facegate.service", "start"] {
        fs::remove_file(share.join(name)).unwrap();
    }
    setup.lay("install");
    fs::rename(share.join("install"), share.join("start")).unwrap();

    let keys = tempfile::tempdir().unwrap();
    package::keygen(&keys.path().join("vendor"), None).unwrap();
    fs::copy(keys.path().join("vendor.pub"), share.join("vendor.pub")).unwrap();
    let vendor = SigningKey::load(&keys.path().join("vendor.key"), &mut || Ok(String::new())).unwrap();
    let shelf = Shelf::start();

    let mut machine = setup.boot();
    let port = machine.port;
    machine.wait("the API", |_| call(port, "GetSysParam", &json!({})));
    let owner = machine.run("ps -o user= -p $(systemctl show --property=MainPID --value facegate)");
    assert_eq!(owner.trim(), "facegate");
    println!("  installed from its package, it runs as its own user: {}", version(port));
    if engine {
        machine.wait("the engine beside the models", |_| setup.log().contains("face models loaded").then_some(()));
        let loaded = setup.log().lines().find(|line| line.contains("face models loaded")).map(str::to_owned);
        assert!(loaded.as_deref().is_some_and(|line| line.contains("libLiteRt.so")), "{loaded:?}");
        println!("  the faster engine runs within what the unit allows");
    }
    opens(&mut machine, 1);
    println!("  the exit button opens");
    ok(port, "SetSysParam", json!({ "Name": "kept" }));
    // Of what the terminal's user may not do, the system does for it what polkit's rules allow.
    let noon = json!({ "Year": 2031, "Month": 5, "Day": 6, "Hour": 12, "Minute": 0, "Second": 0 });
    ok(port, "SetSysTime", noon);
    assert_eq!(machine.run("date +%Y-%m").trim(), "2031-05");
    let who = "setpriv --reuid facegate --regid facegate --clear-groups";
    let refused = machine.run(&format!("{who} systemctl --no-ask-password stop facegate-upgrade.path || true"));
    assert!(refused.contains("Access denied"), "the terminal's user may stop units: {refused}");
    println!("  it sets the machine's clock, and may not stop a unit");

    // A good one.
    let release = Tree::new(&fs::read(setup.built.join("facegate")).unwrap());
    let good = release.pack(&shelf, &vendor, "9.9.9");
    ask(port, &good);
    machine.wait("the new release", |_| (version(port) == "v9.9.9").then_some(()));
    machine.wait("its confirmation", |machine| (in_use(machine) == "9.9.9").then_some(()));
    assert_eq!(call(port, "GetSysParam", &json!({})).unwrap()["info"]["Name"], "kept");
    machine.wait("its unit file", |machine| {
        machine
            .run("cat /etc/systemd/system/facegate-note.service 2>/dev/null || true")
            .contains("Came with")
            .then_some(())
    });
    println!("  an upgrade comes into force, with its unit files");
    opens(&mut machine, 2);

    // One that does not start.
    let broken =
        Tree::new(format!("#!/bin/sh\necho '{COMPLAINT}' >&2\nexit 3\n").as_bytes()).pack(&shelf, &vendor, "10.0.0");
    ask(port, &broken);
    let starts = || setup.log().matches(COMPLAINT).count();
    machine.wait("its starts", |_| (starts() == ATTEMPTS).then_some(()));
    machine.wait("the release before it", |_| (version(port) == "v9.9.9").then_some(()));
    assert_eq!((in_use(&mut machine).as_str(), starts()), ("9.9.9", ATTEMPTS));
    assert_eq!(call(port, "GetSysParam", &json!({})).unwrap()["info"]["Name"], "kept");
    let relay = levels(&changes(&machine.put_out()), line::RELAY);
    assert_eq!(
        (closings(&machine), relay.last()),
        (2, Some(&false)),
        "nobody was let in by a release that does not work"
    );
    opens(&mut machine, 3);
    println!("  one that does not start goes back by itself, the door locked meanwhile as its profile says");
    println!("{}", machine.run("facegate release status --board /etc/facegate/board.toml"));

    ok(port, "RebootDevice", json!({ "IsRebootDevice": 1 }));
    machine.ends();
    println!("  asked to, it restarts the machine");
}

/// Puts the faster engine beside the models, as what is shipped for this processor has it; whether there is one.
fn bring_engine(share: &Path) -> bool {
    let Some(engine) = material::built().map(|built| built.join(ENGINE)).filter(|engine| engine.is_file()) else {
        return false;
    };
    let place = share.join("models").join(ENGINE);
    fs::create_dir(place.parent().unwrap()).unwrap();
    fs::copy(engine, place).unwrap();
    true
}

/// Presses the exit button, which opens for the `nth` time.
fn opens(machine: &mut Machine, nth: usize) {
    machine.drive(line::EXIT, true);
    machine.wait("the open door", |machine| (closings(machine) >= nth).then_some(()));
    machine.drive(line::EXIT, false);
    machine.wait("the door at rest", |machine| {
        levels(&changes(&machine.put_out()), line::RELAY).ends_with(&[false]).then_some(())
    });
}

/// How often the relay has closed.
fn closings(machine: &Machine) -> usize {
    levels(&changes(&machine.put_out()), line::RELAY).into_iter().filter(|closed| *closed).count()
}

/// The version of the release that is used and has proved itself.
fn in_use(machine: &mut Machine) -> String {
    let status = machine.run("facegate release status --board /etc/facegate/board.toml || true");
    let line = status.lines().find(|line| line.contains("in use")).unwrap_or_default();
    line.split_whitespace().nth(1).unwrap_or_default().to_owned()
}

fn version(port: u16) -> String {
    let answer = call(port, "GetSysParam", &json!({}));
    answer.and_then(|answer| answer["info"]["Version"].as_str().map(str::to_owned)).unwrap_or_default()
}

fn ask(port: u16, package: &str) {
    // The emulator's own network shows the host's loopback under this address.
    ok(port, "Upgrade", json!({ "Path": package, "Name": "test", "Version": "test" }));
}

/// A release in the making.
struct Tree(tempfile::TempDir);

impl Tree {
    fn new(daemon: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("facegate"), daemon).unwrap();
        fs::create_dir(folder.path().join("units")).unwrap();
        fs::write(folder.path().join("units/facegate-note.service"), UNIT).unwrap();
        Self(folder)
    }

    /// Packs and signs it as a version; returns where it can be fetched.
    fn pack(&self, shelf: &Shelf, vendor: &SigningKey, version: &str) -> String {
        let name = format!("{version}.swx");
        let file = shelf.folder.path().join(&name);
        let recipe = Recipe {
            name: package::RELEASE.into(),
            version: version.parse().unwrap(),
            minimum: None,
            boards: vec!["qemu-virt".into()],
            target: Some(TARGET.into()),
            downgrade: false,
            data_format: facegate::store::FORMAT,
        };
        package::build(self.0.path(), &recipe, &file, &mut |_, _| {}).unwrap();
        package::sign(&file, vendor, &mut |_, _| {}).unwrap();
        format!("http://10.0.2.2:{}/{name}", shelf.server.server_addr().to_ip().unwrap().port())
    }
}

/// A server that packages are fetched from.
struct Shelf {
    folder: tempfile::TempDir,
    server: Arc<Server>,
    thread: Option<JoinHandle<()>>,
}

impl Shelf {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Arc::new(Server::http("127.0.0.1:0").unwrap());
        let thread = std::thread::spawn({
            let (server, folder) = (server.clone(), PathBuf::from(folder.path()));
            move || {
                for request in server.incoming_requests() {
                    let file = folder.join(request.url().trim_start_matches('/'));
                    let _ = match fs::File::open(file) {
                        Ok(file) => request.respond(Response::from_file(file)),
                        Err(_) => request.respond(Response::empty(404)),
                    };
                }
            }
        });
        Self { folder, server, thread: Some(thread) }
    }
}

impl Drop for Shelf {
    fn drop(&mut self) {
        self.server.unblock();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
