//! Stack traces: which lines go on with one, which exception it is of, and which frames it has.
//!
//! Pure: a line is judged by itself and by the [`TraceState`] that the lines before it have led to.
//! Java, Python, Go, Rust, .NET and Node are known; others whose frames are indented and begin with
//! `at ` are read like Java's. A line that could be either is no part of a trace: an event that is
//! taken for a frame would be lost to the detectors.

use super::look::{Look, Shape};
use super::unescape::has_escape;
use super::{Encoding, Level, Record};
use memchr::{memchr, memmem};
use xxhash_rust::xxh3::Xxh3;

/// More of an exception's name is cut off, in bytes.
const NAME_BYTES: usize = 128;
/// A frame's text beyond this is not read, in bytes.
const FRAME_BYTES: usize = 512;

/// Where a run of lines stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TraceState {
    /// In no trace: behind a line that could have one.
    #[default]
    Outside,
    /// In frames that begin with `at`: Java, .NET, Node and their kin.
    At,
    /// Behind `Traceback (most recent call last):`, in its frames.
    Python,
    /// Behind the line that names a Python exception; another traceback may be chained to it.
    PythonEnd,
    /// Behind `panic:` or `fatal error:`, before the first goroutine.
    GoPanic,
    /// In a goroutine's frames.
    Go,
    /// Behind `thread '…' panicked at …:`; what it said comes next.
    RustPanic,
    /// Behind what a Rust panic said.
    Rust,
}

/// What a line is for the trace around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// It goes on with the event before it, and is no event of its own.
    pub continues: bool,
    /// Where the next line stands.
    pub place: TraceState,
    /// It tells where the program was.
    pub frame: bool,
}

impl Step {
    fn on(place: TraceState) -> Self {
        Self { continues: true, place, frame: false }
    }

    fn frame(place: TraceState) -> Self {
        Self { continues: true, place, frame: true }
    }

    fn head(place: TraceState) -> Self {
        Self { continues: false, place, frame: false }
    }
}

/// False for lines that cannot go on with a trace that has not begun: nearly all lines, told by one
/// byte.
#[inline]
#[must_use]
pub fn may_begin(line: &[u8]) -> bool {
    matches!(line.first(), Some(b' ' | b'\t' | b'T' | b'C' | b'S' | b'g' | b'p' | b'f' | b't' | b'.' | b'-' | b'\\'))
}

/// True when an event at WARN or worse, or a text without level, may hold a trace in one field.
#[inline]
pub(super) fn may_be_inside(record: &Record, look: &Look, bytes: &[u8]) -> bool {
    let json = look.shape == Shape::Json;
    if !(json || look.shape == Shape::Text) || look.level.map_or(json, |level| level < Level::Warn) {
        return false;
    }
    // A trace has line ends. In JSON, also in JSON inside of a text or a map, they are escaped;
    // elsewhere, as where seismolog itself has joined lines, they are not.
    let (line, is_json) = (record.span.of(bytes), json && record.encoding == Encoding::Line);
    has_escape(line, b'n') || (!is_json && memchr(b'\n', line).is_some())
}

/// What `line` is behind lines that have led to `place`.
#[must_use]
pub fn step(place: TraceState, line: &[u8]) -> Step {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let text = line.trim_ascii_start();
    let indented = text.len() < line.len();
    if indented && is_at_frame(text) {
        return Step::frame(match place {
            // Rust prints `at src/main.rs:2:5` below each numbered frame.
            TraceState::Rust | TraceState::RustPanic => TraceState::Rust,
            _ => TraceState::At,
        });
    }
    match place {
        TraceState::Outside | TraceState::At => {
            let between = text.starts_with(b"Caused by: ")
                || (text.starts_with(b"Suppressed: ") && indented)
                || is_elided(text)
                || text.starts_with(b"---> ")
                || text.starts_with(b"--- End of ");
            if between && (place == TraceState::At || indented || text.starts_with(b"Caused by: ")) {
                return Step::on(TraceState::At);
            }
            // What Node adds behind the frames of an error: `  code: 'ENOENT'`, `  [cause]: Error:
            // …`, `}`.
            if place == TraceState::At && ((indented && is_property(text)) || text == b"}") {
                return Step::on(TraceState::At);
            }
            Step::head(begins(text, indented))
        }
        TraceState::Python => {
            if indented {
                let frame = text.starts_with(b"File \"");
                return Step { continues: true, place, frame };
            }
            match exception(text) {
                Some(_) => Step::on(TraceState::PythonEnd),
                None => Step::head(begins(text, indented)),
            }
        }
        TraceState::PythonEnd => {
            let chained = text.starts_with(b"During handling of the above exception")
                || text.starts_with(b"The above exception was the direct cause");
            if text.is_empty() || chained {
                return Step::on(place);
            }
            match begins(text, indented) {
                TraceState::Python => Step::on(TraceState::Python),
                other => Step::head(other),
            }
        }
        TraceState::GoPanic => match begins(text, indented) {
            TraceState::Go => Step::on(TraceState::Go),
            _ if text.is_empty() || text.starts_with(b"[signal ") || text.starts_with(b"panic: ") => Step::on(place),
            _ if indented && line.starts_with(b"\t") => Step::on(place),
            other => Step::head(other),
        },
        TraceState::Go => {
            let frame = line.starts_with(b"\t") && memmem::find(text, b".go:").is_some();
            if frame {
                return Step::frame(place);
            }
            let goes_on = text.is_empty()
                || is_goroutine(text)
                || is_go_function(text)
                || text.starts_with(b"exit status ")
                || text.starts_with(b"...additional frames elided...");
            if goes_on { Step::on(place) } else { Step::head(begins(text, indented)) }
        }
        TraceState::RustPanic => match begins(text, indented) {
            TraceState::RustPanic => Step::head(TraceState::RustPanic),
            _ => Step::on(TraceState::Rust),
        },
        TraceState::Rust => {
            if indented && is_numbered(text) {
                return Step::frame(place);
            }
            let goes_on = text == b"stack backtrace:"
                || text.starts_with(b"note: run with `RUST_BACKTRACE")
                || text.starts_with(b"note: Some details are omitted");
            if goes_on { Step::on(place) } else { Step::head(begins(text, indented)) }
        }
    }
}

/// Where a line that is an event of its own leads to.
fn begins(text: &[u8], indented: bool) -> TraceState {
    if indented {
        return TraceState::Outside;
    }
    if text.starts_with(b"Traceback (most recent call last):") {
        TraceState::Python
    } else if text.starts_with(b"panic: ") || text.starts_with(b"fatal error: ") {
        TraceState::GoPanic
    } else if is_goroutine(text) {
        TraceState::Go
    } else if text.starts_with(b"thread '") && memmem::find(text, b"' panicked at ").is_some() {
        // Before Rust 1.73 what it said stood in the same line, which then does not end in a place.
        if text.ends_with(b":") { TraceState::RustPanic } else { TraceState::Rust }
    } else {
        TraceState::Outside
    }
}

/// `at com.foo.Bar.baz(Bar.java:42)`, `at Foo.Bar() in /src/Foo.cs:line 3`, `at run
/// (/app/x.js:3:5)`, `at /app/x.js:1:2`: a name that is called, or a place with its line; not
/// words.
fn is_at_frame(text: &[u8]) -> bool {
    let Some(called) = text.strip_prefix(b"at ") else { return false };
    let called = &called[..called.len().min(FRAME_BYTES)];
    if let Some(open) = memchr::memchr(b'(', called) {
        let name = called[..open].trim_ascii_end();
        let (last, words) = match name.iter().rposition(|byte| *byte == b' ') {
            Some(space) => (&name[space + 1..], name[..space].split(|byte| *byte == b' ').count()),
            None => (name, 0),
        };
        let prefixed =
            words == 0 || matches!(name, [b'a', b's', b'y', b'n', b'c', b' ', ..] | [b'n', b'e', b'w', b' ', ..]);
        let plain = called[open..].contains(&b':') || last.contains(&b'.') || called.ends_with(b")");
        // .NET's generic and nested names have commas and spaces in brackets, which end before the
        // parenthesis.
        return !last.is_empty() && (prefixed || last.ends_with(b"]") || called[open..].contains(&b':')) && plain;
    }
    ends_in_line(called)
}

/// `…:12` or `…:12:5`.
fn ends_in_line(text: &[u8]) -> bool {
    let digits = text.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    digits > 0
        && text.len() > digits + 1
        && text[text.len() - digits - 1] == b':'
        && !text[..text.len() - digits - 1].contains(&b' ')
}

/// `... 23 more`, `... 12 common frames omitted`.
fn is_elided(text: &[u8]) -> bool {
    let Some(rest) = text.strip_prefix(b"... ") else { return false };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    digits > 0 && (rest[digits..].starts_with(b" more") || rest[digits..].starts_with(b" common frames"))
}

/// `code: 'ENOENT',` or `[cause]: Error: …`.
fn is_property(text: &[u8]) -> bool {
    let name =
        text.iter().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'[' | b']')).count();
    name > 0 && text[name..].starts_with(b": ") && (text[0] == b'[' || text.ends_with(b",") || text.ends_with(b"'"))
}

/// `goroutine 1 [running]:`.
fn is_goroutine(text: &[u8]) -> bool {
    text.starts_with(b"goroutine ") && text.ends_with(b"]:")
}

/// `main.(*T).Run(0xc000, 0x1)`, `created by main.main in goroutine 1`.
fn is_go_function(text: &[u8]) -> bool {
    if text.starts_with(b"created by ") {
        return true;
    }
    let open = memchr::memchr(b'(', text).unwrap_or(0);
    open > 0 && text.ends_with(b")") && text[..open].contains(&b'.') && !text[..open].contains(&b' ')
}

/// `12: core::panicking::panic_fmt`.
fn is_numbered(text: &[u8]) -> bool {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    digits > 0 && text[digits..].starts_with(b": ")
}

/// True for what a logger prints below its own line: the exception's name, or the head of Python's
/// traceback.
#[must_use]
pub fn is_below_its_line(line: &[u8]) -> bool {
    line.starts_with(b"Traceback (most recent call last):") || exception(line).is_some()
}

/// The type of the exception that a line names first: `java.net.ConnectException: refused` or
/// `ValueError`; a Rust or Go panic is `panic`.
#[must_use]
pub fn exception(line: &[u8]) -> Option<&str> {
    let mut text = line.trim_ascii();
    for before in [&b"Caused by: "[..], b"Unhandled exception. ", b"---> ", b"[cause]: ", b"Uncaught ", b"Suppressed: "]
    {
        text = text.strip_prefix(before).unwrap_or(text);
    }
    if let Some(rest) = text.strip_prefix(b"Exception in thread \"") {
        let quote = memchr::memchr(b'"', rest)?;
        text = rest[quote + 1..].trim_ascii_start();
    }
    if text.starts_with(b"panic: ")
        || text.starts_with(b"fatal error: ")
        || memmem::find(text, b"' panicked at ").is_some()
    {
        return Some("panic");
    }
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'$' | b'`');
    let length = text.iter().take_while(|byte| is_name(byte)).count();
    let (name, rest) = text.split_at(length.min(NAME_BYTES));
    let named = name.first().is_some_and(u8::is_ascii_alphabetic)
        && (rest.is_empty() || rest.starts_with(b": ") || rest == b":" || rest.starts_with(b" ["));
    let last = name.rsplit(|byte| *byte == b'.').next()?;
    let known = [&b"Exception"[..], b"Error", b"Exit", b"Interrupt", b"Throwable", b"Iteration", b"Fault", b"Warning"];
    let is_exception = named && last.first().is_some_and(u8::is_ascii_uppercase);
    (is_exception && known.iter().any(|end| last.ends_with(end))).then(|| std::str::from_utf8(name).ok()).flatten()
}

/// A whole trace: which exception, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stack {
    /// The type of the outermost exception; empty where no line names one.
    pub exception: String,
    /// A hash of the exception's type and its frames, without line numbers and addresses.
    pub fingerprint: u64,
    /// How many frames were read.
    pub frames: u32,
}

/// Reads a trace line by line. Most lines that it holds of one: none; it keeps a hash.
#[derive(Clone)]
pub struct StackReader {
    hash: Xxh3,
    exception: String,
    frames: u32,
    place: TraceState,
}

impl std::fmt::Debug for StackReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StackReader")
            .field("exception", &self.exception)
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

impl StackReader {
    /// Behind `head`, the line before the first that goes on.
    #[must_use]
    pub fn new(head: &[u8]) -> Self {
        let mut reader = Self {
            hash: Xxh3::new(),
            exception: String::new(),
            frames: 0,
            place: step(TraceState::Outside, head).place,
        };
        reader.name(head);
        reader
    }

    /// Where the lines so far have led to.
    #[must_use]
    pub fn place(&self) -> TraceState {
        self.place
    }

    /// Takes a line; false when it does not go on with the trace, which then is complete.
    pub fn take(&mut self, line: &[u8]) -> bool {
        let step = step(self.place, line);
        if !step.continues {
            return false;
        }
        self.place = step.place;
        if step.frame {
            self.frames += 1;
            self.frame(line.trim_ascii());
        } else {
            self.name(line);
        }
        true
    }

    /// The trace so far.
    #[must_use]
    pub fn stack(&self) -> Stack {
        Stack { exception: self.exception.clone(), fingerprint: self.hash.digest().max(1), frames: self.frames }
    }

    fn name(&mut self, line: &[u8]) {
        let Some(name) = exception(line) else { return };
        self.hash.update(name.as_bytes());
        self.hash.update(b"\n");
        // A Python traceback ends with the exception that counts; elsewhere the first one does.
        if self.exception.is_empty() || self.place == TraceState::PythonEnd {
            name.clone_into(&mut self.exception);
        }
    }

    /// Digits are line numbers, addresses and numbers of lambdas: all of them vary without the
    /// place being another.
    fn frame(&mut self, frame: &[u8]) {
        let mut rest = &frame[..frame.len().min(FRAME_BYTES)];
        while let Some(digit) = rest.iter().position(u8::is_ascii_digit) {
            self.hash.update(&rest[..digit]);
            self.hash.update(b"#");
            // An address has letters in it: all of what follows a digit within a word goes.
            let word = rest[digit..].iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
            rest = &rest[digit + word..];
        }
        self.hash.update(rest);
        self.hash.update(b"\n");
    }
}

/// The trace in a text of several lines, as one field holds it; none where it has no frame.
#[must_use]
pub fn stack_in(text: &[u8]) -> Option<Stack> {
    let mut lines = text.split(|byte| *byte == b'\n');
    let mut last = lines.next()?;
    let mut reader: Option<StackReader> = None;
    for line in lines {
        let goes_on = reader.as_mut().is_some_and(|reader| reader.take(line));
        if !goes_on && reader.as_ref().is_some_and(|reader| reader.frames > 0) {
            break;
        }
        if !goes_on {
            let mut begun = StackReader::new(last);
            reader = begun.take(line).then_some(begun);
        }
        last = line;
    }
    reader.filter(|reader| reader.frames > 0).map(|reader| reader.stack())
}

#[cfg(test)]
mod tests;
