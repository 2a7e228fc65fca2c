// On purpose: see `lib.rs`.
#![allow(
    dead_code,
    clippy::duplicate_mod,
    reason = "only what reads packages is fuzzed; the rest of the files comes along"
)]

#[path = "../../../src/package/container.rs"]
mod container;
#[path = "../../../src/package/head.rs"]
mod head;
#[path = "../../../src/package/keys.rs"]
mod keys;
#[path = "../../../src/package/manifest.rs"]
mod manifest;
#[path = "../../../src/package/refusal.rs"]
mod refusal;
#[path = "../../../src/package/unpack.rs"]
mod unpack;

use std::path::Path;

pub use manifest::{Digest, Entry, Manifest};
pub use refusal::Refusal;

/// A package file of this manifest and these parts, with no signature.
pub fn file_of(manifest: &[u8], parts: &[u8]) -> Vec<u8> {
    let head = head::Head { manifest: manifest.len() as u32, parts: parts.len() as u64 }.encode();
    [&head, [0; head::BLOCK].as_slice(), manifest, parts].concat()
}

/// Opens and unpacks a package whose signature nobody looks at.
pub fn unpack(file: &Path, folder: &Path) -> Result<Manifest, Refusal> {
    let container = container::Container::open(file)?;
    let manifest = Manifest::parse(container.manifest())?;
    container.check_length(&manifest)?;
    let nowhere = unpack::check_parts(&container, &manifest, &mut |_, _| ());
    let somewhere = unpack::into_folder(&container, &manifest, folder, &|_| true, &mut |_, _| ());
    assert_eq!(nowhere.is_ok(), somewhere.is_ok());
    somewhere.map(|()| manifest)
}
