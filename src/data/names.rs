//! Names of files and classes: decoded from bytes, compared, and written in messages.
//!
//! A name on a disk or in an archive is bytes. [`Decoder`] turns the names of one source into text: UTF-8, or the
//! encoding of the system that packed them where that can be told, or else with the bytes escaped. Two names that differ
//! in bytes stay two names ([`unique`]).

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::path::Path;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{BIG5, EUC_JP, EUC_KR, Encoding, GB18030, GBK, SHIFT_JIS};
use unicode_normalization::UnicodeNormalization as _;

/// Different letters outside ASCII from which an encoding can be told; in fewer, several encodings look alike.
const ENOUGH_LETTERS: usize = 3;

/// Decodes the names of one source.
#[derive(Clone, Copy, Default)]
pub(super) struct Decoder(Option<&'static Encoding>);

impl Decoder {
    /// The decoder for these names, some of which may not be UTF-8.
    pub fn of<'a>(names: impl Iterator<Item = &'a [u8]>) -> Self {
        let parts = names.flat_map(|name| name.split(|byte| *byte == b'/'));
        let mut foreign: Vec<&[u8]> = parts.filter(|name| std::str::from_utf8(name).is_err()).collect();
        foreign.sort_unstable();
        foreign.dedup();
        if foreign.is_empty() {
            return Self(None);
        }
        let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
        for name in &foreign {
            detector.feed(name, false);
            detector.feed(b"\n", false);
        }
        detector.feed(b"", true);
        let encoding = detector.guess(None, Utf8Detection::Deny);
        Self(Some(encoding).filter(|encoding| can_be(encoding, &foreign)))
    }

    /// The name as text: UTF-8, the encoding that was told, or with `\x` and two digits for each byte that is neither.
    pub fn decode(self, raw: &[u8]) -> String {
        if let Ok(text) = std::str::from_utf8(raw)
            && !self.is_chance(text)
        {
            return text.to_owned();
        }
        let decoded =
            self.0.and_then(|encoding| encoding.decode_without_bom_handling_and_without_replacement(raw));
        decoded.map_or_else(|| escape_bytes(raw), Cow::into_owned)
    }

    /// Whether a name is UTF-8 by chance only, among names of an Asian encoding, as a few pairs of bytes can be.
    fn is_chance(self, text: &str) -> bool {
        let Some(encoding) = self.0.filter(|encoding| is_asian(encoding)) else { return false };
        let stem = text.rsplit_once('.').map_or(text, |(stem, _)| stem);
        // UTF-8 writes Asian letters as three bytes.
        let pairs = stem.chars().filter(|letter| ('\u{80}'..'\u{800}').contains(letter)).count();
        let others =
            stem.chars().filter(|letter| letter.is_ascii_alphabetic() || *letter >= '\u{800}').count();
        let decoded = encoding.decode_without_bom_handling_and_without_replacement(text.as_bytes());
        pairs > 1
            && others == 0
            && decoded.is_some_and(|text| text.chars().all(|letter| !letter.is_control()))
    }

    /// What was decided about names that are not UTF-8; `None` if all are. `names`: how many are not.
    pub fn notice(self, path: &Path, names: usize) -> Option<String> {
        let path = shown(path);
        match (names, self.0) {
            (0, _) => None,
            (_, Some(encoding)) => {
                Some(format!("{names} names in {path} are not UTF-8: they are read as {}", encoding.name()))
            }
            (_, None) => Some(format!(
                "{names} names in {path} are not UTF-8, and their encoding is unclear: their bytes are shown as \\x and \
                 two digits"
            )),
        }
    }
}

/// Whether the names decode to enough letters of the encoding's own script.
fn can_be(encoding: &'static Encoding, names: &[&[u8]]) -> bool {
    let mut letters = HashSet::new();
    for name in names {
        let Some(text) = encoding.decode_without_bom_handling_and_without_replacement(name) else {
            return false;
        };
        letters.extend(text.chars().filter(|letter| !letter.is_ascii()));
    }
    let is_text = |letter: &char| letter.is_alphanumeric() || ('\u{3000}'..'\u{3040}').contains(letter);
    // A single-byte encoding decodes anything: accents among ASCII letters are a sign of it.
    let stems = names.iter().map(|name| name.rsplitn(2, |byte| *byte == b'.').last().unwrap_or(name));
    let count = |is_meant: fn(&u8) -> bool| stems.clone().flatten().filter(|byte| is_meant(byte)).count();
    let (plain, other) = (count(u8::is_ascii_alphabetic), count(|byte| !byte.is_ascii()));
    let told =
        if is_asian(encoding) || plain == 0 { letters.len() >= ENOUGH_LETTERS } else { plain > 2 * other };
    letters.iter().all(is_text) && (told || letters.len() >= 2 * ENOUGH_LETTERS)
}

fn is_asian(encoding: &'static Encoding) -> bool {
    [EUC_KR, SHIFT_JIS, GBK, GB18030, BIG5, EUC_JP].contains(&encoding)
}

/// Bytes as text, those that are not UTF-8 as `\x` and two digits.
fn escape_bytes(raw: &[u8]) -> String {
    let mut text = String::new();
    for chunk in raw.utf8_chunks() {
        text.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\x{byte:02X}")));
    }
    text
}

/// The name, or with ` (2)`, ` (3)` ... before its ending where it is taken.
pub(super) fn unique(name: &str, is_taken: impl Fn(&str) -> bool) -> String {
    if !is_taken(name) {
        return name.to_owned();
    }
    let (stem, ending) = name.rfind('.').filter(|at| *at > 0).map_or((name, ""), |at| name.split_at(at));
    let mut number = 2u64;
    loop {
        let next = format!("{stem} ({number}){ending}");
        if !is_taken(&next) {
            return next;
        }
        number += 1;
    }
}

/// A class's name as it is written: in Unicode's composed form, without space around it.
pub(super) fn class_name(name: &str) -> String {
    let composed: String = name.nfc().collect();
    composed.trim().to_owned()
}

/// A name for comparison: in Unicode's composed form, in lower case.
pub(super) fn folded(name: &str) -> String {
    name.nfc().flat_map(char::to_lowercase).collect()
}

/// A path as people write it, as names with `/` between them: `\`, `./` and `//` mean nothing else here.
pub(super) fn normal_path(path: &str) -> String {
    let path = path.trim().replace('\\', "/");
    let rooted = if path.starts_with('/') { "/" } else { "" };
    let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    format!("{rooted}{}", parts.join("/"))
}

/// A path in a message: control characters and those that reverse text are escaped, so that a name cannot write on a
/// terminal. Bytes that are not UTF-8 are written as `\x` and two digits; a name that has such text itself gets its
/// backslashes twice, so that two paths never look the same.
pub fn shown(path: &Path) -> Shown<'_> {
    let raw = path.as_os_str().as_encoded_bytes();
    match path.to_str() {
        Some(text) if cfg!(windows) || !has_escapes(text) => Shown(Cow::Borrowed(text)),
        _ => Shown(Cow::Owned(distinct(raw))),
    }
}

/// Whether text has a backslash that could begin an escaped byte.
fn has_escapes(text: &str) -> bool {
    let is_escape = |rest: &str| {
        let mut digits = rest.chars().take(2);
        digits.next().is_some_and(|digit| digit.is_ascii_hexdigit())
            && digits.next().is_some_and(|digit| digit.is_ascii_hexdigit())
    };
    text.match_indices("\\x").any(|(at, _)| is_escape(&text[at + 2..]))
}

/// [`escape_bytes`] with every backslash of the name doubled.
fn distinct(raw: &[u8]) -> String {
    let mut text = String::new();
    for chunk in raw.utf8_chunks() {
        text.push_str(&chunk.valid().replace('\\', "\\\\"));
        text.push_str(&escape_bytes(chunk.invalid()));
    }
    text
}

/// A name in a message, as [`shown`].
pub fn shown_name(name: &str) -> Shown<'_> {
    Shown(Cow::Borrowed(name))
}

/// Text whose control characters are escaped when it is written.
pub struct Shown<'a>(Cow<'a, str>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.contains(is_invisible) {
            return f.pad(&self.0);
        }
        let mut text = String::new();
        for letter in self.0.chars() {
            if is_invisible(letter) { text.extend(letter.escape_default()) } else { text.push(letter) }
        }
        f.pad(&text)
    }
}

/// Control characters, line separators, and marks that change the direction of text.
pub(super) fn is_invisible(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use encoding_rs::{WINDOWS_1251, WINDOWS_1252};

    use super::*;

    #[test]
    fn names_of_other_systems_are_decoded() {
        for (encoding, names) in [
            (EUC_KR, &["고양이/1.png", "강아지/2.png"][..]),
            (EUC_KR, &["정상", "불량", "정상/001.jpg"]),
            (SHIFT_JIS, &["写真/猫/画像1.png", "写真/犬/画像2.png"]),
            (GBK, &["新建文件夹/猫/图片1.png", "新建文件夹/狗/图片2.png"]),
            (BIG5, &["新資料夾/貓", "新資料夾/狗"]),
            (WINDOWS_1252, &["Hund/Übung.png", "Katze/Äpfel.png"]),
            (WINDOWS_1251, &["кошка", "собака"]),
        ] {
            let raw: Vec<Vec<u8>> = names.iter().map(|name| encoding.encode(name).0.into_owned()).collect();
            let decoder = Decoder::of(raw.iter().map(Vec::as_slice));
            let decoded: Vec<String> = raw.iter().map(|name| decoder.decode(name)).collect();
            assert_eq!(decoded, names, "{}", encoding.name());
        }
    }

    #[test]
    fn unclear_names_stay_bytes_and_distinct() {
        let raw: [&[u8]; 3] = [b"a\xff.png", b"a\xfe.png", "\u{e9}.png".as_bytes()];
        let decoder = Decoder::of(raw.into_iter());
        assert_eq!(raw.map(|name| decoder.decode(name)), ["a\\xFF.png", "a\\xFE.png", "é.png"]);
        assert!(
            decoder.notice(Path::new("x.zip"), 2).is_some_and(|notice| notice.contains("2 names in x.zip"))
        );
    }

    #[test]
    fn taken_names_get_a_number() {
        let taken = ["a.png", "a (2).png", ".a", "b"];
        let next = |name| unique(name, |other| taken.contains(&other));
        assert_eq!([next("a.png"), next("c"), next("b"), next(".a")], ["a (3).png", "c", "b (2)", ".a (2)"]);
    }

    #[test]
    fn messages_escape_control_characters() {
        let shown = |name: &str| shown_name(name).to_string();
        assert_eq!(shown("plain é 고양이"), "plain é 고양이");
        assert_eq!(shown("\u{1b}[2J\r\n\u{202e}gnp.exe"), "\\u{1b}[2J\\r\\n\\u{202e}gnp.exe");
        assert_eq!(format!("{:5}|", shown_name("ab")), "ab   |");
    }

    #[cfg(unix)]
    #[test]
    fn different_paths_are_shown_differently() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt as _;
        let cases: [(&[u8], &str); 7] = [
            (b"a\xb0.png", "a\\xB0.png"),
            (b"a\xb1.png", "a\\xB1.png"),
            (br"a\xB0.png", r"a\\xB0.png"),
            (b"a\\\xb0.png", r"a\\\xB0.png"),
            (br"a\b.png", r"a\b.png"),
            (br"a\xyz.png", r"a\xyz.png"),
            ("\u{fffd}.png".as_bytes(), "\u{fffd}.png"),
        ];
        let all = cases.map(|(raw, expected)| {
            let text = shown(Path::new(OsStr::from_bytes(raw))).to_string();
            assert_eq!(text, expected);
            text
        });
        assert_eq!(HashSet::from(all).len(), cases.len());
    }

    #[test]
    fn paths_are_compared_in_one_form() {
        for (path, normal) in [
            (".\\a\\b.png", "a/b.png"),
            ("a//b.png", "a/b.png"),
            (" ./a ", "a"),
            ("/x/./y", "/x/y"),
            ("../a", "../a"),
        ] {
            assert_eq!(normal_path(path), normal);
        }
        assert_eq!(folded("Cafe\u{301}"), folded("CAF\u{c9}"));
        assert_eq!(class_name(" Cafe\u{301}\t"), "Caf\u{e9}");
    }
}
