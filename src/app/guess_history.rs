//! The guesses of the last looks: one batch alone is too small for a histogram.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::train::{Guessed, Guesses, Observation, most_likely};

/// Looks kept: more than a minute of training.
pub const KEPT: usize = 100;

/// How guesses fall on the classes, each `[classes]`, in images.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    /// Images whose most likely class it is.
    pub most_likely: Vec<f32>,
    /// The class's probability, summed over the images.
    pub probability: Vec<f32>,
}

/// Guesses of one look, or of several together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GuessCount {
    pub images: usize,
    /// Images whose most likely class alignment changed.
    pub changed: usize,
    pub before: Tally,
    pub after: Tally,
}

/// What alignment did at one look.
#[derive(Clone, Debug)]
pub struct Look {
    /// Steps done.
    pub step: u64,
    /// p(y), `[classes]`.
    pub label_distribution: Vec<f32>,
    /// p~(y), `[classes]`.
    pub average_prediction: Vec<f32>,
    pub count: GuessCount,
}

/// The last looks at a run, oldest first, one a step.
#[derive(Clone, Debug, Default)]
pub struct GuessHistory {
    looks: VecDeque<Arc<Look>>,
}

impl Tally {
    fn add(&mut self, probabilities: &[f32]) {
        self.most_likely.resize(probabilities.len(), 0.0);
        self.most_likely[most_likely(probabilities)] += 1.0;
        accumulate(&mut self.probability, probabilities);
    }
}

impl GuessCount {
    fn of(rows: &[Guessed]) -> Self {
        let mut count = Self { images: rows.len(), ..Self::default() };
        for row in rows {
            count.before.add(&row.prediction);
            count.after.add(&row.aligned);
            count.changed += usize::from(most_likely(&row.prediction) != most_likely(&row.aligned));
        }
        count
    }

    fn add(&mut self, other: &Self) {
        self.images += other.images;
        self.changed += other.changed;
        for (to, from) in [(&mut self.before, &other.before), (&mut self.after, &other.after)] {
            accumulate(&mut to.most_likely, &from.most_likely);
            accumulate(&mut to.probability, &from.probability);
        }
    }
}

fn accumulate(to: &mut Vec<f32>, from: &[f32]) {
    to.resize(from.len(), 0.0);
    to.iter_mut().zip(from).for_each(|(sum, value)| *sum += value);
}

impl GuessHistory {
    /// Takes in a look; a second one at the same step replaces the first.
    pub fn add(&mut self, seen: &Observation) {
        if let Some(guesses) = &seen.guesses {
            self.push(seen.step, guesses);
        }
    }

    fn push(&mut self, step: u64, guesses: &Guesses) {
        if self.looks.back().is_some_and(|last| last.step == step) {
            self.looks.pop_back();
        }
        if self.looks.len() == KEPT {
            self.looks.pop_front();
        }
        self.looks.push_back(Arc::new(Look {
            step,
            label_distribution: guesses.label_distribution.clone(),
            average_prediction: guesses.average_prediction.clone(),
            count: GuessCount::of(&guesses.rows),
        }));
    }

    pub fn looks(&self) -> impl ExactSizeIterator<Item = &Look> {
        self.looks.iter().map(Arc::as_ref)
    }

    /// The guesses of the last `looks` together, and how many looks they are.
    pub fn last(&self, looks: usize) -> (GuessCount, usize) {
        let mut total = GuessCount::default();
        let counted = self.looks.iter().rev().take(looks);
        counted.clone().for_each(|look| total.add(&look.count));
        (total, counted.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guesses(rows: &[([f32; 2], [f32; 2])]) -> Guesses {
        let row = |(before, after): &([f32; 2], [f32; 2])| Guessed {
            prediction: before.to_vec(),
            aligned: after.to_vec(),
            target: after.to_vec(),
            used: true,
        };
        Guesses {
            label_distribution: vec![0.5, 0.5],
            average_prediction: vec![0.7, 0.3],
            rows: rows.iter().map(row).collect(),
        }
    }

    #[test]
    fn looks_add_up_before_and_after_alignment() {
        let mut history = GuessHistory::default();
        history.push(1, &guesses(&[([0.75, 0.25], [0.5, 0.5]), ([0.75, 0.25], [0.25, 0.75])]));
        history.push(2, &guesses(&[([0.25, 0.75], [0.0, 1.0])]));
        let (total, looks) = history.last(5);
        assert_eq!((looks, total.images, total.changed), (2, 3, 1));
        assert_eq!(total.before, Tally { most_likely: vec![2.0, 1.0], probability: vec![1.75, 1.25] });
        assert_eq!(total.after, Tally { most_likely: vec![1.0, 2.0], probability: vec![0.75, 2.25] });
        let (last, _) = history.last(1);
        assert_eq!((last.images, last.before.most_likely), (1, vec![0.0, 1.0]));
    }

    #[test]
    fn a_second_look_at_a_step_replaces_the_first_and_old_looks_are_dropped() {
        let mut history = GuessHistory::default();
        history.push(1, &guesses(&[([1.0, 0.0], [1.0, 0.0])]));
        history.push(1, &guesses(&[([0.0, 1.0], [0.0, 1.0])]));
        assert_eq!(history.last(KEPT).0.before.most_likely, vec![0.0, 1.0]);
        for step in 2..=KEPT as u64 + 4 {
            history.push(step, &guesses(&[([1.0, 0.0], [1.0, 0.0])]));
        }
        assert_eq!(history.looks().len(), KEPT);
        assert_eq!(history.looks().next().map(|look| look.step), Some(5));
    }
}
