//! Turns an aligned crop into an embedding: a direction that is the same for the same person.

use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use super::align::SIDE;
use super::gallery::dot;
use super::model::{Model, Runtime};
use super::pack::EmbeddingSpec;
use crate::bail;
use crate::clock::Clock;
use crate::error::Result;

/// A direction of length 1; the dot product of two is their cosine.
#[derive(Clone, PartialEq, Debug)]
pub struct Embedding(Box<[f32]>);

impl Embedding {
    /// The direction of `raw`; `None` when it has none (all zero, or not all numbers).
    #[must_use]
    pub fn from_raw(raw: &[f32]) -> Option<Self> {
        let norm = norm(raw);
        norm.is_normal().then(|| Self(raw.iter().map(|v| v / norm).collect()))
    }

    /// Cosine of the angle between both, -1 to 1; 0 when their lengths differ.
    #[must_use]
    pub fn cosine(&self, other: &Self) -> f32 {
        if self.len() == other.len() { dot(self, other) } else { 0.0 }
    }

    /// Little-endian floats, for the store.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|v| v.to_le_bytes()).collect()
    }

    /// What [`Self::to_bytes`] wrote; `None` when it cannot have written that.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (numbers, rest) = bytes.as_chunks::<4>();
        let raw: Vec<_> = numbers.iter().map(|b| f32::from_le_bytes(*b)).collect();
        Self::from_raw(&raw).filter(|_| rest.is_empty())
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
    mean: [f32; 3],
    min_norm: f32,
}

impl Embedder {
    /// Loads the network from the folder `weights`.
    ///
    /// # Errors
    /// When the file is missing, another one, or not of the described shape.
    pub fn open(spec: &EmbeddingSpec, weights: &Path, runtime: &Runtime, clock: Arc<dyn Clock>) -> Result<Self> {
        let file = &spec.model.file;
        if [spec.model.width, spec.model.height] != [SIDE; 2] {
            bail!(Unavailable, "{file}: aligned crops are {SIDE}x{SIDE}, the pack describes another input");
        }
        let shapes: [&[usize]; 2] = [&spec.model.shape(), &[1, spec.length]];
        let model = Model::load(runtime, file, spec.model.read(weights)?, shapes, clock)?;
        Ok(Self { model, mean: spec.model.mean, min_norm: spec.min_norm })
    }

    /// The embedding of an aligned crop (`[112, 112, 3]`, RGB, 0 to 255); `None` when it shows no face.
    ///
    /// # Errors
    /// When the engine fails.
    pub fn embed(&mut self, crop: &[f32]) -> Result<Option<Embedding>> {
        let min_norm = self.min_norm;
        let raw = self.run(crop, false)?;
        let is_face = norm(raw) >= min_norm;
        Ok(Embedding::from_raw(raw).filter(|_| is_face))
    }

    /// The embedding of a crop and its mirror image together: steadier, at twice the time.
    ///
    /// # Errors
    /// When the engine fails.
    pub fn embed_mirrored(&mut self, crop: &[f32]) -> Result<Option<Embedding>> {
        let mut raw = self.run(crop, false)?.to_vec();
        if norm(&raw) < self.min_norm {
            return Ok(None);
        }
        for (sum, value) in raw.iter_mut().zip(self.run(crop, true)?) {
            *sum += value;
        }
        Ok(Embedding::from_raw(&raw))
    }

    /// The network, for its running time.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.model
    }

    fn run(&mut self, crop: &[f32], mirrored: bool) -> Result<&[f32]> {
        let [r, g, b] = self.mean;
        let rows = crop.chunks_exact(SIDE * 3).zip(self.model.input()?.chunks_exact_mut(SIDE * 3));
        for (from, to) in rows {
            let put = |(to, from): (&mut [f32], &[f32])| {
                to[0] = from[0] - r;
                to[1] = from[1] - g;
                to[2] = from[2] - b;
            };
            let (from, to) = (from.chunks_exact(3), to.chunks_exact_mut(3));
            if mirrored { to.zip(from.rev()).for_each(put) } else { to.zip(from).for_each(put) }
        }
        self.model.run()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_embedding_is_a_direction() {
        let a = Embedding::from_raw(&[3.0, 4.0]).unwrap();
        let b = Embedding::from_raw(&[-4.0, 3.0]).unwrap();
        assert!((a[0] - 0.6).abs() < 1e-6 && (a.cosine(&a) - 1.0).abs() < 1e-6 && a.cosine(&b).abs() < 1e-6);
        for raw in [vec![], vec![0.0; 4], vec![f32::NAN, 1.0], vec![f32::INFINITY, 1.0]] {
            assert_eq!(Embedding::from_raw(&raw), None, "{raw:?}");
        }
    }

    #[test]
    fn stored_bytes_are_read_back_or_refused() {
        let embedding = Embedding::from_raw(&[1.0, -2.0, 3.0]).unwrap();
        let bytes = embedding.to_bytes();
        assert!(Embedding::from_bytes(&bytes).unwrap().cosine(&embedding) > 0.999_99);
        for bad in [&bytes[..11], &[], &[0; 12], &[255; 12]] {
            assert_eq!(Embedding::from_bytes(bad), None);
        }
    }
}
