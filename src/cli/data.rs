use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use remixmatch::data::{OpenOptions, contact_sheet, summary};

use super::Outcome;
use super::output::{note, print};
use super::source::{ChoiceOptions, open_source};

#[derive(Args)]
pub struct DataArguments {
    /// builtin:fashion, builtin:digits, builtin:shapes, or a path whose format is detected
    #[arg(value_name = "SRC")]
    source: String,
    /// Write a contact sheet: a row a class
    #[arg(long, value_name = "FILE.png")]
    sheet: Option<PathBuf>,
    /// Side in pixels that a folder's images are resized to
    #[arg(long, value_name = "N")]
    image_size: Option<usize>,
    /// Refuse a folder whose images differ in size
    #[arg(long)]
    strict: bool,
    /// Leave out images that cannot be read, with a notice
    #[arg(long)]
    skip_bad: bool,
    #[command(flatten)]
    choice: ChoiceOptions,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

/// Sheet pixels for an image pixel.
const ZOOM: u32 = 2;
/// Images of each class on the contact sheet.
const COLUMNS: usize = 12;

pub fn run(arguments: DataArguments) -> anyhow::Result<Outcome> {
    let options = OpenOptions {
        strict: arguments.strict,
        skip_bad: arguments.skip_bad,
        image_size: arguments.image_size,
        choice: arguments.choice.choice(),
        ..OpenOptions::default()
    };
    let set = open_source(&arguments.source, &options)?;
    let facts = summary(&set);
    if arguments.json {
        print(serde_json::to_string_pretty(&facts)?)?;
    } else {
        print(&facts)?;
    }
    if let Some(path) = arguments.sheet {
        contact_sheet(&set, COLUMNS, ZOOM)
            .save(&path)
            .with_context(|| format!("{}: writing the contact sheet failed", path.display()))?;
        note(format_args!("contact sheet: {}", path.display()));
    }
    Ok(Outcome::Done)
}
