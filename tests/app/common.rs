//! Windows for tests, and how tests wait for them and compare their pictures.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use eframe::egui::{self, DroppedFile, Vec2};
use egui_kittest::kittest::Queryable as _;
use egui_kittest::{Harness, SnapshotOptions};
use remixmatch::app::{App, AppOptions, ThemeChoice, graphics};
use remixmatch::data::SplitRule;

/// A window of the app, whose runs end after a few steps.
pub type Window = Harness<'static, App>;

/// Steps of a short run.
pub const STEPS: u64 = 6;

/// Options of a run that takes seconds: few steps of a small batch on the built-in digits.
pub fn short() -> AppOptions {
    AppOptions {
        preset: Some("digits".into()),
        steps: Some(STEPS),
        batch: Some(8),
        // The pictures show runs on the images that version 0.1 chose.
        split: Some(SplitRule::Position),
        theme: Some(ThemeChoice::Dark),
        ..AppOptions::default()
    }
}

pub fn window(options: AppOptions) -> Window {
    window_of(options, [1280.0, 860.0])
}

pub fn window_of(options: AppOptions, size: [f32; 2]) -> Window {
    Harness::builder()
        .with_size(Vec2::from(size))
        .with_os(egui::os::OperatingSystem::Nix)
        .wgpu_setup(graphics())
        .build_eframe(|creation| App::new(creation, options).expect("an app"))
}

/// Draws frames until `done`; training continues meanwhile on its own thread.
pub fn wait_for(window: &mut Window, what: &str, done: impl Fn(&Window) -> bool) {
    let began = Instant::now();
    while !done(window) {
        window.step();
        std::thread::sleep(Duration::from_millis(20));
        assert!(began.elapsed() < Duration::from_secs(120), "timed out waiting for {what}");
    }
    // Three frames lay out what arrived last.
    window.run_steps(3);
}

/// Whether some text is on the screen.
pub fn says(window: &Window, text: &str) -> bool {
    window.query_all_by_label_contains(text).next().is_some()
}

/// A window whose data have been opened.
pub fn ready(options: AppOptions) -> Window {
    let mut window = window(options);
    wait_for(&mut window, "the data", |window| says(window, "Ready: press Train. It takes"));
    window
}

/// Brings a view to the front.
pub fn show(window: &mut Window, tab: &str) {
    window.get_by_role_and_label(egui::Role::Button, tab).click();
    window.run_steps(4);
}

/// A window whose short run has ended.
pub fn trained(options: AppOptions) -> Window {
    let mut window = ready(options);
    window.get_by_label("▶ Train").click();
    wait_for(&mut window, "the run's end", |window| says(window, "finished"));
    window
}

/// A window whose two short runs have ended; the second differs by `variation`.
pub fn trained_both(variation: &str) -> Window {
    let mut window = ready(AppOptions { compare: Some(variation.to_owned()), ..short() });
    window.get_by_label("▶ Train").click();
    let finished = format!("{variation}: finished");
    wait_for(&mut window, "both ends", |window| {
        says(window, "remixmatch: finished") && says(window, &finished)
    });
    window
}

/// Compares the window with the picture of that name, with a tolerance for differences between adapters.
/// `UPDATE_SNAPSHOTS=1` replaces the picture.
pub fn compare(window: &mut Window, name: &str) {
    let options =
        SnapshotOptions::new().output_path("tests/app/snapshots").threshold(2.0).max_failed_pixels(1_500);
    window.snapshot_options(name, &options);
}

/// [`compare`] without the log, whose order depends on which of two runs is faster.
pub fn compare_runs(window: &mut Window, name: &str) {
    const LOG: f32 = 72.0;
    let size = window.ctx.content_rect();
    window.mask(size.with_min_y(size.bottom() - LOG));
    compare(window, name);
}

#[derive(Debug)]
struct Dropped(PathBuf);

impl DroppedFile for Dropped {
    fn path(&self) -> &Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        fs::read(&self.0).map_err(|error| error.to_string())
    }
}

/// Drops a file or a folder on a window.
pub fn drop_on(window: &mut Window, path: &Path) {
    window.input_mut().dropped_files.push(Arc::new(Dropped(path.to_owned())));
    window.run_steps(2);
}
