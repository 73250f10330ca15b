//! The values of a pickle, and the calls that make NumPy arrays.

use std::ops::Range;

use crate::data::error::excerpt;

/// What was expected and found at an offset of a pickle.
pub(super) struct Mismatch {
    pub offset: usize,
    pub expected: String,
    pub found: String,
}

impl Mismatch {
    pub fn at(offset: usize, (expected, found): (String, String)) -> Self {
        Self { offset, expected, found }
    }
}

/// A value on the stack. Strings are byte ranges of the file; lists contain no containers.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::data) enum Value {
    None,
    Bool(bool),
    Int(i64),
    Str(Range<usize>),
    Tuple(Vec<Value>),
    List(Vec<Value>),
    Dict(Vec<(Value, Value)>),
    /// A known name; only [`call`] calls it.
    Name(Name),
    /// An element type, the range of `u1`.
    ElementType(Range<usize>),
    Array(Array),
}

/// The NumPy names in the pickle of an array.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::data) enum Name {
    Reconstruct,
    NdArray,
    DType,
}

/// An array of bytes; empty until [`set_state`].
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::data) struct Array {
    pub shape: Vec<usize>,
    /// Whether the array is in Fortran order.
    pub column_major: bool,
    pub bytes: Range<usize>,
}

/// NumPy's module name before and since version 2.
const MODULES: [&[u8]; 2] = [b"numpy.core.multiarray", b"numpy._core.multiarray"];

impl Name {
    pub fn known(module: &[u8], name: &[u8]) -> Option<Self> {
        match name {
            b"_reconstruct" if MODULES.contains(&module) => Some(Self::Reconstruct),
            b"ndarray" if module == b"numpy" => Some(Self::NdArray),
            b"dtype" if module == b"numpy" => Some(Self::DType),
            _ => None,
        }
    }
}

impl Value {
    /// The Python type, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Bool(_) => "a bool",
            Self::Int(_) => "a number",
            Self::Str(_) => "a string",
            Self::Tuple(_) => "a tuple",
            Self::List(_) => "a list",
            Self::Dict(_) => "a dictionary",
            Self::Name(_) => "a name of NumPy",
            Self::ElementType(_) => "an element type",
            Self::Array(_) => "an array",
        }
    }

    /// Type and size or value, for messages.
    pub fn describe(&self) -> String {
        match self {
            Self::Int(n) => format!("the number {n}"),
            Self::Array(array) => format!("an array of shape {:?}", array.shape),
            Self::List(_) | Self::Tuple(_) | Self::Dict(_) => format!("{} of {}", self.kind(), self.len()),
            other => other.kind().to_owned(),
        }
    }

    /// Number of items of a container; 0 for other values.
    pub fn len(&self) -> usize {
        match self {
            Self::Tuple(items) | Self::List(items) => items.len(),
            Self::Dict(items) => items.len(),
            _ => 0,
        }
    }

    /// Whether the value may be an item of a list, and may be memoised and used again: it is not a container.
    pub fn is_plain(&self) -> bool {
        !matches!(self, Self::Tuple(_) | Self::List(_) | Self::Dict(_) | Self::Array(_))
    }

    /// Whether the value may be an item of a tuple: a plain value, or a tuple of plain values.
    pub fn fits_tuple(&self) -> bool {
        match self {
            Self::Tuple(items) => items.iter().all(Self::is_plain),
            other => other.is_plain(),
        }
    }
}

/// Evaluates `_reconstruct(ndarray, (0,), b'b')` or `dtype('u1', False, True)`, the only calls that are known.
///
/// # Errors
/// (expected, found) for any other call.
pub(super) fn call(name: &Value, arguments: &[Value], bytes: &[u8]) -> Result<Value, (String, String)> {
    match (name, arguments) {
        (Value::Name(Name::Reconstruct), [Value::Name(Name::NdArray), Value::Tuple(_), Value::Str(_)]) => {
            Ok(Value::Array(Array::default()))
        }
        (Value::Name(Name::DType), [Value::Str(range), ..]) => {
            let code = &bytes[range.clone()];
            if code != b"u1" {
                let found = excerpt(&String::from_utf8_lossy(code));
                return Err(("an array of bytes ('u1')".to_owned(), format!("one of '{found}'")));
            }
            Ok(Value::ElementType(range.clone()))
        }
        (name, _) => Err(("the call that makes an array".to_owned(), format!("a call of {}", name.kind()))),
    }
}

/// Does what `__setstate__` would: `(version, shape, element type, Fortran order, bytes)` of an array. The state of an
/// element type is ignored, as it does not affect single bytes.
///
/// # Errors
/// (expected, found) for any other value or state.
pub(super) fn set_state(of: &mut Value, state: &Value) -> Result<(), (String, String)> {
    match (of, state) {
        (Value::ElementType(_), Value::Tuple(_)) => Ok(()),
        (Value::Array(array), Value::Tuple(items)) => match items.as_slice() {
            [_, Value::Tuple(shape), Value::ElementType(_), Value::Bool(column_major), Value::Str(range)] => {
                *array = make_array(shape, *column_major, range)?;
                Ok(())
            }
            _ => Err(("the five items of the state of a byte array".to_owned(), state.describe())),
        },
        (of, _) => Err(("the state of an array".to_owned(), format!("that of {}", of.kind()))),
    }
}

fn make_array(shape: &[Value], column_major: bool, bytes: &Range<usize>) -> Result<Array, (String, String)> {
    let dimension = |value: &Value| match value {
        Value::Int(n) => usize::try_from(*n).ok(),
        _ => None,
    };
    let sizes: Option<Vec<usize>> = shape.iter().map(dimension).collect();
    let elements =
        sizes.as_ref().and_then(|s| s.iter().try_fold(1usize, |product, &n| product.checked_mul(n)));
    match sizes {
        Some(shape) if elements == Some(bytes.len()) => {
            Ok(Array { shape, column_major, bytes: bytes.clone() })
        }
        sizes => {
            let expected = "an array with as many bytes as its shape requires".to_owned();
            Err((expected, format!("{} bytes for the shape {:?}", bytes.len(), sizes.unwrap_or_default())))
        }
    }
}
