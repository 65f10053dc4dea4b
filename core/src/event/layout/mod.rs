//! Text lines: which layout a line has, and what it says there.
//!
//! A line is looked at by itself, but for columns that a directive before it has named (`w3c.rs`).
//! Layouts of a team's own come first (`own.rs`), then, the most telling marks first:
//!
//! 1. `<PRI>`, a journal's export field, an access log's line, a syslog header: readers of their
//!    own (`syslog.rs`, `access.rs`, `logfmt.rs`);
//! 2. the layouts of `table.rs`, each written as a pattern, in groups by what a line begins with;
//! 3. a time or a level at the start, or behind a few columns that a relay put there, and then
//!    columns in any order (`header.rs`);
//! 4. plain text, which can still begin with the word of a level (`label.rs`).
//!
//! What syslog, a container runtime or compose has put in front is an envelope: its message is read
//! as a line again (`envelope.rs`). Behind prose `key=value` pairs are found at last (`tail.rs`).
//!
//! To add a layout, add a line to the table; only what no pattern can say needs a reader.

mod access;
mod bracket;
mod cisco;
mod column;
mod csv;
mod envelope;
mod header;
mod kinds;
mod label;
mod logfmt;
mod ltsv;
mod matching;
mod opening;
mod own;
mod pattern;
mod place;
mod postgresql;
mod relay;
mod request;
mod separators;
mod syslog;
mod table;
mod tag;
mod tail;
mod text;
mod w3c;

use opening::Opening;

pub(super) use kinds::is_method;
pub use own::{BadLayout, OwnLayout};

use std::ops::Range;
use std::sync::Arc;

use super::level::Level;
use super::time::{TimeContext, TimeKind, Timestamp, Written};

/// What a layout captured of one line; reused from line to line so that nothing is allocated.
///
/// All ranges are of bytes of the line, and lie on boundaries of characters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LayoutMatch {
    /// The name of the layout, or of the outermost envelope; `plain` if the line has none.
    pub layout: &'static str,
    /// What was found inside of envelopes, outermost first; empty names at the end.
    pub inside: [&'static str; envelope::DEEPEST],
    /// The time of the line.
    pub time: Option<Timestamp>,
    /// How it is written; empty where it stands in no one place.
    pub time_text: Range<usize>,
    /// The level of the line.
    pub level: Option<Level>,
    /// The word or letter that said the level; empty if none did.
    pub level_text: Range<usize>,
    /// The message; the whole line if it has no layout.
    pub message: Range<usize>,
    /// How the message is written: [`ValueForm::Quoted`] if it is the inside of a quoted string
    /// with escapes.
    pub message_form: ValueForm,
    /// The other fields, in the order they were found.
    pub members: Vec<LayoutMember>,
    /// The line up to its message, if that holds more than the time, the members and marks between
    /// them; else empty.
    pub header: Range<usize>,
    /// The syslog facility, as text, of a line that begins with `<PRI>`.
    pub facility: Option<&'static str>,
    /// The level is the envelope's, which most programs never set: what the message says beats it.
    pub level_is_default: bool,
    /// The time has no year and no fraction, as syslog's: one in the message beats it.
    pub time_is_coarse: bool,
    /// The message may be a line of its own, in front of which something has put a header.
    pub is_envelope: bool,
    /// How many of the first members stand in front of the message; those behind them are in it.
    pub outside: usize,
}

/// A named field of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayoutMember {
    /// Its name.
    pub name: LayoutName,
    /// Its value, without quotes and brackets.
    pub value: Range<usize>,
    /// How the value is written.
    pub form: ValueForm,
}

/// The name of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LayoutName {
    /// A name that the layout gives.
    Known(&'static str),
    /// A name that stands in the line, as in logfmt.
    Written(Range<usize>),
}

/// How a value is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ValueForm {
    /// Plain text.
    #[default]
    Text,
    /// A valid JSON number as it stands; an identifier with leading zeros is text.
    Number,
    /// The inside of a quoted string with backslash escapes in it.
    Quoted,
}

impl ValueForm {
    /// That of a value without quotes.
    fn of(written: &[u8]) -> Self {
        if text::is_number(written) { Self::Number } else { Self::Text }
    }

    /// That of the inside of quotes.
    fn of_quoted(inside: &[u8]) -> Self {
        if memchr::memchr(b'\\', inside).is_some() { Self::Quoted } else { Self::Text }
    }
}

impl LayoutMatch {
    /// Forgets what was captured; the whole line is the message.
    fn clear(&mut self, length: usize) {
        self.members.clear();
        // Field by field, for to build another and move it here costs each line a copy.
        let Self {
            layout,
            inside,
            time,
            time_text,
            level,
            level_text,
            message,
            message_form,
            members: _,
            header,
            facility,
            level_is_default,
            time_is_coarse,
            is_envelope,
            outside,
        } = self;
        (*layout, *message) = ("plain", 0..length);
        if !inside[0].is_empty() {
            *inside = [""; envelope::DEEPEST];
        }
        (*time, *time_text, *level, *level_text) = (None, 0..0, None, 0..0);
        (*message_form, *header, *facility, *outside) = (ValueForm::Text, 0..0, None, 0);
        (*level_is_default, *time_is_coarse, *is_envelope) = (false, false, false);
    }

    /// Forgets all but the level.
    fn keep_level(&mut self, length: usize) {
        let (level, word) = (self.level, self.level_text.clone());
        self.clear(length);
        (self.level, self.level_text) = (level, word);
    }

    /// Whether the line is a part of one that a container runtime has split, and not its last.
    pub fn is_partial(&self, line: &[u8]) -> bool {
        self.layout == "cri" && self.members.get(1).is_some_and(|tag| &line[tag.value.clone()] == b"P")
    }

    /// Adds a field, unless it is empty or the `-` that stands for none.
    fn member(&mut self, line: &[u8], name: &'static str, value: Range<usize>) {
        let written = &line[value.clone()];
        if written.is_empty() || written == b"-" {
            return;
        }
        let form = ValueForm::of(written);
        self.members.push(LayoutMember { name: LayoutName::Known(name), value, form });
    }

    /// Adds the inside of a quoted string, unless it is empty or `-`.
    fn quoted(&mut self, line: &[u8], name: &'static str, value: Range<usize>) {
        let written = &line[value.clone()];
        if written.is_empty() || written == b"-" {
            return;
        }
        let form = ValueForm::of_quoted(written);
        self.members.push(LayoutMember { name: LayoutName::Known(name), value, form });
    }

    /// Whether there is a member of that name.
    fn has(&self, name: &'static str) -> bool {
        self.members.iter().any(|member| member.name == LayoutName::Known(name))
    }

    /// Takes the time of an accepted line.
    fn date(&mut self, opening: &Opening, line: &[u8], context: &mut TimeContext) {
        match opening.written {
            Some(written) => {
                self.time_text = opening.at..opening.end;
                self.take_time(&written, context);
            }
            None => self.member(line, "time_of_day", opening.at..opening.end),
        }
    }

    /// Takes a written time, which moves the year clock.
    fn take_time(&mut self, written: &Written, context: &mut TimeContext) {
        (self.time, self.time_is_coarse) = (Some(written.instant), written.kind == TimeKind::Syslog);
        context.accept(written);
    }

    /// Takes the level that `word` of the line says.
    fn say(&mut self, level: Level, word: Range<usize>) {
        (self.level, self.level_text) = (Some(level), word);
    }
}

/// Reads lines of text. Holds what one line says, from line to line, so that nothing is allocated.
#[derive(Debug, Default)]
pub struct TextReader {
    line: LayoutMatch,
    /// What the message of an envelope says.
    message: LayoutMatch,
    /// Layouts of one's own, which come before all others.
    own: Arc<[OwnLayout]>,
    /// What a directive has said of the columns that follow.
    fields: w3c::Fields,
}

impl TextReader {
    /// With layouts of one's own, which come before all others.
    pub fn new(own: Arc<[OwnLayout]>) -> Self {
        Self { own, ..Self::default() }
    }

    /// What the last line said.
    pub fn matched(&self) -> &LayoutMatch {
        &self.line
    }

    /// Reads one line, valid UTF-8 without its end. Returns false for plain text, of which nothing
    /// is known but the message, the whole line.
    ///
    /// The result depends on the line, the year clock of `context`, and the last directive of the
    /// W3C's format.
    pub fn read(&mut self, line: &[u8], context: &mut TimeContext) -> bool {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        self.line.clear(line.len());
        let mut taken = self.own.iter().any(|own| own.read(line, context, &mut self.line))
            || self.fields.read(line, context, &mut self.line)
            || read(line, context, &mut self.line);
        taken |= envelope::peel(line, context, &mut self.line, &mut self.message, &self.own);
        self.line.outside = self.line.members.len();
        tail::read(line, &mut self.line);
        access::find(line, &mut self.line);
        taken || self.line.level.is_some()
    }
}

/// Reads a line, or what an envelope holds, once.
fn read(line: &[u8], context: &mut TimeContext, matched: &mut LayoutMatch) -> bool {
    let Some(&first) = line.first() else {
        return false;
    };
    let taken = match first {
        b'<' => {
            syslog::read_priority(line, 0, context, matched)
                || table::read(&table::MARK, line, 0, None, context, matched)
        }
        b'[' => read_bracketed(line, context, matched),
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => read_words(line, context, matched),
        b'_' => logfmt::read_journal(line, matched),
        b'*' | b'.' | b'-' => read_marked(line, context, matched),
        b':' => access::read(line, context, matched),
        0xE3 if line.starts_with(column::WIDE_OPEN) => read_columns(line, context, matched),
        b'"' => csv::read_export(line, context, matched),
        b'=' | b'#' | b'@' | b'(' => table::read(&table::MARK, line, 0, None, context, matched),
        b' ' => table::read(&table::MARK, line, 0, None, context, matched) || read_indented(line, context, matched),
        _ => false,
    };
    taken || label::read(line, matched)
}

/// Lines with a few blanks before their time, as `tracing` puts them in its pretty form.
fn read_indented(line: &[u8], context: &mut TimeContext, matched: &mut LayoutMatch) -> bool {
    const MOST: usize = 4;
    let at = text::skip_spaces(line, 0);
    if at > MOST || !line.get(at).is_some_and(u8::is_ascii_digit) {
        return false;
    }
    let opening = Opening::scan(line, at, context).filter(|opening| opening.is(TimeKind::Dated));
    opening.is_some_and(|opening| header::read(line, opening, context, matched))
}

/// Lines that begin with a bracket: a time in it, or one column of several.
fn read_bracketed(line: &[u8], context: &mut TimeContext, matched: &mut LayoutMatch) -> bool {
    match Opening::scan(line, 1, context) {
        Some(opening) => {
            table::read(&table::BRACKET_TIME, line, 0, Some(opening), context, matched)
                || access::read_dated(line, opening, context, matched)
                || header::read(line, opening, context, matched)
        }
        None => {
            if let Some(opening) = Opening::scan_split(line, context) {
                return header::read(line, opening, context, matched);
            }
            if table::read(&table::BRACKET, line, 0, None, context, matched) {
                matched.is_envelope = matches!(matched.layout, "kubectl" | "kernel");
                return true;
            }
            header::read_untimed(line, context, matched)
        }
    }
}

/// Lines that begin with a letter or digit: a time, a level, or the first of some columns.
fn read_words(line: &[u8], context: &mut TimeContext, matched: &mut LayoutMatch) -> bool {
    if let Some(opening) = Opening::scan(line, 0, context) {
        return relay::read(line, Some(opening), context, matched) || read_timed(line, opening, context, matched);
    }
    syslog::read_version(line, context, matched)
        || syslog::read_counted(line, context, matched)
        || read_named(line, context, matched)
        || access::read(line, context, matched)
        || logfmt::read(line, context, matched)
        || ltsv::read(line, context, matched)
        || logfmt::read_journal(line, matched)
        || envelope::read_prefix(line, context, matched)
        || read_columns(line, context, matched)
}

/// Lines that the table tells by their first word.
fn read_named(line: &[u8], context: &mut TimeContext, matched: &mut LayoutMatch) -> bool {
    let alone = line.get(1).is_some_and(|second| !second.is_ascii_alphabetic());
    let group: &[_] = match line[0] {
        b'0'..=b'9' => &table::DIGIT,
        b'A'..=b'Z' if alone => &table::LETTER,
        _ if text::level_word(line, 0).is_some() => &table::LEVEL,
        _ => &table::NAME,
    };
    let behind = text::word(line, 0).end;
    table::read(group, line, 0, None, context, matched)
        || (line[behind..].starts_with(b" [") && table::read(&table::PROXY, line, 0, None, context, matched))
}

/// Lines with some columns before their time or level.
fn read_columns(line: &[u8], context: &mut TimeContext, matched: &mut LayoutMatch) -> bool {
    let levelled = text::level_word(line, 0).is_some();
    (!levelled && relay::read(line, None, context, matched)) || header::read_untimed(line, context, matched)
}

/// Lines from their time on.
fn read_timed(line: &[u8], opening: Opening, context: &mut TimeContext, matched: &mut LayoutMatch) -> bool {
    // A level right behind the time is no host, nor is a bracket.
    let has_host = || {
        let behind = text::skip_spaces(line, opening.end);
        text::level_word(line, behind).is_none() && line.get(behind) != Some(&b'[')
    };
    if opening.is(TimeKind::Syslog) && has_host() {
        return syslog::read(line, opening, context, matched);
    }
    if header::read_simple(line, opening, context, matched) {
        return true;
    }
    if table::read(&table::TIME, line, opening.at, Some(opening), context, matched) {
        matched.is_envelope = matched.layout == "cri";
        return true;
    }
    postgresql::read(line, opening, context, matched)
        || csv::read(line, opening, context, matched)
        || syslog::read_dated(line, opening, context, matched)
        || header::read(line, opening, context, matched)
}

/// Lines that begin with a mark before the time, as Cisco's do, or with the label `-` of a relay.
fn read_marked(line: &[u8], context: &mut TimeContext, matched: &mut LayoutMatch) -> bool {
    match Opening::scan(line, 1, context) {
        Some(opening) if opening.is(TimeKind::Syslog) => syslog::read(line, opening, context, matched),
        _ => table::read(&table::MARK, line, 0, None, context, matched) || read_columns(line, context, matched),
    }
}

#[cfg(test)]
mod tests;
