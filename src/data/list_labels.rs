//! What the cells of a list say about classes: words for no label, several labels in one cell, columns of 0 and 1, and
//! tables of guesses, which are no labels.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;

use csv::StringRecord;

use super::counted::counted_of;
use super::error::{DataError, excerpt};
use super::layout::listed;
use super::names::{class_key, shown_name};
use super::split_words::yes_or_no;

/// Rows of a table that are read to tell whether it has guesses.
const MAX_TOLD: usize = 2_000;
/// Words for no label, in lower case: what people, spreadsheets and other programs write.
const NO_LABEL: [&str; 31] = [
    "?",
    "??",
    "???",
    "-",
    "--",
    "---",
    "nan",
    "n/a",
    "n.a.",
    "n. a.",
    "#n/a",
    "#ref!",
    "#value!",
    "na",
    "<na>",
    "null",
    "<null>",
    "nil",
    "(null)",
    "none",
    "(none)",
    "<none>",
    "empty",
    "(empty)",
    "(blank)",
    "unknown",
    "(unknown)",
    "undefined",
    "skip",
    "skipped",
    "tbd",
];

/// Those of them that people also name a class, such as images without a defect.
const MAYBE_CLASS: [&str; 6] = ["none", "empty", "unknown", "undefined", "skip", "skipped"];

/// Whether a word for no label may be the name of a class, which the choice `none_as_class` says.
pub(super) fn may_be_class(word: &str) -> bool {
    MAYBE_CLASS.contains(&word.trim().to_lowercase().as_str())
}

/// The error for a list of a single class with a word such as `none`, which may be the other class. `words`: the first
/// word, how many rows have one, and the number of rows.
pub(super) fn only_class(path: &Path, line: u64, words: (&str, usize, usize), class: &str) -> DataError {
    let (word, count, rows) = words;
    DataError::Line {
        path: path.to_owned(),
        line,
        expected: "a second class".to_owned(),
        found: format!(
            "'{}', which counts as no label (in {count} of {rows} rows), beside '{}' alone",
            excerpt(word),
            excerpt(class)
        ),
        advice: match may_be_class(word) {
            true => "if it is a class, set none_as_class, or give it another name, such as 'nothing'",
            false => "if it is a class, give it another name, such as 'nothing'",
        },
    }
}

/// Whether a label says that there is none.
pub(super) fn is_no_label(label: &str) -> bool {
    let label = label.trim().to_lowercase();
    label.chars().all(char::is_whitespace) || NO_LABEL.contains(&label.as_str())
}

/// The notice about rows of a list with such words.
pub(super) fn placeholder_notice(list: &str, words: &[String], rows: usize) -> Option<String> {
    let distinct: BTreeSet<String> = words.iter().map(|word| format!("'{}'", excerpt(word))).collect();
    let distinct: Vec<String> = distinct.into_iter().collect();
    let of_list = ["row", "rows"].map(|rows| format!("{rows} of {}", shown_name(list)));
    let of_list = of_list.each_ref().map(String::as_str);
    (!words.is_empty()).then(|| {
        format!(
            "{} {} instead of a label: {} (if it is a class, {})",
            counted_of(words.len(), rows, of_list, ["has", "have"]),
            listed(&distinct),
            if words.len() == 1 {
                "its image counts as unlabelled"
            } else {
                "their images count as unlabelled"
            },
            if words.iter().any(|word| may_be_class(word)) {
                "set none_as_class or rename it"
            } else {
                "rename it"
            }
        )
    })
}

/// Whether the labels are signs, such as those of handwritten formulas, so that `-` and `?` are classes among them.
pub(super) fn are_signs<'a>(mut labels: impl Iterator<Item = &'a str>) -> bool {
    labels.any(|label| {
        let mut letters = label.chars();
        let sign = letters.next().is_some_and(|letter| letter.is_ascii_punctuation());
        sign && letters.next().is_none() && !is_no_label(label)
    })
}

/// Which cells name several classes: `a;b`, `a|b` or `a,b`, where the parts are labels of other cells, and `[a, b]`.
pub(super) fn several(labels: &[&str]) -> Vec<usize> {
    let alone: HashSet<String> = labels.iter().map(|label| class_key(label)).collect();
    let parts = |label: &str, separator: char| -> Vec<String> {
        let parts: Vec<String> = label.split(separator).map(class_key).collect();
        let are_parts = parts.len() > 1 && parts.iter().all(|part| !part.is_empty());
        if are_parts { parts } else { Vec::new() }
    };
    // In how many different cells each part is.
    let mut cells: HashMap<String, usize> = HashMap::new();
    for label in labels.iter().collect::<HashSet<_>>() {
        let distinct: HashSet<String> = [';', '|'].iter().flat_map(|sign| parts(label, *sign)).collect();
        distinct.into_iter().for_each(|part| *cells.entry(part).or_default() += 1);
    }
    let is_list = |label: &str| label.starts_with('[') && label.ends_with(']') && label.contains(',');
    let has_several = |label: &str| {
        let comma = parts(label, ',');
        [';', '|'].iter().any(|sign| {
            parts(label, *sign)
                .iter()
                .any(|part| alone.contains(part) || cells.get(part).is_some_and(|n| *n > 1))
        }) || (!comma.is_empty() && comma.iter().all(|part| alone.contains(part)))
            || is_list(label)
    };
    (0..labels.len()).filter(|at| has_several(labels[*at])).collect()
}

/// The columns of 0 and 1 that each stand for a class. `others`: columns that mean something else.
pub(super) fn one_hot(
    names: usize,
    others: &[usize],
    rows: impl Iterator<Item = StringRecord>,
) -> Vec<usize> {
    let mut columns: Vec<usize> = (0..names).filter(|at| !others.contains(at)).collect();
    let mut set: HashSet<usize> = HashSet::new();
    for row in rows.filter(|row| !is_blank(row)) {
        columns.retain(|at| row.get(*at).and_then(yes_or_no).is_some());
        set.extend(columns.iter().filter(|at| row.get(**at).and_then(yes_or_no) == Some(true)));
    }
    set.retain(|at| columns.contains(at));
    if set.len() > 1 { columns } else { Vec::new() }
}

/// The only column that may be a label, if its cells are 0 and 1, or yes and no, such as `has_cactus`. `others`: columns that
/// mean something else.
pub(super) fn binary(
    names: &[String],
    others: &[usize],
    rows: impl Iterator<Item = StringRecord>,
) -> Option<usize> {
    // Data frames are written with their index.
    let is_index = |name: &str| name.is_empty() || name == "index" || name.starts_with("unnamed");
    // Such a column says which images count, or is no label that a person gave.
    let is_other = |name: &str| {
        let stems = ["valid", "predict", "pred", "guess", "score", "prob"];
        name.split('_').any(|word| stems.contains(&word) || word.starts_with("predict"))
    };
    let mut rest = (0..names.len()).filter(|at| !others.contains(at) && !is_index(&names[*at]));
    let at = rest.next().filter(|_| rest.next().is_none()).filter(|at| !is_other(&names[*at]))?;
    let cells: Option<BTreeSet<bool>> =
        rows.filter(|row| !is_blank(row)).map(|row| row.get(at).and_then(yes_or_no)).collect();
    (cells?.len() == 2).then_some(at)
}

/// Whether a table has guesses of a model: a label, and for each class a column with its probability, in any order and as
/// any spreadsheet saves it. `labels`: the columns that may be the label.
pub(super) fn is_guesses(
    header: &[String],
    file: usize,
    labels: &[usize],
    rows: impl Iterator<Item = StringRecord>,
) -> bool {
    let rows: Vec<StringRecord> = rows.filter(|row| !is_blank(row)).take(MAX_TOLD).collect();
    let cell = |row: &StringRecord, at: usize| row.get(at).unwrap_or_default().trim().to_owned();
    let is_column = |at: usize| rows.iter().all(|row| probability(&cell(row, at)).is_some());
    let as_exported = matches!(header, [file, class, ..] if file == "file" && class == "class");
    labels.iter().any(|&label| {
        let columns: Vec<usize> =
            (0..header.len()).filter(|at| ![file, label].contains(at) && is_column(*at)).collect();
        let classes: HashSet<String> = columns.iter().map(|at| class_key(&header[*at])).collect();
        // A label beside columns of 0 and 1 is the same label twice.
        let is_flag =
            |row: &StringRecord, at: usize| matches!(cell(row, at).as_str(), "0" | "1" | "0.0" | "1.0");
        let flags = rows.iter().all(|row| columns.iter().all(|at| is_flag(row, *at)));
        columns.len() > 1
            && !rows.is_empty()
            && (as_exported || !flags)
            && rows.iter().all(|row| classes.contains(&class_key(&cell(row, label))))
    })
}

/// A share from 0 to 1, or from 0 to 100 per cent, with a decimal point or comma.
fn probability(cell: &str) -> Option<f64> {
    let number: String = cell.chars().filter(|letter| !letter.is_whitespace() && *letter != '%').collect();
    number.replace(',', ".").parse().ok().filter(|share| (0.0..=100.0).contains(share))
}

/// Whether a row has no content, as spreadsheets leave them at the end.
pub(super) fn is_blank(row: &StringRecord) -> bool {
    row.iter().all(|cell| cell.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_no_label_are_told() {
        for word in [
            "",
            "NaN",
            "?",
            "N/A",
            "#N/A",
            "-",
            "null",
            "NULL",
            " unknown ",
            "None",
            "empty",
            "skip",
            "undefined",
            "(blank)",
            "n.a.",
            "(None)",
        ] {
            assert!(is_no_label(word), "{word}");
        }
        for word in ["cat", "nano", "0", "n", "other", "background", "!"] {
            assert!(!is_no_label(word), "{word}");
        }
        assert!(are_signs(["-", "+", "1"].into_iter()));
        assert!(!are_signs(["-", "?", "cat"].into_iter()));
    }

    #[test]
    fn cells_with_several_classes_are_found() {
        for (labels, found) in [
            (&["a", "b", "a;b"][..], &[2][..]),
            (&["a|b", "a|c", "d"], &[0, 1]),
            (&["a", "b", "a, b"], &[2]),
            (&["['a', 'b']", "a"], &[0]),
            (&["black; white", "grey"], &[]),
            (&["Smith, John", "Smith"], &[]),
            (&["a", "b"], &[]),
        ] {
            assert_eq!(several(labels), found, "{labels:?}");
        }
    }

    fn table(text: &str) -> (Vec<String>, Vec<StringRecord>) {
        let mut reader = csv::ReaderBuilder::new().delimiter(b';').from_reader(text.as_bytes());
        let header = reader.headers().expect("a header").iter().map(str::to_owned).collect();
        (header, reader.records().map(|row| row.expect("a row")).collect())
    }

    #[test]
    fn guesses_are_told_in_any_form() {
        for text in [
            "file;class;cat;dog\n1;cat;0.9;0.1\n2;dog;0.2;0.8\n",
            "file;class;cat;dog\n1;cat;1;0\n",
            "cat;dog;class;file\n90,0 %;10,0 %;cat;1\n20,0\u{a0}%;80,0\u{a0}%;dog;2\n;;;\n",
            "File;Class;Dog;Cat;note\n1;cat;1,5E-05;0,999985;\n",
        ] {
            let (header, rows) = table(text);
            let at =
                |name: &str| header.iter().position(|cell| cell.to_lowercase() == name).expect("a column");
            assert!(is_guesses(&header, at("file"), &[at("class")], rows.into_iter()), "{text}");
        }
        for text in [
            "file;class;cat;dog\n1;cat;3.5;120\n",
            "name;class;cat;dog\n1;cat;1;0\n",
            "file;class;width\n1;cat;0.5\n",
        ] {
            let (header, rows) = table(text);
            assert!(!is_guesses(&header, 0, &[1], rows.into_iter()), "{text}");
        }
    }

    #[test]
    fn one_column_of_two_values_is_the_label() {
        for (text, column) in [
            ("id;has_cactus\n1;0\n2;1\n", Some(1)),
            ("id;defect\n1;True\n2;False\n;\n", Some(1)),
            (";id;has_cactus\n0;1;0\n1;2;1\n", None),
            ("id;unnamed: 1;has_cactus\n1;0;0\n2;1;1\n", Some(2)),
            ("id;has_cactus\n1;1\n2;1\n", None),
            ("id;has_cactus\n1;0\n2;0.7\n", None),
            ("id;has_cactus\n1;0\n2;\n3;1\n", None),
            ("id;male;width\n1;0;3\n2;1;4\n", None),
            ("id;valid\n1;0\n2;1\n", None),
            ("id;predicted_class\n1;0\n2;1\n", None),
        ] {
            let (header, rows) = table(text);
            assert_eq!(binary(&header, &[0], rows.into_iter()), column, "{text}");
        }
    }

    #[test]
    fn columns_of_zero_and_one_are_classes() {
        for (text, columns) in [
            ("file;a;b\n1;0;1\n2;1;0\n", &[1, 2][..]),
            ("file;age;a;b\n1;33;0.0;1.0\n2;40;1.0;0.0\n", &[2, 3]),
            ("file;a;b\n1;0;1\n2;0.5;0.5\n", &[]),
            ("file;a\n1;0\n2;1\n", &[]),
            ("file;a;b\n1;0;1\n2;0;1\n", &[]),
        ] {
            let (header, rows) = table(text);
            assert_eq!(one_hot(header.len(), &[0], rows.into_iter()), columns, "{text}");
        }
    }
}
