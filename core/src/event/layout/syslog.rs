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
use super::{Laid, Opening, label, table, text};

/// Names of the facilities, by number (RFC 5424, table 1, in the words of rsyslog).
const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp",
    "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
];

/// The longest tag that is believed to be one.
const LONGEST_TAG: usize = 128;

/// How many words a tag with spaces in its name has behind the first.
const MOST_WORDS: usize = 3;

/// Reads a line that begins with `<PRI>`, which says facility and level, whatever follows.
pub(super) fn read_priority(line: &[u8], context: &mut TimeContext, laid: &mut Laid) -> bool {
    let end = text::digits(line, 1);
    if !(2..=4).contains(&end) || line.get(end) != Some(&b'>') {
        return false;
    }
    let priority = line[1..end].iter().fold(0, |sum, digit| sum * 10 + usize::from(digit - b'0'));
    let (Some(facility), Some(level)) = (FACILITIES.get(priority / 8), Level::from_number(priority as i64 % 8)) else {
        return false;
    };
    let start = end + 1;
    let versioned = line.get(start).is_some_and(u8::is_ascii_digit) && line.get(start + 1) == Some(&b' ');
    if !(versioned && read_fields(line, start + 2, None, context, laid)) {
        let at = skip_sequence(line, start);
        match Opening::scan(line, at, context) {
            Some(opening) if opening.is(TimeKind::Syslog) => read(line, opening, context, laid),
            Some(opening) => read_dated(line, opening, context, laid) || read_untagged(line, opening, context, laid),
            None => read_message_alone(line, at, context, laid),
        };
    }
    laid.facility = Some(facility);
    // A label inside of the message may say worse than the priority, which most daemons never set.
    if laid.level.is_none_or(|labelled| labelled < level) {
        laid.say(level, 0..0);
    }
    laid.layout = "syslog";
    laid.member(line, "pri", 1..end);
    true
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
pub(super) fn read(line: &[u8], opening: Opening, context: &mut TimeContext, laid: &mut Laid) -> bool {
    laid.date(&opening, line, context);
    let end = opening.end + usize::from(line.get(opening.end) == Some(&b':'));
    read_body(line, text::skip_spaces(line, end), context, laid)
}

/// Reads a header that begins with any other time, as rsyslog, syslog-ng and the journal write
/// them: columns of RFC 5424, or a host and a tag. Without these it is no syslog.
pub(super) fn read_dated(line: &[u8], opening: Opening, context: &mut TimeContext, laid: &mut Laid) -> bool {
    let at = text::skip_spaces(line, opening.end);
    if read_fields(line, at, Some(opening), context, laid) {
        return true;
    }
    let host = text::word(line, at);
    if at == opening.end || !is_host(&line[host.clone()]) {
        return false;
    }
    let Some(tag) = Tag::find(line, text::skip_spaces(line, host.end)) else {
        return false;
    };
    if tag.pid.is_empty() && !opening.is(TimeKind::Epoch) && line.get(opening.at + 10) != Some(&b'T') {
        return false;
    }
    laid.date(&opening, line, context);
    read_body(line, at, context, laid)
}

/// A time behind `<PRI>` with no tag behind it.
fn read_untagged(line: &[u8], opening: Opening, context: &mut TimeContext, laid: &mut Laid) -> bool {
    laid.date(&opening, line, context);
    read_body(line, text::skip_spaces(line, opening.end), context, laid)
}

/// What follows `<PRI>` without a time, as programs write it to the local socket: a tag, and no
/// host.
fn read_message_alone(line: &[u8], at: usize, context: &mut TimeContext, laid: &mut Laid) -> bool {
    let tag = Tag::in_one_word(line, at);
    if let Some(tag) = &tag {
        tag.put(line, laid);
    }
    laid.message = tag.map_or(at, |tag| tag.end)..line.len();
    read_message(line, context, laid);
    true
}

/// Reads a line of RFC 5424 that has its version but no priority.
pub(super) fn read_version(line: &[u8], context: &mut TimeContext, laid: &mut Laid) -> bool {
    line.starts_with(b"1 ") && line.get(2).is_some_and(u8::is_ascii_digit) && read_fields(line, 2, None, context, laid)
}

/// Host, tag and message. Each but the message may be missing.
fn read_body(line: &[u8], at: usize, context: &mut TimeContext, laid: &mut Laid) -> bool {
    laid.layout = "syslog";
    let mut at = at;
    let mut tag = Tag::in_one_word(line, at);
    if tag.is_none() {
        let host = text::word(line, at);
        if !read_selector(line, host.clone(), laid) {
            laid.member(line, "host", host.clone());
        }
        at = text::skip_spaces(line, host.end);
        let selector = text::word(line, at);
        if read_selector(line, selector.clone(), laid) {
            at = text::skip_spaces(line, selector.end);
        }
        tag = Tag::find(line, at);
    }
    if let Some(tag) = tag {
        tag.put(line, laid);
        at = tag.end;
    }
    laid.message = at.min(line.len())..line.len();
    read_message(line, context, laid);
    true
}

/// `daemon.info`, as BusyBox writes facility and level.
fn read_selector(line: &[u8], word: Range<usize>, laid: &mut Laid) -> bool {
    let written = &line[word.clone()];
    let Some(point) = memchr::memchr(b'.', written) else {
        return false;
    };
    let Some(facility) = FACILITIES.iter().find(|name| name.as_bytes() == &written[..point]) else {
        return false;
    };
    match text::level_word(line, word.start + point + 1) {
        Some((level, said)) if said.end == word.end => {
            laid.facility = Some(facility);
            laid.say(level, said);
            true
        }
        _ => false,
    }
}

/// What the message tells beside itself: a level in front, or fields that a proxy logs.
fn read_message(line: &[u8], context: &mut TimeContext, laid: &mut Laid) {
    let start = text::skip_spaces(line, laid.message.start);
    match line.get(start) {
        Some(first) if first.is_ascii_digit() => {
            let (message, time) = (laid.message.clone(), laid.time);
            let (level, level_text) = (laid.level, laid.level_text.clone());
            table::read(&table::IN_SYSLOG, line, start, None, context, laid);
            (laid.message, laid.time, laid.layout) = (message, time, "syslog");
            (laid.level, laid.level_text) = (level, level_text);
        }
        Some(b'I' | b'W' | b'E' | b'F') if text::digits(line, start + 1) == start + 5 => {
            // klog's letter and date, of the daemons of Kubernetes.
            if let Some(level) = Level::from_text(&line[start..=start]) {
                laid.say(level, start..start + 1);
            }
        }
        Some(b't' | b'l') if line[start..].starts_with(b"time=") || line[start..].starts_with(b"level=") => {
            let found = memchr::memmem::find(&line[start..], b"level=").map(|place| start + place + 6);
            if let Some((level, said)) = found.and_then(|place| text::level_word(line, place)) {
                laid.say(level, said);
            }
        }
        Some(_) if laid.level.is_none() => {
            if let Some((level, said)) = label::find(line, start) {
                laid.say(level, said);
            }
        }
        _ => {}
    }
}

/// Columns of RFC 5424, from the time, or behind it if that was found already. Without version and
/// priority, only if the columns are certain.
fn read_fields(line: &[u8], at: usize, opening: Option<Opening>, context: &mut TimeContext, laid: &mut Laid) -> bool {
    let mut at = at;
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
    if data.is_empty() && line.get(at) == Some(&b'-') {
        at += 1;
    } else if data.is_empty() {
        return false;
    }
    let [host, app, process, message_id] = columns;
    let number = text::digits(line, process.start) == process.end;
    if !matches!(line.get(at), None | Some(b' ')) || !(number || line[process.clone()] == *b"-" || opening.is_none()) {
        return false;
    }
    if let Some(opening) = opening {
        laid.date(&opening, line, context);
    }
    laid.layout = "syslog";
    laid.member(line, "host", host);
    laid.member(line, "module", app);
    laid.member(line, "pid", process);
    laid.member(line, "msgid", message_id);
    laid.member(line, "structured_data", data);
    at = (at + 1).min(line.len());
    // A byte order mark says that the message is UTF-8, which every line here is.
    at += if line[at..].starts_with("\u{feff}".as_bytes()) { 3 } else { 0 };
    laid.message = at..line.len();
    read_message(line, context, laid);
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
fn is_host(word: &[u8]) -> bool {
    let marks =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'/' | b'@' | b'#');
    !word.is_empty() && word.len() <= 255 && word.iter().all(marks) && Level::from_text(word).is_none()
}

/// Who wrote a message: `tag[pid]:`, `tag:`, `/path/tag[pid]:`, `tag(part)[pid]:`, `tag version:`,
/// `tag : `, and behind a pid also `(context):` and `<Level>:`.
struct Tag {
    name: Range<usize>,
    version: Range<usize>,
    pid: Range<usize>,
    context: Range<usize>,
    level: Option<(Level, Range<usize>)>,
    end: usize,
}

impl Tag {
    /// A tag of one word, the only kind that is certain where a host could stand.
    fn in_one_word(line: &[u8], at: usize) -> Option<Tag> {
        let mut tag = Tag { name: at..at, version: 0..0, pid: 0..0, context: 0..0, level: None, end: at };
        let word = text::word(line, at);
        // `error:` is the label of a message.
        let label = text::level_word(line, at).is_some_and(|(_, said)| said.end + 1 >= word.end);
        (word.len() <= LONGEST_TAG && !label && tag.take(line, word)).then(|| tag.finish(line))
    }

    fn find(line: &[u8], at: usize) -> Option<Tag> {
        if let Some(tag) = Tag::in_one_word(line, at) {
            return Some(tag);
        }
        let mut tag = Tag { name: at..at, version: 0..0, pid: 0..0, context: 0..0, level: None, end: at };
        let word = text::word(line, at);
        // More words: the mark alone, a version, or a name with spaces in it, which only a pid
        // makes certain.
        if !is_host(&line[word.clone()]) {
            return None;
        }
        let mut last = text::word(line, word.end + 1);
        if line[last.clone()] == *b":" {
            (tag.name, tag.end) = (word, last.end);
            return Some(tag.finish(line));
        }
        if line.get(last.start).is_some_and(u8::is_ascii_digit) && tag.take(line, last.clone()) {
            tag.version = tag.name.clone();
            tag.name = word;
            return Some(tag.finish(line));
        }
        for _ in 0..MOST_WORDS {
            if last.is_empty() || last.end - word.start > LONGEST_TAG {
                break;
            }
            if tag.take(line, last.clone()) {
                let numbered = !tag.pid.is_empty() && text::digits(line, tag.pid.start) == tag.pid.end;
                if !numbered || line[tag.end - 1] != b':' {
                    break;
                }
                tag.name = word.start..tag.name.end;
                return Some(tag.finish(line));
            }
            last = text::word(line, last.end + 1);
        }
        None
    }

    /// Takes `name[pid]:`, `name[pid]` or `name:`, to the end of the word or to the colon behind
    /// the bracket.
    fn take(&mut self, line: &[u8], word: Range<usize>) -> bool {
        let written = &line[word.clone()];
        if let Some(open) = memchr::memchr(b'[', written).filter(|open| *open > 0) {
            let Some(pid) = text::inside(line, word.start + open).filter(|pid| pid.end < word.end) else {
                return false;
            };
            let end = pid.end + 1;
            let colon = line.get(end) == Some(&b':');
            if pid.is_empty() || !(colon || end == word.end) {
                return false;
            }
            self.name = word.start..word.start + open;
            self.end = end + usize::from(colon);
            self.pid = pid;
            return true;
        }
        if written.len() > 1 && written.ends_with(b":") {
            self.name = word.start..word.end - 1;
            self.end = word.end;
            return true;
        }
        false
    }

    /// What can follow a pid without a colon, and the space before the message.
    fn finish(mut self, line: &[u8]) -> Tag {
        if !self.pid.is_empty() && line[self.end - 1] == b']' {
            let open = self.end + 1;
            if let Some(inside) = text::inside(line, open).filter(|inside| line.get(inside.end + 1) == Some(&b':')) {
                match (line[open], text::level_word(line, inside.start)) {
                    (b'<', Some((level, said))) if said == inside => self.level = Some((level, said)),
                    (b'(', _) => self.context = inside.clone(),
                    _ => return self.behind_space(line),
                }
                self.end = inside.end + 2;
            }
        }
        self.behind_space(line)
    }

    fn behind_space(mut self, line: &[u8]) -> Tag {
        // One space is the mark; more are the message's own indent.
        self.end += usize::from(line.get(self.end) == Some(&b' '));
        self
    }

    fn put(&self, line: &[u8], laid: &mut Laid) {
        laid.member(line, "module", self.name.clone());
        laid.member(line, "version", self.version.clone());
        let number = text::digits(line, self.pid.start) == self.pid.end;
        laid.member(line, if number { "pid" } else { "instance" }, self.pid.clone());
        laid.member(line, "context", self.context.clone());
        if let Some((level, said)) = &self.level {
            laid.say(*level, said.clone());
        } else if let Some((level, digit)) = mnemonic(line, self.name.clone()) {
            laid.say(level, digit);
        }
    }
}

/// The level in the name that Cisco's devices give their messages: `%SYS-5-CONFIG_I`.
fn mnemonic(line: &[u8], name: Range<usize>) -> Option<(Level, Range<usize>)> {
    let written = line[name.clone()].strip_prefix(b"%")?;
    let place = written.windows(3).position(|mark| mark[0] == b'-' && mark[1].is_ascii_digit() && mark[2] == b'-')?;
    let level = Level::from_number(i64::from(written[place + 1] - b'0'))?;
    let digit = name.start + 1 + place + 1;
    Some((level, digit..digit + 1))
}
