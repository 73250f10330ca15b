//! Files of version 0.1.0, as `tests/cli/earlier/` holds them, still open: settings, runs and ablations. The folders
//! were written with the data that [`tiny`] makes.

use std::fs;
use std::path::{Path, PathBuf};

use remixmatch::train::{Checkpoint, Config};
use serde_json::Value;
use tempfile::{TempDir, tempdir};

use super::common::{done, metrics, put, remixmatch, str, tiny};

fn stored(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/earlier").join(name)
}

/// A folder with the data as `tiny`, the name in the stored settings, and a copy of a stored folder.
fn beside_its_data(name: &str) -> TempDir {
    fn copy(from: &Path, to: &Path) {
        for entry in fs::read_dir(from).expect("a stored folder").map(|entry| entry.expect("an entry")) {
            let (from, to) = (entry.path(), to.join(entry.file_name()));
            match from.is_dir() {
                true => copy(&from, &to),
                false => put(&to, &fs::read(from).expect("a file")),
            }
        }
    }
    let outer = tempdir().expect("a temporary folder");
    copy(tiny().path(), &outer.path().join("tiny"));
    copy(&stored(name), &outer.path().join(name));
    outer
}

#[test]
fn earlier_configs_are_read_and_written_unchanged() {
    let mut names = Vec::new();
    for entry in fs::read_dir(stored("configs")).expect("the folder").map(|entry| entry.expect("an entry")) {
        let text = fs::read_to_string(entry.path()).expect("a file");
        let config = Config::parse(&entry.path(), text.as_bytes()).expect("valid settings");
        config.validate(8, 8).expect("settings in range");
        assert_eq!(toml::to_string(&config).expect("text"), text, "{}", entry.path().display());
        names.push(entry.file_name());
    }
    assert_eq!(names.len(), 10, "{names:?}");
}

#[test]
fn earlier_runs_are_evaluated_and_resumed() {
    let outer = beside_its_data("run");
    let run = outer.path().join("run");
    let model = run.join("model.safetensors");
    let (_, header) = Checkpoint::read_header(&model).expect("a checkpoint");
    assert_eq!((header.step, header.image, header.classes.len()), (4, [8, 8, 1], 3));
    let (json, _) = done(remixmatch(&["eval", "--model", str(&model), "--json"]).current_dir(outer.path()));
    let told: Value = serde_json::from_str(&json).expect("JSON alone");
    assert_eq!((&told["images"], &told["steps"]), (&12.into(), &4.into()));

    let before = metrics(&run);
    done(remixmatch(&["train", "--resume", str(&run), "--steps", "6"]).current_dir(outer.path()));
    let after = metrics(&run);
    assert_eq!((&after[..3], after.len()), (&before[..], 4));
    assert_eq!(after[3][..2], ["6", "24"]);
}

#[test]
fn earlier_ablations_keep_their_finished_runs() {
    let outer = beside_its_data("ablation");
    let mut command =
        remixmatch(&["ablate", "--labels", "6", "--batch", "4", "--k", "1", "--report-every", "2"]);
    command.args(["--steps", "2", "--seeds", "1", "--rows", "full,supervised,k=2", "--data", "tiny"]);
    let (printed, told) = done(command.args(["--out", "ablation"]).current_dir(outer.path()));
    // Only the run of K = 2 is not stored.
    assert_eq!(told.matches("\nrow ").count(), 1, "{told}");
    assert!(told.contains("row k=2, seed 0"), "{told}");
    assert!(printed.contains("| `full` | ReMixMatch, K = 1 | 1 | 83.33 |"), "{printed}");
    assert!(printed.contains("| `supervised` | labelled images alone | 1 | 83.33 |"), "{printed}");
}
