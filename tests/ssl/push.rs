use bytemuck::Zeroable;
use pollster::block_on;
use remixmatch::ssl::{AlignmentState, Guess, HISTORY, Measure, StepBlock, StepShape, record_push};

use crate::oracle::compare::assert_close;
use crate::oracle::random::{Random, widen};
use crate::oracle::ssl::{History, move_label_distribution};
use crate::trial::Trial;
use crate::{EXACT, MANY, shape};

/// History and p(y) after the push of one batch.
fn push(shape: &StepShape, slot: u32, q: &[f32], labels: &[u32], state: [&[f32]; 2]) -> [Vec<f32>; 2] {
    let mut t = Trial::new();
    let [history, p_data] = state;
    let state = AlignmentState {
        label_distribution: t.upload("p(y)", p_data),
        history: t.upload("history", history),
    };
    let probabilities = t.upload("q", q);
    // Only the raw predictions are pushed; the others would show as NaNs.
    let nothing = t.blank("not pushed", q.len());
    let measure = Measure { averages: nothing, labelled_confidence: None };
    let guess = Guess { measure, probabilities, aligned: nothing, target: nothing, confidence: nothing };
    let step = t.upload("step", &[StepBlock { slot, ..StepBlock::zeroed() }]);
    let labels = t.upload("labels", labels);
    record_push(&mut t.b, shape, state, &guess, step, labels);
    let results = block_on(t.run());
    [results.get(state.history), results.get(state.label_distribution)]
}

fn check(classes: usize, slot: usize, running_labels: bool) {
    let mut random = Random::new((classes + slot) as u64);
    let shape = StepShape { running_labels, ..shape(MANY, classes) };
    let history = random.distributions(HISTORY, classes);
    let p_data = random.distributions(1, classes);
    let q = random.distributions(MANY, classes);
    let labels: Vec<usize> = (0..MANY).map(|i| i * i % classes).collect();
    let label_words: Vec<u32> = labels.iter().map(|l| *l as u32).collect();
    let [found, found_p] = push(&shape, slot as u32, &q, &label_words, [&history, &p_data]);

    // The row of the slot is the oldest one.
    let mut rows: Vec<Vec<f64>> = history.chunks_exact(classes).map(widen).collect();
    rows.rotate_left(slot);
    let mut wanted = History::from_rows(rows);
    wanted.push(&widen(&q));
    let mut rows: Vec<Vec<f64>> = wanted.rows().chunks_exact(classes).map(<[f64]>::to_vec).collect();
    rows.rotate_right(slot + 1);
    assert_close(&format!("history of {classes} classes"), &found, &rows.concat(), EXACT);
    let others = |all: &[f32]| [&all[..slot * classes], &all[(slot + 1) * classes..]].concat();
    assert_eq!(others(&found), others(&history), "rows other than {slot}");
    let wanted = match running_labels {
        true => move_label_distribution(&widen(&p_data), &labels),
        false => widen(&p_data),
    };
    assert_close(&format!("p(y) of {classes} classes"), &found_p, &wanted, 1e-6);
}

#[test]
fn replaces_the_row_of_its_slot() {
    for classes in [1, 2, 17, 300] {
        for slot in [0, 5, HISTORY - 1] {
            check(classes, slot, false);
        }
    }
}

/// p(y) moves by a thousandth: what moves is well above the tolerance.
#[test]
fn moves_the_running_label_distribution() {
    for classes in [2, 17, 300] {
        check(classes, 3, true);
    }
}
