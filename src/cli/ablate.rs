use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, bail};
use clap::Args;
use clap::builder::PossibleValuesParser;
use plotters::chart::SeriesLabelPosition;
use remixmatch::ablation::{Plan, ROWS, RunState, Table};
use remixmatch::data::DataSet;
use remixmatch::gpu::Gpu;
use remixmatch::train::{Checkpoint, Config, RunFolder, write_atomically};

use super::adapter::AdapterOptions;
use super::figure::{Axis, Figure, GREY, Line, colour, whole};
use super::options::{Settings, SourceOptions};
use super::output::{note, print};
use super::training::{Training, interruption};
use super::{Outcome, one_line};

#[derive(Args)]
pub struct AblateArguments {
    #[command(flatten)]
    adapter: AdapterOptions,
    #[command(flatten)]
    source: SourceOptions,
    #[command(flatten)]
    settings: Settings,
    /// Seeds of every row, counted from --seed
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=1000))]
    seeds: u64,
    /// Rows to train, separated by commas; all if absent
    #[arg(long, value_name = "NAME,..", value_delimiter = ',', value_parser = PossibleValuesParser::new(ROWS.map(|row| row.name)))]
    rows: Vec<String>,
    /// Folder for the runs, table.md, table.csv, k.svg and curves.svg; what is done in it is not done again
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// What all runs have in common.
struct Shared<'a> {
    gpu: &'a Arc<Gpu>,
    data: &'a Arc<DataSet>,
    interrupted: &'a AtomicBool,
}

pub fn run(arguments: AblateArguments) -> anyhow::Result<Outcome> {
    let interrupted = interruption()?;
    let (settings, data, source) = arguments.settings.open(&arguments.source)?;
    let rows = match arguments.rows.is_empty() {
        true => ROWS.map(|row| row.name.to_owned()).to_vec(),
        false => arguments.rows,
    };
    let asked = Plan::new(settings, arguments.seeds, rows)?;
    asked.settings.validate(data.train.height, data.train.width)?;
    let gpu = arguments.adapter.open()?;
    note(format_args!("preset {}: {source}", asked.settings.preset));
    let folder = arguments.out;
    asked.clone().settle(&folder)?;
    let shared = Shared { gpu: &gpu, data: &data, interrupted: &interrupted };
    let failed = train_all(&asked, &folder, &shared)?;
    let table = publish(&folder)?;
    let Some(failed) = failed else {
        note(format_args!("interrupted; saved. The same command goes on in {}", folder.display()));
        return Ok(Outcome::Interrupted);
    };
    print(table.markdown())?;
    note(format_args!("runs, table.md, table.csv and plots are in {}", folder.display()));
    if !failed.is_empty() {
        bail!("{} of the runs failed, see table.md: {}", failed.len(), failed.join("; "));
    }
    Ok(Outcome::Done)
}

/// Trains what is not done yet, all rows of a seed before the next seed, so that whatever there is can be
/// compared. Names the runs that failed; `None` if it was interrupted.
fn train_all(plan: &Plan, folder: &Path, shared: &Shared) -> anyhow::Result<Option<Vec<String>>> {
    let mut failed = Vec::new();
    let mut tried: Vec<PathBuf> = Vec::new();
    for seed in plan.seeds() {
        for row in plan.rows() {
            let run = plan.run_folder(folder, row, seed)?;
            if matches!(RunState::of(&run)?, RunState::Done(_)) || tried.iter().any(|path| path == run.path())
            {
                continue;
            }
            if shared.interrupted.load(Ordering::SeqCst) {
                return Ok(None);
            }
            tried.push(run.path().to_owned());
            RunState::forgive(&run)?;
            note(format_args!("row {}, seed {seed}: {}", row.name, row.title));
            match train(row.config(&plan.settings, seed)?, &run, shared) {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                Err(error) => {
                    let reason = one_line(&error);
                    note(format_args!("row {}, seed {seed} failed: {reason}", row.name));
                    RunState::fail(&run, &reason)?;
                    failed.push(format!("{}, seed {seed}", row.name));
                }
            }
            publish(folder)?;
        }
    }
    Ok(Some(failed))
}

/// One run, from its checkpoint if it has one; false if it was interrupted.
fn train(config: Config, folder: &RunFolder, shared: &Shared) -> anyhow::Result<bool> {
    let (gpu, data) = (Arc::clone(shared.gpu), Arc::clone(shared.data));
    let model = folder.model();
    let mut training = match model.exists() {
        true => {
            let (found, _) = Checkpoint::read_header(&model)
                .with_context(|| format!("remove {} to begin it anew", folder.path().display()))?;
            if found != config {
                bail!("{} holds a run of other settings: remove it", folder.path().display());
            }
            Training::go_on(gpu, config, data, folder.clone())?
        }
        false => Training::begin(gpu, config, data, folder.clone())?,
    };
    let done = training.run(shared.interrupted)?;
    if done {
        training.finish()?;
    }
    Ok(done)
}

/// Writes table and plots of what there is.
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

/// Error against K, on a logarithmic scale, beside the published figures; needs two values of K.
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
    // A long legend stands beside the lines.
    let room = if lines.len() > 7 { 1.27 } else { 1.0 };
    Some(Figure {
        title: "Test error, mean over the seeds".to_owned(),
        x: Axis { name: "training steps", range: 0.0..steps * room, ticks: 6, label: whole },
        y: Axis { name: "test error in %", range: 0.0..ceiling(&lines), ticks: 6, label: whole },
        lines,
        legend: SeriesLabelPosition::UpperRight,
    })
}

/// A little above the highest point, whiskers included.
fn ceiling(lines: &[Line]) -> f64 {
    let tops = lines.iter().flat_map(|line| {
        let whiskers = line.whiskers.iter().copied().chain(std::iter::repeat(0.0));
        line.points.iter().zip(whiskers).map(|((_, y), half)| y + half)
    });
    1.05 * tops.fold(1.0, f64::max)
}
