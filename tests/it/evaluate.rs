//! The figures of packs on the test's pictures: every kind of detector in real use, and the report.

use std::path::Path;
use std::sync::Arc;

use facegate::clock::{Clock, SystemClock};
use facegate::evaluate::{self, Options, Targets};
use facegate::vision::EngineChoice;
use serde_json::Value;
use tempfile::TempDir;

use crate::material::{built, faces, models, reference, skipped};

fn options(models: &Path, faces: &Path) -> Options {
    Options {
        faces: faces.join("faces.csv"),
        attacks: Some(faces.join("liveness")).filter(|folder| folder.is_dir()),
        models: models.to_owned(),
        pack: None,
        engine: EngineChoice::BuiltIn,
    }
}

/// The tests' models with YuNet in the place of RetinaFace.
fn with_yunet(models: &Path) -> Option<TempDir> {
    let sha256 = "12ae4dc50b621d08513c05f404d3621e2f46bec16bc4d7cd29f24f8cbea46bf6";
    if !models.join("yunet_n_192x256.tflite").is_file() || !models.join("mobilefacenet_112.tflite").is_file() {
        skipped!("yunet_n_192x256.tflite and mobilefacenet_112.tflite are not in {}", models.display());
        return None;
    }
    let folder = TempDir::new().unwrap();
    for file in ["yunet_n_192x256.tflite", "mobilefacenet_112.tflite"] {
        std::os::unix::fs::symlink(models.join(file), folder.path().join(file)).unwrap();
    }
    let text = include_str!("../../models/retinaface-mobilefacenet.toml");
    let embedding = &text[text.find("[embedding]").unwrap()..text.find("# Alive when").unwrap()];
    let similarity = &text[text.find("[similarity]").unwrap()..];
    let detector = format!(
        "file = \"yunet_n_192x256.tflite\"\nsha256 = {sha256:?}\nwidth = 192\nheight = 256\nmean = [0.0, 0.0, 0.0]\n\
         decoder = \"yunet\"\nscore = 0.6\nnms = 0.4\n"
    );
    let text = format!(
        "id = \"yunet\"\nabout = \"\"\nliveness = \"none\"\n[detector]\n{detector}[enrol_detector]\n{detector}{embedding}{similarity}"
    );
    std::fs::write(folder.path().join("yunet.toml"), text).unwrap();
    Some(folder)
}

/// What a pack reaches on the reference pictures, measured with the built-in engine.
struct Figures {
    /// Found before the camera, of 41.
    found: u64,
    /// The right one is the most alike, of 28.
    rank_1: u64,
    /// Pairs of one person below 80, of 97 or of 95.
    misses: u64,
    /// Equal error rate, per cent.
    eer: f64,
    /// Spoofs taken for people of 2, people taken for spoofs of 1; `None`: nothing judges that.
    liveness: Option<[u64; 2]>,
}

#[test]
fn packs_reach_their_figures() {
    let Some((models, faces)) = reference() else { return };
    let retinaface = Figures { found: 41, rank_1: 28, misses: 3, eer: 0.0, liveness: Some([0, 0]) };
    // One picture is turned away.
    let blazeface = Figures { found: 41, rank_1: 27, misses: 4, eer: 0.07, liveness: None };
    for (folder, id, least) in
        [(Some(models), "retinaface-mobilefacenet", retinaface), (built(), "blazeface-dlib", blazeface)]
    {
        let Some(folder) = folder else { continue };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
        let report = evaluate::run(&options(&folder, &faces), &clock, &mut |_| ()).unwrap().to_json();
        let count = |rate: &Value| (rate["count"].as_u64().unwrap(), rate["of"].as_u64().unwrap());
        let one_to_one = &report["photo_to_camera"];
        let at_80 = &one_to_one["thresholds"][2];
        println!("{id}: {}", serde_json::to_string(&report["identification"]).unwrap());
        println!("{id}: {at_80} {} {}", one_to_one["eer"], report["liveness"]);
        println!("{id}: {} {} {}", report["enrolled"], report["found_before_camera"], report["acquired"]);
        assert_eq!(report["pack"], id);
        assert_eq!(count(&report["found_before_camera"]), (least.found, 41), "{id}");
        assert_eq!(count(&report["identification"]["rank_1"]), (least.rank_1, 28), "{id}");
        assert_eq!(count(&at_80["fmr"]).0, 0, "{id}: {at_80}");
        assert!(count(&at_80["fnmr"]).0 <= least.misses, "{id}: {at_80}");
        assert!(one_to_one["eer"]["rate"].as_f64().unwrap() * 100.0 <= least.eer, "{id}: {}", one_to_one["eer"]);
        let kinds = report["liveness"].as_array();
        let wrong = |name: &str, error: &str| {
            let kind = kinds?.iter().find(|kind| kind["kind"] == name).unwrap();
            Some(count(&kind[error]))
        };
        let wanted = least.liveness.map(|[spoofs, people]| ((spoofs, 2), (people, 1)));
        assert_eq!(wrong("spoof", "apcer").zip(wrong("real", "bpcer")), wanted, "{id}: {}", report["liveness"]);
    }
}

#[test]
fn yunet_finds_and_tells_people_apart() {
    let Some((models, faces)) = reference() else { return };
    let Some(pack) = with_yunet(&models) else { return };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let report = evaluate::run(&options(pack.path(), &faces), &clock, &mut |_| ()).unwrap();
    let figures = report.to_json();
    assert!(figures["found_before_camera"]["count"].as_u64().unwrap() >= 40, "{figures:#}");
    let rank_1 = &figures["identification"]["rank_1"];
    assert!(rank_1["count"].as_u64().unwrap() + 1 >= rank_1["of"].as_u64().unwrap(), "{rank_1}");
    assert_eq!(figures["liveness"], Value::Null);
    assert!(report.to_markdown().contains("Not available"));
}

#[test]
fn the_pack_in_use_is_reported_with_figures_and_pictures() {
    let (Some(models), Some(faces)) = (models(), faces()) else { return };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let mut said = Vec::new();
    let report = evaluate::run(&options(&models, &faces), &clock, &mut |line| said.push(line.to_owned())).unwrap();
    assert!(said.iter().any(|line| line.starts_with("pictures of people: ")), "{said:?}");
    let out = TempDir::new().unwrap();
    evaluate::write(&report, out.path()).unwrap();
    for file in ["report.md", "report.json", "roc.svg", "histogram.svg"] {
        assert!(std::fs::metadata(out.path().join(file)).unwrap().len() > 500, "{file}");
    }
    let figures = report.to_json();
    let at_80 = &figures["photo_to_camera"]["thresholds"][2];
    assert_eq!((&at_80["similarity"], &at_80["fmr"]["count"]), (&80.0.into(), &0.into()), "{at_80}");
    assert!(at_80["fmr"]["of"].as_u64().unwrap() > 50, "{at_80}");
    let derived = evaluate::derive(&report.comparisons.photo_to_camera, report.comparison, Targets::default());
    println!("{}", report.to_markdown());
    match derived {
        Ok(derived) => assert!(derived.to_string().contains("[similarity]\nformula = \"logistic\"")),
        // The pictures of a fresh clone are few.
        Err(why) => assert!(why.contains("too few"), "{why}"),
    }
    match report.presented() {
        Some(presented) => {
            assert!(presented.iter().any(|kind| kind.bona_fide && !kind.scores.is_empty()), "{presented:?}");
            let attacked = presented.iter().any(|kind| !kind.bona_fide);
            match evaluate::threshold(presented, 0.05) {
                Ok(derived) => assert!(attacked && derived.threshold > 0.0 && derived.threshold <= 1.0, "{derived}"),
                Err(why) => assert!(!attacked && why.contains("--attacks"), "{why}"),
            }
        }
        None => assert_eq!(figures["liveness"], serde_json::Value::Null),
    }
}
