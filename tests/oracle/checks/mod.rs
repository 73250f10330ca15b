//! The reference checked by hand and by central differences.

mod conv;
mod depthwise;
mod heads;
mod norm;
mod optim;
mod rotate;
mod ssl;
mod wide_resnet;
