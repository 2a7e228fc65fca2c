//! The enrolled faces in memory, searched one against all.
//!
//! Rows of floats in blocks: growing never moves what is there, so a writer holds up a search only for the
//! copying of one row. Searching walks all of it; at the terminal's sizes that is a matter of milliseconds.
//!
//! Either metric comes down to a dot product a row. Of distances, `|a - b|² = |a|² + |b|² - 2ab`, so who is nearest to
//! `b` has the greatest `ab - |a|²/2`, and the second part is known when a row is kept.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::embed::Embedding;
use super::similarity::{Metric, dot};

/// Rows a block: small enough to allocate in no time, large enough to stream.
const BLOCK: usize = 1024;

/// Somebody the searched face looks like.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Candidate {
    /// As given to [`Gallery::insert`].
    pub id: u32,
    /// As the metric has it; larger is more alike.
    pub score: f32,
}

/// Enrolled embeddings of one length by id; shared between threads.
#[derive(Debug)]
pub struct Gallery {
    length: usize,
    metric: Metric,
    rows: RwLock<Rows>,
}

#[derive(Debug, Default)]
struct Rows {
    /// Id of every row, without gaps.
    ids: Vec<u32>,
    /// What is added to the dot product with every row, to rank it.
    offsets: Vec<f32>,
    /// Row of every id.
    at: HashMap<u32, usize>,
    /// `BLOCK` rows each, of which the first `ids.len()` in all are in use.
    blocks: Vec<Box<[f32]>>,
}

impl Gallery {
    /// For embeddings of `length` numbers compared by `metric`; others are never found and never kept.
    #[must_use]
    pub fn new(length: usize, metric: Metric) -> Self {
        Self { length, metric, rows: RwLock::default() }
    }

    /// How many numbers an embedding has.
    #[must_use]
    pub const fn length(&self) -> usize {
        self.length
    }

    /// How embeddings are compared.
    #[must_use]
    pub const fn metric(&self) -> Metric {
        self.metric
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
                rows.offsets.push(0.0);
                rows.at.insert(id, row);
                row
            }
        };
        rows.row_mut(row, self.length).copy_from_slice(embedding);
        rows.offsets[row] = match self.metric {
            Metric::Cosine => 0.0,
            Metric::Euclidean => -dot(embedding, embedding) / 2.0,
        };
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
        rows.offsets.swap_remove(row);
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
        let row = *rows.at.get(&id).filter(|_| embedding.len() == self.length)?;
        Some(self.score(dot(rows.row(row, self.length), embedding) + rows.offsets[row], embedding))
    }

    /// The most alike of all enrolled faces, however little alike; `None` when there is none.
    #[must_use]
    pub fn search(&self, embedding: &Embedding) -> Option<Candidate> {
        let mut best: Option<(f32, u32)> = None;
        self.each(embedding, |rank, id| {
            if best.is_none_or(|b| rank > b.0) {
                best = Some((rank, id));
            }
        });
        best.map(|(rank, id)| Candidate { id, score: self.score(rank, embedding) })
    }

    /// The `k` most alike, the best first.
    #[must_use]
    pub fn top(&self, embedding: &Embedding, k: usize) -> Vec<Candidate> {
        let mut best: Vec<(f32, u32)> = Vec::new();
        self.each(embedding, |rank, id| {
            if best.len() < k || best.last().is_some_and(|b| rank > b.0) {
                let place = best.partition_point(|b| b.0 >= rank);
                best.insert(place, (rank, id));
                best.truncate(k);
            }
        });
        best.into_iter().map(|(rank, id)| Candidate { id, score: self.score(rank, embedding) }).collect()
    }

    /// Visits every row with its rank: in the order of scores, and cheaper.
    fn each(&self, embedding: &Embedding, mut visit: impl FnMut(f32, u32)) {
        if embedding.len() != self.length || self.length == 0 {
            return;
        }
        let rows = self.read();
        let all = rows.blocks.iter().flat_map(|block| block.chunks_exact(self.length));
        for ((id, offset), row) in rows.ids.iter().zip(&rows.offsets).zip(all) {
            visit(dot(row, embedding) + offset, *id);
        }
    }

    fn score(&self, rank: f32, embedding: &Embedding) -> f32 {
        match self.metric {
            Metric::Cosine => rank,
            Metric::Euclidean => -(dot(embedding, embedding) - 2.0 * rank).max(0.0).sqrt(),
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

        fn embedding(&mut self, length: usize, metric: Metric) -> Embedding {
            let raw: Vec<_> = (0..length).map(|_| self.next() as f32 / (1_u64 << 30) as f32 - 1.0).collect();
            Embedding::new(&raw, metric).unwrap()
        }
    }

    #[test]
    fn any_mix_of_changes_finds_what_a_plain_map_finds() {
        let sizes = [(1, 8, 3000), (2, 128, 4000), (3, 21, 2500)];
        for metric in [Metric::Cosine, Metric::Euclidean] {
            sizes.iter().for_each(|(seed, length, steps)| change_and_search(metric, *seed, *length, *steps));
        }
    }

    fn change_and_search(metric: Metric, seed: u64, length: usize, steps: u64) {
        let mut dice = Dice(seed);
        let gallery = Gallery::new(length, metric);
        let mut plain: BTreeMap<u32, Embedding> = BTreeMap::new();
        for step in 0..steps {
            let id = (dice.next() % 1800) as u32;
            if dice.next().is_multiple_of(4) {
                assert_eq!(gallery.remove(id), plain.remove(&id).is_some());
            } else {
                let embedding = dice.embedding(length, metric);
                assert!(gallery.insert(id, &embedding));
                plain.insert(id, embedding);
            }
            if step % 97 == 0 {
                let probe = dice.embedding(length, metric);
                let mut all: Vec<_> = plain.iter().map(|(id, e)| (metric.compare(e, &probe), *id)).collect();
                all.sort_by(|a, b| b.0.total_cmp(&a.0));
                let found = gallery.top(&probe, 5);
                let ids: Vec<_> = found.iter().map(|c| c.id).collect();
                assert_eq!(ids, all.iter().take(5).map(|a| a.1).collect::<Vec<_>>());
                assert_eq!(gallery.search(&probe), found.first().copied());
                assert!(found.iter().zip(&all).all(|(c, a)| (c.score - a.0).abs() < 1e-4));
            }
            assert_eq!(gallery.len(), plain.len());
        }
        for (id, embedding) in &plain {
            let own = gallery.compare(*id, embedding).unwrap();
            assert!((own - metric.compare(embedding, embedding)).abs() < 1e-2, "{own}");
        }
        gallery.clear();
        assert!(gallery.is_empty() && gallery.search(&dice.embedding(length, metric)).is_none());
    }

    #[test]
    fn another_length_is_neither_kept_nor_found() {
        let gallery = Gallery::new(8, Metric::Cosine);
        let (right, wrong) = (Dice(1).embedding(8, Metric::Cosine), Dice(1).embedding(9, Metric::Cosine));
        assert!(gallery.insert(1, &right) && !gallery.insert(2, &wrong));
        assert_eq!((gallery.search(&wrong), gallery.compare(1, &wrong), gallery.len()), (None, None, 1));
    }

    #[test]
    fn searching_and_enrolling_go_on_at_once() {
        let gallery = Gallery::new(16, Metric::Cosine);
        let wanted = Dice(7).embedding(16, Metric::Cosine);
        gallery.insert(0, &wanted);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut dice = Dice(9);
                for id in 1..3000 {
                    gallery.insert(id, &dice.embedding(16, Metric::Cosine));
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
