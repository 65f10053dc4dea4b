//! What one column of a header is: a level, a bracket, or a word that its marks or its neighbours
//! tell.

use std::ops::Range;

use super::super::time::TimeContext;
use super::bracket::Bracket;
use super::header::{Column, Header};
use super::kinds::{self, Bytes, LONGEST};
use super::{LayoutMatch, Opening, label, text};

/// The brackets in which Chinese writers put what is a column.
pub(super) const WIDE_OPEN: &[u8] = "【".as_bytes();
const WIDE_CLOSE: &[u8] = "】".as_bytes();

impl Header<'_> {
    /// A column between delimiters, which is certain whatever it holds.
    pub(super) fn delimited(&mut self, word: Range<usize>, matched: &mut LayoutMatch) -> Column {
        // What comes last before a JSON object or the end is the message.
        let behind = text::skip_spaces(self.line, word.end);
        if self.delimiter == Some(b'\t') && matches!(self.line.get(behind + 1), Some(b'{') | None) {
            return Column::None;
        }
        let is_location = kinds::is_file_line(&self.line[word.clone()]);
        self.keep(word.clone());
        self.at = word.end;
        if is_location && matched.level.is_some() { Column::Last } else { Column::Strong }
    }

    /// A word between blanks.
    pub(super) fn word(&mut self, word: Range<usize>, matched: &mut LayoutMatch) -> Column {
        let written = &self.line[word.clone()];
        let name = written.strip_suffix(b":");
        let inner = Bytes::of(name.unwrap_or(written));
        let bytes = if name.is_some() { inner.with_colon() } else { inner };
        if bytes.has_bracket()
            && let Some(column) = self.tagged(&word, matched).or_else(|| self.span(&word, matched))
        {
            return column;
        }
        if bytes.has_equals()
            && let Some(column) = self.pair(&word, matched)
        {
            return column;
        }
        if name.is_some() {
            return self.before_colon(word.start..word.end - 1, inner, matched);
        }
        if let Some(column) = self.named(&word, bytes, matched) {
            return column;
        }
        if self.has_time && bytes.has_digit() && kinds::is_uuid(written) && !matched.has("request_id") {
            matched.member(self.line, "request_id", word.clone());
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
    fn named(&mut self, word: &Range<usize>, bytes: Bytes, matched: &mut LayoutMatch) -> Option<Column> {
        let written = &self.line[word.clone()];
        if matched.has("module") {
            return None;
        }
        if self.is_marked(word.end) && kinds::is_module_of(written, bytes) {
            if matched.level.is_some() {
                matched.member(self.line, "module", word.clone());
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
        if matched.level.is_some() && self.is_before_joined_dash(word.end) && text::is_dotted_pair(written) {
            matched.member(self.line, "module", word.clone());
            self.at = text::skip_spaces(self.line, word.end) + 1;
            return Some(Column::Last);
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
        let is_place = self.has_time && (matched.level.is_some() || self.first) && self.count == 0;
        if is_place && bytes.has_dot_or_colon() && kinds::is_path(written) {
            matched.member(self.line, "module", word.clone());
            self.at = word.end;
            return Some(Column::Last);
        }
        None
    }

    /// `cart: 2026/05/06 11:22:33 …`: a name before the time, as Go's loggers put it.
    pub(super) fn before_time(
        &mut self,
        word: &Range<usize>,
        context: &mut TimeContext,
        matched: &mut LayoutMatch,
    ) -> Option<Column> {
        if self.has_time || !self.first || !self.line[word.clone()].ends_with(b":") {
            return None;
        }
        let name = word.start..word.end - 1;
        let opening = Opening::scan(self.line, text::skip_spaces(self.line, word.end), context)?;
        if opening.at == word.end || opening.written.is_none() || !kinds::is_module(&self.line[name.clone()]) {
            return None;
        }
        matched.member(self.line, "module", name);
        self.at = opening.at;
        Some(Column::Strong)
    }

    /// A word before a colon: the logger, a file and line, or the number of a process.
    fn before_colon(&mut self, name: Range<usize>, bytes: Bytes, matched: &mut LayoutMatch) -> Column {
        let written = &self.line[name.clone()];
        let end = name.end + 1;
        if bytes.has_colon() && kinds::is_file_line(written) {
            self.keep(name);
            self.at = end;
            return Column::Last;
        }
        if self.has_time && bytes.has_digit() && kinds::is_process(written) {
            self.keep(name);
            self.at = end;
            return if self.first { Column::Weak } else { Column::Strong };
        }
        // Without a time it is more likely the first of what a text tells.
        let named = kinds::is_column_of(written, bytes)
            || (self.has_time && (matched.level.is_some() || written.iter().all(u8::is_ascii_lowercase)));
        // `app: ERROR: …` has its level behind the name.
        let labelled = matched.level.is_none() && label::find(self.line, text::skip_spaces(self.line, end)).is_some();
        if matched.has("module") || !kinds::is_module_of(written, bytes) || !(named || labelled) {
            return Column::None;
        }
        if !(labelled || self.has_time || matched.level.is_some()) {
            return Column::None;
        }
        matched.member(self.line, "module", name);
        self.at = end;
        if labelled { Column::Strong } else { Column::Last }
    }

    /// `name[42]`, `name[42]:`, `name(42):`: a program and its process.
    fn tagged(&mut self, word: &Range<usize>, matched: &mut LayoutMatch) -> Option<Column> {
        let written = &self.line[word.clone()];
        let open = memchr::memchr2(b'[', b'(', written).filter(|open| *open > 0)?;
        let inside = text::inside(self.line, word.start + open).filter(|inside| inside.end < word.end)?;
        let end = inside.end + 1;
        let colon = self.line.get(end) == Some(&b':');
        let pid = inside.start..text::digits(self.line, inside.start);
        let process = !pid.is_empty() && (pid.end == inside.end || self.line[pid.end] == b':');
        let name = word.start..word.start + open;
        if !(process && (colon || end == word.end) && kinds::is_module(&self.line[name.clone()]))
            || matched.has("module")
        {
            return None;
        }
        matched.member(self.line, "module", name);
        matched.member(self.line, "pid", pid.clone());
        if pid.end < inside.end {
            matched.member(self.line, "thread", pid.end + 1..inside.end);
        }
        self.at = end + usize::from(colon);
        let labelled =
            matched.level.is_none() && label::find(self.line, text::skip_spaces(self.line, self.at)).is_some();
        Some(if colon && !labelled { Column::Last } else { Column::Strong })
    }

    /// `request{method=GET path=/pay}:`, a span of the `tracing` crate and its fields.
    fn span(&mut self, word: &Range<usize>, matched: &mut LayoutMatch) -> Option<Column> {
        let written = &self.line[word.clone()];
        let open = memchr::memchr(b'{', written).filter(|open| *open > 0 && matched.level.is_some())?;
        let name = written[..open].iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        let inside = text::inside(self.line, word.start + open)?;
        if !name || self.line.get(inside.end + 1) != Some(&b':') {
            return None;
        }
        self.at = inside.end + 2;
        let bracket = Bracket::new(self.line, b'{', inside);
        self.skipped |= !bracket.pairs(matched);
        Some(Column::Strong)
    }

    /// `key=value` before the level, as loggers with fields write it.
    fn pair(&mut self, word: &Range<usize>, matched: &mut LayoutMatch) -> Option<Column> {
        let written = &self.line[word.clone()];
        let equals = memchr::memchr(b'=', written).filter(|equals| *equals > 0)?;
        if matched.level.is_some()
            || !written[..equals].iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        {
            return None;
        }
        self.keep(word.clone());
        self.at = word.end;
        Some(Column::Weak)
    }

    /// A level's word: in capitals, before a mark, or right behind the time.
    pub(super) fn level(&mut self, matched: &mut LayoutMatch) -> Option<Column> {
        if matched.level.is_some() {
            return None;
        }
        let stars = self.line[self.at..].iter().take(3).take_while(|byte| **byte == b'*').count();
        let (level, word) = match text::level_word(self.line, self.at + stars) {
            Some(found) => found,
            None => return self.letter(matched),
        };
        let written = &self.line[word.clone()];
        let next = self.line.get(word.end).copied().unwrap_or(b' ');
        let sentence = [b"alert".as_slice(), b"panic", b"notice", b"fine", b"fail", b"failure", b"config"];
        let believed = match next {
            b':' => {
                let behind = self.line.get(word.end + 1).copied().unwrap_or(b' ');
                // Behind a word and without a time it is a word of a text: `DB Error: 1`.
                let first = self.has_time || self.first || text::is_capitals(written);
                first && (self.has_time || matches!(behind, b' ' | b'\t' | b'0'..=b'9'))
            }
            b'|' | b'\t' | b']' | b',' | b';' | b'[' => true,
            b'*' => stars > 0,
            b' ' => {
                text::is_capitals(written.trim_ascii_end().split(|byte| !byte.is_ascii_alphabetic()).next()?)
                    || (self.count == 0
                        && self.has_time
                        && !sentence.iter().any(|word| word.eq_ignore_ascii_case(written)))
            }
            0x80.. => !written.is_ascii() || text::is_capitals(written),
            _ => false,
        };
        if !believed {
            return None;
        }
        if self.first && matches!(next, b';' | b'\t') {
            self.delimiter = self.delimiter.or(Some(next));
        }
        self.at = word.end + self.line[word.end..].iter().take(stars).take_while(|byte| **byte == b'*').count();
        matched.say(level, word);
        // logrus writes the seconds since its start there.
        if next == b'['
            && text::inside(self.line, self.at)
                .is_some_and(|inside| inside.len() == 4 && kinds::is_process(&self.line[inside]))
        {
            self.at += 6;
        }
        Some(Column::Strong)
    }

    /// A level of one letter between delimiters.
    fn letter(&mut self, matched: &mut LayoutMatch) -> Option<Column> {
        let letter = *self.line.get(self.at).filter(|letter| letter.is_ascii_uppercase())?;
        if !self.is_delimited(self.at + 1) || !matches!(letter, b'I' | b'W' | b'E' | b'D' | b'T' | b'V' | b'F' | b'C') {
            return None;
        }
        let level = super::Level::from_text(&[letter])?;
        matched.say(level, self.at..self.at + 1);
        self.at += 1;
        Some(Column::Strong)
    }

    /// A bracket: what its inside says.
    pub(super) fn bracket(&mut self, open: u8, context: &mut TimeContext, matched: &mut LayoutMatch) -> Column {
        let wide = self.line[self.at..].starts_with(WIDE_OPEN);
        let whole = if wide { wide_inside(self.line, self.at) } else { text::inside(self.line, self.at) };
        let Some(whole) = whole.filter(|inside| inside.len() <= LONGEST) else {
            return Column::None;
        };
        let bracket = Bracket::new(self.line, open, whole.clone());
        // Who speaks and where is known: what comes now is said.
        let is_known =
            matched.has("module") && matched.level.is_some() && (matched.has("pid") || matched.has("thread"));
        if is_known && self.count == 0 && bracket.is_plain() {
            return Column::None;
        }
        self.is_simple &= open == b'[' && !wide && !bracket.has_marks();
        let column = bracket.read(self.has_time, context, matched, |name| {
            let room = self.names.get_mut(self.named);
            self.named += usize::from(room.is_some());
            match room {
                Some(room) => *room = name,
                None => self.skipped = true,
            }
        });
        self.has_time |= matched.time.is_some() || matched.has("time_of_day");
        self.skipped |= matches!(column, Column::Strong) && bracket.is_skipped(matched);
        if !matches!(column, Column::None) {
            self.at = whole.end + if wide { WIDE_CLOSE.len() } else { 1 };
        }
        column
    }
}

/// The inside of such a bracket.
fn wide_inside(line: &[u8], at: usize) -> Option<Range<usize>> {
    let start = at + WIDE_OPEN.len();
    let window = &line[start..line.len().min(start + LONGEST + WIDE_CLOSE.len())];
    memchr::memmem::find(window, WIDE_CLOSE).map(|length| start..start + length)
}
