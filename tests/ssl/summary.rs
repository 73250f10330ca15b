//! The statistics of a step.

use bytemuck::Zeroable;
use pollster::block_on;
use remixmatch::augment::AssembleRow;
use remixmatch::ssl::{
    AlignmentStats, Guess, LOSS_TERMS, LossTables, LossTerm, Method, PassKind, RowLayout, STATISTICS, TERMS,
    TermRows, ViewBlock, record_summary,
};

use crate::oracle::compare::assert_close;
use crate::oracle::random::{Random, widen};
use crate::trial::Trial;
use crate::{EXACT, remixmatch};

const CLASSES: usize = 5;
const UNKNOWN: u32 = u32::MAX;
/// In place of the share of right guesses where no class is known.
const NONE_KNOWN: f64 = -1.0;

struct Case {
    method: Method,
    layout: RowLayout,
    /// First image of every row of the tables.
    images: Vec<usize>,
    /// Loss and hit of every row in every term.
    results: Vec<f32>,
    aligned: Vec<f32>,
    /// Confidence and use of every guess.
    confidence: Vec<f32>,
    hidden: Vec<u32>,
}

fn case(method: Method, batch: usize, seed: u64) -> Case {
    let mut random = Random::new(seed);
    let layout = RowLayout::new(&method, batch);
    let rows = layout.input_count();
    let mixed = layout.mixed_images();
    // Mixed rows in an order in which labelled ones are scattered; the others hold the first strong view.
    let mixed_images = (0..mixed).map(|i| layout.view_of_mixed((i + batch / 2) % mixed));
    let images = std::iter::repeat_n(2 * batch, rows - mixed).chain(mixed_images).collect();
    let flags = |values: Vec<f32>| values.into_iter().map(|v| f32::from(u8::from(v > 0.3)));
    let hits: Vec<f32> = flags(random.uniform(TERMS * rows, 0.0, 1.0)).collect();
    let used: Vec<f32> = flags(random.uniform(batch, 0.0, 1.0)).collect();
    let pairs = |values: Vec<f32>, flags: Vec<f32>| values.into_iter().zip(flags).flat_map(|(v, f)| [v, f]);
    let results = pairs(random.uniform(TERMS * rows, 0.1, 3.0), hits).collect();
    let confidence = pairs(random.uniform(batch, 0.2, 1.0), used).collect();
    let aligned = random.distributions(batch, CLASSES);
    let hidden = (0..batch as u32).map(|i| if i % 4 == 3 { UNKNOWN } else { i % 3 }).collect();
    Case { method, layout, images, results, aligned, confidence, hidden }
}

impl Case {
    fn run(&self) -> Vec<f32> {
        let mut t = Trial::new();
        let table: Vec<_> =
            self.images.iter().map(|a| AssembleRow { a: *a as u32, ..AssembleRow::zeroed() }).collect();
        let nothing = t.blank("not read", 64);
        let tables = LossTables {
            step_block: nothing,
            rows: t.upload("rows", &table),
            targets: nothing,
            results: t.upload("results", &self.results),
        };
        let guess = Guess {
            stats: AlignmentStats { averages: nothing, labelled_confidence: None },
            probabilities: nothing,
            aligned: t.upload("aligned", &self.aligned),
            target: nothing,
            confidence: t.upload("confidence", &self.confidence),
        };
        let guess = self.method.unlabelled.then_some(&guess);
        let hidden = t.upload("hidden", &self.hidden);
        let statistics = t.blank("statistics", STATISTICS);
        record_summary(&mut t.b, &self.method, &self.layout, CLASSES, tables, guess, [hidden, statistics]);
        block_on(t.run()).get(statistics)
    }

    /// Rows that are in a term.
    fn rows_of(&self, term: &LossTerm) -> Vec<usize> {
        let mut rows = self.layout.inputs_of(term.rows.pass_kind());
        if !term.is_on(&self.method) {
            rows = 0..0;
        }
        let is_labelled = |row: &usize| self.images[*row] < self.layout.batch;
        match term.rows {
            TermRows::Labelled => rows.filter(is_labelled).collect(),
            TermRows::Unlabelled => rows.filter(|row| !is_labelled(row)).collect(),
            TermRows::FirstStrong | TermRows::Rotated => rows.collect(),
        }
    }

    fn reference(&self) -> Vec<f64> {
        let batch = self.layout.batch;
        let result = |term: &LossTerm, row: usize| {
            let at = 2 * (term.index() * self.layout.input_count() + row);
            [self.results[at], self.results[at + 1]].map(f64::from)
        };
        let of_term = |term: &'static LossTerm, i: usize| {
            mean(self.rows_of(term).into_iter().map(|row| result(term, row)[i]))
        };
        let known: Vec<usize> = (0..batch).filter(|i| self.hidden[*i] != UNKNOWN).collect();
        let right = |i: &usize| {
            let row = &self.aligned[i * CLASSES..(i + 1) * CLASSES];
            let top = row.iter().copied().fold(0.0, f32::max);
            f64::from(u8::from(row[self.hidden[*i] as usize] == top))
        };
        let guesses = if self.method.unlabelled { widen(&self.confidence) } else { Vec::new() };
        let known = if self.method.unlabelled { known } else { Vec::new() };
        let mut expected: Vec<f64> = LOSS_TERMS.iter().map(|term| of_term(term, 0)).collect();
        expected.extend([
            of_term(&LOSS_TERMS[0], 1),
            if known.is_empty() { NONE_KNOWN } else { mean(known.iter().map(right)) },
            mean(guesses.iter().step_by(2).copied()),
            mean(guesses.iter().skip(1).step_by(2).copied()),
        ]);
        expected
    }

    fn check(&self, name: &str) {
        for (i, (found, expected)) in self.run().iter().zip(self.reference()).enumerate() {
            assert_close(&format!("statistic {i} of {name}"), &[*found], &[expected], EXACT);
        }
    }
}

/// 0 where there is nothing to average.
fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let all: Vec<f64> = values.collect();
    all.iter().sum::<f64>() / (all.len().max(1) as f64)
}

#[test]
fn summary_of_every_term() {
    // Fewer rows than the workgroup has threads, and more.
    for batch in [4, 100] {
        case(remixmatch(), batch, 1).check(&format!("batch {batch}"));
        let method = Method { weight_mi: 0.5, ..remixmatch() };
        case(method, batch, 1).check(&format!("batch {batch}, mutual information"));
    }
    // More guesses than threads.
    case(remixmatch(), 300, 2).check("batch 300");
}

#[test]
fn summary_without_some_passes() {
    case(Method { rotation: false, ..remixmatch() }, 20, 3).check("no rotation");
    case(Method { premixup: false, ..remixmatch() }, 20, 4).check("no pre-mixup");
    let method = Method { rotation: false, premixup: false, train_on_anchor: false, ..remixmatch() };
    case(method, 20, 5).check("FixMatch");
}

#[test]
fn summary_of_labelled_images_alone() {
    case(Method { unlabelled: false, strong_views: 0, ..remixmatch() }, 20, 6).check("supervised");
}

#[test]
fn summary_of_guesses_of_unknown_classes() {
    let mut case = case(remixmatch(), 20, 7);
    case.hidden.fill(UNKNOWN);
    assert_eq!(case.run()[TERMS + 1], NONE_KNOWN as f32);
    case.check("unknown classes");
}

#[test]
fn non_finite_losses_show_in_their_own_term() {
    let sound = case(remixmatch(), 20, 8);
    for term in LOSS_TERMS.iter().filter(|term| term.is_on(&sound.method)) {
        let row = sound.rows_of(term)[0];
        for value in [f32::NAN, f32::INFINITY] {
            let mut broken = case(remixmatch(), 20, 8);
            broken.results[2 * (term.index() * sound.layout.input_count() + row)] = value;
            let found = broken.run();
            let finite = |i: usize| found[i].is_finite() == (i != term.index());
            assert!((0..STATISTICS).all(finite), "row {row}: {found:?}");
        }
    }
}

#[test]
fn mixed_rows_hold_labelled_and_unlabelled_images() {
    let case = case(remixmatch(), 20, 9);
    assert_eq!(case.layout.first_view(ViewBlock::Anchor), 20);
    let rows = |name| case.rows_of(LossTerm::named(name)).len();
    assert_eq!((rows("x"), rows("u")), (20, 60));
    assert_eq!(case.layout.inputs_of(PassKind::Mixed).len(), 80);
}
