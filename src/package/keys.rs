//! Whose packages are trusted: minisign's public keys in a folder, those compiled in, less the revoked ones.

use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use minisign::{PublicKey, PublicKeyBox};

use super::refusal::Refusal;

/// The list of revoked keys, in the folder of the trusted ones.
pub const REVOKED: &str = "revoked";
/// Keys that are trusted wherever the daemon runs: base64, commas between them, given when it is built.
const COMPILED_IN: Option<&str> = option_env!("FACEGATE_PACKAGE_KEYS");

/// The name of a key, as minisign writes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeyId(u64);

impl KeyId {
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self(bytes.iter().take(8).rev().fold(0, |id, byte| id << 8 | u64::from(*byte)))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016X}", self.0)
    }
}

/// The keys whose packages are trusted: one at least.
#[derive(Debug)]
pub struct Keys {
    trusted: Vec<PublicKey>,
    revoked: Vec<KeyId>,
}

impl Keys {
    /// Reads the keys of a folder, `*.pub`, and what its file `revoked` takes back of them and of those compiled in. A
    /// file that holds no key is told and passed over: the others go on to work.
    ///
    /// # Errors
    /// [`Refusal::NoKeys`]; [`Refusal::Keys`] for a list of revoked keys that cannot be read: it might take back anything.
    pub fn load(folder: &Path) -> Result<Self, Refusal> {
        Self::gather(folder, COMPILED_IN.unwrap_or_default())
    }

    pub(super) fn gather(folder: &Path, compiled_in: &str) -> Result<Self, Refusal> {
        let mut keys = Self { trusted: Vec::new(), revoked: Vec::new() };
        for text in compiled_in.split(',').map(str::trim).filter(|text| !text.is_empty()) {
            let wrong = |why| Refusal::Keys { file: PathBuf::from("FACEGATE_PACKAGE_KEYS, when this was built"), why };
            keys.trusted.push(public_key(text).map_err(wrong)?);
        }
        for file in key_files(folder)? {
            match key_of(&file) {
                Ok(key) => keys.trusted.push(key),
                Err(why) => tracing::warn!(file = %file.display(), why, "this is no trusted key"),
            }
        }
        keys.revoke(&folder.join(REVOKED))?;
        if keys.trusted.is_empty() {
            return Err(Refusal::NoKeys { folder: folder.to_owned(), revoked: keys.revoked });
        }
        Ok(keys)
    }

    /// One key alone.
    pub(super) fn only(key: PublicKey) -> Self {
        Self { trusted: vec![key], revoked: Vec::new() }
    }

    /// Takes back what a list names, one a line: a public key, or the name of one. `#` begins a comment.
    fn revoke(&mut self, list: &Path) -> Result<(), Refusal> {
        let wrong = |why| Refusal::Keys { file: list.to_owned(), why };
        let text = match fs::read_to_string(list) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
            text => text.map_err(|e| wrong(e.to_string()))?,
        };
        let mut taken_back = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let word = line.split('#').next().unwrap_or_default().trim();
            if word.is_empty() {
                continue;
            }
            if let Ok(key) = public_key(word) {
                self.revoked.push(KeyId::of(key.keynum()));
                taken_back.push(key);
            } else if word.len() == 16 && word.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                let id = u64::from_str_radix(word, 16).map_err(|e| wrong(e.to_string()))?;
                self.revoked.push(KeyId(id));
            } else {
                return Err(wrong(format!("line {number}: {word:?} should be a public key or the name of one")));
            }
        }
        // A key is taken back under every name it has.
        let named = self.trusted.iter().filter(|key| self.revoked.contains(&KeyId::of(key.keynum())));
        taken_back.extend(named.cloned());
        self.trusted.retain(|key| !taken_back.contains(key));
        Ok(())
    }

    /// The names of the trusted keys.
    pub fn ids(&self) -> impl Iterator<Item = KeyId> {
        self.trusted.iter().map(|key| KeyId::of(key.keynum()))
    }

    /// The trusted keys of this name: one, as good as always.
    ///
    /// # Errors
    /// [`Refusal::RevokedKey`], [`Refusal::UnknownKey`].
    pub(super) fn named(&self, id: KeyId) -> Result<Vec<&PublicKey>, Refusal> {
        let named: Vec<_> = self.trusted.iter().filter(|key| KeyId::of(key.keynum()) == id).collect();
        match named.is_empty() {
            false => Ok(named),
            true if self.revoked.contains(&id) => Err(Refusal::RevokedKey(id)),
            true => Err(Refusal::UnknownKey { found: id, trusted: self.ids().collect() }),
        }
    }
}

/// The files of a folder that should hold a key. A folder that is missing has none.
fn key_files(folder: &Path) -> Result<Vec<PathBuf>, Refusal> {
    let wrong = |e: std::io::Error| Refusal::Keys { file: folder.to_owned(), why: e.to_string() };
    let entries = match fs::read_dir(folder) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(wrong)?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(wrong)?.path();
        if path.extension().is_some_and(|extension| extension == "pub") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The key of a file, as minisign writes them.
fn key_of(file: &Path) -> Result<PublicKey, String> {
    let text = fs::read_to_string(file).map_err(|e| e.to_string())?;
    let key = PublicKeyBox::from_string(&text).and_then(PublicKeyBox::into_public_key).map_err(|e| e.to_string())?;
    checked(key)
}

fn public_key(text: &str) -> Result<PublicKey, String> {
    PublicKey::from_base64(text).map_err(|e| e.to_string()).and_then(checked)
}

/// minisign's own reading takes any two bytes for the kind of the key.
fn checked(key: PublicKey) -> Result<PublicKey, String> {
    if key.to_bytes().starts_with(b"Ed") {
        Ok(key)
    } else {
        Err("the key is of no kind that minisign makes".to_owned())
    }
}
