use eframe::egui::Key;
use egui_kittest::kittest::Queryable as _;

use crate::common::{says, short, trained, wait_for, window};

#[test]
fn a_run_is_trained_with_the_keyboard_alone() {
    let mut window = window(short());
    wait_for(&mut window, "the data", |window| says(window, "Ready: press Train."));
    window.key_press(Key::F7);
    wait_for(&mut window, "one step", |window| says(window, "1 / 6 steps") && says(window, "paused"));
    // Tab to the first control and press it.
    window.get_by_label("▶ Train").focus();
    window.step();
    window.key_press(Key::Enter);
    wait_for(&mut window, "the end", |window| says(window, "finished, test accuracy"));
}

#[test]
fn reset_forgets_the_run_and_its_views() {
    let mut window = trained(short());
    assert!(says(&window, "step 6"));
    window.get_by_label("Reset").click();
    window.run_steps(3);
    assert!(says(&window, "Ready: press Train.") && !says(&window, "finished"));
}
