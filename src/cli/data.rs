use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use remixmatch::data::{contact_sheet, summary};

use super::Outcome;
use super::source::open_source;

#[derive(Args)]
pub struct DataArguments {
    /// builtin:fashion, builtin:digits, or a path whose format is detected
    #[arg(value_name = "SRC")]
    source: String,
    /// Write a contact sheet: a row a class
    #[arg(long, value_name = "FILE.png")]
    sheet: Option<PathBuf>,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

/// Images of each class on the contact sheet.
const COLUMNS: usize = 12;

pub fn run(arguments: DataArguments) -> anyhow::Result<Outcome> {
    let set = open_source(&arguments.source)?;
    let facts = summary(&set);
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&facts)?);
    } else {
        println!("{facts}");
    }
    if let Some(path) = arguments.sheet {
        contact_sheet(&set, COLUMNS)
            .save(&path)
            .with_context(|| format!("{}: writing the contact sheet failed", path.display()))?;
        eprintln!("contact sheet: {}", path.display());
    }
    Ok(Outcome::Done)
}
