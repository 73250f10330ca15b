use egui_kittest::kittest::Queryable as _;

use crate::common::{Window, compare, short, trained};

fn show(window: &mut Window, tab: &str) {
    window.get_by_label(tab).click();
    window.run_steps(4);
}

#[test]
fn anchors_show_the_last_steps_views() {
    let mut window = trained(short());
    show(&mut window, "Anchors");
    compare(&mut window, "anchors");
}
