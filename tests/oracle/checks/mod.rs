//! The reference checked by hand and by central differences.

mod conv;
mod depthwise;
mod efficientnet_lite;
mod heads;
mod norm;
mod optim;
mod rotate;
mod ssl;
mod wide_resnet;
