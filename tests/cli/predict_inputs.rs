//! `predict` on folders, archives and patterns, with answers in every form, copies in class folders and abstention.

use std::fs;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use tempfile::{TempDir, tempdir};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::common::{done, misused, pictures, png, put, refused, remixmatch, str, text, train};

/// A run, four photos in `photos` and `photos/more`, and archives of them.
struct Given {
    outer: TempDir,
}

const PHOTOS: [&str; 4] = ["0.png", "1.png", "2.png", "more/3.png"];

impl Given {
    fn new() -> Self {
        let given = Self { outer: tempdir().expect("a temporary folder") };
        done(&mut train(pictures().path(), 2, &given.at("run")));
        PHOTOS.iter().enumerate().for_each(|(n, name)| png(&given.at("photos").join(name), n));
        put(&given.at("photos/notes.txt"), b"words");
        put(&given.at("photos/.hidden.png"), b"words");
        put(&given.at("all.zip"), &given.zip(&PHOTOS));
        put(&given.at("all.tar"), &given.tar());
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(&given.tar()).expect("memory");
        put(&given.at("all.tar.gz"), &gzip.finish().expect("memory"));
        given
    }

    fn at(&self, name: &str) -> PathBuf {
        self.outer.path().join(name)
    }

    fn photo(&self, name: &str) -> Vec<u8> {
        fs::read(self.at("photos").join(name)).expect("a photo")
    }

    /// Stored photos beside a text and a system's file.
    fn zip(&self, names: &[&str]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        for name in names {
            writer.start_file(*name, stored).expect("memory");
            writer.write_all(&self.photo(name)).expect("memory");
        }
        for name in ["notes.txt", "__MACOSX/._0.png", "thumbs/0.png"] {
            writer.start_file(name, stored).expect("memory");
            writer.write_all(b"words").expect("memory");
        }
        writer.finish().expect("memory").into_inner()
    }

    fn tar(&self) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for name in PHOTOS {
            let bytes = self.photo(name);
            let mut header = tar::Header::new_ustar();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            builder.append_data(&mut header, name, bytes.as_slice()).expect("memory");
        }
        builder.into_inner().expect("memory")
    }

    /// Status, standard output and standard error of `predict`.
    fn predict(&self, inputs: &[&str], options: &[&str]) -> (Option<i32>, String, String) {
        let mut command = remixmatch(&["predict", "--model", str(&self.at("run"))]);
        let inputs = inputs.iter().map(|input| self.at(input));
        let output = command.args(inputs).args(options).output().expect("the binary starts");
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    }
}

/// The last component of a path that `predict` prints.
fn name_of(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().expect("a name")
}

#[test]
fn folders_archives_and_patterns_have_the_same_answers() {
    let given = Given::new();
    let four: &[&str] = &["0.png", "1.png", "2.png", "3.png"];
    let cases: [(&str, &[&str]); 11] = [
        ("photos", four),
        ("all.zip", four),
        ("all.tar", four),
        ("all.tar.gz", four),
        ("photos/*.png", &four[..3]),
        ("photos/[12].png", &four[1..3]),
        ("photos/?.png", &four[..3]),
        // The text beside the photos is left out, as it is in a folder.
        ("photos/*", four),
        ("photos/**/*.png", four),
        ("ph*", four),
        ("*.tar", four),
    ];
    let (_, folder, _) = given.predict(&["photos"], &["--json"]);
    let folder: Value = serde_json::from_str(&folder).expect("JSON");
    for (input, expected) in cases {
        let (status, json, told) = given.predict(&[input], &["--json"]);
        assert_eq!(status, Some(0), "{input}: {told}");
        let json: Value = serde_json::from_str(&json).expect("JSON");
        let answers = json.as_array().expect("a list");
        let names: Vec<&str> =
            answers.iter().map(|answer| name_of(answer["image"].as_str().expect("a path"))).collect();
        assert_eq!(names, expected, "{input}");
        for answer in answers {
            let name = name_of(answer["image"].as_str().expect("a path"));
            let same = folder
                .as_array()
                .expect("a list")
                .iter()
                .find(|other| name_of(other["image"].as_str().expect("a path")) == name);
            let same = same.expect("the same photo");
            assert_eq!(answer["probabilities"], same["probabilities"], "{input}: {name}");
        }
        let (status, csv, _) = given.predict(&[input], &["--csv"]);
        let mut rows = csv::Reader::from_reader(csv.as_bytes());
        let rows: Vec<_> = rows.records().map(|row| row.expect("a row")).collect();
        assert_eq!((status, rows.len()), (Some(0), expected.len()), "{input}");
        for (row, answer) in rows.iter().zip(answers) {
            assert_eq!(
                (&row[0], &row[1]),
                (answer["image"].as_str().unwrap(), answer["class"].as_str().unwrap())
            );
        }
        let (status, words, _) = given.predict(&[input], &[]);
        assert_eq!((status, words.lines().count()), (Some(0), expected.len()), "{input}");
    }
}

#[test]
fn broken_archives_and_patterns_are_named() {
    let given = Given::new();
    // A byte of the second photo, so that its checksum does not match.
    let mut damaged = given.zip(&PHOTOS);
    let photo = given.photo("1.png");
    let at = damaged.windows(photo.len()).position(|bytes| bytes == photo).expect("a stored photo");
    damaged[at + photo.len() / 2] ^= 0x40;
    put(&given.at("damaged.zip"), &damaged);
    let whole = given.zip(&PHOTOS);
    put(&given.at("cut.zip"), &whole[..whole.len() / 2]);
    put(&given.at("words.zip"), b"words");
    put(&given.at("without.zip"), &given.zip(&[]));
    put(&given.at("arrays.npz"), &given.zip(&[]));
    put(&given.at("escaping.zip"), &{
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        writer.start_file("../evil.png", SimpleFileOptions::default()).expect("memory");
        writer.finish().expect("memory").into_inner()
    });
    (0..2).for_each(|n| put(&given.at("words").join(format!("{n}.txt")), b"words"));
    fs::create_dir_all(given.at("empty/inside")).expect("a folder");
    let cases: [(&str, usize, &str); 18] = [
        ("damaged.zip", 3, "1.png"),
        ("cut.zip", 0, "cut.zip"),
        ("words.zip", 0, "its content is not that of a .zip file"),
        ("without.zip", 0, "there are no images in the archive"),
        ("arrays.npz", 0, "arrays.npz, which holds arrays: give image files"),
        ("escaping.zip", 0, "leads out of the archive"),
        ("nothing*.png", 0, "nothing matches it as a pattern"),
        ("nofolder/*.png", 0, "nothing matches it as a pattern"),
        ("photos/[.png", 0, "it is no valid pattern: a [ has no ] after it"),
        ("photos/[", 0, "a [ has no ] after it"),
        ("photos/{a,b", 0, "a { has no } after it"),
        ("photos/*}", 0, "a } has no { before it"),
        ("photos/[z-a].png", 0, "the letters of a range in [ ] descend"),
        ("photos/*.txt", 0, "matches 1 file and no image, such as "),
        ("words/*.txt", 0, "matches 2 files and no image, such as "),
        ("empt*", 0, "matches 1 folder without images, such as "),
        ("w*d[s]", 0, "matches 1 folder without images, such as "),
        ("without*.zip", 0, "matches 1 file, and there are no images in them"),
    ];
    for (input, answered, why) in cases {
        for options in [&[][..], &["--json"], &["--csv"]] {
            let (status, out, told) = given.predict(&[input, "photos/0.png"], options);
            assert_eq!(status, Some(1), "{input} {options:?}: {told}");
            let count = match options {
                ["--json"] => {
                    serde_json::from_str::<Value>(&out).expect("JSON").as_array().map_or(0, Vec::len)
                }
                ["--csv"] => out.lines().count() - 1,
                _ => out.lines().count(),
            };
            assert_eq!(count, answered + 1, "{input} {options:?}: {told}");
            assert!(told.lines().any(|line| line.contains(why)), "{input}: {told}");
            assert!(told.lines().last().is_some_and(|line| line.starts_with("error: ")), "{told}");
        }
        if answered == 0 {
            refused(
                &mut remixmatch(&["predict", "--model", str(&given.at("run")), str(&given.at(input))]),
                &[why],
            );
        }
    }
    let mut alone = remixmatch(&["predict", "--model", str(&given.at("run")), str(&given.at("words.zip"))]);
    refused(&mut alone, &["words.zip", "its content is not that of a .zip file"]);
}

#[test]
fn sorted_copies_replace_nothing() {
    let given = Given::new();
    put(&given.at("photos/more/0.png"), &given.photo("2.png"));
    let sorted = given.at("sorted");
    let sort = ["--sort", str(&sorted), "--json"];
    let copies = || -> Vec<PathBuf> {
        let folders = fs::read_dir(&sorted).expect("a folder").map(|entry| entry.expect("an entry").path());
        folders
            .flat_map(|folder| fs::read_dir(folder).expect("a folder"))
            .map(|e| e.expect("one").path())
            .collect()
    };
    for (round, input) in ["photos", "all.zip"].into_iter().enumerate() {
        let (status, json, told) = given.predict(&[input], &sort);
        assert_eq!(status, Some(0), "{told}");
        let json: Value = serde_json::from_str(&json).expect("JSON");
        for answer in json.as_array().expect("a list") {
            let copy = Path::new(answer["copy"].as_str().expect("a path"));
            let class = copy.parent().and_then(Path::file_name).expect("a folder");
            assert_eq!(class.to_str(), answer["class"].as_str());
            let image = answer["image"].as_str().expect("a path");
            if input == "photos" {
                assert_eq!(fs::read(copy).expect("a copy"), fs::read(image).expect("the image"));
            }
        }
        assert_eq!(copies().len(), [5, 9][round], "{told}");
        assert!(told.contains("copied into "), "{told}");
    }
    assert_eq!(
        given.photo("0.png").len(),
        fs::metadata(given.at("photos/0.png")).expect("a file").len() as usize
    );
    // Into or below the images, also over a folder that does not exist yet.
    for inside in ["photos", "photos/sorted", "photos/a/b"] {
        let target = given.at(inside);
        let (status, out, told) = given.predict(&["photos"], &["--sort", str(&target)]);
        assert_eq!((status, out.as_str()), (Some(1), ""), "{inside}");
        assert!(told.contains("would become images of"), "{told}");
        assert!(inside == "photos" || !target.exists(), "{inside}");
    }
    let (status, _, told) = given.predict(&["photos"], &["--sort", str(&given.at("all.zip"))]);
    assert!(status == Some(1) && told.contains("making the folder"), "{told}");
}

#[cfg(unix)]
#[test]
fn names_of_any_bytes_match_and_are_kept() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    let given = Given::new();
    let names = [&b"\xb0\xa1.png"[..], b"\xb0\xa2.png", b"plain.png"];
    for (n, name) in names.iter().enumerate() {
        png(&given.at("odd/more").join(OsStr::from_bytes(name)), n);
    }
    for pattern in ["odd/more/*", "odd/*/*.png", "odd/**/*.png", "odd/mo{re,st}/*", "od?"] {
        let (status, words, told) = given.predict(&[pattern], &[]);
        assert_eq!((status, words.lines().count()), (Some(0), 3), "{pattern}: {told}");
    }
    assert_eq!(given.predict(&["odd/*/p*.png"], &[]).1.lines().count(), 1);
    let sorted = given.at("sorted");
    for _ in 0..2 {
        assert_eq!(given.predict(&["odd/more/*"], &["--sort", str(&sorted)]).0, Some(0));
    }
    let folders = fs::read_dir(&sorted).expect("a folder").map(|entry| entry.expect("an entry").path());
    let copies = folders.flat_map(|folder| fs::read_dir(folder).expect("a folder"));
    let mut found: Vec<Vec<u8>> =
        copies.map(|copy| copy.expect("a copy").file_name().as_bytes().to_vec()).collect();
    found.sort();
    let expected: [&[u8]; 6] = [
        b"plain (2).png",
        b"plain.png",
        b"\xb0\xa1 (2).png",
        b"\xb0\xa1.png",
        b"\xb0\xa2 (2).png",
        b"\xb0\xa2.png",
    ];
    assert_eq!(found, expected);
}

#[test]
fn answers_below_the_confidence_abstain() {
    let given = Given::new();
    let sorted = given.at("sorted");
    let (status, words, _) = given.predict(&["photos"], &["--min-confidence", "1"]);
    assert_eq!(status, Some(0));
    assert!(words.lines().all(|line| line.contains(": abstained, ")), "{words}");
    let options = ["--min-confidence", "1", "--sort", str(&sorted), "--csv"];
    let (_, csv, told) = given.predict(&["all.zip"], &options);
    let mut rows = csv::Reader::from_reader(csv.as_bytes());
    assert!(rows.records().all(|row| row.expect("a row")[1].is_empty()), "{csv}");
    assert_eq!(fs::read_dir(sorted.join("abstained")).expect("a folder").count(), 4, "{told}");
    let (_, json, _) = given.predict(&["photos"], &["--min-confidence", "1", "--json"]);
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert!(json.as_array().expect("a list").iter().all(|answer| answer["class"].is_null()));
    let (_, sure, _) = given.predict(&["photos"], &["--min-confidence", "0"]);
    assert_eq!(sure, given.predict(&["photos"], &[]).1);
    for wrong in ["1.5", "-0.1", "NaN", "half", ""] {
        let model = given.at("run");
        let mut command = remixmatch(&["predict", "--model", str(&model), "a.png"]);
        misused(command.arg(format!("--min-confidence={wrong}")), &["--min-confidence"]);
    }
}
