//! Packages through real files: good ones, and in `bad` every bad one with its own reason.

mod bad;
mod fit;
mod keys;
mod make;

use std::fs;
use std::io::{Cursor, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use minisign::{KeyPair, SecretKey};
use semver::Version;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use super::*;

/// Whether a refusal is the one that is meant.
type Fits = fn(&Refusal) -> bool;

/// A folder with a trusted key below `keys`.
struct Rig {
    folder: TempDir,
    key: KeyPair,
}

impl Rig {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let key = KeyPair::generate_unencrypted_keypair().unwrap();
        fs::create_dir(folder.path().join("keys")).unwrap();
        fs::write(folder.path().join("keys/vendor.pub"), key.pk.to_box().unwrap().into_string()).unwrap();
        Self { folder, key }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A folder that is not there any more.
    fn without(&self, name: &str) -> PathBuf {
        let folder = self.path(name);
        if folder.exists() {
            fs::remove_dir_all(&folder).unwrap();
        }
        folder
    }

    fn keys(&self) -> Keys {
        Keys::load(&self.path("keys")).unwrap()
    }

    /// Verifies and unpacks a package of these bytes to a folder that is not there.
    fn try_out(&self, package: &[u8], expect: &Expect) -> Result<PathBuf, Refusal> {
        let (file, out) = (self.path("package.swx"), self.without("out"));
        fs::write(&file, package).unwrap();
        verify(&file, &self.keys(), expect)?.unpack(&out, &mut |_, _| ())?;
        Ok(out)
    }

    /// The same with a bad package: returns why it is refused, and nothing may have been written anywhere.
    fn refused(&self, package: &[u8], expect: &Expect) -> Refusal {
        fs::write(self.path("package.swx"), package).unwrap();
        self.without("out");
        let before = names(self.folder.path());
        let refusal = self.try_out(package, expect).expect_err("it is refused");
        assert_eq!(names(self.folder.path()), before, "{refusal}");
        refusal
    }
}

/// All names below a folder.
fn names(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.is_symlink() {
            found.extend(names(&path));
        }
        found.push(path);
    }
    found.sort();
    found
}

fn frame(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn sha256(bytes: &[u8]) -> String {
    Digest(Sha256::digest(bytes).into()).to_string()
}

/// A package written after `docs/swx.md`, not by the code under test: it can be wrong in any way.
struct Crafted {
    manifest: Value,
    parts: Vec<u8>,
}

impl Crafted {
    /// A release with a daemon and a model.
    fn new() -> Self {
        let manifest = json!({
            "name": "facegate", "version": "1.2.3", "boards": ["sim", "rpi4"], "target": TARGET, "data_format": 1,
            "files": [],
        });
        Self { manifest, parts: Vec::new() }.with("facegate", b"#!/bin/sh\n").with("models/face.tflite", &[7; 1000])
    }

    fn with(self, path: &str, bytes: &[u8]) -> Self {
        let packed = frame(bytes);
        self.with_part(path, bytes.len(), &sha256(bytes), &packed)
    }

    /// Adds a file of which the manifest says something, and a part that is something.
    fn with_part(mut self, path: &str, size: usize, sha256: &str, part: &[u8]) -> Self {
        let entry = json!({ "path": path, "size": size, "packed": part.len(), "sha256": sha256 });
        self.manifest["files"].as_array_mut().unwrap().push(entry);
        self.parts.extend_from_slice(part);
        self
    }

    fn set(mut self, key: &str, value: Value) -> Self {
        self.manifest[key] = value;
        self
    }

    fn signed(&self, key: &SecretKey) -> Vec<u8> {
        raw(self.manifest.to_string().as_bytes(), &self.parts, key)
    }
}

/// A package of any bytes, signed with minisign's own code.
fn raw(manifest: &[u8], parts: &[u8], key: &SecretKey) -> Vec<u8> {
    let mut head = b"FGSWPACK\0\x01\0\0".to_vec();
    head.extend((manifest.len() as u32).to_be_bytes());
    head.extend((parts.len() as u64).to_be_bytes());
    let signed = [&head, manifest, parts].concat();
    let comment = Some("signature of a facegate package");
    let signature = minisign::sign(None, key, Cursor::new(signed), Some("facegate package"), comment).unwrap();
    let mut block = signature.into_string().into_bytes();
    block.resize(488, 0);
    [&head, &block, manifest, parts].concat()
}

#[test]
fn a_good_package_is_unpacked_file_by_file() {
    let rig = Rig::new();
    let long: Vec<u8> = (0..300_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let package = Crafted::new()
        .with("models/a/b/c/d/e/f/sound.wav", &long)
        .with("units/facegate.service", b"[Unit]\n")
        .with("keys/next.pub", b"")
        .signed(&rig.key.sk);
    let out = rig.try_out(&package, &Expect::release("sim", Version::new(1, 0, 0), 1)).unwrap();
    assert_eq!(fs::read(out.join("facegate")).unwrap(), b"#!/bin/sh\n");
    assert_eq!(fs::read(out.join("models/a/b/c/d/e/f/sound.wav")).unwrap(), long);
    assert_eq!(fs::read(out.join("keys/next.pub")).unwrap(), b"");
    for path in names(&out) {
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o7777;
        let expected = if path.is_dir() || path.ends_with("out/facegate") { 0o755 } else { 0o644 };
        assert_eq!(mode, expected, "{}", path.display());
    }
}

#[test]
fn units_and_keys_can_be_had_alone() {
    let rig = Rig::new();
    let package = Crafted::new().with("units/facegate.service", b"[Unit]\n").with("keys/next.pub", b"a key");
    fs::write(rig.path("package.swx"), package.signed(&rig.key.sk)).unwrap();
    let verified = verify(&rig.path("package.swx"), &rig.keys(), &Expect::default()).unwrap();
    let out = rig.path("out");
    fs::create_dir(&out).unwrap();
    let mut told = Vec::new();
    let wanted = |kind| matches!(kind, Kind::Units | Kind::Keys);
    verified.unpack_only(&out, &wanted, &mut |done, total| told.push((done, total))).unwrap();
    assert_eq!(names(&out), ["keys", "keys/next.pub", "units", "units/facegate.service"].map(|name| out.join(name)));
    assert_eq!(told, [(7, 12), (12, 12)]);
}

#[test]
fn nothing_is_unpacked_beside_or_through_what_is_there() {
    let rig = Rig::new();
    fs::write(rig.path("package.swx"), Crafted::new().signed(&rig.key.sk)).unwrap();
    let verified = verify(&rig.path("package.swx"), &rig.keys(), &Expect::default()).unwrap();
    fs::create_dir(rig.path("full")).unwrap();
    fs::write(rig.path("full/file"), "mine").unwrap();
    fs::create_dir(rig.path("empty")).unwrap();
    std::os::unix::fs::symlink(rig.path("empty"), rig.path("link")).unwrap();
    let before = names(rig.folder.path());
    for folder in ["full", "full/file", "link"] {
        let refusal = verified.unpack(&rig.path(folder), &mut |_, _| ()).unwrap_err();
        assert!(matches!(refusal, Refusal::NotEmpty(_)), "{folder}: {refusal}");
    }
    assert!(matches!(verified.unpack(&rig.path("no/where"), &mut |_, _| ()), Err(Refusal::Io { .. })));
    assert_eq!(names(rig.folder.path()), before);
}

#[test]
fn what_was_verified_is_unpacked_though_the_name_leads_elsewhere_by_then() {
    let rig = Rig::new();
    let file = rig.path("package.swx");
    fs::write(&file, Crafted::new().signed(&rig.key.sk)).unwrap();
    let verified = verify(&file, &rig.keys(), &Expect::default()).unwrap();
    fs::rename(&file, rig.path("elsewhere")).unwrap();
    fs::write(&file, "something else").unwrap();
    verified.unpack(&rig.path("out"), &mut |_, _| ()).unwrap();
    assert_eq!(fs::read(rig.path("out/models/face.tflite")).unwrap(), [7; 1000]);

    // The very bytes change: found out by their sums, or because they unpack no more.
    let parts = fs::metadata(rig.path("elsewhere")).unwrap().len() as usize - Crafted::new().parts.len();
    let mut bytes = fs::read(rig.path("elsewhere")).unwrap();
    bytes[parts..].fill(0x55);
    fs::write(rig.path("elsewhere"), bytes).unwrap();
    let refusal = verified.unpack(&rig.path("out2"), &mut |_, _| ()).unwrap_err();
    assert!(matches!(refusal, Refusal::Frame { .. }), "{refusal}");
    assert!(!rig.path("out2").exists());
}

#[test]
fn a_package_can_be_looked_at_unverified() {
    let rig = Rig::new();
    let other = KeyPair::generate_unencrypted_keypair().unwrap();
    fs::write(rig.path("package.swx"), Crafted::new().signed(&other.sk)).unwrap();
    let seen = inspect(&rig.path("package.swx")).unwrap();
    assert_eq!(seen.manifest.version, Version::new(1, 2, 3));
    let (id, comment) = seen.signature.unwrap();
    assert_eq!((id, comment.as_str()), (KeyId::of(other.pk.keynum()), "facegate package"));
}

/// The file was made once and stays: later software has to read it.
#[test]
fn the_package_of_the_documentation_is_read_and_is_what_is_printed_there() {
    let package = include_bytes!("../../../fuzz/seeds/verify/good.swx");
    let mut printed = Vec::new();
    for line in include_str!("../../../docs/swx.md").lines().filter_map(|line| line.strip_prefix("    0000")) {
        let (at, digits) = line.split_at(4);
        // Lines left out are like the one before.
        let at = usize::from_str_radix(at, 16).unwrap();
        while printed.len() < at {
            printed.extend_from_within(printed.len() - 16..);
        }
        let digits = digits.split('|').next().unwrap().split_whitespace();
        printed.extend(digits.map(|digits| u8::from_str_radix(digits, 16).unwrap()));
    }
    assert!(printed == package, "docs/swx.md prints another package");

    let rig = Rig::new();
    fs::write(rig.path("keys/fuzz.pub"), include_str!("../../../fuzz/keys/fuzz.pub")).unwrap();
    let out = rig.try_out(package, &Expect::default()).unwrap();
    assert_eq!(fs::read_to_string(out.join("models/a.toml")).unwrap(), "kind = \"none\"\n".repeat(50));
}
