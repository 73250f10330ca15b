//! Lists of images in JSON, read as the same list in CSV: an array of objects with `file` and `label`, one such object on each
//! line, arrays of objects by split, and an object of files with their labels.

use std::collections::BTreeSet;
use std::sync::Arc;

use csv::WriterBuilder;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::file_kinds::is_named_as_image;
use super::files::Entry;
use super::json_value::Json;
use super::list_columns::{FILE, ID, LABEL, SPLIT, is_one_of};
use super::list_text;
use super::plain_lists;
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
    kind(&entry.name).is_some() && as_csv(entry).is_some()
}

/// The list as CSV: a header, and a row for each image; `None` if the file is no list in JSON or without a header. It is read
/// once.
pub(super) fn as_csv(entry: &Entry) -> Option<&str> {
    let read = || read(entry).or_else(|| plain_lists::read(entry)).map(Arc::from);
    entry.list_as_csv.get_or_init(read).as_deref()
}

fn read(entry: &Entry) -> Option<String> {
    let by_line = kind(&entry.name)?;
    let start = entry.prefix(START).ok()?;
    let is_utf16 = start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff]);
    let start = String::from_utf8_lossy(&start).into_owned();
    let start = start.trim_start_matches('\u{feff}').trim_start();
    if entry.size > MAX_BYTES || !(is_utf16 || start.starts_with(['[', '{'])) {
        return None;
    }
    let text = list_text::text(&entry.bytes(MAX_BYTES).ok()?).ok()?;
    let rows = match by_line {
        true => objects(text.lines().filter(|line| !line.trim().is_empty()).map(parse))?,
        false => rows(parse(&text).ok()?)?,
    };
    table(&rows)
}

/// A value in JSON, also one with `NaN` and `Infinity`, which some programs write: they are nothing.
fn parse<T: DeserializeOwned>(text: &str) -> serde_json::Result<T> {
    serde_json::from_str(text).or_else(|error| match without_nan(text) {
        Some(text) => serde_json::from_str(&text),
        None => Err(error),
    })
}

/// The text with `null` for each `NaN` and `Infinity` outside of strings; `None` if there is none.
fn without_nan(text: &str) -> Option<String> {
    const WORDS: [&str; 3] = ["NaN", "-Infinity", "Infinity"];
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    let (mut quoted, mut escaped, mut found) = (false, false, false);
    while let Some(letter) = rest.chars().next() {
        if let Some(word) = WORDS.iter().find(|word| !quoted && rest.starts_with(**word)) {
            out.push_str("null");
            rest = &rest[word.len()..];
            found = true;
            continue;
        }
        quoted ^= letter == '"' && !escaped;
        escaped = quoted && letter == '\\' && !escaped;
        out.push(letter);
        rest = &rest[letter.len_utf8()..];
    }
    found.then_some(out)
}

/// What a file in JSON is that is no list, and what to do about it; `None` if it has nothing to do with images.
pub(super) fn problem(entry: &Entry) -> Option<(String, &'static str)> {
    const AS_LIST: &str = "to use it, save it as CSV with the columns file and label";
    let by_line = kind(&entry.name)?;
    let Some(text) = entry.bytes(MAX_BYTES).ok().and_then(|bytes| list_text::text(&bytes).ok()) else {
        return Some(("JSON that is no text in UTF-8, or too large".to_owned(), AS_LIST));
    };
    let names_images = mentions_images(&text);
    let damaged = |line: usize| {
        let found = format!("JSON that is cut or damaged, as line {line} says");
        (found, "to use it, export it again, or correct it")
    };
    if by_line {
        let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let bad = lines.find(|(_, line)| parse::<Value>(line).is_err()).map(|(at, _)| damaged(at + 1));
        return bad
            .or_else(|| Some(("JSON of another form than a list".to_owned(), AS_LIST)))
            .filter(|_| names_images);
    }
    let value = match parse::<Value>(&text) {
        Ok(value) => value,
        Err(error) => return Some(damaged(error.line())).filter(|_| names_images),
    };
    let has = |keys: &[&str]| keys.iter().all(|key| value.get(key).is_some());
    let of_first = |key: &str| value.get(0).is_some_and(|first| first.get(key).is_some());
    let what = match () {
        () if has(&["images", "annotations"]) => "annotations of objects in the form of COCO",
        () if of_first("annotations") && of_first("data") => "an export of Label Studio in JSON",
        () if names_images => "JSON of another form than a list",
        () => return None,
    };
    Some((what.to_owned(), AS_LIST))
}

/// Whether a text names image files, or has a field for them.
fn mentions_images(text: &str) -> bool {
    const WORDS: [&str; 8] =
        [".png\"", ".jpg\"", ".jpeg\"", ".bmp\"", ".webp\"", ".tif\"", "\"file", "\"image"];
    let text = text.to_ascii_lowercase();
    WORDS.iter().any(|word| text.contains(word))
}

/// The fields of a row in their order; a name may come twice.
type Row = Vec<(String, Json)>;

/// The values as objects; `None` if one is another value, or damaged.
fn objects(values: impl Iterator<Item = serde_json::Result<Json>>) -> Option<Vec<Row>> {
    values.map(|value| if let Ok(Json::Object(fields)) = value { Some(fields) } else { None }).collect()
}

/// A row for each image.
fn rows(mut value: Json) -> Option<Vec<Row>> {
    let text = |text: &str| Json::Leaf(Value::String(text.to_owned()));
    if let Json::Object(fields) = &mut value {
        fields.sort_by(|(a, _), (b, _)| a.cmp(b));
    }
    match value {
        Json::Array(values) => objects(values.into_iter().map(Ok)),
        Json::Object(fields) if by_split(fields.iter().map(|(key, _)| key.as_str())) => {
            let mut all = Vec::new();
            for (split, values) in fields {
                let Json::Array(values) = values else { return None };
                for mut row in objects(values.into_iter().map(Ok))? {
                    if row.iter().all(|(column, _)| column != "split") {
                        row.push(("split".to_owned(), text(&split)));
                    }
                    all.push(row);
                }
            }
            Some(all)
        }
        Json::Object(fields) if fields.iter().all(|(file, _)| is_named_as_image(file)) => {
            let row = |(file, value): (String, Json)| match value {
                // Such as pandas writes with orient="index".
                Json::Object(mut row) if row.iter().any(|(column, _)| is_one_of(column, &LABEL)) => {
                    row.retain(|(column, _)| !is_one_of(column, &FILE) && !is_one_of(column, &ID));
                    row.push(("file".to_owned(), text(&file)));
                    row
                }
                label => vec![("file".to_owned(), text(&file)), ("label".to_owned(), label)],
            };
            Some(fields.into_iter().map(row).collect())
        }
        // Such as `{"info": {}, "data": [..]}`.
        Json::Object(fields) => {
            let list = |(_, value): (String, Json)| match value {
                Json::Array(values) => objects(values.into_iter().map(Ok)).filter(|rows| is_table(rows)),
                _ => None,
            };
            let mut lists = fields.into_iter().filter_map(list);
            lists.next().filter(|_| lists.next().is_none())
        }
        Json::Leaf(_) => None,
    }
}

/// Whether rows name files and labels.
fn is_table(rows: &[Row]) -> bool {
    let has = |names: &[&str]| rows.iter().flatten().any(|(column, _)| is_one_of(column, names));
    (has(&FILE) || has(&ID)) && has(&LABEL)
}

/// Whether all keys are splits, `train` and another one.
fn by_split<'a>(keys: impl Iterator<Item = &'a str>) -> bool {
    let splits: Option<BTreeSet<SplitName>> = keys.map(split_name).collect();
    splits.is_some_and(|splits| splits.contains(&SplitName::Train) && splits.len() > 1)
}

/// The rows as CSV, if they name files and labels. A row with a field twice is two rows, so that values that differ are
/// refused as those of an image that is listed twice.
fn table(rows: &[Row]) -> Option<String> {
    let columns: BTreeSet<&String> = rows.iter().flatten().map(|(column, _)| column).collect();
    if !is_table(rows) {
        return None;
    }
    // Boxes and masks are no columns of a list.
    let known = [&FILE[..], &ID, &LABEL, &SPLIT].concat();
    let is_leaf = |(_, value): &(String, Json)| matches!(value, Json::Leaf(_));
    let is_column = |column: &&String| {
        is_one_of(column, &known) || rows.iter().flatten().filter(|(name, _)| name == *column).all(is_leaf)
    };
    let columns: Vec<&String> = columns.into_iter().filter(is_column).collect();
    let mut writer = WriterBuilder::new().from_writer(Vec::new());
    writer.write_record(&columns).ok()?;
    for row in rows {
        let values: Vec<Vec<&Json>> = columns.iter().map(|column| values_of(row, column)).collect();
        let copies = values.iter().map(Vec::len).max().unwrap_or(0).max(1);
        for copy in 0..copies {
            let value =
                |of: &Vec<&Json>| of.get(copy).or(of.last()).map_or_else(String::new, |value| cell(value));
            let cells: Vec<String> = values.iter().map(value).collect();
            writer.write_record(cells).ok()?;
        }
    }
    String::from_utf8(writer.into_inner().ok()?).ok()
}

/// The values of all fields of this name.
fn values_of<'a>(row: &'a Row, column: &str) -> Vec<&'a Json> {
    row.iter().filter(|(name, _)| name == column).map(|(_, value)| value).collect()
}

/// A value as a cell. An array of one value is that value; of several it is `[a, b]`. An object is the value of its field
/// `label` (`class`, `name` and the like), else its names as an array: the scores of classes.
fn cell(value: &Json) -> String {
    let several = |cells: Vec<String>| match &cells[..] {
        [] => String::new(),
        [one] => one.clone(),
        cells => format!("[{}]", cells.join(", ")),
    };
    match value {
        Json::Leaf(Value::Null) => String::new(),
        Json::Leaf(Value::String(text)) => text.clone(),
        Json::Leaf(other) => other.to_string(),
        Json::Array(values) => several(values.iter().map(cell).collect()),
        Json::Object(fields) => {
            let is_name = |field: &&(String, Json)| is_one_of(&field.0, &LABEL) || field.0 == "name";
            match fields.iter().find(is_name) {
                Some((_, value)) => cell(value),
                None => several(fields.iter().map(|(name, _)| name.clone()).collect()),
            }
        }
    }
}

/// The paths of images with their splits, of a file with an array of paths for each split; `None` if it is none.
pub(super) fn splits(entry: &Entry) -> Option<Vec<(String, SplitName)>> {
    let value = value(entry)?;
    let object = value.as_object().filter(|object| by_split(object.keys().map(String::as_str)))?;
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
    parse(&text).ok()
}

/// Paths as text, or as objects that name a file.
fn paths(values: &Value) -> Option<Vec<String>> {
    let path = |value: &Value| match value {
        Value::String(path) => Some(path.clone()),
        Value::Object(object) => {
            let mut files = object.iter().filter(|(key, _)| is_one_of(key, &FILE));
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
            // A file or a field that is there twice is two rows.
            ("a.json", r#"{"1.png":"cat","1.png":"dog"}"#, "file,label\n1.png,cat\n1.png,dog\n"),
            (
                "a.json",
                r#"[{"file":"1.png","label":"cat","label":"dog"}]"#,
                "file,label\n1.png,cat\n1.png,dog\n",
            ),
            (
                "a.json",
                r#"{"1.png":{"label":"cat","split":"test"},"2.png":{"split":"train","label":0}}"#,
                "file,label,split\n1.png,cat,test\n2.png,0,train\n",
            ),
            (
                "a.json",
                r#"[{"file":"1.png","label":{"name":"cat"}},{"file":"2.png","label":{"a":0.9,"b":0.1}}]"#,
                "file,label\n1.png,cat\n2.png,\"[a, b]\"\n",
            ),
            (
                "a.json",
                r#"[{"image":"1.png","class":["a","b"],"bbox":[1,2]}]"#,
                "class,image\n\"[a, b]\",1.png\n",
            ),
        ] {
            assert_eq!(as_csv(&entry(name, text)), Some(csv), "{text}");
        }
        for (name, text, csv) in [
            // Lists inside an object, and numbers that are none.
            (
                "a.json",
                r#"{"info":{"n":1},"data":[{"file":"1.png","label":"cat"}],"splits":["train"]}"#,
                "file,label\n1.png,cat\n",
            ),
            (
                "a.json",
                r#"[{"file":"NaN.png","label":"a \"NaN","w":NaN},{"file":"2.png","label":NaN,"w":-Infinity}]"#,
                "file,label,w\nNaN.png,\"a \"\"NaN\",\n2.png,,\n",
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
    fn other_json_is_told() {
        for (name, text, words) in [
            ("a.json", "[{\"file\":\n", Some("cut or damaged, as line 2 says")),
            ("a.jsonl", "{\"file\": \"1.png\"}\n{\"file\"", Some("cut or damaged, as line 2 says")),
            ("a.json", r#"{"images":[],"annotations":[],"categories":[]}"#, Some("the form of COCO")),
            ("a.json", r#"[{"id":1,"data":{},"annotations":[]}]"#, Some("Label Studio")),
            ("a.json", r#"["1.png","2.png"]"#, Some("another form than a list")),
            ("a.json", r#"{"cat":0,"dog":1}"#, None),
            ("a.json", "{\"lr\":", None),
        ] {
            let found = problem(&entry(name, text));
            assert_eq!(found.is_some(), words.is_some(), "{text}");
            assert!(
                words.is_none_or(|words| found.as_ref().is_some_and(|(what, _)| what.contains(words))),
                "{found:?}"
            );
        }
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
