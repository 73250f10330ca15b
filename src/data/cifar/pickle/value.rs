use std::ops::Range;

use super::Flaw;
use crate::data::error::shown;

/// What the machine works with. Texts are places in the file; a list holds no containers.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::data::cifar) enum Value {
    None,
    Bool(bool),
    Int(i64),
    Text(Range<usize>),
    Tuple(Vec<Value>),
    List(Vec<Value>),
    Dict(Vec<(Value, Value)>),
    /// A name that may be used, and never called but by [`super::value::call`].
    Name(Name),
    /// An element type: its bytes' meaning, `u1`.
    ElementType(Range<usize>),
    Array(Array),
}

/// The names of NumPy that an array's pickle uses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::data::cifar) enum Name {
    Reconstruct,
    NdArray,
    DType,
}

/// An array of bytes; empty until its state is set.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::data::cifar) struct Array {
    pub shape: Vec<usize>,
    /// Whether its first index, not its last, is the one that moves fastest.
    pub by_column: bool,
    pub bytes: Range<usize>,
}

/// NumPy's module before and since version 2.
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
    pub fn kind(&self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Bool(_) => "a truth value",
            Self::Int(_) => "a number",
            Self::Text(_) => "a text",
            Self::Tuple(_) => "a tuple",
            Self::List(_) => "a list",
            Self::Dict(_) => "a dictionary",
            Self::Name(_) => "a name of NumPy",
            Self::ElementType(_) => "an element type",
            Self::Array(_) => "an array",
        }
    }

    pub fn describe(&self) -> String {
        match self {
            Self::Int(n) => format!("the number {n}"),
            Self::Array(array) => format!("an array of shape {:?}", array.shape),
            Self::List(_) | Self::Tuple(_) | Self::Dict(_) => format!("{} of {}", self.kind(), self.len()),
            other => other.kind().to_owned(),
        }
    }

    pub fn len(&self) -> usize {
        match self {
            Self::Tuple(items) | Self::List(items) => items.len(),
            Self::Dict(items) => items.len(),
            _ => 0,
        }
    }

    /// Whether it may be an element of a list, or be remembered and used again.
    pub fn is_plain(&self) -> bool {
        !matches!(self, Self::Tuple(_) | Self::List(_) | Self::Dict(_) | Self::Array(_))
    }

    /// Whether it may be an element of a tuple: a tuple of plain values too, but none that nests deeper.
    pub fn fits_tuple(&self) -> bool {
        match self {
            Self::Tuple(items) => items.iter().all(Self::is_plain),
            other => other.is_plain(),
        }
    }
}

/// `_reconstruct(ndarray, (0,), b'b')` and `dtype('u1', False, True)`: the two calls there are.
pub(super) fn call(name: &Value, arguments: &[Value], bytes: &[u8]) -> Result<Value, (String, String)> {
    match (name, arguments) {
        (Value::Name(Name::Reconstruct), [Value::Name(Name::NdArray), Value::Tuple(_), Value::Text(_)]) => {
            Ok(Value::Array(Array::default()))
        }
        (Value::Name(Name::DType), [Value::Text(range), ..]) => {
            let code = &bytes[range.clone()];
            if code != b"u1" {
                let found = shown(&String::from_utf8_lossy(code));
                return Err(("an array of bytes ('u1')".to_owned(), format!("one of '{found}'")));
            }
            Ok(Value::ElementType(range.clone()))
        }
        (name, _) => Err(("the call that makes an array".to_owned(), format!("a call of {}", name.kind()))),
    }
}

/// Sets what `__setstate__` would: `(version, shape, element type, by column, bytes)` of an array; an element
/// type's own state says nothing more of single bytes.
pub(super) fn set_state(of: &mut Value, state: &Value) -> Result<(), (String, String)> {
    match (of, state) {
        (Value::ElementType(_), Value::Tuple(_)) => Ok(()),
        (Value::Array(array), Value::Tuple(items)) => match items.as_slice() {
            [_, Value::Tuple(shape), Value::ElementType(_), Value::Bool(by_column), Value::Text(range)] => {
                *array = make_array(shape, *by_column, range)?;
                Ok(())
            }
            _ => Err(("the five parts of an array of bytes".to_owned(), state.describe())),
        },
        (of, _) => Err(("the state of an array".to_owned(), format!("that of {}", of.kind()))),
    }
}

fn make_array(shape: &[Value], by_column: bool, bytes: &Range<usize>) -> Result<Array, (String, String)> {
    let dimension = |value: &Value| match value {
        Value::Int(n) => usize::try_from(*n).ok(),
        _ => None,
    };
    let sizes: Option<Vec<usize>> = shape.iter().map(dimension).collect();
    let elements =
        sizes.as_ref().and_then(|s| s.iter().try_fold(1usize, |product, &n| product.checked_mul(n)));
    match sizes {
        Some(shape) if elements == Some(bytes.len()) => Ok(Array { shape, by_column, bytes: bytes.clone() }),
        sizes => {
            let expected = "an array with as many bytes as its shape says".to_owned();
            Err((expected, format!("{} bytes for the shape {:?}", bytes.len(), sizes.unwrap_or_default())))
        }
    }
}

impl Flaw {
    pub fn at(offset: usize, (expected, found): (String, String)) -> Self {
        Self { offset, expected, found }
    }
}
