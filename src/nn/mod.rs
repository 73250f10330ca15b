//! Layers and the Wide ResNet, each forward and backward pass written out as recorded dispatches.
//!
//! A module here has the name of its shader in `shaders/nn/`. Activations are NHWC f32 with channels
//! in multiples of four; weights are HWIO.

mod activation;
mod architecture;
mod batch_norm;
mod conv2d;
mod dense;
mod init;
mod parameters;
mod pool;
mod tuning;
mod wide_resnet;

pub use activation::Activation;
pub use architecture::{Architecture, NetworkError};
pub use batch_norm::{BatchNorm, EPSILON, MOMENTUM, Passes};
pub use conv2d::Conv2d;
pub use dense::{Dense, Rows};
pub use init::initial_values;
pub use parameters::{BINDING_WORDS, Init, Parameter, ParameterSet};
pub use pool::GlobalAveragePool;
pub use tuning::{TilingTime, measure_tilings};
pub use wide_resnet::{Head, Layer, Tape, WideResNet};
