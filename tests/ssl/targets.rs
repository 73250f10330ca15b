//! MixUp of the targets.

use pollster::block_on;
use remixmatch::augment::AssembleRow;
use remixmatch::gpu::groups_for_items;
use remixmatch::ssl::{LossTables, record_targets};

use crate::oracle::compare::assert_close;
use crate::oracle::random::{Random, widen};
use crate::oracle::ssl::mixup;
use crate::trial::Trial;

/// Mixed targets of rows `first..` of the table, and the reference's; `blocks` are x and the unlabelled views.
fn check(batch: usize, classes: usize, blocks: usize, first: usize, count: usize) {
    let mut random = Random::new((batch + classes) as u64);
    let images = batch * blocks;
    let labels: Vec<u32> = (0..batch).map(|i| (i * 7 % classes) as u32).collect();
    let guesses = random.distributions(batch, classes);
    let lambda = random.uniform(first + count, 0.5, 1.0);
    let [a, b] =
        [11, 13].map(|stride| (0..first + count).map(|row| row * stride % images).collect::<Vec<_>>());
    let table: Vec<_> = (0..first + count)
        .map(|row| {
            // Every seventh row is not mixed.
            let lambda = if row % 7 == 0 { 1.0 } else { lambda[row] };
            AssembleRow { a: a[row] as u32, b: b[row] as u32, lambda, rotation: 0 }
        })
        .collect();

    let mut t = Trial::new();
    let unread = t.blank("not read", 64);
    let tables = LossTables {
        step_block: unread,
        rows: t.upload("rows", &table),
        targets: t.blank("targets", (first + count) * classes),
        results: unread,
    };
    let [label_tensor, guess_tensor] = [t.upload("labels", &labels), t.upload("guesses", &guesses)];
    let rows = first..first + count;
    record_targets(&mut t.b, tables, label_tensor, guess_tensor, rows, [batch, classes]);
    let found = block_on(t.run()).get(tables.targets);
    assert!(found[..first * classes].iter().all(|v| v.is_nan()), "rows before the first");

    // One-hot labels, then the guesses of every view; partners are looked up by a second copy of them all.
    let mut all: Vec<f64> =
        labels.iter().flat_map(|l| (0..classes).map(move |c| f64::from(u8::from(c as u32 == *l)))).collect();
    for _ in 1..blocks {
        all.extend(widen(&guesses));
    }
    let label = |image: &usize| all[image * classes..(image + 1) * classes].to_vec();
    let rows = first..first + count;
    let both: Vec<f64> = a[rows.clone()].iter().chain(&b[rows.clone()]).flat_map(label).collect();
    let partner: Vec<usize> = (count..2 * count).collect();
    let lambda: Vec<f64> = table[rows].iter().map(|row| row.lambda.into()).collect();
    let expected = mixup(&both, classes, &partner, &lambda);
    assert_close("targets", &found[first * classes..], &expected, 1e-6);
}

#[test]
fn mixed_targets_of_labels_and_guesses() {
    for classes in [1, 3, 300] {
        check(8, classes, 4, 8, 32);
    }
    check(5, 17, 3, 0, 15);
}

#[test]
fn mixed_targets_of_a_folded_dispatch() {
    let [_, y, _] = groups_for_items(4_200 * 1_000, 64);
    assert!(y > 1, "too few items to fold");
    check(100, 1_000, 4, 0, 4_200);
}
