//! The window around the views: training, settings, presets, themes.

use eframe::egui::{Key, Role};
use egui_kittest::kittest::Queryable as _;
use remixmatch::ssl::Method;
use remixmatch::train::{Config, PRESET_NAMES, Precision, preset};

use crate::common::{STEPS, Window, ready, says, short, trained, wait_for, window_of};

#[test]
fn keyboard_alone_trains_a_run() {
    let mut window = ready(short());
    window.key_press(Key::F7);
    wait_for(&mut window, "one step", |window| says(window, "1 / 6 steps") && says(window, "paused"));
    // Tab moves the focus from the top of the window to Train; Enter presses it.
    for _ in 0..40 {
        window.key_press(Key::Tab);
        window.step();
        if window.get_by_label("▶ Train").is_focused() {
            break;
        }
    }
    assert!(window.get_by_label("▶ Train").is_focused(), "Tab never reached Train");
    window.key_press(Key::Enter);
    wait_for(&mut window, "the end", |window| says(window, "finished, test accuracy"));
}

#[test]
fn function_keys_train_pause_and_reset() {
    let mut window = ready(short());
    window.key_press(Key::F5);
    wait_for(&mut window, "a step", |window| says(window, "training, ") || says(window, "finished"));
    window.key_press(Key::F6);
    wait_for(&mut window, "the pause", |window| says(window, "paused") || says(window, "finished"));
    window.key_press(Key::F8);
    wait_for(&mut window, "the reset", |window| says(window, "Ready: press Train."));
}

#[test]
fn reset_clears_the_run_and_its_views() {
    let mut window = trained(short());
    assert!(says(&window, "step 6") && says(&window, "6 / 6 steps"));
    window.get_by_label("Reset").click();
    window.run_steps(3);
    assert!(says(&window, "Ready: press Train.") && !says(&window, "6 / 6 steps"));
}

#[test]
fn switched_off_component_applies_after_reset() {
    let mut window = trained(short());
    assert!(!says(&window, "not those of this run"));
    window.get_by_label("Rotation loss").click();
    window.run_steps(2);
    assert!(says(&window, "not those of this run"));
    window.get_by_label("Reset").click();
    window.run_steps(2);
    window.get_by_label("▶ Train").click();
    wait_for(&mut window, "the second run", |window| says(window, "finished, test accuracy"));
    assert!(!says(&window, "not those of this run"));
    let last = window.state().workspace.last_statistics(0).expect("a step's values");
    assert_eq!((last.step, last.losses.get("r")), (STEPS - 1, 0.0));
}

#[test]
fn every_component_switches_off() {
    let mut window = ready(short());
    let before = window.state().workspace.settings().config.clone();
    let switches = [
        "Distribution alignment",
        "Sharpening",
        "MixUp",
        "Rotation loss",
        "Pre-mixup loss",
        "Squared error (L2)",
    ];
    for switch in switches {
        window.get_by_role_and_label(Role::CheckBox, switch).click();
        window.run_steps(2);
    }
    let method = &window.state().workspace.settings().config.method;
    assert!(!method.alignment && !method.mixup && !method.rotation && !method.premixup && method.squared);
    assert_eq!((method.temperature, before.method.temperature), (1.0, 0.5));
    window.get_by_label("Training settings").click();
    window.run_steps(12);
    window.query_all_by_label("Method").next().expect("a heading").click();
    window.run_steps(12);
    assert!(says(&window, "learning rate") && says(&window, "warm-up images"));
    let precision = |window: &Window| window.state().workspace.settings().config.precision;
    for expected in [Precision::Mixed, Precision::Single] {
        window.get_by_role_and_label(Role::CheckBox, "feature maps in f16").click();
        window.run_steps(2);
        assert_eq!(precision(&window), expected);
    }
}

#[test]
fn compared_runs_train_from_one_split() {
    let mut options = short();
    options.compare = Some("no alignment".into());
    let mut window = ready(options);
    window.get_by_label("▶ Train").click();
    wait_for(&mut window, "both ends", |window| {
        says(window, "remixmatch: finished") && says(window, "no alignment: finished")
    });
    let state = &window.state().workspace;
    assert_eq!(state.split_of(0), state.split_of(1));
    assert!(state.split_of(0).is_some());
    let losses = |run| state.last_statistics(run).expect("a step's values").losses.get("u");
    assert!(losses(0) != losses(1), "alignment made no difference");
}

#[test]
fn choosing_a_preset_opens_its_data() {
    let mut window = ready(short());
    window.state_mut().workspace.choose_preset("shapes");
    wait_for(&mut window, "the shapes", |window| says(window, "32x32"));
    assert_eq!(window.state().workspace.settings().config.data, "builtin:shapes");
}

#[test]
fn switching_methods_forgets_the_method_before() {
    let mut window = ready(short());
    let start = window.state().workspace.settings().config.clone();
    for method in ["fixmatch", "remixmatch"] {
        window.get_by_role_and_label(Role::ComboBox, "Method").click();
        window.run_steps(3);
        window.get_by_role_and_label(Role::Button, method).click();
        window.run_steps(3);
        assert_eq!(window.state().workspace.settings().config.method_name, method);
    }
    assert_eq!(window.state().workspace.settings().config, start, "K and lambda_r are the preset's again");
    for (name, labels) in PRESET_NAMES.iter().flat_map(|name| [(name, 40), (name, 250)]) {
        let mut config = Config { labels, ..preset(name, None).expect("a preset").config };
        let workspace = &mut window.state_mut().workspace;
        assert!(workspace.follow_link(&format!("preset={name}&labels={labels}&data=builtin:digits")));
        for (before, method) in Method::NAMES.iter().flat_map(|a| Method::NAMES.map(|b| (a, b))) {
            workspace.choose_method(before);
            workspace.choose_method(method);
            config.set_method(method).expect("a method");
            assert_eq!(workspace.settings().config.method, config.method, "{name}: {before}, then {method}");
            assert_eq!(workspace.settings().config.method_name, method);
        }
    }
}

#[test]
fn small_window_shows_every_button() {
    let mut window = window_of(short(), [1024.0, 640.0]);
    wait_for(&mut window, "the data", |window| says(window, "Ready: press Train."));
    let screen =
        eframe::egui::Rect::from_min_size(eframe::egui::Pos2::ZERO, eframe::egui::vec2(1024.0, 640.0));
    for button in ["▶ Train", "Pause", "Step", "Reset", "Take the tour"] {
        let rect = window.get_by_label(button).rect();
        assert!(screen.contains_rect(rect), "{button} is at {rect:?}");
    }
}

#[test]
fn open_tab_is_visible_in_small_windows() {
    let mut window = window_of(short(), [1024.0, 640.0]);
    wait_for(&mut window, "the data", |window| says(window, "Ready: press Train."));
    for view in ["Data check", "Anchors", "Label your own", "Ablation", "Network"] {
        // Every view is in the menu, whether or not its tab is in sight.
        window.get_by_label("all views").click();
        window.run_steps(3);
        let entries: Vec<_> = window.query_all_by_role_and_label(Role::Button, view).collect();
        assert_eq!(entries.len(), 2, "{view}: the tab and the entry");
        let entry =
            entries.into_iter().max_by(|a, b| a.rect().top().total_cmp(&b.rect().top())).expect("two");
        entry.click();
        window.run_steps(8);
        let tab = window.get_by_role_and_label(Role::Button, view).rect();
        let menu = window.get_by_label("all views").rect();
        assert!(tab.left() >= 280.0 && tab.right() <= menu.left(), "{view} is at {tab:?}");
        assert!(window.state().shown_views().contains(&view), "{view} is in front");
    }
}

#[test]
fn first_edit_after_a_run_keeps_its_focus() {
    let mut window = trained(short());
    window.get_by_label("Training settings").click();
    window.run_steps(12);
    window.get_by_role_and_label(Role::SpinButton, "steps").focus();
    window.run_steps(3);
    window.key_press_modifiers(eframe::egui::Modifiers::COMMAND, Key::A);
    window.run_steps(2);
    for digit in ["1", "2", "0"] {
        window.input_mut().events.push(eframe::egui::Event::Text(digit.to_owned()));
        window.run_steps(3);
    }
    window.key_press(Key::Enter);
    window.run_steps(3);
    assert!(says(&window, "not those of this run"));
    assert_eq!(window.state().workspace.settings().config.steps, 120);
}
