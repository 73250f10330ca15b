//! Whether the labels of a list agree with the folders that its images are in.

use std::collections::{BTreeMap, BTreeSet};

use super::names::{class_key, whole_number};
use super::split_words::{SplitName, split_name};

/// One in so many labels may differ where folders have other names than the classes, and the folders are still classes.
const MOST: usize = 5;

/// What the folders of listed images are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Agreement {
    /// No folders, or one: they say nothing about classes.
    NoFolders,
    /// The folders have the names of the classes.
    Agrees,
    /// Folders of other names than the classes.
    OtherNames,
    /// The folders are classes, and these rows have another one.
    Contradicts(Vec<usize>),
}

/// Compares the classes of listed images, as rows of path and class, with the folders of all images.
pub(super) fn compare<'a>(rows: &[(&str, &str)], images: impl Iterator<Item = &'a str>) -> Agreement {
    let labels: Vec<String> = rows.iter().map(|(_, class)| class_key(class)).collect();
    let classes: BTreeSet<&str> = labels.iter().map(String::as_str).collect();
    let of_rows: Vec<Vec<String>> = rows.iter().map(|(path, _)| folders(path)).collect();
    let mut levels: Vec<BTreeSet<String>> = Vec::new();
    for image in images {
        for (depth, folder) in folders(image).into_iter().enumerate() {
            if depth == levels.len() {
                levels.push(BTreeSet::new());
            }
            levels[depth].insert(folder);
        }
    }
    let at = |row: usize, depth: usize| of_rows[row].get(depth).map(String::as_str);
    let named = |depth: usize| {
        (0..rows.len()).filter(|row| at(*row, depth).is_some_and(|f| classes.contains(f))).count()
    };
    let by_name = (0..levels.len()).filter(|depth| are_classes(&levels[*depth], &classes));
    if let Some(depth) = by_name.max_by_key(|depth| named(*depth)) {
        let differs = |row: &usize| at(*row, depth).is_some_and(|folder| folder != labels[*row]);
        let rows: Vec<usize> = (0..rows.len()).filter(differs).collect();
        return if rows.is_empty() { Agreement::Agrees } else { Agreement::Contradicts(rows) };
    }
    let Some(depth) = (0..levels.len()).find(|depth| levels[*depth].len() > 1) else {
        return Agreement::NoFolders;
    };
    // Folders with one class each, apart from a few images, are classes under another name.
    let mut counts: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    for (row, label) in labels.iter().enumerate() {
        if let Some(folder) = at(row, depth) {
            *counts.entry(folder).or_default().entry(label).or_default() += 1;
        }
    }
    let meant: BTreeMap<&str, &str> = counts
        .iter()
        .filter_map(|(folder, labels)| Some((*folder, *labels.iter().max_by_key(|(_, count)| **count)?.0)))
        .collect();
    let distinct: BTreeSet<&&str> = meant.values().collect();
    let differs = |row: &usize| at(*row, depth).is_some_and(|folder| meant[folder] != labels[*row]);
    let others: Vec<usize> = (0..rows.len()).filter(differs).collect();
    let one_each = meant.len() > 1 && distinct.len() == meant.len() && classes.len() == meant.len();
    match one_each && !others.is_empty() && others.len() * MOST <= rows.len() {
        true => Agreement::Contradicts(others),
        false => Agreement::OtherNames,
    }
}

/// Whether folders have the names of classes. Numbers may be anything, so that all must be there.
fn are_classes(folders: &BTreeSet<String>, classes: &BTreeSet<&str>) -> bool {
    let shared = folders.iter().filter(|folder| classes.contains(folder.as_str())).count();
    if folders.len() < 2 || shared == 0 {
        return false;
    }
    match classes.iter().all(|class| whole_number(class).is_some()) {
        true => shared == classes.len() && folders.len() <= 2 * classes.len(),
        false => 2 * shared >= folders.len().min(classes.len()),
    }
}

/// The folders of a path, without those that name a split, for comparison.
fn folders(path: &str) -> Vec<String> {
    let folders = path.rsplit_once('/').map_or("", |(folders, _)| folders).split('/');
    folders.filter(|name| !name.is_empty() && split_name(name).is_none()).map(class_key).collect()
}

/// Whether a path has a folder of the class's name.
pub(super) fn has_folder(path: &str, class: &str) -> bool {
    folders(path).contains(&class_key(class))
}

/// The split of test or validation images that a folder of the path names, unless the class has that name.
pub(super) fn split_of_folders(path: &str, class: Option<&str>) -> Option<SplitName> {
    let folders = path.rsplit_once('/')?.0.split('/');
    let is_class = |name: &str| class.is_some_and(|class| class_key(class) == class_key(name));
    folders
        .filter(|name| !is_class(name))
        .filter_map(split_name)
        .find(|split| matches!(split, SplitName::Test | SplitName::Validation))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(rows: &[(&str, &str)], others: &[&str]) -> Agreement {
        let images: Vec<&str> = rows.iter().map(|(path, _)| *path).chain(others.iter().copied()).collect();
        compare(rows, images.into_iter())
    }

    #[test]
    fn labels_are_compared_with_folders() {
        use Agreement::{Agrees, Contradicts, NoFolders, OtherNames};
        for (rows, others, expected) in [
            (&[("cat/1", "cat"), ("dog/1", "dog")][..], &[][..], Agrees),
            (&[("train/Cat/1", "cat"), ("test/dog/1", "dog")], &[], Agrees),
            (&[("p/cat/1", "dog"), ("p/dog/1", "dog")], &[], Contradicts(vec![0])),
            (&[("cat/1", "dog")], &["dog/1", "cat/2", "bird/1"], Contradicts(vec![0])),
            (&[("cat/1", "horse"), ("dog/1", "dog")], &[], Contradicts(vec![0])),
            (&[("1.png", "cat"), ("images/2.png", "dog")], &[], NoFolders),
            (&[("monday/1", "cat"), ("monday/2", "dog"), ("friday/1", "cat")], &[], OtherNames),
            (&[("a/1", "x"), ("b/1", "y")], &[], OtherNames),
            (&[("1/a", "0"), ("2/a", "1"), ("3/a", "0"), ("4/a", "1"), ("0/a", "1")], &[], OtherNames),
        ] {
            assert_eq!(compared(rows, others), expected, "{rows:?}");
        }
        let mut old: Vec<(String, &str)> = (0..10).map(|i| (format!("cat/{i}"), "0")).collect();
        old.extend((0..10).map(|i| (format!("dog/{i}"), "1")));
        old[3].1 = "1";
        let rows: Vec<(&str, &str)> = old.iter().map(|(path, class)| (path.as_str(), *class)).collect();
        assert_eq!(compared(&rows, &[]), Contradicts(vec![3]));
    }

    #[test]
    fn folders_name_the_split_of_listed_images() {
        assert_eq!(split_of_folders("test/cat/1.png", Some("cat")), Some(SplitName::Test));
        assert_eq!(split_of_folders("a/validation/1.png", None), Some(SplitName::Validation));
        assert_eq!(split_of_folders("test/1.png", Some("test")), None);
        assert_eq!(split_of_folders("test.png", Some("cat")), None);
    }
}
