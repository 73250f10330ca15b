//! The page: the app in a browser, drawn on a canvas.

mod hidden;
mod recovery;

use std::cell::RefCell;
use std::path::Path;

use eframe::egui_wgpu::WgpuConfiguration;
use eframe::{WebOptions, WebRunner};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;

use crate::app::platform::{self, browser};
use crate::app::{Address, App, AppOptions, graphics};
use crate::train::{Checkpoint, Config, Header, RunFolder};

/// Runs that the page stores are below this folder.
const RUNS: &str = "runs";

thread_local! {
    static RUNNER: RefCell<Option<WebRunner>> = const { RefCell::new(None) };
}

/// Keeps the exports below in the program, which the page's script calls.
pub fn main() {
    browser::mark("program");
}

/// Starts the app on the page's canvas, with what the browser kept.
#[wasm_bindgen]
pub async fn start(canvas: web_sys::HtmlCanvasElement) {
    platform::restore_stored_files().await;
    let mut options = AppOptions { autosave: Some(RUNS.into()), ..AppOptions::default() };
    let link = browser::fragment();
    if let Some((run, training)) = platform::current().filter(|(run, _)| is_wanted(run, &link)) {
        options.run = Some(run);
        options.train = training;
    }
    options.link = Some(link);
    open(canvas.clone(), options).await;
    hidden::watch();
    let followed = Closure::new(|link: String| {
        with_app(|app| app.workspace.follow_link(&link));
    });
    browser::on_fragment(&followed);
    // People edit the address as long as the page is there.
    followed.forget();
    spawn_local(recovery::watch(canvas));
}

/// Whether a kept run is there, and is what the address asks for, if it asks for anything.
fn is_wanted(run: &Path, link: &str) -> bool {
    let Some((config, _)) = kept(run) else { return false };
    Address::parse(link).ok().flatten().is_none_or(|address| address.config == config)
}

/// What a run's folder says of the run, if it holds one.
fn kept(run: &Path) -> Option<(Config, Header)> {
    Checkpoint::read_header(&RunFolder::new(run).model()).ok()
}

/// Puts the app on the canvas, in the place of one that is there.
async fn open(canvas: web_sys::HtmlCanvasElement, options: AppOptions) {
    let runner = RUNNER.with_borrow_mut(|place| place.get_or_insert_with(WebRunner::new).clone());
    let web = WebOptions {
        wgpu_options: WgpuConfiguration { wgpu_setup: graphics(), ..Default::default() },
        ..Default::default()
    };
    let make: eframe::AppCreator<'static> = Box::new(move |creation| {
        platform::accept_drops(&creation.egui_ctx);
        Ok(Box::new(App::new(creation, options)?) as Box<dyn eframe::App>)
    });
    match runner.start(canvas, web, make).await {
        Ok(()) => browser::show_ready(),
        Err(error) => browser::show_failure(&error.as_string().unwrap_or_else(|| format!("{error:?}"))),
    }
}

/// What is going on, as JSON; empty while there is no app.
#[wasm_bindgen]
pub fn state() -> String {
    with_app(|app| app.state().to_string()).unwrap_or_default()
}

/// Every linked shader: `[name, source]`.
#[wasm_bindgen]
pub fn shaders() -> js_sys::Array {
    let pair = |(name, source): &(&str, &str)| js_sys::Array::of2(&(*name).into(), &(*source).into());
    crate::gpu::SHADERS.iter().map(pair).collect()
}

fn with_app<T>(look: impl FnOnce(&mut App) -> T) -> Option<T> {
    let runner = RUNNER.with_borrow(Clone::clone)?;
    let mut app = runner.app_mut::<App>()?;
    Some(look(&mut app))
}
