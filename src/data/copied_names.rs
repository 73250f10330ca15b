//! Names of copies, versions and altered versions of a file or folder: `cat (1)`, `cat_old`, `cat 2021-05-01`, `cat_flipped`.

use super::split_words::{has, words_of};
use super::unsorted_names::{is_month, is_whole_date, is_year};

/// Words of copies and versions.
const COPIES: &str = "new newer neu nouveau nuevo copy copies copia kopie kopia kopi cópia копия копія 복사본 사본 백업 副本 备份 備份 コピー バックアップ backup \
                      backups bak old orig original sicherung duplicate dup duplikat final edited bearbeitet 최종 수정 수정본";
/// Words of images that were made from others, beside the name of these.
const ALTERED: &str = "augmented augmentation augmentations aug augs augmentiert augmenté augmentée aumentado aumentada aumentati аугментация 증강 增强 增強 拡張 \
                       flipped mirrored rotated cropped resized gespiegelt gedreht";
/// Words of folders whose images were made from others, whatever is beside them: of the others, classes may be named so.
const AUGMENTED: &str = "augmented augmentation augmentations augs augmentiert augmenté augmentée aumentado aumentada аугментация 증강 增强 增強 拡張";

/// Words of files that were made from others, beside those of folders.
const ALTERED_FILES: &str = "flip hflip vflip fliph flipv flop mirror rot rotate rotation crop resize scaled blur blurred noise noisy bright \
                             brightness brighter dark darker darkened contrast gray grey grayscale greyscale zoom zoomed shear sheared \
                             sharpen sharpened jitter jittered shifted translated cutout distorted";
/// Words of copies of files: other versions may be other photos.
const COPIED_FILES: &str = "copy copies copia kopie kopia kopi cópia копия 복사본 사본 副本 コピー duplicate dup duplikat backup bak edited \
                            bearbeitet 수정본 original orig";
/// What may follow the word for what was done.
const DIRECTIONS: &str = "left right horizontal vertical horizontally vertically links rechts";
/// What Roboflow puts between the name of an image and the hash of each altered version of it.
const ROBOFLOW: &str = ".rf.";

/// What the name of a file says of its image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileCopy {
    Plain,
    /// It was altered or copied: `1_aug_2`, `cat_flipped`, `cat - Copy`.
    Altered,
    /// It is one of the versions that a program made, and numbered by hash: `1_jpg.rf.0a1b`.
    Version,
    /// It has a number in parentheses: `img (2)`.
    Numbered,
    /// It may have been altered, if there is an image with the rest of its name: `aug_1`.
    Prefixed,
}

/// What the name of an image file, without its ending, says of it, and the words of the image that it was made from.
pub(super) fn file_copy(stem: &str) -> (FileCopy, String) {
    if let Some((of, _)) = stem.split_once(ROBOFLOW) {
        return (FileCopy::Version, words_of(of).join(" "));
    }
    let words = words_of(stem);
    let is_done = |word: &String| [ALTERED, ALTERED_FILES, COPIED_FILES].iter().any(|words| has(words, word));
    let is_number = |word: &String| word.chars().all(|letter| letter.is_ascii_digit());
    let may_follow =
        |word: &String| is_done(word) || is_number(word) || has(DIRECTIONS, word) || word.chars().count() < 3;
    let done = words.iter().skip(1).position(is_done).map(|at| at + 1);
    match (done, words.split_first()) {
        (Some(at), _) if words[at..].iter().all(may_follow) => (FileCopy::Altered, words[..at].join(" ")),
        (_, Some((first, rest))) if is_done(first) && !rest.is_empty() => {
            let of = if rest.len() > 1 && has("of von de di van", &rest[0]) { &rest[1..] } else { rest };
            (FileCopy::Prefixed, of.join(" "))
        }
        (_, Some(_))
            if stem.trim_end().ends_with(')') && words.len() > 1 && words.last().is_some_and(is_number) =>
        {
            (FileCopy::Numbered, words[..words.len() - 1].join(" "))
        }
        _ => (FileCopy::Plain, words.join(" ")),
    }
}

/// What a folder or file is a copy of, by its name: the other words, joined.
pub(super) fn copied(name: &str) -> Option<String> {
    const OF: &str = "of von de di van";
    let mut words = words_of(name);
    let all = words.len();
    let is_number = |word: Option<&String>| word.is_some_and(|word| word.chars().all(|c| c.is_ascii_digit()));
    let is_copy = |word: Option<&String>| word.is_some_and(|word| has(COPIES, word) || has(ALTERED, word));
    let is_version =
        is_number(words.last()) && words.iter().nth_back(1).is_some_and(|word| has("v ver version", word));
    // Of a backup (`cat~`), or a version (`cat v2`).
    if name.trim_end().ends_with('~') {
        return (!words.is_empty()).then(|| words.concat());
    }
    if is_version {
        words.truncate(words.len() - 2);
    }
    let without_date = words.len() - date_at_end(&words);
    words.truncate(without_date);
    if is_number(words.last()) && (name.trim_end().ends_with(')') || is_copy(words.iter().nth_back(1))) {
        words.pop();
    }
    while is_copy(words.last()) {
        words.pop();
    }
    if is_copy(words.first()) && words.get(1).is_some_and(|word| has(OF, word)) {
        words.drain(..2);
    }
    (words.len() < all && !words.is_empty()).then(|| words.concat())
}

/// How many words at the end are a date: `20210501`, `2021 05`, `2021 05 01` or `01 05 2021`.
fn date_at_end(words: &[String]) -> usize {
    let day = |word: &str| {
        (1..=2).contains(&word.len()) && word.parse().is_ok_and(|day: u32| (1..=31).contains(&day))
    };
    match words {
        [.., last] if is_whole_date(last) => 1,
        [.., year, month, last] if is_year(year) && is_month(month) && day(last) => 3,
        [.., first, month, year] if is_year(year) && is_month(month) && day(first) => 3,
        [.., year, month] if is_year(year) && is_month(month) => 2,
        _ => 0,
    }
}

/// Whether a folder's name says that its images were made from others.
pub(super) fn is_augmented(name: &str) -> bool {
    words_of(name).iter().any(|word| has(AUGMENTED, word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_and_versions_name_their_original() {
        for name in [
            "cat_new",
            "cat v2",
            "cat~",
            "cat (2)",
            "cat - Kopie",
            "Copy of cat",
            "cat copy 3",
            "cat 2021-05-01",
            "cat_20210501",
            "cat 2021-05",
            "cat 01.05.2021",
            "cat_flipped",
            "cat-aug",
            "cat 증강",
            "cat_final_2",
        ] {
            assert_eq!(copied(name).as_deref(), Some("cat"), "{name}");
        }
        for name in ["cat", "cat 2", "cat 2021", "20210501", "2021-05-01", "copy", "augmented", "cat 99 2021"]
        {
            assert_eq!(copied(name), None, "{name}");
        }
        for (name, expected) in [
            ("1_aug", (FileCopy::Altered, "1")),
            ("cat_flipped", (FileCopy::Altered, "cat")),
            ("cat12-rot90_2", (FileCopy::Altered, "cat 12")),
            ("cat_flip_left", (FileCopy::Altered, "cat")),
            ("IMG_2031 - Copy (2)", (FileCopy::Altered, "img 2031")),
            ("IMG_2031 - 복사본", (FileCopy::Altered, "img 2031")),
            ("a_jpg.rf.0a1b2c", (FileCopy::Version, "a jpg")),
            ("img (2)", (FileCopy::Numbered, "img")),
            ("img_2", (FileCopy::Plain, "img 2")),
            ("aug_1", (FileCopy::Prefixed, "1")),
            ("Copy of 1", (FileCopy::Prefixed, "1")),
            ("noise", (FileCopy::Plain, "noise")),
            ("dark_forest", (FileCopy::Prefixed, "forest")),
            ("crop circles of wheat", (FileCopy::Prefixed, "circles of wheat")),
            ("a bright morning", (FileCopy::Plain, "a bright morning")),
        ] {
            assert_eq!(file_copy(name), (expected.0, expected.1.to_owned()), "{name}");
        }
        assert!(["augmented", "Augmented Images", "dog_augmented", "증강"].into_iter().all(is_augmented));
        assert!(!["aug", "rotated", "august"].into_iter().any(is_augmented));
    }
}
