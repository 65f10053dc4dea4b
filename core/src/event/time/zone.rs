//! Zones as they are written behind a time: offsets, abbreviations, names of the IANA database.
//!
//! A word behind a time is a zone only if it is one beyond doubt, for most words there are the
//! first of a message. Abbreviations that are words as well (`EAT`, `ART`, `GET`, `WEST`) are read
//! only where the zone of the context uses them.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::TimeContext;
use super::context::Zone;
use super::cursor::Cursor;

/// Whether what ends at `end` is not the beginning of a longer word or number. Another script, and
/// punctuation of any script, ends a word; `é` does not.
#[inline]
pub(super) fn ends_word(text: &[u8], end: usize) -> bool {
    match text.get(end) {
        None => true,
        Some(byte) if byte.is_ascii() => !byte.is_ascii_alphanumeric() && *byte != b'_',
        // Beyond U+2000 are punctuation and the scripts of Asia, at U+0080 the no-break space.
        Some(byte) => *byte >= 0xE2 || *byte == 0xC2,
    }
}

/// The zone at `at`, with at most one space before it, and where it ends.
#[inline]
pub(super) fn zone(text: &[u8], at: usize, context: &TimeContext) -> Option<(Zone, usize)> {
    match *text.get(at)? {
        b'Z' | b'z' if ends_word(text, at + 1) => match text.get(at + 1) {
            Some(b'[') => Some((Zone::Fixed(0), bracketed(text, at + 1, context).map_or(at + 1, |(_, end)| end))),
            _ => Some((Zone::Fixed(0), at + 1)),
        },
        b'+' | b'-' => {
            let (east, end) = offset(text, at).filter(|(_, end)| ends_word(text, *end))?;
            Some((Zone::Fixed(east), beside_offset(text, end, east, context)))
        }
        b' ' => match *text.get(at + 1)? {
            b'+' | b'-' => offset_apart(text, at + 1, context),
            b'[' | b'(' => alone_in_bracket(text, at + 1, context),
            b'A'..=b'Z' => named(text, at + 1, context),
            _ => None,
        },
        b'[' | b'(' => alone_in_bracket(text, at, context),
        b'A'..=b'Z' => named(text, at, context),
        _ => None,
    }
}

/// An offset behind a space. A lone `-07` is more likely a word of the message, unless what follows
/// it is what follows a time.
fn offset_apart(text: &[u8], start: usize, context: &TimeContext) -> Option<(Zone, usize)> {
    let (east, end) = offset(text, start).filter(|(_, end)| ends_word(text, *end))?;
    let hour = end - start == 3;
    if hour && (east.abs() > 14 * 3600 || !is_behind_zone(&text[end..])) {
        return None;
    }
    // `+07:10.0.0.5(4711)`: the client of PostgreSQL's prefix stands there, not minutes.
    let address = matches!(text[end..], [b'.', digit, ..] if digit.is_ascii_digit());
    let (east, end) = if address && end - start == 6 { offset(&text[..start + 3], start)? } else { (east, end) };
    Some((Zone::Fixed(east), beside_offset(text, end, east, context)))
}

/// Whether a line goes on as it does behind its time: with a bracket, a mark, or a level.
fn is_behind_zone(rest: &[u8]) -> bool {
    match rest {
        [] | [b']' | b')' | b'"' | b'|' | b',' | b';' | b'\t', ..] | [b' ', b'[' | b'(' | b'<' | b'|', ..] => true,
        [b':', next, ..] => !next.is_ascii_digit(),
        [b' ', rest @ ..] => {
            let length = rest.iter().take(14).take_while(|byte| byte.is_ascii_alphabetic()).count();
            length > 2 && crate::event::level::Level::from_text(&rest[..length]).is_some()
        }
        _ => false,
    }
}

/// Where what some write beside an offset ends: its name, the name in brackets, the offset once
/// more, and the monotonic clock of Go, `m=+0.003`.
fn beside_offset(text: &[u8], end: usize, east: i32, context: &TimeContext) -> usize {
    let mut end = match &text[end..] {
        [b'[' | b'(', ..] => bracketed(text, end, context).map_or(end, |(_, end)| end),
        [b' ', b'[' | b'(', ..] => bracketed(text, end + 1, context).map_or(end, |(_, end)| end),
        [b' ', b'A'..=b'Z', ..] => named(text, end + 1, context).map_or(end, |(_, end)| end),
        [b' ', b'+' | b'-', ..] => match offset(text, end + 1) {
            Some((again, close)) if again == east && ends_word(text, close) => close,
            _ => end,
        },
        _ => return end,
    };
    if let Some([b' ', b'm', b'=', b'+' | b'-', digit, ..]) = text.get(end..)
        && digit.is_ascii_digit()
    {
        end += 4 + text[end + 4..].iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
    }
    end
}

fn alone_in_bracket(text: &[u8], at: usize, context: &TimeContext) -> Option<(Zone, usize)> {
    let (zone, end) = bracketed(text, at, context)?;
    Some((zone?, end))
}

/// A zone in the bracket at `at`: `[Europe/Berlin]`, `(UTC)`; or its name in words, as browsers
/// write it behind the offset, `(Central European Standard Time)`.
fn bracketed(text: &[u8], at: usize, context: &TimeContext) -> Option<(Option<Zone>, usize)> {
    /// The longest name of a zone in words.
    const LONGEST: usize = 60;
    let close = if text[at] == b'[' { b']' } else { b')' };
    let inside = &text[at + 1..text.len().min(at + 1 + LONGEST)];
    let length = memchr::memchr(close, inside)?;
    let end = at + 1 + length + 1;
    if let Some((zone, close)) = named(text, at + 1, context)
        && close + 1 == end
    {
        return Some((Some(zone), end));
    }
    (close == b')' && inside[..length].ends_with(b" Time")).then_some((None, end))
}

/// A zone by its name: an abbreviation, one with an offset as in `GMT+0100`, or `Europe/Berlin`.
fn named(text: &[u8], at: usize, context: &TimeContext) -> Option<(Zone, usize)> {
    let rest = &text[at..];
    let length = rest.iter().take(9).take_while(|byte| byte.is_ascii_uppercase()).count();
    if rest.get(length).is_some_and(|byte| byte.is_ascii_lowercase() || *byte == b'/') {
        return iana(text, at);
    }
    let word = &rest[..length];
    let east = context.abbreviations().east(word).or_else(|| abbreviation(word)).or_else(|| {
        // Cisco's `PSTDST`: that zone in summer.
        let winter = word.strip_suffix(b"DST")?;
        Some(context.abbreviations().east(winter).or_else(|| abbreviation(winter))? + 3600)
    })?;
    let end = at + length;
    if matches!(word, b"UTC" | b"GMT")
        && let Some((east, end)) = short_offset(text, end)
    {
        let end = match &text[end..] {
            [b' ', b'(', ..] => memchr::memchr(b')', &text[end..]).filter(|at| *at < 64).map_or(end, |at| end + at + 1),
            _ => end,
        };
        return Some((Zone::Fixed(east), end));
    }
    // `MSK-1` and `EST.txt` are names of something else.
    let goes_on =
        matches!(rest[length..], [b'-' | b'.' | b'=' | b'/' | b'@' | b'(', next, ..] if next.is_ascii_alphanumeric());
    (ends_word(text, end) && !goes_on).then_some((Zone::Fixed(east), end))
}

/// A name of the IANA database, with its area.
fn iana(text: &[u8], at: usize) -> Option<(Zone, usize)> {
    const AREAS: [&[u8]; 13] = [
        b"Europe",
        b"America",
        b"Asia",
        b"Africa",
        b"Australia",
        b"Pacific",
        b"Atlantic",
        b"Indian",
        b"Antarctica",
        b"Arctic",
        b"Etc",
        b"US",
        b"Canada",
    ];
    let rest = &text[at..];
    let slash = rest.iter().take(12).position(|byte| *byte == b'/')?;
    if !AREAS.contains(&&rest[..slash]) {
        return None;
    }
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'/' | b'+' | b'-');
    let length = rest.iter().take(40).take_while(|byte| is_name(byte)).count();
    let zone = TimeZone::get(std::str::from_utf8(&rest[..length]).ok()?).ok()?;
    ends_word(text, at + length).then_some((Zone::Named(zone), at + length))
}

/// The abbreviations that one zone uses, with their offsets; they mean that there, whatever they
/// mean elsewhere.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Abbreviations([([u8; 5], i32); 4]);

impl Abbreviations {
    /// Those of the last decades; of one that has moved, the offset that it has now.
    pub(super) fn of(zone: &TimeZone) -> Self {
        /// 2030-01-01, up to where the present rules hold.
        const TO: i64 = 1_893_456_000;
        let mut all = Self::default();
        let Ok(to) = Timestamp::from_second(TO) else { return all };
        let now = zone.to_offset_info(to);
        all.add(now.abbreviation(), now.offset().seconds());
        for before in zone.preceding(to).take(40) {
            all.add(before.abbreviation(), before.offset().seconds());
        }
        all
    }

    fn add(&mut self, name: &str, east: i32) {
        let mut padded = [0; 5];
        let Some(start) = padded.get_mut(..name.len()) else { return };
        start.copy_from_slice(name.as_bytes());
        let is_word = name.len() >= 3 && name.bytes().all(|byte| byte.is_ascii_uppercase());
        if is_word
            && self.east(name.as_bytes()).is_none()
            && let Some(free) = self.0.iter_mut().find(|(name, _)| name[0] == 0)
        {
            *free = (padded, east);
        }
    }

    /// How many seconds east of UTC this abbreviation is, if it is one of these.
    #[inline]
    fn east(&self, word: &[u8]) -> Option<i32> {
        let same = |name: &[u8; 5]| {
            word.len() <= 5 && word == &name[..word.len()] && name[word.len()..].iter().all(|byte| *byte == 0)
        };
        self.0.iter().take_while(|(name, _)| name[0] != 0).find(|(name, _)| same(name)).map(|(_, east)| *east)
    }
}

/// How many seconds east of UTC an abbreviation is. EST, CST, MST and AST are the American ones,
/// BST that of London and IST that of India.
#[inline]
fn abbreviation(word: &[u8]) -> Option<i32> {
    let minutes = match word {
        b"UTC" | b"GMT" | b"Z" | b"UT" | b"WET" => 0,
        b"CET" | b"MET" | b"BST" => 60,
        b"CEST" | b"MEST" | b"EET" | b"SAST" => 120,
        b"EEST" | b"MSK" | b"TRT" | b"IDT" => 180,
        b"IRST" => 210,
        b"GST" | b"MSD" | b"SAMT" => 240,
        b"AFT" => 270,
        b"PKT" | b"YEKT" | b"UZT" => 300,
        b"IST" => 330,
        b"NPT" => 345,
        b"OMST" => 360,
        b"WIB" | b"ICT" | b"NOVT" | b"KRAT" => 420,
        b"WITA" | b"HKT" | b"SGT" | b"MYT" | b"PHT" | b"AWST" | b"IRKT" => 480,
        b"JST" | b"KST" | b"YAKT" => 540,
        b"ACST" => 570,
        b"AEST" | b"VLAT" => 600,
        b"ACDT" => 630,
        b"AEDT" | b"MAGT" => 660,
        b"NZST" | b"PETT" => 720,
        b"NZDT" => 780,
        b"NDT" => -150,
        b"BRT" | b"ADT" => -180,
        b"NST" => -210,
        b"EDT" | b"AST" | b"CLT" => -240,
        b"EST" | b"CDT" => -300,
        b"CST" | b"MDT" => -360,
        b"MST" | b"PDT" => -420,
        b"PST" | b"AKDT" => -480,
        b"AKST" => -540,
        b"HST" => -600,
        _ => return None,
    };
    Some(minutes * 60)
}

/// `+hh:mm`, `+hhmm` or `+hh` at `at`, as seconds east of UTC and where it ends.
pub(super) fn offset(text: &[u8], at: usize) -> Option<(i32, usize)> {
    signed(text, at, 2)
}

/// The same, where the hours may have one digit: behind a name.
fn short_offset(text: &[u8], at: usize) -> Option<(i32, usize)> {
    signed(text, at, 1).filter(|(_, end)| ends_word(text, *end))
}

fn signed(text: &[u8], at: usize, least: usize) -> Option<(i32, usize)> {
    let mut cursor = Cursor { text, at };
    let sign = if cursor.one_of(b"+-")? == b'-' { -1 } else { 1 };
    let hours = cursor.number(least, 2)?;
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
