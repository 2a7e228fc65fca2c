//! What a picture of the screen costs, counted: `benches/screen.rs` on a machine whose clock goes on by a nanosecond with each
//! instruction, the kernel's among them. Measures, judges nothing, and runs only when it is named (`make cost`).

use std::fs;

use crate::Setup;
use crate::vm::Kind;

pub const NAME: &str = "machine::cost";
/// Pictures of each kind.
const PICTURES: u32 = 8;
/// Of a Cortex-A53, cycles a second.
const CLOCK: f64 = 1.2e9;
/// Cycles an instruction takes on it, from work in registers to work on memory.
const CYCLES: [f64; 2] = [1.0, 1.5];
/// A second.
const PICTURES_SHOWN: f64 = 25.0;

pub fn scenario(setup: &Setup) {
    setup.bring(&setup.tests("screen"), "screen");
    let mut machine = setup.boot_as(Kind::Counted);
    // In memory, so that no disk is waited for.
    machine.run(&format!("cp /host/screen /run/ && FACEGATE_PANEL=/run/panel /run/screen {PICTURES} >/host/counts"));
    let output = fs::read_to_string(setup.share.path().join("counts")).unwrap();
    println!("  size and rotation   scene        instructions   of a core at 25 a second");
    // The first line is the head.
    for line in output.lines().skip(1) {
        let (what, times) = line.split_at_checked(32).unwrap_or_else(|| panic!("{output}"));
        let micros: Vec<f64> =
            times.split("µs").filter_map(|part| part.split_whitespace().next_back()?.parse().ok()).collect();
        let [painted, shown] = micros[..] else { panic!("{output}") };
        let instructions = (painted + shown) * 1000.0;
        let [least, most] = CYCLES.map(|cycles| instructions * cycles * PICTURES_SHOWN / CLOCK * 100.0);
        println!("  {what} {:>6.1} million   {least:>3.0} to {most:.0} %", instructions / 1e6);
    }
}
