//! What is done by hand: packages made at a desk and installed from a stick.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use facegate::clock::SystemClock;
use facegate::package::TARGET;
use facegate::release::trial::Function;
use facegate::release::{Releases, Slot};
use facegate::store::{Limits, Store};

use crate::service::FACEGATE;
use crate::vendor::{Vendor, noise};

/// A terminal that is stopped, and a desk.
struct Desk {
    place: tempfile::TempDir,
    vendor: Vendor,
}

impl Desk {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let vendor = Vendor::new(&place.path().join("vendor"));
        let desk = Self { place, vendor };
        let board = facegate::board::SIM.replace("\"facegate-data\"", &format!("{:?}", desk.data()));
        let board = format!("{board}\n[upgrade]\nkeys = {:?}\n", desk.vendor.keys());
        fs::write(desk.path("board.toml"), board).unwrap();
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn data(&self) -> PathBuf {
        self.path("data")
    }

    fn facegate(&self, line: &str) -> Output {
        let mut words = line.split_whitespace().collect::<Vec<_>>();
        if words[0] != "package" {
            words.extend(["--board", "board.toml"]);
        }
        Command::new(FACEGATE).args(words).current_dir(self.place.path()).output().unwrap()
    }

    /// Whether it went well, and what was said.
    fn says(&self, line: &str) -> (bool, String) {
        let output = self.facegate(line);
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&said).into_owned())
    }
}

/// The way of the documents: `package build` and `sign`, then `release install` on a terminal that has run.
pub fn installs() {
    let desk = Desk::new();
    let limits = Limits { people: 10, control_records: 10, captures: 10, notices: 10 };
    drop(Store::open(&desk.data(), limits, Arc::new(SystemClock::default())).unwrap());
    fs::create_dir_all(desk.path("tree/models")).unwrap();
    fs::write(desk.path("tree/facegate"), "#!/bin/sh\n").unwrap();
    fs::write(desk.path("tree/models/a.tflite"), "a").unwrap();
    let build = format!("package build tree --out r.swx --version 9.0.0 --board sim --target {TARGET}");
    for line in [&build, "package sign r.swx --key vendor/vendor.key"] {
        let (good, said) = desk.says(line);
        assert!(good, "{line}: {said}");
    }
    let (good, said) = desk.says("release install r.swx --without camera --without lock");
    assert!(good && said.contains("version 9.0.0 is in slot a"), "{said}");
    let state = Releases::of(&desk.data()).load().unwrap();
    assert_eq!(state.trial.unwrap().healthy, [Function::Models, Function::People, Function::Api, Function::Inputs]);
    assert!(desk.path("r.swx").exists(), "the stick is left as it is");
    let (good, said) = desk.says("release install r.swx --without wings");
    assert!(!good && said.contains("should be camera, models, people, api, inputs or lock"), "{said}");
    let next = desk.vendor.release("9.1.0", "exit 1", &[]);
    let (good, said) = desk.says(&format!("release install {}", next.display()));
    assert!(!good && said.contains("has not proved itself yet"), "{said}");
    let (good, said) = desk.says("release rollback");
    assert!(good && said.contains("factory is started next"), "{said}");
    assert!(!desk.says("release rollback").0, "what has not proved itself is nothing to go back to");
}

/// What terminals would not take is told where it can still be changed.
pub fn warns() {
    let desk = Desk::new();
    fs::create_dir_all(desk.path("tree/units")).unwrap();
    fs::write(desk.path("tree/facegate"), "#!/bin/sh\n").unwrap();
    let build = format!("package build tree --out r.swx --version 9.0.0 --board sim --target {TARGET}");
    for (unit, good) in [("facegate-note.service", true), ("facegate.service", false), ("facegate-upgrade.path", false)]
    {
        fs::write(desk.path("tree/units").join(unit), "").unwrap();
        let (built, said) = desk.says(&build);
        assert!(built && said.contains(&format!("units/{unit}: no terminal takes that")) != good, "{unit}: {said}");
    }
}

/// On a disk of its own that is too small.
pub fn no_room() {
    let desk = Desk::new();
    let package = desk.vendor.release("9.0.0", "exit 1", &[("models/a.tflite", noise(1, 3 << 20))]);
    let script = r#"mkdir -p data && mount -t tmpfs -o size=2m none data || exit 77
        "$0" release install "$1" --board board.toml; echo "code $?"; ls -A data data/releases"#;
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", script, FACEGATE])
        .arg(package)
        .current_dir(desk.place.path())
        .output();
    let Some(output) = output.ok().filter(|output| output.status.success()) else {
        return println!("skipped: no disk of its own can be made here (unshare, mount)");
    };
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(said.contains("bytes are needed and") && said.contains("make room") && said.contains("code 1"), "{said}");
    assert!(!said.lines().any(|line| line == "a" || line == "state.json"), "nothing was touched: {said}");
}

/// What root writes there, the terminal's user could not change.
pub fn another_user() {
    let desk = Desk::new();
    let package = desk.vendor.release("9.0.0", "exit 1", &[]);
    fs::create_dir(desk.data()).unwrap();
    if chown(desk.data(), Some(65534), Some(65534)).is_err() {
        return println!("skipped: only root can give a folder away");
    }
    let install = format!("release install {}", package.display());
    for line in [install.as_str(), "release rollback", "release ended"] {
        let (good, said) = desk.says(line);
        assert!(!good && said.contains("runuser -u facegate"), "{line}: {said}");
    }
    // Nor does root run what that user may write.
    let releases = Releases::of(&desk.data());
    let daemon = releases.slot(Slot::A).unwrap().join("facegate");
    fs::create_dir_all(daemon.parent().unwrap()).unwrap();
    fs::write(&daemon, "#!/bin/sh\ntouch ran\n").unwrap();
    fs::set_permissions(&daemon, fs::Permissions::from_mode(0o755)).unwrap();
    releases.change(|state| state.chosen = Slot::A).unwrap();
    for line in ["release start", "rest"] {
        let (_, said) = desk.says(line);
        assert!(!desk.path("ran").exists(), "{line}: {said}");
    }
    assert!(!desk.says("release start").0);
}

/// Those the profile names.
pub fn models() {
    let desk = Desk::new();
    fs::create_dir_all(desk.path("tree/models")).unwrap();
    fs::write(desk.path("tree/models/a.toml"), "no pack").unwrap();
    for line in
        ["package build tree --name models --out m.swx --version 1.0.0", "package sign m.swx --key vendor/vendor.key"]
    {
        let (good, said) = desk.says(line);
        assert!(good, "{line}: {said}");
    }
    let (good, said) = desk.says("models install m.swx");
    assert!(
        !good && said.contains("verifying") && !said.contains("trusted key"),
        "it was verified, and is no pack: {said}"
    );
    fs::remove_dir_all(desk.vendor.keys()).unwrap();
    let (good, said) = desk.says("models install m.swx");
    assert!(
        !good && said.contains("there is no trusted key") && said.contains(desk.vendor.keys().to_str().unwrap()),
        "{said}"
    );
    assert!(Path::new(&desk.path("m.swx")).exists());
}
