//! Several lists in one folder: lists that say different things about an image, or one of which is an older version of another,
//! are asked about.

use std::collections::{BTreeSet, HashMap};

use super::counted::counted;
use super::error::{DataError, excerpt};
use super::files::Folder;
use super::image_list::List;
use super::layout::joined;
use super::names::{class_key, class_name, shown, shown_name};
use super::split_words::{LEFT_OUT, SplitName};
use crate::disk;

/// Lists that a notice names.
const MOST: usize = 20;

/// What a row says of an image.
#[derive(Clone)]
pub(super) struct Said {
    /// The class as written.
    pub class: Option<String>,
    pub split: SplitName,
    pub says_split: bool,
    /// Whether the image does not count.
    pub left_out: bool,
}

impl Said {
    pub fn is_same(&self, other: &Self) -> bool {
        let key = |said: &Self| (said.class.as_deref().map(class_key), said.split, said.left_out);
        key(self) == key(other)
    }

    /// The words in which two rows differ.
    pub fn differing(&self, other: &Self) -> [String; 2] {
        let classes = [self, other].map(|said| said.class.as_deref().map(class_key));
        let same = classes[0] == classes[1] && self.left_out == other.left_out;
        [self, other].map(|said| match &said.class {
            _ if said.left_out => LEFT_OUT.to_owned(),
            _ if same => said.split.word().to_owned(),
            Some(class) => excerpt(&class_name(class)),
            None => "no label".to_owned(),
        })
    }
}

/// What a list says of the files that it names.
pub(super) struct Saying<'a> {
    pub list: &'a List,
    /// The number of its rows.
    pub rows: usize,
    /// By row; a file comes once.
    pub said: Vec<(usize, Said)>,
    /// Where a file is in [`Saying::said`].
    pub at: HashMap<usize, usize>,
}

impl<'a> Saying<'a> {
    pub fn new(list: &'a List, rows: usize) -> Self {
        Self { list, rows, said: Vec::new(), at: HashMap::new() }
    }

    /// What the list says of a file.
    pub fn of(&self, file: usize) -> Option<&Said> {
        self.at.get(&file).map(|at| &self.said[*at].1)
    }

    pub fn insert(&mut self, file: usize, said: Said) {
        self.at.insert(file, self.said.len());
        self.said.push((file, said));
    }

    /// The list's path below the folder.
    fn name(&self) -> String {
        shown_name(&joined(&self.list.within, &self.list.entry.name)).to_string()
    }
}

/// Says which lists are read, if there are several.
///
/// # Errors
/// When two lists name the same images and do not say the same, or one of them names more.
pub(super) fn check_versions(
    folder: &Folder,
    lists: &[Saying<'_>],
    paths: &[String],
) -> Result<Vec<String>, DataError> {
    if lists.len() < 2 {
        return Ok(Vec::new());
    }
    let mut first: HashMap<usize, usize> = HashMap::new();
    let mut pairs = BTreeSet::new();
    for (number, list) in lists.iter().enumerate() {
        for (file, _) in &list.said {
            let before = *first.entry(*file).or_insert(number);
            if before != number {
                pairs.insert((before, number));
            }
        }
    }
    let names = lists
        .iter()
        .take(MOST)
        .map(|list| format!("{} ({})", list.name(), counted(list.rows, "row", "rows")));
    let mut names: Vec<String> = names.collect();
    names.extend((lists.len() > MOST).then(|| format!("{} more", lists.len() - MOST)));
    let mut notices = vec![format!("{} lists are read together: {}", lists.len(), names.join(", "))];
    for (a, b) in pairs {
        let (a, b) = (&lists[a], &lists[b]);
        if let Some(found) = difference(a, b, paths) {
            return Err(asked(folder, b, found));
        }
        notices.push(format!("{} and {} say the same", a.name(), b.name()));
    }
    Ok(notices)
}

/// How two lists of the same images differ.
fn difference(a: &Saying<'_>, b: &Saying<'_>, paths: &[String]) -> Option<String> {
    let shared: Vec<(usize, &Said, &Said)> =
        a.said.iter().filter_map(|(file, said)| Some((*file, said, b.of(*file)?))).collect();
    let differing: Vec<_> = shared.iter().filter(|(_, a, b)| !a.is_same(b)).collect();
    let (names, path) = ([a.name(), b.name()], |file: usize| excerpt(&paths[file]));
    if let Some((file, in_a, in_b)) = differing.first() {
        let [here, there] = in_a.differing(in_b);
        return Some(format!(
            "{} and {} differ in {} of {} that both name, such as {}: {here} in {}, {there} in {}",
            names[0],
            names[1],
            differing.len(),
            counted(shared.len(), "image", "images"),
            path(*file),
            names[0],
            names[1]
        ));
    }
    let alone = |one: &Saying<'_>, other: &Saying<'_>| -> Vec<usize> {
        one.said.iter().map(|(file, _)| *file).filter(|file| other.of(*file).is_none()).collect()
    };
    let (only_a, only_b) = (alone(a, b), alone(b, a));
    let (file, name) = match (only_a.first(), only_b.first()) {
        (Some(file), _) => (*file, &names[0]),
        (None, Some(file)) => (*file, &names[1]),
        (None, None) => return None,
    };
    Some(format!(
        "{} and {} both name {}, and {} in one of them alone, such as {} in {name}",
        names[0],
        names[1],
        counted(shared.len(), "image", "images"),
        counted(only_a.len() + only_b.len(), "image is", "images are"),
        path(file)
    ))
}

/// The question which of the lists counts, where `list` may.
fn asked(folder: &Folder, list: &Saying<'_>, found: String) -> DataError {
    let advice = match disk::is_folder(&folder.path) {
        true => format!(
            "open the one that counts itself as the source, such as {}, or move the others elsewhere",
            shown(&list.list.entry.path)
        ),
        false => "take out those that do not count, or put the one that counts beside the archive and open the list itself"
            .to_owned(),
    };
    DataError::SeveralLists { path: folder.path.clone(), found, advice }
}
