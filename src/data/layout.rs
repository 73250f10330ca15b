//! What a reader of layouts did with every file and folder: the report that people and programs read.
//!
//! Readers ([`class_folders`](super::formats), CSV lists, folders to label) count each file in a row of its folder and
//! [`Role`]. Notices about what was left out are made here, from the rows, so that no file is left out without one.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};

use super::names::shown_name;
use super::split_words::SplitName;

/// Names that a notice lists.
const MAX_NAMED: usize = 5;
/// Letters of the column of names in a report: formatting has a limit.
const MAX_WIDTH: usize = 100;

/// Why files or a folder are not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ignored {
    /// A name that begins with a dot.
    Hidden,
    /// A file or folder that an operating system or a file server keeps for itself.
    System,
    /// Small copies of other images.
    Thumbnails,
    /// Masks of other images.
    Masks,
    /// Boxes or other descriptions of images.
    Annotations,
    /// A run or an ablation of this program.
    Run,
    /// Guesses that this program exported.
    Guesses,
    /// Placeholders for predictions, as competitions distribute them.
    Submission,
    /// A CSV file that lists images without labels.
    Unlabelling,
    /// A CSV file whose first line is an image, not a header.
    Headerless,
    /// A CSV file whose rows name no file.
    NamesNothing,
    /// A CSV file that names images in columns of unknown names.
    OtherColumns,
    /// A CSV file of boxes around objects.
    Boxes,
    /// A CSV file of pixels.
    Pixels,
    /// A list beside `labels.csv` and `classes.txt`, which count alone.
    BesideLabels,
    /// A CSV file that lists no images.
    OtherTable,
    /// What stands for a file that Git LFS has not fetched.
    Pointer,
    NotAnImage,
    /// A backup of a file, or a file that was not downloaded to its end.
    Leftover,
    /// A raw photo beside a developed one of the same name.
    RawBeside,
    /// A folder without images.
    NoImages,
    /// A folder of images beside the files of another format.
    OtherFormat,
    /// A folder beside `train` that names no split.
    BesideTrain,
    /// Images beside class folders.
    Loose,
    /// Images of a test or validation folder that are in no class folder.
    FlatTest,
    /// Validation images where there are test images.
    Validation,
    /// Images that no list names.
    NotListed,
    /// Images that are not in a list that also names what it leaves out.
    Unnamed,
    /// Images of which a list says that they do not count.
    LeftOut,
    /// Files in folders around a list of which it names none.
    Elsewhere,
}

impl Ignored {
    /// The reason, in words.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Hidden => "hidden",
            Self::System => "a file of the system",
            Self::Thumbnails => "thumbnails",
            Self::Masks => "masks of other images",
            Self::Annotations => "annotations",
            Self::Run => "a run of this program",
            Self::Guesses => "guesses of a model, not labels",
            Self::Submission => "a sample submission, not labels",
            Self::Unlabelling => "a list without labels",
            Self::Headerless => "a list without a header",
            Self::NamesNothing => "a list whose rows name no file here",
            Self::OtherColumns => "a list in columns of unknown names",
            Self::Boxes => "boxes of objects, not one class for each image",
            Self::Pixels => "pixels, not a list of files",
            Self::BesideLabels => "beside labels.csv and classes.txt, which count alone",
            Self::OtherTable => "not a list of images",
            Self::Pointer => "a Git LFS pointer instead of the file",
            Self::NotAnImage => "not an image",
            Self::Leftover => "a backup or an unfinished download",
            Self::RawBeside => "a raw photo beside an image of the same name",
            Self::NoImages => "no images in it",
            Self::OtherFormat => "beside the files of another format",
            Self::BesideTrain => "beside train, and no split",
            Self::Loose => "beside the class folders",
            Self::FlatTest => "to test, but in no class folder",
            Self::Validation => "to validate, where others test",
            Self::NotListed => "not listed",
            Self::Unnamed => "not listed",
            Self::LeftOut => "as the list says",
            Self::Elsewhere => "no file of this folder is listed",
        }
    }

    /// Whether everyone expects it, so that no notice is needed.
    fn is_expected(self) -> bool {
        // Files that are not images have a notice of their own.
        matches!(self, Self::Hidden | Self::System | Self::NotAnImage | Self::OtherTable | Self::Elsewhere)
    }
}

/// What a file, or the files of a folder, are used for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Images to train on, with their class.
    Train(String),
    /// Images to test on.
    Test(String),
    /// Images to train on without a class.
    Unlabelled,
    /// A list of images.
    List,
    /// A file of a binary format.
    Data,
    Ignored(Ignored),
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Train(class) => write!(f, "class {}", shown_name(class)),
            Self::Test(class) => write!(f, "class {}, test", shown_name(class)),
            Self::Unlabelled => f.write_str("unlabelled"),
            Self::List => f.write_str("list"),
            Self::Data => f.write_str("data"),
            Self::Ignored(why) => write!(f, "ignored: {}", why.reason()),
        }
    }
}

impl Serialize for Role {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The files of a folder that have one role.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LayoutRow {
    /// The folder's path with `/` between names, relative to the source; empty for the source itself.
    pub folder: String,
    pub role: Role,
    pub files: usize,
    /// The name of one of the files. `None`: the folder as a whole has the role.
    pub example: Option<String>,
}

impl LayoutRow {
    /// What the row is about: a folder, or its only file.
    fn name(&self) -> String {
        match &self.example {
            Some(file) if self.files == 1 => joined(&self.folder, file),
            _ if self.folder.is_empty() => "./".to_owned(),
            _ => format!("{}/", self.folder),
        }
    }
}

/// What became of every file and folder of a source.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Layout {
    /// The detected format.
    pub format: String,
    /// Sorted by folder.
    pub rows: Vec<LayoutRow>,
    pub notices: Vec<String>,
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.rows.iter().map(|row| shown_name(&row.name()).to_string()).collect();
        let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).min(MAX_WIDTH);
        write!(f, "{}", self.format)?;
        for (row, name) in self.rows.iter().zip(names) {
            let files = if row.files == 1 { "file" } else { "files" };
            write!(f, "\n  {name:width$}  {:>6} {files:5}  {}", row.files, row.role)?;
        }
        for notice in &self.notices {
            write!(f, "\nnote: {notice}")?;
        }
        Ok(())
    }
}

/// Counts files and folders by role.
#[derive(Clone, Default)]
pub(super) struct Roles {
    /// By folder, role, and whether the role is of the folder as a whole: the number of files, and the first one's name.
    rows: BTreeMap<(String, Role, bool), (usize, String)>,
}

impl Roles {
    /// Counts a file of `folder`.
    pub fn file(&mut self, folder: &str, name: &str, role: Role) {
        let role = match role {
            Role::Ignored(Ignored::NotAnImage) if is_leftover(name) => Role::Ignored(Ignored::Leftover),
            role => role,
        };
        self.rows.entry((folder.to_owned(), role, false)).or_insert_with(|| (0, name.to_owned())).0 += 1;
    }

    /// Counts a folder as a whole, with the number of files below it.
    pub fn ignore_folder(&mut self, folder: &str, files: usize, why: Ignored) {
        self.rows.insert((folder.to_owned(), Role::Ignored(why), true), (files, String::new()));
    }

    /// Gives a file a role that was counted as ignored, alone or with its folder.
    pub fn use_file(&mut self, folder: &str, name: &str, role: Role) {
        let within =
            |at: &str| at == folder || folder.strip_prefix(at).is_some_and(|rest| rest.starts_with('/'));
        let counted = self.rows.keys().find(|(at, role, whole)| match role {
            Role::Ignored(Ignored::NotAnImage) => !whole && at == folder,
            Role::Ignored(_) => *whole && within(at),
            _ => false,
        });
        if let Some(key) = counted.cloned()
            && let Some((count, _)) = self.rows.get_mut(&key)
        {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.rows.remove(&key);
            }
        }
        self.file(folder, name, role);
    }

    /// The number of files with a role of this kind, and the path of the first.
    pub fn of(&self, is_meant: impl Fn(&Role) -> bool) -> Option<(usize, String)> {
        let mut rows = self.rows.iter().filter(|((_, role, whole), _)| is_meant(role) && !whole);
        let ((folder, ..), (count, example)) = rows.next()?;
        Some((count + rows.map(|(_, (count, _))| count).sum::<usize>(), joined(folder, example)))
    }

    /// The notices about what is left out, with what to do to train on it, or to test on it alone (`only_tests`).
    pub fn notices(&self, only_tests: bool) -> Vec<String> {
        let mut notices = Vec::new();
        let ignored = |((folder, role, whole), _): (&'_ (String, Role, bool), _)| match role {
            Role::Ignored(why) if *whole && !why.is_expected() => {
                Some(format!("{} ({})", shown_name(folder), why.reason()))
            }
            _ => None,
        };
        let folders: Vec<String> = self.rows.iter().filter_map(ignored).collect();
        if !folders.is_empty() {
            let verb = if folders.len() == 1 { "folder is" } else { "folders are" };
            notices.push(format!("{} {verb} ignored: {}", folders.len(), listed(&folders)));
        }
        for (why, advice) in LEFT_OUT {
            let advice = match why {
                Ignored::Loose | Ignored::FlatTest if only_tests => {
                    ": sort them into class folders to test on them"
                }
                Ignored::Validation | Ignored::NamesNothing if only_tests => "",
                Ignored::NotListed if only_tests => {
                    ": to test on them, add them to the list with their class"
                }
                Ignored::Guesses if only_tests => ": they are not what images show",
                _ => advice,
            };
            if let Some((count, example)) = self.of(|role| *role == Role::Ignored(why)) {
                let files = if count == 1 { "file is" } else { "files are" };
                notices.push(format!(
                    "{count} {files} left out ({}), such as {}{advice}",
                    why.reason(),
                    shown_name(&example)
                ));
            }
        }
        notices
    }

    /// The report.
    pub fn layout(self, format: &str, notices: Vec<String>) -> Layout {
        let row = |((folder, role, whole), (files, example)): ((String, Role, bool), (usize, String))| {
            LayoutRow { folder, role, files, example: (!whole).then_some(example) }
        };
        Layout { format: format.to_owned(), rows: self.rows.into_iter().map(row).collect(), notices }
    }
}

/// Files that have a notice when they are left out, and what the user can do.
const LEFT_OUT: [(Ignored, &str); 21] = [
    (Ignored::Loose, ": move them to a folder unlabeled to train on them without labels"),
    (
        Ignored::FlatTest,
        ": sort them into class folders to test on them, or move them to a folder unlabeled to train on them without \
         labels (if the folder is a class, rename it or set folders_as_classes)",
    ),
    (Ignored::Validation, ": no image of a validation set is trained on"),
    (Ignored::NotListed, ": to use them, add them to the list, with an empty label if the class is unknown"),
    (Ignored::Unnamed, ""),
    (Ignored::LeftOut, ""),
    (Ignored::Thumbnails, ""),
    (Ignored::Leftover, ": rename them to use them"),
    (Ignored::Masks, ""),
    (Ignored::Annotations, ""),
    (Ignored::RawBeside, ""),
    (Ignored::Guesses, ": open the file itself as the source to train on its guesses"),
    (Ignored::Submission, ""),
    (Ignored::Unlabelling, ": to use it instead of the class folders, call the column of its classes label"),
    (Ignored::Headerless, ": to use it, add a first line file,label"),
    (Ignored::NamesNothing, ": the class folders count"),
    (Ignored::OtherColumns, ": to use it, call its columns file and label"),
    (Ignored::Boxes, ": to use its labels, write one row of file and label for each image"),
    (Ignored::Pixels, ": to use them, save them as arrays x and y in an .npz file"),
    (Ignored::BesideLabels, ": open the list itself as the source to use it"),
    (Ignored::Pointer, ": run 'git lfs pull' where the data was cloned"),
];

/// Files and folders that are never data, whatever the format.
pub(super) fn is_hidden(name: &str) -> Option<Ignored> {
    const SYSTEM: [&str; 9] = [
        "__macosx",
        "icon\r",
        "thumbs.db",
        "ehthumbs.db",
        "desktop.ini",
        "$recycle.bin",
        "system volume information",
        "#recycle",
        "lost+found",
    ];
    if SYSTEM.contains(&name.to_lowercase().as_str()) {
        return Some(Ignored::System);
    }
    name.starts_with('.').then_some(Ignored::Hidden)
}

/// Whether a hidden folder is one that programs make for themselves: images in it are copies, or thrown away.
pub(super) fn is_of_program(folder: &str) -> bool {
    const STARTS: [&str; 18] = [
        ".thumb", ".trash", ".recycle", ".git", ".svn", ".hg", ".dvc", ".cache", ".ipynb", ".venv", ".idea",
        ".vscode", ".dropbox", ".st", ".picasa", ".preview", ".tmp", ".@",
    ];
    let name = folder.to_lowercase();
    !name.starts_with('.') || STARTS.iter().any(|start| name.starts_with(start))
}

/// The notice about hidden folders that hold images.
pub(super) fn hidden_notice(folders: &[String]) -> Option<String> {
    (!folders.is_empty()).then(|| {
        format!(
            "{} not read: {}; rename what you want to use so that its name does not begin with a dot",
            match folders.len() {
                1 => "a hidden folder holds images and is".to_owned(),
                more => format!("{more} hidden folders hold images and are"),
            },
            listed(folders)
        )
    })
}

/// Whether a name is that of a backup, or of a file that is being downloaded or written.
pub(super) fn is_leftover(name: &str) -> bool {
    const ENDINGS: [&str; 12] = [
        ".bak",
        ".old",
        ".orig",
        ".part",
        ".partial",
        ".crdownload",
        ".download",
        ".opdownload",
        ".tmp",
        ".temp",
        ".swp",
        ".filepart",
    ];
    let name = name.to_lowercase();
    name.ends_with('~') || ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// The first names, and how many more there are.
pub(super) fn listed(names: &[String]) -> String {
    let mut text = names.iter().take(MAX_NAMED).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > MAX_NAMED {
        text.push_str(&format!(" and {} more", names.len() - MAX_NAMED));
    }
    text
}

/// A path below a folder, which is empty for the source itself.
pub(super) fn joined(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// The role of an image with this class and split. A validation image tests where `validates`.
pub(super) fn image_role(class: Option<&str>, split: SplitName, validates: bool) -> Role {
    match (split, class) {
        (SplitName::Validation, _) if !validates => Role::Ignored(Ignored::Validation),
        (SplitName::Test | SplitName::Validation, Some(class)) => Role::Test(class.to_owned()),
        (SplitName::Test | SplitName::Validation, None) => Role::Ignored(Ignored::FlatTest),
        (SplitName::Train, Some(class)) => Role::Train(class.to_owned()),
        _ => Role::Unlabelled,
    }
}
