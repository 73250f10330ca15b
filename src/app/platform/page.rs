//! A page: one thread, files in memory, the browser's own dialogs.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::mpsc::Receiver;
use std::task::{self, Poll, Waker};
use std::time::Duration;

use eframe::egui::{Context, Ui};
use js_sys::{Array, Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};

use super::browser;
use crate::app::given::{self, GIVEN};
use crate::data::{CLASSES_FILE, LABELS_FILE, PICTURES_FILE, builtin_files, is_image_file};
use crate::disk::in_memory::{self, Change};
use crate::gpu::Gpu;
use crate::train::{is_name_of_weights, is_weights_file};

/// The folder of an image that is dropped alone.
const IMAGE: &str = "image";
/// Larger sets of files are not stored for the next visit.
const MAX_STORED_BYTES: usize = 256 << 20;
/// Labels that were made on earlier visits lie below this folder, each in a folder with the name of the one labelled.
const LABELLED: &str = "labelled";
/// The key under which the browser stores the current run.
const CURRENT: &str = "remixmatch.current";

thread_local! {
    static WINDOW: RefCell<Option<Context>> = const { RefCell::new(None) };
    static DROPPED: RefCell<VecDeque<PathBuf>> = const { RefCell::new(VecDeque::new()) };
}

/// Runs a future, interleaved with the window.
pub fn spawn<F: Future<Output = ()> + 'static>(make: impl FnOnce() -> F + 'static) {
    spawn_local(async move {
        yield_now().await;
        make().await;
    });
}

/// Does something that may take long after this frame.
pub fn offload(work: impl FnOnce() + 'static) {
    spawn_local(async move {
        yield_now().await;
        work();
    });
}

/// Lets the window draw a frame.
pub async fn yield_now() {
    settle(browser::yield_now()).await;
}

/// Runs work that yields, such as the opening of data: the window draws whenever it does.
pub async fn interleave<F: Future>(work: F) -> F::Output {
    let mut work = pin!(work);
    loop {
        let now = work.as_mut().poll(&mut task::Context::from_waker(Waker::noop()));
        if let Poll::Ready(output) = now {
            return output;
        }
        yield_now().await;
    }
}

/// The value of a promise; `None` if it is rejected, which the page has reported.
async fn settle(promise: Promise) -> Option<JsValue> {
    JsFuture::from(promise).await.ok()
}

/// Returns at once: a page cannot block, and its work continues without waiting.
pub fn wait_for_end(_end: &Receiver<()>) {}

/// Returns at once, like [`wait_for_end`].
pub fn wait_until(_limit: Duration, _over: impl Fn() -> bool) {}

/// Why a dialog may not open: a browser always has one.
pub const NO_DIALOG: Option<&str> = None;

/// Asks for files, which belong together. Returns their folder in the in-memory file system.
pub async fn choose_file(_title: &str) -> Option<PathBuf> {
    choose(false).await
}

/// Asks for a folder. Returns its copy in the in-memory file system.
pub async fn choose_folder(_title: &str) -> Option<PathBuf> {
    choose(true).await
}

async fn choose(folder: bool) -> Option<PathBuf> {
    let chosen: Array = settle(browser::choose(folder)).await?.dyn_into().ok()?;
    Some(receive(&chosen.get(0).as_string()?, &Array::from(&chosen.get(1))))
}

/// The folder whose files the browser downloads.
pub async fn choose_run_destination(_title: &str) -> Option<PathBuf> {
    Some(Path::new(in_memory::DOWNLOADS).to_owned())
}

/// A file of this name that the browser downloads: a page has no other folder.
pub async fn choose_destination(path: PathBuf) -> Option<PathBuf> {
    Some(Path::new(in_memory::DOWNLOADS).join(path.file_name().unwrap_or_default()))
}

/// Downloads a built-in data set, which lies beside the page. A file that does not arrive fails when it is opened.
pub async fn fetch(source: &str) {
    let Some(name) = source.strip_prefix("builtin:") else { return };
    for file in builtin_files(name) {
        let path = Path::new("builtin").join(name).join(file);
        if in_memory::share(&path).is_err()
            && let Some(bytes) = settle(browser::fetch_data(&format!("{name}/{file}"))).await
        {
            in_memory::insert(path, Uint8Array::new(&bytes).to_vec());
        }
    }
}

/// Downloads first weights that lie beside the page, unless they are here. A run whose weights do not arrive says so.
pub async fn fetch_weights(name: &str) {
    let file = format!("{name}.safetensors");
    let path = Path::new(in_memory::WEIGHTS).join(&file);
    if is_name_of_weights(name)
        && !in_memory::exists(&path)
        && let Some(bytes) = settle(browser::fetch_beside(&file)).await
    {
        in_memory::insert(path, Uint8Array::new(&bytes).to_vec());
    }
}

/// What was dropped on the page since the last frame.
pub fn dropped(_ui: &Ui) -> Option<PathBuf> {
    DROPPED.with_borrow_mut(VecDeque::pop_front)
}

/// Keeps a single image apart from the data, which stay; `None` if it is not one.
fn receive_image(files: &Array) -> Option<PathBuf> {
    let file: Array = files.get(0).dyn_into().ok().filter(|_| files.length() == 1)?;
    let name = file.get(0).as_string().filter(|name| !name.contains('/'))?;
    for old in in_memory::files_below(Path::new(IMAGE)) {
        // It exists: it was listed just now.
        let _ = in_memory::remove(&old);
    }
    let path = Path::new(IMAGE).join(name);
    in_memory::insert(path.clone(), Uint8Array::new(&file.get(1)).to_vec());
    is_image_file(&path).then_some(path)
}

/// Stores a person's files in the in-memory file system, replacing earlier ones; `files` holds `[path, bytes]`.
fn receive(name: &str, files: &Array) -> PathBuf {
    let safe = name.replace(['/', '\\'], "-");
    if let Some(path) = receive_weights(files) {
        return path;
    }
    let folder = Path::new(GIVEN).join(if safe.is_empty() { "files" } else { &safe });
    for old in in_memory::files_below(Path::new(GIVEN)) {
        keep_labels(&old);
        // It exists: it was listed just now.
        let _ = in_memory::remove(&old);
    }
    let files: Vec<(PathBuf, Vec<u8>)> = files
        .iter()
        .filter_map(|file| {
            let file: Array = file.dyn_into().ok()?;
            Some((folder.join(file.get(0).as_string()?), Uint8Array::new(&file.get(1)).to_vec()))
        })
        .collect();
    let stored = files.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() <= MAX_STORED_BYTES;
    for (path, bytes) in files {
        match stored {
            // Writing to memory cannot fail.
            true => drop(in_memory::write(&path, &bytes)),
            false => in_memory::insert(path, bytes),
        }
    }
    folder
}

/// Keeps a file of labels for the next time that its folder is given: the browser gives the person's own files only.
fn keep_labels(path: &Path) {
    let Ok(inner) = path.strip_prefix(GIVEN) else { return };
    let is_labels = inner.components().count() == 2
        && [LABELS_FILE, CLASSES_FILE, PICTURES_FILE].iter().any(|file| inner.ends_with(file));
    if is_labels && let Ok(bytes) = in_memory::share(path) {
        // Writing to memory cannot fail.
        let _ = in_memory::write(&Path::new(LABELLED).join(inner), &bytes);
    }
}

/// How messages name the paths in a text: as the person gave the files.
pub fn shown_paths(text: &str) -> String {
    given::shown(text)
}

/// Whether labels are written beside the images of the user: a page keeps them in the browser.
pub const WRITES_BESIDE_IMAGES: bool = false;

/// Where labels of an earlier visit are kept.
pub fn earlier_labels(folder: &Path) -> Option<PathBuf> {
    let earlier = Path::new(LABELLED).join(folder.strip_prefix(GIVEN).ok()?);
    crate::disk::exists(&earlier.join(LABELS_FILE)).then_some(earlier)
}

/// Stores a single file of weights to start from; `None` for other files. It is not stored for the next visit: a
/// run that has begun does not need it.
fn receive_weights(files: &Array) -> Option<PathBuf> {
    let file: Array = files.get(0).dyn_into().ok()?;
    let name = PathBuf::from(file.get(0).as_string()?);
    let is_alone = files.length() == 1 && is_weights_file(&name);
    let path = Path::new(in_memory::WEIGHTS).join(name.file_name().filter(|_| is_alone)?);
    in_memory::insert(path.clone(), Uint8Array::new(&file.get(1)).to_vec());
    Some(path)
}

/// Restores the files that the browser stored, and stores every file that is written from now on.
pub async fn restore_stored_files() {
    let kept = settle(browser::open_store()).await.map(|kept| Array::from(&kept)).unwrap_or_default();
    for file in kept.iter().filter_map(|file| file.dyn_into::<Array>().ok()) {
        if let (Some(path), Some(written)) = (file.get(0).as_string(), file.get(2).as_f64()) {
            let bytes = Uint8Array::new(&file.get(1)).to_vec();
            in_memory::restore(PathBuf::from(path), bytes, Duration::from_secs_f64(written.max(0.0)));
        }
    }
    in_memory::set_listener(|path, change| {
        let name = path.to_string_lossy();
        match change {
            Change::Written { bytes, .. } if path.starts_with(in_memory::DOWNLOADS) => {
                let file = path.file_name().unwrap_or_default().to_string_lossy();
                browser::download(&file, bytes);
            }
            Change::Written { bytes, written } => browser::store_file(&name, bytes, written.as_secs_f64()),
            Change::Removed => browser::remove_file(&name),
        }
    });
}

/// Receives files dropped on the page, for the window of `context`.
pub fn accept_drops(context: &Context) {
    if WINDOW.replace(Some(context.clone())).is_some() {
        return;
    }
    let receive = Closure::new(|name: String, files: Array| {
        let path = receive_image(&files).unwrap_or_else(|| receive(&name, &files));
        DROPPED.with_borrow_mut(|dropped| dropped.push_back(path));
        WINDOW.with_borrow(|window| window.as_ref().map(Context::request_repaint));
    });
    browser::on_drop(&receive);
    // The page listens as long as it is open.
    receive.forget();
}

/// A link that opens the page with the settings in `fragment`.
pub fn link(fragment: &str) -> Option<String> {
    Some(browser::address_with(fragment))
}

/// Remembers the current run for a reload of the page.
pub fn remember_current(run: Option<&Path>, training: bool) {
    let run = run.map(Path::to_string_lossy).unwrap_or_default();
    browser::store_text(CURRENT, &format!("{}{run}", if training { "+" } else { "-" }));
}

/// The current run when the page was left, and whether it was training.
pub fn current() -> Option<(PathBuf, bool)> {
    let text = browser::load_text(CURRENT)?;
    let run = text.get(1..).filter(|run| !run.is_empty())?;
    Some((PathBuf::from(run), text.starts_with('+')))
}

/// A page cannot read the system's fonts.
pub fn add_system_fonts(_: &Context) {}

/// The adapter's name, which wgpu does not report in a browser.
pub fn adapter_name(_: &Gpu) -> String {
    browser::adapter_name()
}
