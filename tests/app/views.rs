use crate::common::{compare, short, show, trained};

#[test]
fn anchors_show_the_last_steps_views() {
    let mut window = trained(short());
    show(&mut window, "Anchors");
    compare(&mut window, "anchors");
}
