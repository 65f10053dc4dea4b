//! Headers that no pattern says: a time, at the start or behind what a relay put there, and then
//! columns in any order, up to where the message begins.
//!
//! Columns are *strong* if their marks make them certain (a level, a bracket, a name before a
//! colon, anything between pipes) or *weak* if they only look like one (a number, a name with a
//! mark or digit in it, a word in capitals). Weak ones count only if a strong one follows, so that
//! a message which begins with a number or a name is kept whole.

use std::ops::Range;

use super::super::time::{TimeContext, TimeKind, Written};
use super::{Laid, Opening, label, read_timed, text};

/// How many columns a header has at most.
const MOST: usize = 8;

/// The longest name, and the longest inside of a bracket, that is a column.
const LONGEST: usize = 160;

/// Reads a line from its time on, which may stand in a bracket. Always taken.
pub(super) fn read(line: &[u8], opening: Opening, context: &mut TimeContext, laid: &mut Laid) -> bool {
    laid.date(&opening, line, context);
    let bracketed = opening.at > 0 && line[opening.at - 1] == b'[';
    let close = bracketed && line.get(opening.end) == Some(&b']');
    read_columns(line, opening.end + usize::from(close), laid);
    true
}

/// Reads a line that begins with the word of a level, in a bracket or not, and its time behind
/// that.
pub(super) fn read_level_first(line: &[u8], context: &mut TimeContext, laid: &mut Laid) -> bool {
    let bracket = usize::from(line[0] == b'[');
    let Some((level, word)) = text::level_word(line, text::skip_spaces(line, bracket)) else {
        return false;
    };
    let mut at = word.end;
    while matches!(line.get(at), Some(b' ' | b'\t' | b']' | b'[' | b':' | b'|' | b'-')) {
        at += 1;
    }
    let Some(opening) = (at > word.end).then(|| Opening::scan(line, at, context)).flatten() else {
        return false;
    };
    laid.say(level, word);
    read(line, opening, context, laid)
}

/// Reads a line in which labels, an epoch, a date, a file or a host stand before the time of the
/// event itself.
///
/// An epoch among them says the instant, and the inner time only the part of its second: it is
/// seldom in UTC.
pub(super) fn read_relayed(line: &[u8], first: Option<Opening>, context: &mut TimeContext, laid: &mut Laid) -> bool {
    let mut epoch = first;
    let mut last = 0..0;
    let mut at = first.map_or(0, |opening| text::skip_spaces(line, opening.end));
    if let Some(first) = first
        && !first.is(TimeKind::Epoch)
        && !(line.get(at).is_some_and(u8::is_ascii_digit) && first.is(TimeKind::Dated))
    {
        return false;
    }
    for _ in 0..MOST {
        let word = text::word(line, at);
        if word.is_empty() {
            break;
        }
        match Opening::scan(line, at, context).filter(|opening| opening.written.is_some()) {
            Some(opening) if opening.is(TimeKind::Epoch) => {
                epoch = epoch.or(Some(opening));
                at = text::skip_spaces(line, opening.end);
                continue;
            }
            Some(inner) if at > 0 => return read_inner(line, inner, epoch, last, context, laid),
            _ => {}
        }
        if first.is_some_and(|first| first.is(TimeKind::Dated))
            || !(is_column(&line[word.clone()]) || is_mark(&line[word.clone()]))
        {
            break;
        }
        if line[word.start].is_ascii_alphabetic() {
            last = word.clone();
        }
        at = text::skip_spaces(line, word.end);
    }
    // Without an inner time the epoch is the time, if only a label is before it.
    match epoch {
        Some(epoch) if first.is_none() && line[..epoch.at].iter().filter(|byte| **byte == b' ').count() == 1 => {
            read(line, epoch, context, laid);
            laid.header = 0..laid.message.start;
            true
        }
        _ => false,
    }
}

/// Reads what a relay passed on, from its inner time on.
fn read_inner(
    line: &[u8],
    mut inner: Opening,
    epoch: Option<Opening>,
    last: Range<usize>,
    context: &mut TimeContext,
    laid: &mut Laid,
) -> bool {
    inner.written = match (epoch.and_then(|epoch| epoch.written), inner.written) {
        (Some(outer), Some(written)) if outer.kind == TimeKind::Epoch => Some(merge(outer, written)),
        (_, written) => written,
    };
    let lead = &line[last.clone()];
    if !last.is_empty() && memchr::memmem::find(lead, b".log").is_some() {
        laid.member(line, "file", last);
    } else if !last.is_empty() && !inner.is(TimeKind::Syslog) {
        laid.member(line, "host", last);
    }
    read_timed(line, inner, context, laid);
    laid.header = 0..laid.message.start;
    true
}

/// The instant of the epoch, with the fraction of the written time if both are of the same second
/// of a minute.
fn merge(epoch: Written, written: Written) -> Written {
    const SECOND: i64 = 1_000_000_000;
    let same = epoch.instant.0.div_euclid(SECOND).rem_euclid(60) == written.instant.0.div_euclid(SECOND).rem_euclid(60);
    let fraction = written.instant.0.rem_euclid(SECOND);
    let whole = same && epoch.instant.0.rem_euclid(SECOND) == 0;
    let instant = if whole { epoch.instant.saturating_add_nanos(fraction) } else { epoch.instant };
    Written::known(instant, written.kind)
}

/// Reads the columns at `at`; the message begins behind the last that is certain.
fn read_columns(line: &[u8], at: usize, laid: &mut Laid) {
    laid.layout = "columns";
    let first = match line.get(at) {
        Some(b' ') => line.get(text::skip_spaces(line, at)).filter(|byte| **byte == b'|'),
        Some(b',') if matches!(line.get(at + 1), Some(b' ')) => None,
        first => first,
    };
    let delimiter = first.copied().filter(|byte| matches!(byte, b'|' | b';' | b',' | b'\t'));
    let mut columns = Columns { line, at, weak: [const { 0..0 }; MOST], count: 0, skipped: false, delimiter };
    columns.skip_separators();
    let mut message = columns.at;
    for _ in 0..MOST {
        match columns.next(laid) {
            Column::Strong => {
                columns.put_weak(laid);
                columns.skip_separators();
                message = columns.at;
            }
            Column::Last => {
                columns.put_weak(laid);
                message = text::skip_spaces(line, columns.at);
                break;
            }
            Column::Weak => columns.at = text::skip_spaces(line, columns.at),
            Column::None => break,
        }
    }
    laid.message = message..line.len();
    if columns.skipped {
        laid.header = 0..message;
    }
    if laid.level.is_none()
        && let Some((level, word)) = label::find(line, message)
    {
        laid.say(level, word);
    }
}

enum Column {
    /// Certain, and others may follow.
    Strong,
    /// Certain, and the message follows.
    Last,
    Weak,
    None,
}

struct Columns<'a> {
    line: &'a [u8],
    at: usize,
    weak: [Range<usize>; MOST],
    count: usize,
    /// Whether a column went into no member.
    skipped: bool,
    /// The byte between all columns, if the one behind the time is no space.
    delimiter: Option<u8>,
}

impl Columns<'_> {
    fn next(&mut self, laid: &mut Laid) -> Column {
        let Some(&first) = self.line.get(self.at) else {
            return Column::None;
        };
        if matches!(first, b'[' | b'(' | b'<') {
            return self.bracket(first, laid);
        }
        if first == b'-' && self.count > 0 && self.line.get(self.at + 1) == Some(&b' ') {
            // Weak columns and then a dash: they were a name.
            self.at += 1;
            return Column::Last;
        }
        if let Some(column) = self.level(laid) {
            return column;
        }
        let word = text::word(self.line, self.at);
        let cut = self.delimiter.and_then(|delimiter| memchr::memchr(delimiter, &self.line[word.clone()]));
        let word = cut.map_or(word.clone(), |length| word.start..word.start + length);
        let written = &self.line[word.clone()];
        if self.is_delimited(word.end) && !word.is_empty() && word.len() <= LONGEST {
            self.keep(word.clone());
            self.at = word.end;
            return Column::Strong;
        }
        if let Some(name) = written.strip_suffix(b":")
            && is_name(name)
            && !laid.has("module")
            && (laid.level.is_some() || is_column(name) || name.iter().all(u8::is_ascii_lowercase))
        {
            laid.member(self.line, "module", word.start..word.end - 1);
            self.at = word.end;
            return Column::Last;
        }
        if is_column(written) && self.count < MOST {
            self.keep(word.clone());
            self.at = word.end;
            return Column::Weak;
        }
        Column::None
    }

    /// A level's word: in capitals, before a mark, or right behind the time.
    fn level(&mut self, laid: &mut Laid) -> Option<Column> {
        if laid.level.is_some() {
            return None;
        }
        let (level, word) = text::level_word(self.line, self.at)?;
        let written = &self.line[word.clone()];
        let next = self.line.get(word.end).copied().unwrap_or(b' ');
        let sentence = [b"alert".as_slice(), b"panic", b"notice", b"fine", b"fail", b"failure", b"config"];
        let believed = match next {
            b':' | b'|' | b'\t' | b']' | b',' | b';' => true,
            b' ' => {
                text::is_capitals(written)
                    || (self.count == 0 && !sentence.iter().any(|word| word.eq_ignore_ascii_case(written)))
            }
            _ => false,
        };
        if !believed {
            return None;
        }
        self.at = word.end;
        laid.say(level, word);
        Some(Column::Strong)
    }

    /// A bracket: a level, a number, or a thread; round and pointed ones only for the first two.
    fn bracket(&mut self, open: u8, laid: &mut Laid) -> Column {
        let Some(whole) = text::inside(self.line, self.at).filter(|inside| inside.len() <= LONGEST) else {
            return Column::None;
        };
        let inside = text::trim(self.line, whole.clone());
        if inside.is_empty() {
            return Column::None;
        }
        match text::level_word(self.line, inside.start) {
            Some((level, word)) if word == inside && laid.level.is_none() => laid.say(level, word),
            _ if text::digits(self.line, inside.start) == inside.end && !laid.has("pid") => {
                laid.member(self.line, "pid", inside)
            }
            _ if open == b'[' && text::is_dotted(&self.line[inside.clone()]) && !laid.has("module") => {
                laid.member(self.line, "module", inside)
            }
            _ if open == b'[' && !laid.has("thread") && !laid.has("module") => laid.member(self.line, "thread", inside),
            _ => return Column::None,
        }
        self.at = whole.end + 1;
        Column::Strong
    }

    /// Whether a delimiter follows, with spaces before it at most.
    fn is_delimited(&self, at: usize) -> bool {
        let Some(delimiter) = self.delimiter else {
            return false;
        };
        let mut at = at;
        while self.line.get(at) == Some(&b' ') {
            at += 1;
        }
        self.line.get(at) == Some(&delimiter)
    }

    /// Passes the spaces and marks between columns: the delimiter, and dashes, colons and commas
    /// that spaces follow.
    fn skip_separators(&mut self) {
        loop {
            self.at = text::skip_spaces(self.line, self.at);
            match (self.line.get(self.at), self.line.get(self.at + 1)) {
                (Some(byte), _) if *byte == b'|' || Some(*byte) == self.delimiter => self.at += 1,
                (Some(b'-' | b':' | b','), Some(b' ')) => self.at += 2,
                _ => return,
            }
        }
    }

    fn keep(&mut self, word: Range<usize>) {
        if let Some(place) = self.weak.get_mut(self.count) {
            *place = word;
            self.count += 1;
        }
    }

    /// Names the weak columns that a strong one has made certain: the first number is the process,
    /// the last name the module, or the first where that is no word.
    fn put_weak(&mut self, laid: &mut Laid) {
        let weak = &self.weak[..self.count];
        let number = weak.iter().position(|word| text::digits(self.line, word.start) == word.end);
        let name = weak.iter().rposition(|word| {
            is_name(&self.line[word.clone()])
                && self.line[word.end - 1].is_ascii_alphanumeric()
                && self.line[word.start].is_ascii_alphanumeric()
                && text::digits(self.line, word.start) != word.end
        });
        let pid = number.filter(|_| !laid.has("pid"));
        let module = name.filter(|_| !laid.has("module"));
        for (place, word) in weak.iter().enumerate() {
            if Some(place) == pid {
                laid.member(self.line, "pid", word.clone());
            } else if Some(place) == module {
                laid.member(self.line, "module", word.clone());
            } else {
                self.skipped = true;
            }
        }
        self.count = 0;
    }
}

/// Whether a word is made of what names of hosts, modules and files are made of.
fn is_name(word: &[u8]) -> bool {
    let marks = |byte: &u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'.' | b'_' | b'-' | b':' | b'/' | b'$' | b'@' | b'#' | b'*' | b'%')
    };
    !word.is_empty() && word.len() <= LONGEST && word.iter().all(marks)
}

/// Whether a word is more likely a column than the first of a sentence: a name with a digit or a
/// mark in it, or capitals.
fn is_column(word: &[u8]) -> bool {
    if !is_name(word) || !matches!(word.last(), Some(last) if last.is_ascii_alphanumeric() || *last == b'#') {
        return false;
    }
    word.iter().any(|byte| !byte.is_ascii_alphabetic()) || (word.len() > 1 && text::is_capitals(word))
}

/// Whether a word is a mark that stands alone before a time.
fn is_mark(word: &[u8]) -> bool {
    matches!(word, b"-" | b"|")
}
