//! An image that is dropped on a trained run is classified.

use std::fs;

use egui_kittest::kittest::Queryable as _;
use image::{Rgb, RgbImage};
use tempfile::tempdir;

use crate::common::{STEPS, compare, drop_on, ready, says, short, wait_for};

#[test]
fn dropped_image_is_classified_by_a_trained_run() {
    let folder = tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    let wide = RgbImage::from_fn(90, 40, |x, y| Rgb([x as u8, y as u8, 200]));
    for name in ["wide.png", "photo.jpg"] {
        wide.save(path(name)).expect("writable");
    }
    let png = fs::read(path("wide.png")).expect("a file");
    fs::write(path("cut.png"), &png[..png.len() / 2]).expect("a file");
    let mut window = ready(short());
    window.get_by_label("▶ Train").click();
    wait_for(&mut window, "the run's end", |window| says(window, "finished"));
    for name in ["wide.png", "photo.jpg"] {
        drop_on(&mut window, &path(name));
        wait_for(&mut window, name, |window| window.query_by_label(name).is_some());
        assert!(says(&window, &format!("EMA weights after {STEPS} steps")));
        assert!(says(&window, "as the network sees it: "));
    }
    compare(&mut window, "classified");
    drop_on(&mut window, &path("cut.png"));
    wait_for(&mut window, "the notice", |window| says(window, "not classified: "));
    assert!(window.query_by_label("photo.jpg").is_some(), "the last answer stays");

    // The run and its data stay; Reset closes the answer.
    assert_eq!(window.state().workspace.settings().config.data, "builtin:digits");
    window.state_mut().workspace.reset();
    window.run_steps(3);
    assert!(window.query_by_label("photo.jpg").is_none());
}

#[test]
fn image_dropped_before_a_run_is_refused() {
    let folder = tempdir().expect("a folder");
    let image = folder.path().join("photo.png");
    RgbImage::from_pixel(9, 9, Rgb([200, 10, 10])).save(&image).expect("writable");
    let mut window = ready(short());
    drop_on(&mut window, &image);
    wait_for(&mut window, "the refusal", |window| says(window, "photo.png is not a data set"));
    assert!(!says(&window, "Classified image"));
}
