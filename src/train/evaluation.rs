//! Evaluation of the network that is trained, with EMA weights or raw ones, in chunks of images.

use crate::augment::{AssembleRow, record_assemble};
use crate::gpu::{PlanBuilder, Program, Tensor};
use crate::nn::{Head, Network, Rows};
use crate::ssl::{StepTensors, record_softmax, table_words};

/// Largest feature map of one evaluation, in words.
const MAP_WORDS: usize = 4 << 20;
/// Images of one evaluation, at most.
const IMAGES: usize = 256;

/// Which weights an evaluation uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weights {
    /// Their exponential moving average, which is the model.
    Ema,
    /// As the optimiser left them.
    Raw,
}

/// Tensors and programs of the evaluation of up to `capacity` images with moving statistics.
#[derive(Clone, Debug)]
pub struct Evaluation {
    pub capacity: usize,
    /// u8 images, one word per pixel: `[capacity, height, width]`.
    pub sources: Tensor,
    /// [`AssembleRow`] of every image as it is, `[capacity]`.
    pub rows: Tensor,
    /// `[capacity, classes]`
    pub probabilities: Tensor,
    /// Pooled features, `[capacity, features]`.
    pub embedding: Tensor,
    with_ema: Program,
    with_raw: Program,
}

impl Evaluation {
    /// Records one program per [`Weights`].
    pub fn record(b: &mut PlanBuilder, network: &Network, t: &StepTensors) -> Self {
        let [height, width] = network.size();
        let capacity = (MAP_WORDS / network.largest_map()).clamp(1, IMAGES);
        let sources = b.persistent("evaluated images", capacity * height * width);
        let rows = b.persistent("evaluation rows", table_words::<AssembleRow>(capacity));
        let probabilities = b.persistent("evaluated probabilities", capacity * network.classes);
        let embedding = b.persistent("evaluated embedding", capacity * network.features);
        let mut record = |weights: Tensor| {
            let mark = b.mark();
            let input = network.input(b, "evaluation.input", capacity);
            record_assemble(b, network.size(), network.input_format(), sources, rows, 0, input);
            let features = network.inference(b, weights, t.moving, input);
            let all = Rows { first: 0, count: capacity };
            let logits = network.logits(b, Head::Classify, weights, features, all);
            let found = record_softmax(b, logits, network.classes);
            b.copy(found, probabilities);
            b.copy(features, embedding);
            b.program(mark)
        };
        let with_ema = record(t.optimiser.ema);
        let with_raw = record(t.optimiser.weights);
        Self { capacity, sources, rows, probabilities, embedding, with_ema, with_raw }
    }

    /// The program that evaluates with these weights.
    pub fn program(&self, weights: Weights) -> Program {
        match weights {
            Weights::Ema => self.with_ema,
            Weights::Raw => self.with_raw,
        }
    }
}
