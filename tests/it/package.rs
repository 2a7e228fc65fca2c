//! Packages through the binary: made, signed, looked at, verified; what goes wrong is said in one line.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(TempDir::new().unwrap());
        for (path, text) in [("tree/facegate", "#!/bin/sh\n"), ("tree/models/face.toml", "x"), ("keys/README", "")] {
            fs::create_dir_all(desk.path(path).parent().unwrap()).unwrap();
            fs::write(desk.path(path), text).unwrap();
        }
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs the verb in the desk's folder.
    fn package(&self, line: &str) -> Output {
        Command::new(Path::new(env!("CARGO_BIN_EXE_facegate")))
            .arg("package")
            .args(line.split_whitespace())
            .current_dir(self.0.path())
            .output()
            .unwrap()
    }

    fn well(&self, line: &str) -> String {
        let output = self.package(line);
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn badly(&self, line: &str, why: &str) {
        let output = self.package(line);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(why), "{line}: {why:?} not in {said}");
    }
}

const BUILD: &str = "build tree --out r.swx --version 1.2.0 --board sim --board rpi4 --target x86_64-unknown-linux-gnu";

#[test]
fn a_package_is_made_signed_and_verified_on_a_desk() {
    let desk = Desk::new();
    let id = desk.well("keygen --out vendor")[4..20].to_owned();
    desk.well(BUILD);
    desk.badly("verify r.swx --keys keys", "there is no trusted key; put the public key");
    fs::copy(desk.path("vendor.pub"), desk.path("keys/vendor.pub")).unwrap();
    desk.badly("verify r.swx --keys keys", "not signed");
    let seen = desk.well("inspect r.swx");
    assert!(seen.contains("NOT VERIFIED") && seen.contains("the package is not signed"), "{seen}");

    assert!(desk.well("sign r.swx --key vendor.key").contains(&id));
    let seen = desk.well("inspect r.swx");
    for part in ["NOT VERIFIED", &id, "sim, rpi4", "1.2.0", "x86_64-unknown-linux-gnu", "models/face.toml"] {
        assert!(seen.contains(part), "{part} not in {seen}");
    }
    let seen = desk.well("verify r.swx --keys keys --board rpi4 --version 1.1.0");
    assert!(seen.contains("good") && seen.contains(&id), "{seen}");
    desk.badly("verify r.swx --keys keys --board hi3516dv300", "for boards sim, rpi4, this is");
    desk.badly("verify r.swx --keys keys --version 1.2.0", "1.2.0 is installed already");
    desk.badly("verify r.swx --keys keys --version 2.0.0", "older than the 2.0.0");

    fs::write(desk.path("keys/revoked"), format!("{id} # left in a train\n")).unwrap();
    desk.badly("verify r.swx --keys keys", "there is no trusted key");
}

#[test]
fn the_desk_is_told_what_cannot_be_made() {
    let desk = Desk::new();
    desk.well("keygen --out vendor");
    desk.badly("keygen --out vendor", "vendor.key");
    desk.badly("build tree --out r.swx --version 1.2.0 --board sim", "should name the target of its daemon");
    desk.badly("build tree --out r.swx --version 1.2 --board sim", "--version");
    desk.badly("build nowhere --out r.swx --version 1.2.0", "nowhere");
    desk.badly("build tree --name models --out r.swx --version 1.2.0", "should hold models and nothing else");
    std::os::unix::fs::symlink("/etc/passwd", desk.path("tree/models/link")).unwrap();
    desk.badly(BUILD, "tree/models/link: is a link");
    assert!(!desk.path("r.swx").exists());
    fs::remove_file(desk.path("tree/models/link")).unwrap();
    fs::remove_file(desk.path("tree/facegate")).unwrap();
    desk.well("build tree --name models --out m.swx --version 7.0.0");
    desk.badly("sign m.swx --key vendor.pub", "vendor.pub");
    desk.well("sign m.swx --key vendor.key");
}
