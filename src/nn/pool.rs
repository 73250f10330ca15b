use bytemuck::{Pod, Zeroable};

use super::Activation;
use crate::gpu::{Kernel, PlanBuilder, Tensor, groups_for_items};

/// Mean over the pixels of each image.
pub struct GlobalAveragePool;

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    batch: u32,
    pixels: u32,
    quads: u32,
    unused: u32,
}

impl GlobalAveragePool {
    fn params(x: Activation) -> Params {
        Params {
            batch: x.images as u32,
            pixels: (x.height * x.width) as u32,
            quads: x.quads() as u32,
            unused: 0,
        }
    }

    /// `[images, channels]`.
    pub fn forward(b: &mut PlanBuilder, x: Activation) -> Tensor {
        let pooled = b.tensor("pool.output", x.images * x.channels);
        let groups = groups_for_items(x.images * x.quads(), 64);
        b.dispatch(Kernel::new("nn/pool", "forward"), &Self::params(x), &[x.tensor, pooled], groups);
        pooled
    }

    /// Gradient of the feature map `x` from that of the pooled `[images, channels]`.
    pub fn backward(b: &mut PlanBuilder, x: Activation, d_pooled: Tensor) -> Activation {
        let dx = x.like(b, "pool.d_input");
        let groups = groups_for_items(x.rows() * x.quads(), 64);
        b.dispatch(Kernel::new("nn/pool", "backward"), &Self::params(x), &[d_pooled, dx.tensor], groups);
        dx
    }
}
