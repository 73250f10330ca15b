//! The folder of a run: `config.toml`, `metrics.csv`, `model.safetensors` and `summary.json`.

use std::path::{Path, PathBuf};

use super::config::Config;
use super::error::TrainError;
use super::files::{is_part, remove_parts, write_atomically};
use super::metrics::{Report, Summary, rows};
use crate::disk;

/// The folder of a run, which need not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFolder {
    path: PathBuf,
}

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

    /// Checks that a new run may use the folder; `force` allows to replace another run.
    ///
    /// # Errors
    /// [`TrainError::OutputNotEmpty`] if there are files in the folder and `force` is false.
    pub fn check_free(&self, force: bool) -> Result<(), TrainError> {
        if !disk::exists(&self.path) {
            return Ok(());
        }
        let entries =
            disk::list(&self.path).map_err(TrainError::file(&self.path, "reading the output folder"))?;
        // A run that was killed while writing its first file leaves only an incomplete file.
        match force || entries.iter().all(|entry| is_part(entry)) {
            false => Err(TrainError::OutputNotEmpty { path: self.path.clone() }),
            true => Ok(()),
        }
    }

    /// Creates the folder if it does not exist.
    ///
    /// # Errors
    /// [`TrainError::File`] if it cannot be created.
    pub fn create(&self) -> Result<(), TrainError> {
        disk::create_folder(&self.path).map_err(TrainError::file(&self.path, "creating the output folder"))
    }

    /// Creates the folder and removes the files of an earlier run, except for the settings, which are replaced
    /// atomically: at any moment the folder holds a run, or the settings to start one.
    ///
    /// # Errors
    /// [`TrainError::File`] if the folder cannot be created or a file cannot be removed.
    pub fn prepare(&self) -> Result<(), TrainError> {
        self.create()?;
        self.tidy()?;
        for path in [self.model(), self.metrics()] {
            remove(path)?;
        }
        self.remove_summary()
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
        remove_parts(&self.path)
    }

    /// Reads the run's settings.
    ///
    /// # Errors
    /// [`TrainError::File`] if the file cannot be read, otherwise as [`Config::parse`].
    #[cfg(not(target_arch = "wasm32"))]
    pub fn read_config(&self) -> Result<Config, TrainError> {
        let path = self.config();
        let bytes = disk::read(&path).map_err(TrainError::file(&path, "reading it"))?;
        Config::parse(&path, &bytes)
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

fn remove(path: PathBuf) -> Result<(), TrainError> {
    match disk::exists(&path) {
        true => disk::remove(&path).map_err(TrainError::file(path, "removing a file of the earlier run")),
        false => Ok(()),
    }
}
