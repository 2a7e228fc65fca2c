//! A terminal's people and settings carried to another through the binary, and what a bad file or passphrase does.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::crash::Terminal;
use crate::material::{faces, models};
use crate::rig::{call, people, picture};

fn facegate(verb: &str, file: &Path, data: &Path, passphrase: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_facegate"))
        .arg(verb)
        .arg(file)
        .arg("--data")
        .arg(data)
        .arg("--passphrase-file")
        .arg(passphrase)
        .args(more)
        .output()
        .unwrap()
}

fn went_well(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn refused(output: &Output, why: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains(why), "{why:?} not in {said}");
}

/// A person with the photo, as a platform searches for it.
fn person(base: &str, custom_id: u32) -> Value {
    let search = json!({ "info": { "SearchType": 0, "SearchID": custom_id.to_string(), "Picture": 1 } });
    call(base, "SearchPerson", &search)
}

/// Enrols somebody; returns the number the terminal gave.
fn add(base: &str, custom_id: u32, photo: &str) -> u64 {
    let info = json!({ "DeviceID": 1_300_001, "CustomizeID": custom_id, "Name": format!("person {custom_id}") });
    let answer = call(base, "AddPerson", &json!({ "info": info, "picinfo": picture(photo) }));
    assert_eq!(answer["code"], 200, "{answer}");
    person(base, custom_id)["info"]["LibID"].as_u64().unwrap()
}

#[test]
fn people_and_settings_move_to_another_terminal_or_stay_as_they_were() {
    if models().is_none() || faces().is_none() {
        return;
    }
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (file, good, other) = (path("terminal.backup"), path("good"), path("other"));
    std::fs::write(&good, "correct horse\n").unwrap();
    std::fs::write(&other, "battery staple\n").unwrap();
    let photos = people();

    let old = Terminal::start(&path("old"));
    let numbers = [add(&old.base, 1, &photos[0].0), add(&old.base, 2, &photos[1].0)];
    let answer = call(&old.base, "SetDoorCondition", &json!({ "info": { "DeviceID": 1_300_001, "IOStayTime": 70 } }));
    assert_eq!(answer["code"], 200, "{answer}");
    let answer = call(&old.base, "SetSysParam", &json!({ "info": { "DeviceID": 1_300_001, "Name": "the old one" } }));
    assert_eq!(answer["code"], 200, "{answer}");
    let before = [person(&old.base, 1), person(&old.base, 2)];
    refused(&facegate("backup", &file, &path("old"), &good, &[]), "stop it first");
    old.kill();

    went_well(&facegate("backup", &file, &path("old"), &good, &[]));
    let sealed = std::fs::read(&file).unwrap();
    for secret in [&b"person 1"[..], b"IOStayTime"] {
        assert!(!sealed.windows(secret.len()).any(|part| part == secret), "the file is sealed");
    }

    // Nothing of this touches the target.
    let new = Terminal::start(&path("new"));
    add(&new.base, 9, &photos[2].0);
    new.kill();
    refused(&facegate("restore", &file, &path("new"), &other, &[]), "passphrase is not that");
    let bad = path("bad.backup");
    for at in [0, 20, 70, sealed.len() / 2, sealed.len() - 1] {
        let mut changed = sealed.clone();
        changed[at] ^= 0x10;
        std::fs::write(&bad, &changed).unwrap();
        refused(&facegate("restore", &bad, &path("new"), &good, &[]), "backup");
        std::fs::write(&bad, &sealed[..at]).unwrap();
        refused(&facegate("restore", &bad, &path("new"), &good, &[]), "backup");
        assert!(!path("new.restoring").exists() && !path("new.before-restore").exists());
    }
    let new = Terminal::start(&path("new"));
    assert!(person(&new.base, 9).to_string().contains("person 9"));
    new.kill();

    for (target, more) in [("new", &[][..]), ("clone", &["--clone"][..])] {
        went_well(&facegate("restore", &file, &path(target), &good, more));
        let moved = Terminal::start(&path(target));
        assert_eq!([person(&moved.base, 1), person(&moved.base, 2)], before, "{target}");
        assert!(!person(&moved.base, 9).to_string().contains("person 9"), "{target}");
        let door = call(&moved.base, "GetDoorCondition", &json!({ "info": { "DeviceID": 1_300_001 } }));
        assert_eq!(door["info"]["IOStayTime"], 70, "{target}: {door}");
        let name = call(&moved.base, "GetSysParam", &json!({ "info": { "DeviceID": 1_300_001 } }));
        assert_eq!(name.to_string().contains("the old one"), target == "new", "{target}: {name}");
        let number = add(&moved.base, 3, &photos[3].0);
        assert!(!numbers.contains(&number), "{target}: {number} was given out before");
        moved.kill();
    }
    assert!(path("new.before-restore/db").is_dir(), "the old data stays");

    // Killed between the two renames of a restore.
    std::fs::rename(path("new"), path("new.restoring")).unwrap();
    let started = Command::new(env!("CARGO_BIN_EXE_facegate"))
        .args(["sim", "--listen", "127.0.0.1:0", "--data"])
        .arg(path("new"))
        .arg("--models")
        .arg(models().unwrap())
        .output()
        .unwrap();
    refused(&started, "a restore was cut short");
    refused(&facegate("restore", &file, &path("new"), &good, &[]), "a restore was cut short");
}
