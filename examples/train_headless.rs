//! Trains on 40 labelled digits: `cargo run --release --example train_headless [STEPS [MODEL.safetensors]]`.

use std::path::Path;
use std::sync::Arc;

use pollster::block_on;
use remixmatch::data::{OpenOptions, open};
use remixmatch::gpu::Gpu;
use remixmatch::train::{Capture, Config, Trainer, preset};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let steps = arguments.next().map_or(Ok(1_000), |steps| steps.parse())?;
    train(steps, Path::new(&arguments.next().unwrap_or("digits.safetensors".into())))
}

pub fn train(steps: u64, model: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let config = Config { steps, ..preset("digits", None)?.config };
    let data = Arc::new(open(&config.data, &OpenOptions::default())?);
    let mut trainer = Trainer::new(Arc::new(Gpu::new_blocking()?), config, data, Capture::State)?;
    while !trainer.is_done() {
        block_on(trainer.step())?;
        if trainer.report_is_due() {
            let report = block_on(trainer.report())?;
            println!("step {:5}  test accuracy {:5.1} %", report.step, 100.0 * report.test_acc_ema);
        }
    }
    Ok(block_on(trainer.save(model))?)
}
