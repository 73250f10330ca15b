//! IDX, the format of MNIST and Fashion-MNIST, plain or gzipped.
//!
//! A file is: two zero bytes, the element type (8: unsigned byte), the number of dimensions, each dimension as a
//! big-endian u32, then the elements.

use std::io::Read;
use std::path::Path;

use crate::data::archive;
use crate::data::error::DataError;
use crate::data::files::{Entry, Folder};
use crate::data::format::{Format, Loader, Parser, SampleFiles};
use crate::data::images::Images;
use crate::data::records::fill;
use crate::data::resized::{check_same_size, check_size};
use crate::data::set::{self, DataSet, Labelled, OpenOptions, Parts};

pub const FORMAT: Format = Format {
    name: "IDX",
    description: "IDX files (MNIST)",
    detect,
    explain: None,
    example,
    parsers: &[
        Parser::new("idx_images", IMAGES_FILE, example),
        Parser::new("idx_labels", LABELS_FILE, example),
        Parser::new("idx_gzip", GZIPPED_FILE, || {
            vec![(GZIPPED_FILE, Vec::new()), (LABELS_FILE, example_labels())]
        }),
    ],
};

const IMAGES_FILE: &str = "train-images-idx3-ubyte";
const LABELS_FILE: &str = "train-labels-idx1-ubyte";
const GZIPPED_FILE: &str = "train-images-idx3-ubyte.gz";

const UNSIGNED_BYTE: u8 = 8;
/// Limit of the elements of one file.
const MAX_ELEMENTS: u64 = 1 << 31;

/// Pixels that weak augmentation shifts MNIST-like images by.
const SHIFT: u32 = 2;

/// The IDX files of a folder.
#[derive(Default)]
struct Files {
    images: Vec<Entry>,
    labels: Vec<Entry>,
}

fn detect(folder: &Folder) -> Result<Option<Loader<'_>>, DataError> {
    let mut files = Files::default();
    for entry in folder.files.values() {
        let name = entry.name.to_lowercase();
        // A file whose content is too damaged is recognised by its name: reading it reports the damage.
        let dimensions = dimensions(entry).ok().flatten().or_else(|| {
            [("idx3-ubyte", 3), ("idx1-ubyte", 1)]
                .into_iter()
                .find_map(|(mark, n)| name.contains(mark).then_some(n))
        });
        match dimensions {
            Some(1) => files.labels.push(entry.clone()),
            Some(_) => files.images.push(entry.clone()),
            None => {}
        }
    }
    if files.images.is_empty() && files.labels.is_empty() {
        return Ok(None);
    }
    Ok(Some(Loader::set(move |options| load(folder, &files, options))))
}

/// The number of dimensions of an IDX file; `None` for another kind of file.
fn dimensions(entry: &Entry) -> Result<Option<u8>, DataError> {
    let mut magic = [0; 4];
    let got = fill(&mut archive::unzipped(entry)?, &mut magic).map_err(|reason| entry.unreadable(reason))?;
    let is_idx = got == 4 && magic[..2] == [0, 0] && matches!(magic[2], 8..=14) && matches!(magic[3], 1..=4);
    Ok(is_idx.then_some(magic[3]))
}

/// Loads four files, or the two with training images: then test images are held out.
fn load(folder: &Folder, files: &Files, options: &OpenOptions) -> Result<DataSet, DataError> {
    let part = |test: bool| -> Result<Option<Labelled>, DataError> {
        let select = |entries: &[Entry]| -> Vec<Entry> {
            entries.iter().filter(|entry| is_test(&entry.name) == test).cloned().collect()
        };
        match (select(&files.images).as_slice(), select(&files.labels).as_slice()) {
            ([], []) => Ok(None),
            ([images], [labels]) => read_pair(images, labels).map(Some),
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
    let test = part(true)?;
    if let (Some(test), Some(entry)) = (&test, files.images.iter().find(|entry| is_test(&entry.name))) {
        check_same_size(&entry.path, &test.images, &train.images)?;
    }
    assemble(&folder.path, "IDX", train, test, options)
}

/// MNIST's own name of the test files is `t10k`.
fn is_test(name: &str) -> bool {
    let name = name.to_lowercase();
    ["t10k", "test", "val"].iter().any(|mark| name.contains(mark))
}

/// Images and labels from two files.
pub(in crate::data) fn read_pair(images: &Entry, labels: &Entry) -> Result<Labelled, DataError> {
    let (dimensions, pixels) = read_elements(images, 3)?;
    let [count, height, width] = dimensions[..] else { unreachable!("three dimensions were requested") };
    check_size(&images.path, [height, width])?;
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

/// Dimensions and elements of a file that must have `rank` dimensions of unsigned bytes.
fn read_elements(entry: &Entry, rank: u8) -> Result<(Vec<usize>, Vec<u8>), DataError> {
    let corrupt = |offset, expected: String, found: String| DataError::Corrupt {
        path: entry.path.clone(),
        offset,
        expected,
        found,
        advice: "the file is damaged or of another kind: fetch it again",
    };
    let mut input = archive::unzipped(entry)?;
    let mut header = vec![0; 4 + 4 * usize::from(rank)];
    let got = match fill(&mut *input, &mut header) {
        Ok(got) => got,
        Err(reason) => {
            return Err(corrupt(0, "an IDX header".to_owned(), format!("damaged data ({reason})")));
        }
    };
    let magic = [0, 0, UNSIGNED_BYTE, rank];
    if got < 4 || header[..4] != magic {
        return Err(corrupt(
            0,
            format!("the IDX magic number {magic:02x?} ({rank} dimension(s) of bytes)"),
            format!("{:02x?}", &header[..got.min(4)]),
        ));
    }
    if got < header.len() {
        return Err(corrupt(got as u64, format!("a header of {} bytes", header.len()), "the end".to_owned()));
    }
    let dimensions: Vec<u64> = header[4..]
        .chunks_exact(4)
        .map(|b| u64::from(u32::from_be_bytes([b[0], b[1], b[2], b[3]])))
        .collect();
    let elements = dimensions.iter().try_fold(1u64, |product, &n| product.checked_mul(n));
    let Some(elements) = elements.filter(|&n| n <= MAX_ELEMENTS) else {
        return Err(corrupt(
            4,
            format!("dimensions of at most {MAX_ELEMENTS} bytes"),
            format!("{dimensions:?}"),
        ));
    };
    let mut data = Vec::new();
    let start = header.len() as u64;
    // One more byte than expected shows whether the file continues; memory grows with the bytes that exist.
    if let Err(reason) = input.take(elements + 1).read_to_end(&mut data) {
        let found = format!("damaged data ({reason})");
        return Err(corrupt(
            start + data.len() as u64,
            format!("{elements} bytes for {dimensions:?}"),
            found,
        ));
    }
    if data.len() as u64 != elements {
        let found = if data.len() as u64 > elements { "more" } else { "the end" };
        let offset = start + elements.min(data.len() as u64);
        return Err(corrupt(offset, format!("{elements} bytes for {dimensions:?}"), found.to_owned()));
    }
    Ok((dimensions.into_iter().map(|n| n as usize).collect(), data))
}

/// A data set of MNIST-like images; its classes are the labels that the training images have.
pub(in crate::data) fn assemble(
    path: &Path,
    format: &str,
    mut train: Labelled,
    mut test: Option<Labelled>,
    options: &OpenOptions,
) -> Result<DataSet, DataError> {
    let classes = set::classes_of_labels(path, &mut train, test.as_mut())?;
    let format = format.to_owned();
    Ok(Parts { format, classes, train, test, flip: false, shift: SHIFT }.assemble(options))
}

/// Six images of 8x8 pixels in two classes.
fn example() -> SampleFiles {
    let images =
        [&[0, 0, UNSIGNED_BYTE, 3, 0, 0, 0, 6, 0, 0, 0, 8, 0, 0, 0, 8], [7; 6 * 64].as_slice()].concat();
    vec![(IMAGES_FILE, images), (LABELS_FILE, example_labels())]
}

fn example_labels() -> Vec<u8> {
    vec![0, 0, UNSIGNED_BYTE, 1, 0, 0, 0, 6, 0, 1, 0, 1, 0, 1]
}
