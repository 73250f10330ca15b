//! Every random decision of one step, drawn on the host and sent to the shaders as small tables.

use rand::seq::SliceRandom;
use rand_distr::{Beta, Distribution};

use super::batches::Batches;
use super::random::{Stream, stream_rng};
use crate::augment::{AssembleRow, DEPTH, OpDraw, StrongPolicy, WeakDraw, WeakStyle};
use crate::ssl::{Method, StepShape, interleave};

/// The draws of one step; see [`StepDraws::draw`].
#[derive(Clone, Debug)]
pub struct StepDraws {
    /// Indices into the training images.
    pub labelled: Vec<usize>,
    pub unlabelled: Vec<usize>,
    /// One a view.
    pub weak: Vec<WeakDraw>,
    /// Operations of every view, one list an operation in turn.
    pub ops: Vec<Vec<OpDraw>>,
    /// lambda of every mixed image, at least 1/2.
    pub lambda: Vec<f32>,
    /// Partner of every mixed image.
    pub partner: Vec<u32>,
    /// One a network input: rotation, pre-mixup, then the interleaved mixed images.
    pub rows: Vec<AssembleRow>,
}

/// What stays the same from step to step.
#[derive(Clone, Debug)]
pub struct DrawSettings {
    pub seed: u64,
    pub weak: WeakStyle,
    /// Image width and height.
    pub size: [u32; 2],
}

impl StepDraws {
    /// Draws step `step`: a function of seed, step and the policy's present bins.
    pub fn draw(
        settings: &DrawSettings,
        method: &Method,
        shape: &StepShape,
        policy: &StrongPolicy,
        batches: &mut [Batches; 2],
        step: u64,
    ) -> Self {
        let labelled = batches[0].batch(step, shape.batch);
        let unlabelled = if shape.unlabelled { batches[1].batch(step, shape.batch) } else { Vec::new() };
        let mut weak_rng = stream_rng(settings.seed, Stream::Weak, step);
        let mut weak: Vec<_> = (0..shape.views())
            .map(|view| settings.weak.draw(&mut weak_rng, shape.source_of_view(view) as u32))
            .collect();
        if shape.unlabelled && !method.weak_anchor {
            for anchor in &mut weak[shape.batch..2 * shape.batch] {
                *anchor = WeakDraw { source: anchor.source, ..WeakDraw::default() };
            }
        }
        if shape.probe {
            // The probe is the labelled image's own weak view under another policy.
            let (labelled, probe) = weak.split_at_mut(shape.probe_view());
            probe.copy_from_slice(&labelled[..shape.batch]);
        }
        let ops = draw_ops(settings, method, shape, policy, step);
        let (lambda, partner) = draw_mixup(settings.seed, method, shape, step);
        let rows = input_rows(shape, &lambda, &partner);
        Self { labelled, unlabelled, weak, ops, lambda, partner, rows }
    }

    /// The operations of probe `i`.
    pub fn probe_ops(&self, shape: &StepShape, i: usize) -> [OpDraw; DEPTH] {
        let view = shape.probe_view() + i;
        [self.ops[0][view], self.ops[1][view]]
    }
}

fn draw_ops(
    settings: &DrawSettings,
    method: &Method,
    shape: &StepShape,
    policy: &StrongPolicy,
    step: u64,
) -> Vec<Vec<OpDraw>> {
    let mut strong_rng = stream_rng(settings.seed, Stream::Strong, step);
    let mut probe_rng = stream_rng(settings.seed, Stream::Probe, step);
    let mut ops = vec![Vec::with_capacity(shape.views()); shape.operations];
    for view in 0..shape.views() {
        let strong = match view / shape.batch {
            0 => method.strong_labelled,
            1 => method.strong_anchor,
            _ => true,
        };
        let drawn = match policy {
            StrongPolicy::CtAugment(bins) if shape.probe && view >= shape.probe_view() => {
                bins.probe(&mut probe_rng, settings.size).to_vec()
            }
            _ if strong => policy.sample(&mut strong_rng, settings.size),
            _ => vec![OpDraw::IDENTITY; shape.operations],
        };
        ops.iter_mut().zip(drawn).for_each(|(turn, op)| turn.push(op));
    }
    ops
}

/// lambda ~ Beta, at least 1/2, for every image; partners by one permutation of all of them.
fn draw_mixup(seed: u64, method: &Method, shape: &StepShape, step: u64) -> (Vec<f32>, Vec<u32>) {
    let count = shape.mixed_images();
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

/// Rows of the network's inputs, in the order of the passes.
fn input_rows(shape: &StepShape, lambda: &[f32], partner: &[u32]) -> Vec<AssembleRow> {
    let plain =
        |view: usize, rotation: u32| AssembleRow { a: view as u32, b: view as u32, lambda: 1.0, rotation };
    let mut rows = Vec::with_capacity(shape.passes() * shape.batch);
    if shape.rotation_passes() == 1 {
        let quarter = shape.batch / 4;
        rows.extend((0..shape.batch).map(|i| plain(shape.first_strong_view() + i, (i / quarter) as u32)));
    }
    if shape.premixup_passes() == 1 {
        rows.extend((0..shape.batch).map(|i| plain(shape.first_strong_view() + i, 0)));
    }
    rows.extend(interleave(shape.mixed_blocks(), shape.batch).into_iter().map(|m| AssembleRow {
        a: shape.view_of_mixed(m) as u32,
        b: shape.view_of_mixed(partner[m] as usize) as u32,
        lambda: lambda[m],
        rotation: 0,
    }));
    rows
}
