//! The window driven by itself: for pictures of every view, and to measure how it answers.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use eframe::egui::{Context, Pos2, ViewportCommand};

use super::App;
use super::measure::Measure;
use super::session::{Command, Phase};
use super::theme::ThemeChoice;
use super::views;
use super::{dialogs, layout};

/// Steps trained before pictures are taken.
const STEPS: u64 = 200;
/// Frames between a change and its picture: textures and layouts have settled by then.
const SETTLE: usize = 6;

/// What the window does by itself.
pub enum Script {
    Pictures(Pictures),
    Measure(Measure),
}

impl Script {
    pub fn pictures(folder: PathBuf) -> Self {
        Self::Pictures(Pictures { folder, next: 0, wait: SETTLE, taken: Arc::new(AtomicBool::new(true)) })
    }

    pub fn measure(duration: Duration) -> Self {
        Self::Measure(Measure::new(duration))
    }
}

/// Every view in both themes, one picture after another.
pub struct Pictures {
    folder: PathBuf,
    next: usize,
    wait: usize,
    /// Whether the last picture that was asked for has been written.
    taken: Arc<AtomicBool>,
}

/// One frame of the script.
pub fn advance(app: &mut App, context: &Context) {
    let Some(mut script) = app.script.take() else { return };
    let done = match &mut script {
        Script::Pictures(pictures) => {
            // Seldom enough to leave the adapter to training.
            context.request_repaint_after(Duration::from_millis(100));
            pictures.advance(app, context)
        }
        Script::Measure(measure) => {
            context.request_repaint();
            measure.advance(app)
        }
    };
    match done {
        true => context.send_viewport_cmd(ViewportCommand::Close),
        false => app.script = Some(script),
    }
}

impl Pictures {
    fn advance(&mut self, app: &mut App, context: &Context) -> bool {
        let steps = app.runs.first().and_then(|run| run.state.progress).map_or(0, |progress| progress.step);
        let failed = app.runs.iter().any(|run| matches!(run.state.phase, Phase::Failed(_)));
        if failed {
            return true;
        }
        let wanted = STEPS.min(app.settings.config.steps);
        let reported = app.runs.first().is_some_and(|run| !run.state.reports.is_empty());
        if steps < wanted || !reported {
            return false;
        }
        if app.is_running() {
            app.send(&Command::Pause);
            return false;
        }
        if !self.taken.load(Ordering::SeqCst) {
            return false;
        }
        let all: Vec<_> = app.views.iter().map(|view| view.id()).collect();
        let (theme, name) = match self.next / all.len() {
            0 => (ThemeChoice::Dark, "dark"),
            1 => (ThemeChoice::Light, "light"),
            _ => return true,
        };
        let view = &all[self.next % all.len()];
        if self.wait == SETTLE {
            theme.apply(context);
            layout::show(&mut app.settings.layout, view);
            // A pointer in the midst of a view would cover it with a tip.
            context.send_viewport_cmd(ViewportCommand::CursorPosition(Pos2::new(1.0, 1.0)));
        }
        self.wait -= 1;
        if self.wait > 0 {
            return false;
        }
        if app.views.is_pending(view, &app.runs) {
            self.wait = 1;
            return false;
        }
        self.wait = SETTLE;
        self.next += 1;
        self.taken.store(false, Ordering::SeqCst);
        let path = self.folder.join(views::picture_name(&app.views.title(view), name));
        let taken = Arc::clone(&self.taken);
        context.request_screenshot(move |picture| {
            if let Err(error) = write(&path, &picture) {
                tracing::error!("{}: {error}", path.display());
            }
            taken.store(true, Ordering::SeqCst);
        });
        false
    }
}

fn write(path: &Path, picture: &eframe::egui::ColorImage) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let png = dialogs::png(picture).map_err(std::io::Error::other)?;
    std::fs::write(path, png)
}
