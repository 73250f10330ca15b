//! Settings at the limits of their ranges train with finite losses; settings beyond are refused with their range.

use std::sync::Arc;

use remixmatch::data::DataSet;
use remixmatch::ssl::Method;
use remixmatch::train::{Capture, Config, Report, Trainer};

use crate::small::{config, gpu, images, run, small_remixmatch};

#[track_caller]
fn trains(config: Config, data: Arc<DataSet>) -> Vec<Report> {
    let mut trainer = Trainer::new(gpu(), config, data, Capture::State).expect("a trainer");
    let reports = run(&mut trainer);
    assert!(!reports.is_empty(), "the run made no report");
    for report in &reports {
        let terms = report.losses.0.into_iter().chain([report.confidence]);
        assert!(terms.flatten().all(|value| value.is_finite() && value >= 0.0), "{report:?}");
    }
    pollster::block_on(trainer.checkpoint()).expect("a finite state");
    reports
}

#[track_caller]
fn is_refused(config: Config, data: Arc<DataSet>, words: &[&str]) {
    let error = Trainer::new(gpu(), config, data, Capture::State).err().expect("a refusal").to_string();
    words.iter().for_each(|word| assert!(error.contains(word), "'{word}' is missing in: {error}"));
}

fn of(method: Method) -> Config {
    Config { steps: 4, ..config(method) }
}

#[test]
fn temperatures_near_zero_train() {
    for temperature in [f32::from_bits(1), 1e-3] {
        trains(of(Method { temperature, ..small_remixmatch() }), images(2, 40));
    }
    for temperature in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        is_refused(of(Method { temperature, ..small_remixmatch() }), images(2, 40), &["temperature is"]);
    }
}

#[test]
fn extreme_betas_train() {
    for beta in [f64::from_bits(1), 100.0] {
        trains(of(Method { beta, ..small_remixmatch() }), images(2, 40));
    }
    for beta in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        is_refused(of(Method { beta, ..small_remixmatch() }), images(2, 40), &["beta is"]);
    }
}

#[test]
fn sixteen_strong_views_train() {
    trains(of(Method { strong_views: 16, ..Method::remixmatch() }), images(2, 40));
    is_refused(
        of(Method { strong_views: 17, ..Method::remixmatch() }),
        images(2, 40),
        &["strong_views is 17", "0 to 16"],
    );
}

#[test]
fn one_class_trains() {
    let reports = trains(of(small_remixmatch()), images(1, 40));
    assert!(
        reports.iter().all(|report| report.losses.get("x") == Some(0.0) && report.test_acc == 1.0),
        "{reports:?}"
    );
}

#[test]
fn thousand_classes_train() {
    trains(Config { labels: 1_000, ..of(small_remixmatch()) }, images(1_000, 1_000));
}

#[test]
fn batch_of_one_trains_without_rotation() {
    let one = |method| Config { batch: 1, ..of(method) };
    is_refused(one(small_remixmatch()), images(2, 40), &["batch of 1", "use 4", "switch rotation off"]);
    trains(one(Method { rotation: false, ..small_remixmatch() }), images(2, 40));
    for name in ["mixmatch", "fixmatch", "pseudo-label", "supervised"] {
        trains(one(Method::named(name).expect("a method")), images(2, 40));
    }
    is_refused(Config { batch: 0, ..of(small_remixmatch()) }, images(2, 40), &["batch is 0"]);
}

#[test]
fn all_images_labelled_trains() {
    trains(Config { labels: 40, ..of(small_remixmatch()) }, images(2, 40));
    is_refused(Config { labels: 41, ..of(small_remixmatch()) }, images(2, 40), &["41", "40"]);
}
