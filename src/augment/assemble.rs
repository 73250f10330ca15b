use bytemuck::{Pod, Zeroable};

use crate::gpu::{Kernel, PlanBuilder, Tensor, groups_for_items};
use crate::nn::Activation;

/// One network input; `Row` of `shaders/common/views.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
pub struct AssembleRow {
    /// First view of the mix.
    pub a: u32,
    /// Second view of the mix; not read where `lambda` is 1.
    pub b: u32,
    /// Share of view a.
    pub lambda: f32,
    /// 0 none, 1 = 180 degrees, 2 = 90 counter-clockwise, 3 = 90 clockwise; 2 and 3 want square images.
    pub rotation: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    rows: u32,
    first_row: u32,
    height: u32,
    width: u32,
    channels: u32,
    unused: [u32; 3],
}

/// Records network inputs `out` `[images, height, width, 4]`: rows `first_row..` of `rows`
/// ([`AssembleRow`]), each `lambda norm(a) + (1 - lambda) norm(b)` with `norm(x) = x / 127.5 - 1`, then
/// turned. `channels` is the data set's (1 or 3), the remaining input channels are 0. `size` is
/// `[height, width]`.
///
/// # Panics
/// When `out` is not of that shape or `channels` is neither 1 nor 3: a mistake in the caller's layout.
pub fn record_assemble(
    b: &mut PlanBuilder,
    size: [usize; 2],
    channels: usize,
    views: Tensor,
    rows: Tensor,
    first_row: usize,
    out: Activation,
) {
    let [height, width] = size;
    assert_eq!([out.height, out.width, out.channels], [height, width, 4], "shape of the network input");
    assert!(channels == 1 || channels == 3, "images have 1 or 3 channels, not {channels}");
    let params = Params {
        rows: out.images as u32,
        first_row: first_row as u32,
        height: height as u32,
        width: width as u32,
        channels: channels as u32,
        unused: [0; 3],
    };
    let groups = groups_for_items(out.rows(), 64);
    b.dispatch(Kernel::new("augment/assemble", "assemble"), &params, &[views, rows, out.tensor], groups);
}
