use pollster::block_on;
use std::path::PathBuf;

use clap::Args;
use remixmatch::data::OpenOptions;
use remixmatch::train::{Model, accuracy, most_likely};
use serde_json::json;

use super::output::print;
use super::source::{ChoiceOptions, open_source};
use super::{Outcome, open_gpu};

#[derive(Args)]
pub struct EvalArguments {
    /// model.safetensors of a run
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Data set whose test images are classified; the one trained on if absent
    #[arg(long, value_name = "SRC")]
    data: Option<String>,
    /// Leave out images that cannot be read, with a notice
    #[arg(long)]
    skip_bad: bool,
    #[command(flatten)]
    choice: ChoiceOptions,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: EvalArguments) -> anyhow::Result<Outcome> {
    let mut model = Model::load(open_gpu()?, &arguments.model)?;
    let given = arguments.choice.choice();
    // Another set has choices of its own.
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
    print(format_args!("{}: {:.2} % of {} test images", set.name, 100.0 * total, set.test.len()))?;
    for (name, counts) in set.classes.iter().zip(per_class) {
        print(format_args!("  {:<20} {:>6.2} % of {}", name, 100.0 * share(counts), counts.1))?;
    }
    Ok(Outcome::Done)
}
