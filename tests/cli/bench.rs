//! `bench --json`.

use serde_json::Value;

use crate::common::remixmatch;

/// The JSON that `bench` prints with these arguments.
fn bench(arguments: &[&str]) -> Value {
    let all: Vec<_> = ["bench", "--json", "--no-autotune"].iter().chain(arguments).copied().collect();
    let output = remixmatch(&all).assert().success().get_output().stdout.clone();
    serde_json::from_slice(&output).expect("JSON")
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is not a number"))
}

#[test]
fn training_on_one_batch_lowers_the_loss() {
    let network = ["--network", "wrn-10-1", "--images", "8", "--image-size", "28", "--channels", "1"];
    let found = bench(&[&["--part", "training", "--steps", "20"], &network[..]].concat());
    let training = &found["training"];
    assert!(number(&training["seconds_a_step"]) > 0.0);
    // Without the rotation head.
    assert_eq!(training["parameters"], 77_898);
    assert!(number(&training["loss_after"]) < 0.9 * number(&training["loss_before"]), "{training}");
    assert!(
        found.get("gemm").is_none() && found.get("steps").is_none(),
        "other parts were measured: {found}"
    );
}

#[test]
fn step_times_sum_over_families_and_kernels() {
    let found = bench(&["--part", "step", "--preset", "quick"]);
    let step = &found["steps"][0];
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
    let best = number(&found["gemm"][0]["gflops"]);
    let share = number(&step["gflops"]) / best;
    assert!((number(&step["share_of_best_gemm"]) - share).abs() < 1e-9);
    assert!(number(&step["transient_bytes"]) < number(&step["unshared_bytes"]));
    assert!(number(&step["encode_seconds"]) > 0.0);
}

#[test]
fn tilings_and_memory_operations_are_measured() {
    let found = bench(&["--part", "tiles", "--part", "memory"]);
    let names = |list: &str, key: &str| -> Vec<String> {
        let entries = found[list].as_array().expect("a list").iter();
        entries.map(|entry| entry[key].as_str().expect("a name").to_owned()).collect()
    };
    assert!(names("tiles", "name").iter().any(|name| *name == found["tiling"]), "{found}");
    assert_eq!(names("memory", "operation")[0], "copy");
    assert!(names("memory", "operation").len() > 5);
}
