//! The desktop: threads, a file system and its dialogs.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;
use std::time::Duration;

use eframe::egui::Ui;
use web_time::Instant;

use super::Kind;
use crate::gpu::Gpu;

/// Runs a future to its end, apart from the window. It is made where it runs and need not be `Send`.
pub fn spawn<F: Future<Output = ()> + 'static>(make: impl FnOnce() -> F + Send + 'static) {
    std::thread::spawn(move || pollster::block_on(make()));
}

/// Does something that may take long, apart from the window.
pub fn offload(work: impl FnOnce() + Send + 'static) {
    std::thread::spawn(work);
}

/// Lets the window have its turn; threads need no such courtesy.
pub async fn breathe() {}

/// Waits until whoever holds the other end lets go of it.
pub fn wait_for_end(end: &Receiver<()>) {
    // Nothing is ever sent.
    let _ = end.recv();
}

/// Waits until `over`, at most for so long.
pub fn wait_until(limit: Duration, over: impl Fn() -> bool) {
    let began = Instant::now();
    while !over() && began.elapsed() < limit {
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Asks for a file or a folder to read.
pub async fn choose(title: &str, kind: Kind) -> Option<PathBuf> {
    let dialog = rfd::AsyncFileDialog::new().set_title(title);
    let chosen = match kind {
        Kind::Files => dialog.pick_file().await,
        Kind::Folder => dialog.pick_folder().await,
    };
    chosen.map(|handle| handle.path().to_owned())
}

/// Asks for a folder to write a run into.
pub async fn choose_run_place(title: &str) -> Option<PathBuf> {
    choose(title, Kind::Folder).await
}

/// Asks where to write a file.
pub async fn choose_place(name: &str) -> Option<PathBuf> {
    let dialog = rfd::AsyncFileDialog::new().set_title("Save").set_file_name(name);
    dialog.save_file().await.map(|file| file.path().to_owned())
}

/// Brings data that must come from elsewhere before they can be opened: here everything is at hand.
pub async fn fetch(_source: &str) {}

/// What was dropped on the window in this frame.
pub fn dropped(ui: &Ui) -> Option<PathBuf> {
    ui.input(|input| input.raw.dropped_files.first().map(|file| file.path().to_owned()))
}

/// A link that opens the program with what `fragment` says: a window has none.
pub fn link(_fragment: &str) -> Option<String> {
    None
}

/// A page may be reloaded at any moment, and remembers what goes on; a window is closed on purpose.
pub fn remember_current(_run: Option<&Path>, _training: bool) {}

/// The adapter's name.
pub fn adapter_name(gpu: &Gpu) -> String {
    gpu.info.name.clone()
}
