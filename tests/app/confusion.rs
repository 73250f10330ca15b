use std::sync::Arc;

use eframe::egui::{Key, Pos2, Role};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use pollster::block_on;
use remixmatch::app::AppOptions;
use remixmatch::data::{OpenOptions, open};
use remixmatch::gpu::Gpu;
use remixmatch::ssl::Keep;
use remixmatch::train::{Trainer, most_likely};

use crate::common::{
    Window, compare, compare_runs, ready, says, short, show, trained, trained_both, wait_for,
};

const CLASSES: usize = 10;

/// The middle of a cell on the screen.
fn middle(window: &Window, actual: usize, predicted: usize) -> Pos2 {
    let cells = window.get_by_label_contains("Confusion matrix: ").rect();
    let at = |from: f32, class: usize| from + (class as f32 + 0.5) * cells.width() / CLASSES as f32;
    Pos2::new(at(cells.left(), predicted), at(cells.top(), actual))
}

fn click(window: &mut Window, actual: usize, predicted: usize) {
    let at = middle(window, actual, predicted);
    window.drag_at(at);
    window.step();
    window.drop_at(at);
    window.run_steps(4);
}

/// What the chosen cell says, and the number of images in it.
fn chosen(window: &Window) -> (String, usize) {
    let node = window.get_by_label_contains("Confusion matrix: ");
    let text = node.accesskit_node().label().unwrap_or_default();
    let text = text.trim_start_matches("Confusion matrix: ").to_owned();
    let count = text.rsplit(": ").next().and_then(|rest| rest.split(' ').next());
    (text.clone(), count.and_then(|count| count.parse().ok()).unwrap_or_else(|| panic!("no count: {text}")))
}

/// Counts `[actual, predicted]` after the same run without a window.
fn expected(window: &Window) -> Vec<usize> {
    let data = Arc::new(open("builtin:digits", &OpenOptions::default()).expect("built-in data"));
    let gpu = Arc::new(Gpu::new_blocking().expect("an adapter"));
    let config = window.state().settings().config.clone();
    let mut trainer = Trainer::new(gpu, config, Arc::clone(&data), Keep::State).expect("a trainer");
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
fn counts_are_those_of_the_same_run_without_a_window() {
    let mut window = trained(short());
    show(&mut window, "Confusion");
    let expected = expected(&window);
    let right: usize = (0..CLASSES).map(|class| expected[class * CLASSES + class]).sum();
    let all: usize = expected.iter().sum();
    assert!(says(&window, &format!("{right} of {all} test images right")));
    // Row by row with the keyboard alone, from the first cell on.
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
            let (text, count) = chosen(&window);
            assert_eq!(
                count,
                expected[actual * CLASSES + predicted],
                "{actual} taken for {predicted}: {text}"
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
fn a_clicked_cell_shows_its_images_most_confident_first() {
    let mut window = trained(short());
    show(&mut window, "Confusion");
    // The fullest cell, which the first of the most frequent mistakes leads to.
    let counts: Vec<_> = window.query_all_by_label_contains(" → ").map(|node| node.rect()).collect();
    assert_eq!(counts.len(), 3, "most frequent mistakes");
    let first = window.query_all_by_label_contains(" → ").next().expect("a mistake");
    let name = first.accesskit_node().label().expect("a name");
    first.click();
    window.run_steps(4);
    let (text, count) = chosen(&window);
    assert!(name.ends_with(&format!("({count})")), "{name} leads to {text}");
    window.get_by_label("Close").click();
    window.run_steps(4);
    assert!(says(&window, "Click a cell to see its test images"));
    let classes: Vec<usize> =
        name.split(' ').filter(|word| *word != "→").filter_map(|word| word.parse().ok()).collect();
    let [actual, predicted] = classes[..] else { panic!("two classes in '{name}'") };
    click(&mut window, actual, predicted);
    assert_eq!(chosen(&window).0, text);
    let shown = |window: &Window| {
        let truth = format!("in truth {actual}");
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
fn enter_leads_to_the_most_frequent_mistake() {
    let mut window = trained(short());
    show(&mut window, "Confusion");
    assert!(says(&window, "Confusion matrix: no cell is chosen"));
    window.get_by_label_contains("Confusion matrix: ").focus();
    window.run_steps(2);
    window.key_press(Key::Enter);
    window.run_steps(4);
    let count = chosen(&window).1;
    let first = window.query_all_by_label_contains(" → ").next().expect("a mistake");
    assert!(first.accesskit_node().label().expect("a name").ends_with(&format!("({count})")));
}

#[test]
fn test_images_are_classified_between_two_reports() {
    let mut window = ready(short());
    show(&mut window, "Confusion");
    assert!(says(&window, "Press Train"));
    window.key_press(Key::F7);
    wait_for(&mut window, "one step", |window| says(window, "1 / 6 steps") && says(window, "paused"));
    assert!(says(&window, "classified at the next report"));
    window.get_by_label("Classify now").click();
    wait_for(&mut window, "the matrix", |window| says(window, "step 1, averaged weights"));
    assert!(window.get_by_label("Classify now").accesskit_node().is_disabled());
}

#[test]
fn a_cell_is_chosen_in_both_of_two_runs() {
    let mut window = trained_both("no alignment");
    show(&mut window, "Confusion");
    let first = window.query_all_by_label_contains("Confusion matrix: ").next().expect("a matrix");
    let at = first.rect().center();
    window.drag_at(at);
    window.step();
    window.drop_at(at);
    window.run_steps(4);
    assert_eq!(window.query_all_by_label_contains("Confusion matrix: 5 told right: ").count(), 2);
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
    let mut window = trained(AppOptions { data, ..short() });
    show(&mut window, "Confusion");
    assert!(says(&window, "test images right"));
    window.get_by_label_contains("Confusion matrix: ").focus();
    window.run_steps(2);
    for key in [Key::ArrowDown, Key::ArrowDown, Key::ArrowRight, Key::ArrowDown] {
        window.key_press(key);
        window.run_steps(2);
    }
    assert!(chosen(&window).0.starts_with("light told right: "), "{}", chosen(&window).0);
    assert!(says(&window, "no mistakes") == says(&window, ", 100.0 %"));
}
