//! What the inside of a bracket in a header says.

use std::ops::Range;

use super::super::level::Level;
use super::super::time::TimeContext;
use super::header::Column;
use super::kinds::Bytes;
use super::{LayoutMatch, LayoutMember, LayoutName, Opening, ValueForm, kinds, text};

/// A bracket of a header.
pub(super) struct Bracket<'a> {
    pub(super) line: &'a [u8],
    pub(super) open: u8,
    /// Without the spaces at its ends.
    pub(super) inside: Range<usize>,
    /// What bytes are in it.
    bytes: Bytes,
}

impl<'a> Bracket<'a> {
    pub(super) fn new(line: &'a [u8], open: u8, inside: Range<usize>) -> Self {
        let inside = text::trim(line, inside);
        Self { line, open, bytes: Bytes::of(&line[inside.clone()]), inside }
    }

    fn written(&self) -> &[u8] {
        &self.line[self.inside.clone()]
    }

    /// Takes what the inside says; `name` is given what could be a logger or a thread.
    pub(super) fn read(
        &self,
        has_time: bool,
        context: &mut TimeContext,
        matched: &mut LayoutMatch,
        name: impl FnOnce(Range<usize>),
    ) -> Column {
        let (line, written) = (self.line, self.written());
        if matches!(written, b"" | b"-" | b"N/A") {
            return if matches!(self.open, b'[' | b'{') { Column::Strong } else { Column::None };
        }
        if written.starts_with(b"TID:") && self.skywalking(matched) {
            return Column::Strong;
        }
        if matched.level.is_none() && self.level(matched) {
            return Column::Strong;
        }
        if self.is_number() {
            let role = if matched.has("pid") { "thread" } else { "pid" };
            matched.member(line, role, self.inside.clone());
            return Column::Strong;
        }
        if self.open == b'[' && self.is_sequence() {
            matched.member(line, "sequence", self.inside.clone());
            return Column::Strong;
        }
        if !has_time && self.time(context, matched) {
            return Column::Strong;
        }
        if self.open == b'[' && matched.level.is_some() && self.sleuth(matched) {
            return Column::Strong;
        }
        if self.pairs(matched) || (self.open == b'[' && self.bytes.has_parts() && self.labelled(matched)) {
            return Column::Strong;
        }
        if let Some((file, number)) = self.bytes.has_colon().then(|| kinds::file_line(written)).flatten() {
            matched.member(line, "file", self.inside.start..self.inside.start + file);
            matched.member(line, "line", self.inside.start + number.start..self.inside.start + number.end);
            return Column::Strong;
        }
        if self.open == b'(' && matched.level.is_some() && self.process(matched) {
            return Column::Strong;
        }
        if self.open != b'[' {
            let thread = self.open == b'(' && matched.level.is_some() && kinds::is_thread(written);
            let erlang = self.open == b'<' && written.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
            if (thread || erlang) && !matched.has("thread") {
                matched.member(line, "thread", self.inside.clone());
                return Column::Strong;
            }
            // ClickHouse's query, which its client may have named.
            let is_query = self.open == b'{'
                && (kinds::is_identifier(written) || self.line[self.inside.end..].starts_with(b"} <"));
            return if is_query { Column::Strong } else { Column::None };
        }
        if kinds::is_identifier(written) {
            matched.member(line, "request_id", self.inside.clone());
            return Column::Strong;
        }
        if kinds::is_address(written) {
            matched.member(line, "client", self.inside.clone());
            return Column::Strong;
        }
        if self.uptime() {
            matched.member(line, "uptime", self.inside.clone());
            return Column::Strong;
        }
        if kinds::is_name(written) || kinds::is_thread(written) {
            name(self.inside.clone());
            return Column::Strong;
        }
        Column::None
    }

    /// Whether what it says went into no member.
    pub(super) fn is_skipped(&self, matched: &LayoutMatch) -> bool {
        self.open == b'{' && !matched.members.iter().any(|member| self.inside.contains(&member.value.start))
    }

    /// Whether it may say more than one thing.
    pub(super) fn has_marks(&self) -> bool {
        self.bytes.has_separator() || self.bytes.has_equals() || self.bytes.has_colon_slash_or_at()
    }

    /// Whether it is a name and nothing more.
    pub(super) fn is_plain(&self) -> bool {
        self.open == b'[' && kinds::is_module_of(self.written(), self.bytes) && !kinds::is_thread(self.written())
    }

    fn is_number(&self) -> bool {
        text::digits(self.line, self.inside.start) == self.inside.end
    }

    /// `app/42`, `app/42 on web1`: a program and its process.
    fn process(&self, matched: &mut LayoutMatch) -> bool {
        let (line, written) = (self.line, self.written());
        let Some(slash) = memchr::memchr(b'/', written) else { return false };
        let pid = self.inside.start + slash + 1;
        let end = text::digits(line, pid);
        let host =
            line[end..self.inside.end].strip_prefix(b" on ").map(|host| self.inside.end - host.len()..self.inside.end);
        if end == pid || matched.has("module") || (end < self.inside.end && host.is_none()) {
            return false;
        }
        matched.member(line, "module", self.inside.start..self.inside.start + slash);
        matched.member(line, "pid", pid..end);
        if let Some(host) = host {
            matched.member(line, "host", host);
        }
        true
    }

    /// `shop,65f1a2b3,1a2b3c4d`, the application and the ids of a request, as Spring's tracing
    /// writes them; the ids may be missing.
    fn sleuth(&self, matched: &mut LayoutMatch) -> bool {
        if !self.bytes.has_separator() {
            return false;
        }
        let written = self.written();
        let commas = written.iter().filter(|byte| **byte == b',').count();
        if !(2..=3).contains(&commas) || written.contains(&b' ') {
            return false;
        }
        let mut start = self.inside.start;
        for (part, name) in written.split(|byte| *byte == b',').zip(["application", "trace_id", "span_id"]) {
            matched.member(self.line, name, start..start + part.len());
            start += part.len() + 1;
        }
        true
    }

    /// `TID:3c1e.31.1778`, SkyWalking's trace; `N/A` outside of one. A number is a thread's.
    fn skywalking(&self, matched: &mut LayoutMatch) -> bool {
        let value = text::trim(self.line, self.inside.start + 4..self.inside.end);
        if text::digits(self.line, value.start) == value.end {
            return false;
        }
        if &self.line[value.clone()] != b"N/A" && !matched.has("trace_id") {
            matched.member(self.line, "trace_id", value);
        }
        true
    }

    /// `3-1`: the number of a message and of its part, as PostgreSQL gives syslog.
    fn is_sequence(&self) -> bool {
        let dash = text::digits(self.line, self.inside.start);
        dash > self.inside.start
            && self.line.get(dash) == Some(&b'-')
            && dash + 1 < self.inside.end
            && text::digits(self.line, dash + 1) == self.inside.end
    }

    /// How long a virtual machine runs: `12.345s`, `1234ms`.
    fn uptime(&self) -> bool {
        let written = self.written();
        let number = written.strip_suffix(b"ms").or(written.strip_suffix(b"ns")).or(written.strip_suffix(b"s"));
        number.is_some_and(|number| text::is_number(number) && number[0].is_ascii_digit())
    }

    /// A level alone, or one beside a name: `core:error`, `Server thread/ERROR`, `local.ERROR`.
    fn level(&self, matched: &mut LayoutMatch) -> bool {
        let (line, start, end) = (self.line, self.inside.start, self.inside.end);
        let first = start + usize::from(line[start] == b':');
        if let Some((level, word)) = whole_level(line, first..end, self.open) {
            matched.say(level, word);
            return true;
        }
        if !matches!(self.open, b'[' | b'<') || !self.bytes.has_parts() || self.written().ends_with(b"N/A") {
            return false;
        }
        let mark = |byte: &u8| matches!(byte, b'/' | b':' | b'.' | b'|' | b' ' | b',');
        let written = self.written();
        let (Some(left), Some(right)) = (written.iter().position(mark), written.iter().rposition(mark)) else {
            return false;
        };
        // The level is the last of the parts, or the first.
        let (level, rest, at) = if let Some(found) = whole_level(line, start + right + 1..end, self.open) {
            (found, start..start + right, start + right)
        } else if let Some(found) = whole_level(line, start..start + left, self.open) {
            (found, start + left + 1..end, start + left)
        } else {
            return false;
        };
        let name = text::trim(line, rest);
        let written = &line[name.clone()];
        if written.contains(&b' ') && !kinds::is_thread(written) {
            return false;
        }
        matched.say(level.0, level.1);
        let thread = line[at] == b'/' || kinds::is_thread(written);
        if text::digits(line, name.start) == name.end {
            matched.member(line, "pid", name);
        } else if thread && !matched.has("thread") {
            matched.member(line, "thread", name);
        } else if !matched.has("module") && kinds::is_module(written) {
            matched.member(line, "module", name);
        }
        true
    }

    /// A time, alone or with level and module behind it.
    fn time(&self, context: &mut TimeContext, matched: &mut LayoutMatch) -> bool {
        // A time has digits, and marks between them.
        if !(self.bytes.has_digit() && self.bytes.has_parts()) {
            return false;
        }
        let line = &self.line[..self.inside.end];
        let Some(opening) = Opening::scan(line, self.inside.start, context) else {
            return false;
        };
        let rest = text::skip_spaces(line, opening.end);
        let pid = line[rest..].strip_prefix(b"#").map(|_| rest + 1..self.inside.end);
        if rest < line.len() && pid.as_ref().is_none_or(|pid| text::digits(line, pid.start) != pid.end) {
            return false;
        }
        matched.date(&opening, self.line, context);
        if let Some(pid) = pid {
            matched.member(self.line, "pid", pid);
        }
        true
    }

    /// `key=value` pairs between commas or blanks, and nothing else.
    pub(super) fn pairs(&self, matched: &mut LayoutMatch) -> bool {
        let (line, written) = (self.line, self.written());
        if !self.bytes.has_equals() {
            return false;
        }
        let before = matched.members.len();
        let mut start = self.inside.start;
        for part in written.split(|byte| matches!(byte, b',' | b' ' | b';')) {
            let end = start + part.len();
            if !part.is_empty() {
                let key = part.iter().position(|byte| *byte == b'=').filter(|equals| {
                    *equals > 0 && part[..*equals].iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
                });
                let Some(equals) = key else {
                    matched.members.truncate(before);
                    return false;
                };
                let value = start + equals + 1..end;
                if !value.is_empty() {
                    let form = ValueForm::of(&line[value.clone()]);
                    matched.members.push(LayoutMember {
                        name: LayoutName::Written(start..start + equals),
                        value,
                        form,
                    });
                }
            }
            start = end + 1;
        }
        true
    }

    /// `pid 42`, `pid 42:tid 7`, `client 10.0.0.1:5`, `tid: 7`.
    fn labelled(&self, matched: &mut LayoutMatch) -> bool {
        const LABELS: [&str; 7] = ["pid", "tid", "client", "thread", "process", "remote", "host"];
        let (line, written) = (self.line, self.written());
        let length = written.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let label = LABELS.iter().find(|label| label.as_bytes().eq_ignore_ascii_case(&written[..length]));
        let (Some(label), Some(b' ' | b':' | b'#')) = (label, written.get(length)) else {
            return false;
        };
        let mut value = text::trim(line, self.inside.start + length + 1..self.inside.end);
        if let Some(tid) = memchr::memmem::find(&line[value.clone()], b":tid ") {
            matched.member(line, "thread", value.start + tid + 5..value.end);
            value.end = value.start + tid;
        }
        let name = match *label {
            "tid" | "thread" => "thread",
            "pid" | "process" => "pid",
            "host" => "host",
            _ => "client",
        };
        if line[value.clone()].contains(&b' ') || matched.has(name) {
            return false;
        }
        matched.member(line, name, value);
        true
    }
}

/// A level that is all of `range`: a word, in square brackets also a capital letter, in round ones
/// the two letters of the X server.
fn whole_level(line: &[u8], range: Range<usize>, open: u8) -> Option<(Level, Range<usize>)> {
    let range = text::trim(line, range);
    match (&line[range.clone()], open) {
        ([letter], b'[') if letter.is_ascii_uppercase() => Level::from_text(&[*letter]).map(|level| (level, range)),
        (b"EE", b'(') => Some((Level::Error, range)),
        (b"WW", b'(') => Some((Level::Warn, range)),
        (b"II" | b"==" | b"**" | b"++" | b"--", b'(') => Some((Level::Info, range)),
        _ => text::level_word(line, range.start).filter(|(_, word)| *word == range),
    }
}
