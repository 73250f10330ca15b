//! The results of an ablation, read from the files of its runs.

use std::path::Path;

use super::plan::{AblationError, Plan, RunState};
use super::row::Row;
use crate::train::{Report, read_reports};

/// The results of an ablation so far.
#[derive(Clone, Debug)]
pub struct Table {
    pub plan: Plan,
    pub rows: Vec<TableRow>,
}

/// The results of a row's runs.
#[derive(Clone, Debug)]
pub struct TableRow {
    pub row: Row,
    /// Title of an earlier row with the same settings, whose runs this row shares.
    pub same_as: Option<&'static str>,
    /// State of every seed.
    pub runs: Vec<(u64, RunState)>,
    /// Test error in % of the finished runs, with the EMA weights after the last step.
    pub error: Option<Spread>,
    /// Accuracy of the guesses in % after the last step.
    pub guesses: Option<Spread>,
    /// Duration of a run in seconds.
    pub seconds: Option<Spread>,
    /// Steps, and the mean test error in % of the finished runs at that step.
    pub curve: Vec<(u64, f64)>,
}

impl Table {
    /// Reads an ablation's folder.
    ///
    /// # Errors
    /// [`AblationError::NotAnAblation`] without `ablation.toml`, [`AblationError::Settings`] or
    /// [`AblationError::UnknownRow`] if a file is not valid, `TrainError::File` if a file cannot be read.
    pub fn read(folder: &Path) -> Result<Self, AblationError> {
        let plan = Plan::read(folder)?;
        let rows = plan.rows().map(|row| TableRow::read(&plan, folder, row)).collect::<Result<_, _>>()?;
        Ok(Self { plan, rows })
    }

    /// Failed runs: row, seed and reason. A run that rows share is listed once.
    pub fn failures(&self) -> impl Iterator<Item = (&'static str, u64, &str)> {
        self.rows.iter().filter(|row| row.same_as.is_none()).flat_map(TableRow::failures)
    }

    /// Rows with a curve. Rows that share the runs of another have none.
    pub fn curves(&self) -> impl Iterator<Item = &TableRow> {
        self.rows.iter().filter(|row| row.same_as.is_none() && !row.curve.is_empty())
    }

    /// Rows that change K, and the full method, in the order of K.
    pub fn by_views(&self) -> Vec<(usize, &TableRow)> {
        let full = self.plan.settings.method.strong_views;
        let k = |row: &TableRow| row.row.views().or_else(|| (row.row.name == "full").then_some(full));
        let mut rows: Vec<_> = self.rows.iter().filter_map(|row| Some((k(row)?, row))).collect();
        rows.sort_by_key(|(k, _)| *k);
        rows.dedup_by_key(|(k, _)| *k);
        rows
    }
}

impl TableRow {
    fn read(plan: &Plan, folder: &Path, row: Row) -> Result<Self, AblationError> {
        let owner = row.owner(&plan.settings)?;
        let shared = owner.name != row.name && plan.rows.iter().any(|name| name == owner.name);
        let mut runs = Vec::new();
        let mut reports = Vec::new();
        for seed in plan.seeds() {
            let run = plan.run_folder(folder, row, seed)?;
            let state = RunState::read(&run)?;
            if matches!(state, RunState::Done(_)) {
                reports.push(read_reports(&run.metrics())?);
            }
            runs.push((seed, state));
        }
        let summaries = || {
            runs.iter().filter_map(|(_, state)| match state {
                RunState::Done(summary) => Some(summary),
                _ => None,
            })
        };
        let spread = |values: Vec<f64>| Spread::of(&values);
        Ok(Self {
            row,
            same_as: shared.then_some(owner.title),
            error: spread(summaries().map(|summary| error(summary.test_acc_ema)).collect()),
            guesses: spread(summaries().filter_map(|summary| Some(100.0 * summary.guess_acc?)).collect()),
            seconds: spread(summaries().map(|summary| summary.seconds).collect()),
            curve: mean_curve(&reports),
            runs,
        })
    }

    /// Test errors in % of the finished runs, in the order of the seeds.
    pub fn errors(&self) -> Vec<f64> {
        let error_of = |(_, state): &(u64, RunState)| match state {
            RunState::Done(summary) => Some(error(summary.test_acc_ema)),
            _ => None,
        };
        self.runs.iter().filter_map(error_of).collect()
    }

    /// Failed runs of the row: row, seed and reason.
    pub fn failures(&self) -> impl Iterator<Item = (&'static str, u64, &str)> {
        self.runs.iter().filter_map(|(seed, state)| match state {
            RunState::Failed(reason) => Some((self.row.name, *seed, reason.as_str())),
            _ => None,
        })
    }

    /// Progress of the runs in words; `None` if all are done.
    pub fn progress(&self) -> Option<String> {
        let count = |is: fn(&RunState) -> bool| self.runs.iter().filter(|(_, state)| is(state)).count();
        let done = count(|state| matches!(state, RunState::Done(_)));
        let failed = count(|state| matches!(state, RunState::Failed(_)));
        let steps = self.runs.iter().find_map(|(_, state)| match state {
            RunState::Unfinished(step) => Some(*step),
            _ => None,
        });
        let mut parts = vec![format!("{done} of {} done", self.runs.len())];
        parts.extend((failed > 0).then(|| format!("{failed} failed")));
        parts.extend(steps.map(|step| format!("one at step {step}")));
        (done < self.runs.len()).then(|| parts.join(", "))
    }
}

/// Mean and standard deviation of a sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    pub mean: f64,
    /// Unbiased, with n - 1; `None` for a single value.
    pub deviation: Option<f64>,
}

impl Spread {
    /// Mean and deviation of `values`; `None` if there are none.
    pub fn of(values: &[f64]) -> Option<Self> {
        let n = values.len() as f64;
        let mean = (!values.is_empty()).then(|| values.iter().sum::<f64>() / n)?;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let deviation = (values.len() > 1).then(|| (squares / (n - 1.0)).sqrt());
        Some(Self { mean, deviation })
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.2}", self.mean)?;
        self.deviation.map_or(Ok(()), |deviation| write!(f, " ± {deviation:.2}"))
    }
}

/// Test error in % at a test accuracy in [0, 1].
fn error(accuracy: f64) -> f64 {
    100.0 * (1.0 - accuracy)
}

/// Steps that all runs report, with the mean test error in %.
fn mean_curve(runs: &[Vec<Report>]) -> Vec<(u64, f64)> {
    let Some(first) = runs.first() else { return Vec::new() };
    let at = |step: u64| -> Option<f64> {
        let errors: Option<Vec<f64>> = runs
            .iter()
            .map(|run| run.iter().find(|report| report.step == step).map(|r| error(r.test_acc_ema)))
            .collect();
        Spread::of(&errors?).map(|spread| spread.mean)
    };
    first.iter().filter_map(|report| Some((report.step, at(report.step)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_is_mean_and_sample_deviation() {
        assert_eq!(Spread::of(&[]), None);
        assert_eq!(Spread::of(&[7.0]), Some(Spread { mean: 7.0, deviation: None }));
        // Squares of -2, -1, 0, 3 sum to 14; 14 / 3.
        let found = Spread::of(&[4.0, 5.0, 6.0, 9.0]).expect("values");
        assert_eq!(found.mean, 6.0);
        assert!((found.deviation.expect("four values") - (14.0f64 / 3.0).sqrt()).abs() < 1e-12);
        assert_eq!(found.to_string(), "6.00 ± 2.16");
        assert_eq!(Spread { mean: 5.9375, deviation: None }.to_string(), "5.94");
    }
}
