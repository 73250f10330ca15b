//! What happened, at the bottom of the window.

use std::collections::HashMap;

use eframe::egui::{self, ScrollArea, Ui};

use super::run::Run;
use super::session::Phase;

/// Lines in the order they came.
#[derive(Default)]
pub struct Log {
    lines: Vec<String>,
    /// Reports and notices of each run, by name, that are in the log already, and its last phase.
    seen: HashMap<String, (usize, usize, Option<Phase>)>,
}

impl Log {
    pub fn add(&mut self, line: impl Into<String>) {
        self.lines.push(line.into());
    }

    #[cfg(target_arch = "wasm32")]
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// A new set of runs: nothing of theirs has been told.
    pub fn runs_changed(&mut self) {
        self.seen.clear();
    }

    /// Adds what a run has published since the last frame.
    pub fn follow(&mut self, run: &Run) {
        let seen = self.seen.entry(run.name.clone()).or_default();
        let name = if run.name.is_empty() { String::new() } else { format!("{}: ", run.name) };
        for report in run.state.reports.iter().skip(seen.0) {
            self.lines.push(format!(
                "{name}step {}: {} {:.1} % (averaged weights), {:.1} % (raw)",
                report.step,
                run.session.data.accuracy_name(),
                100.0 * report.test_acc_ema,
                100.0 * report.test_acc
            ));
        }
        self.lines.extend(run.state.notices.iter().skip(seen.1).map(|notice| format!("{name}{notice}")));
        let ended = matches!(run.state.phase, Phase::Failed(_) | Phase::Finished);
        if ended && seen.2.as_ref() != Some(&run.state.phase) {
            self.lines.push(match &run.state.phase {
                Phase::Failed(reason) => format!("{name}stopped: {reason}"),
                _ => format!("{name}finished"),
            });
        }
        *seen = (run.state.reports.len(), run.state.notices.len(), Some(run.state.phase.clone()));
    }

    pub fn show(&self, ui: &mut Ui) {
        ScrollArea::vertical().stick_to_bottom(true).auto_shrink(false).show(ui, |ui| {
            for line in &self.lines {
                ui.label(egui::RichText::new(line).small());
            }
        });
    }
}
