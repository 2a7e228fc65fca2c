//! Settings do what they say, seen at the running terminal.

use serde_json::{Value, json};

use crate::material;
use crate::rig::{Rig, picture};

fn set(rig: &Rig, operator: &str, info: Value) {
    rig.ok(operator, &json!({ "info": info }));
}

#[test]
fn liveness_is_checked_between_its_times() {
    if material::reference().is_none() {
        return;
    }
    let Some(rig) = Rig::start() else { return };
    let spoof = "liveness/spoof_F1.jpg";
    rig.enrol("spoof", spoof, json!({ "CustomizeID": 1 }));
    set(
        &rig,
        "SetSysCfg",
        json!({ "LiveDetectType": 2, "LiveDetectTimeBeg": "22:00:00", "LiveDetectTimeEnd": "06:00:00" }),
    );
    for (time, verdict) in [("12:00:00", "admit"), ("23:30:00", "not_alive"), ("05:00:00", "not_alive")] {
        rig.set_clock(&format!("2026-05-04T{time}"));
        assert_eq!(rig.pass(spoof).unwrap()["verdict"], verdict, "at {time}");
    }
}

#[test]
fn faces_outside_the_area_are_passed_over() {
    let Some(rig) = Rig::start() else { return };
    rig.enrol("p01", "p01_1.jpg", json!({ "CustomizeID": 1 }));
    // The face stands in the middle of the picture.
    set(
        &rig,
        "SetFaceParam",
        json!({ "detectArea_x": 0, "detectArea_y": 0, "detectArea_w": 200, "detectArea_h": 200 }),
    );
    assert_eq!(rig.leave_undecided("p01_2.jpg")["why"], "outside the area of detectArea_x, _y, _w and _h");
    set(&rig, "SetFaceParam", json!({ "detectArea_w": 960, "detectArea_h": 1280 }));
    assert_eq!(rig.pass("p01_2.jpg").unwrap()["verdict"], "admit");
}

#[test]
fn pictures_are_kept_only_where_they_are_wanted() {
    let Some(rig) = Rig::start() else { return };
    rig.enrol("p01", "p01_1.jpg", json!({ "CustomizeID": 1 }));
    let all = json!({ "BeginTime": "2000-01-01T00:00:00", "EndTime": "2099-01-01T00:00:00", "Picture": 2 });
    for (number, (keep, pictured)) in [(0, false), (1, true)].into_iter().enumerate() {
        set(&rig, "SetSysCfg", json!({ "DataBaseEnable": keep }));
        assert_eq!(rig.pass("p01_2.jpg").unwrap()["verdict"], "admit");
        let record = rig.wait(|| {
            let answer = rig.ok("SearchControl", &json!({ "info": all }));
            answer["info"]["SearchInfo"].get(number).cloned()
        });
        assert_eq!(record.get("SnapPicinfo").is_some(), pictured, "DataBaseEnable {keep}");
    }
}

#[test]
fn the_factory_s_values_come_back_part_by_part() {
    let Some(mut rig) = Rig::start() else { return };
    rig.enrol("p01", "p01_1.jpg", json!({ "CustomizeID": 1 }));
    assert_eq!(rig.pass("p01_2.jpg").unwrap()["verdict"], "admit");
    set(&rig, "SetSound", json!({ "Volume": 5 }));
    set(&rig, "AddAccessPwd", json!({ "AccessPwd": ["4711"] }));
    set(&rig, "SetFactoryDefault", json!({ "DefaltSoundSet": 1, "DefaltRecord": 1 }));
    rig.restart();
    let count =
        |operator: &str, name: &str, info: Value| rig.ok(operator, &json!({ "info": info }))["info"][name].clone();
    let all = json!({ "BeginTime": "2000-01-01T00:00:00", "EndTime": "2099-01-01T00:00:00" });
    assert_eq!(count("GetSound", "Volume", json!({})), 80);
    assert_eq!(count("SearchControlNum", "ControlNum", all), 0);
    assert_eq!(count("SearchPersonNum", "PersonNum", json!({})), 1, "people are another part");
    assert_eq!(rig.decided("pin", &json!({ "pin": "4711" }))["verdict"], "admit", "passwords are the door's part");
    set(&rig, "SetFactoryDefault", json!({ "DefaltPerson": 1, "DefaltDoorSet": 1 }));
    assert_eq!(count("SearchPersonNum", "PersonNum", json!({})), 0);
    assert_eq!(rig.decided("pin", &json!({ "pin": "4711" }))["verdict"], "refuse");
    assert_eq!(rig.pass("p01_2.jpg").unwrap()["verdict"], "stranger");
}

/// The password of the hour, known to the terminal alone, opens in its hour and not in the next.
#[test]
fn a_temporary_password_opens_for_its_hour() {
    let Some(rig) = Rig::start() else { return };
    rig.set_clock("2026-05-04T17:59:00");
    let answer = rig.ok("GetAccessTempPwd", &json!({}));
    assert_eq!(answer["info"]["ValidPeriod"], "2026-05-04 17:00:00 ~ 2026-05-04 17:59:59");
    let pin = json!({ "pin": answer["info"]["TempPwd"] });
    rig.set_clock("2026-05-04T17:00:10");
    assert_eq!(rig.decided("pin", &pin)["verdict"], "admit");
    rig.set_clock("2026-05-04T18:00:00");
    assert_eq!(rig.decided("pin", &pin)["verdict"], "refuse");
}

/// A face on an identity card is compared with the face before the camera at `IDCardThreshold`.
#[test]
fn the_threshold_of_identity_cards_counts() {
    let Some(rig) = Rig::start() else { return };
    for (threshold, verdict) in [(50, "admit"), (100, "refuse")] {
        rig.set_door(json!({ "VerifyMode": 2, "VerifyResetTime": 10, "IDCardThreshold": threshold }));
        rig.sim("idcard", &json!({ "number": "1", "name": "Wang", "photo": picture("p02_1.jpg") }));
        assert_eq!(rig.pass("p02_2.jpg").unwrap()["verdict"], verdict, "IDCardThreshold {threshold}");
    }
}
