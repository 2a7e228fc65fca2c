//! Recognition goes on while a platform writes.

use serde_json::json;

use crate::rig::{Rig, call, people, picture};

/// How many people come and go; the whole thousand with FACEGATE_LONG=1.
fn many() -> usize {
    if std::env::var_os("FACEGATE_LONG").is_some() { 1000 } else { 60 }
}

#[test]
fn the_right_person_passes_while_people_are_enrolled_and_deleted() {
    let Some(rig) = Rig::start() else { return };
    rig.set_door(json!({ "VerifyResetTime": 1 }));
    rig.enrol("p01", "p01_1.jpg", json!({ "CustomizeID": 1 }));
    let rate = |rig: &Rig, frames: u64| {
        let at = |rig: &Rig| {
            let stats = rig.get("/sim/stats");
            (stats["frames_looked_at"].as_u64().unwrap(), stats["t_us"].as_u64().unwrap())
        };
        let start = at(rig);
        let end = rig.wait(|| Some(at(rig)).filter(|now| now.0 >= start.0 + frames));
        (end.0 - start.0) as f64 * 1e6 / (end.1 - start.1) as f64
    };
    rig.show("p01_2.jpg", 60_000);
    let idle = rate(&rig, 75);

    let base = rig.url("");
    let total = many();
    let writer = std::thread::spawn(move || {
        let photos: Vec<String> = people()
            .into_iter()
            .map(|(photo, _)| photo)
            .filter(|p| p.ends_with("_1.jpg") && !p.starts_with("p01"))
            .collect();
        for n in 0..total {
            let body = json!({
                "info": { "DeviceID": 1_300_001, "CustomizeID": n + 100, "Name": format!("person {n}") },
                "picinfo": picture(&photos[n % photos.len()]),
            });
            let answer = call(&base, "AddPerson", &body);
            assert_eq!(answer["code"], 200, "{answer}");
        }
        for ids in (0..total).collect::<Vec<_>>().chunks(50) {
            let ids: Vec<usize> = ids.iter().map(|n| n + 100).collect();
            let body =
                json!({ "info": { "DeviceID": 1_300_001, "TotalNum": ids.len(), "IdType": 0, "CustomizeID": ids } });
            assert_eq!(call(&base, "DeletePerson", &body)["code"], 200);
        }
    });
    let mut busy = Vec::new();
    while !writer.is_finished() {
        let since = rig.show("p01_2.jpg", 60_000)["events_since"].as_u64().unwrap();
        busy.push(rate(&rig, 25));
        let decision = rig.wait(|| rig.events(since).into_iter().next());
        assert_eq!(decision["who"]["Name"], "p01", "{decision}");
    }
    writer.join().unwrap();
    busy.sort_by(f64::total_cmp);
    let middle = busy[busy.len() / 2];
    println!(
        "{total} people enrolled and deleted: {middle:.1} frames per second of {idle:.1} idle, {:.2}",
        middle / idle
    );
}
