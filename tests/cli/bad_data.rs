//! Data that cannot be trained on: one line that names the file and what to do.

use std::fs;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use image::{Rgb, RgbImage};
use remixmatch::data::FORMATS;
use tempfile::tempdir;

use super::common::{
    assert_same_run, done, idx_images, pictures, png, put, refused, remixmatch, str, text, tiny, train,
};

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
    // A run that skipped bad images skips them in other data too.
    let other = pictures();
    put(&other.path().join("wedge/5.png"), b"plain text");
    let (_, told) = done(&mut remixmatch(&["eval", "--model", str(&model), "--data", str(other.path())]));
    assert!(told.contains("skipped") && told.contains("wedge/5.png"), "{told}");
    let strict = out.with_file_name("strict");
    done(&mut train(pictures().path(), 2, &strict));
    refused(
        &mut remixmatch(&["eval", "--model", str(&strict), "--data", str(other.path())]),
        &["wedge/5.png", "set skip_bad", "(--skip-bad)"],
    );
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
    assert!(told.contains("notice: 1 of 16 images is resized to 8x8"), "{told}");
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

    // The smallest class limits even labels: the message has a number that works.
    let uneven = tempdir().expect("a temporary folder");
    for n in 0..12 {
        png(&uneven.path().join(if n < 3 { "tree" } else { "cat" }).join(format!("{n}.png")), n);
    }
    let command = &mut remixmatch(&["train", "--steps", "1", "--labels", "8", "--data", str(uneven.path())]);
    let told = refused(command.arg("--out").arg(&out), &["of class 'tree'", "or --label-balance train)"]);
    let number = told.split("(--labels ").nth(1).and_then(|rest| rest.split(',').next()).expect("a number");
    let mut command = remixmatch(&["train", "--steps", "1", "--batch", "4", "--k", "1", "--labels", number]);
    done(command.args(["--report-every", "1", "--data", str(uneven.path())]).arg("--out").arg(&out));
}

#[test]
fn a_single_image_is_not_a_data_set() {
    let folder = tempdir().expect("a temporary folder");
    let file = folder.path().join("one.png");
    png(&file, 0);
    refused(&mut remixmatch(&["data", str(&file)]), &["one.png", "a single file: give a folder"]);
}

#[test]
fn streamed_run_with_damaged_images_equals_one_in_memory() {
    let (folder, out) = (pictures(), tempdir().expect("a temporary folder"));
    let whole = fs::read(folder.path().join("top/4.png")).expect("a PNG");
    for (name, content) in
        [("left/a.png", &whole[..whole.len() / 2]), ("top/b.png", b""), ("wedge/c.png", b"text")]
    {
        put(&folder.path().join(name), content);
    }
    let run = |name: &str| out.path().join(name);
    done(train(folder.path(), 6, &run("memory")).arg("--skip-bad"));
    let (_, told) = done(train(folder.path(), 6, &run("streamed")).args(["--skip-bad", "--memory", "0"]));
    assert!(told.contains("images are decoded on demand") && told.contains("notice: skipped: "), "{told}");
    assert_same_run(&run("memory"), &run("streamed"));
    // Without a readable header it is refused before any image is decoded.
    let words = ["cannot decode", "top/b.png", "(--skip-bad)"];
    refused(train(folder.path(), 6, &run("refused")).args(["--memory", "0"]), &words);
    for name in ["top/b.png", "wedge/c.png"] {
        fs::remove_file(folder.path().join(name)).expect("a file");
    }
    let words = ["cannot decode", "left/a.png", "(--skip-bad)"];
    refused(train(folder.path(), 6, &run("refused")).args(["--memory", "0"]), &words);
    assert!(!run("refused").exists());
}

/// In class folders and in a list.
#[cfg(unix)]
#[test]
fn dead_links_are_refused_or_skipped() {
    let (folder, out) = (pictures(), tempdir().expect("a temporary folder"));
    let list = tempdir().expect("a temporary folder");
    let mut rows = "file,label\n".to_owned();
    for n in 0..15 {
        png(&list.path().join(format!("all/{n}.png")), n);
        rows.push_str(&format!("all/{n}.png,{}\n", n % 3));
    }
    put(&list.path().join("list.csv"), format!("{rows}all/dead.png,0\n").as_bytes());
    for (data, dead) in [(folder.path(), "left/dead.png"), (list.path(), "all/dead.png")] {
        std::os::unix::fs::symlink("/nowhere/at/all.png", data.join(dead)).expect("a link");
        for memory in [&[][..], &["--memory", "0"]] {
            let run = out.path().join(format!("{}-{}", dead.len(), memory.len()));
            refused(train(data, 2, &run).args(memory), &["cannot read", dead]);
            assert!(!run.exists());
            let (_, told) = done(train(data, 2, &run).args(memory).arg("--skip-bad"));
            assert!(told.contains("notice: skipped: ") && told.contains(dead), "{told}");
        }
        refused(&mut remixmatch(&["data", str(data)]), &["cannot read", dead]);
        let (words, _) = done(&mut remixmatch(&["data", str(data), "--skip-bad"]));
        assert!(words.contains("15 ") || words.contains("12 "), "{words}");
    }
}

#[test]
fn predict_classifies_all_but_the_bad_files_in_order() {
    let (folder, out) = (pictures(), tempdir().expect("a temporary folder"));
    let run = out.path().join("run");
    done(&mut train(folder.path(), 2, &run));
    let model = run.join("model.safetensors");
    let many = out.path().join("many");
    // More than one batch, in two folders.
    for n in 0..300 {
        png(&many.join(format!("{}/{n:03}.png", n % 2)), n);
    }
    put(&many.join("0/100.png"), b"text");
    put(&many.join("0/notes.txt"), b"words");
    put(&many.join("0/.hidden.png"), b"text");
    let single = folder.path().join("top/1.png");
    let missing = many.join("missing.png");
    let predict = |more: &[&str]| {
        let mut command = remixmatch(&["predict", "--model", str(&model), str(&single), str(&missing)]);
        let output = command.arg(&many).args(more).output().expect("the binary starts");
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let expected: Vec<String> = std::iter::once(single.clone())
        .chain(
            (0..2)
                .flat_map(|half| (0..150).map(move |i| 2 * i + half))
                .filter(|n| *n != 100)
                .map(|n| many.join(format!("{}/{n:03}.png", n % 2))),
        )
        .map(|path| str(&path).to_owned())
        .collect();
    let (status, words, told) = predict(&[]);
    assert_eq!(status, Some(1), "{told}");
    let named: Vec<&str> = words.lines().filter_map(|line| line.split(": ").next()).collect();
    assert_eq!(named, expected);
    let last = told.lines().last().expect("a message");
    assert!(last.starts_with("error: 2 of 302 image files cannot be read: "), "{last}");
    assert!(last.contains("missing.png"), "{last}");
    for name in ["missing.png", "0/100.png"] {
        assert!(told.contains("notice: skipped: ") && told.contains(name), "{told}");
    }
    assert!(told.contains("notice: 1 file in folders that is not an image is ignored"), "{told}");
    let (status, skipped, _) = predict(&["--skip-bad"]);
    assert_eq!((status, &skipped), (Some(0), &words));
    let (status, json, _) = predict(&["--json"]);
    let answers: serde_json::Value = serde_json::from_str(&json).expect("JSON alone");
    assert_eq!((status, answers.as_array().map(Vec::len)), (Some(1), Some(expected.len())));
    // The same image alone and in a batch.
    let (alone, _) = done(&mut remixmatch(&["predict", "--model", str(&model), &expected[200]]));
    assert_eq!(alone.trim_end(), words.lines().nth(200).expect("a line"));
    let empty = out.path().join("empty");
    fs::create_dir(&empty).expect("a folder");
    refused(&mut remixmatch(&["predict", "--model", str(&model), str(&empty)]), &["there are no images in"]);
}

#[test]
fn unclear_folders_are_refused_or_read_as_classes() {
    let folder = pictures();
    png(&folder.path().join("test_old/1.png"), 1);
    png(&folder.path().join("test_old/2.png"), 2);
    let source = str(folder.path());
    refused(&mut remixmatch(&["data", source]), &["test_old", "'test'", "(--folders-as-classes)"]);
    let (told, _) = done(&mut remixmatch(&["data", source, "--folders-as-classes"]));
    assert!(told.contains("test_old"), "{told}");
    let (told, _) = done(&mut remixmatch(&["data", source, "--folders-as-classes", "--layout", "--json"]));
    let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
    let rows = told["rows"].as_array().expect("rows");
    assert!(rows.iter().any(|row| row["folder"] == "test_old" && row["role"] == "class test_old"), "{told}");
}
