//! The operators of chapter 3.1.

use serde_json::{Value, json};

use crate::rig::*;

/// Every field of the chapter, and those that platforms read (all of them as numbers).
const NUMBERS: [&str; 18] = [
    "VerifySuccAudio",
    "VerifyFailAudio",
    "RemoteCtrlAudio",
    "Volume",
    "VerifySuccGuiTip",
    "VerifyFailGuiTip",
    "UnregisteredGuiTip",
    "IPHide",
    "IsShowName",
    "DisplayPicture",
    "IsShowTitle",
    "IsShowVersion",
    "IsShowDate",
    "IsShowTime",
    "IDCardNumHide",
    "ICCardNumHide",
    "IsShowDeviceID",
    "IsShowPersonNum",
];

#[test]
fn sound_parameters_are_read_and_changed() {
    let rig = Rig::new();
    let info = rig.ok("GetSound", json!({}));
    assert_eq!(info.as_object().unwrap().len(), NUMBERS.len() + 3);
    for name in NUMBERS {
        assert!(info[name].is_i64(), "{name} in {info}");
    }
    let texts = ["VerifyTipContent", "UnregisterTipContent", "BlacklistTipContent"].map(|name| info[name].clone());
    assert_eq!(texts, ["请通行", "陌生人", "禁止通行"], "the document's defaults");
    assert_eq!((&info["Volume"], &info["IsShowDate"], &info["IPHide"]), (&json!(80), &json!(1), &json!(0)));
    let change = json!({ "Volume": "55", "IsShowName": 2, "VerifyTipContent": "Welcome", "IPHide": null });
    assert_eq!(rig.ok("SetSound", change), json!({ "Result": "Ok" }));
    let after = rig.ok("GetSound", json!([]));
    let mut expect = info;
    for (name, value) in [("Volume", json!(55)), ("IsShowName", json!(2)), ("VerifyTipContent", json!("Welcome"))] {
        expect[name] = value;
    }
    assert_eq!(after, expect, "what is left out stays");
}

#[test]
fn sounds_are_listed_and_played() {
    let rig = Rig::new();
    let own = ["alarm.wav", "refused.wav", "stranger.wav", "welcome.wav"];
    assert_eq!(rig.ok("GetAudio", json!({})), json!({ "AudioNum": 4, "AudioName": own }));

    let custom = rig.folder.path().join("sounds");
    std::fs::create_dir(&custom).unwrap();
    std::fs::copy(rig.folder.path().join("tones/welcome.wav"), custom.join("gong.wav")).unwrap();
    std::fs::write(custom.join("song.wav"), "not a sound").unwrap();
    let names: Value = rig.ok("GetAudio", json!({}))["AudioName"].clone();
    assert_eq!(names, json!(["alarm.wav", "gong.wav", "refused.wav", "song.wav", "stranger.wav", "welcome.wav"]));

    for info in [
        json!({ "DeviceID": DEVICE, "AudioType": 0, "AudioName": "alarm.wav" }),
        json!({ "AudioType": "1", "AudioName": "gong.wav" }),
        json!({ "AudioType": 0 }),
    ] {
        assert_eq!(rig.ok("SetAudio", info), json!({ "Result": "Ok" }));
    }
    rig.fails("SetAudio", json!({ "DeviceID": 7, "AudioType": 0, "AudioName": "alarm.wav" }), 463);
    let detail = rig.fails("SetAudio", json!({ "AudioType": 1, "AudioName": "song.wav" }), 462);
    assert!(detail.contains("\"song.wav\" is no WAV file"), "{detail}");
}
