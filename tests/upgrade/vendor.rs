//! Who makes releases: a pair of keys, and packages signed with it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use facegate::package::{self, RELEASE, Recipe, SigningKey, TARGET};

/// A vendor with a workshop.
pub struct Vendor {
    place: PathBuf,
    key: SigningKey,
}

impl Vendor {
    /// Keys in `place`; the public one lies in `place/keys`.
    pub fn new(place: &Path) -> Self {
        fs::create_dir_all(place.join("keys")).unwrap();
        package::keygen(&place.join("vendor"), None).unwrap();
        fs::rename(place.join("vendor.pub"), place.join("keys/vendor.pub")).unwrap();
        let key = SigningKey::load(&place.join("vendor.key"), &mut || unreachable!("it has no passphrase")).unwrap();
        Self { place: place.to_owned(), key }
    }

    /// The folder of trusted keys.
    pub fn keys(&self) -> PathBuf {
        self.place.join("keys")
    }

    /// The tree a release is made of, which is what its slot has to hold.
    pub fn tree(&self, version: &str) -> PathBuf {
        self.place.join(format!("tree-{version}"))
    }

    /// A signed package `version.swx` for the simulated board whose daemon is a script, with `more` files beside it.
    pub fn release(&self, version: &str, script: &str, more: &[(&str, Vec<u8>)]) -> PathBuf {
        let tree = self.tree(version);
        let daemon = format!("#!/bin/sh\n# {version}\n{script}\n").into_bytes();
        for (path, bytes) in [("facegate", &daemon)].into_iter().chain(more.iter().map(|(path, bytes)| (*path, bytes)))
        {
            let file = tree.join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, bytes).unwrap();
        }
        fs::set_permissions(tree.join("facegate"), fs::Permissions::from_mode(0o755)).unwrap();
        self.pack(version, &tree, |_| {})
    }

    /// A signed package `version.swx` of a tree, after `change`s of what it says of itself.
    pub fn pack(&self, version: &str, tree: &Path, change: impl FnOnce(&mut Recipe)) -> PathBuf {
        let mut recipe = Recipe {
            name: RELEASE.into(),
            version: version.parse().unwrap(),
            minimum: None,
            boards: vec!["sim".into(), "bare".into()],
            target: Some(TARGET.into()),
            downgrade: false,
            data_format: facegate::store::FORMAT,
        };
        change(&mut recipe);
        let package = self.place.join(format!("{version}.swx"));
        package::build(tree, &recipe, &package, &mut |_, _| {}).unwrap();
        package::sign(&package, &self.key, &mut |_, _| {}).unwrap();
        package
    }
}

/// Bytes that do not compress, of a seed.
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..length).map(next).collect()
}

/// Files below a folder and what they hold, by path.
pub fn files(folder: &Path) -> std::collections::BTreeMap<String, Vec<u8>> {
    fn walk(root: &Path, folder: &Path, found: &mut std::collections::BTreeMap<String, Vec<u8>>) {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(root, &path, found);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    let mut found = std::collections::BTreeMap::new();
    walk(folder, folder, &mut found);
    found
}
