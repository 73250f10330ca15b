//! Training on the labels: start a run, show its progress, guess all images, export guesses and model.

use std::path::Path;

use eframe::egui::{Button, ProgressBar, RichText, Ui};

use crate::app::dialogs::Dialogs;
use crate::app::first_weights;
use crate::app::labelling::OpenFolder;
use crate::app::platform;
use crate::app::run::Run;
use crate::app::session::{Command, Phase};
use crate::app::theme::Role;
use crate::app::widgets::{muted, percent};
use crate::data::{HELD_OUT, LABELS_FILE, counted, listed_name};
use crate::train::Config;

/// Probability from which a guess counts as confident.
const CONFIDENT: f32 = 0.95;

/// Draws the controls around the button that trains.
pub fn show(ui: &mut Ui, runs: &[Run], dialogs: &Dialogs, folder: &mut OpenFolder) {
    let run = folder.run(runs);
    ui.strong("Training");
    ui.checkbox(&mut folder.mirror, "Images may be mirrored").on_hover_text(
        "Mirrors weak views at random. Switch it off if a mirrored image may belong to another class: digits, \
         letters, left and right",
    );
    muted(ui, measured_on(folder));
    if let Some(run) = run {
        progress(ui, runs, run);
        guesses(ui, folder, run);
    }
    export(ui, dialogs, folder, runs);
}

/// Draws the button that starts a run, which sets `train_on_labels`, or why it cannot; and what the run starts from.
pub fn train(ui: &mut Ui, runs: &[Run], folder: &OpenFolder, config: &Config, train_on_labels: &mut bool) {
    let run = folder.run(runs);
    ui.add_space(4.0);
    let labels = folder.queue.labels().made().len();
    let obstacle = folder.queue.obstacle();
    let again = run.is_some_and(|run| !folder.differs_from(run));
    let text = if again {
        "▶ Train again".to_owned()
    } else {
        format!("▶ Train on {}", counted(labels, "label", "labels"))
    };
    let train = ui.add_enabled(obstacle.is_none(), Button::new(RichText::new(text).strong()));
    let hint = "Start a new run on these labels, with the settings of the left panel; other runs end";
    *train_on_labels |= train.on_hover_text(hint).clicked();
    if let Some(reason) = folder.refusal() {
        ui.label(
            RichText::new(format!("× {}", platform::shown_paths(reason)))
                .small()
                .color(Role::Differ.colour(ui)),
        );
    }
    match obstacle {
        Some(obstacle) => muted(ui, obstacle),
        None => muted(ui, first_weights::line(config)).on_hover_text(
            "First weights and frozen layers are chosen under Training settings in the left panel",
        ),
    };
}

/// Which images a run on the current labels is tested on.
fn measured_on(folder: &OpenFolder) -> String {
    let labels = folder.queue.labels();
    let held = folder.queue.own.held_out(labels);
    let untested: Vec<String> = (0..labels.classes().len())
        .filter(|class| !held.iter().any(|image| labels.of(*image) == Some(*class as u32)))
        .map(|class| listed_name(&labels.classes()[class]))
        .collect();
    match held.len() {
        0 => format!(
            "Accuracy is measured on the labelled images themselves until every class has {HELD_OUT} labels."
        ),
        n => {
            let none = match untested.as_slice() {
                [] => String::new(),
                classes => format!(" None is of {}: accuracy says nothing about it.", classes.join(", ")),
            };
            format!(
                "{} held out to measure accuracy, about a fifth. Training uses their images as unlabelled.{none}",
                counted(n, "label is", "labels are")
            )
        }
    }
}

/// The step and the accuracy of `run`, and a button that pauses all `runs`.
fn progress(ui: &mut Ui, runs: &[Run], run: &Run) {
    let Some(progress) = run.state.progress else { return };
    let mut text = match &run.state.phase {
        Phase::Failed(reason) => format!("stopped: {reason}"),
        Phase::Running => format!("training: step {} of {}", progress.step, progress.steps),
        _ => format!("trained: step {} of {}", progress.step, progress.steps),
    };
    if let Some(accuracy) = run.accuracy() {
        text += &format!(", {accuracy}");
    }
    ui.label(RichText::new(text).small());
    if run.state.phase == Phase::Running {
        let pause = ui.small_button("Pause and guess");
        if pause.on_hover_text("Pause training and guess all images").clicked() {
            runs.iter().for_each(|run| run.session.send(Command::Pause));
        }
    }
}

/// How many images without a label have confident guesses, and the button that updates the guesses.
fn guesses(ui: &mut Ui, folder: &mut OpenFolder, run: &Run) {
    if let Some(share) = run.state.predicting {
        ui.add(ProgressBar::new(share).desired_height(14.0).text(RichText::new("guessing ...").small()));
        return;
    }
    if let Some(guesses) = folder.queue.guesses() {
        let is_confident = |image: usize| usize::from(guesses.top(image).1 >= CONFIDENT);
        let count = |(all, confident), image| (all + 1, confident + is_confident(image));
        let (all, confident) = folder.queue.unlabelled().fold((0, 0), count);
        let text = format!(
            "{confident} of {} without a label have a guess of {} or more.",
            counted(all, "image", "images"),
            percent(CONFIDENT)
        );
        ui.label(RichText::new(text).small());
        muted(ui, format!("Guesses are from step {}.", guesses.predictions().step));
    }
    let running = run.state.phase == Phase::Running;
    let guess = ui.add_enabled(running, Button::new("Guess now"));
    let guess =
        guess.on_hover_text("Guess all images with the current model; training waits until this is done");
    if guess.on_disabled_hover_text("Images are guessed whenever training pauses or ends").clicked() {
        folder.request_guesses(run);
    }
}

fn export(ui: &mut Ui, dialogs: &Dialogs, folder: &OpenFolder, runs: &[Run]) {
    ui.separator();
    ui.strong("Export");
    let (run, queue, own) = (folder.run(runs), &folder.queue, &folder.queue.own);
    if let Some(changes) = folder.class_changes(runs) {
        let text = format!(
            "The classes have changed since the run began ({changes}). Its model has those of then; predictions are of \
             those that are left. Train again for the classes of now."
        );
        ui.label(RichText::new(text).small().color(Role::Anchor.colour(ui)));
    }
    let table = ui.add_enabled(queue.guesses().is_some(), Button::new("Predictions ..."));
    let table = table
        .on_hover_text(
            "A CSV file: the file, the most likely class and all class probabilities of each image; the column by_hand has \
             the labels that you gave",
        )
        .on_disabled_hover_text("Needs guesses: train first");
    if table.clicked() {
        dialogs.save_predictions(ui.ctx(), &own.folder.join("predictions.csv"));
    }
    if !platform::WRITES_BESIDE_IMAGES {
        let hint = format!(
            "{LABELS_FILE}: put it into the folder of the images, with a classes.txt of one class per line"
        );
        if ui.button("Labels ...").on_hover_text(hint).clicked() {
            dialogs.write(ui.ctx(), Path::new(LABELS_FILE), queue.labels().labels_file(&own.files));
        }
    }
    let trained = run.and_then(|run| run.state.progress).is_some_and(|progress| progress.step > 0);
    let model = ui.add_enabled(trained, Button::new("Model ..."));
    let model = model
        .on_hover_text(
            "A safetensors file, for `remixmatch predict --model FILE IMAGE`; a right-click has an ONNX file for other programs",
        )
        .on_disabled_hover_text("Train first");
    if model.clicked() {
        dialogs.save_model(ui.ctx(), &own.folder.with_file_name("model.safetensors"));
    }
    model.context_menu(|ui| {
        if ui.button("ONNX file ...").clicked() {
            dialogs.save_model(ui.ctx(), &own.folder.with_file_name("model.onnx"));
            ui.close();
        }
    });
}
