//! The operations of one training step and of an evaluation, in their order.

use super::guess::{AlignmentState, Guess, record_guess, record_measure, record_push};
use super::inspection::{Inspected, Inspection};
use super::losses::{
    LossTables, RowKind, STATISTICS, record_matches, record_rows, record_softmax, record_summary,
    record_targets,
};
use super::shape::{HISTORY, StepShape};
use super::step::{
    EvaluationTensors, GroupTensors, Keep, REPORT_FAULTS, REPORT_MATCHES, StepRecording, StepTensors,
};
use super::step_block::STEP_WORDS;
use crate::augment::{
    AssembleRow, Augmentation, OpDraw, OpOptions, WeakDraw, record_assemble, record_augmentation,
};
use crate::gpu::{PlanBuilder, Program, Tensor};
use crate::nn::{Activation, Head, Rows, StatGroups, WideResNet};
use crate::optim::{FAULTS, Optimiser, OptimiserState};

/// Largest feature map of one evaluation, in words.
const EVALUATION_MAP_WORDS: usize = 4 << 20;
const EVALUATION_IMAGES: usize = 256;

/// Blocks of the fixed rows, B each: the anchors, the first further views, the probes and the labelled images.
const FIXED_BLOCKS: usize = 4;
const PROBE_BLOCK: usize = 2;
const LABELLED_BLOCK: usize = 3;

/// Words of `count` rows of a table.
pub(super) fn table_words<T>(count: usize) -> usize {
    count * size_of::<T>() / 4
}

/// A step being recorded, operation after operation.
pub(super) struct Recorder<'a> {
    b: PlanBuilder,
    network: &'a WideResNet,
    shape: &'a StepShape,
    keep: Keep,
    tables: LossTables,
    optimiser: OptimiserState,
    moving: Tensor,
    views: Tensor,
    /// Whether a head's gradients have been written in this step.
    written: [bool; 2],
}

impl<'a> Recorder<'a> {
    pub fn record(
        network: &'a WideResNet,
        shape: &'a StepShape,
        optimiser: &'static Optimiser,
        options: OpOptions,
        keep: Keep,
        group_passes: usize,
    ) -> StepRecording {
        let mut b = PlanBuilder::new();
        let pixels = network.height * network.width;
        let views = shape.views();
        let rows = shape.passes() * shape.batch;
        let classes = shape.classes;
        let mut state = |name: &str, words: usize| b.persistent(name, words);
        let sources = state("source images", shape.sources() * pixels);
        let weak_draws = state("weak draws", table_words::<WeakDraw>(views));
        let op_draws: Vec<_> = (1..=shape.operations)
            .map(|turn| state(&format!("operations {turn}"), table_words::<OpDraw>(views)))
            .collect();
        let row_table = state("input rows", table_words::<AssembleRow>(rows));
        let fixed_rows = state("guess rows", table_words::<AssembleRow>(FIXED_BLOCKS * shape.batch));
        let labels = state("labels", shape.batch);
        let hidden = state("hidden labels", shape.batch);
        let step_block = state("step block", STEP_WORDS);
        let shown = match keep {
            Keep::Views => shape.first_followed_view(pixels) + shape.followed_views(),
            Keep::State | Keep::Trace => views,
        };
        let view_images = state("views", shown * pixels);
        let report = state("report", REPORT_MATCHES + shape.batch);
        let targets = state("targets", rows * classes);
        let results = state("row results", rows * 2);
        let alignment = AlignmentState {
            label_distribution: state("label distribution", classes),
            history: state("prediction history", HISTORY * classes),
        };
        let moving = state("moving statistics", network.statistics.words());
        let optimiser = OptimiserState::new(&mut b, network.parameters.words(), optimiser);
        let tables = LossTables { step_block, rows: row_table, targets, results };
        let mut recorder = Self {
            b,
            network,
            shape,
            keep,
            tables,
            optimiser,
            moving,
            views: view_images,
            written: [false; 2],
        };
        let mark = recorder.b.mark();
        let augmentation =
            Augmentation { sources, weak: weak_draws, ops: &op_draws, views: view_images, count: views };
        record_augmentation(&mut recorder.b, [network.height, network.width], options, augmentation);
        let matches = report.slice(REPORT_MATCHES, shape.batch);
        if shape.probe {
            recorder.probe(fixed_rows, labels, matches);
        }
        let guess_logits = if shape.unlabelled { recorder.guess_logits(fixed_rows) } else { Vec::new() };
        let labelled_logits =
            shape.predicts_labelled().then(|| recorder.prediction(fixed_rows, LABELLED_BLOCK));
        let guess = shape.unlabelled.then(|| {
            let b = &mut recorder.b;
            let measure = record_measure(b, shape, alignment, guess_logits[0], labelled_logits);
            record_guess(b, shape, measure, &guess_logits)
        });
        let rotated = shape.rotation_passes() * shape.batch;
        let with_targets = Rows { first: rotated, count: rows - rotated };
        // Without unlabelled images no row asks for a guess; any tensor will do.
        let guesses = guess.map_or(results, |g| g.target);
        record_targets(&mut recorder.b, shape, tables, labels, guesses, with_targets);
        let groups: Vec<_> = (0..shape.passes())
            .step_by(group_passes)
            .map(|first| recorder.group(first, group_passes.min(shape.passes() - first)))
            .collect();
        optimiser.record_update(&mut recorder.b, step_block, report.slice(REPORT_FAULTS, FAULTS));
        if let Some(guess) = &guess {
            record_push(&mut recorder.b, shape, alignment, guess, step_block, labels);
        }
        let statistics = report.slice(0, STATISTICS);
        record_summary(&mut recorder.b, shape, tables, guess.as_ref(), hidden, statistics);
        let step = recorder.b.program(mark);
        let logits: Vec<_> = guess_logits.iter().copied().chain(labelled_logits).collect();
        recorder.keep(guess.as_ref(), &logits, &groups);
        let evaluation = recorder.evaluation_tensors();
        let evaluate_averaged = recorder.evaluate(&evaluation, optimiser.ema);
        let evaluate_raw = recorder.evaluate(&evaluation, optimiser.weights);
        let inspected = Inspected {
            network,
            shape,
            options,
            views: view_images,
            weights: optimiser.weights,
            moving,
            alignment,
            measure: guess.map(|g| g.measure),
        };
        let inspection = (keep == Keep::Views).then(|| Inspection::record(&mut recorder.b, inspected));
        let tensors = StepTensors {
            sources,
            weak_draws,
            op_draws,
            rows: row_table,
            fixed_rows,
            labels,
            hidden,
            step_block,
            optimiser,
            moving,
            alignment,
            views: view_images,
            report,
            targets,
            results,
            guess,
            guess_logits,
            labelled_logits,
            groups,
        };
        StepRecording {
            builder: recorder.b,
            tensors,
            step,
            evaluation,
            evaluate_averaged,
            evaluate_raw,
            inspection,
            group_passes,
        }
    }

    fn size(&self) -> [usize; 2] {
        [self.network.height, self.network.width]
    }

    fn input(&mut self, name: &str, rows: Tensor, first_row: usize, images: usize) -> Activation {
        let input = self.network.input(&mut self.b, name, images);
        let size = self.size();
        record_assemble(&mut self.b, size, self.network.channels, self.views, rows, first_row, input);
        input
    }

    /// CTAugment's probe: the averaged weights in evaluation mode, before the step changes them.
    fn probe(&mut self, fixed_rows: Tensor, labels: Tensor, matches: Tensor) {
        let batch = self.shape.batch;
        let input = self.input("probe.input", fixed_rows, PROBE_BLOCK * batch, batch);
        let (logits, _) = self.infer(input, self.optimiser.ema);
        record_matches(&mut self.b, self.shape, logits, labels, matches);
    }

    /// Logits and embedding in evaluation mode.
    fn infer(&mut self, input: Activation, weights: Tensor) -> (Tensor, Tensor) {
        let embedding = self.network.inference(&mut self.b, weights, self.moving, input);
        let rows = Rows { first: 0, count: input.images };
        (self.network.logits(&mut self.b, Head::Classify, weights, embedding, rows), embedding)
    }

    /// Predictions on the views that the guess is made from.
    fn guess_logits(&mut self, fixed_rows: Tensor) -> Vec<Tensor> {
        (0..self.shape.guess_views).map(|view| self.prediction(fixed_rows, view)).collect()
    }

    /// Predictions on a block of the fixed rows, with its own batch statistics. No gradient flows back: the
    /// pass leaves no tape.
    fn prediction(&mut self, fixed_rows: Tensor, block: usize) -> Tensor {
        let batch = self.shape.batch;
        let input = self.input("guess.input", fixed_rows, block * batch, batch);
        let stat_groups = StatGroups { count: 1, moving: None };
        let weights = self.optimiser.weights;
        let (embedding, _) = self.network.forward(&mut self.b, weights, self.moving, input, stat_groups);
        let rows = Rows { first: 0, count: batch };
        self.network.logits(&mut self.b, Head::Classify, weights, embedding, rows)
    }

    /// Kind of a pass: rotation first, then pre-mixup, then the mixed ones.
    fn kind(&self, pass: usize) -> RowKind {
        let (rotated, premixed) = (self.shape.rotation_passes(), self.shape.premixup_passes());
        match pass {
            p if p < rotated => RowKind::Rotation,
            p if p < rotated + premixed => RowKind::Premixup,
            _ => RowKind::Mixed,
        }
    }

    /// Forward, losses and backward of passes `first .. first + count`.
    fn group(&mut self, first: usize, count: usize) -> GroupTensors {
        let batch = self.shape.batch;
        let last_pass = first + count == self.shape.passes();
        let stat_groups = StatGroups { count, moving: last_pass.then_some(count - 1) };
        let first_row = first * batch;
        let input = self.input("input", self.tables.rows, first_row, count * batch);
        let weights = self.optimiser.weights;
        let (embedding, tape) = self.network.forward(&mut self.b, weights, self.moving, input, stat_groups);
        let d_embedding = self.b.tensor("d_embedding", count * batch * self.network.features);
        let mut logits_of = Vec::new();
        let mut at = 0;
        while at < count {
            let kind = self.kind(first + at);
            let run = (at..count).take_while(|pass| self.kind(first + pass) == kind).count();
            let local = Rows { first: at * batch, count: run * batch };
            let global = Rows { first: (first + at) * batch, count: run * batch };
            let head = if kind == RowKind::Rotation { Head::Rotation } else { Head::Classify };
            let logits = self.network.logits(&mut self.b, head, weights, embedding, local);
            let d_logits = record_rows(&mut self.b, self.shape, self.tables, kind, logits, global);
            let accumulate = std::mem::replace(&mut self.written[head as usize], true);
            self.network.logits_backward(
                &mut self.b,
                head,
                [weights, self.optimiser.gradients],
                embedding,
                d_logits,
                local,
                d_embedding,
                accumulate,
            );
            logits_of.push((kind, global.first, global.count, logits));
            at += run;
        }
        let packed = [weights, self.optimiser.gradients, self.moving];
        self.network.backward(&mut self.b, packed, &tape, d_embedding, first > 0);
        GroupTensors { first_row, input, logits: logits_of }
    }

    fn keep(&mut self, guess: Option<&Guess>, guess_logits: &[Tensor], groups: &[GroupTensors]) {
        if self.keep == Keep::State {
            return;
        }
        guess.into_iter().flat_map(Guess::tensors).for_each(|tensor| self.b.keep(tensor));
        guess.and_then(|g| g.measure.labelled_confidence).into_iter().for_each(|mean| self.b.keep(mean));
        if self.keep == Keep::Trace {
            let group_parts =
                groups.iter().flat_map(|g| g.logits.iter().map(|l| l.3).chain([g.input.tensor]));
            guess_logits.iter().copied().chain(group_parts).for_each(|tensor| self.b.keep(tensor));
        }
    }

    fn evaluation_tensors(&mut self) -> EvaluationTensors {
        let pixels = self.network.height * self.network.width;
        let capacity = (EVALUATION_MAP_WORDS / self.network.largest_map()).clamp(1, EVALUATION_IMAGES);
        EvaluationTensors {
            capacity,
            sources: self.b.persistent("evaluated images", capacity * pixels),
            rows: self.b.persistent("evaluation rows", table_words::<AssembleRow>(capacity)),
            probabilities: self.b.persistent("evaluated probabilities", capacity * self.shape.classes),
            embedding: self.b.persistent("evaluated embedding", capacity * self.network.features),
        }
    }

    fn evaluate(&mut self, evaluation: &EvaluationTensors, weights: Tensor) -> Program {
        let mark = self.b.mark();
        let input = self.network.input(&mut self.b, "evaluation.input", evaluation.capacity);
        let channels = self.network.channels;
        let size = self.size();
        record_assemble(&mut self.b, size, channels, evaluation.sources, evaluation.rows, 0, input);
        let (logits, embedding) = self.infer(input, weights);
        let probabilities = record_softmax(&mut self.b, evaluation.capacity, self.shape.classes, logits);
        self.b.copy(probabilities, evaluation.probabilities);
        self.b.copy(embedding, evaluation.embedding);
        self.b.program(mark)
    }
}
