//! From images with the names of their classes, as folders and lists give them, to numbered classes.
//!
//! Names that differ in Unicode form, surrounding space or case are one class, apart from single letters; so are those
//! of one whole number. Validation images test if no others do, and are left out otherwise.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use super::error::DataError;
use super::files::Entry;
use super::image_files::{ImageFile, ImageFiles};
use super::layout::{Role, Roles, image_role, joined};
use super::names::{class_key, class_name, shown_name, whole_number};
use super::set::OpenOptions;
use super::split_words::SplitName;
use super::unread_columns::UnreadColumns;
use unicode_normalization::UnicodeNormalization as _;

/// An image as a folder or a list gives it.
pub(super) struct Found {
    pub entry: Entry,
    /// Path of its folder, relative to the source.
    pub folder: String,
    /// The class as written. `None`: unknown.
    pub class: Option<String>,
    pub split: SplitName,
}

/// Numbers the classes and separates training from test images, in the order given; counts every image in `roles`.
///
/// # Errors
/// When a class has test images and no training images, unless the set only tests. `path` is the source's.
pub(super) fn assemble(
    path: &Path,
    found: Vec<Found>,
    mut roles: Roles,
    others: Vec<Entry>,
    mut notices: Vec<String>,
    options: &OpenOptions,
) -> Result<ImageFiles, DataError> {
    let tests = found.iter().any(|image| image.split == SplitName::Test && image.class.is_some());
    let validates = !tests;
    let named = found.iter().filter_map(|image| Some((image.class.as_deref()?, image.split)));
    let names = unify(named, &mut notices);
    let name_of = |image: &Found| image.class.as_ref().and_then(|class| names.get(class.as_str())).cloned();
    let trains = |image: &&Found| image.split == SplitName::Train || options.only_tests;
    let mut classes: Vec<String> = found.iter().filter(trains).filter_map(name_of).collect();
    classes.sort_unstable();
    classes.dedup();
    let mut images = Vec::with_capacity(found.len());
    for image in found {
        let name = name_of(&image);
        let role = image_role(name.as_deref(), image.split, validates);
        let class = match name.as_ref().map(|name| (name, classes.binary_search(name))) {
            None => None,
            Some((_, Ok(class))) => Some(class as u32),
            Some((name, Err(_))) if matches!(role, Role::Test(_)) => {
                return Err(DataError::UntrainedClass { path: path.to_owned(), class: name.clone() });
            }
            Some(_) => None,
        };
        let (test, unlabelled) = (matches!(role, Role::Test(_)), role == Role::Unlabelled);
        let used = !matches!(role, Role::Ignored(_));
        roles.file(&image.folder, &image.entry.name, role);
        if used {
            let class = class.filter(|_| !unlabelled);
            let name = joined(&image.folder, &image.entry.name);
            images.push(ImageFile { entry: image.entry, name, class, test });
        }
    }
    notices.extend(roles.notices(options.only_tests || options.no_training));
    let (root, unread_columns) = (path.to_owned(), UnreadColumns::default());
    Ok(ImageFiles { root, classes, images, others, notices, roles, unread_columns })
}

/// The class that each name as written means. Of several spellings, the one of most training images names it.
fn unify<'a>(
    named: impl Iterator<Item = (&'a str, SplitName)>,
    notices: &mut Vec<String>,
) -> HashMap<String, String> {
    // Of each spelling: training images, and all.
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (name, split) in named {
        let count = counts.entry(name).or_default();
        count.0 += usize::from(split == SplitName::Train);
        count.1 += 1;
    }
    let mut groups: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for name in counts.keys() {
        groups.entry(class_key(name)).or_default().push(name);
    }
    let mut meant = HashMap::new();
    for spellings in groups.values() {
        // Of equals the plain number, or else the first.
        let is_plain = |name: &str| whole_number(name).is_some_and(|number| number == name);
        let rank = |name: &str| (counts[name], is_plain(name));
        let most =
            spellings.iter().copied().reduce(|best, next| if rank(next) > rank(best) { next } else { best });
        let Some(first) = most else { continue };
        let clean = class_name(first);
        let class = if clean.is_empty() { first.to_owned() } else { clean };
        if spellings.len() > 1 {
            let all: Vec<String> = spellings.iter().map(|name| format!("'{}'", shown_name(name))).collect();
            // Spellings that differ in Unicode form alone look the same: they are not listed.
            let composed: BTreeSet<String> = spellings.iter().map(|name| name.nfc().collect()).collect();
            let alike = spellings.iter().all(|name| class_name(name) == class);
            let several = format!("{} spellings of '{}'", spellings.len(), shown_name(&class));
            notices.push(format!(
                "{} are one class, '{}': they {}",
                if composed.len() == 1 { several } else { all.join(" and ") },
                shown_name(&class),
                match whole_number(&class) {
                    Some(_) if !alike => "are one number",
                    _ if alike => "differ in space or Unicode form only",
                    _ => "differ in case, space, width or Unicode form only",
                }
            ));
        }
        for name in spellings {
            meant.insert((*name).to_owned(), class.clone());
        }
    }
    let letters = groups.keys().filter(|key| {
        let upper = key.to_uppercase();
        key.chars().count() == 1 && upper != **key && groups.contains_key(&upper)
    });
    let letters: Vec<&str> = letters.map(String::as_str).collect();
    if !letters.is_empty() {
        notices.push(format!("upper and lower case of {} are classes of their own", letters.join(", ")));
    }
    meant
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unified(names: &[&str]) -> (Vec<String>, Vec<String>) {
        let mut notices = Vec::new();
        let meant = unify(names.iter().map(|name| (*name, SplitName::Train)), &mut notices);
        (names.iter().map(|name| meant[*name].clone()).collect(), notices)
    }

    #[test]
    fn spellings_of_a_class_are_one() {
        let (classes, notices) = unified(&["Cat", "cat", "cat ", "caf\u{e9}", "cafe\u{301}", "dog", "cat"]);
        assert_eq!(classes, ["cat", "cat", "cat", "caf\u{e9}", "caf\u{e9}", "dog", "cat"]);
        assert_eq!(notices.len(), 2);
        assert!(notices.iter().any(|notice| notice.contains("'Cat' and 'cat' and 'cat '")), "{notices:?}");
    }

    #[test]
    fn spellings_of_a_number_are_one_class() {
        let (classes, notices) = unified(&["1", "1.0", "01", "2", "1"]);
        assert_eq!(classes, ["1", "1", "1", "2", "1"]);
        assert!(notices[0].ends_with("are one class, '1': they are one number"), "{notices:?}");
        for (names, class) in [
            (&["01", "1", "1.0"][..], "1"),
            (&["+1", "1"], "1"),
            (&["-0", "0"], "0"),
            (&["\u{661}", "1"], "1"),
            (&["01", "1", "01"], "01"),
            (&["01", "001"], "001"),
        ] {
            let (classes, _) = unified(names);
            assert!(classes.iter().all(|name| name == class), "{names:?}: {classes:?}");
        }
    }

    #[test]
    fn single_letters_keep_their_case() {
        let (classes, notices) = unified(&["a", "A", "b"]);
        assert_eq!(classes, ["a", "A", "b"]);
        assert!(notices[0].contains("upper and lower case of a"), "{notices:?}");
    }
}
