//! Layouts as patterns, compiled when the program is, or read from the configuration.
//!
//! A pattern is the layout as one would print it, with fields in braces: `{time} {level} [{thread}]
//! {module}: {message}`.
//!
//! - A space stands for one or more spaces or tabs, `_` for exactly one; any other byte for itself.
//! - `{time}`, `{level}`, `{message}` are those of the line. `{letter}` is a level of one letter,
//!   `{severity}` also a word that only databases and a few others use, `{sign}` one of Redis's
//!   marks.
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

use super::super::time::Written;
use super::matching::Matching;
use super::{LayoutMatch, text};

/// The longest pattern, in steps.
pub(super) const LONGEST: usize = 64;

/// One layout: its name and the steps of its pattern.
#[derive(Debug)]
pub(super) struct Layout {
    name: &'static str,
    steps: &'static [Step],
    shape: Shape,
    /// How many first steps take the same as those of the layout before it in its group.
    shared: usize,
    /// How many of these also call it the same.
    alike: usize,
    /// The marks that it has in front of its message.
    marks: Marks,
    /// The bytes that it can begin with, as bits.
    first: [u64; 4],
}

/// A set of marks: of most lines the first bytes lack some that a pattern needs, which is told
/// without a look at its steps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Marks(u16);

impl Marks {
    /// How far behind its time a header is looked at.
    const FARTHEST: usize = 96;

    const fn of_byte(byte: u8) -> u16 {
        match byte {
            b'[' => 1,
            b'(' => 1 << 1,
            b'|' => 1 << 2,
            b'/' => 1 << 3,
            b'#' => 1 << 4,
            b'*' => 1 << 5,
            b'"' => 1 << 6,
            b'@' => 1 << 7,
            b',' => 1 << 8,
            b'-' => 1 << 9,
            b':' => 1 << 10,
            b'<' => 1 << 11,
            b']' => 1 << 12,
            b')' => 1 << 13,
            _ => 0,
        }
    }

    /// Those of a line behind its time.
    pub(super) fn of(line: &[u8], from: usize) -> Marks {
        const SETS: [u16; 256] = {
            let (mut sets, mut byte) = ([0; 256], 0);
            while byte < 256 {
                sets[byte] = Marks::of_byte(byte as u8);
                byte += 1;
            }
            sets
        };
        let header = &line[from.min(line.len())..line.len().min(from + Self::FARTHEST)];
        let marks = header.iter().fold(0, |marks, byte| marks | SETS[usize::from(*byte)]);
        // A header that goes on further can have any.
        Marks(if header.len() == Self::FARTHEST { u16::MAX } else { marks })
    }

    const fn of_steps(steps: &[Step]) -> Marks {
        let count = steps.len();
        let (mut marks, mut at) = (0, 0);
        // What stands before the time was looked for already.
        while at < count && !matches!(steps[at], Step::Time) {
            at += 1;
        }
        while at < count {
            if let Step::Byte(byte) = steps[at] {
                marks |= Marks::of_byte(byte);
            }
            at += 1;
        }
        Marks(marks)
    }
}

/// What stands behind the time: the byte there, and the first bytes of the next two columns, each a
/// set of kinds.
///
/// Most patterns of a group fail there, so a line's kinds are found once and compared with those of
/// each pattern.
#[derive(Clone, Copy, Debug)]
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
    const fn of_steps(steps: &[Step]) -> Shape {
        let count = steps.len();
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

#[derive(Clone, Copy, Debug)]
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
#[derive(Clone, Copy, Debug)]
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

/// The bytes that a line of these steps can begin with, where the first step tells them.
const fn first_bytes(steps: &[Step]) -> [u64; 4] {
    let mut at = 0;
    while at < steps.len() && matches!(steps[at], Step::MessageFromHere) {
        at += 1;
    }
    let mut bytes = [0; 4];
    if at == steps.len() {
        return [u64::MAX; 4];
    }
    match steps[at] {
        Step::Byte(byte) => bytes[byte as usize / 64] |= 1 << (byte % 64),
        Step::Member(_, Take::Choice(words)) => {
            let (words, mut i) = (words.as_bytes(), 0);
            while i < words.len() {
                if i == 0 || words[i - 1] == b'|' {
                    bytes[words[i] as usize / 64] |= 1 << (words[i] % 64);
                }
                i += 1;
            }
        }
        _ => return [u64::MAX; 4],
    }
    bytes
}

impl Layout {
    /// The layout of this name that has these steps.
    pub(super) const fn new(name: &'static str, steps: &'static [Step]) -> Layout {
        let (shape, marks, first) = (Shape::of_steps(steps), Marks::of_steps(steps), first_bytes(steps));
        Layout { name, steps, shape, shared: 0, alike: 0, marks, first }
    }

    /// The layouts as a group, in which each knows what it shares with the one before.
    pub(super) const fn group<const N: usize>(mut layouts: [Layout; N]) -> [Layout; N] {
        let mut i = 1;
        while i < N {
            let mut shared = 0;
            while shared < layouts[i].steps.len()
                && shared < layouts[i - 1].steps.len()
                && layouts[i].steps[shared].takes_what(&layouts[i - 1].steps[shared])
            {
                shared += 1;
            }
            let mut alike = 0;
            while alike < shared && layouts[i].steps[alike].is_alike(&layouts[i - 1].steps[alike]) {
                alike += 1;
            }
            (layouts[i].shared, layouts[i].alike) = (shared, alike);
            i += 1;
        }
        layouts
    }

    /// How many first steps take the same as those of the layout before it in its group.
    pub(super) const fn shared(&self) -> usize {
        self.shared
    }

    /// Whether a line of that shape and with these marks can have this layout.
    pub(super) const fn fits(&self, (shape, marks): (Shape, Marks)) -> bool {
        self.marks.0 & !marks.0 == 0 && self.shape.fits(shape)
    }

    /// Whether a line whose first byte is this one can have this layout.
    pub(super) const fn begins_with(&self, first: u8) -> bool {
        self.first[first as usize / 64] >> (first % 64) & 1 != 0
    }

    /// How many of these also call it the same.
    pub(super) const fn alike(&self) -> usize {
        self.alike
    }

    /// Goes on from step `from` of a pattern that is alike up to there.
    ///
    /// # Errors
    /// The number of the step that did not fit; behind the last if the line goes on.
    pub(super) fn read(&self, from: usize, matching: &mut Matching<'_>) -> Result<(), usize> {
        matching.run(self.steps, from)
    }

    /// Takes what the steps of this layout have found.
    pub(super) fn capture(&self, matching: &mut Matching<'_>, matched: &mut LayoutMatch) -> Option<Written> {
        matched.layout = self.name;
        matching.capture(self.steps, matched)
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
            // What is called a module must be able to be one.
            (Step::Member(name, _), Step::Member(other, _))
                if is_same(name.as_bytes(), b"module") != is_same(other.as_bytes(), b"module") =>
            {
                false
            }
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

impl Step {
    /// Whether two steps that take the same also call it the same.
    const fn is_alike(&self, other: &Step) -> bool {
        match (self, other) {
            (Step::Member(one, _), Step::Member(other, _)) => is_same(one.as_bytes(), other.as_bytes()),
            _ => true,
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

/// The step at `at` of a pattern, and where the next one begins.
const fn step(pattern: &'static str, at: usize) -> (Step, usize) {
    let bytes = pattern.as_bytes();
    match bytes[at] {
        b' ' => (Step::Spaces, at + 1),
        b'_' => (Step::OneSpace, at + 1),
        b'{' => {
            let (start, mut end) = (at + 1, at);
            while bytes[end] != b'}' {
                end += 1;
            }
            let field = pattern.split_at(end).0.split_at(start).1;
            let before = if start > 1 { bytes[start - 2] } else { 0 };
            let next = if end + 1 < bytes.len() { bytes[end + 1] } else { 0 };
            let spaced = end + 2 < bytes.len() && bytes[end + 2] == b' ';
            (field_step(field, before, next, spaced), end + 1)
        }
        byte => (Step::Byte(byte), at + 1),
    }
}

/// How many steps a pattern has.
pub(super) const fn count(pattern: &'static str) -> usize {
    let (mut count, mut at) = (0, 0);
    while at < pattern.len() {
        at = step(pattern, at).1;
        count += 1;
    }
    assert!(count <= LONGEST, "a pattern has too many steps");
    count
}

/// The steps of a pattern, when the program is compiled. One with an error in it does not compile.
pub(super) const fn compile<const N: usize>(pattern: &'static str) -> [Step; N] {
    let mut steps = [Step::Spaces; N];
    let (mut count, mut at) = (0, 0);
    while at < pattern.len() {
        (steps[count], at) = step(pattern, at);
        count += 1;
    }
    steps
}

/// The steps of a pattern that is known only when the program runs.
pub(super) fn compile_now(pattern: &'static str) -> Vec<Step> {
    let (mut steps, mut at) = (Vec::new(), 0);
    while at < pattern.len() {
        let (next, end) = step(pattern, at);
        steps.push(next);
        at = end;
    }
    steps
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
