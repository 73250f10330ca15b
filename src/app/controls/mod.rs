//! The left panel: data, method, training, runs.

mod data;
mod method;
mod numbers;
mod start;

use data::data;
use eframe::egui::{self, CollapsingHeader, RichText, ScrollArea, Ui};
use method::{compare, method};
use numbers::numbers;
use start::start;

use super::dialogs::Kind;
use super::places::{Place, Places};
use super::session::{Command, Phase};
use super::theme::{Role, ThemeChoice};
use super::widgets::muted;
use super::workspace::Workspace;
use super::{autosave, first_weights, layout, platform};
use crate::data::counted;
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
        let has_f16 = workspace.gpu.features.contains(wgpu::Features::SHADER_F16);
        CollapsingHeader::new("Training settings").show(ui, |ui| {
            start(workspace, ui);
            numbers(&mut workspace.settings.config, has_f16, ui);
        });
        open("Compare").show(ui, |ui| compare(&mut workspace.settings, places, ui));
        CollapsingHeader::new("Runs and appearance").show(ui, |ui| runs_and_appearance(workspace, ui));
    });
}

/// Train, Pause, Step, Reset; progress.
fn training(workspace: &mut Workspace, places: &mut Places, ui: &mut Ui) {
    let running = workspace.is_running();
    let obstacle = workspace.train_obstacle();
    let may_train = obstacle.is_none();
    ui.add_space(4.0);
    ui.horizontal(|ui| {
        let train = egui::Button::new(RichText::new("▶ Train").strong()).min_size(egui::vec2(76.0, 28.0));
        let train = ui.add_enabled(may_train, train).on_hover_text("Train until paused or done (F5)");
        let train = train.on_disabled_hover_text(obstacle.as_deref().unwrap_or_default());
        places.insert(Place::Train, train.rect);
        if train.clicked() {
            workspace.train();
        }
        let pause = ui.add_enabled(running, egui::Button::new("Pause"));
        if pause.on_hover_text("Stop after the current step (F6)").clicked() {
            workspace.send(&Command::Pause);
        }
        let step = ui.add_enabled(may_train, egui::Button::new("Step"));
        let step = step.on_hover_text("Make one training step, then pause (F7)");
        if step.on_disabled_hover_text(obstacle.as_deref().unwrap_or_default()).clicked() {
            workspace.step_once();
        }
        let reset = ui.add_enabled(!workspace.runs.is_empty(), egui::Button::new("Reset"));
        if reset.on_hover_text("Discard the run; the next one uses the settings below (F8)").clicked() {
            workspace.reset();
        }
    });
    refused_run(workspace, ui);
    progress(workspace, ui);
    if let Some(run) = workspace.run_on_other_labels() {
        let labels = run.session.data.hand_made_labels().unwrap_or_default();
        let text = format!("Continue on {}", counted(labels, "label of before", "labels of before"));
        let hint = "Train this run further on the labels that it began with";
        if ui.button(text).on_hover_text(hint).clicked() {
            workspace.send(&Command::Run);
        }
    }
    if let Some(answer) = workspace.runs.iter().find_map(|run| run.state.answer)
        && ui.button(answer.label()).on_hover_text(answer.explanation()).clicked()
    {
        workspace.answer_run(answer);
    }
    if workspace.settings_changed() {
        let text = "The settings below are not those of this run: Reset applies them.";
        ui.label(RichText::new(text).small().color(Role::Anchor.colour(ui)));
    } else {
        // The fields below keep their ids, and with them the focus, when the line appears.
        ui.skip_ahead_auto_ids(1);
    }
}

/// Why the run that was requested last is not open, with a way to find its data.
fn refused_run(workspace: &Workspace, ui: &mut Ui) {
    let Some(run) = &workspace.refused_run else { return };
    let name = run.folder.file_name().unwrap_or(run.folder.as_os_str()).to_string_lossy().into_owned();
    let text = match &run.lost {
        Some(path) => format!(
            "× The run {name} is not open: its data are no longer {} {}. Where are they now?",
            if platform::WRITES_BESIDE_IMAGES { "at" } else { "in this page:" },
            path.display()
        ),
        None => format!("× The run {name} is not open: {}", run.reason),
    };
    let shown = ui.label(RichText::new(platform::shown_paths(&text)).color(Role::Differ.colour(ui)));
    shown.on_hover_text(run.folder.display().to_string());
    if run.lost.is_none() {
        return;
    }
    ui.horizontal_wrapped(|ui| {
        for (text, kind) in
            [("Choose their folder ...", Kind::Folder), ("Choose their archive ...", Kind::Files)]
        {
            let button = ui.button(text).on_hover_text("Opens the run on the data that are there");
            if button.clicked() {
                workspace.dialogs.find_run_data(ui.ctx(), kind);
            }
        }
    });
}

/// Why Train would begin no run, before it is pressed.
fn refused_settings(reason: &str, ui: &mut Ui) {
    ui.label(RichText::new(format!("× {reason}")).color(Role::Differ.colour(ui)));
}

/// The phase, speed and progress of every run.
pub fn progress(workspace: &Workspace, ui: &mut Ui) {
    if let Some(folder) = workspace.labelled_folder() {
        let name = folder.name();
        let labels = counted(folder.queue.labels().made().len(), "label", "labels");
        let others = match (folder.run(&workspace.runs), workspace.runs.is_empty()) {
            (Some(_), _) => ", which have changed since this run began, and ends it",
            (None, false) => ", and ends the other run",
            (None, true) => "",
        };
        match (folder.queue.obstacle(), workspace.costs_text()) {
            (Some(obstacle), _) => drop(muted(ui, format!("Labelling {name}: {obstacle}"))),
            (None, Ok(costs)) => {
                let start = first_weights::line(&workspace.settings.config);
                let text = format!("Train begins a run on the {labels} of {name}{others}. {start} {costs}");
                muted(ui, text.trim_end());
            }
            (None, Err(reason)) => refused_settings(reason, ui),
        }
    } else if workspace.runs.is_empty() {
        let text = match (workspace.data.opening(), workspace.data.ready()) {
            (Some(source), _) => Ok(platform::shown_paths(&format!("Opening {source} ..."))),
            (None, Some(_)) => workspace.costs_text().map(|costs| format!("Ready: press Train. {costs}")),
            (None, None) => Ok("No data: see below.".to_owned()),
        };
        // Random weights are what everybody expects.
        let config = &workspace.settings.config;
        let is_ready = workspace.data.opening().is_none() && workspace.data.ready().is_some();
        let start = config.init.as_ref().filter(|_| is_ready);
        let start = start.map(|_| format!(" {}", first_weights::line(config))).unwrap_or_default();
        match text {
            _ if workspace.refused_run.is_some() => {}
            Ok(text) => drop(muted(ui, format!("{}{start}", text.trim_end()))),
            Err(reason) => refused_settings(reason, ui),
        }
    }
    for run in &workspace.runs {
        let mut text = match &run.state.phase {
            Phase::Preparing => "preparing: compiling shaders ...".to_owned(),
            Phase::Paused => "paused".to_owned(),
            Phase::Running => "training".to_owned(),
            Phase::Finished => "finished".to_owned(),
            Phase::Failed(reason) => match &run.state.brief {
                Some(brief) => format!("× {brief}"),
                None => format!("× stopped: {reason}"),
            },
        };
        if !run.name.is_empty() {
            text = format!("{}: {text}", run.name);
        }
        if let Some(accuracy) = run.accuracy() {
            text += &format!(", {accuracy}");
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
        if let Some(labelled) = run.labelled() {
            text += &format!(", {}", counted(labelled, "labelled image", "labelled images"));
        }
        if let Some(plan) = &run.state.plan {
            text += &format!(", {:.0} MiB", plan.memory.total() as f64 / f64::from(1 << 20));
        }
        match &run.state.phase {
            // As data that were refused.
            Phase::Failed(reason) => {
                let shown = ui.label(RichText::new(text).color(Role::Differ.colour(ui)));
                shown.on_hover_text(reason);
            }
            _ => drop(muted(ui, text)),
        }
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
                if ui.button(autosave::title(&path)).on_hover_text("Open this run and continue it").clicked()
                {
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
