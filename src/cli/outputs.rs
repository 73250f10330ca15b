//! The files that commands write for people: which existing files they may replace.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail};

/// What a command writes into one file.
#[derive(Clone, Copy)]
pub enum Output {
    Sheet,
    Chart,
    Trace,
}

/// Bytes of a file's start by which its kind is told; the header of a trace is shorter.
const START: u64 = 1 << 20;

impl Output {
    fn name(self) -> &'static str {
        match self {
            Self::Sheet => "a contact sheet",
            Self::Chart => "a chart",
            Self::Trace => "a trace",
        }
    }

    /// Whether a file that begins like this is of the same kind.
    fn is_kind_of(self, start: &[u8]) -> bool {
        match self {
            Self::Sheet => image::guess_format(start).is_ok(),
            Self::Chart => {
                ["<svg", "<?xml"].iter().any(|tag| start.trim_ascii_start().starts_with(tag.as_bytes()))
            }
            Self::Trace => start.windows(TRACE_FORMAT.len()).any(|bytes| bytes == TRACE_FORMAT),
        }
    }

    /// Checks that the output may be written to `path`: nothing is there, or an earlier output of the same kind.
    ///
    /// # Errors
    /// If a symbolic link, a folder or a file of another kind is there.
    pub fn check_path(self, path: &Path) -> anyhow::Result<()> {
        let Ok(found) = fs::symlink_metadata(path) else { return Ok(()) };
        let mut start = Vec::new();
        if found.is_file() {
            let failed = || format!("{}: reading it failed", path.display());
            File::open(path)
                .with_context(failed)?
                .take(START)
                .read_to_end(&mut start)
                .with_context(failed)?;
        }
        if !found.is_file() || !(start.is_empty() || self.is_kind_of(&start)) {
            bail!("{} exists and is not {}: choose another name", path.display(), self.name());
        }
        Ok(())
    }
}

/// How a trace names its format in its header.
const TRACE_FORMAT: &[u8] = b"remixmatch-trace-1";

/// Checks that an output does not become a file of the data it is about.
///
/// # Errors
/// If `path` is inside the folder `source`, or is that file.
pub fn check_outside(source: &str, path: &Path) -> anyhow::Result<()> {
    let (Ok(data), Ok(target)) = (fs::canonicalize(source), std::path::absolute(path)) else { return Ok(()) };
    let parent = target.parent().and_then(|parent| fs::canonicalize(parent).ok()).unwrap_or_default();
    if parent.starts_with(&data) || fs::canonicalize(&target).is_ok_and(|target| target == data) {
        bail!("{} would become part of the data in {source}: choose a path outside of it", path.display());
    }
    Ok(())
}
