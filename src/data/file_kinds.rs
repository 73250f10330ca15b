//! What files and folders are, by content and name: images, images that cannot be read, and what is neither.

use std::path::Path;

use image::ImageFormat;

use super::error::DataError;
use super::files::{Entry, Folder};
use super::heic::is_heic;
use super::layout::Ignored;
use super::names::folded;

/// Bytes of a file's start in which an image format's magic number is looked for.
const MAGIC_BYTES: usize = 32;
/// Bytes of a file's start by which files that only have the name of an image are told.
const START_BYTES: usize = 512;

/// Image files that this program cannot read: endings, and why, with what to do.
const UNREADABLE: [(&[&str], &str); 7] = [
    (&["heic", "heif", "hif"], HEIC),
    (&["avif"], AVIF),
    (&["svg", "svgz"], "it is an SVG drawing, which has no pixels: export it as PNG"),
    (
        &[
            "3fr", "arw", "cr2", "cr3", "crw", "dng", "erf", "kdc", "mef", "mos", "mrw", "nef", "nrw", "orf",
            "pef", "raf", "rw2", "rwl", "sr2", "srf", "srw", "x3f",
        ],
        RAW,
    ),
    (&["jxl"], "it is a JPEG XL image, which this program cannot read: save it as PNG or JPEG"),
    (
        &["jp2", "j2k", "jpx"],
        "it is a JPEG 2000 image, which this program cannot read: save it as PNG or JPEG",
    ),
    (&["psd", "xcf", "kra", "dcm"], "this program cannot read this kind of image: export it as PNG or TIFF"),
];
const HEIC: &str = "it is a HEIC photo that this program cannot read: save it as JPEG (an iPhone takes JPEG photos with \
                    Settings, Camera, Formats, Most Compatible)";
const AVIF: &str = "it is an AVIF image, which this program cannot read: save it as PNG or JPEG";
const RAW: &str = "it is a raw photo of a camera, which this program cannot read: export it as JPEG or TIFF";

/// Why an image file cannot be read, if its content or its name tells.
pub(super) fn unreadable_image(name: &str, start: &[u8]) -> Option<&'static str> {
    if start.get(4..8) == Some(b"ftyp") {
        let brands = || start[8..].chunks_exact(4);
        // The first brand may be that of all such containers.
        if brands().any(|brand| matches!(brand, b"avif" | b"avis")) {
            return Some(AVIF);
        }
        if is_heic(start) {
            return Some(HEIC);
        }
        if brands().next() == Some(b"crx ") {
            return Some(RAW);
        }
    }
    let by_name = || {
        let ending = name.rsplit_once('.')?.1.to_lowercase();
        UNREADABLE.iter().find(|(endings, _)| endings.contains(&ending.as_str())).map(|(_, why)| *why)
    };
    // Raw photos are TIFF files with a preview.
    match image::guess_format(start) {
        Ok(ImageFormat::Tiff) => by_name().filter(|why| *why == RAW),
        Ok(ImageFormat::Avif) => Some(AVIF),
        Ok(_) => None,
        Err(_) => by_name(),
    }
}

/// Why a HEIC photo cannot be decoded, with what to do.
pub(super) fn undecodable_heic(reason: &str) -> String {
    format!("{HEIC}; the decoder says: {reason}")
}

/// Why a file that cannot be decoded is no image, or one that this program cannot read; `None` if that is not known, or
/// its start cannot be read.
pub(super) fn why_unreadable(entry: &Entry) -> Option<&'static str> {
    let start = entry.prefix(START_BYTES).ok()?;
    not_an_image(&start).or_else(|| unreadable_image(&entry.name, &start[..start.len().min(MAGIC_BYTES)]))
}

/// What a file with the name of an image is instead, if its content tells, with what to do.
fn not_an_image(start: &[u8]) -> Option<&'static str> {
    if start.is_empty() {
        return Some("the file is empty, and so in no known image format: copy or download it again");
    }
    if is_pointer(start) {
        return Some(
            "it is a Git LFS pointer instead of the image: run 'git lfs pull' where the data was cloned",
        );
    }
    if start.iter().all(|byte| *byte == 0) {
        return Some("it begins with zeros only, as files do that were not copied to the end: copy it again");
    }
    if start.starts_with(b"%PDF-") {
        return Some("it is a PDF document: export its pictures as PNG or JPEG");
    }
    if start.starts_with(b"PK\x03\x04") || start.starts_with(b"\x1f\x8b") {
        return Some(
            "it is an archive or an office document: unpack it, or export its pictures as PNG or JPEG",
        );
    }
    if start.get(4..8) == Some(b"ftyp")
        && matches!(start.get(8..11), Some(b"mp4" | b"iso" | b"qt " | b"M4V" | b"3gp"))
    {
        return Some("it is a video: export single pictures as PNG or JPEG");
    }
    let text = String::from_utf8_lossy(start).trim_start_matches('\u{feff}').trim_start().to_lowercase();
    let begins = |words: &[&str]| words.iter().any(|word| text.starts_with(word));
    if begins(&["<!doctype html", "<html", "<head", "<body", "<script"])
        || (begins(&["<!--"]) && text.contains("<html"))
    {
        return Some("it is a web page (HTML), as failed downloads leave: download the image again");
    }
    if begins(&["<?xml", "<error", "{\"", "{ \""]) && !text.contains("<svg") {
        return Some(
            "it is text of a web server (XML or JSON), as failed downloads leave: download the image again",
        );
    }
    None
}

/// Whether a file is what Git LFS leaves in its place until it is fetched.
pub(super) fn is_pointer(start: &[u8]) -> bool {
    start.starts_with(b"version https://git-lfs.github.com/spec/")
        || start.starts_with(b"version https://hawser.github.com/spec/")
}

/// Whether the content, or only the name, is an image's; reading a file that has only the name reports the problem.
///
/// # Errors
/// When the file cannot be read, such as a link to nothing, and its name is not an image's.
pub(super) fn is_image(entry: &Entry) -> Result<bool, DataError> {
    if is_named_as_image(&entry.name) {
        return Ok(true);
    }
    let start = entry.prefix(MAGIC_BYTES)?;
    Ok(image::guess_format(&start).is_ok() || unreadable_image(&entry.name, &start).is_some())
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

/// Why a folder is not data, if its name or content tells.
pub(super) fn ignored_folder(name: &str, folder: &Folder) -> Option<Ignored> {
    const THUMBNAILS: [&str; 8] =
        ["@eadir", "_thumb", "_thumbs", "thumbs", "thumbnail", "thumbnails", "_thumbnails", "@__thumb"];
    const SYSTEM: [&str; 5] = ["@recycle", "@recently-snapshot", "__pycache__", "_gsdata_", "node_modules"];
    let lower = name.to_lowercase();
    let ending = Path::new(&lower).extension().and_then(|ending| ending.to_str());
    if THUMBNAILS.contains(&lower.as_str()) || matches!(ending, Some("lrdata")) {
        return Some(Ignored::Thumbnails);
    }
    if SYSTEM.contains(&lower.as_str()) {
        return Some(Ignored::System);
    }
    is_run(folder).then_some(Ignored::Run)
}

/// Whether this program wrote a run or an ablation into the folder.
pub(super) fn is_run(folder: &Folder) -> bool {
    let has = |name: &str| folder.files.contains_key(name);
    let run = has("config.toml") && (has("metrics.csv") || has("model.safetensors"));
    run || (has("ablation.toml") && !folder.folders.is_empty())
}

/// Folders of images, by their usual names.
pub(super) const IMAGE_FOLDERS: [&str; 9] =
    ["images", "image", "imgs", "img", "jpegimages", "jpgs", "pngs", "photos", "pictures"];
/// Folders of what belongs to images.
const BESIDE_IMAGES: [&str; 19] = [
    "masks",
    "mask",
    "labels",
    "label",
    "annotations",
    "annotation",
    "annots",
    "segmentation",
    "segmentations",
    "segmentationclass",
    "segmentationobject",
    "groundtruth",
    "ground_truth",
    "gt",
    "bboxes",
    "boxes",
    "xmls",
    "jsons",
    "targets",
];

/// Words in the names of folders that belong to another one, such as `cat_masks`.
pub(super) const DESCRIBING: [&str; 26] = [
    "masks",
    "mask",
    "labels",
    "label",
    "annotations",
    "annotation",
    "annots",
    "annot",
    "segmentation",
    "segmentations",
    "segs",
    "seg",
    "groundtruth",
    "truth",
    "gt",
    "bboxes",
    "boxes",
    "box",
    "targets",
    "target",
    "overlays",
    "thumb",
    "thumbs",
    "thumbnails",
    "마스크",
    "썸네일",
];
/// Folders of copies of the images beside them, always and where the files have the same names.
const CACHES: [&str; 5] = ["cache", "caches", "_cache", "imagecache", "캐시"];
const SMALL_COPIES: [&str; 20] = [
    "thumb",
    "tn",
    "tns",
    "preview",
    "previews",
    "small",
    "mini",
    "resized",
    "scaled",
    "lowres",
    "low_res",
    "썸네일",
    "미리보기",
    "サムネイル",
    "缩略图",
    "vorschau",
    "miniaturas",
    "miniatures",
    "vignettes",
    "miniature",
];

/// Whether a folder has the usual name of a folder of images.
pub(super) fn is_image_folder(name: &str) -> bool {
    IMAGE_FOLDERS.contains(&name.to_lowercase().as_str())
}

/// Whether the folder `name` of `parent` belongs to the images beside it: masks or small copies of the same names, copies
/// that a program keeps, or annotations.
pub(super) fn describes_images(name: &str, parent: &Folder) -> Option<Ignored> {
    let lower = folded(name);
    let folder = parent.folders.get(name)?;
    if CACHES.contains(&lower.as_str()) {
        return Some(Ignored::Thumbnails);
    }
    let why = match SMALL_COPIES.contains(&lower.as_str()) {
        true => Ignored::Thumbnails,
        false => BESIDE_IMAGES.contains(&lower.as_str()).then_some(Ignored::Masks)?,
    };
    let mut own = Vec::new();
    stems(folder, "", &mut own);
    if own.is_empty() {
        return None;
    }
    if why == Ignored::Masks && !any_file(folder, &|entry| is_named_as_image(&entry.name)) {
        return Some(Ignored::Annotations);
    }
    let mut others = Vec::new();
    for (other, inner) in parent.folders.iter().filter(|(other, _)| is_image_folder(other)) {
        debug_assert_ne!(other, name);
        stems(inner, "", &mut others);
    }
    // Files beside the folder, and class folders that the folder repeats.
    others.extend(parent.files.keys().map(|file| stem(file)));
    for (other, inner) in parent.folders.iter().filter(|(other, _)| folder.folders.contains_key(*other)) {
        stems(inner, &format!("{}/", folded(other)), &mut others);
    }
    others.sort_unstable();
    const ENDINGS: [&str; 9] =
        ["_mask", "-mask", "_seg", "_gt", "_thumb", "-thumb", "_small", "_tn", "_preview"];
    let is_of_other = |own: &&String| {
        let base = ENDINGS.iter().find_map(|ending| own.strip_suffix(ending)).unwrap_or(own);
        [own.as_str(), base]
            .iter()
            .any(|name| others.binary_search_by(|other| other.as_str().cmp(name)).is_ok())
    };
    (2 * own.iter().filter(is_of_other).count() >= own.len()).then_some(why)
}

/// The paths of the files below a folder, without endings, in lower case.
fn stems(folder: &Folder, at: &str, all: &mut Vec<String>) {
    for (name, inner) in &folder.folders {
        stems(inner, &format!("{at}{}/", folded(name)), all);
    }
    all.extend(folder.files.keys().map(|file| format!("{at}{}", stem(file))));
}

/// A file's name without its ending, in lower case.
pub(super) fn stem(file: &str) -> String {
    folded(file.rsplit_once('.').map_or(file, |(stem, _)| stem))
}

/// Whether a file is derived from another image of its folder: a mask or a thumbnail beside it, or a raw photo beside the
/// developed one.
pub(super) fn derived(name: &str, folder: &Folder) -> Option<Ignored> {
    const ENDINGS: [(&str, Ignored); 9] = [
        ("_mask", Ignored::Masks),
        ("-mask", Ignored::Masks),
        ("_seg", Ignored::Masks),
        ("_segmentation", Ignored::Masks),
        ("_thumb", Ignored::Thumbnails),
        ("-thumb", Ignored::Thumbnails),
        (".thumb", Ignored::Thumbnails),
        ("_thumbnail", Ignored::Thumbnails),
        ("_tn", Ignored::Thumbnails),
    ];
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let plain = stem.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let numbered = plain.strip_suffix('_').unwrap_or(stem);
    let has_image = |base: &str| {
        !base.is_empty()
            && folder.files.range(format!("{base}.")..).take_while(|(file, _)| file.starts_with(base)).any(
                |(file, _)| {
                    file.as_str() != name
                        && file.rsplit_once('.').is_some_and(|(other, _)| other == base)
                        && is_named_as_image(file)
                        && unreadable_image(file, &[]).is_none()
                },
            )
    };
    for (ending, why) in ENDINGS {
        let base = stem.strip_suffix(ending).or_else(|| numbered.strip_suffix(ending));
        if base.is_some_and(has_image) {
            return Some(why);
        }
    }
    (unreadable_image(name, &[]) == Some(RAW) && has_image(stem)).then_some(Ignored::RawBeside)
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
    fn unreadable_images_are_named() {
        for (name, start, word) in [
            ("IMG_1.HEIC", &b""[..], "HEIC"),
            ("IMG_1.jpg", b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC"),
            ("a.png", b"\0\0\0\x1cftypavif\0\0\0\0", "AVIF"),
            ("a.svg", b"<svg xmlns=", "SVG"),
            ("a.NEF", b"MM\0*\0\0\0\x08", "raw photo"),
            ("a.cr3", b"\0\0\0\x18ftypcrx \0\0\0\x01", "raw photo"),
        ] {
            assert!(unreadable_image(name, start).is_some_and(|why| why.contains(word)), "{name}");
        }
        // What a file is, its content says.
        assert_eq!(unreadable_image("a.heic", b"\x89PNG\r\n\x1a\n"), None);
        assert_eq!(unreadable_image("a.tiff", b"MM\0*\0\0\0\x08"), None);
        assert_eq!(unreadable_image("a.txt", b"words"), None);
    }

    #[test]
    fn files_with_only_the_name_of_an_image_are_told() {
        for (start, word) in [
            (&b""[..], "empty"),
            (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
            (b"\n <!DOCTYPE HTML><p>", "web page"),
            ("\u{feff}<html>".as_bytes(), "web page"),
            (b"<?xml version='1.0'?><Error><Code>AccessDenied", "web server"),
            (b"{\"error\": 404}", "web server"),
            (b"%PDF-1.7", "PDF"),
            (b"PK\x03\x04", "archive"),
            (b"\0\0\0\x20ftypisom", "video"),
            (&[0; 512], "zeros"),
        ] {
            assert!(not_an_image(start).is_some_and(|why| why.contains(word)), "{word}");
        }
        for start in [&b"words"[..], b"<?xml version='1.0'?><svg", b"\x89PNG\r\n\x1a\n", b"P5 4 4 255\n"] {
            assert_eq!(not_an_image(start), None, "{start:?}");
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
