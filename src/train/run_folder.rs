//! The folder of a run: `config.toml`, `metrics.csv`, `model.safetensors`, `summary.json`.

use std::path::{Path, PathBuf};

use super::atomic::{is_part, remove_parts, write_atomically};
use super::config::Config;
use super::error::TrainError;
use super::metrics::{Report, Summary, rows};
use crate::disk;

/// Where a run's files are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn config(&self) -> PathBuf {
        self.path.join("config.toml")
    }

    pub fn metrics(&self) -> PathBuf {
        self.path.join("metrics.csv")
    }

    /// The checkpoint, which holds the whole state of the run.
    pub fn model(&self) -> PathBuf {
        self.path.join("model.safetensors")
    }

    pub fn summary(&self) -> PathBuf {
        self.path.join("summary.json")
    }

    /// # Errors
    /// [`TrainError::OutputNotEmpty`] unless the folder is absent or empty, or `force` allows replacing a run.
    pub fn check_free(&self, force: bool) -> Result<(), TrainError> {
        if !disk::exists(&self.path) {
            return Ok(());
        }
        let entries =
            disk::list(&self.path).map_err(TrainError::file(&self.path, "reading the output folder"))?;
        // What is left of a run that was killed before its first file is no run.
        match force || entries.iter().all(|entry| is_part(entry)) {
            false => Err(TrainError::OutputNotEmpty { path: self.path.clone() }),
            true => Ok(()),
        }
    }

    /// Makes the folder, for a run that is there already or none.
    ///
    /// # Errors
    /// The folder's.
    pub fn create(&self) -> Result<(), TrainError> {
        disk::create_folder(&self.path).map_err(TrainError::file(&self.path, "creating the output folder"))
    }

    /// Makes the folder and removes from it what a former run has left, but for its settings: they are replaced
    /// in one go, so that at any moment the folder holds one run or the settings to begin one with.
    ///
    /// # Errors
    /// The folder's, or a file's.
    pub fn prepare(&self) -> Result<(), TrainError> {
        self.create()?;
        self.tidy()?;
        for path in [self.model(), self.metrics()] {
            remove(path)?;
        }
        self.remove_summary()
    }

    /// Removes the final figures, if there are any: the run goes on.
    ///
    /// # Errors
    /// The file's.
    pub fn remove_summary(&self) -> Result<(), TrainError> {
        remove(self.summary())
    }

    /// Removes files that a process was killed in the midst of writing.
    ///
    /// # Errors
    /// The folder's, or a file's.
    pub fn tidy(&self) -> Result<(), TrainError> {
        remove_parts(&self.path)
    }

    /// The settings that a run was begun with.
    ///
    /// # Errors
    /// The file's, or what it says that is no setting.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn read_config(&self) -> Result<Config, TrainError> {
        let path = self.config();
        let bytes = disk::read(&path).map_err(TrainError::file(&path, "reading it"))?;
        Config::parse(&path, &bytes)
    }

    /// Writes the run's settings.
    ///
    /// # Errors
    /// The file's.
    pub fn write_config(&self, config: &Config) -> Result<(), TrainError> {
        let path = self.config();
        let text = toml::to_string(config)
            .map_err(|e| TrainError::Config { path: path.clone(), reason: e.to_string() })?;
        write_atomically(&path, text.as_bytes())
    }

    /// Writes all reports of a run at once.
    ///
    /// # Errors
    /// The file's.
    pub fn write_reports(&self, reports: &[Report]) -> Result<(), TrainError> {
        let path = self.metrics();
        write_atomically(&path, &rows(&path, reports)?)
    }

    /// Writes the final figures.
    ///
    /// # Errors
    /// The file's.
    pub fn write_summary(&self, summary: &Summary) -> Result<(), TrainError> {
        let path = self.summary();
        let text = serde_json::to_string_pretty(summary)
            .map_err(|e| TrainError::Config { path: path.clone(), reason: e.to_string() })?;
        write_atomically(&path, text.as_bytes())
    }
}

fn remove(path: PathBuf) -> Result<(), TrainError> {
    match disk::exists(&path) {
        true => disk::remove(&path).map_err(TrainError::file(path, "removing the former run's file")),
        false => Ok(()),
    }
}
