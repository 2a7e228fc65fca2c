//! Enrolment with real models and photos of people.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use facegate::clock::SystemClock;
use facegate::roster::Models;
use facegate::vision::{EngineChoice, Vision};
use serde_json::json;

use crate::material;
use crate::rig::{Rig, text_of};

fn rig() -> Option<(Rig, PathBuf)> {
    let (models, faces) = (material::models()?, material::faces()?);
    let vision = Vision::open(&models, None, &EngineChoice::BuiltIn, Arc::new(SystemClock::default())).unwrap();
    let gallery = vision.gallery();
    let models = Models {
        pack: vision.pack.id.clone(),
        mark: vision.pack.mark(),
        comparison: vision.pack.comparison,
        eyes: Box::new(vision.portraitist),
    };
    Some((Rig::with_models(models, gallery), faces))
}

#[test]
fn real_people_are_enrolled_found_and_told_apart() {
    let Some((rig, faces)) = rig() else { return };
    let photo = |name: &str| text_of(&std::fs::read(faces.join(name)).unwrap());
    let start = std::time::Duration::from_micros(rig.cx.clock.mono().0);
    rig.ok("AddPerson", json!({ "Name": "one", "CustomizeID": 1, "picinfo": photo("p01_1.jpg") }));
    let took = Duration::from_micros(rig.cx.clock.mono().0) - start;
    println!("enrolled in {} ms", took.as_millis());
    rig.ok(
        "AddPerson",
        json!({ "Name": "two", "CustomizeID": 2, "picinfo": photo("p02_1.jpg"), "isCheckSimilarity": 1 }),
    );
    rig.fails("AddPerson", json!({ "Name": "again", "picinfo": photo("p01_2.jpg"), "isCheckSimilarity": 1 }), 471);
    let found = rig.ok("GetPictureSearch", json!({ "MaxSimilarity": 80, "MaxNum": 5, "picinfo": photo("p01_2.jpg") }));
    assert_eq!((&found["TotalNum"], &found["SearchInfo"][0]["CustomizeID"]), (&1.into(), &1.into()));
    let same = rig.send(
        "GetPictureSimilarity",
        &json!({ "picinfo1": photo("p02_1.jpg"), "picinfo2": photo("p02_2.jpg") }).to_string(),
    );
    let other = rig.send(
        "GetPictureSimilarity",
        &json!({ "picinfo1": photo("p01_1.jpg"), "picinfo2": photo("p02_2.jpg") }).to_string(),
    );
    let number = |reply: &serde_json::Value| reply["info"]["Similarity"].as_f64().unwrap();
    assert!(number(&same) > 80.0 && number(&other) < 60.0, "{same} {other}");
    assert_eq!(rig.ok("DetectFaceFromPic", json!({ "picinfo": photo("p01_1.jpg") }))["DetectFace"], 1);
    let kept = rig.cx.store.photo(facegate::access::LibId(1)).unwrap().unwrap();
    let (width, height) = image::load_from_memory(&kept).unwrap().into_rgb8().dimensions();
    assert!(width <= 480 && height <= 640, "{width}x{height}");
}
