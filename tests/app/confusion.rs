//! The confusion view: its counts, the images of a cell, the keyboard, and compared runs.

use std::sync::Arc;

use eframe::egui::{Key, Pos2, Role};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use pollster::block_on;
use remixmatch::app::AppOptions;
use remixmatch::data::{OpenOptions, open};
use remixmatch::gpu::Gpu;
use remixmatch::train::{Capture, Trainer, most_likely};

use crate::common::{
    Window, compare, compare_runs, ready, says, short, show, trained, trained_both, wait_for,
};

const CLASSES: usize = 10;

/// The centre of a cell on the screen.
fn centre(window: &Window, actual: usize, predicted: usize) -> Pos2 {
    let cells = window.get_by_label_contains("Confusion matrix: ").rect();
    let at = |from: f32, class: usize| from + (class as f32 + 0.5) * cells.width() / CLASSES as f32;
    Pos2::new(at(cells.left(), predicted), at(cells.top(), actual))
}

fn click(window: &mut Window, actual: usize, predicted: usize) {
    let at = centre(window, actual, predicted);
    window.drag_at(at);
    window.step();
    window.drop_at(at);
    window.run_steps(4);
}

/// The accessible text of the selected cell, and its count.
fn selected(window: &Window) -> (String, usize) {
    let node = window.get_by_label_contains("Confusion matrix: ");
    let text = node.accesskit_node().label().unwrap_or_default();
    let text = text.trim_start_matches("Confusion matrix: ").to_owned();
    let count = text.rsplit(": ").next().and_then(|rest| rest.split(' ').next());
    (text.clone(), count.and_then(|count| count.parse().ok()).unwrap_or_else(|| panic!("no count: {text}")))
}

/// Counts `[actual, predicted]` of the same run without a window.
fn expected(window: &Window) -> Vec<usize> {
    let data = Arc::new(open("builtin:digits", &OpenOptions::default()).expect("built-in data"));
    let gpu = Arc::new(Gpu::new_blocking().expect("an adapter"));
    let config = window.state().workspace.settings().config.clone();
    let mut trainer = Trainer::new(gpu, config, Arc::clone(&data), Capture::State).expect("a trainer");
    while !trainer.is_done() {
        block_on(trainer.step()).expect("a step");
    }
    block_on(trainer.report()).expect("a report");
    let mut counts = vec![0; CLASSES * CLASSES];
    for (label, row) in data.test_labels.iter().zip(trainer.test_probabilities().chunks_exact(CLASSES)) {
        counts[*label as usize * CLASSES + most_likely(row)] += 1;
    }
    counts
}

#[test]
fn counts_match_the_same_run_without_a_window() {
    let mut window = trained(short());
    show(&mut window, "Confusion");
    let expected = expected(&window);
    let right: usize = (0..CLASSES).map(|class| expected[class * CLASSES + class]).sum();
    let all: usize = expected.iter().sum();
    assert!(says(&window, &format!("{right} of {all} test images correct")));
    // Walks row by row with the arrow keys, from the first cell.
    window.get_by_label_contains("Confusion matrix: ").focus();
    window.run_steps(2);
    window.key_press(Key::ArrowRight);
    window.run_steps(2);
    for actual in 0..CLASSES {
        let mut walk: Vec<_> = (0..CLASSES).collect();
        if actual % 2 == 1 {
            walk.reverse();
        }
        for (i, predicted) in walk.iter().enumerate() {
            let (text, count) = selected(&window);
            assert_eq!(
                count,
                expected[actual * CLASSES + predicted],
                "{actual} classified as {predicted}: {text}"
            );
            let key = match (i + 1 == CLASSES, actual % 2) {
                (true, _) => Key::ArrowDown,
                (false, 0) => Key::ArrowRight,
                (false, _) => Key::ArrowLeft,
            };
            window.key_press(key);
            window.run_steps(2);
        }
    }
}

#[test]
fn clicked_cell_shows_images_by_confidence() {
    let mut window = trained(short());
    show(&mut window, "Confusion");
    // The first of the most frequent mistakes leads to its cell.
    let counts: Vec<_> = window.query_all_by_label_contains(" → ").map(|node| node.rect()).collect();
    assert_eq!(counts.len(), 3, "most frequent mistakes");
    let first = window.query_all_by_label_contains(" → ").next().expect("a mistake");
    let name = first.accesskit_node().label().expect("a name");
    first.click();
    window.run_steps(4);
    let (text, count) = selected(&window);
    assert!(name.ends_with(&format!("({count})")), "{name} leads to {text}");
    window.get_by_label("Close").click();
    window.run_steps(4);
    assert!(says(&window, "Click a cell to see its test images"));
    let classes: Vec<usize> =
        name.split(' ').filter(|word| *word != "→").filter_map(|word| word.parse().ok()).collect();
    let [actual, predicted] = classes[..] else { panic!("two classes in '{name}'") };
    click(&mut window, actual, predicted);
    assert_eq!(selected(&window).0, text);
    let shown = |window: &Window| {
        let truth = format!("true class {actual}");
        let images = window.query_all_by_label_contains(&truth);
        images.filter(|node| node.accesskit_node().role() == Role::Image).count()
    };
    assert_eq!(shown(&window), count.min(60));
    let confidences: Vec<u32> = window
        .query_all_by_label_contains("○ ")
        .filter_map(|node| node.value())
        .filter_map(|text| text.strip_prefix("○ ")?.strip_suffix(" %")?.parse().ok())
        .collect();
    assert_eq!(confidences.len(), count.min(60));
    assert!(confidences.is_sorted_by(|a, b| a >= b), "{confidences:?}");
    compare(&mut window, "confusion");
    assert!(count > 60, "the cell must have more images than are shown at first: {text}");
    let mut left = count;
    while left > 60 {
        let more = format!("Show more ({} left)", left - 60);
        window.get_by_label(&more).scroll_to_me();
        window.run_steps(6);
        window.get_by_label(&more).click();
        window.run_steps(6);
        left -= 60;
    }
    assert_eq!(shown(&window), count);
}

#[test]
fn enter_selects_the_most_frequent_mistake() {
    let mut window = trained(short());
    show(&mut window, "Confusion");
    assert!(says(&window, "Confusion matrix: no cell is selected"));
    window.get_by_label_contains("Confusion matrix: ").focus();
    window.run_steps(2);
    window.key_press(Key::Enter);
    window.run_steps(4);
    let count = selected(&window).1;
    let first = window.query_all_by_label_contains(" → ").next().expect("a mistake");
    assert!(first.accesskit_node().label().expect("a name").ends_with(&format!("({count})")));
}

#[test]
fn test_images_are_classified_on_demand() {
    let mut window = ready(short());
    show(&mut window, "Confusion");
    assert!(says(&window, "Press Train"));
    window.key_press(Key::F7);
    wait_for(&mut window, "one step", |window| says(window, "1 / 6 steps") && says(window, "paused"));
    assert!(says(&window, "classified at the next report"));
    window.get_by_label("Classify now").click();
    wait_for(&mut window, "the matrix", |window| says(window, "step 1, EMA weights"));
    assert!(window.get_by_label("Classify now").accesskit_node().is_disabled());
}

#[test]
fn cell_is_selected_in_both_runs() {
    let mut window = trained_both("no alignment");
    show(&mut window, "Confusion");
    let first = window.query_all_by_label_contains("Confusion matrix: ").next().expect("a matrix");
    let at = first.rect().center();
    window.drag_at(at);
    window.step();
    window.drop_at(at);
    window.run_steps(4);
    assert_eq!(window.query_all_by_label_contains("Confusion matrix: 5 classified correctly: ").count(), 2);
    compare_runs(&mut window, "confusion_compared");
}

#[test]
fn two_classes_are_enough() {
    let folder = tempfile::tempdir().expect("a folder");
    for (class, shade) in [("dark", 40u8), ("light", 200)] {
        let path = folder.path().join(class);
        std::fs::create_dir(&path).expect("a class folder");
        for i in 0..60u8 {
            let pixel = |x: u32, y: u32| image::Luma([shade.saturating_add((x * y) as u8 % (i + 1))]);
            image::GrayImage::from_fn(16, 16, pixel).save(path.join(format!("{i}.png"))).expect("an image");
        }
    }
    let data = Some(folder.path().to_string_lossy().into_owned());
    let mut window = trained(AppOptions { data, steps: Some(1), ..short() });
    show(&mut window, "Confusion");
    window.get_by_label_contains("Confusion matrix: ").focus();
    window.run_steps(2);
    // The first key selects the first cell, the last one stops at the edge.
    let mut read = |keys: &[Key]| {
        for key in keys {
            window.key_press(*key);
            window.run_steps(2);
        }
        selected(&window)
    };
    let cells = [
        read(&[Key::ArrowDown]),
        read(&[Key::ArrowRight]),
        read(&[Key::ArrowLeft, Key::ArrowDown]),
        read(&[Key::ArrowRight, Key::ArrowDown]),
    ];
    let names = [
        "dark classified correctly",
        "dark classified as light",
        "light classified as dark",
        "light classified correctly",
    ];
    for ((text, _), name) in cells.iter().zip(names) {
        assert!(text.starts_with(&format!("{name}: ")), "{text} is not {name}");
    }
    let counts = cells.map(|(_, count)| count);
    let (right, all) = (counts[0] + counts[3], counts.iter().sum::<usize>());
    assert!(all > 0);
    let share = 100.0 * right as f64 / all as f64;
    assert!(says(&window, &format!("{right} of {all} test images correct, {share:.1} %")));
    let mistakes = counts[1..3].iter().filter(|count| **count > 0).count();
    assert_eq!(window.query_all_by_label_contains(" → ").count(), mistakes);
    assert_eq!(says(&window, "no mistakes"), mistakes == 0);
}
