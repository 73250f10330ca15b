/// What changes from step to step; `ssl::StepBlock` in Rust.
struct Step {
    /// Adam's step size with both bias corrections: lr sqrt(1 - beta2^t) / (1 - beta1^t)
    learning_rate: f32,
    beta1: f32,
    beta2: f32,
    epsilon: f32,
    /// 1 - weight_decay lr
    decay: f32,
    ema: f32,
    /// row of the prediction history that this step overwrites
    slot: u32,
    /// 1: this step leaves weights, optimiser and EMA as they are
    skipped: u32,
    /// weight of every loss term, with its ramp, divided by the number of rows it is a mean over
    weights: array<f32>,
}
