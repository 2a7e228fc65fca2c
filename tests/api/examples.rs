//! The document's own request bodies.

use std::path::Path;

use facegate::api::table;
use facegate::api::wire::Envelope;

use crate::rig::Rig;

fn requests() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/examples");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let requests = files.iter().filter(|path| name(path).contains(".request."));
    requests.map(|path| (name(path), std::fs::read(path).unwrap())).collect()
}

#[test]
fn every_example_without_an_omission_is_read() {
    let mut read = 0;
    for (name, body) in requests() {
        if String::from_utf8_lossy(&body).contains("......") {
            continue;
        }
        let envelope = Envelope::read(&body).unwrap_or_else(|error| panic!("{name}: {error}"));
        let named = envelope.operator.unwrap_or_default();
        assert_eq!(named, name.split('.').next().unwrap(), "{name}");
        read += 1;
    }
    assert!(read > 60, "{read}");
}

/// The examples name other terminals and people; none may fail on how it is written.
#[test]
fn no_example_of_a_known_operator_is_misunderstood() {
    let rig = Rig::new();
    let mut asked = 0;
    for (name, body) in requests() {
        let operator = name.split('.').next().unwrap();
        let text = String::from_utf8(body).unwrap();
        if table::find(operator).is_none() || text.contains("...") || text.contains("……") {
            continue;
        }
        let mut own = text;
        for other in [
            "1310023", "1300196", "1305433", "1305969", "1300122", "1300000", "1326491", "1310001", "1478428",
            "1305269",
        ] {
            own = own.replace(other, "1300001");
        }
        let own = own.replace("https://btngps.oss-cn-beijing.aliyuncs.com", "http://127.0.0.1:1");
        let own = own.replace("https://hq.oss-cn-shenzhen.aliyuncs.com", "http://127.0.0.1:1");
        let own = own.replace("lebopark.oss-cn-shenzhen.aliyuncs.com", "127.0.0.1:1");
        let reply = rig.send(operator, &own);
        let detail = reply["info"]["Detail"].as_str().unwrap_or_default();
        // The window of EditPerson's second example ends as it begins, so nothing is wrong with it either.
        for fault in ["Parameter error", "is not json!", "Unknow operator", "Unkonw DeviceID", "MjCardNo", "WGFacility"]
        {
            assert!(!detail.contains(fault), "{name}: {detail}");
        }
        asked += 1;
    }
    assert!(asked > 50, "{asked}");
}
