//! What every registered view does, and the views that have no file of tests of their own.

use image::RgbaImage;
use remixmatch::app::view_titles;

use crate::common::{Window, compare, ready, short, show, trained};

/// Distinct colours where the tabs of the large pane show their content.
fn colours_of_content(window: &mut Window) -> usize {
    let picture: RgbaImage = window.render().expect("a picture of the window");
    let content = (360..1270).flat_map(|x| (40..480).map(move |y| (x, y)));
    let mut seen: Vec<_> = content.map(|(x, y)| picture.get_pixel(x, y).0).collect();
    seen.sort_unstable();
    seen.dedup();
    seen.len()
}

fn assert_every_view_draws(window: &mut Window) {
    for title in view_titles() {
        show(window, title);
        let colours = colours_of_content(window);
        assert!(colours > 8, "{title} is blank: {colours} colours");
    }
}

#[test]
fn every_view_draws_before_a_run() {
    assert_every_view_draws(&mut ready(short()));
}

#[test]
fn every_view_draws_after_a_run() {
    assert_every_view_draws(&mut trained(short()));
}

#[test]
fn anchors_show_the_last_steps_views() {
    let mut window = trained(short());
    show(&mut window, "Anchors");
    compare(&mut window, "anchors");
}
