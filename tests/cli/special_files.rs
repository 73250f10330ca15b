//! Named pipes, sockets and devices in place of files: every entrance says what is there, and none waits for it.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::common::{Run, done, pictures, put, refused, remixmatch, str};

/// No entrance may take longer; opening a pipe that nobody writes to takes for ever.
const LIMIT: Duration = Duration::from_secs(120);

/// Something that is no file, and what messages call it.
type Special = (fn(&Path), &'static str);

const SPECIAL: [Special; 4] =
    [(pipe, "a named pipe"), (socket, "a socket"), (zeros, "a device"), (pipe_link, "a named pipe")];

fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo").success());
}

fn pipe_link(path: &Path) {
    let target = PathBuf::from(format!("{}.target", path.display()));
    pipe(&target);
    symlink(&target, path).expect("a link");
}

/// The name of a socket stays when its listener is closed.
fn socket(path: &Path) {
    // Paths of sockets are short.
    let folder = tempfile::tempdir().expect("a folder");
    UnixListener::bind(folder.path().join("s")).expect("a socket");
    fs::rename(folder.path().join("s"), path).expect("another name");
}

fn zeros(path: &Path) {
    symlink("/dev/zero", path).expect("a link");
}

#[test]
fn pipes_and_devices_as_inputs_are_refused() {
    let run = Run::new(2);
    let model = run.model();
    for (make, kind) in SPECIAL {
        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path().join("run");
        for name in ["q.png", "q.csv", "q.npz", "q.zip", "q.tar.gz", "q", "q.toml"] {
            let path = folder.path().join(name);
            make(&path);
            let commands: &[&[&str]] = &[
                &["data", str(&path)],
                &["data", str(&path), "--layout"],
                &["predict", "--model", str(&model), str(&path)],
                &["predict", "--model", str(&path), str(&path)],
                &["eval", "--model", str(&path)],
                &["eval", "--model", str(&model), "--data", str(&path)],
                &["train", "--config", str(&path), "--out", str(&out)],
            ];
            for command in commands.iter().take(if name == "q.png" { 7 } else { 2 }) {
                refused(remixmatch(command).timeout(LIMIT), &[name, kind, "not a file"]);
            }
            fs::remove_file(&path).expect("a file");
        }
    }
}

#[test]
fn pipes_in_runs_are_refused() {
    for name in ["config.toml", "metrics.csv", "model.safetensors", "run.lock"] {
        let run = Run::new(2);
        let _ = fs::remove_file(run.folder().join(name));
        pipe(&run.folder().join(name));
        let mut command = remixmatch(&["train", "--resume", str(&run.folder()), "--steps", "4"]);
        refused(command.timeout(LIMIT), &[name, "not a file"]);
    }
}

#[test]
fn pipes_among_images_are_told() {
    for (make, kind) in SPECIAL {
        // An image, a list, and a file that is no data.
        for (name, words) in [
            ("left/x.png", Some(["x.png", kind])),
            ("labels.csv", Some(["labels.csv", kind])),
            ("left/notes", None),
        ] {
            let data = pictures();
            make(&data.path().join(name));
            let mut command = remixmatch(&["data", str(data.path())]);
            command.timeout(LIMIT);
            match words {
                Some(words) => _ = refused(&mut command, &words),
                None => {
                    let (told, _) = done(&mut command);
                    assert!(told.contains("notes is left out") && told.contains(kind), "{told}");
                }
            }
        }
    }
}

#[test]
fn pipe_beside_corrected_list_is_kept() {
    let data = pictures();
    let list = data.path().with_extension("csv");
    pipe(&list);
    let mut command = remixmatch(&["data", str(data.path()), "--check", "--fix", str(&list)]);
    refused(command.timeout(LIMIT), &["exists", "not a file"]);
    fs::remove_file(&list).expect("a pipe");
}

#[test]
fn foreign_lock_files_stay() {
    let data = super::common::tiny();
    let outer = tempfile::tempdir().expect("a folder");
    let lock = outer.path().join("run/run.lock");
    put(&lock, b"notes of a person\n");
    done(&mut super::common::train(data.path(), 2, &outer.path().join("run")));
    assert_eq!(fs::read_to_string(lock).expect("the file"), "notes of a person\n");
}
