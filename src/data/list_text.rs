//! The text of a list, whatever program saved it.

/// Why a list's bytes are not text.
pub(super) struct NotText {
    /// The first line with such bytes, from 1.
    pub line: u64,
    pub found: &'static str,
}

/// What to do about a list that is not text.
pub(super) const SAVE_AS_UTF8: &str =
    "save the file as UTF-8 (a spreadsheet calls it 'CSV UTF-8'), or correct or remove the line";

/// The text of a list: UTF-8, with or without a byte order mark, or UTF-16 with one.
///
/// # Errors
/// When the bytes are neither.
pub(super) fn text(bytes: &[u8]) -> Result<String, NotText> {
    let text = decoded(bytes)?;
    // Lines that end as on old Macintosh computers, which some spreadsheets still write.
    Ok(if text.contains('\n') { text } else { text.replace('\r', "\n") })
}

fn decoded(bytes: &[u8]) -> Result<String, NotText> {
    let utf16 = |bytes: &[u8], word: fn([u8; 2]) -> u16| {
        let words = bytes.chunks_exact(2).map(|pair| word([pair[0], pair[1]]));
        let text: Result<String, _> = char::decode_utf16(words).collect();
        text.map_err(|_| NotText { line: 1, found: "damaged UTF-16" })
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => return utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => return utf16(rest, u16::from_be_bytes),
        _ => {}
    }
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let line_of = |at: usize| bytes[..at].iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
    if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
        return Err(NotText { line: line_of(at), found: "UTF-16 without a byte order mark, or binary data" });
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => Err(NotText { line: line_of(error.valid_up_to()), found: "bytes that are not UTF-8" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_by_its_mark() {
        let utf16 = |mark: [u8; 2], bytes: fn(u16) -> [u8; 2]| {
            [mark.to_vec(), "a,é\n고".encode_utf16().flat_map(bytes).collect()].concat()
        };
        for bytes in [
            utf16([0xff, 0xfe], u16::to_le_bytes),
            utf16([0xfe, 0xff], u16::to_be_bytes),
            "\u{feff}a,é\n고".as_bytes().to_vec(),
            "a,é\n고".as_bytes().to_vec(),
        ] {
            assert!(text(&bytes).is_ok_and(|text| text == "a,é\n고"));
        }
        assert!(text(b"a\rb\r").is_ok_and(|text| text == "a\nb\n"));
        assert!(text(b"a\nb\n\xb0\xed").is_err_and(|error| error.line == 3));
        assert!(text(b"a\0,\0").is_err_and(|error| error.found.contains("UTF-16")));
    }
}
