//! All operations applied to one image on the adapter, as tiles of a texture, and the description of a level in
//! the unit of its operation.

use bytemuck::cast_slice;

use crate::augment::{
    AssembleRow, OPERATIONS, OpDraw, OpOptions, OperationKind, PolicyScale, input_pictures, record_ops,
};
use crate::data::Images;
use crate::gpu::{Gpu, GpuError, Pictures, Plan, PlanBuilder, Program, Tensor};

const VIEWS: usize = OPERATIONS.len();

/// A plan with one view per operation, in the order of the operation ids.
pub struct OpSheet {
    pub pictures: Pictures,
    /// `[height, width]`
    pub size: [usize; 2],
    pub options: OpOptions,
    plan: Plan,
    program: Program,
    before: Tensor,
    draws: Tensor,
}

impl OpSheet {
    /// Creates the plan for images of `size` `[height, width]`.
    ///
    /// # Errors
    /// When a buffer, a pipeline or the texture cannot be created.
    pub fn new(gpu: &Gpu, size: [usize; 2], options: OpOptions) -> Result<Self, GpuError> {
        let mut b = PlanBuilder::new();
        let words = VIEWS * size[0] * size[1];
        let before = b.persistent("playground.before", words);
        let draws = b.persistent("playground.draws", VIEWS * size_of::<OpDraw>() / 4);
        let after = b.persistent("playground.after", words);
        let rows = b.persistent("playground.rows", VIEWS * size_of::<AssembleRow>() / 4);
        record_ops(&mut b, size, options, before, draws, after, VIEWS);
        let program = b.program(0);
        let plan = b.build(gpu)?;
        let row = |view: u32| AssembleRow { a: view, b: view, lambda: 1.0, rotation: 0 };
        let table: Vec<_> = (0..VIEWS as u32).map(row).collect();
        plan.write::<u8>(gpu, rows, cast_slice(&table));
        let pictures = input_pictures(gpu, &plan, size, after, rows, VIEWS)?;
        Ok(Self { pictures, size, options, plan, program, before, draws })
    }

    /// Sets the image; the next [`OpSheet::apply`] shows it. `images` have the size of the sheet.
    pub fn set_image(&self, gpu: &Gpu, images: &Images, index: usize) {
        let mut words = vec![0u32; self.size[0] * self.size[1]];
        images.rgba(index, &mut words);
        self.plan.write(gpu, self.before, &words.repeat(VIEWS));
    }

    /// Submits every operation at level `v` and second parameter `v2`, and draws the tiles.
    pub fn apply(&self, gpu: &Gpu, v: f32, v2: f32) {
        let [height, width] = self.size;
        let centre = (width / 2) as u32 | ((height / 2) as u32) << 16;
        let draws = OPERATIONS.map(|operation| OpDraw {
            op: operation.kind.id(),
            level: v,
            second: if operation.bins.len() > 1 { v2 } else { 0.0 },
            centre: if operation.kind == OperationKind::Cutout { centre } else { 0 },
        });
        self.plan.write::<u8>(gpu, self.draws, cast_slice(&draws));
        self.plan.run(gpu, self.program);
        self.pictures.draw(gpu);
    }
}

/// Resampling filters of rescale, by its second parameter.
const FILTERS: [&str; 6] = ["Lanczos", "bicubic", "bilinear", "box", "Hamming", "nearest"];

/// The resampling filter for a second parameter of rescale, 0 to 1.
pub fn filter_name(second: f32) -> &'static str {
    FILTERS[((second.clamp(0.0, 1.0) * 5.99) as usize).min(FILTERS.len() - 1)]
}

/// The effect of level `v` on an image of `size` `[height, width]`, in the operation's unit, as computed in
/// `shaders/augment/ops.wgsl`.
pub fn effect_text(kind: OperationKind, v: f32, size: [usize; 2], options: OpOptions) -> String {
    let [height, width] = size.map(|side| side as f32);
    let swing = 2.0 * v - 1.0;
    let literal = options.scale == PolicyScale::Literal;
    let shift = |side: f32| format!("{:+.1} px", 0.3 * swing * if literal { 1.0 } else { side });
    match kind {
        OperationKind::Identity => "unchanged".to_owned(),
        OperationKind::Autocontrast
        | OperationKind::Blur
        | OperationKind::Equalize
        | OperationKind::Invert
        | OperationKind::Smooth => format!("{:.0} %", 100.0 * v),
        OperationKind::Brightness
        | OperationKind::Color
        | OperationKind::Contrast
        | OperationKind::Sharpness => format!("×{:.2}", 0.1 + 1.9 * v),
        OperationKind::Cutout => {
            let half = (1.0 + v * height.min(width) * 0.499) as u32 / 2;
            format!("{} px", 2 * half)
        }
        OperationKind::Posterize => format!("keep {} bit", (1 + (v * 7.999) as u32).min(8)),
        OperationKind::Rescale if literal => format!("crop {:.2} px", 0.25 * v),
        OperationKind::Rescale => format!("crop {:.0} %", 25.0 * v),
        OperationKind::Rotate => format!("{:+.0}°", 45.0 * swing),
        OperationKind::ShearX | OperationKind::ShearY => format!("{:+.2}", 0.3 * swing),
        OperationKind::Solarize => format!("from {}", (v * 255.999) as u32),
        OperationKind::TranslateX => shift(width),
        OperationKind::TranslateY => shift(height),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effects_are_in_the_unit_of_the_operation() {
        let paper = |kind, v| effect_text(kind, v, [20, 40], OpOptions::default());
        assert_eq!(paper(OperationKind::Rotate, 0.0), "-45°");
        assert_eq!(paper(OperationKind::Posterize, 0.0), "keep 1 bit");
        assert_eq!(paper(OperationKind::Posterize, 1.0), "keep 8 bit");
        assert_eq!(paper(OperationKind::Brightness, 1.0), "×2.00");
        assert_eq!(paper(OperationKind::TranslateX, 1.0), "+12.0 px");
        assert_eq!(paper(OperationKind::TranslateY, 0.0), "-6.0 px");
        assert_eq!(paper(OperationKind::Cutout, 1.0), "10 px");
        let literal = OpOptions { scale: PolicyScale::Literal, ..OpOptions::default() };
        assert_eq!(effect_text(OperationKind::TranslateX, 1.0, [20, 40], literal), "+0.3 px");
    }

    #[test]
    fn second_parameter_selects_every_filter() {
        let names: Vec<_> = (0..6).map(|i| filter_name((i as f32 + 0.5) / 5.99)).collect();
        assert_eq!(names, FILTERS);
        assert_eq!((filter_name(0.0), filter_name(1.0)), ("Lanczos", "nearest"));
    }
}
