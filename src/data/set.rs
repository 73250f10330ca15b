use std::collections::BTreeSet;
use std::path::Path;

use super::{Choice, DataError, Images, Origin};

/// A data set in memory, whatever it came from.
#[derive(Clone, Debug)]
pub struct DataSet {
    /// The source as it was given: `builtin:NAME`, or the last part of the path.
    pub name: String,
    /// What was recognised, in words.
    pub format: String,
    pub classes: Vec<String>,
    pub train: Images,
    /// The class of each training image; `None` where it is not known (unlabelled folder).
    pub train_labels: Vec<Option<u32>>,
    pub test: Images,
    pub test_labels: Vec<u32>,
    pub origin: Origin,
    /// Whether weak augmentation mirrors images: not for digits, whose mirror images are none.
    pub flip: bool,
    /// Pixels that weak augmentation shifts by at most.
    pub shift: u32,
    /// What the reader should be told: images resized, held out or passed over.
    pub notices: Vec<String>,
}

/// How a source is read.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    /// Refuse a folder whose image sizes differ rather than resize.
    pub strict: bool,
    /// Pass over images that cannot be read, with a notice, rather than fail.
    pub skip_bad: bool,
    /// Folders: the side in pixels that images are resized to. `None`: the size that most of them share,
    /// clamped to 8..=96; 32 where most share none.
    pub image_size: Option<usize>,
    /// Share of each class's training images held out where a source has no test images. `None`: a fifth for
    /// folders, a tenth for the others.
    pub test_share: Option<f64>,
    /// What is taken where the format leaves a choice.
    pub choice: Choice,
    /// Bytes of training images that are kept in memory; those beyond are decoded while they are needed, where the
    /// format can (folders, lists, and STL-10's unlabelled images). `None`: [`OpenOptions::MEMORY`].
    pub memory: Option<u64>,
}

impl OpenOptions {
    /// Bytes of training images that are kept in memory unless something else is asked for.
    pub const MEMORY: u64 = 2 << 30;

    /// How many training images of `stride` bytes are kept in memory.
    pub(super) fn room(&self, stride: usize) -> usize {
        let images = self.memory.unwrap_or(Self::MEMORY) / stride.max(1) as u64;
        usize::try_from(images).unwrap_or(usize::MAX)
    }

    pub(super) fn check(&self) -> Result<(), DataError> {
        if let Some(side) = self.image_size.filter(|side| !super::SIDES.contains(side)) {
            return Err(DataError::SideOption(side));
        }
        match self.test_share {
            Some(share) if !(share > 0.0 && share < 1.0) => Err(DataError::ShareOption(share)),
            _ => Ok(()),
        }
    }
}

/// Images whose classes are all known.
#[derive(Clone, Debug, Default)]
pub(super) struct Labelled {
    pub images: Images,
    pub labels: Vec<u32>,
}

impl Labelled {
    /// No images yet, of this size.
    pub fn empty(side: usize, channels: usize) -> Self {
        let images = Images::new(side, side, channels, Vec::new());
        Self { images, labels: Vec::new() }
    }

    fn pick(&self, indices: &[usize]) -> Self {
        let labels = indices.iter().map(|&i| self.labels[i]).collect();
        Self { images: self.images.pick(indices), labels }
    }
}

/// A set whose images all had a class when they were read.
pub(super) struct Parts {
    pub format: String,
    pub classes: Vec<String>,
    pub train: Labelled,
    /// Without it, a share of the training images is held out.
    pub test: Option<Labelled>,
    pub flip: bool,
    pub shift: u32,
}

impl Parts {
    /// The set, still without a name.
    pub fn assemble(self, options: &OpenOptions) -> DataSet {
        let Self { format, classes, mut train, test, flip, shift } = self;
        let mut notices = Vec::new();
        let test = match test {
            Some(test) if !test.labels.is_empty() => test,
            _ => {
                let (stay, test) = hold_out(&train, classes.len(), options.test_share.unwrap_or(0.1));
                train = stay;
                notices.push(held_out_notice(test.labels.len()));
                test
            }
        };
        DataSet {
            name: String::new(),
            format,
            classes,
            train: train.images,
            train_labels: train.labels.into_iter().map(Some).collect(),
            test: test.images,
            test_labels: test.labels,
            origin: Origin::Benchmark,
            flip,
            shift,
            notices,
        }
    }
}

/// Makes classes of the labels that the training images have, named by their numbers.
///
/// # Errors
/// When a test image's label is not among them; `path` is the set's.
pub(super) fn by_value(
    path: &Path,
    train: &mut Labelled,
    test: Option<&mut Labelled>,
) -> Result<Vec<String>, DataError> {
    let present: Vec<u32> = train.labels.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
    for label in [Some(train), test].into_iter().flatten().flat_map(|part| &mut part.labels) {
        let Ok(class) = present.binary_search(label) else {
            return Err(DataError::UntrainedClass { path: path.to_owned(), class: label.to_string() });
        };
        *label = class as u32;
    }
    Ok(present.iter().map(u32::to_string).collect())
}

/// Names that are numbers from 0.
pub(super) fn numbered(classes: usize) -> Vec<String> {
    (0..classes).map(|class| class.to_string()).collect()
}

impl DataSet {
    /// How many of these training images, by index, are of each class; those of unknown class are not counted.
    pub fn train_counts(&self, images: &[usize]) -> Vec<usize> {
        let known = images.iter().filter_map(|image| self.train_labels[*image]);
        class_counts(known, self.classes.len())
    }
}

/// Images of each class.
pub(super) fn class_counts(labels: impl Iterator<Item = u32>, classes: usize) -> Vec<usize> {
    let mut counts = vec![0; classes];
    labels.for_each(|label| counts[label as usize] += 1);
    counts
}

/// Which of `labels` are held out for testing: `share` of every class, evenly spaced in its order, at least one
/// of a class with two images, never all.
pub(super) fn held_out(labels: &[u32], classes: usize, share: f64) -> Vec<bool> {
    let counts = class_counts(labels.iter().copied(), classes);
    let quota: Vec<usize> = counts
        .iter()
        .map(|&n| if n < 2 { 0 } else { ((n as f64 * share).round() as usize).clamp(1, n - 1) })
        .collect();
    let mut seen = vec![0; classes];
    labels
        .iter()
        .map(|&label| {
            let (class, n) = (label as usize, counts[label as usize]);
            let position = seen[class];
            seen[class] += 1;
            // The quota's running total steps up at the images held out.
            (position + 1) * quota[class] / n > position * quota[class] / n
        })
        .collect()
}

/// Splits training images by [`held_out`]: what stays, and what tests.
fn hold_out(train: &Labelled, classes: usize, share: f64) -> (Labelled, Labelled) {
    let held = held_out(&train.labels, classes, share);
    let (test, stay): (Vec<usize>, Vec<usize>) = (0..held.len()).partition(|&i| held[i]);
    (train.pick(&stay), train.pick(&test))
}

/// The notice of images that stay where they are.
pub(super) fn streamed_notice(count: usize, all: usize) -> String {
    format!(
        "{count} of {all} training images are decoded while they are needed (--memory keeps more in memory)"
    )
}

/// The notice of a test set that was held out.
pub(super) fn held_out_notice(count: usize) -> String {
    format!("no test images were found: {count} training images, the same share of each class, are held out")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_held_out_is_the_same_of_each_class_and_spreads_over_it() {
        let labels: Vec<u32> = (0..60).map(|i| if i % 3 == 0 { 1 } else { 0 }).collect();
        let held = held_out(&labels, 2, 0.2);
        let of = |class| (0..60).filter(|&i| held[i] && labels[i] == class).count();
        assert_eq!((of(0), of(1)), (8, 4));
        assert_eq!((0..30).filter(|&i| held[i]).count(), 6);
    }

    #[test]
    fn a_class_keeps_at_least_one_image_and_tests_one_if_it_can() {
        assert_eq!(held_out(&[0, 1, 1], 2, 0.2), [false, false, true]);
        assert_eq!(held_out(&[0, 1, 1], 2, 0.99), [false, false, true]);
    }
}
