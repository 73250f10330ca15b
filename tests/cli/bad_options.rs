//! Options out of range, unknown names, invalid settings files, and runs too large for the adapter.

use std::fs;

use tempfile::tempdir;

use super::common::{done, misused, put, refused, remixmatch, str, tiny, train};

#[test]
fn settings_out_of_range_name_their_range() {
    let (data, outer) = (tiny(), tempdir().expect("a temporary folder"));
    let out = outer.path().join("run");
    for (options, words) in [
        (&["--k", "17"][..], &["strong_views is 17", "0 to 16"][..]),
        (&["--k", "0"], &["needs a strong view", "strong_views to at least 1"]),
        (&["--temperature", "0"], &["temperature is 0", "above 0"]),
        (&["--temperature", "-1"], &["temperature is -1", "above 0"]),
        (&["--temperature", "nan"], &["temperature is NaN"]),
        (&["--beta", "0"], &["beta is 0", "above 0"]),
        (&["--threshold", "1.5"], &["threshold is 1.5", "0 to 1"]),
        (&["--batch", "0"], &["batch is 0", "1 to 1024"]),
        (&["--batch", "2000"], &["batch is 2000", "1 to 1024"]),
        (&["--batch", "6"], &["batch of 6", "4 or 8", "rotation off"]),
        (&["--steps", "0"], &["steps is 0", "at least 1"]),
        (&["--report-every", "0"], &["report_every is 0", "at least 1"]),
        (&["--lr", "-1"], &["learning rate is -1", "above 0"]),
        (&["--lr", "inf"], &["learning rate is inf", "at most 10"]),
        (&["--weight-decay", "-0.1"], &["weight decay is -0.1"]),
        (&["--ema", "1"], &["ema is 1", "below 1"]),
        (&["--relative-threshold"], &["a relative threshold is a share", "as the threshold"]),
        (&["--imbalance", "0.5"], &["imbalance is 0.5", "1 (none) to 1000000"]),
        (&["--imbalance", "nan"], &["imbalance is NaN"]),
        (&["--imbalance", "1e9"], &["imbalance is 1000000000"]),
        // The tail leaves 10, 1 and 1 of 30 images.
        (&["--imbalance", "100", "--labels", "13"], &["13 labels", "at most 12"]),
        (&["--network", "wrn-9-9"], &["'wrn-9-9'", "wrn-28-2"]),
        (&["--image-size", "225"], &["225", "8 to 224"]),
    ] {
        let mut command = remixmatch(&["train", "--labels", "6", "--batch", "4", "--k", "1", "--steps", "1"]);
        // An option cannot be repeated: leave out the one under test.
        let given = ["--batch", "--k", "--steps"].contains(&options[0]);
        if given {
            command = remixmatch(&["train", "--labels", "6"]);
        } else if options.contains(&"--labels") {
            command = remixmatch(&["train", "--batch", "4", "--k", "1"]);
        }
        command.args(options).arg("--data").arg(data.path()).arg("--out").arg(&out);
        refused(&mut command, words);
        assert!(!out.exists(), "{options:?} left a folder");
    }
}

#[test]
fn unknown_names_and_options_are_usage_errors() {
    misused(&mut remixmatch(&["train", "--preset", "paper"]), &["'paper'", "paper-cifar10"]);
    misused(&mut remixmatch(&["train", "--method", "mixmach"]), &["'mixmach'", "mixmatch"]);
    misused(&mut remixmatch(&["train", "--policy", "auto"]), &["'auto'", "ctaugment"]);
    misused(&mut remixmatch(&["train", "--k", "two"]), &["'two'", "--k"]);
    misused(&mut remixmatch(&["train", "--config", "a", "--preset", "digits"]), &["cannot be used with"]);
    misused(&mut remixmatch(&["train", "--resume", "a", "--lr", "1"]), &["--resume", "--lr"]);
    misused(&mut remixmatch(&["train", "--resume", "a", "--coarse"]), &["--resume", "--coarse"]);
    misused(&mut remixmatch(&["train", "--resume", "a", "--weight-u", "1"]), &["--resume", "--weight-u"]);
    misused(&mut remixmatch(&["train", "--weight-x", "1"]), &["'--weight-x'"]);
    misused(&mut remixmatch(&["train", "--resume", "a", "--force"]), &["--resume", "--force"]);
    misused(&mut remixmatch(&["teach"]), &["'teach'"]);
    misused(&mut remixmatch(&["predict", "--model", "m"]), &["IMAGE"]);
    misused(&mut remixmatch(&["bench", "--images", "0"]), &["0", "--images"]);
    misused(&mut remixmatch(&["train", "--tiling", "a", "--no-autotune"]), &["--tiling", "--no-autotune"]);
}

#[test]
fn options_are_combined_or_refused_never_dropped() {
    let cases: [(&[&str], &[&str]); 10] = [
        (&["app", "--link", "preset=quick", "--preset", "digits"], &["--link", "--preset", "preset=NAME"]),
        (&["app", "--link", "preset=quick", "--run", "r"], &["--link", "--run", "a run keeps its settings"]),
        (&["app", "--run", "r", "--labels", "4"], &["--run", "--labels"]),
        (&["app", "--run", "r", "--split", "content"], &["--run", "--split"]),
        (&["app", "--run", "r", "--folders-as-classes"], &["--run", "--folders-as-classes"]),
        (&["data", "d", "--check", "--layout"], &["--check", "--layout", "reads no image"]),
        (&["data", "d", "--layout", "--sheet", "s.png"], &["--sheet", "--layout", "reads no image"]),
        (&["train", "--batch", "4", "--batch", "0"], &["--batch is given 2 times"]),
        (&["train", "--steps=4", "--steps", "8"], &["--steps is given 2 times"]),
        (&["app", "--seed", "1", "--seed", "2"], &["--seed is given 2 times"]),
    ];
    for (arguments, words) in cases {
        misused(&mut remixmatch(arguments), words);
    }
}

#[test]
fn empty_names_of_data_are_refused() {
    for arguments in [["data", ""], ["data", " "], ["train", "--data="]] {
        refused(&mut remixmatch(&arguments), &["the name of the data is empty"]);
    }
}

#[test]
fn charts_are_not_written_as_other_pictures() {
    for name in ["c.png", "c.pdf", "chart"] {
        let arguments = ["curves", "no-run", "--out", name];
        refused(&mut remixmatch(&arguments), &[name, "does not end with .svg"]);
    }
    let arguments = ["curves", "no-run", "--name", "a", "--name", "b", "--out", "c.svg"];
    refused(&mut remixmatch(&arguments), &["2 names are given, but 1 run is drawn"]);
}

#[test]
fn unknown_tiling_lists_the_supported_ones() {
    refused(&mut remixmatch(&["bench", "--part", "gemm", "--tiling", "wide"]), &["'wide'", "invocation-"]);
    refused(&mut remixmatch(&["bench", "--preset", "paper"]), &["'paper'", "paper-cifar10"]);
}

#[test]
fn invalid_config_is_refused_in_one_line() {
    let folder = tempdir().expect("a temporary folder");
    let (file, out) = (folder.path().join("config.toml"), folder.path().join("run"));
    let check = |words: &[&str]| {
        refused(&mut remixmatch(&["train", "--config", str(&file), "--out", str(&out)]), words);
        assert!(!out.exists());
    };
    check(&["config.toml", "No such file"]);
    put(&file, b"seed = [");
    check(&["config.toml: not a valid config.toml", "line 1"]);
    put(&file, b"seed = 1\nspeed = 2\n");
    check(&["config.toml: not a valid config.toml", "unknown field `speed`"]);

    // Control codes of the file do not reach the terminal.
    put(&file, b"\x1b[2Jseed = 1\n");
    let mut command = remixmatch(&["train", "--config", str(&file), "--out", str(&out)]);
    let message = refused(&mut command, &["not a valid config.toml", "[2Jseed"]);
    assert!(!message.contains(char::is_control), "{message:?}");

    let (data, run) = (tiny(), folder.path().join("good"));
    done(&mut train(data.path(), 2, &run));
    let good = fs::read_to_string(run.join("config.toml")).expect("config.toml");
    put(&file, format!("shift = 4000000000\n{good}").as_bytes());
    check(&["shift is 4000000000", "0 to 96"]);
}

#[test]
fn batch_above_the_adapter_limit_names_the_tensor() {
    let folder = tempdir().expect("a temporary folder");
    let out = folder.path().join("run");
    let mut command = remixmatch(&["train", "--batch", "1024", "--network", "wrn-28-8", "--out", str(&out)]);
    let message = refused(&mut command, &["tensor 'scale0.", "134217728 bytes", "smaller batch"]);
    let needed = message.split(" needs ").nth(1).and_then(|rest| rest.split(' ').next());
    let needed: u64 = needed.and_then(|n| n.parse().ok()).expect("the size in bytes");
    assert!(needed > 128 << 20, "{message}");
    assert!(!out.exists());
}

/// A name in another encoding is refused in words.
#[cfg(unix)]
#[test]
fn arguments_that_are_not_utf8_are_refused() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    let name = OsStr::from_bytes(b"d\xb0\xa1");
    for arguments in [&["data"][..], &["data", "--check"], &["train", "--data"], &["eval", "--data"]] {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_remixmatch"))
            .args(arguments)
            .arg(name)
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {told}");
        assert!(told.contains("UTF-8") && !told.contains("panicked"), "{arguments:?}: {told}");
    }
}
