//! The images that a command is given: files, folders, archives, and patterns that the shell has not expanded.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

use globset::GlobBuilder;
use remixmatch::data::{
    ArchivedImages, LooseImage, archived_images, counted, is_image_file, left_out_folder, shown,
};
use walkdir::{DirEntry, WalkDir};

use super::terminal::note;

/// The images that arguments name.
#[derive(Default)]
pub struct ImageInputs {
    pub images: Vec<LooseImage>,
    /// What is wrong with arguments: folders and archives without images or that cannot be read, patterns without a match.
    pub failures: Vec<String>,
    /// The folders among the arguments and the matches.
    pub folders: Vec<PathBuf>,
    others: Vec<PathBuf>,
    left_out: Vec<String>,
    /// Whether an archive is among the arguments.
    has_archives: bool,
}

impl ImageInputs {
    /// The files among the arguments, the images below the folders and in the archives among them, also those that this
    /// program cannot read, without hidden ones; and the same of what patterns match, each file once per pattern.
    pub fn list(arguments: &[PathBuf]) -> Self {
        let mut inputs = Self::default();
        for path in arguments {
            match path.to_str().filter(|pattern| is_pattern(pattern) && fs::symlink_metadata(path).is_err()) {
                Some(pattern) => inputs.add_matches(pattern),
                None => inputs.add(path),
            }
        }
        inputs.note_others();
        inputs
    }

    /// Adds what a pattern matches, by path: folders and archives with their images, and files that are images; the other
    /// files to `others`, as those in folders.
    fn add_matches(&mut self, pattern: &str) {
        let (first, failures) = (self.images.len(), self.failures.len());
        let named = shown(Path::new(pattern));
        let found = match matches_of(pattern) {
            Ok(found) => found,
            Err(error) => {
                return self.failures.push(format!(
                    "there is no file {named}, and it is no valid pattern: {} (write [[], [{{] or [?] for such a letter in a \
                     name)",
                    pattern_error(&error)
                ));
            }
        };
        let (mut folders, mut files, mut others) = (Vec::new(), 0, Vec::new());
        for path in found {
            match path {
                Err(error) => self.failures.extend(walk_failure(&error)),
                Ok(path) if path.is_dir() => {
                    self.folders.push(path.clone());
                    self.add_folder(&path);
                    folders.push(path);
                }
                Ok(path) => {
                    files += 1;
                    match archived_images(&path) {
                        Ok(None) if is_image_file(&path) => self.images.push(LooseImage::from(path)),
                        Ok(None) => others.push(path),
                        Ok(Some(found)) => self.add_archived(found),
                        Err(error) => self.failures.push(error.to_string()),
                    }
                }
            }
        }
        // `**` matches a folder and its files.
        let mut seen = BTreeSet::new();
        let new = self.images.split_off(first);
        self.images.extend(new.into_iter().filter(|image| seen.insert(image.path().to_owned())));
        if (self.images.len(), self.failures.len()) != (first, failures) {
            return self.others.extend(others);
        }
        let (folder_count, file_count) =
            (counted(folders.len(), "folder", "folders"), counted(files, "file", "files"));
        self.failures.push(match (folders.first(), others.first()) {
            (None, None) if files > 0 => {
                format!("{named} matches {file_count}, and there are no images in them")
            }
            (None, None) => format!("there is no file {named}, and nothing matches it as a pattern"),
            (Some(folder), None) => {
                format!("{named} matches {folder_count} without images, such as {}", shown(folder))
            }
            (None, Some(other)) => {
                format!("{named} matches {file_count} and no image, such as {}", shown(other))
            }
            (Some(_), Some(other)) => {
                format!("{named} matches {folder_count}, {file_count} and no image, such as {}", shown(other))
            }
        });
    }

    fn add(&mut self, path: &Path) {
        let (images, failures) = (self.images.len(), self.failures.len());
        let kind = if path.is_dir() {
            self.folders.push(path.to_owned());
            self.add_folder(path);
            "folder"
        } else {
            match archived_images(path) {
                Ok(None) => return self.images.push(LooseImage::from(path.to_owned())),
                Ok(Some(found)) => self.add_archived(found),
                Err(error) => self.failures.push(error.to_string()),
            }
            "archive"
        };
        if (self.images.len(), self.failures.len()) == (images, failures) {
            let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
            let arrays = match ending.eq_ignore_ascii_case("npz") {
                true => ", which holds arrays: give image files, such as PNG or JPEG",
                false => "",
            };
            self.failures.push(format!("there are no images in the {kind} {}{arrays}", shown(path)));
        }
    }

    fn add_archived(&mut self, found: ArchivedImages) {
        found.notices.iter().for_each(|notice| note(format_args!("notice: {notice}")));
        self.has_archives = true;
        self.images.extend(found.images);
        self.others.extend(found.others);
        let left_out = found.left_out.iter();
        self.left_out.extend(left_out.map(|(path, why)| format!("{} ({why})", shown(path))));
    }

    /// Adds the images below a folder, sorted, the other files to `others`, and folders that hold no photos by their names
    /// to `left_out`, as a data set leaves them out.
    fn add_folder(&mut self, folder: &Path) {
        let entries = fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let mut paths: Vec<_> = match entries {
            Ok(entries) => entries.into_iter().map(|entry| entry.path()).collect(),
            Err(reason) => {
                return self.failures.push(format!("cannot read the folder {}: {reason}", shown(folder)));
            }
        };
        paths.sort();
        for path in paths {
            let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            // Links to folders are not followed: they may lead back.
            if hidden || path.is_dir() && path.is_symlink() {
                continue;
            }
            if path.is_dir() {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                match left_out_folder(name) {
                    Some(why) => self.left_out.push(format!("{} ({why})", shown(&path))),
                    None => self.add_folder(&path),
                }
            } else if is_image_file(&path) {
                self.images.push(path.into());
            } else {
                self.others.push(path);
            }
        }
    }

    fn note_others(&self) {
        if let Some(first) = self.others.first() {
            let place = if self.has_archives { "folders or archives" } else { "folders" };
            let one = format!("file in {place} that is not an image is");
            let several = format!("files in {place} that are not images are");
            note(format_args!(
                "notice: {} ignored, such as {}",
                counted(self.others.len(), &one, &several),
                shown(first)
            ));
        }
        if let Some(first) = self.left_out.first() {
            note(format_args!(
                "notice: {} left out, such as {first}",
                counted(
                    self.left_out.len(),
                    "folder of thumbnails or of the system is",
                    "folders of thumbnails or of the system are"
                )
            ));
        }
    }
}

/// What is said where the files of a pattern cannot be looked for; nothing if its folder does not exist.
fn walk_failure(error: &walkdir::Error) -> Option<String> {
    let reason = error.io_error()?;
    let is_missing = error.depth() == 0 && reason.kind() == io::ErrorKind::NotFound;
    let folder = error.path().unwrap_or(Path::new("."));
    (!is_missing).then(|| format!("cannot read the folder {}: {reason}", shown(folder)))
}

/// What is wrong with a pattern, in words.
fn pattern_error(error: &globset::Error) -> &'static str {
    use globset::ErrorKind;
    match error.kind() {
        ErrorKind::UnclosedClass => "a [ has no ] after it",
        ErrorKind::InvalidRange(..) => "the letters of a range in [ ] descend",
        ErrorKind::UnopenedAlternates => "a } has no { before it",
        ErrorKind::UnclosedAlternates => "a { has no } after it",
        ErrorKind::DanglingEscape => "it ends with a \\, which escapes the letter after it",
        _ => "it is too long or too deeply nested",
    }
}

/// What a pattern matches, by path: as in a shell, `*` matches neither `/` nor a leading dot. Names may have any bytes.
fn matches_of(pattern: &str) -> Result<impl Iterator<Item = walkdir::Result<PathBuf>>, globset::Error> {
    let pattern = pattern.strip_prefix("./").unwrap_or(pattern);
    let glob = GlobBuilder::new(pattern).literal_separator(true).build()?.compile_matcher();
    let parts: Vec<&str> = pattern.split('/').collect();
    let fixed = parts.iter().take_while(|part| !is_pattern(part)).count();
    let base = match (fixed, parts[..fixed].join("/")) {
        (0, _) => ".".to_owned(),
        (_, root) if root.is_empty() => "/".to_owned(),
        (_, base) => base,
    };
    let depth = if pattern.contains("**") { usize::MAX } else { parts.len() - fixed };
    let names_hidden = parts[fixed..].iter().any(|part| part.starts_with('.'));
    let is_shown = move |entry: &DirEntry| {
        entry.depth() == 0 || names_hidden || !entry.file_name().as_encoded_bytes().starts_with(b".")
    };
    let all = WalkDir::new(base).max_depth(depth).sort_by_file_name().into_iter().filter_entry(is_shown);
    Ok(all.filter_map(move |entry| {
        let path = entry.map(|entry| entry.path().strip_prefix("./").unwrap_or(entry.path()).to_owned());
        path.as_ref().map_or(true, |path| glob.is_match(path)).then_some(path)
    }))
}

/// Whether a path that does not exist may be a pattern.
fn is_pattern(path: &str) -> bool {
    path.contains(['*', '?', '[', '{'])
}
