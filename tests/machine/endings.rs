//! However the terminal ends while the door is open, the door comes to rest before there is another terminal; and one that
//! hangs is ended by the board's watchdog, with the board.

use std::fs;

use serde_json::json;

use crate::lines::levels;
use crate::platform::{call, ok};
use crate::terminal::{openings, output, process};
use crate::vm::Machine;
use crate::{Setup, line};

/// Ways to end, what brings them about, and the exit status that systemd tells then.
const ENDINGS: [(&str, &str, &str); 5] = [
    ("asked to end", "systemctl kill --signal=TERM facegate", "0"),
    ("reaching for memory that is not there", "systemctl kill --signal=SEGV facegate", "SEGV"),
    ("giving up", "systemctl kill --signal=ABRT facegate", "ABRT"),
    // It has more already, so the next picture finds no room.
    ("out of memory", "prlimit --as=16777216 --pid \"$(systemctl show -p MainPID --value facegate)\"", "ABRT"),
    ("in the way of a kernel that is", "echo f >/proc/sysrq-trigger", "KILL"),
];

/// Ends it in every way, at last with the machine.
pub fn play(setup: &Setup, machine: &mut Machine) {
    let noted = setup.share.path().join("endings");
    let relay = |machine: &Machine| levels(&output(machine), line::RELAY);
    let mut expected = Vec::new();
    for (how, command, status) in ENDINGS {
        open(machine);
        let (first, opened) = (process(machine), openings(&output(machine)));
        machine.run(command);
        let next = machine.wait("another terminal", |machine| {
            let now = process(machine);
            (now != first && now != "0").then_some(now)
        });
        assert!(relay(machine).ends_with(&[false]), "{how}: the door is not at rest");
        expected.push(status);
        let statuses = fs::read_to_string(&noted).unwrap();
        assert_eq!(statuses.lines().collect::<Vec<_>>(), expected, "{how}");
        machine.wait("the API", |machine| call(machine.port, "GetSysParam", &json!({})));
        assert_eq!((openings(&output(machine)), process(machine)), (opened, next), "{how}: that is all that happens");
        println!("  {how}, it leaves the door at rest and comes back");
    }
    machine.run("systemctl kill --signal=STOP facegate");
    machine.wait_for_end("the reset by the watchdog");
    println!("  one that hangs is reset with its board");
}

/// Opens the door for longer than the terminal lives.
fn open(machine: &mut Machine) {
    let port = machine.port;
    machine.wait("the API", |_| call(port, "GetSysParam", &json!({})));
    ok(port, "SetDoorCondition", json!({ "IOStayTime": 600_000 }));
    machine.drive(line::EXIT, true);
    machine.wait("the exit button", |machine| levels(&output(machine), line::RELAY).ends_with(&[true]).then_some(()));
    machine.drive(line::EXIT, false);
}
