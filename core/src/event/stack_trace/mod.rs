//! Stack traces: which lines go on with one, which exception it is of, and which frames it has.
//!
//! Pure: a line is judged by itself and by the [`TraceState`] that the lines before it have led to.
//! One file a family of languages, by what its frames look like; each says which lines go on and
//! which line begins a trace. A line that could be either is no part of a trace: an event that is
//! taken for a frame would be lost to the detectors.

mod at;
mod beam;
mod go;
mod name;
mod native;
mod numbered;
mod python;
mod ruby;
mod rust;
mod stack;

use super::parsed::{ParsedEvent, Shape};
use super::unescape::has_escape;
use super::{Encoding, Level, Record};
use memchr::{memchr, memmem};
pub use name::exception;
pub use stack::{Stack, StackReader, stack_in};

/// A frame's text beyond this is not read, in bytes.
const FRAME_BYTES: usize = 512;

/// Where a run of lines stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TraceState {
    /// In no trace: behind a line that could have one.
    #[default]
    Outside,
    /// Behind a line that names an exception; its frames, of whatever kind, may come.
    Named,
    /// In frames that begin with `at`: Java, Kotlin, Scala, .NET, Node and their kin.
    At,
    /// In the properties that Node prints of an error, in braces behind its frames.
    Properties,
    /// Behind the file and line that Node begins with; so many lines until the caret are taken.
    NodeSource(u8),
    /// Behind the caret below the source line: the error comes next.
    NodeError,
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
    /// In frames like `app.rb:3:in 'run'`.
    Ruby,
    /// In frames that begin with `#0`: PHP, Dart, sanitizers, debuggers.
    Numbered,
    /// Behind `** (RuntimeError) …` or a crash report: Elixir, Erlang.
    Beam,
    /// In what the runtime of C++, glibc or Swift says of a crash.
    Native,
    /// In the report of a Java machine that crashed: each line begins with `#`.
    JavaMachine,
}

/// What a line says of a trace that begins with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Begin {
    /// Nothing.
    #[default]
    No,
    /// It names an exception or a place. It is a trace where frames follow; loggers print such a
    /// line below their own, too.
    Named,
    /// A traceback begins. Loggers print such a line below their own, too.
    Traceback,
    /// A program says that it ends, where more of it follows. No logger prints that.
    Panic,
    /// A program says that it ends, whatever follows. No logger prints that.
    Uncaught,
}

impl Begin {
    /// What a logger prints below its own line: the exception's name, or the head of Python's
    /// traceback.
    #[must_use]
    pub fn is_below_its_line(self) -> bool {
        matches!(self, Self::Named | Self::Traceback)
    }
}

/// What a line is for the trace around it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// It goes on with the event before it, and is no event of its own.
    pub continues: bool,
    /// Where the next line stands.
    pub place: TraceState,
    /// It tells where the program was.
    pub frame: bool,
    /// What it begins, where it does not go on.
    pub begins: Begin,
}

impl Step {
    fn on(place: TraceState) -> Self {
        Self { continues: true, place, frame: false, begins: Begin::No }
    }

    fn frame(place: TraceState) -> Self {
        Self { frame: true, ..Self::on(place) }
    }

    fn head((place, begins): (TraceState, Begin)) -> Self {
        Self { continues: false, place, frame: false, begins }
    }
}

/// A line without its end and its indentation.
#[derive(Clone, Copy, Debug)]
struct TraceLine<'a> {
    text: &'a [u8],
    indented: bool,
}

/// What `line` is behind lines that have led to `place`.
#[must_use]
pub fn step(place: TraceState, line: &[u8]) -> Step {
    let line = line.trim_ascii_end();
    let text = line.trim_ascii_start();
    let line = TraceLine { text, indented: text.len() < line.len() };
    let goes_on = match place {
        TraceState::Outside => None,
        TraceState::Named | TraceState::At | TraceState::Properties => at::goes_on(place, line),
        TraceState::NodeSource(_) | TraceState::NodeError => at::names_error(place, line),
        TraceState::Python | TraceState::PythonEnd => python::goes_on(place, line),
        TraceState::GoPanic | TraceState::Go => go::goes_on(place, line),
        TraceState::RustPanic | TraceState::Rust => rust::goes_on(place, line),
        TraceState::Ruby => ruby::goes_on(line),
        TraceState::Numbered => numbered::goes_on(line),
        TraceState::Beam => beam::goes_on(line),
        TraceState::Native | TraceState::JavaMachine => native::goes_on(place, line),
    };
    if let Some(step) = goes_on {
        return step;
    }
    // An empty line behind a traceback or a panic is part of how it is written.
    if text.is_empty() {
        return if place == TraceState::Outside { Step::head(Default::default()) } else { Step::on(place) };
    }
    let named = place == TraceState::Named;
    let anywhere = at::frame(line, named)
        .or_else(|| ruby::frame(line, named))
        .or_else(|| go::frame(line))
        .or_else(|| rust::frame(line, named))
        .or_else(|| beam::frame(line, named))
        .or_else(|| numbered::frame(line));
    anywhere.unwrap_or_else(|| Step::head(begins(line)))
}

/// Where a line that is an event of its own leads to.
fn begins(line: TraceLine<'_>) -> (TraceState, Begin) {
    python::begins(line)
        .or_else(|| line.indented.then(|| at::begins_indented(line.text).unwrap_or_default()))
        .or_else(|| go::begins(line.text))
        .or_else(|| rust::begins(line.text))
        .or_else(|| numbered::begins(line.text))
        .or_else(|| ruby::begins(line.text))
        .or_else(|| beam::begins(line.text))
        .or_else(|| native::begins(line.text))
        .or_else(|| at::begins(line.text))
        .unwrap_or_default()
}

/// False for lines that cannot go on with a trace that has not begun, or begin one: nearly all
/// lines, told by a few bytes.
#[inline]
#[must_use]
pub fn may_begin(line: &[u8], level: Option<Level>) -> bool {
    let Some(first) = line.first() else { return false };
    match first {
        b' ' | b'\t' | b'\\' => true,
        // `... 12 more`, `--- End of`, `- locked`, `#0 f()`, `** (Error)`, `=CRASH REPORT`,
        // `[cause]`.
        b'.' | b'*' => line.get(1) == Some(first),
        b'-' => matches!(line.get(1), Some(b'-' | b' ')),
        b'#' => matches!(line.get(1), Some(b'0'..=b'9' | b' ')),
        b'=' => matches!(line.get(1), Some(b'=' | b'A'..=b'Z')),
        b'[' => matches!(line.get(1), Some(b'c' | b'e' | b's' | b'C' | b'P')),
        b'A'..=b'Z' | b'a'..=b'z' | b'/' => may_be_word(line, level),
        _ => false,
    }
}

/// May the word begin a trace? A word more costs each event that begins like it a closer look.
#[inline]
fn may_be_word(line: &[u8], level: Option<Level>) -> bool {
    let Some(word) = line.first_chunk::<4>() else { return false };
    let known = matches!(
        word,
        b"Trac"
            | b"Caus"
            | b"Supp"
            | b"SIGS"
            | b"SIGA"
            | b"SIGQ"
            | b"Exce"
            | b"Unha"
            | b"Unca"
            | b"PHP "
            | b"Fata"
            | b"FATA"
            | b"fata"
            | b"goro"
            | b"pani"
            | b"http"
            | b"runt"
            | b"thre"
            | b"term"
            | b"libc"
            | b"stac"
            | b"Stac"
            | b"note"
            | b"unex"
            | b"free"
            | b"doub"
            | b"mall"
            | b"node"
            | b"from"
            | b"corr"
            | b"munm"
    );
    // What names an exception matters where nobody has said how bad it is.
    known || (level.is_none() && (line[0].is_ascii_uppercase() || has_dot(line)) && may_name(line))
}

/// A dot or a slash within the first eight bytes: a package or a path.
#[inline]
fn has_dot(line: &[u8]) -> bool {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    let Some(bytes) = line.first_chunk() else { return false };
    // The lowest bit tells `.` from `/`; a byte is zero where it is either.
    let other = (u64::from_ne_bytes(*bytes) | ONES) ^ u64::from_ne_bytes([b'/'; 8]);
    other.wrapping_sub(ONES) & !other & (ONES << 7) != 0
}

/// The line begins with a name that could be an exception's, or a file's with a line.
fn may_name(line: &[u8]) -> bool {
    let end = memchr(b' ', &line[..line.len().min(FRAME_BYTES)]).unwrap_or(line.len());
    let word = &line[..end];
    let Some(last) = word.last() else { return false };
    // A word with a space behind it is prose, or what most services say: `GET /cart`.
    let is_prose =
        last.is_ascii_alphanumeric() && end < line.len() && !matches!(line[end + 1..].first(), Some(b'[' | b'('));
    // Most words end neither as exceptions do nor with the number of a line in them.
    let has_line = || memchr::memchr_iter(b':', word).any(|at| word.get(at + 1).is_some_and(u8::is_ascii_digit));
    let may = has_line() || (!is_prose && (name::may_end(word) || *last == b')'));
    may && (exception(line).is_some() || at::begins(line).is_some())
}

/// True when an event at WARN or worse, or one without level, may hold a trace in one field.
#[inline]
pub(super) fn may_be_inside(record: &Record, parsed: &ParsedEvent, bytes: &[u8]) -> bool {
    let json = parsed.shape == Shape::Json;
    if !(json || parsed.shape == Shape::Text) || parsed.level.is_some_and(|level| level < Level::Warn) {
        return false;
    }
    // A trace has line ends. In JSON, also in JSON inside of a text or a map, they are escaped;
    // elsewhere, as where seismolog itself has joined lines, they are not.
    let (line, is_json) = (record.span.of(bytes), json && record.encoding == Encoding::Line);
    has_escape(line, b'n') || (!is_json && memchr(b'\n', line).is_some()) || (is_json && has_frames(line))
}

/// The line has an array of texts, of which some begin as frames do. Most lines have no array of
/// texts, so that nothing is searched for.
fn has_frames(line: &[u8]) -> bool {
    let is_of_texts = |at: &usize| line[at + 1..].trim_ascii_start().starts_with(b"\"");
    let Some(start) = memchr::memchr_iter(b'[', line).take(64).find(is_of_texts) else { return false };
    const FRAMES: [&[u8]; 5] =
        [b"\"at ", b"\"    at ", b"\"Traceback (most recent call last):\"", b"\"\\tat ", b"\"  File \\\""];
    FRAMES.iter().any(|frame| memmem::find(&line[start..], frame).is_some())
}

/// The line ends in digits behind a colon, and has no space before that: `…:12` or `…:12:5`.
fn ends_in_line(text: &[u8]) -> bool {
    let digits = digits_at_end(text);
    digits > 0
        && text.len() > digits + 1
        && text[text.len() - digits - 1] == b':'
        && !text[..text.len() - digits - 1].contains(&b' ')
}

/// How many digits the text ends with.
fn digits_at_end(text: &[u8]) -> usize {
    text.iter().rev().take_while(|byte| byte.is_ascii_digit()).count()
}

/// How many digits the text begins with.
fn digits_at_start(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// The text begins with one of these.
fn starts_with_any(text: &[u8], beginnings: &[&[u8]]) -> bool {
    beginnings.iter().any(|beginning| text.starts_with(beginning))
}

#[cfg(test)]
mod kinds;
#[cfg(test)]
mod tests;
