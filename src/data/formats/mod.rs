//! The registry of data formats. A format is one file with a constant `FORMAT`, declared and listed here.
//!
//! Detection, the message that lists what was looked for, the command line's help, the tests of every format and the
//! fuzz targets iterate over [`FORMATS`]. `docs/adding-a-format.md` walks through an example.

mod cifar;
pub(super) mod class_folders;
pub(super) mod csv_list;
pub(super) mod idx;
mod numpy;
mod stl10;
mod svhn;

use super::archive;
use super::format::{Format, Parser};

/// All data formats, in the order of detection: the order matters where a folder has files of two formats, and class
/// folders accept any image.
pub const FORMATS: &[Format] = &[
    numpy::FORMAT,
    svhn::FORMAT,
    stl10::FORMAT,
    cifar::FORMAT,
    idx::FORMAT,
    csv_list::FORMAT,
    class_folders::FORMAT,
];

/// Every parser of untrusted bytes that reads data sets: those of all formats, and those of archives.
pub fn parsers() -> impl Iterator<Item = &'static Parser> {
    FORMATS.iter().flat_map(|format| format.parsers).chain(archive::PARSERS)
}

/// The descriptions of all formats as one enumeration, for messages.
pub(super) fn enumerate() -> String {
    let all: Vec<&str> = FORMATS.iter().map(|format| format.description).collect();
    match all.as_slice() {
        [most @ .., last] => format!("{}, and {last}", most.join(", ")),
        [] => String::new(),
    }
}
