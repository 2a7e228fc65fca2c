//! What was acknowledged outlasts a process killed at any moment.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use super::*;
use crate::access::{CaptureRecord, PictureType};

const VICTIM: &str = "FACEGATE_STORE_VICTIM";

/// Not a test of its own: the process that is killed. Says on standard output what it was promised.
#[test]
fn victim() {
    let Some(dir) = std::env::var_os(VICTIM) else { return };
    let store = open(Path::new(&dir), LIMITS).unwrap();
    let first = store.people().iter().filter_map(|person| person.custom_id).max().unwrap_or(0) + 1;
    for custom_id in first.. {
        let id = store.add(person(custom_id), Some(registered(custom_id, 0))).unwrap();
        say(id, custom_id, 0);
        if custom_id % 3 == 0 {
            store.update(Person { id, ..person(custom_id) }, Some(registered(custom_id, 1))).unwrap();
            say(id, custom_id, 1);
            let frame = Arc::new(image::RgbImage::new(64, 64));
            let record = CaptureRecord::new(LocalTime::UNSET, PictureType::Unmatched);
            store.append_capture(record, Some(Picture { frame, crop: (0, 0, 64, 64) }), true);
            store.flush().unwrap();
            let mut out = std::io::stdout().lock();
            writeln!(out, "seen {}", store.last_seq()).unwrap();
            out.flush().unwrap();
        }
    }
}

fn say(id: LibId, custom_id: u32, version: u32) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "kept {id} {custom_id} {version}").unwrap();
    out.flush().unwrap();
}

#[test]
fn acknowledged_people_outlast_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let seed = u64::from(std::process::id()) | 1 << 40;
    println!("seed {seed}");
    let mut random = Random(seed);
    let mut promised: BTreeMap<LibId, (u32, u32)> = BTreeMap::new();
    let mut seen = 0;
    for round in 0..12 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["store::tests::kill::victim", "--exact", "--nocapture", "--test-threads=1"])
            .env(VICTIM, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(std::result::Result::ok);
        let mut note = |line: &str| {
            // The test harness's own words may stand before the first line.
            if let Some(seq) = line.strip_prefix("seen ").and_then(|seq| seq.parse().ok()) {
                seen = seq;
                return true;
            }
            let Some(at) = line.find("kept ") else { return false };
            let numbers: Vec<u32> = line[at + 5..].split(' ').filter_map(|number| number.parse().ok()).collect();
            let [id, custom_id, version] = numbers[..] else { return false };
            promised.insert(LibId(id), (custom_id, version));
            true
        };
        let mut left = random.below(25);
        for line in lines.by_ref() {
            left = left.saturating_sub(u64::from(note(&line)));
            if left == 0 {
                break;
            }
        }
        // Somewhere within the next few acts.
        for _ in 0..random.below(40_000) {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        for line in lines {
            note(&line);
        }

        let store = open(dir.path(), LIMITS).unwrap();
        let embeddings = embeddings(&store);
        for (id, (custom_id, version)) in &promised {
            let kept = store.person(*id).unwrap_or_else(|| panic!("round {round}: {id} is gone"));
            assert_eq!(kept.custom_id, Some(*custom_id), "round {round}, {id}");
            // An edit may have come through without its acknowledgement, but as a whole.
            let photo = store.photo(*id).unwrap().unwrap();
            let whole = |version| {
                photo == registered(*custom_id, version).jpeg && embeddings[id] == embedding(*custom_id, version)
            };
            assert!(whole(*version) || *version == 0 && whole(1), "round {round}: {id} is not whole");
        }
        for seq in 1..=seen {
            let logged = store.next_event(seq - 1, None).unwrap().unwrap();
            let Event::Capture(capture) = logged.event else { panic!("round {round}: {logged:?}") };
            assert_eq!((logged.seq, capture.id), (seq, seq), "round {round}");
            assert!(store.snap(&capture.snap.unwrap()).unwrap().is_some(), "round {round}: no picture of {seq}");
        }
        for person in store.people() {
            assert!(store.photo(person.id).unwrap().is_some() && embeddings.contains_key(&person.id));
        }
    }
    println!("{} people promised and kept", promised.len());
    assert!(!promised.is_empty());
}
