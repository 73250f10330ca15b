//! Names of members, and errors about archives.

use std::path::Path;

use crate::data::error::{DataError, excerpt};
use crate::data::limits::MAX_FOLDER_DEPTH;

/// Bytes of the longest name.
const MAX_NAME: usize = 4_096;

/// A member's decoded path, with `/` between names, as relative path; `""` for the archive's root. A path that begins with
/// `/` is below the root, as where an archive is unpacked, and `..` is the folder above. `raw` is the path as the archive
/// has it, for messages.
///
/// # Errors
/// When it leads out of the archive, is too long or too deep, or has a zero byte.
pub(super) fn normalise(archive: &Path, path: &str, raw: &[u8]) -> Result<String, DataError> {
    let refused = |problem: &'static str| DataError::Member {
        path: archive.to_owned(),
        member: excerpt(&String::from_utf8_lossy(raw)),
        problem,
        advice: "do not trust this archive: download it again from a source that you trust",
    };
    if path.len() > MAX_NAME {
        return Err(refused("whose name is too long"));
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/').filter(|part| !matches!(*part, "" | ".")) {
        let is_inside = part != ".." || parts.pop().is_some();
        let is_drive = parts.is_empty() && part.as_bytes().get(1) == Some(&b':');
        if !is_inside || is_drive {
            return Err(refused("whose path leads out of the archive"));
        }
        if part != ".." {
            parts.push(part);
        }
    }
    // No file system has such a name: the rest of it would be hidden.
    if path.contains('\0') {
        return Err(refused("whose name has a zero byte"));
    }
    if parts.len() > MAX_FOLDER_DEPTH {
        return Err(refused("whose folders are nested too deeply"));
    }
    Ok(parts.join("/"))
}

/// The error for a member that is neither a file nor a folder, or is packed in an unsupported way.
pub(super) fn unsupported(
    archive: &Path,
    member: &str,
    problem: &'static str,
    advice: &'static str,
) -> DataError {
    DataError::Member { path: archive.to_owned(), member: member.to_owned(), problem, advice }
}

/// The error for a damaged archive.
pub(super) fn damaged(archive: &Path, reason: impl ToString) -> DataError {
    DataError::Archive { path: archive.to_owned(), reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::names::Decoder;

    #[test]
    fn member_names_stay_within_the_archive() {
        let decoded = |raw: &str| Decoder::default().decode_path(raw.as_bytes());
        let normalised = |raw: &str| normalise(Path::new("a.zip"), &decoded(raw), raw.as_bytes());
        for (raw, expected) in [
            ("./a/b.png", "a/b.png"),
            ("a\\b", "a/b"),
            ("./", ""),
            ("a//b/", "a/b"),
            ("a/Icon\r", "a/Icon\r"),
            // As in a folder, and as programs unpack them.
            ("/etc/passwd", "etc/passwd"),
            ("\\a", "a"),
            ("a\\..\\b", "b"),
            ("a/../b/./../c", "c"),
            ("a\nb", "a\nb"),
        ] {
            assert_eq!(normalised(raw).unwrap(), expected);
        }
        for raw in ["../a", "a/../../b", "/../a", "C:\\a", "/C:/a", "a/../C:/b", "a\0b"] {
            assert!(normalised(raw).is_err(), "{raw:?}");
        }
        assert!(normalised(&"a/".repeat(40)).is_err());
        assert!(normalised(&"a".repeat(5_000)).is_err());
        let message = normalised("../\u{1b}[2J\n").unwrap_err().to_string();
        assert!(message.contains("leads out") && !message.contains(['\n', '\u{1b}']), "{message}");
    }
}
