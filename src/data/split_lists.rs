//! Text files beside class folders that say which images train and test: `train.txt` and `test.txt` with a line
//! `CLASS/NAME` for each image, as of Food-101; and `train_test_split.txt` with the number of an image and 1 where it trains,
//! beside `images.txt` with number and path, as of CUB-200-2011.
//!
//! As a list of lines counts an array in JSON; and `splits.json` with an array of images for `train`, `test` and so on.
//!
//! A file that looks like a split and cannot be read as one has a notice: the images that it means to test may be trained
//! on.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::classes::Found;
use super::counted::counted;
use super::file_kinds::has_images;
use super::files::{Entry, Folder};
use super::json_lists;
use super::layout::{Ignored, Role, Roles, joined, listed};
use super::list_text;
use super::names::{folded, normal_path, shown_name};
use super::split_words::{SplitName, exact, has, split_of_list, words_of};

/// Endings of files that may say a split, the first of which are read.
const ENDINGS: [&str; 12] =
    ["txt", "lst", "list", "json", "csv", "tsv", "mat", "yaml", "yml", "xml", "pkl", "npy"];
const READ: usize = 4;
/// Levels of folders without images in which such files are looked for.
const DEPTH: usize = 3;
/// Size in bytes of the largest list that is read.
const MAX_BYTES: u64 = 256 << 20;

/// A file that looks like a split.
pub(super) struct SplitFile {
    entry: Entry,
    /// Path of its folder, relative to the source.
    folder: String,
    /// The file of the images' numbers, if this one says the split of numbers.
    numbers: Option<Entry>,
}

/// The names of the files of CUB-200-2011.
const NUMBERED_SPLIT: &str = "train_test_split.txt";
const NUMBERED_IMAGES: &str = "images.txt";

impl SplitFile {
    fn path(&self) -> String {
        joined(&self.folder, &self.entry.name)
    }

    /// The split that the file's images are of, if its name tells and its kind is read.
    fn split(&self) -> Option<SplitName> {
        let (stem, ending) = self.entry.name.rsplit_once('.')?;
        let is_read = ENDINGS[..READ].contains(&ending.to_lowercase().as_str());
        split_of_list(stem).filter(|split| is_read && *split != SplitName::Unlabelled)
    }

    /// The paths of images with their splits, if the file says the split of numbers; `None` if it is damaged, or names an
    /// image that has no number.
    fn numbered(&self) -> Option<Vec<(String, SplitName)>> {
        let pairs = |entry: &Entry| -> Option<Vec<(String, String)>> {
            let pair = |line: &String| {
                let (number, rest) = line.split_once(char::is_whitespace)?;
                Some((number.to_owned(), rest.trim().to_owned()))
            };
            lines(entry)?.iter().map(pair).collect()
        };
        let paths: HashMap<String, String> = pairs(self.numbers.as_ref()?)?.into_iter().collect();
        let split = |(number, trains): (String, String)| {
            let split = match trains.as_str() {
                "1" => SplitName::Train,
                "0" => SplitName::Test,
                _ => return None,
            };
            Some((paths.get(&number)?.clone(), split))
        };
        pairs(&self.entry)?.into_iter().map(split).collect()
    }
}

/// The lines of a file that are not empty.
fn lines(entry: &Entry) -> Option<Vec<String>> {
    if entry.name.to_lowercase().ends_with(".json") {
        return json_lists::paths_in(entry);
    }
    let bytes = entry.bytes(MAX_BYTES).ok()?;
    let text = list_text::text(&bytes).ok()?;
    // Of the fields of MXNet's lists, the path is the last.
    let is_mxnet = entry.name.to_lowercase().ends_with(".lst");
    let path = |line: &str| match line.rsplit_once('\t') {
        Some((_, path)) if is_mxnet => path.trim().to_owned(),
        _ => line.to_owned(),
    };
    let lines = text.lines().map(str::trim);
    Some(lines.filter(|line| !line.is_empty()).map(path).collect())
}

/// Collects the files that look like splits in a folder and in the folders without images below it.
pub(super) fn collect(folder: &Folder, at: &str, all: &mut Vec<SplitFile>) {
    collect_to(folder, at, DEPTH, all);
}

fn collect_to(folder: &Folder, at: &str, depth: usize, all: &mut Vec<SplitFile>) {
    let files = folder.files.values().filter(|entry| looks_like_split(&entry.name));
    all.extend(files.map(|entry| {
        let is_numbered = entry.name.to_lowercase() == NUMBERED_SPLIT;
        let numbers = folder.files.get(NUMBERED_IMAGES).filter(|_| is_numbered).cloned();
        SplitFile { entry: entry.clone(), folder: at.to_owned(), numbers }
    }));
    for (name, inner) in folder.folders.iter().filter(|(_, inner)| depth > 0 && !has_images(inner)) {
        collect_to(inner, &joined(at, name), depth - 1, all);
    }
}

/// Whether a file of a folder looks like a split, or belongs to one: it is read, or has a notice.
pub(super) fn is_split_file(name: &str, folder: &Folder) -> bool {
    looks_like_split(name) || (name == NUMBERED_IMAGES && folder.files.contains_key(NUMBERED_SPLIT))
}

/// Whether a file's name is that of a split: `test.txt`, `train_test_split.txt`, `splits.json`.
fn looks_like_split(name: &str) -> bool {
    const SPLITS: &str = "split splits fold folds partition partitions trainval testval valtest traintest setid \
                          trainlist testlist vallist";
    const OTHERS: &str =
        "log logs result results metrics loss report history classes config args notes readme";
    let Some((stem, ending)) = name.rsplit_once('.') else { return false };
    let words = words_of(stem);
    let is_split = |word: &String| has(SPLITS, word) || exact(word).is_some();
    ENDINGS.contains(&ending.to_lowercase().as_str())
        && words.iter().any(is_split)
        && !words.iter().any(|word| has(OTHERS, word))
}

/// Gives the images the splits of the lists, where all lists can be read and fit the images; images that no list names are
/// left out where a list names those to train on. Says which files are read, and which only look like splits.
pub(super) fn apply(
    files: &[SplitFile],
    found: &mut Vec<Found>,
    roles: &mut Roles,
    notices: &mut Vec<String>,
) {
    let is_split = |image: &Found| matches!(image.split, SplitName::Test | SplitName::Validation);
    if files.is_empty() || found.iter().any(is_split) {
        return;
    }
    let numbered: Vec<&SplitFile> = files.iter().filter(|file| file.numbers.is_some()).collect();
    let in_json: Vec<(&SplitFile, Vec<(String, SplitName)>)> =
        files.iter().filter_map(|file| Some((file, json_lists::splits(&file.entry)?))).collect();
    let from_json = match in_json.as_slice() {
        [(file, rows)] => meant(rows, found).map(|splits| (vec![*file], splits)),
        _ => None,
    };
    let from_numbers = || Some((numbered.clone(), read_numbered(&numbered, found)?));
    let (lists, splits) = match from_json.or_else(from_numbers) {
        Some((lists, splits)) => (lists, Some(splits)),
        None => {
            let lists: Vec<&SplitFile> = files.iter().filter(|file| file.split().is_some()).collect();
            let splits = read(&lists, found);
            (lists, splits)
        }
    };
    let unread: Vec<String> = files
        .iter()
        .filter(|file| splits.is_none() || file.split().is_none())
        .map(|file| shown_name(&file.path()).to_string())
        .collect();
    if let Some(splits) = splits {
        notices.push(assign(&lists, &splits, found, roles));
    } else if !unread.is_empty() {
        let (looks, are) = if unread.len() == 1 { ("looks", "is") } else { ("look", "are") };
        notices.push(format!(
            "{} {looks} like a split of the set and {are} not read: if it names images to test, move these to test/CLASS \
             and the others to train/CLASS, else they may be trained on",
            listed(&unread)
        ));
    }
}

/// The places of images to train on, by the last two names of their path, with and without the ending.
struct Places(HashMap<String, Vec<usize>>);

impl Places {
    /// `None` if an image is in no folder.
    fn of(found: &[Found]) -> Option<Self> {
        let mut places: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, image) in found.iter().enumerate().filter(|(_, image)| image.split == SplitName::Train) {
            let path = ending(&joined(&image.folder, &image.entry.name))?;
            if let Some((stem, _)) = path.rsplit_once('.') {
                places.entry(stem.to_owned()).or_default().push(at);
            }
            places.entry(path).or_default().push(at);
        }
        Some(Self(places))
    }

    /// The images that a path means, if they are in one folder.
    fn get(&self, path: &str, found: &[Found]) -> Option<&[usize]> {
        let images = self.0.get(&ending(path)?)?;
        images.iter().all(|at| found[*at].folder == found[images[0]].folder).then_some(images)
    }
}

/// The split of each image by its number; `None` if there is not one such file alone, it names an image that is not there,
/// or does not name one that is.
fn read_numbered(lists: &[&SplitFile], found: &[Found]) -> Option<BTreeMap<usize, SplitName>> {
    let [list] = lists else { return None };
    let (places, mut meant) = (Places::of(found)?, BTreeMap::new());
    for (path, split) in list.numbered()? {
        places.get(&path, found)?.iter().for_each(|at| {
            meant.insert(*at, split);
        });
    }
    let trained = |at: &usize| found[*at].split == SplitName::Train;
    (0..found.len()).filter(trained).all(|at| meant.contains_key(&at)).then_some(meant)
}

/// The split of each image that a list names; `None` if the lists do not fit the images.
fn read(lists: &[&SplitFile], found: &[Found]) -> Option<BTreeMap<usize, SplitName>> {
    let folders: BTreeSet<&str> = lists.iter().map(|list| list.folder.as_str()).collect();
    let splits: BTreeSet<SplitName> = lists.iter().filter_map(|list| list.split()).collect();
    // Several folders or several lists of one split: folds.
    if lists.is_empty() || folders.len() > 1 || splits.len() < lists.len() {
        return None;
    }
    let mut rows = Vec::new();
    for list in lists {
        let split = list.split()?;
        rows.extend(lines(&list.entry)?.into_iter().map(|line| (line, split)));
    }
    meant(&rows, found)
}

/// The split of each image that a row names by its path; `None` if the rows do not fit the images.
fn meant(rows: &[(String, SplitName)], found: &[Found]) -> Option<BTreeMap<usize, SplitName>> {
    let trained = || found.iter().enumerate().filter(|(_, image)| image.split == SplitName::Train);
    let places = Places::of(found)?;
    let place = |line: &str| places.get(line, found);
    let (mut meant, mut all_match) = (BTreeMap::new(), true);
    for (line, split) in rows {
        let first = || line.split_whitespace().next().filter(|first| *first != line);
        let Some(images) = place(line).or_else(|| place(first()?)) else {
            all_match = false;
            continue;
        };
        for at in images {
            // No image that tests is trained on.
            let of = meant.entry(*at).or_insert(*split);
            *of = (*of).max(*split);
        }
    }
    let complete = trained().all(|(at, _)| meant.contains_key(&at));
    (!meant.is_empty() && (all_match || complete)).then_some(meant)
}

/// The last two names of a path.
fn ending(path: &str) -> Option<String> {
    let path = folded(&normal_path(path));
    let (rest, file) = path.rsplit_once('/')?;
    let folder = rest.rsplit('/').next()?;
    Some(format!("{folder}/{file}"))
}

/// Gives the images their splits; the notice about it.
fn assign(
    lists: &[&SplitFile],
    splits: &BTreeMap<usize, SplitName>,
    found: &mut Vec<Found>,
    roles: &mut Roles,
) -> String {
    // A file of several splits names those to train on.
    let trains = lists.iter().any(|list| list.split().is_none_or(|split| split == SplitName::Train));
    let mut at = 0;
    found.retain_mut(|image| {
        let split = splits.get(&at).copied();
        at += 1;
        let is_left_out = image.split == SplitName::Train && trains && split.is_none();
        match split {
            Some(split) => image.split = split,
            None if is_left_out => {
                roles.file(&image.folder, &image.entry.name, Role::Ignored(Ignored::NotListed));
            }
            None => {}
        }
        !is_left_out
    });
    for list in lists {
        roles.use_file(&list.folder, &list.entry.name, Role::List);
    }
    let count = |split| found.iter().filter(|image| image.split == split && image.class.is_some()).count();
    let names: Vec<String> = lists.iter().map(|list| shown_name(&list.path()).to_string()).collect();
    format!(
        "the split of the images is read from {}: {} to train, {} to validate, {} to test (rename the file to read the \
         folders alone)",
        listed(&names),
        counted(count(SplitName::Train), "image", "images"),
        count(SplitName::Validation),
        count(SplitName::Test)
    )
}
