//! Layers and the Wide ResNet, each forward and backward pass written out as recorded dispatches of the shaders in
//! `shaders/nn/`. Feature maps are NHWC f32 with channels in multiples of four; convolution weights are HWIO.

mod activation;
mod batch_norm;
mod conv2d;
mod heads;
mod parameters;
mod propagation;
mod tuning;
mod wide_resnet;

pub use activation::Activation;
pub use batch_norm::{BatchNorm, EPSILON, MOMENTUM, StatGroups};
pub use conv2d::{Conv2d, ConvTiling};
pub use heads::{Dense, GlobalAveragePool, Rows};
pub use parameters::{BINDING_WORDS, Init, Parameter, ParameterSet, initial_values};
pub use propagation::Tape;
pub use tuning::{Direction, Effort, TilingTime, every_tile, measure_tiles, measure_tilings};
pub use wide_resnet::{Architecture, Head, Layer, NetworkError, WideResNet};
