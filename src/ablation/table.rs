//! What has come of an ablation, read from the files of its runs.

use std::path::Path;

use super::plan::{AblationError, Plan, RunState};
use super::row::Row;
use super::spread::Spread;
use crate::train::{Report, read_reports};

/// The rows of an ablation as far as they have come.
#[derive(Clone, Debug)]
pub struct Table {
    pub plan: Plan,
    pub rows: Vec<TableRow>,
}

/// A row's runs together.
#[derive(Clone, Debug)]
pub struct TableRow {
    pub row: Row,
    /// Title of an earlier row with the same settings, whose runs these are.
    pub same_as: Option<&'static str>,
    /// State of every seed.
    pub runs: Vec<(u64, RunState)>,
    /// Test error in % of the finished runs: averaged weights, after the last step.
    pub error: Option<Spread>,
    /// Share in % of guesses that named the true class, at the end.
    pub guesses: Option<Spread>,
    pub seconds: Option<Spread>,
    /// Step, and the test error in % as the mean over all runs that have a report at that step.
    pub curve: Vec<(u64, f64)>,
}

impl Table {
    /// Reads an ablation's folder.
    ///
    /// # Errors
    /// No ablation there, or files of it that cannot be read.
    pub fn read(folder: &Path) -> Result<Self, AblationError> {
        let plan = Plan::read(folder)?;
        let rows = plan.rows().map(|row| TableRow::read(&plan, folder, row)).collect::<Result<_, _>>()?;
        Ok(Self { plan, rows })
    }

    /// Runs that failed: row, seed and reason, a run that two rows share once.
    pub fn failures(&self) -> impl Iterator<Item = (&'static str, u64, &str)> {
        self.rows.iter().filter(|row| row.same_as.is_none()).flat_map(TableRow::failures)
    }

    /// Rows that have a curve: one whose runs are another's has none of its own.
    pub fn curves(&self) -> impl Iterator<Item = &TableRow> {
        self.rows.iter().filter(|row| row.same_as.is_none() && !row.curve.is_empty())
    }

    /// Error against K, by rising K: of the rows that vary it, and the full method.
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
            let state = RunState::of(&run)?;
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
        let spread = |figures: Vec<f64>| Spread::of(&figures);
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

    /// Test errors in % of the finished runs, in the order of their seeds.
    pub fn errors(&self) -> Vec<f64> {
        let of = |(_, state): &(u64, RunState)| match state {
            RunState::Done(summary) => Some(error(summary.test_acc_ema)),
            _ => None,
        };
        self.runs.iter().filter_map(of).collect()
    }

    pub fn failures(&self) -> impl Iterator<Item = (&'static str, u64, &str)> {
        self.runs.iter().filter_map(|(seed, state)| match state {
            RunState::Failed(reason) => Some((self.row.name, *seed, reason.as_str())),
            _ => None,
        })
    }

    /// How far its runs are, in a few words; nothing where all are done.
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

/// Test error in %.
fn error(accuracy: f64) -> f64 {
    100.0 * (1.0 - accuracy)
}

/// The mean test error at every step that all runs report.
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
