//! The left panel: data, method, training, runs.

mod data;
mod method;
mod numbers;

use data::data;
use eframe::egui::{self, CollapsingHeader, RichText, ScrollArea, Ui};
use method::{compare, method};
use numbers::numbers;

use super::places::{Place, Places};
use super::session::{Command, Phase};
use super::theme::{Role, ThemeChoice};
use super::widgets::muted;
use super::workspace::Workspace;
use super::{layout, platform};
use crate::named::Named as _;

/// What the controls read and change.
pub struct ControlsContext<'a> {
    pub workspace: &'a mut Workspace,
    /// Where the controls are that the tour points at.
    pub places: &'a mut Places,
    pub contact_sheet_open: &'a mut bool,
    /// Set when the person starts the tour.
    pub start_tour: &'a mut bool,
}

/// All controls, from top to bottom.
pub fn show(context: &mut ControlsContext<'_>, ui: &mut Ui) {
    let ControlsContext { workspace, places, contact_sheet_open, start_tour } = context;
    let tour = ui.button("Take the tour").on_hover_text("Six stops: what each component of the method does");
    **start_tour |= tour.clicked();
    training(workspace, places, ui);
    ui.separator();
    let open = |title| CollapsingHeader::new(title).default_open(true);
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        open("Data").show(ui, |ui| data(workspace, contact_sheet_open, ui));
        open("Method").show(ui, |ui| method(workspace, places, ui));
        let config = &mut workspace.settings.config;
        CollapsingHeader::new("Training settings").show(ui, |ui| numbers(config, ui));
        open("Compare").show(ui, |ui| compare(&mut workspace.settings, places, ui));
        CollapsingHeader::new("Runs and appearance").show(ui, |ui| runs_and_appearance(workspace, ui));
    });
}

/// Train, Pause, Step, Reset; progress.
fn training(workspace: &mut Workspace, places: &mut Places, ui: &mut Ui) {
    let running = workspace.is_running();
    let may_train = workspace.may_train();
    ui.add_space(4.0);
    ui.horizontal(|ui| {
        let train = egui::Button::new(RichText::new("▶ Train").strong()).min_size(egui::vec2(76.0, 28.0));
        let train = ui.add_enabled(may_train, train).on_hover_text("Train until paused or done (F5)");
        places.insert(Place::Train, train.rect);
        if train.clicked() {
            workspace.train();
        }
        let pause = ui.add_enabled(running, egui::Button::new("Pause"));
        if pause.on_hover_text("Stop after the current step (F6)").clicked() {
            workspace.send(&Command::Pause);
        }
        let step = ui.add_enabled(may_train, egui::Button::new("Step"));
        if step.on_hover_text("Make one training step, then pause (F7)").clicked() {
            workspace.step_once();
        }
        let reset = ui.add_enabled(!workspace.runs.is_empty(), egui::Button::new("Reset"));
        if reset.on_hover_text("Discard the run; the next one uses the settings below (F8)").clicked() {
            workspace.reset();
        }
    });
    progress(workspace, ui);
    if let Some(answer) = workspace.runs.iter().find_map(|run| run.state.answer)
        && ui.button(answer.label()).on_hover_text(answer.explanation()).clicked()
    {
        workspace.answer_run(answer);
    }
    if workspace.settings_changed() {
        let text = "The settings below are not those of this run: Reset applies them.";
        ui.label(RichText::new(text).small().color(Role::Anchor.colour(ui)));
    }
}

/// The phase, speed and progress of every run.
pub fn progress(workspace: &Workspace, ui: &mut Ui) {
    if workspace.runs.is_empty() {
        let text = match (workspace.data.opening(), workspace.data.ready()) {
            (Some(source), _) => format!("Opening {source} ..."),
            (None, Some(_)) => "Ready: press Train.".to_owned(),
            (None, None) => "No data: see below.".to_owned(),
        };
        muted(ui, text);
    }
    for run in &workspace.runs {
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
                let images = rate * run.images_per_step() as f64;
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

/// Runs on disk, a link to the settings, and the look of the window.
fn runs_and_appearance(workspace: &mut Workspace, ui: &mut Ui) {
    ui.horizontal(|ui| {
        let open = ui.button("Open run ...");
        if open.on_hover_text("A folder that `remixmatch train` or this window wrote").clicked() {
            workspace.dialogs.open_run(ui.ctx());
        }
        let may_save = workspace.runs.first().is_some_and(|run| run.state.progress.is_some());
        let save = ui.add_enabled(may_save, egui::Button::new("Save run ..."));
        if save.on_hover_text("Write a folder that `remixmatch train --resume` continues").clicked() {
            workspace.dialogs.save_run(ui.ctx());
        }
    });
    if let Some(autosaved) = workspace.autosaved.clone() {
        // The list is read only while the menu is open.
        ui.menu_button("Autosaved runs", |ui| {
            let runs = autosaved.list();
            if runs.is_empty() {
                ui.label("None yet");
            }
            for path in runs {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                if ui.button(name).on_hover_text("Open this run and continue it").clicked() {
                    workspace.open_run(path);
                    ui.close();
                }
            }
        })
        .response
        .on_hover_text("Every run is saved automatically at each report and when it ends");
    }
    if let Some(link) = platform::link(&workspace.fragment()) {
        let copy = ui.button("Copy link");
        if copy.on_hover_text("A link that opens this page with these settings, data and seed").clicked() {
            ui.ctx().copy_text(link);
            workspace.log.add("link copied");
        }
    }
    ui.horizontal(|ui| {
        ui.label("Theme");
        for (choice, _) in ThemeChoice::VALUES {
            if ui.selectable_value(&mut workspace.settings.theme, *choice, choice.name()).changed() {
                choice.apply(ui.ctx());
            }
        }
    });
    if ui.button("Default layout").on_hover_text("Put the views back where they were").clicked() {
        workspace.settings.layout = layout::default();
    }
}
