//! Training uses no network. `scripts/supply.sh` also trains without one.
#![cfg(target_os = "linux")]

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::tempdir;

use super::common::{BINARY, str, text, tiny};

/// Open sockets of a process; `None` after its end.
fn sockets(process: u32) -> Option<Vec<String>> {
    let entries = fs::read_dir(format!("/proc/{process}/fd")).ok()?;
    let targets = entries.flatten().filter_map(|entry| fs::read_link(entry.path()).ok());
    let names = targets.map(|target| target.to_string_lossy().into_owned());
    Some(names.filter(|name| name.starts_with("socket:")).collect())
}

#[test]
fn training_opens_no_socket() {
    let (data, outer) = (tiny(), tempdir().expect("a temporary folder"));
    let out = outer.path().join("run");
    let mut command = Command::new(BINARY);
    command.args(["train", "--labels", "6", "--batch", "4", "--k", "1", "--report-every", "10"]);
    command.args(["--steps", "100", "--data", str(data.path()), "--out", str(&out)]).env_remove("RUST_LOG");
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the binary starts");
    let (began, mut checks) = (Instant::now(), 0);
    while child.try_wait().expect("its state").is_none() {
        assert!(began.elapsed() < Duration::from_secs(120), "the run hangs");
        if let Some(open) = sockets(child.id()) {
            assert!(open.is_empty(), "check {checks}: {open:?}");
            checks += 1;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let output = child.wait_with_output().expect("its end");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(checks >= 20, "only {checks} checks");
}
