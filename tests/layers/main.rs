//! Every layer's shader on the adapter against the f64 reference and its central differences.

#[path = "../harness/mod.rs"]
mod harness;
#[path = "../oracle/mod.rs"]
#[expect(dead_code, reason = "layers need only a part of the reference")]
mod oracle;

mod adam;
mod batch_norm;
mod common;
mod conv2d;
mod dense;
mod depthwise;
mod half;
mod limits;
mod loss_scale;
mod pool;
mod reduce;
mod trial;
