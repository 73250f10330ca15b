//! Browser functions of `web/browser.js`, for the page.

use js_sys::{Array, Promise};
use wasm_bindgen::prelude::*;

#[wasm_bindgen(module = "/web/browser.js")]
extern "C" {
    /// Resolves after the browser has handled its pending events.
    #[wasm_bindgen(js_name = yieldNow)]
    pub fn yield_now() -> Promise;

    /// Resolves after at least this many milliseconds.
    pub fn pause(milliseconds: u32) -> Promise;

    /// Resolves to the bytes of a file of the built-in data sets, which lie beside the page.
    #[wasm_bindgen(js_name = fetchData)]
    pub fn fetch_data(path: &str) -> Promise;

    /// Resolves to the bytes of a file that lies beside the page.
    #[wasm_bindgen(js_name = fetchBeside)]
    pub fn fetch_beside(name: &str) -> Promise;

    /// Opens the browser's storage. Resolves to its files as an array of `[path, bytes, seconds since 1970]`.
    #[wasm_bindgen(js_name = openStore)]
    pub fn open_store() -> Promise;

    /// Stores a file for the next visit.
    #[wasm_bindgen(js_name = storeFile)]
    pub fn store_file(path: &str, bytes: &[u8], written: f64);

    /// Removes a stored file.
    #[wasm_bindgen(js_name = removeFile)]
    pub fn remove_file(path: &str);

    /// Saves a file to the user's downloads.
    pub fn download(name: &str, bytes: &[u8]);

    /// Asks for files or a folder. Resolves to `[name, files]`, or to undefined if cancelled; `files` contains
    /// `[path, bytes]` pairs.
    pub fn choose(folder: bool) -> Promise;

    /// Calls `receive(name, files)` when files are dropped on the page.
    #[wasm_bindgen(js_name = onDrop)]
    pub fn on_drop(receive: &Closure<dyn FnMut(String, Array)>);

    /// Calls `changed(hidden)` when the tab is hidden or visible again.
    #[wasm_bindgen(js_name = onVisibility)]
    pub fn on_visibility(changed: &Closure<dyn FnMut(bool)>);

    /// Sets the title of the tab.
    #[wasm_bindgen(js_name = setTitle)]
    pub fn set_title(title: &str);

    /// The part of the address after `#`.
    pub fn fragment() -> String;

    /// The page's address with another part after `#`.
    #[wasm_bindgen(js_name = addressWith)]
    pub fn address_with(fragment: &str) -> String;

    /// Calls `changed(fragment)` when the part of the address after `#` changes.
    #[wasm_bindgen(js_name = onFragment)]
    pub fn on_fragment(changed: &Closure<dyn FnMut(String)>);

    /// The adapter's name, as far as the browser tells it.
    #[wasm_bindgen(js_name = adapterName)]
    pub fn adapter_name() -> String;

    /// A short text stored by [`store_text`], if any.
    #[wasm_bindgen(js_name = loadText)]
    pub fn load_text(key: &str) -> Option<String>;

    /// Stores a short text for the next visit.
    #[wasm_bindgen(js_name = storeText)]
    pub fn store_text(key: &str, value: &str);

    /// Adds a mark to the browser's performance timeline.
    pub fn mark(name: &str);

    /// Shows why the adapter failed and what was saved. Resolves to the batch to resume with, 0 without a run.
    #[wasm_bindgen(js_name = showLost)]
    pub fn show_lost(reason: &str, saved: &str, batch: u32) -> Promise;

    /// Shows the program.
    #[wasm_bindgen(js_name = showReady)]
    pub fn show_ready();

    /// Shows why the program could not start.
    #[wasm_bindgen(js_name = showFailure)]
    pub fn show_failure(reason: &str);
}
