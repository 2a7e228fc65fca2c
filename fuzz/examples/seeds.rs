//! Writes `seeds/` and `keys/` anew: one good package, and its pieces for the other targets. The secret key is thrown away.

use std::fs;
use std::path::Path;

use facegate_fuzz::package::{RELEASE, Recipe, SigningKey, build, keygen, sign};

fn main() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let work = tempfile::tempdir().unwrap();
    let tree = work.path().join("tree");
    for (path, text) in [("facegate", "#!/bin/sh\n".repeat(20)), ("models/a.toml", "kind = \"none\"\n".repeat(50))] {
        fs::create_dir_all(tree.join(path).parent().unwrap()).unwrap();
        fs::write(tree.join(path), text).unwrap();
    }
    let recipe = Recipe {
        name: RELEASE.to_owned(),
        version: "1.0.0".parse().unwrap(),
        minimum: Some("0.1.0".parse().unwrap()),
        boards: vec!["sim".to_owned()],
        target: Some("any".to_owned()),
        downgrade: false,
        data_format: 1,
    };
    for folder in ["keys", "seeds/verify", "seeds/manifest", "seeds/container"] {
        fs::create_dir_all(here.join(folder)).unwrap();
    }
    let key = work.path().join("fuzz");
    keygen(&key, None).unwrap();
    fs::copy(work.path().join("fuzz.pub"), here.join("keys/fuzz.pub")).unwrap();
    let key = SigningKey::load(&work.path().join("fuzz.key"), &mut || unreachable!()).unwrap();
    let package = here.join("seeds/verify/good.swx");
    let manifest = build(&tree, &recipe, &package, &mut |_, _| ()).unwrap();
    sign(&package, &key, &mut |_, _| ()).unwrap();

    let json = manifest.to_json().unwrap();
    fs::write(here.join("seeds/manifest/good.json"), &json).unwrap();
    let bytes = fs::read(&package).unwrap();
    let behind = &bytes[512..];
    let as_it_comes = [&[0], (json.len() as u16).to_be_bytes().as_slice(), behind].concat();
    fs::write(here.join("seeds/container/as-it-comes"), as_it_comes).unwrap();
    let (mut with_sums, mut parts) = (vec![manifest.files.len() as u8 - 1 + 8], &behind[json.len()..]);
    for file in &manifest.files {
        let (part, rest) = parts.split_at(file.packed as usize);
        with_sums.extend((part.len() as u16).to_be_bytes());
        with_sums.push(0);
        with_sums.extend(part);
        parts = rest;
    }
    fs::write(here.join("seeds/container/with-sums"), with_sums).unwrap();
}
