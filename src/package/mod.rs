//! Packages of new software, `.swx`: one signed file with a manifest and files (`docs/swx.md`).
//!
//! [`verify`] checks a package; what it returns can be unpacked, and nothing else makes it. [`build`], [`sign`] and
//! [`keygen`] make packages. Where packages come from and where files go is left to others. Names nothing of the
//! terminal, so that it can be fuzzed without it (`fuzz/`).

mod build;
mod container;
mod expect;
mod head;
mod keys;
mod manifest;
mod refusal;
mod sign;
mod signature;
mod unpack;

#[cfg(test)]
mod tests;

use std::path::Path;

pub use self::build::{Problem, Recipe, build};
use self::container::Container;
pub use self::expect::Expect;
pub use self::head::LARGEST;
pub use self::keys::{KeyId, Keys, REVOKED};
pub use self::manifest::{DAEMON, Digest, Entry, Kind, Manifest, RELEASE, is_path};
pub use self::refusal::Refusal;
pub use self::sign::{SigningKey, keygen, sign};

/// The target this daemon is built for, as Rust names them.
pub const TARGET: &str = env!("FACEGATE_TARGET");

/// A package whose signature, manifest and fitness were verified. [`verify`] alone makes it.
#[derive(Debug)]
pub struct Verified {
    container: Container,
    manifest: Manifest,
    signer: KeyId,
}

/// Verifies a package: that a trusted key signed all of it, then what it says of itself, then that it fits. Nothing behind
/// its head is parsed before the signature is verified, and it is read through, not into memory.
///
/// # Errors
/// [`Refusal`].
pub fn verify(file: &Path, keys: &Keys, expect: &Expect) -> Result<Verified, Refusal> {
    let container = Container::open(file)?;
    let signer = signature::check(&container, container.block(), keys)?;
    let manifest = Manifest::parse(container.manifest())?;
    container.check_length(&manifest)?;
    expect.check(&manifest)?;
    Ok(Verified { container, manifest, signer })
}

impl Verified {
    /// What the package says of itself.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The key that signed it.
    #[must_use]
    pub fn signer(&self) -> KeyId {
        self.signer
    }

    /// Unpacks all files into `folder`, which has to be missing or empty, and makes them last. Each file is checked while it
    /// is written. `progress` is told how much is done, of how much: bytes, unpacked.
    ///
    /// # Errors
    /// [`Refusal`]; `folder` is missing or empty then, as it was.
    pub fn unpack(&self, folder: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<(), Refusal> {
        self.unpack_only(folder, &|_| true, progress)
    }

    /// The same with the files of some kinds alone.
    ///
    /// # Errors
    /// As for [`Verified::unpack`].
    pub fn unpack_only(
        &self,
        folder: &Path,
        wanted: &dyn Fn(Kind) -> bool,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<(), Refusal> {
        unpack::into_folder(&self.container, &self.manifest, folder, wanted, progress)
    }

    /// Checks all files as if they were unpacked, and writes none.
    ///
    /// # Errors
    /// As for [`Verified::unpack`].
    pub fn check_parts(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<(), Refusal> {
        unpack::check_parts(&self.container, &self.manifest, progress)
    }
}

/// What a package says of itself and of its signer, none of it verified.
#[derive(Debug)]
pub struct Inspected {
    /// The manifest.
    pub manifest: Manifest,
    /// The key that the signature names and the comment it carries; or why there is none.
    pub signature: Result<(KeyId, String), Refusal>,
}

/// Reads a package without verifying it: to look at, never to act upon.
///
/// # Errors
/// [`Refusal`].
pub fn inspect(file: &Path) -> Result<Inspected, Refusal> {
    let container = Container::open(file)?;
    let manifest = Manifest::parse(container.manifest())?;
    container.check_length(&manifest)?;
    let signature = signature::read(container.block()).and_then(|signature| {
        let comment = signature.trusted_comment().map_err(|e| Refusal::SignatureForm(e.to_string()))?;
        Ok((KeyId::of(signature.keynum()), comment))
    });
    Ok(Inspected { manifest, signature })
}
