//! What AdaMatch measures a guess by: expectations over the step's two batches and a threshold relative to the
//! confidence on the labelled one (arXiv 2106.04732, section 3).

use pollster::block_on;
use remixmatch::ssl::{
    AlignmentState, HISTORY, Method, record_alignment_stats, record_guess, record_softmax,
};

use crate::oracle::compare::assert_close;
use crate::oracle::heads::softmax;
use crate::oracle::random::{Random, widen};
use crate::oracle::ssl::{align, expectation, mean_top};
use crate::trial::Trial;
use crate::{EXACT, MANY};

/// Runs the shaders on two batches of logits and compares everything; returns the share of guesses in use.
fn check(method: &Method, classes: usize, labelled: &[f32], unlabelled: &[f32]) -> f64 {
    let batch = labelled.len() / classes;
    let mut t = Trial::new();
    // Neither history nor p(y) may matter.
    let state = AlignmentState {
        label_distribution: t.blank("p(y)", classes),
        history: t.blank("history", HISTORY * classes),
    };
    let anchors = t.upload("logits", unlabelled);
    let known = t.upload("labelled logits", labelled);
    let [q, known] = [anchors, known].map(|logits| record_softmax(&mut t.b, logits, classes));
    let stats = record_alignment_stats(&mut t.b, method, classes, state, q, Some(known));
    let guess = record_guess(&mut t.b, method, classes, stats, q);
    let mean = stats.labelled_confidence.map(|mean| t.keep(mean));
    let [averages, aligned, target, confidence] =
        [stats.averages, guess.aligned, guess.target, guess.confidence].map(|tensor| t.keep(tensor));
    let results = block_on(t.run());

    let what = format!("{batch} images of {classes} classes");
    let [known, q] = [labelled, unlabelled].map(|logits| softmax(&widen(logits), classes));
    let [p_known, p_guessed] = [&known, &q].map(|q| expectation(q, classes));
    let expected = align(&q, &p_known, &p_guessed);
    let found: Vec<f32> = results.get(averages);
    assert_close(&format!("E[p(y|x)] of {what}"), &found[..classes], &p_known, EXACT);
    assert_close(&format!("E[p(y|u)] of {what}"), &found[classes..], &p_guessed, EXACT);
    assert_close(&format!("aligned of {what}"), &results.get(aligned), &expected, EXACT);
    let mut least = f64::from(method.threshold.unwrap_or(0.0));
    if let Some(mean) = mean {
        let confidence = mean_top(&known, classes);
        assert_close(
            &format!("confidence on the labelled of {what}"),
            &results.get(mean),
            &[confidence],
            EXACT,
        );
        least *= confidence;
    }
    let tops = expected.chunks_exact(classes).map(|row| row.iter().copied().fold(0.0, f64::max));
    let used: Vec<f64> = tops.clone().map(|top| f64::from(u8::from(top >= least))).collect();
    let pairs: Vec<f64> = tops.zip(&used).flat_map(|(top, used)| [top, *used]).collect();
    assert_close(&format!("confidence of {what}"), &results.get(confidence), &pairs, EXACT);
    let rows = expected.chunks_exact(classes).zip(&used);
    let soft: Vec<f64> = rows.flat_map(|(row, used)| row.iter().map(move |q| q * used)).collect();
    assert_close(&format!("target of {what}"), &results.get(target), &soft, EXACT);
    used.iter().sum::<f64>() / batch as f64
}

fn logits(count: usize, seed: u64, spread: f64) -> Vec<f32> {
    Random::new(seed).normal(count, spread)
}

#[test]
fn adamatch_guesses_of_2_to_300_images() {
    for (batch, classes) in [(2, 1), (MANY, 2), (MANY, 10), (300, 17), (9, 300)] {
        let count = batch * classes;
        check(&Method::adamatch(), classes, &logits(count, 1, 2.0), &logits(count, 2, 2.0));
    }
}

/// The surer the network is of labelled images, the surer it must be of unlabelled ones.
#[test]
fn relative_threshold_follows_labelled_confidence() {
    let method = Method::adamatch();
    let unlabelled = logits(3_000, 3, 2.0);
    let shares = [0.5, 2.0, 8.0].map(|spread| check(&method, 10, &logits(3_000, 4, spread), &unlabelled));
    assert!(shares[0] > shares[1] && shares[1] > shares[2] && shares[2] > 0.0, "{shares:?}");
}

/// Alignment alone uses every guess.
#[test]
fn without_a_threshold_every_guess_is_used() {
    let method = Method { threshold: None, relative_threshold: false, ..Method::adamatch() };
    let count = MANY * 10;
    assert_eq!(check(&method, 10, &logits(count, 5, 2.0), &logits(count, 6, 2.0)), 1.0);
}
