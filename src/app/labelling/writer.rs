//! Writes labels next to their images on a thread of their own, so that a slow disk does not block the window.
//!
//! Someone else may write `labels.csv` meanwhile: a spreadsheet, a second window, a colleague on a share. Before each write
//! the files are compared with those that were read or written last, and what has changed is merged into the labels, see
//! [`Labels::merge_saved`]. A hidden file tells which pictures were labelled, see [`LabelledPictures`].

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};

use futures_channel::mpsc::{UnboundedSender, unbounded};
use web_time::{Duration, SystemTime, UNIX_EPOCH};

use crate::app::platform;
use crate::data::{
    CLASSES_FILE, FollowedLabels, LABELS_FILE, LabelledPictures, LabellingFolder, Labels, LabelsError,
    MergedLabels, PICTURES_FILE,
};
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
    /// The same on the pictures that were labelled.
    pub followed: FollowedLabels,
    files: Files,
    /// Which pictures were labelled, as the hidden file has it.
    pictures: LabelledPictures,
    mark: Mark,
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
        // Without the file, nothing is known of the pictures.
        let pictures = disk::read(&own.folder.join(PICTURES_FILE)).unwrap_or_default();
        let pictures = LabelledPictures::parse(&pictures);
        let labels = own.read_labels()?;
        let followed = labels.follow_pictures(&pictures, &own.files, &own.ids);
        Ok(Self { labels, followed, files, pictures, mark })
    }

    /// Whether there is a `labels.csv`.
    pub fn exist(&self) -> bool {
        self.files.labels.is_some()
    }
}

/// What tells that a file was written: when, and its length, as two writes may have the same time. Of `labels.csv` and of
/// `classes.txt`.
type Mark = [Option<(SystemTime, usize)>; 2];

fn mark(folder: &Path) -> Mark {
    [LABELS_FILE, CLASSES_FILE].map(|name| {
        let path = folder.join(name);
        Some((disk::modified(&path).ok()?, disk::read(&path).ok()?.len()))
    })
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
    /// Old and new names of the classes that someone else has renamed.
    pub renamed: Vec<[String; 2]>,
}

/// What the thread has done.
#[derive(Default)]
struct Outcome {
    /// The number of the last content.
    number: u64,
    /// Why its write failed, as a message for the user.
    failure: Option<String>,
    /// When the files were written last, here or elsewhere.
    mark: Mark,
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

    /// Whether the files have been written by someone else since they were read or written here.
    pub fn is_outdated(&self) -> bool {
        let Ok(known) = self.outcome.lock().map(|outcome| outcome.mark) else { return false };
        let now = mark(&self.own.folder);
        now[0].is_some() && now != known && self.state() != SaveState::Pending
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
            labels = merged.labels.clone();
            let MergedLabels { labels: merged, renamed, .. } = merged;
            self.merges.push(Merge { sent: content.labels.clone(), merged, renamed });
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
        let pictures = LabelledPictures::of(&labels, &own.files, &own.ids);
        if pictures != self.saved.pictures {
            let bytes = pictures.content();
            write_atomically(&own.folder.join(PICTURES_FILE), &bytes).map_err(|error| error.to_string())?;
        }
        if now.labels.is_none() && self.saved.exist() {
            messages.push(format!("{LABELS_FILE} was removed: it is written again"));
        }
        // Someone may have written a file since: then its length is not that of what was written here.
        let length = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, Vec::len);
        let [of_labels, of_classes] = mark(&own.folder);
        let mark = [
            of_labels.map(|(time, _)| (time, length(&files.labels))),
            of_classes.map(|(time, _)| (time, length(&files.classes))),
        ];
        self.saved = SavedLabels { labels, files, pictures, mark, followed: FollowedLabels::default() };
        Ok(())
    }

    /// The labels with what the files have now; `None` if there is nothing to merge. Files that would be lost are kept
    /// under another name.
    fn merge(
        &self,
        now: &Files,
        labels: &Labels,
        messages: &mut Vec<String>,
    ) -> Result<Option<MergedLabels>, String> {
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
            theirs.order_as(self.saved.labels.classes());
        }
        let merged = labels.merge_saved(&self.saved.labels, &theirs, &self.own.files);
        let file = if merged.has_labels() { LABELS_FILE } else { CLASSES_FILE };
        let mut message = merged.summary().map(|summary| format!("{file} was changed elsewhere: {summary}"));
        let earlier = self.saved.files.labels.as_ref().filter(|_| !merged.removed.is_empty());
        for lost in earlier.into_iter().chain((!merged.conflicts.is_empty()).then_some(bytes)) {
            let kept = self.keep(lost)?;
            let which = if lost == bytes { "that file" } else { "the file of before" };
            message = message.map(|message| format!("{message}; {which} is kept as {kept}"));
        }
        messages.extend(message);
        Ok(Some(merged))
    }

    /// Writes bytes to a new file beside `labels.csv`; returns its name, which has the time in UTC.
    fn keep(&self, bytes: &[u8]) -> Result<String, String> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let name = |number: usize| backup_name(since, number);
        let free = (1..).map(name).find(|name| !disk::exists(&self.own.folder.join(name)));
        let free = free.unwrap_or_default();
        write_atomically(&self.own.folder.join(&free), bytes).map_err(|error| error.to_string())?;
        Ok(free)
    }
}

/// The name of a backup of `labels.csv` that is made at a time since 1970: the first, second and so on of that second. Names
/// are in the order of time, and end so that no program takes a backup for a list.
fn backup_name(since: Duration, number: usize) -> String {
    let seconds = since.as_secs();
    let (mut year, mut month, mut day) = (1970, 0, seconds / 86_400);
    let is_leap =
        |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days_of = |year: u64, month: usize| match month {
        1 => 28 + u64::from(is_leap(year)),
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    };
    while day >= days_of(year, month) {
        day -= days_of(year, month);
        (year, month) = if month == 11 { (year + 1, 0) } else { (year, month + 1) };
    }
    let [hour, minute, second] = [seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60];
    let time = format!("{year}-{:02}-{:02}-{hour:02}{minute:02}{second:02}-UTC", month + 1, day + 1);
    let again = if number > 1 { format!("_{number}") } else { String::new() };
    format!("labels-backup-{time}{again}.csv.bak")
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
                "1 label changed (0.png: dog); 1 label removed (1.png: dog); the file of before is kept as labels-backup-",
                Some(before),
            ),
            (
                "the same image labelled",
                "file,label\n0.png,cat\n1.png,dog\n2.png,cat\n",
                "file,label\n0.png,cat\n1.png,dog\n2.png,dog\n",
                "kept as they are here (2.png: cat); that file is kept as labels-backup-",
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
            let backups = || fs::read_dir(path).expect("a folder").map(|entry| entry.expect("a file").path());
            let backup = backups().find(|path| path.to_string_lossy().ends_with("-UTC.csv.bak"));
            assert_eq!(backup.map(|path| fs::read_to_string(path).expect("text")).as_deref(), kept, "{case}");
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
    fn backups_are_named_by_their_time() {
        for (seconds, number, expected) in [
            (0, 1, "labels-backup-1970-01-01-000000-UTC.csv.bak"),
            (951_782_399, 1, "labels-backup-2000-02-28-235959-UTC.csv.bak"),
            (951_782_400, 1, "labels-backup-2000-02-29-000000-UTC.csv.bak"),
            (1_798_761_599, 2, "labels-backup-2026-12-31-235959-UTC_2.csv.bak"),
            (4_107_542_400, 1, "labels-backup-2100-03-01-000000-UTC.csv.bak"),
        ] {
            assert_eq!(backup_name(Duration::from_secs(seconds), number), expected);
        }
    }

    #[test]
    fn changed_classes_are_noticed_and_keep_their_places() {
        for (case, classes, labels, expected, message) in [
            (
                "renamed",
                "cat\nhound\ncow\n",
                "0.png,cat\n1.png,hound\n",
                "cat\nhound\ncow\n",
                "1 class renamed (dog is hound now)",
            ),
            ("removed", "dog\ncow\n", "1.png,dog\n", "dog\ncow\n", "1 class removed (cat)"),
            (
                "reordered",
                "cow\ncat\ndog\n",
                "0.png,cat\n1.png,dog\n",
                "cow\ncat\ndog\n",
                "classes.txt was changed elsewhere: the classes have another order",
            ),
            (
                "a class without labels renamed",
                "cat\ndog\nbull\n",
                "0.png,cat\n1.png,dog\n",
                "cat\ndog\nbull\n",
                "classes.txt was changed elsewhere: 1 class renamed (cow is bull now)",
            ),
        ] {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path();
            let put = |name: &str, text: &str| fs::write(path.join(name), text).expect("a file");
            put(LABELS_FILE, "file,label\n0.png,cat\n1.png,dog\n");
            put(CLASSES_FILE, "cat\ndog\ncow\n");
            let (mut writer, labels_here) = writer(&Arc::new(own(path, 4)));
            assert!(!writer.is_outdated(), "{case}");
            put(LABELS_FILE, &format!("file,label\n{labels}"));
            put(CLASSES_FILE, classes);
            writer.write(&labels_here);
            wait_until_saved(&writer);
            assert_eq!(read(path, CLASSES_FILE), expected, "{case}");
            let messages = writer.messages().join("\n");
            assert!(messages.contains(message), "{case}: {messages}");
            assert!(!writer.is_outdated(), "{case}");
        }
        // The file of classes alone.
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path();
        fs::write(path.join(LABELS_FILE), "file,label\n0.png,cat\n").expect("a file");
        fs::write(path.join(CLASSES_FILE), "cat\ndog\n").expect("a file");
        let (writer, _) = writer(&Arc::new(own(path, 1)));
        fs::write(path.join(CLASSES_FILE), "cat\nhound\n").expect("a file");
        assert!(writer.is_outdated());
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
