//! The page: the app in a browser, drawn on a canvas. The page's script starts it and reads its state; it resumes the
//! autosaved run after a reload or a lost adapter, and reports progress while the tab is hidden.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use eframe::egui_wgpu::WgpuConfiguration;
use eframe::{WebOptions, WebRunner};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_time::Instant;

use crate::app::platform::{self, browser};
use crate::app::{Address, App, AppOptions, graphics};
use crate::train::{Checkpoint, Config, Header, RunFolder, TilingChoice};

/// Folder of the autosaved runs in the in-memory file system.
const RUNS: &str = "runs";
/// The file of measured tiles in the in-memory file system, which the browser stores.
const TILINGS: &str = "tilings.toml";
/// Title of a visible tab.
const TITLE: &str = "remixmatch";
/// Milliseconds between two checks of the adapter.
const CHECK_INTERVAL: u32 = 250;

thread_local! {
    static RUNNER: RefCell<Option<WebRunner>> = const { RefCell::new(None) };
    /// When the tab was hidden, and the step at that moment; `None` if it is visible or did not train.
    static HIDDEN: RefCell<Option<(Instant, u64)>> = const { RefCell::new(None) };
}

/// Links the exports below into the program: the page's script calls them.
pub fn main() {
    browser::mark("program");
}

/// Starts the app on the page's canvas, with the files that the browser stored.
#[wasm_bindgen]
pub async fn start(canvas: web_sys::HtmlCanvasElement) {
    platform::restore_stored_files().await;
    let mut options = stored_options();
    let link = browser::fragment();
    let last = platform::current();
    let replaced = last.as_ref().map(|(run, _)| run.clone()).filter(|run| !matches_link(run, &link));
    if let Some((run, training)) = last.filter(|_| replaced.is_none()) {
        options.run = Some(run);
        options.train = training;
    }
    options.link = Some(link);
    open(canvas.clone(), options).await;
    if let Some(run) = replaced.filter(|run| autosaved(run).is_some()) {
        with_app(|app| app.workspace.tell_of_autosaved(&run));
    }
    observe_visibility();
    let followed = Closure::new(|link: String| {
        with_app(|app| app.workspace.follow_link(&link));
    });
    browser::on_fragment(&followed);
    // The closure lives as long as the page.
    followed.forget();
    spawn_local(observe_adapter(canvas));
}

/// The app's state as JSON; empty without an app.
#[wasm_bindgen]
pub fn state() -> String {
    with_app(|app| app.state().to_string()).unwrap_or_default()
}

/// Every linked shader, as `[name, source]`.
#[wasm_bindgen]
pub fn shaders() -> js_sys::Array {
    let pair = |(name, source): &(&str, &str)| js_sys::Array::of2(&(*name).into(), &(*source).into());
    crate::gpu::SHADERS.iter().map(pair).collect()
}

/// The options that name what the browser stores.
fn stored_options() -> AppOptions {
    AppOptions {
        autosave: Some(RUNS.into()),
        tiling: TilingChoice::Measured,
        tilings: Some(TILINGS.into()),
        measures_speed: true,
        ..AppOptions::default()
    }
}

/// Opens the app on the canvas, in place of a previous one.
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

/// Calls `f` with the app, if there is one.
fn with_app<T>(f: impl FnOnce(&mut App) -> T) -> Option<T> {
    let runner = RUNNER.with_borrow(Clone::clone)?;
    let mut app = runner.app_mut::<App>()?;
    Some(f(&mut app))
}

/// Whether an autosaved run exists and has the settings of the link; an empty link has no settings.
fn matches_link(run: &Path, link: &str) -> bool {
    let Some((config, _)) = autosaved(run) else { return false };
    Address::parse(link).ok().flatten().is_none_or(|address| address.config == config)
}

/// The settings and the header of an autosaved run.
fn autosaved(run: &Path) -> Option<(Config, Header)> {
    Checkpoint::read_header(&RunFolder::new(run).model()).ok()
}

/// Notes when the tab is hidden, and logs the steps of that time when it is visible again.
fn observe_visibility() {
    let changed = Closure::new(|hidden: bool| match hidden {
        true => {
            let training = with_app(|app| app.workspace.training_step()).flatten();
            HIDDEN.set(training.map(|step| (Instant::now(), step)));
            update_title();
        }
        false => {
            browser::set_title(TITLE);
            if let Some((since, from)) = HIDDEN.take() {
                with_app(|app| app.workspace.log_hidden_time(since.elapsed(), from));
            }
        }
    });
    browser::on_visibility(&changed);
    // The closure lives as long as the page.
    changed.forget();
}

/// Shows the present step in the title of a hidden tab.
fn update_title() {
    if HIDDEN.with_borrow(Option::is_some) {
        let text = match with_app(|app| app.workspace.training_step()).flatten() {
            Some(step) => format!("step {step}, training in the background"),
            None => "training has ended".to_owned(),
        };
        browser::set_title(&format!("{TITLE}: {text}"));
    }
}

/// Checks the adapter for as long as the page exists, and offers to resume after a fault.
async fn observe_adapter(canvas: web_sys::HtmlCanvasElement) {
    loop {
        if JsFuture::from(browser::pause(CHECK_INTERVAL)).await.is_err() {
            return;
        }
        update_title();
        let fault = with_app(|app| {
            app.workspace.fault().map(|fault| (fault.to_string(), app.workspace.autosave_folder()))
        });
        if let Some((reason, run)) = fault.flatten() {
            offer_to_resume(&reason, run, canvas.clone()).await;
        }
    }
}

/// Shows why the adapter failed, and opens the app again with the autosaved run and the batch that the user chooses.
async fn offer_to_resume(reason: &str, run: Option<PathBuf>, canvas: web_sys::HtmlCanvasElement) {
    let header = run.as_deref().and_then(autosaved);
    let text = match &header {
        Some((_, header)) => format!("The run was saved at step {} and can be resumed.", header.step),
        None => "No run was saved yet.".to_owned(),
    };
    let batch = header.as_ref().map_or(0, |(config, _)| config.batch);
    let chosen = JsFuture::from(browser::show_lost(reason, &text, batch as u32)).await;
    let batch = chosen.ok().and_then(|batch| batch.as_f64()).map_or(0, |batch| batch as usize);
    let run = run.filter(|_| header.is_some());
    let options =
        AppOptions { batch: (batch > 0).then_some(batch), train: run.is_some(), run, ..stored_options() };
    open(canvas, options).await;
}
