//! Batches of files that take a fraction of a second, so that the progress is shown and a stop is noticed between them.

use std::time::Duration;

use web_time::Instant;

use super::parallel::cores;

/// A batch that takes less time is followed by a larger one, and one that takes more by a smaller one.
const SHORT: Duration = Duration::from_millis(if PAGE { 20 } else { 50 });
const LONG: Duration = Duration::from_millis(if PAGE { 50 } else { 200 });
/// A page draws nothing during a batch.
const PAGE: bool = cfg!(target_arch = "wasm32");
/// Files for each core in the first batch.
const FIRST: usize = 2;

/// Sizes of successive batches.
pub(super) struct BatchSize {
    size: usize,
    most: usize,
    began: Option<Instant>,
}

impl BatchSize {
    /// Sizes of at most `most`.
    pub fn new(most: usize) -> Self {
        Self { size: FIRST * cores(), most, began: None }
    }

    /// The size of the batch that begins now, from the time that the one before took.
    pub fn next(&mut self) -> usize {
        if let Some(took) = self.began.map(|began| began.elapsed()) {
            self.size = after(self.size, took);
        }
        self.began = Some(Instant::now());
        self.size = self.size.clamp(1, self.most);
        self.size
    }
}

/// The size after a batch of `size` files.
fn after(size: usize, took: Duration) -> usize {
    match took {
        took if took < SHORT => 2 * size,
        took if took > LONG => (size / 2).max(cores()),
        _ => size,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_batches_shrink_and_fast_ones_grow() {
        let milliseconds = Duration::from_millis;
        assert_eq!(after(64, milliseconds(1)), 128);
        assert_eq!(after(64 * cores(), milliseconds(300)), 32 * cores());
        assert_eq!(after(64, milliseconds(100)), 64);
        assert_eq!(after(cores(), milliseconds(9_000)), cores());
        let mut sizes = BatchSize::new(3);
        assert!((0..5).all(|_| (1..=3).contains(&sizes.next())));
    }
}
