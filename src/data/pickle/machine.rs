//! The stack machine that a pickle is a program for.

use std::collections::HashMap;
use std::ops::Range;

use super::value::{self, Mismatch, Name, Value};
use crate::data::error::excerpt;

/// Limit of the values that a pickle creates; the largest of CIFAR's creates 250,000.
const MAX_VALUES: usize = 4_000_000;

/// Executes a pickle's instructions.
pub(super) struct Machine<'a> {
    bytes: &'a [u8],
    /// Offset of the next byte.
    at: usize,
    /// Offset of the current instruction.
    start: usize,
    stack: Vec<Value>,
    /// Height of the stack at each mark.
    marks: Vec<usize>,
    memo: HashMap<usize, Value>,
    values: usize,
}

type Step<T> = Result<T, Mismatch>;

impl<'a> Machine<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, start: 0, stack: Vec::new(), marks: Vec::new(), memo: HashMap::new(), values: 0 }
    }

    /// Runs to the STOP instruction; returns the value on top of the stack.
    ///
    /// # Errors
    /// At the first instruction that CIFAR's files do not use or whose operands are wrong.
    pub fn run(mut self) -> Step<Value> {
        loop {
            self.start = self.at;
            match self.byte()? {
                b'.' => return self.pop(),
                code => self.step(code)?,
            }
        }
    }

    /// Executes one instruction; names are those of Python's `pickletools`.
    fn step(&mut self, code: u8) -> Step<()> {
        match code {
            // PROTO, FRAME
            0x80 => self.byte().map(drop),
            0x95 => self.take(8).map(drop),
            // MARK
            b'(' => {
                self.count()?;
                self.marks.push(self.stack.len());
                Ok(())
            }
            // NONE, NEWTRUE, NEWFALSE
            b'N' => self.push(Value::None),
            0x88 => self.push(Value::Bool(true)),
            0x89 => self.push(Value::Bool(false)),
            // BININT1, BININT2, BININT
            b'K' => self.integer(1),
            b'M' => self.integer(2),
            b'J' => self.integer(4),
            // SHORT_BINSTRING, SHORT_BINBYTES, SHORT_BINUNICODE; BINSTRING, BINBYTES, BINUNICODE
            b'U' | b'C' | 0x8c => self.string(1),
            b'T' | b'B' | b'X' => self.string(4),
            // EMPTY_DICT, EMPTY_LIST, EMPTY_TUPLE, TUPLE1 to TUPLE3, TUPLE
            b'}' => self.push(Value::Dict(Vec::new())),
            b']' => self.push(Value::List(Vec::new())),
            b')' => self.push(Value::Tuple(Vec::new())),
            0x85..=0x87 => {
                let first = self.stack.len().checked_sub(usize::from(code - 0x84));
                self.tuple(first)
            }
            b't' => {
                let first = self.marks.pop();
                self.tuple(first)
            }
            // APPEND, APPENDS, SETITEM, SETITEMS
            b'a' => self.append(self.stack.len().checked_sub(1)),
            b'e' => {
                let first = self.marks.pop();
                self.append(first)
            }
            b's' => self.set_items(self.stack.len().checked_sub(2)),
            b'u' => {
                let first = self.marks.pop();
                self.set_items(first)
            }
            // BINPUT, LONG_BINPUT, MEMOIZE; BINGET, LONG_BINGET
            b'q' => self.memoise_as(1),
            b'r' => self.memoise_as(4),
            0x94 => self.memoise(self.memo.len()),
            b'h' => self.recall(1),
            b'j' => self.recall(4),
            // GLOBAL, STACK_GLOBAL
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.name(module, name)
            }
            0x93 => match (self.pop()?, self.pop()?) {
                (Value::Str(name), Value::Str(module)) => self.name(module, name),
                _ => Err(self.mismatch("two strings", "other values")),
            },
            // REDUCE, BUILD
            b'R' => match (self.pop()?, self.pop()?) {
                (Value::Tuple(arguments), function) => {
                    let result = value::call(&function, &arguments, self.bytes);
                    self.push(result.map_err(|mismatch| Mismatch::at(self.start, mismatch))?)
                }
                (other, _) => Err(self.mismatch("a tuple of arguments", other.kind())),
            },
            b'b' => {
                let (state, start) = (self.pop()?, self.start);
                let Some(of) = self.stack.last_mut() else { return Err(self.underflow()) };
                value::set_state(of, &state).map_err(|mismatch| Mismatch::at(start, mismatch))
            }
            other => Err(self.mismatch("an instruction that CIFAR's pickles use", format!("{other:#04x}"))),
        }
    }

    /// An error at the current instruction.
    fn mismatch(&self, expected: &str, found: impl Into<String>) -> Mismatch {
        Mismatch { offset: self.start, expected: expected.to_owned(), found: found.into() }
    }

    fn underflow(&self) -> Mismatch {
        self.mismatch("values for the instruction", "too few")
    }

    /// The range of the next `n` bytes.
    fn take(&mut self, n: usize) -> Step<Range<usize>> {
        let range = self.at..self.at.saturating_add(n);
        if range.end > self.bytes.len() {
            let found = format!("the end after {}", self.bytes.len() - self.at);
            return Err(Mismatch { offset: self.bytes.len(), expected: format!("{n} bytes"), found });
        }
        self.at = range.end;
        Ok(range)
    }

    fn byte(&mut self) -> Step<u8> {
        let range = self.take(1)?;
        Ok(self.bytes[range.start])
    }

    /// A little-endian unsigned integer of up to 4 bytes.
    fn unsigned(&mut self, width: usize) -> Step<usize> {
        let range = self.take(width)?;
        Ok(self.bytes[range].iter().rev().fold(0, |number, &byte| number << 8 | usize::from(byte)))
    }

    /// The bytes up to the next line feed.
    fn line(&mut self) -> Step<Range<usize>> {
        let Some(length) = self.bytes[self.at..].iter().position(|&byte| byte == b'\n') else {
            return Err(self.mismatch("a name and a line feed", "no line feed"));
        };
        let range = self.at..self.at + length;
        self.at = range.end + 1;
        Ok(range)
    }

    /// Counts a value against [`MAX_VALUES`].
    fn count(&mut self) -> Step<()> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(self.mismatch(&format!("at most {MAX_VALUES} values"), "more"));
        }
        Ok(())
    }

    fn push(&mut self, value: Value) -> Step<()> {
        self.count()?;
        self.stack.push(value);
        Ok(())
    }

    fn pop(&mut self) -> Step<Value> {
        // Values below a mark are not accessible.
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() <= floor {
            return Err(self.underflow());
        }
        self.stack.pop().ok_or_else(|| self.underflow())
    }

    /// Pops the values from index `first` on.
    fn pop_from(&mut self, first: Option<usize>) -> Step<Vec<Value>> {
        match first {
            Some(first) if first <= self.stack.len() => Ok(self.stack.split_off(first)),
            _ => Err(self.underflow()),
        }
    }

    fn integer(&mut self, width: usize) -> Step<()> {
        let unsigned = self.unsigned(width)?;
        // BININT is signed, the shorter ones are not.
        let integer = if width == 4 { i64::from(unsigned as u32 as i32) } else { unsigned as i64 };
        self.push(Value::Int(integer))
    }

    fn string(&mut self, width: usize) -> Step<()> {
        let length = self.unsigned(width)?;
        let range = self.take(length)?;
        self.push(Value::Str(range))
    }

    fn tuple(&mut self, first: Option<usize>) -> Step<()> {
        let items = self.pop_from(first)?;
        match items.iter().find(|item| !item.fits_tuple()) {
            Some(other) => Err(self.mismatch("a tuple of plain values", format!("{} in it", other.kind()))),
            None => self.push(Value::Tuple(items)),
        }
    }

    fn append(&mut self, first: Option<usize>) -> Step<()> {
        let items = self.pop_from(first)?;
        if let Some(other) = items.iter().find(|item| !item.is_plain()) {
            return Err(self.mismatch("a list of plain values", format!("{} in it", other.kind())));
        }
        match self.stack.last_mut() {
            Some(Value::List(list)) => {
                list.extend(items);
                Ok(())
            }
            _ => Err(self.mismatch("a list to append to", "another value")),
        }
    }

    fn set_items(&mut self, first: Option<usize>) -> Step<()> {
        let mut items = self.pop_from(first)?.into_iter();
        let mut pairs = Vec::new();
        while let Some(key) = items.next() {
            match (key, items.next()) {
                (Value::Str(key), Some(value)) if !matches!(value, Value::Dict(_)) => {
                    pairs.push((Value::Str(key), value));
                }
                (key, _) => return Err(self.mismatch("strings as keys, each with a value", key.kind())),
            }
        }
        match self.stack.last_mut() {
            Some(Value::Dict(dict)) => {
                dict.extend(pairs);
                Ok(())
            }
            _ => Err(self.mismatch("a dictionary to add to", "another value")),
        }
    }

    fn memoise_as(&mut self, width: usize) -> Step<()> {
        let key = self.unsigned(width)?;
        self.memoise(key)
    }

    /// Containers are not memoised: CIFAR's files never use one twice, and one could contain itself.
    fn memoise(&mut self, key: usize) -> Step<()> {
        let Some(value) = self.stack.last() else { return Err(self.underflow()) };
        let kept = if value.is_plain() { value.clone() } else { Value::Tuple(Vec::new()) };
        self.count()?;
        self.memo.insert(key, kept);
        Ok(())
    }

    fn recall(&mut self, width: usize) -> Step<()> {
        let key = self.unsigned(width)?;
        match self.memo.get(&key) {
            Some(value) if value.is_plain() => self.push(value.clone()),
            Some(_) => Err(self.mismatch("a memoised plain value", "a container")),
            None => Err(self.mismatch("a memoised value", format!("key {key}, which is not memoised"))),
        }
    }

    fn name(&mut self, module: Range<usize>, name: Range<usize>) -> Step<()> {
        let (module, name) = (&self.bytes[module], &self.bytes[name]);
        match Name::known(module, name) {
            Some(name) => self.push(Value::Name(name)),
            None => {
                let [module, name] = [module, name].map(|text| excerpt(&String::from_utf8_lossy(text)));
                let found = format!("{module}.{name}, which is not called");
                Err(self.mismatch("the names with which NumPy rebuilds an array", found))
            }
        }
    }
}
