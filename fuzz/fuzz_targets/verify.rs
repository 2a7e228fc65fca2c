//! The whole of `verify`, with one trusted key that has signed one package: nothing but that package passes.
//!
//! Each input is tried as it is and with the lengths in its head set right, so that changes of length get behind the head.
#![no_main]

use std::fs;
use std::sync::LazyLock;

use facegate_fuzz::package::{Expect, Keys, verify};
use facegate_fuzz::place;
use libfuzzer_sys::fuzz_target;

const GOOD: &[u8] = include_bytes!("../seeds/verify/good.swx");

static KEYS: LazyLock<Keys> =
    LazyLock::new(|| Keys::load(concat!(env!("CARGO_MANIFEST_DIR"), "/keys").as_ref()).unwrap());

fn tried(bytes: &[u8]) {
    let file = place("package.swx");
    fs::write(&file, bytes).unwrap();
    let passed = verify(&file, &KEYS, &Expect::default()).is_ok();
    assert_eq!(passed, bytes == GOOD);
}

fuzz_target!(|data: &[u8]| {
    tried(data);
    if let Some(behind) = data.len().checked_sub(512) {
        let mut bytes = data.to_vec();
        bytes[..12].copy_from_slice(&GOOD[..12]);
        let manifest = behind.min(u16::from_be_bytes([bytes[14], bytes[15]]).into());
        bytes[12..16].copy_from_slice(&(manifest as u32).to_be_bytes());
        bytes[16..24].copy_from_slice(&((behind - manifest) as u64).to_be_bytes());
        tried(&bytes);
    }
});
