//! The sources under test, included by path, and what the targets share.

#[path = "../../src/package/mod.rs"]
pub mod package;

/// What stands behind the signature, for the target that fuzzes it as if it had been signed. The same files once more,
/// so that the terminal's own code needs no way around a signature.
pub mod behind;

use std::path::PathBuf;

/// A place for files in memory, of this process alone.
pub fn place(name: &str) -> PathBuf {
    let folder = PathBuf::from(format!("/dev/shm/facegate-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder.join(name)
}
