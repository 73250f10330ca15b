//! Opening data, runs, ablations and links in a workspace. What is open stays until its replacement has been
//! opened.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use eframe::egui::Ui;

use super::address::Address;
use super::answers::{self, Answer};
use super::documents::{Arrived, Failure, Opened, RefusedRun, Resume, Waiting};
use super::options::AppOptions;
use super::run::Run;
use super::session::{Command, Phase, Start};
use super::textures::Thumbnails;
use super::views::{ablation, labelling};
use super::workspace::Workspace;
use super::{layout, platform};
use crate::ablation::Plan;
use crate::data::{DataSet, Fit, OpenOptions, SignificantBits, is_image_file};
use crate::disk;
use crate::train::{Config, Preset, Resumable, RunFolder, TrainError, is_weights_file, preset, read_reports};

impl Workspace {
    /// Starts to open a data source. Runs on other data end when it is open; if opening fails they continue.
    pub fn open_data(&mut self, source: String) {
        self.open_data_with(source, self.new_options());
    }

    /// Starts to open the data of the settings, as the settings say.
    pub(super) fn open_data_of_settings(&mut self) {
        let config = &self.settings.config;
        let (source, options) = (config.source().to_owned(), config.open_options());
        self.open_data_with(source, options);
    }

    /// How new data are opened: images get the size and the shape that are set.
    pub(super) fn new_options(&self) -> OpenOptions {
        let config = &self.settings.config;
        let OpenOptions { split, image_size, size_multiple, fit, .. } = config.open_options();
        OpenOptions { split, image_size, size_multiple, fit, ..OpenOptions::default() }
    }

    /// How the data of the settings are opened: as they are being opened again, or as the settings say.
    pub(super) fn open_options(&self) -> OpenOptions {
        let config = &self.settings.config;
        let again = self.data.opening() == Some(config.source());
        let options = self.data.opening_options().filter(|_| again);
        options.cloned().unwrap_or_else(|| config.open_options())
    }

    /// Opens the data that are open once more, with another number of significant bits of 16-bit images.
    pub(super) fn set_significant_bits(&mut self, significant_bits: SignificantBits) {
        let (source, options) = (self.settings.config.source().to_owned(), self.open_options());
        self.open_data_with(source, OpenOptions { significant_bits, ..options });
    }

    /// Opens the data that are open once more, with images of another size or fitted in another way.
    pub(super) fn set_image_shape(&mut self, image_size: Option<usize>, fit: Fit) {
        let (source, options) = (self.settings.config.source().to_owned(), self.open_options());
        let options = OpenOptions { image_size, fit, ..options };
        self.open_data_with(source, options);
    }

    /// Cancels the opening of data; what is open stays.
    pub fn cancel_opening(&mut self) {
        self.waiting = None;
        self.data.cancel();
        self.log.add("opening was cancelled");
    }

    /// Opens the data that were refused last as the person has decided.
    pub(super) fn answer_data(&mut self, answer: Answer) {
        let Some(Failure { source, mut options, .. }) = self.data.failure().cloned() else { return };
        answer.apply_to_options(&mut options);
        self.open_data_with(source, options);
    }

    /// Lets the run that has stopped go on as the person has decided.
    pub(super) fn answer_run(&mut self, answer: Answer) {
        let folder = self.autosave_folder();
        match (answer, folder) {
            (Answer::AcceptChangedData, Some(folder)) => {
                let before = std::mem::replace(&mut self.accept_changed_data, true);
                // The data, the batch and the steps that the refused run was opened with.
                let config = self.started.as_ref().map(|(config, _)| config);
                let data = config.map(|config| PathBuf::from(config.source()));
                let (batch, steps) = config.map(|config| (config.batch, config.steps)).unzip();
                self.open_run_on(RunFolder::new(folder), data, (batch, steps, false));
                self.accept_changed_data = before;
            }
            _ => {
                answer.apply_to_settings(&mut self.settings.config);
                self.end_runs();
                self.train();
            }
        }
    }

    fn open_data_with(&mut self, source: String, options: OpenOptions) {
        if matches!(self.waiting, Some(Waiting::Resume(_))) {
            self.waiting = None;
        }
        self.refused_run = None;
        let context = self.context.clone();
        self.data.open(source, options, move || context.request_repaint());
    }

    /// Opens a run's folder: its settings, its data, its state.
    pub fn open_run(&mut self, path: PathBuf) {
        self.open_run_with(path, (None, None), false);
    }

    /// [`Workspace::open_run`], with another batch size and number of steps if they are given; trains at once if `train`.
    pub(super) fn open_run_with(
        &mut self,
        path: PathBuf,
        (batch, steps): (Option<usize>, Option<u64>),
        train: bool,
    ) {
        self.open_run_on(RunFolder::new(path), None, (batch, steps, train));
    }

    /// Opens the run that was refused because its data are gone, on the data at `path`.
    pub fn open_refused_run_on(&mut self, path: PathBuf) {
        if let Some(RefusedRun { folder, chosen, .. }) = self.refused_run.take() {
            self.open_run_on(RunFolder::new(folder), Some(path), chosen);
        }
    }

    /// Opens a run, on data that are elsewhere now if `data` is given.
    fn open_run_on(
        &mut self,
        folder: RunFolder,
        data: Option<PathBuf>,
        chosen: (Option<usize>, Option<u64>, bool),
    ) {
        let (batch, steps, train) = chosen;
        let found = folder.resumable().and_then(|Resumable { mut config, options, .. }| {
            if let Some(data) = data {
                config.set_data(data.to_string_lossy().into_owned());
            }
            config.accept_changed_data = self.accept_changed_data;
            config.batch = batch.unwrap_or(config.batch);
            config.steps = steps.unwrap_or(config.steps);
            let source = config.present_source()?.to_owned();
            // A page has no absolute paths; it keeps the files that it was given last.
            if !source.starts_with("builtin:") && !disk::exists(Path::new(&source)) {
                return Err(TrainError::LostData { path: source.into() });
            }
            Ok((source, config, options))
        });
        match found {
            Ok((source, config, options)) => {
                self.open_data_with(source, options);
                self.waiting = Some(Waiting::Resume(Resume { folder, config: Box::new(config), train }));
            }
            Err(error) => {
                self.log.add(format!("not opened: {error}"));
                let lost = match &error {
                    TrainError::LostData { path } => Some(path.clone()),
                    _ => None,
                };
                let reason = answers::in_window(&error);
                let folder = folder.path().to_owned();
                self.refused_run = Some(RefusedRun { folder, reason, lost, chosen });
            }
        }
    }

    /// Shows the table of an ablation's folder.
    pub(super) fn open_ablation(&mut self, folder: PathBuf) {
        self.log.add(self.ablation.open(folder));
        self.show_view(&ablation::ID);
    }

    /// Opens a folder of images in the view that labels them.
    pub fn label_folder(&mut self, folder: PathBuf) {
        self.show_view(&labelling::ID);
        // Training was asked for on another folder.
        self.waiting.take_if(|waiting| matches!(waiting, Waiting::Labels(_)));
        self.labelling.open(folder, self.new_options(), &self.context);
    }

    /// Switches the settings to another method; see [`Config::set_method`].
    pub fn choose_method(&mut self, name: &str) {
        if let Err(error) = self.settings.config.set_method(name) {
            self.log.add(error.to_string());
        }
    }

    /// Loads a preset's settings; its data too, unless the open data are the person's own.
    pub fn choose_preset(&mut self, name: &str) {
        let Ok(Preset { config, .. }) = preset(name, None) else { return };
        let old = &self.settings.config;
        let opening = self.data.opening().map(str::to_owned);
        let own_data = !opening.as_deref().unwrap_or(&old.data).starts_with("builtin:");
        let preset_data = config.data.clone();
        // A size that a person has set stays, unless the preset has one.
        let size_before = preset(&old.preset, None).ok().and_then(|before| before.config.image_size);
        let mut options = old.open_options();
        if config.image_size.is_some() || options.image_size == size_before {
            options.image_size = config.image_size;
        }
        let resized = options.image_size != old.image_size;
        let mut config = Config { data: old.data.clone(), data_path: old.data_path.clone(), ..config };
        config.set_open_options(&options);
        self.settings.config = config;
        (self.labels_are_set, self.balance_is_set) = (false, false);
        if !own_data && preset_data.starts_with("builtin:") {
            self.open_data(preset_data);
        } else if resized && own_data {
            match opening {
                Some(source) => self.open_data(source),
                None => self.open_data_of_settings(),
            }
        }
    }

    /// Follows the part of a link after `#`. Returns whether it asks for anything; a link that is not understood
    /// is logged and changes nothing.
    pub fn follow_link(&mut self, fragment: &str) -> bool {
        self.follow_link_with(fragment, &AppOptions::default())
    }

    /// [`Workspace::follow_link`], with options that change the link's settings.
    pub(super) fn follow_link_with(&mut self, fragment: &str, options: &AppOptions) -> bool {
        let address = match Address::parse(fragment) {
            Ok(Some(address)) => address,
            Ok(None) => return false,
            Err(error) => {
                self.log.add(error.to_string());
                return false;
            }
        };
        self.reset();
        self.settings.config = address.config;
        self.settings.compare = address.compare;
        let names = |key: &str| fragment.split('&').any(|part| part.split('=').next() == Some(key));
        self.labels_are_set = options.labels.is_some() || names("labels");
        self.balance_is_set = options.balance.is_some() || names("balance");
        options.change(&mut self.settings);
        if let Some(view) = address.view {
            self.show_view(&view);
        }
        self.open_data_of_settings();
        self.waiting = address.train.then_some(Waiting::Train);
        true
    }

    /// The part after `#` of a link to the current settings.
    pub(super) fn fragment(&self) -> String {
        let (config, compare) = (self.settings.config.clone(), self.settings.compare);
        Address { config, compare, view: None, train: false }.fragment()
    }

    /// Opens the folder of a run on labels made by hand in the view that labels it, unless another one is open there.
    fn label_images_of(&mut self, config: &Config) {
        let folder = PathBuf::from(config.source());
        let by_hand = self.data.ready().is_some_and(|data| data.is_labelled_folder());
        if by_hand && self.labelling.folder.is_none() && disk::is_folder(&folder) {
            self.labelling.open(folder, self.new_options(), &self.context);
        }
    }

    /// Receives data that have been opened, and begins what waited for them.
    pub(super) fn receive_data(&mut self) {
        match self.data.poll() {
            None => {}
            Some(Arrived::Data(Opened { source, options, set })) => self.use_data(source, &options, set),
            Some(Arrived::Failed(failure)) => {
                // Labels need no other data.
                let on_labels = self.labelling.opening().is_some() || self.labelled_folder().is_some();
                self.waiting = self.waiting.take().filter(|waiting| match waiting {
                    Waiting::Train => on_labels,
                    Waiting::Labels(_) => true,
                    Waiting::Resume(_) => false,
                });
                let rest = if self.data.ready().is_some() { "; everything else stays as it is" } else { "" };
                self.log.add(format!("not opened: {}{rest}", failure.reason));
            }
        }
        if self.data.ready().is_some() && self.data.opening().is_none() {
            match self.waiting.take() {
                None => {}
                Some(Waiting::Resume(resume)) => self.resume(resume),
                // Images to label are still read.
                Some(waiting)
                    if matches!(waiting, Waiting::Labels(_)) || self.labelling.opening().is_some() =>
                {
                    self.waiting = Some(waiting);
                }
                Some(_) => self.train(),
            }
        }
    }

    /// Replaces the data of the next run, and ends the runs on other data.
    pub(super) fn use_data(&mut self, source: String, options: &OpenOptions, set: Arc<DataSet>) {
        (self.refused_run, self.listed) = (None, None);
        if let Some(folder) = &mut self.labelling.folder {
            let is_own = !source.starts_with("builtin:") && Path::new(&source) != folder.queue.own.folder;
            folder.is_latest &= !is_own;
        }
        self.end_runs();
        let config = &mut self.settings.config;
        config.set_data(source);
        config.set_open_options(options);
        // The window skips images that cannot be read.
        config.skip_bad |= set.decoding.skipped > 0;
        config.fit_ema(&set);
        self.log.add(format!("{}: {}, {} training images", set.name, set.format, set.train.len()));
        set.notices.iter().for_each(|notice| self.log.add(notice.clone()));
        self.thumbnails = Some(Thumbnails::new(set));
    }

    fn resume(&mut self, Resume { folder, config, train }: Resume) {
        let config = *config;
        let reports = read_reports(&folder.metrics()).unwrap_or_default();
        self.end_runs();
        self.settings.config = config.clone();
        self.settings.compare = None;
        self.log.add(format!("opened the run in {}", folder.path().display()));
        self.started = Some((config.clone(), None));
        self.label_images_of(&config);
        self.start_run(String::new(), config, Start::Resume(folder, reports));
        if train {
            self.send(&Command::Run);
        }
    }

    /// Lets the next run start from the weights in a file.
    pub(super) fn start_from(&mut self, path: &Path) {
        self.settings.config.init = Some(path.to_string_lossy().into_owned());
        self.costs.forget_weights();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        self.log.add(format!(
            "the next run starts from {name}; First weights under Training settings changes it"
        ));
        match self.settings.config.take_network_of_init() {
            Ok(notice) => notice.into_iter().for_each(|notice| self.log.add(format!("notice: {notice}"))),
            Err(error) => self.log.add(error.to_string()),
        }
    }

    /// Opens what was dropped on the window in this frame: a run, an ablation, weights to start from, images to label, or
    /// data. An image is classified by the runs, once they have made a step.
    pub(super) fn open_dropped(&mut self, ui: &Ui) {
        let Some(path) = platform::dropped(ui) else { return };
        let labelling = layout::is_shown(&self.settings.layout, &labelling::ID);
        // What a refused run lacks has the name that it had.
        let lacks =
            |run: &RefusedRun| run.lost.as_ref().is_some_and(|lost| lost.file_name() == path.file_name());
        if disk::exists(&RunFolder::new(&path).model()) {
            self.open_run(path);
        } else if self.refused_run.as_ref().is_some_and(lacks) {
            self.open_refused_run_on(path);
        } else if Plan::is_in(&path) {
            self.open_ablation(path);
        } else if is_weights_file(&path) {
            self.start_from(&path);
        } else if labelling && disk::is_folder(&path) {
            self.label_folder(path);
        } else if self.is_trained() && disk::exists(&path) && !disk::is_folder(&path) && is_image_file(&path)
        {
            self.send(&Command::ClassifyImage(path));
        } else {
            self.open_data(path.to_string_lossy().into_owned());
        }
    }

    /// Whether a run has made a step, and can go on.
    fn is_trained(&self) -> bool {
        let trained = |run: &Run| run.state.progress.is_some_and(|progress| progress.step > 0);
        self.runs.first().is_some_and(|run| trained(run) && !matches!(run.state.phase, Phase::Failed(_)))
    }
}
