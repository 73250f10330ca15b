use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// How far an expected image is.
pub(super) enum Slot {
    Waiting,
    Begun,
    Ready(Arc<[u8]>),
}

/// The images that are expected.
#[derive(Default)]
pub(super) struct Queue {
    slots: HashMap<usize, Slot>,
    /// Those waiting, in the order in which they will be asked for; others may be among them.
    order: VecDeque<usize>,
    ended: bool,
}

impl Queue {
    /// Replaces what is expected; what was and still is stays as far as it is.
    pub fn expect(&mut self, upcoming: impl Iterator<Item = usize>) {
        let mut before = std::mem::take(&mut self.slots);
        self.order.clear();
        for image in upcoming {
            let slot = before.remove(&image).unwrap_or(Slot::Waiting);
            if let std::collections::hash_map::Entry::Vacant(place) = self.slots.entry(image) {
                if matches!(slot, Slot::Waiting) {
                    self.order.push_back(image);
                }
                place.insert(slot);
            }
        }
    }

    /// The next image to decode, which has then begun.
    pub fn begin(&mut self) -> Option<usize> {
        while let Some(image) = self.order.pop_front() {
            if let Some(slot @ Slot::Waiting) = self.slots.get_mut(&image) {
                *slot = Slot::Begun;
                return Some(image);
            }
        }
        None
    }

    pub fn slot(&self, image: usize) -> Option<&Slot> {
        self.slots.get(&image)
    }

    /// Marks an image, where it is expected, as begun by who asks for it.
    pub fn take_over(&mut self, image: usize) {
        if let Some(slot) = self.slots.get_mut(&image) {
            *slot = Slot::Begun;
        }
    }

    /// Keeps a decoded image, where it is still expected.
    pub fn put(&mut self, image: usize, bytes: &Arc<[u8]>) {
        if let Some(slot) = self.slots.get_mut(&image) {
            *slot = Slot::Ready(Arc::clone(bytes));
        }
    }

    pub fn end(&mut self) {
        self.ended = true;
    }

    pub fn ended(&self) -> bool {
        self.ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_longer_expected_is_let_go_and_the_rest_stays() {
        let mut queue = Queue::default();
        queue.expect([3, 1, 3, 2].into_iter());
        assert_eq!((queue.begin(), queue.begin()), (Some(3), Some(1)));
        queue.put(3, &Arc::from([7]));
        queue.expect([3, 5, 2].into_iter());
        assert!(matches!(queue.slot(3), Some(Slot::Ready(_))));
        // Image 1, begun before, is put nowhere.
        queue.put(1, &Arc::from([8]));
        assert!(queue.slot(1).is_none());
        queue.take_over(5);
        assert_eq!((queue.begin(), queue.begin()), (Some(2), None));
    }
}
