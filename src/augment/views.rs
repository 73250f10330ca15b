//! From source images to network inputs: weak augmentation, the operations of a strong policy, and assembly (mixing
//! and rotation). The kernels are `shaders/augment/{weak,ops,assemble}.wgsl` and `shaders/view/pictures.wgsl`; new
//! operations belong in `ops`.

use bytemuck::{Pod, Zeroable};
use rand::{Rng, RngExt};

use super::ops::{OpOptions, record_ops};
use crate::gpu::{Gpu, GpuError, Kernel, Pictures, Plan, PlanBuilder, Tensor, groups_for_items};
use crate::nn::{Activation, InputScale};

/// How one view is made of a source image: flipped, then shifted; `Draw` of `shaders/augment/weak.wgsl`.
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

/// One network input: two views mixed, then rotated; `Row` of `shaders/common/images.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
pub struct AssembleRow {
    /// First view of the mix.
    pub a: u32,
    /// Second view of the mix; not read where `lambda` is 1.
    pub b: u32,
    /// Weight of view a; view b has `1 - lambda`.
    pub lambda: f32,
    /// 0 none, 1 = 180 degrees, 2 = 90 counter-clockwise, 3 = 90 clockwise; 2 and 3 require square images.
    pub rotation: u32,
}

/// The tensors of [`record_augmentation`].
#[derive(Clone, Copy, Debug)]
pub struct Augmentation<'a> {
    /// `[n, height, width]` pixels.
    pub sources: Tensor,
    /// [`WeakDraw`] `[count]`.
    pub weak: Tensor,
    /// [`super::OpDraw`] `[count]` for each operation, in the order in which they are applied.
    pub ops: &'a [Tensor],
    /// The result: `[count, height, width]` pixels.
    pub views: Tensor,
    /// Number of views.
    pub count: usize,
}

/// Records source images -> weak views -> each operation in turn. The operations alternate between `views` and a
/// transient buffer of the same size, so that the last one writes to `views`. `size` is `[height, width]`.
pub fn record_augmentation(b: &mut PlanBuilder, size: [usize; 2], options: OpOptions, of: Augmentation<'_>) {
    let Augmentation { sources, weak, ops, views, count } = of;
    let other = b.tensor("views between operations", count * size[0] * size[1]);
    let (mut from, mut to) = if ops.len() % 2 == 1 { (other, views) } else { (views, other) };
    record_weak(b, size, sources, weak, from, count);
    for draws in ops {
        record_ops(b, size, options, from, *draws, to, count);
        std::mem::swap(&mut from, &mut to);
    }
}

/// `Params` of `shaders/augment/weak.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct WeakParams {
    views: u32,
    height: u32,
    width: u32,
    unused: u32,
}

/// Records `count` views `[count, height, width]` of `sources` `[n, height, width]`; `draws` is
/// [`WeakDraw`] `[count]`. `size` is `[height, width]`.
pub fn record_weak(
    b: &mut PlanBuilder,
    size: [usize; 2],
    sources: Tensor,
    draws: Tensor,
    views: Tensor,
    count: usize,
) {
    let [height, width] = size;
    let params = WeakParams { views: count as u32, height: height as u32, width: width as u32, unused: 0 };
    let groups = groups_for_items(count * height * width, 64);
    b.dispatch(Kernel::new("augment/weak", "weak"), &params, &[sources, draws, views], groups);
}

/// `Params` of `shaders/augment/assemble.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct AssembleParams {
    rows: u32,
    first_row: u32,
    height: u32,
    width: u32,
    channels: u32,
    scale: u32,
    unused: [u32; 2],
}

/// Records network inputs `out` `[images, height, width, 4]`: input i is row `first_row + i` of `rows`
/// ([`AssembleRow`] `[n]`), `lambda norm(a) + (1 - lambda) norm(b)` with the network's scale as `norm`, then
/// rotated. `channels` is the number that the network reads (1 or 3), the remaining input channels are 0. `size` is
/// `[height, width]`.
///
/// # Panics
/// If `out` does not have that shape, or `channels` is neither 1 nor 3.
pub fn record_assemble(
    b: &mut PlanBuilder,
    size: [usize; 2],
    (channels, scale): (usize, InputScale),
    views: Tensor,
    rows: Tensor,
    first_row: usize,
    out: Activation,
) {
    let [height, width] = size;
    assert_eq!([out.height, out.width, out.channels], [height, width, 4], "shape of the network input");
    assert!(channels == 1 || channels == 3, "images have 1 or 3 channels, not {channels}");
    let params = AssembleParams {
        rows: out.images as u32,
        first_row: first_row as u32,
        height: height as u32,
        width: width as u32,
        channels: channels as u32,
        scale: match scale {
            InputScale::Reference => 0,
            InputScale::Lite => 1,
        },
        unused: [0; 2],
    };
    let groups = groups_for_items(out.pixels(), 64);
    let kernel = Kernel::new("augment/assemble", "assemble").stored_as(out.storage);
    b.dispatch(kernel, &params, &[views, rows, out.tensor], groups);
}

/// Pictures of `tiles` network inputs of `size` `[height, width]` for a window: tile i shows row i of `rows`
/// ([`AssembleRow`] `[n]`).
///
/// # Errors
/// [`GpuError::UnknownShader`] if the shader is not built in.
pub fn input_pictures(
    gpu: &Gpu,
    plan: &Plan,
    size: [usize; 2],
    views: Tensor,
    rows: Tensor,
    tiles: usize,
) -> Result<Pictures, GpuError> {
    Pictures::new(gpu, plan, &Kernel::new("view/pictures", "draw"), size, &[views, rows], tiles)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn shifts_are_uniform_and_half_are_flipped() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let style = WeakStyle { flip: true, shift: 2 };
        let draws: Vec<_> = (0..5_000).map(|i| style.draw(&mut rng, i)).collect();
        for expected in -2..=2 {
            let share = draws.iter().filter(|d| d.dx == expected).count();
            assert!((850..1_150).contains(&share), "dx {expected}: {share} of 5000");
            let share = draws.iter().filter(|d| d.dy == expected).count();
            assert!((850..1_150).contains(&share), "dy {expected}: {share} of 5000");
        }
        let flips: u32 = draws.iter().map(|d| d.flip).sum();
        assert!((2_350..2_650).contains(&flips), "{flips} flips of 5000");
        assert!(draws.iter().enumerate().all(|(i, d)| d.source == i as u32));
    }

    #[test]
    fn a_style_without_flip_or_shift_changes_nothing() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let style = WeakStyle { flip: false, shift: 0 };
        let plain = WeakDraw { source: 9, dx: 0, dy: 0, flip: 0 };
        assert!((0..100).all(|_| style.draw(&mut rng, 9) == plain));
    }
}
