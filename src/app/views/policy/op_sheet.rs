//! One image changed by every operation, on the adapter, as tiles of a texture.

use bytemuck::cast_slice;

use crate::augment::{AssembleRow, OPERATIONS, OpDraw, OpOptions, OperationKind, record_ops};
use crate::data::Images;
use crate::gpu::{Gpu, GpuError, Pictures, Plan, PlanBuilder, Program, Tensor};

const VIEWS: usize = OPERATIONS.len();

/// A plan of one view an operation, by its id.
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
    /// For images of `size` `[height, width]`.
    ///
    /// # Errors
    /// The adapter's.
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
        let pictures = Pictures::new(gpu, &plan, size, after, rows, VIEWS)?;
        Ok(Self { pictures, size, options, plan, program, before, draws })
    }

    /// Takes an image of that size; shown by the next [`OpSheet::apply`].
    pub fn set_image(&self, gpu: &Gpu, images: &Images, index: usize) {
        let mut words = vec![0u32; self.size[0] * self.size[1]];
        images.rgba(index, &mut words);
        self.plan.write(gpu, self.before, &words.repeat(VIEWS));
    }

    /// Applies every operation at level v and second parameter v2 and draws the tiles; waits for nothing.
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
