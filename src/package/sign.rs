//! Keys are made, and packages signed: with minisign's own files, and in the way of Ed25519 as it is written down, without
//! chance, so that the same package and key give the same bytes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use blake2::{Blake2b512, Digest};
use minisign::{KeyPair, PublicKey, SecretKey, SecretKeyBox};
use ring::signature::Ed25519KeyPair;

use super::build::Problem;
use super::container::Container;
use super::head::HEAD;
use super::keys::{KeyId, Keys};
use super::manifest::Manifest;
use super::{signature, unpack};

/// Where minisign's bytes of a secret key have its name: behind the kinds, the salt and the costs of its passphrase.
const ID_AT: usize = 54;
/// Where they have the seed and the public key.
const SEED_AT: usize = ID_AT + 8;
/// Where they have a sum of it all.
const SUM_AT: usize = SEED_AT + 64;

/// A secret key that can sign.
pub struct SigningKey {
    id: [u8; 8],
    pair: Ed25519KeyPair,
    public: PublicKey,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey").field("id", &self.id()).finish_non_exhaustive()
    }
}

impl SigningKey {
    /// Reads a secret key as minisign writes it; `ask` is asked for the passphrase if it has one.
    ///
    /// # Errors
    /// [`Problem::Key`].
    pub fn load(file: &Path, ask: &mut dyn FnMut() -> io::Result<String>) -> Result<Self, Problem> {
        let wrong = |why: String| Problem::Key { file: file.to_owned(), why };
        let text = fs::read_to_string(file).map_err(|e| wrong(e.to_string()))?;
        let bytes = text.lines().nth(1).and_then(|line| STANDARD.decode(line.trim()).ok()).unwrap_or_default();
        // The public half is the likeliest slip, and much shorter.
        if bytes.len() <= SUM_AT {
            return Err(wrong(
                "this is no secret key; NAME.key of `facegate package keygen`, or minisign's, is".to_owned(),
            ));
        }
        let key = match (bytes.get(2..4), bytes.get(SUM_AT..)) {
            (Some(b"Sc"), _) => {
                let passphrase = ask().map_err(|e| wrong(format!("no passphrase: {e}")))?;
                SecretKeyBox::from(text).into_secret_key(Some(passphrase))
            }
            // minisign writes no sum into a key without a passphrase; its crate does, and wants it.
            (Some([0, 0]), Some(sum)) if sum.iter().all(|byte| *byte == 0) => SecretKey::from_bytes(&bytes),
            _ => SecretKeyBox::from(text).into_unencrypted_secret_key(),
        }
        .map_err(|e| wrong(e.to_string()))?;
        Self::of(&key).map_err(wrong)
    }

    fn of(key: &SecretKey) -> Result<Self, String> {
        let bytes = key.to_bytes();
        let mut id = [0; 8];
        id.copy_from_slice(&bytes[ID_AT..SEED_AT]);
        let (seed, public) = (&bytes[SEED_AT..SEED_AT + 32], &bytes[SEED_AT + 32..SEED_AT + 64]);
        let pair = Ed25519KeyPair::from_seed_and_public_key(seed, public)
            .map_err(|_| "its two halves do not belong together".to_owned())?;
        Ok(Self { id, pair, public: PublicKey::from_secret_key(key).map_err(|e| e.to_string())? })
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> KeyId {
        KeyId::of(&self.id)
    }
}

/// Makes a new pair of keys, `out.pub` and `out.key`, the second sealed with the passphrase if there is one.
///
/// # Errors
/// [`Problem`]; keys that are there already stay.
pub fn keygen(out: &Path, passphrase: Option<String>) -> Result<KeyId, Problem> {
    let file = |extension: &str| {
        let mut name = out.as_os_str().to_owned();
        name.push(extension);
        PathBuf::from(name)
    };
    let (secret, public) = (file(".key"), file(".pub"));
    let wrong = |e: minisign::PError| Problem::Key { file: secret.clone(), why: e.to_string() };
    let pair = match passphrase {
        Some(passphrase) => KeyPair::generate_encrypted_keypair(Some(passphrase)),
        None => KeyPair::generate_unencrypted_keypair(),
    }
    .map_err(wrong)?;
    let secret_text = pair.sk.to_box(Some("secret key for facegate packages")).map_err(wrong)?.into_string();
    let public_text = pair.pk.to_box().map_err(wrong)?.into_string();
    write_new(&secret, 0o600, &secret_text)?;
    // Half a pair is of no use, and stands in the way of the next.
    write_new(&public, 0o644, &public_text).inspect_err(|_| drop(fs::remove_file(&secret)))?;
    Ok(KeyId::of(pair.pk.keynum()))
}

/// Signs a package in place, whatever stood in the place of the signature, after all of it was checked: nobody signs what
/// every terminal refuses. `progress` is told how much was checked, of how much: bytes, unpacked.
///
/// # Errors
/// [`Problem`]; the package is as it was.
pub fn sign(file: &Path, key: &SigningKey, progress: &mut dyn FnMut(u64, u64)) -> Result<Manifest, Problem> {
    let container = Container::open(file)?;
    let manifest = Manifest::parse(container.manifest())?;
    unpack::check_parts(&container, &manifest, progress)?;

    let mut sum = Blake2b512::new();
    let mut buffer = vec![0; 64 << 10];
    let mut signed = container.signed();
    loop {
        match signed.read(&mut buffer).map_err(Problem::io("read", file))? {
            0 => break,
            n => sum.update(&buffer[..n]),
        }
    }
    let signature = key.pair.sign(&sum.finalize());
    let comment = format!("facegate package {} {}", manifest.name, manifest.version);
    let global = key.pair.sign(&[signature.as_ref(), comment.as_bytes()].concat());
    let named = [b"ED".as_slice(), &key.id, signature.as_ref()].concat();
    let block = signature::block(&STANDARD.encode(named), &comment, &STANDARD.encode(global))?;
    signature::check(&container, &block, &Keys::only(key.public.clone()))?;

    let write = |file: File| file.write_all_at(&block, HEAD as u64).and_then(|()| file.sync_all());
    OpenOptions::new().write(true).open(file).and_then(write).map_err(Problem::io("write", file))?;
    Ok(manifest)
}

fn write_new(file: &Path, mode: u32, text: &str) -> Result<(), Problem> {
    let write = |mut file: File| file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    let new = OpenOptions::new().write(true).create_new(true).mode(mode).open(file);
    new.and_then(write).map_err(Problem::io("write", file))
}
