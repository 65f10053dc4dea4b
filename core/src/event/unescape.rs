//! JSON string escapes, both ways. Off the hot path: only what is asked for and has a backslash
//! comes here.

use super::json::plain_end;
use std::borrow::Cow;

/// Appends the text of `raw`, the inside of a JSON string, to `out`.
///
/// Lone surrogates become U+FFFD: this text is for reading, the event's own bytes are not changed.
/// What is no escape of JSON stays as it is written.
pub fn unescape_into(raw: &[u8], out: &mut Vec<u8>) {
    let mut rest = raw;
    while let Some(i) = memchr::memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..i]);
        let (text, used) = one_escape(&rest[i..]);
        let mut buffer = [0; 4];
        out.extend_from_slice(text.encode_utf8(&mut buffer).as_bytes());
        rest = &rest[i + used..];
    }
    out.extend_from_slice(rest);
}

/// The text of `raw`, the inside of a JSON string; borrowed when there is nothing to unescape.
#[must_use]
pub fn unescape(raw: &[u8], escaped: bool) -> Cow<'_, str> {
    if !escaped {
        // Nearly all of it is valid, which this tells sooner.
        return simdutf8::basic::from_utf8(raw).map_or_else(|_| String::from_utf8_lossy(raw), Cow::Borrowed);
    }
    let mut out = Vec::with_capacity(raw.len());
    unescape_into(raw, &mut out);
    Cow::Owned(String::from_utf8(out).unwrap_or_else(|bad| String::from_utf8_lossy(bad.as_bytes()).into_owned()))
}

/// True when a backslash with this letter behind it is in `text`: most texts have no backslash.
#[inline]
#[must_use]
pub fn has_escape(text: &[u8], letter: u8) -> bool {
    memchr::memchr_iter(b'\\', text).any(|at| text.get(at + 1) == Some(&letter))
}

/// The character that the escape at the start of `text` stands for, and the bytes it took.
pub(super) fn one_escape(text: &[u8]) -> (char, usize) {
    let simple = match text.get(1) {
        Some(b'n') => '\n',
        Some(b't') => '\t',
        Some(b'r') => '\r',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(&byte @ (b'"' | b'\\' | b'/')) => byte as char,
        Some(b'u') => return unicode_escape(text),
        // `C:\\Users`, `\\xC3`: not an escape of JSON, so it stays as it is written.
        Some(_) | None => return ('\\', 1),
    };
    (simple, 2)
}

fn unicode_escape(text: &[u8]) -> (char, usize) {
    let Some(first) = hex4(text, 2) else { return (char::REPLACEMENT_CHARACTER, 2) };
    if (0xD800..0xDC00).contains(&first)
        && text.get(6..8) == Some(b"\\u")
        && let Some(second) = hex4(text, 8)
        && (0xDC00..0xE000).contains(&second)
    {
        let code = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
        return (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 12);
    }
    (char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), 6)
}

fn hex4(text: &[u8], at: usize) -> Option<u32> {
    text.get(at..at + 4)?.iter().try_fold(0, |code, &byte| Some(code << 4 | (byte as char).to_digit(16)?))
}

/// Appends `text` as the inside of a JSON string. `text` is valid UTF-8.
pub fn escape_into(text: &[u8], out: &mut Vec<u8>) {
    let mut clean = 0;
    while let Some(special) = plain_end(text, clean) {
        out.extend_from_slice(&text[clean..special]);
        clean = special + 1;
        match text[special] {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            byte => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                out.extend_from_slice(b"\\u00");
                out.push(HEX[(byte >> 4) as usize]);
                out.push(HEX[(byte & 15) as usize]);
            }
        }
    }
    out.extend_from_slice(&text[clean..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escapes_are_read_as_json_says() {
        assert_eq!(unescape(br#"a\n\"\\\/\u00e9\ud83d\ude00z"#, true), "a\n\"\\/é😀z");
        assert_eq!(unescape(br"\ud83d x \q \u12", true), "\u{fffd} x \\q \u{fffd}12");
        assert_eq!(unescape(br"C:\Users \xC3", true), r"C:\Users \xC3");
        assert_eq!(unescape(b"\\", true), "\\");
    }

    proptest! {
        #[test]
        fn escaping_and_serde_json_agree(text in any::<String>()) {
            let mut out = b"\"".to_vec();
            escape_into(text.as_bytes(), &mut out);
            out.push(b'"');
            prop_assert_eq!(&serde_json::from_slice::<String>(&out).unwrap(), &text);
            prop_assert_eq!(unescape(&out[1..out.len() - 1], true), text);
        }
    }
}
