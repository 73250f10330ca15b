//! Runs that are opened again on data that have changed or moved: what is refused, and which accuracy is shown.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use image::{Rgb, RgbImage};
use remixmatch::app::AppOptions;
use tempfile::{TempDir, tempdir};

use crate::common::{Window, says, short, wait_for, window};

fn png(path: &Path, number: usize) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
    let value = |x: u32, y: u32| ((x * 7 + y * 13 + number as u32 * 31) % 251) as u8;
    RgbImage::from_fn(16, 16, |x, y| Rgb([value(x, y), value(y, x), number as u8]))
        .save(path)
        .expect("a PNG");
}

fn remixmatch(arguments: &[&str]) -> String {
    let output =
        Command::cargo_bin("remixmatch").expect("the program").args(arguments).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// A finished run on two classes of forty images: the folder around both, the data and the run.
fn trained() -> (TempDir, PathBuf, PathBuf) {
    let outer = tempdir().expect("a folder");
    let (data, run) = (outer.path().join("photos"), outer.path().join("run"));
    (0..80).for_each(|n| png(&data.join(["a", "b"][n % 2]).join(format!("{n:02}.png")), n));
    let text = |path: &Path| path.to_str().expect("text").to_owned();
    let (from, to) = (text(&data), text(&run));
    remixmatch(&[
        "train",
        "--labels",
        "8",
        "--batch",
        "4",
        "--k",
        "1",
        "--report-every",
        "2",
        "--steps",
        "4",
        "--data",
        &from,
        "--out",
        &to,
    ]);
    (outer, data, run)
}

fn opened(run: &Path) -> Window {
    window(AppOptions { run: Some(run.to_owned()), ..AppOptions::default() })
}

fn is_enabled(window: &Window, button: &str) -> bool {
    !window.get_by_label(button).accesskit_node().is_disabled()
}

#[test]
fn accepted_data_are_measured_again() {
    let (_outer, data, run) = trained();
    (0..40).for_each(|n| png(&data.join(["a", "b"][n % 2]).join(format!("new {n}.png")), 100 + n));
    let mut window = opened(&run);
    wait_for(&mut window, "the refusal", |window| {
        says(window, "The data of this run have changed: added 40")
    });
    assert!(!is_enabled(&window, "▶ Train") && !is_enabled(&window, "Step"));
    assert!(!says(&window, "accept_changed_data"), "a setting is named");
    window.get_by_label("Accept the changed data").click();
    wait_for(&mut window, "the accuracy", |window| says(window, "measured again"));
    let model = run.join("model.safetensors");
    let evaluated = remixmatch(&["eval", "--json", "--model", model.to_str().expect("text")]);
    let evaluated: serde_json::Value = serde_json::from_str(&evaluated).expect("JSON");
    let accuracy = 100.0 * evaluated["accuracy"].as_f64().expect("a number");
    assert!(says(&window, &format!("test accuracy {accuracy:.1} % (measured again")), "{evaluated}");
    assert!(says(&window, "of the test images before they changed"));
    // Opened again, the data are the run's, and its last report is still of other test images.
    drop(window);
    let mut window = opened(&run);
    wait_for(&mut window, "the run", |window| says(window, "measured again"));
    assert!(says(&window, &format!("test accuracy {accuracy:.1} % (measured again")));
}

#[test]
fn labels_that_are_gone_are_not_counted() {
    let (_outer, data, run) = trained();
    let mut window = opened(&run);
    wait_for(&mut window, "the run", |window| says(window, "8 labelled images, "));
    drop(window);
    // Only b stays as it was.
    let files: Vec<_> =
        fs::read_dir(data.join("a")).expect("a folder").map(|entry| entry.expect("a file").path()).collect();
    files.iter().take(files.len() - 2).for_each(|file| fs::remove_file(file).expect("a file"));
    let mut window = opened(&run);
    wait_for(&mut window, "the refusal", |window| says(window, "removed 38"));
    window.get_by_label("Accept the changed data").click();
    wait_for(&mut window, "the run", |window| says(window, "finished, "));
    assert!(!says(&window, "8 labelled images, "), "labels that are gone are counted");
}

#[test]
fn runs_find_data_that_have_moved() {
    let (outer, data, run) = trained();
    let moved = outer.path().join("elsewhere");
    fs::rename(&data, &moved).expect("a folder");
    let mut window = opened(&run);
    wait_for(&mut window, "the refusal", |window| says(window, "its data are no longer at"));
    assert!(says(&window, "The run run is not open") && says(&window, "Choose their archive ..."));
    let source = format!("{} (not found)", data.display());
    let combo = window.get_by_role_and_label(eframe::egui::Role::ComboBox, "Source");
    assert_eq!(combo.accesskit_node().value().as_deref(), Some(source.as_str()));
    assert!(window.query_by_label("Choose their folder ...").is_some());
    window.state_mut().workspace.open_refused_run_on(moved);
    wait_for(&mut window, "the run", |window| says(window, "4 / 4 steps") && says(window, "finished"));
    assert!(!says(&window, "is not open"));
}

#[test]
fn data_that_moved_and_changed_are_accepted() {
    let (outer, data, run) = trained();
    let moved = outer.path().join("elsewhere");
    fs::rename(&data, &moved).expect("a folder");
    (0..3).for_each(|n| png(&moved.join("a").join(format!("new {n}.png")), 200 + n));
    let mut window = opened(&run);
    wait_for(&mut window, "the refusal", |window| says(window, "its data are no longer at"));
    window.state_mut().workspace.open_refused_run_on(moved);
    wait_for(&mut window, "the change", |window| says(window, "The data of this run have changed: added 3"));
    assert!(!says(&window, "*Accept"), "marks of another language are shown");
    window.get_by_label("Accept the changed data").click();
    wait_for(&mut window, "the run", |window| says(window, "4 / 4 steps") && says(window, "finished"));
    assert!(!says(&window, "is not open") && !says(&window, "The data of this run have changed"));
    // From now on the data are where they were found.
    drop(window);
    let mut window = opened(&run);
    wait_for(&mut window, "the run", |window| says(window, "4 / 4 steps") && says(window, "finished"));
}

/// Whether a field of the window has this number.
fn has_field(window: &Window, number: f64) -> bool {
    let mut fields = window.query_all_by_role(eframe::egui::Role::SpinButton);
    fields.any(|field| field.accesskit_node().numeric_value() == Some(number))
}

#[test]
fn labelled_images_are_those_of_the_data() {
    let outer = tempdir().expect("a folder");
    let data = outer.path().join("photos");
    (0..14).for_each(|n| png(&data.join("train").join(["a", "b"][n % 2]).join(format!("{n}.png")), n));
    (0..4).for_each(|n| png(&data.join("test").join(["a", "b"][n % 2]).join(format!("{n}.png")), 50 + n));
    let mut window = window(AppOptions { data: data.to_str().map(str::to_owned), ..short() });
    wait_for(&mut window, "the data", |window| says(window, "Ready: press Train."));
    assert!(has_field(&window, 14.0) && !has_field(&window, 40.0), "the preset's labels are counted");
    window.get_by_label("▶ Train").click();
    wait_for(&mut window, "the end", |window| says(window, "finished, "));
    assert!(says(&window, "14 labelled images, ") && has_field(&window, 14.0));
}
