//! The left panel: data, method, training.

use eframe::egui::{self, ComboBox, DragValue, RichText, Ui};

use super::App;
use super::opening;
use super::parts::{Part, Variation};
use super::session::{Command, Phase};
use super::theme::{Role, ThemeChoice, class_colour};
use super::tour::Place;
use super::widgets::{muted, swatch};
use crate::data::summary;
use crate::ssl::{Method, PolicyKind};
use crate::train::{Config, PRESET_NAMES, Preset, preset};

const BUILTIN: [(&str, &str); 3] = [
    ("builtin:fashion", "Fashion: clothes, 28x28 grey"),
    ("builtin:digits", "Digits: handwritten, 28x28 grey"),
    ("builtin:shapes", "Shapes: drawn, 32x32 colour"),
];
const NETWORKS: [&str; 4] = ["wrn-10-1", "wrn-16-1", "wrn-28-2", "wrn-28-8"];

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

/// Train, Pause, Step, Reset; progress.
fn training(app: &mut App, ui: &mut Ui) {
    let running = app.runs.iter().any(|run| run.state.phase == Phase::Running);
    let finished = !app.runs.is_empty() && app.runs.iter().all(|run| run.state.phase == Phase::Finished);
    let ready = app.data.ready().is_some();
    ui.add_space(4.0);
    ui.horizontal(|ui| {
        let train = egui::Button::new(RichText::new("▶ Train").strong()).min_size(egui::vec2(76.0, 28.0));
        let may_train = ready && !running && !finished;
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

fn progress(app: &App, ui: &mut Ui) {
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

fn data(app: &mut App, ui: &mut Ui) {
    let mut chosen = None;
    let current = app.settings.config.data.clone();
    let known = BUILTIN.iter().find(|(name, _)| *name == current).map(|(_, text)| *text);
    ComboBox::from_label("Source").width(200.0).selected_text(known.unwrap_or(&current)).show_ui(ui, |ui| {
        for (name, text) in BUILTIN {
            if ui.selectable_label(current == name, text).clicked() {
                chosen = Some(name.to_owned());
            }
        }
    });
    ui.horizontal(|ui| {
        let open = ui.button("Open folder ...");
        if open.on_hover_text("Class folders, IDX or CIFAR files; or drop a folder on the window").clicked() {
            app.dialogs.open_data(ui.ctx());
        }
        let sheet = ui.add_enabled(app.data.ready().is_some(), egui::Button::new("Look at images"));
        if sheet.on_hover_text("A few images of every class").clicked() {
            app.sheet_open = !app.sheet_open;
        }
    });
    if let Some(source) = chosen {
        app.open_data(source);
    }
    if let Some(source) = app.data.opening() {
        ui.horizontal(|ui| {
            ui.spinner();
            ui.label(format!("opening {source}"));
        });
    }
    opening::not_opened(app, ui);
    match app.data.ready() {
        None => {}
        Some(set) => {
            muted(
                ui,
                format!(
                    "{}: {} training images, {} {}, {}x{}",
                    set.format,
                    set.train.len(),
                    set.test.len(),
                    set.tested_images(),
                    set.train.width,
                    set.train.height
                ),
            );
            egui::CollapsingHeader::new(format!("{} classes", set.classes.len())).show(ui, |ui| {
                egui::Grid::new("classes").num_columns(4).striped(true).show(ui, |ui| {
                    ui.label("");
                    ui.label("class");
                    ui.label("training");
                    ui.label("test");
                    ui.end_row();
                    for (i, class) in summary(set).classes.iter().enumerate() {
                        swatch(ui, class_colour(i));
                        ui.label(&class.name);
                        ui.label(class.train.to_string());
                        ui.label(class.test.to_string());
                        ui.end_row();
                    }
                });
            });
            for notice in &set.notices {
                muted(ui, notice.clone());
            }
        }
    }
    let hand_made = app.data.ready().and_then(|set| set.hand_made_labels());
    ui.horizontal(|ui| {
        let labels = DragValue::new(&mut app.settings.config.labels).range(1..=100_000).speed(1.0);
        match hand_made {
            Some(count) => ui
                .label(count.to_string())
                .on_hover_text("All labels that were made by hand, but for those held out"),
            None => {
                ui.add(labels).on_hover_text("Images whose class is shown, in all: a multiple of the classes")
            }
        };
        ui.label("labelled images");
        ui.add(DragValue::new(&mut app.settings.config.seed).speed(1.0))
            .on_hover_text("Which images are labelled, the first weights, every draw");
        ui.label("seed");
    });
}

fn method(app: &mut App, ui: &mut Ui) {
    let config = &mut app.settings.config;
    let mut wanted = None;
    ui.horizontal(|ui| {
        ComboBox::from_label("Preset").selected_text(&config.preset).show_ui(ui, |ui| {
            for name in PRESET_NAMES {
                if ui.selectable_label(config.preset == name, name).clicked() {
                    wanted = Some(name);
                }
            }
        });
        ComboBox::from_label("Method").selected_text(&config.method_name).show_ui(ui, |ui| {
            for name in Method::NAMES {
                if ui.selectable_label(config.method_name == name, name).clicked() {
                    set_method(config, name);
                }
            }
        });
    });
    let method = &mut config.method;
    let unlabelled = method.unlabelled;
    ui.add_enabled_ui(unlabelled, |ui| {
        let slider = egui::Slider::new(&mut method.strong_views, 0..=16).text("strong views, K");
        ui.add(slider).on_hover_text(
            "Anchoring: the guess made from one weakly augmented view (the anchor) is what K strongly \
             augmented views of the same image are trained towards.\n\nλ_u sum_k H(t, p(y | u_k))",
        );
        for part in Part::ALL {
            let mut on = part.is_on(method);
            let check = ui.checkbox(&mut on, part.name());
            let check = check.on_hover_ui(|ui| {
                ui.set_max_width(320.0);
                ui.label(part.explanation());
                ui.monospace(part.equation());
            });
            app.places.insert(Place::Part(part), check.rect);
            if check.changed() {
                part.set(method, on);
            }
        }
        ui.add(egui::Slider::new(&mut method.temperature, 0.05..=1.0).text("temperature T"))
            .on_hover_text("Sharpening: 1 leaves the guess as it is, near 0 makes it one class");
        ui.add(egui::Slider::new(&mut method.beta, 0.05..=4.0).text("MixUp β"))
            .on_hover_text("Small: images are hardly mixed; large: half and half");
        let policies = [
            (PolicyKind::CtAugment, "CTAugment (learned)"),
            (PolicyKind::RandAugment, "RandAugment"),
            (PolicyKind::None, "none: weak only"),
        ];
        let name = policies.iter().find(|p| p.0 == method.policy).map_or("?", |p| p.1);
        ComboBox::from_label("Strong views by").selected_text(name).show_ui(ui, |ui| {
            for (kind, text) in policies {
                ui.selectable_value(&mut method.policy, kind, text);
            }
        });
    });
    if let Some(name) = wanted {
        app.choose_preset(name);
    }
}

/// Another method in the same run: its switches, and the preset's own K.
fn set_method(config: &mut Config, name: &str) {
    let strong_views = config.method.strong_views;
    if let Ok(method) = Method::named(name) {
        config.method = method;
        config.method_name = name.to_owned();
        if name == "remixmatch" {
            config.method.strong_views = strong_views.max(1);
        }
    }
}

fn numbers(app: &mut App, ui: &mut Ui) {
    let config = &mut app.settings.config;
    ComboBox::from_label("Network").selected_text(&config.network).show_ui(ui, |ui| {
        for name in NETWORKS {
            ui.selectable_value(&mut config.network, name.to_owned(), name);
        }
    });
    egui::Grid::new("numbers").num_columns(2).show(ui, |ui| {
        let mut row = |name: &str, hint: &str, value: DragValue<'_>| {
            let label = ui.label(name);
            ui.add(value).labelled_by(label.id).on_hover_text(hint);
            ui.end_row();
        };
        row("steps", "Training steps in all", DragValue::new(&mut config.steps).range(1..=1u64 << 24));
        row(
            "batch",
            "Labelled images a step, and as many unlabelled ones; a multiple of 4 with rotation",
            DragValue::new(&mut config.batch).range(1..=1024),
        );
        row(
            "learning rate",
            "Adam's step size",
            DragValue::new(&mut config.learning_rate).range(1e-6..=1.0).speed(1e-4).max_decimals(6),
        );
        row(
            "weight decay",
            "Share of the learning rate by which kernels shrink each step",
            DragValue::new(&mut config.weight_decay).range(0.0..=1.0).speed(1e-3).max_decimals(5),
        );
        row(
            "averaging",
            "Share of the old value kept in the averaged weights",
            DragValue::new(&mut config.ema).range(0.0..=0.9999).speed(1e-3).max_decimals(4),
        );
        row(
            "warm-up images",
            "Labelled images over which the unlabelled terms grow to their full weight",
            DragValue::new(&mut config.warmup_images).speed(100.0),
        );
        row(
            "report every",
            "Steps between two evaluations on the test images",
            DragValue::new(&mut config.report_every).range(1..=100_000),
        );
        row(
            "λ_u",
            "Weight of the unlabelled term",
            DragValue::new(&mut config.method.weight_u).range(0.0..=1e4).speed(0.05),
        );
        row(
            "λ_u1",
            "Weight of the pre-mixup term",
            DragValue::new(&mut config.method.weight_u1).range(0.0..=1e4).speed(0.05),
        );
        row(
            "λ_r",
            "Weight of the rotation term",
            DragValue::new(&mut config.method.weight_r).range(0.0..=1e4).speed(0.05),
        );
    });
}

fn compare(app: &mut App, ui: &mut Ui) {
    let mut compare = app.settings.compare;
    let name = compare.map_or("nothing", Variation::name);
    let combo = ComboBox::from_label("Against").width(180.0).selected_text(name).show_ui(ui, |ui| {
        ui.selectable_value(&mut compare, None, "nothing");
        for variation in Variation::ALL {
            ui.selectable_value(&mut compare, Some(variation), variation.name())
                .on_hover_text(variation.explanation());
        }
    });
    app.places.insert(Place::Compare, combo.response.rect);
    if let Some(variation) = compare {
        muted(ui, variation.explanation());
    }
    app.settings.compare = compare;
}

fn runs_and_appearance(app: &mut App, ui: &mut Ui) {
    ui.horizontal(|ui| {
        let open = ui.button("Open run ...");
        if open.on_hover_text("A folder that `remixmatch train` or this window wrote").clicked() {
            app.dialogs.open_run(ui.ctx());
        }
        let may_save = app.runs.first().is_some_and(|run| run.state.progress.is_some());
        let save = ui.add_enabled(may_save, egui::Button::new("Save run ..."));
        if save.on_hover_text("Write a folder that `remixmatch train --resume` goes on with").clicked() {
            app.dialogs.save_run(ui.ctx());
        }
    });
    let kept = app.kept.as_ref().map(super::kept_runs::KeptRuns::list).unwrap_or_default();
    if !kept.is_empty() {
        ui.menu_button("Kept runs", |ui| {
            for path in kept {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                if ui.button(name).on_hover_text("Open this run and go on with it").clicked() {
                    app.open_run(path);
                    ui.close();
                }
            }
        })
        .response
        .on_hover_text("Every run is kept by itself at each report and when it ends");
    }
    ui.horizontal(|ui| {
        ui.label("Theme");
        for (choice, name) in ThemeChoice::ALL {
            if ui.selectable_value(&mut app.settings.theme, choice, name).changed() {
                choice.apply(ui.ctx());
            }
        }
    });
    if ui.button("Default layout").on_hover_text("Put the views back where they were").clicked() {
        app.settings.layout = super::layout::default();
    }
}

impl App {
    /// A preset's settings; its data too, unless data of the person's own are open.
    pub fn choose_preset(&mut self, name: &str) {
        let Ok(Preset { config, .. }) = preset(name, None) else { return };
        let own_data = !self.settings.config.data.starts_with("builtin:");
        let data = std::mem::take(&mut self.settings.config.data);
        let wanted = config.data.clone();
        self.settings.config = Config { data, ..config };
        if !own_data && wanted.starts_with("builtin:") {
            self.open_data(wanted);
        }
    }
}
