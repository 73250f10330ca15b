//! Opens a source: finds the folder or archive that holds a data set, and detects its format.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::counted::counted;
use super::error::DataError;
use super::file_kinds::{
    count_files, has_images, ignored_folder, is_companion, is_named_as_image, is_packed, is_run,
};
use super::files::{Folder, Member, Memory};
use super::format::{Format, Loader};
use super::formats::{self, FORMATS};
use super::held_out::class_counts;
use super::identity::{Identities, trained_notice};
use super::layout::{Roles, listed};
use super::list_in_archive::{archive_of_list, is_list_name};
use super::list_table;
use super::names::{listed_name, normal_path, shown_name};
use super::plain_lists;
use super::saved_labels::are_by_hand;
use super::set::{DataSet, OpenOptions};
use super::slices::run_to_end;
use super::split_words::{SplitName, split_name};
use super::subfolders::holds_splits;
use super::{archive, builtin, host, image_files, labelling_folder, resized};
use crate::disk;

/// Names that the message about an unknown folder lists.
const MAX_LISTED: usize = 5;

/// Opens a data set: `builtin:NAME`, or the path of a folder, an archive or a file that holds a whole set. The format
/// is detected.
///
/// # Examples
/// ```
/// use remixmatch::data::{OpenOptions, open};
///
/// let digits = open("builtin:digits", &OpenOptions::default()).unwrap();
/// assert_eq!(digits.classes.len(), 10);
/// assert!(open("no such folder", &OpenOptions::default()).is_err());
/// ```
///
/// # Errors
/// When an option is out of range, no format is detected, a file cannot be read or is damaged, the set lacks training
/// images, test images or a second class, or its format does not offer what [`OpenOptions::choice`] chooses. The message
/// names the file, what was expected, what was found and what to do.
pub fn open(source: &str, options: &OpenOptions) -> Result<DataSet, DataError> {
    run_to_end(open_async(source, options))
}

/// [`open`] in slices of about 50 milliseconds: the future yields between them, so that a page with one thread can draw the
/// progress and set [`OpenOptions::stop`]. Image files are read in slices; other formats in one.
///
/// # Errors
/// Those of [`open`].
pub async fn open_async(source: &str, options: &OpenOptions) -> Result<DataSet, DataError> {
    options.check()?;
    let path = Path::new(source);
    let mut set = if let Some(name) = source.strip_prefix("builtin:") {
        builtin::load(name, options)?
    } else if disk::is_folder(path) {
        read(&host::folder(path, options)?, options).await?
    } else if let Some(folder) = folder_of_list(path, options)? {
        let Some(files) = formats::csv_list::read_lists(&folder, options)? else {
            return Err(unknown(&folder));
        };
        let mut set = image_files::load(files, formats::csv_list::FORMAT.name, options).await?;
        set.notices.splice(0..0, folder.notices);
        check(path, &set, options)?;
        set
    } else {
        read(&folder_of_file(path)?, options).await?
    };
    if !source.starts_with("builtin:") {
        set.name = host::name_of(path);
    }
    options.choice.check(path, &set)?;
    resized::resize(&mut set, options).await?;
    escape_notices(&mut set.notices);
    Ok(set)
}

/// Escapes control characters in notices, which name files and classes.
fn escape_notices(notices: &mut [String]) {
    notices.iter_mut().for_each(|notice| *notice = shown_name(notice).to_string());
}

/// Opens a data set from files in memory, such as those dropped on a page: relative paths with `/` between names, and
/// contents. `name` becomes the name of the set.
///
/// # Errors
/// When an option is out of range, no format is detected, a file is damaged, the set lacks training images, test images
/// or a second class, or its format does not offer what [`OpenOptions::choice`] chooses.
pub fn open_files(
    name: &str,
    files: impl IntoIterator<Item = (String, Vec<u8>)>,
    options: &OpenOptions,
) -> Result<DataSet, DataError> {
    options.check()?;
    let member = |(file, bytes): (String, Vec<u8>)| Member {
        raw: file.into_bytes(),
        file: Some((bytes.len() as u64, Arc::new(Memory(bytes.into())))),
    };
    let members = files.into_iter().map(member).collect();
    let normal = |path: &str, _: &[u8]| Ok(normal_path(path).trim_start_matches('/').to_owned());
    let folder = Folder::of_members(PathBuf::from(name), members, normal)?;
    let mut set = run_to_end(read(&folder, options))?;
    name.clone_into(&mut set.name);
    options.choice.check(Path::new(name), &set)?;
    run_to_end(resized::resize(&mut set, options))?;
    escape_notices(&mut set.notices);
    Ok(set)
}

/// A folder with a single file, which may be an archive.
///
/// # Errors
/// When there is no such file.
pub(super) fn folder_of_file(path: &Path) -> Result<Folder, DataError> {
    let entry = host::file(path)?;
    let mut folder = Folder::new(path.parent().unwrap_or(path).to_owned());
    folder.files.insert(entry.name.clone(), entry);
    Ok(folder)
}

/// The folder around a list that is the source itself, of whose lists this one alone is read, or the archive beside it that
/// holds its images; `None` if the path is not a list.
pub(super) fn folder_of_list(path: &Path, options: &OpenOptions) -> Result<Option<Folder>, DataError> {
    let may_be_list = |name: &&str| is_list_name(name) || plain_lists::is_named(name);
    let Some(name) = path.file_name().and_then(|name| name.to_str()).filter(may_be_list) else {
        return Ok(None);
    };
    let around = path.parent().filter(|around| !around.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !disk::is_folder(around) || disk::is_folder(path) {
        return Ok(None);
    }
    let mut folder = host::folder(around, options)?;
    if !folder.files.get(name).is_some_and(list_table::may_be_chosen) {
        return Ok(None);
    }
    folder.files.retain(|other, _| other == name || !is_list_name(other));
    folder.chosen_list = Some(name.to_owned());
    Ok(archive_of_list(&folder)?.or(Some(folder)))
}

/// Reads the set in a folder, or in the only folder or archive that the folder contains.
async fn read(outer: &Folder, options: &OpenOptions) -> Result<DataSet, DataError> {
    let (levels, notices) = levels(outer)?;
    let innermost = &levels[levels.len() - 1];
    if are_by_hand(innermost) {
        check_names(&levels[1..], options)?;
        let mut set = labelling_folder::load(innermost, options).await?;
        set.notices.splice(0..0, notices);
        return Ok(set);
    }
    // Innermost first: a folder around a folder of class folders looks like one, with a single class.
    for (depth, level) in levels.iter().enumerate().rev() {
        if let Some(mut set) = read_folder(level, options).await? {
            check_names(&levels[1..=depth], options)?;
            check(&level.path, &set, options)?;
            set.notices.splice(0..0, notices);
            return Ok(set);
        }
    }
    Err(unknown(innermost))
}

/// Checks the names of the folders around a set, below the source itself: the images of a folder `test` never train.
///
/// # Errors
/// When the set is to train, and a folder's name says that its images do not.
pub(super) fn check_names(levels: &[Folder], options: &OpenOptions) -> Result<(), DataError> {
    if options.only_tests || options.choice.folders_as_classes {
        return Ok(());
    }
    let named = |level: &Folder| {
        let name = level.path.file_name()?.to_str()?;
        split_name(name).filter(|split| *split != SplitName::Train && !holds_splits(level))
    };
    let Some((level, split)) = levels.iter().find_map(|level| Some((level, named(level)?))) else {
        return Ok(());
    };
    let (means, advice) = match split {
        SplitName::Unlabelled => (
            "that the class of its images is unknown",
            "add class folders beside it, or open this folder itself to take its folders for classes",
        ),
        _ => (
            "that its images test, and there are none to train on",
            "add a folder 'train' beside it, open this folder itself to train on its images",
        ),
    };
    Err(DataError::UntrainedFolder { path: level.path.clone(), means, advice })
}

/// A folder, the only folder or archive in it, and so on, to a folder that was labelled by hand; and the notices about their
/// names, but for those of a labelled folder.
pub(super) fn levels(outer: &Folder) -> Result<(Vec<Folder>, Vec<String>), DataError> {
    let mut levels = vec![outer.clone()];
    let mut archived = false;
    let mut notices = Vec::new();
    loop {
        let level = &levels[levels.len() - 1];
        if are_by_hand(level) {
            return Ok((levels, notices));
        }
        notices.extend(level.notices.iter().cloned());
        let Some(inner) = only_content(level, &mut archived)? else { return Ok((levels, notices)) };
        let mut left_out = Roles::default();
        for (name, folder) in &level.folders {
            if let Some(why) = ignored_folder(name, folder) {
                left_out.ignore_folder(name, count_files(folder), why);
            }
        }
        notices.extend(left_out.notices(false));
        levels.push(inner);
    }
}

/// The content of a folder that contains one folder or one archive, and beside it only what describes it or is never
/// data. An archive in an archive is not opened: each layer would multiply the size that a hostile one unpacks to.
fn only_content(folder: &Folder, archived: &mut bool) -> Result<Option<Folder>, DataError> {
    let data = |(name, inner): &(&String, &Folder)| ignored_folder(name, inner).is_none();
    let mut folders = folder.folders.iter().filter(data).map(|(_, inner)| inner);
    let mut files = folder.files.values().filter(|entry| !is_companion(&entry.name));
    match (folders.next(), folders.next(), files.next(), files.next()) {
        (Some(inner), None, None, None) => Ok(Some(inner.clone())),
        (None, None, Some(file), None) if !*archived => {
            let inner = archive::open(file)?;
            *archived = inner.is_some();
            Ok(inner)
        }
        _ => Ok(None),
    }
}

/// The first format that is detected in a folder.
pub(super) fn detected(folder: &Folder) -> Result<Option<&'static Format>, DataError> {
    for format in FORMATS {
        if (format.detect)(folder)?.is_some() {
            return Ok(Some(format));
        }
    }
    Ok(None)
}

/// The notice about other sets in a folder that is read as one of arrays: folders with images, and files of other formats.
pub(super) fn beside_set(folder: &Folder, format: &Format) -> Option<String> {
    let with_images =
        |(name, inner): &(&String, &Folder)| ignored_folder(name, inner).is_none() && has_images(inner);
    let folders = folder.folders.iter().filter(with_images);
    let mut others: Vec<String> = folders.map(|(name, _)| format!("{}/", shown_name(name))).collect();
    let is_other = |other: &&Format| {
        other.name != format.name && !matches!((other.detect)(folder), Ok(None) | Ok(Some(Loader::Files(_))))
    };
    others.extend(FORMATS.iter().filter(is_other).map(|other| other.description.to_owned()));
    let images = folder.files.keys().filter(|name| is_named_as_image(name)).count();
    others.extend((images > 0).then(|| counted(images, "image file", "image files")));
    (!others.is_empty()).then(|| {
        format!(
            "only the files of {} are read: {} in the same folder {} left out (move them to a folder of their own to use them)",
            format.name,
            listed(&others),
            if others.len() == 1 { "is" } else { "are" }
        )
    })
}

/// Reads a folder in the first format that is detected in it.
async fn read_folder(folder: &Folder, options: &OpenOptions) -> Result<Option<DataSet>, DataError> {
    for format in FORMATS {
        let set = match (format.detect)(folder)? {
            None => continue,
            Some(Loader::Set(load)) => {
                let mut set = load(options)?;
                set.notices.extend(beside_set(folder, format));
                let of = |ids: &Identities| ids.ids.clone().into_iter().map(|id| id.content);
                let trained = trained_notice(of(&set.train_ids), of(&set.test_ids));
                set.notices.extend(trained.filter(|_| !options.only_tests));
                set
            }
            Some(Loader::Files(list)) => image_files::load(list(options)?, format.name, options).await?,
        };
        return Ok(Some(set));
    }
    Ok(None)
}

/// The error for a folder in which no format was detected.
pub(super) fn unknown(folder: &Folder) -> DataError {
    if is_run(folder) {
        return DataError::Missing {
            path: folder.path.clone(),
            expected: "a data set".to_owned(),
            found: "a run of this program: open the data set that it was trained on".to_owned(),
        };
    }
    for explain in FORMATS.iter().filter_map(|format| format.explain) {
        match explain(folder) {
            Ok(Some(error)) | Err(error) => return error,
            Ok(None) => {}
        }
    }
    let packed: Vec<String> = folder.files.keys().filter(|name| is_packed(name)).cloned().collect();
    if !packed.is_empty() {
        let (found, advice) = match folder.files.len() {
            1 => ("an archive that is not read", "unpack it and open its folder"),
            all if all == packed.len() => {
                ("several archives", "open one of them, or unpack them into one folder")
            }
            _ => ("archives beside other files", "unpack them and open the folder"),
        };
        let names: Vec<String> = packed.iter().map(|name| shown_name(name).to_string()).collect();
        let path = match (packed.as_slice(), folder.files.len()) {
            ([name], 1) => &folder.files[name].path,
            _ => &folder.path,
        };
        return DataError::Missing {
            path: path.clone(),
            expected: "a data set".to_owned(),
            found: format!("{found} ({}): {advice}", listed(&names)),
        };
    }
    let mut files = folder.files.values();
    let (path, found) = match (files.next(), files.next(), folder.folders.is_empty()) {
        (Some(entry), None, true) => {
            (&entry.path, "a single file: give a folder of images, or arrays as .npz".to_owned())
        }
        _ => (&folder.path, listing(folder)),
    };
    DataError::Unknown { path: path.clone(), expected: formats::enumerate(), found }
}

/// What a folder contains, for messages.
fn listing(folder: &Folder) -> String {
    let hidden: Vec<String> = folder.hidden_images.iter().map(|name| listed_name(name)).collect();
    if folder.is_empty() && !hidden.is_empty() {
        return format!(
            "nothing but hidden folders of images ({}): rename them without the dot",
            listed(&hidden)
        );
    }
    if folder.is_empty() {
        return "an empty folder".to_owned();
    }
    let mut all: Vec<String> = folder.folders.keys().map(|name| format!("{}/", shown_name(name))).collect();
    all.extend(folder.files.keys().map(|name| shown_name(name).to_string()));
    all.sort_unstable();
    let more = all.len().saturating_sub(MAX_LISTED);
    all.truncate(MAX_LISTED);
    if more > 0 {
        all.push(format!("{more} more"));
    }
    all.join(", ")
}

/// Checks what every data set must have, whatever its format.
fn check(path: &Path, set: &DataSet, options: &OpenOptions) -> Result<(), DataError> {
    let path = || path.to_owned();
    if set.train.is_empty() && (set.test.is_empty() || !options.only_tests) {
        return Err(DataError::NoImages { path: path() });
    }
    if options.only_tests {
        return match set.classes.is_empty() {
            true => Err(DataError::NoClass { path: path() }),
            false => Ok(()),
        };
    }
    match set.classes.as_slice() {
        [] => return Err(DataError::NoClass { path: path() }),
        [class] => return Err(DataError::OneClass { path: path(), class: class.clone() }),
        _ => {}
    }
    let counts = class_counts(set.train_labels.iter().copied().flatten(), set.classes.len());
    if let Some(empty) = counts.iter().position(|&n| n == 0) {
        return Err(DataError::EmptyClass {
            path: path(),
            class: set.classes[empty].clone(),
            skipped: set.decoding.skipped,
        });
    }
    if set.test.is_empty() {
        return Err(DataError::NoTest { path: path() });
    }
    let mut names: Vec<&String> = set.classes.iter().collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(DataError::Missing {
            path: path(),
            expected: "another name for each class".to_owned(),
            found: format!("'{}' twice: correct the names, or remove their file", shown_name(pair[0])),
        }),
        None => Ok(()),
    }
}
