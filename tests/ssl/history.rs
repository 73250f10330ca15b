//! The history of predictions and the running label distribution.

use bytemuck::Zeroable;
use pollster::block_on;
use remixmatch::ssl::{AlignmentState, HISTORY, LabelPrior, Method, StepBlock, record_history_update};

use crate::oracle::compare::assert_close;
use crate::oracle::random::{Random, widen};
use crate::oracle::ssl::{History, move_label_distribution};
use crate::trial::Trial;
use crate::{EXACT, MANY, remixmatch};

/// History and p(y) after one batch of predictions.
fn update(
    method: &Method,
    classes: usize,
    slot: u32,
    q: &[f32],
    labels: &[u32],
    state: [&[f32]; 2],
) -> [Vec<f32>; 2] {
    let mut t = Trial::new();
    let [history, p_data] = state;
    let state = AlignmentState {
        label_distribution: t.upload("p(y)", p_data),
        history: t.upload("history", history),
    };
    let probabilities = t.upload("q", q);
    let step = t.upload("step", &[StepBlock { slot, ..StepBlock::zeroed() }]);
    let labels = t.upload("labels", labels);
    record_history_update(&mut t.b, method, classes, state, probabilities, step, labels);
    let results = block_on(t.run());
    [results.get(state.history), results.get(state.label_distribution)]
}

fn check(classes: usize, slot: usize, running_labels: bool) {
    let mut random = Random::new((classes + slot) as u64);
    let label_prior = if running_labels { LabelPrior::Running } else { LabelPrior::Labels };
    let method = Method { label_prior, ..remixmatch() };
    let history = random.distributions(HISTORY, classes);
    let p_data = random.distributions(1, classes);
    let q = random.distributions(MANY, classes);
    let labels: Vec<usize> = (0..MANY).map(|i| i * i % classes).collect();
    let label_words: Vec<u32> = labels.iter().map(|l| *l as u32).collect();
    let [found, found_p] = update(&method, classes, slot as u32, &q, &label_words, [&history, &p_data]);

    // The row of the slot is the oldest one.
    let mut rows: Vec<Vec<f64>> = history.chunks_exact(classes).map(widen).collect();
    rows.rotate_left(slot);
    let mut expected = History::from_rows(rows);
    expected.push(&widen(&q));
    let mut rows: Vec<Vec<f64>> = expected.rows().chunks_exact(classes).map(<[f64]>::to_vec).collect();
    rows.rotate_right(slot + 1);
    assert_close(&format!("history of {classes} classes"), &found, &rows.concat(), EXACT);
    let others = |all: &[f32]| [&all[..slot * classes], &all[(slot + 1) * classes..]].concat();
    assert_eq!(others(&found), others(&history), "rows other than {slot}");
    let expected = match running_labels {
        true => move_label_distribution(&widen(&p_data), &labels),
        false => widen(&p_data),
    };
    assert_close(&format!("p(y) of {classes} classes"), &found_p, &expected, 1e-6);
}

#[test]
fn history_update_replaces_its_slot() {
    for classes in [1, 2, 17, 300] {
        for slot in [0, 5, HISTORY - 1] {
            check(classes, slot, false);
        }
    }
}

/// p(y) moves by a thousandth: what moves is well above the tolerance.
#[test]
fn running_label_distribution_moves() {
    for classes in [2, 17, 300] {
        check(classes, 3, true);
    }
}
