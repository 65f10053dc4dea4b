//! Layouts as patterns, compiled when the program is.
//!
//! A pattern is the layout as one would print it, with fields in braces: `{time} {level} [{thread}]
//! {module}: {message}`.
//!
//! - A space stands for one or more spaces or tabs, `_` for exactly one; any other byte for itself.
//! - `{time}`, `{level}`, `{message}` are those of the line. `{letter}` is a level of one letter,
//!   `{severity}` also a word that only databases use, `{sign}` one of Redis's marks.
//! - `{location}` is `thread:logger@line`, which only reads from its end.
//! - Every other field is a member of that name. It takes what the mark behind it leaves: the
//!   inside of brackets or of quotes, else a word, up to that mark. A colon and space behind it let
//!   it hold colons itself.
//! - `{name:number}` is a whole number, `{name:decimal}` one with a fraction, `{name:dotted}` a
//!   name like a class's, with two points at least, `{name:a|b}` one of these words, `{name:epoch}`
//!   an epoch that is the time. `pid`, `line`, `status` and `bytes` are numbers anyway.
//! - `{message>}` begins the message there, and the pattern goes on inside of it; `{rest}` is what
//!   no field takes.
//!
//! The message is the rest of the line, or up to the last place of the mark behind it. Without it a
//! pattern must fit up to the end of the line.

use super::super::time::TimeContext;
use super::matching::Matching;
use super::{Laid, Opening, text};

/// The longest pattern, in steps.
const LONGEST: usize = 64;

/// One layout: its name and the steps of its pattern.
pub(super) struct Layout {
    name: &'static str,
    steps: [Step; LONGEST],
    count: usize,
    shape: Shape,
    /// How many first steps take the same as those of the layout before it in its group.
    shared: usize,
}

/// What stands behind the time: the byte there, and the first bytes of the next two columns, each a
/// set of kinds.
///
/// Most patterns of a group fail there, so a line's kinds are found once and compared with those of
/// each pattern.
#[derive(Clone, Copy)]
pub(super) struct Shape([u8; 3]);

const ANY: u8 = u8::MAX;
const SPACE: u8 = 1;
/// A letter with another one behind it…
const LETTERS: u8 = 2;
/// …and without.
const LETTER: u8 = 128;
const DIGIT: u8 = 4;
const BRACKET: u8 = 8;
const DASH: u8 = 16;
const MARK: u8 = 32;
/// The end of the line, where a pattern's space can stand for nothing.
const END: u8 = 64;

const fn kind(byte: u8) -> u8 {
    match byte {
        b' ' | b'\t' => SPACE,
        b'a'..=b'z' | b'A'..=b'Z' => LETTER | LETTERS,
        b'0'..=b'9' => DIGIT,
        b'[' => BRACKET,
        b'-' => DASH,
        _ => MARK,
    }
}

impl Shape {
    /// That of a line behind its time.
    pub(super) fn of(line: &[u8], end: usize) -> Shape {
        let at = |place: usize| match line.get(place).map_or(END, |byte| kind(*byte)) {
            letter if letter & LETTER == 0 => letter,
            _ if line.get(place + 1).is_some_and(u8::is_ascii_alphabetic) => LETTERS,
            _ => LETTER,
        };
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
            || matches!(steps[at + 2], Step::Member(_, Take::Number | Take::Choice(_) | Take::Word | Take::Dotted));
        let second =
            if word && at + 4 < count && matches!(steps[at + 3], Step::Spaces) { steps[at + 4].kinds() } else { ANY };
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
            Step::Level | Step::Severity => LETTERS,
            Step::Letter => LETTER,
            Step::Member(_, Take::Choice(_) | Take::Dotted) => LETTER | LETTERS,
            Step::Member(_, Take::Number) => DIGIT | DASH,
            _ => ANY,
        }
    }
}

#[derive(Clone, Copy)]
pub(super) enum Step {
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
pub(super) enum Take {
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
                    let next = if at + 1 < bytes.len() { bytes[at + 1] } else { 0 };
                    let spaced = at + 2 < bytes.len() && bytes[at + 2] == b' ';
                    field_step(field, before, next, spaced)
                }
                byte => Step::Byte(byte),
            };
            count += 1;
            at += 1;
        }
        let shape = Shape::of_steps(&steps, count);
        Layout { name, steps, count, shape, shared: 0 }
    }

    /// The layouts as a group, in which each knows what it shares with the one before.
    pub(super) const fn group<const N: usize>(mut layouts: [Layout; N]) -> [Layout; N] {
        let mut i = 1;
        while i < N {
            let mut shared = 0;
            while shared < layouts[i].count
                && shared < layouts[i - 1].count
                && layouts[i].steps[shared].takes_what(&layouts[i - 1].steps[shared])
            {
                shared += 1;
            }
            layouts[i].shared = shared;
            i += 1;
        }
        layouts
    }

    /// How many first steps take the same as those of the layout before it in its group.
    pub(super) const fn shared(&self) -> usize {
        self.shared
    }

    /// Whether a line of that shape can have this layout.
    pub(super) const fn fits(&self, shape: Shape) -> bool {
        self.shape.fits(shape)
    }

    /// Reads the line if it has this layout; what was captured is then in `laid`, which is else as
    /// it was before.
    ///
    /// # Errors
    /// The number of the step that did not fit; behind the last if the line goes on.
    pub(super) fn read(
        &self,
        line: &[u8],
        from: usize,
        opening: Option<Opening>,
        context: &mut TimeContext,
        laid: &mut Laid,
    ) -> Result<(), usize> {
        let members = laid.members.len();
        let whole = from..line.len();
        let mut matching = Matching { line, at: from, opening, context, laid, written: None, message: whole };
        let ran = matching.run(&self.steps[..self.count]);
        if ran.is_ok() {
            let (written, message) = (matching.written, matching.message);
            (laid.layout, laid.message) = (self.name, message);
            if let Some(written) = written {
                laid.time = Some(written.instant);
                context.accept(&written);
            }
        } else {
            laid.members.truncate(members);
            (laid.level, laid.level_text) = (None, 0..0);
        }
        ran
    }
}

impl Step {
    /// Whether both take the same of every line, whatever they call it. Of what looks at further
    /// steps that is not known.
    const fn takes_what(&self, other: &Step) -> bool {
        match (self, other) {
            (Step::Byte(one), Step::Byte(other)) => *one == *other,
            (Step::Spaces, Step::Spaces)
            | (Step::OneSpace, Step::OneSpace)
            | (Step::Time, Step::Time)
            | (Step::Level, Step::Level)
            | (Step::Letter, Step::Letter)
            | (Step::Severity, Step::Severity)
            | (Step::Sign, Step::Sign)
            | (Step::Location, Step::Location)
            | (Step::MessageFromHere, Step::MessageFromHere) => true,
            (Step::Member(_, one), Step::Member(_, other)) => match (one, other) {
                (Take::Until(one), Take::Until(other)) => *one == *other,
                (Take::Choice(one), Take::Choice(other)) => is_same(one.as_bytes(), other.as_bytes()),
                (Take::Number, Take::Number)
                | (Take::Decimal, Take::Decimal)
                | (Take::Epoch, Take::Epoch)
                | (Take::Dotted, Take::Dotted)
                | (Take::UntilColon, Take::UntilColon)
                | (Take::Inside, Take::Inside)
                | (Take::Quoted, Take::Quoted)
                | (Take::Word, Take::Word) => true,
                _ => false,
            },
            _ => false,
        }
    }
}

const fn is_same(one: &[u8], other: &[u8]) -> bool {
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
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
            (b'[', b']') | (b'(', b')') | (b'<', b'>') => Take::Inside,
            (_, b':') if spaced => Take::UntilColon,
            (_, b' ' | b'_' | 0) => Take::Word,
            _ => Take::Until(next),
        },
    };
    Step::Member(name, take)
}
