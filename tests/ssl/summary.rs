use bytemuck::Zeroable;
use pollster::block_on;
use remixmatch::augment::AssembleRow;
use remixmatch::ssl::{Guess, LossTables, Measure, STATISTICS, StepShape, record_summary};

use crate::oracle::compare::assert_close;
use crate::oracle::random::{Random, widen};
use crate::trial::Trial;
use crate::{EXACT, shape};

const CLASSES: usize = 5;
const UNKNOWN: u32 = u32::MAX;
/// In place of the share of right guesses where no class is known.
const NONE_KNOWN: f64 = -1.0;

struct Case {
    shape: StepShape,
    /// First image of every row of the tables.
    images: Vec<usize>,
    /// Loss and hit of every row.
    results: Vec<f32>,
    aligned: Vec<f32>,
    /// Confidence and use of every guess.
    confidence: Vec<f32>,
    hidden: Vec<u32>,
}

fn case(shape: StepShape, seed: u64) -> Case {
    let mut random = Random::new(seed);
    let batch = shape.batch;
    let rows = shape.passes() * batch;
    let mixed = shape.mixed_images();
    // Mixed rows in an order in which labelled ones are scattered; the others hold the first strong view.
    let mixed_images = (0..mixed).map(|i| shape.view_of_mixed((i + batch / 2) % mixed));
    let images = std::iter::repeat_n(2 * batch, rows - mixed).chain(mixed_images).collect();
    let flags = |values: Vec<f32>| values.into_iter().map(|v| f32::from(u8::from(v > 0.3)));
    let hits: Vec<f32> = flags(random.uniform(rows, 0.0, 1.0)).collect();
    let used: Vec<f32> = flags(random.uniform(batch, 0.0, 1.0)).collect();
    let pairs = |values: Vec<f32>, flags: Vec<f32>| values.into_iter().zip(flags).flat_map(|(v, f)| [v, f]);
    let results = pairs(random.uniform(rows, 0.1, 3.0), hits).collect();
    let confidence = pairs(random.uniform(batch, 0.2, 1.0), used).collect();
    let aligned = random.distributions(batch, CLASSES);
    let hidden = (0..batch as u32).map(|i| if i % 4 == 3 { UNKNOWN } else { i % 3 }).collect();
    Case { shape, images, results, aligned, confidence, hidden }
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
            measure: Measure { averages: nothing, labelled_confidence: None },
            probabilities: nothing,
            aligned: t.upload("aligned", &self.aligned),
            target: nothing,
            confidence: t.upload("confidence", &self.confidence),
        };
        let guess = self.shape.unlabelled.then_some(&guess);
        let hidden = t.upload("hidden", &self.hidden);
        let statistics = t.blank("statistics", STATISTICS);
        record_summary(&mut t.b, &self.shape, tables, guess, hidden, statistics);
        block_on(t.run()).get(statistics)
    }

    fn reference(&self) -> Vec<f64> {
        let batch = self.shape.batch;
        let results: Vec<[f64; 2]> =
            widen(&self.results).chunks_exact(2).map(|pair| [pair[0], pair[1]]).collect();
        let rotated = self.shape.rotation_passes() * batch;
        let premixed = rotated + self.shape.premixup_passes() * batch;
        let mixed: Vec<_> = results[premixed..].iter().zip(&self.images[premixed..]).collect();
        let (labelled, unlabelled): (Vec<_>, Vec<_>) = mixed.into_iter().partition(|(_, a)| **a < batch);
        let losses = |rows: &[[f64; 2]]| mean(rows.iter().map(|r| r[0]));
        let known: Vec<usize> = (0..batch).filter(|i| self.hidden[*i] != UNKNOWN).collect();
        let right = |i: &usize| {
            let row = &self.aligned[i * CLASSES..(i + 1) * CLASSES];
            let top = row.iter().copied().fold(0.0, f32::max);
            f64::from(u8::from(row[self.hidden[*i] as usize] == top))
        };
        let guesses = if self.shape.unlabelled { widen(&self.confidence) } else { Vec::new() };
        let known = if self.shape.unlabelled { known } else { Vec::new() };
        vec![
            mean(labelled.iter().map(|(r, _)| r[0])),
            mean(unlabelled.iter().map(|(r, _)| r[0])),
            losses(&results[rotated..premixed]),
            losses(&results[..rotated]),
            mean(labelled.iter().map(|(r, _)| r[1])),
            if known.is_empty() { NONE_KNOWN } else { mean(known.iter().map(right)) },
            mean(guesses.iter().step_by(2).copied()),
            mean(guesses.iter().skip(1).step_by(2).copied()),
        ]
    }

    fn check(&self, name: &str) {
        for (i, (found, wanted)) in self.run().iter().zip(self.reference()).enumerate() {
            assert_close(&format!("statistic {i} of {name}"), &[*found], &[wanted], EXACT);
        }
    }
}

/// 0 where there is nothing to average.
fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let all: Vec<f64> = values.collect();
    all.iter().sum::<f64>() / (all.len().max(1) as f64)
}

#[test]
fn of_every_term() {
    // Fewer rows than the workgroup has threads, and more.
    for batch in [4, 100] {
        case(shape(batch, CLASSES), 1).check(&format!("batch {batch}"));
    }
    // More guesses than threads.
    case(shape(300, CLASSES), 2).check("batch 300");
}

#[test]
fn without_some_passes() {
    let full = shape(20, CLASSES);
    case(StepShape { rotation: false, ..full.clone() }, 3).check("no rotation");
    case(StepShape { premixup: false, ..full.clone() }, 4).check("no pre-mixup");
    case(StepShape { rotation: false, premixup: false, train_on_anchor: false, ..full }, 5).check("FixMatch");
}

#[test]
fn of_labelled_images_alone() {
    let shape = StepShape { unlabelled: false, strong_views: 0, ..shape(20, CLASSES) };
    case(shape, 6).check("supervised");
}

#[test]
fn of_guesses_whose_classes_are_all_unknown() {
    let mut case = case(shape(20, CLASSES), 7);
    case.hidden.fill(UNKNOWN);
    assert_eq!(case.run()[5], NONE_KNOWN as f32);
    case.check("unknown classes");
}

#[test]
fn a_loss_that_is_no_number_shows_in_its_own_term_alone() {
    let shape = shape(20, CLASSES);
    let sound = case(shape.clone(), 8);
    let (rotated, premixed) = (0, shape.batch);
    let mixed = 2 * shape.batch..shape.passes() * shape.batch;
    let labelled = mixed.clone().find(|row| sound.images[*row] < shape.batch).expect("a labelled row");
    let unlabelled = mixed.clone().find(|row| sound.images[*row] >= shape.batch).expect("an unlabelled row");
    for (term, row) in [labelled, unlabelled, premixed, rotated].into_iter().enumerate() {
        for value in [f32::NAN, f32::INFINITY] {
            let mut spoilt = case(shape.clone(), 8);
            spoilt.results[2 * row] = value;
            let found = spoilt.run();
            assert!((0..STATISTICS).all(|i| found[i].is_finite() == (i != term)), "row {row}: {found:?}");
        }
    }
}
