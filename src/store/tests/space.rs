//! A full disk, and records that leave before they were delivered.

use std::sync::atomic::Ordering;

use super::*;
use crate::access::record::VerifyStatus;
use crate::access::{CaptureRecord, ControlRecord, PictureType};
use crate::clock::lock;
use crate::settings::{Keeper, Live as Settings};

/// A disk of the size a test sets, filled by the pictures there are.
struct Small {
    folder: PathBuf,
    total: u64,
    others: Arc<AtomicU64>,
}

impl Probe for Small {
    fn space(&self) -> Option<Space> {
        fn pictures(dir: &Path) -> u64 {
            let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
            entries.map(|e| if e.path().is_dir() { pictures(&e.path()) } else { 100_000 }).sum()
        }
        let taken = pictures(&self.folder) + self.others.load(Ordering::Relaxed);
        Some(Space { free: self.total.saturating_sub(taken), total: self.total })
    }
}

struct Full {
    _dir: TempDir,
    store: Store,
    others: Arc<AtomicU64>,
    said: Arc<Mutex<Vec<String>>>,
}

impl Full {
    /// A disk of 100 MB: its reserve is 2 MB, 20 pictures.
    fn new(limits: Limits) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let others = Arc::<AtomicU64>::default();
        let probe = Small { folder: dir.path().join("snaps"), total: 100_000_000, others: others.clone() };
        let clock = Arc::new(SystemClock::default());
        let store = Store::open_on(dir.path(), limits, clock, Box::new(probe)).unwrap();
        let said = Arc::<Mutex<Vec<String>>>::default();
        store.watch_troubles(Box::new({
            let said = said.clone();
            move |what| lock(&said).push(what.to_owned())
        }));
        Self { _dir: dir, store, others, said }
    }

    /// Leaves so many bytes free beside the pictures.
    fn leave(&self, bytes: u64) {
        self.others.store(100_000_000 - bytes, Ordering::Relaxed);
    }

    fn captures(&self, count: usize) {
        for _ in 0..count {
            self.store.append_capture(CaptureRecord::new(time(), PictureType::Unmatched), picture(), false);
            self.store.flush().unwrap();
        }
    }

    fn controls(&self, count: usize) {
        for _ in 0..count {
            self.store.append_control(ControlRecord::new(time(), VerifyStatus::Allowed, 1), picture(), true);
            self.store.flush().unwrap();
        }
    }

    fn said(&self, part: &str) -> usize {
        lock(&self.said).iter().filter(|what| what.contains(part)).count()
    }
}

fn time() -> LocalTime {
    LocalTime::parse("2026-03-12T09:00:00").unwrap()
}

fn picture() -> Option<Picture> {
    Some(Picture { frame: Arc::new(image::RgbImage::new(32, 32)), crop: (0, 0, 32, 32) })
}

fn everything() -> Range {
    Range { begin: time(), end: time(), descending: false, skip: 0, limit: usize::MAX }
}

#[test]
fn a_full_disk_loses_captures_first_and_never_what_waits() {
    let full = Full::new(LIMITS);
    full.store.set_followers(vec!["http".into()]);
    full.controls(10);
    full.store.set_position("http", 4).unwrap();
    full.captures(70);
    assert_eq!(full.said("disk is full"), 0);

    // 80 pictures are there; room for the reserve less one.
    full.leave(8_000_000 + 1_900_000);
    full.captures(1);
    assert_eq!(full.store.count_captures(time(), time()), 7, "one batch of the oldest is enough");
    assert_eq!(full.store.count_control(time(), time()), 10);

    // Nothing but what waits is left then, and new records go without pictures.
    full.leave(1_000_000);
    full.controls(2);
    assert_eq!(full.store.count_captures(time(), time()), 0);
    let kept = full.store.control_records(everything(), None, None).unwrap();
    assert_eq!(kept.iter().map(|record| record.id).collect::<Vec<_>>(), (5..=12).collect::<Vec<_>>());
    assert!(kept[..6].iter().all(|record| full.store.snap(record.snap.as_ref().unwrap()).unwrap().is_some()));
    assert!(kept[6..].iter().all(|record| record.snap.is_none()));
    assert_eq!(full.said("disk is full"), 1, "said once");

    full.leave(50_000_000);
    full.controls(1);
    assert_eq!(full.said("has room again"), 1);
    let kept = full.store.control_records(everything(), None, None).unwrap();
    assert!(kept.last().unwrap().snap.is_some());
}

#[test]
fn without_known_followers_nothing_that_is_pushed_counts_as_delivered() {
    let full = Full::new(LIMITS);
    full.controls(3);
    full.leave(0);
    full.controls(1);
    assert_eq!(full.store.count_control(time(), time()), 4);
}

#[test]
fn on_a_full_disk_nobody_is_added_and_people_can_go() {
    let full = Full::new(LIMITS);
    let id = full.store.add(person(1), Some(registered(1, 0))).unwrap();
    full.leave(1_500_000);
    let error = full.store.add(person(2), Some(registered(2, 0))).unwrap_err();
    assert_eq!(error.fault, Fault::StoreFailed);
    assert!(error.detail.contains("the disk is full: 1 MB free"), "{error}");
    let photo = full.store.update(Person { id, ..person(3) }, Some(registered(3, 0)));
    assert!(photo.unwrap_err().detail.contains("the disk is full"));
    assert_eq!(full.store.person(id).unwrap().custom_id, Some(1));
    full.store.save(&[("door", b"{}".to_vec())]).unwrap();
    assert_eq!(full.store.remove(&[id]).unwrap(), [id]);
    full.leave(50_000_000);
    full.store.add(person(2), Some(registered(2, 0))).unwrap();
}

#[test]
fn what_leaves_before_it_was_delivered_is_said() {
    let full = Full::new(Limits { control_records: 5, ..LIMITS });
    full.store.set_followers(vec!["http".into(), "mqtt".into()]);
    full.controls(5);
    full.store.set_position("http", 5).unwrap();
    full.store.set_position("mqtt", 1).unwrap();
    let backlog = full.store.backlog(1);
    assert_eq!((backlog.events, backlog.fullest), (4, 0.8));
    assert_eq!(full.store.backlog(5), Backlog { events: 0, fullest: 0.0 });
    full.controls(1);
    assert_eq!(full.said("made room"), 0, "both have the first");
    full.controls(1);
    assert_eq!(full.said("mqtt: 1 records made room before they were delivered: control 2 to control 2"), 1);
    assert_eq!(full.said("http:"), 0);
}

#[test]
fn a_login_that_cannot_be_read_lets_nobody_in() {
    let full = Full::new(LIMITS);
    full.store.save(&[("account", b"{".to_vec()), ("door", b"{".to_vec())]).unwrap();
    let Full { _dir: dir, store, said, .. } = full;
    let settings = Settings::load(Arc::new(store)).unwrap();
    assert_ne!(settings.now().account.user_name(), "admin");
    assert_eq!(settings.now().account.password_hash, "*");
    assert_eq!(lock(&said).iter().filter(|what| what.contains("unreadable")).count(), 2);
    drop(dir);
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
        let settings = Settings::load(Arc::new(store)).unwrap();
        assert_eq!(settings.now().account.password_hash, "*", "and it stays so");
    }
}
