//! An output folder that becomes read-only during a run: one error line, and the last checkpoint is intact.
#![cfg(unix)]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use remixmatch::train::Checkpoint;
use tempfile::tempdir;

use super::common::{BINARY, assert_same_run, done, remixmatch, str, tiny, train};

/// A user without privileges: permissions do not restrict the superuser.
const NOBODY: u32 = 65_534;

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("permissions are set");
}

#[test]
fn read_only_folder_ends_the_run_after_its_last_checkpoint() {
    let (data, outer) = (tiny(), tempdir().expect("a temporary folder"));
    let (out, unbroken) = (outer.path().join("run"), outer.path().join("unbroken"));
    let binary = outer.path().join("remixmatch");
    fs::create_dir(&out).expect("a folder");
    fs::copy(BINARY, &binary).expect("a copy that anybody may run");
    mode(outer.path(), 0o755);
    mode(data.path(), 0o755);
    let superuser = fs::metadata(&out).expect("the folder").uid() == 0;
    if superuser {
        chown(&out, Some(NOBODY), Some(NOBODY)).expect("the folder is given away");
    }
    let mut command = Command::new(&binary);
    command.args(["train", "--labels", "6", "--batch", "4", "--k", "1", "--report-every", "2", "--steps"]);
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
    let (_, header) = Checkpoint::read_header(&out.join("model.safetensors")).expect("a whole checkpoint");
    let saved = format!("step {} is saved", header.step);
    for word in ["error: ", "run: writing into this folder failed: Permission denied", &saved, "--resume"] {
        assert!(last.contains(word), "'{word}' is missing in: {last}");
    }
    assert!(header.step >= 4);

    let end = header.step + 4;
    done(&mut remixmatch(&["train", "--resume", str(&out), "--steps", &end.to_string()]));
    done(&mut train(data.path(), end as u32, &unbroken));
    assert_same_run(&out, &unbroken);
}
