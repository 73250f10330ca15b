//! What a view is, what it may use in a frame, and how it shows runs side by side.

use std::path::PathBuf;
use std::sync::Arc;

use eframe::egui::{self, ScrollArea, Ui};
use eframe::egui_wgpu::RenderState;

use crate::app::dialogs::Dialogs;
use crate::app::documents::AblationFolder;
use crate::app::labelling::Labelling;
use crate::app::places::ViewId;
use crate::app::run::Run;
use crate::app::session::Command;
use crate::app::theme::run_colour;
use crate::data::DataSet;
use crate::gpu::Gpu;
use crate::train::Config;

/// A tab of the window. The registry `super::all` lists every view.
pub trait View {
    /// Its name in saved layouts. A released view keeps it.
    fn id(&self) -> ViewId;

    /// The text of its tab, and its name in links, in page tests and in the names of pictures.
    fn title(&self) -> &'static str;

    /// Draws the view into the rest of `ui`.
    fn ui(&mut self, ui: &mut Ui, context: &mut ViewContext<'_>);

    /// Whether the default layout puts it below the other views, where it stays visible.
    fn is_in_lower_pane(&self) -> bool {
        false
    }

    /// Whether it suits a narrow screen: the menu of a narrow window lists such views first.
    fn suits_narrow_screen(&self) -> bool {
        false
    }

    /// Whether its content is still being computed; a picture of the view waits for it.
    fn is_pending(&self, _runs: &[Run]) -> bool {
        false
    }
}

/// What a view may read and change in a frame.
pub struct ViewContext<'a> {
    /// The runs, side by side if there are two.
    pub runs: &'a [Run],
    /// The open data set, with or without a run.
    pub data: Option<&'a Arc<DataSet>>,
    pub gpu: &'a Arc<Gpu>,
    /// Registers textures that are drawn on the adapter.
    pub render: &'a RenderState,
    pub dialogs: &'a Dialogs,
    /// Training images that every run follows, the latest first.
    pub pinned: &'a mut Vec<usize>,
    /// The folder of images that is being labelled.
    pub labelling: &'a mut Labelling,
    /// The ablation whose table is shown.
    pub ablation: &'a mut AblationFolder,
    /// The settings of the next run, and of the open data.
    pub config: &'a Config,
    /// Where the last corrected list was written, and what it names, or why it was not written.
    pub listed: Option<&'a (PathBuf, Result<String, String>)>,
    /// Set by a view to open data.
    pub open: &'a mut Option<PathBuf>,
    /// Set by a view to start runs on labels that were made in it.
    pub train_on_labels: &'a mut bool,
}

impl ViewContext<'_> {
    /// Sends a command to every run.
    pub fn send(&self, command: &Command) {
        self.runs.iter().for_each(|run| run.session.send(command.clone()));
    }

    /// Follows an image through training, or stops following it.
    pub fn toggle_pin(&mut self, image: usize) {
        match self.pinned.iter().position(|pinned| *pinned == image) {
            Some(at) => {
                self.pinned.remove(at);
            }
            None => {
                self.pinned.insert(0, image);
                self.pinned.truncate(crate::train::FOLLOWED);
            }
        }
        self.send(&Command::Follow(self.pinned.clone()));
    }
}

/// Shows every run in a scrolling column of its own, below its name if there are two. `id` tells the columns
/// of one view from those of another.
pub fn columns(ui: &mut Ui, runs: &[Run], id: &str, mut show: impl FnMut(&mut Ui, &Run)) {
    let mut column = |ui: &mut Ui, index: usize, run: &Run| {
        if runs.len() > 1 {
            ui.colored_label(run_colour(index, ui), egui::RichText::new(&run.name).strong());
        }
        // Widgets of one column have other ids than those of the other.
        ui.push_id((id, index), |ui| {
            ScrollArea::both().id_salt(id).auto_shrink(false).show(ui, |ui| show(ui, run));
        });
    };
    match runs {
        [run] => column(ui, 0, run),
        runs => ui.columns(runs.len().max(1), |columns| {
            for (index, (ui, run)) in columns.iter_mut().zip(runs).enumerate() {
                column(ui, index, run);
            }
        }),
    }
}
