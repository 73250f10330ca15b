//! What an ablation consists of, and the folder it lives in.

use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use super::row::{ROWS, Row};
use crate::disk;
use crate::train::{Config, RunFolder, Summary, TrainError, read_reports, write_atomically};

const FILE: &str = "ablation.toml";
/// Why a run failed, in its folder; it is not there where none did.
const FAILURE: &str = "failed.txt";

/// What is run: rows, seeds, and the settings that all runs share, as `ablation.toml` holds them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Names of rows, in the order of [`ROWS`].
    pub rows: Vec<String>,
    /// Seeds of every row, counted from the settings' own.
    pub seeds: u64,
    pub settings: Config,
}

/// How far a run has come.
#[derive(Clone, Debug, PartialEq)]
pub enum RunState {
    NotBegun,
    /// Steps done at its last report.
    Unfinished(u64),
    Done(Box<Summary>),
    /// Why it failed.
    Failed(String),
}

/// A folder that is no ablation's, or not this one's.
#[derive(Debug, Error)]
pub enum AblationError {
    #[error(transparent)]
    Train(#[from] TrainError),
    #[error(
        "an ablation's rows change ReMixMatch, the settings are of {found}: leave out the method and name it as a row"
    )]
    OtherMethod { found: String },
    #[error("no row is named '{found}': choose {list}", list = ROWS.map(|row| row.name).join(", "))]
    UnknownRow { found: String },
    #[error(
        "{path} holds an ablation with {key} = {found}, not {wanted}: give its settings again, or another --out"
    )]
    OtherSettings { path: PathBuf, key: String, found: String, wanted: String },
    #[error("{path} is no ablation's folder: it has no {FILE}")]
    NotAnAblation { path: PathBuf },
    #[error("{path} is not empty and no ablation's folder, it has no {FILE}: give another --out")]
    Occupied { path: PathBuf },
    #[error("{path} is no ablation's settings: {reason}")]
    Settings { path: PathBuf, reason: String },
}

impl Plan {
    /// # Errors
    /// Settings of another method than ReMixMatch.
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

    /// Every row once, in the table's order.
    fn sort(&mut self) {
        let known = ROWS.iter().map(|row| row.name);
        self.rows = known.filter(|name| self.rows.iter().any(|row| row == name)).map(str::to_owned).collect();
    }

    pub fn rows(&self) -> impl Iterator<Item = Row> {
        self.rows.iter().filter_map(|name| Row::named(name))
    }

    pub fn seeds(&self) -> Range<u64> {
        self.settings.seed..self.settings.seed.saturating_add(self.seeds)
    }

    /// Whether a folder is an ablation's.
    pub fn is_in(folder: &Path) -> bool {
        disk::exists(&folder.join(FILE))
    }

    /// The plan of an ablation's folder.
    ///
    /// # Errors
    /// No `ablation.toml`, or one that cannot be read.
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

    /// Begins the ablation in `folder` or goes on with the one that is there, whose rows and seeds stay in its
    /// table.
    ///
    /// # Errors
    /// A folder with something else in it, or with an ablation of other settings; the files'.
    pub fn settle(mut self, folder: &Path) -> Result<Self, AblationError> {
        let begun = Self::is_in(folder);
        let occupied = disk::exists(folder)
            && !disk::list(folder).map_err(TrainError::file(folder, "reading it"))?.is_empty();
        if occupied && !begun {
            return Err(AblationError::Occupied { path: folder.to_owned() });
        }
        if begun {
            let before = Self::read(folder)?;
            if let Some((key, found, wanted)) = difference(&before.settings, &self.settings) {
                return Err(AblationError::OtherSettings { path: folder.to_owned(), key, found, wanted });
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

    /// The folder of a row's run in the ablation's.
    ///
    /// # Errors
    /// As [`Row::config`].
    pub fn run_folder(&self, folder: &Path, row: Row, seed: u64) -> Result<RunFolder, AblationError> {
        Ok(RunFolder::new(folder.join(row.folder(&self.settings, seed)?)))
    }
}

impl RunState {
    /// What a run's folder says.
    ///
    /// # Errors
    /// A file that is there and cannot be read.
    pub fn of(run: &RunFolder) -> Result<Self, AblationError> {
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
            return Ok(Self::NotBegun);
        }
        // A report may be half written at this moment: the table waits for the next.
        let reports = read_reports(&run.metrics()).unwrap_or_default();
        Ok(Self::Unfinished(reports.last().map_or(0, |report| report.step)))
    }

    /// Notes in a run's folder why it failed.
    ///
    /// # Errors
    /// The file's.
    pub fn fail(run: &RunFolder, reason: &str) -> Result<(), AblationError> {
        run.create()?;
        Ok(write_atomically(&run.path().join(FAILURE), reason.as_bytes())?)
    }

    /// Takes the note away, for another attempt.
    ///
    /// # Errors
    /// The file's.
    pub fn forgive(run: &RunFolder) -> Result<(), AblationError> {
        let path = run.path().join(FAILURE);
        if disk::exists(&path) {
            disk::remove(&path).map_err(TrainError::file(path, "removing it"))?;
        }
        Ok(())
    }
}

/// The first setting in which two configurations differ: its path in `config.toml` and both values.
fn difference(before: &Config, after: &Config) -> Option<(String, String, String)> {
    fn walk(path: &str, before: &Value, after: &Value) -> Option<(String, String, String)> {
        if let (Value::Object(old), Value::Object(new)) = (before, after) {
            let keys = old.keys().chain(new.keys().filter(|key| !old.contains_key(*key)));
            return keys.into_iter().find_map(|key| {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                walk(&path, old.get(key).unwrap_or(&Value::Null), new.get(key).unwrap_or(&Value::Null))
            });
        }
        let text = |value: &Value| if value.is_null() { "unset".to_owned() } else { value.to_string() };
        (before != after).then(|| (path.to_owned(), text(before), text(after)))
    }
    let value = |config| serde_json::to_value(config).unwrap_or_default();
    walk("", &value(before), &value(after))
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
    fn a_folder_takes_up_more_rows_and_seeds_of_the_same_settings_only() {
        let outer = tempfile::tempdir().expect("a temporary folder");
        let folder = outer.path().join("ablation");
        let first = plan(&["mixmatch", "full"], 2).settle(&folder).expect("a new one");
        assert_eq!(first.rows, ["full", "mixmatch"]);
        let more = plan(&["k=1", "full"], 1).settle(&folder).expect("the same one");
        assert_eq!(
            (more.rows.clone(), more.seeds),
            (vec!["full".into(), "k=1".into(), "mixmatch".into()], 2)
        );
        assert_eq!(Plan::read(&folder).expect("a plan"), more);
        let mut other = plan(&["full"], 1);
        other.settings.method.beta = 0.5;
        let refused = other.settle(&folder).expect_err("other settings").to_string();
        assert!(refused.contains("method.beta = 0.75, not 0.5"), "{refused}");
        let foreign = plan(&["full"], 1).settle(outer.path()).expect_err("no ablation's");
        assert!(foreign.to_string().contains("ablation.toml"), "{foreign}");
    }

    #[test]
    fn what_no_table_has_is_refused() {
        let settings = preset("digits", None).expect("a preset").config;
        let unknown = Plan::new(settings.clone(), 1, vec!["k=3".into()]).expect_err("no row");
        assert!(unknown.to_string().contains("k=16"), "{unknown}");
        let other = Config { method_name: "fixmatch".into(), ..settings };
        assert!(Plan::new(other, 1, Vec::new()).is_err());
    }
}
