//! The protocol's 0 to 100 scale, and how two embeddings come to a place on it.
//!
//! Two packs may compare in different ways, so what a comparison gives is a *score* for everybody but the pack's own
//! description: larger is more alike, and a [`SimilarityMap`] says what it stands for.

use serde::Deserialize;

use super::embed::Embedding;

/// How alike two faces are, 0 to 100, as the protocol's thresholds count.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug, Default)]
pub struct Similarity(f32);

impl Similarity {
    /// The value, clamped into 0 to 100; what is no number counts as 0.
    #[must_use]
    pub fn new(value: f32) -> Self {
        Self(if value.is_nan() { 0.0 } else { value.clamp(0.0, 100.0) })
    }

    /// The value, 0 to 100.
    #[must_use]
    pub fn get(self) -> f32 {
        self.0
    }
}

/// What of two embeddings is compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Metric {
    /// Their directions: the score is the cosine between them, -1 to 1.
    Cosine,
    /// The places they point to: the score is the distance, negative, so that larger is more alike here too.
    Euclidean,
}

impl Metric {
    /// What may be written in a pack.
    pub const NAMES: &str = "cosine or euclidean";

    /// The score of a cosine or distance; and the cosine or distance of a score, which is the same computation.
    #[must_use]
    pub fn score(self, measure: f32) -> f32 {
        match self {
            Self::Cosine => measure,
            Self::Euclidean => -measure,
        }
    }

    /// The score of two embeddings; those of different lengths are nothing alike.
    #[must_use]
    pub fn compare(self, a: &Embedding, b: &Embedding) -> f32 {
        if a.len() != b.len() {
            return f32::NEG_INFINITY;
        }
        match self {
            Self::Cosine => dot(a, b),
            Self::Euclidean => -a.iter().zip(b.iter()).map(|(a, b)| (a - b) * (a - b)).sum::<f32>().sqrt(),
        }
    }
}

/// A model's own map: `similarity = 100 / (1 + exp(-slope * (score - centre)))`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct SimilarityMap {
    /// Steepness; positive.
    pub slope: f32,
    /// The score that stands for 50.
    pub centre: f32,
}

impl SimilarityMap {
    /// The similarity that `score` stands for.
    #[must_use]
    pub fn similarity(&self, score: f32) -> Similarity {
        Similarity::new(100.0 / (1.0 + (-self.slope * (score - self.centre)).exp()))
    }

    /// The score that `similarity` stands for; infinite at 0 and 100.
    #[must_use]
    pub fn score(&self, similarity: Similarity) -> f32 {
        self.centre - (100.0 / similarity.get() - 1.0).ln() / self.slope
    }
}

/// How a pack compares, and what it means.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Comparison {
    /// What is compared.
    pub metric: Metric,
    /// What the score stands for.
    pub map: SimilarityMap,
}

impl Comparison {
    /// How alike two embeddings are.
    #[must_use]
    pub fn similarity(&self, a: &Embedding, b: &Embedding) -> Similarity {
        self.map.similarity(self.metric.compare(a, b))
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
    use super::*;

    /// The tables the thresholds of both packs were chosen by.
    #[test]
    fn thresholds_stand_for_the_measured_scores() {
        let cosine = [(50.0, 0.229), (70.0, 0.333), (75.0, 0.364), (80.0, 0.400), (85.0, 0.443), (90.0, 0.500)];
        let distance = [(50.0, 0.663), (70.0, 0.600), (75.0, 0.5816), (80.0, 0.560), (85.0, 0.534), (90.0, 0.500)];
        for (metric, slope, table) in [(Metric::Cosine, 8.11, cosine), (Metric::Euclidean, 13.5, distance)] {
            let map = SimilarityMap { slope, centre: metric.score(table[0].1) };
            for (similarity, measure) in table {
                let found = metric.score(map.score(Similarity::new(similarity)));
                assert!((found - measure).abs() < 6e-4, "{metric:?} {similarity}: {found}");
                assert!((map.similarity(metric.score(measure)).get() - similarity).abs() < 0.2, "{metric:?} {measure}");
            }
        }
    }

    #[test]
    fn the_scale_is_closed() {
        let map = SimilarityMap { slope: 8.11, centre: 0.229 };
        for (score, expect) in [(f32::NAN, 0.0), (f32::INFINITY, 100.0), (f32::NEG_INFINITY, 0.0)] {
            assert!((map.similarity(score).get() - expect).abs() < 1e-6, "{score}");
        }
        assert!(map.similarity(1.0).get() > 99.7);
        assert!(map.similarity(-1.0).get() < 0.01);
    }

    #[test]
    fn metrics_compare_directions_or_places() {
        let pair = |metric| {
            let embedding = |raw: &[f32]| Embedding::new(raw, metric).unwrap();
            (embedding(&[3.0, 4.0]), embedding(&[6.0, 8.0]), embedding(&[6.0, 8.0, 0.0]))
        };
        let (a, b, longer) = pair(Metric::Cosine);
        assert!((Metric::Cosine.compare(&a, &b) - 1.0).abs() < 1e-6);
        let (c, d, _) = pair(Metric::Euclidean);
        assert!((Metric::Euclidean.compare(&c, &d) + 5.0).abs() < 1e-6);
        assert!(Metric::Cosine.compare(&a, &longer) < -1e9);
    }
}
