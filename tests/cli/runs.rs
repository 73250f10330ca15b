//! Successful runs: their files, repeatability and settings.

use std::fs;

use remixmatch::train::Config;
use safetensors::SafeTensors;
use serde_json::Value;
use tempfile::tempdir;

use super::common::{
    Run, assert_same_run, done, metrics, pictures, png, put, refused, remixmatch, str, text, tiny, train,
};

const HEADER: &str = "step,images,seconds,loss_x,loss_u,loss_u1,loss_r,train_acc,guess_acc,confidence,mask,test_acc,test_acc_ema";

#[test]
fn train_writes_four_files_and_prints_the_summary() {
    let outer = tempdir().expect("a temporary folder");
    let folder = outer.path().join("deep/run");
    let mut command = remixmatch(&["train", "--data", "builtin:digits", "--steps", "4", "--batch", "4"]);
    command.args(["--k", "1", "--report-every", "2", "--seed", "5", "--json", "--out", str(&folder)]);
    let (json, told) = done(&mut command);
    assert!(told.contains("preset fashion") && told.contains("step      4/4"), "{told}");

    let mut names: Vec<_> = fs::read_dir(&folder)
        .expect("the folder")
        .map(|entry| text(entry.expect("an entry").file_name().as_encoded_bytes()))
        .collect();
    names.sort();
    assert_eq!(names, ["config.toml", "metrics.csv", "model.safetensors", "summary.json"]);

    let table = fs::read_to_string(folder.join("metrics.csv")).expect("metrics.csv");
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!((lines.len(), lines[0]), (3, HEADER));
    assert!(lines[1].starts_with("2,8,") && lines[2].starts_with("4,16,"), "{table}");
    let cells: Vec<f64> = lines[2].split(',').map(|cell| cell.parse().expect("a number")).collect();
    assert!(cells.iter().all(|value| value.is_finite()) && cells[3] > 0.0, "{table}");

    let summary: Value = serde_json::from_str(&json).expect("JSON alone");
    let written = fs::read_to_string(folder.join("summary.json")).expect("summary.json");
    assert_eq!(summary, serde_json::from_str::<Value>(&written).expect("JSON"));
    assert_eq!((&summary["steps"], &summary["images"], &summary["seed"]), (&4.into(), &16.into(), &5.into()));
    assert_eq!(summary["test_acc_ema"], cells[12]);

    let config: Config =
        toml::from_str(&fs::read_to_string(folder.join("config.toml")).expect("config.toml"))
            .expect("settings");
    assert_eq!((config.data.as_str(), config.batch, config.steps), ("builtin:digits", 4, 4));
    assert_eq!((config.method.strong_views, config.report_every, config.labels), (1, 2, 40));
}

#[test]
fn seed_and_config_reproduce_a_run() {
    let (data, outer) = (tiny(), tempdir().expect("a temporary folder"));
    let folder = |name: &str| outer.path().join(name);
    for name in ["first", "again"] {
        done(train(data.path(), 6, &folder(name)).args([
            "--seed",
            "7",
            "--policy",
            "randaugment",
            "--lr",
            "0.01",
        ]));
    }
    assert_same_run(&folder("first"), &folder("again"));
    let config = folder("first").join("config.toml");
    done(&mut remixmatch(&["train", "--config", str(&config), "--out", str(&folder("third"))]));
    assert_same_run(&folder("first"), &folder("third"));
    done(&mut remixmatch(&[
        "train",
        "--config",
        str(&config),
        "--seed",
        "8",
        "--out",
        str(&folder("other")),
    ]));
    assert_ne!(metrics(&folder("first")), metrics(&folder("other")));
}

#[test]
fn default_output_folder_is_named_after_the_run() {
    let (data, here) = (tiny(), tempdir().expect("a temporary folder"));
    let mut command = remixmatch(&["train", "--labels", "6", "--batch", "4", "--method", "supervised"]);
    command.args(["--steps", "1", "--seed", "3", "--data", str(data.path())]).current_dir(here.path());
    let (words, _) = done(&mut command);
    let folder = here.path().join("runs/fashion-supervised-6-seed3");
    assert!(folder.join("summary.json").is_file(), "{words}");
    assert!(words.contains("runs/fashion-supervised-6-seed3"), "{words}");
    // Loss terms that the method does not have are empty cells.
    let row = metrics(&folder).pop().expect("a row");
    assert_eq!(row[..2], ["1", "4"]);
    assert!(row[3..6].iter().all(String::is_empty) && !row[2].is_empty(), "{row:?}");
}

#[test]
fn trace_writes_the_tensors_of_the_last_step() {
    let (data, outer) = (tiny(), tempdir().expect("a temporary folder"));
    let file = outer.path().join("step.safetensors");
    let mut command = remixmatch(&["trace", "--labels", "6", "--batch", "4", "--k", "2", "--steps", "3"]);
    let (_, told) = done(command.args(["--data", str(data.path()), "--out", str(&file)]));
    assert!(told.contains("step 3"), "{told}");
    let bytes = fs::read(&file).expect("the file");
    let trace = SafeTensors::deserialize(&bytes).expect("safetensors");
    assert_eq!(trace.tensor("input.u_strong").expect("strong views").shape(), [2, 4, 8, 8, 1]);
    assert_eq!(trace.tensor("mixup.lambda").expect("draws").shape(), [16]);
    assert!(trace.names().iter().any(|name| name.starts_with("grad.")));
}

#[test]
fn curves_plots_runs_with_reports() {
    let run = Run::new(4);
    let picture = run.beside("curves.svg");
    let mut command =
        remixmatch(&["curves", str(&run.folder()), "--name", "tiny run", "--out", str(&picture)]);
    done(&mut command);
    let svg = fs::read_to_string(&picture).expect("a picture");
    assert!(svg.starts_with("<svg") && svg.contains("tiny run"), "{svg}");
    let none = run.beside("none");
    refused(
        &mut remixmatch(&["curves", str(&none), "--out", str(&picture)]),
        &["none/metrics.csv: reading it failed"],
    );
    // A spreadsheet saves other separators.
    let reports = run.folder().join("metrics.csv");
    let text = fs::read_to_string(&reports).expect("reports");
    for (mark, name) in [(";", "semicolons"), ("\t", "tabs")] {
        fs::write(&reports, text.replace(',', mark)).expect("a file");
        refused(&mut command, &["metrics.csv", "separated by", name]);
    }
    assert_eq!(fs::read_to_string(&picture).expect("a picture"), svg);
}

#[test]
fn long_tail_is_printed_and_stored() {
    let (data, outer) = (tiny(), tempdir().expect("a temporary folder"));
    let folder = outer.path().join("run");
    let (_, told) = done(train(data.path(), 2, &folder).args(["--imbalance", "4"]));
    assert!(told.contains("a long tail of 4: images per class 10 5 3, labels per class 3 2 1"), "{told}");
    let config = fs::read_to_string(folder.join("config.toml")).expect("config.toml");
    assert!(config.contains("imbalance = 4.0"), "{config}");
    done(&mut remixmatch(&["train", "--resume", str(&folder), "--steps", "4"]));
    let apart = outer.path().join("apart");
    let (_, told) = done(train(data.path(), 2, &apart).args(["--imbalance", "4", "--tail", "unlabelled"]));
    assert!(told.contains("images per class 10 5 3, labels per class 2 2 2"), "{told}");
    let config = fs::read_to_string(apart.join("config.toml")).expect("config.toml");
    assert!(config.contains("tail = \"unlabelled\""), "{config}");
    let even = outer.path().join("even");
    done(&mut train(data.path(), 2, &even));
    assert!(!fs::read_to_string(even.join("config.toml")).expect("config.toml").contains("imbalance"));
}

#[test]
fn labelled_folder_reports_accuracy_on_its_labelled_images() {
    let (folder, out) = (tempdir().expect("a temporary folder"), tempdir().expect("a temporary folder"));
    (0..12).for_each(|n| png(&folder.path().join(format!("{n:02}.png")), n));
    let save = |rows: usize| {
        let row = |n: usize| format!("{n:02}.png,{}\n", ["left", "top"][n % 3]);
        let rows: String = (0..12).filter(|n| n % 3 < 2).take(rows).map(row).collect();
        put(&folder.path().join("labels.csv"), format!("file,label\n{rows}").as_bytes());
        put(&folder.path().join("classes.txt"), b"left\ntop\n");
    };
    save(6);
    let run = out.path().join("run");
    let (told, _) = done(&mut train(folder.path(), 2, &run));
    assert!(told.contains("6 labels: accuracy on the labelled images themselves "), "{told}");
    let model = run.join("model.safetensors");
    let (told, _) = done(&mut remixmatch(&["eval", "--model", str(&model)]));
    assert!(told.contains(" % of 6 labelled images, all of which were trained on\n"), "{told}");
    // Without a number of labels, all are used.
    let all = out.path().join("all");
    let mut command =
        remixmatch(&["train", "--data", str(folder.path()), "--steps", "1", "--batch", "4", "--k", "1"]);
    let (told, _) = done(command.args(["--report-every", "1", "--out", str(&all)]));
    assert!(told.contains("with 6 labels"), "{told}");
    // A label less is a change of the data; the run goes on without it if told so.
    save(5);
    let resume = || remixmatch(&["train", "--resume", str(&run), "--steps", "4"]);
    refused(&mut resume(), &["relabelled 1", "(--accept-changed-data)"]);
    let (_, told) = done(resume().arg("--accept-changed-data"));
    assert!(told.contains("5 of 6 labelled images are left"), "{told}");
    // A new run needs as many labels as it asks for.
    let another = out.path().join("another");
    refused(&mut train(folder.path(), 4, &another), &["set labels to at most 5", "(--labels)"]);
}

/// Labels that are trained on say nothing about guesses.
#[test]
fn guesses_of_labelled_images_do_not_count() {
    let data = pictures();
    (0..6).for_each(|n| png(&data.path().join(format!("unlabeled/{n}.png")), 100 + n));
    let outer = tempdir().expect("a folder");
    let guesses = |name: &str, labels: &str| -> Vec<bool> {
        let out = outer.path().join(name);
        let mut command =
            remixmatch(&["train", "--labels", labels, "--label-balance", "train", "--batch", "4"]);
        command.args(["--k", "1", "--report-every", "2", "--steps", "4"]);
        done(command.arg("--data").arg(data.path()).arg("--out").arg(&out));
        let reports = remixmatch::train::read_reports(&out.join("metrics.csv")).expect("reports");
        reports.iter().map(|report| report.guess_acc.is_some()).collect()
    };
    let set = remixmatch::data::open(str(data.path()), &Default::default()).expect("a set");
    let known = set.train_labels.iter().flatten().count();
    assert_eq!(guesses("all", &known.to_string()), [false, false]);
    assert!(guesses("some", "3").contains(&true));
}
