//! Trains ReMixMatch on the embedded digits, 40 of them labelled, and prints every report:
//!
//! ```text
//! cargo run --release --example train_headless [STEPS [MODEL.safetensors]]
//! ```

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use pollster::block_on;
use remixmatch::data::{OpenOptions, open};
use remixmatch::gpu::Gpu;
use remixmatch::train::{Capture, Trainer, preset};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let steps = arguments.first().map(|steps| steps.parse()).transpose()?;
    train(steps, arguments.get(1).map(Path::new))
}

/// Trains for `steps`, or as long as the preset says, and saves the model if it has a path.
pub fn train(steps: Option<u64>, model: Option<&Path>) -> Result<(), Box<dyn Error>> {
    let mut config = preset("digits", None)?.config;
    config.steps = steps.unwrap_or(config.steps);
    let data = Arc::new(open(&config.data, &OpenOptions::default())?);
    let gpu = Arc::new(Gpu::new_blocking()?);
    let mut trainer = Trainer::new(gpu, config, data, Capture::State)?;
    while !trainer.is_done() {
        block_on(trainer.step())?;
        if trainer.report_is_due() {
            let report = block_on(trainer.report())?;
            println!("step {:5}  test accuracy {:5.1} %", report.step, 100.0 * report.test_acc_ema);
        }
    }
    if let Some(path) = model {
        block_on(trainer.save(path))?;
    }
    Ok(())
}
