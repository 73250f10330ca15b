//! Where the network puts images: a sample of them in the plane in which their features vary most.

use rand::seq::index::sample;

use super::engine::Engine;
use super::error::TrainError;
use super::evaluation::Weights;
use super::metrics::most_likely;
use super::pace::{self, Pace};
use super::sampler::{Stream, stream_rng};
use crate::data::{DataSet, Images, Split};
use crate::gpu::{Gpu, Plan, Program};
use crate::view::Projector;

/// Unlabelled images of the sample, at most.
const UNLABELLED: usize = 768;
/// Labelled ones.
const LABELLED: usize = 256;

/// A sample of the training images as the network sees them, always the same sample in a run.
#[derive(Clone, Debug)]
pub struct Embedding {
    /// Steps done.
    pub step: u64,
    pub weights: Weights,
    /// Share of the features' variance along each axis.
    pub shares: [f32; 2],
    /// Labelled images first.
    pub images: Vec<EmbeddedImage>,
}

/// An image of an embedding.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EmbeddedImage {
    /// Index into the training images.
    pub image: usize,
    /// Its class; of an unlabelled image, hidden from training.
    pub class: Option<u32>,
    pub labelled: bool,
    /// Its penultimate features along the two axes, relative to the sample's mean.
    pub position: [f32; 2],
    /// The most likely class.
    pub guess: u32,
    /// Its probability.
    pub confidence: f32,
}

/// The sample, and the axes that it was seen along last.
pub(super) struct Embedder {
    sample: Vec<usize>,
    /// How many of the sample are labelled.
    labelled: usize,
    /// The sample in memory, so that images which have to be decoded are so but once.
    images: Images,
    projector: Projector,
    pace: Option<Pace>,
}

impl Embedder {
    /// # Errors
    /// A tensor above the adapter's limits; an image that cannot be read.
    pub fn new(
        gpu: &Gpu,
        engine: &Engine,
        data: &DataSet,
        split: &Split,
        seed: u64,
    ) -> Result<Self, TrainError> {
        let (sample, labelled) = chosen(split, seed);
        let projector = Projector::new(gpu, sample.len(), engine.network.features)?;
        let pace = engine.pace.as_ref().map(Pace::of_another_plan);
        let images = data.train.pick(&sample);
        if let Some(failure) = data.train.take_failure() {
            return Err(failure.into());
        }
        Ok(Self { images, sample, labelled, projector, pace })
    }

    /// The sample's embedding after `step` steps; `None` while a feature is NaN or infinite.
    ///
    /// # Errors
    /// The adapter is lost or out of memory.
    pub async fn embed(
        &mut self,
        gpu: &Gpu,
        engine: &mut Engine,
        data: &DataSet,
        weights: Weights,
        step: u64,
    ) -> Result<Option<Embedding>, TrainError> {
        let Self { sample, labelled, images, projector, pace } = self;
        let copy = |plan: &Plan, first, rows| projector.copy_from(gpu, first, plan, rows);
        let probabilities = engine.evaluate_with(gpu, images, weights, copy).await?;
        let run =
            async |plan: &Plan, program: Program| pace::run(pace, gpu, plan, program, program.len()).await;
        let projection = projector.project(gpu, run).await?;
        let rows = probabilities.chunks_exact(data.classes.len());
        Ok(projection.map(|projection| Embedding {
            step,
            weights,
            shares: projection.shares,
            images: (0..)
                .zip(sample.iter().zip(rows))
                .zip(projection.coordinates)
                .map(|((i, (image, row)), position)| {
                    let guess = most_likely(row);
                    EmbeddedImage {
                        image: *image,
                        class: data.train_labels[*image],
                        labelled: i < *labelled,
                        position,
                        guess: guess as u32,
                        confidence: row[guess],
                    }
                })
                .collect(),
        }))
    }
}

/// Indices into the training images, and how many of them, the first ones, are labelled.
fn chosen(split: &Split, seed: u64) -> (Vec<usize>, usize) {
    let mut rng = stream_rng(seed, Stream::Embedded, 0);
    let mut some = |of: &[usize], most: usize| {
        let mut picked: Vec<_> =
            sample(&mut rng, of.len(), most.min(of.len())).iter().map(|i| of[i]).collect();
        picked.sort_unstable();
        picked
    };
    let mut images = some(&split.labelled, LABELLED);
    let labelled = images.len();
    let hidden: Vec<_> =
        split.unlabelled.iter().copied().filter(|i| split.labelled.binary_search(i).is_err()).collect();
    images.extend(some(&hidden, UNLABELLED));
    (images, labelled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sample_contains_each_image_once_and_all_labelled() {
        let split = Split { labelled: vec![3, 40, 999], unlabelled: (0..2000).collect() };
        let (images, labelled) = chosen(&split, 7);
        assert_eq!((labelled, images.len()), (3, 3 + UNLABELLED));
        assert_eq!(images[..3], split.labelled);
        let mut distinct = images.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), images.len());
        assert_eq!(chosen(&split, 7), (images.clone(), labelled), "equal seeds choose equal samples");
        assert_ne!(chosen(&split, 8).0, images);
        let many = Split { labelled: (0..1000).collect(), unlabelled: (0..1000).collect() };
        assert_eq!(chosen(&many, 7).0.len(), LABELLED, "all images are labelled: only the limit counts");
    }
}
