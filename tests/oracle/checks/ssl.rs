//! Checks of the reference's guesses, MixUp and loss terms.

use crate::oracle::compare::assert_close_wide;
use crate::oracle::difference::{central, every};
use crate::oracle::ssl::*;

#[test]
fn alignment_by_hand() {
    // 0.5 x 2 : 0.5 x 2/3 = 3 : 1, but for the epsilon.
    let aligned = align(&[0.5, 0.5, 0.8, 0.2], &[0.5, 0.5], &[0.25, 0.75]);
    assert_close_wide("aligned", &aligned, &[0.75, 0.25, 12.0 / 13.0, 1.0 / 13.0], 1e-5);
    // A class the model never predicts and the data never shows stays finite.
    let aligned = align(&[0.5, 0.5, 0.0], &[0.5, 0.5, 0.0], &[0.5, 0.5, 0.0]);
    assert_close_wide("unseen class", &aligned, &[0.5, 0.5, 0.0], 1e-12);
}

#[test]
fn sharpening_by_hand() {
    assert_close_wide("T = 1/2", &sharpen(&[0.8, 0.2], 2, 0.5), &[16.0 / 17.0, 1.0 / 17.0], 1e-15);
    assert_close_wide("T = 1", &sharpen(&[0.8, 0.2, 0.4, 0.6], 2, 1.0), &[0.8, 0.2, 0.4, 0.6], 1e-15);
}

#[test]
fn the_history_forgets_its_oldest_row() {
    let mut history = History::new(2, 2);
    assert_eq!(history.average(), [0.5, 0.5]);
    history.push(&[1.0, 0.0, 0.5, 0.5]);
    assert_close_wide("one row", &history.average(), &[0.625, 0.375], 1e-15);
    history.push(&[0.0, 1.0]);
    assert_close_wide("two rows", &history.average(), &[0.375, 0.625], 1e-15);
    history.push(&[0.0, 1.0]);
    assert_close_wide("three rows", &history.average(), &[0.0, 1.0], 1e-15);
    let mut history = History::from_rows(vec![vec![0.1, 0.9], vec![0.2, 0.8]]);
    history.push(&[0.3, 0.7]);
    assert_close_wide("oldest first", &history.rows(), &[0.2, 0.8, 0.3, 0.7], 1e-15);
}

#[test]
fn expectations_of_a_batch_by_hand() {
    let q = [0.75, 0.25, 0.0, 1.0];
    assert_eq!(expectation(&q, 2), [0.375, 0.625]);
    assert_eq!(mean_top(&q, 2), 0.875);
}

#[test]
fn labels_move_their_distribution_slowly() {
    let moved = move_label_distribution(&[0.5, 0.5], &[0, 0, 0, 1]);
    assert_close_wide("p(y)", &moved, &[0.4995 + 0.00075, 0.4995 + 0.00025], 1e-15);
}

#[test]
fn mixup_by_hand() {
    let mixed = mixup(&[0.0, 1.0, 10.0, 20.0, 4.0, 8.0], 2, &[1, 0, 2], &[0.75, 0.5, 0.9]);
    assert_close_wide("rows", &mixed, &[2.5, 5.75, 5.0, 10.5, 4.0, 8.0], 1e-15);
}

#[test]
fn interleaving_by_hand() {
    assert_eq!(chunk_sizes(64, 10), [6, 6, 6, 6, 6, 6, 7, 7, 7, 7]);
    assert_eq!(chunk_sizes(5, 3), [1, 2, 2]);
    let blocks = vec![
        vec!["a0", "a1", "a2", "a3", "a4"],
        vec!["b0", "b1", "b2", "b3", "b4"],
        vec!["c0", "c1", "c2", "c3", "c4"],
    ];
    let mixed = interleave(&blocks);
    assert_eq!(mixed[0], ["a0", "b1", "b2", "c3", "c4"]);
    assert_eq!(mixed[1], ["b0", "a1", "a2", "b3", "b4"]);
    assert_eq!(mixed[2], ["c0", "c1", "c2", "a3", "a4"]);
    assert_eq!(interleave(&mixed), blocks);
}

#[test]
fn the_total_by_hand() {
    let terms =
        Terms { labelled: 1.0, unlabelled: 2.0, premixup: 4.0, rotation: 8.0, mutual_information: -16.0 };
    let weights = Weights {
        unlabelled: 1.5,
        premixup: 0.5,
        rotation: 0.5,
        mutual_information: 0.25,
        ramp: ramp(512.0, 1024.0),
    };
    assert_eq!(terms.total(&weights), 1.0 + 0.5 * (3.0 + 2.0) + 4.0 - 4.0);
    assert_eq!((ramp(-1.0, 8.0), ramp(9.0, 8.0)), (0.0, 1.0));
    assert_eq!(rotation_targets(4)[..8], [1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
    assert_eq!(rotation_targets(8)[4 * 7..], [0.0, 0.0, 0.0, 1.0]);
}

#[test]
fn losses_are_means_over_rows() {
    let logits = [0.0, 3f64.ln(), 3f64.ln(), 0.0];
    let targets = [0.0, 1.0, 0.25, 0.75];
    let hand = 0.5 * ((4.0f64 / 3.0).ln() * 1.25 + 4f64.ln() * 0.75);
    let (loss, d) = mean_cross_entropy(&logits, &targets, 2);
    assert_close_wide("cross-entropy", &[loss], &[hand], 1e-15);
    let differences = central(&logits, &every(&logits), 1e-5, |l| mean_cross_entropy(l, &targets, 2).0);
    assert_close_wide("its gradient", &d, &differences, 1e-8);
    let (loss, d) = mean_brier(&logits, &targets, 2);
    assert_close_wide("Brier", &[loss], &[0.5 * (0.0625 + 0.25)], 1e-15);
    let differences = central(&logits, &every(&logits), 1e-5, |l| mean_brier(l, &targets, 2).0);
    assert_close_wide("its gradient", &d, &differences, 1e-8);
}

#[test]
fn mutual_information_by_hand_and_by_differences() {
    // Two sure and different predictions tell one bit, two alike none.
    let sure = mutual_information(&[50.0, 0.0, 0.0, 50.0], 2);
    assert_close_wide("varied and sure", &[sure], &[2f64.ln()], 1e-12);
    assert_close_wide("collapsed", &[1.0 + mutual_information(&[50.0, 0.0, 50.0, 0.0], 2)], &[1.0], 1e-12);
    assert_close_wide("unsure", &[1.0 + mutual_information(&[0.0; 4], 2)], &[1.0], 1e-12);
    let logits = [0.3, -1.2, 2.0, 0.1, 0.4, -0.7, 1.5, -0.2, 0.9, 0.0, 0.8, -1.1];
    let found = mutual_information_backward(&logits, 3);
    let differences = central(&logits, &every(&logits), 1e-6, |l| mutual_information(l, 3));
    assert_close_wide("gradient", &found, &differences, 1e-6);
}
