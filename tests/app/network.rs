//! The network view: its tables, and the measurement of a step.

use std::sync::Arc;

use eframe::egui::os::OperatingSystem;
use eframe::egui::{Key, Role};
use eframe::egui_wgpu::WgpuSetup;
use eframe::wgpu;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use remixmatch::app::{App, graphics};

use crate::common::{Window, compare, compare_runs, ready, says, short, trained_both, wait_for};

/// A window on a device without timestamp queries.
fn without_timestamps() -> Window {
    let mut setup = graphics();
    let WgpuSetup::CreateNew(create) = &mut setup else { panic!("the app creates its device") };
    let descriptor = Arc::clone(&create.device_descriptor);
    create.device_descriptor = Arc::new(move |adapter| {
        let mut device = descriptor(adapter);
        device.required_features.remove(wgpu::Features::TIMESTAMP_QUERY);
        device
    });
    let mut window = Harness::builder()
        .with_size([1280.0, 860.0])
        .with_os(OperatingSystem::Nix)
        .wgpu_setup(setup)
        .build_eframe(|creation| App::new(creation, short()).expect("an app"));
    wait_for(&mut window, "the data", |window| says(window, "Ready: press Train."));
    window
}

/// A window with the view after one step.
fn one_step(mut window: Window) -> Window {
    window.get_by_role_and_label(Role::Button, "Network").click();
    window.run_steps(2);
    assert!(says(&window, "Press Train"));
    window.key_press(Key::F7);
    wait_for(&mut window, "one step", |window| says(window, "1 / 6 steps") && says(window, "paused"));
    window
}

#[test]
fn tables_list_layers_memory_and_passes() {
    let mut window = one_step(ready(short()));
    for text in [
        "78,158",
        "6 of 8 images (1 rotation, 1 pre-mixup, 4 mixed)",
        "largest tensor",
        "transient without buffer aliasing",
        "scale2.block0.shortcut",
        "4×4×64",
    ] {
        assert!(says(&window, text), "'{text}' is not on the screen");
    }
    compare(&mut window, "network");
}

/// Needs an adapter with timestamp queries, as every software adapter has.
#[test]
fn measured_step_lists_kernels_and_layers() {
    let mut window = one_step(ready(short()));
    assert!(
        !says(&window, "does not support timestamp-query"),
        "this test needs an adapter with timestamp-query, such as lavapipe"
    );
    window.get_by_label("Measure the next step").click();
    wait_for(&mut window, "the times", |window| says(window, "Kernels of step 2") && says(window, "paused"));
    assert!(says(&window, "2 / 6 steps") && !says(&window, "measuring the step"));
    for kernel in ["weight_gradient", "augment/", "nn/batch_norm:apply", "optim/"] {
        assert!(says(&window, kernel), "{kernel} is missing");
    }
    let bars = window.query_all_by_label_contains("of the measured time").count();
    let layers = window.query_all_by_label_contains("of the MACs").count();
    assert!(layers > 15 && bars > layers + 10, "{bars} times, {layers} layers");
    // At least half of the times are measurable.
    let zeros = window.query_all_by_label("0.0 % of the measured time").count();
    assert!(zeros < bars / 2, "{zeros} of {bars} times are zero");
    window.key_press(Key::F5);
    wait_for(&mut window, "the end", |window| says(window, "finished"));
    assert!(says(&window, "All runs have finished: there is no step to measure."));
    assert!(says(&window, "Kernels of step 2"), "the measured step stays visible");
}

#[test]
fn adapter_without_timestamps_cannot_measure() {
    let window = one_step(without_timestamps());
    assert!(says(&window, "does not support timestamp-query: kernel times cannot be measured."));
    assert!(window.get_by_label("Measure the next step").accesskit_node().is_disabled());
}

#[test]
fn compared_networks_are_drawn_in_columns() {
    let mut window = trained_both("labels only");
    window.get_by_role_and_label(Role::Button, "Network").click();
    window.run_steps(4);
    assert!(says(&window, "6 of 8 images") && says(&window, "1 of 8 images (1 mixed)"));
    compare_runs(&mut window, "network_compared");
}
