//! What the window works on: its settings, the open data, and the runs. Everything here works without a window
//! being drawn; `opening.rs` holds what opens data, runs and links.

#[cfg(target_arch = "wasm32")]
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use eframe::egui::Context;
use eframe::egui_wgpu::RenderState;

#[cfg(target_arch = "wasm32")]
use super::autosave;
use super::autosave::AutosavedRuns;
use super::components::Variation;
use super::costs::Costs;
use super::dialogs::{Chosen, Dialogs};
use super::documents::{AblationFolder, DataSlot, RefusedRun, Waiting};
use super::image_shape::Reopened;
use super::labelling::{Labelling, OpenFolder, TrainOn};
use super::places::ViewId;
use super::run::{Log, Run};
use super::session::{Command, Ending, Phase, Session, Start};
use super::settings::Settings;
use super::textures::Thumbnails;
use super::views::{anchors, data_check, labelling};
use super::{layout, platform};
use crate::data::{Split, counted};
use crate::disk;
use crate::gpu::{Gpu, GpuError};
use crate::train::{Config, StepStatistics, preset};

/// How long a closing window waits for its runs to save themselves. A step of a large network takes longer;
/// such a run keeps what it saved at its last report.
const EXIT_LIMIT: Duration = Duration::from_secs(10);

/// The settings, the open documents and the runs of a window.
pub struct Workspace {
    pub(super) gpu: Arc<Gpu>,
    pub(super) render: RenderState,
    pub(super) context: Context,
    pub(super) settings: Settings,
    /// Whether a run goes on with data whose images are not its own.
    pub(super) accept_changed_data: bool,
    /// Whether a person has set the number of labels, also to that of the preset.
    pub(super) labels_are_set: bool,
    /// Whether a person has set the balance of the labels, also to that of the preset.
    pub(super) balance_is_set: bool,
    pub(super) data: DataSlot,
    pub(super) labelling: Labelling,
    pub(super) ablation: AblationFolder,
    /// What begins once the data have been opened.
    pub(super) waiting: Option<Waiting>,
    /// Where the last corrected list was written, and what it names, or why it was not written.
    pub(super) listed: Option<(PathBuf, Result<String, String>)>,
    /// The run that was requested last, if it could not be opened.
    pub(super) refused_run: Option<RefusedRun>,
    pub(super) runs: Vec<Run>,
    /// The settings that the runs were started with.
    pub(super) started: Option<(Config, Option<Variation>)>,
    /// The autosave folder of the first run, and whether a run trains, as a reload of the page finds them.
    current: (Option<PathBuf>, bool),
    /// Training images that every run follows, the latest first.
    pub(super) pinned: Vec<usize>,
    /// The view that a narrow window shows.
    pub(super) front: ViewId,
    pub(super) log: Log,
    pub(super) dialogs: Dialogs,
    /// What the next run takes.
    pub(super) costs: Costs,
    /// What was opened again for another network.
    pub(super) reopened: Reopened,
    pub(super) thumbnails: Option<Thumbnails>,
    pub(super) autosaved: Option<AutosavedRuns>,
}

impl Workspace {
    pub(super) fn new(
        gpu: Gpu,
        render: RenderState,
        context: Context,
        settings: Settings,
        autosaved: Option<AutosavedRuns>,
    ) -> Self {
        if let Some(autosaved) = &autosaved {
            autosaved.remove_oldest();
        }
        let mut log = Log::default();
        log.add(format!("adapter: {}", platform::adapter_name(&gpu)));
        Self {
            gpu: Arc::new(gpu),
            render,
            context,
            settings,
            accept_changed_data: false,
            labels_are_set: false,
            balance_is_set: false,
            data: DataSlot::default(),
            labelling: Labelling::default(),
            ablation: AblationFolder::default(),
            waiting: None,
            listed: None,
            refused_run: None,
            runs: Vec::new(),
            started: None,
            current: (None, false),
            pinned: Vec::new(),
            front: anchors::ID,
            log,
            dialogs: Dialogs::default(),
            costs: Costs::default(),
            reopened: Reopened::default(),
            thumbnails: None,
            autosaved,
        }
    }

    /// The settings of the next run, and what else is remembered between starts.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The step of the first run while it trains.
    pub fn training_step(&self) -> Option<u64> {
        let run = self.runs.first()?.session.state();
        (run.phase == Phase::Running).then(|| run.progress.map_or(0, |progress| progress.step))
    }

    /// Logs what training did while the page's tab was hidden. `from` is the step at which it was hidden.
    pub fn log_hidden_time(&mut self, hidden: Duration, from: u64) {
        let step = self.runs.first().and_then(|run| run.session.state().progress).map_or(from, |p| p.step);
        let went = match step - from.min(step) {
            0 => "the browser paused training".to_owned(),
            steps => format!("training went on for {}", counted(steps as usize, "step", "steps")),
        };
        self.log.add(format!("this tab was hidden for {} s: {went}", hidden.as_secs()));
    }

    /// Logs that a run is kept which does not go on because a link asks for other settings.
    #[cfg(target_arch = "wasm32")]
    pub fn tell_of_autosaved(&mut self, run: &Path) {
        self.log.add(format!(
            "the run '{}' has other settings than the link: it is kept under 'Runs and appearance', 'Autosaved runs'",
            autosave::title(run)
        ));
    }

    /// The folder that the first run is autosaved in.
    pub fn autosave_folder(&self) -> Option<PathBuf> {
        self.runs.first().and_then(|run| run.session.autosave_folder().map(ToOwned::to_owned))
    }

    /// The error that ended the adapter's work, if there was one.
    pub fn fault(&self) -> Option<GpuError> {
        self.gpu.check().err()
    }

    /// The statistics of a run's last step. `run` is 0, or 1 for the second of two compared runs.
    pub fn last_statistics(&self, run: usize) -> Option<StepStatistics> {
        self.runs.get(run).and_then(|run| run.state.statistics.last().copied())
    }

    /// The labelled, unlabelled and test images of a run. `run` is 0, or 1 for the second of two compared runs.
    pub fn split_of(&self, run: usize) -> Option<&Split> {
        self.runs.get(run).and_then(|run| run.state.plan.as_ref()).map(|plan| &plan.split)
    }

    /// Bytes allocated on the adapter; `None` where its backend does not report them.
    pub fn allocated_bytes(&self) -> Option<u64> {
        self.gpu.device.generate_allocator_report().map(|report| report.total_allocated_bytes)
    }

    /// Writes the runs' folders, the second one inside the first.
    pub fn save_runs(&mut self, path: PathBuf) {
        for (run, folder) in self.runs.iter().zip(["", "compared"]) {
            run.session.send(Command::Save(path.join(folder)));
        }
    }

    /// Writes the model's guess for every image that is being labelled as a CSV file: `file,class` and the
    /// probability of each class. Says how the classes differ from those of the model.
    pub fn export_predictions(&mut self, path: PathBuf) {
        let Some(table) = self.labelling.predictions() else {
            self.log.add("there are no predictions to write yet");
            return;
        };
        self.act_on(Chosen::Write(path, table));
        if let Some(changes) =
            self.labelling.folder.as_ref().and_then(|folder| folder.class_changes(&self.runs))
        {
            self.log.add(format!(
                "the classes have changed since the model was trained ({changes}): the predictions are of those that are left"
            ));
        }
    }

    /// Checks the open data and writes the list without what the findings advise to leave out, as the view of the check
    /// does once a place is chosen.
    pub fn write_corrected_list(&mut self, path: PathBuf) {
        let Some((data, source)) =
            data_check::subject(&self.labelling, self.data.ready(), &self.settings.config)
        else {
            return;
        };
        match crate::data::check(&data, |_| ()) {
            Ok(report) => {
                let outcome = data_check::write_list(&source, &data, &report, &path);
                self.act_on(Chosen::Listed(path, outcome));
            }
            Err(error) => self.log.add(error.to_string()),
        }
    }

    /// Writes the first run's model to a safetensors file, or to an ONNX file where the name ends with `.onnx`.
    pub fn export_model(&mut self, path: PathBuf) {
        let Some(run) = self.runs.first() else {
            self.log.add("there is no model to write yet");
            return;
        };
        run.session.send(Command::SaveModel(path));
        let labelled = self.labelling.folder.as_ref().filter(|folder| folder.run(&self.runs).is_some());
        if let Some(changes) = labelled.and_then(|folder| folder.class_changes(&self.runs)) {
            self.log.add(format!(
                "the classes have changed since the model was trained ({changes}): the model has those of its run, until it \
                 is trained again"
            ));
        }
    }

    /// Trains: continues the runs, or starts them; runs that were refused at their start begin again with other settings.
    pub fn train(&mut self) {
        self.begin(&Command::Run);
    }

    /// Starts the runs if there are none, on the labels of the folder that is being labelled or else on the open data,
    /// and sends them a command.
    fn begin(&mut self, command: &Command) {
        if self.labelled_folder().is_some() {
            self.train_on_labels(command.clone());
            return;
        }
        if self.is_refused() && self.settings_changed() {
            self.end_runs();
            self.follow_network();
            if self.data.opening().is_some() {
                self.waiting = Some(Waiting::Train);
                return;
            }
        }
        self.start_runs();
        self.send(command);
    }

    /// The folder whose labels Train begins a run on: the one that is being labelled, while its view is shown, unless a run
    /// on these labels goes on.
    pub(super) fn labelled_folder(&self) -> Option<&OpenFolder> {
        let shown = layout::is_shown(&self.settings.layout, &labelling::ID);
        let begins = |folder: &&OpenFolder| match folder.run(&self.runs) {
            None => true,
            Some(run) => run.state.phase != Phase::Running && folder.differs_from(run),
        };
        self.labelling.folder.as_ref().filter(|_| shown).filter(begins)
    }

    /// The run on other labels than those of now that Train replaces, if it can go on.
    pub(super) fn run_on_other_labels(&self) -> Option<&Run> {
        let run = self.labelled_folder()?.run(&self.runs)?;
        (run.state.phase == Phase::Paused).then_some(run)
    }

    /// Trains as soon as the data have been opened.
    pub fn train_when_ready(&mut self) {
        self.waiting = Some(Waiting::Train);
    }

    /// Makes one step of every run.
    pub fn step_once(&mut self) {
        self.begin(&Command::Step);
    }

    /// Ends the runs, and cancels what waits for data.
    pub fn reset(&mut self) {
        self.waiting = None;
        self.end_runs();
    }

    pub(super) fn end_runs(&mut self) {
        self.runs.clear();
        self.started = None;
        self.pinned.clear();
        self.log.runs_changed();
    }

    /// Whether a run trains.
    pub(super) fn is_running(&self) -> bool {
        self.runs.iter().any(|run| run.state.phase == Phase::Running)
    }

    /// Whether Train would start or continue a run.
    pub(super) fn may_train(&self) -> bool {
        self.train_obstacle().is_none()
    }

    /// Whether a run was refused before its first step.
    fn is_refused(&self) -> bool {
        let refused = |run: &Run| matches!(run.state.phase, Phase::Failed(_)) && run.state.progress.is_none();
        self.runs.iter().any(refused)
    }

    /// Why Train can neither start nor continue a run, if so.
    pub(super) fn train_obstacle(&self) -> Option<String> {
        if self.is_running() {
            return Some("Training is under way".to_owned());
        }
        match self.labelled_folder() {
            Some(_) if self.labelling.opening().is_some() => Some("The images are being opened".to_owned()),
            Some(folder) => folder.queue.obstacle(),
            None => self.run_obstacle().map(str::to_owned),
        }
    }

    /// Why the runs cannot go on, and none can start on the open data, if so.
    fn run_obstacle(&self) -> Option<&'static str> {
        let phases = || self.runs.iter().map(|run| &run.state.phase);
        let failed = phases().any(|phase| matches!(phase, Phase::Failed(_)));
        if self.data.ready().is_none() {
            return Some("No data are open yet");
        }
        if failed && self.is_refused() && self.settings_changed() {
            return None;
        }
        if failed && self.runs.iter().any(|run| run.state.answer.is_some()) {
            return Some(
                "This run was refused: the button below lets it go on, and Reset begins another one",
            );
        }
        if failed {
            return Some("This run has stopped: Reset begins another one");
        }
        let finished = !self.runs.is_empty() && phases().all(|phase| *phase == Phase::Finished);
        finished.then_some("This run is finished: Reset begins another one")
    }

    /// Sends a command to every run.
    pub(super) fn send(&self, command: &Command) {
        self.runs.iter().for_each(|run| run.session.send(command.clone()));
    }

    /// Whether the settings differ from those of the runs.
    pub(super) fn settings_changed(&self) -> bool {
        self.started.as_ref().is_some_and(|(config, compare)| {
            *config != self.settings.config || *compare != self.settings.compare
        })
    }

    /// Brings a view to the front.
    pub(super) fn show_view(&mut self, view: &ViewId) {
        layout::show(&mut self.settings.layout, view);
        self.front = view.clone();
    }

    fn start_runs(&mut self) {
        if !self.runs.is_empty() {
            return;
        }
        let chosen = self.settings.config.clone();
        let config = self.fitting_labels(chosen.clone());
        let mut runs = vec![(String::new(), config.clone())];
        if let Some(variation) = self.settings.compare {
            config.method_name.clone_into(&mut runs[0].0);
            runs.push((variation.name().to_owned(), variation.apply(&config)));
        }
        for (name, config) in runs {
            self.start_run(name, config, Start::New);
        }
        self.started = Some((chosen, self.settings.compare));
    }

    /// Settings with labels that fit the open data, where nobody has set their number.
    fn fitting_labels(&mut self, mut config: Config) -> Config {
        if let Some(notice) = self.fit_labels(&mut config) {
            self.log.add(format!("notice: {notice}"));
        }
        config
    }

    fn fit_labels(&self, config: &mut Config) -> Option<String> {
        let default = preset(&config.preset, None).is_ok_and(|start| start.config.labels == config.labels);
        let data = self.data.ready().filter(|_| default && !self.labels_are_set)?;
        config.fit_labels(data, self.balance_is_set)
    }

    /// The number of labelled images: of the run while its settings are unchanged, otherwise of the next run.
    pub(super) fn labelled_images(&self) -> usize {
        let run = self.runs.first().filter(|_| !self.settings_changed());
        run.and_then(Run::labelled).unwrap_or_else(|| {
            let mut config = self.settings.config.clone();
            // The number alone is shown; the run tells why it is another one.
            drop(self.fit_labels(&mut config));
            config.labels
        })
    }

    pub(super) fn start_run(&mut self, name: String, config: Config, start: Start) {
        let Some(data) = self.data.ready() else { return };
        let mut config = config;
        if let Some(labels) = data.hand_made_labels() {
            config.labels = labels;
            config.flip = config.flip.or(Some(data.flip));
        }
        let context = self.context.clone();
        let wake = move || context.request_repaint();
        let folder = match &start {
            Start::New => self.autosaved.as_ref().map(|autosaved| autosaved.folder_for(&name, &config)),
            Start::Resume(folder, _) => Some(folder.path().to_owned()),
        };
        let session = Session::start(Arc::clone(&self.gpu), config, Arc::clone(data), start, folder, wake);
        self.runs.push(Run::new(name, session));
    }

    /// Begins a run on the labels of the folder that is open, and sends it a command. Images that have changed on the disk
    /// are read again first.
    pub(super) fn train_on_labels(&mut self, command: Command) {
        if self.labelling.opening().is_some() {
            self.waiting = Some(Waiting::Labels(command));
            return;
        }
        let Some(folder) = &mut self.labelling.folder else { return };
        match folder.queue.own.changes_on_disk() {
            Ok(changes) if changes.is_empty() => self.run_on_labels(&command),
            Ok(changes) => {
                self.log.add(format!(
                    "the images to label have changed on the disk, and are read again: {changes}"
                ));
                let path = folder.queue.own.folder.clone();
                self.labelling.open(path, self.new_options(), &self.context);
                self.waiting = Some(Waiting::Labels(command));
            }
            Err(error) => folder.refuse(error.to_string()),
        }
    }

    /// Begins a run on the labels of the folder that is open, and sends it a command.
    fn run_on_labels(&mut self, command: &Command) {
        let Some(folder) = &mut self.labelling.folder else { return };
        match folder.train() {
            Ok(labels) => self.use_labels(labels),
            Err(reason) => {
                folder.refuse(reason);
                return;
            }
        }
        self.start_runs();
        self.send(command);
    }

    /// Begins what waited for images to label, once they are read.
    fn receive_images(&mut self) {
        if self.labelling.opening().is_some() {
            return;
        }
        match self.waiting.take() {
            // Why they could not be read is said beside them.
            Some(Waiting::Labels(_)) if self.labelling.failure().is_some() => {}
            Some(Waiting::Labels(command)) => self.run_on_labels(&command),
            Some(Waiting::Train) if self.labelled_folder().is_some() => self.train(),
            waiting => self.waiting = waiting,
        }
    }

    /// Opens labels that were made in this window as data, and ends the runs on others.
    fn use_labels(&mut self, TrainOn { data, source }: TrainOn) {
        let options = self.new_options();
        self.data.put(Arc::clone(&data), options.clone());
        self.waiting = None;
        self.use_data(source, &options, data);
    }

    /// Receives what threads and dialogs have delivered since the last frame.
    pub(super) fn advance(&mut self) {
        self.receive_data();
        while let Some(chosen) = self.dialogs.next() {
            self.act_on(chosen);
        }
        let news = self.labelling.advance(&self.context);
        news.into_iter().for_each(|line| self.log.add(line));
        self.receive_images();
        for run in &mut self.runs {
            run.refresh(&self.render);
            self.log.follow(run);
        }
        self.follow_network();
        self.refresh_costs();
        let current = (self.autosave_folder(), self.is_running());
        if self.current != current {
            platform::remember_current(current.0.as_deref(), current.1);
            self.current = current;
        }
    }

    fn act_on(&mut self, chosen: Chosen) {
        match chosen {
            Chosen::Images(path) => self.label_folder(path),
            Chosen::SaveModel(path) => self.export_model(path),
            Chosen::Predictions(path) => self.export_predictions(path),
            Chosen::Data(path) => self.open_data(path.to_string_lossy().into_owned()),
            Chosen::Run(path) => self.open_run(path),
            Chosen::Weights(path) => self.start_from(&path),
            Chosen::RunData(path) => self.open_refused_run_on(path),
            Chosen::Ablation(path) => self.open_ablation(path),
            Chosen::SaveRun(path) => self.save_runs(path),
            Chosen::Listed(path, outcome) => {
                self.log.add(match &outcome {
                    Ok(summary) => format!("list: {summary}"),
                    Err(reason) => format!("list not written: {reason}"),
                });
                self.listed = Some((path, outcome));
            }
            Chosen::NoDialog(reason) => self.log.add(reason.to_owned()),
            Chosen::Write(path, content) => self.log.add(match disk::write(&path, &content) {
                Ok(()) => format!("written: {}", path.display()),
                Err(error) => format!("{}: not written: {error}", path.display()),
            }),
        }
    }

    /// Ends the runs; waits at most [`EXIT_LIMIT`] until they are saved. Labels that cannot be saved are kept elsewhere.
    pub(super) fn close(&mut self) {
        if let Some(unsaved) = self.labelling.save_before_closing(EXIT_LIMIT) {
            tracing::error!("{unsaved}");
        }
        let endings: Vec<_> = self.runs.drain(..).map(|run| run.session.ending()).collect();
        platform::wait_until(EXIT_LIMIT, || endings.iter().all(Ending::is_over));
    }
}
