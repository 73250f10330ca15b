//! Reader of MATLAB's MAT-files, version 5: their numeric arrays.
//!
//! A header of 128 bytes is followed by elements, each a type and a size in bytes and then its content. The elements
//! read here are matrices, or matrices compressed as a whole; a matrix consists of elements in turn: its class, its
//! dimensions, its name and its numbers in column-major order. Elements are padded to 8 bytes; one of up to 4 bytes may
//! share 8 bytes with its type and size.

use std::fmt;
use std::io::{self, Read};

use flate2::read::ZlibDecoder;

use super::error::DataError;
use super::files::Entry;
use super::limits::Bounded;
use super::records::fill;

const HEADER: usize = 128;
const INT8: u32 = 1;
const UINT8: u32 = 2;
const INT32: u32 = 5;
const UINT32: u32 = 6;
const MATRIX: u32 = 14;
const COMPRESSED: u32 = 15;
/// Array classes of real numbers: double to 64-bit integers.
const NUMERIC: std::ops::RangeInclusive<u8> = 6..=15;
const CLASS_UINT8: u32 = 9;
const MAX_DIMENSIONS: usize = 32;
const MAX_NAME: usize = 4_096;

/// A numeric array.
pub(super) struct Variable {
    pub name: String,
    pub dimensions: Vec<usize>,
    /// How its numbers are stored, which may be narrower than their class: MATLAB takes the smallest type that fits.
    pub storage: Storage,
    /// Column-major.
    pub bytes: Vec<u8>,
}

/// How a number is stored, little-endian; integers with their width in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Storage {
    Signed(usize),
    Unsigned(usize),
    Single,
    Double,
}

/// MATLAB's name of the type.
impl fmt::Display for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signed(width) => write!(f, "int{}", 8 * width),
            Self::Unsigned(width) => write!(f, "uint{}", 8 * width),
            Self::Single => write!(f, "single"),
            Self::Double => write!(f, "double"),
        }
    }
}

impl Storage {
    fn from_type(element_type: u32) -> Option<Self> {
        Some(match element_type {
            INT8 => Self::Signed(1),
            UINT8 => Self::Unsigned(1),
            3 => Self::Signed(2),
            4 => Self::Unsigned(2),
            INT32 => Self::Signed(4),
            UINT32 => Self::Unsigned(4),
            7 => Self::Single,
            9 => Self::Double,
            12 => Self::Signed(8),
            13 => Self::Unsigned(8),
            _ => return None,
        })
    }

    fn width(self) -> usize {
        match self {
            Self::Signed(width) | Self::Unsigned(width) => width,
            Self::Single => 4,
            Self::Double => 8,
        }
    }
}

impl Variable {
    /// The numbers as non-negative integers.
    ///
    /// # Errors
    /// The first number that is not an integer from 0 to `u32::MAX`.
    pub fn integers(&self) -> Result<Vec<u32>, f64> {
        let number = |bytes: &[u8]| -> f64 {
            let mut word = [0; 8];
            word[..bytes.len()].copy_from_slice(bytes);
            let unsigned = u64::from_le_bytes(word);
            let unused = 64 - 8 * bytes.len() as u32;
            match self.storage {
                Storage::Unsigned(_) => unsigned as f64,
                Storage::Signed(_) => ((unsigned << unused) as i64 >> unused) as f64,
                Storage::Single => f64::from(f32::from_bits(unsigned as u32)),
                Storage::Double => f64::from_bits(unsigned),
            }
        };
        let integer = |value: f64| {
            let fits = value.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&value);
            if fits { Ok(value as u32) } else { Err(value) }
        };
        self.bytes.chunks_exact(self.storage.width()).map(|bytes| integer(number(bytes))).collect()
    }
}

/// Why an element cannot be read.
enum Problem {
    Unreadable(io::Error),
    Wrong { expected: String, found: String },
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Unreadable(error)
    }
}

fn wrong<T>(expected: impl Into<String>, found: impl Into<String>) -> Result<T, Problem> {
    Err(Problem::Wrong { expected: expected.into(), found: found.into() })
}

/// Reads the numeric arrays with these names; others are skipped.
///
/// # Errors
/// When the file is not a little-endian MAT-file of version 5, is cut short, or unpacks to more than
/// [`unpacked_limit`](super::limits::unpacked_limit) bytes; when a named array is not numeric or its size does not match
/// its dimensions.
pub(super) fn read_variables(entry: &Entry, names: &[&str]) -> Result<Vec<Variable>, DataError> {
    let corrupt = |offset: u64, problem| {
        let (expected, found) = match problem {
            Problem::Wrong { expected, found } => (expected, found),
            Problem::Unreadable(reason) => {
                ("a whole variable".to_owned(), format!("damaged data ({reason})"))
            }
        };
        DataError::Corrupt {
            path: entry.path.clone(),
            offset,
            expected,
            found,
            advice: "the file is cut short, damaged or of another kind: fetch it again, or save it as version 5 \
                     (save -v7 in MATLAB, scipy.io.savemat in Python)",
        }
    };
    let mut input = entry.open()?;
    check_header(&mut input).map_err(|problem| corrupt(0, problem))?;
    let mut offset = HEADER as u64;
    let mut found = Vec::new();
    while let Some((kind, size)) = top_tag(&mut input).map_err(|problem| corrupt(offset, problem))? {
        let mut element = (&mut input).take(u64::from(size));
        let read = match kind {
            MATRIX => matrix(&mut element, names),
            COMPRESSED => {
                let mut unzipped = Bounded::new(ZlibDecoder::new(&mut element), u64::from(size));
                let inner = tag(&mut unzipped);
                inner.and_then(|inner| match inner {
                    Tag { kind: MATRIX, .. } => matrix(&mut unzipped, names),
                    Tag { kind, .. } => wrong("a compressed matrix", format!("an element of type {kind}")),
                })
            }
            _ => Ok(None),
        };
        found.extend(read.map_err(|problem| corrupt(offset, problem))?);
        // The compressed stream may end before its element does.
        io::copy(&mut element, &mut io::sink()).map_err(|reason| entry.unreadable(reason))?;
        if element.limit() > 0 {
            let problem = wrong::<()>(format!("an element of {size} bytes"), "the end of the file");
            problem.map_err(|problem| corrupt(offset, problem))?;
        }
        offset += 8 + u64::from(size);
    }
    Ok(found)
}

fn check_header(input: &mut dyn Read) -> Result<(), Problem> {
    let mut header = [0; HEADER];
    let got = fill(input, &mut header)?;
    if header.starts_with(b"MATLAB 7.3") || header.starts_with(b"\x89HDF") {
        return wrong("a MAT-file of version 5", "one of version 7.3 (HDF5)");
    }
    match &header[124..] {
        [0, 1, b'I', b'M'] if got == HEADER => Ok(()),
        [1, 0, b'M', b'I'] => wrong("a little-endian MAT-file", "a big-endian one"),
        _ if got < HEADER => wrong(format!("a header of {HEADER} bytes"), format!("the end after {got}")),
        other => wrong("the magic number of a MAT-file of version 5", format!("{other:02x?} at byte 124")),
    }
}

/// Type and size of the file's next element; `None` at its end.
fn top_tag(input: &mut dyn Read) -> Result<Option<(u32, u32)>, Problem> {
    let mut bytes = [0; 8];
    match fill(input, &mut bytes)? {
        0 => Ok(None),
        8 => {
            let word =
                |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
            Ok(Some((word(0), word(4))))
        }
        got => wrong("a type and a size of 8 bytes", format!("the end after {got}")),
    }
}

/// Type and size of an element of a matrix, and its content if all share 8 bytes.
struct Tag {
    kind: u32,
    size: usize,
    small: Option<[u8; 4]>,
}

fn tag(input: &mut dyn Read) -> Result<Tag, Problem> {
    let mut bytes = [0; 8];
    let got = fill(input, &mut bytes)?;
    if got < bytes.len() {
        return wrong("a type and a size of 8 bytes", format!("the end after {got}"));
    }
    let [a, b, c, d, content @ ..] = bytes;
    let (kind, size) = (u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]));
    if size == 0 {
        let size = u32::from_le_bytes(content) as usize;
        return Ok(Tag { kind: u32::from_le_bytes([a, b, c, d]), size, small: None });
    }
    if size > 4 {
        return wrong("a small element of at most 4 bytes", format!("one of {size}"));
    }
    Ok(Tag { kind: u32::from(kind), size: usize::from(size), small: Some(content) })
}

/// An element's type and its content of at most `limit` bytes.
fn element(input: &mut dyn Read, what: &str, limit: usize) -> Result<(u32, Vec<u8>), Problem> {
    let Tag { kind, size, small } = tag(input)?;
    if size > limit {
        return wrong(format!("{what} of at most {limit} bytes"), format!("{size}"));
    }
    if let Some(content) = small {
        return Ok((kind, content[..size].to_vec()));
    }
    // Memory grows with the bytes that exist, not with the declared size.
    let mut bytes = Vec::new();
    (&mut *input).take(size as u64).read_to_end(&mut bytes)?;
    if bytes.len() < size {
        return wrong(format!("{size} bytes of {what}"), format!("the end after {}", bytes.len()));
    }
    let padding = size.next_multiple_of(8) - size;
    fill(input, &mut [0; 8][..padding])?;
    Ok((kind, bytes))
}

/// A matrix, if its name is one of `names`.
fn matrix(input: &mut dyn Read, names: &[&str]) -> Result<Option<Variable>, Problem> {
    let (_, flags) = element(input, "array flags", 8)?;
    let (_, dimensions) = element(input, "dimensions", 4 * MAX_DIMENSIONS)?;
    let (_, name) = element(input, "the name", MAX_NAME)?;
    let name = String::from_utf8_lossy(&name).into_owned();
    if !names.contains(&name.as_str()) {
        return Ok(None);
    }
    let class = flags.first().copied().unwrap_or(0);
    if !NUMERIC.contains(&class) {
        return wrong(format!("'{name}', an array of numbers"), format!("an array of class {class}"));
    }
    let dimensions: Vec<usize> = dimensions
        .chunks_exact(4)
        .map(|b| i32::from_le_bytes([b[0], b[1], b[2], b[3]]).max(0) as usize)
        .collect();
    let (kind, bytes) = element(input, &format!("'{name}'"), u32::MAX as usize)?;
    let Some(storage) = Storage::from_type(kind) else {
        return wrong(format!("'{name}' as numbers"), format!("an element of type {kind}"));
    };
    let declared = dimensions.iter().try_fold(storage.width(), |product, &n| product.checked_mul(n));
    if declared != Some(bytes.len()) {
        return wrong(format!("'{name}' of {dimensions:?} numbers"), format!("{} bytes", bytes.len()));
    }
    Ok(Some(Variable { name, dimensions, storage, bytes }))
}

/// The header of a file, for examples.
pub(super) fn write_header() -> Vec<u8> {
    let mut header = b"MATLAB 5.0 MAT-file".to_vec();
    header.resize(HEADER - 4, b' ');
    header.extend([0, 1, b'I', b'M']);
    header
}

/// A variable of bytes, for examples.
pub(super) fn write_bytes(name: &str, dimensions: &[i32], bytes: &[u8]) -> Vec<u8> {
    let element = |kind: u32, content: &[u8]| {
        let padding = content.len().next_multiple_of(8) - content.len();
        let size = content.len() as u32;
        [&kind.to_le_bytes(), &size.to_le_bytes(), content, &[0; 8][..padding]].concat()
    };
    let dimensions: Vec<u8> = dimensions.iter().flat_map(|n| n.to_le_bytes()).collect();
    let class = [CLASS_UINT8.to_le_bytes(), [0; 4]].concat();
    let parts = [element(UINT32, &class), element(INT32, &dimensions), element(INT8, name.as_bytes())];
    element(MATRIX, &[parts.concat(), element(UINT8, bytes)].concat())
}
