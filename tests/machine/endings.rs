//! However the terminal ends while the door is open, the door comes to rest before there is another terminal.

use std::fs;

use serde_json::json;

use crate::lines::levels;
use crate::platform::{call, ok};
use crate::terminal::{openings, output, process};
use crate::vm::Machine;
use crate::{Setup, line};

/// Ways to end, what brings them about, and what systemd calls them.
const ENDINGS: [(&str, &str, &str); 5] = [
    ("asked to end", "kill -TERM PID", "success 0"),
    // The first signal only takes its handler away: Rust expects the thread to run into the fault again.
    ("after a segmentation fault", "while kill -SEGV PID 2>/dev/null; do sleep 0.2; done", "signal SEGV"),
    ("aborted", "kill -ABRT PID", "signal ABRT"),
    // The kernel takes the memory of whom it is told to think the worst of.
    ("out of memory", "echo 1000 >/proc/PID/oom_score_adj && echo f >/proc/sysrq-trigger", "oom-kill KILL"),
    ("hanging, as systemd's watchdog finds", "kill -STOP PID", "watchdog ABRT"),
];

/// Ends it in every way.
pub fn play(setup: &Setup, machine: &mut Machine) {
    let [noted, held] = ["endings", "held"].map(|name| setup.share.path().join(name));
    let relay = |machine: &Machine| levels(&output(machine), line::RELAY);
    let mut expected = Vec::new();
    for (how, command, result) in ENDINGS {
        open(machine);
        let (first, opened) = (process(machine), openings(&output(machine)));
        fs::write(&held, "").unwrap();
        machine.run(&command.replace("PID", &first));
        expected.push(result);
        machine.wait(&format!("the end: {how}"), |_| {
            let results = fs::read_to_string(&noted).unwrap_or_default();
            let results: Vec<_> = results.lines().collect();
            (results.len() == expected.len()).then(|| assert_eq!(results, expected, "{how}"))
        });
        machine.wait("the door at rest", |machine| relay(machine).ends_with(&[false]).then_some(()));
        assert_eq!(process(machine), "0", "{how}: there is no other terminal yet");
        fs::remove_file(&held).unwrap();
        let next = machine.wait("another terminal", |machine| Some(process(machine)).filter(|now| now != "0"));
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
