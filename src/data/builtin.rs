//! The sets that the program carries; `assets/README.md` names their sources and licences.

use std::path::Path;

use super::files::{Entry, Memory};
use super::{DataError, DataSet, OpenOptions, idx, shapes};

/// A set of the four IDX files under `assets/`.
macro_rules! idx_files {
    ($name:literal) => {
        [
            include_bytes!(concat!("../../assets/", $name, "/train-images-idx3-ubyte.gz")),
            include_bytes!(concat!("../../assets/", $name, "/train-labels-idx1-ubyte.gz")),
            include_bytes!(concat!("../../assets/", $name, "/t10k-images-idx3-ubyte.gz")),
            include_bytes!(concat!("../../assets/", $name, "/t10k-labels-idx1-ubyte.gz")),
        ]
    };
}

const FASHION_CLASSES: [&str; 10] =
    ["T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"];

pub(super) fn read(name: &str, options: &OpenOptions) -> Result<DataSet, DataError> {
    match name {
        "fashion" => {
            let mut set = idx_set(name, idx_files!("fashion"), options)?;
            set.classes = FASHION_CLASSES.map(str::to_owned).to_vec();
            Ok(set)
        }
        "digits" => idx_set(name, idx_files!("digits"), options),
        "shapes" => Ok(shapes::make()),
        other => Err(DataError::UnknownBuiltin(other.to_owned())),
    }
}

fn idx_set(name: &str, files: [&'static [u8]; 4], options: &OpenOptions) -> Result<DataSet, DataError> {
    let label = format!("builtin:{name}");
    let path = Path::new(&label);
    let [train_images, train_labels, test_images, test_labels] =
        files.map(|bytes| Entry::new(path.to_owned(), bytes.len() as u64, Memory(bytes.into())));
    let train = idx::pair(&train_images, &train_labels)?;
    let test = idx::pair(&test_images, &test_labels)?;
    let mut set = idx::assemble(path, "built in (IDX)", train, Some(test), options)?;
    set.name.clone_from(&label);
    Ok(set)
}
