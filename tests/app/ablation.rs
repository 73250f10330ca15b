//! The ablation view: its table, its plots, and folders that cannot be read.

use std::path::Path;

use eframe::egui;
use egui_kittest::kittest::Queryable as _;
use remixmatch::ablation::{Plan, ROWS, RunState};
use remixmatch::app::AppOptions;
use remixmatch::ssl::PerTerm;
use remixmatch::train::{Report, Summary, preset};

use crate::common::{Window, compare_runs, says, short, show, wait_for, window_of};

fn summary(seed: u64, accuracy: f64) -> Summary {
    Summary {
        preset: "digits".into(),
        method: "remixmatch".into(),
        data: "builtin:digits".into(),
        labels: 40,
        seed,
        network: "wrn-10-1".into(),
        parameters: 78_158,
        steps: 1_000,
        images: 32_000,
        seconds: 100.0,
        test_acc_ema: accuracy,
        test_acc_ema_interval: None,
        test_acc_ema_median: accuracy,
        test_acc: accuracy,
        guess_acc: Some(accuracy - 0.02),
        adapter: "none".into(),
        gpu_bytes: 1,
    }
}

/// Reports whose accuracy rises to `accuracy`.
fn reports(accuracy: f64) -> Vec<Report> {
    (1..=20)
        .map(|i| {
            let share = f64::from(i) / 20.0;
            let reached = 0.1 + (accuracy - 0.1) * share.sqrt();
            Report {
                step: 50 * i as u64,
                images: 1_600 * i as u64,
                seconds: f64::from(5 * i),
                losses: PerTerm::from_fn(|term| (term.name == "x").then_some(1.0 - share)),
                train_acc: reached,
                guess_acc: Some(reached),
                confidence: None,
                mask: None,
                test_acc: reached,
                test_set: 0,
                test_acc_ema: reached,
            }
        })
        .collect()
}

/// Writes an ablation of made-up runs: two seeds per row, and a failed run.
fn ablation(folder: &Path) {
    let settings = preset("digits", None).expect("a preset").config;
    let names = ROWS.map(|row| row.name.to_owned()).to_vec();
    let plan = Plan::new(settings, 2, names).expect("a plan").store(folder).expect("a folder");
    for (i, row) in ROWS.into_iter().enumerate() {
        if row.owner(&plan.settings).expect("a row").name != row.name {
            continue;
        }
        for seed in 0..2 {
            let run = plan.run_folder(folder, row, seed).expect("a folder");
            run.create().expect("a folder");
            if row.name == "adamatch" && seed == 1 {
                RunState::write_failure(&run, "training diverged: loss_u is NaN at step 7").expect("a note");
                continue;
            }
            let accuracy = 0.95 - 0.02 * i as f64 - 0.01 * seed as f64;
            run.write_summary(&summary(seed, accuracy)).expect("a summary");
            run.write_reports(&reports(accuracy)).expect("reports");
        }
    }
}

fn opened(folder: &Path) -> Window {
    let options = AppOptions { ablation: Some(folder.to_owned()), ..short() };
    // High enough for the plots below the table.
    let mut window = window_of(options, [1280.0, 1340.0]);
    wait_for(&mut window, "the data", |window| says(window, "Ready: press Train."));
    window
}

#[test]
fn ablation_table_is_drawn_in_both_themes() {
    let folder = tempfile::tempdir().expect("a folder");
    ablation(folder.path());
    let mut window = opened(folder.path());
    // Errors of 5 and 6 %, and one of 39 %; K = 2 shares the runs of the full method.
    let bars = ["full: 5.50 ± 0.71 %", "k=2: 5.50 ± 0.71 %", "adamatch: 39.00 %"];
    bars.iter().for_each(|bar| assert!(window.query_by_label(bar).is_some(), "{bar}"));
    assert!(says(&window, "K = 2: the same runs as ReMixMatch"));
    assert!(says(&window, "adamatch, seed 1: training diverged"));
    assert!(says(&window, "adamatch: 1 of 2 done, 1 failed"));
    assert!(says(&window, "29.36"), "the published figures");
    for (theme, name) in [(egui::Theme::Dark, "ablation"), (egui::Theme::Light, "ablation_light")] {
        window.ctx.set_theme(theme);
        window.run_steps(3);
        compare_runs(&mut window, name);
    }
}

#[test]
fn other_folders_are_rejected_with_a_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut window = opened(folder.path());
    assert!(says(&window, "is not the folder of an ablation"));
    show(&mut window, "Ablation");
    assert!(window.query_by_label("Open ablation ...").is_some());
}
