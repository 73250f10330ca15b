//! The alignment view: the table, a skewed p(y), the histogram, and the plot over time.

use eframe::egui::{Key, Role};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use remixmatch::app::AppOptions;

use crate::common::{Window, compare, ready, says, short, show, trained, wait_for, window};

/// A window with the view after `steps` single steps.
fn stepped(steps: u64) -> Window {
    let mut window = ready(short());
    for step in 1..=steps {
        step_to(&mut window, step);
    }
    show(&mut window, "Alignment");
    window
}

fn step_to(window: &mut Window, step: u64) {
    window.key_press(Key::F7);
    let done = format!("{step} / 6 steps");
    wait_for(window, &done, |window| says(window, &done) && says(window, "paused"));
}

/// The accessible text of the row of a class.
fn row(window: &Window, class: &str) -> String {
    let start = format!("{class}: p(y)");
    let row = window.get_by(|node| node.label().is_some_and(|label| label.starts_with(&start)));
    row.accesskit_node().label().unwrap_or_default()
}

#[test]
fn short_run_is_drawn() {
    let mut window = trained(short());
    show(&mut window, "Alignment");
    // The number of earlier observations depends on the speed of the adapter.
    window.get_by_label("this step").click();
    window.run_steps(3);
    compare(&mut window, "alignment");
}

#[test]
fn empty_view_says_to_press_train() {
    let mut window = window(short());
    show(&mut window, "Alignment");
    assert!(says(&window, "Press Train: p(y), p~(y) and the classes of the guesses appear here."));
}

#[test]
fn skewed_class_takes_effect_next_step_and_resets() {
    let mut window = stepped(1);
    assert!(row(&window, "0").starts_with("0: p(y) 10.0 %, "), "{}", row(&window, "0"));
    let slider = |node: &egui_kittest::kittest::AccessKitNode<'_>| node.role() == Role::Slider;
    window
        .get_by(|node| slider(node) && node.label().as_deref() == Some("its share"))
        .set_value_accesskit(64.0);
    window.run_steps(3);
    assert!(row(&window, "0").starts_with("0: p(y) 10.0 % (next 64.0 %), "), "{}", row(&window, "0"));
    compare(&mut window, "alignment-skewed");
    step_to(&mut window, 2);
    assert!(row(&window, "0").starts_with("0: p(y) 64.0 %, "), "{}", row(&window, "0"));
    assert!(row(&window, "9").starts_with("9: p(y) 4.0 %, "), "{}", row(&window, "9"));
    window.get_by_label("Labels' own p(y)").click();
    window.run_steps(3);
    step_to(&mut window, 3);
    assert!(row(&window, "0").starts_with("0: p(y) 10.0 %, "), "{}", row(&window, "0"));
}

#[test]
fn long_tail_decreases_from_class_to_class() {
    let mut window = stepped(1);
    window.get_by_role_and_label(Role::ComboBox, "Skew p(y):").click();
    window.run_steps(3);
    window.get_by_label("a long tail").click();
    window.run_steps(3);
    window.get_by_role_and_label(Role::Slider, "first class over last").set_value_accesskit(100.0);
    window.run_steps(3);
    step_to(&mut window, 2);
    // 100^(-i/9) over its sum, 2.4818.
    for (class, share) in [("0", "40.3 %"), ("1", "24.2 %"), ("9", "0.4 %")] {
        let row = row(&window, class);
        assert!(row.starts_with(&format!("{class}: p(y) {share}, ")), "{row}");
    }
}

#[test]
fn selected_class_sets_the_slider_to_its_share() {
    let mut window = stepped(1);
    window.get_by_role_and_label(Role::ComboBox, "class").click();
    window.run_steps(3);
    window.get_by_role_and_label(Role::Button, "7").click();
    window.run_steps(3);
    assert!(says(&window, "7 over the last 1 observations"));
    let slider = window.get_by_role_and_label(Role::Slider, "its share");
    assert_eq!(slider.accesskit_node().numeric_value(), Some(10.0));
    slider.set_value_accesskit(0.0);
    window.run_steps(3);
    step_to(&mut window, 2);
    assert!(row(&window, "7").starts_with("7: p(y) 0.0 %, "), "{}", row(&window, "7"));
}

#[test]
fn histogram_counts_one_step_or_several_observations() {
    let mut window = stepped(3);
    assert!(says(&window, "in 24 guesses of the last 3 observations"));
    window.get_by_label("this step").click();
    window.run_steps(3);
    assert!(says(&window, "in 8 guesses of this step"));
    let counted = row(&window, "0");
    window.get_by_label("probability").click();
    window.run_steps(3);
    assert_ne!(row(&window, "0"), counted);
    window.get_by_label("the last").click();
    window.run_steps(3);
    assert!(says(&window, "in 24 guesses of the last 3 observations"));
    window.get_by_role_and_label(Role::SpinButton, "observations").set_value_accesskit(2.0);
    window.run_steps(3);
    assert!(says(&window, "in 16 guesses of the last 2 observations"));
}

#[test]
fn keyboard_selects_the_class_of_the_plot() {
    let mut window = stepped(2);
    assert!(says(&window, "0 over the last 2 observations"));
    window.get_by(|node| node.label().is_some_and(|label| label.starts_with("4: p(y)"))).focus();
    window.step();
    window.key_press(Key::Enter);
    window.run_steps(3);
    assert!(says(&window, "4 over the last 2 observations"));
}

/// A window with the view of two runs after one step each; the second differs by `variation`.
fn compared(variation: &str) -> Window {
    let mut window = ready(AppOptions { compare: Some(variation.to_owned()), ..short() });
    window.key_press(Key::F7);
    let second = format!("{variation}: paused");
    wait_for(&mut window, "a step of both", |window| {
        window.query_all_by_label_contains("1 / 6 steps").count() == 2
            && says(window, "remixmatch: paused")
            && says(window, &second)
    });
    show(&mut window, "Alignment");
    window
}

#[test]
fn skew_applies_to_both_compared_runs() {
    let mut window = compared("no alignment");
    window.get_by_role_and_label(Role::Slider, "its share").set_value_accesskit(55.0);
    window.run_steps(3);
    assert!(says(&window, "Alignment is off in this run: the ratio is not applied"));
    compare(&mut window, "alignment-compared");
    window.key_press(Key::F7);
    wait_for(&mut window, "the skew in both", |window| {
        let skewed = |label: String| label.starts_with("0: p(y) 55.0 %, ");
        window.query_all_by(|node| node.label().is_some_and(skewed)).count() == 2
    });
}

#[test]
fn run_without_guesses_says_so() {
    let window = compared("labels only");
    assert!(says(&window, "This run trains on labels only"));
    assert!(row(&window, "0").starts_with("0: p(y) 10.0 %, "));
}
