//! Upgrades a terminal and breaks in at every moment of it.
//!
//! [`sweep`] cuts the whole way - fetch, verify, unpack, switch, start, prove - and the way back at every call that changes a
//! file, under the library of `tests/torture`, and looks whether an old or a new version comes up complete. [`real`] upgrades
//! the real simulated terminal under a supervisor that does what systemd does ([`service`]), with good releases and with bad
//! ones; [`root`] is root's part, [`desk`] what is done by hand.
//! `docs/design/upgrade.md` tells more.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod desk;
mod real;
mod root;
mod server;
mod service;
mod sweep;
mod vendor;
mod victim;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let place = || Path::new(&arguments[1]);
    let first = arguments.first().map(String::as_str);
    if matches!(first, Some("victim" | "look" | "daemon")) {
        // Into the file a failure quotes.
        let complaints = tracing_subscriber::fmt().with_max_level(tracing::Level::INFO).with_writer(std::io::stderr);
        complaints.with_ansi(false).without_time().init();
    }
    match first {
        Some("victim") => victim::act(place(), &arguments[2], &arguments[3]),
        Some("look") => victim::look(place()),
        Some("daemon") => victim::daemon(place()),
        // `cargo test FILTER` runs every test binary with the filter.
        first => {
            let wanted = |filter: &String| filter.starts_with('-') || "upgrade".contains(filter.as_str());
            let long = first == Some("long");
            if !long && !arguments.iter().all(wanted) {
                return ExitCode::SUCCESS;
            }
            let swept = sweep::run(long);
            return if real::run() && swept { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        }
    }
    ExitCode::SUCCESS
}
