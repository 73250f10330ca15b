//! The left panel: data, method, training.

mod data;
mod method;
mod numbers;
mod runs;

use data::data;
use eframe::egui::{self, RichText, Ui};
use method::{compare, method};
use numbers::numbers;
use runs::runs_and_appearance;

use super::App;
use super::places::Place;
use super::session::{Command, Phase};
use super::theme::Role;
use super::widgets::muted;

/// Everything from top to bottom.
pub fn show(app: &mut App, ui: &mut Ui) {
    let tour = ui.button("Take the tour").on_hover_text("Six stops: what each part of the method does");
    if tour.clicked() {
        app.tour_to(0);
    }
    training(app, ui);
    ui.separator();
    egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        egui::CollapsingHeader::new("Data").default_open(true).show(ui, |ui| data(app, ui));
        egui::CollapsingHeader::new("Method").default_open(true).show(ui, |ui| method(app, ui));
        egui::CollapsingHeader::new("Training settings").show(ui, |ui| numbers(app, ui));
        egui::CollapsingHeader::new("Compare").default_open(true).show(ui, |ui| compare(app, ui));
        egui::CollapsingHeader::new("Runs and appearance").show(ui, |ui| runs_and_appearance(app, ui));
    });
}

/// Whether there is something to train that is not being trained.
pub fn may_train(app: &App) -> bool {
    let finished = !app.runs.is_empty() && app.runs.iter().all(|run| run.state.phase == Phase::Finished);
    app.data.ready().is_some() && !app.is_running() && !finished
}

/// Train, Pause, Step, Reset; progress.
fn training(app: &mut App, ui: &mut Ui) {
    let running = app.is_running();
    let may_train = may_train(app);
    ui.add_space(4.0);
    ui.horizontal(|ui| {
        let train = egui::Button::new(RichText::new("▶ Train").strong()).min_size(egui::vec2(76.0, 28.0));
        let train = ui.add_enabled(may_train, train).on_hover_text("Train until paused or done (F5)");
        app.places.insert(Place::Train, train.rect);
        if train.clicked() {
            app.train();
        }
        let pause = ui.add_enabled(running, egui::Button::new("Pause"));
        if pause.on_hover_text("Stop after the present step (F6)").clicked() {
            app.send(&Command::Pause);
        }
        let step = ui.add_enabled(may_train, egui::Button::new("Step"));
        if step.on_hover_text("Make one training step, then pause (F7)").clicked() {
            app.step_once();
        }
        let reset = ui.add_enabled(!app.runs.is_empty(), egui::Button::new("Reset"));
        if reset.on_hover_text("Forget the run and start anew with the settings below (F8)").clicked() {
            app.reset();
        }
    });
    progress(app, ui);
    if app.settings_changed() {
        let text = "The settings below are not those of this run: Reset takes them up.";
        ui.label(RichText::new(text).small().color(Role::Anchor.colour(ui)));
    }
}

pub fn progress(app: &App, ui: &mut Ui) {
    if app.runs.is_empty() {
        let text = match (app.data.opening(), app.data.ready()) {
            (Some(source), _) => format!("Opening {source} ..."),
            (None, Some(_)) => "Ready: press Train.".to_owned(),
            (None, None) => "No data: see below.".to_owned(),
        };
        muted(ui, text);
    }
    for run in &app.runs {
        let mut text = match &run.state.phase {
            Phase::Preparing => "preparing: compiling shaders ...".to_owned(),
            Phase::Paused => "paused".to_owned(),
            Phase::Running => "training".to_owned(),
            Phase::Finished => "finished".to_owned(),
            Phase::Failed(reason) => format!("stopped: {reason}"),
        };
        if !run.name.is_empty() {
            text = format!("{}: {text}", run.name);
        }
        if let Some(report) = run.state.reports.last() {
            let name = run.session.data.accuracy_name();
            text += &format!(", {name} {:.1} %", 100.0 * report.test_acc_ema);
        }
        if let Some(progress) = run.state.progress {
            let share = progress.step as f32 / progress.steps.max(1) as f32;
            let bar = egui::ProgressBar::new(share).desired_height(14.0);
            ui.add(bar.text(RichText::new(format!("{} / {} steps", progress.step, progress.steps)).small()));
            let rate = run.rate();
            if run.state.phase == Phase::Running && rate > 0.0 {
                let images = rate * run.images_a_step() as f64;
                let left = (progress.steps - progress.step) as f64 / rate;
                text += &format!(", {images:.0} images/s, {} left", duration(left));
            }
        }
        if let Some(plan) = &run.state.plan {
            text += &format!(", {:.0} MiB", plan.memory.total() as f64 / f64::from(1 << 20));
        }
        muted(ui, text);
    }
}

fn duration(seconds: f64) -> String {
    match seconds as u64 {
        s if s < 90 => format!("{s} s"),
        s if s < 5_400 => format!("{} min", s.div_ceil(60)),
        s => format!("{:.1} h", s as f64 / 3_600.0),
    }
}
