//! How long things take, printed (`--nocapture`) and not judged: machines differ.

use std::time::Duration;

use super::*;
use crate::access::{ControlRecord, VerifyStatus};
use crate::clock::Mono;

/// With `FACEGATE_FULL=1` as many as the largest terminal holds.
fn scale(full: u32) -> u32 {
    if std::env::var_os("FACEGATE_FULL").is_some() { full } else { full / 64 }
}

struct Watch(SystemClock, Mono);

impl Watch {
    fn start() -> Self {
        let clock = SystemClock::default();
        let now = clock.mono();
        Self(clock, now)
    }

    fn lap(&mut self, what: &str) -> Duration {
        let now = self.0.mono();
        let took = now.since(self.1);
        self.1 = now;
        println!("{what}: {took:?}");
        took
    }
}

#[test]
fn people() {
    let people = scale(24_576);
    let mut rig = Rig::new();
    let mut watch = Watch::start();
    std::thread::scope(|scope| {
        for part in 0..4 {
            let store = &*rig;
            scope.spawn(move || {
                for n in (1..=people).filter(|n| n % 4 == part) {
                    let registered = Registered { embedding: vec![0.5; 512], ..registered(n, 0) };
                    store.add(person(n), Some(registered)).unwrap();
                }
            });
        }
    });
    let took = watch.lap(&format!("adding {people} people on 4 threads"));
    println!("{:.0} a second", f64::from(people) / took.as_secs_f64());
    let extra = 64;
    for n in 1..=extra {
        rig.add(person(people + n), Some(registered(n, 0))).unwrap();
    }
    let took = watch.lap(&format!("adding {extra} people one after the other"));
    println!("{:.0} a second", f64::from(extra) / took.as_secs_f64());
    rig.store = None;
    watch.lap("closing");
    rig.store = Some(open(rig.dir.path(), LIMITS).unwrap());
    watch.lap("opening");
    let mut count = 0;
    rig.embeddings(PACK, &mut |_, _| count += 1).unwrap();
    watch.lap(&format!("reading {count} embeddings"));
    assert_eq!(rig.people().len(), usize::try_from(people + extra).unwrap());
    watch.lap("taking everybody");
    rig.remove(&[LibId(1)]).unwrap();
    watch.lap("removing one");
    rig.remove_all().unwrap();
    watch.lap("removing all");
    rig.reopen();
    watch.lap("closing and opening");
    rig.files("photos");
    watch.lap("until the last photo was gone from the disk");
}

#[test]
fn records() {
    let records = scale(100_000);
    let mut rig = Rig::new();
    let start = LocalTime::parse("2026-01-01T00:00:00").unwrap();
    let end = LocalTime::parse("2027-01-01T00:00:00").unwrap();
    let mut watch = Watch::start();
    for n in 0..records {
        let who = n % 1000 + 1;
        rig.append_control(
            ControlRecord {
                person: Some(Arc::new(Person { id: LibId(who), ..person(who) })),
                similarity: 90.0,
                ..ControlRecord::new(LocalTime(start.0 + Duration::from_secs(u64::from(n))), VerifyStatus::Allowed, 1)
            },
            None,
            true,
        );
        if n % 10_000 == 0 {
            rig.flush().unwrap();
        }
    }
    rig.flush().unwrap();
    watch.lap(&format!("writing {records} records"));
    rig.reopen();
    watch.lap("closing and opening");
    let skip = usize::try_from(records / 2).unwrap();
    let range = Range { begin: start, end, descending: true, skip, limit: 20 };
    assert_eq!(rig.control_records(range, None, None).unwrap().len(), 20);
    watch.lap("a page from the middle");
    assert!(!rig.control_records(Range { skip: 0, ..range }, Some(LibId(1)), None).unwrap().is_empty());
    watch.lap("a page of one person");
    let none = rig.control_records(Range { skip: 0, ..range }, None, Some(&|record| record.similarity > 99.0)).unwrap();
    assert!(none.is_empty());
    watch.lap("a filter that lets nothing pass");
    assert!(rig.next_event(0, Some(end)).unwrap().is_none());
    watch.lap("looking through the event log by time");
    rig.remove_all().unwrap();
    watch.lap("removing all");
}
