//! The plan of an ablation, its folder, and the states of its runs.

use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::row::{ROWS, Row};
use crate::disk;
use crate::train::{
    Config, Difference, RunFolder, RunLock, Summary, TrainError, read_reports, write_atomically,
};

const FILE: &str = "ablation.toml";
/// Reason of a failure, in the folder of the failed run.
const FAILURE: &str = "failed.txt";

/// Rows, seeds, and the settings that all runs share, as `ablation.toml` stores them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Names of rows, in the order of [`ROWS`].
    pub rows: Vec<String>,
    /// Number of seeds per row, from the seed of the settings on.
    pub seeds: u64,
    pub settings: Config,
}

/// The state of a run.
#[derive(Clone, Debug, PartialEq)]
pub enum RunState {
    /// The run has no checkpoint yet.
    NotStarted,
    /// The run has a checkpoint; holds the step of its last report.
    Unfinished(u64),
    /// The run is finished.
    Done(Box<Summary>),
    /// The run failed, with this reason.
    Failed(String),
}

/// Why an ablation cannot start, continue or be read.
#[derive(Debug, Error)]
pub enum AblationError {
    /// A run's settings, files or folder.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// The shared settings use another method than ReMixMatch.
    #[error(
        "the rows of an ablation change ReMixMatch, but the method is {found}: leave out the method and name it as a row"
    )]
    OtherMethod { found: String },
    /// No row has this name.
    #[error("no row is named '{found}': choose {list}", list = ROWS.map(|row| row.name).join(", "))]
    UnknownRow { found: String },
    /// The folder's ablation has other settings.
    #[error(
        "{path} holds an ablation with {key} = {found}, not {requested}: use its settings, or choose another folder"
    )]
    OtherSettings { path: PathBuf, key: String, found: String, requested: String },
    /// The folder has no `ablation.toml`.
    #[error("{path} is not the folder of an ablation: it has no {FILE}")]
    NotAnAblation { path: PathBuf },
    /// The folder has other files and no `ablation.toml`.
    #[error("{path} is not empty and has no {FILE}: choose another folder")]
    Occupied { path: PathBuf },
    /// `ablation.toml` or a run's `summary.json` is damaged.
    #[error("{path} is not valid: {reason}")]
    Settings { path: PathBuf, reason: String },
}

impl Plan {
    /// A plan with each row once, in the order of [`ROWS`].
    ///
    /// # Errors
    /// [`AblationError::OtherMethod`] if the settings use another method than ReMixMatch,
    /// [`AblationError::UnknownRow`] for an unknown row.
    pub fn new(settings: Config, seeds: u64, rows: Vec<String>) -> Result<Self, AblationError> {
        if settings.method_name != "remixmatch" {
            return Err(AblationError::OtherMethod { found: settings.method_name });
        }
        let mut plan = Self { rows, seeds, settings };
        plan.check()?;
        plan.sort();
        Ok(plan)
    }

    fn check(&self) -> Result<(), AblationError> {
        match self.rows.iter().find(|name| Row::named(name).is_none()) {
            Some(found) => Err(AblationError::UnknownRow { found: found.clone() }),
            None => Ok(()),
        }
    }

    /// Keeps every row once, in the order of the table.
    fn sort(&mut self) {
        let known = ROWS.iter().map(|row| row.name);
        self.rows = known.filter(|name| self.rows.iter().any(|row| row == name)).map(str::to_owned).collect();
    }

    /// The rows to train.
    pub fn rows(&self) -> impl Iterator<Item = Row> {
        self.rows.iter().filter_map(|name| Row::named(name))
    }

    /// The seeds of every row.
    pub fn seeds(&self) -> Range<u64> {
        self.settings.seed..self.settings.seed.saturating_add(self.seeds)
    }

    /// Whether a folder holds an ablation.
    pub fn is_in(folder: &Path) -> bool {
        disk::exists(&folder.join(FILE))
    }

    /// Reads the plan of an ablation's folder.
    ///
    /// # Errors
    /// [`AblationError::NotAnAblation`] without `ablation.toml`; [`AblationError::Settings`] or
    /// [`AblationError::UnknownRow`] if the file is not valid.
    pub fn read(folder: &Path) -> Result<Self, AblationError> {
        if !Self::is_in(folder) {
            return Err(AblationError::NotAnAblation { path: folder.to_owned() });
        }
        let path = folder.join(FILE);
        let bytes = disk::read(&path).map_err(TrainError::file(&path, "reading it"))?;
        let broken = |reason: String| AblationError::Settings { path: path.clone(), reason };
        let text = std::str::from_utf8(&bytes).map_err(|error| broken(error.to_string()))?;
        let plan: Self = toml::from_str(text).map_err(|error| broken(error.to_string()))?;
        plan.check()?;
        Ok(plan)
    }

    /// Writes the plan to `folder`. The rows and seeds of an ablation with the same settings in that folder are added
    /// to it. Returns the plan as written.
    ///
    /// # Errors
    /// [`AblationError::Occupied`] if the folder holds other files, [`AblationError::OtherSettings`] if it holds an
    /// ablation with other settings, [`TrainError::File`] if a file cannot be read or written.
    pub fn store(mut self, folder: &Path) -> Result<Self, AblationError> {
        let exists = Self::is_in(folder);
        let occupied = disk::exists(folder)
            && disk::list(folder)
                .map_err(TrainError::file(folder, "reading it"))?
                .iter()
                .any(|path| !RunLock::is_lock(path));
        if occupied && !exists {
            return Err(AblationError::Occupied { path: folder.to_owned() });
        }
        if exists {
            let before = Self::read(folder)?;
            if let Some(difference) = before.settings.differences(&self.settings).into_iter().next() {
                let Difference { setting: key, first: found, second: requested } = difference;
                return Err(AblationError::OtherSettings { path: folder.to_owned(), key, found, requested });
            }
            self.rows.extend(before.rows);
            self.sort();
            self.seeds = self.seeds.max(before.seeds);
        } else {
            disk::create_folder(folder).map_err(TrainError::file(folder, "creating it"))?;
        }
        let path = folder.join(FILE);
        let broken = |reason: String| AblationError::Settings { path: path.clone(), reason };
        let text = toml::to_string(&self).map_err(|error| broken(error.to_string()))?;
        write_atomically(&path, text.as_bytes())?;
        Ok(self)
    }

    /// The folder of a row's run with a seed, inside the ablation's folder.
    ///
    /// # Errors
    /// `TrainError` if the preset or method of the settings is unknown; no row of [`ROWS`] causes one.
    pub fn run_folder(&self, folder: &Path, row: Row, seed: u64) -> Result<RunFolder, AblationError> {
        Ok(RunFolder::new(folder.join(row.folder(&self.settings, seed)?)))
    }
}

impl RunState {
    /// Reads the state from a run's folder.
    ///
    /// # Errors
    /// [`TrainError::File`] or [`AblationError::Settings`] if a file cannot be read.
    pub fn read(run: &RunFolder) -> Result<Self, AblationError> {
        let failure = run.path().join(FAILURE);
        if disk::exists(&failure) {
            let reason = disk::read(&failure).map_err(TrainError::file(&failure, "reading it"))?;
            return Ok(Self::Failed(String::from_utf8_lossy(&reason).trim().to_owned()));
        }
        let path = run.summary();
        if disk::exists(&path) {
            let text = disk::read(&path).map_err(TrainError::file(&path, "reading it"))?;
            let broken = |reason: String| AblationError::Settings { path: path.clone(), reason };
            let summary = serde_json::from_slice(&text).map_err(|error| broken(error.to_string()))?;
            return Ok(Self::Done(Box::new(summary)));
        }
        if !disk::exists(&run.model()) {
            return Ok(Self::NotStarted);
        }
        // A process may be writing a report at this moment: the next one will be complete.
        let reports = read_reports(&run.metrics()).unwrap_or_default();
        Ok(Self::Unfinished(reports.last().map_or(0, |report| report.step)))
    }

    /// Writes the reason of a failure to a run's folder.
    ///
    /// # Errors
    /// [`TrainError::File`] if it cannot be written.
    pub fn write_failure(run: &RunFolder, reason: &str) -> Result<(), AblationError> {
        run.create()?;
        Ok(write_atomically(&run.path().join(FAILURE), reason.as_bytes())?)
    }

    /// Removes the reason of a failure before another attempt.
    ///
    /// # Errors
    /// [`TrainError::File`] if it cannot be removed.
    pub fn remove_failure(run: &RunFolder) -> Result<(), AblationError> {
        let path = run.path().join(FAILURE);
        if disk::exists(&path) {
            disk::remove(&path).map_err(TrainError::file(path, "removing it"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::preset;

    fn plan(rows: &[&str], seeds: u64) -> Plan {
        let settings = preset("digits", None).expect("a preset").config;
        Plan::new(settings, seeds, rows.iter().map(|row| (*row).to_owned()).collect()).expect("a plan")
    }

    #[test]
    fn folder_accepts_rows_and_seeds_with_equal_settings() {
        let outer = tempfile::tempdir().expect("a temporary folder");
        let folder = outer.path().join("ablation");
        let first = plan(&["mixmatch", "full"], 2).store(&folder).expect("a new ablation");
        assert_eq!(first.rows, ["full", "mixmatch"]);
        let more = plan(&["k=1", "full"], 1).store(&folder).expect("the same ablation");
        assert_eq!(
            (more.rows.clone(), more.seeds),
            (vec!["full".into(), "k=1".into(), "mixmatch".into()], 2)
        );
        assert_eq!(Plan::read(&folder).expect("a plan"), more);
        let mut other = plan(&["full"], 1);
        other.settings.method.beta = 0.5;
        let refused = other.store(&folder).expect_err("other settings").to_string();
        assert!(refused.contains("method.beta = 0.75, not 0.5"), "{refused}");
        let foreign = plan(&["full"], 1).store(outer.path()).expect_err("another folder");
        assert!(foreign.to_string().contains("ablation.toml"), "{foreign}");
    }

    #[test]
    fn unknown_rows_and_other_methods_are_refused() {
        let settings = preset("digits", None).expect("a preset").config;
        let unknown = Plan::new(settings.clone(), 1, vec!["k=3".into()]).expect_err("an unknown row");
        assert!(unknown.to_string().contains("k=16"), "{unknown}");
        let other = Config { method_name: "fixmatch".into(), ..settings };
        assert!(Plan::new(other, 1, Vec::new()).is_err());
    }
}
