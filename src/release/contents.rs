//! What a slot holds, written into it last of all: without this file it is no release.
//!
//! It says less than the manifest of a package and passes over what it does not know: the launcher reads what a much newer
//! release has written.

use std::fs;
use std::io::{ErrorKind, Read};
use std::path::Path;

use semver::Version;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::Problem;
use crate::hal::linux::files;
use crate::package::{Digest, Manifest, is_path};

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
        // Whoever may write the slot leads nobody elsewhere.
        if !is_path(&self.path) {
            return Err(other("no release has such a path"));
        }
        let mut file = files::open_plain(&path).map_err(failed)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_held_against_its_contents() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("models/face.tflite");
        let contents = |path: &str| Contents {
            version: Version::new(1, 0, 0),
            data_format: 1,
            files: vec![Piece { path: path.into(), size: 9, sha256: Digest(Sha256::digest([7; 9]).into()) }],
        };
        let spoil: [(&dyn Fn(), Option<&str>); 7] = [
            (&|| fs::write(&file, [7; 9]).unwrap(), None),
            (&|| fs::write(&file, [8; 9]).unwrap(), Some("sha256")),
            (&|| fs::write(&file, [7; 8]).unwrap(), Some("length")),
            (&|| fs::write(&file, [7; 10]).unwrap(), Some("length")),
            (&|| fs::remove_file(&file).unwrap(), Some("No such file")),
            (&|| std::os::unix::fs::symlink("/dev/zero", &file).unwrap(), Some("it is a link")),
            (
                &|| {
                    fs::remove_file(&file).unwrap();
                    fs::create_dir(&file).unwrap();
                },
                Some("no plain file"),
            ),
        ];
        fs::create_dir(folder.path().join("models")).unwrap();
        for (number, (spoil, why)) in spoil.iter().enumerate() {
            spoil();
            let said = contents("models/face.tflite").check(folder.path()).err().map(|problem| problem.to_string());
            let fits =
                said.as_deref().zip(*why).map_or(said.is_none() && why.is_none(), |(said, why)| said.contains(why));
            assert!(fits, "{number}: {said:?}");
        }
        for path in ["/dev/watchdog", "../secret", "models/../../secret", ""] {
            let said = contents(path).check(folder.path()).unwrap_err().to_string();
            assert!(said.contains("no release has such a path"), "{path}: {said}");
        }
    }
}
