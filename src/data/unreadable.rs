//! Image files that cannot be read, and files that only have the name of an image: why, with what to do.

use image::ImageFormat;

use super::files::Entry;
use super::heic::is_heic;

/// Bytes of a file's start in which an image format's magic number is looked for.
pub(super) const MAGIC_BYTES: usize = 32;
/// Bytes of a file's start by which files that only have the name of an image are told.
const START_BYTES: usize = 512;

/// Image files that this program cannot read: endings, and why, with what to do.
const UNREADABLE: [(&[&str], &str); 8] = [
    (&["heic", "heif", "hif"], HEIC),
    (&["avif"], AVIF),
    (&["svg", "svgz"], SVG),
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
    (
        &["tga", "ico", "dds", "hdr", "exr", "ff", "qoi", "pcx", "icns"],
        "it is an image of a kind that this program cannot read: save it as PNG or TIFF",
    ),
    (&["psd", "xcf", "kra", "dcm"], "this program cannot read this kind of image: export it as PNG or TIFF"),
];
const HEIC: &str = "it is a HEIC photo that this program cannot read: save it as JPEG (an iPhone takes JPEG photos with \
                    Settings, Camera, Formats, Most Compatible)";
const SVG: &str = "it is an SVG drawing, which has no pixels: export it as PNG";
const AVIF: &str = "it is an AVIF image, which this program cannot read: save it as PNG or JPEG";
pub(super) const RAW: &str =
    "it is a raw photo of a camera, which this program cannot read: export it as JPEG or TIFF";

/// Whether a name is that of a photo as a phone or a camera stores it, often beside the same photo as JPEG.
pub(super) fn is_camera_original(name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_lowercase()).unwrap_or_default();
    UNREADABLE.iter().any(|(endings, why)| matches!(*why, HEIC | RAW) && endings.contains(&ending.as_str()))
}

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
        Ok(format) if format.reading_enabled() => None,
        Ok(_) | Err(_) => by_name(),
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
    if begins(&["<?xml", "<svg", "<!doctype svg", "<!--"]) && text.contains("<svg") {
        return Some(SVG);
    }
    if begins(&["<?xml", "<error", "{\"", "{ \""]) {
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
            ("a.tga", b"\0\0\x02", "save it as PNG"),
            ("a.ICO", b"\0\0\x01\0", "save it as PNG"),
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
            (b"<svg xmlns='http://www.w3.org/2000/svg'></svg>", "SVG"),
            (b"<?xml version='1.0'?><svg", "SVG"),
            (b"<!-- a tool --><svg", "SVG"),
        ] {
            assert!(not_an_image(start).is_some_and(|why| why.contains(word)), "{word}");
        }
        for start in [&b"words"[..], b"\x89PNG\r\n\x1a\n", b"P5 4 4 255\n"] {
            assert_eq!(not_an_image(start), None, "{start:?}");
        }
    }
}
