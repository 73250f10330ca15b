//! What a step consists of, with every number the recorded plan needs.

/// The parts of a method that are fixed when the plan is recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct StepShape {
    /// Images of the labelled batch and of the unlabelled one, B.
    pub batch: usize,
    pub classes: usize,
    /// Strongly augmented views of each unlabelled image, K.
    pub strong_views: usize,
    /// Without it only the labelled images are trained on.
    pub unlabelled: bool,
    /// Whether the anchor itself is among the images trained on.
    pub train_on_anchor: bool,
    /// Predictions averaged into a guess: 1 (the anchor) or 2 (MixMatch).
    pub guess_views: usize,
    pub alignment: bool,
    /// p(y) follows the labelled batches instead of staying the labelled set's frequencies.
    pub running_labels: bool,
    /// Alignment by the mean predictions of the step's two batches.
    pub batch_alignment: bool,
    /// Sharpening temperature T; 1 leaves the guess as it is.
    pub temperature: f32,
    /// Targets only where the guess is at least this likely, one-hot ones unless `soft`.
    pub threshold: Option<f32>,
    /// The threshold is a share of the labelled batch's mean confidence.
    pub relative_threshold: bool,
    pub soft: bool,
    pub rotation: bool,
    pub premixup: bool,
    /// Brier score instead of cross-entropy on unlabelled rows.
    pub squared: bool,
    /// Operations that a strong view goes through, one after another.
    pub operations: usize,
    /// Probe images for CTAugment.
    pub probe: bool,
}

/// Rows of the prediction history that alignment averages (paper, section 3.1; reference `dbuf`).
pub const HISTORY: usize = 128;

impl StepShape {
    /// Blocks of B images that are mixed and trained on: x, then the unlabelled views in use.
    pub fn mixed_blocks(&self) -> usize {
        match (self.unlabelled, self.train_on_anchor) {
            (false, _) => 1,
            (true, true) => self.strong_views + 2,
            (true, false) => self.strong_views + 1,
        }
    }

    /// Images that take part in MixUp, N.
    pub fn mixed_images(&self) -> usize {
        self.mixed_blocks() * self.batch
    }

    /// Whether the guess asks what the network makes of the labelled batch.
    pub fn predicts_labelled(&self) -> bool {
        self.unlabelled && (self.batch_alignment || self.relative_threshold)
    }

    /// Passes without a gradient that a guess takes, each B images.
    pub fn guess_passes(&self) -> usize {
        usize::from(self.predicts_labelled()) + if self.unlabelled { self.guess_views } else { 0 }
    }

    /// View of image `index` of the mixed images; they differ where the anchor is not trained on.
    pub fn view_of_mixed(&self, index: usize) -> usize {
        let skipped =
            if self.unlabelled && !self.train_on_anchor && index >= self.batch { self.batch } else { 0 };
        index + skipped
    }

    pub fn rotation_passes(&self) -> usize {
        usize::from(self.unlabelled && self.rotation)
    }

    pub fn premixup_passes(&self) -> usize {
        usize::from(self.unlabelled && self.premixup)
    }

    /// Passes with a gradient, each B images: rotation, pre-mixup, then the mixed ones.
    pub fn passes(&self) -> usize {
        self.rotation_passes() + self.premixup_passes() + self.mixed_blocks()
    }

    /// What a step's arithmetic amounts to in passes forward: one with a gradient counts three times, as going back
    /// costs about twice as much as going forward; guesses and probes go forward only.
    pub fn forward_passes(&self) -> usize {
        3 * self.passes() + self.guess_passes() + usize::from(self.probe)
    }

    /// Augmented views made of the batch: x, u_w, u_s1 .. u_sK, then the probe.
    pub fn views(&self) -> usize {
        let unlabelled = if self.unlabelled { self.strong_views + 1 } else { 0 };
        (1 + unlabelled + usize::from(self.probe)) * self.batch
    }

    /// First view of the probe block.
    pub fn probe_view(&self) -> usize {
        self.views() - self.batch
    }

    /// First view of u_s1.
    pub fn first_strong_view(&self) -> usize {
        2 * self.batch
    }

    /// Source images uploaded a step: the labelled batch, then the unlabelled one.
    pub fn sources(&self) -> usize {
        if self.unlabelled { 2 * self.batch } else { self.batch }
    }

    /// Source image of a view.
    pub fn source_of_view(&self, view: usize) -> usize {
        let block = view / self.batch;
        let is_probe = self.probe && view >= self.probe_view();
        if block == 0 || is_probe { view % self.batch } else { self.batch + view % self.batch }
    }
}

/// Which image of the mixed set each row of the mixed passes holds, so that every pass has a piece of
/// every block: for block i >= 1 chunk i of block 0 and chunk i of block i change places
/// (reference, `libml/layers.py`, `interleave`). Applying it twice changes nothing.
pub fn interleave(blocks: usize, batch: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..blocks * batch).collect();
    let (share, extra) = (batch / blocks, batch % blocks);
    let mut start = 0;
    for block in 0..blocks {
        let length = share + usize::from(block >= blocks - extra);
        if block > 0 {
            for i in start..start + length {
                order.swap(i, block * batch + i);
            }
        }
        start += length;
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interleave_gives_the_last_chunks_the_remainder() {
        let order = interleave(10, 64);
        let chunk = |block: usize| (0..64).filter(|i| order[*i] / 64 == block).count();
        assert_eq!((0..10).map(chunk).collect::<Vec<_>>(), [6, 6, 6, 6, 6, 6, 7, 7, 7, 7]);
    }

    #[test]
    fn interleave_is_its_own_inverse() {
        for (blocks, batch) in [(1, 4), (3, 4), (5, 17), (10, 64), (18, 8)] {
            let order = interleave(blocks, batch);
            assert!((0..order.len()).all(|i| order[order[i]] == i));
        }
    }
}
