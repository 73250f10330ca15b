//! Runs that are killed, also while they write a checkpoint, resume and end like uninterrupted ones.
#![cfg(unix)]

use std::env;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use remixmatch::train::Checkpoint;
use tempfile::tempdir;

use super::common::{BINARY, assert_same_run, done, put, remixmatch, str, tiny, train};

/// Steps between two checkpoints in runs of `common::train`.
const INTERVAL: u64 = 2;
/// More steps than a run reaches before its last kill.
const NEVER: u32 = 1_000_000;
/// A process without progress for this long hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// Number of kills; `scripts/crash.sh` sets more.
static KILLS: LazyLock<u64> = LazyLock::new(|| match env::var("REMIXMATCH_KILLS") {
    Ok(text) => text.parse().expect("REMIXMATCH_KILLS is a number"),
    Err(_) => 6,
});

/// When a process is killed.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// While it starts.
    Starting(Duration),
    /// This long after its first report.
    Training(Duration),
    /// This long after it has started to write a file.
    Writing(Duration),
}

impl Moment {
    fn random(kill: u64, rng: &mut ChaCha8Rng) -> Self {
        let mut within = |millis: f64| Duration::from_secs_f64(rng.random::<f64>() * millis / 1e3);
        match kill % 4 {
            0 => Self::Starting(within(1_500.0)),
            1 => Self::Training(within(400.0)),
            _ => Self::Writing(within(1.5)),
        }
    }
}

/// A process that trains.
struct Life {
    child: Child,
    /// The step of the last reported checkpoint; u64::MAX before the first.
    told: Arc<AtomicU64>,
    listener: JoinHandle<Vec<String>>,
}

impl Life {
    fn start(command: &mut Command) -> Self {
        command.env_remove("RUST_LOG").stderr(Stdio::piped()).stdout(Stdio::null());
        let mut child = command.spawn().expect("the binary starts");
        let stderr = child.stderr.take().expect("standard error");
        let told = Arc::new(AtomicU64::new(u64::MAX));
        let heard = Arc::clone(&told);
        // The line of a report is printed after its checkpoint is written.
        let listener = thread::spawn(move || {
            let mut lines = Vec::new();
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let step = line.strip_prefix("step ").and_then(|rest| rest.split('/').next());
                if let Some(step) = step.and_then(|step| step.trim().parse().ok()) {
                    heard.store(step, Ordering::SeqCst);
                }
                lines.push(line);
            }
            lines
        });
        Self { child, told, listener }
    }

    /// Waits for `sign`; kills the process and panics if that never comes.
    fn wait_until(&mut self, what: Moment, mut sign: impl FnMut(&Self) -> bool) {
        let began = Instant::now();
        while !sign(self) {
            let alive = self.child.try_wait().expect("its state").is_none();
            if !alive || began.elapsed() > PATIENCE {
                self.child.kill().expect("SIGKILL");
                panic!("{what:?}: the run ended or hangs (alive: {alive})");
            }
            thread::yield_now();
        }
    }

    /// Kills the process at a moment and returns the step of the last reported checkpoint.
    fn kill_at(mut self, moment: Moment, folder: &Path) -> Option<u64> {
        let has_reported = |life: &Self| life.told.load(Ordering::SeqCst) != u64::MAX;
        let delay = match moment {
            Moment::Starting(delay) => delay,
            Moment::Training(delay) => {
                self.wait_until(moment, has_reported);
                delay
            }
            Moment::Writing(delay) => {
                self.wait_until(moment, has_reported);
                self.wait_until(moment, |_| parts(folder) > 0);
                delay
            }
        };
        thread::sleep(delay);
        self.child.kill().expect("SIGKILL");
        assert_eq!(self.child.wait().expect("its end").code(), None, "the run ended before it was killed");
        let lines = self.listener.join().expect("the listener");
        assert!(!lines.iter().any(|line| line.starts_with("error")), "{lines:?}");
        Some(self.told.load(Ordering::SeqCst)).filter(|step| *step != u64::MAX)
    }
}

/// Number of incomplete files.
fn parts(folder: &Path) -> usize {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    entries.flatten().filter(|entry| entry.path().extension().is_some_and(|end| end == "part")).count()
}

fn saved_step(folder: &Path) -> Option<u64> {
    let model = folder.join("model.safetensors");
    model.exists().then(|| Checkpoint::read_header(&model).expect("an intact checkpoint").1.step)
}

#[test]
fn run_killed_at_random_equals_an_uninterrupted_one() {
    let (data, outer) = (tiny(), tempdir().expect("a temporary folder"));
    let (killed, uninterrupted) = (outer.path().join("killed"), outer.path().join("uninterrupted"));
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let (mut saved, mut written, mut in_part, mut lost) = (None::<u64>, 0, 0, 0);
    for kill in 0..*KILLS {
        let mut command = if saved.is_some() || killed.join("config.toml").exists() {
            let mut command = Command::new(BINARY);
            command.args(["train", "--resume", str(&killed)]);
            command
        } else {
            start(data.path(), &killed)
        };
        let moment = Moment::random(kill, &mut rng);
        let told = Life::start(&mut command).kill_at(moment, &killed);
        written += u64::from(matches!(moment, Moment::Writing(_)));
        in_part += u64::from(parts(&killed) > 0);
        let now = saved_step(&killed);
        assert!(now >= told && now >= saved, "kill {kill} ({moment:?}): {told:?} was saved, {now:?} is left");
        // A report is written just before its checkpoint: less than one interval of training is lost.
        let row = metrics_step(&killed);
        let kept = now.unwrap_or(0);
        assert!(row <= kept + INTERVAL, "kill {kill} ({moment:?}): row {row}, checkpoint {now:?}");
        lost = lost.max(row.saturating_sub(kept));
        saved = now;
    }
    let end = (saved.expect("a checkpoint") / INTERVAL + 3) * INTERVAL;
    done(&mut remixmatch(&["train", "--resume", str(&killed), "--steps", &end.to_string()]));
    done(&mut train(data.path(), end as u32, &uninterrupted));
    assert_same_run(&killed, &uninterrupted);
    let mut names: Vec<_> = fs::read_dir(&killed)
        .expect("the folder")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    names.sort();
    assert_eq!(
        names,
        ["config.toml", "metrics.csv", "model.safetensors", "summary.json"],
        "no incomplete files"
    );
    println!(
        "{} kills, {written} of them aimed at a write and {in_part} during one; {end} steps; a report ahead of its \
         checkpoint by at most {lost} steps",
        *KILLS
    );
}

fn start(data: &Path, out: &Path) -> Command {
    let mut command = Command::new(BINARY);
    command.args(["train", "--labels", "6", "--batch", "4", "--k", "1", "--report-every", "2"]);
    command.args(["--steps", &NEVER.to_string(), "--data", str(data), "--out", str(out)]);
    command
}

/// The step of the last complete report.
fn metrics_step(folder: &Path) -> u64 {
    let text = fs::read_to_string(folder.join("metrics.csv")).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let first_cell = |line: &str| line.split(',').next().and_then(|cell| cell.parse().ok());
    whole.lines().filter_map(first_cell).next_back().unwrap_or(0)
}

#[test]
fn run_killed_before_its_first_checkpoint_restarts() {
    let (data, outer) = (tiny(), tempdir().expect("a temporary folder"));
    let (killed, uninterrupted) = (outer.path().join("killed"), outer.path().join("uninterrupted"));
    done(&mut train(data.path(), 4, &uninterrupted));
    let config = fs::read(uninterrupted.join("config.toml")).expect("the settings");
    put(&killed.join("config.toml"), &config);
    put(&killed.join(".remixmatch-a1b2c3.part"), b"the first half of a checkpoint");
    done(&mut remixmatch(&["train", "--resume", str(&killed)]));
    assert_same_run(&killed, &uninterrupted);
    assert_eq!(parts(&killed), 0);

    // A folder without settings is free for another run.
    let early = outer.path().join("early");
    put(&early.join(".remixmatch-a1b2c3.part"), b"steps = ");
    done(&mut train(data.path(), 4, &early));
    assert_same_run(&early, &uninterrupted);
    assert_eq!(parts(&early), 0);
}
