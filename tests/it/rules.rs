//! The invariants of ARCHITECTURE.md that are absences, and so cannot be seen by reading one file.

use std::path::{Path, PathBuf};

/// Source files below `src`, without their test modules.
fn sources() -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
                let code = code.lines().filter(|line| !line.trim_start().starts_with("//"));
                found.push((path.strip_prefix("src").unwrap().into(), code.collect::<Vec<_>>().join("\n")));
            }
        }
    }
    let mut found = Vec::new();
    walk(Path::new("src"), &mut found);
    assert!(found.len() > 50, "the sources are found");
    found
}

#[test]
fn outside_things_have_one_owner() {
    // what, and where alone it may be named
    for (word, owners) in [
        ("sled::", &["store"][..]),
        ("sd_notify::", &["hal"]),
        ("tflite::", &["vision"]),
        ("Instant::now", &["clock.rs"]),
        ("Timestamp::now", &["clock.rs"]),
        ("SystemTime::now", &["clock.rs"]),
        ("thread::sleep", &["clock.rs"]),
        ("rustix::", &["hal", "store"]),
        ("ring::aead", &["backup"]),
        ("ring::signature", &["package"]),
        ("minisign::", &["package"]),
        ("zstd::", &["package"]),
        ("if_addrs::", &["hal"]),
        ("gpiocdev::", &["hal"]),
        ("rppal::", &["hal"]),
        ("v4l::", &["hal"]),
        ("evdev::", &["hal"]),
        ("linux_embedded_hal::", &["hal"]),
        ("mlx9064x::", &["hal"]),
        ("Command::new", &["hal", "store/tests"]),
        ("hyper::", &["api", "push", "fetch.rs", "sim", "app.rs"]),
        ("crate::sim", &["app.rs", "bench.rs"]),
        ("crate::api", &["api", "app", "app.rs", "mqtt", "sim"]),
        ("crate::mqtt", &["app", "app.rs", "mqtt"]),
        ("crate::board", &["app", "app.rs", "bench", "bench.rs", "board", "board.rs", "control.rs"]),
        ("rumqttc::", &["mqtt"]),
        ("crate::app", &["bench", "bench.rs"]),
    ] {
        for (file, code) in sources() {
            let allowed = owners.iter().any(|owner| file.starts_with(owner));
            assert!(allowed || !code.contains(word), "{} names {word}", file.display());
        }
    }
}

#[test]
fn the_rules_of_access_and_door_are_pure() {
    for (file, code) in sources() {
        if !(file.starts_with("access") || file.starts_with("door.rs")) {
            continue;
        }
        for word in [
            "std::fs",
            "std::net",
            "std::thread",
            "Mutex",
            "RwLock",
            "tokio",
            "dyn Clock",
            "crate::store",
            "crate::hal",
        ] {
            assert!(!code.contains(word), "{} names {word}", file.display());
        }
    }
}

/// So that they can be fuzzed without the inference engine.
#[test]
fn packages_name_nothing_of_the_terminal() {
    for (file, code) in sources() {
        let named = file.starts_with("package") && ["crate::", "facegate::"].iter().any(|word| code.contains(word));
        assert!(!named, "{} names a part of the terminal", file.display());
    }
}

#[test]
fn the_wires_names_stay_at_the_wire() {
    for (file, code) in sources() {
        if !["access", "door.rs", "vision", "store", "hal"].iter().any(|part| file.starts_with(part)) {
            continue;
        }
        for word in ["\"DeviceID\"", "\"PersonType\"", "\"VerifyStatus\"", "rename = "] {
            assert!(!code.contains(word), "{} names {word}", file.display());
        }
    }
}
