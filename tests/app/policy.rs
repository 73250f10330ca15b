//! The CTAugment view: the heat map of the weights, and the playground.

use eframe::egui::{Key, Role};
use egui_kittest::kittest::{NodeT as _, Queryable as _};

use crate::common::{Window, compare, ready, says, short, trained, wait_for, window};

fn open(window: &mut Window) {
    window.get_by_label("CTAugment").click();
    window.run_steps(4);
    wait_for(window, "the playground", |window| says(window, "identity: unchanged"));
}

/// A window with the view before training.
fn untrained() -> Window {
    let mut window = ready(short());
    open(&mut window);
    window
}

fn set(window: &mut Window, slider: &str, value: f64) {
    let slider = window.get_by(|node| {
        node.role() == Role::Slider && node.label().is_some_and(|label| label.starts_with(slider))
    });
    slider.set_value_accesskit(value);
    window.run_steps(3);
}

/// The red channel of the 28x28 pixels of an operation's picture.
fn picture(window: &mut Window, operation: &str) -> Vec<u8> {
    let start = format!("{operation}: ");
    let node = window.get_by(|node| {
        node.role() == Role::Image && node.label().is_some_and(|label| label.starts_with(&start))
    });
    let rect = node.rect();
    let shot = window.render().expect("a picture of the window");
    let centre = |i: u32, from: f32, length: f32| (from + (i as f32 + 0.5) / 28.0 * length) as u32;
    let at = |i: u32| [centre(i % 28, rect.left(), rect.width()), centre(i / 28, rect.top(), rect.height())];
    (0..28 * 28).map(at).map(|[x, y]| shot.get_pixel(x, y).0[0]).collect()
}

#[test]
fn weights_and_playground_are_drawn() {
    let mut window = trained(short());
    open(&mut window);
    compare(&mut window, "ctaugment");
}

#[test]
fn level_changes_every_picture_but_identity() {
    let mut window = untrained();
    let operations = ["rotate", "posterize", "invert", "translate_x", "cutout"];
    set(&mut window, "level v", 0.5);
    let before: Vec<_> = operations.iter().map(|name| picture(&mut window, name)).collect();
    let same = picture(&mut window, "identity");
    set(&mut window, "level v", 1.0);
    for (name, before) in operations.iter().zip(before) {
        // Cutout and invert change grey values; the others move pixels or drop bits.
        assert!(picture(&mut window, name) != before, "{name}");
    }
    assert!(picture(&mut window, "identity") == same);
    assert!(says(&window, "rotate: +45°"));
}

#[test]
fn level_zero_keeps_the_image_where_neutral() {
    let mut window = untrained();
    set(&mut window, "level v", 0.0);
    let plain = picture(&mut window, "identity");
    for name in ["autocontrast", "blur", "equalize", "invert", "rescale", "smooth"] {
        assert!(picture(&mut window, name) == plain, "{name}");
    }
    assert!(picture(&mut window, "rotate") != plain);
    assert!(plain.iter().any(|red| *red > 200), "the image is not blank");
}

#[test]
fn second_parameter_changes_rescale_only() {
    let mut window = untrained();
    let (rescaled, rotated) = (picture(&mut window, "rescale"), picture(&mut window, "rotate"));
    set(&mut window, "v2", 1.0);
    assert!(says(&window, "v2, rescale's filter: nearest"));
    assert!(picture(&mut window, "rescale") != rescaled);
    assert!(picture(&mut window, "rotate") == rotated);
}

#[test]
fn image_is_selected_by_index_or_by_following() {
    let mut window = untrained();
    let first = picture(&mut window, "identity");
    window.get_by_role_and_label(Role::SpinButton, "Training image").set_value_accesskit(7.0);
    window.run_steps(3);
    let seventh = picture(&mut window, "identity");
    assert!(seventh != first);
    window.get_by_label("Anchors").click();
    window.key_press(Key::F7);
    let image = |node: &egui_kittest::kittest::AccessKitNode<'_>| {
        node.role() == Role::Button && node.label().is_some_and(|label| label.starts_with("image "))
    };
    wait_for(&mut window, "anchors", |window| {
        says(window, "paused") && window.query_all_by(image).next().is_some()
    });
    window.get_all_by(image).next().expect("an image").click();
    window.run_steps(3);
    open(&mut window);
    window.get_by_label("the followed image").click();
    window.run_steps(3);
    assert!(picture(&mut window, "identity") != seventh);
}

#[test]
fn keyboard_selects_a_bin_and_its_level() {
    let mut window = trained(short());
    open(&mut window);
    window.get_by_label("posterize v: 8 of 8 bins sampled").focus();
    window.run_steps(3);
    for _ in 0..3 {
        window.key_press(Key::ArrowRight);
        window.run_steps(2);
    }
    assert!(says(&window, "posterize, bin 3 of 8, v from 0.25 to 0.38: weight "));
    let slider = window.get_by_role_and_label(Role::Slider, "level v");
    let level = slider.accesskit_node().numeric_value().expect("a level");
    assert!((level - 0.3125).abs() < 0.01, "{level}");
    assert!(says(&window, "posterize: keep 3 bit"));
}

#[test]
fn runs_without_weights_say_so() {
    for (policy, text) in
        [("RandAugment", "This run uses RandAugment"), ("none: weak only", "This run uses weak views only")]
    {
        let mut window = window(short());
        wait_for(&mut window, "the data", |window| says(window, "Ready: press Train."));
        window.get_by_role_and_label(Role::ComboBox, "Strong views by").click();
        window.run_steps(3);
        window.get_by_label(policy).click();
        window.run_steps(3);
        window.key_press(Key::F7);
        wait_for(&mut window, "a step", |window| says(window, "1 / 6 steps") && says(window, "paused"));
        open(&mut window);
        assert!(says(&window, text), "{policy}");
    }
}
