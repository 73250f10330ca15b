use bytemuck::{Pod, Zeroable};

use crate::gpu::{Kernel, PlanBuilder, Tensor, groups_for_items};

const SHADER: &str = "nn/dense";

/// A linear head `[inputs] -> [outputs]` with bias.
#[derive(Clone, Debug)]
pub struct Dense {
    pub name: String,
    pub inputs: usize,
    pub outputs: usize,
}

/// The rows of the embedding that a head works on; its logits have rows of their own, from 0.
#[derive(Clone, Copy, Debug)]
pub struct Rows {
    pub first: usize,
    pub count: usize,
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    rows: u32,
    first_row: u32,
    inputs: u32,
    outputs: u32,
    accumulate: u32,
    unused: [u32; 3],
}

impl Dense {
    fn params(&self, rows: Rows, accumulate: bool) -> Params {
        Params {
            rows: rows.count as u32,
            first_row: rows.first as u32,
            inputs: self.inputs as u32,
            outputs: self.outputs as u32,
            accumulate: u32::from(accumulate),
            unused: [0; 3],
        }
    }

    /// Logits `[rows, outputs]` of some rows of `embedding`.
    pub fn forward(
        &self,
        b: &mut PlanBuilder,
        embedding: Tensor,
        rows: Rows,
        weights: Tensor,
        bias: Tensor,
    ) -> Tensor {
        let logits = b.tensor(format!("{}.logits", self.name), rows.count * self.outputs);
        let groups = groups_for_items(rows.count * self.outputs, 64);
        let bindings = [embedding, weights, bias, logits];
        b.dispatch(Kernel::new(SHADER, "forward"), &self.params(rows, false), &bindings, groups);
        logits
    }

    /// Writes the gradient of those rows of the embedding.
    pub fn data_gradient(
        &self,
        b: &mut PlanBuilder,
        d_logits: Tensor,
        rows: Rows,
        weights: Tensor,
        d_embedding: Tensor,
    ) {
        let groups = groups_for_items(rows.count * self.inputs, 64);
        let bindings = [d_logits, weights, d_embedding];
        b.dispatch(Kernel::new(SHADER, "data_gradient"), &self.params(rows, false), &bindings, groups);
    }

    /// Writes or adds the gradients of weights and bias.
    pub fn weight_gradient(
        &self,
        b: &mut PlanBuilder,
        embedding: Tensor,
        d_logits: Tensor,
        rows: Rows,
        [d_weights, d_bias]: [Tensor; 2],
        accumulate: bool,
    ) {
        let groups = groups_for_items((self.inputs + 1) * self.outputs, 64);
        let bindings = [d_logits, embedding, d_weights, d_bias];
        b.dispatch(Kernel::new(SHADER, "weight_gradient"), &self.params(rows, accumulate), &bindings, groups);
    }
}
