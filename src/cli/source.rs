//! Where data is: a built-in name, a path, or the name of a set in the user's data folder.

use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Args;
use remixmatch::data::{Choice, DataSet, OpenOptions, open};

use super::output::note;

/// What is taken of a set whose format leaves a choice.
#[derive(Args)]
pub struct ChoiceOptions {
    /// CIFAR-100: the 20 coarse classes instead of the 100 fine ones
    #[arg(long, help_heading = "Data")]
    coarse: bool,
    /// STL-10: keep the labels of one fold only, 0 to 9
    #[arg(long, value_name = "N", help_heading = "Data")]
    fold: Option<usize>,
    /// SVHN: leave the extra images out
    #[arg(long, help_heading = "Data")]
    no_extra: bool,
}

impl ChoiceOptions {
    pub fn choice(&self) -> Choice {
        Choice { coarse: self.coarse, fold: self.fold, no_extra: self.no_extra }
    }
}

/// Opens a source and prints its notices.
pub fn open_source(source: &str, options: &OpenOptions) -> anyhow::Result<DataSet> {
    let set = open(&resolve(source)?, options)?;
    for notice in &set.notices {
        note(format_args!("notice: {notice}"));
    }
    Ok(set)
}

/// What can be given instead of a name that was not found.
const HINT: &str = "give builtin:fashion, builtin:digits, builtin:shapes, or the path of a folder or archive \
                    (scripts/fetch_cifar10.py fetches cifar-10)";

/// A bare name that is no path here is looked for in the data folder, where the fetch scripts put sets.
fn resolve(source: &str) -> anyhow::Result<String> {
    let is_name = !source.contains([':', '/', '\\']) && !Path::new(source).exists();
    if !is_name {
        return Ok(source.to_owned());
    }
    match data_folder().map(|folder| folder.join(source)) {
        Some(path) if path.exists() => Ok(path.to_string_lossy().into_owned()),
        Some(path) => bail!("no data is named '{source}': looked here and for {}; {HINT}", path.display()),
        None => bail!("no data is named '{source}': looked here; {HINT}"),
    }
}

fn data_folder() -> Option<PathBuf> {
    let base = std::env::var_os("XDG_DATA_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share")))?;
    Some(base.join("remixmatch"))
}
