//! What people before the terminal hear and see, through the whole terminal.

use image::RgbImage;
use serde_json::{Value, json};

use crate::rig::{Rig, people};

/// Lines of one kind since a number, once there are as many.
fn told(rig: &Rig, since: u64, event: &str, count: usize) -> Vec<Value> {
    rig.wait(|| {
        let lines: Vec<_> = rig.happened(since).into_iter().filter(|line| line["event"] == event).collect();
        (lines.len() >= count).then_some(lines)
    })
}

fn last(rig: &Rig) -> u64 {
    rig.happened(0).last().map_or(0, |line| line["seq"].as_u64().unwrap())
}

fn screen(rig: &Rig) -> RgbImage {
    image::load_from_memory(&rig.bytes("/sim/screen.png")).unwrap().into_rgb8()
}

/// Whether a card of that colour lies on the screen.
fn card(screen: &RgbImage, colour: [u8; 3]) -> bool {
    screen.pixels().filter(|pixel| pixel.0 == colour).count() > 20_000
}

#[test]
fn who_passes_is_greeted_and_who_does_not_is_told() {
    let Some(rig) = Rig::start() else { return };
    let people = people();
    let (known, other) = (&people[0], people.iter().find(|(_, who)| *who != people[0].1).unwrap());
    rig.enrol("Li Wei", &known.0, json!({ "CustomizeID": 1 }));
    rig.ok("SetSound", &json!({ "info": { "Volume": 35 } }));
    // Tips stay until they have been looked at.
    rig.set_door(json!({ "VerifyResetTime": 10 }));
    rig.ok("SetSysCfg", &json!({ "info": { "LedLightType": 3, "LedBrightness": 70 } }));

    let since = last(&rig);
    rig.show(&known.0, 10_000);
    let played = told(&rig, since, "played", 1);
    assert_eq!((&played[0]["file"], &played[0]["volume"]), (&json!("welcome.wav"), &json!(35)));
    let light = told(&rig, since, "light", 1);
    assert_eq!((&light[0]["light"], &light[0]["percent"]), (&json!("lamp"), &json!(70)), "a face is there");
    rig.wait(|| card(&screen(&rig), [0x1B, 0x8A, 0x3A]).then_some(()));
    rig.ok("SetSound", &json!({ "info": { "VerifySuccGuiTip": 0 } }));
    assert!(!card(&screen(&rig), [0x1B, 0x8A, 0x3A]), "settings count when it is drawn");
    rig.show_nothing();

    let since = last(&rig);
    rig.show(&other.0, 10_000);
    assert_eq!(told(&rig, since, "played", 1)[0]["file"], "stranger.wav");
    rig.wait(|| card(&screen(&rig), [0xA8, 0x5F, 0x00]).then_some(()));
    rig.show_nothing();
}

#[test]
fn a_platform_plays_sounds_and_may_keep_them_to_itself() {
    let Some(rig) = Rig::start() else { return };
    let people = people();
    rig.enrol("Li Wei", &people[0].0, json!({ "CustomizeID": 1 }));
    rig.ok("SetSound", &json!({ "info": { "RemoteCtrlAudio": 1 } }));
    let since = last(&rig);
    assert!(rig.pass(&people[0].0).is_some());
    rig.ok("SetAudio", &json!({ "info": { "DeviceID": 1_300_001, "AudioType": 0, "AudioName": "alarm.wav" } }));
    let played: Vec<_> = told(&rig, since, "played", 1).into_iter().map(|line| line["file"].clone()).collect();
    assert_eq!(played, ["alarm.wav"], "nothing by itself");
}

#[test]
fn the_screen_goes_dark_when_nobody_is_there() {
    let Some(rig) = Rig::start() else { return };
    assert!(screen(&rig).pixels().any(|pixel| pixel.0 != [0, 0, 0]));
    let since = last(&rig);
    rig.ok("SetSysCfg", &json!({ "info": { "LcdBLDisable": 1, "LcdBLDisableAfterSec": 0 } }));
    let light = told(&rig, since, "light", 1);
    assert_eq!((&light[0]["light"], &light[0]["percent"]), (&json!("backlight"), &json!(0)));
    rig.wait(|| screen(&rig).pixels().all(|pixel| pixel.0 == [0, 0, 0]).then_some(()));
    rig.show(&people()[0].0, 10_000);
    assert_eq!(told(&rig, since, "light", 2)[1]["percent"], 50);
    rig.wait(|| screen(&rig).pixels().any(|pixel| pixel.0 != [0, 0, 0]).then_some(()));
}
