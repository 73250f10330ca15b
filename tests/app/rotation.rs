//! The rotation view: rotated images with their predictions.

use egui_kittest::kittest::Queryable as _;

use crate::common::{compare, compare_runs, says, short, show, trained, trained_both};

#[test]
fn every_rotated_image_is_marked_and_counted() {
    let mut window = trained(short());
    show(&mut window, "Rotation");
    let right = window.query_all_by_label_contains("● rotated ").count();
    let wrong = window.query_all_by_label_contains("○ rotated ").count();
    assert_eq!(right + wrong, 8);
    assert!(says(&window, &format!("{right} of 8 correct")));
    for rotation in ["0°", "180°", "90° left", "90° right"] {
        let texts = [format!("● rotated {rotation}"), format!("○ rotated {rotation}")];
        let shown: usize = texts.iter().map(|text| window.query_all_by_label(text).count()).sum();
        assert_eq!(shown, 2, "rotated by {rotation}");
        assert_eq!(window.query_all_by_label(rotation).count(), 8, "bars of {rotation}");
    }
    compare(&mut window, "rotation");
}

#[test]
fn run_without_rotation_loss_says_so() {
    let mut window = trained_both("no rotation");
    show(&mut window, "Rotation");
    assert!(says(&window, "The rotation loss is off in this run"));
    assert!(says(&window, "of 8 correct"));
    compare_runs(&mut window, "rotation_compared");
}
