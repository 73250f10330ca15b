//! Images to learn from: formats, the built-in sets, and the choice of labelled images.
//!
//! Everything ends as a [`DataSet`] of bytes in memory; nothing here knows of the GPU or of learning.

mod builtin;
mod cifar;
mod error;
mod folder;
mod idx;
mod images;
mod set;
mod source;
mod split;

pub use error::DataError;
pub use images::Images;
pub use set::{DataSet, OpenOptions};
pub use source::open;
pub use split::{Balance, Split, split};

use std::ops::RangeInclusive;

/// Sides, in pixels, of the images that the network takes.
pub const SIDES: RangeInclusive<usize> = 8..=96;

/// Pixels of the largest image that is decoded.
const MAX_PIXELS: u64 = 64_000_000;
