use bytemuck::{Pod, Zeroable};
use rand::{Rng, RngExt};

use crate::gpu::{Kernel, PlanBuilder, Tensor, groups_for_items};

/// How one view is made of a source image: flipped, then shifted.
///
/// `view(x, y) = flipped(reflect(x - dx), reflect(y - dy))`, so that a positive `dx` moves the image to
/// the right and a positive `dy` down. `reflect` folds at the border pixel without repeating it
/// (numpy's `reflect`), as often as the shift needs; an image one pixel wide repeats that pixel.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct WeakDraw {
    /// Index of the source image.
    pub source: u32,
    /// Pixels to the right.
    pub dx: i32,
    /// Pixels down.
    pub dy: i32,
    /// 1 mirrors left and right, 0 does not.
    pub flip: u32,
}

/// What weak augmentation may do to a data set's images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WeakStyle {
    /// Mirror half of the views.
    pub flip: bool,
    /// Largest shift along each axis, pixels.
    pub shift: u32,
}

impl WeakStyle {
    /// A random view of image `source`: shifts uniform in `-shift..=shift`, a flip with p = 1/2.
    pub fn draw(&self, rng: &mut impl Rng, source: u32) -> WeakDraw {
        let shift = self.shift as i32;
        WeakDraw {
            source,
            dx: rng.random_range(-shift..=shift),
            dy: rng.random_range(-shift..=shift),
            flip: u32::from(self.flip && rng.random()),
        }
    }
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    views: u32,
    height: u32,
    width: u32,
    unused: u32,
}

/// Records `count` views `[count, height, width]` of `sources` `[n, height, width]`, one row of `draws`
/// ([`WeakDraw`]) a view. `size` is `[height, width]`.
pub fn record_weak(
    b: &mut PlanBuilder,
    size: [usize; 2],
    sources: Tensor,
    draws: Tensor,
    views: Tensor,
    count: usize,
) {
    let [height, width] = size;
    let params = Params { views: count as u32, height: height as u32, width: width as u32, unused: 0 };
    let groups = groups_for_items(count * height * width, 64);
    b.dispatch(Kernel::new("augment/weak", "weak"), &params, &[sources, draws, views], groups);
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn draws_cover_every_shift_and_flip_half_of_the_time() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let style = WeakStyle { flip: true, shift: 2 };
        let draws: Vec<_> = (0..5_000).map(|i| style.draw(&mut rng, i)).collect();
        for wanted in -2..=2 {
            let share = draws.iter().filter(|d| d.dx == wanted).count();
            assert!((850..1_150).contains(&share), "dx {wanted}: {share} of 5000");
            let share = draws.iter().filter(|d| d.dy == wanted).count();
            assert!((850..1_150).contains(&share), "dy {wanted}: {share} of 5000");
        }
        let flips: u32 = draws.iter().map(|d| d.flip).sum();
        assert!((2_350..2_650).contains(&flips), "{flips} flips of 5000");
        assert!(draws.iter().enumerate().all(|(i, d)| d.source == i as u32));
    }

    #[test]
    fn a_style_without_anything_changes_nothing() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let style = WeakStyle { flip: false, shift: 0 };
        let plain = WeakDraw { source: 9, dx: 0, dy: 0, flip: 0 };
        assert!((0..100).all(|_| style.draw(&mut rng, 9) == plain));
    }
}
