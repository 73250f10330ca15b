//! Labelling of the user's own images: opens a folder in the background and keeps it open. `folder` holds what
//! is open, `queue` the labels and their order, `writer` the files.

mod folder;
mod queue;
mod writer;

use std::path::{Path, PathBuf};

use eframe::egui::Context;
use futures_channel::oneshot;

pub use folder::{OpenFolder, TrainOn};
pub use queue::Order;
pub use writer::SaveState;

use super::platform;
use crate::data::{DataError, LabellingFolder, Labels, LabelsError, OpenOptions};
use crate::disk;

/// The open folder, if any, and the one that is being opened.
#[derive(Default)]
pub struct Labelling {
    pub folder: Option<OpenFolder>,
    opening: Option<Opening>,
    failure: Option<String>,
    /// Messages that the log does not have yet.
    messages: Vec<String>,
}

struct Opening {
    path: PathBuf,
    receiver: oneshot::Receiver<Result<Contents, DataError>>,
}

/// The images of a folder and the labels in its `labels.csv`.
struct Contents {
    own: LabellingFolder,
    labels: Result<Labels, LabelsError>,
}

impl Labelling {
    /// Opens a folder in the background; images that cannot be read are skipped. An open folder stays open until this succeeds.
    pub fn open(&mut self, path: PathBuf, options: OpenOptions, context: &Context) {
        if disk::exists(&path) && !disk::is_folder(&path) {
            self.opening = Some(Opening { path, receiver: oneshot::channel().1 });
            self.fail(
                "an archive or a single file cannot be labelled: unpack it, and open the folder".to_owned(),
            );
            return;
        }
        let (sender, receiver) = oneshot::channel();
        let (folder, context) = (path.clone(), context.clone());
        platform::spawn(move || async move {
            let options = OpenOptions { skip_bad: true, ..options };
            let contents = platform::interleave(LabellingFolder::open_async(&folder, &options))
                .await
                .map(|own| Contents { labels: own.read_labels(), own });
            // The receiver is gone if another folder was requested meanwhile.
            let _ = sender.send(contents);
            context.request_repaint();
        });
        self.failure = None;
        self.opening = Some(Opening { path, receiver });
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
                self.opening = None;
                self.messages.extend(contents.own.notices.iter().cloned());
                self.folder = Some(OpenFolder::new(contents.own, contents.labels, context));
            }
            Some(Ok(Some(Err(error)))) => self.fail(error.to_string()),
            Some(Err(oneshot::Canceled)) => self.fail("reading the images panicked".to_owned()),
        }
        self.messages.extend(self.folder.as_mut().and_then(OpenFolder::save));
        std::mem::take(&mut self.messages)
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
