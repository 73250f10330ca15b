//! Tells JPEG files with fewer blocks than their frame has: files that were cut and got an end mark again, and files that
//! were cut and joined with another one. Decoders fill what is missing with grey and say nothing.
//!
//! Only the Huffman codes of the scans are read (ITU-T T.81, F.2.2 and G.1.2), no coefficient is computed. A file that is
//! coded in another way is left to the decoder. What follows the image, such as a video or a second photo, is not
//! looked at.

mod blocks;
mod huffman;
mod problem;

use blocks::{Frame, Scan};
use huffman::Table;
use problem::Problem;

const START: u8 = 0xd8;
const END: u8 = 0xd9;
const SCAN: u8 = 0xda;

/// Bytes behind the codes of a scan that may be padding.
const MOST_PADDING: usize = 256;

/// Whether JPEG data have an end mark, and before it a code for every block of the frame.
pub(super) fn is_whole(bytes: &[u8]) -> bool {
    Reader::default().read(bytes) != Err(Problem::Short)
}

/// What was read of a file so far.
#[derive(Default)]
struct Reader {
    frame: Option<Frame>,
    /// Tables of DC and AC codes, by their number.
    tables: [[Option<Table>; 4]; 2],
    /// MCUs between two restarts; 0 for none.
    interval: usize,
}

impl Reader {
    fn read(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        let mut at = 0;
        loop {
            // Bytes between two segments are skipped.
            let next = bytes.get(at..).and_then(|rest| rest.iter().position(|byte| *byte == 0xff));
            at += next.ok_or(Problem::Short)? + 1;
            match *bytes.get(at).ok_or(Problem::Short)? {
                END => return self.ended(),
                // Another file begins inside this one.
                START if self.frame.is_some() => return Err(Problem::Short),
                // Fill bytes.
                0xff => {}
                // Stuffed bytes, and markers without a segment.
                0 | 0x01 | 0xd0..=0xd8 => at += 1,
                marker => at = self.read_segment(marker, bytes, at)?,
            }
        }
    }

    /// Reads the segment of the marker at `at`, and the scan behind it; returns the place after both.
    fn read_segment(&mut self, marker: u8, bytes: &[u8], at: usize) -> Result<usize, Problem> {
        let length = bytes.get(at + 1..at + 3).and_then(<[u8]>::first_chunk).ok_or(Problem::Short)?;
        let end = at + 1 + usize::from(u16::from_be_bytes(*length)).max(2);
        let segment = bytes.get(at + 3..end).ok_or(Problem::Short)?;
        match marker {
            0xc4 => self.define_tables(segment)?,
            0xc0..=0xc2 if self.frame.is_some() => return Err(Problem::Short),
            // Sequential and progressive frames with Huffman codes.
            0xc0..=0xc2 => self.frame = Some(Frame::parse(segment, marker == 0xc2)?),
            0xc3 | 0xc5..=0xc7 | 0xc9..=0xcf => return Err(Problem::Unknown),
            0xdd => {
                self.interval = segment.first_chunk().map_or(0, |count| u16::from_be_bytes(*count).into())
            }
            SCAN => return Ok(end + self.read_scan(segment, &bytes[end..])?),
            _ => {}
        }
        Ok(end)
    }

    /// At the end mark: every component had a scan.
    fn ended(&self) -> Result<(), Problem> {
        match &self.frame {
            Some(frame) if frame.components.iter().all(|component| component.is_scanned) => Ok(()),
            _ => Err(Problem::Short),
        }
    }

    fn define_tables(&mut self, mut segment: &[u8]) -> Result<(), Problem> {
        while let Some((&[class_and_number], rest)) = segment.split_first_chunk::<1>() {
            let (class, number) = (usize::from(class_and_number >> 4), usize::from(class_and_number & 15));
            let (table, rest) = Table::parse(rest).ok_or(Problem::Unknown)?;
            let place = self.tables.get_mut(class).and_then(|tables| tables.get_mut(number));
            *place.ok_or(Problem::Unknown)? = Some(table);
            segment = rest;
        }
        Ok(())
    }

    /// Reads a scan; returns the number of its bytes.
    fn read_scan(&mut self, header: &[u8], bytes: &[u8]) -> Result<usize, Problem> {
        let frame = self.frame.as_mut().ok_or(Problem::Short)?;
        let scan = Scan::parse(header, frame)?;
        let read = scan.read(frame, &self.tables, self.interval, bytes)?;
        let rest = &bytes[read..];
        let left = rest
            .windows(2)
            .position(|pair| pair[0] == 0xff && !matches!(pair[1], 0 | 0xff))
            .unwrap_or(rest.len());
        // Where a part was overwritten with zeros, these are read as few codes, and later scans are gone.
        match left > MOST_PADDING && left > read / 8 {
            true => Err(Problem::Short),
            false => Ok(read),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_without_a_frame_are_not_whole() {
        for bytes in [&b""[..], b"\xff", b"\xff\xd8", b"\xff\xd8\xff\xd9", b"\xff\xd8\xff\xda\x00\x02\xff"] {
            assert_eq!(Reader::default().read(bytes), Err(Problem::Short), "{bytes:?}");
        }
    }

    #[test]
    fn other_codings_are_left_to_the_decoder() {
        // An arithmetic, a lossless and a hierarchical frame.
        for frame in [0xc9, 0xc3, 0xc5] {
            assert!(is_whole(&[0xff, 0xd8, 0xff, frame, 0, 2]));
        }
    }
}
