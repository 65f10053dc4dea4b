//! A pattern on its way through a line: what each of its steps takes.

use std::ops::Range;

use super::super::level::Level;
use super::super::time::{self, TimeContext, TimeKind, Written};
use super::pattern::{Step, Take};
use super::{Laid, Opening, kinds, text};

/// A pattern on its way through a line.
pub(super) struct Matching<'a> {
    pub(super) line: &'a [u8],
    pub(super) at: usize,
    pub(super) opening: Option<Opening>,
    pub(super) context: &'a TimeContext,
    pub(super) laid: &'a mut Laid,
    pub(super) written: Option<Written>,
    pub(super) message: Range<usize>,
}

impl Matching<'_> {
    /// Takes the steps one after the other, to the end of the line; the number of the step that
    /// does not fit is the error.
    pub(super) fn run(&mut self, steps: &[Step]) -> Result<(), usize> {
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
                        return Ok(());
                    }
                    Some(mark) => self.message_until(mark, steps.get(index + 2)),
                },
                Step::MessageFromHere => {
                    self.message = self.at..self.line.len();
                    true
                }
                Step::Rest => return Ok(()),
                Step::Member(name, take) => self.field(name, take),
            };
            if !taken {
                return Err(index);
            }
        }
        if text::skip_spaces(self.line, self.at) == self.line.len() { Ok(()) } else { Err(steps.len()) }
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
            self.laid.member(self.line, "time_of_day", opening.at..opening.end);
        }
        (self.written, self.at) = (opening.written, opening.end);
        true
    }

    /// A level's word, which a bracket may pad.
    fn level(&mut self) -> bool {
        let start =
            if self.at > 0 && self.line[self.at - 1] == b'[' { text::skip_spaces(self.line, self.at) } else { self.at };
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
        let length = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        let Some(level) = super::postgresql::severity(&rest[..length]) else { return false };
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
        let Some(inside) = self.at.checked_sub(1).and_then(|open| text::inside(self.line, open)) else {
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
        self.laid.member(self.line, "thread", inside.start..inside.start + colon);
        self.laid.member(self.line, "module", inside.start + colon + 1..inside.start + sign);
        self.laid.member(self.line, "line", place);
        self.at = inside.end;
        true
    }

    /// A message that ends at the last place of a mark, of a byte with a space before it or by
    /// itself.
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
                if written.kind != TimeKind::Epoch {
                    return false;
                }
                self.written = Some(written);
                self.at += length;
                return true;
            }
            Take::Choice(words) => {
                let word = text::word(self.line, self.at);
                if !words.split('|').any(|choice| choice.as_bytes() == &self.line[word.clone()]) {
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
                if written.len() < 2 || !written.ends_with(b":") || memchr::memchr(b'{', written).is_some() {
                    return false;
                }
                (self.at, word.end - 1)
            }
            Take::Inside => {
                let Some(inside) = self.at.checked_sub(1).and_then(|open| text::inside(self.line, open)) else {
                    return false;
                };
                self.at = inside.end;
                let inside = text::trim(self.line, inside);
                self.laid.member(self.line, name, inside);
                return true;
            }
            Take::Quoted => {
                let Some(inside) = self.at.checked_sub(1).and_then(|open| text::quoted(self.line, open)) else {
                    return false;
                };
                self.at = inside.end;
                self.laid.quoted(self.line, name, inside);
                return true;
            }
        };
        if end == start || (name == "module" && !kinds::is_module(&self.line[start..end])) {
            return false;
        }
        self.at = end;
        self.laid.member(self.line, name, start..end);
        true
    }
}
