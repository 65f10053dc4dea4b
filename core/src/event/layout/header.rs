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
use super::column::WIDE_OPEN;
use super::kinds::{self, LONGEST};
use super::{LayoutMatch, LayoutMember, LayoutName, Opening, ValueForm, label, text};

/// How many columns a header has at most.
const MOST: usize = 12;

/// Reads a line from its time on, which may stand in a bracket. Always taken.
pub(super) fn read(line: &[u8], opening: Opening, context: &mut TimeContext, matched: &mut LayoutMatch) -> bool {
    matched.date(&opening, line, context);
    let bracketed = opening.at > 0 && line[opening.at - 1] == b'[';
    let close = bracketed && line.get(opening.end) == Some(&b']');
    matched.layout = "header";
    let mut header = Header::new(line, opening.end + usize::from(close), !bracketed || close);
    header.read(context, matched);
    header.conclude(matched);
    if matched.level.is_none()
        && let Some((level, word)) = label::find(line, matched.message.start)
    {
        matched.say(level, word);
    }
    // A time alone may be what a shipper has put in front.
    matched.is_envelope = matched.level.is_none();
    true
}

/// Reads a line from its time on if it has the commonest of headers: a level, perhaps brackets
/// around it, and a name with a mark behind it. Of these no pattern of the table knows more.
pub(super) fn read_simple(line: &[u8], opening: Opening, context: &mut TimeContext, matched: &mut LayoutMatch) -> bool {
    let members = matched.members.len();
    let mut header = Header::new(line, opening.end, true);
    header.only_simple = true;
    header.read(context, matched);
    if !(header.is_simple && header.is_ended && matched.level.is_some()) {
        matched.members.truncate(members);
        (matched.level, matched.level_text) = (None, 0..0);
        return false;
    }
    matched.date(&opening, line, context);
    if opening.written.is_none() {
        // The time of day stands in front of all others.
        matched.members[members..].rotate_right(1);
    }
    matched.layout = "header";
    header.conclude(matched);
    true
}

/// Reads a line that does not begin with its time: a level in front, or other columns and then a
/// level or the time. Without one of these two the line has no header.
pub(super) fn read_untimed(line: &[u8], context: &mut TimeContext, matched: &mut LayoutMatch) -> bool {
    let mut header = Header::new(line, 0, false);
    header.read(context, matched);
    if matched.level.is_none() && !header.has_time {
        matched.clear(line.len());
        return false;
    }
    matched.layout = "header";
    header.conclude(matched);
    // A level alone in front of a text is a part of what the text says.
    if !header.has_time && matched.members.is_empty() && !header.skipped {
        matched.keep_level(line.len());
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
    pub(super) line: &'a [u8],
    pub(super) at: usize,
    /// Where the message begins, by what was found so far.
    message: usize,
    /// Columns that wait for a strong one.
    weak: [Range<usize>; MOST],
    pub(super) count: usize,
    /// Names in brackets: of loggers or threads.
    pub(super) names: [Range<usize>; 4],
    pub(super) named: usize,
    /// Whether a column went into no member.
    pub(super) skipped: bool,
    /// The byte between all columns, if the one behind the time is no space.
    pub(super) delimiter: Option<u8>,
    pub(super) has_time: bool,
    /// The first column is at hand.
    pub(super) first: bool,
    /// Nothing but a level, names in square brackets and the logger was found.
    pub(super) is_simple: bool,
    /// A mark says where the message begins.
    is_ended: bool,
    /// How many names in brackets stand before three dashes, which Spring puts in front of its
    /// application, its thread and the ids of a request.
    pub(super) before_dashes: Option<usize>,
    /// Columns that are not simple end the reading.
    only_simple: bool,
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
            before_dashes: None,
            only_simple: false,
        }
    }

    /// Takes columns up to the message.
    fn read(&mut self, context: &mut TimeContext, matched: &mut LayoutMatch) {
        self.skip_separators();
        self.message = self.at;
        for _ in 0..MOST {
            match self.next(context, matched) {
                Column::Strong => {
                    self.settle(matched);
                    self.skip_separators();
                    self.message = self.at;
                }
                Column::Last => {
                    self.settle(matched);
                    self.message = text::skip_spaces(self.line, self.at);
                    self.is_ended = true;
                    break;
                }
                Column::Weak => self.at = text::skip_spaces(self.line, self.at),
                Column::None => break,
            }
            if self.only_simple && !self.is_simple {
                return;
            }
            self.first = false;
        }
    }

    fn next(&mut self, context: &mut TimeContext, matched: &mut LayoutMatch) -> Column {
        let Some(&first) = self.line.get(self.at) else {
            return Column::None;
        };
        if matches!(first, b'[' | b'(' | b'<' | b'{') {
            return self.bracket(first, context, matched);
        }
        if first == WIDE_OPEN[0] && self.line[self.at..].starts_with(WIDE_OPEN) {
            return self.bracket(b'[', context, matched);
        }
        if first == b'-' && self.line[self.at..].starts_with(b"--- ") {
            self.at += 3;
            self.before_dashes = Some(self.named);
            return Column::Strong;
        }
        if self.count > 0 && self.is_dash(self.at) {
            // Weak columns and then a dash: they were a name.
            self.at += 1;
            return Column::Last;
        }
        if let Some(column) = self.level(matched) {
            return column;
        }
        if !self.has_time
            && !self.first
            && let Some(opening) =
                Opening::scan(self.line, self.at, context).filter(|opening| opening.written.is_some())
        {
            matched.date(&opening, self.line, context);
            self.at = opening.end + usize::from(self.line.get(opening.end) == Some(&b':'));
            self.has_time = true;
            return Column::Strong;
        }
        let word = text::word(self.line, self.at);
        if let Some(column) = self.before_time(&word, context, matched) {
            return column;
        }
        let cut = self.delimiter.and_then(|delimiter| memchr::memchr(delimiter, &self.line[word.clone()]));
        let word = cut.map_or(word.clone(), |length| word.start..word.start + length);
        if word.is_empty() || word.len() > LONGEST {
            return Column::None;
        }
        if self.is_delimited(word.end) {
            return self.delimited(word, matched);
        }
        self.word(word, matched)
    }

    pub(super) fn keep(&mut self, word: Range<usize>) {
        // A number alone is the process.
        self.is_simple &= text::digits(self.line, word.start) == word.end;
        if let Some(room) = self.weak.get_mut(self.count) {
            *room = word;
            self.count += 1;
        }
    }

    /// Names the weak columns that a strong one has made certain: the first number is the process,
    /// the last name the module.
    fn settle(&mut self, matched: &mut LayoutMatch) {
        if self.count > 0 {
            self.name_weak(matched);
        }
    }

    fn name_weak(&mut self, matched: &mut LayoutMatch) {
        let line = self.line;
        let module = self.weak[..self.count].iter().rposition(|word| {
            let name = &line[word.clone()];
            kinds::is_module(name) && !kinds::is_thread(name) && !kinds::is_address(name) && !name.contains(&b'=')
        });
        let module = module.filter(|_| !matched.has("module"));
        for (i, word) in std::mem::take(&mut self.weak).into_iter().take(self.count).enumerate() {
            let written = &line[word.clone()];
            let digits = text::digits(line, word.start);
            if let Some((file, number)) = kinds::file_line(written) {
                matched.member(line, "file", word.start..word.start + file);
                matched.member(line, "line", word.start + number.start..word.start + number.end);
            } else if Some(i) == module {
                matched.member(line, "module", word);
            } else if digits == word.end && !matched.has("pid") {
                matched.member(line, "pid", word);
            } else if kinds::is_process(written) && digits < word.end && !matched.has("pid") {
                matched.member(line, "pid", word.start..digits);
                matched.member(line, "thread", digits + 1..text::digits(line, digits + 1));
            } else if let Some(equals) = memchr::memchr(b'=', written).filter(|equals| *equals > 0) {
                let name = LayoutName::Written(word.start..word.start + equals);
                let value = word.start + equals + 1..word.end;
                let form = ValueForm::of(&line[value.clone()]);
                matched.members.push(LayoutMember { name, value, form });
            } else if kinds::is_thread(written) && !matched.has("thread") {
                matched.member(line, "thread", word);
            } else if kinds::is_identifier(written) && digits != word.end && !matched.has("request_id") {
                matched.member(line, "request_id", word);
            } else {
                self.skipped = true;
            }
        }
        self.count = 0;
    }

    /// Tells loggers and threads apart, and ends the header.
    fn conclude(&mut self, matched: &mut LayoutMatch) {
        let names = std::mem::take(&mut self.names);
        let names = &names[..self.named];
        let (names, of_spring) = names.split_at(self.before_dashes.unwrap_or(self.named));
        // `[application] [thread]`, or the thread alone.
        let roles: &[&'static str] = match of_spring {
            [_] => &["thread"],
            _ => &["application", "thread", "correlation"],
        };
        for (name, role) in of_spring.iter().zip(roles) {
            put(self.line, role, name, matched);
        }
        for name in names {
            let written = &self.line[name.clone()];
            let is_thread = kinds::is_thread(written) || !kinds::is_module(written);
            if !is_thread && !matched.has("module") {
                put(self.line, "module", name, matched);
            } else if !matched.has("thread") && !kinds::is_identifier(written) {
                put(self.line, "thread", name, matched);
            } else {
                self.skipped = true;
            }
        }
        matched.message = self.message..self.line.len();
        if self.skipped {
            matched.header = 0..self.message;
        }
    }
}

/// Adds a member where it stands in the line.
fn put(line: &[u8], name: &'static str, value: &Range<usize>, matched: &mut LayoutMatch) {
    let before = matched.members.len();
    matched.member(line, name, value.clone());
    if matched.members.len() > before {
        let at = matched.members.iter().position(|member| member.value.start >= value.start).unwrap_or(before);
        matched.members[at..].rotate_right(1);
    }
}
