//! Data that change between two parts of a run: `train --resume` and `eval` say what differs and refuse, or go on with
//! the recorded roles.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use image::{Rgb, RgbImage};
use remixmatch::train::{Checkpoint, Role};
use tempfile::{TempDir, tempdir};

use super::common::{assert_same_run, done, png, put, refused, remixmatch, str};

/// Class folders `a` and `b` with nine PNGs each, in a folder `w`.
fn photos(outer: &Path) -> PathBuf {
    let folder = outer.join("w");
    (0..18).for_each(|n| png(&folder.join(["a", "b"][n % 2]).join(format!("{n:02}.png")), n));
    folder
}

/// A run on [`photos`] in the folder `r`.
fn trained() -> (TempDir, PathBuf, PathBuf) {
    let outer = tempdir().expect("a temporary folder");
    let (data, run) = (photos(outer.path()), outer.path().join("r"));
    let mut command = remixmatch(&["train", "--labels", "8", "--batch", "4", "--k", "1"]);
    command.args(["--report-every", "2", "--steps", "2", "--data", str(&data), "--out", str(&run)]);
    done(&mut command);
    (outer, data, run)
}

fn resume(run: &Path) -> assert_cmd::Command {
    remixmatch(&["train", "--resume", str(run), "--steps", "4"])
}

fn eval(run: &Path) -> assert_cmd::Command {
    remixmatch(&["eval", "--model", str(&run.join("model.safetensors"))])
}

/// The roles by content that a run's checkpoint records.
fn roles(run: &Path) -> HashMap<u64, Role> {
    let (_, _, recorded) = Checkpoint::read_data(&run.join("model.safetensors")).expect("a checkpoint");
    recorded.expect("a fingerprint").images.iter().map(|image| (image.id.content, image.role)).collect()
}

#[test]
fn changed_data_are_named_and_refused() {
    type Change = fn(&Path);
    let cases: [(&str, Change, &str); 6] = [
        ("an image more", |w| png(&w.join("a/--.png"), 40), "added 1, removed 0, changed 0 (added a/--.png)"),
        (
            "an image less",
            |w| fs::remove_file(w.join("a/04.png")).expect("a file"),
            "added 0, removed 1, changed 0",
        ),
        (
            "another image",
            |w| png(&w.join("b/03.png"), 41),
            "added 0, removed 0, changed 1 (changed b/03.png)",
        ),
        (
            "another class",
            |w| fs::rename(w.join("a/02.png"), w.join("b/02.png")).expect("a file"),
            "added 0, removed 0, changed 0, relabelled 1 (relabelled b/02.png)",
        ),
        (
            "an unlabelled image",
            |w| png(&w.join("unlabeled/1.png"), 42),
            "added 1, removed 0, changed 0 (added unlabeled/1.png)",
        ),
        (
            "one more, one renamed",
            |w| {
                png(&w.join("a/zz.png"), 43);
                fs::rename(w.join("b/05.png"), w.join("b/first.png")).expect("a file");
            },
            "added 1, removed 0, changed 0, renamed 1 (added a/zz.png)",
        ),
    ];
    for (case, change, words) in cases {
        let (_outer, data, run) = trained();
        let before = roles(&run);
        change(&data);
        for mut command in [resume(&run), eval(&run)] {
            let told = refused(&mut command, &["the data differ", words, "(--accept-changed-data)"]);
            assert!(told.contains("0 of "), "{case}: no test image was trained on: {told}");
        }
        let (_, told) = done(eval(&run).arg("--accept-changed-data"));
        assert!(told.contains(words), "{case}: {told}");
        let (_, told) = done(resume(&run).arg("--accept-changed-data"));
        assert!(told.contains(words), "{case}: {told}");
        // The new state is recorded: nothing differs any more, and no image that stayed has another role.
        done(&mut eval(&run));
        for (content, role) in roles(&run) {
            match before.get(&content) {
                Some(before) => assert_eq!(role, *before, "{case}"),
                None => assert_ne!(role, Role::Labelled, "{case}"),
            }
        }
    }
}

#[test]
fn touched_and_renamed_files_change_nothing() {
    let (outer, data, run) = trained();
    let other = outer.path().join("other");
    fs::create_dir(&other).expect("a folder");
    for file in ["config.toml", "metrics.csv", "model.safetensors"] {
        fs::copy(run.join(file), other.join(file)).expect("a copy");
    }
    done(&mut resume(&run));
    // Written again with the same bytes, in another order on the disk.
    for n in (0..18).rev() {
        let path = data.join(["a", "b"][n % 2]).join(format!("{n:02}.png"));
        let bytes = fs::read(&path).expect("a file");
        fs::remove_file(&path).expect("a file");
        put(&path, &bytes);
    }
    let (_, told) = done(&mut resume(&other));
    assert!(!told.contains("notice: the data"), "{told}");
    assert_same_run(&run, &other);
    fs::rename(data.join("a/06.png"), data.join("a/zzz.png")).expect("a file");
    let (_, told) = done(&mut remixmatch(&["train", "--resume", str(&run), "--steps", "6"]));
    assert!(told.contains("1 image has another name"), "{told}");
    done(&mut eval(&run));
}

#[test]
fn lost_labels_are_counted_and_not_replaced() {
    let (outer, data, run) = trained();
    let (_, _, recorded) = Checkpoint::read_data(&run.join("model.safetensors")).expect("a checkpoint");
    let before = roles(&run);
    let recorded = recorded.expect("a fingerprint");
    assert_eq!(recorded.images.iter().filter(|image| image.role == Role::Labelled).count(), 8);
    // A labelled image of class a goes.
    let config = fs::read_to_string(run.join("config.toml")).expect("config.toml");
    assert!(config.contains("split = \"content\"") && config.contains("data_path = "), "{config}");
    let is_labelled = |path: &Path, steps: usize| {
        fs::rename(path, outer.path().join("kept")).expect("a file");
        let (_, told) = done(eval(&run).arg("--accept-changed-data"));
        assert!(told.contains("removed 1"), "{told}");
        let mut command = remixmatch(&["train", "--resume", str(&run), "--accept-changed-data"]);
        let (_, told) = done(command.args(["--steps", &steps.to_string()]));
        told.contains("7 of 8 labelled images are left")
    };
    let mut found = false;
    for n in (0..18).step_by(2) {
        let path = data.join(format!("a/{n:02}.png"));
        if is_labelled(&path, n + 4) {
            found = true;
            break;
        }
    }
    assert!(found, "four of the nine images of class a are labelled");
    let after = roles(&run);
    assert!(after.iter().all(|(content, role)| before[content] == *role));
}

#[test]
fn other_working_directory_finds_the_data() {
    let outer = tempdir().expect("a temporary folder");
    let elsewhere = tempdir().expect("a temporary folder");
    photos(outer.path());
    let mut command =
        remixmatch(&["train", "--labels", "8", "--batch", "4", "--k", "1", "--report-every", "2"]);
    command.args(["--steps", "2", "--data", "w", "--out", "r"]).current_dir(outer.path());
    done(&mut command);
    let run = outer.path().join("r");
    let config = fs::read_to_string(run.join("config.toml")).expect("config.toml");
    assert!(config.contains("data = \"w\"\n"), "{config}");
    done(eval(&run).current_dir(elsewhere.path()));
    done(resume(&run).current_dir(elsewhere.path()));
    // Data that were moved together with the run are found by what was typed.
    let moved = elsewhere.path().join("moved");
    fs::rename(outer.path(), &moved).expect("a folder");
    fs::create_dir(outer.path()).expect("a folder");
    done(remixmatch(&["eval", "--model", "r/model.safetensors"]).current_dir(&moved));
    // Other data are named as they are given.
    (0..18)
        .for_each(|n| png(&moved.join("new").join(["a", "b"][n % 2]).join(format!("{n:02}.png")), n + 100));
    let other =
        remixmatch(&["train", "--resume", "r", "--steps", "6", "--data", "new"]).current_dir(&moved).output();
    let told = String::from_utf8(other.expect("the binary starts").stderr).expect("UTF-8");
    assert!(told.contains("added 0, removed 0, changed 18"), "{told}");
}

#[test]
fn options_that_shaped_the_data_are_remembered() {
    let outer = tempdir().expect("a temporary folder");
    let (data, run) = (photos(outer.path()), outer.path().join("r"));
    put(&data.join("a/broken.png"), b"not an image");
    let mut command =
        remixmatch(&["train", "--labels", "8", "--batch", "4", "--k", "1", "--report-every", "2"]);
    command.args([
        "--steps",
        "2",
        "--data",
        str(&data),
        "--skip-bad",
        "--image-size",
        "16",
        "--out",
        str(&run),
    ]);
    done(&mut command);
    done(&mut eval(&run));
    done(&mut resume(&run));
}

#[test]
fn the_fit_is_remembered_and_compared() {
    let outer = tempdir().expect("a temporary folder");
    let (data, run) = (photos(outer.path()), outer.path().join("r"));
    let mut command =
        remixmatch(&["train", "--labels", "8", "--batch", "4", "--k", "1", "--report-every", "2"]);
    command.args(["--steps", "2", "--data", str(&data), "--image-size", "16", "--fit", "pad"]);
    done(command.args(["--out", str(&run)]));
    let config = run.join("config.toml");
    let settings = fs::read_to_string(&config).expect("config.toml");
    assert!(settings.contains("fit = \"pad\"\n"), "{settings}");
    done(&mut eval(&run));
    // A wide photo, and what padding makes of it: bars of the colours of its uniform edges.
    let colour = |y: u32| if y < 4 { [200, 10, 10] } else { [20, 30, 220] };
    let wide =
        RgbImage::from_fn(16, 8, |x, y| Rgb(if y % 7 == 0 { colour(y) } else { [x as u8 * 9, 90, 60] }));
    let padded = RgbImage::from_fn(16, 16, |x, y| *wide.get_pixel(x, y.clamp(4, 11) - 4));
    let [wide_file, padded_file] = ["wide.png", "padded.png"].map(|name| outer.path().join(name));
    wide.save(&wide_file).expect("writable");
    padded.save(&padded_file).expect("writable");
    let (answer, _) = done(&mut remixmatch(&[
        "predict",
        "--csv",
        "--model",
        str(&run),
        str(&wide_file),
        str(&padded_file),
    ]));
    let rows: Vec<&str> = answer.lines().skip(1).filter_map(|row| Some(row.split_once(',')?.1)).collect();
    assert_eq!((rows.len(), rows.first()), (2, rows.last()), "{answer}");
    fs::write(&config, settings.replace("fit = \"pad\"", "fit = \"stretch\"")).expect("writable");
    refused(&mut resume(&run), &["config.toml", "fit", "stretch", "pad"]);
    fs::write(&config, &settings).expect("writable");
    done(&mut resume(&run));
}

#[test]
fn networks_refuse_or_round_sizes_before_reading() {
    let outer = tempdir().expect("a temporary folder");
    let (data, run) = (photos(outer.path()), outer.path().join("r"));
    let train = |network: &str, size: &str| {
        let mut command = remixmatch(&["train", "--labels", "8", "--batch", "4", "--k", "1", "--steps", "1"]);
        command.args(["--data", str(&data), "--network", network, "--image-size", size, "--out", str(&run)]);
        command
    };
    refused(&mut train("wrn-10-1", "97"), &["97x97", "8 to 96 pixels", "image_size"]);
    let (_, told) = done(&mut train("efficientnet-lite0", "40"));
    assert!(told.contains("rounded from 40 to 32, a multiple of 32"), "{told}");
    assert!(told.contains("resized to 32x32"), "{told}");
    let traced = outer.path().join("step.safetensors");
    let mut trace =
        remixmatch(&["trace", "--network", "efficientnet-lite0", "--labels", "8", "--batch", "4"]);
    done(trace.args(["--k", "1", "--data", str(&data), "--image-size", "32", "--out", str(&traced)]));
    assert!(traced.exists());
    done(&mut eval(&run));
    done(&mut remixmatch(&["train", "--resume", str(&run), "--steps", "2"]));
}

#[test]
fn names_of_other_classes_are_listed() {
    let (_outer, data, run) = trained();
    fs::rename(data.join("b"), data.join("bee")).expect("a folder");
    for mut command in [resume(&run), eval(&run)] {
        refused(&mut command, &["trained on other data", "it lacks b", "new: bee"]);
    }
}

#[test]
fn trained_images_in_other_test_data_are_counted() {
    let (outer, data, run) = trained();
    let other = outer.path().join("other");
    for n in 0..18 {
        let name = Path::new(["a", "b"][n % 2]).join(format!("{n:02}.png"));
        png(&other.join("train").join(&name), n + 200);
        let to = other.join("test").join(&name);
        fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        fs::copy(data.join(&name), to).expect("a copy");
    }
    let trained = roles(&run).values().filter(|role| **role != Role::Test).count();
    let (_, told) = done(eval(&run).args(["--data", str(&other)]));
    assert!(told.contains(&format!("{trained} of 36 images were trained on")), "{told}");
}

#[test]
fn fewer_labels_than_the_preset_takes_are_all_used() {
    let outer = tempdir().unwrap();
    let (data, out) = (photos(outer.path()), outer.path().join("run"));
    let train = |labels: &[&str]| {
        let mut command =
            remixmatch(&["train", "--preset", "quick", "--batch", "4", "--k", "1", "--steps", "1"]);
        command.args(["--data", str(&data), "--out", str(&out)]).args(labels);
        command
    };
    // A number that was given is never changed.
    refused(&mut train(&["--labels", "40"]), &["40 labels were requested", "(--labels)"]);
    let (told, noted) = done(&mut train(&[]));
    let known = roles(&out).values().filter(|role| **role == Role::Labelled).count();
    assert!(noted.contains(&format!("the preset takes 40 labels: all {known} training images")), "{noted}");
    assert!(told.contains(&format!("with {known} labels")), "{told}");
}

#[test]
fn trained_images_that_become_test_images_are_refused() {
    type Change = fn(&Path);
    let cases: [(&str, Change, &str); 3] = [
        (
            "moved into the test folder",
            |p| {
                for n in 0..3 {
                    fs::rename(p.join(format!("train/a/{n}.png")), p.join(format!("test/a/t{n}.png")))
                        .unwrap();
                }
            },
            "3 of 9 test images were trained on",
        ),
        (
            "unlabelled images that get a label",
            |p| fs::rename(p.join("unlabeled/0.png"), p.join("test/b/u.png")).unwrap(),
            "1 of 7 test images was trained on",
        ),
        (
            "moved and edited",
            |p| {
                fs::remove_file(p.join("train/a/0.png")).unwrap();
                png(&p.join("test/a/0.png"), 90);
                fs::rename(p.join("train/a/1.png"), p.join("test/a/1.png")).unwrap();
            },
            "1 of 8 test images was trained on",
        ),
    ];
    for (case, change, words) in cases {
        let outer = tempdir().unwrap();
        let (data, run) = (outer.path().join("p"), outer.path().join("r"));
        for (i, class) in ["a", "b"].iter().enumerate() {
            (0..8).for_each(|n| png(&data.join(format!("train/{class}/{n}.png")), 20 * i + n));
            (0..3).for_each(|n| png(&data.join(format!("test/{class}/{n}x.png")), 50 + 20 * i + n));
            png(&data.join(format!("unlabeled/{i}.png")), 100 + i);
        }
        let mut command = remixmatch(&["train", "--labels", "8", "--batch", "4", "--k", "1", "--steps", "1"]);
        done(command.args(["--data", str(&data), "--out", str(&run)]));
        change(&data);
        for mut command in [resume(&run), eval(&run)] {
            let told = refused(&mut command, &["the data differ", "(--accept-changed-data)"]);
            assert!(told.contains(words), "{case}: {told}");
        }
        let (_, told) = done(eval(&run).arg("--accept-changed-data"));
        assert!(told.contains(words), "{case}: {told}");
    }
}

/// Images with a column `split`, of which four that were trained on become test images.
#[test]
fn accepted_test_images_stay_trained_on() {
    let outer = tempdir().expect("a folder");
    let (data, run) = (outer.path().join("p"), outer.path().join("r"));
    let list = |tests: &dyn Fn(usize) -> bool| {
        let row = |n: usize| {
            let split = if tests(n) { "test" } else { "train" };
            format!("{n:02}.png,{},{split}\n", ["a", "b"][n % 2])
        };
        put(
            &data.join("list.csv"),
            format!("file,label,split\n{}", (0..24).map(row).collect::<String>()).as_bytes(),
        );
    };
    (0..24).for_each(|n| png(&data.join(format!("{n:02}.png")), n));
    list(&|n| n >= 18);
    let mut command = remixmatch(&["train", "--labels", "8", "--batch", "4", "--k", "1", "--steps", "1"]);
    done(command.args(["--data", str(&data), "--out", str(&run)]));
    list(&|n| n >= 14);
    for mut command in [resume(&run), eval(&run)] {
        let told = refused(&mut command, &["the data differ", "moved to or from the test images 4"]);
        assert!(told.contains("4 of 10 test images were trained on"), "{told}");
    }
    done(resume(&run).arg("--accept-changed-data"));
    for mut command in [remixmatch(&["train", "--resume", str(&run), "--steps", "6"]), eval(&run)] {
        let (_, told) = done(&mut command);
        assert!(told.contains("4 of 10 test images were trained on before"), "{told}");
    }
    let (_, told) = done(eval(&run).args(["--data", str(&data), "--test-only"]));
    assert!(told.contains("4 of"), "{told}");
    // Back again: the images that test no more are named too.
    list(&|n| n >= 20);
    refused(&mut eval(&run), &["the data differ", "moved to or from the test images 6"]);
}

#[test]
fn removed_images_stay_trained_on() {
    let outer = tempdir().expect("a folder");
    let (data, run, kept) = (outer.path().join("p"), outer.path().join("r"), outer.path().join("kept"));
    for (i, class) in ["a", "b"].iter().enumerate() {
        (0..8).for_each(|n| png(&data.join(format!("train/{class}/{n}.png")), 20 * i + n));
        (0..3).for_each(|n| png(&data.join(format!("test/{class}/{n}x.png")), 50 + 20 * i + n));
    }
    let mut command = remixmatch(&["train", "--labels", "4", "--batch", "4", "--k", "1", "--steps", "1"]);
    done(command.args(["--data", str(&data), "--out", str(&run)]));
    fs::create_dir(&kept).expect("a folder");
    let trained = roles(&run).values().filter(|role| **role == Role::Unlabelled).count();
    for n in 5..8 {
        fs::rename(data.join(format!("train/a/{n}.png")), kept.join(format!("{n}.png")))
            .expect("another name");
    }
    done(resume(&run).arg("--accept-changed-data"));
    assert!(roles(&run).values().filter(|role| **role == Role::Unlabelled).count() <= trained);
    // A resumed run keeps the record.
    done(&mut remixmatch(&["train", "--resume", str(&run), "--steps", "6"]));
    for n in 5..8 {
        fs::rename(kept.join(format!("{n}.png")), data.join(format!("test/a/again{n}.png")))
            .expect("another name");
    }
    refused(&mut eval(&run), &["the data differ", "3 of 9 test images were trained on"]);
    let (_, told) = done(eval(&run).args(["--data", str(&data), "--test-only", "--accept-changed-data"]));
    assert!(told.contains("3 of 9"), "{told}");
    let other = outer.path().join("other");
    (0..2).for_each(|n| png(&other.join(format!("{}/{n}.png", ["a", "b"][n])), 205 + n));
    fs::copy(data.join("test/a/again5.png"), other.join("a/5.png")).expect("a copy");
    let (_, told) = done(eval(&run).args(["--data", str(&other)]));
    assert!(told.contains("1 of 3 images was trained on"), "{told}");
}

#[test]
fn moved_data_are_asked_for_by_their_test_images() {
    let (outer, data, run) = trained();
    let moved = outer.path().join("moved");
    fs::rename(&data, &moved).expect("another name");
    refused(&mut eval(&run), &["no longer at", "(--data) and add --test-only"]);
    let (_, told) = done(eval(&run).args(["--data", str(&moved), "--test-only"]));
    assert!(!told.contains("were trained on"), "{told}");
    // What eval needs, not what training needs.
    let bad = outer.path().join("bad");
    (0..3).for_each(|n| png(&bad.join(format!("{n}.png")), n));
    let told = refused(eval(&run).args(["--data", str(&bad)]), &["eval needs"]);
    assert!(!told.contains("training"), "{told}");
    let one = outer.path().join("one");
    (0..3).for_each(|n| png(&one.join(format!("a/{n}.png")), n));
    let told = refused(eval(&run).args(["--data", str(&one), "--test-only"]), &["eval needs"]);
    assert!(!told.contains("training"), "{told}");
}

#[test]
fn current_folder_never_stands_for_moved_data() {
    #[cfg(unix)]
    let names = {
        use std::os::unix::ffi::OsStrExt as _;
        [std::ffi::OsStr::from_bytes(b"w"), std::ffi::OsStr::from_bytes(b"w\xb0\xa1")]
    };
    #[cfg(not(unix))]
    let names = [std::ffi::OsStr::new("w")];
    for name in names {
        let outer = tempdir().expect("a folder");
        let (data, run) = (outer.path().join(name), outer.path().join("r"));
        fs::rename(photos(outer.path()), &data).expect("another name");
        let elsewhere = photos(&outer.path().join("elsewhere"));
        let mut command = remixmatch(&["train", "--labels", "8", "--batch", "4", "--k", "1", "--steps", "2"]);
        done(command.args(["--data", ".", "--out", str(&run)]).current_dir(&data));
        done(resume(&run).current_dir(&data));
        if name == "w" {
            done(resume(&run).current_dir(&elsewhere));
            fs::rename(&data, outer.path().join("moved")).expect("another name");
        }
        for mut command in [resume(&run), eval(&run)] {
            refused(command.current_dir(&elsewhere), &["no longer at", "--data"]);
        }
    }
}

#[test]
fn moved_data_found_by_name_are_told() {
    let outer = tempdir().expect("a folder");
    let (from, to) = (outer.path().join("from"), outer.path().join("to"));
    photos(&from);
    let mut command = remixmatch(&["train", "--labels", "8", "--batch", "4", "--k", "1", "--steps", "2"]);
    done(command.args(["--data", "w", "--out", "r"]).current_dir(&from));
    fs::rename(&from, &to).expect("another name");
    for arguments in [&["train", "--resume", "r", "--steps", "4"][..], &["eval", "--model", "r"]] {
        let (_, told) = done(remixmatch(arguments).current_dir(&to));
        assert!(told.contains("no longer at") && told.contains("w is read"), "{told}");
    }
}

#[test]
fn classes_that_lose_all_labels_are_named() {
    let (_outer, data, run) = trained();
    let (_, _, recorded) = Checkpoint::read_data(&run.join("model.safetensors")).expect("a checkpoint");
    let recorded = recorded.expect("a fingerprint");
    let labelled =
        recorded.images.iter().zip(&recorded.files).filter(|(image, _)| image.role == Role::Labelled);
    for (_, file) in labelled.filter(|(image, _)| image.class == Some(0)) {
        fs::remove_file(data.join(file)).expect("a file");
    }
    let (_, told) = done(resume(&run).arg("--accept-changed-data"));
    assert!(told.contains("no labelled image of the class 'a' is left"), "{told}");
}
