//! From the last feature map to logits: the global average pool (`shaders/nn/pool.wgsl`) and linear heads
//! (`shaders/nn/dense.wgsl`).

use bytemuck::{Pod, Zeroable};

use super::activation::{Activation, row_slices};
use crate::gpu::{Kernel, PlanBuilder, Tensor, groups_for_items};

const SHADER: &str = "nn/dense";

/// A linear head `[inputs] -> [outputs]` with bias.
#[derive(Clone, Debug)]
pub struct Dense {
    pub name: String,
    pub inputs: usize,
    pub outputs: usize,
}

/// A range of rows of the embedding; the logits of a head have their own rows, from 0.
#[derive(Clone, Copy, Debug)]
pub struct Rows {
    pub first: usize,
    pub count: usize,
}

/// `Params` of `shaders/nn/dense.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    rows: u32,
    first_row: u32,
    inputs: u32,
    outputs: u32,
    accumulate: u32,
    slices: u32,
    unused: [u32; 2],
}

impl Dense {
    fn params(&self, rows: Rows, accumulate: bool) -> Params {
        Params {
            rows: rows.count as u32,
            first_row: rows.first as u32,
            inputs: self.inputs as u32,
            outputs: self.outputs as u32,
            accumulate: u32::from(accumulate),
            slices: row_slices(rows.count) as u32,
            unused: [0; 2],
        }
    }

    /// Floating-point operations of one direction.
    fn operations(&self, rows: Rows) -> u64 {
        2 * (rows.count * self.inputs * self.outputs) as u64
    }

    /// Records the logits `[rows, outputs]` of some rows of `embedding` `[n, inputs]`. `weights` is
    /// `[inputs, outputs]`, `bias` `[outputs]`.
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
        let work = b.dispatch(Kernel::new(SHADER, "forward"), &self.params(rows, false), &bindings, groups);
        work.operations = self.operations(rows);
        work.chain = self.inputs as u64;
        logits
    }

    /// Records the gradient of those rows of the embedding, written to `d_embedding` `[n, inputs]`.
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
        let work =
            b.dispatch(Kernel::new(SHADER, "data_gradient"), &self.params(rows, false), &bindings, groups);
        work.operations = self.operations(rows);
        work.chain = self.outputs as u64;
    }

    /// Records the gradients of weights and bias: written, or added if `accumulate`.
    pub fn weight_gradient(
        &self,
        b: &mut PlanBuilder,
        embedding: Tensor,
        d_logits: Tensor,
        rows: Rows,
        [d_weights, d_bias]: [Tensor; 2],
        accumulate: bool,
    ) {
        let items = (self.inputs + 1) * self.outputs;
        let slices = row_slices(rows.count);
        let partial = b.tensor(format!("{}.partial_weights", self.name), slices * items);
        let params = self.params(rows, accumulate);
        let groups = groups_for_items(slices * items, 64);
        let bindings = [d_logits, embedding, partial];
        let work = b.dispatch(Kernel::new(SHADER, "slice_weight_gradient"), &params, &bindings, groups);
        work.operations = self.operations(rows);
        work.chain = rows.count.div_ceil(slices) as u64;
        let bindings = [(1, partial), (3, d_weights), (4, d_bias)];
        b.dispatch_at(
            Kernel::new(SHADER, "weight_gradient"),
            &params,
            &bindings,
            groups_for_items(items, 64),
        );
    }
}

/// Mean over the pixels of each image.
pub struct GlobalAveragePool;

/// `Params` of `shaders/nn/pool.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct PoolParams {
    batch: u32,
    pixels: u32,
    channels_vec4: u32,
    unused: u32,
}

impl GlobalAveragePool {
    fn params(x: Activation) -> PoolParams {
        PoolParams {
            batch: x.images as u32,
            pixels: (x.height * x.width) as u32,
            channels_vec4: x.channels_vec4() as u32,
            unused: 0,
        }
    }

    /// Records the mean over the pixels: `[images, channels]`.
    pub fn forward(b: &mut PlanBuilder, x: Activation) -> Tensor {
        let pooled = b.tensor("pool.output", x.images * x.channels);
        let groups = groups_for_items(x.images * x.channels_vec4(), 64);
        let kernel = Kernel::new("nn/pool", "forward").stored_as(x.storage);
        b.dispatch(kernel, &Self::params(x), &[x.tensor, pooled], groups).chain = (x.height * x.width) as u64;
        pooled
    }

    /// Records the gradient of the feature map `x` from that of the pooled `[images, channels]`.
    pub fn backward(b: &mut PlanBuilder, x: Activation, d_pooled: Tensor) -> Activation {
        let dx = x.like(b, "pool.d_input");
        let groups = groups_for_items(x.pixels() * x.channels_vec4(), 64);
        let kernel = Kernel::new("nn/pool", "backward").stored_as(x.storage);
        b.dispatch(kernel, &Self::params(x), &[d_pooled, dx.tensor], groups);
        dx
    }
}
