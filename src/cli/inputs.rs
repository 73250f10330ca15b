//! What a command works on: the adapter, with the tiling of its kernels, and the data set.

use std::fmt::Write;
use std::io::{IsTerminal as _, stderr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::bail;
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use remixmatch::data::{
    Choice, DataSet, OnProgress, OpenOptions, SignificantBits, counted, data_folder, layout, open, shown,
};
use remixmatch::gpu::Gpu;
use remixmatch::train::{Config, RunFolder, TilingChoice, with_tiling};

use super::terminal::{note, one_line, print};

/// Opens the adapter with its default tiling.
pub fn open_gpu() -> anyhow::Result<Arc<Gpu>> {
    Ok(Arc::new(Gpu::new_blocking()?))
}

/// The model file that is meant: a run's folder stands for the one in it.
///
/// # Errors
/// If nothing is at the path, or it is a folder without a model.
pub fn model_file(path: &Path) -> anyhow::Result<PathBuf> {
    if !path.exists() {
        bail!(
            "there is no file or folder {}: give the folder of a run, or its model.safetensors",
            path.display()
        );
    }
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    let model = RunFolder::new(path).model();
    if !model.exists() {
        bail!(
            "the folder {} has no model.safetensors: give the folder of a run, or the model file itself",
            path.display()
        );
    }
    Ok(model)
}

/// The file in the user's data folder that stores the measured tilings.
pub fn tiling_cache() -> Option<PathBuf> {
    Some(eframe::storage_dir("remixmatch")?.join("tilings.toml"))
}

/// The folder in the user's data folder that stores the hashes of images.
pub fn hash_cache() -> Option<PathBuf> {
    Some(eframe::storage_dir("remixmatch")?.join("hashes"))
}

/// The tiling of convolutions, which changes their speed and no result.
#[derive(Args, Clone, Debug, Default)]
pub struct AdapterOptions {
    /// Use the default tiling for this kind of adapter instead of measuring the fastest
    #[arg(long, help_heading = "Adapter")]
    no_autotune: bool,
    /// Use this tiling; a wrong name lists those that the adapter supports
    #[arg(long, value_name = "NAME", conflicts_with = "no_autotune", help_heading = "Adapter")]
    tiling: Option<String>,
}

impl AdapterOptions {
    /// Opens the adapter with the requested tiling.
    pub fn open(&self) -> anyhow::Result<Arc<Gpu>> {
        self.open_with(|gpu| gpu)
    }

    /// [`AdapterOptions::open`] of an adapter that `changed` has changed.
    pub fn open_with(&self, changed: impl FnOnce(Gpu) -> Gpu) -> anyhow::Result<Arc<Gpu>> {
        let gpu = with_tiling(Gpu::new_blocking()?, &self.choice(), tiling_cache().as_deref())?;
        Ok(Arc::new(changed(gpu)))
    }

    /// The requested tiling.
    pub fn choice(&self) -> TilingChoice {
        match (&self.tiling, self.no_autotune) {
            (Some(name), _) => TilingChoice::Named(name.clone()),
            (None, true) => TilingChoice::Usual,
            (None, false) => TilingChoice::Measured,
        }
    }
}

/// How a source is read: options of formats that offer a choice, and of image files.
#[derive(Args, Default)]
pub struct ChoiceOptions {
    /// Significant bits of 16-bit images, 8 to 16, or auto: as many as they use [default: auto]
    #[arg(long, value_name = "BITS", help_heading = "Data")]
    pub significant_bits: Option<SignificantBits>,
    /// CIFAR-100: the 20 coarse classes instead of the 100 fine ones
    #[arg(long, help_heading = "Data")]
    coarse: bool,
    /// STL-10: keep the labels of one fold, 0 to 9
    #[arg(long, value_name = "N", help_heading = "Data")]
    fold: Option<usize>,
    /// SVHN: leave out the extra images
    #[arg(long, help_heading = "Data")]
    no_extra: bool,
    /// Class folders: every folder is a class, also one named test or misc; train/CLASS and unlabeled keep their meaning
    #[arg(long, help_heading = "Data")]
    folders_as_classes: bool,
    /// Lists: words such as none, unknown and skip are classes, not missing labels
    #[arg(long, help_heading = "Data")]
    none_as_class: bool,
    /// Folders: look through all files, also where far more are found than images
    #[arg(long, help_heading = "Data")]
    many_files: bool,
}

impl ChoiceOptions {
    /// The options as settings.
    pub fn choice(&self) -> Choice {
        Choice {
            coarse: self.coarse,
            fold: self.fold,
            no_extra: self.no_extra,
            folders_as_classes: self.folders_as_classes,
            none_as_class: self.none_as_class,
            many_files: self.many_files,
        }
    }
}

/// The data set and the number of steps: options that a resumed run accepts too, apart from [`ChoiceOptions`].
#[derive(Args)]
pub struct SourceOptions {
    /// Data: builtin:fashion, builtin:digits, builtin:shapes, or a path whose format is detected
    #[arg(long, value_name = "SRC", help_heading = "Data")]
    pub data: Option<String>,
    /// Refuse a folder whose images differ in size instead of resizing them
    #[arg(long, help_heading = "Data")]
    pub strict: bool,
    /// Skip images that cannot be read, with a notice
    #[arg(long, help_heading = "Data")]
    pub skip_bad: bool,
    /// Memory for training images in MiB; images beyond it are decoded during training
    #[arg(long, value_name = "MIB", help_heading = "Data")]
    memory: Option<u64>,
    #[command(flatten)]
    pub choice: ChoiceOptions,
    /// Training steps
    #[arg(long, value_name = "N")]
    pub steps: Option<u64>,
}

impl SourceOptions {
    /// Opens a run's data set.
    pub fn open(&self, config: &Config) -> anyhow::Result<Arc<DataSet>> {
        let options = OpenOptions {
            memory: self.memory.map(|mebibytes| mebibytes.saturating_mul(1 << 20)),
            ..config.open_options()
        };
        open_source(config.present_source()?, &options).map(Arc::new)
    }

    /// Opens the data set of a run that goes on, with the options that open it again.
    pub fn reopen(&self, config: &Config, options: OpenOptions) -> anyhow::Result<Arc<DataSet>> {
        let memory = self.memory.map(|mebibytes| mebibytes.saturating_mul(1 << 20));
        let (strict, skip_bad) = (config.strict, config.skip_bad);
        let options = OpenOptions { memory, strict, skip_bad, ..options };
        config.moved_notice().iter().for_each(|notice| note(format_args!("notice: {notice}")));
        open_source(config.present_source()?, &options).map(Arc::new)
    }
}

/// Opens a data set by its built-in name, its path or its name in the user's data folder, and prints its notices.
pub fn open_source(source: &str, options: &OpenOptions) -> anyhow::Result<DataSet> {
    let set = open_quietly(source, options)?;
    print_notices(&set);
    Ok(set)
}

/// Opens a data set as [`open_source`], for commands that print the notices elsewhere.
pub fn open_quietly(source: &str, options: &OpenOptions) -> anyhow::Result<DataSet> {
    let bar = Arc::new(OpeningBar::default());
    let progress = bar.progress();
    let opened = open(&resolve(source)?, &OpenOptions { progress, cache: hash_cache(), ..options.clone() });
    bar.clear();
    Ok(opened?)
}

/// Prints what the user should know about a set to standard error.
pub fn print_notices(set: &DataSet) {
    for notice in &set.notices {
        note(format_args!("notice: {notice}"));
    }
}

/// Whether two sources are the same: equal names, or paths of one file or folder.
pub fn same_source(a: &str, b: &str) -> bool {
    let real = |source: &str| Path::new(&resolve(source).ok()?).canonicalize().ok();
    a == b || real(a).is_some_and(|path| real(b) == Some(path))
}

/// A progress bar that appears if a set takes more than a second to open.
pub struct OpeningBar {
    began: Instant,
    bar: OnceLock<ProgressBar>,
    /// While folders are listed.
    spinner: OnceLock<ProgressBar>,
    /// Whether it was said that folders are listed.
    told: AtomicBool,
}

impl Default for OpeningBar {
    fn default() -> Self {
        let (bar, spinner, told) = (OnceLock::new(), OnceLock::new(), AtomicBool::new(false));
        Self { began: Instant::now(), bar, spinner, told }
    }
}

impl OpeningBar {
    /// What reports to the bar.
    fn progress(self: &Arc<Self>) -> OnProgress {
        let (images, files) = (Arc::clone(self), Arc::clone(self));
        OnProgress::new(move |done, all| images.show(done, all))
            .with_files(move |found, folder| files.show_files(found, folder))
    }

    /// Says what is looked through, once after a second, and on a terminal all the time.
    fn show_files(&self, found: usize, folder: &Path) {
        if self.began.elapsed() < Duration::from_secs(1) {
            return;
        }
        if !self.told.swap(true, Ordering::Relaxed) && !stderr().is_terminal() {
            note(format_args!(
                "looking through folders: {} so far, now in {} (Ctrl-C cancels)",
                counted(found, "file", "files"),
                shown(folder)
            ));
        }
        let spinner = self.spinner.get_or_init(|| {
            let spinner = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            let style =
                ProgressStyle::with_template("{spinner} looking through folders: {pos} files, {wide_msg}");
            style.map(|style| spinner.clone().with_style(style)).unwrap_or(spinner)
        });
        spinner.set_position(found as u64);
        spinner.set_message(shown(folder).to_string());
    }

    /// Shows how many of all images are read.
    pub fn show(&self, done: usize, all: usize) {
        if let Some(spinner) = self.spinner.get() {
            spinner.finish_and_clear();
        }
        if self.began.elapsed() < Duration::from_secs(1) {
            return;
        }
        let bar = self.bar.get_or_init(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("{bar:30} reading images {pos}/{len} {rate} ETA {eta}");
            // As many digits as can be read.
            let rate =
                |state: &ProgressState, text: &mut dyn Write| _ = write!(text, "{:.0}/s", state.per_sec());
            style.map(|style| bar.clone().with_style(style.with_key("rate", rate))).unwrap_or(bar)
        });
        bar.set_length(all as u64);
        bar.set_position(done as u64);
    }

    /// Prints something above the bar.
    pub fn suspend<R>(&self, print: impl FnOnce() -> R) -> R {
        match self.bar.get() {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    /// Removes the bar.
    pub fn clear(&self) {
        for bar in [self.bar.get(), self.spinner.get()].into_iter().flatten() {
            bar.finish_and_clear();
        }
    }
}

/// What to give instead of an unknown name.
const HINT: &str = "give builtin:fashion, builtin:digits, builtin:shapes, or the path of a folder or archive \
                    (scripts/fetch_cifar10.py fetches cifar-10)";

/// Prints what becomes of every file of a source, as text or as JSON; also of a set that has images to test alone.
pub fn print_layout(source: &str, options: &OpenOptions, json: bool) -> anyhow::Result<()> {
    let source = resolve(source)?;
    let bar = Arc::new(OpeningBar::default());
    let options = &OpenOptions { progress: bar.progress(), ..options.clone() };
    let found = layout(&source, options);
    bar.clear();
    let layout = match found {
        Err(error) if error.may_test() => {
            let tests = OpenOptions { only_tests: true, ..options.clone() };
            let Ok(mut found) = layout(&source, &tests) else { return Err(error.into()) };
            found.notices.insert(0, only_tests_notice(&error.into()));
            found
        }
        found => found?,
    };
    if json { print(serde_json::to_string_pretty(&layout)?) } else { print(&layout) }
}

/// What is said of a set that has images to test and cannot train.
pub fn only_tests_notice(error: &anyhow::Error) -> String {
    format!("this set can test a model (eval, predict), but cannot train one: {}", one_line(error))
}

/// Looks up a name that is no path in the user's data folder, where the fetch scripts store data sets.
pub fn resolve(source: &str) -> anyhow::Result<String> {
    if source.trim().is_empty() {
        bail!("the name of the data is empty: {HINT}");
    }
    let is_name = !source.contains([':', '/', '\\']) && !Path::new(source).exists();
    if !is_name {
        return Ok(source.to_owned());
    }
    match data_folder().map(|folder| folder.join(source)) {
        Some(path) if path.exists() => Ok(path.to_string_lossy().into_owned()),
        Some(path) => bail!("no data is named '{source}': looked here and for {}; {HINT}", path.display()),
        None => bail!("no data is named '{source}': looked here; {HINT}"),
    }
}
