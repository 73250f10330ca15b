//! Adam with decoupled weight decay and the weights' moving average.

use bytemuck::{Pod, Zeroable};

use crate::gpu::{Kernel, PlanBuilder, Tensor, groups_for_items};

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    quads: u32,
    unused: [u32; 3],
}

/// The packed buffers of a network and its optimiser, all laid out alike.
#[derive(Clone, Copy, Debug)]
pub struct OptimiserState {
    pub weights: Tensor,
    pub gradients: Tensor,
    pub first_moment: Tensor,
    pub second_moment: Tensor,
    /// Exponential moving average of the weights, used for evaluation.
    pub averaged: Tensor,
    /// A word for every 64: 1 where weight decay applies.
    pub decayed: Tensor,
}

impl OptimiserState {
    /// Declares the buffers for `words` packed parameter words.
    pub fn new(b: &mut PlanBuilder, words: usize) -> Self {
        Self {
            weights: b.persistent("weights", words),
            gradients: b.persistent("gradients", words),
            first_moment: b.persistent("adam first moment", words),
            second_moment: b.persistent("adam second moment", words),
            averaged: b.persistent("averaged weights", words),
            decayed: b.persistent("decay flags", words / crate::nn::BINDING_WORDS),
        }
    }

    /// Records one update of every parameter: Adam, decay, average. What of it is not finite goes to `faults`, to be
    /// read by [`Fault::find`].
    pub fn record_update(&self, b: &mut PlanBuilder, step_block: Tensor, faults: Tensor) {
        let quads = self.weights.words() / 4;
        let bindings = [
            step_block,
            self.gradients,
            self.decayed,
            self.weights,
            self.first_moment,
            self.second_moment,
            self.averaged,
            faults,
        ];
        b.clear(faults);
        let params = Params { quads: quads as u32, unused: [0; 3] };
        b.dispatch(Kernel::new("optim/adam", "update"), &params, &bindings, groups_for_items(quads, 64));
    }
}

/// Words of the faults that an update leaves.
pub const FAULTS: usize = 2;

/// Something that is no finite number in an update, at a word of the packed parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Gradient(usize),
    /// A weight, moment or average that a finite gradient led to.
    State(usize),
}

impl Fault {
    /// The first of the packed parameters' `words`, gradients before all else, as `optim/adam.wgsl` tells it.
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
