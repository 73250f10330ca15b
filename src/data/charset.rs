//! Encodings of names: those of the web, and the code pages of DOS, in which zip programs write names.

use std::borrow::Cow;

use encoding_rs::{Encoding, WINDOWS_1252};

/// An encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Charset {
    Web(&'static Encoding),
    Dos(CodePage),
}

/// A code page of DOS for languages of Western Europe. The letters of 437 are also those of 850.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CodePage {
    Cp437,
    Cp850,
}

/// The letters of code page 850 from 0x80 on; spaces stand for what is no letter.
const LETTERS: &str = "\
    ÇüéâäàåçêëèïîìÄÅ\
    ÉæÆôöòûùÿÖÜø\x20Ø\x20\x20\
    áíóúñÑ\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\
    \x20\x20\x20\x20\x20ÁÂÀ\x20\x20\x20\x20\x20\x20\x20\x20\
    \x20\x20\x20\x20\x20\x20ãÃ\x20\x20\x20\x20\x20\x20\x20\x20\
    ðÐÊËÈ\x20ÍÎÏ\x20\x20\x20\x20\x20Ì\x20\
    ÓßÔÒõÕ\x20þÞÚÛÙýÝ\x20\x20\
    \x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20";

impl Charset {
    pub fn name(self) -> &'static str {
        match self {
            Self::Web(encoding) => encoding.name(),
            Self::Dos(CodePage::Cp437) => "CP437",
            Self::Dos(CodePage::Cp850) => "CP850",
        }
    }

    /// Bytes as text; `None` if they are not in the encoding, or in a code page have what is no letter.
    pub fn decode(self, name: &[u8]) -> Option<Cow<'_, str>> {
        match self {
            Self::Web(encoding) => encoding.decode_without_bom_handling_and_without_replacement(name),
            Self::Dos(_) => name.iter().map(|byte| letter(*byte)).collect::<Option<String>>().map(Cow::Owned),
        }
    }
}

/// A byte of code page 850, if it is ASCII or a letter.
fn letter(byte: u8) -> Option<char> {
    match byte.checked_sub(0x80) {
        None => Some(byte.into()),
        Some(place) => LETTERS.chars().nth(place.into()).filter(|letter| *letter != ' '),
    }
}

/// The code page of DOS that these names are in, if one is told: they have accents among ASCII letters in it, and none in
/// the encoding of Windows.
pub(super) fn code_page(names: &[&[u8]]) -> Option<CodePage> {
    let dos = Charset::Dos(CodePage::Cp850);
    let reads =
        |charset: Charset| names.iter().all(|name| charset.decode(name).is_some_and(|text| has_words(&text)));
    let bytes = || names.iter().flat_map(|name| name.iter());
    let plain = bytes().filter(|byte| byte.is_ascii_alphabetic()).count();
    let other = || bytes().filter(|byte| !byte.is_ascii());
    // Two bytes beside each other may be a letter of an Asian encoding.
    let is_pair =
        |pair: &[u8]| !pair[0].is_ascii() && !pair[1].is_ascii() && pair[1] != SHARP_S && pair[0] != pair[1];
    let is_told = !names.is_empty()
        // The letter behind each may be its second byte.
        && plain >= 3 * other().count()
        && !names.iter().any(|name| name.windows(2).any(is_pair))
        && reads(dos)
        && !reads(Charset::Web(WINDOWS_1252));
    // The letters that both pages have at the same place.
    let is_common = |byte: &u8| matches!(*byte, 0x80..=0x9a | 0xa0..=0xa5 | SHARP_S);
    is_told.then(|| if other().all(is_common) { CodePage::Cp437 } else { CodePage::Cp850 })
}

/// In code pages 437 and 850, where it often follows an umlaut.
const SHARP_S: u8 = 0xe1;

/// Whether letters outside ASCII are letters, and none is a capital inside a word of small ones.
fn has_words(text: &str) -> bool {
    let mut before = ' ';
    text.chars().all(|letter| {
        let is_inside = before.is_lowercase() && letter.is_uppercase();
        before = letter;
        letter.is_ascii() || (letter.is_alphabetic() && !is_inside)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_pages_have_128_places() {
        assert_eq!(LETTERS.chars().count(), 128);
        for (byte, expected) in [
            (b'a', Some('a')),
            (0x81, Some('ü')),
            (0x9b, Some('ø')),
            (0xa4, Some('ñ')),
            (0xb0, None),
            (0xb5, Some('Á')),
            (0xc6, Some('ã')),
            (0xd2, Some('Ê')),
            (0xe1, Some('ß')),
            (0xe9, Some('Ú')),
            (0xff, None),
        ] {
            assert_eq!(letter(byte), expected, "{byte:02x}");
        }
    }

    #[test]
    fn code_pages_are_told_from_words() {
        for (names, expected) in [
            (&[&b"M\x81ller"[..], b"Stra\xe1e", b"Gr\x94\xe1e"][..], Some(CodePage::Cp437)),
            (&[b"caf\x82", b"p\x8are"], Some(CodePage::Cp437)),
            (&[b"Sm\x9brrebr\x9bd"], Some(CodePage::Cp850)),
            (&[b"p\xc6o de queijo", b"ma\x87\xc6"], None),
            (&[b"p\xc6o de queijo", b"pera"], Some(CodePage::Cp850)),
            // As Windows writes them.
            (&["café".as_bytes()], None),
            (&[b"caf\xe9", b"M\xfcller"], None),
            // Too few letters, boxes, and what may be Asian.
            (&[b"\x82t\x82"], None),
            (&[b"box\xb3es"], None),
            (&[b"class_\x8c\xa2"], None),
            (&[], None),
        ] {
            assert_eq!(code_page(names), expected, "{names:?}");
        }
    }
}
