use std::io::{self, Read};

/// Bytes that anything packed may unpack to.
const FREE: u64 = 256 << 20;
/// Above [`FREE`], how many times larger than itself a packed file may become; images do not shrink that far.
const GROWTH: u64 = 100;

/// How many bytes `packed` bytes may unpack to.
pub(super) fn allowance(packed: u64) -> u64 {
    packed.saturating_mul(GROWTH).max(FREE)
}

/// What is said where `packed` bytes unpack to more.
pub(super) fn exceeded(packed: u64) -> String {
    format!(
        "{packed} packed bytes unpack to more than {}, as those made to exhaust memory do",
        allowance(packed)
    )
}

/// A decompressor that fails, rather than go on, where it gives more than its packed size allows.
pub(in crate::data) struct Bounded<R> {
    inner: R,
    left: u64,
    packed: u64,
}

impl<R: Read> Bounded<R> {
    /// `packed`: bytes that `inner` takes in at most.
    pub fn new(inner: R, packed: u64) -> Self {
        Self { inner, left: allowance(packed), packed }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(buffer)?;
        self.left =
            self.left.checked_sub(got as u64).ok_or_else(|| io::Error::other(exceeded(self.packed)))?;
        Ok(got)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_the_allowance_is_an_error() {
        let mut sink = io::sink();
        let at = |bytes| Bounded::new(io::repeat(0).take(bytes), 10);
        assert_eq!(io::copy(&mut at(FREE), &mut sink).unwrap(), FREE);
        let error = io::copy(&mut at(FREE + 1), &mut sink).unwrap_err();
        assert!(error.to_string().contains("10 packed bytes"), "{error}");
        assert_eq!(allowance(FREE), GROWTH * FREE);
    }
}
