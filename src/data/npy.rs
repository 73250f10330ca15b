//! NumPy's `.npy` files: a mark, a header that is a Python dictionary of three entries, and the elements.

use std::io::Read;

use super::DataError;
use super::error::shown;
use super::files::Entry;
use super::records::fill;

const MARK: &[u8] = b"\x93NUMPY";
/// NumPy itself refuses longer headers than this.
const MAX_HEADER: usize = 10_000;
const ADVICE: &str = "save it again with numpy.save, numpy.savez or numpy.savez_compressed";

/// An array whose last index moves fastest.
pub(super) struct Array {
    pub shape: Vec<usize>,
    pub kind: Kind,
    pub bytes: Vec<u8>,
}

/// What an element is: its kind and how many bytes it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Signed {
        width: usize,
        big: bool,
    },
    Unsigned {
        width: usize,
        big: bool,
    },
    /// Characters of four bytes each.
    Text {
        width: usize,
        big: bool,
    },
}

/// The number of bytes each.
pub(super) const BYTE: Kind = Kind::Unsigned { width: 1, big: false };

impl Kind {
    /// From NumPy's code: byte order, kind, size.
    fn parse(code: &str) -> Option<Self> {
        let mut letters = code.chars();
        let (order, kind) = (letters.next()?, letters.next()?);
        let size: usize = letters.as_str().parse().ok()?;
        // One byte has no order.
        let big = order == '>' && size > 1;
        match (kind, size) {
            ('i', 1 | 2 | 4 | 8) => Some(Self::Signed { width: size, big }),
            ('u', 1 | 2 | 4 | 8) => Some(Self::Unsigned { width: size, big }),
            ('U', 1..=1_000) => Some(Self::Text { width: 4 * size, big: order == '>' }),
            _ => None,
        }
    }

    fn width(self) -> usize {
        match self {
            Self::Signed { width, .. } | Self::Unsigned { width, .. } | Self::Text { width, .. } => width,
        }
    }
}

impl Array {
    pub fn read(entry: &Entry) -> Result<Self, DataError> {
        let corrupt = |offset: usize, expected: String, found: String| DataError::Corrupt {
            path: entry.path.clone(),
            offset: offset as u64,
            expected,
            found,
            advice: ADVICE,
        };
        let mut stream = entry.stream()?;
        let mut read = |bytes: &mut [u8]| fill(&mut stream, bytes).map_err(|reason| entry.unreadable(reason));
        let mut start = [0; 8];
        if read(&mut start)? < start.len() || !start.starts_with(MARK) {
            return Err(corrupt(0, "the mark of a .npy file".to_owned(), format!("{start:02x?}")));
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
        let (kind, shape) = parse(&text).map_err(|(expected, found)| corrupt(at, expected, found))?;

        let start = at + length;
        let told = shape.iter().try_fold(kind.width(), |product, &n| product.checked_mul(n));
        let there = entry.size.saturating_sub(start as u64);
        if told.map(|bytes| bytes as u64) != Some(there) {
            let expected = format!("the bytes of {shape:?} elements of {}", kind.width());
            return Err(corrupt(start, expected, format!("{there}")));
        }
        let mut bytes = Vec::new();
        let taken = stream.take(there).read_to_end(&mut bytes).map_err(|reason| entry.unreadable(reason));
        taken?;
        if bytes.len() as u64 != there {
            return Err(corrupt(start + bytes.len(), format!("{there} bytes"), "the end".to_owned()));
        }
        Ok(Self { shape, kind, bytes })
    }

    /// The elements as whole numbers from 0, or the first that is none.
    pub fn numbers(&self) -> Result<Vec<u32>, String> {
        let (width, big, signed) = match self.kind {
            Kind::Signed { width, big } => (width, big, true),
            Kind::Unsigned { width, big } => (width, big, false),
            Kind::Text { .. } => return Err("texts".to_owned()),
        };
        let number = |bytes: &[u8]| {
            let fold = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
            let value = if big { bytes.iter().fold(0, fold) } else { bytes.iter().rev().fold(0, fold) };
            let unused = 64 - 8 * width as u32;
            let below = (value << unused) as i64 >> unused;
            match (signed && below < 0, u32::try_from(value)) {
                (false, Ok(number)) => Ok(number),
                (true, _) => Err(below.to_string()),
                (false, Err(_)) => Err(value.to_string()),
            }
        };
        self.bytes.chunks_exact(width).map(number).collect()
    }

    /// The elements as texts, `None` where they are numbers.
    pub fn texts(&self) -> Option<Vec<String>> {
        let Kind::Text { width, big } = self.kind else { return None };
        let letter = |b: &[u8]| {
            let word = [b[0], b[1], b[2], b[3]];
            let code = if big { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) };
            char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
        };
        let text = |bytes: &[u8]| bytes.chunks_exact(4).map(letter).collect::<String>();
        Some(self.bytes.chunks_exact(width).map(|b| text(b).trim_end_matches('\0').to_owned()).collect())
    }
}

/// Element and shape from `{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }`.
fn parse(header: &str) -> Result<(Kind, Vec<usize>), (String, String)> {
    let value = |key: &str| -> Option<&str> {
        let (_, rest) = header.split_once(&format!("'{key}':"))?;
        Some(rest.trim_start())
    };
    let lacks = |key: &str| (format!("'{key}' in the header"), shown(header));
    let code = value("descr").ok_or_else(|| lacks("descr"))?;
    let kind = code
        .strip_prefix('\'')
        .and_then(|code| code.split_once('\''))
        .and_then(|(code, _)| Kind::parse(code))
        .ok_or_else(|| {
            let expected = "an array of whole numbers or texts (images: uint8, 0 to 255)";
            (
                expected.to_owned(),
                format!("elements {}", shown(code.split(", 'fortran").next().unwrap_or(""))),
            )
        })?;
    if !value("fortran_order").ok_or_else(|| lacks("fortran_order"))?.starts_with("False") {
        let expected = "an array in C order (numpy.ascontiguousarray makes one)";
        return Err((expected.to_owned(), "one in Fortran order".to_owned()));
    }
    let shape = value("shape").ok_or_else(|| lacks("shape"))?;
    let sizes = shape.strip_prefix('(').and_then(|rest| rest.split_once(')')).map(|(sizes, _)| sizes);
    let sizes: Option<Vec<usize>> = sizes.and_then(|sizes| {
        sizes
            .split(',')
            .map(str::trim)
            .filter(|size| !size.is_empty())
            .map(|size| size.parse().ok())
            .collect()
    });
    sizes.map(|sizes| (kind, sizes)).ok_or_else(|| ("a shape".to_owned(), shown(shape)))
}
