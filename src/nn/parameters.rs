//! The trainable tensors of a network: names, shapes, their layout in one packed buffer, and their initial values.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::gpu::Tensor;

/// How a parameter is initialised.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Init {
    Zeros,
    Ones,
    /// Normal with this standard deviation.
    Normal(f64),
    /// TensorFlow's `glorot_normal`: truncated at two standard deviations, rescaled to this one.
    TruncatedNormal(f64),
}

/// One trainable tensor and its place in the flat parameter buffer.
#[derive(Clone, Debug)]
pub struct Parameter {
    pub name: String,
    /// The logical shape: `[kh, kw, in, out]`, `[in, out]` or `[channels]`.
    pub shape: Vec<usize>,
    /// Input channels in memory; more than `shape[2]` where images are padded to four channels.
    pub stored_inputs: Option<usize>,
    /// First word in the packed buffer.
    pub offset: usize,
    /// Words in memory.
    pub words: usize,
    /// Whether weight decay applies: kernels of convolutions and heads, not biases, gamma or beta.
    pub decay: bool,
    pub init: Init,
}

impl Parameter {
    /// Number of elements of the logical tensor.
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// The stored form of a logical tensor: zero weights for the padding channels.
    pub fn to_stored(&self, logical: &[f32]) -> Vec<f32> {
        let Some(stored) = self.stored_inputs else { return logical.to_vec() };
        let (inputs, outputs) = (self.shape[2], self.shape[3]);
        let mut out = Vec::with_capacity(self.words);
        for tap in logical.chunks_exact(inputs * outputs) {
            out.extend_from_slice(tap);
            out.resize(out.len() + (stored - inputs) * outputs, 0.0);
        }
        out
    }

    /// The logical tensor of a stored one; the inverse of [`Parameter::to_stored`].
    pub fn to_logical(&self, stored_values: &[f32]) -> Vec<f32> {
        let Some(stored) = self.stored_inputs else { return stored_values[..self.elements()].to_vec() };
        let (inputs, outputs) = (self.shape[2], self.shape[3]);
        stored_values[..self.words]
            .chunks_exact(stored * outputs)
            .flat_map(|tap| &tap[..inputs * outputs])
            .copied()
            .collect()
    }
}

/// All trainable tensors of a network, packed into one buffer at bindable offsets.
#[derive(Clone, Debug, Default)]
pub struct ParameterSet {
    /// In the order of their offsets.
    pub list: Vec<Parameter>,
    words: usize,
}

/// Alignment of bindings in words (256 bytes).
pub const BINDING_WORDS: usize = 64;

impl ParameterSet {
    /// Appends a parameter; `stored_inputs` as in [`Parameter`].
    pub fn add(
        &mut self,
        name: String,
        shape: Vec<usize>,
        stored_inputs: Option<usize>,
        decay: bool,
        init: Init,
    ) {
        let words = match stored_inputs {
            Some(stored) => shape[0] * shape[1] * stored * shape[3],
            None => shape.iter().product(),
        };
        self.list.push(Parameter { name, shape, stored_inputs, offset: self.words, words, decay, init });
        self.words = (self.words + words).next_multiple_of(BINDING_WORDS);
    }

    /// Words of the packed buffer, a multiple of [`BINDING_WORDS`].
    pub fn words(&self) -> usize {
        self.words
    }

    /// Number of trainable scalars.
    pub fn count(&self) -> usize {
        self.list.iter().map(Parameter::elements).sum()
    }

    /// The parameter with this name.
    pub fn find(&self, name: &str) -> Option<&Parameter> {
        self.list.iter().find(|p| p.name == name)
    }

    /// The parameters from index `first` on, packed from word 0, and the word at which they begin here.
    pub(super) fn after(&self, first: usize) -> (Self, usize) {
        let start = self.list.get(first).map_or(self.words, |parameter| parameter.offset);
        let moved = |p: &Parameter| Parameter { offset: p.offset - start, ..p.clone() };
        (Self { list: self.list[first..].iter().map(moved).collect(), words: self.words - start }, start)
    }

    /// The slice of a packed buffer that contains parameter `name`.
    ///
    /// # Panics
    /// If the set has no parameter of this name.
    pub fn view(&self, packed: Tensor, name: &str) -> Tensor {
        let found = self.find(name).unwrap_or_else(|| panic!("the network has no parameter {name}"));
        packed.slice(found.offset, found.words)
    }

    /// Packs logical tensors, given in the order of `list`.
    pub fn pack<'a>(&self, logical: impl IntoIterator<Item = &'a [f32]>) -> Vec<f32> {
        let mut packed = vec![0.0; self.words];
        for (parameter, values) in self.list.iter().zip(logical) {
            let stored = parameter.to_stored(values);
            packed[parameter.offset..parameter.offset + stored.len()].copy_from_slice(&stored);
        }
        packed
    }

    /// The logical tensors of a packed buffer, in the order of `list`.
    pub fn unpack(&self, packed: &[f32]) -> Vec<Vec<f32>> {
        self.list.iter().map(|p| p.to_logical(&packed[p.offset..p.offset + p.words])).collect()
    }

    /// One flag per [`BINDING_WORDS`] words of the packed buffer: 1 where weight decay applies.
    pub fn decay_blocks(&self) -> Vec<u32> {
        let mut blocks = vec![0; self.words / BINDING_WORDS];
        for p in self.list.iter().filter(|p| p.decay) {
            let end = (p.offset + p.words).div_ceil(BINDING_WORDS);
            blocks[p.offset / BINDING_WORDS..end].fill(1);
        }
        blocks
    }
}

/// Stream of the run's random generator for initial weights.
const STREAM: u64 = 0x1217;

/// Standard deviation of a standard normal truncated at +-2.
const TRUNCATED_STD: f64 = 0.879_625_661_034_239_8;

/// Initial values of every parameter (logical shapes, in the order of `list`), a function of the seed alone.
///
/// Convolutions: N(0, 2 / (k^2 out)), He's rule on the fan-out; heads: Glorot normal; biases and beta
/// 0, gamma 1 (reference, `libml/models.py`).
pub fn initial_values(parameters: &ParameterSet, seed: u64) -> Vec<Vec<f32>> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(STREAM);
    let mut normal = move || -> f64 { StandardNormal.sample(&mut rng) };
    parameters
        .list
        .iter()
        .map(|p| {
            (0..p.elements())
                .map(|_| match p.init {
                    Init::Zeros => 0.0,
                    Init::Ones => 1.0,
                    Init::Normal(std) => (std * normal()) as f32,
                    Init::TruncatedNormal(std) => {
                        let z = std::iter::repeat_with(&mut normal).find(|z| z.abs() <= 2.0).unwrap_or(0.0);
                        (std / TRUNCATED_STD * z) as f32
                    }
                })
                .collect()
        })
        .collect()
}
