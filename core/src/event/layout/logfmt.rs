//! Lines of `key=value`: logfmt, and the journal's export format, one field a line.

use std::ops::Range;

use super::super::level::Level;
use super::super::time::{TimeContext, date_and_time, time_number, time_text};
use super::{LayoutMatch, LayoutMember, LayoutName, ValueForm, text};

/// More pairs than this are data, not an event; it bounds the members.
const MOST: usize = 512;

/// Reads a line of at least two pairs; a key without a value is one with an empty value.
///
/// The pairs that say time, level and message are those, all others are members. Without a message
/// the line is it.
pub(super) fn read(line: &[u8], context: &mut TimeContext, matched: &mut LayoutMatch) -> bool {
    if read_pairs(line, context, matched).is_some() {
        return true;
    }
    matched.clear(line.len());
    false
}

fn read_pairs(line: &[u8], context: &mut TimeContext, matched: &mut LayoutMatch) -> Option<()> {
    let (mut pairs, mut bare, mut at) = (0, 0, 0);
    let (mut time, mut date, mut zone) = (None, None, None);
    while at < line.len() {
        let key = key(line, at);
        if key.is_empty() || matched.members.len() >= MOST {
            return None;
        }
        if line.get(key.end) != Some(&b'=') {
            // The first two must be pairs, and most: a text can have a few.
            bare += 1;
            if pairs < 2 || bare > pairs || !matches!(line.get(key.end), None | Some(b' ')) {
                return None;
            }
            at = text::skip_spaces(line, key.end);
            matched.members.push(LayoutMember {
                value: key.end..key.end,
                name: LayoutName::Written(key),
                form: ValueForm::Text,
            });
            continue;
        }
        let (value, form, end) = value(line, key.end + 1)?;
        pairs += 1;
        at = text::skip_spaces(line, end);
        // A comma between pairs makes them a text, such as a list of counts.
        if at == end && at < line.len() || (form != ValueForm::Quoted && pairs == 1 && line[..end].ends_with(b",")) {
            return None;
        }
        match &line[key.clone()] {
            b"ts" | b"time" | b"timestamp" | b"t" | b"@timestamp" | b"datetime" if time.is_none() => {
                time = Some(matched.members.len());
            }
            key if matched.level.is_none() && text::is_level_key(key) => {
                if let Some(level) = Level::from_text(&line[value.clone()]) {
                    matched.say(level, value);
                    continue;
                }
            }
            // Fortinet's devices write the date apart from the time of day.
            b"date" if date.is_none() => date = Some(value.clone()),
            b"tz" if date.is_some() => zone = Some(value.clone()),
            b"devname" if date.is_some() && !matched.has("host") => {
                matched.member(line, "host", value);
                continue;
            }
            b"msg" | b"message" if matched.message == (0..line.len()) => {
                matched.message = value;
                matched.message_form = if form == ValueForm::Quoted { ValueForm::Quoted } else { ValueForm::Text };
                continue;
            }
            _ => {}
        }
        matched.members.push(LayoutMember { name: LayoutName::Written(key), value, form });
    }
    if pairs < 2 {
        return None;
    }
    matched.layout = "logfmt";
    // Only now is the line taken, so that no refused one moves the year clock.
    if let Some(place) = time {
        let value = &line[matched.members[place].value.clone()];
        matched.time = match (&date, &zone) {
            (Some(date), _) if value.len() >= 8 && value[2] == b':' => {
                date_and_time(&line[date.clone()], value, zone.map(|zone| &line[zone]), context)
            }
            _ => time_text(value, context),
        };
        if matched.time.is_some() {
            matched.time_text = matched.members.remove(place).value;
        }
    }
    Some(())
}

/// The key at `at`: letters, digits and what names of fields have between them.
fn key(line: &[u8], at: usize) -> Range<usize> {
    let rest = &line[at..];
    let length = rest
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'@' | b'/' | b':'))
        .count();
    at..at + length
}

/// The value at `at`, how it is written, and where its quotes end too.
///
/// Some writers do not escape the quotes in a value: the one that closes has a blank or the end
/// behind it.
fn value(line: &[u8], at: usize) -> Option<(Range<usize>, ValueForm, usize)> {
    if let Some(quote @ (b'"' | b'\'')) = line.get(at).copied() {
        let ends = |end: usize| matches!(line.get(end + 1), None | Some(b' ' | b'\t'));
        let escaped = if quote == b'"' { text::quoted(line, at).filter(|inside| ends(inside.end)) } else { None };
        if let Some(inside) = escaped {
            return Some((inside.clone(), ValueForm::of_quoted(&line[inside.clone()]), inside.end + 1));
        }
        let end = memchr::memchr_iter(quote, &line[at + 1..]).map(|end| at + 1 + end).find(|end| ends(*end))?;
        return Some((at + 1..end, ValueForm::Text, end + 1));
    }
    let word = text::word(line, at);
    Some((word.clone(), ValueForm::of(&line[word.clone()]), word.end))
}

/// Reads one field of the journal's export format: `PRIORITY=3`, `MESSAGE=text`,
/// `__REALTIME_TIMESTAMP=1767323045000000`.
pub(super) fn read_journal(line: &[u8], matched: &mut LayoutMatch) -> bool {
    let Some(end) = memchr::memchr(b'=', &line[..line.len().min(65)]) else {
        return false;
    };
    let (name, value) = (&line[..end], end + 1..line.len());
    let known = matches!(name, b"MESSAGE" | b"PRIORITY" | b"ERRNO" | b"TID" | b"UNIT")
        || [b"_".as_slice(), b"SYSLOG_", b"CODE_", b"MESSAGE_"].iter().any(|start| name.starts_with(start));
    if !known || !name.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_') {
        return false;
    }
    match name {
        b"MESSAGE" => matched.message = value,
        b"PRIORITY" => match Level::from_text(&line[value.clone()]) {
            Some(level) => matched.say(level, value),
            None => return false,
        },
        _ => {
            if name == b"__REALTIME_TIMESTAMP" || name == b"_SOURCE_REALTIME_TIMESTAMP" {
                matched.time = time_number(&line[value.clone()]);
            }
            let form = ValueForm::of(&line[value.clone()]);
            matched.members.push(LayoutMember { name: LayoutName::Written(0..end), value, form });
        }
    }
    matched.layout = "journal";
    true
}
