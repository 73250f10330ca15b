//! The ablation table: what `remixmatch ablate` has found so far.

mod plots;
mod rows;

use std::path::{Path, PathBuf};
use std::time::Duration;

use eframe::egui::{RichText, ScrollArea, Ui};
use web_time::{Instant, SystemTime};

use crate::ablation::Table;
use crate::app::dialogs::Dialogs;
use crate::app::theme::Role;
use crate::app::widgets::{muted, nothing_yet};
use crate::disk;

/// How often it is looked whether a run has ended meanwhile.
const EVERY: Duration = Duration::from_secs(2);
/// Written whenever a run ends.
const MARK: &str = "table.csv";

/// The folder that is open, and what was read from it.
#[derive(Default)]
pub struct AblationView {
    open: Option<Open>,
}

struct Open {
    folder: PathBuf,
    table: Result<Table, String>,
    looked: Instant,
    /// When [`MARK`] was written, as of the last reading.
    written: Option<SystemTime>,
}

impl Open {
    fn read(folder: PathBuf) -> Self {
        let written = written(&folder);
        let table = Table::read(&folder).map_err(|error| error.to_string());
        Self { folder, table, looked: Instant::now(), written }
    }
}

fn written(folder: &Path) -> Option<SystemTime> {
    disk::modified(&folder.join(MARK)).ok()
}

impl AblationView {
    /// Opens the folder of an ablation; what it is, or why it is none.
    pub fn open(&mut self, folder: PathBuf) -> Result<String, String> {
        let open = Open::read(folder);
        let found = match &open.table {
            Ok(table) => Ok(format!("the ablation in {}: {}", open.folder.display(), table.setting())),
            Err(reason) => Err(reason.clone()),
        };
        self.open = Some(open);
        found
    }

    pub fn show(&mut self, ui: &mut Ui, dialogs: &Dialogs) {
        self.follow(ui);
        ui.horizontal_wrapped(|ui| {
            let button = ui.button("Open ablation ...");
            if button
                .on_hover_text("A folder that `remixmatch ablate --out` wrote, finished or not")
                .clicked()
            {
                dialogs.open_ablation(ui.ctx());
            }
            if let Some(Open { table: Ok(table), .. }) = &self.open {
                ui.label(RichText::new(table.setting()).strong());
            }
        });
        match self.open.as_ref().map(|open| &open.table) {
            None => nothing_yet(
                ui,
                "remixmatch ablate trains the method without one part after another; open its folder here.",
            ),
            Some(Err(reason)) => {
                ui.label(RichText::new(format!("× {reason}")).color(Role::Differ.colour(ui)));
            }
            Some(Ok(table)) => content(ui, table),
        }
    }

    /// Reads the table again where a run has ended since.
    fn follow(&mut self, ui: &Ui) {
        let Some(open) = &mut self.open else { return };
        if open.looked.elapsed() >= EVERY {
            open.looked = Instant::now();
            if written(&open.folder) != open.written {
                *open = Open::read(open.folder.clone());
            }
        }
        let unfinished =
            open.table.as_ref().is_ok_and(|table| table.rows.iter().any(|row| row.progress().is_some()));
        if unfinished {
            ui.ctx().request_repaint_after(EVERY);
        }
    }
}

fn content(ui: &mut Ui, table: &Table) {
    ScrollArea::both().auto_shrink(false).show(ui, |ui| {
        rows::show(ui, table);
        ui.add_space(4.0);
        muted(ui, NOTE);
        for (row, seed, reason) in table.failures() {
            let text = format!("× {row}, seed {seed}: {reason}");
            ui.label(RichText::new(text).color(Role::Differ.colour(ui)));
        }
        ui.add_space(8.0);
        plots::show(ui, table);
    });
}

const NOTE: &str = "Error: test images that the averaged weights get wrong after the last step. Published: the \
    paper's, on CIFAR-10 with 250 labels, quoted from memory; on other data compare directions, not numbers.";
