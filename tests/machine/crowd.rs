//! The door stays prompt in a terminal with as many people as it can have, all of whom a platform synchronises anew.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::people;
use crate::platform::call;
use crate::promptness;
use crate::vm::Kind;
use crate::{STRANGER, Setup};

pub const NAME: &str = "machine::crowd";
/// As many as `boards/qemu-virt.toml` has room for.
const PEOPLE: u32 = 24_576;
/// In one request: the most that the document allows.
const BATCH: u32 = 500;

pub fn scenario(setup: &Setup) {
    setup.bring_terminal(|board| board);
    setup.keep_log(|| synchronise(setup));
}

fn synchronise(setup: &Setup) {
    let disk = people::disk(setup, PEOPLE);
    println!("  {PEOPLE} people are on the disk");
    let mut machine = setup.boot_as(Kind::Disk(&disk));
    let port = machine.port;
    machine.wait("the API", |_| call(port, "GetSysParam", &json!({})));
    let loaded = format!("people={PEOPLE} faces={PEOPLE}");
    machine.wait("everybody's face", |_| setup.log().contains(&loaded).then_some(()));
    println!("  everybody is known by face");
    setup.show(&mut machine, STRANGER);

    let changed = AtomicUsize::new(0);
    let synchronises = |over: &AtomicBool| {
        for round in 1.. {
            for first in (1..=PEOPLE).step_by(BATCH as usize) {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let batch: Vec<_> = (first..=PEOPLE).take(BATCH as usize).map(|number| person(number, round)).collect();
                let total = batch.len();
                let body = json!({ "IdType": 0, "Total": total, "info": batch });
                let answer = call(port, "EditPersonsNew", &body).expect("an answer to EditPersonsNew");
                let info = &answer["info"];
                assert_eq!(info["AddSucNum"], total.to_string(), "{}", info["AddErrInfo"]);
                changed.fetch_add(total, Ordering::Relaxed);
            }
        }
    };
    promptness::during(&mut machine, &[&synchronises], || changed.load(Ordering::Relaxed) > 0);
    println!("  meanwhile {} people were changed", changed.load(Ordering::Relaxed));
}

/// Somebody as the platform knows them now.
fn person(number: u32, round: u32) -> Value {
    json!({
        "CustomizeID": number, "Name": format!("Person {number}, {round}"), "Tempvalid": 1,
        "ValidBegin": "2026-01-01T00:00:00", "ValidEnd": format!("20{:02}-12-31T23:59:59", 27 + round % 70),
    })
}
