//! The values of every step so far, added to while the window holds what was published before.

use std::sync::Arc;

use crate::train::StepStatistics;

/// Steps that are copied at most when one is added.
const CHUNK: usize = 1024;

/// A list that is cheap to clone and, while clones are held, cheap to add to: full chunks are shared.
#[derive(Clone, Default)]
pub struct History {
    full: Arc<Vec<Arc<Vec<StepStatistics>>>>,
    newest: Arc<Vec<StepStatistics>>,
}

impl History {
    pub fn push(&mut self, new: StepStatistics) {
        Arc::make_mut(&mut self.newest).push(new);
        if self.newest.len() == CHUNK {
            Arc::make_mut(&mut self.full).push(std::mem::take(&mut self.newest));
        }
    }

    pub fn last(&self) -> Option<&StepStatistics> {
        self.newest.last().or_else(|| self.full.last().and_then(|chunk| chunk.last()))
    }

    pub fn is_empty(&self) -> bool {
        self.last().is_none()
    }

    /// From the first to the last.
    pub fn iter(&self) -> impl Iterator<Item = &StepStatistics> {
        self.full.iter().flat_map(|chunk| chunk.iter()).chain(self.newest.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(step: u64) -> StepStatistics {
        StepStatistics { step, ..StepStatistics::default() }
    }

    #[test]
    fn what_was_cloned_stays_and_full_chunks_are_shared() {
        let mut history = History::default();
        assert!(history.is_empty());
        (0..3 * CHUNK as u64 - 1).for_each(|at| history.push(step(at)));
        let before = history.clone();
        history.push(step(3 * CHUNK as u64 - 1));
        assert_eq!(before.last().map(|s| s.step), Some(3 * CHUNK as u64 - 2));
        assert_eq!(history.last().map(|s| s.step), Some(3 * CHUNK as u64 - 1));
        assert!(history.iter().map(|s| s.step).eq(0..3 * CHUNK as u64));
        assert!(Arc::ptr_eq(&before.full[1], &history.full[1]));
    }
}
