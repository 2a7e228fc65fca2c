//! A manifest that is taken is kept as it is, and names nothing that leads out of a folder.
#![no_main]

use facegate_fuzz::package::Manifest;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(manifest) = Manifest::parse(data) else { return };
    assert_eq!(Manifest::parse(&manifest.to_json().unwrap()).unwrap(), manifest);
    assert!(manifest.size() <= 1 << 30);
    for file in &manifest.files {
        let parts: Vec<_> = std::path::Path::new(&file.path).components().collect();
        assert!(parts.iter().all(|part| matches!(part, std::path::Component::Normal(_))));
        assert_eq!(parts.len(), file.path.split('/').count());
        assert!(file.kind().is_some());
    }
});
