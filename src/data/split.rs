use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{DataError, DataSet};

/// Stream of the run's generator that the labelled images are drawn from.
const STREAM: u64 = 0x5917;

/// How labels are spread over the classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Balance {
    /// The same number for every class.
    Even,
    /// As the training images are spread (reference, `create_split.py`).
    Train,
}

/// Which training images are labelled; indices into them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    pub labelled: Vec<usize>,
    /// All training images, the labelled ones among them, as in the reference.
    pub unlabelled: Vec<usize>,
}

/// Draws `labels` labelled images: a function of the data set, the count and the seed.
///
/// # Errors
/// Fewer labels than classes, labels that cannot be shared evenly, more than a class has.
pub fn split(set: &DataSet, labels: usize, balance: Balance, seed: u64) -> Result<Split, DataError> {
    let classes = set.classes.len();
    if labels < classes {
        return Err(DataError::FewerLabelsThanClasses { labels, classes });
    }
    let mut of_class = vec![Vec::new(); classes];
    for (image, class) in set.train_labels.iter().enumerate() {
        if let Some(class) = class {
            of_class[*class as usize].push(image);
        }
    }
    let counts: Vec<_> = of_class.iter().map(Vec::len).collect();
    let wanted = match balance {
        Balance::Even if labels.is_multiple_of(classes) => vec![labels / classes; classes],
        Balance::Even => {
            let lower = labels / classes * classes;
            return Err(DataError::NotDividing { labels, classes, lower, upper: lower + classes });
        }
        Balance::Train => shares(&counts, labels),
    };
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(STREAM);
    let mut labelled = Vec::with_capacity(labels);
    for ((images, wanted), class) in of_class.iter_mut().zip(wanted).zip(&set.classes) {
        if images.len() < wanted {
            return Err(DataError::TooFew { class: class.clone(), found: images.len(), wanted });
        }
        images.shuffle(&mut rng);
        labelled.extend_from_slice(&images[..wanted]);
    }
    Ok(Split { labelled, unlabelled: (0..set.train.len()).collect() })
}

/// Labels a class, one at a time to the class that is furthest behind its share of the training images.
fn shares(counts: &[usize], labels: usize) -> Vec<usize> {
    let most = counts.iter().copied().max().unwrap_or(1).max(1) as f64;
    let mut given = vec![0usize; counts.len()];
    for _ in 0..labels {
        let top = given.iter().copied().max().unwrap_or(1).max(1) as f64;
        let behind = |class: usize| counts[class] as f64 / most - given[class] as f64 / top;
        let mut next = 0;
        for class in 1..counts.len() {
            if behind(class) > behind(next) {
                next = class;
            }
        }
        given[next] += 1;
    }
    given
}
