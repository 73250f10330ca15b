//! Runs that are saved, autosaved and opened again, and the memory that they release.

use std::path::{Path, PathBuf};
use std::time::Duration;

use assert_cmd::Command;
use egui_kittest::kittest::Queryable as _;
use remixmatch::app::AppOptions;
use remixmatch::train::Checkpoint;

use crate::common::{STEPS, Window, ready, says, short, trained, wait_for, window};

#[test]
fn saved_run_resumes_on_the_command_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run");
    let mut first = trained(short());
    first.state_mut().workspace.save_runs(path.clone());
    wait_for(&mut first, "the file", |window| says(window, "saved to "));
    drop(first);
    let resumed = Command::cargo_bin("remixmatch")
        .expect("the program")
        .args(["train", "--resume"])
        .arg(&path)
        .args(["--steps", &(STEPS + 2).to_string()])
        .output()
        .expect("it runs");
    assert!(resumed.status.success(), "{}", String::from_utf8_lossy(&resumed.stderr));
    let mut second = window(AppOptions { run: Some(path), ..AppOptions::default() });
    wait_for(&mut second, "the run", |window| says(window, "8 / 8 steps") && says(window, "finished"));
    assert!(says(&second, "step 6: test accuracy") && says(&second, "step 8: test accuracy"));
}

#[test]
fn folder_without_a_run_is_reported() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = Some(folder.path().to_owned());
    let mut window = window(AppOptions { run, ..short() });
    wait_for(&mut window, "the notice", |window| says(window, "model.safetensors"));
}

#[test]
fn link_with_train_option_trains_at_once() {
    let link = Some("preset=digits&steps=6&batch=8".to_owned());
    let mut window = window(AppOptions { link, train: true, ..AppOptions::default() });
    wait_for(&mut window, "the run's end", |window| says(window, "finished"));
    assert!(says(&window, "6 / 6 steps"));
}

/// The models of the autosaved runs.
fn autosaved_models(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let models = entries.map(|entry| entry.expect("an entry").path().join("model.safetensors"));
    models.filter(|model| model.exists()).collect()
}

/// A window that trains, and autosaves into `folder`.
fn training(folder: &Path) -> Window {
    let mut options = short();
    (options.steps, options.autosave) = (Some(1_000), Some(folder.to_owned()));
    let mut window = ready(options);
    window.get_by_label("▶ Train").click();
    wait_for(&mut window, "some steps", |window| {
        window.state().workspace.last_statistics(0).is_some_and(|last| last.step >= 2)
    });
    window
}

#[test]
fn reset_autosaves_the_running_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut window = training(folder.path());
    window.get_by_label("Reset").click();
    wait_for(&mut window, "the autosaved run", |_| !autosaved_models(folder.path()).is_empty());
    let run = autosaved_models(folder.path())[0].parent().expect("its folder").to_owned();
    window.state_mut().workspace.open_run(run);
    wait_for(&mut window, "the run", |window| says(window, "paused") && says(window, " / 1000 steps"));
}

#[test]
fn closing_the_window_autosaves_the_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut window = training(folder.path());
    eframe::App::on_exit(window.state_mut());
    let (_, header) = Checkpoint::read_header(&autosaved_models(folder.path())[0]).expect("a checkpoint");
    assert!(header.step >= 3, "{} steps are saved", header.step);
}

#[test]
fn fifty_resets_leak_no_memory() {
    let mut window = ready(short());
    let allocated =
        |window: &Window| window.state().workspace.allocated_bytes().expect("this backend reports them");
    let cycle = |window: &mut Window| {
        window.get_by_label("Step").click();
        wait_for(window, "a step", |window| says(window, "1 / 6 steps") && says(window, "paused"));
        window.get_by_label("Reset").click();
        window.run_steps(2);
    };
    cycle(&mut window);
    let settle = |window: &mut Window| {
        // The run's thread releases its memory shortly after the window does.
        for _ in 0..10 {
            window.run_steps(1);
            std::thread::sleep(Duration::from_millis(30));
        }
    };
    settle(&mut window);
    let before = allocated(&window);
    for _ in 0..50 {
        cycle(&mut window);
    }
    settle(&mut window);
    let after = allocated(&window);
    assert!(after <= before + (1 << 20), "{before} bytes before, {after} after");
}
