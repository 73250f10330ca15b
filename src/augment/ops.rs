//! The strong operations: their table, the parameters of one application, and the dispatch that applies them
//! (reference, `libml/ctaugment.py`; kernel, `shaders/augment/ops.wgsl`).

use bytemuck::{Pod, Zeroable};
use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

use crate::gpu::{Kernel, PlanBuilder, Tensor, groups_1d};
use crate::named::Named;

/// The operations; the discriminant is the id in [`OpDraw`] and in `shaders/augment/ops.wgsl`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum OperationKind {
    Autocontrast = 0,
    Blur = 1,
    Brightness = 2,
    Color = 3,
    Contrast = 4,
    Cutout = 5,
    Equalize = 6,
    Invert = 7,
    Identity = 8,
    Posterize = 9,
    Rescale = 10,
    Rotate = 11,
    Sharpness = 12,
    ShearX = 13,
    ShearY = 14,
    Smooth = 15,
    Solarize = 16,
    TranslateX = 17,
    TranslateY = 18,
}

/// Name and parameters of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    pub kind: OperationKind,
    pub name: &'static str,
    /// Bins of each of its parameters in CTAugment.
    pub bins: &'static [usize],
    /// The effect of its parameters v and v2, both in [0, 1].
    pub description: &'static str,
}

const fn operation(
    kind: OperationKind,
    name: &'static str,
    bins: &'static [usize],
    description: &'static str,
) -> Operation {
    Operation { kind, name, bins, description }
}

/// All operations, each at the index of its id; the first 19 are the reference's.
pub const OPERATIONS: [Operation; 19] = [
    operation(OperationKind::Autocontrast, "autocontrast", &[17], "blend with the stretched image by v"),
    operation(OperationKind::Blur, "blur", &[17], "blend with the 5x5 blur by v"),
    operation(OperationKind::Brightness, "brightness", &[17], "scale towards black by 0.1 + 1.9 v"),
    operation(OperationKind::Color, "color", &[17], "scale away from grey by 0.1 + 1.9 v"),
    operation(OperationKind::Contrast, "contrast", &[17], "scale away from the mean grey by 0.1 + 1.9 v"),
    operation(OperationKind::Cutout, "cutout", &[17], "grey square of 1 + 0.499 v of the shorter side"),
    operation(OperationKind::Equalize, "equalize", &[17], "blend with the equalised image by v"),
    operation(OperationKind::Invert, "invert", &[17], "blend with the negative by v"),
    operation(OperationKind::Identity, "identity", &[], "nothing"),
    operation(OperationKind::Posterize, "posterize", &[8], "keep 1 + 7.999 v bits"),
    operation(OperationKind::Rescale, "rescale", &[17, 6], "crop 0.25 v off every side, filter 5.99 v2"),
    operation(OperationKind::Rotate, "rotate", &[17], "rotate by 45 (2 v - 1) degrees counter-clockwise"),
    operation(OperationKind::Sharpness, "sharpness", &[17], "scale away from the smoothed by 0.1 + 1.9 v"),
    operation(OperationKind::ShearX, "shear_x", &[17], "shear along x by 0.3 (2 v - 1)"),
    operation(OperationKind::ShearY, "shear_y", &[17], "shear along y by 0.3 (2 v - 1)"),
    operation(OperationKind::Smooth, "smooth", &[17], "blend with the 3x3 smoothed by v"),
    operation(OperationKind::Solarize, "solarize", &[17], "negative of values from 255.999 v on"),
    operation(OperationKind::TranslateX, "translate_x", &[17], "shift left by 0.3 (2 v - 1)"),
    operation(OperationKind::TranslateY, "translate_y", &[17], "shift up by 0.3 (2 v - 1)"),
];

impl OperationKind {
    /// Its id in draws.
    pub fn id(self) -> u32 {
        self as u32
    }

    /// Its row of the table.
    pub fn operation(self) -> &'static Operation {
        &OPERATIONS[self as usize]
    }
}

/// One operation on one view; `Draw` of `shaders/augment/ops.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
pub struct OpDraw {
    /// Id of an [`OperationKind`].
    pub op: u32,
    /// v, in [0, 1] for CTAugment.
    pub level: f32,
    /// v2, in [0, 1]; 0 where the operation has one parameter.
    pub second: f32,
    /// Centre of a cutout, `x | y << 16`; 0 for the others.
    pub centre: u32,
}

impl OpDraw {
    /// The operation that changes nothing.
    pub const IDENTITY: OpDraw =
        OpDraw { op: OperationKind::Identity as u32, level: 0.0, second: 0.0, centre: 0 };

    /// `kind` with parameters `[v, v2]`; a cutout's centre is drawn uniformly from the pixels of an
    /// image of `size` `[width, height]`.
    pub fn new(rng: &mut impl Rng, kind: OperationKind, values: [f32; 2], size: [u32; 2]) -> Self {
        let centre = match kind {
            OperationKind::Cutout => {
                rng.random_range(0..size[0].max(1)) | rng.random_range(0..size[1].max(1)) << 16
            }
            _ => 0,
        };
        OpDraw { op: kind.id(), level: values[0], second: values[1], centre }
    }
}

/// How far `rescale` and `translate` reach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PolicyScale {
    /// The paper's table: crops up to 25 % of the side, shifts up to 30 % of it.
    #[default]
    Paper,
    /// The reference as shipped, where both are fractions of a pixel: with nearest sampling, nothing.
    Literal,
}

impl Named for PolicyScale {
    const VALUES: &'static [(Self, &'static str)] = &[
        (Self::Paper, "crops up to 25 %, shifts up to 30 % of the side"),
        (Self::Literal, "fractions of a pixel, which move nothing under nearest sampling"),
    ];
}

/// How `rotate`, `shear` and `translate` read between pixels; outside the image is black.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sampling {
    /// As the reference does.
    #[default]
    Nearest,
    Bilinear,
}

impl Named for Sampling {
    const VALUES: &'static [(Self, &'static str)] = &[
        (Self::Nearest, "the nearest pixel, as the reference does"),
        (Self::Bilinear, "the four nearest pixels, weighted by distance"),
    ];
}

/// Choices fixed when the plan is recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpOptions {
    #[serde(rename = "policy_scale")]
    pub scale: PolicyScale,
    pub sampling: Sampling,
}

/// Whole degrees a rotation goes to either side.
const MAX_ANGLE: i32 = 45;
/// Rows of the table of rotations: 91 in use.
const ANGLE_ROWS: usize = 96;

/// `Params` of `shaders/augment/ops.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    views: u32,
    height: u32,
    width: u32,
    bilinear: u32,
    literal: u32,
    unused: [u32; 3],
    rotations: [[u32; 4]; ANGLE_ROWS],
}

/// Output to input map of every whole angle, `x' = cos x + sin y + tx, y' = -sin x + cos y + ty` about
/// the centre, at pixel (0, 0)'s centre: in 16.16 fixed point for nearest sampling, as Pillow computes
/// it, in floats for bilinear.
fn rotations([height, width]: [usize; 2], sampling: Sampling) -> [[u32; 4]; ANGLE_ROWS] {
    let mut table = [[0; 4]; ANGLE_ROWS];
    for (row, degrees) in table.iter_mut().zip(-MAX_ANGLE..=MAX_ANGLE) {
        let (sin, cos) = (-f64::from(degrees)).to_radians().sin_cos();
        let (cx, cy) = (width as f64 / 2.0, height as f64 / 2.0);
        let tx = cx - cos * cx - sin * cy + 0.5 * (cos + sin);
        let ty = cy + sin * cx - cos * cy + 0.5 * (cos - sin);
        *row = [cos, sin, tx, ty].map(|value| match sampling {
            Sampling::Nearest => (value * 65_536.0 + 0.5).floor() as i32 as u32,
            Sampling::Bilinear => (value as f32).to_bits(),
        });
    }
    table
}

/// Records one operation on each of `count` views: view i of `to` is view i of `from`, both
/// `[count, height, width]`, with element i of `draws` ([`OpDraw`] `[count]`) applied. A policy of depth 2 is two
/// such dispatches. `draws` must start at a multiple of 64 words. `size` is `[height, width]`.
///
/// # Panics
/// If `from` and `to` are the same tensor: operations read neighbouring pixels.
pub fn record_ops(
    b: &mut PlanBuilder,
    size: [usize; 2],
    options: OpOptions,
    from: Tensor,
    draws: Tensor,
    to: Tensor,
    count: usize,
) {
    assert_ne!(from, to, "operations do not work in place");
    let params = Params {
        views: count as u32,
        height: size[0] as u32,
        width: size[1] as u32,
        bilinear: u32::from(options.sampling == Sampling::Bilinear),
        literal: u32::from(options.scale == PolicyScale::Literal),
        unused: [0; 3],
        rotations: rotations(size, options.sampling),
    };
    // An image's histogram and the sums over its 256 values.
    b.dispatch(Kernel::new("augment/ops", "apply"), &params, &[from, draws, to], groups_1d(count as u32))
        .chain = 256;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_at_the_index_of_their_id() {
        for (index, operation) in OPERATIONS.iter().enumerate() {
            assert_eq!(operation.kind.id() as usize, index, "{}", operation.name);
            assert_eq!(operation.kind.operation(), operation);
        }
    }

    #[test]
    fn the_first_names_are_those_of_the_reference() {
        let names: Vec<_> = OPERATIONS[..19].iter().map(|o| o.name).collect();
        let expected = "autocontrast blur brightness color contrast cutout equalize invert identity posterize \
                        rescale rotate sharpness shear_x shear_y smooth solarize translate_x translate_y";
        assert_eq!(names.join(" "), expected);
    }
}
