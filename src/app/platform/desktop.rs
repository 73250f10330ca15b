//! The desktop: threads, a file system and its dialogs.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use eframe::egui::{Context, Ui};
use web_time::Instant;

#[cfg(target_os = "linux")]
use super::zenity;
use crate::gpu::Gpu;

/// Runs a future on a thread of its own. The future is made on that thread and need not be `Send`.
pub fn spawn<F: Future<Output = ()> + 'static>(make: impl FnOnce() -> F + Send + 'static) {
    std::thread::spawn(move || pollster::block_on(make()));
}

/// Does something that may take long on a thread of its own.
pub fn offload(work: impl FnOnce() + Send + 'static) {
    std::thread::spawn(work);
}

/// Lets the window draw a frame: nothing to do here, where the window has a thread of its own.
pub async fn yield_now() {}

/// Runs work that yields, such as the opening of data: it has a thread of its own.
pub async fn interleave<F: Future>(work: F) -> F::Output {
    work.await
}

/// Waits until the sender is dropped.
pub fn wait_for_end(end: &Receiver<()>) {
    // Nothing is ever sent.
    let _ = end.recv();
}

/// Waits until `over` returns true, at most for `limit`.
pub fn wait_until(limit: Duration, over: impl Fn() -> bool) {
    let began = Instant::now();
    while !over() && began.elapsed() < limit {
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Why a dialog may not open, and what to do.
pub const NO_DIALOG: Option<&str> = Some(
    "no dialog for files opened, so nothing was chosen: install xdg-desktop-portal or zenity, or drop a folder on the window; \
     the command line writes files too",
);

/// Asks for a file to read.
pub async fn choose_file(title: &str) -> Option<PathBuf> {
    rfd::AsyncFileDialog::new().set_title(title).pick_file().await.map(|file| file.path().to_owned())
}

/// Asks for a folder to read.
pub async fn choose_folder(title: &str) -> Option<PathBuf> {
    rfd::AsyncFileDialog::new().set_title(title).pick_folder().await.map(|folder| folder.path().to_owned())
}

/// Asks for a folder to write a run into.
pub async fn choose_run_destination(title: &str) -> Option<PathBuf> {
    choose_folder(title).await
}

/// Asks where to write a file, at first at `path`; a name alone is one in the folder that the dialog opens in.
pub async fn choose_destination(path: PathBuf) -> Option<PathBuf> {
    let is_name = path.parent().is_none_or(|folder| folder.as_os_str().is_empty());
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    // Dialogs ignore relative folders.
    let path = std::path::absolute(&path).unwrap_or(path);
    #[cfg(target_os = "linux")]
    if !zenity::is_portal_there() {
        return zenity::save(&path);
    }
    let dialog = rfd::AsyncFileDialog::new().set_title("Save");
    let dialog = match path.parent().filter(|_| !is_name) {
        Some(folder) => dialog.set_directory(folder).set_file_name(name),
        None => dialog.set_file_name(name),
    };
    dialog.save_file().await.map(|file| file.path().to_owned())
}

/// Downloads data that the program does not contain: nothing to do here, where it contains all built-in data.
pub async fn fetch(_source: &str) {}

/// Downloads first weights: nothing to do here, where a script fetches them.
pub async fn fetch_weights(_name: &str) {}

/// What was dropped on the window in this frame.
pub fn dropped(ui: &Ui) -> Option<PathBuf> {
    ui.input(|input| input.raw.dropped_files.first().map(|file| file.path().to_owned()))
}

/// How messages name the paths in a text: as they are.
pub fn shown_paths(text: &str) -> String {
    text.to_owned()
}

/// Whether labels are written beside the images of the user.
pub const WRITES_BESIDE_IMAGES: bool = true;

/// Where labels of an earlier visit are kept: nowhere here, as they are beside the images.
pub fn earlier_labels(_folder: &Path) -> Option<PathBuf> {
    None
}

/// A link that opens the page with the settings in `fragment`: `None` here.
pub fn link(_fragment: &str) -> Option<String> {
    None
}

/// Remembers the current run for a reload of the page: nothing to do here.
pub fn remember_current(_run: Option<&Path>, _training: bool) {}

/// Adds the system's fonts for characters that egui's own fonts lack, such as Korean, when they are first shown.
pub fn add_system_fonts(context: &Context) {
    context.add_font_provider(Arc::new(egui_system_font_provider::SystemFontProvider::new()));
}

/// The adapter's name.
pub fn adapter_name(gpu: &Gpu) -> String {
    gpu.info.name.clone()
}
