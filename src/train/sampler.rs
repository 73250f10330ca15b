//! What is random in a run: batches, augmentation draws and MixUp, as functions of seed and step.
//!
//! Nothing is carried from one step to the next, so any step can be sampled again without those before it.

use std::collections::VecDeque;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Beta, Distribution};

use crate::augment::{AssembleRow, DEPTH, OpDraw, StrongPolicy, WeakDraw, WeakStyle};
use crate::data::Images;
use crate::ssl::{Method, PassKind, RowLayout, ViewBlock};

/// What a generator's numbers are for; each use has a sequence of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    LabelledOrder = 1,
    UnlabelledOrder = 2,
    Weak = 3,
    Strong = 4,
    Probe = 5,
    MixUp = 6,
    /// Views of followed images, which are no part of training.
    Followed = 7,
    /// Images whose embedding is shown.
    Embedded = 8,
}

/// The generator of one stream at one step (or epoch): a function of its arguments alone.
pub fn stream_rng(seed: u64, stream: Stream, step: u64) -> ChaCha8Rng {
    let mut key = [0u8; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&step.to_le_bytes());
    key[16..24].copy_from_slice(&(stream as u64).to_le_bytes());
    ChaCha8Rng::from_seed(key)
}

/// An endless stream of images: epoch after epoch, each in its own order.
#[derive(Clone, Debug)]
pub struct Batches {
    items: Vec<usize>,
    stream: Stream,
    seed: u64,
    /// The epoch whose order `order` holds.
    epoch: Option<u64>,
    order: Vec<usize>,
}

impl Batches {
    /// # Panics
    /// When there are no items: a split never yields an empty set.
    pub fn new(items: Vec<usize>, stream: Stream, seed: u64) -> Self {
        assert!(!items.is_empty(), "a stream of images needs an image");
        Self { items, stream, seed, epoch: None, order: Vec::new() }
    }

    /// Items of batch `step`, `size` of them; the same for the same step, whatever was asked before.
    pub fn batch(&mut self, step: u64, size: usize) -> Vec<usize> {
        let start = step * size as u64;
        (start..start + size as u64).map(|position| self.at(position)).collect()
    }

    fn at(&mut self, position: u64) -> usize {
        let length = self.items.len() as u64;
        let epoch = position / length;
        if self.epoch != Some(epoch) {
            self.order.clone_from(&self.items);
            self.order.shuffle(&mut stream_rng(self.seed, self.stream, epoch));
            self.epoch = Some(epoch);
        }
        self.order[(position % length) as usize]
    }
}

/// Steps whose images are prefetched: as long as slow ones take to decode, at most.
const PREFETCHED: u64 = 8;

/// Tells images that are decoded while training which of them the next steps take.
pub(super) struct Prefetcher {
    batches: [Batches; 2],
    /// Images of the steps from `first` on.
    upcoming: VecDeque<Vec<usize>>,
    first: u64,
}

impl Prefetcher {
    /// `batches` as the sampler uses them; they are read in advance here.
    pub fn new(batches: [Batches; 2]) -> Self {
        Self { batches, upcoming: VecDeque::new(), first: 0 }
    }

    /// Requests the images of step `step` and of those after it.
    pub fn prefetch(&mut self, images: &Images, step: u64, layout: &RowLayout) {
        if images.in_memory() < images.len() {
            images.prefetch(&self.from(step, layout));
        }
    }

    fn from(&mut self, step: u64, layout: &RowLayout) -> Vec<usize> {
        match step.checked_sub(self.first) {
            Some(past) if past <= self.upcoming.len() as u64 => drop(self.upcoming.drain(..past as usize)),
            // A run that was resumed starts elsewhere.
            _ => self.upcoming.clear(),
        }
        self.first = step;
        while (self.upcoming.len() as u64) < PREFETCHED {
            let next = step + self.upcoming.len() as u64;
            let mut both = self.batches[0].batch(next, layout.batch);
            if layout.has(ViewBlock::Anchor) {
                both.extend(self.batches[1].batch(next, layout.batch));
            }
            self.upcoming.push_back(both);
        }
        self.upcoming.iter().flatten().copied().collect()
    }
}

/// What stays the same from step to step.
#[derive(Clone, Debug)]
pub struct SampleSettings {
    pub seed: u64,
    pub weak: WeakStyle,
    /// Image width and height.
    pub size: [u32; 2],
}

/// Every random decision of one step, made on the host and sent to the shaders as small tables.
#[derive(Clone, Debug)]
pub struct StepSamples {
    /// Indices into the training images, `[B]`.
    pub labelled: Vec<usize>,
    /// `[B]`, empty where the method uses no unlabelled images.
    pub unlabelled: Vec<usize>,
    /// One per view.
    pub weak: Vec<WeakDraw>,
    /// Operations of every view, one list per operation.
    pub ops: Vec<Vec<OpDraw>>,
    /// λ of every mixed image, at least 1/2.
    pub lambda: Vec<f32>,
    /// Partner of every mixed image.
    pub partner: Vec<u32>,
    /// One per input with a gradient.
    pub rows: Vec<AssembleRow>,
}

impl StepSamples {
    /// Samples step `step`: a function of seed, step and the policy's present bins.
    pub fn sample(
        settings: &SampleSettings,
        method: &Method,
        layout: &RowLayout,
        policy: &StrongPolicy,
        batches: &mut [Batches; 2],
        step: u64,
    ) -> Self {
        let labelled = batches[0].batch(step, layout.batch);
        let unlabelled = if method.unlabelled { batches[1].batch(step, layout.batch) } else { Vec::new() };
        let weak = sample_weak(settings, method, layout, step);
        let ops = sample_ops(settings, method, layout, policy, step);
        let (lambda, partner) = sample_mixup(settings.seed, method, layout, step);
        let rows = input_rows(layout, &lambda, &partner);
        Self { labelled, unlabelled, weak, ops, lambda, partner, rows }
    }

    /// The operations of probe `i`.
    pub fn probe_ops(&self, layout: &RowLayout, i: usize) -> [OpDraw; DEPTH] {
        let view = layout.first_view(ViewBlock::Probe) + i;
        [self.ops[0][view], self.ops[1][view]]
    }
}

fn sample_weak(settings: &SampleSettings, method: &Method, layout: &RowLayout, step: u64) -> Vec<WeakDraw> {
    let mut rng = stream_rng(settings.seed, Stream::Weak, step);
    let mut weak: Vec<_> = (0..layout.view_count())
        .map(|view| settings.weak.draw(&mut rng, layout.source_of(view) as u32))
        .collect();
    if layout.has(ViewBlock::Anchor) && !method.weak_anchor {
        let first = layout.first_view(ViewBlock::Anchor);
        for anchor in &mut weak[first..first + layout.batch] {
            *anchor = WeakDraw { source: anchor.source, ..WeakDraw::default() };
        }
    }
    if layout.has(ViewBlock::Probe) {
        // The probe is the labelled image's own weak view under another policy.
        let (labelled, probe) = weak.split_at_mut(layout.first_view(ViewBlock::Probe));
        probe.copy_from_slice(&labelled[..layout.batch]);
    }
    weak
}

fn sample_ops(
    settings: &SampleSettings,
    method: &Method,
    layout: &RowLayout,
    policy: &StrongPolicy,
    step: u64,
) -> Vec<Vec<OpDraw>> {
    let mut strong_rng = stream_rng(settings.seed, Stream::Strong, step);
    let mut probe_rng = stream_rng(settings.seed, Stream::Probe, step);
    let operations = policy.depth();
    let mut ops = vec![Vec::with_capacity(layout.view_count()); operations];
    for view in &layout.views {
        for _ in 0..layout.batch {
            let sampled = match (view, policy) {
                (ViewBlock::Probe, StrongPolicy::CtAugment(bins)) => {
                    bins.probe(&mut probe_rng, settings.size).to_vec()
                }
                (ViewBlock::Labelled, _) if !method.strong_labelled => vec![OpDraw::IDENTITY; operations],
                (ViewBlock::Anchor, _) if !method.strong_anchor => vec![OpDraw::IDENTITY; operations],
                _ => policy.sample(&mut strong_rng, settings.size),
            };
            ops.iter_mut().zip(sampled).for_each(|(list, op)| list.push(op));
        }
    }
    ops
}

/// λ ~ Beta, at least 1/2, for every image; partners by one permutation of all of them (algorithm 1, lines 14 to 16).
fn sample_mixup(seed: u64, method: &Method, layout: &RowLayout, step: u64) -> (Vec<f32>, Vec<u32>) {
    let count = layout.mixed_images();
    let mut partner: Vec<u32> = (0..count as u32).collect();
    if !method.mixup {
        return (vec![1.0; count], partner);
    }
    let mut rng = stream_rng(seed, Stream::MixUp, step);
    let beta = Beta::new(method.beta, method.beta).expect("a validated method has a positive beta");
    let lambda = (0..count)
        .map(|_| {
            let x: f64 = beta.sample(&mut rng);
            x.max(1.0 - x) as f32
        })
        .collect();
    partner.shuffle(&mut rng);
    (lambda, partner)
}

/// The network's inputs with a gradient, in the order of the passes.
fn input_rows(layout: &RowLayout, lambda: &[f32], partner: &[u32]) -> Vec<AssembleRow> {
    let plain =
        |view: usize, rotation: u32| AssembleRow { a: view as u32, b: view as u32, lambda: 1.0, rotation };
    let mut rows = Vec::with_capacity(layout.input_count());
    for (kind, run) in layout.runs(0..layout.passes.len()) {
        match kind {
            PassKind::Rotated => {
                let strong = layout.first_view(ViewBlock::Strong(1));
                let rows_per_class = layout.batch / 4;
                rows.extend((0..run.len()).map(|i| plain(strong + i, (i / rows_per_class) as u32)));
            }
            PassKind::FirstStrong => {
                let strong = layout.first_view(ViewBlock::Strong(1));
                rows.extend((0..run.len()).map(|i| plain(strong + i, 0)));
            }
            PassKind::Mixed => rows.extend(layout.interleaved().into_iter().map(|m| AssembleRow {
                a: layout.view_of_mixed(m) as u32,
                b: layout.view_of_mixed(partner[m] as usize) as u32,
                lambda: lambda[m],
                rotation: 0,
            })),
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    #[test]
    fn streams_and_steps_differ_and_repeat() {
        let first = |seed, stream, step| stream_rng(seed, stream, step).next_u64();
        let base = first(1, Stream::Weak, 7);
        assert_eq!(base, first(1, Stream::Weak, 7));
        assert_ne!(base, first(2, Stream::Weak, 7));
        assert_ne!(base, first(1, Stream::Strong, 7));
        assert_ne!(base, first(1, Stream::Weak, 8));
    }

    #[test]
    fn every_epoch_shows_each_item_once_and_replays() {
        let mut batches = Batches::new((10..27).collect(), Stream::LabelledOrder, 3);
        let seen: Vec<_> = (0..17).flat_map(|step| batches.batch(step, 5)).collect();
        for epoch in seen.chunks_exact(17) {
            let mut sorted = epoch.to_vec();
            sorted.sort_unstable();
            assert_eq!(sorted, (10..27).collect::<Vec<_>>());
        }
        assert_ne!(seen[..17], seen[17..34]);
        let mut later = Batches::new((10..27).collect(), Stream::LabelledOrder, 3);
        assert_eq!(later.batch(9, 5), seen[45..50]);
    }

    #[test]
    fn prefetched_images_are_those_that_steps_take() {
        let batches =
            || [Stream::LabelledOrder, Stream::UnlabelledOrder].map(|s| Batches::new((0..9).collect(), s, 1));
        let layout = RowLayout::new(&Method::remixmatch(), 4);
        let mut prefetcher = Prefetcher::new(batches());
        for step in [0, 1, 2, 5, 50, 51, 3, 3] {
            let mut sampled = batches();
            let expected: Vec<usize> = (step..step + PREFETCHED)
                .flat_map(|step| [sampled[0].batch(step, 4), sampled[1].batch(step, 4)].concat())
                .collect();
            assert_eq!(prefetcher.from(step, &layout), expected, "from step {step}");
        }
        let labelled = RowLayout::new(&Method::supervised(), 4);
        let images = Prefetcher::new(batches()).from(0, &labelled);
        assert_eq!(images[4..8], batches()[0].batch(1, 4));
    }
}
