//! Output folders that are in use, full or read-only, and runs that diverge: the last good files remain.

use std::fs;
use std::path::Path;

use remixmatch::train::Checkpoint;
use tempfile::tempdir;

use super::common::{
    BINARY, Run, assert_same_run, content, done, metrics, png, put, refused, remixmatch, str, tensors, tiny,
    train,
};

#[test]
fn folder_in_use_is_replaced_only_with_force() {
    let run = Run::new(2);
    let before = content(&run.folder());
    refused(&mut train(run.data.path(), 4, &run.folder()), &["not empty", "--resume", "--force", "--out"]);
    assert_eq!(content(&run.folder()), before);
    // Invalid settings are refused before anything is replaced.
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
    put(&file, b"a file");
    refused(&mut train(run.data.path(), 2, &file), &["file: reading the output folder failed"]);
    assert_eq!(fs::read(&file).expect("the file"), b"a file");
}

#[test]
fn folders_in_place_of_files_are_refused_before_training() {
    for name in ["model.safetensors", "metrics.csv", "summary.json"] {
        let run = Run::new(2);
        fs::remove_file(run.folder().join(name)).expect("a file");
        fs::create_dir(run.folder().join(name)).expect("a folder");
        let config = fs::read(run.folder().join("config.toml")).expect("a file");
        let mut command = train(run.data.path(), 4, &run.folder());
        refused(command.args(["--force", "--seed", "9"]), &[name, "it is a folder"]);
        assert_eq!(fs::read(run.folder().join("config.toml")).expect("a file"), config, "{name}");
    }
}

/// A file system of 128 KiB, visible to the script alone, holds a run but no second checkpoint.
#[cfg(target_os = "linux")]
#[test]
fn full_disk_ends_run_after_its_last_checkpoint() {
    const SCRIPT: &str = r#"
        mount -t tmpfs -o size=128k tmpfs "$1" && cp "$2"/* "$1" || exit 9
        "$0" train --resume "$1" --steps 6
        status=$?
        cp -r "$1" "$3"
        exit $status"#;
    let private = |arguments: &[&str]| {
        let mut command = assert_cmd::Command::new("unshare");
        command.args(["--map-root-user", "--mount"]).args(arguments);
        command
    };
    if std::env::var_os("REMIXMATCH_NO_MOUNT").is_some() {
        eprintln!("not tested: REMIXMATCH_NO_MOUNT is set");
        return;
    }
    let works = private(&["true"]).output().is_ok_and(|output| output.status.success());
    assert!(
        works,
        "the test mounts a file system in a user namespace, which this system does not allow: allow it, or set \
         REMIXMATCH_NO_MOUNT=1 to leave the test out"
    );
    let run = Run::new(2);
    let before = fs::read(run.model()).expect("the checkpoint");
    assert!((64..120).contains(&(before.len() / 1024)), "one checkpoint fits, two do not");
    let (full, after) = (run.beside("full"), run.beside("after"));
    fs::create_dir(&full).expect("a folder");
    let mut command = private(&["sh", "-c", SCRIPT, BINARY]);
    command.args([&full, &run.folder(), &after]).env_remove("RUST_LOG");
    refused(&mut command, &["full/model.safetensors: writing it failed: No space left on device"]);
    let names: Vec<_> = content(&after).into_iter().map(|(name, _)| name).collect();
    // No incomplete file, and no summary of the shorter run.
    assert_eq!(names.len(), 3, "{names:?}");
    assert!(fs::read(after.join("model.safetensors")).expect("the checkpoint") == before);

    // With free space the run resumes and equals an uninterrupted one.
    done(&mut remixmatch(&["train", "--resume", str(&after), "--steps", "6"]));
    let uninterrupted = run.beside("uninterrupted");
    done(&mut train(run.data.path(), 6, &uninterrupted));
    assert_same_run(&after, &uninterrupted);
}

/// Adam steps of size 10 and a decay that multiplies the kernels by -99 per step overflow f32.
#[test]
fn diverged_run_names_term_and_keeps_its_checkpoint() {
    let (data, outer) = (tiny(), tempfile::tempdir().expect("a temporary folder"));
    let out = outer.path().join("run");
    let wild = ["--lr", "10", "--weight-decay", "10"];
    let message =
        refused(train(data.path(), 60, &out).args(wild), &["training diverged: ", "lower learning rate"]);
    let step = message.split(" at step ").nth(1).and_then(|rest| rest.split(';').next());
    let step: u64 = step.and_then(|n| n.parse().ok()).expect("the step");
    let terms =
        ["loss_x is ", "loss_u is ", "loss_u1 is ", "loss_r is ", "the gradient of ", "the update of "];
    assert!(terms.iter().any(|term| message.contains(term)), "{message}");

    let model = out.join("model.safetensors");
    let (_, header) = Checkpoint::read_header(&model).expect("a checkpoint");
    assert!(header.step < step && step - header.step <= 3, "step {} is saved: {message}", header.step);
    let state = tensors(&model);
    assert!(state.len() > 20, "{} tensors", state.len());
    for (name, bytes) in state {
        let floats = bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        let counts = name.starts_with("pending");
        assert!(counts || floats.into_iter().all(f32::is_finite), "{name}");
    }
    done(&mut remixmatch(&["eval", "--model", str(&model)]));
    assert!(!out.join("summary.json").exists());
}

/// Folders without write permission.
#[cfg(unix)]
mod permissions {
    use std::io::{BufRead as _, BufReader};
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
    use std::os::unix::process::CommandExt as _;
    use std::process::{Command, Stdio};

    use tempfile::tempdir;

    use super::*;

    /// A user without privileges: permissions do not restrict the superuser.
    const NOBODY: u32 = 65_534;

    fn mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("permissions are set");
    }

    #[test]
    fn read_only_folder_is_named() {
        let outer = tempdir().expect("a temporary folder");
        mode(outer.path(), 0o755);
        let (out, binary) = (outer.path().join("run"), outer.path().join("remixmatch"));
        fs::create_dir(&out).expect("a folder");
        mode(&out, 0o555);
        fs::copy(BINARY, &binary).expect("a copy that anybody may run");
        let mut command = Command::new(binary);
        command
            .args(["train", "--data", "builtin:digits", "--steps", "1", "--out", str(&out)])
            .env_remove("RUST_LOG");
        if fs::metadata(&out).expect("the folder").uid() == 0 {
            command.uid(NOBODY).gid(NOBODY);
        }
        refused(&mut command.into(), &["run: writing into this folder failed", "Permission denied"]);
    }

    #[test]
    fn read_only_folder_ends_run_after_a_checkpoint() {
        let (data, outer) = (tiny(), tempdir().expect("a temporary folder"));
        let (out, uninterrupted) = (outer.path().join("run"), outer.path().join("uninterrupted"));
        let binary = outer.path().join("remixmatch");
        fs::create_dir(&out).expect("a folder");
        fs::copy(BINARY, &binary).expect("a copy that anybody may run");
        mode(outer.path(), 0o755);
        mode(data.path(), 0o755);
        let superuser = fs::metadata(&out).expect("the folder").uid() == 0;
        if superuser {
            chown(&out, Some(NOBODY), Some(NOBODY)).expect("a new owner");
        }
        let mut command = Command::new(&binary);
        command.args([
            "train",
            "--labels",
            "6",
            "--batch",
            "4",
            "--k",
            "1",
            "--report-every",
            "2",
            "--steps",
        ]);
        command.args(["1000000", "--data", str(data.path()), "--out", str(&out)]).env_remove("RUST_LOG");
        command.stderr(Stdio::piped()).stdout(Stdio::null());
        if superuser {
            command.uid(NOBODY).gid(NOBODY);
        }
        let mut child = command.spawn().expect("the binary starts");
        let mut lines =
            BufReader::new(child.stderr.take().expect("standard error")).lines().map_while(Result::ok);
        assert_eq!(lines.by_ref().filter(|line| line.starts_with("step ")).take(2).count(), 2);
        mode(&out, 0o555);
        let last = lines.last().expect("a message");
        assert_eq!(child.wait().expect("its end").code(), Some(1), "{last}");
        mode(&out, 0o755);
        let (_, header) =
            Checkpoint::read_header(&out.join("model.safetensors")).expect("an intact checkpoint");
        let saved = format!("step {} is saved", header.step);
        for word in ["error: ", "run: writing into this folder failed: Permission denied", &saved, "--resume"]
        {
            assert!(last.contains(word), "'{word}' is missing in: {last}");
        }
        assert!(header.step >= 4);

        let end = header.step + 4;
        done(&mut remixmatch(&["train", "--resume", str(&out), "--steps", &end.to_string()]));
        done(&mut train(data.path(), end as u32, &uninterrupted));
        assert_same_run(&out, &uninterrupted);
    }
}

#[test]
fn outputs_replace_only_files_of_their_kind() {
    let outer = tempdir().unwrap();
    let folder = outer.path();
    let photo = folder.join("w/a/0.png");
    for n in 0..12 {
        png(&folder.join(["w/a", "w/b"][n % 2]).join(format!("{n}.png")), n);
    }
    let text = folder.join("notes.txt");
    fs::write(&text, "mine").unwrap();
    let run = folder.join("run");
    let mut train = remixmatch(&["train", "--preset", "quick", "--batch", "4", "--k", "1", "--steps", "1"]);
    done(train.args(["--report-every", "1", "--out", str(&run)]));
    let model = run.join("model.safetensors");
    let before = [&photo, &text, &model].map(|path| fs::read(path).unwrap());

    let w = folder.join("w");
    let data = |to: &Path| remixmatch(&["data", str(&w), "--sheet", str(to)]);
    let curves = |to: &Path| remixmatch(&["curves", str(&run), "--out", str(to)]);
    let trace =
        |to: &Path| remixmatch(&["trace", "--preset", "quick", "--batch", "4", "--k", "1", "--out", str(to)]);
    refused(&mut data(&photo), &["part of the data"]);
    refused(data(&photo).arg("--check"), &["part of the data"]);
    refused(&mut data(&folder.join("w/b/sheet.png")), &["part of the data"]);
    refused(&mut data(&text), &["is not a contact sheet"]);
    let other = folder.join("photo.png");
    fs::copy(&photo, &other).unwrap();
    refused(&mut data(&other), &["is not a contact sheet"]);
    refused(data(&other).arg("--check"), &["is not a contact sheet"]);
    assert_eq!(fs::read(&other).unwrap(), fs::read(&photo).unwrap());
    refused(&mut curves(&model), &["is not a chart"]);
    refused(&mut curves(&photo), &["is not a chart"]);
    refused(&mut trace(&model), &["is not a trace"]);
    #[cfg(unix)]
    {
        let link = folder.join("link.png");
        std::os::unix::fs::symlink(&photo, &link).unwrap();
        refused(&mut data(&link), &["choose another name"]);
    }
    assert_eq!([&photo, &text, &model].map(|path| fs::read(path).unwrap()), before);

    // The same command again replaces its own output.
    let (sheet, chart, traced) = (folder.join("s.png"), folder.join("c.svg"), folder.join("t.safetensors"));
    for _ in 0..2 {
        done(&mut data(&sheet));
        done(&mut curves(&chart));
        done(&mut trace(&traced));
    }
}
