//! Tensors and programs of a plan, and where transient tensors are placed: those that are never alive at the same time
//! share a buffer.

use std::ops::RangeInclusive;

/// Uniform blocks and buffer bindings start at multiples of this many bytes (WebGPU's default limit).
pub(super) const ALIGNMENT: u64 = 256;
/// `ALIGNMENT` in words: a slice of a tensor can be bound if it starts at a multiple of it.
pub const ALIGNED_WORDS: usize = ALIGNMENT as usize / 4;

/// A tensor of a plan, or a slice of one: `words` 32-bit words from word `offset` of tensor `id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tensor {
    pub(super) id: usize,
    pub(super) offset: usize,
    pub(super) words: usize,
}

impl Tensor {
    /// Length in 32-bit words.
    pub fn words(&self) -> usize {
        self.words
    }

    /// A slice of this tensor. To be bound, it must start at a multiple of [`ALIGNED_WORDS`].
    ///
    /// # Panics
    /// If the slice is not inside the tensor.
    pub fn slice(&self, offset: usize, words: usize) -> Tensor {
        assert!(offset + words <= self.words, "slice {offset}+{words} of a tensor of {} words", self.words);
        Tensor { id: self.id, offset: self.offset + offset, words }
    }
}

/// A range of operations of a plan that are run together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Program {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Program {
    /// Number of operations.
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether there are no operations.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }
}

/// Bytes that a plan takes on the adapter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Tensors that keep their content between runs.
    pub persistent: u64,
    /// Buffers shared by tensors that live only inside a program.
    pub transient: u64,
    /// What the transient tensors would take without buffer aliasing.
    pub transient_unshared: u64,
    /// Parameter blocks of the dispatches.
    pub uniforms: u64,
    /// Label and bytes of the largest tensor.
    pub largest: (String, u64),
}

impl Memory {
    /// Bytes in all.
    pub fn total(&self) -> u64 {
        self.persistent + self.transient + self.uniforms
    }
}

/// Bytes of a tensor in memory.
pub(super) fn bytes_of_words(words: usize) -> u64 {
    (words as u64 * 4).next_multiple_of(ALIGNMENT)
}

/// When a tensor is in use (indices of its first and last operation) and its size.
#[derive(Clone, Debug)]
pub struct Lifetime {
    pub bytes: u64,
    pub ops: RangeInclusive<usize>,
}

/// Assigns every lifetime to a buffer ("slot"): `(slot of each lifetime, bytes of each slot)`.
///
/// Greedy best fit, largest tensor first: a tensor takes the smallest slot that is large enough and free over its whole
/// lifetime, or opens a slot of its own size. Largest first means that a slot never has to grow, so the sum of the slots
/// stays close to the peak of live bytes.
pub fn assign_slots(lifetimes: &[Lifetime]) -> (Vec<usize>, Vec<u64>) {
    let mut order: Vec<usize> = (0..lifetimes.len()).collect();
    order.sort_by_key(|&i| (std::cmp::Reverse(lifetimes[i].bytes), *lifetimes[i].ops.start(), i));
    let mut slot_of = vec![0; lifetimes.len()];
    let mut slots: Vec<(u64, Vec<RangeInclusive<usize>>)> = Vec::new();
    for i in order {
        let life = &lifetimes[i];
        let free = |taken: &[RangeInclusive<usize>]| {
            taken.iter().all(|t| t.end() < life.ops.start() || life.ops.end() < t.start())
        };
        let best = slots
            .iter()
            .enumerate()
            .filter(|(_, (bytes, taken))| *bytes >= life.bytes && free(taken))
            .min_by_key(|(_, (bytes, _))| *bytes)
            .map(|(slot, _)| slot);
        let slot = best.unwrap_or_else(|| {
            slots.push((life.bytes, Vec::new()));
            slots.len() - 1
        });
        slots[slot].1.push(life.ops.clone());
        slot_of[i] = slot;
    }
    (slot_of, slots.into_iter().map(|(bytes, _)| bytes).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn life(bytes: u64, start: usize, end: usize) -> Lifetime {
        Lifetime { bytes, ops: start..=end }
    }

    #[test]
    fn a_chain_needs_two_slots() {
        let chain: Vec<_> = (0..10).map(|i| life(1024, i, i + 1)).collect();
        assert_eq!(assign_slots(&chain).1, vec![1024, 1024]);
    }

    proptest! {
        #[test]
        fn no_two_live_tensors_share_a_slot(
            raw in prop::collection::vec((1u64..4096, 0usize..40, 0usize..12), 1..60)
        ) {
            let lives: Vec<_> = raw.iter().map(|&(b, s, d)| life(b, s, s + d)).collect();
            let (slot_of, slots) = assign_slots(&lives);
            for (i, a) in lives.iter().enumerate() {
                prop_assert!(slots[slot_of[i]] >= a.bytes);
                for (j, b) in lives.iter().enumerate().skip(i + 1) {
                    let overlap = a.ops.start() <= b.ops.end() && b.ops.start() <= a.ops.end();
                    prop_assert!(!(overlap && slot_of[i] == slot_of[j]));
                }
            }
            prop_assert!(slots.iter().sum::<u64>() <= lives.iter().map(|l| l.bytes).sum());
        }
    }
}
