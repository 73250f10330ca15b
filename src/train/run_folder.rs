//! The folder of a run: `config.toml`, `metrics.csv`, `model.safetensors` and `summary.json`.

use std::path::{Path, PathBuf};

use super::checkpoint::Checkpoint;
use super::config::Config;
use super::error::TrainError;
use super::files::{is_unfinished, remove_unfinished, write_atomically};
use super::fingerprint::reopen_options;
use super::metrics::{Report, Summary, read_reports, rows};
use super::run_lock::RunLock;
use crate::data::OpenOptions;
use crate::disk;

/// The folder of a run, which need not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFolder {
    path: PathBuf,
}

/// What a run is resumed from.
#[derive(Clone, Debug)]
pub struct Resumable {
    /// The settings of the checkpoint, with the steps, the data source, `strict` and `skip_bad` of `config.toml`; the
    /// settings of `config.toml` where there is no checkpoint.
    pub config: Config,
    /// Steps that the checkpoint has done; `None` if the run ended before its first checkpoint.
    pub step: Option<u64>,
    /// The options that open the run's data again.
    pub options: OpenOptions,
}

/// Differing settings that a message names.
const NAMED: usize = 3;

impl RunFolder {
    /// The run folder at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The folder's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Path of the settings.
    pub fn config(&self) -> PathBuf {
        self.path.join("config.toml")
    }

    /// Path of the reports.
    pub fn metrics(&self) -> PathBuf {
        self.path.join("metrics.csv")
    }

    /// Path of the checkpoint, which holds the whole state of the run.
    pub fn model(&self) -> PathBuf {
        self.path.join("model.safetensors")
    }

    /// Path of the summary, which a finished run has.
    pub fn summary(&self) -> PathBuf {
        self.path.join("summary.json")
    }

    /// Checks that a new run may use the folder; `force` allows to replace a run that is in it.
    ///
    /// # Errors
    /// [`TrainError::OutputNotEmpty`] if there is a run in the folder and `force` is false, [`TrainError::NotARun`] if
    /// there are other files in it and no run, [`TrainError::Link`] if the run to be replaced is behind a symbolic link.
    pub fn check_free(&self, force: bool) -> Result<(), TrainError> {
        if !disk::exists(&self.path) {
            return Ok(());
        }
        let entries =
            disk::list(&self.path).map_err(TrainError::file(&self.path, "reading the output folder"))?;
        // A run that was killed while writing its first file leaves only an incomplete file and its lock.
        if entries.iter().all(|entry| is_unfinished(entry) || RunLock::is_lock(entry)) {
            return Ok(());
        }
        let path = || self.path.clone();
        match (self.holds_run(), force, disk::link_target(&self.path)) {
            (false, ..) => Err(TrainError::NotARun { path: path() }),
            (true, false, _) => Err(TrainError::OutputNotEmpty { path: path() }),
            (true, true, Some(target)) => Err(TrainError::Link { path: path(), target }),
            (true, true, None) => self.check_files(),
        }
    }

    /// Checks that nothing but files is in place of the files that a run writes.
    fn check_files(&self) -> Result<(), TrainError> {
        let files = [self.model(), self.config(), self.metrics(), self.summary()];
        match files.into_iter().find(|file| disk::is_folder(file)) {
            Some(path) => {
                let reason =
                    std::io::Error::other("it is a folder: remove it, or choose another output folder");
                Err(TrainError::file(path, "replacing it")(reason))
            }
            None => Ok(()),
        }
    }

    /// What besides a checkpoint shows that the run has trained, if anything does.
    fn trace_of_training(&self) -> Option<String> {
        let rows = disk::read(&self.metrics()).unwrap_or_default();
        let has_rows = rows.iter().filter(|byte| **byte == b'\n').count() > 1;
        match read_reports(&self.metrics()).unwrap_or_default().last() {
            Some(report) => Some(format!("step {} in metrics.csv", report.step)),
            None if has_rows => Some("metrics.csv".to_owned()),
            None => disk::exists(&self.summary()).then(|| "summary.json".to_owned()),
        }
    }

    /// Whether there are a run's settings or a checkpoint in the folder.
    fn holds_run(&self) -> bool {
        self.read_config().is_ok() || Checkpoint::read_header(&self.model()).is_ok()
    }

    /// Checks that a run with this configuration may be saved into the folder: it is free, or holds the same run.
    ///
    /// # Errors
    /// [`TrainError::NotARun`] if there are other files in the folder, [`TrainError::OutputNotEmpty`] if there is
    /// another run.
    pub fn check_free_for(&self, config: &Config) -> Result<(), TrainError> {
        let same = |found: Config| unlike(&found, config).is_empty();
        match self.check_free(false) {
            Err(TrainError::OutputNotEmpty { .. }) if self.read_config().is_ok_and(same) => Ok(()),
            checked => checked,
        }
    }

    /// Locks the folder, which exists.
    ///
    /// # Errors
    /// [`TrainError::InUse`] if a run holds the lock, [`TrainError::File`] if the lock file cannot be created.
    pub fn lock(&self) -> Result<RunLock, TrainError> {
        RunLock::acquire(&self.path)
    }

    /// Checks that there is a run in the folder.
    ///
    /// # Errors
    /// [`TrainError::NoRun`] if it has neither a checkpoint nor settings.
    pub fn check_present(&self) -> Result<(), TrainError> {
        let present = disk::exists(&self.model()) || disk::exists(&self.config());
        if present { Ok(()) } else { Err(TrainError::NoRun { path: self.path.clone() }) }
    }

    /// What the run in the folder is resumed from.
    ///
    /// # Errors
    /// [`TrainError::NoRun`] if there is none, [`TrainError::EditedSettings`] if `config.toml` and the checkpoint differ in
    /// more than steps and data, [`TrainError::BrokenSettings`] if `config.toml` is not valid, [`TrainError::LostModel`] if
    /// reports or a summary show that there was a checkpoint, [`TrainError::File`] or [`TrainError::Checkpoint`] if a file
    /// cannot be read.
    pub fn resumable(&self) -> Result<Resumable, TrainError> {
        self.check_present()?;
        if !disk::exists(&self.model()) {
            let config = self.read_config()?;
            let Some(report) = self.trace_of_training() else {
                let options = config.open_options();
                return Ok(Resumable { config, step: None, options });
            };
            return Err(TrainError::LostModel { path: self.model(), report });
        }
        let (saved, header, fingerprint) = Checkpoint::read_data(&self.model())?;
        let mut options = reopen_options(&saved, header.image, &header.classes, fingerprint.as_ref());
        if !disk::exists(&self.config()) {
            return Ok(Resumable { config: saved, step: Some(header.step), options });
        }
        let written =
            self.read_config().map_err(|error| TrainError::BrokenSettings { reason: error.to_string() })?;
        let differences = unlike(&written, &saved);
        if !differences.is_empty() {
            return Err(TrainError::EditedSettings {
                path: self.config(),
                differences: differences.join(", "),
            });
        }
        // An edited name of the data replaces the path that was found by the old one.
        let moved = written.data != saved.data && written.data_path == saved.data_path;
        let data_path = written.data_path.filter(|_| !moved);
        let Config { steps, data, strict, skip_bad, .. } = written;
        (options.strict, options.skip_bad) = (strict, skip_bad);
        let config = Config { steps, data, data_path, strict, skip_bad, ..saved };
        Ok(Resumable { config, step: Some(header.step), options })
    }

    /// Settings of `config.toml` that differ from those of a checkpoint beside it, as "name = first, not second"; none if
    /// the file cannot be read. A run keeps its settings; where its data are may change by hand, the name or the path.
    pub fn differences(&self, saved: &Config) -> Vec<String> {
        let Ok(written) = self.read_config() else { return Vec::new() };
        let mut differences = unlike(&written, saved);
        if written.data != saved.data && written.data_path != saved.data_path {
            differences.push(format!("data = {}, not {}", written.data, saved.data));
        }
        differences
    }

    /// The settings of a checkpoint with the data of `config.toml` beside it, where either their name or their path was
    /// edited by hand, as [`RunFolder::resumable`] reads them; `None` if neither was, or both.
    pub fn with_edited_source(&self, saved: &Config) -> Option<Config> {
        let written = self.read_config().ok()?;
        let (other_name, other_path) = (written.data != saved.data, written.data_path != saved.data_path);
        let data_path = written.data_path.filter(|_| !other_name);
        (other_name != other_path).then(|| Config { data: written.data, data_path, ..saved.clone() })
    }

    /// Creates the folder if it does not exist.
    ///
    /// # Errors
    /// [`TrainError::File`] if it cannot be created.
    pub fn create(&self) -> Result<(), TrainError> {
        disk::create_folder(&self.path).map_err(TrainError::file(&self.path, "creating the output folder"))
    }

    /// Creates the folder and removes the files of an earlier run, except for the settings, which are replaced
    /// atomically: at any moment the folder holds a run, or the settings to start one. The checkpoint is removed last, so
    /// that no moment leaves reports without it.
    ///
    /// # Errors
    /// [`TrainError::File`] if the folder cannot be created or a file cannot be removed.
    pub fn prepare(&self) -> Result<(), TrainError> {
        self.create()?;
        self.tidy()?;
        self.remove_summary()?;
        remove(self.metrics())?;
        remove(self.model())
    }

    /// Removes the summary of a run that is resumed.
    ///
    /// # Errors
    /// [`TrainError::File`] if it cannot be removed.
    pub fn remove_summary(&self) -> Result<(), TrainError> {
        remove(self.summary())
    }

    /// Removes incomplete files of a process that was killed while writing them.
    ///
    /// # Errors
    /// [`TrainError::File`] if the folder cannot be read or a file cannot be removed.
    pub fn tidy(&self) -> Result<(), TrainError> {
        remove_unfinished(&self.path)
    }

    /// Reads the run's settings.
    ///
    /// # Errors
    /// [`TrainError::File`] if the file cannot be read, otherwise as [`Config::parse`].
    pub fn read_config(&self) -> Result<Config, TrainError> {
        Config::read(&self.config())
    }

    /// Writes the run's settings.
    ///
    /// # Errors
    /// [`TrainError::File`] if the file cannot be written.
    pub fn write_config(&self, config: &Config) -> Result<(), TrainError> {
        let path = self.config();
        let text = toml::to_string(config)
            .map_err(|e| TrainError::Config { path: path.clone(), reason: e.to_string() })?;
        write_atomically(&path, text.as_bytes())
    }

    /// Writes all reports of a run at once.
    ///
    /// # Errors
    /// [`TrainError::File`] if the file cannot be written.
    pub fn write_reports(&self, reports: &[Report]) -> Result<(), TrainError> {
        let path = self.metrics();
        write_atomically(&path, &rows(&path, reports)?)
    }

    /// Writes the summary.
    ///
    /// # Errors
    /// [`TrainError::File`] if the file cannot be written.
    pub fn write_summary(&self, summary: &Summary) -> Result<(), TrainError> {
        let path = self.summary();
        let text = serde_json::to_string_pretty(summary)
            .map_err(|e| TrainError::Config { path: path.clone(), reason: e.to_string() })?;
        write_atomically(&path, text.as_bytes())
    }
}

/// Settings that a resumed run may change: how far it goes, where its data are, and what becomes of files that cannot be
/// read, which the comparison of the data shows.
const FREE: [&str; 4] = ["steps", "data", "strict", "skip_bad"];

/// The settings other than [`FREE`] that differ, as "name = first, not second".
fn unlike(first: &Config, second: &Config) -> Vec<String> {
    let found = first.differences(second);
    let kept = found.into_iter().filter(|found| !FREE.contains(&found.setting.as_str()));
    let mut named: Vec<String> =
        kept.map(|found| format!("{} = {}, not {}", found.setting, found.first, found.second)).collect();
    if named.len() > NAMED {
        let more = named.len() - NAMED;
        named.truncate(NAMED);
        named.push(format!("{more} more"));
    }
    named
}

fn remove(path: PathBuf) -> Result<(), TrainError> {
    match disk::exists(&path) {
        true => disk::remove(&path).map_err(TrainError::file(path, "removing a file of the earlier run")),
        false => Ok(()),
    }
}
