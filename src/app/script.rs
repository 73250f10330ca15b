//! The window driven by itself: it takes pictures of every view, or measures how fast frames follow each other.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use eframe::egui::{Context, Pos2, ViewportCommand};
use web_time::Instant;

use super::dialogs;
use super::options::AppOptions;
use super::session::{Command, Phase};
use super::theme::ThemeChoice;
use super::views::{self, Views};
use super::workspace::Workspace;

/// Steps trained before pictures are taken.
const STEPS: u64 = 200;
/// Frames between a change and its picture, so that textures and layouts have settled.
const SETTLE: usize = 6;
/// Time between two rows of measurements.
const ROW_EVERY: Duration = Duration::from_secs(60);

/// What the window does by itself.
pub enum Script {
    Pictures(Pictures),
    Measure(Measure),
}

impl Script {
    /// The script that the options ask for, if any.
    pub fn new(options: &AppOptions) -> Option<Self> {
        let pictures = options.pictures.clone().map(|folder| Self::Pictures(Pictures::new(folder)));
        pictures.or_else(|| options.measure.map(|duration| Self::Measure(Measure::new(duration))))
    }

    /// One frame of the script. Returns its outcome once it has ended: an error is a run that failed, data, images to label
    /// or an ablation that were not opened, or a picture that was not written.
    pub fn advance(
        &mut self,
        workspace: &mut Workspace,
        views: &Views,
        context: &Context,
    ) -> Option<Result<(), String>> {
        if let Some(reason) = failure(workspace) {
            return Some(Err(reason));
        }
        match self {
            Self::Pictures(pictures) => {
                // At a low rate, which leaves the adapter to training.
                context.request_repaint_after(Duration::from_millis(100));
                pictures.advance(workspace, views, context)
            }
            Self::Measure(measure) => {
                context.request_repaint();
                measure.advance(workspace)
            }
        }
    }
}

/// Why no run will train to the end, or something else that was to be opened is not, if so.
fn failure(workspace: &Workspace) -> Option<String> {
    let failed = workspace.runs.iter().find_map(|run| match &run.state.phase {
        Phase::Failed(reason) => Some(reason.clone()),
        _ => None,
    });
    let unopened = || workspace.data.failure().filter(|_| workspace.runs.is_empty());
    let labelling = || workspace.labelling.failure().map(str::to_owned);
    let labels = || {
        workspace
            .labelling
            .folder
            .as_ref()?
            .refusal()
            .filter(|_| workspace.runs.is_empty())
            .map(str::to_owned)
    };
    let ablation = || workspace.ablation.table()?.err().map(str::to_owned);
    failed
        .or_else(|| unopened().map(|failure| failure.reason.clone()))
        .or_else(labelling)
        .or_else(labels)
        .or_else(ablation)
}

/// Takes a picture of every view in both themes, one after another.
pub struct Pictures {
    folder: PathBuf,
    next: usize,
    /// Frames until the next picture.
    wait: usize,
    /// The outcome of the last requested picture, once it is known.
    written: Arc<Mutex<Option<Result<(), String>>>>,
}

impl Pictures {
    fn new(folder: PathBuf) -> Self {
        Self { folder, next: 0, wait: SETTLE, written: Arc::new(Mutex::new(Some(Ok(())))) }
    }

    fn advance(
        &mut self,
        workspace: &mut Workspace,
        views: &Views,
        context: &Context,
    ) -> Option<Result<(), String>> {
        let runs = &workspace.runs;
        let steps = runs.first().and_then(|run| run.state.progress).map_or(0, |progress| progress.step);
        let enough = steps >= STEPS.min(workspace.settings.config.steps);
        let reported = runs.first().is_some_and(|run| !run.state.reports.is_empty());
        if !enough || !reported {
            return None;
        }
        if workspace.is_running() {
            workspace.send(&Command::Pause);
            return None;
        }
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        match &*written {
            None => return None,
            Some(Err(_)) => return written.take(),
            Some(Ok(())) => drop(written),
        }
        let all: Vec<_> = views.iter().map(|view| view.id()).collect();
        let (theme, name) = match self.next / all.len() {
            0 => (ThemeChoice::Dark, "dark"),
            1 => (ThemeChoice::Light, "light"),
            _ => return Some(Ok(())),
        };
        let view = &all[self.next % all.len()];
        if self.wait == SETTLE {
            theme.apply(context);
            workspace.show_view(view);
            // A pointer over the view would cover it with a tooltip.
            context.send_viewport_cmd(ViewportCommand::CursorPosition(Pos2::new(1.0, 1.0)));
        }
        self.wait -= 1;
        if self.wait > 0 {
            return None;
        }
        if views.is_pending(view, &workspace.runs) {
            self.wait = 1;
            return None;
        }
        self.wait = SETTLE;
        self.next += 1;
        *self.written.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let path = self.folder.join(views::picture_name(&views.title(view), name));
        let written = Arc::clone(&self.written);
        context.request_screenshot(move |picture| {
            let outcome = write(&path, &picture);
            let outcome = outcome.map_err(|error| format!("{}: writing it failed: {error}", path.display()));
            *written.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
        });
        None
    }
}

fn write(path: &Path, picture: &eframe::egui::ColorImage) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let png = dialogs::png(picture).map_err(std::io::Error::other)?;
    std::fs::write(path, png)
}

/// Measures frame times while the first run trains. Prints a row per minute and a summary.
pub struct Measure {
    duration: Duration,
    began: Option<Instant>,
    /// Frames of the whole time.
    frames: FrameTimes,
    /// Frames of the current minute.
    recent: FrameTimes,
    rows: u32,
}

impl Measure {
    fn new(duration: Duration) -> Self {
        let (frames, recent) = Default::default();
        Self { duration, began: None, frames, recent, rows: 0 }
    }

    fn advance(&mut self, workspace: &Workspace) -> Option<Result<(), String>> {
        // Time counts from the first step, which may take minutes on a software adapter.
        if !workspace.runs.first().is_some_and(|run| run.state.phase == Phase::Running) {
            return None;
        }
        let began = *self.began.get_or_insert_with(Instant::now);
        self.frames.begin_frame();
        self.recent.begin_frame();
        if began.elapsed() >= ROW_EVERY * (self.rows + 1) {
            self.print_row(workspace);
        }
        if began.elapsed() < self.duration {
            return None;
        }
        let f = &self.frames;
        println!(
            "{} frames while training {}: 50 % within {:.1} ms, 95 % within {:.1} ms, 99 % within {:.1} ms, all within {:.1} ms",
            f.count(),
            workspace.settings.config.preset,
            f.percentile(0.5),
            f.percentile(0.95),
            f.percentile(0.99),
            f.percentile(1.0)
        );
        Some(Ok(()))
    }

    fn print_row(&mut self, workspace: &Workspace) {
        if self.rows == 0 {
            println!("minute,steps,frames,frame_ms_p95,adapter_kib");
        }
        self.rows += 1;
        let recent = std::mem::take(&mut self.recent);
        let progress = workspace.runs.first().and_then(|run| run.state.progress);
        let steps = progress.map_or(0, |progress| progress.step);
        let adapter =
            workspace.allocated_bytes().map_or_else(String::new, |bytes| (bytes / 1024).to_string());
        println!("{},{steps},{},{:.1},{adapter}", self.rows, recent.count(), recent.percentile(0.95));
    }
}

/// Times between the beginnings of frames while every frame requests the next. An input waits at most that long.
#[derive(Default)]
struct FrameTimes {
    last: Option<Instant>,
    times: Vec<Duration>,
}

impl FrameTimes {
    fn begin_frame(&mut self) {
        let now = Instant::now();
        if let Some(last) = self.last.replace(now) {
            self.times.push(now.duration_since(last));
        }
    }

    /// The time in milliseconds that a share of the frames did not exceed; 0 before the second frame.
    fn percentile(&self, share: f64) -> f64 {
        let mut sorted = self.times.clone();
        sorted.sort_unstable();
        let at = (share * sorted.len().saturating_sub(1) as f64).round() as usize;
        sorted.get(at).map_or(0.0, |time| time.as_secs_f64() * 1e3)
    }

    fn count(&self) -> usize {
        self.times.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_sorted_frame_times() {
        let times = (1..=100).rev().map(Duration::from_millis).collect();
        let frames = FrameTimes { last: None, times };
        assert_eq!((frames.percentile(0.0), frames.percentile(1.0)), (1.0, 100.0));
        assert!((frames.percentile(0.95) - 95.0).abs() < 1.01);
        assert_eq!(FrameTimes::default().percentile(0.5), 0.0);
    }
}
