//! Headers in any order: time, level, thread, logger, process and ids, between brackets, pipes,
//! tabs, colons or blanks, up to where the message begins.
//!
//! Columns are *strong* if their marks make them certain (a level, a bracket, a name before a
//! colon, anything between pipes) or *weak* if they only look like one (a number, a name with a
//! mark or digit in it, a word in capitals). Weak ones count only if a strong one follows, so that
//! a message which begins with a number or a name is kept whole. A name in a bracket is the logger
//! or the thread; which of them is known once the header has ended.

use std::ops::Range;

use super::super::time::TimeContext;
use super::bracket::Bracket;
use super::kinds::{self, Bytes, LONGEST};
use super::{Laid, LayoutMember, LayoutName, Opening, ValueForm, label, text};

pub(super) use super::kinds::is_column;

/// How many columns a header has at most.
const MOST: usize = 12;

/// Reads a line from its time on, which may stand in a bracket. Always taken.
pub(super) fn read(line: &[u8], opening: Opening, context: &mut TimeContext, laid: &mut Laid) -> bool {
    laid.date(&opening, line, context);
    let bracketed = opening.at > 0 && line[opening.at - 1] == b'[';
    let close = bracketed && line.get(opening.end) == Some(&b']');
    laid.layout = "header";
    let mut header = Header::new(line, opening.end + usize::from(close), !(bracketed && !close));
    header.read(context, laid);
    header.conclude(laid);
    if laid.level.is_none()
        && let Some((level, word)) = label::find(line, laid.message.start)
    {
        laid.say(level, word);
    }
    // A time alone may be what a shipper has put in front.
    laid.is_envelope = laid.level.is_none();
    true
}

/// Reads a line from its time on if it has the commonest of headers: a level, perhaps brackets
/// around it, and a name with a mark behind it. Of these no pattern of the table knows more.
pub(super) fn read_simple(line: &[u8], opening: Opening, context: &mut TimeContext, laid: &mut Laid) -> bool {
    let members = laid.members.len();
    let mut header = Header::new(line, opening.end, true);
    header.read(context, laid);
    if !(header.is_simple && header.is_ended && laid.level.is_some()) {
        laid.members.truncate(members);
        (laid.level, laid.level_text) = (None, 0..0);
        return false;
    }
    laid.date(&opening, line, context);
    laid.layout = "header";
    header.conclude(laid);
    true
}

/// Reads a line that does not begin with its time: a level in front, or other columns and then a
/// level or the time. Without one of these two the line has no header.
pub(super) fn read_untimed(line: &[u8], context: &mut TimeContext, laid: &mut Laid) -> bool {
    let mut header = Header::new(line, 0, false);
    header.read(context, laid);
    if laid.level.is_none() && !header.has_time {
        laid.clear(line.len());
        return false;
    }
    laid.layout = "header";
    header.conclude(laid);
    // A level alone in front of a text is a part of what the text says.
    if !header.has_time && laid.members.is_empty() && !header.skipped {
        let (level, word) = (laid.level, laid.level_text.clone());
        laid.clear(line.len());
        (laid.level, laid.level_text) = (level, word);
    }
    true
}

/// What the column at hand is.
pub(super) enum Column {
    /// Certain, and others may follow.
    Strong,
    /// Certain, and the message follows.
    Last,
    Weak,
    None,
}

pub(super) struct Header<'a> {
    line: &'a [u8],
    at: usize,
    /// Where the message begins, by what was found so far.
    message: usize,
    /// Columns that wait for a strong one.
    weak: [Range<usize>; MOST],
    count: usize,
    /// Names in brackets: of loggers or threads.
    names: [Range<usize>; 4],
    named: usize,
    /// Whether a column went into no member.
    pub(super) skipped: bool,
    /// The byte between all columns, if the one behind the time is no space.
    delimiter: Option<u8>,
    has_time: bool,
    /// The first column is at hand.
    first: bool,
    /// Nothing but a level, names in square brackets and the logger was found.
    is_simple: bool,
    /// A mark says where the message begins.
    is_ended: bool,
}

impl<'a> Header<'a> {
    fn new(line: &'a [u8], at: usize, has_time: bool) -> Self {
        let first = match line.get(at) {
            Some(b' ') => line.get(text::skip_spaces(line, at)).filter(|byte| **byte == b'|'),
            Some(b',') if matches!(line.get(at + 1), Some(b' ')) => None,
            _ if at == 0 => None,
            first => first,
        };
        let delimiter = first.copied().filter(|byte| matches!(byte, b'|' | b';' | b',' | b'\t'));
        const NONE: Range<usize> = 0..0;
        Self {
            line,
            at,
            message: at,
            weak: [NONE; MOST],
            count: 0,
            names: [NONE; 4],
            named: 0,
            skipped: false,
            delimiter,
            has_time: has_time || at > 0,
            first: true,
            is_simple: delimiter.is_none(),
            is_ended: false,
        }
    }

    /// Takes columns up to the message.
    fn read(&mut self, context: &mut TimeContext, laid: &mut Laid) {
        self.skip_separators();
        self.message = self.at;
        for _ in 0..MOST {
            match self.next(context, laid) {
                Column::Strong => {
                    self.settle(laid);
                    self.skip_separators();
                    self.message = self.at;
                }
                Column::Last => {
                    self.settle(laid);
                    self.message = text::skip_spaces(self.line, self.at);
                    self.is_ended = true;
                    break;
                }
                Column::Weak => self.at = text::skip_spaces(self.line, self.at),
                Column::None => break,
            }
            self.first = false;
        }
    }

    fn next(&mut self, context: &mut TimeContext, laid: &mut Laid) -> Column {
        let Some(&first) = self.line.get(self.at) else {
            return Column::None;
        };
        if matches!(first, b'[' | b'(' | b'<' | b'{') {
            return self.bracket(first, context, laid);
        }
        if self.count > 0 && self.is_dash(self.at) {
            // Weak columns and then a dash: they were a name.
            self.at += 1;
            return Column::Last;
        }
        if let Some(column) = self.level(laid) {
            return column;
        }
        if !self.has_time
            && !self.first
            && let Some(opening) =
                Opening::scan(self.line, self.at, context).filter(|opening| opening.written.is_some())
        {
            laid.date(&opening, self.line, context);
            self.at = opening.end + usize::from(self.line.get(opening.end) == Some(&b':'));
            self.has_time = true;
            return Column::Strong;
        }
        let word = text::word(self.line, self.at);
        let cut = self.delimiter.and_then(|delimiter| memchr::memchr(delimiter, &self.line[word.clone()]));
        let word = cut.map_or(word.clone(), |length| word.start..word.start + length);
        if word.is_empty() || word.len() > LONGEST {
            return Column::None;
        }
        if self.is_delimited(word.end) {
            return self.delimited(word, laid);
        }
        self.word(word, laid)
    }

    /// A column between delimiters, which is certain whatever it holds.
    fn delimited(&mut self, word: Range<usize>, laid: &mut Laid) -> Column {
        // What comes last before a JSON object or the end is the message.
        let behind = text::skip_spaces(self.line, word.end);
        if self.delimiter == Some(b'\t') && matches!(self.line.get(behind + 1), Some(b'{') | None) {
            return Column::None;
        }
        let is_location = kinds::is_file_line(&self.line[word.clone()]);
        self.keep(word.clone());
        self.at = word.end;
        if is_location && laid.level.is_some() { Column::Last } else { Column::Strong }
    }

    /// A word between blanks.
    fn word(&mut self, word: Range<usize>, laid: &mut Laid) -> Column {
        let written = &self.line[word.clone()];
        let bytes = Bytes::of(written);
        if bytes.has_bracket()
            && let Some(column) = self.tagged(&word, laid).or_else(|| self.span(&word, laid))
        {
            return column;
        }
        if bytes.has_equals()
            && let Some(column) = self.pair(&word, laid)
        {
            return column;
        }
        if let Some(name) = written.strip_suffix(b":") {
            return self.before_colon(word.start..word.start + name.len(), laid);
        }
        if let Some(column) = self.named(&word, bytes, laid) {
            return column;
        }
        if self.has_time && bytes.has_digit() && kinds::is_uuid(written) && !laid.has("request_id") {
            laid.member(self.line, "request_id", word.clone());
            self.at = word.end;
            return Column::Strong;
        }
        if kinds::is_column_of(written, bytes) && !kinds::is_method(written) {
            self.keep(word.clone());
            self.at = word.end;
            return Column::Weak;
        }
        Column::None
    }

    /// A name that something behind it makes the logger: a dash or a colon that stands alone, an
    /// object, or that only programs write such names.
    fn named(&mut self, word: &Range<usize>, bytes: Bytes, laid: &mut Laid) -> Option<Column> {
        let written = &self.line[word.clone()];
        if laid.has("module") {
            return None;
        }
        if self.is_marked(word.end) && kinds::is_module_of(written, bytes) {
            if laid.level.is_some() {
                laid.member(self.line, "module", word.clone());
                self.at = text::skip_spaces(self.line, word.end);
                self.at += self.line[self.at..].iter().take_while(|byte| matches!(byte, b'-' | b':' | b'>')).count();
                return Some(Column::Last);
            }
            if self.is_level(self.behind_mark(word.end)) {
                self.keep(word.clone());
                self.at = self.behind_mark(word.end);
                return Some(Column::Weak);
            }
        }
        let behind = text::skip_spaces(self.line, word.end);
        if self.has_time
            && self.line[behind..].starts_with(b"{\"")
            && behind > word.end
            && kinds::is_module_of(written, bytes)
        {
            self.keep(word.clone());
            self.at = behind;
            return Some(Column::Last);
        }
        let is_place = self.has_time && (laid.level.is_some() || self.first) && self.count == 0;
        if is_place && bytes.has_dot_or_colon() && kinds::is_path(written) {
            laid.member(self.line, "module", word.clone());
            self.at = word.end;
            return Some(Column::Last);
        }
        None
    }

    /// A word before a colon: the logger, a file and line, or the number of a process.
    fn before_colon(&mut self, name: Range<usize>, laid: &mut Laid) -> Column {
        let written = &self.line[name.clone()];
        let (end, bytes) = (name.end + 1, Bytes::of(written));
        if bytes.has_colon() && kinds::is_file_line(written) {
            self.keep(name);
            self.at = end;
            return Column::Last;
        }
        if self.has_time && bytes.has_digit() && is_process(written) {
            self.keep(name);
            self.at = end;
            return if self.first { Column::Weak } else { Column::Strong };
        }
        // Without a time it is more likely the first of what a text tells.
        let named = kinds::is_column_of(written, bytes)
            || (self.has_time && (laid.level.is_some() || written.iter().all(u8::is_ascii_lowercase)));
        // `app: ERROR: …` has its level behind the name.
        let labelled = laid.level.is_none() && label::find(self.line, text::skip_spaces(self.line, end)).is_some();
        if laid.has("module") || !kinds::is_module_of(written, bytes) || !(named || labelled) {
            return Column::None;
        }
        if !(labelled || self.has_time || laid.level.is_some()) {
            return Column::None;
        }
        laid.member(self.line, "module", name);
        self.at = end;
        if labelled { Column::Strong } else { Column::Last }
    }

    /// `name[42]`, `name[42]:`, `name(42):`: a program and its process.
    fn tagged(&mut self, word: &Range<usize>, laid: &mut Laid) -> Option<Column> {
        let written = &self.line[word.clone()];
        let open = memchr::memchr2(b'[', b'(', written).filter(|open| *open > 0)?;
        let inside = text::inside(self.line, word.start + open).filter(|inside| inside.end < word.end)?;
        let end = inside.end + 1;
        let colon = self.line.get(end) == Some(&b':');
        let pid = inside.start..text::digits(self.line, inside.start);
        let process = !pid.is_empty() && (pid.end == inside.end || self.line[pid.end] == b':');
        let name = word.start..word.start + open;
        if !(process && (colon || end == word.end) && kinds::is_module(&self.line[name.clone()])) || laid.has("module")
        {
            return None;
        }
        laid.member(self.line, "module", name);
        laid.member(self.line, "pid", pid.clone());
        if pid.end < inside.end {
            laid.member(self.line, "thread", pid.end + 1..inside.end);
        }
        self.at = end + usize::from(colon);
        let labelled = laid.level.is_none() && label::find(self.line, text::skip_spaces(self.line, self.at)).is_some();
        Some(if colon && !labelled { Column::Last } else { Column::Strong })
    }

    /// `request{method=GET path=/pay}:`, a span of the `tracing` crate and its fields.
    fn span(&mut self, word: &Range<usize>, laid: &mut Laid) -> Option<Column> {
        let written = &self.line[word.clone()];
        let open = memchr::memchr(b'{', written).filter(|open| *open > 0 && laid.level.is_some())?;
        let name = written[..open].iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        let inside = text::inside(self.line, word.start + open)?;
        if !name || self.line.get(inside.end + 1) != Some(&b':') {
            return None;
        }
        self.at = inside.end + 2;
        let bracket = Bracket { line: self.line, open: b'{', inside };
        self.skipped |= !bracket.pairs(laid);
        Some(Column::Strong)
    }

    /// `key=value` before the level, as loggers with fields write it.
    fn pair(&mut self, word: &Range<usize>, laid: &mut Laid) -> Option<Column> {
        let written = &self.line[word.clone()];
        let equals = memchr::memchr(b'=', written).filter(|equals| *equals > 0)?;
        if laid.level.is_some() || !written[..equals].iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') {
            return None;
        }
        self.keep(word.clone());
        self.at = word.end;
        Some(Column::Weak)
    }

    /// A level's word: in capitals, before a mark, or right behind the time.
    fn level(&mut self, laid: &mut Laid) -> Option<Column> {
        if laid.level.is_some() {
            return None;
        }
        let stars = self.line[self.at..].iter().take(3).take_while(|byte| **byte == b'*').count();
        let (level, word) = match text::level_word(self.line, self.at + stars) {
            Some(found) => found,
            None => return self.letter(laid),
        };
        let written = &self.line[word.clone()];
        let next = self.line.get(word.end).copied().unwrap_or(b' ');
        let sentence = [b"alert".as_slice(), b"panic", b"notice", b"fine", b"fail", b"failure", b"config"];
        let believed = match next {
            b':' => {
                let behind = self.line.get(word.end + 1).copied().unwrap_or(b' ');
                self.has_time || matches!(behind, b' ' | b'\t' | b'0'..=b'9')
            }
            b'|' | b'\t' | b']' | b',' | b';' | b'[' => true,
            b'*' => stars > 0,
            b' ' => {
                text::is_capitals(written.trim_ascii_end().split(|byte| !byte.is_ascii_alphabetic()).next()?)
                    || (self.count == 0
                        && self.has_time
                        && !sentence.iter().any(|word| word.eq_ignore_ascii_case(written)))
            }
            _ => !written.is_ascii() && next >= 0x80,
        };
        if !believed {
            return None;
        }
        self.at = word.end + self.line[word.end..].iter().take(stars).take_while(|byte| **byte == b'*').count();
        laid.say(level, word);
        // logrus writes the seconds since its start there.
        if next == b'['
            && text::inside(self.line, self.at)
                .is_some_and(|inside| inside.len() == 4 && is_process(&self.line[inside]))
        {
            self.at += 6;
        }
        Some(Column::Strong)
    }

    /// A level of one letter between delimiters.
    fn letter(&mut self, laid: &mut Laid) -> Option<Column> {
        let letter = *self.line.get(self.at).filter(|letter| letter.is_ascii_uppercase())?;
        if !self.is_delimited(self.at + 1) || !matches!(letter, b'I' | b'W' | b'E' | b'D' | b'T' | b'V' | b'F' | b'C') {
            return None;
        }
        let level = super::Level::from_text(&[letter])?;
        laid.say(level, self.at..self.at + 1);
        self.at += 1;
        Some(Column::Strong)
    }

    /// A bracket: what its inside says.
    fn bracket(&mut self, open: u8, context: &mut TimeContext, laid: &mut Laid) -> Column {
        let Some(whole) = text::inside(self.line, self.at).filter(|inside| inside.len() <= LONGEST) else {
            return Column::None;
        };
        let bracket = Bracket { line: self.line, open, inside: text::trim(self.line, whole.clone()) };
        // Who speaks and where is known: what comes now is said.
        let is_known = laid.has("module") && laid.level.is_some() && (laid.has("pid") || laid.has("thread"));
        if is_known && self.count == 0 && bracket.is_plain() {
            return Column::None;
        }
        self.is_simple &= open == b'[' && !bracket.has_marks();
        let column = bracket.read(self.has_time, context, laid, |name| {
            let room = self.names.get_mut(self.named);
            self.named += usize::from(room.is_some());
            match room {
                Some(room) => *room = name,
                None => self.skipped = true,
            }
        });
        self.has_time |= laid.time.is_some() || laid.has("time_of_day");
        self.skipped |= matches!(column, Column::Strong) && bracket.is_skipped(laid);
        if !matches!(column, Column::None) {
            self.at = whole.end + 1;
        }
        column
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

    /// A dash that stands alone.
    fn is_dash(&self, at: usize) -> bool {
        self.line[at..].starts_with(b"- ") || self.line[at..] == *b"-"
    }

    /// Whether a mark that stands alone follows: ` - `, ` : `, ` > `, ` -- `.
    fn is_marked(&self, end: usize) -> bool {
        let at = text::skip_spaces(self.line, end);
        match self.line.get(at..) {
            Some([b'-' | b':' | b'>', b' ', ..] | [b'-', b'-', b' ', ..]) => at > end,
            _ => false,
        }
    }

    /// Where the text behind such a mark begins.
    fn behind_mark(&self, end: usize) -> usize {
        text::skip_spaces(self.line, text::word(self.line, text::skip_spaces(self.line, end)).end)
    }

    /// Whether a level stands there, and no word of a text: in capitals, or before a mark.
    fn is_level(&self, at: usize) -> bool {
        text::level_word(self.line, at).is_some_and(|(_, word)| match self.line.get(word.end) {
            None | Some(b' ' | b'\t') => text::is_capitals(&self.line[word]),
            next => matches!(next, Some(b':' | b'|' | b',' | b';')),
        })
    }

    /// Passes the spaces and marks between columns: the delimiter, and dashes, colons and commas
    /// that spaces follow.
    fn skip_separators(&mut self) {
        loop {
            self.at = text::skip_spaces(self.line, self.at);
            let rest = &self.line[self.at..];
            let marks = rest.iter().take_while(|byte| matches!(byte, b'-' | b'>')).count();
            self.is_simple &= marks < 2;
            match (rest.first(), rest.get(1)) {
                (Some(byte), _) if *byte == b'|' || Some(*byte) == self.delimiter => self.at += 1,
                (Some(b':' | b','), Some(b' ')) => self.at += 2,
                (Some(b':'), Some(b'0'..=b'9')) if !self.has_time => self.at += 1,
                _ if (1..=3).contains(&marks) && rest.get(marks) == Some(&b' ') => self.at += marks + 1,
                _ => return,
            }
        }
    }

    fn keep(&mut self, word: Range<usize>) {
        self.is_simple = false;
        if let Some(room) = self.weak.get_mut(self.count) {
            *room = word;
            self.count += 1;
        }
    }

    /// Names the weak columns that a strong one has made certain: the first number is the process,
    /// the last name the module.
    fn settle(&mut self, laid: &mut Laid) {
        if self.count > 0 {
            self.name_weak(laid);
        }
    }

    fn name_weak(&mut self, laid: &mut Laid) {
        let line = self.line;
        let module = self.weak[..self.count].iter().rposition(|word| {
            let name = &line[word.clone()];
            kinds::is_module(name) && !kinds::is_thread(name) && !kinds::is_address(name) && !name.contains(&b'=')
        });
        let module = module.filter(|_| !laid.has("module"));
        for (i, word) in std::mem::take(&mut self.weak).into_iter().take(self.count).enumerate() {
            let written = &line[word.clone()];
            let digits = text::digits(line, word.start);
            if let Some((file, number)) = kinds::file_line(written) {
                laid.member(line, "file", word.start..word.start + file);
                laid.member(line, "line", word.start + number.start..word.start + number.end);
            } else if Some(i) == module {
                laid.member(line, "module", word);
            } else if digits == word.end && !laid.has("pid") {
                laid.member(line, "pid", word);
            } else if is_process(written) && digits < word.end && !laid.has("pid") {
                laid.member(line, "pid", word.start..digits);
                laid.member(line, "thread", digits + 1..text::digits(line, digits + 1));
            } else if let Some(equals) = memchr::memchr(b'=', written) {
                let name = LayoutName::Written(word.start..word.start + equals);
                let value = word.start + equals + 1..word.end;
                let form = if text::is_number(&line[value.clone()]) { ValueForm::Number } else { ValueForm::Text };
                laid.members.push(LayoutMember { name, value, form });
            } else if kinds::is_thread(written) && !laid.has("thread") {
                laid.member(line, "thread", word);
            } else if kinds::is_identifier(written) && digits != word.end && !laid.has("request_id") {
                laid.member(line, "request_id", word);
            } else {
                self.skipped = true;
            }
        }
        self.count = 0;
    }

    /// Tells loggers and threads apart, and ends the header.
    fn conclude(&mut self, laid: &mut Laid) {
        let names = std::mem::take(&mut self.names);
        for name in names.into_iter().take(self.named) {
            let written = &self.line[name.clone()];
            let is_thread = kinds::is_thread(written) || !kinds::is_module(written);
            if !is_thread && !laid.has("module") {
                laid.member(self.line, "module", name);
            } else if !laid.has("thread") && !kinds::is_identifier(written) {
                laid.member(self.line, "thread", name);
            } else {
                self.skipped = true;
            }
        }
        laid.message = self.message..self.line.len();
        if self.skipped {
            laid.header = 0..self.message;
        }
    }
}

/// The number of a process, perhaps with that of its thread: `42`, `42#7`, `42-7`.
fn is_process(word: &[u8]) -> bool {
    let end = text::digits(word, 0);
    end > 0
        && (end == word.len()
            || (matches!(word[end], b'#' | b'-') && end + 1 < word.len() && text::digits(word, end + 1) == word.len()))
}
