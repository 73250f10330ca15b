//! The images below a folder whose files have no classes, as labelling by hand sees them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::described::{derived, describes_images};
use super::error::DataError;
use super::file_kinds::{self, ignored_folder};
use super::file_stamps::FileStamps;
use super::files::{Entry, Folder};
use super::hash_cache::HashCache;
use super::host;
use super::identity::Identities;
use super::image_files::{
    DeepImages, ImageFile, bits_of, common_channels, common_side, ignored_notice, preview_notice,
    read_headers, resized_notice, skipped_notices, unusual,
};
use super::image_reader::read_files;
use super::images::Images;
use super::labels::LABELS_FILE;
use super::layout::{Ignored, Role, Roles, is_hidden, joined};
use super::named_paths::NamedPaths;
use super::original::Original;
use super::set::{Decoding, OpenOptions};

/// Images without classes, sorted by path.
pub(super) struct UnclassedImages {
    pub ids: Identities,
    /// Where the files are on the disk.
    pub paths: Vec<PathBuf>,
    pub images: Images,
    /// What is unusual about the files, by their names.
    pub originals: BTreeMap<String, Original>,
    /// All image files that were found, also those that cannot be read.
    pub stamps: FileStamps,
    /// How they were decoded.
    pub decoding: Decoding,
    pub notices: Vec<String>,
}

/// Whether there is an image below a folder of the disk.
pub(super) fn has_images(folder: &Path) -> bool {
    host::folder(folder, &OpenOptions::default()).is_ok_and(|all| file_kinds::has_images(&all))
}

/// Files with their paths relative to a folder.
type Located = Vec<(String, Entry)>;

/// The images below a folder with their paths relative to it, and the other files. `expected` names files in the folder
/// that are not images and need no notice. Thumbnails, masks and runs of this program are left out, unless they were labelled.
///
/// # Errors
/// When a file cannot be read, its name is not an image's, and `skip_bad` is not set.
pub(super) fn unclassed(
    folder: &Folder,
    expected: &[&str],
    skip_bad: bool,
    roles: &mut Roles,
) -> Result<(Located, Vec<Entry>), DataError> {
    fn walk(folder: &Folder, at: &str, named: &NamedPaths, all: &mut Located, roles: &mut Roles) {
        for (name, inner) in &folder.folders {
            let path = joined(at, name);
            let why = ignored_folder(name, inner).or_else(|| describes_images(name, folder));
            match why.filter(|_| !named.has_folder(name)) {
                Some(why) => roles.ignore_folder(&path, file_kinds::count_files(inner), why),
                None => walk(inner, &path, named, all, roles),
            }
        }
        for name in &folder.hidden {
            roles.file(at, name, Role::Ignored(is_hidden(name).unwrap_or(Ignored::Hidden)));
        }
        for (name, entry) in &folder.files {
            match derived(name, folder).filter(|_| !named.has_file(name)) {
                Some(why) => roles.file(at, name, Role::Ignored(why)),
                None => all.push((joined(at, name), entry.clone())),
            }
        }
    }
    let mut all = Vec::new();
    // What was labelled stays.
    let named = folder.files.get(LABELS_FILE).map(NamedPaths::in_labels).unwrap_or_default();
    walk(folder, "", &named, &mut all, roles);
    let (mut images, mut others) = (Vec::new(), Vec::new());
    for (path, entry) in all {
        let (at, name) = path.rsplit_once('/').unwrap_or(("", &path));
        match file_kinds::is_image(&entry) {
            Ok(true) => images.push((path, entry)),
            Err(error) if !skip_bad => return Err(error),
            _ if expected.contains(&path.as_str()) => roles.file(at, name, Role::List),
            _ => {
                roles.file(at, name, Role::Ignored(Ignored::NotAnImage));
                others.push(entry);
            }
        }
    }
    images.sort_by(|(_, a), (_, b)| a.path.cmp(&b.path));
    Ok((images, others))
}

/// Reads all images below a folder, all into memory. `expected` names files in it that are not images and
/// need no notice.
///
/// # Errors
/// When an image cannot be read and `skip_bad` is not set, or sizes differ and `strict` is
/// set.
pub(super) async fn read_unclassed(
    folder: &Folder,
    expected: &[&str],
    options: &OpenOptions,
) -> Result<UnclassedImages, DataError> {
    let mut roles = Roles::default();
    let (found, others) = unclassed(folder, expected, options.skip_bad, &mut roles)?;
    // Before they are read: what changes meanwhile has changed.
    let stamps = FileStamps::of(&found);
    let mut notices = folder.notices.clone();
    notices.extend(roles.notices(false));
    notices.extend(ignored_notice(&others));
    let mut bad = Vec::new();
    let files =
        found.into_iter().map(|(name, entry)| ImageFile { entry, name, class: None, test: false }).collect();
    let items = read_headers(files, options, &mut bad).await?;
    let side = common_side(&items, options, &mut notices)?;
    let originals = unusual(&items, side, options.fit);
    notices.extend(preview_notice(&originals));
    let DeepImages { count: deep, bits, needs_all } = bits_of(&items, options, &mut notices).await?;
    let empty = Images::new(side, side, common_channels(&items, options), Vec::new());
    let entries: Vec<&Entry> = items.iter().map(|item| &item.file.entry).collect();
    let cache = HashCache::open(None, &folder.path);
    let opened = read_files(&entries, (empty, bits), &cache, |_, _| true, options, &mut bad).await?;
    let of_readable = items.iter().zip(&opened.readable).filter(|(_, readable)| **readable);
    notices.extend(resized_notice(of_readable.map(|(item, _)| item), side, options.fit));
    notices.extend(skipped_notices(&bad));
    let readable = items.iter().zip(&opened.readable).filter(|(_, readable)| **readable);
    let (paths, names) =
        readable.map(|(item, _)| (item.file.entry.path.clone(), item.file.name.clone())).unzip();
    let ids = Identities::of_files(names, opened.hashes);
    let significant_bits = (deep > 0).then_some(bits);
    let decoding =
        Decoding { significant_bits, needs_all_bits: needs_all, fit: options.fit, skipped: bad.len() };
    Ok(UnclassedImages { ids, paths, images: opened.images, originals, stamps, decoding, notices })
}
