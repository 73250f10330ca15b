//! The sets that the program contains; `assets/README.md` names their sources and licences.

mod drawing;
mod outline;
mod shapes;

use std::path::Path;

use super::error::DataError;
use super::files::{Entry, Memory};
use super::formats::idx;
use super::set::{DataSet, OpenOptions};

/// The files of a set in `assets/`; none of one that is drawn or unknown.
#[cfg(target_arch = "wasm32")]
pub(crate) fn files(name: &str) -> &'static [&'static str] {
    if ["fashion", "digits"].contains(&name) { &FILES } else { &[] }
}

#[cfg(target_arch = "wasm32")]
const FILES: [&str; 4] = [
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
];

/// The content of a set's files.
#[cfg(not(target_arch = "wasm32"))]
fn content(name: &str) -> Result<[Memory; 4], DataError> {
    macro_rules! files {
        ($name:literal) => {
            [
                include_bytes!(concat!("../../../assets/", $name, "/train-images-idx3-ubyte.gz")),
                include_bytes!(concat!("../../../assets/", $name, "/train-labels-idx1-ubyte.gz")),
                include_bytes!(concat!("../../../assets/", $name, "/t10k-images-idx3-ubyte.gz")),
                include_bytes!(concat!("../../../assets/", $name, "/t10k-labels-idx1-ubyte.gz")),
            ]
        };
    }
    let files: [&'static [u8]; 4] = match name {
        "fashion" => files!("fashion"),
        "digits" => files!("digits"),
        other => return Err(DataError::UnknownBuiltin(other.to_owned())),
    };
    Ok(files.map(|bytes| Memory(bytes.into())))
}

/// The content of a set's files, which the page has put into the in-memory file system.
#[cfg(target_arch = "wasm32")]
fn content(name: &str) -> Result<[Memory; 4], DataError> {
    let mut found = Vec::new();
    for file in FILES {
        let path = Path::new("builtin").join(name).join(file);
        let bytes =
            crate::disk::in_memory::share(&path).map_err(|reason| DataError::Read { path, reason })?;
        found.push(Memory(bytes));
    }
    found.try_into().map_err(|_| DataError::UnknownBuiltin(name.to_owned()))
}

const FASHION_CLASSES: [&str; 10] =
    ["T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"];

/// Loads the set `builtin:NAME`.
///
/// # Errors
/// When there is no set of this name.
pub(super) fn load(name: &str, options: &OpenOptions) -> Result<DataSet, DataError> {
    match name {
        "fashion" => {
            let mut set = load_idx(name, options)?;
            set.classes = FASHION_CLASSES.map(str::to_owned).to_vec();
            Ok(set)
        }
        "digits" => load_idx(name, options),
        "shapes" => Ok(shapes::draw_set()),
        other => Err(DataError::UnknownBuiltin(other.to_owned())),
    }
}

fn load_idx(name: &str, options: &OpenOptions) -> Result<DataSet, DataError> {
    let label = format!("builtin:{name}");
    let path = Path::new(&label);
    let [train_images, train_labels, test_images, test_labels] =
        content(name)?.map(|content| Entry::new(path.to_owned(), content.0.len() as u64, content));
    let train = idx::read_pair(&train_images, &train_labels)?;
    let test = idx::read_pair(&test_images, &test_labels)?;
    let mut set = idx::assemble(path, "built in (IDX)", train, Some(test), options)?;
    set.name.clone_from(&label);
    Ok(set)
}
