use std::io;
use std::path::Path;
use std::sync::Arc;

use super::member;
use crate::data::DataError;
use crate::data::files::{Content, Folder, Window};

/// Bytes of a header; contents are padded to a multiple.
pub(super) const BLOCK: usize = 512;

/// Whether this is the header of a tar's first member: its checksum, which every tar since the first has, fits.
pub(super) fn is_header(start: &[u8]) -> bool {
    let Ok(block) = <&[u8; BLOCK]>::try_from(start) else { return false };
    const SUM: std::ops::Range<usize> = 148..156;
    // The checksum counts as spaces.
    let sum: u32 = block.iter().enumerate().map(|(i, &b)| if SUM.contains(&i) { 32 } else { b.into() }).sum();
    block[0] != 0 && ::tar::Header::from_byte_slice(block).cksum().is_ok_and(|told| told == sum)
}

/// Lists the members of the tar of `size` bytes in `content`; `path` is for messages.
pub(super) fn list(content: Arc<dyn Content>, size: u64, path: &Path) -> Result<Folder, DataError> {
    let damaged =
        |reason: io::Error| DataError::Archive { path: path.to_owned(), reason: reason.to_string() };
    let mut root = Folder::new(path.to_owned());
    let mut archive = ::tar::Archive::new(content.seekable().map_err(damaged)?);
    let mut end = 0;
    for entry in archive.entries_with_seek().map_err(damaged)? {
        let entry = entry.map_err(damaged)?;
        let (start, length, kind) = (entry.raw_file_position(), entry.size(), entry.header().entry_type());
        let raw = entry.path_bytes();
        let name = member::name(path, &raw)?;
        end = start.saturating_add(length).checked_next_multiple_of(BLOCK as u64).unwrap_or(u64::MAX);
        if end > size {
            let found = format!("{} ends at byte {end}, the archive at byte {size}: it is cut short", name);
            return Err(damaged(io::Error::other(found)));
        }
        // The oldest tars mark folders by their names alone.
        if kind.is_dir() || (kind.is_file() && raw.ends_with(b"/")) {
            root.make(name.split('/').filter(|part| !part.is_empty()));
        } else if kind.is_file() || kind.is_contiguous() {
            root.put(&name, length, Window { of: Arc::clone(&content), start, size: length });
        } else if !(kind.is_pax_global_extensions() || kind.is_pax_local_extensions()) {
            return Err(member::unread(
                path,
                &name,
                "which is no file or folder but a link, a device or a file with holes",
                "pack it again with the files themselves (tar --dereference --hard-dereference)",
            ));
        }
    }
    // A block of zeros at least.
    if end.saturating_add(BLOCK as u64) > size {
        return Err(damaged(io::Error::other("it has no end mark: it is cut short")));
    }
    Ok(root)
}
