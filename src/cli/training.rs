//! A run in its folder, as `train` and `ablate` make them: begun or gone on with, trained, summed up.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use pollster::block_on;
use remixmatch::data::{DataSet, Waits};
use remixmatch::gpu::Gpu;
use remixmatch::ssl::Keep;
use remixmatch::train::{
    Checkpoint, Config, MetricsFile, Report, RunFolder, Summary, Trainer, median_accuracy, read_reports,
};

use super::output::note;

/// Set by Ctrl-C from now on, instead of ending the program.
pub fn interruption() -> anyhow::Result<Arc<AtomicBool>> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&interrupted);
    ctrlc::set_handler(move || flag.store(true, Ordering::SeqCst))
        .context("installing the Ctrl-C handler")?;
    Ok(interrupted)
}

pub struct Training {
    pub trainer: Trainer,
    metrics: MetricsFile,
    folder: RunFolder,
    /// What the first step waited for: nothing can have been decoded before it.
    first: Option<Waits>,
}

impl Training {
    /// A new run, with its first checkpoint. Nothing is written or removed before all that could be refused has
    /// been accepted.
    pub fn begin(
        gpu: Arc<Gpu>,
        config: Config,
        data: Arc<DataSet>,
        folder: RunFolder,
    ) -> anyhow::Result<Self> {
        let trainer = Trainer::new(gpu, config, data, Keep::State)?;
        folder.create()?;
        folder.write_config(&trainer.config)?;
        folder.prepare()?;
        let metrics = MetricsFile::create(&folder.metrics())?;
        let mut run = Self { trainer, metrics, folder, first: None };
        run.save()?;
        Ok(run)
    }

    /// Goes on from the folder's checkpoint.
    pub fn go_on(
        gpu: Arc<Gpu>,
        config: Config,
        data: Arc<DataSet>,
        folder: RunFolder,
    ) -> anyhow::Result<Self> {
        let model = folder.model();
        let (_, header) = Checkpoint::read_header(&model)?;
        let trainer = Trainer::resume(gpu, config, data, &model, Keep::State)?;
        folder.tidy()?;
        if !trainer.is_done() {
            folder.remove_summary()?;
        }
        let path = folder.metrics();
        let metrics = match path.exists() {
            true => MetricsFile::resume(&path, header.step)?,
            false => MetricsFile::create(&path)?,
        };
        folder.write_config(&trainer.config)?;
        note(format_args!("going on from step {} of {}", header.step, trainer.config.steps));
        Ok(Self { trainer, metrics, folder, first: None })
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    fn save(&mut self) -> anyhow::Result<()> {
        Ok(block_on(self.trainer.save(&self.folder.model()))?)
    }

    /// Trains until done (true) or interrupted (false); saves either way.
    pub fn run(&mut self, interrupted: &AtomicBool) -> anyhow::Result<bool> {
        let bar = progress_bar(&self.trainer);
        while !self.trainer.is_done() {
            if interrupted.load(Ordering::SeqCst) {
                self.save()?;
                bar.abandon();
                return Ok(false);
            }
            block_on(self.trainer.step())?;
            self.first = self.first.or_else(|| self.trainer.data.train.waits());
            let progress = self.trainer.progress();
            bar.set_position(progress.step);
            if self.trainer.report_is_due() {
                let report = block_on(self.trainer.report())?;
                // The row first: whatever happens in between, a resumed run drops a row ahead of its checkpoint,
                // and could not make one again that is behind.
                self.metrics.append(&report)?;
                self.save()?;
                bar.set_message(format!("test {:.1} %", 100.0 * report.test_acc_ema));
                let line = line(&report, progress.steps);
                if bar.is_hidden() {
                    note(line);
                } else {
                    bar.println(line);
                }
            }
        }
        bar.finish();
        Ok(true)
    }

    /// What steps have waited for where images are decoded while training.
    pub fn waits(&self) -> Option<String> {
        let (all, first) = (self.trainer.data.train.waits()?, self.first?);
        Some(format!(
            "of {} images decoded while training {} were not ready when a step asked for them; the first step waited \
             {} ms, all others {} ms together",
            all.asked,
            all.waited,
            first.time.as_millis(),
            (all.time - first.time).as_millis()
        ))
    }

    /// The final figures, written to the folder.
    pub fn finish(&self) -> anyhow::Result<Summary> {
        let trainer = &self.trainer;
        let reports = read_reports(&self.folder.metrics())?;
        let last = reports.last().context("the run has no report yet: give more --steps")?;
        let config = &trainer.config;
        let summary = Summary {
            preset: config.preset.clone(),
            method: config.method_name.clone(),
            data: trainer.data.name.clone(),
            labels: config.labels,
            seed: config.seed,
            network: config.network.clone(),
            parameters: trainer.engine.network.parameters.count(),
            steps: last.step,
            images: last.images,
            seconds: last.seconds,
            test_acc_ema: last.test_acc_ema,
            test_acc_ema_median: median_accuracy(&reports),
            test_acc: last.test_acc,
            guess_acc: last.guess_acc,
            adapter: trainer.gpu().info.name.clone(),
            gpu_bytes: trainer.engine.memory().total(),
        };
        self.folder.write_summary(&summary)?;
        Ok(summary)
    }
}

fn progress_bar(trainer: &Trainer) -> ProgressBar {
    let progress = trainer.progress();
    let bar = ProgressBar::with_draw_target(Some(progress.steps), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{bar:30} step {pos}/{len} {per_sec} ETA {eta} {msg}");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar.set_position(progress.step);
    bar.reset_eta();
    bar
}

fn line(report: &Report, steps: u64) -> String {
    let optional = |value: Option<f64>| value.map_or("-".to_owned(), |v| format!("{v:.3}"));
    format!(
        "step {:>6}/{steps}  loss x {:.3} u {} u1 {} r {}  guesses {}  test {:.3} (averaged {:.3})  {:.0} s",
        report.step,
        report.loss_x,
        optional(report.loss_u),
        optional(report.loss_u1),
        optional(report.loss_r),
        optional(report.guess_acc),
        report.test_acc,
        report.test_acc_ema,
        report.seconds,
    )
}
