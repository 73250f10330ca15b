//! Lists of images in JSON, read as the same list in CSV: an array of objects with `file` and `label`, one such object on each
//! line, arrays of objects by split, and an object of files with their labels.

use std::collections::BTreeSet;
use std::sync::Arc;

use csv::WriterBuilder;
use serde_json::{Map, Value};

use super::file_kinds::is_named_as_image;
use super::files::Entry;
use super::list_columns::{FILE, ID, LABEL, SPLIT, column_name};
use super::list_text;
use super::split_words::{SplitName, split_name};

/// Bytes of the largest file that is read.
const MAX_BYTES: u64 = 64 << 20;
/// Bytes of a file's start that tell most other files.
const START: usize = 4_096;

/// Whether a name is that of a JSON file, and whether of one with a value on each line.
fn kind(name: &str) -> Option<bool> {
    let ending = name.rsplit_once('.')?.1.to_lowercase();
    match ending.as_str() {
        "json" => Some(false),
        "jsonl" | "ndjson" => Some(true),
        _ => None,
    }
}

/// Whether a file is a list of images in JSON; one that cannot be read is none.
pub(super) fn is_list(entry: &Entry) -> bool {
    as_csv(entry).is_some()
}

/// The list as CSV: a header, and a row for each image; `None` if the file is no list in JSON. It is read once.
pub(super) fn as_csv(entry: &Entry) -> Option<&str> {
    entry.list_in_json.get_or_init(|| read(entry).map(Arc::from)).as_deref()
}

fn read(entry: &Entry) -> Option<String> {
    let by_line = kind(&entry.name)?;
    let start = String::from_utf8_lossy(&entry.prefix(START).ok()?).into_owned();
    let start = start.trim_start_matches('\u{feff}').trim_start();
    if entry.size > MAX_BYTES || !start.starts_with(['[', '{']) {
        return None;
    }
    let text = list_text::text(&entry.bytes(MAX_BYTES).ok()?).ok()?;
    let rows = match by_line {
        true => objects(text.lines().filter(|line| !line.trim().is_empty()).map(serde_json::from_str))?,
        false => rows(serde_json::from_str(&text).ok()?)?,
    };
    table(&rows)
}

/// The values as objects; `None` if one is another value, or damaged.
fn objects(values: impl Iterator<Item = serde_json::Result<Value>>) -> Option<Vec<Map<String, Value>>> {
    values.map(|value| if let Ok(Value::Object(object)) = value { Some(object) } else { None }).collect()
}

/// A row for each image.
fn rows(value: Value) -> Option<Vec<Map<String, Value>>> {
    match value {
        Value::Array(values) => objects(values.into_iter().map(Ok)),
        Value::Object(object) if by_split(&object) => {
            let mut all = Vec::new();
            for (split, values) in object {
                let Value::Array(values) = values else { return None };
                for mut row in objects(values.into_iter().map(Ok))? {
                    row.entry("split").or_insert_with(|| Value::String(split.clone()));
                    all.push(row);
                }
            }
            Some(all)
        }
        Value::Object(object) if object.keys().all(|file| is_named_as_image(file)) => {
            let row = |(file, label): (String, Value)| {
                Map::from_iter([("file".to_owned(), Value::String(file)), ("label".to_owned(), label)])
            };
            Some(object.into_iter().map(row).collect())
        }
        _ => None,
    }
}

/// Whether all keys are splits, `train` and another one.
fn by_split(object: &Map<String, Value>) -> bool {
    let splits: Option<BTreeSet<SplitName>> = object.keys().map(|key| split_name(key)).collect();
    splits.is_some_and(|splits| splits.contains(&SplitName::Train) && splits.len() > 1)
}

/// The rows as CSV, if they name files and labels.
fn table(rows: &[Map<String, Value>]) -> Option<String> {
    let columns: BTreeSet<&String> = rows.iter().flat_map(Map::keys).collect();
    let has = |names: &[&str]| columns.iter().any(|column| names.contains(&column_name(column).as_str()));
    if !(has(&FILE) || has(&ID)) || !has(&LABEL) {
        return None;
    }
    // Boxes and masks are no columns of a list.
    let known = [&FILE[..], &ID, &LABEL, &SPLIT].concat();
    let is_column = |column: &&String| {
        known.contains(&column_name(column).as_str())
            || rows.iter().all(|row| !matches!(row.get(*column), Some(Value::Array(_) | Value::Object(_))))
    };
    let columns: Vec<&String> = columns.into_iter().filter(is_column).collect();
    let mut writer = WriterBuilder::new().from_writer(Vec::new());
    writer.write_record(&columns).ok()?;
    for row in rows {
        writer
            .write_record(columns.iter().map(|column| row.get(*column).map_or_else(String::new, cell)))
            .ok()?;
    }
    String::from_utf8(writer.into_inner().ok()?).ok()
}

/// A value as a cell. An array of one value is that value; of several it is `[a, b]`.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(values) if values.len() < 2 => values.first().map_or_else(String::new, cell),
        Value::Array(values) => format!("[{}]", values.iter().map(cell).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

/// The paths of images with their splits, of a file with an array of paths for each split; `None` if it is none.
pub(super) fn splits(entry: &Entry) -> Option<Vec<(String, SplitName)>> {
    let value = value(entry)?;
    let object = value.as_object().filter(|object| by_split(object))?;
    let mut all = Vec::new();
    for (split, values) in object {
        let split = split_name(split)?;
        for path in paths(values)? {
            all.push((path, split));
        }
    }
    Some(all)
}

/// The paths in a file with an array of them; `None` if it is none.
pub(super) fn paths_in(entry: &Entry) -> Option<Vec<String>> {
    paths(&value(entry)?)
}

fn value(entry: &Entry) -> Option<Value> {
    kind(&entry.name).filter(|by_line| !by_line)?;
    let text = list_text::text(&entry.bytes(MAX_BYTES).ok()?).ok()?;
    serde_json::from_str(&text).ok()
}

/// Paths as text, or as objects that name a file.
fn paths(values: &Value) -> Option<Vec<String>> {
    let path = |value: &Value| match value {
        Value::String(path) => Some(path.clone()),
        Value::Object(object) => {
            let mut files = object.iter().filter(|(key, _)| FILE.contains(&column_name(key).as_str()));
            Some(files.next()?.1.as_str()?.to_owned())
        }
        _ => None,
    };
    values.as_array()?.iter().map(path).collect()
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::data::files::{Content, Memory, Stream};

    fn entry(name: &str, text: &str) -> Entry {
        Entry::new(PathBuf::from(name), text.len() as u64, Memory(text.as_bytes().into()))
    }

    #[test]
    fn lists_in_json_become_csv() {
        for (name, text, csv) in [
            (
                "a.json",
                r#"[{"file":"1.png","label":"cat"},{"file":"2.png"}]"#,
                "file,label\n1.png,cat\n2.png,\n",
            ),
            ("a.jsonl", "{\"file_name\":\"1.png\",\"label\":0}\n\n", "file_name,label\n1.png,0\n"),
            ("a.json", r#"{"1.png":"cat","2.png":["dog"]}"#, "file,label\n1.png,cat\n2.png,dog\n"),
            (
                "a.json",
                r#"{"train":[{"file":"1.png","label":"a, b"}],"test":[{"file":"2.png","label":"c"}]}"#,
                "file,label,split\n2.png,c,test\n1.png,\"a, b\",train\n",
            ),
            (
                "a.json",
                r#"[{"image":"1.png","class":["a","b"],"bbox":[1,2]}]"#,
                "class,image\n\"[a, b]\",1.png\n",
            ),
        ] {
            assert_eq!(as_csv(&entry(name, text)), Some(csv), "{text}");
        }
        for (name, text) in [
            ("a.json", r#"{"images":[{"file_name":"1.png"}],"annotations":[],"categories":[]}"#),
            ("a.json", r#"["1.png","2.png"]"#),
            ("a.json", r#"{"train":["1.png"],"test":["2.png"]}"#),
            ("a.json", r#"[{"file":"1.png","width":3}]"#),
            ("a.json", r#"{"cat":0,"dog":1}"#),
            ("a.json", "[{\"file\":"),
            ("a.txt", r#"[{"file":"1.png","label":"cat"}]"#),
            ("a.json", ""),
        ] {
            assert_eq!(as_csv(&entry(name, text)), None, "{text}");
        }
    }

    /// Content that counts how often it is opened.
    struct Counting(Memory, Arc<AtomicUsize>);

    impl Content for Counting {
        fn open(&self) -> io::Result<Stream> {
            self.1.fetch_add(1, Ordering::Relaxed);
            self.0.open()
        }
    }

    #[test]
    fn lists_in_json_are_read_once() {
        let text = r#"[{"file":"1.png","label":"cat"}]"#.as_bytes();
        let opened = Arc::new(AtomicUsize::new(0));
        let content = Counting(Memory(text.into()), Arc::clone(&opened));
        let list = Entry::new(PathBuf::from("a.json"), text.len() as u64, content);
        assert!(is_list(&list));
        let first = opened.load(Ordering::Relaxed);
        assert!(is_list(&list) && as_csv(&list).is_some() && as_csv(&list.clone()).is_some());
        assert_eq!(opened.load(Ordering::Relaxed), first);
    }

    #[test]
    fn paths_by_split_are_read() {
        let (train, test) = (SplitName::Train, SplitName::Test);
        for (text, expected) in [
            (
                r#"{"train":["a/1.png"],"test":["a/2.png"]}"#,
                Some(vec![("a/2.png".to_owned(), test), ("a/1.png".to_owned(), train)]),
            ),
            (r#"{"training":[{"file":"a/1.png"}],"holdout":[]}"#, Some(vec![("a/1.png".to_owned(), train)])),
            (r#"{"train":[0,1],"test":[2]}"#, None),
            (r#"{"train":["a/1.png"]}"#, None),
            (r#"{"fold1":["a/1.png"],"fold2":[]}"#, None),
        ] {
            assert_eq!(splits(&entry("splits.json", text)), expected, "{text}");
        }
    }
}
