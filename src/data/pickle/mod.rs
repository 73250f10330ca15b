//! The pickles of CIFAR's Python version, read without executing anything.
//!
//! A pickle is a program for a small stack machine, and one of its instructions calls any Python function by name. This
//! reader knows only the instructions that CIFAR's files use (those of Python 2 and their later equivalents), and only
//! the names that rebuild a NumPy array of bytes, which it does itself. It refuses everything else, and nesting beyond
//! that of the files, so a pickle exhausts neither time nor memory nor the stack.

mod machine;
mod value;

pub(super) use value::Value;

use std::ops::Range;

use machine::Machine;
use value::Mismatch;

use super::error::DataError;
use super::files::Entry;

/// Size limit of a file, in bytes; the largest of CIFAR has 155 million.
const MAX_BYTES: u64 = 1 << 30;

/// A pickle's bytes and the dictionary that they contain.
pub(super) struct Pickle<'a> {
    entry: &'a Entry,
    bytes: Vec<u8>,
    items: Vec<(Value, Value)>,
}

impl<'a> Pickle<'a> {
    /// Reads a pickled dictionary.
    ///
    /// # Errors
    /// When the pickle has instructions, names or values other than CIFAR's, is cut short, or is not a dictionary.
    pub fn read(entry: &'a Entry) -> Result<Self, DataError> {
        let bytes = entry.bytes(MAX_BYTES)?;
        let corrupt = |Mismatch { offset, expected, found }| DataError::Corrupt {
            path: entry.path.clone(),
            offset: offset as u64,
            expected,
            found,
            advice: "only the pickles of CIFAR's own Python version are read, and nothing in them is executed: \
                     fetch the file again",
        };
        let items = match Machine::new(&bytes).run().map_err(corrupt)? {
            Value::Dict(items) => items,
            other => {
                let (expected, found) = ("a dictionary".to_owned(), other.kind().to_owned());
                return Err(corrupt(Mismatch { offset: 0, expected, found }));
            }
        };
        Ok(Self { entry, bytes, items })
    }

    /// The value of a key; the last one if the key occurs twice, as in Python.
    pub fn get(&self, key: &str) -> Option<&Value> {
        let matches =
            |name: &Value| matches!(name, Value::Str(range) if self.bytes[range.clone()] == *key.as_bytes());
        self.items.iter().rev().find(|(name, _)| matches(name)).map(|(_, value)| value)
    }

    /// The bytes of a string or array.
    pub fn bytes(&self, range: &Range<usize>) -> &[u8] {
        &self.bytes[range.clone()]
    }

    /// The list of integers from 0 to `below` (exclusive) of a key.
    ///
    /// # Errors
    /// When the key has another value, or none.
    pub fn integers(&self, key: &str, below: usize) -> Result<Vec<u32>, DataError> {
        let expected = || format!("'{key}', a list of integers below {below}");
        let Some(Value::List(items)) = self.get(key) else {
            return Err(self.missing(expected(), self.get(key)));
        };
        let integer = |item: &Value| match item {
            Value::Int(n) if (0..below as i64).contains(n) => Ok(*n as u32),
            other => Err(self.missing(expected(), Some(other))),
        };
        items.iter().map(integer).collect()
    }

    /// The list of `count` strings of a key.
    ///
    /// # Errors
    /// When the key has another value, or none.
    pub fn strings(&self, key: &str, count: usize) -> Result<Vec<String>, DataError> {
        let expected = || format!("'{key}', a list of {count} names");
        let Some(Value::List(items)) = self.get(key).filter(|value| value.len() == count) else {
            return Err(self.missing(expected(), self.get(key)));
        };
        let string = |item: &Value| match item {
            Value::Str(range) => Ok(String::from_utf8_lossy(self.bytes(range)).into_owned()),
            other => Err(self.missing(expected(), Some(other))),
        };
        items.iter().map(string).collect()
    }

    /// The error for a key without the expected value.
    pub fn missing(&self, expected: String, found: Option<&Value>) -> DataError {
        DataError::Missing {
            path: self.entry.path.clone(),
            expected,
            found: found.map_or("no such key".to_owned(), Value::describe),
        }
    }
}
