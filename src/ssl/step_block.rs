use bytemuck::{Pod, Zeroable};

/// What changes from step to step; `Step` of `shaders/common/step.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
pub struct StepBlock {
    /// Adam's step size with both bias corrections.
    pub learning_rate: f32,
    pub beta1: f32,
    pub beta2: f32,
    pub epsilon: f32,
    /// 1 - weight decay x learning rate.
    pub decay: f32,
    pub ema: f32,
    /// Loss weights with their ramp, each divided by the rows it is a mean over.
    pub weight_x: f32,
    pub weight_u: f32,
    pub weight_u1: f32,
    pub weight_r: f32,
    /// Row of the prediction history this step overwrites.
    pub slot: u32,
    pub unused: u32,
}

/// Words of a [`StepBlock`].
pub const STEP_WORDS: usize = size_of::<StepBlock>() / 4;
