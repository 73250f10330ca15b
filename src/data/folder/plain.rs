//! Image files whose classes nobody has said.

use std::path::{Path, PathBuf};

use super::{Item, decode, left_out, passed_over, side, tree};
use crate::data::files::{self, Entry};
use crate::data::{DataError, Images, OpenOptions};

/// Images and the files that they come from, in the order of their names.
pub(in crate::data) struct Plain {
    pub files: Vec<PathBuf>,
    pub images: Images,
    pub notices: Vec<String>,
}

/// Whether there is an image below a folder.
pub(in crate::data) fn any(folder: &Path) -> bool {
    let mut images = Vec::new();
    let listed = files::folder(folder).and_then(|all| tree::collect(&all, &mut images, &mut Vec::new()));
    listed.is_ok() && !images.is_empty()
}

/// Reads all images below a folder; `known` names files in it that are no images and need no notice.
pub(in crate::data) fn read(
    folder: &Path,
    known: &[&str],
    options: &OpenOptions,
) -> Result<Plain, DataError> {
    options.check()?;
    let (mut entries, mut others, mut notices, mut bad) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    tree::collect(&files::folder(folder)?, &mut entries, &mut others)?;
    entries.sort_by(|a: &Entry, b| a.path.cmp(&b.path));
    others.retain(|entry| !known.iter().any(|name| entry.path == folder.join(name)));
    notices.extend(left_out(&others));
    let mut items = Vec::new();
    for entry in entries {
        match decode::header(&entry) {
            Ok(header) => items.push(Item { entry, class: None, test: false, header }),
            Err(error) if options.skip_bad => bad.push(error),
            Err(error) => return Err(error),
        }
    }
    let side = side(&items, options, &mut notices)?;
    let channels = if items.iter().all(|item| item.header.grey) { 1 } else { 3 };
    let mut images = Images::new(side, side, channels, Vec::new());
    let mut files = Vec::new();
    let of_items: Vec<&Entry> = items.iter().map(|item| &item.entry).collect();
    for (entry, decoded) in of_items.iter().zip(decode::all(&of_items, side, channels)) {
        match decoded {
            Ok(bytes) => {
                images.pixels.extend_from_slice(&bytes);
                files.push(entry.path.clone());
            }
            Err(error) if options.skip_bad => bad.push(error),
            Err(error) => return Err(error),
        }
    }
    notices.extend(passed_over(&bad));
    Ok(Plain { files, images, notices })
}
