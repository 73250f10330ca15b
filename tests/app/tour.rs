use egui_kittest::kittest::Queryable as _;

use crate::common::{ready, says, short, wait_for};

#[test]
fn six_stops_each_set_the_app_up() {
    let mut window = ready(short());
    window.get_by_label("Take the tour").click();
    window.run_steps(3);
    let titles = [
        "The anchor",
        "Why strong views alone fail",
        "Distribution alignment",
        "Sharpening",
        "MixUp",
        "Rotation",
    ];
    for (i, title) in titles.iter().enumerate() {
        wait_for(&mut window, title, |window| says(window, &format!("Tour {} of 6: {title}", i + 1)));
        wait_for(&mut window, "training", |window| says(window, "training") || says(window, " steps"));
        let next = if i + 1 == titles.len() { "End" } else { "Next" };
        window.get_by_label(next).click();
        window.run_steps(3);
    }
    assert!(!says(&window, "Tour "));
}
