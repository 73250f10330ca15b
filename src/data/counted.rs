//! Counts in messages: a number with its noun.

/// The number with its noun: `one` for 1, otherwise `many`.
///
/// # Examples
/// ```
/// use remixmatch::data::counted;
///
/// assert_eq!(counted(1, "image", "images"), "1 image");
/// assert_eq!(counted(0, "image", "images"), "0 images");
/// ```
pub fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
