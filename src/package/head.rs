//! The first 512 bytes of a package: the head, and the block that holds the signature of all the rest.
//! `docs/swx.md` describes them byte by byte.

use super::refusal::Refusal;

/// The first bytes of every package.
const MAGIC: &[u8; 8] = b"FGSWPACK";
/// The layout this software writes and reads.
const FORMAT: u16 = 1;
/// Bytes of the head.
pub(super) const HEAD: usize = 24;
/// Bytes of the block with the signature, which stands behind the head.
pub(super) const BLOCK: usize = 488;
/// Where the manifest begins.
pub(super) const MANIFEST_AT: u64 = (HEAD + BLOCK) as u64;
/// The longest manifest, bytes.
pub(super) const LONGEST_MANIFEST: u32 = 256 << 10;
/// The most bytes of all parts together, packed, and of all files together, unpacked.
pub const LARGEST: u64 = 1 << 30;

/// How long what stands behind the signature is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Head {
    /// Bytes of the manifest.
    pub(super) manifest: u32,
    /// Bytes of all parts.
    pub(super) parts: u64,
}

impl Head {
    pub(super) fn encode(self) -> [u8; HEAD] {
        let mut bytes = [0; HEAD];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..10].copy_from_slice(&FORMAT.to_be_bytes());
        bytes[12..16].copy_from_slice(&self.manifest.to_be_bytes());
        bytes[16..].copy_from_slice(&self.parts.to_be_bytes());
        bytes
    }

    /// Reads the head of a file of `length` bytes. Nothing is believed yet: the lengths are within what this software
    /// handles, and are exactly those of the file.
    pub(super) fn decode(bytes: &[u8], length: u64) -> Result<Self, Refusal> {
        let known = MAGIC.len().min(bytes.len());
        if bytes.is_empty() || bytes[..known] != MAGIC[..known] {
            return Err(Refusal::NotAPackage);
        }
        let Some(bytes) = bytes.first_chunk::<HEAD>() else {
            return Err(Refusal::Length { found: length, expected: MANIFEST_AT });
        };
        // Later formats keep the first ten bytes and may change the rest.
        let found = u16::from_be_bytes([bytes[8], bytes[9]]);
        if found != FORMAT {
            return Err(Refusal::Format { found, known: FORMAT });
        }
        let (manifest, parts) = bytes[12..].split_at(4);
        let head = Self {
            manifest: manifest.iter().fold(0, |n, byte| n << 8 | u32::from(*byte)),
            parts: parts.iter().fold(0, |n, byte| n << 8 | u64::from(*byte)),
        };
        for (what, found, most) in [
            ("the manifest in bytes", u64::from(head.manifest), u64::from(LONGEST_MANIFEST)),
            ("all parts in bytes", head.parts, LARGEST),
        ] {
            if found > most {
                return Err(Refusal::Limit { what, found, most });
            }
        }
        if head.encode() != *bytes {
            return Err(Refusal::NotAPackage);
        }
        let expected = MANIFEST_AT + u64::from(head.manifest) + head.parts;
        if expected != length {
            return Err(Refusal::Length { found: length, expected });
        }
        Ok(head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_as_it_was_written_and_no_other() {
        let head = Head { manifest: 300, parts: 70_000 };
        let (bytes, length) = (head.encode(), MANIFEST_AT + 70_300);
        assert_eq!(Head::decode(&bytes, length).unwrap(), head);
        for at in 0..HEAD {
            for bit in 0..8 {
                let mut bytes = bytes;
                bytes[at] ^= 1 << bit;
                let refusal = Head::decode(&bytes, length).unwrap_err();
                let fits = match at {
                    0..8 | 10..12 => matches!(refusal, Refusal::NotAPackage),
                    8..10 => matches!(refusal, Refusal::Format { .. }),
                    _ => matches!(refusal, Refusal::Length { .. } | Refusal::Limit { .. }),
                };
                assert!(fits, "byte {at}, bit {bit}: {refusal}");
            }
        }
    }

    #[test]
    fn huge_lengths_neither_wrap_nor_pass() {
        for (manifest, parts) in [(u32::MAX, 0), (0, u64::MAX), (u32::MAX, u64::MAX), (LONGEST_MANIFEST + 1, 0)] {
            let bytes = Head { manifest, parts }.encode();
            assert!(matches!(Head::decode(&bytes, MANIFEST_AT), Err(Refusal::Limit { .. })), "{manifest}, {parts}");
        }
    }
}
