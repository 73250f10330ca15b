//! The desktop app: the trainer of the command line, watched while it works.
//!
//! A [`session::Session`] trains on a thread of its own and publishes what it did; the window shows that
//! and sends commands. Pictures are textures drawn on the adapter from the buffers that were trained on.

mod address;
mod controls;
mod dialogs;
mod documents;
mod frames;
mod guess_history;
mod interest;
mod kept_runs;
mod labelling;
mod layout;
mod log;
mod measure;
mod opening;
mod parts;
mod phone;
mod places;
pub(crate) mod platform;
mod predictions;
mod run;
mod script;
mod session;
mod settings;
mod start;
#[cfg(target_arch = "wasm32")]
mod state;
mod texture;
mod theme;
mod tour;
mod views;
mod widgets;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use address::{Address, AddressError};
use dialogs::{Chosen, Dialogs};
use documents::{AblationFolder, DataSlot};
use eframe::egui::{self, Context, Key, Ui};
use eframe::egui_wgpu::RenderState;
use kept_runs::KeptRuns;
use labelling::Labelling;
use opening::Waiting;
use phone::Phone;
use places::Places;
use run::{Run, Thumbnails};
use session::{Command, Ending, Phase, Session, Start};
pub use settings::Settings;
#[cfg(not(target_arch = "wasm32"))]
pub use start::run;
pub use start::{AppError, AppOptions, graphics};
pub use theme::ThemeChoice;
use views::Views;
use views::view::ViewContext;
pub use views::{picture_name, titles as view_titles};

use crate::data::Split;
use crate::disk;
use crate::gpu::{Gpu, GpuError};
use crate::train::{Config, StepStatistics};

/// A closed window waits this long for its runs: one step of a small network, not of a large one, whose
/// last report is kept anyway.
const EXIT_LIMIT: Duration = Duration::from_secs(10);

/// The window's state.
pub struct App {
    gpu: Arc<Gpu>,
    render: RenderState,
    context: Context,
    settings: Settings,
    data: DataSlot,
    labelling: Labelling,
    ablation: AblationFolder,
    /// Settings to run with once the data have arrived, and how.
    waiting: Option<Waiting>,
    runs: Vec<Run>,
    /// The settings that the runs were started with.
    started: Option<(Config, Option<parts::Variation>)>,
    /// The run that goes on, and whether it trains, as a reload should find them.
    current: (Option<PathBuf>, bool),
    pinned: Vec<usize>,
    phone: Phone,
    views: Views,
    log: log::Log,
    dialogs: Dialogs,
    sheet_open: bool,
    thumbnails: Option<Thumbnails>,
    kept: Option<KeptRuns>,
    script: Option<script::Script>,
    tour: Option<tour::Tour>,
    /// Where on the screen things are that the tour points at.
    places: Places,
}

impl App {
    /// Works on the adapter of the window.
    ///
    /// # Errors
    /// [`AppError::NoWebGpu`] when the window is not drawn by wgpu.
    pub fn new(creation: &eframe::CreationContext<'_>, options: AppOptions) -> Result<Self, AppError> {
        let render = creation.wgpu_render_state.clone().ok_or(AppError::NoWebGpu)?;
        let gpu = Gpu::adopt(&render.adapter, render.device.clone(), render.queue.clone());
        #[cfg(not(target_arch = "wasm32"))]
        let gpu = crate::train::with_tiling(gpu, &options.tiling, options.tilings.as_deref())?;
        let script = options.script();
        // What drives itself shows the same whatever was set before.
        let mut settings = Settings::load(creation.storage.filter(|_| script.is_none()));
        options.change(&mut settings);
        if let Some(size) = options.size {
            // A size that was asked for is not replaced by that of the last window.
            creation.egui_ctx.send_viewport_cmd(egui::ViewportCommand::InnerSize(size.into()));
        }
        theme::set_up(&creation.egui_ctx);
        settings.theme.apply(&creation.egui_ctx);
        let source = settings.config.data.clone();
        let mut app = Self {
            gpu: Arc::new(gpu),
            render,
            context: creation.egui_ctx.clone(),
            settings,
            data: DataSlot::default(),
            labelling: Labelling::default(),
            ablation: AblationFolder::default(),
            waiting: options.train.then_some(Waiting::Train),
            runs: Vec::new(),
            started: None,
            current: (None, false),
            pinned: Vec::new(),
            phone: Phone::default(),
            views: Views::default(),
            log: log::Log::default(),
            dialogs: Dialogs::default(),
            sheet_open: false,
            thumbnails: None,
            kept: options.kept.clone().map(KeptRuns::new),
            script,
            tour: None,
            places: Places::new(),
        };
        if let Some(kept) = &app.kept {
            kept.tidy();
        }
        app.log.add(format!("adapter: {}", platform::adapter_name(&app.gpu)));
        if let Some(folder) = options.label {
            app.label_folder(folder);
        }
        if let Some(folder) = options.ablation {
            app.open_ablation(folder);
        }
        match (options.run, options.link) {
            (Some(folder), _) => app.open_run_and(folder, options.batch, options.train),
            (None, Some(link)) if app.follow_link(&link) => {
                if options.train {
                    app.train_when_ready();
                }
            }
            _ => app.open_data(source),
        }
        Ok(app)
    }

    /// The settings of the next run, and what else is remembered.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The step of the first run, while it trains.
    pub fn training_step(&self) -> Option<u64> {
        let run = self.runs.first()?.session.state();
        (run.phase == Phase::Running).then(|| run.progress.map_or(0, |progress| progress.step))
    }

    /// Says what happened while nobody could see it, from step `from` on.
    pub fn shown_again(&mut self, hidden: Duration, from: u64) {
        let step = self.runs.first().and_then(|run| run.session.state().progress).map_or(from, |p| p.step);
        let went = match step - from.min(step) {
            0 => "the browser let training rest".to_owned(),
            steps => format!("training went on for {steps} steps"),
        };
        self.log.add(format!("this tab was hidden for {} s: {went}", hidden.as_secs()));
    }

    /// Where the first run is kept.
    pub fn kept_run(&self) -> Option<PathBuf> {
        self.runs.first().and_then(|run| run.session.kept().map(ToOwned::to_owned))
    }

    /// What ended the adapter's work, if anything has.
    pub fn fault(&self) -> Option<GpuError> {
        self.gpu.check().err()
    }

    /// The latest values of a run, 0 or, where two are compared, 1.
    pub fn last_statistics(&self, run: usize) -> Option<StepStatistics> {
        self.runs.get(run).and_then(|run| run.state.statistics.last().copied())
    }

    /// Which images a run learns from.
    pub fn split_of(&self, run: usize) -> Option<&Split> {
        self.runs.get(run).and_then(|run| run.state.plan.as_ref()).map(|plan| &plan.split)
    }

    /// Writes the runs' folders, the second one inside the first.
    pub fn save_runs(&mut self, path: PathBuf) {
        self.take(Chosen::SaveRun(path));
    }

    /// Bytes in use on the adapter, where its backend reports them.
    pub fn allocated_bytes(&self) -> Option<u64> {
        self.gpu.device.generate_allocator_report().map(|report| report.total_allocated_bytes)
    }

    /// Trains: goes on with the runs there are, or starts them.
    pub fn train(&mut self) {
        self.start_runs();
        self.send(&Command::Run);
    }

    /// Trains as soon as there are data.
    pub fn train_when_ready(&mut self) {
        self.waiting = Some(Waiting::Train);
    }

    /// One step of every run.
    pub fn step_once(&mut self) {
        self.start_runs();
        self.send(&Command::Step);
    }

    /// Ends the runs, and forgets what was to be trained.
    pub fn reset(&mut self) {
        self.waiting = None;
        self.end_runs();
    }

    fn end_runs(&mut self) {
        self.runs.clear();
        self.started = None;
        self.pinned.clear();
        self.log.runs_changed();
    }

    /// Whether a run trains.
    fn is_running(&self) -> bool {
        self.runs.iter().any(|run| run.state.phase == Phase::Running)
    }

    fn send(&self, command: &Command) {
        self.runs.iter().for_each(|run| run.session.send(command.clone()));
    }

    /// Whether the settings are others than those of the runs.
    fn settings_changed(&self) -> bool {
        self.started.as_ref().is_some_and(|(config, compare)| {
            *config != self.settings.config || *compare != self.settings.compare
        })
    }

    fn start_runs(&mut self) {
        if !self.runs.is_empty() {
            return;
        }
        let config = self.settings.config.clone();
        let mut runs = vec![(String::new(), config.clone())];
        if let Some(variation) = self.settings.compare {
            config.method_name.clone_into(&mut runs[0].0);
            runs.push((variation.name().to_owned(), variation.apply(&config)));
        }
        for (name, config) in runs {
            self.start_run(name, config, Start::New);
        }
        self.started = Some((config, self.settings.compare));
    }

    fn start_run(&mut self, name: String, config: Config, start: Start) {
        let Some(data) = self.data.ready() else { return };
        let mut config = config;
        if let Some(labels) = data.hand_made_labels() {
            config.labels = labels;
            config.flip = config.flip.or(Some(data.flip));
        }
        let context = self.context.clone();
        let wake = move || context.request_repaint();
        let kept = match &start {
            Start::New => self.kept.as_ref().map(|kept| kept.place(&name, &config)),
            Start::Resume(folder, _) => Some(folder.path().to_owned()),
        };
        let session = Session::start(Arc::clone(&self.gpu), config, Arc::clone(data), start, kept, wake);
        self.runs.push(Run::new(name, session));
    }

    /// Takes in what has happened since the last frame.
    fn advance(&mut self) {
        self.data_arrive();
        while let Some(chosen) = self.dialogs.next() {
            self.take(chosen);
        }
        let news = self.labelling.advance(&self.context);
        news.into_iter().for_each(|line| self.log.add(line));
        for run in &mut self.runs {
            run.refresh(&self.render);
            self.log.follow(run);
        }
        self.remember_current();
    }

    fn remember_current(&mut self) {
        let training = self.is_running();
        let current = (self.kept_run(), training);
        if self.current != current {
            platform::remember_current(current.0.as_deref(), training);
            self.current = current;
        }
    }

    fn take(&mut self, chosen: Chosen) {
        match chosen {
            Chosen::Images(path) => self.label_folder(path),
            Chosen::SaveModel(path) => self.export_model(path),
            Chosen::Data(path) => self.open_data(path.to_string_lossy().into_owned()),
            Chosen::Run(path) => self.open_run(path),
            Chosen::Ablation(path) => self.open_ablation(path),
            Chosen::SaveRun(path) => {
                let runs = self.runs.iter().zip(["", "compared"]);
                runs.for_each(|(run, part)| run.session.send(Command::Save(path.join(part))));
            }
            Chosen::Write(path, content) => self.log.add(match disk::write(&path, &content) {
                Ok(()) => format!("written: {}", path.display()),
                Err(error) => format!("{}: not written: {error}", path.display()),
            }),
        }
    }

    fn keys(&mut self, ui: &Ui) {
        let pressed = |key| ui.input(|input| input.key_pressed(key));
        let running = self.is_running();
        let ready = self.data.ready().is_some();
        if pressed(Key::F5) && ready {
            self.train();
        }
        if pressed(Key::F6) {
            self.send(&Command::Pause);
        }
        if pressed(Key::F7) && ready && !running {
            self.step_once();
        }
        if pressed(Key::F8) {
            self.reset();
        }
    }

    fn contact_sheet(&mut self, context: &Context) {
        let (Some(set), Some(thumbnails)) = (self.data.ready(), &self.thumbnails) else { return };
        egui::Window::new("Images").open(&mut self.sheet_open).default_width(560.0).vscroll(true).show(
            context,
            |ui| {
                for (class, name) in set.classes.iter().enumerate() {
                    ui.label(name);
                    let of_class = |label: &Option<u32>| *label == Some(class as u32);
                    let images = set.train_labels.iter().enumerate().filter(|(_, label)| of_class(label));
                    ui.horizontal_wrapped(|ui| {
                        for (index, _) in images.take(12) {
                            ui.add(thumbnails.image(ui.ctx(), run::Part::Train, index, 40.0));
                        }
                    });
                }
            },
        );
    }
}

impl eframe::App for App {
    fn logic(&mut self, context: &Context, _frame: &mut eframe::Frame) {
        self.advance();
        script::advance(self, context);
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        self.keys(ui);
        self.dropped(ui);
        let narrow = widgets::is_narrow(ui);
        if narrow {
            if !phone::show(self, ui) {
                return;
            }
        } else {
            egui::Panel::left("controls")
                .default_size(330.0)
                .size_range(280.0..=460.0)
                .show(ui, |ui| controls::show(self, ui));
            egui::Panel::bottom("log").resizable(true).default_size(72.0).min_size(36.0).show(ui, |ui| {
                self.log.show(ui);
            });
        }
        let mut train_on = None;
        let background = egui::Frame::NONE.fill(ui.visuals().panel_fill);
        egui::CentralPanel::no_frame().frame(background).show(ui, |ui| {
            let mut context = ViewContext {
                runs: &self.runs,
                data: self.data.ready(),
                gpu: &self.gpu,
                render: &self.render,
                dialogs: &self.dialogs,
                pinned: &mut self.pinned,
                labelling: &mut self.labelling,
                ablation: &mut self.ablation,
                train_on: &mut train_on,
            };
            let places = &mut self.places;
            if narrow {
                self.views.ui(&self.phone.view, ui, &mut context);
                return;
            }
            let mut panes = layout::Panes { views: &mut self.views, context: &mut context, places };
            self.settings.layout.ui(&mut panes, ui);
        });
        if let Some(wanted) = train_on {
            self.train_on(wanted);
        }
        let context = ui.ctx().clone();
        self.contact_sheet(&context);
        self.show_tour(&context);
    }

    #[cfg(target_arch = "wasm32")]
    fn as_any_mut(&mut self) -> Option<&mut dyn std::any::Any> {
        Some(self)
    }

    fn save(&mut self, storage: &mut dyn eframe::Storage) {
        self.settings.save(storage);
    }

    /// Lets the runs make their last step and be kept.
    fn on_exit(&mut self) {
        let endings: Vec<_> = self.runs.drain(..).map(|run| run.session.ending()).collect();
        platform::wait_until(EXIT_LIMIT, || endings.iter().all(Ending::is_over));
    }
}
