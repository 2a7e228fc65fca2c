//! What operators cost by how much the terminal keeps: 100 and 24 576 people, 10 000 and 1 000 000 control records.
//! Through `api::dispatch`, over a real store on the disk. Prints the medians and their ratios and judges nothing.
//!
//! `FACEGATE_PEOPLE` and `FACEGATE_RECORDS` set the larger numbers.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]
#![allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]

use std::sync::Arc;
use std::time::Duration;

use facegate::access::{ControlRecord, LibId, Person, VerifyStatus};
use facegate::api;
use facegate::clock::{Clock, SystemClock};
use facegate::field::LocalTime;
use facegate::store::{Limits, Registered};
use facegate::vision::{Gallery, Metric};
use serde_json::{Value, json};

// The terminal of the API's tests.
#[path = "../tests/api/published.rs"]
#[allow(dead_code, unused_imports, reason = "the tests use the rest")]
mod published;
#[path = "../tests/api/rig.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod rig;
#[path = "../tests/api/schema.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod schema;

use rig::{RED, Rig, jpeg, plain_models};

/// As long as those of the model pack.
const EMBEDDING: usize = 512;
const ROUNDS: u32 = 41;

fn main() {
    let clock = SystemClock::default();
    let number = |name: &str, usual: u32| std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(usual);
    people(&clock, 100, number("FACEGATE_PEOPLE", 24_576));
    records(&clock, 10_000, number("FACEGATE_RECORDS", 1_000_000));
}

/// The median of an operator's answers; `info` is given the round.
fn median(clock: &SystemClock, rig: &Rig, operator: &str, info: impl Fn(u32) -> Value) -> Duration {
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|round| {
            let body = json!({ "info": info(round) }).to_string();
            let start = clock.mono();
            let reply = api::dispatch(&rig.cx, operator, body.as_bytes());
            let took = clock.mono().since(start);
            assert_eq!(reply.code, 200, "{operator}: {}", reply.body);
            took
        })
        .collect();
    times.sort_unstable();
    times[times.len() / 2]
}

fn print(what: &str, few: Duration, many: Duration) {
    let ratio = many.as_secs_f64() / few.as_secs_f64();
    println!("{what:<52} {:>9.3} ms {:>9.3} ms {ratio:>7.2}", few.as_secs_f64() * 1e3, many.as_secs_f64() * 1e3);
}

fn terminal(people: u32, records: u32) -> Rig {
    let limits = Limits { people: people as usize, control_records: records as usize, captures: 100, notices: 100 };
    Rig::with_room(plain_models(), Gallery::new(EMBEDDING, Metric::Cosine), limits)
}

/// Enrols everybody with a photo and an embedding, past the models.
fn enrol(clock: &SystemClock, people: u32) -> Rig {
    let rig = terminal(people, 100);
    let (photo, start) = (jpeg(RED), clock.mono());
    std::thread::scope(|scope| {
        for part in 0..4 {
            let (rig, photo) = (&rig, &photo);
            scope.spawn(move || {
                for n in (1..=people).filter(|n| n % 4 == part) {
                    let person = Person {
                        name: format!("person {n}"),
                        custom_id: Some(n),
                        uuid: Some(format!("uuid-{n}")),
                        ..Person::new(LocalTime::parse("2026-01-01T08:00:00").unwrap())
                    };
                    let mut embedding = vec![0.0; EMBEDDING];
                    embedding[n as usize % EMBEDDING] = 1.0;
                    let registered = Registered { jpeg: photo.clone(), embedding, pack: "plain".into() };
                    rig.cx.store.add(person, Some(registered)).unwrap();
                    if n % 4096 == 0 {
                        eprintln!("{n} people enrolled");
                    }
                }
            });
        }
    });
    rig.cx.roster.load().unwrap();
    eprintln!("{people} people enrolled in {:.1} s", clock.mono().since(start).as_secs_f64());
    rig
}

fn people(clock: &SystemClock, few: u32, many: u32) {
    let rigs = [(few, enrol(clock, few)), (many, enrol(clock, many))];
    println!("{:<52} {few:>9} {many:>15} {:>10}", "people", "ratio");
    let compare = |what: &str, operator: &str, info: &dyn Fn(u32, u32) -> Value| {
        let [few, many] = [0, 1].map(|n: usize| median(clock, &rigs[n].1, operator, |round| info(rigs[n].0, round)));
        print(what, few, many);
    };
    // What platforms send: every condition there is, none of them narrowing the search but the list.
    let conditions = |begin: u32| {
        json!({
            "PersonType": 0, "BeginTime": "", "EndTime": "", "Gender": 2, "MjCardNo": 0, "Name": "",
            "BeginNO": begin, "RequestCount": 20,
        })
    };
    compare(
        "SearchPersonList, 20 in the middle",
        "SearchPersonList",
        &|n, _| json!({ "BeginNO": n / 2, "RequestCount": 20 }),
    );
    compare(
        "SearchPersonList, 20 at the end",
        "SearchPersonList",
        &|n, _| json!({ "BeginNO": n - 20, "RequestCount": 20 }),
    );
    compare(
        "SearchPersonList, 20 at the end, with photos",
        "SearchPersonList",
        &|n, _| json!({ "BeginNO": n - 20, "RequestCount": 20, "Picture": 1 }),
    );
    compare("SearchPersonList, 20 in the middle, of one list", "SearchPersonList", &|n, _| conditions(n / 2));
    compare("SearchPersonList, 20 at the end, by age", "SearchPersonList", &|n, _| {
        let mut info = conditions(n - 20);
        info["Age"] = "0-100".into();
        info
    });
    compare("SearchPersonNum", "SearchPersonNum", &|_, _| json!({}));
    compare(
        "SearchPerson by CustomizeID",
        "SearchPerson",
        &|n, round| json!({ "SearchID": (n / 2 + round).to_string() }),
    );
    compare(
        "SearchPerson by CustomizeID, with photo",
        "SearchPerson",
        &|n, round| json!({ "SearchID": (n / 2 + round).to_string(), "Picture": 1 }),
    );
    compare(
        "EditPerson",
        "EditPerson",
        &|n, round| json!({ "IdType": 0, "CustomizeID": n / 2 + round, "Name": format!("again {round}") }),
    );
    compare("DeletePerson", "DeletePerson", &|n, round| json!({ "IdType": 0, "CustomizeID": n / 2 + round }));
}

/// A record a second, of a hundred people in turn.
fn record(clock: &SystemClock, records: u32) -> Rig {
    let rig = terminal(100, records);
    let start = clock.mono();
    let began = LocalTime::parse("2026-01-01T00:00:00").unwrap();
    let bearers: Vec<_> = (1..=100)
        .map(|n| {
            Arc::new(Person { id: LibId(n), name: format!("person {n}"), custom_id: Some(n), ..Person::new(began) })
        })
        .collect();
    for bearer in &bearers {
        rig.cx.store.add(Person::clone(bearer), None).unwrap();
    }
    for n in 0..records {
        let person = bearers[n as usize % bearers.len()].clone();
        let time = LocalTime(began.0 + Duration::from_secs(u64::from(n)));
        let passage = ControlRecord {
            person: Some(person),
            similarity: 90.0,
            ..ControlRecord::new(time, VerifyStatus::Allowed, 1)
        };
        rig.cx.store.append_control(passage, None, true);
        if n % 4096 == 4095 {
            rig.cx.store.flush().unwrap();
        }
        if n % 200_000 == 199_999 {
            eprintln!("{} records written", n + 1);
        }
    }
    rig.cx.store.flush().unwrap();
    eprintln!("{records} records written in {:.1} s", clock.mono().since(start).as_secs_f64());
    rig
}

fn records(clock: &SystemClock, few: u32, many: u32) {
    let rigs = [(few, record(clock, few)), (many, record(clock, many))];
    println!("{:<52} {few:>9} {many:>15} {:>10}", "control records", "ratio");
    let compare = |what: &str, operator: &str, info: &dyn Fn(u32, u32) -> Value| {
        let [few, many] = [0, 1].map(|n: usize| median(clock, &rigs[n].1, operator, |round| info(rigs[n].0, round)));
        print(what, few, many);
    };
    let span = |begin: u32| json!({ "BeginTime": "2026-01-01T00:00:00", "EndTime": "2030-01-01T00:00:00", "BeginNO": begin, "RequestCount": 20 });
    compare("SearchControl, 20 in the middle", "SearchControl", &|n, round| span(n / 2 + round));
    compare("SearchControl, 20 at the end, newest first", "SearchControl", &|n, round| {
        let mut info = span(n - 100 + round);
        info["Ascending"] = 1.into();
        info
    });
    compare("SearchControl of one person, 20 in the middle", "SearchControl", &|n, round| {
        let mut info = span(n / 200 - 20 + round % 10);
        for (name, value) in [("SearchType", 1), ("IdType", 0), ("CustomizeID", 5)] {
            info[name] = value.into();
        }
        info
    });
    compare("SearchControlNum", "SearchControlNum", &|_, _| span(0));
}
