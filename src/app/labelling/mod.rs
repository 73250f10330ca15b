//! Labelling of the user's own images: opens a folder in the background and keeps it open. `folder` holds what
//! is open, `queue` the labels and their order, `guesses` those of the model, `writer` the files, `kept` what could not be
//! written, `elsewhere` what others have changed in the classes.

mod elsewhere;
mod folder;
mod guesses;
mod kept;
mod queue;
mod undo;
mod writer;

use std::path::{Path, PathBuf};
use std::time::Duration;

use eframe::egui::Context;
use futures_channel::oneshot;

use folder::Earlier;
pub use folder::{OpenFolder, TrainOn};
use kept::KeptLabels;
pub use kept::Unsaved;
pub use queue::Order;
pub use writer::SaveState;
use writer::SavedLabels;

use super::documents::archive_in;
use super::platform;
use crate::data::{
    DataError, LABELS_FILE, LabelledPictures, LabellingFolder, Labels, LabelsError, OpenOptions,
    PICTURES_FILE, counted,
};
use crate::disk;

/// How long a folder that is opened waits for the labels of another one to be saved.
const SAVE_LIMIT: Duration = Duration::from_secs(10);

/// The open folder, if any, and the one that is being opened.
#[derive(Default)]
pub struct Labelling {
    pub folder: Option<OpenFolder>,
    opening: Option<Opening>,
    failure: Option<String>,
    kept: KeptLabels,
    /// Messages that the log does not have yet.
    messages: Vec<String>,
}

struct Opening {
    path: PathBuf,
    options: OpenOptions,
    receiver: oneshot::Receiver<Result<Contents, DataError>>,
}

/// The images of a folder and the labels in its files.
struct Contents {
    own: LabellingFolder,
    saved: Result<SavedLabels, LabelsError>,
    /// Labels of an earlier visit, which a page keeps in the browser, or that could not be saved beside the images.
    earlier: Option<Earlier>,
}

impl Contents {
    fn new(own: LabellingFolder, kept: &KeptLabels) -> Self {
        let saved = SavedLabels::read(&own);
        let kept = kept.of(&own.folder);
        let place = platform::earlier_labels(&own.folder).or_else(|| kept.clone());
        let earlier = place.and_then(|folder| {
            let pictures =
                LabelledPictures::parse(&disk::read(&folder.join(PICTURES_FILE)).unwrap_or_default());
            Some(own.read_labels_in(&folder).ok()?.follow_pictures(&pictures, &own.files, &own.ids))
        });
        // A folder of the same name may have other images.
        let earlier = earlier.filter(|earlier| !earlier.labels.made().is_empty());
        let earlier =
            earlier.map(|earlier| Earlier { told: earlier.messages(), labels: earlier.labels, kept });
        Self { own, saved, earlier }
    }

    /// What the log tells of the folder.
    fn messages(&self) -> Vec<String> {
        let mut messages = self.own.notices.clone();
        if let Ok(saved) = &self.saved {
            messages.extend(saved.followed.labels.notices());
            messages.extend(saved.followed.messages());
        }
        if let Some(Earlier { labels, kept, told }) = &self.earlier {
            messages.extend_from_slice(told);
            let count = counted(labels.made().len(), "label", "labels");
            messages.push(match kept {
                None => format!("{count} of an earlier visit taken from this browser"),
                Some(place) => {
                    let saved = self.saved.as_ref().map(|saved| saved.followed.labels.clone()).unwrap_or_default();
                    let merged = labels.merge_saved(&Labels::default(), &saved, &self.own.files);
                    let differing = match merged.conflicts.as_slice() {
                        [] => String::new(),
                        some => format!("; {LABELS_FILE} had others for {}", some.join(", ")),
                    };
                    format!(
                        "{count} of an earlier visit, which could not be saved then, taken from {}{differing}",
                        place.display()
                    )
                }
            });
        }
        messages
    }
}

impl Labelling {
    /// Keeps labels that cannot be saved beside their images in this folder.
    pub fn keep_unsaved_in(&mut self, folder: Option<PathBuf>) {
        self.kept = KeptLabels::new(folder);
    }

    /// Opens a folder in the background; images that cannot be read are skipped. An open folder stays open until this succeeds.
    pub fn open(&mut self, path: PathBuf, options: OpenOptions, context: &Context) {
        if disk::exists(&path) && !disk::is_folder(&path) {
            self.opening = Some(Opening { path, options, receiver: oneshot::channel().1 });
            self.fail(
                "an archive or a single file cannot be labelled: unpack it, and open the folder".to_owned(),
            );
            return;
        }
        let (sender, receiver) = oneshot::channel();
        let (folder, context, kept) = (path.clone(), context.clone(), self.kept.clone());
        let skipping = OpenOptions { skip_bad: true, ..options.clone() };
        platform::spawn(move || async move {
            let own = platform::interleave(LabellingFolder::open_async(&folder, &skipping)).await;
            let contents = own.map(|own| Contents::new(own, &kept));
            // The receiver is gone if another folder was requested meanwhile.
            let _ = sender.send(contents);
            context.request_repaint();
        });
        self.failure = None;
        self.opening = Some(Opening { path, options, receiver });
    }

    /// The folder that is being opened.
    pub fn opening(&self) -> Option<&Path> {
        self.opening.as_ref().map(|opening| opening.path.as_path())
    }

    /// Why the folder requested last could not be opened.
    pub fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// Receives the folder once it is read and saves changed labels; call it once per frame. Returns new messages
    /// for the log.
    pub fn advance(&mut self, context: &Context) -> Vec<String> {
        let received = self.opening.as_mut().map(|opening| opening.receiver.try_recv());
        match received {
            None | Some(Ok(None)) => {}
            Some(Ok(Some(Ok(contents)))) => {
                self.replace(contents, context);
            }
            Some(Ok(Some(Err(error)))) => {
                let archive = self
                    .opening()
                    .and_then(archive_in)
                    .filter(|_| matches!(error, DataError::NoImages { .. }));
                self.fail(archive.map_or_else(
                    || error.to_string(),
                    |name| format!("images in an archive cannot be labelled: unpack {name}, and open or drop the folder"),
                ));
            }
            Some(Err(oneshot::Canceled)) => self.fail("reading the images panicked".to_owned()),
        }
        if let Some(folder) = &mut self.folder {
            self.messages.extend(folder.save(context));
        }
        std::mem::take(&mut self.messages)
    }

    /// Opens a folder that has been read in place of the one that is open, whose labels are saved or kept. The same folder
    /// goes on where it was.
    fn replace(&mut self, mut contents: Contents, context: &Context) {
        let same = |open: &OpenFolder| open.queue.own.folder == contents.own.folder;
        let mut before = None;
        if self.folder.as_ref().is_some_and(same) {
            before = self.folder.take().map(OpenFolder::end);
            contents.saved = SavedLabels::read(&contents.own);
        } else if let Some(unsaved) = self.save_before_closing(SAVE_LIMIT) {
            let told = unsaved.to_string();
            if unsaved.kept.is_err() {
                self.fail(told);
                return;
            }
            self.messages.push(told);
        }
        let options = self.opening.take().map(|opening| opening.options).unwrap_or_default();
        self.messages.extend(contents.messages());
        let Contents { own, saved, earlier } = contents;
        let mut folder = OpenFolder::new(own, saved, earlier, options, context);
        before.into_iter().for_each(|before| folder.go_on(before));
        self.folder = Some(folder);
    }

    /// Tries again to save labels that are not saved, and keeps them elsewhere if that fails. Returns what is not saved.
    pub fn save_before_closing(&mut self, limit: Duration) -> Option<Unsaved> {
        let folder = self.folder.as_mut()?;
        let reason = folder.save_now(limit)?;
        let (own, labels) = (&folder.queue.own, folder.queue.labels());
        let kept = self.kept.keep(own, labels);
        let unsaved = Unsaved { folder: own.folder.clone(), labels: labels.made().len(), reason, kept };
        folder.kept = folder.kept.take().or_else(|| unsaved.kept.clone().ok());
        Some(unsaved)
    }

    /// Takes the folders of the images as their classes, as the user has decided.
    pub fn take_folders_as_classes(&mut self) {
        let message = self.folder.as_mut().and_then(OpenFolder::take_folders_as_classes);
        self.messages.extend(message);
    }

    /// The model's guess for every image as a CSV file; `None` before the first guesses.
    pub fn predictions(&self) -> Option<Vec<u8>> {
        let queue = &self.folder.as_ref()?.queue;
        Some(queue.guesses()?.csv(&queue.own.files, queue.labels()))
    }

    fn fail(&mut self, reason: String) {
        let path = self.opening.take().map(|opening| opening.path).unwrap_or_default();
        self.messages.push(format!("{}: not opened: {reason}", path.display()));
        self.failure = Some(reason);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Images, SplitRule};

    /// A folder of grey images `0.png`, `1.png` and so on, 8x8.
    pub fn own(folder: &Path, images: usize) -> LabellingFolder {
        LabellingFolder {
            folder: folder.to_owned(),
            files: (0..images).map(|i| format!("{i}.png")).collect(),
            paths: (0..images).map(|i| folder.join(format!("{i}.png"))).collect(),
            images: Images::new(8, 8, 1, vec![0; 64 * images]),
            originals: Default::default(),
            stamps: Default::default(),
            decoding: Default::default(),
            split: SplitRule::Content,
            recorded: None,
            in_folders: vec![None; images],
            none_as_class: false,
            ids: Vec::new(),
            notices: Vec::new(),
        }
    }
}
