//! The signature of a package: that of minisign, prehashed, over all but its own block. The block is written in one way
//! alone, so there is no bit in it that might be another.

use std::io;

use minisign::{ErrorKind, SignatureBox};

use super::container::Container;
use super::head::BLOCK;
use super::keys::{KeyId, Keys};
use super::refusal::Refusal;

/// The comment that is not signed.
const COMMENT: &str = "signature of a facegate package";

/// Puts minisign's text into a block.
pub(super) fn block(signature: &str, trusted_comment: &str, global: &str) -> Result<[u8; BLOCK], Refusal> {
    let text = format!("untrusted comment: {COMMENT}\n{signature}\ntrusted comment: {trusted_comment}\n{global}\n")
        .into_bytes();
    let mut block = [0; BLOCK];
    block
        .get_mut(..text.len())
        .ok_or_else(|| Refusal::SignatureForm("its comment is too long".to_owned()))?
        .copy_from_slice(&text);
    Ok(block)
}

/// Reads a block. What it says is not verified.
pub(super) fn read(block: &[u8; BLOCK]) -> Result<SignatureBox, Refusal> {
    if block.iter().all(|byte| *byte == 0) {
        return Err(Refusal::Unsigned);
    }
    let form = |why: &str| Refusal::SignatureForm(why.to_owned());
    let end = block.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let text = std::str::from_utf8(&block[..end]).map_err(|_| form("it is no text"))?;
    // minisign takes parts of any length, and relies on their length later.
    let lines: Vec<&str> = text.lines().collect();
    if lines.len() != 4 || lines[1].len() != 100 || lines[3].len() != 88 {
        return Err(form("it should be four lines of minisign's"));
    }
    let signature = SignatureBox::from_string(text).map_err(|e| Refusal::SignatureForm(e.to_string()))?;
    if !signature.is_prehashed() {
        return Err(form("it is not of the prehashed kind"));
    }
    if lines[0].strip_prefix("untrusted comment: ") != Some(COMMENT) || signature.to_string() != text {
        return Err(form("it is not written as facegate writes it"));
    }
    Ok(signature)
}

/// Checks that a trusted key signed all of the package; says which.
pub(super) fn check(container: &Container, block: &[u8; BLOCK], keys: &Keys) -> Result<KeyId, Refusal> {
    let signature = read(block)?;
    let id = KeyId::of(signature.keynum());
    for key in keys.named(id)? {
        match minisign::verify(key, &signature, container.signed(), true, false, false) {
            Ok(()) => return Ok(id),
            Err(e) if matches!(e.kind(), ErrorKind::Io) => {
                return Err(container.unreadable(io::Error::other(e.to_string())));
            }
            Err(_) => {}
        }
    }
    Err(Refusal::Signature(id))
}
