//! Copies of classified images in a folder for each class. Nothing is moved or overwritten.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use remixmatch::data::{LooseImage, shown, shown_name, unique};

use super::terminal::note;

/// The folder of images of which the model is not sure enough.
const ABSTAINED: &str = "abstained";
/// Bytes of the longest name of a class's folder: systems allow 255, with a number behind it.
const LONGEST: usize = 200;
/// Characters that a name of a folder has on no system, or not on all.
const FORBIDDEN: [char; 9] = ['/', '\\', ':', '*', '?', '"', '<', '>', '|'];

/// The folders of the classes, and how many images were copied into each.
pub struct SortedCopies {
    folder: PathBuf,
    /// The folder's name for each class, then for the images without one.
    names: Vec<String>,
    classes: Vec<String>,
    copied: Vec<usize>,
}

impl SortedCopies {
    /// The folders below `folder` for the images of `inputs`, the folders among the arguments.
    ///
    /// # Errors
    /// If `folder` is one of the folders of images or below it, where the copies would become images to classify; if it
    /// cannot be made.
    pub fn new(folder: &Path, classes: &[String], inputs: &[PathBuf]) -> anyhow::Result<Self> {
        let place = real_place(folder);
        for input in inputs {
            if fs::canonicalize(input).is_ok_and(|input| place.starts_with(input)) {
                bail!(
                    "the copies in {} would become images of {}: choose a folder outside of it",
                    folder.display(),
                    input.display()
                );
            }
        }
        fs::create_dir_all(folder).with_context(|| format!("making the folder {}", folder.display()))?;
        let names = folder_names(classes);
        let copied = vec![0; names.len()];
        Ok(Self { folder: folder.to_owned(), names, classes: classes.to_vec(), copied })
    }

    /// Copies an image into the folder of its class, `None` if the model abstains; returns the copy's path.
    ///
    /// # Errors
    /// If the image cannot be read again, or the copy cannot be written.
    pub fn copy(&mut self, image: &LooseImage, class: Option<usize>) -> anyhow::Result<PathBuf> {
        let place = class.unwrap_or(self.names.len() - 1);
        let folder = self.folder.join(&self.names[place]);
        fs::create_dir_all(&folder).with_context(|| format!("making the folder {}", folder.display()))?;
        let name = Path::new(image.path().file_name().unwrap_or_default());
        for number in 1.. {
            let path = folder.join(numbered(name, number));
            let failed = || format!("copying {} to {} failed", shown(image.path()), shown(&path));
            let mut file = match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(error).with_context(failed),
            };
            if let Err(error) = image
                .reader()
                .map_err(anyhow::Error::from)
                .and_then(|mut reader| Ok(io::copy(&mut reader, &mut file)?))
            {
                drop(file);
                // Half a copy is of no use; that it stays changes nothing about the failure.
                let _ = fs::remove_file(&path);
                return Err(error).with_context(failed);
            }
            self.copied[place] += 1;
            return Ok(path);
        }
        bail!("there is no free name for {} in {}", shown(image.path()), folder.display())
    }

    /// Says how many images each folder got, and of which class it is where the name does not tell.
    pub fn tell(&self) {
        let mut each = Vec::new();
        for (at, (name, count)) in
            self.names.iter().zip(&self.copied).enumerate().filter(|(_, (_, n))| **n > 0)
        {
            each.push(match self.classes.get(at) {
                Some(class) if class != name => format!("{name} {count} (class '{}')", shown_name(class)),
                None if name != ABSTAINED => format!("{name} {count} (no class is likely enough)"),
                _ => format!("{name} {count}"),
            });
        }
        if !each.is_empty() {
            note(format_args!("copied into {}: {}", self.folder.display(), each.join(", ")));
        }
    }
}

/// The name of the copy with this number, from 1: ` (2)`, ` (3)` ... stands before its ending. Its bytes stay as they are.
fn numbered(name: &Path, number: u64) -> OsString {
    if number == 1 {
        return name.as_os_str().to_owned();
    }
    let mut numbered = name.file_stem().unwrap_or_default().to_owned();
    numbered.push(format!(" ({number})"));
    if let Some(ending) = name.extension() {
        numbered.push(".");
        numbered.push(ending);
    }
    numbered
}

/// Where a path leads that may not exist yet: links of the part that exists are followed.
fn real_place(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let existing = path.ancestors().find_map(|above| Some((above, fs::canonicalize(above).ok()?)));
    match existing {
        Some((above, real)) => match path.strip_prefix(above) {
            Ok(rest) if !rest.as_os_str().is_empty() => real.join(rest),
            _ => real,
        },
        None => path,
    }
}

/// A folder's name for each class, and one for images without a class: distinct, also where case does not count.
fn folder_names(classes: &[String]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for class in classes.iter().map(String::as_str).chain([ABSTAINED]) {
        let safe: String =
            class.chars().map(|c| if c.is_control() || FORBIDDEN.contains(&c) { '-' } else { c }).collect();
        // A leading dot hides a folder; Windows drops dots and spaces at the end.
        let safe = safe.trim().trim_matches('.').trim();
        let safe = if safe.is_empty() { "class" } else { &safe[..safe.floor_char_boundary(LONGEST)] };
        let name = unique(safe, |name| names.iter().any(|other| other.to_lowercase() == name.to_lowercase()));
        names.push(name);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_have_distinct_safe_folders() {
        let classes = ["cat", "Cat", "a/b", "a\\b", "..", ".hidden", "", "abstained", "end. "];
        let names = folder_names(&classes.map(str::to_owned));
        let expected = [
            "cat",
            "Cat (2)",
            "a-b",
            "a-b (2)",
            "class",
            "hidden",
            "class (2)",
            "abstained",
            "end",
            "abstained (2)",
        ];
        assert_eq!(names, expected);
        let long = folder_names(&["ü".repeat(150), format!("{}x", "ü".repeat(150))]);
        assert_eq!(long, ["ü".repeat(100), format!("{} (2)", "ü".repeat(100)), ABSTAINED.to_owned()]);
    }
}
