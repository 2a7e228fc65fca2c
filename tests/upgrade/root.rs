//! What of a package needs root, through the real verb; no root is needed where the folders are others.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use facegate::release::{Releases, Slot};

use crate::service::FACEGATE;
use crate::vendor::Vendor;

/// A machine's folders.
struct Machine {
    place: tempfile::TempDir,
    vendor: Vendor,
    package: PathBuf,
}

const UNIT: (&str, &[u8]) = ("units/facegate-extra.service", b"[Service]\n");

impl Machine {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let vendor = Vendor::new(&place.path().join("vendor"));
        for folder in ["units", "workshop", "data"] {
            fs::create_dir(place.path().join(folder)).unwrap();
        }
        fs::write(place.path().join("board.toml"), facegate::board::SIM).unwrap();
        let package = place.path().join("data/for-root.swx");
        Self { place, vendor, package }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// Lets the daemon hand a package over, and root apply it; whether it was, and what was said.
    fn apply(&self, package: &Path) -> (bool, String) {
        fs::copy(package, &self.package).unwrap();
        self.run()
    }

    fn run(&self) -> (bool, String) {
        let (good, said) = self.try_it();
        assert!(!self.package.exists() && self.entries("workshop").is_empty(), "nothing is left");
        (good, said)
    }

    fn try_it(&self) -> (bool, String) {
        let output = Command::new(FACEGATE)
            .args(["release", "system", "--remove", "--board"])
            .arg(self.path("board.toml"))
            .args([Path::new("--units"), &self.path("units"), Path::new("--keys"), &self.vendor.keys()])
            .args([Path::new("--workshop"), &self.path("workshop")])
            .arg(&self.package)
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&said).into_owned())
    }

    fn entries(&self, folder: &str) -> Vec<String> {
        let folder = if folder == "keys" { self.vendor.keys() } else { self.path(folder) };
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn release(machine: &Machine, version: &str, more: &[(&str, &[u8])]) -> PathBuf {
    let more: Vec<_> = more.iter().map(|(path, bytes)| (*path, bytes.to_vec())).collect();
    machine.vendor.release(version, "exit 1", &more)
}

/// Units and keys are written, and nothing else; once, and never from an older package.
pub fn applies() {
    let machine = Machine::new();
    let next = Vendor::new(&machine.path("next"));
    let key = fs::read(next.keys().join("vendor.pub")).unwrap();
    let first =
        release(&machine, "8.0.0", &[UNIT, ("models/x", b"x"), ("keys/next.pub", &key), ("keys/revoked", b"# none\n")]);
    // A link in the place of a unit is replaced, not followed.
    fs::write(machine.path("shadow"), "root").unwrap();
    symlink(machine.path("shadow"), machine.path("units/facegate-extra.service")).unwrap();
    let (good, said) = machine.apply(&first);
    assert!(good && said.contains("3 files of version 8.0.0 written"), "{said}");
    assert_eq!(machine.entries("units"), ["facegate-extra.service"]);
    assert_eq!(machine.entries("keys"), ["applied", "next.pub", "revoked", "vendor.pub"]);
    assert_eq!(fs::read(machine.path("units/facegate-extra.service")).unwrap(), UNIT.1);
    assert_eq!(fs::read_to_string(machine.path("shadow")).unwrap(), "root");
    let (good, said) = machine.apply(&first);
    assert!(good && said.contains("nothing to do"), "{said}");
    // A daemon that was taken over hands an old package over again, with the units that were mended since.
    let older = release(&machine, "7.0.0", &[("units/facegate-old.service", b"")]);
    let (good, said) = machine.apply(&older);
    assert!(!good && said.contains("older"), "{said}");
    // One that was signed to go over newer ones once, and was kept.
    let kept = machine.vendor.pack("7.5.0", &machine.vendor.tree("7.0.0"), |recipe| recipe.downgrade = true);
    let (good, said) = machine.apply(&kept);
    assert!(!good && said.contains("older"), "{said}");
    assert_eq!(machine.entries("units"), ["facegate-extra.service"]);
    // Releases between that needed nothing of root are none of its business, nor are keys of the profile it does not know.
    fs::write(machine.path("board.toml"), format!("{}\n[gate]\nturnstile = 1\n", facegate::board::SIM)).unwrap();
    let over =
        machine.vendor.pack("8.1.0", &machine.vendor.tree("8.0.0"), |recipe| recipe.minimum = "8.0.5".parse().ok());
    let (good, said) = machine.apply(&over);
    assert!(good && said.contains("8.1.0 written"), "{said}");
    // The new key signs, and the old one is taken back by the same package.
    let old_key = fs::read_to_string(machine.vendor.keys().join("vendor.pub")).unwrap();
    let revoked = old_key.lines().last().unwrap().to_owned();
    let tree = next.release("9.0.0", "exit 1", &[("keys/revoked", revoked.clone().into_bytes())]);
    assert!(machine.apply(&tree).0);
    let (good, said) = machine.apply(&release(&machine, "9.9.0", &[("units/facegate-old.service", b"")]));
    assert!(!good && said.contains("revoked"), "{said}");
    assert_eq!(machine.entries("units"), ["facegate-extra.service"]);
    // And stays so, whatever the next list says.
    assert!(machine.apply(&next.release("9.5.0", "exit 1", &[("keys/revoked", b"# nobody\n".to_vec())])).0);
    let list = fs::read_to_string(machine.vendor.keys().join("revoked")).unwrap();
    assert_eq!(list, format!("# none\n{revoked}\n# nobody\n"));
}

/// What the disk is to blame for costs no package.
pub fn keeps() {
    let machine = Machine::new();
    let good_package = release(&machine, "8.0.0", &[UNIT]);
    fs::remove_dir(machine.path("workshop")).unwrap();
    fs::copy(&good_package, &machine.package).unwrap();
    let (good, said) = machine.try_it();
    assert!(!good && machine.package.exists(), "{said}");
    fs::create_dir(machine.path("workshop")).unwrap();
    assert!(machine.run().0);
}

/// A profile that only the release in the slot understands: that one locks the door.
pub fn rests() {
    let machine = Machine::new();
    let releases = Releases::of(&machine.path("data"));
    let daemon = releases.slot(Slot::A).unwrap().join("facegate");
    fs::create_dir_all(daemon.parent().unwrap()).unwrap();
    fs::write(&daemon, "#!/bin/sh\necho \"$FACEGATE_RELEASE $1 $2\"\n").unwrap();
    fs::set_permissions(&daemon, fs::Permissions::from_mode(0o755)).unwrap();
    releases.change(|state| state.chosen = Slot::A).unwrap();
    let board = facegate::board::SIM.replace("\"facegate-data\"", &format!("{:?}", machine.path("data")));
    fs::write(machine.path("board.toml"), format!("{board}\n[turnstile]\nwings = 2\n")).unwrap();
    let output = Command::new(FACEGATE).args(["rest", "--board"]).arg(machine.path("board.toml")).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(said, format!("{} rest --board\n", daemon.parent().unwrap().display()));
}

/// What is not as it should be leaves no trace.
pub fn refuses() {
    for (path, bytes) in [
        ("units/sshd.service", &b""[..]),
        // What decides whether a release stays comes with none.
        ("units/facegate.service", b""),
        ("units/facegate-upgrade.service", b""),
        ("units/facegate-upgrade.path", b""),
        ("units/facegate.conf", b""),
        ("units/facegate.service.d/x.service", b""),
        ("keys/sub/x.pub", b""),
        ("keys/authorized_keys", b""),
        ("keys/applied", b"99.0.0"),
    ] {
        let machine = Machine::new();
        let (good, said) = machine.apply(&release(&machine, "8.0.0", &[UNIT, (path, bytes)]));
        assert!(!good && said.contains("no such unit or key is written"), "{path}: {said}");
        assert!(machine.entries("units").is_empty(), "{path}");
        assert_eq!(machine.entries("keys"), ["vendor.pub"], "{path}");
    }
    // Of somebody else.
    let machine = Machine::new();
    let stranger = Vendor::new(&machine.path("stranger"));
    let (good, said) = machine.apply(&stranger.release("8.0.0", "exit 1", &[(UNIT.0, UNIT.1.to_vec())]));
    assert!(!good && said.contains("not trusted"), "{said}");
    // A link to what only root may read is not read.
    let good_package = release(&machine, "8.0.0", &[UNIT]);
    symlink(&good_package, &machine.package).unwrap();
    let (good, said) = machine.run();
    assert!(!good && said.contains("is no package"), "{said}");
    assert!(good_package.exists() && machine.entries("units").is_empty());
}
