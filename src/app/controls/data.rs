//! The data of the next run, and how many of its images are labelled.

use eframe::egui::{self, ComboBox, DragValue, RichText, Ui};

use crate::app::dialogs::Kind;
use crate::app::documents::Failure;
use crate::app::platform;
use crate::app::theme::{Role, class_colour};
use crate::app::widgets::{muted, swatch};
use crate::app::workspace::Workspace;
use crate::data::{DataSet, Fit, OpenOptions, SignificantBits, summary};
use crate::named::Named as _;

const BUILTIN: [(&str, &str); 3] = [
    ("builtin:fashion", "Fashion: clothes, 28x28 grey"),
    ("builtin:digits", "Digits: handwritten, 28x28 grey"),
    ("builtin:shapes", "Shapes: drawn, 32x32 colour"),
];

/// Width of the label beside a box, in points.
const LABEL: f32 = 60.0;

pub fn data(workspace: &mut Workspace, contact_sheet_open: &mut bool, ui: &mut Ui) {
    let mut chosen = None;
    let current = source(workspace);
    let shown = platform::shown_paths(&current);
    let known = BUILTIN.iter().find(|(name, _)| *name == current).map(|(_, text)| *text);
    let width = (ui.available_width() - LABEL).clamp(100.0, 230.0);
    let choice = ui.horizontal(|ui| {
        let choose = |ui: &mut Ui| {
            // A box is as wide as its text, where there is room.
            ui.set_max_width(width);
            let combo = ComboBox::from_id_salt("source").width(width).truncate();
            combo.selected_text(known.unwrap_or(&shown)).show_ui(ui, |ui| {
                for (name, text) in BUILTIN {
                    if ui.selectable_label(current == name, text).clicked() {
                        chosen = Some(name.to_owned());
                    }
                }
            })
        };
        let response = ui.scope(choose).inner.response;
        let label = ui.label("Source");
        response.labelled_by(label.id)
    });
    choice.inner.on_hover_text(&shown);
    ui.horizontal_wrapped(|ui| {
        let open = ui.button("Open folder ...");
        if open.on_hover_text("Class folders, IDX or CIFAR files; or drop a folder on the window").clicked() {
            workspace.dialogs.open_data(ui.ctx(), Kind::Folder);
        }
        let open = ui.button("Archive or list ...");
        if open
            .on_hover_text(
                "A .zip, .tar or .tar.gz with one of these, an .npz, or a CSV file that lists images; or drop it on the window",
            )
            .clicked()
        {
            workspace.dialogs.open_data(ui.ctx(), Kind::Files);
        }
        let sheet = ui.add_enabled(workspace.data.ready().is_some(), egui::Button::new("Look at images"));
        if sheet.on_hover_text("A few images of every class").clicked() {
            *contact_sheet_open = !*contact_sheet_open;
        }
    });
    if let Some(source) = chosen {
        workspace.open_data(source);
    }
    opening(workspace, ui);
    failure(workspace, ui);
    if let Some(set) = workspace.data.ready() {
        facts(set, ui);
    }
    image_shape(workspace, ui);
    significant_bits(workspace, ui);
    let hand_made = workspace.data.ready().and_then(|set| set.hand_made_labels());
    ui.horizontal(|ui| {
        let mut count = workspace.labelled_images();
        let labels = DragValue::new(&mut count).range(1..=100_000).speed(1.0);
        match hand_made {
            Some(count) => {
                ui.label(count.to_string())
                    .on_hover_text("All labels that were made by hand, except those held out");
            }
            None => {
                let labels = ui.add_enabled(workspace.data.ready().is_some(), labels);
                if labels.changed() {
                    workspace.settings.config.labels = count;
                    workspace.labels_are_set = true;
                }
                labels.on_hover_text(
                    "Number of labelled images, a multiple of the number of classes; that of a preset adapts to the data",
                );
            }
        }
        ui.label("labelled images");
        ui.add(DragValue::new(&mut workspace.settings.config.seed).speed(1.0))
            .on_hover_text("Determines the labelled images, the initial weights and all random numbers");
        ui.label("seed");
    });
}

/// The source that the panel is about: the one that is being opened, or was refused, or else the one that is open.
fn source(workspace: &Workspace) -> String {
    let refused = || workspace.refused_run.as_ref();
    match (workspace.data.opening(), workspace.data.ready(), workspace.data.failure()) {
        (Some(source), ..) => source.to_owned(),
        (None, None, Some(failure)) => failure.source.clone(),
        (None, None, None) if refused().is_some() => match refused().and_then(|run| run.lost.as_ref()) {
            Some(path) => format!("{} (not found)", path.display()),
            None => "none".to_owned(),
        },
        _ => workspace.settings.config.data.clone(),
    }
}

/// What is being opened: its progress if that takes more than a second, and a way to cancel it.
fn opening(workspace: &mut Workspace, ui: &mut Ui) {
    let Some(source) = workspace.data.opening().map(str::to_owned) else { return };
    ui.horizontal(|ui| {
        ui.spinner();
        ui.add(egui::Label::new(platform::shown_paths(&format!("opening {source}"))).truncate());
    });
    let Some([done, all]) = workspace.data.progress() else { return };
    ui.horizontal(|ui| {
        let cancel = ui.button("Cancel").on_hover_text("Open nothing; the data that are open stay");
        if all == 0 {
            ui.label(RichText::new(format!("looking through folders: {done} files so far")).small());
        } else {
            let text = RichText::new(format!("{done} of {all} images")).small();
            ui.add(egui::ProgressBar::new(done as f32 / all as f32).desired_height(14.0).text(text));
        }
        if cancel.clicked() {
            workspace.cancel_opening();
        }
    });
}

/// Why the data requested last were not opened, with the decision that opens them, or an offer to label them.
fn failure(workspace: &mut Workspace, ui: &mut Ui) {
    let Some(Failure { reason, images, answer, .. }) = workspace.data.failure().cloned() else { return };
    let reason = platform::shown_paths(&reason);
    ui.label(RichText::new(format!("× not opened: {reason}")).color(Role::Differ.colour(ui)));
    if let Some(answer) = answer
        && ui.button(answer.label()).on_hover_text(answer.explanation()).clicked()
    {
        workspace.answer_data(answer);
    }
    if let Some(folder) = images {
        let label = ui.button("Label its images");
        if label.on_hover_text("Give the images in this folder classes of your own").clicked() {
            workspace.label_folder(folder);
        }
    }
}

/// Sides that the box offers, in pixels: multiples of 32, as an EfficientNet-Lite needs them, and those between that are usual.
const SIZES: [usize; 8] = [32, 48, 64, 96, 128, 160, 192, 224];

/// The size and the shape that image files get: others open the data again.
fn image_shape(workspace: &mut Workspace, ui: &mut Ui) {
    let Some(set) = workspace.data.ready().filter(|set| !set.train_ids.files.is_empty()) else { return };
    let used = set.train.width;
    let OpenOptions { image_size: size, fit, .. } = workspace.open_options();
    let (mut chosen_size, mut chosen_fit) = (size, fit);
    let name = |size: Option<usize>| match size {
        Some(size) => format!("{size} pixels"),
        None => "found from the images".to_owned(),
    };
    let shown = if size.is_none() { format!("found: {used} pixels") } else { name(size) };
    let choice = ComboBox::from_label("image size").selected_text(shown).show_ui(ui, |ui| {
        for size in [None].into_iter().chain(SIZES.map(Some)) {
            ui.selectable_value(&mut chosen_size, size, name(size));
        }
    });
    choice.response.on_hover_text(
        "The side of the square that images are resized to. A step takes time and memory in proportion to its area; a Wide \
         ResNet takes up to 96 pixels",
    );
    let choice = ComboBox::from_label("not square").selected_text(fit.name()).show_ui(ui, |ui| {
        for (fit, description) in Fit::VALUES {
            ui.selectable_value(&mut chosen_fit, *fit, fit.name()).on_hover_text(*description);
        }
    });
    choice.response.on_hover_text("What becomes of images that are not square");
    if (chosen_size, chosen_fit) != (size, fit) {
        workspace.set_image_shape(chosen_size, chosen_fit);
    }
}

/// The significant bits of 16-bit images, if there are any: another number opens the data again.
fn significant_bits(workspace: &mut Workspace, ui: &mut Ui) {
    let Some(used) = workspace.data.ready().and_then(|set| set.decoding.significant_bits) else { return };
    let now = workspace.open_options().significant_bits;
    let name = |bits: SignificantBits| match bits {
        SignificantBits::Auto if now == bits => format!("found: {used} bits"),
        SignificantBits::Auto => "found from the values".to_owned(),
        SignificantBits::Bits(bits) => format!("{bits} bits"),
    };
    let mut chosen = now;
    let choice = ComboBox::from_label("16-bit images").selected_text(name(now)).show_ui(ui, |ui| {
        for bits in [SignificantBits::Auto].into_iter().chain([8, 10, 12, 14, 16].map(SignificantBits::Bits))
        {
            ui.selectable_value(&mut chosen, bits, name(bits));
        }
    });
    choice.response.on_hover_text("How many bits of the values are significant: they are scaled to 16");
    if chosen != now {
        workspace.set_significant_bits(chosen);
    }
}

/// Format and sizes of a data set, and the number of images of each class.
fn facts(set: &DataSet, ui: &mut Ui) {
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
            for title in ["", "class", "training", "test"] {
                ui.label(title);
            }
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
        muted(ui, platform::shown_paths(notice));
    }
}
