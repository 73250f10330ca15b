//! Runs cannot be mixed up: one process per folder, only runs are replaced, and a run resumes with its own settings.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::common::{
    BINARY, Run, assert_same_run, content, done, misused, put, refused, remixmatch, str, train,
};

/// A process in the background, which is killed when the test ends.
struct Background(Child);

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts the binary and waits until `file` exists.
fn start(arguments: &[&str], file: &Path) -> Background {
    let mut command = Command::new(BINARY);
    command.args(arguments).env_remove("RUST_LOG").stderr(Stdio::null()).stdout(Stdio::null());
    let mut child = command.spawn().expect("the binary starts");
    let began = Instant::now();
    while !file.exists() {
        let ended = child.try_wait().expect("its state");
        assert!(ended.is_none() && began.elapsed() < Duration::from_secs(120), "no {}", file.display());
        std::thread::sleep(Duration::from_millis(5));
    }
    Background(child)
}

#[test]
fn folder_in_use_by_a_process_is_refused() {
    let run = Run::new(2);
    let (data, busy) = (str(run.data.path()).to_owned(), run.beside("busy"));
    let settings = ["--labels", "6", "--batch", "4", "--k", "1", "--report-every", "1", "--data", &data];
    let arguments = [&["train", "--steps", "1000000", "--out", str(&busy)], &settings[..]].concat();
    let process = start(&arguments, &busy.join("model.safetensors"));
    let words = ["busy is in use by process ", &process.0.id().to_string(), "wait until it ends"];
    let [fresh, replaced] = [vec![], vec!["--force"]]
        .map(|more| [&["train", "--steps", "2", "--out", str(&busy)], &settings[..], &more].concat());
    for second in [fresh, replaced, vec!["train", "--resume", str(&busy)]] {
        refused(&mut remixmatch(&second), &words);
    }
    drop(process);
    // The operating system releases the lock of a killed process.
    let saved = remixmatch::train::Checkpoint::read_header(&busy.join("model.safetensors")).expect("saved").1;
    done(&mut remixmatch(&["train", "--resume", str(&busy), "--steps", &(saved.step + 2).to_string()]));
    assert!(!busy.join("run.lock").exists());

    let table = run.beside("table");
    let plan = ["ablate", "--steps", "1000000", "--rows", "full", "--seeds", "1", "--out", str(&table)];
    let ablation = [&plan[..], &settings].concat();
    let process = start(&ablation, &table.join("full-seed0/model.safetensors"));
    refused(&mut remixmatch(&ablation), &["table is in use by process ", &process.0.id().to_string()]);
    let one = table.join("full-seed0");
    refused(&mut remixmatch(&["train", "--resume", str(&one)]), &["full-seed0 is in use by process "]);
    drop(process);
    // An ablation writes nothing into the folder of a run that another process trains.
    remove(&one, "run.lock");
    let process = start(&["train", "--resume", str(&one)], &one.join("run.lock"));
    refused(&mut remixmatch(&ablation), &["full-seed0 is in use by process ", &process.0.id().to_string()]);
    assert!(!one.join("failed.txt").exists());
}

#[test]
fn force_replaces_runs_alone() {
    let run = Run::new(2);
    let model = fs::read(run.model()).expect("the checkpoint");
    type Make = fn(&Path, &[u8]);
    let cases: [(&str, Make, &str); 6] = [
        ("documents", |folder, _| put(&folder.join("thesis.txt"), b"mine"), "holds no run of this program"),
        (
            "project",
            |folder, _| put(&folder.join("config.toml"), b"[build]\n"),
            "holds no run of this program",
        ),
        (
            "weights",
            |folder, _| put(&folder.join("model.safetensors"), b"\x02\0\0\0\0\0\0\0{}"),
            "holds no run",
        ),
        ("table", |folder, _| put(&folder.join("metrics.csv"), b"step,loss\n1,2\n"), "holds no run"),
        ("summary", |folder, _| put(&folder.join("summary.json"), b"{}"), "holds no run"),
        ("nested", |folder, model| put(&folder.join("run/model.safetensors"), model), "holds no run"),
    ];
    for (name, make, reason) in cases {
        let folder = run.beside(name);
        make(&folder, &model);
        let paths: Vec<_> =
            fs::read_dir(&folder).expect("a folder").map(|e| e.expect("an entry").path()).collect();
        let before: Vec<_> = paths.iter().map(|path| fs::read(path).ok()).collect();
        for force in [&[][..], &["--force"]] {
            let message =
                refused(train(run.data.path(), 2, &folder).args(force), &[reason, "choose another folder"]);
            assert!(!message.contains("--resume"), "{message}");
        }
        let after: Vec<_> = paths.iter().map(|path| fs::read(path).ok()).collect();
        assert_eq!(
            (fs::read_dir(&folder).expect("a folder").count(), &after),
            (before.len(), &before),
            "{name}"
        );
    }
    // The data themselves.
    let files = content(run.data.path());
    refused(train(run.data.path(), 2, run.data.path()).arg("--force"), &["holds no run of this program"]);
    assert_eq!(content(run.data.path()), files);
    // A run whose settings are damaged is a run by its checkpoint.
    put(&run.folder().join("config.toml"), b"seed = [");
    done(train(run.data.path(), 4, &run.folder()).arg("--force"));
}

#[cfg(unix)]
#[test]
fn force_does_not_follow_symbolic_links() {
    let run = Run::new(2);
    let before = content(&run.folder());
    let link = run.beside("link");
    std::os::unix::fs::symlink(run.folder(), &link).expect("a link");
    refused(
        train(run.data.path(), 4, &link).arg("--force"),
        &["link is a symbolic link to ", "/run: ", "--out"],
    );
    assert_eq!(content(&run.folder()), before);
    // Files of a run that are links are replaced themselves.
    let kept = run.beside("kept.csv");
    fs::rename(run.folder().join("metrics.csv"), &kept).expect("a file");
    std::os::unix::fs::symlink(&kept, run.folder().join("metrics.csv")).expect("a link");
    let rows = fs::read(&kept).expect("the reports");
    done(train(run.data.path(), 4, &run.folder()).arg("--force"));
    assert_eq!(fs::read(&kept).expect("the reports"), rows);
    // An empty folder behind a link is used.
    let (empty, link) = (run.beside("empty"), run.beside("to-empty"));
    fs::create_dir(&empty).expect("a folder");
    std::os::unix::fs::symlink(&empty, &link).expect("a link");
    done(&mut train(run.data.path(), 2, &link));
    assert!(empty.join("summary.json").exists());
}

/// Replaces text in a run's `config.toml`.
fn edit(folder: &Path, from: &str, to: &str) {
    let file = folder.join("config.toml");
    let text = fs::read_to_string(&file).expect("config.toml");
    assert!(text.contains(from), "'{from}' is missing in: {text}");
    put(&file, text.replace(from, to).as_bytes());
}

fn remove(folder: &Path, name: &str) {
    fs::remove_file(folder.join(name)).expect("the file");
}

#[test]
fn changed_run_is_not_resumed_without_a_word() {
    let run = Run::new(4);
    type Change = fn(&Path);
    let cases: [(&str, Change, &[&str], &[&str]); 9] = [
        ("seed", |f| edit(f, "seed = 0", "seed = 3"), &[], &["seed = 3, not 0", "--config", "config.toml"]),
        ("batch", |f| edit(f, "batch = 4", "batch = 8"), &[], &["batch = 8, not 4", "keeps its settings"]),
        ("method", |f| edit(f, "beta = 0.75", "beta = 0.5"), &[], &["method.beta = 0.5, not 0.75"]),
        (
            "many",
            |f| {
                edit(f, "labels = 6", "labels = 9");
                edit(f, "seed = 0", "seed = 3");
                edit(f, "batch = 4", "batch = 8");
                edit(f, "beta = 0.75", "beta = 0.5");
            },
            &[],
            &["labels = 9, not 6", "1 more"],
        ),
        (
            "broken",
            |f| put(&f.join("config.toml"), b"seed = ["),
            &[],
            &["not a valid config.toml", "remove the file"],
        ),
        (
            "other",
            |f| put(&f.join("config.toml"), b"[build]\n"),
            &[],
            &["not a valid config.toml", "remove the file"],
        ),
        (
            "no-model",
            |f| remove(f, "model.safetensors"),
            &[],
            &["model.safetensors is missing", "step 4 in metrics.csv"],
        ),
        (
            "no-model-nor-reports",
            |f| {
                remove(f, "model.safetensors");
                remove(f, "metrics.csv");
            },
            &[],
            &["model.safetensors is missing", "summary.json", "--config"],
        ),
        ("fewer", |_| {}, &["--steps", "2"], &["steps is 2, but 4 steps are done", "--steps 4"]),
    ];
    for (name, change, options, words) in cases {
        let folder = run.beside(name);
        fs::create_dir(&folder).expect("a folder");
        content(&run.folder()).iter().for_each(|(path, bytes)| {
            put(&folder.join(Path::new(path).file_name().expect("a name")), bytes);
        });
        change(&folder);
        let before = content(&folder);
        refused(remixmatch(&["train", "--resume", str(&folder)]).args(options), words);
        assert_eq!(content(&folder), before, "{name}");
    }
}

#[test]
fn missing_settings_and_edited_steps_resume() {
    let (run, whole) = (Run::new(4), Run::new(8));
    remove(&run.folder(), "config.toml");
    let (_, told) = done(&mut remixmatch(&["train", "--resume", str(&run.folder())]));
    assert!(told.contains("notice: config.toml is missing; it is written again"), "{told}");
    edit(&run.folder(), "steps = 4", "steps = 8");
    done(&mut remixmatch(&["train", "--resume", str(&run.folder())]));
    assert_same_run(&run.folder(), &whole.folder());
    // Reports that are missing are said to be.
    let copy = run.beside("copy");
    for name in ["config.toml", "model.safetensors"] {
        put(&copy.join(name), &fs::read(run.folder().join(name)).expect("the file"));
    }
    let (_, told) = done(&mut remixmatch(&["train", "--resume", str(&copy), "--steps", "10"]));
    assert!(told.contains("notice: metrics.csv is missing: the reports up to step 8 are lost"), "{told}");
    let reports = fs::read(run.folder().join("metrics.csv")).expect("the reports");
    put(&copy.join("model.safetensors"), &fs::read(run.folder().join("model.safetensors")).expect("a model"));
    put(&copy.join("metrics.csv"), &reports[..20]);
    let (_, told) = done(&mut remixmatch(&["train", "--resume", str(&copy), "--steps", "10"]));
    assert!(
        told.contains("metrics.csv is cut short in its first lines: the reports up to step 8 are lost"),
        "{told}"
    );
    put(&copy.join("model.safetensors"), &fs::read(run.folder().join("model.safetensors")).expect("a model"));
    put(&copy.join("metrics.csv"), &[&reports[..], b"hello\n"].concat());
    let output = remixmatch(&["train", "--resume", str(&copy), "--steps", "12"]).output().expect("it runs");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success() && told.contains("remove the line, or put the file of the run back"),
        "{told}"
    );
    // A finished run stays as it is.
    let before = content(&run.folder());
    done(&mut remixmatch(&["train", "--resume", str(&run.folder()), "--steps", "8"]));
    for (before, after) in before.iter().zip(&content(&run.folder())) {
        assert!(before.0.ends_with("summary.json") || before == after, "{} differs", before.0);
    }
}

#[test]
fn settings_at_resume_are_refused_in_one_line() {
    for (options, named) in [
        (&["--seed", "3"][..], "--seed:"),
        (&["--seed=3"], "--seed:"),
        (&["--lr", "0.1", "--k", "2"], "--k, --lr:"),
        (&["--weight-u", "1"], "--weight-u:"),
        (&["--out", "b"], "--out:"),
    ] {
        let mut command = remixmatch(&["train", "--resume", "a"]);
        let output = command.args(options).output().expect("the binary starts");
        let message = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!((output.status.code(), message.lines().count()), (Some(2), 1), "{message}");
        let start = format!("error: --resume cannot be used with {named} a resumed run keeps its settings");
        assert!(message.starts_with(&start), "{message}");
    }
    misused(&mut remixmatch(&["train", "--config", "a", "--preset", "digits"]), &["--config", "--preset"]);
}

#[cfg(unix)]
#[test]
fn folder_replaced_during_a_run_is_not_written() {
    let outer = tempfile::tempdir().expect("a folder");
    let (data, run) = (outer.path().join("p"), outer.path().join("r"));
    (0..18).for_each(|n| super::common::png(&data.join(["a", "b"][n % 2]).join(format!("{n:02}.png")), n));
    let arguments = |steps: &'static str| {
        let words =
            ["train", "--labels", "8", "--batch", "4", "--k", "1", "--report-every", "1", "--steps", steps];
        let words = words.into_iter().chain(["--data", str(&data), "--out", str(&run)]);
        words.map(str::to_owned).collect::<Vec<_>>()
    };
    let first = arguments("100000");
    let child = Command::new(BINARY)
        .args(&first)
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("the binary starts");
    let began = Instant::now();
    while !run.join("model.safetensors").exists() && began.elapsed() < Duration::from_secs(120) {
        std::thread::sleep(Duration::from_millis(5));
    }
    fs::rename(&run, outer.path().join("moved")).expect("another name");
    done(&mut remixmatch(&arguments("1").iter().map(|word| word.as_str()).collect::<Vec<_>>()));
    let before = content(&run);
    let ended = child.wait_with_output().expect("its output");
    let told = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(!ended.status.success() && told.contains("was moved, removed or replaced"), "{told}");
    assert!(!told.contains("resume with"), "{told}");
    assert_eq!(content(&run), before);
}

#[test]
fn models_of_other_runs_are_noticed() {
    let outer = tempfile::tempdir().expect("a folder");
    let data = outer.path().join("p");
    (0..18).for_each(|n| super::common::png(&data.join(["a", "b"][n % 2]).join(format!("{n:02}.png")), n));
    let run = |name: &str, steps: &str, more: &[&str]| {
        let folder = outer.path().join(name);
        let mut command =
            remixmatch(&["train", "--labels", "8", "--batch", "4", "--k", "1", "--steps", steps]);
        done(command.args(["--report-every", "1", "--data", str(&data), "--out", str(&folder)]).args(more));
        folder
    };
    let own = run("own", "1", &[]);
    let image = data.join("a/00.png");
    let model = own.join("model.safetensors");
    let kept = fs::read(&model).expect("a model");
    let cases = [
        ("its own", own.clone(), None),
        ("another seed", run("seed", "1", &["--seed", "5"]), Some("seed = ")),
        ("more steps", run("steps", "4", &[]), Some("metrics.csv ends at step 1")),
    ];
    for (name, from, words) in cases {
        put(&model, &fs::read(from.join("model.safetensors")).expect("a model"));
        for arguments in
            [vec!["eval", "--model", str(&own)], vec!["predict", "--model", str(&model), str(&image)]]
        {
            let (_, told) = done(&mut remixmatch(&arguments));
            match words {
                Some(words) => {
                    assert!(told.contains(words) && told.contains("another run"), "{name}: {told}")
                }
                None => assert!(!told.contains("another run"), "{name}: {told}"),
            }
        }
        put(&model, &kept);
    }
}
