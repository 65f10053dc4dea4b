//! Zones as they are written behind a time: offsets and abbreviations.

use super::cursor::Cursor;

/// Whether what ends at `end` is not the beginning of a longer word or number.
#[inline]
pub(super) fn ends_word(text: &[u8], end: usize) -> bool {
    !text.get(end).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80)
}

/// The zone at `at`, with at most one space before it, as seconds east of UTC and where it ends.
pub(super) fn zone(text: &[u8], at: usize) -> Option<(i32, usize)> {
    match *text.get(at)? {
        b'Z' | b'z' => Some((0, at + 1)),
        b'+' | b'-' => offset(text, at).filter(|(_, end)| ends_word(text, *end)),
        b' ' => {
            let start = at + 1;
            if !matches!(text.get(start)?, b'+' | b'-') {
                return zone_name(text, start);
            }
            // Behind a space a lone `-07` is more likely a word of the message.
            let (seconds, end) = offset(text, start).filter(|(_, end)| end - start >= 5 && ends_word(text, *end))?;
            // Some write the offset and its name.
            match text.get(end) {
                Some(b' ') => Some((seconds, zone_name(text, end + 1).map_or(end, |(_, end)| end))),
                _ => Some((seconds, end)),
            }
        }
        _ => None,
    }
}

/// Abbreviations of zones, and their hours east of UTC. EST, CST and MST are the American ones.
/// AST, BST, IST and SST are left out, for each is the name of several zones in wide use.
const ZONES: [(&[u8], i32); 14] = [
    (b"UTC", 0),
    (b"GMT", 0),
    (b"Z", 0),
    (b"EST", -5),
    (b"EDT", -4),
    (b"CST", -6),
    (b"CDT", -5),
    (b"MST", -7),
    (b"MDT", -6),
    (b"PST", -8),
    (b"PDT", -7),
    (b"CET", 1),
    (b"CEST", 2),
    (b"EEST", 3),
];

pub(super) fn zone_name(text: &[u8], at: usize) -> Option<(i32, usize)> {
    let word = &text[at..];
    let length = word.iter().take(5).take_while(|byte| byte.is_ascii_uppercase()).count();
    let word = &word[..length];
    let (_, hours) = ZONES.iter().find(|(name, _)| *name == word)?;
    ends_word(text, at + length).then_some((hours * 3600, at + length))
}

/// `+hh:mm`, `+hhmm` or `+hh` at `at`, as seconds east of UTC and where it ends.
pub(super) fn offset(text: &[u8], at: usize) -> Option<(i32, usize)> {
    let mut cursor = Cursor { text, at };
    let sign = if cursor.one_of(b"+-")? == b'-' { -1 } else { 1 };
    let hours = cursor.number(2, 2)?;
    let minutes = if cursor.peek() == b':' {
        cursor.at += 1;
        cursor.number(2, 2)?
    } else {
        cursor.number(2, 2).unwrap_or(0)
    };
    if hours > 23 || minutes > 59 {
        return None;
    }
    Some((sign * (hours * 3600 + minutes * 60) as i32, cursor.at))
}
