//! What is passed over in reading a line: byte order marks, NULs, and the colours of terminals. The
//! line itself passes as it came.

use super::json;
use std::borrow::Cow;

/// What some editors and tools put in front of a file.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
/// The byte that escape sequences begin with, and how rsyslog writes it.
const ESCAPE: u8 = 0x1b;
const WRITTEN_ESCAPE: &[u8] = b"#033";

/// How many bytes in front of the text say nothing: byte order marks, and the NULs that stand where
/// a file was truncated under its writer.
#[inline]
pub(super) fn lead(line: &[u8]) -> usize {
    match line.first() {
        Some(0 | 0xEF) => long_lead(line),
        _ => 0,
    }
}

#[cold]
fn long_lead(line: &[u8]) -> usize {
    let mut at = 0;
    loop {
        at += line[at..].iter().take_while(|byte| **byte == 0).count();
        if !line[at..].starts_with(BYTE_ORDER_MARK) {
            return at;
        }
        at += BYTE_ORDER_MARK.len();
    }
}

/// Whether the line may have sequences that colour it.
#[inline]
pub(super) fn is_coloured(line: &[u8]) -> bool {
    memchr::memchr2_iter(ESCAPE, b'#', line).any(|at| line[at] == ESCAPE || line[at..].starts_with(WRITTEN_ESCAPE))
}

/// The line without the sequences that colour it.
pub(super) fn without_colours(line: &[u8]) -> Cow<'_, [u8]> {
    if !is_coloured(line) {
        return Cow::Borrowed(line);
    }
    let mut plain = Vec::with_capacity(line.len());
    strip_colours(line, &mut plain);
    Cow::Owned(plain)
}

/// Appends the line without the sequences that colour it to `out`.
pub(super) fn strip_colours(line: &[u8], out: &mut Vec<u8>) {
    each_plain(line, |_, piece| out.extend_from_slice(piece));
}

/// Calls `each` with the pieces between sequences that colour, and where they begin.
pub(super) fn each_plain<'a>(line: &'a [u8], mut each: impl FnMut(usize, &'a [u8])) {
    let (mut from, mut at) = (0, 0);
    while let Some(found) = memchr::memchr2(ESCAPE, b'#', &line[at..]) {
        let length = sequence(&line[at + found..]);
        at += found;
        if length == 0 {
            // A sign that begins no sequence is text.
            at += 1;
            continue;
        }
        each(from, &line[from..at]);
        at += length;
        from = at;
    }
    each(from, &line[from..]);
}

/// The length of the escape sequence at the start of `text` (ECMA-48, 5.4 and 8.3); 0 if there is
/// none.
fn sequence(text: &[u8]) -> usize {
    let lead = match text {
        [ESCAPE, ..] => 1,
        _ if text.starts_with(WRITTEN_ESCAPE) => WRITTEN_ESCAPE.len(),
        _ => return 0,
    };
    let rest = &text[lead..];
    match rest.first() {
        Some(b'[') => {
            let parameters = rest[1..].iter().take_while(|byte| (0x20..0x40).contains(*byte)).count();
            match rest.get(1 + parameters) {
                Some(0x40..0x7F) => lead + parameters + 2,
                _ => lead + 1,
            }
        }
        // A title or a link: up to the bell or the string's end.
        Some(b']') => match rest.iter().position(|byte| matches!(*byte, 0x07 | ESCAPE)) {
            Some(end) if rest[end] == 0x07 => lead + end + 1,
            Some(end) if rest.get(end + 1) == Some(&b'\\') => lead + end + 2,
            Some(end) => lead + end,
            None => lead + 1,
        },
        Some(byte) if byte.is_ascii_graphic() && lead == 1 => lead + 1,
        _ => lead,
    }
}

/// A whole JSON value that is no object. What only looks like one (`[notice] child found`) is text.
pub(super) fn is_other_json(text: &[u8]) -> bool {
    let text = text.trim_ascii_end();
    match text.first() {
        Some(b'[') => text.ends_with(b"]") && json::validate(text),
        Some(b'"') => text.ends_with(b"\"") && json::validate(text),
        Some(b'-' | b'0'..=b'9') => text.last().is_some_and(u8::is_ascii_digit) && json::validate(text),
        Some(b't' | b'f' | b'n') => matches!(text, b"true" | b"false" | b"null"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn marks_in_front_are_passed_over() {
        for (line, expected) in
            [("\u{feff}x", 3), ("\0\0\0x", 3), ("\0\u{feff}\0x", 5), ("x\0", 0), ("", 0), ("\0", 1), ("é", 0)]
        {
            assert_eq!(lead(line.as_bytes()), expected, "{line:?}");
        }
    }

    #[test]
    fn colours_are_passed_over() {
        for (line, expected) in [
            ("\u{1b}[31mERROR\u{1b}[0m x", "ERROR x"),
            ("\u{1b}[1;38;5;208mx\u{1b}[m", "x"),
            ("#033[31mERROR#033[0m x", "ERROR x"),
            ("\u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{1b}\\", "link"),
            ("\u{1b}]0;title\u{7}x", "x"),
            ("\u{1b}]0;title\u{1b}[31mx", "x"),
            ("\u{1b}]0;title\u{1b}éx", "éx"),
            ("\u{1b}[2Kx\u{1b}[?25l", "x"),
            ("a # b #03 c", "a # b #03 c"),
            ("x\u{1b}", "x"),
            ("x\u{1b}[", "x"),
            ("x\u{1b}[3", "x3"),
        ] {
            assert_eq!(String::from_utf8_lossy(&without_colours(line.as_bytes())), expected, "{line:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_stays_text(line in "([a-z# é]|\\x1b|\\[|#033|[0-9;]|m|\\]|\\x07){0,40}") {
            let plain = without_colours(line.as_bytes()).into_owned();
            prop_assert!(std::str::from_utf8(&plain).is_ok());
            prop_assert!(!is_coloured(&plain) || !is_coloured(line.as_bytes()) || plain.len() < line.len());
        }
    }
}
