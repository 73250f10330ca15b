//! Names that cameras, camera traps, people who sort by day or year, and archives in parts give to folders, and names of what
//! was chosen and the rest: they are no classes.

use super::split_words::{has, words_of};

/// Whether a camera names folders so: `100CANON`, `101_PANA`.
pub(super) fn is_of_camera(name: &str) -> bool {
    let bytes = name.as_bytes();
    let (number, rest) = bytes.split_at(bytes.len().min(3));
    let is_number = number.len() == 3 && number.iter().all(u8::is_ascii_digit) && number[0] != b'0';
    let is_letter = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_';
    is_number && rest.len() == 5 && rest.iter().all(is_letter) && rest.iter().any(u8::is_ascii_uppercase)
}

/// Whether a name begins with a date of the years 1990 to 2099: `2021-05-01`, `20210501`, `2021_05 beach`.
pub(super) fn is_date(name: &str) -> bool {
    let words: Vec<&str> = name.split(|letter: char| !letter.is_ascii_digit()).collect();
    match words.as_slice() {
        [day, ..] if is_whole_date(day) => true,
        [year, month, ..] => is_year(year) && is_month(month),
        _ => false,
    }
}

/// Whether a word is a date without separators: `20210501`.
pub(super) fn is_whole_date(word: &str) -> bool {
    let is_day = |day: &str| day.parse().is_ok_and(|day: u32| (1..=31).contains(&day));
    word.len() == 8 && word.is_ascii() && is_year(&word[..4]) && is_month(&word[4..6]) && is_day(&word[6..])
}

/// Whether a word is a year from 1990 to 2099.
pub(super) fn is_year(word: &str) -> bool {
    word.len() == 4
        && (word.starts_with("20") || word.starts_with("199"))
        && word.bytes().all(|b| b.is_ascii_digit())
}

/// Whether a word is the number of a month, in two digits.
pub(super) fn is_month(word: &str) -> bool {
    word.len() == 2 && word.parse().is_ok_and(|month: u32| (1..=12).contains(&month))
}

/// The name without its number, if it is that of a part: `images_part_1`, `part 2`.
pub(super) fn part_of(name: &str) -> Option<String> {
    let mut words = words_of(name);
    let number = words.pop()?;
    let is_number = !number.is_empty() && number.chars().all(|letter| letter.is_ascii_digit());
    let is_part = words.last().is_some_and(|word| has("part parts teil partie parte 파트", word));
    (is_number && is_part).then(|| words.concat())
}

/// Whether a name is that of an album of a year: `2021`, `Photos from 2021`.
pub(super) fn is_year_album(name: &str) -> bool {
    const PHOTOS: [&str; 10] =
        ["photo", "foto", "bilder", "pictures", "images", "사진", "写真", "照片", "相片", "снимки"];
    let lower = name.to_lowercase();
    let numbers: Vec<&str> =
        lower.split(|letter: char| !letter.is_ascii_digit()).filter(|digits| !digits.is_empty()).collect();
    let is_meant = |rest: &str| rest.trim().is_empty() || PHOTOS.iter().any(|word| rest.contains(word));
    matches!(numbers.as_slice(), [year] if is_year(year) && is_meant(&lower.replacen(year, "", 1)))
}

/// The word before the number or letter of a place where cameras stand: `Site01`, `CAM_A`.
pub(super) fn site_of(name: &str) -> Option<String> {
    const SITES: &str = "site sites cam cams camera cameras kamera camara cámara caméra camtrap cameratrap trap traps loc location \
                         locations station standort plot transect sitio lieu 카메라 지점 カメラ 地点 相机";
    let mut words = words_of(name);
    let last = words.pop()?;
    let is_number = !last.is_empty() && last.chars().all(|letter| letter.is_ascii_digit());
    let is_letter = last.chars().count() == 1 && last.chars().all(char::is_alphabetic);
    let word = words.concat();
    ((is_number || is_letter) && has(SITES, &word)).then_some(word)
}

/// Words for parts of one set of which two beside each other are no classes.
const PARTS: [&str; 2] = [
    "known unknown seen unseen 미지 알려짐 bekannt unbekannt connu inconnu conocido desconocido",
    "selected unselected chosen picked picks selection rest remaining remainder leftover leftovers others 선택 선택됨 나머지 \
     ausgewählt auswahl restliche übrige sélection reste seleccionado seleccionados resto 选中 其余 選択 残り",
];

/// The names that are those of parts of one set, if there are two.
pub(super) fn parts_of_one_set<'a>(names: impl Iterator<Item = &'a str> + Clone) -> Vec<&'a str> {
    let of =
        |words: &str| names.clone().filter(|name| has(words, &words_of(name).concat())).collect::<Vec<_>>();
    PARTS.iter().map(|words| of(words)).find(|found| found.len() > 1).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_cameras_and_days_are_told() {
        for (name, camera, date) in [
            ("100CANON", true, false),
            ("101_PANA", true, false),
            ("102MSDCF", true, false),
            ("100canon", false, false),
            ("001CANON", false, false),
            ("100", false, false),
            ("12345678", false, false),
            ("2021-05-01", false, true),
            ("20210501", false, true),
            ("2021_05 beach", false, true),
            ("2021-13", false, false),
            ("2021", false, false),
            ("cat", false, false),
            ("고양이사진첩", false, false),
        ] {
            assert_eq!((is_of_camera(name), is_date(name)), (camera, date), "{name}");
        }
    }

    #[test]
    fn chosen_and_rest_are_told_together() {
        for (names, found) in [
            (&["unseen", "unknown"][..], 2),
            (&["Known", "cat", "Unknown"], 2),
            (&["rest", "selected"], 2),
            (&["선택", "나머지"], 2),
            (&["unknown", "other", "cat"], 0),
            (&["rest", "fist", "wave"], 0),
            (&["known", "rest"], 0),
        ] {
            assert_eq!(parts_of_one_set(names.iter().copied()).len(), found, "{names:?}");
        }
    }

    #[test]
    fn albums_of_years_are_told() {
        for (name, expected) in [
            ("2021", true),
            ("Photos from 2021", true),
            ("Fotos von 2019", true),
            ("2021년의 사진", true),
            ("Summer 2021", false),
            ("Photos", false),
            ("1021", false),
            ("2021-05", false),
            ("Model 2021", false),
        ] {
            assert_eq!(is_year_album(name), expected, "{name}");
        }
    }

    #[test]
    fn sites_are_told_by_word_and_number() {
        for (name, site) in [
            ("Site01", Some("site")),
            ("CAM_A", Some("cam")),
            ("camera 12", Some("camera")),
            ("trap-3", Some("trap")),
            ("site", None),
            ("cat 2", None),
            ("camera bag", None),
            ("A", None),
        ] {
            assert_eq!(site_of(name).as_deref(), site, "{name}");
        }
    }

    #[test]
    fn parts_are_told_by_word_and_number() {
        for (name, part) in [
            ("images_part_1", Some("imagespart")),
            ("part 2", Some("part")),
            ("Teil3", Some("teil")),
            ("part", None),
            ("cat 2", None),
            ("2", None),
        ] {
            assert_eq!(part_of(name).as_deref(), part, "{name}");
        }
    }
}
