//! What the page's script does for the program: `web/browser.js`.

use js_sys::{Array, Promise};
use wasm_bindgen::prelude::*;

#[wasm_bindgen(module = "/web/browser.js")]
extern "C" {
    /// Resolves in a turn of the event loop of its own.
    pub fn turn() -> Promise;

    /// Resolves after so many milliseconds, or later.
    pub fn pause(milliseconds: u32) -> Promise;

    /// Resolves to the bytes of a file of the built-in data, which lie beside the page.
    #[wasm_bindgen(js_name = fetchData)]
    pub fn fetch_data(path: &str) -> Promise;

    /// Opens the browser's store: resolves to an array of `[path, bytes, seconds since 1970]`.
    #[wasm_bindgen(js_name = openStore)]
    pub fn open_store() -> Promise;

    pub fn keep(path: &str, bytes: &[u8], written: f64);

    pub fn forget(path: &str);

    /// Hands a file to the person.
    pub fn download(name: &str, bytes: &[u8]);

    /// Asks for files or a folder: resolves to `[name, files]`, or to nothing. `files` holds `[path, bytes]`.
    pub fn choose(folder: bool) -> Promise;

    /// Calls `receive(name, files)` whenever something is dropped.
    #[wasm_bindgen(js_name = onDrop)]
    pub fn on_drop(receive: &Closure<dyn FnMut(String, Array)>);

    /// Calls `changed(hidden)` whenever the page is hidden or shown.
    #[wasm_bindgen(js_name = onVisibility)]
    pub fn on_visibility(changed: &Closure<dyn FnMut(bool)>);

    #[wasm_bindgen(js_name = setTitle)]
    pub fn set_title(title: &str);

    /// The address's part after `#`.
    pub fn fragment() -> String;

    #[wasm_bindgen(js_name = addressWith)]
    pub fn address_with(fragment: &str) -> String;

    /// Calls `changed(fragment)` when a person changes it.
    #[wasm_bindgen(js_name = onFragment)]
    pub fn on_fragment(changed: &Closure<dyn FnMut(String)>);

    /// What the browser tells of the adapter.
    #[wasm_bindgen(js_name = adapterName)]
    pub fn adapter_name() -> String;

    /// A value that outlives the page.
    pub fn recall(key: &str) -> Option<String>;

    pub fn remember(key: &str, value: &str);

    /// A named moment, for `performance.getEntriesByName`.
    pub fn mark(name: &str);

    /// Shows why the adapter is gone and what was kept: resolves to the batch to go on with, 0 if nothing was.
    #[wasm_bindgen(js_name = showLost)]
    pub fn show_lost(reason: &str, kept: &str, batch: u32) -> Promise;

    /// Says that the program stands, or why it does not.
    #[wasm_bindgen(js_name = showReady)]
    pub fn show_ready();

    #[wasm_bindgen(js_name = showFailure)]
    pub fn show_failure(reason: &str);
}
