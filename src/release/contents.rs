//! What a slot holds, written into it last of all: without this file it is no release.
//!
//! It says less than the manifest of a package and passes over what it does not know: the launcher reads what a much newer
//! release has written.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::Path;

use semver::Version;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::Problem;
use crate::hal::linux::files;
use crate::package::{Digest, Manifest};

/// The file's name.
pub(super) const NAME: &str = "manifest.json";
/// Read at a time.
const CHUNK: usize = 64 << 10;

/// What a slot holds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Contents {
    /// The release's version.
    pub version: Version,
    /// The layout of data it writes once it has proved itself.
    pub data_format: u32,
    /// Its files.
    pub files: Vec<Piece>,
}

/// A file of a release.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Piece {
    /// Its path below the slot.
    pub path: String,
    /// Its length, bytes.
    pub size: u64,
    /// Its sum.
    pub sha256: Digest,
}

impl From<&Manifest> for Contents {
    fn from(manifest: &Manifest) -> Self {
        let piece =
            |file: &crate::package::Entry| Piece { path: file.path.clone(), size: file.size, sha256: file.sha256 };
        Self {
            version: manifest.version.clone(),
            data_format: manifest.data_format,
            files: manifest.files.iter().map(piece).collect(),
        }
    }
}

impl Contents {
    /// Of the release in `folder`.
    ///
    /// # Errors
    /// When it cannot be read: then there is no release.
    pub fn read(folder: &Path) -> Result<Self, Problem> {
        let path = folder.join(NAME);
        let bytes = fs::read(&path).map_err(Problem::disk(&path, "cannot be read"))?;
        serde_json::from_slice(&bytes).map_err(|error| Problem::disk(&path, "cannot be read")(error.into()))
    }

    /// Writes it, on the disk when it returns.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(super) fn write(&self, folder: &Path) -> Result<(), Problem> {
        let path = folder.join(NAME);
        let failed = |error| Problem::disk(&path, "cannot be written")(error);
        let text = serde_json::to_string(self).map_err(|error| failed(error.into()))?;
        files::keep(&path, Some(&text), 0o644).map_err(failed)?;
        Ok(())
    }

    /// Looks whether all files are what they were when they were written: flash forgets.
    ///
    /// # Errors
    /// The first that is not.
    pub fn check(&self, folder: &Path) -> Result<(), Problem> {
        self.files.iter().try_for_each(|piece| piece.check(folder))
    }
}

impl Piece {
    fn check(&self, folder: &Path) -> Result<(), Problem> {
        let path = folder.join(&self.path);
        let failed = |error| Problem::disk(&path, "is not as it was installed")(error);
        let other = |what: &str| failed(std::io::Error::new(ErrorKind::InvalidData, what));
        let mut file = File::open(&path).map_err(failed)?;
        if file.metadata().map_err(failed)?.len() != self.size {
            return Err(other("it has another length"));
        }
        let (mut sum, mut chunk) = (Sha256::new(), vec![0; CHUNK]);
        loop {
            let length = file.read(&mut chunk).map_err(failed)?;
            if length == 0 {
                break;
            }
            sum.update(&chunk[..length]);
        }
        if sum.finalize()[..] != self.sha256.0 {
            return Err(other("it has another sha256"));
        }
        Ok(())
    }
}
