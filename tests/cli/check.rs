//! `data --check` from outside: its report, its exit status, its contact sheet and its corrected list.

use std::fs;
use std::path::Path;

use image::{GrayImage, Luma};
use tempfile::{TempDir, tempdir};

use crate::common::{done, misused, remixmatch, text};

/// A picture of its own for each number: 64 random blocks.
fn picture(number: u32) -> GrayImage {
    let value = |x: u32, y: u32| {
        let mut state = (number * 4_096 + y / 4 * 64 + x / 4 + 1).wrapping_mul(2_654_435_761);
        state ^= state >> 15;
        state = state.wrapping_mul(2_246_822_519);
        ((state >> 13) % 256) as u8
    };
    GrayImage::from_fn(32, 32, |x, y| Luma([value(x, y)]))
}

/// A folder `photos` with two classes of their own images in training and test.
fn photos() -> TempDir {
    let folder = tempdir().expect("a temporary folder");
    for (class, first) in [("cat", 0), ("dog", 100)] {
        (0..8).for_each(|i| save(folder.path(), &format!("train/{class}/{i}.png"), &picture(first + i)));
        (0..2).for_each(|i| save(folder.path(), &format!("test/{class}/{i}.png"), &picture(first + 50 + i)));
    }
    folder
}

fn save(folder: &Path, name: &str, image: &GrayImage) {
    let path = folder.join("photos").join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
    image.save(path).expect("writable");
}

fn check(folder: &Path, arguments: &[&str]) -> assert_cmd::Command {
    let mut command = remixmatch(&["data", "photos", "--check"]);
    command.args(arguments).current_dir(folder);
    command
}

#[test]
fn clean_folder_ends_with_status_zero() {
    let folder = photos();
    let (report, _) = done(&mut check(folder.path(), &[]));
    assert_eq!(report, "check of photos: nothing found in 20 images\n");
}

#[test]
fn serious_findings_end_with_status_three() {
    let folder = photos();
    save(folder.path(), "train/dog/wrong.png", &picture(3));
    let output = check(folder.path(), &[]).output().expect("the binary starts");
    assert_eq!(output.status.code(), Some(3));
    let report = text(&output.stdout);
    assert!(!report.contains("duplicates"), "what one finding shows, no other repeats: {report}");
    for words in [
        "serious: contradicting labels: 2 copies in 1 group",
        "train/cat/3.png (cat, training) = train/dog/wrong.png (dog, training)",
        "-> decide which class is right",
    ] {
        assert!(report.contains(words), "'{words}' is missing in: {report}");
    }
    let output = check(folder.path(), &["--json"]).output().expect("the binary starts");
    assert_eq!(output.status.code(), Some(3));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(json["findings"][0]["kind"], "contradicting_labels");
    assert_eq!(json["findings"][0]["groups"][0]["images"][1]["name"], "train/dog/wrong.png");
}

#[test]
fn warnings_end_with_status_zero() {
    let folder = photos();
    save(folder.path(), "train/cat/copy.png", &picture(3));
    let (report, _) = done(&mut check(folder.path(), &[]));
    assert!(report.contains("warning: exact duplicates"), "{report}");
}

#[test]
fn corrected_list_opens_like_the_folder() {
    let folder = photos();
    save(folder.path(), "train/dog/wrong.png", &picture(3));
    save(folder.path(), "train/dog/copy.png", &picture(104));
    let before = fs::read_dir(folder.path().join("photos/train/dog")).expect("a folder").count();
    let output = check(folder.path(), &["--fix", "clean.csv", "--sheet", "check.png"])
        .output()
        .expect("the binary starts");
    let messages = text(&output.stderr);
    assert!(messages.contains("clean.csv names 19 images, 3 are left out"), "{messages}");
    assert_eq!(fs::read_dir(folder.path().join("photos/train/dog")).expect("a folder").count(), before);
    let sheet = image::open(folder.path().join("check.png")).expect("a picture");
    assert!((300..900).contains(&sheet.width()) && sheet.height() > 128);
    let list = fs::read_to_string(folder.path().join("clean.csv")).expect("a list");
    assert!(list.starts_with("file,label,split\nphotos/train/cat/0.png,cat,train\n"), "{list}");
    let (report, _) = done(remixmatch(&["data", "clean.csv", "--check"]).current_dir(folder.path()));
    assert!(report.ends_with("nothing found in 19 images\n"), "{report}");
    // A list is not overwritten, and is written where its paths can lead to the images.
    let output = check(folder.path(), &["--fix", "clean.csv"]).output().expect("the binary starts");
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("clean.csv exists: it is a list of images"),
        "{}",
        text(&output.stderr)
    );
    for (name, words) in [
        ("photos/clean.csv", "would become part of the data"),
        ("photos/train/cat/clean.csv", "would become part of the data"),
        ("photos", "does not end with .csv"),
        ("folder.csv", "exists: it is a folder"),
        ("other.csv", "exists: it is another file"),
    ] {
        fs::create_dir_all(folder.path().join("folder.csv")).expect("writable");
        fs::write(folder.path().join("other.csv"), "words").expect("writable");
        let output = check(folder.path(), &["--fix", name]).output().expect("the binary starts");
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{name}");
        assert!(text(&output.stderr).contains(words), "{name}: {}", text(&output.stderr));
    }
    let elsewhere = tempdir().expect("a temporary folder");
    let path = elsewhere.path().join("list.csv");
    let output =
        check(folder.path(), &["--fix", path.to_str().expect("UTF-8")]).output().expect("the binary starts");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("not beside or above the images"));
    misused(&mut remixmatch(&["data", "photos", "--fix", "x.csv"]), &["--check"]);
}

#[test]
fn notices_are_printed_once() {
    let folder = photos();
    save(folder.path(), "train/loose.png", &picture(900));
    let told = "1 file is left out (beside the class folders), such as train/loose.png";
    for arguments in [&["data", "photos"][..], &["data", "photos", "--json"], &["data", "photos", "--check"]]
    {
        let (report, messages) = done(remixmatch(arguments).current_dir(folder.path()));
        assert_eq!((report + &messages).matches(told).count(), 1, "{arguments:?}");
    }
}

#[test]
fn arrays_have_no_corrected_list() {
    let folder = tempdir().expect("a temporary folder");
    let mut command = remixmatch(&["data", "builtin:digits", "--check", "--fix", "x.csv"]);
    let output = command.current_dir(folder.path()).output().expect("the binary starts");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("no image files"), "{}", text(&output.stderr));
    assert!(!folder.path().join("x.csv").exists());
}
