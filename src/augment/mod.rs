//! Augmentation: random choices on the CPU, all pixel work on the GPU.
//!
//! An image is `height x width` words, one a pixel: R in the low byte, then G, B and alpha 255; grey
//! images repeat the channel. Source images become *views* ([`record_weak`]), some views are changed by
//! a strong policy, one operation a dispatch ([`record_ops`]), and views become network inputs
//! ([`record_assemble`]). Images keep 8 bits between the stages, as Pillow's do in the reference.

mod assemble;
mod ctaugment;
mod ops;
mod policy;
mod strong;
mod weak;

use thiserror::Error;

pub use assemble::{AssembleRow, record_assemble};
pub use ctaugment::{CtAugment, DECAY, DEPTH, RATES, THRESHOLD};
pub use ops::{OPERATIONS, Operation, OperationKind};
pub use policy::{RandAugment, StrongPolicy};
pub use strong::{OpDraw, OpOptions, PolicyScale, Sampling, record_ops};
pub use weak::{WeakDraw, WeakStyle, record_weak};

/// What can be wrong with the state of a policy.
#[derive(Debug, Error, PartialEq)]
pub enum AugmentError {
    #[error(
        "CTAugment keeps {expected} rates, {found} were given: the checkpoint was written by another \
         version or is damaged; start the policy afresh"
    )]
    RateCount { expected: usize, found: usize },
    #[error(
        "CTAugment rate {index} is {found}, it must be a finite number from 0 to 1: the checkpoint is damaged"
    )]
    RateValue { index: usize, found: f32 },
}
