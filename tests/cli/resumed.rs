//! What `--resume` and `eval` say of a run whose data or files have changed: what differs, by name, and what to do.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use remixmatch::train::{Checkpoint, Role};
use safetensors::SafeTensors;
use serde_json::Value;
use tempfile::{TempDir, tempdir};

use super::common::{content, done, png, put, refused, remixmatch, str};

/// A run of two steps on class folders `a` and `b` with nine PNGs each: its data `w` and its folder `r`.
fn trained() -> (TempDir, PathBuf, PathBuf) {
    trained_on(0)
}

/// [`trained`] on images that are numbered from `first` on.
fn trained_on(first: usize) -> (TempDir, PathBuf, PathBuf) {
    let outer = tempdir().expect("a temporary folder");
    let (data, run) = (outer.path().join("w"), outer.path().join("r"));
    (0..18).for_each(|n| png(&data.join(["a", "b"][n % 2]).join(format!("{n:02}.png")), first + n));
    let mut command = remixmatch(&["train", "--labels", "8", "--batch", "4", "--k", "1"]);
    command.args(["--report-every", "2", "--steps", "2", "--data", str(&data), "--out", str(&run)]);
    done(&mut command);
    (outer, data, run)
}

fn resume(run: &Path, steps: &str) -> assert_cmd::Command {
    remixmatch(&["train", "--resume", str(run), "--steps", steps])
}

fn eval(run: &Path) -> assert_cmd::Command {
    remixmatch(&["eval", "--model", str(run)])
}

/// The files of the labelled images.
fn labelled(data: &Path, run: &Path) -> Vec<PathBuf> {
    let (_, _, recorded) = Checkpoint::read_data(&run.join("model.safetensors")).expect("a checkpoint");
    let recorded = recorded.expect("a fingerprint");
    assert_eq!(recorded.files.len(), recorded.images.len());
    let images = recorded.images.iter().zip(&recorded.files);
    images.filter(|(image, _)| image.role == Role::Labelled).map(|(_, file)| data.join(file)).collect()
}

#[test]
fn changes_of_the_data_are_named_with_remedies() {
    type Change = fn(&Path);
    let cases: [(&str, Change, &[&str]); 6] = [
        (
            "new images with labels",
            |w| (0..2).for_each(|n| png(&w.join(format!("a/new{n}.png")), 40 + n)),
            &["added 2", "a/new0.png, a/new1.png"],
        ),
        (
            "removed images",
            |w| (0..4).for_each(|n| fs::remove_file(w.join(format!("a/{:02}.png", 2 * n))).expect("a file")),
            &["removed 4", "(removed a/00.png, a/02.png, a/04.png, ..)"],
        ),
        (
            "saved anew",
            |w| {
                let image = image::open(w.join("b/03.png")).expect("an image");
                let file = fs::File::create(w.join("b/03.png")).expect("a file");
                let encoder = image::codecs::png::PngEncoder::new_with_quality(
                    file,
                    image::codecs::png::CompressionType::Best,
                    image::codecs::png::FilterType::Paeth,
                );
                image.write_with_encoder(encoder).expect("a PNG");
            },
            &["changed 1 (changed b/03.png)", "1 file has the same name and other bytes"],
        ),
        (
            "a class that gets images",
            |w| (0..3).for_each(|n| png(&w.join(format!("c/{n}.png")), 60 + n)),
            &["new: c", "a run keeps its classes", "'unlabeled'"],
        ),
        ("a class that is gone", |w| fs::rename(w.join("b"), w.join("unlabeled")).expect("a folder"), &[]),
        (
            "moved away",
            |w| fs::rename(w, w.with_file_name("elsewhere")).expect("a folder"),
            &["the data of the run are no longer at ", "/w: put them back", "(--data)"],
        ),
    ];
    for (case, change, words) in cases {
        let (_outer, data, run) = trained();
        change(&data);
        let before = content(&run);
        for (mut command, other) in
            [(resume(&run, "4"), "another run"), (eval(&run), "other data with images of")]
        {
            let told = refused(&mut command, words);
            assert!(!told.contains("--labels"), "{case}: {told}");
            assert!(!told.contains("new: c") || told.contains(other), "{case}: {told}");
        }
        assert_eq!(content(&run), before, "{case}");
    }
}

#[test]
fn new_labels_are_said_to_be_unused() {
    type Change = fn(&Path);
    let cases: [(&str, Change, usize); 3] = [
        ("added", |w| (0..9).for_each(|n| png(&w.join(format!("a/new{n}.png")), 40 + n)), 9),
        ("unlabelled", |w| (0..3).for_each(|n| png(&w.join(format!("unlabeled/{n}.png")), 50 + n)), 0),
        ("renamed", |w| fs::rename(w.join("a/00.png"), w.join("a/zz.png")).expect("a file"), 0),
    ];
    for (case, change, most) in cases {
        let (_outer, data, run) = trained();
        change(&data);
        let (_, told) = done(resume(&run, "4").arg("--accept-changed-data"));
        // Some of the new ones test.
        let unused = told
            .split("a run keeps its labels: ")
            .nth(1)
            .map_or(0, |rest| rest.split(' ').next().expect("a number").parse::<usize>().expect("a number"));
        assert!(unused <= most && (unused > 0) == (most > 0), "{case}: {told}");
        assert_eq!(told.contains("start another run to use their classes"), most > 0, "{case}: {told}");
    }
}

#[test]
fn relabelled_images_train_with_their_new_class() {
    let (_outer, data, run) = trained();
    let image =
        labelled(&data, &run).into_iter().find(|path| path.starts_with(data.join("a"))).expect("an image");
    let content = xxhash_rust::xxh3::xxh3_64(&fs::read(&image).expect("a file"));
    fs::rename(&image, data.join("b").join(image.file_name().expect("a name"))).expect("a file");
    let words = "a labelled image with another class goes on with the class that it has now";
    refused(&mut resume(&run, "4"), &["relabelled 1", words, "(--accept-changed-data)"]);
    let (_, told) = done(resume(&run, "4").arg("--accept-changed-data"));
    assert!(told.contains(words), "{told}");
    let (_, _, recorded) = Checkpoint::read_data(&run.join("model.safetensors")).expect("a checkpoint");
    let recorded = recorded.expect("a fingerprint").images;
    let found = recorded.iter().find(|image| image.id.content == content).expect("the image");
    assert_eq!((found.role, found.class), (Role::Labelled, Some(1)));
}

/// Classes that were renamed, in each kind of source: how to give them their names again.
#[test]
fn renamed_classes_have_advice_for_their_source() {
    let rows = |second: &str| {
        (0..16).map(|n| format!("{n:02}.png,{}\n", ["left", second][n % 2])).collect::<String>()
    };
    let list =
        |second: &str| format!("file,label\n{}", rows(second).replace(second, &format!("\"{second}\"")));
    for (kind, words) in [
        (
            "folders",
            "rename the folder that had another name, and move the images of a new class into a folder 'unlabeled'",
        ),
        (
            "list",
            "put their rows and labels back into the list, and leave the label of the images of a new class empty",
        ),
        (
            "by hand",
            "rename the class that had another name, or label its images again, and rename or remove the classes",
        ),
    ] {
        let outer = tempdir().expect("a temporary folder");
        let (data, run) = (outer.path().join("w"), outer.path().join("r"));
        let name = |second: &str| match kind {
            "folders" => {
                let _ = fs::remove_dir_all(&data);
                (0..16).for_each(|n| png(&data.join(["left", second][n % 2]).join(format!("{n:02}.png")), n));
            }
            _ => {
                (0..16).for_each(|n| png(&data.join(format!("{n:02}.png")), n));
                put(&data.join("labels.csv"), list(second).as_bytes());
                if kind == "by hand" {
                    put(&data.join("classes.txt"), format!("left\n{second}\n").as_bytes());
                }
            }
        };
        name("right");
        let mut command = remixmatch(&["train", "--batch", "4", "--k", "1", "--steps", "1"]);
        // Labels made by hand are all used.
        command.args(["--labels", "8"].iter().filter(|_| kind != "by hand"));
        command.args(["--data", str(&data), "--out", str(&run)]);
        done(&mut command);
        name("Tulpe, rot");
        let told = refused(
            &mut resume(&run, "4"),
            &["it lacks right; new: 'Tulpe, rot'", words, "start another run"],
        );
        assert_eq!(told.contains("'unlabeled'"), kind == "folders", "{kind}: {told}");
        assert!(
            told.contains("2 classes (left, 'Tulpe, rot')")
                || told.contains("2 classes ('Tulpe, rot', left)"),
            "{told}"
        );
        refused(&mut eval(&run), &["new: 'Tulpe, rot'", words]);
    }
}

#[test]
fn summary_counts_the_labels_that_are_left() {
    let (_outer, data, run) = trained();
    let labels = labelled(&data, &run);
    assert_eq!(labels.len(), 8);
    fs::remove_file(&labels[0]).expect("a file");
    let (words, told) = done(resume(&run, "4").arg("--accept-changed-data"));
    assert!(told.contains("7 of 8 labelled images are left"), "{told}");
    assert!(words.contains(" with 7 labels: "), "{words}");
    let summary = fs::read_to_string(run.join("summary.json")).expect("summary.json");
    let summary: Value = serde_json::from_str(&summary).expect("JSON");
    assert_eq!(summary["labels"], 7);
}

#[test]
fn run_without_any_label_left_is_refused() {
    let (_outer, data, run) = trained();
    for (i, path) in labelled(&data, &run).iter().enumerate() {
        fs::remove_file(path).expect("a file");
        png(&data.join(format!("a/other{i}.png")), 70 + i);
    }
    let words = ["none of the 8 labelled images", "put them back, or start another run"];
    let told = refused(resume(&run, "4").arg("--accept-changed-data"), &words);
    assert!(!told.contains("--labels"), "{told}");
}

#[test]
fn accepted_data_are_recorded_at_once() {
    let (_outer, data, run) = trained();
    png(&data.join("a/--.png"), 40);
    refused(&mut eval(&run), &["added 1"]);
    // The run is finished: no step follows.
    let (_, told) = done(resume(&run, "2").arg("--accept-changed-data"));
    assert!(told.contains("all 2 steps of the run are done") && told.contains("--steps"), "{told}");
    done(&mut eval(&run));
    done(&mut resume(&run, "4"));
}

#[test]
fn model_and_folder_of_a_run_are_exchangeable() {
    let (outer, _data, run) = trained();
    let model = run.join("model.safetensors");
    assert_eq!(done(&mut eval(&run)).0, done(&mut eval(&model)).0);
    done(&mut resume(&model, "4"));
    refused(&mut eval(outer.path()), &["has no model.safetensors: give the folder of a run"]);
    refused(&mut resume(outer.path(), "4"), &["no run to resume"]);
}

/// Copies the files of a run.
fn copy(run: &Path, to: &Path) {
    for (path, bytes) in content(run) {
        put(&to.join(Path::new(&path).file_name().expect("a name")), &bytes);
    }
}

#[test]
fn model_of_another_moment_or_run_is_said() {
    let (outer, _data, run) = trained();
    let long = outer.path().join("long");
    copy(&run, &long);
    done(&mut resume(&long, "8"));
    let exchange = |name: &str, model_of: &Path, rest: &Path| {
        let folder = outer.path().join(name);
        copy(rest, &folder);
        fs::copy(model_of.join("model.safetensors"), folder.join("model.safetensors")).expect("a copy");
        folder
    };
    let (_, told) = done(&mut resume(&exchange("older", &run, &long), "10"));
    assert!(told.contains("metrics.csv goes on to step 8, but model.safetensors is of step 2"), "{told}");
    let (_, told) = done(&mut resume(&exchange("newer", &long, &run), "10"));
    assert!(told.contains("metrics.csv ends at step 2, but model.safetensors is of step 8"), "{told}");
    let (_, told) = done(&mut resume(&exchange("same", &long, &long), "10"));
    assert!(!told.contains("metrics.csv"), "{told}");
    // Of a run on other data, with the same settings and shape; other settings are compared with config.toml.
    let (_other, _, other) = trained_on(200);
    let mixed = exchange("mixed", &other, &run);
    refused(&mut resume(&mixed, "10"), &["the data differ", "changed 18"]);
}

#[test]
fn damaged_models_are_refused() {
    let (outer, _data, run) = trained();
    let whole = fs::read(run.join("model.safetensors")).expect("the checkpoint");
    let damaged = outer.path().join("damaged");
    let image = outer.path().join("1.png");
    png(&image, 1);
    let start = 8 + u64::from_le_bytes(whole[..8].try_into().expect("eight bytes")) as usize;
    for at in [start + 3, start + (whole.len() - start) / 2, whole.len() - 1] {
        copy(&run, &damaged);
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        put(&damaged.join("model.safetensors"), &bytes);
        let before = content(&damaged);
        let predict = remixmatch(&["predict", "--model", str(&damaged), str(&image)]);
        for mut command in [resume(&damaged, "4"), eval(&damaged), predict] {
            refused(&mut command, &["model.safetensors is not a remixmatch checkpoint: "]);
        }
        assert_eq!(content(&damaged), before);
    }
}

/// Removes from a model what version 0.1 did not write: the record of its images and the checksum.
fn strip(model: &Path) {
    let bytes = fs::read(model).expect("the checkpoint");
    let (_, metadata) = SafeTensors::read_metadata(&bytes).expect("safetensors");
    let mut entries: HashMap<String, String> = metadata.metadata().clone().expect("metadata");
    entries.remove("checksum").expect("a checksum");
    let mut header: Value = serde_json::from_str(&entries["header"]).expect("JSON");
    header.as_object_mut().expect("an object").remove("data").expect("facts of the data");
    entries.insert("header".to_owned(), header.to_string());
    let file = SafeTensors::deserialize(&bytes).expect("safetensors");
    let tensors: Vec<_> = file.iter().filter(|(name, _)| !name.starts_with("data.")).collect();
    assert!(tensors.len() < file.len());
    put(model, &safetensors::serialize(tensors, Some(entries)).expect("safetensors"));
}

#[test]
fn models_without_a_record_of_images_have_a_notice() {
    let (outer, data, run) = trained();
    strip(&run.join("model.safetensors"));
    let other = outer.path().join("other");
    (0..6).for_each(|n| png(&other.join(["a", "b"][n % 2]).join(format!("{n}.png")), 90 + n));
    let (_, told) = done(&mut eval(&run));
    assert!(told.contains("notice: the checkpoint does not record its images"), "{told}");
    let unknown = "whether the model was trained on these images is unknown";
    for data in [&other, &data.join("a/..").join("b/..")] {
        let (_, told) = done(eval(&run).args(["--data", str(data)]));
        assert!(told.contains("notice: the checkpoint does not record its images"), "{told}");
        assert_eq!(told.contains(unknown), data == &other, "{told}");
    }
    // The data change without being noticed, which is said.
    png(&data.join("a/--.png"), 40);
    let (_, told) = done(&mut resume(&run, "4"));
    assert!(told.contains("notice: the checkpoint does not record its images"), "{told}");
    assert!(told.contains("whether the data have changed is unknown"), "{told}");
    // From now on there is a record.
    assert!(!done(&mut eval(&run)).1.contains("does not record"));
}
