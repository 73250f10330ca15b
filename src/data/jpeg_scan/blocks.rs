//! The blocks of a JPEG frame, and the scans that hold their codes.

use super::huffman::{Bits, Table};
use super::problem::Problem;

/// Coefficients of a block.
const COEFFICIENTS: usize = 64;
/// MCUs and blocks that a frame may have: more are not counted.
const MOST_BLOCKS: usize = 1 << 22;

/// The size of an image and its components.
pub(super) struct Frame {
    progressive: bool,
    width: usize,
    height: usize,
    pub components: Vec<Component>,
}

/// A component of the pixels, such as luma.
pub(super) struct Component {
    id: u8,
    /// Blocks of an MCU, horizontally and vertically.
    horizontal: usize,
    vertical: usize,
    pub is_scanned: bool,
    /// Of a progressive image: for each block the coefficients that are not zero so far.
    known: Vec<u64>,
}

impl Frame {
    /// Reads the segment of a frame.
    pub fn parse(segment: &[u8], progressive: bool) -> Result<Self, Problem> {
        let (&[_, h1, h0, w1, w0, count], rest) = segment.split_first_chunk::<6>().ok_or(Problem::Short)?;
        let size = |high, low| usize::from(u16::from_be_bytes([high, low]));
        let components = rest.chunks_exact(3).take(count.into()).map(|component| Component {
            id: component[0],
            horizontal: usize::from(component[1] >> 4),
            vertical: usize::from(component[1] & 15),
            is_scanned: false,
            known: Vec::new(),
        });
        let frame =
            Self { progressive, width: size(w1, w0), height: size(h1, h0), components: components.collect() };
        let is_valid = |component: &Component| {
            (1..=4).contains(&component.horizontal) && (1..=4).contains(&component.vertical)
        };
        // A height of zero is said behind the first scan.
        let is_known = frame.width > 0 && frame.height > 0 && frame.components.iter().all(is_valid);
        match is_known && !frame.components.is_empty() && frame.mcus().1 <= MOST_BLOCKS {
            true => Ok(frame),
            false => Err(Problem::Unknown),
        }
    }

    /// The most blocks of a component in an MCU, horizontally and vertically.
    fn most(&self) -> [usize; 2] {
        let most = |of: fn(&Component) -> usize| self.components.iter().map(of).max().unwrap_or(1);
        [most(|component| component.horizontal), most(|component| component.vertical)]
    }

    /// MCUs of a row of a scan of several components, and of all rows.
    fn mcus(&self) -> (usize, usize) {
        let [horizontal, vertical] = self.most();
        let row = self.width.div_ceil(8 * horizontal);
        (row, row * self.height.div_ceil(8 * vertical))
    }

    /// Blocks of a scan of this component alone.
    fn blocks(&self, component: usize) -> usize {
        let [horizontal, vertical] = self.most();
        let Component { horizontal: h, vertical: v, .. } = self.components[component];
        (self.width * h).div_ceil(8 * horizontal) * (self.height * v).div_ceil(8 * vertical)
    }
}

/// A scan: components with the numbers of their DC and AC tables, and of a progressive image the coefficients.
pub(super) struct Scan {
    components: Vec<(usize, [usize; 2])>,
    first: usize,
    last: usize,
    /// It adds a bit to coefficients of earlier scans.
    refines: bool,
}

impl Scan {
    /// Reads the header of a scan.
    pub fn parse(header: &[u8], frame: &Frame) -> Result<Self, Problem> {
        let (&[count], rest) = header.split_first_chunk::<1>().ok_or(Problem::Short)?;
        let (components, rest) = rest.split_at_checked(2 * usize::from(count)).ok_or(Problem::Short)?;
        let component = |bytes: &[u8]| {
            let of_id = frame.components.iter().position(|component| component.id == bytes[0]);
            Some((of_id?, [usize::from(bytes[1] >> 4), usize::from(bytes[1] & 15)]))
        };
        let components: Option<Vec<_>> = components.chunks_exact(2).map(component).collect();
        let components = components.filter(|all| !all.is_empty()).ok_or(Problem::Unknown)?;
        let &[first, last, bits] = rest.first_chunk::<3>().ok_or(Problem::Short)?;
        let (first, last, refines) = match frame.progressive {
            true => (usize::from(first), usize::from(last), bits >> 4 != 0),
            false => (0, COEFFICIENTS - 1, false),
        };
        let is_known = first <= last
            && last < COEFFICIENTS
            && (!frame.progressive || (first == 0) == (last == 0))
            && (first == 0 || components.len() == 1);
        if is_known { Ok(Self { components, first, last, refines }) } else { Err(Problem::Unknown) }
    }

    /// Reads the codes of all blocks; returns the number of bytes.
    pub fn read(
        &self,
        frame: &mut Frame,
        tables: &[[Option<Table>; 4]; 2],
        interval: usize,
        bytes: &[u8],
    ) -> Result<usize, Problem> {
        let alone = self.components.len() == 1;
        let mcus = if alone { frame.blocks(self.components[0].0) } else { frame.mcus().1 };
        let mut blocks = BlockReader { scan: self, bits: Bits::of(bytes), run: 0 };
        for (component, _) in &self.components {
            frame.components[*component].is_scanned |= self.first == 0;
        }
        if frame.progressive && self.first > 0 {
            let known = frame.blocks(self.components[0].0);
            frame.components[self.components[0].0].known.resize(known, 0);
        }
        for mcu in 0..mcus {
            if interval > 0 && mcu > 0 && mcu.is_multiple_of(interval) {
                blocks.bits.restart()?;
                blocks.run = 0;
            }
            for (component, [dc, ac]) in &self.components {
                let table = |class: usize, number: usize| {
                    tables[class].get(number).and_then(Option::as_ref).ok_or(Problem::Unknown)
                };
                let component = &mut frame.components[*component];
                let count = if alone { 1 } else { component.horizontal * component.vertical };
                for _ in 0..count {
                    match (frame.progressive, self.first) {
                        (false, _) => blocks.sequential(table(0, *dc)?, table(1, *ac)?)?,
                        (true, 0) if self.refines => drop(blocks.bits.take(1)?),
                        (true, 0) => blocks.difference(table(0, *dc)?)?,
                        (true, _) if self.refines => {
                            blocks.refine(table(1, *ac)?, &mut component.known[mcu])?
                        }
                        (true, _) => blocks.begin(table(1, *ac)?, &mut component.known[mcu])?,
                    }
                }
            }
        }
        Ok(blocks.bits.position())
    }
}

/// Reads the codes of one block after the other.
struct BlockReader<'a> {
    scan: &'a Scan,
    bits: Bits<'a>,
    /// Blocks that follow and have no further codes.
    run: u32,
}

impl BlockReader<'_> {
    /// The code of a DC coefficient.
    fn difference(&mut self, table: &Table) -> Result<(), Problem> {
        let size = self.bits.symbol(table)?;
        if size > 16 {
            return Err(Problem::Short);
        }
        self.bits.take(size.into()).map(drop)
    }

    /// All codes of a block of a sequential image.
    fn sequential(&mut self, dc: &Table, ac: &Table) -> Result<(), Problem> {
        self.difference(dc)?;
        let mut at = 1;
        while at < COEFFICIENTS {
            let symbol = self.bits.symbol(ac)?;
            match (symbol >> 4, symbol & 15) {
                (15, 0) => at += 16,
                (_, 0) => break,
                (zeros, size) => {
                    at += usize::from(zeros) + 1;
                    self.bits.take(size.into())?;
                }
            }
        }
        Ok(())
    }

    /// The number of blocks that a code says to have no further codes, this one included.
    fn run_of(&mut self, size: u8) -> Result<u32, Problem> {
        Ok((1 << size) + self.bits.take(size.into())?)
    }

    /// The codes of a block in the first scan of its AC coefficients.
    fn begin(&mut self, table: &Table, known: &mut u64) -> Result<(), Problem> {
        if self.run > 0 {
            self.run -= 1;
            return Ok(());
        }
        let mut at = self.scan.first;
        while at <= self.scan.last {
            let symbol = self.bits.symbol(table)?;
            match (symbol >> 4, symbol & 15) {
                (15, 0) => at += 16,
                (size, 0) => {
                    self.run = self.run_of(size)? - 1;
                    break;
                }
                (zeros, size) => {
                    at += usize::from(zeros);
                    if at > self.scan.last {
                        return Err(Problem::Short);
                    }
                    *known |= 1 << at;
                    self.bits.take(size.into())?;
                    at += 1;
                }
            }
        }
        Ok(())
    }

    /// The codes of a block in a further scan of its AC coefficients.
    fn refine(&mut self, table: &Table, known: &mut u64) -> Result<(), Problem> {
        let mut at = self.scan.first;
        while at <= self.scan.last && self.run == 0 {
            let symbol = self.bits.symbol(table)?;
            let (mut zeros, is_new) = match (symbol >> 4, symbol & 15) {
                (15, 0) => (15, false),
                (size, 0) => {
                    self.run = self.run_of(size)?;
                    break;
                }
                (zeros, _) => {
                    self.bits.take(1)?;
                    (zeros, true)
                }
            };
            while at <= self.scan.last {
                if *known >> at & 1 == 1 {
                    self.bits.take(1)?;
                } else if zeros == 0 {
                    break;
                } else {
                    zeros -= 1;
                }
                at += 1;
            }
            if is_new && at <= self.scan.last {
                *known |= 1 << at;
            }
            at += 1;
        }
        if self.run > 0 {
            for at in at..=self.scan.last {
                if *known >> at & 1 == 1 {
                    self.bits.take(1)?;
                }
            }
            self.run -= 1;
        }
        Ok(())
    }
}
