//! What files and folders are, by content and name: images, and what is neither an image nor data. `unreadable.rs` knows
//! images that cannot be read, `described.rs` what belongs to other images.

use std::path::Path;

use image::ImageFormat;

use super::error::DataError;
use super::files::{Entry, Folder};
use super::layout::{Ignored, is_hidden, is_leftover};
use super::unreadable::{MAGIC_BYTES, unreadable_image};

/// Whether the content, or only the name, is an image's; a backup or an unfinished download of one is none. Reading a file that has only the name reports the problem.
///
/// # Errors
/// When the file cannot be read, such as a link to nothing, and its name is not an image's.
pub(super) fn is_image(entry: &Entry) -> Result<bool, DataError> {
    if is_named_as_image(&entry.name) {
        return Ok(true);
    }
    if is_leftover(&entry.name) {
        return Ok(false);
    }
    let start = entry.prefix(MAGIC_BYTES)?;
    let is_of_format = image::guess_format(&start).is_ok_and(|format| begins_as(format, &start));
    Ok(is_of_format || unreadable_image(&entry.name, &start).is_some())
}

/// Whether a file that begins with the magic number of a format may be one: two letters alone begin many other files.
fn begins_as(format: ImageFormat, start: &[u8]) -> bool {
    match format {
        // White space or a comment follows.
        ImageFormat::Pnm => start.get(2).is_some_and(|byte| byte.is_ascii_whitespace() || *byte == b'#'),
        // Four reserved bytes, then where the pixels begin.
        ImageFormat::Bmp => {
            start.get(6..14).is_some_and(|bytes| bytes[..4] == [0; 4] && bytes[6..] == [0; 2])
        }
        _ => true,
    }
}

/// Whether a name has the ending of an image.
pub(super) fn is_named_as_image(name: &str) -> bool {
    ImageFormat::from_path(name).is_ok() || unreadable_image(name, &[]).is_some()
}

/// A file that describes a set, beside the folder or archive that holds it.
pub(super) fn is_companion(name: &str) -> bool {
    const STEMS: [&str; 9] = [
        "readme",
        "license",
        "licence",
        "copying",
        "citation",
        "changelog",
        "notice",
        "authors",
        "attribution",
    ];
    const ENDINGS: [&str; 10] = ["md", "rst", "pdf", "html", "htm", "url", "docx", "rtf", "bib", "md5"];
    let name = name.to_lowercase();
    let (stem, ending) = name.rsplit_once('.').unwrap_or((&name, ""));
    STEMS.iter().any(|word| stem.starts_with(word) && !is_named_as_image(&name)) || ENDINGS.contains(&ending)
}

/// Whether a name has the ending of an archive, also of one that this program cannot read.
pub(super) fn is_packed(name: &str) -> bool {
    const ENDINGS: [&str; 15] = [
        ".zip", ".rar", ".7z", ".tar", ".tgz", ".tar.gz", ".xz", ".txz", ".bz2", ".tbz", ".tbz2", ".zst",
        ".lzma", ".egg", ".alz",
    ];
    let name = name.to_lowercase();
    ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// Why a folder holds no images of a person, if its name tells: the folder of a system, or one of thumbnails.
pub fn left_out_folder(name: &str) -> Option<&'static str> {
    is_hidden(name).or_else(|| ignored_name(name)).map(Ignored::reason)
}

/// Why a folder is not data, if its name or content tells.
pub(super) fn ignored_folder(name: &str, folder: &Folder) -> Option<Ignored> {
    ignored_name(name).or_else(|| is_run(folder).then_some(Ignored::Run))
}

/// Why a folder is not data, if its name tells.
fn ignored_name(name: &str) -> Option<Ignored> {
    const THUMBNAILS: [&str; 8] =
        ["@eadir", "_thumb", "_thumbs", "thumbs", "thumbnail", "thumbnails", "_thumbnails", "@__thumb"];
    const SYSTEM: [&str; 5] = ["@recycle", "@recently-snapshot", "__pycache__", "_gsdata_", "node_modules"];
    let lower = name.to_lowercase();
    let ending = Path::new(&lower).extension().and_then(|ending| ending.to_str());
    if THUMBNAILS.contains(&lower.as_str()) || matches!(ending, Some("lrdata")) {
        return Some(Ignored::Thumbnails);
    }
    SYSTEM.contains(&lower.as_str()).then_some(Ignored::System)
}

/// Whether this program wrote a run or an ablation into the folder.
pub(super) fn is_run(folder: &Folder) -> bool {
    let has = |name: &str| folder.files.contains_key(name);
    let run = has("config.toml") && (has("metrics.csv") || has("model.safetensors"));
    run || (has("ablation.toml") && !folder.folders.is_empty())
}

/// The number of files below a folder.
pub(super) fn count_files(folder: &Folder) -> usize {
    folder.files.len() + folder.folders.values().map(count_files).sum::<usize>()
}

/// Whether a file below a folder is of this kind.
pub(super) fn any_file(folder: &Folder, is_meant: &dyn Fn(&Entry) -> bool) -> bool {
    folder.files.values().any(is_meant) || folder.folders.values().any(|inner| any_file(inner, is_meant))
}

/// Whether there is an image below a folder; a file that cannot be read counts.
pub(super) fn has_images(folder: &Folder) -> bool {
    any_file(folder, &|entry| is_image(entry).unwrap_or(true))
}

/// Whether a folder below contains an image, so that the folders may be classes.
pub(super) fn has_image_folders(folder: &Folder) -> bool {
    let mut folders = folder.folders.iter();
    folders.any(|(name, inner)| ignored_folder(name, inner).is_none() && has_images(inner))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_letters_do_not_make_an_image() {
        let bmp = b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0";
        for (start, expected) in [
            (&b"P5\n2 2\n255\n0000"[..], true),
            (b"P6 # made by hand\n2 2 255\n", true),
            (b"P1\x05\0\0\0\0\0{\"weights\"", false),
            (b"P3xxxx", false),
            (b"P4", false),
            (bmp, true),
            (b"BMW owners, a list", false),
            (b"BM", false),
            (b"GIF89a......", true),
        ] {
            let format = image::guess_format(start);
            assert_eq!(format.is_ok_and(|format| begins_as(format, start)), expected, "{start:?}");
        }
    }

    #[test]
    fn companions_describe_a_set() {
        for name in ["README", "readme.txt", "LICENSE.md", "paper.pdf", "CITATION.cff"] {
            assert!(is_companion(name), "{name}");
        }
        for name in ["labels.csv", "readme.png", "train", "data_batch_1.bin", "notes.txt"] {
            assert!(!is_companion(name), "{name}");
        }
    }
}
