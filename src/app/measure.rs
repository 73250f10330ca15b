//! How the window answers while the first run trains, and what that takes, minute by minute.

use std::time::Duration;

use web_time::Instant;

use super::App;
use super::frames::Frames;
use super::session::Phase;

/// Between two rows.
const ROW: Duration = Duration::from_secs(60);

/// Looks on for a while; to standard output go a row a minute and a summary.
pub struct Measure {
    duration: Duration,
    began: Option<Instant>,
    /// Of the whole time.
    frames: Frames,
    /// Of the minute that runs.
    recent: Frames,
    rows: u32,
}

impl Measure {
    pub fn new(duration: Duration) -> Self {
        Self { duration, began: None, frames: Frames::default(), recent: Frames::default(), rows: 0 }
    }

    /// One frame; whether it was the last.
    pub fn advance(&mut self, app: &App) -> bool {
        // From the first step on: one of the paper's takes minutes on a software adapter.
        if !app.runs.first().is_some_and(|run| run.state.phase == Phase::Running) {
            return app.runs.iter().any(|run| matches!(run.state.phase, Phase::Failed(_)));
        }
        let began = *self.began.get_or_insert_with(Instant::now);
        self.frames.begin();
        self.recent.begin();
        if began.elapsed() >= ROW * (self.rows + 1) {
            self.row(app);
        }
        if began.elapsed() < self.duration {
            return false;
        }
        let f = &self.frames;
        println!(
            "{} frames while training {}: 50 % within {:.1} ms, 95 % within {:.1} ms, 99 % within {:.1} ms, all within {:.1} ms",
            f.count(),
            app.settings.config.preset,
            f.percentile(0.5),
            f.percentile(0.95),
            f.percentile(0.99),
            f.percentile(1.0)
        );
        true
    }

    fn row(&mut self, app: &App) {
        if self.rows == 0 {
            println!("minute,steps,frames,frame_ms_p95,adapter_kib");
        }
        self.rows += 1;
        let recent = std::mem::take(&mut self.recent);
        let steps = app.runs.first().and_then(|run| run.state.progress).map_or(0, |progress| progress.step);
        let adapter = app.allocated_bytes().map_or_else(String::new, |bytes| (bytes / 1024).to_string());
        println!("{},{steps},{},{:.1},{adapter}", self.rows, recent.count(), recent.percentile(0.95));
    }
}
