//! How the window names what a person gave the page: files lie below a folder of the page's memory, a single file in a
//! folder of its own name, and neither of these folders means anything to the person.

/// The folder of the page's in-memory file system below which these files lie.
pub const GIVEN: &str = "given";

/// A text without these folders: `klein.zip/a.png` for `given/klein.zip/klein.zip/a.png`.
pub fn shown(text: &str) -> String {
    let (mut shown, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once(GIVEN) {
        shown.push_str(before);
        let is_part = |letter: char| letter.is_alphanumeric() || "/\\._-".contains(letter);
        match after.strip_prefix('/').filter(|_| !shown.ends_with(is_part)) {
            Some(path) => rest = without_folder(path),
            None => {
                shown.push_str(GIVEN);
                rest = after;
            }
        }
    }
    shown + rest
}

/// A path without its first folder, if what lies in that has the same name.
fn without_folder(path: &str) -> &str {
    let Some((folder, inside)) = path.split_once('/') else { return path };
    let ends =
        |rest: &str| !rest.starts_with(|letter: char| letter.is_alphanumeric() || "._-".contains(letter));
    match inside.strip_prefix(folder) {
        Some(rest) if ends(rest) => inside,
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_files_have_the_names_they_came_with() {
        for (text, expected) in [
            ("given/klein.zip", "klein.zip"),
            ("given/klein.zip/klein.zip/klein/미분류/leer.jpg", "klein.zip/klein/미분류/leer.jpg"),
            ("2 left out: 'given/a/1.png', given/a/2.png", "2 left out: 'a/1.png', a/2.png"),
            ("cannot read given/klein.zip/klein.zip: empty", "cannot read klein.zip: empty"),
            ("given/a.zip/a.zip.csv", "a.zip/a.zip.csv"),
            ("given/photos/photos2/1.png", "photos/photos2/1.png"),
            ("photos/given/1.png, forgiven/2.png", "photos/given/1.png, forgiven/2.png"),
            ("what was given", "what was given"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }
}
