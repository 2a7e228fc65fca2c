//! The sealed file: a head that says how the key is made from the passphrase, then chunks of authenticated ciphertext.
//! What the sealed bytes mean is `contents`' matter. `docs/backup.md` describes it byte by byte.

use std::io::{self, Read, Write};

use argon2::{Algorithm, Argon2, Params, Version};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use sha2::{Digest, Sha256};

use super::Problem;

/// The first bytes of every backup.
const MAGIC: &[u8; 8] = b"FGBACKUP";
/// The layout this software writes and reads.
const FORMAT: u16 = 1;
/// Bytes sealed at a time: what a reader must hold before it may believe any of it.
const CHUNK: usize = 64 * 1024;
/// Bytes the seal adds to a chunk.
const TAG: usize = 16;
/// Bytes before the check sum.
const PARAMETERS: usize = 38;
/// Bytes before the proof of the key.
const SUMMED: usize = PARAMETERS + 8;
/// Bytes of the head.
const HEAD: usize = SUMMED + TAG;
/// What guessing costs: 32 MiB and three passes are a second or two on the smallest board.
const COST: Cost = Cost { memory_kib: 32 * 1024, passes: 3, lanes: 1 };
/// The most a file may ask of the board that opens it.
const MOST: Cost = Cost { memory_kib: 128 * 1024, passes: 16, lanes: 4 };

/// What Argon2id is run with.
#[derive(Clone, Copy)]
struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

/// A key, and the head every chunk is bound to.
struct Seal {
    key: LessSafeKey,
    head: [u8; HEAD],
}

impl Seal {
    fn key(passphrase: &str, salt: &[u8], cost: Cost) -> Result<LessSafeKey, Problem> {
        let unusable = |e: argon2::Error| Problem::Damaged(format!("the cost of its key is unusable: {e}"));
        let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32)).map_err(unusable)?;
        let mut key = [0; 32];
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.as_bytes(), salt, &mut key)
            .map_err(unusable)?;
        let key = UnboundKey::new(&CHACHA20_POLY1305, &key)
            .map_err(|_| Problem::Damaged("its key has a wrong length".to_owned()))?;
        Ok(LessSafeKey::new(key))
    }

    /// The nonce of a chunk: its place, and whether it is the last one. The key is one file's alone, so places
    /// never meet twice.
    fn nonce(place: u64, last: bool) -> Nonce {
        let mut nonce = [0; 12];
        nonce[3..11].copy_from_slice(&place.to_be_bytes());
        nonce[11] = u8::from(last);
        Nonce::assume_unique_for_key(nonce)
    }

    /// The nonce of the proof, which no chunk can have.
    fn proof() -> Nonce {
        Nonce::assume_unique_for_key([0xFF; 12])
    }
}

/// Seals what is written into it. Without [`Sealer::finish`] the file is no backup.
pub(super) struct Sealer<W> {
    out: W,
    seal: Seal,
    place: u64,
    chunk: Vec<u8>,
}

impl<W: Write> Sealer<W> {
    /// Writes the head.
    pub(super) fn new(mut out: W, passphrase: &str) -> Result<Self, Problem> {
        let mut salt = [0; 16];
        getrandom::fill(&mut salt)
            .map_err(|e| Problem::Io("no randomness".to_owned(), io::Error::other(e.to_string())))?;
        let mut head = [0; HEAD];
        head[..8].copy_from_slice(MAGIC);
        head[8..10].copy_from_slice(&FORMAT.to_be_bytes());
        head[10..14].copy_from_slice(&COST.memory_kib.to_be_bytes());
        head[14..18].copy_from_slice(&COST.passes.to_be_bytes());
        head[18..22].copy_from_slice(&COST.lanes.to_be_bytes());
        head[22..PARAMETERS].copy_from_slice(&salt);
        let sum = Sha256::digest(&head[..PARAMETERS]);
        head[PARAMETERS..SUMMED].copy_from_slice(&sum[..8]);
        let key = Seal::key(passphrase, &salt, COST)?;
        let proof = key
            .seal_in_place_separate_tag(Seal::proof(), Aad::from(&head[..SUMMED]), &mut [])
            .map_err(|_| Problem::Damaged("the key does not work".to_owned()))?;
        head[SUMMED..].copy_from_slice(proof.as_ref());
        out.write_all(&head).map_err(|e| Problem::Io("write".to_owned(), e))?;
        Ok(Self { out, seal: Seal { key, head }, place: 0, chunk: Vec::with_capacity(CHUNK + TAG) })
    }

    fn seal(&mut self, last: bool) -> io::Result<()> {
        let nonce = Seal::nonce(self.place, last);
        self.seal
            .key
            .seal_in_place_append_tag(nonce, Aad::from(&self.seal.head), &mut self.chunk)
            .map_err(|_| io::Error::other("a chunk cannot be sealed"))?;
        self.out.write_all(&self.chunk)?;
        self.chunk.clear();
        self.place += 1;
        Ok(())
    }

    /// Seals the last chunk and gives back what was written into.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.seal(true)?;
        Ok(self.out)
    }
}

impl<W: Write> Write for Sealer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full chunk is sealed only when more follows: the last one is sealed otherwise.
        if self.chunk.len() == CHUNK && !bytes.is_empty() {
            self.seal(false)?;
        }
        let taken = bytes.len().min(CHUNK - self.chunk.len());
        self.chunk.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Opens what was sealed; gives out no byte that was not checked.
pub(super) struct Opener<R> {
    from: R,
    seal: Seal,
    place: u64,
    /// Read ahead and not yet opened: whether a chunk is the last shows only behind it.
    ahead: Vec<u8>,
    open: Vec<u8>,
    given: usize,
    ended: bool,
}

impl<R: Read> Opener<R> {
    /// Reads the head and proves the passphrase.
    pub(super) fn new(mut from: R, passphrase: &str) -> Result<Self, Problem> {
        let mut head = [0; HEAD];
        let read = fill(&mut from, &mut head).map_err(|e| Problem::Io("read".to_owned(), e))?;
        if !head[..read].starts_with(MAGIC) {
            return Err(Problem::NotABackup);
        }
        if read < HEAD {
            return Err(Problem::Damaged("it ends within its head".to_owned()));
        }
        // Later formats keep the first ten bytes and may change the rest.
        let format = u16::from_be_bytes([head[8], head[9]]);
        let sum = Sha256::digest(&head[..PARAMETERS]);
        let intact = head[PARAMETERS..SUMMED] == sum[..8];
        if format != FORMAT {
            return Err(Problem::Format { theirs: format, ours: FORMAT });
        }
        if !intact {
            return Err(Problem::Damaged("its head is not what was written".to_owned()));
        }
        let number = |at: usize| head[at..at + 4].iter().fold(0_u32, |n, byte| n << 8 | u32::from(*byte));
        let cost = Cost { memory_kib: number(10), passes: number(14), lanes: number(18) };
        if cost.memory_kib > MOST.memory_kib || cost.passes > MOST.passes || cost.lanes > MOST.lanes {
            return Err(Problem::Damaged("making its key would cost more than this software spends".to_owned()));
        }
        let key = Seal::key(passphrase, &head[22..PARAMETERS], cost)?;
        let mut proof = [0; TAG];
        proof.copy_from_slice(&head[SUMMED..]);
        key.open_in_place(Seal::proof(), Aad::from(&head[..SUMMED]), &mut proof)
            .map_err(|_| Problem::WrongPassphrase)?;
        Ok(Self {
            from,
            seal: Seal { key, head },
            place: 0,
            ahead: Vec::with_capacity(CHUNK + TAG + 1),
            open: Vec::with_capacity(CHUNK + TAG),
            given: 0,
            ended: false,
        })
    }

    fn next_chunk(&mut self) -> io::Result<()> {
        const FULL: usize = CHUNK + TAG;
        let held = self.ahead.len();
        self.ahead.resize(FULL + 1, 0);
        let read = fill(&mut self.from, &mut self.ahead[held..])?;
        self.ahead.truncate(held + read);
        let last = self.ahead.len() <= FULL;
        self.open.clear();
        self.open.extend_from_slice(&self.ahead[..self.ahead.len().min(FULL)]);
        self.ahead.drain(..self.open.len());
        let opened = self
            .seal
            .key
            .open_in_place(Seal::nonce(self.place, last), Aad::from(&self.seal.head), &mut self.open)
            .map_err(|_| {
                let at = HEAD as u64 + self.place * FULL as u64;
                io::Error::new(io::ErrorKind::InvalidData, format!("cut short or changed at or behind byte {at}"))
            })?
            .len();
        self.open.truncate(opened);
        self.given = 0;
        self.ended = last;
        self.place += 1;
        Ok(())
    }
}

impl<R: Read> Read for Opener<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.given == self.open.len() && !self.ended {
            self.next_chunk()?;
        }
        let taken = into.len().min(self.open.len() - self.given);
        into[..taken].copy_from_slice(&self.open[self.given..self.given + taken]);
        self.given += taken;
        Ok(taken)
    }
}

/// Reads until the buffer is full or nothing follows; returns how much was read.
fn fill(from: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    let mut read = 0;
    while read < into.len() {
        match from.read(&mut into[read..]) {
            Ok(0) => break,
            Ok(n) => read += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(plain: &[u8]) -> Vec<u8> {
        let mut sealer = Sealer::new(Vec::new(), "a good passphrase").unwrap();
        sealer.write_all(plain).unwrap();
        sealer.finish().unwrap()
    }

    fn opened(bytes: &[u8], passphrase: &str) -> Result<Vec<u8>, Problem> {
        let mut plain = Vec::new();
        Opener::new(bytes, passphrase)?.read_to_end(&mut plain).map_err(|e| Problem::Damaged(e.to_string()))?;
        Ok(plain)
    }

    #[test]
    fn what_is_sealed_is_opened_at_every_length_around_a_chunk() {
        for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 7] {
            let plain: Vec<u8> = (0..=250).cycle().take(length).collect();
            let file = sealed(&plain);
            assert_eq!(opened(&file, "a good passphrase").unwrap(), plain, "{length}");
            let chunks = length.div_ceil(CHUNK).max(1);
            assert_eq!(file.len(), HEAD + length + chunks * TAG, "{length}");
        }
    }

    #[test]
    fn changed_cut_lengthened_and_reordered_files_are_refused() {
        let file = sealed(&vec![7; 2 * CHUNK + 100]);
        let chunk = CHUNK + TAG;
        let flipped = |at: usize| {
            let mut file = file.clone();
            file[at] ^= 1;
            file
        };
        let swapped = [
            &file[..HEAD],
            &file[HEAD + chunk..HEAD + 2 * chunk],
            &file[HEAD..HEAD + chunk],
            &file[HEAD + 2 * chunk..],
        ]
        .concat();
        for (what, bytes, error) in [
            ("empty", Vec::new(), "is no backup"),
            ("another file", b"PK\x03\x04 something else".to_vec(), "is no backup"),
            ("magic flipped", flipped(0), "is no backup"),
            ("format flipped", flipped(9), "format"),
            ("cost flipped", flipped(12), "damaged"),
            ("salt flipped", flipped(30), "damaged"),
            ("sum flipped", flipped(40), "damaged"),
            ("proof flipped", flipped(50), "passphrase"),
            ("first chunk flipped", flipped(HEAD), "byte 62"),
            ("last byte flipped", flipped(file.len() - 1), "damaged"),
            ("head cut", file[..30].to_vec(), "damaged"),
            ("only the head", file[..HEAD].to_vec(), "damaged"),
            ("cut between chunks", file[..HEAD + chunk].to_vec(), "damaged"),
            ("cut by a byte", file[..file.len() - 1].to_vec(), "damaged"),
            ("lengthened", [&file[..], b"x"].concat(), "damaged"),
            ("chunks swapped", swapped, "damaged"),
        ] {
            let refused = opened(&bytes, "a good passphrase").expect_err(what).to_string();
            assert!(refused.contains(error), "{what}: {refused}");
        }
        assert!(matches!(opened(&file, "another passphrase"), Err(Problem::WrongPassphrase)));
    }

    #[test]
    fn a_file_cannot_ask_for_all_memory() {
        let mut file = sealed(b"");
        file[10..14].copy_from_slice(&u32::MAX.to_be_bytes());
        let sum = Sha256::digest(&file[..PARAMETERS]);
        file[PARAMETERS..SUMMED].copy_from_slice(&sum[..8]);
        let refused = opened(&file, "a good passphrase").unwrap_err().to_string();
        assert!(refused.contains("cost more"), "{refused}");
    }
}
