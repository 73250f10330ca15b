//! The window: its panels around the views, its keys, and one view at a time on a narrow screen.

use std::sync::{Arc, Mutex};

use eframe::egui::{self, Button, ComboBox, Context, Key, RichText, ScrollArea, Ui};

use super::autosave::AutosavedRuns;
use super::classified::ClassifiedWindow;
use super::closing::Closing;
use super::controls::{self, ControlsContext};
use super::documents::Waiting;
use super::options::{AppError, AppOptions};
use super::places::Places;
use super::platform;
use super::script::Script;
use super::session::Command;
use super::settings::Settings;
use super::textures::Subset;
use super::tour::{self, Tour};
use super::views::view::ViewContext;
use super::views::{Views, curves};
use super::widgets::is_narrow;
use super::workspace::Workspace;
use super::{layout, theme};
use crate::gpu::Gpu;

/// Images of each class in the contact sheet.
const IMAGES_PER_CLASS: usize = 12;

/// Width of a window, in points, below which its panels are smaller.
const SMALL: f32 = 1_100.0;

/// Height of a window, in points, below which panes without content are low.
const LOW_WINDOW: f32 = 720.0;

/// The app: a workspace, and what the window shows of it.
pub struct App {
    pub workspace: Workspace,
    views: Views,
    /// Whether a narrow window shows the controls instead of a view.
    menu_open: bool,
    contact_sheet_open: bool,
    classified: ClassifiedWindow,
    script: Option<Script>,
    /// Why the run or the link that the options name was not opened.
    refused: Option<String>,
    /// Why the script has failed, or not ended yet; shared with [`run`].
    script_failure: Arc<Mutex<Option<String>>>,
    tour: Option<Tour>,
    places: Places,
    closing: Closing,
}

impl App {
    /// Opens the app in a window that wgpu draws; it trains on the window's adapter.
    ///
    /// # Errors
    /// [`AppError::NoWebGpu`] if wgpu does not draw the window, [`AppError::Train`] if the convolution tilings
    /// that `options` asks for cannot be used.
    pub fn new(creation: &eframe::CreationContext<'_>, options: AppOptions) -> Result<Self, AppError> {
        let render = creation.wgpu_render_state.clone().ok_or(AppError::NoWebGpu)?;
        let mut gpu = Gpu::adopt(&render.adapter, render.device.clone(), render.queue.clone());
        gpu.info.name = platform::adapter_name(&gpu);
        let gpu = crate::train::with_tiling(gpu, &options.tiling, options.tilings.as_deref())?;
        let script = Script::new(&options);
        // A script shows the same on every machine: it ignores saved settings.
        let (mut settings, unreadable) = Settings::load(creation.storage.filter(|_| script.is_none()));
        options.apply_to(&mut settings);
        if let Some(size) = options.size {
            // The requested size replaces the remembered one.
            creation.egui_ctx.send_viewport_cmd(egui::ViewportCommand::InnerSize(size.into()));
        }
        theme::set_up(&creation.egui_ctx);
        platform::add_system_fonts(&creation.egui_ctx);
        settings.theme.apply(&creation.egui_ctx);
        let autosaved = options.autosave.clone().map(AutosavedRuns::new);
        let mut workspace = Workspace::new(gpu, render, creation.egui_ctx.clone(), settings, autosaved);
        if let Some(reason) = unreadable {
            workspace.log.add(format!(
                "the settings of the last start cannot be read, so that the defaults are used: {reason}"
            ));
        }
        workspace.costs.measures = options.measures_speed && script.is_none();
        workspace.accept_changed_data = options.accept_changed_data;
        workspace.labels_are_set = options.labels.is_some();
        workspace.balance_is_set = options.balance.is_some();
        workspace.labelling.keep_unsaved_in(options.kept_labels.clone());
        if options.train {
            workspace.train_when_ready();
        }
        if let Some(folder) = options.label.clone() {
            workspace.label_folder(folder);
        }
        if let Some(folder) = options.ablation.clone() {
            workspace.open_ablation(folder);
        }
        let mut refused = None;
        let last = |workspace: &Workspace| workspace.log.last().map(str::to_owned);
        match (options.run.clone(), options.link.as_deref()) {
            (Some(folder), _) => {
                workspace.open_run_with(folder, (options.batch, options.steps), options.train);
                if !matches!(workspace.waiting, Some(Waiting::Resume(_))) {
                    refused = last(&workspace);
                }
            }
            (None, Some(link)) if workspace.follow_link_with(link, &options) => {
                if options.train {
                    workspace.train_when_ready();
                }
            }
            (None, link) => {
                if link.is_some_and(|link| !link.is_empty()) {
                    refused = last(&workspace);
                }
                workspace.open_data_of_settings();
            }
        }
        Ok(Self {
            workspace,
            views: Views::default(),
            menu_open: false,
            contact_sheet_open: false,
            classified: ClassifiedWindow::default(),
            script,
            refused,
            script_failure: options.script_failure,
            tour: None,
            places: Places::new(),
            closing: Closing::default(),
        })
    }

    /// The titles of the views that are in front.
    pub fn shown_views(&self) -> Vec<&'static str> {
        let is_shown = |id| layout::is_shown(&self.workspace.settings.layout, &id);
        self.views.iter().filter(|view| is_shown(view.id())).map(|view| view.title()).collect()
    }

    fn handle_keys(&mut self, ui: &Ui) {
        let workspace = &mut self.workspace;
        let pressed = |key| ui.input(|input| input.key_pressed(key));
        if pressed(Key::F5) && workspace.may_train() {
            workspace.train();
        }
        if pressed(Key::F6) {
            workspace.send(&Command::Pause);
        }
        if pressed(Key::F7) && workspace.may_train() {
            workspace.step_once();
        }
        if pressed(Key::F8) {
            workspace.reset();
        }
    }

    /// The controls, from top to bottom.
    fn controls(&mut self, ui: &mut Ui) {
        let mut start_tour = false;
        let mut context = ControlsContext {
            workspace: &mut self.workspace,
            places: &mut self.places,
            contact_sheet_open: &mut self.contact_sheet_open,
            start_tour: &mut start_tour,
        };
        controls::show(&mut context, ui);
        if start_tour {
            self.tour = Tour::go_to(0, &mut self.workspace);
        }
    }

    /// The panels of a wide window.
    fn wide_panels(&mut self, ui: &mut Ui) {
        egui::Panel::left("controls")
            .default_size(if ui.ctx().content_rect().width() < SMALL { 296.0 } else { 330.0 })
            .size_range(280.0..=460.0)
            .show(ui, |ui| self.controls(ui));
        egui::Panel::bottom("log").resizable(true).default_size(72.0).min_size(36.0).show(ui, |ui| {
            self.workspace.log.show(ui);
        });
    }

    /// The bar of a narrow window, and the controls if its menu is open. Returns whether a view is shown below.
    fn narrow_panels(&mut self, ui: &mut Ui) -> bool {
        egui::Panel::top("bar").show(ui, |ui| {
            ui.spacing_mut().interact_size.y = 36.0;
            ui.add_space(2.0);
            ui.horizontal(|ui| self.bar(ui));
            ui.add_space(2.0);
        });
        if self.menu_open {
            egui::CentralPanel::default().show(ui, |ui| {
                ui.spacing_mut().interact_size.y = 30.0;
                ScrollArea::both().auto_shrink(false).show(ui, |ui| self.controls(ui));
            });
            return false;
        }
        egui::Panel::bottom("state").show(ui, |ui| controls::progress(&self.workspace, ui));
        true
    }

    /// Menu, Train or Pause, and the view's name.
    fn bar(&mut self, ui: &mut Ui) {
        let workspace = &mut self.workspace;
        let menu = ui.add(Button::new("☰ Menu").selected(self.menu_open));
        if menu.on_hover_text("Data, method, settings; tap again to go back").clicked() {
            self.menu_open = !self.menu_open;
        }
        if workspace.is_running() {
            if ui.button("Pause").on_hover_text("Stop after the current step").clicked() {
                workspace.send(&Command::Pause);
            }
        } else {
            let train = Button::new(RichText::new("▶ Train").strong());
            let obstacle = workspace.train_obstacle();
            let train = ui.add_enabled(obstacle.is_none(), train).on_hover_text("Train until paused or done");
            if train.on_disabled_hover_text(obstacle.as_deref().unwrap_or_default()).clicked() {
                workspace.train();
            }
        }
        let title = self.views.title(&workspace.front);
        ComboBox::from_id_salt("view").selected_text(title).height(420.0).show_ui(ui, |ui| {
            let (first, others): (Vec<_>, Vec<_>) =
                self.views.iter().partition(|view| view.suits_narrow_screen());
            for view in first.into_iter().chain(others) {
                let id = view.id();
                if ui.selectable_label(id == workspace.front, view.title()).clicked() {
                    workspace.show_view(&id);
                }
            }
        });
    }

    /// The tabs of a wide window, or the one view of a narrow window.
    fn show_views(&mut self, ui: &mut Ui, narrow: bool) {
        let workspace = &mut self.workspace;
        let (mut train_on_labels, mut open) = (false, None);
        let mut context = ViewContext {
            runs: &workspace.runs,
            data: workspace.data.ready(),
            gpu: &workspace.gpu,
            render: &workspace.render,
            dialogs: &workspace.dialogs,
            pinned: &mut workspace.pinned,
            labelling: &mut workspace.labelling,
            ablation: &mut workspace.ablation,
            config: &workspace.settings.config,
            listed: workspace.listed.as_ref(),
            open: &mut open,
            train_on_labels: &mut train_on_labels,
        };
        if narrow {
            self.views.ui(&workspace.front, ui, &mut context);
        } else {
            let places = &mut self.places;
            let mut chosen = None;
            let chosen_in = &mut chosen;
            let mut panes = layout::Panes {
                views: &mut self.views,
                context: &mut context,
                places,
                bar: None,
                chosen: chosen_in,
            };
            // In a low window, curves that are not there yet leave their room to the other views.
            let low = ui.ctx().content_rect().height() < LOW_WINDOW && curves::are_empty(&workspace.runs);
            let layout = &mut workspace.settings.layout;
            let lowered = if low { layout::lower(layout) } else { None };
            layout.ui(&mut panes, ui);
            if let Some(lowered) = &lowered {
                layout::restore(layout, lowered);
            }
            if let Some(view) = chosen {
                layout::show(&mut workspace.settings.layout, &view);
            }
        }
        if let Some(path) = open {
            workspace.open_data(path.to_string_lossy().into_owned());
        }
        if train_on_labels {
            workspace.train_on_labels(Command::Run);
        }
    }

    /// A few images of every class, in a window of their own.
    fn contact_sheet(&mut self, context: &Context) {
        let workspace = &self.workspace;
        let (Some(set), Some(thumbnails)) = (workspace.data.ready(), &workspace.thumbnails) else { return };
        let window = egui::Window::new("Images").open(&mut self.contact_sheet_open);
        window.default_width(560.0).vscroll(true).show(context, |ui| {
            for (class, name) in set.classes.iter().enumerate() {
                ui.label(name);
                let labels = set.train_labels.iter().enumerate();
                let images = labels.filter(|(_, label)| **label == Some(class as u32));
                ui.horizontal_wrapped(|ui| {
                    for (index, _) in images.take(IMAGES_PER_CLASS) {
                        ui.add(thumbnails.image(ui.ctx(), Subset::Train, index, 40.0));
                    }
                });
            }
        });
    }
}

impl eframe::App for App {
    fn logic(&mut self, context: &Context, _frame: &mut eframe::Frame) {
        self.workspace.advance();
        if let Some(script) = &mut self.script
            && let Some(outcome) = match self.refused.take() {
                Some(reason) => Some(Err(reason)),
                None => script.advance(&mut self.workspace, &self.views, context),
            }
        {
            self.script = None;
            if let Ok(mut failure) = self.script_failure.lock() {
                *failure = outcome.err();
            }
            // A script asks nobody.
            self.closing.allow();
            context.send_viewport_cmd(egui::ViewportCommand::Close);
        }
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        self.handle_keys(ui);
        self.workspace.open_dropped(ui);
        let narrow = is_narrow(ui);
        if !narrow {
            self.wide_panels(ui);
        } else if !self.narrow_panels(ui) {
            self.closing.show(ui.ctx(), &mut self.workspace);
            return;
        }
        let background = egui::Frame::NONE.fill(ui.visuals().panel_fill);
        egui::CentralPanel::no_frame().frame(background).show(ui, |ui| self.show_views(ui, narrow));
        let context = ui.ctx().clone();
        self.contact_sheet(&context);
        self.classified.show(&context, &self.workspace.runs);
        self.closing.show(&context, &mut self.workspace);
        tour::show(&mut self.tour, &mut self.workspace, &self.places, &context);
    }

    #[cfg(target_arch = "wasm32")]
    fn as_any_mut(&mut self) -> Option<&mut dyn std::any::Any> {
        Some(self)
    }

    fn save(&mut self, storage: &mut dyn eframe::Storage) {
        self.workspace.settings.save(storage);
    }

    fn on_exit(&mut self) {
        self.workspace.close();
    }
}

/// The app's state as JSON, for tests that drive a page.
#[cfg(target_arch = "wasm32")]
impl App {
    /// The data, the settings and every run, as the window shows them in this frame.
    pub fn state(&self) -> serde_json::Value {
        use serde_json::json;

        use super::session::Phase;

        let workspace = &self.workspace;
        let runs: Vec<_> = workspace
            .runs
            .iter()
            .map(|run| {
                let state = &run.state;
                let losses = state.statistics.iter();
                json!({
                    "name": run.name,
                    "phase": match &state.phase {
                        Phase::Preparing => "preparing",
                        Phase::Paused => "paused",
                        Phase::Running => "running",
                        Phase::Finished => "finished",
                        Phase::Failed(_) => "failed",
                    },
                    "failure": match &state.phase {
                        Phase::Failed(reason) => Some(reason),
                        _ => None,
                    },
                    "step": state.progress.map_or(0, |progress| progress.step),
                    "steps": losses
                        .map(|s| {
                            let standard = s.losses.iter().filter(|(term, _)| !term.optional);
                            let losses: Vec<_> = standard.map(|(_, loss)| loss).collect();
                            json!({ "step": s.step, "losses": losses })
                        })
                        .collect::<Vec<_>>(),
                    "reports": *state.reports,
                    "classified": state.classified.as_ref().map(|image| json!({
                        "path": image.path,
                        "class": crate::train::most_likely(&image.probabilities),
                        "probabilities": image.probabilities,
                    })),
                    "config": run.session.config,
                })
            })
            .collect();
        let set = workspace.data.ready();
        let labelled = workspace.labelling.folder.as_ref().map(|folder| {
            let own = &folder.queue.own;
            json!({
                "images": own.files.len(),
                "side": workspace.labelled_size(),
                "labels": folder.queue.labels().made().len(),
                "classes": folder.queue.labels().classes(),
                "current": own.files[folder.queue.current()],
            })
        });
        json!({
            "adapter": platform::adapter_name(&workspace.gpu),
            "data": set.map(|set| json!({
                "name": set.name,
                "format": set.format,
                "classes": set.classes,
                "train": set.train.len(),
                "test": set.test.len(),
                "counts": crate::data::summary(set)
                    .classes
                    .iter()
                    .map(|class| [class.train, class.test])
                    .collect::<Vec<_>>(),
                "notices": set.notices,
            })),
            "labelling": labelled,
            "costs": workspace.costs_text(),
            "opening": workspace.data.opening(),
            "progress": workspace.data.progress(),
            "failure": workspace.data.failure().map(|failure| &failure.reason),
            "all_views": self.views.iter().map(|view| view.title()).collect::<Vec<_>>(),
            "views": self.shown_views(),
            "log": workspace.log.lines(),
            "config": workspace.settings.config,
            "compare": workspace.settings.compare.map(super::components::Variation::name),
            "runs": runs,
        })
    }
}

/// An error's text without the place in a crate's source that it names.
#[cfg(not(target_arch = "wasm32"))]
fn without_source(text: &str) -> String {
    let is_place = |word: &&str| !(word.contains(".rs:") && word.contains(['/', '\\']));
    let kept = text.split_whitespace().filter(is_place).collect::<Vec<_>>().join(" ");
    kept.replace("os error at ", "").trim_end_matches('.').to_owned()
}

/// Opens the window, and returns when it is closed.
///
/// # Errors
/// [`AppError::NoWindow`] if there is no display or [`App::new`] fails; the errors of [`AppOptions::check`].
#[cfg(not(target_arch = "wasm32"))]
pub fn run(options: AppOptions) -> Result<(), AppError> {
    use eframe::egui_wgpu::WgpuConfiguration;

    options.check()?;
    let size = options.size.unwrap_or([1280.0, 860.0]);
    let native = eframe::NativeOptions {
        viewport: egui::ViewportBuilder::default()
            .with_title("remixmatch")
            .with_inner_size(size)
            .with_min_inner_size([640.0, 480.0])
            .with_drag_and_drop(true),
        persist_window: options.size.is_none(),
        wgpu_options: WgpuConfiguration { wgpu_setup: super::options::graphics(), ..Default::default() },
        ..Default::default()
    };
    let failure = Arc::clone(&options.script_failure);
    if let (Some(_), Ok(mut failure)) = (Script::new(&options), failure.lock()) {
        *failure = Some("the window was closed before it was done".to_owned());
    }
    let make: eframe::AppCreator<'_> =
        Box::new(move |creation| Ok(Box::new(App::new(creation, options)?) as Box<dyn eframe::App>));
    eframe::run_native("remixmatch", native, make)
        .map_err(|error| AppError::NoWindow(without_source(&error.to_string())))?;
    match failure.lock().ok().and_then(|mut failure| failure.take()) {
        Some(reason) => Err(AppError::Script(reason)),
        None => Ok(()),
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::without_source;

    #[test]
    fn places_in_source_are_left_out() {
        for (text, expected) in [
            (
                "winit EventLoopError: os error at /home/me/winit-0.30.13/src/linux/mod.rs:765: no DISPLAY is set.",
                "winit EventLoopError: no DISPLAY is set",
            ),
            (r"os error at C:\winit\src\mod.rs:7: no window", "no window"),
            ("the device is lost", "the device is lost"),
        ] {
            assert_eq!(without_source(text), expected);
        }
    }
}
