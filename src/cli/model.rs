//! `eval` and `predict`: accuracy and classes of a trained model.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use pollster::block_on;
use remixmatch::data::{OpenOptions, read_image};
use remixmatch::train::{Model, accuracy, most_likely};
use serde_json::json;

use super::inputs::{ChoiceOptions, open_gpu, open_source};
use super::terminal::{Outcome, note, print};

#[derive(Args)]
pub struct EvalArguments {
    /// model.safetensors of a run
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Data set whose test images are classified [default: the data set of the run]
    #[arg(long, value_name = "SRC")]
    data: Option<String>,
    /// Skip images that cannot be read, with a notice
    #[arg(long)]
    skip_bad: bool,
    #[command(flatten)]
    choice: ChoiceOptions,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Runs `eval`.
pub fn eval(arguments: EvalArguments) -> anyhow::Result<Outcome> {
    let mut model = Model::load(open_gpu()?, &arguments.model)?;
    let given = arguments.choice.choice();
    // The run's choices apply to its own data set alone.
    let choice =
        if arguments.data.is_none() && given.is_default() { model.config.choice.clone() } else { given };
    let source = arguments.data.unwrap_or_else(|| model.config.data.clone());
    let options = OpenOptions {
        skip_bad: arguments.skip_bad,
        image_size: Some(model.header.image[0]),
        choice,
        ..OpenOptions::default()
    };
    let set = open_source(&source, &options)?;
    model.header.check(&arguments.model, &set)?;
    let probabilities = block_on(model.probabilities(&set.test))?;
    let classes = set.classes.len();
    let total = accuracy(&probabilities, &set.test_labels, classes);
    let mut per_class = vec![(0usize, 0usize); classes];
    for (row, label) in probabilities.chunks_exact(classes).zip(&set.test_labels) {
        let entry = &mut per_class[*label as usize];
        entry.0 += usize::from(most_likely(row) == *label as usize);
        entry.1 += 1;
    }
    let share = |(hits, count): (usize, usize)| hits as f64 / count.max(1) as f64;
    if arguments.json {
        let by_class: serde_json::Map<_, _> = set
            .classes
            .iter()
            .zip(&per_class)
            .map(|(name, counts)| (name.clone(), json!({ "accuracy": share(*counts), "images": counts.1 })))
            .collect();
        let result = json!({
            "data": set.name,
            "images": set.test.len(),
            "accuracy": total,
            "steps": model.header.step,
            "classes": by_class,
        });
        print(serde_json::to_string_pretty(&result)?)?;
        return Ok(Outcome::Done);
    }
    let (images, what) = (set.test.len(), set.tested_images());
    print(format_args!("{}: {:.2} % of {images} {what}", set.name, 100.0 * total))?;
    for (name, counts) in set.classes.iter().zip(per_class) {
        print(format_args!("  {:<20} {:>6.2} % of {}", name, 100.0 * share(counts), counts.1))?;
    }
    Ok(Outcome::Done)
}

#[derive(Args)]
pub struct PredictArguments {
    /// model.safetensors of a run
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Image files, resized to the size of the model's input
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<PathBuf>,
    /// Skip images that cannot be read, with a notice
    #[arg(long)]
    skip_bad: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Most likely classes in the text output.
const SHOWN: usize = 3;

/// Runs `predict`.
pub fn predict(arguments: PredictArguments) -> anyhow::Result<Outcome> {
    let mut model = Model::load(open_gpu()?, &arguments.model)?;
    let [side, _, channels] = model.header.image;
    let mut results = Vec::new();
    let mut classified = 0;
    for path in &arguments.images {
        let image = match read_image(path, side, channels) {
            Ok(image) => image,
            Err(error) if arguments.skip_bad => {
                note(format_args!("notice: skipped: {error}"));
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
                // JSON holds Unicode alone.
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
