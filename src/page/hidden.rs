//! A hidden tab: training goes on, at the rate that the browser leaves it, and the page says so.

use std::cell::RefCell;

use wasm_bindgen::prelude::*;
use web_time::Instant;

use super::with_app;
use crate::app::platform::browser;

const TITLE: &str = "remixmatch";

thread_local! {
    /// Since when the tab is hidden, and the step of then, where a run was training.
    static HIDDEN: RefCell<Option<(Instant, u64)>> = const { RefCell::new(None) };
}

/// Has the page say what goes on whenever it is hidden or shown.
pub fn watch() {
    let changed = Closure::new(|hidden: bool| match hidden {
        true => {
            let training = with_app(|app| app.workspace.training_step()).flatten();
            HIDDEN.set(training.map(|step| (Instant::now(), step)));
            tell();
        }
        false => {
            browser::set_title(TITLE);
            if let Some((since, from)) = HIDDEN.take() {
                with_app(|app| app.workspace.log_hidden_time(since.elapsed(), from));
            }
        }
    });
    browser::on_visibility(&changed);
    // The page is hidden and shown as long as it is there.
    changed.forget();
}

/// Puts the step of the moment where a hidden tab can still be read: into its title.
pub fn tell() {
    if HIDDEN.with_borrow(Option::is_some) {
        let text = match with_app(|app| app.workspace.training_step()).flatten() {
            Some(step) => format!("step {step}, training in the background"),
            None => "training has ended".to_owned(),
        };
        browser::set_title(&format!("{TITLE}: {text}"));
    }
}
