//! Who gets in: every enrolled person by their other photos, and nobody else.

use facegate::vision::EngineChoice;
use serde_json::{Value, json};

use crate::material;
use crate::rig::{self, Rig, people};

#[derive(Debug, Default, PartialEq)]
struct Counts {
    right: usize,
    missed: Vec<String>,
    wrong: Vec<String>,
}

/// Enrols the first photo of each identity `enrolled` lets through and shows all that are not enrolled.
fn show_everybody(rig: &Rig, enrolled: impl Fn(&str) -> bool) -> (Counts, Counts) {
    let photos = people();
    let (mut known, mut strangers) = (Counts::default(), Counts::default());
    let mut first = std::collections::BTreeMap::new();
    for (photo, identity) in &photos {
        first.entry(identity.clone()).or_insert_with(|| photo.clone());
    }
    for (number, (identity, photo)) in first.iter().enumerate() {
        if enrolled(identity) {
            rig.enrol(identity, photo, json!({ "CustomizeID": number + 1 }));
        }
    }
    let shown = |photo: &String, identity: &String| !enrolled(identity) || first[identity] != *photo;
    for (photo, identity) in photos.iter().filter(|(photo, identity)| shown(photo, identity)) {
        rig.forget_door();
        let decision = rig.pass(photo);
        let opened = rig.opened();
        let verdict = decision.as_ref().map(|d| d["verdict"].clone()).unwrap_or_default();
        let name = decision.as_ref().map(|d| d["who"]["Name"].clone()).unwrap_or_default();
        assert_eq!(opened, verdict == "admit", "{photo}: the relay and the verdict {verdict} must agree");
        let counts = if enrolled(identity) { &mut known } else { &mut strangers };
        match (opened, enrolled(identity)) {
            (true, true) if name == identity.as_str() => counts.right += 1,
            (true, _) => counts.wrong.push(format!("{photo} as {name}")),
            (false, true) => counts.missed.push(format!("{photo} {decision:?}")),
            (false, false) => counts.right += 1,
        }
    }
    (known, strangers)
}

fn everybody_by(engine: EngineChoice) {
    let Some(rig) = Rig::with_engine(engine.clone()) else { return };
    // Three of the photos show faces of 75 to 93 pixels: people farther away than two metres.
    rig.ok("SetFaceParam", &json!({ "info": { "faceMinPixel": 70 } }));
    let (known, _) = show_everybody(&rig, |_| true);
    println!(
        "{engine:?}: {} right, {} missed, {} wrong of those enrolled",
        known.right,
        known.missed.len(),
        known.wrong.len()
    );
    println!("missed: {:#?}", known.missed);
    assert_eq!(known.wrong, Vec::<String>::new(), "nobody may pass as somebody else");
    // At similarity 80 the pack itself misses 2 of the 28 pairs that count here in the reference figures.
    assert!(known.missed.len() <= 2, "{:#?}", known.missed);
}

#[test]
fn everybody_enrolled_passes_with_the_built_in_engine() {
    everybody_by(EngineChoice::BuiltIn);
}

#[test]
fn everybody_enrolled_passes_with_the_library() {
    if let Some(engine) = rig::library() {
        everybody_by(engine);
    }
}

#[test]
fn nobody_else_passes() {
    let Some(rig) = Rig::start() else { return };
    let (known, strangers) = show_everybody(&rig, |identity| identity < "p07");
    println!("strangers: {} kept out, {} let in", strangers.right, strangers.wrong.len());
    assert_eq!(strangers.wrong, Vec::<String>::new());
    assert_eq!(known.wrong, Vec::<String>::new());
    assert!(known.right > 0 && strangers.right > 1);
}

#[test]
fn spoofs_never_pass_though_they_are_similar() {
    if material::reference().is_none() {
        return;
    }
    for engine in [Some(EngineChoice::BuiltIn), rig::library()].into_iter().flatten() {
        let Some(rig) = Rig::with_engine(engine) else { return };
        let names = ["liveness/real_T1.jpg", "liveness/spoof_F1.jpg", "liveness/spoof_F2.jpg"];
        for (number, photo) in names.iter().enumerate() {
            rig.enrol(photo, photo, json!({ "CustomizeID": number + 1 }));
        }
        rig.ok("SetSysCfg", &json!({ "info": { "LiveDetectType": 0 } }));
        for (photo, verdict) in names.iter().zip(["admit", "not_alive", "not_alive"]) {
            rig.forget_door();
            let decision = rig.pass(photo).unwrap_or_else(|| panic!("{photo}: no decision"));
            assert_eq!(decision["verdict"], verdict, "{photo}: {decision}");
            assert_eq!(rig.opened(), verdict == "admit", "{photo}");
        }
        rig.ok("SetSysCfg", &json!({ "info": { "LiveDetectType": 1 } }));
        assert_eq!(rig.pass("liveness/spoof_F1.jpg").unwrap()["verdict"], "admit", "the veto was liveness alone");
    }
}

#[test]
fn the_lists_decide() {
    let Some(mut rig) = Rig::start() else { return };
    rig.set_door(json!({ "VerifyResetTime": 1 }));
    for (number, (photo, fields)) in [
        ("p01_1.jpg", json!({ "PersonType": 1 })),
        (
            "p02_1.jpg",
            json!({ "Tempvalid": 1, "ValidBegin": "2018-01-01T00:00:00", "ValidEnd": "2018-12-31T23:59:59" }),
        ),
        ("p09_1.jpg", json!({ "Tempvalid": 3, "EffectNumber": 2 })),
    ]
    .into_iter()
    .enumerate()
    {
        let mut fields = fields;
        fields["CustomizeID"] = (number + 1).into();
        rig.enrol(photo, photo, fields);
    }
    let verdict = |rig: &Rig, photo: &str| rig.pass(photo).map(|d| (d["verdict"].clone(), d["reason"].clone()));
    assert_eq!(verdict(&rig, "p01_1.jpg"), Some((json!("refuse"), json!("on the block list"))));
    assert_eq!(verdict(&rig, "p02_1.jpg"), Some((json!("refuse"), json!("validity has ended"))));
    assert_eq!(verdict(&rig, "p09_1.jpg").unwrap().0, "admit");
    rig.restart();
    let left = |rig: &Rig| {
        let found = rig.ok("SearchPerson", &json!({ "info": { "SearchType": 0, "SearchID": "3", "Picture": 0 } }));
        found["info"]["EffectNumber"].clone()
    };
    assert_eq!(left(&rig), 1, "one use is spent, and a restart does not give it back");
    assert_eq!(verdict(&rig, "p09_1.jpg").unwrap().0, "admit");
    wait_for_reset(&rig);
    assert_eq!(verdict(&rig, "p09_1.jpg"), Some((json!("refuse"), json!("no passages left"))));
}

/// Lets the one second of `VerifyResetTime` pass by showing an empty room.
fn wait_for_reset(rig: &Rig) {
    let at = |rig: &Rig| rig.get("/sim/stats")["t_us"].as_u64().unwrap();
    let start = at(rig);
    rig.wait(|| (at(rig) > start + 1_100_000).then_some(()));
}

#[test]
fn the_relay_holds_for_its_time_and_its_kind() {
    let Some(rig) = Rig::start() else { return };
    rig.set_door(json!({ "OpendoorWay": 2, "ControlType": 1 }));
    for (kind, hold) in [(0, 200), (0, 700), (1, 300)] {
        rig.set_door(json!({ "IOType": kind, "IOStayTime": hold }));
        rig.forget_door();
        rig.ok("OpenDoor", &json!({ "info": { "DeviceID": 1_300_001, "status": 1, "msg": "请通行" } }));
        // A relay put to rest for a new kind may come first; opening is the change that follows.
        let log: Vec<Value> = rig.wait(|| {
            let log = rig.door()["relay"].as_array().cloned().unwrap();
            let opened = log.iter().position(|change| change["closed"] == (kind == 0))?;
            log.get(opened..opened + 2).map(<[Value]>::to_vec)
        });
        assert_eq!(log[1]["closed"], kind == 1);
        let held = log[1]["t_us"].as_u64().unwrap() - log[0]["t_us"].as_u64().unwrap();
        // The hold counts from the decision, which a busy machine may take a moment to carry out.
        assert!(held + 50_000 >= hold * 1000, "{held} µs for {hold} ms");
    }
}

#[test]
fn remote_opening_follows_the_way() {
    let Some(rig) = Rig::start() else { return };
    let open = |rig: &Rig| rig.call("OpenDoor", &json!({ "info": { "DeviceID": "1300001", "Chn": 0 } }));
    let refused = open(&rig);
    assert_eq!(refused["info"]["Result"], "Fail", "way 0 opens by face only");
    assert!(refused["info"]["Detail"].as_str().unwrap().contains("OpendoorWay"), "{refused}");
    assert!(!rig.opened());
    for way in [1, 2] {
        rig.set_door(json!({ "OpendoorWay": way, "IOStayTime": 50 }));
        rig.forget_door();
        assert_eq!(open(&rig)["code"], 200);
        rig.wait(|| (rig.door()["relay"].as_array().unwrap().len() >= 2).then_some(()));
    }
    let range = json!({ "DeviceID": 1_300_001, "BeginTime": "2000-01-01T00:00:00", "EndTime": "2099-01-01T00:00:00" });
    let found = rig.wait(|| {
        let found = rig.ok(
            "SearchControl",
            &json!({ "info": { "Name": "远程开门", "BeginTime": range["BeginTime"], "EndTime": range["EndTime"] } }),
        );
        (found["info"]["TotalNum"] == 2).then_some(found)
    });
    assert_eq!(found["info"]["SearchInfo"][0]["VerfyType"], 27);
    assert_eq!(found["info"]["SearchInfo"][0]["RemoteOpenDoor"], 1);
}
