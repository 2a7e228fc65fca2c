//! The store on a real disk, opened and reopened; nothing here waits for time to pass.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::*;
use crate::access::{LibId, Person};
use crate::clock::SystemClock;

mod broken;
mod kill;
mod newer;
mod people;
mod records;
mod space;
mod timing;

const LIMITS: Limits = Limits { people: 30_000, control_records: 150_000, captures: 1000, notices: 1000 };
const PACK: &str = "pack";

/// A store that can be closed and opened again.
struct Rig {
    dir: TempDir,
    store: Option<Store>,
    limits: Limits,
}

impl Rig {
    fn new() -> Self {
        Self::with(LIMITS)
    }

    fn with(limits: Limits) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Some(open(dir.path(), limits).unwrap());
        Self { dir, store, limits }
    }

    /// Closes the store, lets `then` look at what is on the disk, and opens it again.
    fn reopen_after(&mut self, then: impl FnOnce(&Path)) {
        self.store = None;
        then(self.dir.path());
        self.store = Some(open(self.dir.path(), self.limits).unwrap());
    }

    fn reopen(&mut self) {
        self.reopen_after(|_| {});
    }

    /// All files below a folder of the store.
    fn files(&self, folder: &str) -> Vec<PathBuf> {
        fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
            for entry in std::fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { walk(&path, found) } else { found.push(path) }
            }
        }
        self.core.photos.settle();
        let mut found = Vec::new();
        walk(&self.dir.path().join(folder), &mut found);
        found
    }
}

impl std::ops::Deref for Rig {
    type Target = Store;
    fn deref(&self) -> &Store {
        self.store.as_ref().unwrap()
    }
}

fn open(dir: &Path, limits: Limits) -> Result<Store> {
    Store::open(dir, limits, Arc::new(SystemClock::default()))
}

/// The database as it is, past the store. Tried until sled has let go of it.
fn db(dir: &Path) -> sled::Db {
    (0..500)
        .find_map(|_| {
            let db = sled::open(dir.join("db")).ok();
            if db.is_none() {
                std::thread::park_timeout(std::time::Duration::from_millis(10));
            }
            db
        })
        .unwrap()
}

fn person(custom_id: u32) -> Person {
    Person { custom_id: Some(custom_id), name: format!("name {custom_id}"), ..Person::new(LocalTime::UNSET) }
}

/// A photo and an embedding that tell which version of whom they are.
fn registered(custom_id: u32, version: u32) -> Registered {
    let mut jpeg = format!("photo {custom_id}/{version} ").into_bytes();
    jpeg.resize(3000, b'.');
    Registered { jpeg, embedding: embedding(custom_id, version), pack: PACK.into() }
}

fn embedding(custom_id: u32, version: u32) -> Vec<f32> {
    (0..128_u16).map(|n| f32::from(n) + custom_id as f32 * 0.5 + version as f32 * 0.25).collect()
}

fn embeddings(store: &Store) -> std::collections::BTreeMap<LibId, Vec<f32>> {
    let mut found = std::collections::BTreeMap::new();
    store.embeddings(PACK, &mut |id, values| drop(found.insert(id, values.to_vec()))).unwrap();
    found
}

/// Chance that can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

#[test]
fn a_store_from_the_future_is_refused() {
    let mut rig = Rig::new();
    rig.store = None;
    db(rig.dir.path()).open_tree("meta").unwrap().insert("format", "3").unwrap();
    let error = open(rig.dir.path(), LIMITS).unwrap_err();
    assert_eq!(error.fault, Fault::StoreFailed);
    assert!(error.detail.contains("format 3"), "{error}");
}

#[test]
fn a_store_in_use_is_refused() {
    let rig = Rig::new();
    let error = open(rig.dir.path(), LIMITS).unwrap_err();
    assert!(error.detail.contains("stop it first"), "{error}");
}

#[test]
fn settings_positions_and_secrets_are_kept() {
    use crate::settings::Keeper;
    let mut rig = Rig::new();
    assert_eq!(rig.load("door").unwrap(), None);
    assert_eq!(rig.position("http").unwrap(), None);
    rig.save(&[("door", b"{}".to_vec()), ("face", b"{}".to_vec())]).unwrap();
    rig.save(&[("door", b"{\"a\":1}".to_vec())]).unwrap();
    rig.set_position("http", 17).unwrap();
    let secret = rig.secret("cookie", 32).unwrap();
    assert_eq!(secret.len(), 32);
    rig.reopen();
    assert_eq!(rig.load("door").unwrap().as_deref(), Some(&b"{\"a\":1}"[..]));
    assert_eq!(rig.position("http").unwrap(), Some(17));
    assert_eq!(rig.position("mqtt").unwrap(), None);
    assert_eq!(rig.secret("cookie", 32).unwrap(), secret);
    assert_ne!(rig.secret("other", 32).unwrap(), secret);
}
