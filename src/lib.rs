//! ReMixMatch (Berthelot et al., ICLR 2020, arXiv 1911.09785) trained in WebGPU compute shaders.
//!
//! Imports run one way: `app`, `page` and the program's `cli` → `ablation`, `bench` → `train` → `ssl` → `augment`,
//! `optim` → `nn` → `gpu`, with `view` beside them on `gpu`, and `onnx` beside `ablation` on `train`. `data` reads images
//! through `disk`, and only `train` and what is above it import either. `gpu` and `view` know nothing of learning. All rooms
//! with enums as settings import `named`. `docs/architecture.md` has the table, and `cargo test --test architecture` holds the source to it.

pub mod ablation;
pub mod app;
pub mod augment;
pub mod bench;
pub mod data;
mod disk;
pub mod gpu;
mod named;
pub mod nn;
pub mod onnx;
pub mod optim;
#[cfg(target_arch = "wasm32")]
pub mod page;
pub mod ssl;
pub mod train;
pub mod view;

pub use named::Named;
