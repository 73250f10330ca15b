//! What became of every file, and messages about it.

use std::fs;

use remixmatch::data::{OpenOptions, layout, open};

use super::{TWO, counts, evenly};
use crate::common::{assert_refused, read};
use crate::layout_files::Files;

#[cfg(unix)]
#[test]
fn dead_links_are_refused_or_skipped() {
    let folder = Files::new(&[("cat/*5.png", ""), ("dog/*5.png", "")]).write();
    let photos = folder.path().join("photos");
    for link in ["cat/gone.png", "cat/gone"] {
        std::os::unix::fs::symlink("/nowhere/at/all", photos.join(link)).unwrap();
        assert_refused(read(&photos), &[link]);
        let skipping = OpenOptions { skip_bad: true, ..evenly() };
        let set = open(photos.to_str().unwrap(), &skipping).unwrap();
        assert_eq!(counts(&set), TWO);
        assert!(set.notices.iter().any(|notice| notice.contains(link)), "{:?}", set.notices);
        fs::remove_file(photos.join(link)).unwrap();
    }
}

/// Every file is counted once.
#[test]
fn layout_accounts_for_every_file() {
    let tables: [&[(&str, &str)]; 3] = [
        &[
            ("train/cat/*5.png", ""),
            ("train/dog/deep/*5.png", ""),
            ("train/dog/notes.txt", "words"),
            ("test/cat/*2.png", ""),
            ("test/loose.png", ""),
            ("val/dog/1.png", ""),
            ("unsorted/*3.png", ""),
            ("@eaDir/*4.jpg", ""),
            ("runs/x/config.toml", "x"),
            ("runs/x/metrics.csv", "x"),
            ("README", "words"),
            (".hidden", "x"),
        ],
        &[
            ("labels.csv", "file,label\n1.png,cat\n2.png,dog\n3.png,cat\n4.png,dog\n"),
            ("*6.png", ""),
            ("sub/a.txt", "x"),
        ],
        &[
            ("labels.csv", "file,label\n1.png,cat\n2.png,dog\n"),
            ("classes.txt", "cat\ndog\n"),
            ("*6.png", ""),
        ],
    ];
    for table in tables {
        let files = Files::new(table);
        let folder = files.write();
        let photos = folder.path().join("photos");
        let told = layout(photos.to_str().unwrap(), &OpenOptions::default()).unwrap();
        assert_eq!(told.rows.iter().map(|row| row.files).sum::<usize>(), files.0.len(), "{told}");
        assert!(serde_json::to_string(&told).is_ok());
    }
    // In an archive, beside a description of it.
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("photos.zip"), Files::new(tables[0]).zip()).unwrap();
    fs::write(folder.path().join("README.md"), "words").unwrap();
    let told = layout(folder.path().to_str().unwrap(), &OpenOptions::default()).unwrap();
    assert!(told.rows.iter().any(|row| row.folder == "photos.zip/train/cat" && row.files == 5), "{told}");
    assert!(told.rows.iter().any(|row| row.example.as_deref() == Some("README.md")), "{told}");
    let folder = Files::new(tables[0]).write();
    let told = layout(folder.path().join("photos").to_str().unwrap(), &OpenOptions::default()).unwrap();
    let text = told.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    for line in [
        "train/cat/ 5 files class cat",
        "test/cat/ 2 files class cat, test",
        "unsorted/ 3 files unlabelled",
        "@eaDir/ 4 files ignored: thumbnails",
        "val/dog/1.png 1 file ignored: to validate",
        "test/loose.png 1 file ignored: to test, but in no class folder",
    ] {
        assert!(text.contains(line), "'{line}' is missing in:\n{text}");
    }
}

#[test]
fn control_characters_never_reach_a_message() {
    let files =
        Files::new(&[("cat\u{1b}[2J/*5.png", ""), ("dog/*5.png", ""), ("dog/\u{7}x.png", "not an image")]);
    let folder = files.write();
    let photos = folder.path().join("photos");
    let error = read(&photos).unwrap_err().to_string();
    assert!(error.contains("\\u{7}x.png") && !error.contains(char::is_control), "{error:?}");
    let skipping = OpenOptions { skip_bad: true, ..evenly() };
    let set = open(photos.to_str().unwrap(), &skipping).unwrap();
    let told = remixmatch::data::summary(&set).to_string();
    let listed = layout(photos.to_str().unwrap(), &skipping).unwrap().to_string();
    for text in [told, listed] {
        assert!(text.contains("cat\\u{1b}[2J"), "{text:?}");
        assert!(!text.replace('\n', "").contains(char::is_control), "{text:?}");
    }
}
