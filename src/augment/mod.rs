//! Augmentation: random choices on the CPU, all pixel work on the GPU.
//!
//! An image is `height x width` words, one per pixel: R in the low byte, then G, B and alpha 255; grey
//! images repeat the channel. Source images become *views* ([`record_weak`]), some views are changed by
//! a strong policy, one operation per dispatch ([`record_ops`]; both steps: [`record_augmentation`]), and
//! views become network inputs ([`record_assemble`]). Images keep 8 bits between the stages, as Pillow's
//! do in the reference.

mod ctaugment;
mod ops;
mod policy;
mod views;

pub use ctaugment::{AugmentError, CtAugment, DECAY, DEPTH, RATES, THRESHOLD};
pub use ops::{OPERATIONS, OpDraw, OpOptions, Operation, OperationKind, PolicyScale, Sampling, record_ops};
pub use policy::{RandAugment, StrongPolicy};
pub use views::{
    AssembleRow, Augmentation, WeakDraw, WeakStyle, input_pictures, record_assemble, record_augmentation,
    record_weak,
};
