//! `app` opens the desktop app.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::bail;
use clap::Args;
use remixmatch::app::{AppOptions, ThemeChoice};
use remixmatch::data::{Balance, Fit, SplitRule};

use super::inputs::{AdapterOptions, ChoiceOptions, tiling_cache};
use super::options::named;
use super::terminal::Outcome;

/// Options of the desktop app.
#[derive(Args, Default)]
pub struct AppArguments {
    #[command(flatten)]
    adapter: AdapterOptions,
    /// Settings as in a link to the page, after the #: lesson=alignment, preset=digits&seed=3&train; other options win
    #[arg(long, value_name = "SETTINGS", conflicts_with = "preset")]
    link: Option<String>,
    /// Preset to start with
    #[arg(long, value_name = "NAME")]
    preset: Option<String>,
    /// Data to open: builtin:NAME, or a path
    #[arg(long, value_name = "SRC")]
    data: Option<String>,
    /// Seed to start with
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Training steps of a run
    #[arg(long, value_name = "N")]
    steps: Option<u64>,
    /// Labelled images per step
    #[arg(long, value_name = "N")]
    batch: Option<usize>,
    /// Number of labelled images
    #[arg(long, value_name = "N", help_heading = "Data")]
    labels: Option<usize>,
    /// Distribution of the labels over the classes
    #[arg(long, value_parser = named::<Balance>(), help_heading = "Data")]
    label_balance: Option<Balance>,
    /// Side in pixels that all images are resized to, 8 to 224
    #[arg(long, value_name = "N", help_heading = "Data")]
    image_size: Option<usize>,
    /// How images that are not square become squares [default: crop]
    #[arg(long, value_parser = named::<Fit>(), help_heading = "Data")]
    fit: Option<Fit>,
    /// Skip images that cannot be read, with a notice
    #[arg(long, help_heading = "Data")]
    skip_bad: bool,
    #[command(flatten)]
    choice: ChoiceOptions,
    /// How labelled images are chosen [default: content]
    #[arg(long, value_parser = named::<SplitRule>())]
    split: Option<SplitRule>,
    /// Variation to train beside the run, for example "no alignment"
    #[arg(long, value_name = "NAME")]
    compare: Option<String>,
    /// Label the images of this folder
    #[arg(long, value_name = "DIR")]
    label: Option<PathBuf>,
    /// Show the table of the ablation in this folder
    #[arg(long, value_name = "DIR")]
    ablation: Option<PathBuf>,
    /// Open the run in this folder, up to --steps and with --batch if given
    #[arg(long, value_name = "DIR", conflicts_with_all = [
        "preset", "data", "seed", "link", "labels", "label_balance", "image_size", "fit", "skip_bad", "split", "compare", "ChoiceOptions",
    ])]
    run: Option<PathBuf>,
    /// Go on with the run on data whose images are not those of the run
    #[arg(long, requires = "run")]
    accept_changed_data: bool,
    /// Start training at once, with --label on the labels of that folder
    #[arg(long)]
    train: bool,
    /// Colours
    #[arg(long, value_parser = named::<ThemeChoice>())]
    theme: Option<ThemeChoice>,
    /// Size of the window, for example 1280x800
    #[arg(long, value_name = "WxH", value_parser = size)]
    size: Option<[f32; 2]>,
    /// Train, write a picture of every view in both themes to this folder, and close
    #[arg(long, value_name = "DIR")]
    pictures: Option<PathBuf>,
    /// Train for this many seconds, print frame times (one row per minute), and close
    #[arg(long, value_name = "SECONDS", conflicts_with = "pictures")]
    measure: Option<u64>,
}

/// Parses the size of the window.
fn size(text: &str) -> Result<[f32; 2], String> {
    let invalid = || format!("invalid size '{text}', expected WxH, for example 1280x800");
    let (width, height) = text.split_once('x').ok_or_else(invalid)?;
    let side = |side: &str| side.parse::<u16>().map(f32::from).map_err(|_| invalid());
    Ok([side(width)?, side(height)?])
}

/// Runs `app`.
pub fn run(arguments: AppArguments) -> anyhow::Result<Outcome> {
    let options = AppOptions {
        preset: arguments.preset,
        data: arguments.data,
        seed: arguments.seed,
        compare: arguments.compare,
        steps: arguments.steps,
        batch: arguments.batch,
        split: arguments.split,
        labels: arguments.labels,
        balance: arguments.label_balance,
        image_size: arguments.image_size,
        fit: arguments.fit,
        skip_bad: arguments.skip_bad,
        significant_bits: arguments.choice.significant_bits,
        choice: arguments.choice.choice(),
        autosave: eframe::storage_dir("remixmatch").map(|folder| folder.join("runs")),
        label: arguments.label,
        kept_labels: Some(
            eframe::storage_dir("remixmatch").unwrap_or_else(std::env::temp_dir).join("labels"),
        ),
        ablation: arguments.ablation,
        run: arguments.run,
        accept_changed_data: arguments.accept_changed_data,
        link: arguments.link,
        script_failure: Arc::default(),
        train: arguments.train || arguments.pictures.is_some() || arguments.measure.is_some(),
        theme: arguments.theme,
        tiling: arguments.adapter.choice(),
        tilings: tiling_cache(),
        measures_speed: true,
        size: arguments.size,
        pictures: arguments.pictures,
        measure: arguments.measure.map(std::time::Duration::from_secs),
    };
    if options.pictures.as_ref().is_some_and(|folder| folder.is_file()) {
        bail!("--pictures expects a folder, found a file");
    }
    remixmatch::app::run(options)?;
    Ok(Outcome::Done)
}
