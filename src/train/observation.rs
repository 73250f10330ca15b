//! A step as its onlookers see it: which views were made, what they were guessed and predicted to be.

use std::ops::Range;

use bytemuck::cast_slice;

use super::draws::StepDraws;
use super::error::TrainError;
use super::random::{Stream, stream_rng};
use super::trainer::Trainer;
use crate::augment::{AssembleRow, OpDraw, StrongPolicy};
use crate::ssl::{FOLLOWED, Inspection, StepShape};

/// Mixed inputs shown, each with the two images that it is made of.
const MIXES: usize = 8;
/// Turned inputs shown, two of each quarter.
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
    /// What the network says of the anchor, `[classes]`, weights as trained, moving statistics.
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

/// A turned input of the rotation loss.
#[derive(Clone, Debug)]
pub struct RotationRow {
    pub tile: usize,
    /// 0 none, 1 = 180 degrees, 2 = 90 counter-clockwise, 3 = 90 clockwise.
    pub rotation: u32,
    /// Probability of each of the four.
    pub prediction: Vec<f32>,
}

/// Which rows of an inspection show what.
struct Layout {
    rows: Vec<AssembleRow>,
    anchors: usize,
    /// Rows of the step's inputs that the mixes are.
    mixes: Vec<usize>,
    rotations: Vec<usize>,
}

fn plain(view: usize) -> AssembleRow {
    AssembleRow { a: view as u32, b: view as u32, lambda: 1.0, rotation: 0 }
}

/// `count` indices spread evenly over a range.
fn spread(range: Range<usize>, count: usize) -> Vec<usize> {
    let count = count.min(range.len());
    (0..count).map(|i| range.start + i * range.len() / count).collect()
}

impl Layout {
    /// Anchors with their strong views first, then mixes, then rotations, as far as there is room.
    fn new(shape: &StepShape, draws: &StepDraws, capacity: usize) -> Self {
        let batch = shape.batch;
        let block = if shape.unlabelled { 1 } else { 0 };
        let views = 1 + shape.strong_views;
        let single = 3 * MIXES + ROTATIONS;
        let anchors = (capacity.saturating_sub(single) / views).clamp(capacity.min(1), batch);
        let mut rows: Vec<_> = (0..anchors)
            .flat_map(|i| (0..views).map(move |k| plain((block + k) * batch + i)))
            .take(capacity)
            .collect();
        let first_mixed = (shape.rotation_passes() + shape.premixup_passes()) * batch;
        let mut mixes: Vec<_> = spread(first_mixed..draws.rows.len(), MIXES);
        mixes.retain(|i| draws.rows[*i].lambda < 1.0);
        mixes.truncate((capacity - rows.len()) / 3);
        for i in &mixes {
            let row = draws.rows[*i];
            rows.extend([plain(row.a as usize), plain(row.b as usize), row]);
        }
        let mut rotations = spread(0..shape.rotation_passes() * batch, ROTATIONS);
        rotations.truncate(capacity - rows.len());
        rows.extend(rotations.iter().map(|i| draws.rows[*i]));
        Self { rows, anchors, mixes, rotations }
    }
}

/// What an inspection found, a row a view.
struct Found<'a> {
    probabilities: &'a [f32],
    rotation: &'a [f32],
    classes: usize,
}

impl Found<'_> {
    fn prediction(&self, row: usize) -> Vec<f32> {
        self.probabilities[row * self.classes..][..self.classes].to_vec()
    }
}

/// Rows of the guess tensors `averages, probabilities, aligned, target, confidence`.
fn guessed(parts: &[Vec<f32>], row: usize, classes: usize) -> Guessed {
    let of = |part: usize| parts[part][row * classes..][..classes].to_vec();
    Guessed { prediction: of(1), aligned: of(2), target: of(3), used: parts[4][2 * row + 1] > 0.0 }
}

impl Trainer {
    /// Images whose views each [`Trainer::observe`] makes anew: the first [`FOLLOWED`] of these indices into
    /// the training images.
    pub fn follow(&mut self, images: &[usize]) {
        let count = self.data.train.len();
        self.followed = images.iter().copied().filter(|i| *i < count).take(FOLLOWED).collect();
    }

    /// Looks at the last step: predicts its views and those of the followed images, changing nothing.
    /// `None` before the first step.
    ///
    /// # Errors
    /// The adapter's.
    ///
    /// # Panics
    /// When the trainer was not made with [`crate::ssl::Keep::Views`].
    pub async fn observe(&mut self) -> Result<Option<Observation>, TrainError> {
        let Some(draws) = self.drawn().cloned() else { return Ok(None) };
        let inspection = self.engine.inspection.clone().expect("the trainer keeps views");
        let shape = self.engine.shape.clone();
        let layout = Layout::new(&shape, &draws, inspection.capacity);
        let operations = self.write_inspection(&inspection, &shape, &layout);
        let gpu = self.gpu().clone();
        self.engine.run(&gpu, inspection.program).await?;
        let step_guess = self.engine.tensors.guess;
        let guess_tensors = [&step_guess, &inspection.followed.guess].into_iter().flatten();
        let tensors: Vec<_> = [inspection.probabilities, inspection.rotation, self.engine.tensors.targets]
            .into_iter()
            .chain(guess_tensors.flat_map(|guess| guess.tensors()))
            .collect();
        let values = self.engine.recorded().fetch_all::<f32>(&gpu, &tensors).await?;
        let classes = shape.classes;
        let found = Found { probabilities: &values[0], rotation: &values[1], classes };
        let (of_step, of_followed) = values[3..].split_at(if step_guess.is_some() { 5 } else { 0 });
        Ok(Some(Observation {
            step: self.progress().step,
            anchors: self.anchors(&shape, &draws, &layout, &found, of_step),
            followed: self.followed_rows(&shape, inspection.capacity, &operations, &found, of_followed),
            mixes: mixes(&shape, &draws, &layout, &found, &values[2]),
            lambdas: draws.lambda.clone(),
            rotations: rotations(&shape, &draws, &layout, &found),
            guesses: step_guess.is_some().then(|| Guesses {
                label_distribution: of_step[0][..classes].to_vec(),
                average_prediction: of_step[0][classes..].to_vec(),
                rows: (0..shape.batch).map(|i| guessed(of_step, i, classes)).collect(),
            }),
            policy: self.policy.clone(),
        }))
    }

    /// Uploads rows and the followed images' draws; returns the latter's operations, a list a view.
    fn write_inspection(
        &self,
        inspection: &Inspection,
        shape: &StepShape,
        layout: &Layout,
    ) -> Vec<Vec<OpDraw>> {
        let (gpu, plan) = (self.gpu(), self.engine.recorded());
        let views = shape.followed_views();
        let filler = layout.rows.first().copied().unwrap_or(plain(0));
        let mut rows = layout.rows.clone();
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
        let settings = self.draw_settings();
        let weak: Vec<_> =
            (0..views).map(|view| settings.weak.draw(&mut rng, (view % FOLLOWED) as u32)).collect();
        plan.write::<u8>(gpu, inspection.followed.weak_draws, cast_slice(&weak));
        let operations: Vec<Vec<OpDraw>> = (0..views)
            .map(|view| match view < FOLLOWED && !self.config.method.strong_anchor {
                true => vec![OpDraw::IDENTITY; shape.operations],
                false => self.policy.sample(&mut rng, settings.size),
            })
            .collect();
        for (turn, tensor) in inspection.followed.op_draws.iter().enumerate() {
            let of_turn: Vec<_> = operations.iter().map(|ops| ops[turn]).collect();
            plan.write::<u8>(gpu, *tensor, cast_slice(&of_turn));
        }
        operations
    }

    fn anchors(
        &self,
        shape: &StepShape,
        draws: &StepDraws,
        layout: &Layout,
        found: &Found<'_>,
        guesses: &[Vec<f32>],
    ) -> Vec<AnchorRow> {
        let batch = shape.batch;
        let images = if shape.unlabelled { &draws.unlabelled } else { &draws.labelled };
        let views = 1 + shape.strong_views;
        let strong = |i: usize, k: usize| {
            let view = (1 + k) * batch + i;
            let tile = i * views + k;
            StrongView {
                tile,
                operations: draws.ops.iter().map(|turn| turn[view]).collect(),
                prediction: found.prediction(tile),
            }
        };
        let row = |i: usize| AnchorRow {
            image: images[i],
            class: self.data.train_labels[images[i]],
            tile: i * views,
            prediction: found.prediction(i * views),
            guess: (!guesses.is_empty()).then(|| guessed(guesses, i, found.classes)),
            strong: (1..views).map(|k| strong(i, k)).collect(),
        };
        (0..layout.anchors).map(row).collect()
    }

    fn followed_rows(
        &self,
        shape: &StepShape,
        first: usize,
        operations: &[Vec<OpDraw>],
        found: &Found<'_>,
        guesses: &[Vec<f32>],
    ) -> Vec<AnchorRow> {
        let views = shape.followed_views() / FOLLOWED;
        let strong = |i: usize, k: usize| {
            let view = k * FOLLOWED + i;
            let tile = first + view;
            StrongView { tile, operations: operations[view].clone(), prediction: found.prediction(tile) }
        };
        let row = |(i, image): (usize, &usize)| AnchorRow {
            image: *image,
            class: self.data.train_labels[*image],
            tile: first + i,
            prediction: found.prediction(first + i),
            guess: (!guesses.is_empty()).then(|| guessed(guesses, i, found.classes)),
            strong: (1..views).map(|k| strong(i, k)).collect(),
        };
        self.followed.iter().enumerate().map(row).collect()
    }
}

fn mixes(
    shape: &StepShape,
    draws: &StepDraws,
    layout: &Layout,
    found: &Found<'_>,
    targets: &[f32],
) -> Vec<MixRow> {
    let first = layout.anchors * (1 + shape.strong_views);
    let row = |(i, input): (usize, &usize)| {
        let AssembleRow { a, b, lambda, .. } = draws.rows[*input];
        let tile = first + 3 * i;
        MixRow {
            tiles: [tile, tile + 1, tile + 2],
            lambda,
            blocks: [a as usize / shape.batch, b as usize / shape.batch],
            target: targets[input * shape.classes..][..shape.classes].to_vec(),
            prediction: found.prediction(tile + 2),
        }
    };
    layout.mixes.iter().enumerate().map(row).collect()
}

fn rotations(shape: &StepShape, draws: &StepDraws, layout: &Layout, found: &Found<'_>) -> Vec<RotationRow> {
    let first = layout.anchors * (1 + shape.strong_views) + 3 * layout.mixes.len();
    let row = |(i, input): (usize, &usize)| RotationRow {
        tile: first + i,
        rotation: draws.rows[*input].rotation,
        prediction: found.rotation[4 * (first + i)..][..4].to_vec(),
    };
    layout.rotations.iter().enumerate().map(row).collect()
}
