//! What a package says of itself: whom it is for, and each file's name, lengths and sum. What cannot be said here - links,
//! devices, owners, modes, times - cannot be attacked.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use semver::Version;
use serde::{Deserialize, Serialize};

use super::head::{LARGEST, LONGEST_MANIFEST};
use super::refusal::Refusal;

/// The name of packages that hold a release; all others hold models alone.
pub const RELEASE: &str = "facegate";
/// The daemon's path in a package.
pub const DAEMON: &str = "facegate";
/// The most files of a package. So many short entries fit into the longest manifest.
const MOST_FILES: usize = 2048;
/// The longest path, bytes.
const LONGEST_PATH: usize = 200;
/// The most components of a path.
const DEEPEST: usize = 8;
/// The longest version, name of a board and target, bytes.
const LONGEST_WORD: usize = 64;
/// The longest name of a package, bytes.
const LONGEST_NAME: usize = 32;

/// What a package says of itself. Fields are those of the JSON; others are refused, and so are repeated ones.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`RELEASE`], or the name of a pack of models.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// The least version it may be installed over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<Version>,
    /// Names of the boards it is for; a pack of models for none in particular is for any.
    pub boards: Vec<String>,
    /// The target of its daemon, as Rust names them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// It may be installed over the same and over newer versions.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub downgrade: bool,
    /// The layout of data it writes once it is confirmed.
    pub data_format: u32,
    /// Its files, in the order of their parts.
    pub files: Vec<Entry>,
}

/// A file of a package.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its path below the folder it is unpacked to.
    pub path: String,
    /// Its length, bytes.
    pub size: u64,
    /// The length of its part, bytes.
    pub packed: u64,
    /// Its sum.
    pub sha256: Digest,
}

/// What a file is for: the first component of its path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// `facegate`, the daemon.
    Daemon,
    /// Below `models/`.
    Models,
    /// Below `units/`: for the service manager.
    Units,
    /// Below `keys/`: public keys, and the list of revoked ones.
    Keys,
}

impl Manifest {
    /// Reads a manifest and checks all it says of itself.
    ///
    /// # Errors
    /// [`Refusal::Manifest`], [`Refusal::Limit`], [`Refusal::Path`], [`Refusal::Content`].
    pub fn parse(json: &[u8]) -> Result<Self, Refusal> {
        if json.len() > LONGEST_MANIFEST as usize {
            let found = json.len() as u64;
            return Err(Refusal::Limit { what: "the manifest in bytes", found, most: u64::from(LONGEST_MANIFEST) });
        }
        let manifest: Self = serde_json::from_slice(json).map_err(|e| Refusal::Manifest(printable(&e.to_string())))?;
        manifest.check()?;
        Ok(manifest)
    }

    /// The manifest as it stands in a package.
    ///
    /// # Errors
    /// The same as for [`Manifest::parse`].
    pub fn to_json(&self) -> Result<Vec<u8>, Refusal> {
        let json = serde_json::to_vec(self).map_err(|e| Refusal::Manifest(e.to_string()))?;
        Self::parse(&json)?;
        Ok(json)
    }

    /// Bytes of all files, unpacked.
    #[must_use]
    pub fn size(&self) -> u64 {
        // Checked to be far from wrapping.
        self.files.iter().map(|file| file.size).sum()
    }

    /// Checks what a signature does not promise.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        let words = self.boards.iter().chain(&self.target).map(String::as_str);
        for (word, longest) in words.map(|word| (word, LONGEST_WORD)).chain([(self.name.as_str(), LONGEST_NAME)]) {
            if word.len() > longest || !is_component(word) {
                return Err(Refusal::Manifest(format!(
                    "{word:?} should be 1 to {longest} of A-Z, a-z, 0-9, dot, dash and underscore"
                )));
            }
        }
        if self.version.to_string().len() > LONGEST_WORD {
            return Err(Refusal::Manifest(format!("the version is longer than {LONGEST_WORD} bytes")));
        }
        self.check_sizes()?;
        self.check_paths()?;
        self.check_content()
    }

    fn check_sizes(&self) -> Result<(), Refusal> {
        let add = |sum: u64, more: u64| sum.saturating_add(more);
        for (what, found, most) in [
            ("files", self.files.len() as u64, MOST_FILES as u64),
            ("all files in bytes", self.files.iter().map(|file| file.size).fold(0, add), LARGEST),
            ("all parts in bytes", self.files.iter().map(|file| file.packed).fold(0, add), LARGEST),
        ] {
            if found > most {
                return Err(Refusal::Limit { what, found, most });
            }
        }
        Ok(())
    }

    fn check_paths(&self) -> Result<(), Refusal> {
        let mut files = HashSet::new();
        for path in self.files.iter().map(|file| file.path.as_str()) {
            let fault = |why| Refusal::Path { path: path.to_owned(), why };
            kind(path).map_err(fault)?;
            if !files.insert(path) {
                return Err(fault("is there twice"));
            }
        }
        for path in &files {
            if folders(path).any(|folder| files.contains(folder)) {
                return Err(Refusal::Path { path: (*path).to_owned(), why: "is below another file" });
            }
        }
        Ok(())
    }

    fn check_content(&self) -> Result<(), Refusal> {
        let all_models = self.files.iter().all(|file| file.kind() == Some(Kind::Models));
        let daemon = self.files.iter().any(|file| file.kind() == Some(Kind::Daemon));
        let why = match self.name == RELEASE {
            true if !daemon => "should hold the daemon",
            true if self.boards.is_empty() => "should name the boards it is for",
            true if self.target.is_none() => "should name the target of its daemon",
            false if self.files.is_empty() || !all_models => "should hold models and nothing else",
            false if self.target.is_some() => "should name no target: there is no daemon in it",
            _ => return Ok(()),
        };
        Err(Refusal::Content { name: self.name.clone(), why })
    }
}

impl Entry {
    /// What the file is for; nothing where no package may hold such a path.
    #[must_use]
    pub fn kind(&self) -> Option<Kind> {
        kind(&self.path).ok()
    }
}

/// What a file of this path is for.
///
/// # Errors
/// What is wrong with the path, to stand behind "the file …".
pub(super) fn kind(path: &str) -> Result<Kind, &'static str> {
    if path.len() > LONGEST_PATH || path.split('/').count() > DEEPEST {
        return Err("has too long or too deep a path");
    }
    if !is_path(path) {
        return Err(
            "should have a path of components of A-Z, a-z, 0-9, dot, dash and underscore, none beginning with a \
                    dot, and slashes between them",
        );
    }
    match path.split_once('/') {
        None if path == DAEMON => Ok(Kind::Daemon),
        Some(("models", _)) => Ok(Kind::Models),
        Some(("units", _)) => Ok(Kind::Units),
        Some(("keys", _)) => Ok(Kind::Keys),
        _ => Err("should be `facegate`, or below `models`, `units` or `keys`"),
    }
}

/// Whether a path is one of those in packages, whatever is below it: it leads nowhere but down.
#[must_use]
pub fn is_path(path: &str) -> bool {
    path.split('/').all(is_component)
}

/// The folders a path leads through, outermost first.
pub(super) fn folders(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at])
}

fn is_component(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    !text.is_empty() && !text.starts_with('.') && text.bytes().all(plain)
}

/// The parser quotes what it does not know as it is: no control characters may reach a log or a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// A sha256; 64 lower-case hexadecimal digits as text.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

impl TryFrom<String> for Digest {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl FromStr for Digest {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WHY: &str = "a sha256 should be 64 digits of 0-9 and a-f";
        let value = |digit: u8| match digit {
            b'0'..=b'9' => Ok(digit - b'0'),
            b'a'..=b'f' => Ok(digit - b'a' + 10),
            _ => Err(WHY),
        };
        let mut bytes = [0; 32];
        if text.len() != 64 {
            return Err(WHY);
        }
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            *byte = value(digits[0])? << 4 | value(digits[1])?;
        }
        Ok(Self(bytes))
    }
}
