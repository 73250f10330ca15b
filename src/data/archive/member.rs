use std::path::Path;

use crate::data::DataError;
use crate::data::error::shown;
use crate::data::files::MAX_DEPTH;

/// Bytes of the longest name; longer ones are no names.
const MAX_NAME: usize = 4_096;

/// A member's name as names joined by `/`, `""` for the archive's own root.
///
/// # Errors
/// When it leads out of the archive, or is none that a file could have.
pub(super) fn name(archive: &Path, raw: &[u8]) -> Result<String, DataError> {
    let refused = |problem: &'static str| DataError::Member {
        path: archive.to_owned(),
        member: shown(&String::from_utf8_lossy(raw)),
        problem,
        advice: "do not trust this archive: get it from its source again",
    };
    if raw.len() > MAX_NAME {
        return Err(refused("whose name is longer than any file's"));
    }
    // Some packers on Windows write backslashes, against the format.
    let text = String::from_utf8_lossy(raw).replace('\\', "/");
    let parts: Vec<&str> = text.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    let drive = parts.first().is_some_and(|part| part.as_bytes().get(1) == Some(&b':'));
    if text.starts_with('/') || drive || parts.contains(&"..") {
        return Err(refused("whose path leads out of the archive"));
    }
    if text.chars().any(char::is_control) {
        return Err(refused("whose name has control characters"));
    }
    if parts.len() > MAX_DEPTH {
        return Err(refused("which lies deeper than folders are looked into"));
    }
    Ok(parts.join("/"))
}

/// A member that is neither file nor folder, or is packed in a way that is not read.
pub(super) fn unread(archive: &Path, member: &str, problem: &'static str, advice: &'static str) -> DataError {
    DataError::Member { path: archive.to_owned(), member: member.to_owned(), problem, advice }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_below_the_archive() {
        let of = |raw: &str| name(Path::new("a.zip"), raw.as_bytes());
        for (raw, expected) in [("./a/b.png", "a/b.png"), ("a\\b", "a/b"), ("./", ""), ("a//b/", "a/b")] {
            assert_eq!(of(raw).unwrap(), expected);
        }
        for raw in ["../a", "a/../../b", "/etc/passwd", "\\a", "C:\\a", "a\\..\\b", "a\nb", "a\0b"] {
            assert!(of(raw).is_err(), "{raw:?}");
        }
        assert!(of(&"a/".repeat(40)).is_err());
        assert!(of(&"a".repeat(5_000)).is_err());
        let message = of("../\u{1b}[2J\n").unwrap_err().to_string();
        assert!(message.contains("leads out") && !message.contains(['\n', '\u{1b}']), "{message}");
    }
}
