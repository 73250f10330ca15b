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
    let mut config = preset("digits", None)?.config;
    if let Some(steps) = arguments.first() {
        config.steps = steps.parse()?;
    }
    let data = Arc::new(open(&config.data, &OpenOptions::default())?);
    let mut trainer = Trainer::new(Arc::new(Gpu::new_blocking()?), config, data, Capture::State)?;
    while !trainer.is_done() {
        block_on(trainer.step())?;
        if trainer.report_is_due() {
            let report = block_on(trainer.report())?;
            println!("step {:5}  test accuracy {:5.1} %", report.step, 100.0 * report.test_acc_ema);
        }
    }
    if let Some(path) = arguments.get(1) {
        block_on(trainer.save(Path::new(path)))?;
    }
    Ok(())
}
