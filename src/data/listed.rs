//! What a list says: its text, whatever program saved it, and the files that its rows name.

use std::collections::HashMap;

use super::layout::joined;
use super::names::{folded, normal_path};

/// Why a list's bytes are not text.
pub(super) struct NotText {
    /// The first line with such bytes, from 1.
    pub line: u64,
    pub found: &'static str,
}

/// What to do about a list that is not text.
pub(super) const SAVE_AS_UTF8: &str =
    "save the file as UTF-8 (a spreadsheet calls it 'CSV UTF-8'), or correct or remove the line";

/// The text of a list: UTF-8, with or without a byte order mark, or UTF-16 with one.
///
/// # Errors
/// When the bytes are neither.
pub(super) fn text(bytes: &[u8]) -> Result<String, NotText> {
    let utf16 = |bytes: &[u8], word: fn([u8; 2]) -> u16| {
        let words = bytes.chunks_exact(2).map(|pair| word([pair[0], pair[1]]));
        let text: Result<String, _> = char::decode_utf16(words).collect();
        text.map_err(|_| NotText { line: 1, found: "damaged UTF-16" })
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => return utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => return utf16(rest, u16::from_be_bytes),
        _ => {}
    }
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let line_of = |at: usize| bytes[..at].iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
    if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
        return Err(NotText { line: line_of(at), found: "UTF-16 without a byte order mark, or binary data" });
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => Err(NotText { line: line_of(error.valid_up_to()), found: "bytes that are not UTF-8" }),
    }
}

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
            index.folded.entry(folded).or_default().push(at);
            index.paths.push(path.clone());
            index.exact.insert(path, at);
        }
        index
    }

    /// The files that rows with these names mean, row by row. Names are as people write them: with `\` or `/`, in any
    /// Unicode form, in another case or without an ending where that leaves one file, and with folders before them that
    /// all rows have. `inside`: folders in which names without a folder are looked for too.
    pub fn resolve(&self, names: &[String], inside: &[&str]) -> Vec<Option<usize>> {
        // A name as it is comes first: on some systems `\` is a letter of names.
        let exact: Vec<Option<usize>> = names.iter().map(|name| self.exact.get(name).copied()).collect();
        let names: Vec<String> = names.iter().map(|name| normal_path(name)).collect();
        let shared = shared_folders(&names);
        let resolved = |skipped: usize| -> Vec<Option<usize>> {
            let find = |(name, exact): (&String, &Option<usize>)| {
                exact.or_else(|| self.find(skip_folders(name, skipped), inside))
            };
            names.iter().zip(&exact).map(find).collect()
        };
        let count = |found: &[Option<usize>]| found.iter().flatten().count();
        let mut best = resolved(0);
        for skipped in 1..=shared {
            if count(&best) == names.len() {
                break;
            }
            let next = resolved(skipped);
            if count(&next) > count(&best) {
                best = next;
            }
        }
        best
    }

    fn find(&self, name: &str, inside: &[&str]) -> Option<usize> {
        let places: Vec<String> = std::iter::once(name.to_owned())
            .chain(inside.iter().map(|folder| joined(folder, name)))
            .collect();
        if let Some(found) = places.iter().find_map(|place| self.exact.get(place)) {
            return Some(*found);
        }
        let only = |files: Option<&Vec<usize>>| match files.map(Vec::as_slice) {
            Some([only]) => Some(*only),
            _ => None,
        };
        let places: Vec<String> = places.iter().map(|place| folded(place)).collect();
        if let Some(found) = places.iter().find_map(|place| self.folded.get(place)) {
            return only(Some(found));
        }
        // A name without an ending, or a file without one.
        if let Some(found) = places.iter().find_map(|place| self.stems.get(place)) {
            return only(Some(found));
        }
        let bare = places.iter().filter_map(|place| without_ending(place));
        if let Some(found) = bare.into_iter().find_map(|place| self.folded.get(place)) {
            return only(Some(found));
        }
        // Deeper in the folder.
        let tail = folded(name);
        let last = tail.rsplit_once('/').map_or(tail.as_str(), |(_, last)| last);
        let is_meant = |at: &&usize| {
            let path = folded(&self.paths[**at]);
            let stem = without_ending(&path).unwrap_or(&path);
            path.ends_with(&format!("/{tail}")) || stem.ends_with(&format!("/{tail}"))
        };
        let mut deeper = self.names.get(last)?.iter().filter(is_meant);
        deeper.next().filter(|_| deeper.next().is_none()).copied()
    }
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
        index.resolve(&names, &["images"])
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
    fn text_is_read_by_its_mark() {
        let utf16 = |mark: [u8; 2], bytes: fn(u16) -> [u8; 2]| {
            [mark.to_vec(), "a,é\n고".encode_utf16().flat_map(bytes).collect()].concat()
        };
        for bytes in [
            utf16([0xff, 0xfe], u16::to_le_bytes),
            utf16([0xfe, 0xff], u16::to_be_bytes),
            "\u{feff}a,é\n고".as_bytes().to_vec(),
            "a,é\n고".as_bytes().to_vec(),
        ] {
            assert!(text(&bytes).is_ok_and(|text| text == "a,é\n고"));
        }
        assert!(text(b"a\nb\n\xb0\xed").is_err_and(|error| error.line == 3));
        assert!(text(b"a\0,\0").is_err_and(|error| error.found.contains("UTF-16")));
    }
}
