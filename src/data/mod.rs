//! Data sets: what a source holds, and which of its images are labelled.

mod builtin;
mod cifar;
mod error;
mod idx;
mod images;
mod sheet;
mod source;
mod split;

pub use error::DataError;
pub use images::{DataSet, Images, read_image};
pub use sheet::{Facts, contact_sheet, summary};
pub use source::open;
pub use split::{Balance, Split, split};
