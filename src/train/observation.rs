//! A step as observers see it: which views were made, what was guessed and predicted for them.

use std::ops::Range;

use bytemuck::cast_slice;

use super::error::TrainError;
use super::inspection::{FOLLOWED, Inspection, followed_views};
use super::sampler::{StepSamples, Stream, stream_rng};
use super::trainer::Trainer;
use crate::augment::{AssembleRow, OpDraw, StrongPolicy};
use crate::ssl::{PassKind, RowLayout, ViewBlock};

/// Mixed inputs shown, each with the two images that it is made of.
const MIXES: usize = 8;
/// Rotated inputs shown, two of each rotation class.
const ROTATIONS: usize = 8;

/// One step seen from outside. Tiles are those of the run's [`crate::gpu::Pictures`].
#[derive(Clone, Debug)]
pub struct Observation {
    /// Steps done.
    pub step: u64,
    pub anchors: Vec<AnchorRow>,
    /// The images chosen by [`Trainer::follow`], in that order.
    pub followed: Vec<AnchorRow>,
    pub mixes: Vec<MixRow>,
    /// lambda of every mixed image of the step; 1 for all without MixUp.
    pub lambdas: Vec<f32>,
    pub rotations: Vec<RotationRow>,
    /// The guesses of the whole unlabelled batch; `None` where the method makes none.
    pub guesses: Option<Guesses>,
    /// The policy with its present bins.
    pub policy: StrongPolicy,
}

/// What alignment did in a step.
#[derive(Clone, Debug)]
pub struct Guesses {
    /// p(y), `[classes]`.
    pub label_distribution: Vec<f32>,
    /// p~(y), the average of the last predictions, `[classes]`.
    pub average_prediction: Vec<f32>,
    /// Of every image of the batch.
    pub rows: Vec<Guessed>,
}

/// The guess of one image, each `[classes]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Guessed {
    /// q, the prediction on the anchor.
    pub prediction: Vec<f32>,
    pub aligned: Vec<f32>,
    /// Sharpened: what all views are trained towards.
    pub target: Vec<f32>,
    /// Whether the target is used (a threshold may forbid it).
    pub used: bool,
}

/// An image with its anchor and its strong views.
#[derive(Clone, Debug)]
pub struct AnchorRow {
    /// Index into the training images.
    pub image: usize,
    /// Its class; of an unlabelled image, hidden from training.
    pub class: Option<u32>,
    /// Tile of the anchor.
    pub tile: usize,
    /// The prediction for the anchor with raw weights and moving statistics, `[classes]`.
    pub prediction: Vec<f32>,
    pub guess: Option<Guessed>,
    pub strong: Vec<StrongView>,
}

/// A strong view and what was done to it.
#[derive(Clone, Debug)]
pub struct StrongView {
    pub tile: usize,
    pub operations: Vec<OpDraw>,
    /// `[classes]`
    pub prediction: Vec<f32>,
}

/// A mixed input.
#[derive(Clone, Debug)]
pub struct MixRow {
    /// Tiles of the first image, the second, and the mix.
    pub tiles: [usize; 3],
    /// Share of the first.
    pub lambda: f32,
    /// Blocks of the two views: 0 labelled, 1 anchor, k + 1 the k-th strong view.
    pub blocks: [usize; 2],
    /// The mixed target, `[classes]`.
    pub target: Vec<f32>,
    /// `[classes]`
    pub prediction: Vec<f32>,
}

/// A rotated input of the rotation loss.
#[derive(Clone, Debug)]
pub struct RotationRow {
    pub tile: usize,
    /// 0 none, 1 = 180 degrees, 2 = 90 counter-clockwise, 3 = 90 clockwise.
    pub rotation: u32,
    /// Probability of each of the four.
    pub prediction: Vec<f32>,
}

/// Which rows of an inspection show what.
struct InspectedRows {
    rows: Vec<AssembleRow>,
    anchors: usize,
    /// Input rows of the step that the mixes are.
    mixes: Vec<usize>,
    rotations: Vec<usize>,
    /// Rows per anchor: itself and its strong views.
    views: usize,
}

fn plain(view: usize) -> AssembleRow {
    AssembleRow { a: view as u32, b: view as u32, lambda: 1.0, rotation: 0 }
}

/// `count` indices spread evenly over a range.
fn spread(range: Range<usize>, count: usize) -> Vec<usize> {
    let count = count.min(range.len());
    (0..count).map(|i| range.start + i * range.len() / count).collect()
}

/// The block whose images are shown as anchors: the labelled images where no others are used.
fn anchor_block(layout: &RowLayout) -> ViewBlock {
    if layout.has(ViewBlock::Anchor) { ViewBlock::Anchor } else { ViewBlock::Labelled }
}

impl InspectedRows {
    /// Anchors with their strong views first, then mixes, then rotations, as far as there is room.
    fn new(layout: &RowLayout, samples: &StepSamples, capacity: usize) -> Self {
        let batch = layout.batch;
        let views = 1 + layout.strong_views();
        let first = layout.first_view(anchor_block(layout));
        let single = 3 * MIXES + ROTATIONS;
        let anchors = (capacity.saturating_sub(single) / views).clamp(capacity.min(1), batch);
        let mut rows: Vec<_> = (0..anchors)
            .flat_map(|i| (0..views).map(move |k| plain(first + k * batch + i)))
            .take(capacity)
            .collect();
        let mut mixes = spread(layout.inputs_of(PassKind::Mixed), MIXES);
        mixes.retain(|i| samples.rows[*i].lambda < 1.0);
        mixes.truncate((capacity - rows.len()) / 3);
        for i in &mixes {
            let row = samples.rows[*i];
            rows.extend([plain(row.a as usize), plain(row.b as usize), row]);
        }
        let mut rotations = spread(layout.inputs_of(PassKind::Rotated), ROTATIONS);
        rotations.truncate(capacity - rows.len());
        rows.extend(rotations.iter().map(|i| samples.rows[*i]));
        Self { rows, anchors, mixes, rotations, views }
    }
}

/// Everything an [`Observation`] is assembled from.
struct Observed<'a> {
    layout: &'a RowLayout,
    samples: &'a StepSamples,
    inspected: InspectedRows,
    /// `[rows, classes]`
    probabilities: &'a [f32],
    /// `[rows, 4]`
    rotation: &'a [f32],
    /// Mixed targets of the step's inputs, `[inputs, classes]`.
    targets: &'a [f32],
    /// The step's guess tensors, none where the method makes no guesses.
    guesses: &'a [Vec<f32>],
    classes: usize,
}

/// Row of the guess tensors `averages, probabilities, aligned, target, confidence`.
fn guessed(tensors: &[Vec<f32>], row: usize, classes: usize) -> Option<Guessed> {
    let [_, probabilities, aligned, target, confidence] = tensors else { return None };
    let of = |tensor: &[f32]| tensor[row * classes..][..classes].to_vec();
    let used = confidence[2 * row + 1] > 0.0;
    Some(Guessed { prediction: of(probabilities), aligned: of(aligned), target: of(target), used })
}

impl Trainer {
    /// Images whose views each [`Trainer::observe`] makes anew: the first [`FOLLOWED`] of these indices into
    /// the training images.
    pub fn follow(&mut self, images: &[usize]) {
        let count = self.data.train.len();
        self.followed = images.iter().copied().filter(|i| *i < count).take(FOLLOWED).collect();
    }

    /// Observes the last step: predicts its views and those of the followed images, changing nothing.
    /// `None` before the first step.
    ///
    /// # Errors
    /// The adapter is lost or out of memory.
    ///
    /// # Panics
    /// When the trainer was not made with [`super::Capture::Views`].
    pub async fn observe(&mut self) -> Result<Option<Observation>, TrainError> {
        let Some(samples) = self.samples().cloned() else { return Ok(None) };
        let inspection = self.engine.inspection.clone().expect("the trainer captures views");
        let layout = self.engine.layout.clone();
        let inspected = InspectedRows::new(&layout, &samples, inspection.capacity);
        let operations = self.write_inspection(&inspection, &layout, &inspected);
        let gpu = self.gpu().clone();
        self.engine.run(&gpu, inspection.program, inspection.program.len()).await?;
        let step_guess = self.engine.tensors.guess;
        let guess_tensors = [&step_guess, &inspection.followed.guess].into_iter().flatten();
        let tensors: Vec<_> = [inspection.probabilities, inspection.rotation, self.engine.tensors.targets]
            .into_iter()
            .chain(guess_tensors.flat_map(|guess| guess.tensors()))
            .collect();
        let values = self.engine.recorded().fetch_all::<f32>(&gpu, &tensors).await?;
        let (guesses, of_followed) = values[3..].split_at(if step_guess.is_some() { 5 } else { 0 });
        let classes = self.engine.network.classes;
        let observed = Observed {
            layout: &layout,
            samples: &samples,
            inspected,
            probabilities: &values[0],
            rotation: &values[1],
            targets: &values[2],
            guesses,
            classes,
        };
        Ok(Some(Observation {
            step: self.progress().step,
            anchors: observed.anchors(&self.data.train_labels),
            followed: self.followed_rows(&observed, inspection.capacity, &operations, of_followed),
            mixes: observed.mixes(),
            lambdas: samples.lambda.clone(),
            rotations: observed.rotations(),
            guesses: guesses.first().map(|averages| Guesses {
                label_distribution: averages[..classes].to_vec(),
                average_prediction: averages[classes..].to_vec(),
                rows: (0..layout.batch).filter_map(|i| guessed(guesses, i, classes)).collect(),
            }),
            policy: self.policy.clone(),
        }))
    }

    /// Uploads rows and the followed images' draws; returns the latter's operations, one list per view.
    fn write_inspection(
        &self,
        inspection: &Inspection,
        layout: &RowLayout,
        inspected: &InspectedRows,
    ) -> Vec<Vec<OpDraw>> {
        let (gpu, plan) = (self.gpu(), self.engine.recorded());
        let views = followed_views(layout);
        let filler = inspected.rows.first().copied().unwrap_or(plain(0));
        let mut rows = inspected.rows.clone();
        rows.resize(inspection.capacity, filler);
        rows.extend((0..views).map(|i| plain(inspection.first_view + i)));
        plan.write::<u8>(gpu, inspection.rows, cast_slice(&rows));
        let pixels = self.data.train.height * self.data.train.width;
        let mut sources = vec![0u32; FOLLOWED * pixels];
        for (image, to) in self.followed.iter().zip(sources.chunks_exact_mut(pixels)) {
            self.data.train.rgba(*image, to);
        }
        plan.write(gpu, inspection.followed.sources, &sources);
        let mut rng = stream_rng(self.config.seed, Stream::Followed, self.progress().step);
        let settings = self.sample_settings();
        let weak: Vec<_> =
            (0..views).map(|view| settings.weak.draw(&mut rng, (view % FOLLOWED) as u32)).collect();
        plan.write::<u8>(gpu, inspection.followed.weak_draws, cast_slice(&weak));
        let method = &self.config.method;
        let operations: Vec<Vec<OpDraw>> = (0..views)
            .map(|view| match view < FOLLOWED && !method.strong_anchor {
                true => vec![OpDraw::IDENTITY; self.policy.depth()],
                false => self.policy.sample(&mut rng, settings.size),
            })
            .collect();
        for (i, tensor) in inspection.followed.op_draws.iter().enumerate() {
            let ops: Vec<_> = operations.iter().map(|ops| ops[i]).collect();
            plan.write::<u8>(gpu, *tensor, cast_slice(&ops));
        }
        operations
    }

    /// The followed images, whose rows begin at `first`.
    fn followed_rows(
        &self,
        observed: &Observed<'_>,
        first: usize,
        operations: &[Vec<OpDraw>],
        guesses: &[Vec<f32>],
    ) -> Vec<AnchorRow> {
        let views = followed_views(observed.layout) / FOLLOWED;
        let strong = |i: usize, k: usize| {
            let view = k * FOLLOWED + i;
            let tile = first + view;
            StrongView { tile, operations: operations[view].clone(), prediction: observed.prediction(tile) }
        };
        let row = |(i, image): (usize, &usize)| AnchorRow {
            image: *image,
            class: self.data.train_labels[*image],
            tile: first + i,
            prediction: observed.prediction(first + i),
            guess: guessed(guesses, i, observed.classes),
            strong: (1..views).map(|k| strong(i, k)).collect(),
        };
        self.followed.iter().enumerate().map(row).collect()
    }
}

impl Observed<'_> {
    /// `[classes]` of a row of the inspection.
    fn prediction(&self, row: usize) -> Vec<f32> {
        self.probabilities[row * self.classes..][..self.classes].to_vec()
    }

    fn anchors(&self, labels: &[Option<u32>]) -> Vec<AnchorRow> {
        let images = match anchor_block(self.layout) {
            ViewBlock::Anchor => &self.samples.unlabelled,
            _ => &self.samples.labelled,
        };
        let views = self.inspected.views;
        let strong = |i: usize, k: usize| {
            let view = self.layout.first_view(ViewBlock::Strong(k)) + i;
            let tile = i * views + k;
            StrongView {
                tile,
                operations: self.samples.ops.iter().map(|list| list[view]).collect(),
                prediction: self.prediction(tile),
            }
        };
        let row = |i: usize| AnchorRow {
            image: images[i],
            class: labels[images[i]],
            tile: i * views,
            prediction: self.prediction(i * views),
            guess: guessed(self.guesses, i, self.classes),
            strong: (1..views).map(|k| strong(i, k)).collect(),
        };
        (0..self.inspected.anchors).map(row).collect()
    }

    fn mixes(&self) -> Vec<MixRow> {
        let first = self.inspected.anchors * self.inspected.views;
        let row = |(i, input): (usize, &usize)| {
            let AssembleRow { a, b, lambda, .. } = self.samples.rows[*input];
            let tile = first + 3 * i;
            MixRow {
                tiles: [tile, tile + 1, tile + 2],
                lambda,
                blocks: [a, b].map(|view| view as usize / self.layout.batch),
                target: self.targets[input * self.classes..][..self.classes].to_vec(),
                prediction: self.prediction(tile + 2),
            }
        };
        self.inspected.mixes.iter().enumerate().map(row).collect()
    }

    fn rotations(&self) -> Vec<RotationRow> {
        let first = self.inspected.anchors * self.inspected.views + 3 * self.inspected.mixes.len();
        let row = |(i, input): (usize, &usize)| RotationRow {
            tile: first + i,
            rotation: self.samples.rows[*input].rotation,
            prediction: self.rotation[4 * (first + i)..][..4].to_vec(),
        };
        self.inspected.rotations.iter().enumerate().map(row).collect()
    }
}
