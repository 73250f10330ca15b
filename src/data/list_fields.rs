//! The fields of a list's rows as people write them: quotes after a space, and more fields than the header has.

use std::borrow::Cow;

use csv::StringRecord;

use super::error::excerpt;

/// What to do about a row with more fields than the header.
pub(super) const QUOTE_FIELDS: &str =
    "put a field that contains the separator in double quotes, or correct or remove the line";

/// What to do about a field that goes on over several lines.
pub(super) const CLOSE_QUOTE: &str = "a double quote before it is never closed: close it, or remove it";
/// Letters of the longest name of a class or a file.
const MAX_LETTERS: usize = 4_096;

/// Whether a field holds the rows below it, as after a quote that is never closed.
pub(super) fn is_unclosed(field: &str) -> bool {
    field.trim().contains(['\n', '\r']) || field.len() > MAX_LETTERS
}

/// The text without the spaces before opening quotes: after a space, quotes are part of a field.
pub(super) fn without_spaces_before_quotes(text: &str, delimiter: u8) -> Cow<'_, str> {
    if !text.contains(" \"") {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let (mut starts, mut quoted, mut closed) = (true, false, false);
    let mut spaces = 0;
    for letter in text.chars() {
        if letter == ' ' && starts {
            spaces += 1;
            continue;
        }
        let opens = letter == '"' && !quoted && (starts || closed);
        if !opens || !starts {
            out.extend(std::iter::repeat_n(' ', spaces));
        }
        spaces = 0;
        closed = letter == '"' && quoted;
        quoted = opens || (quoted && letter != '"');
        starts = !quoted && !closed && (letter == char::from(delimiter) || matches!(letter, '\n' | '\r'));
        out.push(letter);
    }
    out.extend(std::iter::repeat_n(' ', spaces));
    Cow::Owned(out)
}

/// What is expected and found if a row has more fields than the header; empty fields at its end do not count.
pub(super) fn excess(row: &StringRecord, header: usize) -> Option<(String, String)> {
    let last = (0..row.len()).rev().find(|at| !row[*at].trim().is_empty())?;
    (last >= header).then(|| {
        let text = row.iter().collect::<Vec<_>>().join(",");
        (format!("{header} fields, as in the header"), format!("{} ({})", last + 1, excerpt(&text)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_before_quotes_are_dropped() {
        for (text, expected) in [
            ("a, \"b\"\n \"c\",d", "a,\"b\"\n\"c\",d"),
            ("a,\"x, \"\"y\"\"\", \"z\"", "a,\"x, \"\"y\"\"\",\"z\""),
            ("a b, c \"d\" ,\"e\" \n", "a b, c \"d\" ,\"e\" \n"),
            ("a,  b", "a,  b"),
        ] {
            assert_eq!(without_spaces_before_quotes(text, b','), expected, "{text}");
        }
    }

    #[test]
    fn fields_over_several_lines_are_told() {
        for (field, unclosed) in [("cat", false), ("cat\n", false), ("cat\nb.png,dog", true), ("a\rb", true)]
        {
            assert_eq!(is_unclosed(field), unclosed, "{field}");
        }
        assert!(is_unclosed(&"a".repeat(70_000)));
    }

    #[test]
    fn fields_beyond_the_header_are_counted() {
        let row = |cells: &[&str]| StringRecord::from(cells.to_vec());
        assert_eq!(excess(&row(&["a", "b", "", " "]), 2), None);
        let (expected, found) = excess(&row(&["a", "b", "c"]), 2).expect("one more");
        assert_eq!((expected.as_str(), found.as_str()), ("2 fields, as in the header", "3 (a,b,c)"));
    }
}
