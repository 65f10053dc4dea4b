//! Layouts as patterns, compiled when the program is.
//!
//! A pattern is the layout as one would print it, with fields in braces: `{time} {level} [{thread}] {module}: {message}`.
//!
//! - A space stands for one or more spaces or tabs, `_` for exactly one; any other byte for itself.
//! - `{time}`, `{level}`, `{message}` are those of the line. `{letter}` is a level of one letter, `{severity}` also a
//!   word that only databases use, `{sign}` one of Redis's marks.
//! - `{location}` is `thread:logger@line`, which only reads from its end.
//! - Every other field is a member of that name. It takes what the mark behind it leaves: the inside of brackets or of
//!   quotes, else a word, up to that mark. A colon and space behind it let it hold colons itself.
//! - `{name:number}`, a whole number; `{name:decimal}`, one with a fraction; `{name:dotted}`,
//!   a name like a class's, with two points at least; `{name:a|b}`, one of these words; `{name:epoch}`, an epoch that is the time.
//!   `pid`, `line`, `status`, `bytes` are numbers anyway.
//!
//! - `{message>}` begins the message there, and the pattern goes on inside of it; `{rest}` is what no
//!   field of it takes.
//!
//! The message is the rest of the line, or up to the last place of the mark behind it. Without it a pattern must fit
//! up to the end of the line.

use std::ops::Range;

use super::super::level::Level;
use super::super::time::{self, Kind, TimeContext, Written};
use super::{Laid, Opening, text};

/// The longest pattern, in steps.
const LONGEST: usize = 48;

/// One layout: its name and the steps of its pattern.
pub(super) struct Layout {
    name: &'static str,
    steps: [Step; LONGEST],
    count: usize,
    shape: Shape,
}

/// What stands behind the time: the byte there, and the first bytes of the next two columns, each a set of kinds.
///
/// Most patterns of a group fail there, so a line's kinds are found once and compared with those of each pattern.
#[derive(Clone, Copy)]
pub(super) struct Shape([u8; 3]);

const ANY: u8 = u8::MAX;
const SPACE: u8 = 1;
const LETTER: u8 = 2;
const DIGIT: u8 = 4;
const BRACKET: u8 = 8;
const DASH: u8 = 16;
const MARK: u8 = 32;
/// The end of the line, where a pattern's space can stand for nothing.
const END: u8 = 64;

const fn kind(byte: u8) -> u8 {
    match byte {
        b' ' | b'\t' => SPACE,
        b'a'..=b'z' | b'A'..=b'Z' => LETTER,
        b'0'..=b'9' => DIGIT,
        b'[' => BRACKET,
        b'-' => DASH,
        _ => MARK,
    }
}

impl Shape {
    /// That of a line behind its time.
    pub(super) fn of(line: &[u8], end: usize) -> Shape {
        let at = |place: usize| line.get(place).map_or(END, |byte| kind(*byte));
        let first = text::skip_spaces(line, end);
        let second = text::skip_spaces(line, text::word(line, first).end);
        Shape([at(end), at(first), at(second)])
    }

    /// That of the steps of a pattern.
    const fn of_steps(steps: &[Step], count: usize) -> Shape {
        let mut at = 0;
        while at < count && !matches!(steps[at], Step::Time) {
            at += 1;
        }
        if at + 2 >= count {
            return Shape([ANY; 3]);
        }
        let Step::Spaces = steps[at + 1] else {
            return Shape([steps[at + 1].kinds(), ANY, ANY]);
        };
        let word = matches!(steps[at + 2], Step::Level | Step::Letter | Step::Byte(b'-'))
            || matches!(
                steps[at + 2],
                Step::Member(
                    _,
                    Take::Number | Take::Choice(_) | Take::Word | Take::Dotted
                )
            );
        let second = if word && at + 4 < count && matches!(steps[at + 3], Step::Spaces) {
            steps[at + 4].kinds()
        } else {
            ANY
        };
        Shape([SPACE | END, steps[at + 2].kinds() | END, second | END])
    }

    const fn fits(self, line: Shape) -> bool {
        self.0[0] & line.0[0] != 0 && self.0[1] & line.0[1] != 0 && self.0[2] & line.0[2] != 0
    }
}

impl Step {
    /// The kinds of bytes that a step can begin with.
    const fn kinds(&self) -> u8 {
        match self {
            Step::Byte(byte) => kind(*byte),
            Step::Level
            | Step::Letter
            | Step::Severity
            | Step::Member(_, Take::Choice(_) | Take::Dotted) => LETTER,
            Step::Member(_, Take::Number) => DIGIT | DASH,
            _ => ANY,
        }
    }
}

#[derive(Clone, Copy)]
enum Step {
    Byte(u8),
    Spaces,
    OneSpace,
    Time,
    Level,
    Letter,
    Severity,
    Sign,
    Location,
    Message,
    /// The message begins, and the pattern goes on inside of it.
    MessageFromHere,
    Rest,
    Member(&'static str, Take),
}

/// How much of the line a member takes.
#[derive(Clone, Copy)]
enum Take {
    /// Digits, and spaces before them.
    Number,
    /// Digits, a point and digits, and spaces before them.
    Decimal,
    /// Digits that are an epoch.
    Epoch,
    /// A word of at least three names with points between them.
    Dotted,
    /// One of these words, with `|` between them.
    Choice(&'static str),
    /// Up to this byte, without spaces.
    Until(u8),
    /// Up to a colon that spaces or the end follow, without spaces.
    UntilColon,
    /// Up to the bracket that closes, with spaces.
    Inside,
    /// Up to the quote that closes.
    Quoted,
    /// Up to a space.
    Word,
}

impl Layout {
    /// Compiles a pattern. One with an error in it does not compile.
    pub(super) const fn new(name: &'static str, pattern: &'static str) -> Layout {
        let bytes = pattern.as_bytes();
        let mut steps = [Step::Spaces; LONGEST];
        let (mut count, mut at) = (0, 0);
        while at < bytes.len() {
            steps[count] = match bytes[at] {
                b' ' => Step::Spaces,
                b'_' => Step::OneSpace,
                b'{' => {
                    let start = at + 1;
                    while bytes[at] != b'}' {
                        at += 1;
                    }
                    let field = pattern.split_at(at).0.split_at(start).1;
                    let before = if start > 1 { bytes[start - 2] } else { 0 };
                    let next = if at + 1 < bytes.len() {
                        bytes[at + 1]
                    } else {
                        0
                    };
                    let spaced = at + 2 < bytes.len() && bytes[at + 2] == b' ';
                    field_step(field, before, next, spaced)
                }
                byte => Step::Byte(byte),
            };
            count += 1;
            at += 1;
        }
        let shape = Shape::of_steps(&steps, count);
        Layout {
            name,
            steps,
            count,
            shape,
        }
    }

    /// Whether a line of that shape can have this layout.
    pub(super) const fn fits(&self, shape: Shape) -> bool {
        self.shape.fits(shape)
    }

    /// Whether the line has this layout; what was captured is then in `laid`, which is else as it was before.
    pub(super) fn read(
        &self,
        line: &[u8],
        from: usize,
        opening: Option<Opening>,
        context: &mut TimeContext,
        laid: &mut Laid,
    ) -> bool {
        let members = laid.members.len();
        let whole = from..line.len();
        let mut matching = Matching {
            line,
            at: from,
            opening,
            context,
            laid,
            written: None,
            message: whole,
        };
        if matching.run(&self.steps[..self.count]) {
            let (written, message) = (matching.written, matching.message);
            (laid.layout, laid.message) = (self.name, message);
            if let Some(written) = written {
                laid.time = Some(written.instant);
                context.accept(&written);
            }
            return true;
        }
        laid.members.truncate(members);
        (laid.level, laid.level_text) = (None, 0..0);
        false
    }
}

/// The step of a field, by its name and the bytes around it.
const fn field_step(field: &'static str, before: u8, next: u8, spaced: bool) -> Step {
    let bytes = field.as_bytes();
    let mut colon = 0;
    while colon < bytes.len() && bytes[colon] != b':' {
        colon += 1;
    }
    let name = field.split_at(colon).0;
    if colon < bytes.len() {
        let kind = field.split_at(colon + 1).1;
        return Step::Member(
            name,
            match kind.as_bytes() {
                b"number" => Take::Number,
                b"decimal" => Take::Decimal,
                b"epoch" => Take::Epoch,
                b"dotted" => Take::Dotted,
                _ => Take::Choice(kind),
            },
        );
    }
    let take = match name.as_bytes() {
        b"time" => return Step::Time,
        b"level" => return Step::Level,
        b"letter" => return Step::Letter,
        b"severity" => return Step::Severity,
        b"sign" => return Step::Sign,
        b"location" => return Step::Location,
        b"message" => return Step::Message,
        b"rest" => return Step::Rest,
        b"message>" => return Step::MessageFromHere,
        b"pid" | b"line" | b"status" | b"bytes" => Take::Number,
        _ => match (before, next) {
            (b'"', b'"') => Take::Quoted,
            (b'[', b']') | (b'(', b')') => Take::Inside,
            (_, b':') if spaced => Take::UntilColon,
            (_, b' ' | b'_' | 0) => Take::Word,
            _ => Take::Until(next),
        },
    };
    Step::Member(name, take)
}

/// A pattern on its way through a line.
struct Matching<'a> {
    line: &'a [u8],
    at: usize,
    opening: Option<Opening>,
    context: &'a TimeContext,
    laid: &'a mut Laid,
    written: Option<Written>,
    message: Range<usize>,
}

impl Matching<'_> {
    fn run(&mut self, steps: &[Step]) -> bool {
        for (index, step) in steps.iter().enumerate() {
            let taken = match *step {
                Step::Byte(byte) => self.take(byte),
                Step::Spaces => self.spaces(),
                Step::OneSpace => self.take(b' ') || self.at == self.line.len(),
                Step::Time => self.time(),
                Step::Level => self.level(),
                Step::Letter => self.letter(),
                Step::Severity => self.severity(),
                Step::Sign => self.sign(),
                Step::Location => self.location(),
                Step::Message => match steps[index + 1..].first() {
                    None => {
                        self.message = self.at..self.line.len();
                        return true;
                    }
                    Some(mark) => self.message_until(mark, steps.get(index + 2)),
                },
                Step::MessageFromHere => {
                    self.message = self.at..self.line.len();
                    true
                }
                Step::Rest => return true,
                Step::Member(name, take) => self.field(name, take),
            };
            if !taken {
                return false;
            }
        }
        text::skip_spaces(self.line, self.at) == self.line.len()
    }

    fn peek(&self) -> Option<u8> {
        self.line.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    /// Spaces; the end of the line stands for those that were cut off with an empty message.
    fn spaces(&mut self) -> bool {
        let start = self.at;
        self.at = text::skip_spaces(self.line, start);
        self.at > start || start == self.line.len()
    }

    fn time(&mut self) -> bool {
        let opening = match self.opening.filter(|opening| opening.at == self.at) {
            Some(opening) => Some(opening),
            None => Opening::scan(self.line, self.at, self.context),
        };
        let Some(opening) = opening else { return false };
        if opening.written.is_none() {
            self.laid
                .member(self.line, "time_of_day", opening.at..opening.end);
        }
        (self.written, self.at) = (opening.written, opening.end);
        true
    }

    /// A level's word, which a bracket may pad.
    fn level(&mut self) -> bool {
        let start = if self.at > 0 && self.line[self.at - 1] == b'[' {
            text::skip_spaces(self.line, self.at)
        } else {
            self.at
        };
        let Some((level, word)) = text::level_word(self.line, start) else {
            return false;
        };
        self.at = word.end;
        if self.line.get(text::skip_spaces(self.line, word.end)) == Some(&b']') {
            self.at = text::skip_spaces(self.line, word.end);
        }
        self.laid.say(level, word);
        true
    }

    fn letter(&mut self) -> bool {
        let level = match self.peek() {
            Some(letter) if letter.is_ascii_uppercase() => Level::from_text(&[letter]),
            _ => None,
        };
        let Some(level) = level else { return false };
        self.laid.say(level, self.at..self.at + 1);
        self.at += 1;
        true
    }

    /// Words of MySQL and PostgreSQL beside the usual ones.
    fn severity(&mut self) -> bool {
        let rest = &self.line[self.at..];
        let length = rest
            .iter()
            .take_while(|byte| byte.is_ascii_alphanumeric())
            .count();
        let level = match &rest[..length] {
            b"LOG" | b"STATEMENT" | b"DETAIL" | b"HINT" | b"CONTEXT" | b"QUERY" | b"System"
            | b"Note" => Level::Info,
            b"DEBUG1" | b"DEBUG2" | b"DEBUG3" | b"DEBUG4" | b"DEBUG5" => Level::Debug,
            word if word.len() > 2 => match Level::from_text(word) {
                Some(level) => level,
                None => return false,
            },
            _ => return false,
        };
        self.laid.say(level, self.at..self.at + length);
        self.at += length;
        true
    }

    fn sign(&mut self) -> bool {
        let level = match self.peek() {
            Some(b'.' | b'-') => Level::Debug,
            Some(b'*') => Level::Info,
            Some(b'#') => Level::Warn,
            _ => return false,
        };
        self.laid.say(level, self.at..self.at + 1);
        self.at += 1;
        true
    }

    /// `thread:logger@line`, inside of a bracket.
    fn location(&mut self) -> bool {
        let Some(inside) = self
            .at
            .checked_sub(1)
            .and_then(|open| text::inside(self.line, open))
        else {
            return false;
        };
        let written = &self.line[inside.clone()];
        let Some(sign) = memchr::memrchr(b'@', written) else {
            return false;
        };
        let Some(colon) = memchr::memrchr(b':', &written[..sign]) else {
            return false;
        };
        let place = inside.start + sign + 1..inside.end;
        if place.is_empty() || text::digits(self.line, place.start) != place.end {
            return false;
        }
        self.laid
            .member(self.line, "thread", inside.start..inside.start + colon);
        self.laid.member(
            self.line,
            "module",
            inside.start + colon + 1..inside.start + sign,
        );
        self.laid.member(self.line, "line", place);
        self.at = inside.end;
        true
    }

    /// A message that ends at the last place of a mark, of a byte with a space before it or by itself.
    fn message_until(&mut self, mark: &Step, next: Option<&Step>) -> bool {
        let (byte, space) = match (mark, next) {
            (Step::Byte(byte), _) => (*byte, 0),
            (Step::Spaces, Some(Step::Byte(byte))) => (*byte, 1),
            _ => return false,
        };
        let rest = &self.line[self.at..];
        let Some(end) = memchr::memrchr(byte, rest).and_then(|end| end.checked_sub(space)) else {
            return false;
        };
        self.message = self.at..self.at + end;
        self.at += end;
        true
    }

    fn field(&mut self, name: &'static str, take: Take) -> bool {
        let rest = &self.line[self.at..];
        let (start, end) = match take {
            Take::Number => {
                let start = text::skip_spaces(self.line, self.at);
                let sign = usize::from(self.line.get(start) == Some(&b'-'));
                let end = text::digits(self.line, start + sign);
                (start, if end == start + sign { start } else { end })
            }
            Take::Decimal => {
                let start = text::skip_spaces(self.line, self.at);
                let end = text::digits(self.line, start);
                if end == start || self.line.get(end) != Some(&b'.') {
                    return false;
                }
                (start, text::digits(self.line, end + 1))
            }
            Take::Epoch => {
                let Some((written, length)) = time::scan(rest, self.context) else {
                    return false;
                };
                if written.kind != Kind::Epoch {
                    return false;
                }
                self.written = Some(written);
                self.at += length;
                return true;
            }
            Take::Choice(words) => {
                let word = text::word(self.line, self.at);
                if !words
                    .split('|')
                    .any(|choice| choice.as_bytes() == &self.line[word.clone()])
                {
                    return false;
                }
                (self.at, word.end)
            }
            Take::Dotted => {
                let word = text::word(self.line, self.at);
                if !text::is_dotted(&self.line[word.clone()]) {
                    return false;
                }
                (self.at, word.end)
            }
            Take::Word => (self.at, text::word(self.line, self.at).end),
            Take::Until(stop) => match memchr::memchr3(stop, b' ', b'\t', rest) {
                Some(length) if rest[length] == stop => (self.at, self.at + length),
                _ => return false,
            },
            Take::UntilColon => {
                let word = text::word(self.line, self.at);
                // A brace is that of a span's fields, not of a name.
                let written = &self.line[word.clone()];
                if written.len() < 2
                    || !written.ends_with(b":")
                    || memchr::memchr(b'{', written).is_some()
                {
                    return false;
                }
                (self.at, word.end - 1)
            }
            Take::Inside => {
                let Some(inside) = self
                    .at
                    .checked_sub(1)
                    .and_then(|open| text::inside(self.line, open))
                else {
                    return false;
                };
                self.at = inside.end;
                let inside = text::trim(self.line, inside);
                self.laid.member(self.line, name, inside);
                return true;
            }
            Take::Quoted => {
                let Some(inside) = self
                    .at
                    .checked_sub(1)
                    .and_then(|open| text::quoted(self.line, open))
                else {
                    return false;
                };
                self.at = inside.end;
                self.laid.quoted(self.line, name, inside);
                return true;
            }
        };
        if end == start {
            return false;
        }
        self.at = end;
        self.laid.member(self.line, name, start..end);
        true
    }
}
