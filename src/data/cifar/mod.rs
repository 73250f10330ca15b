//! CIFAR-10 and CIFAR-100, the binary version and the Python version.

mod binary;
mod pickle;
mod python;

use super::files::{Entry, Folder};
use super::{DataError, DataSet, OpenOptions, set};

const SIDE: usize = 32;
const PLANE: usize = SIDE * SIDE;
const SHIFT: u32 = 4;

/// The files of one set.
pub(super) struct Files {
    train: Vec<Entry>,
    test: Vec<Entry>,
    version: Version,
}

enum Version {
    /// As the names tell: content decides, but for files that fit neither layout.
    Binary { by_name: binary::Layout },
    /// With the file that names the classes.
    Python { names: Option<Entry> },
}

/// Looks for the files of CIFAR in a folder; which CIFAR they are, reading tells.
pub(super) fn find(folder: &Folder) -> Result<Option<Files>, DataError> {
    if let Some(files) = binary::find(folder) {
        return Ok(Some(files));
    }
    python::find(folder)
}

pub(super) fn read(folder: &Folder, files: &Files, options: &OpenOptions) -> Result<DataSet, DataError> {
    if files.train.is_empty() {
        return Err(DataError::Missing {
            path: folder.path.clone(),
            expected:
                "files to train, data_batch_1.bin to data_batch_5.bin or train.bin (in the Python version \
                       without .bin)"
                    .to_owned(),
            found: "a test file only".to_owned(),
        });
    }
    let parts = match &files.version {
        Version::Binary { by_name } => binary::read(folder, files, *by_name, options)?,
        Version::Python { names } => python::read(files, names.as_ref(), options)?,
    };
    Ok(parts.assemble(options))
}

/// What both versions become.
fn parts(
    format: String,
    classes: Vec<String>,
    train: set::Labelled,
    test: Option<set::Labelled>,
) -> set::Parts {
    set::Parts { format, classes, train, test, flip: true, shift: SHIFT }
}
