//! Commands that print a result: `data`, `info`, `eval`, `predict` and help; and output that cannot be written.

use pollster::block_on;
use std::process::{Command, Stdio};

use remixmatch::gpu::Gpu;
use remixmatch::train::{Model, most_likely};
use serde_json::Value;
use tempfile::tempdir;

use super::common::{BINARY, Run, done, metrics, png, refused, remixmatch, str, text};

#[test]
fn every_command_has_help() {
    let (help, _) = done(&mut remixmatch(&["--help"]));
    for command in ["app", "train", "eval", "predict", "ablate", "trace", "curves", "data", "bench", "info"] {
        assert!(help.contains(&format!("\n  {command} ")), "{help}");
        let (help, _) = done(&mut remixmatch(&[command, "--help"]));
        assert!(help.contains("Usage: remixmatch"), "{help}");
    }
}

#[test]
fn data_describes_every_built_in_set() {
    let folder = tempdir().expect("a temporary folder");
    for (name, side, train) in [("fashion", 28, 6_000), ("digits", 28, 4_000), ("shapes", 32, 5_000)] {
        let source = format!("builtin:{name}");
        let sheet = folder.path().join(format!("{name}.png"));
        let (json, _) = done(&mut remixmatch(&["data", &source, "--json", "--sheet", str(&sheet)]));
        let told: Value = serde_json::from_str(&json).expect("JSON alone");
        assert_eq!(
            (&told["name"], &told["train"], &told["test"]),
            (&source.into(), &train.into(), &1_000.into())
        );
        assert_eq!(told["classes"].as_array().map(Vec::len), Some(10));
        // Zoom 2, room for 14 letters of six pixels, gaps of four; twelve images per row, below a heading and above names.
        let band = 10 + 4 + (2 * side + 2 + 10 + 4) + 4;
        let drawn = image::open(&sheet).expect("a PNG");
        assert_eq!((drawn.width(), drawn.height()), (4 + 12 * (14 * 6 + 4), 4 + 10 * band));
    }
    let (words, _) = done(&mut remixmatch(&["data", "builtin:digits"]));
    assert!(words.contains("28x28 grey") && words.contains("4000 images to train"), "{words}");
}

#[test]
fn info_names_adapter_and_limits() {
    let (json, _) = done(&mut remixmatch(&["info", "--json"]));
    let told: Value = serde_json::from_str(&json).expect("JSON alone");
    let name = told["adapter"].as_str().expect("a name");
    assert_eq!(told["limits"]["max_storage_buffer_binding_size"], 128 << 20);
    let offered = told["adapter_limits"]["max_buffer_size"].as_u64();
    assert!(offered >= told["limits"]["max_buffer_size"].as_u64() && told["features"].is_array());
    let (words, _) = done(&mut remixmatch(&["info"]));
    assert!(words.contains(name) && words.contains("128.00 MiB"), "{words}");
}

#[test]
fn eval_and_predict_agree_with_the_library() {
    let run = Run::new(6);
    let model = run.model();
    let (json, _) = done(&mut remixmatch(&["eval", "--model", str(&model), "--json"]));
    let told: Value = serde_json::from_str(&json).expect("JSON alone");
    let last = metrics(&run.folder()).pop().expect("a row");
    assert_eq!(told["accuracy"].to_string(), *last.last().expect("test_acc_ema"));
    assert_eq!((&told["images"], &told["steps"]), (&12.into(), &6.into()));
    assert_eq!(told["classes"]["2"]["images"], 4);
    let (words, _) = done(&mut remixmatch(&["eval", "--model", str(&model)]));
    let percent = 100.0 * told["accuracy"].as_f64().expect("a number");
    assert!(words.contains(&format!("{percent:.2} % of 12 test images")), "{words}");

    let paths: Vec<_> = (0..6).map(|n| run.beside(&format!("{n}.png"))).collect();
    paths.iter().enumerate().for_each(|(n, path)| png(path, n));
    let mut predict = remixmatch(&["predict", "--model", str(&model), "--json"]);
    let (json, _) = done(predict.args(&paths));
    let told: Value = serde_json::from_str(&json).expect("JSON alone");
    assert_eq!(told.as_array().map(Vec::len), Some(paths.len()));
    let gpu = Gpu::new_blocking().expect("tests need a WebGPU adapter").into();
    let mut library = Model::load(gpu, &model).expect("a model");
    for (path, answer) in paths.iter().zip(told.as_array().expect("a list")) {
        let image = remixmatch::data::read_image(path, 8, 1).expect("an image");
        let expected = block_on(library.probabilities(&image)).expect("probabilities");
        assert_eq!(answer["image"], str(path));
        assert_eq!(answer["class"], most_likely(&expected).to_string());
        for (class, probability) in expected.iter().enumerate() {
            let found = answer["probabilities"][class.to_string()].as_f64().expect("a number");
            assert_eq!(found as f32, *probability, "class {class} of {answer}");
        }
    }
    let (words, _) = done(remixmatch(&["predict", "--model", str(&model)]).args(&paths));
    assert_eq!(words.lines().count(), 6);
    for (line, answer) in words.lines().zip(told.as_array().expect("a list")) {
        let class = answer["class"].as_str().expect("a name");
        assert!(line.contains(&format!(".png: {class} ")), "{line}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn full_output_fails_and_closed_pipe_succeeds() {
    let start = |stdout: Stdio| {
        let mut command = Command::new(BINARY);
        command.args(["data", "builtin:digits"]).stdout(stdout).stderr(Stdio::piped());
        command.spawn().expect("the binary starts")
    };
    let full = std::fs::File::options().write(true).open("/dev/full").expect("/dev/full");
    let output = start(full.into()).wait_with_output().expect("an end");
    assert_eq!(output.status.code(), Some(1));
    let message = text(&output.stderr);
    assert!(message.starts_with("error: writing the result") && message.lines().count() == 1, "{message}");

    let mut child = start(Stdio::piped());
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("an end");
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
}

#[cfg(target_os = "linux")]
#[test]
fn missing_adapter_message_says_what_to_install() {
    let nowhere = "/nonexistent/driver.json";
    let folder = tempdir().expect("a temporary folder");
    let out = folder.path().join("run");
    for arguments in [&["train", "--out", str(&out)][..], &["info"]] {
        let mut command = remixmatch(arguments);
        command
            .env("VK_DRIVER_FILES", nowhere)
            .env("VK_ICD_FILENAMES", nowhere)
            .env("WGPU_BACKEND", "vulkan");
        refused(&mut command, &["no WebGPU adapter was found", "apt-get install mesa-vulkan-drivers"]);
    }
    assert!(!out.exists());
    let mut named = remixmatch(&["info"]);
    refused(named.env("WGPU_ADAPTER_NAME", "no such"), &["'no such'", "there is"]);
}

/// Names of files and classes come from anywhere.
#[cfg(target_os = "linux")]
#[test]
fn control_characters_in_names_never_reach_the_terminal() {
    let outer = tempdir().expect("a temporary folder");
    let data = outer.path().join("pets\u{1b}[31m");
    let classes = ["cat\u{1b}]0;title\u{7}", "dog\u{9b}2J", "gnu\u{202e}"];
    for n in 0..15 {
        png(&data.join(classes[n % 3]).join(format!("{n}\u{1b}[8m.png")), n);
    }
    std::fs::write(data.join(classes[0]).join("bad\u{1b}[2J.png"), b"text").expect("a file");
    std::fs::write(data.join("notes\u{1b}[2J.txt"), b"text").expect("a file");
    let run = outer.path().join("run\u{1b}[7m");
    let model = run.join("model.safetensors");
    let image = data.join(classes[1]).join("1\u{1b}[8m.png");
    let train = ["train", "--labels", "6", "--batch", "4", "--k", "1", "--steps", "2", "--out", str(&run)];
    let commands: [&[&str]; 9] = [
        &["data", str(&data)],
        &["data", str(&data), "--skip-bad"],
        &["data", str(&data), "--skip-bad", "--json"],
        &[&train[..], &["--data", str(&data)]].concat(),
        &[&train[..], &["--data", str(&data), "--skip-bad"]].concat(),
        &["eval", "--model", str(&model), "--skip-bad"],
        &["eval", "--model", str(&model), "--data", str(&data)],
        &["predict", "--model", str(&model), str(&image)],
        &["predict", "--model", str(&model), str(&data), "--json"],
    ];
    for arguments in commands {
        let output = remixmatch(arguments).output().expect("the binary starts");
        for shown in [text(&output.stdout), text(&output.stderr)] {
            let unsafe_one = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
            assert!(!shown.contains(unsafe_one), "{arguments:?}: {shown:?}");
        }
        assert!(!output.stdout.is_empty() || !output.stderr.is_empty());
    }
    let (json, _) = done(&mut remixmatch(&["data", str(&data), "--skip-bad", "--json"]));
    let told: Value = serde_json::from_str(&json).expect("JSON");
    let named: Vec<_> =
        told["classes"].as_array().expect("classes").iter().map(|c| c["name"].clone()).collect();
    assert_eq!(named, classes, "JSON keeps the names");
}

/// A display is not needed to fail before a window opens; with one, the run fails in the window.
#[test]
fn pictures_that_cannot_be_taken_end_with_an_error() {
    let folder = tempdir().expect("a temporary folder");
    let out = folder.path().join("pictures");
    let mut command = remixmatch(&["app", "--pictures", str(&out), "--data", "no such folder"]);
    let output = command.timeout(std::time::Duration::from_secs(120)).output().expect("the binary starts");
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.lines().last().is_some_and(|line| line.starts_with("error: ")), "{message}");
    assert!(!out.exists());
}
