//! Archives read in place: `.zip`, `.tar` and `.tar.gz`, told from their content.
//!
//! Nothing is unpacked to a place that a member's name could choose: members are listed, and read where they lie. A
//! gzipped tar cannot be jumped about in, so it is unpacked as a whole to memory, or, if large, to one nameless
//! temporary file. Members with names that climb out, links, and archives that grow beyond all proportion are
//! refused before any of their bytes are used.

mod bound;
mod gzip;
mod member;
mod tar;
mod zip;

pub(super) use bound::Bounded;
pub(super) use gzip::plain;

use super::DataError;
use super::files::{Entry, Folder};

/// The mark of a file, and of an archive without files.
const ZIP: [&[u8]; 2] = [b"PK\x03\x04", b"PK\x05\x06"];

/// Lists an archive's files, `None` when the file is no archive.
///
/// # Errors
/// When it is a damaged or hostile one, or one by its name alone.
pub(super) fn open(entry: &Entry) -> Result<Option<Folder>, DataError> {
    let start = entry.start(tar::BLOCK)?;
    if ZIP.iter().any(|mark| start.starts_with(mark)) {
        return zip::list(entry).map(Some);
    }
    if tar::is_header(&start) {
        return tar::list(entry.content(), entry.size, &entry.path).map(Some);
    }
    if gzip::holds_tar(entry)? {
        return gzip::unpack_tar(entry).map(Some);
    }
    let name = entry.name.to_lowercase();
    match [".zip", ".npz", ".tar", ".tar.gz", ".tgz"].iter().find(|ending| name.ends_with(**ending)) {
        Some(ending) => Err(damaged(entry, format!("its content is not that of a {ending} file"))),
        None => Ok(None),
    }
}

fn damaged(entry: &Entry, reason: impl ToString) -> DataError {
    DataError::Archive { path: entry.path.clone(), reason: reason.to_string() }
}
