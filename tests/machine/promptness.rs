//! How soon the door follows its button and the fire alarm while the machine has all hands full: a face before the camera
//! in every frame, and a platform that brings people and changes them as fast as it is answered.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use facegate::clock::{Bell, Clock, SystemClock};
use serde_json::json;

use crate::Setup;
use crate::line;
use crate::lines::{Change, changes};
use crate::platform::{enrol, ok};
use crate::vm::Machine;

/// How long an input rests before it is driven again: longer than the machine takes to see it.
const LET_GO: Duration = Duration::from_millis(500);
/// How often each input is driven.
const TIMES: usize = 20;

/// Something that keeps the machine busy until it is told that it is over.
pub type Work<'w> = dyn Fn(&AtomicBool) + Sync + 'w;

/// Enrols photos and changes `person`, as a platform does that has new people.
pub fn measure(setup: &Setup, machine: &mut Machine, photos: &[&str], person: u32) {
    let port = machine.port;
    let (added, changed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let enrols = |over: &AtomicBool| {
        for (number, photo) in photos.iter().enumerate() {
            if over.load(Ordering::Relaxed) {
                return;
            }
            let info = json!({ "Name": photo, "CustomizeID": 1000 + number, "MjCardFrom": 0 });
            enrol(port, &setup.faces.join(photo), info);
            added.fetch_add(1, Ordering::Relaxed);
        }
    };
    let edits = |over: &AtomicBool| {
        while !over.load(Ordering::Relaxed) {
            let number = changed.fetch_add(1, Ordering::Relaxed);
            let info = json!({ "IdType": 0, "CustomizeID": person, "Notes": format!("change {number}") });
            ok(port, "EditPerson", info);
        }
    };
    during(machine, &[&enrols, &edits], || changed.load(Ordering::Relaxed) > 10);
    let (added, changed) = (added.load(Ordering::Relaxed), changed.load(Ordering::Relaxed));
    println!("  meanwhile {added} photos were enrolled and {changed} changes made");
}

/// Drives both inputs again and again while work is done, and says how long it took from their edge outside the machine
/// to the relay's outside the machine. Begins when it is `underway`.
pub fn during(machine: &mut Machine, work: &[&Work<'_>], underway: impl Fn() -> bool) {
    let over = AtomicBool::new(false);
    // Faces are looked at as before, but none opens: who is let in would be taken for the button.
    ok(machine.port, "SetDoorCondition", json!({ "IOStayTime": 100, "VerifyMode": 24 }));
    thread::scope(|scope| {
        let (flag, _over) = (&over, Over(&over));
        for work in work {
            scope.spawn(move || work(flag));
        }
        machine.wait("the first changes", |_| underway().then_some(()));
        for (name, input) in [("exit button", line::EXIT), ("fire alarm", line::FIRE)] {
            let mut spans: Vec<u64> = (0..TIMES).map(|_| follow(machine, input)).collect();
            spans.sort_unstable();
            let (middle, most) = (spans[TIMES / 2] / 100, spans[TIMES - 1] / 100);
            println!(
                "  {name} to relay: {}.{} ms in the middle, {}.{} ms at most, of {TIMES}",
                middle / 10,
                middle % 10,
                most / 10,
                most % 10
            );
        }
    });
}

/// Ends what keeps the machine busy, also when the measurement fails.
struct Over<'o>(&'o AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Drives an input until the relay has followed, and lets both come to rest; microseconds.
fn follow(machine: &mut Machine, input: u8) -> u64 {
    let before = relay(machine).len();
    let edge = SystemClock::default().wall().as_microsecond();
    machine.drive(input, true);
    let closed =
        machine.wait("the relay", |machine| relay(machine).into_iter().skip(before).find(|change| change.high));
    machine.drive(input, false);
    machine.wait("the relay at rest", |machine| relay(machine).last().is_some_and(|change| !change.high).then_some(()));
    // An input that is let go for less than its debouncing has not been let go.
    let clock = SystemClock::default();
    clock.wait(&Bell::default(), Some(clock.mono().after(LET_GO)));
    closed.at.saturating_sub(u64::try_from(edge).unwrap())
}

fn relay(machine: &Machine) -> Vec<Change> {
    changes(&machine.put_out()).into_iter().filter(|change| change.line == line::RELAY).collect()
}
