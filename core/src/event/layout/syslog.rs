//! Syslog: RFC 3164 and RFC 5424, with and without `<PRI>`, and what daemons and relays make of
//! them.
//!
//! ```text
//! <PRI>Jun  9 06:06:20 host tag[pid]: message
//! <PRI>1 2026-01-02T03:04:05Z host app procid msgid [data] message
//! ```

use std::ops::Range;

use super::super::level::Level;
use super::super::time::{TimeContext, TimeKind};
use super::tag::Tag;
use super::{LayoutMatch, Opening, cisco, text};

/// Names of the facilities, by number (RFC 5424, table 1, in the words of rsyslog).
const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp",
    "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
];

/// Reads a line that has `<PRI>` at `start`, which says facility and level, whatever follows.
pub(super) fn read_priority(line: &[u8], start: usize, context: &mut TimeContext, matched: &mut LayoutMatch) -> bool {
    let end = text::digits(line, start + 1);
    if !(2..=4).contains(&(end - start)) || line.get(end) != Some(&b'>') {
        return false;
    }
    let priority = line[start + 1..end].iter().fold(0, |sum, digit| sum * 10 + usize::from(digit - b'0'));
    let (Some(facility), Some(level)) = (FACILITIES.get(priority / 8), Level::from_number(priority as i64 % 8)) else {
        return false;
    };
    let from = end + 1;
    let versioned = line.get(from).is_some_and(u8::is_ascii_digit) && line.get(from + 1) == Some(&b' ');
    let is_read =
        (versioned && read_fields(line, from + 2, None, context, matched)) || cisco::read(line, from, context, matched);
    if !is_read {
        let at = skip_sequence(line, from);
        match Opening::scan(line, at, context) {
            None => read_message_alone(line, at, matched),
            Some(opening) => {
                let _ = (opening.is(TimeKind::Syslog) && read(line, opening, context, matched))
                    || read_dated(line, opening, context, matched)
                    || read_untagged(line, opening, context, matched);
            }
        }
    }
    matched.facility = Some(facility);
    // Most programs never set the priority, so that it counts only where nothing else says a level.
    if matched.level.is_none() {
        matched.say(level, 0..0);
        matched.level_is_default = true;
    }
    matched.layout = "syslog";
    matched.member(line, "pri", start + 1..end);
    true
}

/// Reads a line in front of which its length stands, as on TCP (RFC 6587): `83 <13>1 …`.
pub(super) fn read_counted(line: &[u8], context: &mut TimeContext, matched: &mut LayoutMatch) -> bool {
    let digits = text::digits(line, 0);
    (1..=6).contains(&digits) && line[digits..].starts_with(b" <") && read_priority(line, digits + 1, context, matched)
}

/// The sequence number and mark that Cisco's devices put before a time.
fn skip_sequence(line: &[u8], start: usize) -> usize {
    let mut at = text::digits(line, start);
    if !line[at..].starts_with(b": ") {
        at = start;
    } else {
        at += 2;
    }
    at + usize::from(matches!(line.get(at), Some(b'*' | b'.')))
}

/// Reads a header of RFC 3164 from its time on.
pub(super) fn read(line: &[u8], opening: Opening, context: &mut TimeContext, matched: &mut LayoutMatch) -> bool {
    if cisco::read(line, opening.at, context, matched) {
        return true;
    }
    matched.date(&opening, line, context);
    let end = opening.end + usize::from(line.get(opening.end) == Some(&b':'));
    read_body(line, text::skip_spaces(line, end), matched)
}

/// Reads a header that begins with any other time, as rsyslog, syslog-ng and the journal write
/// them: columns of RFC 5424, or a host and a tag. Without these it is no syslog.
pub(super) fn read_dated(line: &[u8], opening: Opening, context: &mut TimeContext, matched: &mut LayoutMatch) -> bool {
    let at = text::skip_spaces(line, opening.end);
    if read_fields(line, at, Some(opening), context, matched) {
        return true;
    }
    if at == opening.end {
        return false;
    }
    let is_iso = line.get(opening.at + 10) == Some(&b'T');
    // Heroku writes no host: `heroku[router]:`.
    let is_alone = is_iso
        && opening.is(TimeKind::Dated)
        && Tag::in_one_word(line, at).is_some_and(|tag| !tag.pid.is_empty() && line[..tag.end].ends_with(b": "));
    if !is_alone {
        let host = text::word(line, at);
        if !is_host(&line[host.clone()]) {
            return false;
        }
        let Some(tag) = Tag::find(line, text::skip_spaces(line, host.end)) else {
            return false;
        };
        let is_sure = is_iso || !tag.pid.is_empty() || opening.is(TimeKind::Epoch);
        if !is_sure && selector(line, host).is_none() {
            return false;
        }
    }
    matched.date(&opening, line, context);
    read_body(line, at, matched)
}

/// A time behind `<PRI>` with no tag behind it.
fn read_untagged(line: &[u8], opening: Opening, context: &mut TimeContext, matched: &mut LayoutMatch) -> bool {
    matched.date(&opening, line, context);
    read_body(line, text::skip_spaces(line, opening.end), matched)
}

/// What follows `<PRI>` without a time, as programs write it to the local socket: a tag, and no
/// host.
fn read_message_alone(line: &[u8], at: usize, matched: &mut LayoutMatch) {
    let tag = Tag::in_one_word(line, at);
    if let Some(tag) = &tag {
        tag.put(line, matched);
    }
    matched.message = tag.map_or(at, |tag| tag.end)..line.len();
    matched.is_envelope = true;
}

/// Reads a line of RFC 5424 that has its version but no priority.
pub(super) fn read_version(line: &[u8], context: &mut TimeContext, matched: &mut LayoutMatch) -> bool {
    line.starts_with(b"1 ")
        && line.get(2).is_some_and(u8::is_ascii_digit)
        && read_fields(line, 2, None, context, matched)
}

/// Host, tag and message. Each but the message may be missing.
fn read_body(line: &[u8], at: usize, matched: &mut LayoutMatch) -> bool {
    matched.layout = "syslog";
    let mut at = at;
    let mut tag = Tag::in_one_word(line, at);
    if tag.is_none() {
        let word = text::word(line, at);
        let is_selected = read_selector(line, word.clone(), matched);
        if is_selected {
            at = text::skip_spaces(line, word.end);
        }
        if !is_selected || Tag::in_one_word(line, at).is_none() {
            let host = text::word(line, at);
            matched.member(line, "host", host.clone());
            at = text::skip_spaces(line, host.end);
        }
        let selector = text::word(line, at);
        if read_selector(line, selector.clone(), matched) {
            at = text::skip_spaces(line, selector.end);
        }
        tag = Tag::find(line, at);
    }
    if let Some(tag) = tag {
        tag.put(line, matched);
        at = tag.end;
    }
    at += if line[at.min(line.len())..].starts_with(b"@cee:") { 5 } else { 0 };
    matched.message = at.min(line.len())..line.len();
    matched.is_envelope = true;
    true
}

/// `daemon.info`, as BusyBox writes facility and level, or `<daemon.info>`.
fn read_selector(line: &[u8], word: Range<usize>, matched: &mut LayoutMatch) -> bool {
    match selector(line, word) {
        Some((facility, level, said)) => {
            matched.facility = Some(facility);
            matched.say(level, said);
            true
        }
        None => false,
    }
}

fn selector(line: &[u8], word: Range<usize>) -> Option<(&'static str, Level, Range<usize>)> {
    let pointed = line[word.clone()].starts_with(b"<") && line[word.clone()].ends_with(b">");
    let word = if pointed { word.start + 1..word.end - 1 } else { word };
    let point = memchr::memchr(b'.', &line[word.clone()])?;
    let facility = FACILITIES.iter().find(|name| name.as_bytes() == &line[word.start..word.start + point])?;
    let (level, said) = text::level_word(line, word.start + point + 1)?;
    (said.end == word.end).then_some((facility, level, said))
}

/// Columns of RFC 5424, from the time, or behind it if that was found already. Without version and
/// priority, only if the columns are certain.
fn read_fields(
    line: &[u8],
    at: usize,
    opening: Option<Opening>,
    context: &mut TimeContext,
    matched: &mut LayoutMatch,
) -> bool {
    let mut at = at;
    let (version, opening_found) = (at, opening.is_some());
    let opening = match opening {
        None if line[at..].starts_with(b"- ") => {
            at += 2;
            None
        }
        None => match Opening::scan(line, at, context) {
            Some(opening) => {
                at = text::skip_spaces(line, opening.end);
                Some(opening)
            }
            None => return false,
        },
        found => found,
    };
    let mut columns = [0..0, 0..0, 0..0, 0..0];
    for column in &mut columns {
        *column = text::word(line, at);
        at = column.end + 1;
        if at >= line.len() || column.start == column.end {
            return false;
        }
    }
    let data = at;
    while line.get(at) == Some(&b'[') {
        match data_end(line, at) {
            Some(end) => at = end,
            None => return false,
        }
    }
    let data = data..at;
    if data.is_empty() && line[at..].starts_with(b"-") && matches!(line.get(at + 1), None | Some(b' ')) {
        at += 1;
    } else if data.is_empty() {
        // Some leave the data out, and then only the priority and the version make it certain.
        if opening_found
            || line[columns[2].clone()].first().is_none_or(|first| !first.is_ascii_digit() && *first != b'-')
        {
            return false;
        }
        at -= 1;
    }
    let [host, app, process, message_id] = columns;
    // Without priority and version these are columns of any kind.
    if opening_found && !(is_host(&line[host.clone()]) && is_host(&line[app.clone()])) {
        return false;
    }
    let number = text::digits(line, process.start) == process.end;
    if !matches!(line.get(at), None | Some(b' ')) || !(number || line[process.clone()] == *b"-" || opening.is_none()) {
        return false;
    }
    if let Some(opening) = opening {
        matched.date(&opening, line, context);
    }
    matched.layout = "syslog";
    matched.member(line, "host", host);
    matched.member(line, "module", app);
    matched.member(line, "pid", process);
    matched.member(line, "msgid", message_id);
    matched.member(line, "structured_data", data);
    if !opening_found {
        matched.member(line, "version", version - 2..version - 1);
    }
    at = (at + 1).min(line.len());
    // A byte order mark says that the message is UTF-8, which every line here is.
    at += if line[at..].starts_with("\u{feff}".as_bytes()) { 3 } else { 0 };
    matched.message = at..line.len();
    matched.is_envelope = true;
    true
}

/// Where the element of structured data that begins at `at` ends; a quoted value may hold brackets.
fn data_end(line: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += memchr::memchr2(b'"', b']', &line[at..])?;
        if line[at] == b']' {
            return Some(at + 1);
        }
        at = text::quoted(line, at)?.end + 1;
    }
}

/// Whether a word can be the name of a host: no level, no sentence's word with a mark behind it.
pub(super) fn is_host(word: &[u8]) -> bool {
    let marks =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'/' | b'@' | b'#');
    let name = word.strip_suffix(b":").unwrap_or(word);
    !name.is_empty() && word.len() <= 255 && word.iter().all(marks) && Level::from_text(name).is_none()
}
