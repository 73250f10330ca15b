use pollster::block_on;
use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use remixmatch::data::read_image;
use remixmatch::train::{Model, most_likely};
use serde_json::json;

use super::output::{note, print};
use super::{Outcome, open_gpu};

#[derive(Args)]
pub struct PredictArguments {
    /// model.safetensors of a run
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Image files; each is resized to the model's size
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<PathBuf>,
    /// Leave out images that cannot be read, with a notice
    #[arg(long)]
    skip_bad: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Classes named in the text output.
const SHOWN: usize = 3;

pub fn run(arguments: PredictArguments) -> anyhow::Result<Outcome> {
    let mut model = Model::load(open_gpu()?, &arguments.model)?;
    let [side, _, channels] = model.header.image;
    let mut results = Vec::new();
    let mut classified = 0;
    for path in &arguments.images {
        let image = match read_image(path, side, channels) {
            Ok(image) => image,
            Err(error) if arguments.skip_bad => {
                note(format_args!("notice: passed over: {error}"));
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        classified += 1;
        let probabilities = block_on(model.probabilities(&image))?;
        let classes = &model.header.classes;
        let mut order: Vec<usize> = (0..classes.len()).collect();
        order.sort_by(|a, b| probabilities[*b].total_cmp(&probabilities[*a]));
        if arguments.json {
            let all: serde_json::Map<_, _> =
                order.iter().map(|i| (classes[*i].clone(), json!(probabilities[*i]))).collect();
            results.push(json!({
                // A path that is not Unicode would be no JSON.
                "image": path.to_string_lossy(),
                "class": classes[most_likely(&probabilities)],
                "probabilities": all,
            }));
            continue;
        }
        let named: Vec<_> = order
            .iter()
            .take(SHOWN)
            .map(|i| format!("{} {:.1} %", classes[*i], 100.0 * probabilities[*i]))
            .collect();
        print(format_args!("{}: {}", path.display(), named.join(", ")))?;
    }
    if classified == 0 {
        bail!("none of the {} image files can be read", arguments.images.len());
    }
    if arguments.json {
        print(serde_json::to_string_pretty(&results)?)?;
    }
    Ok(Outcome::Done)
}
