//! The enrolled faces in memory, searched one against all.
//!
//! Rows of floats in blocks: growing never moves what is there, so a writer holds up a search only for the
//! copying of one row. Searching walks all of it; at the terminal's sizes that is a matter of milliseconds.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::embed::Embedding;

/// Rows a block: small enough to allocate in no time, large enough to stream.
const BLOCK: usize = 1024;

/// Somebody the searched face looks like.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Candidate {
    /// As given to [`Gallery::insert`].
    pub id: u32,
    /// -1 to 1.
    pub cosine: f32,
}

/// Enrolled embeddings of one length by id; shared between threads.
#[derive(Debug)]
pub struct Gallery {
    length: usize,
    rows: RwLock<Rows>,
}

#[derive(Debug, Default)]
struct Rows {
    /// Id of every row, without gaps.
    ids: Vec<u32>,
    /// Row of every id.
    at: HashMap<u32, usize>,
    /// `BLOCK` rows each, of which the first `ids.len()` in all are in use.
    blocks: Vec<Box<[f32]>>,
}

impl Gallery {
    /// For embeddings of `length` numbers; others are never found and never kept.
    #[must_use]
    pub fn new(length: usize) -> Self {
        Self { length, rows: RwLock::default() }
    }

    /// How many numbers an embedding has.
    #[must_use]
    pub const fn length(&self) -> usize {
        self.length
    }

    /// Keeps `embedding` under `id`, in place of an older one. `false`: it has another length and is not kept.
    pub fn insert(&self, id: u32, embedding: &Embedding) -> bool {
        if embedding.len() != self.length {
            return false;
        }
        let mut rows = self.write();
        let row = match rows.at.get(&id) {
            Some(row) => *row,
            None => {
                let row = rows.ids.len();
                if row == rows.blocks.len() * BLOCK {
                    rows.blocks.push(vec![0.0; BLOCK * self.length].into_boxed_slice());
                }
                rows.ids.push(id);
                rows.at.insert(id, row);
                row
            }
        };
        rows.row_mut(row, self.length).copy_from_slice(embedding);
        true
    }

    /// Forgets `id`; whether it was there.
    pub fn remove(&self, id: u32) -> bool {
        let mut guard = self.write();
        let rows = &mut *guard;
        let Some(row) = rows.at.remove(&id) else { return false };
        // The last row moves into the gap.
        let last = rows.ids.len() - 1;
        if row != last {
            let moved = rows.row(last, self.length).to_vec();
            rows.row_mut(row, self.length).copy_from_slice(&moved);
            rows.at.insert(rows.ids[last], row);
        }
        rows.ids.swap_remove(row);
        // One spare block stays, so that coming and going at its edge does not allocate each time.
        let used = rows.ids.len().div_ceil(BLOCK);
        rows.blocks.truncate(used + 1);
        true
    }

    /// Forgets everybody.
    pub fn clear(&self) {
        *self.write() = Rows::default();
    }

    /// How many are enrolled.
    #[must_use]
    pub fn len(&self) -> usize {
        self.read().ids.len()
    }

    /// Whether nobody is enrolled.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether `id` is enrolled.
    #[must_use]
    pub fn contains(&self, id: u32) -> bool {
        self.read().at.contains_key(&id)
    }

    /// How alike `embedding` and the one under `id` are (one against one); `None` when `id` is not enrolled.
    #[must_use]
    pub fn compare(&self, id: u32, embedding: &Embedding) -> Option<f32> {
        let rows = self.read();
        let row = rows.at.get(&id)?;
        (embedding.len() == self.length).then(|| dot(rows.row(*row, self.length), embedding))
    }

    /// The most alike of all enrolled faces, however little alike; `None` when there is none.
    #[must_use]
    pub fn search(&self, embedding: &Embedding) -> Option<Candidate> {
        let mut best: Option<Candidate> = None;
        self.each(embedding, |candidate| {
            if best.is_none_or(|b| candidate.cosine > b.cosine) {
                best = Some(candidate);
            }
        });
        best
    }

    /// The `k` most alike, the best first.
    #[must_use]
    pub fn top(&self, embedding: &Embedding, k: usize) -> Vec<Candidate> {
        let mut best: Vec<Candidate> = Vec::new();
        self.each(embedding, |candidate| {
            if best.len() < k || best.last().is_some_and(|b| candidate.cosine > b.cosine) {
                let place = best.partition_point(|b| b.cosine >= candidate.cosine);
                best.insert(place, candidate);
                best.truncate(k);
            }
        });
        best
    }

    fn each(&self, embedding: &Embedding, mut visit: impl FnMut(Candidate)) {
        if embedding.len() != self.length || self.length == 0 {
            return;
        }
        let rows = self.read();
        let all = rows.blocks.iter().flat_map(|block| block.chunks_exact(self.length));
        for (id, row) in rows.ids.iter().zip(all) {
            visit(Candidate { id: *id, cosine: dot(row, embedding) });
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Rows> {
        self.rows.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Rows> {
        self.rows.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rows {
    fn row(&self, row: usize, length: usize) -> &[f32] {
        &self.blocks[row / BLOCK][row % BLOCK * length..][..length]
    }

    fn row_mut(&mut self, row: usize, length: usize) -> &mut [f32] {
        &mut self.blocks[row / BLOCK][row % BLOCK * length..][..length]
    }
}

/// Dot product of two rows of one length. Sixteen sums side by side, so that the compiler may use vectors:
/// adding in another order than written is not its to decide.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 16];
    let (a, b) = (a.chunks_exact(16), b.chunks_exact(16));
    let rest: f32 = a.remainder().iter().zip(b.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in a.zip(b) {
        for i in 0..16 {
            sums[i] += x[i] * y[i];
        }
    }
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Numbers that look random and are the same every time.
    struct Dice(u64);

    impl Dice {
        fn next(&mut self) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            self.0 >> 33
        }

        fn embedding(&mut self, length: usize) -> Embedding {
            let raw: Vec<_> = (0..length).map(|_| self.next() as f32 / (1_u64 << 30) as f32 - 1.0).collect();
            Embedding::from_raw(&raw).unwrap()
        }
    }

    #[test]
    fn any_mix_of_changes_finds_what_a_plain_map_finds() {
        for (seed, length, steps) in [(1, 8, 3000), (2, 128, 4000), (3, 21, 2500)] {
            let mut dice = Dice(seed);
            let gallery = Gallery::new(length);
            let mut plain: BTreeMap<u32, Embedding> = BTreeMap::new();
            for step in 0..steps {
                let id = (dice.next() % 1800) as u32;
                if dice.next().is_multiple_of(4) {
                    assert_eq!(gallery.remove(id), plain.remove(&id).is_some());
                } else {
                    let embedding = dice.embedding(length);
                    assert!(gallery.insert(id, &embedding));
                    plain.insert(id, embedding);
                }
                if step % 97 == 0 {
                    let probe = dice.embedding(length);
                    let cosine = |e: &Embedding| e.iter().zip(probe.iter()).map(|(a, b)| a * b).sum::<f32>();
                    let mut all: Vec<_> = plain.iter().map(|(id, e)| (cosine(e), *id)).collect();
                    all.sort_by(|a, b| b.0.total_cmp(&a.0));
                    let found = gallery.top(&probe, 5);
                    let ids: Vec<_> = found.iter().map(|c| c.id).collect();
                    assert_eq!(ids, all.iter().take(5).map(|a| a.1).collect::<Vec<_>>());
                    assert_eq!(gallery.search(&probe), found.first().copied());
                    assert!(found.iter().zip(&all).all(|(c, a)| (c.cosine - a.0).abs() < 1e-5));
                }
                assert_eq!(gallery.len(), plain.len());
            }
            for (id, embedding) in &plain {
                assert!(gallery.compare(*id, embedding).unwrap() > 0.9999);
            }
            gallery.clear();
            assert!(gallery.is_empty() && gallery.search(&dice.embedding(length)).is_none());
        }
    }

    #[test]
    fn another_length_is_neither_kept_nor_found() {
        let gallery = Gallery::new(8);
        let (right, wrong) = (Dice(1).embedding(8), Dice(1).embedding(9));
        assert!(gallery.insert(1, &right) && !gallery.insert(2, &wrong));
        assert_eq!((gallery.search(&wrong), gallery.compare(1, &wrong), gallery.len()), (None, None, 1));
    }

    #[test]
    fn searching_and_enrolling_go_on_at_once() {
        let gallery = Gallery::new(16);
        let wanted = Dice(7).embedding(16);
        gallery.insert(0, &wanted);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut dice = Dice(9);
                for id in 1..3000 {
                    gallery.insert(id, &dice.embedding(16));
                    if id % 3 == 0 {
                        gallery.remove(id - 1);
                    }
                }
            });
            for _ in 0..500 {
                assert_eq!(gallery.search(&wanted).map(|c| c.id), Some(0));
            }
        });
    }
}
