//! The output folder: in use, not writable, full; and runs that diverge. What was good stays.

use std::fs;
use std::path::Path;

use remixmatch::train::Checkpoint;

use super::common::{Run, done, metrics, put, refused, remixmatch, str, tensors, tiny, train};

/// Every file of a folder with its content.
fn content(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("the folder")
        .map(|entry| entry.expect("an entry").path())
        .map(|path| (str(&path).to_owned(), fs::read(&path).expect("a file")))
        .collect();
    files.sort();
    files
}

#[test]
fn a_folder_in_use_is_refused_and_replaced_only_when_asked() {
    let run = Run::new(2);
    let before = content(&run.folder());
    refused(&mut train(run.data.path(), 4, &run.folder()), &["not empty", "--resume", "--force", "--out"]);
    assert_eq!(content(&run.folder()), before);
    // A run that is refused has not replaced anything yet.
    refused(
        train(run.data.path(), 4, &run.folder()).args(["--force", "--lr", "99"]),
        &["learning rate is 99"],
    );
    let mut other = remixmatch(&["train", "--labels", "7", "--batch", "4", "--force"]);
    refused(other.arg("--data").arg(run.data.path()).arg("--out").arg(run.folder()), &["7 labels"]);
    assert_eq!(content(&run.folder()), before);

    put(&run.folder().join("notes.txt"), b"mine");
    done(train(run.data.path(), 4, &run.folder()).args(["--force", "--seed", "9"]));
    assert_eq!(metrics(&run.folder()).len(), 3);
    let config = fs::read_to_string(run.folder().join("config.toml")).expect("config.toml");
    assert!(config.contains("seed = 9"), "{config}");
    assert_eq!(fs::read(run.folder().join("notes.txt")).expect("the file"), b"mine");

    let file = run.beside("file");
    put(&file, b"no folder");
    refused(&mut train(run.data.path(), 2, &file), &["file: reading the output folder failed"]);
    assert_eq!(fs::read(&file).expect("the file"), b"no folder");
}

/// The limit on a file's size stands in for a full disk: the write fails half-way.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_the_run_and_leaves_the_last_checkpoint_whole() {
    let run = Run::new(2);
    let before = fs::read(run.model()).expect("the checkpoint");
    let limited = |kib: u64| {
        assert!(kib << 10 < before.len() as u64, "the checkpoint must not fit");
        let script = format!("trap '' XFSZ; ulimit -f {kib}; exec \"$0\" \"$@\"");
        let mut command = assert_cmd::Command::new("bash");
        command.args(["-c", &script, super::common::BINARY]);
        command
    };
    let mut command = limited(32);
    command.args(["train", "--resume", str(&run.folder()), "--steps", "6"]);
    refused(&mut command, &["model.safetensors: writing it failed"]);
    assert_eq!(fs::read(run.model()).expect("the checkpoint"), before);
    assert_eq!(fs::read_dir(run.folder()).expect("the folder").count(), 4, "no remains");

    // With room again it goes on as if nothing had been.
    done(&mut remixmatch(&["train", "--resume", str(&run.folder()), "--steps", "6"]));
    let unbroken = run.beside("unbroken");
    done(&mut train(run.data.path(), 6, &unbroken));
    super::common::assert_same_run(&run.folder(), &unbroken);
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_written_to_is_named() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    use std::os::unix::process::CommandExt as _;

    let outer = tempfile::tempdir().expect("a temporary folder");
    let mode = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("permissions are set");
    };
    mode(outer.path(), 0o755);
    let (out, binary) = (outer.path().join("run"), outer.path().join("remixmatch"));
    fs::create_dir(&out).expect("a folder");
    mode(&out, 0o555);
    fs::copy(super::common::BINARY, &binary).expect("a copy that anybody may run");
    let mut command = std::process::Command::new(binary);
    command
        .args(["train", "--data", "builtin:digits", "--steps", "1", "--out", str(&out)])
        .env_remove("RUST_LOG");
    // Permissions do not hold the superuser back.
    const NOBODY: u32 = 65_534;
    if fs::metadata(&out).expect("the folder").uid() == 0 {
        command.uid(NOBODY).gid(NOBODY);
    }
    refused(&mut command.into(), &["run: writing into this folder failed", "Permission denied"]);
}

/// Adam's steps of 10 and a decay that multiplies the kernels by -99 each step leave f32's range.
#[test]
fn a_run_that_diverges_stops_with_the_term_and_keeps_the_last_good_checkpoint() {
    let (data, outer) = (tiny(), tempfile::tempdir().expect("a temporary folder"));
    let out = outer.path().join("run");
    let wild = ["--lr", "10", "--weight-decay", "10"];
    let message =
        refused(train(data.path(), 60, &out).args(wild), &["training diverged: ", "lower learning rate"]);
    let step = message.split(" at step ").nth(1).and_then(|rest| rest.split(';').next());
    let step: u64 = step.and_then(|n| n.parse().ok()).expect("the step");
    let terms =
        ["loss_x is ", "loss_u is ", "loss_u1 is ", "loss_r is ", "parameter ", "moment ", "batch norm's "];
    assert!(terms.iter().any(|term| message.contains(term)), "{message}");

    let model = out.join("model.safetensors");
    let (_, header) = Checkpoint::read_header(&model).expect("a checkpoint");
    assert!(header.step < step && step - header.step <= 3, "{} is kept: {message}", header.step);
    for (name, bytes) in tensors(&model) {
        let floats = bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        let counts = name.starts_with("pending");
        assert!(counts || floats.into_iter().all(f32::is_finite), "{name}");
    }
    done(&mut remixmatch(&["eval", "--model", str(&model)]));
    assert!(!out.join("summary.json").exists());
}
