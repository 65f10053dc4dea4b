//! Small pieces that all readers of layouts share: words, brackets, numbers.

use std::ops::Range;

pub(super) use super::super::json::digits;
use super::super::level::Level;

/// The word at `at`: up to the next space or tab; the empty one at the end of the line if `at` is
/// beyond.
pub(super) fn word(line: &[u8], at: usize) -> Range<usize> {
    let at = at.min(line.len());
    let rest = &line[at..];
    at..at + memchr::memchr2(b' ', b'\t', rest).unwrap_or(rest.len())
}

/// Where the spaces and tabs at `at` end.
pub(super) fn skip_spaces(line: &[u8], mut at: usize) -> usize {
    while matches!(line.get(at), Some(b' ' | b'\t')) {
        at += 1;
    }
    at
}

/// The inside of the bracket that opens at `at`, up to the one that closes it, and none if that is
/// missing.
pub(super) fn inside(line: &[u8], at: usize) -> Option<Range<usize>> {
    let open = *line.get(at)?;
    let close = match open {
        b'[' => b']',
        b'(' => b')',
        b'<' => b'>',
        b'{' => b'}',
        _ => return None,
    };
    let mut depth = 0_usize;
    for place in memchr::memchr2_iter(open, close, &line[at..]) {
        if line[at + place] == open {
            depth += 1;
        } else {
            depth -= 1;
            if depth == 0 {
                return Some(at + 1..at + place);
            }
        }
    }
    None
}

/// The range without the spaces at its ends.
pub(super) fn trim(line: &[u8], range: Range<usize>) -> Range<usize> {
    let text = &line[range.clone()];
    let start = range.start + (text.len() - text.trim_ascii_start().len());
    start..start + text.trim_ascii().len()
}

/// Whether the text is a number by JSON's grammar, and of a size that readers of JSON can hold; a
/// long run of digits, or one with an `E` and many digits in it, is an identifier.
pub(super) fn is_number(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let whole = digits(text, 0);
    if text.len() > 64 || whole == 0 || (whole > 1 && text[0] == b'0') {
        return false;
    }
    let mut end = whole;
    if text.get(end) == Some(&b'.') {
        let fraction = digits(text, end + 1);
        if fraction == end + 1 {
            return false;
        }
        end = fraction;
    }
    if matches!(text.get(end), Some(b'e' | b'E')) {
        let start = end + 1 + usize::from(matches!(text.get(end + 1), Some(b'+' | b'-')));
        end = digits(text, start);
        if !(1..=2).contains(&(end - start)) {
            return false;
        }
    }
    end == text.len()
}

/// By the first letter of levels' names, the second ones, as bits.
const SECOND_LETTERS: [u32; 32] = {
    const STARTS: &[u8; 44] = b"innowawrerdedbfifafttrvevrcrcoseemalpadppnfe";
    let (mut letters, mut at) = ([0; 32], 0);
    while at < STARTS.len() {
        letters[STARTS[at] as usize & 31] |= pair_bit(STARTS[at], STARTS[at + 1]);
        at += 2;
    }
    letters
};

/// The bit of the second of two small letters; none where one of them is no letter.
const fn pair_bit(first: u8, second: u8) -> u32 {
    if first.is_ascii_lowercase() && second.is_ascii_lowercase() { 1 << (second & 31) } else { 0 }
}

/// The word at `at`, if it is a level's name: letters alone and numbers are too little to go by.
///
/// A digit or a step behind it belongs to it where OpenTelemetry or Go's slog writes one: `INFO3`,
/// `ERROR+2`.
pub(super) fn level_word(line: &[u8], at: usize) -> Option<(Level, Range<usize>)> {
    let rest = line.get(at..)?;
    let first = *rest.first()?;
    if first >= 0x80 {
        return foreign_level(rest).map(|(level, length)| (level, at..at + length));
    }
    // Most words fail on their first two letters, without a look at the rest.
    let second = rest.get(1)? | 32;
    if SECOND_LETTERS[usize::from(first | 32) & 31] & pair_bit(first | 32, second) == 0 {
        return None;
    }
    let length = rest.iter().take(14).take_while(|byte| byte.is_ascii_alphabetic()).count();
    if length < 3 {
        return None;
    }
    let word = &rest[..length];
    // `Note:` begins many a text; where databases mean a level by it, their layouts know.
    if word.eq_ignore_ascii_case(b"note") {
        return None;
    }
    let level = Level::from_text(word).or_else(|| shortened_level(word))?;
    let step = match rest.get(length..) {
        Some([b'2'..=b'4', ..]) if is_capitals(word) => 1,
        Some([b'+' | b'-', b'0'..=b'9', ..]) if is_capitals(word) => 1 + digits(&rest[length + 1..], 0),
        Some([b'!', ..]) if word.len() == 3 => 1,
        _ => 0,
    };
    let next = rest.get(length + step).copied().unwrap_or(b' ');
    let ends = step == 0 || !(next.is_ascii_alphanumeric() || next == b'_');
    ends.then_some((level, at..at + length + step))
}

/// The four letters to which logrus and slog-term cut levels, where these are no word for one.
fn shortened_level(word: &[u8]) -> Option<Level> {
    Some(match word {
        b"FATA" | b"PANI" => Level::Fatal,
        b"DEBU" => Level::Debug,
        b"TRAC" => Level::Trace,
        _ => return None,
    })
}

/// A level in a script without ASCII, up to the first mark of that script.
fn foreign_level(text: &[u8]) -> Option<(Level, usize)> {
    let end = text.iter().take(27).position(u8::is_ascii).unwrap_or(text.len().min(27));
    let word = &text[..end];
    let word = std::str::from_utf8(word).or_else(|cut| std::str::from_utf8(&word[..cut.valid_up_to()])).ok()?;
    let word = word.split(['：', '】', '」', '，', '、', '　', '。']).next()?;
    Level::from_text(word.as_bytes()).map(|level| (level, word.len()))
}

/// Whether all of it are capitals.
pub(super) fn is_capitals(word: &[u8]) -> bool {
    word.iter().all(|byte| byte.is_ascii_uppercase())
}

/// Whether a key of `key=value` names the level.
pub(super) fn is_level_key(key: &[u8]) -> bool {
    matches!(key, b"level" | b"lvl" | b"severity" | b"loglevel" | b"log_level")
}

/// The inside of the string whose quote is at `at`, with its escapes, and none if the quote that
/// closes is missing.
pub(super) fn quoted(line: &[u8], at: usize) -> Option<Range<usize>> {
    let start = at + 1;
    if line.get(at) != Some(&b'"') {
        return None;
    }
    let mut end = start;
    loop {
        end += memchr::memchr2(b'"', b'\\', &line[end..])?;
        if line[end] == b'"' {
            return Some(start..end);
        }
        // What is escaped cannot end the string; at the end of the line there is nothing to escape.
        end = (end + 2).min(line.len());
    }
}

/// Whether a word is a dotted name as those of classes and modules are: two points at least, and no
/// part a number.
pub(super) fn is_dotted(word: &[u8]) -> bool {
    dotted_parts(word) > 2
}

/// Whether it has one point at least.
pub(super) fn is_dotted_pair(word: &[u8]) -> bool {
    dotted_parts(word) > 1
}

/// How many names with points between them a word is; 0 if one of them is none.
fn dotted_parts(word: &[u8]) -> usize {
    let mut parts = 0;
    for part in word.split(|byte| *byte == b'.') {
        let name = part.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$'));
        if !name || !part.first().is_some_and(|first| first.is_ascii_alphabetic() || *first == b'_') {
            return 0;
        }
        parts += 1;
    }
    parts
}
