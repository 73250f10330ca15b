use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use remixmatch::data::OpenOptions;
use remixmatch::ssl::Keep;
use remixmatch::train::{Trainer, write_trace};

use super::options::RunOptions;
use super::output::note;
use super::source::open_source;
use super::{Outcome, open_gpu};

#[derive(Args)]
pub struct TraceArguments {
    #[command(flatten)]
    options: RunOptions,
    /// File to write
    #[arg(long, value_name = "FILE.safetensors")]
    out: PathBuf,
}

/// The last of `--steps` steps (1 if absent) is traced.
pub fn run(arguments: TraceArguments) -> anyhow::Result<Outcome> {
    let (mut config, _) = arguments.options.config()?;
    config.steps = arguments.options.steps.unwrap_or(1);
    let options = OpenOptions {
        strict: arguments.options.strict,
        skip_bad: arguments.options.skip_bad,
        image_size: config.image_size,
        ..OpenOptions::default()
    };
    let data = Arc::new(open_source(&config.data, &options)?);
    let mut trainer = Trainer::new(open_gpu()?, config, data, Keep::Trace)?;
    while trainer.progress().step + 1 < trainer.config.steps {
        trainer.step()?;
    }
    write_trace(&mut trainer, &arguments.out)?;
    note(format_args!("step {} is in {}", trainer.progress().step, arguments.out.display()));
    Ok(Outcome::Done)
}
