use pollster::block_on;
use std::path::PathBuf;

use clap::Args;
use remixmatch::ssl::Keep;
use remixmatch::train::{Trainer, write_trace};

use super::Outcome;
use super::adapter::AdapterOptions;
use super::options::{Settings, SourceOptions};
use super::output::note;

#[derive(Args)]
pub struct TraceArguments {
    #[command(flatten)]
    adapter: AdapterOptions,
    #[command(flatten)]
    source: SourceOptions,
    #[command(flatten)]
    settings: Settings,
    /// File to write
    #[arg(long, value_name = "FILE.safetensors")]
    out: PathBuf,
}

/// The last of `--steps` steps (1 if absent) is traced.
pub fn run(arguments: TraceArguments) -> anyhow::Result<Outcome> {
    let (mut config, data, _) = arguments.settings.open(&arguments.source)?;
    config.steps = arguments.source.steps.unwrap_or(1);
    let mut trainer = Trainer::new(arguments.adapter.open()?, config, data, Keep::Trace)?;
    while trainer.progress().step + 1 < trainer.config.steps {
        block_on(trainer.step())?;
    }
    write_trace(&mut trainer, &arguments.out)?;
    note(format_args!("step {} is in {}", trainer.progress().step, arguments.out.display()));
    Ok(Outcome::Done)
}
