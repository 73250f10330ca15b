//! Huffman codes of a JPEG scan, and the bits that they are read from.

use super::problem::Problem;

/// Bits of the longest code.
const LONGEST: u32 = 16;
/// Codes of up to this many bits are looked up at once.
const LOOKED_UP: u32 = 9;

/// A table of Huffman codes (ITU-T T.81, F.2.2.3).
pub(super) struct Table {
    /// By the next bits: length and symbol of their code; 0 for longer codes.
    lookup: Vec<u16>,
    /// By length: the codes that are below this one have at most that many bits, where codes are filled up with zeros to
    /// [`LONGEST`] bits.
    end: [u32; LONGEST as usize + 1],
    /// By length: what is added to a code for the place of its symbol.
    offset: [i32; LONGEST as usize + 1],
    symbols: Vec<u8>,
}

impl Table {
    /// Reads the lengths and the symbols of a table; returns what follows it.
    pub fn parse(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (counts, rest) = bytes.split_first_chunk::<16>()?;
        let all = counts.iter().map(|count| usize::from(*count)).sum();
        let (symbols, rest) = rest.split_at_checked(all)?;
        let (mut lookup, mut end, mut offset) = (vec![0; 1 << LOOKED_UP], [0; 17], [0; 17]);
        let (mut code, mut place) = (0u32, 0usize);
        for (length, count) in (1u32..).zip(counts) {
            offset[length as usize] = place as i32 - code as i32;
            for symbol in &symbols[place..place + usize::from(*count)] {
                if length <= LOOKED_UP {
                    let first = (code << (LOOKED_UP - length)) as usize;
                    let of_code = lookup.get_mut(first..first + (1 << (LOOKED_UP - length)))?;
                    of_code.fill((length as u16) << 8 | u16::from(*symbol));
                }
                code += 1;
            }
            place += usize::from(*count);
            end[length as usize] = code << (LONGEST - length);
            if code > 1 << length {
                return None;
            }
            code <<= 1;
        }
        Some((Self { lookup, end, offset, symbols: symbols.to_vec() }, rest))
    }
}

/// The bits of a scan, up to the next marker.
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
    buffer: u64,
    count: u32,
}

impl<'a> Bits<'a> {
    pub fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, buffer: 0, count: 0 }
    }

    /// Bytes that were read.
    pub fn position(&self) -> usize {
        self.at
    }

    /// Takes in bytes until [`LONGEST`] bits are there or the next marker.
    fn fill(&mut self) {
        while self.count <= 48 {
            let Some(&byte) = self.bytes.get(self.at) else { return };
            if byte == 0xff {
                // A zero is stuffed behind each byte of ones.
                match self.bytes.get(self.at + 1) {
                    Some(0) => self.at += 1,
                    _ => return,
                }
            }
            self.at += 1;
            self.buffer = self.buffer << 8 | u64::from(byte);
            self.count += 8;
        }
    }

    /// The symbol of the next code.
    pub fn symbol(&mut self, table: &Table) -> Result<u8, Problem> {
        if self.count < LONGEST {
            self.fill();
        }
        let next = if self.count >= LONGEST {
            self.buffer >> (self.count - LONGEST)
        } else {
            self.buffer << (LONGEST - self.count)
        };
        let next = next as u32 & 0xffff;
        let (length, symbol) = match table.lookup[(next >> (LONGEST - LOOKED_UP)) as usize] {
            0 => {
                let is_code = |length: &u32| next < table.end[*length as usize];
                let length = (LOOKED_UP + 1..=LONGEST).find(is_code).ok_or(Problem::Short)?;
                let place = (next >> (LONGEST - length)) as i32 + table.offset[length as usize];
                let symbol = usize::try_from(place).ok().and_then(|place| table.symbols.get(place));
                (length, *symbol.ok_or(Problem::Short)?)
            }
            entry => (u32::from(entry >> 8), entry as u8),
        };
        self.count = self.count.checked_sub(length).ok_or(Problem::Short)?;
        Ok(symbol)
    }

    /// The next `count` bits, at most 16, as a number.
    pub fn take(&mut self, count: u32) -> Result<u32, Problem> {
        if self.count < count {
            self.fill();
        }
        self.count = self.count.checked_sub(count).ok_or(Problem::Short)?;
        Ok((self.buffer >> self.count) as u32 & ((1 << count) - 1))
    }

    /// Goes on behind the restart marker that ends an interval.
    pub fn restart(&mut self) -> Result<(), Problem> {
        (self.buffer, self.count) = (0, 0);
        // A marker may have bytes of ones before it.
        while self.bytes.get(self.at..self.at + 2) == Some(&[0xff; 2]) {
            self.at += 1;
        }
        match self.bytes.get(self.at..self.at + 2) {
            Some([0xff, 0xd0..=0xd7]) => {
                self.at += 2;
                Ok(())
            }
            Some([0xff, 1..=0xff]) | None => Err(Problem::Short),
            Some(_) => Err(Problem::Unknown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Codes 0, 10, 110 and one of 12 bits.
    fn table() -> Table {
        let mut bytes = vec![1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0];
        bytes.extend([5, 6, 7, 8]);
        Table::parse(&bytes).expect("a table").0
    }

    #[test]
    fn codes_of_any_length_are_read() {
        // 0, 10, 110, 111000000000, then two bits.
        let bytes = [0b0101_1011, 0b1000_0000, 0b0011_0000];
        let mut bits = Bits::of(&bytes);
        let symbols: Result<Vec<u8>, _> = (0..4).map(|_| bits.symbol(&table())).collect();
        assert_eq!(symbols, Ok(vec![5, 6, 7, 8]));
        assert_eq!(bits.take(2), Ok(0b11));
    }

    #[test]
    fn bits_end_at_a_marker() {
        let mut bits = Bits::of(&[0xff, 0, 0xff, 0xd0, 0xaa, 0xff, 0xd9]);
        assert_eq!((bits.take(8), bits.take(1)), (Ok(0xff), Err(Problem::Short)));
        assert_eq!((bits.restart(), bits.take(8)), (Ok(()), Ok(0xaa)));
        assert_eq!(bits.restart(), Err(Problem::Short));
    }

    #[test]
    fn tables_that_overflow_are_refused() {
        let mut bytes = vec![3];
        bytes.extend([0; 15]);
        bytes.extend([1, 2, 3]);
        assert!(Table::parse(&bytes).is_none() && Table::parse(&bytes[..5]).is_none());
    }
}
