//! Memory planning: tensors that are never alive together share a slot.

use std::ops::RangeInclusive;

/// When a tensor is in use (indices of operations, both ends included) and how large it is.
#[derive(Clone, Debug)]
pub struct Lifetime {
    pub bytes: u64,
    pub ops: RangeInclusive<usize>,
}

/// Assigns every lifetime to a slot; returns `(slot of each lifetime, bytes of each slot)`.
///
/// Greedy best fit, largest tensor first: a tensor takes the smallest slot that is large enough and
/// free over its whole life, or opens a slot of its own size. Largest first means that a slot never
/// has to grow, so the sum of the slots stays close to the peak of live bytes.
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
