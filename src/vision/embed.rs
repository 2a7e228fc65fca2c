//! Turns an aligned crop into an embedding: numbers that are much the same for the same person.

use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use super::align::feed;
use super::model::{Model, Runtime};
use super::pack::EmbeddingSpec;
use super::similarity::{Metric, dot};
use crate::clock::Clock;
use crate::error::Result;

/// What one face is compared by: a direction of length 1 or a plain vector, as its pack's [`Metric`] has it.
#[derive(Clone, PartialEq, Debug)]
pub struct Embedding(Box<[f32]>);

impl Embedding {
    /// What `metric` keeps of a network's output; `None` when that is nothing (all zero, or not all numbers).
    #[must_use]
    pub fn new(raw: &[f32], metric: Metric) -> Option<Self> {
        let norm = norm(raw);
        if !norm.is_normal() {
            return None;
        }
        Some(Self(match metric {
            Metric::Cosine => raw.iter().map(|v| v / norm).collect(),
            Metric::Euclidean => raw.into(),
        }))
    }

    /// Little-endian floats, for the store.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|v| v.to_le_bytes()).collect()
    }

    /// What [`Self::to_bytes`] wrote; `None` when it cannot have written that.
    #[must_use]
    pub fn from_bytes(bytes: &[u8], metric: Metric) -> Option<Self> {
        let (numbers, rest) = bytes.as_chunks::<4>();
        let raw: Vec<_> = numbers.iter().map(|b| f32::from_le_bytes(*b)).collect();
        Self::new(&raw, metric).filter(|_| rest.is_empty())
    }
}

impl Deref for Embedding {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.0
    }
}

fn norm(raw: &[f32]) -> f32 {
    dot(raw, raw).sqrt()
}

/// The embedding network.
#[derive(Debug)]
pub struct Embedder {
    model: Model,
    spec: EmbeddingSpec,
    metric: Metric,
}

impl Embedder {
    /// Loads the network from the folder `weights`.
    ///
    /// # Errors
    /// When the file is missing, another one, or not of the described shape.
    pub fn open(
        spec: &EmbeddingSpec,
        metric: Metric,
        weights: &Path,
        runtime: &Runtime,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let shapes: [&[usize]; 2] = [&spec.model.shape(), &[1, spec.length]];
        let model = Model::load(runtime, &spec.model.file, spec.model.read(weights)?, shapes, clock)?;
        Ok(Self { model, spec: spec.clone(), metric })
    }

    /// The embedding of an aligned crop (`[side, side, 3]`, RGB, 0 to 255); `None` when it shows no face.
    ///
    /// # Errors
    /// When the engine fails.
    pub fn embed(&mut self, crop: &[f32]) -> Result<Option<Embedding>> {
        let (metric, min_norm) = (self.metric, self.spec.min_norm);
        let raw = self.run(crop, false)?;
        let is_face = norm(raw) >= min_norm;
        Ok(Embedding::new(raw, metric).filter(|_| is_face))
    }

    /// The embedding of a registered photo's crop: where the pack wants it, of the crop and its mirror image together,
    /// which is steadier and takes twice the time.
    ///
    /// # Errors
    /// When the engine fails.
    pub fn embed_photo(&mut self, crop: &[f32]) -> Result<Option<Embedding>> {
        if !self.spec.mirror {
            return self.embed(crop);
        }
        let mut raw = self.run(crop, false)?.to_vec();
        if norm(&raw) < self.spec.min_norm {
            return Ok(None);
        }
        for (sum, value) in raw.iter_mut().zip(self.run(crop, true)?) {
            *sum += value;
        }
        Ok(Embedding::new(&raw, self.metric))
    }

    /// The network, for its running time.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.model
    }

    fn run(&mut self, crop: &[f32], mirrored: bool) -> Result<&[f32]> {
        feed(crop, self.spec.model.width, self.spec.model.mean, mirrored, self.model.input()?);
        self.model.run()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_embedding_is_a_direction_or_a_plain_vector() {
        for (metric, first) in [(Metric::Cosine, 0.6), (Metric::Euclidean, 3.0)] {
            let embedding = Embedding::new(&[3.0, 4.0], metric).unwrap();
            assert!((embedding[0] - first).abs() < 1e-6, "{metric:?}");
            for raw in [vec![], vec![0.0; 4], vec![f32::NAN, 1.0], vec![f32::INFINITY, 1.0]] {
                assert_eq!(Embedding::new(&raw, metric), None, "{raw:?}");
            }
        }
    }

    #[test]
    fn stored_bytes_are_read_back_or_refused() {
        for metric in [Metric::Cosine, Metric::Euclidean] {
            let embedding = Embedding::new(&[1.0, -2.0, 3.0], metric).unwrap();
            let bytes = embedding.to_bytes();
            let read = Embedding::from_bytes(&bytes, metric).unwrap();
            assert!(read.iter().zip(embedding.iter()).all(|(a, b)| (a - b).abs() < 1e-6));
            for bad in [&bytes[..11], &[], &[0; 12], &[255; 12]] {
                assert_eq!(Embedding::from_bytes(bad, metric), None);
            }
        }
    }
}
