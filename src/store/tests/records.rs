use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::access::{CaptureRecord, ControlRecord, Notice, PictureType, VerifyStatus, What};

fn at(seconds: u64) -> LocalTime {
    let start = LocalTime::parse("2026-01-01T00:00:00").unwrap();
    LocalTime(start.0 + std::time::Duration::from_secs(seconds))
}

fn control(who: Option<u32>, time: LocalTime, mark: u16) -> ControlRecord {
    let person = who.map(|id| Arc::new(Person { id: LibId(id), ..person(id) }));
    ControlRecord { person, similarity: 90.0, ..ControlRecord::new(time, VerifyStatus::Allowed, mark) }
}

fn capture(time: LocalTime) -> CaptureRecord {
    CaptureRecord::new(time, PictureType::Unmatched)
}

fn picture() -> Option<Picture> {
    Some(Picture { frame: Arc::new(image::RgbImage::new(640, 480)), crop: (0, 0, 640, 480) })
}

fn range(begin: u64, end: u64) -> Range {
    Range { begin: at(begin), end: at(end), descending: false, skip: 0, limit: usize::MAX }
}

fn ids(records: &[ControlRecord]) -> Vec<u64> {
    records.iter().map(|record| record.id).collect()
}

#[test]
fn searches_agree_with_a_naive_model() {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0x5EED);
    println!("SEED={seed}");
    let mut random = Random(seed);
    let limit = 300;
    let mut rig = Rig::with(Limits { control_records: limit, ..LIMITS });
    let mut model: Vec<ControlRecord> = Vec::new();
    let mut wall = 500_u64;
    for id in 1..=700 {
        // The clock is set back and forth now and then.
        wall = if random.below(40) == 0 { random.below(1000) } else { wall + random.below(3) };
        let who = u32::try_from(random.below(5)).unwrap();
        let record = control((who != 0).then_some(who), at(wall), u16::try_from(random.below(3)).unwrap());
        rig.append_control(record.clone(), None, random.below(2) == 0);
        model.push(ControlRecord { id, ..record });
        if random.below(60) == 0 {
            rig.flush().unwrap();
        }
        if random.below(200) == 0 {
            rig.reopen();
        }
    }
    rig.flush().unwrap();
    model.drain(..model.len() - limit);
    model.sort_by_key(|record| (record.time, record.id));
    for round in 0..2 {
        for _ in 0..400 {
            let (begin, end) = (random.below(1600), random.below(1600));
            let range = Range {
                descending: random.below(2) == 0,
                skip: usize::try_from(random.below(40)).unwrap(),
                limit: usize::try_from(random.below(40)).unwrap(),
                ..range(begin, end)
            };
            let who = Some(LibId(u32::try_from(random.below(6)).unwrap())).filter(|who| who.0 != 0);
            let kind = Some(u16::try_from(random.below(3)).unwrap()).filter(|kind| *kind != 0);
            let of = |record: &ControlRecord| record.person.as_ref().map(|person| person.id);
            let passes = |record: &ControlRecord| kind.is_none_or(|kind| record.verify_type == kind);
            let inside = |record: &&ControlRecord| record.time >= at(begin) && record.time <= at(end);
            assert_eq!(rig.count_control(at(begin), at(end)), model.iter().filter(inside).count());
            let matches = model.iter().filter(inside).filter(|r| (who.is_none() || of(r) == who) && passes(r)).cloned();
            let mut expect: Vec<_> = matches.collect();
            if range.descending {
                expect.reverse();
            }
            let expect: Vec<_> = expect.into_iter().skip(range.skip).take(range.limit).collect();
            let filter: Option<&dyn Fn(&ControlRecord) -> bool> = if kind.is_some() { Some(&passes) } else { None };
            let found = rig.control_records(range, who, filter).unwrap();
            assert_eq!(ids(&found), ids(&expect), "round {round}, {range:?}, who {who:?}, kind {kind:?}");
            assert!(found.iter().zip(&expect).all(|(a, b)| a.person == b.person && a.time == b.time));
        }
        rig.reopen();
    }
}

#[test]
fn the_oldest_records_make_room_with_their_pictures() {
    let mut rig = Rig::with(Limits { control_records: 5, captures: 3, ..LIMITS });
    for n in 0..12 {
        rig.append_control(control(Some(1), at(100 - n), 1), picture(), true);
        rig.append_capture(capture(at(n)), picture(), true);
        if n % 5 == 0 {
            rig.flush().unwrap();
        }
    }
    rig.flush().unwrap();
    for _ in 0..2 {
        let left = rig.control_records(range(0, 1000), None, None).unwrap();
        assert_eq!(ids(&left), [12, 11, 10, 9, 8]);
        assert_eq!(ids(&rig.control_records(range(0, 1000), Some(LibId(1)), None).unwrap()), [12, 11, 10, 9, 8]);
        let captures = rig.captures(Range { descending: true, ..range(0, 1000) }).unwrap();
        assert_eq!(captures.iter().map(|c| c.id).collect::<Vec<_>>(), [12, 11, 10]);
        assert_eq!((rig.count_control(at(0), at(1000)), rig.count_captures(at(0), at(1000))), (5, 3));
        assert_eq!(rig.files("snaps").len(), 8);
        for name in left.iter().map(|r| &r.snap).chain(captures.iter().map(|r| &r.snap)) {
            let file = rig.snap(name.as_ref().unwrap()).unwrap().unwrap();
            let picture = image::load_from_memory(&file).unwrap();
            assert_eq!((picture.width(), picture.height()), (480, 360));
        }
        assert_eq!(rig.control_record(9).unwrap().unwrap().id, 9);
        assert!(rig.control_record(7).unwrap().is_none());
        rig.reopen();
    }
    // More at once than there is room for.
    for n in 0..50 {
        rig.append_control(control(None, at(n), 1), None, true);
    }
    rig.flush().unwrap();
    assert_eq!(ids(&rig.control_records(range(0, 1000), None, None).unwrap()), [58, 59, 60, 61, 62]);
    rig.reopen();
    rig.append_control(control(None, at(99), 1), None, true);
    rig.flush().unwrap();
    assert_eq!(ids(&rig.control_records(range(0, 1000), None, None).unwrap()), [59, 60, 61, 62, 63]);
}

#[test]
fn names_of_pictures_reach_nothing_else() {
    let rig = Rig::new();
    for name in ["", "../db/conf", "control-../1.jpg", "/etc/passwd", "control-1.jpg", "x-1.jpg"] {
        assert_eq!(rig.snap(name).unwrap(), None, "{name}");
    }
}

#[test]
fn events_come_in_order_and_once() {
    let mut rig = Rig::new();
    let rung = Arc::new(AtomicUsize::new(0));
    rig.watch({
        let rung = rung.clone();
        Box::new(move || {
            rung.fetch_add(1, Ordering::Relaxed);
        })
    });
    assert_eq!(rig.last_seq(), 0);
    for n in 0..30 {
        match n % 3 {
            0 => rig.append_control(control(Some(1), at(100 + n), 1), None, true),
            1 => rig.append_capture(capture(at(100 + n)), None, true),
            _ => rig.append_control(control(None, at(100 + n), 1), None, false),
        }
    }
    rig.flush().unwrap();
    assert!(rung.load(Ordering::Relaxed) > 0);
    rig.set_position("http", 7).unwrap();
    for _ in 0..2 {
        assert_eq!(rig.last_seq(), 20);
        let mut after = 0;
        let mut times = Vec::new();
        while let Some(logged) = rig.next_event(after, None).unwrap() {
            assert_eq!(logged.seq, after + 1);
            after = logged.seq;
            times.push(logged.event.time());
        }
        assert_eq!(times, (0..30).filter(|n| n % 3 != 2).map(|n| at(100 + n)).collect::<Vec<_>>());
        let since = rig.next_event(0, Some(at(114))).unwrap().unwrap();
        assert_eq!((since.seq, since.event.time()), (11, at(115)));
        assert!(rig.next_event(0, Some(at(1000))).unwrap().is_none());
        assert_eq!(rig.position("http").unwrap(), Some(7));
        rig.reopen();
    }
    rig.append_capture(capture(at(0)), None, true);
    rig.flush().unwrap();
    assert_eq!(rig.next_event(20, None).unwrap().unwrap().seq, 21);
}

#[test]
fn places_are_not_used_twice_when_all_records_are_gone() {
    let mut rig = Rig::with(Limits { control_records: 0, captures: 1, ..LIMITS });
    rig.append_capture(capture(at(1)), None, true);
    rig.append_capture(capture(at(2)), None, true);
    rig.append_control(control(None, at(3), 1), None, true);
    rig.flush().unwrap();
    let last = rig.last_seq();
    rig.reopen();
    assert_eq!(rig.last_seq(), last);
    rig.append_capture(capture(at(4)), None, true);
    rig.flush().unwrap();
    assert_eq!(rig.next_event(last, None).unwrap().unwrap().seq, last + 1);
    assert!(rig.control_records(range(0, 1000), None, None).unwrap().is_empty());
}

#[test]
fn a_flood_of_pictures_costs_pictures_not_records() {
    let rig = Rig::new();
    // Frames are shared, so a flood is cheap to make; the writer cannot keep up with it.
    let frame = Arc::new(image::RgbImage::new(1920, 1080));
    for n in 0..300 {
        let snap = Picture { frame: frame.clone(), crop: (0, 0, 1920, 1080) };
        rig.append_control(control(None, at(n), 1), Some(snap), true);
    }
    rig.flush().unwrap();
    let kept = rig.control_records(range(0, 1000), None, None).unwrap();
    assert_eq!(kept.len(), 300);
    let pictures = kept.iter().filter(|record| record.snap.is_some()).count();
    assert!(pictures >= 64 && pictures == rig.files("snaps").len(), "{pictures}");
}

#[test]
fn a_clock_that_stands_still_holds_nothing_up() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(crate::clock::ManualClock::at(jiff::Timestamp::UNIX_EPOCH));
    let store = Store::open(dir.path(), LIMITS, clock).unwrap();
    let (done, wait) = std::sync::mpsc::channel();
    store.watch(Box::new(move || done.send(()).unwrap()));
    for n in 0..3 {
        store.append_capture(capture(at(n)), picture(), true);
        wait.recv().unwrap();
        assert_eq!(store.last_seq(), n + 1);
    }
}

#[test]
fn records_go_by_kind_with_their_pictures_and_events() {
    let mut rig = Rig::new();
    let who = rig.add(person(1), Some(registered(1, 0))).unwrap();
    let fill = |rig: &Rig| {
        for n in 0..4 {
            rig.append_control(control(Some(who.0), at(n), 1), picture(), true);
            rig.append_capture(capture(at(n)), picture(), true);
            rig.append_notice(Notice { id: 0, time: at(n), what: What::Pin, snap: None }, picture());
        }
    };
    let counts = |rig: &Rig| {
        let (mut seq, mut events) = (0, 0);
        while let Some(next) = rig.next_event(seq, None).unwrap() {
            (seq, events) = (next.seq, events + 1);
        }
        (
            rig.control_records(range(0, 100), None, None).unwrap().len(),
            rig.captures(range(0, 100)).unwrap().len(),
            events,
            rig.files("snaps").len(),
            rig.count(),
        )
    };
    fill(&rig);
    // Some of them may still be queued.
    rig.remove_control_records().unwrap();
    for _ in 0..2 {
        assert_eq!(counts(&rig), (0, 4, 8, 8, 1));
        rig.reopen();
    }
    fill(&rig);
    rig.remove_records().unwrap();
    for _ in 0..2 {
        assert_eq!(counts(&rig), (0, 0, 0, 0, 1));
        rig.reopen();
    }
    fill(&rig);
    rig.remove_all().unwrap();
    for _ in 0..2 {
        assert_eq!(counts(&rig), (0, 4, 8, 8, 0));
        assert_eq!(rig.last_seq(), 36, "places are not given out again");
        rig.reopen();
    }
}

/// A process can end between noting which lists are in use and giving back the others.
#[test]
fn lists_that_are_not_in_use_do_not_count_and_go_at_the_next_start() {
    let mut rig = Rig::new();
    rig.append_capture(capture(at(1)), None, true);
    rig.flush().unwrap();
    rig.remove_records().unwrap();
    rig.append_capture(capture(at(2)), None, true);
    rig.flush().unwrap();
    let unused = ["captures", "captures-2", "controls-0", "people-7"];
    rig.reopen_after(|dir| {
        let db = db(dir);
        let (key, row) = db.open_tree("captures-1").unwrap().first().unwrap().unwrap();
        for unused in unused {
            db.open_tree(unused).unwrap().insert(&key, &row).unwrap();
        }
    });
    let times: Vec<_> = rig.captures(range(0, 100)).unwrap().iter().map(|capture| capture.time).collect();
    assert_eq!((times, rig.count()), (vec![at(2)], 0));
    rig.reopen_after(|dir| {
        let db = db(dir);
        let names: Vec<_> = db.tree_names().iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
        for unused in unused {
            assert!(!names.iter().any(|name| name == unused), "{unused} is still there");
        }
    });
}
