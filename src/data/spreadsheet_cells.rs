//! Cells of CSV files that this program writes and people open in a spreadsheet: a name such as `=cmd()` would be computed there.
//! It is written so that it is text, and is read as the same name here.

use std::borrow::Cow;

/// Whether a spreadsheet computes a cell. Numbers and signs alone are what they are.
fn is_formula(text: &str) -> bool {
    let mut letters = text.chars();
    let is_start = |letter: char| {
        matches!(letter, '=' | '+' | '-' | '@' | '\t' | '\u{ff1d}' | '\u{ff0b}' | '\u{ff0d}' | '\u{ff20}')
    };
    letters.next().is_some_and(is_start) && letters.next().is_some() && text.parse::<f64>().is_err()
}

/// The path of a file as a cell: a name that begins as a formula gets `./` in front, which means the same file.
///
/// # Examples
/// ```
/// use remixmatch::data::path_cell;
///
/// assert_eq!(path_cell("cat/1.png"), "cat/1.png");
/// assert_eq!(path_cell("=cmd().png"), "./=cmd().png");
/// ```
pub fn path_cell(path: &str) -> Cow<'_, str> {
    if is_formula(path) { Cow::Owned(format!("./{path}")) } else { Cow::Borrowed(path) }
}

/// The name of a class as a cell: one that begins as a formula gets a space in front, which is no part of a class's name.
///
/// # Examples
/// ```
/// use remixmatch::data::class_cell;
///
/// assert_eq!(class_cell("=cmd()"), " =cmd()");
/// assert_eq!((class_cell("-"), class_cell("-1")), ("-".into(), "-1".into()));
/// ```
pub fn class_cell(class: &str) -> Cow<'_, str> {
    if is_formula(class) { Cow::Owned(format!(" {class}")) } else { Cow::Borrowed(class) }
}
