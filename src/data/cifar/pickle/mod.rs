//! The pickles of CIFAR's Python version, read without executing anything.
//!
//! A pickle is a program for a small stack machine, and one of its instructions calls any function by name. Here
//! only the instructions that these files use are known (those of Python 2 and their later equals), and the only
//! names are those that rebuild a NumPy array of bytes, which is done here. Everything else is refused, and so is
//! nesting beyond what the files have, so neither time nor memory nor the stack can be exhausted.

mod machine;
mod value;

pub(super) use value::Value;

use machine::Machine;

use crate::data::DataError;
use crate::data::files::Entry;

/// Bytes of the largest file that is read; the largest that there is has 155 million.
const MAX_BYTES: u64 = 1 << 30;

/// Where a pickle is not one of these files, and why.
struct Flaw {
    offset: usize,
    expected: String,
    found: String,
}

/// A pickle's bytes and the dictionary that they hold.
pub(super) struct Pickle<'a> {
    entry: &'a Entry,
    bytes: Vec<u8>,
    items: Vec<(Value, Value)>,
}

impl<'a> Pickle<'a> {
    pub fn read(entry: &'a Entry) -> Result<Self, DataError> {
        let bytes = entry.bytes(MAX_BYTES)?;
        let flaw = |Flaw { offset, expected, found }| DataError::Corrupt {
            path: entry.path.clone(),
            offset: offset as u64,
            expected,
            found,
            advice: "only the pickles of CIFAR's own Python version are read, and nothing in them is executed: \
                     fetch the file again",
        };
        let items = match Machine::new(&bytes).run().map_err(flaw)? {
            Value::Dict(items) => items,
            other => {
                let (expected, found) = ("a dictionary".to_owned(), other.kind().to_owned());
                return Err(flaw(Flaw { offset: 0, expected, found }));
            }
        };
        Ok(Self { entry, bytes, items })
    }

    /// The value of a key, as Python finds it: the last one given.
    pub fn get(&self, key: &str) -> Option<&Value> {
        let matches =
            |name: &Value| matches!(name, Value::Text(range) if self.bytes[range.clone()] == *key.as_bytes());
        self.items.iter().rev().find(|(name, _)| matches(name)).map(|(_, value)| value)
    }

    pub fn bytes(&self, range: &std::ops::Range<usize>) -> &[u8] {
        &self.bytes[range.clone()]
    }

    /// A list of whole numbers below `below`.
    pub fn numbers(&self, key: &str, below: usize) -> Result<Vec<u32>, DataError> {
        let expected = || format!("'{key}', a list of whole numbers below {below}");
        let Some(Value::List(items)) = self.get(key) else {
            return Err(self.wrong(expected(), self.get(key)));
        };
        let number = |item: &Value| match item {
            Value::Int(n) if (0..below as i64).contains(n) => Ok(*n as u32),
            other => Err(self.wrong(expected(), Some(other))),
        };
        items.iter().map(number).collect()
    }

    /// A list of `count` texts.
    pub fn texts(&self, key: &str, count: usize) -> Result<Vec<String>, DataError> {
        let expected = || format!("'{key}', a list of {count} names");
        let Some(Value::List(items)) = self.get(key).filter(|value| value.len() == count) else {
            return Err(self.wrong(expected(), self.get(key)));
        };
        let text = |item: &Value| match item {
            Value::Text(range) => Ok(String::from_utf8_lossy(self.bytes(range)).into_owned()),
            other => Err(self.wrong(expected(), Some(other))),
        };
        items.iter().map(text).collect()
    }

    pub fn wrong(&self, expected: String, found: Option<&Value>) -> DataError {
        DataError::Missing {
            path: self.entry.path.clone(),
            expected,
            found: found.map_or("no such key".to_owned(), Value::describe),
        }
    }
}
