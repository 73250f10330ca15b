//! Lists without a header: text files with a path and a label on each line (`cat/1.png 0`), and those of MXNet (`.lst`: a
//! number, a label and a path, separated by tabs). They count where no class folders do, or where they are the source.

use std::collections::BTreeSet;

use csv::WriterBuilder;

use super::described::is_image_folder;
use super::file_kinds::{has_image_folders, has_images, ignored_folder, is_named_as_image};
use super::files::{Entry, Folder};
use super::list_text;
use super::names::whole_number;
use super::split_words::split_name;

/// Bytes of the largest list that is read.
const MAX_BYTES: u64 = 256 << 20;
/// Bytes of a file's start that tell most other files.
const START: usize = 4_096;

/// Whether a name is that of a text file, and whether of a list of MXNet.
fn kind(name: &str) -> Option<bool> {
    match name.rsplit_once('.')?.1.to_lowercase().as_str() {
        "txt" => Some(false),
        "lst" => Some(true),
        _ => None,
    }
}

/// Whether the name of a file is that of such a list.
pub(super) fn is_named(name: &str) -> bool {
    kind(name).is_some()
}

/// Whether such lists say the classes in a folder: no folder beside them may be a class.
pub(super) fn say_classes(folder: &Folder) -> bool {
    let is_class = |(name, inner): (&String, &Folder)| {
        let of_images = (is_image_folder(name) || split_name(name).is_some()) && !has_image_folders(inner);
        ignored_folder(name, inner).is_none() && !of_images && has_images(inner)
    };
    !folder.folders.iter().any(is_class)
}

/// What the first line of a text says: `None` if it names no image, else whether it has a label.
pub(super) fn first_line(entry: &Entry) -> Option<bool> {
    let of_mxnet = kind(&entry.name)?;
    let start = entry.prefix(START).ok()?;
    let start = list_text::text(&start).unwrap_or_else(|_| String::from_utf8_lossy(&start).into_owned());
    let line = start.lines().map(str::trim).find(|line| !line.is_empty())?;
    if pair(line, of_mxnet).is_some() {
        return Some(true);
    }
    let mut parts = line.split([' ', '\t', ',', ';', '|']).filter(|part| !part.is_empty());
    (is_named_as_image(line) || parts.any(is_named_as_image)).then_some(false)
}

/// The list as CSV; `None` if a line is no path and label, or no label comes twice.
pub(super) fn read(entry: &Entry) -> Option<String> {
    let of_mxnet = kind(&entry.name)?;
    first_line(entry).filter(|has_label| *has_label)?;
    let text = list_text::text(&entry.bytes(MAX_BYTES).ok()?).ok()?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let rows: Vec<(&str, String)> = lines.map(|line| pair(line, of_mxnet)).collect::<Option<_>>()?;
    let labels: BTreeSet<&str> = rows.iter().map(|(_, label)| label.as_str()).collect();
    // Texts, hashes and addresses are no classes.
    if labels.len() == rows.len() && rows.len() > 2 {
        return None;
    }
    let mut writer = WriterBuilder::new().from_writer(Vec::new());
    writer.write_record(["file", "label"]).ok()?;
    for (path, label) in &rows {
        writer.write_record([*path, label]).ok()?;
    }
    String::from_utf8(writer.into_inner().ok()?).ok()
}

/// The path and the label of a line.
fn pair(line: &str, of_mxnet: bool) -> Option<(&str, String)> {
    if of_mxnet && line.contains('\t') {
        let fields: Vec<&str> = line.split('\t').map(str::trim).collect();
        let [number, label, path] = fields[..] else { return None };
        whole_number(number)?;
        let label = whole_number(label).unwrap_or_else(|| label.to_owned());
        return is_named_as_image(path).then_some((path, label));
    }
    ['\t', ',', ';', ' '].iter().find_map(|separator| {
        let (path, label) = line.rsplit_once(*separator)?;
        let (path, label) = (path.trim(), label.trim());
        let is_label = !label.is_empty() && !label.contains([',', ';', '\t']) && !is_named_as_image(label);
        (is_label && is_named_as_image(path)).then(|| (path, label.to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::data::files::Memory;

    #[test]
    fn lists_without_header_are_read() {
        for (name, text, csv) in [
            (
                "train.txt",
                "1.png cat\n2.png dog\n3.png cat\n",
                Some("file,label\n1.png,cat\n2.png,dog\n3.png,cat\n"),
            ),
            ("a.txt", "a b.png\t0\n2.png\t1\n", Some("file,label\na b.png,0\n2.png,1\n")),
            ("a.lst", "7\t1.000000\tx/1.png\n8\t0.000000\t2.png\n", Some("file,label\nx/1.png,1\n2.png,0\n")),
            ("a.txt", "1.png\n2.png\n", None),
            ("a.txt", "1.png 0 1\n2.png 1 0\n", None),
            ("a.txt", "1.png 0,0,3,3,1\n", None),
            ("a.txt", "1.png one\n2.png two\n3.png three\n", None),
            ("a.txt", "cat\ndog\n", None),
            ("a.lst", "7\t1\t0\tx/1.png\n", None),
            ("a.md", "1.png cat\n2.png dog\n", None),
        ] {
            let entry = Entry::new(PathBuf::from(name), text.len() as u64, Memory(text.as_bytes().into()));
            assert_eq!(read(&entry).as_deref(), csv, "{text}");
        }
    }
}
