//! Which rows of a step are what. Sampler, tables, shader parameters, traces and tests take it from here.
//!
//! A step has three lists, each in blocks of B rows:
//!
//! | list | rows |
//! |---|---|
//! | sources | labelled images, unlabelled images |
//! | views | x̂, ũ, û_1 .. û_K, probe |
//! | inputs with a gradient | û_1 rotated, û_1, then the mixed images, interleaved |

use std::ops::Range;

use super::loss_terms::{LOSS_TERMS, LossTerm, TermRows};
use super::method::Method;

/// A block of B augmented views.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ViewBlock {
    /// x̂, the labelled images.
    Labelled,
    /// ũ, the weakly augmented unlabelled images that guesses are made from.
    Anchor,
    /// û_k, k from 1: the k-th strongly augmented view of the unlabelled images.
    Strong(usize),
    /// The labelled images again, under CTAugment's probe policy.
    Probe,
}

/// The kind of the B inputs of a pass with a gradient. Passes of one kind follow each other, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassKind {
    /// û_1, each row rotated by its class: 0, 180, 90 or 270 degrees (`AssembleRow::rotation`).
    Rotated,
    /// û_1 before MixUp.
    FirstStrong,
    /// X' and U' of algorithm 1, interleaved.
    Mixed,
}

impl TermRows {
    /// The passes that the rows are in.
    pub fn pass_kind(self) -> PassKind {
        match self {
            Self::Labelled | Self::Unlabelled => PassKind::Mixed,
            Self::FirstStrong => PassKind::FirstStrong,
            Self::Rotated => PassKind::Rotated,
        }
    }
}

/// The rows of a step, derived from the method and B.
#[derive(Clone, Debug, PartialEq)]
pub struct RowLayout {
    /// Images of the labelled batch and of the unlabelled one, B.
    pub batch: usize,
    /// Blocks of views, in order.
    pub views: Vec<ViewBlock>,
    /// Blocks that MixUp mixes, x̂ first.
    pub mixed: Vec<ViewBlock>,
    /// Passes with a gradient, in order.
    pub passes: Vec<PassKind>,
    /// Passes without a gradient: guesses, predictions on the labelled batch, probes.
    pub forward_only: usize,
}

impl RowLayout {
    /// The rows of a step of `method` with batches of `batch` images.
    ///
    /// # Examples
    /// ```
    /// use remixmatch::ssl::{Method, PassKind, RowLayout};
    ///
    /// let layout = RowLayout::new(&Method { strong_views: 2, ..Method::remixmatch() }, 64);
    /// assert_eq!(layout.passes.len(), 6);
    /// assert_eq!(layout.inputs_of(PassKind::Rotated), 0..64);
    /// // x̂, ũ, û_1 and û_2 are mixed.
    /// assert_eq!(layout.mixed_images(), 4 * 64);
    /// ```
    pub fn new(method: &Method, batch: usize) -> Self {
        let strong = (1..=method.strong_views).map(ViewBlock::Strong);
        let mut views = vec![ViewBlock::Labelled];
        let mut mixed = vec![ViewBlock::Labelled];
        if method.unlabelled {
            views.push(ViewBlock::Anchor);
            views.extend(strong.clone());
            mixed.extend(method.train_on_anchor.then_some(ViewBlock::Anchor));
            mixed.extend(strong);
        }
        if method.probes() {
            views.push(ViewBlock::Probe);
        }
        let has = |kind| LOSS_TERMS.iter().any(|term| term.rows.pass_kind() == kind && term.is_on(method));
        let single = [PassKind::Rotated, PassKind::FirstStrong].into_iter().filter(|kind| has(*kind));
        let passes = single.chain(mixed.iter().map(|_| PassKind::Mixed)).collect();
        let guesses = if method.unlabelled { method.guess_views } else { 0 };
        let forward_only = guesses + usize::from(method.predicts_labelled()) + usize::from(method.probes());
        Self { batch, views, mixed, passes, forward_only }
    }

    /// Source images per step: the labelled batch, then the unlabelled one.
    pub fn source_count(&self) -> usize {
        if self.has(ViewBlock::Anchor) { 2 * self.batch } else { self.batch }
    }

    /// The source image of a view.
    pub fn source_of(&self, view: usize) -> usize {
        match self.views[view / self.batch] {
            ViewBlock::Labelled | ViewBlock::Probe => view % self.batch,
            ViewBlock::Anchor | ViewBlock::Strong(_) => self.batch + view % self.batch,
        }
    }

    /// Augmented views per step.
    pub fn view_count(&self) -> usize {
        self.views.len() * self.batch
    }

    /// Whether the step makes that block of views.
    pub fn has(&self, block: ViewBlock) -> bool {
        self.views.contains(&block)
    }

    /// The first view of a block.
    ///
    /// # Panics
    /// When the step makes no such block.
    pub fn first_view(&self, block: ViewBlock) -> usize {
        let position = self.views.iter().position(|view| *view == block);
        position.unwrap_or_else(|| panic!("the step makes no {block:?} views")) * self.batch
    }

    /// Strongly augmented views of each unlabelled image, K.
    pub fn strong_views(&self) -> usize {
        self.views.iter().filter(|view| matches!(view, ViewBlock::Strong(_))).count()
    }

    /// Images that take part in MixUp, N.
    pub fn mixed_images(&self) -> usize {
        self.mixed.len() * self.batch
    }

    /// The view of image `index` of the mixed images.
    pub fn view_of_mixed(&self, index: usize) -> usize {
        self.first_view(self.mixed[index / self.batch]) + index % self.batch
    }

    /// Which mixed image each row of the mixed passes holds: [`interleave`] of the mixed blocks.
    pub fn interleaved(&self) -> Vec<usize> {
        interleave(self.mixed.len(), self.batch)
    }

    /// Inputs with a gradient per step.
    pub fn input_count(&self) -> usize {
        self.passes.len() * self.batch
    }

    /// The input rows of all passes of a kind; empty where the step has none.
    pub fn inputs_of(&self, kind: PassKind) -> Range<usize> {
        let count = self.passes.iter().filter(|pass| **pass == kind).count();
        let first = self.passes.iter().position(|pass| *pass == kind).unwrap_or(0);
        first * self.batch..(first + count) * self.batch
    }

    /// The input rows with targets in the table: all but the rotated ones.
    pub fn inputs_with_targets(&self) -> Range<usize> {
        self.inputs_of(PassKind::Rotated).end..self.input_count()
    }

    /// The runs of passes `range` that are of one kind, as `(kind, input rows)`.
    pub fn runs(&self, range: Range<usize>) -> Vec<(PassKind, Range<usize>)> {
        let mut runs: Vec<(PassKind, Range<usize>)> = Vec::new();
        for pass in range {
            let rows = pass * self.batch..(pass + 1) * self.batch;
            match runs.last_mut().filter(|(kind, _)| *kind == self.passes[pass]) {
                Some((_, run)) => run.end = rows.end,
                None => runs.push((self.passes[pass], rows)),
            }
        }
        runs
    }

    /// Cost of a step in forward passes: one with a gradient counts three times, as the backward
    /// pass costs about twice as much as the forward one.
    pub fn forward_passes(&self) -> usize {
        3 * self.passes.len() + self.forward_only
    }

    /// Rows that a term is a mean over; 0 where the step has none.
    pub fn rows_of_term(&self, term: &LossTerm) -> usize {
        match term.rows {
            TermRows::Labelled => self.batch,
            TermRows::Unlabelled => self.mixed_images() - self.batch,
            TermRows::FirstStrong => self.inputs_of(PassKind::FirstStrong).len(),
            TermRows::Rotated => self.inputs_of(PassKind::Rotated).len(),
        }
    }
}

/// Which image of the mixed set each row of the mixed passes holds, so that every pass has a share of every block: for
/// block i >= 1, chunk i of block 0 and chunk i of block i change places (reference, `libml/layers.py`,
/// `interleave`). Applying it twice changes nothing.
///
/// ```
/// use remixmatch::ssl::interleave;
///
/// // Three blocks of four: chunks of 1, 1 and 2 rows.
/// assert_eq!(interleave(3, 4), [0, 5, 10, 11, 4, 1, 6, 7, 8, 9, 2, 3]);
/// ```
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

    #[test]
    fn rows_of_remixmatch_follow_the_paper() {
        let layout = RowLayout::new(&Method { strong_views: 2, ..Method::remixmatch() }, 4);
        assert_eq!(layout.views.len(), 5, "x, anchor, two strong views, probe");
        assert_eq!((layout.first_view(ViewBlock::Strong(1)), layout.first_view(ViewBlock::Probe)), (8, 16));
        let sources = [0, 4, 9, 17].map(|view| layout.source_of(view));
        assert_eq!(sources, [0, 4, 5, 1], "x, anchor, first strong view, probe");
        assert_eq!(layout.inputs_of(PassKind::Rotated), 0..4);
        assert_eq!(layout.inputs_of(PassKind::FirstStrong), 4..8);
        assert_eq!(layout.inputs_of(PassKind::Mixed), 8..24);
        assert_eq!(layout.runs(1..3), [(PassKind::FirstStrong, 4..8), (PassKind::Mixed, 8..12)]);
        let rows_of = |name| layout.rows_of_term(LossTerm::named(name));
        assert_eq!(["x", "u", "u1", "r", "mi"].map(rows_of), [4, 12, 4, 4, 4]);
    }

    #[test]
    fn mixed_images_skip_an_untrained_anchor() {
        let layout = RowLayout::new(&Method::fixmatch(), 4);
        assert_eq!(layout.mixed, [ViewBlock::Labelled, ViewBlock::Strong(1)]);
        assert_eq!([0, 3, 4, 7].map(|i| layout.view_of_mixed(i)), [0, 3, 8, 11]);
        assert_eq!(layout.passes, [PassKind::Mixed; 2]);
        let supervised = RowLayout::new(&Method::supervised(), 4);
        assert_eq!((supervised.view_count(), supervised.source_count(), supervised.input_count()), (4, 4, 4));
    }

    #[test]
    fn gradient_passes_cost_three_forward_passes() {
        // Labelled, anchor, K = 2 strong views, pre-mixup, rotation: six with a gradient; guess and probe without.
        let remixmatch = Method { strong_views: 2, ..Method::remixmatch() };
        assert_eq!(RowLayout::new(&remixmatch, 64).forward_passes(), 3 * 6 + 2);
        assert_eq!(RowLayout::new(&Method::supervised(), 64).forward_passes(), 3);
    }
}
