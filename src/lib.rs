//! ReMixMatch (Berthelot et al., ICLR 2020, arXiv 1911.09785) trained in WebGPU compute shaders.
//!
//! Arrows run one way: `app`, `cli` → `ablation` → `train` → `ssl`, `augment`, `nn`, `view` → `gpu`; `data` is read by
//! `train` only, and neither `gpu` nor `view` knows anything of learning.

pub mod ablation;
pub mod app;
pub mod augment;
pub mod bench;
pub mod data;
mod disk;
pub mod gpu;
mod named;
pub mod nn;
pub mod optim;
#[cfg(target_arch = "wasm32")]
pub mod page;
pub mod ssl;
pub mod train;
pub mod view;

pub use named::Named;
