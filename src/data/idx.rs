//! IDX, the format of MNIST and Fashion-MNIST, plain or gzipped.
//!
//! A file is: two zero bytes, the element type (8: unsigned byte), the number of dimensions, each dimension as a
//! big-endian u32, then the elements.

use std::io::Read;
use std::path::Path;

use super::archive::plain;
use super::files::{Entry, Folder};
use super::records::fill;
use super::set::{self, Labelled, Parts};
use super::{DataError, DataSet, Images, OpenOptions};

const UNSIGNED_BYTE: u8 = 8;
/// Elements of one file; more would be a file made to exhaust memory.
const MAX_ELEMENTS: u64 = 1 << 31;

/// Pixels that weak augmentation shifts MNIST-like images by.
const SHIFT: u32 = 2;

/// The files of a folder that are IDX, told from their content.
#[derive(Default)]
pub(super) struct Files {
    images: Vec<Entry>,
    labels: Vec<Entry>,
}

/// Looks for IDX files in a folder. `None` when there are none.
pub(super) fn find(folder: &Folder) -> Option<Files> {
    let mut files = Files::default();
    for entry in folder.files.values() {
        let name = entry.name.to_lowercase();
        // A file too damaged to be told by content is still named: reading it says what is wrong.
        let dims = dimensions(entry).ok().flatten().or_else(|| {
            let named = |mark| name.contains(mark).then_some(mark == "idx3-ubyte");
            named("idx3-ubyte").or(named("idx1-ubyte")).map(|images| if images { 3 } else { 1 })
        });
        match dims {
            Some(1) => files.labels.push(entry.clone()),
            Some(_) => files.images.push(entry.clone()),
            None => {}
        }
    }
    (!files.images.is_empty() || !files.labels.is_empty()).then_some(files)
}

/// The number of dimensions of an IDX file, `None` when it is another kind of file.
fn dimensions(entry: &Entry) -> Result<Option<u8>, DataError> {
    let mut magic = [0; 4];
    let got = fill(&mut plain(entry)?, &mut magic).map_err(|reason| entry.unreadable(reason))?;
    let is_idx = got == 4 && magic[..2] == [0, 0] && matches!(magic[2], 8..=14) && matches!(magic[3], 1..=4);
    Ok(is_idx.then_some(magic[3]))
}

/// Reads the four files (or two: then test images are held out).
pub(super) fn read(folder: &Folder, files: &Files, options: &OpenOptions) -> Result<DataSet, DataError> {
    let part = |test: bool| -> Result<Option<Labelled>, DataError> {
        let of = |entries: &[Entry]| -> Vec<Entry> {
            entries.iter().filter(|entry| is_test(&entry.name) == test).cloned().collect()
        };
        match (of(&files.images).as_slice(), of(&files.labels).as_slice()) {
            ([], []) => Ok(None),
            ([images], [labels]) => pair(images, labels).map(Some),
            (images, labels) => Err(DataError::Missing {
                path: images.first().or(labels.first()).map_or(folder.path.clone(), |e| e.path.clone()),
                expected: format!(
                    "one images and one labels file to {} in one folder",
                    if test { "test" } else { "train" }
                ),
                found: format!("{} and {}", images.len(), labels.len()),
            }),
        }
    };
    let Some(train) = part(false)? else {
        return Err(DataError::Missing {
            path: folder.path.clone(),
            expected: "IDX files to train, such as train-images-idx3-ubyte".to_owned(),
            found: "test files only".to_owned(),
        });
    };
    assemble(&folder.path, "IDX", train, part(true)?, options)
}

/// MNIST's own name of the test files is `t10k`.
fn is_test(name: &str) -> bool {
    let name = name.to_lowercase();
    ["t10k", "test", "val"].iter().any(|mark| name.contains(mark))
}

/// Images and labels from two files.
pub(super) fn pair(images: &Entry, labels: &Entry) -> Result<Labelled, DataError> {
    let (dims, pixels) = read_elements(images, 3)?;
    let [count, height, width] = dims[..] else { unreachable!("three dimensions were asked for") };
    if height != width || !super::SIDES.contains(&height) {
        return Err(DataError::ImageSize { path: images.path.clone(), width, height });
    }
    let (_, bytes) = read_elements(labels, 1)?;
    if bytes.len() != count {
        return Err(DataError::Corrupt {
            path: labels.path.clone(),
            offset: 4,
            expected: format!("a label for each of the {count} images of {}", images.path.display()),
            found: format!("{} labels", bytes.len()),
            advice: "the two files do not belong together",
        });
    }
    let images = Images::new(height, width, 1, pixels);
    Ok(Labelled { images, labels: bytes.into_iter().map(u32::from).collect() })
}

/// Dimensions and elements of a file that must have `wanted` dimensions of unsigned bytes.
fn read_elements(entry: &Entry, wanted: u8) -> Result<(Vec<usize>, Vec<u8>), DataError> {
    let corrupt = |offset, expected: String, found: String| DataError::Corrupt {
        path: entry.path.clone(),
        offset,
        expected,
        found,
        advice: "the file is damaged or another kind of file: fetch it again",
    };
    let mut input = plain(entry)?;
    let mut header = vec![0; 4 + 4 * usize::from(wanted)];
    let got = match fill(&mut *input, &mut header) {
        Ok(got) => got,
        Err(reason) => {
            return Err(corrupt(0, "an IDX header".to_owned(), format!("damaged data ({reason})")));
        }
    };
    let magic = [0, 0, UNSIGNED_BYTE, wanted];
    if got < 4 || header[..4] != magic {
        return Err(corrupt(
            0,
            format!("the IDX mark {magic:02x?} ({wanted} dimension(s) of bytes)"),
            format!("{:02x?}", &header[..got.min(4)]),
        ));
    }
    if got < header.len() {
        return Err(corrupt(got as u64, format!("a header of {} bytes", header.len()), "the end".to_owned()));
    }
    let dims: Vec<u64> = header[4..]
        .chunks_exact(4)
        .map(|b| u64::from(u32::from_be_bytes([b[0], b[1], b[2], b[3]])))
        .collect();
    let elements = dims.iter().try_fold(1u64, |product, &dim| product.checked_mul(dim));
    let Some(elements) = elements.filter(|&n| n <= MAX_ELEMENTS) else {
        return Err(corrupt(4, format!("dimensions of at most {MAX_ELEMENTS} bytes"), format!("{dims:?}")));
    };
    let mut data = Vec::new();
    let start = header.len() as u64;
    // One byte more than there should be tells whether the file goes on; memory grows with what is there.
    if let Err(reason) = input.take(elements + 1).read_to_end(&mut data) {
        let found = format!("damaged data ({reason})");
        return Err(corrupt(start + data.len() as u64, format!("{elements} bytes for {dims:?}"), found));
    }
    if data.len() as u64 != elements {
        let found = if data.len() as u64 > elements { "more" } else { "the end" };
        let offset = start + elements.min(data.len() as u64);
        return Err(corrupt(offset, format!("{elements} bytes for {dims:?}"), found.to_owned()));
    }
    Ok((dims.into_iter().map(|dim| dim as usize).collect(), data))
}

/// A data set of MNIST-like images; classes are the labels that the training images have.
pub(super) fn assemble(
    path: &Path,
    format: &str,
    mut train: Labelled,
    mut test: Option<Labelled>,
    options: &OpenOptions,
) -> Result<DataSet, DataError> {
    let classes = set::by_value(path, &mut train, test.as_mut())?;
    let format = format.to_owned();
    Ok(Parts { format, classes, train, test, flip: false, shift: SHIFT }.assemble(options))
}
