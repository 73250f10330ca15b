//! What a data format is: how it is detected and loaded, and what tests and fuzzing feed to it.
//!
//! Each file of `formats/` defines one [`Format`]; `formats/mod.rs` registers them.

use super::error::DataError;
use super::files::Folder;
use super::image_files::ImageFiles;
use super::set::{DataSet, OpenOptions};

/// Loads the files that [`Format::detect`] has found.
pub(super) enum Loader<'a> {
    /// Loads a whole set.
    Set(Load<'a, DataSet>),
    /// Lists image files, which are then read in slices.
    Files(Load<'a, ImageFiles>),
}

type Load<'a, T> = Box<dyn FnOnce(&OpenOptions) -> Result<T, DataError> + 'a>;

impl<'a> Loader<'a> {
    /// The loader of a whole set.
    pub fn set(load: impl FnOnce(&OpenOptions) -> Result<DataSet, DataError> + 'a) -> Self {
        Self::Set(Box::new(load))
    }

    /// The loader of image files.
    pub fn files(list: impl FnOnce(&OpenOptions) -> Result<ImageFiles, DataError> + 'a) -> Self {
        Self::Files(Box::new(list))
    }
}

/// A more helpful error than the list of all formats, for a folder that looks like a failed attempt at a format.
pub(super) type Explain = fn(&Folder) -> Result<Option<DataError>, DataError>;

/// Files in memory: relative paths with `/` between names, and contents.
pub type SampleFiles = Vec<(&'static str, Vec<u8>)>;

/// A data format, as registered in [`FORMATS`](super::FORMATS).
pub struct Format {
    /// Name of the format; [`DataSet::format`] begins with it.
    pub name: &'static str,
    /// The files that make up a set, as a noun phrase for help and error messages.
    pub description: &'static str,
    /// Looks for the format's files in a folder (not below it, unless the format has subfolders). `None`: the folder
    /// is not in this format.
    ///
    /// Errors are for folders that certainly are in this format but cannot be loaded; they end the detection.
    pub(super) detect: fn(&Folder) -> Result<Option<Loader<'_>>, DataError>,
    /// Called for a folder in which no format was detected.
    pub(super) explain: Option<Explain>,
    /// A small set in this format, which opens without error. Tests open it as a folder and in every archive.
    pub example: fn() -> SampleFiles,
    /// The format's parsers: one fuzz target each.
    pub parsers: &'static [Parser],
}

/// A parser of untrusted bytes: a fuzz target.
pub struct Parser {
    /// Name of the fuzz target, and of the folder in `fuzz/corpus` with further seeds, if there is one.
    pub name: &'static str,
    /// The file in which the parser meets the bytes.
    pub file: &'static str,
    /// A set that contains [`Parser::file`], whose content is the first seed unless it is empty.
    pub set: fn() -> SampleFiles,
    /// How the set is opened.
    pub options: fn() -> OpenOptions,
}

impl Parser {
    /// The parser of `file` in `set`, opened with default options.
    pub(super) const fn new(name: &'static str, file: &'static str, set: fn() -> SampleFiles) -> Self {
        Self { name, file, set, options: OpenOptions::default }
    }

    /// The first seed: valid content of [`Parser::file`]. `None` where only `fuzz/corpus` has seeds.
    pub fn seed(&self) -> Option<Vec<u8>> {
        let content = (self.set)().into_iter().find(|(name, _)| *name == self.file);
        content.map(|(_, bytes)| bytes).filter(|bytes| !bytes.is_empty())
    }

    /// The set with `bytes` as the content of [`Parser::file`].
    pub fn files(&self, bytes: &[u8]) -> SampleFiles {
        let mut files = (self.set)();
        files
            .iter_mut()
            .filter(|(name, _)| *name == self.file)
            .for_each(|(_, content)| *content = bytes.to_vec());
        files
    }
}
