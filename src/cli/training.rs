//! A run and its folder, as `train` and `ablate` use them: started or resumed, trained, summarised.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use pollster::block_on;
use remixmatch::data::{DataSet, StreamStats, counted};
use remixmatch::gpu::{Gpu, GpuError};
use remixmatch::train::{
    Capture, Checkpoint, Config, Header, MetricsFile, Report, RunFolder, RunLock, Summary, TrainError,
    Trainer, read_reports, read_whole_reports, remember_speed, summary, tune,
};

use super::terminal::note;

/// Ctrl-C. While a run trains, the first one requests that it is saved; a second one, or one at any other time, ends the
/// program at once.
#[derive(Clone)]
pub struct Interruption {
    requested: Arc<AtomicBool>,
    /// Whether a run trains, and saves itself when it is interrupted.
    training: Arc<AtomicBool>,
}

/// Exit status of an interrupted program.
pub const INTERRUPTED: u8 = 130;

impl Interruption {
    /// Handles Ctrl-C from now on.
    pub fn install() -> anyhow::Result<Self> {
        let interruption = Self { requested: Arc::default(), training: Arc::default() };
        let Self { requested, training } = interruption.clone();
        let handler = move || {
            let again = requested.swap(true, Ordering::SeqCst);
            if again || !training.load(Ordering::SeqCst) {
                std::process::exit(INTERRUPTED.into());
            }
        };
        ctrlc::set_handler(handler).context("installing the Ctrl-C handler")?;
        Ok(interruption)
    }

    /// Whether Ctrl-C was pressed.
    pub fn is_requested(&self) -> bool {
        self.requested.load(Ordering::SeqCst)
    }
}

/// A run that trains in its folder.
pub struct Training {
    pub trainer: Trainer,
    metrics: MetricsFile,
    folder: RunFolder,
    lock: RunLock,
    /// Stream statistics after the first step, before which no image can be decoded.
    first_stats: Option<StreamStats>,
    /// The last accuracy, for the progress bar.
    tested: String,
}

impl Training {
    /// Starts a run and writes its first checkpoint; `replace` allows to replace a run in the folder. `lock` is the
    /// folder's lock if it is held already. The folder is unchanged if the settings or the data are invalid.
    pub fn start(
        gpu: Arc<Gpu>,
        config: Config,
        data: Arc<DataSet>,
        folder: RunFolder,
        (lock, replace): (Option<RunLock>, bool),
    ) -> anyhow::Result<Self> {
        block_on(tune(&gpu, &config, &data, Capture::State))?;
        let trainer = Trainer::new(gpu, config, data, Capture::State)?;
        trainer.notices.iter().for_each(|notice| note(format_args!("notice: {notice}")));
        folder.create()?;
        let lock = match lock {
            Some(lock) => lock,
            None => folder.lock()?,
        };
        // Another run may have begun in the folder since it was checked.
        folder.check_free(replace)?;
        lock.check()?;
        folder.write_config(&trainer.config)?;
        folder.prepare()?;
        let metrics = MetricsFile::create(&folder.metrics())?;
        let mut run = Self { trainer, metrics, folder, lock, first_stats: None, tested: String::new() };
        run.save()?;
        Ok(run)
    }

    /// Resumes the run from the folder's checkpoint.
    pub fn resume(
        gpu: Arc<Gpu>,
        config: Config,
        data: Arc<DataSet>,
        folder: RunFolder,
        lock: RunLock,
    ) -> anyhow::Result<Self> {
        let model = folder.model();
        let (_, header) = Checkpoint::read_header(&model)?;
        block_on(tune(&gpu, &config, &data, Capture::State))?;
        let trainer = Trainer::resume(gpu, config, data, &model, Capture::State)?;
        trainer.notices.iter().for_each(|notice| note(format_args!("notice: {notice}")));
        lock.check()?;
        folder.tidy()?;
        if !trainer.is_done() {
            folder.remove_summary()?;
        }
        let path = folder.metrics();
        let metrics = match path.exists() {
            true => {
                let reports = read_whole_reports(&path)?;
                if reports.is_empty() && std::fs::metadata(&path).is_ok_and(|file| file.len() > 0) {
                    note(format_args!(
                        "notice: metrics.csv is cut short in its first lines: the reports up to step {} are lost",
                        header.step
                    ));
                }
                if let Some(notice) = other_reports(&reports, &header, &trainer.config) {
                    let ahead = reports.last().is_some_and(|report| report.step > header.step);
                    let dropped = if ahead { ": the later reports are dropped" } else { "" };
                    note(format_args!("notice: {notice}{dropped}"));
                }
                MetricsFile::resume(&path, header.step)?
            }
            false => {
                if header.step > 0 {
                    note(format_args!(
                        "notice: metrics.csv is missing: the reports up to step {} are lost",
                        header.step
                    ));
                }
                MetricsFile::create(&path)?
            }
        };
        folder.write_config(&trainer.config)?;
        note(format_args!("resuming from step {} of {}", header.step, trainer.config.steps));
        let accepted = trainer.config.accept_changed_data;
        let mut run = Self { trainer, metrics, folder, lock, first_stats: None, tested: String::new() };
        if accepted {
            // From now on the data are the run's, whatever happens next.
            run.save()?;
        }
        Ok(run)
    }

    /// The run's folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    fn save(&mut self) -> Result<(), TrainError> {
        self.lock.check()?;
        let saved = block_on(self.trainer.save(&self.folder.model()));
        // A folder that is moved while a file is written is the better explanation.
        saved.map_err(|error| self.lock.check().err().unwrap_or(error))
    }

    /// Trains until the last step (returns true) or until interrupted (false), and saves in both cases.
    pub fn run(&mut self, interruption: &Interruption) -> anyhow::Result<bool> {
        self.trainer.interrupt_with(Arc::clone(&interruption.requested));
        interruption.training.store(true, Ordering::SeqCst);
        let bar = progress_bar(&self.trainer);
        let outcome = self.train(interruption, &bar);
        let finished = match outcome {
            Err(TrainError::Gpu(GpuError::Stopped)) => {
                self.save()?;
                false
            }
            Err(error @ TrainError::Data(_)) => {
                // Nothing of the step with the unreadable image was submitted.
                self.save()?;
                return Err(error.into());
            }
            Err(error) => return Err(error.into()),
            Ok(()) => true,
        };
        interruption.training.store(false, Ordering::SeqCst);
        if let Some((key, speed)) = self.trainer.speed() {
            remember_speed(self.trainer.gpu(), &key, speed);
        }
        if finished {
            bar.finish()
        } else {
            bar.abandon()
        }
        Ok(finished)
    }

    fn train(&mut self, interruption: &Interruption, bar: &ProgressBar) -> Result<(), TrainError> {
        if self.trainer.report_is_pending() {
            self.report(bar)?;
        }
        let mut estimate = Estimate::new(&self.trainer);
        let mut rate = Rate::default();
        if !self.trainer.is_done() {
            show(bar, "preparing the shaders of the first step".to_owned());
        }
        while !self.trainer.is_done() {
            if interruption.is_requested() {
                return Err(GpuError::Stopped.into());
            }
            block_on(self.trainer.step())?;
            self.first_stats = self.first_stats.or_else(|| self.trainer.data.train.stream_stats());
            bar.set_position(self.trainer.progress().step);
            bar.set_message(format!("{}{}", rate.text(&self.trainer), self.tested));
            if let Some(line) = estimate.line(&self.trainer) {
                show(bar, line);
            }
            if self.trainer.report_is_due() {
                self.report(bar)?;
            }
        }
        Ok(())
    }

    /// Evaluates, and writes the report and a checkpoint.
    fn report(&mut self, bar: &ProgressBar) -> Result<(), TrainError> {
        let report = block_on(self.trainer.report())?;
        // The row is written before the checkpoint: a resumed run drops a row ahead of its checkpoint, but could not
        // recompute a missing one.
        self.lock.check()?;
        let appended = self.metrics.append(&report);
        appended.map_err(|error| self.lock.check().err().unwrap_or(error))?;
        self.save()?;
        self.tested = format!("test {:.1} %", 100.0 * report.test_acc_ema);
        let line = line(&report, self.trainer.config.steps);
        show(bar, line);
        Ok(())
    }

    /// How long steps waited for images that are decoded during training; `None` if all are in memory.
    pub fn waits(&self) -> Option<String> {
        let (all, first) = (self.trainer.data.train.stream_stats()?, self.first_stats?);
        Some(format!(
            "{} decoded during training, {} of them after a step requested them; the first step waited \
             {} ms, the others {} ms in total",
            counted(all.requests as usize, "image was", "images were"),
            all.misses,
            first.wait_time.as_millis(),
            (all.wait_time - first.wait_time).as_millis()
        ))
    }

    /// Writes the summary to the folder and returns it.
    pub fn finish(&self) -> anyhow::Result<Summary> {
        self.lock.check()?;
        let reports = read_reports(&self.folder.metrics())?;
        let summary =
            summary(&self.trainer, &reports).context("the run has no report yet: set more --steps")?;
        self.folder.write_summary(&summary)?;
        Ok(summary)
    }
}

/// Relative difference of two numbers of seconds that are the same, however a file stores them.
const SAME_SECONDS: f64 = 1e-9;

/// Prints what shows that a model is not that of the run in its folder, but was copied there from another one.
pub fn note_other_run(model: &Path) {
    let folder = RunFolder::new(model.parent().unwrap_or(Path::new("")));
    let Ok((saved, header)) = Checkpoint::read_header(model) else { return };
    if folder.model() != model {
        return;
    }
    let differences = folder.differences(&saved);
    if !differences.is_empty() {
        note(format_args!(
            "notice: model.safetensors does not match config.toml beside it ({}): it may be of another run",
            differences.join(", ")
        ));
    }
    let reports = read_reports(&folder.metrics()).unwrap_or_default();
    if let Some(notice) = other_reports(&reports, &header, &saved).filter(|_| !reports.is_empty()) {
        note(format_args!("notice: {notice}"));
    }
}

/// What about the reports of a run does not fit its checkpoint. A process that was killed leaves
/// one report ahead of its checkpoint at most, and none is missing.
fn other_reports(reports: &[Report], header: &Header, config: &Config) -> Option<String> {
    let step = header.step;
    // Two runs of the same settings report at the same steps, and never at the same time.
    let of_checkpoint = |report: &&Report| header.reported.last.is_some_and(|(step, _)| step == report.step);
    let other = reports.iter().find(of_checkpoint);
    if let (Some(report), Some((step, seconds))) = (other, header.reported.last)
        && (report.seconds - seconds).abs() > SAME_SECONDS * seconds
    {
        return Some(format!(
            "metrics.csv has step {step} after {:.2} s, but model.safetensors after {seconds:.2} s: one of them is of another \
             run with the same settings",
            report.seconds
        ));
    }
    let last = reports.last().map_or(0, |report| report.step);
    if last > step + config.report_every {
        return Some(format!(
            "metrics.csv goes on to step {last}, but model.safetensors is of step {step}, so that it is an earlier copy or \
             of another run"
        ));
    }
    (last < step - step % config.report_every).then(|| {
        format!(
            "metrics.csv ends at step {last}, but model.safetensors is of step {step}: the reports in between are lost, or \
             one of the files is of another run"
        )
    })
}

/// Prints a line above the progress bar, or alone where there is none.
fn show(bar: &ProgressBar, line: String) {
    if bar.is_hidden() {
        note(line);
    } else {
        bar.println(line);
    }
}

/// When the time of a run is estimated: after this, the first step, which prepares kernels, weighs little.
const ESTIMATE_AFTER: Duration = Duration::from_secs(10);

/// Estimates, once, how long a run takes from the pace of its first steps.
struct Estimate {
    /// The step that the pace is measured from, and when it ended: the first one that is trained here.
    first: Option<(u64, Instant)>,
    done: bool,
}

impl Estimate {
    fn new(trainer: &Trainer) -> Self {
        Self { first: None, done: trainer.is_done() }
    }

    /// A line about the time that is left, after a step; `None` if it is too early or has been said.
    fn line(&mut self, trainer: &Trainer) -> Option<String> {
        let progress = trainer.progress();
        let (step, began) = *self.first.get_or_insert_with(|| (progress.step, Instant::now()));
        let (steps, time) = (progress.step - step, began.elapsed());
        if self.done || steps == 0 || time < ESTIMATE_AFTER {
            return None;
        }
        self.done = true;
        Some(time_left(time / steps.min(u64::from(u32::MAX)) as u32, progress.steps - progress.step))
    }
}

/// Steps per second, without the first step, which prepares the shaders.
#[derive(Default)]
struct Rate {
    first: Option<(u64, Instant)>,
}

impl Rate {
    /// The rate and the time that is left, for the progress bar; empty after the first step.
    fn text(&mut self, trainer: &Trainer) -> String {
        let progress = trainer.progress();
        let (first, began) = *self.first.get_or_insert_with(|| (progress.step, Instant::now()));
        rate_text(progress.step - first, began.elapsed(), progress.steps - progress.step)
    }
}

/// The rate of `steps` steps that took `time`, and how long the `left` others take.
fn rate_text(steps: u64, time: Duration, left: u64) -> String {
    let rate = steps as f64 / time.as_secs_f64().max(1e-9);
    if steps == 0 {
        return String::new();
    }
    let digits = if rate >= 10.0 { 0 } else { 2 };
    let eta = Duration::try_from_secs_f64(left as f64 / rate).unwrap_or(Duration::MAX);
    format!("{rate:.digits$}/s ETA {:#} ", indicatif::HumanDuration(eta))
}

/// How long `left` steps take, each of `step`.
fn time_left(step: Duration, left: u64) -> String {
    let seconds = step.as_secs_f64() * left as f64;
    let time = match Duration::try_from_secs_f64(seconds) {
        Ok(time) => indicatif::HumanDuration(time).to_string(),
        Err(_) => format!("{seconds:.0} s"),
    };
    let left = counted(usize::try_from(left).unwrap_or(usize::MAX), "step takes", "steps take");
    format!("estimate: {:.2} s per step; the remaining {left} about {time}", step.as_secs_f64())
}

fn progress_bar(trainer: &Trainer) -> ProgressBar {
    let progress = trainer.progress();
    let bar = ProgressBar::with_draw_target(Some(progress.steps), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{bar:30} step {pos}/{len} {msg}");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar.set_position(progress.step);
    bar
}

fn line(report: &Report, steps: u64) -> String {
    let optional = |value: Option<f64>| value.map_or("-".to_owned(), |v| format!("{v:.3}"));
    let shown = report.losses.iter().filter(|(term, loss)| !term.optional || loss.is_some());
    let losses: String = shown.map(|(term, loss)| format!(" {} {}", term.name, optional(loss))).collect();
    format!(
        "step {:>6}/{steps}  loss{losses}  guesses {}  test {:.3} (EMA {:.3})  {:.0} s",
        report.step,
        optional(report.guess_acc),
        report.test_acc,
        report.test_acc_ema,
        report.seconds,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_leave_the_first_step_out() {
        for (steps, milliseconds, left, expected) in [
            (0, 30_000, 9, ""),
            (10, 1_000, 600, "10/s ETA 60s "),
            (1, 2_000, 100, "0.50/s ETA 3m "),
            (1_000_000, 10_000, 100, "100000/s ETA 0s "),
        ] {
            assert_eq!(rate_text(steps, Duration::from_millis(milliseconds), left), expected);
        }
    }

    #[test]
    fn time_left_is_told_in_words() {
        for (milliseconds, left, expected) in [
            (250, 1, "0.25 s per step; the remaining 1 step takes about 0 seconds"),
            (500, 240, "0.50 s per step; the remaining 240 steps take about 2 minutes"),
            (2_000, 1 << 20, "the remaining 1048576 steps take about 3 weeks"),
        ] {
            let line = time_left(Duration::from_millis(milliseconds), left);
            assert!(line.contains(expected), "{line}");
        }
    }
}
