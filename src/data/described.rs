//! What belongs to other images and is none itself: masks, thumbnails and annotations, by the names of folders and files
//! beside them.

use super::file_kinds::{any_file, is_named_as_image};
use super::files::Folder;
use super::layout::Ignored;
use super::names::folded;
use super::unreadable::{RAW, unreadable_image};

/// Folders of images, by their usual names.
pub(super) const IMAGE_FOLDERS: [&str; 9] =
    ["images", "image", "imgs", "img", "jpegimages", "jpgs", "pngs", "photos", "pictures"];
/// How a word names what belongs to images.
#[derive(Clone, Copy, PartialEq, Eq)]
enum As {
    /// The whole name of a folder beside images, such as `masks`.
    Folder,
    /// A word in a name that has another folder's name too, such as `cat_masks`.
    Word,
    Both,
}

/// Words for what belongs to images: masks, boxes, labels and other descriptions.
const DESCRIPTIONS: [(&str, As); 31] = [
    ("masks", As::Both),
    ("mask", As::Both),
    ("labels", As::Both),
    ("label", As::Both),
    ("annotations", As::Both),
    ("annotation", As::Both),
    ("annots", As::Both),
    ("segmentation", As::Both),
    ("segmentations", As::Both),
    ("segmentationclass", As::Folder),
    ("segmentationobject", As::Folder),
    ("groundtruth", As::Both),
    ("ground_truth", As::Folder),
    ("gt", As::Both),
    ("bboxes", As::Both),
    ("boxes", As::Both),
    ("xmls", As::Folder),
    ("jsons", As::Folder),
    ("targets", As::Both),
    ("annot", As::Word),
    ("segs", As::Word),
    ("seg", As::Word),
    ("truth", As::Word),
    ("box", As::Word),
    ("target", As::Word),
    ("overlays", As::Word),
    ("thumb", As::Word),
    ("thumbs", As::Word),
    ("thumbnails", As::Word),
    ("마스크", As::Word),
    ("썸네일", As::Word),
];

/// Whether a folder of this name may describe the images beside it.
fn is_description(name: &str) -> bool {
    DESCRIPTIONS.iter().any(|(word, kind)| *word == name && *kind != As::Word)
}

/// Whether a word in a folder's name says that it describes the folder of the other words.
pub(super) fn is_describing(word: &str) -> bool {
    DESCRIPTIONS.iter().any(|(other, kind)| *other == word && *kind != As::Folder)
}

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
        false => is_description(&lower).then_some(Ignored::Masks)?,
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
