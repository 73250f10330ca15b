//! The files that the rows of a list name.

use std::collections::{BTreeSet, HashMap};

use super::counted::counted_of;
use super::encodings::otherwise_decoded;
use super::error::excerpt;
use super::file_kinds::is_named_as_image;
use super::layout::joined;
use super::list_matches::{Named, Resolved, Unmatched};
use super::names::{folded, normal_path};

const ROWS: [&str; 2] = ["row", "rows"];
/// Rows that a message names.
const MAX_NAMED: usize = 3;

/// Files by path, for rows that name them.
#[derive(Default)]
pub(super) struct FileIndex {
    /// By path as it is.
    exact: HashMap<String, usize>,
    /// By path in one Unicode form and case: several files may share one.
    folded: HashMap<String, Vec<usize>>,
    /// As `folded`, without the ending.
    stems: HashMap<String, Vec<usize>>,
    /// By name without folders, as `folded` and `stems`.
    names: HashMap<String, Vec<usize>>,
    /// By [`loose_key`] of the path, and of the name alone.
    loose: HashMap<String, Vec<usize>>,
    paths: Vec<String>,
}

impl FileIndex {
    /// An index of files by path relative to the list, with `/` between names.
    pub fn new(paths: impl Iterator<Item = String>) -> Self {
        let mut index = Self::default();
        for (at, path) in paths.enumerate() {
            let folded = folded(&path);
            let name = folded.rsplit_once('/').map_or(folded.as_str(), |(_, name)| name);
            for key in [Some(name), without_ending(name)].into_iter().flatten() {
                index.names.entry(key.to_owned()).or_default().push(at);
            }
            if let Some(stem) = without_ending(&folded) {
                index.stems.entry(stem.to_owned()).or_default().push(at);
            }
            let key = loose_key(&folded);
            if let Some((_, name)) = key.rsplit_once('/') {
                index.loose.entry(format!("*/{name}")).or_default().push(at);
            } else {
                index.loose.entry(format!("*/{key}")).or_default().push(at);
            }
            index.loose.entry(key).or_default().push(at);
            index.folded.entry(folded).or_default().push(at);
            index.paths.push(path.clone());
            index.exact.insert(path, at);
        }
        index
    }

    /// The files that rows with these names mean, row by row. Names are as people write them: with `\` or `/`, in any
    /// Unicode form, in another case or without an ending where that leaves one file, and as a last resort with another ending of
    /// an image, without zeros before a number, or as text in another encoding. Only where no row names a file so,
    /// names are those of another machine or another folder: with folders before them that all rows have, as whole paths
    /// that end like a file here, and last of all as the end of a path in any folder below, where names without folder and
    /// ending always count. `inside`: folders in which names without a folder are looked for too.
    pub fn resolve(&self, names: &[String], inside: &[&str]) -> Resolved {
        // A name as it is comes first: on some systems `\` is a letter of names.
        let exact: Vec<Option<usize>> = names.iter().map(|name| self.exact.get(name).copied()).collect();
        let names: Vec<String> = names.iter().map(|name| normal_path(name)).collect();
        let mut resolved = self.resolve_within(&names, &exact, inside, false);
        if count(&resolved.named) == 0 {
            self.resolve_loosely(&names, inside, false, &mut resolved);
        }
        if count(&resolved.named) == 0 {
            resolved = self.resolve_within(&names, &exact, inside, true);
            self.resolve_loosely(&names, inside, true, &mut resolved);
            return resolved;
        }
        // Another file of the name, deeper down, does not stand for one that is gone. A name without folder and ending is
        // no path.
        for (row, name) in names.iter().enumerate() {
            if resolved.named[row] != Named::Nothing {
                continue;
            }
            let is_id = !name.contains('/') && without_ending(name).is_none();
            match self.end_of(name, inside) {
                several @ Named::Several(..) => resolved.named[row] = several,
                file @ Named::File(_) if is_id => {
                    resolved.named[row] = file;
                    resolved.moved.push(row);
                    resolved.deeper = true;
                }
                _ => {}
            }
        }
        // The first of them is the example.
        resolved.moved.sort_unstable();
        self.resolve_loosely(&names, inside, true, &mut resolved);
        resolved
    }

    /// Resolves what names no file yet by what a name and a file have in common beside ending, zeros and encoding. `deeper`: names
    /// without folder and ending also in any folder below.
    fn resolve_loosely(&self, names: &[String], inside: &[&str], deeper: bool, resolved: &mut Resolved) {
        for (row, name) in names.iter().enumerate() {
            if resolved.named[row] == Named::Nothing {
                resolved.named[row] = self.find_loosely(name, inside, deeper);
                resolved.loose.extend(matches!(resolved.named[row], Named::File(_)).then_some(row));
            }
        }
        resolved.loose.sort_unstable();
    }

    fn find_loosely(&self, name: &str, inside: &[&str], deeper: bool) -> Named {
        let key = loose_key(&folded(name));
        let places = std::iter::once(key.clone())
            .chain(inside.iter().map(|folder| joined(&folded(folder), &key)))
            // A name without folder and ending is no path.
            .chain((deeper && !name.contains('/') && !is_named_as_image(name)).then(|| format!("*/{key}")));
        if let Some(files) = places.into_iter().find_map(|place| self.loose.get(&place)) {
            return Named::of(files.iter().copied());
        }
        let texts = if name.is_ascii() { Vec::new() } else { otherwise_decoded(name) };
        let files: BTreeSet<usize> = texts
            .iter()
            .flat_map(|text| {
                std::iter::once(text.clone()).chain(inside.iter().map(|folder| joined(folder, text)))
            })
            .filter_map(|place| self.exact.get(&place).copied())
            .collect();
        Named::of(files.into_iter())
    }

    /// Resolves names, with `deeper` also in any folder below.
    fn resolve_within(
        &self,
        names: &[String],
        exact: &[Option<usize>],
        inside: &[&str],
        deeper: bool,
    ) -> Resolved {
        let resolved = |skipped: usize| -> Vec<Named> {
            let find = |(name, exact): (&String, &Option<usize>)| {
                exact.map_or_else(|| self.find(skip_folders(name, skipped), inside, deeper), Named::File)
            };
            names.iter().zip(exact).map(find).collect()
        };
        let (mut best, mut without) = (resolved(0), 0);
        let mut moved = Vec::new();
        if count(&best) > 0 {
            let is_moved = |at: &usize| deeper && matches!(best[*at], Named::File(_));
            moved.extend((0..best.len()).filter(is_moved));
            return Resolved { named: best, moved, deeper, loose: Vec::new() };
        }
        for skipped in 1..=shared_folders(names) {
            let next = resolved(skipped);
            if count(&next) > count(&best) {
                (best, without) = (next, skipped);
            }
        }
        for (row, (named, name)) in best.iter_mut().zip(names).enumerate() {
            if *named == Named::Nothing && is_absolute(name) {
                *named = self.longest_end(name, inside, deeper);
                moved.extend(matches!(named, Named::File(_)).then_some(row));
            } else if without > 0 && matches!(named, Named::File(_)) {
                moved.push(row);
            }
        }
        Resolved { named: best, moved, deeper: false, loose: Vec::new() }
    }

    /// The longest end of a path that names something. A name alone may be another folder's.
    fn longest_end(&self, name: &str, inside: &[&str], deeper: bool) -> Named {
        let folders = name.matches('/').count();
        let mut ends = (1..=folders)
            .map(|skipped| self.find(skip_folders(name, skipped), inside, deeper && skipped < folders));
        ends.find(|named| *named != Named::Nothing).unwrap_or(Named::Nothing)
    }

    /// The files in any folder below that a path ends like.
    fn end_of(&self, name: &str, inside: &[&str]) -> Named {
        match self.find(name, inside, true) {
            Named::Nothing if is_absolute(name) => self.longest_end(name, inside, true),
            named => named,
        }
    }

    /// The path of a file.
    pub fn path(&self, file: usize) -> &str {
        &self.paths[file]
    }

    /// What a name means. `deeper`: also in any folder below.
    fn find(&self, name: &str, inside: &[&str], deeper: bool) -> Named {
        let places: Vec<String> = std::iter::once(name.to_owned())
            .chain(inside.iter().map(|folder| joined(folder, name)))
            .collect();
        if let Some(found) = places.iter().find_map(|place| self.exact.get(place)) {
            return Named::File(*found);
        }
        let places: Vec<String> = places.iter().map(|place| folded(place)).collect();
        // A name in another spelling, one without an ending, or a file without one.
        let bare = || places.iter().filter_map(|place| without_ending(place));
        let found = places
            .iter()
            .find_map(|place| self.folded.get(place))
            .or_else(|| places.iter().find_map(|place| self.stems.get(place)))
            .or_else(|| bare().find_map(|place| self.folded.get(place)));
        if let Some(found) = found {
            return Named::of(found.iter().copied());
        }
        let tail = folded(name);
        let last = tail.rsplit_once('/').map_or(tail.as_str(), |(_, last)| last);
        let is_meant = |at: &usize| {
            let path = folded(&self.paths[*at]);
            let stem = without_ending(&path).unwrap_or(&path);
            path.ends_with(&format!("/{tail}")) || stem.ends_with(&format!("/{tail}"))
        };
        match self.names.get(last).filter(|_| deeper) {
            Some(files) => Named::of(files.iter().copied().filter(is_meant)),
            None => Named::Nothing,
        }
    }

    /// What is wrong with rows that name no file or several; `None` if every row names one. `rows`: their lines and names.
    pub fn unmatched(&self, rows: &[(u64, &str)], resolved: &Resolved) -> Option<Unmatched> {
        let mut first = None;
        let (mut nothing, mut several) = (Vec::new(), Vec::new());
        for ((line, file), named) in rows.iter().zip(&resolved.named) {
            let name = excerpt(file);
            let found = match named {
                Named::File(_) => continue,
                Named::Several(a, b) => {
                    let (a, b) = (excerpt(self.path(*a)), excerpt(self.path(*b)));
                    several.push(format!("'{name}' ({a} or {b})"));
                    format!("'{name}', which may be {a} or {b}")
                }
                Named::Nothing => {
                    nothing.push(format!("'{name}'"));
                    match self.end_of(&normal_path(file), &[]) {
                        Named::File(other) => {
                            let other = excerpt(self.path(other));
                            format!("'{name}', which does not exist ({other} is another file of that name)")
                        }
                        _ => format!("'{name}', which does not exist"),
                    }
                }
            };
            first.get_or_insert((*line, found));
        }
        let (line, found) = first?;
        let told = |names: &[String], what: &str| {
            let shown = names.iter().take(MAX_NAMED).cloned().collect::<Vec<_>>().join(", ");
            (!names.is_empty()).then(|| {
                format!(
                    "{} {what} here: {shown}",
                    counted_of(names.len(), rows.len(), ROWS, ["names", "name"])
                )
            })
        };
        let told = [told(&nothing, "no file"), told(&several, "several files")];
        let told = told.into_iter().flatten().collect::<Vec<_>>().join("; ");
        Some(Unmatched { line, found, told, all: nothing.len() + several.len() == rows.len() })
    }

    /// The notice about rows that were matched without the folders before them.
    pub fn moved_notice(&self, rows: &[(u64, &str)], resolved: &Resolved) -> Option<String> {
        let &first = resolved.moved.first()?;
        let Named::File(file) = resolved.named[first] else { return None };
        let what = match resolved.deeper {
            true => "files that are in a folder below",
            false => "folders that are not here",
        };
        Some(format!(
            "{} {what}: they are matched by the end of the path, such as '{}' with {}",
            counted_of(resolved.moved.len(), rows.len(), ROWS, ["names", "name"]),
            excerpt(rows[first].1),
            excerpt(self.path(file))
        ))
    }

    /// The notice about rows whose names differ from those of the files.
    pub fn loose_notice(&self, rows: &[(u64, &str)], resolved: &Resolved) -> Option<String> {
        let &first = resolved.loose.first()?;
        let file = resolved.named[first].file()?;
        Some(format!(
            "{} no file as written: matched with the only file that differs in the ending, in zeros before a number or in the \
             encoding of its name, such as '{}' with {}",
            counted_of(resolved.loose.len(), rows.len(), ROWS, ["names", "name"]),
            excerpt(rows[first].1),
            excerpt(self.path(file))
        ))
    }
}

/// What a path keeps without the ending of an image, and without the zeros before a number.
fn loose_key(path: &str) -> String {
    let path = if is_named_as_image(path) { without_ending(path).unwrap_or(path) } else { path };
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let is_number = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
    let number = name.trim_start_matches('0');
    let name = match is_number {
        true if number.is_empty() => "0",
        true => number,
        false => name,
    };
    joined(folder, name)
}

/// How many rows name a file.
fn count(named: &[Named]) -> usize {
    named.iter().filter(|named| matches!(named, Named::File(_))).count()
}

/// Whether a path, with `/` between names, begins at the root of a machine, or is an address.
fn is_absolute(path: &str) -> bool {
    let drive =
        path.split_once(":/").is_some_and(|(drive, _)| drive.chars().all(|c| c.is_ascii_alphanumeric()));
    path.starts_with('/') || path.starts_with("~/") || drive
}

fn without_ending(path: &str) -> Option<&str> {
    let (stem, ending) = path.rsplit_once('.')?;
    (!stem.is_empty() && !stem.ends_with('/') && !ending.contains('/')).then_some(stem)
}

/// The number of folders at the start that all names have in common.
fn shared_folders(names: &[String]) -> usize {
    let Some(first) = names.first() else { return 0 };
    let folders = |name: &str| name.matches('/').count();
    let is_shared = |count: &usize| {
        let start = first.len() - skip_folders(first, *count).len();
        names.iter().all(|name| name.as_bytes().get(..start) == Some(&first.as_bytes()[..start]))
    };
    (1..=folders(first)).take_while(is_shared).last().unwrap_or(0)
}

fn skip_folders(name: &str, count: usize) -> &str {
    (0..count).fold(name, |name, _| name.split_once('/').map_or(name, |(_, rest)| rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[&str], names: &[&str]) -> Vec<Option<usize>> {
        let index = FileIndex::new(files.iter().map(|file| (*file).to_owned()));
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        index.resolve(&names, &["images"]).named.into_iter().map(Named::file).collect()
    }

    #[test]
    fn rows_name_files_in_many_ways() {
        let files = ["cat/1.png", "dog/A.JPG", "images/x.png", "deep/er/id7.jpg", "caf\u{e9}.png", "plain"];
        for (name, file) in [
            ("cat/1.png", 0),
            (".\\cat\\1.png", 0),
            ("cat//1.png", 0),
            ("dog/a.jpg", 1),
            ("x.png", 2),
            ("x", 2),
            ("id7", 3),
            ("er/id7.jpg", 3),
            ("cafe\u{301}.png", 4),
            ("plain.png", 5),
        ] {
            assert_eq!(found(&files, &[name]), [Some(file)], "{name}");
        }
        for name in ["cat/2.png", "1.jpg", "other/1.png", "../secret.png", "/etc/passwd", ""] {
            assert_eq!(found(&files, &[name, "cat/1.png"])[0], None, "{name}");
        }
    }

    #[test]
    fn ambiguous_names_name_nothing() {
        let files = ["A.png", "a.png", "b.png", "b.jpg", "x/c.png", "y/c.png"];
        assert_eq!(
            found(&files, &["a.png", "A.PNG", "b", "c.png", "x/c"]),
            [Some(1), None, None, None, Some(4)]
        );
    }

    #[test]
    fn endings_and_zeros_may_differ() {
        for (files, name, file) in [
            (&["1.jpg", "2.jpg"][..], "1.jpeg", Some(0)),
            (&["a/1.JPG"], "a/1.png", Some(0)),
            (&["images/x.jpg"], "x.jpeg", Some(0)),
            (&["1.jpg", "1.png"], "1.jpeg", None),
            (&["1.txt"], "1.png", None),
            (&["0012.png", "0120.png"], "12", Some(0)),
            (&["a/0012.png"], "12", Some(0)),
            (&["a/0012.png", "b/012.png"], "12", None),
            (&["a/0012.png"], "12.png", None),
            (&["a/000.png"], "a/0.png", Some(0)),
            (&["img0012.png"], "img12", None),
        ] {
            assert_eq!(found(files, &[name]), [file], "{name} among {files:?}");
            // Also where other rows name files as they are.
            let more = [files, &["deep/plain.gif"]].concat();
            assert_eq!(found(&more, &[name, "deep/plain.gif"])[0], file, "{name} among {more:?}");
        }
    }

    #[test]
    fn names_match_files_that_were_decoded_otherwise() {
        let name = "猫1.png";
        let (bytes, _, _) = encoding_rs::SHIFT_JIS.encode(name);
        let escaped: String = bytes
            .utf8_chunks()
            .flat_map(|chunk| {
                let bytes = chunk.invalid().iter().map(|byte| format!("\\x{byte:02X}")).collect::<String>();
                [chunk.valid().to_owned(), bytes]
            })
            .collect();
        let as_chinese = encoding_rs::GBK.decode_without_bom_handling_and_without_replacement(&bytes);
        let as_chinese = as_chinese.map(|text| text.into_owned());
        for file in [Some(escaped), as_chinese].into_iter().flatten() {
            assert_eq!(found(&[&file, "x.png"], &[name, "x.png"]), [Some(0), Some(1)], "{file}");
        }
        assert_eq!(found(&["x.png"], &[name, "x.png"]), [None, Some(0)]);
    }

    #[test]
    fn folders_shared_by_all_rows_may_be_missing() {
        let files = ["cat/1.png", "dog/1.png"];
        for prefix in ["photos/", "C:\\Users\\me\\photos\\", "/home/me/photos/", "../photos/"] {
            let names =
                [format!("{prefix}cat/1.png"), format!("{prefix}dog/1.png"), format!("{prefix}dog/2.png")];
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            assert_eq!(found(&files, &names), [Some(0), Some(1), None], "{prefix}");
        }
    }

    #[test]
    fn paths_of_other_machines_are_matched_by_their_end() {
        let files = ["cat/1.png", "dog/1.png", "x/cat/2.png", "y/cat/2.png", "3.png"];
        let names = [
            "C:\\Users\\me\\cat\\1.png",
            "/home/you/set/dog/1.png",
            "D:/cat/2.png",
            "\\\\server\\share\\3.png",
            "https://example.org/cat/1.png",
            "/data/bird/1.png",
        ];
        assert_eq!(found(&files, &names), [Some(0), Some(1), None, Some(4), Some(0), None]);
        let index = FileIndex::new(files.iter().map(|file| (*file).to_owned()));
        let rows: Vec<(u64, &str)> = (2..).zip(names).collect();
        let resolved = index.resolve(&names.map(str::to_owned), &[]);
        let unmatched = index.unmatched(&rows, &resolved).expect("two rows");
        assert_eq!((unmatched.line, unmatched.all), (4, false));
        assert_eq!(
            unmatched.told,
            "1 of 6 rows names no file here: '/data/bird/1.png'; 1 of 6 rows names several files here: 'D:/cat/2.png' \
             (x/cat/2.png or y/cat/2.png)"
        );
        let notice = index.moved_notice(&rows, &resolved).expect("a notice");
        assert!(notice.starts_with("4 of 6 rows name folders that are not here"), "{notice}");
    }

    #[test]
    fn files_elsewhere_never_replace_missing_ones() {
        let files = ["photos/boat/1.jpg", "backup/photos/boat/2.jpg", "backup/photos/car/1.jpg"];
        // While one row names a file as it is, no other stands for another folder's.
        for (names, named) in [
            (&["photos/boat/1.jpg", "photos/boat/2.jpg"][..], &[Some(0), None][..]),
            (&["photos/boat/1.jpg", "2.jpg"], &[Some(0), None]),
            (&["photos/boat/1.jpg", "2"], &[Some(0), Some(1)]),
            (&["photos/boat/1.jpg", "/home/me/photos/boat/2.jpg"], &[Some(0), None]),
            (&["/me/photos/boat/1.jpg", "/me/photos/boat/2.jpg"], &[Some(0), None]),
            (&["boat/2.jpg", "car/1.jpg"], &[Some(1), Some(2)]),
            (&["old/boat/2.jpg", "old/car/1.jpg"], &[Some(1), Some(2)]),
        ] {
            let index = FileIndex::new(files.iter().map(|file| (*file).to_owned()));
            let rows: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            let resolved = index.resolve(&rows, &[]);
            let found: Vec<Option<usize>> = resolved.named.iter().map(|named| named.file()).collect();
            assert_eq!(found, named, "{names:?}");
            let rows: Vec<(u64, &str)> = (2..).zip(names.iter().copied()).collect();
            assert_eq!(index.unmatched(&rows, &resolved).is_some(), named.contains(&None), "{names:?}");
            let notices = index.moved_notice(&rows, &resolved).is_some();
            assert_eq!(notices, names[0] != files[0] || names[1] == "2", "{names:?}");
        }
        let index = FileIndex::new(files.iter().map(|file| (*file).to_owned()));
        let rows = [(2, "photos/boat/1.jpg"), (3, "photos/boat/2.jpg")];
        let resolved = index.resolve(&rows.map(|(_, name)| name.to_owned()), &[]);
        let told = "'photos/boat/2.jpg', which does not exist (backup/photos/boat/2.jpg is another file of that name)";
        assert_eq!(index.unmatched(&rows, &resolved).map(|unmatched| unmatched.found), Some(told.to_owned()));
    }
}
