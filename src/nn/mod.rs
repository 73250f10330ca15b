//! Layers and two families of networks, the Wide ResNet and EfficientNet-Lite, each forward and backward pass written out as recorded dispatches of the shaders in
//! `shaders/nn/`. Feature maps are NHWC f32 with channels in multiples of four; convolution weights are HWIO.

mod activation;
mod architecture;
mod backbone;
mod batch_norm;
mod conv2d;
mod conv_tiling;
mod depthwise;
mod efficientnet_lite;
mod freeze;
mod graph;
mod heads;
mod network;
mod network_error;
mod parameters;
mod product;
mod propagation;
mod tuner;
mod tuning;
mod wide_resnet;

pub use activation::Activation;
pub use architecture::{Architecture, InputScale};
pub use batch_norm::{BatchNorm, EPSILON, MOMENTUM, NormActivation, StatGroups};
pub use conv_tiling::ConvTiling;
pub use conv2d::Conv2d;
pub use depthwise::DepthwiseConv2d;
pub use efficientnet_lite::{EfficientNetLite, LiteStage};
pub use freeze::Freeze;
pub use graph::{Graph, LEAKY_SLOPE, Node, Operation, Value};
pub use heads::{Dense, GlobalAveragePool, Rows};
pub use network::{Head, Layer, Network, Tape};
pub use network_error::NetworkError;
pub use parameters::{BINDING_WORDS, Init, Parameter, ParameterSet, initial_values};
pub use product::{ConvProduct, Direction};
pub use tuner::{DispatchImages, MeasuredProduct, ProductOf, measure_products, products_of};
pub use tuning::{Effort, TilingTime, every_tile, measure_tiles};
pub use wide_resnet::WideResNet;
