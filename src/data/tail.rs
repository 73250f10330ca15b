//! The long tail: fewer and fewer images from class to class.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{DataSet, set::class_counts};
use crate::named::Named;

/// Stream of the run's generator that the kept images are chosen from.
const STREAM: u64 = 0x7a11;

/// What falls off from class to class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tail {
    /// Labels and unlabelled images alike: distribution alignment's assumption holds.
    #[default]
    Both,
    /// The labels alone. Alignment pulls guesses towards the labels' tail, which the images do not have.
    Labelled,
    /// The images alone. Alignment pulls guesses towards the labels' even spread, which the images do not have.
    Unlabelled,
}

impl Named for Tail {
    const VALUES: &'static [(Self, &'static str)] = &[
        (Self::Both, "labels and unlabelled images alike"),
        (Self::Labelled, "the labels alone"),
        (Self::Unlabelled, "the images alone; the labels follow their own balance"),
    ];
}

impl Tail {
    pub(super) fn thins_images(self) -> bool {
        self != Self::Labelled
    }

    pub(super) fn thins_labels(self) -> bool {
        self != Self::Unlabelled
    }
}

/// Share of its images that each class keeps, R^(-c/(C-1)): all of the first, one R-th of the last.
pub(super) fn shares(classes: usize, imbalance: f64) -> Vec<f64> {
    let last = classes.saturating_sub(1).max(1) as f64;
    (0..classes).map(|class| imbalance.powf(-(class as f64) / last)).collect()
}

/// The training images that stay, ascending, at least one of each class that has any. Those of unknown class
/// all stay: nobody knows which of them the tail would lose.
pub(super) fn keep(set: &DataSet, imbalance: f64, seed: u64) -> Vec<usize> {
    if imbalance <= 1.0 {
        return (0..set.train.len()).collect();
    }
    let classes = set.classes.len();
    let counts = class_counts(set.train_labels.iter().copied().flatten(), classes);
    let mut room: Vec<usize> = counts
        .iter()
        .zip(shares(classes, imbalance))
        .map(|(count, share)| ((*count as f64 * share).round() as usize).max(1))
        .collect();
    let mut order: Vec<usize> = (0..set.train.len()).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(STREAM);
    order.shuffle(&mut rng);
    order.retain(|image| {
        let Some(class) = set.train_labels[*image] else { return true };
        let left = &mut room[class as usize];
        let stays = *left > 0;
        *left = left.saturating_sub(1);
        stays
    });
    order.sort_unstable();
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_class_keeps_all_and_the_last_one_rth() {
        let close = |(found, wanted): (&f64, f64)| (found - wanted).abs() < 1e-12;
        assert!(shares(3, 100.0).iter().zip([1.0, 0.1, 0.01]).all(close));
        assert_eq!(shares(1, 100.0), [1.0]);
        assert_eq!(shares(4, 1.0), [1.0; 4]);
    }
}
