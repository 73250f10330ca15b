//! Reader of NumPy's `.npy` files: a magic string, a header that is a Python dictionary of three entries, and the
//! elements. Numbers and strings in C order are accepted.

use std::fmt;
use std::io::Read;

use super::error::{DataError, excerpt};
use super::files::Entry;
use super::records::fill;

const MAGIC: &[u8] = b"\x93NUMPY";
/// NumPy itself refuses longer headers than this.
const MAX_HEADER: usize = 10_000;
const ADVICE: &str = "save it again with numpy.save, numpy.savez or numpy.savez_compressed";
/// What to do about elements that are neither numbers nor strings.
const CONVERT: &str = "convert the array before it is saved: images.astype('uint8'), labels.astype('int64'), or \
                       names.astype('str')";

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
    /// IEEE 754, of 2, 4 or 8 bytes.
    Float {
        width: usize,
        big_endian: bool,
    },
    /// 0 or 1 in a byte.
    Bool,
    /// A string of UTF-32 characters; `width` in bytes.
    Text {
        width: usize,
        big_endian: bool,
    },
    /// A string of bytes.
    Bytes {
        width: usize,
    },
}

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
            ('f', 2 | 4 | 8) => Some(Self::Float { width: size, big_endian }),
            ('b', 1) => Some(Self::Bool),
            ('S' | 'a', 1..=4_000) => Some(Self::Bytes { width: size }),
            ('U', 1..=1_000) => Some(Self::Text { width: 4 * size, big_endian: order == '>' }),
            _ => None,
        }
    }

    fn width(self) -> usize {
        match self {
            Self::Signed { width, .. }
            | Self::Unsigned { width, .. }
            | Self::Float { width, .. }
            | Self::Text { width, .. }
            | Self::Bytes { width } => width,
            Self::Bool => 1,
        }
    }
}

/// NumPy's name of the type.
impl fmt::Display for ElementType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signed { width, .. } => write!(f, "int{}", 8 * width),
            Self::Unsigned { width, .. } => write!(f, "uint{}", 8 * width),
            Self::Float { width, .. } => write!(f, "float{}", 8 * width),
            Self::Bool => write!(f, "bool"),
            Self::Text { .. } | Self::Bytes { .. } => write!(f, "strings"),
        }
    }
}

impl Array {
    /// Reads a `.npy` file.
    ///
    /// # Errors
    /// When the magic string or the header is wrong, the element type is neither number nor string, the array is in
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
        let (element, shape) = parse(&text).map_err(|Unknown { expected, found, advice }| {
            DataError::Corrupt { path: entry.path.clone(), offset: at as u64, expected, found, advice }
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

    /// The elements as numbers, of which those beyond 2^53 are rounded; `None` where they are strings.
    pub fn numbers(&self) -> Option<impl Iterator<Item = f64>> {
        let (width, big_endian) = match self.element {
            ElementType::Signed { width, big_endian }
            | ElementType::Unsigned { width, big_endian }
            | ElementType::Float { width, big_endian } => (width, big_endian),
            ElementType::Bool => (1, false),
            ElementType::Text { .. } | ElementType::Bytes { .. } => return None,
        };
        let element = self.element;
        let number = move |bytes: &[u8]| {
            let fold = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
            let bits = if big_endian { bytes.iter().fold(0, fold) } else { bytes.iter().rev().fold(0, fold) };
            match element {
                ElementType::Signed { .. } => {
                    let unused = 64 - 8 * width as u32;
                    ((bits << unused) as i64 >> unused) as f64
                }
                ElementType::Float { width: 2, .. } => half(bits as u16),
                ElementType::Float { width: 4, .. } => f64::from(f32::from_bits(bits as u32)),
                ElementType::Float { .. } => f64::from_bits(bits),
                _ => bits as f64,
            }
        };
        Some(self.bytes.chunks_exact(width).map(number))
    }

    /// The elements as strings; `None` where they are numbers.
    pub fn strings(&self) -> Option<Vec<String>> {
        let (width, big_endian) = match self.element {
            ElementType::Text { width, big_endian } => (width, big_endian),
            ElementType::Bytes { width } => {
                let string = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end_matches('\0').to_owned();
                return Some(self.bytes.chunks_exact(width).map(string).collect());
            }
            _ => return None,
        };
        let character = |b: &[u8]| {
            let word = [b[0], b[1], b[2], b[3]];
            let code = if big_endian { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) };
            char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
        };
        let string = |bytes: &[u8]| bytes.chunks_exact(4).map(character).collect::<String>();
        Some(self.bytes.chunks_exact(width).map(|b| string(b).trim_end_matches('\0').to_owned()).collect())
    }
}

/// A number of IEEE 754's binary16.
fn half(bits: u16) -> f64 {
    let (sign, exponent, fraction) =
        (if bits >> 15 == 1 { -1.0 } else { 1.0 }, i32::from(bits >> 10 & 31), f64::from(bits & 0x3ff));
    sign * match exponent {
        0 => fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1024.0 + fraction) * 2f64.powi(exponent - 25),
    }
}

/// What is wrong with a header.
struct Unknown {
    expected: String,
    found: String,
    advice: &'static str,
}

/// Element type and shape from `{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }`.
fn parse(header: &str) -> Result<(ElementType, Vec<usize>), Unknown> {
    let unknown = |expected: String, found: String| Unknown { expected, found, advice: ADVICE };
    let value = |key: &str| -> Option<&str> {
        let (_, rest) = header.split_once(&format!("'{key}':"))?;
        Some(rest.trim_start())
    };
    let missing = |key: &str| unknown(format!("'{key}' in the header"), excerpt(header));
    let descr = value("descr").ok_or_else(|| missing("descr"))?;
    let element = descr
        .strip_prefix('\'')
        .and_then(|code| code.split_once('\''))
        .and_then(|(code, _)| ElementType::parse(code))
        .ok_or_else(|| {
            let element = descr.split(", 'fortran").next().unwrap_or("");
            let found = match element {
                "'|O'" => "Python objects ('|O')".to_owned(),
                _ => format!("elements {}", excerpt(element)),
            };
            Unknown { expected: "an array of numbers or strings".to_owned(), found, advice: CONVERT }
        })?;
    if !value("fortran_order").ok_or_else(|| missing("fortran_order"))?.starts_with("False") {
        let expected = "an array in C order (numpy.ascontiguousarray makes one)";
        return Err(unknown(expected.to_owned(), "one in Fortran order".to_owned()));
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
    sizes.map(|sizes| (element, sizes)).ok_or_else(|| unknown("a shape".to_owned(), excerpt(shape)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(element: ElementType, bytes: &[u8]) -> Vec<f64> {
        let array = Array { shape: Vec::new(), element, bytes: bytes.to_vec() };
        array.numbers().expect("numbers").collect()
    }

    #[test]
    fn numbers_of_every_type_are_read() {
        let (big, little) = (true, false);
        for (element, bytes, expected) in [
            (ElementType::Bool, &[0, 1][..], &[0.0, 1.0][..]),
            (ElementType::Unsigned { width: 2, big_endian: big }, &[1, 2, 0xff, 0xff], &[258.0, 65_535.0]),
            (ElementType::Signed { width: 1, big_endian: little }, &[0xff, 3], &[-1.0, 3.0]),
            (ElementType::Signed { width: 2, big_endian: little }, &[0xfe, 0xff], &[-2.0]),
            (
                ElementType::Float { width: 2, big_endian: little },
                &[0, 0x3c, 0, 0xb8, 1, 0],
                &[1.0, -0.5, 2f64.powi(-24)],
            ),
            (ElementType::Float { width: 4, big_endian: little }, &0.25f32.to_le_bytes(), &[0.25]),
            (ElementType::Float { width: 8, big_endian: big }, &(-3.5f64).to_be_bytes(), &[-3.5]),
        ] {
            assert_eq!(numbers(element, bytes), expected, "{element}");
        }
        let special = numbers(ElementType::Float { width: 2, big_endian: little }, &[0, 0x7c, 1, 0x7c]);
        assert!(special[0] == f64::INFINITY && special[1].is_nan());
    }
}
