//! CIFAR-10 and CIFAR-100, the binary version and the Python version.
//!
//! A binary file is records of a class byte (CIFAR-100: a coarse and a fine one) and 3,072 bytes of pixels: the red,
//! the green and the blue plane, each 32x32, row by row. A file of the Python version is a pickled dictionary: `data`,
//! an array of N rows of the same 3,072 bytes, and `labels`, or `fine_labels` and `coarse_labels`, lists of N numbers.

use crate::data::error::DataError;
use crate::data::files::{Entry, Folder};
use crate::data::format::{Format, Loader, Parser};
use crate::data::layout::listed;
use crate::data::pickle::{Pickle, Value};
use crate::data::records::{Records, read_names};
use crate::data::set::{self, DataSet, Labelled, OpenOptions, Parts};

pub const FORMAT: Format = Format {
    name: "CIFAR",
    description: "CIFAR-10 or CIFAR-100 files (binary or Python)",
    detect,
    explain: None,
    example: || vec![("data_batch_1.bin", zero_records(10)), ("test_batch.bin", zero_records(1))],
    parsers: &[
        Parser::new("cifar_binary", "data_batch_1.bin", || vec![("data_batch_1.bin", zero_records(1))]),
        Parser::new("cifar_100_binary", "train.bin", || {
            vec![("train.bin", Vec::new()), ("fine_label_names.txt", b"apple\nbear\n".to_vec())]
        }),
        Parser::new("cifar_pickle", "data_batch_1", || vec![("data_batch_1", Vec::new())]),
        Parser::new("cifar_names", BINARY_CIFAR_10.classes[0].1, || {
            let names = b"a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n".to_vec();
            vec![("data_batch_1.bin", zero_records(1)), (BINARY_CIFAR_10.classes[0].1, names)]
        }),
    ],
};

const SIDE: usize = 32;
const PLANE: usize = SIDE * SIDE;
const SHIFT: u32 = 4;
/// Batches of CIFAR-10's training images.
const BATCHES: u32 = 5;

/// The files of one set.
struct Files {
    train: Vec<Entry>,
    test: Vec<Entry>,
    version: Version,
}

enum Version {
    /// The layout that the names suggest; it is reported where the content fits neither.
    Binary { by_name: BinaryLayout },
    /// With the file that names the classes.
    Python { names: Option<Entry> },
}

/// Looks for the files of either version; loading finds out which CIFAR they are.
fn detect(folder: &Folder) -> Result<Option<Loader<'_>>, DataError> {
    let files = match detect_binary(folder) {
        Some(files) => Some(files),
        None => detect_python(folder)?,
    };
    Ok(files.map(|files| Loader::set(move |options| load(folder, &files, options))))
}

fn load(folder: &Folder, files: &Files, options: &OpenOptions) -> Result<DataSet, DataError> {
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
        Version::Binary { by_name } => read_binary(folder, files, *by_name, options)?,
        Version::Python { names } => read_python(files, names.as_ref(), options)?,
    };
    let mut set = parts.assemble(options);
    let missing: Vec<String> = missing_batches(&files.train).iter().map(u32::to_string).collect();
    if !missing.is_empty() {
        set.notices.push(format!(
            "CIFAR-10 has five files data_batch_1 to data_batch_5; missing here: {}",
            missing.join(", ")
        ));
    }
    set.notices.extend(uneven_batches(&files.train));
    Ok(set)
}

/// The notice about a batch that is smaller than the others, as one that was cut short.
fn uneven_batches(train: &[Entry]) -> Option<String> {
    // Batches of pickles differ by a few bytes.
    let most = train.iter().map(|entry| entry.size).max()?;
    let is_short = |entry: &&Entry| entry.size + PLANE as u64 <= most;
    let short: Vec<String> = train.iter().filter(is_short).map(|entry| entry.name.clone()).collect();
    (!short.is_empty()).then(|| {
        format!(
            "{} {} smaller than the other batches: if the file was cut short, copy it again",
            listed(&short),
            if short.len() == 1 { "is" } else { "are" }
        )
    })
}

/// The numbers of the batches that are not there, of a set with other batches.
fn missing_batches(train: &[Entry]) -> Vec<u32> {
    let number =
        |entry: &Entry| entry.name.strip_prefix("data_batch_")?.trim_end_matches(".bin").parse().ok();
    let found: Vec<u32> = train.iter().filter_map(number).collect();
    (1..=BATCHES).filter(|batch| !found.is_empty() && !found.contains(batch)).collect()
}

/// A set of either version.
fn parts(format: &str, classes: Vec<String>, train: Labelled, test: Labelled) -> Parts {
    Parts { format: format.to_owned(), classes, train, test: Some(test), flip: true, shift: SHIFT }
}

/// The layout of a binary record.
#[derive(Clone, Copy)]
struct BinaryLayout {
    format: &'static str,
    /// The number of values of each class byte, and the file that names them.
    classes: &'static [(u8, &'static str)],
}

const BINARY_CIFAR_10: BinaryLayout =
    BinaryLayout { format: "CIFAR-10 (binary)", classes: &[(10, "batches.meta.txt")] };
const BINARY_CIFAR_100: BinaryLayout = BinaryLayout {
    format: "CIFAR-100 (binary)",
    classes: &[(20, "coarse_label_names.txt"), (100, "fine_label_names.txt")],
};

impl BinaryLayout {
    /// Calls `each` with the class bytes and the planes of every record.
    fn read(self, entry: &Entry, mut each: impl FnMut(&[u8], &[u8])) -> Result<(), DataError> {
        let size = self.classes.len() + 3 * PLANE;
        let mut records = Records::open(entry, size, self.format.to_owned())?;
        while let Some(record) = records.next()? {
            let (classes, planes) = record.split_at(self.classes.len());
            let wrong = classes.iter().zip(self.classes).position(|(class, (count, _))| class >= count);
            if let Some(byte) = wrong {
                let (found, expected) = (classes[byte], format!("a class below {}", self.classes[byte].0));
                return Err(records.corrupt(byte, expected, found.to_string()));
            }
            each(classes, planes);
        }
        Ok(())
    }

    fn fits(self, entry: &Entry) -> bool {
        self.read(entry, |_, _| ()).is_ok()
    }
}

fn detect_binary(folder: &Folder) -> Option<Files> {
    let select = |test: fn(&str) -> bool| -> Vec<Entry> {
        let files = folder.files.values();
        files.filter(|entry| entry.name.ends_with(".bin") && test(&entry.name)).cloned().collect()
    };
    let train = select(|name| name.starts_with("data_batch") || name == "train.bin");
    let test = select(|name| name == "test_batch.bin" || name == "test.bin");
    let batches = train.iter().any(|entry| entry.name.starts_with("data_batch"));
    let by_name = if batches { BINARY_CIFAR_10 } else { BINARY_CIFAR_100 };
    let any = !train.is_empty() || !test.is_empty();
    any.then_some(Files { train, test, version: Version::Binary { by_name } })
}

fn read_binary(
    folder: &Folder,
    files: &Files,
    by_name: BinaryLayout,
    options: &OpenOptions,
) -> Result<Parts, DataError> {
    // The content decides; a file that fits neither layout is reported in terms of the one that its name suggests.
    let layouts = [BINARY_CIFAR_10, BINARY_CIFAR_100];
    let layout = layouts.into_iter().find(|layout| layout.fits(&files.train[0])).unwrap_or(by_name);
    let byte = if options.choice.coarse { 0 } else { layout.classes.len() - 1 };
    let read_part = |entries: &[Entry]| -> Result<Labelled, DataError> {
        let mut part = Labelled::empty([SIDE; 2], 3);
        for entry in entries {
            layout.read(entry, |classes, planes| {
                part.labels.push(u32::from(classes[byte]));
                part.images.push_planes(planes, false);
            })?;
        }
        Ok(part)
    };
    let (count, file) = layout.classes[byte];
    let classes = read_names(folder, file, usize::from(count))?;
    Ok(parts(layout.format, classes, read_part(&files.train)?, read_part(&files.test)?))
}

/// First byte of a pickle since protocol 2.
const PROTOCOL: u8 = 0x80;

fn detect_python(folder: &Folder) -> Result<Option<Files>, DataError> {
    let select = |test: fn(&str) -> bool| -> Result<Vec<Entry>, DataError> {
        let mut selected = Vec::new();
        for entry in folder.files.values().filter(|entry| test(&entry.name)) {
            // The name `data_batch_1` is specific enough; a file `train` may be anything.
            if entry.name.contains("_batch") || entry.prefix(1)? == [PROTOCOL] {
                selected.push(entry.clone());
            }
        }
        Ok(selected)
    };
    let is_batch = |name: &str| name.strip_prefix("data_batch_").is_some_and(|n| n.parse::<u32>().is_ok());
    let train = select(if folder.files.keys().any(|name| is_batch(name)) {
        |name| name.starts_with("data_batch_") && !name.contains('.')
    } else {
        |name| name == "train"
    })?;
    let test = select(|name| name == "test_batch" || name == "test")?;
    if train.is_empty() && test.is_empty() {
        return Ok(None);
    }
    let names = select(|name| name == "batches.meta" || name == "meta")?.into_iter().next();
    Ok(Some(Files { train, test, version: Version::Python { names } }))
}

/// The dictionary keys of one set of classes.
struct PythonKeys {
    format: &'static str,
    labels: &'static str,
    names: &'static str,
    classes: usize,
}

const PYTHON_CIFAR_10: PythonKeys =
    PythonKeys { format: "CIFAR-10 (Python)", labels: "labels", names: "label_names", classes: 10 };
const PYTHON_FINE: PythonKeys = PythonKeys {
    format: "CIFAR-100 (Python)",
    labels: "fine_labels",
    names: "fine_label_names",
    classes: 100,
};
const PYTHON_COARSE: PythonKeys = PythonKeys {
    format: "CIFAR-100 (Python)",
    labels: "coarse_labels",
    names: "coarse_label_names",
    classes: 20,
};

fn read_python(files: &Files, names: Option<&Entry>, options: &OpenOptions) -> Result<Parts, DataError> {
    let first = Pickle::read(&files.train[0])?;
    let keys = match (first.get(PYTHON_FINE.labels), options.choice.coarse) {
        (None, _) => PYTHON_CIFAR_10,
        (Some(_), false) => PYTHON_FINE,
        (Some(_), true) => PYTHON_COARSE,
    };
    let mut train = Labelled::empty([SIDE; 2], 3);
    append_batch(&first, &keys, &mut train)?;
    // Frees a batch before the next is read.
    drop(first);
    for entry in &files.train[1..] {
        append_batch(&Pickle::read(entry)?, &keys, &mut train)?;
    }
    let mut test = Labelled::empty([SIDE; 2], 3);
    for entry in &files.test {
        append_batch(&Pickle::read(entry)?, &keys, &mut test)?;
    }
    let classes = match names {
        Some(entry) => Pickle::read(entry)?.strings(keys.names, keys.classes)?,
        None => set::numbered(keys.classes),
    };
    Ok(parts(keys.format, classes, train, test))
}

fn append_batch(pickle: &Pickle, keys: &PythonKeys, part: &mut Labelled) -> Result<(), DataError> {
    let labels = pickle.integers(keys.labels, keys.classes)?;
    let data = pickle.get("data");
    let (count, column_major, bytes) = match data {
        Some(Value::Array(array)) if array.shape == [labels.len(), 3 * PLANE] => {
            (labels.len(), array.column_major, pickle.bytes(&array.bytes))
        }
        _ => {
            let expected =
                format!("'data', an array of {} rows (one per label) of {} bytes", labels.len(), 3 * PLANE);
            return Err(pickle.missing(expected, data));
        }
    };
    part.labels.extend(labels);
    for i in 0..count {
        if column_major {
            let planes: Vec<u8> = bytes.iter().skip(i).step_by(count).copied().collect();
            part.images.push_planes(&planes, false);
        } else {
            part.images.push_planes(&bytes[i * 3 * PLANE..][..3 * PLANE], false);
        }
    }
    Ok(())
}

/// Black images in binary records, of classes 0, 1 and so on.
fn zero_records(count: u8) -> Vec<u8> {
    (0..count).flat_map(|class| [vec![class], vec![0; 3 * PLANE]].concat()).collect()
}
