//! A broken database, a broken journal, both: the store opens with what can be known.

use std::fs;
use std::path::Path;

use super::*;
use crate::access::ControlRecord;
use crate::access::record::VerifyStatus;
use crate::clock::lock;
use crate::settings::{Keeper, Live};

const PEOPLE: u32 = 12;
const RECORDS: u32 = 20;

/// A store of people, records, settings and a place, closed.
fn kept() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), LIMITS).unwrap();
    for n in 1..=PEOPLE {
        let id = store.add(person(n), Some(registered(n, 0))).unwrap();
        assert_eq!(id, LibId(n));
    }
    store.remove(&[LibId(3)]).unwrap();
    for n in 0..RECORDS {
        let time = LocalTime::parse(&format!("2026-03-12T09:00:{n:02}")).unwrap();
        store.append_control(ControlRecord::new(time, VerifyStatus::Allowed, 1), None, true);
    }
    store.flush().unwrap();
    store.save(&[("door", b"{}".to_vec())]).unwrap();
    store.set_position("http-0", 7).unwrap();
    dir
}

/// All that [`kept`] has laid down is there.
fn check(store: &Store, what: &str) {
    let ids: Vec<u32> = store.people().iter().map(|person| person.id.0).collect();
    assert_eq!(ids, (1..=PEOPLE).filter(|n| *n != 3).collect::<Vec<_>>(), "{what}");
    let embeddings = embeddings(store);
    for n in ids {
        assert_eq!(embeddings[&LibId(n)], embedding(n, 0), "{what}: {n}");
        assert_eq!(store.photo(LibId(n)).unwrap(), Some(registered(n, 0).jpeg), "{what}: {n}");
    }
    let mut reached = 0;
    while let Some(logged) = store.next_event(reached, None).unwrap() {
        assert_eq!(logged.seq, reached + 1, "{what}");
        reached = logged.seq;
    }
    assert_eq!(reached, u64::from(RECORDS), "{what}");
    assert_eq!(store.load("door").unwrap().as_deref(), Some(&b"{}"[..]), "{what}");
    assert_eq!(store.position("http-0").unwrap(), Some(7), "{what}");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// Does something to a file that no program would; says what.
fn harm(file: &Path, random: &mut Random) -> String {
    let mut bytes = fs::read(file).unwrap();
    let length = bytes.len() as u64;
    let mut at = || usize::try_from(random.below(length.max(1))).unwrap();
    let (from, to) = (at(), at());
    let done = match at() % 6 {
        0 => {
            bytes.truncate(from);
            format!("cut at {from}")
        }
        1 => {
            let (from, to) = (from.min(to), from.max(to));
            bytes[from..to].fill(0);
            format!("zeroed {from}..{to}")
        }
        2 => {
            bytes.extend((0..999).map(|n| (n % 251) as u8));
            "extended".to_owned()
        }
        3 => {
            fs::remove_file(file).unwrap();
            return format!("{} removed", file.display());
        }
        4 => {
            let places: Vec<usize> = (0..50).map(|_| at()).collect();
            places.iter().for_each(|at| bytes[*at] = bytes[*at].wrapping_add(101));
            "fifty bytes changed".to_owned()
        }
        _ => {
            bytes[from] ^= 1 << (to % 8);
            format!("a bit flipped at {from}")
        }
    };
    fs::write(file, bytes).unwrap();
    format!("{} {done}", file.display())
}

#[test]
fn however_the_database_is_broken_everybody_is_there() {
    let whole = kept();
    let seed = 0x5EED_0001;
    let mut random = Random(seed);
    for round in 0..200 {
        let dir = tempfile::tempdir().unwrap();
        copy(whole.path(), dir.path());
        let mut done = Vec::new();
        for _ in 0..=random.below(2) {
            let files: Vec<_> =
                files(&dir.path().join("db")).into_iter().filter(|f| f.metadata().unwrap().len() > 0).collect();
            let Some(file) = files.get(usize::try_from(random.below(files.len().max(1) as u64)).unwrap()) else {
                break;
            };
            done.push(harm(file, &mut random));
        }
        let what = format!("seed {seed:#x}, round {round}: {}", done.join(", "));
        println!("{what}");
        let store = open(dir.path(), LIMITS).unwrap_or_else(|error| panic!("{what}: {error}"));
        check(&store, &what);
        assert_eq!(store.add(person(99), Some(registered(99, 0))).unwrap(), LibId(PEOPLE + 1), "{what}");
    }
}

#[test]
fn however_the_journal_is_broken_the_database_makes_it_anew() {
    let whole = kept();
    let seed = 0x5EED_0002;
    let mut random = Random(seed);
    for round in 0..60 {
        let dir = tempfile::tempdir().unwrap();
        copy(whole.path(), dir.path());
        let files = files(&dir.path().join("journal"));
        let file = &files[usize::try_from(random.below(files.len() as u64)).unwrap()];
        let what = format!("seed {seed:#x}, round {round}: {}", harm(file, &mut random));
        println!("{what}");
        let store = open(dir.path(), LIMITS).unwrap_or_else(|error| panic!("{what}: {error}"));
        check(&store, &what);
        store.add(person(99), Some(registered(99, 0))).unwrap();
        drop(store);
        // And it lasts.
        let store = open(dir.path(), LIMITS).unwrap();
        assert_eq!(store.count(), PEOPLE as usize, "{what}");
    }
}

#[test]
fn with_both_broken_it_starts_with_what_can_be_read() {
    let whole = kept();
    let mut random = Random(0x5EED_0003);
    let mut people = Vec::new();
    for round in 0..30 {
        let dir = tempfile::tempdir().unwrap();
        copy(whole.path(), dir.path());
        fs::remove_dir_all(dir.path().join("db")).unwrap();
        let log = files(&dir.path().join("journal")).pop().unwrap();
        let mut bytes = fs::read(&log).unwrap();
        let at = usize::try_from(random.below(bytes.len() as u64)).unwrap();
        bytes[at] ^= 0x20;
        fs::write(&log, bytes).unwrap();
        let store = open(dir.path(), LIMITS).unwrap_or_else(|error| panic!("round {round}: {error}"));
        people.push(store.count());
        let said = Arc::<Mutex<Vec<String>>>::default();
        store.watch_troubles(Box::new({
            let said = said.clone();
            move |what| lock(&said).push(what.to_owned())
        }));
        assert!(!lock(&said).is_empty(), "round {round}: nothing is said");
        store.add(person(99), Some(registered(99, 0))).unwrap();
    }
    // One frame is lost: one person at the most, or the removal of one.
    assert!(people.iter().all(|count| (PEOPLE as usize - 2..=PEOPLE as usize).contains(count)), "{people:?}");
}

#[test]
fn a_folder_that_cannot_be_written_lets_people_pass() {
    use std::os::unix::fs::PermissionsExt;
    let dir = kept();
    let allow = |allowed: bool| {
        let mode = |bits: u32| fs::Permissions::from_mode(if allowed { bits | 0o200 } else { bits });
        for file in files(dir.path()) {
            fs::set_permissions(file, mode(0o444)).unwrap();
        }
        for folder in ["", "journal", "db", "photos", "snaps"] {
            fs::set_permissions(dir.path().join(folder), mode(0o555)).unwrap();
        }
    };
    allow(false);
    if fs::write(dir.path().join("probe"), "").is_ok() {
        println!("skipped: root writes where nobody may");
        return;
    }
    let store = open(dir.path(), LIMITS).unwrap();
    check(&store, "read only");
    let error = store.add(person(99), None).unwrap_err();
    assert!(error.detail.contains("cannot be written"), "{error}");
    assert_eq!(store.person(LibId(PEOPLE + 1)), None);
    allow(true);
}

#[test]
fn a_journal_that_is_no_folder_is_moved_aside() {
    let dir = kept();
    fs::remove_dir_all(dir.path().join("journal")).unwrap();
    fs::write(dir.path().join("journal"), "no folder").unwrap();
    for _ in 0..2 {
        check(&open(dir.path(), LIMITS).unwrap(), "made anew");
    }
}

#[test]
fn a_database_without_a_journal_is_taken_over() {
    let dir = kept();
    fs::remove_dir_all(dir.path().join("journal")).unwrap();
    db(dir.path()).open_tree("meta").unwrap().insert("format", "1").unwrap();
    for _ in 0..2 {
        check(&open(dir.path(), LIMITS).unwrap(), "taken over");
    }
}

#[test]
fn long_logs_become_a_snapshot() {
    let dir = kept();
    let store = open(dir.path(), LIMITS).unwrap();
    let bytes = vec![b'1'; 1 << 20];
    for _ in 0..20 {
        store.save(&[("large", bytes.clone())]).unwrap();
        store.core.db.settle();
    }
    drop(store);
    let length: u64 = files(&dir.path().join("journal")).iter().map(|file| file.metadata().unwrap().len()).sum();
    assert!(length < 20 << 20, "{length}");
    assert!(files(&dir.path().join("journal")).iter().any(|file| file.extension().is_some_and(|e| e == "base")));
    let store = open(dir.path(), LIMITS).unwrap();
    check(&store, "after a snapshot");
    assert_eq!(store.load("large").unwrap(), Some(bytes));
}

#[test]
fn a_login_that_cannot_be_read_lets_nobody_in() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(open(dir.path(), LIMITS).unwrap());
    let said = Arc::<Mutex<Vec<String>>>::default();
    store.watch_troubles(Box::new({
        let said = said.clone();
        move |what| lock(&said).push(what.to_owned())
    }));
    store.save(&[("account", b"{".to_vec()), ("door", b"{".to_vec())]).unwrap();
    let settings = Live::load(store).unwrap();
    assert_ne!(settings.now().account.user_name(), "admin");
    assert_eq!(settings.now().account.password_hash, "*");
    assert_eq!(lock(&said).iter().filter(|what| what.contains("unreadable")).count(), 2);
}

#[test]
fn a_login_that_is_lost_with_both_files_lets_nobody_in() {
    let rig = Rig::new();
    let dir = rig.dir.path().to_owned();
    rig.save(&[("account", br#"{"user":"root","password_hash":"x"}"#.to_vec())]).unwrap();
    rig.save(&[("door", b"{}".to_vec())]).unwrap();
    let mut rig = rig;
    rig.store = None;
    std::fs::remove_dir_all(dir.join("db")).unwrap();
    let log = std::fs::read_dir(dir.join("journal")).unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&log).unwrap();
    let at = bytes.windows(4).position(|four| four == b"root").unwrap();
    bytes[at] ^= 1;
    std::fs::write(&log, bytes).unwrap();
    for _ in 0..2 {
        let store = open(&dir, LIMITS).unwrap();
        let settings = Live::load(Arc::new(store)).unwrap();
        assert_eq!(settings.now().account.password_hash, "*", "and it stays so");
    }
}
