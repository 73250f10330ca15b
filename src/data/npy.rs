//! Reader of NumPy's `.npy` files: a magic string, a header that is a Python dictionary of three entries, and the
//! elements. Only integers and strings in C order are accepted.

use std::fmt;
use std::io::Read;

use super::error::{DataError, excerpt};
use super::files::Entry;
use super::records::fill;

const MAGIC: &[u8] = b"\x93NUMPY";
/// NumPy itself refuses longer headers than this.
const MAX_HEADER: usize = 10_000;
const ADVICE: &str = "save it again with numpy.save, numpy.savez or numpy.savez_compressed";
/// What to do about an array of floating-point numbers.
const FLOATS: &str = "convert the array before it is saved: images.astype('uint8') where its values are 0 to 255, \
                      (255 * images).astype('uint8') where they are 0 to 1";

/// An array in C order: the last index varies fastest.
pub(super) struct Array {
    pub shape: Vec<usize>,
    pub element: ElementType,
    pub bytes: Vec<u8>,
}

/// The type of an element, and its size and byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ElementType {
    Signed {
        width: usize,
        big_endian: bool,
    },
    Unsigned {
        width: usize,
        big_endian: bool,
    },
    /// A string of UTF-32 characters; `width` in bytes.
    Text {
        width: usize,
        big_endian: bool,
    },
}

pub(super) const UINT8: ElementType = ElementType::Unsigned { width: 1, big_endian: false };

impl ElementType {
    /// From NumPy's type string: byte order, kind, size.
    fn parse(descr: &str) -> Option<Self> {
        let mut letters = descr.chars();
        let (order, kind) = (letters.next()?, letters.next()?);
        let size: usize = letters.as_str().parse().ok()?;
        // A single byte has no order.
        let big_endian = order == '>' && size > 1;
        match (kind, size) {
            ('i', 1 | 2 | 4 | 8) => Some(Self::Signed { width: size, big_endian }),
            ('u', 1 | 2 | 4 | 8) => Some(Self::Unsigned { width: size, big_endian }),
            ('U', 1..=1_000) => Some(Self::Text { width: 4 * size, big_endian: order == '>' }),
            _ => None,
        }
    }

    fn width(self) -> usize {
        match self {
            Self::Signed { width, .. } | Self::Unsigned { width, .. } | Self::Text { width, .. } => width,
        }
    }
}

/// NumPy's name of the type.
impl fmt::Display for ElementType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signed { width, .. } => write!(f, "int{}", 8 * width),
            Self::Unsigned { width, .. } => write!(f, "uint{}", 8 * width),
            Self::Text { .. } => write!(f, "strings"),
        }
    }
}

impl Array {
    /// Reads a `.npy` file.
    ///
    /// # Errors
    /// When the magic string or the header is wrong, the element type is neither integer nor string, the array is in
    /// Fortran order, or the file's size does not match the shape. Memory is allocated for bytes that exist only.
    pub fn read(entry: &Entry) -> Result<Self, DataError> {
        let corrupt = |offset: usize, expected: String, found: String| DataError::Corrupt {
            path: entry.path.clone(),
            offset: offset as u64,
            expected,
            found,
            advice: ADVICE,
        };
        let mut stream = entry.open()?;
        let mut read = |bytes: &mut [u8]| fill(&mut stream, bytes).map_err(|reason| entry.unreadable(reason));
        let mut start = [0; 8];
        if read(&mut start)? < start.len() || !start.starts_with(MAGIC) {
            return Err(corrupt(0, "the magic string of a .npy file".to_owned(), format!("{start:02x?}")));
        }
        let mut length = [0; 4];
        let width = if start[6] == 1 { 2 } else { 4 };
        read(&mut length[..width])?;
        let (at, length) = (start.len() + width, u32::from_le_bytes(length) as usize);
        let mut header = vec![0; length.min(MAX_HEADER)];
        let got = read(&mut header)?;
        if got < length {
            let expected = format!("a header of {length} bytes, at most {MAX_HEADER}");
            return Err(corrupt(at, expected, format!("{got}")));
        }
        let text = String::from_utf8_lossy(&header).into_owned();
        let (element, shape) =
            parse(&text).map_err(|(expected, found)| match corrupt(at, expected, found) {
                DataError::Corrupt { path, offset, expected, found, .. }
                    if ["<f", ">f"].iter().any(|kind| found.contains(kind)) =>
                {
                    DataError::Corrupt { path, offset, expected, found, advice: FLOATS }
                }
                error => error,
            })?;

        let start = at + length;
        let declared = shape.iter().try_fold(element.width(), |product, &n| product.checked_mul(n));
        let available = entry.size.saturating_sub(start as u64);
        if declared.map(|bytes| bytes as u64) != Some(available) {
            let expected = format!("the bytes of {shape:?} elements of {}", element.width());
            return Err(corrupt(start, expected, format!("{available}")));
        }
        let mut bytes = Vec::new();
        stream.take(available).read_to_end(&mut bytes).map_err(|reason| entry.unreadable(reason))?;
        if bytes.len() as u64 != available {
            return Err(corrupt(start + bytes.len(), format!("{available} bytes"), "the end".to_owned()));
        }
        Ok(Self { shape, element, bytes })
    }

    /// The elements as non-negative integers, or what was found instead.
    pub fn integers(&self) -> Result<Vec<u32>, String> {
        let (width, big_endian, signed) = match self.element {
            ElementType::Signed { width, big_endian } => (width, big_endian, true),
            ElementType::Unsigned { width, big_endian } => (width, big_endian, false),
            ElementType::Text { .. } => return Err("strings".to_owned()),
        };
        let integer = |bytes: &[u8]| {
            let fold = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
            let value =
                if big_endian { bytes.iter().fold(0, fold) } else { bytes.iter().rev().fold(0, fold) };
            let unused = 64 - 8 * width as u32;
            let as_signed = (value << unused) as i64 >> unused;
            match (signed && as_signed < 0, u32::try_from(value)) {
                (false, Ok(number)) => Ok(number),
                (true, _) => Err(as_signed.to_string()),
                (false, Err(_)) => Err(value.to_string()),
            }
        };
        self.bytes.chunks_exact(width).map(integer).collect()
    }

    /// The elements as strings; `None` where they are numbers.
    pub fn strings(&self) -> Option<Vec<String>> {
        let ElementType::Text { width, big_endian } = self.element else { return None };
        let character = |b: &[u8]| {
            let word = [b[0], b[1], b[2], b[3]];
            let code = if big_endian { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) };
            char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
        };
        let string = |bytes: &[u8]| bytes.chunks_exact(4).map(character).collect::<String>();
        Some(self.bytes.chunks_exact(width).map(|b| string(b).trim_end_matches('\0').to_owned()).collect())
    }
}

/// Element type and shape from `{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }`, or what was expected and
/// what was found.
fn parse(header: &str) -> Result<(ElementType, Vec<usize>), (String, String)> {
    let value = |key: &str| -> Option<&str> {
        let (_, rest) = header.split_once(&format!("'{key}':"))?;
        Some(rest.trim_start())
    };
    let missing = |key: &str| (format!("'{key}' in the header"), excerpt(header));
    let descr = value("descr").ok_or_else(|| missing("descr"))?;
    let element = descr
        .strip_prefix('\'')
        .and_then(|code| code.split_once('\''))
        .and_then(|(code, _)| ElementType::parse(code))
        .ok_or_else(|| {
            let expected = "an array of integers or strings (images: uint8, 0 to 255)".to_owned();
            (expected, format!("elements {}", excerpt(descr.split(", 'fortran").next().unwrap_or(""))))
        })?;
    if !value("fortran_order").ok_or_else(|| missing("fortran_order"))?.starts_with("False") {
        let expected = "an array in C order (numpy.ascontiguousarray makes one)";
        return Err((expected.to_owned(), "one in Fortran order".to_owned()));
    }
    let shape = value("shape").ok_or_else(|| missing("shape"))?;
    let sizes = shape.strip_prefix('(').and_then(|rest| rest.split_once(')')).map(|(sizes, _)| sizes);
    let sizes: Option<Vec<usize>> = sizes.and_then(|sizes| {
        sizes
            .split(',')
            .map(str::trim)
            .filter(|size| !size.is_empty())
            .map(|size| size.parse().ok())
            .collect()
    });
    sizes.map(|sizes| (element, sizes)).ok_or_else(|| ("a shape".to_owned(), excerpt(shape)))
}
