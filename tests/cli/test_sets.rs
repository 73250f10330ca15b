//! Sets that test alone, runs whose test images change, and files of runs that do not belong together.

use std::fs;
use std::path::Path;

use tempfile::tempdir;

use super::common::{done, metrics, pictures, png, refused, remixmatch, str, train};

/// Class folders with images numbered from `first` below `folder`.
fn classes(folder: &Path, classes: &[&str], first: usize) {
    for (at, class) in classes.iter().enumerate() {
        (0..4).for_each(|i| png(&folder.join(class).join(format!("{i}.png")), first + 10 * at + i));
    }
}

#[test]
fn sets_of_test_images_are_described() {
    let outer = tempdir().expect("a temporary folder");
    let cases: [(&str, &[&str], &str); 3] = [
        ("split", &["test/a", "test/b"], "0 images to train, 8 to test"),
        ("both", &["test/a", "test/b", "val/a"], "0 images to train, 8 to test"),
        ("one", &["a"], "0 images to train, 4 to test"),
    ];
    for (name, folders, told) in cases {
        let set = outer.path().join(name);
        classes(&set, folders, 100);
        let (out, _) = done(&mut remixmatch(&["data", str(&set)]));
        assert!(
            out.contains(told) && out.contains("this set can test a model (eval, predict)"),
            "{name}: {out}"
        );
        let (out, _) = done(&mut remixmatch(&["data", str(&set), "--layout"]));
        // A layout says nothing of how many classes there are.
        assert_eq!(out.contains("can test a model"), folders[0].starts_with("test"), "{name}: {out}");
        refused(&mut remixmatch(&["train", "--data", str(&set), "--out", str(&outer.path().join("r"))]), &[]);
    }
    let flat = outer.path().join("flat");
    classes(&flat, &["test"], 200);
    refused(&mut remixmatch(&["data", str(&flat)]), &["found test", "predict classifies"]);
}

#[test]
fn changed_test_images_are_marked_in_metrics() {
    let outer = tempdir().expect("a temporary folder");
    let (data, run) = (outer.path().join("w"), outer.path().join("r"));
    classes(&data.join("train"), &["a", "b"], 0);
    classes(&data.join("test"), &["a", "b"], 100);
    let mut command = remixmatch(&["train", "--labels", "8", "--batch", "4", "--k", "1"]);
    command.args(["--report-every", "1", "--steps", "2", "--data", str(&data), "--out", str(&run)]);
    done(&mut command);
    let column = || metrics(&run)[0].iter().position(|name| name == "test_set");
    assert_eq!(column(), None);
    let resume = |steps: &str| {
        let accept = ["train", "--resume", str(&run), "--accept-changed-data", "--steps", steps];
        done(&mut remixmatch(&accept)).1
    };
    // Images to train on do not change what is measured.
    png(&data.join("unlabeled/1.png"), 300);
    let told = resume("3");
    assert!(told.contains("the data have changed") && !told.contains("not comparable"), "{told}");
    assert_eq!(column(), None);
    png(&data.join("test/a/new.png"), 301);
    let told = resume("4");
    assert!(told.contains("later accuracies are not comparable with earlier ones"), "{told}");
    resume("5");
    let at = column().expect("a column");
    let sets: Vec<String> = metrics(&run)[1..].iter().map(|row| row[at].clone()).collect();
    assert_eq!(sets, ["0", "0", "0", "1", "1"]);
    let curves = outer.path().join("curves.svg");
    let (_, told) = done(&mut remixmatch(&["curves", str(&run), "--out", str(&curves)]));
    assert!(told.contains("changed between step 3 and step 4"), "{told}");
}

#[test]
fn models_of_equal_runs_are_told_apart() {
    let data = pictures();
    let outer = tempdir().expect("a temporary folder");
    let [one, other] = ["one", "other"].map(|name| outer.path().join(name));
    for run in [&one, &other] {
        done(&mut train(data.path(), 2, run));
    }
    let told = |run: &Path| {
        let model = run.join("model.safetensors");
        let eval = done(&mut remixmatch(&["eval", "--model", str(&model)])).1;
        let resumed = done(&mut remixmatch(&["train", "--resume", str(run), "--steps", "3"])).1;
        [eval, resumed]
    };
    fs::copy(other.join("model.safetensors"), one.join("model.safetensors")).expect("a copy");
    for told in told(&one) {
        assert!(told.contains("one of them is of another run with the same settings"), "{told}");
    }
    for told in told(&other) {
        assert!(!told.contains("another run"), "{told}");
    }
}

#[test]
fn eval_does_not_speak_of_training() {
    let data = pictures();
    let outer = tempdir().expect("a temporary folder");
    let run = outer.path().join("run");
    done(&mut train(data.path(), 2, &run));
    let other = outer.path().join("other");
    let names = fs::read_dir(data.path()).expect("a folder").map(|entry| entry.expect("a class").file_name());
    for (at, class) in names.enumerate() {
        png(&other.join(class).join("1.png"), 400 + at);
    }
    png(&other.join("loose.png"), 500);
    png(&data.path().join("loose.png"), 501);
    let model = run.join("model.safetensors");
    for arguments in [&["--data", str(&other)][..], &[]] {
        let mut command = remixmatch(&["eval", "--model", str(&model)]);
        let told = done(command.args(arguments)).1;
        assert!(told.contains("1 file is left out (beside the class folders)"), "{told}");
        assert!(!told.contains("to train on") && told.contains("to test on them"), "{told}");
    }
}
