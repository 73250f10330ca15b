//! A run as the views show it: its session, what it published last, and its pictures as textures; and the log,
//! which tells what runs did.

use std::collections::HashMap;
use std::sync::Arc;

use eframe::egui::{self, Image, ScrollArea, Ui, Vec2};
use eframe::egui_wgpu::RenderState;

use super::platform;
use super::session::{Accuracy, Phase, PlanFacts, Session, State};
use super::textures::{NativeTexture, Thumbnails};

/// One of the runs that are shown, side by side if there are two.
pub struct Run {
    /// What distinguishes it if two runs are compared; empty otherwise.
    pub name: String,
    pub session: Session,
    /// What the run had published when this frame began.
    pub state: State,
    pub thumbnails: Thumbnails,
    sheets: Option<Sheets>,
    /// Step and second at which it last began to train, after shaders were compiled.
    began: Option<(u64, f64)>,
}

/// An accuracy of this name in words; `again`: it was measured again, as the test images have changed.
fn accuracy_text(name: &str, accuracy: Accuracy, again: bool) -> String {
    let mut text = format!("{name} {:.1} %", 100.0 * accuracy.ema);
    if again {
        text += " (measured again: the test images have changed)";
    }
    if accuracy.ema_is_behind() {
        text += &format!(
            " (EMA weights, which are behind the raw ones with {:.1} %: train longer)",
            100.0 * accuracy.raw
        );
    }
    text
}

/// The textures of the run's two picture sheets.
struct Sheets {
    plan: Arc<PlanFacts>,
    textures: [NativeTexture; 2],
}

impl Run {
    pub fn new(name: String, session: Session) -> Self {
        let thumbnails = Thumbnails::new(Arc::clone(&session.data));
        Self { name, state: session.state(), session, thumbnails, sheets: None, began: None }
    }

    /// Receives what the run has published since the last frame.
    pub fn refresh(&mut self, render: &RenderState) {
        self.state = self.session.state();
        match (&self.state.phase, self.state.progress) {
            (Phase::Running, Some(now)) => {
                self.began.get_or_insert((now.step, now.seconds));
            }
            _ => self.began = None,
        }
        if let (Some(plan), None) = (&self.state.plan, &self.sheets) {
            self.sheets = Some(Sheets::register(render, Arc::clone(plan)));
        }
    }

    /// Steps per second since the run last began to train.
    pub fn rate(&self) -> f64 {
        let Some(progress) = self.state.progress else { return 0.0 };
        let (step, seconds) = self.began.unwrap_or((progress.step, progress.seconds));
        let passed = progress.seconds - seconds;
        if passed > 0.0 { (progress.step - step) as f64 / passed } else { 0.0 }
    }

    /// The accuracy that the run has reached, and whether that says less than it seems.
    pub fn accuracy(&self) -> Option<String> {
        let accuracy = self.state.accuracy()?;
        let again = self.state.reports.last().is_some_and(|report| report.test_set != self.state.test_set);
        Some(accuracy_text(self.session.data.accuracy_name(), accuracy, again))
    }

    /// The number of labelled images that it trains on, once it is planned.
    pub fn labelled(&self) -> Option<usize> {
        self.state.plan.as_ref().map(|plan| plan.split.labelled.len())
    }

    /// Images that pass through the network with a gradient, per step.
    pub fn images_per_step(&self) -> usize {
        self.state.plan.as_ref().map_or(0, |plan| plan.layout.input_count())
    }

    pub fn classes(&self) -> &[String] {
        &self.session.data.classes
    }

    /// The name of a class, or "unknown".
    pub fn class_name(&self, class: Option<u32>) -> &str {
        class.and_then(|c| self.classes().get(c as usize)).map_or("unknown", String::as_str)
    }

    /// A tile of the sheet that belongs to the observation, `height` points high.
    pub fn tile(&self, tile: usize, height: f32) -> Option<Image<'static>> {
        let sheets = self.sheets.as_ref()?;
        let pictures = &sheets.plan.sheets[self.state.sheet];
        let network = &sheets.plan.network;
        let size = Vec2::new(height * network.width as f32 / network.height as f32, height);
        Some(sheets.textures[self.state.sheet].tile(pictures, tile, size))
    }
}

impl Sheets {
    fn register(render: &RenderState, plan: Arc<PlanFacts>) -> Self {
        let textures = [0, 1].map(|i| NativeTexture::register(render, &plan.sheets[i].texture));
        Self { plan, textures }
    }
}

/// The log at the bottom of the window, oldest line first.
#[derive(Default)]
pub struct Log {
    lines: Vec<String>,
    logged: HashMap<String, Logged>,
}

/// What of a run, by its name, is in the log already.
#[derive(Default)]
struct Logged {
    reports: usize,
    notices: usize,
    phase: Option<Phase>,
}

impl Log {
    pub fn add(&mut self, line: impl Into<String>) {
        self.lines.push(line.into());
    }

    /// The latest line.
    pub fn last(&self) -> Option<&str> {
        self.lines.last().map(String::as_str)
    }

    #[cfg(target_arch = "wasm32")]
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// Tells the log that other runs follow, which may have the same names.
    pub fn runs_changed(&mut self) {
        self.logged.clear();
    }

    /// Adds what a run has published since the last frame.
    pub fn follow(&mut self, run: &Run) {
        let logged = self.logged.entry(run.name.clone()).or_default();
        let name = if run.name.is_empty() { String::new() } else { format!("{}: ", run.name) };
        for report in run.state.reports.iter().skip(logged.reports) {
            let former = report.test_set < run.state.test_set;
            let of = if former { ", of the test images before they changed" } else { "" };
            self.lines.push(format!(
                "{name}step {}: {} {:.1} % (EMA weights), {:.1} % (raw){of}",
                report.step,
                run.session.data.accuracy_name(),
                100.0 * report.test_acc_ema,
                100.0 * report.test_acc
            ));
        }
        self.lines
            .extend(run.state.notices.iter().skip(logged.notices).map(|notice| format!("{name}{notice}")));
        let ended = matches!(run.state.phase, Phase::Failed(_) | Phase::Finished);
        if ended && logged.phase.as_ref() != Some(&run.state.phase) {
            self.lines.push(match &run.state.phase {
                Phase::Failed(reason) => format!("{name}stopped: {reason}"),
                _ => format!("{name}finished"),
            });
        }
        *logged = Logged {
            reports: run.state.reports.len(),
            notices: run.state.notices.len(),
            phase: Some(run.state.phase.clone()),
        };
    }

    pub fn show(&self, ui: &mut Ui) {
        ScrollArea::vertical().stick_to_bottom(true).auto_shrink(false).show(ui, |ui| {
            for line in &self.lines {
                ui.label(egui::RichText::new(platform::shown_paths(line)).small());
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accuracy_says_when_ema_weights_are_behind() {
        for (ema, raw, again, expected) in [
            (0.5, 0.5, false, "test accuracy 50.0 %"),
            (0.5, 0.3, false, "test accuracy 50.0 %"),
            (
                0.1,
                0.625,
                false,
                "test accuracy 10.0 % (EMA weights, which are behind the raw ones with 62.5 %: train longer)",
            ),
            (
                0.25,
                0.75,
                true,
                "test accuracy 25.0 % (measured again: the test images have changed) (EMA weights, which are behind the \
                 raw ones with 75.0 %: train longer)",
            ),
        ] {
            assert_eq!(accuracy_text("test accuracy", Accuracy { ema, raw }, again), expected);
        }
    }
}
