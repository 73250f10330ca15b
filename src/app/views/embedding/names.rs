//! Class names in the middle of their points, none over another.

use eframe::egui::{Rect, Vec2};

/// Moves rectangles apart: each, from the top one on, goes down until it covers none before it. Returns how
/// far down each goes.
pub fn spread(wanted: &[Rect]) -> Vec<f32> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|a, b| wanted[*a].top().total_cmp(&wanted[*b].top()));
    let mut down = vec![0.0; wanted.len()];
    let mut taken: Vec<Rect> = Vec::new();
    for i in order {
        let mut rect = wanted[i];
        // Going down past one may run into another, but never into the same again.
        while let Some(other) = taken.iter().find(|other| covers(**other, rect)) {
            rect = rect.translate(Vec2::new(0.0, other.bottom() - rect.top()));
        }
        down[i] = rect.top() - wanted[i].top();
        taken.push(rect);
    }
    down
}

/// Whether one lies over another; touching is no matter.
fn covers(a: Rect, b: Rect) -> bool {
    a.shrink(0.25).intersects(b.shrink(0.25))
}

#[cfg(test)]
mod tests {
    use super::*;
    use eframe::egui::pos2;

    #[test]
    fn names_go_down_until_they_are_apart() {
        let rect = |x: f32, y: f32| Rect::from_min_size(pos2(x, y), Vec2::new(30.0, 10.0));
        let wanted = [rect(0.0, 4.0), rect(10.0, 0.0), rect(20.0, 18.0), rect(100.0, 2.0)];
        let down = spread(&wanted);
        assert_eq!(down, [6.0, 0.0, 2.0, 0.0]);
        let moved: Vec<_> = wanted.iter().zip(&down).map(|(r, d)| r.translate(Vec2::new(0.0, *d))).collect();
        for (i, a) in moved.iter().enumerate() {
            assert!(moved[..i].iter().all(|b| !covers(*a, *b)), "{moved:?}");
        }
        assert_eq!(spread(&[rect(0.0, 0.0); 3]), [0.0, 10.0, 20.0]);
        assert!(spread(&[]).is_empty());
    }
}
