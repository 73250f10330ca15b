//! The interface of an optimiser, its tensors on the adapter, and the NaN/Inf report of an update.

use std::fmt;

use bytemuck::{Pod, Zeroable};

use crate::gpu::{Kernel, PlanBuilder, Tensor, groups_for_items};
use crate::nn::BINDING_WORDS;

/// State tensors an optimiser can have: WebGPU's default limit of eight storage buffers leaves two.
pub const MAX_STATE: usize = 2;

/// An optimiser with decoupled weight decay and an exponential moving average (EMA) of the weights. The kernel
/// computes new weights and state from the gradient; decay, EMA and the NaN/Inf report are the same for all
/// (`finish_update` of `shaders/common/update.wgsl`).
pub struct Optimiser {
    /// Its name in `config.toml`.
    pub name: &'static str,
    /// The shader with the entry point `update`: `family/name` below `shaders/`.
    pub shader: &'static str,
    /// What it keeps for every parameter, in the order of the shader's bindings 5 and 6; at most [`MAX_STATE`].
    pub state: &'static [StateTensor],
    /// The scalars of step `step` (from 0) at a learning rate.
    pub scalars: fn(learning_rate: f64, step: u64) -> Scalars,
    /// The update of a weight w, for the metadata of a trace.
    pub rule: &'static str,
}

/// A tensor laid out like the weights; zero before the first step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateTensor {
    /// Prefix of its tensors' names in checkpoints and traces.
    pub key: &'static str,
    /// What messages call it.
    pub label: &'static str,
}

/// The optimiser's part of a step's block (`Step` of `shaders/common/step.wgsl`). An optimiser uses those fields that
/// it needs; momentum is `beta1`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scalars {
    /// The learning rate with the optimiser's corrections for this step.
    pub learning_rate: f64,
    pub beta1: f64,
    pub beta2: f64,
    pub epsilon: f64,
}

impl fmt::Debug for Optimiser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Names are unique.
impl PartialEq for Optimiser {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// `Params` of `shaders/common/update.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    vec4s: u32,
    unused: [u32; 3],
}

/// The packed buffers of a network and its optimiser: weights and EMA weights have the words of all parameters, the others
/// those of the trained ones, which are the last of all; see [`crate::nn::Network::trainable`].
#[derive(Clone, Copy, Debug)]
pub struct OptimiserState {
    pub weights: Tensor,
    pub gradients: Tensor,
    /// Exponential moving average of the weights, used for evaluation.
    pub ema: Tensor,
    /// `[trained words / 64]`, u32: 1 where weight decay applies.
    pub decayed: Tensor,
    optimiser: &'static Optimiser,
    state: [Option<Tensor>; MAX_STATE],
}

impl OptimiserState {
    /// Declares the buffers for `words` packed parameter words, all of them trained.
    pub fn new(b: &mut PlanBuilder, words: usize, optimiser: &'static Optimiser) -> Self {
        Self::with_frozen(b, words, words, optimiser)
    }

    /// Declares the buffers for `words` packed parameter words, of which the last `trained` are trained.
    pub fn with_frozen(
        b: &mut PlanBuilder,
        words: usize,
        trained: usize,
        optimiser: &'static Optimiser,
    ) -> Self {
        let [weights, gradients] =
            [("weights", words), ("gradients", trained)].map(|(name, words)| b.persistent(name, words));
        let mut tensors = optimiser.state.iter().map(|tensor| b.persistent(tensor.label, trained));
        let state = std::array::from_fn(|_| tensors.next());
        Self {
            weights,
            gradients,
            ema: b.persistent("EMA weights", words),
            decayed: b.persistent("decay flags", trained / BINDING_WORDS),
            optimiser,
            state,
        }
    }

    /// The optimiser's state tensors, in the order of [`Optimiser::state`].
    pub fn state(&self) -> impl Iterator<Item = (&'static StateTensor, Tensor)> + use<> {
        self.optimiser.state.iter().zip(self.state.into_iter().flatten())
    }

    /// Records one update of every trained parameter: the optimiser's rule, weight decay, EMA. `step_block` holds the step's
    /// scalars. Where a gradient or a new value is NaN or infinite goes to `faults` `[`[`FAULTS`]`]`, u32, to be read
    /// by [`Fault::find`].
    pub fn record_update(&self, b: &mut PlanBuilder, step_block: Tensor, faults: Tensor) {
        let trained = self.gradients.words();
        let of_trained = |packed: Tensor| packed.slice(packed.words() - trained, trained);
        let vec4s = trained / 4;
        let (weights, ema) = (of_trained(self.weights), of_trained(self.ema));
        let mut bindings = vec![(1, step_block), (2, self.gradients), (3, self.decayed), (4, weights)];
        bindings.extend((5..).zip(self.state.into_iter().flatten()));
        bindings.extend([(7, ema), (8, faults)]);
        b.clear(faults);
        let params = Params { vec4s: vec4s as u32, unused: [0; 3] };
        let kernel = Kernel::new(self.optimiser.shader, "update");
        b.dispatch_at(kernel, &params, &bindings, groups_for_items(vec4s, 64));
    }
}

/// Words of an update's NaN/Inf report.
pub const FAULTS: usize = 2;

/// A NaN or infinity in an update, with its word in the packed trained parameters, rounded down to a multiple of four.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Gradient(usize),
    /// A weight, state or EMA value computed from a finite gradient.
    State(usize),
}

impl Fault {
    /// The first fault among `words` packed words of trained parameters, gradients before state. `faults` is the report that
    /// `finish_update` of `shaders/common/update.wgsl` writes.
    pub fn find(words: usize, faults: &[u32]) -> Option<Self> {
        let at = |to_end: u32| (words / 4).saturating_sub(to_end as usize) * 4;
        match *faults {
            [0, 0] => None,
            [0, state] => Some(Self::State(at(state))),
            [gradient, ..] => Some(Self::Gradient(at(gradient))),
            [] => None,
        }
    }
}
