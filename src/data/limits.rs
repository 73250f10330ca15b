//! Bounds on what is read, so that a hostile file exhausts neither memory, time nor the stack.

use std::io::{self, Read};
use std::ops::RangeInclusive;

/// Sides, in pixels, of the images that some network takes.
pub const SIDES: RangeInclusive<usize> = 8..=224;

/// Largest side that is chosen from the images: a larger one is the user's decision, as its steps take long.
pub(super) const LARGEST_FOUND: usize = 96;

/// The side as a multiple of what the network asks for, within [`SIDES`], and a notice if it is another one.
pub(super) fn rounded_side(side: usize, multiple: Option<usize>) -> (usize, Option<String>) {
    let Some(multiple) = multiple.filter(|multiple| !side.is_multiple_of(*multiple)) else {
        return (side, None);
    };
    let most = SIDES.end() / multiple * multiple;
    let nearest = ((side + multiple / 2) / multiple * multiple).clamp(multiple, most);
    let notice = format!(
        "the image size is rounded from {side} to {nearest}, a multiple of {multiple}: the network halves it several times"
    );
    (nearest, Some(notice))
}

/// Pixels of the largest image that is decoded.
pub(super) const MAX_PIXELS: u64 = 64_000_000;

/// Nesting depth of folders, on disk and in archives.
pub(super) const MAX_FOLDER_DEPTH: usize = 16;

/// Bytes that compressed data of any size may unpack to.
const FREE: u64 = 256 << 20;
/// Above [`FREE`], the largest ratio of unpacked to packed size; images do not compress that well.
const MAX_RATIO: u64 = 100;

/// How many bytes `packed` compressed bytes may unpack to.
pub(super) fn unpacked_limit(packed: u64) -> u64 {
    packed.saturating_mul(MAX_RATIO).max(FREE)
}

/// The message where `packed` compressed bytes unpack to more than [`unpacked_limit`].
pub(super) fn over_limit(packed: u64) -> String {
    format!(
        "{packed} compressed bytes unpack to more than {}, as files made to exhaust memory do",
        unpacked_limit(packed)
    )
}

/// A decompressor that fails once it has produced more than [`unpacked_limit`] bytes.
pub(super) struct Bounded<R> {
    inner: R,
    remaining: u64,
    packed: u64,
}

impl<R: Read> Bounded<R> {
    /// `packed`: compressed bytes that `inner` consumes at most.
    pub fn new(inner: R, packed: u64) -> Self {
        Self { inner, remaining: unpacked_limit(packed), packed }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.remaining = self
            .remaining
            .checked_sub(count as u64)
            .ok_or_else(|| io::Error::other(over_limit(self.packed)))?;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unpacking_beyond_the_limit_fails() {
        let mut sink = io::sink();
        let unpack = |bytes| Bounded::new(io::repeat(0).take(bytes), 10);
        assert_eq!(io::copy(&mut unpack(FREE), &mut sink).unwrap(), FREE);
        let error = io::copy(&mut unpack(FREE + 1), &mut sink).unwrap_err();
        assert!(error.to_string().contains("10 compressed bytes"), "{error}");
        assert_eq!(unpacked_limit(FREE), MAX_RATIO * FREE);
    }
}
