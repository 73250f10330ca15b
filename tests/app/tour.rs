//! The guided tour.

use egui_kittest::kittest::Queryable as _;

use crate::common::{ready, says, short, wait_for};

/// Title, view, and whether two runs are compared.
const STOPS: [(&str, &str, bool); 6] = [
    ("The anchor", "Anchors", false),
    ("Why strong views alone fail", "Anchors", true),
    ("Distribution alignment", "Alignment", false),
    ("Sharpening", "Anchors", false),
    ("MixUp", "MixUp", false),
    ("Rotation", "Rotation", false),
];

#[test]
fn every_tour_stop_shows_its_view_and_trains() {
    let mut window = ready(short());
    window.get_by_label("Take the tour").click();
    for (i, (title, view, compares)) in STOPS.into_iter().enumerate() {
        let card = format!("Tour {} of 6: {title}", i + 1);
        wait_for(&mut window, &card, |window| says(window, &card));
        assert!(window.state().shown_views().contains(&view), "{title}: {:?}", window.state().shown_views());
        wait_for(&mut window, "a step of every run", |window| {
            let workspace = &window.state().workspace;
            workspace.training_step().is_some_and(|step| step > 0)
                && (!compares || workspace.last_statistics(1).is_some())
        });
        let workspace = &window.state().workspace;
        let settings = workspace.settings();
        assert_eq!((settings.config.preset.as_str(), settings.compare.is_some()), ("quick", compares));
        assert_eq!(workspace.last_statistics(1).is_some(), compares, "{title}");
        let next = if i + 1 == STOPS.len() { "End" } else { "Next" };
        window.get_by_label(next).click();
        window.run_steps(3);
    }
    assert!(!says(&window, "Tour "));
}
