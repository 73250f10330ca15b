//! Images to learn from: formats, the built-in sets, and the choice of labelled images.
//!
//! Everything ends as a [`DataSet`] of bytes in memory, but for training images beyond what memory is given, which
//! are decoded while they are needed; nothing here knows of the GPU or of learning.

mod archive;
mod builtin;
mod choice;
mod cifar;
mod error;
mod files;
mod folder;
mod idx;
mod images;
mod listed;
mod mat;
mod names;
mod npy;
mod npz;
mod origin;
mod own;
mod records;
mod set;
mod shapes;
mod sheet;
mod source;
mod split;
mod stl10;
mod stream;
mod summary;
mod svhn;
mod tail;

#[cfg(target_arch = "wasm32")]
pub(crate) use builtin::FILES as BUILTIN_FILES;
pub use choice::Choice;
pub use error::DataError;
pub use folder::read_image;
pub use images::Images;
pub use origin::Origin;
pub use own::{CLASSES_FILE, HELD_OUT, LABELS_FILE, Labels, LabelsError, OwnImages, Picture, read_picture};
pub use set::{DataSet, OpenOptions};
pub use sheet::contact_sheet;
pub use source::{open, open_files};
pub use split::{Balance, Split, Spread, split};
pub use stream::Waits;
pub use summary::{ClassSummary, Summary, summary};
pub use tail::Tail;

use std::ops::RangeInclusive;

/// Sides, in pixels, of the images that the network takes.
pub const SIDES: RangeInclusive<usize> = 8..=96;

/// Pixels of the largest image that is decoded.
const MAX_PIXELS: u64 = 64_000_000;
