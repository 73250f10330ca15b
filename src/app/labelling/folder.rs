//! A folder that is being labelled: its queue of images, their textures, the writer of its labels, and the run
//! that trains on them.

use std::cell::Cell;
use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use eframe::egui::{ColorImage, Context, TextureHandle, TextureOptions};
use futures_channel::oneshot;
use web_time::Instant;

use super::guesses::Guesses;
use super::kept::forget;
use super::queue::LabelQueue;
use super::undo::Undo;
use super::writer::{LabelWriter, SaveState, SavedLabels};
use crate::app::run::Run;
use crate::app::session::{Command, Phase};
use crate::app::{platform, textures};
use crate::data::{
    DataError, DataSet, LABELS_FILE, LabelledPictures, LabellingFolder, Labels, LabelsError, OpenOptions,
    Picture, counted, read_picture,
};

/// Pixels of the longer side of a large texture.
const LARGE_SIDE: u32 = 1_024;
/// Number of large textures in memory.
const LARGE_TEXTURES: usize = 8;
/// Number of small textures in memory.
const SMALL_TEXTURES: usize = 1_024;
/// Images with fewer pixels per side are magnified without filtering, so that their pixels are visible.
const MIN_FILTERED: usize = 64;
/// Time between two looks at whether someone else has changed the labels on disk.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Data to train on, and the source that opens them again.
pub struct TrainOn {
    pub data: Arc<DataSet>,
    pub source: String,
}

/// A folder that is being labelled.
pub struct OpenFolder {
    pub queue: LabelQueue,
    pub textures: ImageTextures,
    /// How its images were opened.
    pub opened: OpenOptions,
    /// Whether training may mirror the images.
    pub mirror: bool,
    /// Why the last action of the user failed.
    pub error: Option<String>,
    /// Why the last run was refused, and the number of changes of the labels then.
    refusal: Option<(String, u64)>,
    /// The labels that the folders of the images would give, until the user has decided whether these folders are classes.
    pub in_folders: Option<Labels>,
    /// Why labels are not written, if the folder's `labels.csv` could not be read.
    writer: Result<LabelWriter, String>,
    /// Changes of the queue that have been handed to the writer.
    written: u64,
    /// The last failure that was reported to the log.
    reported: Option<String>,
    /// When the labels on disk were last looked at.
    looked: Instant,
    /// The data of the last run that was started here.
    trained: Option<Arc<DataSet>>,
    /// Whether the labels differ from those of a run, as of these changes and that run's data.
    differs: Cell<Option<(u64, *const DataSet, bool)>>,
    /// The run's step at the last request for guesses.
    requested: Option<u64>,
    /// The folder of labels that could not be saved before, until they are.
    pub(super) kept: Option<PathBuf>,
    /// Whether the person has opened no other data of their own since.
    pub is_latest: bool,
}

/// Labels that were made before, elsewhere than in the files beside the images.
pub struct Earlier {
    pub labels: Labels,
    /// The folder that keeps them until they are saved.
    pub kept: Option<PathBuf>,
    /// What the log tells of their pictures.
    pub told: Vec<String>,
}

/// What stays of a folder whose images are read again.
pub struct Before {
    own: Arc<LabellingFolder>,
    labels: Labels,
    /// Whether the labels are not in the files, and if so, whether a person has made them.
    unsaved: Option<bool>,
    undo: Undo,
    current: usize,
    mirror: bool,
    /// Whether the question about folders was answered.
    answered: bool,
    kept: Option<PathBuf>,
}

impl OpenFolder {
    /// `own` has at least one image; `saved` are the labels in its files. If these could not be read they are somebody
    /// else's, and are not overwritten. `earlier` are labels that were made before, elsewhere than in these files.
    pub fn new(
        own: LabellingFolder,
        saved: Result<SavedLabels, LabelsError>,
        earlier: Option<Earlier>,
        opened: OpenOptions,
        context: &Context,
    ) -> Self {
        let own = Arc::new(own);
        let context = context.clone();
        let (mut in_folders, mut has_moved) = (None, false);
        let (labels, writer) = match saved {
            Ok(saved) => {
                in_folders = own.folder_labels().filter(|_| !saved.exist());
                has_moved = !saved.followed.messages().is_empty();
                let labels = saved.followed.labels.clone();
                let writer = LabelWriter::new(Arc::clone(&own), saved, move || context.request_repaint());
                (labels, Ok(writer))
            }
            Err(error) => (Labels::default(), Err(error.to_string())),
        };
        let mut queue = LabelQueue::new(Arc::clone(&own), labels);
        if has_moved {
            queue.mark_changed();
        }
        let mut kept = None;
        if let Some(earlier) = earlier {
            let merged = earlier.labels.merge_saved(&Labels::default(), queue.labels(), &own.files);
            queue.adopt(merged.labels, &[]);
            queue.see_classes();
            kept = earlier.kept;
        }
        let mut folder = Self {
            queue,
            textures: ImageTextures::default(),
            opened,
            mirror: true,
            error: None,
            refusal: None,
            in_folders,
            writer,
            written: 0,
            reported: None,
            looked: Instant::now(),
            trained: None,
            differs: Cell::default(),
            requested: None,
            kept,
            is_latest: true,
        };
        if folder.queue.changes() == 0 {
            // The files have all of them.
            folder.forget_kept();
        }
        folder
    }

    /// The name of the folder.
    pub fn name(&self) -> String {
        let folder = &self.queue.own.folder;
        folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy().into_owned()
    }

    /// Ends the writing of labels, so that the images can be read again.
    pub fn end(mut self) -> Before {
        self.write_unsaved();
        let state = match &mut self.writer {
            Ok(writer) => {
                writer.end();
                writer.state()
            }
            Err(reason) => SaveState::Failed(reason.clone()),
        };
        let unsaved = !matches!(state, SaveState::Saved) && !self.queue.labels().made().is_empty();
        let (own, current) = (Arc::clone(&self.queue.own), self.queue.current());
        let unsaved = unsaved.then_some(self.queue.changes() > 0);
        let (undo, labels) = self.queue.into_undo();
        let (mirror, answered, kept) = (self.mirror, self.in_folders.is_none(), self.kept);
        Before { own, labels, unsaved, undo, current, mirror, answered, kept }
    }

    /// Goes on where the same folder was before its images were read again.
    pub fn go_on(&mut self, before: Before) {
        let Before { own, labels, unsaved, undo, current, mirror, answered, kept } = before;
        let files = &self.queue.own.files;
        let place = files.iter().position(|file| *file == own.files[current]);
        let undo = undo.of_files(&own.files, files);
        let of_files = labels.of_files(&own.files, files);
        if let Some(by_hand) = unsaved {
            let pictures = LabelledPictures::of(&labels, &own.files, &own.ids);
            let labels = of_files.follow_pictures(&pictures, files, &self.queue.own.ids).labels;
            let merged = labels.merge_saved(&Labels::default(), self.queue.labels(), files).labels;
            match by_hand {
                true => self.queue.adopt(merged, &[]),
                false => self.queue.begin_with(merged),
            }
            self.queue.see_classes();
        }
        self.queue.remember(undo, &of_files);
        place.into_iter().for_each(|image| self.queue.go_to(image));
        self.mirror = mirror;
        self.kept = self.kept.take().or(kept);
        if answered {
            self.in_folders = None;
        }
    }

    /// Tries again to save labels that are not saved, waits for that, and returns why they are not saved, if so.
    pub fn save_now(&mut self, limit: Duration) -> Option<String> {
        self.write_unsaved();
        if let Ok(writer) = &mut self.writer {
            platform::wait_until(limit, || !writer.is_busy());
        }
        match self.save_state() {
            _ if self.queue.changes() == 0 => None,
            SaveState::Failed(reason) => Some(reason),
            SaveState::Pending => Some("the disk does not answer".to_owned()),
            SaveState::Saved | SaveState::Unwritten => None,
        }
    }

    /// Has labels written that are not, also those that could not be.
    fn write_unsaved(&mut self) {
        if let Ok(writer) = &mut self.writer
            && (self.queue.changes() > self.written || matches!(writer.state(), SaveState::Failed(_)))
        {
            writer.write(self.queue.labels());
            self.written = self.queue.changes();
        }
    }

    /// Removes the labels that could not be saved before.
    fn forget_kept(&mut self) {
        if let (Some(place), Ok(_)) = (&self.kept, &self.writer) {
            forget(place);
            self.kept = None;
        }
    }

    /// Labels the images that have no label with the folders that they are in. Returns a message for the log.
    pub fn take_folders_as_classes(&mut self) -> Option<String> {
        let labels = self.in_folders.take()?;
        let merged = self.queue.labels().merge_saved(&Labels::default(), &labels, &self.queue.own.files);
        self.queue.begin_with(merged.labels);
        let taken = counted(merged.added.len(), "label is", "labels are");
        Some(format!("{taken} taken from the folders: {LABELS_FILE} keeps them from the first change on"))
    }

    /// Hands changed labels to the writer and takes over what someone else has saved; returns messages for the log.
    pub fn save(&mut self, context: &Context) -> Vec<String> {
        let Ok(writer) = &mut self.writer else { return self.new_failure().into_iter().collect() };
        while let Some(merge) = writer.next_merge() {
            let now = self.queue.labels();
            let (merged, renamed) = match *now == merge.sent {
                true => (merge.merged, merge.renamed),
                false => {
                    let merged = now.merge_saved(&merge.sent, &merge.merged, &self.queue.own.files);
                    (merged.labels, merged.renamed)
                }
            };
            self.queue.adopt(merged, &renamed);
        }
        let outdated = self.looked.elapsed() >= LOOK_EVERY && {
            self.looked = Instant::now();
            // What could not be saved, as on a drive that was away, is tried again.
            writer.is_outdated() || matches!(writer.state(), SaveState::Failed(_))
        };
        context.request_repaint_after(LOOK_EVERY);
        if outdated || self.queue.changes() > self.written {
            writer.write(self.queue.labels());
        }
        self.written = self.queue.changes();
        let mut messages = writer.messages();
        if writer.state() == SaveState::Saved && !writer.is_busy() {
            self.forget_kept();
        }
        messages.extend(self.new_failure());
        messages
    }

    /// A failure to save the labels that the log does not have yet.
    fn new_failure(&mut self) -> Option<String> {
        let failure = match self.save_state() {
            SaveState::Failed(reason) => {
                Some(format!("labels not saved, they exist in this window only: {reason}"))
            }
            SaveState::Saved | SaveState::Unwritten => None,
            SaveState::Pending => return None,
        };
        let is_new = failure != self.reported;
        self.reported.clone_from(&failure);
        failure.filter(|_| is_new)
    }

    /// Whether the labels are on disk.
    pub fn save_state(&self) -> SaveState {
        match &self.writer {
            Ok(writer) => writer.state(),
            Err(reason) => SaveState::Failed(reason.clone()),
        }
    }

    /// Remembers why training could not start.
    pub fn refuse(&mut self, reason: String) {
        self.refusal = Some((reason, self.queue.changes()));
    }

    /// Why training could not start on the labels of now, if it was tried.
    pub fn refusal(&self) -> Option<&str> {
        let (reason, _) = self.refusal.as_ref().filter(|(_, changes)| *changes == self.queue.changes())?;
        Some(reason)
    }

    /// The data set of the current labels, for a new run.
    ///
    /// # Errors
    /// When there are fewer than two classes, or a class has no label, with a message for the user.
    pub fn train(&mut self) -> Result<TrainOn, String> {
        let own = Arc::clone(&self.queue.own);
        let mut data = own.data_set(self.queue.labels()).map_err(|error| error.to_string())?;
        data.flip = self.mirror;
        let data = Arc::new(data);
        self.queue.begin_run();
        self.refusal = None;
        self.trained = Some(Arc::clone(&data));
        self.requested = None;
        Ok(TrainOn { data, source: own.folder.to_string_lossy().into_owned() })
    }

    /// The run that trains on these images, if any.
    pub fn run<'a>(&self, runs: &'a [Run]) -> Option<&'a Run> {
        let own = &self.queue.own;
        // A run opened from disk has loaded the same images again.
        let same_source = |run: &Run| {
            let data = &run.session.data;
            data.is_labelled_folder()
                && data.train.len() == own.files.len()
                && [run.session.config.data.as_str(), run.session.config.source()]
                    .iter()
                    .any(|source| Path::new(source) == own.folder)
        };
        let started_here =
            |run: &Run| self.trained.as_ref().is_some_and(|data| Arc::ptr_eq(data, &run.session.data));
        runs.iter().find(|run| started_here(run) || same_source(run))
    }

    /// How the classes of now differ from those of the model that guesses or is exported, in words; `None` if they do not.
    pub fn class_changes(&self, runs: &[Run]) -> Option<String> {
        match self.run(runs) {
            Some(run) => self.queue.differences(run.classes()),
            None => self.queue.differences(self.queue.guesses()?.trained()),
        }
    }

    /// Whether the labels are others than those that a run of this folder was started on.
    pub fn differs_from(&self, run: &Run) -> bool {
        let (changes, data) = (self.queue.changes(), &run.session.data);
        match self.differs.get() {
            Some((at, of, differs)) if (at, of) == (changes, Arc::as_ptr(data)) => differs,
            _ => {
                let differs = self.has_other_labels(data);
                self.differs.set(Some((changes, Arc::as_ptr(data), differs)));
                differs
            }
        }
    }

    /// Whether a set of these images has other labels, held out or not, than there are now.
    fn has_other_labels(&self, data: &DataSet) -> bool {
        let class = |class: u32| data.classes[class as usize].as_str();
        let train = data.train_ids.files.iter().zip(&data.train_labels);
        let train = train.filter_map(|(file, label)| Some((file.as_str(), class((*label)?))));
        let test = data.test_ids.files.iter().zip(&data.test_labels);
        let of_run: HashMap<&str, &str> =
            train.chain(test.map(|(file, label)| (file.as_str(), class(*label)))).collect();
        let (labels, files) = (self.queue.labels(), &self.queue.own.files);
        let now = |image: usize| labels.of(image).map(|class| labels.classes()[class as usize].as_str());
        of_run.len() != labels.made().len()
            || labels.made().iter().any(|&image| of_run.get(files[image].as_str()).copied() != now(image))
    }

    /// Takes the predictions of a run as guesses, and requests new ones when the run pauses or finishes.
    pub fn update_guesses(&mut self, run: &Run) {
        let state = &run.state;
        if let Some(predictions) = &state.predictions
            && !self.queue.has_guesses_of(predictions)
            && predictions.images() == self.queue.own.files.len()
        {
            self.queue.set_guesses(Guesses::new(Arc::clone(predictions), run.classes().to_vec()));
        }
        let step = state.progress.map_or(0, |progress| progress.step);
        let idle = matches!(state.phase, Phase::Paused | Phase::Finished);
        if idle && step > 0 && self.requested != Some(step) {
            self.request_guesses(run);
        }
    }

    /// Asks a run to predict all images.
    pub fn request_guesses(&mut self, run: &Run) {
        self.requested = run.state.progress.map(|progress| progress.step);
        run.session.send(Command::Predict);
    }
}

/// A large texture, or why its file could not be decoded.
pub type LargeTexture = Result<TextureHandle, String>;

/// Textures of a folder's images: large ones decoded from the files, small ones as the network sees the images.
#[derive(Default)]
pub struct ImageTextures {
    large: VecDeque<(usize, LargeTexture)>,
    decoding: Option<(usize, oneshot::Receiver<Result<Picture, DataError>>)>,
    small: HashMap<usize, TextureHandle>,
}

impl ImageTextures {
    /// The large texture of an image, or `None` while it is decoded in the background. `next` is the image to
    /// decode ahead.
    pub fn large(
        &mut self,
        context: &Context,
        own: &Arc<LabellingFolder>,
        image: usize,
        next: Option<usize>,
    ) -> Option<LargeTexture> {
        self.receive(context);
        let missing = [Some(image), next].into_iter().flatten().find(|image| self.cached(*image).is_none());
        if let (Some(missing), None) = (missing, &self.decoding) {
            let (sender, receiver) = oneshot::channel();
            let (path, waker) = (own.path(missing), context.clone());
            platform::offload(move || {
                // The receiver is gone if another folder was opened meanwhile.
                let _ = sender.send(read_picture(&path, LARGE_SIDE));
                waker.request_repaint();
            });
            self.decoding = Some((missing, receiver));
        }
        self.cached(image).cloned()
    }

    fn cached(&self, image: usize) -> Option<&LargeTexture> {
        self.large.iter().find(|(cached, _)| *cached == image).map(|(_, texture)| texture)
    }

    fn receive(&mut self, context: &Context) {
        let Some((image, receiver)) = &mut self.decoding else { return };
        let texture = match receiver.try_recv() {
            Ok(None) => return,
            Ok(Some(Ok(picture))) => Ok(load(context, *image, &picture)),
            Ok(Some(Err(error))) => Err(error.problem()),
            Err(oneshot::Canceled) => Err("the decoder panicked".to_owned()),
        };
        self.large.push_back((*image, texture));
        self.decoding = None;
        if self.large.len() > LARGE_TEXTURES {
            self.large.pop_front();
        }
    }

    /// The texture of an image as the network sees it.
    pub fn small(&mut self, context: &Context, own: &LabellingFolder, image: usize) -> TextureHandle {
        if self.small.len() > SMALL_TEXTURES {
            self.small.clear();
        }
        let load = || {
            let picture = textures::color_image(&own.images, image);
            context.load_texture(format!("labelled {image}"), picture, TextureOptions::NEAREST)
        };
        self.small.entry(image).or_insert_with(load).clone()
    }
}

fn load(context: &Context, image: usize, picture: &Picture) -> TextureHandle {
    let Picture { width, height, pixels } = picture;
    let filtered = (*width).max(*height) >= MIN_FILTERED;
    let options = if filtered { TextureOptions::LINEAR } else { TextureOptions::NEAREST };
    context.load_texture(format!("large {image}"), ColorImage::from_rgb([*width, *height], pixels), options)
}
