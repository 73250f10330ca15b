//! Data that cannot be trained on: one line that names the file and what to do.

use std::fs;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use image::{Rgb, RgbImage};
use remixmatch::data::FORMATS;
use tempfile::tempdir;

use super::common::{done, idx_images, pictures, png, put, refused, remixmatch, str, tiny, train};

#[test]
fn unknown_data_lists_formats_and_content() {
    let home = tempdir().expect("a temporary folder");
    let mut command = remixmatch(&["data", "cifar"]);
    command.env("XDG_DATA_HOME", home.path());
    let looked = home.path().join("remixmatch/cifar");
    refused(&mut command, &["no data is named 'cifar'", str(&looked), "builtin:fashion"]);
    refused(&mut remixmatch(&["data", "builtin:letters"]), &["'letters'", "builtin:digits"]);
    refused(&mut remixmatch(&["data", "no/such/folder"]), &["cannot read no/such/folder"]);

    let folder = tempdir().expect("a temporary folder");
    let out = folder.path().join("run");
    let data = folder.path().join("data");
    put(&data.join("notes.txt"), b"words");
    for command in [&mut remixmatch(&["data", str(&data)]), &mut train(&data, 2, &out)] {
        refused(
            command,
            &["looked for", "IDX", "CIFAR-10", "class folders", "notes.txt", "found a single file"],
        );
    }
    assert!(!out.exists());
}

#[test]
fn data_help_lists_every_format() {
    let (help, _) = done(&mut remixmatch(&["data", "--help"]));
    assert!(!FORMATS.is_empty());
    for format in FORMATS {
        assert!(help.contains(format.description), "'{}' is missing in: {help}", format.description);
    }
}

#[test]
fn empty_classes_are_refused() {
    let (folder, out) = (pictures(), tempdir().expect("a temporary folder"));
    fs::create_dir(folder.path().join("round")).expect("a folder");
    let out = out.path().join("run");
    refused(
        &mut train(folder.path(), 2, &out),
        &["no image of class 'round'", "add some, or remove the class"],
    );
    assert!(!out.exists());
}

#[test]
fn damaged_images_are_refused_or_skipped() {
    let (folder, out) = (pictures(), tempdir().expect("a temporary folder"));
    let bad = folder.path().join("top/1.png");
    let whole = fs::read(&bad).expect("a PNG");
    let out = out.path().join("run");
    for content in [&whole[..whole.len() / 2], b"plain text"] {
        put(&bad, content);
        refused(&mut train(folder.path(), 2, &out), &["top/1.png", "set skip_bad", "(--skip-bad)"]);
        assert!(!out.exists());
    }
    let (_, told) = done(train(folder.path(), 2, &out).arg("--skip-bad"));
    let notice = told.lines().find(|line| line.contains("top/1.png")).expect("a notice");
    assert!(notice.starts_with("notice: skipped"), "{notice}");

    let model = out.join("model.safetensors");
    let predict = ["predict", "--model", str(&model), str(&bad)];
    refused(&mut remixmatch(&predict), &["top/1.png", "set skip_bad", "(--skip-bad)"]);
    refused(remixmatch(&predict).arg("--skip-bad"), &["none of the 1 image files can be read"]);
    let good = folder.path().join("top/4.png");
    let (words, told) = done(remixmatch(&predict).arg(&good).arg("--skip-bad"));
    assert!(told.contains("skipped") && words.lines().count() == 1, "{words}{told}");
    refused(
        &mut remixmatch(&["predict", "--model", str(&model), "missing.png"]),
        &["cannot read missing.png"],
    );
}

#[test]
fn mixed_sizes_are_resized_or_refused() {
    let (folder, out) = (pictures(), tempdir().expect("a temporary folder"));
    let wide = folder.path().join("wedge/wide.png");
    RgbImage::from_pixel(20, 12, Rgb([90, 90, 90])).save(&wide).expect("a PNG");
    let out = out.path().join("run");
    refused(
        train(folder.path(), 2, &out).arg("--strict"),
        &["wide.png is 20x12", "8x8", "unset strict", "(--strict)"],
    );
    assert!(!out.exists());
    let (_, told) = done(&mut train(folder.path(), 2, &out));
    assert!(told.contains("notice: 1 of 16 images are resized to 8x8"), "{told}");
}

#[test]
fn truncated_files_report_the_offset() {
    let data = tiny();
    let images = data.path().join("train-images-idx3-ubyte");
    let check = |words: &[&str]| refused(&mut remixmatch(&["data", str(data.path())]), words);
    put(&images, &idx_images(30)[..1_000]);
    check(&["train-images-idx3-ubyte, byte 1000", "expected 1920 bytes", "fetch it again"]);
    put(&images, &idx_images(30)[..10]);
    check(&["train-images-idx3-ubyte, byte 10", "a header of 16 bytes"]);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&idx_images(30)).expect("gzip");
    let zipped = encoder.finish().expect("gzip");
    put(&images, &zipped[..zipped.len() / 2]);
    check(&["train-images-idx3-ubyte", "damaged data", "fetch it again"]);
    put(&images, &idx_images(29));
    check(&["train-labels-idx1-ubyte", "each of the 29 images", "30 labels"]);

    let cifar = tempdir().expect("a temporary folder");
    put(&cifar.path().join("data_batch_1.bin"), &vec![1; 3073 * 2 + 100]);
    let command = &mut remixmatch(&["data", str(cifar.path())]);
    refused(command, &["data_batch_1.bin, byte 6146", "a record of 3073 bytes", "100 bytes"]);
}

#[test]
fn impossible_numbers_of_labels_are_refused() {
    let (data, out) = (tiny(), tempdir().expect("a temporary folder"));
    let out = out.path().join("run");
    let labels = |n: &str, words: &[&str]| {
        let mut command = remixmatch(&["train", "--steps", "1", "--batch", "4", "--labels", n]);
        refused(command.arg("--data").arg(data.path()).arg("--out").arg(&out), words);
        assert!(!out.exists());
    };
    labels("2", &["2 labels are fewer than the 3 classes", "at least 3"]);
    labels("0", &["at least 3"]);
    labels("7", &["7 labels", "6 or 9", "set balance to train", "(--label-balance train)"]);
    labels("31", &["31 labels", "at most 30"]);
}

#[test]
fn a_single_image_is_not_a_data_set() {
    let folder = tempdir().expect("a temporary folder");
    let file = folder.path().join("one.png");
    png(&file, 0);
    refused(&mut remixmatch(&["data", str(&file)]), &["one.png", "a single file: give a folder"]);
}
