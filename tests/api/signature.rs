//! Signatures of faces, and the pictures searches point to.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::rig::*;

fn signature(rig: &Rig, colour: [u8; 3]) -> String {
    rig.ok("GetFaceSignature", json!({ "picinfo": photo(colour) }))["FeatureData"].as_str().unwrap().to_owned()
}

#[test]
fn signatures_are_extracted_and_compared() {
    let rig = Rig::new();
    let shown = rig.ok("GetFaceSignature", json!({ "picinfo": photo(RED) }));
    let text = shown["FeatureData"].as_str().unwrap();
    assert_eq!((&shown["FeatureLen"], text.len()), (&json!("16"), 16));
    assert_eq!((&shown["Gender"], &shown["Age"]), (&json!(1), &json!(0)), "no model estimates them");
    let numbers: Vec<f32> =
        STANDARD.decode(text).unwrap().chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
    assert!((numbers.iter().map(|n| n * n).sum::<f32>() - 1.0).abs() < 1e-5, "{numbers:?}");

    let similarity = |first: &str, second: &str| {
        let shown = rig.ok("GetSignatureSimilarity", json!({ "Signature1": first, "Signature2": second }));
        shown["Similarity"].as_f64().unwrap()
    };
    assert!(similarity(text, text) > 99.0);
    let blue = signature(&rig, BLUE);
    let pictures = rig.ok("GetPictureSimilarity", json!({ "picinfo1": photo(RED), "picinfo2": photo(BLUE) }));
    let pictures = pictures["Similarity"].as_f64().unwrap();
    assert!((similarity(text, &blue) - pictures).abs() < 0.11, "as the pictures themselves: {pictures}");
}

#[test]
fn what_is_no_picture_or_signature_is_named() {
    let rig = Rig::new();
    for (picture, code) in [(String::new(), 464), ("*".into(), 466), (photo(WHITE), 467), (text_of(b"hello"), 466)] {
        let detail = rig.fails("GetFaceSignature", json!({ "picinfo": picture }), code);
        assert!(detail.contains("picinfo"), "{detail}");
    }
    let good = signature(&rig, RED);
    let of = |numbers: &[f32]| STANDARD.encode(numbers.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<_>>());
    for bad in [
        String::new(),
        "*".into(),
        of(&[1.0, 0.0]),
        of(&[1.0, 0.0, 0.0, 0.0]),
        of(&[0.0; 3]),
        of(&[f32::NAN, 0.0, 1.0]),
        of(&[f32::INFINITY, 0.0, 1.0]),
        good[..good.len() - 2].to_owned(),
    ] {
        let detail = rig.fails("GetSignatureSimilarity", json!({ "Signature1": bad, "Signature2": good }), 462);
        assert!(detail.contains("Signature1"), "{bad}: {detail}");
        let detail = rig.fails("GetSignatureSimilarity", json!({ "Signature1": good, "Signature2": bad }), 462);
        assert!(detail.contains("Signature2"), "{bad}: {detail}");
    }
}

#[test]
fn a_search_says_where_the_photo_is() {
    let rig = Rig::new();
    rig.add(BLUE, json!({ "CustomizeID": 1 }));
    let id = rig.add(RED, json!({ "CustomizeID": 2 }));
    let found = rig.ok("GetPictureSearch", json!({ "picinfo": photo(RED) }))["SearchInfo"][0].clone();
    assert_eq!(found["Fileindex"], id.0);
    let place = json!({
        "Filetype": found["Filetype"], "Fileindex": found["Fileindex"], "Filepos": found["Filepos"],
    });
    let reply = rig.call("GetImage", place);
    assert_eq!((&reply["operator"], &reply["code"]), (&json!("GetImage"), &json!(null)));
    assert_eq!(reply["info"], json!({ "FeatureData1": photo(RED) }));
    for (info, code, field) in [
        (json!({ "Filetype": 1, "Fileindex": id.0, "Filepos": 0 }), 467, "Filetype"),
        (json!({ "Filetype": 0, "Fileindex": 99, "Filepos": 0 }), 467, "Fileindex"),
        (json!({ "Filetype": 0, "Fileindex": id.0, "Filepos": 1 }), 467, "Filepos"),
        (json!({ "Filetype": 3, "Fileindex": id.0 }), 462, "Filetype"),
        (json!({ "Filetype": 0 }), 462, "Fileindex"),
        (json!({ "Filetype": 0, "Fileindex": "x" }), 462, "Fileindex"),
    ] {
        let detail = rig.fails("GetImage", info.clone(), code);
        assert!(detail.contains(field), "{info}: {detail}");
    }
}
