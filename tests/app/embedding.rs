//! The embedding view after a short run and during one: its controls, pointer and keyboard.

use eframe::egui::{Key, Pos2, Rect, pos2};
use egui_kittest::kittest::{NodeT as _, Queryable as _};

use remixmatch::app::AppOptions;

use crate::common::{Window, compare, compare_runs, ready, says, short, trained, wait_for};

/// The accessible text of the plot while no point is selected.
const PLOT: &str = "Embedding: 808 images";
/// The last line of a card, for images that are not followed and that are.
const TO_FOLLOW: &str = "click to follow";
const FOLLOWED: &str = "followed; click to stop";

/// Opens the view and waits for its plot.
fn open(window: &mut Window) {
    window.get_by_label("Embedding").click();
    wait_for(window, "the plot", |window| says(window, PLOT));
    settle(window);
}

/// Removes the pointer and waits for animations to end.
fn settle(window: &mut Window) {
    window.remove_cursor();
    window.run_steps(30);
}

fn plot_rect(window: &Window) -> Rect {
    window.query_all_by_label_contains("Embedding: ").next().expect("the plot").rect()
}

/// The pixels of the plot, RGBA.
fn pixels(window: &mut Window) -> Vec<u8> {
    let area = plot_rect(window);
    let shot = window.render().expect("a rendered window");
    let [left, top, width, height] =
        [area.left(), area.top(), area.width(), area.height()].map(|points| points as u32);
    (top..top + height)
        .flat_map(|y| (left..left + width).map(move |x| (x, y)))
        .flat_map(|(x, y)| shot.get_pixel(x, y).0)
        .collect()
}

/// Moves the pointer over a grid of the plot until a card appears.
fn find_point(window: &mut Window) -> Pos2 {
    let area = plot_rect(window);
    let grid = (1..40).flat_map(|y| (1..40).map(move |x| (x as f32 / 40.0, y as f32 / 40.0)));
    for (x, y) in grid {
        let at = pos2(area.left() + x * area.width(), area.top() + y * area.height());
        window.hover_at(at);
        window.run_steps(2);
        if says(window, TO_FOLLOW) {
            return at;
        }
    }
    panic!("no point of the plot has a card");
}

fn click_at(window: &mut Window, at: Pos2) {
    window.drag_at(at);
    window.drop_at(at);
    window.step();
    window.hover_at(at);
    window.run_steps(3);
}

#[test]
fn embedding_is_computed_when_the_view_opens() {
    let mut window = trained(short());
    window.get_by_label("Embedding").click();
    let computing = |window: &mut Window| {
        window.step();
        says(window, "Computing the embedding ...")
    };
    assert!((0..3).any(|_| computing(&mut window)), "the embedding existed before the view was open");
    wait_for(&mut window, "the plot", |window| says(window, PLOT));
    assert!(says(&window, "step 6, raw weights: 808 images, 40 labelled (large)"));
    assert!(says(&window, "of the others guessed right; the axes explain"));
    settle(&mut window);
    compare(&mut window, "embedding");
}

#[test]
fn controls_change_the_plot_and_back() {
    let mut window = trained(short());
    open(&mut window);
    let first = pixels(&mut window);
    let mut press = |label: &str| {
        window.get_by_label(label).click();
        settle(&mut window);
        pixels(&mut window)
    };
    assert_ne!(press("guess"), first, "coloured by guess");
    assert_eq!(press("true class"), first);
    for switch in ["Ring wrong guesses", "Class names"] {
        assert_ne!(press(switch), first, "{switch}");
        assert_eq!(press(switch), first, "{switch}, once more");
    }
    // A class hidden by its entry in the legend.
    assert_ne!(press("3"), first);
    assert_eq!(press("3"), first);
}

#[test]
fn ema_weights_change_the_plot() {
    let mut window = trained(short());
    open(&mut window);
    let raw = pixels(&mut window);
    window.get_by_label("EMA weights").click();
    wait_for(&mut window, "EMA weights", |window| says(window, "step 6, EMA weights: "));
    settle(&mut window);
    assert_ne!(pixels(&mut window), raw);
}

#[test]
fn pointer_shows_a_card_and_follows() {
    let mut window = trained(short());
    open(&mut window);
    let at = find_point(&mut window);
    for part in ["Embedding: image ", "true class ", "guess "] {
        assert!(says(&window, part), "no '{part}'");
    }
    click_at(&mut window, at);
    assert!(says(&window, FOLLOWED));
    click_at(&mut window, at);
    assert!(says(&window, TO_FOLLOW));
}

#[test]
fn keyboard_selects_follows_and_zooms() {
    let mut window = trained(short());
    open(&mut window);
    let still = pixels(&mut window);
    window.get_by_label(PLOT).focus();
    window.run_steps(2);
    let select = |window: &mut Window, key| {
        window.key_press(key);
        window.run_steps(2);
        let card = window.query_all_by_label_contains("Embedding: image ").next().expect("a selected point");
        card.accesskit_node().label().expect("its name")
    };
    let first = select(&mut window, Key::ArrowRight);
    let second = select(&mut window, Key::ArrowRight);
    assert_ne!(first, second);
    assert_ne!(select(&mut window, Key::ArrowDown), second);
    window.key_press(Key::Enter);
    window.run_steps(3);
    assert!(says(&window, FOLLOWED));
    compare(&mut window, "embedding_followed");
    window.key_press(Key::Enter);
    window.run_steps(3);
    assert!(says(&window, TO_FOLLOW));

    window.key_press(Key::Plus);
    window.run_steps(3);
    window.get_by_label("Fit").focus();
    settle(&mut window);
    let zoomed = pixels(&mut window);
    window.key_press(Key::Enter);
    settle(&mut window);
    let fitted = pixels(&mut window);
    assert_ne!(zoomed, fitted, "the plus key zooms in, Fit resets the zoom");
    let differing = still.iter().zip(&fitted).filter(|(a, b)| a != b).count();
    assert!(differing < still.len() / 50, "{differing} of {} differ: only the cross is new", still.len());
}

#[test]
fn plot_follows_the_run_and_resets() {
    let mut window = ready(short());
    window.get_by_label("Embedding").click();
    window.run_steps(2);
    assert!(says(&window, "Press Train: the embedding of the images appears here."));
    for step in 1..=2 {
        window.key_press(Key::F7);
        let facts = format!("step {step}, raw weights");
        wait_for(&mut window, &facts, |window| says(window, &facts));
    }
    window.get_by_label("Reset").click();
    wait_for(&mut window, "an empty view", |window| says(window, "Press Train: the embedding of the images"));
}

#[test]
fn compared_runs_have_one_plot_each() {
    let mut window = trained(AppOptions { compare: Some("labels only".into()), ..short() });
    window.get_by_label("Embedding").click();
    // One run may be done before the other.
    let both = |window: &Window| {
        let last_step = window.query_all_by_label_contains("step 6, raw weights").count();
        last_step == 2 && window.query_all_by_label_contains(PLOT).count() == 2
    };
    wait_for(&mut window, "two plots", both);
    settle(&mut window);
    compare_runs(&mut window, "embedding_compared");
}
