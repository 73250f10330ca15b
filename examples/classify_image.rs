//! Classifies one image file with the model of a run:
//!
//! ```text
//! cargo run --release --example classify_image runs/digits/model.safetensors IMAGE
//! ```

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use pollster::block_on;
use remixmatch::data::read_image;
use remixmatch::gpu::Gpu;
use remixmatch::train::Model;

fn main() -> Result<(), Box<dyn Error>> {
    let [_, model, image] = &std::env::args().collect::<Vec<_>>()[..] else {
        return Err("expected two arguments: MODEL.safetensors IMAGE".into());
    };
    for (class, probability) in classify(Path::new(model), Path::new(image))?.iter().take(3) {
        println!("{:5.1} %  {class}", 100.0 * probability);
    }
    Ok(())
}

/// Classes with their probabilities, the likeliest first.
pub fn classify(model: &Path, image: &Path) -> Result<Vec<(String, f32)>, Box<dyn Error>> {
    let mut model = Model::load(Arc::new(Gpu::new_blocking()?), model)?;
    let [side, _, channels] = model.header.image;
    let image = read_image(image, side, channels)?;
    let probabilities = block_on(model.probabilities(&image))?;
    let mut classes: Vec<_> = model.header.classes.iter().cloned().zip(probabilities).collect();
    classes.sort_by(|a, b| b.1.total_cmp(&a.1));
    Ok(classes)
}
