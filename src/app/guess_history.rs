//! The guesses of a run's last observations. One batch alone is too small for a histogram.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::train::{Guessed, Guesses, Observation, most_likely};

/// Number of observations in a history: more than a minute of training.
pub const MAX_OBSERVATIONS: usize = 100;

/// The number of images guessed as each class, counted in two ways.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    /// `[classes]`: images by the most likely class of their guess.
    pub most_likely: Vec<f32>,
    /// `[classes]`: probabilities, summed over the images.
    pub probability: Vec<f32>,
}

/// The guesses of one or several observations, before and after alignment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GuessCount {
    pub images: usize,
    /// Number of images whose most likely class alignment changed.
    pub changed: usize,
    pub before: Tally,
    pub after: Tally,
}

/// The guesses of one observation, and the distributions that aligned them.
#[derive(Clone, Debug)]
pub struct ObservedGuesses {
    /// The number of steps done.
    pub step: u64,
    /// p(y), `[classes]`.
    pub label_distribution: Vec<f32>,
    /// p~(y), `[classes]`.
    pub average_prediction: Vec<f32>,
    pub count: GuessCount,
}

/// The guesses of the last observations of a run, oldest first, at most one per step.
#[derive(Clone, Debug, Default)]
pub struct GuessHistory {
    observations: VecDeque<Arc<ObservedGuesses>>,
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
    /// Adds the guesses of an observation. They replace those of an earlier observation of the same step.
    pub fn add(&mut self, seen: &Observation) {
        if let Some(guesses) = &seen.guesses {
            self.push(seen.step, guesses);
        }
    }

    fn push(&mut self, step: u64, guesses: &Guesses) {
        if self.observations.back().is_some_and(|last| last.step == step) {
            self.observations.pop_back();
        }
        if self.observations.len() == MAX_OBSERVATIONS {
            self.observations.pop_front();
        }
        self.observations.push_back(Arc::new(ObservedGuesses {
            step,
            label_distribution: guesses.label_distribution.clone(),
            average_prediction: guesses.average_prediction.clone(),
            count: GuessCount::of(&guesses.rows),
        }));
    }

    pub fn observations(&self) -> impl ExactSizeIterator<Item = &ObservedGuesses> {
        self.observations.iter().map(Arc::as_ref)
    }

    /// The guesses of the last `observations` together, and the number of observations that there are of them.
    pub fn last(&self, observations: usize) -> (GuessCount, usize) {
        let mut total = GuessCount::default();
        let counted = self.observations.iter().rev().take(observations);
        counted.clone().for_each(|observed| total.add(&observed.count));
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
    fn observations_add_up_before_and_after_alignment() {
        let mut history = GuessHistory::default();
        history.push(1, &guesses(&[([0.75, 0.25], [0.5, 0.5]), ([0.75, 0.25], [0.25, 0.75])]));
        history.push(2, &guesses(&[([0.25, 0.75], [0.0, 1.0])]));
        let (total, observations) = history.last(5);
        assert_eq!((observations, total.images, total.changed), (2, 3, 1));
        assert_eq!(total.before, Tally { most_likely: vec![2.0, 1.0], probability: vec![1.75, 1.25] });
        assert_eq!(total.after, Tally { most_likely: vec![1.0, 2.0], probability: vec![0.75, 2.25] });
        let (last, _) = history.last(1);
        assert_eq!((last.images, last.before.most_likely), (1, vec![0.0, 1.0]));
    }

    #[test]
    fn history_keeps_the_last_observation_of_each_step() {
        let mut history = GuessHistory::default();
        history.push(1, &guesses(&[([1.0, 0.0], [1.0, 0.0])]));
        history.push(1, &guesses(&[([0.0, 1.0], [0.0, 1.0])]));
        assert_eq!(history.last(MAX_OBSERVATIONS).0.before.most_likely, vec![0.0, 1.0]);
        for step in 2..=MAX_OBSERVATIONS as u64 + 4 {
            history.push(step, &guesses(&[([1.0, 0.0], [1.0, 0.0])]));
        }
        assert_eq!(history.observations().len(), MAX_OBSERVATIONS);
        assert_eq!(history.observations().next().map(|observed| observed.step), Some(5));
    }
}
