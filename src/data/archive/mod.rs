//! Archives read in place: `.zip`, `.tar` and `.tar.gz`, detected by their content.
//!
//! Nothing is unpacked to a path that a member's name could choose: members are listed, and read where they lie. A
//! gzipped tar has no random access, so it is unpacked as a whole to memory or, if it is large, to one unnamed temporary
//! file. Members whose names lead out of the archive, links, and archives that unpack to far more than their size are
//! refused before any of their bytes are used.

mod member;
mod tar;
mod zip;
mod zip_end;

pub(super) use tar::unzipped;

use super::error::DataError;
use super::files::{Entry, Folder};
use super::format::Parser;
use member::damaged;

/// Fuzz targets; their seeds are in `fuzz/corpus`.
pub(super) const PARSERS: &[Parser] = &[
    Parser::new("tar", "set.tar", || vec![("set.tar", Vec::new())]),
    Parser::new("tar_gzip", "set.tar.gz", || vec![("set.tar.gz", Vec::new())]),
    Parser::new("zip", "set.zip", || vec![("set.zip", Vec::new())]),
];

/// Magic numbers of an archive with files, and of an empty one.
const ZIP: [&[u8]; 2] = [b"PK\x03\x04", b"PK\x05\x06"];

/// Lists an archive's files; `None` if the file is not an archive.
///
/// # Errors
/// When the archive is damaged or hostile, or only the file's name is that of an archive.
pub(super) fn open(entry: &Entry) -> Result<Option<Folder>, DataError> {
    let start = entry.prefix(tar::BLOCK)?;
    if ZIP.iter().any(|magic| start.starts_with(magic)) {
        return zip::list(entry).map(Some);
    }
    if tar::is_header(&start) {
        return tar::list(entry.content(), entry.size, &entry.path).map(Some);
    }
    if tar::is_gzipped_tar(entry)? {
        return tar::list_gzipped(entry).map(Some);
    }
    let name = entry.name.to_lowercase();
    // Behind a program that unpacks it.
    if name.ends_with(".zip")
        && let Ok(found) = zip::list(entry)
        && !found.is_empty()
    {
        return Ok(Some(found));
    }
    match [".zip", ".npz", ".tar", ".tar.gz", ".tgz"].iter().find(|ending| name.ends_with(**ending)) {
        Some(ending) => Err(damaged(&entry.path, format!("its content is not that of a {ending} file"))),
        None => Ok(None),
    }
}
