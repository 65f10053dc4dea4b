//! What a word's own characters say: is it a variable?

use super::scan::{DIGIT, DOT, LOWER, Piece, SIGN, SLASH, UPPER, WIDE};
use super::{PartKind, VARIABLE};

/// Endings of files and of host names; `a.log` and `example.com` are variables, `a.b` is a word.
const ENDINGS: &[&[u8]] = &[
    b"apk",
    b"arpa",
    b"au",
    b"bak",
    b"biz",
    b"br",
    b"bz2",
    b"c",
    b"ca",
    b"cab",
    b"cat",
    b"cc",
    b"cfg",
    b"cn",
    b"com",
    b"conf",
    b"corp",
    b"cpp",
    b"crt",
    b"css",
    b"csv",
    b"cz",
    b"dat",
    b"db",
    b"de",
    b"deb",
    b"dex",
    b"dll",
    b"dump",
    b"edu",
    b"es",
    b"eu",
    b"exe",
    b"fr",
    b"gif",
    b"go",
    b"gov",
    b"gz",
    b"h",
    b"home",
    b"htm",
    b"html",
    b"in",
    b"info",
    b"ini",
    b"int",
    b"internal",
    b"io",
    b"it",
    b"jar",
    b"java",
    b"jp",
    b"jpg",
    b"js",
    b"json",
    b"jsp",
    b"key",
    b"ko",
    b"kr",
    b"lan",
    b"local",
    b"localdomain",
    b"lock",
    b"log",
    b"mil",
    b"mum",
    b"net",
    b"nl",
    b"org",
    b"parquet",
    b"pem",
    b"php",
    b"pid",
    b"pl",
    b"png",
    b"properties",
    b"py",
    b"rb",
    b"rpm",
    b"rrd",
    b"rs",
    b"ru",
    b"se",
    b"service",
    b"sh",
    b"so",
    b"sock",
    b"socket",
    b"sql",
    b"sys",
    b"tar",
    b"timer",
    b"tmp",
    b"tw",
    b"txt",
    b"uk",
    b"us",
    b"war",
    b"xml",
    b"yaml",
    b"yml",
    b"zip",
    b"zst",
];

/// A word without the marks that end a sentence.
#[inline]
pub(super) fn trimmed(word: &[u8]) -> &[u8] {
    let end = word.iter().rposition(|byte| !matches!(byte, b'.' | b'!' | b'?')).map_or(0, |i| i + 1);
    &word[..end]
}

/// What a word is; `before_port` when a colon and a digit follow it at once.
#[inline]
pub(super) fn kind(piece: &Piece, text: &[u8], before_port: bool) -> PartKind {
    const PLAIN: u8 = UPPER | LOWER;
    let word = piece.of(text);
    if piece.has & WIDE != 0 {
        return if piece.has & DIGIT != 0 { PartKind::Mixed } else { PartKind::Word };
    }
    if piece.has & DIGIT != 0 {
        return with_digit(trimmed(word));
    }
    if piece.has & !PLAIN == 0 && word.len() < 8 {
        return PartKind::Word;
    }
    let is_variable = (piece.has & SLASH != 0 && is_path(trimmed(word)))
        || (piece.has & DOT != 0 && is_dotted_name(trimmed(word), before_port))
        || (piece.has & SIGN != 0 && is_address(trimmed(word)))
        || is_hexadecimal(trimmed(word));
    if is_variable { PartKind::Variable } else { PartKind::Word }
}

fn with_digit(word: &[u8]) -> PartKind {
    if word.eq_ignore_ascii_case(b"ipv4") || word.eq_ignore_ascii_case(b"ipv6") {
        return PartKind::Word;
    }
    let letters = word.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    // `bad9713577` is a number in base sixteen, and `worker12` is not.
    let hexadecimal = word.len() >= 6 && word.iter().all(u8::is_ascii_hexdigit);
    if letters >= 3 && letters < word.len() && !hexadecimal && word[letters..].iter().all(u8::is_ascii_digit) {
        return PartKind::Numbered;
    }
    PartKind::Variable
}

/// `worker` of `worker12`.
pub(super) fn without_number(word: &[u8]) -> &[u8] {
    &word[..word.iter().take_while(|byte| byte.is_ascii_alphabetic()).count()]
}

/// Of a word in a script that may have no spaces only the runs of digits go, with what joins them.
pub(super) fn without_numbers(word: &[u8], out: &mut Vec<u8>) {
    let mut rest = word;
    while let Some(start) = rest.iter().position(|&byte| is_digit(byte)) {
        out.extend_from_slice(&rest[..start]);
        out.extend_from_slice(VARIABLE.as_bytes());
        rest = &rest[start..];
        let mut end = 0;
        while let Some(&byte) = rest.get(end) {
            let joins = matches!(byte, b'.' | b'-' | b'/' | b'_') && rest.get(end + 1).copied().is_some_and(is_digit);
            if !is_digit(byte) && !joins {
                break;
            }
            end += 1;
        }
        rest = &rest[end..];
    }
    out.extend_from_slice(rest);
}

fn is_digit(byte: u8) -> bool {
    byte.is_ascii_digit() || byte == super::scan::MASKED
}

fn is_path(word: &[u8]) -> bool {
    let slashes = word.iter().filter(|&&byte| byte == b'/').count();
    match word {
        [b'/', second, ..] if *second != b'/' => true,
        [b'.' | b'~', rest @ ..] if rest.contains(&b'/') => true,
        _ => slashes >= 2,
    }
}

/// A host's, a file's or a class's name: parts between dots, none empty, the last no name of a
/// constant.
fn is_dotted_name(word: &[u8], before_port: bool) -> bool {
    let mut parts = 0;
    let (mut second, mut last) = (&word[..0], &word[..0]);
    for part in word.split(|&byte| byte == b'.') {
        if part.is_empty() {
            return false;
        }
        parts += 1;
        if parts == 2 {
            second = part;
        }
        last = part;
    }
    let screams = last.len() >= 2
        && last[0].is_ascii_uppercase()
        && last[1..].iter().all(|byte| byte.is_ascii_uppercase() || *byte == b'_');
    parts > 1 && !screams && (parts > 2 || before_port || is_ending(second))
}

fn is_ending(word: &[u8]) -> bool {
    let mut lower = [0_u8; 12];
    let Some(room) = lower.get_mut(..word.len()) else { return false };
    room.copy_from_slice(word);
    room.make_ascii_lowercase();
    ENDINGS.binary_search(&&*room).is_ok()
}

/// An e-mail address or a name of an account, or a path with backslashes.
fn is_address(word: &[u8]) -> bool {
    let at = word.len() > 2 && word[1..word.len() - 1].contains(&b'@');
    at || word.windows(2).any(|pair| pair[0] == b'\\' && pair[1].is_ascii_alphabetic())
}

fn is_hexadecimal(word: &[u8]) -> bool {
    word.len() >= 8
        && (word.iter().all(|byte| matches!(byte, b'a'..=b'f')) || word.iter().all(|byte| matches!(byte, b'A'..=b'F')))
}

/// True of a unit of time or size: a number's unit says nothing that the number's place does not.
pub(super) fn is_unit(word: &[u8]) -> bool {
    matches!(
        word,
        b"B" | b"s"
            | b"KB"
            | b"kB"
            | b"MB"
            | b"GB"
            | b"TB"
            | b"PB"
            | b"ms"
            | b"us"
            | b"ns"
            | b"KiB"
            | b"MiB"
            | b"GiB"
            | b"TiB"
            | b"sec"
            | b"min"
            | b"byte"
            | b"hour"
            | b"mins"
            | b"secs"
            | b"bytes"
            | b"hours"
            | b"minute"
            | b"second"
            | b"minutes"
            | b"seconds"
    )
}

/// True of a month's short name.
pub(super) fn is_month(word: &[u8]) -> bool {
    matches!(
        word,
        b"Jan" | b"Feb" | b"Mar" | b"Apr" | b"May" | b"Jun" | b"Jul" | b"Aug" | b"Sep" | b"Oct" | b"Nov" | b"Dec"
    )
}

/// True of a word that is part of a date or time when a variable is beside it.
#[inline]
pub(super) fn is_date_word(word: &[u8]) -> bool {
    matches!(word, [b'A'..=b'Z', _, ..] if word.len() <= 4) && (is_month(word) || is_day_or_zone(word))
}

fn is_day_or_zone(word: &[u8]) -> bool {
    matches!(
        word,
        b"Mon"
            | b"Tue"
            | b"Wed"
            | b"Thu"
            | b"Fri"
            | b"Sat"
            | b"Sun"
            | b"AM"
            | b"PM"
            | b"UTC"
            | b"GMT"
            | b"EST"
            | b"EDT"
            | b"CST"
            | b"CDT"
            | b"MST"
            | b"MDT"
            | b"PST"
            | b"PDT"
            | b"CET"
            | b"CEST"
            | b"BST"
            | b"IST"
            | b"JST"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_for_searching() {
        assert!(ENDINGS.is_sorted());
    }
}
