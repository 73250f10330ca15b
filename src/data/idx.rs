//! IDX, the format of MNIST and Fashion-MNIST, plain or gzipped.
//!
//! A file is: two zero bytes, the element type (8: unsigned byte), the number of dimensions, each dimension as a
//! big-endian u32, then the elements.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use super::set::{self, Labelled};
use super::source::{self, Entry};
use super::{DataError, DataSet, Images, OpenOptions, Origin};

const UNSIGNED_BYTE: u8 = 8;
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// Elements of one file; more could be a gzip file made to exhaust memory.
const MAX_ELEMENTS: u64 = 1 << 31;

/// Pixels that weak augmentation shifts MNIST-like images by.
const SHIFT: u32 = 2;

/// The files of a folder that are IDX, told from their content.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Files {
    images: Vec<PathBuf>,
    labels: Vec<PathBuf>,
}

/// Looks for IDX files among a folder's entries. `None` when there are none.
pub(super) fn find(entries: &[Entry]) -> Option<Files> {
    let mut files = Files::default();
    for entry in entries.iter().filter(|entry| !entry.folder) {
        let name = entry.name.to_lowercase();
        // A file too damaged to be told by content is still named: reading it says what is wrong.
        let dims = dimensions(&entry.path).ok().flatten().or_else(|| {
            let named = |mark| name.contains(mark).then_some(mark == "idx3-ubyte");
            named("idx3-ubyte").or(named("idx1-ubyte")).map(|images| if images { 3 } else { 1 })
        });
        match dims {
            Some(1) => files.labels.push(entry.path.clone()),
            Some(_) => files.images.push(entry.path.clone()),
            None => {}
        }
    }
    (files != Files::default()).then_some(files)
}

/// The number of dimensions of an IDX file, `None` when it is another kind of file.
pub(super) fn dimensions(path: &Path) -> io::Result<Option<u8>> {
    let mut magic = [0; 4];
    plain(BufReader::new(File::open(path)?))?.read_exact(&mut magic)?;
    Ok((magic[..2] == [0, 0] && matches!(magic[2], 8..=14) && matches!(magic[3], 1..=4)).then_some(magic[3]))
}

fn plain<'a>(mut input: impl BufRead + 'a) -> io::Result<Box<dyn Read + 'a>> {
    Ok(if input.fill_buf()?.starts_with(&GZIP) {
        Box::new(MultiGzDecoder::new(input))
    } else {
        Box::new(input)
    })
}

/// Reads the four files (or two: then test images are held out).
pub(super) fn read(folder: &Path, files: &Files, options: &OpenOptions) -> Result<DataSet, DataError> {
    let part = |test: bool| -> Result<Option<Labelled>, DataError> {
        let of = |paths: &[PathBuf]| -> Vec<PathBuf> {
            paths.iter().filter(|path| is_test(path) == test).cloned().collect()
        };
        match (of(&files.images).as_slice(), of(&files.labels).as_slice()) {
            ([], []) => Ok(None),
            ([images], [labels]) => read_pair(images, labels).map(Some),
            (images, labels) => Err(DataError::Missing {
                path: images.first().or(labels.first()).cloned().unwrap_or_default(),
                expected: format!(
                    "one images and one labels file to {}",
                    if test { "test" } else { "train" }
                ),
                found: format!("{} and {}", images.len(), labels.len()),
            }),
        }
    };
    let Some(train) = part(false)? else {
        return Err(DataError::Missing {
            path: folder.to_owned(),
            expected: "IDX files to train, such as train-images-idx3-ubyte".to_owned(),
            found: "test files only".to_owned(),
        });
    };
    assemble(source::name_of(folder), folder, "IDX".to_owned(), train, part(true)?, options)
}

/// MNIST's own name of the test files is `t10k`.
fn is_test(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    ["t10k", "test", "val"].iter().any(|mark| name.contains(mark))
}

fn read_pair(images: &Path, labels: &Path) -> Result<Labelled, DataError> {
    let open = |path: &Path| {
        let file = File::open(path).map_err(|reason| DataError::Read { path: path.to_owned(), reason })?;
        Ok(BufReader::new(file))
    };
    pair(images, open(images)?, labels, open(labels)?)
}

/// Images and labels from two opened files; the paths are for messages.
pub(super) fn pair(
    images_path: &Path,
    images: impl BufRead,
    labels_path: &Path,
    labels: impl BufRead,
) -> Result<Labelled, DataError> {
    let (dims, pixels) = read_elements(images_path, images, 3)?;
    let [count, height, width] = dims[..] else { unreachable!("three dimensions were asked for") };
    if height != width || !super::SIDES.contains(&height) {
        return Err(DataError::ImageSize { path: images_path.to_owned(), width, height });
    }
    let (_, labels) = read_elements(labels_path, labels, 1)?;
    if labels.len() != count {
        return Err(DataError::Corrupt {
            path: labels_path.to_owned(),
            offset: 4,
            expected: format!("a label for each of the {count} images of {}", images_path.display()),
            found: format!("{} labels", labels.len()),
            advice: "the two files do not belong together",
        });
    }
    let images = Images { height, width, channels: 1, pixels };
    Ok(Labelled { images, labels: labels.into_iter().map(u32::from).collect() })
}

/// Dimensions and elements of a file that must have `wanted` dimensions of unsigned bytes.
fn read_elements(path: &Path, input: impl BufRead, wanted: u8) -> Result<(Vec<usize>, Vec<u8>), DataError> {
    let read_error = |reason| DataError::Read { path: path.to_owned(), reason };
    let corrupt = |offset, expected: String, found: String| DataError::Corrupt {
        path: path.to_owned(),
        offset,
        expected,
        found,
        advice: "the file is damaged or another kind of file: fetch it again",
    };
    let mut input = plain(input).map_err(read_error)?;
    let mut header = vec![0; 4 + 4 * usize::from(wanted)];
    let got = read_up_to(&mut *input, &mut header).map_err(read_error)?;
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

fn read_up_to(input: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut got = 0;
    while got < buffer.len() {
        match input.read(&mut buffer[got..]) {
            Ok(0) => break,
            Ok(n) => got += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
            Err(error) => return Err(error),
        }
    }
    Ok(got)
}

/// A data set of MNIST-like images; classes are the labels that the training images have.
pub(super) fn assemble(
    name: String,
    path: &Path,
    format: String,
    mut train: Labelled,
    mut test: Option<Labelled>,
    options: &OpenOptions,
) -> Result<DataSet, DataError> {
    let present: Vec<u32> = train.labels.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
    for part in [Some(&mut train), test.as_mut()].into_iter().flatten() {
        for label in &mut part.labels {
            let Ok(class) = present.binary_search(label) else {
                return Err(DataError::UntrainedClass { path: path.to_owned(), class: label.to_string() });
            };
            *label = class as u32;
        }
    }
    let classes: Vec<String> = present.iter().map(u32::to_string).collect();
    let mut notices = Vec::new();
    let test = match test {
        Some(test) if !test.images.is_empty() => test,
        _ => {
            let (stay, test) = set::hold_out(&train, classes.len(), options.test_share.unwrap_or(0.1));
            train = stay;
            notices.push(set::held_out_notice(test.labels.len()));
            test
        }
    };
    Ok(DataSet {
        name,
        format,
        classes,
        train: train.images,
        train_labels: train.labels.into_iter().map(Some).collect(),
        test: test.images,
        test_labels: test.labels,
        origin: Origin::Benchmark,
        flip: false,
        shift: SHIFT,
        notices,
    })
}
