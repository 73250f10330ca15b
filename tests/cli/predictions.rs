//! `predict` on files and folders of every kind: each file that gets no answer is named, and the status is true.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::{TempDir, tempdir};

use super::common::{done, pictures, png, put, remixmatch, str, text, train};

/// A run on [`pictures`], and a folder for images.
fn trained() -> (TempDir, PathBuf) {
    let outer = tempdir().expect("a temporary folder");
    done(&mut train(pictures().path(), 2, &outer.path().join("run")));
    let run = outer.path().join("run");
    (outer, run)
}

/// Status, standard output and standard error of `predict`.
fn predict(model: &Path, inputs: &[&Path], options: &[&str]) -> (Option<i32>, String, String) {
    let mut command = remixmatch(&["predict", "--model", str(model)]);
    let output = command.args(inputs).args(options).output().expect("the binary starts");
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn files_without_an_answer_are_named() {
    let (outer, run) = trained();
    let cases: [(&str, &[u8], Option<&str>); 12] = [
        ("photo.heic", b"\0\0\0\x18ftypheic\0\0\0\0", Some("HEIC")),
        ("renamed.jpg", b"\0\0\0\x18ftypheic\0\0\0\0", Some("HEIC")),
        ("without-ending", b"\0\0\0\x1cftypavif\0\0\0\0", Some("AVIF")),
        ("drawing.svg", b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>", Some("SVG")),
        ("photo.avif", b"\0\0\0\x1cftypavif\0\0\0\0", Some("AVIF")),
        ("photo.NEF", b"MM\0*\0\0\0\x08", Some("raw photo")),
        ("photo.cr3", b"\0\0\0\x18ftypcrx \0\0\0\x01", Some("raw photo")),
        ("photo.jxl", b"\xff\x0a", Some("JPEG XL")),
        ("empty.png", b"", Some("known image format")),
        ("text.png", b"words", Some("known image format")),
        ("notes.txt", b"words", None),
        (".hidden.png", b"words", None),
    ];
    for (name, content, why) in cases {
        let folder = outer.path().join(format!("with-{name}"));
        (0..3).for_each(|n| png(&folder.join(format!("{n}.png")), n));
        put(&folder.join(name), content);
        let (status, words, told) = predict(&run, &[&folder], &[]);
        assert_eq!(words.lines().count(), 3, "{name}: {words}{told}");
        assert_eq!(status, Some(i32::from(why.is_some())), "{name}: {told}");
        if let Some(why) = why {
            let notice = told.lines().find(|line| line.starts_with("notice: skipped: ")).expect("a notice");
            assert!(notice.contains(name) && notice.contains(why), "{notice}");
            let last = told.lines().last().expect("an error");
            assert!(last.starts_with("error: 1 of 4 image files cannot be read: "), "{last}");
            assert!(!last.contains("skip_bad") && !last.contains("--skip-bad"), "it skipped: {last}");
            // Named, but accepted.
            let (status, _, told) = predict(&run, &[&folder], &["--skip-bad"]);
            assert!(status == Some(0) && told.contains(name), "{told}");
        }
    }
}

#[test]
fn csv_has_the_columns_of_the_export() {
    let (outer, run) = trained();
    let folder = outer.path().join("photos");
    for (n, name) in ["a.png", "b, with comma.png", "c \"quoted\".png"].into_iter().enumerate() {
        png(&folder.join(name), n);
    }
    put(&folder.join("empty.png"), b"");
    let (status, table, told) = predict(&run, &[&folder], &["--csv"]);
    assert!(status == Some(1) && told.contains("empty.png"), "{told}");
    let mut rows = csv::Reader::from_reader(table.as_bytes());
    assert_eq!(rows.headers().expect("a header"), vec!["file", "class", "left", "top", "wedge"]);
    let rows: Vec<_> = rows.records().map(|row| row.expect("a row")).collect();
    let (_, json, _) = predict(&run, &[&folder], &["--json"]);
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(rows.len(), 3, "{table}");
    for (row, answer) in rows.iter().zip(json.as_array().expect("a list")) {
        assert_eq!(
            (&row[0], &row[1]),
            (answer["image"].as_str().expect("a path"), answer["class"].as_str().expect("a class"))
        );
        for (at, class) in ["left", "top", "wedge"].into_iter().enumerate() {
            let expected = answer["probabilities"][class].as_f64().expect("a number") as f32;
            assert_eq!(row[2 + at].parse::<f32>().expect("a number"), expected);
        }
    }
    let (status, _, told) = predict(&run, &[&folder], &["--csv", "--json"]);
    assert!(status == Some(2) && told.contains("--csv") && told.contains("--json"), "{told}");
}

#[test]
fn folders_of_thumbnails_are_left_out() {
    let (outer, run) = trained();
    let photos = outer.path().join("photos");
    let names = [
        "1.png",
        "sub/2.png",
        "@eaDir/1.png/x.png",
        "thumbs/1.png",
        "sub/Thumbnails/2.png",
        "@Recycle/3.png",
    ];
    names.iter().enumerate().for_each(|(n, name)| png(&photos.join(name), n));
    put(&photos.join("3.png~"), &fs::read(photos.join("1.png")).expect("a file"));
    let (status, words, told) = predict(&run, &[&photos], &[]);
    assert_eq!((status, words.lines().count()), (Some(0), 2), "{words}{told}");
    assert!(told.contains("4 folders of thumbnails or of the system are left out, such as"), "{told}");
    assert!(told.contains("photos/@Recycle ("), "{told}");
    // Given itself, such a folder is meant.
    let (_, words, _) = predict(&run, &[&photos.join("thumbs")], &[]);
    assert_eq!(words.lines().count(), 1, "{words}");
}

#[test]
fn one_bad_input_leaves_the_others() {
    let (outer, run) = trained();
    let at = |name: &str| outer.path().join(name);
    (0..2).for_each(|n| png(&at("first").join(format!("{n}.png")), n));
    (2..4).for_each(|n| png(&at("last").join(format!("{n}.png")), n));
    fs::create_dir_all(at("empty/inside")).expect("a folder");
    put(&at("words/notes.txt"), b"words");
    put(&at("damaged/bad.png"), b"words");
    let cases: [(&str, &str); 4] = [
        ("empty", "there are no images in the folder"),
        ("words", "there are no images in the folder"),
        ("damaged", "1 of 5 image files cannot be read"),
        ("missing.png", "1 of 5 image files cannot be read"),
    ];
    for (name, why) in cases {
        let inputs = [at("first"), at(name), at("last")];
        let inputs: Vec<&Path> = inputs.iter().map(PathBuf::as_path).collect();
        let (status, words, told) = predict(&run, &inputs, &[]);
        assert_eq!((status, words.lines().count()), (Some(1), 4), "{name}: {told}");
        let last = told.lines().last().expect("an error");
        assert!(last.starts_with("error: ") && last.contains(why) && last.contains(name), "{name}: {last}");
        assert!(told.lines().any(|line| line.starts_with("notice: ") && line.contains(name)), "{told}");
        let (status, json, _) = predict(&run, &inputs, &["--json"]);
        let answers: Value = serde_json::from_str(&json).expect("JSON alone");
        assert_eq!((status, answers.as_array().map(Vec::len)), (Some(1), Some(4)), "{name}");
        let (status, again, _) = predict(&run, &inputs, &["--skip-bad"]);
        assert_eq!((status, again), (Some(0), words), "{name}");
    }
    let (status, words, told) = predict(&run, &[&at("empty"), &at("words")], &[]);
    assert_eq!((status, words.as_str()), (Some(1), ""), "{told}");
    assert!(told.contains("/empty") && told.contains("/words"), "{told}");
}

#[cfg(target_os = "linux")]
#[test]
fn names_in_other_encodings_stay_distinct() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    let (outer, run) = trained();
    let folder = outer.path().join("names");
    png(&folder.join("1.png"), 0);
    let image = fs::read(folder.join("1.png")).expect("a PNG");
    fs::remove_file(folder.join("1.png")).expect("a file");
    for name in [&b"a\xb0.png"[..], b"a\xb1.png", br"a\xB0.png", b"b\n.png", b"b\x1b.png"] {
        put(&folder.join(OsStr::from_bytes(name)), &image);
    }
    std::os::unix::fs::symlink("nowhere", folder.join("gone")).expect("a link");
    let (status, words, told) = predict(&run, &[&folder], &[]);
    assert_eq!(status, Some(1), "{told}");
    assert!(told.contains("gone") && told.contains("1 of 6 image files cannot be read"), "{told}");
    let mut names: Vec<&str> = words.lines().map(|line| line.split(": ").next().expect("a name")).collect();
    assert_eq!(names.len(), 5, "{words}");
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 5, "{words}");
    assert!(!words.contains(['\u{1b}', '\u{fffd}']), "{words}");
    let (_, json, _) = predict(&run, &[&folder], &["--json"]);
    let answers: Value = serde_json::from_str(&json).expect("JSON alone");
    let bytes: Vec<&Value> =
        answers.as_array().expect("a list").iter().filter_map(|answer| answer.get("image_bytes")).collect();
    assert_eq!(bytes.len(), 2, "{json}");
    assert!(bytes[0] != bytes[1]);
}

#[test]
fn run_folder_stands_for_its_model() {
    let (outer, run) = trained();
    let image = outer.path().join("1.png");
    png(&image, 1);
    let by_file = predict(&run.join("model.safetensors"), &[&image], &[]);
    assert_eq!(by_file.0, Some(0));
    assert_eq!(predict(&run, &[&image], &[]), by_file);
    let (status, _, told) = predict(outer.path(), &[&image], &[]);
    assert_eq!(status, Some(1));
    assert!(told.contains("has no model.safetensors: give the folder of a run"), "{told}");
}
