//! Writes labels next to their images on a thread of their own, so that a slow disk does not block the window.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};

use futures_channel::mpsc::{UnboundedSender, unbounded};

use crate::app::platform;
use crate::data::{CLASSES_FILE, LABELS_FILE, Labels};
use crate::train::{TrainError, write_atomically};

/// The files to write.
struct Content {
    number: u64,
    labels: Vec<u8>,
    classes: Vec<u8>,
}

/// The result of the last write.
#[derive(Clone, Debug, Default)]
struct Outcome {
    number: u64,
    /// Why the write failed, as a message for the user.
    failure: Option<String>,
}

/// Whether the labels are on disk.
#[derive(Clone, Debug, PartialEq)]
pub enum SaveState {
    Saved,
    /// The write is under way.
    Pending,
    /// The write failed, with a message for the user; the next change writes again.
    Failed(String),
}

/// Writes the labels of one folder in the background. Dropping it waits for the last write, except on the page,
/// where nothing can wait.
pub struct LabelWriter {
    queue: UnboundedSender<Content>,
    outcome: Arc<Mutex<Outcome>>,
    sent: u64,
    /// Closed when the thread has ended.
    ended: Receiver<()>,
}

impl LabelWriter {
    /// Starts the writer of a folder. `wake` is called after every write, failed or not.
    pub fn new(folder: PathBuf, wake: impl Fn() + Send + 'static) -> Self {
        let (queue, mut waiting) = unbounded::<Content>();
        let (end, ended) = mpsc::channel();
        let outcome = Arc::new(Mutex::new(Outcome::default()));
        let published = Arc::clone(&outcome);
        platform::spawn(move || async move {
            while let Ok(mut content) = waiting.recv().await {
                // Only the latest content matters.
                while let Ok(later) = waiting.try_recv() {
                    content = later;
                }
                let failure = write(&folder, &content).err().map(|error| error.to_string());
                if let Ok(mut outcome) = published.lock() {
                    *outcome = Outcome { number: content.number, failure };
                }
                wake();
            }
            drop(end);
        });
        Self { queue, outcome, sent: 0, ended }
    }

    /// Queues labels to be written; `files` are the image files, `[images]`.
    pub fn write(&mut self, labels: &Labels, files: &[String]) {
        self.sent += 1;
        let (labels, classes) = (labels.labels_file(files), labels.classes_file());
        let content = Content { number: self.sent, labels, classes };
        // The receiver lives as long as this sender.
        let _ = self.queue.unbounded_send(content);
    }

    /// Whether the labels of the last [`LabelWriter::write`] are on disk.
    pub fn state(&self) -> SaveState {
        let outcome = self.outcome.lock().map(|outcome| outcome.clone()).unwrap_or_default();
        match outcome.failure {
            Some(reason) => SaveState::Failed(reason),
            None if outcome.number == self.sent => SaveState::Saved,
            None => SaveState::Pending,
        }
    }
}

impl Drop for LabelWriter {
    fn drop(&mut self) {
        self.queue.close_channel();
        platform::wait_for_end(&self.ended);
    }
}

fn write(folder: &Path, content: &Content) -> Result<(), TrainError> {
    write_atomically(&folder.join(LABELS_FILE), &content.labels)?;
    write_atomically(&folder.join(CLASSES_FILE), &content.classes)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn dropped_writer_leaves_the_last_labels_on_disk() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = ["a.png".to_owned(), "b.png".to_owned()];
        let mut writer = LabelWriter::new(folder.path().to_owned(), || {});
        let mut labels = Labels::default();
        let class = labels.add_class("cat").expect("a name");
        for image in 0..2 {
            labels.set(image, class);
            writer.write(&labels, &files);
        }
        drop(writer);
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).expect("a file");
        assert_eq!(read(LABELS_FILE), "file,label\na.png,cat\nb.png,cat\n");
        assert_eq!(read(CLASSES_FILE), "cat\n");
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 2, "no temporary files");
    }

    #[test]
    fn failed_write_is_reported_and_retried() {
        let folder = tempfile::tempdir().expect("a folder");
        let inner = folder.path().join("inner");
        let mut writer = LabelWriter::new(inner.clone(), || {});
        assert_eq!(writer.state(), SaveState::Saved);
        writer.write(&Labels::default(), &[]);
        while writer.state() == SaveState::Pending {
            std::thread::yield_now();
        }
        assert!(
            matches!(writer.state(), SaveState::Failed(reason) if reason.contains("writing into this folder"))
        );
        fs::create_dir(&inner).expect("a folder");
        writer.write(&Labels::default(), &[]);
        while writer.state() != SaveState::Saved {
            std::thread::yield_now();
        }
        assert!(inner.join(LABELS_FILE).exists());
    }
}
