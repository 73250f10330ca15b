//! `ablate`: its runs, its files, the settings it refuses, and how it continues after a failure.

use std::fs;
use std::path::Path;
use std::process::Output;

use assert_cmd::Command;
use tempfile::tempdir;

use super::common::{
    assert_same_run, done, idx_images, idx_labels, misused, put, refused, remixmatch, str, text, tiny, train,
};

fn ablate(data: &Path, out: &Path, options: &[&str]) -> Command {
    let mut command =
        remixmatch(&["ablate", "--labels", "6", "--batch", "4", "--k", "1", "--report-every", "2"]);
    command.args(options).arg("--data").arg(data).arg("--out").arg(out);
    command
}

fn table(folder: &Path) -> String {
    fs::read_to_string(folder.join("table.md")).expect("table.md")
}

/// Names of the run folders in the ablation's folder.
fn runs(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry"));
    let mut names: Vec<_> = entries
        .filter(|entry| entry.path().is_dir())
        .map(|entry| text(entry.file_name().as_encoded_bytes()))
        .collect();
    names.sort();
    names
}

#[test]
fn finished_runs_are_not_repeated() {
    let (data, outer) = (tiny(), tempdir().expect("a temporary folder"));
    let folder = outer.path().join("table");
    let small = ["--steps", "4", "--seeds", "2", "--rows", "supervised,full,k=1"];
    let (printed, told) = done(&mut ablate(data.path(), &folder, &small));
    // K is 1: the rows k=1 and full share their runs.
    assert_eq!(runs(&folder), ["full-seed0", "full-seed1", "supervised-seed0", "supervised-seed1"]);
    assert_eq!(told.matches("\nrow ").count(), 4, "{told}");
    assert_eq!(printed.trim_end(), table(&folder).trim_end());
    assert!(printed.contains("| `full` | ReMixMatch, K = 1 | 2 | "), "{printed}");
    assert!(printed.contains("| `k=1` | K = 1: the same runs as ReMixMatch | 2 | "), "{printed}");
    assert!(!printed.contains("## "), "no run failed or is missing: {printed}");
    let csv = fs::read_to_string(folder.join("table.csv")).expect("table.csv");
    assert_eq!(csv.lines().count(), 4, "{csv}");
    assert!(fs::read_to_string(folder.join("curves.svg")).expect("curves").contains("supervised"));
    assert!(!folder.join("k.svg").exists(), "a plot against K needs two values");

    // A run of the table equals one of `train`.
    let alone = outer.path().join("alone");
    done(train(data.path(), 4, &alone).args(["--preset", "fashion", "--seed", "1"]));
    assert_same_run(&folder.join("full-seed1"), &alone);

    // The same command trains nothing. Further rows are added to the table.
    let (again, told) = done(&mut ablate(data.path(), &folder, &small));
    assert_eq!((again.as_str(), told.matches("\nrow ").count()), (printed.as_str(), 0), "{told}");
    let more = ["--steps", "4", "--seeds", "1", "--rows", "k=2"];
    let (printed, told) = done(&mut ablate(data.path(), &folder, &more));
    assert_eq!(told.matches("\nrow ").count(), 1, "{told}");
    assert!(printed.contains("`supervised`") && printed.contains("- `k=2`: 1 of 2 done"), "{printed}");
    assert!(fs::read_to_string(folder.join("k.svg")).expect("two K").contains("published"));
}

#[test]
fn changed_settings_and_foreign_folders_are_refused() {
    let (data, outer) = (tiny(), tempdir().expect("a temporary folder"));
    let folder = outer.path().join("table");
    let one = ["--seeds", "1", "--rows", "supervised"];
    done(ablate(data.path(), &folder, &one).args(["--steps", "2"]));
    let mut longer = ablate(data.path(), &folder, &one);
    refused(longer.args(["--steps", "4"]), &["steps = 2, not 4", "another --out", str(&folder)]);
    let mut foreign = ablate(data.path(), data.path(), &one);
    refused(foreign.args(["--steps", "2"]), &["not empty", "ablation.toml"]);
    let mut method = ablate(data.path(), &outer.path().join("other"), &one);
    refused(method.args(["--method", "fixmatch"]), &["fixmatch", "name it as a row"]);
    assert!(!outer.path().join("other").exists());
    misused(&mut ablate(data.path(), &folder, &["--rows", "k=3"]), &["'k=3'", "k=16"]);
    misused(&mut ablate(data.path(), &folder, &["--seeds", "0"]), &["0", "--seeds"]);
}

#[test]
fn failed_row_leaves_the_other_rows() {
    let (data, outer) = (tiny(), tempdir().expect("a temporary folder"));
    let folder = outer.path().join("table");
    let options = ["--steps", "2", "--seeds", "1", "--rows", "full,mixmatch,supervised"];
    // A damaged checkpoint.
    let failed = folder.join("mixmatch-seed0");
    done(ablate(data.path(), &folder, &options[..4]).args(["--rows", "full"]));
    put(&failed.join("model.safetensors"), b"no checkpoint");
    let Output { status, stdout, stderr } =
        ablate(data.path(), &folder, &options).output().expect("the binary starts");
    let (printed, told) = (text(&stdout), text(&stderr));
    assert_eq!(status.code(), Some(1), "{told}");
    let last = told.lines().last().expect("a message");
    assert!(last.starts_with("error: 1 of the runs failed") && last.contains("mixmatch, seed 0"), "{last}");
    assert!(printed.contains("| `full` | ReMixMatch, K = 1 | 1 |"), "{printed}");
    assert!(printed.contains("| `supervised` | labelled images alone | 1 |"), "{printed}");
    assert!(printed.contains("## Failed\n\n- `mixmatch`, seed 0: remove "), "{printed}");
    assert!(table(&folder).contains("- `mixmatch`, seed 0: "));
    // The message tells to remove the folder: then this run alone is trained again.
    fs::remove_dir_all(&failed).expect("the failed run");
    let (printed, told) = done(&mut ablate(data.path(), &folder, &options));
    assert_eq!(told.matches("\nrow ").count(), 1, "{told}");
    assert!(!printed.contains("## Failed"), "{printed}");
}

#[test]
fn rows_of_changed_data_share_no_table() {
    let (data, outer) = (tiny(), tempdir().expect("a temporary folder"));
    let folder = outer.path().join("table");
    let options = ["--steps", "2", "--seeds", "1"];
    done(ablate(data.path(), &folder, &options).args(["--rows", "full"]));
    let before = table(&folder);
    put(&data.path().join("train-images-idx3-ubyte"), &idx_images(29));
    put(&data.path().join("train-labels-idx1-ubyte"), &idx_labels(29));
    for rows in ["full,supervised", "supervised"] {
        refused(
            ablate(data.path(), &folder, &options).args(["--rows", rows]),
            &["other data", "removed 1", "--out"],
        );
        assert_eq!(table(&folder), before, "{rows}");
    }
}
