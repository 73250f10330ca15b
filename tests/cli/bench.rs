//! `bench --json`.

use std::collections::HashSet;

use serde_json::Value;

use crate::common::remixmatch;

/// The lines of JSON that `bench` prints with these arguments.
fn bench(arguments: &[&str]) -> Vec<Value> {
    let all: Vec<_> = ["bench", "--json", "--no-autotune"].iter().chain(arguments).copied().collect();
    let output = remixmatch(&all).assert().success().get_output().stdout.clone();
    let text = String::from_utf8(output).expect("UTF-8");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    for line in &lines {
        for key in ["part", "adapter", "driver", "backend", "class", "version"] {
            assert!(line[key].is_string(), "{key} of {line}");
        }
    }
    lines
}

/// The lines of one part.
fn part<'a>(lines: &'a [Value], part: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["part"] == part).collect()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is not a number"))
}

#[test]
fn training_on_one_batch_lowers_the_loss() {
    let network = ["--network", "wrn-10-1", "--images", "8", "--image-size", "28", "--channels", "1"];
    let found = bench(&[&["--part", "training", "--steps", "20"], &network[..]].concat());
    assert_eq!(found.len(), 1, "other parts were measured: {found:?}");
    let training = &found[0];
    assert!(number(&training["seconds_a_step"]) > 0.0);
    // Without the rotation head.
    assert_eq!(training["parameters"], 77_898);
    assert!(number(&training["loss_after"]) < 0.9 * number(&training["loss_before"]), "{training}");
}

#[test]
fn step_times_sum_over_families_and_kernels() {
    let found = bench(&["--part", "step", "--preset", "quick"]);
    let step = part(&found, "step")[0];
    assert_eq!((&step["preset"], &step["image"]), (&"quick".into(), &serde_json::json!([28, 28, 1])));
    let sum = |name: &str, value: &str| -> f64 {
        step[name].as_array().expect("a list").iter().map(|entry| number(&entry[value])).sum()
    };
    assert_eq!(sum("families", "dispatches"), number(&step["dispatches"]));
    assert_eq!(sum("kernels", "dispatches"), number(&step["dispatches"]));
    assert!((sum("families", "seconds") - sum("kernels", "seconds")).abs() < 1e-9);
    let families = step["families"].as_array().expect("a list");
    for name in ["convolution, forward", "batch norm and leaky ReLU", "Adam, decay, EMA"] {
        assert!(families.iter().any(|family| family["name"] == name), "{name} in {families:?}");
    }
    assert!(families.iter().all(|family| family["name"] != "other"), "{families:?}");
    let best = number(&part(&found, "gemm")[0]["gflops"]);
    let share = number(&step["gflops"]) / best;
    assert!((number(&step["share_of_best_gemm"]) - share).abs() < 1e-9);
    assert!(number(&step["transient_bytes"]) < number(&step["unshared_bytes"]));
    assert!(number(&step["encode_seconds"]) > 0.0);
}

#[test]
fn tilings_and_memory_operations_are_measured() {
    let found = bench(&["--part", "tiles", "--part", "memory"]);
    let names = |list: &str, key: &str| -> Vec<String> {
        part(&found, list).iter().map(|entry| entry[key].as_str().expect("a name").to_owned()).collect()
    };
    assert!(part(&found, "tiles").iter().any(|tile| tile["in_use"] == true), "{found:?}");
    assert_eq!(names("memory", "operation")[0], "copy");
    assert!(names("memory", "operation").len() > 5);
}

#[test]
fn estimates_need_no_card() {
    let found = bench(&["--part", "estimate", "--preset", "quick", "--card", "h100", "--card", "m2"]);
    let estimates = part(&found, "estimate");
    let names: Vec<_> = estimates.iter().map(|estimate| &estimate["card"]["name"]).collect();
    assert_eq!(names, ["h100", "m2"]);
    assert!(number(&estimates[0]["seconds"]) < number(&estimates[1]["seconds"]), "the larger card is faster");
    for estimate in &estimates {
        let kernels = estimate["kernels"].as_array().expect("a list").iter();
        let sum: f64 = kernels.map(|kernel| number(&kernel["seconds"])).sum();
        assert!((sum - number(&estimate["seconds"])).abs() < 1e-9);
    }
    let described =
        ["--part", "estimate", "--preset", "quick", "--peak", "80", "--bandwidth", "10", "--cores", "2"];
    let found = bench(&described);
    assert_eq!(found[0]["card"]["cores"], 2);
    let bytes = |precision: &str| -> f64 {
        let found = bench(&[&described[..], &["--precision", precision]].concat());
        assert_eq!(found[0]["precision"], precision);
        let kernels = found[0]["kernels"].as_array().expect("a list").iter();
        kernels.map(|kernel| number(&kernel["gigabytes"])).sum()
    };
    assert!(bytes("mixed") < 0.9 * bytes("single"), "feature maps in f16 are as large as in f32");
}

#[test]
fn impossible_cards_are_refused() {
    for (options, message) in [
        (&["--card", "h200x"][..], "h100"),
        (&["--peak", "80"], "--bandwidth"),
        (&["--peak", "0", "--bandwidth", "1", "--cores", "1"], "expected a positive number"),
        (&["--peak", "nan", "--bandwidth", "1", "--cores", "1"], "expected a positive number"),
        (&["--peak", "80", "--bandwidth", "1", "--cores", "0"], "1..=100"),
        (&["--card", "m2", "--peak", "80", "--bandwidth", "1", "--cores", "1"], "cannot be used with"),
    ] {
        let all: Vec<_> = ["bench", "--part", "estimate"].iter().chain(options).copied().collect();
        let output = remixmatch(&all).assert().failure().get_output().stderr.clone();
        let text = String::from_utf8_lossy(&output);
        assert!(text.contains(message), "{options:?}: {text}");
    }
}

#[test]
fn dispatches_and_image_counts_are_measured() {
    let small = ["--network", "wrn-10-1", "--image-size", "8", "--images", "1,3"];
    let found = bench(&[&["--part", "dispatch", "--part", "convolutions"], &small[..]].concat());
    let dispatch = part(&found, "dispatch");
    assert_eq!([&dispatch[0]["dependent"], &dispatch[1]["dependent"]], [false, true]);
    for time in dispatch {
        assert!((number(&time["microseconds"]) - least(&time["samples"]) * 1e3).abs() < 1e-6, "{time}");
    }
    let images: Vec<_> = part(&found, "convolutions, time-weighted")
        .iter()
        .filter(|share| share["direction"] == "all")
        .map(|share| &share["images"])
        .collect();
    assert_eq!(images, [1, 3]);
    let gemm = part(&found, "gemm")[0];
    let rate = 2e-9 * number(&gemm["size"]).powi(3) / least(&gemm["samples"]);
    assert!((number(&gemm["gflops"]) / rate - 1.0).abs() < 1e-9, "{gemm}");
}

fn least(samples: &Value) -> f64 {
    samples.as_array().expect("a list").iter().map(number).fold(f64::MAX, f64::min)
}

#[test]
fn every_tiling_is_measured_for_every_convolution() {
    let small = ["--network", "wrn-10-1", "--image-size", "8", "--images", "2", "--every-tiling"];
    let found = bench(&[&["--part", "convolutions"], &small[..]].concat());
    let of = |layer: &str, direction: &str| -> Vec<&str> {
        let lines = part(&found, "convolutions").into_iter();
        let chosen = lines.filter(|line| line["layer"] == layer && line["direction"] == direction);
        chosen.map(|line| line["tiling"].as_str().expect("a name")).collect()
    };
    let tilings = of("stem", "forward");
    assert!(
        tilings.len() >= 2 && tilings.iter().collect::<HashSet<_>>().len() == tilings.len(),
        "{tilings:?}"
    );
    assert_eq!(of("stem", "weight-gradient"), tilings);
    assert!(of("stem", "data-gradient").is_empty(), "the stem needs no gradient of its input");
    for line in part(&found, "convolutions") {
        assert!((number(&line["seconds"]) - least(&line["samples"])).abs() < 1e-12, "{line}");
    }
}

#[test]
fn less_memory_leaves_fewer_passes_in_a_dispatch() {
    let step = |memory: &[&str]| {
        let step = ["--part", "step", "--preset", "quick", "--k", "2", "--best-gemm", "50"];
        let found = bench(&[&step, memory].concat());
        assert!(part(&found, "gemm").is_empty());
        let step = part(&found, "step")[0].clone();
        (number(&step["passes_per_dispatch"]), number(&step["dispatches"]), step["k"].clone())
    };
    let (passes, dispatches, k) = step(&[]);
    let (fewer, more, _) = step(&["--adapter-memory", "20"]);
    assert_eq!(k, 2);
    assert!(
        fewer < passes && more > dispatches,
        "{passes} to {fewer} passes, {dispatches} to {more} dispatches"
    );
}
