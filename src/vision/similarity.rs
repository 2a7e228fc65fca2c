//! The protocol's 0 to 100 scale, and the map between it and the cosine of two embeddings.

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

/// A model's own map: `similarity = 100 / (1 + exp(-slope * (cosine - centre)))`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct SimilarityMap {
    /// Steepness; positive.
    pub slope: f32,
    /// The cosine that stands for 50.
    pub centre: f32,
}

impl SimilarityMap {
    /// The similarity that `cosine` stands for.
    #[must_use]
    pub fn from_cosine(&self, cosine: f32) -> Similarity {
        Similarity::new(100.0 / (1.0 + (-self.slope * (cosine - self.centre)).exp()))
    }

    /// The cosine that `similarity` stands for; infinite at 0 and 100.
    #[must_use]
    pub fn to_cosine(&self, similarity: Similarity) -> f32 {
        self.centre - (100.0 / similarity.get() - 1.0).ln() / self.slope
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table the thresholds of the default pack were chosen by.
    #[test]
    fn thresholds_stand_for_the_measured_cosines() {
        let map = SimilarityMap { slope: 8.11, centre: 0.229 };
        for (similarity, cosine) in
            [(50.0, 0.229), (70.0, 0.333), (75.0, 0.364), (80.0, 0.400), (85.0, 0.443), (90.0, 0.500), (95.0, 0.592)]
        {
            assert!((map.to_cosine(Similarity::new(similarity)) - cosine).abs() < 6e-4, "{similarity}");
            assert!((map.from_cosine(cosine).get() - similarity).abs() < 0.1, "{cosine}");
        }
    }

    #[test]
    fn the_scale_is_closed() {
        let map = SimilarityMap { slope: 8.11, centre: 0.229 };
        for (cosine, expect) in [(f32::NAN, 0.0), (f32::INFINITY, 100.0), (f32::NEG_INFINITY, 0.0)] {
            assert!((map.from_cosine(cosine).get() - expect).abs() < 1e-6, "{cosine}");
        }
        assert!(map.from_cosine(1.0).get() > 99.7);
        assert!(map.from_cosine(-1.0).get() < 0.01);
    }
}
