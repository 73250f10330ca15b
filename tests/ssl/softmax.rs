//! Softmax, and the matches of probes.

use pollster::block_on;
use remixmatch::gpu::groups_for_items;
use remixmatch::ssl::{record_matches, record_softmax};

use crate::oracle::compare::assert_close;
use crate::oracle::heads;
use crate::oracle::random::{Random, widen};
use crate::trial::Trial;
use crate::{EXACT, MANY};

fn softmax(logits: &[f32], classes: usize) -> Vec<f32> {
    let mut t = Trial::new();
    let tensor = t.upload("logits", logits);
    let probabilities = record_softmax(&mut t.b, tensor, classes);
    let kept = t.keep(probabilities);
    block_on(t.run()).get(kept)
}

/// The probability of each row's label, and the reference's.
fn check_matches(logits: &[f32], classes: usize) {
    let labels: Vec<usize> = (0..logits.len() / classes).map(|i| i * 5 % classes).collect();
    let words: Vec<u32> = labels.iter().map(|l| *l as u32).collect();
    let mut t = Trial::new();
    let [tensor, label_tensor] = [t.upload("logits", logits), t.upload("labels", &words)];
    let matches = t.blank("matches", labels.len());
    let predictions = record_softmax(&mut t.b, tensor, classes);
    record_matches(&mut t.b, predictions, classes, label_tensor, matches);
    let found = block_on(t.run()).get(matches);
    // 1 - 0.5 sum_c |p_c - onehot_c|, as the reference's code has it.
    let p = heads::softmax(&widen(logits), classes);
    let error = |(row, label): (&[f64], &usize)| -> f64 {
        row.iter().enumerate().map(|(c, p)| (p - f64::from(u8::from(c == *label))).abs()).sum()
    };
    let expected: Vec<f64> = p.chunks_exact(classes).zip(&labels).map(|row| 1.0 - 0.5 * error(row)).collect();
    assert_close(&format!("matches of {classes} classes"), &found, &expected, EXACT);
}

/// Ordinary logits, and such as have no exponential in f32.
fn logits(classes: usize) -> [Vec<f32>; 2] {
    let ordinary = Random::new(classes as u64).normal(MANY * classes, 3.0);
    let extreme = ordinary.iter().map(|l| 80f32.copysign(*l)).collect();
    [ordinary, extreme]
}

#[test]
fn softmax_of_every_row() {
    for classes in [1, 2, 17, 300] {
        for logits in logits(classes) {
            let expected = heads::softmax(&widen(&logits), classes);
            assert_close(&format!("{classes} classes"), &softmax(&logits, classes), &expected, EXACT);
        }
    }
}

#[test]
fn probe_matches_are_label_probabilities() {
    for classes in [1, 2, 17, 300] {
        for logits in logits(classes) {
            check_matches(&logits, classes);
        }
    }
}

#[test]
fn softmax_of_a_folded_dispatch() {
    const ROWS: usize = 4_200_000;
    let [_, y, _] = groups_for_items(ROWS, 64);
    assert!(y > 1, "too few rows to fold");
    let period = Random::new(1).normal(2 * 1_001, 2.0);
    let logits: Vec<f32> = period.iter().copied().cycle().take(2 * ROWS).collect();
    let expected = heads::softmax(&widen(&period), 2);
    let expected: Vec<f64> = expected.into_iter().cycle().take(2 * ROWS).collect();
    assert_close("4.2 million rows", &softmax(&logits, 2), &expected, EXACT);
}
