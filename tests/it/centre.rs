//! What a centre gets (3.7): verdicts and pictures of strangers, as its two switches say, again until it has them.

use serde_json::json;

use crate::rig::Rig;
use crate::subscriber::Subscriber;

#[test]
fn a_centre_gets_what_its_switches_say_in_order_and_again() {
    let Some(rig) = Rig::start() else { return };
    rig.enrol("p01", "p01_1.jpg", json!({ "CustomizeID": 1 }));
    let before = rig.pass("p01_2.jpg").unwrap();
    assert_eq!(before["verdict"], "admit", "before the centre is there: it never hears of this one");

    let centre = Subscriber::start("127.0.0.1:0", "");
    let address = centre.address;
    let set = |more: serde_json::Value| {
        let mut info = json!({
            "ConnectCenter": 1, "CenterUrl": address.ip().to_string(), "CenterPort": address.port(),
            "CenterUser": "admin", "CenterPwd": "secret",
        });
        info.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        rig.ok("SetCenter", &json!({ "info": info }));
    };
    set(json!({}));
    assert_eq!(rig.pass("p02_1.jpg").unwrap()["verdict"], "stranger");
    assert_eq!(rig.pass("p01_2.jpg").unwrap()["verdict"], "admit");
    rig.wait(|| (centre.events().len() >= 2).then_some(()));
    let [snap, verify] = &centre.events()[..] else { panic!("{:?}", centre.events()) };
    for (event, path, operator, pictures) in [
        (snap, "/Subscribe/Snap", "SnapPush", &["SanpPic"][..]),
        (verify, "/Subscribe/Verify", "VerifyPush", &["SanpPic", "RegisteredPic"]),
    ] {
        assert_eq!((event.path.as_str(), &event.body["operator"]), (path, &json!(operator)));
        for picture in pictures {
            assert!(event.body[picture].as_str().unwrap().starts_with("data:image/jpeg;base64,"), "{picture}");
        }
        let login = event.headers.iter().find(|(name, _)| name == "Authorization");
        assert_eq!(login.map(|(_, login)| login.as_str()), Some("Basic YWRtaW46c2VjcmV0"));
    }

    // Verdicts only: the stranger is passed over.
    set(json!({ "SendSnapImage": 0 }));
    assert_eq!(rig.pass("p02_1.jpg").unwrap()["verdict"], "stranger");
    assert_eq!(rig.pass("p01_2.jpg").unwrap()["verdict"], "admit");
    rig.wait(|| (centre.events().len() >= 3).then_some(()));
    assert_eq!(centre.events()[2].body["operator"], "VerifyPush");

    // Away, and back with what it missed.
    drop(centre);
    assert_eq!(rig.pass("p01_2.jpg").unwrap()["verdict"], "admit");
    let back = Subscriber::start(&address.to_string(), "");
    rig.wait(|| (!back.events().is_empty()).then_some(()));
    assert_eq!(back.events()[0].body["info"]["CustomizeID"], 1);

    rig.ok("SetCenter", &json!({ "info": { "ConnectCenter": 0 } }));
    assert_eq!(rig.pass("p01_2.jpg").unwrap()["verdict"], "admit");
    set(json!({ "SendSnapImage": 0 }));
    rig.enrol("p09", "p09_1.jpg", json!({ "CustomizeID": 9 }));
    assert_eq!(rig.pass("p09_1.jpg").unwrap()["verdict"], "admit");
    rig.wait(|| (back.events().len() >= 2).then_some(()));
    assert_eq!(back.events()[1].body["info"]["CustomizeID"], 9, "what happened while it was off is not sent");
}
