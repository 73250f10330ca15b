//! Folders that look like classes and, by what is beside and inside them, may be splits, folds, or masks of each other.
//!
//! Nothing is decided here: a [`Doubt`] is a question to the user, in an error that names both answers.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;

use super::copied_names::{copied, is_augmented};
use super::described::{is_describing, is_image_folder, stem};
use super::error::DataError;
use super::file_kinds::{any_file, ignored_folder, is_named_as_image};
use super::files::Folder;
use super::layout::listed;
use super::names::{listed_name, shown_name};
use super::split_compounds::{abbreviated, compounds, key};
use super::split_words::{SplitName, SplitWord, split_name, split_word, words_of};
use super::unsorted_names::{is_date, is_of_camera, is_year_album, part_of, parts_of_one_set, site_of};

/// Subfolders that two folders have at least, if they may be splits.
const SHARED_FOLDERS: usize = 2;
/// Files of the same name that two folders share at least, if one may describe the other.
const SHARED_FILES: usize = 3;
/// Folders that may describe each other at most, such as images, masks and edges.
const MOST_ALIKE: usize = 4;
/// Numbers of a counting span at most this many times as many.
const SPREAD: u64 = 10;
/// Letters of a year.
const YEAR: usize = 4;
/// Letters of a name that says more than a word or a count.
const LONG_NAME: usize = 6;

/// A subfolder by its name.
pub(super) type Named<'a> = (&'a str, &'a Folder);

/// What makes it unclear whether folders are classes.
pub(super) struct Doubt {
    path: PathBuf,
    found: String,
    advice: &'static str,
}

impl Doubt {
    pub fn new(path: PathBuf, found: String, advice: &'static str) -> Self {
        Self { path, found, advice }
    }

    /// The doubt with a remark about what else is in the folder.
    pub fn with(self, remark: &str) -> Self {
        Self { found: self.found + remark, ..self }
    }
}

impl From<Doubt> for DataError {
    fn from(Doubt { path, found, advice }: Doubt) -> Self {
        Self::UnclearLayout { path, found, advice }
    }
}

/// The first doubt about folders that are beside each other and would be classes.
pub(super) fn doubt(folders: &[Named<'_>]) -> Option<Doubt> {
    sorting(folders)
        .or_else(|| unsorted(folders))
        .or_else(|| chosen_and_rest(folders))
        .or_else(|| augmented(folders))
        .or_else(|| abbreviations(folders))
        .or_else(|| split_compounds(folders))
        .or_else(|| whole_sets(folders))
        .or_else(|| repeated_siblings(folders))
        .or_else(|| shared_folders(folders))
        .or_else(|| copied_folders(folders))
        .or_else(|| described_folders(folders))
        .or_else(|| shared_files(folders))
}

/// A doubt about the folder `inner` of a class: `test_old`, `cat/cat-test`.
pub(super) fn doubt_inside(class: &str, (name, inner): Named<'_>) -> Option<Doubt> {
    let class = key(class);
    let named = match split_word(name) {
        SplitWord::Near(split) => Some(split),
        SplitWord::Other => {
            compounds(name).into_iter().find(|(_, rest)| *rest == class).map(|(split, _)| split)
        }
        SplitWord::Exact(_) | SplitWord::Sorting => None,
    };
    Some(Doubt {
        path: inner.path.clone(),
        found: format!("its name is close to the split word '{}'", named?.word()),
        advice: "rename it to that word if its images are of that split of the class",
    })
}

/// Images that wait to be sorted.
fn sorting(folders: &[Named<'_>]) -> Option<Doubt> {
    // One question mark may be a class beside other characters.
    let longest = folders.iter().map(|(other, _)| other.chars().count()).max();
    let asks = |name: &str| {
        let name = name.trim();
        !name.is_empty() && name.chars().all(|letter| matches!(letter, '?' | '\u{ff1f}')) && longest > Some(1)
    };
    let (_, folder) =
        folders.iter().find(|(name, _)| split_word(name) == SplitWord::Sorting || asks(name))?;
    Some(Doubt {
        path: folder.path.clone(),
        found:
            "by its name, its images may be of no class: still to be sorted, put aside, or made by a model"
                .to_owned(),
        advice: "rename it to 'unlabeled' if their class is unknown, move it out of the set if they do not belong to it",
    })
}

/// Folders that are all named as a camera, a calendar or an archive in parts names them.
fn unsorted(folders: &[Named<'_>]) -> Option<Doubt> {
    let all = |is_meant: &dyn Fn(&str) -> bool| folders.iter().all(|(name, _)| is_meant(name));
    let parts: BTreeSet<Option<String>> = folders.iter().map(|(name, _)| part_of(name)).collect();
    let sites: BTreeSet<Option<String>> = folders.iter().map(|(name, _)| site_of(name)).collect();
    // Albums beside those of years show photos that are in these too.
    let years = || folders.iter().filter(|(name, _)| is_year_album(name) && name.len() > YEAR);
    let what = match folders.len() {
        0 | 1 => return None,
        _ if all(&is_year_album) => "years",
        _ if years().count() > 1 => return Some(albums(&years().copied().collect::<Vec<_>>())),
        _ if sites.len() == 1 && !sites.contains(&None) => "places of cameras",
        _ if all(&is_of_camera) => "those of a camera",
        _ if all(&is_date) => "dates",
        _ if parts.len() == 1 && !parts.contains(&None) => "parts of one set",
        _ => return None,
    };
    Some(Doubt {
        path: folders[0].1.path.clone(),
        found: format!("the names {} are {what}, not classes", names(folders.iter().map(|(name, _)| *name))),
        advice: "sort the images into a folder for each class, or list them with their classes in a CSV file",
    })
}

/// Albums of years beside others.
fn albums(years: &[Named<'_>]) -> Doubt {
    Doubt {
        path: years[0].1.path.clone(),
        found: format!(
            "the names {} are those of albums of a year, whose photos are of any class",
            names(years.iter().map(|(name, _)| *name))
        ),
        advice: "sort the images into a folder for each class, or list them with their classes in a CSV file",
    }
}

/// `unseen` beside `unknown`, `rest` beside `selected`.
fn chosen_and_rest(folders: &[Named<'_>]) -> Option<Doubt> {
    let found = parts_of_one_set(folders.iter().map(|(name, _)| *name));
    let (_, folder) = folders.iter().find(|(name, _)| found.last() == Some(name))?;
    Some(Doubt {
        path: folder.path.clone(),
        found: format!(
            "the names {} may be those of parts of one set, not of classes",
            names(found.into_iter())
        ),
        advice: "rename the one whose images are of unknown class to 'unlabeled', and sort the others into a folder for \
                 each class",
    })
}

/// `augmented` beside `original` or classes.
fn augmented(folders: &[Named<'_>]) -> Option<Doubt> {
    let of_another =
        |name: &str| copied(name).is_some_and(|base| folders.iter().any(|(other, _)| key(other) == base));
    let (_, folder) = folders.iter().find(|(name, _)| is_augmented(name) && !of_another(name))?;
    Some(altered(folder))
}

/// A doubt about a folder whose images were made from others.
fn altered(folder: &Folder) -> Doubt {
    Doubt {
        path: folder.path.clone(),
        found: "by its name, its images were made from others: such copies of training images would test"
            .to_owned(),
        advice: "move it out of the set, as training augments images itself, or choose the images to test in test/CLASS and \
                 keep the copies with the images of train/CLASS that they were made from",
    }
}

/// A doubt about the folder `augmented` of a class whose images may be held out to test.
pub(super) fn augmented_inside((name, inner): Named<'_>) -> Option<Doubt> {
    is_augmented(name).then(|| altered(inner))
}

/// Nothing but `tr`, `va`, `te` and split words.
fn abbreviations(folders: &[Named<'_>]) -> Option<Doubt> {
    let splits: Option<Vec<SplitName>> =
        folders.iter().map(|(name, _)| abbreviated(name).or_else(|| split_name(name))).collect();
    let splits = splits?;
    let is_split = splits.contains(&SplitName::Train) && splits.len() > 1;
    is_split.then(|| renamed_splits(folders, "may be short for splits"))
}

fn renamed_splits(folders: &[Named<'_>], what: &str) -> Doubt {
    Doubt {
        path: folders[0].1.path.clone(),
        found: format!("the folders {} {what}", names(folders.iter().map(|(name, _)| *name))),
        advice: "rename them to 'train' and 'test' (or open one of them alone) if they are",
    }
}

pub(super) fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    listed(&names.map(listed_name).collect::<Vec<_>>())
}

/// `train_cat` beside `test_cat`, and `cat_test` beside `cat`.
fn split_compounds(folders: &[Named<'_>]) -> Option<Doubt> {
    let keys: Vec<String> = folders.iter().map(|(name, _)| key(name)).collect();
    let parts: Vec<Vec<(SplitName, String)>> = folders.iter().map(|(name, _)| compounds(name)).collect();
    // Sets have thousands of classes.
    let mut by_key: HashMap<&str, usize> = HashMap::new();
    keys.iter().enumerate().rev().for_each(|(at, key)| _ = by_key.insert(key, at));
    let mut by_rest: HashMap<&str, Vec<(usize, SplitName)>> = HashMap::new();
    for (at, parts) in parts.iter().enumerate() {
        parts.iter().for_each(|(split, rest)| by_rest.entry(rest).or_default().push((at, *split)));
    }
    for (i, (name, folder)) in folders.iter().enumerate() {
        for (split, rest) in &parts[i] {
            let same = by_key.get(rest.as_str()).copied();
            let others = || by_rest[rest.as_str()].iter();
            let other = others().find(|(_, other)| other != split).map(|(at, _)| *at);
            let Some(beside) = same.or(other).filter(|beside| *beside != i) else { continue };
            return Some(Doubt {
                path: folder.path.clone(),
                found: format!(
                    "beside {}, the name {} may be that of its {} images",
                    shown_name(folders[beside].0),
                    shown_name(name),
                    split.word()
                ),
                advice: "move them to train/CLASS, test/CLASS and unlabeled if it is",
            });
        }
    }
    None
}

/// A folder with `train` and `test` that hold class folders themselves, or folds with splits.
fn whole_sets(folders: &[Named<'_>]) -> Option<Doubt> {
    let splits = |folder: &Folder| {
        let inner = folder.folders.iter().filter(|(name, inner)| {
            matches!(split_name(name), Some(SplitName::Train | SplitName::Validation | SplitName::Test))
                && holds_images(inner)
        });
        inner.map(|(name, inner)| (name.clone(), classes(inner).len())).collect::<Vec<_>>()
    };
    let (name, folder) = folders.iter().find(|(name, folder)| {
        let splits = splits(folder);
        let is_fold = ["fold", "cv", "kfold", "split"].contains(&letters(name).as_str());
        splits.iter().any(|(_, classes)| *classes > 1) || (is_fold && splits.len() > 1)
    })?;
    let inner: Vec<String> = splits(folder).into_iter().map(|(name, _)| name).collect();
    Some(Doubt {
        path: folder.path.clone(),
        found: format!(
            "{} holds a set of its own, with the splits {}",
            shown_name(name),
            names(inner.iter().map(String::as_str))
        ),
        advice: "open that folder alone",
    })
}

/// Whether there is a file below the folder that is named as an image.
pub(super) fn holds_images(folder: &Folder) -> bool {
    any_file(folder, &|entry| is_named_as_image(&entry.name))
}

/// The letters of a name in lower case.
fn letters(name: &str) -> String {
    name.chars().filter(|letter| letter.is_alphabetic()).flat_map(char::to_lowercase).collect()
}

/// The subfolders with images that may be classes, also those in a folder `images`.
fn classes(folder: &Folder) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (name, inner) in &folder.folders {
        if ignored_folder(name, inner).is_some() || split_name(name).is_some() || !holds_images(inner) {
            continue;
        }
        if is_image_folder(name) {
            names.extend(classes(inner));
        } else {
            names.insert(key(name));
        }
    }
    names
}

/// A folder whose own folders are named as the classes beside it: a copy of the set, or images put aside.
fn repeated_siblings(folders: &[Named<'_>]) -> Option<Doubt> {
    let keys: Vec<String> = folders.iter().map(|(name, _)| key(name)).collect();
    let mut counts: HashMap<&str, usize> = HashMap::new();
    keys.iter().for_each(|key| *counts.entry(key).or_default() += 1);
    for ((_, folder), own) in folders.iter().zip(&keys) {
        let inner = classes(folder);
        let is_beside =
            |name: &&str| counts.get(*name).is_some_and(|count| *count > usize::from(own.as_str() == *name));
        let shared: Vec<&str> = inner.iter().map(String::as_str).filter(is_beside).collect();
        if !shared.is_empty() && 2 * shared.len() >= inner.len() {
            return Some(Doubt {
                path: folder.path.clone(),
                found: format!(
                    "it holds folders named as the classes beside it ({})",
                    names(shared.iter().copied())
                ),
                advice: "move it out of the set if it is a copy or was put aside, rename it to 'test' or \
                         'unlabeled' if its images test or are of unknown class",
            });
        }
    }
    None
}

/// `cat copy`, `cat (1)` and `cat_old` beside `cat`.
fn copied_folders(folders: &[Named<'_>]) -> Option<Doubt> {
    let mut by_words: HashMap<String, Vec<usize>> = HashMap::new();
    for (at, (name, _)) in folders.iter().enumerate() {
        by_words.entry(words_of(name).concat()).or_default().push(at);
    }
    for (name, folder) in folders {
        // The number may be that of a name which this program told apart from another.
        let on_disk = folder.path.file_name().and_then(|name| name.to_str()) == Some(name);
        // The second of its name is a copy, unless there is a third.
        let second = name.strip_suffix('2').and_then(|base| base.strip_suffix([' ', '_', '-']));
        let second = second.map(|base| words_of(base).concat());
        let second = second.filter(|base| !by_words.contains_key(&format!("{base}3")));
        let Some(base) = copied(name).or(second).filter(|_| on_disk) else { continue };
        let bases = by_words.get(&base).into_iter().flatten();
        if let Some((original, _)) = bases.map(|at| folders[*at]).find(|(other, _)| other != name) {
            return Some(Doubt {
                path: folder.path.clone(),
                found: format!("beside {}, its name may be that of a copy of it", shown_name(original)),
                advice: "move it out of the set if it is a copy, or its images into that class",
            });
        }
    }
    None
}

/// Folders that hold folders of the same names.
fn shared_folders(folders: &[Named<'_>]) -> Option<Doubt> {
    let inner: Vec<BTreeSet<String>> = folders.iter().map(|(_, folder)| classes(folder)).collect();
    for (i, own) in inner.iter().enumerate().filter(|(_, own)| own.len() >= SHARED_FOLDERS) {
        let repeats = |other: &BTreeSet<String>| {
            let fewest = own.len().min(other.len());
            fewest >= SHARED_FOLDERS && 2 * own.intersection(other).count() >= own.len().max(other.len())
        };
        let alike: Vec<Named<'_>> = folders
            .iter()
            .zip(&inner)
            .skip(i)
            .filter(|(_, other)| repeats(other))
            .map(|(named, _)| *named)
            .collect();
        if alike.len() > 1 {
            let repeated = |name: &&String| {
                inner.iter().filter(|other| repeats(other)).filter(|other| other.contains(*name)).count() > 1
            };
            let shared = names(own.iter().filter(repeated).map(String::as_str));
            let what = format!("hold folders of the same names ({shared}), as splits and folds do");
            return Some(renamed_splits(&alike, &what));
        }
    }
    None
}

/// Folders named after another one, as masks and thumbnails are: `cat_masks` beside `cat`.
fn described_folders(folders: &[Named<'_>]) -> Option<Doubt> {
    // Of words that may also be objects, the names of the files decide.
    const OBJECTS: [&str; 5] = ["mask", "label", "thumb", "box", "target"];
    let of_base = |name: &str| {
        let lower = name.to_lowercase();
        let mut words = lower.split(|letter: char| !letter.is_alphanumeric()).collect::<Vec<_>>();
        let at = words.iter().position(|word| is_describing(word))?;
        let word = words.remove(at).to_owned();
        let base = folders.iter().find(|(other, _)| *other != name && key(other) == key(&words.concat()))?;
        Some((word, *base))
    };
    for (name, folder) in folders {
        let Some((word, (base, images))) = of_base(name) else { continue };
        let shared = |other: &Folder| {
            let (own, others) = (stems(folder), stems(other));
            2 * own.iter().filter(|own| others.contains(*own)).count() >= own.len().max(1)
        };
        let unrelated = folders.iter().filter(|(other, _)| other != name && *other != base);
        let is_base =
            |name: &str| folders.iter().any(|(own, _)| of_base(own).is_some_and(|(_, of)| of.0 == name));
        let all_described = || folders.iter().all(|(other, _)| of_base(other).is_some() || is_base(other));
        let by_files =
            || shared(images) && (!unrelated.clone().any(|(_, other)| shared(other)) || all_described());
        if !OBJECTS.contains(&word.as_str()) || by_files() {
            return Some(Doubt {
                path: folder.path.clone(),
                found: format!(
                    "beside {}, it may hold what belongs to those images ({word}) instead of a class",
                    shown_name(base)
                ),
                advice: "move it out of the set if it does",
            });
        }
    }
    None
}

/// The names of the files below a folder, without endings.
fn stems(folder: &Folder) -> BTreeSet<String> {
    let mut all: BTreeSet<String> =
        folder.files.keys().filter(|file| is_named_as_image(file)).map(|file| stem(file)).collect();
    folder.folders.values().for_each(|inner| all.extend(stems(inner)));
    all
}

/// Folders whose files have the same names, where these are more than a count.
fn shared_files(folders: &[Named<'_>]) -> Option<Doubt> {
    let stems: Vec<BTreeSet<String>> = folders.iter().map(|(_, folder)| stems(folder)).collect();
    let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, stems) in stems.iter().enumerate() {
        stems.iter().for_each(|stem| places.entry(stem).or_default().push(at));
    }
    // A scheme that many classes follow says nothing of two of them.
    let mut pairs: BTreeMap<(usize, usize), BTreeSet<&str>> = BTreeMap::new();
    for (stem, places) in places.iter().filter(|(_, places)| (2..=MOST_ALIKE).contains(&places.len())) {
        for (i, a) in places.iter().enumerate() {
            for b in &places[i + 1..] {
                pairs.entry((*a, *b)).or_default().insert(stem);
            }
        }
    }
    pairs.retain(|(a, b), shared| {
        let all = stems[*a].len().min(stems[*b].len());
        shared.len() >= SHARED_FILES && 5 * shared.len() >= 4 * all && say_more_than_counts(shared)
    });
    if folders.len() > 2 && (1..folders.len()).all(|b| pairs.contains_key(&(0, b))) {
        return None;
    }
    let ((a, b), shared) = pairs.first_key_value()?;
    Some(Doubt {
        path: folders[*a].1.path.clone(),
        found: format!(
            "the folders {} hold files of the same names, such as {}, as images and their masks or copies do",
            names([folders[*a].0, folders[*b].0].into_iter()),
            shown_name(shared.first()?)
        ),
        advice: "move out what is no image of a class",
    })
}

/// Whether names are more than words or a count: those of cameras, dates, hashes.
fn say_more_than_counts(stems: &BTreeSet<&str>) -> bool {
    let digits = |stem: &str| stem.chars().filter(char::is_ascii_digit).collect::<String>();
    let texts: BTreeSet<String> =
        stems.iter().map(|stem| stem.chars().filter(|letter| !letter.is_ascii_digit()).collect()).collect();
    let numbers: Option<Vec<u64>> = stems.iter().map(|stem| digits(stem).parse().ok()).collect();
    let span = numbers.and_then(|numbers| Some(numbers.iter().max()? - numbers.iter().min()?));
    let counts = texts.len() == 1 && span.is_some_and(|span| span <= SPREAD * stems.len() as u64);
    let long = stems.iter().all(|stem| stem.chars().count() >= LONG_NAME && !digits(stem).is_empty());
    long && !counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counted_names_say_nothing() {
        let says = |names: &[&str]| say_more_than_counts(&names.iter().copied().collect());
        assert!(!says(&["1", "2", "3"]) && !says(&["IMG_0001", "IMG_0002", "IMG_0009"]));
        assert!(!says(&["front", "back", "side"]) && !says(&["front1", "back", "side"]));
        assert!(says(&["IMG_2031", "IMG_7702", "IMG_9311"]) && says(&["a93f00d1", "9bc31f22", "77aa01ff"]));
        assert!(says(&["20210503_114501", "20210504_090000", "20220101_000000"]));
    }
}
