use egui_kittest::kittest::Queryable as _;

use crate::common::{compare, compare_runs, says, short, show, trained, trained_both};

#[test]
fn pairs_are_shown_with_their_shares_and_targets() {
    let mut window = trained(short());
    show(&mut window, "MixUp");
    // Four blocks of eight: labelled, anchor, two strong views.
    assert!(says(&window, "λ of the step's 32 mixed images"));
    let pairs = window.query_all_by_label("mixed target t'").count();
    assert!((4..=8).contains(&pairs), "{pairs} pairs");
    for part in ["blend of the two", "mixed target: ", "prediction on the mix: "] {
        assert_eq!(window.query_all_by_label_contains(part).count(), pairs, "{part}");
    }
    let shares =
        window.query_all_by_label_contains("× 0.").count() + window.query_all_by_label("× 1.00").count();
    assert_eq!(shares, 2 * pairs);
    compare(&mut window, "mixup");
}

#[test]
fn the_histogram_tells_how_many_images_an_interval_holds() {
    let mut window = trained(short());
    show(&mut window, "MixUp");
    window.get_by_label_contains("histogram: λ").hover();
    window.run_steps(30);
    assert!(says(&window, "λ from 0."));
}

#[test]
fn a_run_without_mixup_says_so_beside_one_with_it() {
    let mut window = trained_both("no MixUp");
    show(&mut window, "MixUp");
    assert!(says(&window, "MixUp is off in this run"));
    assert!(says(&window, "λ of the step's 32 mixed images"));
    compare_runs(&mut window, "mixup_compared");
}
