use egui_kittest::kittest::Queryable as _;

use crate::common::{compare, compare_runs, says, short, show, trained, trained_both};

#[test]
fn every_turned_image_is_told_right_or_wrong() {
    let mut window = trained(short());
    show(&mut window, "Rotation");
    let right = window.query_all_by_label_contains("● turned ").count();
    let wrong = window.query_all_by_label_contains("○ turned ").count();
    assert_eq!(right + wrong, 8);
    assert!(says(&window, &format!("{right} of 8 right")));
    for turn in ["0°", "180°", "90° left", "90° right"] {
        let turned = [format!("● turned {turn}"), format!("○ turned {turn}")];
        let shown: usize = turned.iter().map(|text| window.query_all_by_label(text).count()).sum();
        assert_eq!(shown, 2, "turned by {turn}");
        assert_eq!(window.query_all_by_label(turn).count(), 8, "bars of {turn}");
    }
    compare(&mut window, "rotation");
}

#[test]
fn a_run_without_the_rotation_loss_says_so_beside_one_with_it() {
    let mut window = trained_both("no rotation");
    show(&mut window, "Rotation");
    assert!(says(&window, "The rotation loss is off in this run"));
    assert!(says(&window, "of 8 right"));
    compare_runs(&mut window, "rotation_compared");
}
