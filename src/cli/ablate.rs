//! `ablate` trains the rows of the ablation table over seeds, and writes the table and its plots.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::Args;
use clap::builder::PossibleValuesParser;
use plotters::chart::SeriesLabelPosition;
use remixmatch::ablation::{Plan, ROWS, RunState, Table};
use remixmatch::data::DataSet;
use remixmatch::gpu::Gpu;
use remixmatch::train::{
    Checkpoint, Config, Difference, Resumable, RunFolder, RunLock, TrainError, write_atomically,
};

use super::figures::{Axis, Figure, GREY, Line, colour, whole};
use super::inputs::{AdapterOptions, SourceOptions};
use super::options::Settings;
use super::terminal::{Outcome, note, one_line, print};
use super::training::{Interruption, Training};

#[derive(Args)]
pub struct AblateArguments {
    #[command(flatten)]
    adapter: AdapterOptions,
    #[command(flatten)]
    source: SourceOptions,
    #[command(flatten)]
    settings: Settings,
    /// Number of seeds per row, from --seed on
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=1000))]
    seeds: u64,
    /// Rows to train, separated by commas [default: all]
    #[arg(long, value_name = "NAME,..", value_delimiter = ',', value_parser = PossibleValuesParser::new(ROWS.map(|row| row.name)))]
    rows: Vec<String>,
    /// Folder for the runs, table.md, table.csv, k.svg and curves.svg; its finished runs are not repeated
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// What all runs share.
struct Shared<'a> {
    gpu: &'a Arc<Gpu>,
    data: &'a Arc<DataSet>,
    interruption: &'a Interruption,
}

/// Runs `ablate`.
pub fn run(mut arguments: AblateArguments) -> anyhow::Result<Outcome> {
    let interruption = Interruption::install()?;
    if Plan::is_in(&arguments.out) {
        // An ablation of an earlier version goes on with its own choice of images, its way to read them and its EMA.
        let before = Plan::read(&arguments.out)?.settings;
        arguments.settings.default_split(before.split);
        arguments.settings.default_ema_warmup(before.ema_warmup);
        arguments.source.choice.significant_bits.get_or_insert(before.significant_bits);
    }
    let (settings, data, source) = arguments.settings.open(&arguments.source)?;
    let rows = match arguments.rows.is_empty() {
        true => ROWS.map(|row| row.name.to_owned()).to_vec(),
        false => arguments.rows,
    };
    let plan = Plan::new(settings, arguments.seeds, rows)?;
    plan.settings.validate(data.train.height, data.train.width)?;
    let gpu = arguments.adapter.open()?;
    note(format_args!("preset {}: {source}", plan.settings.preset));
    let folder = arguments.out;
    RunFolder::new(&folder).create()?;
    let _lock = RunLock::acquire(&folder)?;
    let whole_table = plan.clone().store(&folder)?;
    check_data(&whole_table, &folder, &data)?;
    let shared = Shared { gpu: &gpu, data: &data, interruption: &interruption };
    let failed = train_all(&plan, &folder, &shared)?;
    let table = publish(&folder)?;
    let Some(failed) = failed else {
        note(format_args!("interrupted; saved. The same command resumes in {}", folder.display()));
        return Ok(Outcome::Interrupted);
    };
    print(table.markdown())?;
    note(format_args!("runs, table.md, table.csv and plots are in {}", folder.display()));
    if !failed.is_empty() {
        bail!("{} of the runs failed, see table.md: {}", failed.len(), failed.join("; "));
    }
    Ok(Outcome::Done)
}

/// Trains the unfinished runs, all rows of a seed before the next seed, so that the rows of a partial table are
/// comparable. Returns the names of the runs that failed; `None` if interrupted.
fn train_all(plan: &Plan, folder: &Path, shared: &Shared) -> anyhow::Result<Option<Vec<String>>> {
    let mut failed = Vec::new();
    let mut tried: Vec<PathBuf> = Vec::new();
    for seed in plan.seeds() {
        for row in plan.rows() {
            let run = plan.run_folder(folder, row, seed)?;
            if matches!(RunState::read(&run)?, RunState::Done(_))
                || tried.iter().any(|path| path == run.path())
            {
                continue;
            }
            if shared.interruption.is_requested() {
                return Ok(None);
            }
            tried.push(run.path().to_owned());
            RunState::remove_failure(&run)?;
            note(format_args!("row {}, seed {seed}: {}", row.name, row.title));
            match train(row.config(&plan.settings, seed)?, &run, shared) {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                // The run is another process's: nothing is written into its folder.
                Err(error) if matches!(error.downcast_ref(), Some(TrainError::InUse { .. })) => {
                    return Err(error);
                }
                Err(error) => {
                    let reason = one_line(&error);
                    note(format_args!("row {}, seed {seed} failed: {reason}", row.name));
                    RunState::write_failure(&run, &reason)?;
                    failed.push(format!("{}, seed {seed}", row.name));
                }
            }
            publish(folder)?;
        }
    }
    Ok(Some(failed))
}

/// Refuses a table with a finished run of other data, whose row would not be comparable with those to train.
fn check_data(plan: &Plan, folder: &Path, data: &DataSet) -> anyhow::Result<()> {
    for (seed, row) in plan.seeds().flat_map(|seed| plan.rows().map(move |row| (seed, row))) {
        let run = plan.run_folder(folder, row, seed)?;
        // Of a run whose model is gone, or of an earlier version, the images are unknown.
        let Ok((_, _, Some(fingerprint))) = Checkpoint::read_data(&run.model()) else { continue };
        let changes = fingerprint.compare(data);
        if !changes.is_empty() && matches!(RunState::read(&run)?, RunState::Done(_)) {
            let path = run.path().display();
            bail!(
                "{path} is of other data ({changes}): put the images back, or choose another folder with --out"
            );
        }
    }
    Ok(())
}

/// Trains one run, from its checkpoint if there is one; returns false if interrupted.
fn train(config: Config, folder: &RunFolder, shared: &Shared) -> anyhow::Result<bool> {
    let (gpu, data) = (Arc::clone(shared.gpu), Arc::clone(shared.data));
    folder.create()?;
    let lock = folder.lock()?;
    let mut training = match folder.model().exists() || folder.config().exists() {
        true => {
            let again = || format!("remove {} to start it again", folder.path().display());
            let Resumable { config: found, step, .. } = folder.resumable().with_context(again)?;
            if let Some(Difference { setting, first, second }) = found.differences(&config).first() {
                let path = folder.path().display();
                bail!("{path} holds a run with {setting} = {first}, not {second}: remove it");
            }
            match step {
                Some(_) => Training::resume(gpu, config, data, folder.clone(), lock)?,
                None => Training::start(gpu, config, data, folder.clone(), (Some(lock), true))?,
            }
        }
        false => Training::start(gpu, config, data, folder.clone(), (Some(lock), true))?,
    };
    let done = training.run(shared.interruption)?;
    if done {
        training.finish()?;
    }
    Ok(done)
}

/// Writes the table and the plots of the runs so far.
fn publish(folder: &Path) -> anyhow::Result<Table> {
    let table = Table::read(folder)?;
    write_atomically(&folder.join("table.md"), table.markdown().as_bytes())?;
    write_atomically(&folder.join("table.csv"), &table.csv()?)?;
    if let Some(figure) = by_views(&table) {
        figure.write(&folder.join("k.svg"))?;
    }
    if let Some(figure) = curves(&table) {
        figure.write(&folder.join("curves.svg"))?;
    }
    Ok(table)
}

/// Test error against K on a logarithmic scale, with the published errors; `None` with fewer than two values of K.
fn by_views(table: &Table) -> Option<Figure> {
    let found: Vec<_> = table.by_views().into_iter().filter_map(|(k, row)| Some((k, row.error?))).collect();
    if found.len() < 2 {
        return None;
    }
    let log = |k: usize| (k as f64).log2();
    let ours = Line {
        name: Some(format!("here: {}", table.plan.settings.data)),
        colour: colour(0).0,
        repeats: 0,
        faint: false,
        points: found.iter().map(|(k, error)| (log(*k), error.mean)).collect(),
        whiskers: found.iter().map(|(_, error)| error.deviation.unwrap_or(0.0)).collect(),
    };
    let published = ROWS.iter().filter_map(|row| Some((log(row.views()?), row.published?))).collect();
    let paper = Line {
        name: Some("published (quoted from memory): CIFAR-10, 250 labels".to_owned()),
        colour: GREY,
        repeats: 0,
        faint: true,
        points: published,
        whiskers: Vec::new(),
    };
    let lines = vec![ours, paper];
    Some(Figure {
        title: "Test error against the number of strong views".to_owned(),
        x: Axis { name: "strong views, K", range: -0.2..4.2, ticks: 5, label: |log| whole(log.exp2()) },
        y: Axis { name: "test error in %", range: 0.0..ceiling(&lines), ticks: 6, label: whole },
        lines,
        legend: SeriesLabelPosition::UpperRight,
    })
}

/// The mean test error of each row against steps.
fn curves(table: &Table) -> Option<Figure> {
    let lines: Vec<_> = table
        .curves()
        .enumerate()
        .map(|(i, row)| {
            let (colour, repeats) = colour(i);
            let points = row.curve.iter().map(|(step, error)| (*step as f64, *error)).collect();
            let name = Some(row.row.name.to_owned());
            Line { name, colour, repeats, faint: false, points, whiskers: Vec::new() }
        })
        .collect();
    if lines.is_empty() {
        return None;
    }
    let steps = table.plan.settings.steps as f64;
    // A long legend is placed beside the lines.
    let width = if lines.len() > 7 { 1.27 } else { 1.0 };
    Some(Figure {
        title: "Test error, mean over the seeds".to_owned(),
        x: Axis { name: "training steps", range: 0.0..steps * width, ticks: 6, label: whole },
        y: Axis { name: "test error in %", range: 0.0..ceiling(&lines), ticks: 6, label: whole },
        lines,
        legend: SeriesLabelPosition::UpperRight,
    })
}

/// A limit just above the highest point and its error bar.
fn ceiling(lines: &[Line]) -> f64 {
    let tops = lines.iter().flat_map(|line| {
        let whiskers = line.whiskers.iter().copied().chain(std::iter::repeat(0.0));
        line.points.iter().zip(whiskers).map(|((_, y), half)| y + half)
    });
    1.05 * tops.fold(1.0, f64::max)
}
