//! Writes labels next to their images on a thread of their own, so that a slow disk does not block the window.
//!
//! Someone else may write `labels.csv` meanwhile: a spreadsheet, a second window, a colleague on a share. Before each write
//! the files are compared with those that were read or written last, and what has changed is merged into the labels, see
//! [`Labels::merge_saved`].

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};

use futures_channel::mpsc::{UnboundedSender, unbounded};
use web_time::SystemTime;

use crate::app::platform;
use crate::data::{CLASSES_FILE, LABELS_FILE, LabellingFolder, Labels, LabelsError};
use crate::disk;
use crate::train::write_atomically;

/// The bytes of the two files; `None` where there is no such file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Files {
    labels: Option<Vec<u8>>,
    classes: Option<Vec<u8>>,
}

impl Files {
    fn read(folder: &Path) -> Result<Self, String> {
        let read = |name: &str| match disk::read(&folder.join(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!("cannot read {name}: {error}")),
        };
        Ok(Self { labels: read(LABELS_FILE)?, classes: read(CLASSES_FILE)? })
    }
}

/// The labels of a folder as its files have them.
#[derive(Clone, Debug, Default)]
pub struct SavedLabels {
    pub labels: Labels,
    files: Files,
    /// When `labels.csv` was written, and its length.
    mark: Option<Mark>,
}

impl SavedLabels {
    /// Reads the files of a folder.
    ///
    /// # Errors
    /// When a file cannot be read, or was not written by this program.
    pub fn read(own: &LabellingFolder) -> Result<Self, LabelsError> {
        let mark = mark(&own.folder);
        // A file that cannot be read is reported with its labels.
        let files = Files::read(&own.folder).unwrap_or_default();
        Ok(Self { labels: own.read_labels()?, files, mark })
    }

    /// Whether there is a `labels.csv`.
    pub fn exist(&self) -> bool {
        self.files.labels.is_some()
    }
}

/// What tells that a file was written: when, and its length, as two writes may have the same time.
type Mark = (SystemTime, usize);

/// The mark of `labels.csv`, if there is one.
fn mark(folder: &Path) -> Option<Mark> {
    let path = folder.join(LABELS_FILE);
    Some((disk::modified(&path).ok()?, disk::read(&path).ok()?.len()))
}

/// Labels to write.
struct Content {
    number: u64,
    labels: Labels,
    /// Number of merges that these labels contain.
    adopted: usize,
}

/// Labels of the window, and the same with what someone else has saved.
#[derive(Clone)]
pub struct Merge {
    pub sent: Labels,
    pub merged: Labels,
}

/// What the thread has done.
#[derive(Default)]
struct Outcome {
    /// The number of the last content.
    number: u64,
    /// Why its write failed, as a message for the user.
    failure: Option<String>,
    /// When `labels.csv` was written last, here or elsewhere.
    mark: Option<Mark>,
    /// Merges that the window has not adopted yet.
    merges: VecDeque<Merge>,
    /// Messages that the log does not have yet.
    messages: Vec<String>,
}

/// Whether the labels are on disk.
#[derive(Clone, Debug, PartialEq)]
pub enum SaveState {
    Saved,
    /// There is no `labels.csv` yet: the first change writes it.
    Unwritten,
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
    adopted: usize,
    /// Whether there was a `labels.csv` at the start.
    existed: bool,
    own: Arc<LabellingFolder>,
    /// Closed when the thread has ended.
    ended: Receiver<()>,
}

impl LabelWriter {
    /// Starts the writer of a folder whose files hold `saved`. `wake` is called after every write, failed or not.
    pub fn new(own: Arc<LabellingFolder>, saved: SavedLabels, wake: impl Fn() + Send + 'static) -> Self {
        let (queue, mut waiting) = unbounded::<Content>();
        let (end, ended) = mpsc::channel();
        let outcome = Outcome { mark: saved.mark, ..Outcome::default() };
        let outcome = Arc::new(Mutex::new(outcome));
        let (published, existed) = (Arc::clone(&outcome), saved.exist());
        let mut thread = WriterThread { own: Arc::clone(&own), saved, merges: Vec::new() };
        platform::spawn(move || async move {
            while let Ok(mut content) = waiting.recv().await {
                // Only the latest content matters.
                while let Ok(later) = waiting.try_recv() {
                    content = later;
                }
                let mut messages = Vec::new();
                let known = thread.merges.len();
                let failure = thread.write(&content, &mut messages).err();
                if let Ok(mut outcome) = published.lock() {
                    (outcome.number, outcome.failure) = (content.number, failure);
                    outcome.mark = thread.saved.mark;
                    outcome.merges.extend(thread.merges[known..].iter().cloned());
                    outcome.messages.extend(messages);
                }
                wake();
            }
            drop(end);
        });
        Self { queue, outcome, sent: 0, adopted: 0, existed, own, ended }
    }

    /// Queues labels to be written.
    pub fn write(&mut self, labels: &Labels) {
        self.sent += 1;
        let content = Content { number: self.sent, labels: labels.clone(), adopted: self.adopted };
        // The receiver lives as long as this sender.
        let _ = self.queue.unbounded_send(content);
    }

    /// Whether `labels.csv` has been written by someone else since it was read or written here.
    pub fn is_outdated(&self) -> bool {
        let known = self.outcome.lock().ok().and_then(|outcome| outcome.mark);
        let now = mark(&self.own.folder);
        now.is_some() && now != known && self.state() != SaveState::Pending
    }

    /// The next merge that the labels of the window do not contain.
    pub fn next_merge(&mut self) -> Option<Merge> {
        let merge = self.outcome.lock().ok()?.merges.pop_front()?;
        self.adopted += 1;
        Some(merge)
    }

    /// New messages for the log.
    pub fn messages(&self) -> Vec<String> {
        self.outcome.lock().map(|mut outcome| std::mem::take(&mut outcome.messages)).unwrap_or_default()
    }

    /// Whether the labels of the last [`LabelWriter::write`] are on disk.
    pub fn state(&self) -> SaveState {
        let Ok(outcome) = self.outcome.lock() else { return SaveState::Pending };
        match &outcome.failure {
            Some(reason) => SaveState::Failed(reason.clone()),
            None if outcome.number != self.sent => SaveState::Pending,
            None if self.sent == 0 && !self.existed => SaveState::Unwritten,
            None => SaveState::Saved,
        }
    }

    /// Whether a write is under way, also one that tries again what has failed.
    pub fn is_busy(&self) -> bool {
        self.outcome.lock().is_ok_and(|outcome| outcome.number != self.sent)
    }

    /// Waits for the last write, after which nothing is written.
    pub fn end(&mut self) {
        self.queue.close_channel();
        platform::wait_for_end(&self.ended);
    }
}

impl Drop for LabelWriter {
    fn drop(&mut self) {
        self.end();
    }
}

/// The thread's side of a writer.
struct WriterThread {
    own: Arc<LabellingFolder>,
    /// What the files had when they were read or written last.
    saved: SavedLabels,
    /// All merges so far.
    merges: Vec<Merge>,
}

impl WriterThread {
    /// Merges what someone else has saved, and writes both files unless they have this content already.
    fn write(&mut self, content: &Content, messages: &mut Vec<String>) -> Result<(), String> {
        let own = Arc::clone(&self.own);
        let mut labels = content.labels.clone();
        // The window has sent these labels before it knew of the last merges.
        for merge in &self.merges[content.adopted..] {
            labels = labels.merge_saved(&merge.sent, &merge.merged, &own.files).labels;
        }
        let now = Files::read(&own.folder)?;
        if now != self.saved.files
            && let Some(merged) = self.merge(&now, &labels, messages)?
        {
            self.merges.push(Merge { sent: content.labels.clone(), merged: merged.clone() });
            labels = merged;
        }
        let files =
            Files { labels: Some(labels.labels_file(&own.files)), classes: Some(labels.classes_file()) };
        for (name, new, old) in
            [(LABELS_FILE, &files.labels, &now.labels), (CLASSES_FILE, &files.classes, &now.classes)]
        {
            if let Some(bytes) = new.as_ref().filter(|_| new != old) {
                write_atomically(&own.folder.join(name), bytes).map_err(|error| error.to_string())?;
            }
        }
        if now.labels.is_none() && self.saved.exist() {
            messages.push(format!("{LABELS_FILE} was removed: it is written again"));
        }
        // Someone may have written it since: then its length is not that of what was written here.
        let length = files.labels.as_ref().map_or(0, Vec::len);
        let mark = mark(&own.folder).map(|(time, _)| (time, length));
        self.saved = SavedLabels { labels, files, mark };
        Ok(())
    }

    /// The labels with what the files have now; `None` if there is nothing to merge. Files that would be lost are kept
    /// under another name.
    fn merge(
        &self,
        now: &Files,
        labels: &Labels,
        messages: &mut Vec<String>,
    ) -> Result<Option<Labels>, String> {
        let Some(bytes) = &now.labels else { return Ok(None) };
        let mut theirs = match self.own.read_labels() {
            Ok(theirs) => theirs,
            Err(error) => {
                let kept = self.keep(bytes)?;
                messages.push(format!(
                    "{LABELS_FILE} was changed elsewhere and cannot be read: {error}. It is kept as {kept}; {LABELS_FILE} \
                     has the labels of this window"
                ));
                return Ok(None);
            }
        };
        if now.classes.is_none() {
            // Without the file, classes without labels are unknown, not removed.
            self.saved.labels.classes().iter().for_each(|name| drop(theirs.add_class(name)));
        }
        let merged = labels.merge_saved(&self.saved.labels, &theirs, &self.own.files);
        let mut message =
            merged.summary().map(|summary| format!("{LABELS_FILE} was changed elsewhere: {summary}"));
        let earlier = self.saved.files.labels.as_ref().filter(|_| !merged.removed.is_empty());
        for lost in earlier.into_iter().chain((!merged.conflicts.is_empty()).then_some(bytes)) {
            let kept = self.keep(lost)?;
            let which = if lost == bytes { "that file" } else { "the file of before" };
            message = message.map(|message| format!("{message}; {which} is kept as {kept}"));
        }
        messages.extend(message);
        Ok(Some(merged.labels))
    }

    /// Writes bytes to a new file beside `labels.csv`; returns its name.
    fn keep(&self, bytes: &[u8]) -> Result<String, String> {
        let name = |number: usize| match number {
            1 => format!("{LABELS_FILE}.bak"),
            _ => format!("{LABELS_FILE}.bak{number}"),
        };
        let free = (1..).map(name).find(|name| !disk::exists(&self.own.folder.join(name)));
        let free = free.unwrap_or_default();
        write_atomically(&self.own.folder.join(&free), bytes).map_err(|error| error.to_string())?;
        Ok(free)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::app::labelling::tests::own;

    fn read(folder: &Path, name: &str) -> String {
        fs::read_to_string(folder.join(name)).expect("a file")
    }

    fn writer(own: &Arc<LabellingFolder>) -> (LabelWriter, Labels) {
        let saved = SavedLabels::read(own).expect("labels");
        let labels = saved.labels.clone();
        (LabelWriter::new(Arc::clone(own), saved, || {}), labels)
    }

    fn wait_until_saved(writer: &LabelWriter) {
        while writer.state() == SaveState::Pending {
            std::thread::yield_now();
        }
    }

    #[test]
    fn dropped_writer_leaves_the_last_labels_on_disk() {
        let folder = tempfile::tempdir().expect("a folder");
        let own = Arc::new(own(folder.path(), 2));
        let (mut writer, mut labels) = writer(&own);
        assert_eq!(writer.state(), SaveState::Unwritten);
        let class = labels.add_class("cat").expect("a name");
        for image in 0..2 {
            labels.set(image, class);
            writer.write(&labels);
        }
        drop(writer);
        assert_eq!(read(folder.path(), LABELS_FILE), "file,label\n0.png,cat\n1.png,cat\n");
        assert_eq!(read(folder.path(), CLASSES_FILE), "cat\n");
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 2, "no temporary files");
    }

    #[test]
    fn failed_write_is_reported_and_retried() {
        let folder = tempfile::tempdir().expect("a folder");
        let inner = folder.path().join("inner");
        let (mut writer, _) = writer(&Arc::new(own(&inner, 0)));
        writer.write(&Labels::default());
        wait_until_saved(&writer);
        assert!(
            matches!(writer.state(), SaveState::Failed(reason) if reason.contains("writing into this folder"))
        );
        fs::create_dir(&inner).expect("a folder");
        writer.write(&Labels::default());
        while writer.state() != SaveState::Saved {
            std::thread::yield_now();
        }
        assert!(inner.join(LABELS_FILE).exists());
    }

    #[test]
    fn lines_of_others_are_never_lost() {
        let before = "file,label\n0.png,cat\n1.png,dog\n";
        for (case, elsewhere, expected, message, kept) in [
            (
                "a line added",
                "file,label\n0.png,cat\n1.png,dog\n3.png,cat\n",
                "file,label\n3.png,cat\n0.png,cat\n1.png,dog\n2.png,dog\n",
                "1 label added (3.png: cat)",
                None,
            ),
            (
                "a line of a new class, as a spreadsheet saves it",
                "file;label\r\n0.png;cat\r\n1.png;dog\r\n3.png;bird\r\n",
                "file,label\n3.png,bird\n0.png,cat\n1.png,dog\n2.png,dog\n",
                "1 label added (3.png: bird)",
                None,
            ),
            (
                "lines changed and removed",
                "file,label\n0.png,dog\n",
                "file,label\n0.png,dog\n2.png,dog\n",
                "1 label changed (0.png: dog); 1 label removed (1.png: dog); the file of before is kept as labels.csv.bak",
                Some(before),
            ),
            (
                "the same image labelled",
                "file,label\n0.png,cat\n1.png,dog\n2.png,cat\n",
                "file,label\n0.png,cat\n1.png,dog\n2.png,dog\n",
                "kept as they are here (2.png: cat); that file is kept as labels.csv.bak",
                Some("file,label\n0.png,cat\n1.png,dog\n2.png,cat\n"),
            ),
            (
                "another table",
                "name,price\nbread,3\n",
                "file,label\n0.png,cat\n1.png,dog\n2.png,dog\n",
                "cannot be read",
                Some("name,price\nbread,3\n"),
            ),
        ] {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path();
            fs::write(path.join(LABELS_FILE), before).expect("a file");
            fs::write(path.join(CLASSES_FILE), "cat\ndog\n").expect("a file");
            let own = Arc::new(own(path, 4));
            let (mut writer, mut labels) = writer(&own);
            assert!(!writer.is_outdated(), "{case}");
            fs::write(path.join(LABELS_FILE), elsewhere).expect("a file");
            labels.set(2, 1);
            let sent = labels.clone();
            writer.write(&labels);
            wait_until_saved(&writer);
            assert_eq!(read(path, LABELS_FILE), expected, "{case}");
            let messages = writer.messages().join("\n");
            assert!(messages.contains(message), "{case}: {messages}");
            let bak = path.join("labels.csv.bak");
            assert_eq!(fs::read_to_string(bak).ok().as_deref(), kept, "{case}");
            // The window labels on before it knows of the merge, and closes.
            labels.set(0, 1);
            writer.write(&labels);
            wait_until_saved(&writer);
            let last = read(path, LABELS_FILE);
            assert!(last.contains("0.png,dog\n") && last.contains("2.png,dog\n"), "{case}: {last}");
            if let Some(merge) = writer.next_merge() {
                assert_eq!(merge.sent, sent, "{case}");
                for line in expected.lines().filter(|line| !line.starts_with("0.png")) {
                    assert!(last.contains(line), "{case}: {line}: {last}");
                }
            }
        }
    }

    #[test]
    fn removed_file_of_labels_is_written_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path();
        fs::write(path.join(LABELS_FILE), "file,label\n0.png,cat\n").expect("a file");
        let own = Arc::new(own(path, 2));
        let (mut writer, mut labels) = writer(&own);
        fs::remove_file(path.join(LABELS_FILE)).expect("removed");
        labels.set(1, 0);
        writer.write(&labels);
        wait_until_saved(&writer);
        assert_eq!(read(path, LABELS_FILE), "file,label\n0.png,cat\n1.png,cat\n");
        assert!(writer.messages()[0].contains("labels.csv was removed"));
    }
}
