//! A disk that becomes full: what goes, in which order, and what is refused.

use std::sync::atomic::AtomicU64;

use super::*;
use crate::access::record::VerifyStatus;
use crate::access::{CaptureRecord, ControlRecord, PictureType};

/// A disk with as much room as the test says.
#[derive(Clone)]
struct Pretend(Arc<AtomicU64>);

impl Probe for Pretend {
    fn room(&self) -> Option<(u64, u64)> {
        Some((self.0.load(Ordering::SeqCst), 16 << 30))
    }
}

use std::sync::atomic::Ordering;

const PLENTY: u64 = 1 << 30;
const NOTHING: u64 = 1 << 20;

fn picture() -> Option<Picture> {
    Some(Picture { frame: Arc::new(image::RgbImage::new(16, 16)), crop: (0, 0, 16, 16) })
}

fn pass(store: &Store) {
    store.append_control(ControlRecord::new(LocalTime::UNSET, VerifyStatus::Allowed, 1), picture(), true);
    store.flush().unwrap();
}

fn counts(store: &Store) -> (usize, usize) {
    let all = (LocalTime::UNSET, LocalTime::UNSET);
    (store.count_captures(all.0, all.1), store.count_control(all.0, all.1))
}

#[test]
fn captures_go_first_then_what_was_delivered_and_never_what_waits() {
    let dir = tempfile::tempdir().unwrap();
    let free = Pretend(Arc::new(AtomicU64::new(PLENTY)));
    let clock = Arc::new(SystemClock::default());
    let store = Store::open_on(dir.path(), LIMITS, clock, Box::new(free.clone())).unwrap();
    let said = Arc::<Mutex<Vec<String>>>::default();
    store.watch_troubles(Box::new({
        let said = said.clone();
        move |what| said.lock().unwrap().push(what.to_owned())
    }));
    let id = store.add(person(1), Some(registered(1, 0))).unwrap();
    for _ in 0..5 {
        pass(&store);
        store.append_capture(CaptureRecord::new(LocalTime::UNSET, PictureType::Unmatched), picture(), true);
    }
    store.flush().unwrap();
    store.follow("subscriber", Some("http-0"));
    // Control records and captures take turns in the log: three of each were delivered.
    store.set_position("http-0", 6).unwrap();
    assert_eq!(counts(&store), (5, 5));

    free.0.store(NOTHING, Ordering::SeqCst);
    for wanted in [person(2), Person { id, ..person(1) }] {
        let refused = if wanted.id == id {
            store.update(wanted, Some(registered(1, 1))).unwrap_err()
        } else {
            store.add(wanted, Some(registered(2, 0))).map(drop).unwrap_err()
        };
        assert!(refused.detail.contains("the disk is full"), "{refused}");
        // Each refusal lets go of something.
        store.flush().unwrap();
    }
    assert_eq!(counts(&store), (0, 2), "captures first, then the three records that were delivered");
    assert_eq!(store.next_event(6, None).unwrap().unwrap().seq, 7, "what waits stays");

    // The door goes on: its records are kept, without pictures once nothing else can go.
    pass(&store);
    let newest = store.control_record(6).unwrap().unwrap();
    assert_eq!((counts(&store), newest.snap), ((0, 3), None));
    assert_eq!(store.remove(&[id]).unwrap(), [id], "removing is what makes room");

    free.0.store(PLENTY, Ordering::SeqCst);
    pass(&store);
    assert!(store.control_record(7).unwrap().unwrap().snap.is_some());
    store.add(person(3), Some(registered(3, 0))).unwrap();
    let said = said.lock().unwrap();
    assert_eq!(said.iter().filter(|what| what.contains("the disk is full")).count(), 1, "{said:?}");
    assert_eq!(said.iter().filter(|what| what.contains("room again")).count(), 1, "{said:?}");
}

#[test]
fn what_a_sink_was_not_given_is_named_when_it_goes() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), Limits { control_records: 4, ..LIMITS }).unwrap();
    let said = Arc::<Mutex<Vec<String>>>::default();
    store.watch_troubles(Box::new({
        let said = said.clone();
        move |what| said.lock().unwrap().push(what.to_owned())
    }));
    store.follow("subscriber", Some("http-0"));
    store.follow("mqtt", Some("mqtt"));
    store.set_position("http-0", 2).unwrap();
    store.set_position("mqtt", 100).unwrap();
    for _ in 0..7 {
        pass(&store);
    }
    assert_eq!(
        *said.lock().unwrap(),
        ["1 records (3 to 3) left to make room for newer ones before the subscriber was given them"]
    );
    assert_eq!(store.backlog(4), Backlog { events: 3, share: 0.75 });
}

#[test]
fn another_embedding_of_the_same_photo_needs_no_room() {
    let dir = tempfile::tempdir().unwrap();
    let free = Pretend(Arc::new(AtomicU64::new(PLENTY)));
    let store = Store::open_on(dir.path(), LIMITS, Arc::new(SystemClock::default()), Box::new(free.clone())).unwrap();
    let id = store.add(person(1), Some(registered(1, 0))).unwrap();
    let (photo, bare) = (store.photo(id).unwrap(), store.add(person(2), None).unwrap());
    free.0.store(NOTHING, Ordering::SeqCst);
    store.measured(id, &embedding(1, 7), "another").unwrap();
    for (id, what) in [(bare, "without a photo"), (LibId(99), "nobody")] {
        assert_eq!(store.measured(id, &embedding(1, 7), "another").unwrap_err().fault, Fault::NoPicture, "{what}");
    }
    drop(store);
    let store = open(dir.path(), LIMITS).unwrap();
    let mut found = Vec::new();
    store.embeddings("another", &mut |id, values| found.push((id, values.to_vec()))).unwrap();
    assert_eq!(found, [(id, embedding(1, 7))]);
    assert!(embeddings(&store).is_empty(), "none of the pack before is left");
    assert_eq!((store.photo(id).unwrap(), store.person(id).unwrap().custom_id), (photo, Some(1)));
}
