//! The MixUp view: pairs with their targets, and the histogram of λ.

use eframe::egui::pos2;
use egui_kittest::kittest::{NodeT as _, Queryable as _};

use crate::common::{compare, compare_runs, says, short, show, trained, trained_both};

#[test]
fn pairs_are_drawn_with_shares_and_targets() {
    let mut window = trained(short());
    show(&mut window, "MixUp");
    // Four blocks of eight: labelled, anchor, two strong views.
    assert!(says(&window, "λ of the step's 32 mixed images"));
    let pairs = window.query_all_by_label("mixed target t'").count();
    assert!((4..=8).contains(&pairs), "{pairs} pairs");
    for part in ["picture of the blend", "mixed target: ", "prediction for the mix: "] {
        assert_eq!(window.query_all_by_label_contains(part).count(), pairs, "{part}");
    }
    let shares =
        window.query_all_by_label_contains("× 0.").count() + window.query_all_by_label("× 1.00").count();
    assert_eq!(shares, 2 * pairs);
    compare(&mut window, "mixup");
}

/// Hovers every bin of the histogram: the bins tile the interval from 1/2 to 1, and their counts add up to the mixed
/// images of the step.
#[test]
fn histogram_bins_count_all_mixed_images() {
    const BINS: usize = 25;
    let mut window = trained(short());
    show(&mut window, "MixUp");
    let area = window.get_by_label_contains("histogram: λ").rect();
    let mut images = 0;
    for bin in 0..BINS {
        window
            .hover_at(pos2(area.left() + (bin as f32 + 0.5) * area.width() / BINS as f32, area.top() + 8.0));
        window.run_steps(if bin == 0 { 30 } else { 4 });
        let edge = |i: usize| 0.5 + 0.5 * i as f32 / BINS as f32;
        let range = format!("λ from {:.2} to {:.2}: ", edge(bin), edge(bin + 1));
        let node = window.get_by_label_contains(&range).accesskit_node();
        let text = node.label().or(node.value()).expect("a text");
        let count = text.strip_prefix(&range).and_then(|rest| rest.split(' ').next());
        images += count.and_then(|count| count.parse::<usize>().ok()).expect("a count");
    }
    assert_eq!(images, 32);
}

#[test]
fn run_without_mixup_says_so() {
    let mut window = trained_both("no MixUp");
    show(&mut window, "MixUp");
    assert!(says(&window, "MixUp is off in this run"));
    assert!(says(&window, "λ of the step's 32 mixed images"));
    compare_runs(&mut window, "mixup_compared");
}
