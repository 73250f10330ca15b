//! Data sets inside the program; `assets/README.md` names their sources and licences.

use std::path::Path;

use super::source::idx_set;
use super::{DataError, DataSet, idx};

/// Train images, train labels, test images, test labels: gzipped IDX.
type Packed = [&'static [u8]; 4];

const FASHION: Packed = [
    include_bytes!("../../assets/fashion/train-images-idx3-ubyte.gz"),
    include_bytes!("../../assets/fashion/train-labels-idx1-ubyte.gz"),
    include_bytes!("../../assets/fashion/t10k-images-idx3-ubyte.gz"),
    include_bytes!("../../assets/fashion/t10k-labels-idx1-ubyte.gz"),
];

const FASHION_CLASSES: [&str; 10] =
    ["T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"];

const DIGITS: Packed = [
    include_bytes!("../../assets/digits/train-images-idx3-ubyte.gz"),
    include_bytes!("../../assets/digits/train-labels-idx1-ubyte.gz"),
    include_bytes!("../../assets/digits/t10k-images-idx3-ubyte.gz"),
    include_bytes!("../../assets/digits/t10k-labels-idx1-ubyte.gz"),
];

/// The set `builtin:<name>`.
///
/// # Errors
/// [`DataError::UnknownBuiltin`] lists the names.
pub fn builtin(name: &str) -> Result<DataSet, DataError> {
    let (packed, classes) = match name {
        "fashion" => (FASHION, FASHION_CLASSES.map(str::to_owned).to_vec()),
        "digits" => (DIGITS, (0..10).map(|digit| digit.to_string()).collect()),
        other => return Err(DataError::UnknownBuiltin(other.to_owned())),
    };
    let full_name = format!("builtin:{name}");
    let path = Path::new(&full_name);
    let unpacked = packed.map(|bytes| idx::unpack(path, bytes));
    let [train, train_labels, test, test_labels] = unpacked;
    idx_set(&full_name, "built-in", Some(classes), [train?, train_labels?, test?, test_labels?], [path; 4])
}
