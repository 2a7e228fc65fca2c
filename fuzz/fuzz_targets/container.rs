//! All that stands behind a signature, as if a trusted key had signed it: the manifest and the parts, unpacked. Either the
//! folder is what the manifest says, or there is none.
//!
//! The first byte says which: 0 is a manifest and parts as they come, its length in two bytes before it; another is that
//! many parts (up to 8) cut out of what follows, under a manifest whose sums are those of what a decompressor makes of them,
//! so that what lies behind the sums is reached too.
#![no_main]

use std::fs;
use std::io::Read;

use facegate_fuzz::behind::{self, Digest, Entry, Manifest};
use facegate_fuzz::place;
use libfuzzer_sys::fuzz_target;
use sha2::{Digest as _, Sha256};

fn as_they_come(data: &[u8]) -> Option<Vec<u8>> {
    let (length, rest) = data.split_first_chunk::<2>()?;
    let (manifest, parts) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
    Some(behind::file_of(manifest, parts))
}

fn with_sums(count: u8, mut data: &[u8]) -> Option<Vec<u8>> {
    let (mut files, mut parts) = (Vec::new(), Vec::new());
    for number in 0..count % 8 + 1 {
        let (&[high, low, by], rest) = data.split_first_chunk::<3>()?;
        let part = &rest[..rest.len().min(u16::from_be_bytes([high, low]).into())];
        data = &rest[part.len()..];
        let mut unpacked = Vec::new();
        let decoder = zstd::stream::read::Decoder::new(part).unwrap().single_frame();
        // What came before an error is of interest too.
        drop(decoder.take(4 << 20).read_to_end(&mut unpacked));
        let path = if number == 0 { "facegate".to_owned() } else { format!("models/{number}") };
        // `by` makes the manifest wrong by a few bytes.
        let size = unpacked.len() as u64 + u64::from(by % 4);
        let sha256 = Digest(Sha256::digest(&unpacked).into());
        files.push(Entry { path, size, packed: part.len() as u64, sha256 });
        parts.extend_from_slice(part);
    }
    let manifest = Manifest {
        name: "facegate".to_owned(),
        version: "1.0.0".parse().unwrap(),
        minimum: None,
        boards: vec!["sim".to_owned()],
        target: Some("any".to_owned()),
        downgrade: false,
        data_format: 1,
        files,
    };
    Some(behind::file_of(&manifest.to_json().ok()?, &parts))
}

fuzz_target!(|data: &[u8]| {
    let made = match data.split_first() {
        Some((0, rest)) => as_they_come(rest),
        Some((count, rest)) => with_sums(*count, rest),
        None => None,
    };
    let Some(bytes) = made else { return };
    let (file, folder) = (place("package.swx"), place("out"));
    fs::write(&file, bytes).unwrap();
    match behind::unpack(&file, &folder) {
        Ok(manifest) => {
            for file in &manifest.files {
                let bytes = fs::read(folder.join(&file.path)).unwrap();
                assert_eq!((bytes.len() as u64, Digest(Sha256::digest(&bytes).into())), (file.size, file.sha256));
            }
            fs::remove_dir_all(&folder).unwrap();
        }
        Err(_) => assert!(!folder.exists()),
    }
});
