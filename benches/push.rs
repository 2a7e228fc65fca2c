//! Frames a second of the whole terminal, from the camera to the decision, by what its subscriber does: there is none,
//! it is well, it never answers. Prints the medians and their ratios and judges nothing.
//!
//! Models and photos are those of the tests.
#![allow(missing_docs, clippy::unwrap_used)]
#![allow(clippy::cast_precision_loss)]

use std::net::{SocketAddr, TcpListener};

use serde_json::json;

// The terminal of the integration tests.
#[path = "../tests/it/leap.rs"]
mod leap;
#[path = "../tests/material/mod.rs"]
mod material;
#[path = "../tests/it/rig.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod rig;
#[path = "../tests/it/subscriber.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod subscriber;

use rig::Rig;
use subscriber::{OK, Subscriber, subscribe};

/// Frames of one measurement.
const FRAMES: u64 = 100;
/// Measurements of each kind, taken in turns so that a busy machine is busy for all.
const ROUNDS: usize = 5;

fn main() {
    let Some(rig) = Rig::start() else { return };
    rig.set_door(json!({ "VerifyResetTime": 1 }));
    rig.enrol("p01", "p01_1.jpg", json!({ "CustomizeID": 1 }));
    let well = Subscriber::start("127.0.0.1:0", OK);
    let silent = silent();
    let mut rates = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        for (kind, address) in [None, Some(well.address), Some(silent)].into_iter().enumerate() {
            match address {
                Some(address) => subscribe(&rig, address, &["Verify", "Snap"], 1, json!({})),
                None => unsubscribe(&rig),
            }
            // Somebody stands there and is verified once a second; each time is a record with a picture and a push.
            rig.show("p01_2.jpg", 60_000);
            rates[kind].push(rate(&rig));
        }
    }
    assert!(!well.events().is_empty(), "there was something to push");
    let [none, well, silent] = rates.map(|mut rates| {
        rates.sort_by(f64::total_cmp);
        rates[rates.len() / 2]
    });
    println!(
        "frames a second: {none:.1} without a subscriber, {well:.1} with one, {silent:.1} with one that never answers"
    );
    println!("to that without: {:.3} with one, {:.3} with one that never answers", well / none, silent / none);
}

/// Where somebody takes every connection and says nothing.
fn silent() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || listener.incoming().collect::<Vec<_>>());
    address
}

fn unsubscribe(rig: &Rig) {
    let topics = ["Verify", "Snap"];
    let info = json!({ "DeviceID": rig.app().device_id(), "Num": topics.len(), "Topics": topics });
    rig.call("Unsubscribe", &json!({ "info": info }));
}

fn rate(rig: &Rig) -> f64 {
    let at = || {
        let stats = rig.get("/sim/stats");
        (stats["frames_looked_at"].as_u64().unwrap(), stats["t_us"].as_u64().unwrap())
    };
    let start = at();
    let end = rig.wait(|| Some(at()).filter(|now| now.0 >= start.0 + FRAMES));
    (end.0 - start.0) as f64 * 1e6 / (end.1 - start.1) as f64
}
