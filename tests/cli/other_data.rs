//! `eval` on other data than the run's: all labelled images, classes by name, other sizes and colours.

use std::fs;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

use image::{DynamicImage, GrayImage, Luma};
use serde_json::Value;
use tempfile::{TempDir, tempdir};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::common::{done, pictures, pixels, put, refused, remixmatch, str, train};

const CLASSES: [&str; 3] = ["left", "top", "wedge"];

/// A run on class folders of grey 8x8 images.
struct Trained {
    data: TempDir,
    outer: TempDir,
}

impl Trained {
    fn new() -> Self {
        let trained = Self { data: pictures(), outer: tempdir().expect("a temporary folder") };
        done(&mut train(trained.data.path(), 4, &trained.outer.path().join("run")));
        trained
    }

    fn model(&self) -> PathBuf {
        self.outer.path().join("run/model.safetensors")
    }

    fn eval(&self, data: &Path) -> (Value, String) {
        let mut command = remixmatch(&["eval", "--model", str(&self.model()), "--json", "--data", str(data)]);
        let (json, told) = done(&mut command);
        (serde_json::from_str(&json).expect("JSON alone"), told)
    }
}

/// New images of these classes, each a pair of its name and the class's number.
fn images(classes: &[(&str, usize)], change: fn(GrayImage) -> DynamicImage) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for (name, class) in classes {
        for i in 0..6 {
            let bytes = pixels(300 + 3 * i + class);
            let image = GrayImage::from_fn(8, 8, |x, y| Luma([bytes[(y * 8 + x) as usize]]));
            let mut png = Cursor::new(Vec::new());
            change(image).write_to(&mut png, image::ImageFormat::Png).expect("a PNG");
            files.push((format!("{name}/{i}.png"), png.into_inner()));
        }
    }
    files
}

fn colour(image: GrayImage) -> DynamicImage {
    DynamicImage::ImageRgb8(DynamicImage::ImageLuma8(image).into_rgb8())
}

fn large(image: GrayImage) -> DynamicImage {
    DynamicImage::ImageLuma8(image).resize_exact(40, 40, image::imageops::FilterType::Nearest)
}

const ALL: [(&str, usize); 3] = [("left", 0), ("top", 1), ("wedge", 2)];

fn folder(at: &Path, files: &[(String, Vec<u8>)]) {
    files.iter().for_each(|(name, bytes)| put(&at.join(name), bytes));
}

fn zip(at: &Path, files: &[(String, Vec<u8>)]) {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer.start_file(name.as_str(), SimpleFileOptions::default()).expect("a member");
        writer.write_all(bytes).expect("a member");
    }
    put(at, &writer.finish().expect("a zip").into_inner());
}

fn list(at: &Path, files: &[(String, Vec<u8>)]) {
    let mut rows = "file,label\n".to_owned();
    for (name, bytes) in files {
        put(&at.join("all").join(name), bytes);
        rows.push_str(&format!("all/{name},{}\n", name.split('/').next().expect("a class")));
    }
    put(&at.join("labels.csv"), rows.as_bytes());
}

#[test]
fn eval_tests_all_labelled_images_of_other_data() {
    let trained = Trained::new();
    let files = images(&ALL, DynamicImage::ImageLuma8);
    let at = |name: &str| trained.outer.path().join(name);
    folder(&at("folder"), &files);
    zip(&at("set.zip"), &files);
    list(&at("list"), &files);
    let split: Vec<_> = files
        .iter()
        .enumerate()
        .map(|(i, (name, bytes))| {
            (format!("{}/{name}", ["train", "test"][usize::from(i % 3 == 0)]), bytes.clone())
        })
        .collect();
    folder(&at("split"), &split);
    let (expected, told) = trained.eval(&at("folder"));
    assert_eq!(expected["images"], 18, "{told}");
    assert!(!told.contains("held out"), "{told}");
    let [low, high] = [0, 1].map(|i| expected["interval"][i].as_f64().expect("a number"));
    let accuracy = expected["accuracy"].as_f64().expect("a number");
    assert!(low < accuracy && accuracy < high || accuracy == 1.0, "{expected}");
    for name in ["set.zip", "list", "split"] {
        let (mut found, _) = trained.eval(&at(name));
        found["data"] = expected["data"].clone();
        assert_eq!(found, expected, "{name}");
    }
    let mut command = remixmatch(&["eval", "--model", str(&trained.model()), "--test-only", "--json"]);
    let (json, _) = done(command.args(["--data", str(&at("split"))]));
    let found: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(found["images"], 6);
    // The run's own data are tested on their test images, however they are named.
    let (found, _) = trained.eval(&trained.data.path().join("."));
    assert_eq!(found["images"], 3);
}

#[test]
fn eval_matches_classes_by_name() {
    let trained = Trained::new();
    let at = |name: &str| trained.outer.path().join(name);
    // One class; fewer; others; names in another case.
    folder(&at("one"), &images(&ALL[1..2], DynamicImage::ImageLuma8));
    let (found, told) = trained.eval(&at("one"));
    assert_eq!(found["images"], 6);
    assert_eq!(found["classes"]["left"]["accuracy"], Value::Null);
    assert!(told.contains("there are no images of the model's classes left, wedge"), "{told}");
    let (words, _) = done(remixmatch(&["eval", "--model", str(&trained.model()), "--data"]).arg(at("one")));
    assert!(words.contains("left                 no images") && !words.contains("% of 0"), "{words}");

    let more = [("top", 1), ("zebra", 0), ("left", 0)];
    folder(&at("more"), &images(&more, DynamicImage::ImageLuma8));
    let (found, told) = trained.eval(&at("more"));
    assert_eq!(found["images"], 12);
    assert!(told.contains("the model does not know class zebra: 6 images are left out"), "{told}");

    folder(&at("cased"), &images(&[("Left", 0), ("TOP", 1), ("wedge", 2)], DynamicImage::ImageLuma8));
    folder(&at("plain"), &images(&ALL, DynamicImage::ImageLuma8));
    assert_eq!(trained.eval(&at("cased")).0["classes"], trained.eval(&at("plain")).0["classes"]);

    folder(&at("none"), &images(&[("zebra", 0), ("gnu", 1)], DynamicImage::ImageLuma8));
    let mut command = remixmatch(&["eval", "--model", str(&trained.model()), "--data", str(&at("none"))]);
    refused(&mut command, &["was trained on other data", "(left, top, wedge)", "(gnu, zebra)"]);
    fs::create_dir_all(at("empty/left")).expect("a folder");
    let mut command = remixmatch(&["eval", "--model", str(&trained.model()), "--data", str(&at("empty"))]);
    refused(&mut command, &["empty"]);
    assert_eq!(CLASSES.len(), ALL.len());
}

/// What `eval` makes of class names that differ from the model's as written.
#[test]
fn eval_merges_class_names_as_training_does() {
    // The model's classes, the data's, the number of images that count, and words of the notices.
    type Case = (&'static [&'static str], &'static [&'static str], usize, &'static [&'static str]);
    let cases: [Case; 5] = [
        (&["01", "2"], &["1", "2.0"], 12, &[]),
        (&["a", "b"], &["\u{ff21}\u{ff42}", "\u{ff41}"], 6, &["does not know class \u{ff21}\u{ff42}"]),
        (&["a", "b"], &["A", "a"], 6, &["does not know class A: 6 images are left out"]),
        (&["a", "b"], &["A", "B"], 12, &["'A' counts as the model's class 'a'"]),
        (&["Cat", "dog"], &["cat ", "DOG"], 12, &[]),
    ];
    for (known, found, count, words) in cases {
        let outer = tempdir().expect("a folder");
        let named = |names: &'static [&'static str]| [(names[0], 0), (names[1], 1)];
        folder(&outer.path().join("set"), &images(&named(known), DynamicImage::ImageLuma8));
        folder(&outer.path().join("other"), &images(&named(found), DynamicImage::ImageLuma8));
        done(&mut train(&outer.path().join("set"), 2, &outer.path().join("run")));
        let mut command = remixmatch(&["eval", "--json", "--model", str(&outer.path().join("run"))]);
        let (json, told) = done(command.arg("--data").arg(outer.path().join("other")));
        let result: Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!(result["images"], count, "{known:?} {found:?}: {told}");
        words.iter().for_each(|word| assert!(told.contains(word), "{word}: {told}"));
        assert!(!words.is_empty() || !told.contains("counts as"), "{told}");
    }
}

#[test]
fn eval_skips_empty_class_folders() {
    let trained = Trained::new();
    let data = trained.outer.path().join("some");
    folder(&data, &images(&ALL[..1], DynamicImage::ImageLuma8));
    fs::create_dir_all(data.join("top")).expect("a folder");
    let (found, told) = trained.eval(&data);
    assert_eq!(found["images"], 6, "{told}");
    assert!(told.contains("top (no images in it)"), "{told}");
}

#[test]
fn eval_reads_data_that_config_names_now() {
    let trained = Trained::new();
    let moved = trained.outer.path().join("moved");
    for class in CLASSES {
        for entry in fs::read_dir(trained.data.path().join(class)).expect("a folder") {
            let path = entry.expect("a file").path();
            let name = path.file_name().expect("a name");
            put(&moved.join(class).join(name), &fs::read(&path).expect("a file"));
        }
    }
    let config = trained.outer.path().join("run/config.toml");
    let text = fs::read_to_string(&config).expect("config.toml");
    let line = text.lines().find(|line| line.starts_with("data_path")).expect("a path");
    fs::write(&config, text.replace(line, &format!("data_path = '{}'", str(&moved)))).expect("a file");
    let (words, told) = done(&mut remixmatch(&["eval", "--model", str(&trained.model())]));
    assert!(words.starts_with("moved: ") && told.contains("config.toml has other data"), "{words}{told}");
}

/// Layouts that cannot be trained on: no training images, or classes without images.
#[test]
fn eval_tests_on_sets_without_training_images() {
    let trained = Trained::new();
    let at = |name: &str| trained.outer.path().join(name);
    let files = images(&ALL[..2], DynamicImage::ImageLuma8);
    let (expected, _) = {
        folder(&at("plain"), &files);
        trained.eval(&at("plain"))
    };
    let in_test: Vec<_> = files.iter().map(|(name, bytes)| (format!("test/{name}"), bytes.clone())).collect();
    folder(&at("test-folder"), &in_test);
    zip(&at("test.zip"), &in_test);
    let row =
        |(name, _): &(String, Vec<u8>)| format!("{name},{},test\n", &name[..name.find('/').unwrap_or(0)]);
    folder(&at("test-list"), &files);
    let rows: String = files.iter().map(row).collect();
    put(&at("test-list/all.csv"), format!("file,label,split\n{rows}").as_bytes());
    // Labelled by hand: one class of three has no labels.
    for (i, (_, bytes)) in files.iter().enumerate() {
        put(&at("by-hand").join(format!("{i:02}.png")), bytes);
    }
    let label = |i: usize| format!("{i:02}.png,{}\n", ["left", "top"][i / 6]);
    put(
        &at("by-hand/labels.csv"),
        format!("file,label\n{}", (0..12).map(label).collect::<String>()).as_bytes(),
    );
    put(&at("by-hand/classes.txt"), b"left\ntop\nwedge\n");
    for name in ["test-folder", "test.zip", "test-list", "by-hand"] {
        let (mut found, _) = trained.eval(&at(name));
        found["data"] = expected["data"].clone();
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn eval_converts_sizes_and_colours() {
    let trained = Trained::new();
    let at = |name: &str| trained.outer.path().join(name);
    folder(&at("grey"), &images(&ALL, DynamicImage::ImageLuma8));
    folder(&at("colour"), &images(&ALL, colour));
    folder(&at("large"), &images(&ALL, large));
    let (grey, _) = trained.eval(&at("grey"));
    let (found, _) = trained.eval(&at("colour"));
    assert_eq!((&found["accuracy"], &found["classes"]), (&grey["accuracy"], &grey["classes"]));
    // Resized as `predict` resizes them.
    let (found, _) = trained.eval(&at("large"));
    let mut predict = remixmatch(&["predict", "--model", str(&trained.model()), str(&at("large"))]);
    let (words, _) = done(&mut predict);
    for class in CLASSES {
        let right =
            |line: &&str| line.contains(&format!("/{class}/")) && line.contains(&format!(".png: {class} "));
        let expected = words.lines().filter(right).count() as f64 / 6.0;
        assert_eq!(found["classes"][class]["accuracy"].as_f64(), Some(expected), "{class}: {words}");
    }
    // A built-in set is resized too; other classes are refused.
    let mut command = remixmatch(&["eval", "--model", str(&trained.model()), "--data", "builtin:shapes"]);
    refused(&mut command, &["was trained on other data", " RGB images of 10 classes (arrow, "]);
}
