//! Image files whose classes nobody has said.

use std::path::{Path, PathBuf};

use super::{Item, decode, passed_over, side, tree};
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
    tree::collect(folder, 0, &mut images, &mut Vec::new()).is_ok() && !images.is_empty()
}

/// Reads all images below a folder; `known` names files in it that are no images and need no notice.
pub(in crate::data) fn read(
    folder: &Path,
    known: &[&str],
    options: &OpenOptions,
) -> Result<Plain, DataError> {
    options.check()?;
    let (mut paths, mut others, mut notices, mut bad) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    tree::collect(folder, 0, &mut paths, &mut others)?;
    others.retain(|path| !known.iter().any(|name| *path == folder.join(name)));
    notices.extend(tree::left_out(&others));
    let mut items = Vec::new();
    for path in paths {
        match decode::header(&path) {
            Ok(header) => items.push(Item { path, class: None, test: false, header }),
            Err(error) if options.skip_bad => bad.push(error),
            Err(error) => return Err(error),
        }
    }
    let side = side(&items, options, &mut notices)?;
    let channels = if items.iter().all(|item| item.header.grey) { 1 } else { 3 };
    let mut images = Images { height: side, width: side, channels, pixels: Vec::new() };
    let mut files = Vec::new();
    let decoded = decode::all(items.iter().map(|item| item.path.as_path()).collect(), side, channels);
    for (item, decoded) in items.into_iter().zip(decoded) {
        match decoded {
            Ok(bytes) => {
                images.pixels.extend_from_slice(&bytes);
                files.push(item.path);
            }
            Err(error) if options.skip_bad => bad.push(error),
            Err(error) => return Err(error),
        }
    }
    notices.extend(passed_over(&bad));
    Ok(Plain { files, images, notices })
}
