//! What a door controller reads off the lines, for every protocol value.

use serde_json::{Value, json};

use crate::rig::Rig;

#[test]
fn the_lines_carry_the_enrolled_card_under_every_protocol() {
    let Some(rig) = Rig::start() else { return };
    rig.set_door(json!({ "ControlType": 0, "OpendoorWay": 0, "VerifyResetTime": 1, "PublicMjCardNo": 77 }));
    rig.enrol(
        "whole",
        "p01_1.jpg",
        json!({ "CustomizeID": 1, "MjCardFrom": 2, "WiegandType": 1, "CardMode": 0, "MjCardNo": 1_046_239 }),
    );
    rig.enrol(
        "split",
        "p02_1.jpg",
        json!({ "CustomizeID": 2, "MjCardFrom": 2, "WiegandType": 7, "CardMode": 1, "WGFacilityCode": "9A", "MjCardNo": "018B2D" }),
    );
    rig.enrol("public", "p09_1.jpg", json!({ "CustomizeID": 3, "MjCardFrom": 0 }));
    rig.enrol("none", "p10_1.jpg", json!({ "CustomizeID": 4, "MjCardFrom": 3 }));
    // protocol, bits, and what each person's frame holds
    for (protocol, bits, whole, split, public) in [
        (0, 26, "0x0FF6DF", "0x018B2D", "0x00004D"),
        (1, 34, "0x000FF6DF", "0x9A018B2D", "0x0000004D"),
        (4, 26, "0x0FF6DF", "0x9A8B2D", "0x00004D"),
        (5, 34, "0x000FF6DF", "0x9A018B2D", "0x0000004D"),
        (6, 26, "0x0FF6DF", "0x9A8B2D", "0x00004D"),
        (7, 34, "0x000FF6DF", "0x9A018B2D", "0x0000004D"),
    ] {
        rig.set_door(json!({ "Wiegand": protocol }));
        for (photo, value) in
            [("p01_1.jpg", Some(whole)), ("p02_1.jpg", Some(split)), ("p09_1.jpg", Some(public)), ("p10_1.jpg", None)]
        {
            rig.forget_door();
            let decision = rig.pass(photo).unwrap_or_else(|| panic!("{photo}: no decision"));
            assert_eq!(decision["verdict"], "admit", "{photo}: {decision}");
            let frames = frames(&rig, usize::from(value.is_some()));
            assert_eq!(frames.len(), usize::from(value.is_some()), "protocol {protocol}, {photo}");
            let Some(value) = value else { continue };
            assert_eq!(
                (frames[0]["bits"].clone(), frames[0]["value"].clone()),
                (json!(bits), json!(value)),
                "protocol {protocol}, {photo}"
            );
            assert_eq!(frames[0]["parity_ok"], true);
            check_timing(&frames[0]);
            assert!(!rig.opened(), "ControlType 0 leaves the relay alone");
        }
    }
}

fn frames(rig: &Rig, wanted: usize) -> Vec<Value> {
    rig.wait(|| {
        let frames = rig.door()["wiegand"].as_array().cloned().unwrap();
        (frames.len() >= wanted).then_some(frames)
    })
}

fn check_timing(frame: &Value) {
    let pulses = frame["pulses"].as_array().unwrap();
    for pair in pulses.windows(2) {
        assert_eq!(pair[0]["width_us"], 100);
        assert_eq!(pair[1]["t_us"].as_u64().unwrap() - pair[0]["t_us"].as_u64().unwrap(), 1000);
    }
}

#[test]
fn a_stranger_sends_ones_when_asked_to() {
    let Some(rig) = Rig::start() else { return };
    for (switch, expect) in [(0, 0), (1, 1)] {
        rig.set_door(json!({ "ControlType": 2, "IsOutFF": switch, "Wiegand": 1 }));
        rig.forget_door();
        assert_eq!(rig.pass("p01_1.jpg").unwrap()["verdict"], "stranger");
        let frames = frames(&rig, expect);
        assert_eq!(frames.len(), expect);
        if let Some(frame) = frames.first() {
            assert_eq!((frame["value"].clone(), frame["parity_ok"].clone()), (json!("0xFFFFFFFF"), json!(true)));
        }
        assert!(!rig.opened());
    }
}

#[test]
fn automatic_cards_come_from_the_range() {
    let Some(rig) = Rig::start() else { return };
    rig.set_door(json!({ "AutoMjCardBgnNo": 500, "AutoMjCardEndNo": 501 }));
    for (number, photo) in ["p01_1.jpg", "p02_1.jpg"].iter().enumerate() {
        rig.enrol(photo, photo, json!({ "CustomizeID": number + 1, "MjCardFrom": 1 }));
        let found = rig.ok(
            "SearchPerson",
            &json!({ "info": { "SearchType": 0, "SearchID": (number + 1).to_string(), "Picture": 0 } }),
        );
        assert_eq!(found["info"]["MjCardNo"], 500 + number, "{found}");
    }
    let full = rig.call(
        "AddPerson",
        &json!({ "info": { "Name": "third", "CustomizeID": 3, "MjCardFrom": 1 }, "picinfo": crate::rig::picture("p09_1.jpg") }),
    );
    assert_eq!(full["code"], 479, "the range is used up: {full}");
}
