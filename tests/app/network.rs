use eframe::egui::{Key, Role};
use egui_kittest::kittest::{NodeT as _, Queryable as _};

use crate::common::{Window, compare, compare_runs, ready, says, short, trained_both, wait_for};

/// A run that has made one step.
fn one_step() -> Window {
    let mut window = ready(short());
    window.get_by_role_and_label(Role::Button, "Network").click();
    window.run_steps(2);
    assert!(says(&window, "Press Train"));
    window.key_press(Key::F7);
    wait_for(&mut window, "one step", |window| says(window, "1 / 6 steps") && says(window, "paused"));
    window
}

#[test]
fn layers_memory_and_passes_are_listed() {
    let mut window = one_step();
    for text in [
        "78,158",
        "6 of 8 images (1 rotation, 1 pre-mixup, 4 mixed)",
        "largest tensor",
        "the same without sharing",
        "scale2.block0.shortcut",
        "4×4×64",
    ] {
        assert!(says(&window, text), "'{text}' is not on the screen");
    }
    compare(&mut window, "network");
}

#[test]
fn a_measured_step_shows_its_kernels_and_layers() {
    let mut window = one_step();
    if says(&window, "has no timestamps") {
        assert!(window.get_by_label("Measure the next step").accesskit_node().is_disabled());
        return;
    }
    window.get_by_label("Measure the next step").click();
    wait_for(&mut window, "the times", |window| says(window, "Kernels of step 2") && says(window, "paused"));
    assert!(says(&window, "2 / 6 steps") && !says(&window, "measuring a step"));
    for kernel in ["weight_gradient", "augment/", "nn/batch_norm:apply", "optim/"] {
        assert!(says(&window, kernel), "{kernel} is missing");
    }
    let bars = window.query_all_by_label_contains("of the measured time").count();
    let layers = window.query_all_by_label_contains("of the multiply-adds").count();
    assert!(layers > 15 && bars > layers + 10, "{bars} times, {layers} layers");
    // A layer that trains takes time.
    let none = window.query_all_by_label("0.0 % of the measured time").count();
    assert!(none < bars / 2, "{none} of {bars} take no time");
    window.key_press(Key::F5);
    wait_for(&mut window, "the end", |window| says(window, "finished"));
    assert!(says(&window, "No run has a step left to measure."));
    assert!(says(&window, "Kernels of step 2"), "the measured step is still shown");
}

#[test]
fn two_networks_are_shown_side_by_side() {
    let mut window = trained_both("labels only");
    window.get_by_role_and_label(Role::Button, "Network").click();
    window.run_steps(4);
    assert!(says(&window, "6 of 8 images") && says(&window, "1 of 8 images (1 mixed)"));
    compare_runs(&mut window, "network_compared");
}
