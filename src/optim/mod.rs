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

    /// Records one update of every parameter: Adam, decay, average.
    pub fn record_update(&self, b: &mut PlanBuilder, step_block: Tensor) {
        let quads = self.weights.words() / 4;
        let bindings = [
            step_block,
            self.gradients,
            self.decayed,
            self.weights,
            self.first_moment,
            self.second_moment,
            self.averaged,
        ];
        let params = Params { quads: quads as u32, unused: [0; 3] };
        b.dispatch(Kernel::new("optim/adam", "update"), &params, &bindings, groups_for_items(quads, 64));
    }
}
