//! Alignment, sharpening and thresholds.

use pollster::block_on;
use remixmatch::ssl::{
    AlignmentState, HISTORY, Method, record_alignment_stats, record_guess, record_mean_of_two, record_softmax,
};

use crate::oracle::compare::{assert_close, assert_close_wide};
use crate::oracle::heads::softmax;
use crate::oracle::random::{Random, widen};
use crate::oracle::ssl::{History, align, sharpen};
use crate::trial::Trial;
use crate::{EXACT, MANY, remixmatch};

/// A method with the dimensions of its step.
struct Case {
    method: Method,
    batch: usize,
    classes: usize,
}

fn case(method: Method, batch: usize, classes: usize) -> Case {
    Case { method, batch, classes }
}

/// What the adapter makes of `logits`, a list of views, each `[batch, classes]`.
struct Found {
    averages: Vec<f32>,
    probabilities: Vec<f32>,
    aligned: Vec<f32>,
    target: Vec<f32>,
    confidence: Vec<f32>,
}

fn run(case: &Case, p_data: &[f32], history: &[f32], logits: &[Vec<f32>]) -> Found {
    let mut t = Trial::new();
    let state = AlignmentState {
        label_distribution: t.upload("p(y)", p_data),
        history: t.upload("history", history),
    };
    let logits: Vec<_> = logits.iter().map(|l| t.upload("logits", l)).collect();
    let (b, method, classes) = (&mut t.b, &case.method, case.classes);
    let predictions: Vec<_> = logits.iter().map(|logits| record_softmax(b, *logits, classes)).collect();
    let q = match predictions[..] {
        [first, second] => record_mean_of_two(b, method, classes, [first, second]),
        _ => predictions[0],
    };
    let stats = record_alignment_stats(b, method, classes, state, q, None);
    let guess = record_guess(b, method, classes, stats, q);
    let kept = [stats.averages, guess.probabilities, guess.aligned, guess.target, guess.confidence]
        .map(|tensor| t.keep(tensor));
    let results = block_on(t.run());
    let [averages, probabilities, aligned, target, confidence] = kept.map(|tensor| results.get(tensor));
    Found { averages, probabilities, aligned, target, confidence }
}

/// The aligned guess as the reference has it.
struct Expected {
    probabilities: Vec<f64>,
    aligned: Vec<f64>,
}

fn check_averages(found: &Found, p_data: &[f32], history: &[f32]) -> [Vec<f64>; 2] {
    let classes = p_data.len();
    let total: f64 = widen(p_data).iter().sum();
    let p_data: Vec<f64> = widen(p_data).iter().map(|p| p / total).collect();
    let rows = history.chunks_exact(classes).map(widen).collect();
    let p_model = History::from_rows(rows).average();
    assert_close("p(y)", &found.averages[..classes], &p_data, EXACT);
    assert_close("p~(y)", &found.averages[classes..], &p_model, EXACT);
    [p_data, p_model]
}

fn reference(case: &Case, logits: &[Vec<f32>], [p_data, p_model]: &[Vec<f64>; 2]) -> Expected {
    let softmaxes: Vec<_> = logits.iter().map(|l| softmax(&widen(l), case.classes)).collect();
    let mean = |i: usize| softmaxes.iter().map(|s| s[i]).sum::<f64>() / softmaxes.len() as f64;
    let probabilities: Vec<f64> = (0..case.batch * case.classes).map(mean).collect();
    let aligned = match case.method.alignment {
        true => align(&probabilities, p_data, p_model),
        false => probabilities.clone(),
    };
    Expected { probabilities, aligned }
}

fn check_confidence(case: &Case, found: &Found, expected: &Expected, used: impl Fn(f64) -> f64) {
    let top = |row: &[f64]| row.iter().copied().fold(0.0, f64::max);
    let confidence: Vec<f64> =
        expected.aligned.chunks_exact(case.classes).map(top).flat_map(|t| [t, used(t)]).collect();
    assert_close("confidence", &found.confidence, &confidence, EXACT);
}

/// A history and a p(y) (not summing to 1) that differ from each other in every class.
fn distributions(random: &mut Random, classes: usize) -> [Vec<f32>; 2] {
    let p_data = random.uniform(classes, 0.1, 2.0);
    [p_data, random.distributions(HISTORY, classes)]
}

/// Softmax, averages, alignment and sharpening; the target to `tolerance`, as a power raises rounding.
fn check_soft(case: &Case, logits: &[Vec<f32>], seed: u64, tolerance: f64) {
    let [p_data, history] = distributions(&mut Random::new(seed), case.classes);
    let found = run(case, &p_data, &history, logits);
    let averages = check_averages(&found, &p_data, &history);
    let expected = reference(case, logits, &averages);
    assert_close("q", &found.probabilities, &expected.probabilities, EXACT);
    assert_close("aligned", &found.aligned, &expected.aligned, EXACT);
    let target = sharpen(&expected.aligned, case.classes, case.method.temperature.into());
    assert_close("target", &found.target, &target, tolerance);
    check_confidence(case, &found, &expected, |_| 1.0);
    let sums: Vec<f64> = widen(&found.target).chunks_exact(case.classes).map(|t| t.iter().sum()).collect();
    assert_close_wide("sums of the targets", &sums, &vec![1.0; case.batch], EXACT);
}

fn logits(case: &Case, seed: u64) -> Vec<Vec<f32>> {
    let mut random = Random::new(seed);
    (0..case.method.guess_views).map(|_| random.normal(case.batch * case.classes, 2.0)).collect()
}

#[test]
fn guess_of_1_to_300_classes() {
    for classes in [1, 2, 17, 300] {
        let case = case(remixmatch(), MANY, classes);
        check_soft(&case, &logits(&case, 1), classes as u64, EXACT);
    }
}

#[test]
fn guess_without_alignment() {
    let case = case(Method { alignment: false, ..remixmatch() }, MANY, 17);
    check_soft(&case, &logits(&case, 2), 2, EXACT);
}

#[test]
fn guess_of_two_views() {
    for alignment in [true, false] {
        let case = case(Method { guess_views: 2, alignment, ..remixmatch() }, MANY, 10);
        check_soft(&case, &logits(&case, 3), 3, EXACT);
    }
}

#[test]
fn guess_at_every_temperature() {
    // The power 1/T multiplies a relative error by 1/T.
    for (temperature, tolerance) in [(2.0, EXACT), (1.0, EXACT), (0.1, 1e-4), (0.01, 1e-3)] {
        let case = case(Method { temperature, ..remixmatch() }, MANY, 10);
        check_soft(&case, &logits(&case, 4), 4, tolerance);
    }
}

/// The smallest numbers that a temperature can be take the likeliest class alone.
#[test]
fn temperatures_near_zero_give_one_hot_targets() {
    for temperature in [1e-30, f32::from_bits(1)] {
        let case = case(Method { temperature, ..remixmatch() }, MANY, 10);
        let [p_data, history] = distributions(&mut Random::new(4), 10);
        let found = run(&case, &p_data, &history, &logits(&case, 4));
        for (target, aligned) in found.target.chunks_exact(10).zip(found.aligned.chunks_exact(10)) {
            let top = aligned.iter().copied().fold(0.0, f32::max);
            let expected: Vec<f32> = aligned.iter().map(|q| f32::from(u8::from(*q == top))).collect();
            assert_eq!(target, expected);
        }
    }
}

/// Neither a threshold nor sharpening makes a guess of what says nothing.
#[test]
fn non_finite_inputs_give_non_finite_guesses() {
    const ROW: usize = 3;
    for threshold in [None, Some(0.5)] {
        for value in [f32::NAN, f32::INFINITY] {
            let case = case(Method { threshold, ..remixmatch() }, MANY, 10);
            let [p_data, history] = distributions(&mut Random::new(4), 10);
            let mut spoilt = logits(&case, 4);
            spoilt[0][10 * ROW + 2] = value;
            let found = run(&case, &p_data, &history, &spoilt);
            let finite = |row: &[f32]| row.iter().all(|v| v.is_finite());
            for (i, row) in found.target.chunks_exact(10).enumerate() {
                assert_eq!(finite(row), i != ROW, "target {i}");
                assert_eq!(found.confidence[2 * i].is_finite(), i != ROW, "confidence {i}");
            }
            // Averages that say nothing spoil every guess.
            let found = run(&case, &p_data, &vec![value; history.len()], &logits(&case, 4));
            assert!(found.target.chunks_exact(10).all(|row| !finite(row)));
        }
    }
}

/// Logits of -80 and 80: e^-160 underflows f32, so that class has probability 0.
#[test]
fn guess_of_extreme_logits() {
    let mut random = Random::new(5);
    for temperature in [1.0, 0.5, 0.05] {
        let case = case(Method { temperature, ..remixmatch() }, MANY, 10);
        let signs = random.normal(MANY * 10, 1.0);
        let extreme: Vec<f32> = signs.iter().map(|z| 80f32.copysign(*z)).collect();
        check_soft(&case, &[extreme], 5, 1e-4);
        let flat = vec![vec![-80.0; MANY * 10]];
        check_soft(&case, &flat, 5, 1e-4);
    }
}

/// A class without labels that is predicted all the same, and one that the model never predicts.
#[test]
fn guess_of_classes_missing_on_one_side() {
    let case = case(remixmatch(), MANY, 3);
    let history: Vec<f32> = [0.4, 0.6, 0.0].repeat(HISTORY);
    let p_data = [0.0, 0.5, 0.5];
    let logits = logits(&case, 6);
    let found = run(&case, &p_data, &history, &logits);
    let expected = reference(&case, &logits, &check_averages(&found, &p_data, &history));
    assert_close("aligned", &found.aligned, &expected.aligned, EXACT);
    assert!(found.aligned.chunks_exact(3).all(|row| row[2] > 0.99), "the unpredicted class wins");
}

#[test]
fn hard_targets_of_confident_guesses() {
    for (guess_views, alignment) in [(1, false), (1, true), (2, false)] {
        let threshold = 0.6f32;
        let case =
            case(Method { guess_views, alignment, threshold: Some(threshold), ..remixmatch() }, MANY, 10);
        let logits = logits(&case, 7);
        let [p_data, history] = distributions(&mut Random::new(7), 10);
        let found = run(&case, &p_data, &history, &logits);
        let expected = reference(&case, &logits, &check_averages(&found, &p_data, &history));
        let is_used = |top: f64| f64::from(u8::from(top >= f64::from(threshold)));
        check_confidence(&case, &found, &expected, is_used);
        let target: Vec<f64> = expected
            .aligned
            .chunks_exact(10)
            .flat_map(|row| {
                let top = row.iter().copied().fold(0.0, f64::max);
                row.iter().map(|q| if *q == top { is_used(top) } else { 0.0 }).collect::<Vec<_>>()
            })
            .collect();
        assert_close("hard target", &found.target, &target, 0.0);
        let used: f64 = target.iter().sum();
        assert!((1.0..MANY as f64).contains(&used), "{used} of {MANY} guesses are used");
    }
}

/// The threshold itself is enough, and 0 takes every guess.
#[test]
fn threshold_is_inclusive() {
    let logits = [vec![0.0, 0.0, 0.0, 0.0]];
    for (threshold, used) in [(0.5, 1.0), (0.500_001, 0.0), (0.0, 1.0)] {
        let case = case(Method { threshold: Some(threshold), alignment: false, ..remixmatch() }, 2, 2);
        let found = run(&case, &[0.5, 0.5], &[0.5; 2 * HISTORY], &logits);
        assert_eq!(found.confidence, [0.5, used, 0.5, used], "threshold {threshold}");
        assert_eq!(found.target, [used, 0.0, used, 0.0], "the first of equals, threshold {threshold}");
    }
}

#[test]
fn soft_targets_of_confident_guesses() {
    let threshold = 0.6f32;
    let case =
        case(Method { soft: true, temperature: 0.4, threshold: Some(threshold), ..remixmatch() }, MANY, 10);
    let logits = logits(&case, 8);
    let [p_data, history] = distributions(&mut Random::new(8), 10);
    let found = run(&case, &p_data, &history, &logits);
    let expected = reference(&case, &logits, &check_averages(&found, &p_data, &history));
    let is_used = |top: f64| f64::from(u8::from(top >= f64::from(threshold)));
    check_confidence(&case, &found, &expected, is_used);
    let mut target = sharpen(&expected.aligned, 10, case.method.temperature.into());
    for (target, q) in target.chunks_exact_mut(10).zip(expected.aligned.chunks_exact(10)) {
        let used = is_used(q.iter().copied().fold(0.0, f64::max));
        target.iter_mut().for_each(|t| *t *= used);
    }
    assert_close("soft target", &found.target, &target, 1e-4);
    let used: f64 = target.iter().sum();
    assert!((1.0..MANY as f64 - 0.5).contains(&used), "{used} of {MANY} guesses are used");
}
