use std::collections::VecDeque;

use super::batches::Batches;
use crate::data::Images;

/// Steps whose images are announced: those that decode slowly take that long at most.
const STEPS: u64 = 8;

/// Tells images that are not in memory which of them the next steps take.
pub(super) struct Ahead {
    batches: [Batches; 2],
    /// Of the steps from `first` on.
    upcoming: VecDeque<Vec<usize>>,
    first: u64,
}

impl Ahead {
    /// `batches` as the draws use them; they are asked in advance here.
    pub fn new(batches: [Batches; 2]) -> Self {
        Self { batches, upcoming: VecDeque::new(), first: 0 }
    }

    /// Announces the images of step `step` and of those after it, `size` of a kind each, without unlabelled ones
    /// where they are not used.
    pub fn announce(&mut self, images: &Images, step: u64, size: usize, unlabelled: bool) {
        if images.in_memory() < images.len() {
            images.prefetch(&self.from(step, size, unlabelled));
        }
    }

    fn from(&mut self, step: u64, size: usize, unlabelled: bool) -> Vec<usize> {
        match step.checked_sub(self.first) {
            Some(past) if past <= self.upcoming.len() as u64 => drop(self.upcoming.drain(..past as usize)),
            // A run that was resumed starts elsewhere.
            _ => self.upcoming.clear(),
        }
        self.first = step;
        while (self.upcoming.len() as u64) < STEPS {
            let next = step + self.upcoming.len() as u64;
            let mut both = self.batches[0].batch(next, size);
            if unlabelled {
                both.extend(self.batches[1].batch(next, size));
            }
            self.upcoming.push_back(both);
        }
        self.upcoming.iter().flatten().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::random::Stream;

    #[test]
    fn steps_are_announced_as_they_are_drawn_from_wherever_a_run_is() {
        let batches =
            || [Stream::LabelledOrder, Stream::UnlabelledOrder].map(|s| Batches::new((0..9).collect(), s, 1));
        let mut ahead = Ahead::new(batches());
        for step in [0, 1, 2, 5, 50, 51, 3, 3] {
            let mut drawn = batches();
            let expected: Vec<usize> = (step..step + STEPS)
                .flat_map(|step| [drawn[0].batch(step, 4), drawn[1].batch(step, 4)].concat())
                .collect();
            assert_eq!(ahead.from(step, 4, true), expected, "from step {step}");
        }
        let labelled = Ahead::new(batches()).from(0, 4, false);
        assert_eq!(labelled[4..8], batches()[0].batch(1, 4));
    }
}
