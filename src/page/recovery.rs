//! An adapter that is lost, or has no memory left: the page says so and goes on from what was kept.

use std::path::PathBuf;

use wasm_bindgen_futures::JsFuture;

use super::{RUNS, hidden, open, with_app};
use crate::app::AppOptions;
use crate::app::platform::browser;

/// Looks after the adapter for as long as the page is there.
pub async fn watch(canvas: web_sys::HtmlCanvasElement) {
    loop {
        if JsFuture::from(browser::pause(250)).await.is_err() {
            return;
        }
        hidden::tell();
        let Some((reason, kept)) = with_app(|app| {
            app.workspace.fault().map(|fault| (fault.to_string(), app.workspace.autosave_folder()))
        })
        .flatten() else {
            continue;
        };
        offer(&reason, kept, canvas.clone()).await;
    }
}

/// Says what happened and waits for what the person wants.
async fn offer(reason: &str, kept: Option<PathBuf>, canvas: web_sys::HtmlCanvasElement) {
    let header = kept.as_deref().and_then(super::kept);
    let text = match &header {
        Some((_, header)) => format!("The run was kept at step {}, and can go on from there.", header.step),
        None => "Nothing had been kept of a run yet.".to_owned(),
    };
    let batch = header.as_ref().map_or(0, |(config, _)| config.batch);
    let wanted = JsFuture::from(browser::show_lost(reason, &text, batch as u32)).await;
    let batch = wanted.ok().and_then(|batch| batch.as_f64()).map_or(0, |batch| batch as usize);
    let run = kept.filter(|_| header.is_some());
    let options = AppOptions {
        autosave: Some(RUNS.into()),
        batch: (batch > 0).then_some(batch),
        train: run.is_some(),
        run,
        ..AppOptions::default()
    };
    open(canvas, options).await;
}
