//! Why a package is refused: one variant a reason, and in plain text what was found, what was expected and what helps.
//! Text out of a package is quoted with its control characters escaped.

use std::io;
use std::path::{Path, PathBuf};

use semver::Version;

use super::keys::KeyId;
use super::manifest::Digest;

/// Why a package, or a folder made of one, is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Something else altogether.
    #[error("the file is no package of facegate")]
    NotAPackage,
    /// The layout of another software.
    #[error("the package has format {found}, this software knows {known}: install a release between the two first")]
    Format {
        /// Of the package.
        found: u16,
        /// Of this software.
        known: u16,
    },
    /// Cut short, or something hangs on it.
    #[error("the file has {found} bytes and should have {expected}: fetch it again")]
    Length {
        /// Of the file.
        found: u64,
        /// As its head has it.
        expected: u64,
    },
    /// More than this software handles, whoever signed it.
    #[error("{what}: {found} is more than the {most} allowed")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// How much.
        found: u64,
        /// The most.
        most: u64,
    },
    /// Nobody is trusted.
    #[error("no package can be verified: there is no trusted key{}; put the public key of the vendor, NAME.pub, into {}",
            but(.revoked), .folder.display())]
    NoKeys {
        /// Where keys are looked for.
        folder: PathBuf,
        /// Those that are trusted no more.
        revoked: Vec<KeyId>,
    },
    /// What is trusted cannot be told.
    #[error("{}: {why}", .file.display())]
    Keys {
        /// The file with the keys.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// No signature.
    #[error("the package is not signed")]
    Unsigned,
    /// Something in its place.
    #[error("the signature is none: {0}")]
    SignatureForm(String),
    /// Signed with a key nobody here trusts.
    #[error("the package is signed with key {found}, which is not trusted here; trusted: {}", list(.trusted))]
    UnknownKey {
        /// That key.
        found: KeyId,
        /// Those that are trusted.
        trusted: Vec<KeyId>,
    },
    /// Signed with a key that is trusted no more.
    #[error("the package is signed with key {0}, which was revoked: ask the vendor for one signed with another key")]
    RevokedKey(KeyId),
    /// Not what was signed.
    #[error("the package is not what key {0} signed: it was changed or damaged")]
    Signature(KeyId),
    /// Signed, and cannot be read.
    #[error("the manifest cannot be read: {0}")]
    Manifest(String),
    /// A name no file of a package may have.
    #[error("the file {path:?} of the package {why}")]
    Path {
        /// The name.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Files that do not make what the name says.
    #[error("a package named {name:?} {why}")]
    Content {
        /// The package's name.
        name: String,
        /// What is wrong.
        why: &'static str,
    },
    /// More or fewer bytes of parts than the manifest speaks of.
    #[error("the parts have {found} bytes together, the manifest speaks of {expected}")]
    Parts {
        /// In the file.
        found: u64,
        /// As the manifest has it.
        expected: u64,
    },
    /// For something else than what is asked for.
    #[error("the package is of {found:?}, and {expected:?} is asked for")]
    OtherName {
        /// Of the package.
        found: String,
        /// Wanted.
        expected: String,
    },
    /// For other boards.
    #[error("the package is for boards {}, this is {expected:?}", list(.found))]
    OtherBoard {
        /// Of the package.
        found: Vec<String>,
        /// This one.
        expected: String,
    },
    /// For other processors.
    #[error("the daemon of the package is built for {found}, this machine runs {expected}")]
    OtherTarget {
        /// Of the package.
        found: String,
        /// Of this daemon.
        expected: String,
    },
    /// Nothing would change.
    #[error("version {0} is installed already")]
    Same(Version),
    /// Back to what was replaced.
    #[error("the package has version {found}, which is older than the {installed} installed")]
    Older {
        /// Of the package.
        found: Version,
        /// Here.
        installed: Version,
    },
    /// A step too far.
    #[error("the package goes over version {minimum} or newer, and {installed} is installed: install {minimum} first")]
    BelowMinimum {
        /// The least.
        minimum: Version,
        /// Here.
        installed: Version,
    },
    /// It could not read what is kept here.
    #[error("the package keeps data in layout {found}, the data here has layout {present}: it could not read it")]
    DataFormat {
        /// Of the package.
        found: u32,
        /// Here.
        present: u32,
    },
    /// A part that cannot be unpacked.
    #[error("the file {path:?} cannot be unpacked: {why}")]
    Frame {
        /// The file.
        path: String,
        /// The decompressor's word.
        why: String,
    },
    /// More comes out than the manifest says.
    #[error("the file {path:?} is longer than the {size} bytes the manifest speaks of")]
    Longer {
        /// The file.
        path: String,
        /// As the manifest has it.
        size: u64,
    },
    /// Less comes out, or less is there.
    #[error("the file {path:?} has {found} bytes, the manifest speaks of {size}")]
    Shorter {
        /// The file.
        path: String,
        /// Bytes there are.
        found: u64,
        /// As the manifest has it.
        size: u64,
    },
    /// Something stands behind the end of a part.
    #[error("{left} bytes stand behind the end of the file {path:?}")]
    Behind {
        /// The file.
        path: String,
        /// How many.
        left: u64,
    },
    /// Other bytes than those the manifest was made of.
    #[error("the file {path:?} has sha256 {found}, the manifest speaks of {expected}")]
    Sum {
        /// The file.
        path: String,
        /// Of what is there.
        found: Digest,
        /// As the manifest has it.
        expected: Digest,
    },
    /// Unpacking would mix with what is there.
    #[error("{}: should be missing or an empty folder", .0.display())]
    NotEmpty(PathBuf),
    /// The disk's trouble.
    #[error("{}: cannot {doing}: {source}", .path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
}

impl Refusal {
    /// For `map_err` around what is done with `path`.
    pub(super) fn io(doing: &'static str, path: &Path) -> impl Fn(io::Error) -> Self {
        move |source| Self::Io { doing, path: path.to_owned(), source }
    }
}

fn but(revoked: &[KeyId]) -> String {
    if revoked.is_empty() { String::new() } else { format!(" (revoked: {})", list(revoked)) }
}

fn list(of: &[impl ToString]) -> String {
    if of.is_empty() {
        return "none".to_owned();
    }
    of.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
