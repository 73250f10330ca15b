use super::{DataError, Images, Origin};

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
}

impl OpenOptions {
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
    fn pick(&self, indices: &[usize]) -> Self {
        let labels = indices.iter().map(|&i| self.labels[i]).collect();
        Self { images: self.images.pick(indices), labels }
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
pub(super) fn hold_out(train: &Labelled, classes: usize, share: f64) -> (Labelled, Labelled) {
    let held = held_out(&train.labels, classes, share);
    let (test, stay): (Vec<usize>, Vec<usize>) = (0..held.len()).partition(|&i| held[i]);
    (train.pick(&stay), train.pick(&test))
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
