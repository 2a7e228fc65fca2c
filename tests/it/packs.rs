//! Another model pack: what it cannot do it does not pretend, and nobody is lost by it.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use facegate::access::{List, Person};
use facegate::app::Options;
use facegate::board::Board;
use facegate::clock::SystemClock;
use facegate::field::LocalTime;
use facegate::release::trial::Trial;
use facegate::release::{Releases, Running, Slot, State};
use facegate::settings::{LiveDetect, System};
use facegate::store::{Registered, Store};
use facegate::vision::Similarity;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::crash::Terminal;
use crate::material::{faces, reference};
use crate::rig::{Rig, call, people, picture};

/// A folder with the tests' models under the name `id`, described otherwise where `change` does so.
fn pack(id: &str, change: impl Fn(String) -> String) -> Option<TempDir> {
    let (models, _) = reference()?;
    let text = include_str!("../../models/retinaface-mobilefacenet.toml");
    let folder = TempDir::new().unwrap();
    for entry in std::fs::read_dir(models).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "tflite" || e == "so") {
            std::os::unix::fs::symlink(&path, folder.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    let text = text.replace("id = \"retinaface-mobilefacenet\"", &format!("id = {id:?}"));
    std::fs::write(folder.path().join(format!("{id}.toml")), change(text)).unwrap();
    Some(folder)
}

fn without_liveness(mut text: String) -> String {
    let section = text.find("[liveness]").unwrap()..text.find("[similarity]").unwrap();
    text.replace_range(section, "");
    text.insert_str(0, "liveness = \"none\"\n");
    text
}

/// Of the same networks, and its embeddings are others all the same.
fn without_mirror_image(text: String) -> String {
    let other = text.replace("mirror = true", "mirror = false");
    assert_ne!(other, text);
    other
}

fn as_it_is(text: String) -> String {
    text
}

#[test]
fn a_pack_without_liveness_never_pretends() {
    let Some(without) = pack("without", without_liveness) else { return };
    let Some(mut rig) = Rig::with_models(without.path()) else { return };
    rig.enrol("one", "p01_1.jpg", json!({ "CustomizeID": 1 }));
    // The document's default is off: people pass.
    assert_eq!(rig.pass("p01_2.jpg").unwrap()["verdict"], "admit");

    for number in [0, 2] {
        let refused = rig.call("SetSysCfg", &json!({ "info": { "LiveDetectType": number, "Language": 0 } }));
        let why = refused["info"]["Detail"].as_str().or(refused["Detail"].as_str()).unwrap_or_default();
        assert!(refused["code"] != 200 && why.contains("LiveDetectType") && why.contains("without"), "{refused}");
    }
    let shown = rig.ok("GetSysCfg", &json!({}))["info"].clone();
    assert_eq!((&shown["LiveDetectType"], &shown["Language"]), (&1.into(), &1.into()), "nothing is changed");
    assert_eq!((&shown["LiveThreshold"], &shown["LiveFrameNum"]), (&"100.000000".into(), &0.into()));
    rig.ok("SetSysCfg", &json!({ "info": { "LiveDetectType": 1 } }));

    // As it was demanded with another pack.
    let demand = |system: &mut System| {
        system.live_detect = LiveDetect::Always;
        Ok(())
    };
    rig.app().settings().change::<System>(demand).unwrap();
    for _ in 0..2 {
        rig.forget_door();
        assert_eq!(rig.pass("p01_2.jpg").unwrap()["verdict"], "not_alive");
        assert!(!rig.opened());
        rig.restart();
    }
    // Told anew at each start.
    let told = rig.wait(|| rig.happened(0).into_iter().find(|line| line["device"] == "liveness"));
    assert!(told["why"].as_str().is_some_and(|why| why.contains("LiveDetectType")), "{told}");
    rig.ok("SetSysCfg", &json!({ "info": { "LiveDetectType": 1 } }));
    assert_eq!(rig.pass("p01_2.jpg").unwrap()["verdict"], "admit");
}

#[test]
fn people_are_measured_anew_with_another_pack() {
    let (Some(one), Some(two)) = (pack("one", as_it_is), pack("two", without_mirror_image)) else { return };
    // It has nothing but the name in common with the one before.
    let Some(same_name) = pack("two", as_it_is) else { return };
    let Some(mut rig) = Rig::with_models(one.path()) else { return };
    let mut known = BTreeSet::new();
    for (number, (photo, who)) in people().iter().enumerate() {
        if known.insert(who.clone()) {
            rig.enrol(who, photo, json!({ "CustomizeID": number + 1 }));
        }
    }
    assert_eq!(rig.get("/sim/stats")["recomputed"], json!({ "people": 0, "done": 0, "failed": 0 }));
    let all = known.len();
    let done = json!({ "people": all, "done": all, "failed": 0 });
    for pack in [&two, &same_name] {
        rig.restart_with(pack.path());
        rig.wait(|| (rig.get("/sim/stats")["recomputed"] == done).then_some(()));
        assert_eq!(rig.get("/sim/stats")["pack"], "two");
        rig.wait(|| rig.happened(0).into_iter().find(|line| line["event"] == "embeddings" && line["done"] == all));
        assert_eq!(rig.pass("p03_2.jpg").unwrap()["who"]["Name"], "p03");
        // A photo that is kept as it was sent is its own picture to the last digit, and to no other pack's embedding.
        let roster = rig.app().roster();
        let photo = std::fs::read(faces().unwrap().join("p08_1.jpg")).unwrap();
        let signature = roster.signature(&photo).unwrap();
        let itself = roster.compare_signatures(&signature, &signature).unwrap().get();
        let (_, found) = roster.search(&photo, Similarity::default(), 1).unwrap()[0];
        assert!((found.get() - itself).abs() < 1e-3, "{found:?} {itself}");
    }
    // What is done is kept.
    rig.restart();
    assert_eq!(rig.get("/sim/stats")["recomputed"]["people"], 0);
}

#[test]
fn a_release_on_trial_leaves_the_embeddings_of_the_one_before() {
    let (Some(one), Some(two)) = (pack("one", as_it_is), pack("two", without_mirror_image)) else { return };
    let Some(mut rig) = Rig::with_models(one.path()) else { return };
    rig.enrol("p01", "p01_1.jpg", json!({ "CustomizeID": 1 }));

    let releases = Releases::of(&rig.data());
    let folder = releases.slot(Slot::A).unwrap();
    std::fs::create_dir_all(&folder).unwrap();
    let running = Running { folder: Some(folder), ..Running::default() };
    let on_trial = json!({ "version": running.version, "running": true, "healthy": ["api"] });
    let begin = |state: &mut State| {
        (state.chosen, state.trial) = (Slot::A, serde_json::from_value(on_trial).unwrap());
    };
    releases.change(begin).unwrap();
    let trial = Trial::of(&running, &releases, Duration::from_secs(60));
    assert!(trial.is_some());
    rig.restart_as(two.path(), Options { running, trial, ..Options::default() });

    let (mut looks, recomputed) = (0, || rig.get("/sim/stats")["recomputed"]["people"].as_u64().unwrap());
    rig.wait(|| {
        let people = recomputed();
        let on_trial = releases.load().unwrap().trial.is_some();
        assert!(people == 0 || !on_trial, "it measures people while it is on trial");
        looks += usize::from(on_trial);
        (people == 1).then_some(())
    });
    assert!(looks > 10, "{looks}");
}

/// How many people the long test has; `FACEGATE_MANY` says otherwise, for a try in a debug build.
fn many() -> usize {
    std::env::var("FACEGATE_MANY").ok().and_then(|many| many.parse().ok()).unwrap_or(1000)
}

/// A thousand people, a pack installed, the terminal killed while it measures them: all of them are matched again.
/// Minutes in a release build, so only on request.
#[test]
#[ignore = "takes minutes: cargo test --release --test it a_thousand -- --ignored --nocapture"]
fn a_thousand_people_outlast_another_pack_and_a_kill() {
    let (Some(one), Some(two)) = (pack("one", as_it_is), pack("two", without_mirror_image)) else { return };
    let Some(faces) = faces() else { return };
    let (many, data) = (many(), TempDir::new().unwrap());
    // The first picture of each: a later one may be too small to be registered.
    let mut who = BTreeSet::new();
    let photos: Vec<String> = people().into_iter().filter(|(_, one)| who.insert(one.clone())).map(|(p, _)| p).collect();
    let limits = Board::sim().unwrap().capacity.limits();
    {
        let store = Store::open(data.path(), limits, Arc::new(SystemClock::default())).unwrap();
        for number in 0..many {
            let jpeg = std::fs::read(faces.join(&photos[number % photos.len()])).unwrap();
            let person = Person {
                name: format!("person {number}"),
                custom_id: u32::try_from(number + 1).ok(),
                list: List::Allow,
                ..Person::new(LocalTime::UNSET)
            };
            // Of a pack that nobody has any more.
            store.add(person, Some(Registered { jpeg, embedding: vec![1.0; 128], pack: "older".into() })).unwrap();
        }
    }
    let stats = |terminal: &Terminal| terminal.get("/sim/stats")["recomputed"].clone();
    let count = |stats: &Value, what: &str| usize::try_from(stats[what].as_u64().unwrap()).unwrap();
    let finish = |terminal: &Terminal| {
        let is_over = |s: &Value| count(s, "people") > 0 && count(s, "done") + count(s, "failed") == count(s, "people");
        terminal.wait(|| Some(stats(terminal)).filter(is_over))
    };

    install(data.path(), one.path());
    let terminal = Terminal::start_installed(data.path());
    let first = finish(&terminal);
    println!("the first pack: {first}");
    assert_eq!(first, json!({ "people": many, "done": many, "failed": 0 }));
    terminal.kill();

    install(data.path(), two.path());
    let mut left = many;
    for round in 0..3 {
        let terminal = Terminal::start_installed(data.path());
        let before = terminal.wait(|| Some(stats(&terminal)).filter(|s| count(s, "done") >= many * 15 / 100));
        println!("round {round}: {before} when it is killed");
        assert!(count(&before, "people") <= left, "nobody is measured twice");
        left = count(&before, "people") - many * 15 / 100;
        terminal.kill();
    }
    let terminal = Terminal::start_installed(data.path());
    let last = finish(&terminal);
    println!("in the end: {last}");
    assert_eq!(count(&last, "failed"), 0);
    assert!(count(&last, "people") <= left);
    let total = call(&terminal.base, "SearchPersonNum", &json!({ "info": { "DeviceID": 1_300_001 } }));
    assert_eq!(total["info"]["PersonNum"], many);
    let mut matched = 0;
    for (at, photo) in photos.iter().enumerate() {
        let found = call(
            &terminal.base,
            "GetPictureSearch",
            &json!({ "info": { "MaxSimilarity": 90, "MaxNum": 100 }, "picinfo": picture(photo) }),
        );
        let ids: BTreeSet<_> = found["info"]["SearchInfo"]
            .as_array()
            .unwrap_or_else(|| panic!("{found}"))
            .iter()
            .map(|one| one["CustomizeID"].as_u64().unwrap())
            .collect();
        let wanted = (at..many).step_by(photos.len()).map(|number| number as u64 + 1);
        for id in wanted {
            assert!(ids.contains(&id), "person {id} is not matched by {photo}");
            matched += 1;
        }
    }
    println!("{matched} matched again");
    assert_eq!(matched, many);
    terminal.kill();
}

/// Installs with the program's own verb.
fn install(data: &Path, from: &Path) {
    let done = Command::new(env!("CARGO_BIN_EXE_facegate"))
        .args(["models", "install"])
        .arg(from)
        .arg("--data")
        .arg(data)
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}
