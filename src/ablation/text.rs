//! The table as Markdown and as CSV.

use std::fmt::Write as _;

use super::table::{Spread, Table, TableRow};
use crate::data::{Tail, counted};
use crate::train::TrainError;

/// Source of the last column. The paper's code does not contain these figures.
const PUBLISHED: &str = "Published: the error in the paper's ablation (arXiv 1911.09785) on CIFAR-10 with 250 labels \
     of one split, WRN-28-2, K = 8 unless the row says otherwise. The figures are quoted from memory and have not \
     been checked against the paper; other data, networks and budgets can be compared with them in direction only.";

impl Table {
    /// The settings that all rows share, in one sentence.
    pub fn setting(&self) -> String {
        let settings = &self.plan.settings;
        let first = settings.seed;
        let seeds = match self.plan.seeds {
            1 => format!("seed {first}"),
            more => format!("seeds {first} to {}", first + more - 1),
        };
        let tail = match (settings.imbalance, settings.tail) {
            (1.0, _) => String::new(),
            (r, Tail::Both) => format!(", a long tail of {r}"),
            (r, Tail::Labelled) => format!(", a long tail of {r} among the labels alone"),
            (r, Tail::Unlabelled) => format!(", a long tail of {r} among the images, not among the labels"),
        };
        format!(
            "{}, {}{tail}, {}, {} of {} labelled and {} unlabelled images, {seeds}",
            settings.data,
            counted(settings.labels, "label", "labels"),
            settings.network,
            counted(settings.steps as usize, "step", "steps"),
            settings.batch,
            settings.batch
        )
    }

    /// The table as Markdown, with failed and unfinished runs.
    pub fn markdown(&self) -> String {
        let mut text = format!(
            "# Ablation of ReMixMatch\n\n{}. Error: test error of the EMA weights after the last step in %, mean ± \
             standard deviation over the seeds.\n\n",
            self.setting()
        );
        text += "| row | changed | seeds | error | guesses right | published |\n|---|---|--:|--:|--:|--:|\n";
        for row in &self.rows {
            let figure =
                |spread: Option<Spread>| spread.map_or("–".to_owned(), |spread| spread.to_string());
            let published = row.row.published.map_or("–".to_owned(), |error| format!("{error:.2}"));
            let (title, done) = (row.title(self), row.errors().len());
            let (error, guesses) = (figure(row.error), figure(row.guesses));
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "| `{}` | {title} | {done} | {error} | {guesses} | {published} |",
                row.row.name
            );
        }
        let _ = writeln!(text, "\n{PUBLISHED}");
        let failures: Vec<_> = self.failures().collect();
        if !failures.is_empty() {
            text += "\n## Failed\n\n";
            for (row, seed, reason) in failures {
                let _ = writeln!(text, "- `{row}`, seed {seed}: {reason}");
            }
        }
        let open: Vec<_> = self.rows.iter().filter_map(|row| Some((row.row.name, row.progress()?))).collect();
        if !open.is_empty() {
            text += "\n## Not finished\n\n";
            for (row, progress) in open {
                let _ = writeln!(text, "- `{row}`: {progress}");
            }
        }
        text
    }

    /// The table as CSV, one line per row.
    ///
    /// # Errors
    /// [`TrainError::File`] if a row cannot be encoded.
    pub fn csv(&self) -> Result<Vec<u8>, TrainError> {
        let failed = |error: std::io::Error| TrainError::file("table.csv", "writing a row")(error);
        let mut rows = csv::Writer::from_writer(Vec::new());
        let header = [
            "row",
            "changed",
            "seeds",
            "error_mean",
            "error_sd",
            "errors",
            "guess_acc_mean",
            "seconds_mean",
            "published_error_from_memory",
            "failures",
        ];
        rows.write_record(header).map_err(|error| failed(error.into()))?;
        for row in &self.rows {
            let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
            let joined = |texts: Vec<String>, by: &str| texts.join(by);
            let failures = row.failures().map(|(_, seed, reason)| format!("seed {seed}: {reason}")).collect();
            rows.write_record([
                row.row.name.to_owned(),
                row.title(self),
                row.errors().len().to_string(),
                number(row.error.map(|spread| spread.mean)),
                number(row.error.and_then(|spread| spread.deviation)),
                joined(row.errors().iter().map(f64::to_string).collect(), " "),
                number(row.guesses.map(|spread| spread.mean)),
                number(row.seconds.map(|spread| spread.mean)),
                number(row.row.published),
                joined(failures, "; "),
            ])
            .map_err(|error| failed(error.into()))?;
        }
        rows.into_inner().map_err(|error| failed(error.into_error()))
    }
}

impl TableRow {
    /// The row's title, with K of the full method, and with the row whose runs it shares.
    pub fn title(&self, table: &Table) -> String {
        match (self.row.name, self.same_as) {
            ("full", _) => format!("{}, K = {}", self.row.title, table.plan.settings.method.strong_views),
            (_, Some(other)) => format!("{}: the same runs as {other}", self.row.title),
            _ => self.row.title.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ablation::plan::{Plan, RunState};
    use crate::ablation::row::Row;
    use crate::train::{Summary, preset};

    fn summary(accuracy: f64) -> Box<Summary> {
        Box::new(Summary {
            preset: "digits".into(),
            method: "remixmatch".into(),
            data: "builtin:digits".into(),
            labels: 40,
            seed: 0,
            network: "wrn-10-1".into(),
            parameters: 1,
            steps: 10,
            images: 320,
            seconds: 2.0,
            test_acc_ema: accuracy,
            test_acc_ema_interval: None,
            test_acc_ema_median: accuracy,
            test_acc: accuracy,
            guess_acc: Some(0.5),
            adapter: "none".into(),
            gpu_bytes: 1,
        })
    }

    fn table() -> Table {
        let settings = preset("digits", None).expect("a preset").config;
        let names = ["full", "k=2", "no-strong"].map(str::to_owned).to_vec();
        let plan = Plan::new(settings, 2, names).expect("a plan");
        let row = |name: &str, runs: Vec<RunState>| {
            let row = Row::named(name).expect("a row");
            let runs: Vec<_> = (0..).zip(runs).collect();
            let mut whole = TableRow {
                row,
                same_as: (name == "k=2").then_some("ReMixMatch"),
                runs,
                error: None,
                guesses: None,
                seconds: None,
                curve: Vec::new(),
            };
            whole.error = Spread::of(&whole.errors());
            whole
        };
        let full = vec![RunState::Done(summary(0.75)), RunState::Done(summary(0.625))];
        let broken = vec![RunState::Failed("the disk | is full".into()), RunState::Unfinished(150)];
        let rows = vec![row("full", full.clone()), row("k=2", full), row("no-strong", broken)];
        Table { plan, rows }
    }

    #[test]
    fn markdown_lists_errors_published_errors_and_unfinished_runs() {
        let text = table().markdown();
        for line in [
            "| `full` | ReMixMatch, K = 2 | 2 | 31.25 ± 8.84 | – | 5.94 |",
            "| `k=2` | K = 2: the same runs as ReMixMatch | 2 | 31.25 ± 8.84 | – | 6.74 |",
            "| `no-strong` | no strong augmentation | 0 | – | – | 12.51 |",
            "- `no-strong`, seed 0: the disk | is full",
            "- `no-strong`: 0 of 2 done, 1 failed, one at step 150",
        ] {
            assert!(text.lines().any(|found| found == line), "'{line}' is missing in:\n{text}");
        }
        assert!(
            text.contains("builtin:digits, 40 labels, wrn-10-1, 1000 steps") && text.contains("seeds 0 to 1")
        );
        assert!(text.contains("from memory") && text.contains("250 labels"));
    }

    #[test]
    fn csv_has_one_line_per_row() {
        let text = String::from_utf8(table().csv().expect("text")).expect("UTF-8");
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 4);
        assert!(lines[1].starts_with("full,\"ReMixMatch, K = 2\",2,31.25,8.8388"), "{}", lines[1]);
        assert!(lines[1].contains(",25 37.5,"), "{}", lines[1]);
        assert!(lines[3].ends_with(",12.51,seed 0: the disk | is full"), "{}", lines[3]);
    }

    #[test]
    fn rows_by_views_contain_each_k_once() {
        let table = table();
        let found: Vec<_> = table.by_views().into_iter().map(|(k, row)| (k, row.row.name)).collect();
        assert_eq!(found, [(2, "full")]);
    }
}
