//! However the terminal ends while the door is open, the door comes to rest before there is another terminal.

use std::fs;

use serde_json::json;

use crate::lines::levels;
use crate::platform::{call, ok};
use crate::terminal::{openings, output, process};
use crate::vm::Machine;
use crate::{Setup, line};

/// Ways to end, what brings them about, and the exit status that systemd tells then.
const ENDINGS: [(&str, &str, &str); 1] = [("asked to end", "systemctl kill --signal=TERM facegate", "0")];

/// Ends it in every way.
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
