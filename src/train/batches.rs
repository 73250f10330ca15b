use rand::seq::SliceRandom;

use super::random::{Stream, stream_rng};

/// An endless stream of images: epoch after epoch, each in its own order.
#[derive(Clone, Debug)]
pub struct Batches {
    items: Vec<usize>,
    stream: Stream,
    seed: u64,
    /// The epoch whose order `order` holds.
    epoch: Option<u64>,
    order: Vec<usize>,
}

impl Batches {
    /// # Panics
    /// When there are no items: a split never yields an empty set.
    pub fn new(items: Vec<usize>, stream: Stream, seed: u64) -> Self {
        assert!(!items.is_empty(), "a stream of images needs an image");
        Self { items, stream, seed, epoch: None, order: Vec::new() }
    }

    /// Items of batch `step`, `size` long; the same for the same step whatever was asked before.
    pub fn batch(&mut self, step: u64, size: usize) -> Vec<usize> {
        let start = step * size as u64;
        (start..start + size as u64).map(|position| self.at(position)).collect()
    }

    fn at(&mut self, position: u64) -> usize {
        let length = self.items.len() as u64;
        let epoch = position / length;
        if self.epoch != Some(epoch) {
            self.order.clone_from(&self.items);
            self.order.shuffle(&mut stream_rng(self.seed, self.stream, epoch));
            self.epoch = Some(epoch);
        }
        self.order[(position % length) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_epoch_shows_every_item_once_and_can_be_replayed() {
        let mut batches = Batches::new((10..27).collect(), Stream::LabelledOrder, 3);
        let seen: Vec<_> = (0..17).flat_map(|step| batches.batch(step, 5)).collect();
        for epoch in seen.chunks_exact(17) {
            let mut sorted = epoch.to_vec();
            sorted.sort_unstable();
            assert_eq!(sorted, (10..27).collect::<Vec<_>>());
        }
        assert_ne!(seen[..17], seen[17..34]);
        let mut later = Batches::new((10..27).collect(), Stream::LabelledOrder, 3);
        assert_eq!(later.batch(9, 5), seen[45..50]);
    }
}
