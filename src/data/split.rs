use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::tail::{self, Tail};
use super::{DataError, DataSet};
use crate::named::Named;

/// Stream of the run's generator that the labelled images are chosen from.
const STREAM: u64 = 0x5917;

/// Numbers of images and of labels from class to class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    pub balance: Balance,
    /// R of the long tail: class c of C keeps R^(-c/(C-1)) of its images; 1 keeps all.
    pub imbalance: f64,
    /// Whether labels, unlabelled images or both have it.
    pub tail: Tail,
}

impl From<Balance> for Spread {
    fn from(balance: Balance) -> Self {
        Self { balance, imbalance: 1.0, tail: Tail::Both }
    }
}

/// How many labels each class gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Balance {
    /// The same number each.
    #[default]
    Even,
    /// In proportion to the classes' training images, as the reference chooses (`scripts/create_split.py`).
    Train,
}

impl Named for Balance {
    const VALUES: &'static [(Self, &'static str)] = &[
        (Self::Even, "the same number for every class"),
        (Self::Train, "in proportion to the classes' training images"),
    ];
}

/// Which training images are learnt from, as indices into `DataSet::train`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// Images whose class is shown, ascending.
    pub labelled: Vec<usize>,
    /// Images used without their class, ascending: all that the tail keeps, those of `labelled` too, as in the
    /// reference.
    pub unlabelled: Vec<usize>,
}

/// Chooses `labels` training images, a function of the set, the spread and `seed` alone.
///
/// As many labels as there are images of known class are always allowed: they are all taken. With an imbalance
/// labels, images or both fall off from class to class, see [`Tail`], at least one each; `labels` stays the sum.
///
/// # Errors
/// When there are fewer labels than classes, more than images (in all, or in a class), or with
/// [`Balance::Even`] and no imbalance no multiple of the classes.
pub fn split(set: &DataSet, labels: usize, spread: impl Into<Spread>, seed: u64) -> Result<Split, DataError> {
    let Spread { balance, imbalance, tail } = spread.into();
    let classes = set.classes.len();
    let kept = tail::keep(set, if tail.thins_images() { imbalance } else { 1.0 }, seed);
    let counts = set.train_counts(&kept);
    let known = counts.iter().sum();
    if labels > known {
        return Err(DataError::ManyLabels { labels, images: known });
    }
    if labels < classes {
        return Err(DataError::FewLabels { labels, classes });
    }
    let quota = match balance {
        _ if labels == known => counts,
        Balance::Even if imbalance > 1.0 && tail.thins_labels() => {
            greedy(&tail::shares(classes, imbalance), &counts, labels)
        }
        Balance::Even => even(set, &counts, labels)?,
        Balance::Train => {
            // Where the images have been thinned the counts fall off already.
            let rest = if tail.thins_images() { 1.0 } else { imbalance };
            proportional(&counts, &tail::shares(classes, rest), labels)
        }
    };

    let mut members = vec![Vec::new(); classes];
    for i in &kept {
        if let Some(class) = set.train_labels[*i] {
            members[class as usize].push(*i);
        }
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(STREAM);
    let mut labelled = Vec::with_capacity(labels);
    for (indices, n) in members.iter_mut().zip(quota) {
        indices.shuffle(&mut rng);
        labelled.extend_from_slice(&indices[..n]);
    }
    labelled.sort_unstable();
    Ok(Split { labelled, unlabelled: kept })
}

fn even(set: &DataSet, counts: &[usize], labels: usize) -> Result<Vec<usize>, DataError> {
    let classes = counts.len();
    let share = labels / classes;
    let smallest = (0..classes).min_by_key(|&c| counts[c]).unwrap_or(0);
    if counts[smallest] < share {
        return Err(DataError::SmallClass {
            share,
            class: set.classes[smallest].clone(),
            images: counts[smallest],
            most: counts[smallest] * classes,
        });
    }
    if !labels.is_multiple_of(classes) {
        let (below, above) = (share * classes, (share + 1) * classes);
        let neighbours =
            if counts[smallest] > share { format!("{below} or {above}") } else { below.to_string() };
        return Err(DataError::UnevenLabels { labels, classes, neighbours });
    }
    Ok(vec![share; classes])
}

/// Labels in proportion to the classes' images, each class's counted to its share.
fn proportional(counts: &[usize], shares: &[f64], labels: usize) -> Vec<usize> {
    let sizes: Vec<f64> = counts.iter().zip(shares).map(|(n, share)| *n as f64 * share).collect();
    let largest = sizes.iter().copied().fold(0.0, f64::max);
    let shares: Vec<f64> = sizes.iter().map(|size| size / largest).collect();
    greedy(&shares, counts, labels)
}

/// The reference's greedy rule: the next label goes to the class furthest below its share of the largest one,
/// argmax_c(s_c - n_c / max(max n, 1)), the first of equals. The largest share is 1, so that every other class
/// has a label before that one has two.
fn greedy(shares: &[f64], counts: &[usize], labels: usize) -> Vec<usize> {
    let mut chosen = vec![0; counts.len()];
    for _ in 0..labels {
        let most = chosen.iter().copied().max().unwrap_or(0).max(1) as f64;
        let want = |c: usize| shares[c] - chosen[c] as f64 / most;
        let next = (0..counts.len())
            .filter(|&c| chosen[c] < counts[c])
            .reduce(|best, c| if want(c) > want(best) { c } else { best });
        if let Some(class) = next {
            chosen[class] += 1;
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    /// First picks worked out by hand: stats 1, 1/2 and 1/4.
    #[test]
    fn proportional_labels_follow_the_greedy_rule() {
        let proportional = |counts: &[usize], labels| proportional(counts, &vec![1.0; counts.len()], labels);
        assert_eq!(proportional(&[8, 4, 2], 1), [1, 0, 0]);
        assert_eq!(proportional(&[8, 4, 2], 2), [1, 1, 0]);
        assert_eq!(proportional(&[8, 4, 2], 3), [1, 1, 1]);
        assert_eq!(proportional(&[8, 4, 2], 7), [4, 2, 1]);
        assert_eq!(proportional(&[8, 4, 2], 14), [8, 4, 2]);
        assert_eq!(proportional(&[5, 5], 4), [2, 2]);
    }
}
