//! Data check: what is wrong with the folder that is being labelled, or else with the open data, with the images. The check
//! runs beside the window, on a page in slices.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use eframe::egui::{self, Context, ProgressBar, RichText, ScrollArea, Ui};
use futures_channel::oneshot;

use super::view::{View, ViewContext};
use crate::app::dialogs::Dialogs;
use crate::app::labelling::{Labelling, OpenFolder};
use crate::app::places::ViewId;
use crate::app::platform;
use crate::app::run::Run;
use crate::app::textures::{Subset, Thumbnails};
use crate::app::theme::Role;
use crate::app::widgets::{muted, nothing_yet};
use crate::data::{
    Checker, DataError, DataSet, Example, Finding, LabellingFolder, Place, Report, Severity, counted,
};
#[cfg(not(target_arch = "wasm32"))]
use crate::data::{ListFile, list_beside, write_corrected_list};
use crate::train::Config;

/// Images that are checked between two looks at whether the check goes on; on a page also between two frames.
const SLICE: usize = if cfg!(target_arch = "wasm32") { 64 } else { 1_024 };
/// Groups of a finding, and images of a group, that are shown.
const GROUPS: usize = 12;
const IMAGES: usize = 12;
/// Height of an image in points.
const HEIGHT: f32 = 44.0;

/// The check of the data that are open, if it was started.
#[derive(Default)]
pub struct DataCheckView {
    check: Option<Check>,
    /// What a person has chosen to check, and what would be checked otherwise.
    chosen: Option<[Choice; 2]>,
}

/// What may be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    /// The folder that is being labelled.
    Labelled,
    /// The open data.
    Open,
}

/// What is checked.
enum Checked {
    /// A folder with its labels after this number of changes.
    Labelled(Arc<LabellingFolder>, u64),
    Open(Arc<DataSet>),
}

struct Check {
    of: Checked,
    data: Arc<DataSet>,
    thumbnails: Thumbnails,
    shared: Arc<Shared>,
    arriving: oneshot::Receiver<Result<Report, DataError>>,
    report: Option<Result<Arc<Report>, String>>,
}

/// What a check and the window exchange.
#[derive(Default)]
struct Shared {
    /// The share that is done, as the bits of an f32.
    progress: AtomicU32,
    /// Whether nobody waits for the report.
    stop: AtomicBool,
}

impl Drop for Check {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
    }
}

impl Check {
    fn start(of: Checked, data: Arc<DataSet>, context: Context) -> Self {
        let (sender, arriving) = oneshot::channel();
        let shared = Arc::new(Shared::default());
        let (own, set) = (Arc::clone(&shared), Arc::clone(&data));
        platform::spawn(move || async move {
            let mut checker = Checker::new(&set);
            while !checker.is_done() {
                if own.stop.load(Ordering::Relaxed) {
                    return;
                }
                checker.advance(&set, SLICE);
                own.progress.store(checker.progress().to_bits(), Ordering::Relaxed);
                context.request_repaint();
                platform::yield_now().await;
            }
            // Sending fails if other data have been opened since.
            let _ = sender.send(checker.report(&set));
            context.request_repaint();
        });
        Self { thumbnails: Thumbnails::new(Arc::clone(&data)), of, data, shared, arriving, report: None }
    }

    fn progress(&self) -> f32 {
        f32::from_bits(self.shared.progress.load(Ordering::Relaxed))
    }

    /// Shows the progress of the check, then its findings.
    fn ui(&mut self, (source, dialogs): (&str, &Dialogs), ui: &mut Ui) {
        if self.report.is_none() {
            let arrived = self.arriving.try_recv().ok().flatten();
            self.report = arrived.map(|found| found.map(Arc::new).map_err(|error| error.to_string()));
        }
        let (data, thumbnails) = (&self.data, &self.thumbnails);
        let Some(report) = &self.report else {
            let text = format!("checking {}", counted(data.train.len() + data.test.len(), "image", "images"));
            ui.add(ProgressBar::new(self.progress()).text(RichText::new(text).small()));
            return;
        };
        let report = match report {
            Ok(report) => report,
            Err(reason) => {
                ui.colored_label(Role::Differ.colour(ui), reason);
                return;
            }
        };
        if report.findings.is_empty() {
            ui.colored_label(
                Role::Agree.colour(ui),
                format!("● nothing found in {}", counted(report.images, "image", "images")),
            );
            muted(ui, "No copies, contradicting labels, blank or odd images.");
            return;
        }
        ui.horizontal_wrapped(|ui| {
            muted(ui, format!("{} checked", counted(report.images, "image", "images")));
            // A list needs two classes to be opened.
            if !data.train_ids.files.is_empty() && data.classes.len() > 1 {
                corrected_list(report, data, (source, dialogs), ui);
            }
        });
        for (i, finding) in report.findings.iter().enumerate() {
            ui.separator();
            ui.push_id(i, |ui| show(finding, thumbnails, ui));
        }
    }
}

impl View for DataCheckView {
    fn id(&self) -> ViewId {
        ViewId::new("DataCheck")
    }

    fn title(&self) -> &'static str {
        "Data check"
    }

    fn ui(&mut self, ui: &mut Ui, context: &mut ViewContext<'_>) {
        let folder = context.labelling.folder.as_ref();
        let Some(otherwise) = first_choice(context.labelling, context.data, context.config) else {
            nothing_yet(ui, "Open data: copies, contradicting labels and odd images appear here.");
            return;
        };
        self.chosen.take_if(|[_, before]| *before != otherwise);
        let mut choice = self.chosen.map_or(otherwise, |[chosen, _]| chosen);
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            match (folder, other_data(context.labelling, context.data, context.config)) {
                (Some(folder), Some(data)) => {
                    ui.horizontal_wrapped(|ui| {
                        muted(ui, "Check");
                        let name = format!("{}, which is being labelled", folder.name());
                        let labelled = ui.selectable_value(&mut choice, Choice::Labelled, name);
                        let open = ui.selectable_value(
                            &mut choice,
                            Choice::Open,
                            format!("the open data, {}", data.name),
                        );
                        if labelled.clicked() || open.clicked() {
                            self.chosen = Some([choice, otherwise]);
                        }
                    });
                }
                (Some(folder), None) => {
                    muted(ui, format!("This checks {}, which is being labelled.", folder.name()));
                }
                (None, Some(data)) => drop(muted(ui, format!("This checks the open data, {}.", data.name))),
                (None, None) => {}
            }
            let (source, folder) = match (choice, folder) {
                (Choice::Labelled, Some(folder)) => {
                    (folder.queue.own.folder.to_string_lossy().into_owned(), Some(folder))
                }
                _ => (context.config.source().to_owned(), None),
            };
            self.follow(folder, context.data, ui);
            if let Some(check) = &mut self.check {
                listed(context.listed, context.open, ui);
                check.ui((&source, context.dialogs), ui);
            }
        });
    }

    fn is_pending(&self, _runs: &[Run]) -> bool {
        self.check.as_ref().is_some_and(|check| check.report.is_none())
    }
}

impl DataCheckView {
    /// Starts the check of the folder that is being labelled if there is one, or else of the open data: when the view is first
    /// shown, and again with other images. With other labels it begins on request.
    fn follow(&mut self, folder: Option<&OpenFolder>, open: Option<&Arc<DataSet>>, ui: &mut Ui) {
        let start = match (folder, self.check.as_ref().map(|check| &check.of)) {
            (Some(folder), Some(Checked::Labelled(own, changes))) if Arc::ptr_eq(own, &folder.queue.own) => {
                *changes != folder.queue.changes() && {
                    muted(ui, "The labels have changed since this check.");
                    ui.button("Check again").on_hover_text("With the labels of now").clicked()
                }
            }
            (None, Some(Checked::Open(checked))) => open.is_some_and(|open| !Arc::ptr_eq(checked, open)),
            _ => true,
        };
        if !start {
            return;
        }
        self.check = match (folder, open) {
            (Some(folder), _) => {
                let own = Arc::clone(&folder.queue.own);
                let data = Arc::new(own.labelled_set(folder.queue.labels()));
                let of = Checked::Labelled(own, folder.queue.changes());
                Some(Check::start(of, data, ui.ctx().clone()))
            }
            (None, Some(data)) => {
                let of = Checked::Open(Arc::clone(data));
                Some(Check::start(of, Arc::clone(data), ui.ctx().clone()))
            }
            (None, None) => None,
        };
    }
}

/// The open data, if they are not the folder that is being labelled.
fn other_data<'a>(
    labelling: &Labelling,
    data: Option<&'a Arc<DataSet>>,
    config: &Config,
) -> Option<&'a Arc<DataSet>> {
    let folder = labelling.folder.as_ref().map(|folder| folder.queue.own.folder.as_path());
    let is_folder =
        [config.data.as_str(), config.source()].iter().any(|source| folder == Some(Path::new(source)));
    data.filter(|data| !(data.is_labelled_folder() && is_folder))
}

/// What is checked unless a person has chosen: the folder that is being labelled, unless other data of the person have been
/// opened since.
fn first_choice(labelling: &Labelling, data: Option<&Arc<DataSet>>, config: &Config) -> Option<Choice> {
    match (&labelling.folder, other_data(labelling, data, config)) {
        (Some(folder), Some(_)) if !folder.is_latest => Some(Choice::Open),
        (Some(_), _) => Some(Choice::Labelled),
        (None, data) => data.map(|_| Choice::Open),
    }
}

/// What the view checks unless a person has chosen, and its source.
pub fn subject(
    labelling: &Labelling,
    data: Option<&Arc<DataSet>>,
    config: &Config,
) -> Option<(Arc<DataSet>, String)> {
    match (first_choice(labelling, data, config)?, &labelling.folder) {
        (Choice::Labelled, Some(folder)) => {
            let own = &folder.queue.own;
            let set = own.labelled_set(folder.queue.labels());
            Some((Arc::new(set), own.folder.to_string_lossy().into_owned()))
        }
        _ => Some((Arc::clone(data?), config.source().to_owned())),
    }
}

/// A button that writes the list without what the findings advise to leave out.
fn corrected_list(
    report: &Arc<Report>,
    data: &Arc<DataSet>,
    (source, dialogs): (&str, &Dialogs),
    ui: &mut Ui,
) {
    let button = ui.button("Corrected list ...").on_hover_text(
        "A CSV file of the images without copies, contradictions, and blank and raw images, beside the data or in a folder \
         above. No image is changed.",
    );
    if !button.clicked() {
        return;
    }
    let (report, data, source) = (Arc::clone(report), Arc::clone(data), source.to_owned());
    dialogs.write_list(ui.ctx(), first_place(&source), move |path| write_list(&source, &data, &report, path));
}

/// Where a list of the data `source` may lie, from the root on: dialogs begin elsewhere with a relative path.
#[cfg(not(target_arch = "wasm32"))]
fn first_place(source: &str) -> PathBuf {
    match Path::new(source) {
        file if file.is_file() => {
            std::path::absolute(file).unwrap_or_else(|_| file.to_owned()).with_file_name("corrected.csv")
        }
        _ => list_beside(source),
    }
}

/// Writes a list, and tells what it names and what to know before it is opened, or why it is not written.
#[cfg(not(target_arch = "wasm32"))]
pub fn write_list(source: &str, data: &DataSet, report: &Report, path: &Path) -> Result<String, String> {
    match write_corrected_list(source, data, report, path) {
        Ok(ListFile { summary, note }) => {
            Ok(note.map_or_else(|| summary.clone(), |note| format!("{summary}; {note}")))
        }
        Err(error) => {
            let reason = std::error::Error::source(&error).map(|reason| format!(": {reason}"));
            Err(format!("{error}{}", reason.unwrap_or_default()))
        }
    }
}

/// A page downloads the list.
#[cfg(target_arch = "wasm32")]
fn first_place(_source: &str) -> PathBuf {
    PathBuf::from("corrected.csv")
}

/// Downloads a list, whose names lead from a place beside the folder, or in the folder of a file.
#[cfg(target_arch = "wasm32")]
pub fn write_list(source: &str, data: &DataSet, report: &Report, path: &Path) -> Result<String, String> {
    let is_file = Path::new(source).extension().is_some();
    let prefix = if is_file { String::new() } else { format!("{}/", data.name) };
    let list = report.corrected_list(data, &prefix).map_err(|error| error.to_string())?;
    crate::disk::write(path, list.csv.as_bytes()).map_err(|error| error.to_string())?;
    let place = match is_file {
        true => "unpack an archive, and put the list into its folder".to_owned(),
        false => format!("put it beside the folder {}", data.name),
    };
    Ok(format!(
        "{} images are named, {} left out; downloaded as {}: {place}, and open the list there",
        list.kept,
        list.left_out,
        path.file_name().unwrap_or_default().to_string_lossy()
    ))
}

/// What became of the last corrected list, and a button that opens it.
fn listed(outcome: Option<&(PathBuf, Result<String, String>)>, open: &mut Option<PathBuf>, ui: &mut Ui) {
    match outcome {
        None => {}
        Some((path, Ok(summary))) => {
            ui.horizontal_wrapped(|ui| {
                ui.colored_label(Role::Agree.colour(ui), format!("● {summary}"));
                // A page does not see what it has downloaded.
                let may_open = cfg!(not(target_arch = "wasm32"));
                if may_open && ui.button("Open this list").on_hover_text("Use the list as data").clicked() {
                    *open = Some(path.clone());
                }
            });
        }
        Some((_, Err(reason))) => {
            ui.label(RichText::new(format!("× not written: {reason}")).color(Role::Differ.colour(ui)));
        }
    }
}

/// The mark and the colour of a severity.
fn mark(severity: Severity, ui: &Ui) -> (&'static str, egui::Color32) {
    match severity {
        Severity::Serious => ("×", Role::Differ.colour(ui)),
        Severity::Warning => ("!", Role::Anchor.colour(ui)),
        Severity::Note => ("●", Role::Muted.colour(ui)),
    }
}

/// A finding with its advice and images.
fn show(finding: &Finding, thumbnails: &Thumbnails, ui: &mut Ui) {
    let (mark, colour) = mark(finding.severity, ui);
    ui.add(
        egui::Label::new(RichText::new(format!("{mark} {}", finding.summary)).color(colour).strong()).wrap(),
    );
    ui.add(egui::Label::new(RichText::new(finding.advice).small().color(Role::Muted.colour(ui))).wrap());
    let is_list = finding.groups.len() == 1;
    for group in finding.groups.iter().take(GROUPS) {
        if let Some(class) = &group.class {
            ui.label(RichText::new(class).small());
        }
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = 4.0;
            let most = if is_list { GROUPS * IMAGES } else { IMAGES };
            for example in group.examples.iter().take(most) {
                image(example, thumbnails, ui);
            }
            if group.examples.len() > most {
                muted(ui, format!("and {} more", group.examples.len() - most));
            }
        });
    }
    if finding.groups.len() > GROUPS {
        muted(ui, format!("and {} more groups", finding.groups.len() - GROUPS));
    }
}

/// An image with its file and its class below it, and everything else on hover.
fn image(example: &Example, thumbnails: &Thumbnails, ui: &mut Ui) {
    let (subset, index) = match example.image {
        Place::Train(index) => (Subset::Train, index),
        Place::Test(index) => (Subset::Test, index),
    };
    let class = example.class.as_deref().unwrap_or("no class");
    let usage = example.usage.name();
    let mut text = format!("{}: {class}, {usage}", example.name);
    if let Some(detail) = &example.detail {
        text += &format!(", {detail}");
    }
    ui.vertical(|ui| {
        ui.spacing_mut().item_spacing.y = 1.0;
        ui.set_max_width(84.0);
        let shown = ui.add(thumbnails.image(ui.ctx(), subset, index, HEIGHT).alt_text(&text));
        // A blank image would not be seen without a frame.
        let frame = ui.visuals().widgets.noninteractive.bg_stroke;
        ui.painter().rect_stroke(shown.rect, 0.0, frame, egui::StrokeKind::Inside);
        shown.on_hover_text(&text);
        let file = example.name.rsplit_once('/').map_or(example.name.as_str(), |(_, file)| file);
        ui.add(egui::Label::new(RichText::new(file).small()).truncate());
        ui.add(egui::Label::new(RichText::new(class).small()).truncate());
        ui.add(egui::Label::new(RichText::new(usage).small().color(Role::Muted.colour(ui))).truncate());
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corrected_list_begins_beside_the_data() {
        let here = std::env::current_dir().expect("a folder");
        for (source, expected) in [
            ("src", "src-corrected.csv"),
            ("src/app", "src/app-corrected.csv"),
            ("src/lib.rs", "src/corrected.csv"),
        ] {
            assert_eq!(first_place(source), here.join(expected), "{source}");
        }
    }
}
