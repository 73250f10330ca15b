//! Opening data in the window: questions that are answered with a button, progress, and cancelling.

use std::fs;
use std::path::Path;

use eframe::egui::Key;
use egui_kittest::kittest::Queryable as _;
use image::{GrayImage, ImageBuffer, Luma};
use remixmatch::app::AppOptions;
use remixmatch::data::{Balance, Choice, Fit, SignificantBits};
use remixmatch::train::Config;
use tempfile::tempdir;

use crate::common::{Window, ready, says, short, wait_for};

/// Class folders with ten grey images each.
pub fn folders(folder: &Path, classes: &[&str]) {
    for (at, class) in classes.iter().enumerate() {
        fs::create_dir_all(folder.join(class)).expect("a folder");
        for i in 0..10u8 {
            let image = GrayImage::from_fn(16, 16, |x, y| Luma([(x * 9 + y * (2 + at as u32)) as u8 + i]));
            image.save(folder.join(class).join(format!("{i}.png"))).expect("writable");
        }
    }
}

fn open(window: &mut Window, folder: &Path) {
    window.state_mut().workspace.open_data(folder.to_string_lossy().into_owned());
}

pub fn config(window: &Window) -> Config {
    window.state().workspace.settings().config.clone()
}

/// A window on these data with these settings.
pub fn linked(data: &Path, settings: &str) -> AppOptions {
    let link = format!("preset=digits&batch=4&data={}&{settings}", data.display());
    AppOptions { link: Some(link), ..AppOptions::default() }
}

/// Presses a button with the keyboard.
fn press(window: &mut Window, label: &str) {
    window.get_by_label(label).focus();
    window.run_steps(2);
    window.key_press(Key::Enter);
    window.run_steps(2);
}

#[test]
fn unclear_folders_become_classes_by_a_button() {
    let outer = tempdir().expect("a folder");
    let data = outer.path().join("toys");
    folders(&data, &["ball", "test"]);
    let mut window = ready(short());
    open(&mut window, &data);
    wait_for(&mut window, "the question", |window| says(window, "Take the folders as classes"));
    assert!(!says(&window, "--folders-as-classes"), "a flag means nothing in the window");
    press(&mut window, "Take the folders as classes");
    wait_for(&mut window, "the data", |window| says(window, "toys: folder of class folders"));
    assert!(config(&window).choice.folders_as_classes);
    assert!(window.query_by_label("Take the folders as classes").is_none());

    // Other data are opened without the choice.
    let other = outer.path().join("other");
    folders(&other, &["ball", "cube"]);
    open(&mut window, &other);
    wait_for(&mut window, "other data", |window| says(window, "other: folder of class folders"));
    assert!(!config(&window).choice.folders_as_classes);
}

#[test]
fn changed_data_are_accepted_by_a_button() {
    let outer = tempdir().expect("a folder");
    let (data, run) = (outer.path().join("toys"), outer.path().join("run"));
    folders(&data, &["ball", "cube"]);
    let autosave = Some(outer.path().join("autosaved"));
    let mut window = ready(AppOptions { autosave, ..linked(&data, "labels=4&steps=2") });
    window.get_by_label("▶ Train").click();
    wait_for(&mut window, "the run's end", |window| says(window, "finished"));
    window.state_mut().workspace.save_runs(run.clone());
    wait_for(&mut window, "the run's folder", |_| run.join("model.safetensors").exists());
    fs::copy(data.join("ball/0.png"), data.join("cube/new.png")).expect("another image");
    // The steps that the run is opened with outlast the answer.
    let mut window =
        crate::common::window(AppOptions { run: Some(run), steps: Some(3), ..AppOptions::default() });
    wait_for(&mut window, "the question", |window| says(window, "Accept the changed data"));
    assert!(says(&window, "added 1"));
    press(&mut window, "Accept the changed data");
    wait_for(&mut window, "the run", |window| says(window, "2 / 3 steps"));
    assert!(window.query_by_label("Accept the changed data").is_none());
}

#[test]
fn labels_of_a_preset_fit_small_data() {
    let outer = tempdir().expect("a folder");
    let data = outer.path().join("toys");
    folders(&data, &["ball", "cube"]);
    let mut window = ready(linked(&data, "steps=2"));
    window.get_by_label("▶ Train").click();
    wait_for(&mut window, "the run's end", |window| says(window, "finished"));
    assert!(says(&window, "the preset takes 40 labels: all "));
    assert_eq!(config(&window).labels, 40, "the settings stay those of the preset");

    // A number that the link gives is not changed.
    let mut window = ready(linked(&data, "labels=40&steps=2"));
    window.get_by_label("▶ Train").click();
    wait_for(&mut window, "the refusal", |window| says(window, "40 labels were requested"));
}

#[test]
fn options_change_the_settings_of_a_link() {
    let outer = tempdir().expect("a folder");
    let data = outer.path().join("toys");
    folders(&data, &["ball", "cube", "test"]);
    let link = Some("preset=digits&steps=9&batch=16&seed=7&image_size=12&labels=3".to_owned());
    let options = AppOptions {
        link,
        data: Some(data.to_string_lossy().into_owned()),
        steps: Some(2),
        batch: Some(4),
        labels: Some(6),
        balance: Some(Balance::Train),
        choice: Choice { folders_as_classes: true, ..Choice::default() },
        ..AppOptions::default()
    };
    let window = ready(options);
    let config = config(&window);
    assert!(config.data.ends_with("toys") && config.choice.folders_as_classes);
    assert_eq!((config.steps, config.batch, config.labels), (2, 4, 6));
    assert_eq!((config.seed, config.image_size, config.balance), (7, Some(12), Balance::Train));
}

#[test]
fn uneven_labels_are_spread_by_a_button() {
    let outer = tempdir().expect("a folder");
    let data = outer.path().join("toys");
    folders(&data, &["ball", "cube"]);
    let mut window = ready(linked(&data, "labels=5&steps=2"));
    window.get_by_label("▶ Train").click();
    wait_for(&mut window, "the question", |window| says(window, "Spread labels as the classes are"));
    press(&mut window, "Spread labels as the classes are");
    wait_for(&mut window, "the run's end", |window| says(window, "finished"));
    assert_eq!(config(&window).balance, Balance::Train);
}

#[test]
fn significant_bits_can_be_chosen() {
    let outer = tempdir().expect("a folder");
    let data = outer.path().join("cells");
    for (at, class) in ["a", "b"].into_iter().enumerate() {
        fs::create_dir_all(data.join(class)).expect("a folder");
        for i in 0..10u16 {
            let value = |x: u32, y: u32| (x * (90 + 40 * at as u32) + y * 100) as u16 + 7 * i;
            let image = ImageBuffer::from_fn(16, 16, |x, y| Luma([value(x, y)]));
            image.save(data.join(class).join(format!("{i}.png"))).expect("writable");
        }
    }
    let mut window = ready(short());
    open(&mut window, &data);
    wait_for(&mut window, "the data", |window| says(window, "cells: folder of class folders"));
    assert!(says(&window, "use at most 12 bits"));
    assert_eq!(config(&window).significant_bits, SignificantBits::Auto);
    window.get_by_label("16-bit images").click();
    window.run_steps(3);
    window.get_by_label("16 bits").click();
    wait_for(&mut window, "dark images", |window| says(window, "nearly black"));
    assert_eq!(config(&window).significant_bits, SignificantBits::ALL);
}

#[test]
fn size_and_fit_of_photos_can_be_chosen() {
    let outer = tempdir().expect("a folder");
    let data = outer.path().join("toys");
    folders(&data, &["ball", "cube"]);
    let mut window = ready(short());
    assert!(window.query_by_label("image size").is_none(), "a built-in set has a size of its own");
    open(&mut window, &data);
    wait_for(&mut window, "the data", |window| says(window, "toys: folder of class folders"));
    assert!(says(&window, "16x16"));
    assert_eq!((config(&window).image_size, config(&window).fit), (None, Fit::Crop));
    for (label, choice, shown) in [
        ("image size", "64 pixels", "64x64"),
        ("not square", "pad", "64x64"),
        ("image size", "128 pixels", "128x128"),
    ] {
        window.get_by_label(label).click();
        window.run_steps(3);
        window.get_by_label(choice).click();
        wait_for(&mut window, choice, |window| says(window, shown));
    }
    assert_eq!((config(&window).image_size, config(&window).fit), (Some(128), Fit::Pad));
    // Other data get the same size.
    let other = outer.path().join("other");
    folders(&other, &["ball", "cube"]);
    open(&mut window, &other);
    wait_for(&mut window, "other data", |window| says(window, "other: folder of class folders"));
    assert!(says(&window, "128x128"));
    assert_eq!((config(&window).image_size, config(&window).fit), (Some(128), Fit::Pad));
}

#[test]
fn other_sizes_leave_the_labelled_folder_open() {
    let outer = tempdir().expect("a folder");
    let (data, labelled) = (outer.path().join("toys"), outer.path().join("mine"));
    folders(&data, &["ball", "cube"]);
    folders(&labelled, &["ball", "cube", "cone"]);
    let mut window = ready(short());
    window.state_mut().workspace.label_folder(labelled);
    wait_for(&mut window, "the images", |window| says(window, "30 images, 0 labelled"));
    open(&mut window, &data);
    wait_for(&mut window, "the data", |window| says(window, "toys: folder of class folders"));
    window.get_by_label("image size").click();
    window.run_steps(3);
    window.get_by_label("64 pixels").click();
    wait_for(&mut window, "the size", |window| says(window, "64x64"));
    wait_for(&mut window, "the images again", |window| !says(window, "reading the images in"));
    assert!(says(&window, "30 images, 0 labelled"));
}

#[test]
fn slow_opening_shows_progress_and_is_cancelled() {
    let outer = tempdir().expect("a folder");
    let data = outer.path().join("large");
    let first = outer.path().join("first.png");
    GrayImage::from_fn(5_000, 5_000, |x, y| Luma([(x ^ y) as u8])).save(&first).expect("writable");
    for class in ["a", "b"] {
        fs::create_dir_all(data.join(class)).expect("a folder");
        (0..100)
            .for_each(|i| fs::hard_link(&first, data.join(class).join(format!("{i}.png"))).expect("a link"));
    }
    let mut window = ready(short());
    open(&mut window, &data);
    wait_for(&mut window, "the progress", |window| says(window, "of 200 images"));
    press(&mut window, "Cancel");
    wait_for(&mut window, "the end", |window| says(window, "opening was cancelled"));
    assert!(!says(&window, "not opened"), "cancelling is no failure");
    assert_eq!(config(&window).data, "builtin:digits");
    window.get_by_label("▶ Train").click();
    wait_for(&mut window, "the run's end", |window| says(window, "finished"));
}

#[test]
fn summaries_tell_of_the_last_step() {
    let outer = tempdir().expect("a folder");
    let (data, run) = (outer.path().join("toys"), outer.path().join("run"));
    folders(&data, &["ball", "cube"]);
    let mut window = ready(linked(&data, "labels=4&steps=2"));
    window.get_by_label("▶ Train").click();
    wait_for(&mut window, "the run's end", |window| says(window, "finished"));
    window.state_mut().workspace.save_runs(run.clone());
    wait_for(&mut window, "the run's folder", |_| run.join("model.safetensors").exists());
    let steps = || {
        let text = fs::read_to_string(run.join("summary.json")).expect("a summary");
        serde_json::from_str::<serde_json::Value>(&text).expect("JSON")["steps"].clone()
    };
    assert_eq!(steps(), 2);

    // A run that is opened for more steps and reset before the first one stays as it is.
    let longer = || AppOptions { run: Some(run.clone()), steps: Some(3), ..AppOptions::default() };
    let before = fs::read(run.join("model.safetensors")).expect("a model");
    let mut window = crate::common::window(longer());
    wait_for(&mut window, "the run", |window| says(window, "2 / 3 steps"));
    press(&mut window, "Reset");
    drop(window);
    // Opens when the run before has ended.
    let mut window = crate::common::window(longer());
    wait_for(&mut window, "the run", |window| says(window, "2 / 3 steps"));
    assert_eq!(steps(), 2);
    assert!(fs::read(run.join("model.safetensors")).expect("a model") == before);

    window.get_by_label("▶ Train").click();
    wait_for(&mut window, "the run's end", |window| says(window, "finished"));
    drop(window);
    assert_eq!(steps(), 3);
}
