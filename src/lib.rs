//! ReMixMatch (Berthelot et al., ICLR 2020, arXiv 1911.09785) trained in WebGPU compute shaders.
//!
//! Arrows run one way: `cli` → `train` → `ssl`, `augment`, `nn` → `gpu`; `data` is read by `train`
//! only, and `gpu` knows nothing of learning.

pub mod bench;
pub mod data;
pub mod gpu;
pub mod nn;
