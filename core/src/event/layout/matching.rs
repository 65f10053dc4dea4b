//! A pattern on its way through a line: what each of its steps takes.

use std::ops::Range;

use super::super::level::Level;
use super::super::time::{self, TimeContext, TimeKind, Written};
use super::pattern::{LONGEST, Step, Take};
use super::{LayoutMatch, Opening, kinds, text};

/// Patterns on their way through a line, one after the other: what one has found the next does not
/// look for again, as far as they are alike. What was found is captured only once a pattern fits.
pub(super) struct Matching<'a> {
    line: &'a [u8],
    /// Where the line begins for a pattern.
    from: usize,
    at: usize,
    opening: Option<Opening>,
    context: &'a TimeContext,
    /// What each step took, and where the line went on behind it.
    taken: [(u32, u32); LONGEST],
    after: [u32; LONGEST],
    level: Option<Level>,
    time: Option<Opening>,
}

impl<'a> Matching<'a> {
    /// At `from` in the line, where its time is known already if it is.
    pub(super) fn new(line: &'a [u8], from: usize, opening: Option<Opening>, context: &'a TimeContext) -> Self {
        let (taken, after) = ([(0, 0); LONGEST], [0; LONGEST]);
        Self { line, from, at: from, opening, context, taken, after, level: None, time: None }
    }

    /// Takes the steps from `first` on, one after the other, to the end of the line; those before
    /// it are known from another pattern. The number of the step that does not fit is the error.
    pub(super) fn run(&mut self, steps: &[Step], first: usize) -> Result<(), usize> {
        self.at = if first == 0 { self.from } else { self.after[first - 1] as usize };
        for (index, step) in steps.iter().enumerate().skip(first) {
            let taken = match *step {
                Step::Byte(byte) => self.take(byte),
                Step::Spaces => self.spaces(),
                Step::OneSpace => self.take(b' ').or(self.at_end()),
                Step::Time => self.time(),
                Step::Level => self.level(),
                Step::Letter => self.letter(),
                Step::Severity => self.severity(),
                Step::Sign => self.sign(),
                Step::Location => self.location().map(|[thread, _, line]| thread.start..line.end),
                Step::Message => match steps.get(index + 1) {
                    None => {
                        self.taken[index] = (self.at as u32, self.line.len() as u32);
                        return self.check(&steps[..index]);
                    }
                    Some(mark) => self.message_until(mark, steps.get(index + 2)),
                },
                Step::MessageFromHere => Some(self.at..self.line.len()),
                Step::Rest => return self.check(&steps[..index]),
                Step::Member(_, take) => self.field(take),
            };
            let Some(taken) = taken else { return Err(index) };
            self.taken[index] = (taken.start as u32, taken.end as u32);
            self.after[index] = self.at as u32;
        }
        if text::skip_spaces(self.line, self.at) == self.line.len() { self.check(steps) } else { Err(steps.len()) }
    }

    /// Whether what a pattern that fits calls a module can be one; else the step that took it.
    fn check(&self, steps: &[Step]) -> Result<(), usize> {
        let is_wrong = |index: &usize| match steps[*index] {
            Step::Member("module", Take::Word | Take::Until(_) | Take::UntilColon | Take::Dotted) => {
                !kinds::is_module(&self.line[self.taken[*index].0 as usize..self.taken[*index].1 as usize])
            }
            _ => false,
        };
        (0..steps.len()).find(is_wrong).map_or(Ok(()), Err)
    }

    /// What the steps of the pattern that fits have taken; its time, if it has a date.
    pub(super) fn capture(&mut self, steps: &[Step], matched: &mut LayoutMatch) -> Option<Written> {
        let mut written = None;
        matched.message = self.from..self.line.len();
        for (index, step) in steps.iter().enumerate() {
            let taken = self.taken[index].0 as usize..self.taken[index].1 as usize;
            match *step {
                Step::Time | Step::Member(_, Take::Epoch) => {
                    written = self.time.and_then(|time| time.written);
                    if written.is_some() {
                        matched.time_text = taken;
                    } else {
                        matched.member(self.line, "time_of_day", taken);
                    }
                }
                Step::Level | Step::Letter | Step::Severity | Step::Sign => {
                    (matched.level, matched.level_text) = (self.level, taken);
                }
                Step::Message | Step::MessageFromHere => matched.message = taken,
                Step::Location => {
                    self.at = taken.start;
                    let names = ["thread", "module", "line"];
                    self.location()
                        .into_iter()
                        .flatten()
                        .zip(names)
                        .for_each(|(part, name)| matched.member(self.line, name, part));
                }
                Step::Member(name, Take::Quoted) => matched.quoted(self.line, name, taken),
                Step::Member(name, _) => matched.member(self.line, name, taken),
                Step::Rest => break,
                Step::Byte(_) | Step::Spaces | Step::OneSpace => {}
            }
        }
        written
    }

    fn peek(&self) -> Option<u8> {
        self.line.get(self.at).copied()
    }

    /// The next bytes, and the line goes on behind them.
    fn next(&mut self, length: usize) -> Range<usize> {
        let start = self.at;
        self.at += length;
        start..self.at
    }

    fn at_end(&self) -> Option<Range<usize>> {
        (self.at == self.line.len()).then_some(self.at..self.at)
    }

    fn take(&mut self, byte: u8) -> Option<Range<usize>> {
        (self.peek() == Some(byte)).then(|| self.next(1))
    }

    /// Spaces; the end of the line stands for those that were cut off with an empty message.
    fn spaces(&mut self) -> Option<Range<usize>> {
        let end = text::skip_spaces(self.line, self.at);
        if end == self.at { self.at_end() } else { Some(self.next(end - self.at)) }
    }

    fn time(&mut self) -> Option<Range<usize>> {
        self.time = match self.opening.filter(|opening| opening.at == self.at) {
            Some(opening) => Some(opening),
            None => Opening::scan(self.line, self.at, self.context),
        };
        let opening = self.time?;
        self.at = opening.end;
        Some(opening.at..opening.end)
    }

    /// A level's word, which a bracket may pad.
    fn level(&mut self) -> Option<Range<usize>> {
        let start =
            if self.at > 0 && self.line[self.at - 1] == b'[' { text::skip_spaces(self.line, self.at) } else { self.at };
        let (level, word) = text::level_word(self.line, start)?;
        let padded = text::skip_spaces(self.line, word.end);
        self.at = if self.line.get(padded) == Some(&b']') { padded } else { word.end };
        self.level = Some(level);
        Some(word)
    }

    fn letter(&mut self) -> Option<Range<usize>> {
        let letter = self.peek().filter(u8::is_ascii_uppercase)?;
        self.level = Some(Level::from_text(&[letter])?);
        Some(self.next(1))
    }

    /// Words of MySQL and PostgreSQL beside the usual ones.
    fn severity(&mut self) -> Option<Range<usize>> {
        let rest = &self.line[self.at..];
        let length = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        self.level = Some(super::postgresql::severity(&rest[..length])?);
        Some(self.next(length))
    }

    fn sign(&mut self) -> Option<Range<usize>> {
        self.level = Some(match self.peek()? {
            b'.' | b'-' => Level::Debug,
            b'*' => Level::Info,
            b'#' => Level::Warn,
            _ => return None,
        });
        Some(self.next(1))
    }

    /// `thread:logger@line`, inside of a bracket.
    fn location(&mut self) -> Option<[Range<usize>; 3]> {
        let inside = text::inside(self.line, self.at.checked_sub(1)?)?;
        let written = &self.line[inside.clone()];
        let sign = memchr::memrchr(b'@', written)?;
        let colon = memchr::memrchr(b':', &written[..sign])?;
        let line = inside.start + sign + 1..inside.end;
        if line.is_empty() || text::digits(self.line, line.start) != line.end {
            return None;
        }
        self.at = inside.end;
        Some([inside.start..inside.start + colon, inside.start + colon + 1..inside.start + sign, line])
    }

    /// A message that ends at the last place of a mark, of a byte with a space before it or by
    /// itself.
    fn message_until(&mut self, mark: &Step, next: Option<&Step>) -> Option<Range<usize>> {
        let (byte, space) = match (mark, next) {
            (Step::Byte(byte), _) => (*byte, 0),
            (Step::Spaces, Some(Step::Byte(byte))) => (*byte, 1),
            _ => return None,
        };
        let end = memchr::memrchr(byte, &self.line[self.at..])?.checked_sub(space)?;
        Some(self.next(end))
    }

    fn field(&mut self, take: Take) -> Option<Range<usize>> {
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
                    return None;
                }
                (start, text::digits(self.line, end + 1))
            }
            Take::Epoch => {
                let (written, length) = time::scan(rest, self.context)?;
                if written.kind != TimeKind::Epoch {
                    return None;
                }
                let taken = self.next(length);
                self.time = Some(Opening { at: taken.start, end: taken.end, written: Some(written) });
                return Some(taken);
            }
            Take::Choice(words) => {
                let word = text::word(self.line, self.at);
                let written = &self.line[word.clone()];
                if !words.as_bytes().split(|byte| *byte == b'|').any(|choice| choice == written) {
                    return None;
                }
                (self.at, word.end)
            }
            Take::Dotted => {
                let word = text::word(self.line, self.at);
                if !text::is_dotted(&self.line[word.clone()]) {
                    return None;
                }
                (self.at, word.end)
            }
            Take::Word => (self.at, text::word(self.line, self.at).end),
            Take::Until(stop) => match memchr::memchr3(stop, b' ', b'\t', rest) {
                Some(length) if rest[length] == stop => (self.at, self.at + length),
                _ => return None,
            },
            Take::UntilColon => {
                let word = text::word(self.line, self.at);
                // A brace is that of a span's fields, not of a name.
                let written = &self.line[word.clone()];
                if written.len() < 2 || !written.ends_with(b":") || memchr::memchr(b'{', written).is_some() {
                    return None;
                }
                (self.at, word.end - 1)
            }
            Take::Inside => {
                let inside = self.at.checked_sub(1).and_then(|open| text::inside(self.line, open))?;
                self.at = inside.end;
                return Some(text::trim(self.line, inside));
            }
            Take::Quoted => {
                let inside = self.at.checked_sub(1).and_then(|open| text::quoted(self.line, open))?;
                self.at = inside.end;
                return Some(inside);
            }
        };
        if end == start {
            return None;
        }
        self.at = end;
        Some(start..end)
    }
}
