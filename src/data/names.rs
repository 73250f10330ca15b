//! Names of files and classes: decoded from bytes, compared, and written in messages.
//!
//! A name on a disk or in an archive is bytes. [`Decoder`] turns the names of one source into text: UTF-8, or the
//! encoding of the system that packed them where that can be told ([`encodings`](super::encodings)), or else with the
//! bytes escaped. Two names that differ
//! in bytes stay two names ([`unique`]).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use unicode_normalization::UnicodeNormalization as _;

use super::charset::Charset;
use super::counted::counted;
use super::encodings::{Encodings, escape_bytes, is_certainly_utf8};

/// A name, and its encoding: `None` for UTF-8.
type Text<'a> = (Cow<'a, str>, Option<Charset>);

/// Decodes the names of one source.
#[derive(Clone, Default)]
pub(super) struct Decoder {
    encodings: Encodings,
    /// Whether some names are certainly UTF-8.
    has_utf8: bool,
    /// Whether `/` separates the names in some path.
    has_slash: bool,
}

impl Decoder {
    /// The decoder for these names or paths, some of which may not be UTF-8.
    pub fn of<'a>(paths: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut decoder = Self::default();
        let mut foreign: Vec<&[u8]> = Vec::new();
        for path in paths {
            decoder.has_slash |= path.contains(&b'/');
            for name in path.split(|byte| *byte == b'/') {
                decoder.has_utf8 |= is_certainly_utf8(name);
                if std::str::from_utf8(name).is_err() {
                    foreign.push(name);
                }
            }
        }
        foreign.sort_unstable();
        foreign.dedup();
        decoder.encodings = Encodings::of(&foreign);
        decoder
    }

    /// The name as text: UTF-8, an encoding that was told, or with `\x` and two digits for each byte that is neither.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn decode(&self, raw: &[u8]) -> String {
        self.text(raw).map_or_else(|| escape_bytes(raw), |(text, _)| text.into_owned())
    }

    /// The path of a member of an archive, with `/` between names, each name as [`Decoder::decode`] gives it. Some
    /// Windows programs separate names by `\`, against the format; that of an escaped byte separates nothing.
    pub fn decode_path(&self, raw: &[u8]) -> String {
        let names = raw.split(|byte| *byte == b'/').zip(self.texts(raw)).map(|(name, text)| match text {
            // In Shift JIS and others the byte of a backslash is also part of letters.
            Some((text, _)) => text.replace('\\', "/"),
            None => self.escape_name(name),
        });
        names.collect::<Vec<_>>().join("/")
    }

    /// The names of a path as [`Decoder::text`] gives them. One whose encoding is unclear is read in that of the folders
    /// around it.
    fn texts<'a>(&self, raw: &'a [u8]) -> Vec<Option<Text<'a>>> {
        let mut around = None;
        let names = raw.split(|byte| *byte == b'/').map(|name| {
            let in_folder = || {
                let encoding: Charset = around?;
                let text = self.encodings.decode_in(encoding, name)?;
                Some((text, Some(encoding)))
            };
            let text = self.text(name).or_else(in_folder);
            around = text.as_ref().and_then(|(_, encoding)| *encoding).or(around);
            text
        });
        names.collect()
    }

    /// A name of unclear encoding. A backslash after a byte outside ASCII is part of a letter, where paths have `/`.
    fn escape_name(&self, raw: &[u8]) -> String {
        let mut name = String::new();
        let mut start = 0;
        for at in (0..raw.len()).filter(|&at| raw[at] == b'\\') {
            let in_letter = self.has_slash && at > 0 && !raw[at - 1].is_ascii();
            name.push_str(&escape_bytes(&raw[start..at]));
            name.push_str(if in_letter { "\\x5C" } else { "/" });
            start = at + 1;
        }
        name + &escape_bytes(&raw[start..])
    }

    /// The name in UTF-8 or an encoding that was told, which is `None` for UTF-8.
    fn text<'a>(&self, raw: &'a [u8]) -> Option<Text<'a>> {
        if let Ok(text) = std::str::from_utf8(raw)
            && (text.is_ascii() || !self.encodings.is_chance(text, self.has_utf8))
        {
            return Some((Cow::Borrowed(text), None));
        }
        self.encodings.decode(raw).map(|(text, encoding)| (text, Some(encoding)))
    }

    /// What was decided about names that are not UTF-8, with an example where it may be wrong; `None` if all are UTF-8.
    /// `foreign`: the paths that are not.
    pub fn notice<'a>(&self, path: &Path, foreign: impl Iterator<Item = &'a [u8]>) -> Option<String> {
        let mut read: BTreeMap<&str, (usize, String)> = BTreeMap::new();
        let (mut all, mut unclear, mut first) = (0usize, 0usize, None);
        for raw in foreign {
            all += 1;
            let texts = self.texts(raw);
            let names = || raw.split(|byte| *byte == b'/');
            if let Some((name, _)) = names().zip(&texts).find(|(_, text)| text.is_none()) {
                unclear += 1;
                first.get_or_insert(name);
            } else if let Some((text, Some(encoding))) =
                texts.into_iter().flatten().find(|(_, encoding)| encoding.is_some())
            {
                read.entry(encoding.name()).or_insert_with(|| (0, text.into_owned())).0 += 1;
            }
        }
        let path = shown(path);
        let start = format!(
            "{} in {path} {} not UTF-8",
            counted(all, "name", "names"),
            if all == 1 { "is" } else { "are" }
        );
        let alternatives = first.map(alternatives).unwrap_or_default();
        let escaped = format!("their bytes are shown as \\x and two digits{alternatives}");
        let example = |(encoding, (count, name)): (&&str, &(usize, String))| {
            format!("{count} as {encoding} (such as '{}')", shown_name(name))
        };
        let counts = read.iter().map(example).collect::<Vec<_>>().join(", ");
        const RENAME: &str = "if one is wrong, rename the files to names in UTF-8, or pack them again so";
        match (all, unclear) {
            (0, _) => None,
            (_, 0) if read.len() == 1 => {
                Some(format!("{start}: read as {}", read.into_keys().next().unwrap_or_default()))
            }
            _ if read.is_empty() => Some(format!("{start}, and their encoding is unclear: {escaped}")),
            (_, 0) => Some(format!("{start}: {counts}; {RENAME}")),
            _ => Some(format!(
                "{start}: {counts}, and {unclear} whose encoding is unclear: {escaped}; {RENAME}"
            )),
        }
    }
}

/// What a name of unclear encoding may be, for a message; empty if nothing is known.
fn alternatives(name: &[u8]) -> String {
    let readings = Encodings::readings(name);
    let readings: Vec<String> = readings
        .iter()
        .map(|(text, encoding)| format!("'{}' ({})", shown_name(text), encoding.name()))
        .collect();
    match readings.is_empty() {
        true => String::new(),
        false => format!(" ({} may be {})", escape_bytes(name), readings.join(" or ")),
    }
}

/// The name, or with ` (2)`, ` (3)` ... before its ending where it is taken.
pub fn unique(name: &str, is_taken: impl Fn(&str) -> bool) -> String {
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

/// What the spellings of one class have in common: Unicode form and width, letters without a width, space, case, and how
/// a whole number is written (`1`, `01`, `1.0`). Upper and lower case of one letter are classes of their own, as in sets of handwriting.
pub fn class_key(name: &str) -> String {
    let clean = plain_name(name);
    match whole_number(&clean) {
        Some(number) => number,
        None if clean.chars().count() > 1 => folded(&clean),
        None => clean,
    }
}

/// A class's name as people see it: letters of full width are ordinary ones, invisible ones are left out, and any space is
/// one space.
fn plain_name(name: &str) -> String {
    let is_seen = |letter: &char| !has_no_width(*letter);
    let seen: String = name.nfc().filter(is_seen).collect();
    let plain: String = match seen.trim().chars().count() {
        // Of single letters, compatible forms may be classes: 1 and its circled form.
        1 => seen.trim().chars().map(half_width).collect(),
        _ => seen.nfkc().filter(is_seen).collect(),
    };
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The ordinary form of a letter of full width.
fn half_width(letter: char) -> char {
    match letter {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(letter as u32 - 0xfee0).unwrap_or(letter),
        _ => letter,
    }
}

/// Letters without a width: joiners, soft hyphens and marks.
fn has_no_width(letter: char) -> bool {
    matches!(
        letter,
        '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{fe0f}' | '\u{feff}'
    )
}

/// A whole number without a sign of plus, leading zeros, and zeros behind a decimal point, in ASCII digits.
pub(super) fn whole_number(text: &str) -> Option<String> {
    let text: String = text.chars().map(ascii_digit).collect();
    let (sign, digits) = match text.strip_prefix(['-', '\u{2212}']) {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(&text)),
    };
    let (whole, rest) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = !whole.is_empty() && whole.bytes().all(|byte| byte.is_ascii_digit());
    (is_number && rest.bytes().all(|byte| byte == b'0')).then(|| match whole.trim_start_matches('0') {
        "" => "0".to_owned(),
        short => format!("{sign}{short}"),
    })
}

/// A decimal digit of another script as an ASCII digit; other letters as they are.
fn ascii_digit(letter: char) -> char {
    // The zeros of Arabic, Persian, Devanagari, Bengali, Thai and full width.
    const ZEROS: [u32; 6] = [0x660, 0x6f0, 0x966, 0x9e6, 0xe50, 0xff10];
    let digit = ZEROS.iter().find_map(|zero| (letter as u32).checked_sub(*zero).filter(|digit| *digit < 10));
    digit.and_then(|digit| char::from_digit(digit, 10)).unwrap_or(letter)
}

/// A name for comparison: in Unicode's composed form, in lower case. A final sigma is an ordinary one, and the dot of a
/// Turkish `İ` is that of `i`.
pub(super) fn folded(name: &str) -> String {
    let lower = name.nfc().flat_map(char::to_lowercase).collect::<String>();
    if !lower.contains(['\u{3c2}', '\u{307}']) {
        return lower;
    }
    lower.replace('\u{3c2}', "\u{3c3}").replace("i\u{307}", "i")
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

/// A name in a list of names in a message: as [`shown_name`], in quotes if it has a comma itself.
pub fn listed_name(name: &str) -> String {
    match name.contains([',', ';', '\u{ff0c}', '\u{3001}']) {
        true => format!("'{}'", shown_name(name)),
        false => shown_name(name).to_string(),
    }
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

/// Control characters, line separators, spaces without a width, and marks that change the direction of text.
pub(super) fn is_invisible(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{ad}' | '\u{200b}' | '\u{2060}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use encoding_rs::{BIG5, EUC_KR, GBK, SHIFT_JIS, WINDOWS_1251, WINDOWS_1252};

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
            let decoded: Vec<String> = raw.iter().map(|name| decoder.decode_path(name)).collect();
            assert_eq!(decoded, names, "{}", encoding.name());
        }
    }

    #[test]
    fn unclear_names_stay_bytes_and_distinct() {
        let raw: [&[u8]; 3] = [b"a\xff.png", b"a\xfe.png", "\u{e9}.png".as_bytes()];
        let decoder = Decoder::of(raw.into_iter());
        assert_eq!(raw.map(|name| decoder.decode(name)), ["a\\xFF.png", "a\\xFE.png", "é.png"]);
        let notice = decoder.notice(Path::new("x.zip"), raw.into_iter().take(2)).unwrap();
        assert!(notice.contains("2 names in x.zip"), "{notice}");
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
        let listed = ["Rose", "Tulpe, rot", "a;b", "튤립、빨강", "\u{1b},"].map(listed_name);
        assert_eq!(listed, ["Rose", "'Tulpe, rot'", "'a;b'", "'튤립、빨강'", "'\\u{1b},'"]);
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
        for (a, b) in [
            ("1", "1.0"),
            ("01", "1"),
            ("Cat ", "cat"),
            ("0", "00"),
            ("-1", "-1.0"),
            ("+1", "1"),
            ("-0", "0"),
            ("\u{2212}1", "-1"),
            ("\u{661}\u{662}", "12"),
            ("\u{6f3}", "3"),
            ("\u{967}.\u{966}", "1"),
        ] {
            assert_eq!(class_key(a), class_key(b), "{a} and {b}");
        }
        for (a, b) in [
            ("cat", "c\u{200b}at"),
            ("cat", "\u{feff}cat\u{200b}"),
            ("cat", "\u{ff43}\u{ff41}\u{ff54}"),
            ("big cat", "big\u{a0}cat"),
            ("big cat", "big\u{3000} cat"),
            ("12", "\u{ff11}\u{ff12}"),
            ("1", "\u{ff11}"),
            ("\u{ff76}\u{ff9e}\u{ff9d}", "\u{30ac}\u{30f3}"),
            ("\u{3a3}\u{391}\u{3a3}", "\u{3c3}\u{3b1}\u{3c2}"),
            ("\u{130}zmir", "izmir"),
        ] {
            assert_eq!(class_key(a), class_key(b), "{a} and {b}");
        }
        for (a, b) in [
            ("bigcat", "big cat"),
            ("1", "\u{2460}"),
            ("a", "A"),
            ("1", "10"),
            ("1.5", "1"),
            ("0", "O"),
            ("v1", "v01"),
            ("+", "-"),
            ("-1", "1"),
            ("++1", "1"),
            ("\u{661}a", "1a"),
        ] {
            assert_ne!(class_key(a), class_key(b), "{a} and {b}");
        }
        assert_eq!(folded("Cafe\u{301}"), folded("CAF\u{c9}"));
        assert_eq!(class_name(" Cafe\u{301}\t"), "Caf\u{e9}");
    }
}
