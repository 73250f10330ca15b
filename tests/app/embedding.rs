//! The embedding view, looked at after a short run and while one goes on.

use eframe::egui::{Key, Pos2, Rect, pos2};
use egui_kittest::kittest::{NodeT as _, Queryable as _};

use remixmatch::app::AppOptions;

use crate::common::{Window, compare, compare_runs, ready, says, short, trained, wait_for};

/// How the picture is named, before anything in it is chosen.
const PICTURE: &str = "Embedding: 808 images";
/// What its card says of a point that is not followed, and of one that is.
const TO_FOLLOW: &str = "click to follow";
const FOLLOWED: &str = "followed; click to stop";

/// Opens the view and waits for its picture.
fn open(window: &mut Window) {
    window.get_by_label("Embedding").click();
    wait_for(window, "the picture", |window| says(window, PICTURE));
    rest(window);
}

/// Takes the pointer away and lets everything come to rest.
fn rest(window: &mut Window) {
    window.remove_cursor();
    window.run_steps(30);
}

fn place(window: &Window) -> Rect {
    window.query_all_by_label_contains("Embedding: ").next().expect("the picture").rect()
}

/// The pixels of the picture.
fn pixels(window: &mut Window) -> Vec<u8> {
    let area = place(window);
    let shot = window.render().expect("a rendered window");
    let [left, top, width, height] =
        [area.left(), area.top(), area.width(), area.height()].map(|points| points as u32);
    (top..top + height)
        .flat_map(|y| (left..left + width).map(move |x| (x, y)))
        .flat_map(|(x, y)| shot.get_pixel(x, y).0)
        .collect()
}

/// Points one by one at places of the picture until a card appears.
fn find_point(window: &mut Window) -> Pos2 {
    let area = place(window);
    let grid = (1..40).flat_map(|y| (1..40).map(move |x| (x as f32 / 40.0, y as f32 / 40.0)));
    for (x, y) in grid {
        let at = pos2(area.left() + x * area.width(), area.top() + y * area.height());
        window.hover_at(at);
        window.run_steps(2);
        if says(window, TO_FOLLOW) {
            return at;
        }
    }
    panic!("no point of the picture has a card");
}

fn click_at(window: &mut Window, at: Pos2) {
    window.drag_at(at);
    window.drop_at(at);
    window.step();
    window.hover_at(at);
    window.run_steps(3);
}

#[test]
fn the_picture_is_made_when_it_is_looked_at() {
    let mut window = trained(short());
    window.get_by_label("Embedding").click();
    let seen = |window: &mut Window| {
        window.step();
        says(window, "Looking at the images ...")
    };
    assert!((0..3).any(|_| seen(&mut window)), "it was there before anybody looked");
    wait_for(&mut window, "the picture", |window| says(window, PICTURE));
    assert!(says(&window, "step 6, weights as they are: 808 images, 40 labelled (large)"));
    assert!(says(&window, "of the others guessed right; the plane shows"));
    rest(&mut window);
    compare(&mut window, "embedding");
}

#[test]
fn every_control_changes_the_picture_and_back() {
    let mut window = trained(short());
    open(&mut window);
    let first = pixels(&mut window);
    let mut press = |label: &str| {
        window.get_by_label(label).click();
        rest(&mut window);
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
fn other_weights_make_another_picture() {
    let mut window = trained(short());
    open(&mut window);
    let raw = pixels(&mut window);
    window.get_by_label("Averaged weights").click();
    wait_for(&mut window, "averaged weights", |window| says(window, "step 6, averaged weights: "));
    rest(&mut window);
    assert_ne!(pixels(&mut window), raw);
}

#[test]
fn points_are_pointed_at_and_clicked() {
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
fn points_are_reached_and_followed_with_the_keyboard() {
    let mut window = trained(short());
    open(&mut window);
    let still = pixels(&mut window);
    window.get_by_label(PICTURE).focus();
    window.run_steps(2);
    let chosen = |window: &mut Window, key| {
        window.key_press(key);
        window.run_steps(2);
        let card = window.query_all_by_label_contains("Embedding: image ").next().expect("a chosen point");
        card.accesskit_node().label().expect("its name")
    };
    let first = chosen(&mut window, Key::ArrowRight);
    let second = chosen(&mut window, Key::ArrowRight);
    assert_ne!(first, second);
    assert_ne!(chosen(&mut window, Key::ArrowDown), second);
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
    rest(&mut window);
    let zoomed = pixels(&mut window);
    window.key_press(Key::Enter);
    rest(&mut window);
    let fitted = pixels(&mut window);
    assert_ne!(zoomed, fitted, "the plus key zooms in, Fit shows everything again");
    let differing = still.iter().zip(&fitted).filter(|(a, b)| a != b).count();
    assert!(differing < still.len() / 50, "{differing} of {}: only the cross is new", still.len());
}

#[test]
fn the_picture_follows_the_run() {
    let mut window = ready(short());
    window.get_by_label("Embedding").click();
    window.run_steps(2);
    assert!(says(&window, "Press Train: where the network puts the images appears here."));
    for step in 1..=2 {
        window.key_press(Key::F7);
        let facts = format!("step {step}, weights as they are");
        wait_for(&mut window, &facts, |window| says(window, &facts));
    }
    window.get_by_label("Reset").click();
    wait_for(&mut window, "an empty view", |window| says(window, "where the network puts the images"));
}

#[test]
fn compared_runs_have_a_picture_each() {
    let mut window = trained(AppOptions { compare: Some("labels only".into()), ..short() });
    window.get_by_label("Embedding").click();
    // One run may be done before the other.
    let both = |window: &Window| {
        let of_the_last_step = window.query_all_by_label_contains("step 6, weights as they are").count();
        of_the_last_step == 2 && window.query_all_by_label_contains(PICTURE).count() == 2
    };
    wait_for(&mut window, "two pictures", both);
    rest(&mut window);
    compare_runs(&mut window, "embedding_compared");
}
