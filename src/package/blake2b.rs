//! BLAKE2b of 64 bytes, without key (RFC 7693): what minisign signs in the place of a long file. For making signatures
//! alone; they are verified with minisign's own.

/// The first 64 bits of the fractional parts of the square roots of the first eight primes.
const IV: [u64; 8] = [
    0x6a09_e667_f3bc_c908,
    0xbb67_ae85_84ca_a73b,
    0x3c6e_f372_fe94_f82b,
    0xa54f_f53a_5f1d_36f1,
    0x510e_527f_ade6_82d1,
    0x9b05_688c_2b3e_6c1f,
    0x1f83_d9ab_fb41_bd6b,
    0x5be0_cd19_137e_2179,
];
/// Which words of the message each round mixes in.
const SIGMA: [[usize; 16]; 10] = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
    [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
    [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
    [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
    [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
    [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
    [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
    [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
    [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
];
/// Which words of the state a round mixes: columns, then diagonals.
const MIXED: [[usize; 4]; 8] = [
    [0, 4, 8, 12],
    [1, 5, 9, 13],
    [2, 6, 10, 14],
    [3, 7, 11, 15],
    [0, 5, 10, 15],
    [1, 6, 11, 12],
    [2, 7, 8, 13],
    [3, 4, 9, 14],
];
const BLOCK: usize = 128;

/// A sum in the making.
pub(super) struct Blake2b {
    state: [u64; 8],
    /// Bytes taken in, those in `block` left out.
    taken: u128,
    block: [u8; BLOCK],
    filled: usize,
}

impl Blake2b {
    pub(super) fn new() -> Self {
        let mut state = IV;
        // 64 bytes of sum, no key, no tree.
        state[0] ^= 0x0101_0040;
        Self { state, taken: 0, block: [0; BLOCK], filled: 0 }
    }

    pub(super) fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            // The last block is marked as such, so a full one waits until more follows.
            if self.filled == BLOCK {
                self.taken += BLOCK as u128;
                self.compress(false);
                self.filled = 0;
            }
            let (now, later) = bytes.split_at(bytes.len().min(BLOCK - self.filled));
            self.block[self.filled..self.filled + now.len()].copy_from_slice(now);
            self.filled += now.len();
            bytes = later;
        }
    }

    pub(super) fn finish(mut self) -> [u8; 64] {
        self.taken += self.filled as u128;
        self.block[self.filled..].fill(0);
        self.compress(true);
        let mut sum = [0; 64];
        for (bytes, word) in sum.chunks_mut(8).zip(self.state) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        sum
    }

    fn compress(&mut self, last: bool) {
        let mut words = [0; 16];
        for (word, bytes) in words.iter_mut().zip(self.block.chunks(8)) {
            *word = bytes.iter().rev().fold(0_u64, |word, byte| word << 8 | u64::from(*byte));
        }
        let mut v = [0; 16];
        v[..8].copy_from_slice(&self.state);
        v[8..].copy_from_slice(&IV);
        v[12] ^= self.taken as u64;
        v[13] ^= (self.taken >> 64) as u64;
        if last {
            v[14] = !v[14];
        }
        for round in 0..12 {
            let order = SIGMA[round % SIGMA.len()];
            for ([a, b, c, d], pair) in MIXED.into_iter().zip(order.chunks(2)) {
                v[a] = v[a].wrapping_add(v[b]).wrapping_add(words[pair[0]]);
                v[d] = (v[d] ^ v[a]).rotate_right(32);
                v[c] = v[c].wrapping_add(v[d]);
                v[b] = (v[b] ^ v[c]).rotate_right(24);
                v[a] = v[a].wrapping_add(v[b]).wrapping_add(words[pair[1]]);
                v[d] = (v[d] ^ v[a]).rotate_right(16);
                v[c] = v[c].wrapping_add(v[d]);
                v[b] = (v[b] ^ v[c]).rotate_right(63);
            }
        }
        for (i, word) in self.state.iter_mut().enumerate() {
            *word ^= v[i] ^ v[i + 8];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(bytes: &[u8]) -> String {
        let mut state = Blake2b::new();
        // In pieces that do not fit the blocks.
        bytes.chunks(37).for_each(|piece| state.update(piece));
        state.finish().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The first two from RFC 7693 and the reference implementation's vectors; the others from Python's hashlib.
    #[test]
    fn sums_are_those_of_others() {
        let all: Vec<u8> = (0..=255).collect();
        for (bytes, expected) in [
            (
                &b"abc"[..],
                "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d17d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923",
            ),
            (
                b"",
                "786a02f742015903c6c6fd852552d272912f4740e15847618a86e217f71f5419d25e1031afee585313896444934eb04b903a685b1448b755d56f701afe9be2ce",
            ),
            (
                &all[..127],
                "b6292669ccd38d5f01caae96ba272c76a879a45743afa0725d83b9ebb26665b731f1848c52f11972b6644f554c064fa90780dbbbf3a89d4fc31f67df3e5857ef",
            ),
            (
                &all[..128],
                "2319e3789c47e2daa5fe807f61bec2a1a6537fa03f19ff32e87eecbfd64b7e0e8ccff439ac333b040f19b0c4ddd11a61e24ac1fe0f10a039806c5dcc0da3d115",
            ),
            (
                &all[..129],
                "f59711d44a031d5f97a9413c065d1e614c417ede998590325f49bad2fd444d3e4418be19aec4e11449ac1a57207898bc57d76a1bcf3566292c20c683a5c4648f",
            ),
            (
                &all[..],
                "1ecc896f34d3f9cac484c73f75f6a5fb58ee6784be41b35f46067b9c65c63a6794d3d744112c653f73dd7deb6666204c5a9bfa5b46081fc10fdbe7884fa5cbf8",
            ),
        ] {
            assert_eq!(sum(bytes), expected, "{} bytes", bytes.len());
        }
    }
}
