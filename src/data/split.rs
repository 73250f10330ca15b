//! The choice of labelled and unlabelled training images: class balance and long tails.
//!
//! The results are part of every published figure: do not change how images are ranked, nor, for
//! [`SplitRule::Position`], the order in which random numbers are used.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::error::DataError;
use super::held_out::class_counts;
use super::identity::{SplitRule, rank};
use super::set::DataSet;
use crate::named::Named;

/// ChaCha stream of the run's seed that chooses the labelled images.
const LABELLED_STREAM: u64 = 0x5917;
/// ChaCha stream of the run's seed that chooses the images that the long tail keeps.
const TAIL_STREAM: u64 = 0x7a11;

/// How images and labels are distributed over the classes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    pub balance: Balance,
    /// Imbalance ratio R of the long tail: class c of C keeps R^(-c/(C-1)) of its images; 1 keeps all.
    pub imbalance: f64,
    /// Whether labels, unlabelled images or both have the long tail.
    pub tail: Tail,
    /// What the choice of images depends on besides the seed.
    pub rule: SplitRule,
}

impl From<Balance> for Spread {
    fn from(balance: Balance) -> Self {
        Self { balance, imbalance: 1.0, tail: Tail::Both, rule: SplitRule::Content }
    }
}

/// What has the long tail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tail {
    /// Labels and unlabelled images: the assumption of distribution alignment holds.
    #[default]
    Both,
    /// The labels only: alignment pulls guesses towards a tail that the images do not have.
    Labelled,
    /// The images only: alignment pulls guesses towards an even distribution that the images do not have.
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
    fn thins_images(self) -> bool {
        self != Self::Labelled
    }

    fn thins_labels(self) -> bool {
        self != Self::Unlabelled
    }
}

/// How many labels each class gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Balance {
    /// The same number for each class.
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

/// Which training images are used, as indices into [`DataSet::train`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// Images that are used with their class, ascending.
    pub labelled: Vec<usize>,
    /// Images that are used without their class, ascending: all that the long tail keeps, including `labelled`, as in the
    /// reference.
    pub unlabelled: Vec<usize>,
}

/// Chooses `labels` labelled training images; depends on the set, the spread and `seed` only.
///
/// With [`SplitRule::Content`] each class ranks its images by a hash of their content and the seed, and the first of
/// them are labelled: an added image changes the choice only if it ranks among them, and then takes the place of one.
///
/// `labels` equal to the number of images of known class is always allowed and takes them all. With an imbalance,
/// labels, images or both decrease from class to class (see [`Tail`]), to at least one per class; `labels` is the sum.
///
/// # Examples
/// ```
/// use remixmatch::data::{Balance, OpenOptions, open, split};
///
/// let digits = open("builtin:digits", &OpenOptions::default()).unwrap();
/// let chosen = split(&digits, 40, Balance::Even, 0).unwrap();
/// assert_eq!(digits.train_counts(&chosen.labelled), [4; 10]);
/// // The labelled images are among the unlabelled ones.
/// assert_eq!(chosen.unlabelled.len(), digits.train_labels.len());
/// ```
///
/// # Errors
/// When `labels` is less than the number of classes or more than that of images (in all, or in a class); with
/// [`Balance::Even`] and no imbalance, when it is not a multiple of the number of classes.
pub fn split(set: &DataSet, labels: usize, spread: impl Into<Spread>, seed: u64) -> Result<Split, DataError> {
    let Spread { balance, imbalance, tail, rule } = spread.into();
    let classes = set.classes.len();
    let kept = keep_tail(set, if tail.thins_images() { imbalance } else { 1.0 }, rule, seed);
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
            greedy(&shares(classes, imbalance), &counts, labels)
        }
        Balance::Even => even(set, &counts, labels)?,
        Balance::Train => {
            // If the images were thinned, their counts decrease already.
            let rest = if tail.thins_images() { 1.0 } else { imbalance };
            proportional(&counts, &shares(classes, rest), labels)
        }
    };

    let mut members = vec![Vec::new(); classes];
    for i in &kept {
        if let Some(class) = set.train_labels[*i] {
            members[class as usize].push(*i);
        }
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(LABELLED_STREAM);
    let mut labelled = Vec::with_capacity(labels);
    for (indices, n) in members.iter_mut().zip(quota) {
        match rule {
            SplitRule::Content => sort_by_rank(set, indices, seed, LABELLED_STREAM),
            SplitRule::Position => indices.shuffle(&mut rng),
        }
        labelled.extend_from_slice(&indices[..n]);
    }
    labelled.sort_unstable();
    Ok(Split { labelled, unlabelled: kept })
}

/// Sorts images by a key that is a function of their content, `seed` and `stream`; identical images by name.
fn sort_by_rank(set: &DataSet, images: &mut [usize], seed: u64, stream: u64) {
    images.sort_by_cached_key(|&image| {
        let id = set.train_ids.ids[image];
        (rank(id.content, seed, stream), id.name, image)
    });
}

/// The same number of labels for each class.
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
            known: counts.iter().sum(),
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

/// Labels in proportion to `counts * shares`.
fn proportional(counts: &[usize], shares: &[f64], labels: usize) -> Vec<usize> {
    let sizes: Vec<f64> = counts.iter().zip(shares).map(|(n, share)| *n as f64 * share).collect();
    let largest = sizes.iter().copied().fold(0.0, f64::max);
    let shares: Vec<f64> = sizes.iter().map(|size| size / largest).collect();
    greedy(&shares, counts, labels)
}

/// The reference's greedy rule (`scripts/create_split.py`): the next label goes to the class furthest below its share,
/// argmax_c(s_c - n_c / max(max n, 1)), the first of equals. The largest share is 1, so every class gets a label before
/// the largest gets its second.
fn greedy(shares: &[f64], counts: &[usize], labels: usize) -> Vec<usize> {
    let mut chosen = vec![0; counts.len()];
    for _ in 0..labels {
        let most = chosen.iter().copied().max().unwrap_or(0).max(1) as f64;
        let deficit = |c: usize| shares[c] - chosen[c] as f64 / most;
        let next = (0..counts.len())
            .filter(|&c| chosen[c] < counts[c])
            .reduce(|best, c| if deficit(c) > deficit(best) { c } else { best });
        if let Some(class) = next {
            chosen[class] += 1;
        }
    }
    chosen
}

/// The share of its images that each class keeps, R^(-c/(C-1)): all of the first class, 1/R of the last.
fn shares(classes: usize, imbalance: f64) -> Vec<f64> {
    let last = classes.saturating_sub(1).max(1) as f64;
    (0..classes).map(|class| imbalance.powf(-(class as f64) / last)).collect()
}

/// The training images that the long tail keeps, ascending, at least one of each class that has any. It keeps all
/// images of unknown class.
fn keep_tail(set: &DataSet, imbalance: f64, rule: SplitRule, seed: u64) -> Vec<usize> {
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
    match rule {
        SplitRule::Content => sort_by_rank(set, &mut order, seed, TAIL_STREAM),
        SplitRule::Position => {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(TAIL_STREAM);
            order.shuffle(&mut rng);
        }
    }
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
        assert_eq!(proportional(&[5, 5], 3), [2, 1], "the first of equals");
        assert_eq!(greedy(&[1.0, 0.8, 0.3], &[9, 9, 9], 9), [4, 4, 1]);
        assert_eq!(greedy(&[1.0, 1.0], &[1, 9], 4), [1, 3], "no class gives more than it has");
    }

    #[test]
    fn tail_shares_fall_from_one_to_its_inverse() {
        let close = |(found, expected): (&f64, f64)| (found - expected).abs() < 1e-12;
        let found = shares(3, 100.0);
        assert_eq!(found.len(), 3);
        assert!(found.iter().zip([1.0, 0.1, 0.01]).all(close), "{found:?}");
        assert_eq!(shares(1, 100.0), [1.0]);
        assert_eq!(shares(4, 1.0), [1.0; 4]);
    }
}
