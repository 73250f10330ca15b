//! Writes labels beside their images, apart from the window: a slow disk does not hold up the keys.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};

use futures_channel::mpsc::{UnboundedSender, unbounded};

use crate::app::platform;
use crate::data::{CLASSES_FILE, LABELS_FILE, Labels};
use crate::train::{TrainError, write_atomically};

/// What is to be written.
struct Content {
    number: u64,
    labels: Vec<u8>,
    classes: Vec<u8>,
}

/// What became of what was written last.
#[derive(Clone, Debug, Default)]
struct Outcome {
    number: u64,
    /// Why it is not on disk, in words.
    failure: Option<String>,
}

/// Whether labels are on disk.
#[derive(Clone, Debug, PartialEq)]
pub enum Saved {
    Yes,
    /// In a moment.
    Soon,
    /// The reason in words; the next change tries again.
    No(String),
}

/// Writes the labels of one folder. Dropping it waits until the last are on disk, where one can wait.
pub struct Saver {
    queue: UnboundedSender<Content>,
    outcome: Arc<Mutex<Outcome>>,
    sent: u64,
    /// Closed when the writer has ended.
    ended: Receiver<()>,
}

impl Saver {
    /// `wake` is called when something has been written, or could not be.
    pub fn new(folder: PathBuf, wake: impl Fn() + Send + 'static) -> Self {
        let (queue, mut waiting) = unbounded::<Content>();
        let (end, ended) = mpsc::channel();
        let outcome = Arc::new(Mutex::new(Outcome::default()));
        let told = Arc::clone(&outcome);
        platform::spawn(move || async move {
            while let Ok(mut content) = waiting.recv().await {
                // Only the last of those that have come meanwhile matters.
                while let Ok(later) = waiting.try_recv() {
                    content = later;
                }
                let failure = write(&folder, &content).err().map(|error| error.to_string());
                if let Ok(mut told) = told.lock() {
                    *told = Outcome { number: content.number, failure };
                }
                wake();
            }
            drop(end);
        });
        Self { queue, outcome, sent: 0, ended }
    }

    /// Has labels written, for images in these files.
    pub fn save(&mut self, labels: &Labels, files: &[String]) {
        self.sent += 1;
        let (labels, classes) = (labels.labels_file(files), labels.classes_file());
        let content = Content { number: self.sent, labels, classes };
        // The writer ends only with this.
        let _ = self.queue.unbounded_send(content);
    }

    pub fn saved(&self) -> Saved {
        let outcome = self.outcome.lock().map(|outcome| outcome.clone()).unwrap_or_default();
        match outcome.failure {
            Some(reason) => Saved::No(reason),
            None if outcome.number == self.sent => Saved::Yes,
            None => Saved::Soon,
        }
    }
}

impl Drop for Saver {
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
    fn what_was_saved_last_is_on_disk_when_the_saver_is_gone() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = ["a.png".to_owned(), "b.png".to_owned()];
        let mut saver = Saver::new(folder.path().to_owned(), || {});
        let mut labels = Labels::default();
        let class = labels.add_class("cat").expect("a name");
        for image in 0..2 {
            labels.set(image, class);
            saver.save(&labels, &files);
        }
        drop(saver);
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).expect("a file");
        assert_eq!(read(LABELS_FILE), "file,label\na.png,cat\nb.png,cat\n");
        assert_eq!(read(CLASSES_FILE), "cat\n");
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 2, "no remains");
    }

    #[test]
    fn a_failure_is_told_and_the_next_change_tries_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let inner = folder.path().join("inner");
        let mut saver = Saver::new(inner.clone(), || {});
        assert_eq!(saver.saved(), Saved::Yes);
        saver.save(&Labels::default(), &[]);
        while saver.saved() == Saved::Soon {
            std::thread::yield_now();
        }
        assert!(matches!(saver.saved(), Saved::No(reason) if reason.contains("writing into this folder")));
        fs::create_dir(&inner).expect("a folder");
        saver.save(&Labels::default(), &[]);
        while saver.saved() != Saved::Yes {
            std::thread::yield_now();
        }
        assert!(inner.join(LABELS_FILE).exists());
    }
}
