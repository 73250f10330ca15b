//! Interrupted runs, incomplete report files and a closed standard error: runs resume and end like uninterrupted ones.
#![cfg(unix)]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use remixmatch::train::Checkpoint;
use tempfile::tempdir;

use super::common::{BINARY, assert_same_run, done, put, remixmatch, str, tiny, train};

/// Enough steps for a signal after a report to arrive before the end.
const STEPS: u32 = 300;

fn start(arguments: &[&str]) -> Child {
    let mut command = Command::new(BINARY);
    command.args(arguments).env_remove("RUST_LOG").stderr(Stdio::piped()).stdout(Stdio::piped());
    command.spawn().expect("the binary starts")
}

fn start_training(data: &Path, out: &Path) -> Child {
    let steps = STEPS.to_string();
    let mut arguments = vec!["train", "--labels", "6", "--batch", "4", "--k", "1", "--report-every", "2"];
    arguments.extend(["--steps", &steps, "--data", str(data), "--out", str(out)]);
    start(&arguments)
}

/// Reads standard error up to report number `count` and returns the remaining lines.
fn wait_for_reports(child: &mut Child, count: usize) -> impl Iterator<Item = String> + use<> {
    let stderr = child.stderr.take().expect("standard error");
    let mut lines = BufReader::new(stderr).lines().map_while(Result::ok);
    let reports = lines.by_ref().filter(|line| line.starts_with("step ")).take(count).count();
    assert_eq!(reports, count, "the run ended early");
    lines
}

/// Interrupts a run after its report number `count` and returns its last line.
fn interrupt(child: &mut Child, count: usize) -> String {
    let rest = wait_for_reports(child, count);
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill");
    assert!(sent.success());
    let last = rest.last().expect("a message");
    assert_eq!(child.wait().expect("its end").code(), Some(130), "{last}");
    last
}

fn saved_step(folder: &Path) -> u64 {
    Checkpoint::read_header(&folder.join("model.safetensors")).expect("a checkpoint").1.step
}

#[test]
fn interrupted_run_resumes_and_equals_an_uninterrupted_one() {
    let (data, outer) = (tiny(), tempdir().expect("a temporary folder"));
    let (interrupted, uninterrupted) = (outer.path().join("interrupted"), outer.path().join("uninterrupted"));
    let mut child = start_training(data.path(), &interrupted);
    let last = interrupt(&mut child, 3);
    let step = saved_step(&interrupted);
    assert!(step >= 6 && last.contains(&format!("interrupted at step {step}; saved")), "{last}");
    assert!(last.contains(&format!("remixmatch train --resume {}", interrupted.display())), "{last}");
    assert!(!interrupted.join("summary.json").exists());
    done(&mut remixmatch(&["train", "--resume", str(&interrupted)]));
    done(&mut train(data.path(), STEPS, &uninterrupted));
    assert_same_run(&interrupted, &uninterrupted);

    // A finished run that is resumed has no summary until it is finished again.
    assert!(interrupted.join("summary.json").exists());
    interrupt(&mut start(&["train", "--resume", str(&interrupted), "--steps", "1000000"]), 1);
    assert!(!interrupted.join("summary.json").exists());
}

/// A step of minutes on a software adapter is abandoned, and the state before it saved.
#[test]
fn long_step_is_interrupted_before_it_could_end() {
    let outer = tempdir().expect("a temporary folder");
    let run = outer.path().join("run");
    let mut child = start(&[
        "train",
        "--preset",
        "shapes",
        "--network",
        "wrn-28-2",
        "--batch",
        "64",
        "--k",
        "8",
        "--steps",
        "3",
        "--no-autotune",
        "--out",
        str(&run),
    ]);
    let began = Instant::now();
    while !run.join("model.safetensors").exists() {
        assert!(child.try_wait().expect("its state").is_none() && began.elapsed().as_secs() < 300);
        std::thread::sleep(Duration::from_millis(20));
    }
    // Well within the first step, unless the adapter is fast.
    std::thread::sleep(Duration::from_secs(3));
    let sent = Instant::now();
    let signal = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill");
    assert!(signal.success());
    let status = child.wait().expect("its end");
    let took = sent.elapsed();
    println!("ended {:.2} s after Ctrl-C, {} steps saved", took.as_secs_f64(), saved_step(&run));
    if saved_step(&run) == 3 {
        return;
    }
    assert_eq!(status.code(), Some(130));
    assert!(took.as_secs() < 30, "{took:?}");
    assert!(!run.join("run.lock").exists());
}

/// While a run starts there is nothing to save.
#[test]
fn second_interrupt_and_one_at_the_start_end_at_once() {
    let (data, outer) = (tiny(), tempdir().expect("a temporary folder"));
    let run = outer.path().join("run");
    let mut child = start_training(data.path(), &run);
    let rest = wait_for_reports(&mut child, 1);
    let interrupt = |child: &Child| {
        let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill");
        assert!(sent.success());
    };
    (0..2).for_each(|_| interrupt(&child));
    assert_eq!(child.wait().expect("its end").code(), Some(130));
    drop(rest);
    done(&mut remixmatch(&["train", "--resume", str(&run), "--steps", &STEPS.to_string()]));

    let early = outer.path().join("early");
    let mut child = start_training(data.path(), &early);
    // The handler is installed first of all.
    std::thread::sleep(Duration::from_millis(150));
    interrupt(&child);
    let status = child.wait().expect("its end");
    // Without the handler yet, the signal itself ends the process.
    assert!(matches!(status.code(), Some(130) | None), "{status}");
}

#[test]
fn reports_after_the_checkpoint_are_recomputed() {
    let (data, outer) = (tiny(), tempdir().expect("a temporary folder"));
    let (short, long) = (outer.path().join("short"), outer.path().join("long"));
    done(&mut train(data.path(), 4, &short));
    done(&mut train(data.path(), 8, &long));
    let rows = std::fs::read_to_string(long.join("metrics.csv")).expect("metrics.csv");
    let cut = rows.len() - 12;
    assert!(!rows[..cut].ends_with('\n'), "the last row is cut, not gone");
    put(&short.join("metrics.csv"), &rows.as_bytes()[..cut]);
    done(&mut remixmatch(&["train", "--resume", str(&short), "--steps", "8"]));
    assert_same_run(&short, &long);
}

#[test]
fn run_continues_after_standard_error_closes() {
    let (data, outer) = (tiny(), tempdir().expect("a temporary folder"));
    let (unread, read) = (outer.path().join("unread"), outer.path().join("read"));
    let mut child = start_training(data.path(), &unread);
    drop((wait_for_reports(&mut child, 1), child.stdout.take()));
    assert_eq!(child.wait().expect("its end").code(), Some(0));
    done(&mut train(data.path(), STEPS, &read));
    assert_same_run(&unread, &read);
}

#[test]
fn interrupted_ablation_resumes() {
    let (data, outer) = (tiny(), tempdir().expect("a temporary folder"));
    let (folder, uninterrupted) = (outer.path().join("table"), outer.path().join("uninterrupted"));
    let steps = STEPS.to_string();
    let mut arguments = vec!["ablate", "--labels", "6", "--batch", "4", "--k", "1", "--report-every", "2"];
    arguments.extend(["--steps", &steps, "--seeds", "1", "--rows", "full"]);
    arguments.extend(["--data", str(data.path()), "--out", str(&folder)]);
    let mut child = start(&arguments);
    let rest = wait_for_reports(&mut child, 2);
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill");
    assert!(sent.success());
    let last = rest.last().expect("a message");
    assert_eq!(child.wait().expect("its end").code(), Some(130), "{last}");
    assert!(last.contains("interrupted; saved. The same command resumes in"), "{last}");
    let table = std::fs::read_to_string(folder.join("table.md")).expect("a partial table");
    assert!(table.contains("- `full`: 0 of 1 done, one at step "), "{table}");
    let (_, told) = done(&mut remixmatch(&arguments));
    assert!(told.contains("resuming from step "), "{told}");
    done(&mut train(data.path(), STEPS, &uninterrupted));
    assert_same_run(&folder.join("full-seed0"), &uninterrupted);
}
