//! What is open in the window: a data set and an ablation's folder; and what waits until data have been opened.
//!
//! A data set opens on a thread of its own, on a page in slices, so the window stays responsive. Data that cannot be opened replace
//! nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_channel::oneshot;
use web_time::{Instant, SystemTime};

use super::answers::{self, Answer};
use super::platform;
use super::session::Command;
use crate::ablation::Table;
use crate::data::{
    CLASSES_FILE, DataError, DataSet, LABELS_FILE, LabellingFolder, OnProgress, OpenOptions, open_async,
    shown_name,
};
use crate::disk;
use crate::train::{Config, RunFolder};

/// What begins once the data, or the images to label, have been opened.
pub enum Waiting {
    Train,
    Resume(Resume),
    /// This command, on the labels of a folder whose images are read again.
    Labels(Command),
}

/// A run to continue.
pub struct Resume {
    pub folder: RunFolder,
    pub config: Box<Config>,
    /// Whether to train at once.
    pub train: bool,
}

/// A run that could not be opened.
pub struct RefusedRun {
    pub folder: PathBuf,
    /// The error, in words.
    pub reason: String,
    /// Where the run's data were, if nothing is there any more: it opens with the folder that they are in now.
    pub lost: Option<PathBuf>,
    /// The batch size, the number of steps and whether to train at once, as the run was to be opened with.
    pub chosen: (Option<usize>, Option<u64>, bool),
}

/// The open data set, the source that is being opened, and why the last source could not be opened.
#[derive(Default)]
pub struct DataSlot {
    ready: Option<Arc<DataSet>>,
    /// How the open data set was opened.
    opened: OpenOptions,
    opening: Option<Opening>,
    failure: Option<Failure>,
}

struct Opening {
    source: String,
    options: OpenOptions,
    progress: Arc<Progress>,
    began: Instant,
    arriving: oneshot::Receiver<Result<DataSet, Failure>>,
}

/// How far the opening of data has come.
#[derive(Default)]
struct Progress {
    done: AtomicUsize,
    all: AtomicUsize,
}

/// Dropping it ends the opening.
impl Drop for Opening {
    fn drop(&mut self) {
        self.options.stop.store(true, Ordering::Relaxed);
    }
}

/// Openings that take longer show their progress.
const SHOW_PROGRESS_AFTER: Duration = Duration::from_secs(1);

/// Why data could not be opened.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The error, in words.
    pub reason: String,
    /// The folder, if it holds images that a person could label.
    pub images: Option<PathBuf>,
    /// The decision by which the data would open.
    pub answer: Option<Answer>,
    /// What was to be opened, and how.
    pub source: String,
    pub options: OpenOptions,
}

/// Data that have been opened.
pub struct Opened {
    pub source: String,
    pub options: OpenOptions,
    pub set: Arc<DataSet>,
}

/// The outcome of opening a source.
pub enum Arrived {
    Data(Opened),
    Failed(Failure),
}

impl DataSlot {
    /// Starts to open a source; calls `wake` when there is progress, and when it has ended. What was being opened is
    /// cancelled.
    pub fn open(&mut self, source: String, options: OpenOptions, wake: impl Fn() + Send + Sync + 'static) {
        let (sender, arriving) = oneshot::channel();
        let (path, wake, progress) = (source.clone(), Arc::new(wake), Arc::<Progress>::default());
        let options = OpenOptions { stop: Arc::default(), ..options };
        let (found, finding) = (Arc::clone(&progress), Arc::clone(&wake));
        let receive_files = move |files, _: &Path| {
            found.done.store(files, Ordering::Relaxed);
            finding();
        };
        let (shown, waking) = (Arc::clone(&progress), Arc::clone(&wake));
        let receive = move |done, all| {
            shown.done.store(done, Ordering::Relaxed);
            shown.all.store(all, Ordering::Relaxed);
            waking();
        };
        let own =
            OpenOptions { progress: OnProgress::new(receive).with_files(receive_files), ..options.clone() };
        platform::spawn(move || async move {
            platform::fetch(&path).await;
            let skipping = OpenOptions { skip_bad: true, ..own };
            let opened = platform::interleave(open_async(&path, &skipping)).await;
            let opened = opened.map_err(|error| Failure::new(&path, &error, skipping));
            // Sending fails if other data have been requested since.
            let _ = sender.send(opened);
            wake();
        });
        self.failure = None;
        self.opening = Some(Opening { source, options, progress, began: Instant::now(), arriving });
    }

    /// Cancels what is being opened. What is open stays.
    pub fn cancel(&mut self) {
        self.opening = None;
    }

    /// Replaces everything by data that are in memory already, and were opened with `opened`.
    pub fn put(&mut self, set: Arc<DataSet>, opened: OpenOptions) {
        *self = Self { ready: Some(set), opened, ..Self::default() };
    }

    /// The outcome of opening, once it is known.
    pub fn poll(&mut self) -> Option<Arrived> {
        let opening = self.opening.as_mut()?;
        let result = match opening.arriving.try_recv() {
            Ok(None) => return None,
            Ok(result) => result,
            Err(oneshot::Canceled) => None,
        };
        let opening = self.opening.take()?;
        let (source, options) = (opening.source.clone(), opening.options.clone());
        let failure = match result {
            Some(Ok(set)) => {
                let set = Arc::new(set);
                self.ready = Some(Arc::clone(&set));
                self.opened = options.clone();
                return Some(Arrived::Data(Opened { source, options, set }));
            }
            Some(Err(failure)) => failure,
            None => Failure {
                reason: format!("{source}: the thread that read it has crashed"),
                images: None,
                answer: None,
                source,
                options,
            },
        };
        self.failure = Some(failure.clone());
        Some(Arrived::Failed(failure))
    }

    pub fn ready(&self) -> Option<&Arc<DataSet>> {
        self.ready.as_ref()
    }

    /// How the open data set was opened.
    pub fn opened(&self) -> &OpenOptions {
        &self.opened
    }

    /// The source that is being opened.
    pub fn opening(&self) -> Option<&str> {
        self.opening.as_ref().map(|opening| opening.source.as_str())
    }

    /// How the source that is being opened is opened.
    pub fn opening_options(&self) -> Option<&OpenOptions> {
        self.opening.as_ref().map(|opening| &opening.options)
    }

    /// Images that are read, and all images to read, once opening has taken more than a second. While folders are listed
    /// there are no images to read: files that were found, and 0.
    pub fn progress(&self) -> Option<[usize; 2]> {
        let opening =
            self.opening.as_ref().filter(|opening| opening.began.elapsed() > SHOW_PROGRESS_AFTER)?;
        let Progress { done, all } = &*opening.progress;
        Some([done, all].map(|count| count.load(Ordering::Relaxed))).filter(|[done, all]| done + all > 0)
    }

    /// Why the source requested last could not be opened.
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }
}

impl Failure {
    fn new(source: &str, error: &DataError, options: OpenOptions) -> Self {
        let folder = Path::new(source);
        // These errors mean that folders do not tell the classes.
        let unclassed = matches!(
            error,
            DataError::Unknown { .. }
                | DataError::Unclassed { .. }
                | DataError::OneClass { .. }
                | DataError::NoTest { .. }
        );
        // Those of a folder with labels made by hand, that a label is missing.
        let unlabelled = matches!(error, DataError::EmptyClass { .. } | DataError::NoClass { .. })
            && disk::exists(&folder.join(LABELS_FILE))
            && disk::exists(&folder.join(CLASSES_FILE));
        let images =
            (unclassed || unlabelled) && disk::is_folder(folder) && LabellingFolder::has_images(folder);
        let answer = Answer::to_data(error, &options);
        let mut reason = answers::failure_in_window(error, answer);
        if let (DataError::Line { found, .. }, Some(archive)) = (error, archive_in(folder))
            && found.ends_with("does not exist")
        {
            reason += &format!(
                "; a list names files on the disk: unpack {}, and open the list in the folder of its images",
                shown_name(&archive)
            );
        }
        Self {
            reason,
            images: images.then(|| folder.to_owned()),
            answer,
            source: source.to_owned(),
            options: OpenOptions { progress: OnProgress::default(), ..options },
        }
    }
}

/// The name of an archive in a folder, such as one that was dropped on a page.
pub fn archive_in(folder: &Path) -> Option<String> {
    let is_archive = |path: &PathBuf| {
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
        extension.is_some_and(|extension| {
            ["zip", "tar", "gz", "tgz", "npz", "7z", "rar"].contains(&extension.as_str())
        })
    };
    let found = disk::list(folder).ok()?.into_iter().find(is_archive)?;
    Some(found.file_name()?.to_string_lossy().into_owned())
}

/// Time between two checks whether an ablation's table has changed on disk.
const CHECK_EVERY: Duration = Duration::from_secs(2);
/// The file that `remixmatch ablate` writes whenever a run ends.
const TABLE_FILE: &str = "table.csv";

/// The ablation that is open, if any: its folder, and the table as it was read last.
#[derive(Default)]
pub struct AblationFolder(Option<OpenAblation>);

struct OpenAblation {
    folder: PathBuf,
    table: Result<Table, String>,
    checked: Instant,
    /// When [`TABLE_FILE`] was written, as of the last reading.
    written: Option<SystemTime>,
}

impl OpenAblation {
    fn read(folder: PathBuf) -> Self {
        let written = disk::modified(&folder.join(TABLE_FILE)).ok();
        let table = Table::read(&folder).map_err(|error| error.to_string());
        Self { folder, table, checked: Instant::now(), written }
    }
}

impl AblationFolder {
    /// Opens an ablation's folder. Returns a line for the log: what was opened, or why the folder cannot be
    /// read.
    pub fn open(&mut self, folder: PathBuf) -> String {
        let open = OpenAblation::read(folder);
        let line = match &open.table {
            Ok(table) => format!("the ablation in {}: {}", open.folder.display(), table.setting()),
            Err(reason) => format!("not opened: {reason}"),
        };
        self.0 = Some(open);
        line
    }

    /// The table, or why it cannot be read; `None` while no folder is open.
    pub fn table(&self) -> Option<Result<&Table, &str>> {
        self.0.as_ref().map(|open| open.table.as_ref().map_err(String::as_str))
    }

    /// Reads the table again if a run has ended since. Returns the time until the next check while runs are
    /// missing.
    pub fn refresh(&mut self) -> Option<Duration> {
        let open = self.0.as_mut()?;
        if open.checked.elapsed() >= CHECK_EVERY {
            open.checked = Instant::now();
            if disk::modified(&open.folder.join(TABLE_FILE)).ok() != open.written {
                *open = OpenAblation::read(open.folder.clone());
            }
        }
        let table = open.table.as_ref().ok()?;
        table.rows.iter().any(|row| row.progress().is_some()).then_some(CHECK_EVERY)
    }
}
