//! Counts in messages: a number with its noun, and the verb that goes with it.

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

/// Some of all, with the noun of all and the verb of some: `1 of 4 images is`, `2 of 4 images are`, `0 of 1 image are`.
///
/// # Examples
/// ```
/// use remixmatch::data::counted_of;
///
/// assert_eq!(counted_of(1, 4, ["image", "images"], ["is", "are"]), "1 of 4 images is");
/// assert_eq!(counted_of(2, 4, ["image", "images"], ["is", "are"]), "2 of 4 images are");
/// assert_eq!(counted_of(1, 1, ["row", "rows"], ["names", "name"]), "1 of 1 row names");
/// ```
pub fn counted_of(some: usize, all: usize, noun: [&str; 2], verb: [&str; 2]) -> String {
    format!("{some} of {} {}", counted(all, noun[0], noun[1]), if some == 1 { verb[0] } else { verb[1] })
}

/// A number with thousands separators.
///
/// # Examples
/// ```
/// use remixmatch::data::grouped;
///
/// assert_eq!(grouped(78_158), "78,158");
/// ```
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
