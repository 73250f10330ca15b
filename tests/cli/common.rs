//! Starts the binary, makes small data sets and runs, and checks outputs and files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use image::{GrayImage, Luma};
use safetensors::SafeTensors;
use tempfile::{TempDir, tempdir};

pub const BINARY: &str = env!("CARGO_BIN_EXE_remixmatch");

/// The binary, without the environment's settings for logs and backtraces.
pub fn remixmatch(arguments: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.args(arguments).env_remove("RUST_LOG").env("RUST_BACKTRACE", "0");
    command
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// Runs a command that succeeds and returns its standard output and standard error.
pub fn done(command: &mut Command) -> (String, String) {
    let Output { status, stdout, stderr } = command.output().expect("the binary starts");
    assert_eq!(status.code(), Some(0), "{}", text(&stderr));
    (text(&stdout), text(&stderr))
}

/// Runs a command that fails with exit status 1 and a last line that starts with `error:` and contains all `words`.
/// Returns that line.
pub fn refused(command: &mut Command, words: &[&str]) -> String {
    let Output { status, stdout, stderr } = command.output().expect("the binary starts");
    let stderr = text(&stderr);
    assert_eq!(status.code(), Some(1), "{words:?}: {stderr}");
    assert!(stdout.is_empty(), "{}", text(&stdout));
    assert_eq!(stderr.matches("error:").count(), 1, "{stderr}");
    let last = stderr.lines().last().expect("a message").to_owned();
    assert!(last.starts_with("error: "), "{stderr}");
    words.iter().for_each(|word| assert!(last.contains(word), "'{word}' is missing in: {last}"));
    last
}

/// Runs a command with wrong usage: exit status 2, nothing on standard output, all `words` in the message.
pub fn misused(command: &mut Command, words: &[&str]) {
    let Output { status, stdout, stderr } = command.output().expect("the binary starts");
    let stderr = text(&stderr);
    assert_eq!(status.code(), Some(2), "{words:?}: {stderr}");
    assert!(stdout.is_empty() && stderr.starts_with("error: "), "{stderr}");
    words.iter().for_each(|word| assert!(stderr.contains(word), "'{word}' is missing in: {stderr}"));
}

/// Pixels of image `n` of class `n % 3`: bright on the left, above, or above the diagonal.
pub fn pixels(n: usize) -> Vec<u8> {
    let pixel = |p: usize| {
        let (x, y) = (p % 8, p / 8);
        let bright = [x < 4, y < 4, x + y < 7][n % 3];
        (usize::from(bright) * 150 + (n * 37 + p * 11) % 100) as u8
    };
    (0..64).map(pixel).collect()
}

pub fn idx_images(count: u8) -> Vec<u8> {
    let header = [0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, 8, 0, 0, 0, 8];
    header.into_iter().chain((0..usize::from(count)).flat_map(pixels)).collect()
}

pub fn idx_labels(count: u8) -> Vec<u8> {
    [0, 0, 8, 1, 0, 0, 0, count].into_iter().chain((0..count).map(|n| n % 3)).collect()
}

/// A folder with IDX files of 30 training and 12 test images, 8x8 pixels in three classes.
pub fn tiny() -> TempDir {
    let folder = tempdir().expect("a temporary folder");
    for (name, count) in [("train", 30), ("t10k", 12)] {
        put(&folder.path().join(format!("{name}-images-idx3-ubyte")), &idx_images(count));
        put(&folder.path().join(format!("{name}-labels-idx1-ubyte")), &idx_labels(count));
    }
    folder
}

pub fn put(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    fs::write(path, bytes).expect("a file");
}

/// Writes image `n` as a PNG.
pub fn png(path: &Path, n: usize) {
    fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    let pixels = pixels(n);
    GrayImage::from_fn(8, 8, |x, y| Luma([pixels[(y * 8 + x) as usize]])).save(path).expect("a PNG");
}

/// A folder of class folders `left`, `top` and `wedge` with five PNGs each.
pub fn pictures() -> TempDir {
    let folder = tempdir().expect("a temporary folder");
    for n in 0..15 {
        png(&folder.path().join(["left", "top", "wedge"][n % 3]).join(format!("{n}.png")), n);
    }
    folder
}

/// `train` on `data` for `steps` steps to the folder `out`, with a report every two steps.
pub fn train(data: &Path, steps: u32, out: &Path) -> Command {
    let mut command = remixmatch(&["train", "--labels", "6", "--batch", "4", "--k", "1"]);
    command.args(["--report-every", "2", "--steps", &steps.to_string()]);
    command.arg("--data").arg(data).arg("--out").arg(out);
    command
}

/// A finished run on [`tiny`] data, with its temporary folders.
pub struct Run {
    pub data: TempDir,
    outer: TempDir,
}

impl Run {
    /// Trains for `steps` steps.
    pub fn new(steps: u32) -> Self {
        let run = Self { data: tiny(), outer: tempdir().expect("a temporary folder") };
        done(&mut train(run.data.path(), steps, &run.folder()));
        run
    }

    pub fn folder(&self) -> PathBuf {
        self.outer.path().join("run")
    }

    pub fn model(&self) -> PathBuf {
        self.folder().join("model.safetensors")
    }

    /// A file beside the run's folder.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.outer.path().join(name)
    }
}

/// The rows of a run's `metrics.csv` with its header, without the column of seconds.
pub fn metrics(folder: &Path) -> Vec<Vec<String>> {
    let text = fs::read_to_string(folder.join("metrics.csv")).expect("metrics.csv");
    let row = |line: &str| -> Vec<String> {
        line.split(',').enumerate().filter(|(i, _)| *i != 2).map(|(_, cell)| cell.to_owned()).collect()
    };
    text.lines().map(row).collect()
}

/// Names and bytes of the tensors of a checkpoint, sorted.
pub fn tensors(model: &Path) -> Vec<(String, Vec<u8>)> {
    let bytes = fs::read(model).expect("a checkpoint");
    let file = SafeTensors::deserialize(&bytes).expect("safetensors");
    let mut all: Vec<_> = file.iter().map(|(name, view)| (name.to_owned(), view.data().to_vec())).collect();
    all.sort();
    all
}

/// The files of a folder with their content.
pub fn content(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("the folder")
        .map(|entry| entry.expect("an entry").path())
        .map(|path| (str(&path).to_owned(), fs::read(&path).expect("a file")))
        .collect();
    files.sort();
    files
}

/// Asserts that two runs have the same reports and the same final state.
pub fn assert_same_run(a: &Path, b: &Path) {
    assert_eq!(metrics(a), metrics(b));
    assert!(metrics(a).len() > 1, "the runs have no report");
    let (a, b) = (tensors(&a.join("model.safetensors")), tensors(&b.join("model.safetensors")));
    assert_eq!(a.len(), b.len());
    assert!(a.len() > 20, "{} tensors", a.len());
    for (a, b) in a.iter().zip(&b) {
        assert!(a == b, "{} differs", a.0);
    }
}

pub fn str(path: &Path) -> &str {
    path.to_str().expect("a path of Unicode")
}
