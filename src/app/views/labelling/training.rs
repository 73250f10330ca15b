//! Training on the labels, guessing the rest, and taking the results away.

use eframe::egui::{Button, ProgressBar, RichText, Ui};

use crate::app::dialogs::Dialogs;
use crate::app::labelling::{Sitting, TrainOn};
use crate::app::run::Run;
use crate::app::session::{Command, Phase};
use crate::app::widgets::{muted, percent};
use crate::data::HELD_OUT;

/// A guess at least this certain is called sure.
const SURE: f32 = 0.95;

/// Sets `train_on` when the person wants to train.
pub fn show(
    ui: &mut Ui,
    runs: &[Run],
    dialogs: &Dialogs,
    sitting: &mut Sitting,
    train_on: &mut Option<TrainOn>,
) {
    let run = sitting.run(runs);
    ui.strong("Training");
    ui.checkbox(&mut sitting.mirror, "Images may be mirrored").on_hover_text(
        "Weak views are mirrored at random. Switch it off where a mirror image means something else: \
         digits, letters, left and right",
    );
    muted(ui, measured_on(sitting));
    let labels = sitting.desk.labels().made().len();
    let obstacle = sitting.desk.obstacle();
    let again = run.is_some() && !sitting.changed_since_training();
    let text = if again { "▶ Train again".to_owned() } else { format!("▶ Train on {labels} labels") };
    let train = ui.add_enabled(obstacle.is_none(), Button::new(RichText::new(text).strong()));
    let hint = "Start anew on these labels, with the method and settings of the left panel; other runs end";
    if train.on_hover_text(hint).clicked() {
        match sitting.train() {
            Ok(wanted) => *train_on = Some(wanted),
            Err(reason) => sitting.remark = Some(reason),
        }
    }
    if let Some(obstacle) = obstacle {
        muted(ui, obstacle);
    }
    if let Some(run) = run {
        progress(ui, runs, run);
        guesses(ui, sitting, run);
    }
    export(ui, dialogs, sitting, run);
}

/// What the accuracy of a run on the present labels is measured on.
fn measured_on(sitting: &Sitting) -> String {
    match sitting.desk.labels().held_out().len() {
        0 => format!(
            "Accuracy will be that on the labelled images themselves, until every class has {HELD_OUT} labels."
        ),
        n => format!(
            "{n} labels are held out to measure accuracy: every fifth of each class. Training sees their \
             images without."
        ),
    }
}

/// `runs` are all that a pause stops.
fn progress(ui: &mut Ui, runs: &[Run], run: &Run) {
    let Some(progress) = run.state.progress else { return };
    let mut text = match &run.state.phase {
        Phase::Failed(reason) => format!("stopped: {reason}"),
        Phase::Running => format!("training: step {} of {}", progress.step, progress.steps),
        _ => format!("trained: step {} of {}", progress.step, progress.steps),
    };
    if let Some(report) = run.state.reports.last() {
        text += &format!(", {} {}", run.session.data.accuracy_name(), percent(report.test_acc_ema as f32));
    }
    ui.label(RichText::new(text).small());
    if run.state.phase == Phase::Running {
        let pause = ui.small_button("Pause and guess");
        if pause.on_hover_text("Stop training for now and guess all images").clicked() {
            runs.iter().for_each(|run| run.session.send(Command::Pause));
        }
    }
}

/// What the model says of the images that have no label.
fn guesses(ui: &mut Ui, sitting: &mut Sitting, run: &Run) {
    if let Some(share) = run.state.predicting {
        ui.add(ProgressBar::new(share).desired_height(14.0).text(RichText::new("guessing ...").small()));
        return;
    }
    if let Some(guesses) = sitting.desk.guesses() {
        let sure = |image: usize| usize::from(guesses.top(image).1 >= SURE);
        let count = |(all, certain), image| (all + 1, certain + sure(image));
        let (all, sure) = sitting.desk.unlabelled().fold((0, 0), count);
        let text =
            format!("{sure} of {all} images without a label are guessed with {} or more.", percent(SURE));
        ui.label(RichText::new(text).small());
        muted(ui, format!("Guesses are those of step {}.", guesses.predictions().step));
    }
    let running = run.state.phase == Phase::Running;
    let guess = ui.add_enabled(running, Button::new("Guess now"));
    let guess = guess.on_hover_text("Guess all images with the model as it is; training waits meanwhile");
    if guess.on_disabled_hover_text("Images are guessed when training pauses or ends").clicked() {
        sitting.ask(run);
    }
}

fn export(ui: &mut Ui, dialogs: &Dialogs, sitting: &Sitting, run: Option<&Run>) {
    ui.separator();
    ui.strong("Export");
    let desk = &sitting.desk;
    let table = ui.add_enabled(desk.guesses().is_some(), Button::new("Predictions ..."));
    let table = table
        .on_hover_text("A CSV file: each image's file, its most likely class, the probability of every class")
        .on_disabled_hover_text("Train first: then the images are guessed");
    if let (true, Some(guesses)) = (table.clicked(), desk.guesses()) {
        dialogs.write(ui.ctx(), "predictions.csv", guesses.csv(&desk.own.files));
    }
    let trained = run.and_then(|run| run.state.progress).is_some_and(|progress| progress.step > 0);
    let model = ui.add_enabled(trained, Button::new("Model ..."));
    let model = model
        .on_hover_text("A safetensors file, for `remixmatch predict --model FILE IMAGE`")
        .on_disabled_hover_text("Train first");
    if model.clicked() {
        dialogs.save_model(ui.ctx());
    }
}
